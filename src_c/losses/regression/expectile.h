/*
 * Expectile loss (Newey and Powell 1987). r = y_pred - y_true, w = 1 - alpha for r >= 0, alpha below.
 *
 *   value w r^2        gradient 2 w r        hessian 2 w
 *
 * By alpha: -r |r|.
 */
#include "engine/element.h"

FL_LIGHT_FORMULA(expectile, (y_true), (y_pred), (alpha))
{
    const FL_T r = y_pred - y_true;
    const FL_T w = FL_SELECT(r < FL_C(0), FL_C(alpha), FL_C(1.0 - alpha));
    const FL_T slope = w * r;
    return (FL_RESULT){.value = slope * r, .gradient = {slope + slope}, .hessian = {FL_UNLESS_NAN(r, w + w)}};
}

FL_VALUE_FORMULA(expectile_by_alpha, (y_true, y_pred), (), (alpha))
{
    const FL_T r = y_true - y_pred;
    return (FL_RESULT){.value = r * FL_ABS(r)};
}
