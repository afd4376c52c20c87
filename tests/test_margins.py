"""Margin losses: errors, ties and kinks, labels of all kinds, the same bits everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import every_unit_loss
from samples import unit_of, units
from units import WIDTHS, check_nan_stays, check_reductions, check_same_bits, outputs, same

import fastloss as fl

LOSSES = every_unit_loss("targets")
ONE_TARGET = [loss for loss in LOSSES if loss.name != "multi_label_margin"]


def rows(loss: Any, width: int, n: int) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
    """Labels, scores and the targets of each row."""
    labels, z = units(loss, width, n)
    return labels, z, [unit_of(loss, (labels, z), i)[0] for i in range(n)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_same_bits_everywhere(loss: Any, width: int) -> None:
    labels, z, _ = rows(loss, width, 70 if width < 1000 else 5)
    check_same_bits(loss, labels, z)
    if loss in ONE_TARGET:
        assert same(outputs(loss, labels, z), outputs(loss, np.eye(width)[labels], z))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_reductions_weights_and_nan(loss: Any) -> None:
    labels, z, targets = rows(loss, 5, 211)
    check_reductions(loss, labels, z)
    labels, z, targets = rows(loss, 4, 9)
    if loss.name == "multi_label_margin":
        labels[5], targets[5] = [2, 0, -1, 1], [2, 0]
    check_nan_stays(loss, labels, z, targets[5][0])
    check_nan_stays(loss, labels, z, next(k for k in range(4) if k not in targets[5]))


def test_ties_and_kinks() -> None:
    loss = fl.categorical_hinge
    np.testing.assert_array_equal(loss.gradient([0], [[0.0, 2.0, 2.0]]), [[-1, 1, 0]])
    np.testing.assert_array_equal(loss.gradient([1], [[2.0, 2.0, 2.0]]), [[1, -1, 0]])
    # all scores negative: the highest other one is no 0
    assert loss([0], [[-5.0, -9.0, -7.0]]) == 0.0
    assert loss([0], [[-5.0, -5.5]]) == 0.5
    for other in (loss, fl.multi_margin, fl.MultiMargin(p=2)):
        z = [[2.0, 1.0]]
        assert other([0], z) == 0.0
        assert not np.any(other.gradient_and_hessian([0], z))
    assert loss([0], [[3.0]]) == 0.0
    assert loss([0], [[0.0, -np.inf]]) == 0.0
    assert loss([0], [[-np.inf, 0.0]]) == np.inf
    long = np.zeros((1, 1031))
    long[0, 700] = long[0, 100] = 3.0
    assert np.flatnonzero(loss.gradient([700], long)).tolist() == [100, 700]
    assert np.flatnonzero(loss.gradient([5], long)).tolist() == [5, 100]


def test_multi_margin_is_a_list_of_one_target() -> None:
    for width in (2, 7, 300):
        labels, z, _ = rows(fl.multi_margin, width, 20)
        lists = np.full((20, width), -1)
        lists[:, 0] = labels
        assert same(outputs(fl.multi_margin, labels, z), outputs(fl.multi_label_margin, lists, z))


def test_class_weights_do_not_count_in_the_mean() -> None:
    labels, z, _ = rows(fl.multi_margin, 3, 40)
    weights = np.array([1.0, 0.25, 3.0])
    loss = fl.MultiMargin(class_weight=weights)
    plain = fl.multi_margin(labels, z, reduction="none")
    np.testing.assert_allclose(loss(labels, z, reduction="none"), weights[labels] * plain, rtol=1e-6)
    assert loss(labels, z) == pytest.approx(np.sum(weights[labels] * plain) / 40, rel=1e-6)
    np.testing.assert_allclose(loss.gradient(labels, z), weights[labels, None] * fl.multi_margin.gradient(labels, z), rtol=1e-6)


def test_repeated_and_missing_targets() -> None:
    z = np.array([[0.5, 0.25, 0.25, 1.0]])
    once = fl.multi_label_margin.gradient([[3, -1, 0, 0]], z)
    np.testing.assert_array_equal(fl.multi_label_margin.gradient([[3, 3, -1, 0]], z), 2 * once)
    for labels in ([[-1, 0, 1, 2]], [[0, 1, 2, 3]]):
        assert fl.multi_label_margin(labels, z) == 0.0
        assert not fl.multi_label_margin.gradient(labels, z).any()


BAD = [
    (7, "y_true holds class index 7 at {}, outside [{}, 3) for y_pred of shape (2, 3)."),
    (-2, "y_true holds class index -2 at {}, outside [{}, 3)"),
    (2**31, "y_true holds class index 2147483648 at {}"),
    (np.nan, "y_true must hold class indices for y_pred of shape (2, 3); got nan at {}."),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
@pytest.mark.parametrize("loss", [fl.categorical_hinge, fl.multi_margin, fl.multi_label_margin], ids=repr)
def test_bad_labels(loss: Any, bad: float, message: str) -> None:
    z = np.zeros((2, 3))
    lists = loss.name == "multi_label_margin"
    # behind the first -1, too
    labels = np.array([[0, 1, 2], [0, -1, bad]]) if lists else np.array([0, bad])
    where, low = ("index (1, 2)", -1) if lists else ("row 1", 0)
    for call in (loss, loss.gradient, loss.value_and_gradient, loss.gradient_and_hessian):
        for reduction in ("mean", "none"):
            with pytest.raises(ValueError, match="class ind") as caught:
                call(labels, z, reduction=reduction)
            assert str(caught.value).startswith(message.format(where, low))
    assert np.isfinite(loss(labels, z, sample_weight=[1, 0]))


def test_bad_shapes_and_rows() -> None:
    z = np.zeros((2, 3))
    for row in ([0, 0, 0], [1, 1, 0], [0.5, 0.5, 0], [np.nan, 1, 0]):
        for loss in (fl.categorical_hinge, fl.multi_margin):
            with pytest.raises(
                ValueError, match=r"y_true must hold class indices, or rows of 0 with a single 1; got .* at row 1"
            ):
                loss([[1, 0, 0], row], z)
            assert np.isfinite(loss([[1, 0, 0], row], z, sample_weight=[1, 0]))
    with pytest.raises(ValueError, match=r"y_true must have shape \(2, 3\) for lists of class indices"):
        fl.multi_label_margin([0, 1], z)
    with pytest.raises(ValueError, match=r"y_true must have shape \(2, 3\) for a distribution"):
        fl.multi_label_soft_margin([0, 1], z)
    for p in (0, 3, 1.5, True, "1"):
        with pytest.raises(ValueError, match="p must be 1 or 2"):
            fl.MultiMargin(p=p)
    for loss in LOSSES:
        with pytest.raises(TypeError, match="Start from zeros"):
            loss.init_score([0, 1])
        np.testing.assert_array_equal(loss.inverse_link(z), z)
