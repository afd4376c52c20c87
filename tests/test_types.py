"""What type checkers are told: the stubs say what the namespaces have, and the words of parameters are literals."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
import stubs

import fastloss as fl
from fastloss._types import Reduction, Total

PROGRAM = """
import numpy as np
import fastloss as fl

y = np.zeros(3)
loss: fl.Huber = fl.huber
value: float = fl.Huber(delta=2.0)(y, y) + fl.mse(y, y, None, "sum")
losses: np.ndarray = fl.mse(y, y, reduction="none")
number: float = fl.mse.value_and_gradient(y, y)[0]
several = fl.ctc(y, y, y, y), fl.rank_net(y, y, group=y), fl.triplet_margin(y, y, negative=y)
results: dict[str, float] = fl.evaluate([fl.huber], y, y, reduction="sum")
score: float = fl.metrics.f1_score(y, y, average="macro") + fl.metrics.r2_score(y, y) + fl.metrics.log_loss(y, y)
scores: np.ndarray = fl.metrics.f1_score(y, y, average=None)
"""
WRONG = {
    "fl.hubber": "attr-defined",
    "fl.Huber(dleta=1.0)": "call-arg",
    'fl.mse(y, y, reduction="men")': "call-overload",
    'fl.evaluate([fl.mse], y, y, reduction="none")': "arg-type",
    "x: int = fl.mse(y, y)": "assignment",
}


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


@pytest.mark.slow
def test_a_type_checker_knows_the_package(tmp_path: Path) -> None:
    pytest.importorskip("mypy")

    def checked(text: str) -> str:
        (tmp_path / "program.py").write_text(text)
        options = ["--follow-imports=silent", f"--cache-dir={tmp_path / 'cache'}"]
        command = [sys.executable, "-m", "mypy", *options, "program.py"]
        environment = os.environ | {"MYPYPATH": str(Path(fl.__file__).parents[1])}
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment).stdout

    assert checked(PROGRAM).startswith("Success")
    for line, error in WRONG.items():
        assert f"[{error}]" in checked(f"{PROGRAM}{line}\n"), line
