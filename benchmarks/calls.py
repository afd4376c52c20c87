"""What calls cost on one thread, in units of what NumPy takes in the same turns.

Of data in the cache the unit is exp of as many numbers, of a few numbers ``np.mean((y - p)**2)`` of as many.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastloss as fl
from fastloss import bench

from . import run
from .cases import DTYPES
from .facts import facts

N = 32768
WIDTHS = (2, 10, 100, 1000, 8192)
FEW = (1, 10, 100, 1000)
# Seconds for each call in all its turns.
SECONDS, QUICK_SECONDS = 0.15, 0.03

SOFTMAX = fl.CategoricalCrossEntropy(from_logits=True)

Inputs = tuple[np.ndarray, np.ndarray]


def losses_in_the_cache() -> dict[str, tuple[fl.Loss, Inputs]]:
    """The losses whose cost is aimed at, with inputs of ordinary size."""
    rng = np.random.default_rng(0)
    y, p, z = rng.normal(size=N), 2 * rng.normal(size=N), 3 * rng.normal(size=N)
    labels, counts, logs = (rng.random(N) < 0.5).astype(float), rng.poisson(3, N).astype(float), 1.5 * rng.normal(size=N)
    found: dict[str, tuple[fl.Loss, Inputs]] = {
        "squared error": (fl.squared_error, (y, p)),
        "absolute error": (fl.absolute_error, (y, p)),
        "Huber": (fl.huber, (y, p)),
        "pseudo-Huber": (fl.pseudo_huber, (y, p)),
        "cross-entropy from logits": (fl.BinaryCrossEntropy(from_logits=True), (labels, z)),
        "soft margin": (fl.soft_margin, (2 * labels - 1, z)),
        "focal, gamma 2": (fl.BinaryFocal(gamma=2.0, from_logits=True), (labels, z)),
        "log-cosh": (fl.log_cosh, (y, p)),
        "Cauchy": (fl.cauchy, (y, p)),
        "Welsch": (fl.welsch, (y, p)),
        "Fair": (fl.fair, (y, p)),
        "Poisson": (fl.poisson, (counts, logs)),
        "Gamma": (fl.gamma, (counts + 1, logs)),
        "Tweedie 1.5": (fl.Tweedie(power=1.5), (counts, logs)),
    }
    for width in WIDTHS:
        n = N // width
        rows = rng.integers(0, width, n), 2 * rng.normal(size=(n, width))
        found[f"softmax cross-entropy, K = {width}"] = fl.CategoricalCrossEntropy(from_logits=True), rows
    return found


def of_dtype(inputs: Inputs, dtype: str) -> Inputs:
    """The same numbers in a precision; class indices stay."""
    return tuple(array if array.dtype.kind == "i" else array.astype(dtype) for array in inputs)


def calls_of(loss: fl.Loss, y: np.ndarray, p: np.ndarray) -> dict[str, Callable[[], Any]]:
    first, second = np.zeros_like(p), np.zeros_like(p)
    return {
        "value": lambda: loss(y, p),
        "value_and_gradient": lambda: loss.value_and_gradient(y, p, out=first),
        "gradient_and_hessian": lambda: loss.gradient_and_hessian(y, p, out=(first, second)),
    }


def timed(unit: Callable[[], Any], calls: dict[str, Callable[[], Any]], seconds: float) -> dict[str, list[float]]:
    times = bench.take_turns([unit, *calls.values()], seconds * (1 + len(calls)))
    return {name: run.seconds_of(found) for name, found in zip(["unit", *calls], times, strict=True)}


def in_the_cache(names: list[str], seconds: float) -> Iterator[dict[str, Any]]:
    for dtype in DTYPES:
        for name, (loss, inputs) in losses_in_the_cache().items():
            if names and not any(word.lower() in name.lower() for word in names):
                continue
            y, p = of_dtype(inputs, dtype)
            x, to = np.random.default_rng(0).normal(size=p.size).astype(dtype), np.zeros(p.size, dtype)
            times = timed(lambda x=x, to=to: np.exp(x, out=to), calls_of(loss, y, p), seconds)
            yield {"loss": name, "dtype": dtype, "n": p.size, "times": times}


def of_few_numbers(names: list[str], seconds: float) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for n in FEW:
        y, p, weights, out = rng.normal(size=n), rng.normal(size=n), np.ones(n), np.zeros(n)
        scores, by_score, labels = rng.normal(size=(n, 3)), np.zeros((n, 3)), rng.integers(0, 3, n)
        calls = {
            "Huber": {
                "value": lambda y=y, p=p: fl.huber(y, p),
                "value, weights": lambda y=y, p=p, w=weights: fl.huber(y, p, w),
                "value_and_gradient": lambda y=y, p=p: fl.huber.value_and_gradient(y, p),
                "value_and_gradient, out": lambda y=y, p=p, out=out: fl.huber.value_and_gradient(y, p, out=out),
            },
            "softmax cross-entropy, K = 3": {
                "value": lambda t=labels, z=scores: SOFTMAX(t, z),
                "value_and_gradient": lambda t=labels, z=scores: SOFTMAX.value_and_gradient(t, z),
                "value_and_gradient, out": lambda t=labels, z=scores, out=by_score: SOFTMAX.value_and_gradient(t, z, out=out),
            },
        }
        for name, own in calls.items():
            if not names or any(word.lower() in name.lower() for word in names):
                yield {
                    "loss": name,
                    "dtype": "float64",
                    "n": n,
                    "times": timed(lambda y=y, p=p: np.mean((y - p) ** 2), own, seconds),
                }


TABLES = {"exps": in_the_cache, "calls": of_few_numbers}


def child(options: argparse.Namespace) -> None:
    rows = []
    for row in TABLES[options.table](options.names, QUICK_SECONDS if options.quick else SECONDS):
        unit = row["times"]["unit"][0]
        costs = "  ".join(f"{what} {best / unit:.2f}" for what, (best, _) in row["times"].items() if what != "unit")
        print(f"{row['dtype']} {row['loss']:30} n = {row['n']:<6} unit {unit * 1e6:.2f} us  {costs}", flush=True)
        rows.append(row)
    run.write(options.out, {"facts": facts(), "rows": rows})


def main(table: str) -> Callable[[argparse.Namespace], None]:
    """The command that makes one of the tables, in a process of its own."""

    def command(options: argparse.Namespace) -> None:
        out = options.out or run.RESULTS / f"{table}.json"
        run.run_apart([f"{table}-child", *options.names, *(["--quick"] * options.quick), "--out", str(out)], threads=1)

    return command
