/*
 * Rows by distances between scores, on sheets: z_j - z_t of the other classes j of a row to its targets t, of which there is
 * one, or a list. A distance is carried with its error: the margin that is added to it may cancel it.
 *
 *   FL_MARGIN_FORMULA(multi_margin, ONE_TARGET, d, (p, margin))    F of the distance d, a pair: value, slope F', curvature F'';
 * the loss is the sum over all of them, divided by the number of classes FL_LARGEST_MARGIN_FORMULA(categorical_hinge, d) F of
 * the largest one, of the other class with the highest score
 */
#ifndef FL_MARGINS_H
#define FL_MARGINS_H

#include "engine/rows.h"

/* Labels: a class by its index or as a row of 0 with a single 1, or a list of indices, of which those from the first -1 on are
 * none. */
#define FL_LABELS_ONE_TARGET ", y_true index|(k), y_pred(k)*"
#define FL_LABELS_LIST ", y_true(k)index, y_pred(k)*"
enum { FL_ONE_TARGET, FL_LIST };

#define FL_DISTANCE_AT                                                                                                         \
    (FL_PAIR)                                                                                                                  \
    {                                                                                                                          \
        t->d[i], t->d_low[i]                                                                                                   \
    }

#define FL_MARGIN_FORMULA(name, labels, d_, parameters) FL_MARGINS(name, labels, 0, d_, parameters)
#define FL_LARGEST_MARGIN_FORMULA(name, d_) FL_MARGINS(name, ONE_TARGET, 1, d_, ())

#define FL_MARGINS(name, labels, largest, d_, parameters)                                                                      \
    FL_DECLARE(name, FL_ROWS, FL_LABELS_##labels, parameters)                                                                  \
    FL_MARGIN_LOOP(name, d_, parameters)                                                                                       \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_margin_rows)(block, FL_##labels, largest, FL_FN(name##_margin));                                       \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_ FL_EACH(FL_PARAMETER, , parameters))

/* The loop over distances. */
#define FL_MARGIN_LOOP(name, d_, parameters)                                                                                   \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_ FL_EACH(FL_PARAMETER, , parameters));                           \
    static void FL_FN(name##_margin)(FL_FN(fl_margins) * t, ptrdiff_t n, const double *q)                                      \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name##_formula)(FL_DISTANCE_AT FL_EACH(FL_PARAMETER_AT, , parameters));                  \
            t->value[i] = f.value;                                                                                             \
            t->slope[i] = f.slope;                                                                                             \
            t->curvature[i] = f.curvature;                                                                                     \
        }                                                                                                                      \
    }

#define FL_HINGE(margin, d) FL_FN(fl_hinge)(margin, d)

#define FL_TEMPLATE "engine/margins.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* Arguments and results of a margin formula, side by side. */
typedef struct {
    FL_T d[FL_LANES], d_low[FL_LANES];
    FL_T value[FL_LANES], slope[FL_LANES], curvature[FL_LANES];
} FL_FN(fl_margins);

typedef void (*FL_FN(fl_margin_map))(FL_FN(fl_margins) * t, ptrdiff_t n, const double *parameters);

/* max(0, margin + d) */
FL_INLINE FL_T FL_FN(fl_hinge)(FL_PAIR margin, FL_PAIR d)
{
    const FL_PAIR sum = FL_TWO_SUM(margin.hi, d.hi);
    const FL_T finite = sum.hi + (sum.lo + (d.lo + margin.lo));
    const FL_T m = FL_SELECT(FL_ABS(sum.hi) < FL_INFINITY, finite, sum.hi);
    return FL_MAX(FL_C(0), m);
}

/* The targets of the rows on a sheet. */
typedef struct {
    FL_FN(fl_labels) labels;         /* the targets that are looked at now; those of a row without one mean nothing */
    const int64_t *list;             /* of the rows, `classes` targets each up to the first -1; NULL: each has the one label */
    ptrdiff_t count[FL_LANES], most; /* targets of a row, and of the longest list */
} FL_FN(fl_row_targets);

/* The class of a row of shares that are 0 but for a single 1; -1 if they are anything else. */
FL_STATIC int64_t FL_FN(fl_one_hot)(const FL_T *share, ptrdiff_t classes)
{
    int64_t found = -1;
    ptrdiff_t ones = 0, others = 0;
    for (ptrdiff_t k = 0; k < classes; k++) {
        if (share[k] == FL_C(1)) {
            found = k;
            ones++;
        } else if (!(share[k] == FL_C(0)))
            others++;
    }
    return ones == 1 && !others ? found : -1;
}

/* Checks all labels, of lists those behind the first -1, too. Returns 1 if one is no class. */
FL_STATIC int FL_FN(fl_read_targets)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int labels,
                                     FL_FN(fl_row_targets) * t)
{
    const ptrdiff_t classes = b->width;
    t->list = NULL;
    t->most = 1;
    if (labels != FL_LIST) {
        int64_t label[FL_LANES];
        for (ptrdiff_t r = 0; r < sheet->rows; r++) {
            label[r] =
                b->label ? b->label[row + r] : FL_FN(fl_one_hot)((const FL_T *)b->input[0] + (row + r) * classes, classes);
            t->count[r] = 1;
        }
        return FL_FN(fl_read_labels)(b, label, row, sheet->rows, &t->labels);
    }
    int invalid = 0;
    t->list = b->label + row * classes;
    t->most = 0;
    for (ptrdiff_t r = 0; r < sheet->rows; r++) {
        const int64_t *const list = t->list + r * classes;
        int unknown = 0;
        ptrdiff_t count = 0;
        for (ptrdiff_t k = 0; k < classes; k++)
            unknown |= list[k] < -1 || list[k] >= (int64_t)classes;
        while (!unknown && count < classes && list[count] >= 0)
            count++;
        t->labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
        t->labels.weight[r] = FL_C(1);
        t->labels.label[r] = 0;
        invalid |= unknown & !t->labels.dropped[r];
        t->count[r] = t->labels.dropped[r] ? 0 : count;
        t->most = t->count[r] > t->most ? t->count[r] : t->most;
    }
    return invalid;
}

/* 1 for the classes of each row whose distances to a target count, else 0. */
FL_STATIC void FL_FN(fl_find_others)(const fl_sheet *sheet, const FL_FN(fl_row_targets) * targets, const FL_T *z, int largest,
                                     FL_T *copy, FL_T *other)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes;
    for (ptrdiff_t i = 0; i < numbers; i++)
        other[i] = FL_C(!sheet->along || i < sheet->classes);
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        for (ptrdiff_t i = 0; i < targets->count[r]; i++) {
            const ptrdiff_t k = targets->list ? (ptrdiff_t)targets->list[r * sheet->classes + i] : targets->labels.label[r];
            other[FL_PLACE(sheet, r, k)] = FL_C(0);
        }
    if (!largest)
        return;
    FL_FN(fl_largest) s;
    const FL_I *const own = s.own, *const first = s.first;
    FL_SIMD
    for (ptrdiff_t i = 0; i < numbers; i++)
        copy[i] = FL_SELECT(other[i] > FL_C(0), z[i], -FL_INFINITY);
    FL_FN(fl_find_largest)(sheet, copy, &s);
    FL_EACH_GROUP(sheet)
    {
        FL_T *const mask = other + group * sheet->lanes;
        const FL_T *const x = z + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            /* a NaN is never the largest, and must not be lost */
            const int kept = (FL_CLASS(sheet) == first[lane]) | (x[lane] != x[lane]);
            mask[lane] = FL_SELECT(kept, mask[lane], FL_C(0));
        }
    }
}

FL_STATIC int FL_FN(fl_margin_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int labels, int largest,
                                     FL_FN(fl_margin_map) map)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes;
    FL_T *const z = b->scratch, *const other = z + numbers, *const g = other + numbers, *const h = g + numbers;
    FL_FN(fl_row_targets) targets;
    FL_FN(fl_margins) t;
    FL_FN(fl_sums) value, slope, curvature;
    FL_T chosen[FL_LANES], here[FL_LANES], factor[FL_LANES];
    const int invalid = FL_FN(fl_read_targets)(b, sheet, row, labels, &targets);
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[1] + row * b->width, z, FL_C(0));
    FL_FN(fl_find_others)(sheet, &targets, z, largest, g, other);
    memset(g, 0, 2 * (size_t)numbers * sizeof *g);
    memset(&value, 0, sizeof value);
    for (ptrdiff_t i = 0; i < targets.most; i++) {
        for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
            const ptrdiff_t r = sheet->along || lane >= sheet->rows ? 0 : lane;
            if (targets.list && i < targets.count[r])
                targets.labels.label[r] = (ptrdiff_t)targets.list[r * b->width + i];
            here[lane] = FL_C(i < targets.count[r]);
            chosen[lane] = z[FL_PLACE(sheet, r, targets.labels.label[r])];
        }
        memset(&slope, 0, sizeof slope);
        memset(&curvature, 0, sizeof curvature);
        FL_EACH_GROUP(sheet)
        {
            const ptrdiff_t place = group * sheet->lanes;
            const FL_T *const x = z + place, *const mask = other + place;
            FL_T *const a = g + place, *const c = h + place;
            FL_EACH_LANE(sheet)
            {
                const FL_PAIR d = FL_TWO_SUM(x[lane], -chosen[lane]);
                t.d[lane] = d.hi;
                t.d_low[lane] = d.lo;
            }
            map(&t, sheet->lanes, b->parameters);
            FL_EACH_LANE(sheet)
            {
                const int counts = mask[lane] * here[lane] > FL_C(0);
                const FL_T by_slope = FL_SELECT(counts, t.slope[lane], FL_C(0));
                const FL_T by_curvature = FL_SELECT(counts, t.curvature[lane], FL_C(0));
                FL_FN(fl_add)(&value, lane, FL_SELECT(counts, t.value[lane], FL_C(0)));
                FL_FN(fl_add)(&slope, lane, by_slope);
                FL_FN(fl_add)(&curvature, lane, by_curvature);
                a[lane] += by_slope;
                c[lane] += by_curvature;
            }
        }
        FL_FN(fl_finish_sums)(sheet, &slope);
        FL_FN(fl_finish_sums)(sheet, &curvature);
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            if (i < targets.count[r]) {
                const ptrdiff_t place = FL_PLACE(sheet, r, targets.labels.label[r]);
                /* a score that is no number spoils its row, even with no other class */
                g[place] -= slope.sum[r] + FL_UNLESS_NAN(z[place], 0);
                h[place] += curvature.sum[r] + FL_UNLESS_NAN(z[place], 0);
                value.sum[r] += FL_UNLESS_NAN(z[place], 0);
            }
    }
    FL_FN(fl_finish_sums)(sheet, &value);
    const FL_T share = largest ? FL_C(1) : (FL_T)b->width;
    FL_FN(fl_set_scale)(b, sheet, row, factor);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++)
        factor[lane] *= targets.labels.weight[sheet->along || lane >= sheet->rows ? 0 : lane];
    if (b->want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            ((FL_T *)b->value)[row + r] = targets.labels.weight[r] * value.sum[r] / share;
    FL_EACH_GROUP(sheet)
    {
        FL_T *const a = g + group * sheet->lanes, *const c = h + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            a[lane] = a[lane] * factor[lane] / share;
            c[lane] = c[lane] * factor[lane] / share;
        }
    }
    if (b->want & FL_GRADIENT)
        FL_FN(fl_take_up)(sheet, g, (FL_T *)b->gradient[0] + row * b->width);
    if (b->want & FL_HESSIAN)
        FL_FN(fl_take_up)(sheet, h, (FL_T *)b->hessian[0] + row * b->width);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &targets.labels);
    return invalid;
}

FL_STATIC int FL_FN(fl_margin_rows)(const fl_block *b, int labels, int largest, FL_FN(fl_margin_map) map)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_margin_sheet)(b, &sheet, row, labels, largest, map);
    return invalid;
}

#endif
