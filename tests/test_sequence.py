"""Losses of sequences: against all paths, at the ends of what can be aligned, in any layout, and without reading padding."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from mpmath import mp, mpf
from oracle import error_in_ulp, every_sequence_loss, parameters_of, promised
from references import REFERENCES, spelled
from units import flat, same

import fastloss as fl
from fastloss import _core

CTC = (fl.CTC(), fl.CTC(from_logits=True))


def sums_over_paths(weights: np.ndarray, blank: int) -> dict[tuple[int, ...], tuple[int, np.ndarray]]:
    """By what they spell: the sum of the products of all paths, and of those that are at a class in a frame; whole numbers."""
    frames, classes = weights.shape
    found: dict[tuple[int, ...], tuple[int, np.ndarray]] = {}
    for path in itertools.product(range(classes), repeat=frames):
        product = math.prod(int(weights[t, k]) for t, k in enumerate(path))
        total, at = found.get(spelled(path, blank), (0, np.zeros((frames, classes), object)))
        for t, k in enumerate(path):
            at[t, k] += product
        found[spelled(path, blank)] = total + product, at
    return found


@pytest.mark.parametrize("classes", [1, 2, 3, 4])
@pytest.mark.parametrize("frames", range(7))
def test_all_paths(frames: int, classes: int) -> None:
    """Value and gradient of every target of at most three labels, exactly, with either kind of input; or it is infeasible."""
    rng = np.random.default_rng(10 * frames + classes)
    for blank in {0, classes - 1}:
        labels = [k for k in range(classes) if k != blank]
        targets = [target for length in range(4) for target in itertools.product(labels, repeat=length)]
        weights = rng.integers(1, 1000, (frames, classes))
        weights[rng.random(weights.shape) < 0.1] = 0
        totals = [sum(map(int, row)) for row in weights]
        sums = sums_over_paths(weights, blank)
        with np.errstate(divide="ignore"):
            scores = np.log(weights.astype(float))
            log_probs = scores - np.log(np.maximum(np.array(totals, float).reshape(-1, 1), 1))
        lengths = [len(target) for target in targets]
        padded = np.array([(*target, *[blank] * (3 - len(target))) for target in targets])
        for loss in CTC:
            rows = scores if loss.from_logits else log_probs
            given = np.repeat(rows[:, None], len(targets), axis=1)
            if loss.from_logits and 0 in totals:
                # no softmax
                continue
            value, gradient = fl.CTC(blank, loss.from_logits).value_and_gradient(
                given, padded, [frames] * len(targets), lengths, reduction="none"
            )
            for i, target in enumerate(targets):
                total, at = sums.get(target, (0, None))
                if not total:
                    assert value[i] == np.inf
                    assert not gradient[:, i].any()
                    continue
                with mp.workdps(30):
                    exact = mp.log(math.prod(totals)) - mp.log(total)
                assert value[i] == pytest.approx(float(exact), rel=1e-12, abs=1e-12)
                for t, k in np.ndindex(frames, classes):
                    slope = -mpf(at[t, k]) / total + (mpf(int(weights[t, k])) / totals[t] if loss.from_logits else 0)
                    assert gradient[t, i, k] == pytest.approx(float(slope), abs=1e-14)


def scaled_lattice(log_probs: np.ndarray, target: np.ndarray, blank: int) -> tuple[float, np.ndarray]:
    """Loss and shares of one sequence in extended precision, each column divided by its largest number."""
    frames, classes = log_probs.shape
    p = np.exp(log_probs.astype(np.longdouble))
    extended = np.full(2 * len(target) + 1, blank)
    extended[1::2] = target
    skip = np.zeros(len(extended), bool)
    skip[2:] = (extended[2:] != blank) & (extended[2:] != extended[:-2])
    forward = np.zeros((frames + 1, len(extended)), np.longdouble)
    forward[0, 0] = 1
    log = np.longdouble(0)
    for t in range(frames):
        x = forward[t]
        sums = x.copy()
        sums[1:] += x[:-1]
        sums[2:] += np.where(skip[2:], x[:-2], 0)
        if t == 0:
            sums[2:] = 0
        sums *= p[t, extended]
        scale = sums.max()
        log += np.log(scale)
        forward[t + 1] = sums / scale
    total = forward[-1, -2:].sum()
    shares = np.zeros((frames, classes))
    back = np.zeros(len(extended), np.longdouble)
    back[-2:] = 1
    for t in range(frames - 1, -1, -1):
        ways = forward[t + 1] * back
        np.add.at(shares[t], extended, (ways / ways.sum()).astype(float))
        x = back * p[t, extended]
        back = x.copy()
        back[:-1] += x[1:]
        back[:-2] += np.where(skip[2:], x[2:], 0)
        back /= back.max()
    return float(-(log + np.log(total))), shares


def log_softmax(z: np.ndarray) -> np.ndarray:
    z = z.astype(np.longdouble)
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def random_case(
    frames: int, n: int, classes: int, labels: int, dtype: Any = np.float64, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, padded labels, and lengths of all kinds that can be aligned."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((frames, n, classes)).astype(dtype)
    targets = rng.integers(1, classes, (n, labels)) if classes > 1 else np.zeros((n, labels), int)
    target_lengths = rng.integers(labels // 2, labels + 1, n)
    target_lengths[0] = labels
    repeats = np.array(
        [np.count_nonzero(row[1:m] == row[: max(m - 1, 0)]) for row, m in zip(targets, target_lengths, strict=True)]
    )
    input_lengths = rng.integers(np.minimum(target_lengths + repeats, frames), frames + 1)
    input_lengths[0] = frames
    return z, targets, input_lengths, target_lengths


@pytest.mark.slow
def test_ten_thousand_frames() -> None:
    """Long enough for sums to leave the range of any number, and for the columns of the lattice to be made twice."""
    z, targets, input_lengths, target_lengths = random_case(10_000, 1, 30, 3000)
    log_probs = log_softmax(z)[:, 0]
    expected, shares = scaled_lattice(log_probs, targets[0], 0)
    value, gradient = fl.ctc.value_and_gradient(
        log_probs.astype(float)[:, None], targets, input_lengths, target_lengths, reduction="sum"
    )
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(-gradient[:, 0], shares, rtol=0, atol=1e-10)
    value, gradient = CTC[1].value_and_gradient(z, targets, input_lengths, target_lengths, reduction="sum")
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient[:, 0], np.exp(log_probs).astype(float) - shares, rtol=0, atol=1e-10)
    assert value == CTC[1](z, targets, input_lengths, target_lengths, reduction="sum")


@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("shape", [(40, 5, 7, 9), (300, 3, 20, 60), (60, 3, 300, 20), (50, 2, 2, 20), (700, 2, 5, 120)])
def test_against_extended_precision(shape: tuple[int, ...], size: float) -> None:
    z, targets, input_lengths, target_lengths = random_case(*shape)
    z *= size
    for loss in CTC:
        given = z if loss.from_logits else log_softmax(z).astype(float)
        value, gradient = loss.value_and_gradient(given, targets, input_lengths, target_lengths, reduction="none")
        for i, (t, m) in enumerate(zip(input_lengths, target_lengths, strict=True)):
            log_probs = log_softmax(z[:t, i]) if loss.from_logits else given[:t, i].astype(np.longdouble)
            expected, shares = scaled_lattice(log_probs, targets[i, :m], 0)
            assert value[i] == pytest.approx(expected, rel=1e-13)
            slopes = (np.exp(log_probs).astype(float) if loss.from_logits else 0) - shares
            np.testing.assert_allclose(gradient[:t, i], slopes, rtol=0, atol=1e-12)
            assert not gradient[t:, i].any()


def outputs(loss: Any, *inputs: Any, **options: Any) -> list[np.ndarray]:
    return flat(loss.value_and_gradient(*inputs, reduction="none", **options)) + flat(
        loss.value_and_gradient(*inputs, **options)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(17, 6, 5, 4), (70, 3, 33, 12), (20, 2, 300, 3), (9, 4, 2, 3)])
@pytest.mark.parametrize("loss", CTC, ids=repr)
def test_same_bits_everywhere(loss: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Instruction sets, threads, layouts, byte orders, neighbours, padding, in place."""
    z, targets, frames, lengths = inputs = random_case(*shape, dtype)
    expected = outputs(loss, *inputs)
    assert all(np.isfinite(array).all() for array in expected)
    assert same(flat(loss(*inputs, reduction="none")), expected[:1])
    assert same(flat(loss.gradient(*inputs, reduction="none")), expected[1:2])
    for name in _core.available_isas():
        with using_isa(name):
            assert same(outputs(loss, *inputs), expected), name
    for team in each_team(1, 2, 7):
        assert same(outputs(loss, *inputs), expected), team
    rest = targets, frames, lengths
    others = [
        np.asfortranarray(z),
        z.astype(z.dtype.newbyteorder(">")),
        np.repeat(z, 2, axis=2)[..., ::2],
        z[::-1, ::-1].copy()[::-1, ::-1],
    ]
    for other in others:
        assert same(outputs(loss, other, *rest), expected)
    by_batch = np.ascontiguousarray(np.swapaxes(z, 0, 1))
    first = fl.CTC(0, loss.from_logits, batch_first=True)
    swapped = outputs(first, by_batch, *rest)
    assert same([array if array.ndim < 3 else np.swapaxes(array, 0, 1) for array in swapped], expected)
    # alone, in another order, with more padding and other labels in it, one after another
    for i in range(len(frames)):
        alone = loss.value_and_gradient(z[:, i], targets[i, : lengths[i]], frames[i], lengths[i], reduction="none")
        assert same(flat(alone), [expected[0][i], expected[1][:, i]])
        own = slice(i, i + 1)
        less = loss.value_and_gradient(z[: frames[i], own], targets[own], frames[own], lengths[own], reduction="none")
        assert same(flat(less), [expected[0][own], expected[1][: frames[i], own]])
    order = np.random.default_rng(0).permutation(len(frames))
    moved = loss.value_and_gradient(z[:, order], targets[order], frames[order], lengths[order], reduction="none")
    assert same(flat(moved), [expected[0][order], expected[1][:, order]])
    labels = np.concatenate([row[:m] for row, m in zip(targets, lengths, strict=True)])
    for kind in (np.int8, np.uint16, np.int32, np.uint64, ">i4", float):
        if labels.max(initial=0) > 127 and kind == np.int8:
            continue
        assert same(outputs(loss, z, labels.astype(kind), frames, lengths), expected)
        assert same(outputs(loss, z, np.asfortranarray(targets.astype(kind)), frames, lengths), expected)
    # in place, and into memory of any layout
    copy = z.copy()
    loss.gradient(copy, *rest, reduction="none", out=copy)
    assert same([copy], expected[1:2])
    out = np.full((*z.shape, 2), np.nan, dtype)[..., 0]
    loss.gradient(z, *rest, reduction="none", out=out)
    assert same([out], expected[1:2])
    wide = np.empty(z.shape, np.float64)
    loss.gradient(z, *rest, reduction="none", out=wide)
    assert same([wide.astype(dtype)], expected[1:2])


@pytest.mark.parametrize("gap", [3.0, 12.0, 30.0, 300.0])
@pytest.mark.parametrize("labels", [0, 1, 7])
def test_losses_near_nothing_keep_their_digits(labels: int, gap: float) -> None:
    """Frames that are sure of one class, beside which all others are small: against sums of many digits."""
    frames, classes = 12 * (labels + 1), 4
    rng = np.random.default_rng(labels)
    target = 1 + np.cumsum(rng.integers(1, classes - 1, labels)) % (classes - 1)
    sure = np.repeat([k for label in (*target, 0) for k in (0, label)], 6)[:frames]
    z = rng.standard_normal((frames, classes))
    z[np.arange(frames), sure] += gap
    with mp.workdps(400):
        e = [[mp.exp(mpf(x)) for x in row] for row in z.tolist()]
        p = [[x / sum(row) for x in row] for row in e]
        states = [k for label in target.tolist() for k in (0, label)] + [0]
        ways = [mpf(1)] + [mpf(0)] * (len(states) - 1)
        for t, row in enumerate(p):
            ways = [
                row[k]
                * (ways[i] + (ways[i - 1] if i else 0) + (ways[i - 2] if t and k and i > 1 and k != states[i - 2] else 0))
                for i, k in enumerate(states)
            ]
        exact = -mp.log(sum(ways[-2:]))
        size = sum(-mp.log(max(row)) for row in p)
    value = CTC[1](z, target, frames, labels, reduction="sum")
    assert abs(value - exact) <= 8 * 2.0**-53 * max(exact, size)
    single = CTC[1](z.astype(np.float32), target, frames, labels, reduction="sum")
    assert single == pytest.approx(
        CTC[1](z.astype(np.float32).astype(float), target, frames, labels, reduction="sum"), rel=5e-7, abs=1e-44
    )


@pytest.mark.parametrize("loss", every_sequence_loss(), ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_errors_stay_below_the_promise(loss: Any, dtype: Any) -> None:
    """Against the sum over all paths and its numerical derivatives."""
    reference, parameters = REFERENCES["ctc"], parameters_of(loss)
    rng = np.random.default_rng(3)
    labels = [k for k in range(3) if k != loss.blank]
    for frames, target in ((1, []), (2, labels), (4, [labels[0]] * 2), (5, labels[:1])):
        for size in (0.5, 8.0):
            z = (size * rng.standard_normal((frames, 3))).astype(dtype)
            value, gradient = loss.value_and_gradient(z, target, frames, len(target), reduction="none")
            with mp.workdps(80):
                exact = [list(map(mpf, row)) for row in z.tolist()]
                assert error_in_ulp(value, reference.value(exact, target, **parameters), dtype) <= promised(loss, "value")
                for t, k in np.ndindex(z.shape):
                    moved = []
                    for step in (-(mpf(10) ** -30), mpf(10) ** -30):
                        other = [list(row) for row in exact]
                        other[t][k] += step
                        moved.append(reference.value(other, target, **parameters))
                    slope = (moved[1] - moved[0]) / (2 * mpf(10) ** -30)
                    term = reference.terms[1](exact, target, at=(t, k), **parameters)
                    assert error_in_ulp(gradient[t, k], slope, dtype, term) <= promised(loss, "gradient")


@pytest.mark.parametrize("loss", CTC, ids=repr)
def test_in_place_where_columns_are_made_again(loss: Any) -> None:
    """What is read for the second time, has not been overwritten; and the value alone has the same bits."""
    inputs = random_case(1500, 2, 4, 130)
    value, gradient = loss.value_and_gradient(*inputs)
    assert loss(*inputs) == value
    copy = inputs[0].copy()
    loss.gradient(copy, *inputs[1:], out=copy)
    np.testing.assert_array_equal(copy, gradient)


@pytest.mark.parametrize("loss", CTC, ids=repr)
def test_padding_is_not_read(loss: Any) -> None:
    """Whatever is in it: NaN, labels that are none; and the gradient there is 0, whatever was in the array."""
    z, targets, frames, lengths = random_case(30, 7, 6, 8)
    expected = outputs(loss, z, targets, frames, lengths)
    behind = np.arange(40)[:, None] >= frames
    more = np.concatenate([z, np.zeros((10, 7, 6))])
    more[behind] = np.nan
    other = np.pad(targets, ((0, 0), (0, 5)))
    other[np.arange(13) >= lengths[:, None]] = np.iinfo(np.int64).min
    for rows in (more, np.asfortranarray(more), more.astype(">f8")):
        gradient = np.full(more.shape, np.nan)
        value, _ = loss.value_and_gradient(rows, other, frames, lengths, reduction="none", out=(None, gradient))
        np.testing.assert_array_equal(value, expected[0])
        np.testing.assert_array_equal(gradient[:30], expected[1])
        assert not gradient[30:].any()


def test_what_cannot_be_aligned() -> None:
    """Too few frames, or no way of a probability above 0: infinity, nothing or an error; the gradient is 0, never NaN."""
    minus = -np.inf
    log_probs = np.log(np.full((2, 4, 3), 1 / 3))
    log_probs[:, 3, 1] = minus
    targets, frames, lengths = [[1, 1, 0], [1, 2, 1], [2, 1, 0], [1, 0, 0]], [2, 2, 2, 2], [2, 3, 2, 1]
    for from_logits in (False, True):
        loss = fl.CTC(from_logits=from_logits)
        value, gradient = loss.value_and_gradient(log_probs, targets, frames, lengths, reduction="none")
        np.testing.assert_allclose(value, [np.inf, np.inf, 2 * math.log(3), np.inf], rtol=1e-15)
        assert not gradient[:, [0, 1, 3]].any()
        assert gradient[:, 2].any()
        assert loss(log_probs, targets, frames, lengths) == np.inf
        assert np.isfinite(loss.gradient(log_probs, targets, frames, lengths)).all()
        zero = fl.CTC(from_logits=from_logits, infeasible="zero")
        assert zero(log_probs, targets, frames, lengths) == pytest.approx(math.log(3) / 4, rel=1e-15)
        np.testing.assert_array_equal(zero.gradient(log_probs, targets, frames, lengths, reduction="none"), gradient)
        strict = fl.CTC(from_logits=from_logits, infeasible="raise")
        for method in (strict, strict.gradient, strict.value_and_gradient):
            with pytest.raises(
                ValueError, match=r"sample 0 cannot be aligned: 2 labels, 1 of them like the one before, need 3 frames"
            ):
                method(log_probs, targets, frames, lengths)
            with pytest.raises(
                ValueError, match=r"sample 1 cannot be aligned: all ways to spell its target have the probability 0"
            ):
                method(log_probs[:, 2:], targets[2:], frames[2:], lengths[2:])
        weights = [0, 0, 1, 0]
        assert strict(log_probs, targets, frames, lengths, sample_weight=weights) == pytest.approx(math.log(3), rel=1e-15)


def test_empty_targets_and_no_frames() -> None:
    log_probs = np.log([[0.25, 0.75], [0.5, 0.5], [0.125, 0.875]])[:, None]
    value, gradient = fl.ctc.value_and_gradient(log_probs, np.zeros((1, 0), int), [3], [0])
    assert value == pytest.approx(-math.log(0.25 * 0.5 * 0.125), rel=1e-15)
    np.testing.assert_allclose(gradient[:, 0], [[-1, 0]] * 3, atol=1e-15)
    assert fl.ctc(log_probs, [[1]], [0], [0]) == 0.0
    assert fl.ctc(log_probs, [[1]], [0], [1]) == np.inf
    assert not fl.ctc.gradient(log_probs, [[1]], [0], [1]).any()
    none = np.empty((0, 2, 3))
    value, gradient = fl.ctc.value_and_gradient(none, [[1], [1]], [0, 0], [1, 0], reduction="none")
    np.testing.assert_array_equal(value, [np.inf, 0])
    assert gradient.shape == none.shape
    value, gradient = CTC[1].value_and_gradient(np.asfortranarray(none), [[1], [1]], [0, 0], [1, 0], reduction="none")
    np.testing.assert_array_equal(value, [np.inf, 0])
    nobody = np.empty((4, 0, 3))
    with pytest.raises(ValueError, match="the mean of no samples"):
        fl.ctc(nobody, np.empty((0, 2), int), [], [])
    assert fl.ctc(nobody, np.empty((0, 2), int), [], [], reduction="sum") == 0.0
    assert fl.ctc.gradient(nobody, np.empty(0, int), [], [], reduction="sum").shape == (4, 0, 3)


def test_log_probabilities_of_any_size() -> None:
    """Minus infinity where no alignment must pass, sums that no number holds, and what is not normalised."""
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet(np.ones(4), (6, 1)))
    expected = fl.ctc(log_probs, [1, 2], [6], [2])
    masked = log_probs.copy()
    masked[:, 0, 3] = -np.inf
    assert fl.ctc(masked, [1, 2], [6], [2]) == expected
    gradient = fl.ctc.gradient(masked, [1, 2], [6], [2])
    assert not gradient[:, 0, 3].any()
    for shift in (1000.0, -1000.0, -1e10, 2.0**60):
        assert fl.ctc(log_probs + shift, [1, 2], [6], [2], reduction="sum") == pytest.approx(
            2 * expected - 6 * shift, rel=1e-15, abs=1e-5 if abs(shift) > 1e5 else 1e-12
        )
    # one way is left, and it is hardly possible
    narrow = np.full((3, 1, 3), -np.inf)
    narrow[[0, 1, 2], 0, [1, 0, 2]] = -1e300, -1e200, -3.0
    value, gradient = fl.ctc.value_and_gradient(narrow, [1, 2], [3], [2], reduction="sum")
    assert value == 1e300
    np.testing.assert_array_equal(gradient, -np.isfinite(narrow).astype(float))
    # ways that differ by more than the range of a number, where the larger ones come to nothing
    frames = np.full((400, 1, 3), -30.0)
    frames[:200, 0, 0] = frames[200:, 0, 2] = 0.0
    frames[200:, 0, 0] = -np.inf
    frames[200:, 0, 1] = -np.inf
    value, gradient = fl.ctc.value_and_gradient(frames, [1, 2], [400], [2], reduction="sum")
    expected, shares = scaled_lattice(frames[:, 0], np.array([1, 2]), 0)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(-gradient[:, 0], shares, atol=1e-13)


@pytest.mark.parametrize("loss", CTC, ids=repr)
def test_nan_stays_with_its_sequence(loss: Any) -> None:
    z, targets, frames, lengths = random_case(12, 3, 5, 4)
    expected = outputs(loss, z, targets, frames, lengths)
    z[4, 1, targets[1, 0]] = np.nan
    value, gradient = loss.value_and_gradient(z, targets, frames, lengths, reduction="none")
    assert np.isnan(value[1])
    assert np.isnan(gradient[: frames[1], 1]).all()
    np.testing.assert_array_equal(value[[0, 2]], expected[0][[0, 2]])
    np.testing.assert_array_equal(gradient[:, [0, 2]], expected[1][:, [0, 2]])
    weighted = loss.value_and_gradient(z, targets, frames, lengths, sample_weight=[1, 0, 1])
    assert np.isfinite(weighted[0])
    assert not weighted[1][:, 1].any()


@pytest.mark.parametrize("loss", CTC, ids=repr)
def test_reductions_and_weights(loss: Any) -> None:
    z, _, _, lengths = inputs = random_case(20, 9, 5, 6)
    lengths[4] = 0
    w = np.array([0.5, 0, 3, 1, 2, 0.25, 0, 1, 1])
    values = loss(*inputs, reduction="none")
    weighted = loss(*inputs, sample_weight=w, reduction="none")
    np.testing.assert_array_equal(weighted, w * values)
    assert loss(*inputs, sample_weight=w, reduction="sum") == math.fsum(weighted)
    each = values / np.maximum(lengths, 1)
    assert loss(*inputs) == math.fsum(each) / 9
    assert loss(*inputs, sample_weight=w) == math.fsum(w * each) / math.fsum(w)
    gradients = loss.gradient(*inputs, reduction="none")
    for options, scale in (
        ({}, 1 / np.maximum(lengths, 1) / 9),
        ({"reduction": "sum"}, np.ones(9)),
        ({"sample_weight": w}, w / np.maximum(lengths, 1) / w.sum()),
        ({"sample_weight": w, "reduction": "none"}, w),
    ):
        value, gradient = loss.value_and_gradient(*inputs, **options)
        np.testing.assert_array_equal(value, loss(*inputs, **options))
        np.testing.assert_allclose(gradient, gradients * scale[:, None], rtol=1e-14, atol=1e-17)
        np.testing.assert_array_equal(gradient, loss.gradient(*inputs, **options))
    single = [x.astype(np.float32) if x is z else x for x in inputs]
    each = loss(*single, reduction="none") / np.maximum(lengths, 1).astype(np.float32)
    assert loss(*single) == math.fsum(each) / 9
    heavy = loss(*inputs, sample_weight=np.full(9, 1e308))
    assert heavy == pytest.approx(loss(*inputs), rel=1e-14)
    with pytest.raises(ValueError, match=r"not negative; got -1\.0 at index 2"):
        loss(*inputs, sample_weight=[1, 1, -1.0, 1, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="sums to zero"):
        loss.gradient(*inputs, sample_weight=np.zeros(9))


def test_types() -> None:
    z, targets, frames, lengths = random_case(20, 4, 5, 6, np.float32)
    value, gradient = CTC[1].value_and_gradient(z.astype(np.float16), targets, frames, lengths)
    expected = CTC[1].value_and_gradient(z.astype(np.float16).astype(np.float32), targets, frames, lengths)
    assert value == expected[0]
    assert gradient.dtype == np.float16
    np.testing.assert_array_equal(gradient, expected[1].astype(np.float16))
    whole = np.round(4 * z).astype(np.int8)
    assert CTC[1].gradient(whole, targets, frames, lengths).dtype == np.float64
    assert CTC[1](whole, targets, frames, lengths) == CTC[1](whole.astype(float), targets, frames, lengths)
    double = CTC[1](z.astype(float), targets, frames, lengths, reduction="none")
    single = CTC[1](z, targets, frames, lengths, reduction="none")
    np.testing.assert_allclose(single, double, rtol=4 * np.finfo(np.float32).eps)
    lists = CTC[1](z.tolist(), targets.tolist(), frames.tolist(), tuple(lengths.tolist()))
    assert lists == CTC[1](z.astype(float), targets, frames, lengths)


def test_errors_name_the_sample() -> None:
    z, targets, frames, lengths = random_case(20, 4, 5, 6)
    frames[:], lengths[:] = 20, 6

    def refused(message: str, error: type[Exception] = ValueError, loss: Any = fl.ctc, **changed: Any) -> None:
        given = {"log_probs": z, "targets": targets, "input_lengths": frames, "target_lengths": lengths} | changed
        for method in (loss, loss.gradient, loss.value_and_gradient):
            with pytest.raises(error, match=message):
                method(*given.values())
        with pytest.raises(error, match=message):
            fl.evaluate({"ctc": loss}, **given)

    def with_label(x: int, place: tuple[int, int] = (2, 3)) -> np.ndarray:
        other = targets.copy()
        other[place] = x
        return other

    for label in (5, -1, 2**40, -(2**63)):
        refused(
            rf"targets must hold classes from 0 to 4 other than the blank, 0; got {label} at index \(2, 3\), in the target",
            targets=with_label(label),
        )
    refused(r"other than the blank, 0; got 0 at index \(2, 3\), in the target of sample 2", targets=with_label(0))
    refused(r"other than the blank, 4; got 4 at index \(", loss=fl.CTC(blank=4))
    refused(r"got 9 at index 15, in the target of sample 2", targets=with_label(9).ravel())
    refused(r"got 1.5 at index \(0, 0\)", targets=np.where(targets == targets[0, 0], 1.5, targets))
    refused(
        "input_lengths must be whole numbers from 0 to 20, the frames of log_probs; got 21 at sample 1",
        input_lengths=[20, 21, 20, 20],
    )
    refused("got -1 at sample 3", input_lengths=[20, 20, 20, -1])
    refused(
        "target_lengths must be whole numbers from 0 to 6, the labels of targets; got 7 at sample 0",
        target_lengths=[7, 6, 6, 6],
    )
    refused("got nan at sample 0", target_lengths=[np.nan, 6, 6, 6])
    refused(r"target_lengths must have shape \(4,\), one for each sequence; got shape \(3,\)", target_lengths=lengths[:3])
    refused(
        "target_lengths must sum to the number of targets where these have one axis, 24; they sum to 23",
        targets=targets.ravel(),
        target_lengths=[6, 6, 6, 5],
    )
    refused(r"targets must have shape \(4, S\), the labels of a sequence in each row, or \(S,\)", targets=targets[:3])
    refused(
        r"log_probs must have shape \(T, N, C\), for N sequences of T frames of C classes, .* or \(T, C\); got \(20,\)",
        log_probs=z[:, 0, 0],
    )
    refused(r"log_probs must have shape \(N, T, C\)", log_probs=z[:, 0, 0], loss=fl.CTC(batch_first=True))
    refused("log_probs has 5 classes: the blank, 5, is none of them", loss=fl.CTC(blank=5))
    refused("log_probs must hold real numbers", TypeError, log_probs=z.astype(complex))
    with pytest.raises(fl.NotDifferentiableError, match="CTC has no Hessian"):
        fl.ctc.gradient_and_hessian(z, targets, frames, lengths)
    # what is wrong with a sequence of weight 0 does not count
    assert np.isfinite(fl.ctc(z, with_label(7), frames, lengths, sample_weight=[1, 1, 0, 1]))
    assert not fl.ctc.gradient(z, with_label(7), frames, lengths, sample_weight=[1, 1, 0, 1])[:, 2].any()


def test_evaluations_add_up() -> None:
    """Piece by piece, in both layouts, beside each other; a mean is that of the losses by their lengths."""
    z, targets, frames, lengths = random_case(20, 9, 5, 6)
    lengths[5] = 0
    w = np.arange(9.0)
    losses = {"ctc": CTC[1], "other": fl.CTC(4, True, "zero")}
    targets[targets == 4] = 1
    ev = fl.Evaluation(losses)
    for part in (slice(0, 4), slice(4, 5), slice(5, 9)):
        ev.update(z[:, part], targets[part], frames[part], lengths[part], sample_weight=w[part])
    assert ev.n_samples == 9
    assert ev.result() == {name: loss(z, targets, frames, lengths, sample_weight=w) for name, loss in losses.items()}
    total = fl.evaluate(losses, z, targets, frames, lengths, reduction="sum")
    assert total == {name: loss(z, targets, frames, lengths, reduction="sum") for name, loss in losses.items()}
    square = z[:9, :9]
    both = {"a": CTC[1], "b": fl.CTC(from_logits=True, batch_first=True, infeasible="zero")}
    few = np.minimum(frames, 9)
    expected = {name: loss(square, targets, few, lengths) for name, loss in both.items()}
    assert fl.evaluate(both, square, targets, few, lengths) == expected


def test_parameters() -> None:
    for change, message in (
        ({"blank": -1}, "CTC: blank must be a class index, an integer from 0; got -1"),
        ({"blank": 0.5}, "got 0.5"),
        ({"blank": True}, "got True"),
        ({"infeasible": "nan"}, 'CTC: infeasible must be "inf", "zero" or "raise"; got \'nan\''),
        ({"from_logits": 1}, "from_logits must be True or False"),
    ):
        with pytest.raises(ValueError, match=message):
            fl.CTC(**change)
    assert fl.CTC(blank=np.int64(2)) == fl.CTC(2)
