"""The constant prediction that minimises a loss: means, quantiles, and a search with the loss's own kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _arrays, _core

if TYPE_CHECKING:
    from .base import Loss

# Candidates among the labels from which a search starts: enough for losses with several minima.
_CANDIDATES = 65


def labels_and_weights(loss: Loss, y_true: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Operands of the labels and weights, refused if they are bad or empty."""
    labels = _arrays.read(y_true, "y_true")
    weights = None if sample_weight is None else _arrays.read_weights(sample_weight, labels[0].shape)
    _, faults = _core.run(None, False, 0, _core.VALUE, True, (labels,), weights, (), 1.0)
    loss._explain(faults, (), weights, False, True)
    domain = loss._domains().get("y_true")
    if domain is not None:
        loss._explain_domain(domain, labels, "y_true", weights, False)
    return labels, weights


def mean(loss: Loss, y_true: Any, sample_weight: Any) -> float:
    """Return the weighted mean of the labels; the sums are exact."""
    labels, weights = labels_and_weights(loss, y_true, sample_weight)
    return _core.run(None, False, 0, _core.VALUE, True, (labels,), weights, (), 1.0)[0]


def quantile(loss: Loss, y_true: Any, sample_weight: Any, alpha: float, scale: np.ndarray | None = None) -> float:
    """Return a weighted quantile of the labels: the middle of all minimisers of the pinball loss.

    ``scale`` multiplies the weights, label by label.
    """
    labels, weights = labels_and_weights(loss, y_true, sample_weight)
    y = _arrays.decode(labels).ravel().astype(np.float64)
    w = np.ones(y.size) if weights is None else _arrays.decode(weights).ravel().astype(np.float64)
    kept = w > 0
    if np.isnan(y[kept]).any():
        return float("nan")
    if scale is not None:
        w = w * scale.ravel()
    y, w = y[kept], w[kept]
    order = np.argsort(y, kind="stable")
    y, w = y[order], w[order]
    below = np.cumsum(w)
    target = alpha * below[-1]
    first = min(int(np.searchsorted(below, target)), y.size - 1)
    last = min(first + 1, y.size - 1) if below[first] == target else first
    return float(y[first] / 2 + y[last] / 2)


def search(loss: Loss, y_true: Any, sample_weight: Any, bracket: tuple[float, float] | None = None) -> float:
    """Find the minimiser by the loss's own values and gradients.

    The best of some candidates, then bisection on the sign of the exact sum of the gradients between its neighbours. Candidates
    are quantiles of the labels, or lie in the ``bracket`` where predictions are on another scale than labels. Convex losses
    have one minimum; for the others (Cauchy, Welsch, Tukey) it is one near the best candidate.
    """
    labels, weights = labels_and_weights(loss, y_true, sample_weight)
    y = _arrays.decode(labels)
    kept = (y.ravel() if weights is None else y[_arrays.decode(weights) > 0]).astype(np.float64)
    if np.isnan(kept).any():
        return float("nan")

    def total(constant: float, output: int) -> float:
        predictions = np.broadcast_to(np.float64(constant), y.shape)
        operands = (labels, _arrays.write(predictions))
        return _core.run(loss._program, False, output, output, False, operands, weights, (), 1.0)[0]

    if bracket is None:
        candidates = np.unique(np.quantile(kept, np.linspace(0, 1, _CANDIDATES), method="nearest"))
    else:
        candidates = np.linspace(*bracket, _CANDIDATES)
    best = int(np.argmin([total(candidate, _core.VALUE) for candidate in candidates]))
    low, middle, high = (float(candidates[i]) for i in (max(best - 1, 0), best, min(best + 1, candidates.size - 1)))
    while True:
        slope = total(middle, _core.GRADIENT)
        if slope == 0:
            return middle
        low, high = (low, middle) if slope > 0 else (middle, high)
        middle = low / 2 + high / 2
        if not low < middle < high:
            return min((low, high), key=lambda end: total(end, _core.VALUE))
