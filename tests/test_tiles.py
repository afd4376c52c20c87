"""Losses of rows against the rows of another matrix: right, the same bits everywhere, and without what does not count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from mpmath import mp, mpf
from oracle import error_in_ulp, every_tile_loss, parameters_of, promised
from references import REFERENCES
from samples import vectors_and_keys
from units import flat, same

import fastloss as fl
from fastloss import _core

LOSSES = every_tile_loss()
#: Rows, numbers in a vector, and keys: one of each, and on both sides of what tiles, groups and steps hold.
SHAPES = ((1, 1, 1), (3, 2, 5), (17, 130, 100), (129, 33, 300), (270, 257, 13))
STEP = mpf(10) ** -40


def exact_numbers(array: np.ndarray) -> list[Any]:
    rows = array.tolist()
    return rows if array.dtype.kind == "i" else [list(map(mpf, row)) if isinstance(row, list) else mpf(row) for row in rows]


def outputs(loss: Any, inputs: tuple[np.ndarray, ...], **options: Any) -> list[np.ndarray]:
    """The loss of each row, the gradients of their sum, and both reduced."""
    found = flat(loss.value_and_gradient(*inputs, reduction="none", **options))
    return found + flat(loss.value_and_gradient(*inputs, **options))


def moved(numbers: list[Any], at: tuple[int, ...], step: mpf) -> list[Any]:
    if len(at) == 1:
        return [*numbers[: at[0]], numbers[at[0]] + step, *numbers[at[0] + 1 :]]
    return [*numbers[: at[0]], moved(numbers[at[0]], at[1:], step), *numbers[at[0] + 1 :]]


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-3, 1.0, 8.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_errors_stay_below_the_promise(loss: Any, dtype: Any, size: float) -> None:
    """Values, and gradients by the first and the last number of each input, against the terms that they are sums of."""
    reference, parameters, names = REFERENCES[loss.name], parameters_of(loss), loss.signature.names
    for n, depth, keys in ((1, 1, 1), (3, 2, 5), (4, 19, 3)):
        inputs = vectors_and_keys(loss, n, depth, keys, dtype, size, seed=n)
        value, gradients = loss(*inputs, reduction="none"), flat(loss.gradient(*inputs, reduction="none"))
        with mp.workdps(120):
            exact = [exact_numbers(array) for array in inputs]
            term_of_value, term_of_gradient, _ = reference.terms
            true_values, terms = reference.value(*exact, **parameters), term_of_value(*exact, **parameters)
            for got, true, term in zip(value, true_values, terms, strict=True):
                error = error_in_ulp(got, true, dtype, term)
                assert error <= promised(loss, "value"), f"{error:.2f} ulp of {inputs}"
            for name, gradient in zip(loss.signature.differentiated, gradients, strict=True):
                which = names.index(name)
                for at in {(0,) * gradient.ndim, tuple(length - 1 for length in gradient.shape)}:
                    low, high = (
                        sum(reference.value(*exact[:which], moved(exact[which], at, h), *exact[which + 1 :], **parameters))
                        for h in (-STEP, STEP)
                    )
                    term = term_of_gradient(*exact, by=name, at=at, **parameters)
                    error = error_in_ulp(gradient[at], (high - low) / (2 * STEP), dtype, term)
                    assert error <= promised(loss, "gradient"), f"{error:.2f} ulp by {name}{at} of {inputs}"


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_same_bits_everywhere(loss: Any, shape: tuple[int, ...], dtype: Any) -> None:
    inputs = vectors_and_keys(loss, *shape, dtype)
    expected = outputs(loss, inputs)
    assert all(np.isfinite(array).all() for array in expected)
    assert same(flat(loss(*inputs, reduction="none")), expected[:1])
    assert same(flat(loss.gradient(*inputs, reduction="none")), expected[1 : len(expected) // 2])
    for name in _core.available_isas():
        with using_isa(name):
            assert same(outputs(loss, inputs), expected), name
    for team in each_team(1, 2, 7):
        assert same(outputs(loss, inputs), expected), team
    assert same(outputs(loss, tuple(map(np.asfortranarray, inputs))), expected)
    assert same(outputs(loss, tuple(np.repeat(x, 2, axis=-1)[..., ::2] for x in inputs)), expected)
    assert same(outputs(loss, tuple(x.astype(x.dtype.newbyteorder(">")) for x in inputs)), expected)
    # in place, and into memory of any layout
    copies = tuple(x.copy() for x in inputs)
    differentiated = tuple(x for x, item in zip(copies, loss.signature.inputs, strict=True) if item.differentiated)
    loss.gradient(*copies, out=differentiated if len(differentiated) > 1 else differentiated[0])
    assert same(list(differentiated), expected[len(expected) // 2 + 1 :])
    out = tuple(np.empty((*x.shape, 2), dtype)[..., 0] for x in differentiated)
    loss.gradient(*inputs, out=out if len(out) > 1 else out[0])
    assert same(list(out), expected[len(expected) // 2 + 1 :])


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_weights_and_reductions(loss: Any) -> None:
    """Sums are exact; a row of weight 0 is not there, neither for itself nor for others, even where it is no number."""
    inputs = vectors_and_keys(loss, 40, 9, 7, np.float64, 0.5)
    rows = [x.ndim and len(x) == 40 for x in inputs]
    w = np.random.default_rng(1).uniform(0.5, 2, 40)
    w[::4] = 0
    inputs = tuple(
        np.where((w == 0)[:, None], np.nan, x) if x.ndim == 2 and row else x for x, row in zip(inputs, rows, strict=True)
    )
    values = loss(*inputs, sample_weight=w, reduction="none")
    assert not values[::4].any()
    assert loss(*inputs, sample_weight=w, reduction="sum") == math.fsum(values)
    count = w if getattr(loss, "ignore_index", None) is None else np.where(inputs[0] == loss.ignore_index, 0, w)
    assert loss(*inputs, sample_weight=w) == math.fsum(values) / math.fsum(count)
    kept = tuple(x[w > 0] if row else x for x, row in zip(inputs, rows, strict=True))
    np.testing.assert_allclose(values[w > 0], loss(*kept, sample_weight=w[w > 0], reduction="none"), rtol=1e-13)
    for got, whole, x, row in zip(
        flat(loss.gradient(*inputs, sample_weight=w)),
        flat(loss.gradient(*kept, sample_weight=w[w > 0])),
        *zip(
            *((x, row) for x, row, item in zip(inputs, rows, loss.signature.inputs, strict=True) if item.differentiated),
            strict=True,
        ),
        strict=True,
    ):
        np.testing.assert_allclose(got[w > 0] if row else got, whole, rtol=1e-11, atol=1e-15)
        assert got.shape == x.shape
        if row:
            assert not got[::4].any()
    mean, total = loss.gradient(*kept), loss.gradient(*kept, reduction="sum")
    count = len(kept[0]) if getattr(loss, "ignore_index", None) is None else (kept[0] != loss.ignore_index).sum()
    for a, b in zip(flat(mean), flat(total), strict=True):
        np.testing.assert_allclose(a * count, b, rtol=1e-11, atol=1e-15)
    with pytest.raises(ValueError, match="sums to zero"):
        loss(*inputs, sample_weight=np.zeros(40))
    with pytest.raises(ValueError, match="sample_weight"):
        loss(*inputs, sample_weight=np.full(40, -1.0))
    heavy = loss(*kept, sample_weight=np.full(len(kept[0]), 1e308))
    assert heavy == pytest.approx(loss(*kept), rel=1e-13)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_nan_is_seen(loss: Any) -> None:
    inputs = vectors_and_keys(loss, 6, 4, 3, np.float32)
    place = next(k for k, x in enumerate(inputs) if x.ndim == 2)
    inputs[place][2, 1] = np.nan
    if loss.signature.inputs[0].forms[0].index:
        # not the one that may be ignored
        inputs[0][2] = 0
    values, gradients = loss.value_and_gradient(*inputs, reduction="none")
    assert np.isnan(values[2])
    assert all(np.isnan(array).any() for array in flat(gradients))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_half_precision_and_more_axes(dtype: Any) -> None:
    y, x, weight, bias = vectors_and_keys(fl.linear_cross_entropy, 12, 5, 4, dtype)
    expected = fl.linear_cross_entropy.value_and_gradient(
        y, *(a.astype(np.float32) for a in (x, weight, bias)), reduction="sum"
    )
    value, gradients = fl.linear_cross_entropy.value_and_gradient(
        y.reshape(3, 4), x.reshape(3, 4, 5), weight, bias, reduction="sum"
    )
    assert value == expected[0]
    assert gradients[0].shape == (3, 4, 5)
    for got, other in zip(gradients, expected[1], strict=True):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got.reshape(other.shape), other.astype(dtype))
    across = np.swapaxes(np.ascontiguousarray(np.swapaxes(x.reshape(3, 4, 5), 0, 1)), 0, 1)
    again = fl.linear_cross_entropy.value_and_gradient(y.reshape(3, 4), across, weight, bias, reduction="sum")
    assert same(flat(again), flat((value, gradients)))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_a_linear_layer_is_its_scores(smoothing: float) -> None:
    y, x, weight, bias = vectors_and_keys(fl.linear_cross_entropy, 300, 20, 1000, np.float64)
    y[::7] = -1
    loss = fl.LinearCrossEntropy(smoothing, -1)
    by_scores = fl.CategoricalCrossEntropy(from_logits=True, label_smoothing=smoothing, ignore_index=-1)
    value, g = by_scores.value_and_gradient(y, x @ weight.T + bias)
    got, gradients = loss.value_and_gradient(y, x, weight, bias)
    assert got == pytest.approx(value, rel=1e-13)
    for gradient, expected in zip(gradients, (g @ weight, g.T @ x, g.sum(axis=0)), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-13)
    without = loss.value_and_gradient(y, x, weight)
    assert len(without[1]) == 2
    assert same(flat(without), flat(loss.value_and_gradient(y, x, weight, bias=None)))
    zero = loss.value_and_gradient(y, x, weight, np.zeros(1000))
    assert same(flat(without), flat(zero)[:-1])


def test_errors_of_a_linear_layer_name_what_is_wrong() -> None:
    y, x, weight, bias = vectors_and_keys(fl.linear_cross_entropy, 6, 4, 3, np.float64)
    loss = fl.linear_cross_entropy
    with pytest.raises(ValueError, match=r"weight must have shape \(k, 4\), with k > 0, for x of shape \(6, 4\); got \(3, 3\)"):
        loss(y, x, weight[:, :3], bias)
    with pytest.raises(ValueError, match=r"bias must have shape \(3,\)"):
        loss(y, x, weight, bias[:2])
    with pytest.raises(ValueError, match=r"y_true must have shape \(6,\)"):
        loss(y[:5], x, weight, bias)
    with pytest.raises(ValueError, match=r"y_true holds class index 3 at row 2, outside \[0, 3\) for scores of shape"):
        loss(np.array([0, 1, 3, 0, 0, 7]), x, weight, bias)
    with pytest.raises(TypeError, match="weight missing"):
        loss(y, x)
    with pytest.raises(TypeError, match="weight must hold numbers; got None"):
        loss(y, x, None)
    with pytest.raises(ValueError, match="no samples"):
        loss(y[:0], x[:0], weight)
    assert loss(y[:0], x[:0], weight, reduction="sum") == 0.0
    assert not np.any(loss.gradient(y[:0], x[:0], weight, reduction="sum")[1])
    with pytest.raises(fl.NotDifferentiableError, match="LinearCrossEntropy has no Hessian"):
        loss.gradient_and_hessian(y, x, weight)
    with pytest.raises(TypeError, match="LinearCrossEntropy has no starting score"):
        loss.init_score(y)


def test_a_linear_layer_is_evaluated_batch_by_batch() -> None:
    y, x, weight, _ = vectors_and_keys(fl.linear_cross_entropy, 50, 6, 9, np.float32)
    ev = fl.Evaluation({"loss": fl.linear_cross_entropy})
    for i in range(0, 50, 17):
        ev.update(y[i : i + 17], x[i : i + 17], weight, sample_weight=np.arange(50.0)[i : i + 17])
    assert ev.result() == {"loss": fl.linear_cross_entropy(y, x, weight, sample_weight=np.arange(50.0))}


@pytest.mark.slow
def test_sums_of_single_precision_keep_their_digits() -> None:
    """Long sums of one sign, whose errors add up, against double precision."""
    y, x, weight, bias = vectors_and_keys(fl.linear_cross_entropy, 700, 1000, 400, np.float32, 0.05)
    x, weight = np.abs(x), np.abs(weight)
    single = fl.linear_cross_entropy(y, x, weight, bias, reduction="none")
    double = fl.linear_cross_entropy(y, *(a.astype(np.float64) for a in (x, weight, bias)), reduction="none")
    size = (x @ weight.T + np.abs(bias)).max(axis=1)
    assert (np.abs(single - double) <= 4 * np.spacing(np.maximum(size, double.astype(np.float32)))).all()


CONTRASTIVE = [fl.info_nce, fl.nt_xent, fl.supervised_contrastive]


@pytest.mark.parametrize("loss", CONTRASTIVE, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_directions_count(loss: Any, dtype: Any) -> None:
    """Vectors of any length, and of none: the documented value, and gradients that are numbers."""
    inputs = vectors_and_keys(loss, 12, 8, 3, dtype)
    value, gradients = loss.value_and_gradient(*inputs, reduction="none")
    for power in (-60, 60) if dtype == np.float32 else (-900, 900):
        scaled = tuple(x if x.ndim == 1 else np.ldexp(x, power) for x in inputs)
        again, others = loss.value_and_gradient(*scaled, reduction="none")
        np.testing.assert_array_equal(again, value)
        for a, b in zip(flat(gradients), flat(others), strict=True):
            np.testing.assert_array_equal(np.ldexp(a.astype(np.float64), -power), b.astype(np.float64))
    inputs[0][3] = 0
    value, gradients = loss.value_and_gradient(*inputs, reduction="none")
    assert np.isfinite(value).all()
    assert all(np.isfinite(array).all() for array in flat(gradients))
    assert not flat(gradients)[0][3].any()
    # all alike: each of the others is as likely
    same_way = tuple(np.ones_like(x) for x in inputs)
    others = {"info_nce": 12, "nt_xent": 23, "supervised_contrastive": 11}[loss.name]
    np.testing.assert_allclose(loss(*same_way, reduction="none"), np.log(others), rtol=1e-6)
    assert max(np.abs(array).max() for array in flat(loss.gradient(*same_way))) < 1e-6


def test_contrastive_losses_are_those_of_the_papers() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((2, 9, 5))
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    scores = u @ v.T / 0.1
    assert fl.info_nce(a, b) == pytest.approx(np.mean(np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)), rel=1e-12)
    views = np.concatenate([u, v])
    scores = views @ views.T / 0.5
    np.fill_diagonal(scores, -np.inf)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    other = np.roll(np.arange(18), 9)
    assert fl.NTXent(0.5)(a, b) == pytest.approx(-log_p[np.arange(18), other].mean(), rel=1e-12)
    labels = np.arange(18) % 9
    assert fl.SupervisedContrastive(0.5)(np.concatenate([a, b]), labels) == pytest.approx(fl.NTXent(0.5)(a, b), rel=1e-12)
    labels[:3] = 0
    same_label = (labels == labels[:, None]) & ~np.eye(18, dtype=bool)
    expected = [-log_p[i, same_label[i]].mean() if same_label[i].any() else 0.0 for i in range(18)]
    values, gradient = fl.SupervisedContrastive(0.5).value_and_gradient(np.concatenate([a, b]), labels - 3, reduction="none")
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert values.tolist().count(0.0) == 2
    assert np.isfinite(gradient).all()


def test_what_contrastive_losses_are_without() -> None:
    """One sample, labels that nobody shares, and what is wrong."""
    x = np.array([[1.0, 2.0]])
    for loss, inputs in ((fl.info_nce, (x, 2 * x)), (fl.nt_xent, (x, -x)), (fl.supervised_contrastive, (x, [7]))):
        value, gradients = loss.value_and_gradient(*inputs, reduction="none")
        assert value.tolist() == [0.0]
        assert not np.any(gradients)
    with pytest.raises(ValueError, match=r"labels must hold integers of 64 bits; got 0.5 at row 1"):
        fl.supervised_contrastive([[1.0], [2.0], [3.0]], [1.0, 0.5, 2.0])
    with pytest.raises(ValueError, match=r"query must have two axes, because all vectors are compared; got shape \(2, 3, 4\)"):
        fl.info_nce(np.ones((2, 3, 4)), np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match=r"key must have shape \(2, 3\), for query of shape \(2, 3\); got \(3, 3\)"):
        fl.info_nce(np.ones((2, 3)), np.ones((3, 3)))
    with pytest.raises(ValueError, match="temperature"):
        fl.NTXent(temperature=0.0)
