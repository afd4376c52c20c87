"""Several files as one data set: patterns, files that follow each other, files side by side, and reading ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fastloss import _readers
from fastloss._datasets import DataSet, Piece, SingleColumn, ahead, expand, match_columns, side_by_side
from fastloss._readers import DataError


def test_expand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.csv", "c.npz", "sub/d.csv", "[x].csv"):
        (tmp_path / name).touch()
    assert expand(["*.csv"]) == ["[x].csv", "a.csv", "b.csv"]
    assert expand(["c.npz", "[ab].csv", "missing.csv"]) == ["c.npz", "a.csv", "b.csv", "missing.csv"]
    # a file before a pattern
    assert expand(["[x].csv"]) == ["[x].csv"]
    assert expand(["**/*.csv"])[-1] == "sub/d.csv"
    with pytest.raises(DataError, match=r"^\*\.parquet: No such file or directory, and none that it matches as a pattern$"):
        expand(["*.csv", "*.parquet"])


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["y"], ("y",)),
        (["p_*"], ("p_10", "p_2", "p_1")),
        (["p_1", "p_2"], ("p_1", "p_2")),
        (["p_2", "p_*"], ("p_2", "p_10", "p_1")),
        (["p_[12]"], ("p_2", "p_1")),
        # the name of a column before a pattern; what nothing is called like stays
        (["q*"], ("q*",)),
        (["z*", "y"], ("z*", "y")),
    ],
)
def test_match_columns(patterns: list[str], expected: tuple[str, ...]) -> None:
    assert match_columns(patterns, ["y", "p_10", "p_2", "p_1", "q*", "q1"]) == expected


def stream(*lengths: int, name: str = "a", path: str = "a.npy") -> Iterator[Piece]:
    start = 0
    for length in lengths:
        yield Piece({name: np.arange(start, start + length)}, Path(path), start, float(start + length))
        start += length


@pytest.mark.parametrize("lengths", [(3, 4, 5), (12,), (1,) * 12, (0, 7, 0, 5, 0), (6, 6)])
@pytest.mark.parametrize("others", [(12,), (5, 7), (2, 0, 10)])
def test_side_by_side(lengths: tuple[int, ...], others: tuple[int, ...]) -> None:
    pieces = list(side_by_side([stream(*lengths), stream(*others, name="b"), stream(4, 8, name="c")]))
    columns = {name: np.concatenate([piece.columns[name] for piece in pieces]) for name in "abc"}
    for column in columns.values():
        np.testing.assert_array_equal(column, np.arange(12))
    for piece in pieces:
        assert len({array.size for array in piece.columns.values()}) == 1
        assert not piece.columns["a"].size or piece.columns["a"][0] == piece.first_row
    assert pieces[-1].done == 36


def test_side_by_side_without_rows() -> None:
    pieces = list(side_by_side([stream(0), stream(0, 0, name="b")]))
    assert [sorted(piece.columns) for piece in pieces] == [["a", "b"]]


@pytest.mark.parametrize("lengths", [(5,), (2, 3), (5, 0)])
def test_files_of_different_lengths(lengths: tuple[int, ...]) -> None:
    for streams in (
        [stream(*lengths), stream(3, 4, name="b", path="b.npy")],
        [stream(7, path="b.npy"), stream(*lengths, name="b")],
    ):
        with pytest.raises(DataError, match=r"^a\.npy ends after 5 rows, b\.npy does not; they must have equally many$"):
            list(side_by_side(streams))


def test_tables_that_follow_each_other(tmp_path: Path) -> None:
    for i in range(3):
        np.savez(tmp_path / f"{i}.npz", x=np.full(2, i), **{f"p{k}": np.full(2, k) for k in ((0, 1), (1, 0), (0, 1))[i]})
    data = DataSet([str(tmp_path / f"{i}.npz") for i in range(3)])
    assert data.match(["p*"]) == ("p0", "p1")
    pieces = list(data.pieces(["x", "p1"]))
    assert [piece.columns["x"].tolist() for piece in pieces] == [[0, 0], [1, 1], [2, 2]]
    assert [piece.columns["p1"].tolist() for piece in pieces] == [[1, 1]] * 3
    assert [piece.path.name for piece in pieces] == ["0.npz", "1.npz", "2.npz"]
    assert pieces[-1].done == data.size == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_tables_whose_columns_differ(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=[1], p0=[1], p1=[1])
    np.savez(tmp_path / "b.npz", p0=[1], p1=[1], p2=[1])
    data = DataSet([str(tmp_path / "a.npz"), str(tmp_path / "b.npz")])
    with pytest.raises(DataError, match=r"b\.npz: has no column 'x'"):
        data.match(["x"])
    with pytest.raises(DataError, match=r"b\.npz: p\* stands for 3 columns here and for 2 in .*a\.npz"):
        data.match(["p*"])


def test_single_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_readers, "_NUMBERS_PER_BATCH", 4)
    np.save(tmp_path / "x.npy", np.arange(10))
    pieces = list(SingleColumn(str(tmp_path / "x.npy"), 7).pieces())
    assert [piece.columns[7].tolist() for piece in pieces] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_ahead() -> None:
    threads = set()

    def pieces() -> Iterator[Piece]:
        for piece in stream(1, 2, 3):
            threads.add(threading.current_thread())
            yield piece

    assert [piece.columns["a"].size for piece in ahead(pieces())] == [1, 2, 3]
    assert threading.current_thread() not in threads
    assert not any(thread.is_alive() for thread in threads)


def test_ahead_passes_mistakes_on_in_their_place() -> None:
    def pieces() -> Iterator[Piece]:
        yield from stream(1, 2)
        raise DataError("no more")

    read = ahead(pieces())
    assert [next(read).columns["a"].size for _ in range(2)] == [1, 2]
    with pytest.raises(DataError, match="no more"):
        next(read)


def test_ahead_closes_what_it_reads() -> None:
    closed = []

    def pieces() -> Iterator[Piece]:
        try:
            yield from stream(*range(1, 100))
        finally:
            closed.append(True)

    read = ahead(pieces())
    next(read)
    read.close()
    assert closed == [True]
