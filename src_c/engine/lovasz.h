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
 * too, beside all with larger errors. With the weight w of the pixel, 1 where none is given, and U and I, both the weight of
 * all pixels of label 1 at first,
 *
 *   label 1:  w / U, then I becomes I - w          label 0:  I w / (U (U + w)), then U becomes U + w; 1 where U is 0
 *
 * No difference of losses is taken, and without weights U and I are integers. The derivative of an error by the prediction is
 * -1 for label 1 and 1 for label 0. Errors of 0 and below count for nothing, and are not sorted. Equal ones come as they lie.
 *
 *   FL_LOVASZ_CLASSES_FORMULA(lovasz_softmax, 0)
 *
 * is the mean over the classes of a pixel's class index and probabilities, each with the mask of its pixels; with 1, the
 * probabilities are the softmax of scores.
 */
#ifndef FL_LOVASZ_H
#define FL_LOVASZ_H

#include "engine/groups.h"
#include "engine/rows.h"
#include "language/labels.h"

#define FL_PIXEL FL_FN(fl_pixel)

#define FL_LOVASZ_FORMULA(name, y_, p_)                                                                                        \
    FL_DECLARE(name, FL_GROUPS, ", y_true[m...], y_pred[m...]*", ())                                                           \
    FL_INLINE FL_PIXEL FL_FN(name##_formula)(const FL_T y_, const FL_T p_);                                                    \
    static int FL_FN(name##_errors)(const FL_T *y, const FL_T *p, ptrdiff_t n, FL_T *error, FL_T *order, FL_I *invalid)        \
    {                                                                                                                          \
        FL_I any = 0;                                                                                                          \
        FL_SIMD_REDUCE(reduction(| : any))                                                                                     \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_PIXEL t = FL_FN(name##_formula)(y[i], p[i]);                                                              \
            error[i] = t.error;                                                                                                \
            order[i] = t.order;                                                                                                \
            invalid[i] = t.invalid;                                                                                            \
            any |= t.invalid;                                                                                                  \
        }                                                                                                                      \
        return any != 0;                                                                                                       \
    }                                                                                                                          \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_lovasz_masks)(block, FL_FN(name##_errors));                                                            \
    }                                                                                                                          \
    FL_INLINE FL_PIXEL FL_FN(name##_formula)(const FL_T y_, const FL_T p_)

#define FL_LOVASZ_CLASSES_FORMULA(name, of_scores)                                                                             \
    FL_DECLARE(name, FL_GROUPS, ", y_true[m...]index, y_pred[m...](k)*", (present_only))                                       \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        int invalid = 0;                                                                                                       \
        for (ptrdiff_t unit = 0; unit < block->units; unit++)                                                                  \
            if (!FL_FN(fl_drop_group)(block, unit))                                                                            \
                invalid |= FL_FN(fl_lovasz_classes)(block, unit, of_scores);                                                   \
        return invalid ? FL_OUTSIDE : 0;                                                                                       \
    }

#define FL_TEMPLATE "engine/lovasz.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T error, order;
    FL_I invalid;
} FL_FN(fl_pixel);

typedef int (*FL_FN(fl_error_map))(const FL_T *y, const FL_T *p, ptrdiff_t n, FL_T *error, FL_T *order, FL_I *invalid);

/* The pixels of a mask that are wrong, and what all of label 1 weigh. */
typedef struct {
    ptrdiff_t wrong;
    FL_T *error, *order;
    FL_I *place, *label, *sorted, *other;
    const double *weight; /* or NULL: each weighs 1 */
    double scale;         /* times this power of two */
    double foreground, foreground_error;
} FL_FN(fl_mask);

FL_INLINE double FL_FN(fl_weight_of)(const FL_FN(fl_mask) * m, ptrdiff_t pixel)
{
    return m->weight ? m->weight[pixel] * m->scale : 1.0;
}

/* A mask in memory for six arrays of its length. */
FL_STATIC FL_FN(fl_mask) FL_FN(fl_mask_in)(FL_T *memory, const fl_block *b, ptrdiff_t start, ptrdiff_t n)
{
    FL_I *const integers = (FL_I *)(void *)(memory + 2 * n);
    FL_FN(fl_mask)
    m = {
        .error = memory,
        .order = memory + n,
        .place = integers,
        .label = integers + n,
        .sorted = integers + 2 * n,
        .other = integers + 3 * n,
        .weight = b->number_weight ? b->number_weight + start : NULL,
    };
    double largest = 0.0;
    for (ptrdiff_t i = 0; m.weight && i < n; i++)
        largest = m.weight[i] > largest ? m.weight[i] : largest;
    /* only their ratios count: with a largest one of about 1, products of sums are numbers */
    const uint64_t exponent = fl_bits_f64(largest) >> 52;
    m.scale = fl_from_bits_f64((2046 - (exponent < 1 ? 1 : exponent > 2045 ? 2045 : exponent)) << 52);
    return m;
}

/* Puts a pixel behind those that are there, or over the last one that is not wrong. */
FL_INLINE void FL_FN(fl_add_pixel)(FL_FN(fl_mask) * m, ptrdiff_t pixel, FL_T error, FL_T order, int label)
{
    if (label)
        fl_add_with_error_f64(&m->foreground, &m->foreground_error, FL_FN(fl_weight_of)(m, pixel));
    m->error[m->wrong] = error;
    m->order[m->wrong] = order;
    m->place[m->wrong] = (FL_I)pixel;
    m->label[m->wrong] = label;
    m->wrong += error > FL_C(0);
}

/* The loss of a mask as a sum with its error. Derivatives by the predictions, times a factor, are added to every `step`th
 * slope. */
FL_STATIC FL_PAIR FL_FN(fl_lovasz_sum)(FL_FN(fl_mask) * m, FL_T *slope, ptrdiff_t step, double factor)
{
    FL_PAIR sum = {FL_C(0), FL_C(0)};
    double both = m->foreground, both_error = m->foreground_error, either = both, either_error = both_error;
    FL_FN(fl_sort)(m->order, m->wrong, &m->sorted, &m->other);
    for (ptrdiff_t i = 0; i < m->wrong; i++) {
        const FL_I k = m->sorted[i];
        const double weight = FL_FN(fl_weight_of)(m, m->place[k]), size = either + either_error;
        double growth;
        if (m->label[k]) {
            growth = weight / size;
            fl_add_with_error_f64(&both, &both_error, -weight);
        } else {
            const double left = both + both_error;
            growth = size == 0.0 ? 1.0 : left > 0.0 ? left * weight / (size * (size + weight)) : 0.0;
            fl_add_with_error_f64(&either, &either_error, weight);
        }
        /* nor do infinite errors count, where nothing is left to lose */
        if (growth > 0.0)
            FL_FN(fl_add_with_error)(&sum.hi, &sum.lo, (FL_T)(growth * (double)m->error[k]));
        if (slope)
            slope[m->place[k] * step] += (FL_T)((m->label[k] ? -growth : growth) * factor);
    }
    return sum;
}

FL_STATIC int FL_FN(fl_lovasz_mask)(const fl_block *b, ptrdiff_t unit, FL_FN(fl_error_map) map)
{
    const ptrdiff_t start = b->starts[unit], n = b->starts[unit + 1] - start;
    const FL_T *const y = (const FL_T *)b->input[0] + start, *const p = (const FL_T *)b->input[1] + start;
    FL_FN(fl_mask) m = FL_FN(fl_mask_in)(b->scratch, b, start, n);
    FL_I *const invalid = (FL_I *)(void *)((FL_T *)b->scratch + 6 * n);
    const double factor = (b->weight ? b->weight[unit] : 1.0) / b->divisor;
    FL_T spoilt = FL_C(0);
    int outside = map(y, p, n, m.error, m.order, invalid);
    if (m.weight && outside) {
        outside = 0;
        for (ptrdiff_t i = 0; i < n; i++)
            outside |= m.weight[i] > 0.0 && invalid[i];
    }
    FL_T *const gradient = b->want & FL_GRADIENT ? (FL_T *)b->gradient[0] + start : NULL;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (m.weight && !(m.weight[i] > 0.0))
            continue;
        spoilt += FL_UNLESS_NAN(m.error[i], 0);
        FL_FN(fl_add_pixel)(&m, i, m.error[i], m.order[i], y[i] > FL_C(0));
    }
    for (ptrdiff_t i = 0; gradient && i < n; i++)
        gradient[i] = m.weight && !(m.weight[i] > 0.0) ? FL_C(0) : spoilt;
    const FL_PAIR sum = FL_FN(fl_lovasz_sum)(&m, gradient, 1, factor);
    if (b->want & FL_VALUE)
        ((FL_T *)b->value)[unit] = FL_FN(fl_corrected)(sum.hi, sum.lo) + spoilt;
    return outside;
}

FL_STATIC int FL_FN(fl_lovasz_masks)(const fl_block *b, FL_FN(fl_error_map) map)
{
    int outside = 0;
    for (ptrdiff_t unit = 0; unit < b->units; unit++)
        if (!FL_FN(fl_drop_group)(b, unit))
            outside |= FL_FN(fl_lovasz_mask)(b, unit, map);
    return outside ? FL_OUTSIDE : 0;
}

/* ---- class indices -------------------------------------------------------------------------------------------- */

/* The probability of an exponential: that of the largest, from which most is taken off, with what rounding this lost. */
FL_INLINE FL_T FL_FN(fl_probability)(const FL_FN(fl_softmax) * s, ptrdiff_t lane, FL_T e)
{
    const FL_T low = FL_SELECT(e == s->peak[lane], s->peak_low[lane], FL_C(0));
    return FL_FMA(e, s->inverse[lane], low * s->inverse[lane]);
}

/* The softmax of pixels, and how far from 1 that of each pixel's own class is. */
FL_STATIC void FL_FN(fl_softmax_of_pixels)(const FL_T *z, ptrdiff_t n, ptrdiff_t classes, const FL_I *label, FL_T *p,
                                           FL_T *own_error, FL_T *memory)
{
    fl_sheet sheet = fl_sheet_by_row(classes);
    const ptrdiff_t most = sheet.rows;
    /* two classes have no rest of the largest */
    FL_FN(fl_softmax) s = {.peak_low = {FL_C(0)}};
    for (ptrdiff_t first = 0; first < n; first += most) {
        sheet.rows = FL_MIN(most, n - first);
        if (sheet.stride)
            FL_FN(fl_exponentials_by_row)(&sheet, z + first * classes, classes, memory, &s);
        else {
            FL_T *const scores = memory + sheet.groups * sheet.lanes;
            FL_FN(fl_lay_out)(&sheet, z + first * classes, scores, FL_C(0));
            FL_FN(fl_exponentials)(&sheet, scores, memory, &s);
        }
        for (ptrdiff_t lane = 0; lane < sheet.rows; lane++) {
            const FL_I k = label[first + lane] < 0 ? 0 : label[first + lane];
            own_error[first + lane] = FL_OTHERS(&s, lane, memory[FL_PLACE(&sheet, lane, k)]) * s.inverse[lane];
        }
        if (sheet.stride) {
            FL_EACH_ROW(&sheet)
            for (ptrdiff_t k = 0; k < classes; k++)
                p[(first + row) * classes + k] = FL_FN(fl_probability)(&s, row, memory[row * sheet.stride + k]);
        } else {
            FL_EACH_GROUP(&sheet)
            {
                FL_T *const x = memory + group * sheet.lanes;
                FL_EACH_LANE(&sheet)
                x[lane] = FL_FN(fl_probability)(&s, lane, x[lane]);
            }
            FL_FN(fl_take_up)(&sheet, memory, p + first * classes);
        }
    }
}

/*
 * The derivatives by the scores of a pixel, p_k (g_k - sum of g p), from those by the probabilities. For the largest
 * probability the difference is that of what the others have: g (1 - p) and their sum.
 */
FL_STATIC void FL_FN(fl_slopes_of_scores)(const FL_T *p, ptrdiff_t classes, FL_T *g)
{
    ptrdiff_t first = 0;
    for (ptrdiff_t k = 1; k < classes; k++)
        first = p[k] > p[first] ? k : first;
    FL_T rest = FL_C(0), rest_error = FL_C(0), sum = FL_C(0), sum_error = FL_C(0);
    for (ptrdiff_t k = 0; k < classes; k++)
        if (k != first) {
            FL_FN(fl_add_with_error)(&rest, &rest_error, p[k]);
            FL_FN(fl_add_with_error)(&sum, &sum_error, p[k] * g[k]);
        }
    const FL_T of_first = p[first] * FL_FMA(g[first], rest + rest_error, -(sum + sum_error));
    FL_FN(fl_add_with_error)(&sum, &sum_error, p[first] * g[first]);
    const FL_T mean = sum + sum_error;
    for (ptrdiff_t k = 0; k < classes; k++)
        g[k] = k == first ? of_first : p[k] * (g[k] - mean);
}

/* Checks the labels of pixels, -1 of those that weigh nothing, and their probabilities; returns 1 if something is wrong. */
FL_STATIC int FL_FN(fl_read_pixels)(const int64_t *source, const double *weight, const FL_T *p, ptrdiff_t n, ptrdiff_t classes,
                                    FL_I *label, FL_T *own_error)
{
    FL_I outside = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int known = source[i] >= 0 && source[i] < (int64_t)classes;
        label[i] = known && (!weight || weight[i] > 0.0) ? (FL_I)source[i] : -1;
        if (weight && !(weight[i] > 0.0))
            continue;
        outside |= !known;
        for (ptrdiff_t k = 0; p && k < classes; k++)
            outside |= FL_OUTSIDE_UNIT(p[i * classes + k]);
        if (p && label[i] >= 0)
            own_error[i] = FL_C(1) - p[i * classes + (ptrdiff_t)label[i]];
    }
    return outside != 0;
}

FL_STATIC int FL_FN(fl_lovasz_classes)(const fl_block *b, ptrdiff_t unit, int of_scores)
{
    const ptrdiff_t start = b->starts[unit], n = b->starts[unit + 1] - start, classes = b->width;
    const FL_T *const given = (const FL_T *)b->input[1] + start * classes;
    FL_T *const memory = b->scratch, *const softmax = memory + FL_GROUP_ARRAYS * n, *const sheet = softmax + n * classes;
    FL_T *const own_error = memory + 6 * n;
    FL_I *const label = (FL_I *)(void *)(memory + 7 * n);
    FL_FN(fl_mask) m = FL_FN(fl_mask_in)(memory, b, start, n);
    const FL_T *p = given;
    FL_T *const gradient = b->want & FL_GRADIENT ? (FL_T *)b->gradient[0] + start * classes : NULL;
    const int outside =
        FL_FN(fl_read_pixels)(b->label + start, m.weight, of_scores ? NULL : given, n, classes, label, own_error);
    if (of_scores) {
        FL_FN(fl_softmax_of_pixels)(given, n, classes, label, softmax, own_error, sheet);
        p = softmax;
    }
    /* in the memory of sheets, which are done */
    FL_I *const counts = (FL_I *)(void *)sheet;
    const int present_only = b->parameters[0] != 0.0;
    int pixels = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        pixels |= label[i] >= 0;
    for (ptrdiff_t k = 0; k < classes; k++)
        counts[k] = pixels && !present_only;
    for (ptrdiff_t i = 0; i < n; i++)
        if (label[i] >= 0)
            counts[label[i]] = 1;
    double counted = 0.0;
    for (ptrdiff_t k = 0; k < classes; k++)
        counted += (double)counts[k];
    const double factor = (b->weight ? b->weight[unit] : 1.0) / b->divisor / counted;
    FL_T spoilt = FL_C(0), sum = FL_C(0), error = FL_C(0);
    for (ptrdiff_t k = 0; k < classes; k++) {
        m.wrong = 0;
        m.foreground = m.foreground_error = 0.0;
        for (ptrdiff_t i = 0; counts[k] && i < n; i++)
            if (label[i] >= 0) {
                const int own = label[i] == (FL_I)k;
                const FL_T wrong = own ? own_error[i] : p[i * classes + k];
                spoilt += FL_UNLESS_NAN(wrong, 0);
                FL_FN(fl_add_pixel)(&m, i, wrong, wrong, own);
            }
        /* only now: the gradient may lie where the probabilities are */
        for (ptrdiff_t i = 0; gradient && i < n; i++)
            gradient[i * classes + k] = FL_C(0);
        const FL_PAIR of_class = FL_FN(fl_lovasz_sum)(&m, gradient ? gradient + k : NULL, classes, factor);
        FL_FN(fl_add_with_error)(&sum, &error, of_class.hi);
        error += of_class.lo;
    }
    if (b->want & FL_VALUE)
        ((FL_T *)b->value)[unit] = (counted > 0.0 ? FL_FN(fl_corrected)(sum, error) / (FL_T)counted : FL_C(0)) + spoilt;
    for (ptrdiff_t i = 0; gradient && i < n; i++)
        if (label[i] >= 0) {
            if (of_scores)
                FL_FN(fl_slopes_of_scores)(p + i * classes, classes, gradient + i * classes);
            for (ptrdiff_t k = 0; k < classes; k++)
                gradient[i * classes + k] += spoilt;
        }
    return outside;
}

#endif
