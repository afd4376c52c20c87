"""Write the prediction files of this folder: out-of-fold predictions on two data sets that come with scikit-learn.

    pip install scikit-learn
    python examples/make_predictions.py

Every prediction is for a sample that its model has not seen. Both models are solved to the last digits, and six are written,
so that the files are the same everywhere.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent


def write(name: str, header: tuple[str, str], rows: Iterable[tuple[float, float]]) -> None:
    with (HERE / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows((f"{label:.6g}", f"{prediction:.6g}") for label, prediction in rows)


def main() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), Ridge(alpha=1.0, solver="cholesky"))
    folds = KFold(n_splits=5, shuffle=True, random_state=0)
    write("diabetes.csv", ("y_true", "y_pred"), zip(y, cross_val_predict(model, x, y, cv=folds), strict=True))

    x, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky", tol=1e-12))
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    write("breast_cancer.csv", ("label", "score"), zip(y, scores, strict=True))


if __name__ == "__main__":
    main()
