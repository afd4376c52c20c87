"""One line of mpmath per loss: its definition, from which the tests derive everything else.

``value`` is the loss of one unit (a number, a row, a mask, a group) as a formula of exact numbers or lists; class indices
come as a list of targets, or as shares of the classes. Gradients and Hessians are its derivatives, taken numerically
at a precision where that is exact for all purposes. Where a quantity changes sign by itself, or vanishes inside, an error can
only be measured against the largest term it is made of: ``terms`` gives the size of that term, for value, gradient and Hessian
(None: the quantity itself; a tuple: one for each input). ``data`` says which numbers are tried (see `oracle.sample`) and
``instances`` with which parameters. ``kinks`` are predictions, other than 0 and the label, beside which a numerical derivative
must take short steps, and ``promised`` are the errors that are held to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby, product
from operator import mul
from typing import Any

from mpmath import atan2, cosh, exp, expm1, fabs, fprod, log, log1p, loggamma, mp, mpf, pi, sqrt

Formula = Callable[..., Any]


@dataclass(frozen=True)
class Reference:
    value: Formula
    terms: tuple[Any, Any, Any] = (None, None, None)
    data: str = "residuals"
    instances: tuple[dict[str, Any], ...] = ({},)
    kinks: Formula = lambda **_: ()
    #: makes, of a unit, what the derivatives there are those of, where that is not the value
    held: Formula | None = None
    #: whether the terms of a Hessian cancel
    changes_sign: bool = False
    #: of value, gradient and Hessian, in ulp
    promised: Formula = lambda **_: (4.0, 4.0, 6.0)


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


def softmax(z: list[mpf]) -> list[mpf]:
    top = max(z)
    powers = [exp(x - top) for x in z]
    total = sum(powers)
    return [x / total for x in powers]


def largest(*terms: Any) -> mpf:
    return max(fabs(mpf(term)) for term in terms)


def sigmoid(z: mpf) -> mpf:
    return 1 / (1 + exp(-z))


def probabilities(p: mpf, from_logits: bool, eps: float = 0.0) -> tuple[mpf, mpf, mpf, mpf]:
    """Those of the two labels, clipped, and their negative logarithms."""
    if from_logits:
        return sigmoid(p), sigmoid(-p), log1p(exp(-p)), log1p(exp(p))
    p = min(max(p, mpf(eps)), 1 - mpf(eps))
    return p, 1 - p, -log(p), -log(1 - p)


def shares(y: mpf, smoothing: float, positive: float = 1, negative: float = 1) -> tuple[mpf, mpf]:
    y += mpf(smoothing) * (mpf("0.5") - y)
    return positive * y, negative * (1 - y)


def times(share: mpf, x: mpf) -> mpf:
    return share * x if share else mpf(0)


def cross_entropy(y: mpf, p: mpf, from_logits: bool, label_smoothing: float, pos_weight: float, eps: float) -> mpf:
    positive, negative = shares(y, label_smoothing, pos_weight)
    _, _, cost, other = probabilities(p, from_logits, eps)
    return times(positive, cost) + times(negative, other)


def cross_entropy_gradient_term(
    y: mpf, p: mpf, from_logits: bool, label_smoothing: float, pos_weight: float, eps: float
) -> mpf:
    positive, negative = shares(y, label_smoothing, pos_weight)
    if from_logits:
        return largest(negative * sigmoid(p), positive * sigmoid(-p))
    return largest(negative / (1 - p), positive / p)


def focal_sides(y: mpf, p: mpf, alpha: float | None, from_logits: bool, label_smoothing: float) -> list[tuple[mpf, ...]]:
    """For each label its share, its probability with the negative logarithm, and the other label's probability."""
    weights = (1, 1) if alpha is None else (mpf(alpha), 1 - mpf(alpha))
    positive, negative = shares(y, label_smoothing, *weights)
    p, q, cost, other = probabilities(p, from_logits)
    return [(positive, p, cost, q), (negative, q, other, p)]


def focal(y: mpf, p: mpf, gamma: float, **how: Any) -> mpf:
    return sum(times(share, q ** mpf(gamma) * cost) for share, _, cost, q in focal_sides(y, p, **how))


def focal_gradient_term(y: mpf, p: mpf, gamma: float, from_logits: bool, **how: Any) -> mpf:
    g = mpf(gamma)
    return largest(
        *(
            share * q**g * (g * p * cost + q if from_logits else g * cost / q + 1 / p)
            for share, p, cost, q in focal_sides(y, p, from_logits=from_logits, **how)
        )
    )


def focal_hessian_term(y: mpf, p: mpf, gamma: float, from_logits: bool, **how: Any) -> mpf:
    if not from_logits:
        return mpf(0)
    g = mpf(gamma)
    sides = focal_sides(y, p, from_logits=from_logits, **how)
    return largest(
        *(share * q**g * p * largest(g * cost * g * p, g * cost * q, (2 * g + 1) * q) for share, p, cost, q in sides)
    )


def side(y: mpf) -> int:
    return 1 if y > 0 else -1


def brier_terms(y: mpf, z: mpf) -> tuple[mpf, mpf, mpf, mpf]:
    """Probabilities of the two labels, the size of the terms of p - y, and p - y."""
    p, q = sigmoid(z), sigmoid(-z)
    return p, q, largest((1 - y) * p, y * q), p - y


def brier_hessian_term(p: mpf, q: mpf, term: mpf, r: mpf) -> mpf:
    return 2 * p * q * largest(p * q, term * (q - p))


WEIGHTS = ({}, {"label_smoothing": 0.1}, {"pos_weight": 37.3}, {"pos_weight": 0.3, "label_smoothing": 0.7})
FOCAL = [{"gamma": g, "from_logits": f} for f in (True, False) for g in (2.0, 0.0, 0.3, 0.5, 1.0, 1.5, 3.0, 5.0)]
FOCAL += [{"gamma": g, "from_logits": f, "alpha": 0.25} for f in (True, False) for g in (2.0, 0.7)]
FOCAL += [{"gamma": g, "from_logits": f, "alpha": 0.9, "label_smoothing": 0.1} for f in (True, False) for g in (2.0, 1.5)]
BOTH = ({"from_logits": True}, {})
MARGIN: dict[str, Any] = {"data": "scores", "kinks": lambda: (-1, 1), "promised": lambda: (3.0, 3.0, 4.0)}


def gan_discriminator(r: mpf, f: mpf, kind: str) -> mpf:
    if kind == "minimax":
        return log1p(exp(-r)) + log1p(exp(f))
    if kind == "hinge":
        return max(mpf(0), 1 - r) + max(mpf(0), 1 + f)
    return f - r if kind == "wasserstein" else ((r - 1) ** 2 + f**2) / 2


def gan_generator(f: mpf, kind: str) -> mpf:
    if kind in ("minimax", "non_saturating"):
        return log1p(exp(-f)) if kind == "non_saturating" else -log1p(exp(f))
    return (f - 1) ** 2 / 2 if kind == "least_squares" else -f


KINDS = ("minimax", "wasserstein", "hinge", "least_squares", "non_saturating")
SCALES = ({}, {"c": 0.1}, {"c": 37.0})
DELTAS = ({}, {"delta": 0.1}, {"delta": 250.0})

STRENGTHS = ({}, {"strength": 1e-3})

REFERENCES: dict[str, Reference] = {
    "l1_penalty": Reference(lambda t, strength: mpf(strength) * fabs(t), instances=STRENGTHS),
    "l2_penalty": Reference(lambda t, strength: mpf(strength) / 2 * t**2, instances=STRENGTHS),
    "elastic_net": Reference(
        lambda t, strength, l1_ratio: strength * (mpf(l1_ratio) * fabs(t) + (1 - mpf(l1_ratio)) / 2 * t**2),
        instances=(*STRENGTHS, {"l1_ratio": 1.0}, {"strength": 37.0, "l1_ratio": 0.01}),
    ),
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
        instances=tuple({"power": q, "from_log": f} for f in (True, False) for q in (1.5, 1.1, 1.3, 1.9, 1.0, 2.0, 3.0, 0.0)),
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
    "gaussian_cross_entropy": Reference(
        lambda m, v, n, w: (log(2 * pi * w) + (v + (n - m) ** 2) / w) / 2,
        terms=(
            lambda m, v, n, w: largest(log(w), 2, v / w, (n - m) ** 2 / w) / 2,
            (None, lambda m, v, n, w: largest(1, v / w, (n - m) ** 2 / w) / (2 * w)),
            (None, lambda m, v, n, w: largest(mpf(1) / 2, v / w, (n - m) ** 2 / w) / w**2),
        ),
    ),
    "gan_discriminator": Reference(
        gan_discriminator, data="logits", instances=tuple({"kind": kind} for kind in KINDS[:4]), kinks=lambda kind: (-1, 1)
    ),
    "gan_generator": Reference(gan_generator, data="logits", instances=tuple({"kind": kind} for kind in KINDS)),
    "binary_cross_entropy": Reference(
        cross_entropy,
        terms=(None, cross_entropy_gradient_term, None),
        data="scores",
        instances=(
            *({"from_logits": f, **weights} for f in (True, False) for weights in WEIGHTS),
            {"eps": 1e-15},
            {"eps": 0.01},
        ),
        kinks=lambda eps, from_logits, **_: () if from_logits else (1, mpf(eps), 1 - mpf(eps)),
        promised=lambda **_: (3.0, 3.0, 4.0),
    ),
    "binary_focal": Reference(
        focal,
        terms=(None, focal_gradient_term, focal_hessian_term),
        data="scores",
        instances=tuple(FOCAL),
        kinks=lambda from_logits, **_: () if from_logits else (1,),
        promised=lambda gamma, from_logits, **_: (
            4 + 2 * gamma,
            4 + 2 * gamma,
            max(8.0, 4 + 2 * gamma) if from_logits else 4 + 2 * gamma,
        ),
    ),
    "brier": Reference(
        lambda y, p, from_logits: ((sigmoid(p) if from_logits else p) - y) ** 2,
        terms=(
            lambda y, p, from_logits: brier_terms(y, p)[2] ** 2 if from_logits else 0,
            lambda y, p, from_logits: (
                2 * brier_terms(y, p)[0] * brier_terms(y, p)[1] * brier_terms(y, p)[2] if from_logits else 0
            ),
            lambda y, p, from_logits: brier_hessian_term(*brier_terms(y, p)) if from_logits else 0,
        ),
        data="scores",
        instances=BOTH,
        kinks=lambda **_: (1,),
    ),
    "hinge": Reference(lambda y, z: max(0, 1 - side(y) * z), **MARGIN),
    "squared_hinge": Reference(lambda y, z: max(0, 1 - side(y) * z) ** 2, **MARGIN),
    "smoothed_hinge": Reference(
        lambda y, z: mpf("0.5") - side(y) * z if side(y) * z <= 0 else max(0, 1 - side(y) * z) ** 2 / 2, **MARGIN
    ),
    "modified_huber": Reference(lambda y, z: max(0, 1 - side(y) * z) ** 2 if side(y) * z >= -1 else -4 * side(y) * z, **MARGIN),
    "exponential": Reference(lambda y, z: exp(-side(y) * z), **MARGIN),
    "soft_margin": Reference(lambda y, z: log1p(exp(-side(y) * z)), **MARGIN),
    "zero_one": Reference(
        lambda y, p, threshold, from_logits: mpf(((sigmoid(p) if from_logits else p) > mpf(threshold)) != (y == 1)),
        data="scores",
        instances=(*BOTH, {"threshold": 0.7}, {"threshold": 0.1, "from_logits": True}),
    ),
    "hamming": Reference(
        lambda y, p, threshold: mpf((p > mpf(threshold)) != (y == 1)), data="scores", instances=({}, {"threshold": 0.3})
    ),
}

# ---- rows of classes --------------------------------------------------------------------------------------------


def right_class(
    f: Formula, changes_sign: bool = False, promised: tuple[float, float, float] = (4, 6, 6), instances: Any = ({},)
) -> Reference:
    """A loss F of the probability of a row's right class; of shares of the classes it is the average."""

    def shares_of(
        y: list[mpf], label_smoothing: float = 0.0, alpha: float | None = None, log_base: float | None = None, **_: Any
    ) -> list[mpf]:
        scale = mpf(1 if alpha is None else alpha) / (log(mpf(log_base)) if log_base else 1)
        s = mpf(label_smoothing)
        return [scale * (share * (1 - s) + s / len(y)) for share in y]

    def probabilities_of(x: list[mpf], from_logits: bool, **_: Any) -> list[mpf]:
        return softmax(x) if from_logits else x

    def value(y: list[mpf], x: list[mpf], **how: Any) -> mpf:
        p = probabilities_of(x, **how)
        return sum(share * f(q, **how) for share, q in zip(shares_of(y, **how), p, strict=True) if share)

    def slopes(y: list[mpf], p: list[mpf], **how: Any) -> list[mpf]:
        """The sizes of the derivatives by the logarithms of the probabilities."""
        h = mpf(10) ** -60
        rises = (f(q * (1 + h), **how) - f(q * (1 - h), **how) if share else 0 for share, q in zip(y, p, strict=True))
        return [share * fabs(rise) / (2 * h) for share, rise in zip(shares_of(y, **how), rises, strict=True)]

    def is_one_class(y: list[mpf], label_smoothing: float = 0.0, **_: Any) -> bool:
        return sorted(y) == [0] * (len(y) - 1) + [1] and not label_smoothing

    def gradient_term(y: list[mpf], x: list[mpf], by: str, at: int, from_logits: bool, **how: Any) -> mpf | None:
        # of one class p - y is computed without a difference
        if not from_logits or is_one_class(y, **how):
            return None
        p = softmax(x)
        return sum(slopes(y, p, **how)) * max(p[at], y[at])

    def hessian_term(y: list[mpf], x: list[mpf], by: str, at: int, from_logits: bool, **how: Any) -> mpf | None:
        if not from_logits:
            return slopes(y, x, **how)[at] / x[at] ** 2
        if not changes_sign:
            return None
        p = softmax(x)
        size = sum(slopes(y, p, **how))
        if is_one_class(y, **how):
            return size * p[at] * (1 - p[at]) * (3 + fabs(log(p[y.index(1)])))
        return size * max(p[at], y[at])

    return Reference(
        value,
        terms=(None, gradient_term, hessian_term),
        data="classes",
        instances=tuple({"from_logits": form, **given} for form in (True, False) for given in instances),
        changes_sign=changes_sign,
        promised=lambda **_: promised,
    )


def hinges(z: list[mpf], targets: list[int], p: int = 1, margin: float = 1.0) -> list[mpf]:
    """The margins of all other classes against all targets that are positive, to a power."""
    others = [j for j in range(len(z)) if j not in targets]
    return [max(mpf(0), mpf(margin) - z[t] + z[j]) ** p for t in targets for j in others]


def log_terms(p: list[mpf], q: list[mpf]) -> list[mpf]:
    return [xlogy(x, x / y) if x else mpf(0) for x, y in zip(p, q, strict=True)]


def distribution(x: list[mpf], from_logits: bool, from_log: bool = False) -> list[mpf]:
    return softmax(x) if from_logits else [exp(t) for t in x] if from_log else x


def middle(p: list[mpf], q: list[mpf]) -> list[mpf]:
    return [(x + y) / 2 for x, y in zip(p, q, strict=True)]


def divergence_term(y: list[mpf], x: list[mpf], from_logits: bool, from_log: bool, log_target: bool, eps: float) -> mpf | None:
    p, q = distribution(y, False, log_target), distribution(x, from_logits, from_log)
    if from_logits:
        return sum(a * fabs(log(b)) for a, b in zip(p, q, strict=True))
    if from_log or log_target:
        return max(a * max(fabs(log(a)), fabs(log(b))) for a, b in zip(p, q, strict=True))
    # what does not sum to one may be negative
    return largest(*log_terms(p, q)) if fabs(sum(p) - sum(q)) > mpf("1e-3") else None


def jensen_shannon_term(y: list[mpf], x: list[mpf], by: str, at: int, from_logits: bool) -> mpf | None:
    if not from_logits:
        return None
    q = softmax(x)[at]
    return q * max(1, fabs(log(2 * q / (y[at] + q))) / 2)


REFERENCES |= {
    "categorical_cross_entropy": right_class(
        lambda p, **_: -log(p), instances=({}, {"label_smoothing": 0.1}, {"log_base": 2.0})
    ),
    "sparse_categorical_cross_entropy": right_class(lambda p, **_: -log(p)),
    "categorical_focal": right_class(
        lambda p, gamma, **_: -((1 - p) ** mpf(gamma)) * log(p),
        promised=(8, 8, 8),
        changes_sign=True,
        instances=({}, {"gamma": 0.5}, {"gamma": 1.0}, {"gamma": 0.0}, {"alpha": 0.25}),
    ),
    "poly_cross_entropy": right_class(
        lambda p, epsilon, **_: -log(p) + mpf(epsilon) * (1 - p), changes_sign=True, instances=({}, {"epsilon": 4.0})
    ),
    "generalized_cross_entropy": right_class(
        lambda p, q, **_: (1 - p ** mpf(q)) / mpf(q), changes_sign=True, instances=({}, {"q": 1.0}, {"q": 0.1})
    ),
    "categorical_hinge": Reference(lambda t, z: max(hinges(z, t), default=mpf(0)), data="targets"),
    "multi_margin": Reference(
        lambda t, z, p, margin, class_weight: (class_weight or [1] * len(z))[t[0]] * mpf(sum(hinges(z, t, p, margin))) / len(z),
        data="targets",
        instances=({}, {"p": 2}, {"margin": 0.1, "p": 2}, {"margin": 0.3}),
    ),
    "multi_label_margin": Reference(lambda t, z: mpf(sum(hinges(z, t))) / len(z), data="targets"),
    "multi_label_soft_margin": Reference(
        lambda y, z, class_weight: (
            sum(a * log1p(exp(-x)) + (1 - a) * log1p(exp(x)) for a, x in zip(y, z, strict=True)) / len(z)
        ),
        terms=(
            None,
            lambda y, z, by, at, class_weight: largest((1 - y[at]) * sigmoid(z[at]), y[at] * sigmoid(-z[at])) / len(z),
            None,
        ),
        data="distributions",
    ),
    "kl_divergence": Reference(
        lambda y, x, from_logits, from_log, log_target, eps: sum(
            log_terms(distribution(y, False, log_target), distribution(x, from_logits, from_log))
        ),
        terms=(
            divergence_term,
            lambda y, x, by, at, from_logits, log_target, **_: (
                max(sum(distribution(y, False, log_target)) * softmax(x)[at], distribution(y, False, log_target)[at])
                if from_logits
                else None
            ),
            None,
        ),
        data="distributions",
        instances=tuple(
            {"log_target": log_target, **form}
            for log_target in (False, True)
            for form in ({}, {"from_log": True}, {"from_logits": True})
        ),
        promised=lambda from_logits, from_log, log_target, **_: (
            8 if from_logits or from_log or log_target else 6,
            8 if from_logits else 4,
            6,
        ),
    ),
    "jensen_shannon": Reference(
        lambda p, x, from_logits: (
            (
                sum(log_terms(p, middle(p, distribution(x, from_logits))))
                + sum(log_terms(distribution(x, from_logits), middle(p, distribution(x, from_logits))))
            )
            / 2
        ),
        terms=(
            lambda p, x, from_logits: max(fabs(a - b) for a, b in zip(p, softmax(x), strict=True)) if from_logits else None,
            jensen_shannon_term,
            jensen_shannon_term,
        ),
        data="distributions",
        instances=({}, {"from_logits": True}),
        promised=lambda from_logits: (8, 8, 6) if from_logits else (4, 4, 6),
    ),
    "gaussian_kl": Reference(
        lambda m, s: sum(a**2 + expm1(b) - b for a, b in zip(m, s, strict=True)) / 2, data="distributions"
    ),
}


# ---- masks, vectors, groups -------------------------------------------------------------------------------------


def mask_sums(y: list[mpf], x: list[mpf], from_logits: bool, squared: bool) -> tuple[list[mpf], mpf, mpf]:
    """Probabilities, twice the overlap, and the sizes of both masks together."""
    p = [sigmoid(t) for t in x] if from_logits else x
    size = sum(a**2 + b**2 if squared else a + b for a, b in zip(y, p, strict=True))
    return p, 2 * sum(a * b for a, b in zip(y, p, strict=True)), size


def dice(y: list[mpf], x: list[mpf], from_logits: bool, smooth: float, squared: bool, per_class: bool) -> mpf:
    _, overlap, size = mask_sums(y, x, from_logits, squared)
    s = mpf(smooth)
    return 1 - (overlap + s) / (size + s) if size + s else mpf(0)


def dice_term(y: list[mpf], x: list[mpf], from_logits: bool, smooth: float, squared: bool, per_class: bool) -> mpf | None:
    """Squares of differences of probabilities that have been rounded."""
    p, _, size = mask_sums(y, x, from_logits, squared)
    if not (squared and from_logits):
        return None
    return sum(max(a, b) * fabs(a - b) for a, b in zip(y, p, strict=True)) / (size + mpf(smooth))


def dice_gradient_term(
    y: list[mpf], x: list[mpf], by: str, at: int, from_logits: bool, smooth: float, squared: bool, per_class: bool
) -> mpf:
    p, overlap, size = mask_sums(y, x, from_logits, squared)
    s = mpf(smooth)
    slope = 2 * largest(p[at] if from_logits else p[at] - y[at], y[at] if from_logits else 0) if squared else 1 - 2 * y[at]
    term = largest(slope * (overlap + s), 2 * y[at] * (size - overlap)) / (size + s) ** 2
    return term * (p[at] * (1 - p[at]) if from_logits else 1)


def overlap(y: list[mpf], x: list[mpf], alpha: float, beta: float, smooth: float, from_logits: bool) -> tuple[Any, ...]:
    """Probabilities, the overlap with what smooths it, and the weighted count of what is wrong."""
    p = [sigmoid(t) for t in x] if from_logits else x
    pairs = list(zip(y, p, strict=True))
    wrong = sum(mpf(alpha) * b * (1 - a) + mpf(beta) * (1 - b) * a for a, b in pairs)
    return p, sum(a * b for a, b in pairs) + mpf(smooth), wrong


def tversky(*masks: list[mpf], per_class: bool, gamma: float = 1.0, **how: Any) -> mpf:
    _, right, wrong = overlap(*masks, **how)
    return (1 - right / (right + wrong)) ** mpf(gamma) if right + wrong else mpf(0)


def tversky_gradient_term(
    y: list[mpf], x: list[mpf], by: str, at: int, alpha: float, beta: float, per_class: bool, gamma: float = 1.0, **how: Any
) -> mpf:
    p, right, wrong = overlap(y, x, alpha=alpha, beta=beta, **how)
    term = largest(alpha * (1 - y[at]) * right, beta * y[at] * right, y[at] * wrong) / (right + wrong) ** 2
    steep = mpf(gamma) * tversky(y, x, alpha=alpha, beta=beta, per_class=per_class, **how) ** (mpf(gamma) - 1) if wrong else 0
    return steep * term * (p[at] * (1 - p[at]) if how["from_logits"] else 1)


def jaccard_growth(y: list[mpf], errors: list[mpf]) -> list[mpf]:
    """How much each pixel adds to the Jaccard loss: by differences of that loss, which are exact for all purposes."""
    growth, missed, before = [mpf(0)] * len(y), mpf(0), mpf(0)
    for i, k in enumerate(sorted(range(len(y)), key=lambda i: -errors[i])):
        missed += y[k]
        now = 1 - (sum(y) - missed) / (sum(y) + i + 1 - missed)
        growth[k], before = now - before, now
    return growth


def lovasz(y: list[mpf], x: list[mpf], from_logits: bool, per_class: bool) -> mpf:
    errors = [1 - side(a) * b if from_logits else fabs(a - b) for a, b in zip(y, x, strict=True)]
    return sum(max(mpf(0), error) * growth for error, growth in zip(errors, jaccard_growth(y, errors), strict=True))


def masks_of_classes(y: list[mpf], x: list[mpf], from_logits: bool) -> list[tuple[list[mpf], list[mpf]]]:
    """The labels and the errors of the pixels of each class; ``x`` holds its numbers class by class."""
    masks = [x[i : i + len(y)] for i in range(0, len(x), len(y))]
    if from_logits:
        masks = list(zip(*(softmax(pixel) for pixel in zip(*masks, strict=True)), strict=True))
    labels = [[mpf(a == k) for a in y] for k in range(len(masks))]
    return [(own, [fabs(a - b) for a, b in zip(own, p, strict=True)]) for own, p in zip(labels, masks, strict=True)]


def lovasz_softmax(y: list[mpf], x: list[mpf], from_logits: bool, present_only: bool) -> mpf:
    masks = [(own, errors) for own, errors in masks_of_classes(y, x, from_logits) if any(own) or not present_only]
    total = sum(e * growth for own, errors in masks for e, growth in zip(errors, jaccard_growth(own, errors), strict=True))
    return total / len(masks)


def lovasz_softmax_gradient_term(y: list[mpf], x: list[mpf], by: str, at: int, from_logits: bool, present_only: bool) -> mpf:
    """From scores, the largest of what the derivatives by the probabilities of a pixel add to it."""
    masks = masks_of_classes(y, x, from_logits)
    counted = [any(own) or not present_only for own, _ in masks]
    k, pixel = divmod(at, len(y))
    growth = [jaccard_growth(*mask)[pixel] * count / sum(counted) for mask, count in zip(masks, counted, strict=True)]
    if not from_logits:
        return growth[k]
    p = [fabs(own[pixel] - errors[pixel]) for own, errors in masks]
    return p[k] * largest(growth[k] * (1 - p[k]), *(a * b for i, (a, b) in enumerate(zip(growth, p, strict=True)) if i != k))


def box_parts(a: list[mpf], b: list[mpf]) -> tuple[Any, ...]:
    """Intersection, union, the sides of what encloses both boxes, the distance of the centres, and v of `BoxIoU`."""

    def sides(box: list[mpf]) -> list[mpf]:
        return [max(mpf(0), box[i + 2] - box[i]) for i in (0, 1)]

    (w, h), (w_hat, h_hat) = sides(a), sides(b)
    both = sides([*(max(a[i], b[i]) for i in (0, 1)), *(min(a[i], b[i]) for i in (2, 3))])
    inside = both[0] * both[1]
    enclosing = [max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)]
    shift = [(b[i] + b[i + 2] - a[i] - a[i + 2]) / 2 for i in (0, 1)]
    v = (2 / pi * (atan2(w, h) - atan2(w_hat, h_hat))) ** 2
    return inside, w * h + w_hat * h_hat - inside, enclosing, shift, v


def box_loss(a: list[mpf], b: list[mpf], kind: str) -> mpf:
    inside, union, (c_x, c_y), (d_x, d_y), v = box_parts(a, b)
    loss = 1 - inside / union
    if kind == "giou":
        return loss + 1 - union / (c_x * c_y)
    if kind == "iou":
        return loss
    return loss + (d_x**2 + d_y**2) / (c_x**2 + c_y**2) + (v**2 / (loss + v) if kind == "ciou" and v else 0)


def box_gradient_term(a: list[mpf], b: list[mpf], by: str, at: int, kind: str) -> mpf:
    """The largest part of a gradient, each of which is a sum that does not cancel."""
    inside, union, c, d, v = box_parts(a, b)
    axis, other = at % 2, 1 - at % 2
    length = b[other + 2] - b[other]
    q = 1 - inside / union
    meets = max(mpf(0), min(a[other + 2], b[other + 2]) - max(a[other], b[other]))
    within = a[at] < b[at] if at < 2 else b[at] < a[at]
    share = 1 - (v / (q + v)) ** 2 if kind == "ciou" and v else 1
    terms = [share * (inside * length if not within else meets * union if inside else 0) / union**2]
    if kind == "giou":
        terms += [length / (c[0] * c[1])] if within else [length / (c[0] * c[1]), union * c[other] / (c[0] * c[1]) ** 2]
    if kind in ("diou", "ciou"):
        square = c[0] ** 2 + c[1] ** 2
        terms += [d[axis] / square, 0 if within else 2 * (d[0] ** 2 + d[1] ** 2) * c[axis] / square**2]
    if kind == "ciou" and v:
        alpha, sides = v / (q + v), (b[2] - b[0]) ** 2 + (b[3] - b[1]) ** 2
        terms += [4 / pi * alpha * (2 - alpha) * sqrt(v) * length / sides]
    return largest(*terms)


def distance(x: list[mpf], y: list[mpf], p: float) -> mpf:
    return sum(fabs(a - b) ** mpf(p) for a, b in zip(x, y, strict=True)) ** (1 / mpf(p))


def distances(anchor: list[mpf], positive: list[mpf], negative: list[mpf], p: float, swap: bool, squared: bool) -> list[mpf]:
    pairs = [(anchor, positive), (anchor, negative), *([(positive, negative)] if swap else [])]
    return [distance(*pair, p) ** (2 if squared else 1) for pair in pairs]


def triplet(*vectors: list[mpf], margin: float, **how: Any) -> mpf:
    right, *wrong = distances(*vectors, **how)
    return max(mpf(0), right - min(wrong) + mpf(margin))


def triplet_gradient_term(*vectors: list[mpf], by: str, at: int, margin: float, p: float, swap: bool, squared: bool) -> mpf:
    """The largest direction of the distances the vector has to do with."""
    own = vectors[("anchor", "positive", "negative").index(by)]
    sizes = []
    for other in vectors:
        if not swap and own is not vectors[0] and other is not vectors[0]:
            continue
        d = distance(own, other, p)
        if d:
            sizes.append((fabs(own[at] - other[at]) / d) ** (mpf(p) - 1) * (2 * d if squared else 1))
    return max(sizes)


def cosine(a: list[mpf], b: list[mpf]) -> mpf:
    lengths = [sqrt(mpf(sum(x * x for x in v))) for v in (a, b)]
    return sum(map(mul, a, b)) / lengths[0] / lengths[1] if all(lengths) else mpf(0)


def absolute_cosine(a: list[mpf], b: list[mpf]) -> mpf:
    """The sum of the sizes of a cosine's terms."""
    return cosine([fabs(x) for x in a], [fabs(x) for x in b])


def cosine_gradient_term(a: list[mpf], b: list[mpf], *_: Any, by: str, at: int, **__: Any) -> mpf:
    """The larger of what the vectors' directions add to a component."""
    own, other = (a, b) if by == "a" else (b, a)
    lengths = [sqrt(mpf(sum(x * x for x in v))) for v in (own, other)]
    if not all(lengths):
        return mpf(0)
    return largest(other[at] / lengths[1], absolute_cosine(a, b) * own[at] / lengths[0]) / lengths[0]


def contrastive(a: list[mpf], b: list[mpf], similar: mpf, margin: float) -> mpf:
    d = distance(a, b, 2.0)
    return (d if similar else max(mpf(0), mpf(margin) - d)) ** 2 / 2


def contrastive_gradient_term(a: list[mpf], b: list[mpf], similar: mpf, by: str, at: int, margin: float) -> mpf:
    d = distance(a, b, 2.0)
    return fabs(a[at] - b[at]) * (1 if similar else max(mpf(margin), d) / d if d else 0)


def gradient_penalty(g: list[mpf], target: float, weight: float, one_sided: bool) -> mpf:
    over = sqrt(sum(x * x for x in g)) - mpf(target)
    return mpf(weight) * (max(mpf(0), over) if one_sided else over) ** 2


def gradient_penalty_term(g: list[mpf], target: float, weight: float, one_sided: bool) -> mpf:
    norm = sqrt(sum(x * x for x in g))
    return mpf(weight) * fabs(norm - target) * max(norm, mpf(target))


def gradient_penalty_gradient_term(g: list[mpf], by: str, at: int, target: float, weight: float, one_sided: bool) -> mpf:
    norm = sqrt(sum(x * x for x in g))
    return 2 * mpf(weight) * max(norm, mpf(target)) * fabs(g[at]) / norm


def pairs_of(relevance: list[mpf], score: list[mpf]) -> list[tuple[int, int]]:
    return [(i, j) for i, r in enumerate(relevance) for j, other in enumerate(relevance) if r > other]


@lru_cache(maxsize=1 << 17)
def cost_with_digits(difference: mpf, precision: int) -> mpf:
    return log1p(exp(-difference))


def cost_of_pair(difference: mpf) -> mpf:
    """The logistic loss of a pair, kept: of all pairs of a group, a derivative by one score changes those of this score."""
    return cost_with_digits(difference, mp.prec)


def falling(x: list[mpf]) -> list[int]:
    """Places in the order of falling numbers, ties as they come."""
    return sorted(range(len(x)), key=lambda i: -x[i])


def list_net(r: list[mpf], s: list[mpf], temperature: float) -> mpf:
    x = [t / mpf(temperature) for t in s]
    top = max(x)
    total = log(sum(exp(t - top) for t in x)) + top
    return sum(q * (total - t) for q, t in zip(softmax(r), x, strict=True))


def choices(r: list[mpf], s: list[mpf]) -> list[dict[int, mpf]]:
    """The probabilities of the items that are left at each place of the order by relevance."""
    order = falling(r)
    powers = [exp(t) for t in s]
    sums = list(accumulate(powers[i] for i in reversed(order)))[::-1]
    return [{j: powers[j] / total for j in order[i:]} for i, total in enumerate(sums)]


def list_mle(r: list[mpf], s: list[mpf]) -> mpf:
    order = falling(r)
    sums = list(accumulate(exp(s[i]) for i in reversed(order)))[::-1]
    return sum((log(total) - s[i] for i, total in zip(order, sums, strict=True)), mpf(0))


def ndcg_changes(r: list[mpf], s: list[mpf], k: int | None, gain: str) -> tuple[mpf, dict[tuple[int, int], mpf]]:
    """1 - NDCG, and how much NDCG changes when the items of a pair change places, the more relevant one first."""
    gains = [2**t - 1 if gain == "exp2" else t for t in r]
    ranks = {i: rank for rank, i in enumerate(falling(s))}
    discounts = [1 / log(mpf(2 + rank)) for rank in range(len(s))]
    top = len(s) if k is None else min(k, len(s))
    ideal = sum(gains[i] * d for i, d in zip(falling(gains)[:top], discounts, strict=False))
    if not ideal:
        return mpf(0), {}
    found = sum(gains[i] * discounts[rank] for i, rank in ranks.items() if rank < top)
    change = {
        (i, j): (gains[i] - gains[j]) * fabs(discounts[ranks[i]] - discounts[ranks[j]]) / ideal
        for i, j in pairs_of(r, s)
        if min(ranks[i], ranks[j]) < top
    }
    return (ideal - found) / ideal, change


def lambdas_held(r: list[mpf], s: list[mpf], sigma: float, k: int | None, gain: str) -> Formula:
    _, change = ndcg_changes(r, s, k, gain)
    return lambda r, s, sigma, **_: mpf(sum(d * cost_of_pair(mpf(sigma) * (s[i] - s[j])) for (i, j), d in change.items()))


def lambda_term(r: list[mpf], s: list[mpf], by: str, at: int, sigma: float, k: int | None, gain: str) -> mpf:
    _, change = ndcg_changes(r, s, k, gain)
    slopes = (d * mpf(sigma) * sigmoid(mpf(sigma) * (s[j] - s[i])) for (i, j), d in change.items() if at in (i, j))
    return max(slopes, default=mpf(0))


REFERENCES |= {
    "dice": Reference(
        dice,
        terms=(dice_term, dice_gradient_term, None),
        data="masks",
        instances=tuple(
            {"from_logits": form, **given} for form in (False, True) for given in ({}, {"smooth": 0.0}, {"squared": True})
        ),
    ),
    "jaccard": Reference(
        lambda *masks, **how: tversky(*masks, alpha=1.0, beta=1.0, **how),
        terms=(None, lambda *masks, **how: tversky_gradient_term(*masks, alpha=1.0, beta=1.0, **how), None),
        data="masks",
        instances=tuple({"from_logits": form, **given} for form in (False, True) for given in ({}, {"smooth": 0.0})),
    ),
    "tversky": Reference(
        tversky,
        terms=(None, tversky_gradient_term, None),
        data="masks",
        instances=tuple(
            {"from_logits": form, **given}
            for form in (False, True)
            for given in ({}, {"alpha": 0.3, "beta": 0.7, "smooth": 0.0})
        ),
    ),
    "focal_tversky": Reference(
        tversky,
        terms=(None, tversky_gradient_term, None),
        data="masks",
        instances=tuple(
            {"from_logits": form, **given}
            for form in (False, True)
            for given in ({}, {"gamma": 2.0}, {"gamma": 1.0, "smooth": 0.0})
        ),
    ),
    "lovasz": Reference(lovasz, data="pixels", instances=({}, {"from_logits": False})),
    "lovasz_softmax": Reference(
        lovasz_softmax,
        terms=(None, lovasz_softmax_gradient_term, None),
        data="class_masks",
        instances=tuple({"from_logits": a, "present_only": b} for a in (True, False) for b in (True, False)),
    ),
    "box_iou": Reference(
        box_loss,
        terms=(None, box_gradient_term, None),
        data="boxes",
        instances=tuple({"kind": kind} for kind in ("iou", "giou", "diou", "ciou")),
        # the centres' part of a gradient has the largest denominators
        promised=lambda kind: (4, {"diou": 6, "ciou": 8}.get(kind, 4), 6),
    ),
    "triplet_margin": Reference(
        triplet,
        terms=(lambda *vectors, margin, **how: largest(*distances(*vectors, **how), margin), triplet_gradient_term, None),
        data="vectors",
        instances=tuple(
            {"p": p, "swap": swap, **given}
            for p in (2.0, 1.0, 3.5)
            for swap in (False, True)
            for given in ({}, {"squared": True, "margin": 0.1})
        ),
    ),
    "margin_ranking": Reference(
        lambda a, b, margin: max(mpf(0), mpf(margin) - (a - b)), instances=({}, {"margin": 0.1}, {"margin": -3.7})
    ),
    "pairwise_logistic": Reference(
        lambda a, b, sigma: log1p(exp(-mpf(sigma) * (a - b))), instances=({}, {"sigma": 0.3}, {"sigma": 37.3})
    ),
    "cosine_similarity": Reference(
        lambda a, b: 1 - cosine(a, b),
        terms=(None, cosine_gradient_term, None),
        data="vectors",
    ),
    "cosine_embedding": Reference(
        lambda a, b, target, margin: 1 - cosine(a, b) if target > 0 else max(mpf(0), cosine(a, b) - mpf(margin)),
        terms=(
            # 1 - c has all its digits; so has a cosine whose terms do not cancel
            lambda a, b, target, margin: None if target > 0 else largest(absolute_cosine(a, b), margin),
            cosine_gradient_term,
            None,
        ),
        data="vectors",
        instances=({}, {"margin": 0.5}),
    ),
    "contrastive": Reference(
        contrastive,
        terms=(
            lambda a, b, similar, margin: (
                None if similar else max(mpf(0), mpf(margin) - distance(a, b, 2.0)) * max(mpf(margin), distance(a, b, 2.0))
            ),
            contrastive_gradient_term,
            None,
        ),
        data="vectors",
        instances=({}, {"margin": 30.0}),
    ),
    "gradient_penalty": Reference(
        gradient_penalty,
        terms=(gradient_penalty_term, gradient_penalty_gradient_term, None),
        data="gradients",
        instances=({}, {"one_sided": True}, {"target": 0.0, "weight": 0.3}, {"target": 37.0, "weight": 1.0}),
    ),
    "rank_net": Reference(
        lambda r, s, sigma: mpf(sum(cost_of_pair(mpf(sigma) * (s[i] - s[j])) for i, j in pairs_of(r, s))),
        terms=(
            None,
            lambda r, s, by, at, sigma: max(
                (mpf(sigma) * sigmoid(mpf(sigma) * (s[j] - s[i])) for i, j in pairs_of(r, s) if at in (i, j)), default=mpf(0)
            ),
            None,
        ),
        data="groups",
        instances=({}, {"sigma": 0.3}),
    ),
    "list_net": Reference(
        list_net,
        terms=(
            None,
            lambda r, s, by, at, temperature: (
                max(softmax(r)[at], softmax([t / mpf(temperature) for t in s])[at]) / mpf(temperature)
            ),
            None,
        ),
        data="groups",
        instances=({}, {"temperature": 0.3}),
    ),
    "list_mle": Reference(
        list_mle,
        terms=(
            None,
            lambda r, s, by, at: max(mpf(1), sum(p[at] for p in choices(r, s) if at in p)),
            lambda r, s, by, at: sum(p[at] for p in choices(r, s) if at in p),
        ),
        data="groups",
    ),
    "lambda_rank": Reference(
        lambda r, s, sigma, k, gain: ndcg_changes(r, s, k, gain)[0],
        terms=(lambda r, s, **_: mpf(1), lambda_term, None),
        held=lambdas_held,
        data="groups",
        instances=({}, {"sigma": 0.3, "k": 5}, {"k": 1, "gain": "linear"}),
    ),
}


# ---- rows against the rows of another matrix: the losses of all rows --------------------------------------------


def dot(x: list[mpf], y: list[mpf]) -> mpf:
    return sum(a * b for a, b in zip(x, y, strict=True))


def sizes(x: list[mpf]) -> list[mpf]:
    return [fabs(number) for number in x]


def shares_of_class(label: int, classes: int, smoothing: float) -> list[mpf]:
    s = mpf(smoothing)
    return [(1 - s) * (k == label) + s / classes for k in range(classes)]


def cost(scores: list[mpf], shares: list[mpf]) -> mpf:
    """Cross-entropy of scores; some may be minus infinity."""
    top = max(scores)
    total = log(sum(exp(z - top) for z in scores)) + top
    return sum(y * (total - z) for y, z in zip(shares, scores, strict=True) if y)


def linear_scores(x: list[list[mpf]], weight: list[list[mpf]], bias: list[mpf]) -> list[list[mpf]]:
    return [[dot(row, w) + b for w, b in zip(weight, bias, strict=True)] for row in x]


def linear_cross_entropy(y: list[int], *layer: Any, label_smoothing: float, ignore_index: int | None) -> list[mpf]:
    return [
        mpf(0) if label == ignore_index else cost(z, shares_of_class(label, len(z), label_smoothing))
        for label, z in zip(y, linear_scores(*layer), strict=True)
    ]


def linear_sizes(x: list[list[mpf]], weight: list[list[mpf]], bias: list[mpf]) -> list[mpf]:
    """The largest sum of magnitudes among those of a row's scores."""
    return [max(map(max, linear_scores([sizes(row)], [sizes(w) for w in weight], sizes(bias)))) for row in x]


def linear_gradient_term(
    y: list[int], x: Any, weight: Any, bias: Any, by: str, at: tuple[int, ...], label_smoothing: float, ignore_index: int | None
) -> mpf:
    """The sum of the magnitudes of the terms, of derivatives by scores that err by one part of their size."""
    terms = mpf(0)
    for i, (label, z, size) in enumerate(zip(y, linear_scores(x, weight, bias), linear_sizes(x, weight, bias), strict=True)):
        if label == ignore_index or (by == "x" and i != at[0]):
            continue
        shares = shares_of_class(label, len(z), label_smoothing)
        for k, (p, share) in enumerate(zip(softmax(z), shares, strict=True)):
            if by == "x" or k == at[0]:
                other = weight[k][at[1]] if by == "x" else x[i][at[1]] if by == "weight" else 1
                terms += (p + share) * fabs(other) * (1 + size)
    return terms


def unit_vector(x: list[mpf]) -> list[mpf]:
    length = sqrt(dot(x, x))
    return [number / length if length else mpf(0) for number in x]


def cosine_scores(rows: list[list[mpf]], keys: list[list[mpf]], temperature: float, alone: bool) -> list[list[mpf]]:
    """Those of all pairs; ``alone``: no row is a key of its own."""
    u, v = ([unit_vector(x) for x in vectors] for vectors in (rows, keys))
    return [
        [-mpf("inf") if alone and i == k else dot(a, b) / mpf(temperature) for k, b in enumerate(v)] for i, a in enumerate(u)
    ]


def contrasts(name: str, *inputs: Any) -> tuple[list[Any], list[Any], list[list[mpf]]]:
    """Rows, keys, and the share that each key has of each row."""
    if name == "info_nce":
        rows, keys = inputs
        return rows, keys, [[mpf(i == k) for k in range(len(keys))] for i in range(len(rows))]
    if name == "nt_xent":
        rows, n = inputs[0] + inputs[1], len(inputs[0])
        return rows, rows, [[mpf((i + n) % (2 * n) == k) for k in range(2 * n)] for i in range(2 * n)]
    rows, labels = inputs
    same = [[i != k and label == other for k, other in enumerate(labels)] for i, label in enumerate(labels)]
    return rows, rows, [[mpf(yes) / max(sum(row), 1) for yes in row] for row in same]


def contrasts_of(name: str) -> Formula:
    def value(*inputs: Any, temperature: float) -> list[mpf]:
        rows, keys, shares = contrasts(name, *inputs)
        scores = cosine_scores(rows, keys, temperature, name != "info_nce")
        values = [cost(z, y) if any(y) else mpf(0) for z, y in zip(scores, shares, strict=True)]
        n = len(inputs[0])
        return [(values[i] + values[i + n]) / 2 for i in range(n)] if name == "nt_xent" else values

    return value


def contrasts_gradient_term(name: str) -> Formula:
    def term(*inputs: Any, by: str, at: tuple[int, ...], temperature: float) -> mpf:
        """The sum of the magnitudes of what is made of the derivatives by scores, which err by one part of 2 / T."""
        rows, keys, shares = contrasts(name, *inputs)
        scores = cosine_scores(rows, keys, temperature, name != "info_nce")
        weights = [
            [p + y for p, y in zip(softmax(z), row, strict=True)] if any(row) else [mpf(0)] * len(row)
            for z, row in zip(scores, shares, strict=True)
        ]
        i = at[0] + (len(inputs[0]) if by == "z_j" else 0)
        own = (keys if by == "key" else rows)[i]
        forward = zip(weights[i], keys, strict=True) if by != "key" else ()
        backward = zip((row[i] for row in weights), rows, strict=True) if by != "query" else ()
        size = [mpf(0)] * len(own)
        for weight, other in (*forward, *backward):
            size = [s + weight * fabs(x) for s, x in zip(size, unit_vector(other), strict=True)]
        along = dot(size, sizes(unit_vector(own))) * fabs(unit_vector(own)[at[1]])
        halved = 2 if name == "nt_xent" else 1
        return (size[at[1]] + along) / sqrt(dot(own, own)) / mpf(temperature) * (1 + 2 / mpf(temperature)) / halved

    return term


REFERENCES |= {
    name: Reference(
        contrasts_of(name),
        terms=(lambda *inputs, temperature: [1 / mpf(temperature)] * len(inputs[0]), contrasts_gradient_term(name), None),
        data="tiles",
        instances=({}, {"temperature": 1.5}),
    )
    for name in ("info_nce", "nt_xent", "supervised_contrastive")
}
REFERENCES |= {
    "linear_cross_entropy": Reference(
        linear_cross_entropy,
        terms=(lambda y, *layer, **how: linear_sizes(*layer), linear_gradient_term, None),
        data="tiles",
        instances=({}, {"label_smoothing": 0.1}, {"ignore_index": 1}),
    ),
}


# ---- sequences: frames, and the target of one ---------------------------------------------------------------------


def spelled(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What is left of a path when repetitions are merged and then blanks dropped."""
    return tuple(k for k, _ in groupby(path) if k != blank)


def paths(frames: list[list[mpf]], target: list[int], blank: int, from_logits: bool) -> list[tuple[tuple[int, ...], mpf]]:
    """All paths that spell the target, with their probabilities."""
    p = [softmax(row) if from_logits else list(map(exp, row)) for row in frames]
    found = [path for path in product(*(range(len(row)) for row in p)) if spelled(path, blank) == tuple(target)]
    return [(path, fprod(row[k] for row, k in zip(p, path, strict=True))) for path in found]


def ctc(frames: Any, target: list[int], blank: int, from_logits: bool, **_: Any) -> mpf:
    return -log(sum(probability for _, probability in paths(frames, target, blank, from_logits)))


def ctc_gradient_term(frames: Any, target: list[int], at: tuple[int, int], blank: int, from_logits: bool, **_: Any) -> mpf:
    """The larger of a probability and of the share of the paths that are there."""
    found = paths(frames, target, blank, from_logits)
    share = sum(p for path, p in found if path[at[0]] == at[1]) / sum(p for _, p in found)
    return largest(share, softmax(frames[at[0]])[at[1]] if from_logits else 0)


REFERENCES |= {
    "ctc": Reference(
        ctc,
        terms=(None, ctc_gradient_term, None),
        data="sequences",
        instances=({}, {"from_logits": True}, {"blank": 2, "from_logits": True, "infeasible": "zero", "batch_first": True}),
        # shares are made of some operations for each frame, and those that are tried have few
        promised=lambda **_: (4.0, 20.0, 6.0),
    ),
}
