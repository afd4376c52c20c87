/*
 * Losses of single numbers whose formula is a function of the user's, compiled elsewhere: the map that calls it. It looks
 * whether the inputs lie in their ranges, as kernels do.
 */
#ifndef FL_OWN_H
#define FL_OWN_H

#include "engine/passes.h"

#define FL_TEMPLATE "engine/own.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* Whether a number lies outside; NaN never does. */
static int FL_FN(fl_outside_range)(const void *numbers, ptrdiff_t n, const fl_range *range)
{
    const FL_T *const x = numbers;
    const FL_T low = (FL_T)range->low, high = (FL_T)range->high;
    FL_I outside = 0;
    if (range->open_low) {
        FL_SIMD_REDUCE(reduction(| : outside))
        for (ptrdiff_t i = 0; i < n; i++)
            outside |= FL_SELECT(x[i] <= low, (FL_I)1, (FL_I)0);
    } else {
        FL_SIMD_REDUCE(reduction(| : outside))
        for (ptrdiff_t i = 0; i < n; i++)
            outside |= FL_SELECT(x[i] < low, (FL_I)1, (FL_I)0);
    }
    if (range->open_high) {
        FL_SIMD_REDUCE(reduction(| : outside))
        for (ptrdiff_t i = 0; i < n; i++)
            outside |= FL_SELECT(x[i] >= high, (FL_I)1, (FL_I)0);
    } else {
        FL_SIMD_REDUCE(reduction(| : outside))
        for (ptrdiff_t i = 0; i < n; i++)
            outside |= FL_SELECT(x[i] > high, (FL_I)1, (FL_I)0);
    }
    return outside != 0;
}

/* Calls a function of doubles for numbers of this precision, some at a time. */
static void FL_FN(fl_call_in_double)(const fl_block *block, fl_function_of_numbers function)
{
    enum { SOME = 128 };
    double input[2][SOME], result[3][SOME];
    void *const wanted[3] = {block->want & FL_VALUE ? block->value : NULL,
                             block->want & FL_GRADIENT ? block->gradient[0] : NULL,
                             block->want & FL_HESSIAN ? block->hessian[0] : NULL};
    for (ptrdiff_t first = 0; first < block->units; first += SOME) {
        const ptrdiff_t n = block->units - first < SOME ? block->units - first : SOME;
        for (int k = 0; k < 2; k++)
            for (ptrdiff_t i = 0; i < n; i++)
                input[k][i] = (double)((const FL_T *)block->input[k])[first + i];
        function(n, input[0], input[1], block->parameters, wanted[0] ? result[0] : NULL, wanted[1] ? result[1] : NULL,
                 wanted[2] ? result[2] : NULL, block->want);
        for (int k = 0; k < 3; k++)
            for (ptrdiff_t i = 0; wanted[k] && i < n; i++)
                ((FL_T *)wanted[k])[first + i] = (FL_T)result[k][i];
    }
}

static int FL_FN(fl_own_map)(const fl_block *block)
{
    const fl_own *const own = block->own;
    int outside = 0;
    for (int k = 0; k < 2; k++)
        if (own->range[k].limits)
            outside |= FL_FN(fl_outside_range)(block->input[k], block->units, &own->range[k]);
    if (!own->function[FL_BITS == 64])
        FL_FN(fl_call_in_double)(block, own->function[FL_F64]);
    else
        own->function[FL_BITS == 64](block->units, block->input[0], block->input[1], block->parameters,
                                     block->want & FL_VALUE ? block->value : NULL,
                                     block->want & FL_GRADIENT ? block->gradient[0] : NULL,
                                     block->want & FL_HESSIAN ? block->hessian[0] : NULL, block->want);
    if (block->want == (FL_VALUE | FL_GRADIENT) && block->divisor != 1.0)
        FL_FN(fl_divide)(block->gradient[0], block->divisor, block->gradient[0], block->units);
    return outside;
}

#endif
