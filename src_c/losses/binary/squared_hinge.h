/*
 * Squared hinge loss. m = s z, s = 1 for the label 1, else -1; t = max(0, 1 - m).
 *
 *   value t^2      gradient -2 s t      hessian 2 for m < 1, 0 from there on
 */
#include "engine/element.h"
#include "language/labels.h"

FL_LIGHT_FORMULA(squared_hinge, (y_true), (y_pred), ())
{
    const FL_T s = FL_SIDE(y_true);
    const FL_T t = FL_MAX(FL_C(0), FL_C(1) - s * y_pred);
    return (FL_RESULT){
        .value = t * t,
        .gradient = {-s * (t + t)},
        .hessian = {FL_SELECT(t > FL_C(0), FL_C(2), t)},
        .invalid = FL_NO_SIDE(y_true),
    };
}
