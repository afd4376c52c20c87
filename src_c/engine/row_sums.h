/*
 * Rows by the sum over their numbers of an element formula, on sheets.
 *
 *   FL_SUM_FORMULA(gaussian_kl, (), (mean, log_var), ())
 *   {   what the numbers of one place add to the loss of their row
 *       return (FL_RESULT){.value = ..., .gradient = {...}, .hessian = {...}, .invalid = ...};
 *   }
 *
 * One part may be too coarse for what is added up. Such a formula gives .value + .low; and where most numbers need less than
 * all of them, FL_IS_USUAL says whether the function `usual` of the same inputs and parameters is 1 of all:
 *
 *   FL_FINE_SUM_FORMULA(kl_divergence_from_log, (y_true), (y_pred), ())
 *   FL_FINE_SUM_FORMULA_FOR(kl_divergence, (y_true), (y_pred), (eps), usual)
 *
 * Both parts are added up with their errors, so that the order in which the numbers are added costs no digits.
 */
#ifndef FL_ROW_SUMS_H
#define FL_ROW_SUMS_H

#include "engine/element.h"
#include "engine/probabilities.h"
#include "engine/sheets.h"

#define FL_SUM_FORMULA(name, given, by, parameters) FL_SUM_KERNEL(name, 0, 0, FL_NEVER, given, by, parameters)
#define FL_FINE_SUM_FORMULA(name, given, by, parameters) FL_SUM_KERNEL(name, 1, 0, FL_NEVER, given, by, parameters)
#define FL_FINE_SUM_FORMULA_FOR(name, given, by, parameters, usual)                                                            \
    FL_SUM_KERNEL(name, 1, 1, FL_FN(usual), given, by, parameters)

/* `fine`: there is a .low; `looks`: at numbers before they are computed, whether they are usual. */
#define FL_SUM_KERNEL(name, fine, looks, usual, given, by, parameters)                                                         \
    FL_DECLARE(name, FL_ROWS, FL_SIGNATURE("(k)", given, by), parameters)                                                      \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters), const int fl_is_usual);                     \
    FL_SUM_LOOP(name, fine, given, by, parameters)                                                                             \
    FL_ALL_USUAL(name, looks, usual, given, by, parameters)                                                                    \
    FL_SUM_MAP(name, looks, 1)                                                                                                 \
    FL_SUM_MAP(name, looks, 3)                                                                                                 \
    FL_SUM_MAP(name, looks, 6)                                                                                                 \
    /* gradients take the place of inputs */                                                                                   \
    static int FL_FN(name##_sum_7)(const FL_FN(fl_terms) * to, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *q)     \
    {                                                                                                                          \
        return FL_FN(name##_sum_1)(to, a, b, n, q) | FL_FN(name##_sum_6)(to, a, b, n, q);                                      \
    }                                                                                                                          \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        FL_FN(fl_term_map) map = block->want == FL_VALUE ? FL_FN(name##_sum_1) : FL_FN(name##_sum_3);                          \
        if (block->want & FL_HESSIAN)                                                                                          \
            map = block->want & FL_VALUE ? FL_FN(name##_sum_7) : FL_FN(name##_sum_6);                                          \
        return FL_FN(fl_sum_rows)(block, FL_COUNT(by), map);                                                                   \
    }                                                                                                                          \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters),                                             \
                                              __attribute__((unused)) const int fl_is_usual)

/* The loop over the lanes of a group, for some outputs: `want` and `is_usual` are constants in it. Derivatives alone need no
   value. */
#define FL_SUM_LOOP(name, fine, given, by, parameters)                                                                         \
    FL_INLINE int FL_FN(name##_loop)(const FL_FN(fl_terms) * to, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *q,   \
                                     const int want, const int is_usual)                                                       \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        const FL_T *const x[] = {a, b};                                                                                        \
        const FL_T *const factor = to->factor, *const scale = to->scale;                                                       \
        FL_T *const sum = to->sum->sum, *const error = to->sum->error;                                                         \
        FL_T *const low_sum = to->low->sum, *const low_error = to->low->error;                                                 \
        FL_T *const g0 = to->gradient[0], *const g1 = to->gradient[1], *const g2 = to->gradient[2];                            \
        FL_T *const h0 = to->hessian[0], *const h1 = to->hessian[1], *const h2 = to->hessian[2];                               \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_RESULT t = FL_FN(name##_formula)(FL_BOUND(given, by, parameters), is_usual);                              \
            /* padding, and classes without weight, take nothing, even of infinity; of a selection GCC makes two sums */       \
            const FL_U counts = FL_SELECT(factor[i] == FL_C(0), (FL_U)0, ~(FL_U)0);                                            \
            if (want & FL_VALUE) {                                                                                             \
                const FL_T term = FL_PICK(counts, factor[i] * t.value, FL_UNLESS_NAN(x[1][i], 0));                             \
                const FL_PAIR total = FL_TWO_SUM(sum[i], term);                                                                \
                sum[i] = total.hi;                                                                                             \
                error[i] += total.lo;                                                                                          \
            }                                                                                                                  \
            if ((want & FL_VALUE) && fine) {                                                                                   \
                const FL_PAIR low = FL_TWO_SUM(low_sum[i], FL_PICK(counts, factor[i] * t.low, FL_C(0)));                       \
                low_sum[i] = low.hi;                                                                                           \
                low_error[i] += low.lo;                                                                                        \
            }                                                                                                                  \
            FL_STORE_TERMS_OF(want &FL_GRADIENT, FL_COUNT(by), g, gradient)                                                    \
            FL_STORE_TERMS_OF(want &FL_HESSIAN, FL_COUNT(by), h, hessian)                                                      \
            invalid |= t.invalid;                                                                                              \
        }                                                                                                                      \
        (void)sum, (void)error, (void)low_sum, (void)low_error, (void)scale, (void)g0, (void)g1, (void)g2, (void)h0, (void)h1, \
            (void)h2;                                                                                                          \
        return invalid != 0;                                                                                                   \
    }

#define FL_STORE_TERMS_OF(wanted, count, to, what)                                                                             \
    if ((wanted) && count > 0)                                                                                                 \
        to##0 [i] = factor[i] * t.what[0] * scale[i];                                                                          \
    if ((wanted) && count > 1)                                                                                                 \
        to##1 [i] = factor[i] * t.what[1] * scale[i];                                                                          \
    if ((wanted) && count > 2)                                                                                                 \
        to##2 [i] = factor[i] * t.what[2] * scale[i];

#define FL_SUM_MAP(name, looks, want)                                                                                          \
    static int FL_FN(name##_sum_##want)(const FL_FN(fl_terms) * to, const FL_T *a, const FL_T *b, ptrdiff_t n,                 \
                                        const double *q)                                                                       \
    {                                                                                                                          \
        if ((looks) && FL_FN(name##_all_usual)((const FL_T *const[]){a, b}, n, q))                                             \
            return FL_FN(name##_loop)(to, a, b, n, q, want, 1);                                                                \
        return FL_FN(name##_loop)(to, a, b, n, q, want, 0);                                                                    \
    }

#define FL_TEMPLATE "engine/row_sums.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* Where the results of a group's lanes go, and what they are multiplied by. */
typedef struct {
    FL_FN(fl_sums) * sum, *low;
    const FL_T *factor, *scale;
    FL_T *gradient[FL_MAX_GRADIENTS], *hessian[FL_MAX_GRADIENTS];
} FL_FN(fl_terms);

/* Returns 1 where an input lies outside the domain of the formula. */
typedef int (*FL_FN(fl_term_map))(const FL_FN(fl_terms) * to, const FL_T *a, const FL_T *b, ptrdiff_t n,
                                  const double *parameters);

/* What the numbers of a group are multiplied by: the scales of their classes, and 0 where there is padding. */
FL_STATIC void FL_FN(fl_set_factors)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t group, FL_T *factor)
{
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
        const ptrdiff_t k = sheet->along ? group * sheet->lanes + lane : group;
        factor[lane] = k >= sheet->classes ? FL_C(0) : b->classes->scale ? (FL_T)b->classes->scale[k] : FL_C(1);
    }
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
    FL_FN(fl_sums) sum, low;
    FL_FN(fl_terms) to = {.sum = &sum, .low = &low, .factor = factor, .scale = scale};
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
        for (int i = 0; i < gradients; i++) {
            /* in the place of inputs, number by number */
            to.gradient[i] = x[i + 2 - gradients] + place;
            to.hessian[i] = h[i] + place;
        }
        invalid |= map(&to, x[0] + place, x[1] + place, sheet->lanes, b->parameters);
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
