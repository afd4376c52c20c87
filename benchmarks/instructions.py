"""Instructions per number of every loss on one thread, as callgrind counts them: those of our modules, without noise.

Whole calls of two sizes are counted, and the difference is divided by that of their numbers: what a call costs by itself falls
out. What Python executes differs from build to build, and has no part in it; memory that our modules have the C library copy
or fill has. The counts are committed in instructions.json, and a test holds them: they may only go down. They are those of one
compiler and of AVX2, which is the widest that valgrind knows.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fastloss as fl

from .cases import DTYPES, Case, computes, instances, widths_of

FILE = Path(__file__).with_name("instructions.json")
ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "build" / "benchmarks" / "valgrind_marks.so"
ISA = "avx2"
SIZES = 1 << 13, 3 << 13
# What compares numbers with each other has fewer, so that it takes no longer: so many times.
FEWER = {"tiles": 8, "groups": 4}
WHATS = ("value", "value_and_gradient", "gradient_and_hessian")
# By how much counts may differ, such as by where in memory something lies.
TOLERANCE = 0.01
# ... and by how many, of a number: calls of Python are not quite alike.
FEW = 0.02
TURNS, WARM = 2, 20
# Where the instructions are that count: in files below this folder, or in functions that start like this.
OURS, MEMORY = str(Path(fl.__file__).parent), "__mem"
# Numbers that belong together, where those of the benchmarks are more than the smaller size has.
MOST = 1024


def every_case() -> list[tuple[Case, Case]]:
    """The two sizes of each case: whole units of each."""
    found = []
    for loss in instances():
        width = min(widths_of(loss)[0] if loss.name != "categorical_cross_entropy" else 10, MOST)
        if loss.signature.plan == "tiles":
            width = 32
        sizes = [size // FEWER.get(loss.signature.plan, 1) for size in SIZES]
        for dtype in DTYPES:
            for what in WHATS:
                if computes(loss, what):
                    found.append(tuple(Case(loss, dtype, n, width, what) for n in sizes))
    return found


def why_not() -> str:
    """Why nothing can be counted here; empty where it can."""
    if not shutil.which("valgrind"):
        return "valgrind is not installed"
    if ISA not in fl.config()["isa_available"]:
        return f"there is no {ISA}"
    return ""


def name_of(case: Case) -> str:
    return " ".join(filter(None, [case.name, case.shape and f"of {case.width}", case.dtype, case.what]))


def child(options: argparse.Namespace) -> None:
    """Run under valgrind: each call is counted twice; the first prepares what it needs once."""
    marks = ctypes.CDLL(str(LIBRARY))
    jobs = [(f"{index} {size}", case.job()) for index, pair in enumerate(every_case()) for size, case in enumerate(pair)]
    gc.collect()
    # not in the middle of a call
    gc.disable()
    # Python changes what it runs often
    for _, job in jobs[:WARM] * WARM:
        job()
    marks.start()
    for name, job in jobs:
        text = name.encode()
        for _ in range(TURNS):
            marks.clear()
            job()
            marks.count(text)


def count() -> dict[str, float]:
    """Instructions per number of all cases."""
    LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("valgrind_marks.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", str(source), "-o", str(LIBRARY)], check=True)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "FASTLOSS_NUM_THREADS": "1", "FASTLOSS_ISA": ISA, "PYTHONHASHSEED": "0", "PYTHONPATH": path}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "counts")
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--combine-dumps=yes", f"--callgrind-out-file={out}"]
        command += ["--compress-strings=no", "--compress-pos=no"]
        command += [sys.executable, "-m", "benchmarks", "instructions-child"]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        text = "".join(path.read_text() for path in sorted(Path(folder).iterdir()))
    totals: dict[str, int] = {}
    for name, total in own_totals(text.splitlines()):
        totals[name] = min(totals.get(name, total), total)
    found = {}
    for index, (small, large) in enumerate(every_case()):
        instructions = totals[f"{index} 1"] - totals[f"{index} 0"]
        numbers = [sum(case.inputs[i].size for i in case.predictions[:1]) for case in (small, large)]
        found[name_of(small)] = round(instructions / (numbers[1] - numbers[0]), 3)
    return found


def own_totals(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield the name of each call, and the instructions in OURS and MEMORY, from what callgrind has written of all of them."""
    mark, name, total, file, function, called = "desc: Trigger: Client Request: ", "", 0, "", "", False
    for line in lines:
        if line.startswith("part: ") and name:
            yield name, total
            name = ""
        elif line.startswith(mark):
            name, total = line.removeprefix(mark), 0
        elif line.startswith("ob="):
            file = line.removeprefix("ob=")
        elif line.startswith("fn="):
            function = line.removeprefix("fn=")
        elif line.startswith("calls="):
            called = True
        elif line[:1].isdigit():
            # the line after calls= has what was called, which stands in its own place, too
            if not called and (file.startswith(OURS) or function.startswith(MEMORY)):
                total += int(line.split()[1])
            called = False
    if name:
        yield name, total


def risen(found: dict[str, float], committed: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Counts that are larger than those committed, by more than what they may differ: both of each."""
    return {
        name: (committed[name], now)
        for name, now in found.items()
        if name in committed and now > committed[name] * (1 + TOLERANCE) + FEW
    }


def main(options: argparse.Namespace) -> None:
    """Count, say what has changed, and write the file; not where counts have risen, unless that is meant."""
    if why_not():
        raise SystemExit(why_not())
    found, compiler = count(), fl.config()["compiler"]
    before: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"counts": {}}
    for name in sorted({*found, *before["counts"]}):
        was, now = before["counts"].get(name), found.get(name)
        if was is None or now is None or abs(now - was) > TOLERANCE * was:
            print(f"{name}: {was} -> {now}")
    up = risen(found, before["counts"]) if before.get("compiler") == compiler else {}
    if up and not options.up:
        raise SystemExit(f"{len(up)} counts have risen; --up writes them nevertheless")
    FILE.write_text(json.dumps({"compiler": compiler, "isa": ISA, "counts": found}, indent=1, sort_keys=True) + "\n")
    print(f"{len(found)} counts")
