"""CatBoost with a robust loss on the diabetes data, two labels at once, and a focal loss on the breast cancer data.

pip install fastloss catboost
python examples/boosting_catboost.py
"""

from __future__ import annotations

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor, Pool
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

import fastloss as fl
from fastloss.boosting import Metric, Objective

SETTINGS = {"verbose": 0, "allow_writing_files": False, "thread_count": 2, "learning_rate": 0.1, "depth": 4}


def main() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0, stratify=y)
    focal = fl.BinaryFocal(gamma=2.0, from_logits=True)
    # a model of a custom objective knows the names of its classes only if it is told
    model = CatBoostClassifier(
        loss_function=Objective(focal), eval_metric=Metric(focal), class_names=[0, 1], iterations=200, early_stopping_rounds=10,
        **SETTINGS,
    )  # fmt: skip
    model.fit(x, y, eval_set=(x_test, y_test))
    wrong = np.mean(model.predict(x_test) != y_test)
    print(f"focal loss {model.get_best_score()['validation']['binary_focal']:.4f}, {wrong:.1%} wrong")

    x, y = load_diabetes(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0)
    objective = Objective(fl.Huber(delta=50.0))
    start = objective.init_score(y)
    model = CatBoostRegressor(loss_function=objective, eval_metric=Metric(objective.loss), iterations=100, **SETTINGS)
    model.fit(Pool(x, y, baseline=np.full((len(y), 1), start)))
    predictions = model.predict(Pool(x_test, baseline=np.full((len(y_test), 1), start)))
    print(
        f"absolute error {fl.mae(y_test, predictions):.1f} (of a constant: {fl.mae(y_test, np.full(y_test.shape, start)):.1f})"
    )

    # the label and its square root at once: one model of two scores
    labels = np.stack([y / 100, np.sqrt(y / 100)], axis=1)
    objective, metric = Objective(fl.log_cosh).to_catboost(), Metric(fl.log_cosh).to_catboost()
    model = CatBoostRegressor(loss_function=objective, eval_metric=metric, iterations=30, **SETTINGS).fit(x, labels)
    print(f"log-cosh of both {fl.log_cosh(labels, model.predict(x)):.4f}")


if __name__ == "__main__":
    main()
