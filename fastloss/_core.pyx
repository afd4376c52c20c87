# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The driver: blocks, threads, the GIL, the exact sum. The only file that knows threads.

Data reach this module as arrays of a known type and equal shape (``_arrays.py`` sees to that). A call becomes a `Job`:
strided views of all operands over one common, simplified shape. The job is cut into blocks that fit in the first-level
cache; a block's operands are read in place where they are contiguous numbers of the kernel's precision, and converted into
a buffer where they are not; the kernel maps the block; generic passes weigh, divide and sum it. Blocks are independent and
the sum is exact, so neither the order nor the number of threads can change a bit of the result.
"""

from cpython.buffer cimport PyBUF_STRIDED, PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import os

import numpy


cdef extern from "fastloss.h" nogil:
    enum:
        FL_F32
        FL_F64
        FL_VALUE
        FL_GRADIENT
        FL_HESSIAN
        FL_WANTS
        FL_MAX_INPUTS
        FL_MAX_GRADIENTS
        FL_MAX_PARAMETERS
        FL_MAX_TABLES
        FL_BLOCK
        FL_FROM_F32
        FL_FROM_F64
        FL_FROM_F16
        FL_FROM_TYPES
        FL_SUM_BINS
        FL_SUM_BITS
        FL_OUTSIDE
        FL_NOT_ONE
    ctypedef struct fl_block:
        const void *input[4]
        void *value
        void *gradient[2]
        void *hessian[2]
    ctypedef int (*fl_map)(const fl_block *, Py_ssize_t, const double *) noexcept nogil
    ctypedef struct fl_rows:
        const void *y_pred
        const void *y_true
        const int64_t *label
        const double *class_scale
        const double *class_weight
        const double *sample_weight
        void *value
        double *weight
        void *gradient[2]
        void *hessian[2]
        void *scratch
        Py_ssize_t rows
        Py_ssize_t classes
        double divisor
        double label_smoothing
        double eps
        double sum_tolerance
        int64_t ignored
        int ignores
        int lists
    ctypedef int (*fl_row_map)(const fl_rows *, const double *, int) noexcept nogil
    ctypedef struct fl_kernel:
        const char *name
        const char *parameters
        int inputs
        int gradients
        fl_map map[2][8]
        fl_row_map rows[2]
    ctypedef struct fl_sum:
        int64_t bin[56]
        int64_t positive_infinities
        int64_t negative_infinities
        int64_t nans
        int32_t pending
        int32_t scale
    ctypedef struct fl_passes:
        void (*load[12])(const void *, void *, Py_ssize_t) noexcept nogil
        void (*store[4])(const void *, void *, Py_ssize_t) noexcept nogil
        void (*sum)(fl_sum *, const void *, Py_ssize_t) noexcept nogil
        void (*weigh)(const void *, const double *, double *, Py_ssize_t) noexcept nogil
        void (*divide)(const void *, double, void *, Py_ssize_t) noexcept nogil
        void (*weigh_and_divide)(const void *, const double *, double, void *, Py_ssize_t) noexcept nogil
        int (*finish_gradient)(void *, double, double, Py_ssize_t) noexcept nogil
        int (*finish_hessian)(void *, double, double, double, double, double *, Py_ssize_t) noexcept nogil
    ctypedef struct fl_function:
        const char *name
        void (*map[2])(const void *, void *, Py_ssize_t) noexcept nogil
    ctypedef struct fl_table:
        const char *isa
        int kernels
        int functions
        const fl_kernel *kernel
        const fl_function *function
        const fl_passes *passes[2]
        void (*stream)(const void *, void *, Py_ssize_t) noexcept nogil
        int (*bad_weights)(const double *, Py_ssize_t) noexcept nogil
        Py_ssize_t (*row_block)(Py_ssize_t, Py_ssize_t *) noexcept nogil
        void (*labels[12])(const void *, int64_t *, Py_ssize_t) noexcept nogil
    int fl_tables(const fl_table **)
    void fl_sum_clear(fl_sum *)
    void fl_sum_merge(fl_sum *, const fl_sum *)
    void fl_sum_deposit(fl_sum *, double)
    double fl_sum_round(const fl_sum *, int)


cdef extern from "_platform.h" nogil:
    ctypedef unsigned int fl_environment
    fl_environment fl_environment_enter()
    void fl_environment_leave(fl_environment)
    void fl_store_fence()
    double fl_seconds()
    int FL_MOST_THREADS
    void fl_work_together(int, void (*)(void *, int) noexcept nogil, void *)
    void fl_install_fork_handlers()
    Py_ssize_t __atomic_fetch_add(Py_ssize_t *, Py_ssize_t, int)
    int __ATOMIC_RELAXED
    int fl_affinity()
    int fl_openmp_threads()
    int fl_openmp_version()
    const char *FL_COMPILER
    const char *FL_FLAGS
    const char *FL_ISAS
    int fl_local_threads()
    void fl_set_local_threads(int)
    uint16_t __builtin_bswap16(uint16_t)
    uint32_t __builtin_bswap32(uint32_t)
    uint64_t __builtin_bswap64(uint64_t)


VALUE = FL_VALUE
GRADIENT = FL_GRADIENT
HESSIAN = FL_HESSIAN

# Type codes of arrays: FL_FROM_* of fastloss.h, with SWAPPED added for numbers in the other byte order.
SWAPPED = 0x100
TYPE_CODES = {
    name: code
    for code, name in enumerate(
        ("float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    )
}
# The code of every dtype of NumPy that can be read, native and byte-swapped. Booleans are read as the bytes 0 and 1.
CODES = {numpy.dtype(name): code for name, code in TYPE_CODES.items() if name != "bfloat16"}
CODES |= {dtype.newbyteorder(): code | SWAPPED for dtype, code in CODES.items() if dtype.itemsize > 1}
CODES[numpy.dtype(bool)] = TYPE_CODES["uint8"]
cdef dict codes = CODES
cdef type ndarray = numpy.ndarray


def read_ordinary(tuple values, Py_ssize_t labels):
    """Operands of NumPy arrays of one shape, that shape, and whether all but the labels are of single precision or less.

    None when something is no plain array of a known dtype, or the shapes differ: `_arrays.py` deals with that. (An ordinary
    call on a few numbers would otherwise spend most of its time there.)
    """
    cdef list operands = []
    cdef bint single = True
    cdef Py_ssize_t i
    shape = None
    for i in range(len(values)):
        array = values[i]
        if type(array) is not ndarray:
            return None
        code = codes.get(array.dtype)
        if code is None:
            return None
        if i == 0:
            shape = array.shape
        elif array.shape != shape:
            return None
        if i >= labels and <int> code & 0xff not in (FL_FROM_F32, FL_FROM_F16):
            single = False
        operands.append((array, code))
    return tuple(operands), shape, single


# What `run` reports about the data. NOT_ONE: probabilities of a row may sum to something else than 1.
OUTSIDE_DOMAIN = FL_OUTSIDE
BAD_WEIGHT = 2
NO_WEIGHT = 4
NOT_ONE = FL_NOT_ONE
INFINITE_DERIVATIVE = 16

cdef enum:
    MAX_DIMS = 64
    MAX_OPERANDS = 10
    # places of the operands after the inputs
    WEIGHTS = 4
    OUTPUTS = 5
    HESSIANS = 8
    # A block is FL_BLOCK floats or half as many doubles: 4 KiB, so that all operands of a block fit in the first-level cache.
    FIRST_BLOCKS = 16  # done by the caller, to see what a block costs
    SHORT_BLOCKS = 4  # take a few microseconds: less than giving the interpreter away and waiting for it to come back
    MOST_BLOCKS = 64  # that a thread takes at a time: neighbours in memory are read faster

# The bins of a sum and its counts of what is not finite.
SUM_BYTES = 8 * (FL_SUM_BINS + 3)

cdef Py_ssize_t[12] ITEMSIZE = [4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8]

# Numbers from here on are infinite in the types that can be written.
cdef double[4] BOUNDS = [2.0**128 - 2.0**103, INFINITY, 65520.0, 2.0**128 - 2.0**119]

# Outputs from this size on are written past the caches: nobody would find them there.
cdef Py_ssize_t STREAM_BYTES = 1 << 24

# Work worth less than this stays in the calling thread; interrupts are looked for this often.
cdef double PARALLEL_SECONDS = 30e-6
cdef double INTERRUPT_SECONDS = 20e-3


# ---- instruction sets and kernels -----------------------------------------------------------------------------

cdef const fl_table *tables[4]
cdef int n_tables = fl_tables(tables)
cdef const fl_table *active = tables[0]


def available_isas():
    """Names of the instruction sets that were built and that this CPU has, best first."""
    return tuple(tables[i].isa.decode() for i in range(n_tables))


def active_isa():
    return active.isa.decode()


def build_info():
    return {
        "compiler": FL_COMPILER.decode(),
        "flags": FL_FLAGS.decode(),
        "isa_built": FL_ISAS.decode().split(),
        "openmp": fl_openmp_version(),
    }


def use_isa(name):
    """Use the kernels of one instruction set from now on, in the whole process."""
    global active
    for i in range(n_tables):
        if tables[i].isa.decode() == name:
            active = tables[i]
            return
    raise ValueError(f"FASTLOSS_ISA must be one of {', '.join(available_isas())} on this machine; got {name!r}")


if os.environ.get("FASTLOSS_ISA"):
    use_isa(os.environ["FASTLOSS_ISA"])

# For C: PyCapsule_Import("fastloss._core.table", 0) is a const fl_table *.
table = PyCapsule_New(<void *> active, "fastloss._core.table", NULL)


cdef class Program:
    """A kernel with its parameters: the part of a loss that is handed to `run`."""

    cdef int index
    cdef double[4] parameters
    cdef readonly str kernel

    def __init__(self, str kernel, dict fields):
        self.kernel = kernel
        self.index = kernel_index(kernel)
        memset(self.parameters, 0, sizeof(self.parameters))
        for i, name in enumerate(parameter_names(self.index)):
            self.parameters[i] = fields[name]


cdef class Classes:
    """What a loss of rows knows of the classes: scales and weights of each, smoothing, clipping, the label that is ignored.

    ``sum_tolerance`` is how far from 1 the sum of a row of probabilities may be; 0 where it is not looked at.
    """

    cdef double[::1] scale
    cdef double[::1] weight
    cdef double label_smoothing
    cdef double eps
    cdef double sum_tolerance
    cdef int64_t ignored
    cdef bint ignores
    cdef readonly bint weighs  # rows count for more or less than their sample weight

    def __init__(self, scale, weight, double label_smoothing, double eps, ignored, double sum_tolerance=0.0):
        self.sum_tolerance = sum_tolerance
        self.scale = scale
        self.weight = weight
        self.label_smoothing = label_smoothing
        self.eps = eps
        self.ignores = ignored is not None
        self.ignored = ignored if self.ignores else 0
        self.weighs = weight is not None or self.ignores

    cdef void tell(self, fl_rows *rows) noexcept:
        rows.class_scale = &self.scale[0] if self.scale is not None else NULL
        rows.class_weight = &self.weight[0] if self.weight is not None else NULL
        rows.label_smoothing = self.label_smoothing
        rows.eps = self.eps
        rows.sum_tolerance = self.sum_tolerance
        rows.ignored = self.ignored
        rows.ignores = self.ignores


cdef int kernel_index(str name) except -1:
    for i in range(active.kernels):
        if active.kernel[i].name.decode() == name:
            return i
    raise ValueError(f"no kernel is called {name!r}")


cdef list parameter_names(int index):
    text = active.kernel[index].parameters.decode()
    return text.split(", ") if text else []


def kernels():
    """``{name: (parameter names, number of inputs, number of gradients)}`` of every kernel of elements."""
    return {
        active.kernel[i].name.decode(): (tuple(parameter_names(i)), active.kernel[i].inputs, active.kernel[i].gradients)
        for i in range(active.kernels)
        if active.kernel[i].rows[0] == NULL
    }


def row_kernels():
    """``{name: parameter names}`` of every kernel of rows."""
    return {
        active.kernel[i].name.decode(): tuple(parameter_names(i))
        for i in range(active.kernels)
        if active.kernel[i].rows[0] != NULL
    }


# ---- a call: views of all operands over one shape -------------------------------------------------------------

cdef struct Operand:
    char *data
    Py_ssize_t[MAX_DIMS] strides
    Py_ssize_t itemsize
    Py_ssize_t width  # numbers in a place of the shape: 1, or one for each class of a row
    Py_ssize_t step  # from one of them to the next, in bytes
    Py_ssize_t buffer  # where in the scratch memory its numbers go, in the precision of the job; -1: nowhere
    Py_ssize_t packed  # where its items go, side by side, before or after conversion; -1: nowhere
    int type
    bint given
    bint swapped
    bint dense  # the items of a block lie side by side, aligned, in the machine's byte order
    bint direct  # dense, and numbers of the precision of the job
    bint streamed  # an output that is written past the caches

cdef struct Job:
    Operand[MAX_OPERANDS] operand
    Py_ssize_t[MAX_DIMS] shape
    Py_ssize_t size
    Py_ssize_t block
    Py_ssize_t scratch  # bytes a thread needs
    Py_ssize_t product  # where in the scratch memory the weighted numbers go
    fl_map map
    fl_row_map row_map
    fl_rows rows  # what all blocks of rows have in common
    Py_ssize_t row_scratch  # where in the scratch memory a kernel of rows has its own
    Py_ssize_t row_weight  # where what the rows count for in the mean goes; -1: nowhere
    const double *parameters
    const fl_passes *passes
    const fl_passes *double_passes
    int (*bad_weights)(const double *, Py_ssize_t) noexcept nogil
    double divisor
    int ndim
    int inputs
    int gradients
    int want
    int summed
    int number  # type code of the precision
    bint weighted
    bint mean
    bint indices  # the labels are class indices
    bint row_weighted  # what a row counts for in the mean is more than its sample weight
    bint counting  # adds the sample weights up
    bint follows  # another job has just read the same inputs of the same block
    bint finished  # the derivatives are changed for boosting
    double gradient_factor
    double hessian_factor
    double floor
    double sign

# What one thread found out.
cdef struct Findings:
    fl_sum total
    fl_sum weight
    double least  # the smallest Hessian
    int flags


cdef void clear(Findings *findings) noexcept nogil:
    memset(findings, 0, sizeof(Findings))
    findings.least = INFINITY


cdef int take(Job *job, Py_buffer *buffers, int place, item, int flags, Py_ssize_t width=0) except -1:
    """Make the array and type code ``item`` the operand at ``place``; ``width`` is the length of its axis of classes."""
    cdef Operand *operand = &job.operand[place]
    cdef Py_buffer *buffer = &buffers[place]
    cdef int code = item[1]
    cdef int axis
    PyObject_GetBuffer(item[0], buffer, flags)
    operand.given = True
    operand.data = <char *> buffer.buf
    operand.type = code & 0xff
    operand.itemsize = ITEMSIZE[operand.type]
    operand.swapped = code & 0x100 != 0
    operand.width = width or 1
    operand.step = buffer.strides[buffer.ndim - 1] if width else operand.itemsize
    if job.ndim < 0:
        job.ndim = buffer.ndim - (width > 0)
        job.size = 1
        for axis in range(job.ndim):
            job.shape[axis] = buffer.shape[axis]
            job.size *= buffer.shape[axis]
    # _arrays.py has compared the shapes; this keeps a mistake there from reading foreign memory
    if buffer.ndim != job.ndim + (width > 0) or buffer.itemsize != operand.itemsize:
        raise AssertionError(f"operand {place} does not fit the job")
    if width and buffer.shape[job.ndim] != width:
        raise AssertionError(f"operand {place} does not fit the job")
    for axis in range(job.ndim):
        if buffer.shape[axis] != job.shape[axis]:
            raise AssertionError(f"operand {place} does not fit the job")
        operand.strides[axis] = buffer.strides[axis]
    return 0


cdef bint in_c_order(const Job *job, const Operand *operand) noexcept nogil:
    cdef Py_ssize_t step = operand.itemsize * operand.width
    cdef int axis
    if operand.step != operand.itemsize and operand.width != 1:
        return False
    for axis in range(job.ndim - 1, -1, -1):
        if job.shape[axis] != 1 and operand.strides[axis] != step:
            return False
        step *= job.shape[axis]
    return True


cdef void move_axis(Job *job, int source, int target) noexcept nogil:
    cdef int place
    job.shape[target] = job.shape[source]
    for place in range(MAX_OPERANDS):
        if job.operand[place].given:
            job.operand[place].strides[target] = job.operand[place].strides[source]


cdef Py_ssize_t step_of(const Job *job, int axis) noexcept nogil:
    """How far apart the last input's elements are along an axis."""
    return step_size(job.operand[job.inputs - 1].strides[axis])


cdef void simplify(Job *job) noexcept nogil:
    """Fewer axes, the same elements: the order in which they are visited is free, because sums are exact."""
    cdef bint all_in_c_order = True
    cdef bint mergeable
    cdef int place, axis, other, kept
    for place in range(MAX_OPERANDS):
        if job.operand[place].given and not in_c_order(job, &job.operand[place]):
            all_in_c_order = False
    if all_in_c_order:
        job.ndim = 1
        job.shape[0] = job.size
        for place in range(MAX_OPERANDS):
            job.operand[place].strides[0] = job.operand[place].itemsize * job.operand[place].width
        return
    kept = 0
    for axis in range(job.ndim):
        if job.shape[axis] != 1:
            move_axis(job, axis, kept)
            kept += 1
    job.ndim = kept
    # Insertion sort, longest steps first. MAX_DIMS - 1 serves as the free place: an array of 64 axes has one of length 1,
    # or no more than one element.
    for axis in range(1, job.ndim):
        move_axis(job, axis, MAX_DIMS - 1)
        other = axis
        while other > 0 and step_of(job, other - 1) < step_of(job, MAX_DIMS - 1):
            move_axis(job, other - 1, other)
            other -= 1
        move_axis(job, MAX_DIMS - 1, other)
    kept = 0
    for axis in range(1, job.ndim):
        mergeable = True
        for place in range(MAX_OPERANDS):
            if job.operand[place].given and (
                job.operand[place].strides[kept] != job.operand[place].strides[axis] * job.shape[axis]
            ):
                mergeable = False
        if mergeable:
            job.shape[axis] *= job.shape[kept]
        else:
            kept += 1
        move_axis(job, axis, kept)
    job.ndim = kept + 1


cdef void lay_out(Job *job) noexcept nogil:
    """Give every operand that is not read or written in place its buffers."""
    cdef Operand *operand
    cdef int place, number
    cdef Py_ssize_t longest = job.block if job.block < job.size else job.size
    cdef Py_ssize_t bytes_per_buffer
    job.scratch = 0
    for place in range(MAX_OPERANDS):
        operand = &job.operand[place]
        operand.buffer = -1
        operand.packed = -1
        number = FL_FROM_F64 if place == WEIGHTS else FL_FROM_TYPES if place == 0 and job.indices else job.number
        bytes_per_buffer = room(longest * operand.width)
        if operand.given:
            operand.dense = (
                job.ndim == 1
                and (operand.strides[0] == operand.itemsize * operand.width or job.size == 1)
                and (operand.step == operand.itemsize or operand.width == 1)
                and not operand.swapped
                and <size_t> operand.data % operand.itemsize == 0
            )
            operand.direct = operand.dense and operand.type == number
            operand.streamed = (
                place >= OUTPUTS and operand.direct and job.size * operand.width * operand.itemsize >= STREAM_BYTES
            )
            # A derivative that is divided afterwards reaches its array with that pass: memory is written once.
            if not operand.direct or operand.streamed or (place > OUTPUTS and divided(job) and job.row_map == NULL):
                operand.buffer = job.scratch
                job.scratch += bytes_per_buffer
            if operand.type != number and not operand.dense:
                operand.packed = job.scratch
                job.scratch += bytes_per_buffer
        elif place >= OUTPUTS and wanted(job, place):
            operand.buffer = job.scratch
            job.scratch += bytes_per_buffer
    job.product = job.scratch
    if job.weighted:
        job.scratch += room(longest)
    job.row_scratch = job.scratch
    if job.row_map != NULL:
        active.row_block(job.rows.classes, &longest)
        job.scratch += room(longest)
    job.row_weight = -1
    if job.row_weighted:
        job.row_weight = job.scratch
        job.scratch += room(job.block)


cdef inline Py_ssize_t room(Py_ssize_t numbers) noexcept nogil:
    """The bytes of a buffer for so many numbers."""
    return (8 * numbers + 63) & ~<Py_ssize_t> 63


cdef bint divided(const Job *job) noexcept nogil:
    return job.weighted or job.divisor != 1.0


cdef bint wanted(const Job *job, int place) noexcept nogil:
    cdef int output = place - OUTPUTS
    if output == 0:
        return job.want & FL_VALUE != 0
    if output <= 2:
        return job.want & FL_GRADIENT != 0 and output - 1 < job.gradients
    return job.want & FL_HESSIAN != 0 and output - 3 < job.gradients


# ---- a block ---------------------------------------------------------------------------------------------------

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


cdef inline Py_ssize_t step_size(Py_ssize_t step) noexcept nogil:
    return -step if step < 0 else step


cdef inline void copy_either_way(
    char *packed, Py_ssize_t packed_step, char *item, Py_ssize_t step, Py_ssize_t n, const Operand *operand, bint outward
) noexcept nogil:
    if outward:
        copy_items(item, step, packed, packed_step, n, operand.itemsize, operand.swapped)
    else:
        copy_items(packed, packed_step, item, step, n, operand.itemsize, operand.swapped)


cdef void move_items(
    const Job *job, const Operand *operand, char *packed, Py_ssize_t first, Py_ssize_t count, bint outward
) noexcept nogil:
    """Copy the items of elements first ... first + count of a strided operand to ``packed``, or back."""
    cdef Py_ssize_t[MAX_DIMS] index
    cdef Py_ssize_t rest = first
    cdef Py_ssize_t run, itemsize = operand.itemsize
    cdef Py_ssize_t inner = job.shape[job.ndim - 1]
    cdef Py_ssize_t step = operand.strides[job.ndim - 1]
    cdef Py_ssize_t k
    cdef char *item = operand.data
    cdef int axis
    for axis in range(job.ndim - 1, -1, -1):
        index[axis] = rest % job.shape[axis]
        rest //= job.shape[axis]
        item += index[axis] * operand.strides[axis]
    while True:
        run = inner - index[job.ndim - 1]
        if run > count:
            run = count
        # the shorter steps inside
        if operand.width > 1 and step_size(operand.step) <= step_size(step):
            for k in range(run):
                copy_either_way(
                    packed + k * itemsize * operand.width, itemsize, item + k * step, operand.step, operand.width, operand, outward
                )
        else:
            for k in range(operand.width):
                copy_either_way(
                    packed + k * itemsize, itemsize * operand.width, item + k * operand.step, step, run, operand, outward
                )
        packed += run * itemsize * operand.width
        count -= run
        if count == 0:
            return
        # the next run begins where the inner axis begins again
        item -= index[job.ndim - 1] * step
        index[job.ndim - 1] = 0
        axis = job.ndim - 2
        item += operand.strides[axis]
        index[axis] += 1
        while index[axis] == job.shape[axis]:
            item -= index[axis] * operand.strides[axis]
            index[axis] = 0
            axis -= 1
            item += operand.strides[axis]
            index[axis] += 1


cdef inline const void *read_block(
    const Job *job, const Operand *operand, const fl_passes *passes, char *scratch, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """The operand's numbers, in the precision of ``passes``: in place, or converted into the scratch memory."""
    cdef const char *items
    if job.follows and operand.buffer >= 0:
        return scratch + operand.buffer
    items = read_items(job, operand, scratch, first, count)
    if operand.buffer < 0 or items == scratch + operand.buffer:
        return items
    passes.load[operand.type](items, scratch + operand.buffer, count * operand.width)
    return scratch + operand.buffer


cdef inline const char *read_items(
    const Job *job, const Operand *operand, char *scratch, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """The operand's items side by side: in place, or moved into the scratch memory."""
    cdef char *items
    if operand.dense:
        return operand.data + first * operand.itemsize * operand.width
    items = scratch + (operand.packed if operand.packed >= 0 else operand.buffer)
    move_items(job, operand, items, first, count, False)
    return items


cdef inline void *array_target(const Job *job, int place, Py_ssize_t first) noexcept nogil:
    return job.operand[place].data + first * job.operand[place].itemsize * job.operand[place].width


cdef inline void *block_target(const Job *job, int place, char *scratch, Py_ssize_t first) noexcept nogil:
    """Where the kernel writes an output: into the array, or into the scratch memory."""
    cdef const Operand *operand = &job.operand[place]
    if not wanted(job, place):
        return NULL
    if operand.buffer >= 0:
        return scratch + operand.buffer
    return array_target(job, place, first)


cdef inline void write_block(
    const Job *job, int place, const fl_passes *passes, const void *numbers, char *scratch, Py_ssize_t first, Py_ssize_t count
) noexcept nogil:
    """Convert numbers of the precision of ``passes`` to the output's type and put them in their places."""
    cdef const Operand *operand = &job.operand[place]
    cdef char *items
    if operand.streamed and numbers == <const void *> (scratch + operand.buffer):
        active.stream(numbers, array_target(job, place, first), count * operand.width * operand.itemsize)
        return
    if operand.dense:
        passes.store[operand.type](numbers, array_target(job, place, first), count * operand.width)
        return
    items = scratch + (operand.packed if operand.packed >= 0 else operand.buffer)
    if <const void *> items != numbers:
        passes.store[operand.type](numbers, items, count * operand.width)
    move_items(job, operand, items, first, count, True)


cdef inline void finish_block(const Job *job, int place, void *numbers, Py_ssize_t n, Findings *findings) noexcept nogil:
    """What boosting makes of the derivatives in the cache, and what it wants to know of them."""
    cdef double bound = BOUNDS[job.operand[place].type]
    if place < HESSIANS:
        if job.passes.finish_gradient(numbers, job.gradient_factor, bound, n):
            findings.flags |= 16
    elif job.passes.finish_hessian(numbers, job.hessian_factor, job.floor, job.sign, bound, &findings.least, n):
        findings.flags |= 16


cdef void do_block(const Job *job, char *scratch, Py_ssize_t first, Py_ssize_t count, Findings *findings) noexcept nogil:
    cdef fl_block block
    cdef const double *weights = NULL
    cdef double *product = <double *> (scratch + job.product)
    cdef const void *summand
    cdef void *derivative
    cdef void *quotient
    cdef bint in_place
    cdef int k, place
    for k in range(job.inputs):
        block.input[k] = read_block(job, &job.operand[k], job.passes, scratch, first, count)
    if job.weighted:
        weights = <const double *> read_block(job, &job.operand[WEIGHTS], job.double_passes, scratch, first, count)
        if not job.follows and job.bad_weights(weights, count):
            findings.flags |= 2
        if job.counting:
            job.double_passes.sum(&findings.weight, weights, count)
    if job.map != NULL:
        block.value = block_target(job, OUTPUTS, scratch, first)
        for k in range(job.gradients):
            block.gradient[k] = block_target(job, OUTPUTS + 1 + k, scratch, first)
            block.hessian[k] = block_target(job, OUTPUTS + 3 + k, scratch, first)
        findings.flags |= job.map(&block, count, job.parameters)
    if job.summed or (job.weighted and job.operand[OUTPUTS].given):
        summand = block.input[0] if job.map == NULL else block.gradient[0] if job.summed == FL_GRADIENT else block.value
        if job.weighted:
            job.passes.weigh(summand, weights, product, count)
        if job.summed and job.weighted:
            job.double_passes.sum(&findings.total, product, count)
        elif job.summed:
            job.passes.sum(&findings.total, summand, count)
    if job.operand[OUTPUTS].given:
        if job.weighted:
            write_block(job, OUTPUTS, job.double_passes, product, scratch, first, count)
        elif job.operand[OUTPUTS].buffer >= 0:
            write_block(job, OUTPUTS, job.passes, block.value, scratch, first, count)
    for place in range(OUTPUTS + 1, MAX_OPERANDS):
        if not job.operand[place].given:
            continue
        derivative = block_target(job, place, scratch, first)
        in_place = job.operand[place].direct and not job.operand[place].streamed
        quotient = array_target(job, place, first) if in_place else derivative
        if job.weighted:
            job.passes.weigh_and_divide(derivative, weights, job.divisor, quotient, count)
        elif job.divisor != 1.0:
            job.passes.divide(derivative, job.divisor, quotient, count)
        if job.finished:
            finish_block(job, place, quotient, count, findings)
        if not in_place:
            write_block(job, place, job.passes, derivative, scratch, first, count)


cdef void do_row_block(const Job *job, char *scratch, Py_ssize_t first, Py_ssize_t count, Findings *findings) noexcept nogil:
    cdef fl_rows rows = job.rows
    cdef double *product = <double *> (scratch + job.product)
    cdef void *derivative
    cdef const char *items
    cdef int k, place
    if job.indices:
        if not job.follows:
            items = read_items(job, &job.operand[0], scratch, first, count)
            active.labels[job.operand[0].type](
                items, <int64_t *> (scratch + job.operand[0].buffer), count * job.operand[0].width
            )
        rows.label = <const int64_t *> (scratch + job.operand[0].buffer)
    else:
        rows.y_true = read_block(job, &job.operand[0], job.passes, scratch, first, count)
    rows.y_pred = read_block(job, &job.operand[1], job.passes, scratch, first, count)
    if job.weighted:
        rows.sample_weight = <const double *> read_block(job, &job.operand[WEIGHTS], job.double_passes, scratch, first, count)
        if not job.follows and job.bad_weights(rows.sample_weight, count):
            findings.flags |= 2
    rows.value = block_target(job, OUTPUTS, scratch, first)
    for k in range(FL_MAX_GRADIENTS):
        rows.gradient[k] = block_target(job, OUTPUTS + 1 + k, scratch, first)
        rows.hessian[k] = block_target(job, OUTPUTS + 3 + k, scratch, first)
    rows.scratch = scratch + job.row_scratch
    rows.rows = count
    if job.row_weighted:
        rows.weight = <double *> (scratch + job.row_weight)
    findings.flags |= job.row_map(&rows, job.parameters, job.want)
    if job.row_weighted:
        job.double_passes.sum(&findings.weight, rows.weight, count)
    elif job.counting:
        job.double_passes.sum(&findings.weight, rows.sample_weight, count)
    if rows.value != NULL and job.weighted:
        job.passes.weigh(rows.value, rows.sample_weight, product, count)
        if job.summed:
            job.double_passes.sum(&findings.total, product, count)
        if job.operand[OUTPUTS].given:
            write_block(job, OUTPUTS, job.double_passes, product, scratch, first, count)
    elif rows.value != NULL:
        if job.summed:
            job.passes.sum(&findings.total, rows.value, count)
        if job.operand[OUTPUTS].given and job.operand[OUTPUTS].buffer >= 0:
            write_block(job, OUTPUTS, job.passes, rows.value, scratch, first, count)
    for place in range(OUTPUTS + 1, MAX_OPERANDS):
        if not job.operand[place].given:
            continue
        derivative = block_target(job, place, scratch, first)
        if job.finished:
            finish_block(job, place, derivative, count * job.operand[place].width, findings)
        if job.operand[place].buffer >= 0:
            write_block(job, place, job.passes, derivative, scratch, first, count)


cdef void do_blocks(
    const Job *jobs, int n_jobs, char *scratch, Py_ssize_t block, Py_ssize_t end, Findings *findings
) noexcept nogil:
    """The blocks from ``block`` to ``end``: all jobs do one block, then the next."""
    cdef fl_environment saved = fl_environment_enter()
    cdef Py_ssize_t first, count
    cdef int k
    while block < end:
        first = block * jobs.block
        count = jobs.block if first + jobs.block <= jobs.size else jobs.size - first
        for k in range(n_jobs):
            if jobs[k].row_map != NULL:
                do_row_block(&jobs[k], scratch, first, count, &findings[k])
            else:
                do_block(&jobs[k], scratch, first, count, &findings[k])
        block += 1
    fl_store_fence()
    fl_environment_leave(saved)


# ---- threads ---------------------------------------------------------------------------------------------------

cdef int configured_threads = 0  # 0: decided by the environment
cdef int quota_threads = 0  # what the container allows; 0: no limit


def configure_threads(int n, int quota):
    """Set the number of threads of the process (0: as many as OpenMP, the affinity and the quota allow)."""
    global configured_threads, quota_threads
    configured_threads = n
    quota_threads = quota


def local_threads(int n):
    """Set the number of threads of the calling Python thread (0: that of the process); returns the previous one."""
    previous = fl_local_threads()
    fl_set_local_threads(n)
    return previous


cpdef int thread_count() noexcept:
    """The number of threads a large call made now by this Python thread would use."""
    cdef int n = fl_local_threads() or configured_threads
    cdef int limit
    if not n:
        n = fl_openmp_threads()
        limit = fl_affinity()
        if limit and limit < n:
            n = limit
        if quota_threads and quota_threads < n:
            n = quota_threads
    return 1 if n < 1 else FL_MOST_THREADS if n > FL_MOST_THREADS else n


cdef struct Shift:
    const Job *jobs
    int n_jobs
    char *scratch
    Py_ssize_t room  # scratch memory of a member
    Findings *findings
    Py_ssize_t next  # the first block nobody has taken
    Py_ssize_t end
    Py_ssize_t step  # blocks to take at a time


cdef void do_shift(void *context, int member) noexcept nogil:
    """Take blocks until none is left: what each member of a team does."""
    cdef Shift *shift = <Shift *> context
    cdef Py_ssize_t block, end
    while True:
        block = __atomic_fetch_add(&shift.next, shift.step, __ATOMIC_RELAXED)
        if block >= shift.end:
            return
        end = block + shift.step if block + shift.step < shift.end else shift.end
        do_blocks(
            shift.jobs,
            shift.n_jobs,
            shift.scratch + member * shift.room,
            block,
            end,
            &shift.findings[member * shift.n_jobs],
        )


cdef int do_jobs(const Job *jobs, int n_jobs, Findings *results) except -1:
    """All blocks of jobs over one shape; the first ones in this thread alone, to see what the others are worth.

    Jobs after the first one that follow it find its inputs where it has put them.
    """
    cdef Py_ssize_t blocks = (jobs.size + jobs.block - 1) // jobs.block
    cdef Py_ssize_t slice
    cdef Shift shift
    cdef double seconds
    cdef int threads = 1, member, k
    cdef char *scratch
    cdef Findings *findings = NULL
    shift.room = 0
    for k in range(n_jobs):
        if jobs[k].scratch > shift.room:
            shift.room = jobs[k].scratch
    scratch = <char *> malloc(shift.room + 64)
    if scratch == NULL:
        raise MemoryError(f"no memory for {shift.room} bytes of buffers")
    if blocks <= SHORT_BLOCKS:
        do_blocks(jobs, n_jobs, aligned(scratch), 0, blocks, results)
        free(scratch)
        return 0
    shift.jobs = jobs
    shift.n_jobs = n_jobs
    shift.end = blocks if blocks < FIRST_BLOCKS else FIRST_BLOCKS
    with nogil:
        seconds = fl_seconds()
        do_blocks(jobs, n_jobs, aligned(scratch), 0, shift.end, results)
        seconds = (fl_seconds() - seconds + 1e-9) / shift.end
    try:
        if seconds * (blocks - shift.end) > PARALLEL_SECONDS:
            threads = thread_count()
        if threads > 1:
            free(scratch)
            scratch = <char *> malloc(threads * shift.room + 64)
            findings = <Findings *> malloc(threads * n_jobs * sizeof(Findings))
            if scratch == NULL or findings == NULL:
                raise MemoryError(f"no memory for the buffers of {threads} threads")
            for member in range(threads * n_jobs):
                clear(&findings[member])
        shift.scratch = aligned(scratch)
        shift.findings = findings if findings != NULL else results
        # some turns for each member, so that they end together
        shift.step = (blocks - shift.end) // (8 * threads) + 1
        if shift.step > MOST_BLOCKS:
            shift.step = MOST_BLOCKS
        slice = 1 + <Py_ssize_t> (threads * INTERRUPT_SECONDS / seconds)
        while shift.end < blocks:
            shift.next = shift.end
            shift.end = shift.end + slice if slice < blocks - shift.end else blocks
            with nogil:
                fl_work_together(threads, do_shift, &shift)
            PyErr_CheckSignals()
        if findings != NULL:
            for member in range(threads * n_jobs):
                k = member % n_jobs
                fl_sum_merge(&results[k].total, &findings[member].total)
                fl_sum_merge(&results[k].weight, &findings[member].weight)
                results[k].flags |= findings[member].flags
                if findings[member].least < results[k].least:
                    results[k].least = findings[member].least
    finally:
        free(scratch)
        free(findings)
    return 0


cdef char *aligned(char *memory) noexcept nogil:
    return <char *> ((<size_t> memory + 63) & ~<size_t> 63)


cdef extern from "Python.h":
    int PyGILState_Ensure()


def keep_thread_state():
    """Keep Python's state of the calling thread for as long as the interpreter lives.

    Libraries that call Python from threads of their own make a state for each call and throw it away afterwards, which asks
    the system for memory and gives it back, thousands of times a second. What stays is some kilobytes for each such thread.
    """
    # a count that nobody takes down again
    PyGILState_Ensure()


# ---- the entry points ------------------------------------------------------------------------------------------

cdef double mean_of(const fl_sum *total, double weight) noexcept:
    """A sum divided by the weight, rounded once and divided once."""
    cdef double sum = fl_sum_round(total, 0)
    if sum - sum != 0.0 and not (total.nans or total.positive_infinities or total.negative_infinities):
        # only the sum is too large for a double
        return fl_sum_round(total, 64) / weight * 18446744073709551616.0
    return sum / weight


cdef double finish(const Job *job, Findings *result) noexcept:
    """The sum, or the mean, of all samples."""
    cdef fl_environment saved = fl_environment_enter()
    cdef double total, weight
    if not job.mean:
        total = fl_sum_round(&result.total, 0)
    else:
        weight = fl_sum_round(&result.weight, 0) if job.weighted or job.row_weighted else <double> job.size
        if weight == 0.0:
            result.flags |= 4
        total = mean_of(&result.total, weight) if weight != 0.0 else 0.0
    fl_environment_leave(saved)
    return total


def run(
    Program program, bint single, int want, int summed, bint mean, tuple inputs, weights, tuple outputs, double divisor
):
    """Compute ``want`` of one loss over all elements.

    ``inputs`` are pairs of array and type code, ``weights`` is one or None, ``outputs`` holds one or None for value, gradients
    (2 places) and Hessians (2 places), or nothing; all have one shape. ``single`` picks the precision. ``summed`` names the
    output whose exact (weighted) sum is returned, or 0; ``mean`` divides it by the number of elements or the sum of the
    weights. Derivatives are weighted and divided by ``divisor``. Without a program the first input itself is summed.

    Returns the sum and what was found out about the data: OUTSIDE_DOMAIN, BAD_WEIGHT, NO_WEIGHT.
    """
    cdef Job job
    cdef Py_buffer[MAX_OPERANDS] buffers
    cdef Findings result
    cdef int place
    set_up(&job, single, want, summed, mean, weights is not None, divisor)
    set_up_elements(&job, program, single, want, <int> len(inputs))
    try:
        for place in range(job.inputs):
            take(&job, buffers, place, inputs[place], PyBUF_STRIDED_RO)
        if weights is not None:
            take(&job, buffers, WEIGHTS, weights, PyBUF_STRIDED_RO)
        for place in range(len(outputs)):
            if outputs[place] is not None:
                take(&job, buffers, OUTPUTS + place, outputs[place], PyBUF_STRIDED)
        return perform(&job, &result)
    finally:
        release(&job, buffers)


def run_rows(
    Program program,
    Classes classes,
    bint single,
    int want,
    int summed,
    bint mean,
    labels,
    predictions,
    Py_ssize_t width,
    bint indices,
    weights,
    tuple outputs,
    double divisor,
):
    """Compute ``want`` of a loss of rows: ``width`` predictions each, classes by index, lists of indices, or shares of them.

    Arguments and results are those of `run`. With no ``want``, and ``mean``, the sum that is returned is that of what the rows
    count for in the mean.
    """
    cdef Job job
    cdef Py_buffer[MAX_OPERANDS] buffers
    cdef Findings result
    cdef bint wide = labels[0].ndim == predictions[0].ndim
    cdef int place
    set_up(&job, single, want, summed, mean, weights is not None, divisor)
    set_up_rows(&job, program, classes, single, width, indices, wide)
    try:
        take(&job, buffers, 1, predictions, PyBUF_STRIDED_RO, width)
        take(&job, buffers, 0, labels, PyBUF_STRIDED_RO, width if wide else 0)
        if weights is not None:
            take(&job, buffers, WEIGHTS, weights, PyBUF_STRIDED_RO)
        for place in range(len(outputs)):
            if outputs[place] is not None:
                take(&job, buffers, OUTPUTS + place, outputs[place], PyBUF_STRIDED, width if place else 0)
        return perform(&job, &result)
    finally:
        release(&job, buffers)


cdef void set_up(Job *job, bint single, int want, int summed, bint mean, bint weighted, double divisor) noexcept:
    cdef int place
    memset(&job.rows, 0, sizeof(job.rows))
    for place in range(MAX_OPERANDS):
        job.operand[place].given = False
        job.operand[place].width = 1
    job.ndim = -1
    job.gradients = 0
    job.map = NULL
    job.row_map = NULL
    job.indices = False
    job.row_weighted = False
    job.number = FL_FROM_F32 if single else FL_FROM_F64
    job.passes = active.passes[0 if single else 1]
    job.double_passes = active.passes[1]
    job.bad_weights = active.bad_weights
    job.want = want
    job.summed = summed
    job.mean = mean
    job.weighted = weighted
    job.counting = weighted and mean
    job.follows = False
    job.finished = False
    job.divisor = divisor


cdef int set_up_elements(Job *job, Program program, bint single, int want, int inputs) except -1:
    cdef const fl_kernel *kernel
    job.inputs = inputs
    job.block = FL_BLOCK if single else FL_BLOCK // 2
    if program is None:
        return 0
    kernel = &active.kernel[program.index]
    if inputs != kernel.inputs:
        raise AssertionError(f"{program.kernel} takes {kernel.inputs} inputs, got {inputs}")
    job.gradients = kernel.gradients
    job.map = kernel.map[0 if single else 1][want]
    job.parameters = program.parameters
    return 0


cdef void set_up_rows(
    Job *job, Program program, Classes classes, bint single, Py_ssize_t width, bint indices, bint wide
) noexcept:
    cdef Py_ssize_t scratch
    job.inputs = 2
    job.gradients = active.kernel[program.index].gradients
    job.indices = indices
    job.row_weighted = job.mean and classes.weighs
    job.counting = job.counting and not job.row_weighted
    job.row_map = active.kernel[program.index].rows[0 if single else 1]
    job.parameters = program.parameters
    job.block = active.row_block(width, &scratch)
    job.rows.classes = width
    job.rows.divisor = job.divisor
    job.rows.lists = indices and wide
    classes.tell(&job.rows)


cdef perform(Job *job, Findings *result):
    """Do the job; returns the sum, and what was found out."""
    cdef double total = 0.0
    clear(result)
    if job.size:
        simplify(job)
        lay_out(job)
        do_jobs(job, 1, result)
    if job.summed:
        total = finish(job, result)
    elif job.row_weighted:
        total = fl_sum_round(&result.weight, 0)
    return total, result.flags


cdef void release(Job *job, Py_buffer *buffers) noexcept:
    cdef int place
    for place in range(MAX_OPERANDS):
        if job.operand[place].given:
            PyBuffer_Release(&buffers[place])


def derive(
    Program program,
    Classes classes,
    tuple inputs,
    bint single,
    weights,
    gradient,
    hessian,
    tuple factors,
    Py_ssize_t width=0,
    bint indices=False,
):
    """Write weighted derivatives for boosting.

    ``gradient`` and ``hessian`` are arrays, the second one or None. Of the four ``factors``, the first multiplies the gradient,
    the second the Hessian, which is then raised to the third and multiplied by the fourth, a sign. The other arguments are
    those of `run`, or with ``classes`` those of `run_rows`.

    Returns the smallest Hessian before it was raised (infinity: there is none) and what was found out about the data, with
    INFINITE_DERIVATIVE for a derivative that is no finite number of its array's type.
    """
    cdef Job job
    cdef Py_buffer[MAX_OPERANDS] buffers
    cdef Findings result
    cdef bint wide
    cdef int want = FL_GRADIENT if hessian is None else FL_GRADIENT | FL_HESSIAN
    set_up(&job, single, want, 0, False, weights is not None, 1.0)
    if classes is None:
        set_up_elements(&job, program, single, want, <int> len(inputs))
    else:
        wide = inputs[0][0].ndim == inputs[1][0].ndim
        set_up_rows(&job, program, classes, single, width, indices, wide)
    job.finished = True
    job.gradient_factor, job.hessian_factor, job.floor, job.sign = factors
    try:
        take(&job, buffers, 1, inputs[1], PyBUF_STRIDED_RO, width)
        take(&job, buffers, 0, inputs[0], PyBUF_STRIDED_RO, width if classes is not None and wide else 0)
        if weights is not None:
            take(&job, buffers, WEIGHTS, weights, PyBUF_STRIDED_RO)
        take(&job, buffers, OUTPUTS + 1, (gradient, codes[gradient.dtype]), PyBUF_STRIDED, width)
        if hessian is not None:
            take(&job, buffers, HESSIANS, (hessian, codes[hessian.dtype]), PyBUF_STRIDED, width)
        perform(&job, &result)
        return result.least, result.flags
    finally:
        release(&job, buffers)


def accumulate(
    list programs, classes, bint single, tuple inputs, weights, Py_ssize_t width=0, bint indices=False
):
    """Sum the values of several losses over the same inputs, which are read once.

    ``programs`` are the losses, all of elements or, with a `Classes` for each in ``classes``, all of rows of ``width``
    predictions; the other arguments are those of `run` and `run_rows`.

    Returns
    -------
    list of tuples
        For each loss the `Sum` of its weighted values, the `Sum` of what the samples count for in a mean (None where each counts
        for one) and what was found out about the data.
    """
    cdef int n = <int> len(programs), k, place
    cdef bint wide = classes is not None and inputs[0][0].ndim == inputs[1][0].ndim
    cdef Job *jobs = <Job *> PyMem_Malloc(n * sizeof(Job))
    cdef Py_buffer *buffers = <Py_buffer *> PyMem_Malloc(n * MAX_OPERANDS * sizeof(Py_buffer))
    cdef Findings *results = <Findings *> PyMem_Malloc(n * sizeof(Findings))
    cdef bint counted = False
    cdef Program program
    cdef Classes rows
    cdef int made = 0
    try:
        if jobs == NULL or buffers == NULL or results == NULL:
            raise MemoryError(f"no memory for {n} losses at once")
        for k in range(n):
            clear(&results[k])
            program = programs[k]
            set_up(&jobs[k], single, FL_VALUE, FL_VALUE, True, weights is not None, 1.0)
            made = k + 1
            if classes is None:
                set_up_elements(&jobs[k], program, single, FL_VALUE, <int> len(inputs))
            else:
                rows = classes[k]
                set_up_rows(&jobs[k], program, rows, single, width, indices, wide)
                take(&jobs[k], &buffers[k * MAX_OPERANDS], 1, inputs[1], PyBUF_STRIDED_RO, width)
                take(&jobs[k], &buffers[k * MAX_OPERANDS], 0, inputs[0], PyBUF_STRIDED_RO, width if wide else 0)
            for place in range(0 if classes is None else 2, jobs[k].inputs):
                take(&jobs[k], &buffers[k * MAX_OPERANDS], place, inputs[place], PyBUF_STRIDED_RO)
            if weights is not None:
                take(&jobs[k], &buffers[k * MAX_OPERANDS], WEIGHTS, weights, PyBUF_STRIDED_RO)
            jobs[k].follows = k > 0
            jobs[k].counting = jobs[k].counting and not counted
            counted = counted or jobs[k].counting
            if jobs[k].size:
                simplify(&jobs[k])
                lay_out(&jobs[k])
        if jobs.size:
            do_jobs(jobs, n, results)
        return sums_of(jobs, n, results)
    finally:
        for k in range(made):
            release(&jobs[k], &buffers[k * MAX_OPERANDS])
        PyMem_Free(jobs)
        PyMem_Free(buffers)
        PyMem_Free(results)


cdef list sums_of(const Job *jobs, int n, const Findings *results):
    cdef int k
    common = None
    for k in range(n):
        if jobs[k].counting:
            common = Sum.of(&results[k].weight)
    return [
        (
            Sum.of(&results[k].total),
            Sum.of(&results[k].weight) if jobs[k].row_weighted else common,
            results[k].flags,
        )
        for k in range(n)
    ]


cdef class Sum:
    """An exact sum of numbers: what it is does not depend on their order, nor on how the sums of parts are put together."""

    cdef fl_sum sum

    def __cinit__(self):
        fl_sum_clear(&self.sum)

    @staticmethod
    cdef Sum of(const fl_sum *sum):
        cdef Sum self = Sum.__new__(Sum)
        fl_sum_merge(&self.sum, sum)
        return self

    def add(self, x):
        """Add another sum, or a number."""
        if isinstance(x, Sum):
            fl_sum_merge(&self.sum, &(<Sum> x).sum)
        else:
            fl_sum_deposit(&self.sum, x)

    def __float__(self):
        return fl_sum_round(&self.sum, 0)

    def over(self, double weight):
        """Divide by a number that is not zero."""
        return mean_of(&self.sum, weight)

    def to_bytes(self):
        """Return the same bytes for the same sum, on every machine."""
        cdef Sum carried = Sum.of(&self.sum)
        return numpy.frombuffer((<const char *> &carried.sum)[:SUM_BYTES], numpy.int64).astype("<i8").tobytes()

    @staticmethod
    def from_bytes(data):
        """Make the sum of which these are the bytes."""
        cdef Sum self = Sum.__new__(Sum)
        cdef bytes native
        numbers = numpy.frombuffer(data, "<i8").astype(numpy.int64)
        if len(numbers) * 8 != SUM_BYTES or (numbers[: FL_SUM_BINS - 1] >> FL_SUM_BITS).any() or (numbers[FL_SUM_BINS:] < 0).any():
            raise ValueError(f"these {len(data)} bytes are not those of a sum")
        native = numbers.tobytes()
        memcpy(&self.sum, <const char *> native, SUM_BYTES)
        self.sum.pending = 1
        return self


def map_function(str name, x, y):
    """Apply an elementary function to the contiguous float32 or float64 array ``x``, into ``y`` of the same type."""
    cdef Py_buffer source, target
    cdef int i, precision = 0 if x.dtype.itemsize == 4 else 1
    for i in range(active.functions):
        if active.function[i].name.decode() == name:
            break
    else:
        raise ValueError(f"no elementary function is called {name!r}")
    if y.dtype != x.dtype or y.size != x.size:
        raise ValueError("x and y must have one type and size")
    PyObject_GetBuffer(x, &source, PyBUF_STRIDED_RO)
    PyObject_GetBuffer(y, &target, PyBUF_STRIDED)
    active.function[i].map[precision](source.buf, target.buf, source.len // source.itemsize)
    PyBuffer_Release(&source)
    PyBuffer_Release(&target)


def functions():
    """Names of the elementary functions."""
    return tuple(active.function[i].name.decode() for i in range(active.functions))


fl_install_fork_handlers()


# ---- metrics: exact sums that are kept, counts of labels, and other statistics ---------------------------------
#
# Operands are pairs of array and type code, as above. What is found is added to a state of the caller's.

cdef extern from "metrics.h" nogil:
    enum:
        FL_FROM_I64
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


cdef class Sums:
    """Exact sums, as many as there are places: what `add_losses` adds to. They merge, and can be pickled.

    Whatever was added in whatever order and grouping, equal numbers give equal bits, also of the pickle.
    """

    cdef fl_sum *sums
    cdef readonly Py_ssize_t count

    def __cinit__(self, Py_ssize_t count):
        if count < 0:
            raise ValueError(f"count must be >= 0; got {count}")
        self.sums = <fl_sum *> PyMem_Malloc(count * sizeof(fl_sum) + 1)
        if self.sums == NULL:
            raise MemoryError(f"no memory for {count} exact sums")
        memset(self.sums, 0, count * sizeof(fl_sum))
        self.count = count

    def __dealloc__(self):
        PyMem_Free(self.sums)

    cdef fl_sum *at(self, Py_ssize_t place) except NULL:
        if not 0 <= place < self.count:
            raise IndexError(f"place must lie in [0, {self.count}); got {place}")
        return &self.sums[place]

    def merge(self, Sums other not None, places=None):
        """Add the sums of another; those at its places 0, 1, ... to the ones at ``places``, if given."""
        cdef Py_ssize_t i
        if (self.count if places is None else len(places)) != other.count:
            raise ValueError(f"{other.count} sums do not fit {self.count if places is None else len(places)} places")
        for i in range(other.count):
            fl_sum_merge(self.at(i if places is None else places[i]), &other.sums[i])

    def pick(self, places):
        """A copy of the sums at ``places``."""
        cdef Sums result = Sums(len(places))
        cdef Py_ssize_t i, place
        for i, place in enumerate(places):
            fl_sum_merge(&result.sums[i], self.at(place))
        return result

    def rounded(self, Py_ssize_t place):
        """The sum, rounded once."""
        return fl_sum_round(self.at(place), 0)

    def all_rounded(self):
        """All sums, each rounded once, as an array."""
        cdef Py_ssize_t i
        result = numpy.empty(self.count)
        cdef double[::1] numbers = result
        for i in range(self.count):
            numbers[i] = fl_sum_round(&self.sums[i], 0)
        return result

    def mean(self, Py_ssize_t place, double divisor):
        """The sum divided once, also where the sum alone is too large for a double."""
        return mean_of(self.at(place), divisor)

    def exact(self, Py_ssize_t place):
        """The sum as an integer, in units of 2^-1074; None when infinities or NaN were added."""
        cdef fl_sum *sum = self.at(place)
        cdef int j
        if sum.nans or sum.positive_infinities or sum.negative_infinities:
            return None
        total = 0
        for j in range(FL_SUM_BINS - 1, -1, -1):
            total = (total << 40) + sum.bin[j]
        return total

    def __reduce__(self):
        cdef Py_ssize_t i
        return restore_sums, (b"".join(Sum.of(&self.sums[i]).to_bytes() for i in range(self.count)),)


def restore_sums(data):
    """Make the sums of which these are the bytes, one after the other."""
    cdef Sums result = Sums(len(data) // SUM_BYTES)
    cdef Py_ssize_t i
    if len(data) % SUM_BYTES:
        raise ValueError(f"these {len(data)} bytes are not those of sums")
    for i in range(result.count):
        fl_sum_merge(&result.sums[i], &(<Sum> Sum.from_bytes(data[i * SUM_BYTES : (i + 1) * SUM_BYTES])).sum)
    return result


def add_losses(
    Program program,
    bint single,
    tuple inputs,
    weights,
    Sums sums not None,
    Py_ssize_t place,
    Classes classes=None,
    Py_ssize_t width=0,
    bint indices=False,
):
    """Add the exact sum of a loss at ``place``, and that of the weights, if any, at the next; returns what was found out.

    Arguments are those of `accumulate`, for one loss; without a program the first input itself is added up.
    """
    cdef Sum total, weight
    ((total, weight, faults),) = accumulate(
        [program], None if classes is None else [classes], single, inputs, weights, width, indices
    )
    fl_sum_merge(sums.at(place), &total.sum)
    if weights is not None:
        fl_sum_merge(sums.at(place + 1), &weight.sum)
    return faults


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
    SCAN_OPERANDS = 3
    SCAN_BUFFERS = 12  # of a block's length: items and numbers of each operand, and room for computing
    SCAN_PARALLEL = 1 << 16  # fewer numbers than this stay in the calling thread
    SCAN_SLICE = 4096  # blocks of each thread between two looks for interrupts

# A column of numbers, or of rows of numbers that lie side by side.
cdef struct Column:
    char *data
    Py_ssize_t stride
    Py_ssize_t itemsize
    Py_ssize_t width
    int type
    bint given
    bint swapped
    bint labels  # read as integers
    bint side_by_side

# What is looked for in the data, and where: one of the kinds above. Each member of a team has its own Tally.
cdef struct Scan:
    Column[SCAN_OPERANDS] column
    int kind
    Py_ssize_t size
    Py_ssize_t block
    Py_ssize_t next
    Py_ssize_t end
    Py_ssize_t step
    int64_t low
    int64_t classes
    Py_ssize_t first
    Py_ssize_t last
    Py_ssize_t cells
    Py_ssize_t sums
    Py_ssize_t buffer_size
    double tolerance
    Tally *tally

cdef struct Tally:
    int64_t low
    int64_t high
    int64_t count
    double largest
    int flags
    int64_t *cells
    fl_sum *sums
    char *buffers


cdef int put_column(Scan *scan, Py_buffer *buffers, int place, item, bint labels, Py_ssize_t width=0) except -1:
    cdef Column *column = &scan.column[place]
    cdef Py_buffer *buffer = &buffers[place]
    PyObject_GetBuffer(item[0], buffer, PyBUF_STRIDED_RO)
    column.given = True
    column.labels = labels
    column.type = item[1] & 0xff
    column.swapped = item[1] & 0x100 != 0
    column.itemsize = ITEMSIZE[column.type]
    column.data = <char *> buffer.buf
    column.width = width or 1
    if buffer.ndim != (2 if width else 1) or buffer.itemsize != column.itemsize or buffer.shape[0] != scan.size:
        raise AssertionError(f"operand {place} does not fit the scan")
    column.stride = buffer.strides[0]
    if width:
        if buffer.shape[1] != width or (buffer.strides[1] != column.itemsize and width != 1):
            raise AssertionError(f"operand {place} does not fit the scan")
    column.side_by_side = (
        (column.stride == column.itemsize * column.width or scan.size == 1)
        and not column.swapped
        and <size_t> column.data % column.itemsize == 0
    )
    return 0


cdef const void *column_block(const Scan *scan, int place, const Tally *tally, Py_ssize_t first, Py_ssize_t count) noexcept nogil:
    """Labels of 64 bits or doubles, in place or in the buffers of the operand."""
    cdef const Column *column = &scan.column[place]
    cdef char *numbers = tally.buffers + 2 * place * scan.buffer_size
    cdef char *packed = numbers + scan.buffer_size
    cdef const char *items
    cdef Py_ssize_t k
    if not column.given:
        return NULL
    items = column.data + first * column.stride
    if not column.side_by_side:
        if column.width == 1:
            copy_items(packed, column.itemsize, items, column.stride, count, column.itemsize, column.swapped)
        else:
            for k in range(count):
                copy_items(
                    packed + k * column.width * column.itemsize, column.itemsize, items + k * column.stride, column.itemsize,
                    column.width, column.itemsize, column.swapped
                )
        items = packed
    if column.type == (FL_FROM_I64 if column.labels else FL_FROM_F64):
        return items
    if column.labels:
        active.labels[column.type](items, <int64_t *> numbers, count * column.width)
    else:
        active.passes[1].load[column.type](items, numbers, count * column.width)
    return numbers


ctypedef void (*add_numbers)(fl_sum *, const void *, Py_ssize_t) noexcept nogil


cdef void scan_block(const Scan *scan, Tally *tally, Py_ssize_t first, Py_ssize_t count) noexcept nogil:
    cdef const void *a = column_block(scan, 0, tally, first, count)
    cdef const void *b = column_block(scan, 1, tally, first, count)
    cdef const double *w = <const double *> column_block(scan, 2, tally, first, count)
    cdef double *spare = <double *> (tally.buffers + 2 * SCAN_OPERANDS * scan.buffer_size)
    cdef Py_ssize_t numbers = scan.buffer_size // sizeof(double)
    cdef double *more = spare + numbers
    cdef fl_sum *sums = tally.sums
    cdef add_numbers add = active.passes[1].sum
    if scan.kind == LABEL_RANGE:
        fl_label_range(<const int64_t *> a, count, &tally.low, &tally.high)
    elif scan.kind == EQUAL_LABELS:
        tally.count += fl_equal_labels(<const int64_t *> a, <const int64_t *> b, count, spare if w != NULL else NULL)
        if w != NULL:
            active.passes[1].weigh(spare, w, spare, count)
            add(&sums[0], spare, count)
            add(&sums[1], w, count)
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
        add(&sums[1], a, count)
        fl_multiply(<const double *> a, <const double *> a, spare, more, count)
        add(&sums[2], spare, count)
        add(&sums[2], more, count)
    elif scan.kind == MOMENTS:
        add(&sums[0], w, count)
        fl_multiply(<const double *> a, w, spare, more, count)
        add(&sums[1], spare, count)
        add(&sums[1], more, count)
        fl_multiply(spare, <const double *> a, spare, spare + 2 * numbers, count)
        add(&sums[2], spare, count)
        add(&sums[2], spare + 2 * numbers, count)
        fl_multiply(more, <const double *> a, more, spare + 2 * numbers, count)
        add(&sums[2], more, count)
        add(&sums[2], spare + 2 * numbers, count)
    elif scan.kind == LARGEST_DIFFERENCE:
        tally.largest = fl_largest_difference(<const double *> a, <const double *> b, count, tally.largest)
    elif scan.kind == KINDS_OF_NUMBERS:
        tally.flags |= fl_look_at(<const double *> a, count)
    elif scan.kind == ROWS:
        tally.flags |= fl_check_rows(<const double *> b, count, scan.column[1].width, scan.tolerance)
    else:
        fl_top_k(<const int64_t *> a, <const double *> b, count, scan.column[1].width, scan.first, spare)
        if w != NULL:
            active.passes[1].weigh(spare, w, spare, count)
            add(&sums[1], w, count)
        add(&sums[0], spare, count)


cdef void do_scan(void *context, int member) noexcept nogil:
    """Take blocks until none is left: what each member of a team does."""
    cdef Scan *scan = <Scan *> context
    cdef Py_ssize_t block, end, first
    cdef fl_environment saved = fl_environment_enter()
    while True:
        block = __atomic_fetch_add(&scan.next, scan.step, __ATOMIC_RELAXED)
        if block >= scan.end:
            break
        end = block + scan.step if block + scan.step < scan.end else scan.end
        first = block * scan.block
        while block < end:
            scan_block(scan, &scan.tally[member], first, scan.block if first + scan.block <= scan.size else scan.size - first)
            first += scan.block
            block += 1
    fl_environment_leave(saved)


cdef int perform_scan(Scan *scan, Tally *result) except -1:
    """Look through all blocks; ``result`` comes with the cells and sums that are added to, and gets the rest."""
    cdef Py_ssize_t width = scan.column[1].width if scan.column[1].given else 1
    cdef Py_ssize_t blocks, bytes_per_member, i
    cdef int threads = 1, member
    cdef char *memory
    cdef Tally *tally
    scan.block = FL_BLOCK // width if width < FL_BLOCK else 1
    scan.buffer_size = room(scan.block * width)
    blocks = (scan.size + scan.block - 1) // scan.block
    bytes_per_member = (
        sizeof(Tally) + SCAN_BUFFERS * scan.buffer_size + scan.cells * sizeof(int64_t) + scan.sums * sizeof(fl_sum) + 192
    ) & ~<Py_ssize_t> 63
    # tables that are larger than the data cost more to merge than they save
    if scan.size * width >= SCAN_PARALLEL and scan.cells + 64 * scan.sums <= scan.size:
        threads = thread_count()
    memory = <char *> malloc(threads * bytes_per_member + threads * sizeof(Tally) + 64)
    if memory == NULL:
        raise MemoryError(f"no memory for {threads * bytes_per_member} bytes of counts")
    try:
        scan.tally = <Tally *> memory
        for member in range(threads):
            tally = &scan.tally[member]
            memset(tally, 0, sizeof(Tally))
            tally.low = INT64_HIGHEST
            tally.high = INT64_LOWEST
            tally.buffers = aligned(memory + threads * sizeof(Tally)) + member * bytes_per_member
            tally.cells = <int64_t *> (tally.buffers + SCAN_BUFFERS * scan.buffer_size)
            tally.sums = <fl_sum *> (tally.cells + scan.cells)
            memset(tally.cells, 0, scan.cells * sizeof(int64_t) + scan.sums * sizeof(fl_sum))
        scan.step = blocks // (8 * threads) + 1
        if scan.step > MOST_BLOCKS:
            scan.step = MOST_BLOCKS
        scan.next = scan.end = 0
        while scan.end < blocks:
            scan.next = scan.end
            scan.end = scan.end + SCAN_SLICE * threads if SCAN_SLICE * threads < blocks - scan.end else blocks
            with nogil:
                fl_work_together(threads, do_scan, scan)
            PyErr_CheckSignals()
        for member in range(threads):
            tally = &scan.tally[member]
            result.low = tally.low if tally.low < result.low else result.low
            result.high = tally.high if tally.high > result.high else result.high
            result.count += tally.count
            result.flags |= tally.flags
            result.largest = result.largest if result.largest >= tally.largest else tally.largest
            for i in range(scan.cells):
                result.cells[i] += tally.cells[i]
            for i in range(scan.sums):
                fl_sum_merge(&result.sums[i], &tally.sums[i])
    finally:
        free(memory)
    return 0


cdef int64_t INT64_HIGHEST = 0x7fffffffffffffff
cdef int64_t INT64_LOWEST = -0x7fffffffffffffff - 1


cdef int look(
    Scan *scan, int kind, Py_ssize_t size, a, bint a_labels, b, bint b_labels, Py_ssize_t width, weights, Tally *result
) except -1:
    """Set up the scan's operands, do it, and let go of them."""
    cdef Py_buffer[SCAN_OPERANDS] buffers
    cdef int place
    scan.kind = kind
    scan.size = size
    for place in range(SCAN_OPERANDS):
        scan.column[place].given = False
    result.count = 0
    result.flags = 0
    result.largest = 0.0
    result.low = INT64_HIGHEST
    result.high = INT64_LOWEST
    try:
        if a is not None:
            put_column(scan, buffers, 0, a, a_labels)
        if b is not None:
            put_column(scan, buffers, 1, b, b_labels, width)
        if weights is not None:
            put_column(scan, buffers, 2, weights, False)
        perform_scan(scan, result)
    finally:
        for place in range(SCAN_OPERANDS):
            if scan.column[place].given:
                PyBuffer_Release(&buffers[place])
    return 0


cdef void empty_scan(Scan *scan) noexcept:
    scan.cells = 0
    scan.sums = 0


def label_range(labels):
    """The lowest and the highest label of a column; None when one is no integer of 64 bits, or there is none."""
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    look(&scan, LABEL_RANGE, labels[0].shape[0], labels, True, None, False, 0, None, &result)
    return None if result.low == INT64_LOWEST or result.low > result.high else (result.low, result.high)


def count_equal(y_true, y_pred, weights=None, Sums sums=None):
    """How many labels are equal; their exact weight, and that of all, are added to the first two ``sums``."""
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    if weights is not None:
        scan.sums = 2
        result.sums = sums.at(1) - 1
    look(&scan, EQUAL_LABELS, y_true[0].shape[0], y_true, True, y_pred, True, 0, weights, &result)
    return result.count


def count_pairs(y_true, y_pred, int64_t low, int64_t classes, bint margins):
    """Count the pairs of labels in [low, low + classes): a table of y_true by y_pred.

    Or, if ``margins``, a table of three rows: what is equal, what is true, and what was predicted, by class.
    """
    cdef Scan scan
    cdef Tally result
    # few pairs are counted faster than their labels
    cdef bint small = classes * classes <= FL_SMALL_TABLE
    cdef bint rows = margins and not small
    empty_scan(&scan)
    scan.low = low
    scan.classes = classes
    table = numpy.zeros((FL_COPIES if small else 1, 3 if rows else classes, classes), numpy.int64)
    scan.cells = table.size
    cdef int64_t[:, :, ::1] memory = table
    result.cells = &memory[0, 0, 0]
    look(&scan, MARGINS if rows else PAIRS, y_true[0].shape[0], y_true, True, y_pred, True, 0, None, &result)
    if not small:
        return table[0]
    table = table.sum(axis=0)
    return numpy.stack((table.diagonal(), table.sum(axis=1), table.sum(axis=0))) if margins else table


def weigh_pairs(y_true, y_pred, weights, int64_t low, int64_t classes, bint margins, Sums sums not None, Py_ssize_t first=0):
    """Add the weights of the pairs, cell by cell, to exact ``sums``: those of the cells from ``first`` on."""
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    scan.low = low
    scan.classes = classes
    scan.sums = sums.count
    scan.first = first
    scan.last = first + sums.count
    result.sums = sums.sums
    if margins and (first or sums.count != 3 * classes):
        raise AssertionError("margins take three sums for each class")
    look(&scan, MARGINS if margins else PAIRS, y_true[0].shape[0], y_true, True, y_pred, True, 0, weights, &result)


def add_moments(values, weights, Sums sums not None):
    """Add the weights (if any), the weighted values and the weighted squares to three exact ``sums``, without rounding."""
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    scan.sums = 3
    result.sums = sums.at(2) - 2
    look(&scan, MOMENTS, values[0].shape[0], values, False, None, False, 0, weights, &result)


def largest_difference(x, y):
    """The largest absolute difference of two columns; NaN where there is one, 0 for none."""
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    look(&scan, LARGEST_DIFFERENCE, x[0].shape[0], x, False, y, False, 0, None, &result)
    return result.largest


def look_at(values):
    """Whether a column holds infinities or NaN, and zeros: NOT_FINITE, ZERO."""
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    look(&scan, KINDS_OF_NUMBERS, values[0].shape[0], values, False, None, False, 0, None, &result)
    return result.flags


def check_rows(rows, double tolerance):
    """What is wrong with rows of probabilities: ROW_NEGATIVE, ROW_ABOVE_ONE, ROW_NOT_FINITE, ROW_SUM."""
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    scan.tolerance = tolerance
    look(&scan, ROWS, rows[0].shape[0], None, False, rows, False, rows[0].shape[1], None, &result)
    return result.flags


def add_top_k(labels, scores, Py_ssize_t k, weights, Sums sums not None):
    """Add the (weighted) number of rows whose class is among the first ``k`` by score, and the weights, to two exact ``sums``.

    ``labels`` are indices of classes, which the caller has checked.
    """
    cdef Scan scan
    cdef Tally result
    empty_scan(&scan)
    scan.first = k
    scan.sums = 2
    result.sums = sums.at(1) - 1
    look(&scan, TOP_K, labels[0].shape[0], labels, True, scores, False, scores[0].shape[1], weights, &result)
