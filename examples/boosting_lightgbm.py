"""LightGBM with the absolute error on the diabetes data, and with softmax on the digits.

pip install fastloss lightgbm scikit-learn
python examples/boosting_lightgbm.py
"""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import train_test_split

import fastloss as fl
from fastloss.boosting import Metric, Objective


def main() -> None:
    x, y = load_diabetes(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0)
    objective = Objective(fl.mae)
    start = objective.init_score(y)
    train = lgb.Dataset(x, y, init_score=np.full(len(y), start))
    valid = lgb.Dataset(x_test, y_test, init_score=np.full(len(y_test), start), reference=train)
    booster = lgb.train(
        {"objective": objective, "num_leaves": 8, "learning_rate": 0.05, "verbose": -1, "num_threads": 2},
        train,
        num_boost_round=300,
        valid_sets=[valid],
        feval=Metric(fl.mae),
        callbacks=[lgb.early_stopping(20, verbose=False)],
    )
    # what the data sets start from is not part of the model
    predictions = booster.predict(x_test) + start
    error = fl.mae(y_test, predictions)
    constant = fl.mae(y_test, np.full(y_test.shape, start))
    print(f"absolute error {error:.1f} after {booster.best_iteration} rounds (of the median: {constant:.1f})")

    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0, stratify=y)
    softmax = fl.CategoricalCrossEntropy(from_logits=True, label_smoothing=0.05)
    parameters = {"objective": Objective(softmax), "num_class": 10, "verbose": -1, "num_threads": 2, "num_leaves": 15}
    booster = lgb.train(parameters, lgb.Dataset(x, y), num_boost_round=30)
    scores = booster.predict(x_test)
    print(f"cross-entropy {fl.CategoricalCrossEntropy(from_logits=True)(y_test, scores):.3f}, "
          f"{np.mean(scores.argmax(axis=1) != y_test):.1%} of the digits wrong")  # fmt: skip


if __name__ == "__main__":
    main()
