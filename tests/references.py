"""One line of mpmath per loss: its definition, from which the tests derive everything else.

``value`` is the loss of one sample as a formula of exact numbers; gradients and Hessians are its derivatives, taken numerically
at a precision where that is exact for all purposes. Where a quantity changes sign by itself, or vanishes inside, an error can
only be measured against the largest term it is made of: ``terms`` gives the size of that term, for value, gradient and Hessian
(None: the quantity itself; a tuple: one for each input). ``data`` says which numbers are tried (see `oracle.sample`) and
``instances`` with which parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpmath import cosh, exp, expm1, fabs, log, log1p, loggamma, mpf, pi, sqrt

Formula = Callable[..., Any]


@dataclass(frozen=True)
class Reference:
    value: Formula
    terms: tuple[Any, Any, Any] = (None, None, None)
    data: str = "residuals"
    instances: tuple[dict[str, Any], ...] = ({},)


def mean(p: mpf, from_log: bool) -> mpf:
    return exp(p) if from_log else p


def xlogy(x: mpf, y: mpf) -> mpf:
    return x * log(y) if x else mpf(0)


def tweedie_terms(y: mpf, mu: mpf, power: float) -> tuple[mpf, mpf, mpf]:
    """The three terms of half the deviance."""
    p = mpf(power)
    if power == 1:
        return xlogy(y, y / mu), -y, mu
    if power == 2:
        return log(mu / y), y / mu, mpf(-1)
    label = y ** (2 - p) if y else mpf(0)
    return label / ((1 - p) * (2 - p)), -y * mu ** (1 - p) / (1 - p), mu ** (2 - p) / (2 - p)


def largest(*terms: Any) -> mpf:
    return max(fabs(mpf(term)) for term in terms)


SCALES = ({}, {"c": 0.1}, {"c": 37.0})
DELTAS = ({}, {"delta": 0.1}, {"delta": 250.0})

REFERENCES: dict[str, Reference] = {
    "squared_error": Reference(lambda y, p: (p - y) ** 2),
    "half_squared_error": Reference(lambda y, p: (p - y) ** 2 / 2),
    "absolute_error": Reference(lambda y, p: fabs(p - y)),
    # per sample; the root of the mean is tested in test_regression.py
    "root_mean_squared_error": Reference(lambda y, p: (p - y) ** 2),
    "huber": Reference(
        lambda y, p, delta: (p - y) ** 2 / 2 if fabs(p - y) <= delta else delta * (fabs(p - y) - mpf(delta) / 2),
        instances=DELTAS,
    ),
    "smooth_l1": Reference(
        lambda y, p, beta: (p - y) ** 2 / (2 * mpf(beta)) if fabs(p - y) < beta else fabs(p - y) - mpf(beta) / 2,
        instances=({}, {"beta": 0.1}, {"beta": 0.0}),
    ),
    "pseudo_huber": Reference(lambda y, p, delta: mpf(delta) ** 2 * (sqrt(1 + ((p - y) / delta) ** 2) - 1), instances=DELTAS),
    "log_cosh": Reference(lambda y, p: log(cosh(p - y))),
    "quantile": Reference(
        lambda y, p, alpha: (1 - mpf(alpha)) * (p - y) if p >= y else mpf(alpha) * (y - p), instances=({}, {"alpha": 0.9})
    ),
    "expectile": Reference(
        lambda y, p, alpha: (1 - mpf(alpha) if p >= y else mpf(alpha)) * (p - y) ** 2, instances=({}, {"alpha": 0.9})
    ),
    "squared_log_error": Reference(
        lambda y, p: (log1p(p) - log1p(y)) ** 2,
        terms=(None, None, lambda y, p: 2 * largest(1, log1p(p) - log1p(y)) / (1 + p) ** 2),
    ),
    "absolute_percentage_error": Reference(
        lambda y, p, eps: fabs(p - y) / max(fabs(y), mpf(eps)), data="numbers", instances=({}, {"eps": 0.125})
    ),
    "symmetric_absolute_percentage_error": Reference(lambda y, p: 2 * fabs(p - y) / (fabs(y) + fabs(p)), data="numbers"),
    "lp_error": Reference(
        lambda y, pred, p: fabs(pred - y) ** mpf(p), instances=({}, {"p": 1.0}, {"p": 1.1}, {"p": 2.0}, {"p": 3.3})
    ),
    "fair": Reference(lambda y, p, c: mpf(c) ** 2 * (fabs(p - y) / c - log1p(fabs(p - y) / c)), instances=SCALES),
    "cauchy": Reference(
        lambda y, p, c: mpf(c) ** 2 / 2 * log1p(((p - y) / c) ** 2),
        terms=(None, None, lambda y, p, c: largest(1, ((p - y) / c) ** 2) / (1 + ((p - y) / c) ** 2) ** 2),
        instances=SCALES,
    ),
    "welsch": Reference(
        lambda y, p, c: -(mpf(c) ** 2) / 2 * expm1(-(((p - y) / c) ** 2)),
        terms=(None, None, lambda y, p, c: largest(1, 2 * ((p - y) / c) ** 2) * exp(-(((p - y) / c) ** 2))),
        instances=SCALES,
    ),
    "tukey": Reference(
        lambda y, p, c: mpf(c) ** 2 / 6 * (1 - max(1 - ((p - y) / c) ** 2, 0) ** 3),
        terms=(None, None, lambda y, p, c: max(1 - ((p - y) / c) ** 2, 0) * largest(1, 5 * ((p - y) / c) ** 2)),
        instances=({}, {"c": 0.1}, {"c": 250.0}),
    ),
    "poisson": Reference(
        lambda y, p, from_log, full: mean(p, from_log) - (y * p if from_log else xlogy(y, p)) + full * loggamma(y + 1),
        terms=(
            lambda y, p, from_log, full: largest(mean(p, from_log), y * p if from_log else xlogy(y, p), full * loggamma(y + 1)),
            lambda y, p, from_log, full: largest(exp(p), y) if from_log else (p - y) / p,
            None,
        ),
        data="logarithms",
        instances=({}, {"full": True}, {"from_log": False}, {"from_log": False, "full": True}),
    ),
    "gamma": Reference(
        lambda y, p, from_log: log(mean(p, from_log)) + y / mean(p, from_log),
        terms=(
            lambda y, p, from_log: largest(log(mean(p, from_log)), y / mean(p, from_log)),
            lambda y, p, from_log: largest(1, y / exp(p)) if from_log else (p - y) / p**2,
            lambda y, p, from_log: y / exp(p) if from_log else largest(2 * y, p) / p**3,
        ),
        data="logarithms",
        instances=({}, {"from_log": False}),
    ),
    "tweedie": Reference(
        lambda y, p, power, from_log: sum(tweedie_terms(y, mean(p, from_log), power)),
        terms=(
            lambda y, p, power, from_log: largest(*tweedie_terms(y, mean(p, from_log), power)),
            lambda y, p, power, from_log: (
                largest(exp((2 - mpf(power)) * p), y * exp((1 - mpf(power)) * p))
                if from_log
                else (p - y) * fabs(p) ** -mpf(power)
            ),
            lambda y, p, power, from_log: (
                largest((2 - mpf(power)) * exp((2 - mpf(power)) * p), (1 - mpf(power)) * y * exp((1 - mpf(power)) * p))
                if from_log
                else largest(power * y, (power - 1) * p) * fabs(p) ** (-mpf(power) - 1)
            ),
        ),
        data="logarithms",
        instances=tuple({"power": q, "from_log": f} for f in (True, False) for q in (1.5, 1.1, 1.9, 1.0, 2.0, 3.0, 0.0)),
    ),
    "gaussian_nll": Reference(
        lambda y, m, v, full, eps: (log(max(v, mpf(eps))) + (m - y) ** 2 / max(v, mpf(eps)) + full * log(2 * pi)) / 2,
        terms=(
            lambda y, m, v, full, eps: largest(log(max(v, mpf(eps))), (m - y) ** 2 / max(v, mpf(eps)), full * log(2 * pi)) / 2,
            (None, lambda y, m, v, full, eps: largest(1, (m - y) ** 2 / v) / (2 * v)),
            (None, lambda y, m, v, full, eps: largest(mpf(1) / 2, (m - y) ** 2 / v) / v**2),
        ),
        instances=({}, {"full": True}, {"eps": 0.5}),
    ),
}
