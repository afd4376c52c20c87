"""Metrics of predicted labels: scikit-learn's functions, from counts made in one pass."""

# pyright: reportReturnType=false
# What the functions compute is written by `metric`; mypy reads of this in pyproject.toml.

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Self

import numpy as np

from .. import _arrays, _core
from .._core import CODES, Sums
from ..errors import warn
from ..state import State
from . import _check
from ._check import classification_targets
from ._counts import (
    NEAR,
    IndicatorCounts,
    LabelCounts,
    average_of_labels,
    divide,
    indicators,
    kappa_from_counts,
    matthews_from_counts,
    precision_recall_fscore_from_counts,
    warn_of_division,
)
from ._state import metric
from ._sums import add_losses

_BOOL = CODES[np.dtype(bool)]
_FLOAT64 = CODES[np.dtype(np.float64)]


# ---- right or wrong --------------------------------------------------------------------------------------------


class Equal(State):
    """How many samples are right, and for samples of several labels how many labels are wrong.

    With weights there are exact sums: of the samples that are right, of all, and of the labels that are wrong.
    """

    __slots__ = ("equal", "kind", "n", "negative", "sums", "width", "wrong")

    def start(self, function: str, normalize: bool = True) -> None:
        """Set up the state of no samples."""
        if normalize is not True and normalize is not False:
            _check.check_bool(function, "normalize", normalize)
        self.kind = ""
        self.n = self.equal = self.wrong = 0
        self.width = 1
        self.sums: Sums | None = None
        self.negative = False

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        targets = classification_targets(self.keywords["function"], y_true, y_pred, sample_weight, ranged=False)
        weights = targets.weights
        sums = None if weights is None else Sums(3)
        wrong = 0
        if targets.kind == "labels":
            width = 1
            equal = _core.count_equal(targets.y_true, targets.y_pred, weights, sums)
        else:
            width, equal = targets.y_true.shape[1], 0
            for _, _, differs, part in indicators(targets):
                count = np.count_nonzero(differs, axis=1)
                equal += int(np.count_nonzero(count == 0))
                wrong += int(count.sum())
                if part is not None and sums is not None:
                    found = Sums(2)
                    # count_equal adds the weight of all to the second sum
                    zero = np.zeros(len(count), np.int64)
                    _core.count_equal((count, CODES[count.dtype]), (zero, CODES[zero.dtype]), part, found)
                    sums.merge(found, (0, 1))
                    found = Sums(2)
                    add_losses(None, False, ((count, CODES[count.dtype]),), part, found)
                    sums.merge(found.pick((0,)), (2,))
        self._take(targets.kind, targets.size, equal, wrong, width, sums)
        return self

    def _take(self, kind: str, n: int, equal: int, wrong: int, width: int, sums: Sums | None) -> None:
        if self.kind:
            if kind != self.kind or width != self.width:
                raise ValueError(f"all samples must have targets of one kind; got {self.kind} before, {kind} now.")
            if (sums is None) != (self.sums is None):
                raise ValueError("sample_weight must be given for all samples or for none.")
            if sums is not None and self.sums is not None:
                self.sums.merge(sums)
        else:
            self.sums = sums
        self.kind, self.width = kind, width
        self.n += n
        self.equal += equal
        self.wrong += wrong

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        if other.kind:
            sums = None if other.sums is None else other.sums.pick(range(other.sums.count))
            self._take(other.kind, other.n, other.equal, other.wrong, other.width, sums)

    def result(self) -> float:
        """Compute the metric."""
        if not self.kind:
            raise ValueError("the metric of no samples is undefined: update the state first.")
        function, normalize = self.keywords["function"], self.keywords.get("normalize", True)
        sums = self.sums
        equal: float = self.equal
        n: float = self.n
        wrong: float = self.wrong
        if sums is not None:
            equal, n, wrong = (sums.rounded(place) for place in range(3))
            if normalize:
                _check.check_total(_check.check_weights(n))
        if function == "hamming_loss" and self.kind == "multilabel":
            return wrong / (n * self.width)
        if function == "hamming_loss":
            return (n - equal) / n if sums is None else self._share_wrong(sums, n)
        if function == "accuracy_score":
            return equal / n if normalize else float(equal)
        return 1 - equal / n if normalize else n - float(equal)

    @staticmethod
    def _share_wrong(sums: Sums, n: float) -> float:
        """Return the weight of what is wrong, rounded once, over that of all, which is finite."""
        right, every = sums.exact(0), sums.exact(1)
        return math.nan if right is None or every is None else (every - right) / (1 << 1074) / n


@metric(Equal)
def accuracy_score(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None) -> float:
    """Compute the share of the samples whose label, or whose labels, are all right.

    Parameters
    ----------
    $one_or_several_labels
    $normalize
    $sample_weight

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import accuracy_score
    >>> accuracy_score([0, 2, 1, 3], [0, 1, 2, 3])
    0.5
    """


@metric(Equal)
def zero_one_loss(y_true: Any, y_pred: Any, *, normalize: bool = True, sample_weight: Any = None) -> float:
    """Compute the share of the samples that have a wrong label.

    Parameters
    ----------
    $one_or_several_labels
    $normalize
    $sample_weight

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import zero_one_loss
    >>> zero_one_loss([2, 2, 3, 4], [1, 2, 3, 4], normalize=False)
    1.0
    """


@metric(Equal)
def hamming_loss(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Compute the share of the labels that are wrong.

    Parameters
    ----------
    $one_or_several_labels
    $sample_weight

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from fastloss.metrics import hamming_loss
    >>> hamming_loss(np.array([[0, 1], [1, 1]]), np.zeros((2, 2)))
    0.75
    """


# ---- counts ----------------------------------------------------------------------------------------------------


class Counting(State):
    """Base of the states that count labels."""

    __slots__ = ("counts",)

    function = ""
    #: Whether every pair of labels has to be counted, or each label alone.
    pairs = False
    #: Whether samples may have several labels.
    several = False

    def open(self) -> None:
        """Set up the state of no samples."""
        #: LabelCounts, IndicatorCounts or, sample by sample, _Samples: all of one kind, which merges.
        self.counts: Any = None

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        near = NEAR[self.pairs, sample_weight is not None]
        targets = classification_targets(self.function, y_true, y_pred, sample_weight, near=near)
        if targets.kind == "labels":
            found = LabelCounts.of(targets, self.pairs)
        elif self.several:
            found = self.count_indicators(targets)
        else:
            raise ValueError("multilabel-indicator is not supported")
        if targets.weights is not None and not np.any(targets.weights[0]):
            _check.check_total(0.0)
        self._take(found)
        return self

    def count_indicators(self, targets: Any) -> Any:
        """Count samples of several labels."""
        return IndicatorCounts.of(targets)

    def _take(self, found: Any) -> None:
        if self.counts is None:
            self.counts = found
        elif type(found) is not type(self.counts):
            raise ValueError("all samples must have targets of one kind: one label, or several.")
        else:
            self.counts = self.counts.merged(found)

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        if other.counts is not None:
            self._take(other.counts)

    def counts_of_samples(self) -> Any:
        """Return the counts; refuse to compute anything of nothing."""
        if self.counts is None:
            raise ValueError("the metric of no samples is undefined: update the state first.")
        return self.counts


def _warn_single() -> None:
    warn(
        "A single label was found in 'y_true' and 'y_pred'. For the confusion matrix to have the correct shape, use the "
        "'labels' parameter to pass all known labels."
    )


class Confusion(Counting):
    """The table of true and predicted labels, and what is computed from it."""

    __slots__ = ("labels", "normalize")

    function = "confusion_matrix"
    pairs = True
    #: What is said where no label that is asked for occurs.
    absent = "At least one label specified must be in y_true"

    def start(self, labels: Any = None, normalize: str | None = None) -> None:
        """Check the parameters."""
        if normalize is not None:
            _check.check_choice(self.function, "normalize", normalize, ("true", "pred", "all", None))
        self.labels = _read_labels(self.function, labels)
        self.normalize = normalize
        self.open()

    def matrix(self) -> np.ndarray:
        """Return the table of the labels that are asked for."""
        counts = self.counts_of_samples()
        values = counts.values()
        if self.labels is not None:
            labels = self.labels
            if labels.size == 0:
                raise ValueError("'labels' should contain at least one label.")
            if not np.any(np.isin(labels, counts.true_classes())):
                raise ValueError(self.absent)
            # a label that comes twice has its counts in the last place
            last = {label: place for place, label in enumerate(labels.tolist())}
            to = np.array([last.get(label, -1) for label in counts.classes.tolist()], np.int64)
            kept = np.flatnonzero(to >= 0)
            chosen = np.zeros((labels.size, labels.size), values.dtype)
            chosen[np.ix_(to[kept], to[kept])] = values[np.ix_(kept, kept)]
            return chosen
        return values.copy()

    def result(self) -> Any:
        """Compute the matrix."""
        matrix = self.matrix()
        if self.normalize is not None:
            axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
            with np.errstate(all="ignore"):
                matrix = np.nan_to_num(matrix / matrix.sum(axis=axis, keepdims=True))
        if matrix.shape == (1, 1):
            _warn_single()
        return matrix


def _read_labels(function: str, labels: Any) -> np.ndarray | None:
    if labels is None:
        return None
    _check.check_labels(function, labels)
    return labels if type(labels) is np.ndarray else _check.as_array(labels, "labels")


@metric(Confusion)
def confusion_matrix(
    y_true: Any, y_pred: Any, *, labels: Any = None, sample_weight: Any = None, normalize: str | None = None
) -> np.ndarray:
    """Count the samples by true label (rows) and predicted label (columns).

    Parameters
    ----------
    $one_label
    labels : array_like of shape (n_classes,), default=None
        The labels that are counted, in the order of rows and columns. All that occur, in their order, if None.
    $sample_weight
    normalize : {"true", "pred", "all"}, default=None
        Divide by the sums of the rows, of the columns, or of all.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Integers, unless the weights are not, or are divided.

    Examples
    --------
    >>> from fastloss.metrics import confusion_matrix
    >>> confusion_matrix(["cat", "ant", "cat", "bird"], ["ant", "ant", "cat", "cat"])
    array([[1, 0, 0],
           [0, 0, 1],
           [1, 0, 1]])
    """


class Kappa(Confusion):
    """Cohen's kappa."""

    __slots__ = ("replacement", "weights")

    function = "cohen_kappa_score"
    absent = (
        "At least one label in `labels` must be present in `y1` (even though `cohen_kappa_score` is otherwise agnostic to the "
        "order of `y1` and `y2`)."
    )

    def start(  # pyright: ignore[reportIncompatibleMethodOverride] # a metric of its own, with its own keywords
        self, labels: Any = None, weights: str | None = None, replace_undefined_by: float = math.nan
    ) -> None:
        """Check the parameters."""
        Confusion.start(self, labels)
        _check.check_choice(self.function, "weights", weights, ("linear", "quadratic", None))
        _check.check_number(
            self.function,
            "replace_undefined_by",
            replace_undefined_by,
            lambda x: math.isnan(x) or -1 <= x <= 1,
            "a float in the range [-1.0, 1.0] or numpy.nan",
        )
        self.weights = weights
        self.replacement = replace_undefined_by

    def result(self) -> float:
        """Compute kappa."""
        matrix = self.matrix()
        if matrix.shape == (1, 1):
            _warn_single()
        if not matrix.any():
            reason = "`y2` contains no labels that are present in both `y1` and `labels`."
        else:
            kappa = kappa_from_counts(matrix, self.weights)
            if kappa is not None:
                return kappa
            reason = "`y1`, `y2` and `labels` have only one label in common. "
        _check.warn_undefined(
            f"{reason}`cohen_kappa_score` is undefined and set to the value defined by the `replace_undefined_by` param, which "
            f"is set to {self.replacement}."
        )
        return self.replacement


@metric(Kappa)
def cohen_kappa_score(
    y1: Any,
    y2: Any,
    *,
    labels: Any = None,
    weights: str | None = None,
    sample_weight: Any = None,
    replace_undefined_by: float = math.nan,
) -> float:
    """Compute Cohen's kappa: how far two sets of labels agree beyond chance.

    Parameters
    ----------
    y1, y2 : array_like of shape (n_samples,)
        The labels of two annotators.
    labels : array_like of shape (n_classes,), default=None
        The labels that count; all that occur if None.
    weights : {"linear", "quadratic"}, default=None
        How much labels that are further apart count for.
    $sample_weight
    replace_undefined_by : float, default=nan
        What is returned where kappa is undefined, in [-1, 1] or NaN.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import cohen_kappa_score
    >>> cohen_kappa_score(["yes", "no", "yes", "no"], ["yes", "no", "no", "no"])
    0.5
    """


class Matthews(Counting):
    """Matthews' correlation coefficient."""

    __slots__ = ()

    function = "matthews_corrcoef"

    def start(self) -> None:
        """Set up the state of no samples."""
        self.open()

    def result(self) -> float:
        """Compute the coefficient."""
        counts = self.counts_of_samples()
        if len(counts.classes) == 1:
            _warn_single()
        return matthews_from_counts(*counts.exact_margins())


@metric(Matthews)
def matthews_corrcoef(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Compute Matthews' correlation coefficient of true and predicted labels, of two or more classes.

    Parameters
    ----------
    $one_label
    $sample_weight

    Returns
    -------
    float
        In [-1, 1]; 0 where it is undefined.

    Examples
    --------
    >>> from fastloss.metrics import matthews_corrcoef
    >>> matthews_corrcoef([1, 1, 1, -1], [1, -1, 1, 1])
    -0.3333333333333333
    """


class Balanced(Counting):
    """The mean of the recalls of all classes."""

    __slots__ = ("adjusted",)

    function = "balanced_accuracy_score"

    def start(self, adjusted: bool = False) -> None:
        """Check the parameter."""
        _check.check_bool(self.function, "adjusted", adjusted)
        self.adjusted = adjusted
        self.open()

    def result(self) -> float:
        """Compute the mean."""
        counts = self.counts_of_samples()
        if len(counts.classes) == 1:
            _warn_single()
        right, _, true = counts.margins()
        occurs = true != 0
        if not occurs.all():
            warn("y_pred contains classes not in y_true")
            right, true = right[occurs], true[occurs]
        if not len(true):
            return math.nan
        score = math.fsum((right / true).tolist()) / len(true)
        if self.adjusted:
            chance = 1 / len(true)
            if chance == 1:
                return math.nan
            score = (score - chance) / (1 - chance)
        return float(score)


@metric(Balanced)
def balanced_accuracy_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None, adjusted: bool = False) -> float:
    """Compute the mean of the recalls of all classes.

    Parameters
    ----------
    $one_label
    $sample_weight
    adjusted : bool, default=False
        Whether to give 0 to chance and keep 1 for the best.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import balanced_accuracy_score
    >>> balanced_accuracy_score([0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1])
    0.625
    """


# ---- label by label, sample by sample --------------------------------------------------------------------------


def _columns_of(labels: np.ndarray | None, width: int) -> np.ndarray:
    """Return the columns of indicators that ``labels`` name."""
    every = np.arange(width)
    if labels is None:
        return every
    if labels.size:
        if labels.max() > every[-1]:
            message = f"Got {int(labels.max())} > {int(every[-1])}"
            raise ValueError(f"All labels must be in [0, n labels) for multilabel targets. {message}")
        if labels.min() < 0:
            raise ValueError(f"All labels must be in [0, n labels) for multilabel targets. Got {int(labels.min())} < 0")
    return labels.astype(np.int64)


def _margins(counts: LabelCounts | IndicatorCounts, labels: np.ndarray | None) -> tuple[Any, Any, Any]:
    """Return by label what is right, what was predicted and what is true; 0 for labels that do not occur."""
    margins = counts.margins()
    if isinstance(counts, IndicatorCounts):
        columns = _columns_of(labels, counts.width)
        return margins[0][columns], margins[1][columns], margins[2][columns]
    if counts.sums is not None:
        # as in scikit-learn, also where the weights are integers
        right, predicted, true = margins
        margins = right.astype(np.float64), predicted.astype(np.float64), true.astype(np.float64)
    if labels is None:
        return margins
    places = counts.places(labels)
    absent = places < 0
    chosen = margins[0][places], margins[1][places], margins[2][places]
    for values in chosen:
        values[absent] = 0
    return chosen


class MultilabelConfusion(Counting):
    """Tables of two by two for each label."""

    __slots__ = ("labels",)

    function = "multilabel_confusion_matrix"
    several = True

    def start(self, labels: Any = None) -> None:
        """Read the labels."""
        self.labels = _read_labels(self.function, labels)
        self.open()

    def result(self) -> np.ndarray:
        """Compute the tables."""
        counts = self.counts_of_samples()
        right, predicted, true = _margins(counts, self.labels)
        total = counts.total() if isinstance(counts, IndicatorCounts) else math.fsum(counts.margins()[2].tolist())
        if counts.sums is None:
            total = int(total)
        return _tables(right, predicted, true, total)


def _tables(right: Any, predicted: Any, true: Any, total: Any) -> np.ndarray:
    wrong, missed = predicted - right, true - right
    return np.stack([total - right - wrong - missed, wrong, missed, right], axis=1).reshape(-1, 2, 2)


class SampleConfusion(State):
    """Tables of two by two for each sample, all of which are kept."""

    __slots__ = ("labels", "tables")

    function = MultilabelConfusion.function
    small = False

    def start(self, labels: Any = None) -> None:
        """Read the labels."""
        self.labels = _read_labels(self.function, labels)
        self.tables: list[np.ndarray] = []

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        targets = classification_targets(self.function, y_true, y_pred, sample_weight)
        if targets.kind == "labels":
            raise ValueError("Samplewise metrics are not available outside of multilabel classification.")
        columns = _columns_of(self.labels, targets.y_true.shape[1])
        tables = []
        for true, pred, _, weights in indicators(targets, columns):
            scale = 1 if weights is None else _arrays.decode(weights)
            sizes = (np.count_nonzero(columns, axis=1) * scale for columns in (true & pred, pred, true))
            right, predicted, actual = sizes
            tables.append(_tables(right, predicted, actual, true.shape[1] * scale))
        self.tables = self.tables + tables
        return self

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        self.tables = self.tables + other.tables

    def result(self) -> np.ndarray:
        """Return the tables."""
        return np.concatenate(self.tables)


def _multilabel_state(labels: Any = None, samplewise: bool = False) -> State:
    _check.check_bool(MultilabelConfusion.function, "samplewise", samplewise)
    return SampleConfusion(labels=labels) if samplewise else MultilabelConfusion(labels=labels)


@metric(_multilabel_state)
def multilabel_confusion_matrix(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, labels: Any = None, samplewise: bool = False
) -> np.ndarray:
    """Count for each label, or for each sample, what is right and wrong: [[tn, fp], [fn, tp]].

    Parameters
    ----------
    $one_or_several_labels
    $sample_weight
    labels : array_like, default=None
        The labels that are counted, or the columns; all that occur, in their order, if None.
    samplewise : bool, default=False
        Whether to count the labels of each sample, which may have several then.

    Returns
    -------
    ndarray of shape (n_labels, 2, 2) or (n_samples, 2, 2)

    Examples
    --------
    >>> from fastloss.metrics import multilabel_confusion_matrix
    >>> multilabel_confusion_matrix([0, 1, 2, 1], [0, 2, 2, 1])[1]
    array([[2, 0],
           [1, 1]])
    """


class _Samples:
    """Exact sums of quotients that every sample has, over the samples where they are not NaN."""

    __slots__ = ("n", "sums", "undefined", "weighted", "width")

    def __init__(self, count: int, weighted: bool, width: int) -> None:
        # for each quotient: its weighted sum, the weights, and without weights the sum and the number
        self.sums = Sums(4 * count)
        self.undefined = [False] * count
        self.weighted = weighted
        self.width = width
        self.n = 0

    def __reduce__(self) -> tuple[Any, ...]:
        fields = self.sums, self.undefined, self.n
        return _restore_samples, (len(self.undefined), self.weighted, self.width, fields)

    def add(self, place: int, values: np.ndarray, undefined: bool, weights: Any) -> None:
        """Add the quotients of some samples."""
        self.undefined[place] |= undefined
        kept = ~np.isnan(values)
        one = np.ones(int(kept.sum()))
        w = (one, _FLOAT64) if weights is None else (np.asarray(weights[0])[kept], weights[1])
        for offset, part in ((0, w), (2, (one, _FLOAT64))):
            found = Sums(2)
            add_losses(None, False, ((values[kept], _FLOAT64),), part, found)
            self.sums.merge(found, (4 * place + offset, 4 * place + offset + 1))

    def merged(self, other: _Samples) -> _Samples:
        """Return the sums of both."""
        if self.weighted != other.weighted:
            raise ValueError("sample_weight must be given for all samples or for none.")
        if self.width != other.width:
            raise ValueError("Multi-label binary indicator input with different numbers of labels")
        result = _Samples(len(self.undefined), self.weighted, self.width)
        for part in (self, other):
            result.sums.merge(part.sums)
            result.n += part.n
            result.undefined = [a or b for a, b in zip(result.undefined, part.undefined, strict=True)]
        return result

    def mean(self, place: int) -> float:
        """Return the weighted mean of a quotient; the plain one where the weights sum to zero."""
        for offset in (0, 2):
            if self.sums.rounded(4 * place + offset + 1):
                return self.sums.mean(4 * place + offset, 4 * place + offset + 1)
        return math.nan


def _restore_samples(count: int, weighted: bool, width: int, fields: Any) -> _Samples:
    samples = _Samples(count, weighted, width)
    samples.sums, samples.undefined, samples.n = fields
    return samples


class SetWise(Counting):
    """Base of the metrics of the sets of samples that have, or should have, a label."""

    __slots__ = ("average", "labels", "pos_label", "zero_division")

    several = True
    #: How many quotients a sample has.
    quotients: int

    def of_samples(self, right: Any, predicted: Any, true: Any) -> list[tuple[np.ndarray, bool]]:
        """Return the quotients of each sample, and whether one was 0/0."""
        raise NotImplementedError

    def open_sets(self, labels: Any, pos_label: Any, average: Any, zero_division: Any, nan_allowed: bool = True) -> None:
        """Check the parameters that all of them have."""
        if zero_division != "warn" or not isinstance(average, str):
            _check.check_average(self.function, average, zero_division, nan_allowed)
        elif average not in ("binary", "micro", "macro", "weighted", "samples"):
            _check.check_average(self.function, average, "warn")
        if not isinstance(pos_label, Real | str | np.bool_ | None):
            raise _check.bad_parameter(self.function, "pos_label", "a float, a str, a bool or None", pos_label)
        self.labels = _read_labels(self.function, labels)
        self.pos_label = pos_label
        self.average = average
        self.zero_division = zero_division
        self.open()

    def chosen_labels(self) -> np.ndarray | None:
        """Return the labels that count, as scikit-learn reads ``average``, ``pos_label`` and ``labels``."""
        counts = self.counts_of_samples()
        if self.average != "binary":
            if self.pos_label is not None and self.pos_label != 1:
                warn(
                    f"Note that pos_label (set to {self.pos_label!r}) is ignored when average != 'binary' (got "
                    f"{self.average!r}). You may use labels=[pos_label] to specify a single positive class."
                )
            return self.labels
        several = not isinstance(counts, LabelCounts)
        if several or len(counts.classes) > 2:
            options = [None, "micro", "macro", "weighted", "samples"][: 5 if several else 4]
            kind = "multilabel-indicator" if several else "multiclass"
            raise ValueError(
                f"Target is {kind} but average='binary'. Please choose another average setting, one of {options!r}."
            )
        if len(counts.classes) == 2 and self.pos_label not in counts.classes.tolist():
            raise ValueError(f"pos_label={self.pos_label} is not a valid label. It should be one of {counts.classes}")
        return np.array([self.pos_label])

    def count_indicators(self, targets: Any) -> Any:
        """Count samples of several labels: label by label, or sample by sample."""
        if self.average != "samples":
            return IndicatorCounts.of(targets)
        samples = _Samples(self.quotients, targets.weights is not None, targets.y_true.shape[1])
        samples.n = targets.size
        columns = _columns_of(self.labels, targets.y_true.shape[1])
        for true, pred, _, weights in indicators(targets, columns):
            sizes = (np.count_nonzero(part, axis=1) for part in (true & pred, pred, true))
            for place, (values, undefined) in enumerate(self.of_samples(*sizes)):
                samples.add(place, values, undefined, weights)
        return samples

    def margins(self) -> tuple[Any, Any, Any]:
        """Return what is right, what was predicted and what is true, for each label that counts or for all together."""
        labels = self.chosen_labels()
        if self.average == "samples":
            if isinstance(self.counts, LabelCounts):
                raise ValueError("Samplewise metrics are not available outside of multilabel classification.")
            return (), (), ()
        margins = _margins(self.counts, labels)
        if self.average == "micro":
            right, predicted, true = margins
            return np.array([right.sum()]), np.array([predicted.sum()]), np.array([true.sum()])
        return margins


_SCORES = ("precision", "recall", "f-score")


class PrecisionRecall(SetWise):
    """Precision, recall and F score."""

    __slots__ = ("beta", "function", "warn_for")

    quotients = 3

    def start(
        self,
        function: str,
        beta: float = 1.0,
        labels: Any = None,
        pos_label: Any = 1,
        average: Any = None,
        warn_for: Any = _SCORES,
        zero_division: Any = "warn",
    ) -> None:
        """Check the parameters."""
        self.function = function
        _check.check_number(function, "beta", beta, lambda x: x >= 0, "a float in the range [0.0, inf]")
        self.beta = beta
        self.warn_for = warn_for
        self.open_sets(labels, pos_label, average, zero_division)

    def of_samples(self, right: Any, predicted: Any, true: Any) -> list[tuple[np.ndarray, bool]]:
        """Return the quotients of each sample."""
        quiet = precision_recall_fscore_from_counts(right, predicted, true, self.beta, "samples", (), self.zero_division)
        zero = (not predicted.all(), not true.all(), not (self.beta**2 * true + predicted).all() if self.beta else False)
        return list(zip(quiet, map(bool, zero), strict=True))

    def result(self) -> tuple[Any, Any, Any, Any]:
        """Compute precision, recall, F score and the numbers of the true labels."""
        right, predicted, true = self.margins()
        if self.average == "samples":
            words = ("predicted", "true", "true nor predicted")
            for score, modifier, undefined in zip(_SCORES, words, self.counts.undefined, strict=True):
                if undefined and isinstance(self.zero_division, str) and score in self.warn_for:
                    warn_of_division(score, modifier, "samples", self.counts.n)
            return self.counts.mean(0), self.counts.mean(1), self.counts.mean(2), None
        scores = precision_recall_fscore_from_counts(
            right, predicted, true, self.beta, self.average, self.warn_for, self.zero_division
        )
        if self.average is None:
            return (*scores, true)
        weights = true if self.average == "weighted" else None
        precision, recall, f_score = (average_of_labels(values, weights) for values in scores)
        return precision, recall, f_score, None


class OneScore(PrecisionRecall):
    """One of precision, recall and F score: the one that is warned of."""

    __slots__ = ()

    def result(self) -> Any:
        """Compute the score."""
        return PrecisionRecall.result(self)[_SCORES.index(self.warn_for[0])]


@metric(PrecisionRecall)
def precision_recall_fscore_support(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float = 1.0,
    labels: Any = None,
    pos_label: Any = 1,
    average: Any = None,
    warn_for: Any = ("precision", "recall", "f-score"),
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> tuple[Any, Any, Any, Any]:
    """Compute precision, recall, F score, and how many samples have each label.

    Parameters
    ----------
    $one_or_several_labels
    beta : float, default=1.0
        How much recall weighs against precision.
    $labels_that_count
    pos_label : number, str or bool, default=1
        The label whose scores ``average="binary"`` returns.
    average : {"micro", "macro", "samples", "weighted", "binary"} or None, default=None
        Scores of all counts together, the mean of those of the labels, of the samples, the mean weighted with the labels'
        numbers, those of ``pos_label``, or those of each label.
    warn_for : list, tuple or set, default=("precision", "recall", "f-score")
        What to warn of where it is 0/0.
    $sample_weight
    $zero_division

    Returns
    -------
    precision, recall, fbeta_score : float, or ndarray of shape (n_labels,)
    support : None, or ndarray of shape (n_labels,)

    Examples
    --------
    >>> from fastloss.metrics import precision_recall_fscore_support
    >>> precision_recall_fscore_support([0, 1, 1, 1], [0, 0, 1, 1], average="macro")
    (0.75, 0.8333333333333333, 0.7333333333333334, None)
    """


@metric(OneScore, average="binary", warn_for=("precision",))
def precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Any = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | np.ndarray:
    """Compute the share of the samples predicted to have a label that have it.

    Parameters
    ----------
    $one_or_several_labels
    $labels_that_count
    $pos_label_of_average
    $average
    $sample_weight
    $zero_division

    Returns
    -------
    float, or ndarray of shape (n_labels,)

    Examples
    --------
    >>> from fastloss.metrics import precision_score
    >>> precision_score([0, 1, 1, 0], [1, 1, 1, 0], average=None)
    array([1.        , 0.66666667])
    """


@metric(OneScore, average="binary", warn_for=("recall",))
def recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Any = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | np.ndarray:
    """Compute the share of the samples that have a label that were predicted to have it.

    Parameters
    ----------
    $one_or_several_labels
    $labels_that_count
    $pos_label_of_average
    $average
    $sample_weight
    $zero_division

    Returns
    -------
    float, or ndarray of shape (n_labels,)

    Examples
    --------
    >>> from fastloss.metrics import recall_score
    >>> recall_score([0, 1, 1, 0], [1, 1, 1, 0], average="macro")
    0.75
    """


@metric(OneScore, average="binary", warn_for=("f-score",))
def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Any = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | np.ndarray:
    """Compute the harmonic mean of precision and recall.

    Parameters
    ----------
    $one_or_several_labels
    $labels_that_count
    $pos_label_of_average
    $average
    $sample_weight
    $zero_division

    Returns
    -------
    float, or ndarray of shape (n_labels,)

    Examples
    --------
    >>> from fastloss.metrics import f1_score
    >>> f1_score(["ham", "spam", "spam"], ["spam", "spam", "spam"], pos_label="spam")
    0.8
    """


@metric(OneScore, average="binary", warn_for=("f-score",))
def fbeta_score(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float,
    labels: Any = None,
    pos_label: Any = 1,
    average: Any = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | np.ndarray:
    """Compute the weighted harmonic mean of precision and recall.

    Parameters
    ----------
    $one_or_several_labels
    beta : float
        How much recall weighs against precision; 0 is precision, infinity is recall.
    $labels_that_count
    $pos_label_of_average
    $average
    $sample_weight
    $zero_division

    Returns
    -------
    float, or ndarray of shape (n_labels,)

    Examples
    --------
    >>> from fastloss.metrics import fbeta_score
    >>> fbeta_score([0, 1, 1, 0], [1, 1, 1, 0], beta=2)
    0.9090909090909091
    """


class Jaccard(SetWise):
    """The Jaccard index."""

    __slots__ = ()

    function = "jaccard_score"
    quotients = 1

    def start(self, labels: Any = None, pos_label: Any = 1, average: Any = "binary", zero_division: Any = "warn") -> None:
        """Check the parameters."""
        self.open_sets(labels, pos_label, average, zero_division, nan_allowed=False)

    def of_samples(self, right: Any, predicted: Any, true: Any) -> list[tuple[np.ndarray, bool]]:
        """Return the index of each sample."""
        return [divide(right, predicted + true - right, self.zero_division)]

    def result(self) -> float | np.ndarray:
        """Compute the index."""
        right, predicted, true = self.margins()
        if self.average == "samples":
            values: np.ndarray | None = None
            undefined, size = self.counts.undefined[0], self.counts.n
        else:
            values, undefined = divide(right, predicted + true - right, self.zero_division)
            size = len(values)
        if undefined and isinstance(self.zero_division, str):
            warn_of_division("jaccard", "true or predicted", self.average, size)
        if values is None:
            return self.counts.mean(0)
        return values if self.average is None else average_of_labels(values, true if self.average == "weighted" else None)


@metric(Jaccard)
def jaccard_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Any = "binary",
    sample_weight: Any = None,
    zero_division: Any = "warn",
) -> float | np.ndarray:
    """Compute the Jaccard index: the samples that rightly have a label, among those that have or should have it.

    Parameters
    ----------
    $one_or_several_labels
    $labels_that_count
    $pos_label_of_average
    $average
    $sample_weight
    zero_division : {"warn", 0.0, 1.0}, default="warn"
        What 0/0 is: 0 with a warning, or a number.

    Returns
    -------
    float, or ndarray of shape (n_labels,)

    Examples
    --------
    >>> from fastloss.metrics import jaccard_score
    >>> jaccard_score([0, 1, 1, 0], [1, 1, 1, 0])
    0.6666666666666666
    """
