"""Every example in the documentation runs, and shows what comes out; every public thing is documented."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import numpy as np
import pytest
import readme

import fastloss as fl

ROOT = Path(__file__).parents[1]
MODULES = [module.name for module in walk_packages(fl.__path__, "fastloss.") if module.name != "fastloss.__main__"]


# Modules whose examples need an optional package.
NEEDS = {
    "fastloss.boosting.lightgbm": ["lightgbm"],
    "fastloss.custom.loss": ["numba", "sympy"],
    "fastloss.dask": ["dask.dataframe"],
    "README.md": ["numba", "sympy"],
    **{name: ["torch"] for name in MODULES if name.startswith("fastloss.torch")},
}


def skip_unless_it_can_run(name: str) -> None:
    for package in NEEDS.get(name, []):
        pytest.importorskip(package)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name: str) -> None:
    skip_unless_it_can_run(name)
    with np.printoptions(legacy=False):
        result = doctest.testmod(import_module(name))
    assert result.failed == 0


def test_examples_of_the_readme() -> None:
    skip_unless_it_can_run("README.md")
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted > 3
    assert result.failed == 0


@pytest.mark.parametrize("loss", [fl.get_loss(name) for name in fl.list_losses()], ids=repr)
def test_every_loss_is_documented(loss: fl.Loss) -> None:
    text = inspect.getdoc(type(loss))
    assert text.splitlines()[0].endswith(".") or "." in text.splitlines()[0]
    for section in ("Notes", "Examples"):
        assert f"{section}\n{'-' * len(section)}" in text, section
    assert ".. math::" in text
    assert text.count(">>> ") >= 3, "an example of the value and one of the gradient"
    for name, item in type(loss).__dataclass_fields__.items():
        if item.init and not str(item.type).startswith("ClassVar"):
            assert re.search(rf"^{name} : ", text, re.MULTILINE), f"{name} is not explained"


@pytest.mark.parametrize("name", [name for name in fl.__all__ if callable(getattr(fl, name))])
def test_every_public_name_is_documented(name: str) -> None:
    thing = getattr(fl, name)
    assert inspect.getdoc(thing)
    if inspect.isfunction(thing) and inspect.signature(thing).parameters:
        assert "Parameters\n----------" in inspect.getdoc(thing)


def test_versions_agree() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{fl.__version__}"' in text
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()


def test_the_table_of_losses_in_the_readme_is_that_of_the_classes() -> None:
    text = readme.README.read_text()
    assert text == readme.written(text), "run python tools/readme.py"
