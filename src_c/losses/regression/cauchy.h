/*
 * Cauchy (Lorentzian) loss. r = y_pred - y_true, u = r / c, w = u^2.
 *
 *   value    c^2 / 2 log1p(w)
 *   gradient r / (1 + w)
 *   hessian  (1 - w) / (1 + w)^2: changes sign at |u| = 1; its error is relative to the larger of 1 and w, over (1 + w)^2
 *
 * The rounding of the difference, which the square would double, is undone in w. Where w could overflow, from about |u| = 2^60
 * (2^400 in double), log1p(w) is log(w 2^-2k) + 2k log 2, and the derivatives are c^2 / r and -(c / r)^2; below |u| = 2^-60 the
 * value is r^2 / 2.
 *
 * By c: c (log1p(w) - w / (1 + w)), of the order of w^2. With s = w / (2 + w) and z = s^2, log1p(w) is 2 s + s z R(z), and the
 * bracket z (2 / (1 + s) + s R(z)): so below w = 1/2, where R is the polynomial of FL_X_MINUS_LOG1P. Beyond, its two terms as
 * pairs, and from |u| = 2^30 on c (2 log |u| - 1).
 */
#include "engine/element.h"
#include "language/residual.h"

FL_FORMULA(cauchy, (y_true), (y_pred), (c))
{
    const FL_SCALING scale = FL_SCALING_BY(c);
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T a = FL_ABS(r.hi);
    /* beyond, w is 2^-2k times as large */
    const int large = a > scale.up * FL_C(FL_BITS == 32 ? 0x1p60 : 0x1p400);
    const FL_T far = FL_SELECT(large, FL_C(FL_BITS == 32 ? 0x1p-90 : 0x1p-800), FL_C(1));
    const FL_T exponent = FL_SELECT(large, FL_C(FL_BITS == 32 ? 180 : 1600), FL_C(0));
    const FL_T one = FL_SELECT(large, FL_C(0), FL_C(1));
    const FL_T factor = far * scale.down, u = r.hi * factor;
    const FL_T w = FL_FMA(u, u, (u + u) * (r.lo * factor)) * scale.inverse_square.hi;
    const FL_T log1p = FL_FMA(exponent, FL_CONSTANT(LN2), FL_LOG_OF_SUM(one, w));
    const FL_T value = ((log1p * (FL_C(0.5) * scale.square.hi)) * scale.up) * scale.up;
    const FL_T inner = FL_SELECT(a < scale.up * FL_C(0x1p-60), (FL_C(0.5) * r.hi) * r.hi, value);
    const FL_T below = one + w, inverse = FL_C(1) / below;
    const FL_T slope = ((r.hi * far) / below) * far;
    const FL_T curve = ((((one - w) * inverse) * inverse) * far) * far;
    return (FL_RESULT){
        .value = FL_SELECT(a < FL_INFINITY, inner, a),
        .gradient = {FL_SELECT(a == FL_INFINITY, FL_C(0), slope)},
        .hessian = {FL_SELECT(a == FL_INFINITY, FL_C(0), curve)},
    };
}

FL_VALUE_FORMULA(cauchy_by_c, (y_true, y_pred), (), (c))
{
    const FL_RESIDUAL t = FL_RESIDUAL_OF(y_true, y_pred, c);
    const int large = t.u.hi > FL_C(0x1p30);
    const FL_T u = FL_SELECT(large, FL_C(0x1p30), t.u.hi);
    const FL_PAIR w = FL_TWO_PRODUCT(u, u);
    const FL_T w_low = FL_FMA(u + u, t.u.lo, w.lo);
    const FL_PAIR two = FL_TWO_SUM(FL_C(2), w.hi);
    const FL_T s = w.hi / two.hi, s_rest = FL_FMA(-s, two.hi, w.hi) - s * two.lo;
    const FL_T z = s * s;
    const FL_T bracket = FL_FMA(s, FL_POLYNOMIAL(X_MINUS_LOG1P, z), FL_C(2) / (FL_C(1) + s));
    /* w (1 + low / w): s and its square grow by twice as much, for the small w that this is for */
    const FL_T w_rest = w_low + s_rest;
    const FL_T product = (t.scale.hi * s) * (s * bracket);
    const FL_T near = FL_SELECT(w.hi > FL_C(0), FL_FMA(product, (w_rest + w_rest) / w.hi, product), product);
    const FL_PAIR one = FL_TWO_SUM(FL_C(1), w.hi);
    const FL_T one_low = one.lo + w_low;
    const FL_PAIR l = FL_LOG_OF_PAIR(((FL_PAIR){one.hi, one_low}));
    const FL_T q = w.hi / one.hi;
    const FL_T q_low = (FL_FMA(-q, one.hi, w.hi) + FL_FMA(-q, one_low, w_low)) / one.hi;
    const FL_T far = t.scale.hi * ((l.hi - q) + (l.lo - q_low));
    const FL_PAIR ratio = FL_LOG_QUOTIENT(t.a, t.scale);
    const FL_T farthest = t.scale.hi * (FL_FMA(FL_C(2), ratio.hi, FL_C(-1)) + FL_C(2) * ratio.lo);
    const FL_T value = FL_SELECT(large, farthest, FL_SELECT(w.hi < FL_C(0.5), near, far));
    return (FL_RESULT){.value = FL_SELECT(t.a.hi < FL_INFINITY, value, t.a.hi)};
}
