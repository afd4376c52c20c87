/*
 * Kullback-Leibler divergence of distributions p from predictions q: the sum of p log(p/q), with 0 log 0 = 0. One formula for
 * each way in which p and q are given: as probabilities or as logarithms, q also as scores.
 *
 *   by q         value p log(p/q)    gradient -p / q      hessian p / q^2
 *   by log q                         gradient -p          hessian 0
 *   by scores                        Q softmax - p, Q softmax (1 - softmax) with Q the sum of p, from the engine's sums
 *
 * The terms change sign, and of two distributions that are nearly equal hardly anything is left. With probabilities whose
 * quotient, the larger by the smaller one, is 2^k (1 + s) / (1 - s), 0 <= s < 1/3, its logarithm is k log 2 + (2 s + s R). At k
 * = 0 the term is p - q, which is exact there, and whose sum over the row is kept with its error, plus s (|p - q| +- p R) >= 0,
 * + where p is the larger one. Elsewhere it is +-p (k log 2 + (2 s + s R)), of one sign, its first product with its error: what
 * the others leave is never much smaller. With logarithms, errors are below 4 eps of the largest |p log p| or |p log q|, and
 * from scores, whose softmax is rounded, below 8 eps of the cross-entropy, the sum of |p log q|.
 */
#include "engine/row_sums.h"
#include "engine/rows.h"
#include "language/labels.h"

/* p log(p / q) from the logarithms as pairs; 0 where p is 0 and q is a number */
FL_INLINE FL_PAIR FL_FN(fl_kl_term)(FL_T p, FL_PAIR log_p, FL_PAIR log_q)
{
    const FL_PAIR difference = FL_TWO_SUM(log_p.hi, -log_q.hi);
    const FL_PAIR product = FL_TWO_PRODUCT(p, difference.hi);
    const FL_T low = FL_FMA(p, difference.lo + (log_p.lo - log_q.lo), product.lo);
    const int finite = FL_ABS(product.hi) < FL_INFINITY;
    const FL_T zero = FL_UNLESS_NAN(log_q.hi, 0);
    return (FL_PAIR){FL_SELECT(p == FL_C(0), zero, product.hi), FL_SELECT((p == FL_C(0)) | !finite, FL_C(0), low)};
}

/* log x; minus infinity at 0 */
FL_INLINE FL_PAIR FL_FN(fl_kl_log)(FL_T x)
{
    const FL_PAIR log = FL_LOG_PRECISE(x);
    return (FL_PAIR){FL_SELECT(x == FL_C(0), -FL_INFINITY, log.hi), FL_SELECT(x == FL_C(0), FL_C(0), log.lo)};
}

#define FL_KL_TERM(p, log_p, log_q) FL_FN(fl_kl_term)(p, log_p, log_q)
#define FL_KL_LOG(x) FL_FN(fl_kl_log)(x)

/* -p / q and p / q^2, 0 where p is 0, and where q was clipped */
FL_INLINE FL_RESULT FL_FN(fl_kl_by_probability)(FL_T p, FL_T q, int none)
{
    const FL_T ratio = p / q;
    const FL_T zero = FL_UNLESS_NAN(q, 0);
    return (FL_RESULT){.gradient = {FL_SELECT(none, zero, -ratio)}, .hessian = {FL_SELECT(none, zero, ratio / q)}};
}

/* Normal numbers of [0, 1], of which none is clipped. */
FL_INLINE int FL_FN(fl_kl_usual)(FL_T p, FL_T q, double eps)
{
    const FL_T least = FL_SELECT(FL_C(eps) > FL_SMALLEST_NORMAL, FL_C(eps), FL_SMALLEST_NORMAL);
    return (p >= FL_SMALLEST_NORMAL) & (p <= FL_C(1)) & (q >= least) & (q <= FL_C(1));
}

FL_FINE_SUM_FORMULA_FOR(kl_divergence, (y_true), (y_pred), (eps), fl_kl_usual)
{
    const FL_T p = y_true;
    const FL_T least = FL_C(eps);
    const int clipped = !FL_IS_USUAL & (y_pred < least);
    const FL_T q = FL_SELECT(clipped, least, y_pred);
    /* 1 stands in for what has no logarithm */
    const int none = !FL_IS_USUAL & (p == FL_C(0)), infinite = !FL_IS_USUAL & (q == FL_C(0));
    const FL_T by_q = FL_SELECT(FL_IS_USUAL | (q > FL_C(0)), q, FL_C(1));
    const FL_T of_p = FL_SELECT(none, FL_C(1), p);
    const FL_RATIO ratio = FL_RATIO_OF(FL_MAX(by_q, of_p), FL_MIN(by_q, of_p), FL_IS_USUAL);
    const int near = ratio.k == FL_C(0);
    const FL_T more = p - q, signed_p = FL_TIMES_SIGN_OF(more, p);
    const FL_T beyond = ratio.s * FL_FMA(signed_p, ratio.series, FL_ABS(more));
    const FL_PAIR product = FL_TWO_PRODUCT(signed_p, ratio.k * FL_CONSTANT(LN2_HEAD));
    const FL_T low = FL_FMA(signed_p, FL_FMA(ratio.k, FL_CONSTANT(LN2_MIDDLE), ratio.log1p), product.lo);
    FL_RESULT t = FL_FN(fl_kl_by_probability)(p, q, none | clipped);
    t.value = FL_SELECT(none, FL_UNLESS_NAN(q, 0),
                        FL_SELECT(infinite, FL_UNLESS_NAN(p, FL_INFINITY), FL_SELECT(near, more, product.hi)));
    t.low = FL_SELECT(none | infinite, FL_C(0), FL_SELECT(near, beyond, low));
    t.invalid = FL_IS_USUAL ? 0 : FL_OUTSIDE_UNIT(p) | FL_OUTSIDE_UNIT(y_pred);
    return t;
}

FL_FINE_SUM_FORMULA(kl_divergence_log_target, (y_true), (y_pred), (eps))
{
    const FL_T log_p = y_true;
    const FL_T least = FL_C(eps);
    const int clipped = y_pred < least;
    const FL_T q = FL_SELECT(clipped, least, y_pred);
    const FL_T p = FL_EXP(log_p);
    const FL_PAIR term = FL_KL_TERM(p, FL_EXACTLY(log_p), FL_KL_LOG(q));
    FL_RESULT t = FL_FN(fl_kl_by_probability)(p, q, (p == FL_C(0)) | clipped);
    t.value = term.hi;
    t.low = term.lo;
    t.invalid = FL_OUTSIDE_UNIT(y_pred);
    return t;
}

FL_FINE_SUM_FORMULA(kl_divergence_from_log, (y_true), (y_pred), ())
{
    const FL_T p = y_true, log_q = y_pred;
    const FL_PAIR term = FL_KL_TERM(p, FL_KL_LOG(p), FL_EXACTLY(log_q));
    return (FL_RESULT){
        .value = term.hi,
        .low = term.lo,
        .gradient = {-p + FL_UNLESS_NAN(log_q, 0)},
        .hessian = {FL_UNLESS_NAN(p, 0) + FL_UNLESS_NAN(log_q, 0)},
        .invalid = FL_OUTSIDE_UNIT(p),
    };
}

FL_FINE_SUM_FORMULA(kl_divergence_from_log_log_target, (y_true), (y_pred), ())
{
    const FL_T log_p = y_true, log_q = y_pred;
    const FL_T p = FL_EXP(log_p);
    const FL_PAIR term = FL_KL_TERM(p, FL_EXACTLY(log_p), FL_EXACTLY(log_q));
    return (FL_RESULT){
        .value = term.hi,
        .low = term.lo,
        .gradient = {-p + FL_UNLESS_NAN(log_q, 0)},
        .hessian = {FL_UNLESS_NAN(p, 0) + FL_UNLESS_NAN(log_q, 0)},
    };
}

FL_SHARE_FORMULA(kl_divergence_from_logits, p, t)
{
    const FL_PAIR term = FL_KL_TERM(p, FL_KL_LOG(p), ((FL_PAIR){-t.l, -t.l_low}));
    return (FL_TARGET){
        .value = term.hi, .low = term.lo, .slope = p, .curvature = FL_UNLESS_NAN(p, 0), .invalid = FL_OUTSIDE_UNIT(p)};
}

FL_SHARE_FORMULA(kl_divergence_from_logits_log_target, log_p, t)
{
    const FL_T p = FL_EXP(log_p);
    const FL_PAIR term = FL_KL_TERM(p, FL_EXACTLY(log_p), ((FL_PAIR){-t.l, -t.l_low}));
    return (FL_TARGET){.value = term.hi, .low = term.lo, .slope = p, .curvature = FL_UNLESS_NAN(p, 0)};
}
