"""What scikit-learn's metrics accept and refuse: types of targets, lengths, finite numbers, weights, parameters.

The messages say what scikit-learn's say, so that code that matches on them keeps working. Ordinary arrays are recognised by a
few comparisons and pass; whatever is unusual takes the long way.
"""

from __future__ import annotations

import math
import sys
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import CODES
from ..errors import TOO_HEAVY, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._arrays import Operand

_INTEGERS = frozenset(code for dtype, code in CODES.items() if dtype.kind in "iub")
_SINGLE = frozenset(CODES[np.dtype(name)] for name in ("float32", "float16"))
_FLOAT64 = CODES[np.dtype(np.float64)]
# Integer labels that lie this near to each other are counted in a table without being sorted first.
_NEAR = 1024
# A larger table of pairs than this is made of the labels that occur only.
_PAIRS = 256


class UndefinedMetricWarning(UserWarning):
    """A metric is undefined for the data, and a number was put in its place."""


class InvalidParameterError(ValueError, TypeError):
    """A parameter is none of what it may be."""


_merged: dict[tuple[type, type], type] = {}


def _like_theirs(own: type, module: str, name: str) -> type:
    """Return a class that is our own and scikit-learn's, if that is loaded: filters and handlers for either work.

    Importing scikit-learn for its class would cost a second.
    """
    theirs = getattr(sys.modules.get(module), name, None)
    if theirs is None:
        return own
    if (own, theirs) not in _merged:
        _merged[own, theirs] = type(name, (own, theirs), {"__doc__": own.__doc__, "__module__": own.__module__})
    return _merged[own, theirs]


def warn_undefined(message: str) -> None:
    """Warn that a metric is undefined, where the user called it."""
    warn(message, _like_theirs(UndefinedMetricWarning, "sklearn.exceptions", "UndefinedMetricWarning"))


# ---- parameters ------------------------------------------------------------------------------------------------


def bad_parameter(function: str, name: str, expected: str, value: Any) -> Exception:
    """Make the error for a parameter that is none of what it may be."""
    error = _like_theirs(InvalidParameterError, "sklearn.utils._param_validation", "InvalidParameterError")
    return error(f"The {name!r} parameter of {function} must be {expected}. Got {value!r} instead.")


def check_choice(function: str, name: str, value: Any, options: Sequence[Any], arrays: bool = False) -> None:
    """Refuse a value that is none of the options; arrays may be allowed beside them."""
    if isinstance(value, str) or value is None:
        if value in options:
            return
    elif arrays and is_array_like(value):
        return
    words = sorted(repr(option) for option in options if option is not None)
    expected = f"a str among {{{', '.join(words)}}}" + (" or None" if None in options else "")
    raise bad_parameter(function, name, expected + (" or an array-like" if arrays else ""), value)


def check_bool(function: str, name: str, value: Any) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool | np.bool_):
        raise bad_parameter(function, name, "an instance of 'bool' or an instance of 'numpy.bool'", value)


def check_number(function: str, name: str, value: Any, allowed: Any, expected: str) -> None:
    """Refuse what is no real number, or not ``allowed``."""
    if not isinstance(value, Real) or not allowed(value):
        raise bad_parameter(function, name, expected, value)


def is_array_like(value: Any) -> bool:
    """Whether something can be read as an array, and is no scalar."""
    return (hasattr(value, "__len__") or hasattr(value, "shape") or hasattr(value, "__array__")) and not np.isscalar(value)


def check_arrays(function: str, sparse: bool = False, **values: Any) -> None:
    """Refuse values that are no arrays; sparse matrices have a shape, and pass for now."""
    for name, value in values.items():
        if not is_array_like(value):
            expected = "an array-like or a sparse matrix" if sparse else "an array-like"
            raise bad_parameter(function, name, expected, value)


def check_labels(function: str, labels: Any) -> None:
    """Refuse ``labels`` that are no array."""
    if labels is not None and not is_array_like(labels):
        raise bad_parameter(function, "labels", "an array-like or None", labels)


# ---- arrays ----------------------------------------------------------------------------------------------------


def is_sparse(value: Any) -> bool:
    """Whether this is a matrix of scipy.sparse, which has been imported then."""
    module = sys.modules.get("scipy.sparse")
    return module is not None and module.issparse(value)


def length(value: Any) -> int:
    """Count the samples of anything array-like."""
    if type(value) is np.ndarray and value.ndim:
        return value.shape[0]
    message = f"Expected sequence or array-like, got {type(value)}"
    if callable(getattr(value, "fit", None)):
        raise TypeError(message)
    shape = getattr(value, "shape", None)
    if shape is not None:
        if len(shape) == 0:
            raise TypeError(
                f"Input should have at least 1 dimension i.e. satisfy `len(x.shape) > 0`, got scalar `{value!r}` instead."
            )
        if isinstance(shape[0], int):
            return shape[0]
    if not hasattr(value, "__len__"):
        if not hasattr(value, "__array__"):
            raise TypeError(message)
        return length(np.asarray(value))
    try:
        return len(value)
    except TypeError as error:
        raise TypeError(message) from error


def check_lengths(*values: Any) -> None:
    """Refuse values of several lengths."""
    lengths = [length(value) for value in values if value is not None]
    if len(set(lengths)) > 1:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {lengths}")


def as_array(value: Any, name: str = "", numeric: bool = False) -> np.ndarray:
    """Make an array of anything array-like; of numbers, if ``numeric``: objects become float64."""
    if isinstance(value, np.matrix):
        raise TypeError("np.matrix is not supported. Please convert to a numpy array with np.asarray.")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name or 'the array'} is a masked array, and its mask would be lost. Pass its data, and sample_weight=~mask to "
            "leave the masked samples out."
        )
    if is_sparse(value):
        where = f" for {name}" if name else ""
        raise TypeError(
            f"Sparse data was passed{where}, but dense data is required. Use '.toarray()' to convert to a dense numpy array."
        )
    dtype: Any = getattr(value, "dtype", None)
    if hasattr(dtype, "na_value") and hasattr(dtype, "numpy_dtype") and hasattr(value, "to_numpy"):
        # pandas' nullable types come as objects otherwise
        array = value.to_numpy(dtype=np.float64 if numeric else dtype.numpy_dtype)
    elif hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        array = np.from_dlpack(value)
    else:
        array = np.asarray(value)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported\n{array}\n")
    if numeric and array.dtype.kind not in "fiub":
        array = array.astype(np.float64)
    if numeric and array.dtype not in CODES:
        array = array.astype(np.float64)
    return array


def check_shape(array: np.ndarray, empty: bool = False) -> None:
    """Refuse arrays of more than two axes, and without samples or features."""
    if array.ndim == 0:
        length(array)
    if array.ndim > 2:
        raise ValueError(f"Found array with dim {array.ndim}, while dim <= 2 is required.")
    if not empty and array.shape[0] == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is required.")
    if array.ndim == 2 and array.shape[1] == 0:
        raise ValueError(f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")


def check_finite(array: np.ndarray, name: str = "") -> None:
    """Refuse NaN and infinities."""
    if array.dtype.kind == "O":
        if any(item != item for item in array.ravel() if isinstance(item, float)):
            raise ValueError("Input contains NaN")
        return
    if array.dtype.kind != "f":
        return
    columns = [array] if array.ndim == 1 else array.T if array.flags.f_contiguous else [array.reshape(-1)]
    if not any(_core.look_at((column, CODES[column.dtype])) & _core.NOT_FINITE for column in columns):
        return
    kind = "NaN" if np.isnan(array).any() else f"infinity or a value too large for {array.dtype!r}"
    raise ValueError(f"Input {name + ' ' if name else ''}contains {kind}.")


def column(array: np.ndarray, name: str = "y") -> np.ndarray:
    """Make one axis of an array that has only one, or a second of length 1."""
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} should be a 1d array, got an array of shape {array.shape} instead.")
    return array


def _as_weights(sample_weight: Any, n: int, function: str) -> Operand:
    if type(sample_weight) is not np.ndarray:
        if function and not is_array_like(sample_weight):
            raise bad_parameter(function, "sample_weight", "an array-like or None", sample_weight)
        if length(sample_weight) != n:
            raise ValueError(f"Found input variables with inconsistent numbers of samples: {[n, length(sample_weight)]}")
        sample_weight = as_array(sample_weight, "sample_weight", numeric=True)
    elif sample_weight.dtype not in CODES:
        sample_weight = as_array(sample_weight, "sample_weight", numeric=True)
    if sample_weight.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {sample_weight.ndim}D array. Expected either a scalar value or a "
            f"1D array of length {n}."
        )
    if sample_weight.shape[0] != n:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {[n, sample_weight.shape[0]]}")
    return sample_weight, CODES[sample_weight.dtype]


def read_weights(sample_weight: Any, n: int, function: str = "") -> Operand | None:
    """Make an operand of one weight per sample: finite, of any sign."""
    weights, _ = weights_and_zeros(sample_weight, n, function)
    return weights


def weights_and_zeros(sample_weight: Any, n: int, function: str) -> tuple[Operand | None, bool]:
    """Read the weights, and tell whether some are zero."""
    if sample_weight is None:
        return None, False
    weights = _as_weights(sample_weight, n, function)
    found = _core.look_at(weights)
    if found & _core.NOT_FINITE:
        check_finite(weights[0], "sample_weight")
    return weights, bool(found & _core.ZERO)


def check_total(weight: float, negative: bool = False) -> None:
    """Refuse weights that sum to zero."""
    if weight == 0:
        if negative:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        raise ValueError("Sample weights must contain at least one non-zero number.")


def check_weights(weights: Any) -> Any:
    """Refuse sums of weights that no number can hold, and return the others."""
    if not np.isfinite(weights).all():
        raise ValueError(TOO_HEAVY)
    return weights


# ---- regression ------------------------------------------------------------------------------------------------


class Columns:
    """Targets of a regression: pairs of operands, one for each output, and what they have in common."""

    __slots__ = ("arrays", "pairs", "single", "size", "weights", "zeros")

    def __init__(self, arrays: Any, pairs: Any, single: bool, size: int, weights: Operand | None, zeros: bool) -> None:
        self.arrays = arrays
        self.pairs = pairs
        self.single = single
        self.size = size
        self.weights = weights
        # whether some weights are zero: those samples do not show in the sums, whatever they are
        self.zeros = zeros

    def check_finite(self) -> None:
        """Refuse NaN and infinities among the targets."""
        for array in self.arrays:
            check_finite(array)


def _is_single(codes: Sequence[int]) -> bool:
    """Whether the floating numbers among these have all 32 bits or less: then float32 is computed with."""
    single = False
    for code in codes:
        if code & 0xFF == _FLOAT64:
            return False
        single |= code & 0xFF in _SINGLE
    return single


def regression_targets(function: str, y_true: Any, y_pred: Any, sample_weight: Any) -> Columns:
    """Read the targets of a regression, with one or several outputs."""
    if (
        type(y_true) is not np.ndarray
        or type(y_pred) is not np.ndarray
        or y_true.dtype not in CODES
        or y_pred.dtype not in CODES
    ):
        check_arrays(function, y_true=y_true, y_pred=y_pred)
        check_lengths(y_true, y_pred, sample_weight)
        y_true, y_pred = as_array(y_true, numeric=True), as_array(y_pred, numeric=True)
    true_code, pred_code = CODES[y_true.dtype], CODES[y_pred.dtype]
    if y_true.ndim != 1 or y_true.shape != y_pred.shape or not y_true.shape[0]:
        check_lengths(y_true, y_pred, sample_weight)
        check_shape(y_true)
        check_shape(y_pred)
    n = y_true.shape[0]
    weights, zeros = weights_and_zeros(sample_weight, n, function)
    single = _is_single((true_code, pred_code) if weights is None else (true_code, pred_code, weights[1]))
    if y_true.ndim == 1 and y_pred.ndim == 1:
        pairs: tuple[tuple[Operand, Operand], ...] = (((y_true, true_code), (y_pred, pred_code)),)
    else:
        true_columns, pred_columns = (array[:, None] if array.ndim == 1 else array for array in (y_true, y_pred))
        if true_columns.shape[1] != pred_columns.shape[1]:
            raise ValueError(
                f"y_true and y_pred have different number of output ({true_columns.shape[1]}!={pred_columns.shape[1]})"
            )
        pairs = tuple(((true, true_code), (pred, pred_code)) for true, pred in zip(true_columns.T, pred_columns.T, strict=True))
    return Columns((y_true, y_pred), pairs, single, n, weights, zeros)


def check_multioutput(multioutput: Any, outputs: int) -> Any:
    """Refuse weights of outputs that do not fit them."""
    if multioutput is None or isinstance(multioutput, str):
        return multioutput
    weights = as_array(multioutput, numeric=True)
    check_shape(weights)
    if outputs == 1:
        raise ValueError("Custom weights are useful only in multi-output cases.")
    if weights.shape[0] != outputs:
        raise ValueError(f"There must be equally many custom weights ({weights.shape[0]}) as outputs ({outputs}).")
    return weights


# ---- classification --------------------------------------------------------------------------------------------


class Targets:
    """Targets of a classification: labels as integers, or indicators of several labels for each sample.

    ``kind`` is "labels" or "multilabel". Labels are operands of integers in [low, low + width); ``classes`` are the labels of
    which these are the positions, or None where they are the labels themselves, of type ``dtype``. Indicators are arrays.
    """

    __slots__ = ("classes", "dtype", "kind", "low", "size", "weights", "width", "y_pred", "y_true")

    def __init__(self, kind: str, y_true: Any, y_pred: Any, size: int, weights: Operand | None) -> None:
        self.kind = kind
        self.y_true = y_true
        self.y_pred = y_pred
        self.size = size
        self.weights = weights
        self.low = self.width = 0
        self.classes: np.ndarray | None = None
        self.dtype: np.dtype | None = None


def classification_targets(
    function: str, y_true: Any, y_pred: Any, sample_weight: Any, ranged: bool = True, near: int = _NEAR, empty: bool = False
) -> Targets:
    """Read the targets of a classification; ``ranged`` asks for the range of the labels, too."""
    if type(y_true) is np.ndarray and type(y_pred) is np.ndarray and y_true.ndim == 1 and y_true.shape == y_pred.shape:
        true_code, pred_code = CODES.get(y_true.dtype), CODES.get(y_pred.dtype)
        if true_code is not None and pred_code is not None and y_true.shape[0]:
            weights = None if sample_weight is None else read_weights(sample_weight, y_true.shape[0], function)
            targets = Targets("labels", (y_true, true_code), (y_pred, pred_code), y_true.shape[0], weights)
            if not ranged and true_code in _INTEGERS and pred_code in _INTEGERS:
                return targets
            if _set_range(targets, near):
                return targets
    return _unusual_targets(function, y_true, y_pred, sample_weight, near, empty)


def _set_range(targets: Targets, near: int) -> bool:
    """Find the range of labels that are numbers; tell whether they lie near enough to each other to be counted as they are."""
    true_range = _core.label_range(targets.y_true)
    pred_range = _core.label_range(targets.y_pred) if true_range else None
    if true_range is None or pred_range is None:
        return False
    low = min(true_range[0], pred_range[0])
    width = max(true_range[1], pred_range[1]) - low + 1
    if width > near:
        return False
    targets.low, targets.width = low, width
    true, pred = targets.y_true[0].dtype, targets.y_pred[0].dtype
    targets.dtype = true if true == pred else np.result_type(true, pred)
    return True


def _unusual_targets(function: str, y_true: Any, y_pred: Any, sample_weight: Any, near: int, empty: bool) -> Targets:
    first, second = ("y1", "y2") if function == "cohen_kappa_score" else ("y_true", "y_pred")
    check_arrays(function, sparse=True, **{first: y_true, second: y_pred})
    if sample_weight is not None and not is_array_like(sample_weight):
        raise bad_parameter(function, "sample_weight", "an array-like or None", sample_weight)
    check_lengths(y_true, y_pred, sample_weight)
    true_type, true = type_of_target(y_true, "y_true")
    pred_type, pred = type_of_target(y_pred, "y_pred")
    n = true.shape[0]
    if not empty and n == 0:
        raise ValueError("Found empty input array (e.g., `y_true` or `y_pred`) while a minimum of 1 sample is required.")
    weights = read_weights(sample_weight, n, function)
    labels = {"binary", "multiclass"}
    if true_type != pred_type and not {true_type, pred_type} <= labels:
        mix = f"{named_type(true_type, true)} and {named_type(pred_type, pred)}"
        raise ValueError(f"Classification metrics can't handle a mix of {mix} targets")
    if true_type == "multilabel-indicator":
        if true.shape[1] != pred.shape[1]:
            raise ValueError("Multi-label binary indicator input with different numbers of labels")
        return Targets("multilabel", true, pred, n, weights)
    if true_type not in labels:
        raise ValueError(f"{true_type} is not supported")
    if is_sparse(true) or is_sparse(pred):
        raise TypeError("Sparse input is only supported when targets are of multilabel type")
    true, pred = column(true, "y_true"), column(pred, "y_pred")
    targets = Targets("labels", true, pred, n, weights)
    if true.dtype in CODES and pred.dtype in CODES:
        targets.y_true, targets.y_pred = (true, CODES[true.dtype]), (pred, CODES[pred.dtype])
        if n and _set_range(targets, near):
            return targets
    encoded_true, encoded_pred, classes = encode(true, pred)
    targets.classes = classes
    targets.y_true, targets.y_pred = (encoded_true, CODES[encoded_true.dtype]), (encoded_pred, CODES[encoded_pred.dtype])
    targets.width = len(classes)
    return targets


def encode(*columns: np.ndarray) -> tuple[Any, ...]:
    """Positions of the labels of each column among all labels in their order, and those."""
    if all(array.dtype.kind in "fiub" for array in columns):
        classes, positions = np.unique(np.concatenate(columns), return_inverse=True)
    else:
        items = [item for array in columns for item in array.tolist()]
        found: dict[Any, int] = {}
        places = [found.setdefault(item, len(found)) for item in items]
        if len({isinstance(item, str) for item in found}) > 1:
            shown = " and ".join(str(np.array(sorted(set(array.tolist())))) for array in columns)
            raise ValueError(f"Mix of label input types (string and number); Got {shown}.")
        ordered = sorted(found)
        classes = np.array(ordered)
        order = np.empty(len(found), np.int64)
        order[[found[item] for item in ordered]] = np.arange(len(found))
        positions = order[np.array(places, np.int64)]
    ends = np.cumsum([len(array) for array in columns])
    return (*np.split(positions.astype(np.int64, copy=False), ends[:-1]), classes)


def type_of_target(y: Any, name: str) -> tuple[str, Any]:
    """Tell what kind of targets these are, in scikit-learn's words, and read them: an array, or a sparse matrix as it is."""
    if isinstance(y, str) or not is_array_like(y):
        raise ValueError(f"Expected array-like (array or non-string sequence), got {y!r}")
    if type(y).__name__ in ("SparseSeries", "SparseArray"):
        raise ValueError("y cannot be class 'SparseSeries' or 'SparseArray'")
    if is_sparse(y):
        return _type_of_sparse(y)
    try:
        array = as_array(y, name)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        array = np.empty(len(y), object)
        array[:] = list(y)
    if array.ndim == 0:
        length(array)
    first = array[0] if array.shape[0] else None
    if isinstance(first, bytes):
        raise TypeError(
            "Support for labels represented as bytes is not supported. Convert the labels to a string or integer format."
        )
    if array.dtype.kind == "O" and not hasattr(first, "__array__") and isinstance(first, list | tuple | set | range):
        raise ValueError(
            "You appear to be using a legacy multi-label data representation. Sequence of sequences are no longer supported; "
            "use a binary array or sparse matrix instead - the MultiLabelBinarizer transformer can convert to this format."
        )
    if array.ndim not in (1, 2):
        return "unknown", array
    wide = array.ndim == 2 and array.shape[-1] > 1
    if not min(array.shape):
        return ("binary" if array.ndim == 1 else "unknown"), array
    if array.dtype.kind == "O" and not isinstance(array.flat[0], str):
        return "unknown", array
    if array.dtype.kind == "f":
        numbers = array if array.dtype in CODES else array.astype(np.float64)
        if not _is_integral(numbers):
            check_finite(numbers, name)
            return "continuous-multioutput" if wide else "continuous", array
    if wide:
        two_valued = array.dtype.kind in "fiub" and ((array == array.min()) | (array == array.max())).all()
        return ("multilabel-indicator" if two_valued else "multiclass-multioutput"), array
    # more than two labels or not: who asks, counts them
    return "binary", array


def named_type(kind: str, array: Any) -> str:
    """Tell targets of two labels from those of more."""
    if kind == "binary" and not is_sparse(array) and len(encode(array.ravel())[1]) > 2:
        return "multiclass"
    return kind


def _is_integral(array: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool((np.trunc(array) == array).all() and np.isfinite(array).all())


def _type_of_sparse(y: Any) -> tuple[str, Any]:
    if y.ndim == 2 and y.shape[1] > 1:
        y = y.tocsr()
        values = np.unique(y.data)
        if values.size == 0 or ((values.size == 1 or (values.size == 2 and 0 in values)) and _is_integral(values)):
            return "multilabel-indicator", y
        return ("multiclass" if _is_integral(values) else "continuous") + "-multioutput", y
    return ("binary" if _is_integral(y.tocsr().data) else "continuous"), y


def check_average(function: str, average: Any, zero_division: Any, nan_allowed: bool = True) -> None:
    """Refuse what ``average`` and ``zero_division`` cannot be."""
    if average not in ("binary", "macro", "micro", "samples", "weighted", None) if isinstance(average, str | None) else True:
        check_choice(function, "average", average, ("micro", "macro", "samples", "weighted", "binary", None))
    if isinstance(zero_division, str):
        if zero_division == "warn":
            return
    elif isinstance(zero_division, Real) and (zero_division in (0, 1) or (nan_allowed and math.isnan(zero_division))):
        return
    raise bad_parameter(function, "zero_division", "a float among {0.0, 1.0}, nan or a str among {'warn'}", zero_division)
