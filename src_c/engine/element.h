/*
 * The plan of elements: a formula of one number of each input.
 *
 *   FL_FORMULA(huber, (y_true), (y_pred), (delta))
 *   {
 *       ...
 *       return (FL_RESULT){.value = ..., .gradient = {...}, .hessian = {...}, .invalid = ...};
 *   }
 *
 *   FL_FORMULA_FOR(..., usual)             the same, with less to do where the function `usual` of all inputs and parameters is
 *                                          1 in a block: FL_IS_USUAL says so. The bits must be those of the general way.
 *
 *   FL_LIGHT_FORMULA(squared_error, ...)   the same, of a loss that costs no more than its sum: its kernel can do both at once.
 *                                          The value must not be negative.
 *
 *   FL_VALUE_FORMULA(huber_by_delta, (y_true), (y_pred), (delta))     .value alone: the derivative of a loss by a parameter
 *
 * Element i of an output depends on element i of the inputs alone, so that an output may be the memory of an input.
 */
#ifndef FL_ELEMENT_H
#define FL_ELEMENT_H

#include "language/formula.h"
#include "sum/folds.h"

#define FL_FORMULA(name, given, by, parameters)                                                                                \
    FL_ELEMENT_FORMULA(name, given, by, parameters)                                                                            \
    FL_ELEMENT_LOOPS(name)                                                                                                     \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(name##_written)(block);                                                                                   \
    }                                                                                                                          \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters))

#define FL_FORMULA_FOR(name, given, by, parameters, usual)                                                                     \
    FL_DECLARE(name, FL_ELEMENTS, FL_SIGNATURE("", given, by), parameters)                                                     \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters), const int fl_is_usual);                     \
    FL_ELEMENT_AT(name, given, by, parameters, FL_FN(name##_formula)(FL_BOUND(given, by, parameters), 0))                      \
    FL_ELEMENT_AT(name##_usual, given, by, parameters, FL_FN(name##_formula)(FL_BOUND(given, by, parameters), 1))              \
    FL_ALL_USUAL(name, 1, FL_FN(usual), given, by, parameters)                                                                 \
    FL_ELEMENT_LOOPS(name)                                                                                                     \
    FL_LOOPS_OF_USUAL(name)                                                                                                    \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters), const int fl_is_usual)

/* Derivatives alone have little to leave out. */
#define FL_LOOPS_OF_USUAL(name)                                                                                                \
    FL_ELEMENT_LOOP(name##_usual, 1)                                                                                           \
    FL_ELEMENT_LOOP(name##_usual, 3)                                                                                           \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        const FL_T *const x[FL_MAX_INPUTS] = {block->input[0], block->input[1], block->input[2], block->input[3]};             \
        const int may_be = block->want == FL_VALUE || block->want == (FL_VALUE | FL_GRADIENT);                                 \
        if (!may_be || !FL_FN(name##_all_usual)(x, block->units, block->parameters))                                           \
            return FL_FN(name##_written)(block);                                                                               \
        return block->want == FL_VALUE ? FL_FN(name##_usual_1)(block) : FL_FN(name##_usual_3)(block);                          \
    }

#define FL_LIGHT_FORMULA(name, given, by, parameters)                                                                          \
    FL_ELEMENT_FORMULA(name, given, by, parameters)                                                                            \
    FL_ELEMENT_LOOPS(name)                                                                                                     \
    FL_FOLDING_LOOP(name, 1)                                                                                                   \
    FL_FOLDING_LOOP(name, 3)                                                                                                   \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        if (!block->folds)                                                                                                     \
            return FL_FN(name##_written)(block);                                                                               \
        return block->want == FL_VALUE ? FL_FN(name##_folded_1)(block) : FL_FN(name##_folded_3)(block);                        \
    }                                                                                                                          \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters))

#define FL_ELEMENT_LOOPS(name)                                                                                                 \
    FL_ELEMENT_LOOP(name, 1)                                                                                                   \
    FL_ELEMENT_LOOP(name, 2)                                                                                                   \
    FL_ELEMENT_LOOP(name, 3)                                                                                                   \
    FL_ELEMENT_LOOP(name, 6)                                                                                                   \
    FL_INLINE int FL_FN(name##_written)(const fl_block *block)                                                                 \
    {                                                                                                                          \
        switch (block->want) {                                                                                                 \
        case FL_VALUE:                                                                                                         \
            return FL_FN(name##_1)(block);                                                                                     \
        case FL_GRADIENT:                                                                                                      \
            return FL_FN(name##_2)(block);                                                                                     \
        case FL_VALUE | FL_GRADIENT:                                                                                           \
            return FL_FN(name##_3)(block);                                                                                     \
        case FL_GRADIENT | FL_HESSIAN:                                                                                         \
            return FL_FN(name##_6)(block);                                                                                     \
        default:                                                                                                               \
            return FL_FN(name##_1)(block) | FL_FN(name##_6)(block);                                                            \
        }                                                                                                                      \
    }

/* What has a value only, as the derivative of a loss by a parameter: huber_by_delta is that of huber by delta. */
#define FL_VALUE_FORMULA(name, given, by, parameters)                                                                          \
    FL_ELEMENT_FORMULA(name, given, by, parameters)                                                                            \
    FL_ELEMENT_LOOP(name, 1)                                                                                                   \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(name##_1)(block);                                                                                         \
    }                                                                                                                          \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters))

#define FL_ELEMENT_FORMULA(name, given, by, parameters)                                                                        \
    FL_DECLARE(name, FL_ELEMENTS, FL_SIGNATURE("", given, by), parameters)                                                     \
    FL_INLINE FL_RESULT FL_FN(name##_formula)(FL_ARGUMENTS(given, by, parameters));                                            \
    FL_ELEMENT_AT(name, given, by, parameters, FL_FN(name##_formula)(FL_BOUND(given, by, parameters)))

/* What a loop needs to know of a formula, and the formula at the place i of the inputs. */
#define FL_ELEMENT_AT(name, given, by, parameters, result)                                                                     \
    enum {                                                                                                                     \
        FL_FN(name##_inputs) = FL_COUNT(given) + FL_COUNT(by),                                                                 \
        FL_FN(name##_gradients) = FL_COUNT(by),                                                                                \
        FL_FN(name##_parameter_count) = FL_COUNT(parameters)                                                                   \
    };                                                                                                                         \
    FL_INLINE FL_RESULT FL_FN(name##_at)(const FL_T *const *x, ptrdiff_t i, const double *q)                                   \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return result;                                                                                                         \
    }

/*
 * One loop for each combination of outputs: `want` is a constant in it. Not inlined, so that each can be looked at. Gradients
 * beside values are divided in it, which a loop that waits for memory does for nothing; boosting wants others, and no division.
 */
#define FL_ELEMENT_ARRAYS(name, want)                                                                                          \
    const FL_T *const x[FL_MAX_INPUTS] = {block->input[0], block->input[1], block->input[2], block->input[3]};                 \
    FL_T *const g0 = block->gradient[0], *const g1 = block->gradient[1], *const g2 = block->gradient[2];                       \
    double q[FL_MAX_PARAMETERS];                                                                                               \
    if (FL_FN(name##_parameter_count))                                                                                         \
        memcpy(q, block->parameters, FL_FN(name##_parameter_count) * sizeof *q);                                               \
    const FL_T divisor = want == (FL_VALUE | FL_GRADIENT) ? (FL_T)block->divisor : FL_C(1);                                    \
    const ptrdiff_t n = block->units;                                                                                          \
    (void)g0, (void)g1, (void)g2, (void)divisor;
#define FL_ELEMENT_LOOP(name, want)                                                                                            \
    static __attribute__((noinline)) int FL_FN(name##_##want)(const fl_block *block)                                           \
    {                                                                                                                          \
        FL_ELEMENT_ARRAYS(name, want)                                                                                          \
        FL_T *const value = block->value;                                                                                      \
        FL_T *const h0 = block->hessian[0], *const h1 = block->hessian[1], *const h2 = block->hessian[2];                      \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_RESULT t = FL_FN(name##_at)(x, i, q);                                                                     \
            if (want & FL_VALUE)                                                                                               \
                value[i] = t.value;                                                                                            \
            FL_STORE(want &FL_GRADIENT, FL_FN(name##_gradients), g, gradient)                                                  \
            FL_STORE(want &FL_HESSIAN, FL_FN(name##_gradients), h, hessian)                                                    \
            invalid |= t.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }

/* The same, with the values added up where they are computed: memory waits for no second loop. */
#define FL_FOLDING_LOOP(name, want)                                                                                            \
    static __attribute__((noinline)) int FL_FN(name##_folded_##want)(const fl_block *block)                                    \
    {                                                                                                                          \
        FL_ELEMENT_ARRAYS(name, want)                                                                                          \
        FL_I invalid[FL_FOLD_LANES] = {0}, any = 0;                                                                            \
        FL_BEGIN_FOLDS(block->folds);                                                                                          \
        FL_FOR_LANES(at, n, FL_NOT_NEGATIVE, FL_FN(fl_fetch_ahead)(x, FL_FN(name##_inputs), at), {                             \
            const ptrdiff_t i = at + lane;                                                                                     \
            const FL_RESULT t = FL_FN(name##_at)(x, i, q);                                                                     \
            number = t.value;                                                                                                  \
            FL_STORE(want &FL_GRADIENT, FL_FN(name##_gradients), g, gradient)                                                  \
            invalid[lane] |= t.invalid;                                                                                        \
        });                                                                                                                    \
        FL_END_FOLDS(block->folds);                                                                                            \
        for (int lane = 0; lane < FL_FOLD_LANES; lane++)                                                                       \
            any |= invalid[lane];                                                                                              \
        return any != 0;                                                                                                       \
    }

/*
 * How far ahead, in bytes, a loop that waits for memory asks for it: the processor, which sees that lines follow each other,
 * starts anew in each page.
 */
enum { FL_AHEAD = 2048 };

#define FL_STORE(wanted, count, to, what)                                                                                      \
    if ((wanted) && count > 0)                                                                                                 \
        to##0 [i] = t.what[0] / divisor;                                                                                       \
    if ((wanted) && count > 1)                                                                                                 \
        to##1 [i] = t.what[1] / divisor;                                                                                       \
    if ((wanted) && count > 2)                                                                                                 \
        to##2 [i] = t.what[2] / divisor;

#define FL_TEMPLATE "engine/element.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

FL_INLINE void FL_FN(fl_fetch_ahead)(const FL_T *const *x, int inputs, ptrdiff_t i)
{
    for (int k = 0; k < inputs; k++)
        __builtin_prefetch((const char *)(x[k] + i) + FL_AHEAD);
}

#endif
