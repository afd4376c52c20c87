"""The kernels for compilers in Python: a function by its address, and the struct that it takes as a NumPy type.

For numba above all, and for ctypes. C and Cython take ``fastloss.h``: see `fastloss.get_include`.
"""

from __future__ import annotations

import ctypes
import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from . import _core
from ._include import get_include

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Kernel", "get_kernel", "get_struct"]

_STRUCTS = ("fl_block", "fl_classes")
_TYPES = {"double": np.float64, "int": np.intc, "int64_t": np.int64, "ptrdiff_t": np.intp}


class Kernel(NamedTuple):
    """A kernel as `get_kernel` finds it.

    Attributes
    ----------
    name, signature : str
        ``fastloss.h`` explains the notation of signatures.
    plan : str
        What the kernel takes for a unit: ``"elements"`` are single numbers.
    parameters : tuple of str
        Names of the numbers that the block's ``parameters`` point to, in their order; these are of double precision.
    float32, float64 : callable
        Functions of ctypes, which numba compiles calls of. They take the address of an ``fl_block``, and return what
        ``fastloss.h`` says, 0 where all is well. Python's lock is released.
    """

    name: str
    signature: str
    plan: str
    parameters: tuple[str, ...]
    float32: Callable[[Any], int]
    float64: Callable[[Any], int]

    def layout(self, width: int) -> tuple[int, int]:
        """Return what kernels of other units than single numbers must know.

        Parameters
        ----------
        width : int
            The numbers of a unit.

        Returns
        -------
        units : int
            How many units there may be in a block.
        scratch : int
            How many numbers, of the kernel's precision, its ``scratch`` must have room for.
        """
        found: tuple[int, int] = _core.layout(self.name, width)
        return found


def get_kernel(name: str) -> Kernel:
    """Find a kernel by its name.

    It is that of the instruction set in use, and stays valid as long as the process. Nothing is checked on a call: the block
    must describe arrays that are there, of the right type and size, and contiguous.

    Parameters
    ----------
    name : str
        That of the loss, mostly: ``"huber"``. Losses that take other inputs by a parameter have a kernel for each, such as
        ``"categorical_cross_entropy_from_logits"``.

    Returns
    -------
    Kernel

    Raises
    ------
    ValueError
        There is no such kernel.

    See Also
    --------
    get_struct : what a kernel takes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastloss import native
    >>> huber = native.get_kernel("huber")
    >>> huber.signature, huber.parameters
    ('y_true, y_pred*', ('delta',))
    >>> y_true, y_pred, delta, gradient = np.zeros(2), np.array([0.5, 3.0]), np.ones(1), np.empty(2)
    >>> block = np.zeros(1, native.get_struct("fl_block"))
    >>> block["units"], block["want"] = 2, 2  # FL_GRADIENT of fastloss.h
    >>> block["input"][0, :2] = y_true.ctypes.data, y_pred.ctypes.data
    >>> block["parameters"], block["gradient"][0, 0] = delta.ctypes.data, gradient.ctypes.data
    >>> huber.float64(block.ctypes.data)
    0
    >>> gradient
    array([0.5, 1. ])
    """
    known = _core.kernels()
    if name not in known:
        near = get_close_matches(name, known, n=3)
        raise ValueError(f"no kernel is called {name!r}" + (f"; near it are {', '.join(near)}" if near else ""))
    _family, plan, signature, parameters = known[name]
    of_block = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    return Kernel(name, signature, plan, parameters, *map(of_block, _core.addresses(name)))


@cache
def get_struct(name: Literal["fl_block", "fl_classes"]) -> np.dtype[np.void]:
    """Return a struct of ``fastloss.h`` as a NumPy type, read from the header.

    Parameters
    ----------
    name : {"fl_block", "fl_classes"}
        What a kernel takes, or what losses of classes know of these.

    Returns
    -------
    dtype
        Pointers are unsigned integers: the ``ctypes.data`` of arrays that you keep alive. All zeros leave out what can be left
        out.

    Raises
    ------
    ValueError
        It is none of these.

    Examples
    --------
    >>> from fastloss import native
    >>> native.get_struct("fl_classes").names
    ('scale', 'weight', 'label_smoothing', 'eps', 'sum_tolerance', 'ignored', 'ignores')
    """
    if name not in _STRUCTS:
        raise ValueError(f"get_struct takes one of {', '.join(_STRUCTS)}; got {name!r}")
    header = re.sub(r"/\*.*?\*/", "", Path(get_include(), "fastloss.h").read_text(), flags=re.DOTALL)
    (body,) = re.findall(rf"typedef struct {{([^{{}}]*)}} {name};", header)
    fields: list[Any] = []
    for kind, declared in re.findall(r"(?:const )?(\w+) ([^;]+);", body):
        for pointer, field, length in re.findall(r"(\*?)(\w+)(?:\[(\w+)\])?", declared):
            shape = (int(re.findall(rf"\b{length} = (\d+)", header)[0]),) if length else ()
            fields.append((field, np.uintp if pointer else _TYPES[kind], shape))
    return np.dtype(fields, align=True)
