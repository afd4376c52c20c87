"""The Loss protocol: what every loss can do, stated once."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, ClassVar, NamedTuple

import numpy as np

from . import _arrays, _core
from ._core import GRADIENT, HESSIAN, VALUE, Program, Sum, run

REDUCTIONS = ("mean", "sum", "none")
NO_SAMPLES = 'the mean of no samples is undefined. Use reduction="sum", which is 0.0.'
NO_WEIGHTS = 'sample_weight sums to zero: the weighted mean is undefined. Use reduction="sum".'

_REGISTRY: dict[str, type[Loss]] = {}


class NotDifferentiableError(TypeError):
    """A derivative was asked for that the loss does not have."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of numbers: the domain of an input, or of a parameter.

    Parameters
    ----------
    low, high : float
        The ends.
    open_low, open_high : bool, default=False
        Whether the end itself lies outside. An infinite end of a parameter's range is always outside.
    hint : str, default=""
        What to do about a number outside.
    """

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    hint: str = ""

    def __contains__(self, x: float) -> bool:
        above = x > self.low if self.open_low else x >= self.low
        below = x < self.high if self.open_high else x <= self.high
        return above and below and math.isfinite(x)

    def outside(self, array: np.ndarray) -> np.ndarray:
        """Tell which numbers lie outside; NaN never does."""
        below = array <= self.low if self.open_low else array < self.low
        above = array >= self.high if self.open_high else array > self.high
        return below | above

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"be {'>' if self.open_low else '>='} {self.low:g}"
        return f"lie in {'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A few numbers: the domain of an input that holds labels.

    Parameters
    ----------
    numbers : tuple of float
        All that is allowed.
    hint : str, default=""
        What to do about any other number.
    """

    numbers: tuple[float, ...]
    hint: str = ""

    def __contains__(self, x: float) -> bool:
        return x in self.numbers

    def outside(self, array: np.ndarray) -> np.ndarray:
        """Tell which numbers are none of these; NaN passes."""
        return ~(np.isin(array, self.numbers) | np.isnan(array))

    def __str__(self) -> str:
        *others, last = (f"{number:g}" for number in self.numbers)
        return f"be {', '.join(others)} or {last}"


#: What an input's domain can be.
Domain = Interval | Choice

POSITIVE = Interval(0.0, open_low=True)
NOT_NEGATIVE = Interval(0.0)
UNIT = Interval(0.0, 1.0)
OPEN_UNIT = Interval(0.0, 1.0, open_low=True, open_high=True)


def parameter(default: float | None, interval: Interval) -> Any:
    """Make a dataclass field for a number that must lie in ``interval``; it may be None where that is the default."""
    return field(default=default, metadata={"interval": interval})


def snake_case(name: str) -> str:
    """``GaussianNLL`` -> ``gaussian_nll``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Read(NamedTuple):
    """The inputs of a call, as they are handed to the driver."""

    operands: tuple[Any, ...]
    shape: tuple[int, ...]  # of the losses
    single: bool
    width: int = 0  # numbers in a row, for losses of rows
    indices: bool = False  # the labels of rows are class indices


class Loss:
    """Base class of all losses.

    A loss is an immutable value: two losses of one class with equal parameters are equal, hash alike and can be pickled.
    Its parameters are checked when it is made.

    A concrete loss is a frozen, slotted dataclass. It names its inputs, the domain of each, its kernel if that is not called
    like the class, and the NumPy expressions it replaces; everything else is done here.
    """

    __slots__ = ("_program",)

    #: Names of the inputs, in the order of the arguments.
    inputs: ClassVar[tuple[str, ...]] = ("y_true", "y_pred")
    #: How many of them, the first ones, are labels. Derivatives are those by the others.
    labels: ClassVar[int] = 1
    #: The NumPy expression of the mean loss and, where it is short, of its gradient: what people write without fastloss.
    #: Benchmarks time them and tests compare with them. Names in it: ``np``, the inputs, their size ``n`` and the parameters.
    numpy_value: ClassVar[str] = ""
    numpy_gradient: ClassVar[str] = ""
    #: Why there is no gradient and what to minimise instead; empty for losses that have one.
    no_gradient: ClassVar[str] = ""
    #: Name in snake case and family; set for every public loss.
    name: ClassVar[str] = ""
    family: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__.startswith(f"{__package__}.losses."):
            cls.name = snake_case(cls.__name__)
            cls.family = cls.__module__.rpartition(".")[2]
            _REGISTRY[cls.name] = cls

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            interval = item.metadata.get("interval")
            if interval is not None:
                if value is not None or item.default is not None:
                    object.__setattr__(self, item.name, self._number(item.name, value, interval))
            elif isinstance(item.default, bool) and not isinstance(value, bool | np.bool_):
                raise ValueError(f"{type(self).__name__}: {item.name} must be True or False; got {value!r}.")
        object.__setattr__(self, "_program", Program(self._kernel(), self._parameters()))

    def _number(self, name: str, value: Any, interval: Interval) -> float:
        try:
            number = float(value) if not isinstance(value, str | bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if number not in interval:
            raise ValueError(f"{type(self).__name__}: {name} must {interval}; got {value!r}.")
        return number

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    # ---- what a class may have to say for itself ------------------------------------------------------------

    def _kernel(self) -> str:
        """Name the kernel in src_c/losses."""
        return self.name

    def _parameters(self) -> dict[str, float]:
        """Return what the kernel can ask for by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}

    def _domains(self) -> dict[str, Domain]:
        """Return the domain in which an input must lie, for the inputs that have one."""
        return {}

    # ---- what an evaluation of several losses needs of each -----------------------------------------------------

    def _of(self, values: tuple[Any, ...]) -> Loss:
        """Return the loss that computes this of inputs of these shapes: itself, where the shapes decide nothing."""
        return self

    def _read_inputs(self, values: tuple[Any, ...]) -> Read:
        return Read(*_arrays.read_inputs(values, self.inputs, self.labels))

    def _check_reduction(self, reduction: str) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction must be "mean", "sum" or "none"; got {reduction!r}.')

    def _programs(self, single: bool) -> tuple[Program, ...]:
        """Return the kernels whose sums the loss is made of."""
        return (self._program,)

    def _reduce(self, sums: tuple[Sum, ...], weight: float | None, single: bool) -> float:
        """Make the loss of the sums of the kernels: a mean where there is a weight."""
        return float(sums[0]) if weight is None else sums[0].over(weight)

    def _explain_read(self, read: Read, faults: int, weights: Any) -> None:
        self._explain(faults, read.operands, weights, read.single, False)

    # ---- calls ------------------------------------------------------------------------------------------------

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None
    ) -> float | np.ndarray:
        """Compute the loss.

        Parameters
        ----------
        y_true, y_pred : array_like of one shape
            Labels and predictions: anything NumPy can read without a copy, of any layout. Real, integer or boolean; float32,
            float16 and bfloat16 predictions are computed with in float32, all others in float64.
        sample_weight : array_like, default=None
            One weight per loss, or one per row, not negative. A weight of zero removes the sample altogether.
        reduction : {"mean", "sum", "none"}, default="mean"
            ``"mean"`` is sum(w * loss) / sum(w), ``"sum"`` is sum(w * loss), ``"none"`` is w * loss for each sample.
        out : ndarray, default=None
            Where to write the losses of ``reduction="none"``; any floating dtype and layout.

        Returns
        -------
        float or ndarray
            The exact sum of the losses, rounded once (divided once for the mean); an array of the shape of ``y_pred`` for
            ``reduction="none"``.

        Raises
        ------
        ValueError
            Shapes differ, a number lies outside the loss's domain, a weight is negative or not finite, or a mean is asked for
            of nothing.
        TypeError
            The arrays hold no real numbers.
        """
        return self._evaluate(VALUE, (y_true, y_pred), sample_weight, reduction, out)

    def gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None
    ) -> np.ndarray:
        """Compute the derivative with respect to ``y_pred`` of what calling the loss with the same arguments returns.

        Parameters are those of the call; ``out`` receives the gradient and may be ``y_pred`` itself. An array of the shape and
        floating dtype of ``y_pred`` is returned.
        """
        return self._evaluate(GRADIENT, (y_true, y_pred), sample_weight, reduction, out)

    def value_and_gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None
    ) -> tuple[float | np.ndarray, np.ndarray]:
        """Compute the loss and its gradient, in one pass over memory.

        ``out`` is the array for the gradient, or a pair of arrays for ``reduction="none"``.
        """
        return self._evaluate(VALUE | GRADIENT, (y_true, y_pred), sample_weight, reduction, out)

    def gradient_and_hessian(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compute the first and second derivatives (the diagonal of the Hessian matrix), in one pass over memory.

        ``out`` is a pair of arrays.
        """
        return self._evaluate(GRADIENT | HESSIAN, (y_true, y_pred), sample_weight, reduction, out)

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        operands, shape, single = _arrays.read_inputs(values, self.inputs, self.labels)
        weights = None if sample_weight is None else _arrays.read_weights(sample_weight, shape)
        self._check_reduction(reduction)
        mean = reduction == "mean"
        if want == VALUE and reduction != "none" and out is None:
            total, faults = run(self._program, single, VALUE, VALUE, mean, operands, weights, (), 1.0)
            if faults:
                self._explain(faults, operands, weights, single, mean)
            return total
        return self._evaluate_arrays(want, values, operands, shape, single, weights, reduction, out)

    def _evaluate_arrays(
        self, want: int, values: Any, operands: Any, shape: Any, single: bool, weights: Any, reduction: str, out: Any
    ) -> Any:
        """Do the part of `_evaluate` that returns arrays."""
        if self.no_gradient and want != VALUE:
            raise self._not_differentiable("gradient", self.no_gradient)
        mean = reduction == "mean"
        summed = VALUE if want & VALUE and reduction != "none" else 0
        places = self._places(want, summed)
        arrays: list[Any] = [None] * len(places)
        if out is not None:
            arrays = self._outputs(out, places, operands, shape, single, weights, mean)
        divisor = self._divisor(shape, weights) if mean and want != VALUE else 1.0
        outputs: list[Any] = [None] * 5
        for i, place in enumerate(places):
            if arrays[i] is None:
                # derivatives have the dtype of what they are with respect to, losses that of the first prediction
                of = self.labels + (place - 1) % 2 if place else self.labels
                arrays[i] = np.empty(shape, _arrays.result_dtype(operands[of], values[of]))
            outputs[place] = _arrays.write(arrays[i])
        total, faults = run(self._program, single, want, summed, mean, operands, weights, tuple(outputs), divisor)
        if faults:
            self._explain(faults, operands, weights, single, mean)
        if shape == () and out is None:
            arrays = [array[()] for array in arrays]
        return self._results([total] if summed else [], places, arrays)

    def _results(self, results: list[Any], places: tuple[int, ...], arrays: list[Any]) -> Any:
        """Put together what is returned: the arrays of several inputs' derivatives as a tuple."""
        if places[0] == 0:
            results.append(arrays.pop(0))
        of_each = len(self.inputs) - self.labels
        if of_each == 1:
            results += arrays
        else:
            results += [tuple(arrays[i : i + of_each]) for i in range(0, len(arrays), of_each)]
        return results[0] if len(results) == 1 else tuple(results)

    def _places(self, want: int, summed: int) -> tuple[int, ...]:
        """Tell where the arrays that are returned stand among the outputs of the driver, in their order."""
        count = len(self.inputs) - self.labels
        value = (0,) if want & VALUE and not summed else ()
        return (*value, *range(1, 1 + count * (want & GRADIENT > 0)), *range(3, 3 + count * (want & HESSIAN > 0)))

    def _outputs(
        self, out: Any, places: tuple[int, ...], operands: Any, shape: Any, single: bool, weights: Any, mean: bool
    ) -> list[Any]:
        """Check the arrays of ``out``; where one is an input too, look through the data before it is overwritten."""
        read = operands if weights is None else (*operands, weights)
        names = (*self.inputs, "sample_weight")
        arrays, overwrites = _arrays.read_outputs(out, places, [shape] * len(places), read, names, self.labels)
        if overwrites:
            _, faults = run(self._program, single, VALUE, VALUE, mean, operands, weights, (), 1.0)
            self._explain(faults, operands, weights, single, mean)
        return arrays

    def _divisor(self, shape: tuple[int, ...], weights: Any) -> float:
        """Return what the derivatives of a mean are divided by."""
        if weights is None:
            divisor = float(math.prod(shape))
        else:
            divisor, _ = run(None, False, 0, VALUE, False, (weights,), None, (), 1.0)
        if not divisor > 0 or math.isinf(divisor):
            self._explain(_core.NO_WEIGHT if weights is None else _core.NO_WEIGHT | _core.BAD_WEIGHT, (), weights, False, True)
        return divisor

    def _explain(self, faults: int, operands: Any, weights: Any, single: bool, mean: bool) -> None:
        """Raise for what the driver noticed; return when only samples of weight zero were concerned."""
        if faults & _core.BAD_WEIGHT:
            message = _arrays.first_bad_weight(weights)
            if message:
                raise ValueError(message)
        if faults & _core.NO_WEIGHT and mean:
            raise ValueError(NO_SAMPLES if weights is None or weights[0].size == 0 else NO_WEIGHTS)
        if faults & _core.OUTSIDE_DOMAIN:
            domains = self._domains()
            for operand, name in zip(operands, self.inputs, strict=True):
                if name in domains:
                    self._explain_domain(domains[name], operand, name, weights, single)

    def _explain_domain(self, domain: Domain, operand: Any, name: str, weights: Any, single: bool) -> None:
        found = _arrays.first_outside(operand, domain, single, weights)
        if found is not None:
            value, index = found
            where = f" at index {index}" if index != "()" else ""
            hint = f" {domain.hint}" if domain.hint else ""
            raise ValueError(f"{name} must {domain} for {self}; got {value}{where}.{hint}")

    def _not_differentiable(self, what: str, why: str) -> NotDifferentiableError:
        return NotDifferentiableError(f"{type(self).__name__} has no {what}: {why}")

    # ---- boosting -----------------------------------------------------------------------------------------------

    def init_score(self, y_true: Any, sample_weight: Any = None) -> float:
        """Find the constant raw prediction that minimises the loss over ``y_true``: where boosting starts.

        Parameters
        ----------
        y_true : array_like
            Labels.
        sample_weight : array_like, default=None
            One weight per label, or one per row.

        Returns
        -------
        float
        """
        from . import _constant

        if self.no_gradient:
            raise self._not_differentiable("gradient", self.no_gradient)
        return _constant.search(self, y_true, sample_weight)

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into predictions: for this loss they are the same.

        Parameters
        ----------
        raw : array_like
            Raw scores.

        Returns
        -------
        ndarray of the shape and floating dtype of ``raw``, or a scalar for a scalar
        """
        return _arrays.map_numbers(None, raw)


class MultiInputLoss(Loss):
    """A loss with inputs of its own, named by ``inputs``.

    All four methods take the inputs in that order, or by name, and ``sample_weight``, ``reduction`` and ``out`` by name. They
    work as those of `Loss`; gradients and Hessians are tuples, with one array for each input after the labels, if it has any.
    """

    __slots__ = ()

    def __call__(self, *inputs: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None, **named: Any) -> Any:
        """Compute the loss."""
        return self._evaluate(VALUE, self._bind(inputs, named), sample_weight, reduction, out)

    def gradient(self, *inputs: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None, **named: Any) -> Any:
        """Compute the derivatives with respect to every input after the labels."""
        return self._evaluate(GRADIENT, self._bind(inputs, named), sample_weight, reduction, out)

    def value_and_gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None, **named: Any
    ) -> Any:
        """Compute the loss and its gradients, in one pass over memory."""
        return self._evaluate(VALUE | GRADIENT, self._bind(inputs, named), sample_weight, reduction, out)

    def gradient_and_hessian(
        self, *inputs: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None, **named: Any
    ) -> Any:
        """Compute first and second derivatives, in one pass over memory."""
        return self._evaluate(GRADIENT | HESSIAN, self._bind(inputs, named), sample_weight, reduction, out)

    def _bind(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """Put all inputs in their order."""
        expected = f"{type(self).__name__} takes the inputs {', '.join(self.inputs)}"
        rest = self.inputs[len(inputs) :]
        unknown = [name for name in named if name not in rest]
        if len(inputs) > len(self.inputs) or unknown:
            what = f"{unknown[0]!r} by name" if unknown else f"{len(inputs)} positional ones"
            raise TypeError(f"{expected}; got {what}.")
        missing = [name for name in rest if name not in named]
        if missing:
            raise TypeError(f"{expected}; {' and '.join(missing)} missing.")
        return (*inputs, *(named[name] for name in rest))


def get_loss(name: str, **parameters: Any) -> Loss:
    """Make a loss by its name.

    Parameters
    ----------
    name : str
        Name in snake case, as `list_losses` gives it, or a short one: ``mse``, ``mae``, ``rmse``.
    **parameters
        The loss's parameters.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        There is no such loss, or a parameter is out of range.
    TypeError
        The loss has no such parameter.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.get_loss("huber", delta=2.0)
    Huber(delta=2.0)
    """
    cls = _REGISTRY.get(SHORT_NAMES.get(name, name))
    if cls is None:
        near = get_close_matches(str(name), [*_REGISTRY, *SHORT_NAMES], n=3)
        advice = f"Did you mean {' or '.join(near)}?" if near else "list_losses() gives all names."
        raise ValueError(f"no loss is called {name!r}. {advice}")
    known = [item.name for item in fields(cls)]
    for parameter_name in parameters:
        if parameter_name not in known:
            has = f"its parameters are {', '.join(known)}" if known else "it has no parameters"
            raise TypeError(f"{cls.__name__} has no parameter {parameter_name!r}; {has}.")
    return cls(**parameters)


SHORT_NAMES = {"mse": "squared_error", "mae": "absolute_error", "rmse": "root_mean_squared_error"}


def list_losses(family: str | None = None) -> list[str]:
    """List the names of all losses, sorted.

    Parameters
    ----------
    family : str, default=None
        Only the losses of this family, for example ``"regression"``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import fastloss as fl
    >>> "huber" in fl.list_losses("regression")
    True
    """
    families = sorted({cls.family for cls in _REGISTRY.values()})
    if family is not None and family not in families:
        raise ValueError(f"family must be one of {', '.join(families)}; got {family!r}.")
    return sorted(name for name, cls in _REGISTRY.items() if family in (None, cls.family))


def loss_class(name: str) -> type[Loss]:
    """Return the class of a loss by its name."""
    return _REGISTRY[SHORT_NAMES.get(name, name)]
