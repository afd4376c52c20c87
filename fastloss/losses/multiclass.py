"""Losses of the right class of a row of scores or probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base import NOT_NEGATIVE, Interval, parameter
from ..rows import RowLoss

_SMOOTHING = Interval(0.0, 1.0)
_HALF = Interval(0.0, 0.5, open_high=True)


@dataclass(frozen=True, slots=True)
class CategoricalCrossEntropy(RowLoss):
    r"""Cross-entropy of class indices, one-hot labels or distributions, from probabilities or raw scores.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the softmax is taken, rather than probabilities in [0, 1]. The sum of
        a row of probabilities is not looked at.
    label_smoothing : float, default=0.0
        Share s of every label that is spread evenly over the classes, in [0, 1]: :math:`y' = (1 - s) y + s / K`.
    class_weight : array_like of shape (K,), default=None
        Weight of each class, >= 0. The mean is divided by the sum of the weights of the rows' classes.
    ignore_index : int, default=None
        Rows of this label count for nothing.
    eps : float, default=0.0
        Probabilities are clipped to [eps, 1 - eps], where the derivatives are 0. 0 gives an honest infinity for a class of
        probability 0. Without effect on raw scores.
    log_base : float, default=None
        Base of the logarithm, > 1; e if None. 2 gives bits.

    Notes
    -----
    With :math:`p = \operatorname{softmax}(z)`, weights :math:`w` and :math:`Q = \sum_k w_k y'_k`:

    .. math::

        \ell = -\sum_k w_k y'_k \log p_k, \qquad
        \frac{\partial \ell}{\partial z_k} = Q p_k - w_k y'_k, \qquad
        \frac{\partial^2 \ell}{\partial z_k^2} = Q p_k (1 - p_k)

    and with respect to probabilities :math:`-w_k y'_k / p_k` and :math:`w_k y'_k / p_k^2`. The loss and the gradient of a
    confident correct prediction keep all their digits, and scores of minus infinity are classes that cannot be.

    References
    ----------
    I. J. Good, Rational decisions, J. R. Stat. Soc. B 14 (1952). C. Szegedy et al., Rethinking the inception architecture,
    CVPR (2016), for smoothing.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.CategoricalCrossEntropy(from_logits=True)([0], [[60.0, 0.0]])
    8.75651076269652e-27
    >>> fl.categorical_cross_entropy.gradient([1, 0], [[0.5, 0.5], [0.25, 0.75]], reduction="sum")
    array([[ 0., -2.],
           [-4.,  0.]])
    """

    from_logits: bool = False
    label_smoothing: float = parameter(0.0, _SMOOTHING)
    class_weight: tuple[float, ...] | None = None
    ignore_index: int | None = None
    eps: float = parameter(0.0, _HALF)
    log_base: float | None = None

    numpy_value = "-np.mean(np.log(y_pred[np.arange(n), y_true]))"

    def __post_init__(self) -> None:
        if self.log_base is not None:
            base = self._number("log_base", self.log_base, Interval(1.0, open_low=True))
            object.__setattr__(self, "log_base", base)
        RowLoss.__post_init__(self)

    def _kernel(self) -> str:
        return "categorical_cross_entropy_from_logits" if self.from_logits else "categorical_cross_entropy"

    def _class_scale(self, width: int) -> np.ndarray | None:
        scale = self._per_class("class_weight", width)
        if self.log_base is None:
            return scale
        return (np.ones(width) if scale is None else scale) / math.log(self.log_base)


@dataclass(frozen=True, slots=True)
class SparseCategoricalCrossEntropy(CategoricalCrossEntropy):
    r"""Cross-entropy of class indices: `CategoricalCrossEntropy` that takes nothing else for labels.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the softmax is taken, rather than probabilities in [0, 1].
    label_smoothing : float, default=0.0
        Share of every label that is spread evenly over the classes, in [0, 1].
    class_weight : array_like of shape (K,), default=None
        Weight of each class, >= 0. The mean is divided by the sum of the weights of the rows' classes.
    ignore_index : int, default=None
        Rows of this label count for nothing.
    eps : float, default=0.0
        Probabilities are clipped to [eps, 1 - eps], where the derivatives are 0. Without effect on raw scores.
    log_base : float, default=None
        Base of the logarithm, > 1; e if None.

    Notes
    -----
    For class t, and with respect to raw scores:

    .. math::

        \ell = -\log p_t, \qquad
        \frac{\partial \ell}{\partial z_k} = p_k - [k = t], \qquad
        \frac{\partial^2 \ell}{\partial z_k^2} = p_k (1 - p_k)

    References
    ----------
    I. J. Good, Rational decisions, J. R. Stat. Soc. B 14 (1952).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.sparse_categorical_cross_entropy([1], [[0.5, 0.5]])
    0.6931471805599453
    >>> fl.SparseCategoricalCrossEntropy(from_logits=True).gradient([0], [[0.0, 0.0]])
    array([[-0.5,  0.5]])
    """

    indices_only = True


@dataclass(frozen=True, slots=True)
class CategoricalFocal(RowLoss):
    r"""Focal loss of the right class: cross-entropy with easy rows turned down.

    Parameters
    ----------
    gamma : float, default=2.0
        How much, >= 0; 0 gives cross-entropy, bit for bit.
    alpha : float or array_like of shape (K,), default=None
        Balancing factor of all classes, or of each, >= 0.
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the softmax is taken, rather than probabilities in [0, 1].
    label_smoothing : float, default=0.0
        Share of every label that is spread evenly over the classes, in [0, 1].

    Notes
    -----
    .. math::

        \ell = -\sum_k \alpha_k y'_k (1 - p_k)^\gamma \log p_k

    For a class index t and raw scores, with :math:`A = (1 - p_t)^\gamma - \gamma p_t (1 - p_t)^{\gamma - 1} \log p_t`,
    the gradient is :math:`\alpha_t A (p_k - [k = t])` and the Hessian
    :math:`\alpha_t (A p_k (1 - p_k) + C ([k = t] - p_k)^2)` with
    :math:`C = \gamma p_t (1 - p_t)^{\gamma - 1} ((\gamma - 1) p_t r + \log p_t + 2)`, :math:`r = -\log p_t / (1 - p_t)`. It is
    negative for rows that are badly wrong.

    References
    ----------
    T.-Y. Lin et al., Focal loss for dense object detection, ICCV (2017). arXiv:1708.02002

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.categorical_focal([0], [[0.5, 0.5]])
    0.17328679513998632
    >>> fl.CategoricalFocal(from_logits=True).gradient([0], [[0.0, 0.0]])
    array([[-0.2982868,  0.2982868]])
    """

    gamma: float = parameter(2.0, NOT_NEGATIVE)
    alpha: float | tuple[float, ...] | None = None
    from_logits: bool = False
    label_smoothing: float = parameter(0.0, _SMOOTHING)

    numpy_value = "-np.mean((1 - y_pred[np.arange(n), y_true]) ** gamma * np.log(y_pred[np.arange(n), y_true]))"

    def __post_init__(self) -> None:
        if self.alpha is not None:
            scalar = np.ndim(self.alpha) == 0
            alpha: Any = self._number("alpha", self.alpha, NOT_NEGATIVE) if scalar else self._numbers("alpha", self.alpha)
            object.__setattr__(self, "alpha", alpha)
        RowLoss.__post_init__(self)

    def _kernel(self) -> str:
        name = "categorical_focal" if self.gamma else "categorical_cross_entropy"
        return f"{name}_from_logits" if self.from_logits else name

    def _class_scale(self, width: int) -> np.ndarray | None:
        return self._per_class("alpha", width)


@dataclass(frozen=True, slots=True)
class PolyCrossEntropy(RowLoss):
    r"""Poly-1 loss: cross-entropy plus a multiple of the probability of a mistake.

    Parameters
    ----------
    epsilon : float, default=1.0
        The multiple, >= -1.
    from_logits : bool, default=True
        Whether ``y_pred`` holds raw scores, of which the softmax is taken, rather than probabilities in [0, 1].

    Notes
    -----
    .. math::

        \ell = -\log p_t + \epsilon (1 - p_t)

    With respect to raw scores the gradient is :math:`A (p_k - [k = t])`, :math:`A = 1 + \epsilon p_t`, and the Hessian
    :math:`A p_k (1 - p_k) - \epsilon p_t ([k = t] - p_k)^2`. Distributions as labels give the average over the classes.

    References
    ----------
    Z. Leng et al., PolyLoss: a polynomial expansion perspective of classification loss functions, ICLR (2022).
    arXiv:2204.12511

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.poly_cross_entropy([0], [[0.0, 0.0]])
    1.1931471805599454
    >>> fl.poly_cross_entropy.gradient([0], [[0.0, 0.0]])
    array([[-0.75,  0.75]])
    """

    epsilon: float = parameter(1.0, Interval(-1.0))
    from_logits: bool = True


@dataclass(frozen=True, slots=True)
class GeneralizedCrossEntropy(RowLoss):
    r"""Generalised cross-entropy: between cross-entropy (q -> 0) and absolute error (q = 1), for noisy labels.

    Parameters
    ----------
    q : float, default=0.7
        The exponent, in (0, 1].
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the softmax is taken, rather than probabilities in [0, 1].

    Notes
    -----
    .. math::

        \ell = \frac{1 - p_t^q}{q}

    With respect to raw scores the gradient is :math:`p_t^q (p_k - [k = t])` and the Hessian
    :math:`p_t^q (p_k (1 - p_k) - q ([k = t] - p_k)^2)`; with respect to probabilities :math:`-p_t^{q - 1}` and
    :math:`(1 - q) p_t^{q - 2}`. Distributions as labels give the average over the classes.

    References
    ----------
    Z. Zhang, M. Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy labels, NeurIPS (2018).
    arXiv:1805.07836

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.GeneralizedCrossEntropy(q=1.0)([0], [[0.25, 0.75]])
    0.75
    >>> fl.GeneralizedCrossEntropy(q=1.0, from_logits=True).gradient([0], [[0.0, 0.0]])
    array([[-0.25,  0.25]])
    """

    q: float = parameter(0.7, Interval(0.0, 1.0, open_low=True))
    from_logits: bool = False

    numpy_value = "np.mean((1 - y_pred[np.arange(n), y_true] ** q) / q)"
