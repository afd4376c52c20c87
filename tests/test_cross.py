"""The same bits from other compilers and on other processors: whichever of them are installed (emulators included).

The expected bits are those of the corpus, so that a single target proves them, too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import corpus
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


def outputs(folder: Path, compiler: list[str], emulator: list[str]) -> bytes:
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
    inputs = corpus.kernel_inputs(N)
    return subprocess.run([*emulator, program, str(N)], input=inputs, check=True, capture_output=True, timeout=300).stdout


# what writes the corpus: fast, and there wherever the package was built
REFERENCE = TARGETS["gcc avx2" if os.uname().machine == "x86_64" else "gcc"]


@pytest.mark.parametrize("target", TARGETS)
def test_same_bits(tmp_path: Path, target: str) -> None:
    expected = json.loads(corpus.FILE.read_text())["kernels"]
    got = corpus.hashes_of_kernels(outputs(tmp_path, *TARGETS[target]))
    assert got.keys() == expected.keys(), "python tests/corpus.py writes the corpus"
    assert not [name for name in got if got[name] != expected[name]]
