/* Folds, by which exact sums take the numbers of a loop apart; exact_sum.h says how. */
#ifndef FL_FOLDS_H
#define FL_FOLDS_H

#include "fastloss.h"
#include "language/scalar.h"

#define FL_FIRST_FOLD (FL_BITS == 32 ? 20 : 51)
#define FL_NEXT_FOLD (FL_BITS == 32 ? 21 : 52)
#define FL_LOWEST_EXPONENT (FL_BITS == 32 ? -149 : -1074)
#define FL_LOWEST_SCALE (FL_BITS == 32 ? -126 : -1022)
#define FL_HIGHEST_SCALE (FL_BITS == 32 ? 123 : 1022)

/*
 * Folds of the numbers of a loop: what they need before it, what they add up in it, a number, and what comes after. Units of
 * the first fold lie between -2^FL_FIRST_FOLD and 2^FL_FIRST_FOLD: shifted up, they use no higher bit. What the last one leaves
 * is seen by the bits, not by a difference, of which there are enough; with NaN, of the same bits, the range is exceeded.
 */
#define FL_BEGIN_FOLDS(folds)                                                                                                  \
    const FL_T fold_a = (FL_T)(folds)->constant[0], fold_b = (FL_T)(folds)->constant[1], fold_c = (FL_T)(folds)->constant[2];  \
    const FL_U fold_lowest = FL_TO_BITS(fold_a) - ((FL_U)1 << FL_FIRST_FOLD);                                                  \
    FL_U first_units = 0, second_units = 0, third_units = 0, fold_range = 0, fold_remains = 0;                                 \
    (void)fold_c;
#define FL_FOLDED reduction(+ : first_units, second_units, third_units) reduction(| : fold_range, fold_remains)
#define FL_FOLD(x)                                                                                                             \
    const FL_T once = (x) + fold_a;                                                                                            \
    const FL_T rest = (x) - (once - fold_a);                                                                                   \
    const FL_T twice = rest + fold_b;                                                                                          \
    const FL_T second = twice - fold_b, second_rest = rest - second;                                                           \
    const FL_T thrice = second_rest + fold_c;                                                                                  \
    first_units += FL_TO_BITS(once);                                                                                           \
    fold_range |= FL_TO_BITS(once) - fold_lowest;                                                                              \
    second_units += FL_TO_BITS(twice);                                                                                         \
    if (FL_BITS == 32)                                                                                                         \
        third_units += FL_TO_BITS(thrice);                                                                                     \
    fold_remains |=                                                                                                            \
        FL_BITS == 32 ? FL_TO_BITS(second_rest) ^ FL_TO_BITS(thrice - fold_c) : FL_TO_BITS(rest) ^ FL_TO_BITS(second);
#define FL_END_FOLDS(folds, n) FL_FN(fl_end_folds)(folds, n, first_units, second_units, third_units, fold_range, fold_remains);

#define FL_TEMPLATE "sum/folds.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* 1.5 * 2^mantissa bits quanta, for the quantum 2^exponent */
FL_INLINE FL_T FL_FN(fl_fold_constant)(int exponent)
{
    const FL_U biased = (FL_U)(exponent + FL_MANTISSA_BITS + FL_EXPONENT_BIAS);
    return FL_FROM_BITS(biased << FL_MANTISSA_BITS | (FL_U)1 << (FL_MANTISSA_BITS - 1));
}

FL_INLINE fl_folds FL_FN(fl_folds_of)(int exponent)
{
    fl_folds folds = {.overflow = 0};
    for (int k = 0; k < 3; k++) {
        const int quantum = exponent - FL_FIRST_FOLD - k * FL_NEXT_FOLD;
        folds.exponent[k] = quantum > FL_LOWEST_EXPONENT ? quantum : FL_LOWEST_EXPONENT;
        folds.constant[k] = (double)FL_FN(fl_fold_constant)(folds.exponent[k]);
    }
    return folds;
}

/* What two folds (double) or three (float) leave of x. */
FL_INLINE FL_T FL_FN(fl_fold_rest)(FL_T x, const FL_T *constant)
{
    const FL_T first = x - ((x + constant[0]) - constant[0]);
    const FL_T second = first - ((first + constant[1]) - constant[1]);
    return FL_BITS == 32 ? second - ((second + constant[2]) - constant[2]) : second;
}

FL_INLINE void FL_FN(fl_end_folds)(fl_folds *folds, ptrdiff_t n, FL_U first, FL_U second, FL_U third, FL_U range, FL_U remains)
{
    const FL_U of_all = (FL_U)n;
    folds->units[0] = (int64_t)(FL_I)(first - of_all * FL_TO_BITS((FL_T)folds->constant[0]));
    folds->units[1] = (int64_t)(FL_I)(second - of_all * FL_TO_BITS((FL_T)folds->constant[1]));
    folds->units[2] = FL_BITS == 32 ? (int64_t)(FL_I)(third - of_all * FL_TO_BITS((FL_T)folds->constant[2])) : 0;
    folds->overflow = range >> (FL_FIRST_FOLD + 1) != 0;
    /* the sign bit, of a zero, does not count */
    folds->incomplete = remains << 1 != 0;
}

#endif
