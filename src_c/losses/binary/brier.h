/*
 * Brier score: squared error of a probability p, y in [0, 1].
 *
 *   from a probability   value (p - y)^2     gradient 2 (p - y)     hessian 2
 *   from a logit z       value r^2           gradient 2 r p q       hessian 2 p q (p q + r (q - p))
 *                        p = sig(z), q = sig(-z), r = p - y = (1 - y) p - y q, which keeps its digits for labels of 0 and 1
 *
 * By a logit, value and gradient vanish inside if 0 < y < 1 (the error of r is relative to the larger of (1 - y) p and y q),
 * and the Hessian changes sign (relative to 2 p q times the larger of p q and |r (q - p)|).
 */
#include "engine/element.h"
#include "language/labels.h"

FL_LIGHT_FORMULA(brier, (y_true), (y_pred), ())
{
    const FL_T r = y_pred - y_true;
    return (FL_RESULT){
        .value = r * r,
        .gradient = {r + r},
        .hessian = {FL_UNLESS_NAN(r, 2)},
        .invalid = FL_OUTSIDE_UNIT(y_true) | FL_OUTSIDE_UNIT(y_pred),
    };
}

FL_FORMULA(brier_logits, (y_true), (y_pred), ())
{
    const FL_SHARES share = FL_PLAIN_SHARES_OF(y_true, y_pred >= FL_C(0));
    const FL_LOGISTIC_PARTS t = FL_PRECISE_LOGISTIC_PARTS_OF(y_pred);
    const FL_T u = t.near_one, v = t.near_zero;
    /* |z|'s r and p - q */
    const FL_T r = FL_FMA(share.wrong, u, -share.right * v);
    const FL_T product = u * v;
    return (FL_RESULT){
        .value = r * r,
        .gradient = {FL_WITH_SIGN_OF(y_pred, ((r + r) * u) * v)},
        .hessian = {(product + product) * FL_FMA(-r, u - v, product)},
        .invalid = FL_OUTSIDE_UNIT(y_true),
    };
}
