"""The elementary functions: error, ends of the range, the same bits on every instruction set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from conftest import using_isa
from mpmath import mp, mpf
from oracle import error_in_ulp

from fastloss import _core

pytestmark = pytest.mark.slow

# function: (definition, range that is tried, largest error in ulp)
FUNCTIONS: dict[str, tuple[Callable[[mpf], mpf], tuple[float, float], float]] = {
    "exp": (mpmath.exp, (-760, 720), 1.3),
    "expm1": (mpmath.expm1, (-760, 720), 1.0),
    "log": (mpmath.log, (0, np.inf), 1.0),
    "log1p": (mpmath.log1p, (-1, np.inf), 1.0),
    "tanh": (mpmath.tanh, (-30, 30), 3.0),
    "sigmoid": (lambda x: 1 / (1 + mpmath.exp(-x)), (-760, 760), 3.0),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), (-760, 760), 3.2),
    "log_cosh": (lambda x: mpmath.log(mpmath.cosh(x)), (-800, 800), 1.5),
    "x_minus_log1p": (lambda x: x - mpmath.log1p(x), (0, np.inf), 2.5),
    "expm1_minus_x": (lambda x: mpmath.expm1(x) - x, (-760, 720), 1.6),
    "atan": (mpmath.atan, (-np.inf, np.inf), 2.0),
    "lgamma1p": (lambda x: mpmath.loggamma(1 + x), (0, np.inf), 2.0),
}


def apply(name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    _core.map_function(name, x, y)
    return y


def points(name: str, dtype: Any, n: int) -> np.ndarray:
    """Numbers of every size, ordinary ones, and neighbours of the places where the methods change."""
    low, high = FUNCTIONS[name][1]
    if dtype == np.float32:
        low, high = max(low, -105.0), min(high, 1e38)
    rng = np.random.default_rng(0)
    smallest = np.log10(float(np.finfo(dtype).smallest_subnormal))
    sizes = 10.0 ** rng.uniform(smallest, min(np.log10(high) if high > 0 else 0, 300), n)
    special = np.array([0.5, 1.0, 2.0, 3.0, 7.0, np.sqrt(0.5), np.sqrt(2), np.log(2) / 2, 32.0])
    x = np.concatenate(
        [sizes, -sizes, rng.uniform(-3, 3, n), rng.uniform(max(low, -1e3), min(high, 1e3), n), special, -special]
    )
    x = np.concatenate([x, np.nextafter(special, 0), np.nextafter(special, 10)]).astype(dtype)
    return x[(x > low) & (x < high)]


def test_every_function_is_tried() -> None:
    assert set(_core.functions()) == set(FUNCTIONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error(name: str, dtype: Any) -> None:
    function, _, bound = FUNCTIONS[name]
    x = points(name, dtype, 400)
    worst = (0.0, 0.0)
    for number, got in zip(x, apply(name, x), strict=True):
        with mp.workdps(700 if abs(number) < 1e-20 else 120):
            true = function(mpf(float(number)))
        # between its zeros at 0 and 1 and beside them, lgamma is measured against the terms it stands beside in a loss
        term = abs(mpf(float(number))) if name == "lgamma1p" else None
        worst = max(worst, (error_in_ulp(got, true, dtype, term), float(number)))
    assert worst[0] <= bound, f"{worst[0]:.3f} ulp at {worst[1]!r}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_bits_everywhere(name: str, dtype: Any) -> None:
    x = points(name, dtype, 3000)
    expected = apply(name, x)
    for isa in _core.available_isas():
        with using_isa(isa):
            np.testing.assert_array_equal(apply(name, x).view(np.uint8), expected.view(np.uint8), err_msg=isa)
            # wherever a number stands in a vector
            for shift in (1, 3, 8):
                np.testing.assert_array_equal(apply(name, x[shift:]), expected[shift:], err_msg=isa)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ends(isa: str, dtype: Any) -> None:
    inf, nan = np.inf, np.nan
    at = np.array([nan, inf, -inf, 0.0, -0.0, -1.0, -2.0], dtype=dtype)
    expected = {
        "exp": [nan, inf, 0, 1, 1, np.exp(-1), np.exp(-2)],
        "expm1": [nan, inf, -1, 0, 0, np.expm1(-1), np.expm1(-2)],
        "log": [nan, inf, nan, -inf, -inf, nan, nan],
        "log1p": [nan, inf, nan, 0, 0, -inf, nan],
        "tanh": [nan, 1, -1, 0, 0, np.tanh(-1), np.tanh(-2)],
        "log_cosh": [nan, inf, inf, 0, 0, np.log(np.cosh(1)), np.log(np.cosh(2))],
        "sigmoid": [nan, 1, 0, 0.5, 0.5, 1 / (1 + np.e), 1 / (1 + np.exp(2))],
        "softplus": [nan, inf, 0, np.log(2), np.log(2), np.log1p(np.exp(-1)), np.log1p(np.exp(-2))],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(apply(name, at), np.array(values, dtype=dtype), rtol=1e-6, err_msg=name)
    # zero keeps its sign where the function is odd there
    for name in ("expm1", "log1p", "tanh"):
        np.testing.assert_array_equal(np.signbit(apply(name, at[3:5])), [False, True], err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_overflow_and_underflow(isa: str, dtype: Any) -> None:
    """The first number that overflows, the last that does not, and results below the normal range."""
    info = np.finfo(dtype)
    top = np.log(info.max.astype(np.float64))
    x = np.array([top * (1 - 4 * info.eps), top * (1 + 4 * info.eps), np.log(float(info.tiny)) - 3, -1e4, 1e4], dtype=dtype)
    got = apply("exp", x)
    assert np.isfinite(got[0])
    assert got[1] == np.inf
    assert 0 < got[2] < info.tiny
    assert got[3] == 0
    assert got[4] == np.inf


def test_unknown_function() -> None:
    with pytest.raises(ValueError, match="no elementary function is called 'nonsense'"):
        apply("nonsense", np.ones(1))
    with pytest.raises(ValueError, match="one type and size"):
        _core.map_function("exp", np.ones(2), np.ones(3))
