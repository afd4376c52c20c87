"""Objective and Metric by themselves: numbers, shapes, layouts, messages. The libraries have files of their own."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import each_team

import fastloss as fl
from fastloss import _arrays, _core
from fastloss.boosting import HESSIANS, LIBRARIES, Metric, Objective
from fastloss.boosting.curvature import curvature_of, is_row_loss

SCORES = np.linspace(-6.0, 6.0, 241)


def raw(name: str) -> fl.Loss:
    """The loss, taking raw scores."""
    loss = fl.get_loss(name)
    return fl.get_loss(name, from_logits=True) if hasattr(loss, "from_logits") else loss


OBJECTIVES = [
    raw(name)
    for name in fl.list_losses()
    if not (fl.get_loss(name).no_gradient or fl.get_loss(name).no_hessian) and fl.get_loss(name).inputs == fl.Loss.inputs
]
LOGISTIC = fl.BinaryCrossEntropy(from_logits=True)
SOFTMAX = fl.CategoricalCrossEntropy(from_logits=True)


def example(loss: fl.Loss) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores."""
    generator = np.random.default_rng(0)
    if is_row_loss(loss):
        scores = generator.normal(scale=3, size=(241, 3))
        labels = generator.integers(0, 3, 241)
        if not loss.signature.labels:
            return np.eye(3)[labels], scores
        if loss.signature.labels[0].axes:
            return np.stack([labels, np.full(241, -1), np.full(241, -1)], axis=1), scores
        return labels, scores
    labels = generator.integers(0, 2, SCORES.size).astype(np.float32)
    if loss.family == "regression":
        labels += np.float32(0.5)
    return labels, np.abs(SCORES) if isinstance(loss, fl.SquaredLogError) else SCORES


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("loss", OBJECTIVES, ids=repr)
def test_derivatives_are_the_losss_own_and_curvatures_positive(loss: fl.Loss, mode: str) -> None:
    if mode == "upper_bound" and curvature_of(loss).upper_bound is None:
        with pytest.raises(ValueError, match="lies below no parabola"):
            Objective(loss, hessian=mode)
        return
    labels, scores = example(loss)
    gradient, hessian = Objective(loss, hessian=mode)(labels, scores)
    exact = loss.gradient_and_hessian(labels, scores, reduction="none")
    assert gradient.dtype == hessian.dtype == np.float32
    np.testing.assert_allclose(gradient, exact[0], rtol=1e-6)
    if mode == "exact":
        np.testing.assert_allclose(hessian, exact[1], rtol=1e-6)
        return
    assert (hessian > 0).all()
    assert np.isfinite(hessian).all()
    if mode == "constant":
        assert (hessian == 1).all()
    if mode == "upper_bound":
        assert (hessian >= exact[1] * (1 - 1e-6)).all()
    if mode == "auto" and not curvature_of(loss).share:
        usable = (exact[1] > 0) & np.isfinite(exact[1])
        np.testing.assert_allclose(hessian[usable], exact[1][usable], rtol=1e-6)


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("loss", OBJECTIVES, ids=repr)
def test_weights_multiply_once(loss: fl.Loss, mode: str) -> None:
    if mode == "upper_bound" and curvature_of(loss).upper_bound is None:
        return
    objective = Objective(loss, hessian=mode)
    labels, scores = example(loss)
    weights = np.full(len(labels), 2.5, np.float32)
    gradient, hessian = objective(labels, scores)
    weighted = objective(labels, scores, weights)
    np.testing.assert_allclose(weighted[0], 2.5 * gradient, rtol=1e-6)
    np.testing.assert_allclose(weighted[1], 2.5 * hessian, rtol=1e-5)
    weights[::3] = 0
    assert not objective(labels, scores, sample_weight=weights)[1][::3].any()


@pytest.mark.parametrize(
    "loss",
    [fl.huber, fl.fair, fl.cauchy, fl.welsch, fl.tukey, fl.log_cosh, fl.pseudo_huber, fl.SmoothL1(beta=0.5), fl.mse,
     fl.Expectile(alpha=0.8), fl.squared_hinge, fl.smoothed_hinge, fl.modified_huber, LOGISTIC, fl.soft_margin,
     fl.Brier(from_logits=True), *(fl.BinaryFocal(gamma=gamma, from_logits=True) for gamma in (0.5, 2.0, 5.0))],
    ids=repr,
)  # fmt: skip
def test_the_parabola_of_an_upper_bound_lies_above_the_loss(loss: fl.Loss) -> None:
    objective = Objective(loss, hessian="upper_bound")
    steps = np.linspace(-30, 30, 601)
    for label in (0.0, 1.0):
        for score in (-7.3, -1.9, -0.6, 0.0, 0.4, 1.0, 2.2, 8.1):
            gradient, hessian = objective([label], [score])
            parabola = loss([label], [score]) + float(gradient[0]) * steps + float(hessian[0]) * steps**2 / 2
            values = loss(np.full(steps.shape, label), score + steps, reduction="none")
            assert (values <= parabola + 1e-5 * (1 + np.abs(parabola))).all(), (label, score)


@pytest.mark.parametrize("loss", [SOFTMAX, fl.CategoricalFocal(gamma=2.0, from_logits=True), fl.poly_cross_entropy], ids=repr)
def test_the_bound_of_rows_bounds_the_whole_matrix(loss: fl.Loss) -> None:
    generator = np.random.default_rng(3)
    for _ in range(100):
        scores, label = generator.normal(scale=3, size=4), generator.integers(0, 4)
        step = 1e-5

        def gradient(z: np.ndarray, label: int = label) -> np.ndarray:
            return loss.gradient([label], z[None], reduction="none")[0]

        matrix = np.array([(gradient(scores + step * e) - gradient(scores - step * e)) / (2 * step) for e in np.eye(4)])
        bound = Objective(loss, hessian="upper_bound")([label], scores[None])[1].max()
        assert np.linalg.eigvalsh((matrix + matrix.T) / 2).max() <= bound + 1e-6


def test_curvatures_of_linear_tails_do_not_vanish() -> None:
    hessian = Objective(fl.log_cosh)(np.zeros(3), np.array([1.0, 30.0, 700.0]))[1]
    np.testing.assert_allclose(hessian, [1 / np.cosh(1) ** 2, 1 / 30, 1 / 700], rtol=1e-6)


def test_absolute_errors_know_their_scale() -> None:
    labels, scores = np.array([1.0, 5.0, -3.0]), np.array([1.0, 4.0, 0.0])
    for scale in (1e-6, 1.0, 1e6):
        hessian = Objective(fl.mae)(labels * scale, scores * scale)[1]
        np.testing.assert_allclose(hessian * scale, [0.75, 0.75, 1 / 3], rtol=1e-6)


def test_flat_labels_of_several_outputs_get_their_shape() -> None:
    labels, scores = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    for array, other in zip(Objective(fl.mse)(labels.ravel(), scores), Objective(fl.mse)(labels, scores), strict=True):
        np.testing.assert_array_equal(array, other)
    assert Metric(fl.mse)(labels.ravel(), scores) == fl.mse(labels, scores)


def test_layouts_are_those_of_the_scores() -> None:
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(0, 4, 50), generator.normal(size=(50, 4))
    objective = Objective(SOFTMAX)
    in_rows = objective(labels, scores)
    in_columns = objective(labels, np.asfortranarray(scores))
    for array, other in zip(in_rows, in_columns, strict=True):
        assert array.flags.c_contiguous
        assert other.flags.f_contiguous
        assert other.ravel(order="F").base is not None, "LightGBM reads it without a copy"
        np.testing.assert_array_equal(array, other)
    single = objective(labels, scores.astype(np.float32))[0]
    np.testing.assert_allclose(single, in_rows[0], rtol=1e-6)


def test_arrays_are_used_again_only_when_nobody_has_them() -> None:
    objective = Objective(LOGISTIC)
    labels, scores = np.zeros(5000), np.linspace(-1, 1, 5000)
    gradient, hessian = objective(labels, scores)
    address, kept = gradient.ctypes.data, gradient.copy()
    others = objective(labels + 1, scores)
    assert others[0].ctypes.data != address
    np.testing.assert_array_equal(gradient, kept)
    del gradient, hessian, others
    addresses = {objective(labels, scores)[0].ctypes.data for _ in range(10)}
    assert len(addresses) == 1

    found = []
    thread = threading.Thread(target=lambda: found.append(objective(labels, scores)[0]))
    thread.start()
    thread.join()
    assert found[0].ctypes.data not in addresses, "every thread has its own"


@pytest.mark.parametrize("loss", [LOGISTIC, fl.poisson, SOFTMAX], ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.usefixtures("isa")
def test_the_driver_finishes_derivatives(loss: fl.Loss, weighted: bool, order: str, dtype: type) -> None:
    generator = np.random.default_rng(1)
    n = 20_011
    scores = generator.normal(scale=2, size=(n, 3)).astype(dtype)
    labels = generator.integers(0, 2, n)
    scores, labels = (scores, labels) if is_row_loss(loss) else (scores[:, 0].copy(), labels.astype(np.float32))
    weights = generator.uniform(0.5, 2.0, n) if weighted else None
    gradient, hessian = loss.gradient_and_hessian(labels, scores, weights, reduction="none")
    if order == "strided":
        written = [np.empty((*scores.shape, 2), dtype)[..., 0] for _ in range(2)]
    else:
        written = [np.empty(scores.shape, dtype, order=order) for _ in range(2)]
    inputs = loss._read((labels, scores))
    operand = None if weights is None else (weights, _core.CODES[weights.dtype])

    def derive(what: list[int], *factors: float) -> _core.Found:
        finish = _core.Finish(*factors)
        outputs = [_core.Output(kind, _arrays.write(array), finish=finish) for kind, array in zip(what, written, strict=False)]
        return _core.execute((loss._kernel_for(inputs),), inputs, operand, tuple(outputs))

    floor = float(np.quantile(hessian * dtype(1.5), 0.3))
    for team in each_team(1, 3):
        found = derive([_core.GRADIENT, _core.HESSIAN], -1.0, 1.5, floor, -1.0)
        assert (found.least, found.fault) == ((hessian * dtype(1.5)).min(), 0), team
        np.testing.assert_array_equal(written[0], -gradient)
        np.testing.assert_array_equal(written[1], -np.maximum(hessian * dtype(1.5), dtype(floor)))
    found = derive([_core.GRADIENT], 0.5, 1.0, -np.inf, 1.0)
    assert (found.least, found.fault) == (np.inf, 0)
    np.testing.assert_array_equal(written[0], gradient * dtype(0.5))


@pytest.mark.parametrize(
    ("score", "dtype", "found"),
    [
        (np.nan, np.float32, True),
        (np.inf, np.float64, True),
        (88.0, np.float32, False),
        (88.8, np.float32, True),
        (88.8, np.float64, False),
        (709.0, np.float64, False),
        (710.0, np.float64, True),
    ],
)
def test_the_driver_finds_what_is_not_finite(score: float, dtype: type, found: bool) -> None:
    scores = np.zeros(5000)
    scores[4321] = score
    gradient, hessian = np.empty(5000, dtype), np.empty(5000, dtype)
    finish = _core.Finish(1.0, 1.0, 1e-16, 1.0)
    outputs = tuple(
        _core.Output(kind, _arrays.write(array), finish=finish)
        for kind, array in ((_core.GRADIENT, gradient), (_core.HESSIAN, hessian))
    )
    with np.errstate(over="ignore"):
        result = _core.execute((fl.poisson._kernel,), fl.poisson._read((np.ones(5000), scores)), None, outputs)
    assert bool(result.fault & _core.INFINITE_DERIVATIVE) is found
    assert bool(np.isfinite(gradient).all() and np.isfinite(hessian).all()) is not found
    assert result.least == 1.0


def test_catboost_gets_pairs_of_negative_derivatives() -> None:
    labels, scores, weights = np.array([0, 1, 1], np.float32), np.array([0.5, -2.0, 3.0]), np.array([1, 2, 0.5], np.float32)
    pairs = Objective(LOGISTIC).calc_ders_range(scores, labels, weights)
    gradient, hessian = LOGISTIC.gradient_and_hessian(labels, scores, weights, reduction="none")
    assert pairs.shape == (3, 2)
    assert pairs.dtype == np.float64
    np.testing.assert_allclose(pairs, np.stack([-gradient, -hessian], axis=1), rtol=1e-15)
    np.testing.assert_allclose(
        Objective(LOGISTIC).calc_ders_range([0.5], [0], None), -np.array([[0.62245933, 0.23500371]]), rtol=1e-7
    )


@pytest.mark.parametrize(
    "loss", [SOFTMAX, fl.CategoricalCrossEntropy(from_logits=True, class_weight=(1.0, 2.0, 0.5), label_smoothing=0.1)], ids=repr
)
def test_catboost_gets_the_whole_matrix_of_softmax(loss: fl.Loss) -> None:
    scores, step = np.array([0.3, -1.0, 2.0]), 1e-5

    def gradient(z: np.ndarray) -> np.ndarray:
        return loss.gradient([1], z[None], reduction="none")[0]

    slopes, matrix = Objective(loss).calc_ders_multi(scores, 1.0, 3.0)
    np.testing.assert_allclose(slopes, -3 * gradient(scores), rtol=1e-12)
    numeric = [(gradient(scores + step * e) - gradient(scores - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(matrix, -3 * np.array(numeric), atol=1e-9)
    diagonal = Objective(fl.mse).calc_ders_multi(np.zeros(2), np.ones(2), 0.5)
    assert diagonal == ([1.0, 1.0], [[-1.0, 0.0], [0.0, -1.0]])


def test_the_object_is_a_plain_value() -> None:
    objective = Objective(fl.Huber(delta=2.0), hessian="upper_bound", check_finite=False)
    assert copy.copy(objective) is copy.deepcopy(objective) is objective
    again = pickle.loads(pickle.dumps(objective))
    assert again == objective
    assert hash(again) == hash(objective)
    assert again != Objective(fl.Huber(delta=2.0))
    assert eval(repr(objective), {"Objective": Objective, "Huber": fl.Huber}) == objective
    assert objective.__name__ == "huber"
    assert objective.no_jit
    assert list(inspect.signature(objective).parameters) == ["y_true", "y_pred", "sample_weight", "group"]
    with pytest.raises(AttributeError):
        objective.loss = fl.mse
    metric = Metric(fl.mse, name="error")
    assert pickle.loads(pickle.dumps(metric)) == metric == copy.deepcopy(metric)
    assert isinstance(metric, Metric)
    assert type(metric).__name__ == metric.__name__ == "error", "CatBoost prints the name of the class"
    assert eval(repr(metric), {"Metric": Metric, "SquaredError": fl.SquaredError}) == metric


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Objective(fl.Huber), TypeError, r"pass Huber\(\)"),
        (lambda: Objective("huber"), TypeError, "must be a loss of fastloss"),
        (lambda: Objective(fl.zero_one), fl.NotDifferentiableError, "step function"),
        (lambda: Objective(fl.rmse), fl.NotDifferentiableError, "HalfSquaredError"),
        (lambda: Objective(fl.gaussian_nll), TypeError, "y_true, mean, var"),
        (lambda: Objective(fl.binary_cross_entropy), ValueError, "from_logits=True"),
        (lambda: Objective(fl.Poisson(from_log=False)), ValueError, "from_log=True"),
        (lambda: Objective(fl.mse, hessian="newton"), ValueError, "'gauss_newton'"),
        (lambda: Objective(fl.mse, parity="torch"), ValueError, "'lightgbm'"),
        (lambda: Objective(fl.tukey, parity="xgboost"), ValueError, "xgboost has no objective for Tukey"),
        (lambda: Objective(fl.mse, parity="xgboost", hessian="exact"), ValueError, "Hessian of its own"),
        (lambda: Objective(fl.mse, check_finite="yes"), ValueError, "check_finite"),
        (lambda: Metric(fl.Huber), TypeError, r"pass Huber\(\)"),
        (lambda: Metric("huber"), TypeError, "must be a loss of fastloss"),
        (lambda: Metric(fl.gaussian_nll), TypeError, "y_true, mean, var"),
        (lambda: Metric(fl.mse, raw="no"), ValueError, "raw must be"),
        (lambda: Metric(fl.mse, name=""), ValueError, "name must be"),
    ],
)
def test_what_cannot_be_made_says_why(make: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Objective(SOFTMAX)([0, 1], [0.5, 0.5]), "one raw score per class"),
        (lambda: Objective(LOGISTIC)([0, 1], np.zeros((2, 3))), "one raw score per label"),
        (lambda: Objective(LOGISTIC)([0, 1, 1], [0.5, 0.5]), "one label per row"),
        (lambda: Objective(LOGISTIC)([0, 1], [0.5, 0.5], [1.0]), "one weight per row"),
        (lambda: Objective(LOGISTIC)([0, 1], [0.5, 0.5], [1.0, -1.0]), "index 1"),
        (lambda: Objective(LOGISTIC)([0, 2], [0.5, 0.5]), "2 at index 1"),
        (lambda: Objective(LOGISTIC, parity="xgboost")([0, 2], [0.5, 0.5]), "2 at index 1"),
        (lambda: Objective(SOFTMAX)([0, 3], np.zeros((2, 3))), "class index 3 at row 1"),
        (lambda: Objective(LOGISTIC)([0, 1], [0.5, 0.5], None, [2]), "groups"),
        (lambda: Objective(LOGISTIC)([0, 1], np.zeros((2, 1, 1))), r"\(n, K\)"),
        (lambda: Objective(LOGISTIC).calc_ders_range([0.5, 0.5], [1], None), "one label per row"),
        (lambda: Objective(SOFTMAX).calc_ders_range([0.5, 0.5], [1, 0], None), "class_names"),
    ],
)
def test_what_does_not_fit_says_so(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("parity", [None, *LIBRARIES])
@pytest.mark.parametrize("check", [True, False])
def test_numbers_that_are_not_finite_are_named(parity: str | None, check: bool) -> None:
    scores = np.zeros(5000, np.float32)
    scores[4321] = np.nan
    for loss, labels in ((LOGISTIC, np.ones(5000)), (fl.poisson, np.full(5000, 3.0))):
        objective = Objective(loss, parity=parity, check_finite=check)
        if not check:
            assert np.isnan(objective(labels, scores)[0][4321])
            continue
        with pytest.raises(ValueError, match=rf"at row 4321: the prediction is nan, the label {labels[0]}"):
            objective(labels, scores)
        with pytest.raises(ValueError, match="at row 4321: the prediction is nan"):
            objective.calc_ders_range(scores, labels, None)


def test_derivatives_beyond_float32_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"gradient of Poisson.* is inf at row 1: the prediction is 100.0, the label 2.0, the weight 3"
    ):
        Objective(fl.poisson)([1.0, 2.0], [0.0, 100.0], [1, 3])
    with pytest.raises(ValueError, match=r"at row 1, score 0: .*the label \[nan, 1.0\]. Remove the row"):
        Objective(fl.mse)(np.array([[1.0, 2.0], [np.nan, 1.0]]), np.zeros((2, 2)))
    gradient, _ = Objective(fl.mse)([1.0, np.nan], [0.0, 0.0], [1.0, 0.0])
    assert gradient.tolist() == [-2.0, 0.0], "a weight of zero removes the row"


def test_native_calls_take_labels_and_weights_from_the_data_set() -> None:
    dmatrix = SimpleNamespace(
        get_label=lambda: np.array([0.0, 1.0], np.float32),
        get_weight=lambda: np.array([1.0, 2.0], np.float32),
        get_uint_info=lambda name: np.array([], np.uint32),
    )
    gradient, _ = Objective(LOGISTIC)(np.zeros(2, np.float32), dmatrix)
    assert gradient.tolist() == [0.5, -1.0]
    assert Metric(LOGISTIC)(np.zeros(2), dmatrix) == ("binary_cross_entropy", pytest.approx(np.log(2)))
    with pytest.raises(TypeError, match="a data set has its own weights"):
        Objective(LOGISTIC)(np.zeros(2), dmatrix, [1, 1])
    with pytest.raises(ValueError, match="positive for no row"):
        Objective(fl.hinge, hessian="exact")(np.zeros(2), dmatrix)
    dmatrix.get_uint_info = lambda name: np.array([0, 2], np.uint32)
    with pytest.raises(ValueError, match="groups"):
        Objective(LOGISTIC)(np.zeros(2), dmatrix)
    dmatrix.get_label = lambda: np.array([])
    with pytest.raises(ValueError, match="no labels"):
        Objective(LOGISTIC)(np.zeros(2), dmatrix)


def test_starting_scores() -> None:
    assert Objective(LOGISTIC).init_score([1, 0, 0, 0]) == pytest.approx(np.log(1 / 3))
    assert Objective(LOGISTIC).init_score([1, 0], [3.0, 1.0]) == pytest.approx(np.log(3))
    assert Objective(fl.poisson).init_score([0, 0]) == pytest.approx(-36.0436533891)
    np.testing.assert_allclose(Objective(SOFTMAX).init_score([0, 1, 1, 2]), np.log([0.25, 0.5, 0.25]))
    assert Objective(fl.multi_margin).init_score([0, 3]).tolist() == [0.0] * 4
    assert Objective(fl.mae).init_score(np.array([[1.0, 4.0], [2.0, 5.0], [3.0, 60.0]])).tolist() == [2.0, 5.0]
    assert isinstance(Objective(fl.mse).init_score(np.array([[1.0], [3.0]])), float)


def test_metrics_turn_predictions_into_what_the_loss_takes() -> None:
    labels, scores = np.array([1, 0, 1]), np.array([0.3, -2.0, 5.0])
    probabilities = 1 / (1 + np.exp(-scores))
    wanted = LOGISTIC(labels, scores)
    for loss in (LOGISTIC, fl.binary_cross_entropy, fl.BinaryCrossEntropy(eps=1e-9)):
        assert Metric(loss, raw=True)(labels, scores) == pytest.approx(wanted)
    for loss in (LOGISTIC, fl.binary_cross_entropy):
        assert Metric(loss, raw=False)(labels, probabilities) == pytest.approx(wanted)
    assert Metric(fl.poisson, raw=False)([2.0], [3.0]) == fl.Poisson(from_log=False)([2.0], [3.0])
    assert Metric(LOGISTIC)(labels, scores, None, None) == ("binary_cross_entropy", wanted, False), "LightGBM's estimators"
    weights = np.array([1.0, 0.0, 2.0])
    assert Metric(LOGISTIC)(labels, scores, sample_weight=weights) == LOGISTIC(labels, scores, weights)
    total, of = Metric(fl.rmse).evaluate((np.array([1.0, 2.0]),), np.zeros(2), np.array([1.0, 3.0]))
    assert Metric(fl.rmse).get_final_error(total, of) == pytest.approx(np.sqrt(13 / 4))
    assert not Metric(fl.rmse).is_max_optimal()
    columns = (np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    assert Metric(SOFTMAX).evaluate(columns, np.array([0, 1]), None)[1] == 2
    assert Metric(fl.mse).evaluate(columns, columns, None) == (0.0, 2.0)
    assert np.isnan(Metric(fl.mse).get_final_error(0.0, 0.0))


def test_without_the_libraries_their_adapters_say_so() -> None:
    program = """
import sys
for name in ("sklearn", "catboost", "xgboost", "lightgbm"):
    sys.modules[name] = None
import fastloss as fl
from fastloss.boosting import Metric, Objective
obj = Objective(fl.log_cosh)
obj([1.0], [2.0])
catboost = [(make, "catboost") for make in (obj.to_catboost, Metric(fl.log_cosh).to_catboost)]
for make, package in [(obj.to_sklearn, "scikit-learn"), *catboost]:
    try:
        make()
    except ImportError as error:
        assert str(error).endswith(f"which is not installed: pip install {package}."), error
    else:
        raise AssertionError(make)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
