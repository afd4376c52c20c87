"""Losses that are sums over a row: errors, zeros, nearly equal distributions, the same bits everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpmath import log, mp, mpf
from oracle import error_in_ulp, every_unit_loss, parameters_of
from references import REFERENCES
from samples import units as rows
from units import WIDTHS, check_nan_stays, check_reductions, check_same_bits, flat

import fastloss as fl

LOSSES = every_unit_loss("distributions")
FORMS = [loss for loss in LOSSES if loss.name in ("kl_divergence", "jensen_shannon")]
pytestmark = pytest.mark.filterwarnings("ignore:the probabilities of y_pred must sum to 1")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_same_bits_everywhere(loss: Any, width: int) -> None:
    check_same_bits(loss, *rows(loss, width, 70 if width < 1000 else 5))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_reductions_weights_and_nan(loss: Any) -> None:
    check_reductions(loss, *rows(loss, 5, 211))
    y, z = rows(loss, 4, 9)
    check_nan_stays(loss, y, z, 2)
    # nor does a class that does not occur hide it
    if loss in FORMS:
        y[5, 2] = -np.inf if getattr(loss, "log_target", False) else 0
        check_nan_stays(loss, y, z, 2)


def test_the_divergence_of_equal_distributions_is_nothing() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        for width in (2, 7, 300, 1031):
            p = rng.dirichlet(np.ones(width), 50).astype(dtype)
            p[0] = np.eye(width)[0]
            assert not fl.kl_divergence(p, p, reduction="none").any()
            assert not fl.jensen_shannon(p, p, reduction="none").any()
            assert not fl.jensen_shannon.gradient(p[1:], p[1:]).any()
            shuffled = p[:, rng.permutation(width)]
            assert (fl.kl_divergence(p[1:], shuffled[1:], reduction="none") >= 0).all()


def test_nearly_equal_distributions_keep_their_digits() -> None:
    """Moved mass between two classes leaves both sums as they are, to the last bit."""
    rng = np.random.default_rng(1)
    for width in (2, 10, 300):
        p = np.round(rng.dirichlet(np.ones(width), 30) * 2.0**40) / 2.0**40 + 2.0**-12
        p /= 2.0 ** np.ceil(np.log2(p.sum(axis=1, keepdims=True)))
        q = p.copy()
        step = 2.0 ** -rng.integers(20, 45, 30)
        q[:, 0] += step
        q[:, 1] -= step
        for loss in (fl.kl_divergence, fl.jensen_shannon):
            values = loss(p, q, reduction="none")
            with mp.workdps(80):
                for i in range(30):
                    x, y = ([mpf(float(t)) for t in array[i, :2]] for array in (p, q))
                    exact = REFERENCES[loss.name].value(x, y, **parameters_of(loss))
                    assert error_in_ulp(values[i], exact, np.float64) <= 6
            assert (values > 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_terms_keep_their_digits_where_the_middle_is_twice_the_smaller_one(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    quotients = 3 + 2.0 ** -rng.uniform(1, 20, 4000)
    small = rng.uniform(2.0**-9, 0.25, quotients.size).astype(dtype)
    large = (small * quotients).astype(dtype)
    values = fl.jensen_shannon(small[:, None], large[:, None], reduction="none")
    assert values.tolist() == fl.jensen_shannon(large[:, None], small[:, None], reduction="none").tolist()
    exact = REFERENCES["jensen_shannon"].value
    with mp.workdps(80):
        for value, p, q in zip(values, small, large, strict=True):
            assert error_in_ulp(value, exact([mpf(float(p))], [mpf(float(q))], False), dtype) <= 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_classes_keep_their_digits_where_quotients_pass_powers_of_two(dtype: Any) -> None:
    rng = np.random.default_rng(5)
    ranges = ((1.9, 2.3), (0.3, 0.55), (3.8, 4.3), (0.23, 0.27))
    quotients = np.concatenate([rng.uniform(low, high, 400) for low, high in ranges])
    share = rng.uniform(0.01, 0.2, quotients.size)
    p, q = (np.stack([a, 1 - a], axis=1).astype(dtype) for a in (share, share * quotients))
    values = fl.kl_divergence(p, q, reduction="none")
    exact = REFERENCES["kl_divergence"].value
    with mp.workdps(80):
        for value, *rows_of_two in zip(values, p, q, strict=True):
            x, y = ([mpf(float(t)) for t in row] for row in rows_of_two)
            assert error_in_ulp(value, exact(x, y, **parameters_of(fl.kl_divergence)), dtype) <= 6


def test_zeros() -> None:
    inf = np.inf
    p = np.array([[0.0, 1.0, 0.0]])
    assert fl.kl_divergence(p, [[0.0, 1.0, 0.0]]) == 0.0
    assert fl.kl_divergence(p, [[0.5, 0.5, 0.0]]) == np.log(2)
    assert fl.kl_divergence(p, [[0.5, 0.0, 0.5]]) == inf
    np.testing.assert_array_equal(fl.kl_divergence.gradient(p, [[0.5, 0.5, 0.0]]), [[0, -2, 0]])
    np.testing.assert_array_equal(fl.kl_divergence.gradient(p, [[0.5, 0.0, 0.5]]), [[0, -inf, 0]])
    np.testing.assert_array_equal(fl.kl_divergence.gradient_and_hessian(p, [[0.5, 0.0, 0.5]])[1], [[0, inf, 0]])
    from_log = fl.KLDivergence(from_log=True)
    assert from_log(p, [[-inf, 0.0, -inf]]) == 0.0
    assert from_log([[0.5, 0.5]], [[-inf, 0.0]]) == inf
    assert fl.KLDivergence(from_log=True, log_target=True)([[-inf, 0.0]], [[-inf, 0.0]]) == 0.0
    assert fl.KLDivergence(log_target=True)([[-inf, 0.0]], [[0.0, 1.0]]) == 0.0
    assert fl.KLDivergence(log_target=True)([[0.0, -inf]], [[0.0, 1.0]]) == inf
    from_logits = fl.KLDivergence(from_logits=True)
    assert from_logits([[0.0, 1.0]], [[-inf, 3.0]]) == 0.0
    assert from_logits([[0.5, 0.5]], [[-inf, 3.0]]) == inf
    np.testing.assert_array_equal(from_logits.gradient([[0.0, 1.0]], [[-inf, 3.0]]), [[0, 0]])
    for width in (2, 300):
        a, b = np.eye(width)[:1], np.eye(width)[1:2]
        assert fl.jensen_shannon(a, b) == np.log(2)
        g, h = fl.jensen_shannon.gradient_and_hessian(a, b)
        assert g[0, :2].tolist() == [-inf, np.log(2) / 2]
        assert h[0, :2].tolist() == [inf, 0]
        scores = np.where(b > 0, 0.0, -inf)
        loss = fl.JensenShannon(from_logits=True)
        assert loss(a, scores) == np.log(2)
        assert not np.any(loss.gradient_and_hessian(a, scores))
    # a label of 0 or 1 takes nothing of an infinite score that is right
    assert fl.multi_label_soft_margin([[1, 0]], [[inf, -inf]]) == 0.0
    assert fl.multi_label_soft_margin([[0, 0]], [[inf, -inf]]) == inf
    assert fl.gaussian_kl([[0.0]], [[-inf]]) == inf
    assert fl.gaussian_kl([[0.0]], [[inf]]) == inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shares_of_any_size(dtype: Any) -> None:
    """Down to the smallest number beside 1, on either side."""
    info = np.finfo(dtype)
    eps, least = float(info.eps), float(info.smallest_subnormal)
    sizes = 2.0 ** np.arange(info.minexp - info.nmant, 0, 3)
    ones = np.ones_like(sizes)
    logs = np.array([float(log(2 * mpf(size) / (1 + mpf(size)))) for size in sizes])
    for p, q, gradient in ((ones, sizes, logs / 2), (sizes, ones, np.log(2 / (1 + sizes)) / 2)):
        found = fl.jensen_shannon.gradient(p.astype(dtype)[:, None], q.astype(dtype)[:, None], reduction="none")[:, 0]
        assert found == pytest.approx(gradient, rel=2 * eps)
        value = fl.jensen_shannon(p.astype(dtype)[:, None], q.astype(dtype)[:, None], reduction="none")
        small = np.array([float(log(2 / (1 + mpf(size))) + mpf(size) * log(2 * mpf(size) / (1 + mpf(size)))) for size in sizes])
        assert value == pytest.approx(small / 2, rel=2 * eps)
    value = fl.kl_divergence(sizes.astype(dtype)[:, None], ones.astype(dtype)[:, None], reduction="none")
    # below the smallest normal number, results are multiples of the smallest one
    exact = [float(mpf(size) * log(mpf(size))) for size in sizes]
    assert value == pytest.approx(exact, rel=2 * eps, abs=least)
    value = fl.kl_divergence(ones.astype(dtype)[:, None], sizes.astype(dtype)[:, None], reduction="none")
    assert value == pytest.approx([-float(log(mpf(size))) for size in sizes], rel=2 * eps)


def test_the_divergence_is_bounded() -> None:
    rng = np.random.default_rng(2)
    for width in (2, 10, 500):
        p, q = rng.dirichlet(np.ones(width) / 5, 100), rng.dirichlet(np.ones(width) / 5, 100)
        values = fl.jensen_shannon(p, q, reduction="none")
        assert (values >= 0).all()
        assert (values <= np.log(2) * (1 + 4 * np.finfo(float).eps)).all()
        np.testing.assert_allclose(values, fl.jensen_shannon(q, p, reduction="none"), rtol=1e-15)


def test_forms_agree() -> None:
    rng = np.random.default_rng(3)
    p, q = rng.dirichlet(np.ones(6), 20), rng.dirichlet(np.ones(6), 20)
    expected = fl.kl_divergence(p, q)
    for loss in FORMS:
        if loss.name == "kl_divergence":
            y = np.log(p) if loss.log_target else p
            x = np.log(q) if loss.from_log or loss.from_logits else q
            assert loss(y, x) == pytest.approx(expected, rel=1e-14)
    assert fl.JensenShannon(from_logits=True)(p, np.log(q)) == pytest.approx(fl.jensen_shannon(p, q), rel=1e-14)
    plain = fl.CategoricalCrossEntropy(from_logits=True)
    by_entropy = plain(p, np.log(q)) + np.sum(p * np.log(p)) / 20
    assert by_entropy == pytest.approx(expected, rel=1e-13)
    start = fl.KLDivergence(from_logits=True).init_score(p)
    np.testing.assert_allclose(np.exp(start), p.mean(axis=0))
    np.testing.assert_allclose(fl.KLDivergence(log_target=True).init_score(np.log(p)), p.mean(axis=0))
    with pytest.raises(TypeError, match="no starting score"):
        fl.jensen_shannon.init_score(p)


def test_clipping() -> None:
    loss = fl.KLDivergence(eps=1e-3)
    assert loss([[0.5, 0.5]], [[0.0, 1.0]]) == pytest.approx(0.5 * np.log(500) + 0.5 * np.log(0.5))
    np.testing.assert_array_equal(loss.gradient([[0.5, 0.5]], [[0.0, 1.0]]), [[0, -0.5]])


def test_bad_probabilities() -> None:
    good, bad = [[0.5, 0.5]], [[-0.25, 1.25]]
    for loss in (fl.kl_divergence, fl.jensen_shannon):
        for call in (loss, loss.gradient, loss.gradient_and_hessian):
            with pytest.raises(
                ValueError, match=r"y_pred must lie in \[0, 1\] for .*; got -0.25 at index \(0, 0\). Pass from_logits"
            ):
                call(good, bad)
            with pytest.raises(ValueError, match=r"y_true must lie in \[0, 1\] for .*; got -0.25 at index \(0, 0\)"):
                call(bad, good)
    for loss in (*FORMS, fl.multi_label_soft_margin):
        if not getattr(loss, "log_target", False):
            with pytest.raises(ValueError, match=r"y_true must lie in \[0, 1\]"):
                loss(bad, good)
            # a row that weighs nothing is not looked at
            assert np.isfinite(loss([*bad, *good], [*good, *good], [0, 1]))
    with pytest.raises(ValueError, match="not both"):
        fl.KLDivergence(from_logits=True, from_log=True)
    with pytest.raises(ValueError, match=r"y_true must have shape \(1, 2\) for a distribution"):
        fl.kl_divergence([0], good)
    with pytest.raises(ValueError, match="mean and log_var must have the same shape"):
        fl.gaussian_kl([[1.0]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="must have an axis of at least one number for each loss"):
        fl.gaussian_kl(1.0, 1.0)
    with pytest.raises(ValueError, match="var_q must be > 0 for GaussianCrossEntropy"):
        fl.gaussian_cross_entropy([0.0], [1.0], [0.0], [0.0])
    with pytest.raises(ValueError, match="var_p must be > 0 for GaussianCrossEntropy"):
        fl.gaussian_cross_entropy([0.0], [-1.0], [0.0], [1.0])


def test_soft_margin_weighs_classes() -> None:
    rng = np.random.default_rng(4)
    y, z, w = rng.integers(0, 2, (9, 3)), rng.standard_normal((9, 3)), np.array([1.0, 0.0, 2.5])
    loss = fl.MultiLabelSoftMargin(class_weight=w)
    terms = np.logaddexp(0, np.where(y == 1, -z, z)) * w
    assert loss(y, z) == pytest.approx(terms.mean(), rel=1e-14)
    assert not loss.gradient(y, z)[:, 1].any()
    start = fl.multi_label_soft_margin.init_score(y)
    np.testing.assert_allclose(fl.multi_label_soft_margin.inverse_link(start), np.clip(y.mean(axis=0), 2**-52, 1 - 2**-52))


def test_both_inputs_are_predictions() -> None:
    rng = np.random.default_rng(5)
    mean, log_var = rng.standard_normal((2, 4, 3))
    out = (np.empty((4, 3)), np.empty((4, 3), np.float32))
    value, gradients = fl.gaussian_kl.value_and_gradient(mean=mean, log_var=log_var, out=out)
    assert gradients == out
    assert value == fl.gaussian_kl(mean, log_var)
    np.testing.assert_allclose(out[0], mean / 4)
    np.testing.assert_allclose(out[1], np.expm1(log_var) / 8, rtol=1e-6)
    # float32 only where both are
    assert [g.dtype for g in flat(fl.gaussian_kl.gradient(mean.astype(np.float32), log_var))] == [np.float32, np.float64]
    assert fl.gaussian_kl.init_score() == (0.0, 0.0)
    p = rng.standard_normal(50), rng.uniform(0.5, 2, 50)
    m, v = fl.gaussian_cross_entropy.init_score(*p)
    gradients = fl.gaussian_cross_entropy.gradient(*p, np.full(50, m), np.full(50, v), reduction="none")
    np.testing.assert_allclose([g.sum() for g in gradients], 0, atol=1e-13)
