/*
 * Loss of pairs of vectors that are to point in one direction, or not to: torch's. With the cosine c of the vectors a and b, in
 * the forms of cosine.h, and the margin m,
 *
 *   target  1    value  1 - c             gradients  c a / |a|^2 - b / (|a| |b|), and the other way round
 *   target -1    value  max(0, c - m)     gradients  the negative of these where c > m; else 0
 *
 *   by m        0 for 1; for -1, -1 where c > m, else 0
 *
 * The value for -1 and the components of the gradients change sign; their errors are relative to the largest term.
 */
#include "language/cosine.h"

FL_STATISTICS_FORMULA_OF(cosine_embedding, "(d)", (), (a, b), (target), (margin), 5, 2, 3)
{
    return FL_COSINE_TERMS(a, b, scale);
}

FL_LOOK_AGAIN(cosine_embedding, s, (target), (margin))
{
    return FL_SELECT(target > FL_C(0), FL_RATIO_IF_PARALLEL(s), FL_C(0));
}

FL_OUTCOME_FOR(cosine_embedding, s, (target), (margin))
{
    const FL_VECTOR_ANGLE angle = FL_VECTOR_ANGLE_OF(s);
    const int together = target > FL_C(0), known = target == target;
    const FL_T beyond = angle.cosine - FL_C(margin);
    const int active = beyond > FL_C(0);
    const FL_T none = FL_SELECT(known, FL_UNLESS_NAN(beyond, 0), target);
    const FL_T apart = FL_SELECT(known, FL_MAX(FL_C(0), beyond), target);
    return (FL_OUTCOME){
        .value = FL_SELECT(together, angle.distance, apart),
        .by = {FL_SELECT(together, angle.rise[0], FL_SELECT(active & known, angle.fall[0], none)),
               FL_SELECT(together, angle.rise[1], FL_SELECT(active & known, angle.fall[1], none)),
               FL_SELECT(together, angle.rise[2], FL_SELECT(active & known, angle.fall[2], none)),
               FL_SELECT(together, angle.rise[3], FL_C(0)), FL_SELECT(together, angle.rise[4], FL_C(0))},
        .divisor = FL_C(1),
        .invalid = FL_INVALID(known & (FL_ABS(target) != FL_C(1))),
    };
}

FL_STATISTICS_FORMULA_OF(cosine_embedding_by_margin, "(d)", (), (a, b), (target), (margin), 3, 2, 3)
{
    return FL_COSINE_TERMS(a, b, scale);
}

FL_ONE_LOOK(cosine_embedding_by_margin)

FL_OUTCOME_FOR(cosine_embedding_by_margin, s, (target), (margin))
{
    const FL_T beyond = FL_COSINE_OF(s) - FL_C(margin);
    const int known = target == target, together = target > FL_C(0);
    const FL_T none = FL_UNLESS_NAN(beyond, 0);
    return (FL_OUTCOME){
        .value = FL_SELECT(known, FL_SELECT((beyond > FL_C(0)) & !together, FL_C(-1), none), target),
        .by = {FL_C(0), FL_C(0), FL_C(0), FL_C(0), FL_C(0)},
        .divisor = FL_C(1),
        .invalid = FL_INVALID(known & (FL_ABS(target) != FL_C(1))),
    };
}
