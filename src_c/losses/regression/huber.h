/*
 * Huber's loss (Huber 1964). r = y_pred - y_true, a = |r|, q = min(a, delta).
 *
 *   value    r^2 / 2 for a <= delta, delta (a - delta / 2) beyond; both are q (a - q / 2), which never subtracts infinities
 *   gradient r clipped to [-delta, delta]
 *   hessian  1 for a <= delta, 0 beyond
 *
 * By delta: max(0, a - delta), where both are taken exactly.
 */
#include "engine/element.h"
#include "language/residual.h"

FL_LIGHT_FORMULA(huber, (y_true), (y_pred), (delta))
{
    const FL_T d = FL_C(delta);
    const FL_T r = y_pred - y_true;
    const FL_T a = FL_ABS(r);
    const FL_T q = FL_MIN(d, a);
    return (FL_RESULT){
        .value = q * (a - FL_C(0.5) * q),
        .gradient = {FL_CLAMP(r, -d, d)},
        .hessian = {FL_SELECT(a > d, FL_C(0), FL_UNLESS_NAN(r, 1))},
    };
}

FL_VALUE_FORMULA(huber_by_delta, (y_true, y_pred), (), (delta))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, delta);
    const FL_PAIR excess = FL_TWO_SUM(t.a.hi, -t.scale.hi);
    const FL_T rest = excess.lo + (t.a.lo - t.scale.lo);
    return (FL_RESULT){.value = FL_SELECT(t.a.hi < FL_INFINITY, FL_MAX(FL_C(0), excess.hi + rest), t.a.hi)};
}
