"""The examples run, and show what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastloss as fl

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep to the limit")
def test_larger_than_memory() -> None:
    pytest.importorskip("pyarrow")
    done = run("larger_than_memory.py", "--megabytes", 500, "--limit", 450)
    first, second, *rows = done.stdout.splitlines()
    size, limit = map(int, re.fullmatch(r"(\d+) MB in the file, (\d+) MB of memory", first).groups())
    assert size >= 500 > limit
    assert second != "reading all of it ends with status 0"
    assert rows[0] == "model,n,squared_error,huber:delta=2"
    assert [row.split(",")[0] for row in rows[1:]] == ["2024-05", "2024-06"]
    assert sum(int(row.split(",")[1]) for row in rows[1:]) % (1 << 20) == 0
    assert all(float(row.split(",")[2]) == pytest.approx(1, abs=0.01) for row in rows[1:])


def test_compare_models(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run("compare_models.py", "--plot", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    numbers = {}
    for line in done.stdout.splitlines()[1:]:
        model, *cells = line[28:].split()
        numbers.setdefault(model, []).append([float(cell) for cell in cells])
    y_true, y_pred = np.loadtxt(EXAMPLES / "diabetes.csv", delimiter=",", skiprows=1).T
    for model, prediction in (("mean", np.full_like(y_true, y_true.mean())), ("regression", y_pred)):
        all_rows = [fl.rmse(y_true, prediction), fl.mae(y_true, prediction), fl.Huber(delta=50.0)(y_true, prediction)]
        assert [row[-1] for row in numbers[model]] == pytest.approx(all_rows, rel=1e-4)
        assert len(numbers[model][0]) == 4


def test_segment_picture() -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("PIL")
    rows = [line.split() for line in run("segment_picture.py").stdout.splitlines()[2:]]
    dice, jaccard = ({row[0]: float(row[column]) for row in rows} for column in (1, 2))
    assert dice["dice"] > dice["binary_cross_entropy"] > 0.5
    for name, score in dice.items():
        assert jaccard[name] == pytest.approx(score / (2 - score), abs=1e-3)


def test_metric_learning() -> None:
    pytest.importorskip("sklearn")
    lines = run("metric_learning.py").stdout.splitlines()
    before, *_, after = ([float(cell) for cell in line.split()] for line in lines[1:])
    assert after[1] < before[1] / 1.5
    assert before[2] < 0.8 < 0.86 < after[2]


@pytest.mark.parametrize("c", [1.0, 0.01])
def test_logistic_regression(c: float) -> None:
    pytest.importorskip("sklearn")
    _, *models, objectives, coefficients = run("logistic_regression.py", "--C", c).stdout.splitlines()
    assert [line.split()[0] for line in models] == ["fastloss", "scikit-learn"]
    mine, theirs = ([float(cell) for cell in line.split()[1:]] for line in models)
    assert mine == pytest.approx(theirs, rel=1e-6)
    assert mine[2] > 0.95
    assert float(re.fullmatch(r"objectives differ by (\S+) of theirs", objectives)[1]) < 1e-10
    assert float(re.fullmatch(r"coefficients differ by (\S+) at the most", coefficients)[1]) < 1e-5


def test_vae_digits(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    lines = [run("vae_digits.py", tmp_path / "digits.png", "--epochs", 10).stdout.splitlines() for _ in range(2)]
    assert lines[0] == lines[1], "it is deterministic"
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    before, *_, after = ([float(cell) for cell in line.split()] for line in lines[0][1:-1])
    assert before[1] > 45 > 27 > after[1]
    for row in (before, after):
        assert row[1] == pytest.approx(row[2] + row[3], abs=2e-3)


@pytest.mark.parametrize("kind", ["minimax", "hinge", "least_squares"])
def test_gan_digits(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    done = run("gan_digits.py", tmp_path / "digits.png", "--steps", 500, "--kind", kind)
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    rows = np.array([[float(cell) for cell in line.split()] for line in done.stdout.splitlines()[1:-1]])
    assert np.isfinite(rows).all()
    # the players keep each other busy: what a discriminator that knows nothing pays is 2 log 2, 2, or 1/2
    clueless = {"minimax": 1.386, "hinge": 2.0, "least_squares": 0.5}[kind]
    assert 0.3 * clueless < rows[-1, 1] < 1.3 * clueless


def test_custom_loss_xgboost() -> None:
    for library in ("xgboost", "sklearn", "numba", "sympy"):
        pytest.importorskip(library)
    report, squared, own = run("custom_loss_xgboost.py").stdout.splitlines()
    assert report == "Shortage(a=4.0): nothing wrong, 268 numbers tried"
    (few, cost), (fewer, less) = (re.findall(r"[\d.]+", line)[-2:] for line in (squared, own))
    assert float(fewer) < float(few)
    assert float(less) < float(cost)


def test_torch_digits() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    _, *curve, accuracy, training, loss = run("torch_digits.py", "--epochs", 6, "--repeat", 2).stdout.splitlines()
    rows = [[float(cell) for cell in line.split()] for line in curve]
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5, 6]
    for _, mine, theirs in rows:
        assert mine == pytest.approx(theirs, rel=1e-3)
    assert rows[-1][1] < rows[0][1] / 2
    assert float(accuracy.split()[1]) > 0.95
    assert all(float(number) > 0 for line in (training, loss) for number in re.findall(r"\d+\.\d+", line)[:2])
