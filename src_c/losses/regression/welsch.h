/*
 * Welsch (Leclerc) loss. r = y_pred - y_true, u = r / c, w = u^2.
 *
 *   value    -c^2 / 2 expm1(-w)
 *   gradient r exp(-w)
 *   hessian  (1 - 2w) exp(-w): changes sign at w = 1/2; its error is relative to the larger of 1 and 2w, times exp(-w)
 *
 * exp(-w) amplifies an error of w by w: w is a pair that undoes the roundings of the difference, the quotient and the
 * square. Beyond w = 130 (1100 in double) nothing is left of exp(-w); below |u| = 2^-60 the value is r^2 / 2. The value is made
 * of w's first part alone: with exp(-w) = 2^k (1 + q) it is 2^k q + (2^k - 1).
 *
 * By c: c (1 - (1 + w) exp(-w)), of the order of w^2; below w = 2 this is c exp(-w) (expm1(w) - w), the difference from its own
 * series, and below 2^-60 c w^2 / 2.
 */
#include "engine/element.h"
#include "language/residual.h"

FL_FORMULA(welsch, (y_true), (y_pred), (c))
{
    const FL_SCALING scale = FL_SCALING_BY(c);
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T length = FL_ABS(r.hi) * scale.down;
    const int far = length > FL_C(128);
    const FL_T u = FL_SELECT(far, FL_C(128), length);
    const FL_T u_low = FL_SELECT(far, FL_C(0), FL_TIMES_SIGN_OF(r.hi, r.lo) * scale.down);
    const FL_T cross = (u + u) * u_low, square = FL_FMA(u, u, cross);
    const FL_T square_low = FL_FMA(u, u, -square) + cross;
    const FL_T rest = square * scale.inverse_square.lo, w = FL_FMA(square, scale.inverse_square.hi, rest);
    const FL_T w_low = FL_FMA(square, scale.inverse_square.hi, -w) + FL_FMA(square_low, scale.inverse_square.hi, rest);
    const FL_DECAY t = FL_DECAY_OF(w);
    const FL_T q = FL_EXPM1_NEAR(t.r), power = t.scale * FL_LOWERED;
    const FL_T value = -(FL_FMA(power, q, power - FL_C(1)) * (FL_C(0.5) * scale.square.hi));
    /* raised: what multiplies it must neither overflow nor become subnormal */
    const FL_T rounded = FL_C(1) + q, decay = FL_FMA(-w_low, rounded, rounded) * t.scale;
    const int above = FL_ABS(r.hi) > FL_C(1);
    const FL_T lowered = r.hi * FL_SELECT(above, FL_LOWERED, FL_C(1));
    const FL_T gradient = (lowered * decay) * FL_SELECT(above, FL_C(1), FL_LOWERED);
    const FL_T curve = (FL_FMA(FL_C(-2), w, FL_C(1)) * decay) * FL_LOWERED;
    return (FL_RESULT){
        .value = FL_SELECT(u < FL_C(0x1p-60), (FL_C(0.5) * r.hi) * r.hi, (value * scale.up) * scale.up),
        .gradient = {FL_SELECT(w > -FL_LEAST_POWER, FL_C(0), gradient)},
        .hessian = {FL_SELECT(w > -FL_LEAST_POWER, FL_C(0), curve)},
    };
}

FL_VALUE_FORMULA(welsch_by_c, (y_true, y_pred), (), (c))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, c);
    /* far out nothing is left of exp(-w), and u's second part is no correction of 64 */
    const int beyond = t.u.hi > FL_C(64);
    const FL_T u = FL_SELECT(beyond, FL_C(64), t.u.hi), u_low = FL_SELECT(beyond, FL_C(0), t.u.lo);
    const FL_PAIR w = FL_TWO_PRODUCT(u, u);
    const FL_T low = FL_FMA(u + u, u_low, w.lo);
    const FL_T decay = FL_EXP_TIMES(FL_C(1), -w.hi, -low);
    const FL_T far = FL_FMA(-(FL_C(1) + w.hi), decay, FL_C(1));
    /* the derivative by w is w exp(-w) */
    const FL_T near = decay * FL_FMA(w.hi, low, FL_EXPM1_MINUS_X(FL_MIN(FL_C(2), w.hi)));
    const FL_T value = t.scale.hi * FL_SELECT(w.hi < FL_C(2), near, far);
    const FL_T first = t.scale.hi * w.hi;
    const FL_T nearest = FL_FMA(FL_C(0.5) * first, w.hi, first * low);
    return (FL_RESULT){.value = FL_SELECT(w.hi < FL_C(0x1p-60), nearest, value)};
}
