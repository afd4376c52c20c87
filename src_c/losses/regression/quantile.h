/*
 * Quantile (pinball) loss (Koenker and Bassett 1978). r = y_pred - y_true.
 *
 *   value    (1 - alpha) r for r >= 0, -alpha r below
 *   gradient 1 - alpha, -alpha, and 0 at the kink r = 0
 *   hessian  0
 *
 * By alpha: -r on both sides.
 */
#include "engine/element.h"

FL_LIGHT_FORMULA(quantile, (y_true), (y_pred), (alpha))
{
    const FL_T over = FL_C(1.0 - alpha), under = FL_C(-alpha);
    const FL_T r = y_pred - y_true;
    const FL_T slope = FL_SELECT(r > FL_C(0), over, FL_SELECT(r < FL_C(0), under, r));
    return (FL_RESULT){
        .value = r * FL_SELECT(r < FL_C(0), under, over),
        .gradient = {slope},
        .hessian = {FL_UNLESS_NAN(r, 0)},
    };
}

FL_VALUE_FORMULA(quantile_by_alpha, (y_true, y_pred), (), (alpha))
{
    return (FL_RESULT){.value = y_true - y_pred};
}
