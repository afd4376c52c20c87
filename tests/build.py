"""The kernels, compiled as setup.py compiles them, for tests that look at the code or run it elsewhere. Objects are kept."""

from __future__ import annotations

import fcntl
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = Path("build", "tests")


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


setup = _load()
WIDE = setup.ISAS["x86_64"]


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let the tests of one process at a time write into a folder: others may run beside them."""
    folder = ROOT / folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def objects(compiler: list[str], isa: str, flags: list[str]) -> list[Path]:
    """Make the objects of an instruction set's table with a compiler."""
    tool(compiler[0])
    folder = FOLDER / re.sub(r"\W+", "_", " ".join([*compiler, isa, *flags]))
    units = setup.kernel_units(isa, flags)
    with alone_in(folder), ThreadPoolExecutor() as pool:
        return list(pool.map(lambda unit: setup.compile_unit(compiler, unit[0], folder / f"{unit[1]}.o", unit[2]), units))


def every_kernel(compiler: list[str]) -> Path:
    """Make the program that runs every kernel, with the flags of the command and nothing else to choose an instruction set."""
    # flags come last, so that theirs count
    found = objects(compiler[:1], "baseline", compiler[1:])
    folder = found[0].parent
    program = folder / "every_kernel"
    source = ROOT / "tests" / "every_kernel.c"
    with alone_in(folder):
        exact_sum = setup.compile_unit(compiler, "src_c/sum/exact_sum.c", folder / "exact_sum.o", [])
        run(*compiler, "-std=gnu11", "-DFL_ISA=baseline", "-Isrc_c", source, *found, exact_sum, "-o", program, "-lm")
    return program
