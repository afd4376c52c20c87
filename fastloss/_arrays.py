"""Arrays in, arrays out: dtype, shape, layout, ``out=``, and what to say when something does not fit.

Everything that leaves this module is an *operand*: a pair of a NumPy array and the type code of its items, ready for the
driver. Nothing is copied unless it is no array yet (lists, scalars) or lies on no address the driver could read.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core
from ._core import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Domain

    Operand = tuple[np.ndarray, int]
    Shape = tuple[int, ...]

_BFLOAT16 = _core.TYPE_CODES["bfloat16"]
# Predictions of these types are computed with in float32, all others in float64.
_SINGLE = {_core.TYPE_CODES[name] for name in ("float32", "float16", "bfloat16")}
_FLOATS = _SINGLE | {_core.TYPE_CODES["float64"]}
_FLOAT64 = np.dtype(np.float64)
_SUM_TOLERANCES = {
    _core.TYPE_CODES[name]: 2.0**power for name, power in (("float32", -11.5), ("float16", -5), ("bfloat16", -3.5))
}


def read(value: Any, name: str) -> Operand:
    """Make an operand of anything array-like; raise TypeError for what holds no real numbers."""
    if type(value) is not np.ndarray:
        if str(getattr(value, "dtype", "")) == "torch.bfloat16":
            # NumPy has no such type; the driver has
            bits = value.detach().view(sys.modules["torch"].int16).numpy()
            return bits.view(np.uint16), _BFLOAT16
        value = _as_ndarray(value, name)
    code = CODES.get(value.dtype)
    if code is None:
        return _read_rare(value, name)
    return value, code


def _as_ndarray(value: Any, name: str) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and its mask would be lost. Pass {name}.data, and sample_weight=~mask to leave the "
            "masked samples out."
        )
    try:
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise type(error)(f"{name} cannot be read as an array of numbers: {error}") from error


def _read_rare(array: np.ndarray, name: str) -> Operand:
    if array.dtype.name == "bfloat16":
        return array.view(np.uint16), _BFLOAT16
    if array.dtype == object:
        found = next((type(item).__name__ for item in array.ravel() if not isinstance(item, int | float)), "int")
        raise TypeError(
            f"{name} must hold real numbers; got an object array (with items of type {found}). Convert it first, for example "
            f"with numpy.asarray({name}, dtype=float)."
        )
    raise TypeError(f"{name} must hold real numbers (float, int or bool, up to 64 bits); got dtype {array.dtype}.")


def read_inputs(values: Sequence[Any], names: Sequence[str], labels: int) -> tuple[tuple[Operand, ...], Shape, bool]:
    """Operands of all inputs, their common shape, and whether to compute in single precision.

    The first ``labels`` inputs are labels; the others decide the precision.
    """
    ordinary = _core.read_ordinary(values, labels)
    if ordinary is not None:
        return ordinary
    operands = tuple(map(read, values, names))
    shape = operands[0][0].shape
    if any(array.shape != shape for array, _ in operands):
        raise ValueError(_shape_message(operands, names))
    return operands, shape, all(map(is_single, operands[labels:]))


def _shape_message(operands: Sequence[Operand], names: Sequence[str]) -> str:
    shapes = [operand[0].shape for operand in operands]
    listed = " and ".join([", ".join(map(str, shapes[:-1])), str(shapes[-1])])
    message = f"{' and '.join([', '.join(names[:-1]), names[-1]])} must have the same shape; got {listed}."
    for name, shape in zip(names, shapes, strict=True):
        for other, other_shape in zip(names, shapes, strict=True):
            if shape == (*other_shape, 1):
                return f"{message} Pass {name}[..., 0], or {other}[..., None]."
    return f"{message} There is no broadcasting of data against data."


def read_weights(value: Any, shape: Shape) -> Operand:
    """Make an operand of the shape of the losses of weights; one number per row is repeated along the other axes."""
    array, code = read(value, "sample_weight")
    if array.shape == shape:
        return array, code
    if array.ndim == 1 and array.shape == shape[:1]:
        rows = array.reshape(array.shape + (1,) * (len(shape) - 1))
        return np.broadcast_to(rows, shape), code
    wanted = f"{shape}" if len(shape) < 2 else f"{shape} or {shape[:1]} (one per row)"
    raise ValueError(f"sample_weight must have the shape of the losses, {wanted}; got {array.shape}.")


def first_bad_weight(weights: Operand) -> str:
    """Say which weight is negative or not finite; an empty string when none is."""
    array = decode(weights)
    bad = ~(array >= 0) | ~np.isfinite(array)
    if not bad.any():
        return ""
    index = first(bad)
    return f"sample_weight must be finite and not negative; got {array[index]} at index {shown(index)}."


def decode(operand: Operand) -> np.ndarray:
    """Return the operand as an array that NumPy can compute with (bfloat16 is widened)."""
    array, code = operand
    if code == _BFLOAT16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def holds_integers(operand: Operand) -> bool:
    """Tell whether an operand's dtype is an integer or boolean one."""
    return operand[1] & 0xFF not in _FLOATS


def first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def shown(index: tuple[int, ...]) -> str:
    return str(index[0]) if len(index) == 1 else str(index)


def first_outside(operand: Operand, domain: Domain, single: bool, weights: Operand | None) -> tuple[Any, str] | None:
    """Value and index of the first number outside a domain, compared in the precision of the kernel.

    NaN is inside every domain (it propagates), and a sample of weight zero does not count.
    """
    original = decode(operand)
    array = original.astype(np.float32 if single else np.float64)
    bad = domain.outside(array)
    if weights is not None:
        bad &= decode(weights) != 0
    if not bad.any():
        return None
    index = first(bad)
    return original[index], shown(index)


def is_single(operand: Operand) -> bool:
    """Whether predictions are computed with in single precision."""
    return operand[1] & 0xFF in _SINGLE


def sum_tolerance(operand: Operand) -> float:
    """Return how far from 1 a sum of probabilities of the operand's type may be: the square root of the type's precision."""
    return _SUM_TOLERANCES.get(operand[1] & 0xFF, 2.0**-26)


def result_dtype(operand: Operand, original: Any) -> np.dtype:
    """Return the dtype of derivatives (and losses) for predictions of this operand: its own, or float64 for integers."""
    array, code = operand
    if code == _BFLOAT16:
        dtype = getattr(original, "dtype", None)
        return dtype if isinstance(dtype, np.dtype) else np.dtype(np.float32)
    if holds_integers(operand):
        return _FLOAT64
    return array.dtype.newbyteorder("=") if code & _core.SWAPPED else array.dtype


def read_outputs(
    out: Any, places: Sequence[int], shapes: Sequence[Shape], inputs: Sequence[Operand], names: Sequence[str], labels: int
) -> tuple[list[np.ndarray | None], bool]:
    """Check the arrays given as ``out`` before anything is written; tell, too, whether one of them is an input.

    ``places`` are those of the outputs in the driver, ``shapes`` theirs, ``names`` those of the inputs, the first ``labels`` of
    which are not differentiated by, and the weights. None stands where an array is to be made.
    """
    given = _flatten(out)
    if len(given) != len(places):
        listed = ", ".join(_output_name(place, names[labels:]) for place in places)
        expected = {0: "nothing: no array is returned", 1: f"one array ({listed})"}.get(
            len(places), f"{len(places)} arrays ({listed})"
        )
        raise ValueError(f"out must hold {expected}; got {len(given)}.")
    overwrites = False
    for position, array in enumerate(given):
        if array is None:
            continue
        problem = _problem_of_output(array, shapes[position])
        if not problem:
            for i, (other, _) in enumerate(inputs):
                if np.may_share_memory(array, other):
                    if _same_memory(array, other):
                        overwrites = True
                    elif _overlap(array, other):
                        problem = f"overlaps {names[i]} in part. Use the same array exactly, or memory of its own."
            for other in given[:position]:
                if other is not None and _overlap(array, other):
                    problem = "overlaps another output."
        if problem:
            label = "out" if len(given) == 1 else f"out[{position}]"
            kind = TypeError if "NumPy array" in problem or "dtype" in problem else ValueError
            raise kind(f"{label}, the {_output_name(places[position], names[labels:])}, {problem}")
    return given, overwrites


def _output_name(place: int, names: Sequence[str]) -> str:
    kind = ("value", "gradient", "gradient", "hessian", "hessian")[place]
    differentiated = [name for name in names if name != "sample_weight"]
    return kind if place == 0 or len(differentiated) == 1 else f"{kind} of {differentiated[(place - 1) % 2]}"


def _flatten(out: Any) -> list[Any]:
    if isinstance(out, tuple | list):
        return [array for item in out for array in _flatten(item)]
    return [out]


def _problem_of_output(array: Any, shape: Shape) -> str:
    """Say what keeps an array from receiving results of this shape; an empty string when nothing does."""
    if not isinstance(array, np.ndarray):
        return f"must be a NumPy array; got {type(array).__name__}."
    code = CODES.get(array.dtype)
    if (code is None and array.dtype.name != "bfloat16") or (code is not None and code & 0xFF not in _FLOATS):
        return f"must have a floating dtype of 16, 32 or 64 bits; got {array.dtype}."
    if array.shape != shape:
        return f"must have shape {shape}; got {array.shape}."
    flags = array.flags
    if not flags.writeable:
        return "is read-only."
    if not flags.forc:
        reach = array.itemsize
        for step, length in sorted(zip(map(abs, array.strides), array.shape, strict=True)):
            if length > 1:
                if step < reach:
                    return f"has elements that share memory (strides {array.strides})."
                reach += step * (length - 1)
    return ""


def _overlap(a: np.ndarray, b: np.ndarray) -> bool:
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=100_000)
    except np.exceptions.TooHardError:
        return True


def _same_memory(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether element i of ``a`` is exactly the memory of element i of ``b``."""
    return (
        a.__array_interface__["data"][0] == b.__array_interface__["data"][0]
        and a.strides == b.strides
        and a.shape == b.shape
        and a.itemsize == b.itemsize
    )


def write(array: np.ndarray) -> Operand:
    """Make the operand of an output array."""
    code = CODES.get(array.dtype)
    return (array, code) if code is not None else _read_rare(array, "out")


def map_numbers(function: str | None, value: Any) -> Any:
    """Apply an elementary function of the kernels (None: the identity) to anything array-like."""
    operand = read(value, "raw")
    dtype = result_dtype(operand, value)
    single = operand[1] & 0xFF in _SINGLE
    numbers = np.array(decode(operand), dtype=np.float32 if single else np.float64, order="C")
    if function is not None:
        _core.map_function(function, numbers, numbers)
    result = numbers.astype(dtype, copy=False)
    return result if result.ndim else result[()]
