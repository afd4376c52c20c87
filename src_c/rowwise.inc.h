/*
 * The row engine, in one precision: losses of rows of K classes, one loss per row.
 *
 * Rows are laid out on a sheet of `groups` times `lanes` numbers. Short rows lie side by side, a lane each and a group per
 * class; a long row is cut into groups of consecutive classes and padded. Every pass runs over the lanes of a group at a time
 * and is the same text for both; what it accumulates per lane is the row's at once, or is merged over the lanes in a fixed
 * order. K alone decides which it is, so a row's result does not depend on its position, its neighbours or the machine. Where a
 * class index says all about a row, long rows are not cut: they lie one after another, and only what is known of each of them as
 * a whole lies side by side, a lane for a row.
 */

#ifndef FL_ROWWISE_COMMON
#define FL_ROWWISE_COMMON

enum { FL_LONGEST_SIDE_BY_SIDE = 256, FL_SHEET_NUMBERS = 4096, FL_LANES = 64, FL_LANE_STEP = 16, FL_PARTS = 4 };

typedef struct {
    ptrdiff_t classes, rows, groups, lanes;
    int64_t step;     /* from a group to the class of the next one */
    int along;        /* one long row */
    ptrdiff_t stride; /* from a row to the next where rows lie one after another; or 0 */
} fl_sheet;

FL_INLINE fl_sheet fl_sheet_of(ptrdiff_t classes)
{
    const int along = classes > FL_LONGEST_SIDE_BY_SIDE;
    ptrdiff_t lanes = FL_SHEET_NUMBERS / (classes ? classes : 1) / FL_LANE_STEP * FL_LANE_STEP;
    lanes = along || lanes > FL_LANES ? FL_LANES : lanes;
    const ptrdiff_t groups = along ? (classes + lanes - 1) / lanes : classes;
    return (fl_sheet){classes, along ? 1 : lanes, groups, lanes, along ? lanes : 1, along, 0};
}

/* Long rows need no lanes where all that is done between the passes concerns one class of each: they lie one after another. */
FL_INLINE fl_sheet fl_sheet_by_row(ptrdiff_t classes)
{
    fl_sheet sheet = fl_sheet_of(classes);
    if (!sheet.along)
        return sheet;
    sheet.along = 0;
    sheet.stride = sheet.groups * sheet.lanes;
    sheet.rows = sheet.stride < FL_SHEET_NUMBERS ? FL_SHEET_NUMBERS / sheet.stride : 1;
    sheet.lanes = (sheet.rows + FL_LANE_STEP - 1) / FL_LANE_STEP * FL_LANE_STEP;
    return sheet;
}

#define FL_EACH_LANE(sheet)                                                                                                    \
    FL_SIMD                                                                                                                    \
    for (ptrdiff_t lane = 0; lane < (sheet)->lanes; lane++)
#define FL_EACH_GROUP(sheet) for (ptrdiff_t group = 0; group < (sheet)->groups; group++)
#define FL_EACH_ROW(sheet) for (ptrdiff_t row = 0; row < (sheet)->rows; row++)
/* All rows of a block, from `row` on as many as there are on a sheet; on the last one there may be fewer. */
#define FL_EACH_SHEET(block, sheet)                                                                                            \
    for (ptrdiff_t row = 0, most = (sheet).rows; ((sheet).rows = FL_MIN(most, (block)->rows - row)) > 0; row += most)

/* The size of the machine's vectors. It decides how fast sums are, and nothing else. */
#if defined(__AVX512F__)
#define FL_VECTOR_BYTES 64
#elif defined(__AVX__)
#define FL_VECTOR_BYTES 32
#else
#define FL_VECTOR_BYTES 16
#endif

#if defined(__clang__) || __GNUC__ >= 12
#define FL_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define FL_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (__typeof__((a) < (a))){__VA_ARGS__})
#endif

#endif

#define FL_CLASS(sheet) ((FL_I)(group * (sheet)->step) + own[lane])

/* What the passes know of each row, or of the one row in every lane. */
typedef struct {
    FL_T max[FL_LANES], rest[FL_LANES], total[FL_LANES], inverse[FL_LANES], log_high[FL_LANES], log_low[FL_LANES];
    FL_T scale[FL_LANES]; /* of the derivatives */
    FL_I first[FL_LANES]; /* the first class with the largest score */
    FL_I own[FL_LANES];   /* class of a lane in group 0 */
} FL_FN(fl_softmax);

typedef FL_T FL_FN(fl_four) __attribute__((vector_size(4 * sizeof(FL_T))));

/* target[j][i] = source[i][j]: in squares of four, which the compiler moves through registers, and what is left one by one */
static void FL_FN(fl_transpose)(const FL_T *source, ptrdiff_t source_step, ptrdiff_t rows, ptrdiff_t columns, FL_T *target,
                                ptrdiff_t target_step)
{
    ptrdiff_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const FL_T *const x = source + i * source_step;
        FL_T *const y = target + i;
        ptrdiff_t j = 0;
        for (; j + 4 <= columns; j += 4) {
            FL_FN(fl_four) a, b, c, d;
            memcpy(&a, x + j, sizeof a);
            memcpy(&b, x + source_step + j, sizeof b);
            memcpy(&c, x + 2 * source_step + j, sizeof c);
            memcpy(&d, x + 3 * source_step + j, sizeof d);
            const FL_FN(fl_four) ab = FL_SHUFFLE(a, b, 0, 4, 1, 5), cd = FL_SHUFFLE(c, d, 0, 4, 1, 5);
            const FL_FN(fl_four) ab_high = FL_SHUFFLE(a, b, 2, 6, 3, 7), cd_high = FL_SHUFFLE(c, d, 2, 6, 3, 7);
            const FL_FN(fl_four)
                turned[4] = {FL_SHUFFLE(ab, cd, 0, 1, 4, 5), FL_SHUFFLE(ab, cd, 2, 3, 6, 7),
                             FL_SHUFFLE(ab_high, cd_high, 0, 1, 4, 5), FL_SHUFFLE(ab_high, cd_high, 2, 3, 6, 7)};
            for (int k = 0; k < 4; k++)
                memcpy(y + (j + k) * target_step, &turned[k], sizeof turned[k]);
        }
        for (; j < columns; j++)
            for (ptrdiff_t k = 0; k < 4; k++)
                y[j * target_step + k] = x[k * source_step + j];
    }
    for (; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++)
            target[j * target_step + i] = source[i * source_step + j];
}

static void FL_FN(fl_lay_out)(const fl_sheet *sheet, const FL_T *source, FL_T *target, FL_T fill)
{
    if (sheet->along) {
        memcpy(target, source, (size_t)sheet->classes * sizeof *target);
        for (ptrdiff_t i = sheet->classes; i < sheet->groups * sheet->lanes; i++)
            target[i] = fill;
        return;
    }
    FL_FN(fl_transpose)(source, sheet->classes, sheet->rows, sheet->classes, target, sheet->lanes);
    for (ptrdiff_t row = sheet->rows; row < sheet->lanes; row++)
        for (ptrdiff_t k = 0; k < sheet->classes; k++)
            target[k * sheet->lanes + row] = fill;
}

static void FL_FN(fl_take_up)(const fl_sheet *sheet, const FL_T *source, FL_T *target)
{
    if (sheet->along) {
        memcpy(target, source, (size_t)sheet->classes * sizeof *target);
        return;
    }
    FL_FN(fl_transpose)(source, sheet->lanes, sheet->classes, sheet->rows, target, sheet->classes);
}

/* The sum of a long row from those of its lanes, in every lane. */
static void FL_FN(fl_merge_lanes)(const fl_sheet *sheet, FL_T *sum)
{
    if (!sheet->along)
        return;
    for (ptrdiff_t half = FL_LANES / 2; half; half /= 2)
        for (ptrdiff_t lane = 0; lane < half; lane++)
            sum[lane] += sum[lane + half];
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++)
        sum[lane] = sum[0];
}

static void FL_FN(fl_find_largest)(const fl_sheet *sheet, const FL_T *z, FL_FN(fl_softmax) * s)
{
    FL_T *const max = s->max;
    FL_I *const first = s->first, *const own = s->own;
    FL_EACH_LANE(sheet)
    {
        own[lane] = sheet->along ? (FL_I)lane : 0;
        max[lane] = z[lane];
        first[lane] = own[lane];
    }
    FL_EACH_GROUP(sheet)
    {
        const FL_T *const x = z + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            const FL_T before = max[lane], now = x[lane];
            const FL_I k = FL_CLASS(sheet), first_before = first[lane];
            /* by masks: GCC makes a branch, which data decide, of two selections with one condition */
            const FL_U larger = FL_SELECT(now > before, ~(FL_U)0, (FL_U)0);
            first[lane] = (FL_I)(((FL_U)k & larger) | ((FL_U)first_before & ~larger));
            max[lane] = FL_PICK(larger, now, before);
        }
    }
    if (!sheet->along)
        return;
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++)
        if (max[lane] > max[0] || (max[lane] == max[0] && first[lane] < first[0])) {
            max[0] = max[lane];
            first[0] = first[lane];
        }
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++) {
        max[lane] = max[0];
        first[lane] = first[0];
    }
}

/*
 * Exponentials of the engine are 2^FL_RAISED times as large, so that none is subnormal: those that are, are rounded when they
 * are divided by their sum.
 */
#define FL_RAISED (FL_BITS == 32 ? 64 : 600)
#define FL_RAISED_ONE FL_FROM_BITS((FL_U)(FL_EXPONENT_BIAS + FL_RAISED) << FL_MANTISSA_BITS)
/* exp of less is nothing beside the smallest number, and still normal when it is raised */
#define FL_LEAST_POWER FL_C(FL_BITS == 32 ? -130 : -1100)

/* exp(x + low) for x <= 0, raised; about 1 ulp */
FL_INLINE FL_T FL_FN(fl_raised_exp)(FL_T x, FL_T low)
{
    const FL_T d = FL_SELECT(x < FL_LEAST_POWER, FL_LEAST_POWER, x);
    const FL_T shifted = FL_FMA(d, FL_CONSTANT(LOG2_E), FL_SHIFTER);
    const FL_T k = shifted - FL_SHIFTER;
    const FL_T coarse = FL_FMA(-k, FL_CONSTANT(LN2), d);
    const FL_T r = coarse + FL_FMA(-k, FL_CONSTANT(LN2_LOW), low);
    const FL_T mantissa = FL_C(1) + FL_FMA(r * r, FL_POLYNOMIAL(EXPM1, r), r);
    const FL_U exponent = FL_TO_BITS(shifted) - FL_TO_BITS(FL_SHIFTER) + (FL_U)(FL_RAISED + FL_EXPONENT_BIAS);
    return mantissa * FL_FROM_BITS(exponent << FL_MANTISSA_BITS);
}

/* What follows from the rest: the sum of the exponentials, its inverse and its logarithm. */
static void FL_FN(fl_finish_exponentials)(const fl_sheet *sheet, FL_FN(fl_softmax) * s)
{
    FL_EACH_LANE(sheet)
    {
        const FL_PAIR log = FL_LOG1P_PAIR(s->rest[lane] / FL_RAISED_ONE, FL_C(0));
        s->log_high[lane] = log.hi;
        s->log_low[lane] = log.lo;
        s->total[lane] = FL_RAISED_ONE + s->rest[lane];
        s->inverse[lane] = FL_C(1) / s->total[lane];
    }
}

/*
 * e = exp(z - max), 1 at the first largest class, and the rest: the sum of the others. From the sum without the largest, 1 - p
 * and log p keep their digits when p is close to 1. The difference is carried with its error, which exp would blow up.
 * Replaces z by the distance max - z.
 */
static void FL_FN(fl_exponentials)(const fl_sheet *sheet, FL_T *z, FL_T *e, FL_FN(fl_softmax) * s)
{
    FL_FN(fl_find_largest)(sheet, z, s);
    const FL_T *const max = s->max;
    const FL_I *const first = s->first, *const own = s->own;
    FL_T part[FL_PARTS][FL_LANES];
    /* the lanes of a long row are parts enough */
    const ptrdiff_t parts = sheet->along ? 1 : FL_PARTS;
    for (ptrdiff_t i = 0; i < FL_PARTS; i++)
        FL_EACH_LANE(sheet)
    part[i][lane] = i ? FL_C(0) : FL_UNLESS_NAN(max[lane], 0);
    FL_EACH_GROUP(sheet)
    {
        const FL_T *const x = z + group * sheet->lanes;
        FL_T *const y = e + group * sheet->lanes;
        FL_T *const sum = part[group % parts];
        FL_EACH_LANE(sheet)
        {
            const FL_PAIR d = FL_TWO_SUM(x[lane], -max[lane]);
            const FL_T low = FL_SELECT(d.hi > -FL_INFINITY, d.lo, FL_C(0));
            const FL_T power = FL_FN(fl_raised_exp)(d.hi, low);
            const int largest = FL_CLASS(sheet) == first[lane];
            y[lane] = FL_SELECT(largest, FL_RAISED_ONE, power);
            sum[lane] += FL_SELECT(largest, FL_C(0), power);
        }
    }
    FL_EACH_LANE(sheet)
    s->rest[lane] = (part[0][lane] + part[1][lane]) + (part[2][lane] + part[3][lane]);
    FL_FN(fl_merge_lanes)(sheet, s->rest);
    FL_FN(fl_finish_exponentials)(sheet, s);
}

typedef FL_T FL_FN(fl_vector) __attribute__((vector_size(FL_VECTOR_BYTES)));

/*
 * The same for a long row by itself, in e, which has room for whole groups of FL_LANES; the sum is added up in the same order. The
 * accumulators are vectors, which the compiler keeps in registers, as it does not keep an array of numbers.
 */
static void FL_FN(fl_exponentials_of_row)(FL_T *e, ptrdiff_t classes, FL_T *max, FL_I *first, FL_T *rest)
{
    enum { NUMBERS = FL_VECTOR_BYTES / sizeof(FL_T), VECTORS = FL_LANES / NUMBERS };
    const ptrdiff_t room = (classes + FL_LANES - 1) / FL_LANES * FL_LANES;
    FL_FN(fl_vector) part[VECTORS], x;
    FL_T lane[FL_LANES];
    for (ptrdiff_t k = classes; k < room; k++)
        e[k] = -FL_INFINITY;
    memcpy(part, e, sizeof part);
    for (ptrdiff_t k = FL_LANES; k < room; k += FL_LANES)
        for (int j = 0; j < VECTORS; j++) {
            memcpy(&x, e + k + j * NUMBERS, sizeof x);
            const __typeof__(x < x) larger = x > part[j];
            part[j] = (FL_FN(fl_vector))(((__typeof__(larger))x & larger) | ((__typeof__(larger))part[j] & ~larger));
        }
    memcpy(lane, part, sizeof part);
    for (int half = FL_LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] = FL_SELECT(lane[i + half] > lane[i], lane[i + half], lane[i]);
    const FL_T largest = lane[0];
    FL_I place = (FL_I)room;
    FL_SIMD_REDUCE(reduction(min : place))
    for (ptrdiff_t k = 0; k < room; k++) {
        const FL_I found = FL_SELECT(e[k] == largest, (FL_I)k, (FL_I)room);
        place = found < place ? found : place;
    }
    /* none is NaN's equal */
    place = place < (FL_I)room ? place : 0;
    FL_SIMD
    for (ptrdiff_t k = 0; k < room; k++) {
        const FL_PAIR d = FL_TWO_SUM(e[k], -largest);
        e[k] = FL_FN(fl_raised_exp)(d.hi, FL_SELECT(d.hi > -FL_INFINITY, d.lo, FL_C(0)));
    }
    e[place] = FL_C(0);
    memcpy(part, e, sizeof part);
    for (ptrdiff_t k = FL_LANES; k < room; k += FL_LANES)
        for (int j = 0; j < VECTORS; j++) {
            memcpy(&x, e + k + j * NUMBERS, sizeof x);
            part[j] += x;
        }
    memcpy(lane, part, sizeof part);
    for (int half = FL_LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    e[place] = FL_RAISED_ONE;
    *max = largest;
    *first = place;
    *rest = lane[0];
}

static void FL_FN(fl_exponentials_by_row)(const fl_sheet *sheet, const FL_T *source, FL_T *e, FL_FN(fl_softmax) * s)
{
    for (ptrdiff_t lane = sheet->rows; lane < sheet->lanes; lane++) {
        s->max[lane] = s->rest[lane] = FL_C(0);
        s->first[lane] = 0;
    }
    FL_EACH_ROW(sheet)
    {
        FL_T *const x = e + row * sheet->stride;
        memcpy(x, source + row * sheet->classes, (size_t)sheet->classes * sizeof *x);
        FL_FN(fl_exponentials_of_row)(x, sheet->classes, &s->max[row], &s->first[row], &s->rest[row]);
    }
    FL_FN(fl_finish_exponentials)(sheet, s);
}

/* The sum of the exponentials of all classes but this one. */
#define FL_OTHERS(s, exponential, k) FL_SELECT((k) == (s)->first[lane], (s)->rest[lane], (s)->total[lane] - (exponential))

/* Arguments and results of a target or share formula, side by side. */
typedef struct {
    FL_T l[FL_LANES], l_low[FL_LANES], p[FL_LANES], q[FL_LANES], y[FL_LANES];
    FL_T value[FL_LANES], rest[FL_LANES], slope[FL_LANES], curvature[FL_LANES];
} FL_FN(fl_targets);

/* What a target formula wants of the class k of score z and exponential e. */
FL_INLINE void FL_FN(fl_set_target)(FL_FN(fl_targets) * t, const FL_FN(fl_softmax) * s, ptrdiff_t lane, FL_I k, FL_T z, FL_T e)
{
    const int largest = k == s->first[lane];
    const FL_PAIR d = FL_TWO_SUM(s->max[lane], -z);
    const FL_PAIR l = FL_TWO_SUM(FL_SELECT(largest, FL_C(0), d.hi), s->log_high[lane]);
    const FL_T low = l.lo + (s->log_low[lane] + FL_SELECT(largest, FL_C(0), d.lo));
    t->l[lane] = l.hi;
    t->l_low[lane] = FL_SELECT(l.hi < FL_INFINITY, low, FL_C(0));
    t->p[lane] = e * s->inverse[lane];
    t->q[lane] = FL_OTHERS(s, e, k) * s->inverse[lane];
}

/* Returns 1 where a share lies outside the domain of the formula. */
typedef int (*FL_FN(fl_target_map))(FL_FN(fl_targets) * t, ptrdiff_t n, const double *parameters);

/* Where the number of a row and a class stands on a sheet. */
#define FL_PLACE(sheet, lane, k)                                                                                               \
    ((sheet)->along    ? (ptrdiff_t)(k)                                                                                        \
     : (sheet)->stride ? (lane) * (sheet)->stride + (ptrdiff_t)(k)                                                             \
                       : (ptrdiff_t)(k) * (sheet)->lanes + (lane))

/* The classes of the rows on a sheet, and what belongs to them. */
typedef struct {
    ptrdiff_t label[FL_LANES];
    FL_T weight[FL_LANES]; /* of the loss */
    int dropped[FL_LANES];
} FL_FN(fl_labels);

/* What the derivatives of the rows on a sheet are multiplied by; lanes without a row get something, too. */
static void FL_FN(fl_set_scale)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, FL_T *scale)
{
    const FL_T common = (FL_T)(1.0 / b->divisor);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++)
        scale[lane] = common;
    if (!b->sample_weight)
        return;
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        scale[r] = (FL_T)(b->sample_weight[row + r] / b->divisor);
    for (ptrdiff_t lane = 1; sheet->along && lane < sheet->lanes; lane++)
        scale[lane] = scale[0];
}

/* Rows that count for nothing: those of weight 0, and of the ignored label. */
FL_INLINE int FL_FN(fl_drops)(const fl_rows *b, ptrdiff_t row)
{
    return (b->sample_weight && !(b->sample_weight[row] > 0.0)) || (b->label && b->ignores && b->label[row] == b->ignored);
}

/* Checks the labels of rows before any of them is used as an index; returns 1 if one is no class. */
static int FL_FN(fl_read_labels)(const fl_rows *b, const int64_t *source, ptrdiff_t row, ptrdiff_t rows,
                                 FL_FN(fl_labels) * labels)
{
    int unknown = 0;
    for (ptrdiff_t r = 0; r < rows; r++) {
        const int64_t label = source[r];
        unknown |= (uint64_t)label >= (uint64_t)b->classes;
        labels->label[r] = (ptrdiff_t)label;
        labels->dropped[r] = 0;
        labels->weight[r] = FL_C(1);
    }
    if (!unknown && !b->ignores && !b->sample_weight && !b->class_scale && !b->weight)
        return 0;
    int invalid = 0;
    for (ptrdiff_t r = 0; r < rows; r++) {
        const int64_t label = source[r];
        const int dropped = FL_FN(fl_drops)(b, row + r);
        const int known = label >= 0 && label < (int64_t)b->classes;
        invalid |= !known & !dropped;
        labels->dropped[r] = dropped;
        labels->label[r] = known && !dropped ? (ptrdiff_t)label : 0;
        labels->weight[r] = b->class_scale ? (FL_T)b->class_scale[labels->label[r]] : FL_C(1);
        if (b->weight)
            b->weight[row + r] = dropped ? 0.0
                                         : (b->class_weight ? b->class_weight[labels->label[r]] : 1.0) *
                                               (b->sample_weight ? b->sample_weight[row + r] : 1.0);
    }
    return invalid;
}

static void FL_FN(fl_clear_dropped)(const fl_rows *b, ptrdiff_t row, ptrdiff_t rows, const FL_FN(fl_labels) * labels, int want)
{
    const size_t bytes = (size_t)b->classes * sizeof(FL_T);
    for (ptrdiff_t r = 0; (b->sample_weight || b->ignores) && r < rows; r++) {
        if (!labels->dropped[r])
            continue;
        if (want & FL_VALUE)
            ((FL_T *)b->value)[row + r] = FL_C(0);
        for (int i = 0; i < FL_MAX_GRADIENTS; i++) {
            if (want & FL_GRADIENT && b->gradient[i])
                memset((FL_T *)b->gradient[i] + (row + r) * b->classes, 0, bytes);
            if (want & FL_HESSIAN && b->hessian[i])
                memset((FL_T *)b->hessian[i] + (row + r) * b->classes, 0, bytes);
        }
    }
}

/*
 * Derivatives by the scores of all classes, from the exponentials; those of the row's own class are slope and curvature. They are
 * p a and p (c p + a q) with what one more unit of log p is worth.
 */
static void FL_FN(fl_derivatives_side_by_side)(const fl_sheet *sheet, FL_T *e, const FL_FN(fl_softmax) * s, const FL_I *own,
                                               const FL_FN(fl_targets) * t, const FL_T *a, const FL_T *c, FL_T *gradient,
                                               FL_T *hessian)
{
    /* the own class is selected, not stored afterwards: the transposition would wait for stores smaller than what it loads */
    FL_T *const h = e + sheet->groups * sheet->lanes;
    if (hessian) {
        FL_EACH_GROUP(sheet)
        {
            FL_T *const x = e + group * sheet->lanes, *const y = h + group * sheet->lanes;
            FL_EACH_LANE(sheet)
            {
                const FL_T p = x[lane] * s->inverse[lane];
                const FL_T q = FL_OTHERS(s, x[lane], (FL_I)group) * s->inverse[lane];
                const FL_T other = p * FL_FMA(c[lane], p, a[lane] * q);
                y[lane] = FL_SELECT((FL_I)group == own[lane], t->curvature[lane], other);
            }
        }
        FL_FN(fl_take_up)(sheet, h, hessian);
    }
    if (gradient) {
        FL_EACH_GROUP(sheet)
        {
            FL_T *const x = e + group * sheet->lanes;
            FL_EACH_LANE(sheet)
            {
                const FL_T other = x[lane] * s->inverse[lane] * a[lane];
                x[lane] = FL_SELECT((FL_I)group == own[lane], t->slope[lane], other);
            }
        }
        FL_FN(fl_take_up)(sheet, e, gradient);
    }
}

static void FL_FN(fl_derivatives_by_row)(const fl_sheet *sheet, const FL_T *e, const FL_FN(fl_softmax) * s,
                                         const FL_FN(fl_labels) * labels, const FL_FN(fl_targets) * t, const FL_T *a,
                                         const FL_T *c, FL_T *gradient, FL_T *hessian)
{
    FL_EACH_ROW(sheet)
    {
        const FL_T *const x = e + row * sheet->stride;
        const FL_T inverse = s->inverse[row], total = s->total[row], a_row = a[row], c_row = c[row];
        if (hessian) {
            FL_T *const h = hessian + row * sheet->classes;
            FL_SIMD
            for (ptrdiff_t k = 0; k < sheet->classes; k++) {
                const FL_T p = x[k] * inverse, q = (total - x[k]) * inverse;
                h[k] = p * FL_FMA(c_row, p, a_row * q);
            }
            const FL_T p = x[s->first[row]] * inverse, q = s->rest[row] * inverse;
            h[s->first[row]] = p * FL_FMA(c_row, p, a_row * q);
            h[labels->label[row]] = t->curvature[row];
        }
        if (gradient) {
            FL_T *const g = gradient + row * sheet->classes;
            FL_SIMD
            for (ptrdiff_t k = 0; k < sheet->classes; k++)
                g[k] = x[k] * inverse * a_row;
            g[labels->label[row]] = t->slope[row];
        }
    }
}

/* Class indices, scores: the loss is F(log p) of the row's own class, u = log p, slope = -F'(u), curvature = F''(u). */
static int FL_FN(fl_index_of_logits)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, FL_FN(fl_target_map) map,
                                     const double *parameters, int want)
{
    FL_T *const e = b->scratch;
    const FL_T *const source = (const FL_T *)b->y_pred + row * b->classes;
    FL_FN(fl_softmax) s;
    FL_FN(fl_labels) labels;
    FL_FN(fl_targets) t;
    const int invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, &labels);
    if (sheet->stride)
        FL_FN(fl_exponentials_by_row)(sheet, source, e, &s);
    else {
        FL_T *const z = e + sheet->groups * sheet->lanes;
        FL_FN(fl_lay_out)(sheet, source, z, FL_C(0));
        FL_FN(fl_exponentials)(sheet, z, e, &s);
    }
    FL_T chosen[FL_LANES], exponential[FL_LANES], factor[FL_LANES], a[FL_LANES], c[FL_LANES];
    FL_I own[FL_LANES];
    const ptrdiff_t row_step = sheet->stride ? sheet->stride : 1, class_step = sheet->stride ? 1 : sheet->lanes;
    for (ptrdiff_t r = 0; r < sheet->rows; r++) {
        const ptrdiff_t label = labels.label[r];
        own[r] = (FL_I)label;
        chosen[r] = source[r * b->classes + label];
        exponential[r] = e[r * row_step + label * class_step];
        factor[r] = labels.weight[r];
    }
    for (ptrdiff_t lane = sheet->rows; lane < sheet->lanes; lane++) {
        own[lane] = own[0];
        chosen[lane] = chosen[0];
        exponential[lane] = exponential[0];
        factor[lane] = factor[0];
    }
    FL_FN(fl_set_scale)(b, sheet, row, s.scale);
    FL_EACH_LANE(sheet)
    FL_FN(fl_set_target)(&t, &s, lane, own[lane], chosen[lane], exponential[lane]);
    map(&t, sheet->lanes, parameters);
    if (want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            ((FL_T *)b->value)[row + r] = factor[r] * t.value[r];
    FL_EACH_LANE(sheet)
    {
        a[lane] = t.slope[lane] * factor[lane] * s.scale[lane];
        c[lane] = t.curvature[lane] * factor[lane] * s.scale[lane];
        t.slope[lane] = -a[lane] * t.q[lane];
        t.curvature[lane] = t.q[lane] * FL_FMA(c[lane], t.q[lane], a[lane] * t.p[lane]);
    }
    FL_T *const gradient = want & FL_GRADIENT ? (FL_T *)b->gradient[0] + row * b->classes : NULL;
    FL_T *const hessian = want & FL_HESSIAN ? (FL_T *)b->hessian[0] + row * b->classes : NULL;
    if (sheet->stride)
        FL_FN(fl_derivatives_by_row)(sheet, e, &s, &labels, &t, a, c, gradient, hessian);
    else
        FL_FN(fl_derivatives_side_by_side)(sheet, e, &s, own, &t, a, c, gradient, hessian);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels, want);
    return invalid;
}

/* A sum with its error, side by side. */
typedef struct {
    FL_T sum[FL_LANES], error[FL_LANES];
} FL_FN(fl_sums);

FL_INLINE void FL_FN(fl_add)(FL_FN(fl_sums) * s, ptrdiff_t lane, FL_T x)
{
    const FL_PAIR sum = FL_TWO_SUM(s->sum[lane], x);
    s->sum[lane] = sum.hi;
    s->error[lane] += sum.lo;
}

static void FL_FN(fl_merge_sums)(const fl_sheet *sheet, FL_FN(fl_sums) * s)
{
    if (!sheet->along)
        return;
    for (ptrdiff_t half = FL_LANES / 2; half; half /= 2)
        for (ptrdiff_t lane = 0; lane < half; lane++) {
            s->error[lane] += s->error[lane + half];
            FL_FN(fl_add)(s, lane, s->sum[lane + half]);
        }
    for (ptrdiff_t lane = 1; lane < FL_LANES; lane++) {
        s->sum[lane] = s->sum[0];
        s->error[lane] = s->error[0];
    }
}

/* The sums of the rows, in `sum`. An infinite one has no error. */
static void FL_FN(fl_finish_sums)(const fl_sheet *sheet, FL_FN(fl_sums) * s)
{
    FL_FN(fl_merge_sums)(sheet, s);
    FL_EACH_LANE(sheet)
    {
        const FL_T sum = s->sum[lane], corrected = sum + s->error[lane];
        s->sum[lane] = FL_SELECT(FL_ABS(sum) < FL_INFINITY, corrected, sum);
    }
}

/*
 * What the classes of a row add up to when each has a share of it. Slope and curvature of the class with the largest score
 * stand apart, like its exponential: those of the others would be lost beside them.
 */
typedef struct {
    FL_FN(fl_sums) value, slope, curvature;
    FL_T first_slope[FL_LANES], first_curvature[FL_LANES];
} FL_FN(fl_share_sums);

#define FL_OTHER_SUMS(sums, first_one, own_one, k)                                                                             \
    FL_SELECT((k) == s.first[lane], (sums)[lane], ((sums)[lane] - (own_one)) + (first_one)[lane])

/*
 * Lays the shares of the classes out: labels as they are or from class indices, smoothed; adds up the row's weight. Returns
 * 1 if a share lies outside [0, 1] or a label is no class.
 */
static int FL_FN(fl_lay_out_shares)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, FL_T *y, FL_FN(fl_labels) * labels)
{
    int invalid = 0;
    if (b->y_true) {
        const FL_T *const source = (const FL_T *)b->y_true + row * b->classes;
        FL_I outside = 0;
        FL_SIMD_REDUCE(reduction(| : outside))
        for (ptrdiff_t i = 0; i < sheet->rows * b->classes; i++)
            outside |= FL_INVALID((source[i] < FL_C(0)) | (source[i] > FL_C(1)));
        invalid = outside != 0;
        FL_FN(fl_lay_out)(sheet, source, y, FL_C(0));
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            labels->dropped[r] = FL_FN(fl_drops)(b, row + r);
        if (b->weight)
            for (ptrdiff_t r = 0; r < sheet->rows; r++) {
                double weight = b->class_weight ? 0.0 : 1.0;
                if (b->class_weight)
                    for (ptrdiff_t k = 0; k < b->classes; k++)
                        weight += b->class_weight[k] * (double)source[r * b->classes + k];
                weight = b->sample_weight ? weight * b->sample_weight[row + r] : weight;
                b->weight[row + r] = labels->dropped[r] ? 0.0 : weight;
            }
    } else {
        invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, labels);
        memset(y, 0, (size_t)(sheet->groups * sheet->lanes) * sizeof *y);
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            y[FL_PLACE(sheet, r, labels->label[r])] = FL_C(1);
    }
    const FL_T smoothing = (FL_T)b->label_smoothing, uniform = FL_C(1) / (FL_T)b->classes;
    for (ptrdiff_t k = 0; k < (sheet->along ? 1 : sheet->classes); k++) {
        const ptrdiff_t n = sheet->along ? sheet->classes : sheet->lanes;
        FL_T *const x = y + k * n;
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            x[i] = FL_FMA(smoothing, uniform - x[i], x[i]);
        if (b->class_scale) {
            for (ptrdiff_t i = 0; i < n; i++)
                x[i] *= (FL_T)b->class_scale[sheet->along ? i : k];
        }
    }
    return invalid;
}

/*
 * Shares of classes, scores: the sum over the classes of what `map` makes of the share and log p. The third part of the scratch
 * memory holds the shares.
 */
static int FL_FN(fl_shares_of_logits)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, const FL_FN(fl_labels) * labels,
                                      FL_FN(fl_target_map) map, const double *parameters, int want)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes;
    FL_T *const z = b->scratch, *const e = z + numbers, *const y = e + numbers;
    FL_FN(fl_softmax) s;
    FL_FN(fl_targets) t;
    FL_FN(fl_share_sums) sum;
    int invalid = 0;
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->y_pred + row * b->classes, z, sheet->along ? -FL_INFINITY : FL_C(0));
    FL_FN(fl_exponentials)(sheet, z, e, &s);
    memset(&sum, 0, sizeof sum);
    FL_FN(fl_set_scale)(b, sheet, row, s.scale);
    /* z becomes share times curvature, y share times slope */
    FL_EACH_GROUP(sheet)
    {
        FL_T *const c = z + group * sheet->lanes, *const share = y + group * sheet->lanes;
        const FL_T *const x = e + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            FL_FN(fl_set_target)(&t, &s, lane, (FL_I)(group * sheet->step) + s.own[lane], c[lane], x[lane]);
            t.y[lane] = share[lane];
        }
        invalid |= map(&t, sheet->lanes, parameters);
        FL_EACH_LANE(sheet)
        {
            const FL_I k = (FL_I)(group * sheet->step) + s.own[lane];
            const int padding = k >= (FL_I)sheet->classes, largest = k == s.first[lane];
            const FL_T a = FL_SELECT(padding, FL_C(0), t.slope[lane]);
            const FL_T b_k = FL_SELECT(padding, FL_C(0), t.curvature[lane]);
            FL_FN(fl_add)(&sum.value, lane, FL_SELECT(padding, FL_C(0), t.value[lane]));
            sum.value.error[lane] += FL_SELECT(padding, FL_C(0), t.rest[lane]);
            FL_FN(fl_add)(&sum.slope, lane, FL_SELECT(largest, FL_C(0), a));
            FL_FN(fl_add)(&sum.curvature, lane, FL_SELECT(largest, FL_C(0), b_k));
            sum.first_slope[lane] += FL_SELECT(largest, a, FL_C(0));
            sum.first_curvature[lane] += FL_SELECT(largest, b_k, FL_C(0));
            share[lane] = a;
            c[lane] = b_k;
        }
    }
    FL_FN(fl_finish_sums)(sheet, &sum.value);
    FL_FN(fl_finish_sums)(sheet, &sum.slope);
    FL_FN(fl_finish_sums)(sheet, &sum.curvature);
    FL_FN(fl_merge_lanes)(sheet, sum.first_slope);
    FL_FN(fl_merge_lanes)(sheet, sum.first_curvature);
    const FL_T *const slopes = sum.slope.sum, *const curvatures = sum.curvature.sum;
    if (want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            /* a NaN in a class without a share is in every p, and in the rest */
            ((FL_T *)b->value)[row + r] = FL_SELECT(s.rest[r] == s.rest[r], sum.value.sum[r], s.rest[r]);
    if (want & (FL_GRADIENT | FL_HESSIAN)) {
        FL_EACH_GROUP(sheet)
        {
            FL_T *const c = z + group * sheet->lanes, *const x = e + group * sheet->lanes, *const a = y + group * sheet->lanes;
            FL_EACH_LANE(sheet)
            {
                const FL_I k = (FL_I)(group * sheet->step) + s.own[lane];
                const FL_T p = x[lane] * s.inverse[lane];
                const FL_T q = FL_OTHERS(&s, x[lane], k) * s.inverse[lane];
                const FL_T other_slope = FL_OTHER_SUMS(slopes, sum.first_slope, a[lane], k) * s.scale[lane];
                const FL_T other_curvature = FL_OTHER_SUMS(curvatures, sum.first_curvature, c[lane], k) * s.scale[lane];
                const FL_T own_slope = a[lane] * s.scale[lane], own_curvature = c[lane] * s.scale[lane];
                x[lane] = FL_FMA(p, other_slope, -(own_slope * q));
                c[lane] = FL_FMA(p, FL_FMA(other_curvature, p, other_slope * q), q * FL_FMA(own_curvature, q, own_slope * p));
            }
        }
        if (want & FL_HESSIAN)
            FL_FN(fl_take_up)(sheet, z, (FL_T *)b->hessian[0] + row * b->classes);
        if (want & FL_GRADIENT)
            FL_FN(fl_take_up)(sheet, e, (FL_T *)b->gradient[0] + row * b->classes);
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, labels, want);
    return invalid;
}

/* log p of a probability, clipped to [eps, 1 - eps], with what a target formula wants beside it. */
FL_INLINE FL_PAIR FL_FN(fl_target_of_probability)(FL_T x, FL_T eps, FL_T *p, FL_T *q)
{
    const FL_T complement = FL_C(1) - x;
    const int low = x < complement;
    /* the smaller of p and 1 - p is exact, and so is its clipping */
    const FL_T near = FL_SELECT(low, x, complement);
    const FL_T smaller = FL_SELECT(near < eps, eps, near);
    const FL_T larger = FL_C(1) - smaller;
    *p = FL_SELECT(low, smaller, FL_SELECT(near < eps, larger, x));
    *q = FL_SELECT(low, larger, smaller);
    const FL_PAIR log = FL_LOG_PRECISE(smaller), other = FL_LOG1P_PAIR(-smaller, FL_C(0));
    const FL_T finite = FL_SELECT(smaller > FL_C(0), -log.hi, FL_UNLESS_NAN(smaller, FL_INFINITY));
    return (FL_PAIR){FL_SELECT(low, finite, -other.hi),
                     FL_SELECT(low, FL_SELECT(smaller > FL_C(0), -log.lo, FL_C(0)), -other.lo)};
}

/* The sums of rows, in an order that their length alone decides. */
static void FL_FN(fl_row_sums)(const FL_T *x, ptrdiff_t rows, ptrdiff_t classes, FL_T *sum)
{
    ptrdiff_t r = 0;
    /* four rows at a time, four numbers of each: no sum waits for another */
    for (; classes < FL_LANE_STEP && r + 4 <= rows; r += 4) {
        const FL_T *const row = x + r * classes;
        FL_FN(fl_four) a = {0}, b = {0}, c = {0}, d = {0}, next;
        ptrdiff_t k = 0;
        for (; k + 4 <= classes; k += 4) {
            memcpy(&next, row + k, sizeof next);
            a += next;
            memcpy(&next, row + classes + k, sizeof next);
            b += next;
            memcpy(&next, row + 2 * classes + k, sizeof next);
            c += next;
            memcpy(&next, row + 3 * classes + k, sizeof next);
            d += next;
        }
        const FL_FN(fl_four) ab = FL_SHUFFLE(a, b, 0, 4, 1, 5) + FL_SHUFFLE(a, b, 2, 6, 3, 7);
        const FL_FN(fl_four) cd = FL_SHUFFLE(c, d, 0, 4, 1, 5) + FL_SHUFFLE(c, d, 2, 6, 3, 7);
        FL_FN(fl_four) total = FL_SHUFFLE(ab, cd, 0, 1, 4, 5) + FL_SHUFFLE(ab, cd, 2, 3, 6, 7);
        for (; k < classes; k++)
            total += (FL_FN(fl_four)){row[k], row[classes + k], row[2 * classes + k], row[3 * classes + k]};
        memcpy(sum + r, &total, sizeof total);
    }
    for (; r < rows; r++) {
        const FL_T *const row = x + r * classes;
        FL_T part[FL_LANE_STEP] = {0};
        ptrdiff_t k = 0;
        for (; k + FL_LANE_STEP <= classes; k += FL_LANE_STEP)
            FL_SIMD
        for (int i = 0; i < FL_LANE_STEP; i++)
            part[i] += row[k + i];
        for (int half = FL_LANE_STEP / 2; half; half /= 2)
            for (int i = 0; i < half; i++)
                part[i] += part[i + half];
        for (; k < classes; k++)
            part[0] += row[k];
        sum[r] = part[0];
    }
}

typedef FL_T FL_FN(fl_line) __attribute__((vector_size(64)));
typedef FL_I FL_FN(fl_line_of_masks) __attribute__((vector_size(64)));

/* The sum of numbers, in two chains that do not wait for each other, and whether one lies outside [0, 1]. */
static FL_T FL_FN(fl_sum_probabilities)(const FL_T *x, ptrdiff_t n, int *outside)
{
    enum { LINE = 64 / sizeof(FL_T) };
    FL_FN(fl_line) line, other, sums = {0}, other_sums = {0};
    FL_FN(fl_line_of_masks) wrong = {0};
    ptrdiff_t i = 0;
    for (; i + 2 * LINE <= n; i += 2 * LINE) {
        memcpy(&line, x + i, sizeof line);
        memcpy(&other, x + i + LINE, sizeof other);
        wrong |= (FL_FN(fl_line_of_masks))((line < FL_C(0)) | (line > FL_C(1)) | (other < FL_C(0)) | (other > FL_C(1)));
        sums += line;
        other_sums += other;
    }
    line = sums + other_sums;
    FL_I any = 0;
    FL_SIMD_REDUCE(reduction(| : any))
    for (int lane = 0; lane < LINE; lane++)
        any |= wrong[lane];
    FL_FN(fl_four) fours = {0}, four;
    for (int lane = 0; lane < LINE; lane += 4) {
        memcpy(&four, (const FL_T *)&line + lane, sizeof four);
        fours += four;
    }
    FL_T total = (fours[0] + fours[1]) + (fours[2] + fours[3]);
    for (; i < n; i++) {
        any |= FL_INVALID((x[i] < FL_C(0)) | (x[i] > FL_C(1)));
        total += x[i];
    }
    *outside = any != 0;
    return total;
}

/*
 * What is wrong with the probabilities of the rows on a sheet. The sum of them all costs hardly anything, those of the rows more
 * than a loss that takes one logarithm of each: a full sheet is only looked at row by row where its sum is not the number of its
 * rows. Sums of rows that differ from 1 by as much on both sides are then not noticed.
 */
static int FL_FN(fl_check_probabilities)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, const int *dropped)
{
    const FL_T *const x = (const FL_T *)b->y_pred + row * b->classes;
    int outside;
    const FL_T total = FL_FN(fl_sum_probabilities)(x, sheet->rows * b->classes, &outside);
    const int found = outside ? FL_OUTSIDE : 0;
    /* a little less than is allowed: whoever is told looks again, and these sums are rounded */
    const FL_T tolerance = FL_C(0.875 * b->sum_tolerance);
    const int full = sheet->along || sheet->rows == sheet->lanes;
    if (!(tolerance > FL_C(0)) || (full && FL_ABS(total - (FL_T)sheet->rows) <= tolerance))
        return found;
    FL_T sum[FL_LANES];
    FL_FN(fl_row_sums)(x, sheet->rows, b->classes, sum);
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        if (FL_ABS(sum[r] - FL_C(1)) > tolerance && !dropped[r])
            return found | FL_NOT_ONE;
    return found;
}

/* Class indices, probabilities: only that of the row's class counts. */
static int FL_FN(fl_index_of_probabilities)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, FL_FN(fl_target_map) map,
                                            const double *parameters, int want)
{
    const FL_T *const source = (const FL_T *)b->y_pred + row * b->classes;
    const FL_T eps = (FL_T)b->eps;
    FL_FN(fl_labels) labels;
    FL_FN(fl_targets) t;
    FL_T x[FL_LANES], slope[FL_LANES], curvature[FL_LANES];
    int invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, &labels);
    invalid |= FL_FN(fl_check_probabilities)(b, sheet, row, labels.dropped);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
        const ptrdiff_t r = lane >= sheet->rows ? 0 : lane;
        x[lane] = source[r * b->classes + labels.label[r]];
    }
    FL_EACH_LANE(sheet)
    {
        const FL_PAIR l = FL_FN(fl_target_of_probability)(x[lane], eps, &t.p[lane], &t.q[lane]);
        t.l[lane] = l.hi;
        t.l_low[lane] = l.lo;
    }
    map(&t, sheet->lanes, parameters);
    FL_EACH_LANE(sheet)
    {
        const int clipped = FL_SELECT(x[lane] < FL_C(1) - x[lane], x[lane], FL_C(1) - x[lane]) < eps;
        const FL_T a = -t.slope[lane] / t.p[lane];
        const FL_T c = (t.curvature[lane] + t.slope[lane]) / t.p[lane] / t.p[lane];
        slope[lane] = FL_SELECT(clipped, FL_C(0), a);
        curvature[lane] = FL_SELECT(clipped, FL_C(0), c);
    }
    FL_T scale[FL_LANES];
    FL_FN(fl_set_scale)(b, sheet, row, scale);
    for (ptrdiff_t r = 0; r < sheet->rows; r++) {
        const ptrdiff_t place = (row + r) * b->classes + labels.label[r];
        if (want & FL_VALUE)
            ((FL_T *)b->value)[row + r] = labels.weight[r] * t.value[r];
        if (want & FL_GRADIENT) {
            memset((FL_T *)b->gradient[0] + (row + r) * b->classes, 0, (size_t)b->classes * sizeof(FL_T));
            ((FL_T *)b->gradient[0])[place] = labels.weight[r] * slope[r] * scale[r];
        }
        if (want & FL_HESSIAN) {
            memset((FL_T *)b->hessian[0] + (row + r) * b->classes, 0, (size_t)b->classes * sizeof(FL_T));
            ((FL_T *)b->hessian[0])[place] = labels.weight[r] * curvature[r] * scale[r];
        }
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels, want);
    return invalid;
}

/* Shares of classes, probabilities. */
static int FL_FN(fl_shares_of_probabilities)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, FL_FN(fl_target_map) map,
                                             const double *parameters, int want)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes;
    FL_T *const z = b->scratch, *const h = z + numbers, *const y = h + numbers;
    const FL_T *const source = (const FL_T *)b->y_pred + row * b->classes;
    const FL_T eps = (FL_T)b->eps;
    FL_FN(fl_labels) labels;
    FL_FN(fl_targets) t;
    FL_T scale[FL_LANES];
    FL_FN(fl_sums) sum;
    memset(&sum, 0, sizeof sum);
    int invalid = FL_FN(fl_lay_out_shares)(b, sheet, row, y, &labels);
    invalid |= FL_FN(fl_check_probabilities)(b, sheet, row, labels.dropped);
    FL_FN(fl_lay_out)(sheet, source, z, FL_C(1));
    FL_FN(fl_set_scale)(b, sheet, row, scale);
    FL_EACH_GROUP(sheet)
    {
        FL_T *const x = z + group * sheet->lanes, *const w = h + group * sheet->lanes, *const share = y + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        {
            const FL_PAIR l = FL_FN(fl_target_of_probability)(x[lane], eps, &t.p[lane], &t.q[lane]);
            t.l[lane] = l.hi;
            t.l_low[lane] = l.lo;
        }
        map(&t, sheet->lanes, parameters);
        FL_EACH_LANE(sheet)
        {
            const int none = share[lane] == FL_C(0);
            const int clipped = FL_SELECT(x[lane] < FL_C(1) - x[lane], x[lane], FL_C(1) - x[lane]) < eps;
            const FL_T value = share[lane] * t.value[lane];
            const FL_T a = share[lane] * (-t.slope[lane] / t.p[lane]);
            const FL_T c = share[lane] * ((t.curvature[lane] + t.slope[lane]) / t.p[lane] / t.p[lane]);
            FL_FN(fl_add)(&sum, lane, FL_SELECT(none, FL_UNLESS_NAN(x[lane], 0), value));
            w[lane] = FL_SELECT(none | clipped, FL_UNLESS_NAN(x[lane], 0), c) * scale[lane];
            x[lane] = FL_SELECT(none | clipped, FL_UNLESS_NAN(x[lane], 0), a) * scale[lane];
        }
    }
    FL_FN(fl_finish_sums)(sheet, &sum);
    if (want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++)
            ((FL_T *)b->value)[row + r] = sum.sum[r];
    if (want & FL_GRADIENT)
        FL_FN(fl_take_up)(sheet, z, (FL_T *)b->gradient[0] + row * b->classes);
    if (want & FL_HESSIAN)
        FL_FN(fl_take_up)(sheet, h, (FL_T *)b->hessian[0] + row * b->classes);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels, want);
    return invalid;
}

/* All rows of a block, a sheet at a time. `share` maps what a class adds to a row, `map` its only class. */
static int FL_FN(fl_target_rows)(const fl_rows *b, int from_logits, FL_FN(fl_target_map) map, FL_FN(fl_target_map) share,
                                 const double *parameters, int want)
{
    const int shares = b->y_true != NULL || b->label_smoothing > 0.0;
    fl_sheet sheet = from_logits && !shares ? fl_sheet_by_row(b->classes) : fl_sheet_of(b->classes);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    {
        FL_FN(fl_labels) labels;
        if (!want) /* the weights alone */
            invalid |= shares ? FL_FN(fl_lay_out_shares)(b, &sheet, row, b->scratch, &labels)
                              : FL_FN(fl_read_labels)(b, b->label + row, row, sheet.rows, &labels);
        else if (from_logits && shares) {
            FL_T *const y = (FL_T *)b->scratch + 2 * sheet.groups * sheet.lanes;
            invalid |= FL_FN(fl_lay_out_shares)(b, &sheet, row, y, &labels);
            invalid |= FL_FN(fl_shares_of_logits)(b, &sheet, row, &labels, share, parameters, want);
        } else if (from_logits)
            invalid |= FL_FN(fl_index_of_logits)(b, &sheet, row, map, parameters, want);
        else
            invalid |= shares ? FL_FN(fl_shares_of_probabilities)(b, &sheet, row, map, parameters, want)
                              : FL_FN(fl_index_of_probabilities)(b, &sheet, row, map, parameters, want);
    }
    return invalid;
}

/* Losses of shares and scores alone: the shares are what the formula says they are. */
static int FL_FN(fl_share_rows)(const fl_rows *b, FL_FN(fl_target_map) map, const double *parameters, int want)
{
    fl_sheet sheet = fl_sheet_of(b->classes);
    FL_T *const y = (FL_T *)b->scratch + 2 * sheet.groups * sheet.lanes;
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    {
        FL_FN(fl_labels) labels;
        FL_FN(fl_lay_out)(&sheet, (const FL_T *)b->y_true + row * b->classes, y, FL_C(0));
        for (ptrdiff_t r = 0; r < sheet.rows; r++)
            labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
        invalid |= FL_FN(fl_shares_of_logits)(b, &sheet, row, &labels, map, parameters, want);
    }
    return invalid;
}
