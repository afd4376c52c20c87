/*
 * Multi-class margin loss: max(0, margin + d)^p of every other class, d = z_j - z_t, p = 1 or 2. At the kink the derivatives
 * are 0. By the margin: p max(0, margin + d)^(p - 1), 0 at the kink.
 */
#include "engine/margins.h"

FL_MARGIN_FORMULA(multi_margin, ONE_TARGET, d, (p, margin))
{
    const FL_T m = FL_HINGE(FL_EXACT_PARAMETER(margin), d);
    const FL_U squared = FL_UNIFORM(p == 2.0);
    return (FL_TARGET){
        .value = FL_PICK(squared, m * m, m),
        .slope = FL_PICK(squared, FL_C(2) * m, FL_SIGN(m)),
        .curvature = FL_PICK(squared, FL_C(2) * FL_SIGN(m), FL_UNLESS_NAN(m, 0)),
    };
}

FL_MARGIN_FORMULA(multi_margin_by_margin, ONE_TARGET, d, (p, margin))
{
    const FL_T m = FL_HINGE(FL_EXACT_PARAMETER(margin), d);
    const FL_T by = FL_PICK(FL_UNIFORM(p == 2.0), FL_C(2) * m, FL_SIGN(m));
    return (FL_TARGET){.value = by, .slope = FL_C(0), .curvature = FL_C(0)};
}
