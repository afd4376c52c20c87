"""scikit-learn: its loss module, which its linear models and boosting use, and its metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import metrics
from sklearn._loss import loss as losses

import fastloss as fl

from ..cases import Case


def _of_scores(loss: Any) -> bool:
    return loss.from_logits


# The loss of the same formula, and the condition that one of ours must meet.
_LOSSES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], bool]]] = {
    "half_squared_error": (lambda loss: losses.HalfSquaredError(), lambda loss: True),
    "absolute_error": (lambda loss: losses.AbsoluteError(), lambda loss: True),
    "quantile": (lambda loss: losses.PinballLoss(quantile=loss.alpha), lambda loss: True),
    "huber": (lambda loss: losses.HuberLoss(delta=loss.delta), lambda loss: True),
    "poisson": (lambda loss: losses.HalfPoissonLoss(), lambda loss: loss.from_log),
    "gamma": (lambda loss: losses.HalfGammaLoss(), lambda loss: loss.from_log),
    "binary_cross_entropy": (lambda loss: losses.HalfBinomialLoss(), _of_scores),
    "categorical_cross_entropy": (lambda loss: None, _of_scores),
    "sparse_categorical_cross_entropy": (lambda loss: None, _of_scores),
}
# Of others there is the value, as a metric.
_METRICS: dict[str, Callable[..., float]] = {
    "squared_error": metrics.mean_squared_error,
    "root_mean_squared_error": metrics.root_mean_squared_error,
    "absolute_percentage_error": metrics.mean_absolute_percentage_error,
    "squared_log_error": metrics.mean_squared_log_error,
}


def job(case: Case) -> Callable[[], Any] | None:
    loss, inputs = case.loss, case.inputs
    if loss.name in _METRICS and case.what == "value":
        metric = _METRICS[loss.name]
        return lambda: metric(*inputs)
    if loss.name not in _LOSSES:
        return None
    make, fits = _LOSSES[loss.name]
    if not fits(loss):
        return None
    threads = fl.get_num_threads()
    y, raw = inputs
    if raw.ndim == 2:
        peer, y = losses.HalfMultinomialLoss(n_classes=case.width), y.astype(case.dtype)
    else:
        peer = make(loss)
    n = len(raw)
    first, second = np.zeros(n, case.dtype), np.zeros_like(raw)
    if case.what == "value":
        return lambda: peer.loss(y, raw, loss_out=first, n_threads=threads).mean()
    if case.what == "value_and_gradient":

        def both() -> tuple[float, np.ndarray]:
            value, gradient = peer.loss_gradient(y, raw, loss_out=first, gradient_out=second, n_threads=threads)
            gradient /= n
            return value.mean(), gradient

        return both
    if loss.name in ("absolute_error", "quantile"):
        # a constant stands in for a Hessian of 0
        return None
    third = np.zeros_like(raw)
    return lambda: peer.gradient_hessian(y, raw, gradient_out=second, hessian_out=third, n_threads=threads)


PEERS = {"scikit-learn": job}
