"""Reading prediction files: every format, and every way in which a file can be wrong (faults.md, section 2G)."""

from __future__ import annotations

import datetime
import gzip
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastloss import _readers
from fastloss._readers import DataError, Keys, n_rows, one_line, open_table

NUMBERS = np.array([0.1, -2.5, 1e300, 5e-324])
COUNTS = np.array([3, -1, 2**62 + 1, 0])


def read(path: Path, names: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Whole columns (all by default), put together from the batches."""
    table = open_table(path)
    batches = list(table.batches(names or table.columns))
    assert [batch.first_row for batch in batches] == [0, *np.cumsum([n_rows(batch.columns) for batch in batches])[:-1]]
    assert batches[-1].done == pytest.approx(table.size)
    columns = {name: [batch.columns[name] for batch in batches] for name in batches[0].columns}
    return {name: np.concatenate(parts) if len(parts) > 1 else parts[0] for name, parts in columns.items()}


def only(path: Path) -> np.ndarray:
    return read(path, [open_table(path).only_column()])[open_table(path).only_column()]


def failure(path: Path, *names: str) -> str:
    """The message of reading columns (all by default) of a file; the file's name is taken off its front."""
    with pytest.raises(DataError) as caught:
        read(path, names)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def npy_header(text: str | bytes, data: bytes = b"", version: tuple[int, int] = (1, 0), length: int | None = None) -> bytes:
    header = text.encode() if isinstance(text, str) else text
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header) if length is None else length)
    return b"\x93NUMPY" + bytes(version) + size + header + data


def described(descr: object = "<f8", shape: object = (2,), data: bytes = bytes(16)) -> bytes:
    return npy_header(repr({"descr": descr, "fortran_order": False, "shape": shape}) + "\n", data)


# ---- tables ------------------------------------------------------------------------------------------------------


def write_table(path: Path, table: pa.Table) -> None:
    cells = pa.csv.WriteOptions(delimiter="\t" if ".tsv" in path.name else ",")
    if path.suffix == ".gz":
        with gzip.open(path, "wb") as file:
            pa.csv.write_csv(table, file, cells)
    elif path.suffix in (".csv", ".tsv"):
        pa.csv.write_csv(table, path, cells)
    elif path.suffix == ".parquet":
        pa.parquet.write_table(table, path)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(str(path), table.schema) as file:
            file.write_table(table)
    else:
        pa.feather.write_feather(table, str(path))


@pytest.fixture(params=[".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".arrow", ".feather"])
def table_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A table of every kind, with missing numbers and a column of text."""
    path = tmp_path / f"table{request.param}"
    columns = {
        "label": pa.array(COUNTS),
        "score": pa.array(NUMBERS),
        "gaps": pa.array([1.5, None, 2.5, None]),
        "counts_with_gaps": pa.array([1, None, 3, 4]),
        "yes": pa.array([True, False, True, True]),
        "yes_with_gaps": pa.array([True, False, None, True]),
        "name": pa.array(["a", "b", "c", "d"]),
    }
    write_table(path, pa.table(columns))
    return path


def test_columns(table_file: Path) -> None:
    table = open_table(table_file)
    assert table.columns == ("label", "score", "gaps", "counts_with_gaps", "yes", "yes_with_gaps", "name")
    # the order asked for, each once
    arrays = read(table_file, ["score", "label", "yes", "score"])
    assert list(arrays) == ["score", "label", "yes"]
    for array, expected in zip(arrays.values(), (NUMBERS, COUNTS, np.array([True, False, True, True])), strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


def test_missing_numbers_are_nan(table_file: Path) -> None:
    arrays = read(table_file, ["gaps", "counts_with_gaps", "yes_with_gaps"])
    expected = [1.5, np.nan, 2.5, np.nan], [1.0, np.nan, 3.0, 4.0], [1.0, 0.0, np.nan, 1.0]
    for array, numbers in zip(arrays.values(), expected, strict=True):
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, numbers)


def test_text_is_refused_where_it_is_asked_for(table_file: Path) -> None:
    assert failure(table_file, "label", "name").startswith("expected numbers, got type string in column 'name'")


def test_unknown_column_lists_the_columns(table_file: Path) -> None:
    message = failure(table_file, "scor")
    assert message.startswith("has no column 'scor'. Did you mean 'score'? Its columns: 'label', 'score', 'gaps', ")
    assert "mean" not in failure(table_file, "zzz")


def test_one_column_is_expected(table_file: Path) -> None:
    with pytest.raises(DataError, match=r"one column is expected here; it has 7: 'label', 'score', "):
        open_table(table_file).only_column()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint64", "bool"])
def test_parquet_keeps_dtypes(tmp_path: Path, dtype: str) -> None:
    numbers = np.array([0, 1, 1, 0], dtype)
    pa.parquet.write_table(pa.table({"x": numbers}), tmp_path / "x.parquet")
    array = only(tmp_path / "x.parquet")
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, numbers)


def test_complete_columns_are_not_copied() -> None:
    numbers = np.arange(5.0)
    batch = pa.record_batch({"x": pa.array(numbers)})
    assert np.shares_memory(_readers._numbered(batch, ["x"], None)["x"], numbers)


def test_row_groups_are_joined(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=1000)
    pa.parquet.write_table(pa.table({"x": numbers}), tmp_path / "x.parquet", row_group_size=64)
    np.testing.assert_array_equal(only(tmp_path / "x.parquet"), numbers)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("timestamp", pa.array([0], pa.timestamp("us"))),
        ("struct", pa.array([{"a": 1.0}])),
        ("list", pa.array([[1.0]])),
        ("decimal128", pa.array([1]).cast(pa.decimal128(20))),
        ("dictionary", pa.array(["a"]).dictionary_encode()),
    ],
)
def test_other_types_are_refused(tmp_path: Path, kind: str, values: pa.Array) -> None:
    pa.parquet.write_table(pa.table({"x": values}), tmp_path / "x.parquet")
    assert failure(tmp_path / "x.parquet").startswith(f"expected numbers, got type {kind}")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather", ".csv.gz", ".npz"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_truncated_files(tmp_path: Path, suffix: str, keep: float) -> None:
    path = tmp_path / f"x{suffix}"
    numbers = np.random.default_rng(0).normal(size=1000)
    if suffix == ".npz":
        np.savez_compressed(path, x=numbers)
    else:
        write_table(path, pa.table({"x": numbers}))
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    assert failure(path)


@pytest.mark.parametrize("suffix", list(_readers._FORMATS))
def test_garbage(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"\x00\xff\xfe garbage \x01\n" * 50)
    assert failure(path)


@pytest.mark.parametrize("suffix", list(_readers._FORMATS))
def test_empty_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.touch()
    assert failure(path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".arrow"])
def test_pyarrow_is_missing(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / f"x{suffix}"
    path.touch()
    assert failure(path) == f"reading {suffix} needs pyarrow: pip install 'fastloss[cli]'"
    np.save(tmp_path / "x.npy", NUMBERS)
    np.testing.assert_array_equal(only(tmp_path / "x.npy"), NUMBERS)


# ---- CSV ---------------------------------------------------------------------------------------------------------


def read_csv(folder: Path, text: str | bytes) -> dict[str, np.ndarray]:
    path = folder / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2.5", " 3 "], [1, 2.5, 3]),
        (["nan", "NaN", "NA", "", "1"], [np.nan, np.nan, np.nan, np.nan, 1]),
        (["inf", "-inf", "1e400", "-1e400"], [np.inf, -np.inf, np.inf, -np.inf]),
        (["1e-400", "5e-324", "+1", ".5", "1E3"], [0, 5e-324, 1, 0.5, 1000]),
        (['"1"', "2"], [1, 2]),
        (["true", "false"], [1, 0]),
        (["18446744073709551616", "1"], [2.0**64, 1]),
    ],
)
def test_csv_numbers(tmp_path: Path, cells: list[str], expected: list[float]) -> None:
    rows = "".join(f"{cell},0\n" for cell in cells)
    np.testing.assert_array_equal(read_csv(tmp_path, f"x,y\n{rows}")["x"], expected)


def test_separators(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('a;b\n1;"2"\n3;4\n')
    (tmp_path / "x.tsv").write_text("a\tb\n1\t2\n3\t4\n")
    for name, separator in (("x.csv", ";"), ("x.tsv", None), ("x.tsv", "\t")):
        (batch,) = open_table(tmp_path / name, separator).batches(["a", "b"])
        np.testing.assert_array_equal(batch.columns["a"] * 10 + batch.columns["b"], [12, 34])
    assert open_table(tmp_path / "x.csv").columns == ("a;b",)


def test_csv_types_are_those_of_the_whole_column(tmp_path: Path) -> None:
    # integers for longer than one block of Arrow's, then something else
    text = "x\n" + "1\n" * 1_000_000 + "0.5\n"
    assert read_csv(tmp_path, text)["x"][[0, -1]].tolist() == [1.0, 0.5]


def test_csv_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    arrays = read_csv(tmp_path, b"\xef\xbb\xbfy_true,y_pred\r\n1,2\r\n3,4")
    assert {name: array.tolist() for name, array in arrays.items()} == {"y_true": [1, 3], "y_pred": [2, 4]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,2\n3,4,5\n", "Row #3: Expected 2 columns, got 3: 3,4,5"),
        ("x,y\n1,2\n3\n", "Row #3: Expected 2 columns, got 1: 3"),
        (
            "x\n1\nabc\n",
            "type string in column 'x': In CSV column #0: Row #3: CSV conversion error to double: invalid value 'abc'",
        ),
        ('x\n"1,000"\n', "invalid value '1,000'"),
        ("x\n1_000\n", "invalid value '1_000'"),
        ("x\n1.5\n0x1p3\n", "invalid value '0x1p3'"),
        ("x\n2020-01-01\n", "type date32[day] in column 'x'"),
        ("x\n\xff\n".encode("latin1"), "type binary in column 'x'"),
        ("\n\n", "cannot infer number of columns"),
        ("x,x\n1,2\n", "has 2 columns called 'x'"),
    ],
)
def test_csv_mistakes(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_csv(tmp_path, text)
    assert message in str(caught.value)


def test_csv_late_ragged_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Row #500002: Expected 2 columns, got 1: 7$"):
        read_csv(tmp_path, "x,y\n" + "1,2\n" * 500_000 + "7\n")


def test_csv_without_rows(tmp_path: Path) -> None:
    assert read_csv(tmp_path, "x\n")["x"].shape == (0,)


# ---- NumPy files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (4, 0, 2)])
def test_npy(tmp_path: Path, dtype: str, order: str, shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(0).integers(0, 2, shape).astype(order + dtype)
    np.save(tmp_path / "a.npy", numbers)
    np.savez(tmp_path / "a.npz", one=numbers, two=numbers)
    np.savez_compressed(tmp_path / "b.npz", one=numbers, two=numbers)
    assert open_table(tmp_path / "a.npy").columns == ("a",)
    assert open_table(tmp_path / "a.npz").columns == ("one", "two")
    found = [
        only(tmp_path / "a.npy"),
        read(tmp_path / "a.npz", ["two"])["two"],
        read(tmp_path / "b.npz", ["one"])["one"],
    ]
    for array in found:
        assert array.dtype == numbers.dtype
        assert array.shape == shape
        np.testing.assert_array_equal(array, numbers)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_versions_and_fortran_order(tmp_path: Path, version: tuple[int, int]) -> None:
    numbers = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, numbers, version=version)
    np.testing.assert_array_equal(only(tmp_path / "a.npy"), numbers)


class Explosive:
    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("a pickle was opened",)


BAD_NPY = {
    "pickle": (pickle.dumps(Explosive()), "is no .npy array: its first bytes are wrong"),
    "empty": (b"", "is no .npy array"),
    "magic only": (b"\x93NUMPY", "has the unknown .npy version"),
    "future version": (npy_header("{}", version=(9, 1)), "has the unknown .npy version 9.1"),
    "12 bytes that claim 4 GB": (
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        "claims an .npy header of 4294967295 bytes in a file of 12",
    ),
    "header beyond the end": (npy_header("{}", length=500), "claims an .npy header of 500 bytes in a file of 12"),
    "long header": (npy_header(b" " * 20_000), "claims an .npy header of 20000 bytes"),
    "no expression": (npy_header("{'descr': "), "has an unreadable .npy header"),
    "calls": (npy_header("__import__('os').abort()"), "has an unreadable .npy header"),
    "no dictionary": (npy_header("[1, 2]"), "has an unreadable .npy header"),
    "a set": (npy_header("{1, 2}"), "has an unreadable .npy header"),
    "deep": (npy_header("(" * 9_000), "has an unreadable .npy header"),
    "many signs": (npy_header("-" * 9_000 + "1"), "has an unreadable .npy header"),
    "odd escapes": (npy_header(r"{'\d': 1}"), "has an unreadable .npy header"),
    "no ASCII": (npy_header("{'descr': 'é'}"), "has an unreadable .npy header"),
    "missing key": (npy_header("{'descr': '<f8', 'shape': (2,)}"), "has an unreadable .npy header"),
    "extra key": (
        npy_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'x': 1}", bytes(16)),
        "has an unreadable .npy header",
    ),
    "order is no bool": (npy_header("{'descr': '<f8', 'fortran_order': 1, 'shape': (2,)}", bytes(16)), "has an unreadable"),
    "shape is no tuple": (described(shape=[2]), "has an unreadable .npy header"),
    "negative shape": (described(shape=(-1,)), "claims the impossible shape (-1,)"),
    "two negative lengths": (described(shape=(-1, -2)), "claims the impossible shape (-1, -2)"),
    "fractional shape": (described(shape=(2.0,)), "claims the impossible shape (2.0,)"),
    "boolean shape": (described(shape=(True, 2)), "claims the impossible shape (True, 2)"),
    "huge shape": (described(shape=(2_000_000_000,)), "which are 16000000000 bytes; it holds 16"),
    "product overflows to zero": (described(shape=(2**32, 2**32), data=b""), f"which are {2**67} bytes; it holds 0"),
    "product overflows to the size": (described(shape=(2**61 + 2,)), f"which are {2**64 + 16} bytes; it holds 16"),
    "empty with an overflow": (described(shape=(0, 2**70), data=b""), ""),
    "truncated": (described(data=bytes(15)), "claims float64 numbers of shape (2,), which are 16 bytes; it holds 15"),
    "trailing bytes": (described(data=bytes(17)), "which are 16 bytes; it holds 17"),
    "objects": (described("|O"), "holds items of type '|O'; expected real numbers (float, int or bool, up to 64 bits)"),
    "complex": (described("<c8"), "holds items of type '<c8'"),
    "long double": (described("<f16", (1,)), "holds items of type '<f16'"),
    "text": (described("<U2"), "holds items of type '<U2'"),
    "bytes": (described("|S8"), "holds items of type '|S8'"),
    "void": (described("|V8"), "holds items of type '|V8'"),
    "dates": (described("<M8[s]"), "holds items of type '<M8[s]'"),
    "durations": (described("<m8[s]"), "holds items of type '<m8[s]'"),
    "structured": (described([("a", "<f4"), ("b", "<f4")]), "holds items of type [('a', '<f4'), ('b', '<f4')]"),
    "subarray": (described(("<f4", (2,))), "holds items of type ('<f4', (2,))"),
    "aliases": (described("float64"), "holds items of type 'float64'"),
    "trailing newline": (described("<f8\n"), "holds items of type '<f8\\n'"),
}


@pytest.mark.parametrize("name", BAD_NPY)
def test_bad_npy(tmp_path: Path, name: str) -> None:
    content, message = BAD_NPY[name]
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    assert message in failure(path)
    # the same inside an archive
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content)
    assert message in failure(path)


def test_object_arrays_are_never_unpickled(tmp_path: Path) -> None:
    array = np.array([Explosive(), 1], object)
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=array)
    for name in ("x.npy", "x.npz"):
        assert "holds items of type '|O'" in failure(tmp_path / name)


def test_sparse_file_with_a_header_of_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x02\x00\xf0\xff\xff\xff")
    os.truncate(path, 5 << 30)
    assert "claims an .npy header of 4294967280 bytes" in failure(path)


@pytest.mark.parametrize("names", [("x.npy", "x.npy"), ("x", "x.npy")])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_npz_with_duplicates(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, described())
    assert failure(path) == "holds two arrays of the same name"


def test_npz_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.zeros(1 << 20))
    assert read(path, ["x"])["x"].shape == (1 << 20,)
    monkeypatch.setattr(_readers, "_LARGE_MEMBER", 1 << 20)
    monkeypatch.setattr(_readers, "_LARGEST_RATIO", 900)
    message = failure(path)
    assert message.startswith("refusing to unpack 'x.npy': it claims 8388736 bytes, 1")
    assert message.endswith(" times its packed size")


@pytest.mark.parametrize(
    ("size", "message"), [(70 << 30, "refusing to unpack 'x.npy': it claims 75161927680 bytes"), (150, "holds")]
)
def test_npz_that_lies_about_a_size(tmp_path: Path, size: int, message: str) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", described())
        archive.infolist()[0].file_size = size
    assert message in failure(path)


def test_npz_with_a_broken_checksum(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=NUMBERS)
    path.write_bytes(path.read_bytes().replace(NUMBERS.tobytes(), NUMBERS[::-1].tobytes()))
    assert "CRC" in failure(path)


def test_npz_names_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside.npy", described())
        archive.writestr("notes.txt", "text")
    assert open_table(path).columns == ("../../outside", "notes.txt")
    assert read(path, ["../../outside"])["../../outside"].tolist() == [0.0, 0.0]
    assert list(tmp_path.iterdir()) == [path]
    assert failure(path, "notes.txt").startswith("is no .npy array")


@settings(deadline=None)
@given(st.data())
def test_damaged_npy(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.npy")
        np.save(path, NUMBERS)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            array = only(path)
        except DataError:
            return
    assert array.nbytes == NUMBERS.nbytes
    assert array.dtype.kind in "fiub"


# ---- batches ---------------------------------------------------------------------------------------------------


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make files of some hundred rows come in many batches."""
    monkeypatch.setattr(_readers, "_NUMBERS_PER_BATCH", 60)
    monkeypatch.setattr(_readers, "_BLOCK_BYTES", 1000)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("suffix", list(_readers._FORMATS))
def test_long_files_come_in_batches(tmp_path: Path, suffix: str) -> None:
    numbers = np.random.default_rng(0).normal(size=1000)
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, numbers)
    elif suffix == ".npz":
        np.savez_compressed(path, x=numbers, y=-numbers)
    else:
        write_table(path, pa.table({"x": numbers, "y": -numbers}))
    batches = list(open_table(path).batches(open_table(path).columns))
    assert len(batches) > 10
    assert max(n_rows(batch.columns) for batch in batches) <= 100
    done = [batch.done for batch in batches]
    assert done == sorted(done)
    np.testing.assert_array_equal(read(path)["x"], numbers)
    if suffix != ".npy":
        np.testing.assert_array_equal(read(path)["y"], -numbers)


@pytest.mark.parametrize("shape", [(100, 3), (100, 2, 4), (7, 100)])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.usefixtures("small_batches")
def test_fortran_order_in_batches(tmp_path: Path, shape: tuple[int, ...], suffix: str) -> None:
    numbers = np.asfortranarray(np.random.default_rng(0).normal(size=shape))
    path = tmp_path / f"x{suffix}"
    np.save(path, numbers) if suffix == ".npy" else np.savez(path, x=numbers, y=numbers[:, :1])
    np.testing.assert_array_equal(read(path, ["x"])["x"], numbers)
    if suffix == ".npy":
        assert len(list(open_table(path).batches(["x"]))) > 4


def test_rows_without_numbers_are_one_batch(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(described(shape=(2**50, 0), data=b""))
    assert only(tmp_path / "x.npy").shape == (2**50, 0)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "0.5"], [1.0, 0.5]),
        (["1", "18446744073709551616"], [1.0, 2.0**64]),
        (["9007199254740993", "0.5"], [2.0**53, 0.5]),
        (["", "3"], [np.nan, 3.0]),
        (["1", ""], [1.0, np.nan]),
        (["true", ""], [1.0, np.nan]),
    ],
)
def test_csv_types_that_show_late(tmp_path: Path, cells: list[str], expected: list[float]) -> None:
    text = "x,z\n" + f"{cells[0]},0\n" * 900 + f"{cells[1]},0\n"
    found = read_csv(tmp_path, text)["x"]
    assert found.size == 901
    np.testing.assert_array_equal(found[[0, -1]].astype(float), expected)


@pytest.mark.usefixtures("small_batches")
def test_csv_mistakes_late_in_a_file_have_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for first in ("1", "0.5"):
        path.write_text("x,z\n" + f"{first},0\n" * 4000 + "abc,0\n" + "1,0\n" * 100)
        batches = open_table(path).batches(["x"])
        for _ in range(16):
            next(batches)
        with pytest.raises(DataError) as caught:
            list(batches)
        assert str(caught.value) == (
            f"{path}: In CSV column #0: Row #4002: CSV conversion error to double: invalid value 'abc'"
        )


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_types_are_checked_before_anything_is_read(tmp_path: Path, suffix: str) -> None:
    write_table(tmp_path / f"x{suffix}", pa.table({"x": [1.0], "s": ["a"]}))
    with pytest.raises(DataError, match="expected numbers, got type string in column 's'"):
        next(open_table(tmp_path / f"x{suffix}").batches(["x", "s"]))


def test_npy_that_becomes_shorter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_readers, "_NUMBERS_PER_BATCH", 100_000)
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(1_000_000))
    batches = open_table(path).batches(["x"])
    next(batches)
    os.truncate(path, 2_000_000)
    with pytest.raises(DataError, match=r"ended \d+ bytes early: it became shorter while it was read, or is damaged"):
        list(batches)


def test_npz_of_different_lengths(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(3), b=np.zeros((2, 3)))
    assert failure(tmp_path / "x.npz") == "its arrays must have equally many rows; got 3 in 'a', 2 in 'b'"
    assert read(tmp_path / "x.npz", ["b"])["b"].shape == (2, 3)


def test_pandas_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "x.parquet", pa.table({"x": NUMBERS, "s": ["a", "b", "a", "b"]}))
    script = "import sys; from fastloss._readers import *; keys = Keys('s')\n"
    script += (
        "print([batch.columns['x'].size for batch in open_table(sys.argv[1]).batches(['x'], keys)], 'pandas' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "x.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(_readers.__file__).parents[1])
    assert done.stdout == "[4] False\n"


# ---- groups ----------------------------------------------------------------------------------------------------

DAY = datetime.date(2024, 5, 17)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["b", "a", None, "b"]), ["b", "a", None, "b"]),
        (pa.array(["b", "a", None, "b"], pa.large_string()), ["b", "a", None, "b"]),
        (pa.array(["b", "a", None, "b"]).dictionary_encode(), ["b", "a", None, "b"]),
        (pa.array([3, 1, None, 3], pa.int8()), [3, 1, None, 3]),
        (pa.array([3, 1, None, 2**60]).dictionary_encode(), [3, 1, None, 2**60]),
        (pa.array([True, False, None, True]), ["true", "false", None, "true"]),
        (pa.array([DAY, None, DAY, DAY]), ["2024-05-17", None, "2024-05-17", "2024-05-17"]),
        (pa.array(["10", "010", "-7", "-0"]), [10, "010", -7, "-0"]),
        (pa.nulls(4), [None] * 4),
    ],
)
def test_groups(tmp_path: Path, suffix: str, column: pa.Array, expected: list[object]) -> None:
    write_table(tmp_path / f"x{suffix}", pa.table({"x": NUMBERS, "g": column}))
    keys = Keys("g")
    (batch,) = open_table(tmp_path / f"x{suffix}").batches(["x"], keys)
    assert [keys.values[number] for number in batch.columns[keys]] == expected
    assert len(set(keys.values)) == len(keys.values) == len(set(expected))


@pytest.mark.usefixtures("small_batches")
def test_groups_of_csv_are_text_from_the_first_block_on(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("g,x\n" + "1,0\n" * 900 + "NA,1\n,2\n")
    keys = Keys("g")
    numbers = np.concatenate([batch.columns[keys] for batch in open_table(tmp_path / "x.csv").batches(["x"], keys)])
    assert [keys.values[number] for number in numbers[-3:]] == [1, "NA", ""]


def test_groups_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros(3), g=np.array([7, -1, 7]), yes=np.array([True, False, True]), f=np.zeros(3))
    for name, expected in (("g", [7, -1, 7]), ("yes", ["true", "false", "true"])):
        keys = Keys(name)
        (batch,) = open_table(tmp_path / "x.npz").batches(["x"], keys)
        assert [keys.values[number] for number in batch.columns[keys]] == expected
    with pytest.raises(DataError, match=r"one column of strings, integers or dates; got dtype float64 and shape \(3,\)"):
        list(open_table(tmp_path / "x.npz").batches(["x"], Keys("f")))


def test_groups_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.parquet"
    write_table(path, pa.table({"x": NUMBERS, "f": NUMBERS, "s": ["a", "b", "c", "d"]}))
    with pytest.raises(DataError, match="grouped by strings, integers or dates; got type double in column 'f'"):
        list(open_table(path).batches(["x"], Keys("f")))
    with pytest.raises(DataError, match="has no column 'g'"):
        list(open_table(path).batches(["x"], Keys("g")))
    monkeypatch.setattr(_readers, "_MOST_GROUPS", 3)
    with pytest.raises(DataError, match="column 's' has more than 3 different values: too many to group by"):
        list(open_table(path).batches(["x"], Keys("s")))


def test_groups_that_lie(tmp_path: Path) -> None:
    places = pa.DictionaryArray.from_arrays(pa.array([0, 99]), pa.array(["a"]), safe=False)
    text = pa.StringArray.from_buffers(2, pa.py_buffer(struct.pack("<3i", 0, 1 << 30, 2)), pa.py_buffer(b"ab"))
    for column in (places, text):
        write_table(tmp_path / "x.arrow", pa.table({"x": [1.0, 2.0], "g": column}))
        with pytest.raises(DataError, match=r"x\.arrow: "):
            list(open_table(tmp_path / "x.arrow").batches(["x"], Keys("g")))


# ---- files -------------------------------------------------------------------------------------------------------


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    (tmp_path / "folder.npy").mkdir()
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "zero.npy").symlink_to("/dev/zero")
    (tmp_path / "loop.npy").symlink_to(tmp_path / "loop.npy")
    assert failure(tmp_path / "folder.npy") == "is a directory"
    assert failure(tmp_path / "fifo.csv") == "is not a regular file"
    assert failure(tmp_path / "zero.npy") == "is not a regular file"
    assert failure(tmp_path / "loop.npy") == "Too many levels of symbolic links"
    assert failure(tmp_path / "missing.csv") == "No such file or directory"
    assert failure(tmp_path / ("long" * 100)) == "File name too long"


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", NUMBERS)
    (tmp_path / "link.npy").symlink_to(tmp_path / "x.npy")
    np.testing.assert_array_equal(only(tmp_path / "link.npy"), NUMBERS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("suffix", list(_readers._FORMATS))
def test_unreadable_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.touch(mode=0)
    assert "Permission denied" in failure(path)


def test_unknown_ending(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("1\n")
    assert failure(tmp_path / "x.txt").startswith("has none of the known endings .csv, .csv.gz, .tsv, .tsv.gz, .parquet,")


def test_endings_of_any_case(tmp_path: Path) -> None:
    (tmp_path / "X.CSV").write_text("a\n1\n")
    assert only(tmp_path / "X.CSV").tolist() == [1]


def test_messages_are_one_printable_line() -> None:
    assert one_line("a\n  b\tc\x1b[31m\u202e") == "a b c?[31m?"
    assert len(one_line("x" * 10_000)) < 1100


def test_names_of_files_and_columns_cannot_break_the_line(tmp_path: Path) -> None:
    path = tmp_path / "new\nline.csv"
    path.write_text('"a\nb"\n1\n')
    with pytest.raises(DataError) as caught:
        read(path, ["c"])
    assert str(caught.value).endswith("line.csv: has no column 'c'. Its columns: 'a\\nb'")
    assert "\n" not in str(caught.value)
