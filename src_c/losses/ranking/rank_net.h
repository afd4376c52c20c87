/*
 * RankNet (Burges et al. 2005): the cost of a pair whose more relevant item has a score by d higher than the other, the
 * logistic loss of sigma d (language/preference.h). The gradient of an item is the sum of slopes of both signs; its error is
 * relative to the largest of them; so is that of the derivative by sigma, the sum of -d / (1 + exp(sigma d)) over the pairs.
 */
#include "engine/pairs.h"
#include "language/preference.h"

FL_PAIR_FORMULA(rank_net, d, (sigma))
{
    const FL_PREFERENCE t = FL_PREFERENCE_OF(sigma, d);
    return (FL_TARGET){.value = t.value, .slope = t.slope, .curvature = t.curvature};
}

FL_PAIR_FORMULA(rank_net_by_sigma, d, (sigma))
{
    return (FL_TARGET){.value = FL_PREFERENCE_OF(sigma, d).by_sigma, .slope = FL_C(0), .curvature = FL_C(0)};
}
