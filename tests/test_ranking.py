"""Losses of ranking: targets of pairs, groups with and without an order, and what the derivatives are those of."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
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
    # None is one that is left out
    assert loss(first, second, None) == loss(first, second) == loss(first, second, np.ones(len(first), dtype))


@pytest.mark.slow
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


# ---- groups -------------------------------------------------------------------------------------------------------

GROUPS = [fl.rank_net, fl.list_net, fl.list_mle, fl.lambda_rank, fl.LambdaRank(k=3, gain="linear")]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def some_groups(dtype: Any, n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Groups of all sizes up to 70, two of them empty, with ties of relevance and of scores."""
    rng = np.random.default_rng(seed)
    sizes = np.array([0, 1, 2, 70, 5, 0, 64, 65, n - 207])
    score = rng.standard_normal(n).astype(dtype)
    score[::5] = 0.25
    return rng.integers(0, 4, n).astype(dtype), score, sizes


@pytest.mark.parametrize("loss", GROUPS, ids=repr)
def test_groups_without_an_order(loss: Any) -> None:
    """No item, one item, items that are all alike: documented values, and gradients of 0."""
    for relevance, score, group in (([], [], []), ([], [], [0, 0]), ([3], [2.5], [1]), ([3], [2.5], [0, 1, 0])):
        value, gradient = loss.value_and_gradient(relevance, score, group, reduction="none")
        assert value.shape == (len(group),)
        assert not value.any()
        assert gradient.shape == (len(score),)
        assert not gradient.any()
    for grade in (0.0, 2.0):
        value, gradient = loss.value_and_gradient([grade] * 3, [0.5] * 3, [3], reduction="none")
        ordered = loss.name == "list_mle"
        expected = math.log(6) if ordered else math.log(3) if loss.name == "list_net" else 0.0
        assert value[0] == pytest.approx(expected, rel=1e-15)
        # ListMLE takes ties for an order, that of their places
        np.testing.assert_allclose(gradient, [-2 / 3, -1 / 6, 5 / 6] if ordered else 0.0, atol=1e-15)
    if loss.name in ("rank_net", "lambda_rank"):
        assert not np.any(loss.gradient_and_hessian([2.0] * 3, [0.5, -1.0, 3.0], [3]))


@pytest.mark.parametrize("loss", GROUPS, ids=repr)
def test_ties_go_by_place_and_groups_stand_alone(loss: Any) -> None:
    relevance, score, sizes = some_groups(np.float64)
    value, gradient = loss.value_and_gradient(relevance, score, sizes, reduction="none")
    hessian = loss.gradient_and_hessian(relevance, score, sizes, reduction="none")[1]
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    assert (hessian >= 0).all()
    ends = np.cumsum(sizes)
    for i, (end, size) in enumerate(zip(ends, sizes, strict=True)):
        some = slice(end - size, end)
        alone = loss.value_and_gradient(relevance[some], score[some], [size], reduction="none")
        np.testing.assert_array_equal(alone[0], value[i : i + 1])
        np.testing.assert_array_equal(alone[1], gradient[some])
        assert abs(gradient[some].sum()) <= 1e-13 * max(np.abs(gradient[some]).sum(), 1)
    weights = np.arange(9.0)
    weights[3] = 0
    np.testing.assert_array_equal(loss(relevance, score, sizes, sample_weight=weights, reduction="none"), value * weights)
    weighted = loss.gradient(relevance, score, sizes, sample_weight=weights, reduction="none")
    np.testing.assert_allclose(weighted, gradient * np.repeat(weights, sizes), rtol=1e-14)
    assert not weighted[ends[2] : ends[3]].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_of_all_lengths_are_computed_as_if_alone(dtype: Any) -> None:
    """Short ones lie side by side, as many as fit, and long ones do not; none knows of the others."""
    rng = np.random.default_rng(7)
    sizes = np.concatenate([[0, 1, 127, 128, 129, 64, 65, 0, 700, 1100], rng.integers(0, 200, 40), rng.integers(0, 4, 150)])
    n = sizes.sum()
    relevance, score = rng.integers(0, 5, n).astype(dtype), rng.normal(scale=3.0, size=n).astype(dtype)
    weights = rng.random(len(sizes)) * (rng.random(len(sizes)) > 0.2)
    for loss in (fl.list_net, fl.ListNet(temperature=0.5)):
        value, gradient = loss.value_and_gradient(relevance, score, sizes, sample_weight=weights, reduction="none")
        hessian = loss.gradient_and_hessian(relevance, score, sizes, sample_weight=weights, reduction="none")[1]
        for end, size, weight, own in zip(np.cumsum(sizes), sizes, weights, value, strict=True):
            some = slice(end - size, end)
            alone = loss.value_and_gradient(relevance[some], score[some], [size], sample_weight=[weight], reduction="none")
            np.testing.assert_array_equal(alone[0], [own])
            np.testing.assert_array_equal(alone[1], gradient[some])
            only = loss.gradient_and_hessian(relevance[some], score[some], [size], sample_weight=[weight], reduction="none")
            np.testing.assert_array_equal(only[1], hessian[some])
            if weight and size:
                gains = np.exp((relevance[some] - relevance[some].max()).astype(float))
                logits = (score[some] / np.array(loss.temperature)).astype(float)
                expected = weight * (
                    gains / gains.sum() @ (np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits)
                )
                np.testing.assert_allclose(own, expected, rtol=1e-5 if dtype is np.float32 else 1e-12, atol=1e-12)


@pytest.mark.parametrize("place", [0, 3, 69])
@pytest.mark.parametrize("loss", GROUPS[1:], ids=repr)
def test_a_nan_spoils_its_group(loss: Any, place: int) -> None:
    for which in (0, 1):
        inputs = some_groups(np.float32)
        inputs[which][3 + place] = np.nan
        value, gradient = loss.value_and_gradient(*inputs, reduction="none")
        assert np.flatnonzero(np.isnan(value)).tolist() == [3]
        assert np.flatnonzero(np.isnan(gradient)).tolist() == list(range(3, 73))


@pytest.mark.parametrize("dtype", DTYPES)
def test_lists_of_scores_far_apart(dtype: Any) -> None:
    """Neither order nor size makes a sum overflow, or lose what is left of it."""
    loss, far = fl.list_mle, dtype(1e30)
    value, gradient = loss.value_and_gradient([2, 1, 0], np.array([-far, 0, far]), [3])
    assert value == pytest.approx(3e30, rel=1e-6)
    np.testing.assert_array_equal(gradient, [-1, -1, 2])
    assert loss([2, 1, 0], np.array([far, 0, -far]), [3]) == 0.0
    assert loss([1, 0], np.array([60, 0], dtype), [2]) == pytest.approx(math.exp(-60), rel=1e-6)
    rising = np.linspace(-400, 400, 300).astype(dtype)
    for scores in (rising, rising[::-1].copy()):
        relevance = np.arange(300)[::-1].astype(dtype)
        logs = np.logaddexp.accumulate(scores[::-1].astype(float))[::-1]
        assert loss(relevance, scores, [300]) == pytest.approx((logs - scores).sum(), rel=1e-5)
        expected = np.array([np.exp(scores[k] - logs[: k + 1].astype(float)).sum() - 1 for k in range(300)])
        np.testing.assert_allclose(loss.gradient(relevance, scores, [300]), expected, rtol=1e-4, atol=1e-5)
    assert fl.list_net([1, 0], np.array([0, far]), [2]) == pytest.approx(1e30 * math.e / (1 + math.e), rel=1e-6)
    assert fl.list_net([1, 0], np.array([-np.inf, 0], dtype), [2]) == np.inf


def test_the_temperature_is_that_of_the_scores() -> None:
    relevance, score, _ = some_groups(np.float64)
    for temperature in (0.5, 3.0):
        expected = -softmax(relevance[:50]) @ np.log(softmax(score[:50] / temperature))
        assert fl.ListNet(temperature)(relevance[:50], score[:50], [50]) == pytest.approx(expected, rel=1e-13)


# ---- LambdaRank ---------------------------------------------------------------------------------------------------


def lambdas(r: np.ndarray, s: np.ndarray, sigma: float, k: int | None, exponential: bool) -> tuple[float, Any, Any]:
    """By definition, pair by pair."""
    n = len(r)
    k = n if k is None else min(k, n)
    gain = 2.0**r - 1 if exponential else r
    rank = np.empty(n, int)
    rank[np.argsort(-s, kind="stable")] = np.arange(n)
    discount = 1 / np.log2(2 + np.arange(n))
    ideal = np.sort(gain)[::-1][:k] @ discount[:k]
    gradient, hessian = np.zeros((2, n))
    if not ideal:
        return 0.0, gradient, hessian
    for i in range(n):
        for j in range(n):
            if r[i] > r[j] and min(rank[i], rank[j]) < k:
                change = (gain[i] - gain[j]) * abs(discount[rank[i]] - discount[rank[j]]) / ideal
                wrong = 1 / (1 + np.exp(sigma * (s[i] - s[j])))
                gradient[i] -= sigma * wrong * change
                gradient[j] += sigma * wrong * change
                hessian[[i, j]] += sigma**2 * wrong * (1 - wrong) * change
    return 1 - gain[rank < k] @ discount[rank[rank < k]] / ideal, gradient, hessian


@pytest.mark.parametrize("k", [None, 1, 10, 1000])
@pytest.mark.parametrize("gain", ["exp2", "linear"])
def test_lambdas(gain: str, k: int | None) -> None:
    relevance, score, sizes = some_groups(np.float64)
    relevance[3:73] = 0
    loss = fl.LambdaRank(sigma=1.5, k=k, gain=gain)
    value = loss(relevance, score, sizes, reduction="none")
    gradient, hessian = loss.gradient_and_hessian(relevance, score, sizes, reduction="none")
    for i, (end, size) in enumerate(zip(np.cumsum(sizes), sizes, strict=True)):
        some = slice(end - size, end)
        expected = lambdas(relevance[some], score[some], 1.5, k, gain == "exp2")
        assert value[i] == pytest.approx(expected[0], abs=1e-14)
        np.testing.assert_allclose(gradient[some], expected[1], rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(hessian[some], expected[2], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gains_of_any_size(dtype: Any) -> None:
    """Grades whose gains exceed every number, in single precision at least; linear ones of all sizes."""
    for high in (30, 31, 32, 63, 64, 200, 1023):
        value = fl.lambda_rank(np.array([high, 0], dtype), np.array([0, 1], dtype), [2])
        assert value == pytest.approx(1 - math.log(2) / math.log(3), rel=1e-6)
        near = fl.lambda_rank.gradient(np.array([high, high - 1, 0], dtype), np.array([0, 1, 2], dtype), [3])
        assert np.isfinite(near).all()
        assert near[0] < 0 < near[2]
    huge = float(np.finfo(dtype).max)
    for size in (huge, 1.0, 1e-30, float(np.finfo(dtype).smallest_subnormal)):
        loss = fl.LambdaRank(gain="linear")
        assert loss(np.array([size, size, 0], dtype), np.array([2, 1, 0], dtype), [3]) == 0.0
        value, gradient = loss.value_and_gradient(np.array([size, 0], dtype), np.array([0, 1], dtype), [2])
        assert value == pytest.approx(1 - math.log(2) / math.log(3), rel=1e-6)
        assert gradient[0] < 0


@pytest.mark.parametrize(
    ("loss", "relevance", "message"),
    [
        (
            fl.lambda_rank,
            [0, 1024.0, 1],
            r"^relevance must hold whole numbers from 0 to 1023 for .*; got 1024.0 at index 1\. Pass",
        ),
        (fl.lambda_rank, [0, 1, 1.5], r"^relevance must hold whole numbers from 0 to 1023 for .*; got 1.5 at index 2\."),
        (fl.lambda_rank, [-1.0, 1, 2], r"^relevance must hold whole numbers from 0 to 1023 for .*; got -1.0 at index 0\."),
        (fl.lambda_rank, [0, np.inf, 2], r"^relevance must hold whole numbers .* got inf at index 1\."),
        (fl.LambdaRank(gain="linear"), [0, 1, -0.5], r"^relevance must be >= 0 for .*; got -0.5 at index 2\."),
    ],
)
def test_relevances_without_a_gain(loss: Any, relevance: list[float], message: str) -> None:
    for call in (loss, loss.gradient):
        with pytest.raises(ValueError, match=message):
            call(relevance, [0.0, 1.0, 2.0], [1, 2])
    with pytest.raises(ValueError, match=message):
        loss(relevance, [0.0, 1.0, 2.0], [1, 2], sample_weight=[1, 2])
    # groups of no weight may have any
    clean = [1.0, 1.0, *relevance]
    assert loss(clean, [0.0, 1.0, 2.0, 3.0, 4.0], [2, 3], sample_weight=[1, 0]) == 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.LambdaRank(k=0), "LambdaRank: k must be an integer from 1, or None; got 0."),
        (lambda: fl.LambdaRank(k=2.5), "LambdaRank: k must be an integer from 1, or None; got 2.5."),
        (lambda: fl.LambdaRank(k=True), "LambdaRank: k must be an integer from 1, or None; got True."),
        (lambda: fl.LambdaRank(gain="square"), "LambdaRank: gain must be 'exp2' or 'linear'; got 'square'."),
        (lambda: fl.LambdaRank(sigma=0), "LambdaRank: sigma must be > 0; got 0."),
        (lambda: fl.ListNet(temperature=-1), "ListNet: temperature must be > 0; got -1."),
    ],
)
def test_parameters_of_ranking(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# ---- evaluations --------------------------------------------------------------------------------------------------


def queries(n_groups: int = 150) -> dict[str, np.ndarray]:
    """Rows of groups of 1 to 12, with identifiers in no order, and one weight for each group."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 13, n_groups)
    n = int(sizes.sum())
    identifiers = np.repeat(rng.permutation(n_groups) * 7 - 30, sizes)
    weights = np.repeat(rng.integers(0, 4, n_groups) / 2, sizes)
    return {"grade": rng.integers(0, 4, n), "score": rng.standard_normal(n), "query": identifiers, "w": weights}


RANKERS = {"rank_net": fl.rank_net, "list_mle": fl.list_mle, "lambda_rank:k=5,gain=linear": fl.LambdaRank(k=5, gain="linear")}


def of_queries(data: dict[str, np.ndarray], weighted: bool) -> dict[str, float]:
    begins = np.flatnonzero(np.r_[True, data["query"][1:] != data["query"][:-1]])
    sizes = np.diff(np.r_[begins, len(data["query"])])
    weights = data["w"][begins] if weighted else None
    return {name: loss(data["grade"], data["score"], sizes, sample_weight=weights) for name, loss in RANKERS.items()}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_the_command_line_knows_groups(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str, weighted: bool
) -> None:
    """Wherever files and pieces of them are cut."""
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("rich")
    from fastloss import _readers
    from fastloss.cli import main

    monkeypatch.setattr(_readers, "_NUMBERS_PER_BATCH", 60)
    monkeypatch.setattr(_readers, "_BLOCK_BYTES", 1000)
    data = queries()
    for i, rows in enumerate(np.array_split(np.arange(len(data["query"])), 7)):
        part, path = {name: column[rows] for name, column in data.items()}, tmp_path / f"{i}{suffix}"
        if suffix == ".npz":
            np.savez(path, **part)
        elif suffix == ".csv":
            importlib.import_module("pyarrow.csv").write_csv(pa.table(part), path)
        else:
            importlib.import_module("pyarrow.parquet").write_table(pa.table(part), path, row_group_size=50)
    command = ["evaluate", str(tmp_path / f"*{suffix}"), "--y-true", "grade", "--y-pred", "score", "--group", "query", "--json"]
    command += [word for name in RANKERS for word in ("--loss", name)] + (["--weights", "w"] if weighted else [])
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert {item["loss"]: item["value"] for item in found["results"]} == of_queries(data, weighted)
    assert found["n"] == len(data["query"])


def test_groups_that_come_again_and_other_mistakes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("rich")
    from fastloss.cli import main

    path = tmp_path / "x.csv"
    path.write_text("relevance,score,group,w\n1,0.5,7,1\n0,1.5,7,2\n1,1,8,1\n0,0,8,1\n2,0,7,1\n")
    for options, code, message in (
        (["--loss", "rank_net"], 1, f"{path}: the group 7 comes again at row 4"),
        (["--loss", "mse", "--group", "group"], 2, "argument --group: no loss is one of groups"),
    ):
        assert main(["evaluate", str(path), *options]) == code
        assert message in capsys.readouterr().err
    path.write_text("relevance,score,group,w\n1,0.5,7,1\n0,1.5,7,2\n")
    assert main(["evaluate", str(path), "--loss", "rank_net", "--weights", "w"]) == 1
    assert f"{path}: the rows of a group must have one weight; got 2 at index 1" in capsys.readouterr().err
    path.write_text("relevance,score,group\n1,0.5,7\n0,1.5,7\n1.5,1,8\n")
    assert main(["evaluate", str(path), "--loss", "lambda_rank"]) == 1
    assert "got 1.5 at index 2" in capsys.readouterr().err


@pytest.mark.parametrize("weighted", [False, True])
def test_dask_knows_groups(weighted: bool) -> None:
    da = pytest.importorskip("dask.array")
    import fastloss.dask

    data = queries()
    names = ["grade", "score", *(["w"] if weighted else [])]
    begins = np.flatnonzero(np.r_[True, data["query"][1:] != data["query"][:-1]])
    chunks = np.diff(np.r_[begins[::20], len(data["query"])]).tolist()
    arrays = [da.from_array(data[name], chunks=(tuple(chunks),)) for name in names]
    group = da.from_array(data["query"], chunks=(tuple(chunks),))
    assert fastloss.dask.evaluate(RANKERS, *arrays, group=group, split_every=3) == of_queries(data, weighted)
    cut = [array.rechunk((37,)) for array in (*arrays, group)]
    with pytest.raises(ValueError, match=r"the group -?\d+ lies in more than one partition"):
        fastloss.dask.evaluate(RANKERS, *cut[:-1], group=cut[-1])
