"""The command ``fastloss``: evaluate prediction files, look losses up, time them against NumPy.

Exit status: 0 done, 1 something is wrong with the data (or the disk, or an optional package is missing), 2 wrong usage. Errors
are one line on the standard error; the standard output holds results and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import io
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from . import __version__, bench
from ._config import config
from ._readers import DataError, one_line, open_table
from .base import Interval, Loss, NotDifferentiableError, get_loss, list_losses
from .rows import INDICES, LISTS, NUMBERS, RowLoss

_EXIT_DATA, _EXIT_USAGE, _EXIT_INTERRUPT, _EXIT_PIPE = 1, 2, 130, 141
# A table in a pipe is for programs: one line for each row.
_PIPE_WIDTH = 200
_WORDS = {"true": True, "false": False, "none": None}


class _UsageError(Exception):
    """The command line makes no sense."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments without the name of the program; ``sys.argv`` by default.

    Returns
    -------
    int
        The exit status.
    """
    try:
        try:
            options = _parser().parse_args(argv)
            text = options.command(options)
        except SystemExit:  # --help and --version have printed
            text = ""
        _write(text)
    except _UsageError as error:
        return _fail(_EXIT_USAGE, str(error))
    except DataError as error:
        return _fail(_EXIT_DATA, str(error))
    except KeyboardInterrupt:
        return _EXIT_INTERRUPT
    except BrokenPipeError:
        return _abandon_output(_EXIT_PIPE)
    except MemoryError as error:
        return _fail(_EXIT_DATA, f"out of memory: {error}")
    except OSError as error:
        return _fail(_abandon_output(_EXIT_DATA), f"cannot write: {error.strerror or error}")
    return 0


def _fail(status: int, message: str) -> int:
    print(f"fastloss: error: {one_line(message)}", file=sys.stderr)
    return status


def _write(text: str) -> None:
    if sys.stdout is None:
        raise OSError("the standard output is closed")
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _abandon_output(status: int) -> int:
    """Let the interpreter flush what could not be written into nothing when it ends, instead of complaining."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


# ---- arguments -------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fastloss", description="Loss functions on the CPU.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"fastloss {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    evaluate = commands.add_parser("evaluate", help="losses of the predictions in files", allow_abbrev=False)
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="one table (.csv, .csv.gz, .parquet, .arrow, .feather, .npz), or a file for each input of the loss, in its order",
    )
    evaluate.add_argument("--y-true", metavar="COLUMN", help="the labels (default: the column y_true)")
    evaluate.add_argument("--y-pred", metavar="COLUMN", help="a loss's second input (default: the column called like it)")
    evaluate.add_argument(
        "--input", metavar="NAME=COLUMN", type=_pair, action="append", default=[], help="another input of a loss, by its name"
    )
    evaluate.add_argument("--weights", metavar="COLUMN_OR_FILE", help="weights of the samples")
    evaluate.add_argument(
        "--loss",
        metavar="NAME[:PARAMETER=VALUE,...]",
        type=_named_loss,
        action="append",
        help="a loss, for example huber:delta=2; can be repeated (default: squared_error, absolute_error)",
    )
    evaluate.add_argument("--reduction", choices=("mean", "sum"), default="mean", help="default: mean")
    form = evaluate.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print CSV")

    losses = commands.add_parser("losses", help="list all losses", allow_abbrev=False)
    losses.set_defaults(command=_losses)
    losses.add_argument("--family", choices=sorted({get_loss(name).family for name in list_losses()}), help="only this family")

    show = commands.add_parser("show", help="explain a loss", allow_abbrev=False)
    show.set_defaults(command=_show)
    show.add_argument("loss", metavar="NAME[:PARAMETER=VALUE,...]", type=_named_loss)
    show.add_argument("--plot", metavar="FILE", help="draw value, gradient and Hessian to a .png, .svg or .pdf file")

    timing = commands.add_parser("bench", help="time losses against NumPy", allow_abbrev=False)
    timing.set_defaults(command=_bench)
    for option, metavar, kind, default in (
        ("--losses", "NAME,...", _loss, "squared_error,huber,log_cosh"),
        ("--sizes", "N,...", _size, "10,10000,100000,1000000,10000000"),
        ("--dtypes", "DTYPE,...", _dtype, ",".join(bench.TOLERANCES)),
    ):
        timing.add_argument(option, metavar=metavar, type=_list_of(kind), default=default, help=f"default: {default}")
    timing.add_argument("--json", action="store_true", help="print JSON")

    info = commands.add_parser("info", help="how fastloss was built and what it uses", allow_abbrev=False)
    info.set_defaults(command=_info)
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE; got {text!r}")
    return name, value


def _named_loss(text: str) -> tuple[str, Loss]:
    return text, _loss(text)


def _loss(text: str) -> Loss:
    """Make a loss of ``huber:delta=2``."""
    name, _, rest = text.partition(":")
    pairs = [_pair(item) for item in rest.split(",") if item]
    parameters = {key: _value(key, value) for key, value in pairs}
    if len(parameters) < len(pairs):
        raise argparse.ArgumentTypeError(f"a parameter is given twice in {text!r}")
    try:
        return get_loss(name, **parameters)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _value(name: str, text: str) -> float | bool | None:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise argparse.ArgumentTypeError(f"{name} must be a number, true, false or none; got {text!r}")


def _size(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"a size is a whole number from 1; got {text!r}")
    return int(text)


def _dtype(text: str) -> str:
    if text not in bench.TOLERANCES:
        raise argparse.ArgumentTypeError(f"a dtype is one of {', '.join(bench.TOLERANCES)}; got {text!r}")
    return text


def _list_of(kind: Any) -> Any:
    return lambda text: [kind(item) for item in text.split(",")]


# ---- commands: each returns what is to be printed --------------------------------------------------------------


def _evaluate(options: argparse.Namespace) -> str:
    losses = options.loss or [(name, get_loss(name)) for name in ("squared_error", "absolute_error")]
    data, weights = _read_one(options, losses) if len(options.files) == 1 else _read_many(options, losses)
    results = []
    for (name, loss), inputs in zip(losses, data, strict=True):
        try:
            results.append((name, loss(*inputs, sample_weight=weights, reduction=options.reduction)))
        except (TypeError, ValueError) as error:
            raise DataError(str(error)) from error
    n = int(data[0][0].size)
    if options.json:
        found = [_json_result(name, value) for name, value in results]
        return _json({"files": options.files, "n": n, "reduction": options.reduction, "results": found})
    if options.csv:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("loss", "value"), *results])
        return text.getvalue()
    rows = [(name, f"{value:.6g}", f"{n:,}") for name, value in results]
    return _table(("loss", "value", "n"), rows, right=(1, 2))


def _read_one(options: argparse.Namespace, losses: Any) -> tuple[list[list[np.ndarray]], np.ndarray | None]:
    """Read the inputs of each loss and the weights, by their columns in one table."""
    given = dict(options.input)
    known = {name for _, loss in losses for name in loss.inputs}
    for name in given:
        if name not in known:
            raise _UsageError(f"argument --input: no loss has an input {name!r} here; there are {', '.join(sorted(known))}")
    table = open_table(options.files[0])
    columns = []
    for _, loss in losses:
        short = dict(zip(loss.inputs, (options.y_true, options.y_pred), strict=False))
        columns.append([given.get(name) or short.get(name) or name for name in loss.inputs])
    # a column before a file, if there are both
    in_file = options.weights not in (None, *table.columns) and os.path.exists(options.weights)
    in_table = [] if in_file or options.weights is None else [options.weights]
    arrays = table.read([name for names in (*columns, in_table) for name in names])
    weights = open_table(options.weights).read_only_column() if in_file else arrays.get(options.weights)
    return [[arrays[name] for name in names] for names in columns], weights


def _read_many(options: argparse.Namespace, losses: Any) -> tuple[list[list[np.ndarray]], np.ndarray | None]:
    """Read the inputs, which all losses share, and the weights, from a file each."""
    if options.y_true or options.y_pred or options.input:
        raise _UsageError("columns have names in one table only; with several files, each is one input of the loss")
    for name, loss in losses:
        if len(loss.inputs) != len(options.files):
            wanted = f"{len(loss.inputs)} inputs ({', '.join(loss.inputs)})"
            raise _UsageError(f"{name} has {wanted}; {len(options.files)} files are given")
    arrays = [open_table(path).read_only_column() for path in options.files]
    weights = None if options.weights is None else open_table(options.weights).read_only_column()
    return [arrays for _ in losses], weights


def _json_result(name: str, value: float) -> dict[str, Any]:
    if math.isfinite(value):
        return {"loss": name, "value": value}
    # JSON has no such numbers
    return {"loss": name, "value": None, "note": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}


def _losses(options: argparse.Namespace) -> str:
    rows = []
    for name in list_losses(options.family):
        loss = get_loss(name)
        summary = re.sub(r"(:\w+:)?`+", "", inspect.getdoc(type(loss)).partition("\n")[0])
        rows.append((f"{name}\n{loss!r}", ", ".join(loss.inputs), summary))
    return _table(("loss", "inputs", "what it is"), rows, lines=True)


def _show(options: argparse.Namespace) -> str:
    name, loss = options.loss
    cls = type(loss)
    if options.plot:
        _plot(loss, Path(options.plot))
    parts = [
        f"{cls.__name__}{inspect.signature(cls, eval_str=True)}".removesuffix(" -> None"),
        f"{name}: {loss!r}, called as loss({', '.join(loss.inputs)}, sample_weight=None, reduction='mean')",
        inspect.getdoc(cls),
    ]
    for what, expression in (("Value", loss.numpy_value), ("Gradient", loss.numpy_gradient)):
        if expression and _replaces_one_liners(loss):
            parts.append(f"{what} in NumPy\n{'-' * len(what)}---------\n{expression}")
    return "\n\n".join(parts) + "\n"


def _replaces_one_liners(loss: Loss) -> bool:
    """Try whether NumPy's expressions compute this: some hold for one setting of the parameters only."""
    try:
        for case in bench.make_cases([loss], sizes=[100], dtypes=["float64"]):
            case.prepare()
    except (ValueError, ArithmeticError):
        return False
    return True


def _bench(options: argparse.Namespace) -> str:
    cases = bench.make_cases(options.losses, options.sizes, options.dtypes)
    facts = bench.machine_facts()
    try:
        rows = [bench.measure(case) for case in (cases if options.json else _with_progress(cases))]
    except (ValueError, ArithmeticError) as error:
        raise DataError(str(error)) from error
    if options.json:
        return _json({"machine": facts, "rows": [_bench_result(row) for row in rows]})
    cells = [
        (
            repr(row.case.loss),
            f"{row.case.n:,}",
            row.case.dtype,
            row.case.what.replace("_and_", " + "),
            _milliseconds(row.numpy),
            _milliseconds(row.fastloss),
            f"{row.ratio:.1f}x",
        )
        for row in rows
    ]
    line = "{cpus} CPUs, {threads} threads, {isa}, NumPy {numpy}; fastest repeats, results checked equal\n".format(**facts)
    return _table(("loss", "n", "dtype", "what", "NumPy ms", "fastloss ms", "ratio"), cells, right=(1, 4, 5, 6)) + line


def _bench_result(row: bench.Row) -> dict[str, Any]:
    case = row.case
    return {
        "loss": repr(case.loss),
        "n": case.n,
        "dtype": case.dtype,
        "what": case.what,
        "numpy_seconds": row.numpy,
        "fastloss_seconds": row.fastloss,
        "numpy_median_seconds": row.numpy_median,
        "fastloss_median_seconds": row.fastloss_median,
        "repeats": row.repeats,
        "ratio": row.ratio,
    }


def _milliseconds(seconds: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{seconds * 1e3:,.{max(0, -math.floor(math.log10(seconds)) - 1)}f}"


def _info(options: argparse.Namespace) -> str:
    rows = [(key, ", ".join(value) if isinstance(value, list) else str(value)) for key, value in config().items()]
    return _table(("fastloss", __version__), rows)


# ---- output ----------------------------------------------------------------------------------------------------


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _console(**options: Any) -> Any:
    try:
        from rich.console import Console
    except ImportError:
        raise DataError("tables are drawn by rich: pip install 'fastloss[cli]'; or use --json where there is one") from None
    return Console(markup=False, highlight=False, emoji=False, **options)


def _table(headers: Iterable[str], rows: Iterable[Sequence[str]], right: Sequence[int] = (), lines: bool = False) -> str:
    """Draw a table, for the terminal or for a pipe."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    console = _console(width=None if terminal or "COLUMNS" in os.environ else _PIPE_WIDTH)
    from rich import box
    from rich.table import Table

    table = Table(box=box.ROUNDED, show_lines=lines)
    for i, header in enumerate(headers):
        table.add_column(header, justify="right" if i in right else "left", overflow="fold", no_wrap=i in right)
    for row in rows:
        table.add_row(*row)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _with_progress(cases: Sequence[bench.Case]) -> Iterable[bench.Case]:
    console = _console(stderr=True)
    from rich.progress import track

    return track(cases, "timing", console=console, transient=True, refresh_per_second=2, disable=not console.is_terminal)


# ---- plot ------------------------------------------------------------------------------------------------------


def _plot(loss: Loss, path: Path) -> None:
    """Draw value, gradient and Hessian; the file appears whole or not at all."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DataError("plots are drawn by matplotlib: pip install matplotlib") from None
    target = path.resolve()
    if target.exists() and not target.is_file():
        raise DataError(f"{path}: is not a regular file")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, x, y in _curves(loss):
        axes.plot(x, y, label=name)
    varied = loss.inputs[loss.labels]
    others = ", ".join(f"{name} = 1" for name in loss.inputs if name != varied)
    axes.set(title=f"{loss!r}, {others}", xlabel=f"{varied} - {loss.inputs[0] if loss.labels else 1}")
    axes.grid(alpha=0.3)
    axes.legend()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        figure.savefig(temporary, format=target.suffix.removeprefix(".") or "png", dpi=150)
        temporary.replace(target)
    except ValueError as error:
        raise _UsageError(f"argument --plot: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _curves(loss: Loss) -> Iterable[tuple[str, np.ndarray, np.ndarray]]:
    """Compute the loss of one sample, and its derivatives by its first input that is no label, where all others are 1."""
    domain = loss._domains().get(loss.inputs[loss.labels], Interval())
    x = np.array([step for step in np.linspace(-4, 4, 1601) if 1 + step in domain])

    def inputs(step: float) -> list[Any]:
        if isinstance(loss, RowLoss) and not loss.labels:
            return [[[1 + step]] if i == 0 else [[1.0]] for i in range(len(loss.inputs))]
        if isinstance(loss, RowLoss):
            # two classes, the first of them right
            right = 1 + step
            labels = {INDICES: [0], NUMBERS: [[1.0, 0.0]], LISTS: [[0, -1]]}[loss.label_kinds[0]]
            return [labels, [[right, 1 - right if "y_pred" in loss._domains() else 0.0]]]
        return [[1 + step] if i == loss.labels else [1.0] for i in range(len(loss.inputs))]

    for name, compute in (
        ("value", loss),
        ("gradient", loss.gradient),
        ("Hessian", lambda *inputs: loss.gradient_and_hessian(*inputs)[1]),
    ):
        try:
            # a mean of one sample is the sample itself, for losses of whole samples too; the first derivative is the one wanted
            y = [np.ravel(compute(*inputs(step)))[0] for step in x]
        except NotDifferentiableError:
            continue
        yield name, x, np.array(y)
