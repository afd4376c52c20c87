"""Logistic regression in a dozen lines: a linear objective, SciPy's optimiser, and scikit-learn's optimum to compare with.

    pip install fastloss scikit-learn
    python examples/logistic_regression.py [--C 1.0]

scikit-learn's LogisticRegression minimises C times the sum of the cross-entropies plus half the squares of the coefficients.
Divided by C n, that is the mean cross-entropy plus L2Penalty(1 / (C n)), of which the intercept is free in either case. The
data are scikit-learn's breast cancers, standardised: 569 samples of 30 features.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import fastloss as fl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--C", type=float, default=1.0, help="the inverse strength of the penalty (default: 1)")
    options = parser.parse_args()

    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    loss = fl.BinaryCrossEntropy(from_logits=True)
    objective = fl.linear_objective(loss, X, y, penalty=fl.L2Penalty(1 / (options.C * len(y))))
    settings = {"maxiter": 10_000, "ftol": 0, "gtol": 1e-10}
    result = minimize(objective, objective.start, jac=True, method="L-BFGS-B", options=settings)
    solution = objective.solution(result.x)

    model = LogisticRegression(C=options.C, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(X, y)
    theirs = objective.value(np.append(model.coef_, model.intercept_))
    print(f"{'':12} {'objective':>20} {'intercept':>12} {'accuracy':>9}")
    for name, value, intercept, labels in (
        ("fastloss", result.fun, solution.intercept_, solution.predict(X) > 0.5),
        ("scikit-learn", theirs, model.intercept_[0], model.predict(X)),
    ):
        print(f"{name:12} {value:20.16f} {intercept:12.8f} {np.mean(labels == y):9.4f}")
    print(f"objectives differ by {abs(result.fun - theirs) / theirs:.1e} of theirs")
    print(f"coefficients differ by {np.abs(solution.coef_ - model.coef_).max():.1e} at the most")


if __name__ == "__main__":
    main()
