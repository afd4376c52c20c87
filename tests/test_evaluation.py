"""Evaluations of many losses: equal to separate calls, however the samples are cut and merged."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import LAYERS, using_layer
from hypothesis import given, settings
from hypothesis import strategies as st

import fastloss as fl
from fastloss import _core, bench
from fastloss.state import VERSION

N = 5000
ELEMENTS = {
    "mse": fl.mse,
    "rmse": fl.rmse,
    "huber": fl.Huber(delta=0.25),
    "quantile": fl.Quantile(alpha=0.9),
    "cauchy": fl.cauchy,
}
ROWS = {
    "nll": fl.CategoricalCrossEntropy(from_logits=True),
    "weighted": fl.CategoricalCrossEntropy(from_logits=True, class_weight=[1.0, 2.0, 0.5, 0.0], ignore_index=2),
    "focal": fl.CategoricalFocal(from_logits=True),
    "margin": fl.multi_margin,
}


def make(losses: dict[str, fl.Loss], dtype: Any = np.float64, n: int = N) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(11)
    weights = rng.integers(0, 4, n).astype(np.float64)
    if losses is ROWS:
        return rng.integers(0, 4, n), rng.standard_normal((n, 4)).astype(dtype), weights
    y_true = rng.standard_normal(n).astype(dtype)
    return y_true, y_true + rng.standard_normal(n).astype(dtype), weights


@pytest.mark.parametrize("losses", [ELEMENTS, ROWS], ids=["elements", "rows"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cuts", [(), (1,), (0, 1024, 1024, 3333)])
def test_equal_to_separate_calls_bit_for_bit(losses: Any, dtype: Any, weighted: bool, cuts: tuple[int, ...]) -> None:
    y_true, y_pred, weights = make(losses, dtype)
    expected = {name: loss(y_true, y_pred, sample_weight=weights if weighted else None) for name, loss in losses.items()}
    pieces = []
    for start, end in zip((0, *cuts), (*cuts, N), strict=True):
        ev = fl.Evaluation(losses)
        ev.update(y_true[start:end], y_pred[start:end], sample_weight=weights[start:end] if weighted else None)
        pieces.append(pickle.loads(pickle.dumps(ev)))
    merged = fl.Evaluation(losses)
    for ev in reversed(pieces):
        merged.merge(ev)
    assert merged.result() == expected
    assert merged.n_samples == N
    assert fl.evaluate(losses, y_true, y_pred, sample_weight=weights if weighted else None) == expected


@given(
    cuts=st.lists(st.integers(0, 300), max_size=6),
    order=st.randoms(use_true_random=False),
    threads=st.integers(1, 3),
    layer=st.sampled_from(LAYERS),
)
@settings(max_examples=60, deadline=None)
def test_cutting_and_merging_change_no_bit(cuts: list[int], order: Any, threads: int, layer: str) -> None:
    rng = np.random.default_rng(5)
    y_true, y_pred = np.ldexp(rng.standard_normal((2, 300)), rng.integers(-200, 200, 300))
    losses = {"mae": fl.mae, "rmse": fl.rmse, "log_cosh": fl.log_cosh}
    bounds = sorted({0, 300, *cuts})
    with using_layer(layer), fl.num_threads(threads):
        evs = [fl.Evaluation(losses).update(y_true[a:b], y_pred[a:b]) for a, b in pairwise(bounds)]
        while len(evs) > 1:
            i, j = order.sample(range(len(evs)), 2)
            evs[i].merge(evs[j])
            del evs[j]
    assert evs[0].result() == {name: loss(y_true, y_pred) for name, loss in losses.items()}


@pytest.mark.filterwarnings("ignore:the probabilities of y_pred must sum to 1")
def test_every_loss_can_be_evaluated() -> None:
    rng = np.random.default_rng(2)
    for name in fl.list_losses():
        loss = fl.get_loss(name)
        if loss.signature.plan == "tiles":
            # rows act on each other: test_tiles.py
            continue
        inputs = dict(zip(loss.inputs, bench.make_inputs(loss, "float64", 400), strict=True))
        n = 40 if "group" in inputs else len(inputs[loss.inputs[-1]])
        weights = rng.permutation(np.arange(float(n)))
        expected = loss(*inputs.values(), sample_weight=weights)
        ev = fl.Evaluation({name: loss}, reduction=loss.reductions[0])
        for first, last in ((0, 1), (1, n)):
            # a sample of a loss of groups is a group of ten
            items = slice(10 * first, 10 * last) if "group" in inputs else slice(first, last)
            part = {item: x[slice(first, last) if item == "group" else items] for item, x in inputs.items()}
            if loss.signature.plan == "sequences":
                # frames come first
                part["log_probs"] = inputs["log_probs"][:, first:last]
            ev.update(**part, sample_weight=weights[first:last])
        assert ev.result() == {name: expected}


def test_losses_of_elements_and_rows_over_the_same_predictions() -> None:
    y_true = np.eye(4)[np.random.default_rng(0).integers(0, 4, 50)]
    y_pred = np.random.default_rng(1).dirichlet(np.ones(4), 50)
    losses = {"nll": fl.categorical_cross_entropy, "brier": fl.brier, "hamming": fl.hamming}
    expected = {name: loss(y_true, y_pred) for name, loss in losses.items()}
    assert fl.evaluate(losses, y_true, y_pred) == expected


def test_inputs_by_name_go_where_they_belong() -> None:
    y, mean, var = np.arange(5.0), np.ones(5), np.full(5, 2.0)
    losses = {"mse": fl.mse, "nll": fl.gaussian_nll}
    ev = fl.Evaluation(losses).update(y, y_pred=mean, mean=mean, var=var)
    assert ev.result() == {"mse": fl.mse(y, mean), "nll": fl.gaussian_nll(y, mean, var)}
    with pytest.raises(TypeError, match="nll takes 3 inputs"):
        fl.Evaluation(losses).update(y, mean)
    with pytest.raises(TypeError, match="nll takes the inputs y_true, mean, var; var missing"):
        fl.Evaluation(losses).update(y, mean, mean=mean)
    with pytest.raises(TypeError, match="'spread' is an input of no loss here"):
        fl.Evaluation(losses).update(y, mean, spread=var)
    with pytest.raises(TypeError, match="'y_true' is given twice"):
        fl.Evaluation(losses).update(y, mean, y_true=y)


@pytest.mark.parametrize("y", [[1.0, 0.0, 1.0], np.array([1, 0, 1], np.int8), np.array([1.0, 9.0, 0.0, 9.0, 1.0])[::2]])
def test_anything_array_like_is_read_once(y: Any) -> None:
    assert fl.evaluate({"a": fl.mse, "b": fl.mae}, y, [0.5, 0.5, 0.0]) == {"a": 0.5, "b": 2 / 3}


def test_sums() -> None:
    ev = fl.Evaluation({"mae": fl.mae}, reduction="sum")
    assert ev.result() == {"mae": 0.0}
    assert ev.update([1.0], [3.0], sample_weight=[2.0]).result() == {"mae": 4.0}
    with pytest.raises(ValueError, match=r'reduction="mean" only'):
        fl.Evaluation({"rmse": fl.rmse}, reduction="sum")
    with pytest.raises(ValueError, match='"mean" or "sum"'):
        fl.Evaluation({"mae": fl.mae}, reduction="none")


def test_a_mean_of_nothing_is_an_error() -> None:
    ev = fl.Evaluation({"mae": fl.mae}).update([], [])
    with pytest.raises(ValueError, match="mae: the mean of no samples"):
        ev.result()
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        ev.update([1.0], [2.0], sample_weight=[0.0]).result()
    assert ev.update([1.0], [2.0]).result() == {"mae": 1.0}


def test_bad_input_adds_nothing() -> None:
    losses = {"brier": fl.brier, "nll": fl.binary_cross_entropy}
    ev = fl.Evaluation(losses).update([0, 1], [0.25, 0.5])
    before = pickle.dumps(ev)
    for y_true, y_pred, weights, message in (
        ([0, 1], [0.5, 1.5], None, "got 1.5 at index 1"),
        ([0, 2], [0.5, 0.5], None, "got 2 at index 1"),
        ([0, 1], [0.5, 0.5], [1, -1], "got -1 at index 1"),
        ([0, 1, 1], [0.5, 0.5], None, "same shape"),
        ([0, 1], [0.5, 0.5], [1, 1, 1], "shape of the losses"),
    ):
        with pytest.raises(ValueError, match=message):
            ev.update(y_true, y_pred, sample_weight=weights)
        assert pickle.dumps(ev) == before
    with pytest.raises(ValueError, match="class index 7 at row 1"):
        fl.evaluate(ROWS, [0, 7], np.zeros((2, 4)))


def test_what_is_wrong_under_weight_zero_does_not_count() -> None:
    losses = {"brier": fl.brier, "mae": fl.mae}
    assert fl.evaluate(losses, [0, 1], [np.nan, 1.0], sample_weight=[0, 1]) == {"brier": 0.0, "mae": 0.0}


def test_root_mean_square_at_the_ends_of_the_range() -> None:
    for dtype, size in ((np.float64, 1e200), (np.float64, 1e-200), (np.float32, 1e30), (np.float32, 1e-30)):
        y_pred = np.full(7, size, dtype)
        ev = fl.Evaluation({"rmse": fl.rmse}).update(np.zeros(3), y_pred[:3]).update(np.zeros(4), y_pred[3:])
        assert ev.result()["rmse"] == fl.rmse(np.zeros(7), y_pred) == pytest.approx(size, rel=1e-6)
    ev = fl.Evaluation({"rmse": fl.rmse}).update([1.0], np.float32([2]))
    with pytest.raises(ValueError, match="needs all predictions in one precision"):
        ev.update([1.0], [2.0])
    with pytest.raises(ValueError, match="needs all predictions in one precision"):
        ev.merge(ev.empty().update([1.0], [2.0]))
    assert fl.Evaluation([fl.mse]).update([1.0], np.float32([2])).update([1.0], [2.0]).result() == {"squared_error": 1.0}


def test_names() -> None:
    assert fl.evaluate(["huber", "mse"], [0.0], [1.0]) == {"huber": 0.5, "mse": 1.0}
    assert fl.evaluate(fl.mae, [0.0], [1.0]) == {"absolute_error": 1.0}
    for losses, error, message in (
        ({}, ValueError, "at least one"),
        ([fl.Huber(1.0), fl.Huber(2.0)], ValueError, "two losses are called 'huber'"),
        ({"a": fl.Huber}, TypeError, "Make an instance"),
        ({1: fl.huber}, TypeError, "must map names to losses"),
        (3, TypeError, "a dictionary of losses"),
        ({"a": "hubert"}, ValueError, "Did you mean huber"),
    ):
        with pytest.raises(error, match=message):
            fl.Evaluation(losses)


def test_only_like_is_merged() -> None:
    ev = fl.Evaluation({"a": fl.mae})
    with pytest.raises(ValueError, match="evaluate the same"):
        ev.merge(fl.Evaluation({"a": fl.mse}))
    with pytest.raises(ValueError, match="evaluate the same"):
        ev.merge(fl.Evaluation({"a": fl.mae}, reduction="sum"))
    with pytest.raises(TypeError, match="another one only"):
        ev.merge({"a": 1.0})


def test_the_state_is_small_and_has_a_version() -> None:
    ev = fl.Evaluation(ELEMENTS).update(*make(ELEMENTS)[:2])
    assert len(pickle.dumps(ev)) < 1300 * (len(ELEMENTS) + 2)
    assert pickle.loads(pickle.dumps(ev)).result() == ev.result()
    restore, (version, *parts) = ev._states["mse"].__reduce__()
    assert version == VERSION
    assert restore(version, *parts).result() == ev.result()["mse"]
    with pytest.raises(ValueError, match=rf"version {VERSION + 1} cannot be read"):
        restore(VERSION + 1, *parts)


def test_forged_states_are_refused() -> None:
    ev = fl.Evaluation(ELEMENTS).update(*make(ELEMENTS)[:2])
    restore, (losses, reduction, n_samples, states) = ev.__reduce__()

    def refused(message: str, **changed: Any) -> None:
        parts = {"losses": losses, "reduction": reduction, "n_samples": n_samples, "states": states} | changed
        with pytest.raises(ValueError, match=message):
            restore(*parts.values())

    refused("the number of samples of an evaluation must be an integer", n_samples=-1)
    refused("the number of samples of an evaluation must be an integer", n_samples=True)
    refused("the state of mse must be one of", states={})
    refused("the state of mse must be one of", states=states | {"mse": states["huber"]})
    refused("the state of huber must be one of", losses=losses | {"huber": fl.Huber(delta=7.0)})
    for name, slot, value in (
        ("rmse", "single", 7),
        ("rmse", "whole", False),
        ("mse", "sums", _core.Sums(5)),
        ("mse", "n", -1),
        ("mse", "whole", None),
    ):
        forged = states[name].empty()
        forged.add(states[name])
        setattr(forged, slot, value)
        refused("this is no state of", states=states | {name: forged})
    with pytest.raises(ValueError, match="not those of sums"):
        _core.Sums.from_bytes(b"\xff" * (2 * _core.SUM_BYTES))
    make_state, (version, cls, keywords, _) = states["mse"].__reduce__()
    with pytest.raises(ValueError, match="the state of a LossState has"):
        make_state(version, cls, keywords, {"n": 1})


def test_equal_sums_have_equal_bytes() -> None:
    a, b = _core.Sums(1), _core.Sums(1)
    for x in (1e300, -1.0, 2.0**-1074, 3.5):
        a.add(0, x)
    for x in (3.5, 2.0**-1074, 1e300, -1.0):
        part = _core.Sums(1)
        part.add(0, x)
        b.merge(part)
    assert a.to_bytes() == b.to_bytes()
    assert _core.Sums.from_bytes(a.to_bytes()).rounded(0) == b.rounded(0) == 1e300


def test_rows_of_predictions() -> None:
    """Zero-one loss of rows of scores, and the warning of rows that do not sum to 1, as outside of an evaluation."""
    rng = np.random.default_rng(0)
    t, p = rng.integers(0, 4, 300), rng.dirichlet(np.ones(4), 300)
    losses = {"wrong": fl.zero_one, "entropy": fl.categorical_cross_entropy}
    ev = fl.Evaluation(losses)
    for part in (slice(0, 7), slice(7, 300)):
        ev.update(t[part], p[part])
    assert ev.result() == {"wrong": fl.zero_one(t, p), "entropy": fl.categorical_cross_entropy(t, p)}
    assert ev.result()["wrong"] == np.mean(p.argmax(axis=1) != t)
    p[5] /= 2
    with pytest.warns(UserWarning, match=r"they sum to 0\.5 at row 5,") as caught:
        fl.Evaluation(losses).update(t, p)
    assert [item.filename for item in caught] == [__file__]
