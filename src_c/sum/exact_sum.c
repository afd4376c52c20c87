#include "sum/exact_sum.h"

#include "fastloss_static.h"

void fl_sum_clear(fl_sum *sum)
{
    memset(sum, 0, sizeof *sum);
}

void fl_sum_merge(fl_sum *sum, const fl_sum *other)
{
    fl_sum carried;
    if (sum->pending + other->pending >= FL_SUM_MAX_PENDING - 1) {
        carried = *other;
        other = &carried;
        fl_sum_carry(&carried);
        fl_sum_carry(sum);
    }
    for (int j = 0; j < FL_SUM_BINS; j++)
        sum->bin[j] += other->bin[j];
    sum->positive_infinities += other->positive_infinities;
    sum->negative_infinities += other->negative_infinities;
    sum->nans += other->nans;
    sum->pending += other->pending + 1;
}

void fl_sum_settle(fl_sum *sum)
{
    fl_sum_carry(sum);
}

void fl_sum_deposit(fl_sum *sum, double x)
{
    fl_sum_add(sum, x);
}

static double special(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The double nearest to (-1)^negative (w + sticky) 2^exponent, 0 < w < 2^64, 0 <= sticky < 1, ties to even. */
static double nearest(int negative, uint64_t w, int sticky, int exponent)
{
    const int length = 64 - __builtin_clzll(w);
    /* the exponent of the last bit that a double of this size keeps */
    const int last = exponent + length - 53 > -1074 ? exponent + length - 53 : -1074;
    const int shift = last - exponent;
    uint64_t kept;
    if (shift <= 0) {
        kept = w << -shift;
    } else if (shift >= 64) {
        kept = shift == 64 && (w > (uint64_t)1 << 63 || (w == (uint64_t)1 << 63 && sticky));
    } else {
        const uint64_t half = (uint64_t)1 << (shift - 1), rest = w & (2 * half - 1);
        kept = w >> shift;
        kept += rest > half || (rest == half && (sticky || (kept & 1)));
    }
    const int field = last + 1074;
    /* The leading bit of a normal number adds one to the field below it; so does a carry out of the rounding. */
    if (field + (int)(kept >> 52) > 2046)
        return special((uint64_t)negative << 63 | (uint64_t)0x7ff << 52);
    return special((uint64_t)negative << 63 | (((uint64_t)field << 52) + kept));
}

/* Carries the bins from `low` to `high`, times a sign, into one more than these; tells whether the number is negative. */
static int carry_bins(int64_t *to, const int64_t *bin, int low, int high, int64_t sign)
{
    int64_t carry = 0;
    for (int j = low; j <= high; j++) {
        const int64_t x = sign * bin[j] + carry;
        carry = fl_shift_down(x, FL_SUM_BITS);
        to[j] = x & FL_SUM_MASK;
    }
    to[high + 1] = carry;
    return carry < 0;
}

double fl_sum_round(const fl_sum *sum, int down)
{
    if (sum->nans || (sum->positive_infinities && sum->negative_infinities))
        return special((uint64_t)0x7ff8 << 48);
    if (sum->positive_infinities || sum->negative_infinities)
        return special((uint64_t)(sum->negative_infinities != 0) << 63 | (uint64_t)0x7ff << 52);
    /* most sums fill a few bins: the others are passed four at a time */
    const int64_t *const from = sum->bin;
    int low = 0, high = FL_SUM_BINS - 1;
    while (low < FL_SUM_BINS && !(from[low] | from[low + 1] | from[low + 2] | from[low + 3]))
        low += 4;
    if (low == FL_SUM_BINS)
        return 0.0;
    while (!(from[high] | from[high - 1] | from[high - 2] | from[high - 3]))
        high -= 4;
    int64_t bin[FL_SUM_BINS + 1];
    int negative = carry_bins(bin, sum->bin, low, high, 1);
    if (negative)
        carry_bins(bin, sum->bin, low, high, -1);
    int j = high + 1;
    while (j >= low && bin[j] == 0)
        j--;
    if (j < low)
        return 0.0;
    /* the leading 64 bits, or all of them */
    uint64_t w = (uint64_t)bin[j];
    int position = FL_SUM_BITS * j, sticky = 0;
    while (j > low && !(w >> 63)) {
        const int zeros = __builtin_clzll(w), room = zeros < FL_SUM_BITS ? zeros : FL_SUM_BITS;
        const uint64_t next = (uint64_t)bin[--j];
        w = w << room | next >> (FL_SUM_BITS - room);
        position -= room;
        if (room < FL_SUM_BITS) {
            sticky = (next & (((uint64_t)1 << (FL_SUM_BITS - room)) - 1)) != 0;
            break;
        }
    }
    while (!sticky && j > low)
        sticky = bin[--j] != 0;
    return nearest(negative, w, sticky, position - 1074 - down);
}
