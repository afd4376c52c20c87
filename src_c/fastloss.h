/*
 * fastloss: the kernels, as C sees them.
 *
 * A kernel computes losses and derivatives of a block of units: numbers, rows, masks, groups. It is a pure function of
 * contiguous numbers of one precision: no threads, no allocation, no Python. Drivers cut the data into blocks, convert what is
 * not contiguous, and sum with the exact accumulator. All of it stands in tables, one for each instruction set; every table
 * gives the same bits.
 *
 * Modules that run beside the installed package take its table: include Python.h before this file, which is in the folder
 * fastloss.get_include(), and call fl_import(). Programs that are linked with src_c, without Python, include
 * fastloss_static.h, which has fl_tables().
 *
 * Ownership      A table and all it points to are constant and live as long as the process. What a block points to is the
 *                caller's, and is neither kept nor freed.
 * Alignment      That of the type of the numbers. Outputs overlap inputs only where this file says that they may.
 * Threads        No function has a state: any number of threads may call any of them, if they write to different places.
 * Environment    Rounding to nearest and subnormals kept, which is what a thread begins with.
 * Stability      FL_ABI is the number of a layout. While it stays, fl_table only grows, at its end, so that a module works with
 *                every fastloss whose table is as large as that of its own header, or larger. Kernels may come and go: fl_find
 *                gives NULL where there is none. All else raises FL_ABI: a change of another struct, of a constant, of what an
 *                argument means. Then modules must be built anew, and fl_import says so.
 */
#ifndef FASTLOSS_H
#define FASTLOSS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FL_ABI 1

enum { FL_F32, FL_F64, FL_PRECISIONS };

/* What a kernel computes, or-ed: the value, the gradient, both, gradient and Hessian, or all three (one after the other). */
enum { FL_VALUE = 1, FL_GRADIENT = 2, FL_HESSIAN = 4 };

/* How many of each there is room for. */
enum { FL_MAX_INPUTS = 4, FL_MAX_GRADIENTS = 3, FL_MAX_STATISTICS = 5, FL_MAX_PARAMETERS = 8 };

/* The longest block the passes below accept. */
enum { FL_BLOCK = 1024 };

/*
 * What a unit of a loss is: that for which there is one value.
 *
 * FL_ELEMENTS     a number of each input. Outputs may be the memory of an input, exactly, but of all three not.
 * FL_ROWS         a row of `width` numbers.
 * FL_STATISTICS   the same, where a few sums over the numbers say everything: units of any length can be computed in parts.
 * FL_GROUPS       a group of numbers, each of its own length, or of rows of `width` numbers; without rows the width is 1.
 * FL_TILES        a row of one matrix against all rows of another, by their products, of which `width` stand in a row of a
 * panel.
 * FL_SEQUENCES    a sequence of frames, rows of `width` numbers, and of labels, each as long as it is: one of them in a block.
 *
 * Derivatives come weighted and divided; of elements, gradients beside values come divided, and others as they are.
 */
enum { FL_ELEMENTS, FL_ROWS, FL_STATISTICS, FL_GROUPS, FL_TILES, FL_SEQUENCES };

/*
 * What the rows of tiles are compared with: the rows of the input after them, as they are; those of the input after them, by
 * cosines; all rows of all vectors, one input after the other, by cosines.
 */
enum { FL_AGAINST_KEYS = 1, FL_AGAINST_OTHERS, FL_AGAINST_ALL };

/* Products over a longer depth are summed up in steps of this. */
enum { FL_TILE_DEPTH = 128 };

/* What losses of classes know of these. */
typedef struct {
    const double *scale;  /* per class: multiplies the loss; or NULL */
    const double *weight; /* per class: what a sample of it counts for in a mean; or NULL */
    double label_smoothing, eps;
    double sum_tolerance; /* how far from 1 the sum of a row of probabilities may be; 0: it is not looked at */
    int64_t ignored;      /* rows of this label count for nothing, if `ignores` */
    int ignores;
} fl_classes;

/*
 * A loss of single numbers by a function of the user's own, for n of them. Outputs that are not wanted are NULL, and `want`
 * says the same; those that are may be the memory of an input, exactly. Numbers are of the precision for which the function is
 * given.
 */
typedef void (*fl_function_of_numbers)(ptrdiff_t n, const void *y_true, const void *y_pred, const double *parameters,
                                       void *value, void *gradient, void *hessian, int want);

/* Where the numbers of an input must lie, if `limits`. */
typedef struct {
    double low, high;
    int limits, open_low, open_high;
} fl_range;

/* A function of doubles serves for both precisions where the other one is NULL. */
typedef struct {
    fl_function_of_numbers function[FL_PRECISIONS];
    fl_range range[2];
} fl_own;

/* What the statistics of a unit amount to. */
typedef struct {
    double value;
    double by[FL_MAX_STATISTICS], divisor; /* the derivative by statistic k is by[k] / divisor */
} fl_outcome;

/*
 * The values of a block of fewer than 8192 units, added up exactly: those of numbers below a power of two are taken apart in up
 * to three steps, folds, each of which adds up integers, multiples of its quantum. `begin_folds` of the passes chooses the
 * powers of two; where `add_folds` finds that the integers are not all there is to the sum, the values must be written, and
 * added by `sum`.
 */
typedef struct {
    double constant[3]; /* 1.5 * 2^mantissa bits quanta */
    int exponent[3];    /* of the quanta, powers of two */
    int64_t units[3];   /* what each fold took, in quanta */
    int overflow;       /* some |x| is too large, or infinite, or NaN: the units mean nothing */
    int incomplete;     /* bits are left */
} fl_folds;

/* A block of units, side by side, in numbers of the kernel's precision. */
typedef struct {
    ptrdiff_t units, width;
    ptrdiff_t first;         /* of tiles: which row the first unit is; labels, weights and values are those of all rows */
    const ptrdiff_t *starts; /* of groups: the place in the inputs where each begins, and where the last one ends */
    const void *input[FL_MAX_INPUTS]; /* in the order of the signature */
    const int64_t *label;             /* in place of the first input, where that may hold class indices */
    /* of a sequence: its frames and labels; of its gradient, which has more frames, those that are 0 behind its own, too; and
       the numbers between the beginnings of frames */
    ptrdiff_t frames, labels, all_frames, step, gradient_step;
    const double *weight;        /* per unit, or NULL: multiplies derivatives; a unit whose weight is 0 is left out */
    const double *number_weight; /* of groups whose numbers have weights: per number, or NULL */
    const double *parameters;
    const fl_classes *classes;
    const fl_own *own; /* of losses by functions of the user's own */
    double divisor;    /* of the derivatives; of elements, of those that FL_VALUE | FL_GRADIENT asks for */
    void *value;       /* per unit */
    /* like the inputs that are differentiated, in their order; may be the memory of an input, exactly */
    void *gradient[FL_MAX_GRADIENTS], *hessian[FL_MAX_GRADIENTS]; /* of tiles the first one: products, then gradients by them */
    double *counted; /* per unit, of losses of classes: what it counts for in a mean, `weight` included; or NULL */
    void *statistic[FL_MAX_STATISTICS]; /* per number: what it adds to each; of parts only */
    const fl_outcome *outcome;          /* of the whole unit; of parts only */
    void *scratch;                      /* as many numbers as `layout` says */
    fl_folds *folds; /* where a kernel that `folds` adds up its values, which it then does not write; or NULL */
    int want;
} fl_block;

/*
 * Returns, or-ed, FL_OUTSIDE when an input lies outside the loss's domain or a label is no class, FL_UNUSUAL when a part has
 * numbers that belong to other than the usual statistics, and FL_NOT_ONE when the probabilities of a row that counts may sum to
 * something else than 1. The outputs are written in all cases.
 */
enum { FL_OUTSIDE = 1, FL_UNUSUAL = 2, FL_NOT_ONE = 8 };
typedef int (*fl_map)(const fl_block *block);
typedef void (*fl_prepare)(const void *from, void *to, ptrdiff_t n);

/*
 * A loss of statistics in parts: `part` writes what the numbers of a part of a unit add to the statistics, or, where `outcome`
 * is given, the gradients before their division. The outcome is that of the sums, over all parts, of statistics and weights.
 * Where `prepare` is given, parts take what it makes of their last input, both times; it may do so in place.
 */
typedef struct {
    int count, usual;           /* the first `usual` are enough until a part returns FL_UNUSUAL; then all are written */
    fl_map part[FL_PRECISIONS]; /* NULL: a unit, a vector, is always whole */
    void (*outcome)(const double *sums, double weight, int precision, const double *parameters, fl_outcome *outcome);
    fl_prepare prepare[FL_PRECISIONS]; /* or NULL */
} fl_statistics;

typedef struct {
    const char *name, *family; /* the value of huber_by_delta is the derivative of huber by its parameter delta */
    /*
     * Inputs in their order, with a star at those that are differentiated: "y_true, y_pred*". What a unit has of an input
     * stands behind its name: (k) its last axis, (4) the same with so many numbers, (m...) all axes but those of the units,
     * (...) all axes there are, [g] the numbers of a group, [m...] those of all axes but those of the units, as a group, with
     * (k) rows of numbers, nothing: one number. Inputs that may be class indices say so: "y_true index|(k), y_pred(k)*". An
     * input that has units of its own has their axis before those of one: "x(d)*, weight[k](d)*, bias?[k]*"; with a question
     * mark it may be left out. A sequence has (t,c) frames of classes and (s) labels, and says how many of each are its own.
     */
    const char *signature;
    const char *parameters; /* names in the order the kernel reads them, separated by ", " */
    int plan;
    int against; /* of tiles */
    int folds;   /* whether the map can add up its values: fl_block.folds, with FL_VALUE or FL_VALUE | FL_GRADIENT */
    fl_map map[FL_PRECISIONS];
    const fl_statistics *statistics; /* or NULL */
} fl_kernel;

/*
 * An exact sum of doubles: a fixed-point number over the whole range, plus counts of what has no place in it.
 * Adding, in any order and grouping, and merging are exact. One that is all zeros is empty. The functions of a table have it.
 */
enum { FL_SUM_BITS = 40, FL_SUM_BINS = 56 };
typedef struct {
    int64_t bin[FL_SUM_BINS]; /* bin j counts multiples of 2^(FL_SUM_BITS j - 1074) */
    int64_t positive_infinities, negative_infinities, nans;
    int32_t pending; /* deposits since the carries were last propagated */
    int32_t scale;   /* where the next block's numbers are expected: below 2^scale. Never changes a result. */
} fl_sum;

/* Types a block can be converted from; the first four can also be converted to. */
enum {
    FL_FROM_F32,
    FL_FROM_F64,
    FL_FROM_F16,
    FL_FROM_BF16,
    FL_FROM_I8,
    FL_FROM_I16,
    FL_FROM_I32,
    FL_FROM_I64,
    FL_FROM_U8,
    FL_FROM_U16,
    FL_FROM_U32,
    FL_FROM_U64,
    FL_FROM_TYPES,
    FL_TO_TYPES = 4
};

/* The passes of one precision over a block that lies in the first-level cache. */
typedef struct {
    void (*load[FL_FROM_TYPES])(const void *from, void *to, ptrdiff_t n);
    void (*store[FL_TO_TYPES])(const void *from, void *to, ptrdiff_t n);
    void (*sum)(fl_sum *sum, const void *x, ptrdiff_t n);
    /* What `sum` does of a block of values that a kernel adds up itself, before it does, and then; the last one returns 1,
       and adds nothing, where the values must be written. Blocks are expected to be like those before, or like some numbers. */
    void (*expect)(fl_sum *sum, const void *x, ptrdiff_t n);
    void (*begin_folds)(const fl_sum *sum, fl_folds *folds);
    int (*add_folds)(fl_sum *sum, const fl_folds *folds);
    /* product[i] = w[i] x[i] in double, 0 where w[i] is 0 */
    void (*weigh)(const void *x, const double *w, double *product, ptrdiff_t n);
    /* x[i] / divisor, and w[i] x[i] / divisor (0 where w[i] is 0), rounded to the precision */
    void (*divide)(const void *x, double divisor, void *to, ptrdiff_t n);
    void (*weigh_and_divide)(const void *x, const double *w, double divisor, void *to, ptrdiff_t n);
    /* Weighted sums of losses: sum[i] becomes factor sum[i] + by x[i], the second product fused with the addition; without x,
       factor sum[i] */
    void (*accumulate)(void *sum, double factor, const void *x, double by, ptrdiff_t n);
    /* the sum of each row, in double */
    void (*add_rows)(const void *x, ptrdiff_t rows, ptrdiff_t width, double *sums);
    /* For boosting, in place: gradients become factor g, and Hessians sign max(factor h, floor); *least becomes the smallest
       factor h, if that is less. Both return 1 when a result is NaN, or not below `bound` in magnitude. */
    int (*finish_gradient)(void *g, double factor, double bound, ptrdiff_t n);
    int (*finish_hessian)(void *h, double factor, double floor, double sign, double bound, double *least, ptrdiff_t n);
} fl_passes;

/* A product of matrices, of rows a_i and packed columns b_j over their depth. Steps are numbers between rows. */
typedef struct {
    const void *a, *b;
    void *c, *scratch;
    ptrdiff_t rows, columns, depth, a_step, c_step;
    int turned;    /* a has the rows in its columns; the depth is at most FL_TILE_DEPTH, scratch has room for 96 rows of that */
    int by_column; /* c has the columns in its rows, and is overwritten; otherwise it is added to */
} fl_product;

/* The parts of a product of one precision. Vectors are packed in strips of `columns`, depth by depth. */
typedef struct {
    ptrdiff_t columns;
    void (*multiply)(const fl_product *product);
    void (*pack_rows)(const void *from, ptrdiff_t step, ptrdiff_t columns, ptrdiff_t depth, void *packed);
    void (*pack_columns)(const void *from, ptrdiff_t step, ptrdiff_t columns, ptrdiff_t depth, const double *weight,
                         void *packed);
    void (*add_columns)(const void *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t columns, double *sum);
    void (*normalise)(const void *from, ptrdiff_t rows, ptrdiff_t n, const double *weight, void *to, double *length);
    void (*lengthen)(void *gradient, const void *normalised, ptrdiff_t rows, ptrdiff_t n, const double *length);
} fl_products;

/* An elementary function, for tests and for embedders. */
typedef struct {
    const char *name;
    void (*map[FL_PRECISIONS])(const void *x, void *y, ptrdiff_t n);
} fl_function;

typedef struct {
    /* What fl_mismatch compares: FL_ABI, and the sizes of this struct, of fl_block, fl_kernel and fl_sum. */
    int32_t abi, table_size, block_size, kernel_size, sum_size;
    int kernels, functions;
    const char *isa;
    const fl_kernel *const *kernel;
    const fl_function *function;
    const fl_passes *passes[FL_PRECISIONS];
    const fl_products *products[FL_PRECISIONS];
    /* The map of losses by functions of the user's own. */
    fl_map own[FL_PRECISIONS];
    /* A copy that goes past the caches, for arrays larger than they are. Other threads see it after a store fence. */
    void (*stream)(const void *from, void *to, ptrdiff_t bytes);
    /* 1 when a weight is negative, infinite or NaN */
    int (*bad_weights)(const double *w, ptrdiff_t n);
    /* How many units of a plan and width are best computed at a time, and the numbers of scratch memory for it. The width of
       groups is that of the longest one, and the first result means nothing. Groups of rows need as much memory as rows of
       their width, too, and a number for each of the longest group. */
    ptrdiff_t (*layout)(int plan, ptrdiff_t width, ptrdiff_t *scratch);
    /* The numbers of double precision that a sequence needs room for, in the scratch memory of its block. */
    ptrdiff_t (*sequence_room)(ptrdiff_t frames, ptrdiff_t labels, ptrdiff_t classes, int want);
    /* Class indices; INT64_MIN for what is no integer of 64 bits. */
    void (*labels[FL_FROM_TYPES])(const void *from, int64_t *to, ptrdiff_t n);
    void (*sum_clear)(fl_sum *sum);
    void (*sum_merge)(fl_sum *sum, const fl_sum *other);
    void (*sum_deposit)(fl_sum *sum, double x);
    /* The same number, written in the one way that all sums of the same numbers share. */
    void (*sum_settle)(fl_sum *sum);
    /* The sum times 2^-`down`, rounded once, to nearest even. */
    double (*sum_round)(const fl_sum *sum, int down);
} fl_table;

/* What is wrong with a table for a program that was compiled with this header; NULL where it fits. */
static inline const char *fl_mismatch(const fl_table *table)
{
    if (table->abi < FL_ABI || (table->abi == FL_ABI && table->table_size < (int32_t)sizeof(fl_table)))
        return "it is older than the fastloss.h this module was compiled with. Upgrade fastloss, or build the module anew with "
               "the header in fastloss.get_include()";
    if (table->abi > FL_ABI || table->block_size != (int32_t)sizeof(fl_block) ||
        table->kernel_size != (int32_t)sizeof(fl_kernel) || table->sum_size != (int32_t)sizeof(fl_sum))
        return "its structs are not those of the fastloss.h this module was compiled with. Build the module anew with the "
               "header in fastloss.get_include()";
    return NULL;
}

/* The kernel of this name; NULL where there is none. */
static inline const fl_kernel *fl_find(const fl_table *table, const char *name)
{
    for (int i = 0; i < table->kernels; i++)
        if (strcmp(table->kernel[i]->name, name) == 0)
            return table->kernel[i];
    return NULL;
}

#ifdef Py_PYTHON_H
/*
 * The table of the installed package, of the instruction set that was picked when it was imported, with Python's lock held.
 * NULL, and an ImportError, where there is none or it does not fit this header.
 */
static inline const fl_table *fl_import(void)
{
    const fl_table *table = (const fl_table *)PyCapsule_Import("fastloss._core.table", 0);
    const char *wrong = table ? fl_mismatch(table) : NULL;
    if (!wrong)
        return table;
    PyErr_Format(PyExc_ImportError, "the installed fastloss does not fit: %s (ABI %d, table of %d bytes; compiled for %d, %d).",
                 wrong, (int)table->abi, (int)table->table_size, FL_ABI, (int)sizeof(fl_table));
    return NULL;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
