"""Exact values and derivatives of a loss, and how far a computed number is from them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from mpmath import isinf, isnan, mp, mpf
from references import REFERENCES, ROW_REFERENCES, WHOLE_ROW_REFERENCES

import fastloss as fl
from fastloss.domains import Choice

# Digits enough for a second difference, with steps of 1e-45 of the distance to a kink, of numbers that are 1e330 times as
# large; and for such a difference at the ends of the range of double precision.
DIGITS, MANY_DIGITS = 520, 1500
STEP = mpf(10) ** -45
OUTPUTS = ("value", "gradient", "hessian")


def every_instance() -> list[fl.Loss]:
    """Every loss with every set of parameters of its reference."""
    return [fl.get_loss(name, **parameters) for name, reference in REFERENCES.items() for parameters in reference.instances]


def every_row_instance() -> list[Any]:
    """Every loss of rows with every set of parameters of its reference, from scores and from probabilities."""
    return [
        fl.get_loss(name, from_logits=from_logits, **parameters)
        for from_logits in (True, False)
        for name, reference in ROW_REFERENCES.items()
        for parameters in reference.instances
    ]


def every_loss() -> list[Any]:
    """All losses with all parameters that are tried."""
    rows = [fl.get_loss(name, **parameters) for name, item in WHOLE_ROW_REFERENCES.items() for parameters in item.instances]
    return [*every_instance(), *every_row_instance(), *rows]


def promised(loss: fl.Loss, output: str) -> float:
    return REFERENCES[loss.name].promised(**parameters_of(loss))[OUTPUTS.index(output)]


def default_instances() -> list[fl.Loss]:
    """The losses of elements, with their defaults; those of rows have tests of their own."""
    return [fl.get_loss(name) for name in fl.list_losses() if name in REFERENCES]


def parameters_of(loss: fl.Loss) -> dict[str, Any]:
    return {item.name: getattr(loss, item.name) for item in fields(loss)}


def exact(loss: fl.Loss, output: str, inputs: tuple[float, ...], which: int = 1) -> mpf:
    """The exact value, or the exact derivative with respect to input ``which``, of one sample."""
    reference = REFERENCES[loss.name]
    digits = DIGITS if all(number == 0 or 1e-60 < abs(number) < 1e60 for number in inputs) else MANY_DIGITS
    with mp.workdps(digits):
        x = [mpf(number) for number in inputs]

        def f(t: mpf) -> mpf:
            return reference.value(*x[:which], t, *x[which + 1 :], **parameters_of(loss))

        at = x[which]
        if output == "value":
            return f(at)
        # kinks are at the label and at 0, and where the reference says
        kinks = reference.kinks(**parameters_of(loss))
        distances = [abs(at - kink) for kink in (x[0], mpf(0), *kinks) if at != kink]
        h = STEP * min([*distances, mpf(1)])
        low, middle, high = f(at - h), f(at), f(at + h)
        difference, unit = (high - low, 2 * h) if output == "gradient" else (high - 2 * middle + low, h**2)
        # what is left of numbers that are equal but for the rounding of this arithmetic
        noise = mpf(10) ** (10 - digits) * max(abs(low), abs(middle), abs(high))
        return difference / unit if abs(difference) > noise else mpf(0)


def largest_term(loss: fl.Loss, output: str, inputs: tuple[float, ...], which: int = 1) -> mpf | None:
    """The size an error is measured against, where that is not the quantity itself."""
    terms = REFERENCES[loss.name].terms[OUTPUTS.index(output)]
    if isinstance(terms, tuple):
        terms = terms[which - loss.labels]
    if terms is None:
        return None
    with mp.workdps(60):
        return terms(*map(mpf, inputs), **parameters_of(loss))


def spacing(x: mpf, dtype: Any) -> mpf:
    """The distance between neighbouring numbers of ``dtype`` around x, not below that of the subnormals."""
    info = np.finfo(dtype)
    exponent = mp.frexp(x)[1] - 1 if x else int(info.minexp)
    return mpf(2) ** (max(exponent, int(info.minexp)) - int(info.nmant))


def error_in_ulp(got: float, true: mpf, dtype: Any, term: mpf | None = None) -> float:
    """|got - true| in units of the last place of the true number, or of a larger ``term`` of it."""
    if isnan(true) or np.isnan(got):
        return 0.0 if isnan(true) and np.isnan(got) else float("inf")
    largest = mpf(float(np.finfo(dtype).max))
    # numbers that round to infinity, and infinity itself
    beyond = isinf(true) or abs(true) >= largest + spacing(largest, dtype) / 2
    if beyond and np.isinf(got) and (got > 0) == (true > 0):
        return 0.0
    if isinf(true) or np.isinf(got):
        return float("inf")
    size = abs(true) if term is None else max(abs(true), abs(term))
    return float(abs(mpf(float(got)) - true) / spacing(min(size, largest), dtype))


def sample(loss: fl.Loss, n: int, dtype: Any, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Inputs over the whole range: residuals from 1e-30 to 1e30 and many of ordinary size, labels of 0 and others."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], n)
    wide = sign * 10.0 ** rng.uniform(-30, 30, n)
    ordinary = rng.standard_normal(n) * 10.0 ** rng.uniform(-3, 3, n)
    residuals = np.where(np.arange(n) % 3 == 0, wide, ordinary)
    labels = np.where(np.arange(n) % 2 == 0, 0.0, rng.standard_normal(n) * 10.0 ** rng.uniform(-4, 4, n))
    kind = REFERENCES[loss.name].data
    if kind == "scores":
        return labels_and_scores(loss, n, dtype, rng)
    if kind == "numbers":
        labels = np.where(labels == 0, rng.permutation(wide), labels)
    arrays = {"y_true": labels, "y_pred": labels + residuals, "mean": labels + residuals}
    if kind == "logarithms":
        # counts and other positive labels; logarithms of means, many near the labels', others far away
        labels = np.where(np.arange(n) % 3 == 0, rng.integers(0, 40, n), np.abs(ordinary))
        near = np.log(labels + 0.5) + ordinary * 1e-3
        arrays = {"y_true": labels, "y_pred": np.where(np.arange(n) % 2 == 0, near, rng.uniform(-40, 40, n))}
        if "y_pred" in loss._domains() or getattr(loss, "power", 1) == 0:
            arrays["y_pred"] = np.exp(arrays["y_pred"])
    arrays["var"] = 10.0 ** rng.uniform(-9, 9, n)
    arrays |= {"mean_p": labels, "mean_q": labels + residuals, "var_p": rng.permutation(arrays["var"]), "var_q": arrays["var"]}
    for name, domain in loss._domains().items():
        # fold what lies outside to the other side of the end
        array = arrays[name]
        array = np.where(array < domain.low, 2 * domain.low - array, array)
        arrays[name] = np.where(array <= domain.low, domain.low + 1e-3, array) if domain.open_low else array
    return tuple(arrays[name].astype(dtype) for name in loss.inputs)


def labels_and_scores(loss: fl.Loss, n: int, dtype: Any, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Hard labels and, where allowed, soft ones; scores up to where sigmoids vanish, or probabilities up to both ends."""
    domains = loss._domains()
    labels = rng.choice([0.0, 1.0], n)
    if isinstance(domains["y_true"], Choice):
        labels = rng.choice(domains["y_true"].numbers, n)
    else:
        soft = np.where(rng.random(n) < 0.5, rng.random(n), 10.0 ** rng.uniform(-30, 0, n))
        labels = np.where(np.arange(n) % 3 == 0, soft, labels)
    if "y_pred" in domains:
        near_zero = 10.0 ** rng.uniform(-37 if dtype == np.float32 else -300, 0, n)
        near_one = 1 - 10.0 ** rng.uniform(np.log10(np.finfo(dtype).eps), 0, n)
        scores = np.choose(np.arange(n) % 4, [rng.random(n), near_zero, near_one, rng.random(n)])
    else:
        end = 104.0 if dtype == np.float32 else 745.0
        wide = 10.0 ** rng.uniform(-30, np.log10(end), n)
        scores = np.choose(
            np.arange(n) % 4, [rng.choice([-1, 1], n) * wide, rng.uniform(-end, end, n), *rng.normal(0, 3, (2, n))]
        )
    return labels.astype(dtype), scores.astype(dtype)


def outputs_of(loss: fl.Loss, inputs: tuple[np.ndarray, ...], **options: Any) -> dict[tuple[str, int], np.ndarray]:
    """Every output of a loss for each sample, by kind and by the input it is a derivative with respect to."""
    found = {("value", loss.labels): loss(*inputs, reduction="none", **options)}
    if loss.no_gradient:
        return found
    gradient, hessian = loss.gradient_and_hessian(*inputs, reduction="none", **options)
    for kind, arrays in (("gradient", gradient), ("hessian", hessian)):
        for which, array in enumerate(arrays if isinstance(arrays, tuple) else (arrays,), loss.labels):
            found[kind, which] = array
    return found
