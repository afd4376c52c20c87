/*
 * What the driver needs of one instruction set beside the kernels: conversions, sums, elementary functions. setup.py compiles
 * this file once per instruction set, like kernels.c; the object exports fl_table_<isa>, which names all kernels,
 * and nothing else.
 */
#include "engine/passes.h"
#include "engine/functions.h"
#include "engine/groups.h"
#include "engine/own.h"
#include "engine/sequence.h"
#include "engine/sheets.h"
#include "engine/tiles.h"
#include "fastloss_static.h"
#include "language/instruction_set.h"

static const fl_function functions[] = {FL_EACH_FUNCTION(FL_FUNCTION_ROW)};

static int bad_weights(const double *w, ptrdiff_t n)
{
    int64_t bad = 0;
    FL_SIMD_REDUCE(reduction(| : bad))
    for (ptrdiff_t i = 0; i < n; i++)
        bad |= FL_SELECT(w[i] >= 0.0 && w[i] < __builtin_inf(), (int64_t)0, (int64_t)1);
    return bad != 0;
}

static ptrdiff_t layout(int plan, ptrdiff_t width, ptrdiff_t *scratch)
{
    if (plan == FL_GROUPS) {
        *scratch = FL_MAX(FL_GROUP_ARRAYS * FL_GROUP_ROOM(width), FL_GROUP_SHEETS * FL_GROUP_SHEET(width));
        return 1;
    }
    const fl_sheet sheet = fl_sheet_of(width);
    const fl_sheet by_row = fl_sheet_by_row(width);
    *scratch = 4 * sheet.groups * sheet.lanes + by_row.rows * by_row.stride;
    if (plan == FL_TILES) {
        /* and the shares of the keys */
        *scratch += sheet.rows * width;
        return sheet.rows;
    }
    /* several sheets of few classes, so that what a block costs beside them does not count */
    const ptrdiff_t sheets = FL_SHEET_NUMBERS / (sheet.groups * sheet.lanes);
    return sheet.rows * (sheets ? sheets : 1);
}

static ptrdiff_t sequence_room(ptrdiff_t frames, ptrdiff_t labels, ptrdiff_t classes, int want)
{
    const fl_lattice lattice = fl_lattice_of(frames, labels, want);
    ptrdiff_t place[FL_SEQUENCE_PARTS];
    return fl_sequence_places(&lattice, classes, want, place);
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

/* kernels.inc.h, which setup.py writes, has a line FL_KERNEL(name) for each kernel. */
#define FL_KERNEL(name) extern const fl_kernel FL_JOIN(fl_kernel_##name##_, FL_ISA);
#include "kernels.inc.h"
#undef FL_KERNEL
static const fl_kernel *const kernels[] = {
#define FL_KERNEL(name) &FL_JOIN(fl_kernel_##name##_, FL_ISA),
#include "kernels.inc.h"
};

extern const fl_table FL_JOIN(fl_table_, FL_ISA);
const fl_table FL_JOIN(fl_table_, FL_ISA) = {
    .abi = FL_ABI,
    .table_size = (int32_t)sizeof(fl_table),
    .block_size = (int32_t)sizeof(fl_block),
    .kernel_size = (int32_t)sizeof(fl_kernel),
    .sum_size = (int32_t)sizeof(fl_sum),
    .kernels = (int)(sizeof kernels / sizeof *kernels),
    .functions = (int)(sizeof functions / sizeof *functions),
    .isa = FL_STRING(FL_ISA),
    .kernel = kernels,
    .function = functions,
    .passes = {&fl_passes_of_f32, &fl_passes_of_f64},
    .products = {&fl_products_of_f32, &fl_products_of_f64},
    .own = {fl_own_map_f32, fl_own_map_f64},
    .stream = stream,
    .bad_weights = bad_weights,
    .layout = layout,
    .sequence_room = sequence_room,
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
    .sum_clear = fl_sum_clear,
    .sum_merge = fl_sum_merge,
    .sum_deposit = fl_sum_deposit,
    .sum_settle = fl_sum_settle,
    .sum_round = fl_sum_round,
};
