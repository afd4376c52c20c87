/*
 * Focal loss (Lin et al. 2017), linear in the label: P (1 - p)^g (-log p) + N p^g (-log(1 - p)), with g = gamma and the shares
 * P and N of binary_cross_entropy.h (positive = alpha, negative = 1 - alpha, or both 1). Written for the label 1, with q = 1 -
 * p and l = -log p; for the label 0, p and q change places and the gradient changes sign:
 *
 *   from a logit             value q^g l       gradient -q^g (g p l + q)
 *                            hessian q^g p (g l (g p - q) + (2g + 1) q)
 *   from a probability       value q^g l       gradient -q^g (g r + 1/p)                               r = l / q -> 1 at q = 0
 *                            hessian q^(g-1) (g (g-1) r + 2g/p + q/p^2): infinite at q = 0 for g < 1
 *
 * Both labels' terms are written as that of the label the prediction is wrong about and that of the label it is right about,
 * with u >= 1/2 and v <= 1/2 the two probabilities: logarithms and powers serve both. Errors grow with g: 4 + 2 g ulp (and
 * 4.6 of the Hessian by a probability at g = 0.01). The Hessian by a logit changes sign (it is negative where a label is missed
 * by far); its error is relative to the largest of its terms, as is that of a gradient with two shares.
 *
 * g = 2 squares; any other g multiplies a logarithm by g exactly. g = 0 is the kernel of binary_cross_entropy.h.
 *
 * In the Hessian by a probability that is right, the bracket is taken as (g (g+1) - g (g-1) (1 - r p) + q/p) / p, where nothing
 * cancels for g < 1, either.
 *
 * By gamma, with l_u = -log u and l_v = -log v: -l_u l_v (wrong u^g + right v^g), 0 where v is. By alpha: the value of the
 * shares y' and -(1 - y'); by the smoothing: that of the shares alpha (1/2 - y) and (1 - alpha) (y - 1/2). These two change
 * sign; their errors are relative to the larger term.
 */
#include "engine/element.h"
#include "language/labels.h"

FL_INLINE FL_RESULT FL_FN(focal_of_logit)(FL_T y, FL_T z, FL_LOGISTIC_PARTS t, FL_T u_power, FL_T v_power, double gamma,
                                          FL_SHARES share)
{
    const FL_T g = FL_C(gamma), hump = FL_C(2.0 * gamma + 1.0);
    const FL_T u = t.near_one, v = t.near_zero;
    const FL_T l_right = t.log1p_raised * FL_LOWERED;
    const FL_T l_wrong = FL_ABS(z) + l_right, l_clipped = t.clipped + l_right;
    const FL_T wrong = share.wrong * u_power, right = share.right * v_power;
    const FL_T slope = wrong * FL_FMA(g * v, l_clipped, u) - right * FL_FMA(g * u, l_right, v);
    /* a factor that may be large, of what vanishes */
    const FL_T wrong_curve = ((wrong * (t.e_raised * u)) * FL_FMA(g * l_clipped, FL_FMA(g, v, -u), hump * u)) * FL_LOWERED;
    const FL_T right_curve = (right * u) * FL_FMA(g * l_right, FL_FMA(g, u, -v), hump * v);
    return (FL_RESULT){
        .value = FL_FMA(right, l_right, FL_SELECT(share.wrong == FL_C(0), share.wrong, wrong * l_wrong)),
        .gradient = {FL_TIMES_SIGN_OF(z, slope)},
        .hessian = {wrong_curve + right_curve},
        .invalid = FL_OUTSIDE_UNIT(y),
    };
}

FL_INLINE FL_RESULT FL_FN(focal_of_logit_squared)(FL_T y, FL_T z, FL_SHARES share)
{
    const FL_LOGISTIC_PARTS t = FL_LOGISTIC_PARTS_OF(z);
    const FL_T v = t.near_zero;
    return FL_FN(focal_of_logit)(y, z, t, t.near_one * t.near_one, v * v, 2.0, share);
}

FL_FORMULA(binary_focal_squared_logits, (y_true), (y_pred), ())
{
    return FL_FN(focal_of_logit_squared)(y_true, y_pred, FL_PLAIN_SHARES_OF(y_true, !FL_IS_NEGATIVE(y_pred)));
}

FL_FORMULA(binary_focal_squared_logits_weighted, (y_true), (y_pred), (label_smoothing, positive, negative))
{
    return FL_FN(focal_of_logit_squared)(y_true, y_pred,
                                         FL_SHARES_OF(y_true, !FL_IS_NEGATIVE(y_pred), label_smoothing, positive, negative));
}

typedef struct {
    FL_LOGISTIC_PARTS parts;
    FL_T u_power, v_power;
} FL_FN(focal_powers);

FL_INLINE FL_FN(focal_powers) FL_FN(focal_powers_of_logit)(FL_T z, double gamma)
{
    const FL_LOGISTIC_PARTS t = FL_LOGISTIC_PARTS_OF(z);
    const FL_PAIR power = FL_EXACT_PARAMETER(-gamma);
    /* u^g = exp(-g log1p(e)), and v = u exp(-|z|) */
    const FL_T u_power = FL_EXP_MULTIPLE(FL_C(1), power, t.log1p_raised * FL_LOWERED);
    /* the power 0 of an infinite distance is 1 */
    const FL_T distance = FL_SELECT(FL_ABS(z) == FL_INFINITY, FL_C(FL_BITS == 32 ? 0x1p127 : 0x1p1023), FL_ABS(z));
    return (FL_FN(focal_powers)){t, u_power, FL_EXP_MULTIPLE(u_power, power, distance)};
}

FL_FORMULA(binary_focal_logits, (y_true), (y_pred), (gamma, label_smoothing, positive, negative))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, !FL_IS_NEGATIVE(y_pred), label_smoothing, positive, negative);
    const FL_FN(focal_powers) t = FL_FN(focal_powers_of_logit)(y_pred, gamma);
    return FL_FN(focal_of_logit)(y_true, y_pred, t.parts, t.u_power, t.v_power, gamma, share);
}

/* v = min(p, 1 - p), u = 1 - v, and the logarithms and powers of both. The last power is v^(gamma - 1), FL_UP times as large
   where it vanishes with v (gamma > 1): its factor in the Hessian grows with gamma^2, and would multiply the rounding of
   subnormals. */
typedef struct {
    FL_T v, u, log_v, log_u, v_power, u_power, v_power_less;
} FL_FN(focal_parts);

FL_INLINE FL_RESULT FL_FN(focal_of_probability)(FL_T y, FL_T p, FL_FN(focal_parts) t, double gamma, FL_SHARES share)
{
    const FL_T g = FL_C(gamma), twice = FL_C(2.0 * gamma), product = FL_C(gamma * (gamma - 1.0));
    const FL_T at_0 = FL_C(gamma * (gamma + 1.0)), at_0_low = FL_C(gamma * (gamma + 1.0) - (double)at_0);
    const FL_T nothing = FL_UNLESS_NAN(p, 0);
    const FL_T inverse = FL_C(1) / t.u;
    const FL_T share_by_v = share.wrong / t.v;
    const FL_T r_wrong = -share.wrong * t.log_v * inverse;
    const FL_T r_right = FL_SELECT(t.v > FL_C(0), -t.log_u / t.v, FL_C(1));
    const FL_T wrong_slope = t.u_power * FL_FMA(g, r_wrong, share_by_v);
    const FL_T right_slope = (share.right * t.v_power) * FL_FMA(g, r_right, inverse);
    const FL_T wrong_sum = FL_FMA(product, r_wrong, FL_FMA(t.u, share_by_v / t.v, twice * share_by_v));
    const FL_T odds = t.v * inverse;
    const FL_T change = FL_FMA(-product, FL_FMA(-r_right, t.u, FL_C(1)), odds + at_0_low);
    /* u is rounded, and stands in two denominators */
    const FL_T lost = ((FL_C(1) - t.u) - t.v) * inverse;
    const FL_T right_sum = (at_0 + FL_FMA(-lost, (at_0 + change) + odds, change)) / t.u;
    /* at v = 0 its terms are infinite, with both signs */
    const FL_T wrong_curve = FL_SELECT(t.v > FL_C(0), (t.u_power * inverse) * wrong_sum, share_by_v);
    const FL_T down = FL_PICK(FL_UNIFORM(gamma > 1.0), FL_DOWN, FL_C(1));
    const FL_T right_curve = ((share.right * t.v_power_less) * right_sum) * down;
    const FL_T slope = FL_SELECT(share.wrong == FL_C(0), nothing, wrong_slope) - right_slope;
    return (FL_RESULT){
        .value = FL_SELECT(share.wrong == FL_C(0), nothing, -(share.wrong * t.u_power) * t.log_v) -
                 (share.right * t.v_power) * t.log_u,
        .gradient = {FL_SELECT(p > FL_C(0.5), slope, -slope)},
        .hessian = {FL_SELECT(share.wrong == FL_C(0), nothing, wrong_curve) +
                    FL_SELECT(share.right == FL_C(0), nothing, right_curve)},
        .invalid = FL_OUTSIDE_UNIT(y) | FL_OUTSIDE_UNIT(p),
    };
}

FL_FORMULA(binary_focal_squared_probabilities, (y_true), (y_pred), (label_smoothing, positive, negative))
{
    const int above = y_pred > FL_C(0.5);
    const FL_T v = FL_SELECT(above, FL_C(1) - y_pred, FL_ABS(y_pred)), u = FL_SELECT(above, y_pred, FL_C(1) - y_pred);
    const FL_FN(focal_parts) t = {v, u, FL_LOG(v), FL_LOG1P_UNIT(-v).hi, v * v, u * u, v * FL_UP};
    return FL_FN(focal_of_probability)(y_true, y_pred, t, 2.0,
                                       FL_SHARES_OF(y_true, above, label_smoothing, positive, negative));
}

FL_INLINE FL_FN(focal_parts) FL_FN(focal_parts_of)(FL_T p, double gamma)
{
    const int above = p > FL_C(0.5);
    const FL_T v = FL_SELECT(above, FL_C(1) - p, FL_ABS(p)), u = FL_SELECT(above, p, FL_C(1) - p);
    const FL_PAIR power = FL_EXACT_PARAMETER(gamma), less = FL_EXACT_DIFFERENCE(gamma, 1.0);
    const FL_PAIR log_v = FL_LOG_PRECISE(v), log_u = FL_LOG1P_UNIT(-v);
    const FL_U vanishes = FL_UNIFORM(gamma > 1.0);
    const FL_T up = FL_PICK(vanishes, FL_UP, FL_C(1));
    const FL_T limit = FL_PICK(vanishes, FL_C(0), FL_PICK(FL_UNIFORM(gamma == 1.0), FL_C(1), FL_INFINITY));
    return (FL_FN(focal_parts)){
        .v = v,
        .u = u,
        .log_v = FL_SELECT(v == FL_C(0), -FL_INFINITY, log_v.hi),
        .log_u = log_u.hi,
        .v_power = FL_SELECT(v == FL_C(0), FL_C(0), FL_EXP_PRODUCT(FL_C(1), power, log_v)),
        .u_power = FL_EXP_MULTIPLE(FL_C(1), power, log_u.hi),
        .v_power_less = FL_SELECT(v == FL_C(0), limit, FL_EXP_PRODUCT(up, less, log_v)),
    };
}

FL_FORMULA(binary_focal_probabilities, (y_true), (y_pred), (gamma, label_smoothing, positive, negative))
{
    return FL_FN(focal_of_probability)(y_true, y_pred, FL_FN(focal_parts_of)(y_pred, gamma), gamma,
                                       FL_SHARES_OF(y_true, y_pred > FL_C(0.5), label_smoothing, positive, negative));
}

FL_VALUE_FORMULA(binary_focal_logits_by_gamma, (y_true, y_pred), (), (gamma, label_smoothing, positive, negative))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, !FL_IS_NEGATIVE(y_pred), label_smoothing, positive, negative);
    const FL_FN(focal_powers) t = FL_FN(focal_powers_of_logit)(y_pred, gamma);
    const FL_T powers = FL_FMA(share.wrong, t.u_power, share.right * t.v_power);
    const FL_T l_raised = t.parts.log1p_raised;
    const FL_T product = (-powers * l_raised) * FL_FMA(l_raised, FL_LOWERED, t.parts.clipped);
    return (FL_RESULT){
        .value = product * FL_LOWERED,
        .invalid = FL_OUTSIDE_UNIT(y_true),
    };
}

FL_VALUE_FORMULA(binary_focal_logits_by_alpha, (y_true, y_pred), (), (gamma, label_smoothing))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, !FL_IS_NEGATIVE(y_pred), label_smoothing, 1.0, -1.0);
    const FL_FN(focal_powers) t = FL_FN(focal_powers_of_logit)(y_pred, gamma);
    const FL_RESULT of = FL_FN(focal_of_logit)(y_true, y_pred, t.parts, t.u_power, t.v_power, gamma, share);
    return (FL_RESULT){.value = of.value, .invalid = of.invalid};
}

FL_VALUE_FORMULA(binary_focal_logits_by_label_smoothing, (y_true, y_pred), (), (gamma, positive, negative))
{
    const FL_SHARES share = FL_SHARE_SLOPES_OF(y_true, !FL_IS_NEGATIVE(y_pred), positive, negative);
    const FL_FN(focal_powers) t = FL_FN(focal_powers_of_logit)(y_pred, gamma);
    const FL_RESULT of = FL_FN(focal_of_logit)(y_true, y_pred, t.parts, t.u_power, t.v_power, gamma, share);
    return (FL_RESULT){.value = of.value, .invalid = of.invalid};
}

FL_VALUE_FORMULA(binary_focal_probabilities_by_gamma, (y_true, y_pred), (), (gamma, label_smoothing, positive, negative))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, y_pred > FL_C(0.5), label_smoothing, positive, negative);
    const FL_FN(focal_parts) t = FL_FN(focal_parts_of)(y_pred, gamma);
    const FL_T powers = FL_FMA(share.wrong, t.u_power, share.right * t.v_power);
    return (FL_RESULT){
        .value = FL_SELECT(t.v > FL_C(0), (-powers * t.log_v) * t.log_u, FL_UNLESS_NAN(y_pred + y_true, 0)),
        .invalid = FL_OUTSIDE_UNIT(y_true) | FL_OUTSIDE_UNIT(y_pred),
    };
}

FL_VALUE_FORMULA(binary_focal_probabilities_by_alpha, (y_true, y_pred), (), (gamma, label_smoothing))
{
    const FL_SHARES share = FL_SHARES_OF(y_true, y_pred > FL_C(0.5), label_smoothing, 1.0, -1.0);
    const FL_RESULT of = FL_FN(focal_of_probability)(y_true, y_pred, FL_FN(focal_parts_of)(y_pred, gamma), gamma, share);
    return (FL_RESULT){.value = of.value, .invalid = of.invalid};
}

FL_VALUE_FORMULA(binary_focal_probabilities_by_label_smoothing, (y_true, y_pred), (), (gamma, positive, negative))
{
    const FL_SHARES share = FL_SHARE_SLOPES_OF(y_true, y_pred > FL_C(0.5), positive, negative);
    const FL_RESULT of = FL_FN(focal_of_probability)(y_true, y_pred, FL_FN(focal_parts_of)(y_pred, gamma), gamma, share);
    return (FL_RESULT){.value = of.value, .invalid = of.invalid};
}
