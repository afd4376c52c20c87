"""The commands of the benchmarks."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import calls, growth, instructions, report, run


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(float(word)) for word in text.split(","))


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in (
        ("losses", run.main, "every loss against the roof and all peers that are installed"),
        ("losses-child", run.child, argparse.SUPPRESS),
    ):
        command = commands.add_parser(name, **({} if text == argparse.SUPPRESS else {"help": text}))
        command.set_defaults(function=function)
        command.add_argument("names", nargs="*", metavar="NAME", help="only cases whose text has one of these")
        command.add_argument("--quick", action="store_true", help="one size, few turns")
        command.add_argument(
            "--compile", action="store_true", help="torch.compile, too, which takes some seconds for each loss"
        )
        command.add_argument("--sizes", type=numbers, metavar="N,...")
        command.add_argument("--dtypes", type=words, metavar="DTYPE,...")
        command.add_argument("--whats", type=words, metavar="WHAT,...", help="value,value_and_gradient,gradient_and_hessian")
        command.add_argument("--peers", type=words, metavar="PEER,...")
        command.add_argument("--threads", type=numbers, default=(1, 2), metavar="T,...")
        command.add_argument("--out", type=Path, default=run.RESULTS / "losses.json")
        command.add_argument("--again", action="store_true", help="leave all other rows of the file as they are")
    for table, text in (
        ("exps", "32768 numbers on one thread, in units of NumPy's exp of as many"),
        ("calls", "few numbers on one thread, in units of np.mean((y - p)**2) of as many"),
    ):
        for name, function in ((table, calls.main(table)), (f"{table}-child", calls.child)):
            command = commands.add_parser(name, **({"help": text} if name == table else {}))
            command.set_defaults(function=function, table=table)
            command.add_argument("names", nargs="*", metavar="NAME", help="only losses whose names have one of these")
            command.add_argument("--quick", action="store_true", help="few turns")
            command.add_argument("--out", type=Path)
    command = commands.add_parser("instructions", help="count instructions under valgrind, and write instructions.json")
    command.set_defaults(function=instructions.main)
    command.add_argument("--up", action="store_true", help="even where counts have risen")
    commands.add_parser("instructions-child").set_defaults(function=instructions.child)
    command = commands.add_parser("growth", help="ten to 1e8 numbers, by threads, layers and callers")
    command.set_defaults(function=growth.main)
    command.add_argument("--most", type=lambda text: int(float(text)), default=10**8, metavar="N", help="the largest size, 1e8")
    command.add_argument("--file", action="store_true", help="1e9 numbers, too, from files of 8 GB that are mapped into memory")
    command.add_argument("--folder", type=Path, help="where these are made")
    command.add_argument("--threads", type=numbers, default=(1, 2), metavar="T,...")
    command.add_argument("--out", type=Path, default=run.RESULTS / "growth.json")
    command = commands.add_parser("report", help="write RESULTS.md, its plots, and the README's table")
    command.set_defaults(function=report.main)
    command.add_argument("--results", type=Path, default=run.RESULTS, help="the folder with what was measured")
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
