"""Exact values and derivatives of a loss, and how far a computed number is from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from mpmath import isinf, isnan, mp, mpf
from references import REFERENCES

import fastloss as fl

# Digits enough for a second difference, with steps of 1e-45 of the distance to a kink, of numbers that are 1e330 times as
# large; and for such a difference at the ends of the range of double precision.
DIGITS, MANY_DIGITS = 520, 1500
STEP, UNIT_STEP = mpf(10) ** -45, mpf(10) ** -60
OUTPUTS = ("value", "gradient", "hessian")


def every_loss() -> list[fl.Loss]:
    """Every loss with every set of parameters of its reference."""
    return [fl.get_loss(name, **parameters) for name, reference in REFERENCES.items() for parameters in reference.instances]


def is_of_numbers(loss: fl.Loss) -> bool:
    """Whether a unit of the loss is one number of each input, or, which comes to the same here, one loss is made of all."""
    return loss.signature.axes in ("", "(...)")


def every_instance() -> list[fl.Loss]:
    """The losses of numbers, with every set of parameters."""
    return [loss for loss in every_loss() if is_of_numbers(loss)]


def every_unit_loss(*data: str) -> list[fl.Loss]:
    """The losses of rows, masks, vectors and groups, with every set of parameters: all of them, or those of some data."""
    found = [loss for loss in every_loss() if not is_of_numbers(loss) and loss.signature.plan not in ("tiles", "sequences")]
    return [loss for loss in found if not data or REFERENCES[loss.name].data in data]


def every_tile_loss() -> list[fl.Loss]:
    """The losses of rows against the rows of another matrix, with every set of parameters."""
    return [loss for loss in every_loss() if loss.signature.plan == "tiles"]


def every_sequence_loss() -> list[fl.Loss]:
    """The losses of sequences, with every set of parameters."""
    return [loss for loss in every_loss() if loss.signature.plan == "sequences"]


def default_instances() -> list[fl.Loss]:
    """The losses of numbers, with their defaults."""
    return [loss for loss in map(fl.get_loss, fl.list_losses()) if is_of_numbers(loss)]


def promised(loss: fl.Loss, output: str) -> float:
    return REFERENCES[loss.name].promised(**parameters_of(loss))[OUTPUTS.index(output)]


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
        # kinks are at what a number is compared with and at 0, and where the reference says
        kinks = reference.kinks(**parameters_of(loss))
        distances = [abs(at - kink) for kink in (*partner(x, which), mpf(0), *kinks) if at != kink]
        h = STEP * min([*distances, mpf(1)])
        low, middle, high = f(at - h), f(at), f(at + h)
        difference, unit = (high - low, 2 * h) if output == "gradient" else (high - 2 * middle + low, h**2)
        # what is left of numbers that are equal but for the rounding of this arithmetic
        noise = mpf(10) ** (10 - digits) * max(abs(low), abs(middle), abs(high))
        return difference / unit if abs(difference) > noise else mpf(0)


def partner(inputs: Sequence[Any], which: int) -> Sequence[Any]:
    """The input that another one is compared with: the label, or the second one of two scores; none of a single one."""
    return inputs[:1] if which else inputs[1:2]


def largest_term(loss: fl.Loss, output: str, inputs: tuple[float, ...], which: int = 1) -> mpf | None:
    """The size an error is measured against, where that is not the quantity itself."""
    terms = REFERENCES[loss.name].terms[OUTPUTS.index(output)]
    if isinstance(terms, tuple):
        terms = terms[which - loss.labels]
    if terms is None:
        return None
    with mp.workdps(60):
        return terms(*map(mpf, inputs), **parameters_of(loss))


def exact_of_unit(loss: fl.Loss, unit: tuple[list[mpf], ...], which: int, at: int) -> dict[str, mpf]:
    """The exact value of a unit, and its derivatives by number ``at`` of input ``which``; at a precision set outside."""
    reference, x = REFERENCES[loss.name], unit[which][at]
    parameters = parameters_of(loss)
    h = UNIT_STEP * (min(abs(x), 1) or 1)
    formula = reference.held(*unit, **parameters) if reference.held else reference.value

    def f(t: mpf) -> mpf:
        moved = [*unit[which][:at], t, *unit[which][at + 1 :]]
        return formula(*unit[:which], moved, *unit[which + 1 :], **parameters)

    low, middle, high = f(x - h), f(x), f(x + h)
    noise = mpf(10) ** (40 - mp.dps) * max(abs(low), abs(middle), abs(high))
    differences = {"gradient": (high - low, 2 * h), "hessian": (high - 2 * middle + low, h**2)}
    found = {kind: d / unit if abs(d) > noise else mpf(0) for kind, (d, unit) in differences.items()}
    return {"value": reference.value(*unit, **parameters) if reference.held else middle, **found}


def largest_terms_of_unit(loss: fl.Loss, unit: tuple[list[mpf], ...], which: int, at: int) -> dict[str, mpf | None]:
    """The sizes that errors of a unit's value and derivatives are measured against; None: the quantities themselves."""
    value, *derivatives = REFERENCES[loss.name].terms
    parameters = parameters_of(loss)
    found = {"value": value and value(*unit, **parameters)}
    for kind, term in zip(OUTPUTS[1:], derivatives, strict=True):
        found[kind] = term and term(*unit, by=loss.signature.names[which], at=at, **parameters)
    return found


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


def outputs_of(loss: fl.Loss, inputs: tuple[np.ndarray, ...], **options: Any) -> dict[tuple[str, int], np.ndarray]:
    """Every output of a loss for each sample, by kind and by the input it is a derivative with respect to."""
    found = {("value", loss.labels): loss(*inputs, reduction="none", **options)}
    if loss.no_gradient:
        return found
    kinds = ("gradient",) if loss.no_hessian else ("gradient", "hessian")
    method = loss.gradient if loss.no_hessian else loss.gradient_and_hessian
    results = method(*inputs, reduction="none", **options)
    for kind, arrays in zip(kinds, (results,) if loss.no_hessian else results, strict=True):
        for which, array in enumerate(arrays if isinstance(arrays, tuple) else (arrays,), loss.labels):
            found[kind, which] = array
    return found
