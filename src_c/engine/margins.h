/*
 * Rows by distances between scores, on sheets: z_j - z_t of the other classes j of a row to its targets t, of which there is
 * one, or a list. A distance is carried with its error: the margin that is added to it may cancel it.
 *
 *   FL_MARGIN_FORMULA(multi_margin, ONE_TARGET, d, (p, margin))
 *   {   F of the distance d, a pair: value, slope F', curvature F''; the loss is the sum over all of them, divided by the
 *       number of classes
 *   }
 *   FL_LARGEST_MARGIN_FORMULA(categorical_hinge, d)
 *   {   F of the largest one, of the other class with the highest score
 *   }
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

#define FL_MARGIN_FORMULA(name, labels, d_, parameters)                                                                        \
    FL_DECLARE(name, FL_ROWS, FL_LABELS_##labels, parameters)                                                                  \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_ FL_EACH(FL_PARAMETER, , parameters));                           \
    FL_MARGIN_TERMS(name, labels, parameters, 1)                                                                               \
    FL_MARGIN_TERMS(name, labels, parameters, 3)                                                                               \
    FL_MARGIN_TERMS(name, labels, parameters, 7)                                                                               \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_margin_rows)(block, FL_##labels,                                                                       \
                                     block->want == FL_VALUE    ? FL_FN(name##_terms_1)                                        \
                                     : block->want & FL_HESSIAN ? FL_FN(name##_terms_7)                                        \
                                                                : FL_FN(name##_terms_3));                                      \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_ FL_EACH(FL_PARAMETER, , parameters))

#define FL_LARGEST_MARGIN_FORMULA(name, d_)                                                                                    \
    FL_DECLARE(name, FL_ROWS, FL_LABELS_ONE_TARGET, ())                                                                        \
    FL_MARGIN_LOOP(name, d_, ())                                                                                               \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_largest_margin_rows)(block, FL_FN(name##_margin));                                                     \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_PAIR d_)

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

/* The loop over the distances of all classes on a sheet to a target of each row, for some outputs: `want` is a constant in it,
 * and so is whether rows have lists, which may have ended. */
#define FL_MARGIN_TERMS(name, labels, parameters, want)                                                                        \
    static void FL_FN(name##_terms_##want)(const fl_sheet *sheet, FL_FN(fl_target_terms) * to, const double *q)                \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        const FL_T *const chosen = to->chosen;                                                                                 \
        const FL_U *const here = to->here;                                                                                     \
        const FL_T *const factor = to->factor, share = to->share;                                                              \
        FL_EACH_GROUP(sheet)                                                                                                   \
        {                                                                                                                      \
            const ptrdiff_t place = group * sheet->lanes;                                                                      \
            const FL_T *const z = to->z + place;                                                                               \
            const FL_U *const other = to->other + place;                                                                       \
            FL_T *const g = to->g + place, *const h = to->h + place;                                                           \
            FL_EACH_LANE(sheet)                                                                                                \
            {                                                                                                                  \
                const FL_PAIR d = FL_TWO_SUM(z[lane], -chosen[lane]);                                                          \
                const FL_TARGET f = FL_FN(name##_formula)(d FL_EACH(FL_PARAMETER_AT, , parameters));                           \
                const FL_U counts = FL_##labels == FL_LIST ? other[lane] & here[lane] : other[lane];                           \
                FL_FN(fl_add)(&to->value, lane, FL_PICK(counts, f.value, FL_C(0)));                                            \
                FL_ADD_TERMS((want)&FL_GRADIENT, FL_##labels, slope, g)                                                        \
                FL_ADD_TERMS((want)&FL_HESSIAN, FL_##labels, curvature, h)                                                     \
            }                                                                                                                  \
            (void)here, (void)g, (void)h, (void)factor, (void)share;                                                           \
        }                                                                                                                      \
    }

#define FL_ADD_TERMS(wanted, labels, what, each)                                                                               \
    if (wanted) {                                                                                                              \
        const FL_T term = FL_PICK(counts, f.what, FL_C(0));                                                                    \
        FL_FN(fl_add)(&to->what, lane, term);                                                                                  \
        each[lane] = (labels) == FL_LIST ? each[lane] + term : (FL_C(0) + term) * factor[lane] / share;                        \
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

/* The classes of rows of shares that are 0 but for a single 1; -1 where they are anything else. All shares are looked at, side
 * by side: the sum of the classes that have a 1 is the class, if there is one. */
FL_STATIC void FL_FN(fl_find_ones)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int64_t *label)
{
    FL_T *const y = b->scratch;
    FL_U found[FL_LANES], ones[FL_LANES], zeros[FL_LANES], own[FL_LANES];
    /* padding is neither */
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[0] + row * b->width, y, FL_C(2));
    FL_EACH_LANE(sheet)
    {
        found[lane] = ones[lane] = zeros[lane] = 0;
        own[lane] = sheet->along ? (FL_U)lane : 0;
    }
    FL_EACH_GROUP(sheet)
    {
        const FL_T *const share = y + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            const FL_U is_one = FL_SELECT(share[lane] == FL_C(1), ~(FL_U)0, (FL_U)0);
            found[lane] += is_one & ((FL_U)(group * sheet->step) + own[lane]);
            ones[lane] += is_one & 1;
            zeros[lane] += FL_SELECT(share[lane] == FL_C(0), (FL_U)1, (FL_U)0);
        }
    }
    for (ptrdiff_t lane = 1; sheet->along && lane < sheet->lanes; lane++) {
        found[0] += found[lane];
        ones[0] += ones[lane];
        zeros[0] += zeros[lane];
    }
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        label[r] = ones[r] == 1 && zeros[r] == (FL_U)sheet->classes - 1 ? (int64_t)found[r] : -1;
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
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            t->count[r] = 1;
        if (!b->label)
            FL_FN(fl_find_ones)(b, sheet, row, label);
        return FL_FN(fl_read_labels)(b, b->label ? b->label + row : label, row, sheet->rows, &t->labels);
    }
    int invalid = 0;
    int64_t unknown = 0;
    t->list = b->label + row * classes;
    t->most = 0;
    FL_SIMD_REDUCE(reduction(| : unknown))
    for (ptrdiff_t i = 0; i < sheet->rows * classes; i++)
        unknown |= FL_SELECT((t->list[i] < -1) | (t->list[i] >= (int64_t)classes), (int64_t)1, (int64_t)0);
    for (ptrdiff_t r = 0; r < sheet->rows; r++) {
        const int64_t *const list = t->list + r * classes;
        int wrong = 0;
        ptrdiff_t count = 0;
        for (ptrdiff_t k = 0; unknown && k < classes; k++)
            wrong |= list[k] < -1 || list[k] >= (int64_t)classes;
        while (!wrong && count < classes && list[count] >= 0)
            count++;
        t->labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
        t->labels.weight[r] = FL_C(1);
        t->labels.label[r] = 0;
        invalid |= wrong & !t->labels.dropped[r];
        t->count[r] = t->labels.dropped[r] ? 0 : count;
        t->most = t->count[r] > t->most ? t->count[r] : t->most;
    }
    return invalid;
}

/* All bits of the classes of each row that are no targets of it, else 0. */
FL_STATIC void FL_FN(fl_find_others)(const fl_sheet *sheet, const FL_FN(fl_row_targets) * targets, FL_U *other)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes, inside = sheet->along ? sheet->classes : numbers;
    memset(other, -1, (size_t)inside * sizeof *other);
    memset(other + inside, 0, (size_t)(numbers - inside) * sizeof *other);
    const ptrdiff_t step = FL_PLACE(sheet, 0, 1);
    for (ptrdiff_t r = 0; !targets->list && r < sheet->rows; r++)
        other[r + step * targets->labels.label[r]] = 0;
    for (ptrdiff_t r = 0; targets->list && r < sheet->rows; r++)
        for (ptrdiff_t i = 0; i < targets->count[r]; i++)
            other[r + step * (ptrdiff_t)targets->list[r * sheet->classes + i]] = 0;
}

/* What is made of a target of each row and all classes. */
typedef struct {
    const FL_T *z;
    FL_U *other;                            /* see fl_find_others */
    FL_T *g, *h;                            /* derivatives: of lists, what all targets add; else their final numbers */
    ptrdiff_t place[FL_LANES];              /* of the target */
    FL_T chosen[FL_LANES];                  /* its score */
    FL_T factor[FL_LANES], share;           /* what derivatives are multiplied by, and then divided by */
    FL_U here[FL_LANES];                    /* all bits where there is one, else 0 */
    FL_FN(fl_sums) value, slope, curvature; /* the value is that of all targets */
} FL_FN(fl_target_terms);

typedef void (*FL_FN(fl_target_term_map))(const fl_sheet *sheet, FL_FN(fl_target_terms) * to, const double *parameters);

/* The target of each row that is the next of its list; where there is none, the first class without its terms. */
FL_STATIC void FL_FN(fl_choose_targets)(const fl_sheet *sheet, const FL_FN(fl_row_targets) * targets, ptrdiff_t next,
                                        FL_FN(fl_target_terms) * t)
{
    const ptrdiff_t step = FL_PLACE(sheet, 0, 1);
    for (ptrdiff_t r = 0; r < sheet->rows; r++) {
        const ptrdiff_t k = targets->list ? (ptrdiff_t)targets->list[r * sheet->classes + next] : targets->labels.label[r];
        const int here = next < targets->count[r];
        t->place[r] = r + step * FL_SELECT(here, k, 0);
        t->here[r] = FL_UNIFORM(here);
        t->chosen[r] = t->z[t->place[r]];
    }
    for (ptrdiff_t lane = sheet->rows; lane < sheet->lanes; lane++) {
        t->chosen[lane] = t->chosen[0];
        t->here[lane] = t->here[0];
    }
}

/* Of the lanes there are. */
FL_INLINE void FL_FN(fl_clear_sums)(const fl_sheet *sheet, FL_FN(fl_sums) * s)
{
    FL_EACH_LANE(sheet)
    s->sum[lane] = s->error[lane] = FL_C(0);
}

/* What derivatives are multiplied by. */
FL_STATIC void FL_FN(fl_set_factors_of_rows)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row,
                                             const FL_FN(fl_labels) * labels, FL_T *factor)
{
    FL_FN(fl_set_scale)(b, sheet, row, factor);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++)
        factor[lane] *= labels->weight[sheet->along || lane >= sheet->rows ? 0 : lane];
}

FL_STATIC void FL_FN(fl_scale_derivatives)(const fl_sheet *sheet, const FL_T *factor, FL_T share, FL_T *x)
{
    FL_EACH_GROUP(sheet)
    {
        FL_T *const a = x + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        a[lane] = a[lane] * factor[lane] / share;
    }
}

FL_STATIC int FL_FN(fl_margin_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, int labels,
                                     FL_FN(fl_target_term_map) map)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes;
    const int derivatives = b->want & FL_HESSIAN ? 2 : b->want & FL_GRADIENT ? 1 : 0;
    const FL_T share = (FL_T)b->width;
    FL_T *const z = b->scratch, *const g = z + numbers, *const h = g + numbers;
    FL_FN(fl_row_targets) targets;
    FL_FN(fl_target_terms) t;
    FL_FN(fl_sums) *const sums[] = {&t.slope, &t.curvature};
    FL_T spoilt[FL_LANES];
    t.z = z;
    t.g = g;
    t.h = h;
    t.other = (FL_U *)(void *)(h + numbers);
    t.share = share;
    const int invalid = FL_FN(fl_read_targets)(b, sheet, row, labels, &targets);
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[1] + row * b->width, z, FL_C(0));
    FL_FN(fl_find_others)(sheet, &targets, t.other);
    FL_FN(fl_clear_sums)(sheet, &t.value);
    if (derivatives)
        FL_FN(fl_set_factors_of_rows)(b, sheet, row, &targets.labels, t.factor);
    if (labels == FL_LIST)
        memset(g, 0, (size_t)(derivatives * numbers) * sizeof *g);
    for (ptrdiff_t i = 0; i < targets.most; i++) {
        FL_FN(fl_choose_targets)(sheet, &targets, i, &t);
        for (int k = 0; k < derivatives; k++)
            FL_FN(fl_clear_sums)(sheet, sums[k]);
        map(sheet, &t, b->parameters);
        /* a score that is no number spoils its row, even with no other class */
        FL_EACH_LANE(sheet)
        {
            spoilt[lane] = FL_PICK(t.here[lane], FL_UNLESS_NAN(t.chosen[lane], 0), FL_C(0));
            t.value.sum[lane] += spoilt[lane];
        }
        for (int k = 0; k < derivatives; k++) {
            FL_FN(fl_finish_sums)(sheet, sums[k]);
            for (ptrdiff_t r = 0; r < sheet->rows; r++) {
                FL_T *const own = (k ? h : g) + t.place[r];
                const FL_T sum = sums[k]->sum[r] + spoilt[r], term = k ? sum : -sum;
                *own = labels == FL_LIST ? *own + term : (FL_C(0) + term) * t.factor[r] / share;
            }
        }
    }
    FL_FN(fl_finish_sums)(sheet, &t.value);
    if (b->want & FL_VALUE) {
        FL_T *const to = (FL_T *)b->value + row;
        FL_SIMD
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            to[r] = targets.labels.weight[r] * t.value.sum[r] / share;
    }
    for (int k = 0; labels == FL_LIST && k < derivatives; k++)
        FL_FN(fl_scale_derivatives)(sheet, t.factor, share, k ? h : g);
    if (b->want & FL_GRADIENT)
        FL_FN(fl_take_up)(sheet, g, (FL_T *)b->gradient[0] + row * b->width);
    if (b->want & FL_HESSIAN)
        FL_FN(fl_take_up)(sheet, h, (FL_T *)b->hessian[0] + row * b->width);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &targets.labels);
    return invalid;
}

FL_STATIC int FL_FN(fl_margin_rows)(const fl_block *b, int labels, FL_FN(fl_target_term_map) map)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_margin_sheet)(b, &sheet, row, labels, map);
    return invalid;
}

/* Takes up a number of the class with the largest score of each row, and one of its own class. A NaN elsewhere must not be
 * lost. */
FL_STATIC void FL_FN(fl_take_up_two)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, const FL_FN(fl_largest) * s,
                                     const ptrdiff_t *place, const FL_T *factor, const FL_T *largest, const FL_T *own_one,
                                     void *target)
{
    const FL_T *const z = b->scratch;
    FL_T *const x = (FL_T *)b->scratch + sheet->groups * sheet->lanes;
    const FL_I *const own = s->own, *const first = s->first;
    FL_EACH_GROUP(sheet)
    {
        const FL_T *const from = z + group * sheet->lanes;
        FL_T *const to = x + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        to[lane] = FL_SELECT(FL_CLASS(sheet) == first[lane], largest[lane], FL_UNLESS_NAN(from[lane], 0)) * factor[lane];
    }
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        x[place[r]] = own_one[r] * factor[r];
    FL_FN(fl_take_up)(sheet, x, (FL_T *)target + row * b->width);
}

/* The same of the largest distance alone. */
FL_STATIC int FL_FN(fl_largest_margin_sheet)(const fl_block *b, const fl_sheet *sheet, ptrdiff_t row, FL_FN(fl_margin_map) map)
{
    const ptrdiff_t step = FL_PLACE(sheet, 0, 1);
    FL_T *const z = b->scratch;
    FL_FN(fl_row_targets) targets;
    FL_FN(fl_largest) s;
    FL_FN(fl_margins) t;
    FL_T chosen[FL_LANES], spoilt[FL_LANES], factor[FL_LANES], own_slope[FL_LANES], own_curvature[FL_LANES];
    FL_I label[FL_LANES];
    ptrdiff_t place[FL_LANES];
    const int invalid = FL_FN(fl_read_targets)(b, sheet, row, FL_ONE_TARGET, &targets);
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->input[1] + row * b->width, z, -FL_INFINITY);
    /* so that the largest one is that of another class */
    for (ptrdiff_t r = 0; r < sheet->rows; r++) {
        place[r] = r + step * targets.labels.label[r];
        chosen[r] = z[place[r]];
        label[r] = targets.labels.own[r];
        z[place[r]] = -FL_INFINITY;
    }
    for (ptrdiff_t lane = sheet->rows; lane < sheet->lanes; lane++) {
        chosen[lane] = chosen[0];
        label[lane] = label[0];
    }
    FL_FN(fl_find_largest)(sheet, z, &s);
    FL_EACH_LANE(sheet)
    {
        const FL_PAIR d = FL_TWO_SUM(s.max[lane], -chosen[lane]);
        t.d[lane] = d.hi;
        t.d_low[lane] = d.lo;
    }
    map(&t, sheet->lanes, b->parameters);
    if (b->want & (FL_GRADIENT | FL_HESSIAN))
        FL_FN(fl_set_factors_of_rows)(b, sheet, row, &targets.labels, factor);
    FL_EACH_LANE(sheet)
    {
        /* where all others are -inf, the row's own class may be the first; its distance does not count */
        const FL_U found = FL_SELECT(s.first[lane] == label[lane], (FL_U)0, ~(FL_U)0);
        spoilt[lane] = s.spoilt[lane] + FL_UNLESS_NAN(chosen[lane], 0);
        t.value[lane] = FL_C(0) + FL_PICK(found, t.value[lane], FL_C(0));
        t.slope[lane] = FL_C(0) + FL_PICK(found, t.slope[lane], FL_C(0));
        t.curvature[lane] = FL_C(0) + FL_PICK(found, t.curvature[lane], FL_C(0));
        own_slope[lane] = FL_C(0) - (t.slope[lane] + spoilt[lane]);
        own_curvature[lane] = t.curvature[lane] + spoilt[lane];
    }
    if (b->want & FL_VALUE) {
        FL_T *const to = (FL_T *)b->value + row;
        FL_SIMD
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            to[r] = targets.labels.weight[r] * (t.value[r] + spoilt[r]);
    }
    if (b->want & FL_GRADIENT)
        FL_FN(fl_take_up_two)(b, sheet, row, &s, place, factor, t.slope, own_slope, b->gradient[0]);
    if (b->want & FL_HESSIAN)
        FL_FN(fl_take_up_two)(b, sheet, row, &s, place, factor, t.curvature, own_curvature, b->hessian[0]);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &targets.labels);
    return invalid;
}

FL_STATIC int FL_FN(fl_largest_margin_rows)(const fl_block *b, FL_FN(fl_margin_map) map)
{
    fl_sheet sheet = fl_sheet_of(b->width);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_largest_margin_sheet)(b, &sheet, row, map);
    return invalid;
}

#endif
