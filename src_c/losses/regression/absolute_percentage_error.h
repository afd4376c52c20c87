/*
 * Absolute percentage error, as a fraction. r = y_pred - y_true, s = max(|y_true|, eps).
 *
 *   value |r| / s        gradient sign(r) / s, 0 at the kink r = 0        hessian 0
 */
#include "engine/element.h"

FL_LIGHT_FORMULA(absolute_percentage_error, (y_true), (y_pred), (eps))
{
    const FL_T r = y_pred - y_true;
    const FL_T s = FL_MAX(FL_C(eps), FL_ABS(y_true));
    return (FL_RESULT){
        .value = FL_ABS(r) / s,
        .gradient = {FL_SIGN(r) / s},
        .hessian = {FL_UNLESS_NAN(r, 0)},
    };
}
