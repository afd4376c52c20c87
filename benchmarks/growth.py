"""Times from ten numbers to a thousand million: by threads, by threading layers, and of several threads of Python at once."""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import fastloss as fl
from fastloss import _core, bench

from . import run
from .facts import facts

SIZES = tuple(10**k for k in range(1, 9))
#: From a file that is mapped into memory.
HUGE = 10**9
LOSSES = {"SquaredError": fl.squared_error, "LogCosh": fl.log_cosh}
CALLERS = (1, 4, 16)
# Of several callers: few numbers, and what all threads are worth.
SIZES_OF_CALLERS = (10**3, 10**5, 10**6)
SECONDS = 0.3
DTYPE = np.dtype(np.float32)


def layers() -> list[str]:
    return [name for name in _core.LAYERS if name == "pool" or _core.OPENMP_VERSION]


def row(loss: str, what: str, n: int, layer: str, threads: int, callers: int, times: list[float]) -> dict[str, Any]:
    own = {"loss": loss, "what": what, "n": n, "layer": layer, "threads": threads, "callers": callers}
    return own | {"dtype": DTYPE.name, "times": run.seconds_of(times)}


def on(layer: str, threads: int, call: Callable[[], Any]) -> Callable[[], Any]:
    """A call on a layer and so many threads."""

    def job() -> None:
        _core.use_layer(layer)
        with fl.num_threads(threads):
            call()

    return job


def of_one_caller(sizes: list[int], threads: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """The layers and numbers of threads take turns."""
    rng = np.random.default_rng(0)
    for n in sizes:
        y, p = (rng.standard_normal(n, DTYPE) for _ in range(2))
        out = np.zeros_like(p)
        for name, loss in LOSSES.items():
            for what, call in (
                ("value", lambda loss=loss, y=y, p=p: loss(y, p)),
                ("value_and_gradient", lambda loss=loss, y=y, p=p, out=out: loss.value_and_gradient(y, p, out=out)),
            ):
                teams = [(layer, count) for layer in layers() for count in threads]
                jobs = [on(layer, count, call) for layer, count in teams]
                found = bench.take_turns(jobs, SECONDS * len(jobs), settle=0.003, patience=3.0)
                for (layer, count), times in zip(teams, found, strict=True):
                    yield row(name, what, n, layer, count, 1, times)


def of_many_callers(threads: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """Threads of Python that call at once: the time in which each has made a call."""
    rng = np.random.default_rng(0)
    for n in SIZES_OF_CALLERS:
        y, p = (rng.standard_normal(n, DTYPE) for _ in range(2))
        for layer in layers():
            _core.use_layer(layer)
            for count in threads:
                for callers in CALLERS[1:]:
                    yield row(
                        "LogCosh",
                        "value",
                        n,
                        layer,
                        count,
                        callers,
                        _at_once(lambda y=y, p=p: fl.log_cosh(y, p), callers, count),
                    )


def _at_once(call: Callable[[], Any], callers: int, threads: int) -> list[float]:
    barrier = threading.Barrier(callers)
    spent: list[float] = []

    def work() -> None:
        with fl.num_threads(threads):
            call()
            barrier.wait()
            start, calls = time.perf_counter(), 0
            while time.perf_counter() - start < SECONDS:
                call()
                calls += 1
            spent.append((time.perf_counter() - start) / calls)

    members = [threading.Thread(target=work) for _ in range(callers)]
    for member in members:
        member.start()
    for member in members:
        member.join()
    return spent


def of_a_file(folder: Path | None, threads: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """A thousand million numbers that are not in memory."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        paths = [Path(place, name) for name in ("y_true", "y_pred")]
        needed = len(paths) * HUGE * DTYPE.itemsize
        status = os.statvfs(place)
        if status.f_bavail * status.f_frsize < 1.2 * needed:
            raise SystemExit(f"{place} has no room for {needed / 1e9:.0f} GB")
        rng = np.random.default_rng(0)
        for path in paths:
            with path.open("wb") as file:
                for _ in range(100):
                    rng.standard_normal(HUGE // 100, DTYPE).tofile(file)
        y, p = (np.memmap(path, DTYPE, "r") for path in paths)
        for layer in layers():
            for count in threads:
                start = time.perf_counter()
                on(layer, count, lambda: fl.squared_error(y, p))()
                yield row("SquaredError", "value", HUGE, layer, count, 1, [time.perf_counter() - start])


def main(options: argparse.Namespace) -> None:
    sizes = [n for n in SIZES if n <= options.most]
    rows = [*of_one_caller(sizes, options.threads), *of_many_callers(options.threads)]
    if options.file:
        rows += of_a_file(options.folder, options.threads)
    _core.use_layer("pool")
    run.write(options.out, {"facts": facts(), "rows": rows})
    print(f"{len(rows)} rows in {options.out}")
