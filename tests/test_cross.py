"""The same bits from other compilers and on other processors: whichever of them are installed (emulators included).

The expected bits are those of the corpus, so that a single target proves them, too.
"""

from __future__ import annotations

import json
import os
import subprocess

import corpus
import pytest

import build

pytestmark = pytest.mark.slow

N = 3001

AVX2 = build.WIDE["avx2"]
# compiler and flags, the emulator that runs the result
TARGETS = {
    "gcc": (["gcc"], []),
    "gcc avx2": (["gcc", *AVX2], []),
    "gcc -O1": (["gcc", "-O1"], []),
    "gcc-11": (["gcc-11"], []),
    "gcc-11 avx2": (["gcc-11", *AVX2], []),
    "clang": (["clang"], []),
    "clang avx2": (["clang", *AVX2], []),
    "clang-14": (["clang-14"], []),
    "clang-14 avx2": (["clang-14", *AVX2], []),
    "64-bit Arm": (["aarch64-linux-gnu-gcc", "-static"], ["qemu-aarch64"]),
    "64-bit Arm, not vectorised": (["aarch64-linux-gnu-gcc", "-static", "-O1"], ["qemu-aarch64"]),
    "an x86 of 2008, without FMA": (["gcc", "-static"], ["qemu-x86_64", "-cpu", "Nehalem"]),
}


def outputs(compiler: list[str], emulator: list[str]) -> bytes:
    for name in emulator[:1]:
        build.tool(name)
    program = build.every_kernel(compiler)
    inputs = corpus.kernel_inputs(N)
    return subprocess.run([*emulator, program, str(N)], input=inputs, check=True, capture_output=True, timeout=600).stdout


# what writes the corpus: fast, and there wherever the package was built
REFERENCE = TARGETS["gcc avx2" if os.uname().machine == "x86_64" else "gcc"]


@pytest.mark.parametrize("target", TARGETS)
def test_same_bits(target: str) -> None:
    expected = json.loads(corpus.FILE.read_text())["kernels"]
    got = corpus.hashes_of_kernels(outputs(*TARGETS[target]))
    assert got.keys() == expected.keys(), "python tests/corpus.py writes the corpus"
    assert not [name for name in got if got[name] != expected[name]]
