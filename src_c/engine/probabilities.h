/* What is wrong with rows of probabilities: numbers outside [0, 1], and sums other than 1. */
#ifndef FL_PROBABILITIES_H
#define FL_PROBABILITIES_H

#include "engine/sheets.h"

#define FL_TEMPLATE "engine/probabilities.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef FL_T FL_FN(fl_four) __attribute__((vector_size(4 * sizeof(FL_T))));

/* The sums of rows, in an order that their length alone decides. */
FL_STATIC void FL_FN(fl_row_sums)(const FL_T *x, ptrdiff_t rows, ptrdiff_t classes, FL_T *sum)
{
    ptrdiff_t r = 0;
    /* four rows at a time, four numbers of each: no sum waits for another */
    for (; classes < FL_LANE_STEP && r + 4 <= rows; r += 4) {
        const FL_T *const row = x + r * classes;
        FL_FN(fl_four) a = {0}, b = {0}, c = {0}, d = {0}, next;
        ptrdiff_t k = 0;
        for (; k + 4 <= classes; k += 4) {
            memcpy(&next, row + k, sizeof next);
            a += next;
            memcpy(&next, row + classes + k, sizeof next);
            b += next;
            memcpy(&next, row + 2 * classes + k, sizeof next);
            c += next;
            memcpy(&next, row + 3 * classes + k, sizeof next);
            d += next;
        }
        const FL_FN(fl_four) ab = FL_SHUFFLE(a, b, 0, 4, 1, 5) + FL_SHUFFLE(a, b, 2, 6, 3, 7);
        const FL_FN(fl_four) cd = FL_SHUFFLE(c, d, 0, 4, 1, 5) + FL_SHUFFLE(c, d, 2, 6, 3, 7);
        FL_FN(fl_four) total = FL_SHUFFLE(ab, cd, 0, 1, 4, 5) + FL_SHUFFLE(ab, cd, 2, 3, 6, 7);
        for (; k < classes; k++)
            total += (FL_FN(fl_four)){row[k], row[classes + k], row[2 * classes + k], row[3 * classes + k]};
        memcpy(sum + r, &total, sizeof total);
    }
    for (; r < rows; r++) {
        const FL_T *const row = x + r * classes;
        FL_T part[FL_LANE_STEP] = {0};
        ptrdiff_t k = 0;
        for (; k + FL_LANE_STEP <= classes; k += FL_LANE_STEP)
            FL_SIMD
        for (int i = 0; i < FL_LANE_STEP; i++)
            part[i] += row[k + i];
        for (int half = FL_LANE_STEP / 2; half; half /= 2)
            for (int i = 0; i < half; i++)
                part[i] += part[i + half];
        for (; k < classes; k++)
            part[0] += row[k];
        sum[r] = part[0];
    }
}

/* What two vectors of lanes add up, and whether a number lies outside [0, 1]: neither sum waits for the other. */
typedef FL_T FL_FN(fl_lanes) __attribute__((vector_size(FL_VECTOR_BYTES), aligned(sizeof(FL_T)), may_alias));
typedef FL_I FL_FN(fl_lanes_of_masks) __attribute__((vector_size(FL_VECTOR_BYTES)));

/* The sum of numbers in 32 lanes, or 16, and whether one lies outside [0, 1]. */
FL_STATIC FL_T FL_FN(fl_sum_probabilities)(const FL_T *x, ptrdiff_t n, int *outside)
{
    enum { LANES = 128 / sizeof(FL_T), STEP = FL_VECTOR_BYTES / sizeof(FL_T) };
    FL_T part[LANES];
    FL_FN(fl_lanes_of_masks) wrong = {0};
    for (ptrdiff_t first = 0; first < LANES; first += 2 * STEP) {
        FL_FN(fl_lanes) sum = {0}, other_sum = {0};
        for (ptrdiff_t i = first; i + LANES - first <= n; i += LANES) {
            const FL_FN(fl_lanes) line = *(const FL_FN(fl_lanes) *)(x + i), other = *(const FL_FN(fl_lanes) *)(x + i + STEP);
            wrong |= (FL_FN(fl_lanes_of_masks))((line < FL_C(0)) | (line > FL_C(1)) | (other < FL_C(0)) | (other > FL_C(1)));
            sum += line;
            other_sum += other;
        }
        memcpy(part + first, &sum, sizeof sum);
        memcpy(part + first + STEP, &other_sum, sizeof other_sum);
    }
    FL_I any = 0;
    for (int lane = 0; lane < STEP; lane++)
        any |= wrong[lane];
    for (int half = LANES / 2; half; half /= 2)
        for (int lane = 0; lane < half; lane++)
            part[lane] += part[lane + half];
    for (ptrdiff_t i = n - n % LANES; i < n; i++) {
        any |= FL_INVALID((x[i] < FL_C(0)) | (x[i] > FL_C(1)));
        part[0] += x[i];
    }
    *outside = any != 0;
    return part[0];
}

/*
 * What is wrong with the probabilities of the rows on a sheet. The sum of them all costs hardly anything, those of the rows
 * more than a loss that takes one logarithm of each: a full sheet is only looked at row by row where its sum is not the number
 * of its rows. Sums of rows that differ from 1 by as much on both sides are then not noticed.
 */
FL_STATIC int FL_FN(fl_check_probabilities)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, const int *dropped)
{
    const FL_T *const x = (const FL_T *)b->input[1] + row * b->width;
    int outside;
    const FL_T total = FL_FN(fl_sum_probabilities)(x, sheet->rows * b->width, &outside);
    const int found = outside ? FL_OUTSIDE : 0;
    /* a little less than is allowed: whoever is told looks again, and these sums are rounded */
    const FL_T tolerance = FL_C(0.875 * b->classes->sum_tolerance);
    const int full = sheet->along || sheet->rows == sheet->lanes;
    if (!(tolerance > FL_C(0)) || (full && FL_ABS(total - (FL_T)sheet->rows) <= tolerance))
        return found;
    FL_T sum[FL_LANES];
    FL_FN(fl_row_sums)(x, sheet->rows, b->width, sum);
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        if (FL_ABS(sum[r] - FL_C(1)) > tolerance && !dropped[r])
            return found | FL_NOT_ONE;
    return found;
}

#endif
