"""Arrays in, arrays out: dtype, shape, layout, ``out=``, and what to say when something does not fit.

Everything that leaves this module is an *operand*: a pair of a NumPy array and the type code of its items, ready for the
driver. Nothing is copied unless it is no array yet (lists, scalars) or lies on no address the driver could read.
"""

from __future__ import annotations

import math
import sys
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core, errors
from ._core import CODES, Inputs, is_single
from ._core import result_dtype as result_dtype
from ._core import write as write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .domains import Domain
    from .signature import Signature

    Operand = tuple[np.ndarray, int]
    Shape = tuple[int, ...]
    Index = tuple[int, ...]

_BFLOAT16 = _core.TYPE_CODES["bfloat16"]
_FLOATS = {_core.TYPE_CODES[name] for name in ("float32", "float64", "float16", "bfloat16")}
_SUM_TOLERANCES = {
    _core.TYPE_CODES[name]: 2.0**power for name, power in (("float32", -11.5), ("float16", -5), ("bfloat16", -3.5))
}


def read(value: Any, name: str) -> Operand:
    """Make an operand of anything array-like; raise TypeError for what holds no real numbers."""
    if type(value) is not np.ndarray:
        if getattr(value, "requires_grad", False) is True:
            # a tensor that torch wants derivatives by: those of fastloss are arrays
            value = value.detach()
        if str(getattr(value, "dtype", "")) == "torch.bfloat16":
            # NumPy has no such type; the driver has
            bits = value.view(sys.modules["torch"].int16).numpy()
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
    except MemoryError:
        raise
    # whatever somebody's conversion raises
    except Exception as error:
        raise errors.unreadable(name, value, error) from error


def check_axes(values: Sequence[Any], names: Sequence[str]) -> None:
    """Raise where arrays have named axes (``dims``, as those of xarray) that are the same ones in another order."""
    named = [(name, tuple(axes)) for name, value in zip(names, values, strict=False) if (axes := _axes_of(value))]
    for name, axes in named[1:]:
        if axes != named[0][1] and sorted(map(str, axes)) == sorted(map(str, named[0][1])):
            raise errors.other_axes((named[0][0], name), (named[0][1], axes))


def _axes_of(value: Any) -> Any:
    if type(value) is np.ndarray:
        return None
    axes = getattr(value, "dims", None)
    return axes if isinstance(axes, tuple) else None


def _read_rare(array: np.ndarray, name: str) -> Operand:
    if array.dtype.name == "bfloat16":
        return array.view(np.uint16), _BFLOAT16
    if array.dtype == object:
        return read(_numbers_of(array, name), name)
    raise TypeError(f"{name} must hold real numbers (float, int or bool, up to 64 bits); got dtype {array.dtype}.")


def _numbers_of(array: np.ndarray, name: str) -> np.ndarray:
    """Make numbers of an array of objects that are numbers, or missing, which is NaN."""
    if not array.ndim and not isinstance(array[()], Real):
        raise errors.no_numbers(name, array[()])
    items = array.ravel().tolist()
    kinds = set(map(type, items))
    missing = {kind for kind in kinds if kind is type(None) or kind.__name__ == "NAType"}
    bad = {kind for kind in kinds - missing if not issubclass(kind, Real)}
    if bad:
        place = next(i for i, item in enumerate(items) if type(item) in bad)
        raise errors.bad_item(name, tuple(map(int, np.unravel_index(place, array.shape))), items[place])
    # integers may be too large for a double
    items = [math.nan if type(item) in missing else _as_float(item) for item in items]
    return np.array(items, dtype=np.float64).reshape(array.shape)


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def read_alike(values: Sequence[Any], names: Sequence[str], given: int) -> Inputs:
    """Read inputs of one shape, of which a loss takes one number each; the first ``given`` do not decide the precision."""
    ordinary = _core.read_ordinary(tuple(values), given)
    if ordinary is not None:
        return ordinary
    operands = tuple(map(read, values, names))
    shape = operands[0][0].shape
    if any(array.shape != shape for array, _ in operands):
        raise ValueError(_shape_message(operands, names))
    return Inputs(operands, shape, all(is_single(code) for _, code in operands[given:]))


def read_units(values: Sequence[Any], signature: Signature, unit_axes: int = 1) -> Inputs:
    """Read inputs of one shape, of which a unit of the loss has some axes: the last, all but the first ones, or all.

    Of an input that has no axes in the signature, a unit has one number.
    """
    full = [i for i, item in enumerate(signature.inputs) if item.forms[0].axes]
    names = [signature.names[i] for i in full]
    inputs = read_alike(tuple(values[i] for i in full), names, full.index(signature.predictions[0]))
    shape = inputs.shape
    of_masks = unit_axes if len(shape) > 1 else 0
    units = {"(...)": 0, "(m...)": of_masks, "[m...]": of_masks}.get(signature.axes, len(shape) - 1)
    if signature.axes != "(...)" and (units < 0 or len(shape) == units or not all(shape[units:])):
        what = "an axis" if units < 2 else f"more than {units} axes"
        raise ValueError(f"{listed(names)} must have {what} of at least one number for each loss; got shape {shape}.")
    if signature.components and inputs.shape[-1] != signature.components:
        what = f"{signature.components} numbers along the last axis"
        raise ValueError(f"{listed(names)} must have {what}, for each loss; got shape {shape}.")
    operands = inputs.operands
    if len(full) < len(values):
        vectors = iter(operands)
        operands = tuple(
            next(vectors) if i in full else _read_label(value, signature.names[i], shape[:units], names)
            for i, value in enumerate(values)
        )
    starts = None
    if signature.plan == "groups":
        # all of one length
        starts = np.arange(math.prod(shape[:units]) + 1, dtype=np.int64) * math.prod(shape[units:])
    return Inputs(operands, shape[:units], inputs.single, len(shape) - units, False, starts)


def read_classes_of_masks(values: Sequence[Any]) -> Inputs:
    """Read the class index of each pixel, and a mask of predictions for each class."""
    labels, predictions = read(values[0], "y_true"), read(values[1], "y_pred")
    shape, found = labels[0].shape, predictions[0].shape
    units = 1 if len(shape) > 1 else 0
    if found[:units] + found[units + 1 :] != shape or len(found) != len(shape) + 1 or not shape or not all(found[units:]):
        wanted = f"(n, K, ...), for y_true of shape (n, ...), or (K, m) for (m,): {(*shape[:units], 'K', *shape[units:])}"
        raise ValueError(
            f"y_pred must have the shape {wanted.replace(chr(39), '')}, with K classes, at least one, and pixels; got {found}."
        )
    starts = np.arange(math.prod(shape[:units]) + 1, dtype=np.int64) * math.prod(shape[units:])
    single = is_single(predictions[1])
    return Inputs((labels, predictions), shape[:units], single, len(found) - units, True, starts)


def _read_label(value: Any, name: str, shape: Shape, others: Sequence[str]) -> Operand:
    """Read one number for each unit."""
    label = read(value, name)
    found = label[0].shape
    if found != shape:
        advice = f" Pass {name}[..., 0]." if found == (*shape, 1) else ""
        raise ValueError(
            f"{name} must have shape {shape}, one number for each vector of {listed(others)}; got {found}.{advice}"
        )
    return label


def read_rows(values: Sequence[Any], forms: tuple[tuple[bool, bool], ...]) -> Inputs:
    """Read labels, of one of these forms (whether they are rows, too, and whether indices), and rows of predictions."""
    ordinary = _core.read_ordinary_rows(tuple(values), forms)
    if ordinary is not None:
        return ordinary
    predictions = read(values[1], "y_pred")
    labels = read(values[0], "y_true")
    shape, found = predictions[0].shape, labels[0].shape
    if not shape or not shape[-1]:
        raise ValueError(f"y_pred must have an axis of classes, the last one, with at least one class; got shape {shape}.")
    single = is_single(predictions[1])
    for of_rows, index in forms:
        if found == (shape if of_rows else shape[:-1]):
            return Inputs((labels, predictions), shape[:-1], single, 1, index)
    kinds = {(False, True): "class indices", (True, False): "a distribution", (True, True): "lists of class indices"}
    wanted = ", or ".join(f"{shape if form[0] else shape[:-1]} for {kinds[form]}" for form in forms)
    advice = ""
    if not all(of_rows for of_rows, _ in forms):
        advice = " Pass y_true[..., 0]." if found == (*shape[:-1], 1) else ""
        if found == shape:
            advice = " CategoricalCrossEntropy takes distributions."
    raise ValueError(f"y_true must have shape {wanted}, for y_pred of shape {shape}; got {found}.{advice}")


def read_groups(values: Sequence[Any], names: Sequence[str]) -> Inputs:
    """Read items in groups: arrays of one axis, and the sizes of the groups, or an identifier for each item."""
    inputs = read_alike(values[:-1], names[:-1], 1)
    if len(inputs.shape) != 1:
        raise ValueError(f"{listed(names[:-1])} must have one axis, that of the items; got shape {inputs.shape}.")
    starts = _starts(read(values[-1], names[-1]), inputs.shape[0])
    return Inputs(inputs.operands, (len(starts) - 1,), inputs.single, 0, False, starts)


def read_tiles(values: Sequence[Any], signature: Signature) -> Inputs:
    """Read vectors, those that they are compared with, and what belongs to either; what is optional, and None, is left out."""
    given = []
    for item, value in zip(signature.inputs, values, strict=False):
        if value is not None:
            given.append((item, read(value, item.name)))
        elif not item.optional:
            raise TypeError(f"{item.name} must hold numbers; got None.")
    vectors, (array, _) = next((item, operand) for item, operand in given if "(d)" in item.forms[0].axes)
    if array.ndim < 2 or not array.shape[-1]:
        raise ValueError(f"{vectors.name} must have an axis of vectors and one of their numbers; got shape {array.shape}.")
    if array.ndim > 2 and not any("[k]" in item.forms[0].axes for item in signature.inputs):
        raise ValueError(f"{vectors.name} must have two axes, because all vectors are compared; got shape {array.shape}.")
    units, sizes = array.shape[:-1], {"(d)": array.shape[-1:]}
    for item, (other, _) in given:
        axes = item.forms[0].axes
        # the first input with an axis of its own says how long it is
        if axes.startswith("[k]"):
            sizes.setdefault("[k]", other.shape[:1])
        own = sizes["[k]"] if axes.startswith("[k]") else units
        expected = (*own, *(sizes["(d)"] if axes.endswith("(d)") else ()))
        if other.shape != expected or not other.ndim or (axes.startswith("[k]") and not other.size):
            wanted = f"(k, {array.shape[-1]}), with k > 0" if axes == "[k](d)" else expected
            raise ValueError(
                f"{item.name} must have shape {wanted}, for {vectors.name} of shape {array.shape}; got {other.shape}."
            )
    operands = tuple(operand for _, operand in given)
    single = all(is_single(code) for item, (_, code) in given if item.differentiated)
    labels = [place for place, (item, _) in enumerate(given) if item.forms[0].index]
    return Inputs(operands, units, single, 0, False, None, labels[0] if labels else -1)


def read_sequences(values: Sequence[Any], names: Sequence[str], unit_axis: int) -> Inputs:
    """Read frames of classes, numbered along ``unit_axis`` where there are several sequences, labels, and how many each has."""
    frames, targets = read(values[0], names[0]), read(values[1], names[1])
    shape, found = frames[0].shape, targets[0].shape
    if len(shape) not in (2, 3) or not shape[-1]:
        order = "(N, T, C)" if unit_axis == 0 else "(T, N, C)"
        wanted = f"{order}, for N sequences of T frames of C classes, at least one, or (T, C)"
        raise ValueError(f"{names[0]} must have shape {wanted}; got {shape}.")
    units = shape[unit_axis : unit_axis + 1] if len(shape) == 3 else ()
    n, all_frames = math.prod(units), shape[1 - unit_axis] if units else shape[0]
    if len(found) != 1 and (len(found) != 2 or not units or found[0] != n):
        padded = f"({n}, S), the labels of a sequence in each row, or " if units else ""
        wanted = f"{padded}(S,), all labels one after another"
        raise ValueError(f"{names[1]} must have shape {wanted}, for {names[0]} of shape {shape}; got {found}.")
    lengths = _read_lengths(values[2], names[2], units, all_frames, f"the frames of {names[0]}")
    labels = _read_lengths(values[3], names[3], units, found[-1], f"the labels of {names[1]}")
    if len(found) == 2:
        begins = np.arange(n, dtype=np.int64) * found[1]
    else:
        begins = np.cumsum(labels) - labels
        if labels.sum() != found[0]:
            raise ValueError(
                f"{names[3]} must sum to the number of {names[1]} where these have one axis, {found[0]}; they sum to "
                f"{labels.sum()}. Labels with padding have two."
            )
    sequences = np.stack([lengths, begins, labels])
    return Inputs((frames, targets), units, is_single(frames[1]), 2, sequences=sequences, unit_axis=unit_axis)


def _read_lengths(value: Any, name: str, units: Shape, most: int, of: str) -> np.ndarray:
    """Read how much of something is each sequence's own."""
    array = decode(read(value, name))
    if array.shape != units:
        wanted = f"shape {units}, one for each sequence" if units else "one number, for one sequence"
        raise ValueError(f"{name} must have {wanted}; got shape {array.shape}.")
    with np.errstate(invalid="ignore"):
        bad = ~((array >= 0) & (array <= most) & (array == np.trunc(array)))
    if bad.any():
        index = first(bad)
        sentence = f"{name} must be whole numbers from 0 to {most}, {of}; got {array[index]}{{place}}."
        raise errors.InputError(sentence, name, index, array[index], "sample")
    return array.astype(np.int64).ravel()


def _starts(group: Operand, n: int) -> np.ndarray:
    """Find where groups begin, and where the last one ends."""
    array = decode(group)
    if array.ndim != 1:
        raise ValueError(
            f"group must have one axis: the sizes of the groups, or an identifier for each item; got {array.shape}."
        )
    with np.errstate(invalid="ignore"):
        bad = ~((array >= 0) & (array <= n) & (array == np.trunc(array)))
    # exact where it is n: no part of the sum is larger
    if (array.size != n and bad.any()) or (not bad.any() and array.sum(dtype=np.float64) == n):
        if bad.any():
            index = first(bad)
            raise errors.InputError(
                f"group must hold sizes of groups, from 0 to {n}; got {array[index]}{{place}}.", "group", index, array[index]
            )
        return np.concatenate([[0], np.cumsum(array, dtype=np.int64)])
    if array.size != n:
        raise ValueError(
            f"the sizes of the groups must sum to the number of items, {n}; they sum to {array.sum(dtype=object)}."
        )
    # identifiers, in runs
    begins = np.flatnonzero(array[1:] != array[:-1]) + 1 if n else np.empty(0, np.int64)
    names, counts = np.unique(array[np.concatenate([[0], begins])] if n else array, return_counts=True)
    if (counts > 1).any():
        name = names[np.argmax(counts > 1)]
        index = (int(np.flatnonzero(array == name)[-1]),)
        raise errors.InputError(
            f"group must hold each identifier in one run; {name} comes again{{place}}. Sort the items by group.",
            "group",
            index,
            name,
        )
    return np.concatenate([[0], begins, [n]]).astype(np.int64) if n else np.zeros(1, np.int64)


def runs(identifiers: np.ndarray) -> np.ndarray:
    """Count how often each identifier comes in a row."""
    ends = np.flatnonzero(identifiers[1:] != identifiers[:-1]) + 1
    return np.diff(np.concatenate([[0], ends, [len(identifiers)]])) if len(identifiers) else np.empty(0, np.int64)


def weights_of_runs(weights: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the one weight of each run of rows; raise where rows of a run have several."""
    begins = np.cumsum(sizes) - sizes
    found = weights[begins]
    odd = np.repeat(found, sizes) != weights
    if odd.any():
        row = int(np.argmax(odd))
        raise errors.InputError(
            f"the rows of a group must have one weight; got {weights[row]}{{place}} after another.",
            "sample_weight",
            (row,),
            weights[row],
        )
    return found


def listed(names: Sequence[str]) -> str:
    """Write names with an "and" before the last one."""
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), names[-1]])


def _shape_message(operands: Sequence[Operand], names: Sequence[str]) -> str:
    shapes = [operand[0].shape for operand in operands]
    message = f"{listed(names)} must have the same shape; got {listed([str(shape) for shape in shapes])}."
    for name, shape in zip(names, shapes, strict=True):
        for other, other_shape in zip(names, shapes, strict=True):
            if shape == (*other_shape, 1):
                return f"{message} Pass {name}[..., 0], or {other}[..., None]."
            if shape == (*other_shape, 2) and len(shape) == 2 and name == "y_pred":
                return f"{message} Of the two columns that predict_proba gives, pass {name}[:, 1]."
    return f"{message} There is no broadcasting of data against data."


def read_weights(value: Any, shape: Shape, numbers: Shape | None = None) -> Operand:
    """Make an operand of weights: of the shape of the losses, or, where a loss takes them, of the numbers of its units.

    One number per row is repeated along the other axes.
    """
    array, code = read(value, "sample_weight")
    if array.shape == shape:
        return array, code
    if numbers is not None and array.shape == numbers:
        return array, code
    whole = numbers if numbers is not None and not shape else shape
    if array.ndim == 1 and array.shape == whole[:1]:
        rows = array.reshape(array.shape + (1,) * (len(whole) - 1))
        return np.broadcast_to(rows, whole), code
    wanted = f"{whole}" if len(whole) < 2 else f"{whole} or {whole[:1]} (one per row)"
    also = f", or that of the inputs, {numbers}" if numbers is not None and numbers != whole else ""
    raise ValueError(f"sample_weight must have the shape of the losses, {wanted}{also}; got {array.shape}.")


def summable(weights: np.ndarray) -> np.ndarray:
    """Make weights smaller by a power of two where their sum may be too large for a double: ratios of sums stay as they are."""
    largest = float(weights.max(initial=0)) * weights.size
    return weights if largest < math.inf else weights * 2.0**-64


def bad_weight(weights: Operand) -> tuple[Index, Any] | None:
    """Find the first weight that is negative or not finite."""
    array = decode(weights)
    return _first_of(~(array >= 0) | ~np.isfinite(array), array)


def _first_of(bad: np.ndarray, array: np.ndarray) -> tuple[Index, Any] | None:
    if not bad.any():
        return None
    index = first(bad)
    return index, array[index]


def decode(operand: Operand) -> np.ndarray:
    """Return the operand as an array that NumPy can compute with (bfloat16 is widened)."""
    array, code = operand
    if code == _BFLOAT16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def holds_integers(operand: Operand) -> bool:
    """Tell whether an operand's dtype is an integer or boolean one."""
    return operand[1] & 0xFF not in _FLOATS


def first(mask: np.ndarray) -> Index:
    """Return the index of the first true one."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def outside(operand: Operand, domain: Domain, single: bool, weights: Operand | None) -> tuple[Index, Any] | None:
    """Find the first number outside a domain, compared in the precision of the kernel.

    NaN is inside every domain (it propagates), and a sample of weight zero does not count.
    """
    original = decode(operand)
    bad = domain.outside(original.astype(np.float32 if single else np.float64))
    if weights is not None:
        bad &= spread(decode(weights), original.ndim) != 0
    return _first_of(bad, original)


def spread(weights: np.ndarray, ndim: int) -> np.ndarray:
    """Give weights of units the axes that the numbers of a unit have beside them."""
    return weights.reshape(weights.shape + (1,) * (ndim - weights.ndim))


def weights_of_items(weights: Operand, inputs: Inputs) -> Operand:
    """Repeat the weight of each group for its items."""
    array, code = weights
    return np.repeat(array, np.diff(inputs.starts)), code


def sum_tolerance(operand: Operand) -> float:
    """Return how far from 1 a sum of probabilities of the operand's type may be: the square root of the type's precision."""
    return _SUM_TOLERANCES.get(operand[1] & 0xFF, 2.0**-26)


def read_outputs(
    out: Any, kinds: tuple[tuple[int, int], ...], inputs: Inputs, weights: Operand | None, names: Sequence[str]
) -> tuple[list[np.ndarray | None], bool]:
    """Check the arrays given as ``out`` before anything is written; tell, too, whether one of them is an input.

    ``kinds`` are those of the outputs, each with the place of an input, ``names`` those of the inputs. None stands where an
    array is to be made.
    """
    given = flatten(out)
    if len(given) != len(kinds):
        all_names = ", ".join(_output_name(kinds, position, names) for position in range(len(kinds)))
        expected = {0: "nothing: no array is returned", 1: f"one array ({all_names})"}.get(
            len(kinds), f"{len(kinds)} arrays ({all_names})"
        )
        raise ValueError(f"out must hold {expected}; got {len(given)}.")
    overwrites = False
    operands = inputs.operands if weights is None else (*inputs.operands, weights)
    for position, array in enumerate(given):
        if array is None:
            continue
        kind, i = kinds[position]
        error, problem = _problem_of_output(array, inputs.shape if kind == _core.VALUE else operands[i][0].shape)
        if not problem:
            for place, (other, _) in enumerate(operands):
                if np.may_share_memory(array, other):
                    if _same_memory(array, other):
                        overwrites = True
                    elif overlap(array, other):
                        name = (*names, "sample_weight")[place]
                        problem = f"overlaps {name} in part. Use the same array exactly, or memory of its own."
            if position:
                for other in given[:position]:
                    if other is not None and overlap(array, other):
                        problem = "overlaps another output."
        if problem:
            label = "out" if len(given) == 1 else f"out[{position}]"
            raise error(f"{label}, the {_output_name(kinds, position, names)}, {problem}")
    return given, overwrites


def _output_name(kinds: tuple[tuple[int, int], ...], position: int, names: Sequence[str]) -> str:
    kind, i = kinds[position]
    name = {_core.VALUE: "value", _core.GRADIENT: "gradient", _core.HESSIAN: "hessian"}[kind]
    return f"{name} of {names[i]}" if sum(other == kind for other, _ in kinds) > 1 else name


def flatten(out: Any) -> list[Any]:
    """List the arrays of ``out``, however they are nested."""
    if not isinstance(out, tuple | list):
        return [out]
    return [array for item in out for array in flatten(item)]


def _problem_of_output(array: Any, shape: Shape) -> tuple[type[Exception], str]:
    """Say what keeps an array from receiving results of this shape, and the kind of error; an empty string: nothing does."""
    if not isinstance(array, np.ndarray):
        return TypeError, f"must be a NumPy array; got {type(array).__name__}."
    if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray):
        return TypeError, "is a masked array, and what is under its mask would be written. Pass its data."
    code = CODES.get(array.dtype)
    if (code is None and array.dtype.name != "bfloat16") or (code is not None and code & 0xFF not in _FLOATS):
        return TypeError, f"must have a floating dtype of 16, 32 or 64 bits; got {array.dtype}."
    if array.shape != shape:
        return ValueError, f"must have shape {shape}; got {array.shape}."
    flags = array.flags
    if not flags.writeable:
        return ValueError, "is read-only."
    if not flags.forc:
        reach = array.itemsize
        for step, length in sorted(zip(map(abs, array.strides), array.shape, strict=True)):
            if length > 1:
                if step < reach:
                    return ValueError, f"has elements that share memory (strides {array.strides})."
                reach += step * (length - 1)
    return ValueError, ""


def overlap(a: np.ndarray, b: np.ndarray) -> bool:
    """Tell whether arrays share memory, or may do so where that takes too long to find out."""
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=100_000)  # type: ignore[arg-type] # NumPy's stubs know the two named limits only
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


def scale(array: Any, factor: float) -> Any:
    """Multiply derivatives by a number, in double precision, and round once; 0 makes 0 of all. Arrays are overwritten."""
    if factor == 1:
        return array
    if not isinstance(array, np.ndarray):
        return scale(np.array(array), factor)[()]
    if factor == 0:
        array[...] = 0
        return array
    with np.errstate(all="ignore"):
        return np.multiply(array, np.float64(factor), out=array, dtype=np.float64, casting="unsafe")


def map_numbers(function: str | None, value: Any) -> Any:
    """Apply an elementary function of the kernels (None: the identity) to anything array-like."""
    operand = read(value, "raw")
    dtype = result_dtype(operand, value)
    single = is_single(operand[1])
    numbers = np.array(decode(operand), dtype=np.float32 if single else np.float64, order="C")
    if function is not None:
        _core.map_function(function, numbers, numbers)
    result = numbers.astype(dtype, copy=False)
    return result if result.ndim else result[()]
