# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Instruction sets and their kernels."""

from cpython.buffer cimport PyBUF_STRIDED, PyBUF_STRIDED_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AsString
from cpython.pycapsule cimport PyCapsule_New
from libc.string cimport memcpy, memset

import os

from fastloss cimport (
    FL_ELEMENTS, FL_GROUPS, FL_MAX_PARAMETERS, FL_ROWS, FL_SEQUENCES, FL_STATISTICS, FL_TILES, fl_function_of_numbers,
    fl_kernel, fl_table
)


cdef extern from "fastloss_static.h" nogil:
    int fl_tables(const fl_table **)

cdef extern from "platform.h":
    const char *FL_COMPILER

cdef extern from *:
    const char *FL_FLAGS
    const char *FL_ISAS

cdef const fl_table *tables[FL_MAX_TABLES]
cdef int n_tables = fl_tables(tables)
cdef const fl_table *active = tables[0]
cdef int active_place = 0

cdef fl_classes no_classes
memset(&no_classes, 0, sizeof(no_classes))

PLANS = {
    FL_ELEMENTS: "elements",
    FL_ROWS: "rows",
    FL_STATISTICS: "statistics",
    FL_GROUPS: "groups",
    FL_TILES: "tiles",
    FL_SEQUENCES: "sequences",
}


def available_isas():
    """Names of the instruction sets that were built and that this CPU has, best first."""
    return tuple([tables[i].isa.decode() for i in range(n_tables)])


def active_isa():
    return active.isa.decode()


def build_info():
    return {"compiler": FL_COMPILER.decode(), "flags": FL_FLAGS.decode(), "isa_built": FL_ISAS.decode().split()}


def use_isa(name):
    """Use the kernels of one instruction set from now on, in the whole process; calls under way may still use those of another."""
    global active, active_place
    for i in range(n_tables):
        if tables[i].isa.decode() == name:
            active, active_place = tables[i], i
            return
    raise ValueError(f"FASTLOSS_ISA must be one of {', '.join(available_isas())} on this machine; got {name!r}")


if os.environ.get("FASTLOSS_ISA"):
    use_isa(os.environ["FASTLOSS_ISA"])

# What fl_import of fastloss.h imports: a const fl_table *.
table = PyCapsule_New(<void *> active, "fastloss._core.table", NULL)


# All tables have the same kernels in the same order.
cdef dict places = {active.kernel[i].name.decode(): i for i in range(active.kernels)}


def kernels():
    """``{name: (family, plan, signature, parameters)}`` of every kernel."""
    cdef const fl_kernel *kernel
    cdef int i
    found = {}
    for i in range(active.kernels):
        kernel = active.kernel[i]
        parameters = kernel.parameters.decode()
        found[kernel.name.decode()] = (
            kernel.family.decode(),
            PLANS[kernel.plan],
            kernel.signature.decode(),
            tuple(parameters.split(", ")) if parameters else (),
        )
    return found


def addresses(str name):
    """Addresses of the functions of a kernel for float32 and float64."""
    cdef const fl_kernel *kernel = active.kernel[places[name]]
    return <size_t> kernel.map[0], <size_t> kernel.map[1]


def layout(str name, Py_ssize_t width):
    """How many units of a width are best computed at a time, and how many numbers of scratch memory that takes."""
    cdef Py_ssize_t scratch = 0
    units = active.layout(active.kernel[places[name]].plan, width, &scratch)
    return units, scratch


cdef class ClassOptions:
    """What a loss of rows knows of the classes: a factor and a weight of each, smoothing, clipping, the label that is ignored.

    ``scale`` and ``weight`` are arrays of float64, or None.

    ``sum_tolerance`` is how far from 1 the sum of a row of probabilities may be; 0 where it is not looked at.
    """

    def __cinit__(self, scale, weight, double label_smoothing, double eps, ignored, double sum_tolerance=0.0):
        memset(&self.classes, 0, sizeof(self.classes))
        # kept: the kernel reads them
        self.scale = None if scale is None else scale.tobytes()
        self.weight = None if weight is None else weight.tobytes()
        if scale is not None:
            self.classes.scale = <const double *> PyBytes_AsString(self.scale)
        if weight is not None:
            self.classes.weight = <const double *> PyBytes_AsString(self.weight)
        self.classes.label_smoothing = label_smoothing
        self.classes.eps = eps
        self.classes.sum_tolerance = sum_tolerance
        self.classes.ignores = ignored is not None
        self.classes.ignored = ignored if self.classes.ignores else 0
        # rows count for more or less than their sample weight
        self.weighs = weight is not None or self.classes.ignores


cdef class Kernel:
    """A kernel with its parameters: the part of a loss that is handed to `execute`.

    ``terms`` are kernels whose results are added up, each times its ``factor``: then this one is otherwise like the first of them. Of a
    kernel that is no sum, they are empty.
    """

    def __cinit__(self):
        self.terms, self.factor = (), 1.0

    def __init__(self, str name, dict fields):
        self.name = name
        if name not in places:
            raise ValueError(f"no kernel is called {name!r}")
        self.place = places[name]
        memset(self.parameters, 0, sizeof(self.parameters))
        names = self.found().parameters.decode()
        for i, parameter in enumerate(names.split(", ") if names else ()):
            self.parameters[i] = fields[parameter]

    cdef const fl_kernel *found(self) noexcept:
        return active.kernel[self.place]

    cdef const fl_classes *classes(self) noexcept:
        """What the kernel knows of the classes; of losses without classes, nothing."""
        return &no_classes if self.options is None else &self.options.classes

    cdef Kernel twin(self):
        cdef Kernel kernel = Kernel.__new__(Kernel)
        kernel.name, kernel.place = self.name, self.place
        memcpy(kernel.parameters, self.parameters, sizeof(self.parameters))
        kernel.options, kernel.terms, kernel.factor = self.options, self.terms, self.factor
        return kernel

    def of_classes(self, ClassOptions options):
        """The same kernel for rows of classes of which this is known."""
        cdef Kernel kernel = self.twin()
        kernel.options = options
        return kernel

    @staticmethod
    def sum_of(list terms):
        """A kernel whose results are weighted sums of those of others; ``terms`` are pairs of factor and kernel."""
        cdef Kernel kernel, term
        cdef list kernels = []
        for factor, of in terms:
            term = (<Kernel?> of).twin()
            term.factor = factor
            kernels.append(term)
        kernel = (<Kernel> kernels[0]).twin()
        kernel.terms = tuple(kernels)
        return kernel


cdef class OwnFunctions:
    """Functions of the user's own that compute a loss of single numbers, and where its inputs must lie.

    ``compile(single)`` is called when a precision is needed for the first time; it returns the address of a function like
    fl_function_of_numbers of fastloss.h, or 0 where that of doubles serves, too, and an object that keeps it alive. ``ranges`` has for
    each input None, or its ends and whether these lie outside.
    """

    def __init__(self, compile, tuple ranges):
        cdef fl_kernel *kernel
        cdef int k
        memset(&self.kernels, 0, sizeof(self.kernels))
        memset(&self.own, 0, sizeof(self.own))
        self.compile, self.kept = compile, []
        for k in range(n_tables):
            kernel = &self.kernels[k]
            kernel.name, kernel.family = b"own", b"custom"
            kernel.signature, kernel.parameters = b"y_true, y_pred*", b""
            kernel.plan = FL_ELEMENTS
            kernel.map[0], kernel.map[1] = tables[k].own[0], tables[k].own[1]
        for k, ends in enumerate(ranges):
            if ends is not None:
                self.own.range[k].limits = True
                self.own.range[k].low, self.own.range[k].high, self.own.range[k].open_low, self.own.range[k].open_high = ends

    cdef int get_ready(self, int precision) except -1:
        if self.own.function[precision] == NULL:
            address, keeper = self.compile(precision == 0)
            self.kept.append(keeper)
            if not address:
                return self.get_ready(1)
            self.own.function[precision] = <fl_function_of_numbers> <size_t> address
        return 0


cdef class OwnKernel(Kernel):
    """A kernel that calls a function of the user's own, with parameters in their order."""

    def __init__(self, OwnFunctions own not None, tuple parameters):
        self.name, self.own = "own", own
        memset(self.parameters, 0, sizeof(self.parameters))
        if len(parameters) > FL_MAX_PARAMETERS:
            raise ValueError(f"a loss has {FL_MAX_PARAMETERS} parameters at the most; got {len(parameters)}")
        for i, value in enumerate(parameters):
            self.parameters[i] = value

    cdef const fl_kernel *found(self) noexcept:
        return &self.own.kernels[active_place]

    cdef Kernel twin(self):
        cdef OwnKernel kernel = OwnKernel.__new__(OwnKernel)
        kernel.name, kernel.own, kernel.terms, kernel.factor = self.name, self.own, self.terms, self.factor
        memcpy(kernel.parameters, self.parameters, sizeof(self.parameters))
        return kernel

    cdef const fl_own *functions_for(self, int precision) except NULL:
        """The functions, of which that for this precision, or the one that serves for it, has been compiled."""
        self.own.get_ready(precision)
        return &self.own.own


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
    return tuple([active.function[i].name.decode() for i in range(active.functions)])
