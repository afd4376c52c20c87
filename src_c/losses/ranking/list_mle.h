/*
 * ListMLE (Xia et al. 2008): the negative log-likelihood of the order by relevance in the model of Plackett and Luce, in which
 * an item is drawn from those that are left, i..n, with the probability w_ij = exp(s_j) / S_i, S_i = sum_{j >= i} exp(s_j).
 *
 *   value      sum_i log(S_i exp(-s_i)) = sum_i log(1 + S_{i+1} exp(-s_i))
 *   slope      sum_{i <= k} w_ik - 1        curvature  sum_{i <= k} w_ik (1 - w_ik)
 *
 * S is summed from the last item on, as S exp(-m): m is the score of an item that has been met, until a score exceeds it by
 * FL_LIST_MLE_REACH; so S is at least 1 and does not overflow, and where m changes, what is summed up so far, with its errors,
 * becomes small beside what comes. Where s_i is below m the term of the value is (m - s_i) + log(S_{i+1} + exp(s_i - m)), else
 * log1p of what is left over it. w_ik is summed as exp(s_k - m) times the sums of exp(m - m_i) / S_i. O(n) after the sort.
 *
 * The slope changes sign; its error is relative to the larger of the sum and 1. That of the curvature, in which nearly all
 * cancels where an item is far above all others, is relative to the sum of w_ik.
 */
#include "engine/groups.h"

#define FL_LIST_MLE_REACH FL_C(8)

FL_GROUP_FORMULA(list_mle, FL_BY_RELEVANCE, g, ())
{
    const ptrdiff_t n = g->n;
    /* exp(s_i - m) and S_i exp(-m); how m falls after an item; what the term of an item is the logarithm of, and what is added
     */
    FL_T *const power = g->room[0], *const sum = g->room[1], *const fall = g->room[2];
    FL_T *const argument = g->room[3], *const lead = g->room[4];
    FL_T m = n ? g->score[n - 1] : FL_C(0);
    FL_PAIR s = FL_EXACTLY(FL_C(0));
    FL_FN(fl_spoil_by_scores)(g);
    for (ptrdiff_t i = n - 1; i >= 0; i--) {
        FL_PAIR d = FL_TWO_SUM(g->score[i], -m);
        d.lo = FL_SELECT(FL_ABS(d.hi) < FL_INFINITY, d.lo, FL_C(0));
        fall[i] = FL_C(1);
        power[i] = FL_C(1);
        if (d.hi > FL_LIST_MLE_REACH) {
            m = g->score[i];
            fall[i] = FL_EXP_TIMES(FL_C(1), -d.hi, -d.lo);
            s.hi *= fall[i];
            s.lo *= fall[i];
            lead[i] = FL_C(0);
            argument[i] = s.hi + s.lo;
        } else {
            const int below = d.hi <= FL_C(0);
            /* items that are equal are so where they are infinite, too */
            power[i] = FL_SELECT(g->score[i] == m, FL_C(1), FL_EXP_TIMES(FL_C(1), d.hi, d.lo));
            lead[i] = FL_SELECT(below, -d.hi, FL_C(0));
            argument[i] = FL_SELECT(below, (s.hi + power[i]) + (s.lo - FL_C(1)), (s.hi + s.lo) / power[i]);
        }
        FL_FN(fl_add_with_error)(&s.hi, &s.lo, power[i]);
        sum[i] = s.hi + s.lo;
    }
    FL_SIMD
    for (ptrdiff_t i = 0; i < n; i++)
        argument[i] = lead[i] + FL_LOG1P(argument[i]);
    g->value = FL_FN(fl_sum_of)(argument, n);
    FL_PAIR first = FL_EXACTLY(FL_C(0)), second = FL_EXACTLY(FL_C(0));
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_T inverse = FL_C(1) / sum[i], before = i ? fall[i - 1] : FL_C(1);
        first.hi *= before;
        first.lo *= before;
        second.hi *= before * before;
        second.lo *= before * before;
        FL_FN(fl_add_with_error)(&first.hi, &first.lo, inverse);
        FL_FN(fl_add_with_error)(&second.hi, &second.lo, inverse * inverse);
        const FL_T once = power[i] * (first.hi + first.lo), twice = (power[i] * power[i]) * (second.hi + second.lo);
        g->slope[i] = FL_FMA(power[i], first.hi, FL_FMA(power[i], first.lo, FL_C(-1)));
        g->curvature[i] = FL_MAX(FL_C(0), once - twice);
    }
    return 0;
}
