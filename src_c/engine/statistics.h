/*
 * Units by a few sums over their numbers: rows of vectors, masks, whole arrays.
 *
 *   FL_STATISTICS_FORMULA(dice, "(m...)", (y_true), (y_pred), (smooth), 2, 2, 0)
 *   {   what the numbers of one place add to each sum, and its derivatives by the inputs that are differentiated
 *       return (FL_TERMS){.add = {...}, .slope = {{...}, {...}}, .invalid = ...};
 *   }
 *   FL_OUTCOME_OF(dice, s, (smooth))
 *   {   what the sums s.sum[0], s.sum[1] amount to: the derivative by sum k is by[k] / divisor
 *       return (FL_OUTCOME){.value = ..., .by = {...}, .divisor = ...};
 *   }
 *
 * The derivative by an input is the sum over k of by[k] slope[k], divided by `divisor`: a slope may be a multiple of a
 * derivative, as long as `by` makes up for it. The divisor of vectors, "(d)", is 1, and their `by` is best given
 * for all sums that there may be: GCC does not vectorise what it has to clear. The three numbers are how many sums there
 * are, how many of them are enough for numbers of usual size (the terms of any other set `unusual`; where there are none, `few`
 * is added in place of `add`; of a whole unit, its sums say whether they were enough), and whether the terms are powers of
 * differences that may over- or underflow. Such terms are
 * those of the differences times scale.of[k], a power of two, and give the size of the difference, not scaled, as .size[k]; the
 * outcome knows the scales as s.scale.of[k]. It is 1 unless the sum of a row at this scale is no number of good precision.
 *
 * Vectors may have labels, a number each, and sums that are found in a second look only, when others are known:
 *
 *   FL_STATISTICS_FORMULA_OF(cosine_embedding, "(d)", (), (a, b), (target), (margin), 5, 2, 3)
 *   FL_OUTCOME_FOR(cosine_embedding, s, (target), (margin))
 *   {   labels come before the parameters, and may be .invalid
 *   }
 *   FL_LOOK_AGAIN(cosine_embedding, s, (target), (margin))
 *   {   a number that says how to look again: the terms of all sums but the first ones find it as scale.again; 0: no need
 *   }
 *
 * Labels are the last inputs. These numbers are how many sums there are, how many of them, the first ones, have scales, and how
 * many are those of the first look.
 *
 * A formula may see a function of its last input in place of it, which is computed once for the sums and the gradients:
 *
 *   FL_STATISTICS_FORMULA_FROM(dice_from_logits, "(m...)", (y_true), (y_pred), (smooth), 2, 2, 0, function)
 *
 * Where there are no numbers, as many zeros stand in for them, of such a function -0: their terms must be zeros, and valid.
 *
 * Units of a few numbers lie side by side on sheets, and their sums are kept with their errors. Longer ones are read where they
 * are, one after the other, by 16 lanes: a lane adds up eight terms as they are, which costs it a fraction of a rounding error
 * each, and keeps the errors of adding up these. Of still longer units, parts are computed one by one, and the sums, which are
 * the driver's, are exact. The length of a unit decides which it is.
 */
#ifndef FL_STATISTICS_H
#define FL_STATISTICS_H

#include "engine/sheets.h"

#define FL_TERMS FL_FN(fl_statistic_terms)
#define FL_OUTCOME FL_FN(fl_statistic_outcome)
#define FL_SCALES FL_FN(fl_scales)
#define FL_UNITS FL_FN(fl_units)
#define FL_SIZES FL_FN(fl_sizes)
#define FL_NUMBERS FL_FN(fl_numbers)

/* How many labels a unit has at most, and the loops that add up. */
enum { FL_MAX_LABELS = 2 };
enum { FL_USUAL_LOOK, FL_FIRST_LOOK, FL_SCALED_LOOK, FL_SECOND_LOOK };

enum { FL_SHORTEST_BY_ITSELF = 48, FL_RUN = 8 };

/* A sheet of units. Those that lie side by side are so few that the numbers of several inputs fit into the first-level cache.
 */
FL_INLINE fl_sheet fl_sheet_of_units(ptrdiff_t width)
{
    fl_sheet sheet = fl_sheet_of(width);
    const ptrdiff_t room = sheet.groups * sheet.lanes;
    if (width < FL_SHORTEST_BY_ITSELF) {
        while (sheet.lanes > FL_LANE_STEP && sheet.lanes * width > FL_SHEET_NUMBERS / 4)
            sheet.rows = sheet.lanes -= FL_LANE_STEP;
        return sheet;
    }
    const ptrdiff_t stride = (width + FL_LANE_STEP - 1) / FL_LANE_STEP * FL_LANE_STEP;
    return (fl_sheet){.classes = width,
                      .rows = FL_MIN(FL_LANE_STEP, room / stride),
                      .groups = width,
                      .lanes = FL_LANE_STEP,
                      .stride = stride};
}

/* One of the units that lie one after another. */
FL_INLINE fl_sheet fl_sheet_of_unit(const fl_sheet *sheet)
{
    return (fl_sheet){.classes = sheet->classes,
                      .rows = 1,
                      .groups = sheet->stride / FL_LANE_STEP,
                      .lanes = FL_LANE_STEP,
                      .step = FL_LANE_STEP,
                      .along = 1};
}

#define FL_AS_IT_IS(x) (x)
#define FL_STATISTICS_FORMULA(name, axes, given, by, parameters, count, usual, scaled)                                         \
    FL_STATISTICS_DECLARED(name, axes, given, by, (), parameters, count, usual, (scaled) ? count : 0, count, 0, FL_AS_IT_IS)

#define FL_STATISTICS_FORMULA_FROM(name, axes, given, by, parameters, count, usual, scaled, function)                          \
    FL_STATISTICS_DECLARED(name, axes, given, by, (), parameters, count, usual, (scaled) ? count : 0, count, 1, function)

#define FL_STATISTICS_FORMULA_OF(name, axes, given, by, labels, parameters, count, scaled, first)                              \
    _Static_assert(sizeof axes == sizeof "(d)", "units that come in parts have no labels, and are looked at once");            \
    FL_STATISTICS_DECLARED(name, axes, given, by, labels, parameters, count, count, scaled, first, 0, FL_AS_IT_IS)

#define FL_STATISTICS_DECLARED(name, axes, given, by_, labels_, parameters, count_, usual_, scaled_, first_, prepares_,        \
                               function)                                                                                       \
    FL_DECLARE(name, FL_STATISTICS, FL_SIGNATURE(axes, given, by_) FL_EACH(FL_GIVEN, "", labels_), parameters)                 \
    enum {                                                                                                                     \
        FL_FN(name##_count) = count_,                                                                                          \
        FL_FN(name##_usual) = usual_,                                                                                          \
        FL_FN(name##_scaled) = scaled_,                                                                                        \
        FL_FN(name##_first) = first_,                                                                                          \
        FL_FN(name##_given) = FL_COUNT(given),                                                                                 \
        FL_FN(name##_gradients) = FL_COUNT(by_),                                                                               \
        FL_FN(name##_inputs) = FL_COUNT(given) + FL_COUNT(by_),                                                                \
        FL_FN(name##_labels) = FL_COUNT(labels_),                                                                              \
        FL_FN(name##_prepares) = prepares_,                                                                                    \
        FL_FN(name##_in_parts) = sizeof axes != sizeof "(d)",                                                                  \
        FL_FN(name##_divides) = FL_FN(name##_in_parts),                                                                        \
        FL_FN(name##_parameter_count) = FL_COUNT(parameters)                                                                   \
    };                                                                                                                         \
    FL_INLINE FL_TERMS FL_FN(name##_formula)(FL_ARGUMENTS(given, by_, parameters), const FL_SCALES scale);                     \
    FL_INLINE FL_OUTCOME FL_FN(name##_outcome)(const FL_FN(fl_statistic_sums) s, const double *q);                             \
    FL_INLINE FL_T FL_FN(name##_look)(const FL_FN(fl_statistic_sums) s, const double *q);                                      \
    FL_INLINE FL_TERMS FL_FN(name##_at)(const FL_T *const *x, ptrdiff_t i, const double *q, const FL_SCALES scale)             \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(name##_formula)(FL_BOUND(given, by_, parameters), scale);                                                 \
    }                                                                                                                          \
    FL_PREPARE_LOOP(name, function)                                                                                            \
    FL_ADD_LOOP(name, add_few_lanes, 0, FL_FN(name##_usual), 0, 1)                                                             \
    FL_ADD_LOOP(name, add_lanes, 0, FL_FN(name##_first), 0, 0)                                                                 \
    FL_ADD_LOOP(name, add_scaled_lanes, 0, FL_FN(name##_first), FL_FN(name##_scaled), 0)                                       \
    FL_ADD_LOOP(name, add_again_lanes, FL_FN(name##_first), FL_FN(name##_count), FL_FN(name##_scaled), 0)                      \
    FL_SLOPE_LOOP(name, slope_lanes, 0)                                                                                        \
    FL_SLOPE_LOOP(name, slope_scaled_lanes, FL_FN(name##_scaled))                                                              \
    FL_LANE_LOOPS(name)                                                                                                        \
    FL_PART_LOOP(name, few, FL_FN(name##_usual), FL_FN(name##_usual) < FL_FN(name##_count))                                    \
    FL_PART_LOOP(name, all, FL_FN(name##_count), 0)                                                                            \
    FL_PART_GRADIENT(name)                                                                                                     \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        static const FL_FN(fl_statistic_maps) maps = {                                                                         \
            .inputs = FL_FN(name##_inputs),                                                                                    \
            .gradients = FL_FN(name##_gradients),                                                                              \
            .labels = FL_FN(name##_labels),                                                                                    \
            .count = FL_FN(name##_count),                                                                                      \
            .scaled = FL_FN(name##_scaled),                                                                                    \
            .usual = FL_FN(name##_usual),                                                                                      \
            .first = FL_FN(name##_first),                                                                                      \
            .prepare = FL_FN(name##_prepares) ? FL_FN(name##_prepare) : NULL,                                                  \
            .add = {FL_FN(name##_usual) < FL_FN(name##_count) ? FL_FN(name##_add_few_lanes) : NULL, FL_FN(name##_add_lanes),   \
                    FL_FN(name##_scaled) ? FL_FN(name##_add_scaled_lanes) : NULL,                                              \
                    FL_FN(name##_first) < FL_FN(name##_count) ? FL_FN(name##_add_again_lanes) : NULL},                         \
            .slopes = {FL_FN(name##_slope_lanes), FL_FN(name##_scaled) ? FL_FN(name##_slope_scaled_lanes) : NULL},             \
            .size = FL_FN(name##_size_lanes),                                                                                  \
            .look = FL_FN(name##_look_lanes),                                                                                  \
            .outcomes = FL_FN(name##_outcomes),                                                                                \
        };                                                                                                                     \
        return FL_FN(fl_statistic_rows)(block, &maps);                                                                         \
    }                                                                                                                          \
    FL_STATIC int FL_FN(name##_part)(const fl_block *block)                                                                    \
    {                                                                                                                          \
        if (block->outcome)                                                                                                    \
            return FL_FN(name##_part_gradient)(block);                                                                         \
        return block->statistic[FL_FN(name##_count) - 1] ? FL_FN(name##_all)(block) : FL_FN(name##_few)(block);                \
    }                                                                                                                          \
    FL_STATIC void FL_FN(name##_outcome_of)(const double *sums, double weight, int precision, const double *q, fl_outcome *o)  \
    {                                                                                                                          \
        FL_FN(fl_statistic_sums) s = {.weight = (FL_T)weight, .scale = FL_NOT_SCALED, .precision = precision};                 \
        for (int k = 0; k < FL_FN(name##_count); k++)                                                                          \
            s.sum[k] = (FL_T)sums[k];                                                                                          \
        const FL_OUTCOME f = FL_FN(name##_outcome)(s, q);                                                                      \
        o->value = (double)f.value;                                                                                            \
        o->divisor = (double)f.divisor;                                                                                        \
        for (int k = 0; k < FL_FN(name##_count); k++)                                                                          \
            o->by[k] = (double)f.by[k];                                                                                        \
    }                                                                                                                          \
    FL_INLINE FL_TERMS FL_FN(name##_formula)(FL_ARGUMENTS(given, by_, parameters),                                             \
                                             __attribute__((unused)) const FL_SCALES scale)

/* A function of the sums of a unit, its labels and the parameters. */
#define FL_LABEL_AT(extra, k, name) , s.label[k]
#define FL_OF_SUMS(name, what, type, s, labels, parameters)                                                                    \
    FL_INLINE type FL_FN(name##_##what##_formula)(const FL_FN(fl_statistic_sums) s FL_EACH(FL_INPUT, , labels)                 \
                                                      FL_EACH(FL_PARAMETER, , parameters));                                    \
    FL_INLINE type FL_FN(name##_##what)(const FL_FN(fl_statistic_sums) s, const double *q)                                     \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(name##_##what##_formula)(s FL_EACH(FL_LABEL_AT, , labels) FL_EACH(FL_PARAMETER_AT, , parameters));        \
    }                                                                                                                          \
    FL_INLINE type FL_FN(name##_##what##_formula)(const FL_FN(fl_statistic_sums) s FL_EACH(FL_INPUT, , labels)                 \
                                                      FL_EACH(FL_PARAMETER, , parameters))

#define FL_OUTCOME_OF(name, s, parameters)                                                                                     \
    FL_ONE_LOOK(name)                                                                                                          \
    FL_OUTCOME_FOR(name, s, (), parameters)
#define FL_OUTCOME_FOR(name, s, labels, parameters) FL_OF_SUMS(name, outcome, FL_OUTCOME, s, labels, parameters)
#define FL_LOOK_AGAIN(name, s, labels, parameters) FL_OF_SUMS(name, look, FL_T, s, labels, parameters)
#define FL_ONE_LOOK(name)                                                                                                      \
    FL_INLINE FL_T FL_FN(name##_look)(__attribute__((unused)) const FL_FN(fl_statistic_sums) s,                                \
                                      __attribute__((unused)) const double *q)                                                 \
    {                                                                                                                          \
        return FL_C(0);                                                                                                        \
    }

/* The parameters of a formula where no output can overwrite them. */
#define FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
    double q[FL_MAX_PARAMETERS];                                                                                               \
    if (FL_FN(name##_parameter_count))                                                                                         \
        memcpy(q, parameters, FL_FN(name##_parameter_count) * sizeof *q);

/* Constants in place of loops over sums and gradients: what is indexed by a variable stays in memory, and is not vectorised. */
#define FL_STORE_TERMS(count, usual)                                                                                           \
    s0[i] = usual ? t.few[0] : t.add[0];                                                                                       \
    if (count > 1)                                                                                                             \
        s1[i] = usual ? t.few[1] : t.add[1];                                                                                   \
    if (count > 2)                                                                                                             \
        s2[i] = usual ? t.few[2] : t.add[2];                                                                                   \
    if (count > 3)                                                                                                             \
        s3[i] = usual ? t.few[3] : t.add[3];                                                                                   \
    if (count > 4)                                                                                                             \
        s4[i] = usual ? t.few[4] : t.add[4];
#define FL_STORE_SLOPES(gradients, count, then)                                                                                \
    g0[i] = FL_FN(fl_slope)(t, 0, count, by0, by1, by2, by3, by4) then;                                                        \
    if (gradients > 1)                                                                                                         \
        g1[i] = FL_FN(fl_slope)(t, 1, count, by0, by1, by2, by3, by4) then;                                                    \
    if (gradients > 2)                                                                                                         \
        g2[i] = FL_FN(fl_slope)(t, 2, count, by0, by1, by2, by3, by4) then;
#define FL_KEEP_TERM(k, from, to, usual)                                                                                       \
    if (k >= from && k < to)                                                                                                   \
        t##k[i] = (usual) ? t.few[k] : t.add[k];
#define FL_ADD_TERMS(k, from, to)                                                                                              \
    if (k >= from && k < to)                                                                                                   \
        FL_FN(fl_add_terms)(&r##k, t##k);
#define FL_ADD_RUN(k, from, to)                                                                                                \
    if (k >= from && k < to)                                                                                                   \
        FL_FN(fl_add_step)(&s##k, r##k);
#define FL_TAKE_SUM(k, from, to)                                                                                               \
    if (k >= from && k < to)                                                                                                   \
        s##k = FL_FN(fl_take_step)(&sums[k], first);
#define FL_KEEP_SUM(k, from, to)                                                                                               \
    if (k >= from && k < to)                                                                                                   \
        FL_FN(fl_keep_step)(&sums[k], first, &s##k);

/* The loops over the numbers of a sheet, or of the unit in one of its lanes, a step of lanes at a time: their sums, of the
 * terms of all groups, and their scales stay in registers. */
#define FL_STEP (FL_VECTOR_BYTES / (int)sizeof(FL_T))
/* All steps go over the groups of two runs before the next ones: memory is read once, and in its order. */
enum { FL_NEAR_GROUPS = 2 * FL_RUN };
#define FL_EACH_NEAR                                                                                                           \
    for (ptrdiff_t near = 0, far; far = FL_MIN(near + FL_NEAR_GROUPS, groups), near == 0 || near < groups;                     \
         near += FL_NEAR_GROUPS)
#define FL_EACH_STEP(sheet) for (ptrdiff_t first = 0; first < (sheet)->lanes; first += FL_STEP)
/* Where nothing that is written can be, so that loops need not look again. */
#define FL_LOCAL_NUMBERS                                                                                                       \
    const FL_NUMBERS local = *n;                                                                                               \
    const ptrdiff_t lanes = sheet->lanes, groups = sheet->groups;
#define FL_LANES_AT                                                                                                            \
    const ptrdiff_t place = group * lanes + first;                                                                             \
    const FL_T *const x[FL_MAX_INPUTS] = {local.x[0] + place, local.x[1] + place, local.x[2] + place, local.x[3] + place};
#define FL_ADD_LOOP(name, which, from, to, scaled, usual)                                                                      \
    FL_STATIC int FL_FN(name##_##which)(const fl_sheet *sheet, const FL_NUMBERS *n, const double *parameters,                  \
                                        const FL_UNITS *u, FL_FN(fl_sums) * sums)                                              \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
        FL_LOCAL_NUMBERS                                                                                                       \
        const ptrdiff_t run = sheet->along ? FL_RUN : 1;                                                                       \
        FL_FN(fl_step_of_integers) invalid = {0};                                                                              \
        FL_EACH_NEAR                                                                                                           \
        FL_EACH_STEP(sheet)                                                                                                    \
        {                                                                                                                      \
            FL_FN(fl_sums_of_step) s0 = {{0}, {0}}, s1 = s0, s2 = s0, s3 = s0, s4 = s0;                                        \
            FL_T t0[FL_STEP], t1[FL_STEP], t2[FL_STEP], t3[FL_STEP], t4[FL_STEP];                                              \
            FL_I bad[FL_STEP];                                                                                                 \
            FL_SCALES_OF_STEP all;                                                                                             \
            FL_FN(fl_scales_of_step)(sheet, n, u, first, scaled, from > 0, &all);                                              \
            if (from > 0 && !FL_FN(fl_looks_again)(&all))                                                                      \
                continue;                                                                                                      \
            if (near > 0) {                                                                                                    \
                FL_TAKE_SUM(0, from, to)                                                                                       \
                FL_TAKE_SUM(1, from, to)                                                                                       \
                FL_TAKE_SUM(2, from, to)                                                                                       \
                FL_TAKE_SUM(3, from, to)                                                                                       \
                FL_TAKE_SUM(4, from, to)                                                                                       \
            }                                                                                                                  \
            for (ptrdiff_t begin = near; begin < far; begin += run) {                                                          \
                FL_FN(fl_step) r0 = {0}, r1 = r0, r2 = r0, r3 = r0, r4 = r0;                                                   \
                const ptrdiff_t end = FL_MIN(begin + run, far);                                                                \
                for (ptrdiff_t group = begin; group < end; group++) {                                                          \
                    FL_LANES_AT                                                                                                \
                    FL_SIMD                                                                                                    \
                    for (FL_I i = 0; i < FL_STEP; i++) {                                                                       \
                        const FL_TERMS t = FL_FN(name##_at)(x, i, q, FL_SCALES_AT(scaled, from > 0, i));                       \
                        FL_KEEP_TERM(0, from, to, usual)                                                                       \
                        FL_KEEP_TERM(1, from, to, usual)                                                                       \
                        FL_KEEP_TERM(2, from, to, usual)                                                                       \
                        FL_KEEP_TERM(3, from, to, usual)                                                                       \
                        FL_KEEP_TERM(4, from, to, usual)                                                                       \
                        bad[i] = t.invalid;                                                                                    \
                    }                                                                                                          \
                    FL_FN(fl_or_step)(&invalid, bad);                                                                          \
                    FL_ADD_TERMS(0, from, to)                                                                                  \
                    FL_ADD_TERMS(1, from, to)                                                                                  \
                    FL_ADD_TERMS(2, from, to)                                                                                  \
                    FL_ADD_TERMS(3, from, to)                                                                                  \
                    FL_ADD_TERMS(4, from, to)                                                                                  \
                }                                                                                                              \
                FL_ADD_RUN(0, from, to)                                                                                        \
                FL_ADD_RUN(1, from, to)                                                                                        \
                FL_ADD_RUN(2, from, to)                                                                                        \
                FL_ADD_RUN(3, from, to)                                                                                        \
                FL_ADD_RUN(4, from, to)                                                                                        \
            }                                                                                                                  \
            FL_KEEP_SUM(0, from, to)                                                                                           \
            FL_KEEP_SUM(1, from, to)                                                                                           \
            FL_KEEP_SUM(2, from, to)                                                                                           \
            FL_KEEP_SUM(3, from, to)                                                                                           \
            FL_KEEP_SUM(4, from, to)                                                                                           \
        }                                                                                                                      \
        return FL_FN(fl_any_of_step)(&invalid);                                                                                \
    }

#define FL_PREPARE_LOOP(name, function)                                                                                        \
    FL_STATIC void FL_FN(name##_prepare)(const void *from, void *to, ptrdiff_t n)                                              \
    {                                                                                                                          \
        const FL_T *const x = from;                                                                                            \
        FL_T *const prepared = to;                                                                                             \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++)                                                                                      \
            prepared[i] = function(x[i]);                                                                                      \
    }

#define FL_SLOPE_LOOP(name, which, scaled)                                                                                     \
    static void FL_FN(name##_##which)(const fl_sheet *sheet, const FL_NUMBERS *n, const double *parameters, const FL_UNITS *u) \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
        FL_LOCAL_NUMBERS                                                                                                       \
        FL_EACH_NEAR                                                                                                           \
        FL_EACH_STEP(sheet)                                                                                                    \
        {                                                                                                                      \
            FL_SCALES_OF_STEP all;                                                                                             \
            FL_FN(fl_slopes_of_step) of;                                                                                       \
            FL_FN(fl_scales_of_step)(sheet, n, u, first, scaled, FL_FN(name##_first) < FL_FN(name##_count), &all);             \
            FL_FN(fl_slopes_of_step_at)(sheet, n, u, first, FL_FN(name##_count), FL_FN(name##_divides), &of);                  \
            for (ptrdiff_t group = near; group < far; group++) {                                                               \
                FL_LANES_AT                                                                                                    \
                FL_T *const g0 = local.g[0] + place, *const g1 = local.g[1] + place, *const g2 = local.g[2] + place;           \
                FL_SIMD                                                                                                        \
                for (FL_I i = 0; i < FL_STEP; i++) {                                                                           \
                    const FL_TERMS t =                                                                                         \
                        FL_FN(name##_at)(x, i, q, FL_SCALES_AT(scaled, FL_FN(name##_first) < FL_FN(name##_count), i));         \
                    const FL_T by0 = of.by[0][i], by1 = FL_BY_AT(name, 1, i), by2 = FL_BY_AT(name, 2, i);                      \
                    const FL_T by3 = FL_BY_AT(name, 3, i), by4 = FL_BY_AT(name, 4, i);                                         \
                    FL_STORE_SLOPES(FL_FN(name##_gradients), FL_FN(name##_count), FL_DIVIDED(name, i) * of.factor[i])          \
                }                                                                                                              \
            }                                                                                                                  \
        }                                                                                                                      \
    }

#define FL_BY_AT(name, k, i) (FL_FN(name##_count) > (k) ? of.by[k][i] : FL_C(0))
/* A division by 1 takes its time, too. */
#define FL_DIVIDED(name, i) / (FL_FN(name##_divides) ? of.divisor[i] : FL_C(1))

#define FL_LANE_LOOPS(name)                                                                                                    \
    static void FL_FN(name##_size_lanes)(const fl_sheet *sheet, const FL_NUMBERS *n, const double *parameters,                 \
                                         FL_SIZES *sizes)                                                                      \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
        FL_LOCAL_NUMBERS                                                                                                       \
        FL_EACH_STEP(sheet)                                                                                                    \
        for (ptrdiff_t group = 0; group < groups; group++) {                                                                   \
            FL_LANES_AT                                                                                                        \
            FL_SIMD                                                                                                            \
            for (FL_I i = 0; i < FL_STEP; i++) {                                                                               \
                const FL_TERMS t = FL_FN(name##_at)(x, i, q, FL_NOT_SCALED);                                                   \
                for (int k = 0; k < FL_FN(name##_scaled); k++)                                                                 \
                    sizes->of[k][first + i] = FL_MAX(sizes->of[k][first + i], t.size[k]);                                      \
            }                                                                                                                  \
        }                                                                                                                      \
    }                                                                                                                          \
    static int FL_FN(name##_look_lanes)(const fl_sheet *sheet, const double *q, FL_T weight, FL_UNITS *u)                      \
    {                                                                                                                          \
        FL_I again = 0;                                                                                                        \
        FL_SIMD_REDUCE(reduction(| : again))                                                                                   \
        for (ptrdiff_t i = 0; i < sheet->lanes; i++) {                                                                         \
            const FL_FN(fl_statistic_sums) s = FL_SUMS_AT(name, FL_FN(name##_first), i);                                       \
            const FL_T look = FL_FN(name##_look)(s, q);                                                                        \
            u->again[i] = look;                                                                                                \
            again |= FL_SELECT(look != FL_C(0), (FL_I)1, (FL_I)0);                                                             \
        }                                                                                                                      \
        return again != 0;                                                                                                     \
    }                                                                                                                          \
    static int FL_FN(name##_outcomes)(const fl_sheet *sheet, const double *q, FL_T weight, FL_UNITS *u)                        \
    {                                                                                                                          \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < sheet->rows; i++) {                                                                          \
            const FL_FN(fl_statistic_sums) s = FL_SUMS_AT(name, FL_FN(name##_count), i);                                       \
            const FL_OUTCOME f = FL_FN(name##_outcome)(s, q);                                                                  \
            u->value[i] = f.value;                                                                                             \
            u->divisor[i] = f.divisor;                                                                                         \
            for (int k = 0; k < FL_FN(name##_count); k++)                                                                      \
                u->by[k][i] = f.by[k];                                                                                         \
            invalid |= f.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }

#define FL_PRECISION (FL_BITS == 32 ? FL_F32 : FL_F64)
#define FL_NOT_SCALED                                                                                                          \
    (FL_SCALES)                                                                                                                \
    {                                                                                                                          \
        {FL_C(1), FL_C(1), FL_C(1), FL_C(1), FL_C(1)}, FL_C(0)                                                                 \
    }
#define FL_SCALES_OF_STEP FL_FN(fl_scales_of_step_type)
#define FL_SCALES_AT(scaled, looks_again, i)                                                                                   \
    ((FL_SCALES){{(scaled) > 0 ? all.of[0][i] : FL_C(1), (scaled) > 1 ? all.of[1][i] : FL_C(1),                                \
                  (scaled) > 2 ? all.of[2][i] : FL_C(1), (scaled) > 3 ? all.of[3][i] : FL_C(1),                                \
                  (scaled) > 4 ? all.of[4][i] : FL_C(1)},                                                                      \
                 (looks_again) ? all.again[i] : FL_C(0)})
#define FL_SUM_AT(name, count, k, i) ((k) < (count) ? u->sums[k].sum[i] : FL_C(0))
#define FL_SUMS_AT(name, count, i)                                                                                             \
    {                                                                                                                          \
        .sum = {FL_SUM_AT(name, count, 0, i), FL_SUM_AT(name, count, 1, i), FL_SUM_AT(name, count, 2, i),                      \
                FL_SUM_AT(name, count, 3, i), FL_SUM_AT(name, count, 4, i)},                                                   \
        .label = {u->label[0][i], u->label[1][i]}, .weight = weight,                                                           \
        .scale = {{u->scale[0][i], u->scale[1][i], u->scale[2][i], u->scale[3][i], u->scale[4][i]}, u->again[i]},              \
        .precision = FL_PRECISION                                                                                              \
    }

/* The loops over a part of a unit: what its numbers add to `count` of the statistics, and the gradients. */
#define FL_PART_LOOP(name, which, count, usual)                                                                                \
    FL_STATIC int FL_FN(name##_##which)(const fl_block *block)                                                                 \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, block->parameters)                                                                           \
        const FL_T *const x[FL_MAX_INPUTS] = {block->input[0], block->input[1], block->input[2], block->input[3]};             \
        FL_T *const s0 = block->statistic[0], *const s1 = block->statistic[1];                                                 \
        FL_T *const s2 = block->statistic[2], *const s3 = block->statistic[3], *const s4 = block->statistic[4];                \
        const ptrdiff_t n = block->units;                                                                                      \
        FL_I invalid = 0, unusual = 0;                                                                                         \
        FL_SIMD_REDUCE(reduction(| : invalid, unusual))                                                                        \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TERMS t = FL_FN(name##_at)(x, i, q, FL_NOT_SCALED);                                                       \
            FL_STORE_TERMS(count, usual)                                                                                       \
            invalid |= t.invalid;                                                                                              \
            unusual |= t.unusual;                                                                                              \
        }                                                                                                                      \
        return (invalid ? FL_OUTSIDE : 0) | (unusual ? FL_UNUSUAL : 0);                                                        \
    }

#define FL_PART_GRADIENT(name)                                                                                                 \
    FL_STATIC int FL_FN(name##_part_gradient)(const fl_block *block)                                                           \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, block->parameters)                                                                           \
        const FL_T *const x[FL_MAX_INPUTS] = {block->input[0], block->input[1], block->input[2], block->input[3]};             \
        FL_T *const g0 = block->gradient[0], *const g1 = block->gradient[1], *const g2 = block->gradient[2];                   \
        const FL_T by0 = (FL_T)block->outcome->by[0], by1 = (FL_T)block->outcome->by[1];                                       \
        const FL_T by2 = (FL_T)block->outcome->by[2], by3 = (FL_T)block->outcome->by[3];                                       \
        const FL_T by4 = (FL_T)block->outcome->by[4];                                                                          \
        const ptrdiff_t n = block->units;                                                                                      \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TERMS t = FL_FN(name##_at)(x, i, q, FL_NOT_SCALED);                                                       \
            FL_STORE_SLOPES(FL_FN(name##_gradients), FL_FN(name##_count), )                                                    \
        }                                                                                                                      \
        return 0;                                                                                                              \
    }

#define FL_TEMPLATE "engine/statistics.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T of[FL_MAX_STATISTICS], again;
} FL_FN(fl_scales);

typedef struct {
    FL_T add[FL_MAX_STATISTICS], few[FL_MAX_STATISTICS], slope[FL_MAX_STATISTICS][FL_MAX_GRADIENTS], size[FL_MAX_STATISTICS];
    FL_I invalid, unusual;
} FL_FN(fl_statistic_terms);

/* The sums of a unit, its labels, and the sum of what its numbers weigh. */
typedef struct {
    FL_T sum[FL_MAX_STATISTICS], label[FL_MAX_LABELS], weight;
    FL_SCALES scale;
    int precision; /* of the terms */
} FL_FN(fl_statistic_sums);

typedef struct {
    FL_T value, by[FL_MAX_STATISTICS], divisor;
    FL_I invalid;
} FL_FN(fl_statistic_outcome);

/* The units of a sheet, a lane each. */
typedef struct {
    FL_T label[FL_MAX_LABELS][FL_LANES];
    FL_T scale[FL_MAX_STATISTICS][FL_LANES], again[FL_LANES];
    FL_FN(fl_sums) sums[FL_MAX_STATISTICS];
    FL_T value[FL_LANES], by[FL_MAX_STATISTICS][FL_LANES], divisor[FL_LANES];
    FL_T factor[FL_LANES]; /* of the derivatives */
} FL_FN(fl_units);

/* The largest sizes of the differences in each lane. */
typedef struct {
    FL_T of[FL_MAX_STATISTICS][FL_LANES];
} FL_FN(fl_sizes);

/* Where the numbers of the units on a sheet begin, and where their derivatives go; or those of the unit in a lane of it. */
typedef struct {
    const FL_T *x[FL_MAX_INPUTS];
    FL_T *g[FL_MAX_GRADIENTS];
    ptrdiff_t lane;
} FL_FN(fl_numbers);

/* What a loop needs to know of a step of lanes, where no output can overwrite it. */
typedef struct {
    FL_T of[FL_MAX_STATISTICS][FL_STEP], again[FL_STEP];
} FL_FN(fl_scales_of_step_type);

typedef struct {
    FL_T by[FL_MAX_STATISTICS][FL_STEP], divisor[FL_STEP], factor[FL_STEP];
} FL_FN(fl_slopes_of_step);

/* What is known of a step of lanes; of the lanes of one unit, the same in all of them. */
FL_INLINE void FL_FN(fl_known)(const fl_sheet *sheet, const FL_NUMBERS *n, const FL_T *of, ptrdiff_t first, FL_T *step)
{
    if (!sheet->along) {
        memcpy(step, of + first, FL_STEP * sizeof *step);
        return;
    }
    for (int i = 0; i < FL_STEP; i++)
        step[i] = of[n->lane];
}

FL_INLINE void FL_FN(fl_scales_of_step)(const fl_sheet *sheet, const FL_NUMBERS *n, const FL_UNITS *u, ptrdiff_t first,
                                        int scaled, int looks_again, FL_SCALES_OF_STEP *step)
{
    for (int k = 0; k < scaled; k++)
        FL_FN(fl_known)(sheet, n, u->scale[k], first, step->of[k]);
    if (looks_again)
        FL_FN(fl_known)(sheet, n, u->again, first, step->again);
}

FL_INLINE int FL_FN(fl_looks_again)(const FL_SCALES_OF_STEP *step)
{
    FL_I again = 0;
    FL_SIMD_REDUCE(reduction(| : again))
    for (FL_I i = 0; i < FL_STEP; i++)
        again |= FL_SELECT(step->again[i] != FL_C(0), (FL_I)1, (FL_I)0);
    return again != 0;
}

FL_INLINE void FL_FN(fl_slopes_of_step_at)(const fl_sheet *sheet, const FL_NUMBERS *n, const FL_UNITS *u, ptrdiff_t first,
                                           int count, int divides, FL_FN(fl_slopes_of_step) * step)
{
    for (int k = 0; k < count; k++)
        FL_FN(fl_known)(sheet, n, u->by[k], first, step->by[k]);
    if (divides)
        FL_FN(fl_known)(sheet, n, u->divisor, first, step->divisor);
    FL_FN(fl_known)(sheet, n, u->factor, first, step->factor);
}

/* What a loop adds up in a step of lanes, as fl_add does: in registers, where GCC does not keep arrays. */
typedef FL_T FL_FN(fl_step) __attribute__((vector_size(FL_VECTOR_BYTES)));
typedef FL_I FL_FN(fl_step_of_integers) __attribute__((vector_size(FL_VECTOR_BYTES)));
typedef struct {
    FL_FN(fl_step) sum, error;
} FL_FN(fl_sums_of_step);

/* Bits of a step of lanes, which are gathered lane by lane, and looked at in the end. */
FL_INLINE void FL_FN(fl_or_step)(FL_FN(fl_step_of_integers) * all, const FL_I *bits)
{
    FL_FN(fl_step_of_integers) x;
    memcpy(&x, bits, sizeof x);
    *all |= x;
}

FL_INLINE int FL_FN(fl_any_of_step)(const FL_FN(fl_step_of_integers) * all)
{
    FL_I any = 0;
    for (int i = 0; i < FL_STEP; i++)
        any |= (*all)[i];
    return any != 0;
}

FL_INLINE void FL_FN(fl_add_terms)(FL_FN(fl_step) * run, const FL_T *terms)
{
    FL_FN(fl_step) x;
    memcpy(&x, terms, sizeof x);
    *run += x;
}

FL_INLINE void FL_FN(fl_add_step)(FL_FN(fl_sums_of_step) * s, FL_FN(fl_step) x)
{
    const FL_FN(fl_step) sum = s->sum + x, part = sum - s->sum;
    s->error += (s->sum - (sum - part)) + (x - part);
    s->sum = sum;
}

FL_INLINE FL_FN(fl_sums_of_step) FL_FN(fl_take_step)(const FL_FN(fl_sums) * s, ptrdiff_t first)
{
    FL_FN(fl_sums_of_step) step;
    memcpy(&step.sum, s->sum + first, sizeof step.sum);
    memcpy(&step.error, s->error + first, sizeof step.error);
    return step;
}

FL_INLINE void FL_FN(fl_keep_step)(FL_FN(fl_sums) * s, ptrdiff_t first, const FL_FN(fl_sums_of_step) * step)
{
    memcpy(s->sum + first, &step->sum, sizeof step->sum);
    memcpy(s->error + first, &step->error, sizeof step->error);
}

typedef struct {
    int inputs, gradients, labels, count, usual, scaled, first;
    fl_prepare prepare;
    /* the usual sums, those of the first look, with scales or without, and of the second one */
    int (*add[4])(const fl_sheet *sheet, const FL_NUMBERS *n, const double *q, const FL_UNITS *u, FL_FN(fl_sums) * sums);
    void (*slopes[2])(const fl_sheet *sheet, const FL_NUMBERS *n, const double *q, const FL_UNITS *u);
    void (*size)(const fl_sheet *sheet, const FL_NUMBERS *n, const double *q, FL_SIZES *sizes);
    int (*look)(const fl_sheet *sheet, const double *q, FL_T weight, FL_UNITS *u);
    int (*outcomes)(const fl_sheet *sheet, const double *q, FL_T weight, FL_UNITS *u);
} FL_FN(fl_statistic_maps);

/* The derivative by input j. */
FL_INLINE FL_T FL_FN(fl_slope)(const FL_TERMS t, int j, int count, FL_T by0, FL_T by1, FL_T by2, FL_T by3, FL_T by4)
{
    FL_T slope = by0 * t.slope[0][j];
    if (count > 1)
        slope = FL_FMA(by1, t.slope[1][j], slope);
    if (count > 2)
        slope = FL_FMA(by2, t.slope[2][j], slope);
    if (count > 3)
        slope = FL_FMA(by3, t.slope[3][j], slope);
    if (count > 4)
        slope = FL_FMA(by4, t.slope[4][j], slope);
    return slope;
}

/* The unit in a lane of a sheet of those that lie one after another. */
FL_INLINE FL_NUMBERS FL_FN(fl_numbers_of)(const fl_sheet *sheet, const FL_NUMBERS *n, ptrdiff_t lane)
{
    FL_NUMBERS of = {.lane = lane};
    for (int i = 0; i < FL_MAX_INPUTS; i++)
        of.x[i] = n->x[i] + lane * sheet->stride;
    for (int j = 0; j < FL_MAX_GRADIENTS; j++)
        of.g[j] = n->g[j] + lane * sheet->stride;
    return of;
}

/* Sums of units, with their errors, in 16 lanes each. */
typedef struct {
    FL_T sum[FL_LANE_STEP * FL_LANE_STEP], error[FL_LANE_STEP * FL_LANE_STEP];
} FL_FN(fl_lanes_of_units);

/* The sums of the units: lanes are added up for all of these at a time. */
FL_STATIC void FL_FN(fl_merge_units)(const fl_sheet *sheet, const FL_FN(fl_lanes_of_units) * lanes, FL_FN(fl_sums) * s)
{
    FL_FN(fl_lanes_of_units) turned;
    FL_FN(fl_transpose)(lanes->sum, FL_LANE_STEP, sheet->rows, FL_LANE_STEP, turned.sum, FL_LANE_STEP);
    FL_FN(fl_transpose)(lanes->error, FL_LANE_STEP, sheet->rows, FL_LANE_STEP, turned.error, FL_LANE_STEP);
    for (ptrdiff_t half = FL_LANE_STEP / 2; half; half /= 2)
        for (ptrdiff_t lane = 0; lane < half; lane++) {
            FL_T *const to = turned.sum + lane * FL_LANE_STEP, *const error = turned.error + lane * FL_LANE_STEP;
            const FL_T *const from = to + half * FL_LANE_STEP, *const other = error + half * FL_LANE_STEP;
            FL_SIMD
            for (ptrdiff_t unit = 0; unit < sheet->rows; unit++) {
                const FL_PAIR total = FL_TWO_SUM(to[unit], from[unit]);
                to[unit] = total.hi;
                error[unit] = (error[unit] + other[unit]) + total.lo;
            }
        }
    memcpy(s->sum, turned.sum, (size_t)sheet->rows * sizeof *s->sum);
    memcpy(s->error, turned.error, (size_t)sheet->rows * sizeof *s->error);
    FL_FN(fl_correct)(s, sheet->rows, s->sum);
}

/* The sums from `from` on, as far as a loop adds them up. */
FL_STATIC int FL_FN(fl_add_up)(const fl_sheet *sheet, const FL_NUMBERS *n, const double *q,
                               const FL_FN(fl_statistic_maps) * maps, int loop, FL_UNITS *u)
{
    const int from = loop == FL_SECOND_LOOK ? maps->first : 0;
    const int to = loop == FL_USUAL_LOOK ? maps->usual : loop == FL_SECOND_LOOK ? maps->count : maps->first;
    int invalid = 0;
    if (!sheet->stride) {
        invalid = maps->add[loop](sheet, n, q, u, u->sums);
        for (int k = from; k < to; k++)
            FL_FN(fl_finish_sums)(sheet, &u->sums[k]);
        return invalid;
    }
    const fl_sheet one = fl_sheet_of_unit(sheet);
    FL_FN(fl_lanes_of_units) lanes[FL_MAX_STATISTICS];
    FL_FN(fl_sums) sums[FL_MAX_STATISTICS];
    for (ptrdiff_t lane = 0; lane < sheet->rows; lane++) {
        const FL_NUMBERS of = FL_FN(fl_numbers_of)(sheet, n, lane);
        const int looks = loop != FL_SECOND_LOOK || u->again[lane] != FL_C(0);
        if (looks)
            invalid |= maps->add[loop](&one, &of, q, u, sums);
        for (int k = from; k < to; k++) {
            const size_t bytes = FL_LANE_STEP * sizeof(FL_T);
            if (!looks)
                memset(&sums[k], 0, sizeof sums[k]);
            memcpy(lanes[k].sum + lane * FL_LANE_STEP, sums[k].sum, bytes);
            memcpy(lanes[k].error + lane * FL_LANE_STEP, sums[k].error, bytes);
        }
    }
    for (int k = from; k < to; k++)
        FL_FN(fl_merge_units)(sheet, &lanes[k], &u->sums[k]);
    return invalid;
}

/* The largest sizes of the units of a sheet. */
FL_STATIC void FL_FN(fl_find_sizes)(const fl_sheet *sheet, const FL_NUMBERS *n, const double *q,
                                    const FL_FN(fl_statistic_maps) * maps, FL_SIZES *sizes)
{
    memset(sizes, 0, sizeof *sizes);
    if (!sheet->stride) {
        maps->size(sheet, n, q, sizes);
        return;
    }
    const fl_sheet one = fl_sheet_of_unit(sheet);
    for (ptrdiff_t lane = 0; lane < sheet->rows; lane++) {
        const FL_NUMBERS of = FL_FN(fl_numbers_of)(sheet, n, lane);
        FL_SIZES of_lanes = {{{0}}};
        maps->size(&one, &of, q, &of_lanes);
        for (int k = 0; k < maps->scaled; k++)
            for (int i = 0; i < FL_LANE_STEP; i++)
                sizes->of[k][lane] = FL_MAX(sizes->of[k][lane], of_lanes.of[k][i]);
    }
}

/* Sums of powers from here on, and up to there, have all their digits. */
#undef FL_LEAST_SUM
#undef FL_LARGEST_SUM
#undef FL_ROUNDING
#define FL_ROUNDING FL_C(FL_BITS == 32 ? 0x1p-24 : 0x1p-53)
#define FL_LEAST_SUM FL_C(FL_BITS == 32 ? 0x1p-90 : 0x1p-900)
#define FL_LARGEST_SUM FL_C(FL_BITS == 32 ? 0x1p100 : 0x1p1000)

/* Whether all of the first sums have all their digits; 0 is what is too small for them, too. */
FL_STATIC int FL_FN(fl_sums_are_usual)(const fl_sheet *sheet, const FL_UNITS *u, int count)
{
    FL_I bad = 0;
    for (int k = 0; k < count; k++) {
        FL_SIMD_REDUCE(reduction(| : bad))
        for (ptrdiff_t lane = 0; lane < sheet->rows; lane++) {
            const FL_T sum = u->sums[k].sum[lane];
            bad |= FL_SELECT((sum >= FL_LEAST_SUM) & (sum <= FL_LARGEST_SUM), (FL_I)0, (FL_I)1);
        }
    }
    return !bad;
}

/* Scales the rows whose sums over- or underflowed by the power of two that makes their largest size about 1; tells whether
 * there are any. */
FL_STATIC int FL_FN(fl_rescale)(const fl_sheet *sheet, const FL_NUMBERS *n, const double *q,
                                const FL_FN(fl_statistic_maps) * maps, FL_UNITS *u)
{
    /* a second look is at squares that are smaller by the square of a rounding error */
    const FL_T least = maps->first < maps->count ? FL_LEAST_SUM / (FL_ROUNDING * FL_ROUNDING) : FL_LEAST_SUM;
    FL_I bad = 0;
    for (int k = 0; k < maps->scaled; k++) {
        FL_SIMD_REDUCE(reduction(| : bad))
        for (ptrdiff_t lane = 0; lane < sheet->rows; lane++) {
            const FL_T sum = u->sums[k].sum[lane];
            bad |= FL_SELECT((sum < least) | (sum > FL_LARGEST_SUM), (FL_I)1, (FL_I)0);
        }
    }
    if (!bad)
        return 0;
    FL_SIZES sizes;
    FL_FN(fl_find_sizes)(sheet, n, q, maps, &sizes);
    for (int k = 0; k < maps->scaled; k++)
        for (ptrdiff_t lane = 0; lane < sheet->rows; lane++) {
            const FL_T size = sizes.of[k][lane], sum = u->sums[k].sum[lane];
            const FL_U exponent = FL_TO_BITS(size) >> FL_MANTISSA_BITS;
            const FL_U inverse = 2 * (FL_U)FL_EXPONENT_BIAS - FL_CLAMP(exponent, 1, 2 * (FL_U)FL_EXPONENT_BIAS - 1);
            /* a difference that overflowed is scaled down as far as can be */
            if (size > FL_C(0) && (sum < least || sum > FL_LARGEST_SUM))
                u->scale[k][lane] = FL_FROM_BITS(inverse << FL_MANTISSA_BITS);
        }
    return 1;
}

/* The labels of the units on a sheet; lanes without a unit have those of another one. */
FL_STATIC void FL_FN(fl_take_labels)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row,
                                     const FL_FN(fl_statistic_maps) * maps, FL_UNITS *u)
{
    for (int j = 0; j < FL_MAX_LABELS; j++)
        FL_EACH_LANE(sheet)
    u->label[j][lane] = FL_C(0);
    for (int j = 0; j < maps->labels; j++)
        for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++)
            u->label[j][lane] = ((const FL_T *)b->input[maps->inputs + j])[row + (lane < sheet->rows ? lane : 0)];
}

/* The units of a sheet, laid out; where they lie one after another and fill whole lanes, they stay where they are. */
FL_STATIC FL_NUMBERS FL_FN(fl_place_units)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row,
                                           const FL_FN(fl_statistic_maps) * maps)
{
    const ptrdiff_t first = row * b->width, stays = sheet->stride == b->width;
    const ptrdiff_t numbers = sheet->stride ? sheet->rows * sheet->stride : sheet->groups * sheet->lanes;
    const int given = maps->inputs - maps->gradients;
    FL_NUMBERS n = {.g = {b->scratch}, .lane = 0};
    for (int i = 0; i < maps->inputs; i++) {
        const FL_T *const source = (const FL_T *)b->input[i] + first;
        FL_T *const target = (FL_T *)b->scratch + i * numbers;
        n.x[i] = stays ? source : target;
        if (!sheet->stride)
            FL_FN(fl_lay_out)(sheet, source, target, FL_C(0));
        for (ptrdiff_t r = 0; !stays && sheet->stride && r < sheet->rows; r++) {
            memcpy(target + r * sheet->stride, source + r * b->width, (size_t)b->width * sizeof *target);
            for (ptrdiff_t k = b->width; k < sheet->stride; k++)
                target[r * sheet->stride + k] = FL_C(0);
        }
        if (i == maps->inputs - 1 && maps->prepare) {
            maps->prepare(n.x[i], target, numbers);
            n.x[i] = target;
            for (ptrdiff_t r = 0; !stays && sheet->stride && r < sheet->rows; r++)
                for (ptrdiff_t k = b->width; k < sheet->stride; k++)
                    target[r * sheet->stride + k] = -FL_C(0);
        }
        if (i >= given && b->want & FL_GRADIENT)
            n.g[i - given] = stays ? (FL_T *)b->gradient[i - given] + first : target;
    }
    /* what is not there is somewhere, too */
    for (int i = maps->inputs; i < FL_MAX_INPUTS; i++)
        n.x[i] = n.x[0];
    for (int j = maps->gradients; j < FL_MAX_GRADIENTS; j++)
        n.g[j] = n.g[0];
    return n;
}

FL_STATIC void FL_FN(fl_write_slopes)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, const FL_NUMBERS *n,
                                      const FL_FN(fl_statistic_maps) * maps, int scaled, const FL_UNITS *u)
{
    const ptrdiff_t first = row * b->width;
    if (!sheet->stride)
        maps->slopes[scaled](sheet, n, b->parameters, u);
    const fl_sheet one = fl_sheet_of_unit(sheet);
    for (ptrdiff_t lane = 0; sheet->stride && lane < sheet->rows; lane++) {
        const FL_NUMBERS of = FL_FN(fl_numbers_of)(sheet, n, lane);
        maps->slopes[scaled](&one, &of, b->parameters, u);
    }
    for (int j = 0; sheet->stride != b->width && j < maps->gradients; j++) {
        FL_T *const target = (FL_T *)b->gradient[j] + first;
        if (!sheet->stride)
            FL_FN(fl_take_up)(sheet, n->g[j], target);
        for (ptrdiff_t r = 0; sheet->stride && r < sheet->rows; r++)
            memcpy(target + r * b->width, n->g[j] + r * sheet->stride, (size_t)b->width * sizeof *target);
    }
}

FL_STATIC int FL_FN(fl_statistic_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row,
                                        const FL_FN(fl_statistic_maps) * maps)
{
    const double *const q = b->parameters;
    const FL_T width = (FL_T)b->width;
    const FL_NUMBERS n = FL_FN(fl_place_units)(b, sheet, row, maps);
    FL_FN(fl_labels) labels;
    FL_UNITS u;
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
    for (int k = 0; k < FL_MAX_STATISTICS; k++)
        FL_EACH_LANE(sheet)
    u.scale[k][lane] = FL_C(1);
    FL_EACH_LANE(sheet)
    u.again[lane] = FL_C(0);
    FL_FN(fl_take_labels)(b, sheet, row, maps, &u);
    int invalid = 0, usual = maps->usual < maps->first;
    if (usual) {
        for (int k = maps->usual; k < maps->first; k++)
            FL_EACH_LANE(sheet)
        u.sums[k].sum[lane] = FL_C(0);
        /* what is not usual, or outside, is looked at in full */
        usual = !FL_FN(fl_add_up)(sheet, &n, q, maps, FL_USUAL_LOOK, &u) && FL_FN(fl_sums_are_usual)(sheet, &u, maps->usual);
    }
    if (!usual)
        invalid = FL_FN(fl_add_up)(sheet, &n, q, maps, FL_FIRST_LOOK, &u);
    const int scaled = FL_FN(fl_rescale)(sheet, &n, q, maps, &u);
    if (scaled)
        invalid |= FL_FN(fl_add_up)(sheet, &n, q, maps, FL_SCALED_LOOK, &u);
    if (maps->first < maps->count) {
        for (int k = maps->first; k < maps->count; k++)
            memset(&u.sums[k], 0, sizeof u.sums[k]);
        if (maps->look(sheet, q, width, &u))
            FL_FN(fl_add_up)(sheet, &n, q, maps, FL_SECOND_LOOK, &u);
    }
    invalid |= maps->outcomes(sheet, q, width, &u);
    if (b->want & FL_VALUE)
        memcpy((FL_T *)b->value + row, u.value, (size_t)sheet->rows * sizeof(FL_T));
    if (b->want & FL_GRADIENT) {
        FL_FN(fl_set_scale)(b, sheet, row, u.factor);
        FL_FN(fl_write_slopes)(b, sheet, row, &n, maps, scaled, &u);
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
    return invalid;
}

FL_STATIC int FL_FN(fl_statistic_rows)(const fl_block *b, const FL_FN(fl_statistic_maps) * maps)
{
    fl_sheet sheet = fl_sheet_of_units(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_statistic_sheet)(b, &sheet, row, maps);
    return invalid;
}

#endif
