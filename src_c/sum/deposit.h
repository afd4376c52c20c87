/* Deposits a block of one precision in the exact accumulator; exact_sum.h says how. */
#ifndef FL_DEPOSIT_H
#define FL_DEPOSIT_H

#include "language/scalar.h"
#include "sum/exact_sum.h"
#include "sum/folds.h"

/*
 * Of numbers of many sizes, of which bits are left, those of a lane add up to less than each could: the next ones are expected
 * to lie below a lower power of two than they do. Where they lie far below what was expected, it is worth it to fold them
 * again.
 */
enum { FL_CLOSER_SCALE = 1, FL_FAR_SCALE = 4 };

#define FL_TEMPLATE "sum/deposit.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

static void FL_FN(fl_fold)(const FL_T *x, ptrdiff_t n, fl_folds *folds)
{
    FL_BEGIN_FOLDS(folds);
    FL_FOR_LANES(i, n, FL_ANY_SIGN, (void)0, number = x[i + lane]);
    FL_END_FOLDS(folds);
}

/*
 * The power of two below which all numbers lie, and so far that as many as a lane adds up stay where they may, rounded upwards.
 * Numbers without their sign are ordered like their bits.
 */
FL_INLINE int FL_FN(fl_scale_of)(const FL_T *x, ptrdiff_t n)
{
    FL_U largest = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        largest = FL_MAX(largest, FL_TO_BITS(FL_ABS(x[i])));
    largest += (FL_U)1 << (FL_MANTISSA_BITS - 11);
    return (int)(largest >> FL_MANTISSA_BITS) - (FL_EXPONENT_BIAS - 1);
}

static void FL_FN(fl_expect)(fl_sum *sum, const void *from, ptrdiff_t n)
{
    sum->scale = FL_FN(fl_scale_of)(from, n);
}

/* Blocks of one array are alike: the scale of one serves most of the time for the next ones. */
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
        const int scale = FL_FN(fl_scale_of)(x, n), next = folds.overflow ? scale : scale - FL_CLOSER_SCALE;
        /* numbers that only fit together must not be left, one by one */
        if (folds.overflow || scale > sum->scale + FL_CLOSER_SCALE || scale < sum->scale - FL_FAR_SCALE) {
            folds = FL_FN(fl_folds_of)(FL_MIN(scale, FL_HIGHEST_SCALE));
            FL_FN(fl_fold)(x, n, &folds);
        }
        if (folds.overflow || scale > FL_HIGHEST_SCALE) {
            for (ptrdiff_t i = 0; i < n; i++)
                fl_sum_add(sum, (double)x[i]);
            return 0;
        }
        sum->scale = next;
    }
    if (folds.incomplete)
        FL_FN(fl_fold_and_leave)(x, n, &folds, rest);
    FL_FN(fl_add_units)(sum, &folds);
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
