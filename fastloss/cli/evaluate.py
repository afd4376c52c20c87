"""``fastloss evaluate``: losses of the predictions in files, which may be larger than memory."""

from __future__ import annotations

import argparse
import csv
import io
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .._arrays import runs, weights_of_runs
from .._datasets import DataSet, Piece, SingleColumn, ahead, expand, side_by_side, whole_groups
from .._readers import DataError, Keys, one_line
from .._types import Total
from ..errors import InputError
from ..evaluation import Evaluation
from ..loss import Loss
from ..registry import get_loss
from . import arguments, plot
from .arguments import UsageError
from .output import draw_table, note, progress, to_json

_DEFAULT_LOSSES = ("squared_error", "absolute_error")
# Looking for each of so few is faster than sorting.
_FEW_GROUPS = 8
# Key of the weights that come from a file of their own, among the columns of a piece.
_WEIGHTS = object()


def add_parser(commands: Any) -> None:
    """Add the command to the parsers of commands."""
    parser = commands.add_parser(
        "evaluate",
        help="losses of the predictions in files",
        description="Losses of the predictions in files, which may be larger than memory: they are read piece by piece.",
        epilog="Patterns are expanded here as well (quote them): files in the order of names, columns in that of the file. "
        "Where --y-pred, --y-true or --input give several columns, by repetition or by a pattern, these are the classes, or "
        "the numbers of a vector, of one array with a row for each sample.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=evaluate)
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="tables (.csv, .tsv, also with .gz, .parquet, .arrow, .feather, .npz) that follow each other, by name or "
        "pattern; - for CSV from the standard input; or a file for each input of the loss, in its order, when one of them is "
        "an .npy",
    )
    parser.add_argument(
        "--y-true",
        metavar="COLUMN",
        action="append",
        help="the labels, or the first input of a loss without y_true (default: the column called like it)",
    )
    parser.add_argument(
        "--y-pred", metavar="COLUMN", action="append", help="a loss's second input (default: the column called like it)"
    )
    parser.add_argument(
        "--input",
        metavar="NAME=COLUMN",
        type=arguments.pair,
        action="append",
        default=[],
        help="another input of a loss, by its name",
    )
    parser.add_argument(
        "--group",
        metavar="COLUMN",
        help="the groups (queries) of ranking losses: a number for each row, in runs (default: the column group)",
    )
    parser.add_argument("--weights", metavar="COLUMN_OR_FILE", help="weights of the samples")
    parser.add_argument("--group-by", metavar="COLUMN", help="one row of results for each value of a column")
    parser.add_argument(
        "--loss",
        metavar="NAME[:PARAMETER=VALUE,...]",
        type=arguments.named_loss,
        action="append",
        help="a loss, for example huber:delta=2, or a sum of some, '0.7*huber + 0.3*mae'; can be repeated "
        f"(default: {', '.join(_DEFAULT_LOSSES)})",
    )
    parser.add_argument(
        "--metric",
        metavar="NAME[:ARGUMENT=VALUE,...]",
        type=arguments.named_metric,
        action="append",
        default=[],
        help="a metric of fastloss.metrics, for example f1_score:average=macro; can be repeated",
    )
    parser.add_argument(
        "--separator",
        metavar="CHARACTER",
        type=arguments.separator,
        help="what stands between the cells of a file of text (default: a tab in .tsv files, else a comma)",
    )
    parser.add_argument("--reduction", choices=("mean", "sum"), default="mean", help="default: mean")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--plot", metavar="FILE", help="draw the results to a .png, .svg or .pdf file")


@dataclass
class _Job:
    """Losses that take the same columns for inputs of the same name, and what they have come to in each group."""

    losses: dict[str, Any] = field(default_factory=dict)
    #: Keys of columns by the name of the input; several are the classes of one array.
    inputs: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    evaluations: dict[int, Evaluation] = field(default_factory=dict)

    def takes(self, inputs: Mapping[str, tuple[Any, ...]]) -> bool:
        # weights are those of rows, or of groups
        alike = not self.inputs or ("group" in self.inputs) == ("group" in inputs)
        return alike and all(self.inputs.get(name, keys) == keys for name, keys in inputs.items())

    def as_units(self, name: str, array: np.ndarray) -> np.ndarray:
        """Give vectors of one number, which are a single column, their axis."""
        return array[:, None] if array.ndim == 1 and name in self._vectors() else array

    def count(self, arrays: Mapping[Any, np.ndarray]) -> int:
        """Count samples: numbers of the first input, or vectors."""
        name, keys = next(iter(self.inputs.items()))
        return len(arrays[keys]) if name in self._vectors() else arrays[keys].size

    def _vectors(self) -> set[str]:
        losses = (loss for loss in self.losses.values() if isinstance(loss, Loss))
        of_all = (item for loss in losses for item in loss.signature.inputs)
        return {item.name for item in of_all if item.forms[0].axes == "(d)"}


@dataclass(frozen=True)
class _Plan:
    """What is to be read and computed."""

    pieces: Generator[Piece, None, None]
    #: Bytes of all files.
    size: int
    jobs: list[_Job]
    weights: Any
    groups: Keys | None
    #: Whether a message can name the file of a bad number: not when each input has its own.
    one_file: bool

    @property
    def runs(self) -> Any:
        """The key of the column of groups whose rows belong together; None: there is none."""
        keys = {job.inputs["group"] for job in self.jobs if "group" in job.inputs}
        if len(keys) > 1 or any(len(key) > 1 for key in keys):
            raise UsageError("argument --group: there can be only one column of groups")
        return keys.pop()[0] if keys else None


@dataclass
class _Result:
    """Losses by their names; of all samples, or of one group."""

    group: Any
    n: int
    values: dict[str, float]


def evaluate(options: argparse.Namespace) -> str:
    """Run the command; return what is to be printed."""
    losses: dict[str, Any] = dict(options.loss or ())
    losses |= options.metric
    if not losses:
        losses = {name: get_loss(name) for name in _DEFAULT_LOSSES}
    if options.plot:
        plot.check_target(Path(options.plot))
    files = expand(options.files)
    for_each_input = len(files) > 1 and any(file.lower().endswith(".npy") for file in files)
    plan = (_plan_inputs if for_each_input else _plan_tables)(options, losses, files)
    missing = _Missing()
    counts = _run(plan, options.reduction, missing)
    whole = _whole(plan, counts, losses, options.reduction)
    groups = _by_group(plan, counts, losses)
    if options.plot:
        title = f"{options.reduction} of {', '.join(files[:2])}{', ...' if len(files) > 2 else ''}"
        rows = [(_shown(row.group), row.values) for row in groups] if plan.groups else [("", whole.values)]
        plot.bars_of(rows, options.group_by, title, Path(options.plot))
    missing.tell()
    if options.json:
        return _as_json(options, files, whole, groups, missing)
    if options.csv:
        return _as_csv(options, whole, groups)
    return _as_table(options, whole, groups)


# ---- what comes from where --------------------------------------------------------------------------------------


def _plan_tables(options: argparse.Namespace, losses: Mapping[str, Any], files: Sequence[str]) -> _Plan:
    """Take inputs and weights by their columns in tables that follow each other."""
    given: dict[str, list[str]] = {}
    for name, column in options.input:
        given.setdefault(name, []).append(column)
    if options.group is not None:
        if not any("group" in _inputs_of(loss) for loss in losses.values()):
            raise UsageError("argument --group: no loss is one of groups here; --group-by has a row of results for each group")
        given.setdefault("group", []).append(options.group)
    known = {name for loss in losses.values() for name in (*_inputs_of(loss), *_optional_of(loss))}
    for name in given:
        if name not in known:
            raise UsageError(f"argument --input: no loss has an input {name!r} here; there are {', '.join(sorted(known))}")
    data = DataSet(files, options.separator)
    # a column before a file, if there are both
    in_file = options.weights not in (None, *data.columns) and os.path.exists(options.weights)
    in_table = [] if in_file or options.weights is None else [options.weights]

    def columns_of(loss: Any) -> dict[str, tuple[str, ...]]:
        inputs = _inputs_of(loss)
        short = dict(zip(inputs, (options.y_true, options.y_pred), strict=False))
        names = (*inputs, *(name for name in _optional_of(loss) if name in given))
        return {name: data.match(given.get(name) or short.get(name) or [name]) for name in names}

    jobs = _jobs(losses, columns_of)
    data.check(in_table)
    groups = Keys(options.group_by) if options.group_by is not None else None
    names = [name for job in jobs for columns in job.inputs.values() for name in columns]
    streams, size = [data.pieces([*names, *in_table], groups)], data.size
    if in_file:
        weights = SingleColumn(str(options.weights), _WEIGHTS, options.separator)
        streams.append(weights.pieces())
        size += weights.size
    return _Plan(side_by_side(streams), size, jobs, _WEIGHTS if in_file else options.weights, groups, True)


def _plan_inputs(options: argparse.Namespace, losses: Mapping[str, Any], files: Sequence[str]) -> _Plan:
    """Take the inputs, which all losses share, and the weights, from a file each."""
    if options.y_true or options.y_pred or options.input or options.group is not None or options.group_by is not None:
        raise UsageError("columns have names in tables only; here each file is one input of the loss, since one is an .npy")
    for name, loss in losses.items():
        inputs = _inputs_of(loss)
        if not len(inputs) <= len(files) <= len(inputs) + len(_optional_of(loss)):
            wanted = f"{len(inputs)} inputs ({', '.join(inputs)})"
            raise UsageError(f"{name} has {wanted}; {len(files)} files are given")
    sources = [SingleColumn(path, i, options.separator) for i, path in enumerate(files)]
    if options.weights is not None:
        sources.append(SingleColumn(str(options.weights), _WEIGHTS, options.separator))
    jobs = _jobs(
        losses,
        lambda loss: {name: (i,) for i, name in enumerate((*_inputs_of(loss), *_optional_of(loss))[: len(files)])},
    )
    weights = None if options.weights is None else _WEIGHTS
    pieces = side_by_side([source.pieces() for source in sources])
    return _Plan(pieces, sum(source.size for source in sources), jobs, weights, None, False)


def _inputs_of(loss: Any) -> tuple[str, ...]:
    """Name the inputs of a loss or a metric."""
    return loss.inputs if isinstance(loss, Loss) else Loss.inputs


def _optional_of(loss: Any) -> tuple[str, ...]:
    return loss.optional if isinstance(loss, Loss) else ()


def _jobs(losses: Mapping[str, Any], inputs_of: Callable[[Any], dict[str, tuple[Any, ...]]]) -> list[_Job]:
    """Put losses together that can share a pass: their inputs of one name are the same columns."""
    jobs: list[_Job] = []
    for name, loss in losses.items():
        inputs = inputs_of(loss)
        job = next((job for job in jobs if job.takes(inputs)), None)
        if job is None:
            job = _Job()
            jobs.append(job)
        job.losses[name] = loss
        job.inputs |= inputs
    return jobs


# ---- the pass over the data --------------------------------------------------------------------------------------


class _Missing:
    """Counts the numbers that are missing in each column, which are NaN, and remembers where the first one was."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def look(self, piece: Piece) -> None:
        for key, column in piece.columns.items():
            if column.dtype.kind != "f" or isinstance(key, Keys):
                continue
            bad = np.isnan(column)
            count = int(np.count_nonzero(bad))
            if count:
                name = "weights" if key is _WEIGHTS else key if isinstance(key, str) else f"input {key}"
                row = piece.first_row + int(np.argwhere(bad)[0, 0]) if column.ndim else 0
                first = {"count": 0, "first_row": row, "file": str(piece.path)}
                self.found.setdefault(name, first)["count"] += count

    def sentences(self) -> list[str]:
        return [
            f"{where['count']:,} number{' is' if where['count'] == 1 else 's are'} missing or NaN in {name!r}, "
            f"the first one in row {where['first_row']} of {where['file']}"
            for name, where in self.found.items()
        ]

    def tell(self) -> None:
        for sentence in self.sentences():
            note(f"{sentence}: what they are part of is NaN")


def _run(plan: _Plan, reduction: Total, missing: _Missing) -> dict[int, int]:
    """Read and evaluate everything; return the number of samples of each group."""
    try:
        for job in plan.jobs:
            # not used for a group, but says that a loss does not have this reduction before anything is read
            Evaluation(job.losses, reduction)
    except ValueError as error:
        raise DataError(str(error)) from error
    counts: dict[int, int] = {}
    whole = plan.pieces if plan.runs is None else whole_groups(plan.pieces, plan.runs)
    with progress("reading", plan.size) as show, closing(ahead(whole)) as pieces:
        for piece in pieces:
            missing.look(piece)
            arrays = _arrays_of(piece, plan)
            for group, rows in _split(piece.columns[plan.groups] if plan.groups else None):
                some = arrays if rows is None else {key: array[rows] for key, array in arrays.items()}
                for job in plan.jobs:
                    if group not in job.evaluations:
                        job.evaluations[group] = Evaluation(job.losses, reduction)
                    inputs = {name: job.as_units(name, some[keys]) for name, keys in job.inputs.items()}
                    weights = some.get(_WEIGHTS)
                    try:
                        if "group" in inputs:
                            inputs["group"] = runs(inputs["group"])
                            weights = None if weights is None else weights_of_runs(weights, inputs["group"])
                        job.evaluations[group].update(sample_weight=weights, **inputs)
                    except (TypeError, ValueError) as error:
                        message = _located(error, piece, rows, plan.one_file)
                        if missing.found and not isinstance(error, InputError):
                            message += f" ({'; '.join(missing.sentences())})"
                        raise DataError(message) from error
                counts[group] = counts.get(group, 0) + plan.jobs[0].count(some)
            show(piece.done)
    return counts


def _arrays_of(piece: Piece, plan: _Plan) -> dict[Any, np.ndarray]:
    """Put the columns of classes together."""
    arrays: dict[Any, np.ndarray] = {} if plan.weights is None else {_WEIGHTS: piece.columns[plan.weights]}
    for job in plan.jobs:
        for keys in job.inputs.values():
            if keys not in arrays:
                columns = [piece.columns[key] for key in keys]
                arrays[keys] = columns[0] if len(columns) == 1 else _joined(columns)
    return arrays


def _joined(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Make one array of several columns, of a floating type that does not depend on which numbers are missing."""
    dtype = np.result_type(*columns)
    if not all(column.dtype.kind == "f" for column in columns) and dtype.kind == "f":
        dtype = np.dtype(np.float64)
    return np.stack(columns, axis=1, dtype=dtype)


def _split(groups: np.ndarray | None) -> Iterator[tuple[int, np.ndarray | None]]:
    """Find the rows of each group, in their order; None stands for all rows."""
    if groups is None:
        yield 0, None
        return
    if not groups.size:
        return
    if groups.min() == groups.max():
        yield int(groups[0]), None
        return
    last = int(groups.max())
    if last <= 0xFFFF:
        # numbers of 16 bits are sorted and compared faster
        groups = groups.astype(np.uint16)
    if last < _FEW_GROUPS:
        for group in range(last + 1):
            rows = np.flatnonzero(groups == group)
            if rows.size:
                yield group, rows
        return
    order = np.argsort(groups, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        yield int(groups[rows[0]]), rows


def _located(error: Exception, piece: Piece, rows: np.ndarray | None, one_file: bool) -> str:
    """Say what is wrong, with places counted from the beginning of the file."""
    if not (isinstance(error, InputError) and error.index):
        return str(error)
    row, *others = error.index
    row = piece.first_row + (row if rows is None else int(rows[row]))
    return str(error.at((row, *others), f"{piece.path}: " if one_file else ""))


# ---- results -----------------------------------------------------------------------------------------------------


def _whole(plan: _Plan, counts: Mapping[int, int], losses: Iterable[str], reduction: Total) -> _Result:
    """Merge all groups."""
    merged = []
    for job in plan.jobs:
        evaluation = Evaluation(job.losses, reduction)
        for other in job.evaluations.values():
            evaluation.merge(other)
        merged.append(evaluation)
    return _result(None, sum(counts.values()), merged, losses)


def _by_group(plan: _Plan, counts: Mapping[int, int], losses: Iterable[str]) -> list[_Result]:
    """Compute the results of each group, in the order of the groups: integers, else text, and missing ones last."""
    if plan.groups is None:
        return []
    values = [plan.groups.values[number] for number in counts]
    integers = all(isinstance(value, int) for value in values if value is not None)
    found = [
        _result(value if integers or value is None else str(value), n, [job.evaluations[number] for job in plan.jobs], losses)
        for value, (number, n) in zip(values, counts.items(), strict=True)
    ]
    return sorted(found, key=lambda row: (row.group is None, row.group))


def _result(group: Any, n: int, evaluations: Sequence[Evaluation], losses: Iterable[str]) -> _Result:
    values: dict[str, float] = {}
    for evaluation in evaluations:
        try:
            values |= {name: _number(name, value) for name, value in evaluation.result().items()}
        except ValueError as error:
            raise DataError(str(error) if group is None else f"group {group!r}: {error}") from error
    return _Result(group, n, {name: values[name] for name in losses})


def _number(name: str, value: Any) -> float:
    if np.ndim(value):
        raise DataError(f"{name} is no single number, but an array of shape {np.shape(value)}")
    return float(value)


def _as_json(
    options: argparse.Namespace, files: Sequence[str], whole: _Result, groups: Sequence[_Result], missing: _Missing
) -> str:
    found: dict[str, Any] = {
        "files": list(files),
        "n": whole.n,
        "reduction": options.reduction,
        "results": _json_results(options, whole),
    }
    if options.group_by is not None:
        rows = [{"group": row.group, "n": row.n, "results": _json_results(options, row)} for row in groups]
        found |= {"group_by": options.group_by, "groups": rows}
    if missing.found:
        found["missing"] = missing.found
    return to_json(found)


def _json_results(options: argparse.Namespace, row: _Result) -> list[dict[str, Any]]:
    metrics = dict(options.metric)
    return [{"metric" if name in metrics else "loss": name, **_json_value(value)} for name, value in row.values.items()]


def _json_value(value: float) -> dict[str, Any]:
    if math.isfinite(value):
        return {"value": value}
    # JSON has no such numbers
    return {"value": None, "note": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def _as_csv(options: argparse.Namespace, whole: _Result, groups: Sequence[_Result]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if options.group_by is None:
        writer.writerows([("name" if options.metric else "loss", "value"), *whole.values.items()])
    else:
        writer.writerow([options.group_by, "n", *whole.values])
        writer.writerows([row.group, row.n, *row.values.values()] for row in groups)
    return text.getvalue()


def _as_table(options: argparse.Namespace, whole: _Result, groups: Sequence[_Result]) -> str:
    if options.group_by is None:
        lines = [(name, f"{value:.6g}", f"{whole.n:,}") for name, value in whole.values.items()]
        return draw_table(("name" if options.metric else "loss", "value", "n"), lines, right=(1, 2))
    names = list(whole.values)
    rows = [
        (name, *(f"{row.values[loss]:.6g}" for loss in names), f"{row.n:,}")
        for name, row in [*((_shown(row.group), row) for row in groups), ("(all)", whole)]
    ]
    return draw_table((one_line(options.group_by), *names, "n"), rows, right=range(1, len(names) + 2), last_apart=True)


def _shown(group: Any) -> str:
    return "(missing)" if group is None else one_line(str(group))
