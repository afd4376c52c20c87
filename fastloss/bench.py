"""Cases and timing against NumPy's one-liners, shared by ``fastloss bench`` and the folder benchmarks/."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np

from . import _core
from ._threads import get_num_threads
from .domains import ANY, Choice, Domain, Grades
from .loss import Loss
from .signature import Signature

WHATS = ("value", "value_and_gradient")
#: How far results may be apart, for inputs of order one: the rounding errors of the one-liners.
TOLERANCES = {"float32": 1e-4, "float64": 1e-10}

_SEED = 20240229
# Numbers in a row, a mask or a group.
_TOGETHER = 10
# One repeat lasts at least this long, so that the clock's resolution does not matter.
_REPEAT_SECONDS = 1e-3
_FEWEST_REPEATS = 3

_Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison: a loss, the size and dtype of its inputs, and what is computed.

    Attributes
    ----------
    loss : Loss
        With the parameters to use.
    dtype : {"float32", "float64"}
        Of all inputs.
    n : int
        Number of samples; of predictions in all, where a sample has a row of them.
    what : {"value", "value_and_gradient"}
        What is computed, as a mean.
    """

    loss: Loss
    dtype: str
    n: int
    what: str

    def __str__(self) -> str:
        return f"{self.loss} {self.what} {self.dtype} n={self.n}"

    def prepare(self) -> tuple[_Call, _Call]:
        """Make the two competitors and check that their results are equal.

        Returns
        -------
        numpy_call, fastloss_call : callable
            Without arguments; both compute with the same arrays. fastloss writes gradients to arrays made here.

        Raises
        ------
        ValueError
            The results differ.
        """
        loss = self.loss
        arrays = make_inputs(loss, self.dtype, self.n)
        names = {
            "np": np,
            "n": len(arrays[0]),
            "loss": loss,
            "out": tuple(np.empty_like(arrays[i]) for i in loss.signature.predictions if i < len(arrays)),
            **{item.name: getattr(loss, item.name) for item in fields(loss)},
            **dict(zip(loss.inputs, arrays, strict=True)),
        }
        arguments = ", ".join(loss.inputs)
        if self.what == "value":
            expressions = loss.numpy_value, f"loss({arguments})"
        else:
            both = f"({loss.numpy_value}, {loss.numpy_gradient})"
            expressions = both, f"loss.value_and_gradient({arguments}, out=out)"
        # both are made from text, so that a call costs them the same
        numpy_call, fastloss_call = (eval(f"lambda: {expression}", names) for expression in expressions)
        with np.errstate(all="ignore"):
            self._check(numpy_call(), fastloss_call())
        return numpy_call, fastloss_call

    def _check(self, expected: Any, result: Any) -> None:
        tolerance = TOLERANCES[self.dtype]
        for right, ours in zip(_leaves(expected), _leaves(result), strict=True):
            # terms of order one may cancel, and a gradient of a mean is divided by n
            if not np.allclose(ours, right, rtol=tolerance, atol=tolerance / np.size(right)):
                error, largest = np.max(np.abs(ours - right)), np.max(np.abs(right))
                raise ValueError(f"fastloss and NumPy differ by {error:.3g}, with numbers up to {largest:.3g}, in: {self}")


@dataclass(frozen=True, slots=True)
class Row:
    """Times of one case, in seconds per call.

    Attributes
    ----------
    case : Case
        What was timed.
    numpy, fastloss : float
        The fastest repeat.
    numpy_median, fastloss_median : float
        The median of the repeats.
    repeats : int
        How often each was timed.
    """

    case: Case
    numpy: float
    fastloss: float
    numpy_median: float
    fastloss_median: float
    repeats: int

    @property
    def ratio(self) -> float:
        """NumPy's time in units of fastloss's: how many times faster fastloss is."""
        return self.numpy / self.fastloss


def make_cases(
    losses: Iterable[Loss], sizes: Iterable[int], dtypes: Iterable[str] = tuple(TOLERANCES), whats: Iterable[str] = WHATS
) -> list[Case]:
    """All cases for which NumPy has a one-liner.

    Parameters
    ----------
    losses : iterable of Loss
        Losses.
    sizes : iterable of int
        Numbers of samples.
    dtypes : iterable of str, default=("float32", "float64")
        Dtypes.
    whats : iterable of str, default=("value", "value_and_gradient")
        What to compute.

    Returns
    -------
    list of Case
        By size, then dtype, so that neighbours can share their data.
    """
    losses, dtypes, whats = list(losses), list(dtypes), list(whats)
    return [
        Case(loss, dtype, n, what)
        for n in sizes
        for dtype in dtypes
        for loss in losses
        for what in whats
        if loss.numpy_value and (what == "value" or loss.numpy_gradient)
    ]


def make_inputs(loss: Loss, dtype: str, n: int, width: int = _TOGETHER) -> tuple[np.ndarray, ...]:
    """Seeded random inputs of a loss.

    Parameters
    ----------
    loss : Loss
        The loss.
    dtype : str
        Floating dtype of all but class indices and groups.
    n : int
        Number of predictions, in rows, masks or groups, if the loss takes such.
    width : int, default=10
        Numbers in each of these; half of them are the pixels of one of two classes, boxes have their own four. Vectors that are
        compared with keys have as many numbers, and there are as many keys. Sequences have as many frames of as many classes.

    Returns
    -------
    tuple of ndarray
        Normal numbers where any is allowed, uniform ones between two ends, log-normal distances from a single end; labels
        with equal shares.
    """
    signature, domains = loss.signature, loss._domains()
    if signature.plan == "tiles":
        return _make_tiles(signature, max(1, n // width), width, dtype)
    if signature.plan == "sequences":
        return _make_sequences(loss, max(1, n // width**2), width, dtype)
    together = signature.axes in ("", "(...)", "[g]")
    units = max(1, n // width)
    shape: tuple[int, ...] = (n,) if together else (units, signature.components or width)
    kinds = [domains.get(name, ANY) if not signature.components else "boxes" for name in signature.names]
    if signature.axes == "(k)":
        kinds = ["distribution" if name in domains else "scores" for name in signature.names]
        if loss.labels:
            kinds[0] = "labels" if kinds[1] == "scores" and loss.family != "distribution" else "distribution"
        if signature.labels:
            kinds[0] = "lists" if signature.labels[0].axes else "indices"
    if signature.axes == "[m...](k)":
        shape, kinds = (units, 2, width // 2), ["indices", "scores" if getattr(loss, "from_logits", False) else "distribution"]
    shapes = [shape if together or item.forms[0].axes or item.forms[0].index else shape[:1] for item in signature.inputs]
    arrays = _make(tuple(zip(kinds, shapes, strict=True)), dtype)
    return (*arrays, _groups_of(n, width)) if signature.axes == "[g]" else arrays


def _make_tiles(signature: Signature, n: int, width: int, dtype: str) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(_SEED)
    shapes = {"(d)": (n, width), "[k](d)": (width, width)}
    return tuple(
        generator.integers(0, width, n)
        if item.forms[0].index
        else generator.standard_normal(shapes[item.forms[0].axes], np.dtype(dtype))
        for item in signature.inputs
        if not item.optional
    )


def _make_sequences(loss: Any, n: int, width: int, dtype: str) -> tuple[np.ndarray, ...]:
    """Draw frames, and three labels for ten of them."""
    generator = np.random.default_rng(_SEED)
    shape, count = (n, width, width) if loss.batch_first else (width, n, width), 3 * width // 10
    labels = (loss.blank + generator.integers(1, width, (n, count))) % width
    return generator.standard_normal(shape, np.dtype(dtype)), labels, np.full(n, width), np.full(n, count)


def _groups_of(n: int, width: int) -> np.ndarray:
    sizes = np.full(n // width, width)
    return np.append(sizes, n % width) if n % width else sizes


@lru_cache(maxsize=1)
def _make(kinds: tuple[tuple[Domain | str, tuple[int, ...]], ...], dtype: str) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(_SEED)
    return tuple(_draw(generator, kind, np.dtype(dtype), shape) for kind, shape in kinds)


def _draw(generator: np.random.Generator, kind: Domain | str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Draw numbers of a domain, or rows: of scores, of a distribution, of labels 0 and 1, boxes; or class indices."""
    if kind == "boxes":
        ends = generator.random(shape)
        ends[:, 2:] += ends[:, :2]
        return ends.astype(dtype)
    if kind == "indices":
        return generator.integers(0, shape[1], (shape[0], *shape[2:]))
    if kind == "lists":
        # as many right classes as there are others
        lists = generator.permuted(np.tile(np.arange(shape[1]), (shape[0], 1)), axis=1)
        lists[:, shape[1] // 2 :] = -1
        return lists
    if kind == "labels":
        return generator.integers(0, 2, shape).astype(dtype)
    if isinstance(kind, str):
        scores = generator.standard_normal(shape, dtype.type)
        if kind == "distribution":
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
        return scores
    if isinstance(kind, Choice):
        return generator.choice(np.array(kind.numbers, dtype), shape)
    if isinstance(kind, Grades):
        # few of the highest ones have all the gain
        return generator.integers(int(kind.low), 5, shape).astype(dtype)
    low, high = kind.low, kind.high
    if math.isfinite(low) and math.isfinite(high):
        # a hair inside: the ends may be excluded, and rounding may reach them
        return generator.random(shape, dtype) * (0.98 * (high - low)) + (low + 0.01 * (high - low))
    normal = generator.standard_normal(shape, dtype)
    if math.isfinite(low):
        return low + np.exp(normal / 2)
    return normal if math.isinf(high) else high - np.exp(normal / 2)


def measure(case: Case, seconds: float = 0.8) -> Row:
    """Time NumPy and fastloss in turns.

    Parameters
    ----------
    case : Case
        What to time. Its results are checked first.
    seconds : float, default=0.8
        The time to spend, exceeded where three repeats take longer.

    Returns
    -------
    Row

    Raises
    ------
    ValueError
        The results differ; nothing was timed.
    """
    times = take_turns(case.prepare(), seconds)
    numpy, fastloss = times
    return Row(case, min(numpy), min(fastloss), statistics.median(numpy), statistics.median(fastloss), len(numpy))


def take_turns(calls: Sequence[_Call], seconds: float, settle: float = 0.0, patience: float = math.inf) -> list[list[float]]:
    """Time calls in turns.

    Parameters
    ----------
    calls : sequence of callable
        Without arguments.
    seconds : float
        The time to spend on all, exceeded where three repeats of each take longer.
    settle : float, default=0.0
        How long each is called before it is timed, so that the caches hold its data and no thread of another one still waits
        for work on the processor.
    patience : float, default=infinity
        What has taken so many seconds is not called again, however few its repeats are; but each is timed once.

    Returns
    -------
    list of list of float
        Seconds per call, of all repeats of each.
    """
    counts = [_calls_per_repeat(call) for call in calls]
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + seconds

    def wanted(found: list[float], count: int) -> bool:
        return not found or (sum(found) * count < patience and (len(found) < _FEWEST_REPEATS or time.perf_counter() < end))

    while turn := [item for item in zip(calls, counts, times, strict=True) if wanted(item[2], item[1])]:
        for call, count, found in turn:
            settled = time.perf_counter() + settle
            while time.perf_counter() < settled:
                call()
            found.append(_time(call, count) / count)
    return times


def machine_facts() -> dict[str, Any]:
    """Tell what times depend on.

    Returns
    -------
    dict
        Number of CPUs and of threads used, active instruction set, version of NumPy.
    """
    return {"cpus": os.cpu_count(), "threads": get_num_threads(), "isa": _core.active_isa(), "numpy": np.__version__}


def _calls_per_repeat(call: _Call) -> int:
    count = 1
    while _time(call, count) < _REPEAT_SECONDS:
        count *= 2
    return count


def _time(call: _Call, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - start


def _leaves(result: Any) -> list[Any]:
    """List the scalars and arrays of a result that may be a tuple of tuples."""
    if isinstance(result, tuple):
        return [leaf for item in result for leaf in _leaves(item)]
    return [result]
