/*
 * Rows of classes: a loss of the probabilities of the classes, which are given, or the softmax of scores.
 *
 *   FL_TARGET_FORMULA(categorical_focal, t, (gamma))    a loss F(u) of the logarithm u = log p of the probability of the
 *   {                                                   right class, with t.p, t.q = 1 - p and -u = t.l + t.l_low
 *       return (FL_TARGET){.value = ..., .slope = -F'(u), .curvature = F''(u)};
 *   }
 *
 * gives two kernels, for probabilities and, with "_from_logits" in the name, for scores. Of shares of the classes, the loss is
 * the average. Of scores t.l_low is what rounding t.l lost; of probabilities it is 0, unless the formula asks for more:
 *
 *   FL_FINE_TARGET_FORMULA(generalized_cross_entropy, t, (q))
 *
 *   FL_SHARE_FORMULA(kl_divergence_from_logits, y, t)   what the class of share y and log-probability u adds to the loss of
 *                                                       a row of scores; the value in two parts, value + low
 */
#ifndef FL_ROWS_H
#define FL_ROWS_H

#include "engine/probabilities.h"
#include "engine/sheets.h"

#define FL_TARGET FL_FN(fl_target)
#define FL_TARGET_INPUT FL_FN(fl_target_input)

/* What a target formula is given in place i, and its parameters. */
#define FL_TARGET_AT                                                                                                           \
    (FL_TARGET_INPUT)                                                                                                          \
    {                                                                                                                          \
        t->l[i], t->l_low[i], t->p[i], t->q[i]                                                                                 \
    }

/* The declaration of a target formula, and the loops that map it. */
#define FL_TARGET_MAPS(name, t_, parameters)                                                                                   \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_TARGET_INPUT t_ FL_EACH(FL_PARAMETER, , parameters));                   \
    static int FL_FN(name##_target)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *q)                                       \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name##_formula)(FL_TARGET_AT FL_EACH(FL_PARAMETER_AT, , parameters));                    \
            t->value[i] = f.value;                                                                                             \
            t->slope[i] = f.slope;                                                                                             \
            t->curvature[i] = f.curvature;                                                                                     \
        }                                                                                                                      \
        return 0;                                                                                                              \
    }                                                                                                                          \
    /* a share of zero takes nothing, even of infinity */                                                                      \
    static int FL_FN(name##_share)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *q)                                        \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name##_formula)(FL_TARGET_AT FL_EACH(FL_PARAMETER_AT, , parameters));                    \
            const FL_T y = t->y[i];                                                                                            \
            t->value[i] = FL_SELECT(y == FL_C(0), FL_C(0), y * f.value);                                                       \
            t->slope[i] = FL_SELECT(y == FL_C(0), FL_C(0), y * f.slope);                                                       \
            t->curvature[i] = FL_SELECT(y == FL_C(0), FL_C(0), y * f.curvature);                                               \
            t->low[i] = FL_C(0);                                                                                               \
        }                                                                                                                      \
        return 0;                                                                                                              \
    }

#define FL_TARGET_FORMULA(name, t_, parameters) FL_TARGET_KERNELS(name, 0, t_, parameters)
#define FL_FINE_TARGET_FORMULA(name, t_, parameters) FL_TARGET_KERNELS(name, 1, t_, parameters)

#define FL_TARGET_KERNELS(name, fine, t_, parameters)                                                                          \
    FL_DECLARE(name, FL_ROWS, ", y_true index|(k), y_pred(k)*", parameters)                                                    \
    FL_DECLARE(name##_from_logits, FL_ROWS, ", y_true index|(k), y_pred(k)*", parameters)                                      \
    FL_TARGET_MAPS(name, t_, parameters)                                                                                       \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_target_rows)(block, fine ? FL_FINE_PROBABILITIES : FL_PROBABILITIES, FL_FN(name##_target),             \
                                     FL_FN(name##_share));                                                                     \
    }                                                                                                                          \
    static int FL_FN(name##_from_logits)(const fl_block *block)                                                                \
    {                                                                                                                          \
        return FL_FN(fl_target_rows)(block, FL_SCORES, FL_FN(name##_target), FL_FN(name##_share));                             \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_TARGET_INPUT t_ FL_EACH(FL_PARAMETER, , parameters))

#define FL_SHARE_FORMULA(name, y_, t_)                                                                                         \
    FL_DECLARE(name, FL_ROWS, ", y_true(k), y_pred(k)*", ())                                                                   \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_T y_, const FL_TARGET_INPUT t_);                                        \
    static int FL_FN(name##_share)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *q)                                        \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name##_formula)(t->y[i], FL_TARGET_AT);                                                  \
            t->value[i] = f.value;                                                                                             \
            t->low[i] = f.low;                                                                                                 \
            t->slope[i] = f.slope;                                                                                             \
            t->curvature[i] = f.curvature;                                                                                     \
            invalid |= f.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }                                                                                                                          \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_share_rows)(block, FL_FN(name##_share));                                                               \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_T y_, const FL_TARGET_INPUT t_)

/* Scores up to this size are reduced as they are. */
#define FL_NEAR_SCORES FL_C(FL_BITS == 32 ? 256 : 2048)

/* The exponential of a score in a lane. */
#define FL_POWER(s, lane, z) FL_FN(fl_power)(z, (s)->origin[lane], (s)->least[lane], (s)->unit[lane])

/* The sum of the exponentials of all classes but one. */
#define FL_OTHERS(s, lane, e)                                                                                                  \
    FL_SELECT((e) == (s)->peak[lane], (s)->others[lane], ((s)->total[lane] - (e)) + (s)->total_low[lane])

#define FL_OTHER_SUMS(sums, first_one, own_one, k)                                                                             \
    FL_SELECT((k) == first[lane], (sums)[lane], ((sums)[lane] - (own_one)) + (first_one)[lane])

/* What rows of classes hold: scores, or probabilities, of which logarithms are wanted in one part or in two. */
enum { FL_SCORES, FL_PROBABILITIES, FL_FINE_PROBABILITIES };

/* Up to so many classes, numbers of rows' own ones are found by comparing all classes; and derivatives are, side by side. */
enum { FL_FEW_CLASSES = 4, FL_SHORT_ROWS = 32 };
/* So many exponentials of a lane are summed up, in two parts or, in a long row, one after the other, before errors are kept. */
enum { FL_SUMMED_IN_PARTS = 12, FL_SUMMED_UP = 8 };

#define FL_TEMPLATE "engine/rows.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T l, l_low, p, q;
} FL_FN(fl_target_input);

typedef struct {
    FL_T value, slope, curvature;
    FL_T low; /* what rounding the value lost; of shares only */
    FL_I invalid;
} FL_FN(fl_target);

/* What the passes know of each row, or of the one row in every lane. */
typedef struct {
    FL_T max[FL_LANES];                                            /* the largest score */
    FL_T origin[FL_LANES], least[FL_LANES], unit[FL_LANES];        /* see fl_power */
    FL_T peak[FL_LANES], peak_low[FL_LANES];                       /* the largest exponential, and what rounding it lost */
    FL_T others[FL_LANES];                                         /* the sum of all but a largest one */
    FL_T total[FL_LANES], total_low[FL_LANES];                     /* and of all */
    FL_T inverse[FL_LANES], log_high[FL_LANES], log_low[FL_LANES]; /* 1 / total, log(total / peak) */
    FL_T scale[FL_LANES];                                          /* of the derivatives */
} FL_FN(fl_softmax);

/*
 * The exponential of a score z in the unit of its row, 2^(k - FL_RAISED) for the k of the largest score, with about 1 ulp, and
 * what rounding it lost. Each score is reduced by itself, x = k log 2 + r, which is exact but for r's last rounding; only far
 * from 0, where that would cost digits, the largest score is taken off first, and the difference is exact wherever its
 * exponential counts. `unit` rounds x / log 2 to an integer and leaves the exponent of the result in the low bits.
 */
FL_INLINE FL_PAIR FL_FN(fl_power_pair)(FL_T z, FL_T origin, FL_T least, FL_T unit)
{
    const FL_T given = z - origin, x = FL_SELECT(given < least, least, given);
    const FL_T shifted = FL_FMA(x, FL_CONSTANT(LOG2_E), unit), k = shifted - unit;
    const FL_T coarse = FL_FMA(-k, FL_CONSTANT(LN2), x), r = FL_FMA(-k, FL_CONSTANT(LN2_LOW), coarse);
    const FL_T slope = FL_POLYNOMIAL(SOFTMAX_EXP, r), mantissa = FL_FMA(r, slope, FL_C(1));
    const FL_T rest = FL_FMA(-k, FL_CONSTANT(LN2_LOW), coarse - r);
    const FL_T low = FL_FMA(rest, mantissa, FL_FMA(r, slope, FL_C(1) - mantissa));
    const FL_T scale = FL_FROM_BITS(FL_TO_BITS(shifted) << FL_MANTISSA_BITS);
    return (FL_PAIR){mantissa * scale, low * scale};
}

FL_INLINE FL_T FL_FN(fl_power)(FL_T z, FL_T origin, FL_T least, FL_T unit)
{
    return FL_FN(fl_power_pair)(z, origin, least, unit).hi;
}

/* What the largest scores make the units of the rows. */
FL_STATIC void FL_FN(fl_choose_units)(const fl_sheet *sheet, FL_FN(fl_softmax) * s)
{
    FL_EACH_LANE(sheet)
    {
        /* see fl_leave_infinite */
        const FL_T max = FL_SELECT(s->max[lane] == FL_INFINITY, FL_C(0), s->max[lane]);
        const FL_T origin = FL_SELECT(FL_ABS(max) > FL_NEAR_SCORES, max, FL_C(0));
        const FL_T k = FL_FMA(max - origin, FL_CONSTANT(LOG2_E), FL_SHIFTER) - FL_SHIFTER;
        s->origin[lane] = origin;
        s->least[lane] = (max - origin) + FL_LEAST_POWER;
        s->unit[lane] = (FL_SHIFTER + FL_C(FL_EXPONENT_BIAS + FL_RAISED)) - k;
        const FL_PAIR peak = FL_FN(fl_power_pair)(max, origin, s->least[lane], s->unit[lane]);
        s->peak[lane] = peak.hi;
        s->peak_low[lane] = peak.lo;
    }
}

/*
 * log(total / peak) of total = peak + others, which keeps its digits where others are small: j log 2 + 2 atanh(s) with
 * s = (m - 1) / (m + 1), m = 2^-j total / peak, so that one division serves for both quotients. The difference of the bits,
 * which are nearly logarithms, finds a j with |s| <= 0.201. `inverse` is about 1 / total.
 */
FL_INLINE FL_PAIR FL_FN(fl_log_of_total)(FL_PAIR total, FL_T inverse, FL_PAIR peak, FL_T others)
{
    const FL_U ratio = FL_TO_BITS(total.hi) - FL_TO_BITS(peak.hi) + ((FL_U)1 << (FL_MANTISSA_BITS - 1));
    const FL_U biased = ratio >> FL_MANTISSA_BITS;
    const FL_T j = FL_FROM_BITS(biased | FL_TO_BITS(FL_INTEGER_BASE)) - FL_INTEGER_BASE;
    const FL_T down = FL_FROM_BITS(((FL_U)FL_EXPONENT_BIAS - biased) << FL_MANTISSA_BITS);
    const FL_T up = FL_FROM_BITS(((FL_U)FL_EXPONENT_BIAS + biased) << FL_MANTISSA_BITS);
    const FL_T m = total.hi * down, m_low = total.lo * down;
    const FL_T above = FL_SELECT(j == FL_C(0), others, m - peak.hi);
    const FL_T above_low = FL_SELECT(j == FL_C(0), FL_C(0), m_low - peak.lo);
    const FL_PAIR below = FL_TWO_SUM(m, peak.hi);
    const FL_T s = above / below.hi;
    const FL_T remainder = FL_FMA(-s, below.hi, above) + FL_FMA(-s, below.lo + (m_low + peak.lo), above_low);
    /* 1 / (m + 1) is 0.52 / m, or up to a fourth more or less: enough for a remainder */
    const FL_T s_low = remainder * (inverse * up * FL_C(0.52));
    const FL_T z = s * s;
    const FL_T tail = FL_FMA(s * z, FL_POLYNOMIAL(SOFTMAX_LOG, z), FL_FMA(j, FL_CONSTANT(LN2_MIDDLE), s_low + s_low));
    const FL_PAIR sum = FL_FAST_TWO_SUM(j * FL_CONSTANT(LN2_HEAD), s + s);
    return FL_FAST_TWO_SUM(sum.hi, sum.lo + tail);
}

/* Beside an infinite score, whose exponential is NaN so far, nothing is left of the others; beside another one, nothing is
 * known. */
FL_STATIC void FL_FN(fl_leave_infinite)(FL_T *e, ptrdiff_t step, ptrdiff_t classes, FL_T peak, FL_T *others, FL_T *largest)
{
    ptrdiff_t found = 0;
    for (ptrdiff_t k = 0; k < classes; k++) {
        const int infinite = e[k * step] != e[k * step];
        e[k * step] = infinite ? peak : FL_C(0);
        found += infinite;
    }
    *others = found == 1 ? FL_C(0) : FL_NAN;
    *largest = FL_C(1);
}

/* What follows from the sum of all exponentials but the largest ones, in `others`, and how many of these there are. */
FL_STATIC void FL_FN(fl_finish_exponentials)(const fl_sheet *sheet, const FL_T *largest, FL_FN(fl_softmax) * s)
{
    FL_EACH_LANE(sheet)
    {
        const FL_PAIR peak = {s->peak[lane], s->peak_low[lane]};
        const FL_T others = FL_FMA(largest[lane] - FL_C(1), peak.hi, s->others[lane]);
        FL_PAIR total = FL_TWO_SUM(peak.hi, others);
        total.lo += peak.lo;
        const FL_T inverse = FL_C(1) / total.hi;
        const FL_PAIR log = FL_FN(fl_log_of_total)(total, inverse, peak, others);
        /* what the sum and the division left */
        const FL_T remainder = FL_FMA(-inverse, total.lo, FL_FMA(-inverse, total.hi, FL_C(1)));
        s->log_high[lane] = log.hi;
        s->log_low[lane] = log.lo;
        s->others[lane] = others;
        s->total[lane] = total.hi;
        s->total_low[lane] = total.lo;
        s->inverse[lane] = FL_FMA(inverse, remainder, inverse);
    }
}

typedef FL_T FL_FN(fl_vector) __attribute__((vector_size(FL_VECTOR_BYTES)));
typedef FL_I FL_FN(fl_vector_of_masks) __attribute__((vector_size(FL_VECTOR_BYTES)));

/* The largest number of a long row. Accumulators are vectors, which the compiler keeps in registers. */
FL_STATIC FL_T FL_FN(fl_largest_of_row)(const FL_T *z, ptrdiff_t classes)
{
    enum { NUMBERS = FL_VECTOR_BYTES / sizeof(FL_T), VECTORS = FL_LANES / NUMBERS };
    FL_FN(fl_vector) part[VECTORS], x;
    FL_T lane[FL_LANES];
    memcpy(part, z, sizeof part);
    for (ptrdiff_t k = FL_LANES; k < classes; k += FL_LANES) {
        /* the last ones may be looked at twice */
        const FL_T *const from = z + FL_MIN(k, classes - FL_LANES);
        for (int j = 0; j < VECTORS; j++) {
            memcpy(&x, from + j * NUMBERS, sizeof x);
            const FL_FN(fl_vector_of_masks) larger = x > part[j], bits = (FL_FN(fl_vector_of_masks))x;
            part[j] = (FL_FN(fl_vector))((bits & larger) | ((FL_FN(fl_vector_of_masks))part[j] & ~larger));
        }
    }
    memcpy(lane, part, sizeof part);
    for (int half = FL_LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] = FL_MAX(lane[i + half], lane[i]);
    return lane[0];
}

/* The sum of the exponentials of a long row but for the largest ones, and how many of these there are. */
FL_STATIC void FL_FN(fl_sum_row)(const FL_T *e, ptrdiff_t room, FL_T peak, FL_T *sum, FL_T *largest)
{
    enum { NUMBERS = FL_VECTOR_BYTES / sizeof(FL_T), VECTORS = FL_LANES / NUMBERS, BLOCK = FL_SUMMED_UP * FL_LANES };
    FL_FN(fl_vector) part[VECTORS], total[VECTORS], error[VECTORS], x;
    FL_FN(fl_vector_of_masks) found = {0};
    FL_T lane[FL_LANES], low[FL_LANES];
    memset(total, 0, sizeof total);
    memset(error, 0, sizeof error);
    for (ptrdiff_t first = 0; first < room; first += BLOCK) {
        memset(part, 0, sizeof part);
        for (ptrdiff_t k = first; k < FL_MIN(first + BLOCK, room); k += FL_LANES)
            for (int j = 0; j < VECTORS; j++) {
                memcpy(&x, e + k + j * NUMBERS, sizeof x);
                const FL_FN(fl_vector_of_masks) is_largest = x == peak;
                part[j] += (FL_FN(fl_vector))((FL_FN(fl_vector_of_masks))x & ~is_largest);
                found -= is_largest;
            }
        for (int j = 0; j < VECTORS; j++) {
            const FL_FN(fl_vector) before = total[j], after = before + part[j], added = after - before;
            error[j] += (before - (after - added)) + (part[j] - added);
            total[j] = after;
        }
    }
    memcpy(lane, total, sizeof total);
    memcpy(low, error, sizeof error);
    for (int half = FL_LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) {
            const FL_PAIR both = FL_TWO_SUM(lane[i], lane[i + half]);
            lane[i] = both.hi;
            low[i] += low[i + half] + both.lo;
        }
    FL_I count = 0;
    for (int i = 0; i < NUMBERS; i++)
        count += found[i];
    *sum = lane[0] + low[0];
    *largest = (FL_T)count;
}

/* The exponentials of a long row, and zeros up to `room`. */
FL_STATIC void FL_FN(fl_exponentials_of_row)(const FL_T *z, ptrdiff_t classes, ptrdiff_t room, FL_T *e, FL_FN(fl_softmax) * s,
                                             ptrdiff_t row, FL_T *largest)
{
    const FL_T origin = s->origin[row], least = s->least[row], unit = s->unit[row];
    FL_SIMD
    for (ptrdiff_t k = 0; k < classes; k++)
        e[k] = FL_FN(fl_power)(z[k], origin, least, unit);
    for (ptrdiff_t k = classes; k < room; k++)
        e[k] = FL_C(0);
    FL_FN(fl_sum_row)(e, room, s->peak[row], &s->others[row], &largest[row]);
    if (s->max[row] == FL_INFINITY)
        FL_FN(fl_leave_infinite)(e, 1, classes, s->peak[row], &s->others[row], &largest[row]);
}

/* The same of long rows, which begin `step` numbers after one another. */
FL_STATIC void FL_FN(fl_exponentials_by_row)(const fl_sheet *sheet, const FL_T *source, ptrdiff_t step, FL_T *e,
                                             FL_FN(fl_softmax) * s)
{
    FL_T largest[FL_LANES];
    FL_EACH_LANE(sheet)
    {
        s->max[lane] = s->others[lane] = FL_C(0);
        largest[lane] = FL_C(1);
    }
    FL_EACH_ROW(sheet)
    s->max[row] = FL_FN(fl_largest_of_row)(source + row * step, sheet->classes);
    FL_FN(fl_choose_units)(sheet, s);
    FL_EACH_ROW(sheet)
    FL_FN(fl_exponentials_of_row)(source + row * step, sheet->classes, sheet->stride, e + row * sheet->stride, s, row, largest);
    FL_FN(fl_finish_exponentials)(sheet, largest, s);
}

/* The same of one long row in all lanes. */
FL_STATIC void FL_FN(fl_exponentials_along)(const fl_sheet *sheet, const FL_T *z, FL_T *e, FL_FN(fl_softmax) * s)
{
    FL_T largest[FL_LANES];
    const FL_T max = FL_FN(fl_largest_of_row)(z, sheet->classes);
    FL_EACH_LANE(sheet)
    s->max[lane] = max;
    FL_FN(fl_choose_units)(sheet, s);
    FL_FN(fl_exponentials_of_row)(z, sheet->classes, sheet->groups * sheet->lanes, e, s, 0, largest);
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++) {
        s->others[lane] = s->others[0];
        largest[lane] = largest[0];
    }
    FL_FN(fl_finish_exponentials)(sheet, largest, s);
}

/*
 * The same of two classes: with the larger one's exponential as the unit, there is only one other. The difference of the scores
 * is carried with its error, which the exponential would blow up.
 */
FL_STATIC void FL_FN(fl_exponentials_of_pairs)(const fl_sheet *sheet, const FL_T *z, FL_T *e, FL_FN(fl_softmax) * s)
{
    const ptrdiff_t lanes = sheet->lanes;
    FL_EACH_LANE(sheet)
    {
        const FL_T one = z[lane], two = z[lanes + lane];
        const int second = two > one;
        const FL_T max = FL_SELECT(second, two, one), min = FL_SELECT(second, one, two);
        const FL_PAIR d = FL_TWO_SUM(min, -max);
        const FL_T other = FL_FN(fl_raised_exp)(d.hi, FL_SELECT(d.hi > -FL_INFINITY, d.lo, FL_C(0)));
        const FL_T total = FL_RAISED_ONE + other;
        const FL_PAIR log = FL_LOG1P_UNIT(other / FL_RAISED_ONE);
        s->max[lane] = max;
        s->peak[lane] = FL_RAISED_ONE;
        s->others[lane] = other;
        s->total[lane] = total;
        s->total_low[lane] = FL_C(0);
        s->inverse[lane] = FL_C(1) / total;
        s->log_high[lane] = log.hi;
        s->log_low[lane] = log.lo;
        e[lane] = FL_SELECT(second, other, FL_RAISED_ONE);
        e[lanes + lane] = FL_SELECT(second, FL_RAISED_ONE, other);
    }
}

/* The exponentials of FL_LANE_STEP lanes of a group, which are added to the sums of these lanes. */
FL_INLINE void FL_FN(fl_powers)(const FL_FN(fl_softmax) * s, ptrdiff_t first, const FL_T *z, FL_T *e, FL_T *sum, FL_T *largest)
{
    FL_SIMD
    for (int i = 0; i < FL_LANE_STEP; i++) {
        const FL_T power = FL_POWER(s, first + i, z[i]);
        /* by masks: GCC makes a branch, which data decide, of two selections with one condition */
        const FL_U is_largest = FL_SELECT(power == s->peak[first + i], ~(FL_U)0, (FL_U)0);
        e[i] = power;
        sum[i] += FL_PICK(is_largest, FL_C(0), power);
        largest[i] += FL_PICK(is_largest, FL_C(1), FL_C(0));
    }
}

/*
 * The exponentials of the scores z, and what follows from them. From the sum without a largest one, 1 - p and log p keep their
 * digits when p is close to 1. A few are summed up in two parts, and what they make is added to the others with its error: of
 * scores that are nearly equal, all errors of a longer sum would point the same way.
 */
FL_STATIC void FL_FN(fl_exponentials)(const fl_sheet *sheet, const FL_T *z, FL_T *e, FL_FN(fl_softmax) * s)
{
    const ptrdiff_t lanes = sheet->lanes, groups = sheet->groups;
    FL_T largest[FL_LANES];
    if (sheet->along) {
        FL_FN(fl_exponentials_along)(sheet, z, e, s);
        return;
    }
    if (groups == 2) {
        FL_FN(fl_exponentials_of_pairs)(sheet, z, e, s);
        return;
    }
    for (ptrdiff_t first = 0; first < lanes; first += FL_LANE_STEP) {
        FL_T one[FL_LANE_STEP], two[FL_LANE_STEP];
        const FL_T *x = z + first, *const last = x + (groups - 1) * lanes;
        for (int i = 0; i < FL_LANE_STEP; i++) {
            one[i] = x[i];
            two[i] = last[i];
        }
        for (; x < last; x += 2 * lanes) {
            FL_SIMD
            for (int i = 0; i < FL_LANE_STEP; i++) {
                one[i] = FL_MAX(x[i], one[i]);
                two[i] = FL_MAX(x[lanes + i], two[i]);
            }
        }
        FL_SIMD
        for (int i = 0; i < FL_LANE_STEP; i++)
            s->max[first + i] = FL_MAX(one[i], two[i]);
    }
    FL_FN(fl_choose_units)(sheet, s);
    for (ptrdiff_t first = 0; first < lanes; first += FL_LANE_STEP) {
        FL_T part[2][FL_LANE_STEP], found[FL_LANE_STEP] = {0}, error[FL_LANE_STEP] = {0};
        FL_T *const total = s->others + first;
        const FL_T *x = z + first;
        FL_T *y = e + first;
        memset(total, 0, sizeof found);
        for (ptrdiff_t group = 0; group < groups;) {
            const ptrdiff_t end = FL_MIN(group + FL_SUMMED_IN_PARTS, groups);
            memset(part, 0, sizeof part);
            for (; group + 2 <= end; group += 2)
                for (int j = 0; j < 2; j++, x += lanes, y += lanes)
                    FL_FN(fl_powers)(s, first, x, y, part[j], found);
            if (group < end)
                FL_FN(fl_powers)(s, first, x, y, part[0], found);
            group = end;
            FL_SIMD
            for (int i = 0; i < FL_LANE_STEP; i++) {
                const FL_T sum = part[0][i] + part[1][i];
                const FL_PAIR both = FL_TWO_SUM(total[i], sum);
                total[i] = both.hi;
                error[i] += both.lo;
            }
        }
        FL_SIMD
        for (int i = 0; i < FL_LANE_STEP; i++) {
            total[i] += error[i];
            largest[first + i] = found[i];
        }
    }
    FL_I infinite = 0;
    FL_SIMD_REDUCE(reduction(| : infinite))
    for (ptrdiff_t lane = 0; lane < lanes; lane++)
        infinite |= FL_SELECT(s->max[lane] == FL_INFINITY, (FL_I)1, (FL_I)0);
    for (ptrdiff_t lane = 0; infinite && lane < lanes; lane++)
        if (s->max[lane] == FL_INFINITY)
            FL_FN(fl_leave_infinite)(e + lane, lanes, groups, s->peak[lane], &s->others[lane], &largest[lane]);
    FL_FN(fl_finish_exponentials)(sheet, largest, s);
}

/* Arguments and results of a target or share formula, side by side. */
typedef struct {
    FL_T l[FL_LANES], l_low[FL_LANES], p[FL_LANES], q[FL_LANES], y[FL_LANES];
    FL_T value[FL_LANES], low[FL_LANES], slope[FL_LANES], curvature[FL_LANES];
} FL_FN(fl_targets);

/* What a target formula wants of the class of score z and exponential e. */
FL_INLINE void FL_FN(fl_set_target)(FL_FN(fl_targets) * t, const FL_FN(fl_softmax) * s, ptrdiff_t lane, FL_T z, FL_T e)
{
    /* from the largest score to this one, 0 of infinite ones, too */
    const int is_largest = z == s->max[lane];
    const FL_PAIR d = FL_TWO_SUM(FL_SELECT(is_largest, FL_C(0), s->max[lane]), FL_SELECT(is_largest, FL_C(0), -z));
    const FL_PAIR l = FL_TWO_SUM(d.hi, s->log_high[lane]);
    const FL_T low = l.lo + (s->log_low[lane] + d.lo);
    t->l[lane] = l.hi;
    t->l_low[lane] = FL_SELECT(l.hi < FL_INFINITY, low, FL_C(0));
    t->p[lane] = e * s->inverse[lane];
    t->q[lane] = FL_OTHERS(s, lane, e) * s->inverse[lane];
}

/* Returns 1 where a share lies outside the domain of the formula. */
typedef int (*FL_FN(fl_target_map))(FL_FN(fl_targets) * t, ptrdiff_t n, const double *parameters);

/* Few classes: the numbers of the own classes of the rows. */
FL_STATIC void FL_FN(fl_pick_own)(const fl_sheet *sheet, const FL_T *x, const FL_I *own, FL_T *chosen)
{
    FL_EACH_LANE(sheet)
    chosen[lane] = x[lane];
    for (ptrdiff_t group = 1; group < sheet->groups; group++) {
        const FL_T *const y = x + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        chosen[lane] = FL_SELECT(own[lane] == (FL_I)group, y[lane], chosen[lane]);
    }
}

/* Derivatives by the scores of a row, from the exponentials, which may be in place of the Hessian. */
FL_INLINE void FL_FN(fl_derivatives_of_row)(const FL_T *e, ptrdiff_t classes, const FL_FN(fl_softmax) * s, ptrdiff_t row,
                                            FL_T a, FL_T c, FL_T *gradient, FL_T *hessian)
{
    const FL_T inverse = s->inverse[row], peak = s->peak[row], others = s->others[row];
    const FL_T total = s->total[row], total_low = s->total_low[row];
    if (!hessian) {
        FL_SIMD
        for (ptrdiff_t k = 0; k < classes; k++)
            gradient[k] = e[k] * inverse * a;
        return;
    }
    FL_SIMD
    for (ptrdiff_t k = 0; k < classes; k++) {
        const FL_T p = e[k] * inverse, q = FL_SELECT(e[k] == peak, others, (total - e[k]) + total_low) * inverse;
        gradient[k] = p * a;
        hessian[k] = p * FL_FMA(c, p, a * q);
    }
}

/*
 * Derivatives by the scores of all classes, from the exponentials: p a and p (c p + a q) with what one more unit of log p is
 * worth; those of the row's own class are slope and curvature.
 */
FL_STATIC void FL_FN(fl_derivatives)(const fl_sheet *sheet, FL_T *e, const FL_FN(fl_softmax) * s,
                                     const FL_FN(fl_labels) * labels, const FL_FN(fl_targets) * t, const FL_T *a, const FL_T *c,
                                     FL_T *gradient, FL_T *hessian)
{
    const ptrdiff_t classes = sheet->classes;
    if (classes <= FL_SHORT_ROWS) {
        FL_T *const h = e + sheet->groups * sheet->lanes;
        FL_EACH_GROUP(sheet)
        {
            FL_T *const x = e + group * sheet->lanes, *const y = h + group * sheet->lanes;
            if (hessian) {
                FL_EACH_LANE(sheet)
                {
                    const FL_T p = x[lane] * s->inverse[lane], q = FL_OTHERS(s, lane, x[lane]) * s->inverse[lane];
                    const FL_T other = p * FL_FMA(c[lane], p, a[lane] * q);
                    y[lane] = FL_SELECT(labels->own[lane] == (FL_I)group, t->curvature[lane], other);
                }
            }
            FL_EACH_LANE(sheet)
            {
                const FL_T other = x[lane] * s->inverse[lane] * a[lane];
                x[lane] = FL_SELECT(labels->own[lane] == (FL_I)group, t->slope[lane], other);
            }
        }
        FL_FN(fl_take_up)(sheet, e, gradient);
        if (hessian)
            FL_FN(fl_take_up)(sheet, h, hessian);
        return;
    }
    /* the Hessian needs a second look at the exponentials, which in rows is the cheaper one */
    if (!sheet->stride && hessian)
        FL_FN(fl_take_up)(sheet, e, hessian);
    else if (!sheet->stride)
        FL_FN(fl_take_up_times)(sheet, e, s->inverse, a, gradient);
    FL_EACH_ROW(sheet)
    {
        FL_T *const g = gradient + row * classes, *const h = hessian ? hessian + row * classes : NULL;
        if (sheet->stride)
            FL_FN(fl_derivatives_of_row)(e + row * sheet->stride, classes, s, row, a[row], c[row], g, h);
        else if (h)
            FL_FN(fl_derivatives_of_row)(h, classes, s, row, a[row], c[row], g, h);
        g[labels->label[row]] = t->slope[row];
        if (h)
            h[labels->label[row]] = t->curvature[row];
    }
}

/* Class indices, scores: the loss is F(log p) of the row's own class, u = log p, slope = -F'(u), curvature = F''(u). */
FL_STATIC int FL_FN(fl_index_of_logits)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, FL_FN(fl_target_map) map)
{
    FL_T *const e = b->scratch;
    const FL_T *const source = (const FL_T *)b->input[1] + row * b->width;
    FL_FN(fl_softmax) s;
    FL_FN(fl_labels) labels;
    FL_FN(fl_targets) t;
    const int invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, &labels);
    FL_T score[FL_LANES], power[FL_LANES], a[FL_LANES], c[FL_LANES];
    for (ptrdiff_t lane = sheet->rows; lane < sheet->lanes; lane++) {
        score[lane] = FL_C(0);
        labels.weight[lane] = FL_C(1);
    }
    const int few = b->width <= FL_FEW_CLASSES;
    for (ptrdiff_t r = 0; !few && r < sheet->rows; r++)
        score[r] = source[r * b->width + labels.label[r]];
    if (sheet->stride)
        FL_FN(fl_exponentials_by_row)(sheet, source, b->width, e, &s);
    else {
        FL_FN(fl_lay_out)(sheet, source, e, FL_C(0));
        if (few)
            FL_FN(fl_pick_own)(sheet, e, labels.own, score);
        FL_FN(fl_exponentials)(sheet, e, e, &s);
    }
    FL_FN(fl_set_scale)(b, sheet, row, s.scale);
    if (few)
        FL_FN(fl_pick_own)(sheet, e, labels.own, power);
    else {
        FL_EACH_LANE(sheet)
        {
            const FL_T finite = FL_POWER(&s, lane, score[lane]);
            const FL_T limit = FL_SELECT(score[lane] == FL_INFINITY, s.peak[lane], FL_C(0));
            power[lane] = FL_SELECT(s.max[lane] == FL_INFINITY, limit, finite);
        }
    }
    FL_EACH_LANE(sheet)
    FL_FN(fl_set_target)(&t, &s, lane, score[lane], power[lane]);
    map(&t, sheet->lanes, b->parameters);
    if (b->want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            ((FL_T *)b->value)[row + r] = labels.weight[r] * t.value[r];
    if (b->want & (FL_GRADIENT | FL_HESSIAN)) {
        FL_EACH_LANE(sheet)
        {
            a[lane] = t.slope[lane] * labels.weight[lane] * s.scale[lane];
            c[lane] = t.curvature[lane] * labels.weight[lane] * s.scale[lane];
            t.slope[lane] = -a[lane] * t.q[lane];
            t.curvature[lane] = t.q[lane] * FL_FMA(c[lane], t.q[lane], a[lane] * t.p[lane]);
        }
        FL_T *const hessian = b->want & FL_HESSIAN ? (FL_T *)b->hessian[0] + row * b->width : NULL;
        FL_FN(fl_derivatives)(sheet, e, &s, &labels, &t, a, c, (FL_T *)b->gradient[0] + row * b->width, hessian);
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
    return invalid;
}

/*
 * What the classes of a row add up to when each has a share of it. Slope and curvature of the class with the largest score
 * stand apart, like its exponential: those of the others would be lost beside them.
 */
typedef struct {
    FL_FN(fl_sums) value, slope, curvature;
    FL_T first_slope[FL_LANES], first_curvature[FL_LANES];
} FL_FN(fl_share_sums);

/* The first class with a largest exponential, and the class of each lane in group 0. */
FL_STATIC void FL_FN(fl_find_peaks)(const fl_sheet *sheet, const FL_T *e, const FL_T *peak, FL_I *own, FL_I *first)
{
    FL_EACH_LANE(sheet)
    {
        own[lane] = sheet->along ? (FL_I)lane : 0;
        first[lane] = (FL_I)sheet->classes;
    }
    FL_EACH_GROUP(sheet)
    {
        const FL_T *const x = e + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            const FL_I k = FL_SELECT(x[lane] == peak[lane], FL_CLASS(sheet), (FL_I)sheet->classes);
            first[lane] = FL_MIN(k, first[lane]);
        }
    }
    if (!sheet->along)
        return;
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++)
        first[0] = FL_MIN(first[lane], first[0]);
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++)
        first[lane] = first[0];
}

/*
 * Lays the shares of the classes out: labels as they are or from class indices, smoothed; adds up the row's weight. Returns
 * 1 if a share lies outside [0, 1] or a label is no class.
 */
FL_STATIC int FL_FN(fl_lay_out_shares)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, FL_T *y,
                                       FL_FN(fl_labels) * labels)
{
    int invalid = 0;
    if (b->input[0]) {
        const FL_T *const source = (const FL_T *)b->input[0] + row * b->width;
        FL_I outside = 0;
        FL_SIMD_REDUCE(reduction(| : outside))
        for (ptrdiff_t i = 0; i < sheet->rows * b->width; i++)
            outside |= FL_INVALID((source[i] < FL_C(0)) | (source[i] > FL_C(1)));
        invalid = outside != 0;
        FL_FN(fl_lay_out)(sheet, source, y, FL_C(0));
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            labels->dropped[r] = FL_FN(fl_drops)(b, row + r);
        if (b->counted)
            for (ptrdiff_t r = 0; r < sheet->rows; r++) {
                double weight = b->classes->weight ? 0.0 : 1.0;
                if (b->classes->weight)
                    for (ptrdiff_t k = 0; k < b->width; k++)
                        weight += b->classes->weight[k] * (double)source[r * b->width + k];
                weight = b->weight ? weight * b->weight[row + r] : weight;
                b->counted[row + r] = labels->dropped[r] ? 0.0 : weight;
            }
    } else {
        invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, labels);
        memset(y, 0, (size_t)(sheet->groups * sheet->lanes) * sizeof *y);
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            y[FL_PLACE(sheet, r, labels->label[r])] = FL_C(1);
    }
    const FL_T smoothing = (FL_T)b->classes->label_smoothing, uniform = FL_C(1) / (FL_T)b->width;
    for (ptrdiff_t k = 0; k < (sheet->along ? 1 : sheet->classes); k++) {
        const ptrdiff_t n = sheet->along ? sheet->classes : sheet->lanes;
        FL_T *const x = y + k * n;
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            x[i] = FL_FMA(smoothing, uniform - x[i], x[i]);
        if (b->classes->scale) {
            for (ptrdiff_t i = 0; i < n; i++)
                x[i] *= (FL_T)b->classes->scale[sheet->along ? i : k];
        }
    }
    return invalid;
}

/*
 * Shares of classes, scores: the sum over the classes of what `map` makes of the share and log p. The third part of the scratch
 * memory holds the shares.
 */
FL_STATIC int FL_FN(fl_shares_of_logits)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row,
                                         const FL_FN(fl_labels) * labels, FL_FN(fl_target_map) map)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes;
    FL_T *const z = b->scratch, *const e = z + numbers, *const y = e + numbers;
    FL_FN(fl_softmax) s;
    FL_FN(fl_targets) t;
    FL_FN(fl_share_sums) sum;
    int invalid = 0;
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[1] + row * b->width, z, sheet->along ? -FL_INFINITY : FL_C(0));
    FL_FN(fl_exponentials)(sheet, z, e, &s);
    FL_I own[FL_LANES], first[FL_LANES];
    FL_FN(fl_find_peaks)(sheet, e, s.peak, own, first);
    memset(&sum, 0, sizeof sum);
    FL_FN(fl_set_scale)(b, sheet, row, s.scale);
    /* z becomes share times curvature, y share times slope */
    FL_EACH_GROUP(sheet)
    {
        FL_T *const c = z + group * sheet->lanes, *const share = y + group * sheet->lanes;
        const FL_T *const x = e + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            FL_FN(fl_set_target)(&t, &s, lane, c[lane], x[lane]);
            t.y[lane] = share[lane];
        }
        invalid |= map(&t, sheet->lanes, b->parameters);
        FL_EACH_LANE(sheet)
        {
            const FL_I k = FL_CLASS(sheet);
            const int padding = k >= (FL_I)sheet->classes, largest = k == first[lane];
            const FL_T a = FL_SELECT(padding, FL_C(0), t.slope[lane]);
            const FL_T b_k = FL_SELECT(padding, FL_C(0), t.curvature[lane]);
            FL_FN(fl_add)(&sum.value, lane, FL_SELECT(padding, FL_C(0), t.value[lane]));
            sum.value.error[lane] += FL_SELECT(padding, FL_C(0), t.low[lane]);
            FL_FN(fl_add)(&sum.slope, lane, FL_SELECT(largest, FL_C(0), a));
            FL_FN(fl_add)(&sum.curvature, lane, FL_SELECT(largest, FL_C(0), b_k));
            sum.first_slope[lane] += FL_SELECT(largest, a, FL_C(0));
            sum.first_curvature[lane] += FL_SELECT(largest, b_k, FL_C(0));
            share[lane] = a;
            c[lane] = b_k;
        }
    }
    FL_FN(fl_finish_sums)(sheet, &sum.value);
    FL_FN(fl_finish_sums)(sheet, &sum.slope);
    FL_FN(fl_finish_sums)(sheet, &sum.curvature);
    FL_FN(fl_merge_lanes)(sheet, sum.first_slope);
    FL_FN(fl_merge_lanes)(sheet, sum.first_curvature);
    const FL_T *const slopes = sum.slope.sum, *const curvatures = sum.curvature.sum;
    if (b->want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            /* a NaN in a class without a share is in every p, and in the sum of the others */
            ((FL_T *)b->value)[row + r] = FL_SELECT(s.others[r] == s.others[r], sum.value.sum[r], s.others[r]);
    if (b->want & (FL_GRADIENT | FL_HESSIAN)) {
        FL_EACH_GROUP(sheet)
        {
            FL_T *const c = z + group * sheet->lanes, *const x = e + group * sheet->lanes, *const a = y + group * sheet->lanes;
            FL_EACH_LANE(sheet)
            {
                const FL_I k = FL_CLASS(sheet);
                const FL_T p = x[lane] * s.inverse[lane];
                const FL_T q = FL_OTHERS(&s, lane, x[lane]) * s.inverse[lane];
                const FL_T other_slope = FL_OTHER_SUMS(slopes, sum.first_slope, a[lane], k) * s.scale[lane];
                const FL_T other_curvature = FL_OTHER_SUMS(curvatures, sum.first_curvature, c[lane], k) * s.scale[lane];
                const FL_T own_slope = a[lane] * s.scale[lane], own_curvature = c[lane] * s.scale[lane];
                x[lane] = FL_FMA(p, other_slope, -(own_slope * q));
                c[lane] = FL_FMA(p, FL_FMA(other_curvature, p, other_slope * q), q * FL_FMA(own_curvature, q, own_slope * p));
            }
        }
        if (b->want & FL_HESSIAN)
            FL_FN(fl_take_up)(sheet, z, (FL_T *)b->hessian[0] + row * b->width);
        if (b->want & FL_GRADIENT)
            FL_FN(fl_take_up)(sheet, e, (FL_T *)b->gradient[0] + row * b->width);
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, labels);
    return invalid;
}

/* A probability, clipped to [eps, 1 - eps], and its complement. The smaller one is exact, and so is its clipping; by masks: GCC
   combines selections of the same conditions into many. */
typedef struct {
    FL_T p, q, smaller;
    FL_U is_low; /* p is the smaller one */
} FL_FN(fl_clipped);

FL_INLINE FL_FN(fl_clipped) FL_FN(fl_clip)(FL_T x, FL_T eps)
{
    const FL_T complement = FL_C(1) - x, near = FL_MIN(x, complement), smaller = FL_MAX(eps, near), larger = FL_C(1) - smaller;
    const FL_U is_low = FL_SELECT(x < complement, ~(FL_U)0, (FL_U)0), is_clipped = FL_SELECT(near < eps, ~(FL_U)0, (FL_U)0);
    return (FL_FN(fl_clipped)){FL_PICK(is_low, smaller, FL_PICK(is_clipped, larger, x)), FL_PICK(is_low, larger, smaller),
                               smaller, is_low};
}

/* -log p, about 1.5 ulp */
FL_INLINE FL_T FL_FN(fl_cost_of)(const FL_FN(fl_clipped) t)
{
    const FL_U is_small = t.is_low & FL_SELECT(t.smaller < FL_SMALLEST_NORMAL, ~(FL_U)0, (FL_U)0);
    const FL_T x = t.smaller * FL_PICK(is_small, FL_C((int64_t)1 << (FL_MANTISSA_BITS + 2)), FL_C(1));
    const FL_T log =
        FL_LOG_OF_SUM(FL_FROM_BITS(~t.is_low & FL_ONE_BITS), FL_FROM_BITS(FL_TO_BITS(x) ^ (~t.is_low & FL_SIGN_BIT)));
    const FL_T lifted = FL_PICK(is_small, FL_C(FL_MANTISSA_BITS + 2), FL_C(0));
    const FL_T finite = FL_FMA(lifted, FL_CONSTANT(LN2), -log);
    return FL_SELECT(t.p == FL_C(0), FL_INFINITY, finite);
}

/* The same with what rounding it lost. */
FL_INLINE FL_PAIR FL_FN(fl_fine_cost_of)(const FL_FN(fl_clipped) t)
{
    const FL_PAIR log = FL_LOG_PRECISE(t.smaller), other = FL_LOG1P_PAIR(-t.smaller, FL_C(0));
    const FL_T finite = FL_SELECT(t.smaller > FL_C(0), -log.hi, FL_UNLESS_NAN(t.smaller, FL_INFINITY));
    return (FL_PAIR){FL_PICK(t.is_low, finite, -other.hi),
                     FL_PICK(t.is_low, FL_SELECT(t.smaller > FL_C(0), -log.lo, FL_C(0)), -other.lo)};
}

/* What a target formula wants of probabilities, a lane each. */
FL_STATIC void FL_FN(fl_find_targets)(const fl_sheet *sheet, const FL_T *x, FL_T eps, int fine, FL_FN(fl_targets) * t)
{
    if (fine)
        FL_EACH_LANE(sheet)
        {
            const FL_FN(fl_clipped) clipped = FL_FN(fl_clip)(x[lane], eps);
            const FL_PAIR l = FL_FN(fl_fine_cost_of)(clipped);
            t->p[lane] = clipped.p, t->q[lane] = clipped.q;
            t->l[lane] = l.hi, t->l_low[lane] = l.lo;
        }
    else
        FL_EACH_LANE(sheet)
        {
            const FL_FN(fl_clipped) clipped = FL_FN(fl_clip)(x[lane], eps);
            t->p[lane] = clipped.p, t->q[lane] = clipped.q;
            t->l[lane] = FL_FN(fl_cost_of)(clipped), t->l_low[lane] = FL_C(0);
        }
}

/* Class indices, probabilities: only that of the row's class counts. */
FL_STATIC int FL_FN(fl_index_of_probabilities)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int fine,
                                               FL_FN(fl_target_map) map)
{
    const FL_T *const source = (const FL_T *)b->input[1] + row * b->width;
    const FL_T eps = (FL_T)b->classes->eps;
    FL_FN(fl_labels) labels;
    FL_FN(fl_targets) t;
    FL_T x[FL_LANES], slope[FL_LANES], curvature[FL_LANES];
    int invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, &labels);
    invalid |= FL_FN(fl_check_probabilities)(b, sheet, row, labels.dropped);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
        const ptrdiff_t r = lane >= sheet->rows ? 0 : lane;
        x[lane] = source[r * b->width + labels.label[r]];
    }
    FL_FN(fl_find_targets)(sheet, x, eps, fine, &t);
    map(&t, sheet->lanes, b->parameters);
    if (b->want != FL_VALUE)
        FL_EACH_LANE(sheet)
        {
            const int clipped = FL_SELECT(x[lane] < FL_C(1) - x[lane], x[lane], FL_C(1) - x[lane]) < eps;
            const FL_T a = -t.slope[lane] / t.p[lane];
            const FL_T c = (t.curvature[lane] + t.slope[lane]) / t.p[lane] / t.p[lane];
            slope[lane] = FL_SELECT(clipped, FL_C(0), a);
            curvature[lane] = FL_SELECT(clipped, FL_C(0), c);
        }
    FL_T scale[FL_LANES];
    FL_FN(fl_set_scale)(b, sheet, row, scale);
    for (ptrdiff_t r = 0; r < sheet->rows; r++) {
        const ptrdiff_t place = (row + r) * b->width + labels.label[r];
        if (b->want & FL_VALUE)
            ((FL_T *)b->value)[row + r] = labels.weight[r] * t.value[r];
        if (b->want & FL_GRADIENT) {
            memset((FL_T *)b->gradient[0] + (row + r) * b->width, 0, (size_t)b->width * sizeof(FL_T));
            ((FL_T *)b->gradient[0])[place] = labels.weight[r] * slope[r] * scale[r];
        }
        if (b->want & FL_HESSIAN) {
            memset((FL_T *)b->hessian[0] + (row + r) * b->width, 0, (size_t)b->width * sizeof(FL_T));
            ((FL_T *)b->hessian[0])[place] = labels.weight[r] * curvature[r] * scale[r];
        }
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
    return invalid;
}

/* Shares of classes, probabilities. */
FL_STATIC int FL_FN(fl_shares_of_probabilities)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int fine,
                                                FL_FN(fl_target_map) map)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes;
    FL_T *const z = b->scratch, *const h = z + numbers, *const y = h + numbers;
    const FL_T *const source = (const FL_T *)b->input[1] + row * b->width;
    const FL_T eps = (FL_T)b->classes->eps;
    FL_FN(fl_labels) labels;
    FL_FN(fl_targets) t;
    FL_T scale[FL_LANES];
    FL_FN(fl_sums) sum;
    memset(&sum, 0, sizeof sum);
    int invalid = FL_FN(fl_lay_out_shares)(b, sheet, row, y, &labels);
    invalid |= FL_FN(fl_check_probabilities)(b, sheet, row, labels.dropped);
    FL_FN(fl_lay_out)(sheet, source, z, FL_C(1));
    FL_FN(fl_set_scale)(b, sheet, row, scale);
    FL_EACH_GROUP(sheet)
    {
        FL_T *const x = z + group * sheet->lanes, *const w = h + group * sheet->lanes, *const share = y + group * sheet->lanes;
        FL_FN(fl_find_targets)(sheet, x, eps, fine, &t);
        map(&t, sheet->lanes, b->parameters);
        FL_EACH_LANE(sheet)
        {
            const int none = share[lane] == FL_C(0);
            const int clipped = FL_SELECT(x[lane] < FL_C(1) - x[lane], x[lane], FL_C(1) - x[lane]) < eps;
            const FL_T value = share[lane] * t.value[lane];
            const FL_T a = share[lane] * (-t.slope[lane] / t.p[lane]);
            const FL_T c = share[lane] * ((t.curvature[lane] + t.slope[lane]) / t.p[lane] / t.p[lane]);
            FL_FN(fl_add)(&sum, lane, FL_SELECT(none, FL_UNLESS_NAN(x[lane], 0), value));
            w[lane] = FL_SELECT(none | clipped, FL_UNLESS_NAN(x[lane], 0), c) * scale[lane];
            x[lane] = FL_SELECT(none | clipped, FL_UNLESS_NAN(x[lane], 0), a) * scale[lane];
        }
    }
    FL_FN(fl_finish_sums)(sheet, &sum);
    if (b->want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            ((FL_T *)b->value)[row + r] = sum.sum[r];
    if (b->want & FL_GRADIENT)
        FL_FN(fl_take_up)(sheet, z, (FL_T *)b->gradient[0] + row * b->width);
    if (b->want & FL_HESSIAN)
        FL_FN(fl_take_up)(sheet, h, (FL_T *)b->hessian[0] + row * b->width);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels);
    return invalid;
}

/* All rows of a block, a sheet at a time. `share` maps what a class adds to a row, `map` its only class. */
FL_STATIC int FL_FN(fl_target_rows)(const fl_block *b, int given, FL_FN(fl_target_map) map, FL_FN(fl_target_map) share)
{
    const int shares = b->input[0] != NULL || b->classes->label_smoothing > 0.0;
    const int from_logits = given == FL_SCORES, fine = given == FL_FINE_PROBABILITIES;
    fl_sheet sheet = from_logits && !shares ? fl_sheet_by_row(b->width) : fl_sheet_of(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    {
        FL_FN(fl_labels) labels;
        if (!b->want) /* the weights alone */
            invalid |= shares ? FL_FN(fl_lay_out_shares)(b, &sheet, row, b->scratch, &labels)
                              : FL_FN(fl_read_labels)(b, b->label + row, row, sheet.rows, &labels);
        else if (from_logits && shares) {
            FL_T *const y = (FL_T *)b->scratch + 2 * sheet.groups * sheet.lanes;
            invalid |= FL_FN(fl_lay_out_shares)(b, &sheet, row, y, &labels);
            invalid |= FL_FN(fl_shares_of_logits)(b, &sheet, row, &labels, share);
        } else if (from_logits)
            invalid |= FL_FN(fl_index_of_logits)(b, &sheet, row, map);
        else
            invalid |= shares ? FL_FN(fl_shares_of_probabilities)(b, &sheet, row, fine, map)
                              : FL_FN(fl_index_of_probabilities)(b, &sheet, row, fine, map);
    }
    return invalid;
}

/* Losses of shares and scores alone: the shares are what the formula says they are. */
FL_STATIC int FL_FN(fl_share_rows)(const fl_block *b, FL_FN(fl_target_map) map)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    FL_T *const y = (FL_T *)b->scratch + 2 * sheet.groups * sheet.lanes;
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    {
        FL_FN(fl_labels) labels;
        FL_FN(fl_lay_out)(&sheet, (const FL_T *)b->input[0] + row * b->width, y, FL_C(0));
        for (ptrdiff_t r = 0; r < sheet.rows; r++)
            labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
        invalid |= FL_FN(fl_shares_of_logits)(b, &sheet, row, &labels, map);
    }
    return invalid;
}

#endif
