/*
 * Poly-1 cross-entropy (Leng et al. 2022): F(u) = -u + epsilon (1 - e^u) with u = log p.
 *
 *   F' = -(1 + epsilon p)    F'' = -epsilon p
 *
 *   by epsilon  1 - e^u
 *
 * epsilon may be negative; then the terms cancel where they are equal: error below 4 eps of the larger one.
 */
#include "engine/rows.h"

FL_TARGET_FORMULA(poly_cross_entropy, t, (epsilon))
{
    const FL_T e = FL_C(epsilon);
    return (FL_TARGET){
        .value = FL_FMA(e, t.q, t.l),
        .slope = FL_FMA(e, t.p, FL_C(1)),
        .curvature = -e * t.p,
    };
}

FL_TARGET_FORMULA(poly_cross_entropy_by_epsilon, t, (epsilon))
{
    return (FL_TARGET){.value = t.q, .slope = FL_C(0), .curvature = FL_C(0)};
}
