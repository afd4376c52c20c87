"""Losses of ranking: targets of pairs, groups with and without an order, and what the derivatives are those of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fastloss as fl

DTYPES = [np.float32, np.float64]


def pairs(dtype: Any, n: int = 500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, of which some are equal or differ by the margin 0.5, and targets."""
    rng = np.random.default_rng(3)
    first, second = rng.standard_normal((2, n)).astype(dtype)
    second[::7] = first[::7]
    second[1::7] = first[1::7] - dtype(0.5)
    return first, second, rng.choice([-1, 1], n)


# ---- pairs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_target_says_which_score_should_be_higher(dtype: Any) -> None:
    """1 gives the bits of the loss without targets, -1 those of the scores the other way round."""
    loss = fl.MarginRanking(0.5)
    first, second, target = pairs(dtype)
    falls = target < 0
    high, low = np.where(falls, second, first), np.where(falls, first, second)
    value, (by_first, by_second) = loss.value_and_gradient(first, second, target, reduction="none")
    expected, (by_high, by_low) = loss.value_and_gradient(high, low, reduction="none")
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(by_first, np.where(falls, by_low, by_high))
    np.testing.assert_array_equal(by_second, np.where(falls, by_high, by_low))
    assert value.dtype == by_first.dtype == dtype
    assert (value > 0).any()
    assert (value == 0).any()
    for hessian in loss.gradient_and_hessian(first, second, target)[1]:
        assert not hessian.any()
    assert loss(first, second, target=target) == loss(first, second, target)
    by_place = fl.evaluate({"margin": loss}, first, second, target)
    assert by_place == {"margin": loss(first, second, target)}
    both = fl.evaluate([loss, fl.pairwise_logistic], s_pos=first, s_neg=second, target=target)
    assert both == {**{"margin_ranking": by_place["margin"]}, "pairwise_logistic": fl.pairwise_logistic(first, second)}


def test_margins_as_in_torch() -> None:
    torch = pytest.importorskip("torch")
    first, second, target = pairs(np.float64)
    for margin in (0.0, 0.3, -0.2):
        expected = torch.nn.functional.margin_ranking_loss(
            *map(torch.tensor, (first, second, target)), margin, reduction="none"
        )
        np.testing.assert_allclose(
            fl.MarginRanking(margin)(first, second, target, reduction="none"), expected.numpy(), rtol=1e-12, atol=1e-16
        )


def test_the_kink_of_a_margin_is_flat() -> None:
    loss = fl.MarginRanking(0.5)
    assert loss.gradient([1.0], [0.5]) == (0.0, 0.0)
    assert loss.gradient([1.0], [math.nextafter(0.5, 1)]) == (-1.0, 1.0)
    # what the rounded difference, 2**53 + 2, would not tell
    assert fl.MarginRanking(2.0**53 + 2)([2.0**53], [-1.0]) == 1.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda loss: loss([1.0], [2.0], [0.0]), ValueError, r"target must be -1 or 1 for .*; got 0.0 at index 0\."),
        (lambda loss: loss([1.0]), TypeError, r"takes the inputs s_pos, s_neg and, if wanted, target; s_neg missing\."),
        (lambda loss: loss([1.0], [2.0], [1.0], [1.0]), TypeError, r"if wanted, target; got 4 positional ones\."),
        (lambda loss: loss([1.0], [2.0], goal=[1.0]), TypeError, r"if wanted, target; got 'goal' by name\."),
        (lambda loss: loss([1.0], [2.0, 3.0]), ValueError, "s_pos and s_neg must have the same shape"),
    ],
)
def test_mistakes_with_targets(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(fl.MarginRanking(1.0))


@pytest.mark.parametrize("loss", [fl.margin_ranking, fl.pairwise_logistic], ids=repr)
def test_pairs_of_infinite_scores(loss: Any) -> None:
    first, second = [np.inf, -np.inf, 1e308, np.nan, np.inf], [0.0, 0.0, -1e308, 0.0, np.inf]
    value, gradients = loss.value_and_gradient(first, second, reduction="none")
    np.testing.assert_array_equal(value, [0, np.inf, 0, np.nan, np.nan])
    np.testing.assert_array_equal(gradients[0], [0, -1, 0, np.nan, np.nan])
    np.testing.assert_array_equal(gradients[1], [0, 1, 0, np.nan, np.nan])
