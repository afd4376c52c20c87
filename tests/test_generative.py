"""Losses of generative models against formulas written out, at the edges, and with any number of threads."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath import exp, log, log1p, mp, mpf, sqrt

import fastloss as fl

RNG = np.random.default_rng(0)
DISCRIMINATORS: dict[str, Callable[..., Any]] = {
    "minimax": lambda r, f: -log(1 / (1 + exp(-r))) - log1p(-1 / (1 + exp(-f))),
    "wasserstein": lambda r, f: f - r,
    "hinge": lambda r, f: max(mpf(0), 1 - r) + max(mpf(0), 1 + f),
    "least_squares": lambda r, f: ((r - 1) ** 2 + f**2) / 2,
}
GENERATORS: dict[str, Callable[..., Any]] = {
    "non_saturating": lambda f: -log(1 / (1 + exp(-f))),
    "minimax": lambda f: log1p(-1 / (1 + exp(-f))),
    "wasserstein": lambda f: -f,
    "hinge": lambda f: -f,
    "least_squares": lambda f: (f - 1) ** 2 / 2,
}
LOSSES = [(fl.GANDiscriminator(kind), f) for kind, f in DISCRIMINATORS.items()]
LOSSES += [(fl.GANGenerator(kind), f) for kind, f in GENERATORS.items()]


def as_tuple(found: Any) -> tuple[np.ndarray, ...]:
    return found if isinstance(found, tuple) else (found,)


def exactly(numbers: Any) -> Fraction:
    return sum(map(Fraction, np.asarray(numbers, np.float64).ravel().tolist()), Fraction(0))


# ---- adversarial networks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "formula"), LOSSES, ids=lambda item: repr(item) if isinstance(item, fl.Loss) else "")
def test_adversarial_losses_are_their_formulas(loss: fl.Loss, formula: Callable[..., Any]) -> None:
    """Mean, sum, and derivatives of both, of ordinary scores."""
    scores = [RNG.normal(0, 2, 7) for _ in loss.inputs]
    with mp.workdps(60):
        x = [list(map(mpf, array.tolist())) for array in scores]
        losses = [formula(*sample) for sample in zip(*x, strict=True)]
        assert loss(*scores) == pytest.approx(float(sum(losses) / 7), rel=1e-14)
        assert loss(*scores, reduction="sum") == pytest.approx(float(sum(losses)), rel=1e-14)
        gradients, hessians = map(as_tuple, loss.gradient_and_hessian(*scores))
        for k in range(len(x)):
            for i in range(7):
                sample = [array[i] for array in x]
                h = mpf(10) ** -20
                low, middle, high = (formula(*sample[:k], sample[k] + step, *sample[k + 1 :]) for step in (-h, 0, h))
                assert gradients[k][i] == pytest.approx(float((high - low) / (2 * h) / 7), rel=1e-14, abs=1e-300)
                assert hessians[k][i] == pytest.approx(float((high - 2 * middle + low) / h**2 / 7), rel=1e-14, abs=1e-15)


def test_sure_scores() -> None:
    """Neither a loss nor a gradient saturates, down to where they vanish."""
    sure = np.array([1e4, 40.0, -40.0, -1e4])
    minimax = fl.gan_discriminator(sure, -sure, reduction="none")
    np.testing.assert_allclose(minimax, [0, 2 * math.exp(-40), 80 + 2 * math.exp(-40), 2e4], rtol=1e-15)
    np.testing.assert_allclose(fl.gan_generator(sure, reduction="none"), minimax / 2, rtol=1e-15)
    saturating = fl.GANGenerator("minimax")
    np.testing.assert_allclose(saturating(sure, reduction="none"), [-1e4, -40, -math.exp(-40), 0], rtol=1e-15)
    np.testing.assert_allclose(saturating.gradient(sure, reduction="none"), [-1, -1, -math.exp(-40), 0], rtol=1e-15)
    np.testing.assert_allclose(fl.gan_generator.gradient(sure, reduction="none"), [0, -math.exp(-40), -1, -1], rtol=1e-15)
    gradients = fl.gan_discriminator.gradient(sure, -sure, reduction="none")
    np.testing.assert_allclose(gradients[0], [0, -math.exp(-40), -1, -1], rtol=1e-15)
    np.testing.assert_array_equal(gradients[1], -gradients[0])


@pytest.mark.parametrize(("loss", "formula"), LOSSES, ids=lambda item: repr(item) if isinstance(item, fl.Loss) else "")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinite_scores(loss: fl.Loss, formula: Any, dtype: Any) -> None:
    """What is infinite is the loss, where its limit is; NaN is seen."""
    ends = np.array([np.inf, -np.inf, np.nan, 0.0], dtype)
    others = np.zeros_like(ends)
    inputs = (ends, others) if len(loss.inputs) == 2 else (ends,)
    limits = {
        "GANDiscriminator(kind='minimax')": [math.log(2), np.inf],
        "GANDiscriminator(kind='wasserstein')": [-np.inf, np.inf],
        "GANDiscriminator(kind='hinge')": [1.0, np.inf],
        "GANDiscriminator(kind='least_squares')": [np.inf, np.inf],
        "GANGenerator(kind='non_saturating')": [0.0, np.inf],
        "GANGenerator(kind='minimax')": [-np.inf, 0.0],
        "GANGenerator(kind='wasserstein')": [-np.inf, np.inf],
        "GANGenerator(kind='hinge')": [-np.inf, np.inf],
        "GANGenerator(kind='least_squares')": [np.inf, np.inf],
    }
    values = loss(*inputs, reduction="none")
    np.testing.assert_allclose(values[:2], limits[repr(loss)], rtol=1e-6)
    assert np.isnan(values[2])
    assert loss(*(array[:1] for array in inputs), reduction="sum") == values[0]
    for array in (g for kind in loss.gradient_and_hessian(*inputs, reduction="none") for g in as_tuple(kind)[:1]):
        assert np.isnan(array[2])
        assert not np.isnan(array[[0, 1, 3]]).any()


def test_the_mean_of_wasserstein_is_that_of_exact_sums() -> None:
    """However much the scores of a pair, or of all pairs, cancel."""
    loss = fl.GANDiscriminator("wasserstein")
    assert loss([1e16, 0.0], [1.0, 1e16], reduction="none").sum() == 0.0
    assert loss([1e16, 0.0], [1.0, 1e16], reduction="sum") == 1.0
    for dtype in (np.float32, np.float64):
        for spread in (0, 10, 30):
            real, fake = (np.ldexp(RNG.standard_normal(1001), RNG.integers(-spread, spread + 1, 1001)) for _ in range(2))
            # the sums nearly cancel
            fake[-1] += real.sum() - fake.sum()
            real, fake = real.astype(dtype), fake.astype(dtype)
            exact = exactly(fake) - exactly(real)
            assert loss(real, fake, reduction="sum") == float(exact)
            assert loss(real, fake) == float(exact) / 1001
            assert loss.value_and_gradient(real, fake)[0] == float(exact) / 1001
            assert fl.Evaluation({"w": loss}).update(real[:7], fake[:7]).update(real[7:], fake[7:]).result() == {
                "w": float(exact) / 1001
            }
            copies = real.copy(), fake.copy()
            value, _ = loss.value_and_gradient(*copies, out=copies)
            assert value == float(exact) / 1001
            np.testing.assert_array_equal(copies[0], np.full(1001, -1 / 1001, dtype))


def test_wasserstein_of_infinite_and_weighted_scores() -> None:
    loss = fl.GANDiscriminator("wasserstein")
    assert loss([0.0, 1.0], [np.inf, 0.0]) == np.inf
    assert math.isnan(loss([np.inf], [np.inf]))
    weights = [1.0, 0.0, 3.0]
    assert loss([1e16, np.nan, 0.0], [1.0, 0.0, 1e16 / 4], sample_weight=weights, reduction="sum") == 1.0 - 1e16 / 4
    assert loss([2.0, np.inf, 0.0], [1.0, 0.0, 1.0], sample_weight=weights) == 0.5
    huge = np.finfo(np.float64).max
    assert loss([-huge], [huge], reduction="sum") == np.inf


@pytest.mark.parametrize("loss", [loss for loss, _ in LOSSES] + [fl.gradient_penalty], ids=repr)
def test_no_scores_and_no_weights(loss: fl.Loss) -> None:
    none = (np.empty((0, 3)),) * len(loss.inputs)
    assert loss(*none, reduction="sum") == 0.0
    assert loss(*none, reduction="none").size == 0
    with pytest.raises(ValueError, match="mean"):
        loss(*none)
    some = (np.ones((2, 3)),) * len(loss.inputs)
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        loss(*some, sample_weight=[0.0, 0.0])
    assert loss(*some, sample_weight=[0.0, 0.0], reduction="sum") == 0.0


def test_what_is_wrong_with_scores() -> None:
    with pytest.raises(ValueError, match=r"real_scores and fake_scores must have the same shape; got \(2,\) and \(3,\)"):
        fl.gan_discriminator([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="GANGenerator takes the inputs fake_scores; got 2 positional ones"):
        fl.gan_generator([1.0], [2.0])
    with pytest.raises(TypeError, match="fake_scores missing"):
        fl.gan_discriminator([1.0])
    message = 'GANDiscriminator: kind must be "minimax", "wasserstein", "hinge" or "least_squares"; got \'ns\'.'
    with pytest.raises(ValueError, match=re.escape(message)):
        fl.GANDiscriminator("ns")
    with pytest.raises(ValueError, match='kind must be "non_saturating", "minimax"'):
        fl.GANGenerator(kind=None)


# ---- penalty on gradients ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("shape", [(5, 3), (4, 2, 5, 7), (2, 70, 80), (3,)])
def test_the_penalty_is_its_formula(shape: tuple[int, ...], one_sided: bool) -> None:
    """Of short gradients, which lie on sheets, and of long ones, which come in parts."""
    loss = fl.GradientPenalty(target=0.9, weight=3.0, one_sided=one_sided)
    g = RNG.standard_normal(shape)
    rows = g.reshape(shape[0], -1) if len(shape) > 1 else g[None]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) / RNG.uniform(0.5, 1.5, (len(rows), 1))
    values = np.ravel(loss(g, reduction="none"))
    gradients = loss.gradient(g, reduction="none").reshape(rows.shape)
    with mp.workdps(50):
        for row, value, gradient in zip(rows.tolist(), values, gradients, strict=True):
            norm = sqrt(sum(mpf(x) ** 2 for x in row))
            over = max(mpf(0), norm - mpf(0.9)) if one_sided else norm - mpf(0.9)
            assert value == pytest.approx(float(3 * over**2), rel=1e-12)
            np.testing.assert_allclose(gradient, [float(6 * over * x / norm) for x in row], rtol=1e-12)
    assert loss(g) == math.fsum(values) / len(values)


@pytest.mark.parametrize("width", [4, 5000])
@pytest.mark.parametrize(("dtype", "sizes"), [(np.float32, (1e-44, 1e-20, 1e25)), (np.float64, (5e-324, 1e-200, 1e250))])
def test_norms_of_any_size(width: int, dtype: Any, sizes: tuple[float, ...]) -> None:
    """Squares over- and underflow where the norm is a number."""
    for size in sizes:
        g = np.full((3, width), size, dtype)
        g[1, : width // 2] = 0
        norms = np.sqrt((g.astype(np.longdouble) ** 2).sum(axis=1))
        expected = 10 * (norms - 1) ** 2
        with np.errstate(over="ignore"):
            expected = expected.astype(dtype)
        np.testing.assert_allclose(fl.gradient_penalty(g, reduction="none"), expected, rtol=4 * np.finfo(dtype).eps)
        gradients = 20 * (norms - 1)[:, None] * (g / norms[:, None])
        found = fl.gradient_penalty.gradient(g, reduction="none")
        np.testing.assert_allclose(found, gradients.astype(dtype), rtol=6 * np.finfo(dtype).eps)


@pytest.mark.parametrize("width", [3, 5000])
def test_gradients_without_a_direction(width: int) -> None:
    g = np.zeros((4, width))
    g[1, -1] = np.nan
    g[2, -1] = np.inf
    g[3, -1] = 1.0
    np.testing.assert_array_equal(fl.gradient_penalty(g, reduction="none"), [10.0, np.nan, np.inf, 0.0])
    found = fl.gradient_penalty.gradient(g, reduction="none")
    np.testing.assert_array_equal(found[0], 0)
    assert np.isnan(found[1]).all()
    assert found[2, -1] == np.inf
    np.testing.assert_array_equal(found[3], 0)
    weights = np.array([1.0, 0.0, 0.0, 1.0])
    assert fl.gradient_penalty(g, sample_weight=weights) == 5.0
    np.testing.assert_array_equal(fl.gradient_penalty.gradient(g, sample_weight=weights), 0)


def test_no_hessian_of_a_penalty() -> None:
    with pytest.raises(fl.NotDifferentiableError, match="GradientPenalty has no Hessian"):
        fl.gradient_penalty.gradient_and_hessian([[1.0]])
    with pytest.raises(ValueError, match="target must be >= 0; got -1"):
        fl.GradientPenalty(target=-1)
    with pytest.raises(ValueError, match="one_sided must be True or False"):
        fl.GradientPenalty(one_sided=1)


def test_threads_change_no_bit() -> None:
    scores = RNG.standard_normal((2, 300_000)).astype(np.float32)
    gradients = RNG.standard_normal((70, 5000)).astype(np.float32)
    for loss, inputs in [*((loss, scores[: len(loss.inputs)]) for loss, _ in LOSSES), (fl.gradient_penalty, (gradients,))]:
        found = []
        for threads in (1, 2):
            with fl.num_threads(threads):
                value, derivatives = loss.value_and_gradient(*inputs)
                found.append([value, *as_tuple(derivatives)])
        for one, two in zip(*found, strict=True):
            np.testing.assert_array_equal(one, two)
