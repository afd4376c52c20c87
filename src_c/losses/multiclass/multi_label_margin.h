/*
 * Multi-label margin loss: the hinge of every other class against every target of a list.
 */
#include "engine/margins.h"

FL_MARGIN_FORMULA(multi_label_margin, LIST, d, ())
{
    const FL_T m = FL_HINGE(FL_EXACTLY(FL_C(1)), d);
    return (FL_TARGET){.value = m, .slope = FL_SIGN(m), .curvature = FL_UNLESS_NAN(m, 0)};
}
