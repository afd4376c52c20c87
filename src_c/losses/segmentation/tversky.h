/*
 * Tversky loss of masks (Salehi et al. 2017), in the form of overlap.h. y the label, p the probability of a pixel,
 * a = alpha, b = beta, s = smooth.
 *
 *   F = sum of p (1 - y)     M = sum of (1 - p) y     I = sum of p y     N = a F + b M
 *
 *   value      1 - (I + s) / (I + a F + b M + s) = N / (N + I + s)
 *   gradients  ((a (1 - y) - b y) (I + s) - y N) / (N + I + s)^2
 *   by a, b, s F (I + s) / (N + I + s)^2, M (I + s) / (N + I + s)^2, -N / (N + I + s)^2
 *   from logits, times p (1 - p)
 *
 * The gradient of a label between 0 and 1 changes sign; its error is relative to the largest of its terms.
 */
#include "language/overlap.h"

FL_MASK_FORMULA(tversky, y, p, (alpha, beta, smooth))
{
    return FL_OVERLAP_TERMS(y, p, FL_C(alpha), FL_C(beta), FL_C(1));
}

FL_MASK_OUTCOME(tversky, s, (alpha, beta, smooth))
{
    return FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
}

FL_MASK_FORMULA_BY(tversky_by_alpha, tversky, (alpha, beta, smooth), 3, 0, sums.sum[2])
FL_MASK_FORMULA_BY(tversky_by_beta, tversky, (alpha, beta, smooth), 4, 0, sums.sum[3])
FL_MASK_FORMULA_BY(tversky_by_smooth, tversky, (alpha, beta, smooth), 2, 1, FL_C(1))
