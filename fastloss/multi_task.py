"""The losses of several tasks in one number: with fixed weights, or with weights that are learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from . import _arrays
from ._core import Sums
from ._types import Total
from .domains import NOT_NEGATIVE, brief, number_in
from .errors import prefixed
from .loss import Loss, bind
from .losses.regression import SquaredError
from .penalties import PenalizedLoss

_WEIGHTINGS = ("fixed", "uncertainty")
_REDUCTIONS = ("mean", "sum")

#: The derivatives of a task: an array, or a tuple where its loss has several.
Derivatives = Any


class _Named(Mapping[str, Any]):
    """A dict that cannot be changed, and has a hash."""

    __slots__ = ("_items",)

    def __init__(self, items: Any) -> None:
        self._items = dict(items)

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Named, (self._items,)


@dataclass(frozen=True, slots=True)
class MultiTask:
    r"""The losses of several tasks, each over inputs of its own, added up with weights.

    An immutable value like a loss: equal ones hash alike, it can be pickled, and its ``repr`` makes it again.

    Parameters
    ----------
    losses : dict of str to Loss
        The loss of each task: any loss, of any kind of inputs, or a loss with a penalty.
    weights : dict of str to float, default=None
        What the losses are multiplied by, not negative; 1 for tasks that are not named. A task of weight zero is removed
        altogether, even where its loss is inf or NaN; its derivatives are 0.
    weighting : {"fixed", "uncertainty"}, default="fixed"
        Whether these weights are all, or each task has a logarithm of a variance, too, which is learnt.

    Notes
    -----
    With fixed weights w, and losses L that are means, or sums for ``reduction="sum"``,

    .. math::

        C = \sum_k w_k L_k

    With uncertainties (Kendall, Gal and Cipolla), of log-variances :math:`s_k = \log \sigma_k^2`,

    .. math::

        C = \sum_k \left( w_k c_k e^{-s_k} L_k + \frac{s_k}{2} \right), \qquad
        \frac{\partial C}{\partial s_k} = \frac{1}{2} - w_k c_k e^{-s_k} L_k

    The paper divides squared errors by :math:`2 \sigma^2` and cross-entropies by :math:`\sigma^2` (its equation 10), which are
    negative logarithms of likelihoods in either case. So :math:`c_k` is 1/2 for `SquaredError`, twice that of a Gaussian, and 1
    for all other losses, which are taken as such themselves: `HalfSquaredError` and `SquaredError` train alike, and at the best
    s of a regression the variance is the mean squared error. Where another loss needs a factor, ``weights`` have it. s / 2
    is added once for each task, whatever the reduction.

    A task's loss and derivatives are those of the loss called alone. C is the sum of the products, rounded once (whatever the
    order of the tasks), and each derivative is multiplied by the factor of its task, in double precision, and rounded once more
    to its dtype; a factor of 1 changes nothing. Factors are products from the left: :math:`(w_k c_k) e^{-s_k}`.

    References
    ----------
    A. Kendall, Y. Gal, R. Cipolla, Multi-task learning using uncertainty to weigh losses for scene geometry and semantics,
    CVPR 2018.

    Examples
    --------
    >>> import fastloss as fl
    >>> tasks = fl.MultiTask({"price": fl.Huber(), "sold": fl.BinaryCrossEntropy()}, weights={"price": 0.5})
    >>> inputs = {"price": ([1.0, 2.0], [1.5, 4.0]), "sold": ([1, 0], [0.5, 0.5])}
    >>> tasks(inputs)
    1.0993971805599454
    >>> value, gradients = tasks.value_and_gradient(inputs)
    >>> gradients["price"]
    array([0.125, 0.25 ])
    >>> learnt = fl.MultiTask({"a": fl.SquaredError(), "b": fl.SquaredError()}, weighting="uncertainty")
    >>> inputs = {"a": ([0.0], [1.0]), "b": ([0.0], [2.0])}
    >>> value, gradients, slopes = learnt.value_and_gradient(inputs, log_variances={"a": 0.0, "b": 0.0})
    >>> value, slopes
    (2.5, {'a': 0.0, 'b': -1.5})
    """

    losses: Mapping[str, Loss | PenalizedLoss]
    weights: Mapping[str, float] | None = None
    weighting: str = "fixed"

    def __post_init__(self) -> None:
        if not isinstance(self.losses, Mapping) or not self.losses:
            raise TypeError(
                f"MultiTask: losses must be a dict of a loss for each task, at least one; got {brief(self.losses)}."
            )
        for name, loss in self.losses.items():
            if not isinstance(name, str) or not isinstance(loss, Loss | PenalizedLoss):
                hint = " Make an instance." if isinstance(loss, type) and issubclass(loss, Loss) else ""
                raise TypeError(f"MultiTask: losses must map names to losses; got {brief(name)}: {brief(loss)}.{hint}")
        object.__setattr__(self, "losses", _Named(self.losses))
        if self.weights is not None:
            given = _read_names(self.weights, self.losses, "MultiTask: weights")
            numbers = {name: number_in(value, NOT_NEGATIVE, f"MultiTask: weights[{name!r}]") for name, value in given.items()}
            object.__setattr__(self, "weights", _Named(numbers))
        if self.weighting not in _WEIGHTINGS:
            raise ValueError(f'MultiTask: weighting must be "fixed" or "uncertainty"; got {brief(self.weighting)}.')

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    def __call__(
        self, inputs: Mapping[str, Any], sample_weight: Any = None, reduction: Total = "mean", log_variances: Any = None
    ) -> float:
        """Compute the losses of all tasks in one number.

        Parameters
        ----------
        inputs : dict of str to tuple
            For each task the inputs of its loss, in their order: ``{"price": (y_true, y_pred), ...}``.
        sample_weight : array_like or dict of str to array_like, default=None
            Weights of the samples: for all tasks the same, or for each its own (those not named have none).
        reduction : {"mean", "sum"}, default="mean"
            How the losses of a task's samples are reduced.
        log_variances : dict of str to float, default=None
            The s of each task; for ``weighting="uncertainty"``, and only there.

        Returns
        -------
        float

        Raises
        ------
        TypeError
            A task gets another number of inputs than its loss takes, or something is no dict.
        ValueError
            A task is missing or unknown, there is another reduction, or a loss finds something wrong, which the message says
            after the name of the task.
        """
        tasks = self._read(inputs, sample_weight, reduction, log_variances)
        return _total(tasks, {task.name: task.call("__call__") for task in tasks})

    def gradient(
        self, inputs: Mapping[str, Any], sample_weight: Any = None, reduction: Total = "mean", log_variances: Any = None
    ) -> Any:
        """Compute the derivatives of what calling it with the same arguments returns.

        Parameters are those of the call. A dict of a gradient for each task is returned, or of a tuple of gradients where its
        loss has several; for ``weighting="uncertainty"``, a pair of this and of a dict of the derivatives by log-variances.
        """
        _, *derivatives = self.value_and_gradient(inputs, sample_weight, reduction, log_variances)
        return derivatives[0] if len(derivatives) == 1 else tuple(derivatives)

    def value_and_gradient(
        self, inputs: Mapping[str, Any], sample_weight: Any = None, reduction: Total = "mean", log_variances: Any = None
    ) -> tuple[Any, ...]:
        """Compute the number and its gradients: a float, a dict by task and, with uncertainties, one of log-variances."""
        tasks = self._read(inputs, sample_weight, reduction, log_variances)
        found = {task.name: task.call("value_and_gradient") for task in tasks}
        values = {name: value for name, (value, _) in found.items()}
        gradients = {task.name: task.scaled(found[task.name][1]) for task in tasks}
        total = _total(tasks, values)
        if self.weighting == "fixed":
            return total, gradients
        return total, gradients, {task.name: task.slope(values[task.name]) for task in tasks}

    def gradient_and_hessian(
        self, inputs: Mapping[str, Any], sample_weight: Any = None, reduction: Total = "mean", log_variances: Any = None
    ) -> tuple[Any, ...]:
        """Compute first and second derivatives (the diagonal of the Hessian matrix), as a pair of dicts.

        With uncertainties, the pair by the log-variances comes after them.
        """
        tasks = self._read(inputs, sample_weight, reduction, log_variances)
        found = {task.name: task.call("gradient_and_hessian") for task in tasks}
        derivatives = tuple({task.name: task.scaled(found[task.name][order]) for task in tasks} for order in (0, 1))
        if self.weighting == "fixed":
            return derivatives
        values = {task.name: task.call("__call__") for task in tasks}
        slopes = {task.name: task.slope(values[task.name]) for task in tasks}
        return *derivatives, slopes, {task.name: task.term(values[task.name]) for task in tasks}

    def _read(self, inputs: Any, sample_weight: Any, reduction: str, log_variances: Any) -> list[_Task]:
        """Give each task what is its own."""
        if reduction not in _REDUCTIONS:
            raise ValueError(f'reduction must be "mean" or "sum": tasks may have different samples; got {reduction!r}.')
        inputs = _read_names(inputs, self.losses, "inputs", all_of_them=True)
        if isinstance(sample_weight, Mapping):
            weights = _read_names(sample_weight, self.losses, "sample_weight")
        else:
            weights = dict.fromkeys(self.losses, sample_weight)
        if self.weighting == "fixed":
            if log_variances is not None:
                raise TypeError('log_variances are those of weighting="uncertainty"; this MultiTask has fixed weights.')
            logarithms: Mapping[str, Any] = dict.fromkeys(self.losses, 0.0)
        else:
            logarithms = _read_names(log_variances, self.losses, "log_variances", all_of_them=True)
        tasks = []
        for name, loss in self.losses.items():
            values = inputs[name]
            if not isinstance(values, tuple | list):
                expected = f"({', '.join(loss.inputs)}), the inputs of {type(loss).__name__}"
                raise TypeError(f"inputs[{name!r}] must be a tuple {expected}; got {type(values).__name__}.")
            try:
                values = bind(loss, tuple(values), {})
            except TypeError as error:
                raise prefixed(error, f"task {name!r}: ") from None
            factor = 1.0 if self.weights is None else self.weights.get(name, 1.0)
            counts = factor > 0
            logarithm = 0.0
            if self.weighting == "uncertainty":
                logarithm = _read_logarithm(logarithms[name], name)
                factor *= 0.5 if isinstance(loss, SquaredError) else 1.0
                factor *= float(_arrays.map_numbers("exp", -logarithm)) if factor else 0.0
            tasks.append(_Task(name, loss, values, weights.get(name), reduction, counts, factor, logarithm))
        return tasks


@dataclass(frozen=True, slots=True)
class _Task:
    """What a task is called with, and what its loss is multiplied by."""

    name: str
    loss: Loss | PenalizedLoss
    inputs: tuple[Any, ...]
    sample_weight: Any
    reduction: str
    counts: bool  # it is not removed by a weight of zero; the factor may be zero even so, where the variance is large
    factor: float
    log_variance: float

    def call(self, method: str) -> Any:
        try:
            return getattr(self.loss, method)(*self.inputs, sample_weight=self.sample_weight, reduction=self.reduction)
        except (TypeError, ValueError) as error:
            raise prefixed(error, f"task {self.name!r}: ") from error

    def term(self, value: float) -> float:
        return self.factor * value if self.factor else 0.0

    def slope(self, value: float) -> float:
        return 0.5 - self.term(value) if self.counts else 0.0

    def scaled(self, derivatives: Derivatives) -> Derivatives:
        if isinstance(derivatives, tuple):
            return tuple(_arrays.scale(array, self.factor) for array in derivatives)
        return _arrays.scale(derivatives, self.factor)


def _total(tasks: list[_Task], values: dict[str, float]) -> float:
    """Add up what the tasks cost, exactly, and round once."""
    sums = Sums(1)
    for task in tasks:
        if task.counts:
            sums.add(0, task.term(values[task.name]))
            sums.add(0, task.log_variance / 2)
    return sums.rounded(0)


def _read_names(given: Any, tasks: Mapping[str, Any], what: str, all_of_them: bool = False) -> Mapping[str, Any]:
    """Check that something is a dict by names of tasks."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} must be a dict by the names of the tasks, {_arrays.listed(list(tasks))}; got {brief(given)}.")
    unknown = [name for name in given if name not in tasks]
    missing = [name for name in tasks if name not in given] if all_of_them else []
    if unknown or missing:
        found = f"{unknown[0]!r} is none of them" if unknown else f"{missing[0]!r} is missing"
        raise ValueError(f"{what} must have the names of the tasks, {_arrays.listed(list(tasks))}; {found}.")
    return given


def _read_logarithm(value: Any, name: str) -> float:
    array = _arrays.decode(_arrays.read(value, f"log_variances[{name!r}]"))
    if array.size != 1:
        raise ValueError(f"log_variances[{name!r}] must be one number; got shape {array.shape}.")
    return float(array.reshape(()))
