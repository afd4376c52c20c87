/*
 * Masks by the errors of their pixels in falling order: the Lovasz extension of the Jaccard loss (Berman, Triki, Blaschko
 * 2018).
 *
 *   FL_LOVASZ_FORMULA(lovasz, y, p)
 *   {   of the label 0 or 1 and the prediction of a pixel: its error, and a number by whose falling order errors fall
 *       return (FL_PIXEL){.error = ..., .order = ...};
 *   }
 *
 * The errors, from the largest down to 0, are multiplied by what the Jaccard loss of the mask grows by when the pixel is wrong,
 * too, beside all with larger errors. With G pixels of label 1, and U and I, both G at first,
 *
 *   label 1:  1 / U, then I becomes I - 1          label 0:  I / (U (U + 1)), then U becomes U + 1; 1 where U is 0
 *
 * U and I are integers: no difference of losses is taken. The derivative of an error by the prediction is -1 for label 1 and 1
 * for label 0. Errors of 0 and below count for nothing, and are not sorted. Equal ones come as they lie.
 */
#ifndef FL_LOVASZ_H
#define FL_LOVASZ_H

#include "engine/groups.h"
#include "language/labels.h"

#define FL_PIXEL FL_FN(fl_pixel)

#define FL_LOVASZ_FORMULA(name, y_, p_)                                                                                        \
    FL_DECLARE(name, FL_GROUPS, ", y_true[m...], y_pred[m...]*", ())                                                           \
    FL_INLINE FL_PIXEL FL_FN(name##_formula)(const FL_T y_, const FL_T p_);                                                    \
    static int FL_FN(name##_errors)(const FL_T *y, const FL_T *p, ptrdiff_t n, FL_T *error, FL_T *order)                       \
    {                                                                                                                          \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_PIXEL t = FL_FN(name##_formula)(y[i], p[i]);                                                              \
            error[i] = t.error;                                                                                                \
            order[i] = t.order;                                                                                                \
            invalid |= t.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }                                                                                                                          \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_lovasz_masks)(block, FL_FN(name##_errors));                                                            \
    }                                                                                                                          \
    FL_INLINE FL_PIXEL FL_FN(name##_formula)(const FL_T y_, const FL_T p_)

#define FL_TEMPLATE "engine/lovasz.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T error, order;
    FL_I invalid;
} FL_FN(fl_pixel);

typedef int (*FL_FN(fl_error_map))(const FL_T *y, const FL_T *p, ptrdiff_t n, FL_T *error, FL_T *order);

FL_STATIC int FL_FN(fl_lovasz_mask)(const fl_block *b, ptrdiff_t unit, FL_FN(fl_error_map) map)
{
    const ptrdiff_t start = b->starts[unit], n = b->starts[unit + 1] - start;
    const FL_T *const y = (const FL_T *)b->input[0] + start, *const p = (const FL_T *)b->input[1] + start;
    FL_T *const memory = b->scratch, *const error = memory, *const order = memory + n;
    FL_I *sorted = (FL_I *)(void *)(memory + 2 * n), *other = sorted + n;
    FL_I *const place = other + n, *const label = place + n;
    const double factor = (b->weight ? b->weight[unit] : 1.0) / b->divisor;
    const int invalid = map(y, p, n, error, order);
    FL_T sum = FL_C(0), low = FL_C(0), spoilt = FL_C(0);
    int64_t both = 0;
    ptrdiff_t wrong = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        both += y[i] > FL_C(0);
        spoilt += FL_UNLESS_NAN(error[i], 0);
        /* moved forward, over what is not wrong */
        error[wrong] = error[i];
        order[wrong] = order[i];
        place[wrong] = (FL_I)i;
        label[wrong] = y[i] > FL_C(0);
        wrong += error[i] > FL_C(0);
    }
    FL_FN(fl_sort)(order, wrong, &sorted, &other);
    FL_T *const gradient = b->want & FL_GRADIENT ? (FL_T *)b->gradient[0] + start : NULL;
    for (ptrdiff_t i = 0; gradient && i < n; i++)
        gradient[i] = spoilt;
    int64_t either = both;
    for (ptrdiff_t i = 0; i < wrong; i++) {
        const FL_I k = sorted[i];
        const double size = (double)either;
        double step;
        if (label[k]) {
            step = 1.0 / size;
            both--;
        } else {
            step = either ? (double)both / (size * (size + 1.0)) : 1.0;
            either++;
        }
        /* nor do infinite errors count, where nothing is left to lose */
        if (step > 0.0)
            FL_FN(fl_add_with_error)(&sum, &low, (FL_T)(step * (double)error[k]));
        if (gradient)
            gradient[place[k]] += (FL_T)((label[k] ? -step : step) * factor);
    }
    if (b->want & FL_VALUE)
        ((FL_T *)b->value)[unit] = FL_FN(fl_corrected)(sum, low) + spoilt;
    return invalid;
}

FL_STATIC int FL_FN(fl_lovasz_masks)(const fl_block *b, FL_FN(fl_error_map) map)
{
    int invalid = 0;
    for (ptrdiff_t unit = 0; unit < b->units; unit++)
        if (!FL_FN(fl_drop_group)(b, unit))
            invalid |= FL_FN(fl_lovasz_mask)(b, unit, map);
    return invalid;
}

#endif
