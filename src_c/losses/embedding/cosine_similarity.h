/*
 * One minus the cosine of the angle of two vectors, in the forms of cosine.h.
 *
 *   value       1 - a b / (|a| |b|)
 *   gradients   c a / |a|^2 - b / (|a| |b|), and the other way round
 *
 * The components of a gradient change sign; their errors are relative to the larger term.
 */
#include "language/cosine.h"

FL_STATISTICS_FORMULA_OF(cosine_similarity, "(d)", (), (a, b), (), (), 5, 2, 3)
{
    return FL_COSINE_TERMS(a, b, scale);
}

FL_LOOK_AGAIN(cosine_similarity, s, (), ())
{
    return FL_RATIO_IF_PARALLEL(s);
}

FL_OUTCOME_FOR(cosine_similarity, s, (), ())
{
    const FL_VECTOR_ANGLE angle = FL_VECTOR_ANGLE_OF(s);
    return (FL_OUTCOME){
        .value = angle.distance,
        .by = {angle.rise[0], angle.rise[1], angle.rise[2], angle.rise[3], angle.rise[4]},
        .divisor = FL_C(1),
        .invalid = 0,
    };
}
