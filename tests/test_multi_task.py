"""The losses of several tasks in one number."""

from __future__ import annotations

import copy
import math
import pickle
import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from mpmath import exp, mp, mpf
from oracle import error_in_ulp

import fastloss as fl

RNG = np.random.default_rng(0)
NLL = fl.CategoricalCrossEntropy(from_logits=True)
LOSSES = {"price": fl.SquaredError(), "sold": fl.BinaryCrossEntropy(from_logits=True), "kind": NLL}
INPUTS = {
    "price": tuple(RNG.standard_normal((2, 50))),
    "sold": (RNG.integers(0, 2, 30), RNG.standard_normal(30).astype(np.float32)),
    "kind": (RNG.integers(0, 4, 20), RNG.standard_normal((20, 4))),
}
WEIGHTS = {"price": 0.3, "sold": 2.0}
LOGARITHMS = {"price": 0.7, "sold": -1.2, "kind": 0.1}


def test_it_is_a_value() -> None:
    tasks = fl.MultiTask(LOSSES, WEIGHTS)
    again = eval(repr(tasks), vars(fl))
    for other in (again, pickle.loads(pickle.dumps(tasks)), copy.deepcopy(tasks)):
        assert other == tasks
        assert hash(other) == hash(tasks)
        assert other(INPUTS) == tasks(INPUTS)
    turned = fl.MultiTask(dict(reversed(LOSSES.items())), WEIGHTS)
    assert turned == tasks
    assert hash(turned) == hash(tasks)
    assert turned(INPUTS) == tasks(INPUTS)
    assert tasks != fl.MultiTask(LOSSES)
    assert tasks != fl.MultiTask(LOSSES, WEIGHTS, "uncertainty")
    assert tasks.losses["kind"] is NLL
    given = dict(LOSSES)
    tasks = fl.MultiTask(given)
    given["price"] = fl.huber
    assert tasks.losses == LOSSES
    with pytest.raises(FrozenInstanceError):
        tasks.weighting = "uncertainty"
    with pytest.raises(TypeError, match="item assignment"):
        tasks.losses["price"] = fl.huber


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_fixed_weights(reduction: str) -> None:
    tasks = fl.MultiTask(LOSSES, WEIGHTS)
    expected = {name: loss.value_and_gradient(*INPUTS[name], reduction=reduction) for name, loss in LOSSES.items()}
    total = math.fsum(WEIGHTS.get(name, 1.0) * value for name, (value, _) in expected.items())
    assert tasks(INPUTS, reduction=reduction) == total
    value, gradients = tasks.value_and_gradient(INPUTS, reduction=reduction)
    assert value == total
    assert list(gradients) == list(LOSSES)
    for name, (_, gradient) in expected.items():
        weighted = (WEIGHTS.get(name, 1.0) * gradient.astype(np.float64)).astype(gradient.dtype)
        np.testing.assert_array_equal(gradients[name], weighted)
        assert gradients[name].dtype == gradient.dtype
        np.testing.assert_array_equal(tasks.gradient(INPUTS, reduction=reduction)[name], weighted)
    first, second = tasks.gradient_and_hessian(INPUTS, reduction=reduction)
    for name, loss in LOSSES.items():
        np.testing.assert_array_equal(first[name], gradients[name])
        _, curvature = loss.gradient_and_hessian(*INPUTS[name], reduction=reduction)
        np.testing.assert_array_equal(second[name], np.multiply(curvature, WEIGHTS.get(name, 1.0), dtype=np.float64).astype(
            curvature.dtype
        ))  # fmt: skip


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_uncertainty_is_that_of_the_paper(reduction: str) -> None:
    """Equation 10 of Kendall, Gal and Cipolla, in 40 digits; derivatives are those of the number."""
    tasks = fl.MultiTask(LOSSES, WEIGHTS, weighting="uncertainty")
    losses = {name: loss(*INPUTS[name], reduction=reduction) for name, loss in LOSSES.items()}
    value, gradients, slopes = tasks.value_and_gradient(INPUTS, reduction=reduction, log_variances=LOGARITHMS)
    assert tasks(INPUTS, reduction=reduction, log_variances=LOGARITHMS) == value
    with mp.workdps(40):
        # squared errors are divided by 2 sigma^2, cross-entropies by sigma^2
        factors = {
            name: mpf(WEIGHTS.get(name, 1)) * exp(-mpf(LOGARITHMS[name])) / (2 if name == "price" else 1) for name in LOSSES
        }
        total = sum(factors[name] * mpf(losses[name]) + mpf(LOGARITHMS[name]) / 2 for name in LOSSES)
        assert error_in_ulp(value, total, np.float64) < 4
        for name, loss in LOSSES.items():
            assert slopes[name] == pytest.approx(float(mpf("0.5") - factors[name] * mpf(losses[name])), rel=1e-13)
            own = loss.gradient(*INPUTS[name], reduction=reduction)
            for got, slope in zip(gradients[name].ravel(), own.ravel(), strict=True):
                assert error_in_ulp(got, factors[name] * mpf(float(slope)), own.dtype) < 2
    first, second, again, curvatures = tasks.gradient_and_hessian(INPUTS, reduction=reduction, log_variances=LOGARITHMS)
    assert again == slopes
    pair = tasks.gradient(INPUTS, reduction=reduction, log_variances=LOGARITHMS)
    assert pair[1] == slopes
    for name in LOSSES:
        assert curvatures[name] == 0.5 - slopes[name] or curvatures[name] == pytest.approx(0.5 - slopes[name], rel=1e-12)
        np.testing.assert_array_equal(first[name], gradients[name])
        np.testing.assert_array_equal(pair[0][name], gradients[name])
        ratio = float(factors[name])
        own = LOSSES[name].gradient_and_hessian(*INPUTS[name], reduction=reduction)[1]
        np.testing.assert_allclose(second[name], own * ratio, rtol=1e-6 if own.dtype == np.float32 else 1e-14)


def test_derivatives_by_differences() -> None:
    tasks = fl.MultiTask(LOSSES, WEIGHTS, weighting="uncertainty")
    _, gradients, slopes = tasks.value_and_gradient(INPUTS, log_variances=LOGARITHMS)
    h = 1e-6
    for name in LOSSES:
        ends = [tasks(INPUTS, log_variances={**LOGARITHMS, name: LOGARITHMS[name] + step}) for step in (h, -h)]
        assert slopes[name] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)
    for name, at in (("price", (3,)), ("kind", (5, 2))):
        ends = []
        for step in (h, -h):
            y, p = INPUTS[name][0], INPUTS[name][1].copy()
            p[at] += step
            ends.append(tasks({**INPUTS, name: (y, p)}, log_variances=LOGARITHMS))
        assert gradients[name][at] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5)


def test_the_best_variance_of_a_regression_is_the_mean_squared_error() -> None:
    mse = fl.mse(*INPUTS["price"])
    for loss in (fl.SquaredError(), fl.HalfSquaredError()):
        tasks = fl.MultiTask({"price": loss}, weighting="uncertainty")
        _, _, slopes = tasks.value_and_gradient({"price": INPUTS["price"]}, log_variances={"price": math.log(mse)})
        assert slopes["price"] == pytest.approx(0, abs=1e-15)


def test_losses_of_every_kind() -> None:
    """Several gradients, masks, sequences, groups, a loss with a penalty; scalars."""
    rng = np.random.default_rng(1)
    losses = {
        "near": fl.TripletMargin(),
        "mask": fl.Dice(),
        "text": fl.CTC(),
        "rank": fl.RankNet(),
        "keys": fl.LinearCrossEntropy(),
        "cost": fl.Huber() + fl.L2Penalty(0.1),
        "root": fl.rmse,
        "one": fl.mse,
    }
    inputs = {
        "near": tuple(rng.standard_normal((3, 6, 5))),
        "mask": (rng.integers(0, 2, (3, 8)), rng.random((3, 8))),
        "text": (np.log(rng.dirichlet(np.ones(5), (10, 2))), np.array([[1, 2], [3, 1]]), [10, 9], [2, 1]),
        "rank": (rng.integers(0, 3, 12), rng.standard_normal(12), [5, 7]),
        "keys": (rng.integers(0, 3, 6), rng.standard_normal((6, 4)), rng.standard_normal((3, 4)), np.ones(3)),
        "cost": (*rng.standard_normal((2, 9)), np.ones((2, 2))),
        "root": tuple(rng.standard_normal((2, 9))),
        "one": [1.0, 3.0],
    }
    tasks = fl.MultiTask(losses, dict.fromkeys(losses, 0.5))
    value, gradients = tasks.value_and_gradient(inputs)
    assert value == tasks(inputs) == math.fsum(0.5 * loss(*inputs[name]) for name, loss in losses.items())
    for name, loss in losses.items():
        expected, got = loss.gradient(*inputs[name]), gradients[name]
        assert isinstance(got, tuple) == isinstance(expected, tuple)
        for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (got, expected)), strict=True):
            np.testing.assert_array_equal(a, b * 0.5)
    assert gradients["one"] == 2.0


def test_weights_of_samples() -> None:
    tasks = fl.MultiTask({"a": fl.mse, "b": fl.mae}, {"b": 3.0})
    y, p, w = np.array([1.0, 2.0]), np.array([2.0, np.nan]), np.array([1.0, 0.0])
    inputs = {"a": (y, p), "b": (y, [2.0, 4.0])}
    assert tasks(inputs, sample_weight=w) == 4.0
    assert tasks(inputs, sample_weight={"a": w}) == 1.0 + 3 * 1.5
    assert math.isnan(tasks(inputs))
    assert math.isnan(tasks(inputs, sample_weight={"b": w}))
    gradients = tasks.gradient(inputs, sample_weight={"a": w, "b": None})
    assert gradients["a"].tolist() == [2.0, 0.0]
    assert gradients["b"].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("weighting", ["fixed", "uncertainty"])
def test_a_task_of_weight_zero_is_removed(weighting: str) -> None:
    tasks = fl.MultiTask({"a": fl.mse, "b": fl.mae}, {"b": 0.0}, weighting)
    inputs = {"a": ([0.0], [2.0]), "b": ([1.0], [np.nan])}
    options = {"log_variances": {"a": 0.0, "b": 5.0}} if weighting == "uncertainty" else {}
    value, gradients, *slopes = tasks.value_and_gradient(inputs, **options)
    assert value == (2.0 if options else 4.0)
    assert gradients["b"].tolist() == [0.0]
    assert slopes == ([{"a": -1.5, "b": 0.0}] if options else [])


def test_numbers_that_are_not_finite_go_through() -> None:
    tasks = fl.MultiTask({"a": fl.mse, "b": fl.binary_cross_entropy})
    assert tasks({"a": ([0.0], [1.0]), "b": ([1], [0.0])}) == math.inf
    learnt = fl.MultiTask({"a": fl.mse}, weighting="uncertainty")
    inputs = {"a": ([0.0], [1.0])}
    assert math.isnan(learnt(inputs, log_variances={"a": math.nan}))
    value, gradients, slopes = learnt.value_and_gradient({"a": ([0.0, 1.0], [1.0, 1.0])}, log_variances={"a": -800.0})
    assert (value, slopes) == (math.inf, {"a": -math.inf})
    np.testing.assert_array_equal(gradients["a"], [np.inf, np.nan])
    # the factor of a large variance may vanish, which removes no task
    value, gradients, slopes = learnt.value_and_gradient(inputs, log_variances={"a": 800.0})
    assert (value, gradients["a"].tolist(), slopes) == (400.0, [0.0], {"a": 0.5})
    assert learnt(inputs, log_variances={"a": math.inf}) == math.inf
    half = learnt.gradient({"a": ([0.0], np.ones(1, np.float16))}, log_variances={"a": -60.0})[0]["a"]
    assert half.dtype == np.float16
    assert half.tolist() == [np.inf]
    assert learnt(inputs, log_variances={"a": np.float32(0.0)}) == 0.5
    assert learnt(inputs, log_variances={"a": np.zeros(1)}) == 0.5
    with pytest.raises(ValueError, match="mean of no samples"):
        tasks({"a": ([], []), "b": ([1], [0.5])})
    assert tasks({"a": ([], []), "b": ([1], [1.0])}, reduction="sum") == 0.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fl.MultiTask({}), TypeError, "losses must be a dict of a loss for each task, at least one; got {}."),
        (lambda: fl.MultiTask([fl.mse]), TypeError, "losses must be a dict of a loss for each task"),
        (lambda: fl.MultiTask({"a": fl.Huber}), TypeError, "losses must map names to losses; got 'a': <class"),
        (lambda: fl.MultiTask({"a": fl.Huber}), TypeError, "Make an instance."),
        (lambda: fl.MultiTask({1: fl.mse}), TypeError, "losses must map names to losses; got 1: SquaredError()."),
        (lambda: fl.MultiTask({"a": fl.MultiTask(LOSSES)}), TypeError, "losses must map names to losses; got 'a': MultiTask("),
        (lambda: fl.MultiTask(LOSSES, {"cost": 1.0}), ValueError,
         "weights must have the names of the tasks, price, sold and kind; 'cost' is none of them."),
        (lambda: fl.MultiTask(LOSSES, {"kind": -1}), ValueError, "MultiTask: weights['kind'] must be >= 0; got -1."),
        (lambda: fl.MultiTask(LOSSES, {"kind": math.nan}), ValueError, "weights['kind'] must be >= 0; got nan."),
        (lambda: fl.MultiTask(LOSSES, [1, 2, 3]), TypeError, "weights must be a dict by the names of the tasks"),
        (lambda: fl.MultiTask(LOSSES, weighting="learnt"), ValueError,
         "weighting must be \"fixed\" or \"uncertainty\"; got 'learnt'."),
    ],
)  # fmt: skip
def test_what_makes_no_tasks(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()


Y = ([1.0], [2.0])


@pytest.mark.parametrize(
    ("inputs", "options", "error", "message"),
    [
        ({"a": Y}, {}, ValueError, "inputs must have the names of the tasks, a and b; 'b' is missing."),
        ({"a": Y, "b": Y, "c": Y}, {}, ValueError, "inputs must have the names of the tasks, a and b; 'c' is none of them."),
        ([Y, Y], {}, TypeError, "inputs must be a dict by the names of the tasks, a and b; got [("),
        ({"a": Y, "b": np.zeros((2, 3))}, {}, TypeError,
         "inputs['b'] must be a tuple (y_true, y_pred), the inputs of Huber; got ndarray."),
        ({"a": Y, "b": (1.0,)}, {}, TypeError, "task 'b': Huber takes the inputs y_true, y_pred; y_pred missing."),
        ({"a": (*Y, 1.0), "b": Y}, {}, TypeError,
         "task 'a': SquaredError takes the inputs y_true, y_pred; got 3 positional ones."),
        ({"a": Y, "b": ([1.0], [2.0, 3.0])}, {}, ValueError, "task 'b': y_true and y_pred must have the same shape"),
        ({"a": Y, "b": (["x"], [1.0])}, {}, TypeError, "task 'b': y_true must hold real numbers"),
        ({"a": Y, "b": Y}, {"sample_weight": [-1.0]}, fl.InputError, "task 'a': sample_weight must be finite and not negative"),
        ({"a": Y, "b": Y}, {"sample_weight": {"c": [1.0]}}, ValueError,
         "sample_weight must have the names of the tasks, a and b; 'c'"),
        ({"a": Y, "b": Y}, {"reduction": "none"}, ValueError,
         'reduction must be "mean" or "sum": tasks may have different samples'),
        ({"a": Y, "b": Y}, {"log_variances": {"a": 0.0}}, TypeError, 'log_variances are those of weighting="uncertainty"'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(inputs: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    tasks = fl.MultiTask({"a": fl.mse, "b": fl.huber})
    for call in (tasks, tasks.gradient, tasks.value_and_gradient, tasks.gradient_and_hessian):
        with pytest.raises(error, match=re.escape(message)):
            call(inputs, **options)


@pytest.mark.parametrize(
    ("logarithms", "error", "message"),
    [
        (None, TypeError, "log_variances must be a dict by the names of the tasks, a; got None."),
        ({}, ValueError, "log_variances must have the names of the tasks, a; 'a' is missing."),
        ({"a": 0.0, "b": 0.0}, ValueError, "log_variances must have the names of the tasks, a; 'b' is none of them."),
        ({"a": [0.0, 1.0]}, ValueError, "log_variances['a'] must be one number; got shape (2,)."),
        ({"a": "x"}, TypeError, "log_variances['a'] must hold real numbers"),
    ],
)
def test_log_variances_are_checked(logarithms: Any, error: type[Exception], message: str) -> None:
    tasks = fl.MultiTask({"a": fl.mse}, weighting="uncertainty")
    with pytest.raises(error, match=re.escape(message)):
        tasks({"a": Y}, log_variances=logarithms)


def test_a_task_without_derivatives() -> None:
    tasks = fl.MultiTask({"a": fl.mse, "b": fl.zero_one})
    inputs = {"a": Y, "b": ([1], [0.7])}
    assert tasks(inputs) == 1.0
    with pytest.raises(fl.NotDifferentiableError, match="task 'b': ZeroOne has no gradient"):
        tasks.gradient(inputs)
