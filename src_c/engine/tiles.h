/*
 * Tiles: rows of one matrix against rows of another, the keys. The scores of all pairs, the products x_i . w_k, are a matrix
 * that is never there as a whole: the driver has those of a panel of rows computed, lets the kernel make of them the values
 * and, in their place, the derivatives by the scores, and multiplies these back to gradients by both matrices.
 *
 *   FL_TILES_FORMULA(linear_cross_entropy, FL_AGAINST_KEYS, ", y_true index, x(d)*, weight[k](d)*", t, ())
 *   {                                                           a loss of the probability of the right key, as in rows.h
 *       return (FL_TARGET){.value = ..., .slope = ..., .curvature = ...};
 *   }
 *
 *   FL_SCORES_OF(linear_cross_entropy, b, row, z)
 *   {                                                           makes scores of the products of a row; returns the right key
 *       return b->label[row];
 *   }
 *
 * FL_TILES_SHARE_FORMULA and FL_SHARES_OF(name, b, row, z, y) are those of losses where several keys have a share y of a row;
 * the latter returns 1 where there is no telling. What is made of cosines has the temperature, by which these are divided, for
 * its first parameter.
 *
 * A product is a sum over the depth, in steps of FL_TILE_DEPTH: within a step by FL_FMA in the order of the places, and the
 * sums of the steps in their order. Neither the size of a tile, which the instruction set decides, nor that of a panel changes
 * anything of it. Its error is at most about (FL_TILE_DEPTH + steps) / 2 ulp of the sum of the magnitudes of its terms; it is
 * one or two where the rounding errors are not all of one sign.
 */
#ifndef FL_TILES_H
#define FL_TILES_H

#include "engine/rows.h"

/* A tile of sums is what the machine has registers for. */
#if defined(__AVX512F__)
enum { FL_TILE_ROWS = 12 };
#elif FL_HAS_FMA
enum { FL_TILE_ROWS = 6 };
#else
enum { FL_TILE_ROWS = 2 };
#endif
/* Rows whose sums lie in the first-level cache until they are complete, a multiple of all of these. */
enum { FL_TILE_GROUP = 96 };

#define FL_TILES_KERNEL_OF(name, against, signature, parameters)                                                               \
    FL_DECLARE(name, FL_TILES, signature, parameters)                                                                          \
    enum { FL_FN(name##_against) = against };

#define FL_TILES_FORMULA(name, against, signature, t_, parameters)                                                             \
    FL_TILES_KERNEL_OF(name, against, signature, parameters)                                                                   \
    FL_INLINE int64_t FL_FN(name##_scores)(const fl_block *b, ptrdiff_t row, FL_T *z);                                         \
    FL_TARGET_MAPS(name, t_, parameters)                                                                                       \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        int invalid = 0;                                                                                                       \
        for (ptrdiff_t first = 0; first < block->units; first += FL_LANES) {                                                   \
            int64_t label[FL_LANES];                                                                                           \
            fl_block rows = FL_FN(fl_tile_rows)(block, first, against);                                                        \
            for (ptrdiff_t r = 0; r < rows.units; r++)                                                                         \
                label[r] = FL_FN(name##_scores)(block, rows.first + r, (FL_T *)rows.gradient[0] + r * rows.width);             \
            rows.label = label;                                                                                                \
            invalid |= FL_FN(fl_target_rows)(&rows, FL_SCORES, FL_FN(name##_target), FL_FN(name##_share));                     \
        }                                                                                                                      \
        return invalid;                                                                                                        \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_TARGET_INPUT t_ FL_EACH(FL_PARAMETER, , parameters))

#define FL_SCORES_OF(name, b_, row_, z_) FL_INLINE int64_t FL_FN(name##_scores)(const fl_block *b_, ptrdiff_t row_, FL_T *z_)

#define FL_TILES_SHARE_FORMULA(name, against, signature, t_, parameters)                                                       \
    FL_TILES_KERNEL_OF(name, against, signature, parameters)                                                                   \
    FL_INLINE int FL_FN(name##_shares)(const fl_block *b, ptrdiff_t row, FL_T *z, FL_T *y);                                    \
    FL_TARGET_MAPS(name, t_, parameters)                                                                                       \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_tile_shares)(block, against, FL_FN(name##_shares), FL_FN(name##_target), FL_FN(name##_share));         \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name##_formula)(const FL_TARGET_INPUT t_ FL_EACH(FL_PARAMETER, , parameters))

#define FL_SHARES_OF(name, b_, row_, z_, y_)                                                                                   \
    FL_INLINE int FL_FN(name##_shares)(const fl_block *b_, ptrdiff_t row_, FL_T *z_, FL_T *y_)

/*
 * The derivative by the temperature of a loss -sum_k y_k log p_k of cosines: (H - L) / temperature, H the entropy of p, L the
 * loss; the sum of (y_k - p_k) log p_k / temperature over the keys.
 */
#define FL_TILES_BY_TEMPERATURE(name, against, signature)                                                                      \
    FL_TILES_KERNEL_OF(name, against, signature, (temperature))                                                                \
    static int FL_FN(name##_shares)(const fl_block *b, ptrdiff_t row, FL_T *z, FL_T *y);                                       \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_tile_shares)(block, against, FL_FN(name##_shares), NULL, FL_FN(fl_share_by_temperature));              \
    }                                                                                                                          \
    static int FL_FN(name##_shares)(const fl_block *b, ptrdiff_t row, FL_T *z, FL_T *y)

/* Of a loss `of` with one right key. */
#define FL_TILES_FORMULA_BY_TEMPERATURE(name, of, against, signature)                                                          \
    FL_TILES_BY_TEMPERATURE(name, against, signature)                                                                          \
    {                                                                                                                          \
        memset(y, 0, (size_t)b->width * sizeof *y);                                                                            \
        y[FL_FN(of##_scores)(b, row, z)] = FL_C(1);                                                                            \
        return 0;                                                                                                              \
    }

/* Of a loss `of` whose keys have shares. */
#define FL_TILES_SHARE_FORMULA_BY_TEMPERATURE(name, of, against, signature)                                                    \
    FL_TILES_BY_TEMPERATURE(name, against, signature)                                                                          \
    {                                                                                                                          \
        const int invalid = FL_FN(of##_shares)(b, row, z, y);                                                                  \
        FL_FN(fl_leave_alone)(z, y, row, b->width);                                                                            \
        return invalid;                                                                                                        \
    }

#define FL_TEMPLATE "engine/tiles.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

enum { FL_FN(fl_tile_columns) = 2 * FL_VECTOR_BYTES / sizeof(FL_T) };

/* The rows of a panel from `first` on, at most a lane for each, as the plan of rows takes them. */
FL_INLINE fl_block FL_FN(fl_tile_rows)(const fl_block *panel, ptrdiff_t first, int against)
{
    fl_block rows = *panel;
    rows.units = FL_MIN((ptrdiff_t)FL_LANES, panel->units - first);
    rows.first = panel->first + first;
    rows.gradient[0] = (FL_T *)panel->gradient[0] + first * panel->width;
    rows.input[0] = NULL;
    rows.input[1] = rows.gradient[0];
    rows.label = NULL;
    /* gradients are those by cosines, which are divided by the first parameter */
    rows.divisor *= against == FL_AGAINST_KEYS ? 1.0 : panel->parameters[0];
    rows.weight = panel->weight ? panel->weight + rows.first : NULL;
    rows.value = panel->value ? (FL_T *)panel->value + rows.first : NULL;
    return rows;
}

/* Makes scores z of the products of a row, and the shares y of the keys; returns 1 where there is no telling. */
typedef int (*FL_FN(fl_shares_of_row))(const fl_block *block, ptrdiff_t row, FL_T *z, FL_T *y);

/* Maps the rows of a panel by the shares of the keys. */
FL_STATIC int FL_FN(fl_tile_shares)(const fl_block *panel, int against, FL_FN(fl_shares_of_row) shares,
                                    FL_FN(fl_target_map) target, FL_FN(fl_target_map) share)
{
    int invalid = 0;
    const fl_sheet sheet = fl_sheet_of(panel->width);
    /* behind what the rows need */
    FL_T *const y = (FL_T *)panel->scratch + 4 * sheet.groups * sheet.lanes;
    for (ptrdiff_t first = 0; first < panel->units; first += sheet.rows) {
        fl_block rows = FL_FN(fl_tile_rows)(panel, first, against);
        rows.units = FL_MIN(sheet.rows, rows.units);
        for (ptrdiff_t r = 0; r < rows.units; r++)
            invalid |= shares(panel, rows.first + r, (FL_T *)rows.gradient[0] + r * rows.width, y + r * rows.width);
        rows.input[0] = y;
        invalid |= FL_FN(fl_target_rows)(&rows, FL_SCORES, target, share);
    }
    return invalid;
}

/* Scores of cosines: what is not there, `self` if that is a key and keys of weight 0, cannot be. */
FL_STATIC void FL_FN(fl_cosine_scores)(const fl_block *b, ptrdiff_t self, FL_T *z)
{
    const FL_T temperature = FL_C(b->parameters[0]);
    FL_SIMD
    for (ptrdiff_t k = 0; k < b->width; k++)
        z[k] /= temperature;
    if (b->weight) {
        FL_SIMD
        for (ptrdiff_t k = 0; k < b->width; k++)
            z[k] = FL_SELECT(b->weight[k] > 0.0, z[k], -FL_INFINITY);
    }
    if (self >= 0)
        z[self] = -FL_INFINITY;
}

/* The map of FL_TILES_FORMULA_BY_TEMPERATURE; what has no share, and no probability, takes nothing, even of infinity. */
FL_STATIC int FL_FN(fl_share_by_temperature)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *parameters)
{
    const FL_T temperature = FL_C(parameters[0]);
    FL_SIMD
    for (ptrdiff_t i = 0; i < n; i++) {
        const FL_T change = t->p[i] - t->y[i], value = change * (t->l[i] + t->l_low[i]) / temperature;
        t->value[i] = FL_SELECT(change == FL_C(0), FL_C(0), value);
        t->low[i] = t->slope[i] = t->curvature[i] = FL_C(0);
    }
    return 0;
}

/* A row without a share of any key is alone with itself, which has no entropy. */
FL_STATIC void FL_FN(fl_leave_alone)(FL_T *z, const FL_T *share, ptrdiff_t self, ptrdiff_t width)
{
    for (ptrdiff_t k = 0; k < width; k++)
        if (share[k] > FL_C(0))
            return;
    for (ptrdiff_t k = 0; k < width; k++)
        z[k] = FL_UNLESS_NAN(z[k], k == self ? FL_C(0) : -FL_INFINITY);
}

/* Adds the products of FL_TILE_ROWS rows and as many columns as a tile has, summed over at most a step of the depth. */
FL_INLINE void FL_FN(fl_tile)(const FL_T *a, ptrdiff_t step, const FL_T *b, ptrdiff_t depth, FL_T *to, ptrdiff_t to_step)
{
    /* in registers: set by the first products, because the compiler would have memory cleared with a memset */
    FL_T sum[FL_TILE_ROWS][FL_FN(fl_tile_columns)];
    for (int i = 0; i < FL_TILE_ROWS; i++) {
        FL_SIMD
        for (int j = 0; j < FL_FN(fl_tile_columns); j++)
            sum[i][j] = a[i * step] * b[j];
    }
    for (ptrdiff_t k = 1; k < depth; k++)
        for (int i = 0; i < FL_TILE_ROWS; i++) {
            FL_SIMD
            for (int j = 0; j < FL_FN(fl_tile_columns); j++)
                sum[i][j] = FL_FMA(a[i * step + k], b[k * FL_FN(fl_tile_columns) + j], sum[i][j]);
        }
    for (int i = 0; i < FL_TILE_ROWS; i++) {
        FL_SIMD
        for (int j = 0; j < FL_FN(fl_tile_columns); j++)
            to[i * to_step + j] += sum[i][j];
    }
}

/* Adds the products of rows, of the columns of a strip, and of a step of the depth; of the last rows, whole tiles are added. */
FL_STATIC void FL_FN(fl_strip)(const FL_T *a, ptrdiff_t step, ptrdiff_t rows, const FL_T *b, ptrdiff_t depth, FL_T *to,
                               ptrdiff_t to_step)
{
    for (ptrdiff_t row = 0; row < rows; row += FL_TILE_ROWS) {
        FL_T last[FL_TILE_ROWS][FL_TILE_DEPTH];
        const FL_T *from = a + row * step;
        ptrdiff_t from_step = step;
        if (rows - row < FL_TILE_ROWS) {
            memset(last, 0, sizeof last);
            for (ptrdiff_t i = 0; i < rows - row; i++)
                memcpy(last[i], from + i * step, (size_t)depth * sizeof *from);
            from = last[0];
            from_step = FL_TILE_DEPTH;
        }
        FL_FN(fl_tile)(from, from_step, b, depth, to + row * to_step, to_step);
    }
}

/* Adds the first numbers of a strip's sums to a matrix. */
FL_STATIC void FL_FN(fl_add_strip)(FL_T sum[][FL_FN(fl_tile_columns)], ptrdiff_t rows, ptrdiff_t columns, FL_T *c,
                                   ptrdiff_t step)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j++)
            c[i * step + j] += sum[i][j];
}

FL_STATIC void FL_FN(fl_multiply)(const fl_product *p)
{
    enum { COLUMNS = FL_FN(fl_tile_columns) };
    FL_T sum[FL_TILE_GROUP][COLUMNS];
    for (ptrdiff_t row = 0; row < p->rows; row += FL_TILE_GROUP) {
        const ptrdiff_t rows = FL_MIN((ptrdiff_t)FL_TILE_GROUP, p->rows - row);
        const ptrdiff_t whole = rows / FL_TILE_ROWS * FL_TILE_ROWS;
        const FL_T *a = (const FL_T *)p->a + row * p->a_step;
        ptrdiff_t step = p->a_step;
        if (p->turned) {
            FL_FN(fl_transpose)((const FL_T *)p->a + row, p->a_step, p->depth, rows, p->scratch, FL_TILE_DEPTH);
            a = p->scratch;
            step = FL_TILE_DEPTH;
        }
        for (ptrdiff_t column = 0; column < p->columns; column += COLUMNS) {
            const ptrdiff_t columns = FL_MIN((ptrdiff_t)COLUMNS, p->columns - column);
            const FL_T *const b = (const FL_T *)p->b + column * p->depth;
            if (p->by_column)
                memset(sum, 0, sizeof sum);
            for (ptrdiff_t first = 0; first < p->depth; first += FL_TILE_DEPTH) {
                const ptrdiff_t depth = FL_MIN((ptrdiff_t)FL_TILE_DEPTH, p->depth - first);
                const FL_T *const from = a + first, *const strip = b + first * COLUMNS;
                if (p->by_column) {
                    FL_FN(fl_strip)(from, step, rows, strip, depth, sum[0], COLUMNS);
                    continue;
                }
                FL_T *const c = (FL_T *)p->c + row * p->c_step + column;
                const ptrdiff_t direct = columns == COLUMNS ? whole : 0;
                FL_FN(fl_strip)(from, step, direct, strip, depth, c, p->c_step);
                if (direct == rows)
                    continue;
                memset(sum, 0, sizeof sum);
                FL_FN(fl_strip)(from + direct * step, step, rows - direct, strip, depth, sum[0], COLUMNS);
                FL_FN(fl_add_strip)(sum, rows - direct, columns, c + direct * p->c_step, p->c_step);
            }
            if (p->by_column)
                FL_FN(fl_transpose)(sum[0], COLUMNS, rows, columns, (FL_T *)p->c + row + column * p->c_step, p->c_step);
        }
    }
}

/* Puts numbers that belong to the columns of a product side by side, strip by strip; what is missing in the last one is 0. */
FL_STATIC void FL_FN(fl_pack_rows)(const void *from, ptrdiff_t step, ptrdiff_t columns, ptrdiff_t depth, void *packed)
{
    FL_T *to = packed;
    for (ptrdiff_t column = 0; column < columns; column += FL_FN(fl_tile_columns)) {
        const ptrdiff_t count = FL_MIN((ptrdiff_t)FL_FN(fl_tile_columns), columns - column);
        FL_FN(fl_transpose)((const FL_T *)from + column * step, step, count, depth, to, FL_FN(fl_tile_columns));
        for (ptrdiff_t k = 0; count < FL_FN(fl_tile_columns) && k < depth; k++)
            for (ptrdiff_t j = count; j < FL_FN(fl_tile_columns); j++)
                to[k * FL_FN(fl_tile_columns) + j] = FL_C(0);
        to += depth * FL_FN(fl_tile_columns);
    }
}

/* The same of numbers that lie one column beside the other. Rows of weight 0 count for nothing, even where they are no numbers.
 */
FL_STATIC void FL_FN(fl_pack_columns)(const void *from, ptrdiff_t step, ptrdiff_t columns, ptrdiff_t depth,
                                      const double *weight, void *packed)
{
    enum { COLUMNS = FL_FN(fl_tile_columns) };
    /* in the order of the source, which may be far away */
    for (ptrdiff_t k = 0; k < depth; k++)
        for (ptrdiff_t column = 0; column < columns; column += COLUMNS) {
            const ptrdiff_t count = FL_MIN((ptrdiff_t)COLUMNS, columns - column);
            const FL_T *const x = (const FL_T *)from + k * step + column;
            FL_T *const to = (FL_T *)packed + column * depth + k * COLUMNS;
            if (weight && !(weight[k] > 0.0))
                memset(to, 0, COLUMNS * sizeof *to);
            else if (count == COLUMNS)
                memcpy(to, x, COLUMNS * sizeof *to);
            else
                for (ptrdiff_t j = 0; j < COLUMNS; j++)
                    to[j] = j < count ? x[j] : FL_C(0);
        }
}

/* Adds the columns of a matrix of at most FL_TILE_DEPTH rows to sums. */
FL_STATIC void FL_FN(fl_add_columns)(const void *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t columns, double *sum)
{
    const FL_T *const x = from;
    for (ptrdiff_t column = 0; column < columns; column += FL_LANES) {
        const ptrdiff_t count = FL_MIN((ptrdiff_t)FL_LANES, columns - column);
        double part[FL_LANES] = {0.0};
        for (ptrdiff_t row = 0; row < rows; row++) {
            FL_SIMD
            for (ptrdiff_t j = 0; j < count; j++)
                part[j] += (double)x[row * step + column + j];
        }
        for (ptrdiff_t j = 0; j < count; j++)
            sum[column + j] += part[j];
    }
}

/* The sum of products of two vectors, in double and in an order that their length alone decides. */
FL_STATIC double FL_FN(fl_dot)(const FL_T *x, const FL_T *y, double scale, ptrdiff_t n)
{
    double part[FL_LANE_STEP] = {0.0};
    ptrdiff_t i = 0;
    for (; i + FL_LANE_STEP <= n; i += FL_LANE_STEP) {
        FL_SIMD
        for (int j = 0; j < FL_LANE_STEP; j++)
            part[j] += ((double)x[i + j] * scale) * ((double)y[i + j] * scale);
    }
    for (int j = 0; i + j < n; j++)
        part[j] += ((double)x[i + j] * scale) * ((double)y[i + j] * scale);
    for (int half = FL_LANE_STEP / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            part[j] += part[j + half];
    return part[0];
}

/* Rows divided by their lengths. A row without a length, and one of weight 0, become 0. */
FL_STATIC void FL_FN(fl_normalise)(const void *from, ptrdiff_t rows, ptrdiff_t n, const double *weight, void *to,
                                   double *length)
{
    for (ptrdiff_t row = 0; row < rows; row++) {
        const FL_T *const x = (const FL_T *)from + row * n;
        FL_T *const z = (FL_T *)to + row * n;
        FL_T largest = FL_C(0);
        FL_SIMD_REDUCE(reduction(max : largest))
        for (ptrdiff_t i = 0; i < n; i++)
            largest = FL_MAX(FL_ABS(x[i]), largest);
        /* squares of numbers around 1 neither over- nor underflow */
        const uint64_t exponent = fl_bits_f64((double)largest) >> 52;
        const double scale = fl_from_bits_f64((2046 - (exponent < 1 ? 1 : exponent > 2045 ? 2045 : exponent)) << 52);
        const double root = __builtin_sqrt(FL_FN(fl_dot)(x, x, scale, n));
        const int kept = !weight || weight[row] > 0.0;
        length[row] = kept ? root / scale : 0.0;
        if (!kept || root == 0.0) {
            memset(z, 0, (size_t)n * sizeof *z);
            continue;
        }
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            z[i] = (FL_T)((double)x[i] * scale / root);
    }
}

/* Gradients by rows from those by the rows divided by their lengths, in place: (g - (g . z) z) / length. */
FL_STATIC void FL_FN(fl_lengthen)(void *gradient, const void *normalised, ptrdiff_t rows, ptrdiff_t n, const double *length)
{
    for (ptrdiff_t row = 0; row < rows; row++) {
        FL_T *const g = (FL_T *)gradient + row * n;
        const FL_T *const z = (const FL_T *)normalised + row * n;
        const double along = FL_FN(fl_dot)(g, z, 1.0, n), size = length[row];
        if (size == 0.0) {
            memset(g, 0, (size_t)n * sizeof *g);
            continue;
        }
        FL_SIMD
        for (ptrdiff_t i = 0; i < n; i++)
            g[i] = (FL_T)(((double)g[i] - along * (double)z[i]) / size);
    }
}

static const fl_products FL_FN(fl_products_of) __attribute__((unused)) = {
    .columns = FL_FN(fl_tile_columns),
    .multiply = FL_FN(fl_multiply),
    .pack_rows = FL_FN(fl_pack_rows),
    .pack_columns = FL_FN(fl_pack_columns),
    .add_columns = FL_FN(fl_add_columns),
    .normalise = FL_FN(fl_normalise),
    .lengthen = FL_FN(fl_lengthen),
};

#endif
