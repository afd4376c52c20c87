/*
 * What all formulas have in common. A formula stands in a file of its own under losses/, in both precisions, and gives value,
 * gradient and Hessian together; loops that do not store a part of the result let the compiler drop its computation. The plan
 * of the engine that a file includes says how the formula begins:
 *
 *   engine/element.h            FL_FORMULA             numbers
 *                               FL_LIGHT_FORMULA       numbers, and little to do for each of them
 *                               FL_FORMULA_FOR         numbers, and less to do for most of them
 *                               FL_VALUE_FORMULA       the derivative of a loss of numbers by a parameter: a value alone
 *   engine/rows.h               FL_TARGET_FORMULA      the right class of a row of scores or probabilities
 *                               FL_FINE_TARGET_FORMULA the same, of logarithms in two parts
 *                               FL_SHARE_FORMULA       classes by their shares, of a row of scores
 *   engine/row_sums.h           FL_SUM_FORMULA         rows, by the sum over their numbers
 *                               FL_FINE_SUM_FORMULA    the same, of terms in two parts
 *   engine/margins.h            FL_MARGIN_FORMULA      rows, by distances between scores
 *   engine/predicted_labels.h   FL_LABEL_FORMULA       rows, by the class with the highest score
 *   engine/statistics.h         FL_STATISTICS_FORMULA  rows, masks and whole arrays, by a few sums over their numbers
 *   engine/vectors.h            FL_VECTOR_FORMULA      vectors of few numbers, by each of these
 *   engine/groups.h             FL_GROUP_FORMULA       groups, as a whole
 *                               FL_GROUPS_FORMULA      the same, several of them at a time
 *   engine/pairs.h              FL_PAIR_FORMULA        groups, by all pairs of their numbers
 *                               FL_NDCG_FORMULA        groups, by what exchanging two of their numbers would change
 *   engine/tiles.h              FL_TILES_FORMULA       rows against the rows of another matrix, by their products
 *                               FL_TILES_SHARE_FORMULA the same, where several keys have a share of a row
 *   engine/sequence.h           FL_SEQUENCE_FORMULA    sequences, by all ways through a lattice of frames and labels
 *
 * Inputs are listed in two parts, (given) and (differentiated), and then (parameters), which are doubles: the class of the loss
 * has fields of these names. The derivative of a loss by a parameter is a formula of its own, called like the loss, _by_ and
 * the parameter, in the same file: its value is that derivative. Where a formula does not name its inputs, the plan does.
 * `invalid` is 1 where an input lies outside the domain.
 */
#ifndef FL_FORMULA_H
#define FL_FORMULA_H

#include "fastloss.h"
#include "language/lists.h"
#include "language/vmath.h"

/* The signature of a kernel, after a comma and a space; `axes` is what a unit has of each input. */
#define FL_GIVEN(axes, i, name) ", " #name axes
#define FL_DIFFERENTIATED(axes, i, name) ", " #name axes "*"
#define FL_SIGNATURE(axes, given, by) FL_EACH(FL_GIVEN, axes, given) FL_EACH(FL_DIFFERENTIATED, axes, by)
#define FL_PARAMETER_NAME(extra, i, name) ", " #name
#define FL_PARAMETER_NAMES(parameters) "" FL_EACH(FL_PARAMETER_NAME, , parameters)

/* What the table says of a kernel; `name` is that of its map, in both precisions. */
#define FL_DECLARE(name, plan, signature, parameters)                                                                          \
    enum { FL_FN(name##_plan) = plan };                                                                                        \
    static const char FL_FN(name##_signature)[] __attribute__((unused)) = signature;                                           \
    static const char FL_FN(name##_parameters)[] __attribute__((unused)) = FL_PARAMETER_NAMES(parameters);

/* A formula's arguments: inputs, then parameters. They are bound to x[0][i] and so on, and to q[0] and so on. */
#define FL_INPUT(extra, i, name) , const FL_T name
#define FL_PARAMETER(extra, i, name) , __attribute__((unused)) const double name
#define FL_ARGUMENTS(given, by, parameters)                                                                                    \
    FL_TAIL(FL_EACH(FL_INPUT, , given) FL_EACH(FL_INPUT, , by) FL_EACH(FL_PARAMETER, , parameters))
#define FL_INPUT_AT(first, k, name) , x[first + k][i]
#define FL_PARAMETER_AT(extra, k, name) , q[k]
#define FL_BOUND(given, by, parameters)                                                                                        \
    FL_TAIL(FL_EACH(FL_INPUT_AT, 0, given) FL_EACH(FL_INPUT_AT, FL_COUNT(given), by) FL_EACH(FL_PARAMETER_AT, , parameters))

#define FL_RESULT FL_FN(fl_result)

/* Most numbers may need less than all of them: a formula may leave out what the others need where the constant FL_IS_USUAL
 * is 1. Before a loop, name_all_usual() looks whether all numbers are usual; `looks`, a constant: they may be. */
#define FL_IS_USUAL fl_is_usual
#define FL_NEVER(...) 0
#define FL_ALL_USUAL(name, looks, usual, given, by, parameters)                                                                \
    FL_INLINE int FL_FN(name##_all_usual)(const FL_T *const *x, ptrdiff_t n, const double *q)                                  \
    {                                                                                                                          \
        (void)q, (void)x;                                                                                                      \
        FL_I unusual = !(looks);                                                                                               \
        FL_SIMD_REDUCE(reduction(| : unusual))                                                                                 \
        for (ptrdiff_t i = 0; i < (looks)*n; i++)                                                                              \
            unusual |= FL_SELECT(usual(FL_BOUND(given, by, parameters)), (FL_I)0, (FL_I)1);                                    \
        return !unusual;                                                                                                       \
    }

#define FL_TEMPLATE "language/formula.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T value, gradient[FL_MAX_GRADIENTS], hessian[FL_MAX_GRADIENTS];
    FL_T low; /* a second part of the value, where it is summed over rows */
    FL_I invalid;
} FL_FN(fl_result);

#endif
