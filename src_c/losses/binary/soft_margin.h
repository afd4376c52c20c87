/*
 * Logistic loss of a margin. m = s z, s = 1 for the label 1, else -1.
 *
 *   value log(1 + exp(-m)) = max(-m, 0) + log1p(exp(-|m|))      gradient -s sig(-m)      hessian sig(m) sig(-m)
 */
#include "engine/element.h"
#include "language/labels.h"

FL_FORMULA(soft_margin, (y_true), (y_pred), ())
{
    const FL_T s = FL_SIDE(y_true);
    const FL_T m = s * y_pred;
    const FL_LOGISTIC t = FL_LOGISTIC_PARTS(m);
    const FL_T v = t.near_zero_up * FL_DOWN;
    return (FL_RESULT){
        .value = FL_MAX(FL_C(0), -m) + t.log1p_up * FL_DOWN,
        .gradient = {-s * FL_SELECT(m < FL_C(0), t.near_one, v)},
        .hessian = {t.near_one * v},
        .invalid = FL_NO_SIDE(y_true),
    };
}
