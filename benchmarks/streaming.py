"""Evaluate a Parquet file of some gigabytes with six losses, and compare with Arrow, which only reads the columns.

    python benchmarks/streaming.py [--gigabytes 2] [--repeats 5] [--folder /tmp]

Each measurement is a process of its own, from its start to its end, and they take turns; the memory is the largest resident set
that the kernel saw. The file is deleted in the end.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOSSES = ("squared_error", "absolute_error", "huber", "smooth_l1", "quantile", "expectile")
ROWS = 1 << 20

READ = """
import sys, pyarrow.parquet
with pyarrow.parquet.ParquetFile(sys.argv[1], **{options}) as file:
    for batch in file.iter_batches({batch}, columns=["y_true", "y_pred"]):
        pass
"""


def write(path: Path, gigabytes: float) -> None:
    """Random numbers, which cannot be compressed, and a column that nobody asks for."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    schema = pa.schema([("y_true", pa.float64()), ("y_pred", pa.float64()), ("segment", pa.string())])
    segments = np.array([f"segment {i}" for i in range(7)])
    with pa.parquet.ParquetWriter(path, schema) as file:
        while path.stat().st_size < gigabytes * 1e9:
            y_true = rng.normal(size=ROWS)
            columns = y_true, y_true + rng.normal(size=ROWS), segments[rng.integers(0, 7, ROWS)]
            file.write_table(pa.table(list(columns), schema))


def measure(command: list[str]) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of processors and megabytes of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with status {process.returncode}")
    # kilobytes on Linux, bytes on macOS
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1e3 if sys.platform != "darwin" else 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder, "predictions.parquet")
        # in a process of its own, whose memory would otherwise count for the ones that are measured
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(path, options.gigabytes))
        writer.start()
        writer.join()
        size = path.stat().st_size
        losses = [word for name in LOSSES for word in ("--loss", name)]
        evaluate = [sys.executable, "-m", "fastloss", "evaluate", str(path), *losses, "--json"]
        buffered = {"pre_buffer": False, "buffer_size": 1 << 20}
        commands = {
            "Arrow reads, its defaults": [sys.executable, "-c", READ.format(options={}, batch=1 << 16), str(path)],
            "Arrow reads, buffered": [sys.executable, "-c", READ.format(options=buffered, batch=1 << 18), str(path)],
            "fastloss evaluate, 6 losses": evaluate,
            "the same by 7 groups": [*evaluate, "--group-by", "segment"],
        }
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
        for _ in range(options.repeats):
            for name, command in commands.items():
                found[name].append(measure(command))
    fastest = {name: min(seconds for seconds, _, _ in runs) for name, runs in found.items()}
    arrow = min(seconds for name, seconds in fastest.items() if name.startswith("Arrow"))
    print(f"{size / 1e9:.2f} GB, fastest of {options.repeats}")
    for name, runs in found.items():
        busy, memory = min(run[1] for run in runs), max(run[2] for run in runs)
        print(
            f"{name:28}{fastest[name]:6.2f} s {busy:6.2f} s of processors {memory:6.0f} MB "
            f"{arrow / fastest[name]:6.0%} of Arrow's speed"
        )


if __name__ == "__main__":
    main()
