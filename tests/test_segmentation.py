"""Losses of masks: empty ones, weights of pixels and classes, and what the losses have to do with each other."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import each_team

import fastloss as fl
from fastloss.boosting import Metric

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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss_class", OF_MASKS)
def test_gradients_of_masks_in_parts_go_anywhere(loss_class: Any, dtype: Any) -> None:
    """What the first pass leaves in the array of the gradient is not needed where it cannot lie there."""
    loss = loss_class(from_logits=True)
    rng = np.random.default_rng(2)
    y, z = rng.integers(0, 2, (5, 70, 71)).astype(dtype), 9 * rng.standard_normal((5, 70, 71)).astype(dtype)
    z[0, 0, :5] = np.inf, -np.inf, 0.0, -0.0, -800.0
    value, expected = loss.value_and_gradient(y, z)
    assert loss(y, z) == value
    np.testing.assert_array_equal(loss.gradient(y, z), expected)
    over_scores, over_labels, apart = z.copy(), y.copy(), np.empty((5, 70, 142), dtype)[..., ::2]
    for team in each_team(1, 2, 3):
        over_scores[...], over_labels[...] = z, y
        for labels, scores, out in (y, over_scores, over_scores), (over_labels, z, over_labels), (y, z, apart):
            assert loss.value_and_gradient(labels, scores, out=out)[0] == value, team
            np.testing.assert_array_equal(out, expected, team)


# ---- boxes ------------------------------------------------------------------------------------------------------

KINDS = ("iou", "giou", "diou", "ciou")
POINT, UNIT_BOX, LINE = [0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 1.0, 0.5]


def box_loss(kind: str, a: list[float], b: list[float], dtype: Any = np.float64) -> tuple[float, np.ndarray]:
    return fl.BoxIoU(kind).value_and_gradient(np.array(a, dtype), np.array(b, dtype))


@pytest.mark.parametrize("size", [1.0, 1e-20, 1e25, 1e38])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_boxes_of_any_size(dtype: Any, size: float) -> None:
    """What does not depend on the unit of length, at either end of single precision."""
    a, b, apart = np.array([[0, 0, 2, 2], [0.5, 1, 3, 2], [2.5, 0, 3, 1]])
    for one, other in ((a, b), (b, a), (a, apart)):
        for kind in KINDS:
            value, gradient = box_loss(kind, one, other)
            scaled, slopes = box_loss(kind, one * size, other * size, dtype)
            assert scaled == pytest.approx(value, rel=1e-6)
            np.testing.assert_allclose(slopes.astype(float) * size, gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_without_area(kind: str) -> None:
    """Finite for whatever is finite; 0 for the same box, and at least 1 for another."""
    boxes = [POINT, LINE, [0.5, 0.0, 0.5, 1.0], UNIT_BOX, [1.0, 0.0, 2.0, 1.0], [3e38, 3e38, 3.1e38, 3.2e38]]
    boxes += [[-3e38, -3e38, 3e38, 3e38], [1e-45, 0.0, 1.0, 1e-45], [2.0, 2.0, 1.0, 3.0], [0.0, 0.0, 1e-30, 1e30]]
    for dtype in (np.float32, np.float64):
        for i, a in enumerate(boxes):
            for j, b in enumerate(boxes):
                value, gradient = box_loss(kind, a, b, dtype)
                assert 0 <= value <= 3
                assert np.isfinite(gradient).all(), (a, b)
                if i == j:
                    assert value == 0
                    assert not gradient.any()
    assert box_loss(kind, POINT, [0.5, 0.5, 0.5, 0.75])[0] >= 1
    assert box_loss(kind, POINT, UNIT_BOX)[0] >= 1
    assert not box_loss("iou", POINT, LINE)[1].any()


def test_boxes_that_touch() -> None:
    right = [1.0, 0.0, 2.0, 1.0]
    assert box_loss("iou", UNIT_BOX, right)[0] == 1
    assert box_loss("giou", UNIT_BOX, right)[0] == 1
    assert box_loss("diou", UNIT_BOX, right)[0] == 1.2
    # of the same shape
    assert box_loss("ciou", UNIT_BOX, right)[0] == 1.2
    # apart, boxes have no slope of the overlap, but one towards each other
    apart = [3.0, 0.0, 4.0, 1.0]
    assert not box_loss("iou", UNIT_BOX, apart)[1].any()
    for kind in KINDS[1:]:
        assert box_loss(kind, UNIT_BOX, apart)[1][[0, 2]].sum() > 0
    # moved in, an edge takes away from the overlap; out, it adds to what is wrong
    np.testing.assert_array_equal(box_loss("iou", UNIT_BOX, [0.25, 0.0, 1.0, 1.0])[1], [1, 0, 0, 0])
    np.testing.assert_array_equal(box_loss("iou", UNIT_BOX, [0.0, 0.0, 2.0, 1.0])[1], [0, 0, 0.25, 0])


def test_a_turned_box_ends_where_it_begins() -> None:
    for kind in KINDS:
        value, gradient = box_loss(kind, UNIT_BOX, [0.75, 0.25, 0.5, 0.5])
        flat, slopes = box_loss(kind, UNIT_BOX, [0.75, 0.25, 0.75, 0.5])
        assert value == flat
        np.testing.assert_allclose(gradient, [slopes[0] + slopes[2], slopes[1], 0, slopes[3]], rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_boxes_are_those_of_the_value(kind: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 500, 4))
    a[:, 2:] += a[:, :2]
    b[:, 2:] += b[:, :2]
    gradient = fl.BoxIoU(kind).gradient(a.astype(dtype), b.astype(dtype), reduction="none")
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-6
        ends = (fl.BoxIoU(kind)(a, b + move, reduction="none") for move in (step, -step))
        np.testing.assert_allclose(gradient[:, k], (next(ends) - next(ends)) / 2e-6, rtol=1e-4, atol=1e-5)


def test_a_small_loss_of_boxes_keeps_its_digits() -> None:
    eps = 2.0**-23
    value, _ = box_loss("iou", UNIT_BOX, [0.0, 0.0, 1.0, 1 + eps], np.float32)
    assert value == pytest.approx(eps / (1 + eps), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_nan_stays_in_its_box(kind: str) -> None:
    a, b = np.random.default_rng(0).random((2, 70, 4))
    value, gradient = fl.BoxIoU(kind).value_and_gradient(a, b, reduction="none")
    for k in range(8):
        spoilt = np.concatenate([a, b], axis=1)
        spoilt[5, k] = np.nan
        got, slopes = fl.BoxIoU(kind).value_and_gradient(spoilt[:, :4], spoilt[:, 4:], reduction="none")
        assert np.isnan(got[5])
        assert np.isnan(slopes[5]).all()
        others = np.arange(70) != 5
        np.testing.assert_array_equal(got[others], value[others])
        np.testing.assert_array_equal(slopes[others], gradient[others])


def test_what_is_no_box() -> None:
    with pytest.raises(ValueError, match=r"must have 4 numbers along the last axis, for each loss; got shape \(2, 3\)"):
        fl.box_iou(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match='kind must be "iou", "giou", "diou" or "ciou"; got \'eiou\''):
        fl.BoxIoU("eiou")
    with pytest.raises(fl.NotDifferentiableError, match="BoxIoU has no Hessian"):
        fl.box_iou.gradient_and_hessian(UNIT_BOX, UNIT_BOX)
    assert fl.BoxIoU("ciou") == fl.get_loss("box_iou", kind="ciou")


# ---- Lovasz -----------------------------------------------------------------------------------------------------


def exact_lovasz(y: np.ndarray, order: np.ndarray) -> tuple[list[Fraction], list[int]]:
    """What each pixel adds to the Jaccard loss, in the order of the errors, as fractions; and that order."""
    falling = sorted(range(len(y)), key=lambda i: -order[i])
    foreground, losses = int(y.sum()), [Fraction(0)]
    for i in range(len(y)):
        missed = int(y[falling[: i + 1]].sum())
        losses.append(1 - Fraction(foreground - missed, foreground + i + 1 - missed))
    return [b - a for a, b in pairwise(losses)], falling


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("from_logits", [False, True])
def test_gradients_of_lovasz_are_exact_fractions(from_logits: bool, dtype: Any) -> None:
    """Few different errors: most of the pixels have that of another one, and come as they lie."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    p = (rng.integers(-8, 9, 400) / 4 if from_logits else rng.integers(0, 9, 400) / 8).astype(dtype)
    sign = 2 * y - 1
    errors = 1 - sign * p if from_logits else np.abs(y - p)
    steps, falling = exact_lovasz(y, errors)
    value, gradient = fl.Lovasz(from_logits).value_and_gradient(y, p)
    expected = np.zeros(400, dtype)
    for step, k in zip(steps, falling, strict=True):
        expected[k] = -sign[k] * float(step) if errors[k] > 0 else 0
    np.testing.assert_array_max_ulp(gradient, expected, 1)
    total = sum(step * Fraction(float(max(errors[k], 0))) for step, k in zip(steps, falling, strict=True))
    assert value == pytest.approx(float(total), rel=float(np.finfo(dtype).eps) * 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [100, 127, 128, 1000])
def test_equal_errors_come_as_they_lie(n: int, dtype: Any) -> None:
    """Few scores and many, of both signs, of all sizes; two zeros are one number."""
    rng = np.random.default_rng(n)
    y, info = rng.integers(0, 2, n), np.finfo(dtype)
    for z in (
        rng.choice(np.array([-0.0, 0.0], dtype), n),
        rng.choice(np.array([-0.0, 0.0, 1.5, -1.5, info.tiny, -info.tiny], dtype), n),
        np.linspace(-1, 1, n, dtype=dtype)[rng.permutation(n)],
        (rng.standard_normal(n) * 10.0 ** rng.uniform(-30, 0, n)).astype(dtype),
    ):
        steps, falling = exact_lovasz(y, (1 - 2 * y) * z)
        wrong = 1 - (2 * y - 1) * z.astype(dtype) > 0
        expected = np.zeros(n)
        expected[falling] = [float(step) for step in steps]
        np.testing.assert_allclose(fl.lovasz.gradient(y, z), (1 - 2 * y) * expected * wrong, rtol=float(info.eps))


def test_masks_without_pixels_and_with_all() -> None:
    z = np.array([[0.5, -2.0, 0.25], [2.0, -0.5, 0.0]])
    empty, full = fl.lovasz.value_and_gradient(np.zeros((2, 3)), z, reduction="none"), np.ones((2, 3))
    np.testing.assert_array_equal(empty[0], [1.5, 3.0])
    np.testing.assert_array_equal(empty[1], [[1, 0, 0], [1, 0, 0]])
    value, gradient = fl.lovasz.value_and_gradient(full, z, reduction="none")
    np.testing.assert_allclose(value, (1 - np.minimum(z, 1)).sum(axis=1) / 3)
    np.testing.assert_allclose(gradient, (z < 1) / -3)
    assert fl.lovasz(full, 5 * full) == 0
    right, none = fl.Lovasz(False).value_and_gradient(np.zeros(3), np.zeros(3))
    assert right == 0
    assert not none.any()
    # infinite scores: where nothing is left to lose, they cost nothing
    value, gradient = fl.lovasz.value_and_gradient([1, 0], [-np.inf, np.inf])
    assert value == np.inf
    np.testing.assert_array_equal(gradient, [-1, 0])


def test_a_nan_stays_in_its_mask() -> None:
    y, z = np.ones((3, 5)), np.zeros((3, 5))
    z[1, 2] = np.nan
    value, gradient = fl.lovasz.value_and_gradient(y, z, reduction="none")
    assert np.isnan(value).tolist() == [False, True, False]
    assert np.isnan(gradient).all(axis=1).tolist() == [False, True, False]
    w = np.array([1.0, 0.0, 2.0])
    assert fl.lovasz(y, z, sample_weight=w) == 1.0
    assert not fl.lovasz.gradient(y, z, sample_weight=w)[1].any()


def test_lovasz_of_masks_of_any_shape_and_layout() -> None:
    """A mask is a run of its numbers whatever their order in memory; large masks and several at a time."""
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, (4, 3, 25, 37)), rng.standard_normal((4, 3, 25, 37))
    value, gradient = fl.lovasz.value_and_gradient(y, z, reduction="none")
    by_class, slopes = fl.Lovasz(per_class=True).value_and_gradient(y, z, reduction="none")
    assert value.shape == (4,)
    assert by_class.shape == (4, 3)
    for i in range(4):
        alone, own = fl.lovasz.value_and_gradient(y[i].ravel(), z[i].ravel())
        assert alone == value[i]
        np.testing.assert_array_equal(own, gradient[i].ravel())
        for k in range(3):
            assert fl.lovasz(y[i, k].ravel(), z[i, k].ravel()) == by_class[i, k]
    for change in (np.asfortranarray, lambda a: np.ascontiguousarray(a.transpose(1, 0, 3, 2)).transpose(1, 0, 3, 2)):
        for loss, expected in ((fl.lovasz, (value, gradient)), (fl.Lovasz(per_class=True), (by_class, slopes))):
            out = (np.empty(expected[0].shape, order="F"), change(np.empty(z.shape)))
            got = loss.value_and_gradient(change(y), change(z), reduction="none", out=out)
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_array_equal(a, b)
    for team in each_team(1, 2):
        np.testing.assert_array_equal(fl.lovasz(y, z, reduction="none"), value, err_msg=team)
    with pytest.raises(ValueError, match="y_true must be 0 or 1"):
        fl.lovasz(y + 0.5, z)
    with pytest.raises(ValueError, match="sample_weight must have the shape of the losses"):
        fl.lovasz(y, z, sample_weight=np.ones(y.shape[:2]))


def test_weights_of_pixels_are_numbers_of_pixels() -> None:
    """A pixel of weight 2 is two pixels with one error; one of weight 0 is not there, whatever it holds."""
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, (3, 40)), rng.standard_normal((3, 40))
    w = rng.integers(0, 4, y.shape)
    for loss, p in ((fl.lovasz, z), (fl.Lovasz(from_logits=False), rng.random(z.shape))):
        value, gradient = loss.value_and_gradient(y, p, sample_weight=w, reduction="none")
        for i in range(3):
            assert value[i] == pytest.approx(loss(np.repeat(y[i], w[i]), np.repeat(p[i], w[i])), rel=1e-14)
        assert not gradient[w == 0].any()
        spoilt, labels = np.where(w, p, np.nan), np.where(w, y, 7)
        for size in (1.0, 1e308, 5e-324):
            got = loss.value_and_gradient(labels, spoilt, sample_weight=w * size if size != 1e308 else w * (size / 3))
            np.testing.assert_allclose(got[0], value.mean(), rtol=1e-14)
            np.testing.assert_allclose(got[1], gradient / 3, rtol=1e-13)
        assert loss(y, p, sample_weight=w * 0) == 0.0
        states = fl.Evaluation([loss]).update(y[:2], p[:2], sample_weight=w[:2]).update(y[2:], p[2:], sample_weight=w[2:])
        assert states.result()[loss.name] == loss(y, p, sample_weight=w)
    with pytest.raises(ValueError, match=r"sample_weight must be finite and not negative; got -1 at index \(1, 2\)"):
        fl.lovasz(y, z, sample_weight=np.where(np.arange(120).reshape(3, 40) == 42, -1, 1))


# ---- LovaszSoftmax ----------------------------------------------------------------------------------------------


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [1, 2, 5, 300])
def test_the_softmax_is_the_mean_of_the_masks_of_the_classes(classes: int) -> None:
    rng = np.random.default_rng(classes)
    y, z = rng.integers(0, max(1, classes - 1), (4, 5, 7)), rng.standard_normal((4, classes, 5, 7)) * 3
    p, w = softmax(z), rng.integers(0, 3, y.shape) / 4
    one_hot = (y[:, None] == np.arange(classes)[:, None, None]).astype(float)
    for weights in (None, w):
        spread = None if weights is None else np.broadcast_to(w[:, None], p.shape)
        kept = one_hot if weights is None else one_hot * w[:, None]
        by_class, slopes = fl.Lovasz(from_logits=False, per_class=True).value_and_gradient(
            one_hot, p, sample_weight=spread, reduction="none"
        )
        for present_only in (True, False):
            counts = kept.any(axis=(2, 3)) if present_only else np.ones((4, classes), bool)
            expected = (by_class * counts).sum(axis=1) / counts.sum(axis=1)
            by_p = slopes * (counts / counts.sum(axis=1, keepdims=True))[..., None, None]
            by_z = p * (by_p - (by_p * p).sum(axis=1, keepdims=True))
            for from_logits, given, gradient in ((False, p, by_p), (True, z, by_z)):
                loss = fl.LovaszSoftmax(from_logits, present_only)
                got = loss.value_and_gradient(y, given, sample_weight=weights, reduction="none")
                np.testing.assert_allclose(got[0], expected, rtol=1e-12)
                np.testing.assert_allclose(got[1], gradient, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("from_logits", [True, False])
def test_pictures_of_any_layout(from_logits: bool) -> None:
    rng = np.random.default_rng(0)
    loss, y, z = fl.LovaszSoftmax(from_logits), rng.integers(0, 4, (3, 25, 37)), rng.standard_normal((3, 4, 25, 37))
    p = z if from_logits else softmax(z)
    value, gradient = loss.value_and_gradient(y, p, reduction="none")
    for i in range(3):
        alone, own = loss.value_and_gradient(y[i].ravel(), p[i].reshape(4, -1))
        assert alone == value[i]
        np.testing.assert_array_equal(own, gradient[i].reshape(4, -1))
    for change in (np.asfortranarray, lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1)):
        out = np.empty(3), change(np.empty(p.shape))
        got = loss.value_and_gradient(np.asfortranarray(y), change(p), reduction="none", out=out)
        for a, b in zip(got, (value, gradient), strict=True):
            np.testing.assert_array_equal(a, b)
    overwritten = p.copy()
    assert loss.gradient(y, overwritten, reduction="none", out=overwritten) is overwritten
    np.testing.assert_array_equal(overwritten, gradient)
    for team in each_team(1, 2):
        np.testing.assert_array_equal(loss(y, p, reduction="none"), value, err_msg=team)
    assert fl.Evaluation([loss]).update(y[:1], p[:1]).update(y[1:], p[1:]).result()[loss.name] == loss(y, p)


def test_pixels_that_are_left_out_of_pictures() -> None:
    """Nothing about them matters; a picture without others, and a NaN elsewhere."""
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 3, (3, 8)), rng.standard_normal((3, 3, 8))
    w = rng.integers(0, 2, y.shape)
    w[2] = 0
    value, gradient = fl.lovasz_softmax.value_and_gradient(y, z, sample_weight=w, reduction="none")
    labels, spoilt = np.where(w, y, 255), np.where(w[:, None], z, np.nan)
    got = fl.lovasz_softmax.value_and_gradient(labels, spoilt, sample_weight=labels != 255, reduction="none")
    for a, b in zip(got, (value, gradient), strict=True):
        np.testing.assert_array_equal(a, b)
    for i in range(2):
        assert value[i] == fl.lovasz_softmax(y[i][w[i] > 0], z[i][:, w[i] > 0])
    assert value[2] == 0.0
    assert not gradient.transpose(0, 2, 1)[w == 0].any()
    z[1, 2, 3] = np.nan
    assert np.isnan(fl.lovasz_softmax(y, z, reduction="none")).tolist() == [False, True, False]
    spoilt = np.isnan(fl.lovasz_softmax.gradient(y, z, reduction="none"))
    assert spoilt.all(axis=(1, 2)).tolist() == [False, True, False]
    assert spoilt.any(axis=(1, 2)).tolist() == [False, True, False]


def test_pictures_that_are_wrong() -> None:
    y, z = np.zeros((2, 3), int), np.zeros((2, 4, 3))
    for labels, message in (
        ([[0, 1, 4], [0, 0, 0]], r"class index 4 at index \(0, 2\), outside \[0, 4\) for y_pred of shape \(2, 4, 3\)"),
        (
            [[0, 1, 2], [0, 0.5, 0]],
            r"y_true must hold class indices for y_pred of shape \(2, 4, 3\); got 0.5 at index \(1, 1\)",
        ),
    ):
        with pytest.raises(fl.InputError, match=message):
            fl.lovasz_softmax(labels, z)
    for shape in ((2, 3), (2, 3, 4), (2, 0, 3), (3, 4, 3)):
        with pytest.raises(ValueError, match=r"y_pred must have the shape \(n, K, ...\), .*: \(2, K, 3\), with K classes"):
            fl.lovasz_softmax(y, np.zeros(shape))
    p = np.full((2, 4, 3), 0.25)
    p[1, 2, 0] = 1.5
    with pytest.raises(fl.InputError, match=r"y_pred must lie in \[0, 1\] .*; got 1.5 at index \(1, 2, 0\)"):
        fl.LovaszSoftmax(False)(y, p, sample_weight=[[0, 1, 1], [1, 1, 1]])
    assert fl.LovaszSoftmax(False)(y, p, sample_weight=[[1, 1, 1], [0, 1, 1]]) == 0.75
    with pytest.raises(fl.NotDifferentiableError, match="LovaszSoftmax has no Hessian"):
        fl.lovasz_softmax.gradient_and_hessian(y, z)
    with pytest.raises(ValueError, match=r"shape of the losses, \(2,\), or that of the inputs, \(2, 3\); got \(2, 4, 3\)"):
        fl.lovasz_softmax(y, z, sample_weight=np.ones((2, 4, 3)))


def test_bad_labels_of_weighted_masks_are_named() -> None:
    y, p = np.array([[0, 0.5, 1], [0, 1, 1]]), np.ones((2, 3))
    with pytest.raises(ValueError, match=r"y_true must be 0 or 1 for Lovasz\(.*\); got 0.5 at index \(0, 1\)\."):
        fl.lovasz(y, p, sample_weight=[1, 2])
    # a mask of weight 0 is not there
    assert fl.lovasz(y, p, sample_weight=[0, 2]) == fl.lovasz(y[1:], p[1:])
    with pytest.raises(ValueError, match=r"got 0.5 at index \(0, 0, 1\)\."):
        fl.Lovasz(per_class=True)(y[None], p[None], sample_weight=[[1, 2]])


def test_masks_are_no_groups_of_rows() -> None:
    y, p = np.array([0, 1, 1]), np.array([1.0, -1.0, 2.0])
    assert Metric(fl.lovasz)(y, p) == fl.lovasz(y, p)
