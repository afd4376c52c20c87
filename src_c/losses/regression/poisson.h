/*
 * Poisson negative log-likelihood, y = y_true >= 0. z is the raw prediction with mean exp(z), mu the mean itself.
 *
 *   from_log = True        value exp(z) - y z       gradient exp(z) - y      hessian exp(z)
 *   from_log = False       value mu - y log mu      gradient (mu - y) / mu   hessian y / mu^2       mu >= 0
 *   full = True            + log y! = lgamma(y + 1)
 *
 * The value and the first gradient change sign; their errors are relative to the largest term. y = 0 switches y z and
 * y log mu off, also where z or log mu is infinite.
 */
#include "engine/element.h"

FL_INLINE FL_RESULT FL_FN(poisson_of_log)(FL_T y, FL_T z, FL_T log_factorial)
{
    const FL_T e = FL_EXP(z);
    const FL_T product = FL_FMA(-y, z, e + log_factorial);
    const FL_T finite = FL_SELECT(y == FL_C(0), e, product);
    return (FL_RESULT){
        .value = FL_SELECT(e < FL_INFINITY, finite, e + y),
        .gradient = {e - y},
        .hessian = {e},
        .invalid = FL_INVALID(y < FL_C(0)),
    };
}

FL_INLINE FL_RESULT FL_FN(poisson_of_mean)(FL_T y, FL_T mu, FL_T log_factorial)
{
    const FL_T product = FL_FMA(-y, FL_LOG(mu), mu + log_factorial);
    const FL_T slope = FL_SELECT(mu < FL_INFINITY, (mu - y) / mu, FL_UNLESS_NAN(mu, 1));
    return (FL_RESULT){
        .value = FL_SELECT((y == FL_C(0)) | (mu == FL_INFINITY), mu, product),
        .gradient = {FL_SELECT(y == FL_C(0), FL_UNLESS_NAN(mu, 1), slope)},
        .hessian = {FL_SELECT(y == FL_C(0), FL_UNLESS_NAN(mu, 0), (y / mu) / mu)},
        .invalid = FL_INVALID(y < FL_C(0)) | FL_INVALID(mu < FL_C(0)),
    };
}

FL_FORMULA(poisson_log, (y_true), (y_pred), ())
{
    return FL_FN(poisson_of_log)(y_true, y_pred, FL_C(0));
}

FL_FORMULA(poisson_log_full, (y_true), (y_pred), ())
{
    return FL_FN(poisson_of_log)(y_true, y_pred, FL_LGAMMA1P(y_true));
}

FL_FORMULA(poisson_mean, (y_true), (y_pred), ())
{
    return FL_FN(poisson_of_mean)(y_true, y_pred, FL_C(0));
}

FL_FORMULA(poisson_mean_full, (y_true), (y_pred), ())
{
    return FL_FN(poisson_of_mean)(y_true, y_pred, FL_LGAMMA1P(y_true));
}
