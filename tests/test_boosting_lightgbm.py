"""Training LightGBM."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import boosting_data as data
import numpy as np
import pytest

import fastloss as fl
from fastloss import _core
from fastloss.boosting import Metric, Objective, datasets, refit_leaves

pytestmark = pytest.mark.slow

lgb = pytest.importorskip("lightgbm")
pytest.importorskip("joblib")
sklearn = pytest.importorskip("sklearn")

PARAMETERS = {"verbose": -1, "num_threads": 1, "num_leaves": 15}
PARITY = {
    "binary": (data.LOGISTIC, data.BINARY, {}),
    "regression": (fl.half_squared_error, data.REAL, {}),
    "multiclass": (data.SOFTMAX, data.CLASSES, {"num_class": 3}),
    "poisson": (fl.poisson, data.COUNTS, {}),
    "gamma": (fl.gamma, data.POSITIVE, {}),
    "tweedie": (fl.Tweedie(power=1.5), data.POSITIVE, {}),
    "huber": (fl.Huber(delta=0.9), data.REAL, {"boost_from_average": False}),
    "fair": (fl.fair, data.REAL, {"boost_from_average": False}),
}


def start_of(objective: Objective, labels: np.ndarray, weights: np.ndarray | None) -> tuple[object, np.ndarray]:
    score = objective.init_score(labels, weights)
    return score, np.repeat(score, data.N) if np.ndim(score) else np.full(data.N, score)


@pytest.mark.parametrize("weights", data.WEIGHTED.values(), ids=data.WEIGHTED)
@pytest.mark.parametrize("name", PARITY)
def test_the_model_is_that_of_the_built_in_objective(name: str, weights: np.ndarray | None) -> None:
    loss, labels, more = PARITY[name]
    objective = Objective(loss, parity="lightgbm")
    start, init_score = start_of(objective, labels, weights)
    if more.get("boost_from_average") is False:
        start, init_score = 0.0, np.zeros(data.N)
    train = lgb.Dataset(data.X, labels, weight=weights)
    built_in = lgb.train({**PARAMETERS, **more, "objective": name}, train, 12)
    train = lgb.Dataset(data.X, labels, weight=weights, init_score=init_score)
    ours = lgb.train({**PARAMETERS, **more, "objective": objective}, train, 12)
    scores = ours.predict(data.X, raw_score=True) + start
    np.testing.assert_allclose(scores, built_in.predict(data.X, raw_score=True), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("loss", "labels"), data.TRAINED, ids=data.TRAINED_IDS)
def test_losses_train(loss: fl.Loss, labels: np.ndarray) -> None:
    objective = Objective(loss)
    start, init_score = start_of(objective, labels, None)
    train = lgb.Dataset(data.X, labels, init_score=init_score)
    scores = lgb.train({**PARAMETERS, "objective": objective}, train, 30).predict(data.X) + start
    data.assert_learned(loss, labels, start, scores)


@pytest.mark.parametrize("loss", data.TRAINED_CLASSES, ids=repr)
def test_losses_of_classes_train(loss: fl.Loss) -> None:
    train = lgb.Dataset(data.X, data.CLASSES)
    booster = lgb.train({**PARAMETERS, "objective": Objective(loss), "num_class": 3}, train, 20)
    data.assert_learned(loss, data.CLASSES, np.zeros(3), booster.predict(data.X))


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_survives_imbalance(gamma: float) -> None:
    x, y = data.imbalanced()
    loss = fl.BinaryFocal(gamma=gamma, from_logits=True)
    booster = lgb.train({**PARAMETERS, "objective": Objective(loss)}, lgb.Dataset(x, y), 500)
    data.assert_learned(loss, y, 0.0, booster.predict(x))


def test_metrics_and_early_stopping() -> None:
    x, y, w = data.X, data.BINARY, data.WEIGHTS
    for objective in ("binary", Objective(data.LOGISTIC, parity="lightgbm")):
        train = lgb.Dataset(x[:1000], y[:1000], weight=w[:1000])
        valid = lgb.Dataset(x[1000:], y[1000:], weight=w[1000:], reference=train)
        record: dict = {}
        parameters = {**PARAMETERS, "objective": objective, "boost_from_average": False}
        parameters["metric"] = "binary_logloss" if objective == "binary" else "None"
        booster = lgb.train(
            parameters, train, 80, valid_sets=[valid], feval=[Metric(data.LOGISTIC), Metric(fl.binary_cross_entropy, name="p")],
            callbacks=[lgb.record_evaluation(record), lgb.early_stopping(5, verbose=False)],
        )  # fmt: skip
        record = record["valid_0"]
        np.testing.assert_allclose(record["p"], record["binary_cross_entropy"], rtol=1e-12)
        if objective == "binary":
            np.testing.assert_allclose(record["binary_cross_entropy"], record["binary_logloss"], rtol=1e-9)
        assert booster.best_iteration == int(np.argmin(record["binary_cross_entropy"])) + 1 < 80


def test_estimators() -> None:
    focal = fl.BinaryFocal(from_logits=True)
    model = lgb.LGBMClassifier(n_estimators=20, objective=Objective(focal), n_jobs=1, verbose=-1)
    evaluation = {"eval_set": [(data.X, data.BINARY)]}
    if "eval_X" in inspect.signature(model.fit).parameters:
        evaluation = {"eval_X": data.X, "eval_y": data.BINARY}
    evaluation |= {"eval_metric": Metric(focal), "eval_sample_weight": [data.WEIGHTS]}
    model.fit(data.X, data.BINARY, sample_weight=data.WEIGHTS, **evaluation)
    scores = model.predict(data.X, raw_score=True)
    assert np.mean((scores > 0) == (data.BINARY == 1)) > 0.85
    (record,) = model.evals_result_.values()
    assert record["binary_focal"][-1] == pytest.approx(focal(data.BINARY, scores, data.WEIGHTS), rel=1e-6)

    names = np.array(["no", "yes"])[data.BINARY.astype(int)]
    named = lgb.LGBMClassifier(n_estimators=20, objective=Objective(focal), n_jobs=1, verbose=-1)
    named.fit(data.X, names, sample_weight=data.WEIGHTS)
    np.testing.assert_array_equal(named.predict(data.X, raw_score=True), scores)

    classes = lgb.LGBMClassifier(n_estimators=10, objective=Objective(data.SOFTMAX), n_jobs=1, verbose=-1)
    scores = classes.fit(data.X, data.CLASSES).predict(data.X, raw_score=True)
    data.assert_learned(data.SOFTMAX, data.CLASSES, np.zeros(3), scores)


def test_clones_folds_and_pickles() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import cross_val_score

    model = lgb.LGBMRegressor(n_estimators=20, objective=Objective(fl.huber), n_jobs=1, verbose=-1)
    assert clone(model).objective is model.objective
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        assert cross_val_score(model, data.X, data.REAL, cv=3).min() > 0.3
        model.fit(data.X, data.REAL)
        for again in data.copies_of(model):
            assert again.objective == model.objective
            np.testing.assert_array_equal(again.predict(data.X), model.predict(data.X))


def test_groups_and_missing_classes_are_refused() -> None:
    ranker = lgb.LGBMRanker(n_estimators=1, objective=Objective(fl.mse), verbose=-1)
    with pytest.raises(ValueError, match="groups"):
        ranker.fit(data.X, data.BINARY, group=[data.N // 2, data.N - data.N // 2])
    with pytest.raises(ValueError, match="one raw score per class"):
        lgb.train({**PARAMETERS, "objective": Objective(data.SOFTMAX)}, lgb.Dataset(data.X, data.CLASSES), 1)


@pytest.mark.parametrize("loss", [fl.mae, fl.Quantile(alpha=0.8)], ids=repr)
def test_leaves_are_refitted(loss: fl.Loss) -> None:
    labels = data.REAL * 100
    start = loss.init_score(labels)
    train = lgb.Dataset(data.X, labels, init_score=np.full(data.N, start))
    parameters = {**PARAMETERS, "objective": Objective(loss, hessian="constant"), "learning_rate": 0.2}
    booster = lgb.train(parameters, train, 20)
    before = loss(labels, booster.predict(data.X) + start)
    assert refit_leaves(booster, data.X, labels, loss, init_score=start) is booster
    after = booster.predict(data.X) + start
    assert loss(labels, after) < 0.9 * before
    leaves = booster.predict(data.X, pred_leaf=True)[:, -1]
    others = booster.predict(data.X, num_iteration=19) + start
    rows = leaves == leaves[0]
    np.testing.assert_allclose((after - others)[rows], 0.2 * loss.init_score((labels - others)[rows]), rtol=1e-6)
    with pytest.raises(TypeError, match="LightGBM predicts from arrays"):
        refit_leaves(booster, train, labels, loss)
    with pytest.raises(ValueError, match="learning_rate"):
        refit_leaves(booster, data.X, labels, loss, learning_rate=0)
    with pytest.raises(TypeError, match="XGBoost or LightGBM model"):
        refit_leaves(object(), data.X, labels, loss)


@pytest.mark.filterwarnings("ignore:Parameter n_jobs will be ignored")
def test_dask() -> None:
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    import dask.array as da

    with (
        dask.config.set({"distributed.worker.daemon": False, "distributed.admin.system-monitor.gil.enabled": False}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=False) as cluster,
        distributed.Client(cluster) as client,
    ):
        # Few values, so that the bins hardly depend on who gets which part of the data, which is not the same twice.
        coarse = np.round(np.clip(data.X, -1.5, 1.5) * 2)
        x, y, w = (da.from_array(array, chunks=(750, *array.shape[1:])) for array in (coarse, data.BINARY, data.WEIGHTS))
        settings = {"client": client, "n_estimators": 5, "boost_from_average": False, "verbose": -1}
        models = [
            lgb.DaskLGBMClassifier(objective=objective, **settings).fit(x, y, sample_weight=w)
            for objective in (Objective(data.LOGISTIC, parity="lightgbm"), "binary")
        ]
        scores = [model.to_local().booster_.predict(coarse, raw_score=True) for model in models]
    ours, built_in = (data.LOGISTIC(data.BINARY, score, data.WEIGHTS) for score in scores)
    # sharing the parts out otherwise changes it by 0.0008, weights that count twice by 0.01, lost ones by 0.03
    assert ours == pytest.approx(built_in, rel=0.002)


def test_threads_are_those_of_lightgbm() -> None:
    """Where both use one OpenMP runtime, and nobody asked for a layer; and the layer of the process comes back."""
    if _core.OPENMP_VERSION == 0 or not datasets._shares_openmp():
        pytest.skip("LightGBM has an OpenMP runtime of its own")
    train = lgb.Dataset(data.X, data.BINARY).construct()
    layers = []

    class Spy(Objective):
        def _derive(self, *arguments: Any, **named: Any) -> None:
            layers.append(_core.active_layer())
            super()._derive(*arguments, **named)

    objective = Spy(fl.BinaryCrossEntropy(from_logits=True))
    expected = [array.copy() for array in objective(data.BINARY, np.zeros(data.N))]
    found = objective(np.zeros(data.N), train)
    assert layers == ["pool", "openmp"]
    assert _core.active_layer() == "pool"
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
