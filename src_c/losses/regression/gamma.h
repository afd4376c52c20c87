/*
 * Half the gamma deviance up to a constant, y = y_true > 0. z is the raw prediction with mean exp(z), mu > 0 the mean.
 *
 *   from_log = True       value z + y exp(-z)       gradient 1 - y exp(-z)      hessian y exp(-z)
 *   from_log = False      value log mu + y / mu     gradient (mu - y) / mu^2    hessian (2y - mu) / mu^3
 *
 * The value, the first gradient and the second Hessian change sign; their errors are relative to the largest term.
 */
#include "engine/element.h"

FL_FORMULA(gamma_log, (y_true), (y_pred), ())
{
    const FL_T ratio = FL_EXP_TIMES(y_true, -y_pred, FL_C(0));
    const FL_T value = y_pred + ratio;
    return (FL_RESULT){
        .value = FL_SELECT(ratio < FL_INFINITY, value, ratio),
        .gradient = {FL_C(1) - ratio},
        .hessian = {ratio},
        .invalid = FL_INVALID(y_true <= FL_C(0)),
    };
}

FL_FORMULA(gamma_mean, (y_true), (y_pred), ())
{
    const FL_T ratio = y_true / y_pred;
    const FL_T slope = (y_pred - y_true) / y_pred / y_pred;
    const FL_T curve = ((y_true - y_pred) + y_true) / y_pred / y_pred / y_pred;
    return (FL_RESULT){
        .value = FL_LOG(y_pred) + ratio,
        .gradient = {slope},
        .hessian = {curve},
        .invalid = FL_INVALID(y_true <= FL_C(0)) | FL_INVALID(y_pred <= FL_C(0)),
    };
}
