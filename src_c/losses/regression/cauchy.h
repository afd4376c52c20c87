/*
 * Cauchy (Lorentzian) loss. r = y_pred - y_true, u = r / c, w = u^2.
 *
 *   value    c^2 / 2 log1p(w)
 *   gradient r / (1 + w)
 *   hessian  (1 - w) / (1 + w)^2: changes sign at |u| = 1; its error is relative to the larger of 1 and w, over (1 + w)^2
 *
 * w is a pair. Where it could overflow, from about |u| = 2^60 (2^400 in double), log1p(w) is log(w 2^-2k) + 2k log 2, and
 * the derivatives are c^2 / r and -(c / r)^2; below |u| = 2^-60 the value is r^2 / 2.
 */
FL_FORMULA_1(cauchy, y_true, y_pred, c)
{
    const FL_T scale = FL_C(c);
    const FL_T r = y_pred - y_true;
    const FL_T a = FL_ABS(r);
    const FL_T large = scale * FL_C(FL_BITS == 32 ? 0x1p60 : 0x1p400);
    const FL_T down = FL_SELECT(a > large, FL_C(FL_BITS == 32 ? 0x1p-90 : 0x1p-800), FL_C(1));
    const FL_T exponent = FL_SELECT(a > large, FL_C(FL_BITS == 32 ? 180 : 1600), FL_C(0));
    const FL_T u = (a * down) / scale;
    const FL_PAIR w = FL_TWO_PRODUCT(u, u);
    const FL_PAIR sum = FL_TWO_SUM(FL_SELECT(a > large, FL_C(0), FL_C(1)), w.hi);
    const FL_PAIR l = FL_LOG_OF_PAIR(((FL_PAIR){sum.hi, sum.lo + w.lo}));
    const FL_T log1p = FL_FMA(exponent, FL_CONSTANT(LN2), l.hi + FL_FMA(exponent, FL_CONSTANT(LN2_LOW), l.lo));
    const FL_T value = FL_SELECT(u < FL_C(0x1p-60), (FL_C(0.5) * r) * r, (scale * (FL_C(0.5) * log1p)) * scale);
    const FL_T inverse = FL_C(1) / sum.hi;
    const FL_T ratio = scale / r;
    return (FL_RESULT){
        .value = FL_SELECT(a < FL_INFINITY, value, a),
        .gradient = {FL_SELECT(a > large, ratio * scale, r * inverse)},
        .hessian = {FL_SELECT(a > large, -ratio * ratio, ((FL_C(1) - w.hi) * inverse) * inverse)},
    };
}
