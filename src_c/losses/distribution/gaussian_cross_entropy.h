/*
 * Cross-entropy of a Gaussian p with a Gaussian q, in nats. r = mean_q - mean_p, variances positive:
 *
 *   value       (log(2 pi var_q) + (var_p + r^2) / var_q) / 2
 *   gradients   r / var_q          (1 - (var_p + r^2) / var_q) / (2 var_q)
 *   hessians    1 / var_q          (2 (var_p + r^2) / var_q - 1) / (2 var_q^2)
 *
 * The value and what belongs to var_q change sign; their errors are relative to the largest term. r^2 is not formed: it
 * may overflow where the terms do not.
 */
#include "engine/element.h"

FL_FORMULA(gaussian_cross_entropy, (mean_p, var_p), (mean_q, var_q), ())
{
    const FL_T r = mean_q - mean_p;
    const FL_T slope = r / var_q;
    const FL_T spread = var_p / var_q;
    const FL_T log = FL_LOG(var_q) + FL_C(2) * FL_CONSTANT(HALF_LOG_2PI);
    return (FL_RESULT){
        .value = FL_FMA(FL_C(0.5), log, FL_FMA(FL_C(0.5) * r, slope, FL_C(0.5) * spread)),
        .gradient = {slope, (FL_C(0.5) - FL_C(0.5) * spread) / var_q - (FL_C(0.5) * slope) * slope},
        .hessian = {FL_C(1) / var_q + FL_UNLESS_NAN(r, 0), (slope / var_q) * slope + (spread - FL_C(0.5)) / var_q / var_q},
        .invalid = FL_INVALID((var_p <= FL_C(0)) | (var_q <= FL_C(0))),
    };
}
