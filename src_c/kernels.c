/*
 * The kernels of one family of losses for one instruction set. setup.py compiles this file once for each of both, with
 * FL_FAMILY and FL_ISA their names; the object exports fl_family_<family>_<isa> and nothing else.
 */
#include "language/formula.h"
#include "language/instruction_set.h"

/* setup.py writes both lists: formulas.inc.h includes the family's formula files, kernels.inc.h has a line FL_KERNEL(name) for
   each kernel in them. */
#include "formulas.inc.h"
#undef FL_BITS
#define FL_BITS 32
#include "language/precision.h"

#include "formulas.inc.h"

#define FL_KERNEL(kernel)
#define FL_STATISTICS_KERNEL(kernel)                                                                                           \
    static const fl_statistics kernel##_statistics = {                                                                         \
        kernel##_count_f64, kernel##_usual_f64, {kernel##_part_f32, kernel##_part_f64}, kernel##_outcome_of_f64};
#include "kernels.inc.h"
#undef FL_KERNEL
#undef FL_STATISTICS_KERNEL

/* without the comma and the space at the beginning */
#define FL_TEXT(name) (name##_f64 + (sizeof name##_f64 > 2 ? 2 : 0))
#define FL_KERNEL_WITH(kernel, statistics_)                                                                                    \
    {.name = #kernel,                                                                                                          \
     .signature = FL_TEXT(kernel##_signature),                                                                                 \
     .parameters = FL_TEXT(kernel##_parameters),                                                                               \
     .plan = kernel##_plan_f64,                                                                                                \
     .map = {kernel##_f32, kernel##_f64},                                                                                      \
     .statistics = statistics_},
#define FL_KERNEL(kernel) FL_KERNEL_WITH(kernel, NULL)
#define FL_STATISTICS_KERNEL(kernel) FL_KERNEL_WITH(kernel, &kernel##_statistics)

static const fl_kernel kernels[] = {
#include "kernels.inc.h"
};

extern const fl_family FL_JOIN(FL_JOIN(fl_family_, FL_FAMILY), FL_JOIN(_, FL_ISA));
const fl_family FL_JOIN(FL_JOIN(fl_family_, FL_FAMILY), FL_JOIN(_, FL_ISA)) = {
    .name = FL_STRING(FL_FAMILY),
    .kernels = (int)(sizeof kernels / sizeof *kernels),
    .kernel = kernels,
};
