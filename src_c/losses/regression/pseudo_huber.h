/*
 * Pseudo-Huber loss (Charbonnier et al. 1997). r = y_pred - y_true, u = r / delta, s = 1 + u^2.
 *
 *   value    delta^2 (sqrt(s) - 1) = r (r / (1 + sqrt(s))): no cancellation at small r, no square of large r
 *   gradient r / sqrt(s)
 *   hessian  s^(-3/2)
 *
 * The Hessian would triple the roundings of the difference, of the quotient and of delta: they are carried along.
 * From |u| = 2^30 the root is |u| itself, also where u^2 overflows; where u itself overflows the loss is delta |r|.
 */
#include "engine/element.h"

FL_FORMULA(pseudo_huber, (y_true), (y_pred), (delta))
{
    const FL_PAIR d = FL_EXACT_PARAMETER(delta);
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T u = r.hi / d.hi;
    const FL_T remainder = FL_FMA(-u, d.hi, r.hi) + FL_FMA(-u, d.lo, r.lo);
    const FL_T s = FL_FMA(u, u, FL_C(1)) + (u + u) * (remainder / d.hi);
    const FL_T a = FL_ABS(u);
    const FL_T root = FL_SELECT(a > FL_C(0x1p30), a, FL_SQRT(s));
    const FL_T square = FL_SELECT(a > FL_C(0x1p30), u * u, s);
    const FL_T inner = r.hi * (r.hi / (FL_C(1) + root));
    const FL_T slope = FL_SELECT(a < FL_INFINITY, r.hi / root, FL_WITH_SIGN_OF(r.hi, d.hi));
    return (FL_RESULT){
        .value = FL_SELECT(a < FL_INFINITY, inner, FL_ABS(r.hi) * d.hi),
        .gradient = {FL_SELECT(u == u, slope, u)},
        .hessian = {(FL_C(1) / square) / root},
    };
}
