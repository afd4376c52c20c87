"""What is printed: JSON, tables, and progress on a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from .. import bench
from .._readers import DataError, one_line

# A table in a pipe is for programs: one line for each row.
_PIPE_WIDTH = 200


def to_json(value: Any) -> str:
    """Write JSON; what would not be JSON (NaN, Infinity) is a mistake of the caller."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _console(**options: Any) -> Any:
    try:
        from rich.console import Console
    except ImportError:
        raise DataError("tables are drawn by rich: pip install 'fastloss[cli]'; or use --json where there is one") from None
    return Console(markup=False, highlight=False, emoji=False, **options)


def draw_table(
    headers: Iterable[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    last_apart: bool = False,
) -> str:
    """Draw a table, for the terminal or for a pipe."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    console = _console(width=None if terminal or "COLUMNS" in os.environ else _PIPE_WIDTH)
    from rich import box
    from rich.table import Table

    table = Table(box=box.ROUNDED)
    for i, header in enumerate(headers):
        table.add_column(header, justify="right" if i in right else "left", overflow="fold", no_wrap=i in right)
    for i, row in enumerate(rows):
        table.add_row(*row, end_section=last_apart and i == len(rows) - 2)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def cut(line: str) -> str:
    """Cut a line to the width of the terminal; in a pipe it stays whole."""
    if not ("COLUMNS" in os.environ or (sys.stdout is not None and sys.stdout.isatty())):
        return line
    width = shutil.get_terminal_size().columns
    return line if len(line) <= width else f"{line[: max(0, width - 3)].rstrip()}..."


def note(message: str) -> None:
    """Say something beside the results."""
    if sys.stderr is not None:
        print(f"fastloss: note: {one_line(message)}", file=sys.stderr)


@contextmanager
def progress(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """Show how much is done, on a terminal; nothing is shown elsewhere, or without rich.

    Parameters
    ----------
    what : str
        What is being done.
    total : float
        How much there is to do, in bytes.

    Yields
    ------
    callable
        To be told how many bytes are done.
    """
    if sys.stderr is None or not sys.stderr.isatty() or find_spec("rich") is None:
        yield lambda done: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=_console(stderr=True), transient=True, refresh_per_second=4) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def tracked(cases: Sequence[bench.Case]) -> Iterable[bench.Case]:
    """Go through cases of a benchmark, with a bar on a terminal."""
    console = _console(stderr=True)
    if not console.is_terminal:
        return cases
    from rich.progress import track

    return track(cases, "timing", console=console, transient=True, refresh_per_second=2)
