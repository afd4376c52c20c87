/*
 * Kullback-Leibler divergence of N(mean, e^s) from N(0, 1), s the logarithm of the variance, of one coordinate, times a factor.
 *
 *   value       (mean^2 + (expm1(s) - s)) / 2        two terms of one sign
 *   gradients   mean      expm1(s) / 2
 *   hessians    1         exp(s) / 2
 */
#ifndef FL_GAUSSIAN_H
#define FL_GAUSSIAN_H

#include "language/formula.h"

#define FL_GAUSSIAN_KL(mean, log_var, factor) FL_FN(fl_gaussian_kl)(mean, log_var, factor)

#define FL_TEMPLATE "language/gaussian.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

FL_INLINE FL_RESULT FL_FN(fl_gaussian_kl)(FL_T mean, FL_T log_var, FL_T factor)
{
    const FL_HALF_EXP half = FL_HALF_EXP_OF(log_var);
    return (FL_RESULT){
        .value = factor * FL_FMA(FL_C(0.5) * mean, mean, half.beyond),
        .gradient = {factor * mean, factor * half.expm1},
        .hessian = {factor * FL_UNLESS_NAN(mean, 1), factor * half.exp},
    };
}

#endif
