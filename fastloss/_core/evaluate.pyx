# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A call of a loss: inputs are read, arrays for what is wanted are looked at or made, kernels are executed, results are put together.

A call on a few numbers spends its time here. So plain arrays are recognised in C; whatever is unusual, or wrong, is left to the loss.
"""

from .execute cimport Found, Output, execute
from .fastloss_h cimport FL_GRADIENT, FL_HESSIAN, FL_VALUE
from .kernels cimport Kernel
from .operands cimport Inputs, make_result, plain_outputs, read_ordinary, read_plain, write

cdef tuple SUM = (Output(FL_VALUE),)
cdef tuple SUM_WITH_REST = (Output(FL_VALUE), Output(FL_VALUE, call=1))


cpdef tuple kinds_of(int want, by):
    """List what is returned as arrays, in this order: the kind, and the place of the input whose dtype it has."""
    cdef list kinds = []
    if want & FL_VALUE:
        kinds.append((FL_VALUE, by[0]))
    if want & FL_GRADIENT:
        for i in by:
            kinds.append((FL_GRADIENT, i))
    if want & FL_HESSIAN:
        for i in by:
            kinds.append((FL_HESSIAN, i))
    return tuple(kinds)


def evaluate(loss, int want, tuple values, sample_weight, reduction, out):
    """Compute what is wanted of a loss: its value, derivatives, or several of these."""
    cdef Inputs inputs = None
    cdef Kernel kernel
    cdef Found found = None
    cdef tuple kernels, sums = SUM, kinds = (), weights = None, rests
    cdef list outputs = [], arrays = [], results = []
    cdef bint by_numbers = loss.by_numbers, mean, summed, overwrites = False
    cdef Py_ssize_t labels = loss.labels, place, first, count = 1
    if by_numbers:
        inputs = read_ordinary(values, labels)
    if inputs is None:
        inputs = loss._read(values)
    if sample_weight is not None:
        weights = read_plain(sample_weight, inputs.shape)
        if weights is None:
            weights = loss._read_weights(sample_weight, inputs)
    kernel = loss._kernel if by_numbers else loss._kernel_for(inputs, reduction)
    if reduction not in loss.reductions:
        loss._check_reduction(reduction)
    if want != FL_VALUE:
        loss._check_differentiable(want)
    mean = reduction == "mean"
    summed = want & FL_VALUE and reduction != "none"
    kernels = (kernel,)
    if summed:
        rests = loss._rests
        if rests:
            kernels, sums = kernels + rests, SUM_WITH_REST
    if want != FL_VALUE or not summed or out is not None:
        # those that were given
        by = loss.signature.predictions[: len(inputs.operands) - labels]
        count = len(by)
        kinds = kinds_of(want & ~FL_VALUE if summed else want, by)
        arrays = [None] * len(kinds)
    if out is not None:
        given = plain_outputs(out, kinds, inputs, weights, &overwrites)
        if given is None:
            given, overwrites = loss._read_outputs(out, kinds, inputs, weights)
        arrays = given
    if overwrites:
        # look through the data, and sum them up, before they are overwritten
        found = execute(kernels, inputs, weights, sums, mean)
        if found.fault:
            loss._explain(found.fault, inputs, weights, mean)
        if summed:
            results.append(found.value)
        kernels = (kernel,)
    elif summed:
        outputs.extend(sums)
    for place in range(len(kinds)):
        kind, i = kinds[place]
        if arrays[place] is None:
            arrays[place] = make_result(inputs, i, kind == FL_VALUE, values[i])
        outputs.append(Output(kind, write(arrays[place]), 0 if kind == FL_VALUE else i - by[0]))
    found = execute(kernels, inputs, weights, tuple(outputs) if kinds else sums, mean, overwrites)
    if found.fault and not overwrites:
        loss._explain(found.fault, inputs, weights, mean)
    if not kinds:
        return found.value
    if summed and not overwrites:
        results.append(found.value)
    if not inputs.shape and out is None:
        arrays = [array[()] if array.shape == () else array for array in arrays]
    first = 0
    if want & FL_VALUE and not summed:
        results.append(arrays[0])
        first = 1
    if count == 1:
        results.extend(arrays[first:])
    else:
        # those by several inputs, as a tuple
        results.extend([tuple(arrays[place : place + count]) for place in range(first, len(arrays), count)])
    return results[0] if len(results) == 1 else tuple(results)
