"""Losses of masks: empty ones, weights of pixels and classes, and what the losses have to do with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import each_team

import fastloss as fl

OF_MASKS = [fl.Dice, fl.Jaccard, fl.Tversky, fl.FocalTversky]


def masks(n: int = 4, dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 2, (n, 3, 5, 6)).astype(dtype), rng.random((n, 3, 5, 6)).astype(dtype)


@pytest.mark.parametrize("pixels", [6, 5000])
@pytest.mark.parametrize("smooth", [0.0, 1.0])
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("loss_class", OF_MASKS)
def test_empty_masks(loss_class: Any, from_logits: bool, smooth: float, pixels: int) -> None:
    """Nothing where nothing should be is right; one of two masks empty is as wrong as can be, but for the smoothing."""
    loss = loss_class(smooth=smooth, from_logits=from_logits)
    empty, full = np.zeros((2, pixels)), np.ones((2, pixels))
    predicted = (np.full_like(empty, -np.inf), np.full_like(empty, np.inf)) if from_logits else (empty, full)
    value, gradient = loss.value_and_gradient(empty, predicted[0], reduction="none")
    assert not value.any()
    assert np.isfinite(gradient).all()
    if not smooth or from_logits:
        assert not gradient.any()
    assert not loss(full, predicted[1], reduction="none").any()
    for labels, prediction, weight in ((empty, predicted[1], 0), (full, predicted[0], 1)):
        value, gradient = loss.value_and_gradient(labels, prediction, reduction="none")
        wrong = pixels * (getattr(loss, "alpha", 1.0), getattr(loss, "beta", 1.0))[weight]
        np.testing.assert_allclose(value, (wrong / (wrong + smooth)) ** getattr(loss, "gamma", 1.0), rtol=1e-14)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("loss_class", OF_MASKS)
def test_weights_of_pixels_leave_them_out(loss_class: Any) -> None:
    y, p = masks()
    w = np.random.default_rng(1).integers(0, 2, y.shape).astype(float)
    spoilt = np.where(w == 0, np.nan, p)
    value, gradient = loss_class().value_and_gradient(y, spoilt, sample_weight=w, reduction="none")
    assert not gradient[w == 0].any()
    for i in range(len(y)):
        kept = w[i] > 0
        assert value[i] == pytest.approx(loss_class()(y[i][kept], p[i][kept]), rel=1e-14)
        alone = loss_class().gradient(y[i][kept], p[i][kept])
        np.testing.assert_allclose(gradient[i][kept], alone, rtol=1e-13)
    whole = loss_class()(y, p, sample_weight=w[:, 0, 0, 0], reduction="none")
    np.testing.assert_array_equal(whole, w[:, 0, 0, 0] * loss_class()(y, p, reduction="none"))


@pytest.mark.parametrize("loss_class", OF_MASKS)
def test_classes_are_masks_of_their_own(loss_class: Any) -> None:
    y, p = masks()
    by_class, gradient = loss_class(per_class=True).value_and_gradient(y, p, reduction="none")
    assert by_class.shape == (4, 3)
    one, own = loss_class().value_and_gradient(y[:, 1], p[:, 1], reduction="none")
    np.testing.assert_array_equal(by_class[:, 1], one)
    np.testing.assert_array_equal(gradient[:, 1], own)


@pytest.mark.parametrize("loss_class", OF_MASKS)
def test_labels_of_other_kinds_are_refused(loss_class: Any) -> None:
    y, p = masks()
    with pytest.raises(ValueError, match=r"y_true must lie in \[0, 1\] for .*; got 255"):
        loss_class()(255 * y, p)
    with pytest.raises(ValueError, match=r"y_pred must lie in \[0, 1\].*from_logits=True"):
        loss_class()(y, p - 0.5)
    with pytest.raises(ValueError, match="must have the same shape"):
        loss_class()(y[:, :1], p)
    assert 0 <= loss_class(from_logits=True)(y, p - 0.5) <= 1


@pytest.mark.parametrize("from_logits", [False, True])
def test_one_loss_by_another(from_logits: bool) -> None:
    y, p = masks()

    def outputs(loss: fl.Loss) -> tuple[np.ndarray, np.ndarray]:
        return loss.value_and_gradient(y, p, reduction="none")

    def tversky(**given: float) -> tuple[np.ndarray, np.ndarray]:
        return outputs(fl.Tversky(from_logits=from_logits, **given))

    np.testing.assert_array_equal(tversky(alpha=1, beta=1)[1], outputs(fl.Jaccard(from_logits))[1])
    np.testing.assert_array_equal(
        tversky(alpha=0.7, beta=0.3)[1], outputs(fl.FocalTversky(gamma=1, from_logits=from_logits))[1]
    )
    for a, b in zip(tversky(smooth=0.5), outputs(fl.Dice(from_logits)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    # 1 - J = 2 (1 - D) / (1 + (1 - D)) of the two losses J and D
    jaccard, dice = (outputs(kind(from_logits, smooth=0))[0] for kind in (fl.Jaccard, fl.Dice))
    np.testing.assert_allclose(jaccard, 2 * dice / (1 + dice), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss_class", OF_MASKS)
def test_a_small_loss_keeps_its_digits(loss_class: Any, dtype: Any) -> None:
    """One wrong pixel of a large mask: the coefficient would round to 1."""
    y = np.ones((1, 3000), dtype)
    p = y.copy()
    p[0, 7] = 1 - np.finfo(dtype).epsneg
    loss = loss_class(smooth=0)
    wrong, pixels = float(np.finfo(dtype).epsneg), 3000.0
    beta = {fl.Dice: 0.5, fl.Jaccard: 1.0}.get(loss_class) or loss.beta
    expected = (beta * wrong / pixels) ** getattr(loss, "gamma", 1.0)
    assert loss(y, p) == pytest.approx(expected, rel=4 * float(np.finfo(dtype).eps))
    assert (loss.gradient(y, p) < 0).all()


@pytest.mark.parametrize("loss_class", OF_MASKS)
def test_a_mask_in_parts_is_the_mask(loss_class: Any) -> None:
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 30_000).astype(np.float32), rng.random(30_000).astype(np.float32)
    whole = loss_class().value_and_gradient(y, p)
    pieces = fl.Evaluation([loss_class()])
    for i in range(0, len(y), 7_001):
        pieces.update(y[i : i + 7_001], p[i : i + 7_001])
    assert list(pieces.result().values()) == [whole[0]]
    for team in each_team(1, 2):
        value, gradient = loss_class().value_and_gradient(y, p)
        assert value == whole[0], team
        np.testing.assert_array_equal(gradient, whole[1])
