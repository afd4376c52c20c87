"""Every example in the documentation runs, and shows what comes out; every public thing is documented."""

from __future__ import annotations

import doctest
import inspect
import os
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

import fastloss as fl
from fastloss.registry import every_class

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


def test_the_version_is_said_once() -> None:
    """In the package; what cites it, and what has changed, follow."""
    assert not re.search(r"^version = \"", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    if (ROOT / "CITATION.cff").exists():  # a checkout, not the sources beside an installed package
        assert f"\nversion: {fl.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0].startswith(f"{fl.__version__} (")
    assert any(heading.startswith(f"{fl.__version__} (") for heading in headings)


def test_the_readme_counts_the_losses() -> None:
    assert f"[{len(every_class())} losses](" in (ROOT / "README.md").read_text()


# ---- the site -----------------------------------------------------------------------------------------------------------

DOCS = ROOT / "docs"
sys.path.append(str(DOCS / "_ext"))
import pages  # noqa: E402

PAGES = [path for path in sorted((*DOCS.glob("*.rst"), *DOCS.glob("guides/*"))) if ">>> " in path.read_text()]
PAGES_NEED = {
    "own": ("numba", "sympy"),
    "pointer": ("numba",),
    "pandas": ("pandas",),
    "polars": ("polars",),
    "dask": ("dask.array",),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "catboost": ("catboost",),
    "hist": ("sklearn",),
}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_examples_of_pages(path: Path) -> None:
    for module in PAGES_NEED.get(path.stem, ()):
        pytest.importorskip(module)
    result = doctest.testfile(str(path), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted
    assert result.failed == 0


def test_pages_have_no_example_that_does_not_run() -> None:
    """Python stands behind prompts, or is a file that a test runs."""
    if not (ROOT / "fastloss").exists():
        pytest.skip("pages include the package's sources, which are not beside the tests of a wheel")
    for path in (*DOCS.glob("*.rst"), *DOCS.glob("guides/*")):
        text = path.read_text()
        assert "code-block:: python" not in text, path
        for name in re.findall(r"literalinclude:: (\S+)", text):
            assert (path.parent / name).exists(), f"{path}: {name}"


def test_every_public_object_has_a_page() -> None:
    pytest.importorskip("matplotlib")
    text = "\n".join(pages.every_page().values())
    documented = {id(thing) for thing in pages.objects().values()} | {id(cls) for cls in pages.classes()}
    assert {"fastloss", "fastloss.boosting", "fastloss.dask", "fastloss.metrics"} <= set(pages.modules())
    for module, names in pages.modules().items():
        for name in names:
            thing = getattr(import_module(module), name)
            if isinstance(thing, fl.Loss):
                assert f".. py:data:: {module}.{name}\n" in text
            elif not inspect.ismodule(thing):
                assert id(thing) in documented, f"{module}.{name}"


def test_names_elsewhere() -> None:
    """Those of the libraries that are here exist, and all are of losses."""
    assert set(pages.peers()) <= {cls.name for cls in pages.classes()}
    assert {key for names in pages.peers().values() for key in names} <= set(pages.LIBRARIES)
    for key, module in (("sklearn", "sklearn.metrics"), ("torch", "torch.nn.functional")):
        try:
            library = import_module(module)
        except ImportError:
            continue
        for names in pages.peers().values():
            for name in names.get(key, "").strip("[]").split(", "):
                assert not name or hasattr(library, name), f"{module}.{name}"


class _Links(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name in ("id", "name") and value:
                self.anchors.add(value)


@pytest.mark.slow
def test_the_site(tmp_path: Path) -> None:
    """It is built without a warning, every public name can be looked up, and no link within it is broken."""
    for module in ("sphinx", "numpydoc", "pydata_sphinx_theme", "myst_parser", "matplotlib", "mpmath", "rich", "pyarrow"):
        pytest.importorskip(module)
    site = tmp_path / "html"
    flags = ["-W", "--keep-going", "-n", "-q", "-d", str(tmp_path / "trees")]
    command = [sys.executable, "-m", "sphinx", *flags, str(DOCS), str(site)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip()

    inventory = (site / "objects.inv").read_bytes().split(b"\n", 4)
    known = {line.split(" ")[0] for line in zlib.decompress(inventory[4]).decode().splitlines()}
    assert {f"fastloss.{name}" for name in fl.__all__} <= known
    found = {path: _Links(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    assert len(found) > len(pages.every_page()) / 2
    for path, parsed in found.items():
        for link in parsed.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path}: {link}"
            if parts.fragment and target in found:
                assert unquote(parts.fragment) in found[target].anchors, f"{path}: {link}"
