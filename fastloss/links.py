"""From labels to the raw score to start from, and from raw scores to predictions.

The constant prediction that minimises a loss is a mean, a quantile, or what a search with the loss's own kernel finds; the
classes are for losses that share such a rule.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _arrays
from ._core import GRADIENT, VALUE, Inputs, Output, execute
from .domains import PROBABILITIES, UNIT, Choice, Domain

if TYPE_CHECKING:
    from .loss import Loss

    Mixin = Loss
else:
    # what is mixed into losses has no base of its own
    Mixin = object

# Candidates among the labels from which a search starts: enough for losses with several minima.
_CANDIDATES = 65


def labels_and_weights(loss: Loss, y_true: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Operands of the labels and weights, which can be summed, refused if they are bad or empty."""
    labels = _arrays.read(y_true, "y_true")
    weights = None if sample_weight is None else _arrays.read_weights(sample_weight, labels[0].shape)
    inputs = Inputs((labels,), labels[0].shape, False)
    loss._explain(execute((None,), inputs, weights, (Output(VALUE),), True).fault, inputs, weights, True)
    domain = loss._domains().get("y_true")
    if domain is not None:
        loss._explain_domain(domain, labels, "y_true", weights, False)
    if weights is not None:
        weights = _arrays.read(_arrays.summable(_arrays.decode(weights)), "sample_weight")
    return labels, weights


def mean(loss: Loss, y_true: Any, sample_weight: Any) -> float:
    """Return the weighted mean of the labels; the sums are exact."""
    labels, weights = labels_and_weights(loss, y_true, sample_weight)
    return execute((None,), Inputs((labels,), labels[0].shape, False), weights, (Output(VALUE),), True).value


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
        inputs = Inputs((labels, _arrays.write(predictions)), y.shape, False)
        return execute((loss._kernel,), inputs, weights, (Output(output),)).value

    if bracket is None:
        candidates = np.unique(np.quantile(kept, np.linspace(0, 1, _CANDIDATES), method="nearest"))
    else:
        candidates = np.linspace(*bracket, _CANDIDATES)
    best = int(np.argmin([total(candidate, VALUE) for candidate in candidates]))
    low, middle, high = (float(candidates[i]) for i in (max(best - 1, 0), best, min(best + 1, candidates.size - 1)))
    while True:
        slope = total(middle, GRADIENT)
        if slope == 0:
            return middle
        low, high = (low, middle) if slope > 0 else (middle, high)
        middle = low / 2 + high / 2
        if not low < middle < high:
            return min((low, high), key=lambda end: total(end, VALUE))


# ---- rules that losses share -----------------------------------------------------------------------------------

# Best constants of data with one class only lie at infinity; scores stop where probabilities next to 0 and 1 are told apart.
SMALLEST_SHARE = 2.0**-52


def logit(p: float) -> float:
    """Return the raw score of a probability."""
    return math.log(p) - math.log1p(-p)


FARTHEST = logit(1 - SMALLEST_SHARE)


class MeanOptimal(Mixin):
    """A loss whose best constant is the weighted mean of the labels."""

    __slots__ = ()

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: the weighted mean of the labels."""
        return mean(self, y_true, sample_weight)


class LogLink(Mixin):
    """A loss with ``from_log``: its raw predictions are logarithms of means, unless it is False."""

    __slots__ = ()

    from_log: bool

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant raw prediction that minimises the loss: the weighted mean of the labels, or its logarithm."""
        label = mean(self, y_true, sample_weight)
        if not self.from_log:
            return label
        return math.log(label) if label > 0 else -math.inf if label == 0 else math.nan

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into means: exp(raw), or raw itself when ``from_log`` is False."""
        return _arrays.map_numbers("exp" if self.from_log else None, raw)


class Probabilistic(Mixin):
    """A loss with ``from_logits``: its predictions are probabilities, or raw scores if it is True."""

    __slots__ = ()

    from_logits: bool

    def _domains(self) -> dict[str, Domain]:
        return {"y_true": UNIT} if self.from_logits else {"y_true": UNIT, "y_pred": PROBABILITIES}

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into predictions: sigmoid(raw), or raw itself when ``from_logits`` is False."""
        return _arrays.map_numbers("sigmoid" if self.from_logits else None, raw)

    def _from_share(self, share: float) -> float:
        """Turn the best constant probability into a prediction."""
        return logit(min(max(share, SMALLEST_SHARE), 1 - SMALLEST_SHARE)) if self.from_logits else share


class Margin(Mixin):
    """A loss of the margin ``s z``, where s is 1 for the label 1, and -1 for 0 and for -1."""

    __slots__ = ()

    def _domains(self) -> dict[str, Domain]:
        return {"y_true": Choice((-1.0, 0.0, 1.0))}

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant raw score that minimises the loss, in [-1, 1]."""
        return search(self, y_true, sample_weight, (-1.0, 1.0))
