"""What was built: symbols, instruction sets in their places, vectorised loops, generated text, banned flags."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

import build
import fastloss as fl
from build import ROOT, run, tool
from fastloss import _core

pytestmark = pytest.mark.slow

MODULES = sorted(Path(_core.__file__).parent.glob("*.so"))
DRIVER = sorted((ROOT / "fastloss" / "_core").glob("*.pyx"))


def test_every_driver_file_is_a_module() -> None:
    assert [path.name.partition(".")[0] for path in MODULES] == [path.stem for path in DRIVER]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name.partition(".")[0])
def test_only_the_module_function_is_exported(module: Path) -> None:
    defined = run(tool("nm"), "-D", "--defined-only", module).splitlines()
    assert [line.split()[-1] for line in defined] == [f"PyInit_{module.name.partition('.')[0]}"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name.partition(".")[0])
def test_no_mathematical_library(module: Path) -> None:
    """Results depend on no libm; fma is exact everywhere, and only the baseline, without the instruction, calls it."""
    undefined = {line.split()[-1].split("@")[0] for line in run(tool("nm"), "-D", "--undefined-only", module).splitlines()}
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


HEADERS = sorted(path for path in (ROOT / "src_c").rglob("*.h") if "losses" not in path.parts)


@pytest.mark.parametrize("header", HEADERS, ids=lambda path: str(path.relative_to(ROOT / "src_c")))
def test_a_header_compiles_on_its_own(header: Path) -> None:
    flags = [*build.setup.COMMON_FLAGS, *build.setup.KERNEL_FLAGS, *build.setup.WARNINGS, "-Werror", "-fsyntax-only"]
    run(tool("gcc"), *flags, "-Isrc_c", "-DFL_ISA=baseline", "-include", header, "-x", "c", "/dev/null")


@pytest.mark.parametrize("formula", build.setup.formulas(), ids=lambda path: path.stem)
def test_a_formula_file_compiles_on_its_own(formula: Path) -> None:
    flags = [*build.setup.COMMON_FLAGS, *build.setup.KERNEL_FLAGS, *build.setup.WARNINGS, "-Werror", "-fsyntax-only"]
    # what is defined, is not used
    run(
        tool("gcc"),
        *flags,
        "-Wno-unused-function",
        "-Wno-unused-const-variable",
        "-Isrc_c",
        "-include",
        formula,
        "-x",
        "c",
        "/dev/null",
    )


class Kernels:
    """The kernels of an instruction set, compiled as setup.py does, with the vectoriser's account of it."""

    def __init__(self, isa: str) -> None:
        self.isa = isa
        self.width = {"avx2": 32, "avx512": 64}[isa]
        self.objects = build.objects(["gcc"], isa, [*build.WIDE[isa], "-fPIC", "-fdump-tree-vect-details"])

    def functions(self) -> dict[str, str]:
        """What the vectoriser says of each function."""
        found: dict[str, str] = {}
        for path in self.objects:
            (account,) = path.parent.glob(f"{path.stem}.c.*.vect")
            parts = re.split(r"^;; Function (\S+) .*$", account.read_text(), flags=re.MULTILINE)[1:]
            found |= zip(parts[::2], parts[1::2], strict=True)
        return found


@pytest.fixture(scope="module", params=["avx2", "avx512"])
def kernels(request: pytest.FixtureRequest) -> Kernels:
    if os.uname().machine != "x86_64" or "GCC" not in fl.config()["compiler"]:
        pytest.skip("GCC on x86-64 gives the account")
    return Kernels(request.param)


def test_an_object_exports_its_table_only(kernels: Kernels) -> None:
    for path in kernels.objects:
        defined = run(tool("nm"), "--defined-only", "--extern-only", path).splitlines()
        names = {re.sub(r"(?<=^fl_kernel_)\w+", "*", line.split()[-1]) for line in defined}
        assert names == {f"fl_table_{kernels.isa}" if path.stem.startswith("passes") else "fl_kernel_*"}


def test_wide_registers_stay_in_their_kernels(kernels: Kernels) -> None:
    """What runs before the dispatcher has spoken must run on every CPU."""
    register = "%ymm" if kernels.isa == "avx2" else "%zmm"
    wide = {name for path in kernels.objects for name in functions_with(register, path)}
    assert len(wide) > 100
    common = {name for module in MODULES for name in functions_with(register, module) if name not in wide}
    if kernels.isa == "avx2":
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


def test_every_element_loop_is_vectorised(kernels: Kernels) -> None:
    """GCC says so of each loop; a formula that it cannot vectorise would be ten times slower, and otherwise unnoticed."""
    vectorised = re.compile(rf"losses/\w+/\w+\.h:.*optimized: loop vectorized using {kernels.width}")
    bodies = kernels.functions()
    names = [name for name, (_, plan, _, _) in _core.kernels().items() if plan == "elements"]
    # a derivative by a parameter has nothing but a value
    wants = {name: (1,) if "_by_" in name else (1, 2, 3, 6) for name in names}
    loops = [f"{name}_{want}_{bits}" for name in names for want in wants[name] for bits in ("f32", "f64")]
    # identical loops are folded into one, and the others then have no body
    present = [name for name in loops if name in bodies]
    assert len(present) > len(loops) * 0.7
    assert not [name for name in present if not vectorised.search(bodies[name])]


def test_every_lane_loop_is_vectorised(kernels: Kernels) -> None:
    """What is vectorised in one precision is in the other, too; and every formula of a row is in both."""
    optimised = rf"(\w+\.h):(\d+):\d+: optimized: loop vectorized using {kernels.width}"
    bodies = kernels.functions()
    found = {name: re.findall(optimised, body) for name, body in bodies.items()}
    engine = [name for name in found if re.match(r"fl_(exponentials|(index|shares)_of_\w+)_f32$", name)]
    assert engine
    for name in engine:
        assert set(found[name]) == set(found[name[:-3] + "f64"]), name
    own = {path.name for path in ROOT.glob("src_c/losses/*/*.h")}
    texts = [path.read_text() for path in ROOT.glob("src_c/losses/*/*.h")]
    of_sums = ["add_lanes", "slope_lanes", "few", "part_gradient"]
    of_masks = [*of_sums, *(f"from_logits_{loop}" for loop in ("prepare", *of_sums))]
    of_vectors = ["add_lanes", "slope_lanes", "outcomes"]
    for macro, loops in (
        ("TARGET_FORMULA", ["target"]),
        ("SUM_FORMULA", ["sum_1", "sum_3", "sum_7"]),
        ("STATISTICS_FORMULA", of_sums),
        ("STATISTICS_FORMULA_OF", of_vectors),
        ("MASK_FORMULA", of_masks),
        ("SEQUENCE_FORMULA", ["column", "precise", "shares"]),
    ):
        formulas = [name for text in texts for name in re.findall(rf"^FL_{macro}\((\w+)", text, re.M)]
        assert formulas
        wanted = [f"{name}_{loop}_{bits}" for name in formulas for loop in loops for bits in ("f32", "f64")]
        # where the loops of several formulas are the same, only one has a body
        present = [name for name in wanted if name in found]
        assert len(present) > 0.4 * len(wanted)
        # a loop that only copies has become a call of memmove
        assert not [name for name in present if not found[name] and "Analyzing loop" in bodies[name]]
        # a loop over one vector of numbers is made of halves of vectors where a counter is an int beside doubles
        loops_of = {name: sum(file in own for file, _ in found[name]) for name in present}
        assert not [name for name in present if name.endswith("f64") and loops_of[name] < loops_of.get(f"{name[:-3]}f32", 0)]


def test_coefficients_are_those_of_the_script() -> None:
    written = run(sys.executable, str(ROOT / "tools" / "coefficients.py"))
    assert written == (ROOT / "src_c" / "language" / "coefficients.h").read_text()


@pytest.mark.parametrize("path", DRIVER, ids=lambda path: path.stem)
def test_cython_has_nothing_to_say(tmp_path: Path, path: Path) -> None:
    """Neither a warning nor a performance hint, such as an exception check or the GIL where neither is needed."""
    said = run(sys.executable, "-m", "cython", "-3", path, "-o", tmp_path / "module.c")
    assert not re.findall(r"^(?:warning|performance hint).*$", said, re.MULTILINE)


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


def test_the_header_is_installed_for_c() -> None:
    assert (Path(fl.get_include()) / "fastloss.h").read_text() == (ROOT / "src_c" / "fastloss.h").read_text()


def test_typed() -> None:
    assert (Path(fl.__file__).parent / "py.typed").exists()
