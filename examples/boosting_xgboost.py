"""XGBoost with a focal loss on the breast cancer data, with early stopping, and with a quantile on the diabetes data.

pip install fastloss xgboost
python examples/boosting_xgboost.py
"""

from __future__ import annotations

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

import fastloss as fl
from fastloss.boosting import Metric, Objective, refit_leaves


def main() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0, stratify=y)
    focal = fl.BinaryFocal(gamma=2.0, from_logits=True)
    parameters = {"objective": "binary:logistic", "base_score": y.mean(), "disable_default_eval_metric": 1, "nthread": 2}
    booster = xgb.train(
        parameters,
        xgb.DMatrix(x, label=y),
        num_boost_round=200,
        obj=Objective(focal),
        custom_metric=Metric(focal),
        evals=[(xgb.DMatrix(x_test, label=y_test), "test")],
        early_stopping_rounds=10,
        verbose_eval=False,
    )
    probabilities = booster.predict(xgb.DMatrix(x_test))
    wrong = fl.zero_one(y_test, probabilities)
    print(f"focal loss {booster.best_score:.4f} after {booster.best_iteration + 1} rounds, {wrong:.1%} wrong")

    x, y = load_diabetes(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, random_state=0)
    quantile = fl.Quantile(alpha=0.9)
    objective = Objective(quantile, hessian="constant")
    start = objective.init_score(y)
    train = xgb.DMatrix(x, label=y, base_margin=np.full(len(y), start))
    test = xgb.DMatrix(x_test, base_margin=np.full(len(y_test), start))
    booster = xgb.train({"max_depth": 3, "eta": 0.1, "nthread": 2}, train, 40, obj=objective)
    refit_leaves(booster, train, y, quantile)
    predictions = booster.predict(test)
    below = np.mean(y_test <= predictions)
    constant = quantile(y_test, np.full(y_test.shape, start))
    print(f"quantile loss {quantile(y_test, predictions):.2f} (of a constant: {constant:.2f}), {below:.0%} below")


if __name__ == "__main__":
    main()
