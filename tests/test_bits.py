"""The same bits: for every instruction set, number of threads, layout, position and entry point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from oracle import default_instances, every_instance, outputs_of
from samples import sample

import fastloss as fl
from fastloss import _core

# More than one chunk of blocks, not a multiple of anything.
LARGE = 70_001
PER_SAMPLE = [loss for loss in every_instance() if loss.name != "root_mean_squared_error"]
DTYPES = [np.float32, np.float64]


def assert_same_bits(a: Any, b: Any, what: str = "") -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype, what
    # payloads of NaN are nobody's promise
    np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=what)
    np.testing.assert_array_equal(np.nan_to_num(a, nan=0.0).tobytes(), np.nan_to_num(b, nan=0.0).tobytes(), err_msg=what)


def everything(loss: fl.Loss, inputs: tuple[np.ndarray, ...]) -> list[Any]:
    """Every result of every entry point."""
    results = [loss(*inputs)]
    if loss.name == "root_mean_squared_error":
        return [*results, loss.gradient(*inputs)]
    for reduction in (name for name in loss.reductions if name != "none"):
        results.append(loss(*inputs, reduction=reduction))
        if not loss.no_gradient:
            results.append(loss.gradient(*inputs, reduction=reduction))
    results += outputs_of(loss, inputs).values()
    flat = []
    for result in results:
        flat += result if isinstance(result, tuple) else [result]
    return flat


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", every_instance(), ids=repr)
def test_instruction_sets(loss: fl.Loss, dtype: Any) -> None:
    inputs = sample(loss, 5003, dtype)
    expected = everything(loss, inputs)
    for name in _core.available_isas():
        with using_isa(name):
            for got, wanted in zip(everything(loss, inputs), expected, strict=True):
                assert_same_bits(got, wanted, name)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", default_instances(), ids=repr)
def test_threads(loss: fl.Loss, dtype: Any) -> None:
    inputs = sample(loss, 3 * LARGE, dtype)
    with fl.num_threads(1):
        expected = everything(loss, inputs)
    for team in each_team(2, 7):
        for got, wanted in zip(everything(loss, inputs), expected, strict=True):
            assert_same_bits(got, wanted, team)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [loss for loss in PER_SAMPLE if not loss.no_gradient], ids=repr)
def test_entry_points_agree(loss: fl.Loss, dtype: Any) -> None:
    """Value and derivatives are the same numbers whichever method was asked, for whatever else."""
    inputs = sample(loss, 1500, dtype)
    outputs = outputs_of(loss, inputs)
    for reduction in loss.reductions:
        value, gradient = loss.value_and_gradient(*inputs, reduction=reduction)
        assert_same_bits(value, loss(*inputs, reduction=reduction))
        both, _ = loss.gradient_and_hessian(*inputs, reduction=reduction)
        alone = loss.gradient(*inputs, reduction=reduction)
        for a, b, c in zip(*(g if isinstance(g, tuple) else (g,) for g in (gradient, both, alone)), strict=True):
            assert_same_bits(a, b)
            assert_same_bits(a, c)
        if reduction == "none":
            assert_same_bits(value, outputs["value", loss.labels])
        if reduction == "mean":
            with np.errstate(under="ignore"):
                expected = outputs["gradient", loss.labels] / dtype(inputs[0].size)
            assert_same_bits(alone[0] if isinstance(alone, tuple) else alone, expected)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", PER_SAMPLE, ids=repr)
def test_a_sample_does_not_depend_on_its_place(isa: str, loss: fl.Loss, dtype: Any) -> None:
    """Tails of 0 to two vectors and more, odd offsets, neighbours that are not numbers."""
    inputs = sample(loss, 40, dtype)
    expected = outputs_of(loss, inputs)
    for n in range(40):
        for key, array in outputs_of(loss, tuple(a[:n] for a in inputs)).items():
            assert_same_bits(array, expected[key][:n], f"{key} of the first {n}")
    for start in (1, 2, 3, 7, 17):
        for key, array in outputs_of(loss, tuple(a[start:] for a in inputs)).items():
            assert_same_bits(array, expected[key][start:], f"{key} from {start}")
    for lane in (0, 5, 16, 33, 39):
        spoilt = tuple(a.copy() for a in inputs)
        last = len(inputs) - 1
        spoilt[min(1, last)][lane] = np.nan
        others = np.arange(40) != lane
        for (output, which), array in outputs_of(loss, spoilt).items():
            assert_same_bits(array[others], expected[output, which][others], f"NaN at {lane}")
            if output == "value" or which == min(1, last):
                assert np.isnan(array[lane]), (output, lane)


def layouts(array: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers in other places of memory."""
    wide = np.full((array.size, 3), np.nan, dtype=array.dtype)
    wide[:, 1] = array
    packed = np.zeros(array.size, dtype=[("pad", "i1"), ("x", array.dtype)])
    packed["x"] = array
    shifted = np.frombuffer(b"\0" + array.tobytes(), dtype=np.uint8)[1:].view(array.dtype)
    assert not packed["x"].flags.aligned
    return {
        "strided": wide[:, 1],
        "reversed": array[::-1].copy()[::-1],
        "packed record": packed["x"],
        "misaligned": shifted,
        "byte-swapped": array.astype(array.dtype.newbyteorder()),
        "read-only": array.view(),
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", default_instances(), ids=repr)
def test_layouts(loss: fl.Loss, dtype: Any) -> None:
    inputs = sample(loss, 3001, dtype)
    expected = everything(loss, inputs)
    for name in layouts(inputs[0]):
        moved = tuple(layouts(a)[name] for a in inputs)
        if name == "read-only":
            for array in moved:
                array.flags.writeable = False
        before = [a.tobytes() for a in moved]
        for got, wanted in zip(everything(loss, moved), expected, strict=True):
            assert_same_bits(got, wanted, name)
        assert [a.tobytes() for a in moved] == before


@pytest.mark.parametrize("dtype", DTYPES)
def test_shapes_and_axis_orders(dtype: Any) -> None:
    """Any number of axes in any order of memory, mixed among the operands."""
    rng = np.random.default_rng(0)
    shape = (7, 5, 11, 13)
    y, p = rng.standard_normal((2, *shape)).astype(dtype)
    loss = fl.LogCosh()
    total, gradient = loss.value_and_gradient(y.ravel(), p.ravel(), reduction="sum")
    gradient = gradient.reshape(shape)
    variants = {
        "C": lambda a: a,
        "F": np.asfortranarray,
        "permuted": lambda a: np.ascontiguousarray(a.transpose(2, 0, 3, 1)).transpose(1, 3, 0, 2),
        "gaps": lambda a: np.repeat(a, 2, axis=2)[:, :, ::2, :],
        "backwards": lambda a: a[:, ::-1].copy()[:, ::-1],
    }
    for first in variants.values():
        for name, second in variants.items():
            for out in (
                None,
                np.empty(shape, dtype),
                np.asfortranarray(np.empty(shape, dtype)),
                np.empty((*shape, 2), dtype)[..., 0],
            ):
                got_total, got = loss.value_and_gradient(first(y), second(p), reduction="sum", out=out)
                assert got_total == total, name
                assert_same_bits(got, gradient, name)
                assert out is None or got is out


def test_a_broadcast_view_is_an_array_like_any_other() -> None:
    y = np.random.default_rng(0).standard_normal((50, 40))
    p = np.broadcast_to(np.float64(0.25), y.shape)
    assert fl.huber(y, p) == fl.huber(y, p.copy())
    row = np.broadcast_to(y[0], y.shape)
    assert_same_bits(fl.huber.gradient(row, y), fl.huber.gradient(row.copy(), y))


@pytest.mark.slow
@pytest.mark.usefixtures("layer")
@pytest.mark.parametrize("threads", [1, 2])
def test_large_outputs(threads: int) -> None:
    """Arrays from 16 MiB on are written past the caches: in place, at odd offsets, weighted."""
    n = (1 << 22) + 5
    rng = np.random.default_rng(0)
    y, p = rng.standard_normal((2, n)).astype(np.float32)
    expected = (p - y) * np.float32(2)
    with fl.num_threads(threads):
        assert_same_bits(fl.mse.gradient(y, p, reduction="sum"), expected)
        memory = np.full(n + 3, np.nan, dtype=np.float32)
        fl.mse.gradient(y, p, reduction="sum", out=memory[1:-2])
        assert_same_bits(memory[1:-2], expected)
        assert np.isnan(memory[[0, -2, -1]]).all()
        weights = rng.random(n)
        weighted = fl.mse.gradient(y, p, sample_weight=weights, reduction="sum")
        assert_same_bits(weighted, (expected * weights).astype(np.float32))
        value, gradient = fl.mse.value_and_gradient(y, p, sample_weight=weights, reduction="none")
        assert_same_bits(gradient, weighted)
        assert_same_bits(value, (fl.mse(y, p, reduction="none") * weights).astype(np.float32))
        fl.mse.gradient(y, p, reduction="sum", out=p)
        assert_same_bits(p, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [63, 64, 96, 1000, 1536, 10_007, 1_048_583])
def test_gradients_of_means_have_the_bits_of_a_division(isa: str, n: int, dtype: Any) -> None:
    """Subnormal numbers, too, whose quotients may lie in the middle of two; zeros keep their signs, infinities stay."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(0)
    ordinary = (rng.standard_normal(n) * 2.0 ** rng.uniform(-30, 30, n)).astype(dtype)
    subnormal = (rng.integers(-3 * n, 3 * n, n) * np.float64(info.smallest_subnormal)).astype(dtype)
    special = ordinary.copy()
    special[:6] = [0.0, -0.0, np.inf, -np.inf, np.nan, info.max]
    for r in (ordinary, subnormal, special):
        with np.errstate(all="ignore"):
            expected = (r.astype(np.float64) / n).astype(dtype)
        found = fl.half_squared_error.gradient(np.zeros_like(r), r)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
        # over the predictions, where quotients take the place of what they are made of
        found = r.copy()
        fl.half_squared_error.gradient(np.zeros_like(r), found, out=found)
        np.testing.assert_array_equal(found, expected)
