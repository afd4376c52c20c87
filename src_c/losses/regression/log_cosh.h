/*
 * Log-cosh. r = y_pred - y_true, a = |r|, e = exp(-2a).
 *
 *   value    log cosh r (vmath.h says how)
 *   gradient tanh r
 *   hessian  sech^2 r = 4 e / (1 + e)^2, by the parts of tanh; an error of r is amplified 2 tanh(a) a times, so the rounding of
 *            y_pred - y_true is undone
 */
#include "engine/element.h"

FL_FORMULA(log_cosh, (y_true), (y_pred), ())
{
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_HYPERBOLIC t = FL_HYPERBOLIC_OF(r.hi);
    const FL_T inverse = FL_C(1) / t.below;
    const FL_T slope = FL_TIMES_SIGN_OF(r.hi, t.above * inverse);
    const FL_T curve = ((((FL_C(4) * (t.even + t.odd)) * t.scale) * inverse) * ((t.even - t.odd) * inverse)) * FL_LOWERED;
    /* r.lo is NaN for an infinite r */
    const FL_T low = FL_SELECT(FL_ABS(r.hi) < FL_INFINITY, r.lo, FL_C(0));
    return (FL_RESULT){
        .value = FL_LOG_COSH(r.hi),
        .gradient = {slope},
        .hessian = {FL_FMA(FL_C(-2) * low * slope, curve, curve)},
    };
}
