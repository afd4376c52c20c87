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

/* 1 for labels that differ, which are whole numbers; NaN stays. */
#define FL_DIFFERENT(predicted, y) FL_MIN(FL_C(1), FL_ABS((predicted) - (y)))
/* Neither 0 nor 1, nor NaN. */
#define FL_NO_LABEL(y) FL_INVALID(FL_ABS((y) * ((y)-FL_C(1))) > FL_C(0))

FL_FORMULA(zero_one, (y_true, y_pred), (), (threshold))
{
    const FL_PAIR t = FL_EXACT_PARAMETER(threshold);
    /* 0 and 1 are what they predict; and what is infinite lies outside, so that 0 times the rest is 0, or NaN */
    const FL_T predicted = FL_SELECT(y_pred - t.hi > t.lo, FL_C(1), y_pred * FL_C(0));
    const FL_I outside = FL_OUTSIDE_UNIT(y_pred);
    const FL_T label = FL_SELECT(outside, y_pred, predicted);
    return (FL_RESULT){.value = FL_DIFFERENT(label, y_true), .invalid = outside | FL_NO_LABEL(y_true)};
}

FL_FORMULA(zero_one_logits, (y_true, y_pred), (), (threshold))
{
    const FL_PAIR t = FL_EXACT_PARAMETER(threshold);
    const FL_T predicted = FL_SELECT(y_pred - t.hi > t.lo, FL_C(1), FL_UNLESS_NAN(y_pred, 0));
    return (FL_RESULT){.value = FL_DIFFERENT(predicted, y_true), .invalid = FL_NO_LABEL(y_true)};
}

FL_LABEL_FORMULA(zero_one_of_rows, predicted, label)
{
    return FL_SELECT(predicted == label, FL_C(0), FL_C(1));
}
