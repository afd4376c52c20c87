"""Write the stubs of the namespaces that are filled at run time: ``python tools/stubs.py``.

A type checker, and so an editor's completion, sees neither the classes of losses, which are found by themselves, nor their
default instances, nor that ``average="macro"`` gives a number. A test compares the committed stubs with what this writes.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastloss as fl
from fastloss import losses, metrics

ROOT = Path(fl.__file__).parent
HEAD = '"""Written by tools/stubs.py."""\n\n'
# What a keyword says of what comes out: the words for which that is one number, and what it is otherwise.
DECIDES = {
    "average": ('Literal["binary", "micro", "macro", "samples", "weighted"]', "None", "np.ndarray"),
    "multioutput": ('Literal["uniform_average", "variance_weighted"]', "Any", "float | np.ndarray"),
}


def package() -> str:
    """The stub of the package."""
    imports: dict[str, list[str]] = {}
    lines = []
    for name in fl.__all__:
        thing = getattr(fl, name)
        if isinstance(thing, fl.Loss):
            lines.append(f"{name}: {type(thing).__name__}")
        elif inspect.ismodule(thing):
            imports.setdefault(".", []).append(name)
        else:
            imports.setdefault(f".{thing.__module__.removeprefix('fastloss.')}", []).append(name)
    return f"{HEAD}{_imported(imports)}\n__version__: str\n\n" + "\n".join(lines) + "\n\n" + _exported(fl.__all__)


def of_core() -> str:
    """The stub of the compiled modules together: each has a stub of its own, written by hand."""
    names: dict[str, list[str]] = {}
    for node in ast.parse((ROOT / "_core" / "__init__.py").read_text()).body:
        if isinstance(node, ast.ImportFrom):
            names[f".{node.module}"] = [item.name for item in node.names]
    return f"{HEAD}{_imported(names)}\n{_exported(sorted(name for of_module in names.values() for name in of_module))}"


def of_losses() -> str:
    """The stub of the classes of losses, which are found by themselves."""
    names: dict[str, list[str]] = {}
    for name in losses.__all__:
        names.setdefault(f".{getattr(losses, name).__module__.rpartition('.')[2]}", []).append(name)
    return f"{HEAD}{_imported(names)}\n{_exported(losses.__all__)}"


def of_metrics() -> str:
    """The stub of the metrics: what they return by how they are called."""
    imports: dict[str, list[str]] = {}
    text = ""
    for name in metrics.__all__:
        thing = getattr(metrics, name)
        if inspect.isfunction(thing) and name in metrics._state.STATES:
            text += _function(name, inspect.signature(thing))
        else:
            imports.setdefault(thing.__module__, []).append(name)
    head = HEAD + "from typing import Any, Literal, overload\n\nimport numpy as np\n\n"
    for module in sorted(imports):
        short = module.removeprefix("fastloss.metrics") if module.startswith("fastloss.metrics") else f".{module[8:]}"
        head += f"from {short} import {', '.join(sorted(imports[module]))}\n"
    return f"{head}\n{text}\n{_exported(metrics.__all__)}"


def _function(name: str, signature: inspect.Signature) -> str:
    parameters = signature.parameters
    decides = next((key for key in DECIDES if key in parameters), None)
    if decides is None or signature.return_annotation != "float | np.ndarray":
        return f"def {name}({_listed(parameters)}) -> {signature.return_annotation}: ...\n"
    one, other, many = DECIDES[decides]
    return (
        f"@overload\ndef {name}({_listed(parameters, {decides: one})}) -> float: ...\n"
        f"@overload\ndef {name}({_listed(parameters, {decides: other}, needed=decides)}) -> {many}: ...\n"
    )


def _listed(parameters: Any, changed: dict[str, str] | None = None, needed: str = "") -> str:
    found = []
    for name, item in parameters.items():
        if item.kind is item.KEYWORD_ONLY and "*" not in found:
            found.append("*")
        kind = (changed or {}).get(name, item.annotation)
        default = "" if item.default is item.empty or name == needed else f" = {_shown(item.default)}"
        found.append(f"{name}: {kind}{default}")
    return ", ".join(found)


def _shown(default: Any) -> str:
    return repr(default) if default is None or isinstance(default, bool | int | str) else "..."


def _imported(names: dict[str, list[str]]) -> str:
    return "".join(f"from {module} import {', '.join(sorted(names[module]))}\n" for module in sorted(names))


def _exported(names: list[str]) -> str:
    return "__all__ = [\n" + "".join(f'    "{name}",\n' for name in names) + "]\n"


def meaning(text: str) -> list[str]:
    """What a stub says, whatever its format and order."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.List):
            node.elts.sort(key=ast.dump)
        elif isinstance(node, ast.ImportFrom):
            node.names.sort(key=ast.dump)
    return sorted(map(ast.dump, tree.body))


def stubs() -> dict[Path, str]:
    """All stubs by their files."""
    texts = {".": package, "_core": of_core, "losses": of_losses, "metrics": of_metrics}
    return {ROOT / folder / "__init__.pyi": text() for folder, text in texts.items()}


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text)
    for command in (["format", "--quiet"], ["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, *map(str, stubs())], check=True, cwd=ROOT.parent)
