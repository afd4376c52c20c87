/*
 * Binary cross-entropy. P = positive y', N = negative (1 - y') are the weighted shares of the two labels, y' = y (1 - s) + s /
 * 2 the label after smoothing; y in [0, 1].
 *
 *   from a logit z           value P softplus(-z) + N softplus(z)       gradient N sig(z) - P sig(-z)
 *                            hessian (P + N) sig(z) sig(-z)
 *   from a probability p     value -P log p - N log(1 - p)              gradient N / (1 - p) - P / p
 *                            hessian P / p^2 + N / (1 - p)^2
 *
 * From logits, with a = |z| and e = exp(-a), the value is (N or P, whichever is wrong at this z) a + (P + N) log1p(e): two
 * terms that are not negative. A share of 0 switches its term off, also at infinite logits. Nothing is taken from 1: for labels
 * of 0 and 1 every digit of the gradient is right at any z.
 *
 * From probabilities, everything is said of m = min(p, 1 - p), which is exact: m < eps is replaced by eps and has no
 * derivatives, which means the same for every precision (1 - eps may not be a number of it). Where eps is 0, the value is
 * infinite if a label is impossible.
 *
 * Most labels are 0 or 1: then one logarithm is enough.
 *
 * The gradient changes sign if both shares are positive; its error is relative to the larger term.
 *
 * By the weight w = pos_weight of the label 1: the value of the shares y' and 0. By the smoothing: the value of the shares w
 * (1/2 - y) and y - 1/2; it changes sign, but for w = 1, where it is (y - 1/2) z, and its error is relative to the larger term.
 */
#include "engine/element.h"
#include "language/labels.h"

/* The value from the logit z with the parts t. */
FL_INLINE FL_T FL_FN(cross_entropy_of_logit)(FL_SHARES share, FL_T z, FL_LOGISTIC_PARTS t)
{
    const FL_T linear = FL_SELECT(share.wrong == FL_C(0), share.wrong, share.wrong * FL_ABS(z));
    return FL_FMA(share.both * FL_LOG1P_RAISED_PRECISELY(t.e_raised, t.e), FL_LOWERED, linear);
}

/* The value from a probability, or its complement, m <= 1/2. */
FL_INLINE FL_T FL_FN(cross_entropy_of_probability)(FL_SHARES share, FL_T m)
{
    const FL_T log = FL_SELECT(m == FL_C(0), -FL_INFINITY, FL_LOG_OF_POSITIVE(m));
    const FL_T wrong = FL_SELECT(share.wrong == FL_C(0), share.wrong, -share.wrong * log);
    return wrong - share.right * FL_LOG_OF_SUM(FL_C(1), -m);
}

/* min(p, 1 - p), clipped to eps */
FL_INLINE FL_T FL_FN(clipped_to)(FL_T p, double eps)
{
    const FL_T near_zero = FL_SELECT(p > FL_C(0.5), FL_C(1) - p, FL_ABS(p));
    return FL_SELECT(near_zero < FL_C(eps), FL_C(eps), near_zero);
}

FL_FORMULA(binary_cross_entropy_logits, (y_true), (y_pred), ())
{
    const FL_T wrong = FL_SELECT(FL_IS_NEGATIVE(y_pred), y_true, FL_C(1) - y_true);
    const FL_LOGISTIC t = FL_LOGISTIC_OF(y_pred);
    const FL_T linear = FL_SELECT(wrong == FL_C(0), wrong, wrong * FL_ABS(y_pred));
    const FL_T inverse = FL_C(1) / t.sum;
    /* wrong under - right over, where right is 1 - wrong */
    const FL_T slope = FL_FMA(wrong, t.sum, -t.over) * inverse;
    return (FL_RESULT){
        .value = FL_FMA(t.log1p_raised, FL_LOWERED, linear),
        .gradient = {FL_TIMES_SIGN_OF(y_pred, slope)},
        .hessian = {FL_UNLESS_NAN(y_true, 1) * ((t.under * inverse) * (t.over * inverse))},
        .invalid = FL_OUTSIDE_UNIT(y_true),
    };
}

FL_FORMULA(binary_cross_entropy_logits_weighted, (y_true), (y_pred), (label_smoothing, positive, negative))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, y_pred >= FL_C(0), label_smoothing, positive, negative);
    const FL_LOGISTIC_PARTS t = FL_LOGISTIC_PARTS_OF(y_pred);
    const FL_T right_raised = (share.right * t.e_raised) * t.near_one;
    const FL_T slope = FL_FMA(share.wrong, t.near_one, -(right_raised * FL_LOWERED));
    return (FL_RESULT){
        .value = FL_FN(cross_entropy_of_logit)(share, y_pred, t),
        .gradient = {FL_WITH_SIGN_OF(y_pred, slope)},
        .hessian = {(((share.both * t.near_one) * t.near_one) * t.e_raised) * FL_LOWERED},
        .invalid = FL_OUTSIDE_UNIT(y_true),
    };
}

/* Labels that are 0 or 1, of which one has no share; and nothing that is so improbable that it might have no logarithm. */
FL_INLINE int FL_FN(has_one_label)(FL_T y, FL_T p, double label_smoothing, double positive, double negative, double eps)
{
    (void)eps;
    return (y * (FL_C(1) - y) == FL_C(0)) & (FL_ABS(y - p) < FL_C(1)) & (label_smoothing == 0.0) & (positive > 0.0) &
           (negative > 0.0);
}

FL_FORMULA_FOR(binary_cross_entropy_probabilities, (y_true), (y_pred), (label_smoothing, positive, negative, eps),
               has_one_label)
{
    /* without eps nothing is flat, not even where m is 0 */
    const FL_T flat_to = FL_PICK(FL_UNIFORM(eps > 0.0), FL_C(eps), FL_C(-1));
    if (FL_IS_USUAL) {
        /* what follows below, operation by operation, for the label that has a share: its probability, and that of the other */
        const FL_T own = FL_ABS((FL_C(1) - y_true) - y_pred), other = FL_ABS(y_true - y_pred);
        const FL_U wrong = FL_SELECT(own < other, ~(FL_U)0, (FL_U)0);
        const FL_T near_zero = FL_MIN(own, other), m = FL_MAX(FL_C(eps), near_zero);
        const FL_T one = FL_FROM_BITS(~wrong & FL_ONE_BITS), x = FL_FROM_BITS(FL_TO_BITS(m) ^ (~wrong & FL_SIGN_BIT));
        const FL_T share = FL_SELECT(y_true > FL_C(0), FL_C(positive), FL_C(negative));
        const FL_T slope = share / FL_PICK(wrong, m, FL_MAX(own, other));
        return (FL_RESULT){
            .value = FL_C(0) - share * FL_LOG_OF_SUM(one, x),
            .gradient = {FL_SELECT(near_zero <= flat_to, FL_C(0), FL_SELECT(y_true > FL_C(0), -slope, slope))},
            .invalid = FL_OUTSIDE_UNIT(y_pred),
        };
    }
    const int above = y_pred > FL_C(0.5);
    const FL_T near_zero = FL_MIN(FL_ABS(y_pred), FL_C(1) - y_pred), near_one = FL_MAX(y_pred, FL_C(1) - y_pred);
    const FL_T m = FL_MAX(FL_C(eps), near_zero);
    const FL_SHARES share = FL_SHARES_OF(y_true, above, label_smoothing, positive, negative);
    /* by masks: GCC combines selections of several conditions into many */
    const FL_U is_flat = FL_SELECT(near_zero <= flat_to, ~(FL_U)0, (FL_U)0);
    const FL_U has_wrong = FL_SELECT(share.wrong == FL_C(0), (FL_U)0, ~(FL_U)0);
    const FL_T wrong_slope = FL_PICK(has_wrong, share.wrong / m, share.wrong);
    const FL_T right_slope = share.right / near_one;
    const FL_T wrong_curve = FL_PICK(has_wrong, wrong_slope / m, share.wrong);
    const FL_T slope = wrong_slope - right_slope, nothing = FL_UNLESS_NAN(y_true, 0);
    return (FL_RESULT){
        .value = FL_FN(cross_entropy_of_probability)(share, m),
        .gradient = {FL_PICK(is_flat, nothing, FL_SELECT(above, slope, -slope))},
        .hessian = {FL_PICK(is_flat, nothing, wrong_curve + right_slope / near_one)},
        .invalid = FL_OUTSIDE_UNIT(y_true) | FL_OUTSIDE_UNIT(y_pred),
    };
}

FL_VALUE_FORMULA(binary_cross_entropy_logits_by_pos_weight, (y_true, y_pred), (), (label_smoothing))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, y_pred >= FL_C(0), label_smoothing, 1.0, 0.0);
    return (FL_RESULT){
        .value = FL_FN(cross_entropy_of_logit)(share, y_pred, FL_LOGISTIC_PARTS_OF(y_pred)),
        .invalid = FL_OUTSIDE_UNIT(y_true),
    };
}

FL_VALUE_FORMULA(binary_cross_entropy_logits_by_label_smoothing, (y_true, y_pred), (), (positive, negative))
{
    const FL_SHARES share = FL_SHARE_SLOPES_OF(y_true, y_pred >= FL_C(0), positive, negative);
    return (FL_RESULT){
        .value = FL_FN(cross_entropy_of_logit)(share, y_pred, FL_LOGISTIC_PARTS_OF(y_pred)),
        .invalid = FL_OUTSIDE_UNIT(y_true),
    };
}

FL_VALUE_FORMULA(binary_cross_entropy_probabilities_by_pos_weight, (y_true, y_pred), (), (label_smoothing, eps))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, y_pred > FL_C(0.5), label_smoothing, 1.0, 0.0);
    return (FL_RESULT){
        .value = FL_FN(cross_entropy_of_probability)(share, FL_FN(clipped_to)(y_pred, eps)),
        .invalid = FL_OUTSIDE_UNIT(y_true) | FL_OUTSIDE_UNIT(y_pred),
    };
}

FL_VALUE_FORMULA(binary_cross_entropy_probabilities_by_label_smoothing, (y_true, y_pred), (), (positive, negative, eps))
{
    const FL_SHARES share = FL_SHARE_SLOPES_OF(y_true, y_pred > FL_C(0.5), positive, negative);
    return (FL_RESULT){
        .value = FL_FN(cross_entropy_of_probability)(share, FL_FN(clipped_to)(y_pred, eps)),
        .invalid = FL_OUTSIDE_UNIT(y_true) | FL_OUTSIDE_UNIT(y_pred),
    };
}
