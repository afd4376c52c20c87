"""Evaluate many losses in one pass over memory, piece by piece: the state is small, and merging is exact."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

from . import _arrays, _core
from ._core import STATISTICS, VALUE, WEIGHT, Inputs, Output, Sums, execute
from ._estimators import Answers, is_better, name_of
from ._types import Total
from .errors import NO_SAMPLES, NO_WEIGHTS, TOO_HEAVY, prefixed
from .loss import Loss
from .metrics import state_of
from .metrics._check import length
from .metrics._state import is_metric
from .registry import get_loss
from .state import State

_POSITIONAL = ("y_true", "y_pred")


class LossState(State):
    """The state of a loss: exact sums of its values, or of its statistics where the unit is all there is, and of the weights.

    Parameters
    ----------
    loss : Loss
        The loss.
    reduction : {"mean", "sum"}
        What the result is.
    """

    __slots__ = ("n", "single", "sums", "whole")

    def start(self, loss: Loss, reduction: str = "mean") -> None:
        """Set up the state of no samples."""
        loss._check_reduction(reduction)
        self.sums: Sums | None = None
        # whether the samples are parts of one unit, and the precision of its statistics; None before there are samples
        self.whole: bool | None = None
        self.single: bool | None = None
        self.n = 0

    @property
    def loss(self) -> Loss:
        """The loss."""
        return self.keywords["loss"]

    def update(  # pyright: ignore[reportIncompatibleMethodOverride] # weights by name, because inputs may be many
        self, *inputs: Any, sample_weight: Any = None
    ) -> LossState:
        """Take some samples in."""
        loss, inputs = self.loss._for(inputs)
        (piece,) = _sum_up([(self, loss, loss._read(inputs))], sample_weight)
        self.add(piece)
        return self

    def add(self, other: LossState) -> None:
        """Take in the samples of a state that fits."""
        if other.sums is None:
            return
        if self.sums is None:
            self.sums, self.whole, self.single = other.sums.copy(), other.whole, other.single
        else:
            self.check(other)
            self.sums.merge(other.sums)
        self.n += other.n

    def check(self, other: LossState) -> None:
        """Raise where the samples of two states cannot be added up."""
        if self.sums is None or other.sums is None:
            return
        if self.whole != other.whole:
            raise ValueError(
                f"{self.loss.name or self.loss!r} takes parts of one array, of one axis, or whole units; got some of each."
            )
        if self.whole and self.single != other.single:
            raise ValueError(
                f"{self.loss.name or self.loss!r} needs all predictions in one precision; got some that are computed with in "
                "float32 and some in float64. Convert them with astype."
            )

    def validate(self) -> None:
        """Raise where this cannot be what samples have left: after it came from elsewhere."""
        places = 2 if not self.whole else _core.count_of_statistics(self.loss._kernel) + 1
        kinds = (self.whole, bool), (self.single, bool), (self.sums, Sums)
        none = [value is None for value, _ in kinds]
        right = all(none) or all(isinstance(value, kind) for value, kind in kinds)
        if not right or (self.sums is not None and self.sums.count != places) or not isinstance(self.n, int) or self.n < 0:
            raise ValueError(f"this is no state of {self.loss!r}.")

    def result(self) -> float:
        """Compute the loss of all samples so far."""
        mean = self.keywords["reduction"] == "mean"
        weight = 0.0 if self.sums is None else self.sums.rounded(self.sums.count - 1)
        if mean and weight == 0.0:
            raise ValueError(NO_WEIGHTS if self.n else NO_SAMPLES)
        if self.sums is None:
            return 0.0
        if self.whole:
            if not math.isfinite(weight):
                raise ValueError(TOO_HEAVY)
            return _core.outcome_of(self.loss._kernel, bool(self.single), self.sums, 0, weight)
        return self.sums.mean(0, 1) if mean else self.sums.rounded(0)


# A state, the loss that computes it of the inputs, and these.
_Reading = tuple[LossState, Loss, Inputs]


def _sum_up(group: list[_Reading], sample_weight: Any) -> list[LossState]:
    """Sum losses over samples that they read in the same way: the states of these samples alone."""
    _, first, inputs = group[0]
    weights = None if sample_weight is None else first._read_weights(sample_weight, inputs)
    states, outputs, kernels = [], [], []
    for call, (state, loss, _) in enumerate(group):
        piece = state.empty()
        # a unit that is all there is may come in parts: what is kept are its statistics
        piece.whole = loss.signature.in_parts and not inputs.shape
        piece.single = inputs.single
        count = _core.count_of_statistics(loss._kernel) if piece.whole else 1
        piece.sums = Sums(count + 1)
        piece.n = int(np.prod(inputs.operands[loss.labels][0].shape)) if piece.whole else int(np.prod(inputs.shape))
        outputs += [
            Output(STATISTICS if piece.whole else VALUE, piece.sums, call=call),
            Output(WEIGHT, piece.sums, call=call, place=count),
        ]
        kernels.append(loss._kernel_for(inputs, state.keywords["reduction"]))
        states.append(piece)
    for (_, loss, _), piece in zip(group, states, strict=True):
        # what the losses lose when they are rounded is summed, too
        outputs += [Output(VALUE, piece.sums, call=len(kernels))] * len(loss._rests)
        kernels += loss._rests
    found = execute(tuple(kernels), inputs, weights, tuple(outputs))
    for (_, loss, own), fault in zip(group, found.faults[: len(group)], strict=True):
        if fault:
            loss._explain(fault, own, weights, False)
    return states


class Evaluation:
    """Evaluate many losses over the same samples, which may come piece by piece and be merged from several evaluations.

    A piece is read once for all losses: its blocks stay in the first-level cache while every loss reads them. What is kept are
    the exact sums of the losses and of the weights, so that the results have the same bits however the samples were cut into
    pieces, in whatever order these came, and however evaluations were merged.

    Parameters
    ----------
    losses : mapping of str to Loss, iterable of Loss, or Loss
        The losses, each with the name of its result. Names of losses (``"huber"``) may stand for their default instances;
        without a mapping the results are called like that. Functions of `fastloss.metrics`, and `functools.partial` of them,
        can be among them.
    reduction : {"mean", "sum"}, default="mean"
        ``"mean"`` is sum(w * loss) / sum(w) over all samples, ``"sum"`` is sum(w * loss). Metrics are what they are.

    Attributes
    ----------
    losses : dict of str to Loss
        The losses that are evaluated.
    metrics : dict of str to callable
        The metrics that are evaluated.
    reduction : str
        As given.
    n_samples : int
        The number of samples seen: rows of the first input.

    Raises
    ------
    TypeError, ValueError
        Something is no loss, or there is none.

    Notes
    -----
    An evaluation can be pickled; its state takes some hundred bytes for each loss and begins with a version.

    Threads may share an evaluation: updates compute at the same time, and each adds what it has found, for all losses or none,
    as a whole.

    Examples
    --------
    >>> import fastloss as fl
    >>> ev = fl.Evaluation({"mse": fl.mse, "huber": fl.Huber(delta=2.0)})
    >>> ev.update([1.0, 2.0], [1.5, 2.0]).update([3.0], [6.0]).result()
    {'mse': 3.0833333333333335, 'huber': 1.375}
    >>> other = ev.empty().update([0.0], [1.0])
    >>> ev.merge(other).result()["mse"], ev.n_samples
    (2.5625, 4)

    With scikit-learn, ``cross_validate(model, x, y, scoring=fl.Evaluation([fl.huber, fl.metrics.r2_score]))`` gives
    ``test_neg_huber`` and ``test_r2_score``.
    """

    __slots__ = ("_lock", "_states", "losses", "metrics", "n_samples", "reduction")

    def __init__(self, losses: Mapping[str, Any] | Iterable[Any] | Loss | str, reduction: Total = "mean") -> None:
        named = _named(losses)
        self.losses: dict[str, Loss] = {name: item for name, item in named.items() if isinstance(item, Loss)}
        self.metrics: dict[str, Callable[..., Any]] = {name: item for name, item in named.items() if not isinstance(item, Loss)}
        if reduction not in ("mean", "sum"):
            raise ValueError(f'reduction must be "mean" or "sum"; got {reduction!r}.')
        self.reduction: Total = reduction
        self.n_samples = 0
        # of the states and the number of samples
        self._lock = threading.RLock()
        # those of losses are LossStates
        self._states: dict[str, Any] = {
            name: LossState(loss=item, reduction=reduction) if isinstance(item, Loss) else state_of(item)
            for name, item in named.items()
        }

    def __repr__(self) -> str:
        reduction = "" if self.reduction == "mean" else f", reduction={self.reduction!r}"
        return f"<Evaluation({self._evaluated()!r}{reduction}) of {self.n_samples} samples>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._evaluated(), self.reduction, self.n_samples, self._states)

    def _evaluated(self) -> dict[str, Any]:
        """Return losses and metrics in the order in which they were given."""
        every = {**self.losses, **self.metrics}
        return {name: every[name] for name in self._states}

    def empty(self) -> Evaluation:
        """Make an evaluation of the same losses that has seen nothing.

        Returns
        -------
        Evaluation
        """
        return Evaluation(self._evaluated(), self.reduction)

    def update(self, *inputs: Any, sample_weight: Any = None, **named: Any) -> Evaluation:
        """Add samples.

        Parameters
        ----------
        *inputs : array_like
            The inputs in the order in which the losses take them, mostly ``y_true, y_pred``.
        sample_weight : array_like, default=None
            One weight per loss, or one per row; 1 by default. A weight of zero removes the sample altogether.
        **named : array_like
            Inputs by their names, for losses that do not all take the same: each loss takes those it has.

        Returns
        -------
        Evaluation
            This evaluation.

        Raises
        ------
        ValueError, TypeError
            As the losses raise them. Nothing has been added then.
        """
        given = self._bind(inputs, named)
        pieces: dict[str, LossState] = {}
        groups = self._by_inputs(given)
        for names, group in groups:
            pieces |= zip(names, _sum_up(group, sample_weight), strict=True)
        for name, loss in self.losses.items():
            if name not in pieces:
                piece = pieces[name] = self._states[name].empty()
                piece.sums, piece.whole, piece.single = loss._sums_of(given[name], sample_weight), False, False
                piece.n = length(given[name][0])
        states = self._states_of(inputs, named, sample_weight)
        if given:
            first = next(iter(given.values()))[0]
            if groups and groups[0][1][0][1].signature.plan == "sequences":
                n_samples = math.prod(groups[0][1][0][2].shape)
            else:
                n_samples = length(first) if np.ndim(first) else 1
        else:
            n_samples = length(inputs[0] if inputs else named["y_true"])
        with self._lock:
            self._add(pieces, states, n_samples)
        return self

    def _add(self, pieces: Mapping[str, LossState], states: Mapping[str, State], n_samples: int) -> None:
        """Add the states of some samples, of losses and of metrics; to be called with the lock."""
        for name, piece in pieces.items():
            self._states[name].check(piece)
        metrics = {name: state.empty().merge(self._states[name]).merge(state) for name, state in states.items()}
        # nothing can fail from here on: all losses and metrics have the samples, or none
        for name, piece in pieces.items():
            self._states[name].add(piece)
        self._states |= metrics
        self.n_samples += n_samples

    def _by_inputs(self, given: Mapping[str, tuple[Any, ...]]) -> list[tuple[list[str], list[_Reading]]]:
        """Put the losses together that read the same numbers in the same way."""
        groups: dict[Any, tuple[list[str], list[_Reading]]] = {}
        for name in self.losses:
            if self.losses[name].signature.plan == "composed":
                # it sums its samples up itself
                continue
            # the loss itself, or the one that stands for it where the inputs are of other shapes
            loss, values = self.losses[name]._for(given[name])
            inputs = loss._read(values)
            # a unit that is all there is, is read number by number
            plan = "elements" if loss.signature.in_parts and not inputs.shape else loss.signature.plan
            shape = inputs.operands[loss.labels][0].shape if plan == "elements" else inputs.shape
            arrays = tuple(map(id, values))
            alike = (arrays, plan, shape, inputs.single, inputs.labels, inputs.unit_axis)
            names, group = groups.setdefault(alike, ([], []))
            names.append(name)
            group.append((self._states[name], loss, inputs))
        # a whole array comes first: it says what the others' units are parts of
        ordered = []
        for names, group in groups.values():
            pairs = sorted(zip(names, group, strict=True), key=lambda pair: len(pair[1][2].shape))
            ordered.append(([name for name, _ in pairs], [reading for _, reading in pairs]))
        return ordered

    def _states_of(self, inputs: tuple[Any, ...], named: dict[str, Any], sample_weight: Any) -> dict[str, State]:
        """Return the states of the metrics for some samples."""
        if not self.metrics:
            return {}
        given = {**dict(zip(_POSITIONAL, inputs, strict=False)), **named}
        if len(inputs) > len(_POSITIONAL) or not given.keys() >= set(_POSITIONAL):
            raise TypeError(f"{next(iter(self.metrics))} takes y_true and y_pred; got {len(inputs)} inputs by place.")
        return {
            name: self._states[name].empty().update(given["y_true"], given["y_pred"], sample_weight) for name in self.metrics
        }

    def __call__(self, estimator: Any, x: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Score an estimator: what ``scoring=`` of scikit-learn's ``cross_validate`` and ``GridSearchCV`` takes.

        More is better there. So losses, and metrics of which less is better (``_error``, ``_loss`` and ``_deviance``), are
        negated, and their names begin with ``neg_``, as scikit-learn's own do: ``refit="neg_huber"``. Scores stay as they are.

        Regressors are asked for predictions, classifiers for what each loss or metric takes: labels, probabilities or raw
        scores. Each of their methods is called once, and what takes the same predictions is evaluated in one pass over them.
        The samples that the evaluation itself has seen stay as they are.

        Parameters
        ----------
        estimator : object
            A fitted estimator.
        x, y : array_like
            Features and labels.
        sample_weight : array_like, default=None
            One weight per sample.

        Returns
        -------
        dict of str to float

        Raises
        ------
        TypeError
            A metric is no score, or a loss takes other inputs than labels and predictions.
        ValueError
            As the losses raise them.
        """
        answers = Answers(estimator, x, y)
        passes: dict[tuple[int, int], tuple[dict[str, Any], Any, Any]] = {}
        names: dict[str, tuple[str, float]] = {}
        for name, item in self._evaluated().items():
            if isinstance(item, Loss):
                if item.inputs != _POSITIONAL:
                    raise TypeError(f"{name} takes {', '.join(item.inputs)}; an estimator has labels and predictions.")
                better: bool | None = False
                item, labels, predictions, _ = answers.for_loss(item)
            else:
                better = is_better(item)
                if better is None:
                    raise TypeError(f"{name_of(item)} is no score of which more, or less, is better.")
                labels, predictions = y, answers.for_metric(item)
            names[name] = (name, 1.0) if better else (f"neg_{name}", -1.0)
            passes.setdefault((id(labels), id(predictions)), ({}, labels, predictions))[0][name] = item
        results: dict[str, float] = {}
        for items, labels, predictions in passes.values():
            results |= evaluate(items, labels, predictions, sample_weight=sample_weight, reduction=self.reduction)
        return {new: sign * results[name] for name, (new, sign) in names.items()}

    def merge(self, other: Evaluation) -> Evaluation:
        """Add the samples that another evaluation has seen.

        Parameters
        ----------
        other : Evaluation
            Of the same losses, by the same names, and of the same reduction.

        Returns
        -------
        Evaluation
            This evaluation; the other one stays as it is.

        Raises
        ------
        TypeError, ValueError
            The other one is no evaluation, or evaluates something else.
        """
        if not isinstance(other, Evaluation):
            raise TypeError(f"an Evaluation can be merged with another one only; got {type(other).__name__}.")
        if other.losses != self.losses or other.reduction != self.reduction or [*other._states] != [*self._states]:
            raise ValueError(f"evaluations can be merged when they evaluate the same; got {self!r} and {other!r}.")
        with ExitStack() as stack:
            # in one order, so that two evaluations can be merged into each other at the same time
            for lock in sorted({self._lock, other._lock}, key=id):
                stack.enter_context(lock)
            self._add(
                {name: other._states[name] for name in self.losses},
                {name: other._states[name] for name in self.metrics},
                other.n_samples,
            )
        return self

    def result(self) -> dict[str, float]:
        """Return the losses of all samples seen.

        Returns
        -------
        dict of str to float
            By the names of the losses, in their order: the exact sums rounded once and, for the mean, divided once. Metrics
            give what their functions return.

        Raises
        ------
        ValueError
            A mean is asked for of no samples, or of weights that sum to zero.
        """
        results = {}
        with self._lock:
            for name, state in self._states.items():
                try:
                    results[name] = state.result()
                except ValueError as error:
                    if name not in self.losses:
                        raise
                    raise prefixed(error, f"{name}: ") from None
        return results

    def _bind(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        """Give each loss the inputs it takes, in its order."""
        _arrays.check_axes((*inputs, *named.values()), (*(f"input {i}" for i in range(len(inputs))), *named))
        if not named:
            for name, loss in self.losses.items():
                if not len(loss.inputs) <= len(inputs) <= len(loss.inputs) + len(loss.optional):
                    takes = f"{name} takes {len(loss.inputs)} inputs ({', '.join(loss.inputs)})"
                    raise TypeError(f"{takes}; got {len(inputs)}. Pass inputs by name where losses take different ones.")
            # labels of metrics may be what is no number
            arrays = tuple(_plain(value, f"input {i}") for i, value in enumerate(inputs)) if self.losses else ()
            return dict.fromkeys(self.losses, arrays)
        if len(inputs) > len(_POSITIONAL):
            raise TypeError(f"only {' and '.join(_POSITIONAL)} can be given by place beside inputs by name.")
        by_place = dict(zip(_POSITIONAL, inputs, strict=False))
        taken = {name for loss in self.losses.values() for name in (*loss.inputs, *loss.optional)}
        known = set(taken)
        if self.metrics:
            known.update(_POSITIONAL)
        for name in (*named, *by_place):
            if name not in known or (name in named and name in by_place):
                problem = "is given twice" if name in by_place and name in named else "is an input of no loss here"
                raise TypeError(f"{name!r} {problem}; the inputs are {', '.join(sorted(known))}.")
        given = {name: _plain(value, name) for name, value in {**by_place, **named}.items() if name in taken}
        for name, loss in self.losses.items():
            missing = [item for item in loss.inputs if item not in given]
            if missing:
                raise TypeError(f"{name} takes the inputs {', '.join(loss.inputs)}; {' and '.join(missing)} missing.")
        return {
            name: tuple(given[item] for item in (*loss.inputs, *loss.optional) if item in given)
            for name, loss in self.losses.items()
        }


def evaluate(
    losses: Mapping[str, Loss] | Iterable[Loss | str] | Loss | str,
    *inputs: Any,
    sample_weight: Any = None,
    reduction: Total = "mean",
    **named: Any,
) -> dict[str, float]:
    """Evaluate many losses over the same samples, in one pass over memory.

    Parameters
    ----------
    losses, reduction
        As for `Evaluation`.
    *inputs, sample_weight, **named
        As for `Evaluation.update`.

    Returns
    -------
    dict of str to float
        The losses by their names.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.evaluate({"mse": fl.mse, "mae": fl.mae}, [1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    {'mse': 3.0, 'mae': 1.0}
    >>> fl.evaluate(["brier", "zero_one"], [0, 1], [0.25, 0.5])
    {'brier': 0.15625, 'zero_one': 0.5}
    """
    return Evaluation(losses, reduction).update(*inputs, sample_weight=sample_weight, **named).result()


def _named(losses: Any) -> dict[str, Any]:
    if isinstance(losses, Loss | str) or is_metric(losses):
        losses = [losses]
    if isinstance(losses, Mapping):
        pairs = list(losses.items())
    elif isinstance(losses, Iterable):
        pairs = [
            (item if isinstance(item, str) else getattr(item, "name", getattr(item, "__name__", item)), item) for item in losses
        ]
    else:
        raise TypeError(f"losses must be a dictionary of losses by their names; got {type(losses).__name__}.")
    found: dict[str, Any] = {}
    for name, item in pairs:
        loss = get_loss(item) if isinstance(item, str) else item
        if not isinstance(name, str) or not (isinstance(loss, Loss) or is_metric(loss)):
            hint = " Make an instance." if isinstance(item, type) and issubclass(item, Loss) else ""
            raise TypeError(f"losses must map names to losses; got {name!r}: {item!r}.{hint}")
        if name in found:
            raise ValueError(f"two losses are called {name!r}. Pass a dictionary that gives each a name of its own.")
        found[name] = loss
    if not found:
        raise ValueError("losses must hold at least one loss; got none.")
    return found


def _plain(value: Any, name: str) -> Any:
    """Make arrays of everything else, once for all losses."""
    if type(value) is np.ndarray:
        return value
    array, _ = operand = _arrays.read(value, name)
    return value if _arrays.decode(operand) is not array else array


def _restore(losses: dict[str, Any], reduction: Total, n_samples: int, states: dict[str, State]) -> Evaluation:
    """Make an evaluation of its pickled parts."""
    ev = Evaluation(losses, reduction)
    if isinstance(n_samples, bool) or not isinstance(n_samples, int) or n_samples < 0:
        raise ValueError(f"the number of samples of an evaluation must be an integer from 0; got {n_samples!r}.")
    for name, own in ev._states.items():
        state: Any = states.get(name)
        if type(state) is not type(own) or repr(state.keywords) != repr(own.keywords):
            raise ValueError(f"the state of {name} must be one of {own!r}; got {state!r}.")
        if isinstance(state, LossState):
            state.validate()
    ev.n_samples = n_samples
    ev._states = {name: states[name] for name in ev._states}
    return ev
