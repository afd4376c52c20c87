"""One line of mpmath per loss: its definition, from which the tests derive everything else.

``value`` is the loss of one sample as a formula of exact numbers; gradients and Hessians are its derivatives, taken numerically
at a precision where that is exact for all purposes. Where a quantity changes sign by itself, an error can only be measured
against the largest term it is made of: ``terms`` names those terms, for value, gradient and Hessian (None: the quantity itself).
``data`` says which numbers the loss takes (tests/data.py makes them) and ``instances`` which parameters are tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mpmath import cosh, euler, exp, fabs, inf, log, log1p, loggamma, mp, mpf, pi, sign, sqrt  # noqa: F401

Formula = Callable[..., Any]


@dataclass(frozen=True)
class Reference:
    value: Formula
    terms: tuple[Formula | None, ...] = (None, None, None)
    data: str = "residuals"
    instances: tuple[dict[str, Any], ...] = ({},)
    outputs: str = "vgh"
    extra: dict[str, Any] = field(default_factory=dict)


def where(condition: bool, a: Any, b: Any) -> Any:
    return a if condition else b


def _tweedie(y: mpf, mu: mpf, power: float) -> mpf:
    p = mpf(power)
    if power == 1:
        return y * log(y / mu) - y + mu if y else mu
    if power == 2:
        return log(mu / y) + y / mu - 1
    label = y ** (2 - p) / ((1 - p) * (2 - p)) if y else mpf(0)
    return label - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p)


def _tweedie_terms(y: mpf, mu: mpf, power: float) -> mpf:
    p = mpf(power)
    if power in (1, 2):
        return max(fabs(y * log(y / mu)), y, mu) if power == 1 and y else mu if power == 1 else max(fabs(log(mu / y)), y / mu, 1)
    return max(fabs(t) for t in ((y ** (2 - p) if y else 0) / ((1 - p) * (2 - p)), y * mu ** (1 - p) / (1 - p), mu ** (2 - p) / (2 - p)))


def _mean(z: mpf, from_log: bool) -> mpf:
    return exp(z) if from_log else z


_SCALES = ({}, {"c": 0.1}, {"c": 37.0})

REFERENCES: dict[str, Reference] = {
    "squared_error": Reference(lambda y, p: (p - y) ** 2),
    "half_squared_error": Reference(lambda y, p: (p - y) ** 2 / 2),
    "absolute_error": Reference(lambda y, p: fabs(p - y)),
    "root_mean_squared_error": Reference(lambda y, p: (p - y) ** 2, outputs=""),
    "huber": Reference(
        lambda y, p, delta: where(fabs(p - y) <= delta, (p - y) ** 2 / 2, delta * (fabs(p - y) - mpf(delta) / 2)),
        instances=({}, {"delta": 0.1}, {"delta": 250.0}),
    ),
    "smooth_l1": Reference(
        lambda y, p, beta: where(fabs(p - y) < beta, (p - y) ** 2 / (2 * mpf(beta or 1)), fabs(p - y) - mpf(beta) / 2),
        instances=({}, {"beta": 0.1}, {"beta": 0.0}),
    ),
    "pseudo_huber": Reference(
        lambda y, p, delta: mpf(delta) ** 2 * (sqrt(1 + ((p - y) / delta) ** 2) - 1),
        instances=({}, {"delta": 0.1}, {"delta": 250.0}),
    ),
    "log_cosh": Reference(lambda y, p: log(cosh(p - y))),
    "quantile": Reference(
        lambda y, p, alpha: where(p >= y, (1 - mpf(alpha)) * (p - y), -mpf(alpha) * (p - y)), instances=({}, {"alpha": 0.9})
    ),
    "expectile": Reference(
        lambda y, p, alpha: where(p >= y, 1 - mpf(alpha), mpf(alpha)) * (p - y) ** 2, instances=({}, {"alpha": 0.9})
    ),
    "squared_log_error": Reference(
        lambda y, p: (log1p(p) - log1p(y)) ** 2,
        terms=(None, None, lambda y, p: 2 * max(1, fabs(log1p(p) - log1p(y))) / (1 + p) ** 2),
        data="above_minus_one",
    ),
    "absolute_percentage_error": Reference(
        lambda y, p, eps: fabs(p - y) / max(fabs(y), mpf(eps)), data="numbers", instances=({}, {"eps": 0.125})
    ),
    "symmetric_absolute_percentage_error": Reference(lambda y, p: 2 * fabs(p - y) / (fabs(y) + fabs(p)), data="numbers"),
    "lp_error": Reference(
        lambda y, pred, p: fabs(pred - y) ** mpf(p), instances=({}, {"p": 1.0}, {"p": 1.1}, {"p": 2.0}, {"p": 3.3})
    ),
    "fair": Reference(lambda y, p, c: mpf(c) ** 2 * (fabs(p - y) / c - log1p(fabs(p - y) / c)), instances=_SCALES),
    "cauchy": Reference(
        lambda y, p, c: mpf(c) ** 2 / 2 * log1p(((p - y) / c) ** 2),
        terms=(None, None, lambda y, p, c: max(1, ((p - y) / c) ** 2) / (1 + ((p - y) / c) ** 2) ** 2),
        instances=_SCALES,
    ),
    "welsch": Reference(
        lambda y, p, c: -(mpf(c) ** 2) / 2 * mp.expm1(-(((p - y) / c) ** 2)),
        terms=(None, None, lambda y, p, c: max(1, 2 * ((p - y) / c) ** 2) * exp(-(((p - y) / c) ** 2))),
        instances=_SCALES,
    ),
    "tukey": Reference(
        lambda y, p, c: mpf(c) ** 2 / 6 * (1 - max(1 - ((p - y) / c) ** 2, 0) ** 3),
        terms=(None, None, lambda y, p, c: max(1 - ((p - y) / c) ** 2, 0) * max(1, 5 * ((p - y) / c) ** 2)),
        instances=({}, {"c": 0.1}, {"c": 250.0}),
    ),
    "poisson": Reference(
        lambda y, p, from_log, full: where(
            from_log, exp(p) - y * p, p - (y * log(p) if y else 0)
        ) + (loggamma(y + 1) if full else 0),
        terms=(
            lambda y, p, from_log, full: max(_mean(p, from_log), fabs(y * (p if from_log else log(p))),
                                             fabs(loggamma(y + 1)) if full else 0),
            lambda y, p, from_log, full: where(from_log, max(exp(p), y), fabs(p - y) / p),
            None,
        ),
        data="counts",
        instances=({}, {"full": True}, {"from_log": False}, {"from_log": False, "full": True}),
    ),
    "gamma": Reference(
        lambda y, p, from_log: where(from_log, p + y * exp(-p), log(p) + y / p) if from_log or p > 0 else inf,
        terms=(
            lambda y, p, from_log: max(fabs(p if from_log else log(p)), y / _mean(p, from_log)),
            lambda y, p, from_log: where(from_log, max(1, y * exp(-p)), fabs(p - y) / p**2),
            lambda y, p, from_log: where(from_log, y * exp(-p), max(2 * y, p) / p**3 if not from_log else 0),
        ),
        data="positives",
        instances=({}, {"from_log": False}),
    ),
    "tweedie": Reference(
        lambda y, p, power, from_log: _tweedie(y, _mean(p, from_log), power),
        terms=(
            lambda y, p, power, from_log: _tweedie_terms(y, _mean(p, from_log), power),
            lambda y, p, power, from_log: where(
                from_log,
                max(_mean(p, from_log) ** (2 - mpf(power)), y * _mean(p, from_log) ** (1 - mpf(power))),
                fabs(p - y) * fabs(_mean(p, from_log)) ** -mpf(power),
            ),
            lambda y, p, power, from_log: where(
                from_log,
                max(fabs((2 - mpf(power)) * _mean(p, from_log) ** (2 - mpf(power))), fabs((1 - mpf(power)) * y * _mean(p, from_log) ** (1 - mpf(power)))),
                max(power * y, fabs(power - 1) * p) * fabs(_mean(p, from_log)) ** (-mpf(power) - 1),
            ),
        ),
        data="positives",
        instances=tuple({"power": q, "from_log": f} for f in (True, False) for q in (1.5, 1.1, 1.9, 1.0, 2.0, 3.0, 0.0)),
    ),
    "gaussian_nll": Reference(
        lambda y, mean, var, full, eps: (log(max(var, mpf(eps))) + (mean - y) ** 2 / max(var, mpf(eps)) + (log(2 * pi) if full else 0)) / 2,
        terms=(
            lambda y, mean, var, full, eps: max(fabs(log(max(var, mpf(eps)))), (mean - y) ** 2 / max(var, mpf(eps)), full) / 2,
            (None, lambda y, mean, var, full, eps: max(1, (mean - y) ** 2 / var) / (2 * var)),
            (None, lambda y, mean, var, full, eps: max(mpf(1) / 2, (mean - y) ** 2 / var) / var**2),
        ),
        data="variances",
        instances=({}, {"full": True}, {"eps": 0.5}),
    ),
}
