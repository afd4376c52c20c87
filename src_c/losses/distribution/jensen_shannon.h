/*
 * Jensen-Shannon divergence in nats: the mean of the divergences of p and of q from their middle. With t = (p - q) / (p + q), a
 * term is
 *
 *   value      (p + q) / 2 h(t),  h(t) = ((1 + t) log1p(t) + (1 - t) log1p(-t)) / 2 = sum over k of t^2k / (2k (2k - 1))
 *   gradient   log(2 q / (p + q)) / 2        changes sign at q = p, and keeps its digits there
 *   hessian    p / (2 q (p + q))
 *
 * With the middle m of p and q, a term is half of p e(m/p) + q e(m/q), e(x) = x - 1 - log(x) >= 0. For x = (1 + s) / (1 - s),
 * log(x) is 2 s + s R and x - 1 - 2 s is s (x - 1), so that nothing cancels:
 *
 *   of the larger one, l      l e(m/l) = s ((l - m) + l R) with s = (l - m) / (l + m)
 *   of the smaller one, t     t e(m/t) = s ((m - t) - t R) with s = (m - t) / (m + t), below m/t = 2
 *                             t e(m/t) = (m - t) - t log(m/t) from there on, where e is above 0.3
 *
 * From scores, q is the softmax, which is rounded: errors are below 8 eps of the largest |p - q|, and those of derivatives
 * below 8 eps of q_k max(1, |G_k|) with G the gradient by q. Slope and curvature are those by log q: -q log(2 q / (p + q)) / 2
 * and  q (log(2 q / (p + q)) + p / (p + q)) / 2.
 */
#include "engine/row_sums.h"
#include "engine/rows.h"
#include "language/labels.h"

typedef struct {
    FL_T value, log_q, share; /* of p in p + q; log_q = log(2 q / (p + q)) / 2 */
} FL_FN(fl_jensen_shannon);

FL_INLINE FL_FN(fl_jensen_shannon) FL_FN(fl_jensen_shannon_term)(FL_T p, FL_T q)
{
    const int empty = p + q == FL_C(0);
    /* NaN stays in one of the two */
    const FL_T large = FL_SELECT(empty, FL_C(1), FL_MAX(p, q)), small = FL_MIN(q, p);
    const FL_T sum = large + small, difference = large - small, half = FL_C(0.5) * difference;
    /* log(large / m) = 2 s + s series */
    const FL_T s = difference / FL_FMA(FL_C(2), large, sum), z = s * s;
    const FL_T series = z * FL_POLYNOMIAL(LOG1P_QUOTIENT, z);
    const FL_T e_large = s * FL_FMA(large, series, half);
    /* log(m / small), or of something as large where nothing is left of its product */
    const FL_T least = FL_SELECT(small == FL_C(0), FL_SMALLEST_NORMAL, FL_C(2) * small);
    const FL_RATIO ratio = FL_RATIO_OF_ROUNDED(sum, least, difference);
    const int near = ratio.k == FL_C(0);
    const FL_T e_near = ratio.s * FL_FMA(-small, ratio.series, half);
    /* one logarithm after the other: their sum would be rounded before it is taken off */
    const FL_T low = FL_FMA(ratio.k, FL_CONSTANT(LN2_MIDDLE), ratio.log1p);
    const FL_T e_far = FL_FMA(-small, low, FL_FMA(-small, ratio.k * FL_CONSTANT(LN2_HEAD), half));
    /* what the difference lost, by what it is about multiplied by */
    const FL_T lost = (large - difference) - small, slope = s + FL_SELECT(near, ratio.s, FL_C(0.5));
    const FL_T value = e_large + FL_FMA(lost, slope, FL_SELECT(near, e_near, e_far));
    const FL_T log_small = FL_FMA(ratio.k, FL_CONSTANT(LN2), ratio.log1p);
    const FL_T log_q = FL_SELECT(q < p, FL_C(-0.5) * log_small, FL_FMA(FL_C(0.5) * s, series, s));
    /* by q at p = 0 the term is q log(2) / 2, down to q = 0 */
    const FL_T at_zero = FL_SELECT(p > FL_C(0), -FL_INFINITY, FL_C(0.5) * FL_CONSTANT(LN2));
    return (FL_FN(fl_jensen_shannon)){FL_SELECT(empty, FL_C(0), FL_C(0.5) * value), FL_SELECT(q == FL_C(0), at_zero, log_q),
                                      p / FL_SELECT(empty, FL_C(1), p + q)};
}

FL_SUM_FORMULA(jensen_shannon, (y_true), (y_pred), ())
{
    const FL_T p = y_true, q = y_pred;
    const FL_FN(fl_jensen_shannon) t = FL_FN(fl_jensen_shannon_term)(p, q);
    return (FL_RESULT){
        .value = t.value,
        .gradient = {t.log_q + FL_UNLESS_NAN(p, 0)},
        .hessian = {FL_SELECT(p == FL_C(0), FL_UNLESS_NAN(q, 0), FL_C(0.5) * t.share / q)},
        .invalid = FL_OUTSIDE_UNIT(p) | FL_OUTSIDE_UNIT(q),
    };
}

FL_SHARE_FORMULA(jensen_shannon_from_logits, p, t)
{
    const FL_FN(fl_jensen_shannon) f = FL_FN(fl_jensen_shannon_term)(p, t.p);
    const int none = t.p == FL_C(0);
    return (FL_TARGET){
        .value = f.value,
        .slope = FL_SELECT(none, FL_UNLESS_NAN(p, 0), -t.p * f.log_q),
        .curvature = FL_SELECT(none, FL_UNLESS_NAN(p, 0), t.p * FL_FMA(FL_C(0.5), f.share, f.log_q)),
        .invalid = FL_OUTSIDE_UNIT(p),
    };
}
