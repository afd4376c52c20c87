"""Losses of rows: errors, labels of all kinds, layouts, the same bits everywhere."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from oracle import every_unit_loss
from references import REFERENCES
from samples import rows_of_scores

import fastloss as fl
from fastloss import _core

WIDTHS = [1, 2, 3, 10, 64, 130, 256, 257, 1031, 8192]

EVERY = every_unit_loss("classes")
# Rows of probabilities here are made to be difficult, not to sum to 1.
pytestmark = pytest.mark.filterwarnings("ignore:the probabilities of y_pred must sum to 1")


def outputs(loss: Any, y_true: Any, y_pred: np.ndarray, **options: Any) -> list[np.ndarray]:
    value, gradient = loss.value_and_gradient(y_true, y_pred, reduction="none", **options)
    return [value, gradient, loss.gradient_and_hessian(y_true, y_pred, reduction="none", **options)[1]]


def predictions(loss: Any, width: int, n: int, dtype: Any = np.float32) -> np.ndarray:
    z = rows_of_scores(width, n, np.float64, seed=3)
    return (z if loss.from_logits else np.exp(-np.abs(z))).astype(dtype)


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_same_bits_everywhere(loss: Any, width: int) -> None:
    """Instruction sets, threads, the position of a row, its neighbours, layouts."""
    n = 70 if width < 1000 else 5
    rng = np.random.default_rng(4)
    z, t = predictions(loss, width, n), rng.integers(0, width, n)
    expected = outputs(loss, t, z)
    for name in _core.available_isas():
        with using_isa(name):
            assert same(outputs(loss, t, z), expected)
    assert same(outputs(loss, t, np.asfortranarray(z)), expected)
    wide = np.zeros((2 * n, 2 * width), z.dtype)
    wide[::2, ::-2] = z
    assert same(outputs(loss, t, wide[::2, ::-2]), expected)
    assert same(outputs(loss, t[::-1], z[::-1]), [x[::-1] for x in expected])
    assert same(outputs(loss, t.astype(">i4"), z.astype(">f4")), expected)
    for i in (0, 1, n - 1):
        assert same(outputs(loss, t[i : i + 1], z[i : i + 1]), [x[i : i + 1] for x in expected])
        assert same([np.asarray(x) for x in outputs(loss, t[i], z[i])], [x[i] for x in expected])


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_threads(loss: Any) -> None:
    z, t = predictions(loss, 10, 30_000), np.arange(30_000) % 10

    def everything() -> list[np.ndarray]:
        return [*outputs(loss, t, z), np.array(loss(t, z)), *loss.value_and_gradient(t, z)]

    with fl.num_threads(1):
        expected = everything()
    for team in each_team(2, 7):
        assert same(everything(), expected), team


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_reductions_and_weights(loss: Any) -> None:
    n = 211
    z, t = predictions(loss, 5, n, np.float64), np.arange(n) % 5
    w = np.random.default_rng(5).uniform(0, 2, n)
    w[::4] = 0
    z[4] = np.nan
    value, gradient, hessian = outputs(loss, t, z, sample_weight=w)
    assert loss(t, z, w, reduction="sum") == math.fsum(value)
    assert loss(t, z, w) == math.fsum(value) / math.fsum(w)
    assert not gradient[::4].any()
    assert not hessian[::4].any()
    mean, scaled = loss.value_and_gradient(t, z, w)
    assert mean == loss(t, z, w)
    np.testing.assert_allclose(scaled * w.sum(), gradient, rtol=1e-14, atol=1e-300)
    # where the terms of a Hessian cancel, scaling them first may leave something else
    changes_sign = REFERENCES[loss.name].changes_sign
    atol = 1e-14 * np.nanmax(np.abs(gradient), axis=1, keepdims=True) if changes_sign else 1e-300
    finite = np.isfinite(hessian)
    difference = np.abs(loss.gradient_and_hessian(t, z, w)[1][finite] * w.sum() - hessian[finite])
    assert (difference <= 1e-14 * np.abs(hessian[finite]) + np.broadcast_to(atol, z.shape)[finite]).all()
    out = (np.empty((5, n)).T, np.empty((n, 5), np.float32))
    g, h = loss.gradient_and_hessian(t, z, w, out=out)
    assert g is out[0]
    np.testing.assert_array_equal(g, scaled)
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_array_equal(h, loss.gradient_and_hessian(t, z, w)[1].astype(np.float32))
    # in place
    copy = z.copy()
    loss.gradient(t, copy, w, out=copy)
    np.testing.assert_array_equal(copy, scaled)


def test_class_weights_count_in_the_mean() -> None:
    z, t = rows_of_scores(3, 40, np.float64), np.arange(40) % 3
    c = np.array([1.0, 0.25, 3.0])
    loss = fl.CategoricalCrossEntropy(from_logits=True, class_weight=c)
    plain = fl.CategoricalCrossEntropy(from_logits=True)
    expected = np.sum(c[t] * plain(t, z, reduction="none")) / np.sum(c[t])
    assert loss(t, z) == pytest.approx(expected, rel=1e-15)
    assert loss(np.eye(3)[t], z) == loss(t, z)
    np.testing.assert_array_equal(loss.gradient(np.eye(3)[t], z), loss.gradient(t, z))
    np.testing.assert_allclose(loss.gradient(t, z), plain.gradient(t, z, sample_weight=c[t]), rtol=1e-14)
    assert loss == fl.CategoricalCrossEntropy(from_logits=True, class_weight=(1.0, 0.25, 3.0))
    with pytest.raises(ValueError, match="class_weight holds 3 numbers for y_pred of 2 classes"):
        loss(t, z[:, :2])
    for bad in ([1.0, -1.0], [np.nan], [[1.0]], "abc", []):
        with pytest.raises(ValueError, match="class_weight must hold one number >= 0 for each class"):
            fl.CategoricalCrossEntropy(class_weight=bad)


def test_ignored_rows_count_for_nothing() -> None:
    z, t = rows_of_scores(3, 40, np.float64), np.arange(40) % 3
    loss = fl.CategoricalCrossEntropy(from_logits=True, ignore_index=-100, label_smoothing=0.1)
    kept = t != 1
    labels = np.where(kept, t, -100)
    z[~kept] = np.nan
    assert loss(labels, z) == loss(t[kept], z[kept])
    gradient, hessian = loss.gradient_and_hessian(labels, z)
    np.testing.assert_array_equal(gradient[kept], loss.gradient(t[kept], z[kept]))
    assert not gradient[~kept].any()
    assert not hessian[~kept].any()
    assert loss(np.full(40, -100), z, reduction="sum") == 0.0
    with pytest.raises(ValueError, match="the labels of all rows are ignored"):
        loss(np.full(40, -100), z)
    with pytest.raises(ValueError, match="the labels of all rows are ignored"):
        loss.gradient(np.full(40, -100), z)
    with pytest.raises(ValueError, match="ignore_index must be an integer"):
        fl.CategoricalCrossEntropy(ignore_index=1.5)


def test_a_confident_row_keeps_its_digits() -> None:
    z = np.array([[60.0, 0.0]])
    true = 8.75651076269652033848907e-27
    loss = fl.CategoricalCrossEntropy(from_logits=True)
    assert loss([0], z) == true
    np.testing.assert_allclose(loss.gradient([0], z), [[-true, true]], rtol=4e-16)
    assert loss([1], z) == 60.0
    assert fl.CategoricalCrossEntropy(from_logits=True)([0], np.array([[700.0, -700.0]])) == 0.0
    assert loss([1], [[700.0, -700.0]]) == 1400.0
    # the sum would be frozen by a maximum that starts at 0
    np.testing.assert_allclose(loss.gradient([0], np.full((1, 4), -200.0)), [[-0.75, 0.25, 0.25, 0.25]], rtol=1e-15)


def test_infinite_scores() -> None:
    inf = np.inf
    loss = fl.CategoricalCrossEntropy(from_logits=True)
    z = np.array([[0.0, -inf, 0.0]])
    assert loss([0], z) == pytest.approx(np.log(2), rel=1e-15)
    assert loss([[0.5, 0.0, 0.5]], z) == pytest.approx(np.log(2), rel=1e-15)
    assert loss([1], z) == inf
    np.testing.assert_array_equal(loss.gradient([0], z), [[-0.5, 0.0, 0.5]])
    assert np.isnan(loss([0], [[-inf, -inf]]))
    for smoothed in (
        fl.CategoricalFocal(from_logits=True),
        fl.GeneralizedCrossEntropy(from_logits=True),
        fl.poly_cross_entropy,
    ):
        for y_true in ([0], [[1.0, 0.0, 0.0]]):
            assert np.isfinite(smoothed(y_true, z))
            assert np.isfinite(smoothed.gradient_and_hessian(y_true, z)).all()


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_nan_stays_in_its_row(loss: Any) -> None:
    z, t = predictions(loss, 4, 9, np.float64), np.arange(9) % 4
    z[5, t[5]] = np.nan
    for given in (t, np.eye(4)[t]):
        if given.ndim == 2 and loss.indices_only:
            continue
        value, gradient, hessian = outputs(loss, given, z)
        assert np.isnan(value[5])
        assert np.isnan(gradient[5, t[5]])
        assert np.isnan(hessian[5, t[5]])
        for array in (value, gradient, hessian):
            assert not np.isnan(np.delete(array, 5, axis=0)).any()


BAD_LABELS = [
    (np.array([0, 7]), "y_true holds class index 7 at row 1, outside [0, 3) for y_pred of shape (2, 3)."),
    (np.array([-1, 0]), "y_true holds class index -1 at row 0, outside [0, 3)"),
    (np.array([2**31, 0]), "y_true holds class index 2147483648 at row 0"),
    (np.array([-(2**63), 0]), "y_true holds class index -9223372036854775808 at row 0"),
    (np.array([2**64 - 1, 0], np.uint64), "y_true holds class index 18446744073709551615 at row 0"),
    (np.array([1.5, 0]), "y_true must hold class indices for y_pred of shape (2, 3); got 1.5 at row 0."),
    (np.array([np.nan, 0]), "y_true must hold class indices for y_pred of shape (2, 3); got nan at row 0."),
    (np.array([1e300, 0]), "y_true holds class index 1e+300 at row 0"),
]


@pytest.mark.parametrize(("labels", "message"), BAD_LABELS, ids=lambda x: x if isinstance(x, str) else "")
@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_bad_labels(loss: Any, labels: np.ndarray, message: str) -> None:
    z = np.full((2, 3), 1 / 3)
    for call in (loss, loss.gradient, loss.value_and_gradient, loss.gradient_and_hessian):
        for reduction in ("mean", "none"):
            with pytest.raises(ValueError, match="^" + re.escape(message)):
                call(labels, z, reduction=reduction)
    good = loss(np.array([1.0, 2.0]), z)
    assert good == loss(np.array([1, 2], np.int8), z)
    # a row that weighs nothing is not looked at
    assert np.isfinite(loss(labels, z, sample_weight=(labels >= 0) & (labels < 3) & (labels != 1.5)))


def test_bad_shapes_and_probabilities() -> None:
    loss = fl.categorical_cross_entropy
    p = np.full((2, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"y_pred must lie in \[0, 1\].*got 2.31 at index \(0, 1\). Pass from_logits=True"):
        loss([0, 1], [[0.2, 2.31, 0.1], [0.1, 0.1, 0.1]])
    with pytest.raises(ValueError, match=r"y_true must lie in \[0, 1\].*got -0.5 at index \(0, 0\)"):
        loss([[-0.5, 1.5, 0.0], [0, 0, 1]], p)
    with pytest.raises(ValueError, match=r"y_true must have shape \(2,\) for class indices, or \(2, 3\) for a distribution"):
        loss([0, 1, 2], p)
    with pytest.raises(ValueError, match=r"Pass y_true\[\.\.\., 0\]"):
        loss([[0], [1]], p)
    with pytest.raises(ValueError, match="CategoricalCrossEntropy takes distributions"):
        fl.sparse_categorical_cross_entropy(np.eye(3)[:2], p)
    with pytest.raises(ValueError, match="y_pred must have an axis of classes"):
        loss(0, 0.5)
    with pytest.raises(ValueError, match="at least one class"):
        loss(np.zeros(2, int), np.zeros((2, 0)))
    assert loss(np.zeros(0, int), np.zeros((0, 3)), reduction="sum") == 0.0
    with pytest.raises(ValueError, match="the mean of no samples"):
        loss(np.zeros(0, int), np.zeros((0, 3)))


def warned(call: Any) -> str:
    """The only warning that a call gives; an empty string for none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert len(caught) <= 1
    assert all(item.category is UserWarning and item.filename == __file__ for item in caught)
    return str(caught[0].message) if caught else ""


SUMMED = [
    *(loss for loss in EVERY if not loss.from_logits),
    fl.kl_divergence,
    fl.KLDivergence(log_target=True),
    fl.jensen_shannon,
]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 2, 3, 10, 130, 1031])
@pytest.mark.parametrize("loss", SUMMED, ids=repr)
def test_rows_that_do_not_sum_to_one(loss: Any, width: int, dtype: Any) -> None:
    """One warning, of the first such row that counts, and the result all the same."""
    n = 150 if width < 1000 else 5
    p = np.random.default_rng(0).dirichlet(np.ones(width), n).astype(dtype)
    t = np.eye(width)[np.arange(n) % width] if not loss.signature.labels else np.arange(n) % width
    t = t - 30.0 if getattr(loss, "log_target", False) else t
    calls = [
        lambda: loss(t, p),
        lambda: loss.gradient_and_hessian(t, p, reduction="none"),
        lambda: loss.value_and_gradient(t, p, w),
        lambda: loss.gradient(t, p, w, out=p.copy()),
        lambda: loss.gradient(t, copy, out=copy),
    ]
    w, copy = np.ones(n), p.copy()
    assert [warned(call) for call in calls] == [""] * 5
    inside, beyond = (size * float(np.finfo(dtype).eps) ** 0.5 for size in (0.5, 3))
    where = n - 2
    largest = int(np.argmax(p[where]))
    before = float(p[where, largest])
    # towards the middle, so that it stays a probability
    sign = -1.0 if before > 0.5 else 1.0
    p[where, largest] = before + sign * inside
    assert [warned(call) for call in calls[:4]] == [""] * 4
    p[where, largest] = before + sign * beyond
    copy[:] = p
    expected = loss(t, p, reduction="none")
    assert np.isfinite(expected).all()
    for call in calls:
        message = warned(call)
        total = p[where].astype(float).sum()
        assert message.startswith(
            f"the probabilities of y_pred must sum to 1 for {loss}; they sum to {total:.6g} at row {where},"
        )
    with fl.num_threads(2):
        assert warned(calls[0]).startswith("the probabilities")
    w[where] = 0
    assert not warned(calls[2])
    p[0, 0] = np.nan
    assert not warned(calls[2])
    row, label = p[where], t[where]
    assert "they sum to" in warned(lambda: loss(label, row))
    assert " at row" not in warned(lambda: loss(label, row))


def test_sums_of_rows_that_make_up_for_each_other() -> None:
    """What cancels in a full sheet of rows goes unnoticed; a row that stands out does not, nor anything in the last sheet."""
    loss = fl.categorical_cross_entropy
    assert "sum to 0.9 at row 0," in warned(lambda: loss([0, 1], [[0.5, 0.4], [0.5, 0.6]]))
    p = np.full((1000, 4), 0.25)
    for row in range(0, 1000, 83):
        q = p.copy()
        q[row, 0] = 0.5
        assert f"they sum to 1.25 at row {row}," in warned(lambda q=q: loss(np.zeros(1000, int), q))


def test_ignored_rows_need_not_sum_to_one() -> None:
    p, t = np.full((100, 4), 0.25), np.arange(100) % 4
    p[[3, 70]] = 0
    loss = fl.CategoricalCrossEntropy(ignore_index=-1, eps=1e-7)
    assert "at row 3," in warned(lambda: loss(t, p))
    t[3] = -1
    assert "at row 70," in warned(lambda: loss.gradient(t, p))
    t[70] = -1
    assert not warned(lambda: loss.value_and_gradient(t, p))
    # an error says more
    with pytest.raises(ValueError, match=r"got 2\.0 at index"):
        warned(lambda: loss(t, 8 * p))


def test_numbers_that_are_no_probabilities_need_not_sum_to_one() -> None:
    z, t = np.full((70, 3), 0.5), np.eye(3)[np.arange(70) % 3]
    for loss in (
        fl.CategoricalCrossEntropy(from_logits=True),
        fl.KLDivergence(from_log=True),
        fl.KLDivergence(from_logits=True),
        fl.multi_label_soft_margin,
        fl.multi_margin,
        fl.gaussian_kl,
        fl.zero_one,
        fl.brier,
    ):
        assert not warned(lambda loss=loss: loss(t, z)), loss


def test_more_axes() -> None:
    rng = np.random.default_rng(6)
    loss = fl.CategoricalCrossEntropy(from_logits=True)
    z, t = rng.standard_normal((4, 5, 6, 3)), rng.integers(0, 3, (4, 5, 6))
    flat = outputs(loss, t.ravel(), z.reshape(-1, 3))
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        moved = outputs(loss, t.transpose(order), z.transpose((*order, 3)))
        assert same([moved[0].ravel()], [flat[0].reshape(4, 5, 6).transpose(order).ravel()])
        assert same([moved[1].reshape(-1, 3)], [flat[1].reshape(4, 5, 6, 3).transpose((*order, 3)).reshape(-1, 3)])
    # classes first, as in images of torch
    first = np.ascontiguousarray(np.moveaxis(z, -1, 1))
    assert same(
        outputs(loss, t, np.moveaxis(first, 1, -1)),
        [x.reshape(y.shape) for x, y in zip(flat, outputs(loss, t, z), strict=True)],
    )


def test_clipping() -> None:
    for dtype in (np.float32, np.float64):
        p = np.array([[1.0, 0.0]], dtype)
        assert fl.categorical_cross_entropy([1], p) == np.inf
        assert fl.categorical_cross_entropy([0], p) == 0.0
        loss = fl.CategoricalCrossEntropy(eps=1e-15)
        assert loss([1], p) == pytest.approx(-np.log(1e-15), rel=1e-7)
        assert loss([0], p) == pytest.approx(1e-15, rel=1e-7)
        assert not loss.gradient([1], p).any()
        assert fl.categorical_cross_entropy([[1.0, 0.0]], p) == 0.0


def test_starting_scores() -> None:
    t = np.array([0, 0, 1, 2, 2, 2])
    loss = fl.CategoricalCrossEntropy(from_logits=True)
    start = loss.init_score(t)
    np.testing.assert_allclose(np.exp(start), [2 / 6, 1 / 6, 3 / 6])
    gradient = loss.gradient(t, np.tile(start, (6, 1)))
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-16)
    np.testing.assert_allclose(loss.inverse_link(start[None]), [[2 / 6, 1 / 6, 3 / 6]])
    np.testing.assert_allclose(loss.init_score(np.eye(3)[t]), start)
    assert np.isfinite(loss.init_score(np.array([0, 2]))).all()
    np.testing.assert_allclose(fl.categorical_cross_entropy.init_score(t), [2 / 6, 1 / 6, 3 / 6])


def test_focal_without_gamma_is_cross_entropy() -> None:
    for from_logits in (False, True):
        focal = fl.CategoricalFocal(gamma=0.0, from_logits=from_logits)
        plain = fl.CategoricalCrossEntropy(from_logits=from_logits)
        z, t = predictions(plain, 7, 50), np.arange(50) % 7
        assert same(outputs(focal, t, z), outputs(plain, t, z))
        assert same(outputs(focal, np.eye(7)[t], z), outputs(plain, np.eye(7)[t], z))


def test_one_hot_labels_give_the_bits_of_indices() -> None:
    for dtype in (np.float32, np.float64):
        for width in WIDTHS[:-1]:
            for loss in EVERY:
                if loss.indices_only:
                    continue
                z, t = predictions(loss, width, 20, dtype), np.arange(20) % width
                by_index, one_hot = outputs(loss, t, z), outputs(loss, np.eye(width)[t], z)
                assert same(by_index, one_hot)


def test_calls_of_other_widths_and_types_take_their_own_kernels() -> None:
    """A loss keeps the kernel of its last call: calls that are not alike must not get it."""
    rng = np.random.default_rng(0)
    loss = fl.CategoricalCrossEntropy(from_logits=False)
    for width, dtype in ((3, np.float64), (3, np.float32), (5, np.float32), (3, np.float16), (3, np.float64)):
        p = rng.dirichlet(np.ones(width), 7).astype(dtype)
        y = rng.integers(0, width, 7)
        fresh = fl.CategoricalCrossEntropy(from_logits=False)
        assert loss(y, p) == fresh(y, p)
        np.testing.assert_array_equal(loss.gradient(y, p), fresh.gradient(y, p))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64, np.float64])
def test_labels_that_are_plain_arrays_are_those_of_lists(dtype: Any) -> None:
    for ignore_index in (None, 1, -(2**63)):
        loss = fl.SparseCategoricalCrossEntropy(from_logits=True, ignore_index=ignore_index)
        z, labels = [[1.0, 2.0, 0.5], [0.0, 1.0, 3.0], [0.25, 0.0, 0.0]], [0, 1, 2]
        assert loss(np.array(labels, dtype), np.array(z)) == loss(labels, z)
        with pytest.raises(ValueError, match="class index 3"):
            loss(np.array([0, 3, 2], dtype), np.array(z))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [2, 3, 10, 40, 130, 300])
def test_one_infinite_score_takes_all(isa: str, width: int, dtype: Any) -> None:
    """The limit: its class is certain, and all others are impossible. Of two infinite scores nothing is known."""
    rng = np.random.default_rng(0)
    loss = fl.CategoricalCrossEntropy(from_logits=True)
    z = rng.standard_normal((20, width)).astype(dtype)
    place = rng.integers(0, width, 20)
    z[np.arange(20), place] = np.inf
    other = (place + 1) % width
    certain, impossible = np.eye(width, dtype=dtype)[place], np.eye(width, dtype=dtype)[other]
    for labels in (place, certain):
        value, gradient = loss.value_and_gradient(labels, z, reduction="none")
        np.testing.assert_array_equal(value, 0)
        np.testing.assert_array_equal(gradient, 0)
    for labels in (other, impossible):
        value, gradient = loss.value_and_gradient(labels, z, reduction="none")
        np.testing.assert_array_equal(value, np.inf)
        np.testing.assert_array_equal(gradient, certain - impossible)
    z[3, other[3]] = np.inf
    value, gradient = loss.value_and_gradient(place, z, reduction="none")
    assert np.isnan(value[3])
    assert np.isnan(gradient[3]).all()
    np.testing.assert_array_equal(np.delete(value, 3), 0)
