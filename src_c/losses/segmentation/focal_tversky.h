/*
 * Focal Tversky loss of masks (Abraham and Khan 2019): a power of t, the loss of tversky.h.
 *
 *   value      t^gamma
 *   gradients  gamma t^(gamma - 1) times those of t; 0 where t is 0 and gamma is not 1
 *   by alpha, beta and smooth as gradients; by gamma  t^gamma log t, 0 where t is 0
 *
 * t is a quotient N / D: its logarithm is taken with what the division and the sum D have lost, which the power would blow up.
 * At t = 0 a power below 1 has no derivative, and one above 1 the derivative 0.
 */
#include "language/overlap.h"

FL_INLINE FL_PAIR FL_FN(focal_tversky_log)(const FL_FN(fl_statistic_sums) s, FL_T t, FL_T smooth)
{
    const FL_PAIR right = FL_TWO_SUM(s.sum[1], smooth), all = FL_TWO_SUM(s.sum[0], right.hi);
    const FL_T remainder = FL_FMA(-t, all.hi, s.sum[0]) - t * (all.lo + right.lo);
    FL_PAIR l = FL_LOG_PRECISE(t);
    l.lo += remainder / s.sum[0];
    return l;
}

FL_MASK_FORMULA(focal_tversky, y, p, (alpha, beta, gamma, smooth))
{
    return FL_OVERLAP_TERMS(y, p, FL_C(alpha), FL_C(beta), FL_C(1));
}

FL_MASK_OUTCOME(focal_tversky, s, (alpha, beta, gamma, smooth))
{
    const FL_U plain = FL_UNIFORM(gamma == 1.0);
    const FL_OUTCOME t = FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
    const FL_PAIR l = FL_FN(focal_tversky_log)(s, t.value, FL_C(smooth));
    /* neither 0 nor NaN */
    const int inner = (t.value > FL_C(0)) & (t.value < FL_INFINITY);
    const FL_T power = FL_EXP_PRODUCT(FL_C(1), FL_EXACT_PARAMETER(gamma), l);
    const FL_T steep = FL_EXP_PRODUCT(FL_C(gamma), FL_EXACT_PARAMETER(gamma - 1.0), l);
    const FL_T slope = FL_PICK(plain, FL_C(1), FL_SELECT(inner, steep, t.value));
    return (FL_OUTCOME){
        .value = FL_PICK(plain, t.value, FL_SELECT(inner, power, t.value)),
        /* 0, not -0, where nothing is wrong */
        .by = {slope * t.by[0], FL_C(0) - slope * t.value},
        .divisor = t.divisor,
    };
}

FL_MASK_FORMULA_BY(focal_tversky_by_alpha, focal_tversky, (alpha, beta, gamma, smooth), 3, 0, sums.sum[2])
FL_MASK_FORMULA_BY(focal_tversky_by_beta, focal_tversky, (alpha, beta, gamma, smooth), 4, 0, sums.sum[3])
FL_MASK_FORMULA_BY(focal_tversky_by_smooth, focal_tversky, (alpha, beta, gamma, smooth), 2, 1, FL_C(1))

FL_MASK_FORMULA_OF(focal_tversky_by_gamma, focal_tversky, (alpha, beta, gamma, smooth), 2)
FL_MASK_OUTCOME(focal_tversky_by_gamma, s, (alpha, beta, gamma, smooth))
{
    const FL_OUTCOME t = FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
    const FL_PAIR l = FL_FN(focal_tversky_log)(s, t.value, FL_C(smooth));
    const FL_T power = FL_EXP_PRODUCT(FL_C(1), FL_EXACT_PARAMETER(gamma), l);
    const int inner = (t.value > FL_C(0)) & (t.value < FL_INFINITY);
    return (FL_OUTCOME){.value = FL_SELECT(inner, power * (l.hi + l.lo), t.value), .divisor = FL_C(1)};
}
