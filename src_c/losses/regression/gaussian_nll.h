/*
 * Gaussian negative log-likelihood with a predicted variance. r = mean - y_true, v = max(var, eps), var >= 0.
 *
 *   value          (log v + r^2 / v) / 2, + log(2 pi) / 2 when full
 *   gradients      r / v        (1 - r^2 / v) / (2 v), 0 where var <= eps
 *   hessians       1 / v        (2 r^2 / v - 1) / (2 v^2), 0 where var <= eps
 *
 * The value and what belongs to var change sign; their errors are relative to the largest term. r^2 is not formed: it may
 * overflow where the terms do not.
 */
#include "engine/element.h"

FL_FORMULA(gaussian_nll, (y_true), (mean, var), (full, eps))
{
    const FL_T v = FL_MAX(FL_C(eps), var);
    const FL_T r = mean - y_true;
    const FL_T slope = r / v;
    const FL_T constant = FL_C(full) * (FL_C(2) * FL_CONSTANT(HALF_LOG_2PI));
    const FL_T flat = FL_UNLESS_NAN(r, 0);
    const int clamped = var <= FL_C(eps);
    return (FL_RESULT){
        .value = FL_C(0.5) * (FL_LOG(v) + constant) + (FL_C(0.5) * r) * slope,
        .gradient = {slope, FL_SELECT(clamped, flat, FL_C(0.5) / v - (FL_C(0.5) * slope) * slope)},
        .hessian = {FL_UNLESS_NAN(r, FL_C(1) / v), FL_SELECT(clamped, flat, (slope / v) * slope - FL_C(0.5) / v / v)},
        .invalid = FL_INVALID(var < FL_C(0)),
    };
}
