/* The passes over a block in the first-level cache: conversion, weights, division. */
#ifndef FL_PASSES_H
#define FL_PASSES_H

#include "language/scalar.h"
#include "sum/deposit.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <fenv.h>
#endif

/* Half precision by its bits: exact, subnormals, infinities and NaN included. */
FL_INLINE float fl_from_half(uint16_t h)
{
    const uint32_t magnitude = (uint32_t)(h & 0x7fffu) << 13;
    /* 2^112 moves the exponent; subnormals become normal on the way. Infinities and NaN have their own exponent. */
    const float finite = fl_from_bits_f32(magnitude) * 0x1p112f;
    const uint32_t special = magnitude | 0x7f800000u;
    const uint32_t bits = (h & 0x7c00u) == 0x7c00u ? special : fl_bits_f32(finite);
    return fl_from_bits_f32(bits | (uint32_t)(h & 0x8000u) << 16);
}

FL_INLINE uint16_t fl_to_half(float x)
{
    const uint32_t u = fl_bits_f32(x), magnitude = u & 0x7fffffffu;
    const uint32_t sign = u >> 16 & 0x8000u;
    /* Normal results: re-bias and round the mantissa to even; a carry runs into the exponent, up to infinity. */
    const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    /* Subnormal results: adding 1/2 rounds to multiples of 2^-24 and leaves them in the low bits. */
    const uint32_t subnormal = fl_bits_f32(fl_from_bits_f32(magnitude) + 0.5f) - fl_bits_f32(0.5f);
    const uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
    const uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
    return (uint16_t)(sign | (magnitude >= 0x47800000u ? special : finite));
}

FL_INLINE float fl_from_bfloat(uint16_t b)
{
    return fl_from_bits_f32((uint32_t)b << 16);
}

FL_INLINE uint16_t fl_to_bfloat(float x)
{
    const uint32_t u = fl_bits_f32(x);
    const uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    return (uint16_t)(x != x ? (u >> 16 | 0x40u) : rounded);
}

/* The float between x's neighbours that a second rounding, to 16 bits, cannot tell from x (rounding to odd). */
FL_INLINE float fl_to_odd(double x)
{
    const float near = (float)x;
    const uint32_t bits = fl_bits_f32(near);
    const double error = x - (double)near;
    const uint32_t inexact = (error > 0.0) | (error < 0.0);
    const uint32_t away = (error > 0.0) == (x > 0.0);
    const uint32_t odd = bits & 1u;
    return fl_from_bits_f32(inexact & ~odd & 1u ? bits + (away ? 1u : (uint32_t)-1) : bits);
}

/* Whether a result was too small to be exact since the last time that this was forgotten: the machine keeps account of it. */
#if defined(__SSE2__)
static inline void fl_forget_underflow(void)
{
    _mm_setcsr(_mm_getcsr() & ~(unsigned)_MM_EXCEPT_UNDERFLOW);
    __asm__ volatile("" ::: "memory");
}
static inline int fl_has_underflowed(void)
{
    __asm__ volatile("" ::: "memory");
    return (_mm_getcsr() & _MM_EXCEPT_UNDERFLOW) != 0;
}
#else
static inline void fl_forget_underflow(void)
{
    feclearexcept(FE_UNDERFLOW);
}
static inline int fl_has_underflowed(void)
{
    return fetestexcept(FE_UNDERFLOW);
}
#endif
/* Numbers for which asking that is worth it. */
enum { FL_WORTH_AN_INVERSE = 64 };

/* A loop of one conversion. */
#define FL_CONVERSION(function, from_type, to_type, expression)                                                                \
    static void function(const void *from, void *to, ptrdiff_t n)                                                              \
    {                                                                                                                          \
        const from_type *const source = from;                                                                                  \
        to_type *const target = to;                                                                                            \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const from_type x = source[i];                                                                                     \
            target[i] = expression;                                                                                            \
        }                                                                                                                      \
    }

#define FL_TEMPLATE "engine/passes.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

FL_CONVERSION(FL_FN(fl_load_from_f32), float, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_f64), double, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_f16), uint16_t, FL_T, (FL_T)fl_from_half(x))
FL_CONVERSION(FL_FN(fl_load_from_bf16), uint16_t, FL_T, (FL_T)fl_from_bfloat(x))
FL_CONVERSION(FL_FN(fl_load_from_i8), int8_t, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_i16), int16_t, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_i32), int32_t, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_i64), int64_t, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_u8), uint8_t, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_u16), uint16_t, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_u32), uint32_t, FL_T, (FL_T)x)
FL_CONVERSION(FL_FN(fl_load_from_u64), uint64_t, FL_T, (FL_T)x)

FL_CONVERSION(FL_FN(fl_store_to_f32), FL_T, float, (float)x)
FL_CONVERSION(FL_FN(fl_store_to_f64), FL_T, double, (double)x)
FL_CONVERSION(FL_FN(fl_store_to_f16), FL_T, uint16_t, fl_to_half(fl_to_odd((double)x)))
FL_CONVERSION(FL_FN(fl_store_to_bf16), FL_T, uint16_t, fl_to_bfloat(fl_to_odd((double)x)))

static void FL_FN(fl_weigh)(const void *from, const double *w, double *product, ptrdiff_t n)
{
    const FL_T *const x = from;
    FL_SIMD
    for (ptrdiff_t i = 0; i < n; i++)
        product[i] = FL_SELECT(w[i] > 0.0, w[i] * (double)x[i], 0.0);
}

/*
 * Divides by a whole number of few digits with the bits of a division, from its rounded inverse: what a product is off by is
 * known exactly, and no quotient lies so near to the middle of two numbers that what the correction is off by could matter.
 * Where the remainder is 0 or NaN, the product is the quotient, with its sign. Only a subnormal quotient may lie in the middle
 * itself, and then the product has underflowed: returns 1.
 */
static int FL_FN(fl_multiply_by_inverse)(const FL_T *x, FL_T divisor, FL_T *quotient, ptrdiff_t n)
{
    const FL_T inverse = FL_C(1) / divisor;
    fl_forget_underflow();
    FL_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_T product = x[i] * inverse;
        const FL_T remainder = FL_FMA(-product, divisor, x[i]);
        quotient[i] = FL_SELECT(FL_DIFFERS_FROM_ZERO(remainder), FL_FMA(remainder, inverse, product), product);
    }
    return fl_has_underflowed();
}

static void FL_FN(fl_divide_block)(const FL_T *x, double divisor, FL_T *quotient, ptrdiff_t n)
{
    FL_T kept[FL_SUM_BLOCK];
    const FL_T rounded = (FL_T)divisor;
    const int whole = divisor >= 1.0 && divisor < (FL_BITS == 32 ? 0x1p20 : 0x1p48) && divisor == (double)(int64_t)divisor;
    if (FL_HAS_FMA && whole && n >= FL_WORTH_AN_INVERSE) {
        if (x == quotient)
            x = memcpy(kept, x, (size_t)n * sizeof *x);
        if (!FL_FN(fl_multiply_by_inverse)(x, rounded, quotient, n))
            return;
    }
    if ((double)rounded == divisor) {
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            quotient[i] = x[i] / rounded;
    } else {
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            quotient[i] = (FL_T)((double)x[i] / divisor);
    }
}

static void FL_FN(fl_divide)(const void *from, double divisor, void *to, ptrdiff_t n)
{
    const FL_T *const x = from;
    FL_T *const quotient = to;
    for (ptrdiff_t i = 0; i < n; i += FL_SUM_BLOCK)
        FL_FN(fl_divide_block)(x + i, divisor, quotient + i, n - i < FL_SUM_BLOCK ? n - i : FL_SUM_BLOCK);
}

static void FL_FN(fl_weigh_and_divide)(const void *from, const double *w, double divisor, void *to, ptrdiff_t n)
{
    const FL_T *const x = from;
    FL_T *const quotient = to;
    FL_SIMD
    for (ptrdiff_t i = 0; i < n; i++)
        quotient[i] = (FL_T)FL_SELECT(w[i] > 0.0, w[i] * (double)x[i] / divisor, 0.0);
}

static void FL_FN(fl_accumulate)(void *sum, double factor, const void *from, double by, ptrdiff_t n)
{
    FL_T *const total = sum;
    const FL_T *const x = from;
    const FL_T times = (FL_T)factor, own = (FL_T)by;
    if (x) {
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            total[i] = FL_FMA(own, x[i], times * total[i]);
    } else {
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            total[i] *= times;
    }
}

/* Lanes that do not wait for each other, kept with their errors: all digits of a sum but for squares of rounding errors. */
static void FL_FN(fl_add_rows)(const void *from, ptrdiff_t rows, ptrdiff_t width, double *sums)
{
    enum { LANES = 16 };
    for (ptrdiff_t row = 0; row < rows; row++) {
        const FL_T *const x = (const FL_T *)from + row * width;
        double sum[LANES] = {0.0}, error[LANES] = {0.0}, rest[LANES] = {0.0};
        const ptrdiff_t whole = width - width % LANES;
        for (ptrdiff_t i = 0; i < whole; i += LANES) {
            FL_SIMD
            for (int lane = 0; lane < LANES; lane++) {
                const double term = (double)x[i + lane], total = sum[lane] + term, part = total - sum[lane];
                error[lane] += (sum[lane] - (total - part)) + (term - part);
                sum[lane] = total;
            }
        }
        for (ptrdiff_t i = whole; i < width; i++)
            rest[i - whole] = (double)x[i];
        fl_pair_f64 all = {0.0, 0.0};
        for (int lane = 0; lane < LANES; lane++) {
            const fl_pair_f64 own = fl_two_sum_f64(sum[lane], rest[lane]), added = fl_two_sum_f64(all.hi, own.hi);
            all = (fl_pair_f64){added.hi, all.lo + (error[lane] + (own.lo + added.lo))};
        }
        /* the errors of infinities are no numbers */
        sums[row] = all.hi - all.hi == 0.0 ? all.hi + all.lo : all.hi;
    }
}

static int FL_FN(fl_finish_gradient)(void *gradient, double factor, double bound, ptrdiff_t n)
{
    FL_T *const g = gradient;
    const FL_T times = (FL_T)factor, above = (FL_T)bound;
    FL_I bad = 0;
    FL_SIMD_REDUCE(reduction(| : bad))
    for (ptrdiff_t i = 0; i < n; i++) {
        g[i] *= times;
        bad |= FL_SELECT(FL_ABS(g[i]) < above, (FL_I)0, (FL_I)1);
    }
    return bad != 0;
}

static int FL_FN(fl_finish_hessian)(void *hessian, double factor, double floor, double sign, double bound, double *least,
                                    ptrdiff_t n)
{
    FL_T *const h = hessian;
    const FL_T times = (FL_T)factor, low = (FL_T)floor, direction = (FL_T)sign, above = (FL_T)bound;
    FL_T smallest = FL_INFINITY;
    FL_I bad = 0;
    FL_SIMD_REDUCE(reduction(| : bad) reduction(min : smallest))
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_T scaled = h[i] * times;
        /* in this order a NaN stays in the array, where it is found, and out of the minimum */
        h[i] = direction * FL_SELECT(scaled < low, low, scaled);
        smallest = FL_MIN(scaled, smallest);
        bad |= FL_SELECT(FL_ABS(scaled) < above, (FL_I)0, (FL_I)1);
    }
    *least = FL_MIN((double)smallest, *least);
    return bad != 0;
}

static const fl_passes FL_FN(fl_passes_of) = {
    .load = {[FL_FROM_F32] = FL_FN(fl_load_from_f32),
             [FL_FROM_F64] = FL_FN(fl_load_from_f64),
             [FL_FROM_F16] = FL_FN(fl_load_from_f16),
             [FL_FROM_BF16] = FL_FN(fl_load_from_bf16),
             [FL_FROM_I8] = FL_FN(fl_load_from_i8),
             [FL_FROM_I16] = FL_FN(fl_load_from_i16),
             [FL_FROM_I32] = FL_FN(fl_load_from_i32),
             [FL_FROM_I64] = FL_FN(fl_load_from_i64),
             [FL_FROM_U8] = FL_FN(fl_load_from_u8),
             [FL_FROM_U16] = FL_FN(fl_load_from_u16),
             [FL_FROM_U32] = FL_FN(fl_load_from_u32),
             [FL_FROM_U64] = FL_FN(fl_load_from_u64)},
    .store = {[FL_FROM_F32] = FL_FN(fl_store_to_f32),
              [FL_FROM_F64] = FL_FN(fl_store_to_f64),
              [FL_FROM_F16] = FL_FN(fl_store_to_f16),
              [FL_FROM_BF16] = FL_FN(fl_store_to_bf16)},
    .sum = FL_FN(fl_sum_block),
    .expect = FL_FN(fl_expect),
    .begin_folds = FL_FN(fl_begin_folds),
    .add_folds = FL_FN(fl_add_folds),
    .weigh = FL_FN(fl_weigh),
    .divide = FL_FN(fl_divide),
    .weigh_and_divide = FL_FN(fl_weigh_and_divide),
    .accumulate = FL_FN(fl_accumulate),
    .add_rows = FL_FN(fl_add_rows),
    .finish_gradient = FL_FN(fl_finish_gradient),
    .finish_hessian = FL_FN(fl_finish_hessian),
};

#endif
