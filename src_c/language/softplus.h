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
    const FL_LOGISTIC t = FL_LOGISTIC_OF(x);
    const FL_T inverse = FL_C(1) / t.sum;
    const FL_T near_zero = t.over * inverse, near_one = t.under * inverse;
    return (FL_FN(fl_softplus_result)){
        .value = FL_FMA(t.log1p_raised, FL_LOWERED, FL_MAX(FL_C(0), x)),
        .slope = FL_SELECT(x < FL_C(0), near_zero, near_one),
        .curvature = near_one * near_zero,
    };
}

#endif
