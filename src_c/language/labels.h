/* What the labels of binary losses mean. NaN stays NaN and is never outside. */
#ifndef FL_LABELS_H
#define FL_LABELS_H

#include "language/scalar.h"

#define FL_OUTSIDE_UNIT(x) FL_INVALID((x) * (FL_C(1) - (x)) < FL_C(0))

/* Labels of margin losses: 1, and -1 or 0 for the other side. */
#define FL_SIDE(y) FL_SELECT((y) > FL_C(0), FL_C(1), (y)*FL_C(0) - FL_C(1))
#define FL_NO_SIDE(y) FL_INVALID(FL_DIFFERS_FROM_ZERO((y) * (FL_ABS(y) - FL_C(1))))

#define FL_SHARES FL_FN(fl_shares)
#define FL_SHARES_OF(y, predicted, smoothing, positive, negative)                                                              \
    FL_FN(fl_shares_of)(y, predicted, smoothing, positive, negative)
#define FL_PLAIN_SHARES_OF(y, predicted) FL_FN(fl_plain_shares_of)(y, predicted)
#define FL_SHARE_SLOPES_OF(y, predicted, positive, negative) FL_FN(fl_share_slopes_of)(y, predicted, positive, negative)

#define FL_TEMPLATE "language/labels.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* weight times the label after smoothing, weight (y (1 - s) + s / 2): a sum that does not cancel, also for 1 - y as label */
FL_INLINE FL_T FL_FN(fl_share)(FL_T y, double smoothing, double weight)
{
    return FL_FMA(y, FL_C((1.0 - smoothing) * weight), FL_C(0.5 * smoothing * weight));
}

/* What labels 0 and 1 weigh on each side of a binary loss, by the side the prediction is on: the share that it gets wrong, the
   one that it gets right, and both. */
typedef struct {
    FL_T wrong, right, both;
} FL_FN(fl_shares);

FL_INLINE FL_FN(fl_shares) FL_FN(fl_shares_of)(FL_T y, int predicted, double smoothing, double positive, double negative)
{
    const FL_T of_one = FL_FN(fl_share)(y, smoothing, positive);
    const FL_T of_zero = FL_FN(fl_share)(FL_C(1) - y, smoothing, negative);
    /* a sum without cancellation: from the smaller weight on, by the label of the larger one */
    const FL_U more = FL_UNIFORM(positive >= negative);
    const double smaller = positive < negative ? positive : negative, larger = positive < negative ? negative : positive;
    const FL_T slope = FL_C((1.0 - smoothing) * (larger - smaller));
    const FL_T least = FL_C((1.0 - smoothing) * smaller + 0.5 * smoothing * (smaller + larger));
    const FL_T both = FL_FMA(FL_PICK(more, y, FL_C(1) - y), slope, least);
    return (FL_FN(fl_shares)){FL_SELECT(predicted, of_zero, of_one), FL_SELECT(predicted, of_one, of_zero), both};
}

/* Without smoothing and weights. */
FL_INLINE FL_FN(fl_shares) FL_FN(fl_plain_shares_of)(FL_T y, int predicted)
{
    const FL_T of_zero = FL_C(1) - y;
    return (FL_FN(fl_shares)){FL_SELECT(predicted, of_zero, y), FL_SELECT(predicted, y, of_zero), y + of_zero};
}

/* The derivatives of shares by the smoothing: losses that are linear in shares have one of their form, with these for shares.
 */
FL_INLINE FL_FN(fl_shares) FL_FN(fl_share_slopes_of)(FL_T y, int predicted, double positive, double negative)
{
    const FL_T slope = FL_C(0.5) - y;
    const FL_T of_one = FL_C(positive) * slope, of_zero = FL_C(-negative) * slope;
    return (FL_FN(fl_shares)){FL_SELECT(predicted, of_zero, of_one), FL_SELECT(predicted, of_one, of_zero), of_one + of_zero};
}

#endif
