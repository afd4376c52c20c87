"""Exact values and derivatives of a loss, and how far a computed number is from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import inf, isinf, isnan, mp, mpf
from references import REFERENCES, Reference

import fastloss as fl

# Digits enough for a second difference, with steps of 1e-45 of the distance to a kink, of numbers that are 1e330 times as large.
DIGITS = 520
_STEP = mpf(10) ** -45


def losses_under_test() -> list[tuple[str, fl.Loss]]:
    """Every loss with every set of parameters of its reference."""
    return [(name, fl.get_loss(name, **q)) for name, ref in REFERENCES.items() for q in ref.instances]


def parameters_of(loss: fl.Loss) -> dict[str, Any]:
    return {name: getattr(loss, name) for name in type(loss).__dataclass_fields__}


def exact(loss: fl.Loss, output: str, inputs: tuple[float, ...], which: int = 1) -> mpf:
    """The exact value, or the exact derivative with respect to input ``which``, of one sample."""
    reference: Reference = REFERENCES[loss.name]
    q = parameters_of(loss)
    with mp.workdps(DIGITS):
        x = [mpf(v) for v in inputs]

        def f(t: mpf) -> mpf:
            return reference.value(*x[:which], t, *x[which + 1 :], **q)

        at = x[which]
        if output == "v":
            return f(at)
        # far from any kink: the distance to the label, or to 0
        distance = min(abs(at - other) for other in (x[0], mpf(0)) if at != other) if at != x[0] or at else mpf(1)
        h = _STEP * min(distance, mpf(1) + abs(at)) if distance else _STEP
        low, middle, high = f(at - h), f(at), f(at + h)
        difference, unit = (high - low, 2 * h) if output == "g" else (high - 2 * middle + low, h**2)
        # what is left of numbers that are equal but for the rounding of this arithmetic
        noise = mpf(10) ** (10 - DIGITS) * max(abs(low), abs(middle), abs(high))
        return difference / unit if abs(difference) > noise else mpf(0)


def spacing(x: mpf, dtype: Any) -> mpf:
    """The distance between neighbouring numbers of ``dtype`` around x, not below the smallest subnormal."""
    info = np.finfo(dtype)
    exponent = mp.frexp(x)[1] - 1 if x else info.minexp
    return mpf(2) ** (max(exponent, int(info.minexp)) - int(info.nmant))


def error_in_ulp(got: float, true: mpf, dtype: Any, scale: mpf | None = None) -> float:
    """|got - true| in units of the last place of the true number, or of ``scale`` where that is larger."""
    if isnan(true):
        return 0.0 if np.isnan(got) else float("inf")
    largest = mpf(float(np.finfo(dtype).max))
    if np.isinf(got) or isinf(true):
        # right where the nearest number of infinite range would be beyond the largest finite one
        beyond = isinf(true) or abs(true) > largest + spacing(largest, dtype) / 2
        if np.isinf(got):
            return 0.0 if beyond and (got > 0) == (true > 0) else float("inf")
        return float("inf") if isinf(true) else float(abs(mpf(float(got)) - true) / spacing(largest, dtype))
    if np.isnan(got):
        return float("inf")
    size = true if scale is None else max(abs(true), abs(scale))
    return float(abs(mpf(float(got)) - true) / spacing(size, dtype))


def scale_of(loss: fl.Loss, output: str, inputs: tuple[float, ...], which: int = 1) -> mpf | None:
    """The largest term of a quantity that may change sign; None where an error is measured against the quantity itself."""
    terms = REFERENCES[loss.name].terms["vgh".index(output)]
    if isinstance(terms, tuple):
        terms = terms[which - 1]
    if terms is None:
        return None
    with mp.workdps(60):
        scale = terms(*(mpf(v) for v in inputs), **parameters_of(loss))
        return None if scale == inf else scale


def sample(kind: str, n: int, dtype: Any, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Inputs of one kind over the whole range of interest, the first ones with a label of 0."""
    rng = np.random.default_rng(seed)
    wide = 10.0 ** rng.uniform(-30, 30, n) * rng.choice([-1, 1], n)
    near = rng.standard_normal(n) * 10.0 ** rng.uniform(-3, 3, n)
    r = np.where(np.arange(n) % 3 == 0, wide, near)
    y = np.where(np.arange(n) % 2 == 0, 0.0, rng.standard_normal(n) * 10.0 ** rng.uniform(-4, 4, n))
    if kind == "residuals":
        arrays = (y, y + r)
    elif kind == "numbers":
        arrays = (np.where(y == 0, wide[::-1], y), y + r)
    elif kind == "above_minus_one":
        arrays = tuple(np.maximum(np.abs(a) - 1 * (np.abs(a) < 1) * (1 - 1e-3), -0.999) for a in (wide[::-1] * 1e-10, y + near))
    elif kind == "counts":
        counts = np.where(np.arange(n) % 4 == 0, 0.0, np.where(np.arange(n) % 4 == 1, rng.integers(0, 40, n), np.abs(near)))
        arrays = (counts, rng.uniform(-80, 80, n) * rng.choice([1, 0.05], n))
    elif kind == "positives":
        arrays = (np.abs(near) + 1e-3, rng.uniform(-40, 40, n) * rng.choice([1, 0.05], n))
    elif kind == "variances":
        arrays = (y, y + near, 10.0 ** rng.uniform(-9, 9, n))
    else:
        raise ValueError(kind)
    return tuple(np.ascontiguousarray(a, dtype=dtype) for a in arrays)
