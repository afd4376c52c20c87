# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What metrics need besides losses: counts of labels, sums of squares without rounding, extremes, looks at rows.

Each is a pass over columns, pairs of array and type code as everywhere in the driver; what is found is added to a state of the caller's.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AsString
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from numpy cimport PyArray_NDIM, ndarray

import math

import numpy

from fastloss cimport FL_BLOCK, fl_sum
from .kernels cimport active
from .operands cimport *
from .sums cimport Sums, merge_sum
from .threads cimport share_out


cdef extern from "counts.h" nogil:
    enum:
        FL_COPIES
        FL_SMALL_TABLE
        FL_ROW_NEGATIVE
        FL_ROW_ABOVE_ONE
        FL_ROW_NOT_FINITE
        FL_ROW_SUM
        FL_NOT_FINITE
        FL_ZERO
    void fl_label_range(const int64_t *, Py_ssize_t, int64_t *, int64_t *)
    int64_t fl_equal_labels(const int64_t *, const int64_t *, Py_ssize_t, double *)
    void fl_count_pairs(const int64_t *, const int64_t *, Py_ssize_t, int64_t, int64_t, int64_t *)
    void fl_count_margins(const int64_t *, const int64_t *, Py_ssize_t, int64_t, int64_t, int64_t *)
    void fl_weigh_pairs(
        const int64_t *, const int64_t *, const double *, Py_ssize_t, int64_t, int64_t, Py_ssize_t, Py_ssize_t, fl_sum *
    )
    void fl_weigh_margins(const int64_t *, const int64_t *, const double *, Py_ssize_t, int64_t, int64_t, fl_sum *)
    void fl_multiply(const double *, const double *, double *, double *, Py_ssize_t)
    double fl_largest_difference(const double *, const double *, Py_ssize_t, double)
    int fl_look_at(const double *, Py_ssize_t)
    int fl_check_rows(const double *, Py_ssize_t, Py_ssize_t, double)
    void fl_top_k(const int64_t *, const double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, double *)

ROW_NEGATIVE = FL_ROW_NEGATIVE
ROW_ABOVE_ONE = FL_ROW_ABOVE_ONE
ROW_NOT_FINITE = FL_ROW_NOT_FINITE
ROW_SUM = FL_ROW_SUM
NOT_FINITE = FL_NOT_FINITE
ZERO = FL_ZERO

cdef enum:
    LABEL_RANGE
    EQUAL_LABELS
    PAIRS
    MARGINS
    MOMENTS
    LARGEST_DIFFERENCE
    KINDS_OF_NUMBERS
    ROWS
    TOP_K

cdef enum:
    MAX_COLUMNS = 3  # two, and weights
    SPARE_BLOCKS = 4  # room for computing

# What one member of a team has found.
cdef struct Tally:
    int64_t low
    int64_t high
    int64_t count
    double largest
    int flags
    int64_t *cells
    fl_sum *sums
    char *scratch

# What is looked for, one of the kinds above, and where.
cdef struct Scan:
    Operand[MAX_COLUMNS] column
    bint[MAX_COLUMNS] given
    Axes items
    Axes row
    int kind
    Py_ssize_t block
    Py_ssize_t buffers  # bytes of the buffers of columns
    int64_t low
    int64_t classes
    Py_ssize_t first
    Py_ssize_t last
    Py_ssize_t cells
    Py_ssize_t sums
    double tolerance
    Tally *tally
    int members


cdef inline void weigh_or_not(const double *numbers, const double *weights, double *product, Py_ssize_t n, fl_sum *sums) noexcept nogil:
    """Add (weighted) numbers to the first sum, and to the second the weights, or how many there are."""
    cdef double number = <double> n
    if weights != NULL:
        active.passes[1].weigh(numbers, weights, product, n)
        active.passes[1].sum(&sums[1], weights, n)
        numbers = product
    else:
        active.passes[1].sum(&sums[1], &number, 1)
    active.passes[1].sum(&sums[0], numbers, n)


cdef void add_product(const double *x, const double *y, double *spare, Py_ssize_t n, fl_sum *sum) noexcept nogil:
    """Add the products of numbers to a sum without rounding; they and their errors are left in the first two of the spare blocks."""
    fl_multiply(x, y, spare, spare + FL_BLOCK, n)
    active.passes[1].sum(sum, spare, n)
    active.passes[1].sum(sum, spare + FL_BLOCK, n)


cdef void scan_block(const Scan *scan, Tally *tally, Py_ssize_t first, Py_ssize_t count) noexcept nogil:
    cdef const void *column[MAX_COLUMNS]
    cdef const void *a
    cdef const void *b
    cdef const double *w
    cdef double *spare = <double *> (tally.scratch + scan.buffers)
    cdef fl_sum *sums = tally.sums
    cdef int k
    for k in range(MAX_COLUMNS):
        column[k] = NULL
        if scan.given[k]:
            column[k] = read_block(&scan.column[k], &scan.items, &scan.row, scan.column[k].data, tally.scratch, first, count)
    a, b, w = column[0], column[1], <const double *> column[2]
    if scan.kind == LABEL_RANGE:
        fl_label_range(<const int64_t *> a, count, &tally.low, &tally.high)
    elif scan.kind == EQUAL_LABELS:
        tally.count += fl_equal_labels(<const int64_t *> a, <const int64_t *> b, count, spare if w != NULL else NULL)
        if w != NULL:
            weigh_or_not(spare, w, spare, count, sums)
    elif scan.kind == PAIRS and w == NULL:
        fl_count_pairs(<const int64_t *> a, <const int64_t *> b, count, scan.low, scan.classes, tally.cells)
    elif scan.kind == PAIRS:
        fl_weigh_pairs(
            <const int64_t *> a, <const int64_t *> b, w, count, scan.low, scan.classes, scan.first, scan.last, sums
        )
    elif scan.kind == MARGINS and w == NULL:
        fl_count_margins(<const int64_t *> a, <const int64_t *> b, count, scan.low, scan.classes, tally.cells)
    elif scan.kind == MARGINS:
        fl_weigh_margins(<const int64_t *> a, <const int64_t *> b, w, count, scan.low, scan.classes, sums)
    elif scan.kind == MOMENTS and w == NULL:
        active.passes[1].sum(&sums[1], a, count)
        add_product(<const double *> a, <const double *> a, spare, count, &sums[2])
    elif scan.kind == MOMENTS:
        active.passes[1].sum(&sums[0], w, count)
        add_product(<const double *> a, w, spare + 2 * FL_BLOCK, count, &sums[1])
        add_product(spare + 2 * FL_BLOCK, <const double *> a, spare, count, &sums[2])
        add_product(spare + 3 * FL_BLOCK, <const double *> a, spare, count, &sums[2])
    elif scan.kind == LARGEST_DIFFERENCE:
        tally.largest = fl_largest_difference(<const double *> a, <const double *> b, count, tally.largest)
    elif scan.kind == KINDS_OF_NUMBERS:
        tally.flags |= fl_look_at(<const double *> a, count)
    elif scan.kind == ROWS:
        tally.flags |= fl_check_rows(<const double *> b, count, scan.column[1].width, scan.tolerance)
    else:
        fl_top_k(<const int64_t *> a, <const double *> b, count, scan.column[1].width, scan.first, spare)
        weigh_or_not(spare, w, spare, count, sums)


cdef void do_blocks(void *memory, int member, Py_ssize_t task, Py_ssize_t last) noexcept nogil:
    cdef const Scan *scan = <const Scan *> memory
    cdef Py_ssize_t first = task * scan.block, end = last * scan.block
    if end > scan.items.size:
        end = scan.items.size
    while first < end:
        scan_block(scan, &scan.tally[member], first, scan.block if first + scan.block <= end else end - first)
        first += scan.block


cdef int hire(void *memory, int members) except -1:
    """Make the memory of a team; what member 0 has found stays."""
    cdef Scan *scan = <Scan *> memory
    cdef Py_ssize_t counts = scan.cells * sizeof(int64_t) + scan.sums * sizeof(fl_sum)
    cdef Py_ssize_t bytes = counts + scan.buffers + SPARE_BLOCKS * FL_BLOCK * sizeof(double) + 64
    cdef Tally *team
    cdef Tally *tally
    cdef char *place
    cdef int member
    if scan.members >= members:
        return 0
    team = <Tally *> malloc(members * (sizeof(Tally) + bytes))
    if team == NULL:
        raise MemoryError(f"no memory for {members * bytes} bytes of counts")
    for member in range(members):
        tally = &team[member]
        place = <char *> (team + members) + member * bytes
        if member < scan.members:
            # what the one member has found so far becomes that of member 0
            tally[0] = scan.tally[member]
            copy(place, <char *> scan.tally[member].cells, counts)
        else:
            memset(tally, 0, sizeof(Tally))
            tally.low, tally.high = INT64_MAX, INT64_MIN
            memset(place, 0, counts)
        tally.cells = <int64_t *> place
        tally.sums = <fl_sum *> (place + scan.cells * sizeof(int64_t))
        tally.scratch = aligned(place + counts)
    free(scan.tally)
    scan.tally = team
    scan.members = members
    return 0


cdef inline void copy(char *to, const char *source, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = source[i]


cdef int look(Scan *scan, int kind, tuple columns, weights, Tally *result, int64_t *cells=NULL, Sums sums=None, Py_ssize_t place=0) except -1:
    """Look through columns, each a column and whether it holds labels; add to the cells and sums of the caller."""
    cdef ndarray array
    cdef Operand *operands[MAX_COLUMNS]
    cdef Operand *rows[MAX_COLUMNS]
    cdef int n = 0, n_rows = 0, k
    cdef int member
    cdef Py_ssize_t i, longest
    scan.kind = kind
    scan.tally = NULL
    scan.members = 0
    scan.buffers = 0
    scan.row.ndim = 0
    scan.row.size = 1
    for k in range(MAX_COLUMNS):
        scan.given[k] = False
    try:
        for k in range(MAX_COLUMNS):
            item, labels = (weights, False) if k == 2 else columns[k] if k < len(columns) else (None, False)
            if item is None:
                continue
            array = item[0]
            describe(&scan.column[k], array, item[1], LABELS if labels else NUMBERS_F64, False)
            scan.given[k] = True
            if n == 0:
                set_axes(&scan.items, item[0].shape, 0, 1)
            set_strides(scan.column[k].strides, &scan.items, array, 0)
            if PyArray_NDIM(array) == 2:
                set_axes(&scan.row, item[0].shape, 1, 2)
                set_strides(scan.column[k].row_strides, &scan.row, array, 1)
                scan.column[k].width = scan.row.size
                rows[n_rows] = &scan.column[k]
                n_rows += 1
            operands[n] = &scan.column[k]
            n += 1
        scan.block = FL_BLOCK // scan.row.size if scan.row.size < FL_BLOCK else 1
        longest = scan.block if scan.block < scan.items.size else scan.items.size
        if n_rows:
            merge_in_order(&scan.row, rows, n_rows, True)
        simplify(&scan.items, operands, n, &scan.row)
        for k in range(n):
            scan.buffers = lay_out(operands[k], &scan.items, &scan.row, longest, scan.buffers, False)
        # tables that are larger than the data cost more to merge than they save
        share_out(
            do_blocks, hire, scan, (scan.items.size + scan.block - 1) // scan.block,
            256 if scan.cells + 64 * scan.sums <= scan.items.size else 1
        )
        memset(result, 0, sizeof(Tally))
        result.low, result.high = INT64_MAX, INT64_MIN
        for member in range(scan.members):
            tally = &scan.tally[member]
            result.low = tally.low if tally.low < result.low else result.low
            result.high = tally.high if tally.high > result.high else result.high
            result.count += tally.count
            result.flags |= tally.flags
            result.largest = result.largest if result.largest >= tally.largest else tally.largest
            for i in range(scan.cells):
                cells[i] += tally.cells[i]
            if scan.sums:
                with cython.critical_section(sums):
                    for i in range(scan.sums):
                        merge_sum(sums.at(place + i), &tally.sums[i])
    finally:
        free(scan.tally)
    return 0


cdef Scan empty_scan() noexcept:
    cdef Scan scan
    scan.cells = scan.sums = scan.low = scan.classes = scan.first = scan.last = 0
    scan.tolerance = 0.0
    return scan


def label_range(labels):
    """The lowest and the highest label of a column; None when one is no integer of 64 bits, or there is none."""
    cdef Scan scan = empty_scan()
    cdef Tally result
    look(&scan, LABEL_RANGE, ((labels, True),), None, &result)
    return None if result.low == INT64_MIN or result.low > result.high else (result.low, result.high)


def count_equal(y_true, y_pred, weights=None, Sums sums=None):
    """How many labels are equal; their exact weight, and that of all, are added to the first two ``sums``."""
    cdef Scan scan = empty_scan()
    cdef Tally result
    scan.sums = 0 if weights is None else 2
    look(&scan, EQUAL_LABELS, ((y_true, True), (y_pred, True)), weights, &result, NULL, sums)
    return result.count


def count_pairs(y_true, y_pred, int64_t low, int64_t classes, bint margins):
    """Count the pairs of labels in [low, low + classes): a table of y_true by y_pred.

    Or, if ``margins``, a table of three rows: what is equal, what is true, and what was predicted, by class.
    """
    cdef Scan scan = empty_scan()
    cdef Tally result
    # few pairs are counted faster than their labels
    cdef bint small = classes * classes <= FL_SMALL_TABLE
    cdef bint rows = margins and not small
    scan.low = low
    scan.classes = classes
    shape = (FL_COPIES if small else 1, 3 if rows else classes, classes)
    scan.cells = math.prod(shape)
    memory = bytearray(scan.cells * sizeof(int64_t))
    cdef int64_t *cells = <int64_t *> PyByteArray_AsString(memory)
    look(&scan, MARGINS if rows else PAIRS, ((y_true, True), (y_pred, True)), None, &result, cells)
    table = numpy.frombuffer(memory, numpy.int64).reshape(shape)
    if not small:
        return table[0]
    table = table.sum(axis=0)
    return numpy.stack((table.diagonal(), table.sum(axis=1), table.sum(axis=0))) if margins else table


def weigh_pairs(y_true, y_pred, weights, int64_t low, int64_t classes, bint margins, Sums sums not None, Py_ssize_t first=0):
    """Add the weights of the pairs, cell by cell, to exact ``sums``: those of the cells from ``first`` on."""
    cdef Scan scan = empty_scan()
    cdef Tally result
    scan.low = low
    scan.classes = classes
    scan.sums = sums.count
    scan.first = first
    scan.last = first + sums.count
    if margins and (first or sums.count != 3 * classes):
        raise AssertionError("margins take three sums for each class")
    look(&scan, MARGINS if margins else PAIRS, ((y_true, True), (y_pred, True)), weights, &result, NULL, sums)


def add_moments(values, weights, Sums sums not None, Py_ssize_t place=0):
    """Add the weights (if any), the weighted values and the weighted squares to three exact ``sums``, without rounding."""
    cdef Scan scan = empty_scan()
    cdef Tally result
    scan.sums = 3
    look(&scan, MOMENTS, ((values, False),), weights, &result, NULL, sums, place)


def largest_difference(x, y):
    """The largest absolute difference of two columns; NaN where there is one, 0 for none."""
    cdef Scan scan = empty_scan()
    cdef Tally result
    look(&scan, LARGEST_DIFFERENCE, ((x, False), (y, False)), None, &result)
    return result.largest


def look_at(values):
    """Whether a column holds infinities or NaN, and zeros: NOT_FINITE, ZERO."""
    cdef Scan scan = empty_scan()
    cdef Tally result
    look(&scan, KINDS_OF_NUMBERS, ((values, False),), None, &result)
    return result.flags


def check_rows(rows, double tolerance):
    """What is wrong with rows of probabilities: ROW_NEGATIVE, ROW_ABOVE_ONE, ROW_NOT_FINITE, ROW_SUM."""
    cdef Scan scan = empty_scan()
    cdef Tally result
    scan.tolerance = tolerance
    look(&scan, ROWS, ((None, False), (rows, False)), None, &result)
    return result.flags


def add_top_k(labels, scores, Py_ssize_t k, weights, Sums sums not None):
    """Add the (weighted) number of rows whose class is among the first ``k`` by score, and that of all, to two exact ``sums``.

    ``labels`` are indices of classes, which the caller has checked.
    """
    cdef Scan scan = empty_scan()
    cdef Tally result
    scan.first = k
    scan.sums = 2
    look(&scan, TOP_K, ((labels, True), (scores, False)), weights, &result, NULL, sums)
