from __future__ import annotations

import signal
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


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Lets interrupts through, here and in what is started from here: shells that run tests in the background ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
