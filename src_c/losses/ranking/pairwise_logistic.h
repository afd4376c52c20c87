/*
 * Logistic loss of the difference of two scores, of which the first one should be higher (language/preference.h), d = s_pos -
 * s_neg with its error.
 *
 *   value log(1 + exp(-sigma d))      gradients -+ sigma / (1 + exp(sigma d))
 *   hessians sigma^2 / ((1 + exp(sigma d)) (1 + exp(-sigma d)))
 *
 * By sigma: -d / (1 + exp(sigma d)), 0 at d = infinity.
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

FL_PARAMETER_FORMULA(pairwise_logistic_by_sigma, (s_pos, s_neg), (sigma))
{
    const FL_PAIR d = FL_TWO_SUM(s_pos, -s_neg);
    const FL_T wrong_up = FL_PREFERENCE_OF(sigma, d).wrong_up;
    /* neither the large differences overflow nor do the small ones vanish on the way */
    const FL_T value = FL_SELECT(d.hi < FL_C(-1), (-d.hi * FL_DOWN) * wrong_up, (-d.hi * wrong_up) * FL_DOWN);
    return (FL_RESULT){.value = FL_SELECT(wrong_up > FL_C(0), value, wrong_up)};
}
