/*
 * Rows by the class that their scores predict, on sheets: that of the largest score, the first of several. These losses have a
 * value only. A row with a NaN predicts nothing.
 *
 *   FL_LABEL_FORMULA(zero_one_of_rows, predicted, label)    the value for the predicted class and the row's own: both are FL_I
 */
#ifndef FL_PREDICTED_LABELS_H
#define FL_PREDICTED_LABELS_H

#include "engine/sheets.h"

#define FL_LABEL_FORMULA(name, predicted_, label_)                                                                             \
    FL_DECLARE(name, FL_ROWS, ", y_true index, y_pred(k)", ())                                                                 \
    FL_INLINE FL_T FL_FN(name##_formula)(const FL_I predicted_, const FL_I label_);                                            \
    static void FL_FN(name##_label)(FL_T * value, const FL_I *predicted, const FL_I *label, ptrdiff_t n)                       \
    {                                                                                                                          \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++)                                                                                      \
            value[i] = FL_FN(name##_formula)(predicted[i], label[i]);                                                          \
    }                                                                                                                          \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_label_rows)(block, FL_FN(name##_label));                                                               \
    }                                                                                                                          \
    FL_INLINE FL_T FL_FN(name##_formula)(const FL_I predicted_, const FL_I label_)

#define FL_TEMPLATE "engine/predicted_labels.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* The losses of rows by the classes they predict and their labels. */
typedef void (*FL_FN(fl_label_map))(FL_T *value, const FL_I *predicted, const FL_I *label, ptrdiff_t n);

FL_STATIC int FL_FN(fl_label_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, FL_FN(fl_label_map) map)
{
    FL_T *const z = b->scratch;
    FL_FN(fl_largest) s;
    FL_FN(fl_labels) labels;
    FL_I label[FL_LANES];
    FL_T value[FL_LANES];
    const int invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, &labels);
    if (!(b->want & FL_VALUE))
        return invalid;
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[1] + row * b->width, z, sheet->along ? -FL_INFINITY : FL_C(0));
    FL_FN(fl_find_largest)(sheet, z, &s);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++)
        label[lane] = (FL_I)labels.label[sheet->along || lane >= sheet->rows ? 0 : lane];
    map(value, s.first, label, sheet->lanes);
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        ((FL_T *)b->value)[row + r] = labels.weight[r] * (value[r] + s.spoilt[r]);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
    return invalid;
}

FL_STATIC int FL_FN(fl_label_rows)(const fl_block *b, FL_FN(fl_label_map) map)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_label_sheet)(b, &sheet, row, map);
    return invalid;
}

#endif
