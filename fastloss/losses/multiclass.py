"""Losses of a row of scores or probabilities, one for each class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _arrays
from ..classes import MarginOfClasses, OfClasses
from ..domains import ANY, BELOW_HALF, NOT_NEGATIVE, UNIT, Interval, parameter
from ..loss import Loss


@dataclass(frozen=True, slots=True)
class CategoricalCrossEntropy(OfClasses, Loss):
    r"""Cross-entropy of class indices, one-hot labels or distributions, from probabilities or raw scores.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the softmax is taken, rather than probabilities in [0, 1]. Those are
        used as they are; a row that does not sum to 1 gives a warning.
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

    The derivative by ``label_smoothing``, in which the loss is linear, is the loss at 1 minus that at 0. That by
    ``log_base`` is :math:`-\ell / (b \log b)`, unless it is None.

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
    label_smoothing: float = parameter(0.0, UNIT)
    class_weight: tuple[float, ...] | None = None
    ignore_index: int | None = None
    eps: float = parameter(0.0, BELOW_HALF)
    log_base: float | None = None

    curvature = "softmax"
    numpy_value = "-np.mean(np.log(y_pred[np.arange(n), y_true]))"

    def __post_init__(self) -> None:
        if self.log_base is not None:
            base = self._number("log_base", self.log_base, Interval(1.0, open_low=True))
            object.__setattr__(self, "log_base", base)
        OfClasses.__post_init__(self)

    def _kernel_name(self) -> str:
        return "categorical_cross_entropy_from_logits" if self.from_logits else "categorical_cross_entropy"

    def _class_scale(self, width: int) -> np.ndarray | None:
        scale = self._per_class("class_weight", width)
        if self.log_base is None:
            return scale
        return (np.ones(width) if scale is None else scale) / math.log(self.log_base)

    def _scales_by(self, width: int) -> dict[str, np.ndarray | None]:
        scale = self._class_scale(width)
        if self.log_base is None or scale is None:
            return {}
        return {"log_base": -scale / (self.log_base * math.log(self.log_base))}


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

    The derivative by ``label_smoothing``, in which the loss is linear, is the loss at 1 minus that at 0. That by
    ``log_base`` is :math:`-\ell / (b \log b)`, unless it is None.

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
class CategoricalFocal(OfClasses, Loss):
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

    The derivative by ``gamma`` is :math:`\ell \log(1 - p_t)`, that by ``alpha``, if it is one number, :math:`\ell /
    \alpha`; that by ``label_smoothing``, in which the loss is linear, is the loss at 1 minus that at 0.

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
    label_smoothing: float = parameter(0.0, UNIT)

    curvature = "of_target"
    numpy_value = "-np.mean((1 - y_pred[np.arange(n), y_true]) ** gamma * np.log(y_pred[np.arange(n), y_true]))"

    def __post_init__(self) -> None:
        if self.alpha is not None:
            scalar = np.ndim(self.alpha) == 0
            alpha: Any = self._number("alpha", self.alpha, NOT_NEGATIVE) if scalar else self._numbers("alpha", self.alpha)
            object.__setattr__(self, "alpha", alpha)
        OfClasses.__post_init__(self)

    def _kernel_name(self) -> str:
        name = "categorical_focal" if self.gamma else "categorical_cross_entropy"
        return f"{name}_from_logits" if self.from_logits else name

    def _class_scale(self, width: int) -> np.ndarray | None:
        return self._per_class("alpha", width)

    def _scales_by(self, width: int) -> dict[str, np.ndarray | None]:
        return {"alpha": None} if isinstance(self.alpha, float) else {}


@dataclass(frozen=True, slots=True)
class PolyCrossEntropy(OfClasses, Loss):
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

    The derivative by ``epsilon`` is :math:`1 - p_t`.

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

    curvature = "of_target"


@dataclass(frozen=True, slots=True)
class GeneralizedCrossEntropy(OfClasses, Loss):
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

    The derivative by ``q`` is :math:`(p_t^q (1 - q \log p_t) - 1) / q^2`.

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

    curvature = "of_target"
    numpy_value = "np.mean((1 - y_pred[np.arange(n), y_true] ** q) / q)"


@dataclass(frozen=True, slots=True)
class CategoricalHinge(MarginOfClasses, Loss):
    r"""Hinge loss of the score of the right class against the highest other one.

    Labels are class indices or one-hot rows, scores any numbers.

    Notes
    -----
    With t the right class and j the other class with the highest score, the first of several,

    .. math::

        \ell = \max(0, 1 + z_j - z_t)

    The gradient is 1 for j and -1 for t where the loss is positive, else 0; the Hessian is 0. A row of one class costs nothing.

    References
    ----------
    K. Crammer, Y. Singer, On the algorithmic implementation of multiclass kernel-based vector machines, JMLR 2 (2001).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.categorical_hinge([0], [[1.0, 0.5, -2.0]])
    0.5
    >>> fl.categorical_hinge.gradient([0], [[1.0, 0.5, -2.0]])
    array([[-1.,  1.,  0.]])
    """

    curvature = "margins"
    numpy_value = (
        "np.mean(np.maximum(0, 1 - y_pred[np.arange(n), y_true]"
        " + np.where(np.arange(y_pred.shape[1]) == y_true[:, None], -np.inf, y_pred).max(axis=1)))"
    )


@dataclass(frozen=True, slots=True)
class MultiMargin(MarginOfClasses, Loss):
    r"""Margin loss of the score of the right class against every other one: torch's ``multi_margin_loss``.

    Labels are class indices or one-hot rows, scores any numbers.

    Parameters
    ----------
    p : {1, 2}, default=1
        The power of the margins.
    margin : float, default=1.0
        By how much the right score should exceed the others.
    class_weight : array_like of shape (K,), default=None
        Factor of the loss of each class, >= 0. As in torch, the mean is not divided by it.

    Notes
    -----
    With t the right class and :math:`m_j = \max(0, \text{margin} - z_t + z_j)`,

    .. math::

        \ell = \frac{w_t}{K} \sum_{j \ne t} m_j^p, \qquad
        \frac{\partial \ell}{\partial z_j} = \frac{w_t}{K} p m_j^{p - 1}, \qquad
        \frac{\partial \ell}{\partial z_t} = -\sum_{j \ne t} \frac{\partial \ell}{\partial z_j}

    The Hessian is 0 for p = 1; for p = 2 it is :math:`2 w_t / K` for each j with a positive margin, and their sum for t.

    The derivative by ``margin`` is the sum of the derivatives of the terms: p times their base to the power of p - 1.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.multi_margin([0], [[1.0, 0.5, -2.0, 0.5]])
    0.25
    >>> fl.multi_margin.gradient([0], [[1.0, 0.5, -2.0, 0.5]])
    array([[-0.5 ,  0.25,  0.  ,  0.25]])
    """

    p: int = 1
    margin: float = parameter(1.0, ANY)
    class_weight: tuple[float, ...] | None = None

    curvature = "margins"
    numpy_value = (
        "(np.mean(np.sum(np.maximum(0, margin - y_pred[np.arange(n), y_true, None] + y_pred) ** p, axis=1))"
        " - max(0, margin) ** p) / y_pred.shape[1]"
    )

    def __post_init__(self) -> None:
        if isinstance(self.p, bool) or self.p not in (1, 2):
            raise ValueError(f"MultiMargin: p must be 1 or 2; got {self.p!r}.")
        object.__setattr__(self, "p", int(self.p))
        OfClasses.__post_init__(self)


@dataclass(frozen=True, slots=True)
class MultiLabelMargin(MarginOfClasses, Loss):
    r"""Margin loss of every target against every other class: torch's ``multilabel_margin_loss``.

    ``y_true`` has the shape of ``y_pred`` and lists the targets of each row; what follows the first -1 does not count.

    Notes
    -----
    With T the list of targets of a row,

    .. math::

        \ell = \frac1K \sum_{t \in T} \sum_{j \notin T} \max(0, 1 - z_t + z_j)

    The gradient counts, for each class, the positive terms it is in, with a minus for targets, and divides by K. The Hessian is
    0. A target that is listed twice counts twice.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.multi_label_margin([[3, 0, -1, 1]], [[0.5, 0.25, 0.25, 1.0]])
    0.5
    >>> fl.multi_label_margin.gradient([[3, 0, -1, 1]], [[0.5, 0.25, 0.25, 1.0]])
    array([[-0.5,  0.5,  0.5, -0.5]])
    """

    one_hot = False

    curvature = "margins"


@dataclass(frozen=True, slots=True)
class MultiLabelSoftMargin(OfClasses, Loss):
    r"""Binary cross-entropy of each class from raw scores, averaged over the classes: torch's ``multilabel_soft_margin_loss``.

    ``y_true`` has the shape of ``y_pred`` and holds labels in [0, 1].

    Parameters
    ----------
    class_weight : array_like of shape (K,), default=None
        Factor of the loss of each class, >= 0. As in torch, the mean is not divided by it.

    Notes
    -----
    With :math:`\sigma(z) = 1 / (1 + e^{-z})`,

    .. math::

        \ell = \frac1K \sum_k w_k \left(y_k \log(1 + e^{-z_k}) + (1 - y_k) \log(1 + e^{z_k})\right), \qquad
        \frac{\partial \ell}{\partial z_k} = \frac{w_k}{K} (\sigma(z_k) - y_k), \qquad
        \frac{\partial^2 \ell}{\partial z_k^2} = \frac{w_k}{K} \sigma(z_k) \sigma(-z_k)

    With labels 0 and 1 the gradient keeps all its digits, however sure the prediction is.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.multi_label_soft_margin([[1, 0]], [[0.0, 0.0]])
    0.6931471805599453
    >>> fl.multi_label_soft_margin.gradient([[1, 0]], [[0.0, 0.0]])
    array([[-0.25,  0.25]])
    """

    class_weight: tuple[float, ...] | None = None

    mean_by_class = False

    curvature = "labels"
    numpy_value = "np.mean(np.logaddexp(0, y_pred) - y_true * y_pred)"
    numpy_gradient = "(1 / (1 + np.exp(-y_pred)) - y_true) / y_pred.size"

    def _class_scale(self, width: int) -> np.ndarray:
        scale = self._per_class("class_weight", width)
        return (np.ones(width) if scale is None else scale) / width

    def init_score(self, y_true: Any, sample_weight: Any = None) -> np.ndarray:  # type: ignore[override] # one for each class
        """Find the constant raw scores that minimise the loss over ``y_true``: those of the mean labels, of each class.

        Classes whose labels are all 0 or all 1 get the score of a mean 2**-52 away from that.
        """
        operand, labels = self._labels_with_axis(y_true)
        weights = self._weights_of_labels(sample_weight, labels.shape[:-1])
        self._explain_domain(self.label_domain, operand, "y_true", None, False)
        if not weights.sum() > 0:
            raise ValueError("the starting score of no labels is undefined.")
        shares = (labels * weights[..., None]).reshape(-1, labels.shape[-1]).sum(axis=0) / weights.sum()
        shares = np.clip(shares, 2.0**-52, 1 - 2.0**-52)
        return np.log(shares) - np.log1p(-shares)

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into probabilities: the logistic function of each."""
        return _arrays.map_numbers("sigmoid", raw)
