"""Training time with fastloss's objectives, the libraries' own, the same written in NumPy, and for nothing.

    pip install xgboost lightgbm catboost scikit-learn
    python benchmarks/boosting.py                        # 600 000 rows, 2 threads
    python benchmarks/boosting.py --rows 100000 --repeats 7 --only lightgbm

The ways take turns; printed are the fastest times, and the medians of the ratios to the built-in's time in the same turn. Every
model is compared with the built-in's first.
"Free" is an objective that returns what fastloss returned before, at once: what a library's way to call any objective costs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastloss as fl
from fastloss.boosting import Metric, Objective

LOGISTIC = fl.BinaryCrossEntropy(from_logits=True)
SOFTMAX = fl.CategoricalCrossEntropy(from_logits=True)


@dataclass
class Case:
    """One training task: what to call with which of the three objectives, and predictions of the model."""

    name: str
    most: float
    train: dict[str, Callable[[], Any]]
    predict: Callable[[Any], np.ndarray]


class NumpyLogistic:
    """The logistic loss as people write it."""

    def __call__(self, scores: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
        p = 1 / (1 + np.exp(-scores))
        return p - data.get_label(), p * (1 - p)


class NumpySoftmax:
    """Softmax cross-entropy as people write it."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, scores: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = powers / powers.sum(axis=1, keepdims=True)
        hessian = self.factor * p * (1 - p)
        p[np.arange(len(p)), data.get_label().astype(int)] -= 1
        return p, hessian


class Free:
    """Derivatives of a training that was done before, in their order."""

    def __init__(self, objective: Any) -> None:
        self.objective, self.kept, self.round = objective, [], 0

    def __call__(self, scores: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
        if self.round == len(self.kept):
            gradient, hessian = self.objective(scores, data)
            self.kept.append((gradient.copy(order="K"), hessian.copy(order="K")))
        self.round += 1
        return self.kept[self.round - 1]

    def again(self) -> Free:
        self.round = 0
        return self


class NumpyCatBoost:
    """The logistic loss for CatBoost."""

    no_jit = True

    def __deepcopy__(self, memo: dict[int, Any]) -> NumpyCatBoost:
        return self

    def calc_ders_range(self, approxes: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        p = 1 / (1 + np.exp(-approxes))
        return np.stack([targets - p, p * (p - 1)], axis=1)


def make_data(rows: int, features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, features)).astype(np.float32)
    signal = x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * generator.normal(size=rows)
    return x, (signal > 0).astype(np.float32), np.digitize(signal, [-1.0, -0.3, 0.3, 1.0]).astype(np.float32)


def xgboost_cases(x: np.ndarray, binary: np.ndarray, classes: np.ndarray, rounds: int, threads: int) -> Iterator[Case]:
    import xgboost as xgb

    def case(name: str, labels: np.ndarray, built_in: str, ours: Any, theirs: Any, **more: Any) -> Case:
        data = xgb.DMatrix(x, label=labels, nthread=threads)
        parameters = {"objective": built_in, "nthread": threads, "base_score": 0.5, **more}

        def train(obj: Any = None) -> Any:
            return xgb.train(parameters, data, rounds, obj=obj)

        free = Free(ours)
        ways = {"built-in": train, "fastloss": lambda: train(ours), "NumPy": lambda: train(theirs)}
        ways["free"] = lambda: train(free.again())
        return Case(f"XGBoost {name}", 1.05, ways, lambda model: model.predict(data))

    yield case("binary", binary, "binary:logistic", Objective(LOGISTIC, parity="xgboost"), NumpyLogistic())
    objective = Objective(SOFTMAX, parity="xgboost")
    yield case("softmax", classes, "multi:softprob", objective, NumpySoftmax(2.0), num_class=5)


def lightgbm_cases(x: np.ndarray, binary: np.ndarray, classes: np.ndarray, rounds: int, threads: int) -> Iterator[Case]:
    import lightgbm as lgb

    def case(name: str, labels: np.ndarray, built_in: str, ours: Any, theirs: Any, **more: Any) -> Case:
        data = lgb.Dataset(x, label=labels, params={"num_threads": threads, "verbose": -1}, free_raw_data=False).construct()
        parameters = {"num_threads": threads, "verbose": -1, "boost_from_average": False, **more}

        def train(objective: Any) -> Any:
            return lgb.train({**parameters, "objective": objective}, data, rounds)

        free = Free(ours)
        ways = {"built-in": lambda: train(built_in), "fastloss": lambda: train(ours), "NumPy": lambda: train(theirs)}
        ways["free"] = lambda: train(free.again())
        return Case(f"LightGBM {name}", 1.05, ways, lambda model: model.predict(x, raw_score=True))

    yield case("binary", binary, "binary", Objective(LOGISTIC, parity="lightgbm"), NumpyLogistic())
    objective = Objective(SOFTMAX, parity="lightgbm")
    yield case("softmax", classes, "multiclass", objective, NumpySoftmax(5 / 4), num_class=5)


def catboost_cases(x: np.ndarray, binary: np.ndarray, classes: np.ndarray, rounds: int, threads: int) -> Iterator[Case]:
    import catboost as cb

    data = cb.Pool(x, binary)
    settings = {
        "iterations": rounds,
        "learning_rate": 0.3,
        "thread_count": threads,
        "verbose": 0,
        "leaf_estimation_iterations": 1,
        "leaf_estimation_backtracking": "No",
        "leaf_estimation_method": "Newton",
        "boost_from_average": False,
        "bootstrap_type": "No",
        "random_strength": 0,
        "allow_writing_files": False,
        "metric_period": rounds,
    }

    def train(loss: Any) -> Any:
        metric = "Logloss" if isinstance(loss, str) else Metric(LOGISTIC)
        return cb.CatBoost({"loss_function": loss, "eval_metric": metric, **settings}).fit(data)

    ours = Objective(LOGISTIC, parity="catboost")
    ways = {"built-in": lambda: train("Logloss"), "fastloss": lambda: train(ours), "NumPy": lambda: train(NumpyCatBoost())}
    yield Case("CatBoost binary", 1.3, ways, lambda model: model.predict(data, prediction_type="RawFormulaVal"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--features", type=int, default=28, help="as many as the HIGGS data have")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--only", choices=["xgboost", "lightgbm", "catboost"], action="append")
    arguments = parser.parse_args()
    fl.set_num_threads(arguments.threads)
    data = make_data(arguments.rows, arguments.features)
    makers = {"xgboost": xgboost_cases, "lightgbm": lightgbm_cases, "catboost": catboost_cases}
    size = f"{arguments.rows} rows of {arguments.features}, {arguments.rounds} rounds, {arguments.threads} threads"
    print(f"{size}; seconds, best of {arguments.repeats}")
    ways = ("built-in", "fastloss", "NumPy", "free")
    columns = ["".join(f"{way:>10}" for way in some) for some in (ways, ways[1:])]
    print(f"{'':18}{columns[0]}   built-in = 1:{columns[1]}   difference")
    for name in arguments.only or makers:
        for case in makers[name](*data, arguments.rounds, arguments.threads):
            predictions = {way: case.predict(train()) for way, train in case.train.items()}
            difference = np.abs(predictions["fastloss"] - predictions["built-in"]).max()
            times: dict[str, list[float]] = {way: [] for way in case.train}
            for turn in range(arguments.repeats):
                # another one begins each time, so that none always comes after the same
                for way in [*list(times)[turn % len(times) :], *list(times)[: turn % len(times)]]:
                    start = time.perf_counter()
                    case.train[way]()
                    times[way].append(time.perf_counter() - start)
            fastest = "".join(f"{min(times[way]):10.3f}" if way in times else f"{'':10}" for way in ways)
            ratios = [
                statistics.median(a / b for a, b in zip(times[way], times["built-in"], strict=True)) if way in times else None
                for way in ways[1:]
            ]
            medians = "".join(f"{ratio:10.3f}" if ratio else f"{'':10}" for ratio in ratios)
            print(f"{case.name:18}{fastest}   at most {case.most:4}{medians}   {difference:.1e}", flush=True)


if __name__ == "__main__":
    main()
