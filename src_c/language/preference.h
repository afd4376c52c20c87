/*
 * What a preferred item costs whose score is by d higher than that of the other one: the logistic loss of x = sigma d.
 *
 *   value      log(1 + exp(-x))        slope  -sigma / (1 + exp(x))        curvature  sigma^2 / ((1 + exp(x)) (1 + exp(-x)))
 *
 *   by sigma   -d / (1 + exp(x))
 *
 * x is carried with its error, which the exponential would blow up: what it changes is added to first order. What vanishes is
 * multiplied by sigma before it may become subnormal.
 */
#ifndef FL_PREFERENCE_H
#define FL_PREFERENCE_H

#include "language/vmath.h"

#define FL_PREFERENCE FL_FN(fl_preference)
#define FL_PREFERENCE_OF(sigma, d) FL_FN(fl_preference_of)(FL_EXACT_PARAMETER(sigma), d)

#define FL_TEMPLATE "language/preference.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T value, slope, curvature, by_sigma;
} FL_FN(fl_preference);

FL_INLINE FL_FN(fl_preference) FL_FN(fl_preference_of)(FL_PAIR s, FL_PAIR d)
{
    const FL_PAIR product = FL_TWO_PRODUCT(s.hi, d.hi);
    const FL_T low = FL_FMA(s.hi, d.lo, FL_FMA(s.lo, d.hi, product.lo));
    const FL_T x = product.hi, error = FL_SELECT(FL_ABS(x) < FL_INFINITY, low, FL_C(0));
    const FL_LOGISTIC_PARTS t = FL_LOGISTIC_PARTS_OF(x);
    const FL_T near_zero_raised = t.e_raised * t.near_one;
    const int negative = x < FL_C(0);
    const FL_T wrong = FL_SELECT(negative, t.near_one, t.near_zero), right = FL_SELECT(negative, t.near_zero, t.near_one);
    const FL_T wrong_raised = FL_SELECT(negative, t.near_one * FL_RAISED_ONE, near_zero_raised);
    /* wrong times right */
    const FL_T both_raised = near_zero_raised * t.near_one;
    const FL_T curvature_raised = FL_FMA(-error * both_raised, right - wrong, both_raised);
    const FL_T share_raised = FL_FMA(-error, both_raised, wrong_raised);
    /* neither overflows nor becomes subnormal on the way; what is infinitely right costs nothing at any sigma */
    const FL_T change =
        FL_SELECT(FL_ABS(d.hi) > FL_C(1), (d.hi * FL_LOWERED) * share_raised, (d.hi * share_raised) * FL_LOWERED);
    return (FL_FN(fl_preference)){
        .value = FL_SELECT(negative, -x, FL_C(0)) + FL_FMA(-error, wrong, t.log1p_raised * FL_LOWERED),
        .slope = -s.hi * share_raised * FL_LOWERED,
        .curvature = s.hi * s.hi * curvature_raised * FL_LOWERED,
        .by_sigma = FL_SELECT(d.hi == FL_INFINITY, FL_C(0), -change),
    };
}

#endif
