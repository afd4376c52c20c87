"""Losses of one's own: functions, expressions, pointers, and the look at what is wrong with one."""

from __future__ import annotations

import ctypes
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastloss as fl
from build import run, tool
from fastloss.boosting import Metric, Objective
from fastloss.domains import Interval

pytest.importorskip("numba")
LIMIT = 3.0


@fl.custom_loss(parameters={"delta": Interval(0.0, open_low=True)})
def huber(y_true, y_pred, delta=1.0):
    """Huber's loss, once more."""
    r = y_pred - y_true
    a = abs(r)
    q = min(a, delta)
    return q * (a - 0.5 * q), max(-delta, min(r, delta)), 1.0 if a <= delta else 0.0


@fl.custom_loss
def capped(y_true, y_pred):
    r = y_pred - y_true
    inside = abs(r) < LIMIT
    return math.log1p(r * r) if inside else math.log1p(LIMIT**2), 2 * r / (1 + r * r) if inside else 0.0


Asymmetric = fl.custom_loss("where(r > 0, r**2, a * r**2)", name="Asymmetric", parameters={"a": (2.0, (0, 100))})
RNG = np.random.default_rng(3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_function_is_a_loss(dtype: Any) -> None:
    y, p = RNG.standard_normal((2, 5000)).astype(dtype)
    w = RNG.integers(0, 3, 5000).astype(float)
    own, built_in = huber(delta=0.5), fl.Huber(delta=0.5)
    tolerance = {"rtol": 1e-6} if dtype is np.float32 else {"rtol": 1e-14}
    for reduction in ("mean", "sum", "none"):
        for weights in (None, w):
            found = (*own.value_and_gradient(y, p, weights, reduction), *own.gradient_and_hessian(y, p, weights, reduction))
            right = (
                *built_in.value_and_gradient(y, p, weights, reduction),
                *built_in.gradient_and_hessian(y, p, weights, reduction),
            )
            for one, other in zip(found, right, strict=True):
                np.testing.assert_allclose(one, other, **tolerance)
    values = own(y, p, reduction="none")
    assert values.dtype == dtype
    assert own(y, p, reduction="sum") == math.fsum(values.tolist())
    np.testing.assert_array_equal(own.value_and_gradient(y, p, reduction="none")[0], values)
    gradient = own.gradient(y, p)
    np.testing.assert_array_equal(own.value_and_gradient(y, p)[1], gradient)
    with fl.num_threads(1):
        np.testing.assert_array_equal(own.gradient(y, p), gradient)
    strided = np.zeros((5000, 3), dtype)[:, 1]
    own.gradient(y[::-1], p[::-1], out=strided)
    np.testing.assert_array_equal(strided[::-1], gradient)
    inside = p.copy()
    own.gradient(y, inside, out=inside)
    np.testing.assert_array_equal(inside, gradient)
    # a number gives the same bits wherever it stands
    for k in (0, 17, 1023, 1024, 4999):
        assert own(y[k : k + 1], p[k : k + 1], reduction="none")[0] == values[k]
    # weights of zero take out what is no number
    y[3] = np.nan
    w[3] = 0.0
    assert math.isfinite(own(y, p, w))
    assert math.isnan(Asymmetric()(y, p))


def test_many_threads() -> None:
    y, p = RNG.standard_normal((2, 300_000))
    with fl.num_threads(1):
        one = huber().value_and_gradient(y, p)
    with fl.num_threads(3):
        three = huber().value_and_gradient(y, p)
    assert one[0] == three[0]
    np.testing.assert_array_equal(one[1], three[1])


def test_a_class_like_all_others() -> None:
    loss = huber(delta=2.0)
    assert repr(loss) == "huber(delta=2.0)"
    assert loss == huber(2.0)
    assert hash(loss) == hash(huber(2.0))
    assert loss != huber()
    assert huber.__doc__ == "Huber's loss, once more."
    assert isinstance(loss, fl.CustomLoss)
    assert "huber" in fl.list_losses()
    assert len(fl.list_losses("regression")) == 22
    with pytest.raises(AttributeError):
        loss.delta = 3.0
    with pytest.raises(ValueError, match=r"huber: delta must be > 0; got 0"):
        huber(delta=0)
    with pytest.raises(TypeError, match="delta"):
        huber(deltas=1)
    total = 0.5 * loss + 0.5 * fl.squared_error
    y, p = RNG.standard_normal((2, 100))
    assert total(y, p) == pytest.approx(0.5 * loss(y, p) + 0.5 * fl.mse(y, p), rel=1e-15)
    ev = fl.Evaluation({"own": loss, "sum": total, "mse": fl.mse})
    ev.update(y[:30], p[:30]).merge(ev.empty().update(y[30:], p[30:]))
    assert ev.result() == {"own": loss(y, p), "sum": total(y, p), "mse": fl.mse(y, p)}
    assert loss.init_score([1.0, 2.0, 3.0]) == 2.0


def test_what_is_no_number_goes_through_expressions() -> None:
    loss = fl.custom_loss("maximum(r, 0)")()
    for y, p in ((math.nan, 1.0), (1.0, math.nan)):
        results = (loss([y], [p]), *loss.gradient_and_hessian([y], [p]))
        assert all(np.isnan(result).all() for result in results)


def test_expressions() -> None:
    loss = Asymmetric(a=3.0)
    assert loss([0.0, 0.0], [1.0, -1.0], reduction="none").tolist() == [1.0, 3.0]
    gradient, hessian = loss.gradient_and_hessian([0.0, 0.0], [1.0, -1.0], reduction="none")
    assert (gradient.tolist(), hessian.tolist()) == ([2.0, -6.0], [2.0, 6.0])
    with pytest.raises(ValueError, match=r"Asymmetric: a must lie in \[0, 100\]; got -1"):
        Asymmetric(a=-1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "parameters", "built_in", "tolerance"),
    [
        ("where(abs(r) <= d, r**2 / 2, d * (abs(r) - d / 2))", {"d": 1.5}, fl.Huber(delta=1.5), 1e-13),
        ("maximum(q * -r, (q - 1) * -r)", {"q": 0.3}, fl.Quantile(alpha=0.3), 1e-14),
        ("d**2 * (sqrt(1 + (r / d)**2) - 1)", {"d": 2.0}, fl.PseudoHuber(delta=2.0), 1e-9),
        ("log(cosh(r))", {}, fl.log_cosh, 1e-9),
        ("softplus(y_pred) - y_true * y_pred", {}, fl.BinaryCrossEntropy(from_logits=True), 1e-13),
        ("exp(y_pred) - y_true * y_pred", {}, fl.poisson, 1e-13),
        ("1 - exp(-(r / c)**2 / 2)", {"c": 1.3}, None, 0),
        ("abs(r)**1.5", {}, fl.LpError(p=1.5), 1e-13),
        ("where(not (r > 1 or r < -1), 0.5 * r**2, abs(r) - 0.5)", {}, fl.huber, 1e-13),
        ("atan(r**2) + tanh(r)**2 + sin(r)**2 + minimum(r, 0)**2 + expm1(r) - log1p(r**2) + sigmoid(r) + sign(r)", {}, None, 0),
    ],
)
def test_derivatives_of_expressions(text: str, parameters: dict[str, float], built_in: Any, tolerance: float) -> None:
    loss = fl.custom_loss(text, parameters=parameters)()
    report = fl.check_loss(loss)
    assert [
        finding for finding in report.findings if finding.kind in ("gradient", "hessian", "branches") and finding.wrong
    ] == []
    if built_in is not None:
        y, p = RNG.integers(0, 2, 200).astype(float), RNG.standard_normal(200)
        for what in ("__call__", "gradient"):
            own, right = (getattr(each, what)(y, p, reduction="none") for each in (loss, built_in))
            np.testing.assert_allclose(own, right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('x')", "can be called, and something else is at position 0"),
        ("r.real", "Attribute is no part of an expression"),
        ("r if r > 0 else 1", "IfExp"),
        ("a * r", "'a' is neither an input nor a parameter"),
        ("r +", "is no expression"),
        ("lambda: 1", "Lambda"),
        ("r > 0", "a condition can only be the first argument of where"),
        ("r + 'a'", "'a' is no finite number, but stands at position 4"),
        ("1e999 * r", "inf is no finite number"),
        ("y_true**2", "must depend on y_pred"),
        ("where(r, 1, 2)", "a comparison was expected"),
        ("exp()", "exp takes 1 argument"),
        ("exp(r, r)", "exp takes 1 argument"),
        ("exp", "exp is a function"),
        ("r**" + "2**" * 40 + "2", "cannot be computed"),
        ("r / 0 * 0", "no derivative|cannot be computed|no expression"),
        ("r + True", "True is no finite number"),
        ("(" * 300 + "r" + ")" * 300, "is no expression"),
        ("r + " * 3000 + "r", "characters at the most|nested too deeply"),
        ("", "is no expression"),
        ("((9**300)**1000)**1000 * r", "cannot be computed"),
        ("-" * 5000 + "r", "is no expression|nested too deeply"),
        ("1" * 5000 + " * r", "is no expression|cannot be computed"),
        ("r\0", "is no expression"),
    ],
)
def test_expressions_that_make_no_sense(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fl.custom_loss(text)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fl.custom_loss(lambda y, p: (y, p, 1.0, 1.0)), TypeError, "must return value, gradient and Hessian"),
        (lambda: fl.custom_loss(lambda y, p: "a"), TypeError, "must return value, gradient and Hessian"),
        (lambda: fl.custom_loss(lambda y, p: 1j * p), TypeError, "real numbers"),
        (
            lambda: fl.custom_loss(lambda y, p: unknown(y)),  # noqa: F821
            TypeError,
            "could not be compiled by numba: .*'unknown' is not defined",
        ),
        (lambda: fl.custom_loss(lambda y: y), TypeError, "must take y_true, y_pred and parameters"),
        (lambda: fl.custom_loss(lambda y, p, *, a=1.0: p), TypeError, "without a star"),
        (lambda: fl.custom_loss(lambda y, p, a="x": p), ValueError, "the default of a"),
        (lambda: fl.custom_loss(lambda y, p, gradient=1.0: p), ValueError, "cannot be called 'gradient'"),
        (lambda: fl.custom_loss(3.5), TypeError, "takes a function, an expression or a pointer"),
        (lambda: fl.custom_loss("r**2", name="no name"), ValueError, "name must be an identifier"),
        (lambda: fl.custom_loss("a * r**2", parameters={"a": (0, 1)}), ValueError, "needs a default"),
        (lambda: fl.custom_loss("a * r**2", parameters={"a": (5.0, (0, 1))}), ValueError, "the default of a must lie in"),
        (lambda: fl.custom_loss("a * r**2", parameters={"a": (1.0, (1, 0))}), ValueError, "lower end first"),
        (lambda: fl.custom_loss("exp * r**2", parameters={"exp": 1.0}), ValueError, "cannot be called 'exp'"),
        (lambda: fl.custom_loss("r**2", parameters={f"p{k}": 1.0 for k in range(9)}), ValueError, "8 parameters at the most"),
        (lambda: fl.custom_loss("r**2", domain={"y": (0, 1)}), ValueError, "domain is that of y_true and y_pred; got 'y'"),
        (lambda: fl.custom_loss(0), ValueError, "null pointer"),
        (lambda: fl.check_loss(huber), TypeError, "check_loss takes a loss"),
    ],
)
def test_what_makes_no_sense(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(("library", "formula"), [("numba", lambda y, p: p), ("sympy", "r**2")])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, library: str, formula: Any) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"need {library}: pip install 'fastloss\[custom\]'"):
        fl.custom_loss(formula)


def test_functions_must_not_raise() -> None:
    def stern(y_true, y_pred):
        if y_pred > 3:
            raise ValueError("too large")
        return y_pred, 1.0, 0.0

    with pytest.raises(TypeError, match="stern must not raise"):
        fl.custom_loss(stern)


def test_without_hessian() -> None:
    loss = capped()
    assert loss([0.0], [1.0]) == math.log(2)
    assert loss.gradient([0.0], [5.0])[0] == 0.0
    with pytest.raises(fl.NotDifferentiableError, match="capped has no Hessian: its function returns value and gradient only"):
        loss.gradient_and_hessian([0.0], [1.0])
    only = fl.custom_loss(lambda y, p: abs(p - y), name="only")()
    assert only([1.0], [3.0]) == 2.0
    with pytest.raises(fl.NotDifferentiableError, match="returns the value only"):
        only.gradient([1.0], [3.0])


def test_domains() -> None:
    loss = fl.custom_loss("-log(y_pred)", domain={"y_pred": Interval(0.0, 1.0, open_low=True)})()
    assert loss([0.0], [0.5]) == pytest.approx(math.log(2))
    with pytest.raises(fl.InputError, match=r"y_pred must lie in \(0, 1\] for CustomLoss\(\); got 0\.0 at index 1"):
        loss([0.0, 0.0, 0.0], [0.5, 0.0, 0.5])
    assert loss([0.0, 0.0], [0.5, 0.0], sample_weight=[1, 0]) == pytest.approx(math.log(2))
    assert math.isnan(loss([0.0], [math.nan]))


def test_pickling() -> None:
    for loss in (huber(delta=0.25), capped(), Asymmetric(a=7.0), 2 * huber() + fl.mse):
        assert pickle.loads(pickle.dumps(loss)) == loss
    local = fl.custom_loss(lambda y, p: ((p - y) ** 2, 2 * (p - y), 2.0), name="local")()
    with pytest.raises(pickle.PicklingError, match="no definition of its own"):
        pickle.dumps(local)


@pytest.mark.slow
def test_pickling_to_another_process(tmp_path: Path) -> None:
    y, p = RNG.standard_normal((2, 50))
    losses = [huber(delta=0.25), capped(), Asymmetric(a=7.0)]
    data = tmp_path / "data.pickle"
    data.write_bytes(pickle.dumps((losses, y, p)))
    code = "import pickle, sys; losses, y, p = pickle.load(open(sys.argv[1], 'rb')); print([loss(y, p) for loss in losses])"
    done = subprocess.run([sys.executable, "-c", code, data], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr([loss(y, p) for loss in losses])


SOURCE = """
#include <stddef.h>
void quartic(ptrdiff_t n, const double *y, const double *p, const double *q, double *value, double *gradient, double *hessian,
             int want)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        const double r = p[i] - y[i];
        if (value) value[i] = q[0] * r * r * r * r;
        if (gradient) gradient[i] = 4 * q[0] * r * r * r;
        if (hessian) hessian[i] = 12 * q[0] * r * r;
    }
    (void)want;
}
"""


def test_pointers(tmp_path: Path) -> None:
    source, library = tmp_path / "quartic.c", tmp_path / "quartic.so"
    source.write_text(SOURCE)
    run(tool("gcc"), "-shared", "-fPIC", "-O2", source, "-o", library)
    function = ctypes.CDLL(str(library)).quartic
    classes = [fl.custom_loss(function, name="Quartic", parameters={"scale": 0.5})]
    classes.append(fl.custom_loss(ctypes.cast(function, ctypes.c_void_p).value, name="Quartic", parameters={"scale": 0.5}))
    low_level = pytest.importorskip("scipy").LowLevelCallable
    function.argtypes, function.restype = [ctypes.c_void_p], None
    classes.append(fl.custom_loss(low_level(function), name="Quartic", parameters={"scale": 0.5}))
    for dtype in (np.float32, np.float64):
        y, p = RNG.standard_normal((2, 3000)).astype(dtype)
        for cls in classes:
            loss = cls(scale=2.0)
            r = p.astype(float) - y
            np.testing.assert_allclose(loss(y, p, reduction="none"), 2 * r**4, rtol=1e-6 if dtype is np.float32 else 1e-13)
            gradient, hessian = loss.gradient_and_hessian(y, p, reduction="none")
            np.testing.assert_allclose(gradient, 8 * r**3, rtol=1e-6 if dtype is np.float32 else 1e-13)
            np.testing.assert_allclose(hessian, 24 * r**2, rtol=1e-6 if dtype is np.float32 else 1e-13)
            assert gradient.dtype == dtype
    with pytest.raises(pickle.PicklingError, match="its formula is a pointer"):
        pickle.dumps(loss)


def test_boosting() -> None:
    y, p = RNG.standard_normal((2, 400))
    own, built_in = Objective(huber(delta=0.5))(y, p), Objective(fl.Huber(delta=0.5), hessian="exact")(y, p)
    np.testing.assert_allclose(own[0], built_in[0], rtol=1e-6)
    assert (own[1] > 0).all()
    assert Metric(huber())(y, p) == pytest.approx(fl.huber(y, p))
    xgb = pytest.importorskip("xgboost")
    x = RNG.standard_normal((500, 3))
    target = x[:, 0] + 0.1 * RNG.standard_normal(500)
    model = xgb.train({"nthread": 1}, xgb.DMatrix(x, target), 10, obj=Objective(Asymmetric(a=4.0)))
    assert Asymmetric(a=4.0)(target, model.predict(xgb.DMatrix(x))) < 0.5 * Asymmetric(a=4.0)(target, np.zeros(500))


# ---- the checker -----------------------------------------------------------------------------------------------------


def kinds(report: fl.custom.Report) -> set[str]:
    return {finding.kind for finding in report.findings if finding.wrong}


def wrong_gradient(y_true, y_pred):
    r = y_pred - y_true
    return r * r, r, 2.0


def wrong_hessian(y_true, y_pred):
    r = y_pred - y_true
    return r * r, 2 * r, 1.0


def wrong_far_away(y_true, y_pred):
    r = y_pred - y_true
    return r * r, 2 * r if abs(r) < 10 else 20.0, 2.0


def not_a_number(y_true, y_pred):
    r = y_pred - y_true
    return r * r, r * r * r / (r * r) * 2, 2.0


def overflowing(y_true, y_pred):
    e = math.exp(y_pred)
    return math.log1p(e) if y_pred < 30 else y_pred, e / (1 + e), 1 / (1 + e) if y_pred < 0 else e / (1 + e) / (1 + e)


def jumping(y_true, y_pred):
    r = y_pred - y_true
    return r * r + (3.0 if r > 0.77 else 0.0), 2 * r, 2.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (wrong_gradient, {"gradient", "hessian"}),
        (wrong_hessian, {"hessian"}),
        (wrong_far_away, {"gradient", "hessian"}),
        (not_a_number, {"nan"}),
        (overflowing, {"nan", "hessian"}),
        (jumping, {"jump"}),
    ],
)
def test_planted_mistakes_are_found(function: Any, expected: set[str]) -> None:
    report = fl.check_loss(fl.custom_loss(function)())
    assert not report.ok
    assert kinds(report) >= expected
    assert "WRONG" in str(report)
    if function is not overflowing:
        assert kinds(report) <= expected | {"gradient", "hessian"}


@pytest.mark.parametrize("name", sorted({*fl.list_losses("regression"), *fl.list_losses("binary")}))
def test_nothing_is_wrong_with_losses_of_numbers(name: str) -> None:
    report = fl.check_loss(fl.get_loss(name))
    assert report.ok, report
    assert report.tried > 2


@pytest.mark.parametrize(
    "loss", [fl.dice, fl.list_net, fl.triplet_margin, fl.CategoricalCrossEntropy(from_logits=True), fl.ctc]
)
def test_losses_of_other_inputs(loss: fl.Loss) -> None:
    assert fl.check_loss(loss).ok


def test_reports() -> None:
    report = fl.check_loss(fl.cauchy)
    assert report.ok
    (finding,) = [finding for finding in report.findings if finding.kind == "convexity"]
    assert not finding.wrong
    assert len(finding.inputs) == 2
    assert "not convex" in str(report)
    mine = fl.check_loss(huber(delta=2.0), [0.0, 1.0], [0.5, 7.0])
    assert mine.ok
    assert mine.tried == 2
    shifted = fl.custom_loss("(r - 1)**2")
    assert fl.check_loss(shifted()).ok
