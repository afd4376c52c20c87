"""What was built: symbols, instruction sets in their places, vectorised loops, generated text, banned flags."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
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


AVX2 = ["-mavx2", "-mfma"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mprefer-vector-width=512"]


@pytest.fixture(scope="module", params=[("avx2", AVX2), ("avx512", AVX512)], ids=["avx2", "avx512"])
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """kernels.c compiled as setup.py does, with the vectoriser's account of it: instruction set and folder."""
    if os.uname().machine != "x86_64" or "GCC" not in fl.config()["compiler"]:
        pytest.skip("GCC on x86-64 gives the account")
    generated = ROOT / "build" / "generated"
    if not generated.exists():
        pytest.skip("the lists of the build are not here")
    isa, flags = request.param
    folder = tmp_path_factory.mktemp(isa)
    kernel_flags = re.search(r"KERNEL_FLAGS = \[(.*)\]", (ROOT / "setup.py").read_text()).group(1)
    run(
        *[tool("gcc"), "-std=gnu11", *re.findall(r'"(.+?)"', kernel_flags), *flags, f"-DFL_ISA={isa}", "-fPIC"],
        *["-I", str(ROOT / "src_c"), "-I", str(generated), f"-fdump-tree-vect-details={folder / 'vectoriser.txt'}"],
        *["-c", str(ROOT / "src_c" / "kernels.c"), "-o", str(folder / "kernels.o")],
    )
    return isa, folder


def test_an_object_exports_its_table_only(kernels: tuple[str, Path]) -> None:
    isa, folder = kernels
    defined = run(tool("nm"), "--defined-only", "--extern-only", str(folder / "kernels.o")).splitlines()
    assert [line.split()[-1] for line in defined] == [f"fl_table_{isa}"]


def test_wide_registers_stay_in_their_kernels(kernels: tuple[str, Path]) -> None:
    """What runs before the dispatcher has spoken must run on every CPU."""
    isa, folder = kernels
    register = "%ymm" if isa == "avx2" else "%zmm"
    wide = functions_with(register, folder / "kernels.o")
    assert len(wide) > 100
    common = {name for name in functions_with(register, MODULE) if name not in wide}
    if isa == "avx2":
        # the other wide kernels use these registers too
        common = {name for name in common if not re.search(r"_f(32|64)$|^(stream|bad_weights|labels_from_\w+)$", name)}
    assert not common


def functions_with(register: str, path: Path) -> set[str]:
    """Names of the functions of an object whose code mentions a register, without the compiler's suffixes."""
    current, found = "", set()
    for line in run(tool("objdump"), "-d", "--no-show-raw-insn", str(path)).splitlines():
        if match := re.match(r"[0-9a-f]+ <([^>.]+)", line):
            current = match.group(1)
        elif register in line:
            found.add(current)
    return found


def test_every_element_loop_is_vectorised(kernels: tuple[str, Path]) -> None:
    """GCC says so of each loop; a formula that it cannot vectorise would be ten times slower, and otherwise unnoticed."""
    isa, folder = kernels
    vectorised = re.compile(rf"losses/\w+/\w+\.h:.*optimized: loop vectorized using {32 if isa == 'avx2' else 64}")
    parts = re.split(r"^;; Function (\S+) .*$", (folder / "vectoriser.txt").read_text(), flags=re.MULTILINE)[1:]
    bodies = dict(zip(parts[::2], parts[1::2], strict=True))
    loops = [f"{kernel}_{want}_{bits}" for kernel in _core.kernels() for want in (1, 2, 3, 6, 7) for bits in ("f32", "f64")]
    # identical loops are folded into one, and the others then have no body
    present = [name for name in loops if name in bodies]
    assert len(present) > len(loops) * 0.7
    assert not [name for name in present if not vectorised.search(bodies[name])]


def test_every_lane_loop_is_vectorised(kernels: tuple[str, Path]) -> None:
    """What is vectorised in one precision is in the other, too; and every formula of a row's right class is in both."""
    isa, folder = kernels
    optimised = rf"(\w+\.(?:inc\.)?h):(\d+):\d+: optimized: loop vectorized using {32 if isa == 'avx2' else 64}"
    parts = re.split(r"^;; Function (\S+) .*$", (folder / "vectoriser.txt").read_text(), flags=re.MULTILINE)[1:]
    found = {name: set(re.findall(optimised, body)) for name, body in zip(parts[::2], parts[1::2], strict=True)}
    engine = [name for name in found if re.match(r"fl_(exponentials|(index|shares)_of_\w+)_f32$", name)]
    assert engine
    for name in engine:
        assert found[name] == found[name[:-3] + "f64"], name
    targets = [name for name in found if re.search(r"_target_f(32|64)$", name)]
    formulas = [
        text for path in ROOT.glob("src_c/losses/*/*.h") for text in re.findall("^FL_TARGET_FORMULA", path.read_text(), re.M)
    ]
    assert len(targets) == 2 * len(formulas)
    assert not [name for name in targets if not found[name]]


def test_coefficients_are_those_of_the_script(tmp_path: Path) -> None:
    written = run(sys.executable, str(ROOT / "tools" / "coefficients.py"))
    assert written == (ROOT / "src_c" / "coefficients.h").read_text()


def test_cython_has_nothing_to_say(tmp_path: Path) -> None:
    """Neither a warning nor a performance hint, such as an exception check or the GIL where neither is needed."""
    done = subprocess.run(
        [sys.executable, "-m", "cython", "-3", str(ROOT / "fastloss" / "_core.pyx"), "-o", str(tmp_path / "core.c")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not re.findall(r"^(?:warning|performance hint).*$", done.stdout + done.stderr, re.MULTILINE)


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


USER = """
#include <Python.h>
#include <fastloss.h>
int main(void)
{
    Py_Initialize();
    const fl_table *table = PyCapsule_Import("fastloss._core.table", 0);
    if (!table)
        return PyErr_Print(), 1;
    const double y_true[] = {1.0, 2.0}, y_pred[] = {1.5, 5.0};
    double value[2], gradient[2];
    fl_block block = {.input = {y_true, y_pred}, .value = value, .gradient = {gradient}};
    for (int i = 0; i < table->kernels; i++)
        if (!strcmp(table->kernel[i].name, "squared_error"))
            table->kernel[i].map[FL_F64][FL_VALUE | FL_GRADIENT](&block, 2, NULL);
    printf("%s %g %g %g %g\\n", table->isa, value[0], value[1], gradient[0], gradient[1]);
    return 0;
}
"""


def test_the_header_is_installed_for_c(tmp_path: Path) -> None:
    include = Path(fl.get_include())
    assert (include / "fastloss.h").read_text() == (ROOT / "src_c" / "fastloss.h").read_text()
    headers, libraries = Path(sysconfig.get_paths()["include"]), sysconfig.get_config_var("LIBDIR")
    version = sysconfig.get_config_var("LDVERSION")
    source, program = tmp_path / "user.c", tmp_path / "user"
    source.write_text(USER)
    command = [tool("gcc"), "-Wall", "-Wextra", "-Werror", str(source), f"-I{include}", f"-I{headers}", f"-L{libraries}"]
    command += [f"-Wl,-rpath,{libraries}", f"-lpython{version}", *(sysconfig.get_config_var("LIBS") or "").split(), "-lm"]
    built = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True, check=False)
    if f"cannot find -lpython{version}" in built.stderr or "Python.h" in built.stderr:
        pytest.skip("Python cannot be embedded here")
    assert built.returncode == 0, built.stderr
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "PYTHONHOME": sys.base_prefix,
    }
    done = subprocess.run([str(program)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [_core.available_isas()[0], "0.25", "9", "1", "6"]


def test_typed() -> None:
    assert (Path(fl.__file__).parent / "py.typed").exists()
