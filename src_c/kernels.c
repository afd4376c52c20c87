/*
 * The kernels of one formula file for one instruction set. setup.py compiles this file once for each of both: FL_FAMILY and
 * FL_FILE say where the formulas are, FL_KERNELS has FL_KERNEL(name) for each kernel that they make, FL_ISA is the instruction
 * set. The object exports fl_kernel_<name>_<isa> and nothing else.
 */
#include "language/formula.h"
#include "language/instruction_set.h"

#include FL_FILE
#undef FL_BITS
#define FL_BITS 32
#include "language/precision.h"

#include FL_FILE

/* without the comma and the space at the beginning */
#define FL_TEXT(name) (name##_f64 + (sizeof name##_f64 > 2 ? 2 : 0))
#define FL_KERNEL_WITH(kernel, against_, folds_, statistics_)                                                                  \
    extern const fl_kernel FL_JOIN(fl_kernel_##kernel##_, FL_ISA);                                                             \
    const fl_kernel FL_JOIN(fl_kernel_##kernel##_, FL_ISA) = {                                                                 \
        .name = #kernel,                                                                                                       \
        .family = FL_STRING(FL_FAMILY),                                                                                        \
        .signature = FL_TEXT(kernel##_signature),                                                                              \
        .parameters = FL_TEXT(kernel##_parameters),                                                                            \
        .plan = kernel##_plan_f64,                                                                                             \
        .against = against_,                                                                                                   \
        .folds = folds_,                                                                                                       \
        .map = {kernel##_f32, kernel##_f64},                                                                                   \
        .statistics = statistics_,                                                                                             \
    };
#define FL_KERNEL(kernel) FL_KERNEL_WITH(kernel, 0, 0, NULL)
#define FL_LIGHT_KERNEL(kernel) FL_KERNEL_WITH(kernel, 0, 1, NULL)
#define FL_TILES_KERNEL(kernel) FL_KERNEL_WITH(kernel, kernel##_against_f64, 0, NULL)
#define FL_STATISTICS_KERNEL(kernel)                                                                                           \
    static const fl_statistics kernel##_statistics = {                                                                         \
        kernel##_count_f64,                                                                                                    \
        kernel##_usual_f64,                                                                                                    \
        {kernel##_in_parts_f64 ? kernel##_part_f32 : NULL, kernel##_in_parts_f64 ? kernel##_part_f64 : NULL},                  \
        kernel##_outcome_of_f64,                                                                                               \
        {kernel##_prepares_f64 ? kernel##_prepare_f32 : NULL, kernel##_prepares_f64 ? kernel##_prepare_f64 : NULL},            \
    };                                                                                                                         \
    FL_KERNEL_WITH(kernel, 0, 0, &kernel##_statistics)

FL_KERNELS
