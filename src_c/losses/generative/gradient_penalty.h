/*
 * Penalty on gradients whose norm N is not the target t (Gulrajani et al. 2017). g a number of the gradient of a sample,
 *
 *   value      w (N - t)^2           N = sqrt(sum of g^2)
 *   gradient   2 w (1 - t / N) g     0 for a gradient of zeros, which has no direction
 *
 *   by target  -2 w (N - t)
 *
 * One-sided, all are 0 up to N = t. N - t changes sign: errors are those of a difference of N and t.
 *
 * There are three sums, of the squares of g of usual size, and of those of smaller and of larger ones times a power of two, so
 * that gradients of any length can be added up in parts. What is usual leaves room for the sum, and for the errors of it that
 * short gradients have; beside usual squares, smaller ones are not too small to be added as they are.
 */
#include "engine/statistics.h"

#define FL_PENALTY_SMALL FL_C(FL_BITS == 32 ? 0x1p-50 : 0x1p-400)
#define FL_PENALTY_LARGE FL_C(FL_BITS == 32 ? 0x1p55 : 0x1p480)
#define FL_PENALTY_UP(precision) FL_C((precision) == FL_F32 ? 0x1p90 : 0x1p700)
#define FL_PENALTY_DOWN(precision) FL_C((precision) == FL_F32 ? 0x1p-74 : 0x1p-560)

FL_INLINE FL_TERMS FL_FN(penalty_terms)(FL_T gradients)
{
    const FL_T size = FL_ABS(gradients);
    const FL_T up = gradients * FL_PENALTY_UP(FL_PRECISION), down = gradients * FL_PENALTY_DOWN(FL_PRECISION);
    const FL_T square = gradients * gradients;
    const int small = size < FL_PENALTY_SMALL, large = size >= FL_PENALTY_LARGE;
    return (FL_TERMS){
        .add = {FL_SELECT(small | large, FL_C(0), square), FL_SELECT(small, up * up, FL_C(0)),
                FL_SELECT(large, down * down, FL_C(0))},
        .few = {square},
        .slope = {{gradients}},
        /* not a zero */
        .unusual = FL_SELECT(small | large, (FL_I)FL_TO_BITS(size), (FL_I)0),
    };
}

FL_STATISTICS_FORMULA(gradient_penalty, "(m...)", (), (gradients), (target, weight, one_sided), 3, 1, 0)
{
    return FL_FN(penalty_terms)(gradients);
}

FL_STATISTICS_FORMULA(gradient_penalty_by_target, "(m...)", (), (gradients), (target, weight, one_sided), 3, 1, 0)
{
    return FL_FN(penalty_terms)(gradients);
}

/* A norm and the target, both times a power of two. */
typedef struct {
    FL_T root, target, scale;
} FL_FN(penalty_norm);

FL_INLINE FL_FN(penalty_norm) FL_FN(penalty_norm_of)(const FL_FN(fl_statistic_sums) s, double target)
{
    const FL_T up = FL_PENALTY_UP(s.precision), down = FL_PENALTY_DOWN(s.precision);
    const FL_T usual = s.sum[0], small = s.sum[1], large = s.sum[2];
    const FL_T scale = FL_SELECT(large > FL_C(0), down, FL_SELECT(usual > FL_C(0), FL_C(1), up));
    const FL_T rest = FL_SELECT(large > FL_C(0), large, FL_SELECT(usual > FL_C(0), (small / up) / up, small));
    return (FL_FN(penalty_norm)){FL_SQRT(FL_FMA(usual * scale, scale, rest)), FL_C(target) * scale, scale};
}

FL_OUTCOME_OF(gradient_penalty, s, (target, weight, one_sided))
{
    const FL_FN(penalty_norm) norm = FL_FN(penalty_norm_of)(s, target);
    const FL_T root = norm.root, t = norm.target, scale = norm.scale;
    const FL_T none = FL_UNLESS_NAN(root, 0);
    /* norms below the target: the direction is found last, when the norm may be that small */
    const int below = root < t, flat = (FL_C(one_sided) > FL_C(0)) & (root <= t);
    const FL_T over = FL_SELECT(flat, FL_C(0), root - t) / scale;
    const FL_T by = FL_C(2.0 * weight) * FL_SELECT(below, root - t, FL_C(1) - t / root);
    return (FL_OUTCOME){
        .value = (FL_C(weight) * over) * over,
        .by = {FL_SELECT(flat | !(root > FL_C(0)), none, by)},
        .divisor = FL_SELECT(below & (root > FL_C(0)), root, FL_C(1)),
    };
}

FL_OUTCOME_OF(gradient_penalty_by_target, s, (target, weight, one_sided))
{
    const FL_FN(penalty_norm) norm = FL_FN(penalty_norm_of)(s, target);
    const int flat = (FL_C(one_sided) > FL_C(0)) & (norm.root <= norm.target);
    const FL_T over = FL_SELECT(flat, FL_C(0), norm.root - norm.target) / norm.scale;
    return (FL_OUTCOME){
        .value = FL_C(-2.0 * weight) * over,
        .by = {FL_UNLESS_NAN(norm.root, 0)},
        .divisor = FL_C(1),
    };
}
