"""Prediction files in, NumPy columns out. Files are hostile until checked: whatever one does wrong ends as a `DataError`."""

from __future__ import annotations

import ast
import math
import re
import stat
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_Reader = Callable[[Sequence[str]], Iterable[np.ndarray]]

# What numpy.save writes for numbers up to 64 bits.
_NUMBER = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1)")
# NumPy itself refuses longer headers, but only once it has read them.
_LONGEST_HEADER = 10_000
_VERSIONS = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
# No prediction file is larger; what unpacks to more than _LARGE and more than _RATIO times its size is a bomb.
_LARGEST_MEMBER = 64 << 30
_LARGE_MEMBER = 1 << 30
_LARGEST_RATIO = 1000
_LONGEST_MESSAGE = 1000


class DataError(Exception):
    """A file cannot be read as numbers; the message is one line that names it."""


@dataclass(frozen=True)
class Table:
    """The columns of one file, of which only those asked for are read.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        Names of the columns, of the members of an .npz file; a .npy file is one column called like the file.
    """

    path: Path
    columns: tuple[str, ...]
    _reader: _Reader

    def read(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Read columns, in one pass over the file.

        Parameters
        ----------
        names : iterable of str
            Names of columns; repeated ones are read once.

        Returns
        -------
        dict of str to ndarray
            Floating, integer or boolean arrays. Missing numbers are NaN, and columns that miss some are floating.

        Raises
        ------
        DataError
            There is no such column, or it holds no numbers.
        """
        wanted = list(dict.fromkeys(names))
        with _errors_about(self.path):
            for name in wanted:
                if self.columns.count(name) != 1:
                    raise DataError(_wrong_column(name, self.columns))
            return dict(zip(wanted, self._reader(wanted), strict=True))

    def read_only_column(self) -> np.ndarray:
        """Read a file that holds nothing but one column.

        Returns
        -------
        ndarray

        Raises
        ------
        DataError
            The file has more columns, or the column holds no numbers.
        """
        if len(self.columns) != 1:
            raise DataError(f"{self.path}: one column is expected here; it has {len(self.columns)}: {_listed(self.columns)}")
        return self.read(self.columns)[self.columns[0]]


def open_table(path: str | Path) -> Table:
    """Open a prediction file: .csv, .csv.gz, .parquet, .arrow, .feather, .npy or .npz.

    Parameters
    ----------
    path : str or Path
        A regular file.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        The file is missing, unreadable, truncated, or of another kind.
    """
    path = Path(path)
    with _errors_about(path):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise DataError("is a directory" if stat.S_ISDIR(mode) else "is not a regular file")
        suffix = next((known for known in _FORMATS if path.name.lower().endswith(known)), None)
        if suffix is None:
            raise DataError(f"has none of the known endings {', '.join(_FORMATS)}")
        columns, reader = _FORMATS[suffix](path)
        return Table(path, tuple(columns), reader)


def one_line(message: str) -> str:
    """Make one printable line of bounded length of a message that may quote a file.

    Parameters
    ----------
    message : str
        Any text.

    Returns
    -------
    str
    """
    text = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Turn every error into a `DataError` that names the file."""
    try:
        yield
    except OSError as error:
        raise DataError(one_line(f"{path}: {error.strerror or error}")) from error
    # the parsers of five formats on bytes that may be anything: no list of their exceptions would be complete
    except Exception as error:
        raise DataError(one_line(f"{path}: {error or type(error).__name__}")) from error


def _wrong_column(name: str, columns: Sequence[str]) -> str:
    if name in columns:
        return f"has {columns.count(name)} columns called {name!r}"
    near = get_close_matches(name, columns, n=1)
    return f"has no column {name!r}. {f'Did you mean {near[0]!r}? ' if near else ''}Its columns: {_listed(columns)}"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns[:20])) + (", ..." if len(columns) > 20 else "")


# ---- Arrow: tables ---------------------------------------------------------------------------------------------


def _arrow(module: str, path: Path) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise DataError(f"reading {path.suffix} needs pyarrow: pip install 'fastloss[cli]'") from None


def _open_csv(path: Path) -> tuple[Sequence[str], _Reader]:
    csv = _arrow("pyarrow.csv", path)
    in_order = csv.ReadOptions(use_threads=False)

    def read(names: Sequence[str]) -> Iterable[np.ndarray]:
        options = csv.ConvertOptions(include_columns=names)
        try:
            table = csv.read_csv(path, convert_options=options)
            others = {field.name: field.type for field in table.schema if not _holds_numbers(field.type)}
        except ValueError:
            others = {}
        else:
            if not others:
                return _to_numpy(table, names)
        # something is wrong; Arrow says in which row when it reads in order and knows that numbers must come
        options.column_types = dict.fromkeys(others, "float64")
        try:
            table = csv.read_csv(path, in_order, convert_options=options)
        except ValueError as error:
            found = ", ".join(f"type {kind} in column {name!r}" for name, kind in others.items())
            raise DataError(f"expected numbers, got {found}: {error}" if found else str(error)) from error
        return _to_numpy(table, names)

    with csv.open_csv(path, in_order) as batches:
        return batches.schema.names, read


def _open_parquet(path: Path) -> tuple[Sequence[str], _Reader]:
    parquet = _arrow("pyarrow.parquet", path)

    def read(names: Sequence[str]) -> Iterable[np.ndarray]:
        with parquet.ParquetFile(path) as file:
            return _to_numpy(file.read(columns=names), names)

    with parquet.ParquetFile(path) as file:
        return file.schema_arrow.names, read


def _open_arrow(path: Path) -> tuple[Sequence[str], _Reader]:
    pyarrow, ipc = _arrow("pyarrow", path), _arrow("pyarrow.ipc", path)

    def read(names: Sequence[str]) -> Iterable[np.ndarray]:
        options = ipc.IpcReadOptions(included_fields=[columns.index(name) for name in names])
        with pyarrow.OSFile(str(path)) as source, ipc.open_file(source, options=options) as file:
            return _to_numpy(file.read_all(), names)

    with pyarrow.OSFile(str(path)) as source, ipc.open_file(source) as file:
        columns = file.schema.names
        return columns, read


def _holds_numbers(kind: Any) -> bool:
    types = import_module("pyarrow.types")
    return types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)


def _to_numpy(table: Any, names: Sequence[str]) -> list[np.ndarray]:
    """Columns of an Arrow table as arrays: the same memory where it is one piece and complete."""
    arrays = []
    for name in names:
        column = table.column(name)
        if not _holds_numbers(column.type):
            raise DataError(f"expected numbers, got type {column.type} in column {name!r}")
        column.validate()
        if column.null_count and not import_module("pyarrow.types").is_floating(column.type):
            # NaN takes a floating type, in which integers beyond 2**53 are rounded
            column = column.cast("float64", safe=False)
        arrays.append(column.to_numpy())
    return arrays


# ---- NumPy: arrays ---------------------------------------------------------------------------------------------


def _open_npy(path: Path) -> tuple[Sequence[str], _Reader]:
    def read(names: Sequence[str]) -> Iterable[np.ndarray]:
        with path.open("rb") as file:
            return [np.lib.format.read_array(file, allow_pickle=False) for _ in names]

    with path.open("rb") as file:
        _check_npy(file, path.stat().st_size)
    return [path.stem], read


def _open_npz(path: Path) -> tuple[Sequence[str], _Reader]:
    def read(names: Sequence[str]) -> Iterable[np.ndarray]:
        arrays = []
        with zipfile.ZipFile(path) as archive:
            for name in names:
                member = archive.getinfo(members[name])
                _check_size(member)
                with archive.open(member) as file:
                    _check_npy(file, member.file_size)
                with archive.open(member) as file:
                    arrays.append(np.lib.format.read_array(file, allow_pickle=False))
        return arrays

    with zipfile.ZipFile(path) as archive:
        files = archive.namelist()
    # names are keys of this dictionary and nothing else: nothing is ever extracted
    members = {name.removesuffix(".npy"): name for name in files}
    if len(members) < len(files):
        raise DataError("holds two arrays of the same name")
    return list(members), read


def _check_size(member: zipfile.ZipInfo) -> None:
    ratio = member.file_size / max(1, member.compress_size)
    if member.file_size > _LARGEST_MEMBER or (member.file_size > _LARGE_MEMBER and ratio > _LARGEST_RATIO):
        raise DataError(
            f"refusing to unpack {member.filename!r}: it claims {member.file_size} bytes, {ratio:.0f} times its packed size"
        )


def _check_npy(file: BinaryIO, size: int) -> None:
    """Refuse what is no array of numbers, or not of the size it claims, before NumPy reads it."""
    magic = np.lib.format.MAGIC_PREFIX
    start = file.read(len(magic) + 2)
    if not start.startswith(magic):
        raise DataError("is no .npy array: its first bytes are wrong")
    version = tuple(start[len(magic) :])
    if version not in _VERSIONS:
        raise DataError(f"has the unknown .npy version {'.'.join(map(str, version))}")
    length = int.from_bytes(file.read(_VERSIONS[version]), "little")
    rest = size - len(start) - _VERSIONS[version] - length
    if length > _LONGEST_HEADER or rest < 0:
        raise DataError(f"claims an .npy header of {length} bytes in a file of {size}; at most {_LONGEST_HEADER} are read")
    dtype, shape = _parse_header(file.read(length))
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != rest:
        raise DataError(f"claims {dtype} numbers of shape {shape}, which are {claimed} bytes; it holds {rest}")


def _parse_header(text: bytes) -> tuple[np.dtype, tuple[int, ...]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = ast.literal_eval(text.decode("ascii").strip())
        kind, fortran_order, shape = (header.pop(key) for key in ("descr", "fortran_order", "shape"))
    except (ValueError, SyntaxError, TypeError, KeyError, AttributeError, MemoryError, RecursionError):
        raise DataError("has an unreadable .npy header") from None
    if header or not isinstance(fortran_order, bool) or not isinstance(shape, tuple):
        raise DataError("has an unreadable .npy header")
    if not (isinstance(kind, str) and _NUMBER.fullmatch(kind)):
        raise DataError(f"holds items of type {kind!r}; expected real numbers (float, int or bool, up to 64 bits)")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise DataError(f"claims the impossible shape {shape}")
    return np.dtype(kind), shape


_FORMATS: dict[str, Callable[[Path], tuple[Sequence[str], _Reader]]] = {
    ".csv": _open_csv,
    ".csv.gz": _open_csv,
    ".parquet": _open_parquet,
    ".arrow": _open_arrow,
    ".feather": _open_arrow,
    ".npy": _open_npy,
    ".npz": _open_npz,
}
