/*
 * What losses of masks have in common. With labels y and predicted probabilities p, N the weighted count of what is wrong,
 *
 *   N = sum of  a p (1 - y) + b (1 - p) y        T = sum of  p y
 *
 * the loss is  N / (N + T + s)  times a constant, whose terms are all of one sign: nothing cancels, where 1 - T / (N + T)
 * would. The two derivatives, by N and by T, are  (T + s) / D^2  and  -N / D^2  with  D = N + T + s.  Where D is 0, both masks
 * are empty: the loss and its derivatives are 0.
 */
#ifndef FL_OVERLAP_H
#define FL_OVERLAP_H

#include "engine/statistics.h"

#define FL_OVERLAP(wrong, hit, smooth) FL_FN(fl_overlap)(wrong, hit, smooth)

#define FL_TEMPLATE "language/overlap.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

FL_INLINE FL_OUTCOME FL_FN(fl_overlap)(FL_T wrong, FL_T hit, FL_T smooth)
{
    const FL_T right = hit + smooth, all = wrong + right;
    const int empty = all == FL_C(0);
    return (FL_OUTCOME){
        .value = FL_SELECT(empty, FL_C(0), wrong / all),
        .by = {FL_SELECT(empty, FL_C(0), right / all), FL_SELECT(empty, FL_C(0), -(wrong / all))},
        .divisor = FL_SELECT(empty, FL_C(1), all),
    };
}

#endif
