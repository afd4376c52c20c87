"""What is given away: the archive of the sources, the files of the package, and what is in the compiled modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zlib
from pathlib import Path

import pytest
from setuptools.errors import CompileError

import build
from build import ROOT, run, tool
from fastloss import _core

MODULES = sorted(Path(_core.__file__).parent.glob("*.so"))

of_sources = pytest.mark.skipif(not (ROOT / "fastloss").is_dir(), reason="the sources of the package are not here")


def setup(*arguments: str, **environment: str) -> None:
    command = [sys.executable, "setup.py", "-q", *arguments]
    with build.alone_in(build.FOLDER):
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600, check=False
        )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    setup("sdist", "--dist-dir", str(folder), SOURCE_DATE_EPOCH="1700000000")
    (path,) = folder.iterdir()
    return path


@of_sources
def test_the_archive_has_what_the_tests_need(archive: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no version control here")
    tracked = {
        Path(name) for name in run(tool("git"), "-c", "safe.directory=*", "ls-files").splitlines() if (ROOT / name).is_file()
    }
    with tarfile.open(archive) as entries:
        names = {Path(*Path(entry.name).parts[1:]) for entry in entries if entry.isfile()}
    of_ci = {path for path in tracked if path.parts[0] in (".ci", ".github", ".gitignore")}
    assert not tracked - of_ci - names
    made = {path for path in names - tracked if "fastloss.egg-info" not in path.parts}
    assert made <= {Path("PKG-INFO"), Path("setup.cfg")}


@of_sources
def test_two_archives_have_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    os.utime(ROOT / "README.md")
    setup("sdist", "--dist-dir", str(tmp_path), SOURCE_DATE_EPOCH="1700000000")
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()


@of_sources
def test_no_source_of_a_module_is_installed(tmp_path: Path) -> None:
    setup("build_py", "--build-lib", str(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files if path.name not in ("py.typed", "__init__.pxd")} == {".py", ".pyi"}
    assert [path for path in files if path.suffix == ".pxd"] == [tmp_path / "fastloss" / "__init__.pxd"]
    assert [path for path in files if path.name == "py.typed"] == [tmp_path / "fastloss" / "py.typed"]


def test_no_module_of_an_earlier_build_is_left() -> None:
    """It would be found first."""
    names = [
        path.name.partition(".")[0]
        for path in MODULES
        if path.name.split(".")[1] in (sysconfig.get_config_var("SOABI"), "abi3")
    ]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name.partition(".")[0])
def test_a_module_tells_nothing_of_where_it_was_built(module: Path) -> None:
    content = module.read_bytes()
    assert not re.findall(rb"[ -~]*" + re.escape(os.fsencode(ROOT)) + rb"[ -~]*", content)
    assert b".debug_info" not in content


def test_the_wheel_is_small() -> None:
    """What is packed is mostly code of the kernels, and no debug information, which was four times as much."""
    strip = tool("strip")
    size = sum(len(zlib.compress(path.read_bytes())) for path in Path(_core.__file__).parents[1].rglob("*.py"))
    for module in MODULES:
        copy = build.ROOT / build.FOLDER / f"stripped.{os.getpid()}.{module.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy(module, copy)
            run(strip, "--strip-unneeded", copy)
            size += len(zlib.compress(copy.read_bytes()))
        finally:
            copy.unlink(missing_ok=True)
    assert size < 8e6


CLANG = ["clang", "clang-14", "clang-15", "clang-16", "clang-17", "clang-18", "clang-19"]


def clang() -> str:
    return tool(next(filter(shutil.which, CLANG), "clang"))


@pytest.mark.parametrize(
    ("target", "machine"),
    [
        ("x86_64-linux-gnu", "x86_64"),
        ("x86_64-apple-macos11", "x86_64"),
        ("i686-linux-gnu", ""),
        ("aarch64-linux-gnu", ""),
        ("arm64-apple-macos11", ""),
    ],
)
def test_instruction_sets_are_those_of_the_target(target: str, machine: str) -> None:
    assert build.setup.machine_of([clang(), f"--target={target}"]) == machine


def test_one_module_for_two_machines_has_the_baseline_alone() -> None:
    assert build.setup.machine_of([clang(), "-arch", "arm64", "-arch", "x86_64"]) == ""


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"])
def test_without_a_compiler(compiler: str) -> None:
    with pytest.raises(CompileError, match=rf"'{compiler}' does not compile an empty program. Install a compiler .* wheel"):
        build.setup.check_tools([compiler], [])


def test_without_the_headers_of_python(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"does not find Python.h of .*apt install python3-dev"):
        build.setup.check_tools([tool("gcc"), "-nostdinc", f"-I{tmp_path}"], [])
