"""Arrays as the driver sees them: strided, of any type, cut into blocks."""

from libc.stdint cimport int64_t
from numpy cimport dtype, ndarray

from fastloss cimport fl_passes

cdef enum:
    MAX_DIMS = 64

# What an array has to be for a kernel: numbers of a precision, doubles, or class indices.
cdef enum:
    NUMBERS_F32
    NUMBERS_F64
    LABELS

# Axes, outermost first, that several operands have in common.
cdef struct Axes:
    Py_ssize_t[MAX_DIMS] shape
    Py_ssize_t size
    int ndim

# An array over some axes, whose items are numbers or, over axes of their own, rows of numbers.
cdef struct Operand:
    char *data
    Py_ssize_t[MAX_DIMS] strides
    Py_ssize_t[MAX_DIMS] row_strides
    Py_ssize_t itemsize
    Py_ssize_t width  # numbers in an item
    Py_ssize_t step  # bytes from an item to the next, where they are used in place
    Py_ssize_t frame_step  # of sequences: numbers from a frame to the next, for the kernel
    Py_ssize_t buffer  # where in the scratch memory its numbers go; -1: nowhere
    Py_ssize_t packed  # where its items go, side by side, before or after conversion; -1: nowhere
    int type
    int kind  # NUMBERS_F32 ...
    bint output
    bint of_units  # over the units, where these are not what blocks are cut of
    bint of_frames  # rows are frames of numbers, which may be used in place where only the numbers lie side by side
    bint swapped
    bint dense  # the items of a block lie side by side, aligned, in the machine's byte order
    bint direct  # dense, and what the kernel takes
    bint streamed  # an output that is written past the caches

cdef class Inputs:
    cdef readonly tuple operands, shape
    cdef readonly bint single, labels
    cdef readonly int core, label_place, unit_axis
    cdef readonly object starts, sequences

cdef Py_ssize_t[12] ITEMSIZE

cpdef Inputs read_ordinary(tuple values, Py_ssize_t given)
cpdef Inputs read_ordinary_rows(tuple values, tuple forms)
cpdef Inputs read_ordinary_units(tuple values, tuple form, Py_ssize_t unit_axes)
cdef tuple read_plain(value, tuple shape)
cdef list plain_outputs(out, tuple kinds, Inputs inputs, tuple weights, bint *overwrites)
cdef ndarray make_result(Inputs inputs, Py_ssize_t place, bint of_units, original)
cpdef result_dtype(tuple operand, original)
cpdef tuple write(ndarray array)
cdef int describe(Operand *operand, ndarray array, int code, int kind, bint output) except -1
cdef int set_axes(Axes *axes, tuple shape, int first, int last) except -1
cdef int set_strides(Py_ssize_t *strides, const Axes *axes, ndarray array, int first, int without=*) except -1
cdef bint in_c_order(const Axes *axes, const Operand *operand, const Axes *row) noexcept nogil
cdef void simplify(Axes *axes, Operand **operands, int n, const Axes *row) noexcept nogil
cdef void merge_in_order(Axes *axes, Operand **operands, int n, bint of_rows) noexcept nogil
cdef Py_ssize_t lay_out(Operand *operand, const Axes *axes, const Axes *row, Py_ssize_t longest, Py_ssize_t scratch, bint copied) noexcept nogil
cdef Py_ssize_t lay_out_frames(Operand *operand, const Axes *row, Py_ssize_t scratch, bint copied) noexcept nogil
cdef Py_ssize_t room(Py_ssize_t numbers) noexcept nogil
cdef const void *convert_block(
    const Operand *operand, const Axes *axes, const Axes *row, const char *data, char *scratch, Py_ssize_t first, Py_ssize_t count
) noexcept nogil
cdef void write_block(
    const Operand *operand, const Axes *axes, const Axes *row, const char *data, const void *numbers, bint doubles, char *scratch,
    Py_ssize_t first, Py_ssize_t count
) noexcept nogil


cdef inline char *aligned(char *memory) noexcept nogil:
    return <char *> ((<size_t> memory + 63) & ~<size_t> 63)


cdef inline const void *read_block(
    const Operand *operand, const Axes *axes, const Axes *row, const char *data, char *scratch, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """What the kernel takes of the items first ... first + count: in place, or converted into the scratch memory.

    ``data`` is where the operand begins: its own beginning, or that of a unit.
    """
    if operand.direct and operand.buffer < 0:
        return data + first * operand.step
    return convert_block(operand, axes, row, data, scratch, first, count)


cdef inline void *target(const Operand *operand, const char *data, char *scratch, Py_ssize_t first) noexcept nogil:
    """Where the kernel writes an output: into the array, or into the scratch memory."""
    if operand.buffer >= 0:
        return scratch + operand.buffer
    return <char *> data + first * operand.step
