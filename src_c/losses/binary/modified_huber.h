/*
 * Modified Huber loss (Zhang 2004). m = s z, s = 1 for the label 1, else -1; t = max(0, 1 - m).
 *
 *   value    t^2 for m >= -1, -4 m below
 *   gradient -2 s t, -4 s
 *   hessian  2 for -1 <= m < 1, else 0
 */
#include "engine/element.h"
#include "language/labels.h"

FL_LIGHT_FORMULA(modified_huber, (y_true), (y_pred), ())
{
    const FL_T s = FL_SIDE(y_true);
    const FL_T m = s * y_pred;
    const FL_T t = FL_MAX(FL_C(0), FL_C(1) - m);
    const int linear = m < FL_C(-1);
    return (FL_RESULT){
        .value = FL_SELECT(linear, FL_C(-4) * m, t * t),
        .gradient = {FL_SELECT(linear, FL_C(-4) * s, -s * (t + t))},
        .hessian = {FL_SELECT(linear, FL_C(0), FL_SELECT(t > FL_C(0), FL_C(2), t))},
        .invalid = FL_NO_SIDE(y_true),
    };
}
