/*
 * Logistic loss of the difference of two scores, of which the first one should be higher (language/preference.h), d = s_pos -
 * s_neg with its error.
 *
 *   value log(1 + exp(-sigma d))      gradients -+ sigma / (1 + exp(sigma d))
 *   hessians sigma^2 / ((1 + exp(sigma d)) (1 + exp(-sigma d)))
 *   by sigma -d / (1 + exp(sigma d))
 */
#include "engine/element.h"
#include "language/preference.h"

FL_FORMULA(pairwise_logistic, (), (s_pos, s_neg), (sigma))
{
    const FL_PREFERENCE t = FL_PREFERENCE_OF(sigma, FL_TWO_SUM(s_pos, -s_neg));
    return (FL_RESULT){
        .value = t.value,
        .gradient = {t.slope, -t.slope},
        .hessian = {t.curvature, t.curvature},
    };
}

FL_VALUE_FORMULA(pairwise_logistic_by_sigma, (), (s_pos, s_neg), (sigma))
{
    return (FL_RESULT){.value = FL_PREFERENCE_OF(sigma, FL_TWO_SUM(s_pos, -s_neg)).by_sigma};
}
