from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fastloss import _core


@contextmanager
def using_isa(name: str) -> Iterator[None]:
    previous = _core.active_isa()
    _core.use_isa(name)
    try:
        yield
    finally:
        _core.use_isa(previous)


@pytest.fixture(params=_core.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a test once with the kernels of every instruction set of this machine."""
    with using_isa(request.param):
        yield request.param
