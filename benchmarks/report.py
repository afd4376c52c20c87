"""Turns what was measured into the README's table and a page with plots: benchmarks/RESULTS.md.

A ratio is a peer's time in units of fastloss's, of the best times of the same row: above 1, fastloss is faster.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from math import exp, log
from pathlib import Path
from typing import Any

from .run import OURS, RESULTS, ROOF

README = Path(__file__).parents[1] / "README.md"
PAGE, PLOTS = Path(__file__).with_name("RESULTS.md"), Path(__file__).with_name("plots")
WHATS = {"value": "value", "value_and_gradient": "value + gradient", "gradient_and_hessian": "gradient + Hessian"}
#: The losses of the README's table, by their names in tables, with their widths.
SHOWN = (
    ("SquaredError", 1),
    ("Huber", 1),
    ("LogCosh", 1),
    ("BinaryCrossEntropy(from_logits=True)", 1),
    ("BinaryFocal(from_logits=True)", 1),
    ("CategoricalCrossEntropy(from_logits=True)", 10),
    ("CategoricalCrossEntropy(from_logits=True)", 1000),
    ("Dice(from_logits=True)", 4096),
    ("TripletMargin", 128),
)
SHOWN_N = 10**6

Row = dict[str, Any]


def ratios(row: Row) -> dict[str, float]:
    ours = row["times"][OURS][0]
    return {name: best / ours for name, (best, _) in row["times"].items() if name not in (OURS, ROOF)}


def share_of_the_roof(row: Row) -> float:
    """What part of the time reading and writing alone would take."""
    return row["times"][ROOF][0] / row["times"][OURS][0]


def every_ratio(rows: Iterable[Row]) -> Iterator[tuple[str, float, Row]]:
    for row in rows:
        for peer, ratio in ratios(row).items():
            yield peer, ratio, row


def geometric_mean(numbers: Iterable[float]) -> float:
    logs = [log(number) for number in numbers]
    return exp(sum(logs) / len(logs))


def table(head: Iterable[str], rows: Iterable[Iterable[Any]], left: int = 1) -> str:
    """A table of Markdown whose first columns are texts."""
    head = list(head)
    lines = [f"| {' | '.join(head)} |", "|" + "|".join("---" if i < left else "---:" for i in range(len(head))) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]) + "\n"


def short(number: float) -> str:
    """Two digits, three above 100."""
    return f"{number:.0f}" if number >= 9.95 else f"{number:.1f}" if number >= 1.05 else f"{number:.2f}"


def named(row: Row) -> str:
    return f"{row['loss']}, {row['width']}" if row["width"] > 1 else row["loss"]


def means(rows: list[Row]) -> str:
    """A row for each peer: over how many rows, the geometric mean, the smallest ratio, how many are below 1."""
    found: dict[str, list[float]] = {}
    for peer, ratio, _ in every_ratio(rows):
        found.setdefault(peer, []).append(ratio)
    return table(
        ("peer", "comparisons", "geometric mean", "smallest", "below 1"),
        (
            (peer, len(own), short(geometric_mean(own)), short(min(own)), sum(ratio < 1 for ratio in own))
            for peer, own in sorted(found.items())
        ),
    )


def lost(rows: list[Row]) -> str:
    """Where a peer is faster, the worst first."""
    found = sorted((item for item in every_ratio(rows) if item[1] < 1), key=lambda item: item[1])
    if not found:
        return "Nowhere.\n"
    return table(
        ("loss", "what", "dtype", "faster", "n", "threads", "ratio"),
        (
            (
                named(row),
                WHATS[row["what"]],
                row["dtype"],
                peer,
                f"{row['n']:.0e}".replace("e+0", "e"),
                row["threads"],
                f"{ratio:.2f}",
            )
            for peer, ratio, row in found
        ),
        left=4,
    )


def machine(facts: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['cpus']} processors of {facts['cpu']} ({facts['isa']}; caches {', '.join(facts['caches'].values())}), "
        f"{facts['compiler']}, {facts['date']}; {versions}."
    )


def with_error(row: Row, name: str, text: str) -> str:
    """A cell of a time, and of the largest error that came with it."""
    error = row.get("ulp", {}).get(name)
    return text if error is None else f"{text} ({error:.0e} ulp)" if error >= 1e4 else f"{text} ({error:.3g} ulp)"


def readme_table(found: dict[str, Any]) -> str:
    """The losses that are called most often, in single precision, against each of the peers; and the means over all rows."""
    rows = [row for row in found["rows"] if row["n"] == SHOWN_N]
    threads = max((row["threads"] for row in rows), default=1)
    peers = sorted({peer for row in found["rows"] for peer in ratios(row)})
    lines = []
    for loss, width in SHOWN:
        for row in rows:
            own = (row["loss"], row["width"], row["dtype"], row["what"], row["threads"])
            if own == (loss, width, "float32", "value_and_gradient", threads):
                by = ratios(row)
                ours = with_error(row, OURS, f"{row['times'][OURS][0] * 1e3:.3g} ms")
                cells = [with_error(row, peer, f"{short(by[peer])}x") if peer in by else "" for peer in peers]
                lines.append((f"`{loss}`" + (f", {width}" if width > 1 else ""), ours, *cells))
    below = sum(ratio < 1 for _, ratio, _ in every_ratio(found["rows"]))
    every = sum(1 for _ in every_ratio(found["rows"]))
    losses = len({row["loss"] for row in found["rows"]})
    text = (
        f"Value and gradient of a million float32 on {threads} threads, and what others take in units of that: those of a row\n"
        "in turns, the best of each, results checked equal. In brackets the largest error of the gradient, in units in the\n"
        "last place.\n\n"
        f"{table(('', 'fastloss', *peers), lines)}\n"
        f"Over all sizes, dtypes, outputs and numbers of threads of the {losses} losses of this run\n"
        "([all results](benchmarks/RESULTS.md); "
        f"{below} of {every} ratios are below 1):\n\n"
    )
    return f"{text}{means(found['rows'])}\n{machine(found['facts'])}\n"


def placed(text: str, name: str, content: str) -> str:
    """The text with something between the two comments of a name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"there is no {begin.strip()} ... {end.strip()}")
    return before + begin + content + end + after


def in_units(found: dict[str, Any]) -> str:
    """Costs of calls in a unit: those of every output."""
    rows = found["rows"]
    whats = list(dict.fromkeys(what for row in rows for what in row["times"] if what != "unit"))

    def cells(row: Row) -> Iterator[str]:
        unit = row["times"]["unit"][0]
        for what in whats:
            yield f"{row['times'][what][0] / unit:.2f}" if what in row["times"] else ""

    heads = [
        name.replace("value_and_gradient", "value + gradient").replace("gradient_and_hessian", "gradient + Hessian")
        for name in whats
    ]
    lines = ((row["loss"], row["dtype"], row["n"], f"{row['times']['unit'][0] * 1e6:.2f}", *cells(row)) for row in rows)
    return table(("loss", "dtype", "n", "unit, µs", *heads), lines, left=2)


def of_the_roof(rows: list[Row]) -> str:
    """The shares of the largest size, and the throughput."""
    most = max(row["n"] for row in rows)
    return table(
        ("loss", "what", "dtype", "threads", "share of the roof"),
        (
            (named(row), WHATS[row["what"]], row["dtype"], row["threads"], f"{share_of_the_roof(row):.0%}")
            for row in rows
            if row["n"] == most
        ),
        left=3,
    )


def of_growth(found: dict[str, Any]) -> str:
    rows = found["rows"]
    return table(
        ("loss", "what", "n", "layer", "threads", "callers", "ns per number", "million calls per second"),
        (
            (
                row["loss"],
                WHATS[row["what"]],
                f"{row['n']:.0e}".replace("e+0", "e"),
                row["layer"],
                row["threads"],
                row["callers"],
                f"{row['times'][0] / row['n'] * 1e9:.3g}",
                f"{row['callers'] / row['times'][0] / 1e6:.3g}",
            )
            for row in rows
        ),
        left=2,
    )


# ---- plots ----------------------------------------------------------------------------------------------------------


def _save(figure: Any, name: str) -> None:
    PLOTS.mkdir(exist_ok=True)
    figure.savefig(PLOTS / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})


def plot_ratios(rows: list[Row]) -> None:
    """A point for each row, beside the others of a peer."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "fastloss"
    from matplotlib import pyplot

    by_peer: dict[str, list[float]] = {}
    for peer, ratio, _ in every_ratio(rows):
        by_peer.setdefault(peer, []).append(ratio)
    names = sorted(by_peer, key=lambda peer: geometric_mean(by_peer[peer]))
    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.5 * len(names)))
    for place, peer in enumerate(names):
        own = sorted(by_peer[peer])
        # in the order of size, from below to above the line
        heights = [place - 0.35 + 0.7 * i / max(1, len(own) - 1) for i in range(len(own))]
        colours = ["tab:red" if ratio < 1 else "tab:blue" for ratio in own]
        axes.scatter(own, heights, s=4, c=colours, linewidths=0, rasterized=True)
        axes.plot([geometric_mean(own)] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1.5)
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set(
        xscale="log", yticks=range(len(names)), yticklabels=names, xlabel="time in units of fastloss's (line: geometric mean)"
    )
    _save(figure, "ratios")
    pyplot.close(figure)


def plot_growth(rows: list[Row]) -> None:
    """Time per number over the number of numbers, of one caller."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "fastloss"
    from matplotlib import pyplot

    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if row["callers"] == 1:
            name = f"{row['loss']}, {WHATS[row['what']]}, {row['layer']}, {row['threads']} threads"
            lines.setdefault(name, []).append((row["n"], row["times"][0] / row["n"] * 1e9))
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for name, points in lines.items():
        axes.plot(*zip(*sorted(points), strict=True), marker=".", linewidth=1, label=name)
    axes.set(xscale="log", yscale="log", xlabel="numbers", ylabel="nanoseconds per number")
    axes.legend(fontsize=6)
    _save(figure, "growth")
    pyplot.close(figure)


def page(found: dict[str, dict[str, Any]]) -> str:
    """The page: what is lost first, then everything else."""
    parts = ["# Results\n\n`python -m benchmarks report` wrote this page; README.md says how to measure.\n"]
    if losses := found.get("losses"):
        rows = losses["rows"]
        parts += [
            f"{machine(losses['facts'])} {len(rows)} rows, {losses['seconds']} seconds.\n",
            f"## Where a peer is faster\n\n{lost(rows)}",
            f"## Each peer, over all rows\n\n{means(rows)}\n![ratios](plots/ratios.svg)\n",
            f"## Of the roof, at the largest size\n\n{of_the_roof(rows)}",
        ]
    for name, title in (
        ("exps", "In units of NumPy's exp of as many numbers"),
        ("calls", "In units of np.mean((y - p)**2) of as many"),
    ):
        if name in found:
            parts.append(f"## {title}\n\nOne thread.\n\n{in_units(found[name])}")
    if growth := found.get("growth"):
        parts.append(f"## Growth\n\n![growth](plots/growth.svg)\n\n{of_growth(growth)}")
    return "\n".join(parts)


def main(options: argparse.Namespace) -> None:
    found = {path.stem: json.loads(path.read_text()) for path in sorted(options.results.glob("*.json"))}
    if not found:
        raise SystemExit(f"there are no results in {options.results}: measure first")
    PAGE.write_text(page(found))
    if "losses" in found:
        plot_ratios(found["losses"]["rows"])
        README.write_text(placed(README.read_text(), "speed", readme_table(found["losses"])))
    if "growth" in found:
        plot_growth(found["growth"]["rows"])
    print(f"{PAGE.name}, the README's table, and plots")


__all__ = ["RESULTS", "main", "page", "readme_table"]
