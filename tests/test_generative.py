"""Losses of generative models against formulas written out, at the edges, and with any number of threads."""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import using_isa
from mpmath import exp, log, log1p, mp, mpf, sqrt

import fastloss as fl
from fastloss import _core

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


# ---- variational autoencoder ------------------------------------------------------------------------------------

RECONSTRUCTIONS: list[tuple[fl.Loss, Callable[..., Any]]] = [
    (fl.SquaredError(), lambda x, y: (y - x) ** 2),
    (fl.AbsoluteError(), lambda x, y: abs(y - x)),
    (fl.BinaryCrossEntropy(), lambda x, y: -x * log(y) - (1 - x) * log(1 - y)),
    (fl.BinaryCrossEntropy(from_logits=True), lambda x, y: x * log1p(exp(-y)) + (1 - x) * log1p(exp(y))),
]


def vae_inputs(shape: tuple[int, ...] = (5, 7), code: tuple[int, ...] = (5, 3), dtype: Any = np.float64) -> list[np.ndarray]:
    rng = np.random.default_rng(sum(shape))
    made = [rng.uniform(0.01, 0.99, shape), rng.uniform(0.01, 0.99, shape), rng.normal(0, 1, code), rng.normal(0, 1, code)]
    return [array.astype(dtype) for array in made]


def vae_of_sample(loss: fl.VAE, formula: Callable[..., Any], x: Any, y: Any, mean: Any, log_var: Any) -> tuple[mpf, mpf]:
    own = sum((formula(a, b) for a, b in zip(x, y, strict=True)), mpf(0))
    return own, -sum((1 + s - m**2 - exp(s) for m, s in zip(mean, log_var, strict=True)), mpf(0)) / 2


@pytest.mark.parametrize(("reconstruction", "formula"), RECONSTRUCTIONS, ids=["squared", "absolute", "entropy", "logits"])
@pytest.mark.parametrize("beta", [1.0, 0.3, 0.0])
def test_vae_is_its_formula(reconstruction: fl.Loss, formula: Callable[..., Any], beta: float) -> None:
    """Values, parts, and derivatives by all inputs, weighted and not."""
    loss, inputs = fl.VAE(beta=beta, reconstruction=reconstruction), vae_inputs()
    weights = np.array([0.5, 0.0, 2.0, 1.0, 3.0])
    with mp.workdps(50):
        x = [[list(map(mpf, row)) for row in array.tolist()] for array in inputs]
        terms = [vae_of_sample(loss, formula, *(array[i] for array in x)) for i in range(5)]
        losses = [own + mpf(beta) * divergence for own, divergence in terms]
        np.testing.assert_allclose(loss(*inputs, reduction="none"), list(map(float, losses)), rtol=1e-14)
        assert loss(*inputs) == pytest.approx(float(sum(losses) / 5), rel=1e-14)
        weighted = sum(mpf(w) * value for w, value in zip(weights.tolist(), losses, strict=True))
        assert loss(*inputs, sample_weight=weights, reduction="sum") == pytest.approx(float(weighted), rel=1e-14)
        assert loss(*inputs, sample_weight=weights) == pytest.approx(float(weighted / mpf(6.5)), rel=1e-14)
        own, divergence = loss.parts(*inputs, sample_weight=weights)
        parts = [sum(mpf(w) * term[k] for w, term in zip(weights.tolist(), terms, strict=True)) / mpf(6.5) for k in (0, 1)]
        assert (own, divergence) == pytest.approx(tuple(map(float, parts)), rel=1e-14)

        gradients, hessians = loss.gradient_and_hessian(*inputs, sample_weight=weights)
        value, same = loss.value_and_gradient(*inputs, sample_weight=weights)
        assert value == loss(*inputs, sample_weight=weights)
        h = mpf(10) ** -15
        for k, (gradient, hessian) in enumerate(zip(gradients, hessians, strict=True), 1):
            np.testing.assert_array_equal(gradient, same[k - 1])
            for i in range(5):
                for j in (0, inputs[k].shape[1] - 1):

                    def moved(step: mpf, k: int = k, i: int = i, j: int = j) -> mpf:
                        sample = [list(array[i]) for array in x]
                        sample[k][j] += step
                        own, divergence = vae_of_sample(loss, formula, *sample)
                        return (own + mpf(beta) * divergence) * mpf(weights[i]) / mpf(6.5)

                    low, middle, high = map(moved, (-h, mpf(0), h))
                    assert gradient[i, j] == pytest.approx(float((high - low) / (2 * h)), rel=1e-12, abs=1e-15)
                    assert hessian[i, j] == pytest.approx(float((high - 2 * middle + low) / h**2), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "code"), [((6, 10), (6, 2)), ((3, 8, 9, 20), (3, 2, 4)), ((1, 5000), (1, 70)), ((9,), (4,))])
def test_samples_of_a_vae_are_summed_exactly(shape: tuple[int, ...], code: tuple[int, ...], dtype: Any) -> None:
    loss = fl.VAE(reconstruction=fl.AbsoluteError(), beta=0.7)
    inputs = vae_inputs(shape, code, dtype)
    n = shape[0] if len(shape) > 1 else 1
    own, divergence = loss.parts(*inputs, reduction="none")
    of_numbers = fl.absolute_error(*inputs[:2], reduction="none").reshape(n, -1)
    np.testing.assert_array_equal(np.ravel(own), np.array([math.fsum(row) for row in of_numbers.tolist()]).astype(dtype))
    rows = [array.reshape(n, -1) for array in inputs[2:]]
    np.testing.assert_array_equal(np.ravel(divergence), fl.gaussian_kl(*rows, reduction="none"))
    losses = loss(*inputs, reduction="none")
    assert losses.dtype == dtype
    assert np.shape(losses) == shape[:1] * (len(shape) > 1)
    assert loss(*inputs, reduction="sum") == math.fsum(np.ravel(losses))
    assert loss(*inputs) == math.fsum(np.ravel(losses)) / n
    for gradient, array in zip(loss.gradient(*inputs), inputs[1:], strict=True):
        assert (gradient.shape, gradient.dtype) == (array.shape, dtype)
    # cancellation, layout and threads change nothing
    turned = [np.asfortranarray(array) for array in inputs]
    assert loss(*turned) == loss(*inputs)
    many = [np.concatenate([array] * 40) if len(shape) > 1 else np.tile(array, 400) for array in inputs]
    found = []
    for threads in (1, 2):
        with fl.num_threads(threads):
            value, gradients = loss.value_and_gradient(*many)
            found.append([value, *gradients])
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


def test_out_of_a_vae() -> None:
    loss, inputs = fl.VAE(beta=2.0), vae_inputs((5, 3))
    expected = loss.gradient(*inputs)
    out = tuple(np.empty((5, 3), np.float32) for _ in range(3))
    found = loss.gradient(*inputs, out=out)
    for array, wanted, given in zip(out, expected, found, strict=True):
        assert given is array
        np.testing.assert_array_equal(array, wanted.astype(np.float32))
    # in place, even where one term is written over what the other one reads
    for order in ((1, 2, 3), (2, 1, 3), (3, 2, 1)):
        copies = [array.copy() for array in inputs]
        value, _ = loss.value_and_gradient(*copies, out=tuple(copies[k] for k in order))
        assert value == loss(*inputs)
        for k, wanted in zip(order, expected, strict=True):
            np.testing.assert_array_equal(copies[k], wanted)
    losses = np.empty(5)
    assert loss(*inputs, reduction="none", out=losses) is losses
    np.testing.assert_array_equal(losses, loss(*inputs, reduction="none"))
    with pytest.raises(ValueError, match="out must hold 3 arrays"):
        loss.gradient(*inputs, out=np.empty((5, 3)))


def test_what_weighs_nothing_in_a_vae() -> None:
    loss, inputs = fl.VAE(reconstruction=fl.BinaryCrossEntropy()), vae_inputs()
    expected = loss([*inputs[0][:4]], [*inputs[1][:4]], *(array[:4] for array in inputs[2:]))
    weights = [1.0, 1.0, 1.0, 1.0, 0.0]
    inputs[1][4], inputs[2][4] = 7.0, np.nan
    assert loss(*inputs, sample_weight=weights) == expected
    value, gradients = loss.value_and_gradient(*inputs, sample_weight=weights)
    assert value == expected
    for gradient in gradients:
        np.testing.assert_array_equal(gradient[4], 0.0)
    with pytest.raises(fl.InputError, match=r"x_reconstructed must lie in \[0, 1\].*; got 7.0 at index \(4, 0\)"):
        loss(*inputs)
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        loss.gradient(*inputs, sample_weight=np.zeros(5))
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        loss(*inputs, sample_weight=np.zeros(5))
    with pytest.raises(ValueError, match="sample_weight must be"):
        loss(*inputs, sample_weight=[1, 1, -1, 1, 0])
    inputs = vae_inputs()
    inputs[3][2] = np.nan
    losses = loss(*inputs, reduction="none")
    assert np.isnan(losses[2])
    assert np.isfinite(np.delete(losses, 2)).all()
    assert math.isnan(loss(*inputs))


def test_no_samples_of_a_vae() -> None:
    none = [np.empty((0, 4)), np.empty((0, 4)), np.empty((0, 2)), np.empty((0, 2))]
    assert fl.vae(*none, reduction="sum") == 0.0
    assert fl.vae(*none, reduction="none").shape == (0,)
    assert fl.vae.parts(*none, reduction="sum") == (0.0, 0.0)
    for call in (fl.vae, fl.vae.gradient, fl.vae.parts):
        with pytest.raises(ValueError, match="the mean of no samples is undefined"):
            call(*none)


def test_what_is_wrong_with_a_vae() -> None:
    x, y, mean, log_var = vae_inputs()
    with pytest.raises(ValueError, match=r"x and x_reconstructed must have the same shape; got \(5, 7\) and \(5, 6\)"):
        fl.vae(x, y[:, 1:], mean, log_var)
    with pytest.raises(ValueError, match=r"x and mean must have the shapes \(n, ...\).*; got \(5, 7\) and \(4, 3\)"):
        fl.vae(x, y, mean[1:], log_var[1:])
    with pytest.raises(ValueError, match=r"must have at least one number for each sample; got shapes \(5, 0\) and \(5, 3\)"):
        fl.vae(x[:, :0], y[:, :0], mean, log_var)
    with pytest.raises(ValueError, match=r"sample_weight must have the shape of the losses, \(5,\); got \(5, 7\)"):
        fl.vae(x, y, mean, log_var, sample_weight=np.ones((5, 7)))
    with pytest.raises(TypeError, match="VAE takes the inputs x, x_reconstructed, mean, log_var; log_var missing"):
        fl.vae(x, y, mean)
    with pytest.raises(TypeError, match=r"VAE: reconstruction must be a loss; got <class .*SquaredError'>\. Make an instance"):
        fl.VAE(reconstruction=fl.SquaredError)
    with pytest.raises(ValueError, match="reconstruction must be a loss of a label and a prediction, single numbers; got Dice"):
        fl.VAE(reconstruction=fl.dice)
    with pytest.raises(ValueError, match="VAE: beta must be >= 0; got -1"):
        fl.VAE(beta=-1)
    with pytest.raises(fl.NotDifferentiableError, match="ZeroOne has no gradient"):
        fl.VAE(reconstruction=fl.zero_one).gradient((x > 0.5) * 1.0, y, mean, log_var)
    assert "vae" not in fl.list_losses()
    assert fl.get_loss("vae", beta=2.0) == fl.VAE(2.0) == eval(repr(fl.VAE(2.0)), vars(fl))
    assert pickle.loads(pickle.dumps(fl.VAE(2.0))) == fl.VAE(2.0)


# ---- feature maps -----------------------------------------------------------------------------------------------

SHAPES = ((3, 4, 2, 3), (3, 2, 5, 1), (3, 3, 2, 2))
WEIGHTS = (1.0, 0.5, 2.0)


def maps_of(shapes: Any = SHAPES, dtype: Any = np.float64, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return tuple([rng.standard_normal(shape).astype(dtype) for shape in shapes] for _ in range(2))


def exact_maps(maps: list[np.ndarray]) -> list[np.ndarray]:
    return [np.array(list(map(mpf, array.ravel().tolist())), dtype=object).reshape(array.shape) for array in maps]


def unit_channels(sample: np.ndarray) -> np.ndarray:
    """The map of a sample with each vector of channels divided by its length; zeros stay."""
    squares = (sample**2).sum(axis=0)
    lengths = np.array([sqrt(x) if x else mpf(1) for x in np.ravel(squares)], dtype=object).reshape(np.shape(squares))
    return sample / lengths


def perceptual(true: Any, predicted: Any, distance: str, normalize: bool) -> mpf:
    total = mpf(0)
    for weight, a, b in zip(WEIGHTS, true, predicted, strict=False):
        if normalize:
            a, b = unit_channels(a), unit_channels(b)
        r = (b - a).ravel()
        total += mpf(weight) * sum(x**2 if distance == "squared" else abs(x) for x in r) / len(r)
    return total


def gram_style(true: Any, predicted: Any) -> mpf:
    total = mpf(0)
    for weight, a, b in zip(WEIGHTS, true, predicted, strict=False):
        rows = [x.reshape(len(x), -1) for x in (a, b)]
        gram, other = (x.dot(x.T) / mpf(x.size) for x in rows)
        total += mpf(weight) * ((other - gram) ** 2).sum() / mpf(len(a)) ** 2
    return total


MAPS: list[tuple[fl.Loss, Callable[..., Any]]] = [
    *(
        (fl.Perceptual(WEIGHTS, d, u), lambda a, b, d=d, u=u: perceptual(a, b, d, u))
        for d in ("squared", "absolute")
        for u in (False, True)
    ),
    (fl.GramStyle(WEIGHTS), gram_style),
]
IDS = ["squared", "squared-unit", "absolute", "absolute-unit", "gram"]


@pytest.mark.parametrize(("loss", "formula"), MAPS, ids=IDS)
def test_losses_of_maps_are_their_formulas(loss: fl.Loss, formula: Callable[..., Any]) -> None:
    """Of maps of several layers, weighted and not, with vectors of zeros; gradients against differences."""
    true, predicted = maps_of()
    for maps, places in ((true, ((0, 0), (1, 2))), (predicted, ((0, 1), (1, 2)))):
        for n, place in places:
            maps[0][n, :, 0, place] = 0
    given = np.array([0.5, 2.0, 0.0])
    with mp.workdps(50):
        a, b = exact_maps(true), exact_maps(predicted)
        losses = [formula([x[i] for x in a], [x[i] for x in b]) for i in range(3)]
        np.testing.assert_allclose(loss(true, predicted, reduction="none"), list(map(float, losses)), rtol=1e-12)
        assert loss(true, predicted) == pytest.approx(float(sum(losses) / 3), rel=1e-12)
        assert loss(true, predicted, reduction="sum") == pytest.approx(float(sum(losses)), rel=1e-12)
        weighted = mpf(0.5) * losses[0] + 2 * losses[1]
        assert loss(true, predicted, sample_weight=given) == pytest.approx(float(weighted / mpf(2.5)), rel=1e-12)
        value, gradients = loss.value_and_gradient(true, predicted, sample_weight=given)
        assert value == loss(true, predicted, sample_weight=given)
        assert isinstance(gradients, tuple)
        h = mpf(10) ** -20
        for k, gradient in enumerate(gradients):
            assert gradient.shape == predicted[k].shape
            np.testing.assert_array_equal(gradient[2], 0.0)
            for i in (0, 1):
                for place in list(np.ndindex(gradient.shape[1:]))[::2]:
                    if getattr(loss, "normalize", False) and not predicted[k][(i, slice(None), *place[1:])].any():
                        assert gradient[(i, *place)] == 0.0
                        continue

                    def moved(step: mpf, k: int = k, i: int = i, place: tuple[int, ...] = place) -> mpf:
                        sample = [x[i].copy() for x in b]
                        sample[k][place] += step
                        return formula([x[i] for x in a], sample) * mpf(given[i]) / mpf(2.5)

                    if true[k][(i, *place)] != predicted[k][(i, *place)]:
                        expected = float((moved(h) - moved(-h)) / (2 * h))
                        assert gradient[(i, *place)] == pytest.approx(expected, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("loss", [loss for loss, _ in MAPS], ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_maps_of_any_size_and_layout(loss: fl.Loss, dtype: Any) -> None:
    """Wider than the tiles of a product and than a block; threads and layouts change no bit; float32 is near float64."""
    shapes = ((2, 150, 13, 11), (2, 3, 40, 50), (2, 40, 1, 1))
    true, predicted = maps_of(shapes, dtype)
    found = []
    for threads in (1, 2):
        with fl.num_threads(threads):
            value, gradients = loss.value_and_gradient(true, predicted)
            found.append([value, loss(true, predicted), *gradients])
    turned = [np.ascontiguousarray(np.moveaxis(array, 1, -1)) for array in (*true, *predicted)]
    turned = [np.moveaxis(array, -1, 1) for array in turned]
    value, gradients = loss.value_and_gradient(turned[:3], turned[3:])
    found.append([value, loss(turned[:3], turned[3:]), *gradients])
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
    assert all(gradient.dtype == dtype for gradient in found[0][2:])
    wide = [[array.astype(np.float64) for array in maps] for maps in (true, predicted)]
    tolerance = 1e-6 if dtype == np.float32 else 1e-15
    exact, exact_gradients = loss.value_and_gradient(*wide)
    assert value == pytest.approx(exact, rel=10 * tolerance)
    for gradient, wanted in zip(found[0][2:], exact_gradients, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=0, atol=20 * tolerance * np.abs(wanted).max())
    # one sample alone has the bits that it has among others
    alone = loss.gradient([x[1:] for x in true], [x[1:] for x in predicted], reduction="none")
    together = loss.gradient(true, predicted, reduction="none")
    for one, two in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one[0], two[1])


def test_products_are_symmetric_and_right() -> None:
    """Also where a matrix is longer than the steps in which products are summed."""
    for shape in ((1, 1, 1), (2, 5, 3), (1, 97, 129), (3, 130, 300)):
        for dtype in (np.float32, np.float64):
            a = np.random.default_rng(1).standard_normal(shape).astype(dtype)
            gram = np.empty((shape[0], shape[1], shape[1]), dtype)
            _core.products_of_rows(a, gram, 7.0)
            np.testing.assert_array_equal(gram, np.swapaxes(gram, 1, 2))
            wide = a.astype(np.float64)
            eps = np.finfo(dtype).eps
            np.testing.assert_allclose(gram, wide @ np.swapaxes(wide, 1, 2) / 7, rtol=0, atol=eps * shape[2])
            product = np.empty_like(a)
            _core.products_of_stacks(gram, a, product)
            np.testing.assert_allclose(product, gram.astype(np.float64) @ wide, rtol=0, atol=20 * eps * shape[1] * gram.max())


def test_identical_and_parallel_directions() -> None:
    """Nothing is left of maps that are the same, and what is left of nearly equal ones has its digits."""
    (true,), _ = maps_of(((4, 6, 5, 5),))
    for distance in ("squared", "absolute"):
        loss = fl.Perceptual(distance=distance, normalize=True)
        value, (gradient,) = loss.value_and_gradient([true], [true])
        assert value == 0.0
        np.testing.assert_array_equal(gradient, 0.0)
        np.testing.assert_allclose(loss([true * 1e200], [true * 1e-200]), 0.0, atol=1e-15)
    turned = true.copy()
    turned[:, 0] *= 1 + 1e-9
    with mp.workdps(50):
        pairs = zip(*exact_maps([true, turned]), strict=True)
        exact = [perceptual([x], [y], "squared", True) for x, y in pairs]
    np.testing.assert_allclose(
        fl.Perceptual(normalize=True)([true], [turned], reduction="none"), list(map(float, exact)), rtol=1e-6
    )


@pytest.mark.parametrize("loss", [loss for loss, _ in MAPS], ids=IDS)
def test_maps_at_the_edges(loss: fl.Loss) -> None:
    true, predicted = maps_of()
    expected = loss([x[:2] for x in true], [x[:2] for x in predicted])
    weights = [1.0, 1.0, 0.0]
    gradients = loss.gradient(true, predicted)
    # NaN is seen in its sample, and a weight of zero removes it
    predicted[1][2, 0, 0, 0] = np.nan
    assert math.isnan(loss(true, predicted))
    losses = loss(true, predicted, reduction="none")
    assert np.isnan(losses[2])
    assert np.isfinite(losses[:2]).all()
    assert loss(true, predicted, sample_weight=weights) == pytest.approx(expected, rel=1e-15)
    for gradient in loss.gradient(true, predicted, sample_weight=weights):
        np.testing.assert_array_equal(gradient[2], 0.0)
    # in place, and into other types
    true, predicted = maps_of()
    out = tuple(np.empty(x.shape, np.float32) for x in predicted)
    loss.gradient(true, predicted, out=out)
    found = loss.gradient(true, predicted, out=tuple(predicted))
    for array, single, mine, wanted in zip(found, out, predicted, gradients, strict=True):
        assert array is mine
        np.testing.assert_array_equal(array, wanted)
        np.testing.assert_array_equal(single, wanted.astype(np.float32))
    none = [x[:0] for x in true]
    assert loss(none, none, reduction="sum") == 0.0
    assert loss(none, none, reduction="none").shape == (0,)
    with pytest.raises(ValueError, match="the mean of no samples"):
        loss(none, none)
    with pytest.raises(ValueError, match="sample_weight sums to zero"):
        loss(true, true, sample_weight=[0.0, 0.0, 0.0])


def test_what_is_wrong_with_maps() -> None:
    true, predicted = maps_of()
    for loss in (fl.perceptual, fl.gram_style):
        with pytest.raises(TypeError, match=r"maps_true must be a list of feature maps.*; got ndarray. Pass \[maps_true\]"):
            loss(true[0], predicted)
        with pytest.raises(ValueError, match="must hold as many maps, at least one; got 3 and 2"):
            loss(true, predicted[:2])
        with pytest.raises(ValueError, match="must hold as many maps, at least one; got 0 and 0"):
            loss([], [])
        with pytest.raises(ValueError, match=r"maps_true\[1\] and maps_pred\[1\] must have the same shape"):
            loss([true[0], true[0]], [predicted[0], predicted[1]])
        with pytest.raises(
            ValueError, match=r"maps_pred\[1\] must have as many samples as the maps before; got shape \(2, 2, 5, 1\)"
        ):
            loss([true[0], true[1][:2]], [predicted[0], predicted[1][:2]])
        with pytest.raises(ValueError, match="weights of 2 layers do not fit 3 maps"):
            type(loss)(weights=[1.0, 2.0])(true, predicted)
        with pytest.raises(ValueError, match=r"weights\[1\] must be >= 0; got -1"):
            type(loss)(weights=[1.0, -1.0])
        with pytest.raises(ValueError, match=r"weights\[0\] must be >= 0; got nan"):
            type(loss)(weights=[math.nan])
        with pytest.raises(ValueError, match="weights must be a sequence of numbers"):
            type(loss)(weights=3.0)
        with pytest.raises(ValueError, match="sample_weight must"):
            loss(true, predicted, sample_weight=[1.0, -1.0, 1.0])
        with pytest.raises(fl.NotDifferentiableError, match="has no Hessian"):
            loss.gradient_and_hessian(true, predicted)
        made = type(loss)(weights=[1, 2.5])
        assert made == type(loss)(weights=(1.0, 2.5)) == pickle.loads(pickle.dumps(made)) == eval(repr(made), vars(fl))
        assert hash(made) == hash(type(loss)(weights=(1.0, 2.5)))
    with pytest.raises(ValueError, match='distance must be "squared" or "absolute"; got 3'):
        fl.Perceptual(distance=3)
    with pytest.raises(
        ValueError, match=r"must have the shape \(n, channels, height, width\), with numbers in them; got \(3, 4\)"
    ):
        fl.gram_style([true[0][..., 0, 0]], [predicted[0][..., 0, 0]])
    with pytest.raises(ValueError, match=r"must have the shape \(n, channels, ...\), with numbers in them; got \(3,\)"):
        fl.Perceptual(normalize=True)([np.ones(3)], [np.ones(3)])
    with pytest.raises(TypeError, match="takes lists of maps, which an Evaluation does not"):
        fl.evaluate({"p": fl.perceptual}, np.ones((1, 2, 2)), np.ones((1, 2, 2)))
    assert fl.perceptual([np.ones(3)], [np.array([1.0, 2.0, 4.0])], reduction="none").tolist() == [0.0, 1.0, 9.0]


def test_a_vae_is_evaluated_in_pieces() -> None:
    inputs = vae_inputs((50, 7), (50, 3))
    weights = np.random.default_rng(3).integers(0, 3, 50)
    loss = fl.VAE(beta=0.5)
    ev = fl.Evaluation({"vae": loss, "kl": fl.gaussian_kl})
    for piece in np.split(np.arange(50), [7, 8, 31]):
        named = dict(zip(loss.inputs, (array[piece] for array in inputs), strict=True))
        ev.merge(ev.empty().update(**named, sample_weight=weights[piece]))
    assert ev.result()["vae"] == loss(*inputs, sample_weight=weights)
    assert ev.result()["kl"] == fl.gaussian_kl(*inputs[2:], sample_weight=weights)
    assert ev.n_samples == 50
    assert fl.evaluate(loss, *inputs) == {"vae": loss(*inputs)}


# ---- everywhere the same ----------------------------------------------------------------------------------------------------


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


def test_instruction_sets_change_no_bit(isa: str) -> None:
    """Those of losses that are made of others, which test_bits.py does not see."""
    for dtype in (np.float32, np.float64):
        true, predicted = maps_of(((3, 70, 11, 3), (3, 2, 30, 30)), dtype)
        cases = [(loss, (true, predicted)) for loss in (fl.gram_style, fl.perceptual)]
        cases += [(fl.Perceptual(distance=d, normalize=True), (true, predicted)) for d in ("squared", "absolute")]
        cases += [(fl.VAE(reconstruction=fl.LogCosh()), vae_inputs(shape, (4, 3), dtype)) for shape in ((4, 37), (4, 3000))]
        for loss, inputs in cases:
            value, gradients = loss.value_and_gradient(*inputs)
            with using_isa(_core.available_isas()[-1]):
                baseline, same = loss.value_and_gradient(*inputs)
            assert value == baseline
            for one, two in zip(gradients, same, strict=True):
                np.testing.assert_array_equal(one, two)


def test_derivatives_by_parameters() -> None:
    g = np.random.default_rng(8).standard_normal((6, 5))
    norms = np.linalg.norm(g, axis=1)
    for one_sided in (False, True):
        loss = fl.GradientPenalty(target=2.0, weight=3.0, one_sided=one_sided)
        over = np.maximum(norms - 2.0, 0.0) if one_sided else norms - 2.0
        found = loss.parameter_gradient(g)
        assert found["weight"] == pytest.approx(np.mean(over**2), rel=1e-14)
        assert found["target"] == pytest.approx(-6.0 * np.mean(over), rel=1e-13)
        long = np.full((1, 9000), 0.1)
        assert loss.parameter_gradient(long)["target"] == pytest.approx(-6.0 * (np.sqrt(90.0) - 2.0), rel=1e-13)
    assert fl.GradientPenalty().parameter_gradient(np.zeros((2, 3))) == {"target": 20.0, "weight": 1.0}
    inputs = vae_inputs()
    weights = np.arange(5.0)
    found = fl.VAE(beta=0.3).parameter_gradient(*inputs, sample_weight=weights)
    assert found == {"beta": fl.VAE(beta=0.3).parts(*inputs, sample_weight=weights)[1]}
