"""Penalties, what they add up to, and losses with a penalty."""

from __future__ import annotations

import math
import operator
import pickle
import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from mpmath import mp, mpf
from oracle import error_in_ulp

import fastloss as fl
from fastloss import _core

PENALTIES = [fl.L1Penalty(0.3), fl.L2Penalty(0.7), fl.ElasticNet(1.5, l1_ratio=0.25), fl.L1L2Penalty(0.5, 1e-3)]
Y, P = np.array([1.0, 2.0, 3.0]), np.array([1.5, 4.0, 2.0])
T = np.array([[3.0, -1.0], [0.0, 0.5]])


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_penalty_is_an_exact_sum(penalty: fl.Penalty, dtype: Any) -> None:
    t = (np.random.default_rng(0).standard_normal((7, 5, 300)) * 10).astype(dtype)[:, ::2]
    parts = penalty(t, reduction="none")
    assert parts.shape == t.shape
    if dtype != np.float16:
        # of float16, parts are rounded when they are written
        assert penalty(t) == penalty(t, reduction="sum") == math.fsum(parts.ravel().tolist())
    value, gradient = penalty.value_and_gradient(t)
    assert value == penalty(t)
    assert (gradient.shape, gradient.dtype) == (t.shape, dtype)
    out = np.empty(t.shape)
    assert penalty.gradient(t, out=out) is out
    np.testing.assert_array_equal(out.astype(dtype), gradient)
    same = t.copy()
    penalty.gradient(same, out=same)
    np.testing.assert_array_equal(same, gradient)
    first, second = penalty.gradient_and_hessian(t)
    np.testing.assert_array_equal(first, gradient)
    np.testing.assert_array_equal(second, np.full(t.shape, penalty._strengths()[1], dtype))


def test_the_general_penalty_in_digits() -> None:
    """`L1L2Penalty` is made of others, and has no reference; a strength far below the other one stays."""
    t = np.array([1e-30, 0.5, -3.0, 1e10, -1e150])
    for l1, l2 in ((0.5, 1e-3), (1.0, 1e-30), (1e-30, 3.0)):
        penalty = fl.L1Penalty(l1) + fl.L2Penalty(l2)
        value, gradient = penalty(t, reduction="none"), penalty.gradient(t)
        with mp.workdps(60):
            for number, part, slope in zip(t.tolist(), value, gradient, strict=True):
                a = abs(mpf(number))
                assert error_in_ulp(part, mpf(l1) * a + mpf(l2) * a**2 / 2, np.float64) < 4
                assert error_in_ulp(slope, (mpf(l1) + mpf(l2) * a) * (1 if number > 0 else -1), np.float64) < 4


def test_parameters_that_are_nothing_zero_infinite_or_no_numbers() -> None:
    for penalty in PENALTIES:
        assert penalty([]) == penalty([], reduction="sum") == penalty(np.zeros((0, 3))) == 0.0
        assert penalty(np.zeros(5)) == 0.0
        assert penalty.gradient([0.0, -0.0]).tolist() == [0.0, 0.0]
        assert penalty([np.inf, 1.0]) == penalty([-np.inf]) == np.inf
        assert np.isnan(penalty([np.nan, 1.0]))
        assert np.isnan(penalty.gradient([np.nan, 1.0])).tolist() == [True, False]
        first, second = penalty.gradient_and_hessian(np.array([np.nan]))
        assert np.isnan([first, second]).all()
        assert isinstance(penalty(np.float64(2.0)), float)
        assert penalty.gradient(2.0).shape == ()
    assert fl.L1Penalty(2.0).gradient([np.inf, -np.inf]).tolist() == [2.0, -2.0]
    assert fl.L1Penalty().gradient_and_hessian([np.inf])[1].tolist() == [0.0]
    for penalty in (0.0 * item for item in PENALTIES):
        assert penalty([np.inf, 3.0]) == 0.0
        assert penalty.gradient([np.inf, 3.0]).tolist() == [0.0, 0.0]
        assert np.isnan(penalty([np.nan]))
    # a strength that vanishes in single precision
    assert fl.L1L2Penalty(1.0, 1e-60)(np.array([np.inf], np.float32)) == np.inf


def test_weights_of_parameters() -> None:
    t, w = np.array([1.0, -2.0, np.nan]), np.array([3.0, 1.0, 0.0])
    assert fl.l1_penalty(t, sample_weight=w) == 5.0
    assert fl.l2_penalty.gradient(t, sample_weight=w).tolist() == [3.0, -2.0, 0.0]


def test_elastic_nets_at_both_ends_are_the_other_two() -> None:
    t = np.random.default_rng(0).standard_normal(1001)
    for ratio, other in ((1.0, fl.L1Penalty(0.3)), (0.0, fl.L2Penalty(0.3))):
        net = fl.ElasticNet(0.3, l1_ratio=ratio)
        assert net(t) == other(t)
        np.testing.assert_array_equal(net.gradient_and_hessian(t), other.gradient_and_hessian(t))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_bits_everywhere(dtype: Any) -> None:
    t = (np.random.default_rng(0).standard_normal(50_001) * 3).astype(dtype)
    penalty = fl.L1L2Penalty(0.1, 0.7)
    value, gradient = penalty.value_and_gradient(t)
    for isa in _core.available_isas():
        with using_isa(isa):
            assert penalty(t) == value
            np.testing.assert_array_equal(penalty.gradient(t), gradient)
    for _ in each_team(1, 2, 7):
        assert penalty(t) == value
    assert penalty(t[::-1].copy()) == value


def test_a_penalty_has_no_mean() -> None:
    with pytest.raises(ValueError, match=r'^L2Penalty has reduction="sum" and reduction="none" only; got \'mean\'\.$'):
        fl.L2Penalty()([1.0], reduction="mean")
    assert fl.evaluate({"p": fl.L2Penalty()}, [1.0, 2.0], reduction="sum") == {"p": 2.5}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.L1Penalty(-1), "L1Penalty: strength must be >= 0; got -1."),
        (lambda: fl.L2Penalty(math.nan), "L2Penalty: strength must be >= 0; got nan."),
        (lambda: fl.ElasticNet(l1_ratio=1.5), "ElasticNet: l1_ratio must lie in [0, 1]; got 1.5."),
        (lambda: fl.L1L2Penalty(l2=math.inf), "L1L2Penalty: l2 must be >= 0; got inf."),
        (lambda: -2.0 * fl.L2Penalty(), "L2Penalty: strength must be >= 0; got -2.0."),
        (lambda: -fl.ElasticNet(), "ElasticNet: strength must be >= 0; got -1.0."),
        (lambda: fl.L2Penalty(1e308) * 10, "L2Penalty: strength must be >= 0; got inf."),
    ],
)
def test_parameters_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


# ---- sums and multiples ------------------------------------------------------------------------------------------


def test_strengths_add_up() -> None:
    assert fl.L1Penalty(0.5) + fl.L1Penalty(0.25) == fl.L1Penalty(0.75)
    assert fl.L2Penalty(0.5) + fl.L2Penalty(0.25) == fl.L2Penalty(0.75)
    assert fl.L1Penalty(0.5) + fl.L2Penalty(0.25) == fl.L2Penalty(0.25) + fl.L1Penalty(0.5) == fl.L1L2Penalty(0.5, 0.25)
    assert fl.ElasticNet(2.0, l1_ratio=0.25) + fl.L1Penalty(1.0) == fl.L1L2Penalty(1.5, 1.5)
    assert fl.ElasticNet(2.0, l1_ratio=1.0) + fl.L1Penalty(1.0) == fl.L1Penalty(3.0)
    assert fl.L1L2Penalty(1.0, 2.0) + fl.L1L2Penalty(0.0, 1.0) == fl.L1L2Penalty(1.0, 3.0)
    assert (fl.L1Penalty(0.5) + fl.L2Penalty(0.25))(T) == pytest.approx(fl.L1Penalty(0.5)(T) + fl.L2Penalty(0.25)(T), rel=1e-15)


def test_multiples() -> None:
    for penalty in PENALTIES:
        for twice in (2.0 * penalty, penalty * 2, np.float64(2) * penalty, penalty * np.float32(2), np.int64(2) * penalty):
            assert type(twice) is type(penalty)
            assert twice(T) == 2 * penalty(T)
        assert (penalty / 2)(T) == penalty(T) / 2
        assert sum([penalty, penalty, penalty])(T) == pytest.approx(3 * penalty(T), rel=1e-15)
    assert fl.L1L2Penalty(3.0, 2.0) - fl.ElasticNet(2.0) == fl.L1L2Penalty(2.0, 1.0)
    with pytest.raises(ValueError, match="L2Penalty: strength must be >= 0; got -1"):
        fl.L2Penalty(1.0) - fl.L2Penalty(2.0)
    with pytest.raises(TypeError, match="unsupported operand"):
        fl.L1Penalty() * None
    with pytest.raises(TypeError, match="unsupported operand"):
        fl.L1Penalty() + 1.0


# ---- a loss with a penalty -------------------------------------------------------------------------------------------


def test_a_loss_plus_a_penalty_is_a_value() -> None:
    objective = fl.Huber() + fl.L2Penalty(1e-3)
    assert objective == fl.L2Penalty(1e-3) + fl.Huber() == fl.PenalizedLoss(fl.Huber(), fl.L2Penalty(1e-3))
    assert repr(objective) == "PenalizedLoss(loss=Huber(delta=1.0), penalty=L2Penalty(strength=0.001))"
    assert eval(repr(objective), vars(fl)) == objective
    assert pickle.loads(pickle.dumps(objective)) == objective
    assert len({objective, fl.huber + fl.L2Penalty(1e-3), fl.huber + fl.L2Penalty()}) == 2
    assert objective + fl.L1Penalty() == fl.L1Penalty() + objective == fl.huber + fl.L1L2Penalty(1.0, 1e-3)
    assert objective.inputs == ("y_true", "y_pred", "parameters")
    with pytest.raises(FrozenInstanceError):
        objective.loss = fl.mse


def test_sums_and_multiples_are_those_of_both_parts() -> None:
    huber, other, penalty = fl.Huber(), fl.LogCosh(), fl.L1Penalty(0.5)
    for objective in (huber + other + penalty, huber + penalty + other, penalty + huber + other, huber + (other + penalty)):
        assert objective == fl.PenalizedLoss(fl.WeightedSum([(1.0, huber), (1.0, other)]), penalty)
    assert (huber + penalty) + (other + fl.L2Penalty(2.0)) == huber + other + fl.L1L2Penalty(0.5, 2.0)
    assert 2.0 * (huber + penalty) == (huber + penalty) * 2 == fl.PenalizedLoss(2.0 * huber, fl.L1Penalty(1.0))
    assert sum([huber, penalty, other, penalty]) == huber + other + 2 * penalty
    assert penalty - huber == fl.PenalizedLoss(-huber, penalty)
    assert (0.7 * huber + penalty)(Y, P, T) == (0.7 * huber)(Y, P) + penalty(T)
    with pytest.raises(TypeError, match="losses must take the same inputs"):
        huber - penalty


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("weights", [None, [1.0, 0.0, 2.0]])
def test_it_gives_what_both_parts_give(penalty: fl.Penalty, reduction: str, weights: Any) -> None:
    loss, objective = fl.LogCosh(), fl.LogCosh() + penalty
    options = {"sample_weight": weights, "reduction": reduction}
    cost = loss(Y, P, **options) + penalty(T)
    assert objective(Y, P, T, **options) == objective(y_true=Y, parameters=T, y_pred=P, **options) == cost
    expected = loss.gradient(Y, P, **options), penalty.gradient(T)
    for got in (objective.gradient(Y, P, T, **options), objective.value_and_gradient(Y, P, T, **options)[1]):
        assert isinstance(got, tuple)
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    assert objective.value_and_gradient(Y, P, T, **options)[0] == cost
    first, second = objective.gradient_and_hessian(Y, P, T, **options)
    for got, place in ((first, 0), (second, 1)):
        np.testing.assert_array_equal(got[0], loss.gradient_and_hessian(Y, P, **options)[place])
        np.testing.assert_array_equal(got[1], penalty.gradient_and_hessian(T)[place])


def test_losses_of_other_inputs() -> None:
    rng = np.random.default_rng(0)
    vectors, w = rng.standard_normal((3, 4, 5)), rng.standard_normal(6)
    objective = fl.TripletMargin() + fl.L1Penalty(0.5)
    assert objective.inputs == ("anchor", "positive", "negative", "parameters")
    gradients = objective.gradient(*vectors, w)
    assert [g.shape for g in gradients] == [(4, 5)] * 3 + [(6,)]
    for got, wanted in zip(gradients, fl.TripletMargin().gradient(*vectors), strict=False):
        np.testing.assert_array_equal(got, wanted)
    # what may be left out comes last
    keys, labels = rng.standard_normal((3, 5)), np.array([0, 2, 1, 1])
    objective = fl.LinearCrossEntropy() + fl.L2Penalty(0.5)
    assert objective(labels, vectors[0], keys, w, bias=np.ones(3)) == (
        fl.LinearCrossEntropy()(labels, vectors[0], keys, np.ones(3)) + fl.L2Penalty(0.5)(w)
    )
    z = rng.standard_normal((4, 3))
    nll = fl.CategoricalCrossEntropy(from_logits=True)
    assert (nll + fl.L2Penalty())(labels, z, w) == nll(labels, z) + fl.L2Penalty()(w)


def test_out_of_a_loss_with_a_penalty() -> None:
    objective = fl.Huber() + fl.L2Penalty(0.1)
    expected = objective.gradient_and_hessian(Y, P, T)
    g, gt, h, ht = np.empty(3), np.empty((2, 2)), np.empty(3, np.float32), np.empty((2, 2))
    for out in (((g, gt), (h, ht)), (g, gt, h, ht)):
        first, second = objective.gradient_and_hessian(Y, P, T, out=out)
        assert first[0] is g
        assert second[1] is ht
        np.testing.assert_array_equal(np.concatenate([g, gt.ravel(), ht.ravel()]), np.concatenate(
            [expected[0][0], expected[0][1].ravel(), expected[1][1].ravel()]
        ))  # fmt: skip
    made = objective.gradient(Y, P, T, out=(None, gt))
    assert made[1] is gt
    p, t = P.copy(), T.copy()
    assert objective.value_and_gradient(Y, p, t, out=(p, t))[0] == objective(Y, P, T)
    np.testing.assert_array_equal(p, expected[0][0])
    np.testing.assert_array_equal(t, expected[0][1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g, gt: g, "out must hold 2 arrays (gradient of y_pred, gradient of parameters); got 1."),
        (lambda g, gt: (g, gt, gt), "out must hold 2 arrays (gradient of y_pred, gradient of parameters); got 3."),
        (lambda g, gt: (g, gt[0]), "out[1], the gradient of parameters, must have shape (2, 2); got (2,)."),
        (lambda g, gt: (g, gt.astype(int)), "out[1], the gradient of parameters, must have a floating dtype"),
        (lambda g, gt: (g[:2], gt), "out[0], the gradient of y_pred, must have shape (3,); got (2,)."),
        (lambda g, gt: (gt.ravel()[:3], gt), "out[1], the gradient of parameters, overlaps another output."),
    ],
)
def test_a_bad_out_is_refused_before_anything_is_written(make: Any, message: str) -> None:
    g, gt = np.full(3, 7.0), np.full((2, 2), 7.0)
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        (fl.huber + fl.l2_penalty).gradient(Y, P, T, out=make(g, gt))
    assert (g == 7).all()
    assert (gt == 7).all()


def test_the_parts_may_not_overwrite_each_other() -> None:
    memory = np.arange(6.0)
    y, p, t = np.zeros(3), memory[:3], memory[3:]
    objective = fl.huber + fl.l2_penalty
    for out in ((None, p), (None, y), (t, None), (p, y)):
        with pytest.raises(
            ValueError, match=r"^out\[\d\] is an input of the other part of the objective. Use memory of its own"
        ):
            objective.gradient(y, p, t, out=out)
    for out in ((None, memory[1:4]), (memory[2:5], None)):
        with pytest.raises(ValueError, match=r"^out\[\d\], the gradient of \w+, overlaps (y_pred|parameters) in part"):
            objective.gradient(y, p, t, out=out)
    assert memory.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    weights = np.ones(3)
    with pytest.raises(ValueError, match=r"^out\[1\] is an input of the other part"):
        objective.gradient(y, p, t, sample_weight=weights, out=(np.empty(3), weights))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda o: o(Y, P), TypeError, "PenalizedLoss takes the inputs y_true, y_pred, parameters; parameters missing."),
        (lambda o: o(Y, P, T, T), TypeError, "takes the inputs y_true, y_pred, parameters; got 4 positional ones."),
        (lambda o: o(Y, P, T, weight=T), TypeError, "got 'weight' by name."),
        (lambda o: o(Y, P, T, reduction="none"), ValueError, 'reduction must be "mean" or "sum": a penalty belongs to no'),
        (lambda o: o(Y, P[:2], T), ValueError, "y_true and y_pred must have the same shape"),
        (lambda o: o(Y, P, ["a"]), TypeError, "parameters must hold real numbers"),
        (lambda o: o([], [], T), ValueError, "the mean of no samples is undefined"),
        (lambda o: fl.PenalizedLoss(fl.L1Penalty(), fl.L1Penalty()), TypeError, "loss must be a loss of predictions; got L1"),
        (lambda o: fl.PenalizedLoss(fl.huber, fl.huber), TypeError, "must be a penalty, such as L2Penalty(); got Huber"),
        (lambda o: fl.PenalizedLoss(fl.Huber, fl.L1Penalty()), TypeError, "loss must be a loss of predictions; got <class"),
        (lambda o: operator.add(o, 1.0), TypeError, "unsupported operand"),
        (lambda o: (fl.ZeroOne() + fl.L1Penalty()).gradient(Y, P, T), fl.NotDifferentiableError, "ZeroOne has no gradient"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call(fl.huber + fl.L2Penalty())


def test_penalties_by_name() -> None:
    assert fl.list_losses("composite") == ["elastic_net", "l1_penalty", "l2_penalty"]
    assert fl.get_loss("elastic_net", strength=2.0, l1_ratio=0.1) == fl.ElasticNet(2.0, 0.1)
    assert fl.get_loss("l1_l2_penalty", l1=2.0) == fl.L1L2Penalty(2.0, 1.0)
    assert all(isinstance(fl.get_loss(name), fl.Penalty) for name in fl.list_losses("composite"))


def test_a_loss_with_a_penalty_is_divided() -> None:
    assert (fl.mse + fl.l2_penalty) / 4 == 0.25 * (fl.mse + fl.l2_penalty)
    with pytest.raises(TypeError, match="unsupported operand"):
        (fl.mse + fl.l2_penalty) / "4"


def test_derivatives_by_strengths() -> None:
    t = np.array([1.0, -3.0, 0.0, 0.5])
    size, squares = np.abs(t).sum(), (t**2).sum() / 2
    assert fl.L1Penalty(0.3).parameter_gradient(t) == {"strength": size}
    assert fl.L2Penalty(0.3).parameter_gradient(t) == {"strength": squares}
    assert fl.ElasticNet(2.0, 0.25).parameter_gradient(t) == {
        "strength": 0.25 * size + 0.75 * squares,
        "l1_ratio": 2.0 * size - 2.0 * squares,
    }
    assert (fl.L1Penalty(0.3) + fl.L2Penalty()).parameter_gradient(t, sample_weight=[1, 0, 1, 1]) == {"l1": 1.5, "l2": 0.625}
    with pytest.raises(ValueError, match="reduction"):
        fl.L1Penalty().parameter_gradient(t, reduction="mean")


def test_a_loss_of_several_parts_has_a_penalty_and_writes_into_arrays() -> None:
    rng = np.random.default_rng(0)
    pictures, codes, weights = rng.random((2, 4, 3)), rng.normal(size=(2, 4, 2)), rng.normal(size=5)
    cost = fl.vae + fl.l2_penalty
    out = tuple(np.empty_like(array) for array in (pictures[1], *codes, weights))
    found = cost.gradient(*pictures, *codes, weights, out=out)
    for array, expected in zip(found, cost.gradient(*pictures, *codes, weights), strict=True):
        np.testing.assert_array_equal(array, expected)
    maps = [rng.random((2, 3, 4))]
    with pytest.raises(TypeError, match="lists of maps"):
        (fl.gram_style + fl.l2_penalty).gradient(maps, maps, weights, out=(maps[0].copy(), weights.copy()))
