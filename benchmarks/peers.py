"""fastloss against torch, scikit-learn's loss module and NumPy, in one run: ``python benchmarks/peers.py [NAME ...]``.

Every peer computes the same numbers from the same arrays with the same number of threads; its results are compared before it
is timed. A peer that is not installed is left out. Times are the fastest of some repeats, taken in turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastloss as fl

try:
    import torch
except ImportError:
    torch = None
try:
    from sklearn._loss import loss as sklearn_loss
except ImportError:
    sklearn_loss = None

THREADS = fl.get_num_threads()
SECONDS = 1.0

Job = Callable[[], Any]


# Beside losses that read their inputs twice: squared errors of as many numbers.
YARDSTICK = "as many squared errors"


def backward(function: Callable[..., Any], *arrays: np.ndarray) -> Job:
    """The value and gradients that torch finds by itself."""
    leaves = [torch.from_numpy(array).requires_grad_(True) for array in arrays]

    def job() -> tuple[float, tuple[np.ndarray, ...]]:
        for leaf in leaves:
            leaf.grad = None
        value = function(*leaves)
        value.backward()
        return value.item(), tuple(leaf.grad.numpy() for leaf in leaves)

    return job


def both(loss: fl.Loss, *inputs: np.ndarray) -> dict[str, Job]:
    """The value and gradients of fastloss, in arrays that are there, and the yardstick."""
    predictions = inputs[loss.labels :] if loss.name != "cosine_embedding" else inputs[:2]
    out = tuple(np.empty_like(array) for array in predictions)
    half = np.concatenate([array.ravel() for array in inputs if array.ndim > 1])
    half = half[: half.size // 2 * 2].reshape(2, -1)
    gradient = np.empty_like(half[0])
    return {
        "fastloss": lambda: loss.value_and_gradient(*inputs, out=out),
        YARDSTICK: lambda: fl.squared_error.value_and_gradient(*half, out=gradient),
    }


def vector_cases(dtype: Any) -> Iterator[tuple[str, dict[str, Job]]]:
    for n, d in ((100_000, 128), (1_000_000, 16), (64, 128), (512, 16)):
        rng = np.random.default_rng(0)
        anchor = rng.standard_normal((n, d)).astype(dtype)
        near, far = (anchor + size * rng.standard_normal((n, d)).astype(dtype) for size in (0.1, 0.2))
        peers = both(fl.triplet_margin, anchor, near, far)
        if torch:
            peers["torch"] = backward(lambda *x: torch.nn.functional.triplet_margin_loss(*x, eps=0.0), anchor, near, far)
        yield f"triplet margin, {n} x {d}", peers
        sides = rng.choice(np.array([-1, 1], dtype), n)
        other = rng.standard_normal((n, d)).astype(dtype)
        peers = both(fl.cosine_embedding, anchor, other, sides)
        if torch:
            labels = torch.from_numpy(sides)
            peers["torch"] = backward(
                lambda *x, labels=labels: torch.nn.functional.cosine_embedding_loss(*x, labels), anchor, other
            )
        yield f"cosine embedding, {n} x {d}", peers


def mask_cases(dtype: Any) -> Iterator[tuple[str, dict[str, Job]]]:
    for shape in ((64, 256, 256), (4, 64, 64)):
        rng = np.random.default_rng(0)
        y, z = rng.integers(0, 2, shape).astype(dtype), (3 * rng.standard_normal(shape)).astype(dtype)
        for from_logits, p in ((False, (1 / (1 + np.exp(-z))).astype(dtype)), (True, z)):
            peers = both(fl.Dice(from_logits), y, p)
            if torch:
                labels = torch.from_numpy(y)

                def dice(x: Any, labels: Any = labels, from_logits: bool = from_logits) -> Any:
                    x = torch.sigmoid(x) if from_logits else x
                    inside, total = (x * labels).sum((1, 2)), x.sum((1, 2)) + labels.sum((1, 2))
                    return (1 - (2 * inside + 1) / (total + 1)).mean()

                peers["torch"] = backward(dice, p)
            yield f"Dice{' of scores' * from_logits}, {' x '.join(map(str, shape))}", peers
    rng = np.random.default_rng(0)
    labels, z = rng.integers(0, 10, (4, 128, 128)), rng.standard_normal((4, 10, 128, 128)).astype(dtype)
    out = np.empty_like(z)
    peers = {"fastloss": lambda: fl.lovasz_softmax.value_and_gradient(labels, z, out=out)}
    if torch:
        indices = torch.from_numpy(labels)

        def lovasz(x: Any) -> Any:
            found = []
            for p, t in zip(torch.softmax(x, 1), indices, strict=True):
                masks = torch.nn.functional.one_hot(t, 10).permute(2, 0, 1).reshape(10, -1).to(p.dtype)
                errors, order = torch.sort((masks - p.reshape(10, -1)).abs(), dim=1, descending=True, stable=True)
                masks = masks.gather(1, order)
                size = masks.sum(1, keepdim=True)
                loss = 1 - (size - masks.cumsum(1)) / (size + (1 - masks).cumsum(1))
                found.append((errors * torch.diff(loss, dim=1, prepend=torch.zeros_like(size))).sum(1).mean())
            return torch.stack(found).mean()

        peers["torch"] = backward(lovasz, z)
    yield "Lovasz softmax, 4 x 10 x 128 x 128", peers


def tile_cases(dtype: Any) -> Iterator[tuple[str, dict[str, Job]]]:
    rng = np.random.default_rng(0)
    views = [rng.standard_normal((2048, 128)).astype(dtype) for _ in range(2)]
    peers: dict[str, Job] = {"fastloss": lambda: fl.NTXent(temperature=0.5).value_and_gradient(*views)}
    if torch:

        def nt_xent(a: Any, b: Any) -> Any:
            x = torch.nn.functional.normalize(torch.cat([a, b]))
            scores = (x @ x.T / 0.5).fill_diagonal_(-torch.inf)
            return torch.nn.functional.cross_entropy(scores, torch.arange(len(x)).roll(len(a)))

        peers["torch"] = backward(nt_xent, *views)
    yield "NT-Xent, 4096 x 128", peers
    if dtype is np.float64:
        return
    t, x = rng.integers(0, 32_000, 4096), rng.standard_normal((4096, 512)).astype(dtype)
    weight = (rng.standard_normal((32_000, 512)) / 20).astype(dtype)
    peers = {"fastloss": lambda: fl.linear_cross_entropy.value_and_gradient(t, x, weight)}
    if torch:
        labels = torch.from_numpy(t)
        peers["torch"] = backward(lambda x, weight: torch.nn.functional.cross_entropy(x @ weight.T, labels), x, weight)
    yield "linear cross-entropy, 4096 x 512, 32 000 classes", peers


def sequence_cases(dtype: Any) -> Iterator[tuple[str, dict[str, Job]]]:
    """CTC of scores: torch's log-softmax and its derivative are part of its loss, as they are of ours."""
    for frames, n, classes, labels in ((150, 64, 32, 30), (100, 64, 5000, 20), (500, 16, 100, 100)):
        rng = np.random.default_rng(0)
        z, targets = rng.standard_normal((frames, n, classes)).astype(dtype), rng.integers(1, classes, (n, labels))
        rest = targets, np.full(n, frames), np.full(n, labels)
        loss, out = fl.CTC(from_logits=True), np.empty_like(z)
        peers: dict[str, Job] = {
            "fastloss": lambda loss=loss, z=z, rest=rest, out=out: loss.value_and_gradient(z, *rest, out=out)
        }
        if torch:
            tensors = tuple(map(torch.from_numpy, rest))
            peers["torch"] = backward(
                lambda x, tensors=tensors: torch.nn.functional.ctc_loss(torch.log_softmax(x, 2), *tensors), z
            )
        yield f"CTC, {frames} frames, {n} sequences, {classes} classes, {labels} labels", peers


def group_cases(dtype: Any, groups: int = 1000, size: int = 200) -> Iterator[tuple[str, dict[str, Job]]]:
    rng = np.random.default_rng(0)
    y, s = rng.integers(0, 5, groups * size).astype(dtype), rng.standard_normal(groups * size).astype(dtype)
    sizes, out = np.full(groups, size), np.empty_like(s)

    def by_numpy() -> tuple[float, np.ndarray]:
        total, gradient = 0.0, np.empty_like(s)
        for first in range(0, len(s), size):
            own = slice(first, first + size)
            better = y[own, None] > y[own]
            d = s[own, None] - s[own]
            total += np.logaddexp(0, -d)[better].sum(dtype=np.float64)
            slopes = np.where(better, -1 / (1 + np.exp(d)), 0)
            gradient[own] = (slopes.sum(1) - slopes.sum(0)) / groups
        return total / groups, gradient

    yield (
        f"RankNet, {groups} groups of {size}",
        {"fastloss": lambda: fl.rank_net.value_and_gradient(y, s, sizes, out=out), "NumPy": by_numpy},
    )


def softmax_cases(dtype: Any) -> Iterator[tuple[str, dict[str, Job]]]:
    for n, width in ((400_000, 10), (40_000, 100), (512, 8192)):
        rng = np.random.default_rng(0)
        z = rng.standard_normal((n, width)).astype(dtype)
        t = rng.integers(0, width, n)
        loss = fl.CategoricalCrossEntropy(from_logits=True)
        out = np.empty_like(z)
        peers: dict[str, Job] = {"fastloss": lambda loss=loss, z=z, t=t, out=out: loss.value_and_gradient(t, z, out=out)}
        if torch:
            labels = torch.from_numpy(t)
            peers["torch"] = backward(lambda x, labels=labels: torch.nn.functional.cross_entropy(x, labels), z)
        if sklearn_loss:
            peer, y = sklearn_loss.HalfMultinomialLoss(n_classes=width), t.astype(dtype)

            def job(peer: Any = peer, y: np.ndarray = y, z: np.ndarray = z, n: int = n) -> tuple[float, np.ndarray]:
                value, gradient = peer.loss_gradient(y, z, n_threads=THREADS)
                return value.mean(), gradient / n

            peers["scikit-learn"] = job
        yield f"softmax cross-entropy, K = {width}, value + gradient", peers


def binary_cases(dtype: Any, n: int = 4_000_000) -> Iterator[tuple[str, dict[str, Job]]]:
    rng = np.random.default_rng(0)
    z, y = (3 * rng.standard_normal(n)).astype(dtype), rng.integers(0, 2, n).astype(dtype)
    g, h = np.empty_like(z), np.empty_like(z)
    loss = fl.BinaryCrossEntropy(from_logits=True)
    peers: dict[str, Job] = {"fastloss": lambda: loss.value_and_gradient(y, z, out=g)}
    if torch:
        labels = torch.from_numpy(y)
        peers["torch"] = backward(lambda x: torch.nn.functional.binary_cross_entropy_with_logits(x, labels), z)
    if sklearn_loss:
        peer = sklearn_loss.HalfBinomialLoss()

        def values() -> tuple[float, np.ndarray]:
            value, gradient = peer.loss_gradient(y, z, n_threads=THREADS)
            return value.mean(), gradient / n

        peers["scikit-learn"] = values
    yield "binary cross-entropy, value + gradient", peers

    def by_numpy() -> tuple[np.ndarray, np.ndarray]:
        p = 1 / (1 + np.exp(-z))
        return p - y, p * (1 - p)

    peers = {"fastloss": lambda: loss.gradient_and_hessian(y, z, reduction="none", out=(g, h)), "NumPy": by_numpy}
    if sklearn_loss:
        peers["scikit-learn"] = lambda: sklearn_loss.HalfBinomialLoss().gradient_hessian(y, z, n_threads=THREADS)
    yield "binary cross-entropy, gradient + Hessian", peers

    focal = fl.BinaryFocal(from_logits=True)
    peers = {"fastloss": lambda: focal.value_and_gradient(y, z, out=g)}
    if torch:

        def focal_loss(x: Any) -> Any:
            p = torch.sigmoid(x)
            entropy = torch.nn.functional.binary_cross_entropy_with_logits(x, labels, reduction="none")
            return (entropy * (1 - (p * labels + (1 - p) * (1 - labels))) ** 2).mean()

        peers["torch"] = backward(focal_loss, z)
    yield "focal, value + gradient", peers


def flat(results: tuple[Any, ...]) -> list[Any]:
    """A value and gradients, of which there may be a tuple, one after the other."""
    return [array for item in results for array in (item if isinstance(item, tuple) else (item,))]


def fastest(peers: dict[str, Job]) -> dict[str, float]:
    best = dict.fromkeys(peers, float("inf"))
    end = time.perf_counter() + SECONDS * len(peers)
    while time.perf_counter() < end:
        for name, job in peers.items():
            start = time.perf_counter()
            job()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main(wanted: list[str]) -> None:
    if torch:
        torch.set_num_threads(THREADS)
    for dtype in (np.float32, np.float64):
        for cases in (binary_cases, softmax_cases, vector_cases, mask_cases, tile_cases, sequence_cases, group_cases):
            for title, peers in cases(dtype):
                if wanted and not any(name in title for name in wanted):
                    continue
                ours = flat(peers["fastloss"]())
                for name, job in peers.items():
                    if name == YARDSTICK:
                        continue
                    for a, b in zip(ours, flat(job()), strict=True):
                        # peers lose digits of what is small beside the largest number; gradients of means are tiny as a whole
                        tolerance = 1e-5 if dtype is np.float32 else 1e-12
                        # torch takes differences of losses
                        tolerance *= 100 if title.startswith("Lovasz") else 1
                        # torch's sums over alignments are in the precision of the scores
                        tolerance *= (300 if dtype is np.float32 else 10) if title.startswith("CTC") else 1
                        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.max(np.abs(b)), err_msg=name)
                best = fastest(peers)
                ratios = "  ".join(
                    f"{name} {seconds * 1e3:.3g} ms ({seconds / best['fastloss']:.2g}x)" for name, seconds in best.items()
                )
                print(f"{np.dtype(dtype).name}  {title}: {ratios}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
