/*
 * What a discriminator (a critic) pays for its scores of a real and of a generated sample, r and f.
 *
 *   minimax          value softplus(-r) + softplus(f)        gradients -sig(-r), sig(f)      hessians sig(x) sig(-x)
 *   wasserstein      value f - r                             gradients -1, 1                 hessians 0
 *   hinge            value max(0, 1 - r) + max(0, 1 + f)     gradients -1 for r < 1, 1 for f > -1, else 0; hessians 0
 *   least_squares    value ((r - 1)^2 + f^2) / 2             gradients r - 1, f              hessians 1
 *
 * There is no logarithm of a sigmoid, so nothing saturates. The terms of all but the second are of one sign. f - r cancels
 * wherever both scores are large: what its rounding loses is the value of wasserstein_rest, which sums take up in a second
 * call, so that they are those of f less those of r, exactly.
 */
#include "engine/element.h"
#include "language/softplus.h"

FL_FORMULA(gan_discriminator_minimax, (), (real_scores, fake_scores), ())
{
    const FL_SOFTPLUS_RESULT r = FL_SOFTPLUS_OF(-real_scores), f = FL_SOFTPLUS_OF(fake_scores);
    return (FL_RESULT){
        .value = r.value + f.value,
        .gradient = {-r.slope, f.slope},
        .hessian = {r.curvature, f.curvature},
    };
}

FL_FORMULA(gan_discriminator_wasserstein, (), (real_scores, fake_scores), ())
{
    return (FL_RESULT){
        .value = fake_scores - real_scores,
        .gradient = {FL_UNLESS_NAN(real_scores, -1), FL_UNLESS_NAN(fake_scores, 1)},
        .hessian = {FL_UNLESS_NAN(real_scores, 0), FL_UNLESS_NAN(fake_scores, 0)},
    };
}

FL_FORMULA(gan_discriminator_wasserstein_rest, (), (real_scores, fake_scores), ())
{
    const FL_PAIR value = FL_TWO_SUM(fake_scores, -real_scores);
    const FL_T rest = FL_SELECT(FL_ABS(value.hi) < FL_INFINITY, value.lo, FL_C(0));
    return (FL_RESULT){.value = rest, .gradient = {FL_C(0), FL_C(0)}, .hessian = {FL_C(0), FL_C(0)}};
}

FL_FORMULA(gan_discriminator_hinge, (), (real_scores, fake_scores), ())
{
    const FL_T r = FL_C(1) - real_scores, f = FL_C(1) + fake_scores;
    const FL_T r_flat = FL_UNLESS_NAN(r, 0), f_flat = FL_UNLESS_NAN(f, 0);
    return (FL_RESULT){
        .value = FL_MAX(FL_C(0), r) + FL_MAX(FL_C(0), f),
        .gradient = {FL_SELECT(r > FL_C(0), FL_C(-1), r_flat), FL_SELECT(f > FL_C(0), FL_C(1), f_flat)},
        .hessian = {r_flat, f_flat},
    };
}

FL_FORMULA(gan_discriminator_least_squares, (), (real_scores, fake_scores), ())
{
    const FL_T r = real_scores - FL_C(1);
    return (FL_RESULT){
        .value = FL_FMA(FL_C(0.5) * r, r, (FL_C(0.5) * fake_scores) * fake_scores),
        .gradient = {r, fake_scores},
        .hessian = {FL_UNLESS_NAN(real_scores, 1), FL_UNLESS_NAN(fake_scores, 1)},
    };
}
