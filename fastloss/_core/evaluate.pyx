# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A call of a loss: inputs are read, arrays for what is wanted are looked at or made, kernels executed, results put together.

A call on a few numbers spends its time here. So plain arrays are recognised in C; whatever is unusual, or wrong, is left to the
loss.
"""

from numpy cimport PyArray_DIMS, PyArray_NDIM, ndarray

from .execute cimport Found, Output, execute, output_to
from fastloss cimport FL_GRADIENT, FL_HESSIAN, FL_VALUE
from .kernels cimport Kernel
from .operands cimport Inputs, make_result, plain_outputs, read_ordinary, read_ordinary_rows, read_ordinary_units, read_plain, write

cdef tuple SUM = (Output(FL_VALUE),)
cdef tuple SUM_WITH_REST = (Output(FL_VALUE), Output(FL_VALUE, call=1))


cpdef tuple kinds_of(int want, int first, int count):
    """List what is returned as arrays, in this order: the kind, and the place of the input whose dtype it has.

    Derivatives are those by ``count`` inputs, from ``first`` on.
    """
    cdef list kinds = [(FL_VALUE, first)] if want & FL_VALUE else []
    cdef int i
    if want & FL_GRADIENT:
        for i in range(first, first + count):
            kinds.append((FL_GRADIENT, i))
    if want & FL_HESSIAN:
        for i in range(first, first + count):
            kinds.append((FL_HESSIAN, i))
    return tuple(kinds)


cdef class CallSetup:
    """What all calls of a loss ask it for, which is as it was when the loss was made."""

    cdef tuple kernels  # its own, and that of what losses lose when they are rounded, if sums take that up
    cdef tuple sums  # what is returned of these
    cdef tuple row_forms
    cdef tuple unit_form
    cdef tuple reductions
    cdef tuple last_of_rows  # how many classes rows had, the type code of the predictions, and the kernel for these; or None
    cdef bint by_numbers
    cdef int labels

    def __init__(self, loss):
        cdef tuple rests = loss._rests
        self.kernels, self.sums = (<Kernel?> loss._kernel,) + rests, SUM_WITH_REST if rests else SUM
        self.by_numbers, self.labels, self.reductions = loss.by_numbers, loss.labels, loss.reductions
        self.row_forms, self.unit_form = loss.row_forms, loss.unit_form


cdef tuple kernels_of_rows(loss, CallSetup setup, Inputs inputs, reduction):
    """Kernels for rows of classes: those of the last call, if it was alike."""
    cdef tuple operand = inputs.operands[1], last = setup.last_of_rows
    cdef ndarray predictions = operand[0]
    cdef Py_ssize_t width = PyArray_DIMS(predictions)[PyArray_NDIM(predictions) - 1]
    if last is None or last[0] != width or last[1] != operand[1]:
        last = (width, operand[1], with_rests(loss._kernel_for(inputs, reduction), setup))
        setup.last_of_rows = last
    return last[2]


cdef tuple with_rests(kernel, CallSetup setup):
    return (kernel,) + setup.kernels[1:]


def evaluate(loss, int want, tuple values, sample_weight, reduction, out):
    """Compute what is wanted of a loss: its value, derivatives, or several of these."""
    cdef CallSetup setup = loss._setup
    cdef Inputs inputs = None
    cdef Found found
    cdef tuple kernels = setup.kernels, weights = None
    cdef bint mean, summed
    if setup.by_numbers:
        inputs = read_ordinary(values, setup.labels)
    elif setup.row_forms:
        inputs = read_ordinary_rows(values, setup.row_forms)
    elif setup.unit_form:
        inputs = read_ordinary_units(values, setup.unit_form, loss._unit_axes() if setup.unit_form[3] > 0 else setup.unit_form[3])
    if inputs is None:
        inputs = loss._read(values)
    if sample_weight is not None:
        weights = read_plain(sample_weight, inputs.shape)
        if weights is None:
            weights = loss._read_weights(sample_weight, inputs)
    if setup.row_forms:
        kernels = kernels_of_rows(loss, setup, inputs, reduction)
    elif not setup.by_numbers:
        kernels = with_rests(loss._kernel_for(inputs, reduction), setup)
    if reduction not in setup.reductions:
        loss._check_reduction(reduction)
    mean = reduction == "mean"
    summed = want & FL_VALUE and (mean or reduction == "sum")
    if want != FL_VALUE or not summed or out is not None:
        return evaluate_arrays(loss, want, values, inputs, weights, kernels, setup.sums, mean, summed, out)
    found = execute(kernels, inputs, weights, setup.sums, mean)
    if found.fault:
        loss._explain(found.fault, inputs, weights, mean)
    return found.value


cdef evaluate_arrays(
    loss, int want, tuple values, Inputs inputs, tuple weights, tuple kernels, tuple sums, bint mean, bint summed, out
):
    """Do the part of `evaluate` that returns arrays, alone or beside a sum, ``summed``."""
    cdef int first = loss.labels, count, kind, i
    cdef Py_ssize_t place
    cdef Found found
    cdef tuple kinds
    cdef list arrays, outputs, results
    cdef bint overwrites = False
    if (want & FL_GRADIENT and loss.no_gradient) or (want & FL_HESSIAN and loss.no_hessian):
        loss._check_differentiable(want)
    # of the inputs that were given
    count = min(<int> len(loss.signature.predictions), <int> len(inputs.operands) - first)
    kinds = kinds_of(want & ~FL_VALUE if summed else want, first, count)
    if not summed:
        kernels = kernels[:1]
    if out is None:
        arrays = [None] * len(kinds)
    else:
        arrays = plain_outputs(out, kinds, inputs, weights, &overwrites)
        if arrays is None:
            arrays, overwrites = loss._read_outputs(out, kinds, inputs, weights)
    outputs, results = [], []
    if overwrites:
        # look through the data, and sum them up, before they are overwritten
        found = execute(kernels, inputs, weights, sums, mean)
        if found.fault:
            loss._explain(found.fault, inputs, weights, mean)
        if summed:
            results.append(found.value)
        kernels = kernels[:1]
    elif summed:
        outputs.extend(sums)
    for place in range(len(kinds)):
        kind, i = kinds[place]
        if arrays[place] is None:
            arrays[place] = make_result(inputs, i, kind == FL_VALUE, values[i])
        outputs.append(output_to(kind, write(arrays[place]), 0 if kind == FL_VALUE else i - first))
    found = execute(kernels, inputs, weights, tuple(outputs), mean, overwrites)
    if found.fault and not overwrites:
        loss._explain(found.fault, inputs, weights, mean)
    if summed and not overwrites:
        results.append(found.value)
    if out is None and not inputs.shape:
        arrays = [array[()] if array.shape == () else array for array in arrays]
    if want & FL_VALUE and not summed:
        results.append(arrays.pop(0))
    if count != 1:
        # those by several inputs, as a tuple
        arrays = [tuple(arrays[place : place + count]) for place in range(0, len(arrays), count)]
    results += arrays
    return results[0] if len(results) == 1 else tuple(results)
