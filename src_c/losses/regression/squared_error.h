/*
 * Squared error. r = y_pred - y_true.
 *
 *   value r^2        gradient 2 r        hessian 2
 *
 * r is rounded once (half an ulp), which the square doubles: 1.5 ulp for the value.
 */
#include "engine/element.h"

FL_LIGHT_FORMULA(squared_error, (y_true), (y_pred), ())
{
    const FL_T r = y_pred - y_true;
    return (FL_RESULT){.value = r * r, .gradient = {r + r}, .hessian = {FL_UNLESS_NAN(r, 2)}};
}
