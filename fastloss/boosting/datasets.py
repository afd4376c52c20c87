"""What the libraries' data sets hold: labels, weights, groups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._threads import shares_openmp

if TYPE_CHECKING:
    from ..loss import Loss


def is_dataset(value: Any) -> bool:
    """Tell an xgboost.DMatrix or a lightgbm.Dataset from an array."""
    return hasattr(value, "get_label")


def is_lightgbm(dataset: Any) -> bool:
    """Tell a lightgbm.Dataset from an xgboost.DMatrix."""
    return hasattr(dataset, "get_init_score")


@contextmanager
def on_threads_of(dataset: Any) -> Iterator[None]:
    """Work on the threads of the library that has this data set, where it shares its OpenMP runtime with fastloss.

    LightGBM's threads keep a core busy for some milliseconds after each of its steps, waiting for the next one. Threads of our
    own would share the cores with them. (XGBoost comes with a runtime of its own.)
    """
    if not is_lightgbm(dataset) or not _shares_openmp():
        yield
        return
    previous = _core.local_openmp(True)
    try:
        yield
    finally:
        _core.local_openmp(previous)


@cache
def _shares_openmp() -> bool:
    """Tell whether LightGBM works with the OpenMP runtime that fastloss knows."""
    try:
        return shares_openmp(import_module("lightgbm.basic")._LIB)
    except (ImportError, AttributeError):
        # another version
        return False


def read_dataset(dataset: Any) -> tuple[Any, Any, Any]:
    """Return labels, weights or None, and sizes of groups or None. Labels and weights are views or plain copies."""
    labels = dataset.get_label()
    if labels is None or np.size(labels) == 0:
        raise ValueError(f"the {type(dataset).__name__} has no labels. Pass label= when it is made.")
    weights = dataset.get_weight()
    if weights is not None and not np.size(weights):
        weights = None
    if is_lightgbm(dataset):
        return labels, weights, dataset.get_group()
    # where groups begin, and where the last one ends
    places = dataset.get_uint_info("group_ptr")
    return labels, weights, np.diff(places.astype(np.int64)) if np.size(places) else None


def arrays_of(y_true: Any, y_pred: Any, rows: bool) -> tuple[np.ndarray, np.ndarray]:
    """Make arrays of labels and predictions, without axes of one number; ``rows``: the loss takes rows of predictions."""
    labels, predictions = np.asarray(y_true), np.asarray(y_pred)
    if predictions.ndim == 2 and predictions.shape[1] == 1 and not rows:
        predictions = predictions[:, 0]
    if labels.ndim == 2 and labels.shape[1] == 1 and (rows or predictions.ndim == 1):
        labels = labels[:, 0]
    if labels.ndim == 1 and predictions.ndim == 2 and labels.size == predictions.size != len(predictions):
        # XGBoost 3.0 forgets the shape of several labels per row
        labels = labels.reshape(predictions.shape)
    return labels, predictions


def check_groups(loss: Loss, groups: Any) -> None:
    """Raise for data in groups where the loss looks at each row alone, and for data without where it takes groups."""
    given = groups is not None and np.size(groups) > 0
    if given and not is_group_loss(loss):
        raise ValueError(
            "the data have groups (queries), which this loss would ignore: it looks at each row alone. Use a loss of ranking, "
            "as fl.LambdaRank(), or leave the groups out."
        )
    if is_group_loss(loss) and not given:
        raise ValueError(
            f"{type(loss).__name__} needs the sizes of the groups (queries): set_group of an xgboost.DMatrix, or its qid; "
            "group= of a lightgbm.Dataset or of LGBMRanker.fit."
        )


def is_group_loss(loss: Loss) -> bool:
    """Tell whether a loss is one of groups of rows."""
    return loss.signature.axes == "[g]"


def weights_of_rows(weights: np.ndarray, groups: np.ndarray, n: int) -> np.ndarray:
    """Return a weight for each row: XGBoost has one for each group, LightGBM one for each row."""
    if weights.shape == (n,):
        return weights
    if weights.shape != (len(groups),):
        raise ValueError(
            f"sample_weight must have one weight per row, ({n},), or per group, ({len(groups)},); got {weights.shape}."
        )
    return np.repeat(weights, groups)


def weights_of_groups(weights: np.ndarray, groups: np.ndarray, n: int) -> np.ndarray:
    """Return a weight for each group: the mean of those of its rows, as LightGBM evaluates, where these have some."""
    rows = weights_of_rows(weights, groups, n)
    if rows is not weights:
        return weights
    ends = np.cumsum(groups)
    begins = np.minimum(ends - groups, max(n - 1, 0))
    totals = np.where(groups > 0, np.add.reduceat(rows.astype(np.float64), begins), 0.0) if n and len(groups) else ends * 0.0
    # weights that are equal stay what they are
    equal = np.repeat(rows[begins], groups) == rows if n else np.empty(0, bool)
    alike = np.logical_and.reduceat(equal, begins) if n and len(groups) else ends == ends
    first = rows[begins] if n else totals
    return np.where(groups > 0, np.where(alike, first, totals / np.maximum(groups, 1)), 0.0)


def library(name: str, what: str) -> Any:
    """Import a library; say what needs it when it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(name.split(".")[0], name.split(".")[0])
        if error.name is None or error.name.split(".")[0] != name.split(".")[0]:
            raise
        raise ImportError(f"{what} needs {package}, which is not installed: pip install {package}.", name=error.name) from error
