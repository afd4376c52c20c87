/* Deposits a block of one precision in the exact accumulator; exact_sum.h says how. */
#ifndef FL_DEPOSIT_H
#define FL_DEPOSIT_H

#include "language/scalar.h"
#include "sum/exact_sum.h"
#include "sum/folds.h"

#define FL_TEMPLATE "sum/deposit.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

static void FL_FN(fl_fold)(const FL_T *x, ptrdiff_t n, fl_folds *folds)
{
    FL_BEGIN_FOLDS(folds)
    FL_SIMD_REDUCE(FL_FOLDED)
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_T number = x[i];
        FL_FOLD(number)
    }
    FL_END_FOLDS(folds, n)
}

/* The biased exponent of the largest |x|: numbers without their sign are ordered like their bits. */
FL_INLINE int FL_FN(fl_largest_exponent)(const FL_T *x, ptrdiff_t n)
{
    FL_U largest = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        largest = FL_MAX(largest, FL_TO_BITS(FL_ABS(x[i])));
    return (int)(largest >> FL_MANTISSA_BITS);
}

/* Blocks of one array are alike: the scale of the last one, with room to spare, serves most of the time. */
static void FL_FN(fl_begin_folds)(const fl_sum *sum, fl_folds *folds)
{
    *folds = FL_FN(fl_folds_of)(FL_CLAMP(sum->scale, FL_LOWEST_SCALE, FL_HIGHEST_SCALE));
}

FL_INLINE void FL_FN(fl_add_units)(fl_sum *sum, const fl_folds *folds)
{
    for (int k = 0; k < (FL_BITS == 32 ? 3 : 2); k++)
        fl_sum_add_integer(sum, folds->units[k], folds->exponent[k] + 1074);
}

static int FL_FN(fl_add_folds)(fl_sum *sum, const fl_folds *folds)
{
    if (folds->overflow | folds->incomplete)
        return 1;
    FL_FN(fl_add_units)(sum, folds);
    return 0;
}

/* Deposits x; returns 1 when `rest`, which may be x, holds what is left to deposit. n is at most FL_SUM_BLOCK. */
static int FL_FN(fl_sum_part)(fl_sum *sum, const FL_T *x, double *rest, ptrdiff_t n)
{
    fl_folds folds;
    FL_FN(fl_begin_folds)(sum, &folds);
    FL_FN(fl_fold)(x, n, &folds);
    if (folds.overflow | folds.incomplete) {
        /* twice what would do: a number just below a power of two may be rounded up to it */
        const int exponent = FL_FN(fl_largest_exponent)(x, n) - (FL_EXPONENT_BIAS - 2);
        folds = FL_FN(fl_folds_of)(FL_MIN(exponent, FL_HIGHEST_SCALE));
        FL_FN(fl_fold)(x, n, &folds);
        if (folds.overflow) {
            for (ptrdiff_t i = 0; i < n; i++)
                fl_sum_add(sum, (double)x[i]);
            return 0;
        }
        sum->scale = exponent + 1;
    }
    FL_FN(fl_add_units)(sum, &folds);
    if (folds.incomplete) {
        const FL_T constant[3] = {(FL_T)folds.constant[0], (FL_T)folds.constant[1], (FL_T)folds.constant[2]};
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            rest[i] = (double)FL_FN(fl_fold_rest)(x[i], constant);
    }
    return folds.incomplete;
}

static void FL_FN(fl_sum_block)(fl_sum *sum, const void *from, ptrdiff_t n)
{
    double rest[FL_SUM_BLOCK];
    for (const FL_T *x = from; n > 0; n -= FL_SUM_BLOCK, x += FL_SUM_BLOCK) {
        const ptrdiff_t count = n < FL_SUM_BLOCK ? n : FL_SUM_BLOCK;
        const int left = FL_FN(fl_sum_part)(sum, x, rest, count);
        const int scale = sum->scale;
        for (int more = left; more;)
            more = fl_sum_part_f64(sum, rest, rest, count);
        sum->scale = scale;
    }
}

#endif
