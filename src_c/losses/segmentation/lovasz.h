/*
 * Lovasz losses of masks (Berman, Triki, Blaschko 2018), in the form of engine/lovasz.h. Errors:
 *
 *   of probabilities   |y - p|
 *   of logits          1 - s z, with s = 1 for label 1 and -1 for label 0: the Lovasz hinge
 *
 * Logits are ordered by -s z, which is exact, where several errors may round to one number.
 */
#include "engine/lovasz.h"

FL_LOVASZ_FORMULA(lovasz, y, p)
{
    const FL_T error = FL_ABS(y - p);
    return (FL_PIXEL){error, error, FL_OUTSIDE_UNIT(p) | FL_INVALID((y == y) & (y != FL_C(0)) & (y != FL_C(1)))};
}

FL_LOVASZ_FORMULA(lovasz_from_logits, y, z)
{
    const FL_T order = -FL_SIDE(y) * z;
    return (FL_PIXEL){FL_C(1) + order, order, FL_INVALID((y == y) & (y != FL_C(0)) & (y != FL_C(1)))};
}

FL_LOVASZ_CLASSES_FORMULA(lovasz_softmax, 0)

FL_LOVASZ_CLASSES_FORMULA(lovasz_softmax_from_logits, 1)
