/*
 * Groups of numbers, each of its own length: the driver, which puts the items of a group in an order, lets a formula look at
 * the whole group, and weighs what comes out.
 *
 *   FL_GROUP_FORMULA(list_mle, FL_BY_RELEVANCE, g, (parameters))
 *   {
 *       g->value, g->slope[i], g->curvature[i], by g->relevance[i] and g->score[i], i < g->n, in this order
 *       return 1 where a relevance lies outside the domain, else 0;
 *   }
 *
 * Results are 0 where nothing is written, and have errors beside them, which are added at the end. engine/pairs.h has the
 * groups whose loss is made of pairs.
 */
#ifndef FL_GROUPS_H
#define FL_GROUPS_H

#include "engine/sheets.h"
#include "language/formula.h"

/* The order of the items: as they come, or the largest number first; ties always as they come. */
enum { FL_AS_THEY_COME, FL_BY_RELEVANCE, FL_BY_SCORE };

/* So many numbers are sorted by counting about as fast as by their bytes; more are sorted slower. */
enum { FL_SORT_BY_BYTES = 128 };

/* Arrays of a group's length: those of the driver, and the rooms of the formulas. Each has room for whole vectors behind it. */
enum { FL_GROUP_ROOMS = 5, FL_GROUP_ARRAYS = 8 + FL_GROUP_ROOMS };
#define FL_GROUP_ROOM(n) ((n) + FL_LANE_STEP)

#define FL_GROUP FL_FN(fl_group)

#define FL_GROUP_FORMULA(name, arrangement, g_, parameters)                                                                    \
    FL_GROUP_KERNEL(name, arrangement, parameters)                                                                             \
    static int FL_FN(name##_formula)(FL_GROUP * g_ FL_EACH(FL_PARAMETER, , parameters));                                       \
    static int FL_FN(name##_group)(FL_GROUP * g, const double *q)                                                              \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(name##_formula)(g FL_EACH(FL_PARAMETER_AT, , parameters));                                                \
    }                                                                                                                          \
    static int FL_FN(name##_formula)(FL_GROUP * g_ FL_EACH(FL_PARAMETER, , parameters))

/* The kernel of the map name_group, which follows. */
#define FL_GROUP_KERNEL(name, arrangement, parameters)                                                                         \
    FL_DECLARE(name, FL_GROUPS, ", relevance[g], score[g]*", parameters)                                                       \
    static int FL_FN(name##_group)(FL_GROUP * g, const double *q);                                                             \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_groups)(block, arrangement, FL_FN(name##_group));                                                      \
    }

#define FL_TEMPLATE "engine/groups.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* The items of a group in their order: places in the group, what is given, and results with their errors. */
typedef struct {
    ptrdiff_t n;
    int want;
    FL_I *order, *other;
    FL_T *relevance, *score;
    FL_T *slope, *slope_error, *curvature, *curvature_error;
    FL_T *room[FL_GROUP_ROOMS];
    FL_PAIR value;
    FL_T spoilt; /* is added to all results: 0, or NaN */
} FL_FN(fl_group);

typedef int (*FL_FN(fl_group_map))(FL_FN(fl_group) * g, const double *parameters);

/* A byte of a whole number that rises where x falls, and is the same for both zeros. */
FL_INLINE ptrdiff_t FL_FN(fl_falling_byte)(FL_T x, int byte)
{
    const FL_U bits = FL_TO_BITS(x + FL_C(0)), sign = (FL_U)1 << (FL_BITS - 1);
    return (ptrdiff_t)((bits & sign ? bits : ~bits & ~sign) >> (8 * byte) & 255);
}

/* Sorts as many numbers as pay for counting all their bytes. */
FL_STATIC void FL_FN(fl_sort_by_bytes)(const FL_T *x, ptrdiff_t n, FL_I **order, FL_I **other)
{
    enum { BYTES = sizeof(FL_T) };
    ptrdiff_t place[BYTES][256];
    memset(place, 0, sizeof place);
    for (ptrdiff_t i = 0; i < n; i++)
        for (int byte = 0; byte < BYTES; byte++)
            place[byte][FL_FN(fl_falling_byte)(x[i], byte)]++;
    FL_I *from = *order, *to = *other;
    for (int byte = 0; byte < BYTES; byte++) {
        if (place[byte][FL_FN(fl_falling_byte)(x[0], byte)] == n)
            continue;
        for (ptrdiff_t value = 0, first = 0; value < 256; value++) {
            const ptrdiff_t count = place[byte][value];
            place[byte][value] = first;
            first += count;
        }
        for (ptrdiff_t i = 0; i < n; i++)
            to[place[byte][FL_FN(fl_falling_byte)(x[from[i]], byte)]++] = from[i];
        FL_I *const sorted = to;
        to = from;
        from = sorted;
    }
    *order = from;
    *other = to;
}

/* Sorts few numbers without a branch: the place of each is how many come before it. */
FL_STATIC void FL_FN(fl_sort_by_counting)(const FL_T *x, ptrdiff_t n, FL_I *order)
{
    FL_I key[FL_SORT_BY_BYTES], place[FL_SORT_BY_BYTES];
    const ptrdiff_t filled = (n + FL_LANE_STEP - 1) / FL_LANE_STEP * FL_LANE_STEP;
    memset(place, 0, (size_t)filled * sizeof *place);
    for (ptrdiff_t i = 0; i < filled; i++) {
        /* an integer that rises with x, and is the same for both zeros */
        const FL_I bits = (FL_I)FL_TO_BITS((i < n ? x[i] : FL_C(0)) + FL_C(0));
        key[i] = bits ^ ((bits >> (FL_BITS - 1)) & (FL_I)(((FL_U)1 << (FL_BITS - 1)) - 1));
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        const FL_I own = key[j], at = (FL_I)j;
        FL_SIMD
        for (ptrdiff_t i = 0; i < filled; i++)
            place[i] += (own > key[i]) | ((own == key[i]) & (at < (FL_I)i));
    }
    for (ptrdiff_t i = 0; i < n; i++)
        order[place[i]] = (FL_I)i;
}

/* Sorts places by falling numbers, stable; `order` has the places then, `other` is as long. Where NaN comes does not matter. */
FL_STATIC void FL_FN(fl_sort)(const FL_T *x, ptrdiff_t n, FL_I **order, FL_I **other)
{
    if (n <= FL_SORT_BY_BYTES) {
        FL_FN(fl_sort_by_counting)(x, n, *order);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++)
        (*order)[i] = (FL_I)i;
    FL_FN(fl_sort_by_bytes)(x, n, order, other);
}

FL_INLINE void FL_FN(fl_add_with_error)(FL_T *sum, FL_T *error, FL_T x)
{
    const FL_PAIR total = FL_TWO_SUM(*sum, x);
    *sum = total.hi;
    *error += total.lo;
}

/* A sum with its error, unless it is infinite. */
FL_INLINE FL_T FL_FN(fl_corrected)(FL_T sum, FL_T error)
{
    return FL_SELECT(FL_ABS(sum) < FL_INFINITY, sum + error, sum);
}

/* Sums of nothing in the lanes that some numbers take: as many as a power of two, so that they can be merged. */
FL_INLINE ptrdiff_t FL_FN(fl_begin)(FL_FN(fl_sums) * s, ptrdiff_t numbers)
{
    ptrdiff_t lanes = FL_LANE_STEP;
    while (lanes < FL_LANES && lanes < numbers)
        lanes *= 2;
    memset(s->sum, 0, (size_t)lanes * sizeof *s->sum);
    memset(s->error, 0, (size_t)lanes * sizeof *s->error);
    return lanes;
}

/* What the sums of the lanes come to, with its error: as fl_merge_sums, without the copies for a sheet. */
FL_STATIC FL_PAIR FL_FN(fl_total)(FL_FN(fl_sums) * s, ptrdiff_t lanes)
{
    for (ptrdiff_t half = lanes / 2; half; half /= 2) {
        FL_SIMD
        for (ptrdiff_t lane = 0; lane < half; lane++) {
            s->error[lane] += s->error[lane + half];
            FL_FN(fl_add)(s, lane, s->sum[lane + half]);
        }
    }
    return (FL_PAIR){s->sum[0], s->error[0]};
}

/* The sum of some numbers, with its error. */
FL_STATIC FL_PAIR FL_FN(fl_sum_of)(const FL_T *x, ptrdiff_t n)
{
    FL_FN(fl_sums) sums;
    const ptrdiff_t lanes = FL_FN(fl_begin)(&sums, n);
    for (ptrdiff_t i = 0; i < n; i += FL_LANES) {
        const ptrdiff_t count = FL_MIN(FL_LANES, n - i);
        FL_SIMD
        for (ptrdiff_t lane = 0; lane < count; lane++)
            FL_FN(fl_add)(&sums, lane, x[i + lane]);
    }
    const FL_PAIR total = FL_FN(fl_total)(&sums, lanes);
    return (FL_PAIR){total.hi, FL_SELECT(FL_ABS(total.hi) < FL_INFINITY, total.lo, FL_C(0))};
}

/* Where a score that is no number leaves no order, and nothing that does not depend on it. */
FL_INLINE void FL_FN(fl_spoil_by_scores)(FL_FN(fl_group) * g)
{
    for (ptrdiff_t i = 0; i < g->n; i++)
        g->spoilt += FL_UNLESS_NAN(g->score[i], 0);
}

FL_STATIC int FL_FN(fl_one_group)(const fl_block *b, ptrdiff_t unit, int arrangement, FL_FN(fl_group_map) map)
{
    const ptrdiff_t start = b->starts[unit], n = b->starts[unit + 1] - start, room = FL_GROUP_ROOM(n);
    const FL_T *const relevance = (const FL_T *)b->input[0] + start, *const score = (const FL_T *)b->input[1] + start;
    FL_T *const memory = b->scratch;
    FL_FN(fl_group)
    g = {
        .n = n,
        .want = b->want,
        .order = (FL_I *)(void *)memory,
        .other = (FL_I *)(void *)(memory + room),
        .relevance = memory + 2 * room,
        .score = memory + 3 * room,
        .slope = memory + 4 * room,
        .slope_error = memory + 5 * room,
        .curvature = memory + 6 * room,
        .curvature_error = memory + 7 * room,
    };
    for (int k = 0; k < FL_GROUP_ROOMS; k++)
        g.room[k] = memory + (8 + k) * room;
    memset(g.slope, 0, 4 * (size_t)room * sizeof *g.slope);
    if (arrangement == FL_AS_THEY_COME)
        for (ptrdiff_t i = 0; i < n; i++)
            g.order[i] = (FL_I)i;
    else
        FL_FN(fl_sort)(arrangement == FL_BY_SCORE ? score : relevance, n, &g.order, &g.other);
    for (ptrdiff_t i = 0; i < n; i++) {
        g.relevance[i] = relevance[g.order[i]];
        g.score[i] = score[g.order[i]];
        /* nobody knows how it compares with others */
        g.spoilt += FL_UNLESS_NAN(g.relevance[i], 0);
    }
    const int invalid = map(&g, b->parameters);
    const FL_T factor = (FL_T)((b->weight ? b->weight[unit] : 1.0) / b->divisor);
    if (b->want & FL_VALUE)
        ((FL_T *)b->value)[unit] = FL_FN(fl_corrected)(g.value.hi, g.value.lo) + g.spoilt;
    for (ptrdiff_t i = 0; i < n; i++) {
        const ptrdiff_t place = start + (ptrdiff_t)g.order[i];
        if (b->want & FL_GRADIENT)
            ((FL_T *)b->gradient[0])[place] = FL_FN(fl_corrected)(g.slope[i], g.slope_error[i]) * factor + g.spoilt;
        if (b->want & FL_HESSIAN)
            ((FL_T *)b->hessian[0])[place] = FL_FN(fl_corrected)(g.curvature[i], g.curvature_error[i]) * factor + g.spoilt;
    }
    return invalid;
}

/* A group of weight 0 counts for nothing; returns 1 for such a one. */
FL_STATIC int FL_FN(fl_drop_group)(const fl_block *b, ptrdiff_t unit)
{
    const ptrdiff_t start = b->starts[unit] * b->width, n = b->starts[unit + 1] * b->width - start;
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

FL_STATIC int FL_FN(fl_groups)(const fl_block *b, int arrangement, FL_FN(fl_group_map) map)
{
    int invalid = 0;
    for (ptrdiff_t unit = 0; unit < b->units; unit++)
        if (!FL_FN(fl_drop_group)(b, unit))
            invalid |= FL_FN(fl_one_group)(b, unit, arrangement, map);
    return invalid;
}

#endif
