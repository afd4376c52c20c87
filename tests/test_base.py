"""The Loss protocol: values, names, reductions, weights, out=, and what is said when something is wrong."""

from __future__ import annotations

import math
import pickle
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import default_instances, every_instance, every_loss, parameters_of
from references import REFERENCES
from samples import sample

import fastloss as fl
from fastloss import _core, domains
from fastloss._aliases import ALIASES
from fastloss.classes import WrongLabel
from fastloss.registry import advice_on, snake_case
from fastloss.signature import signatures

Y = np.array([1.0, 2.0, 3.0, 4.0])
P = np.array([1.5, 2.0, 1.0, 8.0])
W = np.array([1.0, 0.5, 0.0, 2.0])
TWO_INPUTS = [loss for loss in default_instances() if loss.inputs == ("y_true", "y_pred")]


# ---- a loss is a value --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", every_instance(), ids=repr)
def test_a_loss_is_an_immutable_value(loss: fl.Loss) -> None:
    cls = type(loss)
    again = eval(repr(loss), {cls.__name__: cls})
    assert again == loss
    assert hash(again) == hash(loss)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        restored = pickle.loads(pickle.dumps(loss, protocol))
        assert restored == loss
        inputs = sample(loss, 20, np.float64)
        assert restored(*inputs) == loss(*inputs)
    assert not hasattr(loss, "__dict__")
    for item in fields(loss):
        with pytest.raises(FrozenInstanceError):
            setattr(loss, item.name, 2.0)


def test_equality_is_by_parameters() -> None:
    assert fl.Huber(1) == fl.Huber(delta=np.float32(1.0)) == fl.huber
    assert isinstance(fl.Huber(1).delta, float)
    assert fl.Huber(2.0) != fl.huber
    assert fl.Fair() != fl.Cauchy()
    assert len({fl.Huber(), fl.Huber(1.0), fl.Huber(2.0)}) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.Huber(delta=0), "Huber: delta must be > 0; got 0."),
        (lambda: fl.Huber(delta=-1.5), "Huber: delta must be > 0; got -1.5."),
        (lambda: fl.Huber(delta=math.nan), "Huber: delta must be > 0; got nan."),
        (lambda: fl.Huber(delta=math.inf), "Huber: delta must be > 0; got inf."),
        (lambda: fl.Huber(delta="1"), "Huber: delta must be > 0; got '1'."),
        (lambda: fl.Huber(delta=None), "Huber: delta must be > 0; got None."),
        (lambda: fl.SmoothL1(beta=-0.1), "SmoothL1: beta must be >= 0; got -0.1."),
        (lambda: fl.Quantile(alpha=1.0), "Quantile: alpha must lie in (0, 1); got 1.0."),
        (lambda: fl.Expectile(alpha=0.0), "Expectile: alpha must lie in (0, 1); got 0.0."),
        (lambda: fl.LpError(p=0.5), "LpError: p must be >= 1; got 0.5."),
        (lambda: fl.Tweedie(power=0.5), "Tweedie: power must lie in [1, 2] or be 0 or 3; got 0.5."),
        (lambda: fl.Tweedie(power=4), "Tweedie: power must lie in [0, 3]; got 4."),
        (lambda: fl.Poisson(from_log=1), "Poisson: from_log must be True or False; got 1."),
        (lambda: fl.GaussianNLL(eps=0.0), "GaussianNLL: eps must be > 0; got 0.0."),
    ],
)
def test_parameters_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", every_instance(), ids=repr)
def test_no_fault_is_found_in_good_data(loss: fl.Loss, dtype: Any) -> None:
    """A kernel that doubts numbers of the domain costs a second look at all of them, which finds nothing."""
    inputs = loss._read(sample(loss, 500, dtype))
    assert _core.execute((loss._kernel_for(inputs),), inputs, None, (_core.Output(_core.VALUE),)).fault == 0


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(every_instance()), st.floats() | st.integers() | st.text() | st.none() | st.booleans())
def test_a_parameter_is_right_or_refused(loss: fl.Loss, value: Any) -> None:
    """No value of any type gets into a loss without being the number it stands for."""
    for item in fields(loss):
        try:
            made = type(loss)(**{item.name: value})
        except (ValueError, TypeError):
            continue
        # integers from 2**53 on are rounded
        assert getattr(made, item.name) == (value if value is None else float(value))
        assert math.isfinite(getattr(made, item.name)) if value is not None else item.default is None


# ---- names ----------------------------------------------------------------------------------------------------------


def test_every_loss_has_its_three_places() -> None:
    """src_c/losses/<family>/<loss>.h, a class, and a reference; a default instance and an export come by themselves."""
    of_targets, _ = fl.margin_ranking._for((0.0, 0.0, 1.0))
    directions = [fl.Perceptual(distance=distance, normalize=True) for distance in ("squared", "absolute")]
    losses = [*every_loss(), WrongLabel(), of_targets, fl.vae, *directions]
    kernels = {name for loss in losses for name in (loss._kernel_name(), *loss._rest_name())}
    kernels |= {kernel.name for loss in losses for kernel in loss._parameter_kernels().values()}
    assert kernels == set(_core.kernels()), "a formula without a class, or the other way round"
    assert set(REFERENCES) == set(fl.list_losses()), "a class without a reference, or the other way round"
    for name in fl.list_losses():
        cls = type(fl.get_loss(name))
        assert getattr(fl, cls.__name__) is cls
        assert getattr(fl, name) == cls()
        assert name in fl.__all__
        assert cls.__name__ in fl.__all__


@pytest.mark.parametrize("loss", every_loss(), ids=repr)
def test_kernels_and_classes_agree(loss: fl.Loss) -> None:
    name = loss._kernel_name()
    family, plan, _, parameters = _core.kernels()[name]
    assert (family, plan) == (loss.family, loss.signature.plan)
    assert signatures()[name] == loss.signature, "all kernels of a loss have one signature"
    assert set(parameters) <= set(loss._parameters())
    assert set(loss._domains()) <= set(loss.inputs)


@pytest.mark.parametrize(
    ("name", "snake"),
    [("Huber", "huber"), ("SmoothL1", "smooth_l1"), ("GaussianNLL", "gaussian_nll"), ("NTXent", "nt_xent"), ("CTC", "ctc"),
     ("L1Penalty", "l1_penalty"), ("GANDiscriminator", "gan_discriminator"), ("InfoNCE", "info_nce")],
)  # fmt: skip
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_get_loss() -> None:
    assert fl.get_loss("huber", delta=2.0) == fl.Huber(delta=2.0)
    assert (fl.mse, fl.mae, fl.rmse) == (fl.SquaredError(), fl.AbsoluteError(), fl.RootMeanSquaredError())
    assert fl.get_loss("mse") == fl.mse
    with pytest.raises(ValueError, match=r"no loss is called 'hubber'\. Did you mean huber"):
        fl.get_loss("hubber")
    with pytest.raises(ValueError, match=r"no loss is called 'zzz'\. list_losses\(\) gives all names\."):
        fl.get_loss("zzz")
    with pytest.raises(TypeError, match=r"^Huber has no parameter 'dleta'; its parameters are delta\.$"):
        fl.get_loss("huber", dleta=1)
    with pytest.raises(TypeError, match=r"^SquaredError has no parameter 'delta'; it has no parameters\.$"):
        fl.get_loss("mse", delta=1)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("bce", "It is called binary_cross_entropy here."),
        ("log_loss", "It is called binary_cross_entropy here."),
        ("mape", "It is called absolute_percentage_error here."),
        ("pinball", "It is called quantile here."),
        ("l1", "It is called absolute_error here."),
        ("BCEWithLogitsLoss", "It is called BinaryCrossEntropy(from_logits=True) here."),
        ("Huber", "It is called huber here."),
        ("huber_loss", "It is called huber here."),
        ("MAE", "It is called absolute_error here."),
        ("pinball_loss", "It is called quantile here."),
        ("accuracy", "That is a metric: fastloss.metrics.accuracy_score."),
        ("f1_score", "That is a metric: fastloss.metrics.f1_score."),
        ("acuracy", "Did you mean a metric, fastloss.metrics.accuracy_score?"),
        ("hubber", "Did you mean huber"),
    ],
)
def test_other_names_are_hints(name: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"^no loss is called '{name}'. {re.escape(advice)}"):
        fl.get_loss(name)
    with pytest.raises(AttributeError, match=f"^module 'fastloss' has no attribute '{name}'. {re.escape(advice)}") as caught:
        getattr(fl, name) if name != "Huber" else fl.__getattr__(name)
    assert "cauchy" not in str(caught.value)


def test_the_package_says_which_names_are_near() -> None:
    for name, message in (
        ("evalute", r"has no attribute 'evalute'\. Did you mean evaluate"),
        ("Hubr", r"has no attribute 'Hubr'\. Did you mean Huber"),
        ("dask_", r"has no attribute 'dask_'"),
        ("qqqqqq", r"has no attribute 'qqqqqq'$"),
        ("__wrapped__", r"has no attribute '__wrapped__'$"),
    ):
        with pytest.raises(AttributeError, match=message):
            getattr(fl, name)
    program = "import fastloss; fastloss.bench"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(fl.__file__).parents[1])
    assert "has no attribute 'bench' before it is imported: import fastloss.bench" in found.stderr


def test_hints_name_what_there_is() -> None:
    for alias, own in ALIASES.items():
        assert isinstance(eval(f"fl.{own}", {"fl": fl}), fl.Loss), alias
        assert alias not in fl.__all__
        assert f"It is called {own} here." in advice_on(alias)


def test_list_losses() -> None:
    names = fl.list_losses()
    assert names == sorted(names)
    assert set(fl.list_losses("regression")) <= set(names)
    assert "mse" not in names
    with pytest.raises(ValueError, match=r"family must be one of (\w+, )*regression"):
        fl.list_losses("regresion")


def test_classes_outside_the_package_are_not_registered() -> None:
    class Mine(fl.Loss):
        pass

    assert "mine" not in fl.list_losses()


# ---- reductions and weights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", TWO_INPUTS, ids=repr)
def test_reductions_and_weights(loss: fl.Loss) -> None:
    """What each reduction means, by its definition; derivatives are those of the number that is returned."""
    y, p = sample(loss, 200, np.float64)
    # powers of two, so that a product is as exact as a repetition
    w = np.random.default_rng(0).choice([0.0, 1.0, 2.0, 4.0], y.size)
    if loss.name == "root_mean_squared_error":
        root = math.sqrt(math.fsum(w * (p - y) ** 2) / math.fsum(w))
        assert loss(y, p, sample_weight=w) == pytest.approx(root, rel=1e-15)
        np.testing.assert_allclose(loss.gradient(y, p, sample_weight=w), w * (p - y) / (root * w.sum()), rtol=1e-14)
        return
    value = loss(y, p, reduction="none")
    for weights, factor in ((None, np.ones(y.size)), (w, w)):
        assert loss(y, p, weights, "sum") == math.fsum(factor * value)
        assert loss(y, p, weights, "mean") == math.fsum(factor * value) / math.fsum(factor)
        np.testing.assert_array_equal(loss(y, p, weights, "none"), factor * value)
        if loss.no_gradient:
            continue
        gradient, hessian = loss.gradient_and_hessian(y, p, reduction="none")
        hessian = np.where(np.isfinite(hessian), hessian, 0.0)
        for reduction, divisor in (("sum", 1.0), ("none", 1.0), ("mean", math.fsum(factor))):
            g, h = loss.gradient_and_hessian(y, p, weights, reduction)
            np.testing.assert_array_equal(g, factor * gradient / divisor)
            np.testing.assert_array_equal(np.where(np.isfinite(h), h, 0.0), factor * hessian / divisor)
    # whole weights are repetitions
    repeated = [np.repeat(a, w.astype(int)) for a in (y, p)]
    assert loss(*repeated, reduction="sum") == loss(y, p, w, "sum")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [loss for loss in TWO_INPUTS if not loss.no_gradient], ids=repr)
def test_gradients_beside_values_are_divided_like_others(isa: str, loss: fl.Loss, dtype: Any) -> None:
    """Kernels of numbers divide them where they compute them; gradients alone are divided afterwards."""
    y, p = (np.resize(array, 2600) for array in sample(loss, 200, dtype))
    expected = loss.gradient(y, p)
    np.testing.assert_array_equal(loss.value_and_gradient(y, p)[1], expected)
    apart = np.zeros((p.size, 2), dtype)[:, 0]
    loss.value_and_gradient(y, p, out=apart)
    np.testing.assert_array_equal(apart, expected)
    if loss.name != "root_mean_squared_error":
        np.testing.assert_array_equal(expected, loss.gradient(y, p, reduction="sum") / dtype(p.size))
    in_place = p.copy()
    loss.value_and_gradient(y, in_place, out=in_place)
    np.testing.assert_array_equal(in_place, expected)


@pytest.mark.parametrize("n", [2**24 + 1, 2**24 + 2], ids=["no float", "a float"])
def test_gradients_are_divided_by_numbers_that_are_no_floats(n: int) -> None:
    y, p = np.zeros(n, np.float32), np.resize(np.array([3e-5, 1.7, -7e3], np.float32), n)
    gradient = fl.SquaredError().value_and_gradient(y, p)[1]
    np.testing.assert_array_equal(gradient[:3], (2.0 * p[:3].astype(np.float64) / n).astype(np.float32))
    np.testing.assert_array_equal(gradient, np.resize(gradient[:3], n))


def test_a_weight_of_zero_removes_the_sample() -> None:
    y = np.array([1.0, 0.0, 2.0, -5.0])
    p = np.array([0.5, np.nan, np.inf, 1.0])
    w = np.array([1.0, 0.0, 0.0, 0.0])
    loss = fl.Poisson()
    expected = loss(y[:1], p[:1])
    assert loss(y, p, w) == expected
    value, gradient = loss.value_and_gradient(y, p, w, "none")
    np.testing.assert_array_equal(value, [expected, 0, 0, 0])
    np.testing.assert_array_equal(gradient[1:], 0)


def test_weights_per_row() -> None:
    y, p = np.random.default_rng(0).standard_normal((2, 6, 5))
    rows = np.arange(6.0)
    full = np.repeat(rows[:, None], 5, axis=1)
    for reduction in ("mean", "sum", "none"):
        np.testing.assert_array_equal(fl.huber(y, p, rows, reduction), fl.huber(y, p, full, reduction))
        np.testing.assert_array_equal(fl.huber.gradient(y, p, rows, reduction), fl.huber.gradient(y, p, full, reduction))


@pytest.mark.parametrize("weights", [[True, False, True, True], np.array([1, 0, 3, 2], np.uint8), np.float16([1, 2, 0, 0.5])])
def test_weights_of_any_real_type(weights: Any) -> None:
    expected = fl.mse(Y, P, np.asarray(weights, dtype=np.float64))
    assert fl.mse(Y, P, weights) == expected
    assert fl.mse(Y.astype(np.float32), P.astype(np.float32), weights) == expected


@pytest.mark.parametrize(
    ("weights", "reduction", "message"),
    [
        ([1, -2, 1, 1], "mean", "sample_weight must be finite and not negative; got -2 at index 1."),
        ([1, 1, math.nan, 1], "sum", "sample_weight must be finite and not negative; got nan at index 2."),
        ([1, 1, 1, math.inf], "none", "sample_weight must be finite and not negative; got inf at index 3."),
        ([1, -1, 0, 0], "mean", "sample_weight must be finite and not negative; got -1 at index 1."),
        ([0, 0, 0, 0], "mean", 'sample_weight sums to zero: the weighted mean is undefined. Use reduction="sum".'),
        ([1, 2, 3], "mean", "sample_weight must have the shape of the losses, (4,); got (3,)."),
        (2.0, "mean", "sample_weight must have the shape of the losses, (4,); got ()."),
    ],
)
def test_bad_weights(weights: Any, reduction: str, message: str) -> None:
    for method in (fl.mse, fl.mse.gradient, fl.mse.value_and_gradient, fl.mse.gradient_and_hessian):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            method(Y, P, weights, reduction)


def test_weights_for_rows_are_named_in_the_message() -> None:
    with pytest.raises(ValueError, match=re.escape("the losses, (2, 3) or (2,) (one per row); got (3,).")):
        fl.mse(np.ones((2, 3)), np.ones((2, 3)), np.ones(3))


def test_zero_weights_sum_to_zero() -> None:
    assert fl.mse(Y, P, np.zeros(4), "sum") == 0.0
    np.testing.assert_array_equal(fl.mse.gradient(Y, P, np.zeros(4), "sum"), np.zeros(4))


def test_no_samples() -> None:
    empty = np.empty(0)
    assert fl.mse(empty, empty, reduction="sum") == 0.0
    assert fl.mse(empty, empty, reduction="none").shape == (0,)
    assert fl.mse.gradient(np.empty((0, 3)), np.empty((0, 3)), reduction="sum").shape == (0, 3)
    message = re.escape('the mean of no samples is undefined. Use reduction="sum", which is 0.0.')
    for method in (fl.mse, fl.mse.gradient, fl.rmse, fl.rmse.gradient):
        with pytest.raises(ValueError, match=message):
            method(empty, empty)
    with pytest.raises(ValueError, match=message):
        fl.mse([], [], sample_weight=[])


def test_unknown_reduction() -> None:
    with pytest.raises(ValueError, match=re.escape("""reduction must be "mean", "sum" or "none"; got 'max'.""")):
        fl.mse(Y, P, reduction="max")
    with pytest.raises(ValueError, match="got None"):
        fl.mse.gradient(Y, P, reduction=None)


# ---- domains -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "inside", "outside", "text"),
    [
        (domains.UNIT, [0.0, 0.5, 1.0], [-1e-300, 1.5, math.inf], "lie in [0, 1]"),
        (domains.OPEN_UNIT, [0.5], [0.0, 1.0, -math.inf], "lie in (0, 1)"),
        (domains.POSITIVE, [1e-300, 7.0], [0.0, -0.0, -1.0], "be > 0"),
        (domains.Choice((0.0, 1.0)), [0.0, -0.0, 1.0], [-1.0, 0.5, 7.0, math.inf], "be 0 or 1"),
        (domains.Choice((-1.0, 0.0, 1.0)), [-1.0, 0.0, 1.0], [-2.0, 1e-300], "be -1, 0 or 1"),
    ],
    ids=str,
)
def test_domains(domain: domains.Domain, inside: list[float], outside: list[float], text: str) -> None:
    assert str(domain) == text
    assert all(number in domain for number in inside)
    assert not any(number in domain for number in outside)
    assert domain.outside(np.array(outside)).all()
    assert not domain.outside(np.array([*inside, math.nan])).any()


# ---- inputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3,), (3, 1)), "(3,) and (3, 1). Pass y_pred[..., 0], or y_true[..., None]."),
        (((3,), (3, 2)), "(3,) and (3, 2). Of the two columns that predict_proba gives, pass y_pred[:, 1]."),
        (((3, 2), (3,)), "(3, 2) and (3,). There is no broadcasting of data against data."),
        (((3, 1), (3,)), "(3, 1) and (3,). Pass y_true[..., 0], or y_pred[..., None]."),
        (((3,), (4,)), "(3,) and (4,). There is no broadcasting of data against data."),
        (((), (4,)), "() and (4,). There is no broadcasting of data against data."),
    ],
)  # fmt: skip
def test_shapes_must_match(shapes: Any, message: str) -> None:
    y, p = (np.zeros(shape) for shape in shapes)
    for method in (fl.mse, fl.mse.gradient):
        with pytest.raises(ValueError, match=f"^y_true and y_pred must have the same shape; got {re.escape(message)}$"):
            method(y, p)


def test_scalars_and_lists() -> None:
    assert fl.mse(1.0, 3) == 4.0
    assert fl.mse([1, 2], [3, 2]) == 2.0
    gradient = fl.mse.gradient(1.0, 3.0)
    assert gradient == 4.0
    assert gradient.shape == ()
    assert isinstance(gradient, np.float64)
    value, gradient = fl.mse.value_and_gradient(np.float32(1), np.float32(3), reduction="none")
    assert (value, gradient) == (4, 4)
    assert isinstance(value, np.float32)


def test_several_inputs_by_position_and_by_name() -> None:
    y, mean, var = [1.0, 2.0], [1.5, 1.0], [0.5, 2.0]
    expected = fl.gaussian_nll(y, mean, var)
    assert fl.gaussian_nll(y, mean, var=var) == fl.gaussian_nll(var=var, mean=mean, y_true=y) == expected
    g_mean, g_var = fl.gaussian_nll.gradient(y, mean, var, reduction="none", sample_weight=[1, 2])
    value, both = fl.gaussian_nll.value_and_gradient(y, mean, var, reduction="none", sample_weight=[1, 2])
    np.testing.assert_array_equal(both, (g_mean, g_var))
    (_, _), (h_mean, _) = fl.gaussian_nll.gradient_and_hessian(y, mean, var, reduction="none", sample_weight=[1, 2])
    np.testing.assert_array_equal(h_mean, [2.0, 1.0])
    assert value.shape == (2,)
    for arguments, named, message in [
        ((y, mean), {}, "GaussianNLL takes the inputs y_true, mean, var; var missing."),
        ((y,), {}, "GaussianNLL takes the inputs y_true, mean, var; mean and var missing."),
        ((y, mean, var, y), {}, "GaussianNLL takes the inputs y_true, mean, var; got 4 positional ones."),
        ((y, mean), {"vra": var}, "GaussianNLL takes the inputs y_true, mean, var; got 'vra' by name."),
        ((y, mean, var), {"mean": mean}, "GaussianNLL takes the inputs y_true, mean, var; got 'mean' by name."),
    ]:
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            fl.gaussian_nll(*arguments, **named)


def test_each_gradient_has_the_type_of_its_input() -> None:
    y, mean, var = np.ones((3, 4))
    g_mean, g_var = fl.gaussian_nll.gradient(y, mean.astype(np.float32), var)
    assert (g_mean.dtype, g_var.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize(
    ("loss", "inputs", "message"),
    [
        (
            fl.Poisson(),
            ([1, -2, 3], [0, 0, 0]),
            "y_true must be >= 0 for Poisson(from_log=True, full=False); got -2 at index 1.",
        ),
        (
            fl.Poisson(from_log=False),
            ([1, 2], [1, -0.5]),
            "y_pred must be >= 0 for Poisson(from_log=False, full=False); got -0.5 at index 1. "
            "Pass from_log=True if these are logarithms of means.",
        ),
        (
            fl.Gamma(),
            ([[1, 2], [0, 1]], [[0, 0], [0, 0]]),
            "y_true must be > 0 for Gamma(from_log=True); got 0 at index (1, 0).",
        ),
        (fl.squared_log_error, ([0, -1.0], [0, 0]), "y_true must be > -1 for SquaredLogError(); got -1.0 at index 1."),
        (fl.squared_log_error, ([0, 0], [0, -1.5]), "y_pred must be > -1 for SquaredLogError(); got -1.5 at index 1."),
        (
            fl.Tweedie(power=2.0),
            ([0.0], [1.0]),
            "y_true must be > 0 for Tweedie(power=2.0, from_log=True); got 0.0 at index 0.",
        ),
        (
            fl.gaussian_nll,
            ([0.0], [1.0], [-1.0]),
            "var must be >= 0 for GaussianNLL(full=False, eps=1e-06); got -1.0 at index 0.",
        ),
        (fl.Poisson(), (-1.0, 0.0), "y_true must be >= 0 for Poisson(from_log=True, full=False); got -1.0."),
    ],
)
def test_numbers_outside_the_domain(loss: fl.Loss, inputs: Any, message: str) -> None:
    """The same message from every entry point, also when the bad number is far inside the data."""
    for method in (loss, loss.gradient, loss.value_and_gradient, loss.gradient_and_hessian):
        for reduction in ("mean", "none"):
            with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
                method(*inputs, reduction=reduction)


def test_a_bad_number_in_the_last_place_of_many() -> None:
    y, z = np.ones(300_000, dtype=np.float32), np.zeros(300_000, dtype=np.float32)
    y[-1] = -3
    with pytest.raises(ValueError, match=r"got -3.0 at index 299999\."):
        fl.poisson(y, z)
    # nothing is wrong with it when it does not count
    weights = np.ones(y.size)
    weights[-1] = 0
    assert fl.poisson(y, z, weights) == 1.0


def test_nan_is_not_outside_a_domain() -> None:
    assert math.isnan(fl.poisson([1.0, math.nan], [0.0, 0.0]))
    assert math.isnan(fl.Poisson(from_log=False)([1.0], [math.nan]))


# ---- out= -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", ">f8"])
def test_out_of_any_floating_type(dtype: Any) -> None:
    for data in (np.float32, np.float64):
        y, p = Y.astype(data), P.astype(data)
        value, gradient = np.empty(4, dtype), np.empty((4, 2), dtype)[:, 1]
        returned = fl.huber.value_and_gradient(y, p, reduction="none", out=(value, gradient))
        assert returned[0] is value
        assert returned[1] is gradient
        np.testing.assert_array_equal(value, fl.huber(y, p, reduction="none").astype(dtype))
        np.testing.assert_array_equal(gradient, fl.huber.gradient(y, p, reduction="none").astype(dtype))


def test_out_for_each_method() -> None:
    g, h, v = np.empty((3, 4))
    assert fl.mse(Y, P, reduction="none", out=v) is v
    assert fl.mse.gradient(Y, P, out=g) is g
    np.testing.assert_array_equal(g, 2 * (P - Y) / 4)
    value, gradient = fl.mse.value_and_gradient(Y, P, out=g)
    assert gradient is g
    assert value == np.mean((P - Y) ** 2)
    assert fl.mse.gradient_and_hessian(Y, P, reduction="sum", out=(g, h)) == (g, h)
    np.testing.assert_array_equal(h, 2)
    first, second = fl.mse.gradient_and_hessian(Y, P, reduction="sum", out=(None, h))
    assert second is h
    np.testing.assert_array_equal(first, g)
    (a, b), (c, d) = fl.gaussian_nll.gradient_and_hessian(Y, P, P, out=((g, h), (v, None)))
    assert (a is g, b is h, c is v) == (True, True, True)
    assert d.shape == (4,)
    assert fl.rmse.gradient(Y, P, out=g) is g
    scalar = np.empty(())
    assert fl.mse.gradient(1.0, 3.0, out=scalar) is scalar
    assert scalar == 4


def test_in_place() -> None:
    p = P.copy()
    fl.mse.gradient(Y, p, reduction="sum", out=p)
    np.testing.assert_array_equal(p, 2 * (P - Y))
    y, p = Y.copy(), P.copy()
    fl.log_cosh.gradient_and_hessian(y, p, reduction="sum", out=(y, p))
    expected = fl.log_cosh.gradient_and_hessian(Y, P, reduction="sum")
    np.testing.assert_array_equal((y, p), expected)
    w = W.copy()
    fl.mse.gradient(Y, P, w, "sum", out=w)
    np.testing.assert_array_equal(w, 2 * (P - Y) * W)


def test_an_input_is_not_overwritten_when_the_data_are_bad() -> None:
    z = np.zeros(5000)
    y = np.ones(5000)
    y[4000] = -1
    with pytest.raises(ValueError, match="index 4000"):
        fl.poisson.gradient(y, z, out=z)
    np.testing.assert_array_equal(z, 0)
    w = np.ones(5000)
    w[4999] = -1
    with pytest.raises(ValueError, match="index 4999"):
        fl.mse.gradient(z, y, w, "sum", out=y)
    assert y[0] == 1


def overlapping() -> np.ndarray:
    return np.lib.stride_tricks.as_strided(np.zeros(8), shape=(4, 2), strides=(8, 8))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([0.0] * 4, ValueError, "out must hold one array (gradient); got 4."),
        (list, TypeError, "out, the gradient, must be a NumPy array; got type."),
        (np.empty(3), ValueError, "out, the gradient, must have shape (4,); got (3,)."),
        (np.empty((4, 1)), ValueError, "out, the gradient, must have shape (4,); got (4, 1)."),
        (np.empty(4, np.int64), TypeError, "out, the gradient, must have a floating dtype of 16, 32 or 64 bits; got int64."),
        (
            np.empty(4, complex),
            TypeError,
            "out, the gradient, must have a floating dtype of 16, 32 or 64 bits; got complex128.",
        ),
        (np.empty(4, np.longdouble), TypeError, "out, the gradient, must have a floating dtype of 16, 32 or 64 bits; got"),
        (np.broadcast_to(0.0, 4), ValueError, "out, the gradient, is read-only."),
        ((np.empty(4), np.empty(4)), ValueError, "out must hold one array (gradient); got 2."),
    ],
)
def test_bad_out(out: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        fl.mse.gradient(Y, P, out=out)


def test_out_for_a_number() -> None:
    with pytest.raises(ValueError, match="out must hold nothing: no array is returned; got 1"):
        fl.mse(Y, P, out=np.empty(4))


def test_out_that_overlaps() -> None:
    memory = np.arange(10.0)
    before = memory.copy()
    with pytest.raises(ValueError, match="out, the gradient, overlaps y_pred in part"):
        fl.mse.gradient(memory[:4], memory[4:8], out=memory[5:9])
    with pytest.raises(ValueError, match="out, the gradient, overlaps y_true in part"):
        fl.mse.gradient(memory[:4], memory[4:8], out=memory[3::-1])
    with pytest.raises(ValueError, match="out, the gradient, overlaps sample_weight in part"):
        fl.mse.gradient(np.ones(4), np.ones(4), memory[:4], out=memory[1:5])
    with pytest.raises(ValueError, match=re.escape("out[1], the hessian, overlaps another output")):
        fl.mse.gradient_and_hessian(Y, P, out=(memory[:4], memory[3:7]))
    with pytest.raises(ValueError, match=re.escape("has elements that share memory (strides (8, 8))")):
        fl.mse.gradient(np.ones((4, 2)), np.ones((4, 2)), out=overlapping())
    np.testing.assert_array_equal(memory, before)


# ---- what a loss cannot do -----------------------------------------------------------------------------------------------


def test_not_differentiable() -> None:
    assert issubclass(fl.NotDifferentiableError, TypeError)
    with pytest.raises(fl.NotDifferentiableError, match="RootMeanSquaredError has no Hessian: the root mixes all samples"):
        fl.rmse.gradient_and_hessian(Y, P)
    for loss in default_instances():
        if loss.no_gradient:
            for method in (loss.gradient, loss.value_and_gradient, loss.gradient_and_hessian):
                with pytest.raises(fl.NotDifferentiableError, match=re.escape(f"no gradient: {loss.no_gradient}")):
                    method(Y > 1, P / 8)
            with pytest.raises(fl.NotDifferentiableError):
                loss.init_score(Y > 1)


@pytest.mark.parametrize("loss", default_instances(), ids=repr)
def test_inverse_link(loss: fl.Loss) -> None:
    raw = np.array([-1.0, 0.0, 2.5], dtype=np.float32)
    predictions = loss.inverse_link(raw)
    assert predictions.dtype == np.float32
    links = {"soft_margin": lambda z: 1 / (1 + np.exp(-z)), "exponential": lambda z: 1 / (1 + np.exp(-2 * z))}
    link = links.get(loss.name, np.exp if getattr(loss, "from_log", False) else lambda z: z)
    np.testing.assert_allclose(predictions, link(raw), rtol=1e-6)
    assert loss.inverse_link(0.0) == link(0.0)
    np.testing.assert_array_equal(raw, np.float32([-1, 0, 2.5]))


def ordinary_numbers(domain: domains.Domain | None, rng: np.random.Generator, n: int) -> np.ndarray:
    if isinstance(domain, domains.Choice):
        return rng.choice(domain.numbers, n)
    return rng.uniform(0.1, 0.9, n) if domain is not None and domain.high == 1 else rng.uniform(0.5, 2.0, n)


def has_the_formula_of_its_expression(loss: fl.Loss) -> bool:
    """Expressions are those of the default form: of its kind, from logarithms, without constants, no limit of a power ..."""
    ordinary = getattr(loss, "from_log", True) and not getattr(loss, "full", False)
    # ... and from probabilities, without smoothing, without balance
    ordinary = ordinary and not getattr(loss, "from_logits", False) and not getattr(loss, "label_smoothing", 0)
    ordinary = ordinary and (loss.name != "binary_focal" or loss.alpha is None)
    ordinary = ordinary and getattr(loss, "kind", "") == getattr(type(loss)(), "kind", "")
    return ordinary and getattr(loss, "power", 1.5) not in (0, 1, 2, 3) and getattr(loss, "beta", 1.0) > 0


@pytest.mark.parametrize("loss", list(filter(has_the_formula_of_its_expression, every_instance())), ids=repr)
def test_the_numpy_expressions_say_the_same(loss: fl.Loss) -> None:
    """On ordinary numbers, where NumPy's expressions are right."""
    rng = np.random.default_rng(0)
    n = 500
    domains = loss._domains()
    names = {name: ordinary_numbers(domains.get(name), rng, n) for name in loss.inputs}
    scope = {"np": np, "n": n, **names, **parameters_of(loss)}
    assert loss(*names.values()) == pytest.approx(eval(loss.numpy_value, scope), rel=1e-9)
    if loss.numpy_gradient:
        np.testing.assert_allclose(loss.gradient(*names.values()), eval(loss.numpy_gradient, scope), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", default_instances(), ids=repr)
def test_every_loss_says_what_it_replaces(loss: fl.Loss) -> None:
    assert loss.numpy_value
