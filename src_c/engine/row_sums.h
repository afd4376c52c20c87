/*
 * Rows by the sum over their numbers of an element formula, on sheets.
 *
 *   FL_SUM_FORMULA(kl_divergence, (y_true), (y_pred), (eps))   what the numbers of one place add to the loss of their row: an
 * FL_RESULT, with the value in two parts, value + low, if one is too coarse
 *
 * Both parts are added up with their errors, so that the order in which the numbers are added costs no digits.
 */
#ifndef FL_ROW_SUMS_H
#define FL_ROW_SUMS_H

#include "engine/element.h"
#include "engine/probabilities.h"
#include "engine/sheets.h"

#define FL_SUM_FORMULA(name, given, by, parameters)                                                                            \
    FL_DECLARE(name, FL_ROWS, FL_SIGNATURE("(k)", given, by), parameters)                                                      \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters));                                            \
    FL_SUM_LOOP(name, 1, given, by, parameters)                                                                                \
    FL_SUM_LOOP(name, 3, given, by, parameters)                                                                                \
    FL_SUM_LOOP(name, 7, given, by, parameters)                                                                                \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_sum_rows)(block, FL_COUNT(by),                                                                         \
                                  block->want == FL_VALUE    ? FL_FN(name##_sum_1)                                             \
                                  : block->want & FL_HESSIAN ? FL_FN(name##_sum_7)                                             \
                                                             : FL_FN(name##_sum_3));                                           \
    }                                                                                                                          \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters))

/* The loop over numbers, for some outputs: `want` is a constant in it. */
#define FL_SUM_LOOP(name, want, given, by, parameters)                                                                         \
    static int FL_FN(name##_sum_##want)(FL_FN(fl_terms) * to, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *q)      \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        const FL_T *const x[] = {a, b};                                                                                        \
        FL_T *const value = to->value, *const low = to->low;                                                                   \
        FL_T *const g0 = to->gradient[0], *const g1 = to->gradient[1], *const g2 = to->gradient[2];                            \
        FL_T *const h0 = to->hessian[0], *const h1 = to->hessian[1], *const h2 = to->hessian[2];                               \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_RESULT t = FL_FN(name##_formula)(FL_BOUND(given, by, parameters));                                        \
            value[i] = t.value;                                                                                                \
            low[i] = t.low;                                                                                                    \
            FL_STORE(want &FL_GRADIENT, FL_COUNT(by), g, gradient)                                                             \
            FL_STORE(want &FL_HESSIAN, FL_COUNT(by), h, hessian)                                                               \
            invalid |= t.invalid;                                                                                              \
        }                                                                                                                      \
        (void)g0, (void)g1, (void)g2, (void)h0, (void)h1, (void)h2;                                                            \
        return invalid != 0;                                                                                                   \
    }

#define FL_TEMPLATE "engine/row_sums.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* What the formula gives for the lanes of a group. */
typedef struct {
    FL_T value[FL_LANES], low[FL_LANES];
    FL_T gradient[FL_MAX_GRADIENTS][FL_LANES], hessian[FL_MAX_GRADIENTS][FL_LANES];
} FL_FN(fl_terms);

/* Returns 1 where an input lies outside the domain of the formula. */
typedef int (*FL_FN(fl_term_map))(FL_FN(fl_terms) * to, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *parameters);

/* What the numbers of a group are multiplied by: the scales of their classes, and 0 where there is padding. */
FL_STATIC void FL_FN(fl_set_factors)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t group, FL_T *factor)
{
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
        const ptrdiff_t k = sheet->along ? group * sheet->lanes + lane : group;
        factor[lane] = k >= sheet->classes ? FL_C(0) : b->classes->scale ? (FL_T)b->classes->scale[k] : FL_C(1);
    }
}

FL_STATIC void FL_FN(fl_scale_terms)(const fl_sheet *sheet, const FL_T *terms, const FL_T *factor, const FL_T *scale, FL_T *to)
{
    FL_EACH_LANE(sheet)
    to[lane] = factor[lane] * terms[lane] * scale[lane];
}

/* `gradients`: how many there are. */
FL_STATIC int FL_FN(fl_sum_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int gradients,
                                  FL_FN(fl_term_map) map)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes, first = row * b->width;
    /* inputs, then gradients: the last gradient is that by y_pred */
    FL_T *const x[2] = {b->scratch, (FL_T *)b->scratch + numbers};
    FL_T *const h[2] = {x[1] + numbers, x[1] + 2 * numbers};
    FL_T scale[FL_LANES], factor[FL_LANES];
    FL_FN(fl_labels) labels;
    FL_FN(fl_terms) t;
    FL_FN(fl_sums) sum, low;
    int invalid = 0;
    memset(&sum, 0, sizeof sum);
    memset(&low, 0, sizeof low);
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[0] + first, x[0], FL_C(0));
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[1] + first, x[1], FL_C(0));
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
    if (b->classes->sum_tolerance > 0.0)
        invalid |= FL_FN(fl_check_probabilities)(b, sheet, row, labels.dropped);
    FL_FN(fl_set_scale)(b, sheet, row, scale);
    FL_EACH_GROUP(sheet)
    {
        const ptrdiff_t place = group * sheet->lanes;
        /* unless they differ by class, they differ from those of the last group where there is padding only */
        if (group == 0 || group == sheet->groups - 1 || b->classes->scale)
            FL_FN(fl_set_factors)(b, sheet, group, factor);
        invalid |= map(&t, x[0] + place, x[1] + place, sheet->lanes, b->parameters);
        FL_EACH_LANE(sheet)
        {
            /* padding, and classes without weight, take nothing, even of infinity */
            const int none = factor[lane] == FL_C(0);
            FL_FN(fl_add)(&sum, lane, FL_SELECT(none, FL_UNLESS_NAN(x[1][place + lane], 0), factor[lane] * t.value[lane]));
            FL_FN(fl_add)(&low, lane, FL_SELECT(none, FL_C(0), factor[lane] * t.low[lane]));
        }
        for (int i = 0; i < gradients; i++) {
            if (b->want & FL_GRADIENT)
                FL_FN(fl_scale_terms)(sheet, t.gradient[i], factor, scale, x[i + 2 - gradients] + place);
            if (b->want & FL_HESSIAN)
                FL_FN(fl_scale_terms)(sheet, t.hessian[i], factor, scale, h[i] + place);
        }
    }
    FL_FN(fl_merge_sums)(sheet, &sum);
    FL_FN(fl_merge_sums)(sheet, &low);
    if (b->want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++) {
            const FL_PAIR total = FL_TWO_SUM(sum.sum[r], low.sum[r]);
            const FL_T value = total.hi + (total.lo + (sum.error[r] + low.error[r]));
            ((FL_T *)b->value)[row + r] = FL_SELECT(FL_ABS(total.hi) < FL_INFINITY, value, total.hi);
        }
    for (int i = 0; i < gradients; i++) {
        if (b->want & FL_GRADIENT)
            FL_FN(fl_take_up)(sheet, x[i + 2 - gradients], (FL_T *)b->gradient[i] + first);
        if (b->want & FL_HESSIAN)
            FL_FN(fl_take_up)(sheet, h[i], (FL_T *)b->hessian[i] + first);
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
    return invalid;
}

FL_STATIC int FL_FN(fl_sum_rows)(const fl_block *b, int gradients, FL_FN(fl_term_map) map)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_sum_sheet)(b, &sheet, row, gradients, map);
    return invalid;
}

#endif
