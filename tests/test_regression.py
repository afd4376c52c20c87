"""What is particular to a regression loss: kinks, conventions, limits, best constants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from oracle import default_instances

import fastloss as fl

INF, NAN = math.inf, math.nan
REGRESSION = [loss for loss in default_instances() if loss.family == "regression"]


def at(loss: fl.Loss, residuals: list[float], y: float = 0.0, dtype: Any = np.float64) -> list[list[float]]:
    """Value, gradient and Hessian at some residuals."""
    p = y + np.array(residuals, dtype=dtype)
    labels = np.full_like(p, y)
    return [a.tolist() for a in (loss(labels, p, reduction="none"), *loss.gradient_and_hessian(labels, p, reduction="none"))]


@pytest.mark.parametrize(
    ("loss", "residuals", "value", "gradient", "hessian"),
    [
        (fl.absolute_error, [0.0, -0.0, 2.0, -2.0], [0, 0, 2, 2], [0, 0, 1, -1], [0, 0, 0, 0]),
        (fl.Quantile(alpha=0.75), [0.0, 2.0, -2.0], [0, 0.5, 1.5], [0, 0.25, -0.75], [0, 0, 0]),
        (fl.Expectile(alpha=0.75), [0.0, 2.0, -2.0], [0, 1, 3], [0, 1, -3], [0.5, 0.5, 1.5]),
        (fl.Huber(delta=2.0), [2.0, -2.0, 3.0], [2, 2, 4], [2, -2, 2], [1, 1, 0]),
        (fl.SmoothL1(beta=2.0), [2.0, -2.0, 1.0], [1, 1, 0.25], [1, -1, 0.5], [0, 0, 0.5]),
        (fl.SmoothL1(beta=0.0), [0.0, 3.0, -0.5], [0, 3, 0.5], [0, 1, -1], [0, 0, 0]),
        (fl.Tukey(c=2.0), [2.0, -2.0, 1e9], [2 / 3, 2 / 3, 2 / 3], [0, 0, 0], [0, 0, 0]),
        (fl.LpError(p=1.0), [0.0, 3.0, -3.0], [0, 3, 3], [0, 1, -1], [0, 0, 0]),
        (fl.LpError(p=1.5), [0.0, 4.0], [0, 8], [0, 3], [INF, 0.375]),
        (fl.LpError(p=2.0), [0.0, 4.0], [0, 16], [0, 8], [2, 2]),
        (fl.LpError(p=3.0), [0.0, 2.0], [0, 8], [0, 12], [0, 12]),
        (fl.symmetric_absolute_percentage_error, [0.0], [0], [0], [0]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kinks_and_edges(isa: str, loss: fl.Loss, residuals: Any, value: Any, gradient: Any, hessian: Any, dtype: Any) -> None:
    for got, expected in zip(at(loss, residuals, dtype=dtype), (value, gradient, hessian), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-7 if dtype == np.float32 else 4e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_residuals(isa: str, dtype: Any) -> None:
    """Limits, not NaN."""
    c = 0.5
    limits = {
        fl.squared_error: (INF, INF, 2),
        fl.half_squared_error: (INF, INF, 1),
        fl.absolute_error: (INF, 1, 0),
        fl.Huber(delta=c): (INF, c, 0),
        fl.SmoothL1(beta=c): (INF, 1, 0),
        fl.PseudoHuber(delta=c): (INF, c, 0),
        fl.log_cosh: (INF, 1, 0),
        fl.Quantile(alpha=0.25): (INF, 0.75, 0),
        fl.Expectile(alpha=0.25): (INF, INF, 1.5),
        fl.LpError(p=1.0): (INF, 1, 0),
        fl.LpError(p=1.5): (INF, INF, 0),
        fl.LpError(p=3.0): (INF, INF, INF),
        fl.Fair(c=c): (INF, c, 0),
        fl.Cauchy(c=c): (INF, 0, 0),
        fl.Welsch(c=c): (c**2 / 2, 0, 0),
        fl.Tukey(c=c): (c**2 / 6, 0, 0),
        fl.absolute_percentage_error: (INF, 2.0**52, 0),
    }
    for loss, (value, gradient, hessian) in limits.items():
        got = at(loss, [INF], dtype=dtype)
        np.testing.assert_allclose([g[0] for g in got], [value, gradient, hessian], rtol=1e-7, err_msg=repr(loss))
    assert at(fl.symmetric_absolute_percentage_error, [INF], y=1.0, dtype=dtype)[0] == [2.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_logarithms_and_means(isa: str, dtype: Any) -> None:
    y = np.array([0, 0, 2, 2, 0, 2], dtype=dtype)
    z = np.array([-INF, INF, -INF, INF, NAN, NAN], dtype=dtype)
    expected = [0, INF, INF, INF, NAN, NAN]
    np.testing.assert_array_equal(fl.poisson(y, z, reduction="none"), expected)
    np.testing.assert_array_equal(fl.Poisson(full=True)(y, z, reduction="none"), expected)
    np.testing.assert_array_equal(fl.poisson.gradient(y, z, reduction="none"), [0, INF, -2, INF, NAN, NAN])
    np.testing.assert_array_equal(fl.gamma(y[[2, 3, 5]], z[[2, 3, 5]], reduction="none"), [INF, INF, NAN])
    np.testing.assert_array_equal(fl.gamma.gradient(y[[2, 3, 5]], z[[2, 3, 5]], reduction="none"), [-INF, 1, NAN])
    mu = np.array([0, 5, 0, INF, NAN, NAN], dtype=dtype)
    of_mean = fl.Poisson(from_log=False)
    np.testing.assert_array_equal(of_mean(y, mu, reduction="none"), [0, 5, INF, INF, NAN, NAN])
    np.testing.assert_array_equal(of_mean.gradient(y, mu, reduction="none"), [1, 1, -INF, 1, NAN, NAN])


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("from_log", [True, False])
def test_tweedie_is_zero_at_a_perfect_fit_and_never_negative(power: float, from_log: bool) -> None:
    loss = fl.Tweedie(power=power, from_log=from_log)
    y = np.exp(np.linspace(-20, 20, 1001))
    for offset in (0.0, 1e-12, -1e-9, 1e-3, 0.9, -1.1):
        mu = y * np.exp(offset)
        value = loss(y, np.log(mu) if from_log else mu, reduction="none")
        assert (value >= 0).all()
    if not from_log:
        np.testing.assert_array_equal(loss(y, y, reduction="none"), 0)
    if power < 2:
        # no label, no logarithm
        expected = np.exp((2 - power) * np.log(0.5)) / (2 - power)
        assert loss([0.0], [math.log(0.5) if from_log else 0.5]) == pytest.approx(expected, rel=1e-14)


def test_tweedie_is_continuous_in_its_power() -> None:
    y, mu = np.array([0.5, 2.0, 7.0]), np.array([1.0, 1.5, 9.0])
    for limit, near in ((1.0, 1 + 1e-9), (1.5, 1.5 + 1e-9), (2.0, 2 - 1e-9)):
        for f in (False, True):
            p = np.log(mu) if f else mu
            a, b = (fl.Tweedie(power=q, from_log=f)(y, p, reduction="none") for q in (limit, near))
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_tweedie_of_power_zero_takes_any_label() -> None:
    assert fl.Tweedie(power=0.0, from_log=False)([-3.0], [1.0]) == 8.0
    assert fl.Tweedie(power=0.0)([-3.0], [0.0]) == 8.0


def test_full_poisson_counts_factorials() -> None:
    y = np.arange(60.0)
    z = np.zeros(60)
    extra = fl.Poisson(full=True)(y, z, reduction="none") - fl.Poisson()(y, z, reduction="none")
    np.testing.assert_allclose(extra, [math.lgamma(k + 1) for k in y], rtol=1e-14, atol=4e-16)


def test_gaussian_nll_below_the_smallest_variance() -> None:
    loss = fl.GaussianNLL(eps=0.5)
    var = np.array([0.0, 0.25, 0.5, 0.5000001])
    value = loss(np.zeros(4), np.ones(4), var, reduction="none")
    np.testing.assert_allclose(value[:3], (math.log(0.5) + 2) / 2, rtol=1e-15)
    (_, g_var), (_, h_var) = loss.gradient_and_hessian(np.zeros(4), np.ones(4), var, reduction="none")
    np.testing.assert_array_equal(g_var[:3], 0)
    np.testing.assert_array_equal(h_var[:3], 0)
    assert g_var[3] != 0


def test_log_cosh_of_the_smallest_and_the_largest() -> None:
    value, gradient, _ = at(fl.log_cosh, [1e-8, -1e30, 1e-160, 1e308])
    np.testing.assert_allclose(value, [5e-17, 1e30, 5e-321, 1e308], rtol=1e-15)
    np.testing.assert_allclose(gradient, [1e-8, -1, 1e-160, 1], rtol=1e-15)


# ---- the root mean squared error ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-44, 1e-30, 1e-15, 1.0, 1e18, 1e30, 1e160, 1e300])
def test_rmse_over_the_whole_range(isa: str, dtype: Any, size: float) -> None:
    info = np.finfo(dtype)
    if not float(info.smallest_subnormal) < size < float(info.max) / 10:
        # what is left is the size nearest to it
        size = float(info.smallest_subnormal) * 8 if size < 1 else float(info.max) / 10
    r = (np.random.default_rng(0).standard_normal(1001) * size).astype(dtype)
    exact = r.astype(np.float64) / size
    expected = math.sqrt(math.fsum(exact**2) / r.size)
    value, gradient = fl.rmse.value_and_gradient(np.zeros_like(r), r)
    assert value == fl.rmse(np.zeros_like(r), r)
    tolerance = 4 * float(info.eps)
    # a float of 64 bits, also where the numbers have 32
    assert value / size == pytest.approx(expected, rel=tolerance)
    np.testing.assert_allclose(gradient, exact / (r.size * expected), rtol=2 * tolerance, atol=0)
    assert value > 0
    assert gradient.dtype == dtype


def test_rmse_mixes_sizes() -> None:
    r = np.array([1e200, 1e-200, 3.0])
    assert fl.rmse(np.zeros(3), r) == pytest.approx(1e200 / math.sqrt(3), rel=1e-15)
    np.testing.assert_allclose(fl.rmse.gradient(np.zeros(3), r), r / (math.sqrt(3) * 1e200), rtol=1e-15)


def test_rmse_at_the_ends() -> None:
    zeros = np.zeros(3)
    assert fl.rmse(zeros, zeros) == 0.0
    np.testing.assert_array_equal(fl.rmse.gradient(zeros, zeros), 0)
    assert fl.rmse(zeros, [1.0, INF, 0.0]) == INF
    assert math.isnan(fl.rmse(zeros, [1.0, NAN, 0.0]))
    assert fl.rmse([0, 0, 5], [3, 4, 0], sample_weight=[1, 1, 0]) == math.sqrt(12.5)
    for reduction in ("sum", "none"):
        with pytest.raises(ValueError, match='has reduction="mean" only'):
            fl.rmse([1.0], [2.0], reduction=reduction)


# ---- best constants ------------------------------------------------------------------------------------------------------


def labels_for(loss: fl.Loss, rng: np.random.Generator) -> np.ndarray:
    y = rng.gamma(2.0, 3.0, 301)
    return y if "y_true" in loss._domains() or getattr(loss, "from_log", False) else y - 4


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", [loss for loss in REGRESSION if loss.inputs == ("y_true", "y_pred")], ids=repr)
def test_init_score_is_a_minimiser(loss: fl.Loss, weighted: bool) -> None:
    rng = np.random.default_rng(5)
    y = labels_for(loss, rng)
    w = rng.integers(0, 5, y.size).astype(float) if weighted else None
    score = loss.init_score(y, w)
    assert isinstance(score, float)

    def total(c: float) -> float:
        return loss(y, np.full_like(y, c), w)

    best = total(score)
    for step in (1e-6, 1e-4, 1e-2, 0.1, 1.0):
        for candidate in (score - step, score + step):
            if loss.name != "squared_log_error" or candidate > -1:
                assert total(candidate) >= best * (1 - 1e-14)
    # and no other constant among the labels is better, where there is more than one valley
    raw = np.log(y) if getattr(loss, "from_log", False) else y
    assert best <= min(total(c) for c in np.quantile(raw, np.linspace(0, 1, 40)))


def test_init_score_in_closed_form() -> None:
    y = np.array([1.0, 2.0, 6.0])
    assert fl.mse.init_score(y) == 3.0
    assert fl.mse.init_score(y, [0, 1, 1]) == 4.0
    assert fl.mae.init_score(y) == 2.0
    assert fl.mae.init_score([1.0, 2.0, 6.0, 100.0]) == 4.0
    assert fl.Quantile(alpha=0.25).init_score(np.arange(9.0)) == 2.0
    assert fl.poisson.init_score(y) == math.log(3.0)
    assert fl.Poisson(from_log=False).init_score(y) == 3.0
    assert fl.Tweedie(power=0.0, from_log=False).init_score([-2.0, 4.0]) == 1.0
    assert fl.gaussian_nll.init_score(y) == (3.0, pytest.approx(14 / 3))
    assert fl.poisson.init_score([0.0, 0.0]) == -INF
    assert fl.mse.init_score(np.array([[1, 2], [3, 6]], np.int8), [1, 3]) == 3.75


@pytest.mark.parametrize("loss", REGRESSION, ids=repr)
def test_init_score_of_bad_labels(loss: fl.Loss) -> None:
    with pytest.raises(ValueError, match="the mean of no samples"):
        loss.init_score([])
    with pytest.raises(ValueError, match=r"sample_weight must be finite and not negative; got -1\.0 at index 1"):
        loss.init_score([1.0, 2.0], [1.0, -1.0])
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        loss.init_score([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(TypeError, match="y_true must hold real numbers"):
        loss.init_score(["a"])
    if "y_true" in loss._domains():
        with pytest.raises(ValueError, match="y_true must be"):
            loss.init_score([1.0, -3.0])
    else:
        score = loss.init_score([1.0, NAN])
        assert math.isnan(score[0] if isinstance(score, tuple) else score)
