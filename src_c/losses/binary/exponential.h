/*
 * Exponential loss (AdaBoost). m = s z, s = 1 for the label 1, else -1.
 *
 *   value exp(-m)      gradient -s exp(-m)      hessian exp(-m)
 */
#include "engine/element.h"
#include "language/labels.h"

FL_FORMULA(exponential, (y_true), (y_pred), ())
{
    const FL_T s = FL_SIDE(y_true);
    const FL_T e = FL_EXP(-s * y_pred);
    return (FL_RESULT){.value = e, .gradient = {-s * e}, .hessian = {e}, .invalid = FL_NO_SIDE(y_true)};
}
