"""The examples run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost", "sklearn", "ranking"])
def test_examples(name: str) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("lightgbm" if name == "ranking" else name)
    command = [sys.executable, "-W", "error::RuntimeWarning", str(ROOT / "examples" / f"boosting_{name}.py")]
    # of a checkout, too, that is not installed
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, env=environment)
    assert len(done.stdout.splitlines()) >= 2
    assert "nan" not in done.stdout
