/*
 * Every kernel for one instruction set. setup.py compiles this file once per instruction set, with the compiler flags
 * of that set and FL_ISA its name; the object exports one table, fl_table_<isa>, and nothing else.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "coefficients.h"
#include "exact_sum.h"
#include "fastloss.h"

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

/* The iterations of these loops are independent, and reductions over integers and maxima do not depend on the order. */
#define FL_PRAGMA(text) _Pragma(#text)
#define FL_SIMD FL_PRAGMA(omp simd)
#define FL_SIMD_REDUCE(clauses) FL_PRAGMA(omp simd clauses)

/* Numbers of 64 bits first: what is left of a sum of floats is a sum of doubles. */
#define FL_BITS 64
#include "precision.inc.h"
#undef FL_BITS
#define FL_BITS 32
#include "precision.inc.h"
#undef FL_BITS

#define FL_MAPS(name, precision)                                                                                               \
    {                                                                                                                          \
        NULL, name##_1##_##precision, name##_2##_##precision, name##_3##_##precision, NULL, NULL, name##_6##_##precision,      \
            name##_7##_##precision                                                                                             \
    }
#define FL_KERNEL(name)                                                                                                        \
    {#name, name##_parameters_f64, name##_inputs_f64, name##_gradients_f64, {FL_MAPS(name, f32), FL_MAPS(name, f64)}, {NULL}},
#define FL_ROW_KERNEL_OF(text, name, parameters, inputs, gradients)                                                            \
    {text, parameters, inputs, gradients, {{NULL}}, {name##_rows_f32, name##_rows_f64}},
#define FL_TARGET_KERNELS(name)                                                                                                \
    FL_ROW_KERNEL_OF(#name, name, name##_parameters_f64, 1, 1)                                                                 \
    FL_ROW_KERNEL_OF(#name "_from_logits", name##_from_logits, name##_parameters_f64, 1, 1)
#define FL_ROW_KERNEL(name) FL_ROW_KERNEL_OF(#name, name, name##_parameters_f64, name##_inputs_f64, name##_gradients_f64)

static const fl_kernel kernels[] = {
#include "kernels.inc.h"
};

static const fl_function functions[] = {FL_EACH_FUNCTION(FL_FUNCTION_ROW)};

static int bad_weights(const double *w, ptrdiff_t n)
{
    int64_t bad = 0;
    FL_SIMD_REDUCE(reduction(| : bad))
    for (ptrdiff_t i = 0; i < n; i++)
        bad |= FL_SELECT(w[i] >= 0.0 && w[i] < __builtin_inf(), (int64_t)0, (int64_t)1);
    return bad != 0;
}

static ptrdiff_t row_block(ptrdiff_t classes, ptrdiff_t *scratch)
{
    const fl_sheet sheet = fl_sheet_of(classes);
    const fl_sheet by_row = fl_sheet_by_row(classes);
    *scratch = 4 * sheet.groups * sheet.lanes + by_row.rows * by_row.stride;
    /* several sheets of few classes, so that what a block costs beside them does not count */
    const ptrdiff_t sheets = FL_SHEET_NUMBERS / (sheet.groups * sheet.lanes);
    return sheet.rows * (sheets ? sheets : 1);
}

#define FL_LABELS(function, from_type, integral)                                                                               \
    static void function(const void *from, int64_t *to, ptrdiff_t n)                                                           \
    {                                                                                                                          \
        const from_type *const source = from;                                                                                  \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const from_type x = source[i];                                                                                     \
            to[i] = (integral) ? (int64_t)x : INT64_MIN;                                                                       \
        }                                                                                                                      \
    }
/* The comparisons come first: a cast of what has no place in an integer is undefined. */
#define FL_INTEGRAL(x) (x > -0x1p63 && x < 0x1p63 && x == (double)(int64_t)x)
FL_LABELS(labels_from_f64, double, FL_INTEGRAL(x))
FL_LABELS(labels_from_f32, float, FL_INTEGRAL((double)x))
FL_LABELS(labels_from_i8, int8_t, 1)
FL_LABELS(labels_from_i16, int16_t, 1)
FL_LABELS(labels_from_i32, int32_t, 1)
FL_LABELS(labels_from_i64, int64_t, 1)
FL_LABELS(labels_from_u8, uint8_t, 1)
FL_LABELS(labels_from_u16, uint16_t, 1)
FL_LABELS(labels_from_u32, uint32_t, 1)
FL_LABELS(labels_from_u64, uint64_t, x <= INT64_MAX)

/* Every number of 16 bits is one of 32. */
#define FL_LABELS_BY_FLOAT(function, convert)                                                                                  \
    static void function(const void *from, int64_t *to, ptrdiff_t n)                                                           \
    {                                                                                                                          \
        const uint16_t *const source = from;                                                                                   \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const float x = convert(source[i]);                                                                                \
            labels_from_f32(&x, to + i, 1);                                                                                    \
        }                                                                                                                      \
    }
FL_LABELS_BY_FLOAT(labels_from_f16, fl_from_half)
FL_LABELS_BY_FLOAT(labels_from_bf16, fl_from_bfloat)

/* Stores past the caches spare the reading of each line that is overwritten. C has no portable way to ask for them. */
#if defined(__AVX512F__)
#include <immintrin.h>
#define FL_STREAM_LINE(to, from) _mm512_stream_si512((void *)(to), _mm512_loadu_si512(from))
enum { LINE = 64 };
#elif defined(__AVX2__)
#include <immintrin.h>
#define FL_STREAM_LINE(to, from) _mm256_stream_si256((void *)(to), _mm256_loadu_si256((const void *)(from)))
enum { LINE = 32 };
#elif defined(__SSE2__)
#include <emmintrin.h>
#define FL_STREAM_LINE(to, from) _mm_stream_si128((void *)(to), _mm_loadu_si128((const void *)(from)))
enum { LINE = 16 };
#else
#define FL_STREAM_LINE(to, from) memcpy(to, from, LINE)
enum { LINE = 64 };
#endif

static void stream(const void *from, void *to, ptrdiff_t bytes)
{
    const char *source = from;
    char *target = to;
    ptrdiff_t i = (ptrdiff_t)(-(uintptr_t)target % LINE);
    if (i > bytes)
        i = bytes;
    memcpy(target, source, (size_t)i);
    for (; i + LINE <= bytes; i += LINE)
        FL_STREAM_LINE(target + i, source + i);
    memcpy(target + i, source + i, (size_t)(bytes - i));
}

#define FL_STRING_(x) #x
#define FL_STRING(x) FL_STRING_(x)
extern const fl_table FL_JOIN(fl_table_, FL_ISA);
const fl_table FL_JOIN(fl_table_, FL_ISA) = {
    .isa = FL_STRING(FL_ISA),
    .kernels = (int)(sizeof kernels / sizeof *kernels),
    .functions = (int)(sizeof functions / sizeof *functions),
    .kernel = kernels,
    .function = functions,
    .passes = {&fl_passes_of_f32, &fl_passes_of_f64},
    .stream = stream,
    .bad_weights = bad_weights,
    .row_block = row_block,
    .labels = {[FL_FROM_F32] = labels_from_f32,
               [FL_FROM_F64] = labels_from_f64,
               [FL_FROM_F16] = labels_from_f16,
               [FL_FROM_BF16] = labels_from_bf16,
               [FL_FROM_I8] = labels_from_i8,
               [FL_FROM_I16] = labels_from_i16,
               [FL_FROM_I32] = labels_from_i32,
               [FL_FROM_I64] = labels_from_i64,
               [FL_FROM_U8] = labels_from_u8,
               [FL_FROM_U16] = labels_from_u16,
               [FL_FROM_U32] = labels_from_u32,
               [FL_FROM_U64] = labels_from_u64},
};
