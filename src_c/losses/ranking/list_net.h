/*
 * ListNet, top one (Cao et al. 2007): the cross-entropy of two probabilities to come first, q = softmax(relevance) and
 * p = softmax(x), x = (score - largest score) / temperature.
 *
 *   value      sum_j q_j (L - x_j), L = log sum_k exp(x_k) >= 0: no term is negative
 *   by temperature  sum_j (q_j - p_j) x_j / temperature, whose terms change sign: its error is relative to the largest of
 *                   q_j |x_j| / temperature and p_j |x_j| / temperature
 *   slope      (p_j - q_j) / temperature        curvature  p_j (1 - p_j) / temperature^2
 *
 * The largest item is left out of the sums of powers, which are 1 more: L = log1p(rest), and its 1 - p = rest / (1 + rest). The
 * slope changes sign; its error is relative to the larger of p and q.
 */
#include "engine/groups.h"

/* What a softmax is made of: the place of the largest number, the sum of the powers of all others, and that of all, 1 + rest */
typedef struct {
    ptrdiff_t largest;
    FL_PAIR rest;
    FL_T sum;
} FL_FN(fl_shares);

/* Writes x_i = (number - largest number) / scale and power_i = exp(x_i). */
FL_STATIC FL_FN(fl_shares) FL_FN(fl_shares_of)(const FL_T *number, ptrdiff_t n, FL_PAIR scale, FL_T *x, FL_T *power)
{
    FL_FN(fl_shares) t = {.largest = 0};
    for (ptrdiff_t i = 1; i < n; i++)
        t.largest = number[i] > number[t.largest] ? i : t.largest;
    const FL_T most = number[t.largest];
    FL_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_PAIR d = FL_TWO_SUM(number[i], -most);
        const FL_T quotient = d.hi / scale.hi;
        const FL_T rest = FL_FMA(-quotient, scale.lo, FL_FMA(-quotient, scale.hi, d.hi) + d.lo) / scale.hi;
        x[i] = quotient;
        power[i] = FL_EXP_TIMES(FL_C(1), quotient, FL_SELECT(FL_ABS(quotient) < FL_INFINITY, rest, FL_C(0)));
    }
    power[t.largest] = FL_C(0);
    t.rest = FL_FN(fl_sum_of)(power, n);
    power[t.largest] = FL_C(1) + (most - most);
    t.sum = FL_C(1) + (t.rest.hi + t.rest.lo);
    return t;
}

/* What both formulas are made of: powers p of the scores and q of the relevances, still to be divided, and the scores x. */
typedef struct {
    FL_PAIR scale;
    FL_T *p, *q, *x, *term;
    FL_FN(fl_shares) wanted, found;
} FL_FN(list_net_parts);

FL_INLINE FL_FN(list_net_parts) FL_FN(list_net_parts_of)(FL_GROUP *g, double temperature)
{
    FL_FN(list_net_parts)
    t = {.scale = FL_EXACT_PARAMETER(temperature), .p = g->room[0], .q = g->room[1], .x = g->room[2], .term = g->room[3]};
    FL_FN(fl_spoil_by_scores)(g);
    t.wanted = FL_FN(fl_shares_of)(g->relevance, g->n, FL_EXACTLY(FL_C(1)), t.x, t.q);
    t.found = FL_FN(fl_shares_of)(g->score, g->n, t.scale, t.x, t.p);
    return t;
}

FL_GROUP_FORMULA(list_net, FL_AS_THEY_COME, g, (temperature))
{
    if (!g->n)
        return 0;
    const FL_FN(list_net_parts) t = FL_FN(list_net_parts_of)(g, temperature);
    const FL_T scale = t.scale.hi;
    FL_T *const p = t.p, *const q = t.q, *const x = t.x, *const term = t.term;
    const FL_PAIR l = FL_LOG1P_PAIR(t.found.rest.hi, t.found.rest.lo);
    FL_SIMD
    for (ptrdiff_t i = 0; i < g->n; i++) {
        q[i] /= t.wanted.sum;
        p[i] /= t.found.sum;
        /* a share of zero takes nothing, even of infinity */
        term[i] = FL_SELECT(q[i] > FL_C(0), q[i] * (l.hi - x[i]), FL_UNLESS_NAN(q[i], 0));
        g->slope[i] = (p[i] - q[i]) / scale;
        g->curvature[i] = p[i] * (FL_C(1) - p[i]) / scale / scale;
    }
    g->value = FL_FN(fl_sum_of)(term, g->n);
    g->curvature[t.found.largest] = p[t.found.largest] * (t.found.rest.hi / t.found.sum) / scale / scale;
    return 0;
}

FL_GROUP_FORMULA(list_net_by_temperature, FL_AS_THEY_COME, g, (temperature))
{
    if (!g->n)
        return 0;
    const FL_FN(list_net_parts) t = FL_FN(list_net_parts_of)(g, temperature);
    FL_T *const p = t.p, *const q = t.q, *const x = t.x, *const term = t.term;
    FL_SIMD
    for (ptrdiff_t i = 0; i < g->n; i++) {
        const FL_T change = q[i] / t.wanted.sum - p[i] / t.found.sum;
        /* a share of zero takes nothing, even of infinity */
        term[i] = FL_SELECT(change == FL_C(0), FL_C(0), change * x[i]) / t.scale.hi;
    }
    g->value = FL_FN(fl_sum_of)(term, g->n);
    return 0;
}
