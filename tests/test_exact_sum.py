"""Sums are exact and rounded once: equal to math.fsum, whatever the order, the threads or the instruction set."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from conftest import each_team
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastloss as fl
from build import ROOT
from fastloss import _arrays, _core


def exact_sum(x: np.ndarray) -> float:
    inputs = _core.Inputs((_arrays.read(x, "x"),), x.shape, x.dtype == np.float32)
    return _core.execute((None,), inputs, None, (_core.Output(_core.VALUE),)).value


def random_data(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    normal = rng.standard_normal(n)
    if kind == "random":
        return normal
    if kind == "cancelling":
        half = normal[: n // 2]
        return rng.permutation(np.concatenate([half, -half, np.full(n - 2 * (n // 2), 1e-17)]))
    if kind == "subnormal":
        return rng.integers(0, 1 << 52, n).astype(np.uint64).view(np.float64) * rng.choice([-1.0, 1.0], n)
    if kind == "huge":
        return normal * 1e300
    if kind == "600 binades":
        return np.ldexp(normal, rng.integers(-300, 300, n))
    if kind == "every bit pattern":
        x = rng.integers(0, 1 << 63, n, dtype=np.uint64).view(np.float64)
        return np.where(np.abs(x) < 1e300, x, 1.0)
    # numbers just below a power of two, which rounding carries over
    return np.nextafter(np.ldexp(1.0, rng.integers(-3, 4, n)), 0)


KINDS = ["random", "cancelling", "subnormal", "huge", "600 binades", "every bit pattern", "just below powers of two"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 511, 512, 513, 1025, 40_001])
def test_equals_fsum(isa: str, kind: str, n: int) -> None:
    x = random_data(kind, n, np.random.default_rng(n))
    for data in (x, x[::-1], np.sort(x)):
        assert exact_sum(np.ascontiguousarray(data)) == math.fsum(x)
    with np.errstate(over="ignore", under="ignore"):
        single = x.astype(np.float32)
    single = single[np.isfinite(single)]
    assert exact_sum(single) == math.fsum(single.tolist())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers_whose_sums_are_small(isa: str, dtype: Any) -> None:
    # sums of a lane that stay where they may with numbers that alone would not, beside one that is not taken apart at once
    for size in 2.0 ** np.array([*range(4, 16), 120, 121, 122, 123, 124, 125, 126]):
        for place in (8, 16, 32):
            x = np.zeros(64, dtype)
            x[0], x[1], x[place] = -size * 0.99, 1e-30, 2 * size * 0.98
            assert exact_sum(x) == math.fsum(x.tolist())
            assert exact_sum(-x) == -math.fsum(x.tolist())


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(-1e306, 1e306, allow_subnormal=True)))
def test_equals_fsum_for_whatever_hypothesis_thinks_of(x: np.ndarray) -> None:
    assert exact_sum(x) == math.fsum(x)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, (1 << 53) - 1), st.integers(-1000, 900), st.sampled_from([0, 1, -1]), st.integers(0, 200))
def test_ties_are_rounded_to_even(mantissa: int, exponent: int, beyond: int, distance: int) -> None:
    """A sum that lies exactly between two doubles, or just beside the middle."""
    number = math.ldexp(mantissa, exponent)
    half = math.ulp(number) / 2
    parts = np.array([number, half, beyond * math.ldexp(half, -distance - 1)])
    assert exact_sum(parts) == math.fsum(parts)
    assert exact_sum(-parts) == -math.fsum(parts)


def test_threads_do_not_matter() -> None:
    x = random_data("600 binades", 500_001, np.random.default_rng(1))
    for team in each_team(1, 2, 7):
        assert exact_sum(x) == math.fsum(x), team


def test_infinities_and_nan() -> None:
    inf, nan = math.inf, math.nan
    for parts, expected in [([inf, 1.0], inf), ([-inf, 1.0], -inf), ([1e308] * 2, inf), ([-1e308] * 3, -inf)]:
        assert exact_sum(np.array(parts)) == expected
    for parts in ([inf, -inf], [nan, 1.0], [nan, inf]):
        assert math.isnan(exact_sum(np.array(parts)))
    # in the middle of a block of ordinary numbers
    x = np.ones(3000)
    x[1234] = nan
    assert math.isnan(exact_sum(x))
    x[1234] = -inf
    assert exact_sum(x) == -inf


def test_intermediate_overflow_does_no_harm() -> None:
    assert exact_sum(np.array([1e308, 1e308, -1e308])) == 1e308
    # the mean is a number although the sum is not
    assert fl.mae(np.zeros(4), np.full(4, 1.5e308)) == 1.5e308


def test_sum_of_zeros_is_positive_zero() -> None:
    for x in (np.zeros(3), -np.zeros(3), np.zeros(0), -np.zeros(2000, dtype=np.float32)):
        assert math.copysign(1, exact_sum(x)) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_sum_their_samples(isa: str, dtype: Any) -> None:
    rng = np.random.default_rng(3)
    y, p = rng.standard_normal((2, 30_011)).astype(dtype)
    for name in ("squared_error", "log_cosh", "cauchy"):
        loss = fl.get_loss(name)
        samples = loss(y, p, reduction="none")
        total = math.fsum(samples.tolist())
        assert loss(y, p, reduction="sum") == total
        assert loss(y, p) == total / y.size
        weights = rng.random(y.size)
        weighted = math.fsum((weights * samples.astype(np.float64)).tolist())
        assert loss(y, p, sample_weight=weights, reduction="sum") == weighted
        assert loss(y, p, sample_weight=weights) == weighted / math.fsum(weights)


#: Losses that cost no more than their sums, whose kernels add up their values themselves, if they are not few.
FORMULAS = "".join(path.read_text() for path in sorted((ROOT / "src_c" / "losses").glob("*/*.h")))
LIGHT = re.findall(r"^FL_LIGHT_FORMULA\((\w+)", FORMULAS, re.MULTILINE)
assert "squared_error" in LIGHT


def inputs_of(loss: fl.Loss, n: int, dtype: Any, sizes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ordinary inputs; what is no label, and may have any size, times these sizes."""
    rng = np.random.default_rng(n)
    inputs = []
    for name in loss.inputs:
        domain = loss._domains().get(name)
        label = name == "y_true" and loss.family in ("binary", "ranking")
        if label or domain is not None:
            inputs.append(np.where(rng.random(n) < 0.5, 1.0, 0.0))
        else:
            inputs.append(rng.standard_normal(n) * sizes)
    return tuple(array.astype(dtype) for array in inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LIGHT)
def test_kernels_add_up_their_values(isa: str, name: str, dtype: Any) -> None:
    loss = fl.get_loss(name)
    n = 20 * 1024 + 17
    block = np.arange(n) // 512
    for sizes in (
        np.ones(n),
        # each block unlike the last one; one that is, once; and numbers of a block that differ by more than a fold takes
        10.0 ** np.where(block % 2, 12, -12),
        10.0 ** np.where(block == 9, 15, 0),
        10.0 ** np.where(block > 30, -15, 0),
        10.0 ** np.where(np.arange(n) % 3, 16, -16),
    ):
        inputs = inputs_of(loss, n, dtype, sizes)
        total = math.fsum(loss(*inputs, reduction="none").tolist())
        value, gradient = loss.value_and_gradient(*inputs, reduction="sum") if not loss.no_gradient else (total, None)
        assert value == total
        assert loss(*inputs, reduction="sum") == total
        if "mean" in loss.reductions:
            assert loss(*inputs, reduction="mean") == total / n
        if gradient is not None:
            np.testing.assert_array_equal(gradient, loss.gradient(*inputs, reduction="sum"))
        with fl.num_threads(2):
            assert loss(*inputs, reduction="sum") == total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_add_up_whatever_is_not_negative(isa: str, kind: str, dtype: Any) -> None:
    # lanes, what they add up at a time, and blocks: each full, one short, and one over
    for n in (511, 512, 519, 520, 639, 641, 1023, 4095, 4096, 4097, 8192 + 4095):
        with np.errstate(over="ignore"):
            x = np.abs(random_data(kind, n, np.random.default_rng(n))).astype(dtype)
        x = np.where(np.isfinite(x), x, 1).astype(dtype)
        for numbers in (x, np.sort(x), np.sort(x)[::-1].copy(), np.full_like(x, x[0])):
            total = math.fsum(numbers.tolist())
            assert fl.absolute_error(np.zeros_like(x), numbers, reduction="sum") == total
            assert fl.absolute_error.value_and_gradient(np.zeros_like(x), numbers, reduction="sum")[0] == total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernels_add_up_numbers_in_the_middle_of_two(isa: str, dtype: Any) -> None:
    # halves of every power of two that may be a quantum: rounded to even, to which side is what the sum before says
    rng = np.random.default_rng(1)
    for exponent in range(-120, 0):
        odd = np.ldexp(2.0 * rng.integers(0, 512, 5000) + 1, exponent - 1)
        # all that is left of these is a half, on the same side
        alike = np.full(5000, 2.0 ** (exponent - 1))
        for halves in (np.where(rng.random(5000) < 0.01, rng.random(5000), odd), alike):
            numbers = halves.astype(dtype)
            numbers[:64] = 1
            total = math.fsum(numbers.tolist())
            assert fl.absolute_error(np.zeros_like(numbers), numbers, reduction="sum") == total
            assert exact_sum(numbers) == total
            assert exact_sum(-numbers) == -total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LIGHT)
def test_what_kernels_add_up_is_not_negative(name: str, dtype: Any) -> None:
    loss = fl.get_loss(name)
    for scale in (1e-15, 1e-3, 1.0, 1e3, 1e18):
        inputs = inputs_of(loss, 20_000, dtype, np.full(20_000, scale))
        values = loss(*inputs, reduction="none")
        assert values.min() >= 0
        assert values.max() > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernels_add_up_what_is_no_number(isa: str, dtype: Any) -> None:
    y, p = np.zeros(5000, dtype), np.ones(5000, dtype)
    for place in (0, 1500, 4999):
        for number, expected in ((np.inf, np.inf), (np.nan, np.nan), (np.finfo(dtype).max, None)):
            p[:] = 1
            p[place] = number
            value = fl.absolute_error(y, p, reduction="sum")
            np.testing.assert_equal(value, 4999.0 + float(number) if expected is None else expected)
    with pytest.raises(ValueError, match=r"y_true must .* at index 3000"):
        fl.hinge(np.where(np.arange(5000) == 3000, 0.5, 1.0), p)
