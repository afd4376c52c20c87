"""Instruction sets, kernels, and what is handed to a kernel."""

from fastloss cimport FL_MAX_PARAMETERS, fl_classes, fl_kernel, fl_own, fl_table

cdef extern from "fastloss_static.h":
    enum:
        FL_MAX_TABLES

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
    cdef readonly tuple terms
    cdef readonly double factor
    cdef Kernel twin(self)
    cdef const fl_kernel *found(self) noexcept
    cdef const fl_classes *classes(self) noexcept

cdef class OwnFunctions:
    cdef fl_kernel[FL_MAX_TABLES] kernels  # one for each table
    cdef fl_own own
    cdef object compile
    cdef list kept
    cdef int get_ready(self, int precision) except -1

cdef class OwnKernel(Kernel):
    cdef OwnFunctions own
    cdef const fl_own *functions_for(self, int precision) except NULL

# What a call produces that no kernel does, and what the driver itself finds wrong: `execute` tells Python.
cdef enum:
    FOR_WEIGHT = 8
    FOR_STATISTICS = 16
    IS_BAD_WEIGHT = 2
    IS_NO_WEIGHT = 4
    IS_INFINITE = 16
