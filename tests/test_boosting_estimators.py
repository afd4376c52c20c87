"""LightGBM's estimators with the starting score and the link of an objective."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import fastloss as fl
from fastloss.boosting import Metric, Objective

pytest.importorskip("sklearn")
lightgbm = pytest.importorskip("lightgbm")

from sklearn.base import clone  # noqa: E402
from sklearn.model_selection import cross_val_score  # noqa: E402

from fastloss.boosting.lightgbm import LGBMClassifier, LGBMRegressor  # noqa: E402

RNG = np.random.default_rng(5)
X = RNG.normal(size=(300, 3))
SCORES = X @ [1.0, -2.0, 0.5]
NAMES = np.where(SCORES + RNG.normal(size=300) > 1.5, "sold", "kept")
THREE = np.array(["b", "a", "c"])[np.digitize(SCORES, [-2, 2])]
COUNTS = RNG.poisson(np.exp(1 + 0.5 * SCORES))
LOGISTIC = Objective(fl.BinaryCrossEntropy(from_logits=True), parity="lightgbm")
SOFTMAX = Objective(fl.SparseCategoricalCrossEntropy(from_logits=True), parity="lightgbm")
SETTINGS: dict[str, Any] = {"n_estimators": 8, "num_leaves": 7, "verbose": -1, "n_jobs": 1}


@pytest.mark.parametrize("class_weight", [None, "balanced", {"sold": 3.0, "kept": 1.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_two_classes_as_with_the_built_in_objective(weighted: bool, class_weight: Any) -> None:
    weights = RNG.uniform(0.5, 2.0, 300) if weighted else None
    ours = LGBMClassifier(objective=LOGISTIC, class_weight=class_weight, **SETTINGS).fit(X, NAMES, sample_weight=weights)
    built_in = lightgbm.LGBMClassifier(class_weight=class_weight, **SETTINGS).fit(X, NAMES, sample_weight=weights)
    np.testing.assert_allclose(ours.predict_proba(X), built_in.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), built_in.predict(X))
    raw = built_in.predict(X, raw_score=True)
    for scores in (ours.predict(X, raw_score=True), ours.predict_proba(X, raw_score=True), ours.decision_function(X)):
        np.testing.assert_allclose(scores, raw, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X, pred_leaf=True), built_in.predict(X, pred_leaf=True))


def test_three_classes_as_with_the_built_in_objective() -> None:
    ours = LGBMClassifier(objective=SOFTMAX, **SETTINGS).fit(X, THREE)
    built_in = lightgbm.LGBMClassifier(**SETTINGS).fit(X, THREE)
    np.testing.assert_allclose(ours.predict_proba(X), built_in.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), built_in.predict(X))


def test_means_as_with_the_built_in_objective() -> None:
    ours = LGBMRegressor(objective=Objective(fl.poisson, parity="lightgbm"), **SETTINGS).fit(X, COUNTS)
    built_in = lightgbm.LGBMRegressor(objective="poisson", **SETTINGS).fit(X, COUNTS)
    np.testing.assert_allclose(ours.predict(X), built_in.predict(X), rtol=1e-6)
    np.testing.assert_allclose(ours.predict(X, raw_score=True), built_in.predict(X, raw_score=True), atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X, pred_leaf=True), built_in.predict(X, pred_leaf=True))


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_early_stopping_starts_there_too() -> None:
    objective = Objective(fl.BinaryCrossEntropy(from_logits=True))
    metric = Metric(objective.loss)
    recorded: dict[str, Any] = {}
    callbacks = [lightgbm.early_stopping(2, verbose=False), lightgbm.record_evaluation(recorded)]
    model = LGBMClassifier(objective=objective, **SETTINGS)
    model.fit(X[:200], NAMES[:200], eval_set=[(X[200:], NAMES[200:])], eval_metric=metric, callbacks=callbacks)
    labels = (NAMES[200:] == "sold").astype(int)
    best = min(recorded["valid_0"]["binary_cross_entropy"])
    assert best == pytest.approx(objective.loss(labels, model.decision_function(X[200:])), rel=1e-6)


def test_evaluation_data_of_a_regressor() -> None:
    if "eval_X" not in inspect.signature(lightgbm.LGBMRegressor.fit).parameters:
        pytest.skip("this LightGBM takes eval_set only")
    objective = Objective(fl.poisson)
    model = LGBMRegressor(objective=objective, **SETTINGS)
    model.fit(X[:200], COUNTS[:200], eval_X=X[200:], eval_y=COUNTS[200:], eval_metric=Metric(objective.loss))
    raw = model.predict(X[200:], raw_score=True)
    last = model.evals_result_["valid_0"]["poisson"][-1]
    assert last == pytest.approx(objective.loss(COUNTS[200:], raw), rel=1e-6)


def test_they_are_estimators() -> None:
    model = LGBMClassifier(objective=LOGISTIC, **SETTINGS)
    assert clone(model).get_params() == model.get_params()
    assert np.isfinite(cross_val_score(model, X, NAMES, scoring="neg_log_loss", cv=3)).all()
    ev = fl.Evaluation([fl.binary_cross_entropy, fl.metrics.accuracy_score])
    assert ev(model.fit(X, NAMES), X, NAMES)["accuracy_score"] > 0.8
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(model.fit(X, NAMES, init_score=np.zeros(300)).start_, 0.0)


def test_inverse_link_is_that_of_the_loss() -> None:
    raw = np.array([[0.5, -1.0, 3.0]])
    for objective in (LOGISTIC, SOFTMAX, Objective(fl.poisson), Objective(fl.huber)):
        np.testing.assert_array_equal(objective.inverse_link(raw), objective.loss.inverse_link(raw))


@pytest.mark.parametrize(
    ("kind", "objective", "y", "error", "message"),
    [
        (LGBMClassifier, LOGISTIC, THREE, ValueError, "is one of two classes; y has 3"),
        (LGBMClassifier, SOFTMAX, NAMES, ValueError, "LightGBM has one score for 2 classes"),
        (LGBMClassifier, Objective(fl.huber), NAMES, TypeError, "is no loss of classes: use LGBMRegressor"),
        (LGBMClassifier, "binary", NAMES, TypeError, "objective must be an Objective of fastloss.boosting; got 'binary'"),
        (LGBMRegressor, fl.huber, SCORES, TypeError, r"objective must be an Objective of fastloss.boosting; got Huber\("),
    ],
)
def test_what_does_not_fit(kind: Any, objective: Any, y: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        kind(objective=objective, **SETTINGS).fit(X, y)


def test_a_margin_has_classes_and_no_probabilities() -> None:
    model = LGBMClassifier(objective=Objective(fl.smoothed_hinge), **SETTINGS).fit(X, NAMES)
    assert (model.predict(X) == NAMES).mean() > 0.8
    with pytest.raises(TypeError, match="has no probabilities"):
        model.predict_proba(X)
