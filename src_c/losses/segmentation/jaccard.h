/*
 * Jaccard loss of masks (Rahman and Wang 2016), in the form of overlap.h. y the label, p the probability of a pixel,
 * s = smooth.
 *
 *   value      1 - (I + s) / (P + Y - I + s) = N / (N + I + s)    N = sum of p (1 - y) + (1 - p) y,  I = sum of p y
 *   gradients  ((1 - 2 y) (I + s) - y N) / (N + I + s)^2
 *   by s       -N / (N + I + s)^2
 *   from logits, times p (1 - p)
 *
 * The gradient of a label between 0 and 1 changes sign; its error is relative to the larger of its terms.
 */
#include "language/overlap.h"

FL_MASK_FORMULA(jaccard, y, p, (smooth))
{
    return FL_OVERLAP_TERMS(y, p, FL_C(1), FL_C(1), FL_C(1));
}

FL_MASK_OUTCOME(jaccard, s, (smooth))
{
    return FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
}

FL_MASK_FORMULA_BY(jaccard_by_smooth, jaccard, (smooth), 2, 1, FL_C(1))
