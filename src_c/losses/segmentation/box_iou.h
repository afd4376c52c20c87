/*
 * Intersection over union of boxes (x1, y1, x2, y2), A the right and B the predicted one, and what is added to it where they do
 * not meet: GIoU (Rezatofighi et al. 2019), DIoU and CIoU (Zheng et al. 2020). An end before its beginning is moved there.
 *
 * Along an axis the four ends cut what encloses both boxes in lengths: a and b, which only A or only B has, m, which both have,
 * and the gap g between boxes that do not meet. Areas are sums of products of these:
 *
 *   wrong  W = a_x a_y + b_x b_y + (a_x + b_x) m_y + m_x (a_y + b_y)          one box has it, the other has not
 *   both   I = m_x m_y           union  U = W + I
 *   empty  E = a_x b_y + b_x a_y + g_x c_y + (c_x - g_x) g_y                  within the enclosing box C = c_x c_y
 *
 *   iou    1 - I / U = W / U
 *   giou   W / U + E / C
 *   diou   W / U + (d_x^2 + d_y^2) / (c_x^2 + c_y^2)                           d the distance of the centres
 *   ciou   diou + v^2 / (W / U + v),  v = (2 / pi (atan(w_A / h_A) - atan(w_B / h_B)))^2
 *
 * No term is negative: nothing cancels. The difference of the two angles is one arc tangent of a determinant.
 *
 * Gradients, h_y the length of B along y. An end of B that encloses A's moves outward by dx:
 *
 *   d(W / U) = I h_y / U^2        d(E / C) = (U - c_x h_y) / (C c_x)           d(d^2 / c^2), c alone: -2 d^2 c_x / c^4
 *
 * and one that lies within A, or beyond the gap, moves inward:
 *
 *   d(W / U) = m_y (U - m_x b_y) / U^2, or 0 beyond the gap                    d(E / C) = b_y / C, or h_y / C
 *
 * where U - m_x b_y is again a sum of areas. Where ends coincide and the two slopes have different signs, the derivative is 0;
 * else it is the smaller one. The derivative of v^2 / (q + v) by q = W / U is -alpha^2 and by v  alpha (2 - alpha), alpha = v /
 * (q + v), which is not taken for a constant. The parts of a gradient differ in sign; its error is relative to the largest.
 *
 * Lengths are multiplied by a power of two that makes c_x (c_y) about 1, so that areas neither over- nor underflow. Boxes
 * without an area of union overlap if they are the same (0), and else do not (1); their slopes are 0.
 */
#include "engine/vectors.h"

enum { FL_FN(box_iou_kind), FL_FN(box_giou_kind), FL_FN(box_diou_kind), FL_FN(box_ciou_kind) };

/* 2^-k for a number of 2^k to 2^(k+1); 0 is taken for the smallest number, and what is too large for the largest */
FL_INLINE FL_T FL_FN(box_inverse)(FL_T size)
{
    const FL_T largest = FL_FROM_BITS((FL_U)(2 * FL_EXPONENT_BIAS - 1) << FL_MANTISSA_BITS);
    const FL_U power = (FL_TO_BITS(FL_CLAMP(size, FL_SMALLEST_NORMAL, largest)) >> FL_MANTISSA_BITS) << FL_MANTISSA_BITS;
    return FL_FROM_BITS(((FL_U)(2 * FL_EXPONENT_BIAS) << FL_MANTISSA_BITS) - power);
}

/* An axis of two boxes, multiplied by `scale`. */
typedef struct {
    FL_T a, b, both, gap, all; /* lengths */
    FL_T both_low;             /* what the difference `both` has lost */
    FL_T meet;                 /* 1, or 0: the boxes have nothing of it in common */
    FL_T scale, common;        /* `common`: what would be the scale of this axis if there were no other */
    FL_PAIR shift;             /* twice the distance of the centres, from A to B */
    FL_PAIR length_a, length_b;
    FL_T a1, a2, b1, b2;
} FL_FN(box_axis);

FL_INLINE FL_FN(box_axis) FL_FN(box_axis_of)(FL_T a_first, FL_T a_last, FL_T b_first, FL_T b_last)
{
    const FL_T a_end = FL_MAX(a_first, a_last), b_end = FL_MAX(b_first, b_last);
    const FL_T size = FL_MAX(a_end, b_end) - FL_MIN(a_first, b_first);
    const FL_T inverse = FL_FN(box_inverse)(size);
    /* of one point only the place is known, which may be far away */
    const FL_T scale = FL_SELECT(size > FL_C(0), inverse, FL_C(1));
    const FL_T a1 = a_first * scale, a2 = a_end * scale, b1 = b_first * scale, b2 = b_end * scale;
    const FL_T left = FL_MAX(a1, b1), right = FL_MIN(a2, b2);
    const FL_PAIR both = FL_TWO_SUM(right, -left);
    const int meet = left < right;
    const FL_T inner = FL_SELECT(meet, left, right), outer = FL_SELECT(meet, right, left);
    const FL_PAIR s1 = FL_TWO_SUM(b1, -a1), s2 = FL_TWO_SUM(b2, -a2), s = FL_TWO_SUM(s1.hi, s2.hi);
    return (FL_FN(box_axis)){
        .a = FL_SELECT(a1 < b1, inner - a1, FL_C(0)) + FL_SELECT(a2 > b2, a2 - outer, FL_C(0)),
        .b = FL_SELECT(b1 < a1, inner - b1, FL_C(0)) + FL_SELECT(b2 > a2, b2 - outer, FL_C(0)),
        .both = FL_SELECT(meet, both.hi, FL_C(0)),
        .both_low = FL_SELECT(meet, both.lo, FL_C(0)),
        .gap = FL_SELECT(meet, FL_C(0), left - right),
        .meet = FL_SELECT(meet, FL_C(1), FL_C(0)),
        .all = FL_MAX(a2, b2) - FL_MIN(a1, b1),
        .scale = scale,
        .common = inverse,
        .shift = {s.hi, s.lo + (s1.lo + s2.lo)},
        .length_a = FL_TWO_SUM(a2, -a1),
        .length_b = FL_TWO_SUM(b2, -b1),
        .a1 = a1,
        .a2 = a2,
        .b1 = b1,
        .b2 = b2,
    };
}

/* The derivatives by the two ends of B. */
typedef struct {
    FL_T first, last;
} FL_FN(box_ends);

/* `out` is the slope of moving an end outward, `in` inward; `shift` that of moving both, `longer` of the length. */
FL_INLINE FL_FN(box_ends) FL_FN(box_ends_of)(const FL_FN(box_axis) x, int turned, FL_T out, FL_T in, FL_T shift, FL_T longer)
{
    const FL_T smaller = FL_MIN(in, -out), tie = FL_MAX(FL_C(0), smaller);
    const FL_T first = FL_SELECT(x.b1 < x.a1, -out, FL_SELECT(x.b1 > x.a1, in, tie)) + (shift - longer);
    const FL_T last = FL_SELECT(x.b2 > x.a2, out, FL_SELECT(x.b2 < x.a2, -in, -tie)) + (shift + longer);
    return (FL_FN(box_ends)){x.scale * (first + FL_SELECT(turned, last, FL_C(0))), x.scale * FL_SELECT(turned, FL_C(0), last)};
}

FL_INLINE FL_PAIR FL_FN(box_area)(const FL_PAIR x, const FL_PAIR y)
{
    const FL_PAIR product = FL_TWO_PRODUCT(x.hi, y.hi);
    return (FL_PAIR){product.hi, FL_FMA(x.hi, y.lo, FL_FMA(x.lo, y.hi, product.lo))};
}

/* The area of the union as a difference, with all its digits: gradients are divided by it twice. */
FL_INLINE FL_T FL_FN(box_union)(const FL_FN(box_axis) x, const FL_FN(box_axis) y)
{
    const FL_PAIR a = FL_FN(box_area)(x.length_a, y.length_a), b = FL_FN(box_area)(x.length_b, y.length_b);
    const FL_PAIR both = FL_FN(box_area)((FL_PAIR){x.both, x.both_low}, (FL_PAIR){y.both, y.both_low});
    const FL_PAIR sum = FL_TWO_SUM(a.hi, b.hi), rest = FL_TWO_SUM(sum.hi, -both.hi);
    return rest.hi + ((rest.lo + sum.lo) + (a.lo + b.lo - both.lo));
}

/* The slopes of moving an end along x outward and inward. Areas of 0 have been replaced by 1 where they are divided by: what is
 * divided is 0, too, or comes to nothing. */
typedef struct {
    FL_T out, in;
} FL_FN(box_slope);

FL_INLINE FL_FN(box_slope) FL_FN(box_overlap_slope)(const FL_FN(box_axis) x, const FL_FN(box_axis) y, FL_T both, FL_T all)
{
    /* the union without what B alone has beside what both have along x */
    const FL_T rest = FL_FMA(x.a + x.b, y.both, FL_FMA(x.both, y.a, FL_FMA(x.a, y.a, x.b * y.b))) + both;
    return (FL_FN(box_slope)){
        .out = (both / all) * y.length_b.hi / all,
        .in = (rest / all) * (x.meet * y.both) / all,
    };
}

FL_INLINE FL_FN(box_slope) FL_FN(box_empty_slope)(const FL_FN(box_axis) x, const FL_FN(box_axis) y, FL_T all, FL_T enclosing)
{
    return (FL_FN(box_slope)){
        .out = FL_FMA(-x.all, y.length_b.hi, all) / enclosing / FL_SELECT(x.all > FL_C(0), x.all, FL_C(1)),
        .in = FL_FMA(FL_C(1) - x.meet, y.both, y.b) / enclosing,
    };
}

/* A box of lengths that are about 1: their ratio is that of the sides. */
typedef struct {
    FL_PAIR width, height;
    FL_T scale;
} FL_FN(box_shape);

FL_INLINE FL_FN(box_shape) FL_FN(box_shape_of)(const FL_PAIR width, FL_T width_scale, const FL_PAIR height, FL_T height_scale)
{
    const FL_T w = width.hi * width_scale, h = height.hi * height_scale, size = FL_MAX(w, h);
    const FL_T scale = FL_SELECT(size > FL_C(0), FL_FN(box_inverse)(size), FL_C(1));
    return (FL_FN(box_shape)){
        .width = {w * scale, width.lo * width_scale * scale},
        .height = {h * scale, height.lo * height_scale * scale},
        .scale = scale,
    };
}

FL_INLINE FL_VECTOR_RESULT FL_FN(box_loss)(const FL_VECTOR a, const FL_VECTOR b, int kind)
{
    const FL_FN(box_axis) x = FL_FN(box_axis_of)(a.at[0], a.at[2], b.at[0], b.at[2]);
    const FL_FN(box_axis) y = FL_FN(box_axis_of)(a.at[1], a.at[3], b.at[1], b.at[3]);
    const FL_T corners = FL_FMA(x.a, y.a, x.b * y.b);
    const FL_T wrong = FL_FMA(x.a + x.b, y.both, FL_FMA(x.both, y.a + y.b, corners)), both = x.both * y.both;
    const FL_T all = wrong + both;
    const int differ = (x.a + x.b + x.gap) + (y.a + y.b + y.gap) > FL_C(0);
    const FL_T q = FL_SELECT(all > FL_C(0), wrong / all, FL_SELECT(differ, FL_C(1), FL_C(0)));
    const FL_T area = FL_FN(box_union)(x, y), divisor = FL_SELECT(area > FL_C(0), area, FL_C(1));
    const FL_FN(box_slope) q_x = FL_FN(box_overlap_slope)(x, y, both, divisor);
    const FL_FN(box_slope) q_y = FL_FN(box_overlap_slope)(y, x, both, divisor);
    FL_FN(box_slope) more_x = {FL_C(0), FL_C(0)}, more_y = more_x;
    FL_T more = FL_C(0), share = FL_C(1), shift_x = FL_C(0), shift_y = FL_C(0), longer_x = FL_C(0), longer_y = FL_C(0);
    if (kind == FL_FN(box_giou_kind)) {
        const FL_T around = x.all * y.all, enclosing = FL_SELECT(around > FL_C(0), around, FL_C(1));
        more = FL_FMA(x.gap, y.all, FL_FMA(x.all - x.gap, y.gap, FL_FMA(x.a, y.b, x.b * y.a))) / enclosing;
        more_x = FL_FN(box_empty_slope)(x, y, area, enclosing);
        more_y = FL_FN(box_empty_slope)(y, x, area, enclosing);
    }
    if (kind == FL_FN(box_diou_kind) || kind == FL_FN(box_ciou_kind)) {
        /* both axes on one scale */
        const FL_T common = FL_MIN(x.common, y.common), to_x = common / x.scale, to_y = common / y.scale;
        const FL_T c_x = x.all * to_x, c_y = y.all * to_y;
        const FL_T d_x = FL_C(0.5) * (x.shift.hi + x.shift.lo) * to_x, d_y = FL_C(0.5) * (y.shift.hi + y.shift.lo) * to_y;
        const FL_T square = FL_FMA(c_x, c_x, c_y * c_y);
        const int some = square > FL_C(0);
        const FL_T inverse = FL_SELECT(some, FL_C(1) / square, FL_C(0));
        more = FL_FMA(d_x, d_x, d_y * d_y) * inverse;
        more_x.out = FL_C(-2) * more * inverse * c_x * to_x;
        more_y.out = FL_C(-2) * more * inverse * c_y * to_y;
        shift_x = d_x * inverse * to_x;
        shift_y = d_y * inverse * to_y;
        if (kind == FL_FN(box_ciou_kind)) {
            const FL_FN(box_shape) s = FL_FN(box_shape_of)(x.length_a, to_x, y.length_a, to_y);
            const FL_FN(box_shape) t = FL_FN(box_shape_of)(x.length_b, to_x, y.length_b, to_y);
            const FL_PAIR p = FL_TWO_PRODUCT(t.width.hi, s.height.hi), r = FL_TWO_PRODUCT(s.width.hi, t.height.hi);
            const FL_T low = FL_FMA(s.width.hi, t.height.lo, s.width.lo * t.height.hi) -
                             FL_FMA(t.width.hi, s.height.lo, t.width.lo * s.height.hi);
            const FL_T cross = (r.hi - p.hi) + ((r.lo - p.lo) + low);
            const FL_T dot = FL_FMA(s.width.hi, t.width.hi, s.height.hi * t.height.hi), size = FL_ABS(cross);
            const FL_T between = FL_SELECT(size + dot > FL_C(0), FL_ANGLE(size, dot), FL_C(0));
            const FL_T angle = FL_WITH_SIGN_OF(cross, between) * FL_CONSTANT(TWO_OVER_PI);
            const FL_T v = angle * angle;
            const FL_T alpha = FL_SELECT(v > FL_C(0), v / (q + v), FL_C(0));
            const FL_T by_angle = FL_C(-2) * FL_CONSTANT(TWO_OVER_PI) * (alpha * (FL_C(2) - alpha)) * angle;
            const FL_T radius = FL_FMA(t.width.hi, t.width.hi, t.height.hi * t.height.hi);
            const FL_T by_length = FL_SELECT(radius > FL_C(0), by_angle / radius, FL_C(0)) * t.scale;
            more = FL_FMA(alpha, v, more);
            /* 1 - alpha^2 */
            share = FL_SELECT(v > FL_C(0), q / (q + v) * (FL_C(1) + alpha), FL_C(1));
            longer_x = by_length * t.height.hi * to_x;
            longer_y = -(by_length * t.width.hi * to_y);
        }
    }
    /* the numbers of an axis are not large */
    const FL_T x_sum = (x.a1 + x.a2) + (x.b1 + x.b2), y_sum = (y.a1 + y.a2) + (y.b1 + y.b2);
    const FL_T spoilt = FL_UNLESS_NAN(x_sum, 0) + FL_UNLESS_NAN(y_sum, 0);
    const FL_FN(box_ends) by_x = FL_FN(box_ends_of)(x, b.at[2] < b.at[0], FL_FMA(share, q_x.out, more_x.out),
                                                    FL_FMA(share, q_x.in, more_x.in), shift_x, longer_x);
    const FL_FN(box_ends) by_y = FL_FN(box_ends_of)(y, b.at[3] < b.at[1], FL_FMA(share, q_y.out, more_y.out),
                                                    FL_FMA(share, q_y.in, more_y.in), shift_y, longer_y);
    return (FL_VECTOR_RESULT){
        .value = q + more + spoilt,
        .gradient = {by_x.first + spoilt, by_y.first + spoilt, by_x.last + spoilt, by_y.last + spoilt},
    };
}

FL_VECTOR_FORMULA(box_iou, 4, (y_true), (y_pred), ())
{
    return FL_FN(box_loss)(y_true, y_pred, FL_FN(box_iou_kind));
}

FL_VECTOR_FORMULA(box_giou, 4, (y_true), (y_pred), ())
{
    return FL_FN(box_loss)(y_true, y_pred, FL_FN(box_giou_kind));
}

FL_VECTOR_FORMULA(box_diou, 4, (y_true), (y_pred), ())
{
    return FL_FN(box_loss)(y_true, y_pred, FL_FN(box_diou_kind));
}

FL_VECTOR_FORMULA(box_ciou, 4, (y_true), (y_pred), ())
{
    return FL_FN(box_loss)(y_true, y_pred, FL_FN(box_ciou_kind));
}
