/*
 * Contrastive loss of pairs of vectors (Hadsell, Chopra, LeCun 2006). With the distance d = |a - b| and the margin m,
 *
 *   similar 1    value  d^2 / 2               gradient by a  a - b
 *   similar 0    value  max(0, m - d)^2 / 2   gradient by a  -(m - d) (a - b) / d where 0 < d < m; else 0
 *
 * and the negative of it by b; the derivative by m is max(0, m - d) where similar is 0, else 0. Vectors that coincide have no
 * direction: their gradients are 0. Differences are scaled by a power of two where their squares over- or underflow.
 *
 * m - d changes sign: errors are those of a difference of d and m.
 */
#include "engine/statistics.h"

FL_INLINE FL_TERMS FL_FN(contrastive_terms)(FL_T a, FL_T b, const FL_SCALES scale)
{
    /* neither overflows where the other does not */
    const FL_T down = FL_MIN(scale.of[0], FL_C(1)), up = FL_MAX(scale.of[0], FL_C(1));
    const FL_T r = (a * down - b * down) * up;
    return (FL_TERMS){.add = {r * r}, .slope = {{r, -r}}, .size = {FL_ABS(a - b)}};
}

FL_STATISTICS_FORMULA_OF(contrastive, "(d)", (), (a, b), (similar), (margin), 1, 1, 1)
{
    return FL_FN(contrastive_terms)(a, b, scale);
}

FL_ONE_LOOK(contrastive)

FL_OUTCOME_FOR(contrastive, s, (similar), (margin))
{
    const FL_T scale = s.scale.of[0], scaled = FL_SQRT(s.sum[0]), d = scaled / scale;
    const int together = similar > FL_C(0), known = similar == similar;
    const FL_T short_of = FL_C(margin) - d, missing = FL_MAX(FL_C(0), short_of);
    /* the sum itself has a digit more than the square of its root */
    const FL_T square = FL_SELECT(scale == FL_C(1), s.sum[0], d * d);
    const FL_T none = FL_UNLESS_NAN(d, 0);
    const FL_T push = FL_SELECT((s.sum[0] > FL_C(0)) & (short_of > FL_C(0)), -(missing / scaled), none);
    return (FL_OUTCOME){
        .value = FL_C(0.5) * FL_SELECT(together, square, FL_SELECT(known, missing * missing, similar)),
        .by = {FL_SELECT(together, FL_C(1) / scale, FL_SELECT(known, push, similar)), FL_C(0), FL_C(0), FL_C(0), FL_C(0)},
        .divisor = FL_C(1),
        .invalid = FL_INVALID(known & (similar != FL_C(0)) & (similar != FL_C(1))),
    };
}

FL_STATISTICS_FORMULA_OF(contrastive_by_margin, "(d)", (), (a, b), (similar), (margin), 1, 1, 1)
{
    return FL_FN(contrastive_terms)(a, b, scale);
}

FL_ONE_LOOK(contrastive_by_margin)

FL_OUTCOME_FOR(contrastive_by_margin, s, (similar), (margin))
{
    const FL_T d = FL_SQRT(s.sum[0]) / s.scale.of[0];
    const FL_T missing = FL_MAX(FL_C(0), FL_C(margin) - d);
    const int known = similar == similar;
    return (FL_OUTCOME){
        .value = FL_SELECT(known, FL_SELECT(similar > FL_C(0), FL_UNLESS_NAN(d, 0), missing), similar),
        .by = {FL_C(0), FL_C(0), FL_C(0), FL_C(0), FL_C(0)},
        .divisor = FL_C(1),
        .invalid = FL_INVALID(known & (similar != FL_C(0)) & (similar != FL_C(1))),
    };
}
