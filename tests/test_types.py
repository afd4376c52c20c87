"""What type checkers are told: the stubs say what the namespaces have, and the words of parameters are literals."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import shutil
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stubs

import fastloss as fl
from fastloss._types import Reduction, Total

ROOT = Path(__file__).parents[1]
PACKAGE = Path(fl.__file__).parent
EXAMPLES = ROOT / "tests" / "typing" / "examples.py"
MODULES = ["counts", "evaluate", "execute", "kernels", "operands", "sums", "threads", "tiles"]
#: What modules have for others of their kind, or by accident, and type checkers need not know.
NOT_SAID = {"TOO_HEAVY", "letter"}
# before that, arrays of any type have to be written out
modern_numpy = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.2.0", reason="needs the types of NumPy 2.2")


@pytest.mark.parametrize("path", stubs.stubs(), ids=lambda path: path.parent.name)
def test_stubs_are_those_of_the_script(path: Path) -> None:
    assert stubs.meaning(path.read_text()) == stubs.meaning(stubs.stubs()[path]), "run python tools/stubs.py"


@pytest.mark.parametrize(("path", "module"), [("__init__.pyi", fl), ("metrics/__init__.pyi", fl.metrics)])
def test_a_stub_says_what_there_is(path: str, module: Any) -> None:
    found: dict[str, Any] = {}
    for node in ast.parse((Path(fl.__file__).parent / path).read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            package = "fastloss" if node.level == 2 else module.__name__
            source = importlib.import_module(f"{package}.{node.module}" if node.module else package)
            found |= {item.name: getattr(source, item.name) for item in node.names}
        elif isinstance(node, ast.AnnAssign):
            name, kind = node.target.id, node.annotation.id
            assert type(getattr(module, name)).__name__ == kind
            found[name] = getattr(module, name)
        elif isinstance(node, ast.FunctionDef):
            own = list(inspect.signature(getattr(module, node.name)).parameters)
            assert [item.arg for item in (*node.args.args, *node.args.kwonlyargs)] == own
            found[node.name] = getattr(module, node.name)
    found.pop("__version__", None)
    assert found.keys() == set(module.__all__)
    assert all(thing is getattr(module, name) for name, thing in found.items())


def test_words_are_literals() -> None:
    assert typing.get_args(Reduction) == fl.Loss.reductions
    assert set(typing.get_args(Total)) < set(typing.get_args(Reduction))
    for function, kind in ((fl.evaluate, Total), (fl.Evaluation.__init__, Total), (fl.Loss.parameter_gradient, Total)):
        assert typing.get_type_hints(function, vars(sys.modules[function.__module__]))["reduction"] == kind


@pytest.mark.parametrize("name", MODULES)
def test_a_stub_says_what_a_compiled_module_has(name: str) -> None:
    module = importlib.import_module(f"fastloss._core.{name}")
    own = {
        key: thing
        for key, thing in vars(module).items()
        if not key.startswith("_")
        and not inspect.ismodule(thing)
        and getattr(thing, "__module__", module.__name__) == module.__name__
    }
    said = _definitions(ast.parse((PACKAGE / "_core" / f"{name}.pyi").read_text()).body)
    # names of types alone are not there at run time
    aliases = {key for key, node in said.items() if isinstance(node, ast.AnnAssign) and node.value is not None}
    assert said.keys() - aliases == own.keys() - NOT_SAID
    for key, node in said.items():
        if isinstance(node, ast.FunctionDef):
            _compare_signatures(node, own[key])
        elif isinstance(node, ast.ClassDef):
            methods = _definitions(node.body)
            public = {key for key, thing in vars(own[key]).items() if not key.startswith("_")}
            assert methods.keys() - {"__init__", "__new__"} == public
            for method in public:
                if callable(getattr(own[key], method)):
                    _compare_signatures(methods[method], getattr(own[key], method))


def _definitions(body: list[Any]) -> dict[str, Any]:
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = node
    return found


def _compare_signatures(node: Any, function: Any) -> None:
    parameters = inspect.signature(function).parameters
    assert [item.arg for item in node.args.args] == list(parameters)
    defaults = [item.default for item in parameters.values() if item.default is not item.empty]
    assert [ast.literal_eval(item) for item in node.args.defaults] == defaults


def test_checkers_are_told_how_many_gradients_a_loss_has() -> None:
    """By the class that it is made of, which at run time is that of all losses."""
    told = {}
    for path in (PACKAGE / "losses").glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                told[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    for name in fl.losses.__all__:
        cls = getattr(fl, name)
        if name == "WeightedSum" or issubclass(cls, fl.Penalty) or (cls.inputs == fl.Loss.inputs and not cls.optional):
            expected = set()
        else:
            several = len(cls.signature.differentiated) > 1 or issubclass(cls, fl.losses.generative._OfMaps)
            expected = {"LossOfSeveral" if several else "LossOfInputs"}
        assert told[name] & {"LossOfSeveral", "LossOfInputs"} == expected, name


def _checked(*command: str) -> str:
    paths = {} if "site-packages" in PACKAGE.parts else {"MYPYPATH": str(PACKAGE.parent)}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | paths)
    return ran.stdout + ran.stderr


@pytest.mark.slow
@modern_numpy
def test_mypy_knows_right_programs_from_wrong_ones(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    found = _checked(sys.executable, "-m", "mypy", f"--cache-dir={tmp_path}", "--follow-imports=silent", str(EXAMPLES))
    assert found.startswith("Success"), found


@pytest.mark.slow
@modern_numpy
def test_mypy_has_nothing_to_say_about_the_package(tmp_path: Path) -> None:
    for library in ("mypy", "torch", "dask"):
        pytest.importorskip(library)
    found = _checked(sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path}", str(PACKAGE))
    assert "Success: no issues found" in found, found


@pytest.mark.slow
@modern_numpy
def test_pyright_has_nothing_to_say() -> None:
    pyright = shutil.which("pyright", path=str(Path(sys.executable).parent)) or shutil.which("pyright")
    if pyright is None or PACKAGE.parent != ROOT:
        pytest.skip("no pyright, or no sources")
    for library in ("torch", "dask"):
        pytest.importorskip(library)
    if subprocess.run([pyright, "--version"], capture_output=True).returncode:
        pytest.skip("pyright does not run here")
    found = _checked(pyright, "--pythonpath", sys.executable)
    assert "0 errors" in found, found
