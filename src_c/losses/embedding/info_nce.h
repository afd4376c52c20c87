/*
 * InfoNCE: a query should be more like its own key than like those of all others. With cosines c_ik = q_i . k_k / (|q_i| |k_k|)
 * and the scores z_ik = c_ik / T,
 *
 *   value       -log softmax(z_i)_i
 *   gradients   of the cosines' vectors u_i = q_i / |q_i| and v_k = k_k / |k_k|:  by u_i  sum_k g_ik v_k / T,  by v_k  sum_i
 * g_ik u_i / T,  with g_ik = p_ik - [i = k];  by q_i  (h - (h . u_i) u_i) / |q_i|  of h, that by u_i, and the same for k_k
 *
 * A vector without a length has the cosine 0 with all others, and the gradient 0. Keys of weight 0 are not there.
 *
 * By T, with the entropy H of the probabilities: (H - value) / T. Its error is relative to the larger one, and
 * to what those of the scores, a few ulp of 1 / T, change.
 *
 * Errors: the scores err by a few ulp of 1 / T. The gradients are sums that cancel; their errors are relative to the sums of
 * the magnitudes of their terms.
 */
#include "engine/tiles.h"

FL_TILES_FORMULA(info_nce, FL_AGAINST_OTHERS, ", query(d)*, key(d)*", t, (temperature))
{
    return (FL_TARGET){.value = t.l + t.l_low, .slope = FL_C(1), .curvature = FL_C(0)};
}

FL_SCORES_OF(info_nce, b, row, z)
{
    FL_FN(fl_cosine_scores)(b, -1, z);
    return row;
}

FL_TILES_FORMULA_BY_TEMPERATURE(info_nce_by_temperature, info_nce, FL_AGAINST_OTHERS, ", query(d)*, key(d)*")
