"""Derivatives with respect to the parameters of losses: right, exact sums, the same bits everywhere, clear refusals."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from mpmath import exp, expm1, log, mp, mpf
from oracle import error_in_ulp, every_instance, every_loss, parameters_of
from references import REFERENCES, focal_sides, largest, mean, probabilities, shares, times
from samples import sample

import fastloss as fl
from fastloss import _core
from fastloss.domains import Interval

POINTS = int(os.environ.get("FASTLOSS_ACCURACY_POINTS", "12"))
DTYPES = [np.float32, np.float64]
#: Losses of numbers, with each of their smooth parameters.
CASES = [(loss, name) for loss in every_instance() for name in loss._parameter_kernels()]
LOSSES = list(dict.fromkeys(loss for loss, _ in CASES))
HALF = mpf("0.5")

# ---- what is right ------------------------------------------------------------------------------------------------


def tweedie_term(y: mpf, p: mpf, power: float, from_log: bool) -> mpf:
    """The largest of the four terms that the header of tweedie.h names."""
    mu, order = mean(p, from_log), mpf(power)
    if y == 0:
        return largest(mu ** (2 - order) * log(mu) / (2 - order), mu ** (2 - order) / (2 - order) ** 2)
    d = log(mu / y)
    found = []
    for q in (2 - order, 1 - order):
        found.append(log(y) * (expm1(q * d) / q if q else d))
        found.append((q * d * exp(q * d) - expm1(q * d)) / q**2 if q else d**2 / 2)
    return y ** (2 - order) * largest(*found)


def cross_entropy_smoothing_term(y: mpf, p: mpf, from_logits: bool, pos_weight: float, eps: float, **_: Any) -> mpf:
    _, _, cost, other = probabilities(p, from_logits, eps)
    return largest(times(mpf(pos_weight) * (HALF - y), cost), times(HALF - y, other))


def focal_term(weights: Callable[..., tuple[mpf, mpf]]) -> Callable[..., mpf]:
    def term(y: mpf, p: mpf, gamma: float, **how: Any) -> mpf:
        sides = focal_sides(y, p, **how)
        return largest(*(times(w, q ** mpf(gamma) * cost) for (_, _, cost, q), w in zip(sides, weights(y, **how), strict=True)))

    return term


def smoothing_slopes(y: mpf, alpha: float | None, **_: Any) -> tuple[mpf, mpf]:
    positive, negative = (1, 1) if alpha is None else (mpf(alpha), 1 - mpf(alpha))
    return positive * (HALF - y), negative * (HALF - y)


#: The sizes that errors are measured against where the derivative changes sign by itself.
TERMS: dict[tuple[str, str], Callable[..., mpf]] = {
    ("tweedie", "power"): tweedie_term,
    ("binary_cross_entropy", "label_smoothing"): cross_entropy_smoothing_term,
    ("binary_focal", "label_smoothing"): focal_term(smoothing_slopes),
    ("binary_focal", "alpha"): focal_term(lambda y, label_smoothing, **_: shares(y, label_smoothing)),
}


def promised(loss: fl.Loss, name: str) -> float:
    """Units in the last place: 4, with more for products of logarithms and powers."""
    return {"tweedie": 6.0, "binary_focal": 4.0 + 2.0 * getattr(loss, "gamma", 0.0)}.get(loss.name, 4.0)


def exact(loss: fl.Loss, name: str, inputs: tuple[float, ...]) -> mpf:
    """The derivative of the reference by a parameter; at an end of the parameter's range, that from inside."""
    value, parameters = REFERENCES[loss.name].value, parameters_of(loss)
    with mp.workdps(520):
        x = [mpf(number) for number in inputs]
        at = mpf(parameters[name])
        h = mpf(10) ** -60 * (at or 1)

        def f(t: mpf) -> mpf:
            return value(*x, **{**parameters, name: t})

        interval = next(item.metadata["interval"] for item in fields(loss) if item.name == name)
        ends = Interval(1.0, 2.0) if loss.name == "tweedie" else interval
        side = 1 if at == ends.low else -1 if at == ends.high else 0
        if side:
            difference, unit = -3 * f(at) + 4 * f(at + side * h) - f(at + 2 * side * h), 2 * side * h
        else:
            difference, unit = f(at + h) - f(at - h), 2 * h
        # what is left of numbers that are equal but for the rounding of this arithmetic
        noise = mpf(10) ** -500 * abs(f(at))
        return difference / unit if abs(difference) > noise else mpf(0)


def derivatives(loss: fl.Loss, name: str, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """Those of each sample, in double precision: what is summed up."""
    return np.array([loss.parameter_gradient(*sampled, reduction="sum")[name] for sampled in each(inputs)])


def each(inputs: tuple[np.ndarray, ...]) -> Iterator[tuple[np.ndarray, ...]]:
    return (tuple(array[i : i + 1] for array in inputs) for i in range(len(inputs[0])))


def worst(loss: fl.Loss, name: str, dtype: Any, inputs: tuple[np.ndarray, ...]) -> tuple[float, Any]:
    found: tuple[float, Any] = (0.0, None)
    term = TERMS.get((loss.name, name))
    for at, got in zip(
        zip(*(map(float, array) for array in inputs), strict=True), derivatives(loss, name, inputs), strict=True
    ):
        with mp.workdps(60):
            size = term(*map(mpf, at), **parameters_of(loss)) if term else None
        found = max(found, (error_in_ulp(dtype(got), exact(loss, name, at), dtype, size), (at, got)), key=lambda pair: pair[0])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "name"), CASES, ids=lambda x: x if isinstance(x, str) else repr(x))
def test_errors_stay_below_the_promise(loss: fl.Loss, name: str, dtype: Any) -> None:
    inputs = sample(loss, POINTS, dtype)
    # where beta is 0, or the margin is met exactly, there are only one-sided derivatives
    if name == "beta" and loss.beta == 0:
        pytest.skip("the derivative at beta = 0 is tested on its own")
    if name == "margin":
        apart = inputs[0].astype(np.float64) - inputs[1] != loss.margin
        inputs = tuple(array[apart] for array in inputs)
    error, where = worst(loss, name, dtype, inputs)
    assert error <= promised(loss, name), f"{error:.2f} ulp at {where}"


@pytest.mark.parametrize(("loss", "name"), [case for case in CASES if case[0] == type(case[0])()], ids=str)
def test_a_few_derivatives_of_each_default(loss: fl.Loss, name: str) -> None:
    """As the slow test, for the few samples that a fast one has time for."""
    error, where = worst(loss, name, np.float64, sample(loss, 6, np.float64, seed=1))
    assert error <= promised(loss, name), f"{error:.2f} ulp at {where}"


# ---- sums, weights, bits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_sums_are_exact(loss: fl.Loss, dtype: Any) -> None:
    inputs = sample(loss, 100, dtype)
    # a derivative that is infinite is so in every sum
    finite = np.all([np.isfinite(derivatives(loss, name, inputs)) for name in loss._parameter_kernels()], axis=0)
    inputs, n = tuple(array[finite] for array in inputs), finite.sum()
    assert n > 50
    weights = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 3.0], n)
    total = loss.parameter_gradient(*inputs, reduction="sum")
    assert list(total) == list(loss._parameter_kernels())
    for name, got in total.items():
        numbers = derivatives(loss, name, inputs)
        assert type(got) is float
        assert got == math.fsum(numbers)
        assert loss.parameter_gradient(*inputs)[name] == math.fsum(numbers) / n
        heavy = loss.parameter_gradient(*inputs, sample_weight=weights, reduction="sum")[name]
        assert heavy == math.fsum(numbers * weights)
        assert loss.parameter_gradient(*inputs, sample_weight=weights)[name] == heavy / math.fsum(weights)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_same_bits_for_instruction_sets_threads_and_layouts(loss: fl.Loss) -> None:
    for dtype in DTYPES:
        inputs = sample(loss, 5003, dtype)
        expected = repr(loss.parameter_gradient(*inputs))
        for name in _core.available_isas():
            with using_isa(name):
                assert repr(loss.parameter_gradient(*inputs)) == expected, name
        strided = tuple(np.repeat(array, 2)[::2] for array in inputs)
        assert repr(loss.parameter_gradient(*strided)) == expected
        for _ in each_team(1, 2):
            assert repr(loss.parameter_gradient(*inputs)) == expected


@pytest.mark.slow
def test_threads() -> None:
    """Enough samples for more than one thread."""
    inputs = sample(fl.huber, 500_000, np.float64)
    for loss in (fl.Huber(), fl.Cauchy(), fl.BinaryFocal(alpha=0.25, from_logits=True)):
        given = inputs if loss.name != "binary_focal" else (np.float64(inputs[0] > 0), np.clip(inputs[1], -700, 700))
        with fl.num_threads(1):
            expected = loss.parameter_gradient(*given)
        for _ in each_team(2, 7):
            assert loss.parameter_gradient(*given) == expected


def test_a_weight_of_zero_removes_a_sample() -> None:
    y, p = np.array([0.0, np.nan, 0.0]), np.array([3.0, 1.0, np.inf])
    assert fl.Huber().parameter_gradient(y, p, sample_weight=[1, 0, 0]) == {"delta": 2.0}
    # a label outside the domain, too
    assert fl.BinaryFocal().parameter_gradient([1, 7], [0.5, 0.5], sample_weight=[1, 0]) == fl.BinaryFocal().parameter_gradient(
        [1], [0.5]
    )


def test_of_targets() -> None:
    loss = fl.MarginRanking(margin=1.0)
    assert loss.parameter_gradient([3.0, 0.5, 1.0], [1.0, 0.0, 0.0], reduction="sum") == {"margin": 1.0}
    assert loss.parameter_gradient([3.0, 0.5], [1.0, 0.0], [-1, 1], reduction="sum") == {"margin": 2.0}
    assert loss.parameter_gradient(s_neg=[3.0], s_pos=[1.0]) == {"margin": 1.0}


# ---- edges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("loss", "at_infinity"),
    [(fl.Huber(), math.inf), (fl.SmoothL1(), -0.5), (fl.PseudoHuber(), math.inf), (fl.Quantile(), -math.inf),
     (fl.Expectile(), -math.inf), (fl.LpError(), math.inf), (fl.Fair(), math.inf), (fl.Cauchy(), math.inf),
     (fl.Welsch(), 1.0), (fl.Tukey(c=3.0), 1.0)],
    ids=repr,
)  # fmt: skip
def test_residuals_of_zero_infinity_and_nan(loss: fl.Loss, at_infinity: float, dtype: Any) -> None:
    def at(residual: float) -> float:
        (got,) = loss.parameter_gradient(np.zeros(1, dtype), np.array([residual], dtype)).values()
        return got

    assert at(0.0) == 0.0
    assert at(math.inf) == at_infinity
    assert math.isnan(at(math.nan))


def test_beta_of_zero() -> None:
    """Smooth L1 is the absolute error there; it falls at once when beta grows, but where it is 0."""
    assert fl.SmoothL1(beta=0.0).parameter_gradient([0.0, 0.0, 0.0], [0.0, 1.0, -3.0], reduction="sum") == {"beta": -1.0}


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_certain_predictions_of_the_focal_loss(gamma: float) -> None:
    assert fl.BinaryFocal(gamma=gamma).parameter_gradient([1, 0, 1, 0], [1.0, 0.0, 0.0, 1.0])["gamma"] == 0.0
    logits = fl.BinaryFocal(gamma=gamma, from_logits=True)
    assert logits.parameter_gradient([1, 0, 1, 0], [math.inf, -math.inf, -math.inf, math.inf])["gamma"] == 0.0
    assert math.isnan(logits.parameter_gradient([1], [math.nan])["gamma"])


def test_impossible_labels_of_the_cross_entropy() -> None:
    assert fl.BinaryCrossEntropy().parameter_gradient([1], [0.0])["pos_weight"] == math.inf
    assert fl.BinaryCrossEntropy().parameter_gradient([0], [0.0])["pos_weight"] == 0.0
    assert fl.BinaryCrossEntropy(eps=0.25).parameter_gradient([1], [0.0])["pos_weight"] == pytest.approx(math.log(4))


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (fl.mse, "SquaredError has no derivative by a parameter: it has no parameters."),
        (fl.zero_one, "ZeroOne has no derivative by a parameter: threshold is where the loss jumps; from_logits is no number."),
        (
            fl.gaussian_nll,
            "GaussianNLL has no derivative by a parameter: full is no number; eps is a clamp of small variances.",
        ),
        (fl.Tweedie(power=3.0), "Tweedie has no derivative by a parameter: power is 3, and there are no powers beside it;"),
    ],
)
def test_losses_without_smooth_parameters(loss: fl.Loss, message: str) -> None:
    with pytest.raises(fl.NotDifferentiableError, match=f"^{re.escape(message)}"):
        loss.parameter_gradient(*[[1.0]] * len(loss.inputs))


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match='reduction must be "mean" or "sum"; got "none"'):
        fl.huber.parameter_gradient([1.0], [1.0], reduction="none")
    with pytest.raises(TypeError, match="Huber takes the inputs y_true, y_pred; got 3 positional ones"):
        fl.huber.parameter_gradient([1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match="the mean of no samples is undefined"):
        fl.huber.parameter_gradient([], [])
    assert fl.huber.parameter_gradient([], [], reduction="sum") == {"delta": 0.0}
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        fl.huber.parameter_gradient([1.0], [1.0], sample_weight=[0.0])
    with pytest.raises(ValueError, match="sample_weight must be finite and not negative"):
        fl.huber.parameter_gradient([1.0], [1.0], sample_weight=[-1.0])
    with pytest.raises(ValueError, match="y_pred must lie in"):
        fl.binary_focal.parameter_gradient([1.0], [2.0])


# ---- all parameters are accounted for ---------------------------------------------------------------------------------


def test_every_kernel_of_a_derivative_belongs_to_a_parameter() -> None:
    of_targets, _ = fl.margin_ranking._for((0.0, 0.0, 1.0))
    used = {kernel.name for loss in [*every_loss(), of_targets] for kernel in loss._parameter_kernels().values()}
    assert used == {name for name in _core.kernels() if "_by_" in name}


@pytest.mark.parametrize("loss", every_instance(), ids=repr)
def test_every_parameter_of_a_loss_of_numbers_is_smooth_or_says_why_not(loss: fl.Loss) -> None:
    if isinstance(loss, fl.Penalty):
        # its own kernel has the derivatives: test_penalties.py
        return
    known = {*loss._parameter_kernels(), *loss._without_derivative()}
    for item in fields(loss):
        if "interval" in item.metadata and getattr(loss, item.name) is not None:
            assert item.name in known, f"{item.name} needs a kernel {loss._kernel_by(item.name)}, or a reason"
