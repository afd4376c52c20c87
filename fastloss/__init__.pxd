"""``fastloss.h`` for Cython: ``cimport fastloss``, and compile with ``include_dirs=[fastloss.get_include()]``.

That header says what all of this means. Begin with ``fastloss.fl_import()``, which gives the table.
"""

# The package's own modules say `from fastloss cimport`: after a change here, Cython would not make those anew that say `from ..`.
from libc.stdint cimport int32_t, int64_t


cdef extern from "fastloss.h" nogil:
    enum:
        FL_ABI
        FL_F32
        FL_F64
        FL_PRECISIONS
        FL_VALUE
        FL_GRADIENT
        FL_HESSIAN
        FL_MAX_INPUTS
        FL_MAX_GRADIENTS
        FL_MAX_STATISTICS
        FL_MAX_PARAMETERS
        FL_BLOCK
        FL_ELEMENTS
        FL_ROWS
        FL_STATISTICS
        FL_GROUPS
        FL_TILES
        FL_SEQUENCES
        FL_TILE_DEPTH
        FL_AGAINST_KEYS
        FL_AGAINST_OTHERS
        FL_AGAINST_ALL
        FL_OUTSIDE
        FL_UNUSUAL
        FL_NOT_ONE
        FL_FROM_F32
        FL_FROM_F64
        FL_FROM_F16
        FL_FROM_BF16
        FL_FROM_I8
        FL_FROM_I16
        FL_FROM_I32
        FL_FROM_I64
        FL_FROM_U8
        FL_FROM_U16
        FL_FROM_U32
        FL_FROM_U64
        FL_FROM_TYPES
        FL_TO_TYPES
        FL_SUM_BINS
        FL_SUM_BITS
    ctypedef struct fl_classes:
        const double *scale
        const double *weight
        double label_smoothing
        double eps
        double sum_tolerance
        int64_t ignored
        int ignores
    ctypedef void (*fl_function_of_numbers)(
        Py_ssize_t, const void *, const void *, const double *, void *, void *, void *, int
    ) noexcept nogil
    ctypedef struct fl_range:
        double low
        double high
        int limits
        int open_low
        int open_high
    ctypedef struct fl_own:
        fl_function_of_numbers function[FL_PRECISIONS]
        fl_range range[2]
    ctypedef struct fl_outcome:
        double value
        double by[FL_MAX_STATISTICS]
        double divisor
    ctypedef struct fl_folds:
        double constant[3]
        int exponent[3]
        int64_t units[3]
        int overflow
        int incomplete
    ctypedef struct fl_block:
        Py_ssize_t units
        Py_ssize_t width
        Py_ssize_t first
        const Py_ssize_t *starts
        const void *input[FL_MAX_INPUTS]
        const int64_t *label
        Py_ssize_t frames
        Py_ssize_t labels
        Py_ssize_t all_frames
        Py_ssize_t step
        Py_ssize_t gradient_step
        const double *weight
        const double *number_weight
        const double *parameters
        const fl_classes *classes
        const fl_own *own
        double divisor
        void *value
        void *gradient[FL_MAX_GRADIENTS]
        void *hessian[FL_MAX_GRADIENTS]
        double *counted
        void *statistic[FL_MAX_STATISTICS]
        const fl_outcome *outcome
        void *scratch
        fl_folds *folds
        int want
    ctypedef int (*fl_map)(const fl_block *) noexcept nogil
    ctypedef void (*fl_prepare)(const void *, void *, Py_ssize_t) noexcept nogil
    ctypedef struct fl_statistics:
        int count
        int usual
        fl_map part[FL_PRECISIONS]
        void (*outcome)(const double *, double, int, const double *, fl_outcome *) noexcept nogil
        fl_prepare prepare[FL_PRECISIONS]
    ctypedef struct fl_kernel:
        const char *name
        const char *family
        const char *signature
        const char *parameters
        int plan
        int against
        int folds
        fl_map map[FL_PRECISIONS]
        const fl_statistics *statistics
    ctypedef struct fl_sum:
        int64_t bin[FL_SUM_BINS]
        int64_t positive_infinities
        int64_t negative_infinities
        int64_t nans
        int32_t pending
        int32_t scale
    ctypedef struct fl_passes:
        void (*load[FL_FROM_TYPES])(const void *, void *, Py_ssize_t) noexcept nogil
        void (*store[FL_TO_TYPES])(const void *, void *, Py_ssize_t) noexcept nogil
        void (*sum)(fl_sum *, const void *, Py_ssize_t) noexcept nogil
        void (*expect)(fl_sum *, const void *, Py_ssize_t) noexcept nogil
        void (*begin_folds)(const fl_sum *, fl_folds *) noexcept nogil
        int (*add_folds)(fl_sum *, const fl_folds *) noexcept nogil
        void (*weigh)(const void *, const double *, double *, Py_ssize_t) noexcept nogil
        void (*divide)(const void *, double, void *, Py_ssize_t) noexcept nogil
        void (*weigh_and_divide)(const void *, const double *, double, void *, Py_ssize_t) noexcept nogil
        void (*accumulate)(void *, double, const void *, double, Py_ssize_t) noexcept nogil
        void (*add_rows)(const void *, Py_ssize_t, Py_ssize_t, double *) noexcept nogil
        int (*finish_gradient)(void *, double, double, Py_ssize_t) noexcept nogil
        int (*finish_hessian)(void *, double, double, double, double, double *, Py_ssize_t) noexcept nogil
    ctypedef struct fl_product:
        const void *a
        const void *b
        void *c
        void *scratch
        Py_ssize_t rows
        Py_ssize_t columns
        Py_ssize_t depth
        Py_ssize_t a_step
        Py_ssize_t c_step
        int turned
        int by_column
    ctypedef struct fl_products:
        Py_ssize_t columns
        void (*multiply)(const fl_product *) noexcept nogil
        void (*pack_rows)(const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t, void *) noexcept nogil
        void (*pack_columns)(const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const double *, void *) noexcept nogil
        void (*add_columns)(const void *, Py_ssize_t, Py_ssize_t, Py_ssize_t, double *) noexcept nogil
        void (*normalise)(const void *, Py_ssize_t, Py_ssize_t, const double *, void *, double *) noexcept nogil
        void (*lengthen)(void *, const void *, Py_ssize_t, Py_ssize_t, const double *) noexcept nogil
    ctypedef struct fl_function:
        const char *name
        void (*map[FL_PRECISIONS])(const void *, void *, Py_ssize_t) noexcept nogil
    ctypedef struct fl_table:
        int32_t abi
        int32_t table_size
        int32_t block_size
        int32_t kernel_size
        int32_t sum_size
        int kernels
        int functions
        const char *isa
        const fl_kernel *const *kernel
        const fl_function *function
        const fl_passes *passes[FL_PRECISIONS]
        const fl_products *products[FL_PRECISIONS]
        fl_map own[FL_PRECISIONS]
        void (*stream)(const void *, void *, Py_ssize_t) noexcept nogil
        int (*bad_weights)(const double *, Py_ssize_t) noexcept nogil
        Py_ssize_t (*layout)(int, Py_ssize_t, Py_ssize_t *) noexcept nogil
        Py_ssize_t (*sequence_room)(Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
        void (*labels[FL_FROM_TYPES])(const void *, int64_t *, Py_ssize_t) noexcept nogil
        void (*sum_clear)(fl_sum *) noexcept nogil
        void (*sum_merge)(fl_sum *, const fl_sum *) noexcept nogil
        void (*sum_deposit)(fl_sum *, double) noexcept nogil
        void (*sum_settle)(fl_sum *) noexcept nogil
        double (*sum_round)(const fl_sum *, int) noexcept nogil
    const char *fl_mismatch(const fl_table *)
    const fl_kernel *fl_find(const fl_table *, const char *)


cdef extern from "fastloss.h":
    const fl_table *fl_import() except NULL
