/*
 * Log-cosh. r = y_pred - y_true, a = |r|, e = exp(-2a).
 *
 *   value    log cosh r (vmath.inc.h says how)
 *   gradient tanh r
 *   hessian  sech^2 r = 4 e / (1 + e)^2; an error of r is amplified 2a times, so the rounding of y_pred - y_true is undone
 */
#include "engine/element.h"

FL_FORMULA(log_cosh, (y_true), (y_pred), ())
{
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T a = FL_ABS(r.hi);
    /* r.lo is NaN for an infinite r */
    const FL_T low = FL_SELECT(a < FL_INFINITY, FL_WITH_SIGN_OF(r.hi, r.lo), FL_C(0));
    const FL_T e = FL_EXP_TIMES(FL_C(1), FL_C(-2) * a, FL_C(-2) * low);
    const FL_T inverse = FL_C(2) / (FL_C(1) + e);
    return (FL_RESULT){
        .value = FL_LOG_COSH(r.hi),
        .gradient = {FL_TANH(r.hi)},
        .hessian = {e * inverse * inverse},
    };
}
