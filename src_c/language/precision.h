/*
 * The names of one precision: FL_BITS is 32 or 64. Text that is compiled for both is written with these names in a header of
 * this form, which a source includes like any other:
 *
 *   #ifndef FL_THIS_H
 *   #define FL_THIS_H
 *   ... what it includes, and what does not depend on the precision
 *   #define FL_TEMPLATE "folder/this.h"
 *   #include "language/both_precisions.inc"
 *   #elif defined(FL_TEMPLATE)
 *   ... what is compiled for both
 *   #endif
 *
 *   FL_T                     the number type; FL_I and FL_U are the integers of its size
 *   FL_FN(name)              the name of a function or type of this precision
 */
#undef FL_T
#undef FL_I
#undef FL_U
#undef FL_FN
#undef FL_FMA
#undef FL_ABS
#undef FL_SQRT
#undef FL_MANTISSA_BITS
#undef FL_EXPONENT_BIAS
#undef FL_POLYNOMIAL
#undef FL_WEIGHTED_POLYNOMIAL
#undef FL_CONSTANT

#if FL_BITS == 32
#define FL_T float
#define FL_I int32_t
#define FL_U uint32_t
#define FL_FN(name) name##_f32
#define FL_FMA(a, b, c) FL_FMA_f32(a, b, c)
#define FL_ABS(x) __builtin_fabsf(x)
#define FL_SQRT(x) __builtin_sqrtf(x)
#define FL_MANTISSA_BITS 23
#define FL_EXPONENT_BIAS 127
#define FL_POLYNOMIAL(name, x) FL_##name##_f32(x)
#define FL_WEIGHTED_POLYNOMIAL(name, x, w) FL_##name##_f32(x, w)
#define FL_CONSTANT(name) FL_##name##_f32
#else
#define FL_T double
#define FL_I int64_t
#define FL_U uint64_t
#define FL_FN(name) name##_f64
#define FL_FMA(a, b, c) FL_FMA_f64(a, b, c)
#define FL_ABS(x) __builtin_fabs(x)
#define FL_SQRT(x) __builtin_sqrt(x)
#define FL_MANTISSA_BITS 52
#define FL_EXPONENT_BIAS 1023
#define FL_POLYNOMIAL(name, x) FL_##name##_f64(x)
#define FL_WEIGHTED_POLYNOMIAL(name, x, w) FL_##name##_f64(x, w)
#define FL_CONSTANT(name) FL_##name##_f64
#endif
