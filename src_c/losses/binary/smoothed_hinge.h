/*
 * Smoothed hinge loss (Rennie 2005). m = s z, s = 1 for the label 1, else -1; t = max(0, 1 - m).
 *
 *   value    1/2 - m for m <= 0, t^2 / 2 above
 *   gradient -s, -s t
 *   hessian  0 for m <= 0, 1 for 0 < m < 1, 0 from there on
 */
#include "engine/element.h"
#include "language/labels.h"

FL_LIGHT_FORMULA(smoothed_hinge, (y_true), (y_pred), ())
{
    const FL_T s = FL_SIDE(y_true);
    const FL_T m = s * y_pred;
    const FL_T t = FL_MAX(FL_C(0), FL_C(1) - m);
    const int linear = m <= FL_C(0);
    return (FL_RESULT){
        .value = FL_SELECT(linear, FL_C(0.5) - m, (FL_C(0.5) * t) * t),
        .gradient = {FL_SELECT(linear, -s, -s * t)},
        .hessian = {FL_SELECT(linear, FL_C(0), FL_SELECT(t > FL_C(0), FL_C(1), t))},
        .invalid = FL_NO_SIDE(y_true),
    };
}
