"""Evaluate many losses in one pass over memory, piece by piece: the state is small, and merging is exact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from . import _arrays, _core
from ._core import Sum, accumulate
from .base import NO_SAMPLES, NO_WEIGHTS, Loss, Read, get_loss
from .metrics import State, state_of
from .metrics._check import length
from .metrics._state import is_metric

# What a pickled state begins with; to be raised when its bytes come to mean something else.
_VERSION = 1
_POSITIONAL = ("y_true", "y_pred")


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

    Examples
    --------
    >>> import fastloss as fl
    >>> ev = fl.Evaluation({"mse": fl.mse, "huber": fl.Huber(delta=2.0)})
    >>> ev.update([1.0, 2.0], [1.5, 2.0]).update([3.0], [6.0]).result()
    {'mse': 3.0833333333333335, 'huber': 1.375}
    >>> other = ev.empty().update([0.0], [1.0])
    >>> ev.merge(other).result()["mse"], ev.n_samples
    (2.5625, 4)
    """

    __slots__ = ("_names", "_single", "_states", "_sums", "_weights", "losses", "metrics", "n_samples", "reduction")

    def __init__(self, losses: Mapping[str, Any] | Iterable[Any] | Loss | str, reduction: str = "mean") -> None:
        named = _named(losses)
        self._names = tuple(named)
        self.losses: dict[str, Loss] = {name: item for name, item in named.items() if isinstance(item, Loss)}
        self.metrics: dict[str, Callable[..., Any]] = {name: item for name, item in named.items() if not isinstance(item, Loss)}
        self._states: dict[str, State] = {name: state_of(metric) for name, metric in self.metrics.items()}
        if reduction not in ("mean", "sum"):
            raise ValueError(f'reduction must be "mean" or "sum"; got {reduction!r}.')
        for loss in self.losses.values():
            loss._check_reduction(reduction)
        self.reduction = reduction
        self.n_samples = 0
        # the precision of the first piece; None before there is one
        self._single: bool | None = None
        self._sums = {name: tuple(Sum() for _ in loss._programs(True)) for name, loss in self.losses.items()}
        # what the samples count for in the mean of each loss
        self._weights = {name: Sum() for name in self.losses}

    def __repr__(self) -> str:
        reduction = "" if self.reduction == "mean" else f", reduction={self.reduction!r}"
        return f"<Evaluation({self._evaluated()!r}{reduction}) of {self.n_samples} samples>"

    def __reduce__(self) -> tuple[Any, ...]:
        sums = [item for name in self.losses for item in (*self._sums[name], self._weights[name])]
        state = b"".join(item.to_bytes() for item in sums)
        precision = {None: b"\0", True: b"\1", False: b"\2"}[self._single]
        head = bytes([_VERSION]) + precision + self.n_samples.to_bytes(8, "little")
        states = (self._states,) if self._states else ()
        return _restore, (self._evaluated(), self.reduction, head + state, *states)

    def _evaluated(self) -> dict[str, Any]:
        """Return losses and metrics in the order in which they were given."""
        every = {**self.losses, **self.metrics}
        return {name: every[name] for name in self._names}

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
        groups = _by_inputs(self.losses, given)
        pieces: list[tuple[str, tuple[Sum, ...], Sum | float]] = []
        # no comprehension: warnings count the frames to the caller
        for group in groups:
            pieces += _sum_up(group, sample_weight)
        self._check_precision(read.single for group in groups for _, _, read in group if read.operands[-1][0].size)
        states = self._updated(inputs, named, sample_weight)
        # nothing can fail from here on: all losses have the samples, or none
        for name, sums, weight in pieces:
            self._add(name, sums, weight)
        for group in groups:
            for _, _, read in group:
                if read.operands[-1][0].size:
                    self._single = read.single
        self._states = states
        if groups:
            first = groups[0][0][2].operands[0][0]
            self.n_samples += len(first) if first.ndim else 1
        else:
            self.n_samples += length(inputs[0] if inputs else named["y_true"])
        return self

    def _updated(self, inputs: tuple[Any, ...], named: dict[str, Any], sample_weight: Any) -> dict[str, State]:
        """Return the states of the metrics with some samples more; the old ones stay as they are."""
        if not self.metrics:
            return {}
        given = {**dict(zip(_POSITIONAL, inputs, strict=False)), **named}
        if len(inputs) > len(_POSITIONAL) or not given.keys() >= set(_POSITIONAL):
            raise TypeError(f"{next(iter(self.metrics))} takes y_true and y_pred; got {len(inputs)} inputs by place.")
        states = {}
        for name, metric in self.metrics.items():
            new = state_of(metric).update(given["y_true"], given["y_pred"], sample_weight)
            states[name] = state_of(metric).merge(self._states[name]).merge(new)
        return states

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
        if other.losses != self.losses or other.reduction != self.reduction or other._names != self._names:
            raise ValueError(f"evaluations can be merged when they evaluate the same; got {self!r} and {other!r}.")
        if other._single is not None:
            self._check_precision([other._single])
        pairs = {name: (self._states[name], other._states[name]) for name in self.metrics}
        self._states = {name: state_of(self.metrics[name]).merge(mine).merge(new) for name, (mine, new) in pairs.items()}
        if other._single is not None:
            self._single = other._single
        for name in self.losses:
            self._add(name, other._sums[name], other._weights[name])
        self.n_samples += other.n_samples
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
        return {
            name: self._result(name, self.losses[name]) if name in self.losses else self._states[name].result()
            for name in self._names
        }

    def _result(self, name: str, loss: Loss) -> float:
        weight = None
        if self.reduction == "mean":
            weight = float(self._weights[name])
            if weight == 0.0:
                raise ValueError(f"{name}: {NO_WEIGHTS if self.n_samples else NO_SAMPLES}")
        return loss._reduce(self._sums[name], weight, bool(self._single))

    def _add(self, name: str, sums: tuple[Sum, ...], weight: Sum | float) -> None:
        for mine, new in zip(self._sums[name], sums, strict=True):
            mine.add(new)
        self._weights[name].add(weight)

    def _bind(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        """Give each loss the inputs it takes, in its order."""
        if not named:
            for name, loss in self.losses.items():
                if len(loss.inputs) != len(inputs):
                    takes = f"{name} takes {len(loss.inputs)} inputs ({', '.join(loss.inputs)})"
                    raise TypeError(f"{takes}; got {len(inputs)}. Pass inputs by name where losses take different ones.")
            # labels of metrics may be what is no number
            arrays = tuple(_plain(value, f"input {i}") for i, value in enumerate(inputs)) if self.losses else ()
            return dict.fromkeys(self.losses, arrays)
        if len(inputs) > len(_POSITIONAL):
            raise TypeError(f"only {' and '.join(_POSITIONAL)} can be given by place beside inputs by name.")
        by_place = dict(zip(_POSITIONAL, inputs, strict=False))
        known = {name for loss in self.losses.values() for name in loss.inputs}
        if self.metrics:
            known.update(_POSITIONAL)
        for name in (*named, *by_place):
            if name not in known or (name in named and name in by_place):
                problem = "is given twice" if name in by_place and name in named else "is an input of no loss here"
                raise TypeError(f"{name!r} {problem}; the inputs are {', '.join(sorted(known))}.")
        taken = {item for loss in self.losses.values() for item in loss.inputs}
        given = {name: _plain(value, name) for name, value in {**by_place, **named}.items() if name in taken}
        for name, loss in self.losses.items():
            missing = [item for item in loss.inputs if item not in given]
            if missing:
                raise TypeError(f"{name} takes the inputs {', '.join(loss.inputs)}; {' and '.join(missing)} missing.")
        return {name: tuple(given[item] for item in loss.inputs) for name, loss in self.losses.items()}

    def _check_precision(self, found: Iterable[bool]) -> None:
        """Losses that keep sums for each precision need all pieces in one."""
        precisions = {single for single in (self._single, *found) if single is not None}
        split = [name for name, sums in self._sums.items() if len(sums) > 1]
        if len(precisions) > 1 and split:
            raise ValueError(
                f"{split[0]} needs all predictions in one precision; got some that are computed with in float32 and some in "
                "float64. Convert them with astype."
            )


def evaluate(
    losses: Mapping[str, Loss] | Iterable[Loss | str] | Loss | str,
    *inputs: Any,
    sample_weight: Any = None,
    reduction: str = "mean",
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


_Group = list[tuple[str, Loss, Read]]


def _by_inputs(losses: Mapping[str, Loss], given: Mapping[str, tuple[Any, ...]]) -> list[_Group]:
    """Put the losses together that read the same numbers in the same way."""
    groups: dict[Any, _Group] = {}
    for name, loss in losses.items():
        loss = loss._of(given[name])
        read = loss._read_inputs(given[name])
        arrays = tuple(id(value) for value in given[name])
        groups.setdefault((arrays, read.shape, read.single, read.width, read.indices), []).append((name, loss, read))
    return list(groups.values())


def _sum_up(group: _Group, sample_weight: Any) -> list[tuple[str, tuple[Sum, ...], Sum | float]]:
    """Sum losses over their samples: the sums of each, and what the samples count for in its mean."""
    _, _, read = group[0]
    weights = None if sample_weight is None else _arrays.read_weights(sample_weight, read.shape)
    programs = [loss._programs(read.single) for _, loss, _ in group]
    classes = None
    if read.width:
        classes = [
            loss._classes(read.width, read.operands[-1]) for (_, loss, _), own in zip(group, programs, strict=True) for _ in own
        ]
    flat = [program for own in programs for program in own]
    sums = accumulate(flat, classes, read.single, read.operands, weights, read.width, read.indices)
    # weights are looked at once, for all
    bad_weight = sums[0][2] & _core.BAD_WEIGHT
    pieces, start = [], 0
    for (name, loss, own_read), own in zip(group, programs, strict=True):
        mine = sums[start : start + len(own)]
        start += len(own)
        faults = bad_weight | mine[0][2]
        if faults:
            loss._explain_read(own_read, faults, weights)
        weight = mine[0][1] if mine[0][1] is not None else float(np.prod(read.shape))
        pieces.append((name, tuple(total for total, _, _ in mine), weight))
    return pieces


def _restore(losses: dict[str, Any], reduction: str, state: bytes, states: dict[str, State] | None = None) -> Evaluation:
    """Make an evaluation of its pickled parts."""
    ev = Evaluation(losses, reduction)
    size = _core.SUM_BYTES
    wanted = 10 + size * sum(len(sums) + 1 for sums in ev._sums.values())
    if not state or state[0] != _VERSION:
        raise ValueError(f"this evaluation was saved by another version of fastloss, in format {state[:1]!r}.")
    if len(state) != wanted:
        raise ValueError(f"the state of this evaluation must have {wanted} bytes; got {len(state)}.")
    ev._single = {0: None, 1: True, 2: False}[state[1]]
    ev.n_samples = int.from_bytes(state[2:10], "little")
    ev._states = states or {}
    sums = (Sum.from_bytes(state[start : start + size]) for start in range(10, wanted, size))
    for name, own in ev._sums.items():
        ev._sums[name] = tuple(next(sums) for _ in own)
        ev._weights[name] = next(sums)
    return ev
