/*
 * Vectors of few components, each of which means something of its own: the corners of a box.
 *
 *   FL_VECTOR_FORMULA(box_iou, 4, (y_true), (y_pred), ())
 *   {   y_true.at[0] ... y_true.at[3]
 *       return (FL_VECTOR_RESULT){.value = ..., .gradient = {...}};    by each component of the last input
 *   }
 *
 * Vectors lie side by side on sheets, a lane each. There are up to four components.
 */
#ifndef FL_VECTORS_H
#define FL_VECTORS_H

#include "engine/sheets.h"

enum { FL_MAX_COMPONENTS = 4 };

#define FL_VECTOR FL_FN(fl_vector)
#define FL_VECTOR_LANES FL_FN(fl_vector_lanes)
#define FL_VECTOR_RESULT FL_FN(fl_vector_result)

#define FL_VECTOR_FORMULA(name, size_, given, by, parameters)                                                                  \
    FL_DECLARE(name, FL_ROWS, FL_SIGNATURE("(" #size_ ")", given, by), parameters)                                             \
    FL_INLINE FL_VECTOR_RESULT FL_FN(name##_formula)(FL_VECTOR_ARGUMENTS(given, by, parameters));                              \
    FL_INLINE void FL_FN(name##_lanes)(const FL_VECTOR_LANES l, const double *constants, int derive)                           \
    {                                                                                                                          \
        enum { size = size_, first = FL_COUNT(given) };                                                                        \
        _Static_assert(FL_COUNT(by) == 1 && first < 3, "there is room for one gradient beside three inputs");                  \
        const ptrdiff_t lanes = l.lanes;                                                                                       \
        const FL_T *const x[] = {FL_FOUR_GROUPS(l.x), FL_FOUR_GROUPS(l.x + size * lanes),                                      \
                                 FL_FOUR_GROUPS(l.x + 2 * size * lanes)};                                                      \
        FL_T *const g[] = {FL_FOUR_GROUPS(l.gradient)}, *const value = l.value;                                                \
        const FL_T *const factor = l.factor;                                                                                   \
        double q[FL_MAX_PARAMETERS];                                                                                           \
        memcpy(q, constants, sizeof q);                                                                                        \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < lanes; i++) {                                                                                \
            const FL_VECTOR_RESULT t = FL_FN(name##_formula)(FL_VECTORS_AT(given, by, parameters));                            \
            value[i] = t.value;                                                                                                \
            if (derive) {                                                                                                      \
                g[0][i] = t.gradient[0] * factor[i];                                                                           \
                if (size > 1)                                                                                                  \
                    g[1][i] = t.gradient[1] * factor[i];                                                                       \
                if (size > 2)                                                                                                  \
                    g[2][i] = t.gradient[2] * factor[i];                                                                       \
                if (size > 3)                                                                                                  \
                    g[3][i] = t.gradient[3] * factor[i];                                                                       \
            }                                                                                                                  \
        }                                                                                                                      \
    }                                                                                                                          \
    static void FL_FN(name##_values)(const FL_VECTOR_LANES l, const double *constants)                                         \
    {                                                                                                                          \
        FL_FN(name##_lanes)(l, constants, 0);                                                                                  \
    }                                                                                                                          \
    static void FL_FN(name##_slopes)(const FL_VECTOR_LANES l, const double *constants)                                         \
    {                                                                                                                          \
        FL_FN(name##_lanes)(l, constants, 1);                                                                                  \
    }                                                                                                                          \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_vector_rows)(block, FL_COUNT(given) + 1, FL_FN(name##_values), FL_FN(name##_slopes));                  \
    }                                                                                                                          \
    FL_INLINE FL_VECTOR_RESULT FL_FN(name##_formula)(FL_VECTOR_ARGUMENTS(given, by, parameters))

/* Constants in place of loops: what is indexed by a variable stays in memory, and is not vectorised. */
#define FL_FOUR_GROUPS(x) (x), (x) + lanes, (x) + 2 * lanes, (x) + 3 * lanes
#define FL_VECTOR_INPUT(extra, i, name) , const FL_VECTOR name
#define FL_VECTOR_ARGUMENTS(given, by, parameters)                                                                             \
    FL_TAIL(FL_EACH(FL_VECTOR_INPUT, , given) FL_EACH(FL_VECTOR_INPUT, , by) FL_EACH(FL_PARAMETER, , parameters))
#define FL_VECTOR_AT(first, k, name) , FL_FN(fl_vector_at)(x + 4 * (first + k), i, size)
#define FL_VECTORS_AT(given, by, parameters)                                                                                   \
    FL_TAIL(FL_EACH(FL_VECTOR_AT, 0, given) FL_EACH(FL_VECTOR_AT, first, by) FL_EACH(FL_PARAMETER_AT, , parameters))

#define FL_TEMPLATE "engine/vectors.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T at[FL_MAX_COMPONENTS];
} FL_FN(fl_vector);

typedef struct {
    FL_T value, gradient[FL_MAX_COMPONENTS];
} FL_FN(fl_vector_result);

/* Vectors, a lane each, with what their derivatives are multiplied by; and where the results go. */
typedef struct {
    ptrdiff_t lanes;
    const FL_T *x, *factor;
    FL_T *value, *gradient;
} FL_FN(fl_vector_lanes);

typedef void (*FL_FN(fl_vector_map))(const FL_FN(fl_vector_lanes) lanes, const double *constants);

FL_INLINE FL_FN(fl_vector) FL_FN(fl_vector_at)(const FL_T *const *x, ptrdiff_t i, int size)
{
    return (FL_FN(fl_vector)){
        {x[0][i], size > 1 ? x[1][i] : FL_C(0), size > 2 ? x[2][i] : FL_C(0), size > 3 ? x[3][i] : FL_C(0)}};
}

FL_STATIC void FL_FN(fl_vector_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int inputs,
                                      FL_FN(fl_vector_map) map)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes, first = row * b->width;
    FL_T *const x = b->scratch, *const gradient = x + inputs * numbers;
    FL_T value[FL_LANES], factor[FL_LANES];
    FL_FN(fl_labels) labels;
    for (int i = 0; i < inputs; i++)
        FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[i] + first, x + i * numbers, FL_C(0));
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
    FL_FN(fl_set_scale)(b, sheet, row, factor);
    map((FL_FN(fl_vector_lanes)){sheet->lanes, x, factor, value, gradient}, b->parameters);
    if (b->want & FL_VALUE)
        memcpy((FL_T *)b->value + row, value, (size_t)sheet->rows * sizeof(FL_T));
    if (b->want & FL_GRADIENT)
        FL_FN(fl_take_up)(sheet, gradient, (FL_T *)b->gradient[0] + first);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
}

FL_STATIC int FL_FN(fl_vector_rows)(const fl_block *b, int inputs, FL_FN(fl_vector_map) values, FL_FN(fl_vector_map) slopes)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    FL_EACH_SHEET(b, sheet)
    FL_FN(fl_vector_sheet)(b, &sheet, row, inputs, b->want & FL_GRADIENT ? slopes : values);
    return 0;
}

#endif
