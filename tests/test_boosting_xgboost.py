"""Training XGBoost."""

from __future__ import annotations

import boosting_data as data
import numpy as np
import pytest

import fastloss as fl
from fastloss.boosting import Metric, Objective, refit_leaves

pytestmark = pytest.mark.slow

xgb = pytest.importorskip("xgboost")
pytest.importorskip("joblib")
sklearn = pytest.importorskip("sklearn")

PARAMETERS = {"max_depth": 4, "nthread": 1, "eta": 0.3}
PARITY = {
    "binary:logistic": (data.LOGISTIC, data.BINARY, {"base_score": 0.4}),
    "reg:squarederror": (fl.mse, data.REAL, {"base_score": 0.3}),
    "multi:softprob": (data.SOFTMAX, data.CLASSES, {"num_class": 3, "base_score": 0.5}),
    "count:poisson": (fl.poisson, data.COUNTS, {"base_score": 1.5}),
    "reg:gamma": (fl.gamma, data.POSITIVE, {"base_score": 1.5}),
    "reg:tweedie": (fl.Tweedie(power=1.5), data.POSITIVE, {"base_score": 1.5, "tweedie_variance_power": 1.5}),
    "binary:hinge": (fl.hinge, data.BINARY, {"base_score": 0.5}),
}


@pytest.mark.parametrize("weights", data.WEIGHTED.values(), ids=data.WEIGHTED)
@pytest.mark.parametrize("name", PARITY)
def test_the_model_is_that_of_the_built_in_objective(name: str, weights: np.ndarray | None) -> None:
    loss, labels, more = PARITY[name]
    train = xgb.DMatrix(data.X, label=labels, weight=weights)
    parameters = {**PARAMETERS, **more, "objective": name}
    built_in, ours = xgb.train(parameters, train, 12), xgb.train(parameters, train, 12, obj=Objective(loss, parity="xgboost"))
    np.testing.assert_allclose(ours.predict(train), built_in.predict(train), rtol=1e-6, atol=1e-6)
    for tree, other in zip(ours.get_dump(), built_in.get_dump(), strict=True):
        assert tree.count("leaf") == other.count("leaf")


@pytest.mark.parametrize(("loss", "labels"), data.TRAINED, ids=data.TRAINED_IDS)
def test_losses_train(loss: fl.Loss, labels: np.ndarray) -> None:
    objective = Objective(loss)
    start = objective.init_score(labels)
    train = xgb.DMatrix(data.X, label=labels, base_margin=np.full(data.N, start))
    booster = xgb.train({**PARAMETERS, "min_child_weight": 0.1}, train, 25, obj=objective)
    data.assert_learned(loss, labels, start, booster.predict(train, output_margin=True))


@pytest.mark.parametrize("loss", data.TRAINED_CLASSES, ids=repr)
def test_losses_of_classes_train(loss: fl.Loss) -> None:
    train = xgb.DMatrix(data.X, label=data.CLASSES)
    booster = xgb.train({**PARAMETERS, "num_class": 3}, train, 15, obj=Objective(loss))
    data.assert_learned(loss, data.CLASSES, np.zeros(3), booster.predict(train, output_margin=True))


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_survives_imbalance(gamma: float) -> None:
    x, y = data.imbalanced()
    loss = fl.BinaryFocal(gamma=gamma, from_logits=True)
    train = xgb.DMatrix(x, label=y)
    booster = xgb.train({**PARAMETERS, "base_score": 0.0}, train, 500, obj=Objective(loss))
    scores = booster.predict(train, output_margin=True)
    data.assert_learned(loss, y, 0.0, scores)


def test_softmax_starts_from_anywhere() -> None:
    """XGBoost's own stops to learn where all margins are below -104."""
    train = xgb.DMatrix(data.X, label=data.CLASSES, base_margin=np.full((data.N, 3), -200.0))
    parameters = {**PARAMETERS, "objective": "multi:softprob", "num_class": 3}
    scores = xgb.train(parameters, train, 10, obj=Objective(data.SOFTMAX)).predict(train, output_margin=True)
    data.assert_learned(data.SOFTMAX, data.CLASSES, np.zeros(3), scores, share=0.7)
    train.set_base_margin(np.zeros((data.N, 3)).ravel())


def test_metrics_and_early_stopping() -> None:
    train = xgb.DMatrix(data.X[:1000], label=data.BINARY[:1000], weight=data.WEIGHTS[:1000])
    valid = xgb.DMatrix(data.X[1000:], label=data.BINARY[1000:], weight=data.WEIGHTS[1000:])
    parameters = {**PARAMETERS, "objective": "binary:logistic", "eval_metric": "logloss", "base_score": 0.5}
    for obj, loss in ((None, fl.binary_cross_entropy), (Objective(data.LOGISTIC, parity="xgboost"), data.LOGISTIC)):
        record: dict = {}
        booster = xgb.train(
            parameters, train, 60, obj=obj, custom_metric=Metric(loss), evals=[(valid, "valid")], evals_result=record,
            early_stopping_rounds=5, verbose_eval=False,
        )  # fmt: skip
        np.testing.assert_allclose(record["valid"]["binary_cross_entropy"], record["valid"]["logloss"], atol=2e-6)
        assert booster.best_iteration == int(np.argmin(record["valid"]["binary_cross_entropy"]))
        assert len(record["valid"]["logloss"]) < 60


def test_estimators() -> None:
    focal = fl.BinaryFocal(from_logits=True)
    model = xgb.XGBClassifier(
        n_estimators=15, objective=Objective(focal), eval_metric=Metric(focal), n_jobs=1, early_stopping_rounds=5
    )
    model.fit(data.X, data.BINARY.astype(int), sample_weight=data.WEIGHTS, eval_set=[(data.X, data.BINARY)], verbose=False)
    assert model.score(data.X, data.BINARY) > 0.85
    assert "binary_focal" in model.evals_result()["validation_0"]
    train = xgb.DMatrix(data.X, label=data.BINARY, weight=data.WEIGHTS)
    parameters = {"objective": "binary:logistic", "nthread": 1}
    native = xgb.train(parameters, train, model.best_iteration + 1, obj=Objective(focal))
    np.testing.assert_array_equal(model.predict_proba(data.X)[:, 1], native.predict(train))

    classes = xgb.XGBClassifier(n_estimators=10, objective=Objective(data.SOFTMAX), n_jobs=1)
    classes.fit(data.X, data.CLASSES.astype(int))
    assert classes.score(data.X, data.CLASSES) > 0.8
    np.testing.assert_allclose(classes.predict_proba(data.X).sum(axis=1), 1, rtol=1e-5)

    several = xgb.XGBRegressor(n_estimators=20, objective=Objective(fl.log_cosh), n_jobs=1)
    labels = np.stack([data.REAL, -2 * data.REAL], axis=1)
    for strategy in ("one_output_per_tree", "multi_output_tree"):
        several.set_params(multi_strategy=strategy, tree_method="hist").fit(data.X, labels)
        data.assert_learned(fl.log_cosh, labels, 0.0, several.predict(data.X).astype(np.float64))


def test_clones_folds_and_pickles() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import cross_val_score

    model = xgb.XGBRegressor(n_estimators=10, objective=Objective(fl.huber), n_jobs=1)
    assert clone(model).objective is model.objective
    assert cross_val_score(model, data.X, data.REAL, cv=3).min() > 0.3
    model.fit(data.X, data.REAL)
    for again in data.copies_of(model):
        assert again.objective == model.objective
        np.testing.assert_array_equal(again.predict(data.X), model.predict(data.X))


def test_groups_are_refused() -> None:
    train = xgb.DMatrix(data.X, label=data.BINARY, group=[data.N // 2, data.N - data.N // 2])
    with pytest.raises(ValueError, match="groups"):
        xgb.train(PARAMETERS, train, 1, obj=Objective(fl.mse))
    with pytest.raises(ValueError, match="one raw score per class"):
        xgb.train(PARAMETERS, xgb.DMatrix(data.X, label=data.CLASSES), 1, obj=Objective(data.SOFTMAX))


def test_labels_may_change_between_trainings() -> None:
    train, objective = xgb.DMatrix(data.X, label=data.REAL), Objective(fl.mse)
    xgb.train(PARAMETERS, train, 2, obj=objective)
    train.set_label(-data.REAL)
    changed = xgb.train(PARAMETERS, train, 2, obj=objective).predict(train)
    fresh = xgb.DMatrix(data.X, label=-data.REAL)
    np.testing.assert_array_equal(changed, xgb.train(PARAMETERS, fresh, 2, obj=objective).predict(fresh))


@pytest.mark.parametrize("loss", [fl.mae, fl.Quantile(alpha=0.8)], ids=repr)
def test_leaves_are_refitted(loss: fl.Loss) -> None:
    labels = np.stack([data.REAL, data.REAL**2], axis=1) * 100
    start = Objective(loss).init_score(labels)
    train = xgb.DMatrix(data.X, label=labels, base_margin=np.tile(start, (data.N, 1)))
    booster = xgb.train(PARAMETERS, train, 20, obj=Objective(loss, hessian="constant"))
    before = loss(labels, booster.predict(train))
    assert refit_leaves(booster, train, labels, loss, sample_weight=np.ones(data.N)) is booster
    after = booster.predict(train)
    assert loss(labels, after) < 0.9 * before
    # the last tree of an output has the best constants of what the others leave
    leaves = booster.predict(train, pred_leaf=True)[:, -1]
    others = booster.predict(train, iteration_range=(0, 19))[:, 1]
    rows = leaves == leaves[0]
    wanted = 0.3 * loss.init_score(labels[rows, 1] - others[rows])
    np.testing.assert_allclose(after[rows, 1] - others[rows], wanted, rtol=0, atol=2**-22 * np.abs(after).max())

    model = xgb.XGBRegressor(n_estimators=5, objective=Objective(loss), n_jobs=1).fit(data.X, data.REAL)
    before = loss(data.REAL, model.predict(data.X))
    assert loss(data.REAL, refit_leaves(model, data.X, data.REAL, loss).predict(data.X)) != before


def test_dask() -> None:
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    import dask.array as da
    import xgboost.dask as dxgb

    with (
        dask.config.set({"distributed.worker.daemon": False, "distributed.admin.system-monitor.gil.enabled": False}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=False) as cluster,
        distributed.Client(cluster) as client,
    ):
        x, y, w = (da.from_array(array, chunks=(750, *array.shape[1:])) for array in (data.X, data.BINARY, data.WEIGHTS))
        train = dxgb.DaskDMatrix(client, x, y, weight=w)
        parameters = {**PARAMETERS, "objective": "binary:logistic", "base_score": 0.5}
        obj = Objective(data.LOGISTIC, parity="xgboost")
        output = dxgb.train(
            client, parameters, train, num_boost_round=5, obj=obj, custom_metric=Metric(data.LOGISTIC), evals=[(train, "train")]
        )
        here = xgb.DMatrix(data.X, label=data.BINARY, weight=data.WEIGHTS)
        built_in = dxgb.train(client, parameters, train, num_boost_round=5)["booster"].predict(here)
    assert output["history"]["train"]["binary_cross_entropy"][-1] < 0.5
    np.testing.assert_allclose(output["booster"].predict(here), built_in, rtol=0, atol=1e-6)
