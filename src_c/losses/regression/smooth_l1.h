/*
 * Smooth L1 (Girshick 2015) = Huber(beta) / beta. r = y_pred - y_true, a = |r|.
 *
 *   value    r^2 / (2 beta) for a < beta, a - beta / 2 beyond; beta = 0 is |r|
 *   gradient r / beta, sign(r)
 *   hessian  1 / beta, 0
 *
 * By beta: -(r / beta)^2 / 2 for a < beta, -1/2 beyond, and 0 at r = 0.
 */
#include "engine/element.h"
#include "language/residual.h"

FL_LIGHT_FORMULA(smooth_l1, (y_true), (y_pred), (beta))
{
    const FL_T b = FL_C(beta);
    const FL_T r = y_pred - y_true;
    const FL_T a = FL_ABS(r);
    /* where beta is 0 the quotient is NaN or infinite, and never selected */
    const FL_T slope = r / b;
    const FL_T inner_value = (FL_C(0.5) * a) * FL_ABS(slope);
    return (FL_RESULT){
        .value = FL_SELECT(a < b, inner_value, a - FL_C(0.5) * b),
        .gradient = {FL_SELECT(a < b, slope, FL_SIGN(r))},
        .hessian = {FL_SELECT(a < b, FL_C(1) / b, FL_UNLESS_NAN(r, 0))},
    };
}

FL_VALUE_FORMULA(smooth_l1_by_beta, (y_true, y_pred), (), (beta))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, beta);
    const FL_T square = FL_FMA(t.u.hi, t.u.hi, (t.u.hi + t.u.hi) * t.u.lo);
    /* where beta is 0, u is infinite or NaN, and never selected */
    const FL_T beyond = FL_SELECT(t.a.hi > FL_C(0), FL_C(-0.5), t.a.hi);
    return (FL_RESULT){.value = FL_SELECT(t.a.hi < t.scale.hi, FL_C(-0.5) * square, beyond)};
}
