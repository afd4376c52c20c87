"""Instruction sets, kernels, and what is handed to a kernel."""

from .fastloss_h cimport FL_MAX_PARAMETERS, fl_classes, fl_kernel, fl_table

cdef const fl_table *active

cdef class ClassOptions:
    cdef fl_classes classes
    cdef bytes scale, weight
    cdef readonly bint weighs

cdef class Kernel:
    cdef int place
    cdef double[FL_MAX_PARAMETERS] parameters
    cdef readonly str name
    cdef readonly ClassOptions options
    cdef const fl_kernel *found(self) noexcept
