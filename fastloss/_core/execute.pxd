"""The one entry to the driver."""

from .operands cimport Inputs

cdef class Finish:
    cdef double gradient_factor, hessian_factor, floor, sign

cdef class Output:
    cdef readonly int what, by, call
    cdef readonly object to
    cdef readonly Py_ssize_t place
    cdef Finish finish

cdef class Found:
    cdef readonly double value, least
    cdef readonly int fault
    cdef list by_call  # the faults of several calls
    cdef bint heavy

cdef Output output_to(int what, tuple to, int by)
cpdef Found execute(tuple kernels, Inputs inputs, weights, tuple outputs, bint mean=*, bint overwrites=*)
