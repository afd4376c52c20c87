"""Derivatives by the parameters of losses of rows, masks, vectors, groups and tiles: right, exact sums, the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import each_team, using_isa
from mpmath import exp, log, mp, mpf
from oracle import error_in_ulp, every_tile_loss, every_unit_loss, parameters_of
from references import REFERENCES
from samples import exact_numbers, tries, unit_of, vectors_and_keys

import fastloss as fl
from fastloss import _core

pytestmark = pytest.mark.filterwarnings("ignore:the probabilities of")
STEP = mpf(10) ** -40
DTYPES = [np.float32, np.float64]
#: The parameters in which losses are smooth.
SMOOTH = {
    "triplet_margin": {"margin"},
    "cosine_embedding": {"margin"},
    "contrastive": {"margin"},
    "multi_margin": {"margin"},
    "rank_net": {"sigma"},
    "list_net": {"temperature"},
    "dice": {"smooth"},
    "jaccard": {"smooth"},
    "tversky": {"alpha", "beta", "smooth"},
    "focal_tversky": {"alpha", "beta", "gamma", "smooth"},
    "categorical_cross_entropy": {"label_smoothing", "log_base"},
    "sparse_categorical_cross_entropy": {"label_smoothing", "log_base"},
    "categorical_focal": {"gamma", "alpha", "label_smoothing"},
    "poly_cross_entropy": {"epsilon"},
    "generalized_cross_entropy": {"q"},
    "info_nce": {"temperature"},
    "nt_xent": {"temperature"},
    "supervised_contrastive": {"temperature"},
    "linear_cross_entropy": {"label_smoothing"},
}
LOSSES = [loss for loss in every_unit_loss() if loss.name in SMOOTH]
TILES = [loss for loss in every_tile_loss() if loss.name in SMOOTH]


def smooth_parameters(loss: Any) -> set[str]:
    return {name for name in SMOOTH[loss.name] if isinstance(getattr(loss, name), float)}


def one_unit(loss: Any, inputs: tuple[np.ndarray, ...], i: int) -> tuple[np.ndarray, ...]:
    if loss.signature.axes != "[g]":
        return tuple(array[i : i + 1] for array in inputs)
    end = int(np.cumsum(inputs[-1])[i])
    return (*(array[end - inputs[-1][i] : end] for array in inputs[:-1]), inputs[-1][i : i + 1])


def exact(value: Callable[..., Any], unit: tuple[Any, ...], parameters: dict[str, Any], name: str) -> mpf:
    """The difference of the reference in a parameter."""
    if unit[-1] == []:
        return mpf(0)
    at = mpf(parameters[name])
    high, low = (value(*unit, **parameters | {name: at + h}) for h in (STEP, -STEP))
    high, low = (sum(x) if isinstance(x, list) else x for x in (high, low))
    return (high - low) / (2 * STEP)


def softmax(x: list[mpf]) -> list[mpf]:
    powers = [exp(number - max(x)) for number in x]
    return [power / sum(powers) for power in powers]


def term(loss: Any, unit: tuple[Any, ...], name: str) -> mpf | None:
    """The size that the formula files measure the errors of what cancels against."""
    value, parameters = REFERENCES[loss.name].value, parameters_of(loss)
    if name == "label_smoothing":
        return max(abs(value(*unit, **parameters | {name: mpf(share)})) for share in (0, 1))
    if loss.name == "list_net":
        relevance, score = unit
        if not score:
            return mpf(0)
        x = [(number - max(score)) / mpf(loss.temperature) for number in score]
        return max((max(p, q) * -z for p, q, z in zip(softmax(x), softmax(relevance), x, strict=True))) / mpf(loss.temperature)
    if loss.name == "rank_net":
        items = list(zip(*unit, strict=True))
        pairs = [s - t for r, s in items for o, t in items if r > o]
        return max((abs(d) / (1 + exp(mpf(loss.sigma) * d)) for d in pairs), default=mpf(0))
    if loss.name == "contrastive":
        return mpf(loss.margin)
    if loss.name == "generalized_cross_entropy":
        p = softmax(unit[1]) if loss.from_logits else unit[1]
        q = mpf(loss.q)
        return sum(y * min(1, (q * log(x)) ** 2) / q**2 for y, x in zip(unit[0], p, strict=True) if y)
    return None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_errors_stay_below_the_promise(loss: Any, dtype: Any) -> None:
    promised = (
        4 + 2 * getattr(loss, "gamma", 0.0) if loss.name == "categorical_focal" else 6 if loss.name == "focal_tversky" else 4
    )
    for inputs in tries(loss, dtype):
        for i in range(0, len(inputs[-1]), 4):
            found = loss.parameter_gradient(*one_unit(loss, inputs, i), reduction="sum")
            assert set(found) == smooth_parameters(loss)
            with mp.workdps(500):
                unit = exact_numbers(loss, unit_of(loss, inputs, i))
                for name, got in found.items():
                    true = exact(REFERENCES[loss.name].value, unit, parameters_of(loss), name)
                    error = error_in_ulp(dtype(got), true, dtype, term(loss, unit, name))
                    assert error <= promised, f"{error:.2f} ulp by {name}: {got} for {mp.nstr(true, 20)} of {unit}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", TILES, ids=repr)
def test_errors_of_tiles_stay_below_the_promise(loss: Any, dtype: Any) -> None:
    """Against the sizes of the terms: losses for smoothing, (entropy + 1 / T) / T for temperatures of so many rows."""
    for n, depth, keys in ((1, 1, 1), (3, 2, 5), (4, 19, 3)):
        inputs = vectors_and_keys(loss, n, depth, keys, dtype, seed=n)
        found = loss.parameter_gradient(*inputs, reduction="sum")
        assert set(found) == smooth_parameters(loss)
        with mp.workdps(500):
            numbers = [
                array.tolist()
                if array.dtype.kind == "i"
                else [list(map(mpf, row)) if isinstance(row, list) else mpf(row) for row in array.tolist()]
                for array in inputs
            ]
            value, parameters = REFERENCES[loss.name].value, parameters_of(loss)
            for name, got in found.items():
                true = exact(value, tuple(numbers), parameters, name)
                if name == "temperature":
                    t = mpf(loss.temperature)
                    size = n * (log(2 * n) + 2 / t) / t * (1 + 1 / t)
                else:
                    size = sum(
                        sum(map(abs, REFERENCES[loss.name].terms[0](*numbers, **parameters | {name: s}))) for s in (0, 1)
                    )
                assert error_in_ulp(dtype(got), true, dtype, size) <= 4, f"{got} for {mp.nstr(true, 20)} by {name}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_sums_are_exact(loss: Any, dtype: Any) -> None:
    """Sums and means, weighted too, are those of the derivatives of the units."""
    inputs = next(iter(tries(loss, dtype)))
    n = len(inputs[-1])
    each = [loss.parameter_gradient(*one_unit(loss, inputs, i), reduction="sum") for i in range(n)]
    weights = np.random.default_rng(0).integers(0, 4, n).astype(np.float64)
    for weight in (None, weights):
        total = loss.parameter_gradient(*inputs, sample_weight=weight, reduction="sum")
        mean = loss.parameter_gradient(*inputs, sample_weight=weight)
        for name in total:
            terms = [found[name] * (1.0 if weight is None else weight[i]) for i, found in enumerate(each)]
            size = sum(map(abs, terms))
            # a smoothing is a difference of two exact sums
            slack = 1e-6 * size if dtype == np.float32 else 1e-14 * size
            allowed = slack if name == "label_smoothing" else 0.0
            assert abs(total[name] - math.fsum(terms)) <= allowed
            assert mean[name] == pytest.approx(total[name] / (n if weight is None else weight.sum()), rel=1e-14, abs=slack)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [*LOSSES, *TILES], ids=repr)
def test_same_bits_everywhere(loss: Any, dtype: Any) -> None:
    tiles = loss.signature.plan == "tiles"
    inputs = vectors_and_keys(loss, 130, 33, 40, dtype) if tiles else next(iter(tries(loss, dtype)))
    expected = loss.parameter_gradient(*inputs)
    assert all(map(math.isfinite, expected.values()))
    for name in _core.available_isas():
        with using_isa(name):
            assert loss.parameter_gradient(*inputs) == expected
    for team in each_team(1, 2):
        assert loss.parameter_gradient(*inputs) == expected, team


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sigma", [1.0, 0.1, 7.3])
def test_a_pair_of_scores_by_its_slope(sigma: float, dtype: Any) -> None:
    loss, largest = fl.PairwiseLogistic(sigma=sigma), float(np.finfo(dtype).max)
    rng = np.random.default_rng(3)
    far = rng.standard_normal(60) * 10.0 ** rng.uniform(-30, 2, 60)
    for s in (*far, 0.0, -largest / 4, largest / 4, 88.0, 740.0):
        one, other = dtype(s), dtype(0.5 * s)
        got = loss.parameter_gradient(one, other)["sigma"]
        with mp.workdps(60):
            d = mpf(float(one)) - mpf(float(other))
            true = -d / (1 + exp(mpf(sigma) * d))
            assert error_in_ulp(dtype(got), true, dtype) <= 4, f"{got} for {mp.nstr(true, 20)} of {one}, {other}"
    assert loss.parameter_gradient(np.inf, 0.0) == {"sigma": 0.0}
    assert loss.parameter_gradient(0.0, np.inf) == {"sigma": np.inf}
    assert math.isnan(loss.parameter_gradient(np.nan, 0.0)["sigma"])


def test_a_pair_of_scores_by_its_margin() -> None:
    loss = fl.MarginRanking(margin=1.0)
    scores = [0.0, 0.0, 2.0, 1.0], [0.5, -1.0, 0.0, 0.0]
    assert loss.parameter_gradient(*scores, reduction="sum") == {"margin": 1.0}
    assert loss.parameter_gradient(*scores, [1.0, -1.0, 1.0, -1.0], reduction="sum") == {"margin": 3.0}
    assert loss.parameter_gradient(*scores, sample_weight=[3.0, 1.0, 0.0, 0.0]) == {"margin": 0.75}
    with pytest.raises(ValueError, match="target"):
        loss.parameter_gradient(*scores, [1.0, 0.5, 1.0, 1.0])


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if REFERENCES[loss.name].data == "masks"], ids=repr)
def test_whole_arrays_in_parts(loss: Any) -> None:
    """A mask that is longer than a sheet has the sums of one that is not."""
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 300_000).astype(np.float64), rng.uniform(size=300_000)
    found = loss.parameter_gradient(y[None], p[None])
    for name, got in found.items():
        h, at = 1e-6, getattr(loss, name)
        if at > h:
            low, high = (fl.get_loss(loss.name, **parameters_of(loss) | {name: at + step}) for step in (-h, h))
            assert got == pytest.approx((high(y[None], p[None]) - low(y[None], p[None])) / (2 * h), rel=1e-4, abs=1e-9)
    for team in each_team(1, 2):
        assert loss.parameter_gradient(y[None], p[None]) == found, team
    # all there is comes in parts, whose formula is another one; a row of as many numbers lies on a sheet
    y, p = y[:3000], p[:3000]
    for name, got in loss.parameter_gradient(y, p).items():
        assert got == pytest.approx(loss.parameter_gradient(y[None], p[None])[name], rel=1e-14), name


def test_nothing_is_zero_not_nan() -> None:
    """Empty masks, groups of one item and of none, vectors of zeros, rows without a positive."""
    for loss in LOSSES:
        if REFERENCES[loss.name].data == "masks" and not loss.from_logits and not getattr(loss, "per_class", False):
            found = loss.parameter_gradient(np.zeros((1, 4)), np.zeros((1, 4)))
            assert found == dict.fromkeys(found, 0.0), loss
    assert fl.rank_net.parameter_gradient([2, 1], [1.0, 3.0], [1, 0, 1]) == {"sigma": 0.0}
    assert fl.list_net.parameter_gradient([2, 1], [1.0, 3.0], [1, 0, 1]) == {"temperature": 0.0}
    zero, one = np.zeros((2, 3)), np.ones((2, 3))
    assert fl.cosine_embedding.parameter_gradient(zero, one, [1, -1]) == {"margin": 0.0}
    assert fl.CosineEmbedding(margin=-0.5).parameter_gradient(zero, one, [1, -1]) == {"margin": -0.5}
    assert fl.contrastive.parameter_gradient(zero, zero, [1, 0]) == {"margin": 0.5}
    assert fl.triplet_margin.parameter_gradient(zero, zero, zero) == {"margin": 1.0}
    assert fl.supervised_contrastive.parameter_gradient(np.eye(3), [0, 1, 2]) == {"temperature": 0.0}
    assert math.isfinite(fl.info_nce.parameter_gradient(zero, one)["temperature"])


def test_weights_of_zero_take_nothing() -> None:
    rng = np.random.default_rng(2)
    query, key = rng.standard_normal((2, 5, 3))
    weights = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    kept = weights > 0
    expected = fl.info_nce.parameter_gradient(query[kept], key[kept])
    assert fl.info_nce.parameter_gradient(query, key, sample_weight=weights) == expected


def test_what_has_no_derivative_says_so() -> None:
    for loss, inputs in (
        (fl.lambda_rank, ([1, 0], [0.0, 1.0], [2])),
        (fl.cosine_similarity, (np.ones((1, 2)), np.ones((1, 2)))),
    ):
        with pytest.raises(fl.NotDifferentiableError, match="no derivative by a parameter"):
            loss.parameter_gradient(*inputs)
    with pytest.raises(ValueError, match='"none"'):
        fl.dice.parameter_gradient(np.zeros((1, 4)), np.zeros((1, 4)), reduction="none")
    assert set(fl.CategoricalFocal(alpha=[0.5, 1.0]).parameter_gradient([0], [[0.5, 0.5]])) == {"gamma", "label_smoothing"}
    assert set(fl.categorical_cross_entropy.parameter_gradient([0], [[0.5, 0.5]])) == {"label_smoothing"}
