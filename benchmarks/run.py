"""Times the cases against the roof and all peers that are installed, in one run, and writes what was found as JSON."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import fastloss as fl
from fastloss import bench

from . import cases, peers, roof
from .cases import SOFTMAX, Case
from .facts import facts

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
# What asks for a number of threads, as the libraries read it when they are imported.
VARIABLES = (
    "FASTLOSS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
)
# Sizes, seconds for a call in all its turns, and those after which a slow one is not called again.
FULL = {"sizes": (10**4, 10**6), "seconds": 0.03, "patience": 0.25}
QUICK = {"sizes": (10**4, 10**6), "seconds": 0.01, "patience": 0.1}
OF_QUICK = (SOFTMAX, "squared_error", "huber", "log_cosh", "binary_cross_entropy", "binary_focal", "dice", "triplet_margin")
# Where the calls of fewer numbers would be those of one thread.
FEWEST_OF_THREADS = 10**5
# Where memory is the limit.
LARGE, OF_LARGE = 10**7, ("squared_error", "absolute_error", "huber", "log_cosh", "binary_cross_entropy", SOFTMAX)
# Seconds that what a call leaves behind takes to settle: other threads wait for work on the processor for some milliseconds.
SETTLE = {1: 0.0, 2: 0.003}
OURS, ROOF = "fastloss", "roof"
# Compiles for seconds, for each loss, precision and output: only a few, unless all are asked for.
SLOW_TO_COMPILE = "torch.compile"
COMPILED = ("squared_error", "huber", "log_cosh", "binary_cross_entropy", "binary_focal", SOFTMAX, "dice", "triplet_margin")


def environment(threads: int) -> dict[str, str]:
    """For a process whose libraries work on so many threads."""
    alone = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"} if threads == 1 else {}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, **dict.fromkeys(VARIABLES, str(threads)), **alone, "PYTHONPATH": path}


def run_apart(arguments: list[str], threads: int) -> None:
    """Run a command of this package in a process of its own, on the first processors only."""
    processors = sorted(os.sched_getaffinity(0))[:threads] if hasattr(os, "sched_getaffinity") else None

    def keep_to_processors() -> None:
        if processors:
            os.sched_setaffinity(0, processors)

    command = [sys.executable, "-m", "benchmarks", *arguments]
    subprocess.run(command, env=environment(threads), cwd=ROOT, preexec_fn=keep_to_processors, check=True)


def seconds_of(times: list[float]) -> list[float]:
    """The best and the median, to four digits."""
    return [float(f"{seconds:.4g}") for seconds in (min(times), median(times))]


def measure(case: Case, makers: dict[str, Any], threads: int, effort: dict[str, Any]) -> dict[str, Any]:
    """A row: the times of fastloss, of the roof and of all peers whose results are those of fastloss."""
    jobs = {OURS: case.job(), ROOF: roof.of_case(case, threads)}
    expected, differing = jobs[OURS](), {}
    truth = cases.exact(case) if cases.has_digits(case) else None
    errors = {} if truth is None else {OURS: cases.error(case, truth, expected)}
    for name, make in makers.items():
        job = make(case)
        if job is None:
            continue
        result = job()
        apart = cases.difference(case, expected, result) / peers.ALLOWANCES.get(name, 1)
        if truth is not None and apart <= 1:
            errors[name] = cases.error(case, truth, result)
        if apart <= 1:
            jobs[name] = job
        else:
            differing[name] = float(f"{apart:.3g}")
    seconds, patience = effort["seconds"] * len(jobs), effort["patience"]
    times = bench.take_turns(list(jobs.values()), seconds, settle=SETTLE.get(threads, SETTLE[2]), patience=patience)
    row = {
        "loss": case.name,
        "name": case.loss.name,
        "family": case.loss.family,
        "plan": case.loss.signature.plan,
        "dtype": case.dtype,
        "n": case.n,
        "width": case.width,
        "what": case.what,
        "threads": threads,
        "times": {name: seconds_of(found) for name, found in zip(jobs, times, strict=True)},
    }
    if errors:
        row["ulp"] = {name: float(f"{error:.2g}") for name, error in errors.items()}
    return row | ({"differing": differing} if differing else {})


def chosen(options: argparse.Namespace, threads: int) -> list[Case]:
    effort = QUICK if options.quick else FULL
    dtypes, whats = options.dtypes or cases.DTYPES, options.whats or cases.WHATS
    sizes = options.sizes or [n for n in effort["sizes"] if threads == 1 or n >= FEWEST_OF_THREADS]
    found = cases.every_case(sizes, dtypes, whats, options.names)
    if options.quick and not options.names:
        # one of each kind, as they are called most often
        found = [case for case in found if case.loss.name in OF_QUICK and getattr(case.loss, "from_logits", True)]
        found = [case for case in found if case.what != "gradient_and_hessian" and case.width in (1, 10, 1000, 4096, 128)]
    elif not options.sizes and not options.quick:
        large = [case for case in cases.every_case([LARGE], dtypes, whats, options.names) if case.loss.name in OF_LARGE]
        found += [case for case in large if case.width in (1, 10, 1000)]
    return found


def child(options: argparse.Namespace) -> None:
    """Time all cases on the threads that the environment says, and append a line for each to the file."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    makers = {name: make for name, make in peers.available().items() if not options.peers or name in options.peers}
    threads, begun = fl.get_num_threads(), time.perf_counter()
    found = chosen(options, threads)
    # all of a loss one after the other: what was compiled for one size serves for the next
    found.sort(key=lambda case: (case.n == LARGE, case.name, case.width, case.dtype, case.what, case.n))
    with options.out.open("a") as file:
        # copies, which take their inputs with them when they go
        for i, case in enumerate(map(replace, found)):
            compiled = options.compile or (not options.quick and case.loss.name in COMPILED)
            left_out = set() if compiled else {SLOW_TO_COMPILE}
            wanted = {name: make for name, make in makers.items() if name not in left_out}
            row = measure(case, wanted, threads, QUICK if options.quick else FULL)
            file.write(json.dumps(row) + "\n")
            file.flush()
            if sys.stderr.isatty() or i % 100 == 99:
                print(f"{i + 1} of {len(found)}, {time.perf_counter() - begun:.0f} s, {case}", file=sys.stderr, flush=True)
            for name, apart in row.get("differing", {}).items():
                print(f"{name} differs by {apart} of what is allowed: {case}", file=sys.stderr, flush=True)


def write(path: Path, found: dict[str, Any]) -> None:
    """A row in a line."""
    rows = ",\n".join(json.dumps(row) for row in found["rows"])
    rest = json.dumps({key: thing for key, thing in found.items() if key != "rows"})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{rest[:-1]}, "rows": [\n{rows}\n]}}\n')


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a row is of."""
    return tuple(row[key] for key in ("loss", "dtype", "n", "width", "what", "threads"))


def to_be_kept(path: Path) -> dict[str, Any]:
    """What was found before, on this machine and with the same versions: other times say nothing beside these."""
    before, now = json.loads(path.read_text()), facts()
    differing = [key for key in now if key != "date" and before["facts"].get(key) != now[key]]
    if differing:
        raise SystemExit(f"{path} is not of this machine as it is now: {', '.join(differing)} differ. Measure all of it.")
    return before


def main(options: argparse.Namespace) -> None:
    begun, rows = time.perf_counter(), []
    before = to_be_kept(options.out) if options.again else {"rows": [], "seconds": 0}
    # before the processes that use it
    roof.library()
    for threads in options.threads:
        part = options.out.with_suffix(f".{threads}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        words = ["--quick"] * options.quick + ["--compile"] * options.compile
        for option in ("sizes", "dtypes", "whats", "peers"):
            if getattr(options, option):
                words += [f"--{option}", ",".join(map(str, getattr(options, option)))]
        try:
            run_apart(["losses-child", *options.names, *words, "--out", str(part)], threads)
        finally:
            rows += [json.loads(line) for line in part.read_text().splitlines()] if part.exists() else []
            part.unlink(missing_ok=True)
            measured = {identity(row): row for row in rows}
            kept = [measured.pop(identity(row), row) for row in before["rows"]]
            seconds = before["seconds"] + round(time.perf_counter() - begun)
            write(options.out, {"facts": facts(), "seconds": seconds, "rows": [*kept, *measured.values()]})
    print(f"{len(rows)} rows in {options.out}, {time.perf_counter() - begun:.0f} s")
    if any("differing" in row for row in rows):
        raise SystemExit("some results differ: those peers were not timed there")
