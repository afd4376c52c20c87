/*
 * RankNet (Burges et al. 2005): the cost of a pair whose more relevant item has a score by d higher than the other, the
 * logistic loss of sigma d (language/preference.h). The gradient of an item is the sum of slopes of both signs; its error is
 * relative to the largest of them.
 */
#include "engine/pairs.h"
#include "language/preference.h"

FL_PAIR_FORMULA(rank_net, d, (sigma))
{
    const FL_PREFERENCE t = FL_PREFERENCE_OF(sigma, d);
    return (FL_TARGET){.value = t.value, .slope = t.slope, .curvature = t.curvature};
}
