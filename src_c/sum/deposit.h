/* Deposits a block of one precision in the exact accumulator; exact_sum.h says how. */
#ifndef FL_DEPOSIT_H
#define FL_DEPOSIT_H

#include "language/scalar.h"
#include "sum/exact_sum.h"

#define FL_TEMPLATE "sum/deposit.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

#undef FL_FIRST_FOLD
#undef FL_NEXT_FOLD
#undef FL_LOWEST_EXPONENT
#undef FL_LOWEST_SCALE
#undef FL_HIGHEST_SCALE
#if FL_BITS == 32
#define FL_FIRST_FOLD 20
#define FL_NEXT_FOLD 21
#define FL_LOWEST_EXPONENT (-149)
#define FL_LOWEST_SCALE (-126)
#define FL_HIGHEST_SCALE 123
#else
#define FL_FIRST_FOLD 51
#define FL_NEXT_FOLD 52
#define FL_LOWEST_EXPONENT (-1074)
#define FL_LOWEST_SCALE (-1022)
#define FL_HIGHEST_SCALE 1022
#endif

/* 1.5 * 2^mantissa bits quanta, for the quantum 2^exponent */
FL_INLINE FL_T FL_FN(fl_fold_constant)(int exponent)
{
    const FL_U biased = (FL_U)(exponent + FL_MANTISSA_BITS + FL_EXPONENT_BIAS);
    return FL_FROM_BITS(biased << FL_MANTISSA_BITS | (FL_U)1 << (FL_MANTISSA_BITS - 1));
}

typedef struct {
    int exponent[3]; /* of the quanta of the folds */
    FL_T constant[3];
    FL_U units[3];  /* what each fold took, in quanta, modulo 2^FL_BITS */
    int overflow;   /* some |x| >= 2^exponent, or infinite, or NaN: the units mean nothing */
    int incomplete; /* bits are left */
} FL_FN(fl_folds);

/* What two folds (double) or three (float) leave of x. */
FL_INLINE FL_T FL_FN(fl_fold_rest)(FL_T x, const FL_T *constant)
{
    const FL_T first = x - ((x + constant[0]) - constant[0]);
    const FL_T second = first - ((first + constant[1]) - constant[1]);
    return FL_BITS == 32 ? second - ((second + constant[2]) - constant[2]) : second;
}

FL_INLINE FL_FN(fl_folds) FL_FN(fl_fold)(const FL_T *x, ptrdiff_t n, int exponent)
{
    FL_FN(fl_folds) folds;
    for (int k = 0; k < 3; k++) {
        const int quantum = exponent - FL_FIRST_FOLD - k * FL_NEXT_FOLD;
        folds.exponent[k] = quantum > FL_LOWEST_EXPONENT ? quantum : FL_LOWEST_EXPONENT;
        folds.constant[k] = FL_FN(fl_fold_constant)(folds.exponent[k]);
    }
    const FL_T a = folds.constant[0], b = folds.constant[1], c = folds.constant[2];
    /* units of the first fold lie between -2^FL_FIRST_FOLD and 2^FL_FIRST_FOLD: shifted up, they use no higher bit */
    const FL_U lowest = FL_TO_BITS(a) - ((FL_U)1 << FL_FIRST_FOLD);
    FL_U first = 0, second = 0, third = 0, range = 0, remains = 0;
    FL_SIMD_REDUCE(reduction(+ : first, second, third) reduction(| : range, remains))
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_T once = x[i] + a;
        const FL_T rest = x[i] - (once - a);
        const FL_T twice = rest + b;
        const FL_T second_rest = rest - (twice - b);
        first += FL_TO_BITS(once);
        range |= FL_TO_BITS(once) - lowest;
        second += FL_TO_BITS(twice);
        FL_T last = second_rest;
        if (FL_BITS == 32) {
            const FL_T thrice = second_rest + c;
            last = second_rest - (thrice - c);
            third += FL_TO_BITS(thrice);
        }
        remains |= FL_TO_BITS(last);
    }
    folds.units[0] = first - (FL_U)n * FL_TO_BITS(a);
    folds.units[1] = second - (FL_U)n * FL_TO_BITS(b);
    folds.units[2] = FL_BITS == 32 ? third - (FL_U)n * FL_TO_BITS(c) : 0;
    folds.overflow = range >> (FL_FIRST_FOLD + 1) != 0;
    /* the sign bit, of a zero, does not count */
    folds.incomplete = remains << 1 != 0;
    return folds;
}

/* The biased exponent of the largest |x|: numbers without their sign are ordered like their bits. */
FL_INLINE int FL_FN(fl_largest_exponent)(const FL_T *x, ptrdiff_t n)
{
    FL_U largest = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        largest = FL_MAX(largest, FL_TO_BITS(FL_ABS(x[i])));
    return (int)(largest >> FL_MANTISSA_BITS);
}

/* Deposits x; returns 1 when `rest`, which may be x, holds what is left to deposit. n is at most FL_SUM_BLOCK. */
static int FL_FN(fl_sum_part)(fl_sum *sum, const FL_T *x, double *rest, ptrdiff_t n)
{
    /* Blocks of one array are alike: the scale of the last one, with room to spare, serves most of the time. */
    FL_FN(fl_folds) folds = FL_FN(fl_fold)(x, n, FL_CLAMP(sum->scale, FL_LOWEST_SCALE, FL_HIGHEST_SCALE));
    if (folds.overflow | folds.incomplete) {
        /* twice what would do: a number just below a power of two may be rounded up to it */
        const int exponent = FL_FN(fl_largest_exponent)(x, n) - (FL_EXPONENT_BIAS - 2);
        folds = FL_FN(fl_fold)(x, n, FL_MIN(exponent, FL_HIGHEST_SCALE));
        if (folds.overflow) {
            for (ptrdiff_t i = 0; i < n; i++)
                fl_sum_add(sum, (double)x[i]);
            return 0;
        }
        sum->scale = exponent + 1;
    }
    for (int k = 0; k < (FL_BITS == 32 ? 3 : 2); k++)
        fl_sum_add_integer(sum, (int64_t)(FL_I)folds.units[k], folds.exponent[k] + 1074);
    if (folds.incomplete) {
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            rest[i] = (double)FL_FN(fl_fold_rest)(x[i], folds.constant);
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
