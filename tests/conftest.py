from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# Tests run side by side, and start processes of their own: were each to have BLAS threads for all cores, they would wait for
# each other while they spin, and take three times as long (a training that takes 5 s alone has taken more than 60).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import fastloss as fl
from fastloss import _core

LAYERS = [name for name in _core.LAYERS if name != "openmp" or _core.OPENMP_VERSION]


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


@contextmanager
def using_layer(name: str) -> Iterator[None]:
    previous = _core.active_layer()
    _core.use_layer(name)
    try:
        yield
    finally:
        _core.use_layer(previous)


@pytest.fixture(scope="module", params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs a test once on every threading layer, and so the processes that it starts."""
    with using_layer(request.param), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTLOSS_THREADING_LAYER", request.param)
        yield request.param


def each_team(*numbers: int) -> Iterator[str]:
    """Goes through the numbers of threads on every threading layer; gives what to call them."""
    for name in LAYERS:
        for n in numbers:
            with using_layer(name), fl.num_threads(n):
                yield f"{n} threads of the layer {name}"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Lets interrupts through, here and in what is started from here: shells that run tests in the background ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
