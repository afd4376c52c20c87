/* Folds, by which exact sums take the numbers of a loop apart; exact_sum.h says how. */
#ifndef FL_FOLDS_H
#define FL_FOLDS_H

#include "fastloss.h"
#include "language/scalar.h"

/* The bits that a fold takes: 16 numbers below 2^E, or 16 rests of half a quantum, change a sum by half a binade at the most.
 */
#define FL_FIRST_FOLD (FL_MANTISSA_BITS - 5)
#define FL_NEXT_FOLD (FL_MANTISSA_BITS - 4)
#define FL_LOWEST_EXPONENT (FL_BITS == 32 ? -149 : -1074)
#define FL_LOWEST_SCALE (FL_BITS == 32 ? -126 : -1022)
#define FL_HIGHEST_SCALE (FL_BITS == 32 ? 121 : 1018)

/* Lanes lie side by side: a loop over them becomes a few vectors. */
#define FL_FOLD_LANES (FL_BITS == 32 ? 16 : 8)
enum { FL_NUMBERS_OF_A_LANE = 16 };

/* Sums are looked at after each number; those of numbers that are not negative only grow, and are looked at in the end. */
enum { FL_ANY_SIGN, FL_NOT_NEGATIVE };

/*
 * A loop over n numbers: of_lane does what is to be done with number `i + lane`, and of_all, before that, what is to be done
 * once for all lanes. What fills no lanes is done one by one.
 */
#define FL_FOR_LANES(sums, i, n, of_all, of_lane)                                                                              \
    for (ptrdiff_t i = 0, fold_end; i < (n); i = fold_end) {                                                                   \
        fold_end = FL_MIN(i + FL_FOLD_LANES * FL_NUMBERS_OF_A_LANE, (n));                                                      \
        FL_FN(fl_start_lane_sums)(sums);                                                                                       \
        FL_TWO_AT_A_TIME                                                                                                       \
        for (; i + FL_FOLD_LANES <= fold_end; i += FL_FOLD_LANES) {                                                            \
            of_all;                                                                                                            \
            FL_SIMD                                                                                                            \
            for (int lane = 0; lane < FL_FOLD_LANES; lane++) {                                                                 \
                of_lane;                                                                                                       \
            }                                                                                                                  \
        }                                                                                                                      \
        for (int lane = 0; i + lane < fold_end; lane++) {                                                                      \
            of_lane;                                                                                                           \
        }                                                                                                                      \
        FL_FN(fl_stop_lane_sums)(sums);                                                                                        \
    }

#define FL_TEMPLATE "sum/folds.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* The sums of each lane, which start again and again, and what they came to. */
typedef struct {
    FL_T first[FL_FOLD_LANES], second[FL_FOLD_LANES], third[FL_FOLD_LANES];
    FL_U units[3][FL_FOLD_LANES], outside[FL_FOLD_LANES], remains[FL_FOLD_LANES];
    FL_T start[3];
    FL_U starts, lowest;
} FL_FN(fl_lane_sums) __attribute__((aligned(64)));

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

FL_INLINE void FL_FN(fl_begin_lane_sums)(FL_FN(fl_lane_sums) * sums, const fl_folds *folds)
{
    for (int k = 0; k < 3; k++) {
        sums->start[k] = (FL_T)folds->constant[k];
        for (int lane = 0; lane < FL_FOLD_LANES; lane++)
            sums->units[k][lane] = 0;
    }
    for (int lane = 0; lane < FL_FOLD_LANES; lane++)
        sums->outside[lane] = 0;
    for (int lane = 0; lane < FL_FOLD_LANES; lane++)
        sums->remains[lane] = 0;
    sums->starts = 0;
    sums->lowest = FL_TO_BITS(sums->start[0]) - ((FL_U)1 << (FL_MANTISSA_BITS - 1));
}

FL_INLINE void FL_FN(fl_start_lane_sums)(FL_FN(fl_lane_sums) * sums)
{
    FL_SIMD
    for (int lane = 0; lane < FL_FOLD_LANES; lane++) {
        sums->first[lane] = sums->start[0];
        sums->second[lane] = sums->start[1];
        sums->third[lane] = sums->start[2];
    }
    sums->starts += FL_FOLD_LANES;
}

/*
 * Adds x to the first sum of a lane, what that leaves of it, exactly, to the next one, and so on. What the last one leaves is
 * seen by its bits, not by a difference, of which there are enough.
 */
FL_INLINE void FL_FN(fl_fold_number)(FL_FN(fl_lane_sums) * sums, int lane, FL_T x, int sign)
{
    const FL_T first = sums->first[lane] + x, left = x - (first - sums->first[lane]);
    const FL_T second = sums->second[lane] + left, taken = second - sums->second[lane];
    const FL_T last = left - taken;
    const FL_T third = sums->third[lane] + last, taken_last = third - sums->third[lane];
    sums->first[lane] = first;
    sums->second[lane] = second;
    if (FL_BITS == 32)
        sums->third[lane] = third;
    if (sign == FL_ANY_SIGN)
        sums->outside[lane] |= FL_TO_BITS(first) - sums->lowest;
    sums->remains[lane] |= FL_BITS == 32 ? FL_TO_BITS(last) ^ FL_TO_BITS(taken_last) : FL_TO_BITS(left) ^ FL_TO_BITS(taken);
}

/* A sum with NaN or infinity has other bits than its constant's, too. */
FL_INLINE void FL_FN(fl_stop_lane_sums)(FL_FN(fl_lane_sums) * sums)
{
    FL_SIMD
    for (int lane = 0; lane < FL_FOLD_LANES; lane++) {
        sums->outside[lane] |= FL_TO_BITS(sums->first[lane]) - sums->lowest;
        sums->units[0][lane] += FL_TO_BITS(sums->first[lane]);
        sums->units[1][lane] += FL_TO_BITS(sums->second[lane]);
        if (FL_BITS == 32)
            sums->units[2][lane] += FL_TO_BITS(sums->third[lane]);
    }
}

FL_INLINE void FL_FN(fl_end_lane_sums)(const FL_FN(fl_lane_sums) * sums, fl_folds *folds)
{
    FL_U units[3] = {0, 0, 0}, outside = 0, remains = 0;
    for (int lane = 0; lane < FL_FOLD_LANES; lane++) {
        for (int k = 0; k < 3; k++)
            units[k] += sums->units[k][lane];
        outside |= sums->outside[lane];
        remains |= sums->remains[lane];
    }
    for (int k = 0; k < (FL_BITS == 32 ? 3 : 2); k++)
        folds->units[k] = (int64_t)(FL_I)(units[k] - sums->starts * FL_TO_BITS(sums->start[k]));
    folds->overflow = outside >> FL_MANTISSA_BITS != 0;
    /* the sign bit, of a zero, does not count */
    folds->incomplete = remains << 1 != 0;
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
