"""What estimators of scikit-learn are asked for: the predictions that a loss or a metric takes."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from .loss import Loss


def link_field(loss: Loss) -> str | None:
    """Name the parameter that says whether the loss takes raw scores; None: it takes one kind of predictions only."""
    names = [item.name for item in fields(loss)]
    return next((name for name in ("from_logits", "from_log") if name in names), None)


def suited(loss: Loss, predictions: np.ndarray, raw: bool) -> tuple[Loss, np.ndarray]:
    """Return loss and predictions that suit each other."""
    link = link_field(loss)
    if link is None or getattr(loss, link) is raw or (raw and getattr(loss, "from_log", False)):
        return loss, predictions
    changed: dict[str, Any] = {link: raw}
    other = replace(loss, **changed)
    clipped: float = getattr(loss, "eps", 0.0)
    if raw and clipped:
        # scores are not clipped, probabilities are
        return loss, other.inverse_link(predictions)
    return other, predictions


class Answers:
    """What an estimator says of some samples; each of its methods is called once at the most.

    Parameters
    ----------
    estimator : object
        A fitted estimator.
    x, y : array_like
        Features and labels.
    """

    def __init__(self, estimator: Any, x: Any, y: Any) -> None:
        self.estimator, self.x, self.y = estimator, x, y
        #: None for regressors.
        self.classes: Any = getattr(estimator, "classes_", None)
        self._known: dict[str, Any] = {}

    def of(self, method: str) -> Any:
        """Call a method of the estimator, or take what it returned before."""
        if method not in self._known:
            self._known[method] = getattr(self.estimator, method)(self.x)
        return self._known[method]

    def positions(self) -> np.ndarray:
        """Return the positions of the labels in the estimator's classes."""
        if "positions" not in self._known:
            labels = np.asarray(self.y)
            found = np.minimum(np.searchsorted(self.classes, labels), len(self.classes) - 1)
            other = np.asarray(self.classes)[found] != labels
            if other.any():
                raise ValueError(f"y holds the label {labels[other][0]!r}, which is none of the estimator's classes.")
            self._known["positions"] = found
        return self._known["positions"]

    def for_loss(self, loss: Loss) -> tuple[Loss, Any, Any, bool]:
        """Return the loss that suits the predictions, labels, predictions, and whether these are raw scores.

        Regressors, and classifiers where the loss is one of numbers, are asked for what they predict: they apply the link of
        their loss themselves. Losses of classes get raw scores where they take them, else probabilities.
        """
        if self.classes is None or loss.family == "regression":
            loss, predictions = suited(loss, self.of("predict"), False)
            return loss, self.y, predictions, False
        link = link_field(loss)
        raw = getattr(loss, link) if link is not None else "y_pred" not in loss._domains()
        if raw and hasattr(self.estimator, "decision_function"):
            loss, predictions = suited(loss, self.of("decision_function"), True)
            return loss, self.positions(), predictions, True
        if raw and link is None:
            raise TypeError(f"{loss!r} takes raw scores, and {type(self.estimator).__name__} has no decision_function.")
        by_rows = loss.signature.axes == "(k)"
        if not by_rows and len(self.classes) != 2:
            raise ValueError(f"{loss!r} is one of two classes; the estimator has {len(self.classes)}.")
        probabilities = self.of("predict_proba") if by_rows else self._of_the_second_class()
        loss, probabilities = suited(loss, probabilities, False)
        return loss, self.positions(), probabilities, False

    def _of_the_second_class(self) -> np.ndarray:
        if "second" not in self._known:
            self._known["second"] = self.of("predict_proba")[:, 1]
        return self._known["second"]

    def for_metric(self, metric: Callable[..., Any]) -> Any:
        """Return the predictions that a metric takes: the name of its second argument says which."""
        kind = list(inspect.signature(metric).parameters)[1]
        if kind == "y_proba":
            return self.of("predict_proba")
        if kind == "pred_decision":
            return self.of("decision_function")
        if kind == "y_score" and self.classes is not None:
            if hasattr(self.estimator, "decision_function"):
                return self.of("decision_function")
            return self._of_the_second_class() if len(self.classes) == 2 else self.of("predict_proba")
        return self.of("predict")


def name_of(metric: Callable[..., Any]) -> str:
    """Name the function of a metric, which may be a partial of it."""
    while isinstance(metric, partial):
        metric = metric.func
    return metric.__name__


def is_better(metric: Callable[..., Any]) -> bool | None:
    """Tell whether more is better of a metric, as its name says in scikit-learn; None for what is no score."""
    name = name_of(metric)
    if name.endswith(("_score", "_corrcoef")):
        return True
    return False if name.endswith(("_error", "_loss", "_deviance")) else None
