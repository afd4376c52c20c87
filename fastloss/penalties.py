"""Penalties on parameters, what they add up to, and costs with a penalty."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np

from . import _arrays
from ._core import GRADIENT, HESSIAN, VALUE, Inputs, Kernel
from ._types import Total
from .domains import brief
from .loss import Loss, bind
from .registry import get_loss


class Penalty(Loss):
    """Base class of the penalties: losses of parameters alone, which are added to costs.

    A penalty is a sum, not a mean: ``reduction`` is ``"sum"`` unless it is said to be ``"none"``, for each parameter its part.

    Penalties add up, and have multiples: ``L1Penalty(0.1) + L2Penalty(0.2)``, ``2.0 * L2Penalty()``. Added to a loss they make
    a `PenalizedLoss`.
    """

    __slots__ = ()

    formula = "elastic_net"
    family = "composite"
    reductions = ("sum", "none")

    def _strengths(self) -> tuple[float, float]:
        """Return what multiplies the absolute values, and half the squares."""
        raise NotImplementedError

    def _times(self, factor: float) -> Penalty:
        """Make the penalty that is so many times as strong."""
        raise NotImplementedError

    def _slopes(self) -> dict[str, tuple[tuple[float, float], ...]]:
        """Return the derivatives of these two by the parameters; of two pairs, the second one is subtracted from the first."""
        raise NotImplementedError

    def _parameters(self) -> dict[str, float]:
        return dict(zip(("l1", "l2"), self._strengths(), strict=True))

    def parameter_gradient(  # type: ignore[override] # parameters are all it takes
        self, parameters: Any, sample_weight: Any = None, reduction: Literal["sum"] = "sum"
    ) -> dict[str, float]:
        """Compute the derivatives of the penalty with respect to its strengths.

        Parameters
        ----------
        parameters, sample_weight : array_like
            As for the penalty.
        reduction : {"sum"}, default="sum"
            The penalty is a sum.

        Returns
        -------
        dict of str to float
            The derivatives by the names of what the penalty was made with: exact sums, rounded once.

        Examples
        --------
        >>> import fastloss as fl
        >>> fl.ElasticNet(strength=2.0, l1_ratio=0.5).parameter_gradient([1.0, -3.0])
        {'strength': 4.5, 'l1_ratio': -2.0}
        """
        return Loss.parameter_gradient(self, parameters, sample_weight=sample_weight, reduction=reduction)

    def _parameter_calls(self, inputs: Inputs, reduction: str) -> dict[str, tuple[Kernel, ...]]:
        # a penalty is linear in its strengths: its own kernel has all derivatives
        return {
            name: tuple(Kernel(self.formula, {"l1": l1, "l2": l2}) for l1, l2 in pairs)
            for name, pairs in self._slopes().items()
        }

    def __call__(  # type: ignore[override] # parameters are all it takes
        self, parameters: Any, sample_weight: Any = None, reduction: Literal["sum", "none"] = "sum", out: Any = None
    ) -> Any:
        """Compute the penalty.

        Parameters
        ----------
        parameters : array_like
            The parameters, of any shape: anything NumPy can read without a copy, of any layout. float32, float16 and bfloat16
            are computed with in float32, all others in float64.
        sample_weight : array_like, default=None
            One weight per parameter, or one per row of them, not negative. A parameter of weight zero is not penalised.
        reduction : {"sum", "none"}, default="sum"
            The penalty, or the part of each parameter.
        out : ndarray, default=None
            Where to write the parts of ``reduction="none"``.

        Returns
        -------
        float or ndarray
            The exact sum over all parameters, rounded once; 0.0 of none. An array of the shape of ``parameters`` for
            ``reduction="none"``.

        Raises
        ------
        ValueError
            A weight is negative or not finite, or there is another reduction.
        TypeError
            The arrays hold no real numbers.
        """
        return self._evaluate(VALUE, (parameters,), sample_weight, reduction, out)

    def gradient(  # type: ignore[override] # parameters are all it takes
        self, parameters: Any, sample_weight: Any = None, reduction: Literal["sum", "none"] = "sum", out: Any = None
    ) -> Any:
        """Compute the derivative by each parameter, as an array of their shape and floating dtype; ``out`` receives it."""
        return self._evaluate(GRADIENT, (parameters,), sample_weight, reduction, out)

    def value_and_gradient(  # type: ignore[override] # parameters are all it takes
        self, parameters: Any, sample_weight: Any = None, reduction: Literal["sum", "none"] = "sum", out: Any = None
    ) -> Any:
        """Compute the penalty and its gradient, in one pass over memory; ``out`` receives the gradient."""
        return self._evaluate(VALUE | GRADIENT, (parameters,), sample_weight, reduction, out)

    def gradient_and_hessian(  # type: ignore[override] # parameters are all it takes
        self, parameters: Any, sample_weight: Any = None, reduction: Literal["sum", "none"] = "sum", out: Any = None
    ) -> Any:
        """Compute the first and second derivatives by each parameter, in one pass; ``out`` is a pair of arrays."""
        return self._evaluate(GRADIENT | HESSIAN, (parameters,), sample_weight, reduction, out)

    def _weighted(self, *terms: tuple[Any, Loss]) -> Any:
        """Make the penalty of some times this one and, if there are two terms, of the other; or the loss with this penalty."""
        if len(terms) == 1:
            return self._times(float(terms[0][0]))
        factor, other = terms[1]
        if not isinstance(other, Penalty):
            return PenalizedLoss(other if factor == 1 else factor * other, self)
        l1, l2 = (a + factor * b for a, b in zip(self._strengths(), other._strengths(), strict=True))
        if l2 == 0:
            return get_loss("l1_penalty", strength=l1)
        return get_loss("l1_l2_penalty", l1=l1, l2=l2) if l1 else get_loss("l2_penalty", strength=l2)

    def __add__(self, other: Any) -> Any:
        return self._weighted((1.0, self), (1.0, other)) if isinstance(other, Loss) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return PenalizedLoss(other, self) if isinstance(other, Loss) else super().__radd__(other)


@dataclass(frozen=True, slots=True)
class PenalizedLoss:
    """A loss plus a penalty on the parameters that its predictions come from: ``loss + L2Penalty(1e-3)`` makes one.

    An immutable value like a loss: equal ones hash alike, it can be pickled, and its ``repr`` makes it again. More penalties
    and losses may be added to it, and it has multiples.

    Parameters
    ----------
    loss : Loss
        What predictions cost.
    penalty : Penalty
        What parameters cost.

    Notes
    -----
    .. math::

        C(y, p, t) = L(y, p) + P(t)

    where L is the mean of the losses, or their sum for ``reduction="sum"``, and P is the penalty, a sum in either case. Both
    are exact and rounded once, and then their sum is. Predictions are taken as given: derivatives by them and by the parameters
    are separate, and the chain rule from one to the other is the model's. (`linear_objective` has it for linear models.)

    See Also
    --------
    linear_objective : the same as a function of the parameters of a linear model, for ``scipy.optimize.minimize``.

    Examples
    --------
    >>> import fastloss as fl
    >>> objective = fl.HalfSquaredError() + fl.L2Penalty(0.1)
    >>> objective
    PenalizedLoss(loss=HalfSquaredError(), penalty=L2Penalty(strength=0.1))
    >>> y_true, y_pred, parameters = [1.0, 2.0], [1.5, 4.0], [3.0, -1.0]
    >>> objective(y_true, y_pred, parameters)
    1.5625
    >>> objective.gradient(y_true, y_pred, parameters)
    (array([0.25, 1.  ]), array([ 0.3, -0.1]))
    """

    loss: Loss
    penalty: Penalty

    #: How the losses of the samples can be reduced.
    reductions: ClassVar[tuple[str, ...]] = ("mean", "sum")

    def __post_init__(self) -> None:
        if not isinstance(self.loss, Loss) or isinstance(self.loss, Penalty):
            raise TypeError(f"PenalizedLoss: loss must be a loss of predictions; got {brief(self.loss)}.")
        if not isinstance(self.penalty, Penalty):
            raise TypeError(f"PenalizedLoss: penalty must be a penalty, such as L2Penalty(); got {brief(self.penalty)}.")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs: those of the loss, then ``parameters``."""
        return (*self.loss.inputs, "parameters")

    @property
    def optional(self) -> tuple[str, ...]:
        """The names of the loss's inputs that may be left out; they come after all others."""
        return self.loss.optional

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Penalty):
            return PenalizedLoss(self.loss, self.penalty + other)
        if isinstance(other, PenalizedLoss):
            return PenalizedLoss(self.loss + other.loss, self.penalty + other.penalty)
        return PenalizedLoss(self.loss + other, self.penalty) if isinstance(other, Loss) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        if isinstance(other, Penalty):
            return PenalizedLoss(self.loss, other + self.penalty)
        return PenalizedLoss(other + self.loss, self.penalty) if isinstance(other, Loss) else NotImplemented

    def __mul__(self, factor: Any) -> Any:
        return PenalizedLoss(self.loss * factor, self.penalty * factor) if isinstance(factor, Real) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Any:
        return self * (1.0 / divisor) if isinstance(divisor, Real) else NotImplemented

    def __call__(self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", **named: Any) -> float:
        """Compute the cost with the penalty.

        Parameters
        ----------
        *inputs : array_like
            Those of the loss, in its order, then ``parameters``, an array of any shape; or all of these by name. Of most losses
            they are ``y_true, y_pred, parameters``.
        sample_weight : array_like, default=None
            Weights of the samples, as the loss takes them. They do not concern the penalty.
        reduction : {"mean", "sum"}, default="mean"
            How the losses of the samples are reduced.

        Returns
        -------
        float

        Raises
        ------
        TypeError
            An input is missing, or there is none of a name.
        ValueError
            What the loss or the penalty finds wrong, or there is another reduction.
        """
        values, parameters = self._bind(inputs, named, reduction)
        return self.loss(*values, sample_weight=sample_weight, reduction=reduction) + self.penalty(parameters)

    def gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None, **named: Any
    ) -> tuple[np.ndarray, ...]:
        """Compute the derivatives by the predictions (by every input of the loss that is no label) and by the parameters.

        Parameters are those of the call; ``out`` is a tuple of arrays. None may share memory with inputs of the other part.
        """
        values, parameters, kept = self._prepare(inputs, named, sample_weight, reduction, out, (GRADIENT,))
        by = self.loss.gradient(*values, sample_weight=sample_weight, reduction=reduction, out=kept[0])
        return (*_as_tuple(by), self.penalty.gradient(parameters, out=kept[1]))

    def value_and_gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None, **named: Any
    ) -> tuple[float, tuple[np.ndarray, ...]]:
        """Compute the cost with the penalty, and its derivatives, a tuple as that of `gradient`; so is ``out``."""
        values, parameters, kept = self._prepare(inputs, named, sample_weight, reduction, out, (GRADIENT,))
        cost, by = self.loss.value_and_gradient(*values, sample_weight=sample_weight, reduction=reduction, out=kept[0])
        penalty, own = self.penalty.value_and_gradient(parameters, out=kept[1])
        return cost + penalty, (*_as_tuple(by), own)

    def gradient_and_hessian(
        self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None, **named: Any
    ) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """Compute first and second derivatives, two tuples as those of `gradient`; ``out`` is a pair of such."""
        values, parameters, kept = self._prepare(inputs, named, sample_weight, reduction, out, (GRADIENT, HESSIAN))
        first, second = self.loss.gradient_and_hessian(*values, sample_weight=sample_weight, reduction=reduction, out=kept[0])
        own_first, own_second = self.penalty.gradient_and_hessian(parameters, out=kept[1])
        return (*_as_tuple(first), own_first), (*_as_tuple(second), own_second)

    def _bind(self, inputs: tuple[Any, ...], named: dict[str, Any], reduction: str) -> tuple[tuple[Any, ...], Any]:
        """Return the inputs of the loss, and the parameters."""
        if reduction not in self.reductions:
            raise ValueError(f'reduction must be "mean" or "sum": a penalty belongs to no sample; got {reduction!r}.')
        values = bind(self, inputs, named)
        place = len(self.loss.inputs)
        return (*values[:place], *values[place + 1 :]), values[place]

    def _prepare(
        self,
        inputs: tuple[Any, ...],
        named: dict[str, Any],
        sample_weight: Any,
        reduction: str,
        out: Any,
        kinds: tuple[int, ...],
    ) -> tuple[tuple[Any, ...], Any, tuple[Any, Any]]:
        """Return the inputs of both parts, and the arrays that each is to write, which are checked before either writes."""
        values, parameters = self._bind(inputs, named, reduction)
        if out is None:
            return values, parameters, (None, None)
        loss, own_values = self.loss._for(values)
        read, operand = loss._read(own_values), _arrays.read(parameters, "parameters")
        weights = loss._read_weights(sample_weight, read)
        last = len(read.operands)
        by = (*loss.signature.predictions[: last - loss.labels], last)
        every = Inputs((*read.operands, operand), read.shape, read.single)
        names = (*loss.signature.names[:last], "parameters")
        given, overwrites = _arrays.read_outputs(out, tuple((kind, i) for kind in kinds for i in by), every, weights, names)
        if overwrites:
            others = read.operands if weights is None else (*read.operands, weights)
            for place, array in enumerate(given):
                foreign = (operand,) if (place + 1) % len(by) else others
                if array is not None and any(_arrays.overlap(array, other) for other, _ in foreign):
                    raise ValueError(f"out[{place}] is an input of the other part of the objective. Use memory of its own.")
        own = given[len(by) - 1 :: len(by)]
        return values, parameters, ([array for i, array in enumerate(given) if (i + 1) % len(by)], own)


def _as_tuple(by: Any) -> tuple[Any, ...]:
    return by if isinstance(by, tuple) else (by,)
