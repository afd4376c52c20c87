/*
 * Generalised cross-entropy (Zhang and Sabuncu 2018): F(u) = (1 - e^(q u)) / q with u = log p, 0 < q <= 1.
 *
 *   F' = -p^q    F'' = -q p^q
 *
 * The product q u is carried with its error, which the exponential would blow up.
 */
#include "engine/rows.h"

FL_TARGET_FORMULA(generalized_cross_entropy, t, (q))
{
    const FL_PAIR exponent = FL_EXACT_PARAMETER(q);
    const FL_PAIR x = FL_TWO_PRODUCT(-exponent.hi, t.l);
    const FL_T low = FL_FMA(-exponent.hi, t.l_low, FL_FMA(-exponent.lo, t.l, x.lo));
    const FL_T finite_low = FL_SELECT(x.hi > -FL_INFINITY, low, FL_C(0));
    const FL_T power = FL_EXP_TIMES(FL_C(1), x.hi, finite_low);
    return (FL_TARGET){
        .value = -FL_EXPM1_PAIR(x.hi, finite_low).hi / exponent.hi,
        .slope = power,
        .curvature = -exponent.hi * power,
    };
}
