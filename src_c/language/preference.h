/*
 * What a preferred item costs whose score is by d higher than that of the other one: the logistic loss of x = sigma d.
 *
 *   value      log(1 + exp(-x))        slope  -sigma / (1 + exp(x))        curvature  sigma^2 / ((1 + exp(x)) (1 + exp(-x)))
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
    FL_T value, slope, curvature, wrong_up; /* 1 / (1 + exp(x)), FL_UP times as large */
} FL_FN(fl_preference);

FL_INLINE FL_FN(fl_preference) FL_FN(fl_preference_of)(FL_PAIR s, FL_PAIR d)
{
    const FL_PAIR product = FL_TWO_PRODUCT(s.hi, d.hi);
    const FL_T low = FL_FMA(s.hi, d.lo, FL_FMA(s.lo, d.hi, product.lo));
    const FL_T x = product.hi, error = FL_SELECT(FL_ABS(x) < FL_INFINITY, low, FL_C(0));
    const FL_LOGISTIC t = FL_LOGISTIC_PARTS(x);
    const FL_T near_zero = t.near_zero_up * FL_DOWN;
    const int negative = x < FL_C(0);
    const FL_T wrong = FL_SELECT(negative, t.near_one, near_zero), right = FL_SELECT(negative, near_zero, t.near_one);
    const FL_T wrong_up = FL_SELECT(negative, t.near_one * FL_UP, t.near_zero_up);
    /* wrong times right */
    const FL_T both_up = t.near_zero_up * t.near_one;
    const FL_T slope_up = FL_FMA(-error, both_up, wrong_up);
    const FL_T curvature_up = FL_FMA(-error * both_up, right - wrong, both_up);
    return (FL_FN(fl_preference)){
        .value = FL_SELECT(negative, -x, FL_C(0)) + FL_FMA(-error, wrong, t.log1p_up * FL_DOWN),
        .slope = -s.hi * slope_up * FL_DOWN,
        .curvature = s.hi * s.hi * curvature_up * FL_DOWN,
        .wrong_up = slope_up,
    };
}

#endif
