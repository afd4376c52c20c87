/*
 * Margin of two scores: the first one should be higher than the other by m, or, with a target of -1, the other than the first.
 * d = s_neg - s_pos with its error, which m may cancel.
 *
 *   value max(0, m + t d)      gradients -+ t for m + t d > 0, 0 from the kink on      hessians 0
 *   by margin 1 for m + t d > 0, else 0
 */
#include "engine/element.h"
#include "engine/margins.h"

#define FL_MARGIN_OF_SCORES(t, s_pos, s_neg, margin)                                                                           \
    const FL_PAIR d = FL_TWO_SUM(s_neg, -(s_pos));                                                                             \
    const FL_T m = FL_HINGE(FL_EXACT_PARAMETER(margin), ((FL_PAIR){(t)*d.hi, (t)*d.lo}));                                      \
    const FL_T flat = FL_UNLESS_NAN(m, 0);                                                                                     \
    const FL_T slope = FL_SELECT(m > FL_C(0), (t), flat), falling = FL_SELECT(m > FL_C(0), -(t), flat);

FL_FORMULA(margin_ranking, (), (s_pos, s_neg), (margin))
{
    FL_MARGIN_OF_SCORES(FL_C(1), s_pos, s_neg, margin)
    return (FL_RESULT){.value = m, .gradient = {falling, slope}, .hessian = {flat, flat}};
}

FL_FORMULA(margin_ranking_of_targets, (target), (s_pos, s_neg), (margin))
{
    FL_MARGIN_OF_SCORES(target, s_pos, s_neg, margin)
    return (FL_RESULT){
        .value = m,
        .gradient = {falling, slope},
        .hessian = {flat, flat},
        .invalid = FL_INVALID((FL_ABS(target) < FL_C(1)) | (FL_ABS(target) > FL_C(1))),
    };
}

FL_VALUE_FORMULA(margin_ranking_by_margin, (), (s_pos, s_neg), (margin))
{
    FL_MARGIN_OF_SCORES(FL_C(1), s_pos, s_neg, margin)
    (void)falling;
    return (FL_RESULT){.value = slope};
}

FL_VALUE_FORMULA(margin_ranking_of_targets_by_margin, (target), (s_pos, s_neg), (margin))
{
    FL_MARGIN_OF_SCORES(target, s_pos, s_neg, margin)
    (void)falling, (void)slope;
    return (FL_RESULT){
        .value = FL_SIGN(m),
        .invalid = FL_INVALID((FL_ABS(target) < FL_C(1)) | (FL_ABS(target) > FL_C(1))),
    };
}
