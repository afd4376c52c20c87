/*
 * Generalised cross-entropy (Zhang and Sabuncu 2018): F(u) = (1 - e^(q u)) / q with u = log p, 0 < q <= 1.
 *
 *   F' = -p^q    F'' = -q p^q
 *
 * By q, with x = q u: (e^x (1 - x) - 1) / q^2 = ((e^x - 1 - x) - x (e^x - 1)) / q^2, where the former is better far from 0. Its
 * error is relative to min(1, x^2) / q^2, which is at most four times as large.
 *
 * The product q u is carried with its error, which the exponential would blow up.
 */
#include "engine/rows.h"

FL_FINE_TARGET_FORMULA(generalized_cross_entropy, t, (q))
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

FL_FINE_TARGET_FORMULA(generalized_cross_entropy_by_q, t, (q))
{
    const FL_T exponent = FL_C(q), x = -exponent * (t.l + t.l_low);
    const FL_T power = FL_EXPM1(x);
    const FL_T near = FL_EXPM1_MINUS_X(x) - x * power;
    /* 1 + power times x tends to 0 where that is infinite */
    const FL_T rest = FL_SELECT(x > -FL_INFINITY, FL_EXP(x) * x, FL_UNLESS_NAN(x, 0));
    const FL_T change = FL_SELECT(x > FL_C(-1), near, power - rest);
    return (FL_TARGET){.value = change / exponent / exponent, .slope = FL_C(0), .curvature = FL_C(0)};
}
