/*
 * Penalty on parameters t (Zou and Hastie 2005), by the strengths of its two parts. a = |t|.
 *
 *   value    l1 a + l2 t^2 / 2 = a (l1 + l2 a / 2)
 *   gradient sign(t) (l1 + l2 a), 0 at the kink t = 0
 *   hessian  l2
 *
 * All terms have one sign. What has strength 0 is not there: it makes no NaN of an infinite t. The kernel of l1_penalty, where
 * l2 = 0, and of l2_penalty, where l1 = 0, too.
 */
#include "engine/element.h"

FL_LIGHT_FORMULA(elastic_net, (), (parameters), (l1, l2))
{
    const FL_T first = FL_C(l1);
    const FL_T second = FL_C(l2);
    const FL_T a = FL_ABS(parameters);
    /* what is not there is a = 0; NaN stays */
    const FL_T inner = FL_MIN(FL_PICK(FL_UNIFORM(second == FL_C(0)), FL_C(0), FL_INFINITY), a);
    const FL_T outer = FL_MIN(FL_PICK(FL_UNIFORM(first + second == FL_C(0)), FL_C(0), FL_INFINITY), a);
    return (FL_RESULT){
        .value = FL_FMA(FL_C(0.5) * second, inner, first) * outer,
        .gradient = {FL_SELECT(a == FL_C(0), parameters, FL_TIMES_SIGN_OF(parameters, FL_FMA(second, inner, first)))},
        .hessian = {FL_UNLESS_NAN(a, second)},
    };
}
