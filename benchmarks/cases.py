"""What is timed: every public loss, in both precisions, of several sizes, with all that it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

import fastloss as fl
from fastloss import bench

DTYPES = ("float32", "float64")
WHATS = ("value", "value_and_gradient", "gradient_and_hessian")

# How many numbers a unit has, by the axes of its predictions: vectors, masks, masks of two classes, groups. Rows have several
# widths where scores of classes become probabilities, which is where engines differ.
WIDTHS = {"(d)": (128,), "(m...)": (4096,), "[m...]": (4096,), "[m...](k)": (8192,), "[g]": (20,), "(t,c)": (32,)}
ROWS, ROWS_OF_SCORES = (10,), (2, 10, 100, 1000, 8192)
#: What has rows of all these widths.
SOFTMAX = "categorical_cross_entropy"
# Sizes beyond which a loss is left out: what grows faster than its inputs, and what has many units of work for each number.
MOST = {"tiles": 10**6, "groups": 10**6, "sequences": 10**6}


@dataclass(frozen=True)
class Case:
    """A loss, the size and precision of its inputs, and what is computed: means, but with Hessians each sample's."""

    loss: fl.Loss
    dtype: str
    n: int
    width: int
    what: str

    @property
    def name(self) -> str:
        """What the loss is called in tables: with the parameters that are not its defaults."""
        changed = [
            f"{item.name}={value!r}" for item in fields(self.loss) if (value := getattr(self.loss, item.name)) != item.default
        ]
        return f"{type(self.loss).__name__}({', '.join(changed)})" if changed else type(self.loss).__name__

    @property
    def shape(self) -> str:
        """How many numbers belong together, where that is not a choice of one."""
        return f"{self.width}" if self.width > 1 else ""

    def __str__(self) -> str:
        return " ".join(filter(None, [self.name, self.shape and f"of {self.width}", self.dtype, f"n={self.n}", self.what]))

    @cached_property
    def inputs(self) -> tuple[np.ndarray, ...]:
        inputs = bench.make_inputs(self.loss, self.dtype, self.n, self.width)
        if takes_signs(self.loss):
            # of the two ways of writing labels that such losses take, the one that peers take, too
            return np.where(inputs[0] > 0, 1, -1).astype(self.dtype), *inputs[1:]
        # labels could lie between 0 and 1, but most do not; errors of differences with these would say nothing
        return (np.rint(inputs[0]), *inputs[1:]) if self.loss.family == "binary" else inputs

    @property
    def predictions(self) -> list[int]:
        """The places of the inputs that derivatives are with respect to."""
        return [i for i in self.loss.signature.predictions if i < len(self.inputs)]

    def outputs(self) -> tuple[np.ndarray, ...]:
        """Arrays for the derivatives."""
        each = {"value": 0, "value_and_gradient": 1, "gradient_and_hessian": 2}[self.what]
        # those that were never touched would be made by the first call that is timed
        return tuple(np.zeros_like(self.inputs[i]) for _ in range(each) for i in self.predictions)

    def job(self) -> Callable[[], Any]:
        """The call of fastloss."""
        loss, inputs, out = self.loss, self.inputs, self.outputs()
        if self.what == "value":
            return lambda: loss(*inputs)
        if self.what == "value_and_gradient":
            return lambda: loss.value_and_gradient(*inputs, out=out)
        count = len(out) // 2
        pairs = (out[:count], out[count:]) if count > 1 else out
        return lambda: loss.gradient_and_hessian(*inputs, reduction="none", out=pairs)


def takes_signs(loss: fl.Loss) -> bool:
    """Whether labels are -1 or 1."""
    return getattr(loss._domains().get(loss.inputs[0]), "numbers", ()) == (-1.0, 0.0, 1.0)


def instances() -> Iterator[fl.Loss]:
    """Every listed loss by default, and those of probabilities of scores, too."""
    for name in fl.list_losses():
        loss = fl.get_loss(name)
        yield loss
        if getattr(loss, "from_logits", True) is False:
            yield replace(loss, from_logits=True)


def computes(loss: fl.Loss, what: str) -> bool:
    return not (
        loss.no_gradient if what == "value_and_gradient" else loss.no_hessian or loss.no_gradient if what != "value" else ""
    )


def widths_of(loss: fl.Loss) -> tuple[int, ...]:
    signature = loss.signature
    if signature.axes in ("", "(...)"):
        return (1,)
    if signature.components:
        return (signature.components,)
    if loss.name == SOFTMAX and loss.from_logits:
        return ROWS_OF_SCORES
    return WIDTHS.get(signature.axes, ROWS)


def every_case(
    sizes: Iterable[int], dtypes: Iterable[str] = DTYPES, whats: Iterable[str] = WHATS, names: Iterable[str] = ()
) -> list[Case]:
    """All cases, those of the same inputs one after the other; with names, those whose text has one of them."""
    names = list(names)
    found = [
        Case(loss, dtype, n, width, what)
        for n in sizes
        for loss in instances()
        if n <= MOST.get(loss.signature.plan, n)
        for width in widths_of(loss)
        if n >= width or loss.name != SOFTMAX
        for dtype in dtypes
        for what in whats
        if computes(loss, what)
    ]
    return [case for case in found if not names or any(name in str(case) or name == case.loss.name for name in names)]


# Peers take differences of losses, or sums over alignments in the precision of the scores, or count in single precision.
ALLOWANCES = {"lovasz": 10, "lovasz_softmax": 10, "ctc": 10, "hamming": 1e4, "zero_one": 1e4}


def leaves(results: Any) -> list[Any]:
    """A value and derivatives, of which there may be tuples, one after the other."""
    if isinstance(results, tuple | list):
        return [leaf for item in results for leaf in leaves(item)]
    return [results]


def has_digits(case: Case) -> bool:
    """Whether errors in units of the last place mean something: not where large numbers cancel, as in sums over masks."""
    return case.dtype == "float32" and case.loss.signature.plan in ("elements", "rows")


def exact(case: Case) -> Any:
    """What a case of single precision should give: the same of the same numbers in double precision."""
    inputs = [array.astype(np.float64) if array.dtype == case.dtype else array for array in case.inputs]
    if case.what == "gradient_and_hessian":
        return case.loss.gradient_and_hessian(*inputs, reduction="none")
    return getattr(case.loss, "__call__" if case.what == "value" else case.what)(*inputs)


def error(case: Case, truth: Any, result: Any) -> float:
    """The largest error of a result's derivatives, or of a value alone, in units of the last place of single precision."""
    worst = 0.0
    for right, found in list(zip(leaves(truth), leaves(result), strict=True))[case.what == "value_and_gradient" :]:
        right, found = np.asarray(right, np.float64), np.asarray(found, np.float64)
        with np.errstate(all="ignore"):
            apart = np.abs(found - right) / np.spacing(np.maximum(np.abs(right), np.finfo(np.float32).tiny).astype(np.float32))
        worst = max(worst, float(np.max(apart, initial=0.0, where=found != right)))
    return worst


def difference(case: Case, ours: Any, theirs: Any) -> float:
    """How far results are apart, in units of what is allowed to differ: more than 1 is another result."""
    tolerance = bench.TOLERANCES[case.dtype] * ALLOWANCES.get(case.loss.name, 1)
    worst = 0.0
    for a, b in zip(leaves(ours), leaves(theirs), strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if a.shape != b.shape:
            return np.inf
        # what is small beside the largest number of an array has lost digits
        allowed = tolerance * (np.abs(a) + np.max(np.abs(a), initial=0.0)) + np.finfo(np.float64).tiny
        apart = np.max(np.abs(a - b) / allowed, initial=0.0)
        worst = max(worst, float(apart) if apart == apart else np.inf)
    return worst
