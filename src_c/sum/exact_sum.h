/*
 * The exact accumulator: a fixed-point number in bins of 40 bits over the whole range of double.
 *
 * A block of numbers with |x| < 2^E is taken apart by folds. Each is a sum S of numbers of the precision that starts from
 * A = 1.5 * 2^m Q, m the bits of the mantissa: while it stays in the binade of A, it is a multiple of the quantum Q, and what a
 * number changes it by, (S + x) - S, is exact. So is the rest, x less that, at most Q/2, which goes to the sum of the next
 * fold. The bits of S less those of A, as integers, are what was added, in units of Q; they are added up as integers. A lane
 * adds 16 numbers to its sums before they start again. Doubles take two folds with Q = 2^(E-47) and 2^(E-95), floats three with
 * Q = 2^(E-18), 2^(E-37) and 2^(E-56): 16 numbers and 16 rests stay in the binade, and fewer than 8192 numbers are no more
 * units than an integer of their size holds. A block that has bits left after that (rare) goes round again with what is left,
 * as doubles. Each fold's integer goes into the bins at its place. Integers have no rounding, so nothing depends on the order,
 * and the loops may be vectorised in any way.
 *
 * The exponent E is that of a block before until numbers turn up that do not fit. Where A would overflow, and with NaN or
 * infinities in the block, each number is taken apart by its bits.
 */
#ifndef FL_EXACT_SUM_H
#define FL_EXACT_SUM_H

#include <string.h>

#include "fastloss.h"

/* Numbers that are folded at a time: few enough for an int64 to hold their integers. */
#define FL_SUM_BLOCK 1024

#define FL_SUM_MASK (((int64_t)1 << FL_SUM_BITS) - 1)
/* Deposits change a bin by less than 2^FL_SUM_BITS each. */
#define FL_SUM_MAX_PENDING (1 << 20)

/* Right shift that keeps the sign, which C leaves open. */
static inline int64_t fl_shift_down(int64_t x, int bits)
{
    return x < 0 ? ~(~x >> bits) : x >> bits;
}

/* Carries upward until every bin but the last lies in [0, 2^FL_SUM_BITS): the representation becomes unique. */
static inline void fl_sum_carry(fl_sum *sum)
{
    int64_t carry = 0;
    for (int j = 0; j < FL_SUM_BINS - 1; j++) {
        const int64_t x = sum->bin[j] + carry;
        carry = fl_shift_down(x, FL_SUM_BITS);
        sum->bin[j] = x & FL_SUM_MASK;
    }
    sum->bin[FL_SUM_BINS - 1] += carry;
    sum->pending = 0;
}

/* Adds count * 2^(position - 1074), |count| <= 2^63 - 1. */
static inline void fl_sum_add_integer(fl_sum *sum, int64_t count, int position)
{
    const int j = position / FL_SUM_BITS, offset = position % FL_SUM_BITS;
    const int room = FL_SUM_BITS - offset;
    const int64_t above = fl_shift_down(count, room);
    sum->bin[j] += (count & (((int64_t)1 << room) - 1)) << offset;
    sum->bin[j + 1] += above & FL_SUM_MASK;
    sum->bin[j + 2] += fl_shift_down(above, FL_SUM_BITS);
    if (++sum->pending >= FL_SUM_MAX_PENDING)
        fl_sum_carry(sum);
}

/* Adds one number of any kind. */
static inline void fl_sum_add(fl_sum *sum, double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    const int exponent = (int)(u >> 52 & 0x7ff);
    const int64_t fraction = (int64_t)(u & (((uint64_t)1 << 52) - 1));
    const int negative = (int)(u >> 63);
    if (exponent == 0x7ff) {
        if (fraction)
            sum->nans++;
        else if (negative)
            sum->negative_infinities++;
        else
            sum->positive_infinities++;
        return;
    }
    const int64_t mantissa = exponent ? fraction | (int64_t)1 << 52 : fraction;
    fl_sum_add_integer(sum, negative ? -mantissa : mantissa, exponent ? exponent - 1 : 0);
}

#endif
