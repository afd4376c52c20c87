# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Arrays as the driver sees them.

An operand is read in place where a block of it is contiguous and of the kernel's type, and converted into scratch memory, block by
block, where it is not: no layout ever costs a copy of its size. Outputs go the other way.
"""

cimport cython
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SetItem
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from numpy cimport (
    NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_WRITEABLE, PyArray_CHKFLAGS, PyArray_DATA, PyArray_DIMS, PyArray_ISBYTESWAPPED,
    PyArray_IS_C_CONTIGUOUS, PyArray_ITEMSIZE, PyArray_NDIM, PyArray_STRIDES, PyArray_TYPE, dtype, import_array, ndarray, npy_intp
)

import numpy

from fastloss cimport FL_FROM_BF16, FL_FROM_F16, FL_FROM_F32, FL_FROM_F64, FL_FROM_I8, FL_FROM_I64, FL_FROM_U32
from fastloss cimport FL_VALUE, fl_passes
from .kernels cimport active


cdef extern from *:
    uint16_t __builtin_bswap16(uint16_t) nogil
    uint32_t __builtin_bswap32(uint32_t) nogil
    uint64_t __builtin_bswap64(uint64_t) nogil

cdef extern from "numpy/arrayobject.h":
    int PyArray_FailUnlessWriteable(ndarray array, const char *name) except -1
    ndarray PyArray_Empty(int ndim, npy_intp *lengths, dtype type, int in_fortran_order)


# Type codes of arrays: FL_FROM_* of fastloss.h, with SWAPPED added for numbers in the other byte order.
cdef enum:
    SWAPPED_ORDER = 0x100
SWAPPED = SWAPPED_ORDER
TYPE_CODES = {
    name: code
    for code, name in enumerate(
        ("float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    )
}
# The dtypes of results by these codes.
cdef list RESULTS = [numpy.dtype(name) for name in ("float32", "float64", "float16")]
# The code of every dtype of NumPy that can be read, native and byte-swapped. Booleans are read as the bytes 0 and 1.
CODES = {numpy.dtype(name): code for name, code in TYPE_CODES.items() if name != "bfloat16"}
CODES |= {type.newbyteorder(): code | SWAPPED for type, code in CODES.items() if type.itemsize > 1}
CODES[numpy.dtype(bool)] = TYPE_CODES["uint8"]

# The same by NumPy's own numbers of types, native; -1: none.
cdef enum:
    NUMPY_TYPES = 24
cdef int[NUMPY_TYPES] code_of_type
memset(code_of_type, -1, sizeof(code_of_type))
for letter in "?bhilqBHILQefd":
    code_of_type[numpy.dtype(letter).num] = CODES[numpy.dtype(letter)]

import_array()

cdef Py_ssize_t[12] ITEMSIZE = [4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8]

# Outputs from this size on are written past the caches: nobody would find them there.
cdef Py_ssize_t STREAM_BYTES = 1 << 24


cpdef bint is_single(int code):
    """Whether predictions of this type are computed with in single precision."""
    return code & 0xff in (FL_FROM_F32, FL_FROM_F16, FL_FROM_BF16)


cdef int code_of(ndarray array) noexcept:
    """The type code of a plain array's items, and -1 for types that are rare or cannot be read."""
    cdef int number = PyArray_TYPE(array)
    if not 0 <= number < NUMPY_TYPES or code_of_type[number] < 0:
        return -1
    return code_of_type[number] | (SWAPPED_ORDER if PyArray_ISBYTESWAPPED(array) else 0)


cdef bint have_lengths(ndarray array, ndarray other) noexcept:
    """Whether the axes that an array has are as long as the first ones of another, which has no fewer."""
    return memcmp(PyArray_DIMS(array), PyArray_DIMS(other), PyArray_NDIM(array) * sizeof(Py_ssize_t)) == 0


cdef bint have_one_shape(ndarray array, ndarray other) noexcept:
    return PyArray_NDIM(array) == PyArray_NDIM(other) and have_lengths(array, other)


# it holds nothing that could hold it; each call makes one
@cython.no_gc
@cython.freelist(8)
cdef class Inputs:
    """The inputs of a call, as they are handed to `execute`.

    ``operands`` are pairs of array and type code, ``shape`` is that of the losses, ``core`` the number of axes that a unit has, which
    are the last ones. The first operand holds class indices if ``labels``; an operand of labels may have no axes of a unit.
    ``starts`` says where groups begin and the last one ends, for losses of groups; ``label_place`` which operand of tiles holds labels (-1: none).
    Of sequences, the first operand has their frames and the second one their labels. ``sequences`` is an array of three rows: how many
    frames each has, where its labels begin, and how many they are; ``unit_axis`` is the axis of the frames' array that numbers them.
    """

    def __init__(self, tuple operands, tuple shape, bint single, int core=0, bint labels=False, starts=None, int label_place=-1, sequences=None, int unit_axis=0):
        self.operands, self.shape, self.single = operands, shape, single
        self.core, self.labels, self.starts, self.label_place = core, labels, starts, label_place
        self.sequences, self.unit_axis = sequences, unit_axis

    def in_single(self):
        """The same inputs, to be computed with in single precision."""
        return Inputs(
            self.operands, self.shape, True, self.core, self.labels, self.starts, self.label_place, self.sequences, self.unit_axis
        )


cpdef Inputs read_ordinary(tuple values, Py_ssize_t given):
    """Read NumPy arrays of one shape, numbers of which a loss takes one of each; the first ``given`` do not decide the precision.

    None when something is no plain array of a known dtype, or the shapes differ: `_arrays.py` deals with that. (An ordinary
    call on a few numbers would otherwise spend most of its time there.)
    """
    cdef tuple operands = PyTuple_New(len(values)), operand
    cdef bint single = True
    cdef Py_ssize_t i
    cdef int code
    cdef ndarray array
    cdef ndarray first = None
    cdef Inputs inputs
    for i in range(len(values)):
        if type(values[i]) is not ndarray:
            return None
        array = values[i]
        code = code_of(array)
        if code < 0:
            return None
        if i == 0:
            first = array
        elif not have_one_shape(array, first):
            return None
        if i >= given and not is_single(code):
            single = False
        operand = (array, code)
        Py_INCREF(operand)
        PyTuple_SetItem(operands, i, operand)
    inputs = Inputs.__new__(Inputs)
    inputs.operands, inputs.shape, inputs.single = operands, (<object> first).shape, single
    return inputs


cpdef Inputs read_ordinary_rows(tuple values, tuple forms):
    """Read NumPy arrays of labels and of rows of predictions; forms of labels say whether they are rows, too, and whether indices.

    None when something is no plain array of a known dtype, no form fits, or indices may be no integers of 64 bits: `_arrays.py`
    deals with that.
    """
    cdef ndarray labels, predictions
    cdef tuple shape
    cdef Inputs inputs
    cdef int label_code, code, ndim
    if type(values[0]) is not ndarray or type(values[1]) is not ndarray:
        return None
    labels, predictions = values
    label_code, code, ndim = code_of(labels), code_of(predictions), PyArray_NDIM(predictions)
    if label_code < 0 or code < 0 or ndim == 0 or PyArray_DIMS(predictions)[ndim - 1] == 0:
        return None
    for of_rows, index in forms:
        if PyArray_NDIM(labels) == (ndim if of_rows else ndim - 1) and have_lengths(labels, predictions):
            if index and not FL_FROM_I8 <= label_code & 0xff <= FL_FROM_U32:
                return None
            inputs = Inputs.__new__(Inputs)
            shape = (<object> predictions).shape
            inputs.operands, inputs.shape = ((labels, label_code), (predictions, code)), shape[: ndim - 1]
            inputs.single, inputs.core, inputs.labels = is_single(code), 1, index
            return inputs
    return None


cpdef Inputs read_ordinary_units(tuple values, tuple form, Py_ssize_t unit_axes):
    """Read NumPy arrays of units, as `Signature.unit_form` describes them: of one shape, but for what has a number for each unit.

    None when something is no plain array of a known dtype, or anything does not fit: `_arrays.py` deals with that.
    """
    cdef tuple whole = form[0], operands, operand, shape
    cdef Py_ssize_t given = form[1], components = form[2], i
    cdef bint single = True
    cdef int code, ndim, units, axis
    cdef ndarray array, first
    cdef Inputs inputs
    if len(values) > len(whole) or type(values[given]) is not ndarray:
        return None
    first = values[given]
    ndim = PyArray_NDIM(first)
    units = ndim - 1 if unit_axes < 0 else unit_axes if ndim > 1 else 0
    if units < 0 or units >= ndim or (components and PyArray_DIMS(first)[ndim - 1] != components):
        return None
    for axis in range(units, ndim):
        if PyArray_DIMS(first)[axis] == 0:
            return None
    operands = PyTuple_New(len(values))
    for i in range(len(values)):
        if type(values[i]) is not ndarray:
            return None
        array = values[i]
        code = code_of(array)
        if code < 0 or PyArray_NDIM(array) != (ndim if whole[i] else units) or not have_lengths(array, first):
            return None
        if whole[i] and i >= given and not is_single(code):
            single = False
        operand = (array, code)
        Py_INCREF(operand)
        PyTuple_SetItem(operands, i, operand)
    inputs = Inputs.__new__(Inputs)
    shape = (<object> first).shape
    inputs.operands, inputs.shape = operands, shape[:units]
    inputs.single, inputs.core = single, ndim - units
    return inputs


# ---- arrays of calls -------------------------------------------------------------------------------------------

cdef tuple read_plain(value, tuple shape):
    """A plain array of a known dtype, and of this shape, as an operand; None for everything else."""
    cdef int code
    if type(value) is not ndarray or value.shape != shape:
        return None
    code = code_of(value)
    return None if code < 0 else (value, code)


cpdef result_dtype(tuple operand, original):
    """Return the dtype of derivatives (and losses) for predictions of this operand: its own, or float64 for integers."""
    cdef int type = operand[1] & 0xff
    if type == FL_FROM_BF16:
        # NumPy has no such type, but other libraries give it one
        dtype = getattr(original, "dtype", None)
        return dtype if isinstance(dtype, numpy.dtype) else RESULTS[FL_FROM_F32]
    return RESULTS[type] if type <= FL_FROM_F16 else RESULTS[FL_FROM_F64]


cpdef tuple write(ndarray array):
    """Make the operand of an output array."""
    cdef int code = code_of(array)
    return (array, code) if code >= 0 else ((<object> array).view(numpy.uint16), FL_FROM_BF16)


cdef ndarray make_result(Inputs inputs, Py_ssize_t place, bint of_units, original):
    """Make an array for the derivatives by an input, or, ``of_units``, for the losses."""
    cdef tuple operand = inputs.operands[place], shape = inputs.shape
    cdef ndarray like = operand[0]
    cdef npy_intp[MAX_DIMS] lengths
    cdef int ndim = <int> len(shape), axis
    cdef dtype type = result_dtype(operand, original)
    # the array takes over a reference
    Py_INCREF(type)
    if not of_units:
        return PyArray_Empty(PyArray_NDIM(like), PyArray_DIMS(like), type, False)
    for axis in range(ndim):
        lengths[axis] = shape[axis]
    return PyArray_Empty(ndim, lengths, type, False)


cdef void find_extent(ndarray array, char **first, char **last) noexcept:
    """The addresses between which an array's items lie; two that are equal, if it has none."""
    cdef Py_ssize_t reach
    cdef int axis
    first[0] = last[0] = <char *> PyArray_DATA(array)
    for axis in range(PyArray_NDIM(array)):
        if PyArray_DIMS(array)[axis] == 0:
            last[0] = first[0] = NULL
            return
        reach = PyArray_STRIDES(array)[axis] * (PyArray_DIMS(array)[axis] - 1)
        if reach > 0:
            last[0] += reach
        else:
            first[0] += reach
    last[0] += PyArray_ITEMSIZE(array)


cdef bint are_apart(ndarray array, ndarray other) noexcept:
    """Whether all items of an array lie before or behind those of another."""
    cdef char *first
    cdef char *last
    cdef char *other_first
    cdef char *other_last
    find_extent(array, &first, &last)
    find_extent(other, &other_first, &other_last)
    return first == last or other_first == other_last or last <= other_first or other_last <= first


cdef bint are_same(ndarray array, ndarray other) noexcept:
    """Whether each item of an array is exactly the memory of the same one of another."""
    return (
        PyArray_DATA(array) == PyArray_DATA(other)
        and PyArray_ITEMSIZE(array) == PyArray_ITEMSIZE(other)
        and have_one_shape(array, other)
        and memcmp(PyArray_STRIDES(array), PyArray_STRIDES(other), PyArray_NDIM(array) * sizeof(Py_ssize_t)) == 0
    )


cdef list plain_outputs(out, tuple kinds, Inputs inputs, tuple weights, bint *overwrites):
    """Look at arrays given for outputs: plain ones in order, each of its own memory or exactly that of an input (``overwrites``).

    None if something else is among them, be it right or wrong: `_arrays.py` deals with that.
    """
    cdef list given = list(out) if type(out) is tuple else [out]
    cdef tuple operands = inputs.operands if weights is None else (*inputs.operands, weights), operand
    cdef ndarray array
    cdef Py_ssize_t place, i
    cdef int kind
    cdef bint over = False
    if len(given) != len(kinds):
        return None
    for place in range(len(given)):
        if type(given[place]) is not ndarray:
            return None
        array = given[place]
        kind, i = kinds[place]
        if code_of(array) & ~SWAPPED_ORDER not in (FL_FROM_F32, FL_FROM_F64, FL_FROM_F16):
            return None
        if not PyArray_CHKFLAGS(array, NPY_ARRAY_WRITEABLE | NPY_ARRAY_C_CONTIGUOUS):
            return None
        operand = operands[i]
        if kind == FL_VALUE:
            if (<object> array).shape != inputs.shape:
                return None
        elif not have_one_shape(array, operand[0]):
            return None
        for operand in operands:
            if not are_apart(array, operand[0]):
                if not are_same(array, operand[0]):
                    return None
                over = True
        for i in range(place):
            if not are_apart(array, given[i]):
                return None
    overwrites[0] = over
    return given


# ---- axes ------------------------------------------------------------------------------------------------------

cdef int describe(Operand *operand, ndarray array, int code, int kind, bint output) except -1:
    """Make an operand of an array, which the caller keeps alive, and its type code."""
    if output:
        PyArray_FailUnlessWriteable(array, "an output")
    operand.data = <char *> PyArray_DATA(array)
    operand.type = code & 0xff
    operand.itemsize = ITEMSIZE[operand.type]
    operand.swapped = code & SWAPPED_ORDER != 0
    operand.kind = kind
    operand.output = output
    operand.of_frames = False
    operand.width = 1
    # _arrays.py has chosen the code; this keeps a mistake there from reading foreign memory
    if PyArray_ITEMSIZE(array) != operand.itemsize:
        raise AssertionError(f"items of {PyArray_ITEMSIZE(array)} bytes are no numbers of type {code}")
    return 0


cdef int set_axes(Axes *axes, tuple shape, int first, int last) except -1:
    """Take the axes from ``first`` to ``last`` of an array's shape."""
    cdef int axis
    if len(shape) < last or last - first > MAX_DIMS:
        raise AssertionError(f"an array of shape {shape} does not have the axes from {first} to {last}")
    axes.ndim = last - first
    axes.size = 1
    for axis in range(first, last):
        axes.shape[axis - first] = shape[axis]
        axes.size *= axes.shape[axis - first]
    return 0


cdef int set_strides(Py_ssize_t *strides, const Axes *axes, ndarray array, int first, int without=MAX_DIMS) except -1:
    """Take the strides of an array along axes that it has from ``first`` on, ``without`` one that stands among them."""
    cdef int axis, own
    cdef Py_ssize_t step = PyArray_ITEMSIZE(array)
    for axis in range(axes.ndim):
        own = first + axis
        if own >= without:
            own += 1
        # _arrays.py has compared the shapes; this keeps a mistake there from reading foreign memory
        if own >= PyArray_NDIM(array) or PyArray_DIMS(array)[own] != axes.shape[axis]:
            raise AssertionError("an operand does not fit the others")
        strides[axis] = PyArray_STRIDES(array)[own]
    if PyArray_IS_C_CONTIGUOUS(array):
        # NumPy leaves open what the strides of empty arrays, and those along axes of length 1, are
        for own in range(PyArray_NDIM(array) - 1, -1, -1):
            axis = own - first - (own > without)
            if own != without and 0 <= axis < axes.ndim:
                strides[axis] = step
            step *= PyArray_DIMS(array)[own]
    return 0


cdef inline Py_ssize_t size_of(Py_ssize_t step) noexcept nogil:
    return -step if step < 0 else step


cdef inline Py_ssize_t *strides_of(Operand *operand, bint of_rows) noexcept nogil:
    return &operand.row_strides[0] if of_rows else &operand.strides[0]


cdef inline void move_axis(Axes *axes, Operand **operands, int n, bint of_rows, int source, int target) noexcept nogil:
    cdef int k
    axes.shape[target] = axes.shape[source]
    for k in range(n):
        strides_of(operands[k], of_rows)[target] = strides_of(operands[k], of_rows)[source]


cdef bint in_c_order(const Axes *axes, const Operand *operand, const Axes *row) noexcept nogil:
    cdef Py_ssize_t step = operand.itemsize
    cdef int axis
    if operand.width != 1:
        for axis in range(row.ndim - 1, -1, -1):
            if row.shape[axis] != 1 and operand.row_strides[axis] != step:
                return False
            step *= row.shape[axis]
    for axis in range(axes.ndim - 1, -1, -1):
        if axes.shape[axis] != 1 and operand.strides[axis] != step:
            return False
        step *= axes.shape[axis]
    return True


cdef int drop_short_axes(Axes *axes, Operand **operands, int n, bint of_rows) noexcept nogil:
    """Leave out axes of length 1; returns how many axes are left."""
    cdef int axis, kept = 0
    for axis in range(axes.ndim):
        if axes.shape[axis] != 1:
            move_axis(axes, operands, n, of_rows, axis, kept)
            kept += 1
    axes.ndim = kept
    return kept


cdef void merge_axes(Axes *axes, Operand **operands, int n, bint of_rows) noexcept nogil:
    """Make one axis of neighbours that all operands step through alike."""
    cdef bint mergeable
    cdef Py_ssize_t *strides
    cdef int k, axis, kept = 0
    for axis in range(1, axes.ndim):
        mergeable = True
        for k in range(n):
            strides = strides_of(operands[k], of_rows)
            if strides[kept] != strides[axis] * axes.shape[axis]:
                mergeable = False
        if mergeable:
            axes.shape[axis] *= axes.shape[kept]
        else:
            kept += 1
        move_axis(axes, operands, n, of_rows, axis, kept)
    axes.ndim = kept + 1


cdef void set_single_axis(Axes *axes, Operand **operands, int n) noexcept nogil:
    cdef int k
    axes.ndim = 1
    axes.shape[0] = axes.size
    for k in range(n):
        operands[k].strides[0] = operands[k].itemsize * operands[k].width


cdef void simplify(Axes *axes, Operand **operands, int n, const Axes *row) noexcept nogil:
    """Make of the axes as few as can be, at least one, over the same items in any order."""
    cdef bint all_in_c_order = True
    cdef int k, axis, other
    for k in range(n):
        if not in_c_order(axes, operands[k], row):
            all_in_c_order = False
    # the row of a single item may be strided
    if all_in_c_order or drop_short_axes(axes, operands, n, False) == 0:
        set_single_axis(axes, operands, n)
        return
    # Insertion sort, longest steps of the last operand first. MAX_DIMS - 1 serves as the free place: an array of 64 axes has one of
    # length 1, or no more than one element.
    for axis in range(1, axes.ndim):
        move_axis(axes, operands, n, False, axis, MAX_DIMS - 1)
        other = axis
        while other > 0 and size_of(operands[n - 1].strides[other - 1]) < size_of(operands[n - 1].strides[MAX_DIMS - 1]):
            move_axis(axes, operands, n, False, other - 1, other)
            other -= 1
        move_axis(axes, operands, n, False, MAX_DIMS - 1, other)
    merge_axes(axes, operands, n, False)


cdef void merge_in_order(Axes *axes, Operand **operands, int n, bint of_rows) noexcept nogil:
    """Make of the axes as few as can be, at least one, over the same items in the same order."""
    cdef int k
    if drop_short_axes(axes, operands, n, of_rows) == 0:
        axes.ndim = 1
        axes.shape[0] = 1
        for k in range(n):
            strides_of(operands[k], of_rows)[0] = operands[k].itemsize
        return
    merge_axes(axes, operands, n, of_rows)


# ---- buffers ---------------------------------------------------------------------------------------------------

cdef Py_ssize_t room(Py_ssize_t numbers) noexcept nogil:
    """The bytes of a buffer for so many numbers."""
    return (8 * numbers + 63) & ~<Py_ssize_t> 63


cdef inline int native(int kind) noexcept nogil:
    """The type a kernel takes."""
    return FL_FROM_F32 if kind == NUMBERS_F32 else FL_FROM_F64 if kind == NUMBERS_F64 else FL_FROM_I64


cdef Py_ssize_t lay_out(
    Operand *operand, const Axes *axes, const Axes *row, Py_ssize_t longest, Py_ssize_t scratch, bint copied
) noexcept nogil:
    """Give an operand its buffers for blocks of ``longest`` items from ``scratch`` on; returns where the next ones may begin.

    ``copied`` asks for a buffer even where the operand could be used in place.
    """
    cdef Py_ssize_t step = operand.itemsize * operand.width
    cdef bint side_by_side = axes.ndim == 1 and (operand.strides[0] == step or axes.size == 1)
    if operand.width != 1:
        side_by_side = side_by_side and row.ndim == 1 and (operand.row_strides[0] == operand.itemsize or row.size == 1)
    operand.dense = side_by_side and not operand.swapped and <size_t> operand.data % operand.itemsize == 0
    operand.direct = operand.dense and operand.type == native(operand.kind)
    operand.streamed = operand.output and operand.direct and axes.size * step >= STREAM_BYTES
    operand.step = step
    operand.buffer = operand.packed = -1
    if not operand.direct or operand.streamed or copied:
        operand.buffer = scratch
        scratch += room(longest * operand.width)
    if not operand.dense and operand.type != native(operand.kind):
        operand.packed = scratch
        scratch += room(longest * operand.width)
    return scratch


cdef Py_ssize_t lay_out_frames(Operand *operand, const Axes *row, Py_ssize_t scratch, bint copied) noexcept nogil:
    """The same for sequences of frames, one in a block: used in place where the numbers of each frame lie side by side."""
    cdef Py_ssize_t size = operand.itemsize
    operand.step = operand.strides[0]
    operand.frame_step = operand.row_strides[0] // size
    operand.dense = operand.streamed = False
    operand.direct = operand.width == 0 or (
        not copied
        and operand.type == native(operand.kind)
        and not operand.swapped
        and <size_t> operand.data % size == 0
        and operand.step % size == 0
        and operand.row_strides[0] % size == 0
        and (operand.row_strides[1] == size or row.shape[1] == 1)
    )
    operand.buffer = operand.packed = -1
    if operand.direct:
        return scratch
    operand.frame_step = row.shape[1]
    operand.buffer = scratch
    scratch += room(operand.width)
    if operand.type != native(operand.kind):
        operand.packed = scratch
        scratch += room(operand.width)
    return scratch


# ---- blocks ----------------------------------------------------------------------------------------------------

cdef inline void copy_items(
    char *target, Py_ssize_t target_step, const char *source, Py_ssize_t source_step, Py_ssize_t n, Py_ssize_t itemsize, bint swapped
) noexcept nogil:
    """Copy ``n`` items of 1, 2, 4 or 8 bytes, aligned or not, turning their bytes round if asked."""
    cdef Py_ssize_t i
    cdef uint16_t two
    cdef uint32_t four
    cdef uint64_t eight
    if itemsize == 8:
        for i in range(n):
            memcpy(&eight, source + i * source_step, 8)
            if swapped:
                eight = __builtin_bswap64(eight)
            memcpy(target + i * target_step, &eight, 8)
    elif itemsize == 4:
        for i in range(n):
            memcpy(&four, source + i * source_step, 4)
            if swapped:
                four = __builtin_bswap32(four)
            memcpy(target + i * target_step, &four, 4)
    elif itemsize == 2:
        for i in range(n):
            memcpy(&two, source + i * source_step, 2)
            if swapped:
                two = __builtin_bswap16(two)
            memcpy(target + i * target_step, &two, 2)
    else:
        for i in range(n):
            target[i * target_step] = source[i * source_step]


cdef inline void copy_either_way(
    char *packed, Py_ssize_t packed_step, char *item, Py_ssize_t step, Py_ssize_t n, const Operand *operand
) noexcept nogil:
    if operand.output:
        copy_items(item, step, packed, packed_step, n, operand.itemsize, operand.swapped)
    else:
        copy_items(packed, packed_step, item, step, n, operand.itemsize, operand.swapped)


cdef void move_run(
    const Operand *operand, const Axes *row, char *packed, char *item, Py_ssize_t step, Py_ssize_t run
) noexcept nogil:
    """Move items at equal steps to ``packed``, or back: numbers, or rows along all their axes."""
    cdef Py_ssize_t[MAX_DIMS] index
    cdef Py_ssize_t itemsize = operand.itemsize, width = operand.width
    cdef Py_ssize_t length, inner, k
    cdef int axis, last = row.ndim - 1
    if width == 1:
        copy_either_way(packed, itemsize, item, step, run, operand)
        return
    length = row.shape[last]
    inner = operand.row_strides[last]
    for axis in range(last):
        index[axis] = 0
    while True:
        # the shorter steps inside
        if size_of(inner) <= size_of(step):
            for k in range(run):
                copy_either_way(packed + k * itemsize * width, itemsize, item + k * step, inner, length, operand)
        else:
            for k in range(length):
                copy_either_way(packed + k * itemsize, itemsize * width, item + k * inner, step, run, operand)
        packed += length * itemsize
        axis = last - 1
        while axis >= 0:
            item += operand.row_strides[axis]
            index[axis] += 1
            if index[axis] < row.shape[axis]:
                break
            item -= index[axis] * operand.row_strides[axis]
            index[axis] = 0
            axis -= 1
        if axis < 0:
            return


cdef void move_items(
    const Operand *operand, const Axes *axes, const Axes *row, const char *data, char *packed, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """Copy the items first ... first + count of a strided operand to ``packed``, or back."""
    cdef Py_ssize_t[MAX_DIMS] index
    cdef Py_ssize_t rest = first
    cdef Py_ssize_t run
    cdef int inner = axes.ndim - 1
    cdef Py_ssize_t step = operand.strides[inner]
    cdef char *item = <char *> data
    cdef int axis
    for axis in range(inner, -1, -1):
        index[axis] = rest % axes.shape[axis]
        rest //= axes.shape[axis]
        item += index[axis] * operand.strides[axis]
    while True:
        run = axes.shape[inner] - index[inner]
        if run > count:
            run = count
        move_run(operand, row, packed, item, step, run)
        packed += run * operand.itemsize * operand.width
        count -= run
        if count == 0:
            return
        # the next run begins where the inner axis begins again
        item -= index[inner] * step
        index[inner] = 0
        axis = inner - 1
        item += operand.strides[axis]
        index[axis] += 1
        while index[axis] == axes.shape[axis]:
            item -= index[axis] * operand.strides[axis]
            index[axis] = 0
            axis -= 1
            item += operand.strides[axis]
            index[axis] += 1


cdef const void *convert_block(
    const Operand *operand, const Axes *axes, const Axes *row, const char *data, char *scratch, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """What the kernel takes of the items first ... first + count, in the scratch memory."""
    cdef const char *items
    cdef char *packed
    cdef char *numbers = scratch + operand.buffer
    cdef Py_ssize_t n = count * operand.width
    if operand.dense:
        items = data + first * operand.itemsize * operand.width
        if operand.direct:
            memcpy(numbers, items, n * operand.itemsize)
            return numbers
    else:
        packed = scratch + (operand.packed if operand.packed >= 0 else operand.buffer)
        move_items(operand, axes, row, data, packed, first, count)
        if operand.packed < 0:
            return numbers
        items = packed
    if operand.kind == LABELS:
        active.labels[operand.type](items, <int64_t *> numbers, n)
    else:
        active.passes[operand.kind].load[operand.type](items, numbers, n)
    return numbers


cdef void write_block(
    const Operand *operand, const Axes *axes, const Axes *row, const char *data, const void *numbers, bint doubles, char *scratch,
    Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """Convert numbers of the operand's precision, or doubles, to the output's type and put them in their places."""
    cdef const fl_passes *passes = active.passes[1 if doubles else operand.kind]
    cdef Py_ssize_t n = count * operand.width
    cdef char *items = <char *> data + first * operand.itemsize * operand.width
    if operand.streamed and numbers == <const void *> (scratch + operand.buffer):
        active.stream(numbers, items, n * operand.itemsize)
    elif operand.dense:
        passes.store[operand.type](numbers, items, n)
    else:
        items = scratch + (operand.packed if operand.packed >= 0 else operand.buffer)
        if <const void *> items != numbers:
            passes.store[operand.type](numbers, items, n)
        move_items(operand, axes, row, data, items, first, count)
