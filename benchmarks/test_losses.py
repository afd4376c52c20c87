"""Every loss against NumPy's one-liners; see README.md."""

from __future__ import annotations

from typing import Any

import pytest

import fastloss as fl
from fastloss import bench

CASES = bench.make_cases([fl.get_loss(name) for name in fl.list_losses()], sizes=[10_000, 1_000_000])


@pytest.mark.parametrize("who", ["numpy", "fastloss"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_losses(benchmark: Any, case: bench.Case, who: str) -> None:
    # checks that both results are equal
    numpy_call, fastloss_call = case.prepare()
    benchmark.group = str(case)
    benchmark(numpy_call if who == "numpy" else fastloss_call)
