"""Weighted sums of three losses against each of their terms alone: python benchmarks/composite.py [--n 10000000].

Ways take turns, results are the fastest of all turns. A sum reads the inputs once, so that cheap terms cost what they compute
in the cache; it cannot be faster than the arithmetic of all its terms.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import fastloss as fl

LOGISTIC, FOCAL = fl.BinaryCrossEntropy(from_logits=True), fl.BinaryFocal(from_logits=True)
SUMS = {
    "squared, absolute, Huber": (fl.mse, fl.mae, fl.huber),
    "absolute, Huber, log-cosh": (fl.mae, fl.huber, fl.log_cosh),
    "squared, absolute, Welsch": (fl.mse, fl.mae, fl.welsch),
    "logistic, Brier, focal": (LOGISTIC, fl.Brier(from_logits=True), FOCAL),
}
WEIGHTS = (0.5, 0.3, 0.2)


def fastest(ways: list[Callable[[], object]], turns: int) -> list[float]:
    best = [float("inf")] * len(ways)
    for _ in range(turns):
        for i, way in enumerate(ways):
            start = time.perf_counter()
            way()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=10**7)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    fl.set_num_threads(arguments.threads)
    print(f"n = {arguments.n}, {arguments.threads} threads; milliseconds, fastest of {arguments.turns} turns")
    print(f"{'':28}{'dtype':9}{'what':18}{'sum':>8}{'terms alone':>26}   : costliest   : all")
    for dtype in (np.float32, np.float64):
        rng = np.random.default_rng(0)
        y, p = (rng.random(arguments.n) < 0.5).astype(dtype), rng.standard_normal(arguments.n).astype(dtype)
        out = np.empty_like(p)
        for name, terms in SUMS.items():
            whole = fl.WeightedSum(zip(WEIGHTS, terms, strict=True))
            whats = {
                "value": lambda loss, y=y, p=p: lambda: loss(y, p),
                "value + gradient": lambda loss, y=y, p=p, out=out: lambda: loss.value_and_gradient(y, p, out=out),
            }
            for what, way in whats.items():
                total, *alone = fastest([way(loss) for loss in (whole, *terms)], arguments.turns)
                cells = "".join(f"{1e3 * seconds:9.2f}" for seconds in alone)
                ratios = f"{total / max(alone):14.2f}{total / sum(alone):8.2f}"
                print(f"{name:28}{dtype.__name__:9}{what:18}{1e3 * total:8.2f}{cells}{ratios}", flush=True)


if __name__ == "__main__":
    main()
