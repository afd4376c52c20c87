/*
 * Jensen-Shannon divergence in nats: the mean of the divergences of p and of q from their middle. With t = (p - q) / (p + q), a
 * term is
 *
 *   value      (p + q) / 2 h(t),  h(t) = ((1 + t) log1p(t) + (1 - t) log1p(-t)) / 2 = sum over k of t^2k / (2k (2k - 1))
 *   gradient   log(2 q / (p + q)) / 2        changes sign at q = p, and keeps its digits there
 *   hessian    p / (2 q (p + q))
 *
 * The series is used for |t| < 0.3; beyond, the logarithms of 2 p / (p + q) and 2 q / (p + q), whose terms cancel little.
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
    const FL_PAIR sum = FL_TWO_SUM(FL_SELECT(empty, FL_C(1), p), q);
    const FL_T share = p / sum.hi;
    const FL_PAIR difference = FL_TWO_SUM(p, -q);
    const FL_T t = (difference.hi + difference.lo) / sum.hi;
    const FL_T square = t * t;
    const FL_T series = square * FL_POLYNOMIAL(JENSEN_SHANNON, FL_MIN(FL_C(0.09), square));
    /* 1 stands in for what has no logarithm */
    const FL_PAIR log_p = FL_LOG_QUOTIENT(FL_EXACTLY(FL_SELECT(p > FL_C(0), p + p, FL_C(1))), sum);
    const FL_PAIR log_q = FL_LOG_QUOTIENT(FL_EXACTLY(FL_SELECT(q > FL_C(0), q + q, FL_C(1))), sum);
    const FL_PAIR x = FL_TWO_PRODUCT(p, log_p.hi), y = FL_TWO_PRODUCT(q, log_q.hi);
    const FL_PAIR product = FL_TWO_SUM(x.hi, y.hi);
    const FL_T low = FL_FMA(p, log_p.lo, x.lo) + FL_FMA(q, log_q.lo, y.lo);
    const FL_T far = FL_C(0.5) * (product.hi + (product.lo + low));
    const FL_T value = FL_SELECT(FL_ABS(t) < FL_C(0.3), FL_C(0.5) * sum.hi * series, far);
    const FL_T half_log = FL_C(0.5) * log_q.hi;
    /* by q at p = 0 the term is q log(2) / 2, down to q = 0 */
    const FL_T at_zero = FL_SELECT(p > FL_C(0), -FL_INFINITY, FL_C(0.5) * FL_CONSTANT(LN2));
    return (FL_FN(fl_jensen_shannon)){FL_SELECT(empty, FL_C(0), value), FL_SELECT(q == FL_C(0), at_zero, half_log), share};
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
