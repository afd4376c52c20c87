"""Plots of losses and of results, by matplotlib."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._readers import DataError, one_line
from ..domains import ANY
from ..errors import NotDifferentiableError
from ..loss import Loss
from .arguments import UsageError

# What fits on a page.
_MOST_BARS = 200


def check_target(path: Path) -> None:
    """Find out before long work whether a plot can be drawn: matplotlib is there, and knows the ending; the path is free."""
    figure = _figure(1, 1)
    ending = path.suffix.removeprefix(".") or "png"
    if ending not in figure.canvas.get_supported_filetypes():
        known = ", ".join(sorted(figure.canvas.get_supported_filetypes()))
        raise UsageError(f"argument --plot: Format {ending!r} is not supported (supported formats: {known})")
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise DataError(f"{path}: is not a regular file")
    if not target.parent.is_dir():
        raise DataError(f"{path}: No such file or directory")


def curves_of(loss: Loss, path: Path) -> None:
    """Draw value, gradient and Hessian; the file appears whole or not at all."""
    check_target(path)
    figure = _figure(7, 4.5)
    axes = figure.subplots()
    for name, x, y in curves(loss):
        axes.plot(x, y, label=name)
    varied = loss.inputs[loss.labels]
    others = [f"{name} = 1" for name in loss.inputs if name != varied]
    axes.set(title=", ".join([repr(loss), *others]), xlabel=f"{varied} - {loss.inputs[0] if loss.labels else 1}")
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def bars_of(rows: Sequence[tuple[str, Mapping[str, float]]], group_by: str | None, title: str, path: Path) -> None:
    """Draw results as bars: one for each loss, or for each group and loss; the file appears whole or not at all.

    Parameters
    ----------
    rows : sequence of pairs of str and mapping
        The names of groups and their losses.
    group_by : str or None
        What the groups are; None for a single row without a name.
    title : str
        What stands above.
    path : Path
        Where to write.
    """
    if not rows:
        raise DataError(f"{path}: there are no results to draw")
    if len(rows) > _MOST_BARS:
        raise DataError(f"{path}: a plot has room for {_MOST_BARS} groups; there are {len(rows):,}")
    losses = list(rows[0][1])
    # losses are of different sizes, and have an axis each where there is more than a bar of them
    panels = [(loss, [row[loss] for _, row in rows]) for loss in losses] if group_by else [("", list(rows[0][1].values()))]
    names = [_literal(name) for name in ([name for name, _ in rows] if group_by else losses)]
    figure = _figure(3.5 + 3 * len(panels), 1.6 + 0.3 * len(names))
    for axes, (loss, values) in zip(np.ravel(figure.subplots(1, len(panels), sharey=True)), panels, strict=True):
        finite = [value if np.isfinite(value) else 0.0 for value in values]
        axes.bar_label(axes.barh(range(len(names)), finite), [f"{value:.4g}" for value in values], padding=3)
        axes.set(title=_literal(loss), yticks=range(len(names)), yticklabels=names)
        axes.margins(x=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    first = figure.axes[0]
    first.invert_yaxis()
    first.set_ylabel(_literal(group_by or ""))
    figure.suptitle(_literal(title))
    _save(figure, path)


def _literal(text: str) -> str:
    """Keep matplotlib from taking dollars for mathematics."""
    return one_line(text).replace("$", r"\$")


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DataError("plots are drawn by matplotlib: pip install matplotlib") from None
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        figure.savefig(temporary, format=target.suffix.removeprefix(".") or "png", dpi=150)
        temporary.replace(target)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def curves(loss: Loss) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    """Compute the loss of one sample (of tiles, of three), and its derivatives by the first number that is no label."""
    domain = loss._domains().get(loss.inputs[loss.labels], ANY)
    x = np.array([step for step in np.linspace(-4, 4, 1601) if 1 + step in domain])
    axes, forms, names = loss.signature.axes, loss.signature.labels, loss.signature.names

    def inputs(step: float) -> list[Any]:
        varied = 1 + step
        if axes == "[g]":
            # a pair, the first of them more relevant
            return [[1.0, 0.0], [varied, 0.0], [2]]
        if axes == "(k)" and loss.labels:
            # two classes, the first of them right
            labels = [[1.0, 0.0]] if not forms else [[0, -1]] if forms[0].axes else [0]
            return [labels, [[varied, 1 - varied if "y_pred" in loss._domains() else 0.0]]]
        if axes == "[m...](k)":
            # a mask of one pixel, of the first of two classes
            return [[[0]], [[[varied], [0.0]]]]
        if axes == "(c...)":
            # one layer, and a map of one number
            return [[[[[1.0]]]], [[[[varied]]]]]
        if loss.signature.components:
            # the left edge of a box, beside another one
            box = [1.0, 1.0, 6.0, 6.0]
            return [[box], [[varied, *box[1:]]]]
        if loss.signature.plan == "tiles":
            # three samples, two of them of one label, and as many keys
            vectors = [[1.0, 1.0], [1.0, 2.0], [0.0, 1.0]]
            first = [[varied, 1.0], *vectors[1:]]
            given = [item for item in loss.signature.inputs if not item.optional]
            return [
                [0, 0, 1] if item.forms[0].index else first if i == loss.labels else vectors for i, item in enumerate(given)
            ]
        if loss.signature.plan == "sequences":
            # two frames of two classes, and one label
            return [[[varied, 0.0], [0.0, 0.0]], [1], 2, 1]
        numbers = [varied if i == loss.labels else 1.0 for i in range(len(names))]
        by_place = [item.forms[0].axes for item in loss.signature.inputs]
        return [[number] if own in ("", "(...)") else [[number]] for number, own in zip(numbers, by_place, strict=True)]

    computed: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("value", loss),
        ("gradient", loss.gradient),
        ("Hessian", lambda *inputs: loss.gradient_and_hessian(*inputs)[1]),
    )
    for name, compute in computed:
        try:
            # a mean of one sample is the sample itself, for losses of whole samples too; the first derivative is the one wanted
            y = [np.ravel(compute(*inputs(step)))[0] for step in x]
        except NotDifferentiableError:
            continue
        yield name, x, np.array(y)
