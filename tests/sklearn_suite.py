"""scikit-learn's own tests of its metrics, run with our functions in place of its: ``python tests/sklearn_suite.py``.

The tests are those of the scikit-learn that is installed. They run twice, with its functions and with ours, in processes of
their own; printed are the share of those that pass with its functions that pass with ours, too, and the names of the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ("test_regression", "test_classification")
_REPORT, _OURS = "FASTLOSS_SUITE_REPORT", "FASTLOSS_SUITE_OURS"

_outcomes: dict[str, str] = {}


def replaced() -> list[str]:
    """Put our functions in place of scikit-learn's wherever it has them; return their names."""
    import sklearn.metrics

    from fastloss import metrics

    names = [name for name in metrics.__all__ if name[0].islower() and name != "state_of"]
    for name in names:
        theirs, ours = getattr(sklearn.metrics, name), getattr(metrics, name)
        for module in [module for key, module in sys.modules.items() if key.startswith("sklearn.")]:
            for attribute, value in list(vars(module).items()):
                if value is theirs:
                    setattr(module, attribute, ours)
        sklearn.metrics.__dict__[name] = ours
    return names


# ---- a plugin of pytest, in the processes that run the tests ---------------------------------------------------


def pytest_configure() -> None:
    if os.environ.get(_OURS):
        replaced()


def pytest_runtest_logreport(report: object) -> None:
    if report.when == "call" or report.outcome != "passed":
        _outcomes[f"{Path(report.fspath).stem}::{report.location[2]}"] = report.outcome


def pytest_sessionfinish() -> None:
    if os.environ.get(_REPORT):
        Path(os.environ[_REPORT]).write_text(json.dumps(_outcomes))


# ---- the two runs ----------------------------------------------------------------------------------------------


def compare(files: tuple[str, ...] = FILES) -> tuple[list[str], list[str]]:
    """Run the tests with scikit-learn's functions and with ours; return those that pass with its, and which of them do not."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for ours in ("", "1"):
            report = Path(folder, f"report{ours}.json")
            path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "sklearn_suite", "-c", os.devnull]
            command += ["--rootdir", folder, "--pyargs", *(f"sklearn.metrics.tests.{file}" for file in files)]
            environment = {**os.environ, "PYTHONPATH": path, _REPORT: str(report), _OURS: ours}
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            runs.append((process, report))
        outcomes = []
        for process, report in runs:
            output, _ = process.communicate(timeout=600)
            if not report.exists():
                raise RuntimeError(f"pytest ended with status {process.returncode}:\n{output[-3000:]}")
            outcomes.append(json.loads(report.read_text()))
            if "-v" in sys.argv:
                print(output)
    theirs, mine = outcomes
    passing = [name for name, outcome in theirs.items() if outcome == "passed"]
    return passing, [name for name in passing if mine.get(name) != "passed"]


def main() -> None:
    passing, failing = compare()
    print(f"{len(passing) - len(failing)} of {len(passing)} tests pass: {1 - len(failing) / len(passing):.1%}")
    for name in failing:
        print(f"  {name}")


if __name__ == "__main__":
    main()
