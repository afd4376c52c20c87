"""Binary losses: element by element, arrays of any shape. ``z`` is a raw score (a logit), ``p`` the probability of label 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import _arrays, _core, links
from ..classes import WrongLabel
from ..domains import (
    BELOW_HALF,
    NOT_NEGATIVE,
    OPEN_UNIT,
    POSITIVE,
    PROBABILITIES,
    UNIT,
    Choice,
    Domain,
    Interval,
    WholeNumbers,
    parameter,
)
from ..links import FARTHEST, Margin, Mixin, Probabilistic, logit
from ..loss import Loss


class _ZeroOneRule(Mixin):
    """Counts of wrong labels: predictions above a threshold against 0 and 1, or labels against labels."""

    __slots__ = ()

    no_gradient: ClassVar[str] = "it is a step function. Minimise BinaryCrossEntropy, BinaryFocal or Hinge instead."

    def _without_derivative(self) -> dict[str, str]:
        return {"threshold": "is where the loss jumps"}

    def _domains(self) -> dict[str, Domain]:
        labels = Choice((0.0, 1.0), hint="Predicted labels of more than two classes must be integers.")
        return {"y_true": labels, "y_pred": PROBABILITIES}

    def _explain_domains(self, inputs: _core.Inputs, weights: Any) -> None:
        labels, predictions = inputs.operands
        if getattr(self, "from_logits", False) or not _arrays.holds_integers(predictions):
            Loss._explain_domains(self, inputs, weights)
        elif not _arrays.holds_integers(labels):
            # labels, of which there may be more than two
            self._explain_domain(WholeNumbers(), labels, "y_true", weights, inputs.single)


def _kernel_of(formula: str, from_logits: bool, plain: bool) -> str:
    """Name the kernel of probabilities or raw scores; ``plain`` labels are neither weighted nor smoothed."""
    if not from_logits:
        return f"{formula}_probabilities"
    return f"{formula}_logits" if plain else f"{formula}_logits_weighted"


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(Probabilistic, Loss):
    r"""Binary cross-entropy (log loss), for labels in [0, 1].

    Parameters
    ----------
    from_logits : bool, default=False
        ``y_pred`` is a raw score z; otherwise a probability p in [0, 1].
    label_smoothing : float, default=0.0
        In [0, 1]: the label y becomes y' = y (1 - s) + s / 2.
    pos_weight : float, default=1.0
        Weight of the label 1, > 0.
    eps : float, default=0.0
        In [0, 0.5): probabilities are clipped to [eps, 1 - eps], and where they are, gradient and Hessian are 0. 0 means that
        the loss of an impossible label is infinite. Without effect on raw scores.

    Notes
    -----
    With the shares :math:`P = w y'` (w the ``pos_weight``) and :math:`N = 1 - y'`, from a probability, and from a raw score
    (:math:`\sigma` the sigmoid):

    .. math::

        \ell = -P \log p - N \log(1 - p), \qquad g = \frac{N}{1 - p} - \frac{P}{p}, \qquad
        h = \frac{P}{p^2} + \frac{N}{(1 - p)^2} \\
        \ell = P \log(1 + e^{-z}) + N \log(1 + e^z), \qquad g = N \sigma(z) - P \sigma(-z), \qquad
        h = (P + N) \sigma(z) \sigma(-z)

    For labels of 0 and 1 the gradient is right to the last digits at any z: prefer raw scores to their sigmoid, which rounds to
    1 from z = 37 on. Arrays of several labels per row (multi-label data) are averaged over all labels. scikit-learn's
    ``log_loss``, torch's ``binary_cross_entropy`` and ``binary_cross_entropy_with_logits`` are its mean.

    ``init_score`` is the share of the label 1, :math:`P / (P + N)` with the mean label, or its logit; the logit of data
    with one class only is that of :math:`2^{-52}` or :math:`1 - 2^{-52}`, so that it is finite.

    References
    ----------
    D. R. Cox, The Regression Analysis of Binary Sequences, J. R. Stat. Soc. B 20 (1958). doi:10.1111/j.2517-6161.1958.tb00292.x

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.binary_cross_entropy([1, 0], [0.75, 0.5])
    0.4904146265058631
    >>> fl.BinaryCrossEntropy(from_logits=True).value_and_gradient([1, 1], [0.0, 40.0], reduction="sum")
    (0.6931471805599453, array([-5.00000000e-01, -4.24835426e-18]))
    """

    from_logits: bool = False
    label_smoothing: float = parameter(0.0, UNIT)
    pos_weight: float = parameter(1.0, POSITIVE)
    eps: float = parameter(0.0, BELOW_HALF)

    formula = "binary_cross_entropy_logits"
    curvature = "logistic"
    numpy_value = "-np.mean(pos_weight * y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))"
    numpy_gradient = "((1 - y_true) / (1 - y_pred) - pos_weight * y_true / y_pred) / n"

    def _kernel_name(self) -> str:
        plain = self.label_smoothing == 0 and self.pos_weight == 1
        return _kernel_of("binary_cross_entropy", self.from_logits, plain)

    def _kernel_by(self, parameter: str) -> str:
        return f"binary_cross_entropy_{'logits' if self.from_logits else 'probabilities'}_by_{parameter}"

    def _without_derivative(self) -> dict[str, str]:
        return {"eps": "is a clamp of probabilities"}

    def _parameters(self) -> dict[str, float]:
        return {"label_smoothing": self.label_smoothing, "positive": self.pos_weight, "negative": 1.0, "eps": self.eps}

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: the weighted share of the label 1, or its logit."""
        label = links.mean(self, y_true, sample_weight)
        label += self.label_smoothing * (0.5 - label)
        return self._from_share(self.pos_weight * label / (self.pos_weight * label + (1 - label)))


@dataclass(frozen=True, slots=True)
class BinaryFocal(Probabilistic, Loss):
    r"""Focal loss: cross-entropy with less weight on what is already right.

    Parameters
    ----------
    gamma : float, default=2.0
        Focus, >= 0. 0 is the binary cross-entropy, to the last bit.
    alpha : float, default=None
        Weight of the label 1, in [0, 1]; that of the label 0 is 1 - alpha. None: both weigh 1.
    from_logits : bool, default=False
        ``y_pred`` is a raw score z; otherwise a probability p in [0, 1].
    label_smoothing : float, default=0.0
        In [0, 1]: the label y becomes y' = y (1 - s) + s / 2.

    Notes
    -----
    Linear in the label, with :math:`P = \alpha y'` and :math:`N = (1 - \alpha)(1 - y')`:

    .. math::

        \ell = -P (1 - p)^\gamma \log p - N p^\gamma \log(1 - p)

    For the label 1, with :math:`q = 1 - p` and :math:`l = -\log p`, from a probability, and from a raw score (for the label 0,
    p and q change places and the gradient changes sign):

    .. math::

        g = -q^\gamma \left(\gamma \frac{l}{q} + \frac{1}{p}\right), \qquad
        h = q^{\gamma - 1} \left(\gamma (\gamma - 1) \frac{l}{q} + \frac{2 \gamma}{p} + \frac{q}{p^2}\right) \\
        g = -q^\gamma (\gamma p l + q), \qquad h = q^\gamma p \left(\gamma l (\gamma p - q) + (2 \gamma + 1) q\right)

    The exact Hessian by a raw score is negative where a label is missed by far. Value and gradient are right to
    :math:`4 + 2 \gamma` units in the last place. ``init_score`` is finite for data with one class only: it stops at the logits
    of :math:`2^{-52}` and :math:`1 - 2^{-52}`. torchvision's ``sigmoid_focal_loss`` is this loss from raw scores, with
    ``alpha=0.25`` as its default.

    References
    ----------
    T.-Y. Lin et al., Focal Loss for Dense Object Detection, ICCV (2017). doi:10.1109/ICCV.2017.324

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.binary_focal([1, 0], [0.75, 0.5], reduction="none")
    array([0.01798013, 0.1732868 ])
    >>> fl.BinaryFocal(gamma=1.5, alpha=0.25, from_logits=True).gradient([1, 0], [-800.0, 2.0], reduction="none")
    array([-0.25      ,  0.78185276])
    """

    gamma: float = parameter(2.0, NOT_NEGATIVE)
    alpha: float | None = parameter(None, UNIT)
    from_logits: bool = False
    label_smoothing: float = parameter(0.0, UNIT)

    formula = "binary_focal_logits"
    curvature = "focal"
    numpy_value = "-np.mean(y_true * (1 - y_pred)**gamma * np.log(y_pred) + (1 - y_true) * y_pred**gamma * np.log(1 - y_pred))"
    numpy_gradient = (
        "(y_true * (1 - y_pred)**gamma * (gamma * np.log(y_pred) / (1 - y_pred) - 1 / y_pred)"
        " - (1 - y_true) * y_pred**gamma * (gamma * np.log(1 - y_pred) / y_pred - 1 / (1 - y_pred))) / n"
    )

    def _kernel_name(self) -> str:
        plain = self.label_smoothing == 0 and self.alpha is None
        if self.gamma == 0:
            return _kernel_of("binary_cross_entropy", self.from_logits, plain)
        if self.gamma == 2:
            return _kernel_of("binary_focal_squared", self.from_logits, plain)
        return "binary_focal_logits" if self.from_logits else "binary_focal_probabilities"

    def _kernel_by(self, parameter: str) -> str:
        # whatever gamma is, the kernel of all
        return f"binary_focal_{'logits' if self.from_logits else 'probabilities'}_by_{parameter}"

    def _parameters(self) -> dict[str, float]:
        positive, negative = (1.0, 1.0) if self.alpha is None else (self.alpha, 1 - self.alpha)
        shares = {"label_smoothing": self.label_smoothing, "positive": positive, "negative": negative}
        return {"gamma": self.gamma, **shares, "eps": 0.0}

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: a probability, or a raw score."""
        bracket = (-FARTHEST, FARTHEST) if self.from_logits else (0.0, 1.0)
        return links.search(self, y_true, sample_weight, bracket)


@dataclass(frozen=True, slots=True)
class Brier(Probabilistic, Loss):
    r"""Brier score: the squared error of a probability, for labels in [0, 1].

    Parameters
    ----------
    from_logits : bool, default=False
        ``y_pred`` is a raw score z, and derivatives are those by z; otherwise a probability p in [0, 1].

    Notes
    -----
    From a probability, and from a raw score with :math:`p = \sigma(z)`, :math:`q = 1 - p`, :math:`r = p - y`:

    .. math::

        \ell = (p - y)^2, \qquad g = 2 (p - y), \qquad h = 2 \\
        \ell = r^2, \qquad g = 2 r p q, \qquad h = 2 p q \left(p q + r (q - p)\right)

    scikit-learn's ``brier_score_loss`` is its mean. The Hessian by a raw score changes sign. ``init_score`` is the weighted
    mean of the labels, or its logit, finite as that of `BinaryCrossEntropy`.

    References
    ----------
    G. W. Brier, Verification of Forecasts Expressed in Terms of Probability, Mon. Weather Rev. 78 (1950).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.brier([1, 0], [0.75, 0.5])
    0.15625
    >>> fl.Brier(from_logits=True).gradient([1, 0], [0.0, -40.0], reduction="none")
    array([-2.50000000e-01,  3.60970278e-35])
    """

    from_logits: bool = False

    curvature = "brier"
    numpy_value = "np.mean((y_pred - y_true) ** 2)"
    numpy_gradient = "2 * (y_pred - y_true) / n"

    def _kernel_name(self) -> str:
        return "brier_logits" if self.from_logits else "brier"

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: the weighted mean of the labels, or its logit."""
        return self._from_share(links.mean(self, y_true, sample_weight))


@dataclass(frozen=True, slots=True)
class Hinge(Margin, Loss):
    r"""Hinge loss of support vector machines, for labels of 1, and of -1 or 0.

    Notes
    -----
    With the margin :math:`m = s z`, where :math:`s = 1` for the label 1 and :math:`s = -1` otherwise:

    .. math::

        \ell = \max(0, 1 - m), \qquad g = -s\,[m < 1], \qquad h = 0

    The gradient is 0 at the kink :math:`m = 1`. scikit-learn's ``hinge_loss`` is its mean.

    References
    ----------
    C. Cortes, V. Vapnik, Support-vector networks, Mach. Learn. 20 (1995). doi:10.1007/BF00994018

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.hinge([1, -1, 0], [0.5, 0.5, -2.0], reduction="none")
    array([0.5, 1.5, 0. ])
    >>> fl.hinge.gradient([1, -1, 0], [0.5, 0.5, -2.0], reduction="none")
    array([-1.,  1.,  0.])
    """

    curvature = "hinge"
    numpy_value = "np.mean(np.maximum(0, 1 - np.sign(y_true - 0.5) * y_pred))"
    numpy_gradient = "np.where(np.sign(y_true - 0.5) * y_pred < 1, -np.sign(y_true - 0.5), 0) / n"


@dataclass(frozen=True, slots=True)
class SquaredHinge(Margin, Loss):
    r"""Squared hinge loss, for labels of 1, and of -1 or 0.

    Notes
    -----
    With the margin :math:`m = s z`, where :math:`s = 1` for the label 1 and :math:`s = -1` otherwise:

    .. math::

        \ell = \max(0, 1 - m)^2, \qquad g = -2 s \max(0, 1 - m), \qquad h = 2\,[m < 1]

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.squared_hinge([1, -1, 0], [0.5, 0.5, -2.0], reduction="none")
    array([0.25, 2.25, 0.  ])
    >>> fl.squared_hinge.gradient([1, -1, 0], [0.5, 0.5, -2.0], reduction="sum")
    array([-1.,  3.,  0.])
    """

    curvature = "smooth_margin"
    numpy_value = "np.mean(np.maximum(0, 1 - np.sign(y_true - 0.5) * y_pred) ** 2)"
    numpy_gradient = "-2 * np.sign(y_true - 0.5) * np.maximum(0, 1 - np.sign(y_true - 0.5) * y_pred) / n"


@dataclass(frozen=True, slots=True)
class SmoothedHinge(Margin, Loss):
    r"""Rennie's smoothed hinge loss, for labels of 1, and of -1 or 0: quadratic for margins between 0 and 1.

    Notes
    -----
    With the margin :math:`m = s z`, where :math:`s = 1` for the label 1 and :math:`s = -1` otherwise:

    .. math::

        \ell = \begin{cases} 1/2 - m & m \le 0 \\ \max(0, 1 - m)^2 / 2 & m > 0 \end{cases}, \qquad
        g = -s \min(1, \max(0, 1 - m)), \qquad h = [0 < m < 1]

    References
    ----------
    J. D. M. Rennie, Smooth Hinge Classification (2005).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.smoothed_hinge([1, -1, 0], [0.5, 0.5, -2.0], reduction="none")
    array([0.125, 1.   , 0.   ])
    >>> fl.smoothed_hinge.gradient([1, -1, 0], [0.5, 0.5, -2.0], reduction="none")
    array([-0.5,  1. ,  0. ])
    """

    curvature = "smooth_margin"
    numpy_value = (
        "np.mean(np.where(np.sign(y_true - 0.5) * y_pred <= 0, 0.5 - np.sign(y_true - 0.5) * y_pred,"
        " np.maximum(0, 1 - np.sign(y_true - 0.5) * y_pred) ** 2 / 2))"
    )
    numpy_gradient = "-np.sign(y_true - 0.5) * np.clip(1 - np.sign(y_true - 0.5) * y_pred, 0, 1) / n"


@dataclass(frozen=True, slots=True)
class ModifiedHuber(Margin, Loss):
    r"""Modified Huber loss, for labels of 1, and of -1 or 0: a squared hinge that is linear for margins below -1.

    Notes
    -----
    With the margin :math:`m = s z`, where :math:`s = 1` for the label 1 and :math:`s = -1` otherwise:

    .. math::

        \ell = \begin{cases} \max(0, 1 - m)^2 & m \ge -1 \\ -4 m & m < -1 \end{cases}, \qquad
        g = -2 s \min(2, \max(0, 1 - m)), \qquad h = 2\,[-1 \le m < 1]

    ``modified_huber`` of scikit-learn's ``SGDClassifier`` is the same.

    References
    ----------
    T. Zhang, Solving large scale linear prediction problems using stochastic gradient descent algorithms, ICML (2004).
    doi:10.1145/1015330.1015332

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.modified_huber([1, -1, 0], [0.5, 0.5, 2.0], reduction="none")
    array([0.25, 2.25, 8.  ])
    >>> fl.modified_huber.gradient([1, -1, 0], [0.5, 0.5, 2.0], reduction="none")
    array([-1.,  3.,  4.])
    """

    curvature = "smooth_margin"
    numpy_value = (
        "np.mean(np.where(np.sign(y_true - 0.5) * y_pred >= -1, np.maximum(0, 1 - np.sign(y_true - 0.5) * y_pred) ** 2,"
        " -4 * np.sign(y_true - 0.5) * y_pred))"
    )
    numpy_gradient = "-2 * np.sign(y_true - 0.5) * np.clip(1 - np.sign(y_true - 0.5) * y_pred, 0, 2) / n"


@dataclass(frozen=True, slots=True)
class Exponential(Margin, Loss):
    r"""Exponential loss of AdaBoost, for labels of 1, and of -1 or 0.

    Notes
    -----
    With the margin :math:`m = s z`, where :math:`s = 1` for the label 1 and :math:`s = -1` otherwise:

    .. math::

        \ell = e^{-m}, \qquad g = -s e^{-m}, \qquad h = e^{-m}

    Infinite where :math:`e^{-m}` overflows. The best score is half a logit: ``inverse_link`` is :math:`\sigma(2 z)`, and
    ``init_score`` stops at half the logits of :math:`2^{-52}` and :math:`1 - 2^{-52}` for data with one class only.

    References
    ----------
    Y. Freund, R. E. Schapire, A Decision-Theoretic Generalization of On-Line Learning and an Application to Boosting,
    J. Comput. Syst. Sci. 55 (1997). doi:10.1006/jcss.1997.1504

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.exponential([1, -1, 0], [0.0, 0.5, -2.0], reduction="none")
    array([1.        , 1.64872127, 0.13533528])
    >>> fl.exponential.gradient([1, -1, 0], [0.0, 0.5, -2.0], reduction="none")
    array([-1.        ,  1.64872127,  0.13533528])
    """

    curvature = "exponential"
    numpy_value = "np.mean(np.exp(-np.sign(y_true - 0.5) * y_pred))"
    numpy_gradient = "-np.sign(y_true - 0.5) * np.exp(-np.sign(y_true - 0.5) * y_pred) / n"

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant raw score that minimises the loss: half the logit of the weighted share of the label 1."""
        return links.search(self, y_true, sample_weight, (-FARTHEST / 2, FARTHEST / 2))

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into probabilities: sigmoid(2 raw)."""
        numbers = _arrays.map_numbers(None, raw)
        return _arrays.map_numbers("sigmoid", numbers + numbers)


@dataclass(frozen=True, slots=True)
class SoftMargin(Margin, Loss):
    r"""Logistic loss of a margin, for labels of 1, and of -1 or 0.

    See Also
    --------
    BinaryCrossEntropy : the same with ``from_logits=True``, for labels of 0 and 1.

    Notes
    -----
    With the margin :math:`m = s z`, where :math:`s = 1` for the label 1 and :math:`s = -1` otherwise:

    .. math::

        \ell = \log(1 + e^{-m}), \qquad g = -s \sigma(-m), \qquad h = \sigma(m) \sigma(-m)

    Never overflows. torch's ``soft_margin_loss`` is its mean. ``init_score`` stops at the logits of :math:`2^{-52}` and
    :math:`1 - 2^{-52}` for data with one class only.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.soft_margin([1, -1, 0], [0.0, 1000.0, -1.0], reduction="none")
    array([6.93147181e-01, 1.00000000e+03, 3.13261688e-01])
    >>> fl.soft_margin.gradient([1, -1, 0], [0.0, 1000.0, -1.0], reduction="none")
    array([-0.5       ,  1.        ,  0.26894142])
    """

    curvature = "logistic"
    numpy_value = "np.mean(np.logaddexp(0, -np.sign(y_true - 0.5) * y_pred))"
    numpy_gradient = "-np.sign(y_true - 0.5) / (1 + np.exp(np.sign(y_true - 0.5) * y_pred)) / n"

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant raw score that minimises the loss: the logit of the weighted share of the label 1."""
        return links.search(self, y_true, sample_weight, (-FARTHEST, FARTHEST))

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into probabilities: sigmoid(raw)."""
        return _arrays.map_numbers("sigmoid", raw)


@dataclass(frozen=True, slots=True)
class ZeroOne(_ZeroOneRule, Loss):
    r"""Zero-one loss: the share of wrong labels when averaged. It has a value only.

    Parameters
    ----------
    threshold : float, default=0.5
        In (0, 1). The label 1 is predicted above it, and 0 at or below it.
    from_logits : bool, default=False
        ``y_pred`` is a raw score z, which is compared with the logit of the threshold; otherwise a probability in [0, 1], or,
        if its dtype is an integer or boolean one, the predicted labels themselves. Neither parameter has an effect on rows.

    Notes
    -----
    .. math::

        \ell = \begin{cases} 0 & \hat y = y \\ 1 & \hat y \ne y \end{cases}, \qquad \hat y = [p > t] \text{ or } [\sigma(z) > t]
        \text{ or } \arg\max_k z_k

    with t the ``threshold``. The shapes say which it is: where ``y_pred`` has one axis more than ``y_true``, (..., K) against
    (...,) with K > 1, it holds a row of scores or probabilities for each sample, and ``y_true`` class indices from 0 to K - 1.
    The class of the largest number is predicted, the first of several; a row with a NaN gives NaN. Arrays of one shape are
    compared element by element, also (n, K) labels with (n, K) predictions.

    Labels are 0 and 1. Predicted labels are compared with ``y_true`` as they are, and may be any integers up to
    :math:`2^{53}`. There is no gradient: minimise `BinaryCrossEntropy`, `CategoricalCrossEntropy` or `Hinge` instead.
    scikit-learn's ``zero_one_loss`` of the predicted labels is its mean.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.zero_one([1, 0, 1], [0.75, 0.25, 0.5])
    0.3333333333333333
    >>> fl.ZeroOne(from_logits=True)([1, 0, 1], [2.0, -1.0, -0.5], reduction="none")
    array([0., 0., 1.])
    >>> fl.zero_one([3, 1, 2, 2], [3, 1, 0, 2])
    0.25
    >>> fl.zero_one([2, 0], [[0.2, 0.3, 0.5], [0.4, 0.4, 0.2]])
    0.0
    """

    threshold: float = parameter(0.5, OPEN_UNIT)
    from_logits: bool = False

    #: The same for rows of scores.
    of_rows: ClassVar[WrongLabel] = WrongLabel()

    no_gradient = "it is a step function. Minimise BinaryCrossEntropy, CategoricalCrossEntropy or Hinge instead."
    numpy_value = "np.mean((y_pred > threshold) != y_true)"

    def _kernel_name(self) -> str:
        return "zero_one_logits" if self.from_logits else "zero_one"

    def _parameters(self) -> dict[str, float]:
        return {"threshold": logit(self.threshold) if self.from_logits else self.threshold}

    def _domains(self) -> dict[str, Domain]:
        return {"y_true": Choice((0.0, 1.0))} if self.from_logits else _ZeroOneRule._domains(self)

    def _for(self, values: tuple[Any, ...]) -> tuple[Loss, tuple[Any, ...]]:
        y_true, y_pred = values
        labels = y_true.shape if type(y_true) is np.ndarray else _arrays.read(y_true, "y_true")[0].shape
        predictions = y_pred.shape if type(y_pred) is np.ndarray else _arrays.read(y_pred, "y_pred")[0].shape
        # a column of one number per sample is a mistake rather than a choice among one class
        if predictions != labels and predictions[:-1] == labels and predictions[-1] > 1:
            return self.of_rows, values
        return self, values

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        self._check_differentiable(want)
        return Loss._evaluate(self._for(values)[0], want, values, sample_weight, reduction, out)

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into predictions: sigmoid(raw), or raw itself when ``from_logits`` is False."""
        return _arrays.map_numbers("sigmoid" if self.from_logits else None, raw)


@dataclass(frozen=True, slots=True)
class Hamming(_ZeroOneRule, Loss):
    r"""Hamming loss: the share of wrong labels among all n K labels of n samples when averaged. It has a value only.

    Parameters
    ----------
    threshold : float, default=0.5
        In (0, 1). The label 1 is predicted above it, and 0 at or below it.

    Notes
    -----
    .. math::

        \ell = \begin{cases} 0 & \hat y = y \\ 1 & \hat y \ne y \end{cases}, \qquad \hat y = [p > t]

    with t the ``threshold``, for each label of an (n, K) array: `ZeroOne` for several labels per sample. ``y_pred`` holds
    probabilities, or, if its dtype is an integer or boolean one, the predicted labels themselves. There is no gradient:
    minimise `BinaryCrossEntropy`, `BinaryFocal` or `Hinge` instead. scikit-learn's ``hamming_loss`` of the predicted labels is
    its mean.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.hamming([[1, 0, 1], [0, 1, 1]], [[0.9, 0.2, 0.4], [0.1, 0.8, 0.7]])
    0.16666666666666666
    >>> fl.hamming([[1, 0, 1], [0, 1, 1]], [[1, 1, 1], [0, 1, 0]], reduction="sum")
    2.0
    """

    threshold: float = parameter(0.5, OPEN_UNIT)

    formula = "zero_one"
    numpy_value = "np.mean((y_pred > threshold) != y_true)"

    def _domains(self) -> dict[str, Domain]:
        probabilities = Interval(0.0, 1.0, hint="Raw scores must be turned into probabilities, and labels be integers.")
        return {**_ZeroOneRule._domains(self), "y_pred": probabilities}
