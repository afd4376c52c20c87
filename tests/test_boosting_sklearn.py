"""Training scikit-learn's HistGradientBoosting."""

from __future__ import annotations

from collections.abc import Iterator

import boosting_data as data
import numpy as np
import pytest

import fastloss as fl
from fastloss.boosting import Metric, Objective

pytestmark = pytest.mark.slow

ensemble = pytest.importorskip("sklearn.ensemble")
pytest.importorskip("joblib")
threadpoolctl = pytest.importorskip("threadpoolctl")

REGRESSOR, CLASSIFIER = ensemble.HistGradientBoostingRegressor, ensemble.HistGradientBoostingClassifier
PARITY = [
    ("log_loss", data.LOGISTIC, data.BINARY, {}),
    ("log_loss", data.SOFTMAX, data.CLASSES, {}),
    ("squared_error", fl.mse, data.REAL, {}),
    ("poisson", fl.poisson, data.COUNTS, {}),
    ("gamma", fl.gamma, data.POSITIVE, {}),
    ("absolute_error", fl.mae, data.REAL, {}),
    ("quantile", fl.Quantile(alpha=0.8), data.REAL, {"quantile": 0.8}),
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """So little data is not worth more, least of all on a busy machine."""
    with threadpoolctl.threadpool_limits(1):
        yield


def scores_of(model: object, x: np.ndarray = data.X) -> np.ndarray:
    return model._raw_predict(x).squeeze()


@pytest.mark.parametrize("stopping", [False, True])
@pytest.mark.parametrize("weights", data.WEIGHTED.values(), ids=data.WEIGHTED)
@pytest.mark.parametrize(("name", "loss", "labels", "more"), PARITY, ids=[repr(case[1]) for case in PARITY])
def test_the_model_is_that_of_the_built_in_loss(
    name: str, loss: fl.Loss, labels: np.ndarray, more: dict, weights: np.ndarray | None, stopping: bool
) -> None:
    kind = CLASSIFIER if name == "log_loss" else REGRESSOR
    settings = {"max_iter": 12, "early_stopping": stopping, "random_state": 0}
    built_in = kind(loss=name, **settings, **more).fit(data.X, labels, weights)
    ours = kind(loss=Objective(loss, parity="sklearn").to_sklearn(), **settings).fit(data.X, labels, weights)
    np.testing.assert_allclose(scores_of(ours), scores_of(built_in), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.predict(data.X), built_in.predict(data.X), rtol=1e-9)
    if name in ("log_loss", "absolute_error", "quantile"):
        # the others' own losses leave out constants, or halves
        np.testing.assert_allclose(ours.train_score_, built_in.train_score_, rtol=1e-9, atol=1e-12)
    if kind is CLASSIFIER:
        np.testing.assert_allclose(ours.predict_proba(data.X), built_in.predict_proba(data.X), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("loss", "labels"), data.TRAINED, ids=data.TRAINED_IDS)
def test_losses_train(loss: fl.Loss, labels: np.ndarray) -> None:
    kind = CLASSIFIER if loss.family == "binary" else REGRESSOR
    model = kind(loss=Objective(loss).to_sklearn(), max_iter=25, early_stopping=False).fit(data.X, labels)
    data.assert_learned(loss, labels, Objective(loss).init_score(labels), scores_of(model))
    if kind is CLASSIFIER:
        assert model.score(data.X, labels) > 0.85


@pytest.mark.parametrize("loss", data.TRAINED_CLASSES, ids=repr)
def test_losses_of_classes_train(loss: fl.Loss) -> None:
    names = np.array(["a", "b", "c"])[data.CLASSES.astype(int)]
    model = CLASSIFIER(loss=Objective(loss).to_sklearn(), max_iter=15, early_stopping=False).fit(data.X, names)
    data.assert_learned(loss, data.CLASSES, np.zeros(3), scores_of(model))
    assert model.score(data.X, names) > 0.7


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_survives_imbalance(gamma: float) -> None:
    x, y = data.imbalanced()
    loss = fl.BinaryFocal(gamma=gamma, from_logits=True)
    model = CLASSIFIER(loss=Objective(loss).to_sklearn(), max_iter=500, early_stopping=False, max_leaf_nodes=8).fit(x, y)
    scores = scores_of(model, x)
    assert np.isfinite(scores).all()
    assert loss(y, scores) <= loss(y, np.full(len(y), Objective(loss).init_score(y)))


def test_scorers_and_early_stopping() -> None:
    for loss in (data.LOGISTIC, fl.binary_cross_entropy):
        scorer = Metric(loss).to_sklearn()
        model = CLASSIFIER(
            loss=Objective(data.LOGISTIC).to_sklearn(), max_iter=100, early_stopping=True, n_iter_no_change=3, scoring=scorer,
            random_state=0,
        ).fit(data.X, data.BINARY)  # fmt: skip
        assert model.n_iter_ < 100
        assert scorer(model, data.X, data.BINARY) == pytest.approx(-data.LOGISTIC(data.BINARY, scores_of(model)))
        assert model.validation_score_[-1] < 0
    model = REGRESSOR(loss=Objective(fl.poisson).to_sklearn(), max_iter=20).fit(data.X, data.COUNTS)
    assert Metric(fl.poisson).to_sklearn()(model, data.X, data.COUNTS) == pytest.approx(
        -fl.poisson(data.COUNTS, scores_of(model))
    )
    np.testing.assert_allclose(model.predict(data.X), np.exp(scores_of(model)), rtol=1e-12)
    classes = CLASSIFIER(loss=Objective(data.SOFTMAX).to_sklearn(), max_iter=5).fit(data.X, data.CLASSES)
    for loss in (data.SOFTMAX, fl.categorical_cross_entropy):
        value = Metric(loss).to_sklearn()(classes, data.X, data.CLASSES)
        assert value == pytest.approx(-data.SOFTMAX(data.CLASSES, scores_of(classes)))


def test_clones_folds_and_pickles() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV, cross_val_score

    model = CLASSIFIER(loss=Objective(data.SOFTMAX).to_sklearn(), max_iter=5)
    assert clone(model).loss.objective is model.loss.objective
    assert cross_val_score(model, data.X, data.CLASSES, cv=3).min() > 0.6
    model.fit(data.X, data.CLASSES)
    for again in data.copies_of(model):
        np.testing.assert_array_equal(again.predict_proba(data.X), model.predict_proba(data.X))
    candidates = [Objective(fl.Huber(delta=delta)).to_sklearn() for delta in (0.5, 2.0)]
    search = GridSearchCV(REGRESSOR(max_iter=5), {"loss": candidates}, cv=2).fit(data.X, data.REAL)
    assert search.best_params_["loss"] in candidates


def test_losses_without_probabilities_say_so() -> None:
    model = CLASSIFIER(loss=Objective(fl.hinge).to_sklearn(), max_iter=3).fit(data.X, data.BINARY)
    with pytest.raises(TypeError, match="no probabilities"):
        model.predict_proba(data.X)
    model = CLASSIFIER(loss=Objective(fl.multi_margin).to_sklearn(), max_iter=3).fit(data.X, data.CLASSES)
    with pytest.raises(TypeError, match="no probabilities"):
        model.predict_proba(data.X)
    loss = Objective(fl.mse).to_sklearn()
    with pytest.raises(TypeError, match="init_score"):
        loss.link.link(np.ones(2))
    assert loss.gradient(np.zeros(2), np.ones(2)).tolist() == [2.0, 2.0]
    assert [array.tolist() for array in loss.loss_gradient(np.zeros(2), np.ones(2))] == [[1.0, 1.0], [2.0, 2.0]]
    with pytest.raises(ValueError, match="at row 0: the prediction is 690"):
        REGRESSOR(loss=Objective(fl.poisson).to_sklearn(), max_iter=3).fit(data.X[:2], [1.0, 1e300])
