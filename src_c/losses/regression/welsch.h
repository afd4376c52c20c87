/*
 * Welsch (Leclerc) loss. r = y_pred - y_true, u = r / c, w = u^2.
 *
 *   value    -c^2 / 2 expm1(-w)
 *   gradient r exp(-w)
 *   hessian  (1 - 2w) exp(-w): changes sign at w = 1/2; its error is relative to the larger of 1 and 2w, times exp(-w)
 *
 * exp(-w) amplifies an error of w by w: w is a pair that undoes the roundings of the difference, the quotient and the
 * square. Beyond w = 2^11 nothing is left of exp(-w); below |u| = 2^-60 the value is r^2 / 2.
 *
 * By c: c (1 - (1 + w) exp(-w)), of the order of w^2; below w = 2 this is c exp(-w) (expm1(w) - w), the difference from its own
 * series, and below 2^-60 c w^2 / 2.
 */
#include "engine/element.h"
#include "language/residual.h"

FL_FORMULA(welsch, (y_true), (y_pred), (c))
{
    const FL_PAIR scale = FL_EXACT_PARAMETER(c);
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T u = r.hi / scale.hi;
    const FL_T remainder = FL_FMA(-u, scale.hi, r.hi) + FL_FMA(-u, scale.lo, r.lo);
    const FL_PAIR w = FL_TWO_PRODUCT(u, u);
    const FL_T precise_low = FL_FMA(u + u, remainder / scale.hi, w.lo);
    const FL_T low = FL_SELECT(w.hi < FL_C(0x1p11), precise_low, FL_C(0));
    const FL_T slope = FL_EXP_TIMES(r.hi, -w.hi, -low);
    const FL_T curve = FL_EXP_TIMES(FL_FMA(FL_C(-2), w.hi, FL_C(1)), -w.hi, -low);
    const FL_T value = -(scale.hi * (FL_C(0.5) * FL_EXPM1_PAIR(-w.hi, -low).hi)) * scale.hi;
    return (FL_RESULT){
        .value = FL_SELECT(FL_ABS(u) < FL_C(0x1p-60), (FL_C(0.5) * r.hi) * r.hi, value),
        .gradient = {FL_SELECT(w.hi > FL_C(0x1p11), FL_C(0), slope)},
        .hessian = {FL_SELECT(w.hi > FL_C(0x1p11), FL_C(0), curve)},
    };
}

FL_VALUE_FORMULA(welsch_by_c, (y_true, y_pred), (), (c))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, c);
    const FL_T u = FL_MIN(FL_C(64), t.u.hi);
    const FL_PAIR w = FL_TWO_PRODUCT(u, u);
    const FL_T low = FL_FMA(u + u, t.u.lo, w.lo);
    const FL_T decay = FL_EXP_TIMES(FL_C(1), -w.hi, -low);
    const FL_T far = FL_FMA(-(FL_C(1) + w.hi), decay, FL_C(1));
    /* the derivative by w is w exp(-w) */
    const FL_T near = decay * FL_FMA(w.hi, low, FL_EXPM1_MINUS_X(FL_MIN(FL_C(2), w.hi)));
    const FL_T value = t.scale.hi * FL_SELECT(w.hi < FL_C(2), near, far);
    const FL_T first = t.scale.hi * w.hi;
    const FL_T nearest = FL_FMA(FL_C(0.5) * first, w.hi, first * low);
    return (FL_RESULT){.value = FL_SELECT(w.hi < FL_C(0x1p-60), nearest, value)};
}
