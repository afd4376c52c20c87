"""Losses of masks, vectors and groups: the same bits everywhere, and what a mask, a distance or a group may be without."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from oracle import every_unit_loss, outputs_of
from samples import units
from units import WIDTHS, flat, same

import fastloss as fl
from fastloss import _core

LOSSES = every_unit_loss("masks", "pixels", "class_masks", "vectors", "boxes", "groups")


def outputs(loss: Any, inputs: tuple[np.ndarray, ...], **options: Any) -> list[np.ndarray]:
    return [*map(np.asarray, outputs_of(loss, inputs, **options).values()), *flat(loss.value_and_gradient(*inputs))]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_same_bits_everywhere(loss: Any, width: int, dtype: Any) -> None:
    """Instruction sets, threads, layouts, byte orders, neighbours."""
    grouped = loss.signature.axes == "[g]"
    inputs = units(loss, width, 5 if width > 1000 else 40, dtype)
    arrays, group = (inputs[:-1], inputs[-1:]) if grouped else (inputs, ())
    expected = outputs(loss, inputs)
    for name in _core.available_isas():
        with using_isa(name):
            assert same(outputs(loss, inputs), expected)
    for team in each_team(1, 2, 7):
        assert same(outputs(loss, inputs), expected), team
    swapped = tuple(x.astype(x.dtype.newbyteorder(">")) for x in arrays)
    assert same(outputs(loss, (*swapped, *group)), expected)
    strided = tuple(np.repeat(x, 2, axis=-1)[..., ::2] for x in arrays)
    assert same(outputs(loss, (*strided, *group)), expected)
    if not grouped:
        assert same(outputs(loss, tuple(map(np.asfortranarray, arrays))), expected)
        few = outputs_of(loss, tuple(x[1:3] for x in arrays))
        for a, b in zip(few.values(), outputs_of(loss, arrays).values(), strict=True):
            np.testing.assert_array_equal(a, b[1:3])


def test_a_mask_weighs_its_numbers_and_knows_its_classes() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, (4, 3, 5, 6)).astype(float), rng.random((4, 3, 5, 6))
    w = rng.integers(0, 3, y.shape).astype(float)

    def expected(axes: tuple[int, ...]) -> np.ndarray:
        return 1 - (2 * (w * y * p).sum(axes) + 1) / ((w * y).sum(axes) + (w * p).sum(axes) + 1)

    np.testing.assert_allclose(fl.dice(y, p, sample_weight=w, reduction="none"), expected((1, 2, 3)), rtol=1e-12)
    by_class = fl.Dice(per_class=True)(y, p, sample_weight=w, reduction="none")
    np.testing.assert_allclose(by_class, expected((2, 3)), rtol=1e-12)
    gradient = fl.dice.gradient(y, p, sample_weight=w)
    assert not gradient[w == 0].any()
    step = 1e-6
    moved = p.copy()
    moved[2, 1, 3, 4] += step
    slope = (fl.dice(y, moved, sample_weight=w) - fl.dice(y, p, sample_weight=w)) / step
    assert gradient[2, 1, 3, 4] == pytest.approx(slope, rel=1e-4, abs=1e-9)
    with pytest.raises(ValueError, match=r"y_pred must lie in \[0, 1\]"):
        fl.dice([[0.0, 1.0]], [[0.5, 1.5]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mask_in_parts_is_the_mask(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 300_000).astype(dtype), rng.random(300_000).astype(dtype)
    whole = float(fl.dice(y, p))
    first, second = fl.Evaluation([fl.dice]), fl.Evaluation([fl.dice])
    for i in range(0, len(y), 70_001):
        (first if i % 2 else second).update(y[i : i + 70_001], p[i : i + 70_001])
    assert pickle.loads(pickle.dumps(first)).merge(second).result() == {"dice": whole}
    for team in each_team(1, 2):
        assert fl.dice(y, p) == whole, team


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_vectors_that_coincide(p: float) -> None:
    for swap in (False, True):
        for squared in (False, True):
            loss = fl.TripletMargin(p=p, swap=swap, squared=squared)
            x = np.arange(6.0).reshape(2, 3)
            value, gradients = loss.value_and_gradient(x, x, x, reduction="none")
            np.testing.assert_array_equal(value, [1, 1])
            assert not np.any(gradients)
    far, near = ([[0, 0]], [[3e25, 4e25]], [[0, 0]]), ([[0, 0]], [[3e-20, 4e-20]], [[1, 0]])
    assert fl.triplet_margin(*np.float32(far)) == pytest.approx(5e25, rel=1e-6)
    assert fl.triplet_margin(*np.float32(near)) == 0.0
    np.testing.assert_allclose(fl.TripletMargin(2.0).gradient(*np.float32(near))[1], [[0.6, 0.8]], rtol=1e-6)
    assert np.isnan(fl.triplet_margin([[np.nan]], [[0.0]], [[1.0]]))


@pytest.mark.slow
def test_groups_of_any_size() -> None:
    rng = np.random.default_rng(2)
    sizes = [0, 1, 10_000, 0, 2]
    relevance, score = rng.integers(0, 5, 10_003).astype(float), rng.standard_normal(10_003)
    values = fl.rank_net(relevance, score, sizes, reduction="none")
    pairs = np.logaddexp(0, score[1:10_001] - score[1:10_001, None])[relevance[1:10_001, None] > relevance[1:10_001]].sum()
    assert values[2] == pytest.approx(pairs, rel=1e-10)
    assert values[[0, 1, 3]].tolist() == [0, 0, 0]
    identifiers = np.repeat(["1", "5", "3", "7", "9"], sizes).astype(float)
    assert fl.rank_net(relevance, score, identifiers, reduction="sum") == fl.rank_net(relevance, score, sizes, reduction="sum")
    gradient, hessian = fl.rank_net.gradient_and_hessian(relevance, score, sizes, reduction="none")
    assert gradient[0] == 0.0
    assert abs(gradient[1:10_001].sum()) < 1e-9 * np.abs(gradient).sum()
    assert (hessian >= 0).all()
    assert not fl.rank_net.gradient([1.0, 1.0], [3.0, 4.0], [2]).any()
    with pytest.raises(ValueError, match="must sum to the number of items, 3; they sum to 4"):
        fl.rank_net([0, 1, 2], [0.0, 1.0, 2.0], [3, 1])
    with pytest.raises(ValueError, match=r"each identifier in one run; 7.* comes again"):
        fl.rank_net([0, 1, 2], [0.0, 1.0, 2.0], [7, 8, 7])


def test_what_compares_inputs_has_no_starting_score() -> None:
    with pytest.raises(TypeError, match="TripletMargin has no starting score"):
        fl.triplet_margin.init_score([1.0])
    with pytest.raises(fl.NotDifferentiableError, match="Dice has no Hessian"):
        fl.dice.gradient_and_hessian([[0.0]], [[0.5]])
