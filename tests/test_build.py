"""What was built: symbols, instruction sets in their places, vectorised loops, generated text, banned flags."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastloss as fl
from fastloss import _core

ROOT = Path(__file__).parents[1]
MODULE = Path(_core.__file__)


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_only_the_module_function_is_exported() -> None:
    defined = run(tool("nm"), "-D", "--defined-only", str(MODULE)).splitlines()
    assert [line.split()[-1] for line in defined] == ["PyInit__core"]


def test_no_mathematical_library_in_the_kernels() -> None:
    """Results depend on no libm; fma is exact everywhere, and only the baseline, without the instruction, calls it."""
    undefined = {line.split()[-1].split("@")[0] for line in run(tool("nm"), "-D", "--undefined-only", str(MODULE)).splitlines()}
    functions = {
        "exp",
        "expm1",
        "exp2",
        "log",
        "log1p",
        "log2",
        "pow",
        "sqrt",
        "cbrt",
        "hypot",
        "sinh",
        "cosh",
        "tanh",
        "erf",
        "lgamma",
    }
    functions |= {"fmax", "fmin", "rint", "round"}
    assert not {name for name in undefined if name in functions or name.removesuffix("f") in functions}
    assert "fmaf" not in undefined


def test_wide_registers_stay_in_their_kernels() -> None:
    """Code that runs before the dispatcher has spoken must run on every CPU."""
    if os.uname().machine != "x86_64":
        pytest.skip("there is one instruction set")
    wide = re.compile(r"%[yz]mm")
    allowed = {name for isa in ("avx2", "avx512") for name in kernel_symbols(isa)}
    current, outside = "", set()
    for line in run(tool("objdump"), "-d", "--no-show-raw-insn", str(MODULE)).splitlines():
        if match := re.match(r"[0-9a-f]+ <(.+)>:", line):
            current = match.group(1)
        elif wide.search(line) and re.sub(r"\.(part|constprop|isra|cold)\.?\d*", "", current) not in allowed:
            outside.add(current)
    assert not outside


def kernel_symbols(isa: str) -> set[str]:
    objects = list(ROOT.glob(f"build/temp*/{isa}/**/kernels.o"))
    if not objects:
        pytest.skip("the objects of the build are not here")
    names = run(tool("nm"), *map(str, objects)).split()
    return {re.sub(r"\.(part|constprop|isra|cold)\.?\d*", "", name) for name in names}


def compile_kernels(folder: Path, *flags: str) -> str:
    """Compile kernels.c as setup.py does, with more flags; returns what the compiler said."""
    text = (ROOT / "setup.py").read_text()
    kernel_flags = re.search(r"KERNEL_FLAGS = \[(.*)\]", text).group(1).replace('"', "").replace(",", "").split()
    generated = ROOT / "build" / "generated"
    if not generated.exists():
        pytest.skip("the lists of the build are not here")
    return run(
        tool("gcc"), "-std=gnu11", *kernel_flags, *flags, "-I", str(ROOT / "src_c"), "-I", str(generated),
        "-c", str(ROOT / "src_c" / "kernels.c"), "-o", str(folder / "kernels.o"),
    )  # fmt: skip


AVX2 = ["-mavx2", "-mfma"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512"]


@pytest.mark.parametrize(("isa", "flags"), [("avx2", AVX2), ("avx512", AVX512)])
def test_every_element_loop_is_vectorised(tmp_path: Path, isa: str, flags: list[str]) -> None:
    """GCC says so of each loop; a formula that it cannot vectorise would be ten times slower, and otherwise unnoticed."""
    if os.uname().machine != "x86_64" or "GCC" not in fl.config()["compiler"]:
        pytest.skip("GCC on x86-64 tells")
    dump = tmp_path / "vectoriser.txt"
    compile_kernels(tmp_path, *flags, f"-DFL_ISA={isa}", f"-fdump-tree-vect-details={dump}")
    functions = re.split(r"^;; Function (\S+) .*$", dump.read_text(), flags=re.MULTILINE)[1:]
    body_of = dict(zip(functions[::2], functions[1::2], strict=True))
    missing = []
    for kernel in _core.kernels():
        for want in (1, 2, 3, 6, 7):
            for precision in ("f32", "f64"):
                # identical loops are folded into one, and then have no body of their own
                body = body_of.get(f"{kernel}_{want}_{precision}", "")
                if body and not re.search(
                    rf"losses/\w+/\w+\.h:.*optimized: loop vectorized using {32 if isa == 'avx2' else 64}", body
                ):
                    missing.append(f"{kernel}_{want}_{precision}")
    assert len(body_of) > 100
    assert not missing


def test_coefficients_are_those_of_the_script(tmp_path: Path) -> None:
    written = run(sys.executable, str(ROOT / "tools" / "coefficients.py"))
    assert written == (ROOT / "src_c" / "coefficients.h").read_text()


def test_no_flag_that_changes_arithmetic() -> None:
    banned = ("fast-math", "Ofast", "unsafe-math", "funsafe", "associative-math", "-march=native")
    for path in [ROOT / "setup.py", ROOT / "pyproject.toml", ROOT / "Makefile"]:
        assert not [flag for flag in banned if flag in path.read_text()], path
    assert "-ffp-contract=off" in fl.config()["flags"]


def test_config(capsys: pytest.CaptureFixture[str]) -> None:
    facts = fl.config()
    assert facts["isa_active"] in facts["isa_available"]
    assert set(facts["isa_available"]) <= set(facts["isa_built"])
    assert "baseline" in facts["isa_built"]
    assert facts["threads"] == fl.get_num_threads()
    fl.show_config()
    printed = capsys.readouterr().out
    for key in facts:
        assert key in printed


def test_the_best_instruction_set_is_used_first() -> None:
    order = ["avx512", "avx2", "baseline"]
    available = list(_core.available_isas())
    assert available == [name for name in order if name in available]
    if not os.environ.get("FASTLOSS_ISA"):
        assert _core.active_isa() == available[0]


def test_typed() -> None:
    assert (Path(fl.__file__).parent / "py.typed").exists()
