"""What fastloss is compared with: a module per library, each of which makes calls of cases.

A module has ``PEERS``: for each name in tables a function of a case that returns a call without arguments, or None where the
library has no such loss. A call returns what ``Case.job`` does, of the same inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..cases import Case

Maker = Callable[[Case], Callable[[], Any] | None]
# Modules, and the packages they need.
MODULES = {
    "numpy_": "numpy",
    "numexpr_": "numexpr",
    "numba_": "numba",
    "torch_": "torch",
    "jax_": "jax",
    "sklearn_": "scikit-learn",
}


# How much farther than others results may be, where sums are in the precision of the numbers.
ALLOWANCES = {"numexpr": 100}


def available() -> dict[str, Maker]:
    """The peers whose libraries are installed, by their names."""
    found: dict[str, Maker] = {}
    for module, package in MODULES.items():
        if version_of(package):
            found |= import_module(f"{__name__}.{module}").PEERS
    return found


def version_of(package: str) -> str:
    """The version of an installed package, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def versions() -> dict[str, str]:
    return {package: version_of(package) for package in MODULES.values() if version_of(package)}
