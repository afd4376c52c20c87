/*
 * Zero-one loss, also Hamming loss: 1 where the predicted label is not y, else 0. There are no derivatives.
 *
 *   from a probability p     predicted 1 for p > threshold, else 0; 0 and 1, and whole numbers beyond, are labels themselves
 *   from a logit z           predicted 1 for z > threshold, that of the probabilities as a logit
 *   from a row of scores     predicted the class of the largest, the first of several
 *
 * The threshold is compared exactly, with what its conversion lost. The class says for which types whole numbers beyond 0 and 1
 * are allowed.
 */
#include "engine/element.h"
#include "engine/predicted_labels.h"
#include "language/labels.h"

FL_INLINE FL_T FL_FN(zero_one_prediction)(FL_T x, double threshold)
{
    const FL_PAIR t = FL_EXACT_PARAMETER(threshold);
    return FL_SELECT(x - t.hi > t.lo, FL_C(1), FL_UNLESS_NAN(x, 0));
}

FL_FORMULA(zero_one, (y_true, y_pred), (), (threshold))
{
    const int is_label = (y_pred <= FL_C(0)) | (y_pred >= FL_C(1));
    const FL_T label = FL_SELECT(is_label, y_pred, FL_FN(zero_one_prediction)(y_pred, threshold));
    return (FL_RESULT){
        .value = FL_ABS(FL_SIGN(label - y_true)),
        .invalid = FL_OUTSIDE_UNIT(y_pred) | FL_INVALID((y_true == y_true) & (y_true != FL_C(0)) & (y_true != FL_C(1))),
    };
}

FL_FORMULA(zero_one_logits, (y_true, y_pred), (), (threshold))
{
    return (FL_RESULT){
        .value = FL_ABS(FL_SIGN(FL_FN(zero_one_prediction)(y_pred, threshold) - y_true)),
        .invalid = FL_INVALID((y_true == y_true) & (y_true != FL_C(0)) & (y_true != FL_C(1))),
    };
}

FL_LABEL_FORMULA(zero_one_of_rows, predicted, label)
{
    return FL_SELECT(predicted == label, FL_C(0), FL_C(1));
}
