"""Losses of pairs of vectors: against torch, angles and distances of all sizes, what vectors may be without, labels."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from oracle import error_in_ulp
from references import cosine

import fastloss as fl

WIDTHS = (2, 3, 16, 128, 300)


def pairs(n: int, width: int, dtype: Any = np.float64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((n, width))
    return a.astype(dtype), (a + rng.standard_normal((n, width)) * 10.0 ** rng.uniform(-3, 1, (n, 1))).astype(dtype)


@pytest.mark.parametrize("margin", [-0.25, 0.0, 0.5])
def test_cosine_embedding_is_that_of_torch(margin: float) -> None:
    torch = pytest.importorskip("torch")
    a, b = pairs(50, 7)
    target = np.where(np.arange(50) % 3 == 0, 1, -1)
    tensors = [torch.tensor(x, requires_grad=True) for x in (a, b)]
    expected = torch.nn.functional.cosine_embedding_loss(*tensors, torch.tensor(target), margin=margin)
    expected.backward()
    value, gradients = fl.CosineEmbedding(margin=margin).value_and_gradient(a, b, target)
    assert value == pytest.approx(expected.item(), rel=1e-12)
    for gradient, tensor in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_angles_keep_their_digits(dtype: Any, width: int) -> None:
    """Down to angles of a rounding error; of any lengths."""
    eps = mpf(float(np.finfo(dtype).eps))
    rng = np.random.default_rng(width)
    n = 400 // width + 4
    a = rng.standard_normal((n, width)).astype(dtype)
    step = 10.0 ** rng.uniform(np.log10(np.finfo(dtype).eps), -1, (n, 1))
    b = ((a + rng.standard_normal(a.shape) * step) * 10.0 ** rng.uniform(-8, 8, (n, 1))).astype(dtype)
    value, (by_a, by_b) = fl.cosine_similarity.value_and_gradient(a, b, reduction="none")
    with mp.workdps(80):
        for i in range(len(a)):
            x, y = ([mpf(t) for t in v[i].tolist()] for v in (a, b))
            c, lengths = cosine(x, y), [mp.norm(v) for v in (x, y)]
            assert error_in_ulp(value[i], 1 - c, dtype, eps**2) <= 4
            for gradient, own, other, k in ((by_a, x, y, 0), (by_b, y, x, 1)):
                exact = [(c * p / lengths[k] - q / lengths[1 - k]) / lengths[k] for p, q in zip(own, other, strict=True)]
                largest = max(*map(abs, exact), eps / lengths[k])
                for got, true in zip(gradient[i].tolist(), exact, strict=True):
                    assert error_in_ulp(got, true, dtype, largest) <= 4


def test_vectors_of_any_size() -> None:
    sizes = np.float32([1e-38, 1e-20, 1.0, 1e25, 1e38])
    a = np.float32([[1, 0]]) * np.repeat(sizes, len(sizes))[:, None]
    b = np.float32([[1, 1]]) * np.tile(sizes, len(sizes))[:, None]
    expected = np.full(len(a), 1 - np.sqrt(0.5))
    for losses in (fl.cosine_similarity(a, b, reduction="none"), fl.cosine_embedding(a, b, np.ones(len(a)), reduction="none")):
        np.testing.assert_allclose(losses, expected, rtol=3e-7)
    np.testing.assert_allclose(
        fl.cosine_embedding(a, b, -np.ones(len(a)), reduction="none"), np.full(len(a), np.sqrt(0.5)), rtol=3e-7
    )
    middle = slice(6, 19)
    by_a, by_b = fl.cosine_similarity.gradient(a, b, reduction="none")
    for gradient, lengths in ((by_a, a[:, 0]), (by_b, b[:, 0] * np.sqrt(2))):
        size = np.linalg.norm(gradient[middle].astype(np.float64), axis=1) * lengths[middle].astype(np.float64)
        np.testing.assert_allclose(size, np.full(len(size), np.sqrt(0.5)), rtol=1e-6)
    near, far = np.float32([[0, 0]]), np.float32([[3e25, 4e25]])
    assert fl.Contrastive(margin=1e25)(near, far, [0]) == 0
    np.testing.assert_allclose(fl.contrastive.gradient(near, far, [1])[0], -far)
    tiny = np.float32([[3e-20, 4e-20]])
    assert fl.contrastive(near, tiny, [1], reduction="sum") == pytest.approx(12.5e-40, rel=1e-4)
    np.testing.assert_allclose(fl.contrastive.gradient(near, tiny, [0])[0], [[0.6, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(fl.contrastive.gradient(near, tiny, [1])[0], -tiny, rtol=1e-6)


def test_vectors_without_a_direction() -> None:
    a, b = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]]), np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    for target, value in ((1, 1.0), (-1, 0.0)):
        loss, gradients = fl.cosine_embedding.value_and_gradient(a, b, np.full(3, target), reduction="none")
        assert loss.tolist() == [value] * 3
        assert not np.any(gradients)
    loss, gradients = fl.cosine_similarity.value_and_gradient(a, b, reduction="none")
    assert loss.tolist() == [1.0] * 3
    assert not np.any(gradients)
    # the cosine of vectors of zeros lies beyond such a margin, and has no direction
    loss, gradients = fl.CosineEmbedding(margin=-0.5).value_and_gradient(a, b, np.full(3, -1), reduction="none")
    assert loss.tolist() == [0.5] * 3
    assert not np.any(gradients)
    loss, gradients = fl.Contrastive(margin=2.0).value_and_gradient(a, a, [0, 1, 0], reduction="none")
    assert loss.tolist() == [2.0, 0.0, 2.0]
    assert not np.any(gradients)


def test_equal_vectors_are_at_no_angle() -> None:
    a, _ = pairs(100, 5, np.float32)
    loss, gradients = fl.cosine_similarity.value_and_gradient(a, a, reduction="none")
    assert not loss.any()
    assert not np.any(gradients)
    np.testing.assert_allclose(fl.cosine_similarity(a, -a, reduction="none"), 2, rtol=2e-7)


def test_nan_stays_in_its_pair() -> None:
    a, b = pairs(5, 3)
    a[1, 2] = np.nan
    for loss, labels in ((fl.cosine_similarity, ()), (fl.cosine_embedding, (np.array([1, -1, 1, -1, 1.0]),))):
        value, gradients = loss.value_and_gradient(a, b, *labels, reduction="none")
        for array in (value, *gradients):
            assert np.isnan(array[1]).all()
            assert np.isfinite(np.delete(array, 1, axis=0)).all()
    a[1, 2] = 0
    for loss, label in ((fl.cosine_embedding, 1.0), (fl.contrastive, 0.0)):
        labels = np.array([label, np.nan, label, label, label])
        value, gradients = loss.value_and_gradient(a, b, labels, reduction="none")
        assert np.isnan(value[1])
        assert np.isnan(gradients[0][1]).all()
        assert np.isfinite(np.delete(value, 1)).all()


@pytest.mark.parametrize("width", [3, 300])
def test_labels_are_checked(width: int) -> None:
    a, b = pairs(70, width)
    for loss, good, bad, text in (
        (fl.cosine_embedding, 1, 0, "target must be -1 or 1"),
        (fl.contrastive, 0, -1, "similar must be 0 or 1"),
    ):
        labels = np.full(70, good)
        assert np.isfinite(loss(a, b, labels))
        labels[69] = bad
        with pytest.raises(ValueError, match=f"{text} for .*; got {bad} at index 69"):
            loss(a, b, labels)
        weights = np.arange(70) < 69
        assert loss(a, b, labels, sample_weight=weights) == loss(a, b, np.full(70, good), sample_weight=weights)
        name = loss.inputs[2]
        for shape in ((70, 1), (69,), (70, width)):
            with pytest.raises(
                ValueError, match=re.escape(f"{name} must have shape (70,), one number for each vector of a and b")
            ):
                loss(a, b, np.full(shape, good))
    with pytest.raises(ValueError, match="a and b must have the same shape"):
        fl.contrastive(a, b[:, :2], np.ones(70))


@pytest.mark.parametrize("labels", [[True, False], np.array([1, 0], np.uint8), np.array([1, 0], np.float16), [1, 0]])
def test_labels_of_any_type_decide_no_precision(labels: Any) -> None:
    a, b = pairs(2, 3, np.float32)
    gradients = fl.contrastive.gradient(a, b, labels)
    assert [gradient.dtype for gradient in gradients] == [np.float32] * 2
    assert fl.contrastive(a, b, labels) == fl.contrastive(a, b, np.array([1.0, 0.0]))


def test_layouts_and_outputs() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 4, 6, 5))
    labels = rng.choice([-1, 1], (4, 6))
    value, gradients = fl.cosine_embedding.value_and_gradient(a, b, labels, reduction="none")
    assert value.shape == (4, 6)
    turned = [x.transpose(1, 0, 2) for x in (a, b)]
    other, others = fl.cosine_embedding.value_and_gradient(*turned, labels.T, reduction="none")
    np.testing.assert_array_equal(other, value.T)
    for x, y in zip(others, gradients, strict=True):
        np.testing.assert_array_equal(x, y.transpose(1, 0, 2))
    a2, b2 = a.copy(), b.copy()
    out = (np.empty((4, 6)), a2, b2)
    fl.cosine_embedding.value_and_gradient(a2, b2, labels, reduction="none", out=out)
    for x, y in zip(out, (value, *gradients), strict=True):
        np.testing.assert_array_equal(x, y)
    places = labels.astype(float)
    fl.cosine_embedding(a, b, places, reduction="none", out=places)
    np.testing.assert_array_equal(places, value)
    assert fl.cosine_embedding(a[0, 0], b[0, 0], labels[0, 0]) == value[0, 0]
    assert fl.cosine_embedding(target=labels, b=b, a=a) == fl.cosine_embedding(a, b, labels)


def test_evaluation_in_pieces() -> None:
    a, b = pairs(1000, 8, np.float32)
    similar = np.arange(1000) % 2
    losses = {"contrastive": fl.contrastive, "wide": fl.Contrastive(margin=3.0)}
    whole = fl.evaluate(losses, a, b, similar)
    evaluation = fl.Evaluation(losses)
    for i in range(0, 1000, 137):
        evaluation.update(a[i : i + 137], b[i : i + 137], similar[i : i + 137])
    assert evaluation.result() == whole
    assert evaluation.n_samples == 1000
    assert whole["contrastive"] == fl.contrastive(a, b, similar)
    target = 2 * similar - 1
    both = fl.evaluate([fl.cosine_similarity, fl.cosine_embedding, fl.contrastive], a=a, b=b, target=target, similar=similar)
    assert both["cosine_similarity"] == fl.cosine_similarity(a, b)
    assert both["cosine_embedding"] == fl.cosine_embedding(a, b, target)


@pytest.mark.parametrize("parameters", [{"margin": 1.5}, {"margin": float("nan")}])
def test_margins(parameters: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"CosineEmbedding: margin must lie in \[-1, 1\]"):
        fl.CosineEmbedding(**parameters)
    with pytest.raises(ValueError, match="Contrastive: margin must be >= 0"):
        fl.Contrastive(margin=-1.0)


def test_the_command_takes_vectors_by_pattern(tmp_path: Path) -> None:
    a, b = pairs(50, 3)
    target = np.where(np.arange(50) % 3 == 0, 1, -1)
    names = [*(f"{name}_{i}" for name in "ab" for i in range(3)), "target", "similar"]
    path = tmp_path / "pairs.csv"
    table = np.column_stack([a, b, target, target > 0])
    np.savetxt(path, table, delimiter=",", header=",".join(names), comments="", fmt="%.17g")

    def run(*arguments: str) -> tuple[int, dict[str, float]]:
        command = [sys.executable, "-m", "fastloss", "evaluate", str(path), "--json", *arguments]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return found["n"], {result["loss"]: result["value"] for result in found["results"]}

    several = run("--loss", "cosine_embedding", "--loss", "contrastive", "--y-true", "a_*", "--y-pred", "b_*")
    assert several == (
        50,
        {"cosine_embedding": fl.cosine_embedding(a, b, target), "contrastive": fl.contrastive(a, b, target > 0)},
    )
    # a vector of one number is no array of one axis
    one = run("--loss", "contrastive", "--y-true", "a_0", "--y-pred", "b_0")
    assert one == (50, {"contrastive": fl.contrastive(a[:, :1], b[:, :1], target > 0)})


@pytest.mark.slow
def test_dask_takes_inputs_by_name() -> None:
    da = pytest.importorskip("dask.array")
    pytest.importorskip("fastloss.dask")

    a, b = pairs(100, 4)
    target = np.where(np.arange(100) % 3 == 0, 1, -1)
    cut = {"a": da.from_array(a, (30, 2)), "b": da.from_array(b, (17, 4)), "target": da.from_array(target, 40)}
    expected = {"cosine_embedding": fl.cosine_embedding(a, b, target), "cosine_similarity": fl.cosine_similarity(a, b)}
    assert fl.dask.evaluate(["cosine_embedding", "cosine_similarity"], **cut) == expected
    assert fl.dask.evaluate(["cosine_similarity"], cut["a"], cut["b"]) == {"cosine_similarity": expected["cosine_similarity"]}
    with pytest.raises(TypeError, match="there are no inputs; cosine_embedding takes a, b, target"):
        fl.dask.evaluate("cosine_embedding")
    with pytest.raises(TypeError, match=r"takes the inputs a, b, target; target missing"):
        fl.dask.evaluate("cosine_embedding", a=cut["a"], b=cut["b"])
