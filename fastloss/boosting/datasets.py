"""What the libraries' data sets hold: labels, weights, groups."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np


def is_dataset(value: Any) -> bool:
    """Tell an xgboost.DMatrix or a lightgbm.Dataset from an array."""
    return hasattr(value, "get_label")


def is_lightgbm(dataset: Any) -> bool:
    """Tell a lightgbm.Dataset from an xgboost.DMatrix."""
    return hasattr(dataset, "get_init_score")


def read_dataset(dataset: Any) -> tuple[Any, Any, Any]:
    """Return labels, weights or None, and groups or None. Both libraries give views or plain copies; nothing is converted."""
    labels = dataset.get_label()
    if labels is None or np.size(labels) == 0:
        raise ValueError(f"the {type(dataset).__name__} has no labels. Pass label= when it is made.")
    weights = dataset.get_weight()
    if weights is not None and not np.size(weights):
        weights = None
    groups = dataset.get_group() if is_lightgbm(dataset) else dataset.get_uint_info("group_ptr")
    return labels, weights, groups


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


def refuse_groups(groups: Any) -> None:
    """Raise for data in groups: there are no losses of groups."""
    if groups is not None and np.size(groups):
        raise ValueError(
            "the data have groups (queries), which this loss would ignore: it looks at each row alone. Use a ranking objective "
            "of the library, or leave the groups out."
        )


def library(name: str, what: str) -> Any:
    """Import a library; say what needs it when it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        package = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu"}.get(name.split(".")[0], name.split(".")[0])
        if error.name is None or error.name.split(".")[0] != name.split(".")[0]:
            raise
        raise ImportError(
            f"{what} needs {package}, which is not installed: pip install {package}, or 'fastloss[boosting]' for all of them.",
            name=error.name,
        ) from error
