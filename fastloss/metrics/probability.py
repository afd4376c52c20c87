"""Metrics of predicted probabilities and scores: scikit-learn's functions, from exact sums of this package's losses."""

# pyright: reportReturnType=false
# What the functions compute is written by `metric`; mypy reads of this in pyproject.toml.

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Real
from typing import Any, Self

import numpy as np

from .. import _arrays, _core
from .._core import CODES, ClassOptions, Kernel, Sums
from ..errors import warn
from ..losses.binary import BinaryCrossEntropy, Brier, Hinge
from ..losses.multiclass import CategoricalCrossEntropy, CategoricalHinge
from ..losses.regression import SquaredError
from ..state import State
from . import _check
from ._state import metric
from ._sums import add_losses

_BRIER = Brier()._kernel
_HINGE = Hinge()._kernel
_CATEGORICAL_HINGE = CategoricalHinge()._kernel.of_classes(ClassOptions(None, None, 0.0, 0.0, None))
_SQUARED = SquaredError()._kernel
_BOOL = CODES[np.dtype(bool)]
_FLOAT32, _FLOAT64 = CODES[np.dtype(np.float32)], CODES[np.dtype(np.float64)]
# Numbers of one-hot rows made at a time.
_CHUNK = 1 << 18


@lru_cache(maxsize=8)
def _cross_entropy(eps: float) -> tuple[Kernel, Kernel]:
    """Return the kernels of the cross-entropy of probabilities clipped to [eps, 1 - eps]: of two classes, and of rows."""
    return (
        BinaryCrossEntropy(eps=eps)._kernel,
        CategoricalCrossEntropy(eps=eps)._kernel.of_classes(ClassOptions(None, None, 0.0, eps, None)),
    )


class _Part:
    """Some samples: labels, predictions and weights, as they came. ``classes`` are the labels that occur."""

    __slots__ = ("classes", "indicators", "predictions", "weights", "y_true")

    def __init__(self, y_true: Any, predictions: Any, weights: Any, classes: np.ndarray, indicators: bool) -> None:
        self.y_true = y_true
        self.predictions = predictions
        self.weights = weights
        self.classes = classes
        self.indicators = indicators

    def __reduce__(self) -> tuple[Any, ...]:
        return _Part, (self.y_true, self.predictions, self.weights, self.classes, self.indicators)

    def copy(self) -> _Part:
        """Return one that does not change with the caller's arrays."""
        weights = None if self.weights is None else (self.weights[0].copy(), self.weights[1])
        return _Part(self.y_true.copy(), self.predictions.copy(), weights, self.classes, self.indicators)

    def codes(self, classes: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the position of each label among the classes."""
        y = self.y_true
        low = classes[0]
        if y.dtype in CODES and classes.dtype.kind in "fiub":
            if len(classes) == 2:
                if low == 0 and classes[1] == 1:
                    return y, CODES[y.dtype]
                return y == classes[1], _BOOL
            if low == 0 and classes[-1] == len(classes) - 1:
                return y, CODES[y.dtype]
            places = np.searchsorted(classes, y)
        else:
            found = {label: place for place, label in enumerate(classes.tolist())}
            places = np.array([found[label] for label in y.tolist()], np.int64)
        return places, CODES[places.dtype]


class Probabilistic(State):
    """Base of the states that compare labels with a prediction for each class.

    Which prediction belongs to which label is known once all classes have been seen, or are given. Samples that come before are
    kept until then; after that, the state is small: exact sums of the losses, of the weights, and of the weights of each class.
    """

    __slots__ = (
        "binary",
        "class_sums",
        "classes",
        "given",
        "indicators",
        "n",
        "negative",
        "pending",
        "sums",
        "weighted",
        "width",
    )

    function = ""

    def open(self, labels: Any = None) -> None:
        """Set up the state of no samples."""
        _check.check_labels(self.function, labels)
        self.given = labels
        self.classes: np.ndarray | None = None
        self.pending: list[_Part] = []
        self.sums: Sums | None = None
        self.class_sums: Sums | None = None
        self.weighted: bool | None = None
        self.indicators: bool | None = None
        self.width = 0
        self.binary = False
        self.n = 0
        self.negative = False

    # ---- what a metric has to say for itself ---------------------------------------------------------------

    def read_predictions(self, predictions: Any) -> np.ndarray:
        """Read the predictions: floating numbers, finite."""
        if type(predictions) is not np.ndarray or predictions.dtype.kind != "f" or predictions.dtype not in CODES:
            _check.check_arrays(self.function, y_proba=predictions)
            predictions = _check.as_array(predictions, numeric=True)
            if predictions.dtype.kind != "f":
                predictions = predictions.astype(np.float64)
        _check.check_shape(predictions)
        return predictions

    def settle(self, parts: list[_Part], classes: np.ndarray, final: bool) -> np.ndarray | None:
        """Return the classes of the predictions, in their order, or None while they are not known."""
        raise NotImplementedError

    def losses(self, part: _Part, classes: np.ndarray) -> tuple[Sums, bool]:
        """Add up the losses of some samples and their weights, and tell whether a weight is negative."""
        raise NotImplementedError

    #: Whether the metric needs the weight of every class.
    null_model = False

    # ---- the protocol ----------------------------------------------------------------------------------------

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        predictions = self.read_predictions(y_pred)
        if type(y_true) is not np.ndarray or y_true.shape[:1] != predictions.shape[:1] or not y_true.ndim:
            _check.check_arrays(self.function, y_true=y_true)
            _check.check_lengths(predictions, y_true, sample_weight)
        weights = None if sample_weight is None else _check.read_weights(sample_weight, predictions.shape[0], self.function)
        part = self.read_labels(y_true, predictions, weights)
        width = 1 if predictions.ndim == 1 else predictions.shape[1]
        if self.weighted is not None:
            if (weights is not None) != self.weighted:
                raise ValueError("sample_weight must be given for all samples or for none.")
            if width != self.width or part.indicators != self.indicators:
                raise ValueError("all samples must have as many predictions, and labels of one kind.")
        self._commit([*self.pending, part], False, width, part)
        return self

    def read_labels(self, y_true: Any, predictions: np.ndarray, weights: Any) -> _Part:
        """Read the labels: one for each sample, or indicators of several."""
        if type(y_true) is np.ndarray and y_true.ndim == 1 and y_true.dtype.kind in "iub" and y_true.dtype in CODES:
            classes = _classes_of(y_true)
            return _Part(y_true, predictions, weights, classes, False)
        kind, array = _check.type_of_target(y_true, "y_true")
        if kind == "multilabel-indicator":
            if _check.is_sparse(array):
                array = array.toarray()
            return _Part(array != 0, predictions, weights, np.arange(array.shape[1]), True)
        if kind != "binary":
            raise ValueError(self.refusal(kind))
        array = _check.column(array)
        if array.dtype.kind == "f" and array.dtype in CODES:
            return _Part(array, predictions, weights, _classes_of(array), False)
        return _Part(array, predictions, weights, _check.encode(array)[1], False)

    def refusal(self, kind: str) -> str:
        """Say that labels of this kind do not do."""
        if kind.endswith("-multioutput"):
            return "Multioutput target data is not supported with label binarization"
        return f"Unknown label type: {kind}. y_true must hold class labels."

    def _commit(self, parts: list[_Part], final: bool, width: int, new: _Part | None) -> None:
        """Compute what can be computed; nothing changes if that raises."""
        seen = self.classes
        for part in parts:
            seen = _union(seen, part.classes)
        assert seen is not None, "there is a part"
        settled = self.settle(parts, seen, final)
        if settled is None:
            if new is not None:
                self.pending = [*self.pending, new.copy()]
                self._note(new, width)
            return
        sums, class_sums, n, negative = Sums(2), None, 0, self.negative
        if self.null_model:
            class_sums = Sums(self.class_count(settled))
        for part in parts:
            found, bad = self.losses(part, settled)
            sums.merge(found)
            negative |= bad
            n += len(part.predictions)
            if class_sums is not None:
                class_sums.merge(self.class_weights(part, settled))
        if self.sums is not None:
            self.sums.merge(sums)
            if class_sums is not None and self.class_sums is not None:
                self.class_sums.merge(class_sums)
        else:
            self.sums, self.class_sums = sums, class_sums
        self.classes = settled
        self.pending = []
        self.n += n
        self.negative = negative
        self._note(parts[-1], width)

    def _note(self, part: _Part, width: int) -> None:
        self.weighted, self.indicators, self.width = part.weights is not None, part.indicators, width

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        if other.weighted is None:
            return
        if self.weighted is not None and (self.weighted, self.indicators, self.width) != (
            other.weighted,
            other.indicators,
            other.width,
        ):
            raise ValueError("all samples must have as many predictions, labels of one kind, and weights or none.")
        mine = None if self.sums is None or other.sums is None else self.classes
        if mine is not None and (len(mine) != len(other.classes) or (mine != other.classes).any()):
            raise ValueError(f"the classes {self.classes} and {other.classes} of two states differ. Pass labels to both.")
        self.weighted, self.indicators, self.width = other.weighted, other.indicators, other.width
        if other.sums is not None:
            if self.sums is None:
                self.sums, self.classes = Sums(2), other.classes
                self.class_sums = None if other.class_sums is None else Sums(other.class_sums.count)
            self.sums.merge(other.sums)
            if self.class_sums is not None and other.class_sums is not None:
                self.class_sums.merge(other.class_sums)
            self.n += other.n
            self.negative |= other.negative
            self.binary = other.binary
        parts = self.pending + other.pending
        self.pending = []
        if parts:
            self.pending = parts
            self._commit(parts, False, self.width, None)

    def class_count(self, classes: np.ndarray) -> int:
        """Return how many classes have a weight."""
        return len(classes)

    def class_weights(self, part: _Part, classes: np.ndarray) -> Sums:
        """Return the exact weight of each class, or the number of its samples."""
        if part.indicators:
            return _weights_of_columns(part.y_true, part.weights)
        return _weights_of_codes(part.codes(classes), len(classes), part.weights)

    def result(self) -> float:
        """Compute the metric."""
        if self.weighted is None:
            raise ValueError("the metric of no samples is undefined: update the state first.")
        if self.null_model and self.n + sum(len(part.predictions) for part in self.pending) < 2:
            _check.warn_undefined("D^2 score is not well-defined with less than two samples.")
            return math.nan
        whole = self
        if self.sums is None:
            # on a copy, because more samples may come
            whole = type(self)(**self.keywords)
            whole.classes = self.classes
            whole._commit(self.pending, True, self.width, None)
        assert whole.sums is not None
        assert whole.classes is not None
        _check.check_total(whole.sums.rounded(1), whole.negative)
        return whole.compute(whole.sums, whole.classes)

    def compute(self, sums: Sums, classes: np.ndarray) -> float:
        """Compute the metric of samples whose classes are known, and which weigh something."""
        return sums.mean(0, 1)


def _classes_of(y: np.ndarray) -> np.ndarray:
    """Return the labels that occur, in their order."""
    if y.shape[0] == 0:
        return y[:0]
    limits = _core.label_range((y, CODES[y.dtype])) if y.dtype in CODES else None
    if limits is None:
        return np.unique(y)
    low, high = limits
    if high - low < 2:
        return np.array([low, high] if high > low else [low]).astype(y.dtype)
    if high - low < max(1 << 12, 2 * y.shape[0]):
        operand = (y, CODES[y.dtype])
        counts = _core.count_pairs(operand, operand, low, high - low + 1, True)[1]
        return (np.flatnonzero(counts) + low).astype(y.dtype)
    return np.unique(y)


def _union(a: np.ndarray | None, b: np.ndarray) -> np.ndarray:
    if a is None or (len(a) == len(b) and (a == b).all()):
        return b
    return _check.encode(a, b)[2]


def _weights_of_columns(columns: np.ndarray, weights: Any) -> Sums:
    """Return the exact weight of the samples that have each label."""
    sums = Sums(columns.shape[1])
    for j in range(columns.shape[1]):
        found = Sums(2)
        add_losses(None, False, ((columns[:, j], _BOOL),), weights, found)
        sums.merge(found.pick((0,)), (j,))
    return sums


def _weights_of_codes(codes: Any, width: int, weights: Any) -> Sums:
    """Return the exact weight of the samples of each class."""
    if weights is not None:
        sums = Sums(3 * width)
        _core.weigh_pairs(codes, codes, weights, 0, width, True, sums)
        return sums.pick(range(width, 2 * width))
    sums = Sums(width)
    for j, count in enumerate(_core.count_pairs(codes, codes, 0, width, True)[1].tolist()):
        found = Sums(2)
        add_losses(None, False, ((np.array([float(count)]), _FLOAT64),), None, found)
        sums.merge(found.pick((0,)), (j,))
    return sums


# ---- probabilities ---------------------------------------------------------------------------------------------


def _check_unit(predictions: np.ndarray, lower: str) -> None:
    highest, lowest = predictions.max(), predictions.min()
    if highest > 1:
        raise ValueError(f"y_prob contains values greater than 1: {highest}")
    if lowest < 0:
        raise ValueError(f"y_prob contains values {lower} than 0: {lowest}")


def _flat(predictions: np.ndarray) -> tuple[np.ndarray, int]:
    flat = predictions[:, 0] if predictions.ndim == 2 else predictions
    return flat, CODES[flat.dtype]


def _is_single(predictions: np.ndarray) -> bool:
    return predictions.dtype.itemsize < 8


class Probabilities(Probabilistic):
    """Base of the metrics that take probabilities of all classes, or of the second of two."""

    __slots__ = ()

    def read_predictions(self, predictions: Any) -> np.ndarray:
        """Read the probabilities; rows whose sum is not 1 are warned of."""
        predictions = Probabilistic.read_predictions(self, predictions)
        if predictions.ndim == 2 and predictions.shape[1] > 1:
            rows = np.ascontiguousarray(predictions)
            if not rows.dtype.isnative:
                rows = rows.astype(rows.dtype.newbyteorder("="))
            # scikit-learn's bound
            tolerance = math.sqrt(np.finfo(rows.dtype).eps) + 1e-8
            found = _core.check_rows((rows, CODES[rows.dtype]), tolerance)
            if found & _core.ROW_NOT_FINITE:
                _check.check_finite(rows)
            if found & (_core.ROW_NEGATIVE | _core.ROW_ABOVE_ONE):
                _check_unit(rows, "lower")
            if found & _core.ROW_SUM:
                warn("The y_prob values do not sum to one. Make sure to pass probabilities.")
            return rows
        return predictions

    def check_flat(self, part: _Part, sums: Sums, faults: int, lower: str = "lower") -> None:
        """Refuse what is no probability; a finite sum of losses without weights tells that all are."""
        if part.weights is not None or not math.isfinite(sums.rounded(0)):
            _check.check_finite(part.predictions)
        if faults & _core.OUTSIDE_DOMAIN:
            _check_unit(part.predictions, lower)

    def settle(self, parts: list[_Part], classes: np.ndarray, final: bool) -> np.ndarray | None:
        """Return the classes that are given, or all that were seen if they are as many as the probabilities."""
        predictions = parts[-1].predictions
        width = max(2, predictions.shape[1] if predictions.ndim == 2 else 2)
        if self.given is not None:
            return self._settle_given(classes, width)
        if not final and len(classes) < width:
            return None
        if len(classes) == 1:
            _check.check_finite(predictions)
            raise ValueError(
                f"y_true contains only one label ({classes[0]}). Please provide the list of all expected class labels "
                "explicitly through the labels argument."
            )
        if len(classes) != width:
            raise ValueError(
                f"y_true and y_prob contain different number of classes: {len(classes)} vs {width}. Please provide the true "
                f"labels explicitly through the labels argument. Classes found in y_true: {classes}"
            )
        return classes

    def _settle_given(self, classes: np.ndarray, width: int) -> np.ndarray:
        labels = self.given
        ordered = _check.encode(_check.column(_check.as_array(labels, "labels")))[1]
        shown = ordered.tolist()
        if len(shown) != len(labels) or any(a != b for a, b in zip(shown, labels, strict=True)):
            warn(
                f"Labels passed were {labels}. But this function assumes labels are ordered lexicographically. Pass the "
                f"ordered labels={shown} and ensure that the columns of y_prob correspond to this ordering."
            )
        undeclared = set(classes.tolist()) - set(shown)
        if undeclared:
            raise ValueError(f"y_true contains values {undeclared} not belonging to the passed labels {labels}.")
        if len(shown) == 1:
            raise ValueError(f"The labels array needs to contain at least two labels, got {ordered}.")
        if len(shown) != width:
            raise ValueError(
                f"The number of classes in labels is different from that in y_prob. Classes found in labels: {ordered}"
            )
        return ordered


class LogLoss(Probabilities):
    """The cross-entropy, and the share of it that is explained."""

    __slots__ = ("normalize",)

    def start(self, function: str, labels: Any = None, normalize: bool = True) -> None:
        """Check the parameters."""
        if normalize is not True and normalize is not False:
            _check.check_bool(function, "normalize", normalize)
        self.normalize = normalize
        self.open(labels)

    @property
    def function(self) -> str:  # type: ignore[override] # follows from the parameters
        """The name of the metric."""
        return self.keywords["function"]

    @property
    def null_model(self) -> bool:  # type: ignore[override] # follows from the parameters
        """Whether the metric needs the weight of every class."""
        return self.function == "d2_log_loss_score"

    def losses(self, part: _Part, classes: np.ndarray) -> tuple[Sums, bool]:
        """Add up the losses of some samples and their weights, and tell whether a weight is negative."""
        predictions = part.predictions
        eps = float(np.finfo(predictions.dtype).eps)
        of_two, of_rows = _cross_entropy(eps)
        single = _is_single(predictions)
        sums = Sums(2)
        if predictions.ndim == 2 and predictions.shape[1] > 1:
            labels = (part.y_true, _BOOL) if part.indicators else part.codes(classes)
            operand = (predictions, CODES[predictions.dtype])
            faults = add_losses(of_rows, single, (labels, operand), part.weights, sums, rows=True, indices=not part.indicators)
        else:
            operand = _flat(predictions)
            labels = (part.y_true[:, 1], _BOOL) if part.indicators else part.codes(classes)
            faults = add_losses(of_two, single, (labels, operand), part.weights, sums)
            self.check_flat(part, sums, faults)
        return sums, bool(faults & _core.BAD_WEIGHT)

    def compute(self, sums: Sums, classes: np.ndarray) -> float:
        """Compute the loss, or the score."""
        if not self.null_model or self.class_sums is None:
            return sums.mean(0, 1) if self.normalize else sums.rounded(0)
        eps = float(np.finfo(np.float64).eps)
        weight = _check.check_weights(sums.rounded(1))
        null = 0.0
        for of_class in self.class_sums.all_rounded().tolist():
            if of_class:
                null -= of_class * math.log(min(max(of_class / weight, eps), 1 - eps))
        return 1 - sums.rounded(0) / null


def _renamed(y_proba: Any, y_pred: Any) -> Any:
    """Return the probabilities, which had another name once."""
    if isinstance(y_pred, str) and y_pred == "deprecated":
        return y_proba
    if y_proba is not None:
        raise ValueError("Cannot use both `y_pred` and `y_proba`. `y_pred` is deprecated, use `y_proba` instead.")
    warn("`y_pred` was renamed to `y_proba` in version 1.9 and will be removed in 1.11. Use `y_proba` instead.", FutureWarning)
    return y_pred


def _matching(y_true: Any, y_proba: Any, sample_weight: Any) -> Any:
    """Return the probabilities, if they are as many as the labels."""
    _check.check_lengths(y_proba, y_true, sample_weight)
    return y_proba


def _renamed_and_matching(y_true: Any, y_proba: Any, sample_weight: Any, y_pred: Any) -> Any:
    return _matching(y_true, _renamed(y_proba, y_pred), sample_weight)


@metric(LogLoss, predictions=_renamed)
def log_loss(
    y_true: Any,
    y_proba: Any = None,
    *,
    normalize: bool = True,
    sample_weight: Any = None,
    labels: Any = None,
    y_pred: Any = "deprecated",
) -> float:
    """Compute the cross-entropy of labels and predicted probabilities.

    Parameters
    ----------
    $y_true_of_log_loss
    y_proba : array_like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities of the classes in the order of the labels, or those of the second of two. They are clipped by the machine
        precision of their type, so that the loss is finite.
    normalize : bool, default=True
        Whether to return the mean rather than the sum.
    $sample_weight
    $labels_there_could_be
    $former_y_pred

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import log_loss
    >>> log_loss(["spam", "ham", "ham", "spam"], [[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]])
    0.21616187468057912
    """


@metric(LogLoss, predictions=_renamed_and_matching)
def d2_log_loss_score(
    y_true: Any, y_proba: Any = None, *, sample_weight: Any = None, labels: Any = None, y_pred: Any = "deprecated"
) -> float:
    """Compute the share of the log loss that is explained: 0 is what the shares of the classes get.

    Parameters
    ----------
    $y_true_of_log_loss
    y_proba : array_like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities of the classes in the order of the labels, or those of the second of two.
    $sample_weight
    $labels_there_could_be
    $former_y_pred

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import d2_log_loss_score
    >>> d2_log_loss_score([0, 0, 1, 1], [0.25, 0.25, 0.75, 0.75])
    0.5849625007211562
    """


class BrierScore(Probabilities):
    """The Brier score, and the share of it that is explained."""

    __slots__ = ("pos_label", "scale")

    def start(self, function: str, pos_label: Any = None, labels: Any = None, scale_by_half: Any = "auto") -> None:
        """Check the parameters."""
        if not isinstance(pos_label, Real | str | np.bool_ | None):
            raise _check.bad_parameter(function, "pos_label", "a float, a str, a bool or None", pos_label)
        if scale_by_half != "auto" and not isinstance(scale_by_half, bool | np.bool_):
            raise _check.bad_parameter(function, "scale_by_half", "a bool or a str among {'auto'}", scale_by_half)
        self.pos_label = pos_label
        self.scale = scale_by_half
        self.open(labels)

    @property
    def function(self) -> str:  # type: ignore[override] # follows from the parameters
        """The name of the metric."""
        return self.keywords["function"]

    @property
    def null_model(self) -> bool:  # type: ignore[override] # follows from the parameters
        """Whether the metric needs the weight of every class."""
        return self.function == "d2_brier_score"

    def settle(self, parts: list[_Part], classes: np.ndarray, final: bool) -> np.ndarray | None:
        """Return the classes: for one probability, the negative ones and the positive one."""
        predictions = parts[-1].predictions
        self.binary = predictions.ndim == 1 or predictions.shape[1] == 1
        if not self.binary:
            return Probabilities.settle(self, parts, classes, final)
        for part in parts:
            _check.check_finite(part.predictions)
        if parts[-1].indicators or len(classes) > 2:
            kind = "multilabel-indicator" if parts[-1].indicators else "multiclass"
            raise ValueError(
                f"The type of the target inferred from y_true is {kind} but should be binary according to the shape of y_prob."
            )
        for part in parts:
            _check_unit(part.predictions, "less")
        if not final and len(classes) < 2:
            return None
        return self._positive_last(classes)

    def _positive_last(self, classes: np.ndarray) -> np.ndarray:
        """Return the classes with the positive one at the end."""
        known = classes.tolist()
        positive: Any = self.pos_label
        if positive is None:
            if classes.dtype.kind in "OUS":
                listed = ", ".join(map(repr, known))
                raise ValueError(
                    f"y_true takes value in {{{listed}}} and pos_label is not specified: either make y_true take value in {{0, "
                    "1}} or {-1, 1} or pass pos_label explicitly."
                )
            positive = 1 if known in ([0], [-1], [1], [0, 1], [-1, 1]) else known[-1]
        rest = [label for label in known if label != positive]
        return (
            np.array([*rest, positive])
            if all(isinstance(x, type(positive)) for x in rest)
            else np.array([*rest, positive], object)
        )

    def refusal(self, kind: str) -> str:
        """Say that labels of this kind do not do."""
        if self.binary:
            return (
                f"The type of the target inferred from y_true is {kind} but should be binary according to the shape of y_prob."
            )
        return Probabilities.refusal(self, kind)

    def read_predictions(self, predictions: Any) -> np.ndarray:
        """Read the probabilities."""
        predictions = Probabilities.read_predictions(self, predictions)
        self.binary = predictions.ndim == 1 or predictions.shape[1] == 1
        return predictions

    def losses(self, part: _Part, classes: np.ndarray) -> tuple[Sums, bool]:
        """Add up the losses of some samples and their weights, and tell whether a weight is negative."""
        sums = Sums(2)
        single = _is_single(part.predictions)
        if self.binary:
            faults = add_losses(_BRIER, single, (self._codes(part, classes), _flat(part.predictions)), part.weights, sums)
            self.check_flat(part, sums, faults, "less")
            return sums, bool(faults & _core.BAD_WEIGHT)
        width, faults = part.predictions.shape[1], 0
        codes = np.empty(0) if part.indicators else _arrays.decode(part.codes(classes))
        step = max(1, _CHUNK // width)
        for start in range(0, len(part.predictions), step):
            rows = slice(start, start + step)
            one_hot = part.y_true[rows] if part.indicators else codes[rows, None] == np.arange(width)
            operands = (one_hot, _BOOL), (part.predictions[rows], CODES[part.predictions.dtype])
            weights = None
            if part.weights is not None:
                weights = np.broadcast_to(part.weights[0][rows, None], one_hot.shape), part.weights[1]
            found = Sums(2)
            faults |= add_losses(_SQUARED, single, operands, weights, found)
            sums.merge(found.pick((0,)), (0,))
        if part.weights is None:
            sums.add(1, len(part.predictions))
        else:
            total = Sums(2)
            add_losses(None, False, (part.weights,), None, total)
            sums.merge(total.pick((0,)), (1,))
        return sums, bool(faults & _core.BAD_WEIGHT)

    @staticmethod
    def _codes(part: _Part, classes: np.ndarray) -> tuple[np.ndarray, int]:
        if part.y_true.dtype in CODES and len(classes) == 2 and classes[0] == 0 and classes[1] == 1:
            return part.y_true, CODES[part.y_true.dtype]
        positive = part.y_true == classes[-1]
        return (positive if isinstance(positive, np.ndarray) else np.zeros(part.y_true.shape, bool)), _BOOL

    def class_count(self, classes: np.ndarray) -> int:
        """Return how many classes have a weight."""
        return 2 if self.binary else len(classes)

    def class_weights(self, part: _Part, classes: np.ndarray) -> Sums:
        """Return the exact weight of each class, or the number of its samples."""
        if self.binary:
            return _weights_of_codes(self._codes(part, classes), 2, part.weights)
        return Probabilities.class_weights(self, part, classes)

    def compute(self, sums: Sums, classes: np.ndarray) -> float:
        """Compute the score."""
        score = sums.mean(0, 1)
        if self.class_sums is not None:
            return self._explained(score, self.class_sums, _check.check_weights(sums.rounded(1)))
        half = self.binary or self.width < 3 if isinstance(self.scale, str) else self.scale
        # of one probability, one of two equal squares was added up
        return score * (1.0 if half else 2.0) if self.binary else score * (0.5 if half else 1.0)

    def _explained(self, score: float, class_sums: Sums, weight: float) -> float:
        # of one probability, the squares of the positive class alone
        classes = class_sums.all_rounded().tolist()[1 if self.binary else 0 :]
        terms = []
        for of_class in classes:
            share = of_class / weight
            terms += [of_class * ((1 - share) * (1 - share)), (weight - of_class) * (share * share)]
        null = math.fsum(terms) / weight
        if null == 0:
            return math.nan if score == 0 else -math.inf
        return 1 - score / null


@metric(BrierScore)
def brier_score_loss(
    y_true: Any,
    y_proba: Any,
    *,
    sample_weight: Any = None,
    pos_label: Any = None,
    labels: Any = None,
    scale_by_half: Any = "auto",
) -> float:
    """Compute the Brier score: the mean squared difference of predicted probabilities and what came true.

    Parameters
    ----------
    $y_true
    $y_proba_of_brier_score
    $sample_weight
    $pos_label_of_brier_score
    $labels_of_brier_score
    scale_by_half : bool or "auto", default="auto"
        Whether to halve the sum over the classes, so that the score lies in [0, 1]; "auto" does for two classes.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import brier_score_loss
    >>> brier_score_loss([0, 1, 1, 0], [0.25, 0.75, 1.0, 0.5])
    0.09375
    """


@metric(BrierScore, predictions=_matching)
def d2_brier_score(y_true: Any, y_proba: Any, *, sample_weight: Any = None, pos_label: Any = None, labels: Any = None) -> float:
    """Compute the share of the Brier score that is explained: 0 is what the shares of the classes get.

    Parameters
    ----------
    $y_true
    $y_proba_of_brier_score
    $sample_weight
    $pos_label_of_brier_score
    $labels_of_brier_score

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import d2_brier_score
    >>> d2_brier_score([0, 1, 1, 0], [0.25, 0.75, 0.75, 0.25])
    0.75
    """


# ---- scores ----------------------------------------------------------------------------------------------------


class HingeLoss(Probabilistic):
    """The hinge loss of two classes, or of a row of scores."""

    __slots__ = ()

    function = "hinge_loss"

    def start(self, labels: Any = None) -> None:
        """Read the labels."""
        self.open(labels)

    def read_predictions(self, predictions: Any) -> np.ndarray:
        """Read the scores."""
        predictions = Probabilistic.read_predictions(self, predictions)
        _check.check_finite(predictions)
        return predictions

    def settle(self, parts: list[_Part], classes: np.ndarray, final: bool) -> np.ndarray | None:
        """Return the classes that are given, or all that were seen if they are as many as the scores."""
        predictions = parts[-1].predictions
        wide = predictions.ndim == 2 and predictions.shape[1] > 1
        labels = classes
        if self.given is not None:
            labels = _check.encode(_check.column(_check.as_array(self.given, "labels")))[1]
        wanted = predictions.shape[1] if wide else 2
        if self.given is None and not final and len(labels) < wanted:
            return None
        if len(labels) <= 2:
            for part in parts:
                _check.column(part.predictions)
            # scikit-learn takes the sides from the labels that occur, and a single one for the negative side
            return classes
        n = len(predictions)
        if predictions.ndim < 2:
            raise ValueError(
                "The shape of pred_decision cannot be 1d arraywith a multiclass target. pred_decision shape must be "
                f"(n_samples, n_classes), that is ({n}, {len(labels)}). Got: {predictions.shape}"
            )
        if len(labels) != predictions.shape[1]:
            if self.given is None:
                raise ValueError("Please include all labels in y_true or pass labels as third argument")
            raise ValueError(
                "The shape of pred_decision is not consistent with the number of classes. With a multiclass target, "
                f"pred_decision shape must be (n_samples, n_classes), that is ({n}, {len(labels)}). Got: {predictions.shape}"
            )
        unknown = set(classes.tolist()) - set(labels.tolist())
        if unknown:
            raise ValueError(f"y contains previously unseen labels: {sorted(unknown)}")
        return labels

    def losses(self, part: _Part, classes: np.ndarray) -> tuple[Sums, bool]:
        """Add up the losses of some samples and their weights, and tell whether a weight is negative."""
        sums = Sums(2)
        predictions = part.predictions
        single = _is_single(predictions)
        if len(classes) > 2:
            operand = (predictions, CODES[predictions.dtype])
            codes = part.codes(classes)
            faults = add_losses(_CATEGORICAL_HINGE, single, (codes, operand), part.weights, sums, rows=True, indices=True)
        else:
            side = (part.y_true == classes[1]) if len(classes) == 2 else np.zeros(part.y_true.shape, bool)
            faults = add_losses(_HINGE, single, ((side, _BOOL), _flat(predictions)), part.weights, sums)
        return sums, bool(faults & _core.BAD_WEIGHT)


def _matching_decisions(y_true: Any, pred_decision: Any, sample_weight: Any) -> Any:
    """Return the scores, if they are as many as the labels."""
    _check.check_arrays(HingeLoss.function, y_true=y_true, pred_decision=pred_decision)
    _check.check_lengths(y_true, pred_decision, sample_weight)
    return pred_decision


@metric(HingeLoss, predictions=_matching_decisions)
def hinge_loss(y_true: Any, pred_decision: Any, *, labels: Any = None, sample_weight: Any = None) -> float:
    """Compute the mean hinge loss of scores; of several classes, as Crammer and Singer define it.

    Parameters
    ----------
    y_true : array_like of shape (n_samples,)
        Labels; the larger one of two is the positive one.
    pred_decision : array_like of shape (n_samples,) or (n_samples, n_classes)
        Scores of the positive class, or of all in the order of the labels.
    $labels_there_could_be
    $sample_weight

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import hinge_loss
    >>> hinge_loss([-1, 1, 1], [-2.0, 2.5, 0.25])
    0.25
    """


class TopK(Probabilistic):
    """How many classes are among the k of the highest scores."""

    __slots__ = ("in_unit", "k", "normalize")

    function = "top_k_accuracy_score"

    def start(self, k: int = 2, normalize: bool = True, labels: Any = None) -> None:
        """Check the parameters."""
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise _check.bad_parameter(self.function, "k", "an int in the range [1, inf)", k)
        _check.check_bool(self.function, "normalize", normalize)
        self.k = int(k)
        self.normalize = normalize
        self.in_unit = True
        self.open(labels)

    def read_predictions(self, predictions: Any) -> np.ndarray:
        """Read the scores."""
        predictions = Probabilistic.read_predictions(self, predictions)
        _check.check_finite(predictions)
        return predictions

    def refusal(self, kind: str) -> str:
        """Say that labels of this kind do not do."""
        return f"y type must be 'binary' or 'multiclass', got '{kind}' instead."

    def settle(self, parts: list[_Part], classes: np.ndarray, final: bool) -> np.ndarray | None:
        """Return the classes that are given, or all that were seen if they are as many as the scores."""
        if parts[-1].indicators:
            raise ValueError(self.refusal("multilabel-indicator"))
        predictions = parts[-1].predictions
        wide = predictions.ndim == 2 and predictions.shape[1] > 1
        labels = None if self.given is None else _check.column(_check.as_array(self.given, "labels"))
        several = len(classes) > 2 or (labels is not None and len(labels) > 2)
        wanted = predictions.shape[1] if predictions.ndim == 2 and (several or wide) else 2
        if labels is None and not final and (len(classes) < wanted or (not wide and self.k == 1)):
            # the threshold of two classes is known at the end
            return None
        if not final and labels is not None and not wide and self.k == 1:
            return None
        if not several and wide:
            raise ValueError(
                f"`y_true` is binary while y_score is 2d with {predictions.shape[1]} classes. If `y_true` does not contain all "
                "the labels, `labels` must be provided."
            )
        if several and predictions.ndim != 2:
            raise ValueError(
                "`y_score` needs to be of shape `(n_samples, n_classes)`, since `y_true` contains multiple classes. Got "
                f"`y_score.shape={predictions.shape}`."
            )
        if labels is None:
            if len(classes) != wanted:
                raise ValueError(
                    f"Number of classes in 'y_true' ({len(classes)}) not equal to the number of classes in 'y_score' "
                    f"({wanted}).You can provide a list of all known classes by assigning it to the `labels` parameter."
                )
            return classes
        ordered = _check.encode(labels)[1]
        if len(ordered) != len(labels):
            raise ValueError("Parameter 'labels' must be unique.")
        if (ordered != labels).any():
            raise ValueError("Parameter 'labels' must be ordered.")
        if len(labels) != wanted:
            raise ValueError(
                f"Number of given labels ({len(labels)}) not equal to the number of classes in 'y_score' ({wanted})."
            )
        if set(classes.tolist()) - set(ordered.tolist()):
            raise ValueError("'y_true' contains labels not in parameter 'labels'.")
        return ordered

    def _commit(self, parts: list[_Part], final: bool, width: int, new: _Part | None) -> None:
        if parts:
            scores = [part.predictions for part in parts]
            unit = min(s.min() for s in scores) >= 0 and max(s.max() for s in scores) <= 1
            self.in_unit = unit
        Probabilistic._commit(self, parts, final, width, new)

    def losses(self, part: _Part, classes: np.ndarray) -> tuple[Sums, bool]:
        """Add up the hits among some samples and their weights, and tell whether a weight is negative."""
        sums = Sums(2)
        codes = part.codes(classes)
        predictions = part.predictions
        if len(classes) > 2:
            rows = np.ascontiguousarray(predictions)
            _core.add_top_k(codes, (rows, CODES[rows.dtype]), self.k, part.weights, sums)
            return sums, False
        hits = np.ones(len(predictions), bool)
        if self.k == 1:
            threshold = 0.5 if self.in_unit else 0
            hits = (_flat(predictions)[0] > threshold) == (_arrays.decode(codes) != 0)
        add_losses(None, False, ((hits, _BOOL),), part.weights, sums)
        return sums, False

    def compute(self, sums: Sums, classes: np.ndarray) -> float:
        """Compute the share, or the number."""
        known = len(classes)
        if self.k >= known:
            _check.warn_undefined(
                f"'k' ({self.k}) greater than or equal to 'n_classes' ({known}) will result in a perfect score and is "
                "therefore meaningless."
            )
        return sums.mean(0, 1) if self.normalize else sums.rounded(0)


@metric(TopK)
def top_k_accuracy_score(
    y_true: Any, y_score: Any, *, k: int = 2, normalize: bool = True, sample_weight: Any = None, labels: Any = None
) -> float:
    """Compute the share of the samples whose class is among those of the ``k`` highest scores.

    Parameters
    ----------
    $y_true
    y_score : array_like of shape (n_samples,) or (n_samples, n_classes)
        Scores of the second of two classes, or of all in the order of the labels. Of equal scores the later ones come first.
    k : int, default=2
        How many of the highest scores.
    $normalize
    $sample_weight
    labels : array_like, default=None
        All labels there could be, in their order; those of ``y_true`` if None.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import top_k_accuracy_score
    >>> top_k_accuracy_score([0, 1, 2, 2], [[0.5, 0.2, 0.2], [0.3, 0.4, 0.2], [0.2, 0.4, 0.3], [0.7, 0.2, 0.1]], k=2)
    0.75
    """
