/*
 * The language formulas are written in. Every operator is a plain IEEE 754 operation, branch-free, so that a loop over a
 * formula can be vectorised by the compiler and gives the same bits on every instruction set.
 *
 *   FL_C(x)                  a constant or a parameter as a number of the precision (FL_T, precision.h)
 *   FL_FMA(a, b, c)          a * b + c rounded once, on every target
 *   FL_SELECT(cond, a, b)    both sides are computed
 *   FL_PICK(mask, a, b)      the same for a condition on parameters alone, mask = FL_UNIFORM(cond): GCC does not vectorise
 *                            a selection by a condition that is the same for all elements
 *   FL_ABS FL_SQRT FL_MIN FL_MAX FL_SIGN
 *
 * FL_MIN(a, b) and FL_MAX(a, b) return b when one of the two is NaN: put the number whose NaN must survive second.
 */
#ifndef FL_SCALAR_H
#define FL_SCALAR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The iterations of these loops are independent, and reductions over integers and maxima do not depend on the order. */
#define FL_PRAGMA(text) _Pragma(#text)
#define FL_SIMD FL_PRAGMA(omp simd)
#define FL_SIMD_REDUCE(clauses) FL_PRAGMA(omp simd clauses)

/* The size of the machine's vectors. It decides how fast sums are, and nothing else. */
#if defined(__AVX512F__)
#define FL_VECTOR_BYTES 64
#elif defined(__AVX__)
#define FL_VECTOR_BYTES 32
#else
#define FL_VECTOR_BYTES 16
#endif

#define FL_INLINE static inline __attribute__((always_inline, unused))
/* A function of a plan: not every family has losses that need it. */
#define FL_STATIC static __attribute__((unused))
#define FL_C(x) ((FL_T)(x))
#define FL_SELECT(condition, a, b) ((condition) ? (a) : (b))
#define FL_UNIFORM(condition) ((FL_U)0 - (FL_U)(condition))
#define FL_PICK(mask, a, b) FL_FROM_BITS((FL_TO_BITS(a) & (mask)) | (FL_TO_BITS(b) & ~(mask)))
#define FL_MIN(a, b) FL_SELECT((a) < (b), (a), (b))
#define FL_MAX(a, b) FL_SELECT((a) > (b), (a), (b))
/* NaN stays */
#define FL_CLAMP(x, lower, upper) FL_MAX(lower, FL_MIN(upper, x))
/* what `invalid` wants: not 0 where the condition holds, and the mask that a comparison leaves, which costs nothing */
#define FL_INVALID(condition) FL_SELECT(condition, (FL_I)-1, (FL_I)0)
#define FL_INFINITY FL_C(__builtin_inff())
#define FL_NAN FL_C(__builtin_nanf(""))
/* NaN does not. */
#define FL_DIFFERS_FROM_ZERO(x) (((x) < FL_C(0)) | ((x) > FL_C(0)))
/* A constant that a NaN in x replaces. */
#define FL_UNLESS_NAN(x, constant) FL_SELECT((x) == (x), FL_C(constant), (x))
/* -1, 0 or 1; NaN stays. */
#define FL_SIGN(x) FL_SELECT((x) > FL_C(0), FL_C(1), FL_SELECT((x) < FL_C(0), FL_C(-1), (x)))
/* The sign bit, which a zero and NaN have too; -x where it is set in s. */
#define FL_IS_NEGATIVE(x) ((FL_I)FL_TO_BITS(x) < 0)
#define FL_SIGN_BIT ((FL_U)1 << (FL_BITS - 1))
#define FL_TIMES_SIGN_OF(s, x) FL_FROM_BITS(FL_TO_BITS(x) ^ (FL_TO_BITS(s) & FL_SIGN_BIT))
/* x with its sign replaced by that of the number s, which is not NaN. */
#define FL_WITH_SIGN_OF(s, x) FL_SELECT((s) < FL_C(0), -(x), (x))

#if defined(__FMA__) || defined(__aarch64__) || defined(__ARM_FEATURE_FMA)
#define FL_HAS_FMA 1
#define FL_FMA_f32(a, b, c) __builtin_fmaf(a, b, c)
#else
#define FL_HAS_FMA 0
#define FL_FMA_f32(a, b, c) fl_soft_fma_f32(a, b, c)
#endif
/* Without FMA hardware this is libm's correctly rounded fma: slower, same bits. */
#define FL_FMA_f64(a, b, c) __builtin_fma(a, b, c)

FL_INLINE uint64_t fl_bits_f64(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

FL_INLINE double fl_from_bits_f64(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

FL_INLINE uint32_t fl_bits_f32(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

FL_INLINE float fl_from_bits_f32(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

#if !FL_HAS_FMA
/* a * b is exact in double; the sum is rounded to odd (Boldo and Melquiond 2008), which makes the second rounding,
   to float, the only one that counts. */
FL_INLINE float fl_soft_fma_f32(float a, float b, float c)
{
    const double product = (double)a * (double)b;
    const double addend = (double)c;
    const double sum = product + addend;
    const double part = sum - product;
    const double error = (product - (sum - part)) + (addend - part);
    const uint64_t bits = fl_bits_f64(sum);
    /* One bit towards the exact value, if it is not there and the last bit is even. An error of NaN moves nothing. */
    const uint64_t inexact = fl_bits_f64(FL_SELECT(__builtin_fabs(error) > 0.0, 0x1p-1074, 0.0));
    const uint64_t opposite_signs = (fl_bits_f64(error) ^ bits) >> 63;
    const uint64_t step = 1 - (opposite_signs + opposite_signs);
    return (float)fl_from_bits_f64(bits + (step & (0 - (inexact & ~bits))));
}
#endif

#define FL_PAIR FL_FN(fl_pair)
#define FL_EXACTLY(x) ((FL_PAIR){(x), FL_C(0)})
#define FL_TWO_SUM(a, b) FL_FN(fl_two_sum)(a, b)
#define FL_FAST_TWO_SUM(a, b) FL_FN(fl_fast_two_sum)(a, b)
#define FL_TWO_PRODUCT(a, b) FL_FN(fl_two_product)(a, b)
#define FL_TO_BITS(x) FL_FN(fl_bits)(x)
#define FL_FROM_BITS(u) FL_FN(fl_from_bits)(u)
#define FL_SCALING FL_FN(fl_scaling)
#define FL_SCALING_BY(parameter) FL_FN(fl_scaling_by)(parameter)
#define FL_EXACT_PARAMETER(parameter) FL_FN(fl_exact_parameter)(parameter)
#define FL_EXACT_DIFFERENCE(parameter, number) FL_FN(fl_exact_difference)(parameter, number)

#define FL_TEMPLATE "language/scalar.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* An unevaluated sum hi + lo with |lo| at most about half an ulp of hi. */
typedef struct {
    FL_T hi, lo;
} FL_FN(fl_pair);

/* a + b exactly, when |a| >= |b| or a == 0. */
FL_INLINE FL_FN(fl_pair) FL_FN(fl_fast_two_sum)(FL_T a, FL_T b)
{
    const FL_T sum = a + b;
    return (FL_FN(fl_pair)){sum, b - (sum - a)};
}

/* a + b exactly. */
FL_INLINE FL_FN(fl_pair) FL_FN(fl_two_sum)(FL_T a, FL_T b)
{
    const FL_T sum = a + b;
    const FL_T part = sum - a;
    return (FL_FN(fl_pair)){sum, (a - (sum - part)) + (b - part)};
}

/* a * b exactly. */
FL_INLINE FL_FN(fl_pair) FL_FN(fl_two_product)(FL_T a, FL_T b)
{
    const FL_T product = a * b;
    return (FL_FN(fl_pair)){product, FL_FMA(a, b, -product)};
}

/* a parameter, with what its conversion to FL_T lost */
FL_INLINE FL_FN(fl_pair) FL_FN(fl_exact_parameter)(double parameter)
{
    const FL_T hi = (FL_T)parameter;
    return (FL_FN(fl_pair)){hi, (FL_T)(parameter - (double)hi)};
}

/* A positive parameter m * 2^k, 1 <= m < 2: to multiply by powers of two rounds nothing. */
typedef struct {
    FL_T up, down, inverse; /* 2^k, 2^-k, 1 / m */
    FL_FN(fl_pair) m, square, inverse_square;
} FL_FN(fl_scaling);

FL_INLINE FL_FN(fl_scaling) FL_FN(fl_scaling_by)(double parameter)
{
    const double power = fl_from_bits_f64(fl_bits_f64(parameter) & ((uint64_t)0x7ff << 52)), m = parameter / power;
    const double square = m * m, square_low = FL_FMA_f64(m, m, -square), inverse = 1.0 / square;
    const double low = (FL_FMA_f64(-inverse, square, 1.0) - inverse * square_low) * inverse;
    const FL_T m_head = (FL_T)m, square_head = (FL_T)square, head = (FL_T)inverse;
    return (FL_FN(fl_scaling)){
        .up = (FL_T)power,
        .down = (FL_T)(1.0 / power),
        .m = {m_head, (FL_T)(m - (double)m_head)},
        .inverse = (FL_T)(1.0 / m),
        .square = {square_head, (FL_T)((square - (double)square_head) + square_low)},
        .inverse_square = {head, (FL_T)((inverse - (double)head) + low)},
    };
}

/* a parameter less a number, with what the difference and the conversion lost */
FL_INLINE FL_FN(fl_pair) FL_FN(fl_exact_difference)(double parameter, double number)
{
    const double difference = parameter - number, part = difference + number;
    const double lost = (parameter - part) + ((part - difference) - number);
    const FL_T hi = (FL_T)difference;
    return (FL_FN(fl_pair)){hi, (FL_T)((difference - (double)hi) + lost)};
}

#endif
