"""A look at what is wrong with a loss: derivatives, overflow, branches, kinks and convexity."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._types import Total
from ..domains import ANY, Choice, Domain, brief
from ..errors import NotDifferentiableError
from ..loss import Loss

# Where labels and predictions are looked at, beside the ends of their domains and each other.
_LABELS = (0.0, 1.0, -1.5, 3.25, 40.0)
_SIZES = (
    0.0,
    1e-6,
    1e-3,
    0.1,
    0.37,
    0.5,
    0.8,
    1.0,
    1.3,
    2.0,
    2.9,
    4.7,
    7.0,
    12.0,
    19.0,
    30.0,
    50.0,
    88.0,
    105.0,
    300.0,
    720.0,
    1e4,
)
# A derivative is wrong if it differs from the difference by so much of the largest terms, and by so many times the uncertainty.
_TOLERANCE = 1e-7
# How far a difference reaches at the most: over what oscillates it would say nothing.
_FARTHEST = 2.0
_CERTAINTY = 10.0
# Ridders' scheme: the first step, relative to how far the next special point is, and what the next steps are divided by.
_FIRST_STEP, _SHRINK, _STEPS = 0.2, 1.6, 10
_SINGLE = 1e-4
_GRID = 4001


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed.

    Attributes
    ----------
    kind : str
        What it is about, such as ``"gradient"``, ``"nan"`` or ``"convexity"``.
    wrong : bool
        Whether it is a mistake; otherwise it is good to know.
    message : str
        What was found, and where.
    inputs : tuple of float
        One place where it was found: the inputs of a loss of numbers, in their order.
    """

    kind: str
    wrong: bool
    message: str
    inputs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What `check_loss` found.

    Attributes
    ----------
    loss : Loss
        The loss.
    findings : tuple of Finding
        What was noticed, mistakes first.
    tried : int
        How many numbers were looked at.
    """

    loss: Loss
    findings: tuple[Finding, ...]
    tried: int

    @property
    def ok(self) -> bool:
        """Whether no mistake was found."""
        return not any(finding.wrong for finding in self.findings)

    def __str__(self) -> str:
        mistakes = sum(finding.wrong for finding in self.findings)
        count = "nothing wrong" if not mistakes else f"{mistakes} thing{'s' * (mistakes > 1)} wrong"
        lines = [f"{self.loss!r}: {count}, {self.tried} numbers tried"]
        lines += [f"  {'WRONG' if finding.wrong else 'note '}  {finding.kind}: {finding.message}" for finding in self.findings]
        return "\n".join(lines)

    __repr__ = __str__


def check_loss(loss: Loss, *inputs: Any) -> Report:
    r"""Look at a loss for mistakes: one of `custom_loss`, or any other.

    Derivatives are compared with differences; results are looked through for NaN and overflow; what is computed alone is
    compared with what is computed together, and float32 with float64; and the value is followed along predictions, for jumps,
    kinks and convexity.

    Parameters
    ----------
    loss : Loss
        The loss.
    *inputs : array_like
        Where to look, in the order of the inputs of the loss. By default, for losses of labels and predictions that are
        numbers, all pairs of some of each, in their domains; for losses of rows, masks, groups and so on, some random ones.

    Returns
    -------
    Report
        With ``ok``, ``findings``, and what there is to say as its ``str``.

    Raises
    ------
    TypeError
        This is no loss.

    Notes
    -----
    Differences are Ridders' (1982): central ones of falling steps, extrapolated to none, with an estimate of their own error.
    A derivative is wrong where it differs by more than ten times that, and by more than 1e-7 of the size of the derivative and
    the value's own rounding. Beside kinks, where differences say nothing, both are large. What a Hessian is compared with are
    differences of the gradient.

    Values that are negative, losses that are not convex, and minima elsewhere than at the label are noted only.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.check_loss(fl.Huber(delta=1.0)).ok
    True
    >>> report = fl.check_loss(fl.cauchy)
    >>> print(report)
    Cauchy(c=1.0): nothing wrong, 268 numbers tried
      note   convexity: it is not convex in y_pred: the Hessian is -0.125 at y_true = 0, y_pred = -1.731

    References
    ----------
    C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4 (1982).
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"check_loss takes a loss, such as fl.Huber(); got {brief(loss)}.")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if loss.by_numbers and loss.inputs == Loss.inputs and "none" in loss.reductions:
            return _Numbers(loss, inputs).report()
        return _Units(loss, inputs).report()


class _Look:
    """What is common to the looks at all kinds of losses."""

    def __init__(self, loss: Loss) -> None:
        self.loss, self.tried = loss, 0
        self.findings: list[Finding] = []
        self.has_gradient, self.has_hessian = not loss.no_gradient, not (loss.no_gradient or loss.no_hessian)

    def add(self, kind: str, wrong: bool, message: str, inputs: tuple[float, ...] = ()) -> None:
        self.findings.append(Finding(kind, bool(wrong), message, inputs))

    def report(self) -> Report:
        self.look()
        return Report(self.loss, tuple(sorted(self.findings, key=lambda finding: not finding.wrong)), self.tried)

    def look(self) -> None:
        raise NotImplementedError


def _equal(a: Any, b: Any) -> np.ndarray:
    return (a == b) | (np.isnan(a) & np.isnan(b))


# ---- losses of numbers ---------------------------------------------------------------------------------------------


class _Numbers(_Look):
    """A look at a loss of labels and predictions that are numbers."""

    def __init__(self, loss: Loss, inputs: tuple[Any, ...]) -> None:
        super().__init__(loss)
        domains = loss._domains()
        self.label, self.prediction = (domains.get(name, ANY) for name in Loss.inputs)
        if inputs:
            y, p = np.broadcast_arrays(*(np.asarray(array, dtype=np.float64) for array in inputs))
            self.y, self.p = y.ravel(), p.ravel()
        else:
            labels = _numbers_in(self.label, _LABELS)
            pairs = [(label, prediction) for label in labels for prediction in self._predictions(label)]
            self.y, self.p = np.array(pairs).T
        self.tried = self.y.size

    def _predictions(self, label: float) -> list[float]:
        around = [sign * size for size in _SIZES for sign in (1, -1)]
        return _numbers_in(self.prediction, [*around, *(label + step for step in around if abs(step) <= 1)])

    def compute(self, what: str, y: Any, p: Any) -> Any:
        return getattr(self.loss, what)(np.broadcast_to(y, np.shape(p)), p, reduction="none")

    def look(self) -> None:
        y, p = self.y, self.p
        try:
            self.value = self.compute("__call__", y, p)
        except ValueError as error:
            self.add("domain", True, f"the loss refuses numbers of its own domain: {error}")
            return
        self.gradient = self.compute("gradient", y, p) if self.has_gradient else None
        self.hessian = self.compute("gradient_and_hessian", y, p)[1] if self.has_hessian else None
        self.look_for_nan()
        self.look_at_combinations()
        self.look_at_precisions()
        if self.gradient is not None:
            self.look_at_derivative("gradient", self.gradient, lambda y, p: self.compute("__call__", y, p))
        if self.hessian is not None:
            self.look_at_derivative("Hessian", self.hessian, lambda y, p: self.compute("gradient", y, p))
        self.look_along_predictions()

    def _of(self, derivative: str) -> Any:
        """Return what a derivative is the derivative of."""
        return self.value if derivative == "gradient" else self.gradient

    def at(self, k: Any) -> tuple[str, tuple[float, float]]:
        return f"at y_true = {self.y[k]:g}, y_pred = {self.p[k]:g}", (float(self.y[k]), float(self.p[k]))

    def note_first(self, kind: str, wrong: bool, bad: np.ndarray, message: Callable[..., str]) -> None:
        """Note the first of some numbers, if there are any, and how many there are."""
        if bad.any():
            # the one of ordinary size
            k = min(np.flatnonzero(bad).tolist(), key=lambda i: abs(self.p[i]) + abs(self.y[i]))
            where, inputs = self.at(k)
            more = f", and at {bad.sum() - 1} others" if bad.sum() > 1 and wrong else ""
            self.add(kind, wrong, f"{message(k)} {where}{more}", inputs)

    def look_for_nan(self) -> None:
        for name, array in (("value", self.value), ("gradient", self.gradient), ("Hessian", self.hessian)):
            if array is None:
                continue
            self.note_first("nan", True, np.isnan(array), lambda _, name=name: f"the {name} is NaN")
            if name != "value":
                infinite = np.isinf(array) & np.isfinite(self.value)
                special = (self.p == self.y) | (self.p == 0)
                for wrong, where in ((True, infinite & ~special), (False, infinite & special)):
                    self.note_first("overflow", wrong, where, lambda _, name=name: f"the {name} is infinite, the value is not,")
        whats = ["__call__", *(["gradient"] if self.has_gradient else [])]
        for name, what in zip(("value", "gradient"), whats, strict=False):
            if not np.isnan(self.compute(what, self.y[:1], np.array([np.nan]))).any():
                self.add("nan", False, f"the {name} of a prediction that is NaN is a number")
        self.note_first("overflow", False, np.isinf(self.value) & (np.abs(self.p) <= 1e3), lambda _: "the value is infinite")
        self.note_first("sign", False, self.value < 0, lambda k: f"the value is negative, {self.value[k]:.3g},")

    def look_at_combinations(self) -> None:
        """Compare what is computed alone with what is computed together."""
        if not self.has_gradient:
            return
        value, gradient = self.compute("value_and_gradient", self.y, self.p)
        pairs = [("value", value, self.value), ("gradient", gradient, self.gradient)]
        if self.has_hessian:
            pairs.append(("gradient", self.compute("gradient_and_hessian", self.y, self.p)[0], self.gradient))
        for name, together, alone in pairs:
            bad = ~_equal(together, alone)
            self.note_first(
                "branches",
                True,
                bad,
                lambda k, n=name, t=together, a=alone: f"the {n} is {a[k]:.17g} alone, {t[k]:.17g} together",
            )

    def look_at_precisions(self) -> None:
        """Compare float32 with float64, at numbers of float32."""
        y, p = self.y.astype(np.float32), self.p.astype(np.float32)
        outside = self.label.outside(y) | self.prediction.outside(p)
        y, p = (np.where(outside, x.astype(np.float32), z) for x, z in ((self.y[~outside][:1], y), (self.p[~outside][:1], p)))
        whats: list[tuple[str, str, int | None]] = [("value", "__call__", None)]
        if self.has_gradient:
            whats.append(("gradient", "gradient", None))
        if self.has_hessian:
            whats.append(("Hessian", "gradient_and_hessian", 1))
        for name, what, place in whats:
            single, double = (self.compute(what, a, b) for a, b in ((y, p), (y.astype(float), p.astype(float))))
            if place is not None:
                single, double = single[place], double[place]
            error, size = np.abs(single - double), np.maximum(np.abs(double), np.abs(single.astype(float)))
            # what a rounding of the prediction changes is no mistake of the loss
            moved = self.compute(what, y.astype(float), self._inside(np.nextafter(p, np.float32(np.inf)).astype(float)))
            spread = np.abs((moved[place] if place is not None else moved) - double)
            usable = (size < np.finfo(np.float32).max / 4) & np.isfinite(double) & ~outside

            def message(k: int, name: str = name, single: Any = single, double: Any = double) -> str:
                return f"the {name} is {single[k]:.6g} in float32, {double[k]:.6g} in float64"

            wrong = usable & ~(error <= _SINGLE * size + 8 * spread + 1e-3 * self.scale_of(double) + 1e-30)
            self.note_first("precision", True, wrong, message)
            if name == "value":
                # digits that are lost where the value is small
                lost = usable & ~wrong & (error > 0.01 * size + 8 * spread) & (size > 1e-30)
                self.note_first("precision", False, lost, message)

    def scale_of(self, array: np.ndarray) -> np.ndarray:
        """Find the largest number for the same label, at predictions that are about as large: what terms are made of."""
        near = (self.y[:, None] == self.y) & (np.abs(self.p[:, None] - self.p) <= np.maximum(1.0, np.abs(self.p[:, None])))
        finite = np.where(np.isfinite(array), np.abs(array), 0.0)
        return np.max(np.where(near, finite, 0.0), axis=1)

    def _inside(self, p: np.ndarray) -> np.ndarray:
        return np.where(self.prediction.outside(p), self.p, p)

    def _reach(self) -> np.ndarray:
        """How far predictions can be moved to either side, at the most: not over the label, zero, or the ends of the domain."""
        specials = np.stack(
            [np.zeros_like(self.p), self.y, 1 - self.y, -self.y, *(np.full_like(self.p, end) for end in _ends(self.prediction))]
        )
        distance = np.abs(specials - self.p)
        distance[distance == 0] = np.inf
        return np.minimum(distance.min(axis=0), _FARTHEST)

    def look_at_derivative(self, name: str, found: np.ndarray, function: Callable[..., np.ndarray]) -> None:
        inside = np.ones(self.p.shape, bool)
        for end in _ends(self.prediction):
            inside &= self.p != end
        if isinstance(self.prediction, Choice) or not inside.any():
            return
        y, p, found = self.y[inside], self.p[inside], found[inside]
        step, scale = _FIRST_STEP * self._reach()[inside], self.scale_of(self._of(name))[inside]
        expected, error = _ridders(lambda x: function(y[:, None], x), p, step, scale)
        size = np.maximum(np.abs(expected), np.abs(found))
        bad = np.abs(found - expected) > _CERTAINTY * error + _TOLERANCE * size
        bad &= np.isfinite(expected) & np.isfinite(found) & np.isfinite(error)
        for k in np.flatnonzero(bad):
            # at a kink it may be anything between the derivatives on both sides
            sides = [_one_sided(lambda x, k=k: function(y[k], x), p[k], sign * step[k], scale[k]) for sign in (-1, 1)]
            slack = [_CERTAINTY * error + _TOLERANCE * abs(slope) for slope, error in sides]
            low, high = min(sides)[0] - max(slack), max(sides)[0] + max(slack)
            bad[k] = not low <= found[k] <= high
        wrong = np.zeros(self.p.shape, bool)
        wrong[inside] = bad
        every, differences = np.full((2, *self.p.shape), np.nan)
        every[inside], differences[inside] = found, expected
        of = "value" if name == "gradient" else "gradient"
        # at the label and at 0, many a formula has one of two sides
        special = (self.p == self.y) | (self.p == 0)
        alone = not (wrong & ~special).any()
        self.note_first(
            name.lower(),
            not alone,
            wrong if alone else wrong & ~special,
            lambda k: f"the {name} is {every[k]:.9g}, differences of the {of} say {differences[k]:.9g},",
        )

    def look_along_predictions(self) -> None:
        """Follow the value along predictions, for one label after the other."""
        noted: set[str] = set()
        low, high = _ends_of_line(self.prediction)
        for label in _numbers_in(self.label, _LABELS[:2])[:3]:
            line = np.linspace(low, high, _GRID)
            line = line[~self.prediction.outside(line)]
            y = np.full(line.shape, label)
            value = self.compute("__call__", y, line)
            self._look_for_jumps(label, line, value, noted)
            if self.has_gradient:
                self._look_for_slopes(label, line, value, noted)

    def _look_for_jumps(self, label: float, line: np.ndarray, value: np.ndarray, noted: set[str]) -> None:
        step = np.abs(np.diff(value))
        usual = np.nanmedian(step) + 1e-300
        for k in np.argsort(-np.nan_to_num(step))[:3]:
            if "jump" in noted or not step[k] > 4 * usual:
                continue
            a, b, first = line[k], line[k + 1], step[k]
            for _ in range(60):
                middle = a / 2 + b / 2
                left, centre, right = (
                    float(self.compute("__call__", np.float64(label), np.float64(x))) for x in (a, middle, b)
                )
                a, b = (a, middle) if abs(centre - left) >= abs(right - centre) else (middle, b)
            rest = abs(
                float(self.compute("__call__", np.float64(label), np.float64(b)))
                - float(self.compute("__call__", np.float64(label), np.float64(a)))
            )
            if rest > 1e-6 * first and rest > 1e-9 * np.nanmax(np.abs(value[np.isfinite(value)])):
                noted.add("jump")
                # some losses of relative errors do so at a label of 0
                wrong = bool(self.has_gradient and min(abs(b), abs(b - label)) > 1e-9)
                self.add(
                    "jump", wrong, f"the value jumps by {rest:.3g} at y_true = {label:g}, y_pred = {b:g}", (label, float(b))
                )

    def _look_for_slopes(self, label: float, line: np.ndarray, value: np.ndarray, noted: set[str]) -> None:
        y = np.full(line.shape, label)
        gradient = self.compute("gradient", y, line)
        if "convexity" not in noted:
            fall = np.diff(gradient)
            tolerance = 1e-9 * np.nanmax(np.abs(gradient[np.isfinite(gradient)]), initial=0.0)
            if self.has_hessian:
                hessian = self.compute("gradient_and_hessian", y, line)[1]
                worst = int(np.nanargmin(hessian)) if np.isfinite(hessian).any() else 0
                concave, what = hessian[worst] < -tolerance, f"the Hessian is {hessian[worst]:.6g}"
            else:
                worst = int(np.nanargmin(fall)) if np.isfinite(fall).any() else 0
                concave, what = fall[worst] < -tolerance, "the gradient falls"
            if concave or np.nanmin(fall) < -tolerance:
                noted.add("convexity")
                where = f"at y_true = {label:g}, y_pred = {line[worst]:g}"
                what = what if concave else "the gradient falls"
                place = worst if concave else int(np.nanargmin(fall))
                where = f"at y_true = {label:g}, y_pred = {line[place]:g}"
                self.add("convexity", False, f"it is not convex in y_pred: {what} {where}", (label, float(line[place])))
        if "minimum" not in noted and not self.prediction.outside(np.array(label)) and self.loss.of_residual:
            at = float(self.compute("__call__", np.float64(label), np.float64(label)))
            k = int(np.nanargmin(value))
            if value[k] < at - 1e-9 * max(1.0, abs(at)):
                noted.add("minimum")
                message = f"the value is less at y_pred = {line[k]:g} than at the label {label:g}: {value[k]:.6g} < {at:.6g}"
                self.add("minimum", False, message, (label, float(line[k])))


def _ends(domain: Domain) -> list[float]:
    if isinstance(domain, Choice):
        return list(domain.numbers)
    return [end for end in (domain.low, domain.high) if math.isfinite(end)]


def _ends_of_line(domain: Domain) -> tuple[float, float]:
    """Choose the part of a domain along which a value is followed."""
    if isinstance(domain, Choice):
        return min(domain.numbers), max(domain.numbers)
    low = domain.low if math.isfinite(domain.low) else -6.0
    high = domain.high if math.isfinite(domain.high) else 6.0
    if low >= high:
        low, high = (low, low + 12.0) if math.isfinite(domain.low) else (high - 12.0, high)
    hair = (high - low) * 2.0**-20
    return low + hair * math.isfinite(domain.low), high - hair * math.isfinite(domain.high)


def _numbers_in(domain: Domain, numbers: Any) -> list[float]:
    """Choose those of some numbers that lie in a domain, and what is near its ends."""
    if isinstance(domain, Choice):
        return [float(number) for number in domain.numbers]
    if math.isfinite(domain.low) and math.isfinite(domain.high):
        width = domain.high - domain.low
        shares = (0.0, 2.0**-30, 1e-3, 0.1, 0.3, 0.5, 0.62, 0.9, 1 - 1e-3, 1 - 2.0**-30, 1.0)
        numbers = [domain.low + share * width for share in shares]
    elif math.isfinite(domain.low):
        numbers = [domain.low, *(domain.low + abs(number) for number in numbers)]
    inside = {float(number) for number in numbers if not domain.outside(np.array(float(number)))}
    return sorted(inside, key=lambda number: (abs(number), number))


def _ridders(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, step: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Extrapolate central differences to a step of zero; return derivatives, and how uncertain they are.

    ``scale`` is the size of the terms whose rounding a difference shows.
    """
    steps = step[:, None] / _SHRINK ** np.arange(_STEPS)
    high, low = x[:, None] + steps, x[:, None] - steps
    above, below = function(high), function(low)
    table = (above - below) / (high - low)
    noise = 4 * np.finfo(np.float64).eps * np.maximum(scale[:, None], np.maximum(np.abs(above), np.abs(below))) / (high - low)
    return _extrapolate(table, noise, 2)


def _one_sided(function: Callable[..., np.ndarray], x: float, step: float, scale: float) -> tuple[float, float]:
    """Do the same with differences to one side, for one number."""
    steps = step / _SHRINK ** np.arange(_STEPS)
    moved = x + steps
    numbers = function(np.concatenate([moved, [x]]))
    table = (numbers[:-1] - numbers[-1]) / (moved - x)
    noise = 4 * np.finfo(np.float64).eps * np.maximum(scale, np.abs(numbers[:-1])) / np.abs(moved - x)
    (slope,), (error,) = _extrapolate(table[None], noise[None], 1)
    return float(slope), float(error)


def _extrapolate(table: np.ndarray, noise: np.ndarray, power: int) -> tuple[np.ndarray, np.ndarray]:
    """Extrapolate differences whose errors are powers of the step."""
    best, error = table[:, 0], np.full(len(table), np.inf)
    previous = table
    for order in range(1, _STEPS):
        factor = _SHRINK ** (power * order)
        current = (factor * previous[:, 1:] - previous[:, :-1]) / (factor - 1)
        own = np.maximum(np.abs(current - previous[:, 1:]), np.abs(current - previous[:, :-1])) + noise[:, order:]
        own = np.where(np.isnan(own), np.inf, own)
        k = np.argmin(own, axis=1)
        rows = np.arange(len(table))
        better = own[rows, k] < error
        best = np.where(better, current[rows, k], best)
        error = np.where(better, own[rows, k], error)
        previous = current
    return best, error


# ---- all other losses ------------------------------------------------------------------------------------------------


class _Units(_Look):
    """A look at a loss of rows, masks, groups and so on: at some of its numbers."""

    def __init__(self, loss: Loss, inputs: tuple[Any, ...]) -> None:
        super().__init__(loss)
        from ..bench import make_inputs

        given = inputs or make_inputs(loss, "float64", 60)
        self.inputs = [
            np.array(array, np.float64) if np.asarray(array).dtype.kind == "f" else np.asarray(array) for array in given
        ]
        self.reduction: Total = "sum" if "sum" in loss.reductions else "mean"
        self.places = [i for i in loss.signature.predictions if i < len(self.inputs)]

    def look(self) -> None:
        loss = self.loss
        value = loss(*self.inputs, reduction=self.reduction)
        if math.isnan(value):
            self.add("nan", True, "the value is NaN")
        if loss.no_gradient:
            return
        try:
            together, gradients = loss.value_and_gradient(*self.inputs, reduction=self.reduction)
        except NotDifferentiableError:
            return
        if not (together == value or (math.isnan(together) and math.isnan(value))):
            self.add("branches", True, f"the value is {value!r} alone, {together!r} together")
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        hessians: tuple[Any, ...] = ()
        if self.has_hessian:
            found = loss.gradient_and_hessian(*self.inputs, reduction=self.reduction)[1]
            hessians = found if isinstance(found, tuple) else (found,)
        for order, (place, gradient) in enumerate(zip(self.places, gradients, strict=False)):
            name = loss.signature.names[place]
            if np.isnan(gradient).any():
                self.add("nan", True, f"the gradient by {name} is NaN")
                continue
            self._look_at("gradient", name, place, gradient, lambda moved: self._loss(moved))
            if hessians and loss.name != "lambda_rank":
                self._look_at("Hessian", name, place, hessians[order], lambda moved, order=order: self._slope(moved, order))

    def _loss(self, inputs: list[np.ndarray]) -> float:
        return self.loss(*inputs, reduction=self.reduction)

    def _slope(self, inputs: list[np.ndarray], order: int) -> np.ndarray:
        found = self.loss.gradient(*inputs, reduction=self.reduction)
        return found[order] if isinstance(found, tuple) else found

    def _look_at(self, what: str, name: str, place: int, found: np.ndarray, function: Callable[..., Any]) -> None:
        array = self.inputs[place]
        chosen = np.random.default_rng(0).permutation(array.size)[:24]
        for k in chosen:
            index: Any = np.unravel_index(k, array.shape)

            def along(x: np.ndarray, index: Any = index) -> np.ndarray:
                results = np.empty(x.shape)
                for i, number in np.ndenumerate(x):
                    moved = list(self.inputs)
                    moved[place] = array.copy()
                    moved[place][index] = number
                    result = function(moved)
                    results[i] = result if np.ndim(result) == 0 else result[index]
                return results

            x = array[index : index + 1] if array.ndim == 0 else np.array([array[index]])
            reach = (
                np.maximum(np.abs(x), 1e-3)
                if self.loss._domains().get(name, ANY) is ANY
                else np.minimum(np.abs(x), np.abs(1 - x))
            )
            scale = np.abs(along(x))
            expected, error = _ridders(along, x, 0.05 * reach, scale)
            self.tried += 1
            size = max(abs(float(expected[0])), abs(float(found[index])))
            if abs(found[index] - expected[0]) > _CERTAINTY * error[0] + _TOLERANCE * size + 1e-12 * scale[0]:
                message = f"by {name}[{', '.join(map(str, index))}] it is {found[index]:.9g}, differences say {expected[0]:.9g}"
                self.add(what.lower(), True, message)
                return
