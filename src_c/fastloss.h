/*
 * fastloss: the kernels, as C sees them.
 *
 * A kernel is a pure map over a block of contiguous numbers of one precision: no threads, no allocation, no Python.
 * fl_tables() lists the tables that this CPU can run; every table of the process gives the same bits. The installed package
 * gives its own, from C: PyCapsule_Import("fastloss._core.table", 0) is a const fl_table *, and fastloss.get_include() the
 * folder of this file. The functions at the end are those of programs that are compiled together with src_c. Drivers cut the data into blocks, convert what is not contiguous, and sum with the exact accumulator.
 */
#ifndef FASTLOSS_H
#define FASTLOSS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FL_F32, FL_F64, FL_PRECISIONS };

/* What a call of a kernel computes, or-ed. Value, gradient, both, gradient and Hessian, and all three exist. */
enum { FL_VALUE = 1, FL_GRADIENT = 2, FL_HESSIAN = 4, FL_WANTS = 8 };

enum { FL_MAX_INPUTS = 4, FL_MAX_GRADIENTS = 2, FL_MAX_PARAMETERS = 4 };

/* The longest block the passes below accept. */
enum { FL_BLOCK = 1024 };

/* Numbers of the kernel's precision; `value`, `gradient` and `hessian` may be the same memory as an input, exactly. */
typedef struct {
    const void *input[FL_MAX_INPUTS];
    void *value;
    void *gradient[FL_MAX_GRADIENTS];
    void *hessian[FL_MAX_GRADIENTS];
} fl_block;

/* Returns 1 when an input lies outside the loss's domain, else 0. The outputs are written in both cases. */
typedef int (*fl_map)(const fl_block *block, ptrdiff_t n, const double *parameters);

/*
 * Rows of one score or probability per class, one loss per row. The classes of the rows are indices, checked before they are
 * used, or shares: numbers like those of y_pred. A kernel with two gradients differentiates with respect to y_true, too.
 */
typedef struct {
    const void *y_pred;          /* rows times classes numbers of the kernel's precision */
    const void *y_true;          /* rows times classes shares, or NULL */
    const int64_t *label;        /* without shares: one class index per row, or a list of as many as there are classes */
    const double *class_scale;   /* per class: multiplies the loss; or NULL */
    const double *class_weight;  /* per class: what a sample of it counts for in a mean; or NULL */
    const double *sample_weight; /* per row, or NULL: multiplies the derivatives; where it is 0, the row is as if ignored */
    void *value;                 /* per row */
    double *weight;              /* per row: what the row counts for in a mean, its sample_weight included; or NULL */
    void *gradient[FL_MAX_GRADIENTS], *hessian[FL_MAX_GRADIENTS]; /* like y_pred; may be the memory of an input, exactly */
    void *scratch;                                                /* as many numbers as row_block says */
    ptrdiff_t rows, classes;
    double divisor; /* of the derivatives */
    double label_smoothing, eps;
    double sum_tolerance; /* how far from 1 the sum of a row of probabilities may be; 0: it is not looked at */
    int64_t ignored; /* rows of this label count for nothing, if `ignores` */
    int ignores;
    int lists; /* each row has a list of class indices, of which those from the first -1 on are none */
} fl_rows;

/*
 * Returns, or-ed, FL_OUTSIDE when a label is no class, or a share or a probability lies outside [0, 1], and FL_NOT_ONE when the
 * probabilities of a row that counts may sum to something else than 1. The outputs are written then, too.
 */
enum { FL_OUTSIDE = 1, FL_NOT_ONE = 8 };
typedef int (*fl_row_map)(const fl_rows *rows, const double *parameters, int want);

typedef struct {
    const char *name;
    const char *parameters;              /* names in the order the kernel reads them, separated by ", " */
    int inputs, gradients;               /* of rows: 1 input where labels may be class indices */
    fl_map map[FL_PRECISIONS][FL_WANTS]; /* NULL where a combination is not built, and in kernels of rows */
    fl_row_map rows[FL_PRECISIONS];      /* NULL in kernels of elements */
} fl_kernel;

/*
 * An exact sum of doubles: a fixed-point number over the whole range, plus counts of what has no place in it.
 * Adding, in any order and grouping, and merging are exact; fl_sum_round rounds once, to nearest even.
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
    /* product[i] = w[i] x[i] in double, 0 where w[i] is 0 */
    void (*weigh)(const void *x, const double *w, double *product, ptrdiff_t n);
    /* x[i] / divisor, and w[i] x[i] / divisor (0 where w[i] is 0), rounded to the precision */
    void (*divide)(const void *x, double divisor, void *to, ptrdiff_t n);
    void (*weigh_and_divide)(const void *x, const double *w, double divisor, void *to, ptrdiff_t n);
    /* For boosting, in place: gradients become factor g, and Hessians sign max(factor h, floor); *least becomes the smallest
       factor h, if that is less. Both return 1 when a result is NaN, or not below `bound` in magnitude. */
    int (*finish_gradient)(void *g, double factor, double bound, ptrdiff_t n);
    int (*finish_hessian)(void *h, double factor, double floor, double sign, double bound, double *least, ptrdiff_t n);
} fl_passes;

/* An elementary function, for tests and for embedders. */
typedef struct {
    const char *name;
    void (*map[FL_PRECISIONS])(const void *x, void *y, ptrdiff_t n);
} fl_function;

typedef struct {
    const char *isa;
    int kernels, functions;
    const fl_kernel *kernel;
    const fl_function *function;
    const fl_passes *passes[FL_PRECISIONS];
    /* A copy that goes past the caches, for arrays larger than they are. Other threads see it after a store fence. */
    void (*stream)(const void *from, void *to, ptrdiff_t bytes);
    /* 1 when a weight is negative, infinite or NaN */
    int (*bad_weights)(const double *w, ptrdiff_t n);
    /* How many rows of so many classes are best mapped at a time, and the numbers of scratch memory for it. */
    ptrdiff_t (*row_block)(ptrdiff_t classes, ptrdiff_t *scratch);
    /* Class indices; INT64_MIN for what is no integer of 64 bits. */
    void (*labels[FL_FROM_TYPES])(const void *from, int64_t *to, ptrdiff_t n);
} fl_table;

/* Writes the tables that were built and that this CPU can run, best first; returns how many. */
enum { FL_MAX_TABLES = 4 };
int fl_tables(const fl_table *tables[FL_MAX_TABLES]);

void fl_sum_clear(fl_sum *sum);
void fl_sum_merge(fl_sum *sum, const fl_sum *other);
void fl_sum_deposit(fl_sum *sum, double x);
/* The sum times 2^-`down`, rounded once. */
double fl_sum_round(const fl_sum *sum, int down);

#ifdef __cplusplus
}
#endif

#endif
