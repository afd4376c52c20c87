"""Counts of labels, of samples or of exact weights: the state of the metrics of classifications, and the formulas on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Sums
from . import _check
from ._sums import add_losses

if TYPE_CHECKING:
    from .._arrays import Operand
    from ._check import Targets

# How near to each other integer labels must lie to be counted without being encoded: (pairs, weighted) -> how far apart.
NEAR = {(False, False): 1024, (False, True): 256, (True, False): 128, (True, True): 32}
# Cells of weights that are summed in one pass over the data: 30 MB of exact sums.
_CELLS = 1 << 16
# So few classes have so few pairs that these are weighed rather than the labels.
_FEW = 8


class LabelCounts:
    """How often each pair of labels occurs, or how often each label does: right, true, and predicted.

    ``table`` has a row for each class of y_true and a column for each of y_pred, or (without ``pairs``) three rows. With
    weights, ``sums`` holds the exact weight of every cell of the table that is not 0, in their order. Classes are those that
    occur, in their order.
    """

    __slots__ = ("classes", "integral", "pairs", "sums", "table")

    def __init__(self, classes: np.ndarray, table: np.ndarray, sums: Sums | None, pairs: bool, integral: bool) -> None:
        self.classes = classes
        self.table = table
        self.sums = sums
        self.pairs = pairs
        self.integral = integral

    def __reduce__(self) -> tuple[Any, ...]:
        return LabelCounts, (self.classes, self.table, self.sums, self.pairs, self.integral)

    @classmethod
    def of(cls, targets: Targets, pairs: bool) -> LabelCounts:
        """Count the labels of some samples."""
        low, width = targets.low, targets.width
        table = _core.count_pairs(targets.y_true, targets.y_pred, low, width, not pairs)
        if targets.classes is not None:
            present, classes = np.arange(width), targets.classes
        else:
            seen = table.any(axis=0) | table.any(axis=1) if pairs else table[1:].any(axis=0)
            present = np.flatnonzero(seen)
            classes = (present + low).astype(targets.dtype)
        sums = None
        if targets.weights is not None:
            sums = _weights_of_cells(targets, targets.weights, table, pairs)
        if len(present) != width:
            table = np.ascontiguousarray(table[np.ix_(present, present)] if pairs else table[:, present])
        integral = targets.weights is None or targets.weights[0].dtype.kind in "iub"
        return cls(classes, table, sums, pairs, integral)

    def merged(self, other: LabelCounts) -> LabelCounts:
        """Return the counts of both."""
        if (self.sums is None) != (other.sums is None):
            raise ValueError("sample_weight must be given for all samples or for none.")
        if len(self.classes) == len(other.classes) and (self.classes == other.classes).all():
            classes, both = self.classes, (self.table, other.table)
        else:
            *_, classes = _check.encode(self.classes, other.classes)
            both = (self._widened(self, classes), self._widened(other, classes))
        table = both[0] + both[1]
        sums = None
        if self.sums is not None and other.sums is not None:
            cells = np.flatnonzero(table)
            sums = Sums(len(cells))
            for own, wide in zip((self.sums, other.sums), both, strict=True):
                sums.merge(own, np.searchsorted(cells, np.flatnonzero(wide)))
        return LabelCounts(classes, table, sums, self.pairs, self.integral and other.integral)

    @staticmethod
    def _widened(counts: LabelCounts, classes: np.ndarray) -> np.ndarray:
        places = np.searchsorted(classes, counts.classes)
        table = np.zeros((len(classes) if counts.pairs else 3, len(classes)), np.int64)
        table[np.ix_(places, places) if counts.pairs else (slice(None), places)] = counts.table
        return table

    def values(self) -> np.ndarray:
        """Return the table of counts, or of weights: integers if the weights are."""
        if self.sums is None:
            return self.table
        weights = np.zeros(self.table.shape, np.int64 if self.integral else np.float64)
        weights.reshape(-1)[np.flatnonzero(self.table)] = (
            _integers(self.sums) if self.integral else _check.check_weights(self.sums.all_rounded())
        )
        return weights

    def margins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return by class what is right, what was predicted, and what is true."""
        values = self.values()
        if self.pairs:
            return values.diagonal(), values.sum(axis=0), values.sum(axis=1)
        return values[0], values[2], values[1]

    def exact_margins(self) -> tuple[list[int], list[int], list[int]]:
        """Return the margins as integers without rounding; weights in units of 2^-1074."""
        if self.sums is None:
            of_right, of_predicted, of_true = self.margins()
            return of_right.tolist(), of_predicted.tolist(), of_true.tolist()
        width = len(self.classes)
        right, predicted, true = [0] * width, [0] * width, [0] * width
        for place, cell in enumerate(np.flatnonzero(self.table).tolist()):
            row, column = divmod(cell, width)
            weight = _whole(self.sums, place)
            if self.pairs:
                predicted[column] += weight
                true[row] += weight
                if row == column:
                    right[row] += weight
            else:
                (right, true, predicted)[row][column] = weight
        return right, predicted, true

    def true_classes(self) -> np.ndarray:
        """Return the classes that occur in y_true."""
        return self.classes[(self.table.sum(axis=1) if self.pairs else self.table[1]) > 0]

    def places(self, labels: np.ndarray) -> np.ndarray:
        """Return where the labels are among the classes, -1 for those that do not occur."""
        found = {label: place for place, label in enumerate(self.classes.tolist())}
        return np.array([found.get(label, -1) for label in labels.tolist()], np.int64)


def _whole(sums: Sums, place: int) -> int:
    """Return a sum of finite weights without rounding, in units of 2^-1074."""
    exact = sums.exact(place)
    if exact is None:
        raise AssertionError("weights were checked to be finite")
    return exact


def _integers(sums: Sums) -> np.ndarray:
    """Return sums of integers; those beyond 64 bits wrap around, as integers of NumPy do."""
    rounded = sums.all_rounded()
    if rounded.size == 0 or np.abs(rounded).max() < 2**53:
        return rounded.astype(np.int64)
    exact = [_whole(sums, place) >> 1074 for place in range(sums.count)]
    return np.array([number & (2**64 - 1) for number in exact], np.uint64).view(np.int64)


def _parts(weights: Operand) -> list[Operand]:
    """Return weights whose sum these are, and which are numbers of double precision: integers of 64 bits may not be."""
    array = weights[0]
    if (
        array.dtype.kind not in "iu"
        or array.itemsize < 8
        or (array.size and abs(int(array.max())) | abs(int(array.min())) < 2**53)
    ):
        return [weights]
    low = array & array.dtype.type(2**32 - 1)
    return [(part, _core.CODES[part.dtype]) for part in (array - low, low)]


def _weights_of_cells(targets: Targets, weights: Operand, table: np.ndarray, pairs: bool) -> Sums:
    """Add up the weights of the cells that are not empty."""
    used = np.flatnonzero(table)
    total = Sums(len(used))
    if not pairs and targets.width <= _FEW:
        return _margins_of_pairs(targets, weights, used)
    step = _CELLS if pairs else table.size
    for first in range(0, table.size, step):
        mine = used[(used >= first) & (used < first + step)] if table.size > step else used
        if mine.size:
            sums = Sums(min(step, table.size - first))
            for part in _parts(weights):
                _core.weigh_pairs(targets.y_true, targets.y_pred, part, targets.low, targets.width, not pairs, sums, first)
            places = np.searchsorted(used, mine)
            total.merge(sums.pick(mine - first), places)
    return total


def _margins_of_pairs(targets: Targets, weights: Operand, used: np.ndarray) -> Sums:
    """Add up the weights of pairs, and of these those of the labels: fewer additions for each sample."""
    width = targets.width
    by_pair, margins = Sums(width * width), Sums(3 * width)
    for part in _parts(weights):
        _core.weigh_pairs(targets.y_true, targets.y_pred, part, targets.low, width, False, by_pair)
    cells = np.arange(width * width)
    true, pred = np.divmod(cells, width)
    margins.merge(by_pair, width + true)
    margins.merge(by_pair, 2 * width + pred)
    margins.merge(by_pair.pick(range(0, width * width, width + 1)), range(width))
    return margins.pick(used)


def indicators(targets: Targets, labels: np.ndarray | None = None) -> Any:
    """Yield the indicators of some rows after the other, as booleans: y_true, y_pred, whether they differ, and the weights."""
    true, pred = targets.y_true, targets.y_pred
    step = max(1, (1 << 22) // true.shape[1])
    for first in range(0, targets.size, step):
        part = slice(first, first + step)
        t, p = (rows[part].toarray() if _check.is_sparse(rows) else rows[part] for rows in (true, pred))
        if labels is not None:
            t, p = t[:, labels], p[:, labels]
        weights = None if targets.weights is None else (targets.weights[0][part], targets.weights[1])
        yield t != 0, p != 0, t != p, weights


def add_columns(columns: np.ndarray, weights: Operand | None, counts: np.ndarray, sums: Sums | None, first: int) -> None:
    """Add up the (weighted) number of true booleans of each column."""
    if weights is None or sums is None:
        counts += np.count_nonzero(columns, axis=0)
        return
    for j in range(columns.shape[1]):
        pair = Sums(2)
        add_losses(None, False, ((columns[:, j], _BOOL),), weights, pair)
        sums.merge(pair.pick((0,)), (first + j,))


_BOOL = _core.CODES[np.dtype(bool)]


class IndicatorCounts:
    """How often each label of samples that may have several is right, predicted and true."""

    __slots__ = ("counts", "n", "sums", "width")

    def __init__(self, width: int, n: int, counts: np.ndarray, sums: Sums | None) -> None:
        self.width = width
        self.n = n
        self.counts = counts
        self.sums = sums

    def __reduce__(self) -> tuple[Any, ...]:
        return IndicatorCounts, (self.width, self.n, self.counts, self.sums)

    @classmethod
    def of(cls, targets: Targets) -> IndicatorCounts:
        """Count the labels of some samples."""
        width = targets.y_true.shape[1]
        counts = np.zeros((3, width), np.int64)
        weights_of_all = targets.weights
        # the last sum is that of all weights
        sums = None if weights_of_all is None else Sums(3 * width + 1)
        for true, pred, _, weights in indicators(targets):
            for row, columns in enumerate((true & pred, pred, true)):
                add_columns(columns, weights, counts[row], sums, row * width)
        if weights_of_all is not None and sums is not None:
            total = Sums(2)
            add_losses(None, False, (weights_of_all,), None, total)
            sums.merge(total.pick((0,)), (3 * width,))
        return cls(width, targets.size, counts, sums)

    def merged(self, other: IndicatorCounts) -> IndicatorCounts:
        """Return the counts of both."""
        if (self.sums is None) != (other.sums is None):
            raise ValueError("sample_weight must be given for all samples or for none.")
        if self.width != other.width:
            raise ValueError("Multi-label binary indicator input with different numbers of labels")
        sums = None
        if self.sums is not None and other.sums is not None:
            sums = Sums(self.sums.count)
            sums.merge(self.sums)
            sums.merge(other.sums)
        return IndicatorCounts(self.width, self.n + other.n, self.counts + other.counts, sums)

    def margins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return by label what is right, what was predicted, and what is true."""
        if self.sums is None:
            right, predicted, true = self.counts
        else:
            right, predicted, true = _check.check_weights(self.sums.all_rounded())[:-1].reshape(3, self.width)
        return right, predicted, true

    def total(self) -> Any:
        """Return the number of samples, or their weight."""
        return self.n if self.sums is None else self.sums.rounded(3 * self.width)


# ---- formulas on counts ----------------------------------------------------------------------------------------


def replacement(zero_division: Any) -> float:
    """Return what stands for 0/0."""
    return 0.0 if isinstance(zero_division, str) else float(zero_division)


def divide(numerator: Any, denominator: Any, zero_division: Any) -> tuple[np.ndarray, bool]:
    """Return the quotients, with a replacement for 0/0, and whether there was one."""
    denominator = np.asarray(denominator, np.float64)
    undefined = denominator == 0
    if not undefined.any():
        return numerator / denominator, False
    result = np.asarray(numerator, np.float64) / np.where(undefined, 1.0, denominator)
    result[undefined] = replacement(zero_division)
    return result, True


def warn_of_division(metric: str, modifier: str, average: Any, size: int) -> None:
    """Warn that a quotient is 0/0 for some label or sample."""
    axis, other = ("label", "sample") if average == "samples" else ("sample", "label")
    where = "due to" if size == 1 else f"in {other}s with"
    _check.warn_undefined(
        f"{metric.capitalize()} is ill-defined and being set to 0.0 {where} no {modifier} {axis}s. Use `zero_division` "
        "parameter to control this behavior."
    )


def precision_recall_fscore_from_counts(
    right: Any, predicted: Any, true: Any, beta: float, average: Any, warn_for: Any, zero_division: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F score of each label (or of each sample), from its counts."""
    found = []
    cases = [("precision", "predicted", right, predicted), ("recall", "true", right, true)]
    if beta == 0 or math.isinf(beta):
        wanted = 0 if beta == 0 else 1
    else:
        wanted = 2
        square = beta * beta
        denominator = square * np.asarray(true, np.float64) + predicted
        cases.append(("f-score", "true nor predicted", (1 + square) * np.asarray(right, np.float64), denominator))
    for metric, modifier, numerator, denominator in cases:
        values, undefined = divide(numerator, denominator, zero_division)
        if undefined and isinstance(zero_division, str) and metric in warn_for:
            warn_of_division(metric, modifier, average, len(values))
        found.append(values)
    return found[0], found[1], found[wanted]


def average_of_labels(values: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the (weighted) mean of the values that are not NaN."""
    if len(values) == 1:
        return float(values[0])
    kept = ~np.isnan(values)
    if not kept.any():
        return math.nan
    values = values[kept]
    if weights is not None:
        weights = weights[kept]
        total = math.fsum(weights.tolist())
        if total != 0:
            return math.fsum((values * weights).tolist()) / total
    return math.fsum(values.tolist()) / len(values)


def matthews_from_counts(right: list[int], predicted: list[int], true: list[int]) -> float:
    """Return the correlation coefficient of Matthews, of integers: nothing is rounded before the end."""
    n = sum(true)
    covariance = sum(right) * n - sum(t * p for t, p in zip(true, predicted, strict=True))
    variances = (n * n - sum(p * p for p in predicted)) * (n * n - sum(t * t for t in true))
    if variances <= 0:
        return math.nan if variances else 0.0
    # 128 bits more than the integers have
    return (covariance << 128) / math.isqrt(variances << 256)


def kappa_from_counts(confusion: np.ndarray, weights: str | None) -> float | None:
    """Return Cohen's kappa; None where it is undefined."""
    confusion = confusion.astype(np.float64)
    by_column, by_row = confusion.sum(axis=0), confusion.sum(axis=1)
    total = by_column.sum()
    classes = np.arange(len(confusion))
    distance = np.abs(classes - classes[:, None])
    penalty = distance**2 if weights == "quadratic" else distance if weights == "linear" else distance != 0
    expected = (penalty * np.outer(by_column, by_row)).sum() / total
    if expected == 0:
        return None
    return float(1 - (penalty * confusion).sum() / expected)
