"""Penalties on the parameters of a model: t is one of them, and sums go over all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..domains import NOT_NEGATIVE, UNIT, parameter
from ..penalties import Penalty


@dataclass(frozen=True, slots=True)
class L1Penalty(Penalty):
    r"""Penalty on the absolute values of parameters (the lasso's).

    Parameters
    ----------
    strength : float, default=1.0
        What multiplies the sum of the absolute values.

    Notes
    -----
    .. math::

        P = s \sum_i |t_i|, \qquad g_i = s \operatorname{sign}(t_i), \qquad h_i = 0

    The gradient is 0 at the kink :math:`t = 0`. The sum is exact, rounded once. A penalty is a sum, not a mean; what it is
    added to is a mean as a rule, so that scikit-learn's ``Lasso(alpha=a)`` is ``HalfSquaredError() + L1Penalty(a)``.

    References
    ----------
    R. Tibshirani, Regression shrinkage and selection via the lasso, J. R. Stat. Soc. B 58 (1996).

    Examples
    --------
    >>> import fastloss as fl
    >>> penalty = fl.L1Penalty(0.5)
    >>> penalty([[1.0, -2.0], [0.0, 4.0]])
    3.5
    >>> penalty.gradient([1.0, -2.0, 0.0])
    array([ 0.5, -0.5,  0. ])
    """

    numpy_value = "strength * np.sum(np.abs(parameters))"
    numpy_gradient = "strength * np.sign(parameters)"
    strength: float = parameter(1.0, NOT_NEGATIVE)

    def _strengths(self) -> tuple[float, float]:
        return self.strength, 0.0

    def _slopes(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {"strength": ((1.0, 0.0),)}

    def _times(self, factor: Any) -> L1Penalty:
        return replace(self, strength=factor * self.strength)


@dataclass(frozen=True, slots=True)
class L2Penalty(Penalty):
    r"""Penalty on the squares of parameters (ridge regression's, weight decay).

    Parameters
    ----------
    strength : float, default=1.0
        What multiplies half the sum of the squares.

    Notes
    -----
    .. math::

        P = \frac{s}{2} \sum_i t_i^2, \qquad g_i = s t_i, \qquad h_i = s

    The sum is exact, rounded once. A penalty is a sum, not a mean; what it is added to is a mean as a rule, so that of n
    samples scikit-learn's ``LogisticRegression(C=c)`` has the strength 1 / (c n), and ``Ridge(alpha=a)`` is
    ``HalfSquaredError()`` with the strength a / n.

    References
    ----------
    A. E. Hoerl, R. W. Kennard, Ridge regression: biased estimation for nonorthogonal problems, Technometrics 12 (1970).

    Examples
    --------
    >>> import fastloss as fl
    >>> penalty = fl.L2Penalty(0.5)
    >>> penalty([1.0, -2.0, 3.0])
    3.5
    >>> penalty.gradient([1.0, -2.0, 3.0])
    array([ 0.5, -1. ,  1.5])
    """

    numpy_value = "strength / 2 * np.sum(parameters**2)"
    numpy_gradient = "strength * parameters"
    strength: float = parameter(1.0, NOT_NEGATIVE)

    def _strengths(self) -> tuple[float, float]:
        return 0.0, self.strength

    def _slopes(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {"strength": ((0.0, 1.0),)}

    def _times(self, factor: Any) -> L2Penalty:
        return replace(self, strength=factor * self.strength)


@dataclass(frozen=True, slots=True)
class ElasticNet(Penalty):
    r"""Penalty on absolute values and squares of parameters, in scikit-learn's parameters.

    Parameters
    ----------
    strength : float, default=1.0
        What multiplies both parts: scikit-learn's ``alpha``.
    l1_ratio : float, default=0.5
        The share of the absolute values, in [0, 1].

    See Also
    --------
    L1L2Penalty : the same with a strength for each part.

    Notes
    -----
    .. math::

        P = s \sum_i \left( \rho |t_i| + \frac{1 - \rho}{2} t_i^2 \right), \qquad
        g_i = s \left( \rho \operatorname{sign}(t_i) + (1 - \rho) t_i \right), \qquad h_i = s (1 - \rho)

    with the ``l1_ratio`` :math:`\rho`. The gradient is 0 at the kink :math:`t = 0`. The sum is exact, rounded once. With the
    shares 1 and 0 it has the bits of `L1Penalty` and `L2Penalty`.

    References
    ----------
    H. Zou, T. Hastie, Regularization and variable selection via the elastic net, J. R. Stat. Soc. B 67 (2005).

    Examples
    --------
    >>> import fastloss as fl
    >>> penalty = fl.ElasticNet(2.0, l1_ratio=0.25)
    >>> penalty([1.0, -2.0])
    5.25
    >>> penalty.gradient([1.0, -2.0, 0.0])
    array([ 2. , -3.5,  0. ])
    """

    numpy_value = "strength * np.sum(l1_ratio * np.abs(parameters) + (1 - l1_ratio) / 2 * parameters**2)"
    numpy_gradient = "strength * (l1_ratio * np.sign(parameters) + (1 - l1_ratio) * parameters)"
    strength: float = parameter(1.0, NOT_NEGATIVE)
    l1_ratio: float = parameter(0.5, UNIT)

    def _strengths(self) -> tuple[float, float]:
        return self.strength * self.l1_ratio, self.strength * (1.0 - self.l1_ratio)

    def _slopes(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {
            "strength": ((self.l1_ratio, 1.0 - self.l1_ratio),),
            "l1_ratio": ((self.strength, 0.0), (0.0, self.strength)),
        }

    def _times(self, factor: Any) -> ElasticNet:
        return replace(self, strength=factor * self.strength)


@dataclass(frozen=True, slots=True)
class L1L2Penalty(Penalty):
    r"""Penalty on absolute values and squares of parameters, with a strength for each: what penalties add up to.

    Parameters
    ----------
    l1, l2 : float, default=1.0
        What multiplies the sum of the absolute values, and half the sum of the squares.

    See Also
    --------
    ElasticNet : the same by the strength of both parts and the share of one.

    Notes
    -----
    .. math::

        P = \sum_i \left( \lambda_1 |t_i| + \frac{\lambda_2}{2} t_i^2 \right), \qquad
        g_i = \lambda_1 \operatorname{sign}(t_i) + \lambda_2 t_i, \qquad h_i = \lambda_2

    The gradient is 0 at the kink :math:`t = 0`. The sum is exact, rounded once.

    Examples
    --------
    >>> import fastloss as fl
    >>> penalty = fl.L1Penalty(0.5) + fl.L2Penalty(1.5)
    >>> penalty
    L1L2Penalty(l1=0.5, l2=1.5)
    >>> penalty([1.0, -2.0])
    5.25
    >>> penalty.gradient([1.0, -2.0, 0.0])
    array([ 2. , -3.5,  0. ])
    """

    listed = False
    numpy_value = "np.sum(l1 * np.abs(parameters) + l2 / 2 * parameters**2)"
    numpy_gradient = "l1 * np.sign(parameters) + l2 * parameters"
    l1: float = parameter(1.0, NOT_NEGATIVE)
    l2: float = parameter(1.0, NOT_NEGATIVE)

    def _strengths(self) -> tuple[float, float]:
        return self.l1, self.l2

    def _slopes(self) -> dict[str, tuple[tuple[float, float], ...]]:
        return {"l1": ((1.0, 0.0),), "l2": ((0.0, 1.0),)}

    def _times(self, factor: Any) -> L1L2Penalty:
        return replace(self, l1=factor * self.l1, l2=factor * self.l2)
