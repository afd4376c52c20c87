"""The two threading layers against one thread, quiet and beside two busy processes: ``python benchmarks/threads.py``.

Calls on one thread, on the pool and on OpenMP take turns in one process. Times are medians and, beside them, the slowest of a
hundred: a layer that waits for a thread that the system has put aside shows there first.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

import fastloss as fl
from fastloss import _core

THREADS = max(2, fl.get_num_threads())
TEAMS = {"one thread": ("pool", 1)} | {
    f"{layer}, {THREADS} threads": (layer, THREADS) for layer in _core.LAYERS if layer == "pool" or _core.OPENMP_VERSION
}
SIZES = (30_000, 100_000, 1_000_000, 10_000_000)
SECONDS = 1.5  # of each team at each size


def keep_busy() -> None:
    while True:
        pass


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    processes = [multiprocessing.get_context("spawn").Process(target=keep_busy, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    # until they have been imported and spin
    time.sleep(1.0 if processes else 0.0)
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def times(n: int) -> dict[str, list[float]]:
    y_true, y_pred = np.random.default_rng(0).standard_normal((2, n)).astype(np.float32)
    found: dict[str, list[float]] = {name: [] for name in TEAMS}
    expected = fl.log_cosh(y_true, y_pred)
    end = time.perf_counter() + SECONDS * len(TEAMS)
    while time.perf_counter() < end:
        for name, (layer, threads) in TEAMS.items():
            _core.use_layer(layer)
            with fl.num_threads(threads):
                for warm in (True, False):
                    start = time.perf_counter()
                    value = fl.log_cosh(y_true, y_pred)
                    if not warm:
                        found[name].append(time.perf_counter() - start)
            assert value == expected
    return found


def main() -> None:
    print(f"log_cosh of float32 numbers, microseconds: median (and that which 1 call in 100 exceeds); {THREADS} threads")
    print(f"{'':30}" + "".join(f"{n:>22,}" for n in SIZES))
    for beside in (0, 2):
        with busy_processes(beside):
            found = {n: times(n) for n in SIZES}
        print("beside two busy processes" if beside else "quiet")
        for name in TEAMS:
            cells = (
                f"{statistics.median(t) * 1e6:,.0f} ({np.quantile(t, 0.99) * 1e6:,.0f})"
                for t in (found[n][name] for n in SIZES)
            )
            print(f"    {name:26}" + "".join(f"{cell:>22}" for cell in cells))


if __name__ == "__main__":
    main()
