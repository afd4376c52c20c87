"""Build: src_c once per formula file and instruction set, then the Cython modules that drive it.

`python setup.py build_static` makes a library of the former alone, for programs without Python.

Only what changed is compiled: an object is kept while it is newer than its sources, and its flags are the same.

Environment: FASTLOSS_BUILD_ISA (comma-separated names, default all that the target has and the compiler knows),
FASTLOSS_NO_OPENMP=1, FASTLOSS_SANITIZE=address,undefined, FASTLOSS_WERROR=1 (warnings are errors, as in CI),
FASTLOSS_LIMITED_API=1 (modules for every later CPython, too). CFLAGS=-g keeps debug information. With SOURCE_DATE_EPOCH two
builds of the same sources give the same archives.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError

ROOT = Path(__file__).resolve().parent
# from there
SOURCES = Path("src_c")
DRIVER = Path("fastloss", "_core")
GENERATED = Path("build", "generated")

KERNEL_FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fopenmp-simd"]
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion"]
# Without a stack protector it is the code that is measured, whatever flags Python was built with: those of Debian's have one.
COMMON_FLAGS = ["-std=gnu11", "-fvisibility=hidden", "-fno-stack-protector"]

# What a build with the stable interface serves: every CPython from this one on. It is no default: on numbers so few that the
# call is all, calls took 9 to 23 % longer.
LIMITED_API = (3, 11)
IS_LIMITED = os.environ.get("FASTLOSS_LIMITED_API") == "1"

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
    "LIGHT_": ("FL_LIGHT_KERNEL({})",),
    "TARGET_": ("FL_KERNEL({})", "FL_KERNEL({}_from_logits)"),
    "FINE_TARGET_": ("FL_KERNEL({})", "FL_KERNEL({}_from_logits)"),
    "STATISTICS_": ("FL_STATISTICS_KERNEL({})",),
    "MASK_": ("FL_STATISTICS_KERNEL({})", "FL_STATISTICS_KERNEL({}_from_logits)"),
    "TILES_": ("FL_TILES_KERNEL({})",),
    "TILES_SHARE_": ("FL_TILES_KERNEL({})",),
    "SEQUENCE_": ("FL_KERNEL({})", "FL_KERNEL({}_from_logits)"),
}


def formulas() -> dict[Path, list[str]]:
    """Every formula file under src_c/losses with the kernels that it makes."""
    found = {}
    for path in sorted((ROOT / SOURCES).glob("losses/*/*.h")):
        names = re.findall(r"^FL_(\w*?)FORMULA\w*\((\w+)", path.read_text(), re.MULTILINE)
        if not names:
            raise SystemExit(f"{path} defines no formula: it must contain FL_FORMULA(name, (y_true), (y_pred), (parameters))")
        found[path] = [row.format(name) for kind, name in names for row in KERNELS.get(kind, ("FL_KERNEL({})",))]
    return found


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


def kernel_units(isa: str, flags: list[str]) -> list[tuple[str, str, list[str]]]:
    """List the sources that make the table of an instruction set, with the names of their objects and their flags."""
    common = [*KERNEL_FLAGS, *flags, f"-DFL_ISA={isa}"]
    units = [("src_c/passes.c", f"passes_{isa}", common)]
    found = formulas()
    for path, kernels in found.items():
        family = path.parent.name
        own = [f"-DFL_FAMILY={family}", f'-DFL_FILE="losses/{family}/{path.name}"', f"-DFL_KERNELS={' '.join(kernels)}"]
        units.append(("src_c/kernels.c", f"{family}_{path.stem}_{isa}", [*common, *own]))
    names = (re.sub("^FL_[A-Z]+_KERNEL", "FL_KERNEL", kernel) for kernels in found.values() for kernel in kernels)
    write_if_changed(ROOT / GENERATED / "kernels.inc.h", names)
    return units


def compiles(compiler: list[str], flags: list[str], text: str = "") -> bool:
    """Tell whether the compiler takes these flags, and an include or two."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, "probe.c")
        probe.write_text(f"{text}\nint main(void) {{ return 0; }}\n")
        command = [*compiler, *flags, "-Werror", "-c", str(probe), "-o", str(Path(folder, "probe.o"))]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def check_tools(compiler: list[str], include: list[str]) -> None:
    """Say at once what is missing, and not after minutes, in the middle of what a compiler or the linker says."""
    wheel = "or take a wheel, which needs neither: pip install --only-binary=fastloss fastloss"
    if not compiles(compiler, []):
        raise CompileError(
            f"fastloss is built by GCC or Clang, and {compiler[0]!r} does not compile an empty program. "
            "Install a compiler (Debian, Ubuntu: apt install gcc; Fedora: dnf install gcc; macOS: xcode-select --install), "
            f"name another one in CC, {wheel}"
        )
    if not compiles(compiler, [*include, "-w"], "#include <Python.h>"):
        raise CompileError(
            f"fastloss is built with the headers of Python, and {compiler[0]!r} does not find Python.h of {sys.executable}. "
            f"Install them (Debian, Ubuntu: apt install python3-dev; Fedora: dnf install python3-devel), {wheel}"
        )


def machine_of(compiler: list[str]) -> str:
    """Tell which machine type of ISAS a compiler compiles for, which need not be the one that it runs on; "" for any other.

    Objects for several at once (``-arch arm64 -arch x86_64``) have the baseline alone: a flag of one is an error of the other.
    """
    if compiler.count("-arch") > 1:
        return ""
    command = [*compiler, "-dM", "-E", "-x", "c", os.devnull]
    defined = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return next((name for name in ISAS if f"#define __{name}__ " in defined), "")


def compile_unit(compiler: list[str], source: str, target: Path, flags: list[str]) -> Path:
    """Compile a source, unless the object is current."""
    target = ROOT / target
    command = [*compiler, *COMMON_FLAGS, *flags, f"-I{SOURCES}", f"-I{GENERATED}"]
    command += ["-MMD", "-c", source, "-o", str(target)]
    if not is_current(target, command):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_suffix(".command").unlink(missing_ok=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise CompileError(f"{source} could not be compiled: {' '.join(command)}")
        target.with_suffix(".command").write_text("\n".join(command))
    return target


def table_units(isas: dict[str, list[str]]) -> list[tuple[str, str, list[str]]]:
    """List all that is under fastloss_static.h: the tables of instruction sets, and what they share."""
    units = []
    for isa, flags in isas.items():
        units += kernel_units(isa, [*flags, f"-DFL_REQUIRE_{isa.upper()}", *warning_flags()])
    built = [f"-DFL_BUILT_{isa.upper()}" for isa in isas]
    units.append(("src_c/dispatch.c", "dispatch", ["-O2", *built, *warning_flags()]))
    units.append(("src_c/sum/exact_sum.c", "exact_sum", ["-O2", *warning_flags()]))
    return units


def warning_flags() -> list[str]:
    return WARNINGS + (["-Werror"] if os.environ.get("FASTLOSS_WERROR") else [])


def sanitizer_flags() -> list[str]:
    flags = [f"-fsanitize={s}" for s in os.environ.get("FASTLOSS_SANITIZE", "").split(",") if s]
    return [*flags, "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined"] if flags else []


def compile_units(compiler: list[str], units: list[tuple[str, str, list[str]]], folder: Path) -> list[str]:
    """Compile units as kernel_units lists them, several at a time; return the paths of the objects."""
    # Python's own flags ask for debug information, of which there would be ten times as much as of code
    debug = [] if "-g" in os.environ.get("CFLAGS", "") else ["-g0"]

    def make(unit: tuple[str, str, list[str]]) -> str:
        source, name, flags = unit
        return str(compile_unit(compiler, source, folder / f"{name}.o", [*debug, *flags, *sanitizer_flags()]))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(make, units))


class BuildKernels(build_ext):
    """Compiles src_c and links the objects into the modules that use them."""

    def isas(self) -> dict[str, list[str]]:
        asked = [name for name in os.environ.get("FASTLOSS_BUILD_ISA", "").split(",") if name]
        known = {"baseline": [], **ISAS.get(machine_of(self.compiler.compiler_so), {})}
        unknown = set(asked) - set(known)
        if unknown:
            raise SystemExit(f"FASTLOSS_BUILD_ISA names {sorted(unknown)}; what is compiled for has {list(known)}")
        wanted = {name: flags for name, flags in known.items() if name in asked or name == "baseline" or not asked}
        return {name: flags for name, flags in wanted.items() if compiles(self.compiler.compiler_so, flags)}

    def build_extensions(self) -> None:
        compiler = self.compiler.compiler_so
        check_tools(compiler, [f"-I{folder}" for folder in self.include_dirs])
        made = cythonize(
            [Extension(e.name, e.sources) for e in self.extensions],
            build_dir="build/cython",
            nthreads=os.cpu_count() or 1,
            # CONTRIBUTING.md says what makes it true
            compiler_directives={"freethreading_compatible": True},
        )
        for extension, translated in zip(self.extensions, made, strict=True):
            extension.sources = translated.sources
        sanitizers = sanitizer_flags()
        openmp = [] if os.environ.get("FASTLOSS_NO_OPENMP") or not compiles(compiler, ["-fopenmp"]) else ["-fopenmp"]
        isas = self.isas()
        units = {extension.name.rpartition(".")[2]: [self.driver_unit(extension)] for extension in self.extensions}
        units["kernels"] += table_units(isas)
        units["counts"].append(("src_c/counts.c", "counts", [*KERNEL_FLAGS, *warning_flags()]))
        facts = {"FL_FLAGS": " ".join([*KERNEL_FLAGS, *openmp, *sanitizers]), "FL_ISAS": " ".join(isas)}
        units["kernels"][0][2].extend(f'-D{name}="{value}"' for name, value in facts.items())
        units["threads"][0][2].extend(openmp)

        # not in build_temp, which pip makes anew each time
        folder = Path("build", f"objects.{sysconfig.get_platform()}-{sys.implementation.cache_tag}")
        objects = {module: compile_units(compiler, own_units, folder) for module, own_units in units.items()}
        for extension in self.extensions:
            module = extension.name.rpartition(".")[2]
            # linked only, by what setuptools knows of that
            extension.sources, extension.extra_objects, extension.depends = [], objects[module], objects[module]
            extension.extra_link_args = [*(openmp if module == "threads" else []), *sanitizers]
        super().build_extensions()

    def driver_unit(self, extension: Extension) -> tuple[str, str, list[str]]:
        """Give the C file that Cython has made of a module."""
        (source,) = extension.sources
        includes = [f"-I{folder}" for folder in (DRIVER, numpy.get_include(), *self.include_dirs)]
        limited = ["-DPy_LIMITED_API=0x{:02x}{:02x}0000".format(*LIMITED_API)] if IS_LIMITED else []
        # what GCC writes in place of a memset of some hundred bytes takes longer than a call
        flags = ["-O3", "-fno-builtin-memset", "-DNPY_NO_DEPRECATED_API=NPY_1_7_API_VERSION", *limited]
        return source, extension.name, [*flags, *includes]

    def run(self) -> None:
        super().run()
        for extension in self.extensions:
            module = Path(self.get_ext_fullpath(extension.name))
            for other in module.parent.glob(f"{module.name.partition('.')[0]}.*.so"):
                # that of an earlier build may be of another kind, and would be found first
                if other != module and other.name.split(".")[1] in (sysconfig.get_config_var("SOABI"), "abi3"):
                    other.unlink()
        header = self.header()
        header.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCES / header.name, header)

    def header(self) -> Path:
        """Say where the public header goes: beside the modules, wherever those are built."""
        return Path(self.get_ext_fullpath("fastloss._core.kernels")).parents[1] / "include" / "fastloss.h"

    def get_outputs(self) -> list[str]:
        return [*super().get_outputs(), str(self.header())]


class BuildStatic(BuildKernels):
    """Makes libfastloss.a with its headers, for programs without Python, in build/static or the folder of --build-lib."""

    description = "make libfastloss.a and its headers in build/static, for C programs without Python"

    def finalize_options(self) -> None:
        self.build_lib = self.build_lib or "build/static"
        super().finalize_options()

    def run(self) -> None:
        build_ext.run(self)

    def build_extensions(self) -> None:
        folder = Path(self.build_lib)
        objects = compile_units(self.compiler.compiler_so, table_units(self.isas()), folder / "objects")
        # or it would keep objects of an earlier build
        (folder / "libfastloss.a").unlink(missing_ok=True)
        self.compiler.create_static_lib(objects, "fastloss", str(folder))
        for header in ("fastloss.h", "fastloss_static.h"):
            shutil.copyfile(SOURCES / header, folder / header)


class Archive(sdist):
    """Makes an archive of which the bytes depend on the contents of the files, their names and the date alone."""

    def make_archive(
        self, base_name: str, format: str, root_dir: str | None = None, base_dir: str | None = None, **who: str
    ) -> str:
        if format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, **who)
        date = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())

        def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = date, 0, 0, "", ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        path = Path(f"{base_name}.tar.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            path.open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=date) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            archive.add(base_dir, filter=anonymous)
        return str(path)


if IS_LIMITED and sysconfig.get_config_var("Py_GIL_DISABLED"):
    raise SystemExit("FASTLOSS_LIMITED_API=1: this Python, which has no GIL, does not have the stable interface")
if sys.platform == "win32":
    raise SystemExit("fastloss builds with GCC or Clang on Linux and macOS; on Windows use WSL")

if __name__ == "__main__":
    modules = [
        Extension(f"fastloss._core.{path.stem}", [path.as_posix()], py_limited_api=IS_LIMITED)
        for path in sorted(DRIVER.glob("*.pyx"))
    ]
    setup(
        ext_modules=modules,
        cmdclass={"build_ext": BuildKernels, "build_static": BuildStatic, "sdist": Archive},
        options={"bdist_wheel": {"py_limited_api": "cp{}{}".format(*LIMITED_API)}} if IS_LIMITED else {},
    )
