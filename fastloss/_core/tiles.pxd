"""Losses of rows of one matrix against those of another."""

from .kernels cimport Kernel
from .operands cimport Inputs

cdef tuple execute_tiles(Kernel kernel, Inputs inputs, weights, list outputs, bint mean, bint overwrites)
