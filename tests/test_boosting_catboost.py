"""Training CatBoost."""

from __future__ import annotations

import pickle
import threading

import boosting_data as data
import numpy as np
import pytest

import fastloss as fl
from fastloss.boosting import Metric, Objective

pytestmark = pytest.mark.slow

cb = pytest.importorskip("catboost")
pytest.importorskip("joblib")
sklearn = pytest.importorskip("sklearn")

PLAIN = {"verbose": 0, "thread_count": 2, "allow_writing_files": False, "learning_rate": 0.3, "depth": 4}
SAME = {
    **PLAIN,
    "iterations": 12,
    "leaf_estimation_iterations": 1,
    "leaf_estimation_method": "Newton",
    "leaf_estimation_backtracking": "No",
    "boost_from_average": False,
    "bootstrap_type": "No",
    "random_strength": 0,
}
PARITY = {
    "Logloss": (data.LOGISTIC, data.BINARY, {}),
    "RMSE": (fl.mse, data.REAL, {}),
    "Poisson": (fl.poisson, data.COUNTS, {}),
    "MultiClass": (data.SOFTMAX, data.CLASSES, {"class_names": [0.0, 1.0, 2.0]}),
}


def raw(model: object, x: np.ndarray = data.X) -> np.ndarray:
    return model.predict(x, prediction_type="RawFormulaVal")


@pytest.mark.parametrize("weights", data.WEIGHTED.values(), ids=data.WEIGHTED)
@pytest.mark.parametrize("name", PARITY)
def test_the_model_is_that_of_the_built_in_objective(name: str, weights: np.ndarray | None) -> None:
    loss, labels, more = PARITY[name]
    rows = slice(300) if name == "MultiClass" else slice(None)
    pool = cb.Pool(data.X[rows], labels[rows], weight=None if weights is None else weights[rows])
    kind = cb.CatBoostClassifier if name in ("Logloss", "MultiClass") else cb.CatBoostRegressor
    built_in = kind(loss_function=name, **SAME).fit(pool)
    ours = kind(loss_function=Objective(loss, parity="catboost"), eval_metric=Metric(loss), **SAME, **more).fit(pool)
    np.testing.assert_allclose(raw(ours), raw(built_in), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("loss", "labels"), data.TRAINED, ids=data.TRAINED_IDS)
def test_losses_train(loss: fl.Loss, labels: np.ndarray) -> None:
    objective = Objective(loss)
    start = objective.init_score(labels)
    pool = cb.Pool(data.X, labels, baseline=np.full((data.N, 1), start))
    model = cb.CatBoost({"loss_function": objective, "eval_metric": Metric(loss), "iterations": 25, **PLAIN}).fit(pool)
    data.assert_learned(loss, labels, start, raw(model) + start)


@pytest.mark.parametrize("loss", data.TRAINED_CLASSES, ids=repr)
def test_losses_of_classes_train(loss: fl.Loss) -> None:
    x, labels = data.X[:300], data.CLASSES[:300]
    model = cb.CatBoostClassifier(
        loss_function=Objective(loss), eval_metric=Metric(loss), iterations=8, class_names=[0.0, 1.0, 2.0], **PLAIN
    )
    data.assert_learned(loss, labels, np.zeros(3), raw(model.fit(x, labels), x))


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_loss_survives_imbalance(gamma: float) -> None:
    x, y = data.imbalanced()
    loss = fl.BinaryFocal(gamma=gamma, from_logits=True)
    settings = {**PLAIN, "loss_function": Objective(loss), "eval_metric": Metric(loss), "iterations": 500, "metric_period": 500}
    data.assert_learned(loss, y, 0.0, raw(cb.CatBoost(settings).fit(x, y), x))


def test_threads_of_the_library_keep_their_state() -> None:
    states, threads = [], set()

    class Local(threading.local):
        def __init__(self) -> None:
            states.append(threading.get_native_id())

    local = Local()

    class Watched(Objective):
        def calc_ders_range(self, *arguments: object) -> np.ndarray:
            # a thread whose state is new makes its part of the object anew
            local.__dict__  # noqa: B018
            threads.add(threading.get_native_id())
            return super().calc_ders_range(*arguments)

    x = np.random.default_rng(0).normal(size=(60_000, 4))
    pool = cb.Pool(x, (x[:, 0] > 0).astype(np.float32))
    settings = {**PLAIN, "loss_function": Watched(data.LOGISTIC), "eval_metric": Metric(data.LOGISTIC), "iterations": 10}
    cb.CatBoost(settings).fit(pool)
    assert len(states) == len(threads | {threading.get_native_id()}), "one state per thread, not one per call"


def test_metrics_and_early_stopping() -> None:
    train = cb.Pool(data.X[:1000], data.BINARY[:1000], weight=data.WEIGHTS[:1000])
    valid = cb.Pool(data.X[1000:], data.BINARY[1000:], weight=data.WEIGHTS[1000:])
    for loss in (data.LOGISTIC, fl.binary_cross_entropy):
        model = cb.CatBoostClassifier(
            loss_function=Objective(data.LOGISTIC), eval_metric=Metric(loss), iterations=150, early_stopping_rounds=5, **PLAIN
        ).fit(train, eval_set=valid)
        record = model.get_evals_result()["validation"]["binary_cross_entropy"]
        assert model.get_best_iteration() == int(np.argmin(record)) < 149
        assert min(record) == pytest.approx(data.LOGISTIC(data.BINARY[1000:], raw(model)[1000:], data.WEIGHTS[1000:]))


def test_classifiers_of_named_classes() -> None:
    focal = fl.BinaryFocal(from_logits=True)
    names = np.array(["no", "yes"])[data.BINARY.astype(int)]
    model = cb.CatBoostClassifier(
        loss_function=Objective(focal), eval_metric=Metric(focal), class_names=["no", "yes"], iterations=25, **PLAIN
    ).fit(data.X, names)
    assert np.mean(model.predict(data.X) == names) > 0.85


def test_several_labels_per_row() -> None:
    labels = np.stack([data.REAL, -2 * data.REAL], axis=1)[:400]
    model = cb.CatBoostRegressor(
        loss_function=Objective(fl.log_cosh).to_catboost(),
        eval_metric=Metric(fl.log_cosh).to_catboost(),
        iterations=15,
        **PLAIN,
    ).fit(data.X[:400], labels, sample_weight=data.WEIGHTS[:400])
    data.assert_learned(fl.log_cosh, labels, 0.0, model.predict(data.X[:400]))
    again = pickle.loads(pickle.dumps(Objective(fl.log_cosh).to_catboost()))
    assert again.objective == Objective(fl.log_cosh)
    assert pickle.loads(pickle.dumps(Metric(fl.log_cosh).to_catboost())).metric == Metric(fl.log_cosh)


def test_clones_folds_and_pickles() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import cross_val_score

    huber = fl.huber
    model = cb.CatBoostRegressor(loss_function=Objective(huber), eval_metric=Metric(huber), iterations=20, **PLAIN)
    assert clone(model).get_params()["loss_function"] is model.get_params()["loss_function"]
    assert cross_val_score(model, data.X, data.REAL, cv=3).min() > 0.3
    model.fit(data.X, data.REAL)
    for again in data.copies_of(model):
        np.testing.assert_array_equal(again.predict(data.X), model.predict(data.X))


def test_errors_reach_the_user() -> None:
    labels = data.REAL.copy()
    labels[7] = 1e30
    settings = {**PLAIN, "loss_function": Objective(fl.poisson), "eval_metric": Metric(fl.poisson), "iterations": 2}
    with pytest.raises(cb.CatBoostError, match="y_true must be >= 0"):
        cb.CatBoost(settings).fit(data.X, data.REAL)
    settings |= {"loss_function": Objective(data.SOFTMAX), "eval_metric": Metric(data.SOFTMAX)}
    with pytest.raises(cb.CatBoostError, match="class_names"):
        cb.CatBoost(settings).fit(data.X, data.CLASSES)
