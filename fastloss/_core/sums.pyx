# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Exact sums that are kept: what they are does not depend on the order of the numbers, nor on how the sums of parts are merged."""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t
from libc.string cimport memcpy

import numpy

from ..errors import TOO_HEAVY
from fastloss cimport FL_SUM_BINS, FL_SUM_BITS, fl_sum
from .kernels cimport active


# The bins of a sum and its counts of what is not finite.
SUM_BYTES = 8 * (FL_SUM_BINS + 3)
cdef Py_ssize_t MOST_SUMS = (1 << 62) // sizeof(fl_sum)


cdef void merge_sum(fl_sum *sum, const fl_sum *other) noexcept nogil:
    active.sum_merge(sum, other)


cdef double round_sum(const fl_sum *sum) noexcept nogil:
    """The sum, rounded once."""
    return active.sum_round(sum, 0)


cdef double round_sum_down(const fl_sum *sum) noexcept nogil:
    """The sum times 2^-64, rounded once."""
    return active.sum_round(sum, 64)


cdef bint is_finite(const fl_sum *sum) noexcept nogil:
    return not (sum.nans or sum.positive_infinities or sum.negative_infinities)


cdef double divide_sum(const fl_sum *total, double divisor) noexcept nogil:
    """A sum divided by a number that is not zero: rounded once, and divided once, also where it is too large for a double."""
    cdef double sum = active.sum_round(total, 0)
    if sum - sum != 0.0 and is_finite(total):
        return active.sum_round(total, 64) / divisor * 2.0**64
    return sum / divisor


cdef double mean_of(const fl_sum *total, const fl_sum *weight) noexcept nogil:
    """A sum divided by a sum that is not zero, each of them as in `divide_sum`."""
    cdef double divisor = active.sum_round(weight, 0), sum
    if divisor - divisor == 0.0 or not is_finite(weight):
        return divide_sum(total, divisor)
    divisor = active.sum_round(weight, 64)
    sum = active.sum_round(total, 0)
    if sum - sum != 0.0 and is_finite(total):
        return active.sum_round(total, 64) / divisor
    return sum / divisor * 2.0**-64


cdef class Sums:
    """Exact sums, as many as there are places. They merge, and can be pickled.

    Whatever was added in whatever order and grouping, equal numbers give equal bits, also of the pickle. Threads may share them:
    each method is done as a whole.
    """

    def __cinit__(self, Py_ssize_t count):
        if not 0 <= count <= MOST_SUMS:
            raise ValueError(f"count must lie in [0, {MOST_SUMS}]; got {count}")
        self.sums = <fl_sum *> PyMem_Calloc(count + 1, sizeof(fl_sum))
        if self.sums == NULL:
            raise MemoryError(f"no memory for {count} exact sums")
        self.count = count

    def __dealloc__(self):
        PyMem_Free(self.sums)

    cdef fl_sum *at(self, Py_ssize_t place) except NULL:
        if not 0 <= place < self.count:
            raise IndexError(f"place must lie in [0, {self.count}); got {place}")
        return &self.sums[place]

    @cython.critical_section
    def add(self, Py_ssize_t place, double x):
        """Add a number to one of the sums."""
        active.sum_deposit(self.at(place), x)

    def merge(self, Sums other not None, places=None):
        """Add the sums of another; those at its places 0, 1, ... to the ones at ``places``, if given."""
        cdef Py_ssize_t i
        if (self.count if places is None else len(places)) != other.count:
            raise ValueError(f"{other.count} sums do not fit {self.count if places is None else len(places)} places")
        with cython.critical_section(self, other):
            for i in range(other.count):
                active.sum_merge(self.at(i if places is None else places[i]), &other.sums[i])

    def copy(self):
        """Sums of the same, that can be added to without a change of these."""
        cdef Sums result = Sums(self.count)
        result.merge(self)
        return result

    @cython.critical_section
    def pick(self, places):
        """A copy of the sums at ``places``."""
        cdef Sums result = Sums(len(places))
        cdef Py_ssize_t i, place
        for i, place in enumerate(places):
            active.sum_merge(&result.sums[i], self.at(place))
        return result

    @cython.critical_section
    def rounded(self, Py_ssize_t place):
        """The sum, rounded once."""
        return active.sum_round(self.at(place), 0)

    def all_rounded(self):
        """All sums, each rounded once, as an array."""
        cdef Sums sums = self.copy()
        return numpy.array([sums.rounded(place) for place in range(sums.count)])

    def mean(self, Py_ssize_t place, Py_ssize_t weight):
        """The sum at one place divided by the one at another, which is not zero."""
        cdef double mean, divisor
        with cython.critical_section(self):
            mean = mean_of(self.at(place), self.at(weight))
            divisor = round_sum(self.at(weight))
        if mean - mean != 0.0 and mean == mean and divisor - divisor != 0.0:
            # the numbers that were added were infinite because their weights are that large
            raise ValueError(TOO_HEAVY)
        return mean

    @cython.critical_section
    def over(self, Py_ssize_t place, double divisor):
        """The sum divided by a number that is not zero."""
        return divide_sum(self.at(place), divisor)

    @cython.critical_section
    def exact(self, Py_ssize_t place):
        """The sum as an integer, in units of 2^-1074; None when infinities or NaN were added."""
        cdef fl_sum *sum = self.at(place)
        cdef int j
        if not is_finite(sum):
            return None
        total = 0
        for j in range(FL_SUM_BINS - 1, -1, -1):
            total = (total << FL_SUM_BITS) + sum.bin[j]
        return total

    def to_bytes(self):
        """Return the same bytes for the same sums, on every machine."""
        cdef Sums settled = self.copy()
        cdef Py_ssize_t i
        for i in range(self.count):
            active.sum_settle(&settled.sums[i])
        return b"".join(
            [
                numpy.frombuffer((<const char *> &settled.sums[i])[:SUM_BYTES], numpy.int64).astype("<i8").tobytes()
                for i in range(self.count)
            ]
        )

    @staticmethod
    def from_bytes(data):
        """Make the sums of which these are the bytes."""
        cdef Sums result
        cdef Py_ssize_t i
        cdef bytes native
        cdef const char *source
        if len(data) % SUM_BYTES:
            raise ValueError(f"these {len(data)} bytes are not those of sums")
        numbers = numpy.frombuffer(data, "<i8").astype(numpy.int64).reshape(-1, FL_SUM_BINS + 3)
        if (numbers[:, : FL_SUM_BINS - 1] >> FL_SUM_BITS).any() or (numbers[:, FL_SUM_BINS:] < 0).any():
            raise ValueError(f"these {len(data)} bytes are not those of sums")
        result = Sums(len(numbers))
        native = numbers.tobytes()
        source = native
        for i in range(result.count):
            memcpy(&result.sums[i], source + i * sizeof(int64_t) * (FL_SUM_BINS + 3), sizeof(int64_t) * (FL_SUM_BINS + 3))
            result.sums[i].pending = 1
        return result

    def __reduce__(self):
        return Sums.from_bytes, (self.to_bytes(),)
