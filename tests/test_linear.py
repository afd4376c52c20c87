"""Linear models as functions for SciPy's optimisers."""

from __future__ import annotations

import pickle
import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

import fastloss as fl

pytest.importorskip("scipy")
from scipy import sparse
from scipy.optimize import approx_fprime, check_grad, minimize

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Z = X @ [1.0, -2.0, 0.5, 0.0] + 0.7
NUMBERS = Z + RNG.standard_normal(60)
BITS = (NUMBERS > 0).astype(int)
CLASSES = np.digitize(NUMBERS, [-1.5, 1.5])
COUNTS = RNG.poisson(np.exp(Z / 4))
WEIGHTS = RNG.integers(0, 4, 60).astype(float)
LOGISTIC = fl.BinaryCrossEntropy(from_logits=True)
SOFTMAX = fl.CategoricalCrossEntropy(from_logits=True)
NET = fl.ElasticNet(0.1, l1_ratio=0.3)

CASES = [
    (fl.HalfSquaredError(), NUMBERS, None),
    (fl.LogCosh(), NUMBERS, fl.L2Penalty(0.3)),
    (fl.Quantile(alpha=0.3), NUMBERS, NET),
    (LOGISTIC, BITS, fl.L2Penalty(0.01)),
    (LOGISTIC, RNG.random((60, 3)), NET),
    (fl.Poisson(), COUNTS, None),
    (SOFTMAX, CLASSES, fl.L2Penalty(0.01)),
    (SOFTMAX, RNG.dirichlet(np.ones(3), 60), None),
    (fl.CategoricalFocal(from_logits=True), CLASSES, NET),
    (fl.KLDivergence(from_logits=True), RNG.dirichlet(np.ones(3), 60), None),
    (0.7 * LOGISTIC + 0.3 * fl.BinaryFocal(from_logits=True), BITS, fl.L2Penalty(0.01)),
    (SOFTMAX + 0.5 * fl.PolyCrossEntropy(from_logits=True), CLASSES, NET),
    (fl.MultiLabelSoftMargin(), RNG.integers(0, 2, (60, 3)), None),
]


def some_point(objective: Any, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(objective.start.shape)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("intercept", [True, False], ids=["intercept", "none"])
@pytest.mark.parametrize(("loss", "y", "penalty"), CASES, ids=lambda item: type(item).__name__)
def test_value_and_gradient(loss: fl.Loss, y: np.ndarray, penalty: Any, intercept: bool, weights: Any) -> None:
    """The number is that of the loss and the penalty; the gradient is that of the number."""
    objective = fl.linear_objective(loss, X, y, weights, penalty, fit_intercept=intercept)
    assert not objective.start.any()
    theta = some_point(objective)
    value, gradient = objective(theta)
    assert value == objective.value(theta)
    solution = objective.solution(theta)
    raw = X @ solution.coef_.T + solution.intercept_
    expected = loss(y, raw, sample_weight=weights) + (penalty(solution.coef_) if penalty else 0)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(solution.raw_predict(X), raw, rtol=1e-13)
    np.testing.assert_allclose(solution.predict(X), loss.inverse_link(raw), rtol=1e-12)
    assert check_grad(objective.value, lambda t: objective(t)[1], theta) < 1e-6
    # nothing is kept from call to call but room
    again, another = objective(theta), objective(some_point(objective, 2))
    assert again[0] == value
    np.testing.assert_array_equal(again[1], gradient)
    assert not np.shares_memory(again[1], gradient)
    assert not np.array_equal(another[1], gradient)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize(
    ("loss", "y", "penalty"), [case for case in CASES if case[0].by_numbers and case[0].name != "quantile"],
    ids=lambda item: type(item).__name__,
)  # fmt: skip
def test_products_with_the_hessian(loss: fl.Loss, y: np.ndarray, penalty: Any, weights: Any) -> None:
    objective = fl.linear_objective(loss, X, y, weights, penalty)
    theta, vector = some_point(objective), some_point(objective, 2)
    product = objective.hessian_product(theta, vector)
    differences = approx_fprime(theta, lambda t: objective(t)[1] @ vector, 1e-7)
    np.testing.assert_allclose(product, differences, rtol=1e-4, atol=1e-6)
    # written out, with the intercepts after all coefficients
    (coef, intercept), (step, shift) = (
        (point.coef_, point.intercept_) for point in (objective.solution(theta), objective.solution(vector))
    )
    curvature = loss.gradient_and_hessian(y, X @ coef.T + intercept, sample_weight=weights)[1]
    change = curvature * (X @ step.T + shift)
    expected = change.T @ X
    if penalty is not None:
        expected += penalty.gradient_and_hessian(coef)[1] * step
    expected = np.append(expected.ravel(), change.sum(axis=0))
    np.testing.assert_allclose(product, expected, rtol=1e-12, atol=1e-14)


def test_other_dtypes_and_layouts() -> None:
    objective = fl.linear_objective(LOGISTIC, X, BITS, WEIGHTS, NET)
    theta = some_point(objective)
    value, gradient = objective(theta)
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.tolist(), X.astype(">f8")):
        for labels in (BITS, BITS.astype(bool), BITS.tolist()):
            got = fl.linear_objective(LOGISTIC, same, labels, WEIGHTS.tolist(), NET)(theta)
            assert got[0] == pytest.approx(value, rel=1e-14)
            np.testing.assert_allclose(got[1], gradient, rtol=1e-12, atol=1e-15)
    single = fl.linear_objective(LOGISTIC, X.astype(np.float32), BITS, WEIGHTS, NET)
    assert single(theta)[0] == pytest.approx(value, rel=1e-5)
    assert single(theta)[1].dtype == np.float64
    swapped = fl.linear_objective(LOGISTIC, X.astype(">f4"), BITS, WEIGHTS, NET)
    assert swapped(theta)[0] == pytest.approx(single(theta)[0], rel=1e-6)
    assert swapped._raw.dtype == np.float32
    np.testing.assert_allclose(single(theta)[1], gradient, rtol=1e-4, atol=1e-6)
    assert single.solution(theta).raw_predict(X.astype(np.float32)).dtype == np.float32
    whole = (X * 4).astype(int)
    assert fl.linear_objective(LOGISTIC, whole, BITS)(theta)[0] == fl.linear_objective(LOGISTIC, whole * 1.0, BITS)(theta)[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("loss", "y"), [(LOGISTIC, BITS), (SOFTMAX, CLASSES)], ids=["binary", "classes"])
def test_sparse_features(loss: fl.Loss, y: np.ndarray, dtype: Any) -> None:
    dense = np.where(np.abs(X) > 1, X, 0).astype(dtype)
    expected = fl.linear_objective(loss, dense, y, WEIGHTS, NET)
    theta = some_point(expected)
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-14}
    for kind in (sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix):
        objective = fl.linear_objective(loss, kind(dense), y, WEIGHTS, NET)
        for got, wanted in zip(objective(theta), expected(theta), strict=True):
            np.testing.assert_allclose(got, wanted, **tolerance)
        raw = objective.solution(theta).raw_predict(kind(dense))
        np.testing.assert_allclose(raw, expected.solution(theta).raw_predict(dense), **tolerance)
        if loss is LOGISTIC:
            np.testing.assert_allclose(
                objective.hessian_product(theta, theta), expected.hessian_product(theta, theta), **tolerance
            )
    counts = sparse.csr_array((X > 1).astype(int))
    assert fl.linear_objective(loss, counts, y)(theta)[0] == pytest.approx(
        fl.linear_objective(loss, counts.toarray(), y)(theta)[0], rel=1e-14
    )


@pytest.mark.parametrize("loss", [fl.Poisson(from_log=False), fl.mse + fl.Tweedie(from_log=False)])
def test_means_are_no_raw_predictions(loss: fl.Loss) -> None:
    with pytest.raises(ValueError, match=r"takes means\. Pass it from_log=True"):
        fl.linear_objective(loss, X, BITS)
    normal = fl.linear_objective(fl.Tweedie(power=0.0, from_log=False), X, BITS)
    same = fl.linear_objective(fl.HalfSquaredError(), X, BITS)
    assert normal(normal.start)[0] == same(same.start)[0]


def test_sparse_features_are_real() -> None:
    with pytest.raises(TypeError, match="X must hold real numbers; got a sparse matrix of dtype complex128"):
        fl.linear_objective(LOGISTIC, sparse.csr_array(X * 1j), BITS)


def test_a_penalized_loss_brings_its_penalty() -> None:
    theta = np.arange(5.0)
    expected = fl.linear_objective(LOGISTIC, X, BITS, penalty=fl.L1L2Penalty(0.5, 0.25))(theta)
    for loss, penalty in ((LOGISTIC + fl.L1L2Penalty(0.5, 0.25), None), (LOGISTIC + fl.L1Penalty(0.5), fl.L2Penalty(0.25))):
        value, gradient = fl.linear_objective(loss, X, BITS, penalty=penalty)(theta)
        assert value == pytest.approx(expected[0], rel=1e-14)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-13)


def test_a_copy_is_independent() -> None:
    objective = fl.linear_objective(SOFTMAX, X, CLASSES, WEIGHTS, NET)
    copy = pickle.loads(pickle.dumps(objective))
    theta, other = some_point(objective), some_point(objective, 2)
    value, _ = objective(theta)
    copy(other)
    assert copy(theta)[0] == pytest.approx(value, rel=1e-14)
    assert objective(theta)[0] == value


def test_how_many_classes_there_are() -> None:
    def classes(y: Any, **parameters: Any) -> int:
        loss = fl.CategoricalCrossEntropy(from_logits=True, **parameters)
        return len(fl.linear_objective(loss, np.ones((len(y), 2)), y, fit_intercept=False).start) // 2

    assert classes([0, 2, 1]) == classes([0.0, 2.0, 1.0]) == 3
    assert classes([True, False]) == 2
    assert classes([0, 255, 1], ignore_index=255) == 2
    assert classes([0, -100, 3], ignore_index=-100) == 4
    assert classes([0, 1], class_weight=[1.0, 2.0, 3.0]) == 3
    hard, soft = (fl.CategoricalCrossEntropy(from_logits=True, ignore_index=9, label_smoothing=s) for s in (0.0, 0.1))
    both = hard + soft
    assert len(fl.linear_objective(both, np.ones((3, 1)), [0, 9, 1], fit_intercept=False).start) == 2
    with pytest.raises(
        fl.InputError, match="class index 1099511627776 at row 1: there would be a number for each class, 1048576"
    ):
        classes([0, 2**40])
    with pytest.raises(fl.InputError, match="class index inf at row 0"):
        classes([np.inf, 1])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fl.linear_objective("mse", X, NUMBERS), TypeError, "loss must be a loss, such as Huber(); got 'mse'."),
        (lambda: fl.linear_objective(fl.Huber, X, NUMBERS), TypeError, "Make an instance."),
        (lambda: fl.linear_objective(fl.L1Penalty(), X, NUMBERS), TypeError,
         "L1Penalty is no loss of labels and the raw predictions of single samples."),
        (lambda: fl.linear_objective(fl.Dice(), X, NUMBERS), TypeError, "Dice is no loss of labels and the raw predictions"),
        (lambda: fl.linear_objective(fl.GaussianNLL(), X, NUMBERS), TypeError, "GaussianNLL is no loss of labels"),
        (lambda: fl.linear_objective(fl.rmse, X, NUMBERS), TypeError, "RootMeanSquaredError is no loss of labels"),
        (lambda: fl.linear_objective(fl.ZeroOne(from_logits=True), X, BITS), TypeError, "ZeroOne has no gradient"),
        (lambda: fl.linear_objective(fl.BinaryCrossEntropy(), X, BITS), ValueError,
         "a linear model predicts raw scores, and BinaryCrossEntropy(from_logits=False"),
        (lambda: fl.linear_objective(LOGISTIC + 2 * fl.Brier(), X, BITS), ValueError, "Brier(from_logits=False) takes prob"),
        (lambda: fl.linear_objective(fl.mse, X, NUMBERS, penalty=0.1), TypeError,
         "penalty must be a penalty, such as L2Penalty(), or None; got 0.1."),
        (lambda: fl.linear_objective(fl.mse, X, NUMBERS, fit_intercept=1), ValueError,
         "fit_intercept must be True or False; got 1."),
        (lambda: fl.linear_objective(fl.mse, X[0], NUMBERS), ValueError,
         "X must have two axes, those of samples and of features; got shape (4,)."),
        (lambda: fl.linear_objective(fl.mse, X, NUMBERS[:7]), ValueError,
         "y must have shape (60,) or (60, k) for SquaredError and X of shape (60, 4); got (7,)."),
        (lambda: fl.linear_objective(fl.mse, X, 1.0), ValueError, "y must have shape (60,) or (60, k) for SquaredError"),
        (lambda: fl.linear_objective(fl.KLDivergence(from_logits=True), X, NUMBERS), ValueError,
         "y must have shape (60, k) for KLDivergence and X of shape (60, 4); got (60,)."),
        (lambda: fl.linear_objective(fl.mse, [["a"]], NUMBERS), TypeError, "X must hold real numbers"),
        (lambda: fl.linear_objective(fl.mse, X, NUMBERS)([1.0]), ValueError,
         "the parameters must have shape (5,), coefficients and then intercepts; got (1,)."),
        (lambda: fl.linear_objective(fl.mse, X, NUMBERS, np.ones(3))(np.zeros(5)), ValueError,
         "sample_weight must have the shape"),
        (lambda: fl.linear_objective(LOGISTIC, X, NUMBERS)(np.zeros(5)), fl.InputError, "y_true must lie in [0, 1]"),
        (lambda: fl.linear_objective(SOFTMAX, X, CLASSES).hessian_product([0.0] * 15, [0.0] * 15), fl.NotDifferentiableError,
         "CategoricalCrossEntropy has no product with the Hessian: of a row of scores it is no diagonal."),
        (lambda: fl.linear_objective(fl.mse, X, NUMBERS).solution(np.zeros(5)).predict(X[:, :2]), ValueError,
         "X must have 4 columns, one for each coefficient; got shape (60, 2)."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [LOGISTIC, SOFTMAX], ids=["binary", "classes"])
def test_calls_need_no_memory_of_the_size_of_the_data(loss: fl.Loss, dtype: Any) -> None:
    n = 100_000
    wide = np.random.default_rng(0).standard_normal((n, 6)).astype(dtype)
    for features in (wide, np.asfortranarray(wide), wide[:, ::2]):
        objective = fl.linear_objective(loss, features, (wide[:, 0] > 0).astype(int), np.ones(n), NET)
        theta = some_point(objective)
        objective(theta)
        tracemalloc.start()
        objective(theta)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < n


def test_repr() -> None:
    assert repr(fl.linear_objective(fl.mse, X, NUMBERS, penalty=fl.L1Penalty())) == (
        "<LinearObjective of SquaredError() and L1Penalty(strength=1.0): 60 samples, 4 features, 1 column(s)>"
    )


def test_no_samples() -> None:
    objective = fl.linear_objective(fl.mse, np.ones((0, 2)), [])
    with pytest.raises(ValueError, match="the mean of no samples is undefined"):
        objective(objective.start)


# ---- the optima of scikit-learn ----------------------------------------------------------------------------------


def best(objective: Any, **options: Any) -> tuple[float, Any]:
    """The least value that is found, and where."""
    options = {"method": "L-BFGS-B", "options": {"maxiter": 10_000, "maxfun": 100_000, "ftol": 0, "gtol": 1e-10}} | options
    result = minimize(objective, objective.start, jac=True, **options)
    return result.fun, objective.solution(result.x)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_logistic_regression(weights: Any) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    total = len(X) if weights is None else weights.sum()
    objective = fl.linear_objective(LOGISTIC, X, BITS, weights, penalty=fl.L2Penalty(1 / (0.5 * total)))
    model = linear.LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(X, BITS, weights)
    theirs = objective.value(np.append(model.coef_, model.intercept_))
    newton = {"method": "Newton-CG", "hessp": objective.hessian_product, "options": {"xtol": 1e-14}}
    for options in ({}, newton):
        value, solution = best(objective, **options)
        assert value == pytest.approx(theirs, rel=1e-10)
        np.testing.assert_allclose(solution.coef_, model.coef_[0], atol=1e-5)
        assert solution.intercept_ == pytest.approx(model.intercept_[0], abs=1e-5)
        np.testing.assert_allclose(solution.predict(X), model.predict_proba(X)[:, 1], atol=1e-5)
        np.testing.assert_allclose(solution.raw_predict(X), model.decision_function(X), atol=1e-4)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_multinomial_regression(weights: Any) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    total = len(X) if weights is None else weights.sum()
    objective = fl.linear_objective(SOFTMAX, X, CLASSES, weights, penalty=fl.L2Penalty(1 / (2.0 * total)))
    model = linear.LogisticRegression(C=2.0, tol=1e-12, max_iter=10_000).fit(X, CLASSES, weights)
    value, solution = best(objective)
    assert value == pytest.approx(objective.value(np.append(model.coef_, model.intercept_)), rel=1e-10)
    assert solution.coef_.shape == (3, 4)
    np.testing.assert_allclose(solution.coef_, model.coef_, atol=1e-5)
    np.testing.assert_allclose(solution.predict(X), model.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(
        solution.intercept_ - solution.intercept_.mean(), model.intercept_ - model.intercept_.mean(), atol=1e-5
    )


def test_ridge_and_poisson_regression() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    _, solution = best(fl.linear_objective(fl.HalfSquaredError(), X, NUMBERS, WEIGHTS, fl.L2Penalty(3.0 / WEIGHTS.sum())))
    model = linear.Ridge(alpha=3.0, tol=1e-12).fit(X, NUMBERS, WEIGHTS)
    np.testing.assert_allclose(solution.coef_, model.coef_, atol=1e-6)
    np.testing.assert_allclose(solution.predict(X), model.predict(X), atol=1e-6)
    _, solution = best(fl.linear_objective(fl.Poisson(), X, COUNTS, penalty=fl.L2Penalty(0.1), fit_intercept=False))
    model = linear.PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=10_000, fit_intercept=False).fit(X, COUNTS)
    np.testing.assert_allclose(solution.coef_, model.coef_, atol=1e-5)
    assert solution.intercept_ == 0.0
    np.testing.assert_allclose(solution.predict(X), model.predict(X), rtol=1e-4)
