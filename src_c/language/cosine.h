/*
 * The cosine of vectors a and b, and one minus it: what the losses of angles have in common.
 *
 * With A = |a|^2, B = |b|^2 and I = a b, sums of the first look,
 *
 *   c = I / (|a| |b|)          1 - c, where c <= 1/2, without further ado: what is subtracted is the smaller part
 *
 * Vectors that are nearly parallel are looked at again, with t = |a| / |b|, rounded: then d = a - t b is small, and exact but
 * for one rounding. With D = |d|^2 and E = d (a + t b) = |a|^2 - |t b|^2, which is about 0 and says how far t is off,
 *
 *   1 - c = (D - E^2 / (4 A)) / (2 A - E)
 *
 * but for squares of rounding errors: D is (|a| - t |b|)^2 + 2 t |a| |b| (1 - c), and t |a| |b| is A - E / 2. The gradients are
 * those parts of d that are perpendicular to a and to b, the parts along these are (D + E) / (2 A) a and (E - D) / (2 B) b:
 *
 *   by a   (d - (D + E) / (2 A) a) / (A - E / 2)      elsewhere  c a / A - b / (|a| |b|)
 *   by b  -(t d - (E - D) / (2 B) b) / (A - E / 2)    elsewhere  c b / B - a / (|a| |b|)
 *
 * So neither the value nor a gradient loses digits, down to angles of a rounding error. The cosine of a vector of zeros is 0,
 * and so are the gradients. The vectors are scaled by powers of two where the sums of squares over- or underflow.
 */
#ifndef FL_COSINE_H
#define FL_COSINE_H

#include "engine/statistics.h"

#define FL_VECTOR_ANGLE FL_FN(fl_vector_angle)
#define FL_COSINE_TERMS(a, b, scale) FL_FN(fl_cosine_terms)(a, b, scale)
#define FL_COSINE_OF(s) FL_FN(fl_cosine_of)(s)
#define FL_RATIO_IF_PARALLEL(s) FL_FN(fl_ratio_if_parallel)(s)
#define FL_VECTOR_ANGLE_OF(s) FL_FN(fl_vector_angle_of)(s)

#define FL_TEMPLATE "language/cosine.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* One minus the cosine, and the cosine, with their derivatives: `rise` and `fall`. */
typedef struct {
    FL_T cosine, distance;
    FL_T rise[FL_MAX_STATISTICS], fall[FL_MAX_STATISTICS];
} FL_FN(fl_vector_angle);

/* The sums A, B, I, and, in a second look, D and E. */
FL_INLINE FL_TERMS FL_FN(fl_cosine_terms)(FL_T a, FL_T b, const FL_SCALES scale)
{
    const FL_T x = a * scale.of[0], y = b * scale.of[1], ty = scale.again * y;
    const FL_T d = FL_FMA(-scale.again, y, x);
    return (FL_TERMS){
        .add = {x * x, y * y, x * y, d * d, d * (x + ty)},
        .slope = {{x * scale.of[0], FL_C(0)},
                  {FL_C(0), y * scale.of[1]},
                  {y * scale.of[0], x * scale.of[1]},
                  {d * scale.of[0], FL_C(0)},
                  {FL_C(0), -(d * scale.of[1])}},
        .size = {FL_ABS(a), FL_ABS(b)},
    };
}

FL_INLINE FL_T FL_FN(fl_cosine_of)(const FL_FN(fl_statistic_sums) s)
{
    const FL_T cosine = s.sum[2] / (FL_SQRT(s.sum[0]) * FL_SQRT(s.sum[1]));
    const int some = (s.sum[0] > FL_C(0)) & (s.sum[1] > FL_C(0));
    return FL_SELECT(some, FL_CLAMP(cosine, FL_C(-1), FL_C(1)), FL_UNLESS_NAN(s.sum[2], 0));
}

/* How to look again, if the cosine is near 1. */
FL_INLINE FL_T FL_FN(fl_ratio_if_parallel)(const FL_FN(fl_statistic_sums) s)
{
    return FL_SELECT(FL_COSINE_OF(s) > FL_C(0.5), FL_SQRT(s.sum[0]) / FL_SQRT(s.sum[1]), FL_C(0));
}

FL_INLINE FL_VECTOR_ANGLE FL_FN(fl_vector_angle_of)(const FL_FN(fl_statistic_sums) s)
{
    const FL_T aa = s.sum[0], bb = s.sum[1], dd = s.sum[3], ee = s.sum[4];
    const FL_T cosine = FL_COSINE_OF(s), half = FL_C(0.5);
    const int near = s.scale.again != FL_C(0), some = (aa > FL_C(0)) & (bb > FL_C(0));
    const FL_T across = aa - half * ee;
    const FL_T distance = (dd - ee * (ee / (FL_C(4) * aa))) / (FL_C(2) * across);
    const FL_T none = FL_UNLESS_NAN(aa + bb, 0);
    const FL_T of_a = FL_SELECT(some, cosine / aa, none), of_b = FL_SELECT(some, cosine / bb, none);
    const FL_T of_both = FL_SELECT(some, FL_C(1) / (FL_SQRT(aa) * FL_SQRT(bb)), none);
    return (FL_VECTOR_ANGLE){
        .cosine = cosine,
        .distance = FL_SELECT(near, FL_MAX(FL_C(0), distance), FL_C(1) - cosine),
        .rise = {FL_SELECT(near, -half * (dd + ee) / across / aa, of_a), FL_SELECT(near, half * (ee - dd) / across / bb, of_b),
                 FL_SELECT(near, FL_C(0), -of_both), FL_SELECT(near, FL_C(1) / across, FL_C(0)),
                 FL_SELECT(near, s.scale.again / across, FL_C(0))},
        .fall = {-of_a, -of_b, of_both, FL_C(0), FL_C(0)},
    };
}

#endif
