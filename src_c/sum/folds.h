/* Folds, by which exact sums take the numbers of a loop apart; exact_sum.h says how. */
#ifndef FL_FOLDS_H
#define FL_FOLDS_H

#include "fastloss.h"
#include "language/scalar.h"

/* The bits that a fold takes: 16 numbers below 2^E, or 16 halves of a quantum, change a sum by half a binade at the most. */
#define FL_FIRST_FOLD (FL_MANTISSA_BITS - 5)
#define FL_NEXT_FOLD (FL_MANTISSA_BITS - 4)
#define FL_LOWEST_EXPONENT (FL_BITS == 32 ? -149 : -1074)
#define FL_LOWEST_SCALE (FL_BITS == 32 ? -126 : -1022)
#define FL_HIGHEST_SCALE (FL_BITS == 32 ? 121 : 1018)

/* Lanes lie side by side: two vectors, or one of the longest. */
#define FL_FOLD_LANES ((FL_VECTOR_BYTES > 16 ? 64 : 32) / (int)sizeof(FL_T))
enum { FL_NUMBERS_OF_A_LANE = 16, FL_ONE_AT_FIRST = 1 };

/* Sums are looked at after each number; those of numbers that are not negative only grow, and are looked at in the end. */
enum { FL_ANY_SIGN, FL_NOT_NEGATIVE };

/*
 * What a loop needs to fold its numbers, before it, in it, and after it. The sums of lanes are arrays of their own: Clang would
 * not make vectors of them in a structure.
 *
 * The loop is over n numbers: of_lane sets `number` to number `i + lane`, and of_all, before that, does what is to be done once
 * for all lanes. What fills no lanes is done one by one, in little code, and zeros are added to it.
 */
#define FL_LANE_ARRAY(type, name) type name[FL_FOLD_LANES] __attribute__((aligned(64)))
#define FL_BEGIN_FOLDS(folds)                                                                                                  \
    FL_LANE_ARRAY(FL_T, fold_first);                                                                                           \
    FL_LANE_ARRAY(FL_T, fold_second);                                                                                          \
    FL_LANE_ARRAY(FL_T, fold_third);                                                                                           \
    FL_LANE_ARRAY(FL_U, fold_outside);                                                                                         \
    FL_LANE_ARRAY(FL_U, fold_remains);                                                                                         \
    FL_FN(fl_lane_units) fold_units;                                                                                           \
    FL_FN(fl_begin_sums)(folds, &fold_units, fold_outside, fold_remains)
#define FL_FOR_LANES(i, n, sign, of_all, of_lane)                                                                              \
    for (ptrdiff_t i = 0, fold_end; i < (n); i = fold_end) {                                                                   \
        fold_end = FL_MIN(i + FL_FOLD_LANES * FL_NUMBERS_OF_A_LANE, (n));                                                      \
        FL_FN(fl_start_sums)(&fold_units, fold_first, fold_second, fold_third);                                                \
        for (; i + FL_FOLD_LANES <= fold_end; i += FL_FOLD_LANES) {                                                            \
            of_all;                                                                                                            \
            FL_SIMD                                                                                                            \
            for (int lane = 0; lane < FL_FOLD_LANES; lane++) {                                                                 \
                FL_T number;                                                                                                   \
                of_lane;                                                                                                       \
                FL_FOLD(number, sign)                                                                                          \
            }                                                                                                                  \
        }                                                                                                                      \
        if (i < fold_end) {                                                                                                    \
            FL_LANE_ARRAY(FL_T, fold_rest) = {0};                                                                              \
            const volatile ptrdiff_t fold_last = fold_end;                                                                     \
            for (int lane = 0; i + lane < fold_last; lane++) {                                                                 \
                FL_T number;                                                                                                   \
                of_lane;                                                                                                       \
                fold_rest[lane] = number;                                                                                      \
            }                                                                                                                  \
            FL_SIMD                                                                                                            \
            for (int lane = 0; lane < FL_FOLD_LANES; lane++) {                                                                 \
                FL_FOLD(fold_rest[lane], sign)                                                                                 \
            }                                                                                                                  \
        }                                                                                                                      \
        FL_FN(fl_stop_sums)(&fold_units, fold_first, fold_second, fold_third, fold_outside);                                   \
    }

/*
 * Adds x to the first sum of its lane, what that leaves of it, exactly, to the next one, and so on. What the last one leaves is
 * seen by its bits, not by a difference, of which there are enough.
 */
#define FL_FOLD(x, sign)                                                                                                       \
    const FL_T fold_x = (x), first = fold_first[lane] + fold_x, left = fold_x - (first - fold_first[lane]);                    \
    const FL_T second = fold_second[lane] + left, taken = second - fold_second[lane];                                          \
    const FL_T last = left - taken;                                                                                            \
    const FL_T third = fold_third[lane] + last, taken_last = third - fold_third[lane];                                         \
    fold_first[lane] = first;                                                                                                  \
    fold_second[lane] = second;                                                                                                \
    if (FL_BITS == 32)                                                                                                         \
        fold_third[lane] = third;                                                                                              \
    if (sign == FL_ANY_SIGN)                                                                                                   \
        fold_outside[lane] |= FL_TO_BITS(first) - fold_units.lowest;                                                           \
    fold_remains[lane] |= FL_BITS == 32 ? FL_TO_BITS(last) ^ FL_TO_BITS(taken_last) : FL_TO_BITS(left) ^ FL_TO_BITS(taken);
#define FL_END_FOLDS(folds) FL_FN(fl_end_sums)(&fold_units, fold_outside, fold_remains, folds)

#define FL_TEMPLATE "sum/folds.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* What the sums of each lane, which start again and again, came to. */
typedef struct {
    FL_LANE_ARRAY(FL_U, of[3]);
    FL_T start[3];
    FL_U starts, lowest;
} FL_FN(fl_lane_units);

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

/* The bits that do not count are set at the beginning: zeros would be written by halves of vectors, and waited for. */
FL_INLINE void FL_FN(fl_begin_sums)(const fl_folds *folds, FL_FN(fl_lane_units) * units, FL_U *outside, FL_U *remains)
{
    for (int k = 0; k < 3; k++)
        units->start[k] = (FL_T)folds->constant[k];
    units->starts = 0;
    units->lowest = FL_TO_BITS(units->start[0]) - ((FL_U)1 << (FL_MANTISSA_BITS - 1));
    FL_SIMD
    for (int lane = 0; lane < FL_FOLD_LANES; lane++) {
        units->of[0][lane] = FL_ONE_AT_FIRST;
        units->of[1][lane] = FL_ONE_AT_FIRST;
        units->of[2][lane] = FL_ONE_AT_FIRST;
        outside[lane] = (FL_U)1 << (FL_MANTISSA_BITS - 1);
        remains[lane] = (FL_U)1 << (FL_BITS - 1);
    }
}

FL_INLINE void FL_FN(fl_start_sums)(FL_FN(fl_lane_units) * units, FL_T *first, FL_T *second, FL_T *third)
{
    FL_SIMD
    for (int lane = 0; lane < FL_FOLD_LANES; lane++) {
        first[lane] = units->start[0];
        second[lane] = units->start[1];
        third[lane] = units->start[2];
    }
    units->starts += FL_FOLD_LANES;
}

/* A sum with NaN or infinity has other bits than its constant's, too. */
FL_INLINE void FL_FN(fl_stop_sums)(FL_FN(fl_lane_units) * units, const FL_T *first, const FL_T *second, const FL_T *third,
                                   FL_U *outside)
{
    FL_SIMD
    for (int lane = 0; lane < FL_FOLD_LANES; lane++) {
        outside[lane] |= FL_TO_BITS(first[lane]) - units->lowest;
        units->of[0][lane] += FL_TO_BITS(first[lane]);
        units->of[1][lane] += FL_TO_BITS(second[lane]);
        if (FL_BITS == 32)
            units->of[2][lane] += FL_TO_BITS(third[lane]);
    }
}

FL_INLINE void FL_FN(fl_end_sums)(const FL_FN(fl_lane_units) * units, const FL_U *outside, const FL_U *remains, fl_folds *folds)
{
    FL_U all[3] = {0, 0, 0}, all_outside = 0, all_remains = 0;
    for (int lane = 0; lane < FL_FOLD_LANES; lane++) {
        for (int k = 0; k < 3; k++)
            all[k] += units->of[k][lane] - FL_ONE_AT_FIRST;
        all_outside |= outside[lane];
        all_remains |= remains[lane];
    }
    for (int k = 0; k < (FL_BITS == 32 ? 3 : 2); k++)
        folds->units[k] = (int64_t)(FL_I)(all[k] - units->starts * FL_TO_BITS(units->start[k]));
    folds->overflow = all_outside >> FL_MANTISSA_BITS != 0;
    /* the sign bit, of a zero, does not count */
    folds->incomplete = all_remains << 1 != 0;
}

/*
 * The units of numbers of any sign, and what they leave. The sums of lanes part them in another way, where a number lies in the
 * middle of two, so that this is a loop of its own.
 */
FL_INLINE void FL_FN(fl_fold_and_leave)(const FL_T *x, ptrdiff_t n, fl_folds *folds, double *rest)
{
    const FL_T start[3] = {(FL_T)folds->constant[0], (FL_T)folds->constant[1], (FL_T)folds->constant[2]};
    FL_U first = 0, second = 0, third = 0;
    FL_SIMD_REDUCE(reduction(+ : first, second, third))
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_T once = x[i] + start[0], left = x[i] - (once - start[0]);
        const FL_T twice = left + start[1], last = left - (twice - start[1]);
        const FL_T thrice = last + start[2];
        first += FL_TO_BITS(once);
        second += FL_TO_BITS(twice);
        third += FL_TO_BITS(thrice);
        rest[i] = (double)(FL_BITS == 32 ? last - (thrice - start[2]) : last);
    }
    const FL_U units[3] = {first, second, third};
    for (int k = 0; k < (FL_BITS == 32 ? 3 : 2); k++)
        folds->units[k] = (int64_t)(FL_I)(units[k] - (FL_U)n * FL_TO_BITS(start[k]));
}

#endif
