"""Write the pages that follow from the code: of each loss, of each public object, and the tables that guides include.

`every_page` gives their text by their place; Sphinx calls `write`, which also draws. Nothing here restates what a loss is:
formulas and parameters stand in its docstring, inputs in its signature, ranges in its domains, bounds in the tests' references.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import fastloss as fl
import fastloss.dask
from fastloss._aliases import ALIASES
from fastloss.boosting import Objective
from fastloss.registry import SHORT_NAMES, every_class

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
#: What is written; git ignores it.
FOLDERS = ("losses", "api", "tables", "plots")
LIBRARIES = {
    "torch": "torch.nn.functional",
    "keras": "Keras",
    "sklearn": "scikit-learn",
    "optax": "optax",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
}
#: Public names of modules that have no ``__all__``.
MORE_NAMES = {
    "fastloss.boosting.lightgbm": ["LGBMClassifier", "LGBMRegressor"],
    "fastloss.dask": ["evaluate"],
    "fastloss.domains": ["Choice", "Interval"],
    "fastloss.linear": ["LinearObjective", "LinearSolution"],
}
# what stands for a bound of what there is not
_NONE = "\N{EN DASH}"
_OUTPUTS = ("value", "gradient", "Hessian")
# How the numbers of an input lie, by the axes that its signature says.
_SHAPES = {
    "": "any shape, the same for all inputs",
    "(k)": "(..., K)",
    "(4)": "(..., 4)",
    "(d)": "(..., d)",
    "(m...)": "(n, ...)",
    "(...)": "any shape: one loss of all",
    "[g]": "(n,), the items of all groups",
    "[m...]": "(n, ...)",
    "[m...](k)": "(n, K, ...)",
    "[k]": "(K,)",
    "[k](d)": "(K, d)",
    "(t,c)": "(T, N, C)",
    "(s)": "(N, S), or one after the other",
    "(c...)": "a list of maps (n, C, ...)",
}
_INDEX_SHAPES = {
    "": "class indices (...)",
    "(k)": "class indices (..., K), filled up with -1",
    "[m...]": "class indices (n, ...)",
}


# Modules that cannot be imported here, and have no pages.
_ABSENT: set[str] = set()


@cache
def modules() -> dict[str, list[str]]:
    """Find the public names of all modules that have some and can be imported, the package's first."""
    found = {"fastloss": fl.__all__}
    for name in sorted(module.name for module in walk_packages(fl.__path__, "fastloss.")):
        if "._" in name or name.startswith(("fastloss.losses", "fastloss.cli")):
            continue
        try:
            module = importlib.import_module(name)
        except ImportError:
            # an optional package is missing
            _ABSENT.add(name)
            continue
        names = getattr(module, "__all__", MORE_NAMES.get(name))
        if names:
            found[name] = names
    return {name: sorted(names) for name, names in found.items()}


# ---- what is known ---------------------------------------------------------------------------------------------------


def classes() -> list[type[fl.Loss]]:
    """All losses, family by family."""
    return sorted(every_class(), key=lambda cls: (cls.family, cls.__name__.lower()))


@cache
def peers() -> dict[str, dict[str, str]]:
    """What losses are called elsewhere."""
    return tomllib.loads((DOCS / "peers.toml").read_text())


@cache
def _references() -> dict[str, Any]:
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        return importlib.import_module("references").REFERENCES
    finally:
        sys.path.pop(0)


def _example(cls: type[fl.Loss]) -> fl.Loss:
    from drawings import example_of

    return example_of(cls)


def _summary(thing: Any) -> str:
    """The first sentence of a docstring."""
    first = " ".join(inspect.getdoc(thing).split("\n\n")[0].split())
    return re.split(r"(?<=[.:])\s(?=[A-Z`])", first)[0].rstrip(":.") + "."


def bounds(cls: type[fl.Loss]) -> tuple[list[str], list[str]] | None:
    """The largest errors in ulp that tests allow, of value, gradient and Hessian; and what is measured by its largest term."""
    reference = _references().get(cls.name)
    if reference is None:
        return None
    found = [reference.promised(**_values(cls(**parameters))) for parameters in reference.instances]
    own = reference.promised(**_values(cls()))
    missing = (False, bool(cls.no_gradient), bool(cls.no_hessian or cls.no_gradient))
    cells = []
    for i, without in enumerate(missing):
        most = max(promise[i] for promise in found)
        cells.append(_NONE if without else f"{own[i]:g}" if most <= own[i] else f"{own[i]:g} to {most:g}")
    terms = [
        name for name, term, without in zip(_OUTPUTS, reference.terms, missing, strict=True) if term is not None and not without
    ]
    return cells, terms


def _values(loss: fl.Loss) -> dict[str, Any]:
    return {item.name: getattr(loss, item.name) for item in fields(loss)}


def _formula_file(cls: type[fl.Loss]) -> Path | None:
    own = ROOT / "src_c" / "losses" / cls.family / f"{cls.name}.h"
    if own.exists():
        return own
    formula = cls.formula if isinstance(cls.formula, str) else ""
    for path in sorted((ROOT / "src_c" / "losses").glob("*/*.h")):
        if formula and re.search(rf"\b{formula}\b", path.read_text()):
            return path
    return None


def _raw(loss: fl.Loss) -> fl.Loss | None:
    """The loss of raw scores, where it has a switch for that which is off."""
    for name in ("from_logits", "from_log"):
        if getattr(loss, name, None) is False:
            return replace(loss, **{name: True})
    return None


# ---- rst -------------------------------------------------------------------------------------------------------------


def _title(text: str, line: str = "=") -> str:
    return f"{text}\n{line * len(text)}\n\n"


def _table(rows: Iterable[Iterable[str]], header: Iterable[str] | None = None, widths: str = "auto", css: str = "") -> str:
    lines = [".. list-table::", f"   :widths: {widths}"]
    if css:
        lines.append(f"   :class: {css}")
    if header is not None:
        lines.append("   :header-rows: 1")
        rows = [header, *rows]
    lines.append("")
    for row in rows:
        first, *rest = [cell.replace("\n", "\n       ") for cell in row]
        lines += [f"   * - {first}", *(f"     - {cell}" for cell in rest)]
    return "\n".join(lines) + "\n\n"


def _link(cls: type[fl.Loss]) -> str:
    return f":doc:`{cls.__name__} </losses/{cls.name}>`"


def _code(text: str) -> str:
    return f"``{text}``"


# ---- one page for each loss ------------------------------------------------------------------------------------------


def _inputs(cls: type[fl.Loss], loss: fl.Loss) -> str:
    signature = loss.signature
    rows = []
    for item in signature.inputs:
        shapes = [(_INDEX_SHAPES if form.index else _SHAPES).get(form.axes, form.axes) for form in item.forms]
        if cls.indices_only and item.forms[0].index:
            shapes = shapes[:1]
        name = _code(item.name) + (", if wanted" if item.optional else "")
        rows.append((name, " or ".join(dict.fromkeys(shapes)), "yes" if item.differentiated else ""))
    if signature.axes == "[g]":
        rows.append(("``group``", "sizes of the groups, or an identifier for each item, in runs", ""))
    return _table(rows, ("input", "shape", "derivative"))


def _domain(loss: fl.Loss) -> Iterator[str]:
    switches = [name for name in ("from_logits", "from_log") if hasattr(loss, name)]
    own = ", ".join(f"{name}={getattr(loss, name)}" for name in switches)
    said = {own: _ranges(loss)}
    for name in switches:
        said[f"{name}={not getattr(loss, name)}"] = _ranges(replace(loss, **{name: not getattr(loss, name)}))
    if len(set(said.values())) == 1:
        yield said[own]
    else:
        yield from (f"``{switch}``: {ranges}" for switch, ranges in said.items())


def _ranges(loss: fl.Loss) -> str:
    return "; ".join(f"``{name}`` must {domain}" for name, domain in loss._domains().items()) or "any numbers"


def _boosting(loss: fl.Loss) -> str:
    for one in (_raw(loss), loss):
        if one is None:
            continue
        try:
            Objective(one)
        except (TypeError, ValueError):
            continue
        exact = " The Hessian is the exact one where that is positive, else a stand-in" if one.curvature else ""
        kind = f" (:mod:`{one.curvature} <fastloss.boosting.curvature>`)." if one.curvature else ""
        return (
            f"``Objective({one!r})`` trains it.{exact}{kind}"
            if len(repr(one)) < 90
            else f"an `Objective` trains it.{exact}{kind}"
        )
    return ""


def _derivatives(loss: fl.Loss) -> str:
    if loss.no_gradient:
        return f"none: {loss.no_gradient}"
    if loss.no_hessian:
        return f"gradient; no Hessian, since {loss.no_hessian}"
    return "gradient and Hessian"


def _facts(cls: type[fl.Loss], loss: fl.Loss) -> str:
    short = [name for name, of in SHORT_NAMES.items() if of == cls.name]
    rows = [("family", f"`{cls.family} <index.html#{cls.family}>`__")]
    if hasattr(fl, cls.name):
        names = [f"``fl.{name}``" for name in (cls.name, *short)]
        rows.append(("default instance", f"{', '.join(names)} = ``{loss!r}``"))
    rows += [("domain", "\n\n".join(_domain(loss))), ("derivatives", _derivatives(loss))]
    found = bounds(cls)
    if found is not None:
        cells, terms = found
        said = ", ".join(f"{name} {cell}" for name, cell in zip(_OUTPUTS, cells, strict=True) if cell != _NONE)
        by_term = f" (of its largest term: {', '.join(terms)})" if terms else ""
        rows.append(("error bound, ulp", f"{said}{by_term}; :ref:`what that means <error-bounds>`"))
    by_parameters = list(loss._parameter_kernels()) if not loss.no_gradient and cls is not fl.WeightedSum else []
    if by_parameters:
        rows.append(("by its parameters", f"``parameter_gradient`` has {', '.join(map(_code, by_parameters))}"))
    if loss.reductions != fl.Loss.reductions:
        rows.append(("reductions", ", ".join(f'``"{name}"``' for name in loss.reductions)))
    boosting = _boosting(loss)
    if boosting:
        rows.append(("boosting", boosting))
    elsewhere = peers().get(cls.name, {})
    if elsewhere:
        rows.append(("elsewhere", "; ".join(f"{LIBRARIES[key]} {_peer(name)}" for key, name in elsewhere.items())))
    return _table(rows, widths="22 78", css="facts")


def _peer(names: str) -> str:
    return ", ".join(f"``{name.strip('[]')}``" + (" (metric)" if name.startswith("[") else "") for name in names.split(", "))


def loss_page(cls: type[fl.Loss]) -> str:
    """The page of a loss."""
    loss = _example(cls)
    text = _title(cls.__name__)
    text += f".. figure:: /plots/{cls.name}.svg\n   :width: 100%\n   :figwidth: 640px\n   :alt: {cls.__name__}: @said@\n\n"
    text += f"   ``{loss!r}``: @said@.\n\n"
    text += _facts(cls, loss) + "@parameters@" + _title("Inputs", "-") + _inputs(cls, loss)
    text += _title("The class", "-") + f".. autoclass:: fastloss.{cls.__name__}\n   :members:\n\n"
    text += f"Its calls, ``gradient``, ``value_and_gradient`` and so on are those of every :class:`~fastloss.{_base(cls)}`.\n\n"
    if hasattr(fl, cls.name):
        for name in (cls.name, *(short for short, of in SHORT_NAMES.items() if of == cls.name)):
            text += f".. py:data:: fastloss.{name}\n   :value: {loss!r}\n\n   The default instance.\n\n"
    if cls.numpy_value:
        text += _title("In NumPy", "-") + "What it replaces" + (" for the defaults" if fields(cls) else "") + ":\n\n"
        text += f".. code-block:: python\n\n   {cls.numpy_value}\n"
        text += f"   {cls.numpy_gradient}  # gradient\n\n" if cls.numpy_gradient else "\n"
    path = _formula_file(cls)
    if path is not None:
        text += _title("The formula file", "-")
        text += f"``{path.relative_to(ROOT)}`` is what runs. See :doc:`/guides/adding` for how it is written.\n\n"
        text += ".. raw:: html\n\n   <details><summary>Show it</summary>\n\n"
        text += f".. literalinclude:: /../{path.relative_to(ROOT)}\n   :language: c\n\n.. raw:: html\n\n   </details>\n"
    return text


def parameters_at_work(name: str, shown: list[str]) -> str:
    """Show what parameters do, where that was drawn."""
    if not shown:
        return ""
    said = " and ".join(map(_code, shown))
    figure = f".. figure:: /plots/{name}-parameters.svg\n   :width: 100%\n   :figwidth: 640px\n"
    figure += "   :alt: Values for several parameters\n\n"
    return _title("What its parameters do", "-") + figure + f"   The value, for several numbers of {said}.\n\n"


def _base(cls: type[fl.Loss]) -> str:
    return "Penalty" if issubclass(cls, fl.Penalty) else "Loss"


# ---- lists of losses -------------------------------------------------------------------------------------------------


def _families() -> dict[str, list[type[fl.Loss]]]:
    found: dict[str, list[type[fl.Loss]]] = {}
    for cls in classes():
        found.setdefault(cls.family, []).append(cls)
    return found


def losses_index() -> str:
    """The list of all losses by family."""
    text = _title("All losses") + "One page each. :doc:`/choosing` helps to pick one, and shows all as pictures.\n\n"
    for family, members in _families().items():
        text += _title(family, "-") + _table([(_link(cls), _summary(cls)) for cls in members], widths="30 70", css="facts")
        text += f".. toctree::\n   :hidden:\n   :caption: {family}\n\n" + "".join(f"   {cls.name}\n" for cls in members) + "\n"
    return text


def gallery() -> str:
    """Small drawings of all losses, by family, with links; for a page in the root folder."""
    text = ""
    for family, members in _families().items():
        text += f".. rubric:: {family}\n   :heading-level: 3\n\n.. container:: gallery\n\n"
        for cls in members:
            text += f"   .. container:: card\n\n      .. image:: /plots/{cls.name}-small.svg\n         :alt: {cls.__name__}\n"
            text += f"         :target: losses/{cls.name}.html\n\n      {_link(cls)}\n\n"
    return text


def error_table() -> str:
    """The promises of all losses."""
    rows = []
    for cls in classes():
        found = bounds(cls)
        if found is not None:
            cells, terms = found
            rows.append(
                (_link(cls), *(f"{cell} †" if name in terms else cell for name, cell in zip(_OUTPUTS, cells, strict=True)))
            )
    return _table(rows, ("loss", *_OUTPUTS))


def peer_tables() -> dict[str, str]:
    """What is called what: a table for each library."""
    tables = {}
    for key in LIBRARIES:
        rows = [(_peer(names[key]), _link(cls)) for cls in classes() if key in (names := peers().get(cls.name, {}))]
        tables[key] = _table(sorted(rows, key=lambda row: row[0].lower()), ("there", "here"))
    rows = [(_code(name), f":func:`~fastloss.metrics.{name}`") for name in modules()["fastloss.metrics"] if name[0].islower()]
    tables["metrics"] = _table(rows, ("scikit-learn", "fastloss.metrics"))
    return tables


def inputs_table() -> str:
    """Losses that take other inputs than labels and predictions."""
    rows = []
    for cls in classes():
        loss = _example(cls)
        if tuple(loss.inputs) != fl.Loss.inputs:
            optional = "".join(f"[, {name}]" for name in loss.optional)
            rows.append((_link(cls), f"``loss({', '.join(loss.inputs)}{optional})``"))
    return _table(rows, ("loss", "call"))


# ---- reference -------------------------------------------------------------------------------------------------------


def objects() -> dict[str, Any]:
    """Every public object that is neither a loss nor an instance of one, by the first of its names."""
    found: dict[str, Any] = {}
    seen = {id(cls) for cls in classes()}
    for module, names in modules().items():
        for name in names:
            thing = getattr(importlib.import_module(module), name)
            if id(thing) not in seen and not isinstance(thing, fl.Loss) and not inspect.ismodule(thing):
                seen.add(id(thing))
                found[f"{module}.{name}"] = thing
    return found


def object_page(path: str, thing: Any) -> str:
    """The page of a public object."""
    kind = "exception" if inspect.isclass(thing) and issubclass(thing, Exception) else None
    kind = kind or ("class" if inspect.isclass(thing) else "function" if callable(thing) else "data")
    name = path.removeprefix("fastloss.") if path.count(".") > 1 else path.rpartition(".")[2]
    options = "   :members:\n   :special-members: __call__\n" if kind == "class" else ""
    if path == "fastloss.metrics.State":
        options += "   :inherited-members:\n"
    return _title(name) + f".. auto{kind}:: {path}\n{options}\n"


def reference_index() -> str:
    """The list of everything public."""
    text = _title("Reference") + "Everything public but the losses, which have :doc:`pages of their own </losses/index>`.\n\n"
    pages = objects()
    for module in modules():
        names = [path for path in pages if path.rpartition(".")[0] == module]
        if not names:
            continue
        text += _title(module, "-") + f".. py:module:: {module}\n\n"
        if module != "fastloss":
            text += _summary(importlib.import_module(module)) + "\n\n"
        rows = [(f":py:obj:`{path.rpartition('.')[2]} <{path}>`", _object_summary(path, pages[path])) for path in names]
        text += _table(rows, widths="34 66", css="facts") + f".. toctree::\n   :hidden:\n   :caption: {module}\n\n"
        text += "".join(f"   {path}\n" for path in names) + "\n"
    text += _title("More modules", "-") + ".. toctree::\n   :maxdepth: 1\n\n   fastloss.boosting.curvature\n"
    return text


def _object_summary(path: str, thing: Any) -> str:
    if path.endswith("HESSIANS"):
        return "Where second derivatives can come from."
    if path.endswith("LIBRARIES"):
        return "The libraries whose conventions are known."
    return _summary(thing)


def speed() -> str:
    """What ``python -m benchmarks report`` has written into the README, in Markdown as there."""
    text = (ROOT / "README.md").read_text().partition("<!-- speed -->\n")[2].partition("<!-- end of speed -->")[0]
    return text.replace("(benchmarks/RESULTS.md)", "(/guides/results.md)")


def names_elsewhere() -> str:
    """What is called otherwise elsewhere, by its name here."""
    others: dict[str, list[str]] = {}
    for alias, own in ALIASES.items():
        others.setdefault(own, []).append(alias)
    rows = [(f"``fl.{own}``", ", ".join(f"``{alias}``" for alias in aliases)) for own, aliases in others.items()]
    return _table(rows, header=("here", "elsewhere"), widths="45 55")


# ---- all of them -----------------------------------------------------------------------------------------------------


def every_page() -> dict[str, str]:
    """The text of every generated file, by its place in docs/."""
    found = {f"losses/{cls.name}.rst": loss_page(cls) for cls in classes()}
    found["losses/index.rst"] = losses_index()
    found |= {f"api/{path}.rst": object_page(path, thing) for path, thing in objects().items()}
    found["api/index.rst"] = reference_index()
    found["api/fastloss.boosting.curvature.rst"] = (
        _title("boosting.curvature") + ".. automodule:: fastloss.boosting.curvature\n"
    )
    found["tables/gallery.txt"] = gallery()
    found["tables/errors.txt"] = error_table()
    found["tables/inputs.txt"] = inputs_table()
    found["tables/speed.txt"] = speed()
    found["tables/names.txt"] = names_elsewhere()
    found |= {f"tables/from_{name}.txt": text for name, text in peer_tables().items()}
    return found


def write(_app: Any = None) -> None:
    """Draw the losses, and write the pages; what is the same stays as it is."""
    from drawings import draw, draw_parameters

    newest = max(
        path.stat().st_mtime for path in (*Path(fl.__file__).parent.rglob("*.so"), Path(__file__).with_name("drawings.py"))
    )
    said = {}
    for cls in classes():
        large, note = (DOCS / "plots" / f"{cls.name}{ending}" for ending in (".svg", ".said"))
        if not (note.exists() and note.stat().st_mtime > newest):
            draw(_example(cls), large.with_name(f"{cls.name}-small.svg"), thumb=True)
            shown = draw_parameters(_example(cls), large.with_name(f"{cls.name}-parameters.svg"))
            note.write_text("\n".join([draw(_example(cls), large), *shown]))
        said[f"losses/{cls.name}.rst"] = note.read_text().splitlines()
    pages = every_page()
    for place, text in pages.items():
        path = DOCS / place
        path.parent.mkdir(exist_ok=True)
        if place in said:
            whole, *shown = said[place]
            text = text.replace("@said@", whole).replace("@parameters@", parameters_at_work(Path(place).stem, shown))
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    for folder in FOLDERS[:3]:
        for path in (DOCS / folder).iterdir():
            if f"{folder}/{path.name}" not in pages:
                path.unlink()


def find(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Find what docstrings call by its bare name, whatever module they stand in."""
    from sphinx.util.nodes import make_refnode

    objects = env.domains["py"].objects
    target = node.get("reftarget", "")
    if any(f"{target}.".startswith(f"{module}.") for module in _ABSENT):
        return content
    for prefix in ("fastloss", "fastloss.boosting", "fastloss.Loss"):
        path = f"{prefix}.{target}"
        if node.get("refdomain") == "py" and path in objects:
            found = objects[path]
            return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, content, path)
    return None


def link_sources(_app: Any, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Make links of DOIs and numbers of arXiv."""
    for i, line in enumerate(lines):
        line = re.sub(r"\bdoi:(10\.\S+?)(?=[.,;]?(?:\s|$))", r"`doi:\1 <https://doi.org/\1>`__", line)
        lines[i] = re.sub(r"\barXiv:(\d{4}\.\d{4,5})", r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", line)


def setup(app: Any) -> dict[str, Any]:
    """Write the pages before Sphinx looks for them."""
    # after numpydoc
    app.connect("autodoc-process-docstring", link_sources, priority=900)
    app.connect("builder-inited", write, priority=100)
    app.connect("missing-reference", find)
    return {"parallel_read_safe": True}
