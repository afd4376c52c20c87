/*
 * Focal loss of the right class (Lin et al. 2017): F(u) = q^gamma l with u = log p, q = 1 - p, l = -u.
 *
 *   r = l / q, which tends to 1 at q = 0
 *   -F' = q^gamma (gamma p r + 1)
 *   F'' = gamma p q^(gamma - 1) ((gamma - 1) p r - l + 2)
 *
 *   by gamma q^gamma l log q, 0 at q = 0
 *
 * q comes from the sum of the other classes, not from 1 - p. The second derivative changes sign where l is large; the largest
 * term is gamma p q^(gamma - 1) (l + 2). At q = 0 it is only used times q^2, whose limit is 0.
 */
#include "engine/rows.h"

/* q, of which there is a logarithm */
FL_INLINE FL_T FL_FN(categorical_focal_base)(FL_T q)
{
    const FL_T smallest = FL_FROM_BITS((FL_U)1);
    return FL_SELECT(q < smallest, smallest, q);
}

FL_TARGET_FORMULA(categorical_focal, t, (gamma))
{
    const FL_PAIR g = FL_EXACT_PARAMETER(gamma);
    const FL_T q = FL_FN(categorical_focal_base)(t.q);
    const FL_T power = FL_SELECT(t.q > FL_C(0), FL_EXP_PRODUCT(FL_C(1), g, FL_LOG_PRECISE(q)), t.q);
    const FL_T r = FL_SELECT(t.q > FL_C(0), t.l / q, FL_UNLESS_NAN(t.q, 1));
    /* p l tends to 0 where p does */
    const FL_T pr = FL_SELECT(t.p > FL_C(0), t.p * r, t.p);
    const FL_T pl = FL_SELECT(t.p > FL_C(0), t.p * t.l, t.p);
    const FL_T bracket = FL_FMA((g.hi - FL_C(1)) * t.p, pr, FL_FMA(FL_C(2), t.p, -pl));
    return (FL_TARGET){
        .value = power * t.l,
        .slope = power * FL_FMA(g.hi, pr, FL_C(1)),
        .curvature = FL_SELECT(t.q > FL_C(0), g.hi * (power / q) * bracket, t.q),
    };
}

FL_TARGET_FORMULA(categorical_focal_by_gamma, t, (gamma))
{
    const FL_PAIR log = FL_LOG_PRECISE(FL_FN(categorical_focal_base)(t.q));
    const FL_T power = FL_EXP_PRODUCT(FL_C(1), FL_EXACT_PARAMETER(gamma), log);
    /* near q = 1 its logarithm is that of 1 - p; where l is infinite, p l tends to 0 */
    const FL_T near_one = FL_LOG1P(-FL_SELECT(t.p < t.q, t.p, FL_C(0))), far = log.hi + log.lo;
    const FL_T log_q = FL_SELECT(t.p < t.q, near_one, far);
    const FL_T change = FL_SELECT(t.p > FL_C(0), power * (t.l * log_q), FL_UNLESS_NAN(t.p, 0));
    return (FL_TARGET){
        .value = FL_SELECT(t.q > FL_C(0), change, FL_UNLESS_NAN(t.q, 0)),
        .slope = FL_C(0),
        .curvature = FL_C(0),
    };
}
