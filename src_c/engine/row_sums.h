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

#include "engine/probabilities.h"
#include "engine/sheets.h"

#define FL_SUM_FORMULA(name, given, by, parameters)                                                                            \
    FL_DECLARE(name, FL_ROWS, FL_SIGNATURE("(k)", given, by), parameters)                                                      \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters));                                            \
    FL_SUM_LOOP(name, sum, 1, given, by, parameters)                                                                           \
    FL_SUM_LOOP(name, value_sum, 0, given, by, parameters)                                                                     \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_sum_rows)(block, block->want == FL_VALUE ? 0 : FL_COUNT(by),                                           \
                                  block->want == FL_VALUE ? FL_FN(name##_value_sum) : FL_FN(name##_sum));                      \
    }                                                                                                                          \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters))

/* The loop over numbers, with derivatives or without. */
#define FL_SUM_LOOP(name, loop, derivatives, given, by, parameters)                                                            \
    static int FL_FN(name##_##loop)(FL_FN(fl_terms) * t, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *q)           \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        const FL_T *const x[] = {a, b};                                                                                        \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_RESULT f = FL_FN(name##_formula)(FL_BOUND(given, by, parameters));                                        \
            t->value[i] = f.value;                                                                                             \
            t->low[i] = f.low;                                                                                                 \
            for (int k = 0; derivatives && k < FL_COUNT(by); k++) {                                                            \
                t->gradient[k][i] = f.gradient[k];                                                                             \
                t->hessian[k][i] = f.hessian[k];                                                                               \
            }                                                                                                                  \
            invalid |= f.invalid;                                                                                              \
        }                                                                                                                      \
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
typedef int (*FL_FN(fl_term_map))(FL_FN(fl_terms) * t, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *parameters);

/* `gradients`: how many there are, or 0 where none is wanted. */
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
        for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
            const ptrdiff_t k = sheet->along ? place + lane : group;
            factor[lane] = k >= sheet->classes ? FL_C(0) : b->classes->scale ? (FL_T)b->classes->scale[k] : FL_C(1);
        }
        invalid |= map(&t, x[0] + place, x[1] + place, sheet->lanes, b->parameters);
        FL_EACH_LANE(sheet)
        {
            /* padding, and classes without weight, take nothing, even of infinity */
            const int none = factor[lane] == FL_C(0);
            FL_FN(fl_add)(&sum, lane, FL_SELECT(none, FL_UNLESS_NAN(x[1][place + lane], 0), factor[lane] * t.value[lane]));
            FL_FN(fl_add)(&low, lane, FL_SELECT(none, FL_C(0), factor[lane] * t.low[lane]));
        }
        for (int i = 0; i < gradients; i++) {
            FL_T *const g = x[i + 2 - gradients] + place, *const c = h[i] + place;
            FL_EACH_LANE(sheet)
            {
                g[lane] = factor[lane] * t.gradient[i][lane] * scale[lane];
                c[lane] = factor[lane] * t.hessian[i][lane] * scale[lane];
            }
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
