/*
 * Sequences: rows of classes, frame by frame, and a target, a list of classes. The loss is that of all ways in which a lattice
 * can be passed, one column of it per frame: the negative logarithm of the sum, over the ways, of the products of the
 * probabilities of what is met on the way.
 *
 *   FL_SEQUENCE_FORMULA(ctc, now, before, changes)    gives two kernels, for log-probabilities and, with "_from_logits" in the
 *   {                                                 name, for scores
 *       return (fl_states){.blank = ..., .label = ...};     what comes into the two states of place i, the blank before the
 *   }                                                       label i of the target and this label, of the column before: from
 *                                                           states of places i (now) and i - 1 (before); `changes` says
 *                                                           whether the labels of these places differ
 *   FL_BACK_OF(ctc, now, next, changes)               the same from the end of the sequence, of places i and i + 1
 *
 * Probabilities of frames are divided by the largest that a frame has in the target: the lattice does not know the others, nor
 * of what the probabilities are a softmax. The sums of its states, which may be larger or smaller than any number, are doubles
 * with an exponent of their own, so that there is neither a logarithm nor an exponential in the lattice, and nothing is lost.
 * Where the sum of all ways turns out to be about 1, so that its logarithm would keep few digits, it is found once more with
 * the errors of all roundings. The derivative by a log-probability is the share of the ways that pass by it, from the lattice
 * as seen from both ends.
 *
 * Columns of the lattice as seen from the beginning are kept, or, where they are too many, one for each block of frames, from
 * which the others are made again.
 */
#ifndef FL_SEQUENCE_H
#define FL_SEQUENCE_H

#include "engine/rows.h"

/* Arrays of places are a multiple of this, and lie as far from each other; significands are made small again so often. */
enum { FL_PLACES = 8, FL_SETTLE = 16 };
/* Exponents of sums of all ways that are found precisely. */
enum { FL_LEAST_PRECISE = -2, FL_MOST_PRECISE = 32 };
/* All columns are kept where they and what belongs to them take no more doubles than this. */
enum { FL_MOST_KEPT = 1 << 19 };

/* The number (m + low) 2^e, where low is what roundings have lost; if nobody asks for it, it is not computed. The exponent is a
   whole number; zero is 0 2^-infinity. */
typedef struct {
    double m, low, e;
} fl_scaled;

/* The states of a place: a blank, and the label behind it. */
typedef struct {
    fl_scaled blank, label;
} fl_states;

/* Adding it to a whole number writes the exponent bits of that power of two into the lowest bits. */
#define FL_POWER_SHIFTER (0x1.8p52 + 1023.0)

/* 2^d, 0 below the normal range and for NaN, which is the difference of the exponents of zeros; d below 1024 */
FL_INLINE double fl_power_of_two(double d)
{
    const double least = FL_SELECT(d > -1023.0, d, -1023.0);
    return fl_from_bits_f64(fl_bits_f64(least + FL_POWER_SHIFTER) << 52);
}

/* A number whose exponent is made larger. */
FL_INLINE fl_pair_f64 fl_scaled_to(fl_scaled a, double e)
{
    const double factor = fl_power_of_two(a.e - e);
    return (fl_pair_f64){a.m * factor, a.low * factor};
}

FL_INLINE fl_scaled fl_scaled_sum(fl_scaled a, fl_scaled b)
{
    const double e = FL_MAX(a.e, b.e);
    const fl_pair_f64 x = fl_scaled_to(a, e), y = fl_scaled_to(b, e);
    const fl_pair_f64 sum = fl_two_sum_f64(x.hi, y.hi);
    return (fl_scaled){sum.hi, sum.lo + (x.lo + y.lo), e};
}

FL_INLINE fl_scaled fl_scaled_sum_of_three(fl_scaled a, fl_scaled b, fl_scaled c)
{
    const double larger = FL_MAX(a.e, b.e), e = FL_MAX(larger, c.e);
    const fl_pair_f64 x = fl_scaled_to(a, e), y = fl_scaled_to(b, e), z = fl_scaled_to(c, e);
    const fl_pair_f64 sum = fl_two_sum_f64(x.hi, y.hi), all = fl_two_sum_f64(sum.hi, z.hi);
    return (fl_scaled){all.hi, (all.lo + sum.lo) + ((x.lo + y.lo) + z.lo), e};
}

FL_INLINE fl_scaled fl_scaled_product(fl_scaled a, fl_scaled b)
{
    const fl_pair_f64 product = fl_two_product_f64(a.m, b.m);
    return (fl_scaled){product.hi, product.lo + FL_FMA_f64(a.m, b.low, a.low * b.m), a.e + b.e};
}

/* A number where the condition holds, else 0. */
FL_INLINE fl_scaled fl_scaled_where(int condition, fl_scaled a)
{
    return (fl_scaled){FL_SELECT(condition, a.m, 0.0), FL_SELECT(condition, a.low, 0.0),
                       FL_SELECT(condition, a.e, -__builtin_inf())};
}

/* The same number with a significand in [1, 2). */
FL_INLINE fl_scaled fl_scaled_settled(fl_scaled a)
{
    const uint64_t bits = fl_bits_f64(a.m);
    const double exponent = fl_from_bits_f64((bits >> 52) | fl_bits_f64(0x1p52)) - (0x1p52 + 1023.0);
    const double m = fl_from_bits_f64((bits & (((uint64_t)1 << 52) - 1)) | fl_bits_f64(1.0));
    const double low = a.low * fl_power_of_two(-exponent);
    return (fl_scaled){FL_SELECT(a.m > 0.0, m, a.m), FL_SELECT(a.m > 0.0, low, a.low),
                       FL_SELECT(a.m > 0.0, a.e + exponent, a.e)};
}

/* exp(x) for x <= 0. Beyond 2^50 the exponent is all there is; -infinity and NaN give 0. */
FL_INLINE fl_scaled fl_scaled_exp(double x)
{
    const double d = FL_SELECT(x > -0x1p50, x, 0.0);
    const double shifted = FL_FMA_f64(d, FL_LOG2_E_f64, 0x1.8p52);
    const double k = shifted - 0x1.8p52;
    const double r = FL_FMA_f64(-k, FL_LN2_LOW_f64, FL_FMA_f64(-k, FL_LN2_f64, d));
    const double m = 1.0 + FL_FMA_f64(r * r, FL_EXPM1_f64(r), r);
    const double far = FL_SELECT(x > -__builtin_inf(), 1.0, 0.0);
    const double far_exponent = FL_SELECT(x > -__builtin_inf(), x * FL_LOG2_E_f64, -__builtin_inf());
    return (fl_scaled){FL_SELECT(x > -0x1p50, m, far), 0.0, FL_SELECT(x > -0x1p50, k, far_exponent)};
}

/* A sum with its error. */
typedef struct {
    double sum, error;
} fl_exact_enough;

FL_INLINE void fl_add_to(fl_exact_enough *total, double x)
{
    const fl_pair_f64 sum = fl_two_sum_f64(total->sum, x);
    total->sum = sum.hi;
    total->error += sum.lo;
}

FL_INLINE double fl_total_of(const fl_exact_enough *total)
{
    return FL_SELECT(__builtin_fabs(total->sum) < __builtin_inf(), total->sum + total->error, total->sum);
}

/*
 * A column has four arrays of as many numbers as there are places: significands and exponents of the blanks, then those of the
 * labels. Before each of them and behind the last one is room for FL_PLACES numbers, with zeros for the neighbours of the first
 * and of the last place. A frame's probabilities are significands and then exponents of the labels' places, each with that of
 * the blank behind them.
 */
typedef struct {
    ptrdiff_t places, labels, column, frame; /* in numbers */
    ptrdiff_t frames, block, blocks;         /* of frames, those of a block, and their number */
    ptrdiff_t kept;                          /* columns */
    ptrdiff_t first;                         /* columns with which blocks begin */
} fl_lattice;

#define FL_COLUMN(lattice, x, k) ((x) + (k) * ((lattice)->places + FL_PLACES) + FL_PLACES)

FL_INLINE fl_lattice fl_lattice_of(ptrdiff_t frames, ptrdiff_t labels, int want)
{
    fl_lattice l = {.frames = frames, .labels = labels, .places = (labels / FL_PLACES + 1) * FL_PLACES};
    l.column = 4 * (l.places + FL_PLACES) + FL_PLACES;
    l.frame = 2 * (l.places + FL_PLACES);
    const ptrdiff_t each = l.column + l.frame;
    l.block = FL_SETTLE;
    if (frames <= FL_MOST_KEPT / each)
        l.block = frames ? frames : 1;
    else
        /* as many columns of a block as there are blocks */
        while (l.block * l.block < frames)
            l.block += FL_SETTLE;
    l.blocks = (frames + l.block - 1) / l.block;
    l.kept = want & FL_GRADIENT ? l.block : 2;
    l.first = want & FL_GRADIENT ? l.blocks : 1;
    return l;
}

/* What a sequence needs room for, in the order in which it lies in the scratch memory. */
typedef struct {
    double *columns, *first, *back, *frames, *tops, *changes, *shares;
    int64_t *label;
    void *softmax;
    double *precise; /* two columns, what roundings have lost of these, and a frame */
} fl_sequence_memory;
enum { FL_SEQUENCE_PARTS = 10 };

/* Where each of these begins, in doubles; returns how many there are in all. */
FL_INLINE ptrdiff_t fl_sequence_places(const fl_lattice *l, ptrdiff_t classes, int want, ptrdiff_t *place)
{
    const fl_sheet sheet = fl_sheet_of(classes), by_row = fl_sheet_by_row(classes);
    const ptrdiff_t of_sheet = 2 * sheet.groups * sheet.lanes, of_rows = by_row.rows * by_row.stride;
    const ptrdiff_t counts[FL_SEQUENCE_PARTS] = {
        l->kept * l->column,
        l->first * l->column,
        2 * l->column,
        (want & FL_GRADIENT ? l->block : 1) * l->frame,
        l->frames,
        l->places + FL_PLACES,
        want & FL_GRADIENT ? classes : 0,
        l->labels,
        of_sheet > of_rows ? of_sheet : of_rows,
        4 * l->column + l->frame,
    };
    ptrdiff_t end = 0;
    for (int k = 0; k < FL_SEQUENCE_PARTS; k++) {
        place[k] = end;
        /* whole lines of the cache */
        end += (counts[k] + 7) / 8 * 8;
    }
    return end;
}

FL_INLINE fl_sequence_memory fl_sequence_memory_of(const fl_lattice *l, ptrdiff_t classes, int want, double *memory)
{
    ptrdiff_t place[FL_SEQUENCE_PARTS];
    fl_sequence_places(l, classes, want, place);
    return (fl_sequence_memory){
        .columns = memory + place[0],
        .first = memory + place[1],
        .back = memory + place[2],
        .frames = memory + place[3],
        .tops = memory + place[4],
        .changes = memory + place[5],
        .shares = memory + place[6],
        .label = (int64_t *)(void *)(memory + place[7]),
        .softmax = memory + place[8],
        .precise = memory + place[9],
    };
}

/* An empty column. */
FL_STATIC void fl_clear_column(const fl_lattice *l, double *x)
{
    for (int k = 0; k < 4; k++) {
        double *const from = FL_COLUMN(l, x, k) - FL_PLACES;
        const ptrdiff_t n = l->places + FL_PLACES + (k == 3 ? FL_PLACES : 0);
        for (ptrdiff_t i = 0; i < n; i++)
            from[i] = k % 2 ? -__builtin_inf() : 0.0;
        /* behind the last place of the array before */
        if (k)
            from[0] = k % 2 ? 0.0 : -__builtin_inf();
    }
}

FL_STATIC void fl_settle_column(const fl_lattice *l, double *x)
{
    for (int k = 0; k < 4; k += 2) {
        double *const m = FL_COLUMN(l, x, k), *const e = FL_COLUMN(l, x, k + 1);
        FL_SIMD
        for (ptrdiff_t i = 0; i < l->places; i++) {
            const fl_scaled a = fl_scaled_settled((fl_scaled){m[i], 0.0, e[i]});
            m[i] = a.m;
            e[i] = a.e;
        }
    }
}

/* The same with what roundings have lost, which stands in the places of the significands. */
FL_STATIC void fl_settle_precise_column(const fl_lattice *l, double *x, double *lost)
{
    for (int k = 0; k < 4; k += 2) {
        double *const m = FL_COLUMN(l, x, k), *const e = FL_COLUMN(l, x, k + 1), *const low = FL_COLUMN(l, lost, k);
        FL_SIMD
        for (ptrdiff_t i = 0; i < l->places; i++) {
            const fl_scaled a = fl_scaled_settled((fl_scaled){m[i], low[i], e[i]});
            m[i] = a.m;
            low[i] = a.low;
            e[i] = a.e;
        }
    }
}

/* The sum of all ways: those that have come to the last blank, and to the last label; `lost` has what roundings have lost. */
FL_STATIC fl_scaled fl_sum_of_ways(const fl_lattice *l, const double *x, const double *lost)
{
    const ptrdiff_t last = l->labels;
    const double low = lost ? FL_COLUMN(l, lost, 0)[last] : 0.0, other = lost ? FL_COLUMN(l, lost, 2)[last - 1] : 0.0;
    /* where there is no label, that of place -1 is 0 */
    return fl_scaled_sum((fl_scaled){FL_COLUMN(l, x, 0)[last], low, FL_COLUMN(l, x, 1)[last]},
                         (fl_scaled){FL_COLUMN(l, x, 2)[last - 1], other, FL_COLUMN(l, x, 3)[last - 1]});
}

/* A sum in an order that the number of places alone decides. */
FL_STATIC double fl_sum_of_places(const double *x, ptrdiff_t n)
{
    double part[FL_PLACES] = {0};
    for (ptrdiff_t i = 0; i < n; i += FL_PLACES) {
        FL_SIMD
        for (int lane = 0; lane < FL_PLACES; lane++)
            part[lane] += x[i + lane];
    }
    for (int half = FL_PLACES / 2; half; half /= 2)
        for (int lane = 0; lane < half; lane++)
            part[lane] += part[lane + half];
    return part[0];
}

/* The column that follows another one. */
typedef void (*fl_column_map)(const fl_lattice *l, const double *changes, const double *from, const double *frame, double *to);
/* The same with what roundings have lost, which stands in the places of the significands. */
typedef void (*fl_precise_map)(const fl_lattice *l, const double *changes, const double *from, const double *lost,
                               const double *frame, double *to, double *lost_to);
/* The column before `from` as seen from the end, after the frame whose probabilities these are; and of that frame and the
   column that belongs to it, which they replace, the shares of the ways. */
typedef void (*fl_shares_map)(const fl_lattice *l, const double *changes, fl_scaled all, const double *from,
                              const double *frame, double *column, double *to);

/* The arrays of a column. */
typedef struct {
    double *blank, *blank_e, *label, *label_e;
} fl_column;

FL_INLINE fl_column fl_column_at(const fl_lattice *l, const double *x)
{
    double *const first = (double *)x;
    return (fl_column){FL_COLUMN(l, first, 0), FL_COLUMN(l, first, 1), FL_COLUMN(l, first, 2), FL_COLUMN(l, first, 3)};
}

FL_INLINE fl_states fl_states_at(fl_column c, ptrdiff_t i)
{
    return (fl_states){{c.blank[i], 0.0, c.blank_e[i]}, {c.label[i], 0.0, c.label_e[i]}};
}

FL_INLINE fl_states fl_precise_states_at(fl_column c, fl_column lost, ptrdiff_t i)
{
    return (fl_states){{c.blank[i], lost.blank[i], c.blank_e[i]}, {c.label[i], lost.label[i], c.label_e[i]}};
}

FL_INLINE void fl_put_states(fl_column c, ptrdiff_t i, fl_states s)
{
    c.blank[i] = s.blank.m;
    c.blank_e[i] = s.blank.e;
    c.label[i] = s.label.m;
    c.label_e[i] = s.label.e;
}

/* What states are multiplied by when they are passed in a frame. */
FL_INLINE fl_states fl_passed(fl_states s, const fl_lattice *l, const double *frame, ptrdiff_t i)
{
    const double *const e = frame + l->places + FL_PLACES;
    return (fl_states){fl_scaled_product(s.blank, (fl_scaled){frame[l->places], 0.0, e[l->places]}),
                       fl_scaled_product(s.label, (fl_scaled){frame[i], 0.0, e[i]})};
}

/* The share of all ways that are in a state, as seen from both ends. */
FL_INLINE double fl_share_of(double m, double e, fl_scaled back, fl_scaled all, double inverse)
{
    return m * back.m * inverse * fl_power_of_two((e + back.e) - all.e);
}

#define FL_SEQUENCE_SIGNATURE ", log_probs(t,c)*, targets index(s), input_lengths, target_lengths"
#define FL_SEQUENCE_PARAMETERS (blank, zero, strict, by_length)

#define FL_SEQUENCE_FORMULA(name, now_, before_, changes_)                                                                     \
    FL_DECLARE(name, FL_SEQUENCES, FL_SEQUENCE_SIGNATURE, FL_SEQUENCE_PARAMETERS)                                              \
    FL_DECLARE(name##_from_logits, FL_SEQUENCES, FL_SEQUENCE_SIGNATURE, FL_SEQUENCE_PARAMETERS)                                \
    FL_INLINE fl_states FL_FN(name##_forward)(const fl_states now_, const fl_states before_, int changes_);                    \
    FL_INLINE fl_states FL_FN(name##_back)(const fl_states now, const fl_states next, int changes);                            \
    static void FL_FN(name##_column)(const fl_lattice *l, const double *changes, const double *from, const double *frame,      \
                                     double *to)                                                                               \
    {                                                                                                                          \
        const fl_column c = fl_column_at(l, from), next = fl_column_at(l, to);                                                 \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < l->places; i++) {                                                                            \
            const fl_states sum = FL_FN(name##_forward)(fl_states_at(c, i), fl_states_at(c, i - 1), changes[i] > 0.0);         \
            fl_put_states(next, i, fl_passed(sum, l, frame, i));                                                               \
        }                                                                                                                      \
    }                                                                                                                          \
    static void FL_FN(name##_precise)(const fl_lattice *l, const double *changes, const double *from, const double *lost,      \
                                      const double *frame, double *to, double *lost_to)                                        \
    {                                                                                                                          \
        const fl_column c = fl_column_at(l, from), next = fl_column_at(l, to);                                                 \
        const fl_column less = fl_column_at(l, lost), next_less = fl_column_at(l, lost_to);                                    \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < l->places; i++) {                                                                            \
            const fl_states now = fl_precise_states_at(c, less, i), before = fl_precise_states_at(c, less, i - 1);             \
            const fl_states passed = fl_passed(FL_FN(name##_forward)(now, before, changes[i] > 0.0), l, frame, i);             \
            fl_put_states(next, i, passed);                                                                                    \
            next_less.blank[i] = passed.blank.low;                                                                             \
            next_less.label[i] = passed.label.low;                                                                             \
        }                                                                                                                      \
    }                                                                                                                          \
    static void FL_FN(name##_shares)(const fl_lattice *l, const double *changes, fl_scaled all, const double *from,            \
                                     const double *frame, double *column, double *to)                                          \
    {                                                                                                                          \
        const fl_column c = fl_column_at(l, from), own = fl_column_at(l, column), before = fl_column_at(l, to);                \
        const double inverse = 1.0 / all.m;                                                                                    \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < l->places; i++) {                                                                            \
            const fl_states sum = FL_FN(name##_back)(fl_states_at(c, i), fl_states_at(c, i + 1), changes[i + 1] > 0.0);        \
            own.blank[i] = fl_share_of(own.blank[i], own.blank_e[i], sum.blank, all, inverse);                                 \
            own.label[i] = fl_share_of(own.label[i], own.label_e[i], sum.label, all, inverse);                                 \
            fl_put_states(before, i, fl_passed(sum, l, frame, i));                                                             \
        }                                                                                                                      \
    }                                                                                                                          \
    static int FL_FN(name)(const fl_block *block)                                                                              \
    {                                                                                                                          \
        return FL_FN(fl_sequence)(block, 0, FL_FN(name##_column), FL_FN(name##_precise), FL_FN(name##_shares));                \
    }                                                                                                                          \
    static int FL_FN(name##_from_logits)(const fl_block *block)                                                                \
    {                                                                                                                          \
        return FL_FN(fl_sequence)(block, 1, FL_FN(name##_column), FL_FN(name##_precise), FL_FN(name##_shares));                \
    }                                                                                                                          \
    FL_INLINE fl_states FL_FN(name##_forward)(const fl_states now_, const fl_states before_, int changes_)

#define FL_BACK_OF(name, now_, next_, changes_)                                                                                \
    FL_INLINE fl_states FL_FN(name##_back)(const fl_states now_, const fl_states next_, int changes_)

#define FL_TEMPLATE "engine/sequence.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

/* Everything that the steps below take. */
typedef struct {
    const fl_block *b;
    fl_lattice l;
    fl_sequence_memory memory;
    int from_logits;
    ptrdiff_t blank;
    fl_column_map column;
    fl_precise_map precise;
    fl_shares_map shares;
    double scale;        /* of the derivatives */
    fl_exact_enough log; /* of the sum of all ways */
} FL_FN(fl_passage);

FL_INLINE const FL_T *FL_FN(fl_frame_at)(const FL_FN(fl_passage) * p, ptrdiff_t t)
{
    return (const FL_T *)p->b->input[0] + t * p->b->step;
}

FL_INLINE FL_T *FL_FN(fl_slopes_at)(const FL_FN(fl_passage) * p, ptrdiff_t t)
{
    return (FL_T *)p->b->gradient[0] + t * p->b->gradient_step;
}

/* The probabilities of the target's classes in a frame, divided by the largest of them; writes its logarithm. Returns 1 where
   one of them is no number. */
FL_STATIC int FL_FN(fl_read_frame)(const FL_FN(fl_passage) * p, ptrdiff_t t, double *frame)
{
    const FL_T *const z = FL_FN(fl_frame_at)(p, t);
    const ptrdiff_t labels = p->l.labels, n = p->l.places + FL_PLACES;
    double *const e = frame + n;
    for (ptrdiff_t i = 0; i < labels; i++)
        frame[i] = (double)z[p->memory.label[i]];
    for (ptrdiff_t i = labels; i < n; i++)
        frame[i] = -__builtin_inf();
    frame[p->l.places] = (double)z[p->blank];
    double top = -__builtin_inf();
    FL_SIMD_REDUCE(reduction(max : top))
    for (ptrdiff_t i = 0; i < n; i++)
        top = frame[i] > top ? frame[i] : top;
    p->memory.tops[t] = top;
    const double shift = FL_SELECT(top > -__builtin_inf(), top, 0.0);
    int64_t wrong = 0;
    FL_SIMD_REDUCE(reduction(| : wrong))
    for (ptrdiff_t i = 0; i < n; i++) {
        const double d = frame[i] - shift;
        const fl_scaled a = fl_scaled_exp(d);
        wrong |= FL_SELECT(d == d, (int64_t)0, (int64_t)1);
        frame[i] = a.m;
        e[i] = a.e;
    }
    return wrong != 0;
}

/* The columns of a block of frames, from the one before them. Returns 1 where a frame holds what is no number. */
FL_STATIC int FL_FN(fl_pass_block)(const FL_FN(fl_passage) * p, ptrdiff_t block, const double **from)
{
    const fl_lattice *const l = &p->l;
    const ptrdiff_t start = block * l->block, end = FL_MIN(start + l->block, l->frames);
    int wrong = 0;
    for (ptrdiff_t t = start; t < end; t++) {
        double *const to = p->memory.columns + (t - start) % l->kept * l->column;
        double *const frame = p->memory.frames + (p->b->want & FL_GRADIENT ? t - start : 0) * l->frame;
        wrong |= FL_FN(fl_read_frame)(p, t, frame);
        p->column(l, p->memory.changes, *from, frame, to);
        if (t % FL_SETTLE == FL_SETTLE - 1)
            fl_settle_column(l, to);
        *from = to;
    }
    return wrong;
}

/* The sum of all ways with what roundings have lost of it, while nothing of the frames is overwritten. */
FL_STATIC fl_pair_f64 FL_FN(fl_precise_sum)(const FL_FN(fl_passage) * p)
{
    const fl_lattice *const l = &p->l;
    double *from = p->memory.precise, *to = from + l->column, *lost = to + l->column, *lost_to = lost + l->column;
    double *const frame = lost_to + l->column;
    for (int k = 0; k < 4; k++)
        fl_clear_column(l, from + k * l->column);
    FL_COLUMN(l, from, 0)[0] = 1.0;
    FL_COLUMN(l, from, 1)[0] = 0.0;
    for (ptrdiff_t t = 0; t < l->frames; t++) {
        FL_FN(fl_read_frame)(p, t, frame);
        p->precise(l, p->memory.changes, from, lost, frame, to, lost_to);
        if (t % FL_SETTLE == FL_SETTLE - 1)
            fl_settle_precise_column(l, to, lost_to);
        double *const next = to, *const next_lost = lost_to;
        to = from;
        lost_to = lost;
        from = next;
        lost = next_lost;
    }
    const fl_scaled all = fl_sum_of_ways(l, from, lost);
    const fl_pair_f64 sum = fl_scaled_to(all, 0.0);
    return fl_fast_two_sum_f64(sum.hi, sum.lo);
}

/* The shares of the ways that pass by each state, in place of the columns of a block. */
FL_STATIC void FL_FN(fl_share_out)(const FL_FN(fl_passage) * p, ptrdiff_t block, fl_scaled all, double **from, double **to)
{
    const fl_lattice *const l = &p->l;
    const ptrdiff_t start = block * l->block, end = FL_MIN(start + l->block, l->frames);
    for (ptrdiff_t t = end - 1; t >= start; t--) {
        double *const column = p->memory.columns + (t - start) * l->column;
        p->shares(l, p->memory.changes, all, *from, p->memory.frames + (t - start) * l->frame, column, *to);
        if (t % FL_SETTLE == 0)
            fl_settle_column(l, *to);
        double *const next = *to;
        *to = *from;
        *from = next;
    }
}

/* Takes the shares of the classes of a frame off its derivatives. */
FL_STATIC void FL_FN(fl_take_off_shares)(const FL_FN(fl_passage) * p, const double *column, FL_T *slope)
{
    const fl_lattice *const l = &p->l;
    const double *const of_label = FL_COLUMN(l, column, 2);
    double *const share = p->memory.shares;
    share[p->blank] = fl_sum_of_places(FL_COLUMN(l, column, 0), l->places);
    for (ptrdiff_t i = 0; i < l->labels; i++)
        share[p->memory.label[i]] += of_label[i];
    slope[p->blank] = (FL_T)((double)slope[p->blank] - share[p->blank] * p->scale);
    share[p->blank] = 0.0;
    for (ptrdiff_t i = 0; i < l->labels; i++) {
        const int64_t k = p->memory.label[i];
        /* the second time there is nothing left */
        slope[k] = (FL_T)((double)slope[k] - share[k] * p->scale);
        share[k] = 0.0;
    }
}

/* What the normalisation of scores adds to the logarithm, and the softmax to derivatives, of some frames side by side. */
FL_STATIC void FL_FN(fl_normalise_frames)(FL_FN(fl_passage) * p, const fl_sheet *sheet, ptrdiff_t t)
{
    const fl_block *const b = p->b;
    FL_T *const e = p->memory.softmax;
    FL_FN(fl_softmax) s;
    if (sheet->stride)
        FL_FN(fl_exponentials_by_row)(sheet, FL_FN(fl_frame_at)(p, t), b->step, e, &s);
    else {
        FL_T *const z = e + sheet->groups * sheet->lanes;
        FL_FN(fl_lay_side_by_side)(sheet, FL_FN(fl_frame_at)(p, t), b->step, z, FL_C(0));
        FL_FN(fl_exponentials)(sheet, z, e, &s);
    }
    FL_EACH_ROW(sheet)
    {
        const FL_PAIR d = FL_TWO_SUM(s.max[row], -(FL_T)p->memory.tops[t + row]);
        fl_add_to(&p->log, -(double)d.hi);
        fl_add_to(&p->log, -(double)d.lo);
        fl_add_to(&p->log, -(double)s.log_high[row]);
        fl_add_to(&p->log, -(double)s.log_low[row]);
    }
    if (!(b->want & FL_GRADIENT))
        return;
    FL_T factor[FL_LANES];
    FL_EACH_LANE(sheet)
    factor[lane] = s.inverse[lane] * (FL_T)p->scale;
    if (sheet->stride) {
        FL_EACH_ROW(sheet)
        {
            const FL_T *const x = e + row * sheet->stride;
            FL_T *const slope = FL_FN(fl_slopes_at)(p, t + row), common = factor[row];
            FL_SIMD
            for (ptrdiff_t k = 0; k < sheet->classes; k++)
                slope[k] = x[k] * common;
        }
        return;
    }
    FL_EACH_GROUP(sheet)
    {
        FL_T *const x = e + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        x[lane] *= factor[lane];
    }
    FL_FN(fl_transpose)(e, sheet->lanes, sheet->classes, sheet->rows, FL_FN(fl_slopes_at)(p, t), b->gradient_step);
}

/* The derivatives of a block of frames, from the shares, and what its frames add to the logarithm. */
FL_STATIC void FL_FN(fl_finish_block)(FL_FN(fl_passage) * p, ptrdiff_t block)
{
    const fl_lattice *const l = &p->l;
    const ptrdiff_t start = block * l->block, end = FL_MIN(start + l->block, l->frames);
    if (p->from_logits) {
        fl_sheet sheet = fl_sheet_by_row(p->b->width);
        const ptrdiff_t most = sheet.rows;
        for (ptrdiff_t t = start; t < end; t += most) {
            sheet.rows = FL_MIN(most, end - t);
            FL_FN(fl_normalise_frames)(p, &sheet, t);
        }
    } else
        for (ptrdiff_t t = start; t < end; t++)
            fl_add_to(&p->log, p->memory.tops[t]);
    if (!(p->b->want & FL_GRADIENT))
        return;
    for (ptrdiff_t t = start; t < end; t++) {
        FL_T *const slope = FL_FN(fl_slopes_at)(p, t);
        if (!p->from_logits)
            memset(slope, 0, (size_t)p->b->width * sizeof *slope);
        FL_FN(fl_take_off_shares)(p, p->memory.columns + (t - start) * l->column, slope);
    }
}

/* Derivatives that are all alike, of the frames from one on. */
FL_STATIC void FL_FN(fl_fill_slopes)(const FL_FN(fl_passage) * p, ptrdiff_t first, FL_T x)
{
    for (ptrdiff_t t = first; p->b->want & FL_GRADIENT && t < p->b->all_frames; t++) {
        FL_T *const slope = FL_FN(fl_slopes_at)(p, t);
        for (ptrdiff_t k = 0; k < p->b->width; k++)
            slope[k] = x;
    }
}

/* Reads the target, and what the lattice knows of it. Returns 1 where a label is no class, or the blank. */
FL_STATIC int FL_FN(fl_read_target)(const FL_FN(fl_passage) * p, ptrdiff_t *repeats)
{
    const ptrdiff_t labels = p->l.labels;
    int64_t *const label = p->memory.label;
    int wrong = 0;
    for (ptrdiff_t i = 0; i < labels; i++) {
        /* what is checked, is what is used: somebody may write to the array */
        label[i] = ((const volatile int64_t *)p->b->label)[i];
        wrong |= (label[i] < 0) | (label[i] >= p->b->width) | (label[i] == p->blank);
    }
    for (ptrdiff_t i = 0; i < p->l.places + FL_PLACES; i++) {
        const int changes = i && i < labels && label[i] != label[i - 1];
        p->memory.changes[i] = changes ? 1.0 : 0.0;
        *repeats += i && i < labels && !changes;
    }
    return wrong;
}

/* The value of a sequence whose ways have this sum; derivatives are written as well. */
FL_STATIC void FL_FN(fl_pass)(FL_FN(fl_passage) * p, double *value)
{
    const fl_lattice *const l = &p->l;
    const fl_sequence_memory *const memory = &p->memory;
    double *start = memory->first, *back = memory->back, *other = back + l->column;
    const double *from = start;
    int wrong = 0;
    for (ptrdiff_t k = 0; k < l->kept; k++)
        fl_clear_column(l, memory->columns + k * l->column);
    fl_clear_column(l, start);
    FL_COLUMN(l, start, 0)[0] = 1.0;
    FL_COLUMN(l, start, 1)[0] = 0.0;
    for (ptrdiff_t block = 0; block < l->blocks; block++) {
        wrong |= FL_FN(fl_pass_block)(p, block, &from);
        if (block + 1 < l->first)
            memcpy(start + (block + 1) * l->column, from, (size_t)l->column * sizeof *from);
    }
    if (wrong) {
        *value = __builtin_nan("");
        return;
    }
    const fl_scaled all = fl_scaled_settled(fl_sum_of_ways(l, from, NULL));
    if (!(all.m > 0.0)) {
        *value = __builtin_inf();
        return;
    }
    fl_pair_f64 log;
    if (all.e >= FL_LEAST_PRECISE && all.e <= FL_MOST_PRECISE)
        log = fl_log_of_pair_f64(FL_FN(fl_precise_sum)(p));
    else {
        log = fl_log_pair_f64(all.m);
        const double high = all.e * FL_LN2_f64;
        fl_add_to(&p->log, high);
        fl_add_to(&p->log, FL_FMA_f64(all.e, FL_LN2_f64, -high) + all.e * FL_LN2_LOW_f64);
    }
    fl_add_to(&p->log, log.hi);
    fl_add_to(&p->log, log.lo);
    if (p->b->want & FL_GRADIENT) {
        memset(memory->shares, 0, (size_t)p->b->width * sizeof(double));
        fl_clear_column(l, back);
        fl_clear_column(l, other);
        /* what is behind the last frame: all ways end in the last blank, where that of the last label goes, too */
        FL_COLUMN(l, back, 0)[l->labels] = 1.0;
        FL_COLUMN(l, back, 1)[l->labels] = 0.0;
    }
    for (ptrdiff_t block = l->blocks - 1; block >= 0; block--) {
        if (p->b->want & FL_GRADIENT) {
            if (block + 1 < l->blocks) {
                from = start + block * l->column;
                FL_FN(fl_pass_block)(p, block, &from);
            }
            FL_FN(fl_share_out)(p, block, all, &back, &other);
        }
        FL_FN(fl_finish_block)(p, block);
    }
    *value = -fl_total_of(&p->log);
}

/* One sequence, of block->frames frames and block->labels labels. */
FL_STATIC int FL_FN(fl_sequence)(const fl_block *b, int from_logits, fl_column_map column, fl_precise_map precise,
                                 fl_shares_map shares)
{
    const int zero = b->parameters[1] > 0.0, strict = b->parameters[2] > 0.0, by_length = b->parameters[3] > 0.0;
    const double length = by_length && b->labels ? (double)b->labels : 1.0;
    FL_FN(fl_passage)
    p = {
        .b = b,
        .l = fl_lattice_of(b->frames, b->labels, b->want),
        .from_logits = from_logits,
        .blank = (ptrdiff_t)b->parameters[0],
        .column = column,
        .precise = precise,
        .shares = shares,
        .scale = (b->weight ? b->weight[0] : 1.0) / (b->divisor * length),
    };
    p.memory = fl_sequence_memory_of(&p.l, b->width, b->want, b->scratch);
    const int dropped = b->weight && !(b->weight[0] > 0.0);
    ptrdiff_t repeats = 0;
    double value = 0.0;
    int invalid = 0;
    if (!dropped && FL_FN(fl_read_target)(&p, &repeats))
        invalid = FL_OUTSIDE;
    else if (!dropped && b->labels + repeats > b->frames)
        value = __builtin_inf();
    else if (!dropped)
        FL_FN(fl_pass)(&p, &value);
    /* there is no way: nothing to learn */
    const int none = value > 0x1.fffffffffffffp1023;
    if (none && strict)
        invalid = FL_OUTSIDE;
    if (none && zero)
        value = 0.0;
    if (dropped || invalid || none || value != value)
        FL_FN(fl_fill_slopes)(&p, 0, value != value ? FL_NAN : FL_C(0));
    else
        FL_FN(fl_fill_slopes)(&p, b->frames, FL_C(0));
    if (b->want & FL_VALUE)
        ((FL_T *)b->value)[0] = (FL_T)((double)(FL_T)value / length);
    return invalid;
}

#endif
