"""Prediction files in, NumPy columns out, some rows at a time: memory stays flat however long a file is.

Files are hostile until checked: whatever one does wrong ends as a `DataError`.
"""

from __future__ import annotations

import ast
import math
import os
import re
import shutil
import stat
import sys
import warnings
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

# A batch's columns by name, and the numbers of the groups by the `Keys` that gave them.
if TYPE_CHECKING:
    from io import BufferedIOBase

_Columns = dict["str | Keys", np.ndarray]
# Yields batches, each with the share of the file that has been read.
_Reader = Callable[[Sequence[str], "Keys | None"], Iterator[tuple[_Columns, float]]]

# A batch holds about so many numbers: few enough for flat memory, enough to make the cost of a batch disappear.
_NUMBERS_PER_BATCH = 1 << 19
# What a column of a Parquet file and a block of a CSV file is read by. No line of a CSV file can be longer.
_BUFFER_BYTES = 1 << 20
_BLOCK_BYTES = 4 << 20

# What numpy.save writes for numbers up to 64 bits.
_NUMBER = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1)")
# Text that stands for an integer and is what this integer is written as.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
# NumPy itself refuses longer headers, but only once it has read them.
_LONGEST_HEADER = 10_000
_VERSIONS: dict[tuple[int, ...], int] = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
# No prediction file is larger; what unpacks to more than _LARGE and more than _RATIO times its size is a bomb.
_LARGEST_MEMBER = 64 << 30
_LARGE_MEMBER = 1 << 30
_LARGEST_RATIO = 1000
# An evaluation for each group is kept in memory.
_MOST_GROUPS = 100_000
_LONGEST_MESSAGE = 1000
#: The name that stands for the standard input.
STDIN = "-"


class DataError(Exception):
    """A file cannot be read as numbers; the message is one line that names it."""


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a file.

    Attributes
    ----------
    columns : dict of str or Keys to ndarray
        Floating, integer or boolean arrays of equally many rows. Missing numbers are NaN, and what misses some is floating.
        The numbers of the groups are those of the `Keys`.
    first_row : int
        Which row of the file is the first one here, counted from 0 without a header.
    done : float
        How many bytes of the file have been read, about.
    """

    columns: _Columns
    first_row: int
    done: float


@dataclass(frozen=True)
class Table:
    """The columns of one file, of which only those asked for are read.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        Names of the columns, of the members of an .npz file; a .npy file is one column called like the file.
    size : int
        Bytes of the file.
    """

    path: Path
    columns: tuple[str, ...]
    size: int
    _reader: _Reader

    def batches(self, names: Iterable[str], keys: Keys | None = None) -> Generator[Batch, None, None]:
        """Read columns, in one pass over the file.

        Parameters
        ----------
        names : iterable of str
            Names of columns; repeated ones are read once.
        keys : Keys, default=None
            Reads the column that it names, too, as numbers of its different values.

        Yields
        ------
        Batch
            At least one, which may have no rows.

        Raises
        ------
        DataError
            There is no such column, or it holds no numbers.
        """
        wanted = list(dict.fromkeys(names))
        self.check_columns(_with(keys, wanted))
        first_row = 0
        with _errors_about(self.path):
            for columns, share in self._reader(wanted, keys):
                yield Batch(columns, first_row, share * self.size)
                first_row += n_rows(columns)

    def check_columns(self, names: Iterable[str]) -> None:
        """Raise `DataError` for a name that is not the one of one column."""
        with _errors_about(self.path):
            for name in names:
                if self.columns.count(name) != 1:
                    raise DataError(_wrong_column(name, self.columns))

    def only_column(self) -> str:
        """Return the name of the column of a file that has nothing else; raise `DataError` for more."""
        if len(self.columns) != 1:
            raise DataError(f"{self.path}: one column is expected here; it has {len(self.columns)}: {_listed(self.columns)}")
        return self.columns[0]


class Keys:
    """Numbers the different values of a column by which samples are grouped: strings, integers, truth values or dates.

    Parameters
    ----------
    column : str
        The name of the column.

    Attributes
    ----------
    column : str
        As given.
    values : list of str, int or None
        The different values, in the order in which they came; None for missing ones. Text that is an integer is one, and truth
        values and dates are text.
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.values: list[str | int | None] = []
        self._numbers: dict[str | int | None, int] = {}

    def number(self, array: Any) -> np.ndarray:
        """Find the number of each value of an Arrow array.

        Parameters
        ----------
        array : pyarrow.Array
            Some rows of the column.

        Returns
        -------
        ndarray of intp
            Positions in `values`.
        """
        types = import_module("pyarrow.types")
        # positions and lengths within the array may be lies, too
        array.validate(full=True)
        kind = array.type.value_type if types.is_dictionary(array.type) else array.type
        if types.is_boolean(kind) or types.is_temporal(kind):
            array = array.cast(kind).cast("string")
        elif not (types.is_integer(kind) or types.is_null(kind) or _holds_text(kind)):
            raise DataError(f"samples are grouped by strings, integers or dates; got type {kind} in column {self.column!r}")
        if not types.is_dictionary(array.type):
            array = array.dictionary_encode()
        values = array.dictionary.to_pylist()
        places = array.indices
        if places.null_count:
            places = places.cast("int64").fill_null(len(values))
            values.append(None)
        return self._translate(values, _as_numpy(places))

    def number_integers(self, array: np.ndarray) -> np.ndarray:
        """Find the number of each value of an integer or boolean array."""
        if array.dtype.kind not in "iub" or array.ndim != 1:
            what = f"dtype {array.dtype} and shape {array.shape}"
            raise DataError(f"samples are grouped by one column of strings, integers or dates; got {what} in {self.column!r}")
        found, places = np.unique(array, return_inverse=True)
        values = found.tolist() if array.dtype.kind != "b" else [str(value).lower() for value in found.tolist()]
        return self._translate(values, places)

    def _translate(self, values: Sequence[str | int | None], places: np.ndarray) -> np.ndarray:
        # files without types hold integers as text
        values = [int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value for value in values]
        for value in values:
            if self._numbers.setdefault(value, len(self.values)) == len(self.values):
                self.values.append(value)
        if len(self.values) > _MOST_GROUPS:
            raise DataError(f"column {self.column!r} has more than {_MOST_GROUPS:,} different values: too many to group by")
        return np.array([self._numbers[value] for value in values], np.intp)[places]


def n_rows(columns: Mapping[Any, np.ndarray]) -> int:
    """Count the rows of a batch; an array without axes has one.

    Parameters
    ----------
    columns : mapping to ndarray
        Arrays of equally many rows.

    Returns
    -------
    int
    """
    return next((len(array) if array.ndim else 1 for array in columns.values()), 0)


def _share(done: int, rows: int) -> float:
    return min(1.0, done / rows) if rows else 1.0


def _with(keys: Keys | None, names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*names, keys.column] if keys else names))


def open_table(path: str | Path, separator: str | None = None) -> Table:
    """Open a prediction file: .csv, .tsv, .csv.gz, .tsv.gz, .parquet, .arrow, .feather, .npy or .npz.

    Parameters
    ----------
    path : str or Path
        A regular file, or ``"-"`` for CSV from the standard input, which is put aside in a temporary file: it is read twice.
    separator : str, default=None
        What stands between the cells of files of text; None: a tab in .tsv files, else a comma.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        The file is missing, unreadable, truncated, or of another kind.
    """
    if str(path) == STDIN:
        path = Path("standard input")
        with _errors_about(path):
            file, size = _put_aside(sys.stdin)
            columns, reader = _open_csv(path, separator or ",", file)
            return Table(path, tuple(columns), size, reader)
    path = Path(path)
    with _errors_about(path):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DataError("is a directory" if stat.S_ISDIR(found.st_mode) else "is not a regular file")
        suffix = next((known for known in _FORMATS if path.name.lower().endswith(known)), None)
        if suffix is None:
            raise DataError(f"has none of the known endings {', '.join(_FORMATS)}")
        columns, reader = _FORMATS[suffix](path, separator) if suffix in _TEXT else _FORMATS[suffix](path)
        return Table(path, tuple(columns), found.st_size, reader)


def _put_aside(stream: Any) -> tuple[BinaryIO, int]:
    """Copy what comes in to a file without a name, which goes when it is closed."""
    if stream is None or stream.isatty():
        raise DataError("is a terminal, or closed: pipe a table into it")
    file = TemporaryFile()  # noqa: SIM115 - the reader keeps it
    shutil.copyfileobj(stream.buffer, file)
    return file, file.tell()


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
        raise DataError(f"reading {path.suffix or '.csv'} needs pyarrow: pip install 'fastloss[cli]'") from None


def _open_csv(path: Path, separator: str | None, aside: BinaryIO | None = None) -> tuple[Sequence[str], _Reader]:
    pyarrow, csv = _arrow("pyarrow", path), _arrow("pyarrow.csv", path)
    tabs = path.name.lower().removesuffix(".gz").endswith(".tsv")
    cells = csv.ParseOptions(delimiter=separator or ("\t" if tabs else ","))
    # in order, so that messages have the numbers of rows
    in_order = csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)

    def open_again() -> Any:
        if aside is None:
            return pyarrow.OSFile(str(path))
        aside.seek(0)
        return pyarrow.PythonFile(os.fdopen(os.dup(aside.fileno()), "rb"), "r")

    @contextmanager
    def stream(**options: Any) -> Iterator[tuple[Any, Callable[[], float]]]:
        with open_again() as file:
            source = pyarrow.CompressedInputStream(file, "gzip") if path.name.lower().endswith(".gz") else file
            size = file.size()
            with csv.open_csv(source, in_order, cells, csv.ConvertOptions(**options)) as batches:
                yield batches, lambda: _share(file.tell(), size)

    def types_of(names: Sequence[str], given: dict[str, str]) -> dict[str, Any]:
        with stream(include_columns=names, column_types=given) as (batches, _):
            return {field.name: field.type for field in batches.schema}

    def read(names: Sequence[str], keys: Keys | None) -> Iterator[tuple[_Columns, float]]:
        everything = _with(keys, names)
        # groups are text, whatever they look like in the first block
        given = {keys.column: "string"} if keys and keys.column not in names else {}
        first = {name: kind for name, kind in types_of(everything, given).items() if name in names}
        # Arrow takes the type of the first block for that of the column. What is none of numbers there may miss its numbers
        given |= {name: "float64" for name, kind in first.items() if not _holds_numbers(kind)}
        strange = {name: kind for name, kind in first.items() if name in given and str(kind) != "null"}
        # integers may become floating after the first block: read again as such, without what is known already
        integers = {name: "float64" for name, kind in first.items() if str(kind) == "int64"}
        known = 0
        for kinds in (given, given | integers) if integers else (given,):
            row = 0
            try:
                with stream(include_columns=everything, column_types=kinds) as (batches, share):
                    for batch in batches:
                        row += batch.num_rows
                        if row > known:
                            known = row
                            yield _numbered(batch, names, keys), share()
                    if not known:
                        yield _without_rows(batches.schema, names, keys), 1.0
                return
            except ValueError as error:
                if kinds is given and integers and "CSV conversion error to int64" in str(error):
                    continue
                found = ", ".join(f"type {kind} in column {name!r}" for name, kind in strange.items())
                raise DataError(f"expected numbers, got {found}: {error}" if found else str(error)) from error

    with stream() as (batches, _):
        return batches.schema.names, read


def _open_parquet(path: Path) -> tuple[Sequence[str], _Reader]:
    parquet = _arrow("pyarrow.parquet", path)

    def open_file(keys: Keys | None = None) -> Any:
        # groups are text that repeats; without a buffer, a whole row group would be read at once
        texts = [keys.column] if keys else []
        return parquet.ParquetFile(path, read_dictionary=texts, pre_buffer=False, buffer_size=_BUFFER_BYTES)

    def read(names: Sequence[str], keys: Keys | None) -> Iterator[tuple[_Columns, float]]:
        with open_file(keys) as file:
            everything = _with(keys, names)
            _check_types(file.schema_arrow, names)
            done = 0
            for batch in file.iter_batches(_rows_per_batch(len(everything)), columns=everything):
                done += batch.num_rows
                yield _numbered(batch, names, keys), _share(done, file.metadata.num_rows)
            if not done:
                yield _without_rows(file.schema_arrow, names, keys), 1.0

    with open_file() as file:
        return file.schema_arrow.names, read


def _open_arrow(path: Path) -> tuple[Sequence[str], _Reader]:
    pyarrow, ipc = _arrow("pyarrow", path), _arrow("pyarrow.ipc", path)

    def read(names: Sequence[str], keys: Keys | None) -> Iterator[tuple[_Columns, float]]:
        everything = _with(keys, names)
        options = ipc.IpcReadOptions(included_fields=[columns.index(name) for name in everything])
        rows = _rows_per_batch(len(everything))
        with pyarrow.OSFile(str(path)) as source, ipc.open_file(source, options=options) as file:
            _check_types(file.schema, names)
            batches = file.num_record_batches
            for i in range(batches):
                # nothing less than a batch of the file can be read: memory is that of its largest one
                batch = file.get_batch(i)
                for start in range(0, max(1, batch.num_rows), rows):
                    share = _share(start + rows, batch.num_rows)
                    yield _numbered(batch.slice(start, rows), names, keys), (i + share) / batches
            if not batches:
                yield _without_rows(file.schema, names, keys), 1.0

    with pyarrow.OSFile(str(path)) as source, ipc.open_file(source) as file:
        columns = file.schema.names
        return columns, read


def _holds_numbers(kind: Any) -> bool:
    types = import_module("pyarrow.types")
    return types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)


def _holds_text(kind: Any) -> bool:
    types = import_module("pyarrow.types")
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _check_types(schema: Any, names: Sequence[str]) -> None:
    for name in names:
        kind = schema.field(name).type
        if not _holds_numbers(kind):
            raise DataError(f"expected numbers, got type {kind} in column {name!r}")


def _numbered(batch: Any, names: Sequence[str], keys: Keys | None) -> _Columns:
    """Columns of a batch of Arrow's as arrays: the same memory where they are complete."""
    columns: _Columns = {}
    for name in names:
        column = batch.column(name)
        column.validate()
        if column.null_count and not import_module("pyarrow.types").is_floating(column.type):
            # NaN takes a floating type, in which integers beyond 2**53 are rounded
            column = column.cast("float64", safe=False)
        columns[name] = _as_numpy(column)
    if keys:
        columns[keys] = keys.number(batch.column(keys.column))
    return columns


def _as_numpy(column: Any) -> np.ndarray:
    if column.null_count or str(column.type) == "bool":
        return column.to_numpy(zero_copy_only=False)
    # to_numpy would import pandas, for longer than many a file takes to read
    return np.from_dlpack(column)


def _dtype_of(kind: Any) -> np.dtype:
    """Find NumPy's type for one of Arrow's, which itself may ask pandas; what has no rows may have no type."""
    types = import_module("pyarrow.types")
    if types.is_integer(kind) or types.is_floating(kind):
        letter = "f" if types.is_floating(kind) else "u" if types.is_unsigned_integer(kind) else "i"
        return np.dtype(f"{letter}{kind.bit_width // 8}")
    return np.dtype(bool if types.is_boolean(kind) else float)


def _without_rows(schema: Any, names: Sequence[str], keys: Keys | None) -> _Columns:
    columns: _Columns = {name: np.empty(0, _dtype_of(schema.field(name).type)) for name in names}
    return columns | {keys: np.empty(0, np.intp)} if keys else columns


def _rows_per_batch(width: int) -> int:
    return max(1, _NUMBERS_PER_BATCH // max(1, width))


# ---- NumPy: arrays ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Array:
    """What the header of an .npy file says, and where the numbers begin."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran_order: bool
    start: int

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 1

    def read(self, file: BufferedIOBase, per_batch: int) -> Iterator[np.ndarray]:
        """Read rows from a file that stands where the numbers begin; at least one array, which may have no rows."""
        if 0 in self.shape:
            yield np.empty(self.shape, self.dtype)
            return
        by_columns = self.fortran_order and len(self.shape) > 1
        for first in range(0, self.rows, per_batch):
            length = min(per_batch, self.rows - first)
            shape = (length, *self.shape[1:]) if self.shape else ()
            array = np.empty(shape, self.dtype, order="F" if by_columns else "C")
            if by_columns:
                columns = array.reshape(length, -1, order="F")
                for i in range(columns.shape[1]):
                    if length < self.rows:
                        file.seek(self.start + (i * self.rows + first) * self.dtype.itemsize)
                    _fill(file, columns[:, i])
            else:
                _fill(file, array)
            yield array


def _fill(file: BufferedIOBase, array: np.ndarray) -> None:
    """Read as many bytes as a contiguous array has."""
    view = array.reshape(-1).view(np.uint8)
    filled = 0
    while filled < view.size:
        count = file.readinto(view.data[filled:])
        if not count:
            raise DataError(f"ended {view.size - filled} bytes early: it became shorter while it was read, or is damaged")
        filled += count


def _grouped(columns: _Columns, keys: Keys | None) -> _Columns:
    return columns | {keys: keys.number_integers(columns[keys.column])} if keys else columns


def _open_npy(path: Path) -> tuple[Sequence[str], _Reader]:
    def read(names: Sequence[str], keys: Keys | None) -> Iterator[tuple[_Columns, float]]:
        with path.open("rb") as file:
            array = _check_npy(file, path.stat().st_size)
            done = 0
            for part in array.read(file, _rows_per_batch(math.prod(array.shape[1:]))):
                columns: _Columns = {path.stem: part}
                done += n_rows(columns)
                yield _grouped(columns, keys), _share(done, array.rows)

    with path.open("rb") as file:
        _check_npy(file, path.stat().st_size)
    return [path.stem], read


def _open_npz(path: Path) -> tuple[Sequence[str], _Reader]:
    def read(names: Sequence[str], keys: Keys | None) -> Iterator[tuple[_Columns, float]]:
        everything = _with(keys, names)
        with zipfile.ZipFile(path) as archive, ExitStack() as files:
            # what zipfile opens is one of BufferedIOBase, but is not said to be
            streams: dict[str, Any] = {}
            arrays = {}
            for name in everything:
                member = archive.getinfo(members[name])
                _check_size(member)
                streams[name] = files.enter_context(archive.open(member))
                arrays[name] = _check_npy(streams[name], member.file_size)
            rows = {name: array.rows for name, array in arrays.items()}
            if len(set(rows.values())) > 1:
                counts = ", ".join(f"{count} in {name!r}" for name, count in rows.items())
                raise DataError(f"its arrays must have equally many rows; got {counts}")
            per_batch = _rows_per_batch(sum(math.prod(array.shape[1:]) for array in arrays.values()))
            if any(array.fortran_order and len(array.shape) > 1 for array in arrays.values()):
                # there is no going back in a packed file: everything is read at once
                per_batch = max(1, *rows.values())
            done = 0
            for parts in zip(*(arrays[name].read(streams[name], per_batch) for name in everything), strict=True):
                columns: _Columns = dict(zip(everything, parts, strict=True))
                done += n_rows(columns)
                yield _grouped(columns, keys), _share(done, max(rows.values()))
            for stream in streams.values():
                # the checksum is compared at the very end
                stream.read(1)

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


def _check_npy(file: BufferedIOBase, size: int) -> _Array:
    """Read a header; refuse what is no array of numbers, or not of the size it claims, before memory is taken for it."""
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
    dtype, shape, fortran_order = _parse_header(file.read(length))
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != rest:
        raise DataError(f"claims {dtype} numbers of shape {shape}, which are {claimed} bytes; it holds {rest}")
    return _Array(dtype, shape, fortran_order, size - rest)


def _parse_header(text: bytes) -> tuple[np.dtype, tuple[int, ...], bool]:
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
    return np.dtype(kind), shape, fortran_order


_FORMATS: dict[str, Callable[..., tuple[Sequence[str], _Reader]]] = {
    ".csv": _open_csv,
    ".csv.gz": _open_csv,
    ".tsv": _open_csv,
    ".tsv.gz": _open_csv,
    ".parquet": _open_parquet,
    ".arrow": _open_arrow,
    ".feather": _open_arrow,
    ".npy": _open_npy,
    ".npz": _open_npz,
}
# Those that are text, whose cells have a separator.
_TEXT = frozenset(suffix for suffix, reader in _FORMATS.items() if reader is _open_csv)
