/* Refuses compilers and flags with which the bits would be others, or the code not that of the instruction set in the object's
 * name. */
#ifndef FL_INSTRUCTION_SET_H
#define FL_INSTRUCTION_SET_H

_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 numbers");
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "intermediate results must have the precision of their type (use SSE2, not x87)"
#endif
#ifdef __FAST_MATH__
#error "-ffast-math breaks the exact sum and the handling of NaN"
#endif
#if defined(FL_REQUIRE_AVX2) && !(defined(__AVX2__) && defined(__FMA__))
#error "the avx2 kernels need -mavx2 -mfma"
#endif
#if defined(FL_REQUIRE_AVX512) && !(defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__))
#error "the avx512 kernels need -mavx512f -mavx512dq -mavx512bw -mavx512vl"
#endif

#endif
