/*
 * Kullback-Leibler divergence of N(mean, e^s) from N(0, 1), s the logarithm of the variance, of one coordinate.
 *
 *   value       (mean^2 + (expm1(s) - s)) / 2        two terms of one sign
 *   gradients   mean      expm1(s) / 2
 *   hessians    1         exp(s) / 2
 */
#include "engine/row_sums.h"

FL_SUM_FORMULA(gaussian_kl, (), (mean, log_var), ())
{
    return (FL_RESULT){
        .value = FL_FMA(FL_C(0.5) * mean, mean, FL_C(0.5) * FL_EXPM1_MINUS_X(log_var)),
        .gradient = {mean, FL_C(0.5) * FL_EXPM1(log_var)},
        .hessian = {FL_UNLESS_NAN(mean, 1), FL_EXP_TIMES(FL_C(0.5), log_var, FL_C(0))},
    };
}
