"""Regression losses: element by element, arrays of any shape. ``r = y_pred - y_true`` throughout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _arrays, links
from ..domains import AT_LEAST_ONE, NOT_NEGATIVE, OPEN_UNIT, POSITIVE, Domain, Interval, parameter
from ..links import LogLink, MeanOptimal
from ..loss import Loss, LossOfSeveral


@dataclass(frozen=True, slots=True)
class SquaredError(MeanOptimal, Loss):
    r"""Squared error (MSE when averaged). Short name of the default instance: ``fl.mse``.

    Notes
    -----
    .. math::

        \ell = r^2, \qquad g = 2 r, \qquad h = 2

    scikit-learn's ``mean_squared_error`` and torch's ``mse_loss`` are its mean. `HalfSquaredError` is the convention of the
    boosting libraries.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.mse([1.0, 2.0, 3.0], [1.5, 2.0, 1.0])
    1.4166666666666667
    >>> fl.mse.gradient([1.0, 2.0, 3.0], [1.5, 2.0, 1.0], reduction="sum")
    array([ 1.,  0., -4.])
    """

    curvature = "quadratic"
    of_residual = True
    numpy_value = "np.mean((y_true - y_pred) ** 2)"
    numpy_gradient = "2 * (y_pred - y_true) / n"


@dataclass(frozen=True, slots=True)
class HalfSquaredError(MeanOptimal, Loss):
    r"""Half the squared error: the convention of XGBoost, LightGBM and scikit-learn's ``HalfSquaredError``.

    Notes
    -----
    .. math::

        \ell = r^2 / 2, \qquad g = r, \qquad h = 1

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.half_squared_error([1.0, 2.0], [1.5, 4.0], reduction="none")
    array([0.125, 2.   ])
    >>> fl.half_squared_error.gradient([1.0, 2.0], [1.5, 4.0], reduction="none")
    array([0.5, 2. ])
    """

    curvature = "quadratic"
    of_residual = True
    numpy_value = "np.mean((y_true - y_pred) ** 2 / 2)"
    numpy_gradient = "(y_pred - y_true) / n"


@dataclass(frozen=True, slots=True)
class AbsoluteError(Loss):
    r"""Absolute error (MAE when averaged). Short name of the default instance: ``fl.mae``.

    Notes
    -----
    .. math::

        \ell = |r|, \qquad g = \operatorname{sign}(r), \qquad h = 0

    The gradient is 0 at the kink :math:`r = 0`.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.mae([1.0, 2.0], [1.5, 4.0])
    1.25
    >>> fl.mae.gradient([1.0, 2.0], [1.5, 2.0], reduction="none")
    array([1., 0.])
    """

    curvature = "absolute"
    of_residual = True
    numpy_value = "np.mean(np.abs(y_true - y_pred))"
    numpy_gradient = "np.sign(y_pred - y_true) / n"

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: a weighted median of the labels."""
        return links.quantile(self, y_true, sample_weight, 0.5)


@dataclass(frozen=True, slots=True)
class RootMeanSquaredError(MeanOptimal, Loss):
    r"""Root mean squared error. Short name of the default instance: ``fl.rmse``.

    Notes
    -----
    .. math::

        L = \sqrt{\frac{\sum_i w_i r_i^2}{\sum_i w_i}}, \qquad \frac{\partial L}{\partial p_i} = \frac{w_i r_i}{L \sum_j w_j}

    The root mixes all samples: ``reduction`` can only be ``"mean"``, and there is no Hessian. At a perfect fit the gradient is
    0. The squares neither overflow nor vanish where the root itself is a number.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.rmse([1.0, 2.0], [2.0, 9.0])
    5.0
    >>> fl.rmse.gradient([1.0, 2.0], [2.0, 9.0])
    array([0.1, 0.7])
    """

    numpy_value = "np.sqrt(np.mean((y_true - y_pred) ** 2))"
    numpy_gradient = "(y_pred - y_true) / (n * np.sqrt(np.mean((y_true - y_pred) ** 2)))"

    reductions = ("mean",)
    no_hessian = "the root mixes all samples. Use HalfSquaredError, which has the same minimum."


@dataclass(frozen=True, slots=True)
class Huber(Loss):
    r"""Huber's loss: squared near zero, linear in the tails.

    Parameters
    ----------
    delta : float, default=1.0
        Where the tails begin, > 0.

    See Also
    --------
    SmoothL1 : the same divided by its threshold.
    PseudoHuber : a smooth version.

    Notes
    -----
    .. math::

        \ell = \begin{cases} r^2/2 & |r| \le \delta \\ \delta (|r| - \delta/2) & |r| > \delta \end{cases}, \qquad
        g = \operatorname{clip}(r, -\delta, \delta), \qquad h = [|r| \le \delta]

    References
    ----------
    P. J. Huber, Robust Estimation of a Location Parameter, Ann. Math. Statist. 35 (1964). doi:10.1214/aoms/1177703732

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.huber([0.0, 0.0], [0.5, 3.0], reduction="none")
    array([0.125, 2.5  ])
    >>> fl.Huber(delta=2.0).gradient([0.0, 0.0], [0.5, 3.0], reduction="none")
    array([0.5, 2. ])
    """

    delta: float = parameter(1.0, POSITIVE)

    curvature = "robust"
    of_residual = True
    numpy_value = (
        "np.mean(np.where(np.abs(y_pred - y_true) <= delta, (y_pred - y_true) ** 2 / 2,"
        " delta * (np.abs(y_pred - y_true) - delta / 2)))"
    )
    numpy_gradient = "np.clip(y_pred - y_true, -delta, delta) / n"


@dataclass(frozen=True, slots=True)
class SmoothL1(Loss):
    r"""Smooth L1 loss (torch's ``smooth_l1_loss``): Huber's loss divided by its threshold.

    Parameters
    ----------
    beta : float, default=1.0
        Where the tails begin, >= 0. With 0 this is the absolute error.

    See Also
    --------
    Huber : beta times this loss, with ``delta=beta``.

    Notes
    -----
    .. math::

        \ell = \begin{cases} r^2/(2\beta) & |r| < \beta \\ |r| - \beta/2 & |r| \ge \beta \end{cases}, \qquad
        g = \operatorname{clip}(r/\beta, -1, 1), \qquad h = [|r| < \beta] / \beta

    References
    ----------
    R. Girshick, Fast R-CNN, ICCV (2015). doi:10.1109/ICCV.2015.169

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.smooth_l1([0.0, 0.0], [0.5, 3.0], reduction="none")
    array([0.125, 2.5  ])
    >>> fl.SmoothL1(beta=0.5).gradient([0.0, 0.0], [0.25, 3.0], reduction="none")
    array([0.5, 1. ])
    """

    beta: float = parameter(1.0, NOT_NEGATIVE)

    of_residual = True
    numpy_value = (
        "np.mean(np.where(np.abs(y_pred - y_true) < beta, (y_pred - y_true) ** 2 / (2 * beta),"
        " np.abs(y_pred - y_true) - beta / 2))"
    )
    numpy_gradient = "np.clip((y_pred - y_true) / beta, -1, 1) / n"

    @property
    def curvature(self) -> str:  # type: ignore[override] # follows from the parameters
        """What stands in for the Hessian."""
        return "robust" if self.beta else "absolute"


@dataclass(frozen=True, slots=True)
class PseudoHuber(Loss):
    r"""Pseudo-Huber loss: a smooth Huber loss (XGBoost's ``reg:pseudohubererror``).

    Parameters
    ----------
    delta : float, default=1.0
        Scale of the transition from squared to linear, > 0.

    Notes
    -----
    .. math::

        \ell = \delta^2 \left(\sqrt{1 + (r/\delta)^2} - 1\right), \qquad
        g = \frac{r}{\sqrt{1 + (r/\delta)^2}}, \qquad h = \left(1 + (r/\delta)^2\right)^{-3/2}

    The value is computed without the subtraction.

    References
    ----------
    P. Charbonnier et al., Deterministic edge-preserving regularization in computed imaging, IEEE Trans. Image Process. 6
    (1997). doi:10.1109/83.551699

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.pseudo_huber([0.0], [2.0**-30])
    4.336808689942018e-19
    >>> fl.pseudo_huber.gradient([0.0, 0.0], [0.75, 1e30], reduction="none")
    array([0.6, 1. ])
    """

    delta: float = parameter(1.0, POSITIVE)

    curvature = "linear_tails"
    of_residual = True
    numpy_value = "np.mean(delta**2 * (np.sqrt(1 + ((y_pred - y_true) / delta) ** 2) - 1))"
    numpy_gradient = "(y_pred - y_true) / np.sqrt(1 + ((y_pred - y_true) / delta) ** 2) / n"


@dataclass(frozen=True, slots=True)
class LogCosh(Loss):
    r"""Log-cosh loss.

    Notes
    -----
    .. math::

        \ell = \log\cosh r, \qquad g = \tanh r, \qquad h = \operatorname{sech}^2 r

    Right to the last digits for the smallest and the largest :math:`r`, where the usual forms return 0 or infinity.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.log_cosh([0.0, 0.0], [1e-8, 1e30], reduction="none")
    array([5.e-17, 1.e+30])
    >>> fl.log_cosh.gradient([0.0, 0.0], [1e-8, 1e30], reduction="none")
    array([1.e-08, 1.e+00])
    """

    curvature = "linear_tails"
    of_residual = True
    numpy_value = "np.mean(np.log(np.cosh(y_pred - y_true)))"
    numpy_gradient = "np.tanh(y_pred - y_true) / n"


@dataclass(frozen=True, slots=True)
class Quantile(Loss):
    r"""Quantile (pinball) loss.

    Parameters
    ----------
    alpha : float, default=0.5
        Level of the quantile, in (0, 1).

    Notes
    -----
    .. math::

        \ell = \begin{cases} (1 - \alpha) r & r \ge 0 \\ -\alpha r & r < 0 \end{cases}, \qquad
        g = \begin{cases} 1 - \alpha & r > 0 \\ 0 & r = 0 \\ -\alpha & r < 0 \end{cases}, \qquad h = 0

    scikit-learn's ``mean_pinball_loss`` is its mean.

    References
    ----------
    R. Koenker, G. Bassett, Regression Quantiles, Econometrica 46 (1978). doi:10.2307/1913643

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.Quantile(alpha=0.75)([1.0, 2.0], [0.0, 4.0], reduction="none")
    array([0.75, 0.5 ])
    >>> fl.Quantile(alpha=0.75).gradient([1.0, 2.0], [0.0, 4.0], reduction="none")
    array([-0.75,  0.25])
    """

    alpha: float = parameter(0.5, OPEN_UNIT)

    curvature = "half_kinked"
    of_residual = True
    numpy_value = "np.mean(np.maximum(alpha * (y_true - y_pred), (alpha - 1) * (y_true - y_pred)))"
    numpy_gradient = "np.where(y_pred > y_true, 1 - alpha, np.where(y_pred < y_true, -alpha, 0.0)) / n"

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: a weighted quantile of the labels."""
        return links.quantile(self, y_true, sample_weight, self.alpha)


@dataclass(frozen=True, slots=True)
class Expectile(Loss):
    r"""Expectile loss: asymmetric squares.

    Parameters
    ----------
    alpha : float, default=0.5
        Level of the expectile, in (0, 1). 0.5 is half the squared error.

    Notes
    -----
    .. math::

        \ell = w r^2, \qquad g = 2 w r, \qquad h = 2 w, \qquad
        w = \begin{cases} 1 - \alpha & r \ge 0 \\ \alpha & r < 0 \end{cases}

    References
    ----------
    W. K. Newey, J. L. Powell, Asymmetric Least Squares Estimation and Testing, Econometrica 55 (1987). doi:10.2307/1911031

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.Expectile(alpha=0.75)([1.0, 2.0], [0.0, 4.0], reduction="none")
    array([0.75, 1.  ])
    >>> fl.Expectile(alpha=0.75).gradient([1.0, 2.0], [0.0, 4.0], reduction="none")
    array([-1.5,  1. ])
    """

    alpha: float = parameter(0.5, OPEN_UNIT)

    curvature = "quadratic"
    of_residual = True
    numpy_value = "np.mean(np.where(y_pred >= y_true, (1 - alpha) * (y_pred - y_true) ** 2, alpha * (y_pred - y_true) ** 2))"
    numpy_gradient = "np.where(y_pred >= y_true, 2 * (1 - alpha) * (y_pred - y_true), 2 * alpha * (y_pred - y_true)) / n"


@dataclass(frozen=True, slots=True)
class SquaredLogError(Loss):
    r"""Squared error of the logarithms of one plus the numbers (MSLE when averaged); both must be > -1.

    Notes
    -----
    With :math:`d = \log(1 + p) - \log(1 + y)`,

    .. math::

        \ell = d^2, \qquad g = \frac{2 d}{1 + p}, \qquad h = \frac{2 (1 - d)}{(1 + p)^2}

    The two logarithms are never subtracted: :math:`d` keeps its digits when the numbers are close.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.squared_log_error([1.0], [1.0 + 2**-52])
    1.232595164407831e-32
    >>> fl.squared_log_error.gradient([0.0], [1.0])
    array([0.69314718])
    """

    curvature = "expected"
    numpy_value = "np.mean((np.log1p(y_pred) - np.log1p(y_true)) ** 2)"
    numpy_gradient = "2 * (np.log1p(y_pred) - np.log1p(y_true)) / (1 + y_pred) / n"

    def _domains(self) -> dict[str, Domain]:
        above = Interval(-1.0, open_low=True)
        return {"y_true": above, "y_pred": above}

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: expm1 of the weighted mean of log1p of the labels."""
        labels, weights = links.labels_and_weights(self, y_true, sample_weight)
        logarithms = np.log1p(_arrays.decode(labels), dtype=np.float64)
        return math.expm1(links.mean(SquaredError(), logarithms, None if weights is None else _arrays.decode(weights)))


@dataclass(frozen=True, slots=True)
class AbsolutePercentageError(Loss):
    r"""Absolute error relative to the label, as a fraction (MAPE when averaged).

    Parameters
    ----------
    eps : float, default=2**-52
        The smallest denominator, > 0.

    Notes
    -----
    .. math::

        \ell = \frac{|r|}{\max(|y|, \epsilon)}, \qquad g = \frac{\operatorname{sign}(r)}{\max(|y|, \epsilon)}, \qquad h = 0

    scikit-learn's ``mean_absolute_percentage_error`` is its mean.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.absolute_percentage_error([2.0, -4.0], [3.0, -4.0], reduction="none")
    array([0.5, 0. ])
    >>> fl.absolute_percentage_error.gradient([2.0, -4.0], [3.0, -5.0], reduction="none")
    array([ 0.5 , -0.25])
    """

    eps: float = parameter(2.0**-52, POSITIVE)

    curvature = "kinked"
    numpy_value = "np.mean(np.abs(y_true - y_pred) / np.maximum(np.abs(y_true), eps))"
    numpy_gradient = "np.sign(y_pred - y_true) / np.maximum(np.abs(y_true), eps) / n"

    def _without_derivative(self) -> dict[str, str]:
        return {"eps": "is a clamp of labels near 0"}

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant prediction that minimises the loss: a median of the labels weighted by one over their size."""
        labels, _ = links.labels_and_weights(self, y_true, sample_weight)
        sizes = np.maximum(np.abs(_arrays.decode(labels).astype(np.float64)), self.eps)
        return links.quantile(self, y_true, sample_weight, 0.5, scale=1 / sizes)


@dataclass(frozen=True, slots=True)
class SymmetricAbsolutePercentageError(Loss):
    r"""Absolute error relative to the mean size of label and prediction, in [0, 2] (SMAPE when averaged).

    Notes
    -----
    .. math::

        \ell = \frac{2 |r|}{|y| + |p|}, \qquad
        g = \operatorname{sign}(r) \frac{4 |y|}{(|y| + |p|)^2}, \qquad
        h = -\operatorname{sign}(r) \operatorname{sign}(p) \frac{8 |y|}{(|y| + |p|)^3}

    Derivatives are 0 where the signs differ or one number is 0: there the loss is 2. :math:`0/0` is 0.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.symmetric_absolute_percentage_error([1.0, 0.0], [3.0, 0.0], reduction="none")
    array([1., 0.])
    >>> fl.symmetric_absolute_percentage_error.gradient([1.0, -1.0], [3.0, 1.0], reduction="none")
    array([0.25, 0.  ])
    """

    curvature = "unbounded_kinked"
    numpy_value = "np.mean(2 * np.abs(y_true - y_pred) / (np.abs(y_true) + np.abs(y_pred)))"


@dataclass(frozen=True, slots=True)
class LpError(Loss):
    r"""A power of the absolute error (CatBoost's Lq).

    Parameters
    ----------
    p : float, default=1.5
        The power, >= 1.

    Notes
    -----
    .. math::

        \ell = |r|^p, \qquad g = \operatorname{sign}(r)\, p |r|^{p-1}, \qquad h = p (p - 1) |r|^{p-2}

    At :math:`r = 0` the gradient is 0, and the Hessian is infinite for :math:`1 < p < 2`.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.LpError(p=3.0)([0.0, 0.0], [2.0, -3.0], reduction="none")
    array([ 8., 27.])
    >>> fl.LpError(p=3.0).gradient([0.0, 0.0], [2.0, -3.0], reduction="none")
    array([ 12., -27.])
    """

    p: float = parameter(1.5, AT_LEAST_ONE)

    of_residual = True
    numpy_value = "np.mean(np.abs(y_pred - y_true) ** p)"
    numpy_gradient = "p * np.sign(y_pred - y_true) * np.abs(y_pred - y_true) ** (p - 1) / n"

    @property
    def curvature(self) -> str:  # type: ignore[override] # follows from the parameters
        """What stands in for the Hessian: between 1 and 2 it has no bound at r = 0, above 2 none far away."""
        return {1.0: "absolute", 2.0: "quadratic"}.get(self.p, "unbounded_kinked")


@dataclass(frozen=True, slots=True)
class Fair(Loss):
    r"""Fair's robust loss (LightGBM's ``fair``): squared near zero, linear in the tails.

    Parameters
    ----------
    c : float, default=1.0
        Scale, > 0.

    Notes
    -----
    .. math::

        \ell = c^2 \left(\frac{|r|}{c} - \log\left(1 + \frac{|r|}{c}\right)\right), \qquad
        g = \frac{r}{1 + |r|/c}, \qquad h = \frac{1}{(1 + |r|/c)^2}

    The difference is taken by its own series where it would cancel.

    References
    ----------
    R. C. Fair, On the robust estimation of econometric models, Ann. Econ. Soc. Meas. 3 (1974).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.fair([0.0], [1e-10])
    4.999999999666667e-21
    >>> fl.fair.gradient([0.0, 0.0], [1.0, -3.0], reduction="none")
    array([ 0.5 , -0.75])
    """

    c: float = parameter(1.0, POSITIVE)

    curvature = "linear_tails"
    of_residual = True
    numpy_value = "np.mean(c**2 * (np.abs(y_pred - y_true) / c - np.log1p(np.abs(y_pred - y_true) / c)))"
    numpy_gradient = "(y_pred - y_true) / (1 + np.abs(y_pred - y_true) / c) / n"


@dataclass(frozen=True, slots=True)
class Cauchy(Loss):
    r"""Cauchy (Lorentzian) loss: grows like a logarithm.

    Parameters
    ----------
    c : float, default=1.0
        Scale, > 0.

    Notes
    -----
    .. math::

        \ell = \frac{c^2}{2} \log\left(1 + (r/c)^2\right), \qquad
        g = \frac{r}{1 + (r/c)^2}, \qquad h = \frac{1 - (r/c)^2}{(1 + (r/c)^2)^2}

    The Hessian is negative for :math:`|r| > c`.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.cauchy([0.0], [1.0])
    0.34657359027997264
    >>> fl.cauchy.gradient([0.0, 0.0], [1.0, -3.0], reduction="none")
    array([ 0.5, -0.3])
    """

    c: float = parameter(1.0, POSITIVE)

    curvature = "robust"
    of_residual = True
    numpy_value = "np.mean(c**2 / 2 * np.log1p(((y_pred - y_true) / c) ** 2))"
    numpy_gradient = "(y_pred - y_true) / (1 + ((y_pred - y_true) / c) ** 2) / n"


@dataclass(frozen=True, slots=True)
class Welsch(Loss):
    r"""Welsch (Leclerc) loss: bounded by :math:`c^2/2`.

    Parameters
    ----------
    c : float, default=1.0
        Scale, > 0.

    Notes
    -----
    .. math::

        \ell = \frac{c^2}{2} \left(1 - e^{-(r/c)^2}\right), \qquad
        g = r e^{-(r/c)^2}, \qquad h = \left(1 - 2 (r/c)^2\right) e^{-(r/c)^2}

    The Hessian is negative for :math:`|r| > c/\sqrt 2`.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.welsch([0.0], [1e9])
    0.5
    >>> fl.welsch.gradient([0.0], [1.0])
    array([0.36787944])
    """

    c: float = parameter(1.0, POSITIVE)

    curvature = "robust"
    of_residual = True
    numpy_value = "np.mean(c**2 / 2 * (1 - np.exp(-(((y_pred - y_true) / c) ** 2))))"
    numpy_gradient = "(y_pred - y_true) * np.exp(-(((y_pred - y_true) / c) ** 2)) / n"


@dataclass(frozen=True, slots=True)
class Tukey(Loss):
    r"""Tukey's biweight: constant, with gradient 0, from :math:`|r| = c`.

    Parameters
    ----------
    c : float, default=4.685
        Where samples stop to count, > 0. The default is 95 % efficient for normal errors of variance 1.

    Notes
    -----
    .. math::

        \ell = \frac{c^2}{6} \left(1 - \left(1 - (r/c)^2\right)^3\right), \qquad
        g = r \left(1 - (r/c)^2\right)^2, \qquad h = \left(1 - (r/c)^2\right) \left(1 - 5 (r/c)^2\right)

    for :math:`|r| \le c`, else :math:`c^2/6`, 0 and 0. The Hessian is negative for :math:`|r| > c/\sqrt 5`.

    References
    ----------
    A. E. Beaton, J. W. Tukey, The Fitting of Power Series, Technometrics 16 (1974). doi:10.1080/00401706.1974.10489171

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.Tukey(c=2.0)([0.0, 0.0], [1.0, 9.0], reduction="none")
    array([0.38541667, 0.66666667])
    >>> fl.Tukey(c=2.0).gradient([0.0, 0.0], [1.0, 9.0], reduction="none")
    array([0.5625, 0.    ])
    """

    c: float = parameter(4.685, POSITIVE)

    curvature = "robust"
    of_residual = True
    numpy_value = "np.mean(c**2 / 6 * (1 - np.maximum(1 - ((y_pred - y_true) / c) ** 2, 0) ** 3))"
    numpy_gradient = "(y_pred - y_true) * np.maximum(1 - ((y_pred - y_true) / c) ** 2, 0) ** 2 / n"


@dataclass(frozen=True, slots=True)
class Poisson(LogLink, Loss):
    r"""Poisson negative log-likelihood for counts ``y_true`` >= 0.

    Parameters
    ----------
    from_log : bool, default=True
        ``y_pred`` is the logarithm z of the mean; otherwise the mean itself, >= 0.
    full : bool, default=False
        Add :math:`\log y! = \log\Gamma(y + 1)`, exactly (not Stirling's approximation).

    Notes
    -----
    From the logarithm, and from the mean :math:`\mu`:

    .. math::

        \ell = e^z - y z, \qquad g = e^z - y, \qquad h = e^z \\
        \ell = \mu - y \log\mu, \qquad g = 1 - y/\mu, \qquad h = y/\mu^2

    torch's ``poisson_nll_loss`` has the same parameters as ``log_input`` and ``full`` (with Stirling's approximation).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.poisson([3.0], [1.0])
    -0.2817181715409549
    >>> fl.Poisson(from_log=False).gradient([3.0], [2.0])
    array([-0.5])
    """

    from_log: bool = True
    full: bool = False

    formula = "poisson_log"
    curvature = "log_link"
    numpy_value = "np.mean(np.exp(y_pred) - y_true * y_pred)"
    numpy_gradient = "(np.exp(y_pred) - y_true) / n"

    def _kernel_name(self) -> str:
        return f"poisson_{'log' if self.from_log else 'mean'}{'_full' if self.full else ''}"

    def _domains(self) -> dict[str, Domain]:
        mean = Interval(0.0, hint="Pass from_log=True if these are logarithms of means.")
        return {"y_true": NOT_NEGATIVE} if self.from_log else {"y_true": NOT_NEGATIVE, "y_pred": mean}


@dataclass(frozen=True, slots=True)
class Gamma(LogLink, Loss):
    r"""Half the gamma deviance up to a constant, for labels > 0.

    Parameters
    ----------
    from_log : bool, default=True
        ``y_pred`` is the logarithm z of the mean; otherwise the mean itself, > 0.

    Notes
    -----
    From the logarithm, and from the mean :math:`\mu`:

    .. math::

        \ell = z + y e^{-z}, \qquad g = 1 - y e^{-z}, \qquad h = y e^{-z} \\
        \ell = \log\mu + y/\mu, \qquad g = (\mu - y)/\mu^2, \qquad h = (2 y - \mu)/\mu^3

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.gamma([2.0], [0.0])
    2.0
    >>> fl.gamma.gradient([2.0], [0.0])
    array([-1.])
    """

    from_log: bool = True

    formula = "gamma_log"
    curvature = "log_link"
    numpy_value = "np.mean(y_pred + y_true * np.exp(-y_pred))"
    numpy_gradient = "(1 - y_true * np.exp(-y_pred)) / n"

    def _kernel_name(self) -> str:
        return "gamma_log" if self.from_log else "gamma_mean"

    def _domains(self) -> dict[str, Domain]:
        mean = Interval(0.0, open_low=True, hint="Pass from_log=True if these are logarithms of means.")
        return {"y_true": POSITIVE} if self.from_log else {"y_true": POSITIVE, "y_pred": mean}


#: The ends of the names of the kernels of powers that have one of their own.
TWEEDIE_KINDS = {1.0: "_poisson", 1.5: "_of_roots", 2.0: "_gamma", 3.0: "_inverse_gaussian"}


@dataclass(frozen=True, slots=True)
class Tweedie(LogLink, Loss):
    r"""Half the Tweedie deviance.

    Parameters
    ----------
    power : float, default=1.5
        Power p of the variance function, in [1, 2], or 0 (normal) or 3 (inverse Gaussian). 1 is Poisson, 2 is gamma.
    from_log : bool, default=True
        ``y_pred`` is the logarithm z of the mean; otherwise the mean :math:`\mu` itself, > 0 (any number for power 0).

    Notes
    -----
    .. math::

        \ell = \frac{y^{2-p}}{(1-p)(2-p)} - \frac{y \mu^{1-p}}{1-p} + \frac{\mu^{2-p}}{2-p}

    and its limits :math:`(y - \mu)^2/2`, :math:`y \log(y/\mu) - y + \mu` and :math:`\log(\mu/y) + y/\mu - 1` for the powers
    0, 1 and 2. With respect to :math:`z`, and to :math:`\mu`:

    .. math::

        g = \mu^{2-p} - y \mu^{1-p}, \qquad h = (2-p) \mu^{2-p} - (1-p) y \mu^{1-p} \\
        g = (\mu - y) \mu^{-p}, \qquad h = (p y - (p - 1) \mu) \mu^{-p-1}

    The derivative by the power is that of powers in [1, 2], at the ends the limit from inside.

    Labels must be >= 0, > 0 from power 2, and may be any number for power 0. scikit-learn's ``mean_tweedie_deviance`` is twice
    the mean of this loss with ``from_log=False``.

    References
    ----------
    B. Jorgensen, Exponential Dispersion Models, J. R. Stat. Soc. B 49 (1987). doi:10.1111/j.2517-6161.1987.tb01685.x

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.Tweedie(power=1.5, from_log=False)([4.0], [1.0])
    2.0
    >>> fl.Tweedie(power=2.0).gradient([2.0], [0.0])
    array([-1.])
    """

    power: float = parameter(1.5, Interval(0.0, 3.0))
    from_log: bool = True

    formula = "tweedie_log"
    curvature = "log_link"
    numpy_value = (
        "np.mean(y_true ** (2 - power) / ((1 - power) * (2 - power)) - y_true * np.exp((1 - power) * y_pred) / (1 - power)"
        " + np.exp((2 - power) * y_pred) / (2 - power))"
    )
    numpy_gradient = "(np.exp((2 - power) * y_pred) - y_true * np.exp((1 - power) * y_pred)) / n"

    @property
    def growth(self) -> float:  # type: ignore[override] # follows from the parameters
        """The largest exponent of the mean."""
        return max(abs(2 - self.power), abs(1 - self.power))

    def __post_init__(self) -> None:
        Loss.__post_init__(self)
        if not (1 <= self.power <= 2 or self.power in (0, 3)):
            raise ValueError(f"Tweedie: power must lie in [1, 2] or be 0 or 3; got {self.power!r}.")

    def _kernel_name(self) -> str:
        if self.power == 0:
            return "tweedie_log_normal" if self.from_log else "half_squared_error"
        return f"tweedie_{'log' if self.from_log else 'mean'}{TWEEDIE_KINDS.get(self.power, '')}"

    def _kernel_by(self, parameter: str) -> str:
        # whatever the power is, the kernel of all
        return f"tweedie_{'log' if self.from_log else 'mean'}_by_{parameter}"

    def _without_derivative(self) -> dict[str, str]:
        return {"power": f"is {self.power:g}, and there are no powers beside it"} if self.power in (0, 3) else {}

    def _domains(self) -> dict[str, Domain]:
        if self.power == 0:
            return {}
        labels: dict[str, Domain] = {"y_true": POSITIVE if self.power >= 2 else NOT_NEGATIVE}
        mean = Interval(0.0, open_low=True, hint="Pass from_log=True if these are logarithms of means.")
        return labels if self.from_log else {**labels, "y_pred": mean}


@dataclass(frozen=True, slots=True)
class GaussianNLL(LossOfSeveral):
    r"""Gaussian negative log-likelihood with a predicted variance: ``loss(y_true, mean, var)``.

    Parameters
    ----------
    full : bool, default=False
        Add the constant :math:`\log(2\pi)/2`.
    eps : float, default=1e-6
        The smallest variance that is used, > 0. Below it the loss does not depend on ``var``.

    Notes
    -----
    With :math:`r = \mu - y` and :math:`v = \max(\mathrm{var}, \epsilon)`,

    .. math::

        \ell = \frac12 \left(\log v + \frac{r^2}{v}\right), \qquad
        g_\mu = \frac{r}{v}, \quad g_v = \frac{v - r^2}{2 v^2}, \qquad
        h_\mu = \frac1v, \quad h_v = \frac{2 r^2 - v}{2 v^3}

    Gradients and Hessians are tuples, for ``mean`` and ``var``; those of ``var`` are 0 where it is at most ``eps``. Negative
    variances raise. torch's ``gaussian_nll_loss`` has the arguments in the order (mean, y_true, var).

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.gaussian_nll([1.0], [3.0], [1.0])
    2.0
    >>> fl.gaussian_nll.gradient([1.0], [3.0], [2.0])
    (array([1.]), array([-0.25]))
    """

    full: bool = False
    eps: float = parameter(1e-6, POSITIVE)

    numpy_value = "np.mean((np.log(np.maximum(var, eps)) + (mean - y_true) ** 2 / np.maximum(var, eps)) / 2)"

    def _without_derivative(self) -> dict[str, str]:
        return {"eps": "is a clamp of small variances"}

    def _domains(self) -> dict[str, Domain]:
        return {"var": NOT_NEGATIVE}

    def init_score(self, y_true: Any, sample_weight: Any = None) -> tuple[float, float]:  # type: ignore[override] # two predictions
        """Find the constant mean and variance that minimise the loss: those of the labels."""
        mean = links.mean(self, y_true, sample_weight)
        return mean, SquaredError()(y_true, np.broadcast_to(np.float64(mean), np.shape(y_true)), sample_weight)
