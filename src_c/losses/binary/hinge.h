/*
 * Hinge loss. m = s z, s = 1 for the label 1, else -1.
 *
 *   value max(0, 1 - m)      gradient -s for m < 1, 0 from the kink on      hessian 0
 */
#include "engine/element.h"
#include "language/labels.h"

FL_LIGHT_FORMULA(hinge, (y_true), (y_pred), ())
{
    const FL_T s = FL_SIDE(y_true);
    const FL_T t = FL_C(1) - s * y_pred;
    return (FL_RESULT){
        .value = FL_MAX(FL_C(0), t),
        .gradient = {FL_SELECT(t > FL_C(0), -s, FL_UNLESS_NAN(t, 0))},
        .hessian = {FL_UNLESS_NAN(t, 0)},
        .invalid = FL_NO_SIDE(y_true),
    };
}
