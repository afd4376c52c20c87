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
 * derivative, as long as `by` makes up for it. The three numbers are how many sums there are, how many of them are enough for
 * numbers of usual size (the terms of any other set `unusual`; where there are none, `few` is added in place of `add`), and
 * whether the terms are powers of differences that may over- or underflow. Such terms are those of the differences times
 * scale.of[k], a power of two, and give the size of the difference, not scaled, as .size[k]; the outcome knows the scales as
 * s.scale.of[k]. It is 1 unless the sum of a row at this scale is no number of good precision.
 *
 * Short units lie on sheets, and their sums are kept with their errors. Of a longer unit, parts are computed one by one, and
 * the sums, which are the driver's, are exact. The length of a unit decides which it is.
 */
#ifndef FL_STATISTICS_H
#define FL_STATISTICS_H

#include "engine/sheets.h"

#define FL_TERMS FL_FN(fl_statistic_terms)
#define FL_OUTCOME FL_FN(fl_statistic_outcome)
#define FL_SCALES FL_FN(fl_scales)
#define FL_UNITS FL_FN(fl_units)

#define FL_STATISTICS_FORMULA(name, axes, given, by_, parameters, count_, usual_, scaled)                                      \
    FL_DECLARE(name, FL_STATISTICS, FL_SIGNATURE(axes, given, by_), parameters)                                                \
    enum {                                                                                                                     \
        FL_FN(name##_count) = count_,                                                                                          \
        FL_FN(name##_usual) = usual_,                                                                                          \
        FL_FN(name##_inputs) = FL_COUNT(given) + FL_COUNT(by_),                                                                \
        FL_FN(name##_gradients) = FL_COUNT(by_),                                                                               \
        FL_FN(name##_parameter_count) = FL_COUNT(parameters)                                                                   \
    };                                                                                                                         \
    FL_INLINE FL_TERMS FL_FN(name##_formula)(FL_ARGUMENTS(given, by_, parameters), const FL_SCALES scale);                     \
    FL_INLINE FL_OUTCOME FL_FN(name##_outcome)(const FL_FN(fl_statistic_sums) s, const double *q);                             \
    FL_INLINE FL_TERMS FL_FN(name##_at)(const FL_T *const *x, ptrdiff_t i, const double *q, const FL_SCALES scale)             \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(name##_formula)(FL_BOUND(given, by_, parameters), scale);                                                 \
    }                                                                                                                          \
    FL_LANE_LOOPS(name, scaled)                                                                                                \
    FL_PART_LOOP(name, few, FL_FN(name##_usual), FL_FN(name##_usual) < FL_FN(name##_count))                                    \
    FL_PART_LOOP(name, all, FL_FN(name##_count), 0)                                                                            \
    FL_PART_GRADIENT(name)                                                                                                     \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        static const FL_FN(fl_statistic_maps)                                                                                  \
            maps = {FL_FN(name##_inputs),    FL_FN(name##_gradients),  FL_FN(name##_count),    scaled,                         \
                    FL_FN(name##_add_lanes), FL_FN(name##_size_lanes), FL_FN(name##_outcomes), FL_FN(name##_slope_lanes)};     \
        return FL_FN(fl_statistic_rows)(block, &maps);                                                                         \
    }                                                                                                                          \
    static int FL_FN(name##_part)(const fl_block *block)                                                                       \
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

#define FL_OUTCOME_OF(name, s, parameters)                                                                                     \
    FL_INLINE FL_OUTCOME FL_FN(name##_outcome_formula)(const FL_FN(fl_statistic_sums) s FL_EACH(FL_PARAMETER, , parameters));  \
    FL_INLINE FL_OUTCOME FL_FN(name##_outcome)(const FL_FN(fl_statistic_sums) s, const double *q)                              \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(name##_outcome_formula)(s FL_EACH(FL_PARAMETER_AT, , parameters));                                        \
    }                                                                                                                          \
    FL_INLINE FL_OUTCOME FL_FN(name##_outcome_formula)(const FL_FN(fl_statistic_sums) s FL_EACH(FL_PARAMETER, , parameters))

/* The parameters of a formula where no output can overwrite them. */
#define FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
    double q[FL_MAX_PARAMETERS];                                                                                               \
    if (FL_FN(name##_parameter_count))                                                                                         \
        memcpy(q, parameters, FL_FN(name##_parameter_count) * sizeof *q);

/* Constants in place of loops over sums and gradients: what is indexed by a variable stays in memory, and is not vectorised.
 * Nor is a loop that reads the pointers to its inputs again and again: they are copied. */
#define FL_STORE_TERMS(count, usual)                                                                                           \
    s0[i] = usual ? t.few[0] : t.add[0];                                                                                       \
    if (count > 1)                                                                                                             \
        s1[i] = usual ? t.few[1] : t.add[1];                                                                                   \
    if (count > 2)                                                                                                             \
        s2[i] = usual ? t.few[2] : t.add[2];                                                                                   \
    if (count > 3)                                                                                                             \
        s3[i] = usual ? t.few[3] : t.add[3];
#define FL_STORE_SLOPES(gradients, count, then)                                                                                \
    g0[i] = FL_FN(fl_slope)(t, 0, count, by0, by1, by2, by3) then;                                                             \
    if (gradients > 1)                                                                                                         \
        g1[i] = FL_FN(fl_slope)(t, 1, count, by0, by1, by2, by3) then;                                                         \
    if (gradients > 2)                                                                                                         \
        g2[i] = FL_FN(fl_slope)(t, 2, count, by0, by1, by2, by3) then;

/* The loops over the lanes of a group. */
#define FL_LANE_LOOPS(name, scaled)                                                                                            \
    static int FL_FN(name##_add_lanes)(const FL_T *const *inputs, ptrdiff_t n, const double *parameters, FL_UNITS *u)          \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
        const FL_T *const x[FL_MAX_INPUTS] = {inputs[0], inputs[1], inputs[2], inputs[3]};                                     \
        FL_T *const s0 = u->add[0], *const s1 = u->add[1], *const s2 = u->add[2], *const s3 = u->add[3];                       \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TERMS t = FL_FN(name##_at)(x, i, q, FL_SCALES_AT(scaled, i));                                             \
            FL_STORE_TERMS(FL_FN(name##_count), 0)                                                                             \
            invalid |= t.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }                                                                                                                          \
    static void FL_FN(name##_size_lanes)(const FL_T *const *inputs, ptrdiff_t n, const double *parameters, FL_UNITS *u)        \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
        const FL_T *const x[FL_MAX_INPUTS] = {inputs[0], inputs[1], inputs[2], inputs[3]};                                     \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TERMS t = FL_FN(name##_at)(x, i, q, FL_NOT_SCALED);                                                       \
            for (int k = 0; scaled && k < FL_FN(name##_count); k++)                                                            \
                u->size[k][i] = FL_MAX(u->size[k][i], t.size[k]);                                                              \
        }                                                                                                                      \
    }                                                                                                                          \
    static void FL_FN(name##_slope_lanes)(FL_T *const *inputs, FL_T *const *g, ptrdiff_t n, const double *parameters,          \
                                          const FL_UNITS *u)                                                                   \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, parameters)                                                                                  \
        FL_T *const x[FL_MAX_INPUTS] = {inputs[0], inputs[1], inputs[2], inputs[3]};                                           \
        FL_T *const g0 = g[0], *const g1 = FL_FN(name##_gradients) > 1 ? g[1] : NULL;                                          \
        FL_T *const g2 = FL_FN(name##_gradients) > 2 ? g[2] : NULL;                                                            \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TERMS t = FL_FN(name##_at)((const FL_T *const *)x, i, q, FL_SCALES_AT(scaled, i));                        \
            const FL_T by0 = u->by[0][i], by1 = u->by[1][i], by2 = u->by[2][i], by3 = u->by[3][i];                             \
            FL_STORE_SLOPES(FL_FN(name##_gradients), FL_FN(name##_count), / u->divisor[i] * u->factor[i])                      \
        }                                                                                                                      \
    }                                                                                                                          \
    static void FL_FN(name##_outcomes)(ptrdiff_t n, const double *q, FL_T weight, FL_UNITS *u)                                 \
    {                                                                                                                          \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            FL_FN(fl_statistic_sums) s = {.weight = weight, .scale = FL_SCALES_AT(scaled, i), .precision = FL_PRECISION};      \
            for (int k = 0; k < FL_FN(name##_count); k++)                                                                      \
                s.sum[k] = u->sums[k].sum[i];                                                                                  \
            const FL_OUTCOME f = FL_FN(name##_outcome)(s, q);                                                                  \
            u->value[i] = f.value;                                                                                             \
            u->divisor[i] = f.divisor;                                                                                         \
            for (int k = 0; k < FL_FN(name##_count); k++)                                                                      \
                u->by[k][i] = f.by[k];                                                                                         \
        }                                                                                                                      \
    }

#define FL_PRECISION (FL_BITS == 32 ? FL_F32 : FL_F64)
#define FL_NOT_SCALED                                                                                                          \
    (FL_SCALES)                                                                                                                \
    {                                                                                                                          \
        {                                                                                                                      \
            FL_C(1), FL_C(1), FL_C(1), FL_C(1)                                                                                 \
        }                                                                                                                      \
    }
#define FL_SCALES_AT(scaled, i)                                                                                                \
    ((scaled) ? (FL_SCALES){{u->scale[0][i], u->scale[1][i], u->scale[2][i], u->scale[3][i]}} : FL_NOT_SCALED)

/* The loops over a part of a unit: what its numbers add to `count` of the statistics, and the gradients. */
#define FL_PART_LOOP(name, which, count, usual)                                                                                \
    static int FL_FN(name##_##which)(const fl_block *block)                                                                    \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, block->parameters)                                                                           \
        const FL_T *const x[FL_MAX_INPUTS] = {block->input[0], block->input[1], block->input[2], block->input[3]};             \
        FL_T *const s0 = block->statistic[0], *const s1 = block->statistic[1];                                                 \
        FL_T *const s2 = block->statistic[2], *const s3 = block->statistic[3];                                                 \
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
    static int FL_FN(name##_part_gradient)(const fl_block *block)                                                              \
    {                                                                                                                          \
        FL_LOCAL_PARAMETERS(name, block->parameters)                                                                           \
        const FL_T *const x[FL_MAX_INPUTS] = {block->input[0], block->input[1], block->input[2], block->input[3]};             \
        FL_T *const g0 = block->gradient[0], *const g1 = block->gradient[1], *const g2 = block->gradient[2];                   \
        const FL_T by0 = (FL_T)block->outcome->by[0], by1 = (FL_T)block->outcome->by[1];                                       \
        const FL_T by2 = (FL_T)block->outcome->by[2], by3 = (FL_T)block->outcome->by[3];                                       \
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
    FL_T of[FL_MAX_STATISTICS];
} FL_FN(fl_scales);

typedef struct {
    FL_T add[FL_MAX_STATISTICS], few[FL_MAX_STATISTICS], slope[FL_MAX_STATISTICS][FL_MAX_GRADIENTS], size[FL_MAX_STATISTICS];
    FL_I invalid, unusual;
} FL_FN(fl_statistic_terms);

/* The sums of a unit, and the sum of what its numbers weigh. */
typedef struct {
    FL_T sum[FL_MAX_STATISTICS], weight;
    FL_SCALES scale;
    int precision; /* of the terms */
} FL_FN(fl_statistic_sums);

typedef struct {
    FL_T value, by[FL_MAX_STATISTICS], divisor;
} FL_FN(fl_statistic_outcome);

/* The units of a sheet, a lane each, or the one unit in every lane. */
typedef struct {
    FL_T add[FL_MAX_STATISTICS][FL_LANES], size[FL_MAX_STATISTICS][FL_LANES], scale[FL_MAX_STATISTICS][FL_LANES];
    FL_FN(fl_sums) sums[FL_MAX_STATISTICS];
    FL_T value[FL_LANES], by[FL_MAX_STATISTICS][FL_LANES], divisor[FL_LANES];
    FL_T factor[FL_LANES]; /* of the derivatives */
} FL_FN(fl_units);

typedef struct {
    int inputs, gradients, count, scaled;
    int (*add)(const FL_T *const *x, ptrdiff_t n, const double *q, FL_UNITS *u);
    void (*size)(const FL_T *const *x, ptrdiff_t n, const double *q, FL_UNITS *u);
    void (*outcomes)(ptrdiff_t n, const double *q, FL_T weight, FL_UNITS *u);
    void (*slopes)(FL_T *const *x, FL_T *const *g, ptrdiff_t n, const double *q, const FL_UNITS *u);
} FL_FN(fl_statistic_maps);

/* The derivative by input j. */
FL_INLINE FL_T FL_FN(fl_slope)(const FL_TERMS t, int j, int count, FL_T by0, FL_T by1, FL_T by2, FL_T by3)
{
    FL_T slope = by0 * t.slope[0][j];
    if (count > 1)
        slope = FL_FMA(by1, t.slope[1][j], slope);
    if (count > 2)
        slope = FL_FMA(by2, t.slope[2][j], slope);
    if (count > 3)
        slope = FL_FMA(by3, t.slope[3][j], slope);
    return slope;
}

/* The inputs of a group, and how many of its lanes hold numbers. */
FL_STATIC ptrdiff_t FL_FN(fl_group_inputs)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t group, int inputs, FL_T **x)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes, place = group * sheet->lanes;
    for (int i = 0; i < inputs; i++)
        x[i] = (FL_T *)b->scratch + i * numbers + place;
    return sheet->along ? FL_MIN(sheet->lanes, sheet->classes - place) : sheet->rows;
}

FL_STATIC int FL_FN(fl_add_up)(const fl_block *b, const fl_sheet *sheet, const FL_FN(fl_statistic_maps) * maps, FL_UNITS *u)
{
    FL_T *x[FL_MAX_INPUTS] = {NULL};
    int invalid = 0;
    memset(u->sums, 0, sizeof u->sums);
    memset(u->add, 0, sizeof u->add);
    FL_EACH_GROUP(sheet)
    {
        const ptrdiff_t n = FL_FN(fl_group_inputs)(b, sheet, group, maps->inputs, x);
        invalid |= maps->add((const FL_T *const *)x, n, b->parameters, u);
        for (int k = 0; k < maps->count; k++) {
            FL_FN(fl_sums) *const sum = &u->sums[k];
            FL_T *const add = u->add[k];
            for (ptrdiff_t lane = n; lane < sheet->lanes; lane++)
                add[lane] = FL_C(0);
            FL_EACH_LANE(sheet)
            FL_FN(fl_add)(sum, lane, add[lane]);
        }
    }
    for (int k = 0; k < maps->count; k++)
        FL_FN(fl_finish_sums)(sheet, &u->sums[k]);
    return invalid;
}

/* Sums of powers from here on, and up to there, have all their digits. */
#undef FL_LEAST_SUM
#undef FL_LARGEST_SUM
#define FL_LEAST_SUM FL_C(FL_BITS == 32 ? 0x1p-90 : 0x1p-900)
#define FL_LARGEST_SUM FL_C(FL_BITS == 32 ? 0x1p100 : 0x1p1000)

/* Scales the rows whose sums over- or underflowed by the power of two that makes their largest size about 1; tells whether
 * there are any. */
FL_STATIC int FL_FN(fl_rescale)(const fl_block *b, const fl_sheet *sheet, const FL_FN(fl_statistic_maps) * maps, FL_UNITS *u)
{
    FL_T *x[FL_MAX_INPUTS] = {NULL};
    int bad = 0;
    for (int k = 0; k < maps->count; k++)
        for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
            const FL_T sum = u->sums[k].sum[lane];
            bad |= (sheet->along || lane < sheet->rows) && (sum < FL_LEAST_SUM || sum > FL_LARGEST_SUM);
        }
    if (!bad)
        return 0;
    memset(u->size, 0, sizeof u->size);
    FL_EACH_GROUP(sheet)
    {
        const ptrdiff_t n = FL_FN(fl_group_inputs)(b, sheet, group, maps->inputs, x);
        maps->size((const FL_T *const *)x, n, b->parameters, u);
    }
    for (int k = 0; k < maps->count; k++) {
        for (ptrdiff_t lane = 1; sheet->along && lane < sheet->lanes; lane++)
            u->size[k][0] = FL_MAX(u->size[k][0], u->size[k][lane]);
        for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
            const FL_T size = u->size[k][sheet->along ? 0 : lane], sum = u->sums[k].sum[lane];
            const FL_U exponent = FL_TO_BITS(size) >> FL_MANTISSA_BITS;
            const FL_U inverse = 2 * (FL_U)FL_EXPONENT_BIAS - FL_CLAMP(exponent, 1, 2 * (FL_U)FL_EXPONENT_BIAS - 1);
            /* a difference that overflowed is scaled down as far as can be */
            if (size > FL_C(0) && (sum < FL_LEAST_SUM || sum > FL_LARGEST_SUM))
                u->scale[k][lane] = FL_FROM_BITS(inverse << FL_MANTISSA_BITS);
        }
    }
    return 1;
}

FL_STATIC int FL_FN(fl_statistic_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row,
                                        const FL_FN(fl_statistic_maps) * maps)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes, first = row * b->width;
    FL_T *x[FL_MAX_INPUTS] = {NULL};
    FL_FN(fl_labels) labels;
    FL_UNITS u;
    for (int i = 0; i < maps->inputs; i++)
        FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[i] + first, (FL_T *)b->scratch + i * numbers, FL_C(0));
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
    for (int k = 0; k < FL_MAX_STATISTICS; k++)
        FL_EACH_LANE(sheet)
    u.scale[k][lane] = FL_C(1);
    int invalid = FL_FN(fl_add_up)(b, sheet, maps, &u);
    if (maps->scaled && FL_FN(fl_rescale)(b, sheet, maps, &u))
        invalid |= FL_FN(fl_add_up)(b, sheet, maps, &u);
    maps->outcomes(sheet->lanes, b->parameters, (FL_T)b->width, &u);
    if (b->want & FL_VALUE)
        memcpy((FL_T *)b->value + row, u.value, (size_t)sheet->rows * sizeof(FL_T));
    if (b->want & FL_GRADIENT) {
        FL_FN(fl_set_scale)(b, sheet, row, u.factor);
        FL_EACH_GROUP(sheet)
        {
            const ptrdiff_t n = FL_FN(fl_group_inputs)(b, sheet, group, maps->inputs, x);
            maps->slopes(x, x + maps->inputs - maps->gradients, n, b->parameters, &u);
        }
        for (int j = 0; j < maps->gradients; j++) {
            const FL_T *const source = (const FL_T *)b->scratch + (maps->inputs - maps->gradients + j) * numbers;
            FL_FN(fl_take_up)(sheet, source, (FL_T *)b->gradient[j] + first);
        }
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
    return invalid;
}

FL_STATIC int FL_FN(fl_statistic_rows)(const fl_block *b, const FL_FN(fl_statistic_maps) * maps)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_statistic_sheet)(b, &sheet, row, maps);
    return invalid;
}

#endif
