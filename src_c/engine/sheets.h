/*
 * Sheets, on which the plans of rows lay the numbers of a block.
 *
 * A sheet has `groups` times `lanes` numbers. Short rows lie side by side, a lane each and a group per class; a long row is cut
 * into groups of consecutive classes and padded. Every pass runs over the lanes of a group at a time and is the same text for
 * both; what it accumulates per lane is the row's at once, or is merged over the lanes in a fixed order. The width of the rows
 * alone decides which it is, so that a row's result does not depend on its position, its neighbours or the machine. Where a
 * class index says all about a row, long rows are not cut: they lie one after another, and only what is known of each of them
 * as a whole lies side by side, a lane for a row.
 */
#ifndef FL_SHEETS_H
#define FL_SHEETS_H

#include "language/formula.h"

enum { FL_LONGEST_SIDE_BY_SIDE = 256, FL_SHEET_NUMBERS = 4096, FL_LANES = 64, FL_LANE_STEP = 16 };

typedef struct {
    ptrdiff_t classes, rows, groups, lanes;
    int64_t step;     /* from a group to the class of the next one */
    int along;        /* one long row */
    ptrdiff_t stride; /* from a row to the next where rows lie one after another; or 0 */
} fl_sheet;

FL_INLINE fl_sheet fl_sheet_of(ptrdiff_t classes)
{
    const int along = classes > FL_LONGEST_SIDE_BY_SIDE;
    ptrdiff_t lanes = FL_SHEET_NUMBERS / (classes ? classes : 1) / FL_LANE_STEP * FL_LANE_STEP;
    lanes = along || lanes > FL_LANES ? FL_LANES : lanes;
    const ptrdiff_t groups = along ? (classes + lanes - 1) / lanes : classes;
    return (fl_sheet){classes, along ? 1 : lanes, groups, lanes, along ? lanes : 1, along, 0};
}

/* Long rows need no lanes where all that is done between the passes concerns one class of each: they lie one after another. */
FL_INLINE fl_sheet fl_sheet_by_row(ptrdiff_t classes)
{
    fl_sheet sheet = fl_sheet_of(classes);
    if (!sheet.along)
        return sheet;
    sheet.along = 0;
    sheet.stride = sheet.groups * sheet.lanes;
    sheet.rows = sheet.stride < FL_SHEET_NUMBERS ? FL_SHEET_NUMBERS / sheet.stride : 1;
    sheet.lanes = (sheet.rows + FL_LANE_STEP - 1) / FL_LANE_STEP * FL_LANE_STEP;
    return sheet;
}

#define FL_EACH_LANE(sheet)                                                                                                    \
    FL_SIMD                                                                                                                    \
    for (ptrdiff_t lane = 0; lane < (sheet)->lanes; lane++)
#define FL_EACH_GROUP(sheet) for (ptrdiff_t group = 0; group < (sheet)->groups; group++)
#define FL_EACH_ROW(sheet) for (ptrdiff_t row = 0; row < (sheet)->rows; row++)
/* All rows of a block, from `row` on as many as there are on a sheet; on the last one there may be fewer. */
#define FL_EACH_SHEET(block, sheet)                                                                                            \
    for (ptrdiff_t row = 0, most = (sheet).rows; ((sheet).rows = FL_MIN(most, (block)->units - row)) > 0; row += most)

#if defined(__clang__) || __GNUC__ >= 12
#define FL_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
/* The same, of another size. */
#define FL_RESIZE FL_SHUFFLE
#else
#define FL_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (FL_I __attribute__((vector_size(sizeof(a))))){__VA_ARGS__})
#endif

#define FL_CLASS(sheet) ((FL_I)(group * (sheet)->step) + own[lane])

/* Where the number of a row and a class stands on a sheet. */
#define FL_PLACE(sheet, lane, k)                                                                                               \
    ((sheet)->along    ? (ptrdiff_t)(k)                                                                                        \
     : (sheet)->stride ? (lane) * (sheet)->stride + (ptrdiff_t)(k)                                                             \
                       : (ptrdiff_t)(k) * (sheet)->lanes + (lane))

#define FL_TEMPLATE "engine/sheets.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* Vectors that may stand anywhere: where there is a choice, GCC copies memory by 16 bytes, and what is loaded then waits for
 * two stores. */
typedef FL_T FL_FN(fl_half) __attribute__((vector_size(16), aligned(sizeof(FL_T)), may_alias));
typedef FL_T FL_FN(fl_whole) __attribute__((vector_size(32), aligned(sizeof(FL_T)), may_alias));

/* How many numbers there are in half a vector. */
#undef FL_HALF
#define FL_HALF (16 / (int)sizeof(FL_T))

/* A vector of the numbers in two places, and back. */
FL_INLINE void FL_FN(fl_join)(FL_FN(fl_whole) * x, const FL_T *first, const FL_T *second)
{
#if !defined(FL_RESIZE)
    memcpy(x, first, sizeof *x / 2);
    memcpy((char *)x + sizeof *x / 2, second, sizeof *x / 2);
#elif FL_BITS == 32
    *x = FL_RESIZE(*(const FL_FN(fl_half) *)first, *(const FL_FN(fl_half) *)second, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    *x = FL_RESIZE(*(const FL_FN(fl_half) *)first, *(const FL_FN(fl_half) *)second, 0, 1, 2, 3);
#endif
}

FL_INLINE void FL_FN(fl_part)(const FL_FN(fl_whole) * x, FL_T *first, FL_T *second)
{
#if !defined(FL_RESIZE)
    memcpy(first, x, sizeof *x / 2);
    memcpy(second, (const char *)x + sizeof *x / 2, sizeof *x / 2);
#elif FL_BITS == 32
    *(FL_FN(fl_half) *)first = FL_RESIZE(*x, *x, 0, 1, 2, 3);
    *(FL_FN(fl_half) *)second = FL_RESIZE(*x, *x, 4, 5, 6, 7);
#else
    *(FL_FN(fl_half) *)first = FL_RESIZE(*x, *x, 0, 1);
    *(FL_FN(fl_half) *)second = FL_RESIZE(*x, *x, 2, 3);
#endif
}

/* Turns the square of numbers in the first halves of some vectors, and that in their second halves: each in its place, which
 * machines with long vectors do as fast as one of them. */
FL_INLINE void FL_FN(fl_turn)(FL_FN(fl_whole) * x)
{
#if FL_BITS == 32
    const FL_FN(fl_whole) a = FL_SHUFFLE(x[0], x[1], 0, 8, 1, 9, 4, 12, 5, 13);
    const FL_FN(fl_whole) b = FL_SHUFFLE(x[0], x[1], 2, 10, 3, 11, 6, 14, 7, 15);
    const FL_FN(fl_whole) c = FL_SHUFFLE(x[2], x[3], 0, 8, 1, 9, 4, 12, 5, 13);
    const FL_FN(fl_whole) d = FL_SHUFFLE(x[2], x[3], 2, 10, 3, 11, 6, 14, 7, 15);
    x[0] = FL_SHUFFLE(a, c, 0, 1, 8, 9, 4, 5, 12, 13);
    x[1] = FL_SHUFFLE(a, c, 2, 3, 10, 11, 6, 7, 14, 15);
    x[2] = FL_SHUFFLE(b, d, 0, 1, 8, 9, 4, 5, 12, 13);
    x[3] = FL_SHUFFLE(b, d, 2, 3, 10, 11, 6, 7, 14, 15);
#else
    const FL_FN(fl_whole) a = FL_SHUFFLE(x[0], x[1], 0, 4, 2, 6), b = FL_SHUFFLE(x[0], x[1], 1, 5, 3, 7);
    x[0] = a;
    x[1] = b;
#endif
}

/* target[j][i] = source[i][j] f[j] g[j] of two squares that lie side by side; without factors, where there are none */
FL_INLINE void FL_FN(fl_turn_wide)(const FL_T *source, ptrdiff_t source_step, const FL_T *f, const FL_T *g, FL_T *target,
                                   ptrdiff_t target_step)
{
    FL_FN(fl_whole) x[FL_HALF];
#pragma GCC unroll 4
    for (int k = 0; k < FL_HALF; k++)
        x[k] = *(const FL_FN(fl_whole) *)(source + k * source_step);
    if (f)
#pragma GCC unroll 4
        for (int k = 0; k < FL_HALF; k++)
            x[k] = x[k] * *(const FL_FN(fl_whole) *)f * *(const FL_FN(fl_whole) *)g;
    FL_FN(fl_turn)(x);
#pragma GCC unroll 4
    for (int k = 0; k < FL_HALF; k++)
        FL_FN(fl_part)(&x[k], target + k * target_step, target + (k + FL_HALF) * target_step);
}

/* The same of two squares one above the other. */
FL_INLINE void FL_FN(fl_turn_high)(const FL_T *source, ptrdiff_t source_step, const FL_T *f, const FL_T *g, FL_T *target,
                                   ptrdiff_t target_step)
{
    FL_FN(fl_whole) x[FL_HALF], once, twice;
#pragma GCC unroll 4
    for (int k = 0; k < FL_HALF; k++)
        FL_FN(fl_join)(&x[k], source + k * source_step, source + (k + FL_HALF) * source_step);
    if (f) {
        FL_FN(fl_join)(&once, f, f);
        FL_FN(fl_join)(&twice, g, g);
#pragma GCC unroll 4
        for (int k = 0; k < FL_HALF; k++)
            x[k] = x[k] * once * twice;
    }
    FL_FN(fl_turn)(x);
#pragma GCC unroll 4
    for (int k = 0; k < FL_HALF; k++)
        *(FL_FN(fl_whole) *)(target + k * target_step) = x[k];
}

/* By squares, which the compiler moves through registers; the last ones may overlap others. */
#define FL_TRANSPOSE_BY(turn, height, width)                                                                                   \
    for (ptrdiff_t i = 0; i < rows; i += (height)) {                                                                           \
        const ptrdiff_t first = FL_MIN(i, rows - (height)), last = columns - (width);                                          \
        const FL_T *const x = source + first * source_step;                                                                    \
        FL_T *y = target + first;                                                                                              \
        for (ptrdiff_t j = 0; j < last; j += (width), y += (width)*target_step)                                                \
            turn(x + j, source_step, f ? f + j : NULL, g + j, y, target_step);                                                 \
        turn(x + last, source_step, f ? f + last : NULL, g + last, target + last * target_step + first, target_step);          \
    }

FL_INLINE void FL_FN(fl_transpose_times)(const FL_T *source, ptrdiff_t source_step, ptrdiff_t rows, ptrdiff_t columns,
                                         const FL_T *f, const FL_T *g, FL_T *target, ptrdiff_t target_step)
{
    /* along the longer side, there is less that overlaps */
    if (columns > rows && columns >= 2 * FL_HALF && rows >= FL_HALF) {
        FL_TRANSPOSE_BY(FL_FN(fl_turn_wide), FL_HALF, 2 * FL_HALF)
    } else if (rows >= 2 * FL_HALF && columns >= FL_HALF) {
        FL_TRANSPOSE_BY(FL_FN(fl_turn_high), 2 * FL_HALF, FL_HALF)
    } else {
        for (ptrdiff_t j = 0; j < columns; j++)
            for (ptrdiff_t i = 0; i < rows; i++)
                target[j * target_step + i] = f ? source[i * source_step + j] * f[j] * g[j] : source[i * source_step + j];
    }
}

/* target[j][i] = source[i][j] */
FL_STATIC void FL_FN(fl_transpose)(const FL_T *source, ptrdiff_t source_step, ptrdiff_t rows, ptrdiff_t columns, FL_T *target,
                                   ptrdiff_t target_step)
{
    /* twos and threes, which have no squares, are what compilers know */
    if (columns == 2 && source_step == 2) {
        FL_SIMD
        for (ptrdiff_t i = 0; i < rows; i++) {
            target[i] = source[2 * i];
            target[target_step + i] = source[2 * i + 1];
        }
    } else if (rows == 2 && target_step == 2) {
        FL_SIMD
        for (ptrdiff_t j = 0; j < columns; j++) {
            target[2 * j] = source[j];
            target[2 * j + 1] = source[source_step + j];
        }
    } else if (columns == 3 && source_step == 3) {
        FL_SIMD
        for (ptrdiff_t i = 0; i < rows; i++) {
            target[i] = source[3 * i];
            target[target_step + i] = source[3 * i + 1];
            target[2 * target_step + i] = source[3 * i + 2];
        }
    } else if (rows == 3 && target_step == 3) {
        FL_SIMD
        for (ptrdiff_t j = 0; j < columns; j++) {
            target[3 * j] = source[j];
            target[3 * j + 1] = source[source_step + j];
            target[3 * j + 2] = source[2 * source_step + j];
        }
    } else
        FL_FN(fl_transpose_times)(source, source_step, rows, columns, NULL, source, target, target_step);
}

/* Lays rows that begin `step` numbers after one another side by side. */
FL_STATIC void FL_FN(fl_lay_side_by_side)(const fl_sheet *sheet, const FL_T *source, ptrdiff_t step, FL_T *target, FL_T fill)
{
    FL_FN(fl_transpose)(source, step, sheet->rows, sheet->classes, target, sheet->lanes);
    for (ptrdiff_t row = sheet->rows; row < sheet->lanes; row++)
        for (ptrdiff_t k = 0; k < sheet->classes; k++)
            target[k * sheet->lanes + row] = fill;
}

FL_STATIC void FL_FN(fl_lay_out)(const fl_sheet *sheet, const FL_T *source, FL_T *target, FL_T fill)
{
    if (!sheet->along) {
        FL_FN(fl_lay_side_by_side)(sheet, source, sheet->classes, target, fill);
        return;
    }
    memcpy(target, source, (size_t)sheet->classes * sizeof *target);
    for (ptrdiff_t i = sheet->classes; i < sheet->groups * sheet->lanes; i++)
        target[i] = fill;
}

FL_STATIC void FL_FN(fl_take_up)(const fl_sheet *sheet, const FL_T *source, FL_T *target)
{
    if (sheet->along) {
        memcpy(target, source, (size_t)sheet->classes * sizeof *target);
        return;
    }
    FL_FN(fl_transpose)(source, sheet->lanes, sheet->classes, sheet->rows, target, sheet->classes);
}

/* Takes short rows up, each times its factors, one after the other. */
FL_STATIC void FL_FN(fl_take_up_times)(const fl_sheet *sheet, const FL_T *source, const FL_T *f, const FL_T *g, FL_T *target)
{
    FL_FN(fl_transpose_times)(source, sheet->lanes, sheet->classes, sheet->rows, f, g, target, sheet->classes);
}

/* The sum of a long row from those of its lanes, in every lane. */
FL_STATIC void FL_FN(fl_merge_lanes)(const fl_sheet *sheet, FL_T *sum)
{
    if (!sheet->along)
        return;
    for (ptrdiff_t half = FL_LANES / 2; half; half /= 2)
        for (ptrdiff_t lane = 0; lane < half; lane++)
            sum[lane] += sum[lane + half];
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++)
        sum[lane] = sum[0];
}

/* The largest number of each row, or of the one row in every lane. NaN is never the largest, unless a lane begins with it. */
typedef struct {
    FL_T max[FL_LANES];
    FL_T spoilt[FL_LANES]; /* 0, or NaN where there is one */
    FL_I first[FL_LANES];  /* the first class that has it */
    FL_I own[FL_LANES];    /* class of a lane in group 0 */
} FL_FN(fl_largest);

FL_STATIC void FL_FN(fl_find_largest)(const fl_sheet *sheet, const FL_T *z, FL_FN(fl_largest) * s)
{
    FL_T *const max = s->max, *const spoilt = s->spoilt;
    FL_I *const first = s->first, *const own = s->own;
    FL_EACH_LANE(sheet)
    {
        spoilt[lane] = FL_C(0);
        own[lane] = sheet->along ? (FL_I)lane : 0;
        max[lane] = z[lane];
        first[lane] = own[lane];
    }
    FL_EACH_GROUP(sheet)
    {
        const FL_T *const x = z + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            const FL_T before = max[lane], now = x[lane];
            const FL_I k = FL_CLASS(sheet), first_before = first[lane];
            /* by masks: GCC makes a branch, which data decide, of two selections with one condition */
            const FL_U larger = FL_SELECT(now > before, ~(FL_U)0, (FL_U)0);
            first[lane] = (FL_I)(((FL_U)k & larger) | ((FL_U)first_before & ~larger));
            max[lane] = FL_PICK(larger, now, before);
            spoilt[lane] += FL_UNLESS_NAN(now, 0);
        }
    }
    if (!sheet->along)
        return;
    FL_FN(fl_merge_lanes)(sheet, spoilt);
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++)
        if (max[lane] > max[0] || (max[lane] == max[0] && first[lane] < first[0])) {
            max[0] = max[lane];
            first[0] = first[lane];
        }
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++) {
        max[lane] = max[0];
        first[lane] = first[0];
    }
}

/* The classes of the rows on a sheet, and what belongs to them. */
typedef struct {
    ptrdiff_t label[FL_LANES];
    FL_I own[FL_LANES];    /* the same as a number of the precision's size; 0 in lanes without a row */
    FL_T weight[FL_LANES]; /* of the loss */
    int dropped[FL_LANES];
} FL_FN(fl_labels);

/* What the derivatives of the rows on a sheet are multiplied by; lanes without a row get something, too. */
FL_STATIC void FL_FN(fl_set_scale)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, FL_T *scale)
{
    const FL_T common = (FL_T)(1.0 / b->divisor);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++)
        scale[lane] = common;
    if (!b->weight)
        return;
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        scale[r] = (FL_T)(b->weight[row + r] / b->divisor);
    for (ptrdiff_t lane = 1; sheet->along && lane < sheet->lanes; lane++)
        scale[lane] = scale[0];
}

/* Rows that count for nothing: those of weight 0, and of the ignored label. */
FL_INLINE int FL_FN(fl_drops)(const fl_block *b, ptrdiff_t row)
{
    return (b->weight && !(b->weight[row] > 0.0)) || (b->label && b->classes->ignores && b->label[row] == b->classes->ignored);
}

/* Checks the labels of rows before any of them is used as an index; returns 1 if one is no class. */
FL_STATIC int FL_FN(fl_read_labels)(const fl_block *b, const int64_t *source, ptrdiff_t row, ptrdiff_t rows,
                                    FL_FN(fl_labels) * labels)
{
    const uint64_t width = (uint64_t)b->width;
    int unknown = 0;
    FL_SIMD_REDUCE(reduction(| : unknown))
    for (ptrdiff_t r = 0; r < rows; r++) {
        const int64_t label = source[r];
        unknown |= (uint64_t)label >= width;
        labels->label[r] = (ptrdiff_t)label;
        labels->own[r] = (FL_I)label;
        labels->dropped[r] = 0;
        labels->weight[r] = FL_C(1);
    }
    for (ptrdiff_t r = rows; r < FL_LANES; r++)
        labels->own[r] = 0;
    if (!unknown && !b->classes->ignores && !b->weight && !b->classes->scale && !b->counted)
        return 0;
    int invalid = 0;
    for (ptrdiff_t r = 0; r < rows; r++) {
        const int64_t label = source[r];
        const int dropped = FL_FN(fl_drops)(b, row + r);
        const int known = label >= 0 && label < (int64_t)b->width;
        invalid |= !known & !dropped;
        labels->dropped[r] = dropped;
        labels->label[r] = known && !dropped ? (ptrdiff_t)label : 0;
        labels->own[r] = (FL_I)labels->label[r];
        labels->weight[r] = b->classes->scale ? (FL_T)b->classes->scale[labels->label[r]] : FL_C(1);
        if (b->counted)
            b->counted[row + r] = dropped ? 0.0
                                          : (b->classes->weight ? b->classes->weight[labels->label[r]] : 1.0) *
                                                (b->weight ? b->weight[row + r] : 1.0);
    }
    return invalid;
}

FL_STATIC void FL_FN(fl_clear_dropped)(const fl_block *b, ptrdiff_t row, ptrdiff_t rows, const FL_FN(fl_labels) * labels)
{
    const size_t bytes = (size_t)b->width * sizeof(FL_T);
    for (ptrdiff_t r = 0; (b->weight || b->classes->ignores) && r < rows; r++) {
        if (!labels->dropped[r])
            continue;
        if (b->want & FL_VALUE)
            ((FL_T *)b->value)[row + r] = FL_C(0);
        for (int i = 0; i < FL_MAX_GRADIENTS; i++) {
            if (b->want & FL_GRADIENT && b->gradient[i])
                memset((FL_T *)b->gradient[i] + (row + r) * b->width, 0, bytes);
            if (b->want & FL_HESSIAN && b->hessian[i])
                memset((FL_T *)b->hessian[i] + (row + r) * b->width, 0, bytes);
        }
    }
}

/* A sum with its error, side by side. */
typedef struct {
    FL_T sum[FL_LANES], error[FL_LANES];
} FL_FN(fl_sums);

FL_INLINE void FL_FN(fl_add)(FL_FN(fl_sums) * s, ptrdiff_t lane, FL_T x)
{
    const FL_PAIR sum = FL_TWO_SUM(s->sum[lane], x);
    s->sum[lane] = sum.hi;
    s->error[lane] += sum.lo;
}

FL_STATIC void FL_FN(fl_merge_sums)(const fl_sheet *sheet, FL_FN(fl_sums) * s)
{
    if (!sheet->along)
        return;
    for (ptrdiff_t half = FL_LANES / 2; half; half /= 2)
        for (ptrdiff_t lane = 0; lane < half; lane++) {
            s->error[lane] += s->error[lane + half];
            FL_FN(fl_add)(s, lane, s->sum[lane + half]);
        }
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++) {
        s->sum[lane] = s->sum[0];
        s->error[lane] = s->error[0];
    }
}

/* Sums with their errors. An infinite one has none. */
FL_INLINE void FL_FN(fl_correct)(const FL_FN(fl_sums) * s, ptrdiff_t lanes, FL_T *to)
{
    FL_SIMD
    for (ptrdiff_t lane = 0; lane < lanes; lane++) {
        const FL_T sum = s->sum[lane], corrected = sum + s->error[lane];
        to[lane] = FL_SELECT(FL_ABS(sum) < FL_INFINITY, corrected, sum);
    }
}

/* The sums of the rows, in `sum`. */
FL_STATIC void FL_FN(fl_finish_sums)(const fl_sheet *sheet, FL_FN(fl_sums) * s)
{
    FL_FN(fl_merge_sums)(sheet, s);
    FL_FN(fl_correct)(s, sheet->lanes, s->sum);
}

#endif
