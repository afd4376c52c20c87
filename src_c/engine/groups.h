/*
 * Groups of numbers, by all pairs of different relevance in each.
 *
 *   FL_PAIR_FORMULA(rank_net, d, (sigma))
 *   {   F of d = s_i - s_j, a pair: the score of the more relevant item minus that of the other
 *       return (FL_TARGET){.value = ..., .slope = ..., .curvature = ...};    F, F', F''
 *   }
 *
 * The loss of a group is the sum over all its pairs.
 *
 * The items of a group are put in the order of their relevance, the most relevant first and ties as they come; each is then
 * paired with all that are less relevant, which lie side by side. There is no list of pairs. All sums are kept with their
 * errors.
 */
#ifndef FL_GROUPS_H
#define FL_GROUPS_H

#include "engine/margins.h"

/* The arrays of a group's length that are needed. */
enum { FL_GROUP_ARRAYS = 8 };

#define FL_PAIR_FORMULA(name, d_, parameters)                                                                                  \
    FL_DECLARE(name, FL_GROUPS, ", relevance[g], score[g]*", parameters)                                                       \
    FL_MARGIN_LOOP(name, d_, parameters)                                                                                       \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_pair_groups)(block, FL_FN(name##_margin));                                                             \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_ FL_EACH(FL_PARAMETER, , parameters))

#define FL_TEMPLATE "engine/groups.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* The items of a group in the order of their relevance: places in the group, and relevances and scores in this order. */
typedef struct {
    ptrdiff_t n;
    FL_I *order, *other;
    FL_T *relevance, *score;
    FL_T *slope, *slope_error, *curvature, *curvature_error;
} FL_FN(fl_group);

/* Sorts places by falling relevance; stable. */
FL_STATIC void FL_FN(fl_sort_by_relevance)(const FL_T *relevance, FL_FN(fl_group) * g)
{
    for (ptrdiff_t i = 0; i < g->n; i++)
        g->order[i] = (FL_I)i;
    for (ptrdiff_t width = 1; width < g->n; width *= 2) {
        for (ptrdiff_t first = 0; first < g->n; first += 2 * width) {
            const ptrdiff_t middle = FL_MIN(first + width, g->n), end = FL_MIN(first + 2 * width, g->n);
            ptrdiff_t left = first, right = middle;
            for (ptrdiff_t i = first; i < end; i++) {
                const int take_right =
                    left >= middle || (right < end && relevance[g->order[right]] > relevance[g->order[left]]);
                g->other[i] = g->order[take_right ? right++ : left++];
            }
        }
        FL_I *const sorted = g->other;
        g->other = g->order;
        g->order = sorted;
    }
}

FL_INLINE void FL_FN(fl_add_with_error)(FL_T *sum, FL_T *error, FL_T x)
{
    const FL_PAIR total = FL_TWO_SUM(*sum, x);
    *sum = total.hi;
    *error += total.lo;
}

/* Pairs the item at `i` with those from `first` on. */
FL_STATIC void FL_FN(fl_pair_up)(const FL_FN(fl_group) * g, ptrdiff_t i, ptrdiff_t first, FL_FN(fl_margin_map) map,
                                 const double *parameters, FL_FN(fl_sums) * value)
{
    const fl_sheet lanes = {.lanes = FL_LANES, .along = 1};
    FL_FN(fl_margins) t;
    FL_FN(fl_sums) slope, curvature;
    memset(&slope, 0, sizeof slope);
    memset(&curvature, 0, sizeof curvature);
    for (ptrdiff_t j = first; j < g->n; j += FL_LANES) {
        const ptrdiff_t n = FL_MIN(FL_LANES, g->n - j);
        const FL_T score = g->score[i], *const scores = g->score + j;
        FL_T *const s = g->slope + j, *const s_error = g->slope_error + j;
        FL_T *const c = g->curvature + j, *const c_error = g->curvature_error + j;
        FL_SIMD
        for (ptrdiff_t lane = 0; lane < n; lane++) {
            const FL_PAIR d = FL_TWO_SUM(score, -scores[lane]);
            t.d[lane] = d.hi;
            t.d_low[lane] = d.lo;
        }
        map(&t, n, parameters);
        FL_SIMD
        for (ptrdiff_t lane = 0; lane < n; lane++) {
            FL_FN(fl_add)(value, lane, t.value[lane]);
            FL_FN(fl_add)(&slope, lane, t.slope[lane]);
            FL_FN(fl_add)(&curvature, lane, t.curvature[lane]);
            FL_FN(fl_add_with_error)(&s[lane], &s_error[lane], -t.slope[lane]);
            FL_FN(fl_add_with_error)(&c[lane], &c_error[lane], t.curvature[lane]);
        }
    }
    FL_FN(fl_merge_sums)(&lanes, &slope);
    FL_FN(fl_merge_sums)(&lanes, &curvature);
    FL_FN(fl_add_with_error)(&g->slope[i], &g->slope_error[i], slope.sum[0]);
    FL_FN(fl_add_with_error)(&g->curvature[i], &g->curvature_error[i], curvature.sum[0]);
    g->slope_error[i] += slope.error[0];
    g->curvature_error[i] += curvature.error[0];
}

/* A sum with its error, unless it is infinite. */
FL_INLINE FL_T FL_FN(fl_corrected)(FL_T sum, FL_T error)
{
    return FL_SELECT(FL_ABS(sum) < FL_INFINITY, sum + error, sum);
}

FL_STATIC void FL_FN(fl_pair_group)(const fl_block *b, ptrdiff_t unit, FL_FN(fl_margin_map) map)
{
    const ptrdiff_t start = b->starts[unit], n = b->starts[unit + 1] - start;
    const FL_T *const relevance = (const FL_T *)b->input[0] + start, *const score = (const FL_T *)b->input[1] + start;
    FL_T *const memory = b->scratch;
    FL_FN(fl_group)
    g = {n,
         (FL_I *)(void *)memory,
         (FL_I *)(void *)(memory + n),
         NULL,
         memory + 2 * n,
         memory + 4 * n,
         memory + 5 * n,
         memory + 6 * n,
         memory + 7 * n};
    g.relevance = memory + 3 * n;
    const fl_sheet lanes = {.lanes = FL_LANES, .along = 1};
    FL_FN(fl_sums) value;
    FL_T spoilt = FL_C(0);
    memset(&value, 0, sizeof value);
    memset(g.slope, 0, 4 * (size_t)n * sizeof *g.slope);
    FL_FN(fl_sort_by_relevance)(relevance, &g);
    for (ptrdiff_t i = 0; i < n; i++) {
        g.relevance[i] = relevance[g.order[i]];
        g.score[i] = score[g.order[i]];
        /* nobody knows which pairs it is in */
        spoilt += FL_UNLESS_NAN(g.relevance[i], 0);
    }
    for (ptrdiff_t i = 0, first = 0; i < n; i++) {
        while (first < n && !(g.relevance[first] < g.relevance[i]))
            first++;
        FL_FN(fl_pair_up)(&g, i, first, map, b->parameters, &value);
    }
    FL_FN(fl_merge_sums)(&lanes, &value);
    const FL_T factor = (FL_T)((b->weight ? b->weight[unit] : 1.0) / b->divisor);
    if (b->want & FL_VALUE)
        ((FL_T *)b->value)[unit] = FL_FN(fl_corrected)(value.sum[0], value.error[0]) + spoilt;
    for (ptrdiff_t i = 0; i < n; i++) {
        const ptrdiff_t place = start + (ptrdiff_t)g.order[i];
        if (b->want & FL_GRADIENT)
            ((FL_T *)b->gradient[0])[place] = FL_FN(fl_corrected)(g.slope[i], g.slope_error[i]) * factor + spoilt;
        if (b->want & FL_HESSIAN)
            ((FL_T *)b->hessian[0])[place] = FL_FN(fl_corrected)(g.curvature[i], g.curvature_error[i]) * factor + spoilt;
    }
}

/* A group of weight 0 counts for nothing; returns 1 for such a one. */
FL_STATIC int FL_FN(fl_drop_group)(const fl_block *b, ptrdiff_t unit)
{
    const ptrdiff_t start = b->starts[unit], n = b->starts[unit + 1] - start;
    if (!b->weight || b->weight[unit] > 0.0)
        return 0;
    if (b->want & FL_VALUE)
        ((FL_T *)b->value)[unit] = FL_C(0);
    if (b->want & FL_GRADIENT)
        memset((FL_T *)b->gradient[0] + start, 0, (size_t)n * sizeof(FL_T));
    if (b->want & FL_HESSIAN)
        memset((FL_T *)b->hessian[0] + start, 0, (size_t)n * sizeof(FL_T));
    return 1;
}

FL_STATIC int FL_FN(fl_pair_groups)(const fl_block *b, FL_FN(fl_margin_map) map)
{
    for (ptrdiff_t unit = 0; unit < b->units; unit++)
        if (!FL_FN(fl_drop_group)(b, unit))
            FL_FN(fl_pair_group)(b, unit, map);
    return 0;
}

#endif
