"""A ranker in LightGBM with fl.LambdaRank, beside its built-in lambdarank: which digits look most like one that is given.

pip install fastloss lightgbm scikit-learn
python examples/boosting_ranking.py

Each query is a digit of scikit-learn's bundled pictures, and its items are 40 other pictures: those of the same digit are
relevant, grade 2, those of digits that are written alike a little, grade 1. What is known of an item is how its pixels differ
from those of the query.
"""

from __future__ import annotations

import time

import lightgbm as lgb
import numpy as np
from sklearn.datasets import load_digits

import fastloss as fl
from fastloss.boosting import Metric, Objective
from fastloss.metrics import ndcg_score

ITEMS, ROUNDS = 40, 100
# digits that are often taken for each other
ALIKE = [{3, 8}, {1, 7}, {4, 9}, {5, 6}, {3, 9}, {8, 9}]


def queries(pictures: np.ndarray, digits: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make features and grades of the items of n queries, and the sizes of the groups."""
    rng = np.random.default_rng(seed)
    features, grades = [], []
    for query in rng.choice(len(pictures), n):
        items = rng.choice(len(pictures), ITEMS, replace=False)
        features.append(np.abs(pictures[items] - pictures[query]))
        grades.append([2 if a == digits[query] else int({a, digits[query]} in ALIKE) for a in digits[items].tolist()])
    return np.concatenate(features), np.concatenate(grades), np.full(n, ITEMS)


def main() -> None:
    pictures, digits = load_digits(return_X_y=True)
    half = len(pictures) // 2
    x, grade, group = queries(pictures[:half], digits[:half], 600, 0)
    x_test, grade_test, group_test = queries(pictures[half:], digits[half:], 200, 1)
    metric = fl.LambdaRank(k=10)
    common = {"num_leaves": 15, "learning_rate": 0.1, "verbose": -1, "num_threads": 2, "deterministic": True, "seed": 0}
    print(f"{'':24}  1 - NDCG@10  NDCG@10, linear gains  seconds")
    for name, objective in (("LightGBM's lambdarank", "lambdarank"), ("fl.LambdaRank(k=30)", Objective(fl.LambdaRank(k=30)))):
        start = time.perf_counter()
        train = lgb.Dataset(x, grade, group=group)
        valid = lgb.Dataset(x_test, grade_test, group=group_test, reference=train)
        booster = lgb.train(
            {**common, "objective": objective, "metric": "none"},
            train,
            ROUNDS,
            valid_sets=[valid],
            feval=Metric(metric),
            callbacks=[lgb.early_stopping(30, verbose=False)],
        )
        seconds = time.perf_counter() - start
        score = booster.predict(x_test, num_iteration=booster.best_iteration)
        linear = ndcg_score(grade_test.reshape(-1, ITEMS), score.reshape(-1, ITEMS), k=10)
        print(f"{name:24}  {metric(grade_test, score, group_test):11.4f}  {linear:21.4f}  {seconds:7.2f}")


if __name__ == "__main__":
    main()
