"""Losses of groups as objectives and metrics of XGBoost and LightGBM."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import fastloss as fl
from fastloss.boosting import Metric, Objective
from fastloss.boosting.datasets import weights_of_groups

LOSSES = [fl.rank_net, fl.list_net, fl.list_mle, fl.LambdaRank(k=10)]
NDCG = fl.LambdaRank(k=5)
SIZES = np.tile([12, 1, 30, 17], 10)


def queries(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((SIZES.sum(), 5))
    score = x[:, 0] + np.abs(x[:, 1]) + 0.3 * rng.standard_normal(len(x))
    return x, np.digitize(score, np.quantile(score, [0.5, 0.8, 0.95])).astype(np.float32)


X, Y = queries()


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_derivatives_are_those_of_the_loss(loss: Any) -> None:
    score = np.random.default_rng(1).standard_normal(len(Y))
    # in single precision, whatever the scores are
    expected = loss.gradient_and_hessian(Y, score.astype(np.float32), SIZES, reduction="none")
    exact = loss.gradient_and_hessian(Y, score, SIZES, reduction="none")
    gradient, hessian = (array.copy() for array in Objective(loss, hessian="exact")(Y, score, None, SIZES))
    for found, single, double in zip((gradient, hessian), expected, exact, strict=True):
        np.testing.assert_array_equal(found, single)
        # a slope is a sum of terms of both signs
        np.testing.assert_allclose(found, double, rtol=2e-6, atol=2e-6)
    # what is in no pair has a Hessian all the same
    assert (hessian == 0).any()
    gradient, hessian = Objective(loss)(Y, score, None, SIZES)
    assert (hessian > 0).all()
    if loss.name != "lambda_rank":
        np.testing.assert_array_equal(gradient, expected[0])
    assert Objective(loss).init_score(Y) == 0.0
    assert pickle.loads(pickle.dumps(Objective(loss))) == Objective(loss)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_weights_of_groups_and_of_rows(loss: Any) -> None:
    rng = np.random.default_rng(2)
    score, by_group = rng.standard_normal(len(Y)), rng.integers(0, 3, len(SIZES)).astype(np.float32)
    plain = Objective(loss, hessian="exact")(Y, score, None, SIZES)
    gradient, hessian = (array.copy() for array in plain)
    by_row = rng.random(len(Y)).astype(np.float32)
    for weights, rows in ((by_group, np.repeat(by_group, SIZES)), (np.repeat(by_group, SIZES),) * 2, (by_row, by_row)):
        weighted = Objective(loss, hessian="exact")(Y, score, weights, SIZES)
        np.testing.assert_allclose(weighted[0], gradient * rows, rtol=1e-5)
        np.testing.assert_allclose(weighted[1], hessian * rows, rtol=1e-5)
        metric = Metric(loss)(Y, score, weights, SIZES)[1]
        means = [w.mean() for w in np.split(rows, np.cumsum(SIZES)[:-1])]
        assert metric == pytest.approx(loss(Y, score, SIZES, sample_weight=means), rel=1e-6)
    np.testing.assert_array_equal(weights_of_groups(np.array([1.0, 3, 2, 2]), np.array([0, 2, 0, 2]), 4), [0, 2, 0, 2])
    with pytest.raises(ValueError, match=r"one weight per row, \(600,\), or per group, \(40,\); got \(3,\)"):
        Objective(loss)(Y, score, [1, 2, 3], SIZES)


def test_groups_are_needed() -> None:
    with pytest.raises(ValueError, match="RankNet needs the sizes of the groups"):
        Objective(fl.rank_net)(Y, np.zeros(len(Y)))
    with pytest.raises(ValueError, match="RankNet needs the sizes of the groups"):
        Metric(fl.rank_net)(Y, np.zeros(len(Y)))
    with pytest.raises(ValueError, match="RankNet needs the sizes of the groups"):
        Objective(fl.rank_net).calc_ders_range(np.zeros(3), np.zeros(3), None)
    with pytest.raises(TypeError, match="scikit-learn's estimators have none"):
        Objective(fl.rank_net).to_sklearn()


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_xgboost_ranks(loss: Any) -> None:
    xgb = pytest.importorskip("xgboost")
    train = xgb.DMatrix(X, label=Y, qid=np.repeat(np.arange(len(SIZES)), SIZES))
    x, y = queries(1)
    test = xgb.DMatrix(x, label=y)
    test.set_group(SIZES)
    history: dict[str, Any] = {}
    parameters = {"max_depth": 3, "disable_default_eval_metric": True, "nthread": 1}
    booster = xgb.train(
        parameters,
        train,
        60,
        evals=[(test, "test")],
        obj=Objective(loss),
        custom_metric=Metric(NDCG),
        early_stopping_rounds=15,
        evals_result=history,
        verbose_eval=False,
    )
    found = history["test"]["lambda_rank"]
    best = booster.best_iteration
    score = booster.predict(test, output_margin=True, iteration_range=(0, best + 1))
    assert found[best] == min(found) == pytest.approx(NDCG(y, score, SIZES), abs=1e-5)
    assert found[best] < 0.8 * NDCG(y, np.zeros(len(y)), SIZES)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_lightgbm_ranks(loss: Any) -> None:
    lgb = pytest.importorskip("lightgbm")
    train = lgb.Dataset(X, Y, group=SIZES)
    x, y = queries(1)
    test = lgb.Dataset(x, y, group=SIZES, reference=train)
    history: dict[str, Any] = {}
    booster = lgb.train(
        {"objective": Objective(loss), "num_leaves": 7, "min_data_in_leaf": 10, "verbose": -1, "num_threads": 1},
        train,
        60,
        valid_sets=[test],
        valid_names=["test"],
        feval=Metric(NDCG),
        callbacks=[lgb.early_stopping(15, verbose=False), lgb.record_evaluation(history)],
    )
    found = history["test"]["lambda_rank"]
    score = booster.predict(x, num_iteration=booster.best_iteration)
    assert found[booster.best_iteration - 1] == min(found) == pytest.approx(NDCG(y, score, SIZES), abs=1e-9)
    assert min(found) < 0.8 * NDCG(y, np.zeros(len(y)), SIZES)


@pytest.mark.parametrize(("hessian", "norm"), [("auto", True), ("exact", False)])
def test_lambdas_train_lightgbms_model(hessian: str, norm: bool) -> None:
    """With its normalisations, or without, the built-in objective is this one: the trees are the same."""
    lgb = pytest.importorskip("lightgbm")
    pytest.importorskip("sklearn")
    common = {"num_leaves": 7, "verbose": -1, "n_estimators": 10, "n_jobs": 1, "deterministic": True, "random_state": 0}
    own = lgb.LGBMRanker(objective=Objective(fl.LambdaRank(k=10), hessian=hessian), **common)
    theirs = lgb.LGBMRanker(objective="lambdarank", lambdarank_truncation_level=10, lambdarank_norm=norm, **common)
    weights = np.repeat(np.random.default_rng(0).integers(1, 4, len(SIZES)), SIZES)
    for weight in (None, weights):
        scores = [model.fit(X, Y, group=SIZES, sample_weight=weight).predict(X) for model in (own, theirs)]
        np.testing.assert_allclose(scores[0], scores[1], rtol=1e-3, atol=1e-4)


def test_the_normalisation_by_its_definition() -> None:
    rng = np.random.default_rng(3)
    relevance, score = rng.integers(0, 4, 15).astype(float), rng.standard_normal(15)
    gain, discount = 2.0**relevance - 1, 1 / np.log2(2 + np.argsort(np.argsort(-score)))
    ideal = np.sort(gain)[::-1] @ (1 / np.log2(2 + np.arange(15)))
    gradient, hessian, total = np.zeros(15), np.zeros(15), 0.0
    for i in range(15):
        for j in range(15):
            if relevance[i] > relevance[j]:
                d = score[i] - score[j]
                change = (gain[i] - gain[j]) * abs(discount[i] - discount[j]) / ideal / (0.01 + abs(d))
                wrong = 1 / (1 + np.exp(d))
                gradient[i] -= change * wrong
                gradient[j] += change * wrong
                hessian[[i, j]] += change * wrong * (1 - wrong)
                total += 2 * change * wrong
    factor = np.log2(1 + total) / total
    for dtype in (np.float32, np.float64):
        found = Objective(fl.lambda_rank)(relevance, score.astype(dtype), None, [15])
        np.testing.assert_allclose(found[0], gradient * factor, rtol=2e-5, atol=1e-7)
        np.testing.assert_allclose(found[1], hessian * factor, rtol=2e-5)
    # where nobody says how many ranks count, it is 30 of them, as in LightGBM
    many, scores = rng.integers(0, 4, 100).astype(float), rng.standard_normal(100)
    default, thirty = (Objective(loss)(many, scores, None, [100])[0] for loss in (fl.lambda_rank, fl.LambdaRank(k=30)))
    np.testing.assert_array_equal(default, thirty)
    # scores that are all equal are not near each other
    flat = Objective(fl.lambda_rank)([1.0, 0.0], [2.0, 2.0], None, [2])[0]
    change = 1 - np.log(2) / np.log(3)
    np.testing.assert_allclose(flat, [-np.log2(1 + change) / 2, np.log2(1 + change) / 2], rtol=1e-6)
