/*
 * Supervised contrastive loss, L_out of Khosla et al.: all others of the same label should be alike. With u the embeddings
 * divided by their lengths, the scores z_ik = u_i . u_k / T of all others k != i, and P(i) the others of the same label,
 *
 *   value       -1 / |P(i)| sum_{k in P(i)} log softmax(z_i)_k;  0 where P(i) is empty
 *   gradients   by u_i  sum_k (g_ik + g_ki) u_k / T  with g_ik = p_ik - [k in P(i)] / |P(i)|, 0 where P(i) is empty;  by an
 *               embedding of length |e|  (h - (h . u) u) / |e|  of h, that by u
 *
 * An embedding without a length has the cosine 0 with all others, and the gradient 0. Embeddings of weight 0 are not there.
 *
 * By T, with the entropy H of the probabilities: (H - value) / T. Its error is relative to the larger one, and
 * to what those of the scores, a few ulp of 1 / T, change.
 *
 * Errors: the scores err by a few ulp of 1 / T. The gradients are sums that cancel; their errors are relative to the sums of
 * the magnitudes of their terms.
 */
#include "engine/tiles.h"

FL_TILES_SHARE_FORMULA(supervised_contrastive, FL_AGAINST_ALL, ", embeddings(d)*, labels index", t, (temperature))
{
    return (FL_TARGET){.value = t.l + t.l_low, .slope = FL_C(1), .curvature = FL_C(0)};
}

FL_SHARES_OF(supervised_contrastive, b, row, z, y)
{
    const int64_t label = b->label[row];
    FL_I positives = 0;
    FL_FN(fl_cosine_scores)(b, row, z);
    for (ptrdiff_t k = 0; k < b->width; k++)
        positives += (b->label[k] == label) & (z[k] > -FL_INFINITY);
    /* with nobody else, of whom the greatest score would be minus infinity, it is alone with itself */
    z[row] = positives ? z[row] : FL_C(0);
    const FL_T share = positives ? FL_C(1) / (FL_T)positives : FL_C(0);
    for (ptrdiff_t k = 0; k < b->width; k++)
        y[k] = FL_SELECT((b->label[k] == label) & (z[k] > -FL_INFINITY), share, FL_C(0));
    /* the driver's mark for what is no integer */
    return label == INT64_MIN && (!b->weight || b->weight[row] > 0.0);
}

FL_TILES_SHARE_FORMULA_BY_TEMPERATURE(supervised_contrastive_by_temperature, supervised_contrastive, FL_AGAINST_ALL,
                                      ", embeddings(d)*, labels index")
