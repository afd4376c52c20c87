"""What is particular to a binary loss: kinks, conventions, limits, labels, best constants."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from oracle import default_instances, error_in_ulp, exact
from units import WIDTHS

import fastloss as fl
from fastloss import _core

INF, NAN = math.inf, math.nan
DTYPES = [np.float32, np.float64]
BINARY = [loss for loss in default_instances() if loss.family == "binary" and not loss.no_gradient]
MARGIN = [fl.hinge, fl.squared_hinge, fl.smoothed_hinge, fl.modified_huber, fl.exponential, fl.soft_margin]
FROM_LOGITS = [
    fl.BinaryCrossEntropy(from_logits=True),
    fl.BinaryFocal(from_logits=True),
    fl.BinaryFocal(gamma=0.5, from_logits=True),
    fl.BinaryFocal(gamma=1.0, alpha=0.25, from_logits=True),
    fl.Brier(from_logits=True),
]


def at(loss: fl.Loss, y: Any, p: Any, dtype: Any = np.float64) -> list[list[float]]:
    """Value, gradient and Hessian of each sample."""
    y, p = np.asarray(y, dtype), np.asarray(p, dtype)
    return [a.tolist() for a in (loss(y, p, reduction="none"), *loss.gradient_and_hessian(y, p, reduction="none"))]


# ---- cross-entropy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_at_zero(isa: str, dtype: Any) -> None:
    """Where |z| has its kink the loss has none."""
    info = np.finfo(dtype)
    z = np.array([0.0, -0.0, info.smallest_subnormal, -info.smallest_subnormal, info.tiny / 2, -info.tiny / 2], dtype)
    for label in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = np.full_like(z, label)
        np.testing.assert_array_equal(fl.BinaryCrossEntropy(from_logits=True).gradient(y, z, reduction="none"), 0.5 - label)
    np.testing.assert_array_equal(fl.soft_margin.gradient(np.ones_like(z), z, reduction="none"), -0.5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_confident_and_right(isa: str, dtype: Any) -> None:
    """What is left of the loss, not the noise of a difference, nor 0."""
    loss = fl.BinaryCrossEntropy(from_logits=True)
    for z in (17.0, 40.0, 88.0, 100.0, 740.0):
        for y, sign in ((1.0, 1), (0.0, -1)):
            for output, (got,) in zip(("value", "gradient", "hessian"), at(loss, [y], [sign * z], dtype), strict=True):
                assert error_in_ulp(got, exact(loss, output, (y, sign * z)), dtype) <= 3, (z, y, output)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_weight_does_not_multiply_the_rounding_of_subnormals(isa: str, dtype: Any) -> None:
    loss = fl.BinaryCrossEntropy(from_logits=True, pos_weight=1e6)
    z = 100.0 if dtype == np.float32 else 740.0
    for output, (got,) in zip(("value", "gradient", "hessian"), at(loss, [1.0], [z], dtype), strict=True):
        assert error_in_ulp(got, exact(loss, output, (1.0, z)), dtype) <= 3, output


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", FROM_LOGITS, ids=repr)
def test_infinite_logits(isa: str, loss: fl.Loss, dtype: Any) -> None:
    """A certain prediction costs nothing where it is right, and whatever the loss has at its end where it is wrong."""
    weight = 1.0 if getattr(loss, "alpha", None) is None else loss.alpha
    bounded = isinstance(loss, fl.Brier)
    worst = [[1.0, 1.0], [0, 0], [0, 0]] if bounded else [[INF, INF], [-weight, 2 - 1 - weight if weight < 1 else 1.0], [0, 0]]
    assert at(loss, [1, 0], [INF, -INF], dtype) == [[0, 0]] * 3
    got = at(loss, [1, 0], [-INF, INF], dtype)
    assert got == worst
    value, gradient, _ = at(loss, [0.25, 0.25, 0.25], [INF, -INF, NAN], dtype)
    assert math.isnan(value[2])
    assert math.isnan(gradient[2])
    assert not np.isnan(value[:2]).any()
    assert bounded or value[:2] == [INF, INF]
    for spoilt in at(loss, [NAN, 1.0, 0.0], [1.0, NAN, NAN], dtype):
        assert np.isnan(spoilt).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_ends_of_probabilities(isa: str, dtype: Any) -> None:
    tiny = float(np.finfo(dtype).smallest_subnormal)
    p = [0.0, 0.0, 1.0, 1.0, -0.0, -0.0]
    y = [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    assert at(fl.binary_cross_entropy, y, p, dtype) == [
        [0, INF, 0, INF, 0, INF],
        [1, -INF, -1, INF, 1, -INF],
        [1, INF, 1, INF, 1, INF],
    ]
    assert at(fl.binary_focal, y, p, dtype) == [[0, INF, 0, INF, 0, INF], [0, -INF, 0, INF, 0, -INF], [0, INF, 0, INF, 0, INF]]
    for gamma, curve in ((0.5, INF), (1.0, 2.0), (3.0, 0.0)):
        value, gradient, hessian = at(fl.BinaryFocal(gamma=gamma), y, p, dtype)
        assert value == [0, INF, 0, INF, 0, INF]
        assert gradient == [0, -INF, 0, INF, 0, -INF]
        assert hessian == [curve, INF, curve, INF, curve, INF]
    value = fl.binary_cross_entropy(np.ones(1, dtype), np.array([tiny], dtype))
    assert value == pytest.approx(-math.log(tiny), rel=1e-6)
    for loss in (fl.binary_cross_entropy, fl.binary_focal, fl.BinaryFocal(gamma=0.7, alpha=0.0), fl.brier):
        for spoilt in at(loss, [NAN, 1.0, 0.0], [0.5, NAN, NAN], dtype):
            assert np.isnan(spoilt).all(), loss
    # not outside, but not a probability either: a NaN label at an end stays NaN
    assert np.isnan(at(fl.BinaryCrossEntropy(eps=0.1), [NAN, NAN], [0.0, 1.0], dtype)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("eps", [1e-15, 0.125])
def test_eps_clips_at_both_ends_of_every_precision(isa: str, eps: float, dtype: Any) -> None:
    """1 - 1e-15 is no float32: there the number next to 1 is not clipped, and 1 itself is."""
    loss = fl.BinaryCrossEntropy(eps=eps)
    next_to_one = float(np.nextafter(dtype(1), dtype(0)))
    p = [0.0, 0.0, 1.0, 1.0]
    y = [0.0, 1.0, 0.0, 1.0]
    value, gradient, hessian = at(loss, y, p, dtype)
    far, near = -math.log(eps), -math.log1p(-eps)
    np.testing.assert_allclose(value, [near, far, far, near], rtol=4 * np.finfo(dtype).eps)
    assert gradient == hessian == [0, 0, 0, 0]
    clipped = 1 - next_to_one <= eps
    value, gradient, _ = at(loss, [0.0], [next_to_one], dtype)
    assert (gradient[0] == 0) == clipped
    np.testing.assert_allclose(value, [far if clipped else -math.log(1 - next_to_one)], rtol=1e-6)
    # inside, it changes nothing
    inside = np.linspace(0.2, 0.8, 41).astype(dtype)
    labels = np.resize([0.0, 1.0, 0.3], 41).astype(dtype)
    assert at(loss, labels, inside, dtype) == at(fl.binary_cross_entropy, labels, inside, dtype)


def test_eps_has_no_effect_on_logits() -> None:
    y, z = [0.0, 1.0], [50.0, -800.0]
    assert at(fl.BinaryCrossEntropy(from_logits=True, eps=0.01), y, z) == at(fl.BinaryCrossEntropy(from_logits=True), y, z)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("smoothing", [0.25, 1.0])
def test_smoothing_is_a_soft_label(smoothing: float, from_logits: bool) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100).astype(float)
    p = rng.normal(0, 5, 100) if from_logits else rng.random(100)
    for cls in (fl.BinaryCrossEntropy, fl.BinaryFocal):
        smoothed = at(cls(label_smoothing=smoothing, from_logits=from_logits), y, p)
        soft = at(cls(from_logits=from_logits), y * (1 - smoothing) + smoothing / 2, p)
        np.testing.assert_allclose(smoothed, soft, rtol=1e-14, atol=1e-15)


def test_pos_weight_is_a_sample_weight_of_the_label_one() -> None:
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, 100).astype(float), rng.normal(0, 5, 100)
    weighted = fl.BinaryCrossEntropy(from_logits=True, pos_weight=8.0)
    plain = fl.BinaryCrossEntropy(from_logits=True)
    w = np.where(y == 1, 8.0, 1.0)
    # labels without weights have a kernel of their own
    assert weighted(y, z, reduction="sum") == pytest.approx(plain(y, z, w, "sum"), rel=1e-15)
    np.testing.assert_allclose(weighted.gradient(y, z, reduction="sum"), plain.gradient(y, z, w, "sum"), rtol=2e-15)


def test_many_labels_per_row() -> None:
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, (20, 3)), rng.normal(0, 5, (20, 3))
    w = rng.random(20)
    loss = fl.BinaryCrossEntropy(from_logits=True)
    each = loss(y, z, reduction="none")
    assert loss(y, z, w) == pytest.approx(np.sum(w[:, None] * each) / (3 * w.sum()), rel=1e-15)


@pytest.mark.parametrize("labels", [bool, np.int8, np.uint64, np.float16, np.float64])
def test_labels_of_any_type(labels: Any) -> None:
    y, z = np.array([0, 1, 1], labels), np.array([1.0, -2.0, 3.0])
    expected = np.logaddexp(0, [1.0, 2.0, -3.0])
    np.testing.assert_allclose(fl.BinaryCrossEntropy(from_logits=True)(y, z, reduction="none"), expected, rtol=1e-15)
    np.testing.assert_allclose(fl.soft_margin(y, z, reduction="none"), expected, rtol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", [{}, {"pos_weight": 3.7}, {"eps": 0.01}, {"eps": 1e-15}], ids=repr)
def test_labels_of_0_and_1_cost_less_and_have_the_same_bits(isa: str, options: dict[str, float], dtype: Any) -> None:
    """One label between 0 and 1 makes a block take the general way."""
    rng = np.random.default_rng(0)
    half = dtype(0.5)
    edges = [half, half, 1, 0, np.nextafter(half, dtype(0)), np.nextafter(half, dtype(1))]
    p = np.concatenate([rng.random(10_000), rng.random(5000) ** 20, 1 - rng.random(5000) ** 20, edges]).astype(dtype)
    y = np.where((p == 0) | (p == 1), p, rng.random(p.size) < 0.5).astype(dtype)
    soft = np.arange(p.size) % 50 == 0
    mixed = np.where(soft, dtype(0.3), y)
    loss = fl.BinaryCrossEntropy(**options)
    for one, other in zip(
        [*loss.value_and_gradient(y, p, reduction="none"), loss(y, p, reduction="none")],
        [*loss.value_and_gradient(mixed, p, reduction="none"), loss(mixed, p, reduction="none")],
        strict=True,
    ):
        assert one[~soft].tobytes() == other[~soft].tobytes()
        assert (one[soft] != other[soft]).any()


# ---- focal loss ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("from_logits", [True, False])
def test_focal_without_focus_is_cross_entropy(from_logits: bool, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.integers(0, 2, 500), rng.random(500), [0, 1, 0, 1]])
    p = rng.normal(0, 50, 1004) if from_logits else rng.random(1004)
    p[-4:] = [-INF, -INF, INF, INF] if from_logits else [0, 0, 1, 1]
    for options in ({}, {"label_smoothing": 0.1}):
        focal = at(fl.BinaryFocal(gamma=0.0, from_logits=from_logits, **options), y, p, dtype)
        assert focal == at(fl.BinaryCrossEntropy(from_logits=from_logits, **options), y, p, dtype)
    balanced = at(fl.BinaryFocal(gamma=0.0, alpha=0.75, from_logits=from_logits), y, p, dtype)
    times_three = at(fl.BinaryCrossEntropy(pos_weight=3.0, from_logits=from_logits), y, p, dtype)
    info = np.finfo(dtype)
    np.testing.assert_allclose(4 * np.array(balanced), times_three, rtol=8 * float(info.eps), atol=float(info.tiny))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_the_hessian_of_hard_negatives_is_negative(gamma: float) -> None:
    loss = fl.BinaryFocal(gamma=gamma, from_logits=True)
    limit = (2 * gamma + 1) / gamma
    z = np.array([limit + 1, limit + 5, 30.0])
    for y, sign in ((0.0, 1), (1.0, -1)):
        _, gradient, hessian = at(loss, np.full(3, y), sign * z)
        assert (np.array(hessian) < 0).all()
        assert (sign * np.array(gradient) > 0).all()
    _, _, hessian = at(loss, [1.0, 1.0], [5.0, 700.0])
    assert hessian[0] > 0
    assert hessian[1] >= 0


def test_the_modulating_factor_is_on_both_labels() -> None:
    p = np.array([0.1, 0.5, 0.9])
    for gamma in (0.3, 2.0, 4.0):
        loss = fl.BinaryFocal(gamma=gamma, alpha=0.25)
        np.testing.assert_allclose(loss(np.ones(3), p, reduction="none"), -0.25 * (1 - p) ** gamma * np.log(p), rtol=1e-14)
        np.testing.assert_allclose(loss(np.zeros(3), p, reduction="none"), -0.75 * p**gamma * np.log(1 - p), rtol=1e-14)


@pytest.mark.parametrize("gamma", [1e-3, 2 - 2**-50, 2 + 2**-50, 40.0])
@pytest.mark.parametrize("from_logits", [True, False])
def test_powers_of_any_size(gamma: float, from_logits: bool) -> None:
    """Finite for every finite logit; and close to 2 the general power is the square."""
    x = np.concatenate([np.linspace(-36, 36, 101), [-1e5, 1e5, -1e300, 1e300]])
    p = x if from_logits else fl.BinaryCrossEntropy(from_logits=True).inverse_link(x[:101])
    y = np.resize([0.0, 1.0], p.size)
    found = at(fl.BinaryFocal(gamma=gamma, from_logits=from_logits), y, p)
    assert np.isfinite(found).all()
    if abs(gamma - 2) < 1:
        np.testing.assert_allclose(found, at(fl.BinaryFocal(from_logits=from_logits), y, p), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [5.0, 12.0])
def test_powers_that_are_subnormal(isa: str, gamma: float, dtype: Any) -> None:
    """A Hessian has factors that grow with gamma^2, which must not multiply the rounding of a power."""
    loss = fl.BinaryFocal(gamma=gamma)
    tiny = float(np.finfo(dtype).tiny)
    for share in (0.3, 3e-3, 3e-5):
        p = float(dtype((tiny * share) ** (1 / (gamma - 1))))
        _, _, (got,) = at(loss, [0.0], [p], dtype)
        assert error_in_ulp(got, exact(loss, "hessian", (0.0, p)), dtype) <= 4 + 2 * gamma


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [0.05, 0.3])
def test_small_powers_of_probabilities(isa: str, gamma: float, dtype: Any) -> None:
    """The terms of the Hessian nearly cancel, as they would be added up: gamma - 1 is negative."""
    p = (0.5 * np.random.default_rng(0).random(1000) ** np.repeat([1, 8], 500)).astype(dtype)
    loss = fl.BinaryFocal(gamma=gamma)
    _, _, hessian = at(loss, np.zeros(p.size), p, dtype)
    errors = [error_in_ulp(got, exact(loss, "hessian", (0.0, float(x))), dtype) for got, x in zip(hessian, p, strict=True)]
    assert max(errors) <= 4 + 2 * gamma


# ---- margin losses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("loss", "margins", "value", "gradient", "hessian"),
    [
        (fl.hinge, [1.0, 0.5, 2.0, -INF, INF], [0, 0.5, 0, INF, 0], [0, -1, 0, -1, 0], [0, 0, 0, 0, 0]),
        (fl.squared_hinge, [1.0, 0.5, 2.0, -INF, INF], [0, 0.25, 0, INF, 0], [0, -1, 0, -INF, 0], [0, 2, 0, 2, 0]),
        (
            fl.smoothed_hinge,
            [0.0, -0.5, 0.5, 1.0, 2.0, -INF, INF],
            [0.5, 1, 0.125, 0, 0, INF, 0],
            [-1, -1, -0.5, 0, 0, -1, 0],
            [0, 0, 1, 0, 0, 0, 0],
        ),
        (
            fl.modified_huber,
            [-1.0, -2.0, 0.5, 1.0, 2.0, -INF, INF],
            [4, 8, 0.25, 0, 0, INF, 0],
            [-4, -4, -1, 0, 0, -4, 0],
            [2, 0, 2, 0, 0, 0, 0],
        ),
        (fl.exponential, [0.0, 1000.0, -1000.0, -INF, INF], [1, 0, INF, INF, 0], [-1, 0, -INF, -INF, 0], [1, 0, INF, INF, 0]),
        (fl.soft_margin, [1e4, -1e4, -INF, INF], [0, 1e4, INF, 0], [0, -1, -1, 0], [0, 0, 0, 0]),
    ],
    ids=repr,
)
def test_margins(isa: str, loss: fl.Loss, margins: Any, value: Any, gradient: Any, hessian: Any, dtype: Any) -> None:
    m = np.array(margins)
    assert at(loss, np.ones(m.size), m, dtype) == [value, gradient, hessian]
    for label in (0.0, -1.0):
        assert at(loss, np.full(m.size, label), -m, dtype) == [value, [-g for g in gradient], hessian]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", MARGIN, ids=repr)
def test_margins_of_nan(isa: str, loss: fl.Loss, dtype: Any) -> None:
    for spoilt in at(loss, [NAN, 1.0, 0.0, -1.0], [1.0, NAN, NAN, NAN], dtype):
        assert np.isnan(spoilt).all()


def test_soft_margin_is_cross_entropy_from_logits() -> None:
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, 1000), rng.normal(0, 100, 1000)
    np.testing.assert_allclose(at(fl.soft_margin, y, z), at(fl.BinaryCrossEntropy(from_logits=True), y, z), rtol=1e-15)


# ---- labels and predictions outside -----------------------------------------------------------------------------------


MORE_CLASSES = "Predicted labels of more than two classes must be integers."


@pytest.mark.parametrize(
    ("loss", "y", "p", "message"),
    [
        (fl.BinaryCrossEntropy(from_logits=True), [0, -1], [0, 0], "y_true must lie in [0, 1] for {}; got -1 at index 1."),
        (fl.BinaryCrossEntropy(from_logits=True), [0, 7], [0, 0], "y_true must lie in [0, 1] for {}; got 7 at index 1."),
        (fl.BinaryFocal(from_logits=True), [-0.5, 1], [0, 0], "y_true must lie in [0, 1] for {}; got -0.5 at index 0."),
        (fl.Brier(from_logits=True), [2.0], [0.0], "y_true must lie in [0, 1] for {}; got 2.0 at index 0."),
        (fl.hinge, [1, 7], [0, 0], "y_true must be -1, 0 or 1 for {}; got 7 at index 1."),
        (fl.soft_margin, [1, 0.5], [0, 0], "y_true must be -1, 0 or 1 for {}; got 0.5 at index 1."),
        (fl.exponential, [INF], [0], "y_true must be -1, 0 or 1 for {}; got inf at index 0."),
        (fl.zero_one, [0, -1], [0.5, 0.5], "y_true must be 0 or 1 for {}; got -1 at index 1. " + MORE_CLASSES),
        (fl.ZeroOne(from_logits=True), [0, 0.5], [3.0, 4.0], "y_true must be 0 or 1 for {}; got 0.5 at index 1."),
        (
            fl.hamming,
            [[0, 1], [2, 1]],
            np.full((2, 2), 0.5),
            "y_true must be 0 or 1 for {}; got 2 at index (1, 0). " + MORE_CLASSES,
        ),
    ],
)
def test_labels_outside(loss: fl.Loss, y: Any, p: Any, message: str) -> None:
    for method in [loss] if loss.no_gradient else [loss, loss.gradient, loss.value_and_gradient, loss.gradient_and_hessian]:
        with pytest.raises(ValueError, match=f"^{re.escape(message.format(loss))}$"):
            method(y, p)


@pytest.mark.parametrize("loss", [fl.binary_cross_entropy, fl.binary_focal, fl.BinaryFocal(gamma=0.5), fl.brier, fl.zero_one])
def test_probabilities_outside(loss: fl.Loss) -> None:
    p = np.full(20, 0.5)
    p[17] = 2.31
    message = f"y_pred must lie in [0, 1] for {loss}; got 2.31 at index 17. Pass from_logits=True if these are raw scores."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        loss(np.ones(20), p)
    p[17] = -1e-300
    with pytest.raises(ValueError, match=re.escape("got -1e-300 at index 17.")):
        loss(np.ones(20), p)
    p[17] = NAN
    assert math.isnan(loss(np.ones(20), p))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.BinaryFocal(gamma=-1), "BinaryFocal: gamma must be >= 0; got -1."),
        (lambda: fl.BinaryFocal(alpha=1.5), "BinaryFocal: alpha must lie in [0, 1]; got 1.5."),
        (lambda: fl.BinaryFocal(alpha="none"), "BinaryFocal: alpha must lie in [0, 1]; got 'none'."),
        (lambda: fl.BinaryFocal(gamma=None), "BinaryFocal: gamma must be >= 0; got None."),
        (lambda: fl.BinaryCrossEntropy(eps=0.5), "BinaryCrossEntropy: eps must lie in [0, 0.5); got 0.5."),
        (lambda: fl.BinaryCrossEntropy(pos_weight=0), "BinaryCrossEntropy: pos_weight must be > 0; got 0."),
        (lambda: fl.BinaryCrossEntropy(label_smoothing=2), "BinaryCrossEntropy: label_smoothing must lie in [0, 1]; got 2."),
        (lambda: fl.BinaryCrossEntropy(from_logits=None), "BinaryCrossEntropy: from_logits must be True or False; got None."),
        (lambda: fl.ZeroOne(threshold=1.0), "ZeroOne: threshold must lie in (0, 1); got 1.0."),
    ],
)
def test_parameters_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
    assert fl.BinaryFocal(alpha=None) == fl.binary_focal
    assert fl.BinaryFocal(alpha=1).alpha == 1.0


# ---- counts of wrong labels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7])
def test_the_threshold_is_compared_exactly(isa: str, dtype: Any, threshold: float) -> None:
    """0.7 is no float32: numbers beside it are on the side where they are."""
    near = dtype(threshold)
    p = np.array([np.nextafter(near, dtype(0)), near, np.nextafter(near, dtype(1)), 0.0, 1.0, NAN], dtype)
    expected = [float(x > threshold) for x in p[:-1].tolist()]
    for loss in (fl.ZeroOne(threshold=threshold), fl.Hamming(threshold=threshold)):
        np.testing.assert_array_equal(loss(np.zeros(6, dtype), p, reduction="none"), [*expected, NAN])
        np.testing.assert_array_equal(loss(np.ones(6, dtype), p, reduction="none"), [*(1 - x for x in expected), NAN])


def test_zero_one_from_logits() -> None:
    z = np.array([-INF, -1.0, 0.0, 1e-300, 5.0, INF, NAN])
    np.testing.assert_array_equal(fl.ZeroOne(from_logits=True)(np.zeros(7), z, reduction="none"), [0, 0, 0, 1, 1, 1, NAN])
    # raw scores are raw scores, whatever their type
    assert fl.ZeroOne(from_logits=True)([0, 1], [-3, 4]) == 0.0
    loss = fl.ZeroOne(threshold=0.9, from_logits=True)
    np.testing.assert_array_equal(loss([0, 0], [math.log(9) - 1e-12, math.log(9) + 1e-12], reduction="none"), [0, 1])


def test_labels_against_labels() -> None:
    assert fl.zero_one([3, -1, 2, 10**9], [3, 1, 2, 10**9]) == 0.25
    assert fl.zero_one(np.array([True, False]), np.array([True, True])) == 0.5
    assert fl.zero_one([0.0, 5.0], np.array([0, 5], np.uint8)) == 0.0
    assert fl.hamming([[0, 2], [1, 1]], [[0, 2], [0, 1]]) == 0.25
    assert math.isnan(fl.zero_one([NAN, 5.0], [0, 5]))
    # weights are looked at as always
    assert fl.zero_one([3, 1], [3, 2], [3.0, 1.0]) == 0.25
    with pytest.raises(ValueError, match="sample_weight must be finite"):
        fl.zero_one([3, 1], [3, 2], [1.0, -1.0])
    message = f"y_true must hold whole numbers, like y_pred, for {fl.zero_one}; got 2.5 at index 1."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fl.zero_one([3, 2.5], [3, 2])
    assert fl.zero_one([3, 2.5], [3, 2], [1, 0]) == 0.0


def rows_with_ties(width: int, n: int, dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Class indices, and scores of which several are the largest."""
    rng = np.random.default_rng(width)
    return rng.integers(0, width, n), rng.integers(-3, 3, (n, width)).astype(dtype)


@pytest.mark.parametrize("width", [2, *(width for width in WIDTHS if width > 2)])
def test_a_row_predicts_its_largest_score(width: int) -> None:
    """NumPy's argmax, whatever the instruction set, the threads, the position of a row and the layout."""
    n = 70 if width < 1000 else 9
    t, z = rows_with_ties(width, n)
    z[0], z[1, :-1], z[1, -1], z[2] = -INF, -INF, -3, INF
    expected = (np.argmax(z, axis=1) != t).astype(np.float32)
    assert 0 < expected.sum() < n or width > 100
    for name in _core.available_isas():
        with using_isa(name):
            for dtype in (np.float16, *DTYPES):
                found = fl.zero_one(t, z.astype(dtype), reduction="none")
                assert found.dtype == dtype
                np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(fl.zero_one(t, np.asfortranarray(z)[:, ::-1][:, ::-1], reduction="none"), expected)
    np.testing.assert_array_equal(fl.zero_one(t[::-1], z.astype(">f8")[::-1], reduction="none"), expected[::-1])
    assert fl.zero_one(t, z) == expected.mean(dtype=float)
    assert [fl.zero_one(label, row) for label, row in zip(t[:5], z[:5], strict=True)] == expected[:5].tolist()
    # raw scores and a threshold are as good
    np.testing.assert_array_equal(fl.ZeroOne(threshold=0.9, from_logits=True)(t, z, reduction="none"), expected)


def test_rows_of_predictions_and_everything_else() -> None:
    t, z = rows_with_ties(10, 30_000, np.float64)
    z[::3, 4], z[7, 9], z[8, 0] = 9.0, NAN, NAN
    expected = np.where(np.isnan(z).any(axis=1), NAN, np.argmax(z, axis=1) != t)
    w = np.random.default_rng(0).uniform(0, 2, t.size)
    w[[7, 8]] = 0
    for team in each_team(1, 2, 7):
        np.testing.assert_array_equal(fl.zero_one(t, z, reduction="none"), expected, team)
        assert math.isnan(fl.zero_one(t, z)), team
        assert fl.zero_one(t, z, w, "sum") == math.fsum(np.where(w, w * expected, 0)), team
        assert fl.zero_one(t, z, w) == math.fsum(np.where(w, w * expected, 0)) / math.fsum(w), team
    out = np.empty(2 * t.size, np.float32)[::2]
    assert fl.zero_one(t, z, w, reduction="none", out=out) is out
    np.testing.assert_array_equal(out, np.where(w, w * expected, 0).astype(np.float32))
    assert fl.zero_one(t.reshape(100, 300), z.reshape(100, 300, 10), w.reshape(100, 300)) == fl.zero_one(t, z, w)
    # integers as scores: votes
    assert fl.zero_one([1, 0], [[2, 5, 1], [3, 3, 0]]) == 0.0
    # of one shape, numbers are compared one by one
    assert fl.zero_one([[1, 0, 1]], [[0.9, 0.8, 0.2]], reduction="none").shape == (1, 3)
    assert fl.zero_one(np.zeros(0, int), np.zeros((0, 3)), reduction="sum") == 0.0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3], "y_true holds class index 3 at row 1, outside [0, 3) for y_pred of shape (2, 3)."),
        ([-1, 0], "y_true holds class index -1 at row 0, outside [0, 3) for y_pred of shape (2, 3)."),
        ([2**31, 0], "y_true holds class index 2147483648 at row 0, outside [0, 3) for y_pred of shape (2, 3)."),
        ([0, 1.5], "y_true must hold class indices for y_pred of shape (2, 3); got 1.5 at row 1."),
        ([NAN, 0], "y_true must hold class indices for y_pred of shape (2, 3); got nan at row 0."),
    ],
)
def test_labels_of_rows_outside(labels: Any, message: str) -> None:
    for reduction in ("mean", "none"):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            fl.zero_one(labels, np.zeros((2, 3)), reduction=reduction)
    known = [label in (0, 1, 2) for label in labels]
    assert fl.zero_one(labels, np.zeros((2, 3)), known) == 0.0


def test_rows_have_no_gradient_and_more_than_one_class() -> None:
    for method in (fl.zero_one.gradient, fl.zero_one.value_and_gradient, fl.zero_one.gradient_and_hessian):
        with pytest.raises(fl.NotDifferentiableError, match="Minimise BinaryCrossEntropy, CategoricalCrossEntropy"):
            method([0, 1], np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"same shape; got \(2,\) and \(2, 1\)\. Pass y_pred\[\.\.\., 0\]"):
        fl.zero_one([0, 1], [[0.5], [0.5]])
    with pytest.raises(ValueError, match="must have the same shape"):
        fl.zero_one([0, 1], np.zeros((3, 3)))
    for loss in (fl.hamming, fl.brier):
        with pytest.raises(ValueError, match="must have the same shape"):
            loss([0, 1], np.zeros((2, 3)))


# ---- against scikit-learn, where it is right ---------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_against_scikit_learn(weighted: bool) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    y, p, w = rng.integers(0, 2, 400), rng.random(400), rng.random(400) if weighted else None
    z = rng.normal(0, 2, 400)
    assert fl.binary_cross_entropy(y, p, w) == pytest.approx(metrics.log_loss(y, p, sample_weight=w), rel=1e-14)
    assert fl.brier(y, p, w) == pytest.approx(metrics.brier_score_loss(y, p, sample_weight=w), rel=1e-14)
    assert fl.hinge(y, z, w) == pytest.approx(metrics.hinge_loss(y, z, sample_weight=w), rel=1e-14)
    assert fl.hinge(2 * y - 1, z, w) == fl.hinge(y, z, w)
    expected = pytest.approx(metrics.zero_one_loss(y, p > 0.5, sample_weight=w), rel=1e-14)
    assert fl.zero_one(y, p, w) == expected
    assert fl.zero_one(y, p > 0.5, w) == expected
    several, found = rng.integers(0, 2, (100, 4)), rng.random((100, 4))
    rows = w[:100] if weighted else None
    expected = pytest.approx(metrics.hamming_loss(several, found > 0.5, sample_weight=rows), rel=1e-14)
    assert fl.hamming(several, found, rows) == expected
    assert fl.hamming(several, (found > 0.5).astype(int), rows) == expected
    classes, others = rng.integers(0, 5, (2, 300))
    assert fl.zero_one(classes, others) == pytest.approx(metrics.zero_one_loss(classes, others), rel=1e-14)
    scores, weights = rng.standard_normal((300, 5)), rng.random(300) if weighted else None
    expected = metrics.zero_one_loss(classes, scores.argmax(axis=1), sample_weight=weights)
    assert fl.zero_one(classes, scores, weights) == pytest.approx(expected, rel=1e-14)


# ---- best constants ------------------------------------------------------------------------------------------------------


TO_START_FROM = [
    *BINARY,
    *FROM_LOGITS,
    fl.BinaryCrossEntropy(from_logits=True, pos_weight=3.0, label_smoothing=0.2),
    fl.BinaryCrossEntropy(pos_weight=0.5),
    fl.BinaryFocal(gamma=3.0, alpha=0.25, from_logits=True, label_smoothing=0.1),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", TO_START_FROM, ids=repr)
def test_init_score_is_a_minimiser(loss: fl.Loss, weighted: bool) -> None:
    rng = np.random.default_rng(5)
    y = (rng.random(301) < 0.3).astype(float)
    w = rng.integers(0, 5, y.size).astype(float) if weighted else None
    score = loss.init_score(y, w)
    assert isinstance(score, float)
    bounds = (0.0, 1.0) if "y_pred" in loss._domains() else (-40.0, 40.0)

    def total(c: float) -> float:
        return loss(y, np.full_like(y, c), w)

    best = total(score)
    for candidate in (*(score + s * step for step in (1e-6, 1e-4, 0.01, 0.1) for s in (1, -1)), *np.linspace(*bounds, 300)):
        if bounds[0] < candidate < bounds[1]:
            assert total(candidate) >= best * (1 - 1e-14)


def test_init_score_in_closed_form() -> None:
    y = np.array([1, 0, 0, 0])
    assert fl.binary_cross_entropy.init_score(y) == 0.25
    assert fl.binary_cross_entropy.init_score(y, [3, 1, 1, 1]) == 0.5
    assert fl.BinaryCrossEntropy(pos_weight=3.0).init_score(y) == 0.5
    assert fl.BinaryCrossEntropy(label_smoothing=0.5).init_score(y) == 0.375
    assert fl.BinaryCrossEntropy(from_logits=True).init_score(y) == pytest.approx(-math.log(3), rel=1e-15)
    assert fl.brier.init_score([0.5, 0.25]) == 0.375
    assert fl.Brier(from_logits=True).init_score(y) == pytest.approx(-math.log(3), rel=1e-15)
    assert fl.soft_margin.init_score(y) == pytest.approx(-math.log(3), rel=1e-14)
    assert fl.exponential.init_score(2 * y - 1) == pytest.approx(-math.log(3) / 2, rel=1e-14)
    assert fl.hinge.init_score(y) == -1.0
    for loss in (fl.soft_margin, fl.exponential, fl.BinaryCrossEntropy(from_logits=True)):
        assert loss.inverse_link(loss.init_score(y)) == pytest.approx(0.25, rel=1e-14)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("loss", TO_START_FROM, ids=repr)
def test_labels_of_one_class(loss: fl.Loss, label: int) -> None:
    """Losses, derivatives and starting scores are finite."""
    y = np.full(5, label)
    score = loss.init_score(y)
    assert math.isfinite(score)
    # on the right side
    assert score == 0.5 or (loss.inverse_link(score) > 0.5 if "y_pred" not in loss._domains() else score > 0.5) == bool(label)
    assert np.isfinite(at(loss, y, np.linspace(0.1, 0.9, 5))).all()
    assert np.isfinite(at(loss, y, np.full(5, score))).all()


@pytest.mark.parametrize("loss", BINARY, ids=repr)
def test_init_score_of_bad_labels(loss: fl.Loss) -> None:
    with pytest.raises(ValueError, match="the mean of no samples"):
        loss.init_score([])
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        loss.init_score([1.0, 0.0], [0.0, 0.0])
    with pytest.raises(ValueError, match=r"y_true must .*; got -3\.0 at index 1\."):
        loss.init_score([1.0, -3.0])
    assert math.isnan(loss.init_score([1.0, NAN]))


def test_inverse_links() -> None:
    z = np.array([-2.0, 0.0, 3.0], np.float32)
    sigmoid = 1 / (1 + np.exp(-z.astype(float)))
    for loss in (*FROM_LOGITS, fl.ZeroOne(from_logits=True), fl.soft_margin):
        link = loss.inverse_link(z)
        assert link.dtype == np.float32
        np.testing.assert_allclose(link, sigmoid, rtol=2e-7)
    np.testing.assert_allclose(
        fl.exponential.inverse_link([1, 0, -100]), [1 / (1 + math.exp(-2)), 0.5, math.exp(-200)], rtol=1e-15
    )
    for loss in (fl.hinge, fl.brier, fl.hamming):
        np.testing.assert_array_equal(loss.inverse_link(z), z)
