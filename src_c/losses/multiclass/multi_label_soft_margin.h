/*
 * Binary cross-entropy of a score against a label in [0, 1], of each class. With e = exp(-|z|):
 *
 *   value      (z >= 0 ? 1 - y : y) |z| + log1p(e)                            two terms of one sign
 *   gradient   (1 - y) sigma(z) - y sigma(-z)                                 changes sign between 0 and 1; a hard label keeps
 *   hessian    sigma(z) sigma(-z)                                             one term, and all digits
 */
#include "engine/row_sums.h"
#include "language/labels.h"

FL_SUM_FORMULA(multi_label_soft_margin, (y_true), (y_pred), ())
{
    const FL_LOGISTIC t = FL_LOGISTIC_OF(y_pred);
    const FL_T inverse = FL_C(1) / t.sum;
    const FL_T rest = FL_C(1) - y_true;
    const int negative = y_pred < FL_C(0);
    const FL_T wrong = FL_SELECT(negative, y_true, rest);
    const FL_T right = FL_SELECT(negative, rest, y_true);
    /* a label without a share takes nothing of an infinite score */
    const FL_T linear = FL_SELECT(wrong == FL_C(0), FL_C(0), wrong * FL_ABS(y_pred));
    const FL_T slope = FL_FMA(wrong, t.under, -right * t.over) * inverse;
    return (FL_RESULT){
        .value = FL_FMA(t.log1p_raised, FL_LOWERED, linear),
        .gradient = {FL_SELECT(negative, -slope, slope)},
        .hessian = {FL_UNLESS_NAN(y_true, 0) + (t.under * inverse) * (t.over * inverse)},
        .invalid = FL_OUTSIDE_UNIT(y_true),
    };
}
