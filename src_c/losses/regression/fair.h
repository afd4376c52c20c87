/*
 * Fair's loss (LightGBM's fair). r = y_pred - y_true, u = |r| / c.
 *
 *   value    c^2 (u - log1p(u)), by FL_X_MINUS_LOG1P of u without the roundings of difference and quotient
 *   gradient r / (1 + u)
 *   hessian  1 / (1 + u)^2
 *
 * Below u = 2^-60 the value is r^2 / 2, which need not pass through the square of u; where u overflows it is c |r|.
 *
 * By c: c (u - 2 log1p(u) + u / (1 + u)), of the order of u^3. With s = u / (2 + u) and z = s^2, log1p(u) is 2 s + s z R(z),
 * and the bracket 2 s z (2 / (1 - z) - R(z)), whose difference is above 4/3: so below u = 1/2, where R is the polynomial of
 * FL_X_MINUS_LOG1P. Beyond, its three terms as pairs, the logarithm with eight bits to spare; |r| where u overflows.
 */
#include "engine/element.h"
#include "language/residual.h"

FL_FORMULA(fair, (y_true), (y_pred), (c))
{
    const FL_SCALING scale = FL_SCALING_BY(c);
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, c);
    const FL_T u = t.u.hi;
    const FL_T normal = FL_X_MINUS_LOG1P_OF_PAIR(t.u);
    const FL_T inner = (FL_FMA(normal, scale.square.hi, normal * scale.square.lo) * scale.up) * scale.up;
    const FL_T value = FL_SELECT(u < FL_C(0x1p-60), (FL_C(0.5) * t.r) * t.r, inner);
    const FL_T d = FL_C(1) + (u + t.u.lo);
    const FL_T slope = FL_SELECT(u < FL_INFINITY, t.r / d, FL_WITH_SIGN_OF(t.r, FL_C(c)));
    return (FL_RESULT){
        .value = FL_SELECT(u < FL_INFINITY, value, FL_C(c) * t.a.hi),
        .gradient = {FL_SELECT(u == u, slope, u)},
        .hessian = {(FL_C(1) / d) / d},
    };
}

FL_VALUE_FORMULA(fair_by_c, (y_true, y_pred), (), (c))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, c);
    const FL_T u = t.u.hi;
    const FL_PAIR two = FL_TWO_SUM(FL_C(2), u);
    const FL_T s = u / two.hi;
    const FL_T s_low = (FL_FMA(-s, two.hi, u) + FL_FMA(-s, two.lo + t.u.lo, t.u.lo)) / two.hi;
    const FL_T z = s * s;
    const FL_T bracket = FL_C(2) / (FL_C(1) - z) - FL_POLYNOMIAL(X_MINUS_LOG1P, z);
    const FL_PAIR once = FL_TWO_PRODUCT(t.scale.hi, s), twice = FL_TWO_PRODUCT(once.hi, s);
    const FL_T twice_low = FL_FMA(FL_FMA(t.scale.lo, s, once.lo), s, twice.lo);
    const FL_T rest = FL_FMA(FL_C(3) * twice.hi, s_low, twice_low * s);
    const FL_T near = (FL_C(2) * FL_FMA(twice.hi, s, rest)) * bracket;
    const FL_PAIR one = FL_TWO_SUM(FL_C(1), u);
    const FL_T one_low = one.lo + t.u.lo;
    const FL_PAIR l = FL_LOG_PRECISE(one.hi);
    const FL_T l_low = l.lo + one_low / one.hi;
    const FL_T q = u / one.hi;
    const FL_T q_low = (FL_FMA(-q, one.hi, u) + FL_FMA(-q, one_low, t.u.lo)) / one.hi;
    const FL_PAIR sum = FL_TWO_SUM(u, q);
    const FL_PAIR difference = FL_TWO_SUM(sum.hi, FL_C(-2) * l.hi);
    const FL_T far_rest = (sum.lo + difference.lo) + ((t.u.lo + q_low) - FL_C(2) * l_low);
    const FL_T far = t.scale.hi * (difference.hi + far_rest);
    return (FL_RESULT){.value = FL_SELECT(u < FL_C(0.5), near, FL_SELECT(u < FL_INFINITY, far, t.a.hi))};
}
