"""Losses of fastloss.torch against torch's own, forward and backward: python benchmarks/torch_losses.py [--n 4e6 1000].

Ways take turns; times are the fastest of all turns, in milliseconds (microseconds for few numbers). Gradients end in
``x.grad``, which is dropped before each turn, as optimizers do. torch.compile has the loss alone to compile, for these shapes.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fastloss as fl
import fastloss.torch as L
from fastloss.torch.functional import _sigmoid_focal_loss as focal


def cases(n: int) -> Iterable[tuple[str, Callable[..., torch.Tensor], Callable[..., torch.Tensor], tuple[torch.Tensor, ...]]]:
    x, y, labels = torch.randn(n), torch.randn(n), (torch.rand(n) < 0.3).float()
    yield "mse_loss", L.mse_loss, F.mse_loss, (x, y)
    yield "huber_loss", L.huber_loss, F.huber_loss, (x, y)
    yield "bce_with_logits", L.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, (x, labels)
    mean = {"reduction": "mean"}
    yield "sigmoid_focal_loss", lambda a, b: L.sigmoid_focal_loss(a, b, **mean), lambda a, b: focal(a, b, **mean), (x, labels)
    for k in (10, 100, 8192):
        if n >= k:
            rows = n // k
            target = torch.randint(0, k, (rows,))
            yield f"cross_entropy, K = {k}", L.cross_entropy, F.cross_entropy, (x[: rows * k].view(rows, k), target)


def turn(loss: Callable[..., torch.Tensor], x: torch.Tensor, *others: torch.Tensor) -> float:
    start = time.perf_counter()
    loss(x, *others).backward()
    took = time.perf_counter() - start
    x.grad = None
    return took


def fastest(
    ways: dict[str, Callable[..., torch.Tensor]], tensors: tuple[torch.Tensor, ...], seconds: float
) -> dict[str, float]:
    tensors = (tensors[0].detach().requires_grad_(), *tensors[1:])
    times: dict[str, list[float]] = {name: [] for name in ways}
    for loss in ways.values():
        turn(loss, *tensors)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, loss in ways.items():
            times[name].append(turn(loss, *tensors))
    return {name: min(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=lambda text: int(float(text)), nargs="+", default=[4_000_000, 1000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each loss")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--names", nargs="*", default=[], help="only losses whose names have one of these")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    fl.set_num_threads(arguments.threads)
    for n in arguments.n:
        unit = (1e3, "ms") if n > 100_000 else (1e6, "us")
        print(f"n = {n}, float32, {arguments.threads} threads; forward + backward, {unit[1]}")
        print(f"{'':24}{'fastloss':>10}{'torch':>10}{'compile':>10}   {'/ torch':>8}{'/ compile':>10}")
        ratios: dict[str, list[float]] = {"torch": [], "compile": []}
        for name, mine, theirs, tensors in cases(n):
            if arguments.names and not any(word in name for word in arguments.names):
                continue
            ways = {"fastloss": mine, "torch": theirs}
            if not arguments.no_compile:
                torch._dynamo.reset()
                ways["compile"] = torch.compile(theirs, dynamic=False)
            times = fastest(ways, tensors, arguments.seconds)
            cells = [f"{times.get(way, math.nan) * unit[0]:10.2f}" for way in ("fastloss", "torch", "compile")]
            for way, found in ratios.items():
                if way in times:
                    found.append(times[way] / times["fastloss"])
                    cells.append(f"   {found[-1]:7.2f}")
            print(f"{name:24}{''.join(cells)}", flush=True)
        for way, found in ratios.items():
            if found:
                mean = math.exp(sum(map(math.log, found)) / len(found))
                print(f"geometric mean of the ratios to {way}: {mean:.2f}, least {min(found):.2f}")


if __name__ == "__main__":
    main()
