"""Evaluate a file that is larger than the memory there may be.

    pip install 'fastloss[cli]'
    python examples/larger_than_memory.py [--megabytes 900] [--limit 600]

A Parquet file is written, and two processes are given less memory than it has bytes (as by ``ulimit -v``): the first one reads
all of it and fails, the second one is ``fastloss evaluate``.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

READ_ALL = """
import sys, pyarrow.parquet
try:
    pyarrow.parquet.read_table(sys.argv[1])
except MemoryError as error:
    raise SystemExit(f"out of memory: {error}")
"""
# What threads and allocators reserve without using it counts for the limit.
RESERVE_LITTLE = {
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


def write(path: Path, megabytes: int) -> None:
    rng = np.random.default_rng(0)
    n = 1 << 20
    y_true = rng.normal(size=n)
    models = np.array(["2024-05", "2024-06"])[rng.integers(0, 2, n)]
    table = pa.table({"y_true": y_true, "y_pred": y_true + rng.normal(size=n), "model": models})
    with pa.parquet.ParquetWriter(path, table.schema, compression="none") as file:
        while path.stat().st_size < megabytes * 1e6:
            file.write_table(table)


def run_within(limit: int, command: list[str]) -> int:
    """Run a command with a limit to its memory, in megabytes."""

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit * 1_000_000, limit * 1_000_000))

    environment = {**os.environ, **RESERVE_LITTLE}
    return subprocess.run(command, env=environment, preexec_fn=confine, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=900, help="size of the file")
    parser.add_argument("--limit", type=int, default=600, help="megabytes of memory that a process may have")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "predictions.parquet")
        write(path, options.megabytes)
        print(f"{path.stat().st_size / 1e6:.0f} MB in the file, {options.limit} MB of memory", flush=True)
        status = run_within(options.limit, [sys.executable, "-c", READ_ALL, str(path)])
        print(f"reading all of it ends with status {status}", flush=True)
        losses = ["--loss", "squared_error", "--loss", "huber:delta=2"]
        evaluate = [sys.executable, "-m", "fastloss", "evaluate", str(path), *losses, "--group-by", "model", "--csv"]
        return run_within(options.limit, evaluate)


if __name__ == "__main__":
    raise SystemExit(main())
