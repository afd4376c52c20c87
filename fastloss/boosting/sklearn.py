"""The class that scikit-learn's HistGradientBoosting insists on: a ``BaseLoss``, which is private there.

It is made when it is asked for: scikit-learn is an extra.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import losses
from .._threads import num_threads
from .datasets import library

if TYPE_CHECKING:
    from ..loss import Loss
    from .objective import Objective

# Losses whose leaves the library refits, with the best constants of the residuals.
_REFITTED = (losses.AbsoluteError, losses.Quantile)
# Losses for classes: labels are indices.
_FAMILIES_OF_CLASSES = ("binary", "multiclass")


@lru_cache(maxsize=1)
def _classes() -> tuple[type, type]:
    private: Any = library("sklearn._loss.loss", "Objective.to_sklearn()")
    links: Any = library("sklearn._loss.link", "Objective.to_sklearn()")

    class Link(links.BaseLink):
        """How scores become predictions: the loss's inverse link. Nobody asks for the link itself."""

        def __init__(self, loss: Loss) -> None:
            self.loss = loss
            self.is_multiclass = False
            self.interval_y_pred = links.Interval(-np.inf, np.inf, False, False)

        def link(self, y_pred: Any, out: Any = None) -> Any:
            """Refuse: starting scores come from the objective."""
            raise TypeError(f"the link of {self.loss!r} is not needed for training: use Objective.init_score.")

        def inverse(self, raw_prediction: Any, out: Any = None) -> Any:
            """Turn raw scores into predictions."""
            result = self.loss.inverse_link(raw_prediction)
            if out is not None:
                out[...] = result
            return result

    class ObjectiveLoss(private.BaseLoss):
        """An Objective that drives HistGradientBoostingRegressor."""

        def __init__(self, objective: Objective, n_classes: int | None = None) -> None:
            super().__init__(closs=objective, link=Link(objective.loss), n_classes=n_classes)
            self.objective = objective
            self._asked_classes = n_classes
            self.is_multiclass = objective._rows
            self.differentiable = not (
                isinstance(objective.loss, _REFITTED) and (objective.hessian == "auto" or objective.parity == "sklearn")
            )

        def __reduce__(self) -> tuple[Any, ...]:
            return base_loss, (self.objective, self._asked_classes), {"n_classes": self.n_classes}

        def __repr__(self) -> str:
            return f"{self.objective!r}.to_sklearn()"

        def init_gradient_and_hessian(self, n_samples: int, dtype: Any = np.float64, order: Literal["C", "F"] = "F") -> Any:
            """Make the arrays that `gradient_hessian` fills."""
            shape = (n_samples, self.n_classes) if self.is_multiclass else (n_samples,)
            return np.empty(shape, dtype, order), np.empty(shape, dtype, order)

        def gradient_hessian(
            self,
            y_true: Any,
            raw_prediction: Any,
            sample_weight: Any = None,
            gradient_out: Any = None,
            hessian_out: Any = None,
            n_threads: int = 1,
        ) -> Any:
            """Write the weighted derivatives in place."""
            objective = self.objective
            labels, scores, weights = objective._match(y_true, raw_prediction, sample_weight)
            gradient = np.empty_like(scores) if gradient_out is None else gradient_out
            hessian = np.empty_like(scores) if hessian_out is None else hessian_out
            with num_threads(max(1, n_threads)):
                objective._derive(labels, scores, weights, gradient, hessian)
            return gradient, hessian

        def loss(
            self, y_true: Any, raw_prediction: Any, sample_weight: Any = None, loss_out: Any = None, n_threads: int = 1
        ) -> Any:
            """Compute the weighted loss of each row."""
            labels, scores, weights = self.objective._match(y_true, raw_prediction, sample_weight)
            with num_threads(max(1, n_threads)):
                return self.objective.loss(labels, scores, weights, reduction="none", out=loss_out)

        def gradient(
            self, y_true: Any, raw_prediction: Any, sample_weight: Any = None, gradient_out: Any = None, n_threads: int = 1
        ) -> Any:
            """Write the weighted gradient in place."""
            return self.gradient_hessian(y_true, raw_prediction, sample_weight, gradient_out, None, n_threads)[0]

        def loss_gradient(
            self,
            y_true: Any,
            raw_prediction: Any,
            sample_weight: Any = None,
            loss_out: Any = None,
            gradient_out: Any = None,
            n_threads: int = 1,
        ) -> Any:
            """Write the weighted loss and gradient in place."""
            value = self.loss(y_true, raw_prediction, sample_weight, loss_out, n_threads)
            return value, self.gradient(y_true, raw_prediction, sample_weight, gradient_out, n_threads)

        def __call__(self, y_true: Any, raw_prediction: Any, sample_weight: Any = None, n_threads: int = 1) -> float:
            """Compute the mean loss."""
            labels, scores, weights = self.objective._match(y_true, raw_prediction, sample_weight)
            with num_threads(max(1, n_threads)):
                return self.objective.loss(labels, scores, weights)

        def fit_intercept_only(self, y_true: Any, sample_weight: Any = None) -> Any:
            """Find the best constant scores: those to start from, and those of a leaf that is refitted."""
            if self.is_multiclass and self._asked_classes is None:
                self.n_classes = int(y_true.max(initial=0)) + 1
            if sample_weight is not None and not np.any(sample_weight):
                return np.float64(0.0)
            loss = self.objective.loss
            if self.objective.parity == "sklearn" and isinstance(loss, losses.Quantile) and sample_weight is None:
                # between two labels, where every number is best
                return np.percentile(y_true, 100 * loss.alpha)
            scores = np.asarray(self.objective.init_score(y_true, sample_weight), dtype=np.float64)
            if self.is_multiclass and scores.size < self.n_classes:
                # classes that do not occur start as low as the rarest ones
                missing = self.n_classes - scores.size
                scores = np.append(scores, np.full(missing, scores.min(initial=0.0)))
            if self.is_multiclass and getattr(loss, "from_logits", False):
                # softmax does not see what is added to all; the library's own scores have the mean zero
                scores = scores - scores.mean()
            return scores if scores.ndim else np.float64(scores)

    class ObjectiveClassLoss(ObjectiveLoss):
        """An Objective that drives HistGradientBoostingClassifier."""

        def predict_proba(self, raw_prediction: Any) -> np.ndarray:
            """Return the probabilities of the classes."""
            return self.objective.probabilities(raw_prediction)

    return ObjectiveLoss, ObjectiveClassLoss


def base_loss(objective: Objective, n_classes: int | None = None) -> Any:
    """Wrap an objective."""
    of_classes = objective._rows or objective.loss.family in _FAMILIES_OF_CLASSES
    return _classes()[of_classes](objective, n_classes)
