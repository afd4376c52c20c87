"""Exact sums."""

from fastloss cimport fl_sum

cdef bint is_finite(const fl_sum *sum) noexcept nogil
cdef double divide_sum(const fl_sum *total, double divisor) noexcept nogil
cdef void merge_sum(fl_sum *sum, const fl_sum *other) noexcept nogil
cdef double round_sum(const fl_sum *sum) noexcept nogil
cdef double round_sum_down(const fl_sum *sum) noexcept nogil

cdef class Sums:
    cdef fl_sum *sums
    cdef readonly Py_ssize_t count
    cdef fl_sum *at(self, Py_ssize_t place) except NULL
