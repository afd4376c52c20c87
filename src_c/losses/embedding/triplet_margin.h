/*
 * Triplet loss: the distance of an anchor to a positive should be smaller than that to a negative, by a margin m. With
 *
 *   d_1 = |anchor - positive|_p        d_2 = |anchor - negative|_p        d_3 = |positive - negative|_p
 *
 *   value       max(0, d_1 - d_2 + m); with `swap`, d_3 in place of d_2 where it is smaller; `squared`: of their squares
 *   gradients   differences of  sign(r) (|r| / d)^(p - 1), r that of one coordinate, where the value is positive; else 0
 *
 *   by m        1 where the value is positive, else 0
 *
 * A distance of 0 has no direction, and gives 0.
 *
 * The sums are those of |r|^p. The value and the gradients change sign; their errors are relative to the largest term.
 * Euclidean distances have kernels of their own, without powers, and so have those without `swap`, which need two sums instead
 * of three.
 */
#include "engine/statistics.h"

/* A distance from its sum, unscaled, and what the slopes of its terms are to be multiplied by. */
typedef struct {
    FL_T distance, by;
} FL_FN(triplet_distance);

/* A power of a positive number; 0, infinity and NaN stay what they are. */
FL_INLINE FL_T FL_FN(triplet_power)(const FL_PAIR x, const FL_PAIR exponent)
{
    FL_PAIR l = FL_LOG_PRECISE(x.hi);
    l.lo += x.lo / x.hi;
    const int inner = (x.hi > FL_C(0)) & (x.hi < FL_INFINITY);
    return FL_SELECT(inner, FL_EXP_PRODUCT(FL_C(1), exponent, l), x.hi);
}

FL_INLINE FL_FN(triplet_distance) FL_FN(triplet_of_sum)(FL_T sum, FL_T scale, double p, int euclidean, double squared)
{
    const FL_U square = FL_UNIFORM(squared != 0.0);
    /* a rounded 1 / p would cost the logarithm of the sum in ulp */
    const FL_PAIR order = FL_EXACT_PARAMETER(p), of = {sum, FL_C(0)};
    const FL_T inverse = FL_C(1) / order.hi;
    const FL_PAIR root = {inverse, -FL_FMA(inverse, order.lo, FL_FMA(inverse, order.hi, -FL_C(1))) * inverse};
    const FL_PAIR below = FL_TWO_SUM(root.hi, -FL_C(1)), fall = {below.hi, below.lo + root.lo};
    const FL_T scaled = euclidean ? FL_SQRT(sum) : FL_FN(triplet_power)(of, root);
    const FL_T direction = euclidean ? FL_C(1) / scaled : FL_FN(triplet_power)(of, fall);
    const FL_T distance = scaled / scale;
    /* of the square, 2 d times that */
    const FL_T by = FL_PICK(square, FL_C(2) / scale * (euclidean ? FL_C(1) : scaled * direction), direction);
    return (FL_FN(triplet_distance)){FL_PICK(square, distance * distance, distance),
                                     FL_SELECT(sum > FL_C(0), by, FL_UNLESS_NAN(sum, 0))};
}

FL_INLINE FL_OUTCOME FL_FN(triplet_outcome)(const FL_FN(fl_statistic_sums) s, double margin, double p, int euclidean, int swap,
                                            double squared)
{
    const FL_FN(triplet_distance) positive = FL_FN(triplet_of_sum)(s.sum[0], s.scale.of[0], p, euclidean, squared);
    const FL_FN(triplet_distance) negative = FL_FN(triplet_of_sum)(s.sum[1], s.scale.of[1], p, euclidean, squared);
    const FL_FN(triplet_distance) other = FL_FN(triplet_of_sum)(s.sum[2], s.scale.of[2], p, euclidean, squared);
    const int swapped = swap && other.distance < negative.distance;
    const FL_T smaller = FL_SELECT(swapped, other.distance, negative.distance);
    /* distances that are infinite both are equal */
    const FL_T difference = FL_SELECT(positive.distance == smaller, FL_C(0), positive.distance - smaller);
    const FL_T value = difference + FL_C(margin);
    const int active = value > FL_C(0);
    const FL_T none = FL_UNLESS_NAN(value, 0);
    /* one by one: GCC copies a literal of which some is constant, and does not vectorise that */
    FL_OUTCOME outcome;
    outcome.value = FL_MAX(FL_C(0), value);
    outcome.by[0] = FL_SELECT(active, positive.by, none);
    outcome.by[1] = FL_SELECT(active & !swapped, -negative.by, none);
    outcome.by[2] = FL_SELECT(active & swapped, -other.by, none);
    outcome.by[3] = outcome.by[4] = FL_C(0);
    outcome.divisor = FL_C(1);
    outcome.invalid = 0;
    return outcome;
}

/* |r|^p, its derivative but for the factor p, and |r| */
typedef struct {
    FL_T power, slope, size;
} FL_FN(triplet_term);

FL_INLINE FL_FN(triplet_term) FL_FN(triplet_term_of)(FL_T a, FL_T b, FL_T scale, double p, int euclidean)
{
    /* neither overflows where the other does not */
    const FL_T down = FL_MIN(scale, FL_C(1)), up = FL_MAX(scale, FL_C(1));
    const FL_PAIR d = FL_TWO_SUM(a * down, -(b * down));
    const FL_T r = d.hi * up, size = FL_ABS(r);
    if (euclidean)
        return (FL_FN(triplet_term)){r * r, r, FL_ABS(a - b)};
    const FL_T low = FL_SELECT(size < FL_INFINITY, FL_WITH_SIGN_OF(d.hi, d.lo) * up, FL_C(0));
    const FL_T slope = FL_FN(triplet_power)((FL_PAIR){size, low}, FL_EXACT_PARAMETER(p - 1.0));
    return (FL_FN(triplet_term)){slope * size, FL_SELECT(r == FL_C(0), FL_C(0), FL_WITH_SIGN_OF(r, slope)), FL_ABS(a - b)};
}

FL_INLINE FL_TERMS FL_FN(triplet_terms)(FL_T anchor, FL_T positive, FL_T negative, const FL_SCALES scale, double p,
                                        int euclidean)
{
    const FL_FN(triplet_term) u = FL_FN(triplet_term_of)(anchor, positive, scale.of[0], p, euclidean);
    const FL_FN(triplet_term) v = FL_FN(triplet_term_of)(anchor, negative, scale.of[1], p, euclidean);
    const FL_FN(triplet_term) w = FL_FN(triplet_term_of)(positive, negative, scale.of[2], p, euclidean);
    return (FL_TERMS){
        .add = {u.power, v.power, w.power},
        .slope = {{u.slope, -u.slope, FL_C(0)}, {v.slope, FL_C(0), -v.slope}, {FL_C(0), w.slope, -w.slope}},
        .size = {u.size, v.size, w.size},
    };
}

FL_STATISTICS_FORMULA(triplet_margin, "(d)", (), (anchor, positive, negative), (margin, p, squared), 2, 2, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 1);
}

FL_OUTCOME_OF(triplet_margin, s, (margin, p, squared))
{
    return FL_FN(triplet_outcome)(s, margin, p, 1, 0, squared);
}

FL_STATISTICS_FORMULA(triplet_margin_swap, "(d)", (), (anchor, positive, negative), (margin, p, squared), 3, 3, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 1);
}

FL_OUTCOME_OF(triplet_margin_swap, s, (margin, p, squared))
{
    return FL_FN(triplet_outcome)(s, margin, p, 1, 1, squared);
}

FL_STATISTICS_FORMULA(triplet_margin_lp, "(d)", (), (anchor, positive, negative), (margin, p, squared), 2, 2, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 0);
}

FL_OUTCOME_OF(triplet_margin_lp, s, (margin, p, squared))
{
    return FL_FN(triplet_outcome)(s, margin, p, 0, 0, squared);
}

FL_STATISTICS_FORMULA(triplet_margin_lp_swap, "(d)", (), (anchor, positive, negative), (margin, p, squared), 3, 3, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 0);
}

FL_OUTCOME_OF(triplet_margin_lp_swap, s, (margin, p, squared))
{
    return FL_FN(triplet_outcome)(s, margin, p, 0, 1, squared);
}

FL_INLINE FL_OUTCOME FL_FN(triplet_by_margin)(FL_OUTCOME outcome)
{
    outcome.value = FL_SIGN(outcome.value);
    return outcome;
}

FL_STATISTICS_FORMULA(triplet_margin_by_margin, "(d)", (), (anchor, positive, negative), (margin, p, squared), 2, 2, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 1);
}

FL_OUTCOME_OF(triplet_margin_by_margin, s, (margin, p, squared))
{
    return FL_FN(triplet_by_margin)(FL_FN(triplet_outcome)(s, margin, p, 1, 0, squared));
}

FL_STATISTICS_FORMULA(triplet_margin_swap_by_margin, "(d)", (), (anchor, positive, negative), (margin, p, squared), 3, 3, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 1);
}

FL_OUTCOME_OF(triplet_margin_swap_by_margin, s, (margin, p, squared))
{
    return FL_FN(triplet_by_margin)(FL_FN(triplet_outcome)(s, margin, p, 1, 1, squared));
}

FL_STATISTICS_FORMULA(triplet_margin_lp_by_margin, "(d)", (), (anchor, positive, negative), (margin, p, squared), 2, 2, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 0);
}

FL_OUTCOME_OF(triplet_margin_lp_by_margin, s, (margin, p, squared))
{
    return FL_FN(triplet_by_margin)(FL_FN(triplet_outcome)(s, margin, p, 0, 0, squared));
}

FL_STATISTICS_FORMULA(triplet_margin_lp_swap_by_margin, "(d)", (), (anchor, positive, negative), (margin, p, squared), 3, 3, 1)
{
    return FL_FN(triplet_terms)(anchor, positive, negative, scale, p, 0);
}

FL_OUTCOME_OF(triplet_margin_lp_swap_by_margin, s, (margin, p, squared))
{
    return FL_FN(triplet_by_margin)(FL_FN(triplet_outcome)(s, margin, p, 0, 1, squared));
}
