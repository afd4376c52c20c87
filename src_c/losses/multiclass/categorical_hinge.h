/*
 * Categorical hinge loss (Crammer and Singer 2001): max(0, 1 + d) with d = max_j z_j - z_t over the other classes j. Of equal
 * scores the first one counts. At the kink, d = -1, the gradient is 0.
 */
#include "engine/margins.h"

FL_LARGEST_MARGIN_FORMULA(categorical_hinge, d)
{
    const FL_T m = FL_HINGE(FL_EXACTLY(FL_C(1)), d);
    return (FL_TARGET){.value = m, .slope = FL_SIGN(m), .curvature = FL_UNLESS_NAN(m, 0)};
}
