/*
 * Half the squared error, the convention of the boosting libraries. r = y_pred - y_true.
 *
 *   value r^2 / 2        gradient r        hessian 1
 *
 * Halving r first keeps the square from overflowing before its half does.
 */
#include "engine/element.h"

FL_LIGHT_FORMULA(half_squared_error, (y_true), (y_pred), ())
{
    const FL_T r = y_pred - y_true;
    return (FL_RESULT){.value = (FL_C(0.5) * r) * r, .gradient = {r}, .hessian = {FL_UNLESS_NAN(r, 1)}};
}
