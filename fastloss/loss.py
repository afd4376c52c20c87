"""The Loss protocol: what every loss can do, stated once. What a loss takes is read from the signature of its kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from functools import reduce
from numbers import Real
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

import numpy as np

from . import _arrays, _core, errors, links, registry
from ._core import GRADIENT, HESSIAN, VALUE, WEIGHT, CallSetup, Inputs, Kernel, Output, Sums, evaluate, execute
from ._types import Reduction, Total
from .domains import Domain, Interval, number_in
from .errors import NotDifferentiableError
from .signature import Signature, signatures

if TYPE_CHECKING:
    from dataclasses import Field

_REDUCTIONS = ("mean", "sum", "none")


class Loss:
    """Base class of all losses.

    A loss is an immutable value: two losses of one class with equal parameters are equal, hash alike and can be pickled.
    Its parameters are checked when it is made.

    Losses of the same inputs can be added up, and multiplied by numbers: ``0.7 * fl.huber + 0.3 * fl.log_cosh`` is a loss, too.

    A concrete loss is a frozen, slotted dataclass. It names its kernel if that is not called like the class, the domain of each
    input, and the NumPy expressions it replaces. Inputs, their shapes and what is differentiated follow from the formula.
    """

    __slots__ = ("_kernel", "_rests", "_setup")

    _kernel: Kernel
    _rests: tuple[Kernel, ...]
    _setup: CallSetup
    # every concrete loss is a dataclass
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    #: A kernel of the loss, whose signature is that of all: the one that is called like the class, unless it says otherwise.
    formula: ClassVar[str] = ""
    signature: ClassVar[Signature]
    #: Names of the inputs, in the order of the arguments.
    inputs: ClassVar[tuple[str, ...]] = ("y_true", "y_pred")
    #: Inputs that may be left out, which come after these.
    optional: ClassVar[tuple[str, ...]] = ()
    #: How many of them, the first ones, are labels. Derivatives are those by the ones that follow; labels may come after them.
    labels: ClassVar[int] = 1
    #: Whether a loss is one of single numbers, of which it takes one of each input.
    by_numbers: ClassVar[bool] = True
    #: The forms that labels may have, for losses of rows of numbers: whether they are rows, too, and whether they are indices.
    row_forms: ClassVar[tuple[tuple[bool, bool], ...]] = ()
    #: How ordinary arrays of losses of vectors, masks and whole arrays are read, which their signature says.
    unit_form: ClassVar[tuple[tuple[bool, ...], int, int, int] | tuple[()]] = ()
    #: Whether labels must be class indices, where distributions could be taken, too.
    indices_only: ClassVar[bool] = False
    #: How losses can be reduced.
    reductions: ClassVar[tuple[str, ...]] = _REDUCTIONS
    #: The NumPy expression of the mean loss and, where it is short, of its gradient: what people write without fastloss.
    #: Benchmarks time them and tests compare with them. Names in it: ``np``, the inputs, their size ``n`` and the parameters.
    numpy_value: ClassVar[str] = ""
    numpy_gradient: ClassVar[str] = ""
    #: Why there is no gradient, or no Hessian, and what to use instead; empty for losses that have one.
    no_gradient: ClassVar[str] = ""
    no_hessian: ClassVar[str] = ""
    #: What stands in for the Hessian where boosting needs a positive one: a name of `fastloss.boosting.curvature`.
    curvature: ClassVar[str] = ""
    #: How fast it grows: like the exponential of so many times the raw prediction, at the most.
    growth: ClassVar[float] = 1.0
    #: Whether the loss is one of the residual ``y_pred - y_true`` alone.
    of_residual: ClassVar[bool] = False
    #: Whether it is one of those that `list_losses` names: losses that are made of other losses are not.
    listed: ClassVar[bool] = True
    #: Name in snake case and family; set for every public loss.
    name: ClassVar[str] = ""
    family: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        registry.add(cls)
        formula = cls.__dict__.get("formula") or cls.name
        if formula in signatures():
            cls.formula, cls.signature = formula, signatures()[formula]
            cls.by_numbers = cls.signature.plan == "elements"
            group = ("group",) if cls.signature.axes == "[g]" else ()
            cls.inputs = (*(item.name for item in cls.signature.inputs if not item.optional), *group)
            cls.optional = cls.__dict__.get("optional") or tuple(item.name for item in cls.signature.inputs if item.optional)
            cls.labels = cls.signature.predictions[0]
            if cls.signature.axes == "(k)" and cls.labels:
                forms = cls.signature.inputs[0].forms
                cls.row_forms = tuple((bool(form.axes), form.index) for form in forms)
            elif cls._read is Loss._read:
                cls.unit_form = cls.signature.unit_form
        if cls.indices_only:
            cls.row_forms = tuple(form for form in cls.row_forms if form[1])
        if cls.inputs != Loss.inputs and cls.__call__ is Loss.__call__:
            for name in ("__call__", "gradient", "value_and_gradient", "gradient_and_hessian"):
                setattr(cls, name, OF_OTHER_INPUTS[name])

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            interval = item.metadata.get("interval")
            if interval is not None:
                if value is not None or item.default is not None:
                    object.__setattr__(self, item.name, self._number(item.name, value, interval))
            elif isinstance(item.default, bool) and not isinstance(value, bool | np.bool_):
                raise ValueError(f"{type(self).__name__}: {item.name} must be True or False; got {value!r}.")
        kernel, *rests = (Kernel(name, self._parameters()) for name in (self._kernel_name(), *self._rest_name()))
        self._prepare(kernel, tuple(rests))

    def _prepare(self, kernel: Kernel, rests: tuple[Kernel, ...] = ()) -> None:
        object.__setattr__(self, "_kernel", kernel)
        object.__setattr__(self, "_rests", rests)
        object.__setattr__(self, "_setup", CallSetup(self))

    def _number(self, name: str, value: Any, interval: Interval) -> float:
        return number_in(value, interval, f"{type(self).__name__}: {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    if not TYPE_CHECKING:
        # type checkers would take it for the name of the class

        @property
        def __name__(self) -> str:
            """The name by which others call a function, as in the ``repr`` of scikit-learn's scorers: that of the loss."""
            return self.name or type(self).__name__

    # ---- sums -------------------------------------------------------------------------------------------------

    #: NumPy's scalars leave the multiplication to the loss.
    __array_ufunc__: ClassVar[None] = None

    def _weighted(self, *terms: tuple[Any, Loss]) -> Loss:
        from .losses.composite import WeightedSum

        return WeightedSum(terms)

    def __add__(self, other: Any) -> Any:
        # what is added in a way of its own, as penalties are, does it
        ordinary = isinstance(other, Loss) and type(other).__radd__ is Loss.__radd__
        return self._weighted((1.0, self), (1.0, other)) if ordinary else NotImplemented

    def __radd__(self, other: Any) -> Any:
        # sum() starts with 0
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return self._weighted((1.0, self), (-1.0, other)) if isinstance(other, Loss) else NotImplemented

    def __neg__(self) -> Loss:
        return self._weighted((-1.0, self))

    def __mul__(self, factor: Any) -> Any:
        return self._weighted((factor, self)) if isinstance(factor, Real) else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Any:
        return self._weighted((1.0 / divisor, self)) if isinstance(divisor, Real) else NotImplemented

    # ---- what a class may have to say for itself ------------------------------------------------------------

    def _kernel_name(self) -> str:
        """Name the kernel in src_c/losses."""
        return self.formula

    def _parameters(self) -> dict[str, float]:
        """Return what the kernel can ask for by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}

    def _rest_name(self) -> tuple[str, ...]:
        """Name the kernel of what losses lose when they are rounded, if their sums take that up; at most one."""
        return ()

    def _domains(self) -> dict[str, Domain]:
        """Return the domain in which an input must lie, for the inputs that have one."""
        return {}

    def _kernel_for(self, inputs: Inputs, reduction: str = "none") -> Kernel:
        """Return the kernel, with what it needs to know of the classes and of the reduction, if these make a difference.

        Of losses that have `row_forms`, nothing makes one but how many classes there are, and the type of the predictions.
        """
        return self._kernel

    def _for(self, values: tuple[Any, ...]) -> tuple[Loss, tuple[Any, ...]]:
        """Return the loss that computes this of these inputs, and these in its order: itself, where they decide nothing."""
        return self, values

    def _sums_of(self, values: tuple[Any, ...], sample_weight: Any) -> Sums:
        """Return the exact sums of losses and of weights, of a loss that is made of others."""
        raise NotImplementedError

    def _boosted(self) -> Loss:
        """Return the loss whose derivatives boosting uses: itself, where the libraries do nothing else."""
        return self

    def _unit_axes(self) -> int:
        """Tell how many axes there are before those of a mask, or before the one that numbers sequences."""
        return 1

    # ---- calls ------------------------------------------------------------------------------------------------

    @overload
    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None
    ) -> float: ...
    @overload
    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, *, reduction: Literal["none"], out: Any = None
    ) -> np.ndarray: ...
    @overload
    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any, reduction: Literal["none"], out: Any = None
    ) -> np.ndarray: ...
    # of losses of other inputs
    @overload
    def __call__(
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> Any: ...
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None) -> Any:  # type: ignore[misc] # of other inputs: OF_OTHER_INPUTS
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

    @overload
    def gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None
    ) -> np.ndarray: ...
    # of losses of other inputs
    @overload
    def gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> Any: ...
    def gradient(self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None) -> Any:  # type: ignore[misc] # of other inputs: OF_OTHER_INPUTS
        """Compute the derivative with respect to ``y_pred`` of what calling the loss with the same arguments returns.

        Parameters are those of the call; ``out`` receives the gradient and may be ``y_pred`` itself. An array of the shape and
        floating dtype of ``y_pred`` is returned.
        """
        return self._evaluate(GRADIENT, (y_true, y_pred), sample_weight, reduction, out)

    @overload
    def value_and_gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None
    ) -> tuple[float, np.ndarray]: ...
    @overload
    def value_and_gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, *, reduction: Literal["none"], out: Any = None
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def value_and_gradient(
        self, y_true: Any, y_pred: Any, sample_weight: Any, reduction: Literal["none"], out: Any = None
    ) -> tuple[np.ndarray, np.ndarray]: ...
    # of losses of other inputs
    @overload
    def value_and_gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> Any: ...
    def value_and_gradient(  # type: ignore[misc] # of other inputs: OF_OTHER_INPUTS
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None
    ) -> Any:
        """Compute the loss and its gradient, in one pass over memory.

        ``out`` is the array for the gradient, or a pair of arrays for ``reduction="none"``.
        """
        return self._evaluate(VALUE | GRADIENT, (y_true, y_pred), sample_weight, reduction, out)

    @overload
    def gradient_and_hessian(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None
    ) -> tuple[np.ndarray, np.ndarray]: ...
    # of losses of other inputs
    @overload
    def gradient_and_hessian(
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> Any: ...
    def gradient_and_hessian(  # type: ignore[misc] # of other inputs: OF_OTHER_INPUTS
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, reduction: str = "mean", out: Any = None
    ) -> Any:
        """Compute the first and second derivatives (the diagonal of the Hessian matrix), in one pass over memory.

        ``out`` is a pair of arrays.
        """
        return self._evaluate(GRADIENT | HESSIAN, (y_true, y_pred), sample_weight, reduction, out)

    def _read(self, values: tuple[Any, ...]) -> Inputs:
        """Read the inputs, as the signature says what they are."""
        _arrays.check_axes(values, self.inputs)
        if self.by_numbers:
            return _arrays.read_alike(values, self.inputs, self.labels)
        if self.row_forms:
            return _arrays.read_rows(values, self.row_forms)
        signature = self.signature
        if signature.axes == "[g]":
            return _arrays.read_groups(values, self.inputs)
        if signature.plan == "tiles":
            return _arrays.read_tiles(values, signature)
        if signature.plan == "sequences":
            return _arrays.read_sequences(values, signature.names, self._unit_axes())
        if signature.axes == "[m...](k)":
            return _arrays.read_classes_of_masks(values)
        return _arrays.read_units(values, signature, self._unit_axes())

    def _read_weights(self, sample_weight: Any, inputs: Inputs) -> Any:
        if sample_weight is None:
            return None
        numbers = inputs.operands[0][0].shape if self.signature.weighs_numbers else None
        return _arrays.read_weights(sample_weight, inputs.shape, numbers)

    def _check_reduction(self, reduction: str) -> None:
        if reduction not in _REDUCTIONS:
            raise ValueError(f'reduction must be "mean", "sum" or "none"; got {reduction!r}.')
        if reduction not in self.reductions:
            only = " and ".join(f'reduction="{name}"' for name in self.reductions)
            raise ValueError(f"{type(self).__name__} has {only} only; got {reduction!r}.")

    def _read_outputs(
        self, out: Any, kinds: tuple[tuple[int, int], ...], inputs: Inputs, weights: Any
    ) -> tuple[list[np.ndarray | None], bool]:
        return _arrays.read_outputs(out, kinds, inputs, weights, self.signature.names[: len(inputs.operands)])

    #: ``loss._evaluate(want, values, sample_weight, reduction, out)``: what all calls come to.
    _evaluate = evaluate

    # ---- parameters ---------------------------------------------------------------------------------------------

    def parameter_gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", **named: Any
    ) -> dict[str, float]:
        """Compute the derivatives of the loss with respect to its own parameters, such as ``delta`` of `Huber`, in one pass.

        They are what gradient descent needs to learn a parameter, or a search to tune it.

        Parameters
        ----------
        *inputs, **named : array_like
            The inputs of the loss, in their order or by name.
        sample_weight : array_like, default=None
            As for the loss.
        reduction : {"mean", "sum"}, default="mean"
            The derivatives are those of what calling the loss with the same arguments returns.

        Returns
        -------
        dict of str to float
            The derivatives by the names of the parameters: of all in which the loss is smooth, but for single points, and that
            are not None. Exact sums of the derivatives of each loss, rounded once.

        Raises
        ------
        NotDifferentiableError
            The loss is smooth in none of its parameters.
        ValueError, TypeError
            As the loss raises them.

        Examples
        --------
        >>> import fastloss as fl
        >>> fl.Huber(delta=1.0).parameter_gradient([0.0, 0.0], [0.5, 3.0])
        {'delta': 1.0}

        How steep the probability of an order is in the difference of two scores, learned by gradient descent:

        >>> better, worse, sigma = [2.0, 1.0, 0.0], [0.0, 0.0, 1.0], 1.0
        >>> for _ in range(100):
        ...     sigma -= 2.0 * fl.PairwiseLogistic(sigma).parameter_gradient(better, worse)["sigma"]
        >>> round(sigma, 3)
        0.756
        """
        loss, values = self._for(bind(self, inputs, named))
        self._check_reduction(reduction)
        if reduction not in ("mean", "sum"):
            raise ValueError(
                'a derivative by a parameter is that of one number: reduction must be "mean" or "sum"; got "none".'
            )
        return loss._parameter_gradient(values, sample_weight, reduction)

    def _kernel_by(self, parameter: str) -> str:
        """Name the kernel whose value is the derivative by a parameter, if there is one."""
        return f"{self._kernel_name()}_by_{parameter}"

    def _without_derivative(self) -> dict[str, str]:
        """Say why there is no derivative by parameters that are numbers, for those by which there is none."""
        return {}

    def _parameter_kernels(self) -> dict[str, Kernel]:
        """Return the kernels whose values are the derivatives by the parameters, by the names of these."""
        without = self._without_derivative()
        names = [item.name for item in fields(self) if getattr(self, item.name) is not None and item.name not in without]
        kernels = {name: self._kernel_by(name) for name in names}
        return {name: Kernel(kernel, self._parameters()) for name, kernel in kernels.items() if kernel in _core.kernels()}

    def _parameter_calls(self, inputs: Inputs, reduction: str) -> dict[str, tuple[Kernel, ...]]:
        """Return what to call for the derivative by each parameter: its value, or the first one's minus the second one's."""
        options = self._kernel_for(inputs, reduction).options
        kernels = self._parameter_kernels().items()
        return {name: (kernel if options is None else kernel.of_classes(options),) for name, kernel in kernels}

    def _no_smooth_parameter(self) -> str:
        """Say of each parameter why there is no derivative."""
        without = self._without_derivative()
        reasons = []
        for item in fields(self):
            of_numbers = isinstance(getattr(self, item.name), float)
            reasons.append(f"{item.name} {without.get(item.name, 'changes nothing here' if of_numbers else 'is no number')}")
        return "; ".join(reasons) or "it has no parameters"

    def _parameter_gradient(self, values: tuple[Any, ...], sample_weight: Any, reduction: Total) -> dict[str, float]:
        inputs = self._read(values)
        kernels = self._parameter_calls(inputs, reduction)
        if not kernels:
            raise NotDifferentiableError(
                f"{type(self).__name__} has no derivative by a parameter: {self._no_smooth_parameter()}."
            )
        weights = None if sample_weight is None else self._read_weights(sample_weight, inputs)
        calls = tuple(kernel for terms in kernels.values() for kernel in terms)
        count = len(calls)
        sums = Sums(count + 1)
        outputs = [Output(VALUE, sums, call=call, place=call) for call in range(count)]
        found = execute(calls, inputs, weights, (*outputs, Output(WEIGHT, sums, place=count)))
        fault = reduce(or_, found.faults)
        if fault:
            self._explain(fault, inputs, weights, reduction == "mean")
        if reduction == "mean" and sums.rounded(count) == 0.0:
            raise ValueError(self._no_weight(inputs, weights))
        totals = iter([sums.mean(call, count) if reduction == "mean" else sums.rounded(call) for call in range(count)])
        return {name: next(totals) if len(terms) == 1 else next(totals) - next(totals) for name, terms in kernels.items()}

    # ---- what is wrong ------------------------------------------------------------------------------------------

    def _explain(self, fault: int, inputs: Inputs, weights: Any, mean: bool) -> None:
        """Raise for what the driver noticed; return when only samples of weight zero were concerned."""
        if fault & _core.BAD_WEIGHT:
            found = _arrays.bad_weight(weights)
            if found is not None:
                raise errors.bad_weight(*found)
        if fault & _core.NO_WEIGHT and mean:
            raise ValueError(self._no_weight(inputs, weights))
        if fault & _core.OUTSIDE_DOMAIN:
            self._explain_domains(inputs, weights)
        if fault & _core.NOT_ONE:
            self._warn_of_sums(inputs, weights)

    def _no_weight(self, inputs: Inputs, weights: Any) -> str:
        empty = not math.prod(inputs.shape) or not (self.signature.axes == "[g]" or inputs.operands[0][0].size)
        if empty or (weights is not None and not weights[0].size):
            return errors.NO_SAMPLES
        return errors.NO_WEIGHTS if weights is not None else errors.ALL_IGNORED

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        domains = self._domains()
        if weights is not None and self.signature.axes == "[g]":
            weights = _arrays.weights_of_items(weights, inputs)
        for operand, name in zip(inputs.operands, self.signature.names, strict=True):
            if name in domains:
                self._explain_domain(domains[name], operand, name, weights, inputs.single)

    def _explain_domain(self, domain: Domain, operand: Any, name: str, weights: Any, single: bool) -> None:
        found = _arrays.outside(operand, domain, single, weights)
        if found is not None:
            raise errors.outside_domain(name, domain, self, *found)

    def _warn_of_sums(self, inputs: Inputs, weights: Any) -> None:
        """Warn of rows of probabilities that do not sum to 1."""

    def _check_differentiable(self, want: int) -> None:
        if self.no_gradient and want & GRADIENT:
            raise NotDifferentiableError(f"{type(self).__name__} has no gradient: {self.no_gradient}")
        if self.no_hessian and want & HESSIAN:
            raise NotDifferentiableError(f"{type(self).__name__} has no Hessian: {self.no_hessian}")

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
        self._check_differentiable(GRADIENT)
        if not self.by_numbers or (self.labels, len(self.inputs)) != (1, 2):
            raise TypeError(f"{type(self).__name__} has no starting score: it is no sum of the losses of single predictions.")
        return links.search(self, y_true, sample_weight)

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


def _of_other_inputs(want: int, name: str, text: str) -> Callable[..., Any]:
    """Make the method of losses whose inputs are others than labels and predictions: in their order, or by name."""

    def method(
        self: Loss, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> Any:
        return self._evaluate(want, bind(self, inputs, named), sample_weight, reduction, out)

    method.__name__, method.__qualname__, method.__doc__ = name, f"Loss.{name}", text
    return method


OF_OTHER_INPUTS = {
    name: _of_other_inputs(want, name, text)
    for name, want, text in (
        ("__call__", VALUE, "Compute the loss."),
        (
            "gradient",
            GRADIENT,
            "Compute the derivatives with respect to every input that is no label, as a tuple if these are several.",
        ),
        ("value_and_gradient", VALUE | GRADIENT, "Compute the loss and its gradients."),
        ("gradient_and_hessian", GRADIENT | HESSIAN, "Compute first and second derivatives."),
    )
}


def bind(loss: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Put all inputs of a loss, or of what has ``inputs`` and ``optional`` like one, in their order."""
    if not named and len(inputs) == len(loss.inputs):
        return inputs
    every = (*loss.inputs, *loss.optional)
    expected = f"{type(loss).__name__} takes the inputs {', '.join(loss.inputs)}"
    if loss.optional:
        expected += f" and, if wanted, {', '.join(loss.optional)}"
    rest = every[len(inputs) :]
    unknown = [name for name in named if name not in rest]
    if len(inputs) > len(every) or unknown:
        what = f"{unknown[0]!r} by name" if unknown else f"{len(inputs)} positional ones"
        raise TypeError(f"{expected}; got {what}.")
    missing = [name for name in rest if name not in named and name not in loss.optional]
    if missing:
        raise TypeError(f"{expected}; {' and '.join(missing)} missing.")
    return (*inputs, *(named[name] for name in rest if name in named))


if TYPE_CHECKING:
    from ._inputs import LossOfInputs as LossOfInputs
    from ._inputs import LossOfSeveral as LossOfSeveral
else:
    LossOfInputs = LossOfSeveral = Loss
