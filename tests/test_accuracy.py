"""Value, gradient and Hessian of every loss, in units of the last place, against mpmath."""

from __future__ import annotations

import os

import numpy as np
import pytest
from mpmath import mp
from oracle import (
    default_instances,
    error_in_ulp,
    every_instance,
    every_unit_loss,
    exact,
    exact_of_unit,
    largest_term,
    largest_terms_of_unit,
    outputs_of,
    partner,
    promised,
)
from references import REFERENCES
from samples import exact_numbers, numbers_of, places_of, sample, tries, unit_of

import fastloss as fl
from fastloss.domains import Choice

pytestmark = pytest.mark.slow

# Every instruction set gives the same bits (test_bits.py), so one is enough here.
POINTS = int(os.environ.get("FASTLOSS_ACCURACY_POINTS", "150"))

PER_SAMPLE = [loss for loss in every_instance() if loss.name != "root_mean_squared_error"]


def worst_error(loss: fl.Loss, dtype: type, points: tuple[np.ndarray, ...]) -> dict[str, tuple[float, object]]:
    worst: dict[str, tuple[float, object]] = {}
    for (output, which), numbers in outputs_of(loss, points).items():
        for i, got in enumerate(numbers):
            at = tuple(float(array[i]) for array in points)
            # at a kink there is no derivative to compare with; test_regression.py says what is returned there
            if output != "value" and at[which] in partner(at, which):
                continue
            error = error_in_ulp(got, exact(loss, output, at, which), dtype, largest_term(loss, output, at, which))
            if error > worst.get(output, (0.0, None))[0]:
                worst[output] = (error, (at, float(got)))
    return worst


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", PER_SAMPLE, ids=repr)
def test_errors_stay_below_the_promise(loss: fl.Loss, dtype: type) -> None:
    for output, (error, where) in worst_error(loss, dtype, sample(loss, POINTS, dtype)).items():
        assert error <= promised(loss, output), f"{output}: {error:.2f} ulp at {where}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [loss for loss in PER_SAMPLE if loss.inputs == ("y_true", "y_pred")], ids=repr)
def test_extreme_predictions(loss: fl.Loss, dtype: type) -> None:
    """At the ends of the floating-point range: right, and infinite or 0 only where the true number is."""
    info = np.finfo(dtype)
    sizes = [info.smallest_subnormal, info.tiny / 3, np.sqrt(info.tiny), np.sqrt(info.max) / 3, info.max / 3, info.max]
    if REFERENCES[loss.name].data in ("logarithms", "scores"):
        # exponents of larger numbers are infinite or 0, which test_regression.py tries; mpmath would take for ever
        sizes = [*sizes[:3], 80.0, 87.0, 100.0, 700.0, 708.0, 730.0]
    predictions = np.array([s * x for x in sizes for s in (1, -1)], dtype=dtype)
    domains = loss._domains()
    labels = np.full_like(predictions, 1.0 if isinstance(domains.get("y_true"), Choice) else 0.5)
    if "y_pred" in domains:
        inside = (predictions > domains["y_pred"].low) & (predictions < domains["y_pred"].high)
        labels, predictions = labels[inside], predictions[inside]
    for output, (error, where) in worst_error(loss, dtype, (labels, predictions)).items():
        assert error <= promised(loss, output), f"{output}: {error:.2f} ulp at {where}"


def test_the_sample_is_spread_out() -> None:
    """A reference tried on one kind of number proves nothing."""
    for loss in default_instances():
        y, p, *_ = sample(loss, 300, np.float64) if len(loss.inputs) > 1 else (np.zeros(300), *sample(loss, 300, np.float64))
        # of two scores without a label, it is the difference that counts
        assert np.unique(p if loss.labels else p - y).size > 250, loss
        assert np.ptp(np.log10(np.abs(p[p != 0]))) > 1, loss
        assert (p > y).any(), loss
        assert (p < y).any(), loss


@pytest.mark.filterwarnings("ignore:the probabilities of y_pred must sum to 1")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", every_unit_loss(), ids=repr)
def test_errors_of_units_stay_below_the_promise(loss: fl.Loss, dtype: type) -> None:
    """Rows, masks, vectors, groups: the value, and derivatives by the first number, the largest prediction and a target."""
    # differences of scores of size 1000 and numbers down to exp(-400); squares of 1e-200
    digits = {"classes": 420, "vectors": 450, "gradients": 450, "boxes": 450}.get(REFERENCES[loss.name].data, 220)
    digits = 420 if loss.name.startswith(("list_", "lambda_")) else digits
    for inputs in tries(loss, dtype):
        found = outputs_of(loss, inputs)
        for i, value in enumerate(found["value", loss.labels]):
            lists = unit_of(loss, inputs, i)
            if not lists[loss.labels]:
                assert value == 0.0
                continue
            with mp.workdps(digits):
                unit = exact_numbers(loss, lists)
                for which in loss.signature.predictions:
                    for at in places_of(loss, lists):
                        true = exact_of_unit(loss, unit, which, at)
                        terms = largest_terms_of_unit(loss, unit, which, at)
                        for output in (kind for kind, by in found if by == which):
                            got = value if output == "value" else numbers_of(loss, inputs, i, found[output, which])[at]
                            # what vanishes, rather than cancels, is 0
                            term = terms[output] if true[output] else None
                            error = error_in_ulp(got, true[output], dtype, term)
                            where = f"{output} by {loss.signature.names[which]}[{i}, {at}] of {lists}"
                            assert error <= promised(loss, output), f"{error:.2f} ulp in the {where}"
