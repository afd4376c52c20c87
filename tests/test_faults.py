"""What fault injection has found once: crashes, wrong numbers, tracebacks and unclear errors. Each must not come back."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastloss as fl
from fastloss import _datasets, metrics
from fastloss.cli import main

WATCHDOG = 300
HUGE = 10**400
# Integers of more digits than Python writes into a message.
UNWRITABLE = 10**5000

LOSSES = [fl.get_loss(name) for name in fl.list_losses()]
CLASSES = [type(loss) for loss in LOSSES]


def every_parameter(*kinds: str) -> list[Any]:
    """Classes, names and kinds of parameters: numbers, or lists with a number for each class."""
    found = []
    for cls in CLASSES:
        for item in fields(cls):
            if "interval" in item.metadata and "number" in kinds:
                found.append(pytest.param(cls, item.name, id=f"{cls.__name__}-{item.name}"))
            if item.name == "class_weight" and "list" in kinds:
                found.append(pytest.param(cls, item.name, id=f"{cls.__name__}-{item.name}"))
    assert found
    return found


# ---- a single row ----------------------------------------------------------------------------------------------


def probabilities(rng: np.random.Generator, k: int) -> np.ndarray:
    return rng.dirichlet(np.ones(k))


# A loss, what makes the labels of its row (an index or a distribution), and what makes predictions.
def index(rng: np.random.Generator, k: int) -> np.ndarray:
    return np.asarray(rng.integers(0, k))


def one_hot(rng: np.random.Generator, k: int) -> np.ndarray:
    return np.eye(k)[rng.integers(0, k)]


def several(rng: np.random.Generator, k: int) -> np.ndarray:
    """A list of class indices that ends with -1, and lies between other numbers."""
    return np.where(np.arange(k) < k // 2, rng.permutation(k), -1)


def bits(rng: np.random.Generator, k: int) -> np.ndarray:
    return rng.integers(0, 2, k).astype(float)


def scores(rng: np.random.Generator, k: int) -> np.ndarray:
    return rng.standard_normal(k) * 3


SINGLE_ROWS = {
    "cross_entropy_of_index": (fl.CategoricalCrossEntropy(from_logits=True), index, scores),
    "cross_entropy_of_distribution": (fl.CategoricalCrossEntropy(from_logits=True), probabilities, scores),
    "cross_entropy_of_probabilities": (fl.CategoricalCrossEntropy(), index, probabilities),
    "sparse": (fl.SparseCategoricalCrossEntropy(from_logits=True, label_smoothing=0.1), index, scores),
    "focal": (fl.CategoricalFocal(from_logits=True), index, scores),
    "generalized": (fl.GeneralizedCrossEntropy(from_logits=True), one_hot, scores),
    "poly": (fl.PolyCrossEntropy(from_logits=True), index, scores),
    "hinge": (fl.categorical_hinge, index, scores),
    "margin": (fl.MultiMargin(p=2), index, scores),
    "margin_of_lists": (fl.multi_label_margin, several, scores),
    "soft_margin": (fl.multi_label_soft_margin, bits, scores),
    "kl_divergence": (fl.kl_divergence, probabilities, probabilities),
    "jensen_shannon": (fl.jensen_shannon, probabilities, probabilities),
}


def layouts(row: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The numbers of a row with anything but one step of one item between them; what lies between is no number."""
    k = row.size

    def among(shape: tuple[int, ...], order: str, where: Any) -> np.ndarray:
        filler = np.nan if row.dtype.kind == "f" else -77
        whole = np.full(shape, filler, row.dtype, order=order)
        whole[where] = row
        return whole[where]

    yield "every second", among((2 * k,), "C", np.s_[::2])
    yield "every third", among((3 * k,), "C", np.s_[1::3])
    yield "backwards", row[::-1].copy()[::-1]
    yield "every second backwards", among((2 * k,), "C", np.s_[::-2])
    yield "row of columns", among((7, k), "F", np.s_[4])
    yield "last row of columns", among((7, k), "F", np.s_[-1])
    yield "column", among((k, 5), "C", np.s_[:, 2])
    yield "row of a transposed array", among((k, 5), "C", np.s_[:, 2]).T
    yield "in the middle of three axes", among((3, k, 4), "C", np.s_[1, :, 3])


def poison(rng: np.random.Generator) -> None:
    """Make calls that leave shapes and steps of every kind in the memory that the next call works in."""
    for shape in ((3, 4, 5, 6), (2, 3, 300), (1000, 3), (50, 7)):
        for order in ("C", "F"):
            p = np.asarray(rng.standard_normal(shape), order=order)
            t = rng.integers(0, shape[-1], shape[:-1])
            w = rng.random(shape[:-1])
            fl.CategoricalCrossEntropy(from_logits=True).gradient_and_hessian(t, p, w, reduction="none")
            fl.huber.value_and_gradient(p[..., ::-2], p[..., ::-2], reduction="none")
            fl.multi_margin(t[::-1], p[::-1], reduction="sum")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("k", [2, 5, 17, 300, 5000])
@pytest.mark.parametrize("name", SINGLE_ROWS)
def test_a_single_row_of_any_layout(name: str, k: int, dtype: Any) -> None:
    """A label without an axis and predictions with one alone: there is nothing to count but the row."""
    loss, make_labels, make_predictions = SINGLE_ROWS[name]
    rng = np.random.default_rng(k)
    t, p = make_labels(rng, k), make_predictions(rng, k).astype(dtype)
    expected = (
        loss(t, p),
        loss.value_and_gradient(t, p),
        *((loss.gradient_and_hessian(t, p),) if not loss.no_hessian else ()),
    )
    in_rows = loss.value_and_gradient(t[None], p[None])
    assert in_rows[0] == expected[0]
    np.testing.assert_array_equal(in_rows[1][0], expected[1][1])
    labels = list(layouts(t)) if t.ndim else [("scalar", t)] * 9
    for (layout, predictions), (_, label) in zip(layouts(p), labels, strict=True):
        for given in (t, label):
            poison(rng)
            assert loss(given, predictions) == expected[0], layout
            poison(rng)
            value, gradient = loss.value_and_gradient(given, predictions)
            assert value == expected[1][0], layout
            np.testing.assert_array_equal(gradient, expected[1][1], err_msg=layout)
            if not loss.no_hessian:
                poison(rng)
                for got, wanted in zip(loss.gradient_and_hessian(given, predictions), expected[2], strict=True):
                    np.testing.assert_array_equal(got, wanted, err_msg=layout)
            poison(rng)
            out = dict(layouts(np.zeros_like(p)))[layout]
            loss.gradient(given, predictions, out=out)
            np.testing.assert_array_equal(out, expected[1][1], err_msg=layout)


def test_rows_of_a_matrix_in_columns_one_by_one() -> None:
    rng = np.random.default_rng(0)
    loss = fl.CategoricalCrossEntropy(from_logits=True)
    t, p = rng.integers(0, 10, 40), np.asfortranarray(rng.standard_normal((40, 10)))
    expected = loss(t, np.ascontiguousarray(p), reduction="none")
    for i in range(40):
        poison(rng)
        assert loss(t[i], p[i]) == expected[i]


# ---- out= over the weights -------------------------------------------------------------------------------------

# What has one derivative for each loss, so that both have the shape of the weights.
ELEMENTS = {
    "absolute_error": (fl.mae, 2),
    "squared_error": (fl.mse, 2),
    "huber": (fl.huber, 2),
    "poisson": (fl.poisson, 2),
    "brier": (fl.Brier(), 2),
    "gaussian_nll": (fl.gaussian_nll, 3),
    "gaussian_cross_entropy": (fl.gaussian_cross_entropy, 4),
}


def overlapped(name: str, n: int) -> tuple[Any, list[np.ndarray], np.ndarray]:
    loss, count = ELEMENTS[name]
    rng = np.random.default_rng(n)
    inputs = list(rng.random((count, n)) * 0.8 + 0.1)
    if name == "brier":
        inputs[0] = rng.integers(0, 2, n).astype(float)
    return loss, inputs, 10.0 ** rng.integers(0, 4, n)


def test_the_example_of_the_report() -> None:
    w = np.array([1.0, 10.0, 100.0])
    fl.mae([0.0, 0, 0], [1.0, 2, 3], sample_weight=w, reduction="none", out=w)
    assert w.tolist() == [1.0, 20.0, 300.0]


@pytest.mark.parametrize("step", [1, -1, 3])
@pytest.mark.parametrize("n", [3, 1500, 200_000])
@pytest.mark.parametrize("name", ELEMENTS)
def test_values_over_the_weights(name: str, n: int, step: int) -> None:
    loss, inputs, weights = overlapped(name, n)
    expected = loss(*inputs, sample_weight=weights, reduction="none")
    w = np.zeros(n * abs(step))[::step]
    w[:] = weights
    assert loss(*inputs, sample_weight=w, reduction="none", out=w) is w
    np.testing.assert_array_equal(w, expected)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("n", [3, 1500, 200_000])
@pytest.mark.parametrize("name", ELEMENTS)
def test_derivatives_over_the_weights(name: str, n: int, reduction: str) -> None:
    """Each of the arrays in turn is that of the weights: gradients and Hessians by every input, and the values."""
    loss, inputs, weights = overlapped(name, n)
    for method in ("gradient", "value_and_gradient", "gradient_and_hessian"):
        call = getattr(loss, method)
        results = call(*inputs, sample_weight=weights, reduction=reduction)
        wanted = list(flat(results))
        arrays = [item for item in wanted if isinstance(item, np.ndarray)]
        for place in range(len(arrays)):
            w = weights.copy()
            out = [w if i == place else np.full(n, np.nan) for i in range(len(arrays))]
            got = list(flat(call(*inputs, sample_weight=w, reduction=reduction, out=out if len(out) > 1 else w)))
            for a, b in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(a, b, err_msg=f"{method}, output {place}")
            assert any(item is w for item in got)


def flat(results: Any) -> Iterator[Any]:
    for item in results if isinstance(results, tuple) else (results,):
        yield from flat(item) if isinstance(item, tuple) else (item,)


@pytest.mark.parametrize(
    "loss", [fl.CategoricalCrossEntropy(from_logits=True), fl.multi_margin, fl.CategoricalFocal(from_logits=True)]
)
@pytest.mark.parametrize("n", [3, 1500, 60_000])
def test_values_of_rows_over_the_weights(loss: fl.Loss, n: int) -> None:
    rng = np.random.default_rng(n)
    t, p, w = rng.integers(0, 3, n), rng.standard_normal((n, 3)), 10.0 ** rng.integers(0, 4, n)
    expected = loss.value_and_gradient(t, p, w, reduction="none")
    own = w.copy()
    np.testing.assert_array_equal(loss(t, p, own, reduction="none", out=own), expected[0])
    own = w.copy()
    out = (own, np.empty((n, 3)))
    loss.value_and_gradient(t, p, own, reduction="none", out=out)
    np.testing.assert_array_equal(out[0], expected[0])
    np.testing.assert_array_equal(out[1], expected[1])


@pytest.mark.parametrize("what", ["shifted", "reversed", "float32", "of rows", "column of a gradient"])
def test_overlaps_in_part_are_refused(what: str) -> None:
    """Weights that would be overwritten before they are read."""
    memory = np.arange(1.0, 13.0)
    y, p = np.zeros(5), np.ones(5)
    w, out, call = memory[:5], memory[1:6], partial(fl.mae, y, p, reduction="none")
    if what == "reversed":
        out = w[::-1]
    if what == "float32":
        out = memory.view(np.float32)[:5]
    if what == "of rows":
        square = memory[:9].reshape(3, 3)
        w, out = square[0], square
        call = partial(fl.mae, np.zeros((3, 3)), np.ones((3, 3)), reduction="none")
    if what == "column of a gradient":
        out = memory.reshape(4, 3)
        w = out[:, 1]
        call = partial(fl.CategoricalCrossEntropy(from_logits=True).gradient, [0, 1, 2, 0], np.eye(4, 3))
    before = memory.copy()
    with pytest.raises(ValueError, match="overlaps sample_weight in part"):
        call(sample_weight=w, out=out)
    np.testing.assert_array_equal(memory, before)


# ---- weights whose sum is too large ----------------------------------------------------------------------------

HEAVY = np.full(4, 1e308)
TARGETS, GUESSES = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.5, 2.0, 2.25, 4.0])
CLASSES_TRUE, CLASSES_PRED = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
SHARES = np.array([0.25, 0.5, 0.75, 0.3])
TOO_HEAVY = "the weights have a sum that exceeds the largest number of float64. Divide sample_weight by its maximum."

EVERY_SHAPE = {
    "absolute_error": (fl.mae, TARGETS, GUESSES),
    "squared_error": (fl.mse, TARGETS, GUESSES),
    "squared_error_of_large_errors": (fl.mse, TARGETS, 100 * GUESSES),
    "root_mean_squared_error": (fl.rmse, TARGETS, GUESSES),
    "brier": (fl.Brier(), CLASSES_TRUE, SHARES),
    "cross_entropy": (fl.CategoricalCrossEntropy(from_logits=True), [0, 1, 2, 0], np.eye(4, 3)),
    "gaussian_nll": (fl.gaussian_nll, TARGETS, GUESSES, np.array([1.0, 2.0, 0.5, 1.0])),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", EVERY_SHAPE)
def test_means_with_heavy_weights(name: str, dtype: Any) -> None:
    """Equal weights are none, whatever they are."""
    loss, labels, *predictions = EVERY_SHAPE[name]
    inputs = (labels, *(item.astype(dtype) for item in predictions))
    assert loss(*inputs, sample_weight=HEAVY) == pytest.approx(loss(*inputs), rel=1e-6)
    value, gradient = loss.value_and_gradient(*inputs, sample_weight=HEAVY)
    wanted = loss.value_and_gradient(*inputs)
    assert value == pytest.approx(wanted[0], rel=1e-6)
    for got, right in zip(flat(gradient), flat(wanted[1]), strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-6)
    for got, right in zip(flat(loss.gradient(*inputs, sample_weight=HEAVY)), flat(wanted[1]), strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-6)
    if not loss.no_hessian:
        for got, right in zip(
            flat(loss.gradient_and_hessian(*inputs, sample_weight=HEAVY)), flat(loss.gradient_and_hessian(*inputs)), strict=True
        ):
            np.testing.assert_allclose(got, right, rtol=1e-6)


@pytest.mark.parametrize("n", [4, 5000])
def test_heavy_weights_that_differ(n: int) -> None:
    """As with weights 2**-100 times as large, to the last bit: scales by powers of two round nothing."""
    rng = np.random.default_rng(n)
    y, p, w = *rng.standard_normal((2, n)), rng.uniform(0.5, 1.7, n) * 1e308
    for loss in (fl.mae, fl.mse, fl.log_cosh):
        assert loss(y, p, w) == loss(y, p, np.ldexp(w, -100))
        np.testing.assert_array_equal(loss.gradient(y, p, w), loss.gradient(y, p, np.ldexp(w, -100)))


@contextmanager
def right_or_refused() -> Iterator[None]:
    """A number that cannot be computed may be refused, in these words; it must not be wrong."""
    try:
        yield
    except ValueError as error:
        assert str(error).endswith(TOO_HEAVY)  # noqa: PT017 - it need not be raised


@pytest.mark.parametrize("name", EVERY_SHAPE)
@pytest.mark.parametrize("pieces", [1, 2])
def test_evaluations_with_heavy_weights(name: str, pieces: int) -> None:
    loss, *inputs = EVERY_SHAPE[name]
    ev = fl.Evaluation({"it": loss})
    for part in np.array_split(np.arange(4), pieces):
        ev.update(*(np.asarray(item)[part] for item in inputs), sample_weight=HEAVY[part])
    with right_or_refused():
        assert ev.result()["it"] == pytest.approx(loss(*inputs), rel=1e-12)
    if name in ("absolute_error", "squared_error", "brier"):
        # the weighted losses can be summed: nothing is to be refused
        assert fl.evaluate(loss, *inputs, sample_weight=HEAVY)[loss.name] == pytest.approx(loss(*inputs), rel=1e-12)


LABELS = """accuracy_score balanced_accuracy_score confusion_matrix f1_score hamming_loss jaccard_score matthews_corrcoef
    precision_score recall_score zero_one_loss"""
NUMBERS = """d2_absolute_error_score explained_variance_score mean_absolute_error mean_absolute_percentage_error
    mean_gamma_deviance mean_pinball_loss mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance
    median_absolute_error r2_score root_mean_squared_error"""
CHANCES = "brier_score_loss d2_brier_score d2_log_loss_score hinge_loss log_loss"
METRICS = {
    **dict.fromkeys(LABELS.split(), (CLASSES_TRUE, CLASSES_PRED)),
    **dict.fromkeys(NUMBERS.split(), (TARGETS, GUESSES)),
    **{f"{name} of large errors": (TARGETS, 100 * GUESSES) for name in NUMBERS.split()},
    **dict.fromkeys(CHANCES.split(), (CLASSES_TRUE, SHARES)),
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics_with_heavy_weights(name: str) -> None:
    metric = getattr(metrics, name.split()[0])
    expected = metric(*METRICS[name])
    with right_or_refused():
        got = metric(*METRICS[name], sample_weight=HEAVY)
        if name == "confusion_matrix":
            expected = expected * 1e308
        np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["mean_absolute_error", "mean_squared_error", "mean_squared_log_error", "log_loss", "brier_score_loss"]
)
def test_metrics_that_heavy_weights_allow(name: str) -> None:
    inputs = METRICS[name]
    metric = getattr(metrics, name)
    assert metric(*inputs, sample_weight=HEAVY) == pytest.approx(metric(*inputs), rel=1e-12)


@pytest.mark.parametrize("n", [2, 101, 5000])
def test_quantiles_with_heavy_weights(n: int) -> None:
    rng = np.random.default_rng(n)
    y, w = rng.standard_normal(n), rng.uniform(0.5, 1.7, n) * 1e308
    light = np.ldexp(w, -100)
    for alpha in (0.1, 0.5, 0.9):
        assert fl.Quantile(alpha=alpha).init_score(y, w) == fl.Quantile(alpha=alpha).init_score(y, light)
    zeros = np.zeros(n)
    assert metrics.median_absolute_error(y, zeros, sample_weight=w) == metrics.median_absolute_error(
        y, zeros, sample_weight=light
    )


@pytest.mark.parametrize("name", ["squared_error", "huber", "log_cosh", "cauchy", "poisson", "hinge", "binary_cross_entropy",
                                  "categorical_cross_entropy", "multi_label_soft_margin", "kl_divergence"])  # fmt: skip
def test_starting_scores_with_heavy_weights(name: str) -> None:
    loss = fl.get_loss(name)
    rng = np.random.default_rng(1)
    y, w = rng.integers(0, 2, 50), rng.uniform(0.5, 1.7, 50) * 1e308
    if name in ("multi_label_soft_margin", "kl_divergence"):
        y = np.eye(2)[y]
    np.testing.assert_array_equal(loss.init_score(y, w), loss.init_score(y, np.ldexp(w, -100)))


def test_nan_stays_nan_with_heavy_weights() -> None:
    assert np.isnan(fl.evaluate([fl.mae], TARGETS, [np.nan, 0, 0, 0], sample_weight=HEAVY)["absolute_error"])
    assert np.isnan(fl.mae(TARGETS, [np.nan, 0, 0, 0], HEAVY))


# ---- one line, and no traceback --------------------------------------------------------------------------------

LONG = "1" + "0" * 400
LONGER = "1" + "0" * 5000


@pytest.mark.parametrize("command", [["show"], ["evaluate", "missing.csv", "--loss"], ["bench", "--losses"]])
@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (f"huber:delta={LONG}", "Huber: delta must be > 0; got 10000"),
        (f"huber:delta=-{LONG}", "Huber: delta must be > 0; got -10000"),
        (f"quantile:alpha={LONG}", "Quantile: alpha must lie in (0, 1); got 10000"),
        (f"huber:delta={LONGER}", "Huber: delta must be > 0; got inf"),
        (f"categorical_cross_entropy:ignore_index={2**63}", "ignore_index must be an integer of 64 bits or None; got 9223"),
        (f"categorical_cross_entropy:ignore_index={LONG}", "ignore_index must be an integer of 64 bits or None; got 10000"),
    ],
)  # fmt: skip
def test_long_numbers_on_the_command_line(
    command: list[str], spec: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, spec]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert len(err) < 500


@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, 2**64 - 1, HUGE, UNWRITABLE, np.uint64(2**63), True, 1.0, "0"], ids=lambda x: str(type(x))
)
def test_indices_that_no_label_can_have(value: Any) -> None:
    for cls in (fl.CategoricalCrossEntropy, fl.SparseCategoricalCrossEntropy):
        with pytest.raises(ValueError, match=rf"^{cls.__name__}: ignore_index must be an integer of 64 bits or None; got "):
            cls(ignore_index=value)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), -1, np.int8(-1), np.uint64(7)])
def test_indices_that_labels_can_have(value: Any) -> None:
    loss = fl.CategoricalCrossEntropy(from_logits=True, ignore_index=value)
    p = np.random.default_rng(0).standard_normal((3, 4))
    expected = fl.CategoricalCrossEntropy(from_logits=True)([1, 2], p[[0, 2]])
    assert loss(np.array([1, int(value), 2]), p) == expected
    assert loss(np.array([1, int(value), 2]), p, reduction="none")[1] == 0


def environment(**variables: str) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("FASTLOSS_")}
    return {**inherited, "PYTHONPATH": str(Path(fl.__file__).parents[1]), **variables}


def run(*arguments: object, shell: str = 'exec "$@"', **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own; ``shell`` may redirect."""
    return subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-W", "error", *map(str, arguments)],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("bad", ["99999999999", str(2**31), str(-(2**31) - 1), "9" * 4000, "9" * 5000])
def test_numbers_of_threads_in_the_environment(bad: str) -> None:
    done = run("-m", "fastloss", "info", FASTLOSS_NUM_THREADS=bad)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("fastloss: error: FASTLOSS_NUM_THREADS must be an integer of 32 bits other than 0; got '")
    assert len(done.stderr) < 500
    done = run("-c", "import fastloss", FASTLOSS_NUM_THREADS=bad)
    assert done.stderr.splitlines()[-1].startswith(
        "ValueError: FASTLOSS_NUM_THREADS must be an integer of 32 bits other than 0;"
    )


@pytest.mark.parametrize(
    ("arguments", "variables", "status"),
    [
        (["show", "hubr"], {}, 2),
        (["evaluate", "missing.csv"], {}, 1),
        (["info"], {"FASTLOSS_NUM_THREADS": "many"}, 2),
        (["info"], {"FASTLOSS_ISA": "avx3"}, 2),
    ],
)
def test_results_only_where_errors_go_nowhere(arguments: list[str], variables: dict[str, str], status: int) -> None:
    done = run("-m", "fastloss", *arguments, shell='exec "$@" 2>&-', **variables)
    assert (done.returncode, done.stdout) == (status, "")


INTERRUPTER = """
import importlib.abc, os, signal, sys

class Interrupter(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["module", "script"])
@pytest.mark.parametrize(
    "name",
    ["numpy", "numpy.linalg", "fastloss._core", "fastloss._threads", "fastloss.losses", "fastloss.losses.regression",
     "fastloss.metrics", "fastloss.evaluation", "fastloss.cli", "argparse", "fastloss.bench", "fastloss.cli.plot"],
)  # fmt: skip
@pytest.mark.usefixtures("interruptible")
def test_interrupts_while_modules_are_imported(tmp_path: Path, name: str, how: str) -> None:
    """What is raised at the first line of a module's import is as quiet as at any other time."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTER)
    script = tmp_path / "bin" / "fastloss"
    script.parent.mkdir()
    script.write_text("import sys\nfrom fastloss.cli import main\nsys.exit(main())\n")
    path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    start = ["-m", "fastloss"] if how == "module" else [script]
    done = run(*start, "show", "huber", INTERRUPT_AT=name, PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_program_of_its_own_is_interrupted_as_ever(tmp_path: Path) -> None:
    """Only the command ends without a word: whoever imports fastloss gets the traceback of the interrupt."""
    done = run("-c", "import fastloss\nraise KeyboardInterrupt")
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"


@pytest.mark.usefixtures("interruptible")
def test_interrupts_that_an_import_swallows(tmp_path: Path) -> None:
    """As NumPy does while its extensions are loaded: it raises an ImportError instead, which is no reason for a traceback."""
    kill = "os.kill(os.getpid(), signal.SIGINT)"
    swallowing = f"""try:
                {kill}
            except KeyboardInterrupt:
                raise ImportError("something else") from None"""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTER.replace(kill, swallowing))
    path = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
    done = run("-m", "fastloss", "show", "huber", INTERRUPT_AT="numpy", PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.usefixtures("interruptible")
def test_interrupts_raise_once_the_package_is_imported(tmp_path: Path) -> None:
    """A script that is called like the command still tidies up."""
    script = tmp_path / "fastloss"
    script.write_text(
        "import fastloss, os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nfinally:\n    print('tidy', flush=True)\n"
    )
    done = run(script)
    assert (done.returncode, done.stdout, done.stderr) == (130, "tidy\n", "")


@pytest.mark.parametrize("when", ["as its thread starts", "as it is told to read", "as it is told to read on"])
def test_interrupts_of_what_reads_ahead(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read from is closed when nobody reads any more: before, that is an error, which hides the interrupt."""
    calls = {"as its thread starts": 0, "as it is told to read": 1, "as it is told to read on": 2}[when]
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    closed, told = [], []

    def pieces() -> Iterator[int]:
        try:
            for piece in range(3):
                time.sleep(0.2)
                yield piece
        finally:
            closed.append(True)

    def interrupted_start(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    def interrupted_submit(pool: ThreadPoolExecutor, what: Any, *arguments: Any) -> Any:
        future = submit(pool, what, *arguments)
        told.extend([what] * (what is next))
        if what is next and len(told) == calls:
            raise KeyboardInterrupt
        return future

    if calls:
        monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted_submit)
    else:
        monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    with pytest.raises(KeyboardInterrupt):
        list(_datasets.ahead(pieces()))
    assert closed == [True] * (calls > 0)


class Unreadable:
    """Raises what its class says when it is read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __array__(self, *args: Any, **options: Any) -> np.ndarray:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range"),
        UnicodeTranslateError("é", 0, 1, "no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_cannot_be_decoded(error: Exception) -> None:
    bad = Unreadable(error)
    for name, call in (
        ("y_true", lambda: fl.mse(bad, [1.0])),
        ("y_pred", lambda: fl.mse([1.0], bad)),
        ("sample_weight", lambda: fl.mse.gradient([1.0], [1.0], bad)),
        ("y_pred", lambda: fl.CategoricalCrossEntropy()([0], bad)),
    ):
        with pytest.raises(
            ValueError, match=f"^{name} cannot be read as an array of numbers: {re.escape(str(error))}$"
        ) as caught:
            call()
        assert caught.type is ValueError
        assert caught.value.__cause__ is error


# ---- errors that say what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [HUGE, -HUGE, UNWRITABLE, -UNWRITABLE], ids=["huge", "-huge", "unwritable", "-unwritable"])
@pytest.mark.parametrize(("cls", "name"), every_parameter("number"))
def test_parameters_that_no_float_can_hold(cls: Any, name: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"^{cls.__name__}: {name} must ") as caught:
        cls(**{name: value})
    assert caught.type is ValueError
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [b"1", bytearray(b"1"), "1", np.bool_(True), True], ids=repr)
@pytest.mark.parametrize(("cls", "name"), every_parameter("number"))
def test_parameters_that_are_no_numbers(cls: Any, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{cls.__name__}: {name} must .*; got {re.escape(repr(value))}\.$"):
        cls(**{name: value})


@pytest.mark.parametrize("value", [HUGE, UNWRITABLE], ids=["huge", "unwritable"])
@pytest.mark.parametrize(("cls", "name"), every_parameter("list"))
def test_class_weights_that_no_float_can_hold(cls: Any, name: str, value: int) -> None:
    for given in ([1.0, value], (value,), np.array([1, value], object), value):
        with pytest.raises(
            ValueError, match=rf"^{cls.__name__}: {name} must hold one number >= 0 for each class, or be None; got "
        ):
            cls(**{name: given})


@pytest.mark.parametrize("value", [[1, HUGE], HUGE], ids=["list", "number"])
def test_factors_of_classes_that_no_float_can_hold(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^CategoricalFocal: alpha must "):
        fl.CategoricalFocal(alpha=value)


@pytest.mark.parametrize("set_it", [fl.set_num_threads, fl.num_threads])
@pytest.mark.parametrize(
    "n", [2**31, -(2**31) - 1, 2**63, HUGE, UNWRITABLE], ids=["2**31", "-2**31-1", "2**63", "huge", "unwritable"]
)
def test_numbers_of_threads_beyond_32_bits(set_it: Callable[[int], Any], n: int) -> None:
    before = fl.get_num_threads()
    with pytest.raises(ValueError, match=r"^the number of threads must be one of 32 bits, and \d+ are used at the most; got "):
        set_it(n)
    assert fl.get_num_threads() == before


OF_INDICES = [
    fl.CategoricalCrossEntropy(from_logits=True),
    fl.CategoricalCrossEntropy(),
    fl.SparseCategoricalCrossEntropy(from_logits=True),
    fl.CategoricalFocal(from_logits=True),
    fl.GeneralizedCrossEntropy(from_logits=True),
    fl.PolyCrossEntropy(from_logits=True),
]


@pytest.mark.parametrize("loss", OF_INDICES, ids=repr)
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (3, "^y_true must have an axis, that of the samples; got 3"),
        (np.int64(0), "^y_true must have an axis, that of the samples; got 0"),
        ([0, np.inf], "^y_true holds class index inf at row 1"),
        ([-np.inf], "^y_true (holds|must hold) class ind.* -inf at row 0"),
        ([0, np.nan], "^y_true must hold class indices .* nan at row 1"),
        ([0, 10**8], "^y_true holds class index 100000000 at row 1: there would be .* each class, 1048576 at the most"),
        ([0.0, 1e8], "^y_true holds class index 100000000.0 at row 1: there would be a number for each class"),
        ([2**40, 1], "^y_true holds class index 1099511627776 at row 0: there would be a number for each class"),
        (np.array([0, 2**63], np.uint64), "^y_true holds class index 9223372036854775808 at row 1: there would be"),
        (np.array([0, 2**64 - 1], np.uint64), "^y_true holds class index 18446744073709551615 at row 1: there would be"),
        ([-1, 0], "^y_true holds class index -1 at row 0"),
        ([0.5], "^y_true must hold class indices .* 0.5 at row 0"),
    ],
)  # fmt: skip
def test_labels_that_start_no_score(loss: fl.Loss, labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        loss.init_score(labels)
    assert not isinstance(caught.value, IndexError | KeyError | OverflowError | MemoryError)


def test_the_largest_label_that_starts_a_score() -> None:
    assert fl.CategoricalCrossEntropy(from_logits=True).init_score([0, 2**20 - 1]).shape == (2**20,)
    # an ignored label is none
    loss = fl.CategoricalCrossEntropy(from_logits=True, ignore_index=2**40)
    np.testing.assert_array_equal(loss.init_score([0, 2**40, 1]), np.log([0.5, 0.5]))


@pytest.mark.parametrize("labels", [3.0, np.float64(0), [np.inf], [-np.inf], [np.nan], [1e308, 1e308], [HUGE], [], [[]], None])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_starting_scores_are_numbers_or_sentences(loss: fl.Loss, labels: Any) -> None:
    given = (labels,) * max(1, len(loss.inputs) // 2) if loss.name.startswith("gaussian") else (labels,)
    try:
        score = loss.init_score(*given)
    except (ValueError, TypeError) as error:
        assert str(error)[-1] in ".)" and " " in str(error)  # noqa: PT017, PT018 - it need not be raised
    else:
        assert np.asarray(score, np.float64).ndim <= 1


def test_counts_of_samples_beyond_64_bits() -> None:
    ev = fl.Evaluation({"mae": fl.mae}).update([0.0], [2.0])
    for _ in range(70):
        ev.merge(pickle.loads(pickle.dumps(ev)))
    assert ev.n_samples == 2**70
    assert pickle.loads(pickle.dumps(ev)).n_samples == 2**70
    assert pickle.loads(pickle.dumps(ev)).result() == {"mae": 2.0}


# ---- what was taken for something else -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ignored", "label"),
    [
        (-1, 2**64 - 1),
        (-100, 2**64 - 100),
        (-(2**63), 2**63),
        (None, 2**63),
        (None, 2**64 - 1),
        (2**63 - 1, 2**63),
        (2**63 - 1, 2**64 - 1),
        (0, 2**63),
    ],
)
@pytest.mark.parametrize("order", ["=", ">"])
def test_large_unsigned_labels_are_errors(ignored: int | None, label: int, order: str) -> None:
    labels = np.array([1, label, 2], np.dtype(np.uint64).newbyteorder(order))
    p = np.random.default_rng(0).standard_normal((3, 4))
    # -2**63 is what the driver takes for no integer: then the message has another number
    message = "^y_true holds class index " + (f"{label} at row 1, outside " if ignored != -(2**63) else "")
    for cls in (fl.CategoricalCrossEntropy, fl.SparseCategoricalCrossEntropy):
        loss = cls(from_logits=True, ignore_index=ignored)
        for call in (
            loss,
            loss.gradient,
            partial(loss, reduction="none"),
            partial(loss.gradient_and_hessian, reduction="sum"),
            partial(fl.evaluate, {"it": loss}),
        ):
            with pytest.raises(ValueError, match=message):
                call(labels, p)


@pytest.mark.parametrize("label", [np.nan, 0.5, 1e300, -np.inf])
@pytest.mark.parametrize("ignored", [-1, -(2**63), 2**63 - 1])
def test_what_is_no_integer_is_not_ignored(ignored: int, label: float) -> None:
    loss = fl.CategoricalCrossEntropy(from_logits=True, ignore_index=ignored)
    with pytest.raises(ValueError, match=r"^y_true (holds|must hold) class ind.* at row 1"):
        loss(np.array([1, label, 2]), np.zeros((3, 4)))


def test_large_unsigned_labels_do_not_end_a_list() -> None:
    with pytest.raises(ValueError, match=r"^y_true holds class index 18446744073709551615 at index \(0, 1\)"):
        fl.multi_label_margin(np.array([[1, 2**64 - 1, 0]], np.uint64), np.eye(1, 3))


@pytest.mark.parametrize("mask", [False, [False, True, False]])
def test_masked_outputs_are_refused(mask: Any) -> None:
    y, p = np.zeros(3), np.ones(3)
    out = np.ma.masked_array(np.full(3, 7.0), mask)
    for call, given in (
        (partial(fl.mae, reduction="none"), out),
        (fl.mae.gradient, out),
        (fl.mse.gradient_and_hessian, (np.empty(3), out)),
        (partial(fl.mse.value_and_gradient, reduction="none"), (out, None)),
    ):
        with pytest.raises(TypeError, match="is a masked array, and what is under its mask would be written"):
            call(y, p, out=given)
    rows = np.ma.masked_array(np.full((3, 2), 7.0), False)
    with pytest.raises(TypeError, match="is a masked array"):
        fl.CategoricalCrossEntropy(from_logits=True).gradient([0, 1, 0], np.zeros((3, 2)), out=rows)
    assert out.data.tolist() == [7.0] * 3
    assert rows.data.tolist() == [[7.0] * 2] * 3


@pytest.mark.slow
@pytest.mark.parametrize("count", ["2**60", "2**61", "2**62", "2**63 - 1", "2**57", "-1"])
def test_sums_beyond_memory(count: str) -> None:
    """In a process of its own: what is too small for its sums ends it."""
    script = f"""
import fastloss._core as core
try:
    sums = core.Sums({count})
except (ValueError, MemoryError) as error:
    print(type(error).__name__)
else:
    sums.merge(core.Sums(1), [{count} - 1])
"""
    done = run("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("ValueError", "MemoryError")


def test_one_setting_of_threads_for_two_threads() -> None:
    """The first to enter the block is the first to leave it: it gets its own number back, not that of the other."""
    shared = fl.num_threads(3)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        both = (first, second)

        def seen() -> list[int]:
            return [pool.submit(fl.get_num_threads).result() for pool in both]

        for own, pool in enumerate(both, start=1):
            pool.submit(fl.num_threads(own).__enter__).result()
        assert seen() == [1, 2]
        for pool in both:
            pool.submit(shared.__enter__).result()
        assert seen() == [3, 3]
        first.submit(shared.__exit__, None, None, None).result()
        assert seen() == [1, 3]
        second.submit(shared.__exit__, None, None, None).result()
        assert seen() == [1, 2]


def test_one_setting_of_threads_inside_itself() -> None:
    setting = fl.num_threads(3)
    with fl.num_threads(1):
        with setting:
            with fl.num_threads(2), setting:
                assert fl.get_num_threads() == 3
            assert fl.get_num_threads() == 3
        assert fl.get_num_threads() == 1
