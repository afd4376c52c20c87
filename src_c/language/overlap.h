/*
 * What losses of masks have in common. With labels y and predicted probabilities p, T the count of what is right and N the
 * weighted count of what is wrong,
 *
 *   N = sum of  a p (1 - y) + b (1 - p) y        T = sum of  h p y
 *
 * the loss is  1 - (T + s) / (N + T + s) = N / (N + T + s), whose terms are all of one sign: nothing cancels. The two
 * derivatives, by N and by T, are  (T + s) / D^2  and  -N / D^2  with  D = N + T + s.  Where D is 0, both masks are empty: the
 * loss and its derivatives are 0.
 *
 *   FL_MASK_FORMULA(jaccard, y, p, (smooth))
 *   {   what the label and the prediction of a pixel, p.p = 1 - p.q, add to N and T
 *       return FL_OVERLAP_TERMS(y, p, FL_C(1), FL_C(1), FL_C(1));    a, b, h
 *   }
 *   FL_MASK_OUTCOME(jaccard, s, (smooth))
 *   {   what the sums N and T amount to
 *       return FL_OVERLAP(s.sum[0], s.sum[1], FL_C(smooth));
 *   }
 *
 * makes the kernels jaccard, of probabilities, and jaccard_from_logits. Derivatives by parameters are outcomes of the same
 * terms. s acts as T does. The third term is what is wrong of the predictions, the fourth what is missing, the derivatives of N
 * by a and b:
 *
 *   FL_MASK_FORMULA_BY(tversky_by_smooth, tversky, (alpha, beta, smooth), 2, 1, FL_C(1))    of so many terms: the derivative by
 *   FL_MASK_FORMULA_BY(tversky_by_beta, tversky, (alpha, beta, smooth), 4, 0, sums.sum[3])  N or T, sum 0 or 1, times a factor
 */
#ifndef FL_OVERLAP_H
#define FL_OVERLAP_H

#include "engine/statistics.h"
#include "language/labels.h"

#define FL_PREDICTED FL_FN(fl_predicted)
#define FL_OVERLAP_TERMS(y, p, a, b, hit) FL_FN(fl_overlap_terms)(y, p, a, b, hit)
#define FL_OVERLAP(wrong, hit, smooth) FL_FN(fl_overlap)(wrong, hit, smooth)

#define FL_PASS(extra, i, name) , name
#define FL_MASK_FORMULA(name, y, p, parameters)                                                                                \
    FL_INLINE FL_TERMS FL_FN(name##_terms)(const FL_T y, const FL_PREDICTED p FL_EACH(FL_PARAMETER, , parameters));            \
    FL_MASK_FORMULA_OF(name, name, parameters, 2)                                                                              \
    FL_INLINE FL_TERMS FL_FN(name##_terms)(const FL_T y, const FL_PREDICTED p FL_EACH(FL_PARAMETER, , parameters))

/* Other outcomes of the terms of another formula, of which `count` are added up. */
#define FL_MASK_FORMULA_OF(name, of, parameters, count)                                                                        \
    FL_STATISTICS_FORMULA(name, "(m...)", (y_true), (y_pred), parameters, count, count, 0)                                     \
    {                                                                                                                          \
        FL_TERMS t = FL_FN(of##_terms)(y_true, FL_FN(fl_of_probability)(y_pred) FL_EACH(FL_PASS, , parameters));               \
        t.invalid = FL_OUTSIDE_UNIT(y_true) | FL_OUTSIDE_UNIT(y_pred);                                                         \
        return t;                                                                                                              \
    }                                                                                                                          \
    FL_STATISTICS_FORMULA_FROM(name##_from_logits, "(m...)", (y_true), (y_pred), parameters, count, count, 0,                  \
                               FL_FN(fl_signed_side))                                                                          \
    {                                                                                                                          \
        FL_TERMS t = FL_FN(of##_terms)(y_true, FL_FN(fl_of_signed_side)(y_pred) FL_EACH(FL_PASS, , parameters));               \
        t.invalid = FL_OUTSIDE_UNIT(y_true);                                                                                   \
        return t;                                                                                                              \
    }

#define FL_MASK_OUTCOME(name, s, parameters)                                                                                   \
    FL_INLINE FL_OUTCOME FL_FN(name##_amounts_to)(const FL_FN(fl_statistic_sums) s FL_EACH(FL_PARAMETER, , parameters));       \
    FL_OUTCOME_OF(name, sums, parameters)                                                                                      \
    {                                                                                                                          \
        return FL_FN(name##_amounts_to)(sums FL_EACH(FL_PASS, , parameters));                                                  \
    }                                                                                                                          \
    FL_OUTCOME_OF(name##_from_logits, sums, parameters)                                                                        \
    {                                                                                                                          \
        return FL_FN(name##_amounts_to)(sums FL_EACH(FL_PASS, , parameters));                                                  \
    }                                                                                                                          \
    FL_INLINE FL_OUTCOME FL_FN(name##_amounts_to)(const FL_FN(fl_statistic_sums) s FL_EACH(FL_PARAMETER, , parameters))

#define FL_MASK_FORMULA_BY(name, of, parameters, count, k, growth)                                                             \
    FL_MASK_FORMULA_OF(name, of, parameters, count)                                                                            \
    FL_MASK_OUTCOME(name, sums, parameters)                                                                                    \
    {                                                                                                                          \
        return FL_FN(fl_overlap_by)(FL_FN(of##_amounts_to)(sums FL_EACH(FL_PASS, , parameters)), k, growth);                   \
    }

#define FL_TEMPLATE "language/overlap.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* A predicted probability, one minus it, and its derivative by the prediction. */
typedef struct {
    FL_T p, q, slope;
} FL_FN(fl_predicted);

FL_INLINE FL_FN(fl_predicted) FL_FN(fl_of_probability)(FL_T p)
{
    return (FL_FN(fl_predicted)){p, FL_C(1) - p, FL_C(1)};
}

/*
 * The smaller one of p and 1 - p, with the sign of the logit: e / (1 + e) for e = exp(-|z|), with the remainder of the
 * division. It says everything, and is computed once.
 */
FL_INLINE FL_T FL_FN(fl_signed_side)(FL_T z)
{
    const FL_T e = FL_FN(fl_raised_exp)(-FL_ABS(z), FL_C(0));
    const FL_PAIR sum = FL_FAST_TWO_SUM(FL_C(1), e / FL_RAISED_ONE);
    const FL_T quotient = e / sum.hi;
    const FL_T remainder = FL_FMA(-quotient, sum.lo, FL_FMA(-quotient, sum.hi, e));
    /* one minus the quotient is close to the inverse of the sum */
    const FL_T smaller = FL_FMA(remainder, FL_C(1) - quotient / FL_RAISED_ONE, quotient) / FL_RAISED_ONE;
    return FL_WITH_SIGN_OF(z, smaller);
}

FL_INLINE FL_FN(fl_predicted) FL_FN(fl_of_signed_side)(FL_T side)
{
    const FL_T smaller = FL_ABS(side), larger = FL_C(1) - smaller;
    const FL_U negative = FL_UNIFORM(FL_TO_BITS(side) >> (FL_BITS - 1));
    return (FL_FN(fl_predicted)){FL_PICK(negative, smaller, larger), FL_PICK(negative, larger, smaller), smaller * larger};
}

FL_INLINE FL_TERMS FL_FN(fl_overlap_terms)(FL_T y, const FL_FN(fl_predicted) p, FL_T a, FL_T b, FL_T hit)
{
    const FL_T rest = FL_C(1) - y;
    return (FL_TERMS){
        .add = {FL_FMA(a * p.p, rest, b * (p.q * y)), hit * p.p * y, p.p * rest, p.q * y},
        .slope = {{FL_FMA(a, rest, -(b * y)) * p.slope}, {hit * y * p.slope}},
    };
}

FL_INLINE FL_OUTCOME FL_FN(fl_overlap)(FL_T wrong, FL_T hit, FL_T smooth)
{
    const FL_T right = hit + smooth, all = wrong + right;
    const int empty = all == FL_C(0);
    return (FL_OUTCOME){
        .value = FL_SELECT(empty, FL_C(0), wrong / all),
        .by = {FL_SELECT(empty, FL_C(0), right / all), FL_SELECT(empty, FL_C(0), -(wrong / all))},
        .divisor = FL_SELECT(empty, FL_C(1), all),
    };
}

/* The derivative by one of the sums, multiplied by how fast that grows. */
FL_INLINE FL_OUTCOME FL_FN(fl_overlap_by)(const FL_OUTCOME t, int k, FL_T growth)
{
    return (FL_OUTCOME){.value = t.by[k] * growth / t.divisor, .divisor = FL_C(1)};
}

#endif
