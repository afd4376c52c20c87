"""Gradients of the Huber loss in numba's threads: each takes a part of the arrays, and calls fastloss's kernel."""

import numba
import numpy as np

from fastloss import native

BLOCK = native.get_struct("fl_block")
GRADIENT = 2
huber = native.get_kernel("huber").float64


@numba.njit
def one_part(y_true, y_pred, parameters, out):
    block = np.zeros(1, BLOCK)
    block[0].units = len(y_true)
    block[0].input[0] = y_true.ctypes.data
    block[0].input[1] = y_pred.ctypes.data
    block[0].parameters = parameters.ctypes.data
    block[0].gradient[0] = out.ctypes.data
    block[0].want = GRADIENT
    return huber(block.ctypes)


@numba.njit(parallel=True, nogil=True)
def slopes(y_true, y_pred, parameters, out, step=4096):
    wrong = 0
    for i in numba.prange((len(y_true) + step - 1) // step):
        part = slice(i * step, (i + 1) * step)
        wrong += one_part(y_true[part], y_pred[part], parameters, out[part])
    return wrong == 0


y_pred = np.linspace(-3, 3, 100_001)
out = np.empty_like(y_pred)
assert slopes(np.zeros_like(y_pred), y_pred, np.array([1.5]), out)
print(out[0], out[50_000], out[-1])
