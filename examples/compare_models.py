"""Compare two models group by group, in a table and in a plot.

    pip install 'fastloss[cli]' matplotlib
    python examples/compare_models.py [--plot compare_models.png]

The models are the regression whose predictions are in diabetes.csv, and the mean of all labels; the groups are patients of low,
middle and high predictions. The same by the command, for one table with the columns ``model`` and ``group``:

    fastloss evaluate predictions.parquet --loss rmse --group-by model --plot by_model.png
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import matplotlib.figure
import numpy as np

import fastloss as fl

HERE = Path(__file__).resolve().parent
LOSSES = {"root mean squared error": fl.rmse, "absolute error": fl.mae, "Huber, delta = 50": fl.Huber(delta=50.0)}
GROUPS = ("low", "middle", "high")


def read() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels, and the predictions of each model."""
    with (HERE / "diabetes.csv").open() as file:
        rows = [(float(row["y_true"]), float(row["y_pred"])) for row in csv.DictReader(file)]
    y_true, y_pred = np.array(rows).T
    return y_true, {"mean": np.full_like(y_true, y_true.mean()), "regression": y_pred}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plot", type=Path, default=Path("compare_models.png"))
    options = parser.parse_args()
    y_true, models = read()
    group_of = np.searchsorted(np.quantile(models["regression"], [1 / 3, 2 / 3]), models["regression"])
    results = {}
    for model, y_pred in models.items():
        whole = fl.Evaluation(LOSSES)
        for i, group in enumerate(GROUPS):
            rows = group_of == i
            part = fl.Evaluation(LOSSES).update(y_true[rows], y_pred[rows])
            results[model, group] = part.result()
            # sums are exact: what is merged is what would have come of all rows at once
            whole.merge(part)
        results[model, "all"] = whole.result()
    columns = (*GROUPS, "all")
    print(f"{'':40}" + "".join(f"{group:>10}" for group in columns))
    for loss in LOSSES:
        for model in models:
            print(f"{loss:28}{model:12}" + "".join(f"{results[model, group][loss]:10.5g}" for group in columns))
    figure = matplotlib.figure.Figure(figsize=(10, 3.6), layout="constrained")
    for axes, loss in zip(figure.subplots(1, len(LOSSES)), LOSSES, strict=True):
        for i, model in enumerate(models):
            places = np.arange(len(GROUPS)) + 0.4 * i
            axes.bar(places, [results[model, group][loss] for group in GROUPS], width=0.4, label=model)
        axes.set(title=loss, xticks=np.arange(len(GROUPS)) + 0.2, xticklabels=GROUPS)
    figure.axes[0].legend()
    figure.savefig(options.plot, dpi=150)


if __name__ == "__main__":
    main()
