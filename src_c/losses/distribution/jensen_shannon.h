/*
 * Jensen-Shannon divergence in nats: the mean of the divergences of p and of q from their middle. With t = (p - q) / (p + q), a
 * term is
 *
 *   value      (p + q) / 2 h(t),  h(t) = ((1 + t) log1p(t) + (1 - t) log1p(-t)) / 2 = sum over k of t^2k / (2k (2k - 1))
 *   gradient   log(2 q / (p + q)) / 2        changes sign at q = p, and keeps its digits there
 *   hessian    p / (2 q (p + q))
 *
 * With the middle m of p and q, a term is half of p e(m/p) + q e(m/q), e(1 + x) = x - log1p(x) >= 0: nothing cancels.
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

/* Shares of the larger of two that are smaller than this leave half of it; logarithms of such are lifted. */
#define FL_JENSEN_SHANNON_LEAST FL_C(FL_BITS == 32 ? 0x1p-80 : 0x1p-700)
#define FL_JENSEN_SHANNON_LIFT FL_C(FL_BITS == 32 ? 60 : 600)
#define FL_JENSEN_SHANNON_LIFTED FL_C(FL_BITS == 32 ? 0x1p60 : 0x1p600)

FL_INLINE FL_FN(fl_jensen_shannon) FL_FN(fl_jensen_shannon_term)(FL_T p, FL_T q)
{
    const int empty = p + q == FL_C(0), less = q < p;
    const FL_T large = FL_SELECT(empty, FL_C(1), FL_SELECT(less, p, q)), small = FL_SELECT(less, q, p);
    const FL_T difference = small - large;
    /* the middle by the larger one, 1 + f, and by the smaller one, 1 + x */
    const FL_T f = difference / (large + large);
    const FL_T f_rest = FL_FN(fl_log1p_rest)(f, difference / (FL_C(3) * large + small));
    const int far = small < FL_JENSEN_SHANNON_LEAST * large;
    const FL_T by = FL_SELECT(far, small * FL_JENSEN_SHANNON_LIFTED, small);
    const FL_T x = -difference / (by + by);
    const FL_FN(fl_log1p_parts) t = FL_FN(fl_log1p_parts_of)(x, FL_C(1) + x);
    const FL_T x_rest = FL_FN(fl_x_minus_log1p_of_parts)(t, FL_C(0));
    const FL_T value = FL_FMA(large, f_rest, FL_SELECT(far, FL_C(0.5) * large, small * x_rest));
    const FL_T lifts = t.k + FL_SELECT(far, FL_JENSEN_SHANNON_LIFT, FL_C(0));
    const FL_T log_small = FL_FMA(lifts, FL_CONSTANT(LN2), t.f - t.rest);
    const FL_T log_q = FL_C(-0.5) * FL_SELECT(less, log_small, f - f_rest);
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
