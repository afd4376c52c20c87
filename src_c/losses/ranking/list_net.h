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

/* What the softmax of each group is made of: its largest number, the sum of the powers of all others, and that of all,
 * 1 + rest. */
typedef struct {
    FL_FN(fl_largest) largest;
    FL_T rest[FL_LANES], rest_low[FL_LANES], sum[FL_LANES];
} FL_FN(fl_shares);

/* Makes of numbers x = (number - largest number) / scale, and power = exp(x), 0 where there is no item. */
FL_INLINE void FL_FN(fl_find_shares)(FL_GROUPS_OF_LANES *g, const FL_SCALING scale, FL_T *x, FL_T *power, FL_FN(fl_shares) * t)
{
    const fl_sheet *const sheet = &g->sheet;
    FL_FN(fl_sums) rest;
    memset(&rest, 0, sizeof rest);
    FL_FN(fl_find_largest)(sheet, x, &t->largest);
    const FL_T *const most = t->largest.max;
    const FL_I *const own = t->largest.own, *const first = t->largest.first, *const length = g->length;
    FL_EACH_GROUP(sheet)
    {
        FL_T *const numbers = x + group * sheet->lanes, *const powers = power + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            const FL_I k = FL_CLASS(sheet);
            const int none = k >= length[lane], is_largest = k == first[lane];
            const FL_PAIR d = FL_TWO_SUM(FL_SELECT(none, FL_C(0), numbers[lane]), FL_SELECT(none, FL_C(0), -most[lane]));
            const FL_T down = d.hi * scale.down, quotient = down * scale.inverse;
            const FL_T remainder = FL_FMA(-quotient, scale.m.hi, down) + FL_FMA(-quotient, scale.m.lo, d.lo * scale.down);
            const FL_T low = remainder * scale.inverse;
            const FL_T e = FL_FN(fl_raised_exp)(quotient, FL_SELECT(FL_ABS(quotient) < FL_INFINITY, low, FL_C(0))) * FL_LOWERED;
            /* by masks: GCC makes sums with and without the term of a selection */
            const FL_U counts = FL_SELECT(none | is_largest, (FL_U)0, ~(FL_U)0);
            FL_FN(fl_add)(&rest, lane, FL_PICK(counts, e, FL_C(0)));
            numbers[lane] = quotient;
            powers[lane] = FL_SELECT(none, FL_C(0), FL_SELECT(is_largest, FL_C(1) + (most[lane] - most[lane]), e));
        }
    }
    FL_FN(fl_merge_sums)(sheet, &rest);
    FL_EACH_LANE(sheet)
    {
        t->rest[lane] = rest.sum[lane];
        t->rest_low[lane] = FL_SELECT(FL_ABS(rest.sum[lane]) < FL_INFINITY, rest.error[lane], FL_C(0));
        t->sum[lane] = FL_C(1) + (t->rest[lane] + t->rest_low[lane]);
        g->spoilt[lane] += t->largest.spoilt[lane];
    }
}

FL_STATIC void FL_FN(fl_find_plain_shares)(FL_GROUPS_OF_LANES *g, FL_T *x, FL_T *power, FL_FN(fl_shares) * t)
{
    FL_FN(fl_find_shares)(g, FL_SCALING_BY(1.0), x, power, t);
}

/* Those of the relevance, and those of the scores. */
FL_STATIC void FL_FN(fl_find_both_shares)(FL_GROUPS_OF_LANES *g, double temperature, FL_FN(fl_shares) * wanted,
                                          FL_FN(fl_shares) * found)
{
    FL_FN(fl_find_plain_shares)(g, g->relevance, g->room, wanted);
    if (temperature == 1.0)
        FL_FN(fl_find_plain_shares)(g, g->score, g->relevance, found);
    else
        FL_FN(fl_find_shares)(g, FL_SCALING_BY(temperature), g->score, g->relevance, found);
}

FL_GROUPS_FORMULA(list_net, b, g, (temperature))
{
    const fl_sheet *const sheet = &g->sheet;
    const FL_T scale = FL_C(temperature);
    FL_FN(fl_shares) wanted, found;
    FL_FN(fl_sums) value;
    FL_T l[FL_LANES], last[FL_LANES];
    FL_FN(fl_find_both_shares)(g, temperature, &wanted, &found);
    memset(&value, 0, sizeof value);
    FL_EACH_LANE(sheet)
    {
        l[lane] = FL_LOG1P_PAIR(found.rest[lane], found.rest_low[lane]).hi;
        last[lane] = found.rest[lane] / found.sum[lane];
    }
    const FL_I *const own = found.largest.own, *const first = found.largest.first;
    FL_EACH_GROUP(sheet)
    {
        const ptrdiff_t place = group * sheet->lanes;
        FL_T *const ps = g->relevance + place, *const qs = g->room + place, *const x = g->score + place;
        FL_EACH_LANE(sheet)
        {
            /* a share of zero takes nothing, even of infinity */
            const FL_T q = qs[lane];
            FL_FN(fl_add)(&value, lane, FL_SELECT(q > FL_C(0), q * (l[lane] - x[lane]), FL_UNLESS_NAN(q, 0)));
        }
        if (b->want & FL_GRADIENT)
            FL_EACH_LANE(sheet)
        x[lane] = (ps[lane] / found.sum[lane] - qs[lane] / wanted.sum[lane]) / scale;
        if (b->want & FL_HESSIAN)
            FL_EACH_LANE(sheet)
            {
                const FL_T p = ps[lane] / found.sum[lane];
                const FL_T others = FL_SELECT(FL_CLASS(sheet) == first[lane], last[lane], FL_C(1) - p);
                ps[lane] = p * others / scale / scale;
            }
    }
    FL_FN(fl_finish_sums)(sheet, &value);
    FL_EACH_LANE(sheet)
    g->value[lane] = value.sum[lane] / wanted.sum[lane];
    g->slope = g->score;
    g->curvature = g->relevance;
    return 0;
}

FL_GROUPS_FORMULA(list_net_by_temperature, b, g, (temperature))
{
    const fl_sheet *const sheet = &g->sheet;
    FL_FN(fl_shares) wanted, found;
    FL_FN(fl_sums) value;
    (void)b;
    FL_FN(fl_find_both_shares)(g, temperature, &wanted, &found);
    memset(&value, 0, sizeof value);
    FL_EACH_GROUP(sheet)
    {
        const ptrdiff_t place = group * sheet->lanes;
        const FL_T *const p = g->relevance + place, *const q = g->room + place, *const x = g->score + place;
        FL_EACH_LANE(sheet)
        {
            const FL_T change = q[lane] / wanted.sum[lane] - p[lane] / found.sum[lane];
            /* a share of zero takes nothing, even of infinity */
            FL_FN(fl_add)(&value, lane, FL_SELECT(change == FL_C(0), FL_C(0), change * x[lane]) / FL_C(temperature));
        }
    }
    FL_FN(fl_finish_sums)(sheet, &value);
    memcpy(g->value, value.sum, sizeof g->value);
    return 0;
}
