/*
 * Absolute error. r = y_pred - y_true.
 *
 *   value |r|        gradient sign(r), 0 at the kink r = 0        hessian 0
 */
#include "engine/element.h"

FL_LIGHT_FORMULA(absolute_error, (y_true), (y_pred), ())
{
    const FL_T r = y_pred - y_true;
    return (FL_RESULT){.value = FL_ABS(r), .gradient = {FL_SIGN(r)}, .hessian = {FL_UNLESS_NAN(r, 0)}};
}
