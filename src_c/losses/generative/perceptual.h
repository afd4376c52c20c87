/*
 * How far apart two vectors of channels a and b, that of a true and of a predicted map, point, which LPIPS compares as u = a /
 * |a|
 * - b / |b|. A vector of zeros stays one, and has a gradient of 0.
 *
 *   squared     value sum of u^2 = 2 (1 - cos)     gradient twice that of 1 - cos, in the forms of cosine.h
 *   absolute    value sum of |u|                   gradient by b  -(s - (s b) b / |b|^2) / |b|,  s = sign(u)
 *
 * For the absolute values, vectors are looked at again with t = |a| / |b|: u is (a - t b) / |a|, whose difference is exact but
 * for the roundings of t and t b. Where b is 0, t is 1; where a is, -1, for which a - t b is the negative of what u points to.
 */
#include "language/cosine.h"

FL_STATISTICS_FORMULA_OF(perceptual_squared_direction, "(d)", (y_true), (y_pred), (), (), 5, 2, 3)
{
    FL_TERMS t = FL_COSINE_TERMS(y_true, y_pred, scale);
    for (int k = 0; k < 5; k++)
        t.slope[k][0] = t.slope[k][1];
    return t;
}

FL_LOOK_AGAIN(perceptual_squared_direction, s, (), ())
{
    return FL_RATIO_IF_PARALLEL(s);
}

FL_OUTCOME_FOR(perceptual_squared_direction, s, (), ())
{
    const FL_VECTOR_ANGLE angle = FL_VECTOR_ANGLE_OF(s);
    const FL_T aa = s.sum[0], bb = s.sum[1], two = FL_C(2);
    const FL_T alone = FL_SELECT((aa > FL_C(0)) | (bb > FL_C(0)), FL_C(1), FL_UNLESS_NAN(aa + bb, 0));
    return (FL_OUTCOME){
        .value = FL_SELECT((aa <= FL_C(0)) | (bb <= FL_C(0)), alone, two * angle.distance),
        .by = {two * angle.rise[0], two * angle.rise[1], two * angle.rise[2], two * angle.rise[3], two * angle.rise[4]},
        .divisor = FL_C(1),
        .invalid = 0,
    };
}

FL_STATISTICS_FORMULA_OF(perceptual_absolute_direction, "(d)", (y_true), (y_pred), (), (), 4, 2, 2)
{
    const FL_T x = y_true * scale.of[0], y = y_pred * scale.of[1];
    const FL_T d = FL_FMA(-scale.again, y, x), side = FL_SIGN(d);
    return (FL_TERMS){
        .add = {x * x, y * y, FL_ABS(d), side * y},
        .slope = {{FL_C(0)}, {y * scale.of[1]}, {side * scale.of[1]}, {FL_C(0)}},
        .size = {FL_ABS(y_true), FL_ABS(y_pred)},
    };
}

FL_LOOK_AGAIN(perceptual_absolute_direction, s, (), ())
{
    const FL_T aa = s.sum[0], bb = s.sum[1];
    const FL_T of_one = FL_SELECT(aa > FL_C(0), FL_C(1), FL_SELECT(bb > FL_C(0), FL_C(-1), FL_C(0)));
    return FL_SELECT((aa <= FL_C(0)) | (bb <= FL_C(0)), of_one, FL_SQRT(aa) / FL_SQRT(bb));
}

FL_OUTCOME_FOR(perceptual_absolute_direction, s, (), ())
{
    const FL_T aa = s.sum[0], bb = s.sum[1], length = FL_SQRT(bb);
    const FL_T side = FL_SELECT(s.scale.again < FL_C(0), FL_C(-1), FL_C(1)), none = FL_UNLESS_NAN(aa + bb, 0);
    const int none_true = aa <= FL_C(0), none_predicted = bb <= FL_C(0);
    const FL_T value = s.sum[2] / FL_SELECT(none_true, length, FL_SQRT(aa));
    return (FL_OUTCOME){
        .value = FL_SELECT(none_true & none_predicted, none, value),
        .by = {FL_C(0), FL_SELECT(none_predicted, none, side * (s.sum[3] / bb) / length),
               FL_SELECT(none_predicted, none, -(side / length)), FL_C(0), FL_C(0)},
        .divisor = FL_C(1),
        .invalid = 0,
    };
}
