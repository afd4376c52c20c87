/*
 * RankNet (Burges et al. 2005): the cost of a pair whose more relevant item has a score by d higher than the other,
 * with x = sigma d.
 *
 *   value      log(1 + exp(-x))        slope  -sigma / (1 + exp(x))        curvature  sigma^2 / ((1 + exp(x)) (1 + exp(-x)))
 *
 * x is carried with its error, which the exponential would blow up: what it changes is added to first order. The gradient of an
 * item is the sum of slopes of both signs; its error is relative to the largest of them.
 */
#include "engine/groups.h"

FL_PAIR_FORMULA(rank_net, d, (sigma))
{
    const FL_PAIR s = FL_EXACT_PARAMETER(sigma);
    const FL_PAIR product = FL_TWO_PRODUCT(s.hi, d.hi);
    const FL_T low = FL_FMA(s.hi, d.lo, FL_FMA(s.lo, d.hi, product.lo));
    const FL_T x = product.hi, error = FL_SELECT(FL_ABS(x) < FL_INFINITY, low, FL_C(0));
    const FL_LOGISTIC t = FL_LOGISTIC_PARTS(x);
    const FL_T near_zero = t.near_zero_up * FL_DOWN;
    const int negative = x < FL_C(0);
    const FL_T wrong = FL_SELECT(negative, t.near_one, near_zero), right = FL_SELECT(negative, near_zero, t.near_one);
    const FL_T curvature = wrong * right;
    return (FL_TARGET){
        .value = FL_SELECT(negative, -x, FL_C(0)) + FL_FMA(-error, wrong, t.log1p_up * FL_DOWN),
        .slope = -s.hi * FL_FMA(-error, curvature, wrong),
        .curvature = s.hi * s.hi * FL_FMA(-error * curvature, right - wrong, curvature),
    };
}
