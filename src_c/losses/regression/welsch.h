/*
 * Welsch (Leclerc) loss. r = y_pred - y_true, u = r / c, w = u^2.
 *
 *   value    -c^2 / 2 expm1(-w)
 *   gradient r exp(-w)
 *   hessian  (1 - 2w) exp(-w): changes sign at w = 1/2; its error is relative to the larger of 1 and 2w, times exp(-w)
 *
 * exp(-w) amplifies an error of w by w: w is a pair that undoes the roundings of the difference, the quotient and the
 * square. Beyond w = 2^11 nothing is left of exp(-w); below |u| = 2^-60 the value is r^2 / 2.
 */
#include "engine/element.h"

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
