"""The same bits from other compilers and on other processors: whichever of them are installed (emulators included)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
N = 3001

AVX2 = ["-mavx2", "-mfma"]
# compiler and flags, the emulator that runs the result
TARGETS = {
    "gcc": (["gcc"], []),
    "gcc avx2": (["gcc", *AVX2], []),
    "gcc -O1": (["gcc", "-O1"], []),
    "clang": (["clang"], []),
    "clang avx2": (["clang", *AVX2], []),
    "clang-14": (["clang-14"], []),
    "clang-14 avx2": (["clang-14", *AVX2], []),
    "64-bit Arm": (["aarch64-linux-gnu-gcc", "-static"], ["qemu-aarch64"]),
    "64-bit Arm, not vectorised": (["aarch64-linux-gnu-gcc", "-static", "-O1"], ["qemu-aarch64"]),
    "an x86 of 2008, without FMA": (["gcc", "-static"], ["qemu-x86_64", "-cpu", "Nehalem"]),
}


def outputs(folder: Path, compiler: list[str], emulator: list[str], inputs: bytes) -> np.ndarray:
    for tool in (compiler[0], *emulator[:1]):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    if not (ROOT / "build" / "generated").exists():
        pytest.skip("the lists of the build are not here")
    kernel_flags = re.search(r"KERNEL_FLAGS = \[(.*)\]", (ROOT / "setup.py").read_text()).group(1)
    sources = [ROOT / "tests" / "every_kernel.c", ROOT / "src_c" / "kernels.c", ROOT / "src_c" / "exact_sum.c"]
    program = folder / "every_kernel"
    flags = ["-std=gnu11", *re.findall(r'"(.+?)"', kernel_flags), *compiler[1:], "-DFL_ISA=baseline"]
    folders = ["-I", ROOT / "src_c", "-I", ROOT / "build" / "generated"]
    subprocess.run([compiler[0], *flags, *folders, *sources, "-o", program, "-lm"], check=True, capture_output=True)
    done = subprocess.run([*emulator, program, str(N)], input=inputs, check=True, capture_output=True, timeout=300)
    return np.frombuffer(done.stdout, np.uint8)


@pytest.fixture(scope="module")
def inputs() -> bytes:
    """Positive labels, predictions of all sizes, variances: every kernel has a meaning for them."""
    rng = np.random.default_rng(0)
    y = np.abs(rng.standard_normal(N)) * 10.0 ** rng.uniform(-3, 3, N)
    p = np.where(rng.random(N) < 0.5, y + rng.standard_normal(N), 10.0 ** rng.uniform(-30, 30, N) * rng.choice([-1, 1], N))
    arrays = np.stack([y, p, 10.0 ** rng.uniform(-9, 9, N)])
    return arrays.tobytes() * 2


@pytest.fixture(scope="module")
def expected(inputs: bytes, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return outputs(
        tmp_path_factory.mktemp("reference"), *TARGETS["gcc avx2" if os.uname().machine == "x86_64" else "gcc"], inputs
    )


@pytest.mark.parametrize("target", TARGETS)
def test_same_bits(tmp_path: Path, inputs: bytes, expected: np.ndarray, target: str) -> None:
    got = outputs(tmp_path, *TARGETS[target], inputs)
    assert got.size == expected.size
    different = np.flatnonzero(got != expected)
    # where bytes differ, both numbers must be NaN, in the precision they were written with
    for place in different[::4]:
        numbers = [
            {np.frombuffer(raw[place // size * size :][:size].tobytes(), kind)[0] for raw in (got, expected)}
            for size, kind in ((4, np.float32), (8, np.float64))
        ]
        assert any(all(np.isnan(number) for number in pair) for pair in numbers), (target, place, numbers)
