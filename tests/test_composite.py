"""Weighted sums of losses: the order of operations, and all places where a loss is taken."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import fastloss as fl
from fastloss.boosting import Metric, Objective
from fastloss.cli import main

RNG = np.random.default_rng(13)
LOGITS = {"from_logits": True}
CLASSES = fl.CategoricalCrossEntropy(from_logits=True)
OF_NUMBERS = 0.7 * fl.Huber(delta=0.5) + 0.3 * fl.log_cosh - 0.01 * fl.absolute_error


def rounded(x: Fraction, dtype: Any) -> Any:
    """The number of this dtype that is nearest to x."""
    near = dtype(float(x))
    candidates = [near, np.nextafter(near, dtype(np.inf)), np.nextafter(near, dtype(-np.inf))]
    return min(candidates, key=lambda candidate: abs(Fraction(float(candidate)) - x))


def added_up(weights: list[float], terms: list[np.ndarray]) -> np.ndarray:
    """What the documentation says: the first product is rounded, and all others are added with one rounding each."""
    dtype = terms[0].dtype.type
    factors = [Fraction(float(dtype(weight))) for weight in weights]

    def of_one(*numbers: Any) -> Any:
        total = rounded(factors[0] * Fraction(float(numbers[0])), dtype)
        for factor, number in zip(factors[1:], numbers[1:], strict=True):
            total = rounded(factor * Fraction(float(number)) + Fraction(float(total)), dtype)
        return total

    return np.array([of_one(*numbers) for numbers in zip(*(term.ravel() for term in terms), strict=True)]).reshape(
        terms[0].shape
    )


def numbers(n: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    return RNG.standard_normal(n).astype(dtype), RNG.standard_normal(n).astype(dtype)


def rows(n: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    return RNG.integers(0, 5, n), RNG.standard_normal((n, 5)).astype(dtype)


def masks(n: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    return (RNG.random((3, n)) < 0.3).astype(dtype), RNG.random((3, n)).astype(dtype)


def long_masks(n: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    return masks(5000, dtype)


def groups(n: int, dtype: Any) -> tuple[np.ndarray, np.ndarray, list[int]]:
    return RNG.integers(0, 4, n).astype(dtype), RNG.standard_normal(n).astype(dtype), [n - 7, 7]


def vectors(n: int, dtype: Any) -> tuple[np.ndarray, ...]:
    return tuple(RNG.standard_normal((n, 6)).astype(dtype) for _ in range(3))


# terms, with their weights, and what they take
SUMS = [
    ([0.7, 0.3, -0.01], [fl.Huber(delta=0.5), fl.log_cosh, fl.absolute_error], numbers),
    ([3.0], [fl.log_cosh], numbers),
    ([0.5, 2.0], [CLASSES, fl.CategoricalFocal(from_logits=True)], rows),
    ([1.0, 0.25], [fl.Dice(), fl.Jaccard(smooth=0.5)], masks),
    ([1.0, 0.25], [fl.Dice(), fl.Jaccard(smooth=0.5)], long_masks),
    ([0.1], [fl.tversky], long_masks),
    ([0.9, 1.1], [fl.rank_net, fl.list_net], groups),
    ([1.0, 0.3], [fl.triplet_margin, fl.TripletMargin(squared=True)], vectors),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("weights", "terms", "data"), SUMS)
def test_order_of_operations(weights: list[float], terms: list[fl.Loss], data: Any, dtype: Any) -> None:
    loss, inputs = fl.WeightedSum(zip(weights, terms, strict=True)), data(40, dtype)
    found = loss(*inputs, reduction="none")
    expected = added_up(weights, [term(*inputs, reduction="none").astype(dtype) for term in terms])
    np.testing.assert_array_equal(found, expected)
    assert loss(*inputs, reduction="sum") == math.fsum(found.tolist())
    for reduction in ("none", "sum"):
        gradients = [term.gradient(*inputs, reduction=reduction) for term in terms]
        gradients = [each if isinstance(each, tuple) else (each,) for each in gradients]
        own = loss.gradient(*inputs, reduction=reduction)
        for gradient, *parts in zip(own if isinstance(own, tuple) else (own,), *gradients, strict=True):
            np.testing.assert_array_equal(gradient[:2], added_up(weights, [part[:2] for part in parts]))
    if not loss.no_hessian:
        gradient, hessian = loss.gradient_and_hessian(*inputs, reduction="none")
        np.testing.assert_array_equal(gradient, loss.gradient(*inputs, reduction="none"))
        parts = [term.gradient_and_hessian(*inputs, reduction="none")[1] for term in terms]
        np.testing.assert_array_equal(hessian[:20], added_up(weights, [part[:20] for part in parts]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("weights", "terms", "data"), SUMS)
def test_weights_means_and_outputs(weights: list[float], terms: list[fl.Loss], data: Any, dtype: Any) -> None:
    loss, inputs = fl.WeightedSum(zip(weights, terms, strict=True)), data(300, dtype)
    shape = loss(*inputs, reduction="none").shape
    w = RNG.integers(0, 3, shape).astype(float)
    w.ravel()[0] = 1.0
    for reduction in loss.reductions:
        values = [term(*inputs, sample_weight=w, reduction=reduction) for term in terms]
        scale = max(np.max(np.abs(weight * value)) for weight, value in zip(weights, values, strict=True))
        expected = sum(weight * value for weight, value in zip(weights, values, strict=True))
        tolerance = 8 * np.finfo(dtype).eps * scale
        np.testing.assert_allclose(loss(*inputs, sample_weight=w, reduction=reduction), expected, atol=tolerance, rtol=0)
    value, gradient = loss.value_and_gradient(*inputs, sample_weight=w)
    assert value == loss(*inputs, sample_weight=w)
    gradient = gradient if isinstance(gradient, tuple) else (gradient,)
    outputs = tuple(np.full(g.shape, np.nan, dtype)[..., ::1] for g in gradient)
    strided = tuple(np.full((*g.shape, 2), np.nan)[..., 0] for g in gradient)
    for out in (outputs, strided):
        loss.gradient(*inputs, sample_weight=w, out=out if len(out) > 1 else out[0])
        for own, expected in zip(out, gradient, strict=True):
            np.testing.assert_array_equal(own.astype(dtype), expected)
    with fl.num_threads(1):
        again = loss.gradient(*inputs, sample_weight=w)
    for own, expected in zip(again if isinstance(again, tuple) else (again,), gradient, strict=True):
        np.testing.assert_array_equal(own, expected)


@pytest.mark.parametrize("n", [10, 5000, 300_000])
def test_predictions_can_be_overwritten(n: int) -> None:
    y, p = numbers(n, np.float32)
    expected = OF_NUMBERS.gradient(y, p, reduction="none")
    OF_NUMBERS.gradient(y, p, reduction="none", out=p)
    np.testing.assert_array_equal(p, expected)


def test_threads_layouts_and_pieces_make_no_difference() -> None:
    y, p = numbers(200_000, np.float64)
    with fl.num_threads(1):
        one = OF_NUMBERS.value_and_gradient(y, p)
    with fl.num_threads(3):
        three = OF_NUMBERS.value_and_gradient(y, p)
    assert one[0] == three[0]
    np.testing.assert_array_equal(one[1], three[1])
    np.testing.assert_array_equal(
        OF_NUMBERS.gradient(y[::-2], p[::-2], reduction="sum"), OF_NUMBERS.gradient(y, p, reduction="sum")[::-2]
    )
    ev = fl.Evaluation({"sum": OF_NUMBERS, "mse": fl.mse, "twice": 2 * fl.mse})
    ev.update(y[:777], p[:777]).merge(ev.empty().update(y[777:], p[777:]))
    assert ev.result() == {"sum": one[0], "mse": fl.mse(y, p), "twice": 2 * fl.mse(y, p)}
    restored = pickle.loads(pickle.dumps(ev))
    assert restored.result() == ev.result()


def test_masks_that_come_in_parts() -> None:
    loss = fl.dice + 0.5 * fl.FocalTversky(gamma=1.5)
    for dtype in (np.float32, np.float64):
        y, p = (array[0] for array in long_masks(0, dtype))
        ev = fl.Evaluation({"sum": loss, "dice": fl.dice})
        ev.update(y[:999], p[:999]).update(y[999:], p[999:])
        assert ev.result() == {"sum": loss(y, p), "dice": fl.dice(y, p)}


def test_sums_are_losses() -> None:
    assert repr(OF_NUMBERS) == ("WeightedSum(terms=((0.7, Huber(delta=0.5)), (0.3, LogCosh()), (-0.01, AbsoluteError())))")
    assert eval(repr(OF_NUMBERS), vars(fl)) == OF_NUMBERS
    assert pickle.loads(pickle.dumps(OF_NUMBERS)) == OF_NUMBERS
    assert hash(OF_NUMBERS) == hash(eval(repr(OF_NUMBERS), vars(fl)))
    assert np.float32(2.0) * fl.mse == fl.mse * 2 == fl.mse / 0.5 == -(-2.0 * fl.mse) == 2 * fl.WeightedSum([(1.0, fl.mse)])
    assert sum([fl.mse, fl.mae]) == fl.mse + fl.mae == fl.WeightedSum([(1, fl.mse), (1, fl.mae)])
    assert 2 * (fl.mse + 3 * fl.mae) == 2 * fl.mse + 6 * fl.mae
    assert "weighted_sum" not in fl.list_losses()
    assert fl.get_loss("weighted_sum", terms=[(2, fl.mse)]) == 2 * fl.mse
    assert not hasattr(fl, "weighted_sum")
    with pytest.raises(AttributeError):
        OF_NUMBERS.terms = ()


def test_a_term_of_weight_zero_counts_for_nothing() -> None:
    y, p = [1.0, 2.0], [np.inf, 2.0]
    assert (fl.mae + 0 * fl.BinaryCrossEntropy())([1.0, 2.0], [3.0, 2.0]) == 1.0
    assert (fl.mae + fl.mse)(y, p) == np.inf
    assert np.isnan((fl.mae - fl.mse)(y, p))
    (fl.mae + 0.0 * fl.zero_one).gradient([1.0], [0.5])
    assert (0 * fl.mse)([1.0], [3.0]) == 0.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fl.mse + fl.dice, TypeError, r"must have a value for the same thing.*SquaredError\(\) and Dice.*MultiTask"),
        (
            lambda: fl.mse + fl.rank_net,
            TypeError,
            r"same inputs; got SquaredError\(\), which takes y_true, y_pred, and RankNet",
        ),
        (lambda: 2 * fl.info_nce, TypeError, r"InfoNCE\(temperature=0\.1\) has no loss for each unit.*MultiTask"),
        (lambda: fl.dice + fl.Dice(per_class=True), TypeError, "per_class"),
        (lambda: CLASSES + fl.CategoricalCrossEntropy(from_logits=True, ignore_index=0), TypeError, "the same ignore_index"),
        (lambda: CLASSES + fl.SparseCategoricalCrossEntropy(from_logits=True), TypeError, "read labels in the same way"),
        (lambda: fl.WeightedSum([]), ValueError, "at least one pair"),
        (lambda: fl.WeightedSum(3), TypeError, "pairs of a weight and a loss; got 3"),
        (lambda: fl.WeightedSum([fl.mse]), TypeError, r"term 0 must be a pair of a weight and a loss; got SquaredError\(\)"),
        (
            lambda: fl.WeightedSum([(1, fl.mse), (1, fl.Huber)]),
            TypeError,
            r"term 1 must hold a loss, not its class: write Huber\(\)",
        ),
        (lambda: fl.WeightedSum([(1, "mse")]), TypeError, "term 0 must be a pair of a weight and a loss"),
        (lambda: float("inf") * fl.mse, ValueError, "weight of term 0 must be finite; got inf"),
        (lambda: 1e200 * (1e200 * fl.mse), ValueError, "a weight must be finite"),
        (lambda: fl.mse + 1, TypeError, "unsupported operand"),
        (lambda: "2" * fl.mse, TypeError, "can't multiply"),
        (
            lambda: (fl.mse + fl.ZeroOne()).gradient([1.0], [0.5]),
            fl.NotDifferentiableError,
            r"of ZeroOne\(.*, it is a step function",
        ),
        (
            lambda: (fl.mae + fl.BinaryCrossEntropy())([0.0], [2.0]),
            ValueError,
            r"y_pred must lie in \[0, 1\] for BinaryCrossEntropy",
        ),
        (lambda: OF_NUMBERS([], []), ValueError, "no samples"),
        (lambda: OF_NUMBERS([1.0], [1.0], reduction="man"), ValueError, "reduction must be"),
        (lambda: OF_NUMBERS([1.0], [1.0], [-1.0]), ValueError, "sample_weight"),
    ],
)
def test_what_makes_no_sense(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_rows_that_count_alike() -> None:
    options = {"from_logits": True, "class_weight": (1.0, 2.0, 3.0, 0.5, 1.0), "ignore_index": -1}
    y, z = rows(200, np.float64)
    y[::7] = -1
    first, second = fl.CategoricalCrossEntropy(**options), fl.CategoricalCrossEntropy(label_smoothing=0.1, **options)
    loss = first + second
    assert loss(y, z) == pytest.approx(first(y, z) + second(y, z), rel=1e-15)
    np.testing.assert_allclose(loss.gradient(y, z), first.gradient(y, z) + second.gradient(y, z), rtol=1e-13, atol=1e-18)
    assert (loss.gradient(y, z)[::7] == 0).all()


def test_boosting() -> None:
    rng = np.random.default_rng(5)
    y, p = rng.standard_normal(500), 3 * rng.standard_normal(500)
    loss = 0.5 * fl.mae + 0.5 * fl.log_cosh
    gradient, hessian = Objective(loss)(y, p)
    np.testing.assert_array_equal(gradient, loss.gradient(y, p, reduction="none").astype(np.float32))
    parts = [Objective(term)(y, p)[1].copy() for term in (fl.mae, fl.log_cosh)]
    assert (hessian > 0).all()
    assert (hessian <= parts[0] + 1).all()
    exact = Objective(fl.mse + fl.huber)(y, p)[1]
    np.testing.assert_array_equal(exact, (fl.mse + fl.huber).gradient_and_hessian(y, p, reduction="none")[1].astype(np.float32))
    assert Objective(fl.mse + fl.huber, hessian="upper_bound")(y, p)[1].max() <= 3
    # the best constant lies between those of the terms
    assert (
        fl.mse.init_score([0.0, 0.0, 10.0])
        > (fl.mae + fl.mse).init_score([0.0, 0.0, 10.0])
        > fl.mae.init_score([0.0, 0.0, 10.0])
    )
    logistic = fl.BinaryCrossEntropy(from_logits=True) + 0.5 * fl.BinaryFocal(from_logits=True)
    score = logistic.init_score([1, 1, 1, 0])
    assert abs(logistic.gradient([1, 1, 1, 0], np.full(4, score), reduction="sum").sum()) < 1e-12
    assert logistic.inverse_link(score) == fl.BinaryCrossEntropy(from_logits=True).inverse_link(score)
    with pytest.raises(TypeError, match="different predictions"):
        (fl.mse + fl.BinaryCrossEntropy(from_logits=True)).inverse_link(0.3)
    with pytest.raises(ValueError, match="from_logits=True"):
        Objective(fl.BinaryCrossEntropy() + fl.mse)
    assert Metric(loss)(y, p) == loss(y, p)
    classes, scores = rows(100, np.float64)
    of_rows = Objective(CLASSES + 0.5 * fl.CategoricalFocal(from_logits=True))
    assert (of_rows(classes, scores)[1] > 0).all()
    assert of_rows.init_score(classes).shape == (5,)


@pytest.mark.parametrize("name", fl.list_losses())
def test_all_losses_of_units_are_terms(name: str) -> None:
    loss = fl.get_loss(name)
    if loss.signature.plan == "tiles":
        with pytest.raises(TypeError, match="no loss for each unit"):
            fl.WeightedSum([(2.0, loss)])
    else:
        assert fl.WeightedSum([(2.0, loss)]).terms == ((2.0, loss),)


@pytest.mark.parametrize("present_only", [False, True])
def test_a_sum_of_classes_of_masks(present_only: bool) -> None:
    y, p = RNG.integers(0, 3, (4, 70)), RNG.standard_normal((4, 3, 70))
    terms = [fl.lovasz_softmax, fl.LovaszSoftmax(present_only=present_only)]
    w = RNG.integers(0, 2, (4, 70))
    for weights in (None, w):
        value, gradient = (0.5 * terms[0] + 2 * terms[1]).value_and_gradient(y, p, weights)
        first, second = (term.value_and_gradient(y, p, weights) for term in terms)
        assert value == pytest.approx(0.5 * first[0] + 2 * second[0], rel=1e-14)
        np.testing.assert_allclose(gradient, 0.5 * first[1] + 2 * second[1], rtol=1e-14, atol=1e-16)


def test_what_has_no_mean_is_summed() -> None:
    penalties = fl.WeightedSum([(0.5, fl.l2_penalty), (-2.0, fl.l1_penalty)])
    assert penalties([1.0, -2.0]) == 0.5 * 2.5 - 2.0 * 3.0
    assert penalties.gradient([1.0, -2.0]).tolist() == [-1.5, 1.0]
    with pytest.raises(ValueError, match="only; got 'mean'"):
        penalties([1.0], reduction="mean")


def test_boosting_tells_that_a_sum_of_nothing_has_no_curvature() -> None:
    nothing = 0 * fl.mse + 0 * fl.huber
    assert Objective(nothing).loss == nothing
    xgb = pytest.importorskip("xgboost")
    y, p = numbers(50, np.float32)
    with pytest.raises(ValueError, match="positive for no row"):
        Objective(nothing, hessian="exact")(p, xgb.DMatrix(p[:, None], y))


def test_xgboost_trains_a_sum() -> None:
    xgb = pytest.importorskip("xgboost")
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2000, 4)).astype(np.float32)
    y = x[:, 0] + np.abs(x[:, 1]) + 0.1 * rng.standard_normal(2000)
    loss = fl.mse + 0.5 * fl.huber
    model = xgb.train({"nthread": 1}, xgb.DMatrix(x, y), 20, obj=Objective(loss))
    assert loss(y, model.predict(xgb.DMatrix(x))) < 0.1 * loss(y, np.full(2000, y.mean()))


def test_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    y, p = numbers(50, np.float64)
    path = tmp_path / "data.csv"
    path.write_text("y,p\n" + "\n".join(f"{a!r},{b!r}" for a, b in zip(y.tolist(), p.tolist(), strict=True)))
    text = "0.7*huber:delta=2 + 3e-1*log_cosh+1e+0*mae"
    arguments = ["evaluate", str(path), "--y-true", "y", "--y-pred", "p", "--json", "--loss"]
    assert main([*arguments, text, "--loss", "2*mse"]) == 0
    printed = capsys.readouterr().out
    expected = (0.7 * fl.Huber(delta=2.0) + 0.3 * fl.log_cosh + fl.mae)(y, p)
    assert repr(expected) in printed
    assert repr(2 * fl.mse(y, p)) in printed
    for wrong, message in (
        ("x*huber", "the weight of a loss must be a number; got 'x'"),
        ("huber + dice", "value for the same thing"),
        ("huber + ", "no loss is called ''"),
        ("1e999*huber", "weight of term 0 must be finite"),
        ("weighted_sum", "WeightedSum cannot be made without terms"),
    ):
        assert main([*arguments, wrong]) == 2
        assert message in capsys.readouterr().err
