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
 *
 * A loss whose items need no order computes several groups at a time:
 *
 *   FL_GROUPS_FORMULA(list_net, b, g, (parameters))
 *   {
 *       reads what fl_take_groups has laid on sheets, and writes, by b->want, g->value[lane] and, in the place of numbers that
 *       it does not need any more, what fl_write_groups writes as gradients and Hessians; returns as above
 *   }
 */
#ifndef FL_GROUPS_H
#define FL_GROUPS_H

#include "engine/sheets.h"
#include "language/formula.h"

/* The order of the items: the largest number first; ties as they come. */
enum { FL_BY_RELEVANCE, FL_BY_SCORE };

/* So many numbers are sorted by counting about as fast as by their bytes; more are sorted slower. */
enum { FL_SORT_BY_BYTES = 128 };

/* Arrays of a group's length: those of the driver, and the rooms of the formulas. Each has room for whole vectors behind it. */
enum { FL_GROUP_ROOMS = 5, FL_GROUP_ARRAYS = 8 + FL_GROUP_ROOMS };
#define FL_GROUP_ROOM(n) ((n) + FL_LANE_STEP)

#define FL_GROUP FL_FN(fl_group)
#define FL_GROUPS_OF_LANES FL_FN(fl_groups_of_lanes)

/* Groups up to this length lie side by side. It decides, so that a group's result does not depend on its neighbours. */
enum { FL_LONGEST_GROUP_OF_A_LANE = 128, FL_GROUP_SHEETS = 3 };
/* Numbers of a sheet for groups that have n items in all. */
#define FL_GROUP_SHEET(n) FL_MAX(FL_MIN(FL_LANES *FL_MAX(n, 1), FL_SHEET_NUMBERS), (n) + FL_LANES)

#define FL_GROUP_SIGNATURE ", relevance[g], score[g]*"

#define FL_GROUP_FORMULA(name, arrangement, g_, parameters)                                                                    \
    FL_GROUP_KERNEL(name, arrangement, parameters)                                                                             \
    static int FL_FN(name##_formula)(FL_GROUP * g_ FL_EACH(FL_PARAMETER, , parameters));                                       \
    static int FL_FN(name##_group)(FL_GROUP * g, const double *q)                                                              \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(name##_formula)(g FL_EACH(FL_PARAMETER_AT, , parameters));                                                \
    }                                                                                                                          \
    static int FL_FN(name##_formula)(FL_GROUP * g_ FL_EACH(FL_PARAMETER, , parameters))

#define FL_GROUPS_FORMULA(name, b_, g_, parameters_)                                                                           \
    FL_DECLARE(name, FL_GROUPS, FL_GROUP_SIGNATURE, parameters_)                                                               \
    FL_INLINE int FL_FN(name##_formula)(const fl_block *b_, FL_GROUPS_OF_LANES *g_ FL_EACH(FL_PARAMETER, , parameters_));      \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        const double *const q = block->parameters;                                                                             \
        FL_GROUPS_OF_LANES g;                                                                                                  \
        int invalid = 0;                                                                                                       \
        (void)q;                                                                                                               \
        for (int is_long = 0; is_long < 2; is_long++)                                                                          \
            for (ptrdiff_t unit = 0; (unit = FL_FN(fl_take_groups)(block, unit, is_long, &g)), g.sheet.rows;) {                \
                invalid |= FL_FN(name##_formula)(block, &g FL_EACH(FL_PARAMETER_AT, , parameters_));                           \
                FL_FN(fl_write_groups)(block, &g);                                                                             \
            }                                                                                                                  \
        return invalid;                                                                                                        \
    }                                                                                                                          \
    FL_INLINE int FL_FN(name##_formula)(const fl_block *b_, FL_GROUPS_OF_LANES *g_ FL_EACH(FL_PARAMETER, , parameters_))

/* The kernel of the map name_group, which follows. */
#define FL_GROUP_KERNEL(name, arrangement, parameters)                                                                         \
    FL_DECLARE(name, FL_GROUPS, FL_GROUP_SIGNATURE, parameters)                                                                \
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

/* Several groups, a lane each, or a long one along the lanes, on sheets. */
typedef struct {
    fl_sheet sheet;
    int even; /* all are of one length, and lie one after another */
    ptrdiff_t unit[FL_LANES];
    FL_I length[FL_LANES];
    /* numbers, minus infinity behind the last item; and room. What is written of them goes by what is wanted. */
    FL_T *relevance, *score, *room, *slope, *curvature;
    FL_T value[FL_LANES];
    FL_T spoilt[FL_LANES]; /* as that of a group, of the one along the lanes in each of them */
} FL_FN(fl_groups_of_lanes);

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

/* Adds the second half of some lanes to the first one. */
FL_INLINE void FL_FN(fl_halve)(FL_FN(fl_sums) * s, const ptrdiff_t half)
{
    FL_SIMD
    for (ptrdiff_t lane = 0; lane < half; lane++) {
        s->error[lane] += s->error[lane + half];
        FL_FN(fl_add)(s, lane, s->sum[lane + half]);
    }
}

/* What the sums of the lanes come to, with its error: as fl_merge_sums, without the copies for a sheet. */
FL_STATIC FL_PAIR FL_FN(fl_total)(FL_FN(fl_sums) * s, ptrdiff_t lanes)
{
    /* numbers that the compiler knows save it the loops */
    if (lanes > FL_LANES / 2)
        FL_FN(fl_halve)(s, FL_LANES / 2);
    if (lanes > FL_LANES / 4)
        FL_FN(fl_halve)(s, FL_LANES / 4);
    FL_FN(fl_halve)(s, FL_LANES / 8);
    FL_FN(fl_halve)(s, FL_LANES / 16);
    FL_FN(fl_halve)(s, FL_LANES / 32);
    FL_FN(fl_halve)(s, FL_LANES / 64);
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

/* Lays the items of groups on a sheet. */
FL_STATIC void FL_FN(fl_lay_out_groups)(const fl_block *b, const FL_GROUPS_OF_LANES *g, const FL_T *source, FL_T *target)
{
    const fl_sheet *const sheet = &g->sheet;
    if (g->even) {
        FL_FN(fl_lay_out)(sheet, source + b->starts[g->unit[0]], target, -FL_INFINITY);
        return;
    }
    for (ptrdiff_t i = 0; i < sheet->groups * sheet->lanes; i++)
        target[i] = -FL_INFINITY;
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        for (ptrdiff_t k = 0; k < g->length[r]; k++)
            target[k * sheet->lanes + r] = source[b->starts[g->unit[r]] + k];
}

FL_STATIC void FL_FN(fl_take_up_groups)(const fl_block *b, const FL_GROUPS_OF_LANES *g, const FL_T *source, FL_T *target)
{
    const fl_sheet *const sheet = &g->sheet;
    if (g->even) {
        FL_FN(fl_take_up)(sheet, source, target + b->starts[g->unit[0]]);
        return;
    }
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        for (ptrdiff_t k = 0; k < g->length[r]; k++)
            target[b->starts[g->unit[r]] + k] = source[k * sheet->lanes + r];
}

/* Takes groups from a unit on, the next long one or as many short ones as fit on a sheet without too many places that stay
 * empty; returns where to go on. Where there are none, the sheet has no rows. */
FL_STATIC ptrdiff_t FL_FN(fl_take_groups)(const fl_block *b, ptrdiff_t unit, int is_long, FL_GROUPS_OF_LANES *g)
{
    ptrdiff_t rows = 0, longest = 0, items = 0;
    memset(g, 0, sizeof *g);
    for (; unit < b->units && rows < (is_long ? 1 : FL_LANES); unit++) {
        const ptrdiff_t n = b->starts[unit + 1] - b->starts[unit], most = FL_MAX(longest, n);
        if ((n > FL_LONGEST_GROUP_OF_A_LANE) != is_long)
            continue;
        const ptrdiff_t lanes = (rows + FL_LANE_STEP) / FL_LANE_STEP * FL_LANE_STEP;
        if (rows >= FL_LANE_STEP && (lanes * most > FL_SHEET_NUMBERS || (rows + 1) * most > 2 * (items + n)))
            break;
        g->unit[rows] = unit;
        g->length[rows++] = (FL_I)n;
        longest = most;
        items += n;
    }
    fl_sheet *const sheet = &g->sheet;
    sheet->along = is_long;
    sheet->lanes = is_long ? FL_LANES : (rows + FL_LANE_STEP - 1) / FL_LANE_STEP * FL_LANE_STEP;
    sheet->groups = is_long ? (longest + FL_LANES - 1) / FL_LANES : FL_MAX(longest, 1);
    sheet->step = is_long ? FL_LANES : 1;
    sheet->classes = longest;
    sheet->rows = rows;
    if (!rows)
        return unit;
    g->even = b->starts[g->unit[rows - 1] + 1] - b->starts[g->unit[0]] == rows * longest && items == rows * longest && longest;
    for (ptrdiff_t lane = 1; is_long && lane < FL_LANES; lane++)
        g->length[lane] = g->length[0];
    g->relevance = b->scratch;
    g->score = g->relevance + sheet->groups * sheet->lanes;
    g->room = g->score + sheet->groups * sheet->lanes;
    FL_FN(fl_lay_out_groups)(b, g, b->input[0], g->relevance);
    FL_FN(fl_lay_out_groups)(b, g, b->input[1], g->score);
    return unit;
}

/* Weighs what has been found of groups, and writes it. */
FL_STATIC void FL_FN(fl_write_groups)(const fl_block *b, FL_GROUPS_OF_LANES *g)
{
    const fl_sheet *const sheet = &g->sheet;
    FL_T factor[FL_LANES];
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
        const ptrdiff_t r = sheet->along ? 0 : lane;
        factor[lane] = r < sheet->rows ? (FL_T)((b->weight ? b->weight[g->unit[r]] : 1.0) / b->divisor) : FL_C(0);
    }
    for (ptrdiff_t r = 0; b->want & FL_VALUE && r < sheet->rows; r++)
        ((FL_T *)b->value)[g->unit[r]] = g->value[r] + g->spoilt[r];
    for (int k = 0; k < 2; k++) {
        FL_T *const numbers = k ? g->curvature : g->slope;
        if (!(b->want & (k ? FL_HESSIAN : FL_GRADIENT)) || !numbers)
            continue;
        FL_EACH_GROUP(sheet)
        {
            FL_T *const x = numbers + group * sheet->lanes;
            FL_EACH_LANE(sheet)
            x[lane] = x[lane] * factor[lane] + g->spoilt[lane];
        }
        FL_FN(fl_take_up_groups)(b, g, numbers, k ? b->hessian[0] : b->gradient[0]);
    }
    for (ptrdiff_t r = 0; b->weight && r < sheet->rows; r++)
        FL_FN(fl_drop_group)(b, g->unit[r]);
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
