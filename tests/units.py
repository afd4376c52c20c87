"""What the tests of losses of rows, masks and vectors have in common: the same bits everywhere, reductions, weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from conftest import each_team, using_isa

from fastloss import _core

#: Numbers in a row: on both sides of where rows lie side by side, and of a vector.
WIDTHS = [1, 2, 3, 10, 64, 130, 257, 1031]


def flat(results: Any) -> list[np.ndarray]:
    if isinstance(results, tuple):
        return [array for item in results for array in flat(item)]
    return [np.asarray(results)]


def outputs(loss: Any, *inputs: Any, **options: Any) -> list[np.ndarray]:
    """The losses and all derivatives of each row."""
    found = flat(loss.value_and_gradient(*inputs, reduction="none", **options))
    if not loss.no_hessian:
        found += flat(loss.gradient_and_hessian(*inputs, reduction="none", **options)[1])
    return found


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def check_same_bits(loss: Any, y: np.ndarray, z: np.ndarray) -> None:
    """Instruction sets, threads, the position of a row, its neighbours, layouts, whatever else is asked for."""
    n = len(z)
    expected = outputs(loss, y, z)
    assert np.isfinite(expected[0]).all()
    assert same(flat(loss(y, z, reduction="none")), expected[:1])
    assert same(flat(loss.gradient(y, z, reduction="none")), expected[1 : 2 + (loss.labels == 0)])
    for name in _core.available_isas():
        with using_isa(name):
            assert same(outputs(loss, y, z), expected)
    for team in each_team(2, 7):
        assert same(outputs(loss, y, z), expected), team
    assert same(outputs(loss, y, np.asfortranarray(z)), expected)
    wide = np.zeros((2 * n, 2 * z.shape[1]), z.dtype)
    wide[::2, ::-2] = z
    assert same(outputs(loss, np.asfortranarray(y), wide[::2, ::-2]), expected)
    assert same(outputs(loss, y[::-1], z[::-1]), [x[::-1] for x in expected])
    swapped = outputs(loss, y.astype(y.dtype.newbyteorder(">")), z.astype(z.dtype.newbyteorder(">")))
    assert same(swapped, expected)
    for i in (0, 1, n - 1):
        assert same(outputs(loss, y[i : i + 1], z[i : i + 1]), [x[i : i + 1] for x in expected])
        assert same(outputs(loss, y[i], z[i]), [x[i] for x in expected])


def check_reductions(loss: Any, y: np.ndarray, z: np.ndarray) -> None:
    """Sums are exact, weights of 0 remove a row, derivatives are those of the reduction; in place, too."""
    n = len(z)
    w = np.random.default_rng(5).uniform(0.5, 2, n)
    w[::4] = 0
    # derivatives have the dtype of what they are with respect to
    z = z.astype(np.float64)
    y = y if loss.labels else y.astype(np.float64)
    z[4] = np.nan
    results = outputs(loss, y, z, sample_weight=w)
    assert loss(y, z, sample_weight=w, reduction="sum") == math.fsum(results[0])
    assert loss(y, z, sample_weight=w) == math.fsum(results[0]) / math.fsum(w)
    mean, *scaled = flat(loss.value_and_gradient(y, z, sample_weight=w))
    assert mean == loss(y, z, sample_weight=w)
    for array in results:
        assert not array[::4].any()
    for array, gradient in zip(scaled, results[1 : 1 + len(scaled)], strict=True):
        np.testing.assert_allclose(array * w.sum(), gradient, rtol=1e-13, atol=1e-15 * np.abs(gradient).max())
    for array, whole in zip(flat(loss.gradient(y, z, sample_weight=w)), scaled, strict=True):
        np.testing.assert_array_equal(array, whole)
    copy = z.copy()
    if loss.labels:
        loss.gradient(y, copy, sample_weight=w, out=copy)
        np.testing.assert_array_equal(copy, scaled[0])
    else:
        other = y.copy()
        loss.gradient(other, copy, sample_weight=w, out=(other, copy))
        assert same([other, copy], scaled)


def check_nan_stays(loss: Any, y: np.ndarray, z: np.ndarray, k: int) -> None:
    """A NaN is seen in all that belongs to its row, and nowhere else."""
    z = z.copy()
    z[5, k] = np.nan
    results = outputs(loss, y, z)
    assert np.isnan(results[0][5])
    assert np.isnan(results[-1][5, k])
    assert any(np.isnan(array[5, k]) for array in results[1:-1])
    for array in results:
        assert not np.isnan(np.delete(array, 5, axis=0)).any()
