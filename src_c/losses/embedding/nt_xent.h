/*
 * NT-Xent, the normalised and temperature-scaled cross-entropy of SimCLR: of all 2n views of n samples, that of the same sample
 * should be the most alike. With u the views divided by their lengths, the scores z_ik = u_i . u_k / T of all other views k !=
 * i, and j(i) the other view of the sample,
 *
 *   value       of a sample, the mean over its two views i of  -log softmax(z_i)_j(i)
 *   gradients   by u_i  sum_k (g_ik + g_ki) u_k / T  with g_ik = p_ik - [k = j(i)];  by a view z of length |z|
 *               (h - (h . u) u) / |z|  of h, that by u
 *
 * A view without a length has the cosine 0 with all others, and the gradient 0. Samples of weight 0 are not there.
 *
 * By T, with the entropy H of the probabilities: (H - value) / T. Its error is relative to the larger one, and
 * to what those of the scores, a few ulp of 1 / T, change.
 *
 * Errors: the scores err by a few ulp of 1 / T. The gradients are sums that cancel; their errors are relative to the sums of
 * the magnitudes of their terms.
 */
#include "engine/tiles.h"

FL_TILES_FORMULA(nt_xent, FL_AGAINST_ALL, ", z_i(d)*, z_j(d)*", t, (temperature))
{
    return (FL_TARGET){.value = t.l + t.l_low, .slope = FL_C(1), .curvature = FL_C(0)};
}

FL_SCORES_OF(nt_xent, b, row, z)
{
    const ptrdiff_t samples = b->width / 2;
    FL_FN(fl_cosine_scores)(b, row, z);
    return row < samples ? row + samples : row - samples;
}

FL_TILES_FORMULA_BY_TEMPERATURE(nt_xent_by_temperature, nt_xent, FL_AGAINST_ALL, ", z_i(d)*, z_j(d)*")
