"""Losses of sequences: against all paths, at the ends of what can be aligned, whatever the layout, and without reading padding."""

from __future__ import annotations

import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from mpmath import mp, mpf
from units import flat, same

import fastloss as fl
from fastloss import _core

CTC = (fl.CTC(), fl.CTC(from_logits=True))


def spelled(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    merged = [k for i, k in enumerate(path) if i == 0 or k != path[i - 1]]
    return tuple(k for k in merged if k != blank)


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
    repeats = np.array([np.count_nonzero(row[1:m] == row[: max(m - 1, 0)]) for row, m in zip(targets, target_lengths, strict=True)])
    input_lengths = rng.integers(np.minimum(target_lengths + repeats, frames), frames + 1)
    input_lengths[0] = frames
    return z, targets, input_lengths, target_lengths


@pytest.mark.slow
def test_ten_thousand_frames() -> None:
    """Long enough for sums to leave the range of any number, and for the columns of the lattice to be made twice."""
    z, targets, input_lengths, target_lengths = random_case(10_000, 1, 30, 3000)
    log_probs = log_softmax(z)[:, 0]
    expected, shares = scaled_lattice(log_probs, targets[0], 0)
    value, gradient = fl.ctc.value_and_gradient(log_probs.astype(float)[:, None], targets, input_lengths, target_lengths, reduction="sum")
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(-gradient[:, 0], shares, rtol=0, atol=1e-10)
    value, gradient = CTC[1].value_and_gradient(z, targets, input_lengths, target_lengths, reduction="sum")
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient[:, 0], np.exp(log_probs).astype(float) - shares, rtol=0, atol=1e-10)
    assert value == CTC[1](z, targets, input_lengths, target_lengths, reduction="sum")


@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("shape", [(40, 5, 7, 9), (300, 3, 20, 60), (60, 3, 300, 20), (50, 2, 2, 20)])
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
