/*
 * Pseudo-Huber loss (Charbonnier et al. 1997). r = y_pred - y_true, u = r / delta, s = 1 + u^2.
 *
 *   value    delta^2 (sqrt(s) - 1) = r (r / (1 + sqrt(s))): no cancellation at small r, no square of large r
 *   gradient r / sqrt(s)
 *   hessian  s^(-3/2)
 *
 * From |u| = 2^30 the root is |u| itself, also where u^2 overflows; where u itself overflows the loss is delta |r|.
 */
FL_FORMULA_1(pseudo_huber, y_true, y_pred, delta)
{
    const FL_T r = y_pred - y_true;
    const FL_T u = r / FL_C(delta);
    const FL_T s = FL_FMA(u, u, FL_C(1));
    const FL_T root = FL_SELECT(FL_ABS(u) > FL_C(0x1p30), FL_ABS(u), FL_SQRT(s));
    const FL_T inner = r * (r / (FL_C(1) + root));
    const FL_T slope = FL_SELECT(FL_ABS(u) < FL_INFINITY, r / root, FL_WITH_SIGN_OF(r, FL_C(delta)));
    return (FL_RESULT){
        .value = FL_SELECT(FL_ABS(u) < FL_INFINITY, inner, FL_ABS(r) * FL_C(delta)),
        .gradient = {FL_SELECT(u == u, slope, u)},
        .hessian = {(FL_C(1) / s) / root},
    };
}
