/*
 * Half the Tweedie deviance (Jorgensen 1987) for a power p in [1, 2], 0 or 3. y = y_true, mu the mean, z = log mu.
 *
 *   value    y^(2-p) / ((1-p)(2-p)) - y mu^(1-p) / (1-p) + mu^(2-p) / (2-p)
 *            p = 0: (y - mu)^2 / 2        p = 1: y log(y/mu) - y + mu        p = 2: log(mu/y) + y/mu - 1
 *            p = 3: (y - mu)^2 / (2 y mu^2)
 *   from_log = True       gradient mu^(2-p) - y mu^(1-p)      hessian (2-p) mu^(2-p) - (1-p) y mu^(1-p)
 *   from_log = False      gradient (mu - y) mu^-p             hessian (p y - (p-1) mu) mu^-(p+1)
 *
 * With d = log(mu / y) the value is y^(2-p) (E(2-p) - E(1-p)), E(q) = expm1(q d) / q and E(0) = d. For |d| <= 1 the difference
 * is a series that begins with d^2 / 2, so that it is 0 at a perfect prediction; beyond, the three terms are added. Logarithms
 * are pairs with eight bits to spare, so that their products with the exponents keep their digits. Value, first gradient and
 * Hessian change sign or vanish inside; their errors are relative to the largest term.
 *
 * Powers with a simple form have kernels of their own; that of the mean with p = 0 is half the squared error. p = 3/2 needs no
 * logarithm:
 *
 *   2 (sqrt(mu) - sqrt(y)) (1 - sqrt(y / mu))
 *
 * By p, for p in [1, 2]: -y^(2-p) (log(y) (E(2-p) - E(1-p)) + D(2-p) - D(1-p)), D(q) = (q d exp(q d) - expm1(q d)) / q^2 and
 * D(0) = d^2 / 2; for y = 0 mu^(2-p) (1 / (2-p) - log mu) / (2-p). Of x = q d > 0, E and D are taken by exp(-x), so that the
 * powers y^(2-p), mu^(2-p) and y mu^(1-p) hold all that is large or small. The error is relative to the largest of the four
 * terms.
 */
#include "engine/element.h"

FL_INLINE FL_T FL_FN(tweedie_distance)(FL_PAIR z, FL_T y)
{
    const FL_PAIR l = FL_LOG_PRECISE(y);
    return (z.hi - l.hi) + (z.lo - l.lo);
}

/* E(2-p) - E(1-p) where |(2-p) d| and |(1-p) d| are at most 1: a series whose coefficients have the weights
   (2-p)^(k+1) - (1-p)^(k+1) */
FL_INLINE FL_T FL_FN(tweedie_near)(FL_T d, double power)
{
    FL_T w[FL_CONSTANT(EXPM1_TAILS_TERMS)];
    double weight = 1.0, other = 1.0;
    for (int k = 0; k < FL_CONSTANT(EXPM1_TAILS_TERMS); k++) {
        w[k] = FL_C(weight);
        other *= 1.0 - power;
        weight = (2.0 - power) * weight + other;
    }
    return (d * d) * FL_WEIGHTED_POLYNOMIAL(EXPM1_TAILS, d, w);
}

/* the value for p other than 1 and 2; metrics ask for powers of any size, whose series ends earlier than at |d| = 1 */
FL_INLINE FL_T FL_FN(tweedie_value)(FL_T y, FL_PAIR z, double power, FL_T mean_term, FL_T label_term)
{
    const double first = 2.0 - power, second = power - 1.0;
    /* 1 / max(1, 2-p, p-1), without a condition */
    const FL_T end = FL_C(2.0 / (1.0 + (__builtin_fabs(first) + __builtin_fabs(second))));
    const FL_PAIR l = FL_LOG_PRECISE(y);
    const FL_T d = (z.hi - l.hi) + (z.lo - l.lo);
    const FL_T base = FL_SELECT(y > FL_C(0), FL_EXP_PRODUCT(FL_C(1), FL_EXACT_PARAMETER(first), l), FL_C(0));
    const FL_T near = base * FL_FN(tweedie_near)(d, power);
    const FL_T sum = FL_FMA(FL_C(second), mean_term, FL_FMA(FL_C(first), label_term, -base));
    const FL_T far = sum * FL_C(1.0 / (first * second));
    return FL_SELECT(y == FL_C(0), mean_term * FL_C(1.0 / first), FL_SELECT(FL_ABS(d) <= end, near, far));
}

FL_FORMULA(tweedie_log, (y_true), (y_pred), (power))
{
    const FL_PAIR first = FL_EXACT_PARAMETER(2.0 - power), second = FL_EXACT_PARAMETER(1.0 - power);
    const FL_T mean_term = FL_EXP_MULTIPLE(FL_C(1), first, y_pred);
    const FL_T label_term = FL_EXP_MULTIPLE(y_true, second, y_pred);
    return (FL_RESULT){
        .value = FL_FN(tweedie_value)(y_true, FL_EXACTLY(y_pred), power, mean_term, label_term),
        .gradient = {mean_term - label_term},
        .hessian = {FL_FMA(first.hi, mean_term, -second.hi * label_term)},
        .invalid = FL_INVALID(y_true < FL_C(0)),
    };
}

FL_FORMULA(tweedie_log_normal, (y_true), (y_pred), ())
{
    const FL_T mean = FL_EXP(y_pred);
    const FL_T r = mean - y_true;
    return (FL_RESULT){
        .value = (FL_C(0.5) * r) * r,
        .gradient = {r * mean},
        .hessian = {(r + mean) * mean},
    };
}

/* p = 3/2, from the roots of label and mean, their quotient, and y / sqrt(mu) */
FL_INLINE FL_T FL_FN(tweedie_value_of_roots)(FL_T root, FL_T mean_root, FL_T quotient, FL_T label_term)
{
    /* rounding may give the two factors different signs */
    const FL_T product = FL_ABS((mean_root - root) * (FL_C(1) - quotient));
    /* far below the label, where the quotient may overflow */
    const FL_T positive = FL_SELECT(quotient < FL_C(4), product, (mean_root - (root + root)) + label_term);
    const FL_T value = FL_SELECT(root == FL_C(0), mean_root, positive);
    return value + value;
}

FL_FORMULA(tweedie_log_of_roots, (y_true), (y_pred), ())
{
    const FL_PAIR half = FL_EXACTLY(FL_C(0.5)), minus_half = FL_EXACTLY(FL_C(-0.5));
    const FL_T root = FL_SQRT(y_true), mean_term = FL_EXP_MULTIPLE(FL_C(1), half, y_pred);
    const FL_T label_term = FL_EXP_MULTIPLE(y_true, minus_half, y_pred);
    return (FL_RESULT){
        .value = FL_FN(tweedie_value_of_roots)(root, mean_term, FL_EXP_MULTIPLE(root, minus_half, y_pred), label_term),
        .gradient = {mean_term - label_term},
        .hessian = {FL_C(0.5) * (mean_term + label_term)},
        .invalid = FL_INVALID(y_true < FL_C(0)),
    };
}

FL_INLINE FL_T FL_FN(tweedie_poisson_value)(FL_T y, FL_T mean, FL_T d)
{
    const FL_T near = y * FL_FN(tweedie_near)(d, 1.0), far = FL_FMA(-y, d, mean - y);
    return FL_SELECT(y == FL_C(0), mean, FL_SELECT(FL_ABS(d) <= FL_C(1), near, far));
}

FL_INLINE FL_T FL_FN(tweedie_gamma_value)(FL_T ratio, FL_T d)
{
    return FL_SELECT(FL_ABS(d) <= FL_C(1), FL_FN(tweedie_near)(d, 2.0), (d - FL_C(1)) + ratio);
}

FL_FORMULA(tweedie_log_poisson, (y_true), (y_pred), ())
{
    const FL_T mean = FL_EXP_MULTIPLE(FL_C(1), FL_EXACTLY(FL_C(1)), y_pred);
    const FL_T d = FL_FN(tweedie_distance)(FL_EXACTLY(y_pred), y_true);
    return (FL_RESULT){
        .value = FL_FN(tweedie_poisson_value)(y_true, mean, d),
        .gradient = {mean - y_true},
        .hessian = {mean},
        .invalid = FL_INVALID(y_true < FL_C(0)),
    };
}

FL_FORMULA(tweedie_log_gamma, (y_true), (y_pred), ())
{
    const FL_T ratio = FL_EXP_MULTIPLE(y_true, FL_EXACTLY(FL_C(-1)), y_pred);
    return (FL_RESULT){
        .value = FL_FN(tweedie_gamma_value)(ratio, FL_FN(tweedie_distance)(FL_EXACTLY(y_pred), y_true)),
        .gradient = {FL_C(1) - ratio},
        .hessian = {ratio},
        .invalid = FL_INVALID(y_true <= FL_C(0)),
    };
}

/* Beyond y = 2 mu the terms are added, where the errors of a square would be two. */
FL_FORMULA(tweedie_log_inverse_gaussian, (y_true), (y_pred), ())
{
    const FL_T mean_term = FL_EXP_MULTIPLE(FL_C(1), FL_EXACTLY(FL_C(-1)), y_pred);
    const FL_T label_term = FL_EXP_MULTIPLE(y_true, FL_EXACTLY(FL_C(-2)), y_pred);
    const FL_T quotient = y_true * mean_term, excess = FL_FMA(y_true, mean_term, FL_C(-1));
    const FL_T near = excess * (excess / (y_true + y_true));
    const FL_T far = (FL_C(0.5) * label_term - mean_term) + FL_C(0.5) / y_true;
    /* where both terms overflow, that of the label is the larger */
    const int finite = label_term < FL_INFINITY;
    return (FL_RESULT){
        .value = FL_SELECT((quotient > FL_C(2)) & finite, far, near),
        .gradient = {FL_SELECT(finite, mean_term - label_term, -label_term)},
        .hessian = {FL_SELECT(finite, FL_FMA(FL_C(2), label_term, -mean_term), label_term)},
        .invalid = FL_INVALID(y_true <= FL_C(0)),
    };
}

/* y > 0 for p >= 2, y >= 0 below */
FL_INLINE FL_I FL_FN(tweedie_bad_label)(FL_T y, double power)
{
    return FL_INVALID(y < FL_C(0)) | (FL_INVALID(y == FL_C(0)) & (FL_I)FL_UNIFORM(power >= 2.0));
}

FL_FORMULA(tweedie_mean, (y_true), (y_pred), (power))
{
    const FL_PAIR z = FL_LOG_PRECISE(y_pred);
    const FL_T mean_term = FL_EXP_PRODUCT(FL_C(1), FL_EXACT_PARAMETER(2.0 - power), z);
    const FL_T label_term = FL_EXP_PRODUCT(y_true, FL_EXACT_PARAMETER(1.0 - power), z);
    const FL_T curvature = FL_C(power) * y_true - FL_C(power - 1.0) * y_pred;
    return (FL_RESULT){
        .value = FL_FN(tweedie_value)(y_true, z, power, mean_term, label_term),
        .gradient = {FL_EXP_PRODUCT(y_pred - y_true, FL_EXACT_PARAMETER(-power), z)},
        .hessian = {FL_EXP_PRODUCT(curvature, FL_EXACT_DIFFERENCE(-power, 1.0), z)},
        .invalid = FL_FN(tweedie_bad_label)(y_true, power) | FL_INVALID(y_pred <= FL_C(0)),
    };
}

FL_FORMULA(tweedie_mean_of_roots, (y_true), (y_pred), ())
{
    const FL_T root = FL_SQRT(y_true), mean_root = FL_SQRT(y_pred);
    return (FL_RESULT){
        .value = FL_FN(tweedie_value_of_roots)(root, mean_root, root / mean_root, y_true / mean_root),
        .gradient = {(y_pred - y_true) / y_pred / mean_root},
        .hessian = {FL_FMA(FL_C(1.5), y_true, FL_C(-0.5) * y_pred) / y_pred / y_pred / mean_root},
        .invalid = FL_INVALID(y_true < FL_C(0)) | FL_INVALID(y_pred <= FL_C(0)),
    };
}

FL_FORMULA(tweedie_mean_poisson, (y_true), (y_pred), ())
{
    const FL_T d = FL_LOG_QUOTIENT(FL_EXACTLY(y_pred), FL_EXACTLY(y_true)).hi;
    return (FL_RESULT){
        .value = FL_FN(tweedie_poisson_value)(y_true, y_pred, d),
        .gradient = {(y_pred - y_true) / y_pred},
        .hessian = {y_true / y_pred / y_pred},
        .invalid = FL_INVALID(y_true < FL_C(0)) | FL_INVALID(y_pred <= FL_C(0)),
    };
}

FL_FORMULA(tweedie_mean_gamma, (y_true), (y_pred), ())
{
    const FL_T d = FL_LOG_QUOTIENT(FL_EXACTLY(y_pred), FL_EXACTLY(y_true)).hi;
    return (FL_RESULT){
        .value = FL_FN(tweedie_gamma_value)(y_true / y_pred, d),
        .gradient = {(y_pred - y_true) / y_pred / y_pred},
        .hessian = {((y_true - y_pred) + y_true) / y_pred / y_pred / y_pred},
        .invalid = FL_INVALID(y_true <= FL_C(0)) | FL_INVALID(y_pred <= FL_C(0)),
    };
}

/* The division is squared: the rounding of y - mu is carried along. */
FL_FORMULA(tweedie_mean_inverse_gaussian, (y_true), (y_pred), ())
{
    const FL_PAIR r = FL_TWO_SUM(y_true, -y_pred);
    const FL_T excess = r.hi / y_pred, low = r.lo / y_pred, share = excess / (y_true + y_true);
    return (FL_RESULT){
        .value = FL_FMA(excess, share, FL_SELECT(FL_ABS(share) < FL_INFINITY, share * (FL_C(2) * low), FL_C(0))),
        .gradient = {-excess / y_pred / y_pred},
        .hessian = {FL_FMA(FL_C(3), y_true, FL_C(-2) * y_pred) / y_pred / y_pred / y_pred / y_pred},
        .invalid = FL_INVALID(y_true <= FL_C(0)) | FL_INVALID(y_pred <= FL_C(0)),
    };
}

/* y^(2-p) E(q) and y^(2-p) D(q) of x = q d, from base = y^(2-p) and power = base exp(x) */
FL_INLINE FL_PAIR FL_FN(tweedie_slopes)(FL_T base, FL_T power, double order, FL_PAIR d)
{
    const FL_U none = FL_UNIFORM(order == 0.0);
    const FL_T q = FL_C(order != 0.0 ? order : 1.0);
    const FL_T x = q * d.hi;
    const FL_T x_low = FL_SELECT(FL_ABS(x) < FL_INFINITY, FL_FMA(q, d.lo, FL_FMA(q, d.hi, -x)), FL_C(0));
    const int up = x > FL_C(0);
    /* -|x|, no longer than an exponential can be told from 0 */
    const FL_T down = FL_MAX(-FL_EXP_LIMIT, FL_SELECT(up, -x, x)), down_low = FL_SELECT(up, -x_low, x_low);
    const FL_T less = FL_EXPM1_PAIR(down, down_low).hi;
    const FL_T first = FL_SELECT(up, -power * less, base * less) / q;
    /* exp(-x) - 1 + x of x > 0; (x - 1) exp(x) + 1 of the others, near 0 by the same series */
    const FL_T rising = FL_EXPM1_MINUS_X(-FL_MAX(FL_C(0), x));
    const FL_T near = power * FL_EXPM1_MINUS_X(FL_CLAMP(-x, FL_C(0), FL_C(1)));
    const FL_T falling = FL_SELECT(x > FL_C(-1), near, base * (down * (FL_C(1) + less) - less));
    const FL_T second = FL_SELECT(up, power * rising, falling) / q / q;
    return (FL_PAIR){FL_PICK(none, base * d.hi, first), FL_PICK(none, (FL_C(0.5) * base * d.hi) * d.hi, second)};
}

FL_INLINE FL_T FL_FN(tweedie_slope)(FL_T y, FL_PAIR z, double power)
{
    const double first = 2.0 - power, second = 1.0 - power;
    const FL_PAIR l = FL_LOG_PRECISE(y);
    const FL_PAIR difference = FL_TWO_SUM(z.hi, -l.hi);
    const FL_PAIR d = FL_FAST_TWO_SUM(difference.hi, difference.lo + (z.lo - l.lo));
    const FL_T base = FL_EXP_PRODUCT(FL_C(1), FL_EXACT_PARAMETER(first), l);
    const FL_T mean_term = FL_EXP_PRODUCT(FL_C(1), FL_EXACT_PARAMETER(first), z);
    const FL_T label_term = FL_EXP_PRODUCT(y, FL_EXACT_PARAMETER(second), z);
    const FL_PAIR a = FL_FN(tweedie_slopes)(base, mean_term, first, d);
    const FL_PAIR b = FL_FN(tweedie_slopes)(base, label_term, second, d);
    const FL_T between = -FL_FMA(l.hi, a.hi - b.hi, a.lo - b.lo);
    const FL_T q = FL_C(first != 0.0 ? first : 1.0);
    const FL_T empty = FL_SELECT(mean_term > FL_C(0), mean_term * ((FL_C(1) / q - z.hi) / q), mean_term);
    /* where a power overflows, that of the mean makes the derivative fall, and that of the label makes it rise */
    const FL_T high = FL_SELECT(mean_term < FL_INFINITY, FL_SELECT(label_term < FL_INFINITY, between, label_term), -mean_term);
    const FL_T positive = FL_SELECT(z.hi == -FL_INFINITY, FL_INFINITY, FL_SELECT(z.hi == FL_INFINITY, -FL_INFINITY, high));
    return FL_SELECT(y == FL_C(0), empty, FL_SELECT(y == y, positive, y));
}

FL_VALUE_FORMULA(tweedie_log_by_power, (y_true, y_pred), (), (power))
{
    return (FL_RESULT){
        .value = FL_FN(tweedie_slope)(y_true, FL_EXACTLY(y_pred), power),
        .invalid = FL_FN(tweedie_bad_label)(y_true, power),
    };
}

FL_VALUE_FORMULA(tweedie_mean_by_power, (y_true, y_pred), (), (power))
{
    return (FL_RESULT){
        .value = FL_FN(tweedie_slope)(y_true, FL_LOG_PRECISE(y_pred), power),
        .invalid = FL_FN(tweedie_bad_label)(y_true, power) | FL_INVALID(y_pred <= FL_C(0)),
    };
}
