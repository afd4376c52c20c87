"""Build: src_c once per family of losses and instruction set, then the Cython modules that drive it.

Only what changed is compiled: an object is kept while it is newer than its sources, and its flags are the same.

Environment: FASTLOSS_BUILD_ISA (comma-separated names, default all the compiler knows), FASTLOSS_NO_OPENMP=1,
FASTLOSS_SANITIZE=address,undefined, FASTLOSS_WERROR=1 (warnings are errors, as in CI).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

ROOT = Path(__file__).resolve().parent
# from there
SOURCES = Path("src_c")
DRIVER = Path("fastloss", "_core")
GENERATED = Path("build", "generated")

KERNEL_FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fopenmp-simd"]
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion"]
COMMON_FLAGS = ["-std=gnu11", "-fvisibility=hidden"]

# Instruction sets beyond the baseline of a machine type, with what the compiler needs to be told.
ISAS = {
    "x86_64": {
        "avx2": ["-mavx2", "-mfma"],
        "avx512": [
            *["-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"],
            "-mprefer-vector-width=512",
        ],
    }
}

# What a kind of formula, FL_<kind>FORMULA, becomes in the table of kernels; most are one FL_KERNEL.
KERNELS = {
    "TARGET_": ("FL_KERNEL({})", "FL_KERNEL({}_from_logits)"),
    "STATISTICS_": ("FL_STATISTICS_KERNEL({})",),
}


def formulas() -> dict[Path, list[tuple[str, str]]]:
    """Every formula file under src_c/losses with the formulas it defines: kind and name."""
    found = {}
    for path in sorted((ROOT / SOURCES).glob("losses/*/*.h")):
        names = re.findall(r"^FL_(\w*?)FORMULA\w*\((\w+)", path.read_text(), re.MULTILINE)
        if not names:
            raise SystemExit(f"{path} defines no formula: it must contain FL_FORMULA(name, (y_true), (y_pred), (parameters))")
        found[path] = names
    return found


def write_lists() -> list[str]:
    """Write the lists of formulas and kernels of each family, around which kernels.c is built; return the families' names."""
    families: dict[str, list[Path]] = {}
    found = formulas()
    for path in found:
        families.setdefault(path.parent.name, []).append(path)
    for family, paths in families.items():
        rows = [
            row.format(name) for path in paths for kind, name in found[path] for row in KERNELS.get(kind, ("FL_KERNEL({})",))
        ]
        folder = ROOT / GENERATED / family
        write_if_changed(folder / "formulas.inc.h", (f'#include "{p.relative_to(ROOT / SOURCES).as_posix()}"' for p in paths))
        write_if_changed(folder / "kernels.inc.h", rows)
    write_if_changed(ROOT / GENERATED / "families.inc.h", (f"FL_FAMILY_OF({family})" for family in families))
    return list(families)


def write_if_changed(path: Path, lines: Iterable[str]) -> None:
    """Leave a file alone that has these lines: what depends on it stays as it is."""
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def is_current(target: Path, command: list[str]) -> bool:
    """Tell whether a file was made by this command, and after all that it was made from."""
    rules, record = target.with_suffix(".d"), target.with_suffix(".command")
    if not (target.exists() and rules.exists() and record.exists()) or record.read_text() != "\n".join(command):
        return False
    sources = [ROOT / source for source in rules.read_text().replace("\\\n", " ").partition(":")[2].split()]
    made = target.stat().st_mtime
    return all(source.exists() and source.stat().st_mtime <= made for source in sources)


def kernel_units(families: Iterable[str], isa: str, flags: list[str]) -> list[tuple[str, str, list[str]]]:
    """List the sources that make the table of an instruction set, with the names of their objects and their flags."""
    common = [*KERNEL_FLAGS, *flags, f"-DFL_ISA={isa}"]
    units = [("passes.c", f"passes_{isa}", common)]
    for family in families:
        units.append(("kernels.c", f"{family}_{isa}", [*common, f"-DFL_FAMILY={family}", f"-I{GENERATED / family}"]))
    return units


def compile_unit(compiler: list[str], source: str, target: Path, flags: list[str]) -> Path:
    """Compile a source of src_c, unless the object is current."""
    target = ROOT / target
    command = [*compiler, *COMMON_FLAGS, *flags, f"-I{SOURCES}", f"-I{GENERATED}"]
    command += ["-MMD", "-c", str(SOURCES / source), "-o", str(target)]
    if not is_current(target, command):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_suffix(".command").unlink(missing_ok=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise CompileError(f"{source} could not be compiled: {' '.join(command)}")
        target.with_suffix(".command").write_text("\n".join(command))
    return target


class BuildKernels(build_ext):
    """Compiles src_c and links the objects into the modules that use them."""

    def compiles(self, flags: list[str]) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder, "probe.c")
            probe.write_text("int main(void) { return 0; }\n")
            command = [*self.compiler.compiler_so, *flags, "-Werror", "-c", str(probe), "-o", str(Path(folder, "probe.o"))]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def isas(self) -> dict[str, list[str]]:
        asked = [name for name in os.environ.get("FASTLOSS_BUILD_ISA", "").split(",") if name]
        known = {"baseline": [], **ISAS.get(platform.machine(), {})}
        unknown = set(asked) - set(known)
        if unknown:
            raise SystemExit(f"FASTLOSS_BUILD_ISA names {sorted(unknown)}; this machine type has {list(known)}")
        wanted = {name: flags for name, flags in known.items() if name in asked or name == "baseline" or not asked}
        return {name: flags for name, flags in wanted.items() if self.compiles(flags)}

    def build_extensions(self) -> None:
        families = write_lists()
        warnings = WARNINGS + (["-Werror"] if os.environ.get("FASTLOSS_WERROR") else [])
        sanitizers = [f"-fsanitize={s}" for s in os.environ.get("FASTLOSS_SANITIZE", "").split(",") if s]
        if sanitizers:
            sanitizers += ["-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined"]
        openmp = [] if os.environ.get("FASTLOSS_NO_OPENMP") or not self.compiles(["-fopenmp"]) else ["-fopenmp"]
        isas = self.isas()
        units = {"kernels": [], "sums": [], "counts": []}
        for isa, flags in isas.items():
            own = [*flags, f"-DFL_REQUIRE_{isa.upper()}", *warnings, *sanitizers]
            units["kernels"] += kernel_units(families, isa, own)
        built = [f"-DFL_BUILT_{isa.upper()}" for isa in isas]
        units["kernels"].append(("dispatch.c", "dispatch", ["-O2", *built, *warnings, *sanitizers]))
        units["sums"].append(("sum/exact_sum.c", "exact_sum", ["-O2", *warnings, *sanitizers]))
        units["counts"].append(("counts.c", "counts", [*KERNEL_FLAGS, *warnings, *sanitizers]))

        jobs = os.cpu_count() or 1
        folder, compiler = Path(self.build_temp, "src_c"), self.compiler.compiler_so

        def make(unit: tuple[str, str, list[str]]) -> str:
            source, name, flags = unit
            return str(compile_unit(compiler, source, folder / f"{name}.o", flags))

        with ThreadPoolExecutor(jobs) as pool:
            objects = {module: list(pool.map(make, own_units)) for module, own_units in units.items()}
        facts = {"FL_FLAGS": " ".join([*KERNEL_FLAGS, *openmp, *sanitizers]), "FL_ISAS": " ".join(isas)}
        # what the modules depend on beside their sources
        flags_file = Path(self.build_temp, "flags.txt")
        # what GCC writes in place of a memset of some hundred bytes takes longer than a call
        driver = [*COMMON_FLAGS, "-O3", "-fno-builtin-memset", *sanitizers]
        write_if_changed(flags_file, [*self.compiler.compiler_so, *driver, *openmp, *isas])
        for extension in self.extensions:
            module = extension.name.rpartition(".")[2]
            extension.extra_objects = objects.get(module, [])
            extension.depends = [*extension.depends, *extension.extra_objects, str(flags_file)]
            extension.define_macros += [(name, f'"{value}"') for name, value in facts.items()] if module == "kernels" else []
            own = openmp if module == "threads" else []
            extension.extra_compile_args += [*driver, *own]
            extension.extra_link_args += [*own, *sanitizers]
        self.parallel = jobs
        super().build_extensions()

    def run(self) -> None:
        super().run()
        header = self.header()
        header.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCES / header.name, header)

    def header(self) -> Path:
        """Say where the public header goes: beside the modules, wherever those are built."""
        return Path(self.get_ext_fullpath("fastloss._core.kernels")).parents[1] / "include" / "fastloss.h"

    def get_outputs(self) -> list[str]:
        return [*super().get_outputs(), str(self.header())]


def extensions() -> list[Extension]:
    """Every module of the driver; one depends on the headers that it reads, which Cython finds but for those of C."""
    headers = [path.as_posix() for path in (*DRIVER.glob("*.h"), SOURCES / "fastloss.h")]
    return [
        Extension(
            f"fastloss._core.{path.stem}",
            [path.as_posix()],
            depends=[*headers, *(header.as_posix() for header in DRIVER.glob("*.pxd"))],
            include_dirs=[str(SOURCES), str(DRIVER)],
        )
        for path in sorted(DRIVER.glob("*.pyx"))
    ]


if sys.platform == "win32":
    raise SystemExit("fastloss builds with GCC or Clang on Linux and macOS; on Windows use WSL")

if __name__ == "__main__":
    setup(
        ext_modules=cythonize(extensions(), build_dir="build/cython", nthreads=os.cpu_count() or 1),
        cmdclass={"build_ext": BuildKernels},
    )
