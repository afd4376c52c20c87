"""Divergences of distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _arrays, links
from ..classes import OfClasses
from ..domains import BELOW_ONE, POSITIVE, Domain, Interval, parameter
from ..loss import Loss, LossOfSeveral
from .regression import SquaredError

_PROBABILITIES = Interval(0.0, 1.0, hint="Pass from_logits=True if these are raw scores, or from_log=True for logarithms.")


@dataclass(frozen=True, slots=True)
class KLDivergence(OfClasses, Loss):
    r"""Kullback-Leibler divergence of the distributions ``y_true`` from the predictions ``y_pred``, in nats.

    Both have the shape (..., K), and there is one loss per row; the mean over them is what torch calls ``"batchmean"``.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the softmax is taken, rather than probabilities in [0, 1]. Those are
        used as they are; a row that does not sum to 1 gives a warning.
    from_log : bool, default=False
        Whether ``y_pred`` holds logarithms of probabilities, as torch's ``kl_div`` takes them.
    log_target : bool, default=False
        Whether ``y_true`` holds logarithms of probabilities.
    eps : float, default=0.0
        Predicted probabilities below eps count as eps, and the derivatives there are 0. 0 gives an honest infinity where a
        class that occurs has the probability 0. Without effect on logarithms and raw scores.

    Notes
    -----
    With p the labels, q the predicted probabilities, :math:`0 \log 0 = 0`, and :math:`Q = \sum_k p_k`:

    .. math::

        \ell = \sum_k p_k \log\frac{p_k}{q_k}

    ================= ======================= ========================
    derivatives by    gradient                Hessian
    ================= ======================= ========================
    q                 :math:`-p_k / q_k`      :math:`p_k / q_k^2`
    log q             :math:`-p_k`            0
    raw scores        :math:`Q q_k - p_k`     :math:`Q q_k (1 - q_k)`
    ================= ======================= ========================

    Probabilities that are nearly equal keep their digits: the terms are split into :math:`p (d - \log(1 + d)) \ge 0` with
    :math:`d = (q - p) / p`, and p - q, whose sum is exact but for a rounding.

    References
    ----------
    S. Kullback, R. A. Leibler, On information and sufficiency, Ann. Math. Stat. 22 (1951).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])
    0.14384103622589045
    >>> fl.kl_divergence.gradient([[0.25, 0.75]], [[0.5, 0.5]])
    array([[-0.5, -1.5]])
    >>> fl.KLDivergence(from_logits=True).gradient([[0.25, 0.75]], [[0.0, 0.0]])
    array([[ 0.25, -0.25]])
    """

    from_logits: bool = False
    from_log: bool = False
    log_target: bool = False
    eps: float = parameter(0.0, BELOW_ONE)

    curvature = "softmax"
    numpy_value = "np.sum(y_true * np.log(y_true / y_pred)) / n"
    numpy_gradient = "-y_true / y_pred / n"

    def __post_init__(self) -> None:
        if self.from_logits and self.from_log:
            raise ValueError("KLDivergence: y_pred holds raw scores (from_logits) or logarithms (from_log), not both.")
        OfClasses.__post_init__(self)

    def _without_derivative(self) -> dict[str, str]:
        return {"eps": "is a clamp of probabilities"}

    def _kernel_name(self) -> str:
        prediction = "_from_logits" if self.from_logits else "_from_log" if self.from_log else ""
        return f"{self.name}{prediction}{'_log_target' if self.log_target else ''}"

    def _domains(self) -> dict[str, Domain]:
        if self.from_logits or self.from_log:
            return {}
        return {"y_pred": _PROBABILITIES}

    @property
    def label_domain(self) -> Interval:  # type: ignore[override] # follows from the parameters
        """Where labels must lie."""
        return Interval() if self.log_target else Interval(0.0, 1.0, hint="Pass log_target=True if these are logarithms.")

    def init_score(self, y_true: Any, sample_weight: Any = None) -> np.ndarray:  # type: ignore[override] # one for each class
        """Find the constant prediction that minimises the divergence of ``y_true``: their mean, in the form of ``y_pred``."""
        labels = _arrays.map_numbers("exp", y_true) if self.log_target else y_true
        return OfClasses.init_score(self, labels, sample_weight)


@dataclass(frozen=True, slots=True)
class JensenShannon(OfClasses, Loss):
    r"""Jensen-Shannon divergence of the predictions ``y_pred`` and the distributions ``y_true``, in nats.

    Both have the shape (..., K), and there is one loss per row. SciPy's ``jensenshannon`` is the square root of it.

    Parameters
    ----------
    from_logits : bool, default=False
        Whether ``y_pred`` holds raw scores, of which the softmax q is taken, rather than probabilities in [0, 1].

    Notes
    -----
    With p the labels, q the predicted probabilities and m = (p + q) / 2 their middle,

    .. math::

        \ell = \frac12 \sum_k \left(p_k \log\frac{p_k}{m_k} + q_k \log\frac{q_k}{m_k}\right), \qquad
        G_k = \frac{\partial \ell}{\partial q_k} = \frac12 \log\frac{q_k}{m_k}, \qquad
        \frac{\partial^2 \ell}{\partial q_k^2} = \frac{p_k}{4 q_k m_k}

    The loss lies between 0 and log 2 for distributions that sum to one. With respect to raw scores the gradient is
    :math:`q_k (G_k - \sum_j q_j G_j)`; its derivative, the exact diagonal of the Hessian, may be negative.

    References
    ----------
    J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.jensen_shannon([[1.0, 0.0]], [[0.0, 1.0]])
    0.6931471805599453
    >>> fl.jensen_shannon.gradient([[0.75, 0.25]], [[0.25, 0.75]])
    array([[-0.34657359,  0.20273255]])
    """

    from_logits: bool = False

    numpy_value = (
        "np.sum(y_true * np.log(2 * y_true / (y_true + y_pred)) + y_pred * np.log(2 * y_pred / (y_true + y_pred))) / 2 / n"
    )
    numpy_gradient = "np.log(2 * y_pred / (y_true + y_pred)) / 2 / n"

    def init_score(self, y_true: Any, sample_weight: Any = None) -> np.ndarray:  # type: ignore[override] # one for each class
        """Raise TypeError: the minimiser has no closed form."""
        raise TypeError(
            "JensenShannon has no starting score in closed form. That of KLDivergence, the mean of y_true, is near it."
        )


@dataclass(frozen=True, slots=True)
class GaussianKL(LossOfSeveral):
    r"""Divergence of independent Gaussians from the standard normal distribution: ``loss(mean, log_var)``.

    Both inputs have the shape (..., d); a sample's loss is the sum over the last axis. This is the divergence of a variational
    autoencoder.

    Notes
    -----
    With s the logarithm of the variance,

    .. math::

        \ell = \frac12 \sum_i \left(\mu_i^2 + e^{s_i} - 1 - s_i\right), \qquad
        g_\mu = \mu, \quad g_s = \frac12 (e^s - 1), \qquad
        h_\mu = 1, \quad h_s = \frac12 e^s

    Gradients and Hessians are tuples, for ``mean`` and ``log_var``. Nothing is lost where s is close to 0.

    References
    ----------
    D. P. Kingma, M. Welling, Auto-encoding variational Bayes, ICLR (2014). arXiv:1312.6114

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.gaussian_kl([[1.0, 2.0]], [[0.0, 0.0]])
    2.5
    >>> fl.gaussian_kl.gradient([[1.0, 2.0]], [[0.0, 0.0]])
    (array([[1., 2.]]), array([[0., 0.]]))
    """

    numpy_value = "np.sum(mean**2 + np.exp(log_var) - 1 - log_var) / 2 / n"
    numpy_gradient = "(mean / n, (np.exp(log_var) - 1) / 2 / n)"

    def init_score(self, y_true: Any = None, sample_weight: Any = None) -> tuple[float, float]:  # type: ignore[override] # two predictions
        """Return the mean and the logarithm of the variance with the least loss: zeros."""
        return 0.0, 0.0


@dataclass(frozen=True, slots=True)
class GaussianCrossEntropy(LossOfSeveral):
    r"""Cross-entropy of a Gaussian p with a predicted Gaussian q, in nats: ``loss(mean_p, var_p, mean_q, var_q)``.

    Notes
    -----
    With :math:`r = \mu_q - \mu_p` and the variances :math:`v_p, v_q > 0`,

    .. math::

        \ell = \frac12 \left(\log(2 \pi v_q) + \frac{v_p + r^2}{v_q}\right), \qquad
        g_\mu = \frac{r}{v_q}, \quad g_v = \frac{v_q - v_p - r^2}{2 v_q^2}, \qquad
        h_\mu = \frac1{v_q}, \quad h_v = \frac{2 (v_p + r^2) - v_q}{2 v_q^3}

    Gradients and Hessians are tuples, for ``mean_q`` and ``var_q``.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.gaussian_cross_entropy([0.0], [1.0], [0.0], [1.0])
    1.4189385332046727
    >>> fl.gaussian_cross_entropy.gradient([0.0], [1.0], [2.0], [2.0])
    (array([1.]), array([-0.375]))
    """

    numpy_value = "np.mean((np.log(2 * np.pi * var_q) + (var_p + (mean_q - mean_p) ** 2) / var_q) / 2)"
    numpy_gradient = "((mean_q - mean_p) / var_q / n, (1 - (var_p + (mean_q - mean_p) ** 2) / var_q) / (2 * var_q) / n)"

    def _domains(self) -> dict[str, Domain]:
        return {"var_p": POSITIVE, "var_q": POSITIVE}

    def init_score(self, mean_p: Any, var_p: Any, sample_weight: Any = None) -> tuple[float, float]:  # type: ignore[override] # two predictions
        """Find the constant mean and variance of q that minimise the loss: those of all p together."""
        mean = links.mean(self, mean_p, sample_weight)
        spread = SquaredError()(mean_p, np.broadcast_to(np.float64(mean), np.shape(mean_p)), sample_weight)
        return mean, links.mean(self, var_p, sample_weight) + spread
