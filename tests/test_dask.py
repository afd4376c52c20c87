"""Dask gives the bits of one call, however the data are cut and whoever computes; what cannot work says why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastloss as fl
import fastloss.dask

pytestmark = pytest.mark.slow

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
Y_TRUE = RNG.normal(size=1003)
# sums that depend on the order unless they are exact
Y_PRED = Y_TRUE + RNG.normal(size=1003) * 10.0 ** RNG.integers(-8, 8, 1003)
WEIGHTS = RNG.random(1003)
LABELS, SCORES = RNG.integers(0, 4, 1003), RNG.normal(size=(1003, 4))
LOSSES = {"mse": fl.mse, "huber": fl.Huber(delta=2.0), "rmse": fl.rmse}
EXPECTED = fl.evaluate(LOSSES, Y_TRUE, Y_PRED, sample_weight=WEIGHTS)
CROSS_ENTROPY = fl.CategoricalCrossEntropy(from_logits=True)


def cut(array: np.ndarray, parts: Any) -> Any:
    return da.from_array(array, chunks=-(-len(array) // parts) if isinstance(parts, int) else parts)


def frame(parts: int) -> Any:
    columns = {"y": Y_TRUE, "p": Y_PRED, "w": WEIGHTS, "label": LABELS} | {f"s{i}": SCORES[:, i] for i in range(4)}
    return dd.from_pandas(pd.DataFrame(columns), npartitions=parts)


@pytest.mark.parametrize("parts", [1, 3, 50])
@pytest.mark.parametrize("split_every", [2, 8])
def test_arrays(parts: int, split_every: int) -> None:
    arrays = [cut(array, parts) for array in (Y_TRUE, Y_PRED, WEIGHTS)]
    assert fl.dask.evaluate(LOSSES, *arrays, split_every=split_every) == EXPECTED


def test_arrays_that_are_cut_differently() -> None:
    assert fl.dask.evaluate(LOSSES, cut(Y_TRUE, 4), cut(Y_PRED, 7), cut(WEIGHTS, 1)) == EXPECTED


def test_arrays_that_are_cut_alike_are_not_cut_again() -> None:
    task = fl.dask.evaluate(LOSSES, cut(Y_TRUE, 50), cut(Y_PRED, 50), compute=False)
    assert not any("rechunk" in str(key) for key in task.dask)
    assert any("rechunk" in str(key) for key in fl.dask.evaluate(LOSSES, cut(Y_TRUE, 5), cut(Y_PRED, 3), compute=False).dask)


@pytest.mark.parametrize("parts", [1, 3, 50])
def test_columns_of_a_dataframe(parts: int) -> None:
    data = frame(parts)
    assert fl.dask.evaluate(LOSSES, data.y, data.p, data.w) == EXPECTED
    # unknown divisions, and unknown lengths
    unknown = data.clear_divisions()
    assert fl.dask.evaluate(LOSSES, unknown.y, unknown.p, unknown.w) == EXPECTED
    assert fl.dask.evaluate(LOSSES, data.y, data.p.to_dask_array(), data.w) == EXPECTED


@pytest.mark.parametrize("chunks", [(100, 4), (100, 1), (37, 3)])
def test_rows_of_classes(chunks: tuple[int, int]) -> None:
    expected = fl.evaluate(CROSS_ENTROPY, LABELS, SCORES)
    assert fl.dask.evaluate(CROSS_ENTROPY, cut(LABELS, 9), cut(SCORES, chunks)) == expected
    # numbers of two axes, cut along both
    expected = fl.evaluate("mse", SCORES, SCORES[::-1])
    assert fl.dask.evaluate("mse", cut(SCORES, (50, 2)), cut(SCORES[::-1], chunks)) == expected


def test_classes_in_columns() -> None:
    data = frame(5)
    expected = fl.evaluate(CROSS_ENTROPY, LABELS, SCORES)
    assert fl.dask.evaluate(CROSS_ENTROPY, data.label, data[["s0", "s1", "s2", "s3"]]) == expected
    assert fl.dask.evaluate(CROSS_ENTROPY, data.label, data[["s0", "s1", "s2", "s3"]].to_dask_array()) == expected


def test_sum_and_names() -> None:
    expected = fl.evaluate(["mse", "mae"], Y_TRUE, Y_PRED, reduction="sum")
    assert fl.dask.evaluate(["mse", "mae"], cut(Y_TRUE, 7), cut(Y_PRED, 7), reduction="sum") == expected


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_schedulers(scheduler: str) -> None:
    with dask.config.set(scheduler=scheduler, num_workers=2):
        assert fl.dask.evaluate(LOSSES, cut(Y_TRUE, 5), cut(Y_PRED, 5), cut(WEIGHTS, 5)) == EXPECTED


def test_cluster() -> None:
    pytest.importorskip("distributed")
    # a cluster leaves sockets and warnings behind that are no business of the other tests
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import test_dask as t\n"
        "from distributed import Client\n"
        "with Client(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as client:\n"
        "    data = t.frame(5)\n"
        "    assert t.fl.dask.evaluate(t.LOSSES, data.y, data.p, data.w) == t.EXPECTED\n"
        "    assert t.fl.dask.evaluate(t.LOSSES, t.cut(t.Y_TRUE, 9), t.cut(t.Y_PRED, 9), t.cut(t.WEIGHTS, 9)) == t.EXPECTED\n"
        "    assert client.scheduler_info()['workers']\n"
    )
    paths = [str(Path(__file__).parent), str(Path(fl.__file__).parents[1])]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {paths[1]!r})\n{script}", paths[0]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    seen: list[int] = []

    def note(block: np.ndarray) -> np.ndarray:
        seen.append(block.size)
        return block

    task = fl.dask.evaluate(LOSSES, cut(Y_TRUE, 3).map_blocks(note, meta=Y_TRUE[:0]), cut(Y_PRED, 3), compute=False)
    assert seen == []
    assert task.compute(scheduler="synchronous") == fl.evaluate(LOSSES, Y_TRUE, Y_PRED)
    assert sum(seen) == 1003


def test_a_common_source_is_computed_once() -> None:
    calls: list[int] = []

    def load(block: np.ndarray) -> np.ndarray:
        calls.append(1)
        return block

    pairs = cut(np.stack([Y_TRUE, Y_PRED], axis=1), (335, 2)).map_blocks(load, meta=np.empty((0, 2)))
    with dask.config.set(scheduler="synchronous"):
        assert fl.dask.evaluate(LOSSES, pairs[:, 0], pairs[:, 1]) == fl.evaluate(LOSSES, Y_TRUE, Y_PRED)
    assert len(calls) == 3


def test_a_task_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    update = fl.Evaluation.update

    def watched(self: fl.Evaluation, *inputs: Any, **named: Any) -> fl.Evaluation:
        found.append(fl.get_num_threads())
        return update(self, *inputs, **named)

    monkeypatch.setattr(fl.Evaluation, "update", watched)
    with fl.num_threads(3), dask.config.set(scheduler="synchronous"):
        fl.dask.evaluate(LOSSES, cut(Y_TRUE, 4), cut(Y_PRED, 4))
        assert fl.get_num_threads() == 3
    assert found == [1] * 4


def test_merging_is_a_tree() -> None:
    task = fl.dask.evaluate(LOSSES, cut(Y_TRUE, 50), cut(Y_PRED, 50), compute=False, split_every=4)
    # 48 states, then 12, 3 and 1
    assert sum(str(key).startswith("_merge") for key in task.dask) == 12 + 3 + 1


@pytest.mark.parametrize(
    ("inputs", "kind", "message"),
    [
        (lambda: (Y_TRUE, cut(Y_PRED, 2)), TypeError, "y_true must be a Dask array, Series or DataFrame; got ndarray."),
        (lambda: (cut(Y_TRUE, 2), 3.0), TypeError, "y_pred must be a Dask array, Series or DataFrame; got float."),
        (
            lambda: (cut(Y_TRUE, 2), cut(Y_PRED[:-1], 2)),
            ValueError,
            r"equally many rows; got the shapes \(1003,\) for y_true, \(1002,\) for y_pred\.",
        ),
        (
            lambda: (frame(3).y, frame(4).p),
            ValueError,
            r"y_true and y_pred must have the same partitions; got 3 \(0, .*\) and 4 .*Use y_pred\.repartition\(divisions",
        ),
        (lambda: (frame(3).clear_divisions().y, frame(4).p), ValueError, "Use columns of one dataframe"),
        (
            lambda: (frame(3).y, cut(Y_PRED, 5)),
            ValueError,
            r"got 3 of y_true, 5 of y_pred\. y_true\.compute_chunk_sizes\(\) makes them known",
        ),
        (
            lambda: (frame(3).y, frame(3).p[frame(3).p > 0]),
            ValueError,
            r"in partition \d of 3: y_true and y_pred must have the same shape; got \(33",
        ),
    ],
)
def test_inputs_that_do_not_fit(inputs: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        fl.dask.evaluate(LOSSES, *inputs())


def test_bad_numbers_name_the_partition() -> None:
    scores = np.full(100, 0.5)
    scores[57] = 1.5
    with pytest.raises(ValueError, match=r"in partition 5 of 10: y_pred must lie in \[0, 1\] .* got 1\.5 at index 7\."):
        fl.dask.evaluate("binary_cross_entropy", cut(np.ones(100), 10), cut(scores, 10))


@pytest.mark.parametrize("split_every", [1, 0, 2.5, True])
def test_split_every(split_every: Any) -> None:
    with pytest.raises(ValueError, match="split_every must be an integer from 2; got "):
        fl.dask.evaluate(LOSSES, cut(Y_TRUE, 2), cut(Y_PRED, 2), split_every=split_every)


def test_dask_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dask", "dask.delayed"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"fastloss\.dask needs Dask: pip install 'fastloss\[dask\]'"):
        fl.dask.evaluate(LOSSES, None, None)
