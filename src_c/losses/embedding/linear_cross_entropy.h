/*
 * Cross-entropy of a linear layer: of the scores z_k = x . w_k + b_k of classes k, with p = softmax(z) and the right class t,
 *
 *   value       -log p_t
 *   gradients   by x  sum_k g_k w_k,   by w_k  g_k x,   by b_k  g_k,   summed over the rows;   g_k = p_k - [k = t]
 *
 * The scores of a few rows are there at a time (engine/tiles.h), and their derivatives g take their place.
 *
 * Errors: the scores err by the rounding of their sums, relative to the sum of |x_i w_ki| over i; the loss is that of such
 * scores, with 4 ulp. The gradients are sums that cancel; their errors are relative to the sums of the magnitudes of their
 * terms.
 */
#include "engine/tiles.h"

FL_TILES_FORMULA(linear_cross_entropy, FL_AGAINST_KEYS, ", y_true index, x(d)*, weight[k](d)*, bias?[k]*", t, ())
{
    return (FL_TARGET){.value = t.l + t.l_low, .slope = FL_C(1), .curvature = FL_C(0)};
}

FL_SCORES_OF(linear_cross_entropy, b, row, z)
{
    const FL_T *const bias = b->input[3];
    if (bias) {
        FL_SIMD
        for (ptrdiff_t k = 0; k < b->width; k++)
            z[k] += bias[k];
    }
    return b->label[row];
}
