"""The benchmarks, without timing: their cases, that peers compute the same, the report, and counts of instructions."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastloss as fl
from benchmarks import cases, instructions, peers, report, roof, run
from benchmarks.peers import elementwise

N = 400


def test_cases_are_those_of_the_registry() -> None:
    found = cases.every_case([10**4])
    assert {case.loss.name for case in found} == set(fl.list_losses())
    for dtype in cases.DTYPES:
        for what in cases.WHATS:
            own = {case.loss for case in found if (case.dtype, case.what) == (dtype, what)}
            assert own == {loss for loss in cases.instances() if cases.computes(loss, what)}
    assert {case.width for case in found if case.loss.name == cases.SOFTMAX and case.loss.from_logits} == set(
        cases.ROWS_OF_SCORES
    )
    assert {case.loss.name for case in cases.every_case([100], names=["huber"])} == {"huber"}
    assert [case.name for case in cases.every_case([100], ["float32"], ["value"], ["Brier(from"])] == [
        "Brier(from_logits=True)"
    ]


def small(what: str, dtype: str) -> list[cases.Case]:
    """Every loss, of few numbers: units are no wider than these."""
    found = cases.every_case([10**4], [dtype], [what])
    return [cases.Case(case.loss, dtype, N, min(case.width, N // 10), what) for case in found]


@pytest.mark.parametrize("what", cases.WHATS)
def test_every_case_can_be_called(what: str) -> None:
    for case in small(what, "float32"):
        results = cases.leaves(case.job()())
        assert len(results) == {"value": 1, "value_and_gradient": 1, "gradient_and_hessian": 0}[what] + len(case.outputs()), (
            case
        )
        assert all(np.isfinite(result).all() for result in results), case


# What is compiled for each case takes minutes for all of them.
COMPILED = {"numba_": ["float32"], "jax_": ["float64"]}


@pytest.mark.parametrize(
    "module", [pytest.param(name, marks=pytest.mark.slow) if name in COMPILED else name for name in peers.MODULES]
)
def test_peers_compute_the_same(module: str) -> None:
    if not peers.version_of(peers.MODULES[module]):
        pytest.skip(f"{peers.MODULES[module]} is not installed")
    compared: dict[str, int] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        makers = import_module(f"benchmarks.peers.{module}").PEERS
        for case in [
            case for what in cases.WHATS for dtype in COMPILED.get(module, cases.DTYPES) for case in small(what, dtype)
        ]:
            if module in COMPILED and case.what == "value":
                # a part of the next one
                continue
            for name, make in makers.items():
                job = make(case) if name != run.SLOW_TO_COMPILE else None
                if job is not None:
                    apart = cases.difference(case, case.job()(), job()) / peers.ALLOWANCES.get(name, 1)
                    assert apart <= 1, f"{name}: {case}"
                    compared[name] = compared.get(name, 0) + 1
    assert all(count > 10 for count in compared.values())
    assert compared


def test_a_peer_that_computes_something_else_is_noticed() -> None:
    case = cases.Case(fl.huber, "float64", 100, 1, "value_and_gradient")
    value, gradient = case.job()()
    assert cases.difference(case, (value, gradient), (value, gradient)) == 0
    for other in ((value * (1 + 1e-8), gradient), (value, gradient * 2), (value, gradient[:50]), (math.nan, gradient)):
        assert cases.difference(case, (value, gradient), other) > 1

    def make(case: cases.Case) -> Any:
        return lambda: (value * 2, gradient)

    row = run.measure(case, {"other": make, "same": lambda case: case.job()}, 1, {"seconds": 0.0, "patience": 1.0})
    assert set(row["times"]) == {"fastloss", "roof", "same"}
    assert row["differing"].keys() == {"other"}


def test_errors_are_those_of_single_precision() -> None:
    for what in cases.WHATS:
        case = cases.Case(fl.log_cosh, "float32", 1000, 1, what)
        truth = cases.exact(case)
        # the promises: values and gradients 4, Hessians 6; a mean is rounded less than what it is made of
        assert 0 < cases.error(case, truth, case.job()()) <= 6
        assert cases.error(case, truth, truth) == 0
    case = cases.Case(fl.log_cosh, "float32", 1000, 1, "value_and_gradient")
    value, gradient = cases.exact(case)
    moved = gradient.astype(np.float32)
    moved[7] += 5 * np.spacing(np.abs(moved[7]))
    assert 4.5 <= cases.error(case, (value, gradient), (value, moved)) <= 5.5
    # the value of such a pair is not what is looked at
    assert cases.error(case, (value, gradient), (2 * value, gradient)) == 0
    assert not cases.has_digits(cases.Case(fl.dice, "float32", 4096, 4096, "value"))
    assert not cases.has_digits(cases.Case(fl.huber, "float64", 10, 1, "value"))


def test_expressions_are_taken_apart() -> None:
    parts = elementwise.parts_of("1 - np.mean(np.maximum(0, (d := y_pred - y_true)) ** 2 + d)")
    assert parts.outcome == "1 - total / size_of_all"
    for y, p in ((1.0, 3.0), (3.0, 1.0)):
        assert eval(parts.term, {"y_true": y, "y_pred": p}) == max(0, p - y) ** 2 + p - y
    assert elementwise.scalar("(y_pred / n, np.sign(y_true) / n)") == [
        "y_pred / n",
        "(1 if y_true > 0 else -1 if y_true < 0 else 0) / n",
    ]
    texts, constants = elementwise.with_named_constants(["2 * x ** 2 + 0.5"], np.float32)
    assert eval(texts[0], constants | {"x": np.float32(3)}) == 18.5
    assert {type(number) for number in constants.values()} == {np.float32}
    for text in (
        "np.mean(np.sum(y_pred, axis=-1))",
        "np.mean(y_pred[np.arange(n)])",
        "np.median(y_pred)",
        "np.mean(a) + np.mean(b)",
    ):
        with pytest.raises(elementwise.NotElementwiseError):
            elementwise.parts_of(text)


def test_the_roof_reads_and_writes_everything() -> None:
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    rng = np.random.default_rng(0)
    for threads in (1, 2):
        inputs = [rng.standard_normal(n).astype(np.float32) for n in (400_000, 1_000)]
        outputs = [np.full(n, 7.0) for n in (400_000, 7)]
        roof.call(inputs, outputs, threads)()
        assert (outputs[0] != 7).all()
        assert (outputs[1] != 7).all()


def results() -> dict[str, Any]:
    """What `run` writes, of two rows."""
    facts = {"cpus": 2, "cpu": "a processor", "isa": "avx2", "caches": {"L1": "32K"}, "compiler": "GCC", "date": "2026-01-01"}
    row = {"name": "huber", "family": "regression", "plan": "elements", "n": 10**6, "width": 1, "threads": 2}
    row |= {"loss": "Huber", "dtype": "float32", "what": "value_and_gradient"}
    ulp = {"fastloss": 1.5, "NumPy": 2e5}
    first = row | {
        "ulp": ulp,
        "times": {"fastloss": [2e-3, 3e-3], "roof": [1e-3, 1e-3], "NumPy": [1.6e-2, 2e-2], "numba": [1e-3, 1e-3]},
    }
    second = row | {"what": "value", "times": {"fastloss": [1e-3, 3e-3], "roof": [1e-3, 1e-3], "NumPy": [2e-3, 2e-2]}}
    return {"facts": facts | {"versions": {"numpy": "2.4"}}, "seconds": 3, "rows": [first, second]}


def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    found = results()
    text = report.readme_table(found)
    assert "| `Huber` | 2 ms (1.5 ulp) | 8.0x (2e+05 ulp) | 0.50x |" in text
    assert "| NumPy | 2 | 4.0 | 2.0 | 0 |" in text
    assert "| numba | 1 | 0.50 | 0.50 | 1 |" in text
    assert "1 of 3" in text
    unit = {"loss": "Huber", "dtype": "float32", "n": 10, "times": {"unit": [1e-6, 1e-6], "value": [2e-6, 3e-6]}}
    growth = {"loss": "Huber", "what": "value", "n": 10, "layer": "pool", "threads": 1, "callers": 1, "times": [1e-6, 2e-6]}
    tables = {"losses": found, "exps": {"facts": {}, "rows": [unit]}, "growth": {"facts": {}, "rows": [growth]}}
    for name, content in tables.items():
        run.write(tmp_path / "results" / f"{name}.json", content)
        assert json.loads((tmp_path / "results" / f"{name}.json").read_text()) == content
    for name, path in (("PAGE", "RESULTS.md"), ("PLOTS", "plots"), ("README", "README.md")):
        monkeypatch.setattr(report, name, tmp_path / path)
    (tmp_path / "README.md").write_text("before\n<!-- speed -->\nold\n<!-- end of speed -->\nafter\n")
    report.main(argparse.Namespace(results=tmp_path / "results"))
    page = (tmp_path / "RESULTS.md").read_text()
    # what is lost stands first
    assert page.index("| Huber | value + gradient | float32 | numba | 1e6 | 2 | 0.50 |") < page.index("geometric mean")
    assert "| Huber | float32 | 10 | 1.00 | 2.00 |" in page
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"ratios.svg", "growth.svg"}
    assert (tmp_path / "README.md").read_text() == f"before\n<!-- speed -->\n{text}<!-- end of speed -->\nafter\n"


def test_rows_that_are_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "losses.json"
    rows = [{"loss": name, "dtype": "float32", "n": 10, "width": 1, "what": "value", "threads": 1} for name in "abc"]

    def measured(rows: list[dict[str, Any]]) -> None:
        def run_apart(arguments: list[str], threads: int) -> None:
            Path(arguments[-1]).write_text("".join(json.dumps(row) + "\n" for row in rows))

        monkeypatch.setattr(run, "run_apart", run_apart)
        run.main(options)

    options = argparse.Namespace(out=out, again=False, threads=(1,), quick=False, compile=False, names=[])
    options.sizes = options.dtypes = options.whats = options.peers = None
    measured(rows[:2])
    options.again = True
    measured([rows[2], rows[0] | {"times": {}}])
    found = json.loads(out.read_text())
    assert found["rows"] == [rows[0] | {"times": {}}, rows[1], rows[2]]
    out.write_text(json.dumps(found | {"facts": found["facts"] | {"cpu": "another"}}))
    with pytest.raises(SystemExit, match="not of this machine as it is now: cpu differ"):
        measured(rows)
    assert json.loads(out.read_text())["facts"]["cpu"] == "another"


def test_the_readme_has_the_times_that_were_measured() -> None:
    file = run.RESULTS / "losses.json"
    if not file.exists():
        pytest.skip("nothing was measured")
    text = report.README.read_text()
    assert text == report.placed(text, "speed", report.readme_table(json.loads(file.read_text()))), (
        "run python -m benchmarks report"
    )


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="there is no <!-- speed -->"):
        report.placed("<!-- speed -->\n", "speed", "")


def test_what_has_risen() -> None:
    committed = {"a": 10.0, "b": 10.0, "c": 10.0}
    assert instructions.risen({"a": 10.05, "b": 9.0, "c": 10.5, "d": 1.0}, committed) == {"c": (10.0, 10.5)}


def test_what_counts_are_the_instructions_of_our_modules() -> None:
    ours = f"ob={instructions.OURS}/_core/kernels.so"
    calls = ["cob=/lib/libc.so.6", "cfn=__memcpy_avx", "calls=2 0", "0 700", "12 5"]
    others = ["ob=/lib/libc.so.6", "fn=__memcpy_avx", "0 700", "fn=malloc", "0 40", "ob=/lib/libpython.so", "fn=call", "0 9000"]
    lines = ["part: 1", "desc: Trigger: Client Request: 0 0", ours, "fn=kernel", "0 10", *calls, *others]
    lines += ["part: 2", "desc: Trigger: Client Request: 0 1", ours, "fn=kernel", "0 30"]
    lines += ["part: 3", "desc: Trigger: Program termination", ours, "fn=kernel", "0 5"]
    assert list(instructions.own_totals(lines)) == [("0 0", 715), ("0 1", 30)]


def test_instructions_are_counted_for_every_loss() -> None:
    counts = json.loads(instructions.FILE.read_text())["counts"]
    assert counts.keys() == {instructions.name_of(small) for small, _ in instructions.every_case()}, (
        "run python -m benchmarks instructions"
    )


@pytest.mark.slow
def test_instructions_only_go_down() -> None:
    committed = json.loads(instructions.FILE.read_text())
    if reason := instructions.why_not():
        pytest.skip(reason)
    if committed["compiler"] != fl.config()["compiler"]:
        pytest.skip(f"counts are those of {committed['compiler']}, and this is {fl.config()['compiler']}")
    risen = instructions.risen(instructions.count(), committed["counts"])
    assert not risen, "\n".join(f"{name}: {was} -> {now}" for name, (was, now) in risen.items())
