# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Tensors of another library as arrays, by the table of C functions that DLPack has for them.

Nothing is called by way of Python, and nothing copied: three views take less time than ``Tensor.numpy`` of one. The table is part
of DLPack 1.3, and an attribute of the tensors' class.
"""

from cpython.object cimport PyTypeObject
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp
from numpy cimport NPY_ARRAY_WRITEABLE, PyArray_SetBaseObject, dtype, import_array, ndarray, npy_intp

import numpy

from .operands cimport MAX_DIMS


cdef extern from "numpy/arrayobject.h":
    ndarray PyArray_NewFromDescr(
        PyTypeObject *subtype, dtype descr, int ndim, const npy_intp *lengths, const npy_intp *strides, void *data, int flags, PyObject *like
    )

# DLTensor, and what of DLPackExchangeAPI comes before the function that is wanted
cdef struct View:
    char *data
    int32_t device
    int32_t device_id
    int32_t ndim
    uint8_t code
    uint8_t bits
    uint16_t lanes
    int64_t *shape
    int64_t *strides
    uint64_t offset

cdef struct Table:
    uint32_t major
    uint32_t minor
    void *older
    void *allocate
    void *owned_from_object
    void *owned_to_object
    int (*look)(PyObject *tensor, View *view) except -1

cdef enum:
    MAJOR = 1
    ON_CPU = 1
    INTEGER = 0
    FLOAT = 2

import_array()

cdef dtype SINGLE = numpy.dtype("float32"), DOUBLE = numpy.dtype("float64"), INDEX = numpy.dtype("int64")


cdef dtype dtype_of(const View *view):
    """float32, float64 or int64; None for all other types, and for tensors elsewhere."""
    if view.device != ON_CPU or view.lanes != 1 or view.ndim > MAX_DIMS:
        return None
    if view.code == FLOAT:
        return SINGLE if view.bits == 32 else DOUBLE if view.bits == 64 else None
    return INDEX if view.code == INTEGER and view.bits == 64 else None


cdef class Tensors:
    """Reads tensors of some classes: ``Tensors(table, classes)``, with what their attribute ``__dlpack_c_exchange_api__`` holds.

    ValueError for a table of another version, or one without the function.
    """

    cdef const Table *table
    cdef tuple classes

    def __init__(self, table, tuple classes):
        self.table = <const Table *> PyCapsule_GetPointer(table, "dlpack_exchange_api")
        if self.table.major != MAJOR or self.table.look == NULL:
            raise ValueError("this is a table of another version of DLPack")
        self.classes = classes

    cdef bint is_own(self, tensor) noexcept:
        """Whether it is of one of the classes, none of which is derived from them."""
        for each in self.classes:
            if type(tensor) is each:
                return True
        return False

    cdef bint look(self, tensor, View *view) noexcept:
        """Look at a tensor; False for what has no memory, such as a sparse one, and for what is none."""
        if not self.is_own(tensor):
            return False
        try:
            self.table.look(<PyObject *> tensor, view)
        except Exception:
            return False
        return True

    def are_ordinary(self, first, *others):
        """Tell whether all are tensors on the CPU, of one dtype, float32 or float64."""
        return self.compare(first, others, False)

    def are_alike(self, first, *others):
        """Tell whether all are tensors on the CPU, of one dtype, float32 or float64, and of one shape."""
        return self.compare(first, others, True)

    cdef bint compare(self, first, tuple others, bint of_one_shape) noexcept:
        cdef View one, view
        if not self.look(first, &one) or one.code != FLOAT or dtype_of(&one) is None:
            return False
        for other in others:
            if not self.look(other, &view):
                return False
            if view.device != ON_CPU or view.code != FLOAT or view.bits != one.bits or view.lanes != 1:
                return False
            if of_one_shape and (view.ndim != one.ndim or memcmp(view.shape, one.shape, one.ndim * sizeof(int64_t)) != 0):
                return False
        return True

    def are_indices(self, tensor):
        """Tell whether it is a tensor of class indices, as torch wants them."""
        cdef View view
        return self.look(tensor, &view) and dtype_of(&view) is INDEX

    def array_of(self, tensor):
        """Make an array of a tensor's memory; TypeError where there is none of float32, float64 or int64 to see."""
        cdef View view
        cdef npy_intp[MAX_DIMS] lengths, strides
        cdef npy_intp size = 1
        cdef int axis
        cdef dtype type
        cdef ndarray array
        if not self.look(tensor, &view):
            raise TypeError("this tensor has no memory to see")
        type = dtype_of(&view)
        for axis in range(view.ndim):
            lengths[axis] = view.shape[axis]
            # without strides, items lie side by side
            strides[axis] = view.strides[axis] * (view.bits >> 3) if view.strides != NULL else 0
            size *= lengths[axis]
        if type is None or (size and view.data == NULL) or view.strides == NULL and view.ndim:
            raise TypeError("this tensor has no memory of numbers that kernels read")
        if size == 0:
            return numpy.empty([view.shape[axis] for axis in range(view.ndim)], type)
        # the array takes over references
        Py_INCREF(type)
        array = PyArray_NewFromDescr(
            <PyTypeObject *> ndarray, type, view.ndim, lengths, strides, view.data + view.offset, NPY_ARRAY_WRITEABLE, NULL
        )
        Py_INCREF(tensor)
        PyArray_SetBaseObject(array, tensor)
        return array

    def arrays_of(self, tuple tensors):
        """Make arrays of tensors that are read; TypeError, too, where memory has the numbers with their signs turned."""
        cdef list arrays = []
        for tensor in tensors:
            if tensor.is_neg():
                raise TypeError("the numbers of this tensor are the negatives of those in its memory")
            arrays.append(self.array_of(tensor))
        return tuple(arrays)

    def fill(self, tensor, double number):
        """Write a number into a tensor of one, float32 or float64, that nobody else knows yet."""
        cdef View view
        cdef dtype type = dtype_of(&view) if self.look(tensor, &view) and view.ndim == 0 and view.data != NULL else None
        if type is SINGLE:
            (<float *> (view.data + view.offset))[0] = <float> number
        elif type is DOUBLE:
            (<double *> (view.data + view.offset))[0] = number
        else:
            raise TypeError("this is no tensor of one number")
