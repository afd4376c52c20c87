"""Mutate the formulas, one place at a time, and count what the fast tests notice: ``python tools/mutations.py [--count 100]``.

A mutation turns a sign, moves a constant, or turns a comparison in a file of src_c/losses. It is killed when the
mutant does not compile, when the bits of a kernel are no longer those of the corpus, or when a test of ``make check`` fails.
What nothing kills is listed. All is done in a copy of the tree. It takes long: every mutant is compiled, and one that the
kernels do not show is built into the package and tested.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PYTEST = (sys.executable, "-m", "pytest", "-x", "--quiet", "-p", "no:cacheprovider")
# Those of `make check`, the likeliest to notice first.
TESTS = ((*PYTEST, "tests/test_corpus.py"), (*PYTEST, "-m", "not slow", "--numprocesses=auto"))
# Not < to <=: at most cut-offs the forms on both sides agree, and either is right.
COMPARISONS = {"<": ">=", ">": "<=", "<=": ">", ">=": "<", "==": "!=", "!=": "=="}
SIGNS = {"+": "-", "-": "+"}


class Mutant(NamedTuple):
    """A place in a formula file, and what stands there instead."""

    path: Path
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        return source[: self.start] + self.text + source[self.end :]

    def describe(self, source: str) -> str:
        line = source.count("\n", 0, self.start)
        before, after = (text.splitlines()[line].strip() for text in (source, self.apply(source)))
        return f"{self.path}:{line + 1}: {before}\n    -> {after}"


def code_only(source: str) -> str:
    """The source with its comments and preprocessor lines blanked, every place where it was."""
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])  # noqa: E731
    return re.sub(r"^#.*?(?<!\\)$", blank, re.sub(r"/\*.*?\*/", blank, source, flags=re.DOTALL), flags=re.MULTILINE | re.DOTALL)


def mutants_of(path: Path) -> Iterator[Mutant]:
    code = code_only((ROOT / path).read_text())
    for match in re.finditer(r"(?<=[\w)]) ([+-]) |(?<=[(,=?:&|] )(-)(?=\w)|(?<=[(])(-)(?=\w)", code):
        group = next(i for i in (1, 2, 3) if match[i])
        yield Mutant(path, *match.span(group), SIGNS[match[group]] if group == 1 else "")
    for match in re.finditer(r"(?<= )(<=|>=|==|!=|<|>)(?= )", code):
        yield Mutant(path, *match.span(1), COMPARISONS[match[1]])
    for match in re.finditer(r"FL_C\((\d+(?:\.\d+)?)\)", code):
        number = float(match[1])
        for other in (number + 1, number / 2) if number else (1.0,):
            yield Mutant(path, *match.span(1), f"{other:.17g}")


class Workshop:
    """A copy of the tree, in which mutants are made."""

    def __init__(self, folder: Path) -> None:
        files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, files.split("\0")):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        self.folder = folder
        sys.path[:0] = [str(folder), str(folder / "tests")]
        # the fast tests need the package, and the corpus the inputs that it makes
        self.environment = {**os.environ, "FASTLOSS_BUILD_ISA": "baseline", "PYTHONPATH": str(folder)}
        self.build_package()
        self.build, self.corpus = importlib.import_module("build"), importlib.import_module("corpus")
        self.inputs = self.corpus.kernel_inputs(3001)
        self.expected = json.loads(self.corpus.FILE.read_text())["kernels"]
        changed = self.changed_kernels()
        if changed:
            raise SystemExit(f"the tree itself does not have the bits of the corpus: {', '.join(changed)}")
        failed = self.failed_test()
        if failed:
            raise SystemExit(f"the tests fail before anything is mutated: {failed}")

    def build_package(self) -> bool:
        command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
        return not subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, check=False).returncode

    def changed_kernels(self) -> list[str]:
        """The kernels whose bits are others than those of the corpus; what does not compile or run has changed, too."""
        try:
            program = self.build.every_kernel(["gcc", "-O1", "-w"])
            found = subprocess.run(
                [self.folder / program, "3001"], input=self.inputs, check=True, capture_output=True, timeout=60
            ).stdout
            hashes = self.corpus.hashes_of_kernels(found)
        except BaseException as error:  # whatever stops the compiler or the program
            if isinstance(error, KeyboardInterrupt):
                raise
            return [type(error).__name__]
        return [name for name in self.expected if hashes.get(name) != self.expected[name]]

    def failed_test(self) -> str:
        """The first test that fails; an empty text: none."""
        for tests in TESTS:
            done = subprocess.run(tests, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
            if done.returncode:
                return next((line for line in done.stdout.splitlines() if line.startswith("FAILED")), "tests")
        return ""

    def kill(self, mutant: Mutant) -> str:
        """What kills a mutant; an empty text: nothing."""
        path = self.folder / mutant.path
        source = path.read_text()
        path.write_text(mutant.apply(source))
        try:
            changed = self.changed_kernels()
            if changed:
                return f"bits of {changed[0]}"
            if not self.build_package():
                return "compiler"
            return self.failed_test()
        finally:
            path.write_text(source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="how many mutants, picked at random (default 100; 0: all)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    paths = sorted(path.relative_to(ROOT) for path in ROOT.glob("src_c/losses/*/*.h"))
    mutants = [mutant for path in paths for mutant in mutants_of(path)]
    if options.count:
        mutants = sorted(random.Random(options.seed).sample(mutants, min(options.count, len(mutants))))
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        for number, mutant in enumerate(mutants, 1):
            source = (ROOT / mutant.path).read_text()
            killer = workshop.kill(mutant)
            print(f"{number}/{len(mutants)} {killer or 'SURVIVES'}\n  {mutant.describe(source)}", flush=True)
            if not killer:
                survivors.append(mutant.describe(source))
    print(f"\n{len(mutants) - len(survivors)} of {len(mutants)} killed ({1 - len(survivors) / len(mutants):.1%})")
    for text in survivors:
        print(text)


if __name__ == "__main__":
    main()
