"""Data sets of several files: one after the other, or side by side, and read ahead of what is done with them."""

from __future__ import annotations

import glob
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from ._readers import DataError, Keys, Table, n_rows, open_table

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of a data set.

    Attributes
    ----------
    columns : dict to ndarray
        Arrays of equally many rows, by the names that were asked for.
    path : Path or None
        The file they come from; None for several files side by side.
    first_row : int
        Which row of its file is the first one here, counted from 0.
    done : float
        How many bytes of all files have been read, about.
    """

    columns: dict[Any, np.ndarray]
    path: Path | None
    first_row: int
    done: float


def expand(patterns: Sequence[str]) -> list[str]:
    """Replace patterns (``part-*.parquet``) by the files they match, sorted; what is a file's name stays.

    Parameters
    ----------
    patterns : sequence of str
        Names of files, or patterns of the shell; ``**`` stands for any folders.

    Returns
    -------
    list of str

    Raises
    ------
    DataError
        A pattern matches no file.
    """
    found = []
    for pattern in patterns:
        if not _WILDCARDS.intersection(pattern) or os.path.lexists(pattern):
            found.append(pattern)
            continue
        matches = sorted(glob.glob(pattern, recursive=True))
        if not matches:
            raise DataError(f"{pattern}: No such file or directory, and none that it matches as a pattern")
        found += matches
    return found


def match_columns(patterns: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Find the columns that names and patterns stand for: in the order of the patterns, and for each in that of the file.

    Parameters
    ----------
    patterns : sequence of str
        Names of columns, or patterns (``p_*``) of names.
    columns : sequence of str
        Names of all columns.

    Returns
    -------
    tuple of str
        Names; one that no column has is returned as it is.
    """
    found: list[str] = []
    for pattern in patterns:
        matches = [] if pattern in columns else [column for column in columns if fnmatchcase(column, pattern)]
        found += matches or [pattern]
    return tuple(dict.fromkeys(found))


class DataSet:
    """Tables that follow each other as if they were one.

    Parameters
    ----------
    paths : sequence of str
        Files of any formats, with the same columns as far as they are asked for.
    separator : str, default=None
        As for `open_table`.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns of the first file.
    size : int
        Bytes of all files.
    """

    def __init__(self, paths: Sequence[str], separator: str | None = None) -> None:
        self._tables: list[Table] = [open_table(path, separator) for path in paths]
        self.columns = self._tables[0].columns
        self.size = sum(table.size for table in self._tables)

    def match(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Find columns by `match_columns`; raise `DataError` where a file has others than the first one."""
        expected = match_columns(patterns, self.columns)
        self.check(expected)
        for table in self._tables:
            found = match_columns(patterns, table.columns)
            if set(found) != set(expected):
                raise DataError(
                    f"{table.path}: {' '.join(patterns)} stands for {len(found)} columns here "
                    f"and for {len(expected)} in {self._tables[0].path}"
                )
        return expected

    def check(self, names: Sequence[str]) -> None:
        """Raise `DataError` for a name that is not the one of one column in every file."""
        for table in self._tables:
            table.check_columns(names)

    def pieces(self, names: Sequence[str], keys: Keys | None = None) -> Generator[Piece, None, None]:
        """Read columns of all files, as `Table.batches` does."""
        before = 0
        for table in self._tables:
            with closing(table.batches(names, keys)) as batches:
                for batch in batches:
                    yield Piece(batch.columns, table.path, batch.first_row, before + batch.done)
            before += table.size


class SingleColumn:
    """The one column of a file, under a name of one's own.

    Parameters
    ----------
    path : str
        A file with one column.
    name : hashable
        What the column is called in the pieces.
    separator : str, default=None
        As for `open_table`.

    Attributes
    ----------
    size : int
        Bytes of the file.
    """

    def __init__(self, path: str, name: Any, separator: str | None = None) -> None:
        self._table = open_table(path, separator)
        self._column = self._table.only_column()
        self._name = name
        self.size = self._table.size

    def pieces(self) -> Generator[Piece, None, None]:
        """Read the column."""
        with closing(self._table.batches([self._column])) as batches:
            for batch in batches:
                yield Piece({self._name: batch.columns[self._column]}, self._table.path, batch.first_row, batch.done)


def side_by_side(streams: Sequence[Iterator[Piece]]) -> Generator[Piece, None, None]:
    """Cut streams of pieces to equal lengths and put their columns together.

    Parameters
    ----------
    streams : sequence of iterators of Piece
        Data sets of equally many rows, with columns of different names.

    Yields
    ------
    Piece
        Path and rows are those of the first stream.

    Raises
    ------
    DataError
        One has more rows than another.
    """
    last = [next(stream) for stream in streams]
    # rows of the last pieces that have been yielded, and of the whole streams
    used, total = [0] * len(last), 0
    ended = [False] * len(last)
    while not all(ended):
        if any(ended):
            short, long = last[ended.index(True)], last[ended.index(False)]
            raise DataError(f"{short.path} ends after {total} rows, {long.path} does not; they must have equally many")
        lengths = [n_rows(piece.columns) for piece in last]
        length = min(n - start for n, start in zip(lengths, used, strict=True))
        columns: dict[Any, np.ndarray] = {}
        for piece, n, start in zip(last, lengths, used, strict=True):
            whole = length == n
            columns |= piece.columns if whole else {k: array[start : start + length] for k, array in piece.columns.items()}
        yield Piece(columns, last[0].path, last[0].first_row + used[0], sum(piece.done for piece in last))
        total += length
        for i, stream in enumerate(streams):
            used[i] += length
            while used[i] == n_rows(last[i].columns) and not ended[i]:
                following = next(stream, None)
                ended[i] = following is None
                if following is not None:
                    last[i], used[i] = following, 0


def whole_groups(pieces: Iterator[Piece], name: Any) -> Generator[Piece, None, None]:
    """Cut pieces where groups end: runs of rows with one identifier.

    Parameters
    ----------
    pieces : iterator of Piece
        Consecutive rows.
    name : object
        The key of the column of identifiers.

    Yields
    ------
    Piece
        Whole groups. A group that lies in several pieces comes alone, and has the path and the row where it begins.

    Raises
    ------
    DataError
        An identifier comes again after another one.
    """
    rest: list[Piece] = []
    seen: set[Any] = set()
    any_rows = False
    for piece in pieces:
        identifiers = piece.columns[name]
        n = len(identifiers)
        if not n:
            if not any_rows:
                yield piece
            continue
        any_rows = True
        begins = np.concatenate([[0], np.flatnonzero(identifiers[1:] != identifiers[:-1]) + 1])
        begin = 0
        if rest and identifiers[0] == rest[-1].columns[name][-1]:
            begin = int(begins[1]) if len(begins) > 1 else n
            rest.append(_rows(piece, 0, begin))
            begins = begins[1:]
        for place, identifier in zip(begins.tolist(), identifiers[begins].tolist(), strict=True):
            if identifier in seen:
                raise DataError(
                    f"{piece.path}: the group {identifier} comes again at row {piece.first_row + place}: sort the rows by group"
                )
            seen.add(identifier)
        if not len(begins):
            continue
        if rest:
            yield _joined(rest)
        last = int(begins[-1])
        if last > begin:
            yield _rows(piece, begin, last)
        rest = [_rows(piece, last, n)]
    if rest:
        yield _joined(rest)


def _rows(piece: Piece, first: int, last: int) -> Piece:
    columns = {name: column[first:last] for name, column in piece.columns.items()}
    return Piece(columns, piece.path, piece.first_row + first, piece.done)


def _joined(pieces: Sequence[Piece]) -> Piece:
    columns = {name: np.concatenate([piece.columns[name] for piece in pieces]) for name in pieces[0].columns}
    return Piece(columns, pieces[0].path, pieces[0].first_row, pieces[-1].done)


def ahead(pieces: Generator[Piece, None, None]) -> Generator[Piece, None, None]:
    """Read the next piece in a thread of its own while the last one is evaluated.

    Parameters
    ----------
    pieces : generator of Piece
        What reads; it is closed in the end.

    Yields
    ------
    Piece
    """
    # closed last, because the reader may still be inside; it is waited for only if an interrupt did not come while it started
    with closing(pieces), ThreadPoolExecutor(1, "fastloss-reader") as reader:
        reader.submit(int).result()
        waiting = reader.submit(next, pieces, None)
        try:
            while (piece := waiting.result()) is not None:
                waiting = reader.submit(next, pieces, None)
                yield piece
        finally:
            # a generator that runs cannot be closed
            wait([waiting])
