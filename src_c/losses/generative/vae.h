/*
 * What the code of a variational autoencoder costs: beta times its divergence from the standard normal distribution
 * (language/gaussian.h), nothing for a beta of 0. What the reconstruction costs is the loss of its numbers.
 */
#include "engine/row_sums.h"
#include "language/gaussian.h"

FL_SUM_FORMULA(vae_divergence, (), (mean, log_var), (beta))
{
    const FL_U some = FL_UNIFORM(beta > 0.0);
    const FL_RESULT t = FL_GAUSSIAN_KL(mean, log_var, FL_C(beta));
    return (FL_RESULT){
        .value = FL_PICK(some, t.value, FL_C(0)),
        .gradient = {FL_PICK(some, t.gradient[0], FL_C(0)), FL_PICK(some, t.gradient[1], FL_C(0))},
        .hessian = {FL_PICK(some, t.hessian[0], FL_C(0)), FL_PICK(some, t.hessian[1], FL_C(0))},
    };
}
