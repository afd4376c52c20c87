/*
 * Pseudo-Huber loss (Charbonnier et al. 1997). r = y_pred - y_true, u = r / delta, s = 1 + u^2.
 *
 *   value    delta^2 (sqrt(s) - 1) = r (r / (1 + sqrt(s))): no cancellation at small r, no square of large r
 *   gradient r / sqrt(s)
 *   hessian  s^(-3/2)
 *
 * The Hessian would triple the roundings of the difference, of the quotient and of delta: they are carried along.
 * From |u| = 2^30 the root is |u| itself, also where u^2 overflows; where u itself overflows the loss is delta |r|.
 *
 * By delta: delta (sqrt(s) - 1)^2 / sqrt(s) = delta u^4 / (sqrt(s) (1 + s) + 2 s); delta u^2 / (2 + u) from |u| = 2^30 on, |r|
 * where u overflows.
 */
#include "engine/element.h"
#include "language/residual.h"

FL_FORMULA(pseudo_huber, (y_true), (y_pred), (delta))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, delta);
    const FL_T u = t.u.hi + t.u.lo;
    const FL_T s = FL_FMA(t.u.hi, t.u.hi, FL_C(1)) + (t.u.hi + t.u.hi) * t.u.lo;
    const FL_T root = FL_SELECT(u > FL_C(0x1p30), u, FL_SQRT(s));
    const FL_T square = FL_SELECT(u > FL_C(0x1p30), u * u, s);
    const FL_T inner = t.a.hi * (t.a.hi / (FL_C(1) + root));
    const FL_T slope = FL_SELECT(u < FL_INFINITY, t.r / root, FL_WITH_SIGN_OF(t.r, t.scale.hi));
    return (FL_RESULT){
        .value = FL_SELECT(u < FL_INFINITY, inner, t.a.hi * t.scale.hi),
        .gradient = {FL_SELECT(u == u, slope, u)},
        .hessian = {(FL_C(1) / square) / root},
    };
}

FL_VALUE_FORMULA(pseudo_huber_by_delta, (y_true, y_pred), (), (delta))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, delta);
    const FL_T u = t.u.hi;
    const FL_PAIR w = FL_TWO_PRODUCT(u, u);
    const FL_T w_low = FL_FMA(u + u, t.u.lo, w.lo);
    const FL_PAIR s = FL_TWO_SUM(FL_C(1), w.hi);
    const FL_T s_low = s.lo + w_low;
    const FL_T root = FL_SQRT(s.hi);
    const FL_T root_low = (FL_FMA(-root, root, s.hi) + s_low) / (root + root);
    const FL_PAIR one = FL_TWO_SUM(FL_C(1), s.hi);
    const FL_T rest = FL_FMA(root_low, one.hi, FL_FMA(root, one.lo + s_low, s_low + s_low));
    const FL_T first = t.scale.hi * w.hi;
    const FL_T inner = FL_FMA(first, w.hi, (first + first) * w_low) / (FL_FMA(root, one.hi, s.hi + s.hi) + rest);
    const FL_T outer = (t.scale.hi * u) * (u / (FL_C(2) + u));
    const FL_T value = FL_SELECT(u > FL_C(0x1p30), outer, inner);
    return (FL_RESULT){.value = FL_SELECT(u < FL_INFINITY, value, t.a.hi)};
}
