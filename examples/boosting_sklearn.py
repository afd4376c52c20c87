"""HistGradientBoosting with a focal loss on the digits, cross-validated, and the Tweedie loss on the diabetes data.

pip install fastloss scikit-learn
python examples/boosting_sklearn.py
"""

from __future__ import annotations

from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score

import fastloss as fl
from fastloss.boosting import Metric, Objective


def main() -> None:
    x, y = load_digits(return_X_y=True)
    x, y = x[:800], y[:800]
    focal = fl.CategoricalFocal(gamma=1.0, from_logits=True)
    model = HistGradientBoostingClassifier(loss=Objective(focal).to_sklearn(), max_iter=15, max_leaf_nodes=8)
    accuracies = cross_val_score(model, x, y, cv=3)
    print(f"focal loss: {accuracies.mean():.1%} of the digits right")

    x, y = load_diabetes(return_X_y=True)
    candidates = {f"power {power}": Objective(fl.Tweedie(power=power)).to_sklearn() for power in (1.2, 1.5, 1.8)}
    model = HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=4, min_samples_leaf=10)
    search = GridSearchCV(model, {"loss": list(candidates.values())}, scoring=Metric(fl.mae).to_sklearn(), cv=3).fit(x, y)
    best = next(name for name, loss in candidates.items() if loss.objective == search.best_params_["loss"].objective)
    print(f"Tweedie loss: absolute error {-search.best_score_:.1f} with {best}")


if __name__ == "__main__":
    main()
