"""The metrics: scikit-learn's numbers, warnings and errors; states that merge exactly; the same bits with any threads."""

from __future__ import annotations

import inspect
import math
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest
from conftest import each_team
from hypothesis import given, settings
from hypothesis import strategies as st

import fastloss as fl
from fastloss import _core, metrics
from fastloss.metrics import _check

NAMES = [name for name in metrics.__all__ if name[0].islower() and name != "state_of"]


@pytest.fixture(scope="module")
def theirs() -> Any:
    return pytest.importorskip("sklearn.metrics")


# ---- data ------------------------------------------------------------------------------------------------------


def numbers(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y_true = rng.gamma(2.0, size=n)
    return y_true, y_true * rng.uniform(0.5, 2.0, n)


def several(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y_true = rng.gamma(2.0, size=(n, 3))
    return y_true, y_true * rng.uniform(0.5, 2.0, (n, 3))


def labels(n: int, seed: int = 0, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, k, n)
    return y_true, np.where(rng.random(n) < 0.6, y_true, rng.integers(0, k, n))


def binary(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return labels(n, seed, 2)


def names(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    words = np.array(["ant", "bee", "cat", "dog"])
    y_true, y_pred = labels(n, seed)
    return words[y_true], words[y_pred]


def indicators(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (n, 4)), rng.integers(0, 2, (n, 4))


def chances(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return (rng.random(n) < p).astype(np.int64), p


def shares(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.r_[np.arange(4), rng.integers(0, 4, n)][:n], rng.dirichlet(np.ones(4), n)


def rankings(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Grades and scores of seven items, of which many have one score; nothing gains in some rows."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 4, (n, 7))
    y_true[::9] = 0
    return y_true, rng.integers(0, 5, (n, 7)) / 4


def orders(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((n, 12)), rng.standard_normal((n, 12)).astype(np.float32)


Data = Callable[..., tuple[np.ndarray, np.ndarray]]

# name, data, keywords
CASES: list[tuple[str, Data, dict[str, Any]]] = [
    *(
        (name, data, {"multioutput": multioutput})
        for name in (
            "mean_squared_error",
            "root_mean_squared_error",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "mean_squared_log_error",
            "root_mean_squared_log_error",
            "median_absolute_error",
            "mean_pinball_loss",
            "explained_variance_score",
            "r2_score",
            "d2_absolute_error_score",
            "d2_pinball_score",
        )
        for data, multioutput in (
            (numbers, "uniform_average"),
            (numbers, "raw_values"),
            (several, "uniform_average"),
            (several, "raw_values"),
            (several, [0.25, 0.5, 3.0]),
        )
    ),
    *((name, several, {"multioutput": "variance_weighted"}) for name in ("explained_variance_score", "r2_score")),
    *(("mean_pinball_loss", numbers, {"alpha": alpha}) for alpha in (0, 0.1, 1.0)),
    *(("d2_pinball_score", numbers, {"alpha": alpha}) for alpha in (0.1, 0.9)),
    *(("mean_tweedie_deviance", numbers, {"power": power}) for power in (-2.5, -1, 0, 1, 1.5, 1.9, 2, 2.5, 3, 4.5)),
    *(("d2_tweedie_score", numbers, {"power": power}) for power in (-1, 0, 1, 1.5, 2, 3)),
    ("mean_poisson_deviance", numbers, {}),
    ("mean_gamma_deviance", numbers, {}),
    ("max_error", numbers, {}),
    *(
        (name, data, {})
        for name in ("accuracy_score", "zero_one_loss", "hamming_loss", "multilabel_confusion_matrix")
        for data in (binary, labels, names, indicators)
    ),
    *((name, data, {"normalize": False}) for name in ("accuracy_score", "zero_one_loss") for data in (labels, indicators)),
    *(
        (name, data, {})
        for name in ("confusion_matrix", "cohen_kappa_score", "matthews_corrcoef", "balanced_accuracy_score")
        for data in (binary, labels, names)
    ),
    *(("confusion_matrix", labels, {"normalize": normalize}) for normalize in ("true", "pred", "all")),
    ("confusion_matrix", labels, {"labels": [3, 1, 7]}),
    ("confusion_matrix", names, {"labels": ["dog", "cat"]}),
    *(("cohen_kappa_score", labels, {"weights": weights}) for weights in ("linear", "quadratic")),
    ("cohen_kappa_score", labels, {"labels": [2, 0]}),
    ("balanced_accuracy_score", labels, {"adjusted": True}),
    ("multilabel_confusion_matrix", labels, {"labels": [2, 9, 0]}),
    ("multilabel_confusion_matrix", indicators, {"labels": [2, 0]}),
    ("multilabel_confusion_matrix", indicators, {"samplewise": True}),
    *(
        (name, data, {"average": average, "zero_division": 0.0})
        for name in ("precision_score", "recall_score", "f1_score", "jaccard_score", "precision_recall_fscore_support")
        for data in (labels, names, indicators)
        for average in (None, "micro", "macro", "weighted", "samples")
        if average != "samples" or data is indicators
    ),
    *((name, binary, {}) for name in ("precision_score", "recall_score", "f1_score", "jaccard_score")),
    *((name, labels, {"average": "macro", "labels": [3, 8]}) for name in ("precision_score", "f1_score", "jaccard_score")),
    *(("fbeta_score", labels, {"average": "weighted", "beta": beta}) for beta in (0, 0.5, 2, math.inf)),
    ("f1_score", indicators, {"average": "samples", "zero_division": math.nan}),
    *((name, data, {}) for name in ("log_loss", "d2_log_loss_score") for data in (chances, shares)),
    ("log_loss", chances, {"normalize": False}),
    ("log_loss", chances, {"labels": [0, 1]}),
    *((name, data, {}) for name in ("brier_score_loss", "d2_brier_score") for data in (chances, shares)),
    *((name, chances, {"pos_label": 0}) for name in ("brier_score_loss", "d2_brier_score")),
    ("brier_score_loss", chances, {"scale_by_half": False}),
    ("brier_score_loss", shares, {"scale_by_half": True}),
    *(("hinge_loss", data, {}) for data in (chances, shares)),
    *(("top_k_accuracy_score", shares, {"k": k}) for k in (1, 2, 3)),
    ("top_k_accuracy_score", shares, {"k": 2, "normalize": False}),
    ("top_k_accuracy_score", chances, {"k": 1}),
    *((name, data, {"k": k}) for name in ("dcg_score", "ndcg_score") for data in (rankings, orders) for k in (None, 1, 3, 99)),
    *((name, orders, {"k": 4, "ignore_ties": True}) for name in ("dcg_score", "ndcg_score")),
    *(("dcg_score", rankings, {"log_base": base}) for base in (1.5, math.e, 10)),
]
IDS = [f"{name}-{data.__name__}-{'-'.join(map(str, keywords.values()))}" for name, data, keywords in CASES]


def weigh(name: str, n: int, seed: int = 1) -> list[np.ndarray | None]:
    if name == "max_error":
        return [None]
    rng = np.random.default_rng(seed)
    return [None, rng.random(n), rng.integers(0, 3, n)]


def equal(mine: Any, other: Any, tolerance: float = 2e-13) -> None:
    if isinstance(other, tuple):
        for a, b in zip(mine, other, strict=True):
            equal(a, b, tolerance)
    elif other is None:
        assert mine is None
    else:
        assert np.shape(mine) == np.shape(other)
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)
        if isinstance(other, np.ndarray):
            assert mine.dtype == other.dtype
        else:
            assert isinstance(mine, float | int)


# ---- scikit-learn ----------------------------------------------------------------------------------------------


def test_every_metric_is_compared() -> None:
    assert {name for name, _, _ in CASES} == set(NAMES)
    assert len(NAMES) == 39


@pytest.mark.parametrize(("name", "data", "keywords"), CASES, ids=IDS)
def test_scikit_learn_gives_the_same(theirs: Any, name: str, data: Data, keywords: dict[str, Any]) -> None:
    for n in (23, 300):
        y_true, y_pred = data(n)
        for weights in weigh(name, n):
            given = keywords if weights is None else {**keywords, "sample_weight": weights}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                other = getattr(theirs, name)(y_true, y_pred, **given)
                mine = getattr(metrics, name)(y_true, y_pred, **given)
            equal(mine, other)


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_scikit_learns(theirs: Any, name: str) -> None:
    mine, other = (inspect.signature(getattr(module, name)).parameters for module in (metrics, theirs))
    assert list(mine) == list(other)
    for key, parameter in mine.items():
        assert parameter.kind == other[key].kind
        assert repr(parameter.default) == repr(other[key].default)


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_is_documented(name: str) -> None:
    text = inspect.getdoc(getattr(metrics, name))
    assert all(f"{section}\n{'-' * len(section)}" in text for section in ("Parameters", "Returns", "Examples"))
    for parameter in inspect.signature(getattr(metrics, name)).parameters:
        assert re.search(rf"^(\w+, )*{parameter}(, \w+)* : ", text, re.MULTILINE), parameter


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_labels_of_any_kind(theirs: Any, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 30))
    kind = data.draw(st.sampled_from(["bool", "int8", "uint16", "int64", "float32", "far", "str", "object", "list"]))
    codes = st.lists(st.integers(0, 1 if kind == "bool" else 4), min_size=n, max_size=n)
    y_true, y_pred = (np.array(data.draw(codes)) for _ in range(2))
    convert: dict[str, Callable[[np.ndarray], Any]] = {
        "far": lambda y: y * 10**15 - 7,
        "str": lambda y: np.char.add("c", y.astype(str)),
        "object": lambda y: np.char.add("c", y.astype(str)).astype(object),
        "list": lambda y: y.tolist(),
    }
    y_true, y_pred = (convert[kind](y) if kind in convert else y.astype(kind) for y in (y_true, y_pred))
    weights = data.draw(st.sampled_from([None, "float", "int"]))
    given: dict[str, Any] = {}
    if weights:
        rng = np.random.default_rng(n)
        given["sample_weight"] = rng.random(n) + 0.1 if weights == "float" else rng.integers(1, 4, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, keywords in (
            ("accuracy_score", {}),
            ("confusion_matrix", {}),
            ("matthews_corrcoef", {}),
            ("balanced_accuracy_score", {}),
            ("multilabel_confusion_matrix", {}),
            ("precision_recall_fscore_support", {}),
            ("f1_score", {"average": "weighted"}),
            ("jaccard_score", {"average": "macro", "zero_division": 1}),
        ):
            other = getattr(theirs, name)(y_true, y_pred, **keywords, **given)
            mine = getattr(metrics, name)(y_true, y_pred, **keywords, **given)
            if not np.any(np.asarray(y_true) == np.asarray(y_pred)):
                # where nothing is right, its integers become floating numbers
                mine, other = (tuple(map(np.float64, x)) if isinstance(x, tuple) else np.float64(x) for x in (mine, other))
            # where a class has all the weight, its sums may round to something else
            equal(mine, other, 1e-6 if name == "matthews_corrcoef" else 2e-13)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9, width=32), st.floats(-1e9, 1e9, width=32)), min_size=2, max_size=40),
    st.sampled_from(["float16", "float32", "float64", "int32", ">f8"]),
)
def test_numbers_of_any_kind(theirs: Any, pairs: list[tuple[float, float]], dtype: str) -> None:
    y_true, y_pred = np.array(pairs).T
    if dtype == "float16":
        y_true, y_pred = y_true / 1e6, y_pred / 1e6
    y_true, y_pred = y_true.astype(dtype), y_pred.astype(dtype)
    wide = y_true.astype("f8"), y_pred.astype("f8")
    with np.errstate(all="ignore"):
        for name in ("mean_squared_error", "mean_absolute_error", "max_error", "median_absolute_error"):
            other = getattr(theirs, name)(*wide)
            assert getattr(metrics, name)(y_true, y_pred) == pytest.approx(other, rel=1e-6, abs=1e-30)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", ["log_loss", "brier_score_loss"])
def test_probabilities_of_less_precision(theirs: Any, name: str, dtype: str) -> None:
    for data in (chances, shares):
        y_true, y_pred = data(200)
        y_pred = y_pred.astype(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = getattr(theirs, name)(y_true, y_pred)
            mine = getattr(metrics, name)(y_true, y_pred)
        assert mine == pytest.approx(other, rel=2e-6 if dtype == "float32" else 2e-3)


def test_log_loss_clips_as_scikit_learn_does(theirs: Any) -> None:
    for dtype in ("float32", "float64"):
        p = np.array([0.0, 1.0, 1.0, 0.0], dtype)
        assert metrics.log_loss([1, 0, 1, 0], p) == pytest.approx(theirs.log_loss([1, 0, 1, 0], p), rel=1e-6)


# ---- what users meet -------------------------------------------------------------------------------------------

ERRORS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("mean_squared_error", ([1.0, math.nan], [1.0, 2.0]), {}),
    ("mean_squared_error", ([1.0, 2.0], [1.0, math.inf]), {}),
    ("mean_squared_error", ([1.0, 2.0], [1.0, 2.0]), {"sample_weight": [1.0, math.nan]}),
    ("mean_squared_error", ([1.0, 2.0], [1.0, 2.0]), {"sample_weight": [0.0, 0.0]}),
    ("mean_squared_error", ([1.0, math.nan], [1.0, 2.0]), {"sample_weight": [1.0, 0.0]}),
    ("mean_squared_error", ([1.0, 2.0], [1.0]), {}),
    ("mean_squared_error", ([], []), {}),
    ("mean_squared_error", ([[1.0, 2.0]], [[1.0, 2.0, 3.0]]), {}),
    ("mean_squared_error", ([1.0], [1.0]), {"multioutput": "median"}),
    ("mean_squared_error", ([1.0], [1.0]), {"multioutput": [1.0]}),
    ("mean_squared_error", ([[1.0, 2.0]], [[1.0, 2.0]]), {"multioutput": [1.0]}),
    ("mean_squared_error", ("abc", [1.0]), {}),
    ("mean_squared_error", (["a", "b"], [1.0, 2.0]), {}),
    ("mean_squared_error", (1.0, 1.0), {}),
    ("mean_squared_error", (np.zeros((2, 2, 2)), np.zeros((2, 2, 2))), {}),
    ("mean_squared_error", (np.array([1j]), np.array([1.0])), {}),
    ("mean_squared_log_error", ([1.0, -1.0], [1.0, 2.0]), {}),
    ("root_mean_squared_log_error", ([1.0, 1.0], [1.0, -2.0]), {}),
    ("mean_pinball_loss", ([1.0], [1.0]), {"alpha": 1.5}),
    ("max_error", ([[1.0, 2.0]], [[1.0, 2.0]]), {}),
    ("mean_tweedie_deviance", ([1.0], [1.0]), {"power": 0.5}),
    ("mean_tweedie_deviance", ([1.0], [0.0]), {"power": -1}),
    ("mean_poisson_deviance", ([-1.0], [1.0]), {}),
    ("mean_gamma_deviance", ([0.0], [1.0]), {}),
    ("d2_tweedie_score", ([[1.0, 2.0]] * 2, [[1.0, 2.0]] * 2), {}),
    ("accuracy_score", ([0, 1], [0.5, 1.5]), {}),
    ("accuracy_score", ([0, 1], ["a", "b"]), {}),
    ("accuracy_score", ([0, 1], [0]), {}),
    ("accuracy_score", ([], []), {}),
    ("accuracy_score", ([[0, 1], [1, 1]], [0, 1]), {}),
    ("accuracy_score", ([[0, 1, 1], [1, 1, 0]], [[0, 1], [1, 1]]), {}),
    ("accuracy_score", ([0, 1], [0, 1]), {"normalize": "yes"}),
    ("accuracy_score", ([(0, 1), (1,)], [(0, 1), (1,)]), {}),
    ("accuracy_score", (np.array([b"a", b"b"]), np.array([b"a", b"b"])), {}),
    ("accuracy_score", ([0, 1], [0, 1]), {"sample_weight": [[1.0], [1.0]]}),
    ("accuracy_score", ([0.0, math.nan], [0, 1]), {}),
    ("f1_score", ([0, 1, 2], [0, 1, 2]), {}),
    ("f1_score", ([0, 2], [0, 2]), {}),
    ("f1_score", ([0, 1], [0, 1]), {"average": "mega"}),
    ("f1_score", ([0, 1], [0, 1]), {"average": "samples"}),
    ("f1_score", ([0, 1], [0, 1]), {"zero_division": 0.5}),
    ("f1_score", ([[0, 1], [1, 1]], [[0, 1], [1, 1]]), {}),
    ("f1_score", ([[0, 1], [1, 1]], [[0, 1], [1, 1]]), {"average": "macro", "labels": [0, 2]}),
    ("fbeta_score", ([0, 1], [0, 1]), {"beta": -1}),
    ("jaccard_score", ([0, 1], [0, 1]), {"zero_division": math.nan}),
    ("confusion_matrix", ([0, 1], [0, 1]), {"labels": []}),
    ("confusion_matrix", ([0, 1], [0, 1]), {"labels": [5]}),
    ("confusion_matrix", ([0, 1], [0, 1]), {"normalize": "rows"}),
    ("confusion_matrix", ([[0, 1], [1, 1]], [[0, 1], [1, 1]]), {}),
    ("cohen_kappa_score", ([0, 1], [0, 1]), {"labels": [5]}),
    ("cohen_kappa_score", ([0, 1], [0, 1]), {"weights": "cubic"}),
    ("multilabel_confusion_matrix", ([0, 1], [0, 1]), {"samplewise": True}),
    ("log_loss", ([0, 1], [0.5, 1.5]), {}),
    ("log_loss", ([0, 1], [0.5, -0.5]), {}),
    ("log_loss", ([0, 1], [0.5, math.nan]), {}),
    ("log_loss", ([1, 1], [0.5, 0.5]), {}),
    ("log_loss", ([0, 1, 2], [[0.5, 0.5]] * 3), {}),
    ("log_loss", ([0, 1, 2], [[0.2, 0.3, 0.5]] * 3), {"labels": [0, 1]}),
    ("log_loss", ([0, 1], [0.5, 0.5]), {"labels": [1]}),
    ("log_loss", ([0, 1], [0.5]), {}),
    ("brier_score_loss", ([0, 1, 2], [0.1, 0.2, 0.3]), {}),
    ("brier_score_loss", (["a", "b"], [0.1, 0.2]), {}),
    ("brier_score_loss", ([0, 1], [0.1, 1.2]), {}),
    ("hinge_loss", ([0, 1, 2], [0.1, 0.2, 0.3]), {}),
    ("hinge_loss", ([0, 1, 2], [[0.1, 0.2]] * 3), {}),
    ("hinge_loss", ([0, 1, 2], [[0.1, 0.2]] * 3), {"labels": [0, 1, 2, 3]}),
    ("top_k_accuracy_score", ([0, 1, 2], [0.1, 0.2, 0.3]), {}),
    ("top_k_accuracy_score", ([0, 1, 2], [[0.1, 0.2, 0.3, 0.4]] * 3), {}),
    ("top_k_accuracy_score", ([0, 1, 2], [[0.1, 0.2, 0.3]] * 3), {"labels": [0, 2, 1]}),
    ("top_k_accuracy_score", ([0, 1, 2], [[0.1, 0.2, 0.3]] * 3), {"k": 0}),
    ("ndcg_score", ([[1, -1, 0]], [[0.1, 0.2, 0.3]]), {}),
    ("ndcg_score", ([[1], [2]], [[0.1], [0.2]]), {}),
    ("ndcg_score", ([1, 2, 0], [0.1, 0.2, 0.3]), {}),
    ("ndcg_score", ([[1, 2, 0]], [[0.1, 0.2, math.nan]]), {}),
    ("ndcg_score", ([[1, 2, 0]], [[0.1, 0.2, 0.3]]), {"k": 0}),
    ("ndcg_score", ([[1, 2, 0]], [[0.1, 0.2, 0.3]]), {"sample_weight": [0.0]}),
    ("ndcg_score", ([[1, 2, 0]] * 2, [[0.1, 0.2, 0.3]]), {}),
    ("dcg_score", ([0.5, 0.25], [0.1, 0.2]), {}),
    ("dcg_score", ([[1, 2, 0]], [[0.1, 0.2, 0.3]]), {"log_base": 0}),
    ("dcg_score", ([[1, 2, 0]], [[0.1, 0.2, 0.3]]), {"ignore_ties": "no"}),
]


@pytest.mark.parametrize(("name", "arrays", "keywords"), ERRORS, ids=lambda x: x if isinstance(x, str) else "")
def test_errors_are_scikit_learns(theirs: Any, name: str, arrays: Any, keywords: dict[str, Any]) -> None:
    with pytest.raises(Exception) as other:  # noqa: PT011 - whatever it is
        quietly(lambda: getattr(theirs, name)(*arrays, **keywords))
    with pytest.raises(other.type.__mro__[-4] if other.type.__name__ == "InvalidParameterError" else other.type) as mine:
        getattr(metrics, name)(*arrays, **keywords)
    # they begin alike: where, and what came instead
    words = str(other.value).split()
    assert str(mine.value).split()[:4] == words[:4]


def test_parameters_out_of_range_are_errors_of_both_kinds(theirs: Any) -> None:
    from sklearn.utils._param_validation import InvalidParameterError

    for error in (metrics.InvalidParameterError, InvalidParameterError, ValueError, TypeError):
        with pytest.raises(error, match="'average' parameter of f1_score must be a str among"):
            metrics.f1_score([0, 1], [0, 1], average="mega")


def caught(function: Callable[[], Any]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function()
    return found


WARNED: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("r2_score", ([1.0], [2.0]), {}),
    ("d2_pinball_score", ([1.0], [2.0]), {}),
    ("d2_tweedie_score", ([1.0], [2.0]), {}),
    ("d2_log_loss_score", ([1], [0.5]), {"labels": [0, 1]}),
    ("d2_brier_score", ([1], [0.5]), {}),
    ("precision_score", ([0, 1], [0, 0]), {}),
    ("recall_score", ([0, 0], [0, 1]), {}),
    ("f1_score", ([0, 0], [0, 0]), {}),
    ("jaccard_score", ([0, 0], [0, 0]), {}),
    ("precision_recall_fscore_support", ([0, 1, 2], [0, 0, 0]), {"average": "macro"}),
    ("precision_recall_fscore_support", ([[0, 0], [1, 1]], [[0, 0], [1, 1]]), {"average": "samples"}),
    ("f1_score", ([0, 1], [0, 1]), {"pos_label": 0, "average": "macro"}),
    ("confusion_matrix", ([1, 1], [1, 1]), {}),
    ("matthews_corrcoef", ([1, 1], [1, 1]), {}),
    ("balanced_accuracy_score", ([0, 0, 1], [0, 2, 1]), {}),
    ("cohen_kappa_score", ([1, 1], [1, 1]), {}),
    ("cohen_kappa_score", ([1, 2], [3, 3]), {"labels": [1]}),
    ("log_loss", ([0, 1], [[0.5, 0.6], [0.5, 0.5]]), {}),
    ("log_loss", ([0, 1], [0.5, 0.5]), {"labels": [1, 0]}),
    ("top_k_accuracy_score", ([0, 1, 2], [[0.1, 0.2, 0.3]] * 3), {"k": 3}),
    ("log_loss", ([0, 1],), {"y_pred": [0.5, 0.5]}),
]


@pytest.mark.parametrize(("name", "arrays", "keywords"), WARNED, ids=lambda x: x if isinstance(x, str) else "")
def test_warnings_are_scikit_learns(theirs: Any, name: str, arrays: Any, keywords: dict[str, Any]) -> None:
    other = caught(lambda: getattr(theirs, name)(*arrays, **keywords))
    mine = caught(lambda: getattr(metrics, name)(*arrays, **keywords))
    other = [warning for warning in other if not issubclass(warning.category, RuntimeWarning)]
    said = [str(warning.message).replace("the the", "the") for warning in other]
    assert [str(warning.message) for warning in mine] == said
    for one, two in zip(mine, other, strict=True):
        assert issubclass(one.category, two.category)
        assert one.filename == __file__, "a warning names the line that called"


def test_undefined_metrics_have_a_warning_of_our_own_without_scikit_learn() -> None:
    code = (
        "import sys, warnings; from fastloss import metrics\n"
        "assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules\n"
        "with warnings.catch_warnings(record=True) as found:\n"
        "    warnings.simplefilter('always')\n"
        "    metrics.r2_score([1.0], [2.0])\n"
        "assert found[0].category is metrics.UndefinedMetricWarning, found\n"
        "assert 'sklearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_the_warning_is_both(theirs: Any) -> None:
    from sklearn.exceptions import UndefinedMetricWarning

    for category in (UndefinedMetricWarning, metrics.UndefinedMetricWarning):
        with pytest.warns(category, match="not well-defined"):
            metrics.r2_score([1.0], [2.0])


def test_masked_arrays_are_refused() -> None:
    masked = np.ma.array([1.0, 2.0], mask=[0, 1])
    with pytest.raises(TypeError, match="masked"):
        metrics.mean_squared_error(masked, [1.0, 2.0])


def test_pandas_and_sparse_inputs(theirs: Any) -> None:
    pandas = pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    y_true, y_pred = numbers(40)
    frame = pandas.DataFrame({"t": y_true, "p": y_pred})
    assert metrics.mean_squared_error(frame["t"], frame["p"]) == metrics.mean_squared_error(y_true, y_pred)
    y_true, y_pred = labels(40)
    for dtype in ("int64", "Int64", "category", "string"):
        series = (pandas.Series(y).astype(dtype) for y in (y_true, y_pred))
        assert metrics.f1_score(*series, average="macro") == metrics.f1_score(y_true, y_pred, average="macro")
    y_true, y_pred = indicators(40)
    for container in (sparse.csr_array, sparse.csc_matrix):
        matrices = container(y_true), container(y_pred)
        for name in ("accuracy_score", "hamming_loss", "multilabel_confusion_matrix"):
            equal(getattr(metrics, name)(*matrices), getattr(metrics, name)(y_true, y_pred))
    with pytest.raises(TypeError, match="Sparse data was passed"):
        metrics.mean_squared_error(sparse.csr_array(y_true), y_pred)


# ---- better than scikit-learn ----------------------------------------------------------------------------------


def test_a_large_mean_does_not_hurt_the_scores() -> None:
    rng = np.random.default_rng(0)
    y_true = 1e8 + rng.standard_normal(1000)
    y_pred = y_true + 0.5 * rng.standard_normal(1000)
    for weights in (None, rng.random(1000)):
        w = np.ones(1000) if weights is None else weights
        with mpmath.workdps(60):
            t, p, ws = ([mpmath.mpf(float(x)) for x in array] for array in (y_true, y_pred, w))
            mean = mpmath.fdot(ws, t) / mpmath.fsum(ws)
            residual = mpmath.fsum(a * (x - y) ** 2 for a, x, y in zip(ws, t, p, strict=True))
            total = mpmath.fsum(a * (x - mean) ** 2 for a, x in zip(ws, t, strict=True))
            exact = float(1 - residual / total)
        assert metrics.r2_score(y_true, y_pred, sample_weight=weights) == pytest.approx(exact, rel=1e-15)


def test_counts_are_exact_beyond_32_bits() -> None:
    weights = np.full(3, 2**62, np.int64)
    assert metrics.confusion_matrix([0, 1, 2], [0, 1, 1], sample_weight=weights).max() == 2**62
    # a product of such counts does not fit in 64 bits
    y = np.r_[np.zeros(2, int), np.ones(2, int)]
    assert metrics.matthews_corrcoef(y, y, sample_weight=np.full(4, 2**40)) == 1.0


@pytest.mark.parametrize("power", [-2.5, -0.5, 0, 1, 1.25, 1.99, 2, 2.01, 2.5, 3, 3.5, 5])
def test_deviances_near_a_perfect_prediction(power: float) -> None:
    y_true, y_pred = np.array([1.5, 2.0, 3.25]), np.array([1.5000001, 1.9, 3.5])
    with mpmath.workdps(80):
        p = mpmath.mpf(power)

        def deviance(y: Any, mu: Any) -> Any:
            if power == 1:
                return 2 * (y * mpmath.log(y / mu) - y + mu)
            if power == 2:
                return 2 * (mpmath.log(mu / y) + y / mu - 1)
            return 2 * (y ** (2 - p) / ((1 - p) * (2 - p)) - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p))

        exact = [float(deviance(mpmath.mpf(float(y)), mpmath.mpf(float(mu)))) for y, mu in zip(y_true, y_pred, strict=True)]
    for y, mu, expected in zip(y_true, y_pred, exact, strict=True):
        assert metrics.mean_tweedie_deviance([y], [mu], power=power) == pytest.approx(expected, rel=2e-9)


# ---- states ----------------------------------------------------------------------------------------------------


def bits(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    return value if value is None else np.asarray(value).tobytes()


def quietly(function: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function()


@pytest.mark.parametrize(("name", "data", "keywords"), CASES, ids=IDS)
def test_parts_give_the_bits_of_the_whole(name: str, data: Data, keywords: dict[str, Any]) -> None:
    n = 120
    y_true, y_pred = data(n)
    function = getattr(metrics, name)
    keep_order = keywords.get("samplewise", False)
    for weights in weigh(name, n):
        given = keywords if weights is None else {**keywords, "sample_weight": weights}
        whole = bits(quietly(lambda given=given: function(y_true, y_pred, **given)))
        for seed in range(3):
            rng = np.random.default_rng(seed)
            cuts = np.sort(rng.choice(np.arange(1, n), 5, replace=False))
            states = []
            for part in np.split(np.arange(n), cuts):
                state = metrics.state_of(function, **keywords)
                state.update(y_true[part], y_pred[part], None if weights is None else weights[part])
                states.append(pickle.loads(pickle.dumps(state)))
            if not keep_order:
                rng.shuffle(states)
            while len(states) > 1:
                i = 0 if keep_order else int(rng.integers(0, len(states) - 1))
                states[i : i + 2] = [states[i].merge(states[i + 1])]
            assert bits(quietly(states[0].result)) == whole
            assert bits(quietly(pickle.loads(pickle.dumps(states[0])).result)) == whole, "a result does not use a state up"


@pytest.mark.parametrize(("name", "data", "keywords"), CASES, ids=IDS)
def test_merging_leaves_the_other_state_alone(name: str, data: Data, keywords: dict[str, Any]) -> None:
    function = getattr(metrics, name)
    first, second = (metrics.state_of(function, **keywords).update(*data(40, seed)) for seed in (0, 1))
    empty = metrics.state_of(function, **keywords)
    before = bits(quietly(second.result))
    quietly(lambda: empty.merge(second).merge(first).update(*data(40, 2)).result())
    first.merge(second)
    assert bits(quietly(second.result)) == before


@pytest.mark.parametrize(("name", "data", "keywords"), CASES, ids=IDS)
def test_a_failed_update_changes_nothing(name: str, data: Data, keywords: dict[str, Any]) -> None:
    state = metrics.state_of(getattr(metrics, name), **keywords).update(*data(40))
    before = bits(quietly(state.result))
    with pytest.raises((ValueError, TypeError)):
        state.update([0, 1, 1], [[0], [math.nan]])
    with pytest.raises((ValueError, TypeError)):
        state.update(data(40)[0], data(41)[1])
    assert bits(quietly(state.result)) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_state_of_nothing_has_no_result(name: str) -> None:
    state = metrics.state_of(getattr(metrics, name), **({"beta": 1.0} if name == "fbeta_score" else {}))
    with pytest.raises(ValueError, match=r"no samples|need at least"):
        state.result()


def test_states_are_made_of_metrics_and_partials() -> None:
    y_true, y_pred = labels(50)
    f2 = partial(metrics.fbeta_score, beta=2, average="macro")
    assert metrics.state_of(f2).update(y_true, y_pred).result() == f2(y_true, y_pred)
    with pytest.raises(TypeError, match="the state of f1_score takes no keyword beta"):
        metrics.state_of(metrics.f1_score, beta=2.0)
    with pytest.raises(TypeError, match="fbeta_score needs the keyword beta"):
        metrics.state_of(metrics.fbeta_score)
    assert metrics.state_of(f2, average="micro").update(y_true, y_pred).result() == f2(y_true, y_pred, average="micro")
    for thing in (fl.mse, len, "f1_score", lambda: 0):
        with pytest.raises(TypeError, match=r"one of fastloss\.metrics"):
            metrics.state_of(thing)
    with pytest.raises(TypeError, match="by name"):
        metrics.state_of(partial(metrics.f1_score, y_true))


def test_states_that_do_not_fit_are_refused() -> None:
    macro, micro = (metrics.state_of(metrics.f1_score, average=average) for average in ("macro", "micro"))
    with pytest.raises(ValueError, match="equal parameters"):
        macro.merge(micro)
    macro.update([0, 1], [0, 1])
    with pytest.raises(ValueError, match="for all samples or for none"):
        macro.update([0, 1], [0, 1], [1.0, 2.0])
    function, (_, *rest) = macro.__reduce__()
    with pytest.raises(ValueError, match="version"):
        function(0, *rest)


def test_small_states_are_small() -> None:
    sizes = []
    for n in (1000, 100_000):
        state = metrics.state_of(metrics.f1_score, average="macro").update(*labels(n))
        loss = metrics.state_of(metrics.log_loss).update(*shares(n))
        sizes.append(len(pickle.dumps(state)) + len(pickle.dumps(loss)))
    assert max(sizes) < 5000
    assert not metrics.state_of(metrics.median_absolute_error).small
    assert metrics.state_of(metrics.r2_score).small


# ---- evaluations -----------------------------------------------------------------------------------------------


def test_metrics_join_evaluations() -> None:
    y_true, y_pred = chances(500)
    weights = np.random.default_rng(0).random(500)
    brier = partial(metrics.brier_score_loss, pos_label=1)
    parts = {"nll": metrics.log_loss, "bce": fl.BinaryCrossEntropy(), "brier": brier, "top": metrics.top_k_accuracy_score}
    ev = fl.Evaluation(parts)
    for part in (slice(0, 3), slice(3, 400), slice(400, 450)):
        ev.update(y_true[part], y_pred[part], sample_weight=weights[part])
    last = ev.empty().update(y_true=y_true[450:], y_pred=y_pred[450:], sample_weight=weights[450:])
    result = quietly(pickle.loads(pickle.dumps(last)).merge(pickle.loads(pickle.dumps(ev))).result)
    assert list(result) == list(parts)
    assert result["nll"] == metrics.log_loss(y_true, y_pred, sample_weight=weights)
    assert result["brier"] == brier(y_true, y_pred, sample_weight=weights)
    assert result["bce"] == fl.BinaryCrossEntropy()(y_true, y_pred, sample_weight=weights)
    assert ev.n_samples == 450
    assert "log_loss" in repr(ev)


def test_evaluations_of_metrics_alone_take_any_labels() -> None:
    y_true, y_pred = names(60)
    ev = fl.Evaluation([metrics.accuracy_score, metrics.matthews_corrcoef]).update(y_true, y_pred)
    assert ev.n_samples == 60
    assert ev.result()["accuracy_score"] == metrics.accuracy_score(y_true, y_pred)
    assert list(fl.evaluate(metrics.accuracy_score, y_true, y_pred)) == ["accuracy_score"]


def test_an_evaluation_takes_all_or_nothing_of_an_update() -> None:
    ev = fl.Evaluation({"mse": fl.mse, "r2": metrics.r2_score}).update([1.0, 2.0], [1.5, 3.0])
    before = ev.result()
    with pytest.raises(ValueError, match="NaN"):
        ev.update([math.nan], [1.0])
    assert ev.result() == before
    assert ev.n_samples == 2
    with pytest.raises(TypeError, match="y_true and y_pred"):
        fl.Evaluation({"r2": metrics.r2_score}).update([1.0])
    other = fl.Evaluation({"mse": fl.mse, "r2": partial(metrics.r2_score, force_finite=False)}).update([1.0], [1.0])
    with pytest.raises(ValueError, match="equal parameters"):
        ev.merge(other)
    assert ev.result() == before


# ---- exactness -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["accuracy_score", "f1_score", "log_loss", "r2_score", "mean_squared_error", "confusion_matrix"]
)
def test_threads_and_order_do_not_change_a_bit(name: str) -> None:
    n = 300_000
    data = {"log_loss": chances, "r2_score": numbers, "mean_squared_error": numbers}.get(name, binary)
    y_true, y_pred = data(n)
    weights = np.random.default_rng(3).random(n) * 10.0 ** np.random.default_rng(4).integers(-9, 9, n)
    order = np.random.default_rng(5).permutation(n)
    function = getattr(metrics, name)
    found = set()
    for _ in each_team(1, 2, 3):
        found.add(bits(function(y_true, y_pred, sample_weight=weights)))
    found.add(bits(function(y_true[order], y_pred[order], sample_weight=weights[order])))
    assert len(found) == 1


#: Without those that have no weights, and quantiles, whose weights scikit-learn reads in its own way.
OF_SUMS = [
    case for case in CASES if "samplewise" not in case[2] and not case[0].startswith(("max_", "median_", "d2_p", "d2_a"))
]


@pytest.mark.parametrize(("name", "data", "keywords"), OF_SUMS)
def test_weights_of_two_are_duplicates(name: str, data: Data, keywords: dict[str, Any]) -> None:
    y_true, y_pred = data(60)
    twice = np.random.default_rng(0).integers(1, 4, 60)
    function = getattr(metrics, name)
    weighted = quietly(lambda: function(y_true, y_pred, sample_weight=twice.astype(float), **keywords))
    repeated = quietly(lambda: function(np.repeat(y_true, twice, axis=0), np.repeat(y_pred, twice, axis=0), **keywords))
    for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (weighted, repeated)), strict=True):
        if b is not None:
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 7, 33, 200, 1500])
@pytest.mark.parametrize("weighted", [False, True])
def test_tables_of_any_size(k: int, weighted: bool) -> None:
    n = 5000
    rng = np.random.default_rng(k)
    y_true, y_pred = rng.integers(0, k, n), rng.integers(0, k, n)
    weights = rng.integers(1, 100, n) / 8 if weighted else None
    expected = np.zeros((k, k))
    np.add.at(expected, (y_true, y_pred), 1 if weights is None else weights)
    kept = np.flatnonzero(expected.any(axis=0) | expected.any(axis=1))
    shift = int(rng.integers(-50, 50))
    found = metrics.confusion_matrix(y_true + shift, y_pred + shift, sample_weight=weights)
    np.testing.assert_array_equal(found, expected[np.ix_(kept, kept)])
    f1 = metrics.f1_score(y_true, y_pred, average="micro", sample_weight=weights)
    assert f1 == pytest.approx(np.trace(expected) / expected.sum(), rel=1e-14)


def test_strided_swapped_and_unaligned_labels() -> None:
    y_true, y_pred = labels(5000)
    whole = metrics.confusion_matrix(y_true, y_pred)
    odd = np.frombuffer(b"\0" + y_true.tobytes(), np.uint8)[1:].view(np.int64)
    assert not odd.flags.aligned
    for true, pred in (
        (y_true[::-1], y_pred[::-1]),
        (y_true.astype(">i4"), y_pred.astype(">i2")),
        (np.repeat(y_true, 3)[::3], np.asfortranarray(np.stack([y_pred, y_true]))[0]),
        (odd, y_pred.astype(np.float32)),
    ):
        np.testing.assert_array_equal(metrics.confusion_matrix(true, pred), whole)


def test_moments_are_exact() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(3000) * 10.0 ** rng.integers(-12, 12, 3000)
    w = rng.random(3000)
    sums = _core.Sums(3)
    operand = [(array, _core.CODES[array.dtype]) for array in (x, w)]
    _core.add_moments(operand[0], operand[1], sums)
    with mpmath.workprec(4000):
        terms = [(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(w.tolist(), x.tolist(), strict=True)]
        for place in range(3):
            exact = mpmath.fsum(a * b**place for a, b in terms)
            assert mpmath.mpf(sums.exact(place)) / mpmath.mpf(2) ** 1074 == exact
            assert sums.rounded(place) == float(exact)


def test_sums_are_pickled_and_checked() -> None:
    sums = _core.Sums(2)
    sums.add(1, 1.0)
    sums.add(1, 2**-60)
    copy = pickle.loads(pickle.dumps(sums))
    assert (copy.rounded(0), copy.exact(1)) == (0.0, (1 << 1074) + (1 << 1014))
    with pytest.raises(IndexError):
        sums.rounded(2)
    with pytest.raises(ValueError, match="do not fit"):
        sums.merge(_core.Sums(3))
    with pytest.raises(ValueError, match="are not those of sums"):
        _core.Sums.from_bytes(b"12345")


def test_types_of_targets(theirs: Any) -> None:
    multiclass = pytest.importorskip("sklearn.utils.multiclass")
    sparse = pytest.importorskip("scipy.sparse")
    for y in (
        [0, 1],
        [0, 1, 2],
        [0.5, 1],
        ["a", "b", "c"],
        [[0, 1], [1, 0]],
        [[0, 1], [2, 0]],
        [[0.5, 1.0], [2.0, 0.0]],
        np.zeros((2, 2, 2)),
        np.array([object(), object()]),
        sparse.csr_array([[0, 1], [1, 0]]),
    ):
        kind, array = _check.type_of_target(y, "y")
        assert _check.named_type(kind, array) == multiclass.type_of_target(y)


# ---- scikit-learn's own tests ----------------------------------------------------------------------------------

#: Tests of scikit-learn that pass with its functions and not with ours, each with the reason.
KNOWN: dict[str, str] = {}


@pytest.mark.slow
def test_scikit_learns_own_tests_pass(theirs: Any) -> None:
    import sklearn_suite

    passing, failing = sklearn_suite.compare()
    assert len(passing) > 250
    assert set(failing) <= set(KNOWN), sorted(set(failing) - set(KNOWN))
    assert len(failing) <= 0.03 * len(passing)
