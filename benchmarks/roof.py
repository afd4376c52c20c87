"""The roof of a case: reading its inputs and writing its outputs in the same chunks and threads, without arithmetic."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from .cases import Case

HERE = Path(__file__).parent
LIBRARY = HERE.parent / "build" / "benchmarks" / "roof.so"
#: Numbers of a chunk, as those of fastloss's blocks.
CHUNK = 1024
# Below so many bytes, threads take longer to start than to work; from there on, outputs need no place in the caches.
FEW, MANY = 1 << 20, 1 << 24


class _Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("bytes", ctypes.c_size_t))


@cache
def library() -> ctypes.CDLL:
    """Compile roof.c, if it has changed."""
    source = HERE / "roof.c"
    if not LIBRARY.exists() or LIBRARY.stat().st_mtime < source.stat().st_mtime:
        compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or "clang"
        LIBRARY.parent.mkdir(parents=True, exist_ok=True)
        made = LIBRARY.with_suffix(f".{os.getpid()}")
        flags = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
        subprocess.run([*compiler.split(), *flags, str(source), "-o", str(made)], check=True)
        made.replace(LIBRARY)
    return ctypes.CDLL(str(LIBRARY))


def _parts(arrays: Sequence[np.ndarray]) -> ctypes.Array[_Part]:
    return (_Part * max(1, len(arrays)))(*((array.ctypes.data, array.nbytes) for array in arrays))


def call(inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], threads: int) -> Callable[[], object]:
    """Reads and writes contiguous arrays, of any sizes, together."""
    bytes_of_all = sum(array.nbytes for array in (*inputs, *outputs))
    longest = max(array.size for array in (*inputs, *outputs))
    written = max((array.nbytes for array in outputs), default=0)
    chunks = ctypes.c_size_t(-(-longest // CHUNK))
    function, ins, outs = library().roof, _parts(inputs), _parts(outputs)
    threads = threads if bytes_of_all >= FEW else 1
    kept = (inputs, outputs)

    def job() -> object:
        function(ins, len(kept[0]), outs, len(kept[1]), chunks, threads, int(written >= MANY))
        return kept

    return job


def of_case(case: Case, threads: int) -> Callable[[], object]:
    return call(case.inputs, case.outputs(), threads)
