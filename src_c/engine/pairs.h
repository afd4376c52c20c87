/*
 * Groups by pairs of their items.
 *
 *   FL_PAIR_FORMULA(rank_net, d, (sigma))        F of d = s_i - s_j, a pair: the score of the more relevant item minus that of
 *   {                                            the other one. The loss of a group is the sum over all pairs whose relevance
 *       return (FL_TARGET){...};                 differs; value F, slope F', curvature F''
 *   }
 *   FL_NDCG_FORMULA(lambda_rank, d, (sigma, k, exponential, normalised))   the same, of which slope and curvature count: each
 * is multiplied by how much NDCG would change if the two items changed places, |D_i - D_j| |G_i - G_j| / IDCG. The loss of a
 * group is 1 - NDCG@k.
 *
 * With the gains G_i = 2^r_i - 1 where `exponential` is 1, else r_i, and the discounts D_i = 1 / log2(2 + rank), from rank 0
 * on: DCG is the sum of G_i D_i over the first k ranks by score, IDCG the same by relevance. Pairs count whose better rank is
 * one of the first k. The base of the logarithm, and what all gains are multiplied by, cancel: gains are powers of two below 1.
 *
 * If `normalised` is 1, a change of NDCG is divided by 0.01 + |s_i - s_j|, unless all scores are equal, and the derivatives of
 * a group are multiplied by log2(1 + S) / S, S being twice the sum of the sizes of the slopes of its pairs.
 *
 * The items of a group lie in an order, in which each is paired with some that follow it, side by side. There is no list of
 * pairs. All sums are kept with their errors.
 */
#ifndef FL_PAIRS_H
#define FL_PAIRS_H

#include "engine/groups.h"
#include "engine/margins.h"

#define FL_PAIR_FORMULA(name, d_, parameters)                                                                                  \
    FL_GROUP_KERNEL(name, FL_BY_RELEVANCE, parameters)                                                                         \
    FL_MARGIN_LOOP(name, d_, parameters)                                                                                       \
    static int FL_FN(name##_group)(FL_GROUP * g, const double *q)                                                              \
    {                                                                                                                          \
        return FL_FN(fl_pair_group)(g, FL_FN(name##_margin), q);                                                               \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_ FL_EACH(FL_PARAMETER, , parameters))

/* The last three parameters are k, `exponential` and `normalised`. */
#define FL_NDCG_FORMULA(name, d_, parameters)                                                                                  \
    FL_GROUP_KERNEL(name, FL_BY_SCORE, parameters)                                                                             \
    FL_MARGIN_LOOP(name, d_, parameters)                                                                                       \
    static int FL_FN(name##_group)(FL_GROUP * g, const double *q)                                                              \
    {                                                                                                                          \
        const double *const last = q + FL_COUNT(parameters) - 3;                                                               \
        return FL_FN(fl_ndcg_group)(g, last[0], last[1] != 0.0, last[2] != 0.0, FL_FN(name##_margin), q);                      \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_ FL_EACH(FL_PARAMETER, , parameters))

/* The largest relevance that has an exponential gain. */
#define FL_LARGEST_GRADE FL_C(1023)

#define FL_TEMPLATE "engine/pairs.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* What a group's NDCG is made of, in the order of the scores. */
typedef struct {
    FL_T *gain;     /* but for a constant */
    FL_T *discount; /* with its error: those of ranks far down are nearly equal */
    FL_T *discount_low;
    FL_T inverse;      /* 1 / IDCG */
    FL_T near, growth; /* changes are divided by near + growth |s_i - s_j| */
} FL_FN(fl_ndcg);

/* Pairs the item at `i` with those from `first` on, which are all less relevant, or, with weights, whatever they are. */
FL_INLINE void FL_FN(fl_pair_up)(const FL_FN(fl_group) * g, ptrdiff_t i, ptrdiff_t first, const FL_FN(fl_ndcg) * ndcg,
                                 FL_FN(fl_margin_map) map, const double *parameters, FL_FN(fl_sums) * value)
{
    FL_FN(fl_margins) t;
    FL_T weight[FL_LANES];
    FL_FN(fl_sums) slope, curvature;
    const ptrdiff_t lanes = FL_FN(fl_begin)(&slope, g->n - first);
    FL_FN(fl_begin)(&curvature, g->n - first);
    for (ptrdiff_t j = first; j < g->n; j += FL_LANES) {
        /* the lanes that fill the last vectors take no longer than one, and there is room behind the arrays of a group */
        const ptrdiff_t n = FL_MIN(FL_LANES, g->n - j),
                        filled = (n + FL_LANE_STEP / 2 - 1) / (FL_LANE_STEP / 2) * (FL_LANE_STEP / 2);
        const FL_T score = g->score[i], *const scores = g->score + j;
        FL_T *const s = g->slope + j, *const s_error = g->slope_error + j;
        FL_T *const c = g->curvature + j, *const c_error = g->curvature_error + j;
        /* what is computed of the items behind the group counts for nothing */
        if (ndcg) {
            const FL_T gain = ndcg->gain[i], discount = ndcg->discount[i], discount_low = ndcg->discount_low[i];
            const FL_T *const gains = ndcg->gain + j, *const discounts = ndcg->discount + j,
                              *const low = ndcg->discount_low + j;
            FL_SIMD
            for (ptrdiff_t lane = 0; lane < filled; lane++) {
                const FL_PAIR d = FL_TWO_SUM(score, -scores[lane]);
                const FL_T apart = gain - gains[lane];
                const FL_T step = (discount - discounts[lane]) + (discount_low - low[lane]);
                t.d[lane] = FL_WITH_SIGN_OF(apart, d.hi);
                t.d_low[lane] = FL_WITH_SIGN_OF(apart, d.lo);
                /* negative where the second item is the better one */
                const FL_T distance = FL_MIN(FL_ABS(d.hi), FL_C(1e30));
                weight[lane] = apart * (step * ndcg->inverse) / (ndcg->near + ndcg->growth * distance);
            }
        } else {
            FL_SIMD
            for (ptrdiff_t lane = 0; lane < filled; lane++) {
                const FL_PAIR d = FL_TWO_SUM(score, -scores[lane]);
                t.d[lane] = d.hi;
                t.d_low[lane] = d.lo;
                weight[lane] = FL_C(1);
            }
        }
        map(&t, filled, parameters);
        FL_SIMD
        for (ptrdiff_t lane = 0; lane < filled; lane++) {
            const int counts = (FL_I)lane < (FL_I)n && FL_ABS(weight[lane]) > FL_C(0);
            t.slope[lane] = FL_SELECT(counts, t.slope[lane] * weight[lane], FL_C(0));
            t.curvature[lane] = FL_SELECT(counts, t.curvature[lane] * FL_ABS(weight[lane]), FL_C(0));
            t.value[lane] = FL_SELECT(counts, ndcg ? FL_ABS(t.slope[lane]) : t.value[lane], FL_C(0));
        }
        FL_SIMD
        for (ptrdiff_t lane = 0; lane < filled; lane++) {
            FL_FN(fl_add)(value, lane, t.value[lane]);
            FL_FN(fl_add)(&slope, lane, t.slope[lane]);
            FL_FN(fl_add_with_error)(&s[lane], &s_error[lane], -t.slope[lane]);
        }
        if (!(g->want & FL_HESSIAN))
            continue;
        FL_SIMD
        for (ptrdiff_t lane = 0; lane < filled; lane++) {
            FL_FN(fl_add)(&curvature, lane, t.curvature[lane]);
            FL_FN(fl_add_with_error)(&c[lane], &c_error[lane], t.curvature[lane]);
        }
    }
    const FL_PAIR slopes = FL_FN(fl_total)(&slope, lanes), curvatures = FL_FN(fl_total)(&curvature, lanes);
    FL_FN(fl_add_with_error)(&g->slope[i], &g->slope_error[i], slopes.hi);
    FL_FN(fl_add_with_error)(&g->curvature[i], &g->curvature_error[i], curvatures.hi);
    g->slope_error[i] += slopes.lo;
    g->curvature_error[i] += curvatures.lo;
}

FL_STATIC int FL_FN(fl_pair_group)(FL_FN(fl_group) * g, FL_FN(fl_margin_map) map, const double *parameters)
{
    FL_FN(fl_sums) value;
    const ptrdiff_t lanes = FL_FN(fl_begin)(&value, g->n);
    for (ptrdiff_t i = 0, first = 0; i < g->n; i++) {
        while (first < g->n && !(g->relevance[first] < g->relevance[i]))
            first++;
        FL_FN(fl_pair_up)(g, i, first, NULL, map, parameters, &value);
    }
    g->value = FL_FN(fl_total)(&value, lanes);
    return 0;
}

/* Writes the gains but for what is to be subtracted from each, which is returned. */
FL_STATIC FL_T FL_FN(fl_set_gains)(const FL_FN(fl_group) * g, int exponential, FL_T *gain, int *invalid)
{
    FL_T most = FL_C(0);
    FL_I outside = 0;
    for (ptrdiff_t i = 0; i < g->n; i++)
        most = FL_MAX(g->relevance[i], most);
    if (!exponential) {
        /* a power of two that leaves sums finite */
        const FL_U biased = FL_MIN(FL_TO_BITS(most) >> FL_MANTISSA_BITS, (FL_U)(2 * FL_EXPONENT_BIAS - 1));
        const FL_T scale = FL_FROM_BITS(((FL_U)(2 * FL_EXPONENT_BIAS) - biased) << FL_MANTISSA_BITS);
        for (ptrdiff_t i = 0; i < g->n; i++) {
            gain[i] = g->relevance[i] * scale;
            outside |= g->relevance[i] < FL_C(0);
        }
        *invalid = outside != 0;
        return FL_C(0);
    }
    for (ptrdiff_t i = 0; i < g->n; i++) {
        /* NaN, and what is invalid, becomes some integer */
        const FL_T r = FL_MAX(g->relevance[i], FL_C(0)), grade = FL_MIN(r, FL_LARGEST_GRADE);
        const FL_T below = FL_MAX(grade - FL_MIN(most, FL_LARGEST_GRADE), FL_C(2) * FL_C(1 - FL_EXPONENT_BIAS) + FL_C(8));
        gain[i] = FL_FN(fl_scale)(FL_C(1), (FL_U)(FL_I)below + FL_EXP_OFFSET);
        outside |= (g->relevance[i] < FL_C(0)) | (r > grade) | (grade > (FL_T)(FL_I)grade);
    }
    *invalid = outside != 0;
    const FL_T none = FL_MAX(-FL_MIN(most, FL_LARGEST_GRADE), FL_C(2) * FL_C(1 - FL_EXPONENT_BIAS) + FL_C(8));
    return FL_FN(fl_scale)(FL_C(1), (FL_U)(FL_I)none + FL_EXP_OFFSET);
}

/* Gains of the first ranks, in some order, with their discounts. */
FL_STATIC FL_PAIR FL_FN(fl_dcg)(const FL_FN(fl_ndcg) * ndcg, FL_T none, const FL_I *order, ptrdiff_t ranks)
{
    FL_PAIR sum = {FL_C(0), FL_C(0)};
    for (ptrdiff_t i = 0; i < ranks; i++) {
        const FL_T gain = ndcg->gain[order ? (ptrdiff_t)order[i] : i] - none;
        const FL_PAIR product = FL_TWO_PRODUCT(gain, ndcg->discount[i]);
        FL_FN(fl_add_with_error)(&sum.hi, &sum.lo, product.hi);
        sum.lo += FL_FMA(gain, ndcg->discount_low[i], product.lo);
    }
    return sum;
}

FL_STATIC int FL_FN(fl_ndcg_group)(FL_FN(fl_group) * g, double k, int exponential, int normalised, FL_FN(fl_margin_map) map,
                                   const double *parameters)
{
    const ptrdiff_t n = g->n, top = k < (double)n ? (ptrdiff_t)k : n;
    FL_FN(fl_ndcg) ndcg = {.gain = g->room[0], .discount = g->room[1], .discount_low = g->room[2], .near = FL_C(1)};
    FL_FN(fl_sums) sizes;
    FL_I *ideal = (FL_I *)(void *)g->room[3], *other = (FL_I *)(void *)g->room[4];
    int invalid;
    const FL_T none = FL_FN(fl_set_gains)(g, exponential, ndcg.gain, &invalid);
    FL_FN(fl_spoil_by_scores)(g);
    FL_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_PAIR l = FL_LOG_PRECISE((FL_T)((FL_I)i + 2));
        const FL_T inverse = FL_C(1) / l.hi;
        ndcg.discount[i] = inverse;
        ndcg.discount_low[i] = FL_FMA(-inverse, l.lo, FL_FMA(-inverse, l.hi, FL_C(1))) * inverse;
    }
    FL_FN(fl_sort)(ndcg.gain, n, &ideal, &other);
    const FL_PAIR best = FL_FN(fl_dcg)(&ndcg, none, ideal, top), found = FL_FN(fl_dcg)(&ndcg, none, NULL, top);
    const FL_T size = best.hi + best.lo;
    if (!(size > FL_C(0)))
        return invalid;
    const FL_PAIR missed = FL_TWO_SUM(best.hi, -found.hi);
    g->value.hi = FL_MAX(FL_C(0), (missed.hi + (missed.lo + (best.lo - found.lo))) / size);
    if (!(g->want & (FL_GRADIENT | FL_HESSIAN)))
        return invalid;
    ndcg.inverse = FL_C(1) / size;
    if (normalised && g->score[0] > g->score[n - 1]) {
        ndcg.near = FL_C(0.01);
        ndcg.growth = FL_C(1);
    }
    const ptrdiff_t lanes = FL_FN(fl_begin)(&sizes, n);
    for (ptrdiff_t i = 0; i < top; i++)
        FL_FN(fl_pair_up)(g, i, i + 1, &ndcg, map, parameters, &sizes);
    const FL_PAIR total = FL_FN(fl_total)(&sizes, lanes);
    const FL_T all = FL_C(2) * (total.hi + total.lo);
    if (normalised && all > FL_C(0)) {
        const FL_T factor = FL_LOG1P(all) * FL_CONSTANT(LOG2_E) / all;
        for (ptrdiff_t i = 0; i < n; i++) {
            g->slope[i] *= factor;
            g->slope_error[i] *= factor;
            g->curvature[i] *= factor;
            g->curvature_error[i] *= factor;
        }
    }
    return invalid;
}

#endif
