/*
 * Dice loss of masks (Milletari et al. 2016), in the form of overlap.h. y the label, p the probability of a pixel, s = smooth.
 *
 *   value      1 - (2 I + s) / (P + Y + s) = N / (N + T + s)    N = sum of p (1 - y) + (1 - p) y,  T = 2 I = sum of 2 p y
 *   squared    p^2 and y^2 in the sums P and Y:                  N = sum of (p - y)^2
 *   gradients  ((1 - 2 y) (T + s) - 2 y N) / (N + T + s)^2       squared: 2 (p - y) in place of 1 - 2 y
 *   from logits, times p (1 - p)
 *
 * The gradient of a label between 0 and 1 changes sign; its error is relative to the larger of its terms.
 */
#include "engine/statistics.h"
#include "language/labels.h"
#include "language/overlap.h"

/* p, 1 - p, and the derivative of p, of a prediction */
FL_INLINE FL_TERMS FL_FN(dice_terms)(FL_T y, FL_T p, FL_T q, FL_T slope, double squared)
{
    const FL_U square = FL_UNIFORM(squared != 0.0);
    const FL_T rest = FL_C(1) - y, r = p - y;
    return (FL_TERMS){
        .add = {FL_PICK(square, r * r, FL_FMA(p, rest, q * y)), FL_C(2) * p * y},
        .slope = {{FL_PICK(square, r + r, rest - y) * slope}, {FL_C(2) * y * slope}},
        .invalid = FL_OUTSIDE_UNIT(y),
    };
}

FL_STATISTICS_FORMULA(dice, "(m...)", (y_true), (y_pred), (smooth, squared), 2, 2, 0)
{
    FL_TERMS t = FL_FN(dice_terms)(y_true, y_pred, FL_C(1) - y_pred, FL_C(1), squared);
    t.invalid |= FL_OUTSIDE_UNIT(y_pred);
    return t;
}

FL_OUTCOME_OF(dice, s, (smooth, squared))
{
    return FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
}

FL_STATISTICS_FORMULA(dice_from_logits, "(m...)", (y_true), (y_pred), (smooth, squared), 2, 2, 0)
{
    const FL_LOGISTIC t = FL_LOGISTIC_PARTS(y_pred);
    const FL_T near_zero = t.near_zero_up * FL_DOWN;
    const int negative = y_pred < FL_C(0);
    const FL_T p = FL_SELECT(negative, near_zero, t.near_one), q = FL_SELECT(negative, t.near_one, near_zero);
    return FL_FN(dice_terms)(y_true, p, q, p * q, squared);
}

FL_OUTCOME_OF(dice_from_logits, s, (smooth, squared))
{
    return FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
}
