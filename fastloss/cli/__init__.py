"""The command ``fastloss``: evaluate prediction files, look losses up, time them against NumPy.

Exit status: 0 done, 1 something is wrong with the data (or the disk, or an optional package is missing), 2 wrong usage. Errors
are one line on the standard error; the standard output holds results and nothing else.
"""

from __future__ import annotations

import argparse
import inspect
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__, bench
from .._config import config
from .._readers import DataError, one_line
from ..loss import Loss
from ..registry import get_loss, list_losses
from . import arguments, completion, evaluate, plot
from .arguments import UsageError
from .output import cut, draw_table, to_json, tracked

_EXIT_DATA, _EXIT_USAGE, _EXIT_INTERRUPT, _EXIT_PIPE = 1, 2, 130, 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


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
    except UsageError as error:
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
    if sys.stderr is not None:
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
    parser = _Parser(
        prog="fastloss",
        description="Loss functions on the CPU.",
        epilog="fastloss COMMAND --help explains a command. Example: fastloss evaluate predictions.csv --loss huber:delta=2",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fastloss {__version__}")
    # whoever types the name alone is shown what there is
    parser.set_defaults(command=lambda options: parser.format_help())
    commands = parser.add_subparsers(metavar="COMMAND")

    evaluate.add_parser(commands)
    losses = commands.add_parser("losses", help="list all losses", allow_abbrev=False)
    losses.set_defaults(command=_losses)
    losses.add_argument("--family", choices=sorted({get_loss(name).family for name in list_losses()}), help="only this family")
    losses.add_argument("--json", action="store_true", help="print JSON, with inputs and parameters")

    show = commands.add_parser("show", help="explain a loss", allow_abbrev=False)
    show.set_defaults(command=_show)
    show.add_argument("loss", metavar="NAME[:PARAMETER=VALUE,...]", type=arguments.named_loss)
    show.add_argument("--plot", metavar="FILE", help="draw value, gradient and Hessian to a .png, .svg or .pdf file")

    timing = commands.add_parser("bench", help="time losses against NumPy", allow_abbrev=False)
    timing.set_defaults(command=_bench)
    for option, metavar, kind, default in (
        ("--losses", "NAME,...", arguments.loss, "squared_error,huber,log_cosh"),
        ("--sizes", "N,...", arguments.size, "10,10000,100000,1000000,10000000"),
        ("--dtypes", "DTYPE,...", arguments.dtype, ",".join(bench.TOLERANCES)),
    ):
        timing.add_argument(option, metavar=metavar, type=arguments.list_of(kind), default=default, help=f"default: {default}")
    timing.add_argument("--json", action="store_true", help="print JSON")

    info = commands.add_parser("info", help="how fastloss was built and what it uses", allow_abbrev=False)
    info.set_defaults(command=_info)

    completion.add_parser(commands, parser)
    return parser


# ---- commands: each returns what is to be printed --------------------------------------------------------------


def _losses(options: argparse.Namespace) -> str:
    losses = [get_loss(name) for name in list_losses(options.family)]
    if options.json:
        return to_json([_described(loss) for loss in losses])
    width = max(len(loss.name) for loss in losses)
    return "".join(f"{cut(f'{loss.name:{width}}  {_summary(loss)}')}\n" for loss in losses)


def _summary(loss: Loss) -> str:
    return re.sub(r"(:\w+:)?`+", "", (inspect.getdoc(type(loss)) or "").partition("\n")[0])


def _described(loss: Loss) -> dict[str, Any]:
    values = {item.name: getattr(loss, item.name) for item in fields(loss)}
    return {
        "name": loss.name,
        "class": type(loss).__name__,
        "family": loss.family,
        "summary": _summary(loss),
        "inputs": [*loss.inputs],
        "optional": [*loss.optional],
        "parameters": {name: value if _is_json(value) else str(value) for name, value in values.items()},
    }


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _show(options: argparse.Namespace) -> str:
    name, loss = options.loss
    cls = type(loss)
    if options.plot:
        plot.curves_of(loss, Path(options.plot))
    parts = [
        f"{cls.__name__}{inspect.signature(cls, eval_str=True)}".removesuffix(" -> None"),
        f"{name}: {loss!r}, called as loss({', '.join(loss.inputs)}, sample_weight=None, reduction='mean')",
        inspect.getdoc(cls) or "",
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
        rows = [bench.measure(case) for case in (cases if options.json else tracked(cases))]
    except (ValueError, ArithmeticError) as error:
        raise DataError(str(error)) from error
    if options.json:
        return to_json({"machine": facts, "rows": [_bench_result(row) for row in rows]})
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
    return draw_table(("loss", "n", "dtype", "what", "NumPy ms", "fastloss ms", "ratio"), cells, right=(1, 4, 5, 6)) + line


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
    return draw_table(("fastloss", __version__), rows)
