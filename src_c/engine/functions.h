/* Loops over the elementary functions of vmath.h: what tests and embedders call. */
#ifndef FL_FUNCTIONS_H
#define FL_FUNCTIONS_H

#include "language/vmath.h"

#define FL_EACH_FUNCTION(X)                                                                                                    \
    X(exp)                                                                                                                     \
    X(expm1) X(log) X(log1p) X(tanh) X(log_cosh) X(sigmoid) X(softplus) X(x_minus_log1p) X(expm1_minus_x) X(lgamma1p) X(atan)

#define FL_FUNCTION_LOOP(name)                                                                                                 \
    static void FL_FN(fl_map_##name)(const void *from, void *to, ptrdiff_t n)                                                  \
    {                                                                                                                          \
        const FL_T *const x = from;                                                                                            \
        FL_T *const y = to;                                                                                                    \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++)                                                                                      \
            y[i] = FL_FN(fl_##name)(x[i]);                                                                                     \
    }

#define FL_FUNCTION_ROW(name) {#name, {fl_map_##name##_f32, fl_map_##name##_f64}},

#define FL_TEMPLATE "engine/functions.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

FL_EACH_FUNCTION(FL_FUNCTION_LOOP)

#endif
