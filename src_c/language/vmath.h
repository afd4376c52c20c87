/*
 * Elementary functions as branch-free scalar text, in both precisions; loops over them are vectorised by the compiler. No
 * table, no libm, the same bits on every instruction set.
 *
 *   largest error, ulp   f32    f64     method
 *   FL_EXP               1.1    1.2     r = x - k log 2, polynomial, raised below 0 and halved above on the way
 *   FL_EXPM1             0.95   0.9     r in two parts, 2^k - 1 added exactly
 *   FL_LOG               0.65   0.6     m 2^k, m in [sqrt(1/2), sqrt(2)), atanh series in (m-1)/(m+1), result as a pair
 *   FL_LOG1P             0.65   0.6     the logarithm of the exact sum 1 + x
 *   FL_TANH              2.6    2.7     by the parts of tanh(r / 2), a quotient of polynomials
 *   FL_SIGMOID           2.3    2.5     1/(1+e) or e/(1+e), e = exp(-|x|)
 *   FL_SOFTPLUS          2.8    2.9     max(x, 0) + log1p(exp(-|x|)) by a polynomial (f32) or an atanh series (f64)
 *   FL_LOG_COSH          1.4    1.4     a polynomial near 0, |x| - log 2 + log1p(exp(-2|x|)) beyond
 *   FL_X_MINUS_LOG1P     2.3    2.2     log1p's series without its first term, beside what is exact of 2^k
 *   FL_EXPM1_MINUS_X     1.5    1.5     a series in [-1, 1], or the difference
 *   FL_ATAN              1.6    1.6     a series below tan(pi/8), turned by pi/4 and mirrored beyond
 *   FL_LGAMMA1P          1.4    1.4     in ulp of the larger of result and argument
 *
 * Searched; FL_EXPM1, FL_LOG and FL_LOG1P in f32 with all 2^32 arguments. NaN goes in and comes out; infinities give the
 * limits; results below the normal range are rounded once.
 */
#ifndef FL_VMATH_H
#define FL_VMATH_H

#include "language/coefficients.h"
#include "language/scalar.h"

#define FL_SMALLEST_NORMAL FL_FROM_BITS((FL_U)1 << FL_MANTISSA_BITS)
/* Makes every quotient positive (a logical shift halves it: AVX2 has no arithmetic one) and even. */
#define FL_EXP_OFFSET ((FL_U)(2 * (FL_EXPONENT_BIAS + 1)))
/* 1.5 * 2^mantissa bits: adding it rounds to an integer and leaves that integer in the low bits. */
#define FL_SHIFTER FL_C(3 * ((int64_t)1 << (FL_MANTISSA_BITS - 1)))
#define FL_EXP_LIMIT FL_C(FL_BITS == 32 ? 170 : 1400)
/* exp overflows, and expm1 has reached -1, before these. */
#define FL_EXPM1_UPPER FL_C(FL_BITS == 32 ? 89 : 710)
#define FL_EXPM1_LOWER FL_C(FL_BITS == 32 ? -40 : -80)
#define FL_SQRT_HALF_BITS ((FL_U)(FL_BITS == 32 ? 0x3f3504f3u : 0x3fe6a09e667f3bcdu))
#define FL_ONE_BITS ((FL_U)FL_EXPONENT_BIAS << FL_MANTISSA_BITS)
/* 2^mantissa bits: or-ing a small integer into it makes it a number. */
#define FL_INTEGER_BASE FL_C((int64_t)1 << FL_MANTISSA_BITS)
/* Results below exp(FL_DECAY_LIMIT) count for nothing beside 1. */
#define FL_DECAY_LIMIT FL_C(FL_BITS == 32 ? -80 : -700)
#define FL_UP FL_C((int64_t)1 << (FL_MANTISSA_BITS + 2))
#define FL_DOWN (FL_C(1) / FL_UP)

/*
 * Raised exponentials are 2^FL_RAISED times as large, so that none is subnormal: those that are, are rounded when they are
 * divided by a sum.
 */
#define FL_RAISED (FL_BITS == 32 ? 64 : 600)
#define FL_LOWERED FL_C(FL_BITS == 32 ? 0x1p-64 : 0x1p-600)
#define FL_RAISED_ONE FL_FROM_BITS((FL_U)(FL_EXPONENT_BIAS + FL_RAISED) << FL_MANTISSA_BITS)
/* exp of less is nothing beside the smallest number, and still normal when it is raised */
#define FL_LEAST_POWER FL_C(FL_BITS == 32 ? -130 : -1100)

#define FL_DECAY FL_FN(fl_decay)
#define FL_DECAY_OF(a) FL_FN(fl_decay_of)(a)
#define FL_EXPM1_NEAR(r) FL_FN(fl_expm1_near)(r)
#define FL_EXP(x) FL_FN(fl_exp)(x)
#define FL_EXP_TIMES(factor, x, low) FL_FN(fl_exp_times)(factor, x, low)
#define FL_EXPM1(x) FL_FN(fl_expm1)(x)
#define FL_EXPM1_PAIR(x, low) FL_FN(fl_expm1_pair)(x, low)
#define FL_LOG(x) FL_FN(fl_log)(x)
#define FL_LOG_OF_POSITIVE(x) FL_FN(fl_log_of_positive)(x)
#define FL_LOG_PRECISE(x) FL_FN(fl_log_precise)(x)
#define FL_LOG1P(x) FL_FN(fl_log1p)(x)
#define FL_LOG1P_PAIR(x, low) FL_FN(fl_log1p_pair)(x, low)
#define FL_LOG1P_UNIT(x) FL_FN(fl_log1p_unit)(x)
#define FL_LOG_OF_SUM(one, x) FL_FN(fl_log_of_sum)(one, x)
#define FL_LOG_OF_PAIR(x) FL_FN(fl_log_of_pair)(x)
#define FL_EXP_PRODUCT(factor, power, logarithm) FL_FN(fl_exp_product)(factor, power, logarithm)
#define FL_HYPERBOLIC FL_FN(fl_hyperbolic)
#define FL_HYPERBOLIC_OF(x) FL_FN(fl_hyperbolic_of)(x)
#define FL_EXP_MULTIPLE(factor, power, x) FL_FN(fl_exp_multiple)(factor, power, x)
#define FL_TANH(x) FL_FN(fl_tanh)(x)
#define FL_ATAN(x) FL_FN(fl_atan)(x)
#define FL_ANGLE(y, x) FL_FN(fl_angle)(y, x)
#define FL_LOG_COSH(x) FL_FN(fl_log_cosh)(x)
#define FL_LOG1P_RAISED_PRECISELY(e_raised, e) FL_FN(fl_log1p_raised_precisely)(e_raised, e)
#define FL_LOGISTIC FL_FN(fl_logistic)
#define FL_LOGISTIC_OF(x) FL_FN(fl_logistic_of)(x)
#define FL_LOGISTIC_PARTS FL_FN(fl_logistic_parts)
#define FL_LOGISTIC_PARTS_OF(x) FL_FN(fl_logistic_parts_of)(x)
#define FL_PRECISE_LOGISTIC_PARTS_OF(x) FL_FN(fl_precise_logistic_parts_of)(x)
#define FL_SIGMOID(x) FL_FN(fl_sigmoid)(x)
#define FL_SOFTPLUS(x) FL_FN(fl_softplus)(x)
#define FL_X_MINUS_LOG1P(x) FL_FN(fl_x_minus_log1p)(x)
#define FL_X_MINUS_LOG1P_OF_PAIR(x) FL_FN(fl_x_minus_log1p_of_pair)(x)
#define FL_EXPM1_MINUS_X(x) FL_FN(fl_expm1_minus_x)(x)
#define FL_HALF_EXP FL_FN(fl_half_exp)
#define FL_HALF_EXP_OF(x) FL_FN(fl_half_exp_of)(x)
#define FL_RATIO FL_FN(fl_ratio)
#define FL_RATIO_OF(large, small, normal) FL_FN(fl_ratio_of)(large, small, FL_C(0), 0, normal)
#define FL_RATIO_OF_ROUNDED(large, small, difference) FL_FN(fl_ratio_of)(large, small, difference, 1, 0)
#define FL_LOG_QUOTIENT(a, b) FL_FN(fl_log_quotient)(a, b)
#define FL_LGAMMA1P(y) FL_FN(fl_lgamma1p)(y)

#define FL_TEMPLATE "language/vmath.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* ---- exp and expm1 ------------------------------------------------------------------------------------------ */

/* x = quotient log 2 + r.hi + r.lo, |r| < 0.35; `quotient` is an integer plus FL_EXP_OFFSET. */
typedef struct {
    FL_PAIR r;
    FL_U quotient;
} FL_FN(fl_reduced);

FL_INLINE FL_FN(fl_reduced) FL_FN(fl_exp_reduce)(FL_T x)
{
    const FL_T shifted = FL_FMA(x, FL_CONSTANT(LOG2_E), FL_SHIFTER);
    const FL_T k = shifted - FL_SHIFTER;
    /* The first step is exact; the second in two parts. */
    const FL_T coarse = FL_FMA(-k, FL_CONSTANT(LN2), x);
    const FL_T fine = FL_FMA(-k, FL_CONSTANT(LN2_LOW), coarse);
    const FL_T rest = FL_FMA(-k, FL_CONSTANT(LN2_LOW), coarse - fine);
    return (FL_FN(fl_reduced)){{fine, rest}, FL_TO_BITS(shifted) - FL_TO_BITS(FL_SHIFTER) + FL_EXP_OFFSET};
}

/* x * 2^(quotient - FL_EXP_OFFSET), rounded once; quotients within +-(2 bias - 4). */
FL_INLINE FL_T FL_FN(fl_scale)(FL_T x, FL_U quotient)
{
    const FL_U half = quotient >> 1;
    const FL_T first = FL_FROM_BITS((half - 1) << FL_MANTISSA_BITS);
    const FL_T second = FL_FROM_BITS((quotient - half - 1) << FL_MANTISSA_BITS);
    return (x * first) * second;
}

/* expm1(r.hi + r.lo) - r.hi */
FL_INLINE FL_T FL_FN(fl_expm1_rest)(FL_PAIR r)
{
    return FL_FMA(r.hi * r.hi, FL_POLYNOMIAL(EXPM1, r.hi), FL_FMA(r.hi, r.lo, r.lo));
}

/* expm1(r) of |r| < 0.35, about 0.7 ulp */
FL_INLINE FL_T FL_FN(fl_expm1_near)(FL_T r)
{
    return FL_FMA(r * r, FL_POLYNOMIAL(EXP_TAIL, r), r);
}

FL_INLINE FL_T FL_FN(fl_exp)(FL_T x)
{
    const FL_T clipped = FL_CLAMP(x, FL_LEAST_POWER, FL_EXPM1_UPPER);
    /* below 0 raised, so that the scale is never subnormal, and above it halved, so that it is never infinite */
    const int falls = x < FL_C(0);
    const FL_T shifter =
        FL_SELECT(falls, FL_SHIFTER + FL_C(FL_EXPONENT_BIAS + FL_RAISED), FL_SHIFTER + FL_C(FL_EXPONENT_BIAS - 1));
    const FL_T shifted = FL_FMA(clipped, FL_CONSTANT(LOG2_E), shifter);
    const FL_T k = shifted - shifter;
    const FL_T r = FL_FMA(-k, FL_CONSTANT(LN2_LOW), FL_FMA(-k, FL_CONSTANT(LN2), clipped));
    const FL_T scale = FL_FROM_BITS(FL_TO_BITS(shifted) << FL_MANTISSA_BITS);
    return (FL_FMA(r, FL_POLYNOMIAL(EXP_SLOPE, r), FL_C(1)) * scale) * FL_SELECT(falls, FL_LOWERED, FL_C(2));
}

/* factor * exp(x + low), |low| up to some ulp of x; right where the exponential alone would be subnormal or infinite. */
FL_INLINE FL_T FL_FN(fl_exp_times)(FL_T factor, FL_T x, FL_T low)
{
    const FL_T clipped = FL_CLAMP(x, -FL_EXP_LIMIT, FL_EXP_LIMIT);
    const FL_T shifted = FL_FMA(clipped, FL_CONSTANT(LOG2_E), FL_SHIFTER);
    const FL_T k = shifted - FL_SHIFTER;
    const FL_T r = FL_FMA(-k, FL_CONSTANT(LN2), clipped) + FL_FMA(-k, FL_CONSTANT(LN2_LOW), low);
    const FL_T mantissa = FL_FMA(r, FL_POLYNOMIAL(EXP_SLOPE, r), FL_C(1));
    return FL_FN(fl_scale)(factor * mantissa, FL_TO_BITS(shifted) - FL_TO_BITS(FL_SHIFTER) + FL_EXP_OFFSET);
}

/* exp(x + low) for x <= 0, raised; about 1 ulp */
FL_INLINE FL_T FL_FN(fl_raised_exp)(FL_T x, FL_T low)
{
    const FL_T d = FL_SELECT(x < FL_LEAST_POWER, FL_LEAST_POWER, x);
    const FL_T shifted = FL_FMA(d, FL_CONSTANT(LOG2_E), FL_SHIFTER);
    const FL_T k = shifted - FL_SHIFTER;
    const FL_T coarse = FL_FMA(-k, FL_CONSTANT(LN2), d);
    const FL_T r = coarse + FL_FMA(-k, FL_CONSTANT(LN2_LOW), low);
    const FL_T mantissa = FL_C(1) + FL_FMA(r * r, FL_POLYNOMIAL(EXPM1, r), r);
    const FL_U exponent = FL_TO_BITS(shifted) - FL_TO_BITS(FL_SHIFTER) + (FL_U)(FL_RAISED + FL_EXPONENT_BIAS);
    return mantissa * FL_FROM_BITS(exponent << FL_MANTISSA_BITS);
}

/* expm1(x + low) as a pair, from x's reduction (|x| at most FL_EXPM1_LIMIT) */
FL_INLINE FL_PAIR FL_FN(fl_expm1_reduced)(FL_FN(fl_reduced) t)
{
    /* Everything is halved, so that 2^k stays finite at the upper end. */
    const FL_T scale = FL_FROM_BITS((t.quotient - FL_EXP_OFFSET + (FL_EXPONENT_BIAS - 1)) << FL_MANTISSA_BITS);
    const FL_T larger = FL_SELECT(scale < FL_C(0.5), FL_C(-0.5), scale);
    const FL_T smaller = FL_SELECT(scale < FL_C(0.5), scale, FL_C(-0.5));
    const FL_PAIR base = FL_FAST_TWO_SUM(larger, smaller);
    const FL_PAIR sum = FL_FAST_TWO_SUM(base.hi, scale * t.r.hi);
    const FL_T low = FL_FMA(scale, FL_FN(fl_expm1_rest)(t.r), sum.lo + base.lo);
    const FL_PAIR half = FL_FAST_TWO_SUM(sum.hi, low);
    return (FL_PAIR){half.hi + half.hi, half.lo + half.lo};
}

FL_INLINE FL_PAIR FL_FN(fl_expm1_pair)(FL_T x, FL_T low)
{
    FL_FN(fl_reduced) t = FL_FN(fl_exp_reduce)(FL_CLAMP(x, FL_EXPM1_LOWER, FL_EXPM1_UPPER));
    t.r.lo += low;
    const FL_PAIR pair = FL_FN(fl_expm1_reduced)(t);
    /* Below, x is its own answer, and halving it would round. */
    return (FL_PAIR){FL_SELECT(FL_ABS(x) < FL_C(4) * FL_SMALLEST_NORMAL, x, pair.hi), pair.lo};
}

FL_INLINE FL_T FL_FN(fl_expm1)(FL_T x)
{
    return FL_FN(fl_expm1_pair)(x, FL_C(0)).hi;
}

/* ---- log and log1p ------------------------------------------------------------------------------------------ */

/* k and 2^-k from the exponent of 2^k as it is stored, biased; 2^-k where it is normal */
FL_INLINE FL_T FL_FN(fl_unbiased)(FL_U biased)
{
    return FL_FROM_BITS(biased | FL_TO_BITS(FL_INTEGER_BASE)) - (FL_INTEGER_BASE + FL_C(FL_EXPONENT_BIAS));
}

FL_INLINE FL_T FL_FN(fl_inverse_power)(FL_U biased)
{
    return FL_FROM_BITS(((FL_U)(2 * FL_EXPONENT_BIAS) - biased) << FL_MANTISSA_BITS);
}

/* h = 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt(2)) */
typedef struct {
    FL_T k, f, up; /* up = 2^(1-k), and 0 at the largest k */
} FL_FN(fl_split);

FL_INLINE FL_FN(fl_split) FL_FN(fl_log_split)(FL_T h)
{
    const FL_U u = FL_TO_BITS(h) + (FL_ONE_BITS - FL_SQRT_HALF_BITS);
    const FL_U biased = u >> FL_MANTISSA_BITS;
    const FL_U mantissa = (u & (((FL_U)1 << FL_MANTISSA_BITS) - 1)) + FL_SQRT_HALF_BITS;
    const FL_T up = FL_FROM_BITS(((FL_U)(2 * FL_EXPONENT_BIAS + 1) - biased) << FL_MANTISSA_BITS);
    return (FL_FN(fl_split)){FL_FN(fl_unbiased)(biased), FL_FROM_BITS(mantissa) - FL_C(1), up};
}

/* k log 2 + log(1 + f + low), to about 2^-(p + 2.5) relative to the result */
FL_INLINE FL_PAIR FL_FN(fl_log_joined)(FL_T k, FL_T f, FL_T low)
{
    const FL_T s = f / (FL_C(2) + f);
    const FL_T z = s * s;
    const FL_T half_f = FL_C(0.5) * f;
    const FL_T half_square = half_f * f;
    const FL_T half_square_low = FL_FMA(half_f, f, -half_square);
    const FL_T tail = s * FL_FMA(z, FL_POLYNOMIAL(LOG, z), half_square);
    const FL_PAIR sum = FL_FAST_TWO_SUM(k * FL_CONSTANT(LN2_HEAD), f);
    const FL_PAIR main = FL_FAST_TWO_SUM(sum.hi, -half_square);
    const FL_T exponent_low = k * FL_CONSTANT(LN2_MIDDLE);
    const FL_T rest = (sum.lo + main.lo) + ((exponent_low - half_square_low) + FL_FMA(-low, f, low)) + tail;
    return FL_FAST_TWO_SUM(main.hi, rest);
}

/* log(h) for a positive normal h */
FL_INLINE FL_PAIR FL_FN(fl_log_pair)(FL_T h)
{
    const FL_FN(fl_split) t = FL_FN(fl_log_split)(h);
    return FL_FN(fl_log_joined)(t.k, t.f, FL_C(0));
}

/* log(h + l), h positive and normal, |l| at most an ulp or so of h (or anything as small beside h) */
FL_INLINE FL_PAIR FL_FN(fl_log_of_pair)(FL_PAIR x)
{
    const FL_FN(fl_split) t = FL_FN(fl_log_split)(x.hi);
    const FL_PAIR f = FL_TWO_SUM(t.f, x.lo * (FL_C(0.5) * t.up));
    return FL_FN(fl_log_joined)(t.k, f.hi, f.lo);
}

/* k log 2 + log(1 + f), f around 0; about 1.5 ulp */
FL_INLINE FL_T FL_FN(fl_log_joined_briefly)(FL_T k, FL_T f)
{
#if FL_BITS == 32
    const FL_T log1p = FL_FMA(f * f, FL_POLYNOMIAL(LOG1P_AROUND, f), f);
#else
    const FL_T s = f / (FL_C(2) + f), z = s * s, half_square = (FL_C(0.5) * f) * f;
    const FL_T log1p = f - (half_square - s * FL_FMA(z, FL_POLYNOMIAL(LOG, z), half_square));
#endif
    return FL_FMA(k, FL_CONSTANT(LN2), log1p);
}

/* log(one + x) of x >= 0, where `one` is 1 or 0, or of 1 - |x|, |x| <= 1/2. 2^k (1 + f) is the sum without its rounding. */
FL_INLINE FL_T FL_FN(fl_log_of_sum)(FL_T one, FL_T x)
{
    const FL_U biased = (FL_TO_BITS(one + x) + (FL_ONE_BITS - FL_SQRT_HALF_BITS)) >> FL_MANTISSA_BITS;
    const FL_T k = FL_FN(fl_unbiased)(biased), down = FL_FN(fl_inverse_power)(biased);
    return FL_FN(fl_log_joined_briefly)(k, FL_FMA(x, down, FL_FMA(one, down, FL_C(-1))));
}

/* log(x) of a finite positive x; NaN stays */
FL_INLINE FL_T FL_FN(fl_log_of_positive)(FL_T x)
{
    const int small = x < FL_SMALLEST_NORMAL;
    const FL_T h = x * FL_SELECT(small, FL_C((int64_t)1 << (FL_MANTISSA_BITS + 2)), FL_C(1));
    const FL_U biased = (FL_TO_BITS(h) + (FL_ONE_BITS - FL_SQRT_HALF_BITS)) >> FL_MANTISSA_BITS;
    const FL_T k = FL_FN(fl_unbiased)(biased) - FL_SELECT(small, FL_C(FL_MANTISSA_BITS + 2), FL_C(0));
    return FL_FN(fl_log_joined_briefly)(k, FL_FMA(h, FL_FN(fl_inverse_power)(biased), FL_C(-1)));
}

FL_INLINE FL_T FL_FN(fl_log)(FL_T x)
{
    const FL_T finite = FL_FN(fl_log_of_positive)(x);
    const FL_T at_zero = FL_SELECT(x == FL_C(0), -FL_INFINITY, FL_NAN);
    return FL_SELECT(x > FL_C(0), FL_SELECT(x < FL_INFINITY, finite, x), FL_SELECT(x != x, x, at_zero));
}

/* log(1 + x + low) for 1 + x + low > 0, x finite */
FL_INLINE FL_PAIR FL_FN(fl_log1p_pair)(FL_T x, FL_T low)
{
    const FL_PAIR sum = FL_TWO_SUM(FL_C(1), x);
    return FL_FN(fl_log_of_pair)((FL_PAIR){sum.hi, sum.lo + low});
}

FL_INLINE FL_T FL_FN(fl_log1p)(FL_T x)
{
    const FL_T finite = FL_FN(fl_log1p_pair)(x, FL_C(0)).hi;
    const FL_T at_minus_one = FL_SELECT(x == FL_C(-1), -FL_INFINITY, FL_NAN);
    const FL_T above = FL_SELECT(x < FL_INFINITY, FL_SELECT(x == FL_C(0), x, finite), x);
    return FL_SELECT(x > FL_C(-1), above, FL_SELECT(x != x, x, at_minus_one));
}

/* log(a / b) for positive a and b of any size; relative error as that of a logarithm, near 1 too */
FL_INLINE FL_PAIR FL_FN(fl_log_quotient)(FL_PAIR a, FL_PAIR b)
{
    const FL_T lift = FL_C((int64_t)1 << (FL_MANTISSA_BITS + 2));
    const FL_T a_up = FL_SELECT(a.hi < FL_SMALLEST_NORMAL, lift, FL_C(1));
    const FL_T b_up = FL_SELECT(b.hi < FL_SMALLEST_NORMAL, lift, FL_C(1));
    const FL_FN(fl_split) s = FL_FN(fl_log_split)(a.hi * a_up), t = FL_FN(fl_log_split)(b.hi * b_up);
    const FL_T lifted = FL_SELECT(b.hi < FL_SMALLEST_NORMAL, FL_C(FL_MANTISSA_BITS + 2), FL_C(0)) -
                        FL_SELECT(a.hi < FL_SMALLEST_NORMAL, FL_C(FL_MANTISSA_BITS + 2), FL_C(0));
    const FL_T m = FL_C(1) + s.f, n = FL_C(1) + t.f;
    const FL_T a_low = a.lo * a_up * (FL_C(0.5) * s.up), b_low = b.lo * b_up * (FL_C(0.5) * t.up);
    const FL_T quotient = m / n;
    const FL_T low = (FL_FMA(-quotient, n, m) + FL_FMA(-quotient, b_low, a_low)) / n;
    const FL_FN(fl_split) r = FL_FN(fl_log_split)(quotient);
    const FL_PAIR f = FL_TWO_SUM(r.f, low * (FL_C(0.5) * r.up));
    return FL_FN(fl_log_joined)((s.k - t.k) + (lifted + r.k), f.hi, f.lo);
}

/* ---- powers: a logarithm with eight bits more ---------------------------------------------------------------- */

/* log(x) for positive x, relative error below 2^-(p + 8.5); infinity and NaN stay */
FL_INLINE FL_PAIR FL_FN(fl_log_precise)(FL_T x)
{
    const FL_T up = FL_SELECT(x < FL_SMALLEST_NORMAL, FL_C((int64_t)1 << (FL_MANTISSA_BITS + 2)), FL_C(1));
    const FL_FN(fl_split) t = FL_FN(fl_log_split)(x * up);
    const FL_T k = FL_SELECT(x < FL_SMALLEST_NORMAL, t.k - FL_C(FL_MANTISSA_BITS + 2), t.k);
    /* s = f / (2 + f), z = s^2, and 2 s + s z (2/3 + z (...)) as pairs; the low part of 2 s needs few digits of 2 / (2 + f) */
    const FL_PAIR denominator = FL_FAST_TWO_SUM(FL_C(2), t.f);
    const FL_T s = t.f / denominator.hi;
    const FL_T remainder = FL_FMA(-s, denominator.lo, FL_FMA(-s, denominator.hi, t.f));
    const FL_T twice_low = remainder * FL_POLYNOMIAL(TWO_OVER_TWO_PLUS, t.f);
    const FL_PAIR z = FL_TWO_PRODUCT(s, s);
    const FL_T z_low = FL_FMA(s, twice_low, z.lo);
    const FL_PAIR tail = FL_FAST_TWO_SUM(FL_CONSTANT(TWO_THIRDS), z.hi * FL_POLYNOMIAL(LOG_SECOND, z.hi));
    const FL_T tail_low = tail.lo + FL_CONSTANT(TWO_THIRDS_LOW);
    const FL_PAIR cube = FL_TWO_PRODUCT(z.hi, s);
    const FL_T cube_low = FL_FMA(z.hi, FL_C(0.5) * twice_low, FL_FMA(z_low, s, cube.lo));
    const FL_PAIR product = FL_TWO_PRODUCT(cube.hi, tail.hi);
    const FL_T product_low = FL_FMA(cube.hi, tail_low, FL_FMA(cube_low, tail.hi, product.lo));
    const FL_PAIR sum = FL_FAST_TWO_SUM(k * FL_CONSTANT(LN2_HEAD), s + s);
    const FL_PAIR high = FL_FAST_TWO_SUM(sum.hi, product.hi);
    const FL_T low = FL_FMA(k, FL_CONSTANT(LN2_MIDDLE), (sum.lo + high.lo) + (product_low + twice_low));
    const FL_PAIR finite = FL_FAST_TWO_SUM(high.hi, low);
    return (FL_PAIR){FL_SELECT(x < FL_INFINITY, finite.hi, x), finite.lo};
}

/*
 * factor * exp(x + low) in few operations, for |x| up to 174 or 1416; 1.6 ulp, right where the exponential alone would be
 * subnormal. The sum of a quotient and FL_SCALED_SHIFTER has the quotient plus twice the bias in its last bits: halves of
 * these are exponents.
 */
#define FL_SCALED_SHIFTER (FL_SHIFTER + FL_C(2 * FL_EXPONENT_BIAS))

FL_INLINE FL_T FL_FN(fl_exp_scaled)(FL_T factor, FL_T x, FL_T low)
{
    const FL_T shifted = FL_FMA(x, FL_CONSTANT(LOG2_E), FL_SCALED_SHIFTER);
    const FL_T k = shifted - FL_SCALED_SHIFTER;
    const FL_T r = FL_FMA(-k, FL_CONSTANT(LN2), x) + FL_FMA(-k, FL_CONSTANT(LN2_LOW), low);
    const FL_T mantissa = FL_C(1) + FL_FMA(r * r, FL_POLYNOMIAL(EXP_POWER, r), r);
    const FL_U exponents = FL_TO_BITS(shifted), half = exponents >> 1;
    /* the former first: it makes a subnormal factor normal that the exponential does */
    const FL_T raised = factor * FL_FROM_BITS(half << FL_MANTISSA_BITS);
    return (raised * mantissa) * FL_FROM_BITS((exponents - half) << FL_MANTISSA_BITS);
}

/* The largest number whose product with a power still matters: two exponents cannot hold more. */
FL_INLINE FL_T FL_FN(fl_exp_reach)(FL_PAIR power)
{
    return FL_C(FL_BITS == 32 ? 174 : 1416) / FL_ABS(power.hi);
}

/* factor * exp(power * logarithm), both given as pairs with finite low parts; NaN for 0 times infinity */
FL_INLINE FL_T FL_FN(fl_exp_product)(FL_T factor, FL_PAIR power, FL_PAIR logarithm)
{
    const FL_T reach = FL_FN(fl_exp_reach)(power);
    const FL_T inner = FL_CLAMP(logarithm.hi, -reach, reach);
    const FL_PAIR product = FL_TWO_PRODUCT(power.hi, inner);
    const FL_T low = FL_FMA(power.hi, logarithm.lo, FL_FMA(power.lo, inner, product.lo));
    return FL_FN(fl_exp_scaled)(factor, product.hi, low);
}

/* factor * exp(power * x), the power a pair; NaN for 0 times infinity */
FL_INLINE FL_T FL_FN(fl_exp_multiple)(FL_T factor, FL_PAIR power, FL_T x)
{
    const FL_T reach = FL_FN(fl_exp_reach)(power);
    const FL_T inner = FL_CLAMP(x, -reach, reach);
    const FL_PAIR product = FL_TWO_PRODUCT(power.hi, inner);
    return FL_FN(fl_exp_scaled)(factor, product.hi, FL_FMA(power.lo, inner, product.lo));
}

/* ---- functions of losses ------------------------------------------------------------------------------------- */

/* log1p(x) for x in [-1/2, 1], as 2 s + s^3 P(s^2) with s = x / (2 + x), which is a pair: its error is that of the last sum */
FL_INLINE FL_PAIR FL_FN(fl_log1p_unit)(FL_T x)
{
    const FL_PAIR denominator = FL_FAST_TWO_SUM(FL_C(2), x);
    const FL_T s = x / denominator.hi;
    const FL_T remainder = FL_FMA(-s, denominator.lo, FL_FMA(-s, denominator.hi, x));
    /* 1 / (2 + x) is close to 1/2 - x/6: enough for twice a remainder */
    const FL_T s_low = remainder * FL_FMA(FL_C(-1) / FL_C(3), x, FL_C(1));
    const FL_T z = s * s;
    const FL_PAIR sum = FL_FAST_TWO_SUM(s + s, FL_FMA(s * z, FL_POLYNOMIAL(LOG1P_UNIT, z), s_low));
    /* the smallest x are their own logarithm; half of them would be rounded */
    return (FL_PAIR){FL_SELECT(FL_ABS(x) < FL_C(4) * FL_SMALLEST_NORMAL, x, sum.hi), sum.lo};
}

/* -a = k log 2 + r for a >= 0: exp(-a) is exp(r) times 2^k, raised, and 0 where nothing is left of it even in a large multiple.
   A NaN stays. */
typedef struct {
    FL_T clipped, r, scale;
} FL_FN(fl_decay);

FL_INLINE FL_FN(fl_decay) FL_FN(fl_decay_of)(FL_T a)
{
    const FL_T clipped = FL_SELECT(a > -FL_LEAST_POWER, -FL_LEAST_POWER, a);
    /* the low bits of what this is added to are the exponent of the scale */
    const FL_T shifter = FL_SHIFTER + FL_C(FL_EXPONENT_BIAS + FL_RAISED);
    const FL_T shifted = FL_FMA(-clipped, FL_CONSTANT(LOG2_E), shifter);
    const FL_T k = shifted - shifter;
    const FL_T r = FL_FMA(-k, FL_CONSTANT(LN2_LOW), FL_FMA(-k, FL_CONSTANT(LN2), -clipped));
    const FL_T scale = FL_FROM_BITS(FL_TO_BITS(shifted) << FL_MANTISSA_BITS);
    return (FL_FN(fl_decay)){clipped, r, FL_SELECT(a > -FL_LEAST_POWER, FL_C(0), scale)};
}

/*
 * exp(-2|x|) by the parts of tanh: 2^k (even + odd) / (even - odd), odd / even = tanh(r / 2), so that nothing cancels in
 * tanh(|x|) = (even (1 - 2^k) - odd (1 + 2^k)) / (even (1 + 2^k) - odd (1 - 2^k)), however small x is.
 */
typedef struct {
    FL_T even, odd, scale, above, below; /* 2^k, raised; numerator and denominator of tanh(|x|) */
} FL_FN(fl_hyperbolic);

FL_INLINE FL_FN(fl_hyperbolic) FL_FN(fl_hyperbolic_of)(FL_T x)
{
    const FL_FN(fl_decay) t = FL_FN(fl_decay_of)(FL_C(2) * FL_ABS(x));
    const FL_T square = t.r * t.r, power = t.scale * FL_LOWERED, rise = FL_C(1) + power, fall = FL_C(1) - power;
    const FL_T even = FL_POLYNOMIAL(EXP_EVEN, square), odd = t.r * FL_POLYNOMIAL(EXP_ODD, square);
    return (FL_FN(fl_hyperbolic)){even, odd, t.scale, FL_FMA(even, fall, -odd * rise), FL_FMA(even, rise, -odd * fall)};
}

FL_INLINE FL_T FL_FN(fl_tanh)(FL_T x)
{
    const FL_FN(fl_hyperbolic) t = FL_FN(fl_hyperbolic_of)(x);
    return FL_TIMES_SIGN_OF(x, t.above / t.below);
}

/*
 * log(cosh(x)) in few operations: with a = |x|, a^2/2 + a^4 P(a^2) below 1; from 1 on (a - log 2)
 * + log1p(exp(-2a)), where the last term is at most 0.13 and may be a little off.
 */
FL_INLINE FL_T FL_FN(fl_log_cosh)(FL_T x)
{
    const FL_T square = x * x;
    const FL_PAIR half = FL_TWO_PRODUCT(FL_C(0.5) * x, x);
    const FL_T near = half.hi + FL_FMA(square, square * FL_POLYNOMIAL(LOG_COSH_NEAR, square), half.lo);
    const FL_T a = FL_ABS(x);
#if FL_BITS == 32
    const FL_FN(fl_decay) t = FL_FN(fl_decay_of)(FL_C(2) * a);
    const FL_T e = FL_FMA(t.r, FL_POLYNOMIAL(LOG_COSH_EXP, t.r), FL_C(1)) * (t.scale * FL_LOWERED);
    const FL_T log1p = FL_FMA(e * e, FL_POLYNOMIAL(LOG_COSH_FAR, e), e);
#else
    const FL_FN(fl_hyperbolic) t = FL_FN(fl_hyperbolic_of)(x);
    const FL_T over = (t.even + t.odd) * (t.scale * FL_LOWERED), under = t.even - t.odd;
    const FL_T s = over / FL_FMA(FL_C(2), under, over);
    const FL_T log1p = FL_FMA(s * s, s * FL_POLYNOMIAL(LOG_COSH_QUOTIENT, s * s), s + s);
#endif
    return FL_SELECT(a < FL_C(1), near, (a - FL_CONSTANT(LN2)) + (log1p - FL_CONSTANT(LN2_LOW)));
}

/* log1p(over / under) of a quotient that is at most 1, raised; about 2.5 ulp. In f32, `under` is 1. */
FL_INLINE FL_T FL_FN(fl_log1p_raised)(FL_T over_raised, FL_T over, FL_T under)
{
#if FL_BITS == 32
    (void)under;
    return over_raised * FL_POLYNOMIAL(LOG1P_SLOPE, over);
#else
    const FL_T s_raised = over_raised / FL_FMA(FL_C(2), under, over), s = s_raised * FL_LOWERED;
    const FL_T z = s * s;
    return FL_FMA(s_raised * z, FL_POLYNOMIAL(LOG1P_QUOTIENT, z), s_raised + s_raised);
#endif
}

/* The same of e / 1, about 1 ulp. */
FL_INLINE FL_T FL_FN(fl_log1p_raised_precisely)(FL_T e_raised, FL_T e)
{
#if FL_BITS == 32
    return FL_FMA(e_raised * e, FL_POLYNOMIAL(LOG1P_TAIL, e), e_raised);
#else
    const FL_PAIR two = FL_FAST_TWO_SUM(FL_C(2), e);
    const FL_T s_raised = e_raised / two.hi, s = s_raised * FL_LOWERED;
    const FL_T remainder = FL_FMA(-s_raised, two.lo, FL_FMA(-s_raised, two.hi, e_raised));
    const FL_T z = s * s;
    /* 2 / (2 + e) is close to 1 - e/3: enough for a remainder */
    const FL_T rest = remainder * FL_FMA(FL_C(-1) / FL_C(3), e, FL_C(1));
    return (s_raised + s_raised) + FL_FMA(s_raised * z, FL_POLYNOMIAL(LOG1P_QUOTIENT, z), rest);
#endif
}

/*
 * What losses of a logit x are made of: exp(-|x|) = over / under, sum = over + under, so that the sigmoids are over / sum and
 * under / sum, and log1p(exp(-|x|)). Four ulp of a loss are enough for no more than this: numerators are to be put together
 * before they are divided. What vanishes is raised, so that it is never subnormal: FL_LOWERED belongs into the last
 * multiplication.
 */
typedef struct {
    FL_T over, under, sum, log1p_raised;
} FL_FN(fl_logistic);

FL_INLINE FL_FN(fl_logistic) FL_FN(fl_logistic_of)(FL_T x)
{
    const FL_FN(fl_decay) t = FL_FN(fl_decay_of)(FL_ABS(x));
#if FL_BITS == 32
    const FL_T over_raised = FL_FMA(t.r, FL_POLYNOMIAL(EXP_SLOPE, t.r), FL_C(1)) * t.scale, under = FL_C(1);
#else
    /* exp(r) = (even + odd) / (even - odd) where odd / even = tanh(r / 2) */
    const FL_T square = t.r * t.r;
    const FL_T odd = t.r * FL_POLYNOMIAL(EXP_ODD, square), even = FL_POLYNOMIAL(EXP_EVEN, square);
    const FL_T over_raised = (even + odd) * t.scale, under = even - odd;
#endif
    const FL_T over = over_raised * FL_LOWERED;
    return (FL_FN(fl_logistic)){over, under, over + under, FL_FN(fl_log1p_raised)(over_raised, over, under)};
}

/* The same with errors of 1 to 2 ulp, for what weights or powers multiply: e = exp(-a) of a = |x|, 1 / (1 + e), e / (1 + e) and
   log1p(e). a is clipped to where nothing is left of e: a product with e is never NaN. */
typedef struct {
    FL_T clipped, e, e_raised, near_one, near_zero, log1p_raised;
} FL_FN(fl_logistic_parts);

FL_INLINE FL_FN(fl_logistic_parts) FL_FN(fl_logistic_parts_from)(FL_T clipped, FL_T e_raised)
{
    const FL_T e = e_raised * FL_LOWERED;
    const FL_PAIR d = FL_FAST_TWO_SUM(FL_C(1), e);
    const FL_T inverse = FL_C(1) / d.hi;
    /* 1 / (d.hi + d.lo) to first order; the remainder of the division and d.lo are both below an ulp */
    const FL_T low = FL_FMA(-inverse, d.lo, FL_FMA(-inverse, d.hi, FL_C(1))) * inverse;
    return (FL_FN(fl_logistic_parts)){
        .clipped = clipped,
        .e = e,
        .e_raised = e_raised,
        .near_one = inverse + low,
        .near_zero = FL_FMA(e, inverse, e * low),
        .log1p_raised = FL_FN(fl_log1p_raised)(e_raised, e, FL_C(1)),
    };
}

FL_INLINE FL_FN(fl_logistic_parts) FL_FN(fl_logistic_parts_of)(FL_T x)
{
    const FL_FN(fl_decay) t = FL_FN(fl_decay_of)(FL_ABS(x));
    return FL_FN(fl_logistic_parts_from)(t.clipped, FL_FMA(t.r, FL_POLYNOMIAL(EXP_SLOPE, t.r), FL_C(1)) * t.scale);
}

/* The same for what has several of them as factors: the exponential within 0.7 ulp. */
FL_INLINE FL_FN(fl_logistic_parts) FL_FN(fl_precise_logistic_parts_of)(FL_T x)
{
    const FL_T clipped = FL_SELECT(FL_ABS(x) > -FL_LEAST_POWER, -FL_LEAST_POWER, FL_ABS(x));
    const FL_FN(fl_reduced) t = FL_FN(fl_exp_reduce)(-clipped);
    const FL_PAIR s = FL_FAST_TWO_SUM(FL_C(1), t.r.hi);
    const FL_U exponent = t.quotient - FL_EXP_OFFSET + (FL_U)(FL_EXPONENT_BIAS + FL_RAISED);
    const FL_T e_raised = (s.hi + (s.lo + FL_FN(fl_expm1_rest)(t.r))) * FL_FROM_BITS(exponent << FL_MANTISSA_BITS);
    return FL_FN(fl_logistic_parts_from)(clipped, e_raised);
}

FL_INLINE FL_T FL_FN(fl_sigmoid)(FL_T x)
{
    const FL_FN(fl_logistic) t = FL_FN(fl_logistic_of)(x);
    return FL_SELECT(FL_IS_NEGATIVE(x), t.over, t.under) / t.sum;
}

FL_INLINE FL_T FL_FN(fl_softplus)(FL_T x)
{
    return FL_FMA(FL_FN(fl_logistic_of)(x).log1p_raised, FL_LOWERED, FL_MAX(FL_C(0), x));
}

/* f - log1p(f) of f in [-1/2, 1] with s = f / (2 + f), about 1.5 ulp */
FL_INLINE FL_T FL_FN(fl_log1p_rest)(FL_T f, FL_T s)
{
    const FL_T z = s * s;
    const FL_PAIR half_square = FL_TWO_PRODUCT(FL_C(0.5) * f, f);
    const FL_T series = FL_FMA(z, FL_POLYNOMIAL(LOG1P_QUOTIENT, z), half_square.hi);
    return half_square.hi - FL_FMA(s, series, -half_square.lo);
}

/* log(large / small) = k log 2 + log1p of 0 < small <= large, k rounded down: both are >= 0, and log1p = 2 s + s series. Of a
   quotient below 2, k is 0 and s, (large - small) / (large + small), has no error but that of its division: where `large` was
   rounded, their difference says by how much. `rounded` and `normal`, whether all are, are constants. */
typedef struct {
    FL_T k, s, series, log1p;
} FL_FN(fl_ratio);

FL_INLINE FL_FN(fl_ratio) FL_FN(fl_ratio_of)(FL_T large, FL_T small, FL_T difference, const int rounded, const int normal)
{
    const FL_U mantissa = ((FL_U)1 << FL_MANTISSA_BITS) - 1;
    const FL_T lift = FL_SELECT(!normal & (small < FL_SMALLEST_NORMAL), FL_C((int64_t)1 << (FL_MANTISSA_BITS + 2)), FL_C(1));
    const FL_T least = small * lift;
    /* the exponent of the difference of their bits is k: a smaller mantissa borrows from it */
    const FL_U apart = FL_TO_BITS(large * lift) - FL_TO_BITS(least);
    const FL_T k = FL_FROM_BITS(apart >> FL_MANTISSA_BITS | FL_TO_BITS(FL_INTEGER_BASE)) - FL_INTEGER_BASE;
    const FL_T scaled = FL_FROM_BITS(FL_TO_BITS(least) + (apart & mantissa));
    const FL_T more = FL_SELECT(rounded & (k == FL_C(0)), difference * lift, scaled - least);
    const FL_T s = more / (scaled + least), z = s * s;
    const FL_T series = z * FL_POLYNOMIAL(LOG1P_QUOTIENT, z);
    return (FL_FN(fl_ratio)){k, s, series, FL_FMA(s, series, s + s)};
}

/* 1 + x = 2^k (1 + f), x >= -1/2, with f in [-1/2, 1), k >= 0: log1p(x) = k log 2 + (f - rest) */
typedef struct {
    FL_T k, f, rest, less, down; /* 2^k - 1 and 2^-k */
} FL_FN(fl_log1p_parts);

/* `sum` is 1 + x, and at least 1 */
FL_INLINE FL_FN(fl_log1p_parts) FL_FN(fl_log1p_parts_of)(FL_T x, FL_T sum)
{
    const FL_U biased = FL_TO_BITS(sum) >> FL_MANTISSA_BITS;
    const FL_T down = FL_FN(fl_inverse_power)(biased), f = FL_FMA(x, down, down - FL_C(1));
    return (FL_FN(fl_log1p_parts)){FL_FN(fl_unbiased)(biased), f, FL_FN(fl_log1p_rest)(f, f / (FL_C(2) + f)),
                                   FL_FROM_BITS(biased << FL_MANTISSA_BITS) - FL_C(1), down};
}

/* x - log1p(x) = (2^k - 1 - k log 2) + (2^k - 1) f + (f - log1p(f)), where from k = 1 on nothing is negative; `more` is what
   f leaves out */
FL_INLINE FL_T FL_FN(fl_x_minus_log1p_of_parts)(const FL_FN(fl_log1p_parts) t, FL_T more)
{
    return FL_FMA(-t.k, FL_CONSTANT(LN2), t.less) + (FL_FMA(t.less, t.f, t.rest) + more);
}

FL_INLINE FL_T FL_FN(fl_x_minus_log1p_of_pair)(FL_PAIR x)
{
    /* The logarithm counts for nothing beside larger ones. GCC computes what comes of the limit for all numbers: with a larger
       one, 2^-k times a small one would be subnormal, which takes ten times as long. */
    const FL_T largest = FL_C(FL_BITS == 32 ? 0x1p40 : 0x1p80);
    const FL_FN(fl_log1p_parts) t = FL_FN(fl_log1p_parts_of)(x.hi, FL_CLAMP(FL_C(1) + x.hi, FL_C(1), largest));
    /* the derivative of the last term is f / (1 + f), about f - f^2/2 */
    const FL_T slope = FL_FMA(t.f, FL_FMA(FL_C(-0.5), t.f, FL_C(1)), t.less);
    const FL_T value = FL_FN(fl_x_minus_log1p_of_parts)(t, (x.lo * t.down) * slope);
    return FL_SELECT(x.hi < largest, value, x.hi);
}

FL_INLINE FL_T FL_FN(fl_x_minus_log1p)(FL_T x)
{
    return FL_FN(fl_x_minus_log1p_of_pair)(FL_EXACTLY(x));
}

/* expm1(x) - x: in [-1, 1] from the series without its first term, elsewhere from expm1's pair */
FL_INLINE FL_T FL_FN(fl_expm1_minus_x)(FL_T x)
{
    const FL_T small = FL_CLAMP(x, FL_C(-1), FL_C(1));
    const FL_T square = small * small;
    const FL_T near = FL_FMA(FL_C(0.5) * small, small, square * (small * FL_POLYNOMIAL(EXPM1_MINUS_X, small)));
    const FL_PAIR e = FL_FN(fl_expm1_pair)(x, FL_C(0));
    const FL_PAIR difference = FL_TWO_SUM(e.hi, -x);
    const FL_T far = FL_SELECT(FL_ABS(difference.hi) < FL_INFINITY, difference.hi + (difference.lo + e.lo), difference.hi);
    return FL_SELECT(FL_ABS(x) < FL_C(1), near, FL_SELECT(x < FL_INFINITY, far, x));
}

/* Half of exp(x), about 1 ulp, of expm1(x), 1.6, and of expm1(x) - x, up to 3, from one exponential: 2^(k-1) (1 + p). */
typedef struct {
    FL_T exp, expm1, beyond;
} FL_FN(fl_half_exp);

FL_INLINE FL_FN(fl_half_exp) FL_FN(fl_half_exp_of)(FL_T x)
{
    /* half of exp(x) is infinite at the upper limit */
    const FL_T below = FL_MIN(FL_C(FL_BITS == 32 ? 89.5 : 710.6), x), clipped = FL_MAX(FL_LEAST_POWER, below);
    /* quarters do not overflow where halves do not, and raised ones are never subnormal */
    const int falls = x < FL_C(0);
    const FL_T unit = FL_SHIFTER + FL_C(FL_EXPONENT_BIAS - 2);
    const FL_T shifter = FL_SELECT(falls, unit + FL_C(FL_RAISED), unit);
    const FL_T shifted = FL_FMA(clipped, FL_CONSTANT(LOG2_E), shifter);
    const FL_T k = shifted - shifter;
    const FL_T r = FL_FMA(-k, FL_CONSTANT(LN2_LOW), FL_FMA(-k, FL_CONSTANT(LN2), clipped));
    const FL_T p = FL_FN(fl_expm1_near)(r);
    const FL_T scale = FL_FROM_BITS(FL_TO_BITS(shifted) << FL_MANTISSA_BITS), lower = FL_SELECT(falls, FL_LOWERED, FL_C(1));
    const FL_T quarter = scale * lower, without_one = quarter - FL_C(0.25);
    const FL_T far = FL_C(2) * FL_FMA(quarter, p, without_one - FL_C(0.25) * below);
    const FL_T half_square = FL_C(0.5) * x * x;
    const FL_T near = FL_FMA(FL_C(0.25) * x, x, half_square * (x * FL_POLYNOMIAL(EXPM1_MINUS_X, x)));
    return (FL_FN(fl_half_exp)){
        .exp = FL_FMA(scale, p, scale) * (FL_C(2) * lower),
        /* near 0, a quarter would be too small */
        .expm1 = FL_SELECT(FL_ABS(x) < FL_C(8) * FL_SMALLEST_NORMAL, FL_C(0.5) * x, FL_C(2) * FL_FMA(quarter, p, without_one)),
        .beyond = FL_SELECT(FL_ABS(x) < FL_C(1), near, far),
    };
}

/* The angle of the point (x, y) in the first quadrant, atan(y / x): with the smaller number s and the larger l of the two,
 * atan(s / l), or from tan(pi/8) on pi/4 + atan((s - l) / (s + l)); mirrored where y is the larger. NaN at (0, 0). */
FL_INLINE FL_T FL_FN(fl_angle)(FL_T y, FL_T x)
{
    const int steep = y > x;
    const FL_T small = FL_SELECT(steep, x, y), large = FL_SELECT(steep, y, x);
    const int far = small > FL_C(0.41421356237309503) * large;
    const FL_T t = FL_SELECT(far, small - large, small) / FL_SELECT(far, small + large, large);
    const FL_T z = t * t;
    const FL_T turned = FL_SELECT(far, FL_CONSTANT(QUARTER_PI), FL_C(0)) + FL_FMA(t * z, FL_POLYNOMIAL(ATAN, z), t);
    return FL_SELECT(steep, FL_C(2) * FL_CONSTANT(QUARTER_PI) - turned, turned);
}

FL_INLINE FL_T FL_FN(fl_atan)(FL_T x)
{
    return FL_WITH_SIGN_OF(x, FL_FN(fl_angle)(FL_ABS(x), FL_C(1)));
}

/* lgamma(1 + y) for y >= 0: polynomials around 1/2, 2 and 5, Stirling's series from 7 */
FL_INLINE FL_T FL_FN(fl_lgamma1p)(FL_T y)
{
    const FL_T a = FL_MIN(y, FL_C(1)) - FL_C(0.5);
    const FL_T b = FL_MIN(y, FL_C(3)) - FL_C(2);
    const FL_T c = FL_MIN(y, FL_C(7)) - FL_C(5);
    const FL_T on_unit = (y * (y - FL_C(1))) * FL_POLYNOMIAL(LGAMMA1P_A, a);
    const FL_T on_three = (y - FL_C(1)) * FL_POLYNOMIAL(LGAMMA1P_B, b);
    const FL_T on_seven = FL_POLYNOMIAL(LGAMMA1P_C, c);
    const FL_T large = FL_MAX(FL_C(7), y);
    const FL_T inverse = FL_C(1) / (large + FL_C(1));
    /* lgamma(1 + y) = (y + 1/2) (log(y + 1) - 1) - 1/2 + log(2 pi)/2 + series; one factor so that it never overflows early */
    const FL_T series = inverse * FL_POLYNOMIAL(LGAMMA_STIRLING, inverse * inverse);
    const FL_PAIR l = FL_FN(fl_log1p_pair)(large, FL_C(0));
    const FL_T shifted = (l.hi - FL_C(1)) + l.lo;
    const FL_T stirling = FL_FMA(large + FL_C(0.5), shifted, FL_CONSTANT(HALF_LOG_2PI) - FL_C(0.5) + series);
    const FL_T below = FL_SELECT(y < FL_C(1), on_unit, FL_SELECT(y < FL_C(3), on_three, on_seven));
    return FL_SELECT(y < FL_C(7), below, FL_SELECT(y < FL_INFINITY, stirling, y));
}

#endif
