"""Build: src_c/kernels.c once per instruction set, then the Cython module that drives it.

Environment: FASTLOSS_BUILD_ISA (comma-separated names, default all the compiler knows), FASTLOSS_NO_OPENMP=1,
FASTLOSS_SANITIZE=address,undefined, FASTLOSS_WERROR=1 (warnings are errors, as in CI).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

SOURCES = Path("src_c")
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


# What a kind of formula, FL_<kind>FORMULA, becomes in the table of kernels; those of rows that are not here, one of rows.
KERNELS = {"": "FL_KERNEL", "TARGET_": "FL_TARGET_KERNELS"}


def formulas() -> dict[Path, list[tuple[str, str]]]:
    """Every formula file under src_c/losses with the formulas it defines: kind and name."""
    found = {}
    for path in sorted(SOURCES.glob("losses/*/*.h")):
        names = re.findall(r"^FL_(\w*?)FORMULA\w*\((\w+)", path.read_text(), re.MULTILINE)
        if not names:
            raise SystemExit(f"{path} defines no formula: it must contain FL_FORMULA(name, y_true, y_pred)")
        found[path] = names
    return found


def write_lists() -> None:
    """Write the two lists of #include and #define lines that kernels.c is built around."""
    includes, table = [], []
    for path, names in formulas().items():
        includes.append(f'#include "{path.relative_to(SOURCES).as_posix()}"')
        for kind, name in names:
            if not kind:
                includes += [f"#define FL_NAME {name}", '#include "elementwise.inc.h"']
            table.append(f"{KERNELS.get(kind, 'FL_ROW_KERNEL')}({name})")
    GENERATED.mkdir(parents=True, exist_ok=True)
    for name, lines in {"formulas.inc.h": includes, "kernels.inc.h": table}.items():
        path, text = GENERATED / name, "\n".join(lines) + "\n"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


class BuildKernels(build_ext):
    """Compiles kernels.c for every instruction set into its own folder and links the objects into the module."""

    def compiles(self, flags: list[str]) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder, "probe.c")
            probe.write_text("int main(void) { return 0; }\n")
            try:
                self.compiler.compile([str(probe)], output_dir=folder, extra_postargs=[*flags, "-Werror"])
            except CompileError:
                return False
        return True

    def isas(self) -> dict[str, list[str]]:
        asked = [name for name in os.environ.get("FASTLOSS_BUILD_ISA", "").split(",") if name]
        known = {"baseline": [], **ISAS.get(platform.machine(), {})}
        unknown = set(asked) - set(known)
        if unknown:
            raise SystemExit(f"FASTLOSS_BUILD_ISA names {sorted(unknown)}; this machine type has {list(known)}")
        wanted = {name: flags for name, flags in known.items() if name in asked or name == "baseline" or not asked}
        return {name: flags for name, flags in wanted.items() if self.compiles(flags)}

    def build_extension(self, ext: Extension) -> None:
        write_lists()
        warnings = WARNINGS + (["-Werror"] if os.environ.get("FASTLOSS_WERROR") else [])
        sanitizers = [f"-fsanitize={s}" for s in os.environ.get("FASTLOSS_SANITIZE", "").split(",") if s]
        if sanitizers:
            sanitizers += ["-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined"]
        openmp = [] if os.environ.get("FASTLOSS_NO_OPENMP") or not self.compiles(["-fopenmp"]) else ["-fopenmp"]
        isas = self.isas()
        common = [*COMMON_FLAGS, *warnings, *sanitizers]

        def compile_c(source: str, folder: str, flags: list[str], macros: list[tuple[str, str | None]]) -> list[str]:
            return self.compiler.compile(
                [str(SOURCES / source)],
                output_dir=str(Path(self.build_temp, folder)),
                macros=macros,
                include_dirs=[str(SOURCES), str(GENERATED)],
                depends=ext.depends,
                extra_postargs=[*common, *flags],
            )

        def compile_isa(item: tuple[str, list[str]]) -> list[str]:
            name, flags = item
            macros = [("FL_ISA", name), (f"FL_REQUIRE_{name.upper()}", None)]
            return compile_c("kernels.c", name, [*KERNEL_FLAGS, *flags], macros)

        with ThreadPoolExecutor() as pool:
            for objects in pool.map(compile_isa, isas.items()):
                ext.extra_objects += objects
        built = [(f"FL_BUILT_{name.upper()}", None) for name in isas]
        for source, optimised in (("dispatch.c", ["-O2"]), ("exact_sum.c", ["-O2"]), ("metrics.c", KERNEL_FLAGS)):
            ext.extra_objects += compile_c(source, "common", optimised, built)
        flags = " ".join([*KERNEL_FLAGS, *openmp, *sanitizers])
        ext.define_macros += [("FL_FLAGS", f'"{flags}"'), ("FL_ISAS", f'"{" ".join(isas)}"')]
        ext.extra_compile_args += [*COMMON_FLAGS, "-O3", *openmp, *sanitizers]
        ext.extra_link_args += [*openmp, *sanitizers]
        super().build_extension(ext)

    def run(self) -> None:
        super().run()
        header = self.header()
        header.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCES / header.name, header)

    def header(self) -> Path:
        """Say where the public header goes: beside the module, wherever that is built."""
        return Path(self.get_ext_fullpath("fastloss._core")).parent / "include" / "fastloss.h"

    def get_outputs(self) -> list[str]:
        return [*super().get_outputs(), str(self.header())]


# The sdist takes the sources from `depends`; the generated lists are written anew by every build.
KERNEL_SOURCES = sorted(path.as_posix() for path in SOURCES.rglob("*.[ch]"))

if sys.platform == "win32":
    raise SystemExit("fastloss builds with GCC or Clang on Linux and macOS; on Windows use WSL")

setup(
    ext_modules=cythonize(
        [
            Extension(
                "fastloss._core",
                ["fastloss/_core.pyx"],
                depends=[*KERNEL_SOURCES, "fastloss/_core.pyx", "fastloss/_platform.h"],
                include_dirs=[str(SOURCES), "fastloss"],
            )
        ],
        build_dir="build/cython",
    ),
    cmdclass={"build_ext": BuildKernels},
)
