/*
 * Logistic loss of a margin. m = s z, s = 1 for the label 1, else -1.
 *
 *   value log(1 + exp(-m)) = softplus(-m)      gradient -s sig(-m)      hessian sig(m) sig(-m)
 */
#include "engine/element.h"
#include "language/labels.h"
#include "language/softplus.h"

FL_FORMULA(soft_margin, (y_true), (y_pred), ())
{
    const FL_T s = FL_SIDE(y_true);
    const FL_SOFTPLUS_RESULT t = FL_SOFTPLUS_OF(-(s * y_pred));
    return (FL_RESULT){
        .value = t.value,
        .gradient = {-s * t.slope},
        .hessian = {t.curvature},
        .invalid = FL_NO_SIDE(y_true),
    };
}
