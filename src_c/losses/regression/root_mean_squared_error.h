/*
 * Root mean squared error of a whole array. r = y_pred - y_true, W the sum of the weights.
 *
 *   value      sqrt(S / W) with S the sum of w r^2        gradient  r / (W value), 0 at a perfect fit
 *
 * Squares of r overflow, or fall below the normal range, where the root itself is a number. So there are three sums: the
 * squares of r of usual size, and those of smaller and of larger ones times a power of two. They are kept apart by each r
 * alone, so that they can be added up over any parts. The root is that of all three in the unit that suits them; the gradient's
 * r is in the same unit.
 */
#include "engine/statistics.h"

/* What is squared as it is, and the factors of what is smaller and larger; squares of doubles leave room for weights. */
#define FL_RMS_SMALL FL_C(FL_BITS == 32 ? 0x1p-63 : 0x1p-255)
#define FL_RMS_LARGE FL_C(FL_BITS == 32 ? 0x1p63 : 0x1p255)
#define FL_RMS_UP(precision) ((precision) == FL_F32 ? 0x1p90 : 0x1p650)
#define FL_RMS_DOWN(precision) ((precision) == FL_F32 ? 0x1p-70 : 0x1p-640)

FL_STATISTICS_FORMULA(root_mean_squared_error, "(...)", (y_true), (y_pred), (), 3, 1, 0)
{
    const FL_T r = y_pred - y_true, size = FL_ABS(r);
    const FL_T up = r * FL_C(FL_RMS_UP(FL_PRECISION)), down = r * FL_C(FL_RMS_DOWN(FL_PRECISION));
    const int small = size < FL_RMS_SMALL, large = size >= FL_RMS_LARGE;
    return (FL_TERMS){
        .add = {FL_SELECT(small | large, FL_C(0), r * r), FL_SELECT(small, up * up, FL_C(0)),
                FL_SELECT(large, down * down, FL_C(0))},
        .few = {r * r},
        .slope = {{r}},
        /* not a difference of zero */
        .unusual = FL_SELECT(small | large, (FL_I)FL_TO_BITS(size), (FL_I)0),
    };
}

FL_OUTCOME_OF(root_mean_squared_error, s, ())
{
    const double up = FL_RMS_UP(s.precision), down = FL_RMS_DOWN(s.precision);
    const double usual = (double)s.sum[0], small = (double)s.sum[1], large = (double)s.sum[2], weight = (double)s.weight;
    /* beside usual squares, those that are smaller by this much count for nothing */
    const double least = s.precision == FL_F32 ? 0x1p-90 : 0x1p-500;
    const double scale = large > 0.0 ? down : usual / weight > least || small == 0.0 ? 1.0 : up;
    const double of_scale = large > 0.0 ? large : scale > 1.0 ? small : (small / up) / up;
    const double root = __builtin_sqrt((usual * scale * scale + of_scale) / weight);
    return (FL_OUTCOME){
        .value = FL_C(root / scale),
        .by = {FL_C(scale)},
        .divisor = FL_C(root > 0.0 ? weight * root : __builtin_inf()),
    };
}
