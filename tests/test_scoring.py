"""Losses and evaluations where scikit-learn and the boosting libraries take functions."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastloss as fl

pytest.importorskip("sklearn")

from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate

RNG = np.random.default_rng(3)
X = RNG.normal(size=(120, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=120)
NAMES = np.where(Y > 0, "sold", "kept")
LOGITS = fl.BinaryCrossEntropy(from_logits=True)


def test_losses_have_the_name_of_a_function() -> None:
    assert (fl.huber.__name__, fl.Huber(delta=2.0).__name__, fl.mse.__name__) == ("huber", "huber", "squared_error")
    assert (0.5 * fl.huber + fl.mae).__name__ == "weighted_sum"
    assert (fl.Huber.__name__, fl.Loss.__name__) == ("Huber", "Loss")
    assert fl.custom_loss("r**2", name="Own")().__name__ == "own"


def test_a_loss_in_a_scorer() -> None:
    scorer = make_scorer(fl.huber, greater_is_better=False)
    assert "huber" in repr(scorer)
    model = Ridge().fit(X, Y)
    assert scorer(model, X, Y) == -fl.huber(Y, model.predict(X))
    assert np.isfinite(cross_val_score(Ridge(), X, Y, scoring=scorer)).all()


@pytest.mark.parametrize("loss", [fl.huber, fl.categorical_cross_entropy, fl.dice], ids=lambda loss: loss.name)
def test_a_loss_instead_of_a_scorer_says_what_to_do(loss: fl.Loss) -> None:
    with pytest.raises(TypeError, match=r"got the estimator Ridge.*make_scorer\(loss, greater_is_better=False\).*Evaluation"):
        cross_val_score(Ridge(), X, Y, scoring=loss, error_score="raise")


def test_a_loss_instead_of_an_objective_says_what_to_do() -> None:
    class DMatrix:
        def get_label(self) -> Any:
            raise NotImplementedError

    with pytest.raises(
        TypeError, match=r"y_pred must hold real numbers; got the data set DMatrix\..*boosting\.Objective\(loss\)"
    ):
        fl.huber(np.zeros(3), DMatrix())


@pytest.mark.slow
def test_a_loss_instead_of_an_objective_of_xgboost() -> None:
    xgb = pytest.importorskip("xgboost")
    with pytest.raises(TypeError, match=r"got the data set DMatrix"):
        xgb.train({}, xgb.DMatrix(X, label=Y), 2, obj=fl.huber)


def test_an_evaluation_scores_a_regressor() -> None:
    ev = fl.Evaluation({"huber": fl.huber, "r2": fl.metrics.r2_score, "worst": fl.metrics.max_error, "nll": fl.poisson})
    model = Ridge().fit(X, Y)
    p = np.exp(model.predict(X))

    class Exponential:
        calls = 0

        def predict(self, x: Any) -> Any:
            self.calls += 1
            return np.exp(model.predict(x))

    estimator = Exponential()
    assert ev(estimator, X, np.exp(Y)) == {
        "neg_huber": -fl.huber(np.exp(Y), p),
        "r2": fl.metrics.r2_score(np.exp(Y), p),
        "neg_worst": -fl.metrics.max_error(np.exp(Y), p),
        "neg_nll": -fl.Poisson(from_log=False)(np.exp(Y), p),
    }
    assert estimator.calls == 1
    assert ev.n_samples == 0
    assert pickle.loads(pickle.dumps(ev))(estimator, X, np.exp(Y)) == ev(estimator, X, np.exp(Y))


def test_an_evaluation_scores_a_classifier() -> None:
    model = LogisticRegression().fit(X, NAMES)
    scores, p, both = model.decision_function(X), model.predict_proba(X)[:, 1], model.predict_proba(X)
    labels = (NAMES == "sold").astype(int)
    ev = fl.Evaluation(
        {
            "bce": fl.binary_cross_entropy,
            "logits": LOGITS,
            "hinge": fl.hinge,
            "softmax": fl.sparse_categorical_cross_entropy,
            "hamming": fl.hamming,
            "log_loss": fl.metrics.log_loss,
            "accuracy": fl.metrics.accuracy_score,
            "f1": partial(fl.metrics.f1_score, pos_label="sold"),
            "margin": fl.metrics.hinge_loss,
            "top": partial(fl.metrics.top_k_accuracy_score, k=1),
        }
    )
    weights = RNG.uniform(size=120)
    assert ev(model, X, NAMES, sample_weight=weights) == {
        "neg_bce": -fl.binary_cross_entropy(labels, p, weights),
        "neg_logits": -LOGITS(labels, scores, weights),
        "neg_hinge": -fl.hinge(labels, scores, weights),
        "neg_softmax": -fl.sparse_categorical_cross_entropy(labels, both, weights),
        "neg_hamming": -fl.hamming(labels, p, weights),
        "neg_log_loss": -fl.metrics.log_loss(NAMES, both, sample_weight=weights),
        "accuracy": fl.metrics.accuracy_score(NAMES, model.predict(X), sample_weight=weights),
        "f1": fl.metrics.f1_score(NAMES, model.predict(X), pos_label="sold", sample_weight=weights),
        "neg_margin": -fl.metrics.hinge_loss(NAMES, scores, sample_weight=weights),
        "top": fl.metrics.top_k_accuracy_score(NAMES, scores, k=1, sample_weight=weights),
    }


def test_an_evaluation_is_a_scorer() -> None:
    ev = fl.Evaluation([fl.huber, fl.metrics.r2_score])
    found = cross_validate(Ridge(), X, Y, scoring=ev, cv=3)
    assert {"test_neg_huber", "test_r2_score"} <= found.keys()
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e6]}, scoring=ev, refit="neg_huber", cv=3).fit(X, Y)
    assert search.best_params_ == {"alpha": 0.1}


def test_what_an_evaluation_cannot_score() -> None:
    model = LogisticRegression().fit(X, NAMES)

    class OnlyProbabilities:
        classes_ = model.classes_
        predict_proba = staticmethod(model.predict_proba)

    for items, estimator, y, error, message in (
        (
            [fl.metrics.confusion_matrix],
            model,
            NAMES,
            TypeError,
            "confusion_matrix is no score of which more, or less, is better",
        ),
        ([fl.triplet_margin], model, NAMES, TypeError, "triplet_margin takes anchor, positive, negative; an estimator has"),
        ([fl.hinge], OnlyProbabilities(), NAMES, TypeError, "takes raw scores, and OnlyProbabilities has no decision_function"),
        ([fl.brier], model, np.where(Y > 1, "new", NAMES), ValueError, "y holds the label np.str_('new'), which is none of"),
        (
            [fl.brier],
            LogisticRegression().fit(X, np.digitize(Y, [-1, 1])),
            np.digitize(Y, [-1, 1]),
            ValueError,
            "is one of two classes; the estimator has 3",
        ),
    ):
        with pytest.raises(error) as caught:
            fl.Evaluation(items)(estimator, X, y)
        assert message in str(caught.value)
    assert set(fl.Evaluation([LOGITS])(OnlyProbabilities(), X, NAMES)) == {"neg_binary_cross_entropy"}
