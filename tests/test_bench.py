"""The cases that fastloss is timed with, and that nothing is timed before its results are compared."""

from __future__ import annotations

import numpy as np
import pytest

import fastloss as fl
from fastloss import bench
from fastloss.domains import ANY, Choice, Domain, Interval
from fastloss.loss import Loss

EVERY_LOSS = [loss for loss in map(fl.get_loss, fl.list_losses()) if loss.numpy_value]


def test_cases() -> None:
    cases = bench.make_cases([fl.huber, fl.gaussian_nll], sizes=[10, 20], dtypes=["float32"])
    assert [(case.loss, case.n, case.what) for case in cases] == [
        (fl.huber, 10, "value"),
        (fl.huber, 10, "value_and_gradient"),
        # no one-liner for its gradients
        (fl.gaussian_nll, 10, "value"),
        (fl.huber, 20, "value"),
        (fl.huber, 20, "value_and_gradient"),
        (fl.gaussian_nll, 20, "value"),
    ]
    assert str(cases[1]) == "Huber(delta=1.0) value_and_gradient float32 n=10"
    assert len(bench.make_cases([fl.huber], [10])) == 4


@pytest.mark.parametrize("loss", EVERY_LOSS, ids=repr)
@pytest.mark.parametrize("n", [1, 10, 3000])
def test_results_equal_numpy(loss: Loss, n: int) -> None:
    cases = bench.make_cases([loss], [n])
    assert {case.dtype for case in cases} == {"float32", "float64"}
    for case in cases:
        numpy_call, fastloss_call = case.prepare()
        expected, result = numpy_call(), fastloss_call()
        close = 1e-4 if case.dtype == "float32" else 1e-11
        if case.what == "value":
            assert np.shape(result) == ()
            assert result == pytest.approx(expected, rel=close, abs=close)
        else:
            assert all(array.dtype == case.dtype for array in bench._leaves(result[1]))
            np.testing.assert_allclose(result[1], expected[1], rtol=close, atol=close / n)


def test_gradients_of_several_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    expression = "((mean - y_true) / var / n, (var - (mean - y_true) ** 2) / (2 * var**2) / n)"
    monkeypatch.setattr(fl.GaussianNLL, "numpy_gradient", expression)
    case = bench.Case(fl.gaussian_nll, "float64", 50, "value_and_gradient")
    _, (mean, var) = case.prepare()[1]()
    assert mean.shape == var.shape == (50,)
    monkeypatch.setattr(fl.GaussianNLL, "numpy_gradient", expression.replace("2 * var", "3 * var"))
    with pytest.raises(ValueError, match="differ"):
        case.prepare()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "domain",
    [
        Interval(),
        Interval(0.0, open_low=True),
        Interval(-1.0, open_low=True),
        Interval(0.0, 1.0, open_low=True, open_high=True),
        Interval(-1.0, 3.0),
        Interval(high=-2.0, open_high=True),
        Choice((-1.0, 0.0, 1.0)),
    ],
    ids=str,
)
def test_inputs_lie_in_their_domains(domain: Domain, dtype: str) -> None:
    labels, predictions = bench._make(((domain, (10_000,)), (ANY, (10_000,))), dtype)
    for numbers in (labels, predictions):
        assert numbers.dtype == dtype
        assert np.isfinite(numbers).all()
    assert len(np.unique(predictions)) > 9_000
    assert len(np.unique(labels)) == (len(domain.numbers) if isinstance(domain, Choice) else pytest.approx(10_000, rel=0.1))
    # compared in both precisions, as kernels may do
    assert float(labels.min()) in domain
    assert float(labels.max()) in domain


def test_inputs_are_the_same_each_time() -> None:
    first = bench.make_inputs(fl.huber, "float64", 100)
    bench._make.cache_clear()
    second = bench.make_inputs(fl.huber, "float64", 100)
    assert [array.tobytes() for array in first] == [array.tobytes() for array in second]


@pytest.mark.parametrize(
    ("attribute", "expression"),
    [
        ("numpy_value", "np.mean(np.abs(y_pred - y_true))"),
        ("numpy_value", "np.nan"),
        ("numpy_gradient", "(y_pred - y_true) / n"),
    ],
)
def test_nothing_is_timed_when_results_differ(monkeypatch: pytest.MonkeyPatch, attribute: str, expression: str) -> None:
    monkeypatch.setattr(fl.Huber, attribute, expression)
    monkeypatch.setattr(bench, "_time", lambda call, count: pytest.fail("timed"))
    case = bench.Case(fl.huber, "float32", 100, "value_and_gradient")
    message = r"fastloss and NumPy differ by .*, in: Huber\(delta=1.0\) value_and_gradient float32 n=100$"
    with pytest.raises(ValueError, match=message):
        bench.measure(case)


def test_a_one_liner_for_other_parameters_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"differ by .*, in: Poisson\(from_log=False"):
        bench.Case(fl.Poisson(from_log=False), "float64", 100, "value").prepare()


def test_measure_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    case = bench.Case(fl.huber, "float64", 10, "value")
    calls = case.prepare()
    monkeypatch.setattr(bench.Case, "prepare", lambda self: calls)
    timed = []

    def fake_time(call: object, count: int) -> float:
        timed.append((calls.index(call), count))
        # NumPy takes 2e-4 s a call, fastloss 1e-4 s and once 3e-4 s
        return count * (2e-4 if call is calls[0] else 3e-4 if len(timed) == 11 else 1e-4)

    monkeypatch.setattr(bench, "_time", fake_time)
    row = bench.measure(case, seconds=0)
    # calls are doubled until they last a millisecond, then both are timed by turns
    assert timed == [(0, 1), (0, 2), (0, 4), (0, 8), (1, 1), (1, 2), (1, 4), (1, 8), (1, 16)] + 3 * [(0, 8), (1, 16)]
    assert (row.numpy, row.fastloss) == pytest.approx((2e-4, 1e-4))
    assert (row.numpy_median, row.fastloss_median) == pytest.approx((2e-4, 1e-4))
    assert row.ratio == pytest.approx(2)
    assert row.repeats == 3
    assert row.case is case


def test_measure() -> None:
    row = bench.measure(bench.Case(fl.log_cosh, "float32", 100, "value_and_gradient"), seconds=0.01)
    assert 0 < row.numpy <= row.numpy_median
    assert 0 < row.fastloss <= row.fastloss_median
    assert row.repeats >= 3


def test_machine_facts() -> None:
    facts = bench.machine_facts()
    assert facts["threads"] == fl.get_num_threads()
    assert facts["isa"] == fl.config()["isa_active"]
    assert facts["numpy"] == np.__version__
    assert facts["cpus"] >= 1


def test_slow_calls_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[str] = []

    def fake_time(call: str, count: int) -> float:
        timed.append(call)
        return 2.0 if call == "slow" else 0.1

    monkeypatch.setattr(bench, "_time", fake_time)
    slow, fast = bench.take_turns(["slow", "fast"], seconds=0, patience=1.0)
    assert (slow, fast) == ([2.0], [0.1, 0.1, 0.1])
    # both once to see how many calls a repeat needs
    assert timed == ["slow", "fast", "slow", "fast", "fast", "fast"]


def test_what_is_called_settles_first() -> None:
    called = []
    (times,) = bench.take_turns([lambda: called.append(0)], seconds=0, settle=0.01)
    assert len(times) == 3
    assert len(called) > 3


@pytest.mark.parametrize(
    "name", ["categorical_cross_entropy", "dice", "rank_net", "lovasz_softmax", "ctc", "linear_cross_entropy"]
)
def test_units_of_a_width(name: str) -> None:
    loss = fl.get_loss(name)
    inputs = bench.make_inputs(loss, "float32", 3200, 16)
    numbers = inputs[loss.signature.predictions[0]]
    assert numbers.size == (3072 if name == "ctc" else 3200)
    if name == "rank_net":
        assert set(inputs[-1]) == {16}
    else:
        assert 16 in numbers.shape or numbers.shape[1:] == (2, 8)
    assert np.isfinite(loss(*inputs))
