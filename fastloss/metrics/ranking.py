"""Metrics of rankings: scikit-learn's functions, of which each sample is a row of items."""

# pyright: reportReturnType=false
# What the functions compute is written by `metric`; mypy reads of this in pyproject.toml.

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, Self

import numpy as np

from .._core import CODES, Sums
from ..state import State
from . import _check
from ._state import metric
from ._sums import add_losses

_FLOAT64 = CODES[np.dtype(np.float64)]
# Items that are sorted at a time.
_CHUNK = 1 << 18
_FORMATS = ("multilabel-indicator", "continuous-multioutput", "multiclass-multioutput")


class Gain(State):
    """The discounted gains of rows of items, and the weights of the rows: exact sums."""

    __slots__ = ("base", "ignore_ties", "k", "negative", "normalised", "sums", "weighted")

    def start(
        self, function: str, normalised: bool, k: int | None = None, ignore_ties: bool = False, log_base: float = 2
    ) -> None:
        """Check the parameters and set up the state of no samples."""
        if k is not None and (not isinstance(k, Integral) or k < 1):
            raise _check.bad_parameter(function, "k", "an int in the range [1, inf) or None", k)
        _check.check_number(function, "log_base", log_base, lambda x: 0 < x < math.inf, "a float in the range (0.0, inf)")
        _check.check_bool(function, "ignore_ties", ignore_ties)
        self.normalised, self.k, self.ignore_ties, self.base = normalised, k, bool(ignore_ties), float(log_base)
        self.sums = Sums(2)
        self.weighted: bool | None = None
        self.negative = False

    @property
    def function(self) -> str:
        """The name of the metric."""
        return self.keywords["function"]

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        _check.check_arrays(self.function, y_true=y_true, y_score=y_pred)
        gains, scores = (_numbers(value) for value in (y_true, y_pred))
        _check.check_lengths(gains, scores, sample_weight)
        if self.normalised and gains.min() < 0:
            raise ValueError("ndcg_score should not be used on negative y_true values.")
        if self.normalised and gains.ndim > 1 and gains.shape[1] <= 1:
            raise ValueError(
                f"Computing NDCG is only meaningful when there is more than 1 document. Got {gains.shape[1]} instead."
            )
        kind, _ = _check.type_of_target(gains, "y_true")
        if kind not in _FORMATS:
            kind = "multiclass" if kind == "binary" and len(np.unique(gains)) > 2 else kind
            raise ValueError(f"Only {_FORMATS} formats are supported. Got {kind} instead")
        if scores.shape != gains.shape:
            raise ValueError(f"y_true and y_score must have the same shape; got {gains.shape} and {scores.shape}.")
        weights = _check.read_weights(sample_weight, len(gains), self.function)
        if self.weighted is not None and self.weighted != (weights is not None):
            raise ValueError("sample_weight must be given for all samples or for none.")
        found = np.empty(len(gains))
        rows = max(1, _CHUNK // gains.shape[1])
        for first in range(0, len(gains), rows):
            some = slice(first, first + rows)
            found[some] = self._scores(gains[some].astype(np.float64), scores[some])
        add_losses(None, False, ((found, _FLOAT64),), weights, self.sums)
        self.weighted = weights is not None
        self.negative |= weights is not None and bool((weights[0] < 0).any())
        return self

    def _scores(self, gains: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Compute the (normalised) gain of each row."""
        discount = math.log(self.base) / np.log(np.arange(gains.shape[1]) + 2.0)
        if self.k is not None:
            discount[self.k :] = 0
        if self.ignore_ties:
            found = np.take_along_axis(gains, np.argsort(scores, axis=1)[:, ::-1], axis=1)
        else:
            found = _averaged_over_ties(gains, scores)
        # whatever the size of a chunk, the sum of a row is the same
        found = (np.ascontiguousarray(found) * discount).sum(axis=1)
        if not self.normalised:
            return found
        best = (np.ascontiguousarray(np.sort(gains, axis=1)[:, ::-1]) * discount).sum(axis=1)
        return np.divide(found, best, out=np.zeros_like(best), where=best != 0)

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        if other.weighted is None:
            return
        if self.weighted is not None and self.weighted != other.weighted:
            raise ValueError("sample_weight must be given for all samples or for none.")
        self.weighted = other.weighted
        self.negative |= other.negative
        self.sums.merge(other.sums)

    def result(self) -> float:
        """Compute the mean."""
        if self.weighted is None:
            raise ValueError("there are no samples: their mean gain is undefined.")
        if self.sums.rounded(1) == 0:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        return self.sums.mean(0, 1)


def _numbers(value: Any) -> np.ndarray:
    """Read finite numbers, of at most two axes."""
    array = _check.as_array(value, numeric=True)
    _check.check_shape(array)
    _check.check_finite(array)
    return array


def _averaged_over_ties(gains: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Sort each row by falling scores, and give items of one score the mean of their gains."""
    order = np.argsort(-scores.astype(np.float64), axis=1, kind="stable")
    ordered, ranked = np.take_along_axis(scores, order, axis=1), np.take_along_axis(gains, order, axis=1)
    begins = np.ones(ordered.shape, bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=begins[:, 1:])
    if begins.all():
        return ranked
    tie = np.cumsum(begins.ravel()) - 1
    means = np.bincount(tie, ranked.ravel()) / np.bincount(tie)
    return means[tie].reshape(ranked.shape)


@metric(Gain, normalised=False)
def dcg_score(
    y_true: Any,
    y_score: Any,
    *,
    k: int | None = None,
    log_base: float = 2,
    sample_weight: Any = None,
    ignore_ties: bool = False,
) -> float:
    """Compute the mean discounted cumulative gain of rankings: what items are worth, over the logarithm of their ranks.

    Parameters
    ----------
    $rankings
    $ranks
    log_base : float, default=2
        The base of the logarithm of 1 + rank, from 1 on, by which an item's gain is divided.
    $sample_weight
    $ignore_ties

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import dcg_score
    >>> dcg_score([[10, 0, 0, 1, 5]], [[0.1, 0.2, 0.3, 4, 70]])
    9.499457825916874
    """


@metric(Gain, normalised=True)
def ndcg_score(
    y_true: Any, y_score: Any, *, k: int | None = None, sample_weight: Any = None, ignore_ties: bool = False
) -> float:
    """Compute the mean normalised discounted cumulative gain of rankings: 1 for the best order, 0 where nothing gains.

    Gains are the numbers of ``y_true`` themselves, as those of ``fl.LambdaRank(gain="linear")``, which takes groups of any
    size, and whose value, 1 - NDCG, is 0 where nothing gains.

    Parameters
    ----------
    $rankings
    $ranks
    $sample_weight
    $ignore_ties

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import ndcg_score
    >>> round(ndcg_score([[10, 0, 0, 1, 5]], [[0.1, 0.2, 0.3, 4, 70]]), 12)
    0.695694044381
    """
