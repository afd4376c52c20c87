/*
 * softplus(x) = log(1 + exp(x)) with its derivatives: what the losses of one logit are made of.
 *
 *   value max(0, x) + log1p(exp(-|x|))      slope sig(x)      curvature sig(x) sig(-x)
 */
#ifndef FL_SOFTPLUS_H
#define FL_SOFTPLUS_H

#include "language/vmath.h"

#define FL_SOFTPLUS_RESULT FL_FN(fl_softplus_result)
#define FL_SOFTPLUS_OF(x) FL_FN(fl_softplus_of)(x)

#define FL_TEMPLATE "language/softplus.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T value, slope, curvature;
} FL_FN(fl_softplus_result);

FL_INLINE FL_FN(fl_softplus_result) FL_FN(fl_softplus_of)(FL_T x)
{
    const FL_LOGISTIC t = FL_LOGISTIC_PARTS(x);
    const FL_T near_zero = t.near_zero_up * FL_DOWN;
    return (FL_FN(fl_softplus_result)){
        .value = FL_MAX(FL_C(0), x) + t.log1p_up * FL_DOWN,
        .slope = FL_SELECT(x < FL_C(0), near_zero, t.near_one),
        .curvature = t.near_one * near_zero,
    };
}

#endif
