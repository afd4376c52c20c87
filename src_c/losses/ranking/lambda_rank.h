/*
 * LambdaRank (Burges, Ragno, Le 2006): the value of a group is 1 - NDCG@k; what is called its gradient and Hessian are those of
 * RankNet's pairs (language/preference.h), each multiplied by how much NDCG would change if its two items changed places. They
 * are not the derivatives of the value, which is constant between ties.
 *
 * engine/pairs.h says what gains and discounts are. The gradient of an item is a sum of slopes of both signs; its error is
 * relative to the largest of them. That of the value is relative to 1.
 */
#include "engine/pairs.h"
#include "language/preference.h"

FL_NDCG_FORMULA(lambda_rank, d, (sigma, k, exponential, normalised))
{
    const FL_PREFERENCE t = FL_PREFERENCE_OF(sigma, d);
    return (FL_TARGET){.value = FL_C(0), .slope = t.slope, .curvature = t.curvature};
}
