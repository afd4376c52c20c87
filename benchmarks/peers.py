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


def backward(function: Callable[[Any], Any], z: np.ndarray) -> Job:
    """The value and gradient that torch finds by itself."""
    leaf = torch.from_numpy(z).requires_grad_(True)

    def job() -> tuple[float, np.ndarray]:
        leaf.grad = None
        value = function(leaf)
        value.backward()
        return value.item(), leaf.grad.numpy()

    return job


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
        for cases in (binary_cases, softmax_cases):
            for title, peers in cases(dtype):
                if wanted and not any(name in title for name in wanted):
                    continue
                ours = peers["fastloss"]()
                for name, job in peers.items():
                    for a, b in zip(ours, job(), strict=True):
                        # peers lose digits of what is small beside the largest number; gradients of means are tiny as a whole
                        tolerance = 1e-5 if dtype is np.float32 else 1e-12
                        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.max(np.abs(b)), err_msg=name)
                best = fastest(peers)
                ratios = "  ".join(
                    f"{name} {seconds * 1e3:.1f} ms ({seconds / best['fastloss']:.1f}x)" for name, seconds in best.items()
                )
                print(f"{np.dtype(dtype).name}  {title}: {ratios}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
