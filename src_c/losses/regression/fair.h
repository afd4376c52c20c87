/*
 * Fair's loss (LightGBM's fair). r = y_pred - y_true, u = |r| / c.
 *
 *   value    c^2 (u - log1p(u)), the difference taken by its own series
 *   gradient r / (1 + u)
 *   hessian  1 / (1 + u)^2
 *
 * Below u = 2^-60 the value is r^2 / 2, which need not pass through the square of u; where u overflows it is c |r|.
 */
#include "engine/element.h"

FL_FORMULA(fair, (y_true), (y_pred), (c))
{
    const FL_T scale = FL_C(c);
    const FL_T r = y_pred - y_true;
    const FL_T u = FL_ABS(r) / scale;
    const FL_T d = FL_C(1) + u;
    const FL_T inner = (scale * FL_X_MINUS_LOG1P(u)) * scale;
    const FL_T value = FL_SELECT(u < FL_C(0x1p-60), (FL_C(0.5) * r) * r, inner);
    const FL_T slope = FL_SELECT(u < FL_INFINITY, r / d, FL_WITH_SIGN_OF(r, scale));
    return (FL_RESULT){
        .value = FL_SELECT(u < FL_INFINITY, value, scale * FL_ABS(r)),
        .gradient = {FL_SELECT(u == u, slope, u)},
        .hessian = {(FL_C(1) / d) / d},
    };
}
