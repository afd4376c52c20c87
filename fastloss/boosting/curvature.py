r"""Curvatures for boosting: positive where the exact second derivative is not.

A leaf moves its rows by :math:`-\sum g / (\sum h + \lambda)`, and libraries build nothing, or nonsense, where the sum of the
Hessians is zero or negative. So every loss has a *surrogate*, a positive curvature that stands in for h. Where the loss has a
*majoriser*, a parabola that touches it at the prediction and lies above it everywhere else, that parabola's curvature is
used: a step to its minimum can only lower the loss. Surrogates use nothing but the loss's own kernels, so that no formula is
written twice.

==============  ==============================================================================================================
surrogate       why
==============  ==============================================================================================================
half quadratic  A loss of the residual r whose slope grows no faster than r has the majoriser of curvature :math:`g(r) / r`
                (Huber; Geman and Reynolds): the weight of iteratively reweighted least squares. At least the exact curvature,
                and it falls like 1/r, where that of log-cosh vanishes like exp(-2 r).
kinked          The same for losses with a kink at r = 0, where g / r is infinite: ``|r|`` is held at its mean over the call, or
                above, so that no row that is met exactly can freeze its leaf (XGBoost 3.4 does alike). Right in scale, whatever
                the units of the labels; a constant 1 would move them by no more than the learning rate in each round.
half kinked     Half of it: the quantile loss is ``|r|`` / 2 plus a straight line (Hunter and Lange).
mirrored        Margin losses are one half of a loss of 1 - m, and flat beyond the margin. The majoriser of the whole one
                majorises the half, too, on both sides (Groenen); rows beyond the margin resist being pushed back over it. The
                hinge loss, half of an absolute error, has half of its weight, and a natural scale, 1.
bound           The largest curvature anywhere, found once by looking at the kernel: the descent lemma's majoriser. 1/4 for the
                logistic loss. Hard rows, where the curvature of focal losses and of the Brier score is negative, get it.
row bound       The same for the K scores of a row: the largest eigenvalue of the whole matrix, not only of its diagonal, which
                is 1/2 for softmax (Boehning). It is twice the largest curvature of two classes.
expected        Fisher's: the Hessian of a label that is equal to the prediction, which drops the part of residuals and of the
                link's own curvature.
frozen          Losses f(-log p) of the right class have slope A and curvature A p (1 - p) plus a term of f'', which is dropped.
within a step   Losses that grow exponentially have no majoriser. Their Hessian times exp(0.7) bounds the curvature of steps up
                to 0.7, XGBoost's ``max_delta_step`` for counts.
slope           For losses of which nothing is known: ``|g|``, so that steps are about 1.
one             Differences of scores are compared with margins of 1: a step is worth the learning rate.
==============  ==============================================================================================================

Nothing ever falls below ``LEAST``, the floor that XGBoost has, times the weight of the sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np

from .. import losses
from ..loss import Loss

#: The smallest curvature; that of XGBoost.
LEAST = 1e-16
#: Exact curvatures of losses with linear tails are used down to this share of their surrogate. Below it a step would overshoot.
SHARE = 2.0**-6
_STEP = 0.7
_TINY = 1e-100
# The smallest distance from a margin at which the slope is looked at: near enough, and not lost beside 1.
_CLOSE = 2.0**-20
_SCORES = np.linspace(-40.0, 40.0, 8001)

Surrogate = Callable[[Loss, np.ndarray, np.ndarray, float], np.ndarray]


def _hessian(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return loss.gradient_and_hessian(y_true, y_pred, reduction="none")[1]


def _gradient(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return loss.gradient(y_true, y_pred, reduction="none")


def _same(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Return the exact Hessian: for losses where it is a majoriser, or the only thing to use."""
    return _hessian(loss, y_true, y_pred)


def half_quadratic(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Slope over residual."""
    residual = np.maximum(np.abs(y_pred - y_true), _TINY)
    return _gradient(loss, np.zeros_like(residual), residual) / residual


def kinked(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Slope over residual, or over the mean size of all residuals where that is larger."""
    residual = np.subtract(y_pred, y_true)
    np.abs(residual, out=residual)
    np.maximum(residual, max(size, _TINY), out=residual)
    # labels stay as they are: relative errors need them
    return _gradient(loss, y_true, y_true + residual) / residual


def _absolute(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """`kinked` of the absolute error, whose slope is 1."""
    residual = np.subtract(y_pred, y_true)
    np.abs(residual, out=residual)
    np.maximum(residual, max(size, _TINY), out=residual)
    return np.reciprocal(residual, out=residual)


def half_kinked(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Half of the curvature of the absolute error."""
    weight = _absolute(loss, y_true, y_pred, size)
    return np.multiply(weight, 0.5, out=weight)


def _mirrored(least: float, factor: float) -> Surrogate:
    def mirrored(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
        sign = np.where(y_true > 0, 1.0, -1.0)
        distance = np.maximum(np.abs(1.0 - sign * y_pred), least)
        return factor * np.abs(_gradient(loss, y_true, sign * (1.0 - distance))) / distance

    return mirrored


def bound(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Largest curvature for the label 1 and for the label 0, or between them for labels in between."""
    positive, negative = _bounds(loss)
    return negative + np.maximum(y_true, 0.0) * (positive - negative)


@lru_cache(maxsize=256)
def _bounds(loss: Loss) -> tuple[float, float]:
    positive, negative = (float(_hessian(loss, np.full(_SCORES.shape, label), _SCORES).max()) for label in (1.0, 0.0))
    return positive, negative


def row_bound(loss: Any, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Largest eigenvalue, times what the label weighs."""
    width = y_pred.shape[-1]
    scale = loss._class_scale(width)
    if y_true.ndim == y_pred.ndim:
        rows = y_true.sum(axis=-1) if scale is None else (y_true * scale).sum(axis=-1)
    elif scale is None:
        rows = np.ones(y_true.shape)
    elif getattr(loss, "label_smoothing", 0.0):
        rows = np.full(y_true.shape, scale.max())
    else:
        with np.errstate(invalid="ignore"):
            # labels that are ignored have no class: any will do, their derivatives are 0
            rows = scale[np.clip(np.nan_to_num(y_true), 0, width - 1).astype(np.intp)]
    return np.broadcast_to((_row_bound(_unweighted(loss)) * rows)[..., None], y_pred.shape)


def _unweighted(loss: Loss) -> Loss:
    """Return the loss without what only multiplies or mixes it."""
    plain = {"class_weight": None, "alpha": None, "log_base": None, "label_smoothing": 0.0, "ignore_index": None}
    return replace(loss, **{item.name: plain[item.name] for item in fields(loss) if item.name in plain})


@lru_cache(maxsize=256)
def _row_bound(loss: Loss) -> float:
    scores = np.stack([_SCORES, np.zeros_like(_SCORES)], axis=1)
    labels = np.zeros(len(scores)) if loss.signature.labels else np.broadcast_to([1.0, 0.0], scores.shape)
    gradient, hessian = loss.gradient_and_hessian(labels, scores, reduction="none")
    # of two wrong classes that share everything, A / 2
    return max(2 * float(hessian.max()), float(np.abs(gradient).max()) / 2)


def _at_zero(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Curvature at scores of zero, where the logistic loss has its largest."""
    return _hessian(loss, y_true, np.zeros_like(y_pred))


def expected(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Curvature at a label that is equal to the prediction."""
    return _hessian(loss, loss.inverse_link(y_pred), y_pred)


def frozen(loss: Any, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Slopes of the binary focal loss for both labels, each times the probability of its label."""
    smoothing = loss.label_smoothing
    loss = replace(loss, label_smoothing=0.0)
    probability = loss.inverse_link(y_pred)
    label = y_true + smoothing * (0.5 - y_true)
    positive = -_gradient(loss, np.ones_like(y_pred), y_pred) * probability
    negative = _gradient(loss, np.zeros_like(y_pred), y_pred) * loss.inverse_link(-y_pred)
    return label * positive + (1 - label) * negative


def frozen_rows(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Hessian of cross-entropy, times the ratio of both slopes."""
    entropy = losses.CategoricalCrossEntropy(from_logits=True)
    gradient, hessian = entropy.gradient_and_hessian(y_true, y_pred, reduction="none")
    slope = np.abs(_gradient(loss, y_true, y_pred)).sum(axis=-1, keepdims=True)
    entropy_slope = np.abs(gradient).sum(axis=-1, keepdims=True)
    return hessian * np.divide(slope, entropy_slope, out=np.zeros_like(slope), where=entropy_slope > 0)


def _within_a_step(of: Surrogate) -> Surrogate:
    def within_a_step(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
        factor = float(np.exp(loss.growth * _STEP))
        return factor * np.maximum(_hessian(loss, y_true, y_pred), of(loss, y_true, y_pred, size))

    return within_a_step


def _steepest(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Larger curvature of both sides of a loss that is quadratic on each."""
    largest = _hessian(loss, np.zeros(2), np.array([-1.0, 1.0])).max()
    return np.full(y_pred.shape, largest)


def slope(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Size of the gradient."""
    return np.abs(_gradient(loss, y_true, y_pred))


def one(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
    """Constant 1."""
    return np.ones(y_pred.shape)


@dataclass(frozen=True, slots=True)
class Curvature:
    """What stands in for the Hessian of a loss.

    Parameters
    ----------
    auto : callable or None
        The surrogate where the exact Hessian is not positive; None: it is positive everywhere, but for underflow.
    gauss_newton : callable
        The curvature without the second derivatives of what is inside the loss.
    upper_bound : callable or None
        The curvature of a majoriser; None: there is none.
    share : float, default=0.0
        The exact Hessian counts as positive above this share of the surrogate.
    sized : bool, default=False
        Whether surrogates need the mean size of the residuals.
    never : bool, default=False
        Whether the exact Hessian is nowhere positive: then only gradients are computed.
    """

    auto: Surrogate | None
    gauss_newton: Surrogate
    upper_bound: Surrogate | None
    share: float = 0.0
    sized: bool = False
    never: bool = False


_ROBUST = Curvature(half_quadratic, half_quadratic, half_quadratic)
_HINGE = _mirrored(1.0, 0.5)
_SMOOTH_MARGIN = _mirrored(_CLOSE, 1.0)

#: By the names that classes of losses declare as their ``curvature``.
CURVATURES = {
    "": Curvature(slope, slope, None),
    "absolute": Curvature(_absolute, _absolute, _absolute, sized=True, never=True),
    "brier": Curvature(bound, expected, bound),
    "expected": Curvature(expected, expected, None),
    "exponential": Curvature(None, _same, _within_a_step(_same)),
    "focal": Curvature(bound, frozen, bound),
    "half_kinked": Curvature(half_kinked, half_kinked, half_kinked, sized=True, never=True),
    "hinge": Curvature(_HINGE, _HINGE, _HINGE, never=True),
    "kinked": Curvature(kinked, kinked, kinked, sized=True, never=True),
    "labels": Curvature(None, _same, _at_zero),
    "linear_tails": replace(_ROBUST, share=SHARE),
    "log_link": Curvature(expected, expected, _within_a_step(expected)),
    "logistic": Curvature(None, _same, bound),
    "margins": Curvature(one, one, None),
    "of_target": Curvature(row_bound, frozen_rows, row_bound),
    # sums over pairs: 0 for what is in none
    "pairs": Curvature(None, _same, None),
    "quadratic": Curvature(None, _same, _steepest),
    "robust": _ROBUST,
    "smooth_margin": Curvature(_SMOOTH_MARGIN, _SMOOTH_MARGIN, _SMOOTH_MARGIN),
    "softmax": Curvature(None, _same, row_bound),
    # the curvature has no bound at r = 0, or none far away
    "unbounded_kinked": Curvature(kinked, kinked, None, sized=True),
}


def curvature_of(loss: Loss) -> Curvature:
    """Find what stands in for the Hessian of a loss: what its class declares, or else the size of the gradient.

    Examples
    --------
    >>> import fastloss as fl
    >>> from fastloss.boosting.curvature import curvature_of
    >>> curvature_of(fl.log_cosh).upper_bound.__name__
    'half_quadratic'
    """
    return _of_sum(loss) if isinstance(loss, losses.WeightedSum) else CURVATURES[loss.curvature]


def _of_sum(loss: losses.WeightedSum) -> Curvature:
    """Add up what stands in for the Hessians of the terms."""
    terms = [(weight, term, curvature_of(term)) for weight, term in loss._counting()]
    if any(weight < 0 for weight, _, _ in terms):
        return CURVATURES[""]

    def summed(name: str) -> Surrogate | None:
        own = [(weight, term, getattr(curvature, name)) for weight, term, curvature in terms]
        if name == "auto" and all(of is None for _, _, of in own):
            return None
        if name == "upper_bound" and any(of is None for _, _, of in own):
            return None

        def surrogate(loss: Loss, y_true: np.ndarray, y_pred: np.ndarray, size: float) -> np.ndarray:
            total: Any = sum(weight * (of or _same)(term, y_true, y_pred, size) for weight, term, of in own)
            return total

        return surrogate

    of_terms = [curvature for _, _, curvature in terms]
    share = max(curvature.share for curvature in of_terms)
    # beside a kink, nothing is left of a curvature that counts above its share only
    never = all(curvature.never for curvature in of_terms) or (share > 0 and any(curvature.never for curvature in of_terms))
    return Curvature(
        summed("auto"),
        summed("gauss_newton") or _same,
        summed("upper_bound"),
        share=share,
        sized=any(curvature.sized for curvature in of_terms),
        never=never,
    )


def mean_size(y_true: np.ndarray, y_pred: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the mean size of the residuals; 0 where there are none that count."""
    if not y_pred.size or (weights is not None and not weights.any()):
        return 0.0
    return float(losses.AbsoluteError()(y_true, y_pred, weights))


def top(loss: Loss) -> float:
    """Return the largest value of the half quadratic surrogate, that at no residual."""
    return float(half_quadratic(loss, np.zeros(1), np.zeros(1), 0.0)[0])


def is_row_loss(loss: Loss) -> bool:
    """Tell whether a loss has K scores per row."""
    return loss.signature.axes == "(k)"
