/*
 * Tukey's biweight (Beaton and Tukey 1974). r = y_pred - y_true, u = r / c, t = 1 - u^2 (0 from |u| = 1).
 *
 *   value    c^2/6 (1 - t^3) = r^2/6 (1 + t + t^2), c^2/6 outside
 *   gradient r t^2, 0 outside
 *   hessian  t (1 - 5 u^2), 0 outside: changes sign at u^2 = 1/5; its error is relative to t max(1, 5 u^2)
 *
 * t goes to 0 at the edge, where an error of u would be all there is: u is a pair, and 1 - u^2 is rounded once.
 *
 * By c: c u^4 (1 + 2 t) / 3, c / 3 outside.
 */
#include "engine/element.h"
#include "language/residual.h"

FL_FORMULA(tukey, (y_true), (y_pred), (c))
{
    const FL_RESIDUAL residual = FL_RESIDUAL_OF(y_true, y_pred, c);
    const FL_T u = residual.u.hi, u_low = residual.u.lo;
    const FL_T square = u * u;
    const FL_T rounded = FL_FMA(-u, u, FL_C(1));
    const FL_T rest = FL_FMA(-(u + u), u_low, rounded);
    /* what the sum lost, which the square of t would double */
    const FL_T t_low = FL_FMA(-(u + u), u_low, rounded - rest);
    /* NaN goes through the comparison; from |u| = 1 on, t is 0 */
    const FL_T t = FL_SELECT(rest < FL_C(0), FL_C(0), rest);
    const FL_T slope = residual.r * t;
    const int outside = u > FL_C(1);
    /* r^2 rounded once; for a c whose square overflows while c^2/6 does not, of r / 4 */
    const FL_U huge = FL_UNIFORM(c > (FL_BITS == 32 ? 0x1p63 : 0x1p511));
    const FL_T down = FL_PICK(huge, FL_C(0.25), FL_C(1)), up = FL_PICK(huge, FL_C(16), FL_C(1));
    const FL_T scaled = down * residual.a.hi;
    const FL_T r_square = FL_FMA(scaled, scaled, (scaled + scaled) * (down * residual.a.lo));
    const FL_T inner = r_square * (up * (FL_FMA(t, t, FL_C(1) + t) * (FL_C(1) / FL_C(6))));
    return (FL_RESULT){
        .value = FL_SELECT(outside, (residual.scale.hi / FL_C(6)) * residual.scale.hi, inner),
        .gradient = {FL_SELECT(outside, FL_C(0), FL_FMA(slope + slope, t_low, slope * t))},
        .hessian = {FL_SELECT(outside, FL_C(0), t * FL_FMA(FL_C(-5), square, FL_C(1)))},
    };
}

FL_VALUE_FORMULA(tukey_by_c, (y_true, y_pred), (), (c))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, c);
    const FL_T u = t.u.hi;
    const FL_T square = FL_FMA(u, u, (u + u) * t.u.lo);
    const FL_T inner = ((t.scale.hi * square) * square) * (FL_FMA(FL_C(-2), square, FL_C(3)) / FL_C(3));
    return (FL_RESULT){.value = FL_SELECT(u > FL_C(1), t.scale.hi / FL_C(3), inner)};
}
