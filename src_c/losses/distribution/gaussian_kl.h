/*
 * Kullback-Leibler divergence of a Gaussian from the standard one: the sum over its coordinates (language/gaussian.h).
 */
#include "engine/row_sums.h"
#include "language/gaussian.h"

FL_SUM_FORMULA(gaussian_kl, (), (mean, log_var), ())
{
    return FL_GAUSSIAN_KL(mean, log_var, FL_C(1));
}
