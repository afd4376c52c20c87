/*
 * Dice loss of masks (Milletari et al. 2016), in the form of overlap.h. y the label, p the probability of a pixel, s = smooth.
 *
 *   value      1 - (2 I + s) / (P + Y + s) = N / (N + T + s)    N = sum of p (1 - y) + (1 - p) y,  T = 2 I = sum of 2 p y
 *   squared    p^2 and y^2 in the sums P and Y:                  N = sum of (p - y)^2
 *   gradients  ((1 - 2 y) (T + s) - 2 y N) / (N + T + s)^2       squared: 2 (p - y) in place of 1 - 2 y
 *   by s       -N / (N + T + s)^2
 *   from logits, times p (1 - p)
 *
 * The gradient of a label between 0 and 1 changes sign; its error is relative to the larger of its terms.
 */
#include "language/overlap.h"

FL_MASK_FORMULA(dice, y, p, (smooth))
{
    return FL_OVERLAP_TERMS(y, p, FL_C(1), FL_C(1), FL_C(2));
}

FL_MASK_OUTCOME(dice, s, (smooth))
{
    return FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
}

FL_MASK_FORMULA_BY(dice_by_smooth, dice, (smooth), 2, 1, FL_C(1))

FL_MASK_FORMULA(dice_squared, y, p, (smooth))
{
    const FL_T r = p.p - y;
    FL_TERMS t = FL_OVERLAP_TERMS(y, p, FL_C(1), FL_C(1), FL_C(2));
    t.add[0] = r * r;
    t.slope[0][0] = (r + r) * p.slope;
    return t;
}

FL_MASK_OUTCOME(dice_squared, s, (smooth))
{
    return FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
}

FL_MASK_FORMULA_BY(dice_squared_by_smooth, dice_squared, (smooth), 2, 1, FL_C(1))
