"""The command: results, and one line for every mistake. Expected numbers come from the files, by Python's own arithmetic."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import pty
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import fastloss as fl
from fastloss import _readers, bench
from fastloss.cli import main

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DIABETES = EXAMPLES / "diabetes.csv"

Command = Callable[..., str]


@pytest.fixture
def done(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command, expect success, and notes at the most, return what it printed."""

    def run(*arguments: object) -> str:
        assert main(list(map(str, arguments))) == 0
        out, err = capsys.readouterr()
        assert all(line.startswith("fastloss: note: ") for line in err.splitlines())
        assert "\x1b" not in out + err
        return out

    return run


@pytest.fixture
def failed(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command, expect this exit status and nothing printed, return the message."""

    def run(status: int, *arguments: object) -> str:
        assert main(list(map(str, arguments))) == status
        out, err = capsys.readouterr()
        assert out == ""
        return the_message(err)

    return run


def the_message(err: str) -> str:
    assert err.startswith("fastloss: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err.removeprefix("fastloss: error: ").rstrip("\n")


def strict_json(text: str) -> Any:
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def values(text: str) -> dict[str, float]:
    return {result["loss"]: result["value"] for result in strict_json(text)["results"]}


def diabetes() -> tuple[list[float], list[float]]:
    with DIABETES.open() as file:
        rows = list(csv.DictReader(file))
    return [float(row["y_true"]) for row in rows], [float(row["y_pred"]) for row in rows]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three samples with a weight each, and what gaussian_nll takes."""
    path = tmp_path / "table.csv"
    path.write_text("label,score,weight,var,text\n1,2,1,4,a\n2,0,3,1,b\n4,4.5,0,9,c\n")
    return path


# ---- evaluate: results -------------------------------------------------------------------------------------------


FIVE = {
    "squared_error": lambda y, p: (p - y) ** 2,
    "absolute_error": lambda y, p: abs(p - y),
    "huber:delta=50": lambda y, p: (p - y) ** 2 / 2 if abs(p - y) <= 50 else 50 * (abs(p - y) - 25),
    "log_cosh": lambda y, p: math.log(math.cosh(p - y)),
    "quantile:alpha=0.9": lambda y, p: max(0.9 * (y - p), -0.1 * (y - p)),
}


def test_five_losses_of_real_predictions(done: Command) -> None:
    y_true, y_pred = diabetes()
    losses = [argument for name in FIVE for argument in ("--loss", name)]
    for reduction, divisor in (("mean", 442), ("sum", 1)):
        result = strict_json(done("evaluate", DIABETES, *losses, "--reduction", reduction, "--json"))
        assert (result["files"], result["n"], result["reduction"]) == ([str(DIABETES)], 442, reduction)
        assert [item["loss"] for item in result["results"]] == list(FIVE)
        for item in result["results"]:
            assert set(item) == {"loss", "value"}
            expected = math.fsum(map(FIVE[item["loss"]], y_true, y_pred)) / divisor
            assert item["value"] == pytest.approx(expected, rel=1e-13)


def test_table(done: Command) -> None:
    y_true, y_pred = diabetes()
    out = done("evaluate", DIABETES, "--y-true", "y_true", "--y-pred", "y_pred", "--loss", "mae")
    mean = math.fsum(abs(y - p) for y, p in zip(y_true, y_pred, strict=True)) / 442
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line]
    assert cells == [["loss", "value", "n"], ["mae", f"{mean:.6g}", "442"]]


def test_default_losses_and_columns(done: Command) -> None:
    assert list(values(done("evaluate", DIABETES, "--json"))) == ["squared_error", "absolute_error"]


def test_csv_output(done: Command) -> None:
    y_true, y_pred = diabetes()
    spec = "quantile:alpha=0.5"
    out = done("evaluate", DIABETES, "--loss", "mae", "--loss", "tweedie:power=0,from_log=false", "--loss", spec, "--csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert [row[0] for row in rows] == ["loss", "mae", "tweedie:power=0,from_log=false", spec]
    mean = math.fsum(abs(y - p) for y, p in zip(y_true, y_pred, strict=True)) / 442
    assert float(rows[1][1]) == pytest.approx(mean, rel=1e-14)
    assert rows[1][1] == repr(float(rows[1][1]))
    assert "\r" not in out


def test_classification_file_is_readable(done: Command) -> None:
    with (EXAMPLES / "breast_cancer.csv").open() as file:
        rows = [(float(row["label"]), float(row["score"])) for row in csv.DictReader(file)]
    out = done("evaluate", EXAMPLES / "breast_cancer.csv", "--y-true", "label", "--y-pred", "score", "--loss", "mse", "--json")
    assert len(rows) == 569
    assert values(out) == {"mse": pytest.approx(math.fsum((p - y) ** 2 for y, p in rows) / 569, rel=1e-13)}


def test_binary_losses_of_the_classification_file(done: Command) -> None:
    y, p = np.loadtxt(EXAMPLES / "breast_cancer.csv", delimiter=",", skiprows=1).T
    names = ("binary_cross_entropy", "binary_focal:gamma=0,alpha=none", "brier", "zero_one")
    wanted = [option for name in names for option in ("--loss", name)]
    file = EXAMPLES / "breast_cancer.csv"
    found = values(done("evaluate", file, "--y-true", "label", "--y-pred", "score", *wanted, "--json"))
    entropy = pytest.approx(-np.mean(np.log(np.where(y == 1, p, 1 - p))), rel=1e-13)
    assert found == dict(
        zip(names, (entropy, entropy, pytest.approx(np.mean((p - y) ** 2)), np.mean((p > 0.5) != y)), strict=True)
    )


def test_formats_agree(done: Command, tmp_path: Path) -> None:
    y_true, y_pred = map(np.array, diabetes())
    pa.parquet.write_table(pa.table({"a": y_true, "b": y_pred, "c": ["text"] * 442}), tmp_path / "p.parquet")
    np.savez(tmp_path / "p.npz", a=y_true, b=y_pred)
    np.save(tmp_path / "a.npy", y_true)
    np.save(tmp_path / "b.npy", y_pred)
    expected = values(done("evaluate", DIABETES, "--json"))
    assert values(done("evaluate", tmp_path / "p.parquet", "--y-true", "a", "--y-pred", "b", "--json")) == expected
    assert values(done("evaluate", tmp_path / "p.npz", "--y-true", "a", "--y-pred", "b", "--json")) == expected
    assert values(done("evaluate", tmp_path / "a.npy", tmp_path / "b.npy", "--json")) == expected


def test_arrays_of_any_shape(done: Command, tmp_path: Path) -> None:
    y_true, y_pred = np.arange(6.0).reshape(2, 3), np.ones((2, 3), order="F")
    np.save(tmp_path / "a.npy", y_true)
    np.save(tmp_path / "b.npy", y_pred)
    np.save(tmp_path / "w.npy", [1, 2])
    out = done("evaluate", tmp_path / "a.npy", tmp_path / "b.npy", "--weights", tmp_path / "w.npy", "--loss", "mae", "--json")
    assert strict_json(out)["n"] == 6
    assert values(out) == {"mae": pytest.approx((1 + 0 + 1 + 2 * (2 + 3 + 4)) / 9)}


def test_weights(done: Command, table: Path, tmp_path: Path) -> None:
    columns = ["evaluate", table, "--y-true", "label", "--y-pred", "score", "--loss", "mse", "--json"]
    np.save(tmp_path / "w.npy", [1, 3, 0])
    assert values(done(*columns, "--weights", "weight")) == {"mse": (1 + 3 * 4) / 4}
    assert values(done(*columns, "--weights", tmp_path / "w.npy", "--reduction", "sum")) == {"mse": 13}


def test_a_column_comes_before_a_file(done: Command, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weight").mkdir()
    monkeypatch.chdir(tmp_path)
    columns = ["evaluate", table, "--y-true", "label", "--y-pred", "score", "--loss", "mse", "--json"]
    assert values(done(*columns, "--weights", "weight")) == {"mse": 13 / 4}


def test_losses_with_more_inputs(done: Command, table: Path, tmp_path: Path) -> None:
    expected = math.fsum(math.log(v) + (m - y) ** 2 / v for y, m, v in [(1, 2, 4), (2, 0, 1), (4, 4.5, 9)]) / 6
    short = ["evaluate", table, "--y-true", "label", "--loss", "gaussian_nll", "--json"]
    # --y-pred is the second input, var its own column
    assert values(done(*short, "--y-pred", "score")) == {"gaussian_nll": pytest.approx(expected)}
    assert values(done(*short, "--input", "mean=score", "--input", "var=var")) == {"gaussian_nll": pytest.approx(expected)}
    # each loss takes its own
    both = values(done(*short, "--loss", "mae", "--y-pred", "weight", "--input", "mean=score"))
    assert both == {"gaussian_nll": pytest.approx(expected), "mae": pytest.approx(5 / 3)}
    for name, column in {"y": [1, 2, 4], "m": [2, 0, 4.5], "v": [4, 1, 9]}.items():
        np.save(tmp_path / f"{name}.npy", column)
    files = [tmp_path / f"{name}.npy" for name in "ymv"]
    assert values(done("evaluate", *files, "--loss", "gaussian_nll", "--json")) == {"gaussian_nll": pytest.approx(expected)}


def test_numbers_that_json_does_not_have(done: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for cell, note, text in (("nan", "NaN", "nan"), ("inf", "Infinity", "inf"), ("1e200", "Infinity", "inf")):
        path.write_text(f"y_true,y_pred\n0,{cell}\n0,1\n")
        result = strict_json(done("evaluate", path, "--loss", "mse", "--json"))
        assert result["results"] == [{"loss": "mse", "value": None, "note": note}]
        assert done("evaluate", path, "--loss", "mse", "--csv") == f"loss,value\nmse,{text}\n"
        assert text in done("evaluate", path, "--loss", "mse")
    path.write_text("y_true,y_pred\n1,-inf\n")
    result = strict_json(done("evaluate", path, "--loss", "poisson", "--json"))
    assert result["results"] == [{"loss": "poisson", "value": None, "note": "Infinity"}]


# ---- evaluate: many files, classes, groups ------------------------------------------------------------------------


SIX = ("squared_error", "absolute_error", "huber", "smooth_l1", "quantile:alpha=0.9", "expectile:alpha=0.3")
SIX_LOSSES = [word for name in SIX for word in ("--loss", name)]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small files come in many batches."""
    monkeypatch.setattr(_readers, "_NUMBERS_PER_BATCH", 60)
    monkeypatch.setattr(_readers, "_BLOCK_BYTES", 1000)


def predictions(n: int = 1003) -> dict[str, np.ndarray]:
    """Numbers whose sums depend on the order, unless they are exact; groups, and scores of four classes."""
    rng = np.random.default_rng(0)
    y_true = rng.normal(size=n)
    columns = {"y_true": y_true, "y_pred": y_true + rng.normal(size=n) * 10.0 ** rng.integers(-8, 8, n), "w": rng.random(n)}
    columns |= {"model": rng.choice(["v10", "v9", "a"], n), "day": rng.integers(-1, 12, n), "label": rng.integers(0, 4, n)}
    return columns | {f"p_{i}": scores for i, scores in zip((10, 2, 1, 0), rng.normal(size=(4, n)), strict=True)}


def partitions(folder: Path, suffix: str, count: int, columns: dict[str, np.ndarray]) -> list[Path]:
    paths = []
    for i, rows in enumerate(np.array_split(np.arange(len(columns["y_true"])), count)):
        paths.append(folder / f"part-{i:02}{suffix}")
        part = {name: column[rows] for name, column in columns.items()}
        if suffix == ".npz":
            np.savez(paths[-1], **{name: column for name, column in part.items() if column.dtype.kind != "U"})
        elif suffix == ".csv":
            pa.csv.write_csv(pa.table(part), paths[-1])
        elif suffix == ".arrow":
            with pa.ipc.new_file(str(paths[-1]), pa.table(part).schema) as file:
                file.write_table(pa.table(part))
        else:
            pa.parquet.write_table(pa.table(part), paths[-1], row_group_size=70)
    return paths


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_same_bits_however_files_are_cut(done: Command, tmp_path: Path, count: int) -> None:
    columns = predictions()
    arrays = columns["y_true"], columns["y_pred"]
    losses = dict(
        zip(SIX, (fl.mse, fl.mae, fl.huber, fl.smooth_l1, fl.Quantile(alpha=0.9), fl.Expectile(alpha=0.3)), strict=True)
    )
    expected = fl.evaluate(losses, *arrays, sample_weight=columns["w"])
    assert expected == {name: loss(*arrays, sample_weight=columns["w"]) for name, loss in losses.items()}
    for suffix in (".parquet", ".npz", ".csv", ".arrow"):
        partitions(tmp_path, suffix, count, columns)
        out = strict_json(done("evaluate", tmp_path / f"part-*{suffix}", "--weights", "w", *SIX_LOSSES, "--json"))
        assert {result["loss"]: result["value"] for result in out["results"]} == expected
        assert out["n"] == 1003
        assert out["files"] == sorted(map(str, tmp_path.glob(f"part-*{suffix}")))
        assert len(out["files"]) == count
    for name in ("y_true", "y_pred", "w"):
        np.save(tmp_path / f"{name}.npy", columns[name])
    files = [tmp_path / "y_true.npy", tmp_path / "y_pred.npy", "--weights", tmp_path / "w.npy"]
    assert values(done("evaluate", *files, *SIX_LOSSES, "--json")) == expected
    # the weights of several tables, in one file of another format
    out = done("evaluate", tmp_path / "part-*.parquet", "--weights", tmp_path / "w.npy", *SIX_LOSSES, "--json")
    assert values(out) == expected
    array = pytest.importorskip("dask.array")
    from fastloss import dask

    cut = [array.from_array(columns[name], chunks=-(-1003 // count)) for name in ("y_true", "y_pred", "w")]
    assert dask.evaluate(losses, *cut) == expected


def test_files_of_several_formats(done: Command, tmp_path: Path) -> None:
    columns = predictions()
    first, _, _ = partitions(tmp_path, ".parquet", 3, columns)
    _, second, _ = partitions(tmp_path, ".csv", 3, columns)
    _, _, third = partitions(tmp_path, ".npz", 3, columns)
    expected = fl.mse(columns["y_true"], columns["y_pred"])
    assert values(done("evaluate", first, second, third, "--loss", "mse", "--json")) == {"mse": expected}


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npz"])
def test_class_columns(done: Command, tmp_path: Path, suffix: str) -> None:
    columns = predictions()
    scores = np.stack([columns[f"p_{i}"] for i in (10, 2, 1, 0)], axis=1)
    expected = fl.CategoricalCrossEntropy(from_logits=True)(columns["label"], scores)
    partitions(tmp_path, suffix, 3, columns)
    loss = "categorical_cross_entropy:from_logits=true"
    command = ["evaluate", tmp_path / f"*{suffix}", "--y-true", "label", "--loss", loss, "--json"]
    # in the order of the file, not of the names
    assert values(done(*command, "--y-pred", "p_*")) == {loss: expected}
    assert values(done(*command, "--input", "y_pred=p_*")) == {loss: expected}
    repeated = [word for i in (10, 2, 1, 0) for word in ("--y-pred", f"p_{i}")]
    assert values(done(*command, *repeated)) == {loss: expected}
    out = strict_json(done(*command, "--y-pred", "p_*"))
    assert out["n"] == 1003
    # distributions of labels, too; a pattern of one column is that column
    wide = values(done("evaluate", tmp_path / f"*{suffix}", "--y-true", "p_*", "--y-pred", "p_*", "--loss", "mse", "--json"))
    assert wide == {"mse": 0}
    assert values(done("evaluate", tmp_path / f"*{suffix}", "--y-pred", "y_p*", "--loss", "mse", "--json")) == {
        "mse": fl.mse(columns["y_true"], columns["y_pred"])
    }


def test_class_columns_of_single_precision(done: Command, tmp_path: Path) -> None:
    scores = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    labels = np.arange(50, dtype=np.int8) % 3
    table = pa.table({"y_true": labels} | {f"p{i}": scores[:, i] for i in range(3)})
    pa.parquet.write_table(table, tmp_path / "x.parquet")
    loss = "categorical_cross_entropy:from_logits=true"
    out = done("evaluate", tmp_path / "x.parquet", "--y-pred", "p*", "--loss", loss, "--json")
    assert values(out) == {loss: fl.CategoricalCrossEntropy(from_logits=True)(labels, scores)}


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".arrow"])
@pytest.mark.parametrize(("column", "order"), [("model", ["a", "v10", "v9"]), ("day", list(range(-1, 12)))])
def test_groups(done: Command, tmp_path: Path, suffix: str, column: str, order: list[Any]) -> None:
    columns = predictions()
    partitions(tmp_path, suffix, 3, columns)
    command = ["evaluate", tmp_path / f"*{suffix}", "--loss", "mse", "--loss", "mae", "--weights", "w", "--group-by", column]
    expected = {}
    for group in order:
        rows = columns[column] == group
        arrays = columns["y_true"][rows], columns["y_pred"][rows], columns["w"][rows]
        expected[group] = (int(rows.sum()), fl.mse(*arrays), fl.mae(*arrays))
    out = strict_json(done(*command, "--json"))
    assert out["group_by"] == column
    found = {row["group"]: (row["n"], *(item["value"] for item in row["results"])) for row in out["groups"]}
    assert found == expected
    assert list(found) == order
    assert out["n"] == 1003
    assert out["results"][0] == {"loss": "mse", "value": fl.mse(columns["y_true"], columns["y_pred"], columns["w"])}
    rows = list(csv.reader(io.StringIO(done(*command, "--csv"))))
    assert rows[0] == [column, "n", "mse", "mae"]
    assert rows[1:] == [[str(group), *map(repr, numbers)] for group, numbers in expected.items()]
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done(*command).splitlines() if "│" in line]
    assert cells[0] == [column, "mse", "mae", "n"]
    assert [row[0] for row in cells[1:]] == [*map(str, order), "(all)"]
    assert cells[1][1:] == [f"{expected[order[0]][1]:.6g}", f"{expected[order[0]][2]:.6g}", f"{expected[order[0]][0]}"]


def test_many_groups_and_few(done: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for most in (5, 300):
        groups, y_true, y_pred = rng.integers(0, most, 80_000), rng.normal(size=80_000), rng.normal(size=80_000)
        groups[:most] = np.arange(most)
        np.savez(tmp_path / "x.npz", g=groups, y_true=y_true, y_pred=y_pred)
        out = done("evaluate", tmp_path / "x.npz", "--loss", "mse", "--group-by", "g", "--csv")
        rows = list(csv.reader(io.StringIO(out)))[1:]
        assert [int(row[0]) for row in rows] == list(range(most))
        assert [int(row[1]) for row in rows] == np.bincount(groups).tolist()
        sums = np.bincount(groups, (y_true - y_pred) ** 2) / np.bincount(groups)
        np.testing.assert_allclose([float(row[2]) for row in rows], sums, rtol=1e-12)


def test_groups_that_are_missing_or_strange(done: Command, tmp_path: Path) -> None:
    groups = pa.array(["b", None, "[red]\x1b[31m$x$", "b", None])
    pa.parquet.write_table(pa.table({"g": groups, "y_true": [0.0] * 5, "y_pred": [1.0, 2, 3, 4, 5]}), tmp_path / "x.parquet")
    command = ["evaluate", tmp_path / "x.parquet", "--loss", "mae", "--group-by", "g"]
    out = strict_json(done(*command, "--json"))
    assert [(row["group"], row["n"], row["results"][0]["value"]) for row in out["groups"]] == [
        ("[red]\x1b[31m$x$", 1, 3.0),
        ("b", 2, 2.5),
        (None, 2, 3.5),
    ]
    text = done(*command)
    assert "(missing)" in text
    assert "[red]?[31m$x$" in text


def test_a_group_without_a_mean(failed: Command, done: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("y_true,y_pred,w,g\n1,2,1,a\n1,2,0,b\n")
    command = ["evaluate", path, "--loss", "mse", "--weights", "w", "--group-by", "g"]
    assert failed(1, *command).startswith("group 'b': mse: sample_weight sums to zero")
    assert done(*command, "--reduction", "sum", "--csv") == "g,n,mse\na,1,1.0\nb,1,0.0\n"


@pytest.mark.usefixtures("small_batches")
def test_bad_numbers_have_the_row_of_their_file(failed: Command, tmp_path: Path) -> None:
    columns = predictions()
    columns["y_true"] = np.ones(1003)
    columns["y_pred"] = np.full(1003, 0.5)
    columns["y_pred"][900] = 1.5
    columns["label"][800] = 4
    for suffix in (".parquet", ".csv", ".npz", ".arrow"):
        files = partitions(tmp_path, suffix, 2, columns)
        command = ["evaluate", *files, "--loss", "binary_cross_entropy"]
        # the second file begins with row 502
        message = f"{files[1]}: y_pred must lie in [0, 1] for BinaryCrossEntropy(from_logits=False"
        for more in ([], ["--group-by", "day"]):
            found = failed(1, *command, *more)
            assert found.startswith(message)
            assert "; got 1.5 at index 398." in found
        classes = ["--y-true", "label", "--y-pred", "p_*", "--loss", "categorical_cross_entropy:from_logits=true"]
        found = failed(1, "evaluate", *files, *classes)
        assert found.startswith(f"{files[1]}: y_true holds class index 4")
        assert "at row 298, outside [0, 4)" in found
    np.save(tmp_path / "t.npy", columns["y_true"])
    np.save(tmp_path / "p.npy", columns["y_pred"])
    found = failed(1, "evaluate", tmp_path / "t.npy", tmp_path / "p.npy", "--loss", "binary_cross_entropy")
    assert found.startswith("y_pred must lie in [0, 1]")
    assert "at index 900." in found


def test_files_that_do_not_fit_together(failed: Command, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("y_true,y_pred,p1,p2\n1,2,3,4\n")
    (tmp_path / "b.csv").write_text("y_true,p1,p2,p3\n1,2,3,4\n")
    both = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert failed(1, "evaluate", *both) == (
        f"{both[1]}: has no column 'y_pred'. Did you mean 'y_true'? Its columns: 'y_true', 'p1', 'p2', 'p3'"
    )
    assert failed(1, "evaluate", *both, "--y-pred", "p[0-9]").endswith(f"3 columns here and for 2 in {both[0]}")
    assert failed(1, "evaluate", *both, "--y-pred", "p1", "--group-by", "p3").startswith(f"{both[0]}: has no column 'p3'")
    message = failed(1, "evaluate", tmp_path / "*.parquet")
    assert message.endswith("*.parquet: No such file or directory, and none that it matches as a pattern")
    np.save(tmp_path / "a.npy", np.zeros(3))
    message = failed(2, "evaluate", tmp_path / "a.npy", tmp_path / "a.npy", "--group-by", "g")
    assert message.startswith("columns have names in tables only")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("huber", fl.Huber()),
        ("huber:", fl.Huber()),
        ("huber:delta=2", fl.Huber(delta=2.0)),
        ("huber:delta=2.5e-1", fl.Huber(delta=0.25)),
        ("tweedie:power=1.25,from_log=false", fl.Tweedie(power=1.25, from_log=False)),
        ("tweedie:from_log=TRUE", fl.Tweedie(from_log=True)),
        ("rmse", fl.RootMeanSquaredError()),
    ],
)
def test_loss_specifications(done: Command, spec: str, expected: fl.Loss) -> None:
    assert f"\n{spec}: {expected!r}, called as " in done("show", spec)


# ---- evaluate: mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluat"], "invalid choice: 'evaluat'"),
        (["evaluate"], "the following arguments are required: FILE"),
        (["evaluate", "x.csv", "--los", "mse"], "unrecognized arguments: --los mse"),
        (["evaluate", "x.csv", "--reduction", "none"], "argument --reduction: invalid choice: 'none'"),
        (["evaluate", "x.csv", "--json", "--csv"], "argument --csv: not allowed with argument --json"),
        (["evaluate", "x.csv", "--loss", "hubber"], "argument --loss: no loss is called 'hubber'. Did you mean huber?"),
        (
            ["evaluate", "x.csv", "--loss", "accuracy"],
            "no loss is called 'accuracy'. That is a metric: evaluate --metric accuracy_score.",
        ),
        (["evaluate", "x.csv", "--loss", "bce"], "no loss is called 'bce'. It is called binary_cross_entropy here."),
        (["evaluate", "x.csv", "--metric", "accuracy"], "no metric is called 'accuracy'. Did you mean accuracy_score?"),
        (["evaluate", "x.csv", "--metric", "zz"], "no metric is called 'zz'. There are accuracy_score, "),
        (["evaluate", "x.csv", "--metric", "state_of"], "no metric is called 'state_of'."),
        (["evaluate", "x.csv", "--metric", "f1_score:x=1"], "the state of f1_score takes no keyword x."),
        (["evaluate", "x.csv", "--metric", "fbeta_score"], "fbeta_score needs the keyword beta."),
        (["evaluate", "x.csv", "--separator", "ab"], "argument --separator: a separator is one character, or tab; got 'ab'"),
        (["evaluate", "x.csv", "--loss", "huber:alpha=1"], "Huber has no parameter 'alpha'; its parameters are delta."),
        (["evaluate", "x.csv", "--loss", "mse:x=1"], "SquaredError has no parameter 'x'; it has no parameters."),
        (["evaluate", "x.csv", "--loss", "huber:delta=-1"], "Huber: delta must be > 0; got -1."),
        (["evaluate", "x.csv", "--loss", "huber:delta=nan"], "Huber: delta must be > 0; got nan."),
        (["evaluate", "x.csv", "--loss", "huber:delta=none"], "Huber: delta must be > 0; got None."),
        (["evaluate", "x.csv", "--loss", "huber:delta=true"], "Huber: delta must be > 0; got True."),
        (["evaluate", "x.csv", "--loss", "huber:delta=1+1"], "delta must be a number, true, false or none; got '1+1'"),
        (["evaluate", "x.csv", "--loss", "huber:delta=__import__('os')"], "delta must be a number, true, false or none"),
        (["evaluate", "x.csv", "--loss", "huber:delta=" + "9" * 5000], "Huber: delta must be > 0; got inf."),
        (["evaluate", "x.csv", "--loss", "huber:2"], "expected NAME=VALUE; got '2'"),
        (["evaluate", "x.csv", "--loss", "huber:=2"], "expected NAME=VALUE; got '=2'"),
        (["evaluate", "x.csv", "--loss", "huber:delta="], "expected NAME=VALUE; got 'delta='"),
        (["evaluate", "x.csv", "--loss", "huber:delta=1,delta=2"], "a parameter is given twice in 'huber:delta=1,delta=2'"),
        (["evaluate", "x.csv", "--loss", "poisson:full=1"], "Poisson: full must be True or False; got 1."),
        (["evaluate", "x.csv", "--input", "var"], "argument --input: expected NAME=VALUE; got 'var'"),
        (["evaluate", "x.csv", "--input", "var=v"], "no loss has an input 'var' here; there are y_pred, y_true"),
        (
            ["evaluate", "a.npy", "b.npy", "--y-true", "a"],
            "columns have names in tables only; here each file is one input",
        ),
        (
            ["evaluate", "a.npy", "b.npy", "--input", "y_true=a"],
            "columns have names in tables only; here each file is one input",
        ),
        (["evaluate", "a.npy", "b.npy", "c.npy"], "squared_error has 2 inputs (y_true, y_pred); 3 files are given"),
        (["evaluate", "a.npy", "b.npy", "--loss", "gaussian_nll"], "gaussian_nll has 3 inputs (y_true, mean, var); 2 files"),
        (["losses", "--family", "x"], "argument --family: invalid choice: 'x'"),
        (["show", "hubr"], "no loss is called 'hubr'. Did you mean huber?"),
        (["show"], "the following arguments are required: NAME[:PARAMETER=VALUE,...]"),
        (["bench", "--losses", "mse,nope"], "argument --losses: no loss is called 'nope'."),
        (["bench", "--sizes", "10,x"], "argument --sizes: a size is a whole number from 1 to 10**18 - 1; got 'x'"),
        (["bench", "--sizes", "0"], "argument --sizes: a size is a whole number from 1 to 10**18 - 1; got '0'"),
        (["bench", "--sizes", "-5"], "argument --sizes: a size is a whole number from 1 to 10**18 - 1; got '-5'"),
        (["bench", "--dtypes", "float16"], "argument --dtypes: a dtype is one of float32, float64; got 'float16'"),
        (["info", "x"], "unrecognized arguments: x"),
    ],
)
def test_wrong_usage(failed: Command, arguments: list[str], message: str) -> None:
    assert message in failed(2, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--y-true", "lable"],
            "no column 'lable'. Did you mean 'label'? Its columns: 'label', 'score', 'weight', 'var'",
        ),
        (["--y-true", "label"], "has no column 'y_pred'. Its columns: "),
        (
            ["--y-true", "label", "--y-pred", "text"],
            "got type string in column 'text': In CSV column #4: Row #2: ",
        ),
        (["--y-true", "label", "--y-pred", "score", "--weights", "weigth"], "has no column 'weigth'. Did you mean 'weight'?"),
        (["--y-true", "label", "--y-pred", "score", "--weights", "w" * 5000], "has no column 'www"),
        (["--y-true", "label", "--y-pred", "score", "--weights", str(EXAMPLES)], "examples: is a directory"),
        (
            ["--y-true", "label", "--y-pred", "score", "--weights", str(DIABETES)],
            "diabetes.csv: one column is expected here; it has 2: 'y_true', 'y_pred'",
        ),
        (
            ["--y-true", "label", "--y-pred", "score", "--loss", "gamma:from_log=false"],
            "y_pred must be > 0 for Gamma(from_log=False); got 0.0 at index 1. Pass from_log=True if these are logarithms",
        ),
        (["--y-true", "label", "--y-pred", "score", "--reduction", "sum", "--loss", "rmse"], 'has reduction="mean" only'),
    ],
)
def test_wrong_data(failed: Command, table: Path, arguments: list[str], message: str) -> None:
    assert message in failed(1, "evaluate", table, *arguments)


@pytest.mark.parametrize("output", [[], ["--json"], ["--csv"]])
def test_nothing_is_printed_before_all_losses_are_known(failed: Command, table: Path, output: list[str]) -> None:
    losses = ["--loss", "mse", "--loss", "gamma:from_log=false"]
    assert "y_pred must be > 0" in failed(1, "evaluate", table, "--y-true", "label", "--y-pred", "score", *losses, *output)


def test_weights_that_are_none(failed: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("y_true,y_pred,negative,missing,zero\n1,2,1,1,0\n3,4,-1,,0\n")
    assert "got -1 at index 1" in failed(1, "evaluate", path, "--weights", "negative")
    assert "got nan at index 1" in failed(1, "evaluate", path, "--weights", "missing")
    assert "sample_weight sums to zero" in failed(1, "evaluate", path, "--weights", "zero")


def test_no_samples(failed: Command, done: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("y_true,y_pred\n")
    assert "the mean of no samples is undefined" in failed(1, "evaluate", path)
    assert values(done("evaluate", path, "--loss", "mse", "--reduction", "sum", "--json")) == {"mse": 0}


def test_shapes_that_differ(failed: Command, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    np.save(tmp_path / "b.npy", np.zeros((3, 1)))
    np.save(tmp_path / "w.npy", np.zeros(2))
    message = failed(1, "evaluate", tmp_path / "a.npy", tmp_path / "b.npy")
    assert message.startswith("y_true and y_pred must have the same shape; got (3,) and (3, 1).")
    message = failed(1, "evaluate", tmp_path / "a.npy", tmp_path / "a.npy", "--weights", tmp_path / "w.npy")
    assert message == f"{tmp_path}/w.npy ends after 2 rows, {tmp_path}/a.npy does not; they must have equally many"


def test_files_that_cannot_be_read(failed: Command, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff")
    np.save(tmp_path / "objects.npy", np.array([{}, 1], object), allow_pickle=True)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    os.mkfifo(tmp_path / "fifo.csv")
    for name, message in {
        "missing.csv": "missing.csv: No such file or directory",
        ".": "is a directory",
        "fifo.csv": "fifo.csv: is not a regular file",
        "x.npy": "claims an .npy header of 4294967295 bytes in a file of 12",
        "objects.npy": "holds items of type '|O'; expected real numbers",
        "x.parquet": "x.parquet: Parquet",
        "x\x00.csv": "embedded null",
        "x\n\x1b[31m.csv": "x ?[31m.csv: No such file or directory",
        "x\udcff.csv": "x?.csv: No such file or directory",
    }.items():
        assert message in failed(1, "evaluate", os.path.join(tmp_path, name))
    assert "No such file" in failed(1, "evaluate", "/nowhere/a.npy", "/nowhere/b.npy")


# ---- metrics, text, what is missing ------------------------------------------------------------------------------


def test_metrics_beside_losses(done: Command, tmp_path: Path) -> None:
    y, p = np.array([0, 1, 1, 2, 2]), np.array([0, 1, 2, 2, 1])
    path = tmp_path / "x.csv"
    pa.csv.write_csv(pa.table({"y_true": y, "y_pred": p, "w": [1.0, 2.0, 1.0, 1.0, 0.5], "g": list("aabbb")}), path)
    words = ["--metric", "accuracy_score", "--metric", "f1_score:average=macro", "--metric", "r2_score"]
    expected = {
        "mse": fl.mse(y, p),
        "accuracy_score": fl.metrics.accuracy_score(y, p),
        "f1_score:average=macro": fl.metrics.f1_score(y, p, average="macro"),
        "r2_score": fl.metrics.r2_score(y, p),
    }
    found = json.loads(done("evaluate", path, "--loss", "mse", *words, "--json"))["results"]
    assert {item.get("loss", item.get("metric")): item["value"] for item in found} == expected
    assert ["loss" in item for item in found] == [True, False, False, False]
    only = json.loads(done("evaluate", path, "--metric", "accuracy_score", "--weights", "w", "--json"))["results"]
    assert only == [{"metric": "accuracy_score", "value": fl.metrics.accuracy_score(y, p, sample_weight=[1, 2, 1, 1, 0.5])}]
    rows = list(csv.reader(io.StringIO(done("evaluate", path, "--metric", "max_error", "--group-by", "g", "--csv"))))
    assert rows == [["g", "n", "max_error"], ["a", "2", "0.0"], ["b", "3", "1.0"]]
    assert "│ name " in done("evaluate", path, *words)
    assert done("evaluate", path, *words, "--csv").startswith("name,value\naccuracy_score,0.6\n")
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "p.npy", p)
    found = json.loads(done("evaluate", tmp_path / "y.npy", tmp_path / "p.npy", "--metric", "max_error", "--json"))
    assert found["results"] == [{"metric": "max_error", "value": 1.0}]


def test_metrics_of_classes(done: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), 50)
    columns = {"y_true": y} | {f"p{i}": p[:, i] for i in range(3)}
    pa.parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    words = ["--y-pred", "p*", "--metric", "log_loss", "--loss", "sparse_categorical_cross_entropy"]
    found = json.loads(done("evaluate", tmp_path / "x.parquet", *words, "--json"))["results"]
    assert [item["value"] for item in found] == pytest.approx([fl.metrics.log_loss(y, p)] * 2)


def test_a_metric_that_is_no_number(failed: Command) -> None:
    message = failed(
        1, "evaluate", EXAMPLES / "breast_cancer.csv", "--y-true", "label", "--y-pred", "label", "--metric", "confusion_matrix"
    )
    assert message == "confusion_matrix is no single number, but an array of shape (2, 2)"


def test_separators_and_the_standard_input(done: Command, tmp_path: Path) -> None:
    expected = done("evaluate", DIABETES)
    text = DIABETES.read_text()
    (tmp_path / "a.csv").write_text(text.replace(",", ";"))
    (tmp_path / "a.tsv").write_text(text.replace(",", "\t"))
    assert done("evaluate", tmp_path / "a.csv", "--separator", ";") == expected
    assert done("evaluate", tmp_path / "a.tsv") == expected
    (tmp_path / "b.csv").write_text(text.replace(",", "\t"))
    for word in ("tab", "\\t", "\t"):
        assert done("evaluate", tmp_path / "b.csv", "--separator", word) == expected
    command = [sys.executable, "-m", "fastloss", "evaluate", "-"]
    for more, data in (([], text), (["--separator", ";"], text.replace(",", ";"))):
        found = subprocess.run([*command, *more], input=data, capture_output=True, text=True, check=True, cwd=EXAMPLES.parent)
        assert (found.stdout, found.stderr) == (expected, "")
    found = subprocess.run([*command, "--y-true", "y"], input=text, capture_output=True, text=True, cwd=EXAMPLES.parent)
    assert found.returncode == 1
    assert the_message(found.stderr).startswith("standard input: has no column 'y'")
    found = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=EXAMPLES.parent)
    assert the_message(found.stderr) == "standard input: Empty CSV file"


def test_a_terminal_is_no_table(failed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (None, SimpleNamespace(isatty=lambda: True)):
        monkeypatch.setattr(sys, "stdin", stream)
        assert failed(1, "evaluate", "-") == "standard input: is a terminal, or closed: pipe a table into it"


@pytest.mark.usefixtures("small_batches")
def test_missing_numbers_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str], failed: Command) -> None:
    y, p = [float(i) for i in range(300)], [float(i) for i in range(300)]
    y[7] = y[200] = p[123] = None
    pa.parquet.write_table(pa.table({"y_true": y, "y_pred": p}), tmp_path / "a.parquet")
    rows = "".join(f"{'' if a is None else a},{'' if b is None else b}\n" for a, b in zip(y, p, strict=True))
    (tmp_path / "a.csv").write_text(f"y_true,y_pred\n{rows}")
    for name in ("a.parquet", "a.csv"):
        assert main(["evaluate", str(tmp_path / name), "--json"]) == 0
        out, err = capsys.readouterr()
        where = f"of {tmp_path / name}: what they are part of is NaN\n"
        assert f"fastloss: note: 2 numbers are missing or NaN in 'y_true', the first one in row 7 {where}" in err
        assert f"fastloss: note: 1 number is missing or NaN in 'y_pred', the first one in row 123 {where}" in err
        found = json.loads(out)
        assert found["missing"]["y_true"] == {"count": 2, "first_row": 7, "file": str(tmp_path / name)}
        assert [item["note"] for item in found["results"]] == ["NaN", "NaN"]
    message = failed(1, "evaluate", tmp_path / "a.csv", "--metric", "r2_score")
    assert "NaN" in message
    assert message.endswith(f"(1 number is missing or NaN in 'y_true', the first one in row 7 of {tmp_path / 'a.csv'})")


# ---- losses, show, info ------------------------------------------------------------------------------------------


def test_losses(done: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = done("losses", "--family", "regression")
    assert [line.split()[0] for line in out.splitlines()] == fl.list_losses("regression")
    assert re.search(r"^huber +Huber's loss: squared near zero, linear in the tails\.$", out, re.MULTILINE)
    assert "`" not in out
    monkeypatch.setenv("COLUMNS", "80")
    lines = done("losses").splitlines()
    assert [line.split()[0] for line in lines] == fl.list_losses()
    assert max(map(len, lines)) <= 80
    assert all(len(line) > 45 for line in lines)


def test_losses_as_json(done: Command) -> None:
    found = {item["name"]: item for item in json.loads(done("losses", "--json"))}
    assert list(found) == fl.list_losses()
    for name, item in found.items():
        loss = fl.get_loss(name)
        assert (item["class"], item["family"]) == (type(loss).__name__, loss.family)
        assert (item["inputs"], item["optional"]) == ([*loss.inputs], [*loss.optional])
    assert found["huber"]["parameters"] == {"delta": 1.0}
    assert found["huber"]["summary"] == "Huber's loss: squared near zero, linear in the tails."


def test_show(done: Command) -> None:
    out = done("show", "huber:delta=2")
    assert out.startswith("Huber(delta: float = 1.0)\n\nhuber:delta=2: Huber(delta=2.0), called as loss(y_true, y_pred, ")
    assert "\nNotes\n-----\n.. math::\n\n    \\ell = " in out
    assert f"\nValue in NumPy\n--------------\n{fl.huber.numpy_value}\n" in out
    assert out.endswith(f"\nGradient in NumPy\n-----------------\n{fl.huber.numpy_gradient}\n")
    assert "called as loss(y_true, mean, var, " in done("show", "gaussian_nll")


def test_show_has_no_one_liner_for_other_parameters(done: Command) -> None:
    assert "Value in NumPy" in done("show", "poisson")
    assert "in NumPy" not in done("show", "poisson:from_log=false")
    # NumPy overflows or divides by zero
    assert "in NumPy" not in done("show", "pseudo_huber:delta=1e300")
    assert "in NumPy" not in done("show", "tweedie:power=1")


@pytest.mark.parametrize("name", fl.list_losses())
def test_show_every_loss(done: Command, name: str) -> None:
    assert done("show", name).startswith(f"{type(fl.get_loss(name)).__name__}(")


def test_info(done: Command) -> None:
    out = done("info")
    for key in fl.config():
        assert f"│ {key} " in out
    assert fl.__version__ in out


@pytest.mark.parametrize("arguments", [[], ["--help"], ["evaluate", "--help"], ["bench", "--help"], ["show", "-h"]])
def test_help(done: Command, arguments: list[str]) -> None:
    assert done(*arguments).startswith("usage: fastloss ")


# What each shell is asked: what comes after these words.
ASK = {
    "bash": "source {file}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _shtab_fastloss; "
    'printf "%s\\n" "${{COMPREPLY[@]}}"',
    "fish": "source {file}; complete --do-complete '{words}'",
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("fastloss ev", ["evaluate"]),
        ("fastloss evaluate --met", ["--metric"]),
        ("fastloss evaluate a.csv --loss huber --loss pseudo", ["pseudo_huber"]),
        ("fastloss evaluate a.csv --metric f1", ["f1_score"]),
        ("fastloss show sym", ["symmetric_absolute_percentage_error"]),
        ("fastloss losses --family reg", ["regression"]),
        ("fastloss evaluate breast", ["breast_cancer.csv"]),
    ],
)
@pytest.mark.parametrize("shell", ASK)
def test_completion(done: Command, tmp_path: Path, shell: str, words: str, expected: list[str]) -> None:
    pytest.importorskip("shtab")
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    file = tmp_path / "completion"
    file.write_text(done("completion", shell))
    question = ASK[shell].format(file=file, words=words)
    home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    result = subprocess.run([shell, "-c", question], cwd=EXAMPLES, env=home, capture_output=True, text=True, check=True)
    assert [line.partition("\t")[0] for line in result.stdout.splitlines()] == expected


def test_completion_for_zsh(done: Command, tmp_path: Path) -> None:
    pytest.importorskip("shtab")
    (tmp_path / "_fastloss").write_text(done("completion", "zsh"))
    assert "huber" in (tmp_path / "_fastloss").read_text()
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n", tmp_path / "_fastloss"], check=True)


def test_shtab_is_missing(failed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    without("shtab", monkeypatch)
    assert failed(1, "completion", "bash") == "fastloss completion needs shtab: pip install 'fastloss[cli]'"


def test_version(done: Command) -> None:
    assert done("--version") == f"fastloss {fl.__version__}\n"


# ---- plots -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", fl.list_losses())
def test_curves_of_every_loss(name: str) -> None:
    from fastloss.cli.plot import curves as curves_of

    curves = {what: (x, y) for what, x, y in curves_of(fl.get_loss(name))}
    assert "value" in curves
    assert ("gradient" in curves) == (not fl.get_loss(name).no_gradient)
    assert ("Hessian" in curves) == ("gradient" in curves and not fl.get_loss(name).no_hessian)
    for x, y in curves.values():
        assert x.shape == y.shape
        assert x.size > 100


def test_curves_are_those_of_one_sample() -> None:
    from fastloss.cli.plot import curves as curves_of

    curves = {what: y for what, _, y in curves_of(fl.huber)}
    r = np.linspace(-4, 4, 1601)
    np.testing.assert_allclose(curves["value"], np.where(np.abs(r) <= 1, r**2 / 2, np.abs(r) - 0.5), atol=1e-12)
    np.testing.assert_allclose(curves["gradient"], np.clip(r, -1, 1), atol=1e-12)
    assert set(curves["Hessian"]) == {0, 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", fl.list_losses())
def test_curves_belong_together(name: str) -> None:
    """The gradient is the slope of the value, and the Hessian that of the gradient: all are by one input."""
    from fastloss.cli.plot import curves as curves_of

    loss = fl.get_loss(name)
    if loss.no_gradient or (loss.signature.axes == "(k)" and "y_pred" in loss._domains()):
        pytest.skip("has no gradient, or probabilities of two classes are moved at once")
    if name == "lambda_rank":
        pytest.skip("has the derivatives of another function: its value is constant between exchanges")
    curves = {what: (x, y) for what, x, y in curves_of(loss)}
    for below, above in (("value", "gradient"), ("gradient", "Hessian")):
        if above not in curves:
            continue
        x, y, derivative = *curves[below], curves[above][1]
        finite = np.isfinite(y) & np.isfinite(derivative)
        slope = np.gradient(y[finite], x[finite])[1:-1]
        error = np.abs(slope - derivative[finite][1:-1]) / np.maximum(1, np.abs(slope))
        # all but the kinks and the ends of the domain
        assert np.mean(error > 0.02) < 0.04, (below, above)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "start"), [("h.png", b"\x89PNG"), ("h.svg", b"<?xml"), ("h.pdf", b"%PDF"), ("h", b"\x89PNG")])
def test_plot(done: Command, tmp_path: Path, name: str, start: bytes) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / name
    path.write_text("old")
    done("show", "huber:delta=2", "--plot", path)
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_plot_fails_half_way(failed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = pytest.importorskip("matplotlib.figure")

    def disk_full(self: object, path: Path, **options: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(figure.Figure, "savefig", disk_full)
    path = tmp_path / "h.png"
    path.write_text("old")
    assert failed(1, "show", "huber", "--plot", path) == f"{path}: No space left on device"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_plot_mistakes(failed: Command, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert "argument --plot: Format 'xyz' is not supported" in failed(2, "show", "huber", "--plot", tmp_path / "h.xyz")
    assert failed(1, "show", "huber", "--plot", tmp_path / "no" / "h.png").endswith("h.png: No such file or directory")
    assert failed(1, "show", "huber", "--plot", tmp_path).endswith(": is not a regular file")
    assert failed(1, "show", "huber", "--plot", "/dev/null") == "/dev/null: is not a regular file"
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--group-by", "model"], ["--group-by", "day"]])
def test_plot_of_results(done: Command, tmp_path: Path, options: list[str]) -> None:
    pytest.importorskip("matplotlib")
    (path,) = partitions(tmp_path, ".parquet", 1, predictions())
    shown = done("evaluate", path, "--loss", "mse", "--loss", "mae", *options)
    for name, begin in (("h.png", b"\x89PNG"), ("h.svg", b"<?xml")):
        assert done("evaluate", path, "--loss", "mse", "--loss", "mae", "--plot", tmp_path / name, *options) == shown
        assert (tmp_path / name).read_bytes().startswith(begin)
    assert len(list(tmp_path.iterdir())) == 3


def test_plot_of_strange_results(done: Command, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    columns = {"g": ["$x", "\x1b[0m", None], "y_true": [0.0] * 3, "y_pred": [np.nan, np.inf, 1.0]}
    pa.parquet.write_table(pa.table(columns), tmp_path / "$.parquet")
    done("evaluate", tmp_path / "$.parquet", "--loss", "mse", "--group-by", "g", "--plot", tmp_path / "h.png")
    done("evaluate", tmp_path / "$.parquet", "--loss", "mse", "--plot", tmp_path / "h.pdf")


def test_plot_mistakes_of_results(failed: Command, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    # before anything is read
    assert "Format 'xyz' is not supported" in failed(2, "evaluate", "missing.csv", "--plot", tmp_path / "h.xyz")
    assert failed(1, "evaluate", "missing.csv", "--plot", tmp_path / "no" / "h.png").endswith(
        "h.png: No such file or directory"
    )
    np.savez(tmp_path / "x.npz", g=np.arange(201), y_true=np.zeros(201), y_pred=np.zeros(201))
    message = failed(1, "evaluate", tmp_path / "x.npz", "--group-by", "g", "--plot", tmp_path / "h.png")
    assert message == f"{tmp_path}/h.png: a plot has room for 200 groups; there are 201"
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


# ---- bench -------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = bench.measure
    monkeypatch.setattr(bench, "measure", lambda case: measure(case, seconds=0))


@pytest.mark.usefixtures("quick")
def test_bench_table(done: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    out = done("bench", "--losses", "mse,huber", "--sizes", "10,1000", "--dtypes", "float32")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    assert cells[0] == ["loss", "n", "dtype", "what", "NumPy ms", "fastloss ms", "ratio"]
    assert [tuple(row[:4]) for row in cells[1:]] == [
        (loss, n, "float32", what)
        for n in ("10", "1,000")
        for loss in ("SquaredError()", "Huber(delta=1.0)")
        for what in ("value", "value + gradient")
    ]
    for row in cells[1:]:
        assert row[6].endswith("x")
        assert float(row[6][:-1]) == pytest.approx(float(row[4]) / float(row[5]), rel=0.02, abs=0.06)
    facts = bench.machine_facts()
    assert f"{facts['cpus']} CPUs, {facts['threads']} threads, {facts['isa']}, NumPy {np.__version__}" in lines[-1]


@pytest.mark.usefixtures("quick")
def test_bench_json(done: Command) -> None:
    result = strict_json(done("bench", "--losses", "gaussian_nll", "--sizes", "100", "--json"))
    assert result["machine"] == bench.machine_facts()
    assert [(row["loss"], row["n"], row["dtype"], row["what"]) for row in result["rows"]] == [
        (repr(fl.gaussian_nll), 100, "float32", "value"),
        (repr(fl.gaussian_nll), 100, "float64", "value"),
    ]
    for row in result["rows"]:
        assert row["ratio"] == row["numpy_seconds"] / row["fastloss_seconds"]


def test_bench_of_results_that_differ(failed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fl.Huber, "numpy_value", "np.mean(y_pred)")
    message = failed(1, "bench", "--losses", "huber", "--sizes", "10", "--json")
    assert message.startswith("fastloss and NumPy differ by ")
    assert message.endswith(", in: Huber(delta=1.0) value float32 n=10")


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.234e-6, "0.00123"), (9.999e-4, "1.000"), (0.0296, "29.6"), (0.5, "500"), (12.3456, "12,346")]
)
def test_milliseconds(seconds: float, text: str) -> None:
    from fastloss.cli import _milliseconds

    assert _milliseconds(seconds) == text


# ---- optional packages, signals, outputs -------------------------------------------------------------------------


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize("arguments", [["evaluate", str(DIABETES)], ["info"], ["bench", "--sizes", "10"]])
def test_rich_is_missing(failed: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    without("rich", monkeypatch)
    assert "pip install 'fastloss[cli]'" in failed(1, *arguments)


def test_what_works_without_rich(done: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    without("rich", monkeypatch)
    assert values(done("evaluate", DIABETES, "--json"))
    assert done("evaluate", DIABETES, "--csv").startswith("loss,value\n")
    assert done("show", "huber")


def test_pyarrow_is_missing(failed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    without("pyarrow", monkeypatch)
    assert failed(1, "evaluate", DIABETES).endswith("reading .csv needs pyarrow: pip install 'fastloss[cli]'")


def test_matplotlib_is_missing(failed: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without("matplotlib", monkeypatch)
    assert failed(1, "show", "huber", "--plot", tmp_path / "h.png") == "plots are drawn by matplotlib: pip install matplotlib"


def test_interrupt_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(case: bench.Case) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "measure", interrupt)
    assert main(["bench"]) == 130
    assert capsys.readouterr() == ("", "")


def test_out_of_memory(failed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(case: bench.Case) -> None:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(bench, "measure", exhausted)
    assert failed(1, "bench", "--json") == "out of memory: Unable to allocate 9 TiB"


def process(*arguments: object, shell: str = 'exec "$@"', **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own; ``shell`` may redirect."""
    environment = {**os.environ, "PYTHONPATH": str(Path(fl.__file__).parents[1])}
    command = ["sh", "-c", shell, "sh", sys.executable, "-W", "error", "-m", "fastloss", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, **options}
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, env=environment, timeout=300, check=False, **options)


def test_module_is_the_command() -> None:
    done = process("evaluate", DIABETES, "--loss", "mae", "--csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("loss,value\nmae,44.")


def test_module_fails_with_a_line() -> None:
    done = process("evaluate", "missing.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert the_message(done.stderr) == "missing.csv: No such file or directory"


PIPED = [
    ["losses"],
    ["--help"],
    ["show", "huber"],
    ["evaluate", DIABETES, "--json"],
    ["evaluate", DIABETES, "--group-by", "y_true"],
]

KILLED = {signal.SIGKILL: -9, signal.SIGTERM: -15, signal.SIGINT: 130}


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An array of 32 GB, all zeros, which takes no room on the disk and many seconds to read."""
    path = tmp_path / "large.npy"
    np.save(path, np.zeros(0))
    header = path.read_bytes().replace(b"(0,), }" + b" " * 11, b"(4000000000,), }  ")
    path.write_bytes(header)
    os.truncate(path, len(header) + 32_000_000_000)
    return path


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(fl.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-m", "fastloss", *map(str, arguments)], env=environment, **options)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="not every file system has sparse files")
@pytest.mark.parametrize("number", list(KILLED))
@pytest.mark.usefixtures("interruptible")
def test_killed_half_way(large: Path, tmp_path: Path, number: signal.Signals) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "plot.png"
    plot.write_text("old")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start("evaluate", large, large, "--loss", "mse", "--plot", plot, **pipes) as command:
        busy = Path(f"/proc/{command.pid}/io")
        while "rchar: 0" in busy.read_text() or int(busy.read_text().split()[1]) < 100_000_000:
            assert command.poll() is None
            time.sleep(0.01)
        command.send_signal(number)
        out, err = command.communicate(timeout=300)
    assert (command.returncode, out, err) == (KILLED[number], b"", b"")
    assert plot.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large.npy", "plot.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="not every file system has sparse files")
@pytest.mark.usefixtures("interruptible")
def test_a_bar_on_a_terminal_only(large: Path) -> None:
    pytest.importorskip("rich")
    terminal, end = pty.openpty()
    try:
        with start("evaluate", large, large, stdout=subprocess.PIPE, stderr=end) as command:
            text = b""
            while b"32.0 GB" not in text and b"64.0 GB" not in text:
                text += os.read(terminal, 10_000)
            command.send_signal(signal.SIGINT)
            out, _ = command.communicate(timeout=300)
    finally:
        os.close(end)
        os.close(terminal)
    assert (command.returncode, out) == (130, b"")
    assert b"reading" in text


@pytest.mark.slow
@pytest.mark.parametrize("arguments", PIPED)
def test_broken_pipe_is_quiet(arguments: list[object]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = process(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_head_reads_one_line() -> None:
    done = process("losses", shell='"$@" | head -1')
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["losses"], ["evaluate", DIABETES, "--csv"], ["bench", "--sizes", "10", "--json"]])
def test_full_disk(arguments: list[object]) -> None:
    done = process(*arguments, shell='exec "$@" > /dev/full')
    assert done.returncode == 1
    assert the_message(done.stderr) == "cannot write: No space left on device"


def test_closed_output() -> None:
    done = process("losses", shell='exec "$@" >&-')
    assert done.returncode == 1
    assert the_message(done.stderr) == "cannot write: the standard output is closed"


def test_characters_that_the_output_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastloss.cli import _write

    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    _write("Fr\u00e9chet\n")
    assert output.buffer.getvalue() == b"Fr\\xe9chet\n"


def test_plain_terminals_get_plain_characters() -> None:
    done = process("evaluate", DIABETES, shell='PYTHONIOENCODING=ascii exec "$@"')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
