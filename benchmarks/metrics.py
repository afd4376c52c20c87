"""fastloss.metrics against scikit-learn's, in one run: ``python benchmarks/metrics.py [--n 100 --n 10000000] [NAME ...]``.

Both compute the same numbers from the same arrays; results are compared before anything is timed. Times are the fastest of some
repeats, taken in turn.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sklearn.metrics

from fastloss import metrics

Case = tuple[str, str, np.ndarray, np.ndarray, dict[str, Any]]


def cases(n: int) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    y_true = rng.standard_normal(n)
    y_pred = y_true + rng.standard_normal(n)
    weights = rng.random(n)
    single = y_true.astype(np.float32), y_pred.astype(np.float32)
    for name in ("mean_squared_error", "mean_absolute_error", "r2_score", "explained_variance_score", "max_error"):
        yield name, "float64", y_true, y_pred, {}
    yield "mean_squared_error", "float32", *single, {}
    yield "mean_squared_error", "float64, weights", y_true, y_pred, {"sample_weight": weights}
    yield "median_absolute_error", "float64", y_true, y_pred, {}
    yield "mean_poisson_deviance", "float64", np.abs(y_true), np.abs(y_pred) + 0.1, {}
    of_two, of_ten = rng.integers(0, 2, n), rng.integers(0, 10, n)
    guess_of_two = np.where(rng.random(n) < 0.8, of_two, 1 - of_two)
    guess_of_ten = np.where(rng.random(n) < 0.8, of_ten, rng.integers(0, 10, n))
    for name in ("accuracy_score", "f1_score", "matthews_corrcoef"):
        yield name, "2 classes", of_two, guess_of_two, {}
    yield "accuracy_score", "2 classes, weights", of_two, guess_of_two, {"sample_weight": weights}
    yield "f1_score", "2 classes, weights", of_two, guess_of_two, {"sample_weight": weights}
    yield "f1_score", "10 classes", of_ten, guess_of_ten, {"average": "macro"}
    yield "confusion_matrix", "10 classes", of_ten, guess_of_ten, {}
    yield "balanced_accuracy_score", "10 classes", of_ten, guess_of_ten, {}
    chances = rng.random(n)
    for name in ("log_loss", "brier_score_loss"):
        yield name, "2 classes, float64", of_two, chances, {}
    yield "log_loss", "2 classes, float32", of_two, chances.astype(np.float32), {}
    yield "log_loss", "2 classes, weights", of_two, chances, {"sample_weight": weights}
    if n <= 1_000_000:
        shares = rng.dirichlet(np.ones(10), n)
        yield "log_loss", "10 classes, float64", of_ten, shares, {}
        yield "top_k_accuracy_score", "10 classes", of_ten, shares, {}


def fastest(functions: list[Callable[[], Any]], seconds: float) -> list[float]:
    """Time the functions in turn; each as often as fits, once at least."""
    best = [np.inf] * len(functions)
    loops = []
    for i, function in enumerate(functions):
        start = time.perf_counter()
        function()
        best[i] = time.perf_counter() - start
        loops.append(max(1, int(0.02 / best[i])))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for i, function in enumerate(functions):
            start = time.perf_counter()
            for _ in range(loops[i]):
                function()
            best[i] = min(best[i], (time.perf_counter() - start) / loops[i])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="metrics; all if none is given")
    parser.add_argument("--n", type=int, action="append", help="samples; 100 and 10000000 by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long to repeat each case")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for n in options.n or [100, 10_000_000]:
        print(f"\nn = {n:,}")
        print(f"{'metric':26} {'data':22} {'scikit-learn':>14} {'fastloss':>12} {'ratio':>7}")
        for name, data, y_true, y_pred, keywords in cases(n):
            if options.names and name not in options.names:
                continue
            functions = [
                lambda module=module, name=name, y_true=y_true, y_pred=y_pred, keywords=keywords: getattr(module, name)(
                    y_true, y_pred, **keywords
                )
                for module in (sklearn.metrics, metrics)
            ]
            theirs, mine = (function() for function in functions)
            np.testing.assert_allclose(mine, theirs, rtol=1e-5 if "float32" in data else 1e-9)
            slow, fast = fastest(functions, options.seconds)
            unit, scale = ("us", 1e6) if n < 10_000 else ("ms", 1e3)
            print(f"{name:26} {data:22} {slow * scale:11.1f} {unit} {fast * scale:9.2f} {unit} {slow / fast:7.1f}")


if __name__ == "__main__":
    main()
