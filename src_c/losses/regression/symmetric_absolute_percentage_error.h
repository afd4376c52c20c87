/*
 * Symmetric absolute percentage error. r = y_pred - y_true, s = |y_true| + |y_pred|; 0 / 0 is 0.
 *
 *   value    2 |r| / s
 *   gradient sign(r) 4 |y_true| / s^2 where the signs agree; where they do not, or one is 0, the value is 2 and the slope 0
 *   hessian  -sign(r) sign(y_pred) 8 |y_true| / s^3 where the signs agree, else 0
 *
 * Both numbers are quartered where their sum could overflow; beside an infinity the other number is nothing.
 */
#include "engine/element.h"

FL_FORMULA(symmetric_absolute_percentage_error, (y_true), (y_pred), ())
{
    const FL_T half_range = FL_C(FL_BITS == 32 ? 0x1p100 : 0x1p1000);
    const FL_T size = FL_MAX(FL_ABS(y_true), FL_ABS(y_pred));
    const FL_T down = FL_SELECT(size > half_range, FL_C(0.25), FL_C(1));
    const FL_T y = down * y_true, p = down * y_pred;
    const FL_T r = p - y;
    const FL_T s = FL_ABS(y) + FL_ABS(p);
    const FL_T share = FL_ABS(y) / s;
    const FL_T same_sign = FL_SELECT(y > FL_C(0), FL_SELECT(p > FL_C(0), FL_C(4), FL_C(0)),
                                     FL_SELECT(y < FL_C(0), FL_SELECT(p < FL_C(0), FL_C(4), FL_C(0)), FL_C(0)));
    const FL_T slope = FL_SIGN(r) * (same_sign * share) / s * down;
    const FL_T curve = FL_SIGN(p) * FL_C(-2) * slope / s * down;
    const FL_T value = FL_SELECT(s < FL_INFINITY, FL_C(2) * FL_ABS(r) / s, FL_UNLESS_NAN(r, 2));
    const FL_T edge = FL_UNLESS_NAN(r, 0);
    const int inner = (s > FL_C(0)) & (s < FL_INFINITY);
    return (FL_RESULT){
        .value = FL_SELECT(s == FL_C(0), FL_C(0), value),
        .gradient = {FL_SELECT(inner, slope, edge)},
        .hessian = {FL_SELECT(inner, curve, edge)},
    };
}
