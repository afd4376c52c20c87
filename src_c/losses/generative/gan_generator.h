/*
 * What a generator pays for the score f that the discriminator gives a generated sample.
 *
 *   non_saturating   value softplus(-f)       gradient -sig(-f)     hessian sig(f) sig(-f)
 *   minimax          value -softplus(f)       gradient -sig(f)      hessian -sig(f) sig(-f)
 *   wasserstein      value -f                 gradient -1           hessian 0
 *   least_squares    value (f - 1)^2 / 2      gradient f - 1        hessian 1
 *
 * That of the hinge loss is the same as that of Wasserstein's.
 */
#include "engine/element.h"
#include "language/softplus.h"

FL_FORMULA(gan_generator_non_saturating, (), (fake_scores), ())
{
    const FL_SOFTPLUS_RESULT t = FL_SOFTPLUS_OF(-fake_scores);
    return (FL_RESULT){.value = t.value, .gradient = {-t.slope}, .hessian = {t.curvature}};
}

FL_FORMULA(gan_generator_minimax, (), (fake_scores), ())
{
    const FL_SOFTPLUS_RESULT t = FL_SOFTPLUS_OF(fake_scores);
    return (FL_RESULT){.value = -t.value, .gradient = {-t.slope}, .hessian = {-t.curvature}};
}

FL_FORMULA(gan_generator_wasserstein, (), (fake_scores), ())
{
    return (FL_RESULT){
        .value = -fake_scores,
        .gradient = {FL_UNLESS_NAN(fake_scores, -1)},
        .hessian = {FL_UNLESS_NAN(fake_scores, 0)},
    };
}

FL_FORMULA(gan_generator_least_squares, (), (fake_scores), ())
{
    const FL_T r = fake_scores - FL_C(1);
    return (FL_RESULT){.value = (FL_C(0.5) * r) * r, .gradient = {r}, .hessian = {FL_UNLESS_NAN(fake_scores, 1)}};
}
