"""What the libraries' built-in objectives use for derivatives, where that differs from the exact ones.

Every convention is one of a few changes to what the loss's kernel returns: a factor, a floor, a constant Hessian, another value
at a kink. ``parity="xgboost"`` and so on pick a row of these tables.

==============  =====================  =====================  =====================  =====================
loss            XGBoost                LightGBM               CatBoost               scikit-learn
==============  =====================  =====================  =====================  =====================
squared         half of it             half of it             half of it             half of it
logistic        h >= 1e-16             exact                  exact                  exact
softmax         2 h, >= 1e-16          K / (K - 1) h          exact, full matrix     exact
Poisson         exp(0.7) h             exp(0.7) h             exact                  exact
gamma, Tweedie  exact                  exact                  exact (Tweedie)        exact
absolute        h = 1                  h = 1                  exact, 0               h = 1, leaves refitted
quantile        h = 1, r = 0 is above  h = 1, r = 0 is above  exact, 0               h = 1, r = 0 is below
Huber           (pseudo, exact)        h = 1                  exact                  -
hinge           h = 1, outside 1e-38   -                      -                      -
==============  =====================  =====================  =====================  =====================

The factor exp(0.7) is that of the default ``max_delta_step``. XGBoost and LightGBM refit the leaves of absolute errors and
quantiles, which a custom objective cannot ask them to do; `refit_leaves` does so afterwards.

XGBoost computes in float32, and its rounding errors are not imitated: probabilities of the models agree to some 1e-7, but where
Hessians are tiny, as in the tails of pseudo-Huber, the leaves magnify them, and a tree may split elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses
from ..loss import Loss

LIBRARIES = ("xgboost", "lightgbm", "catboost", "sklearn")


@dataclass(frozen=True, slots=True)
class Convention:
    """How a library's derivatives follow from the exact ones.

    Parameters
    ----------
    instead : Loss, default=None
        A loss to take the derivatives of in place of the user's.
    scale : float, default=1.0
        Factor of gradient and Hessian.
    factor : callable, default=None
        Factor of the Hessian for K scores per row.
    least : float, default=0.0
        The smallest Hessian.
    constant : bool, default=False
        The Hessian is 1.
    outside : float, default=None
        The Hessian where the gradient is 0, whatever the weight.
    tie : callable, default=None
        The gradient where prediction and label are equal.
    """

    instead: Loss | None = None
    scale: float = 1.0
    factor: Callable[[int], float] | None = None
    least: float = 0.0
    constant: bool = False
    outside: float | None = None
    tie: Callable[[Any], float] | None = None


_EXACT = Convention()
_FLOORED = Convention(least=1e-16)
_HALF = Convention(instead=losses.HalfSquaredError())
_ONE = Convention(constant=True)
_CAREFUL = Convention(factor=lambda width: math.exp(0.7))
_UP = Convention(constant=True, tie=lambda loss: 1 - loss.alpha)
_TWICE = Convention(factor=lambda width: 2.0, least=1e-16)
_CROSS_ENTROPIES = (losses.CategoricalCrossEntropy, losses.SparseCategoricalCrossEntropy)
_SQUARES: dict[type[Loss], Convention] = {losses.SquaredError: _HALF, losses.HalfSquaredError: _EXACT}

_CONVENTIONS: dict[str, dict[type[Loss], Convention]] = {
    "xgboost": {
        **_SQUARES,
        losses.BinaryCrossEntropy: _FLOORED,
        **dict.fromkeys(_CROSS_ENTROPIES, _TWICE),
        losses.Poisson: _CAREFUL,
        losses.Gamma: _EXACT,
        losses.Tweedie: _EXACT,
        losses.PseudoHuber: _EXACT,
        losses.SquaredLogError: Convention(scale=0.5, least=1e-6),
        losses.AbsoluteError: _ONE,
        losses.Quantile: _UP,
        losses.Hinge: Convention(constant=True, outside=float(np.finfo(np.float32).tiny)),
    },
    "lightgbm": {
        **_SQUARES,
        losses.BinaryCrossEntropy: _EXACT,
        **dict.fromkeys(_CROSS_ENTROPIES, Convention(factor=lambda width: width / (width - 1))),
        losses.Poisson: _CAREFUL,
        losses.Gamma: _EXACT,
        losses.Tweedie: _EXACT,
        losses.Huber: _ONE,
        losses.Fair: _EXACT,
        losses.AbsoluteError: _ONE,
        losses.Quantile: _UP,
    },
    "catboost": {
        **_SQUARES,
        losses.BinaryCrossEntropy: _EXACT,
        losses.BinaryFocal: _EXACT,
        **dict.fromkeys(_CROSS_ENTROPIES, _EXACT),
        losses.Poisson: _EXACT,
        losses.Tweedie: _EXACT,
        losses.Huber: _EXACT,
        losses.LogCosh: _EXACT,
        losses.AbsoluteError: _EXACT,
        losses.Quantile: _EXACT,
    },
    "sklearn": {
        **_SQUARES,
        losses.BinaryCrossEntropy: _EXACT,
        **dict.fromkeys(_CROSS_ENTROPIES, _EXACT),
        losses.Poisson: _EXACT,
        losses.Gamma: _EXACT,
        losses.Tweedie: _EXACT,
        losses.AbsoluteError: Convention(constant=True, tie=lambda loss: -1.0),
        losses.Quantile: Convention(constant=True, tie=lambda loss: -loss.alpha),
    },
}


def convention_of(loss: Loss, library: str) -> Convention:
    """Find a library's convention for a loss.

    Parameters
    ----------
    loss : Loss
        The loss.
    library : {"xgboost", "lightgbm", "catboost", "sklearn"}
        The library.

    Returns
    -------
    Convention

    Raises
    ------
    ValueError
        There is no such library, or it has no such objective.

    Examples
    --------
    >>> import fastloss as fl
    >>> from fastloss.boosting.parity import convention_of
    >>> convention_of(fl.quantile, "lightgbm").constant
    True
    """
    if library not in LIBRARIES:
        raise ValueError(f"parity must be None or one of {', '.join(map(repr, LIBRARIES))}; got {library!r}.")
    known = _CONVENTIONS[library]
    if type(loss) not in known:
        listed = ", ".join(cls.__name__ for cls in known)
        raise ValueError(f"parity={library!r}: {library} has no objective for {loss!r}. It has some for {listed}.")
    return known[type(loss)]


def apply(convention: Convention, loss: Loss, y_true: Any, y_pred: Any, weights: Any, gradient: Any, hessian: Any) -> None:
    """Change what depends on where prediction and label lie, in place: the driver has done the rest."""
    if convention.tie is not None:
        ties = np.equal(y_pred, y_true)
        if ties.any():
            tie = convention.tie(loss)
            weigh = weights if weights is None or gradient.ndim == 1 else np.broadcast_to(weights[:, None], gradient.shape)
            gradient[ties] = tie if weigh is None else tie * weigh[ties]
    if convention.outside is not None:
        hessian[gradient == 0] = convention.outside
