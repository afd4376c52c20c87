"""Draw what a loss does: curves of losses of numbers, and pictures of gradients for rows, vectors, groups, masks and sequences.

Every number drawn is computed by the loss. `kind_of` says which drawing fits, from what the class says of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import fastloss as fl
from fastloss.cli.plot import curves
from fastloss.domains import Interval
from fastloss.signature import Signature

COLORS = {"value": "#1f6fb4", "gradient": "#d1631c", "Hessian": "#3d8b40"}
DOWN, UP = "#1f6fb4", "#d1631c"
STYLE = {
    "svg.hashsalt": "fastloss",
    "svg.fonttype": "path",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
WIDE, HIGH = 6.4, 3.7
# How much of the numbers a curve is drawn for: the rest runs out of the picture.
_SHARE = 0.97


def example_of(cls: type[fl.Loss]) -> fl.Loss:
    """The loss that is drawn: the one with the defaults, or a sum for the class that has none."""
    return 0.7 * fl.huber + 0.3 * fl.Quantile(alpha=0.8) if cls is fl.WeightedSum else cls()


def draw(loss: fl.Loss, path: Path, thumb: bool = False) -> str:
    """Write the drawing of a loss as SVG, large or small; return what it shows, in words."""
    with rc_context(STYLE):
        figure = Figure(figsize=(1.9, 1.35) if thumb else (WIDE, HIGH), layout="constrained")
        said = KINDS[kind_of(loss)](loss, figure, thumb)
        if thumb:
            for axes in figure.axes:
                axes.set(xticks=[], yticks=[], title="", xlabel="", ylabel="")
                if axes.get_legend():
                    axes.get_legend().remove()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return said


def draw_parameters(loss: fl.Loss, path: Path) -> list[str]:
    """Write curves of the loss for several values of its parameters; return which ones, none where there is nothing to see."""
    if kind_of(loss) not in ("curves", "row"):
        return []
    panels: dict[str, list[tuple[str, np.ndarray, np.ndarray]]] = {}
    for item in fields(loss):
        default, interval = getattr(loss, item.name), item.metadata.get("interval")
        if not isinstance(interval, Interval) or not isinstance(default, float):
            continue
        found = []
        for changed in _others(loss, item.name, default, interval):
            _, x, y = next(iter(curves(changed)))
            found.append((f"{item.name} = {getattr(changed, item.name):g}", x + 1 if _absolute(loss) else x, y))
        if any(y.shape != found[0][2].shape or not np.array_equal(y, found[0][2], equal_nan=True) for _, _, y in found):
            panels[item.name] = found
    shown = dict(list(panels.items())[:2])
    if not shown:
        return []
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDE, 2.9), layout="constrained")
        for axes, found in zip(np.ravel(figure.subplots(1, len(shown))), shown.values(), strict=True):
            for (name, x, y), color in zip(found, ("#7fb2dd", "#1f6fb4", "#0b2f52"), strict=False):
                axes.plot(x, y, label=name, color=color, lw=2)
            ends = [np.quantile(y[np.isfinite(y)], (0.02, 0.98)) for _, _, y in found]
            low, high = min(end[0] for end in ends), max(end[1] for end in ends)
            axes.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
            axes.set_xlabel(_label(loss))
            axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return list(shown)


def _others(loss: fl.Loss, name: str, default: float, interval: Interval) -> list[fl.Loss]:
    """Make the loss with a smaller and a larger parameter, the first of each that it accepts, and put it between them."""
    if default and (interval.low, interval.high) == (0.0, 1.0):
        smaller, larger = (0.1,), (0.9,)
    elif default:
        smaller, larger = (default / 2, default * 0.8), (default * 2, default * 1.2)
    else:
        smaller, larger = (0.1,), (0.3,)
    found = []
    for values in (smaller, (default,), larger):
        for value in values:
            try:
                found.append(replace(loss, **{name: value}))
            except ValueError:
                continue
            break
    return sorted(found, key=lambda one: getattr(one, name))


def kind_of(loss: fl.Loss) -> str:
    """Tell which drawing fits the loss."""
    signature = loss.signature
    assert isinstance(signature, Signature)
    if loss.name in ("perceptual", "gram_style"):
        return "maps"
    if loss.name == "gradient_penalty":
        return "field"
    if signature.axes == "(4)":
        return "boxes"
    if signature.plan == "sequences":
        return "sequence"
    if loss.name == "linear_cross_entropy":
        return "layer"
    if signature.axes == "(d)":
        return "vectors"
    if signature.axes == "[g]":
        return "group"
    if signature.axes in ("(m...)", "[m...]", "[m...](k)"):
        return "mask"
    if signature.axes == "(k)" and loss.labels:
        return "row"
    return "curves"


# ---- losses of numbers -----------------------------------------------------------------------------------------------


def _limits(lines: list[np.ndarray]) -> tuple[float, float]:
    # derivatives that run away leave the picture where they are much larger than the values are
    value = np.abs(lines[0][np.isfinite(lines[0])])
    bound = 2.2 * np.quantile(value, _SHARE)
    numbers = np.concatenate([y[np.isfinite(y)] for y in lines])
    low, high = max(numbers.min(), -bound), min(numbers.max(), bound)
    space = 0.06 * (high - low) or 1.0
    return min(low, 0.0) - space, max(high, 0.0) + space


def _unbroken(y: np.ndarray, size: float) -> np.ndarray:
    """Leave gaps where a curve jumps, that no line is drawn there."""
    y = y.astype(float).copy()
    jumps = np.flatnonzero(np.abs(np.diff(y)) > 0.04 * size)
    jumps = [i for i in jumps if i + 1 < len(y) - 1 and abs(y[i + 2] - y[i + 1]) < 0.02 * size]
    y[np.array(jumps, int)] = np.nan
    return y


def _plot_curves(axes: Any, loss: fl.Loss, thumb: bool) -> str:
    found = list(curves(loss))
    low, high = _limits([y for _, _, y in found])
    for name, x, y in found:
        axes.plot(x + 1 if _absolute(loss) else x, _unbroken(y, high - low), label=name, color=COLORS[name], lw=2)
    axes.axhline(0, color="0.8", lw=0.8, zorder=0)
    axes.set_ylim(low, high)
    varied = loss.inputs[loss.labels]
    others = [f"{name} = 1" for name in loss.inputs if name != varied]
    axes.set_xlabel(_label(loss))
    axes.legend()
    return f"{', '.join(name for name, _, _ in found)} of one loss, by {varied}" + (
        f"; {', '.join(others)}" if others and _absolute(loss) else ""
    )


def _label(loss: fl.Loss) -> str:
    """Name what a curve is drawn by."""
    varied = loss.inputs[loss.labels]
    others = ", ".join(f"{name} = 1" for name in loss.inputs if name != varied)
    if not _absolute(loss):
        return f"{varied} - {loss.inputs[0]}"
    if loss.row_forms or loss.signature.axes == "(k)":
        return ("score" if "y_pred" not in loss._domains() else "probability") + " of the right class, of two"
    return varied + (f"    ({others})" if others else "")


def _absolute(loss: fl.Loss) -> bool:
    return not (loss.of_residual or loss.name in ("root_mean_squared_error", "weighted_sum"))


def _draw_curves(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    return _plot_curves(figure.subplots(), loss, thumb)


# ---- rows ------------------------------------------------------------------------------------------------------------


def _draw_row(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    if thumb:
        return _plot_curves(figure.subplots(), loss, thumb)
    left, right = figure.subplots(1, 2)
    _plot_curves(left, loss, thumb)
    scores = "y_pred" not in loss._domains()
    prediction = np.array([1.5, 0.5, 1.0, -1.0]) if scores else np.array([0.4, 0.2, 0.3, 0.1])
    label: Any = 2
    if not loss.row_forms or loss.row_forms[0] == (True, False):
        label = np.array([0.0, 0.0, 1.0, 0.0]) if loss.name == "multi_label_soft_margin" else np.array([0.1, 0.1, 0.7, 0.1])
    elif loss.row_forms[0][0]:
        label = np.array([2, -1, -1, -1])
    gradient = loss.gradient([label], prediction[None], reduction="none")[0]
    places = np.arange(4)
    right.bar(places - 0.2, prediction, 0.4, color="0.75", label="y_pred")
    right.bar(places + 0.2, gradient, 0.4, color=[UP if g > 0 else DOWN for g in gradient], label="gradient")
    if np.ndim(label) and label.dtype.kind == "f" and not scores:
        right.plot(places, label, "k_", ms=18, label="y_true")
    right.axhline(0, color="0.6", lw=0.8)
    right.set(xticks=places, xlabel="class" + ("" if np.ndim(label) and label.dtype.kind == "f" else " (2 is right)"))
    right.legend(fontsize=9)
    return "left: the loss of a row of two classes; right: the gradient of a row of four"


# ---- vectors ---------------------------------------------------------------------------------------------------------


def _arrow(axes: Any, at: np.ndarray, step: np.ndarray, color: str) -> None:
    axes.plot(*np.stack([at, at + step]).T, alpha=0)
    axes.annotate("", at + step, at, arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.8, "shrinkA": 0, "shrinkB": 0})


def _vectors_of(loss: fl.Loss) -> tuple[list[Any], list[tuple[str, np.ndarray]], list[str]]:
    """Inputs, the points among them with their names, and what colours they have."""
    angles = np.radians([12, 50, 105, 160, 215, 290])
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    moved = np.radians([40, 20, 140, 190, 250, 330])
    other = np.stack([np.cos(moved), np.sin(moved)], 1)
    if loss.name == "triplet_margin":
        rows = [np.array([[0.0, 0.0]]), np.array([[1.1, 0.5]]), np.array([[-0.7, 0.8]])]
        return rows, list(zip(loss.inputs, rows, strict=True)), ["0.2", "#3d8b40", "#a83232"]
    if loss.name == "supervised_contrastive":
        labels = np.array([0, 0, 1, 1, 0, 1])
        return [circle, labels], [("embeddings", circle)], ["#7a4fa3" if label else "#3d8b40" for label in labels]
    if loss.signature.plan == "tiles":
        return [circle, other], [(loss.inputs[0], circle), (loss.inputs[1], other)], ["#3d8b40", "#7a4fa3"]
    # pairs of vectors, with what they should be
    a, b = np.array([[1.0, 0.2], [-0.9, 0.1]]), np.array([[0.5, 0.9], [-0.5, 0.6]])
    third = {"cosine_embedding": [1.0, -1.0], "contrastive": [1.0, 0.0]}.get(loss.name)
    if third is None:
        a, b = a[:1], b[:1]
    return [a, b, *([] if third is None else [np.array(third)])], [("a", a), ("b", b)], ["#3d8b40", "#7a4fa3"]


def _draw_vectors(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    axes = figure.subplots()
    inputs, points, colors = _vectors_of(loss)
    gradients = loss.gradient(*inputs, reduction="sum")
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    size = max(np.linalg.norm(g, axis=1).max() for g in gradients) or 1.0
    for i, ((name, rows), slopes) in enumerate(zip(points, gradients, strict=False)):
        color = colors if len(colors) == len(rows) and len(points) == 1 else colors[i]
        axes.scatter(*rows.T, c=color, s=20 if thumb else 60, zorder=3, label=name)
        for at, slope in zip(rows, slopes, strict=True):
            if np.linalg.norm(slope) > 0.01 * size:
                _arrow(axes, at, -0.45 * slope / size, "0.35")
            if not thumb and loss.signature.plan != "tiles":
                axes.annotate(name, at, (6, -12), textcoords="offset points", fontsize=10)
    axes.plot(0, 0, "+", color="0.6")
    if loss.signature.plan == "tiles":
        axes.add_patch(_circle())
        if len(points) > 1:
            for one, two in zip(points[0][1], points[1][1], strict=True):
                axes.plot(*np.stack([one, two]).T, color="0.8", lw=1, zorder=0)
    elif loss.name != "triplet_margin" and len(points[0][1]) > 1 and not thumb:
        for at, text in zip(points[0][1], ("alike", "unlike"), strict=True):
            axes.annotate(text, (at[0], -0.35), ha="center", fontsize=10, color="0.4")
        axes.plot(0, -0.5, alpha=0)
    axes.set_aspect("equal")
    axes.margins(0.2)
    axes.set_axis_off()
    if not thumb and loss.signature.plan == "tiles" and len(points) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return "vectors in the plane, and the way in which a step against the gradient moves each"


def _circle() -> Any:
    from matplotlib.patches import Circle

    return Circle((0, 0), 1, fill=False, color="0.85", zorder=0)


def _draw_layer(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    axes = figure.subplots()
    rng = np.random.default_rng(1)
    weight = np.array([[1.0, 0.2], [-0.5, 0.9], [-0.3, -1.0]])
    label = np.arange(12) % 3
    x = weight[label] * 0.7 + rng.normal(scale=0.55, size=(12, 2))
    by_x = loss.gradient(label, x, weight, reduction="sum")[0]
    size = max(np.linalg.norm(by_x, axis=1).max(), 1e-9)
    palette = np.array(["#3d8b40", "#7a4fa3", "#b8860b"])
    axes.scatter(*x.T, c=palette[label], s=12 if thumb else 40, zorder=3)
    for at, slope in zip(x, by_x, strict=True):
        _arrow(axes, at, -0.4 * slope / size, "0.35")
    if not thumb:
        for row, color in zip(weight, palette, strict=True):
            axes.annotate("", row, (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.5, "alpha": 0.5})
    axes.set_aspect("equal")
    axes.margins(0.15)
    axes.set_axis_off()
    return "samples of three classes, the rows of the weight (long arrows), and a step against the gradient for each sample"


# ---- groups ----------------------------------------------------------------------------------------------------------


def _draw_group(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    axes = figure.subplots()
    relevance = np.array([0, 2, 1, 0, 2, 0])
    score = np.array([1.6, 0.3, 0.9, -0.4, -0.8, 0.6])
    gradient = loss.gradient(relevance, score, [len(score)], reduction="sum")
    size = np.abs(gradient).max()
    shades = np.array(["0.8", "#a7d3a6", "#3d8b40"])
    places = np.arange(len(score))
    axes.bar(places, score, 0.6, color=shades[relevance])
    for place, at, slope in zip(places, score, gradient, strict=True):
        _arrow(axes, np.array([place, at]), np.array([0.0, -0.9 * slope / size]), UP if slope > 0 else DOWN)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.margins(y=0.15)
    axes.set(ylabel="score", xticks=places, xticklabels=[f"grade {grade}" for grade in relevance])
    return "six items of one query: bars are scores, arrows a step against the gradient"


# ---- masks -----------------------------------------------------------------------------------------------------------


def _disc(x: float, y: float, radius: float, soft: float = 0.0) -> np.ndarray:
    grid = np.linspace(-1, 1, 48)
    distance = np.hypot(*np.meshgrid(grid - x, grid - y)) - radius
    return 1 / (1 + np.exp(distance / soft)) if soft else (distance < 0).astype(float)


def _panels(figure: Figure, pictures: list[tuple[str, np.ndarray]], thumb: bool) -> None:
    if thumb:
        pictures = pictures[-1:]
    for axes, (name, picture) in zip(np.ravel(figure.subplots(1, len(pictures))), pictures, strict=True):
        signed = "gradient" in name
        top = np.abs(picture).max() or 1.0
        axes.imshow(picture, cmap="RdBu_r" if signed else "gray", vmin=-top if signed else 0, vmax=top)
        axes.set(xticks=[], yticks=[], title=name, xlabel=f"red {top:.1g}, blue {-top:.1g}" if signed else "")
        axes.spines[:].set_visible(False)


def _draw_mask(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    if loss.name == "vae":
        return _draw_vae(loss, figure, thumb)
    label, probability = _disc(-0.1, 0.0, 0.5), np.clip(_disc(0.15, 0.1, 0.5, 0.06), 0.02, 0.98)
    score = np.log(probability / (1 - probability))
    if loss.signature.axes == "[m...](k)":
        classes = np.stack([np.zeros_like(score), score])
        shown = loss.gradient(label.astype(int)[None], classes[None] if loss.from_logits else _shares(classes)[None])[0][1]
    else:
        shown = loss.gradient(label[None], (score if loss.from_logits else probability)[None])[0]
    of = " of class 1" if loss.signature.axes == "[m...](k)" else ""
    _panels(figure, [("y_true", label), (f"y_pred{of}", probability), (f"gradient{of}", shown)], thumb)
    return "a mask, a prediction, and the gradient: blue pixels want more, red ones less"


def _shares(classes: np.ndarray) -> np.ndarray:
    e = np.exp(classes)
    return e / e.sum(0)


def _draw_vae(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    x, made = _disc(-0.1, 0.0, 0.5), _disc(0.1, 0.05, 0.5, 0.08)
    mean, log_var = np.zeros((1, 2)), np.zeros((1, 2))
    gradient = loss.gradient(x[None], made[None], mean, log_var)[0][0]
    _panels(figure, [("x", x), ("x_reconstructed", made), ("gradient", gradient)], thumb)
    return "a picture, its reconstruction, and the gradient by that"


def _draw_maps(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    y = np.stack([_disc(-0.1, 0.0, 0.5), _disc(0.3, 0.3, 0.3)])
    made = np.stack([_disc(0.1, 0.05, 0.5, 0.08), _disc(0.3, 0.3, 0.4, 0.08)])
    gradient = loss.gradient([y[None]], [made[None]])[0][0]
    _panels(figure, [("maps_true", y[0]), ("maps_pred", made[0]), ("gradient", gradient[0])], thumb)
    return "one channel of a layer's feature maps, the predicted one, and the gradient by that"


def _draw_field(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    axes = figure.subplots()
    grid = np.linspace(-2, 2, 81)
    x, y = np.meshgrid(grid, grid)
    both = np.stack([x, y], -1).reshape(-1, 2)
    value = loss(both, reduction="none").reshape(x.shape)
    axes.contourf(x, y, value, levels=12, cmap="Blues")
    some = both.reshape(81, 81, 2)[4::12, 4::12].reshape(-1, 2)
    slope = loss.gradient(some, reduction="none")
    axes.quiver(*some.T, *-slope.T, color=UP, width=0.006)
    axes.set_aspect("equal")
    axes.set(xlabel="gradients[0]", ylabel="gradients[1]")
    return "the penalty of a gradient of two numbers, and steps against its derivative: they lead to the target norm"


# ---- boxes and sequences ---------------------------------------------------------------------------------------------


def _draw_boxes(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    shift = np.linspace(0, 12, 241)
    box = np.array([0.0, 0.0, 4.0, 4.0])
    kinds = ("iou", "giou", "diou", "ciou")
    moved = box + shift[:, None] * np.array([1.0, 0.0, 1.0, 0.0])
    left, right = figure.subplots(1, 2) if not thumb else (figure.subplots(), None)
    for kind in kinds:
        left.plot(shift / 4, fl.BoxIoU(kind=kind)(np.broadcast_to(box, moved.shape), moved, reduction="none"), label=kind, lw=2)
    left.set(xlabel="shift, in widths of the box", ylabel="loss")
    left.legend(fontsize=9)
    if right is not None:
        other = np.array([2.0, 1.5, 7.0, 4.5])
        slope = loss.gradient([box], [other])[0]
        for at, color, name in ((box, "0.5", "y_true"), (other, UP, "y_pred")):
            right.add_patch(Rectangle(at[:2], *(at[2:] - at[:2]), fill=False, ec=color, lw=2, label=name))
        middle = (other[:2] + other[2:]) / 2
        size = np.abs(slope).max()
        for i, at in enumerate(((other[0], middle[1]), (middle[0], other[1]), (other[2], middle[1]), (middle[0], other[3]))):
            step = np.zeros(2)
            step[i % 2] = -1.4 * slope[i] / size
            _arrow(right, np.array(at), step, "0.3")
        right.set(xlim=(-1, 9), ylim=(-1, 6), aspect="equal")
        right.set_axis_off()
        right.legend(fontsize=9, loc="lower right")
    return "left: the loss of two equal boxes that are moved apart; right: where a step against the gradient moves each edge"


def _draw_sequence(loss: fl.Loss, figure: Figure, thumb: bool) -> str:
    rng = np.random.default_rng(3)
    raw = rng.normal(size=(12, 1, 5))
    logs = raw - np.log(np.exp(raw).sum(2, keepdims=True))
    gradient = np.ravel(loss.gradient(logs, [[1, 3, 2]], [12], [3])).reshape(12, 5)
    panels = [("log_probs", logs[:, 0].T), ("gradient", gradient.T)]
    if thumb:
        panels = panels[-1:]
    for axes, (name, picture) in zip(np.ravel(figure.subplots(len(panels), 1, sharex=True)), panels, strict=True):
        shown = axes.imshow(picture, aspect="auto", cmap="viridis" if name != "gradient" else "Blues_r")
        axes.set(
            ylabel="class",
            yticks=range(5),
            title=f"{name} (target 1, 3, 2; class 0 is the blank)" if name != "gradient" else name,
        )
        if not thumb:
            figure.colorbar(shown, ax=axes)
    if not thumb:
        axes.set_xlabel("frame")
    return "log-probabilities of frames and classes, and the gradient: minus the share that each place has in all alignments"


KINDS: dict[str, Callable[[fl.Loss, Figure, bool], str]] = {
    "curves": _draw_curves,
    "row": _draw_row,
    "vectors": _draw_vectors,
    "layer": _draw_layer,
    "group": _draw_group,
    "mask": _draw_mask,
    "maps": _draw_maps,
    "field": _draw_field,
    "boxes": _draw_boxes,
    "sequence": _draw_sequence,
}
