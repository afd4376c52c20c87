"""What the folders promise: modules import one another in one direction."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import fastloss

ROOT = Path(fastloss.__file__).parents[1]


def modules() -> dict[str, Path]:
    paths = (ROOT / "fastloss").rglob("*.py")
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imported(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the package that a module imports when it is imported itself: not those that functions import."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    found: set[str] = set()

    def look(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef) or (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
                continue
            if isinstance(child, ast.ImportFrom) and child.level:
                above = package.split(".")[: package.count(".") + 2 - child.level]
                source = ".".join([*above, *filter(None, [child.module])])
                found.update(f"{source}.{item.name}" if f"{source}.{item.name}" in known else source for item in child.names)
            look(child)

    look(ast.parse(path.read_text()))
    return found & known.keys() - {name}


def check_order(imports: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"modules import one another in a circle: {' -> '.join(error.args[1])}")


def test_no_circle_of_imports() -> None:
    known = modules()
    assert len(known) > 30
    imports = {name: imported(name, path, known) for name, path in known.items()}
    assert "fastloss.loss" in imports["fastloss.losses.regression"]
    check_order(imports)


def test_a_circle_would_be_seen() -> None:
    with pytest.raises(pytest.fail.Exception, match="in a circle"):
        check_order({"a": {"b"}, "b": {"c"}, "c": {"a"}})
