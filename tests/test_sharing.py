"""What threads of Python may share, with Python's lock and without it."""

from __future__ import annotations

import pickle
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import using_isa

import fastloss as fl
from fastloss import _core
from fastloss._spare import SpareMemory

THREADS = 8


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Lets Python change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], object]) -> list[object]:
    """Do it in several threads that begin together; an exception in one of them is raised."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def evaluation() -> fl.Evaluation:
    losses = {"huber": fl.huber, "rmse": fl.rmse, "dice": fl.dice, "median": fl.metrics.median_absolute_error}
    return fl.Evaluation({**losses, "r2": fl.metrics.r2_score})


def piece(number: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.random.default_rng([number, step]).random((2, 7))
    return y, p


def test_an_evaluation_is_updated_by_many_threads() -> None:
    shared, steps = evaluation(), 40

    def work(number: int) -> None:
        for step in range(steps):
            shared.update(*piece(number, step))
            shared.result()

    at_once(work)
    expected = evaluation()
    for number in range(THREADS):
        for step in range(steps):
            expected.update(*piece(number, step))
    assert shared.n_samples == expected.n_samples
    assert shared.result() == expected.result()


def test_evaluations_are_merged_into_one_another() -> None:
    """Also those of two threads that each merge the other's: neither waits for the other for ever."""
    total, pair = evaluation(), [evaluation().update(*piece(i, 0)) for i in range(2)]

    def work(number: int) -> None:
        for step in range(20):
            total.merge(evaluation().update(*piece(number, step)))
            # a merge takes what there is at that time, and each of them doubles it, or more
            if step < 3:
                pair[number % 2].merge(pair[1 - number % 2])

    at_once(work)
    expected = evaluation()
    for number in range(THREADS):
        for step in range(20):
            expected.update(*piece(number, step))
    assert total.n_samples == expected.n_samples
    assert total.result() == expected.result()
    assert all(each.n_samples % 7 == 0 and each.n_samples > 14 for each in pair)


def test_exact_sums_lose_nothing() -> None:
    shared, single = _core.Sums(2), _core.Sums(2)
    single.add(0, 0.1)
    single.add(1, -1e300)

    def work(number: int) -> None:
        for step in range(200):
            shared.add(0, 1e-300 * (number + 1))
            shared.merge(single)
            if step % 10 == 0:
                pickle.loads(pickle.dumps(shared)).merge(shared.copy())
                shared.mean(0, 1)

    at_once(work)
    expected = _core.Sums(2)
    for number in range(THREADS):
        for _ in range(200):
            expected.add(0, 1e-300 * (number + 1))
            expected.merge(single)
    assert shared.to_bytes() == expected.to_bytes()


def test_losses_are_computed_while_the_instruction_set_changes() -> None:
    pytest.importorskip("numba")
    own = fl.custom_loss("abs(y_true - y_pred) ** 3")()
    y, p = piece(0, 0)
    expected = own(y, p), fl.binary_focal(y, p), own.gradient(y, p).tobytes()

    def work(number: int) -> bool:
        if number == 0:
            for _ in range(50):
                for name in _core.available_isas():
                    with using_isa(name):
                        pass
            return True
        return all((own(y, p), fl.binary_focal(y, p), own.gradient(y, p).tobytes()) == expected for _ in range(100))

    assert all(at_once(work))


def test_memory_is_that_of_one_thread() -> None:
    memory = SpareMemory()
    first = memory.take(64)
    place = first.ctypes.data
    assert memory.take(64).ctypes.data != place, "somebody has it"
    view = first[8:].view(np.float64)
    del first
    assert memory.take(64).ctypes.data != place, "a view is enough"
    del view
    assert memory.take(64).ctypes.data in [array.ctypes.data for array in memory.kept]
    assert len(memory.kept) == 2
    memory.take(32)
    assert [array.nbytes for array in memory.kept] == [32], "what is free goes as soon as another size is wanted"

    def work(number: int) -> bool:
        kept = [memory.take(256) for _ in range(6)]
        for i, array in enumerate(kept):
            array[:] = 10 * number + i
        return all((array == 10 * number + i).all() for i, array in enumerate(kept)) and len(memory.kept) == memory.MOST

    assert all(at_once(work))


def test_objectives_of_two_threads_keep_their_derivatives() -> None:
    from fastloss.boosting import Objective

    objective = Objective(fl.huber)
    cases = [piece(number, 0) for number in range(THREADS)]
    expected = [Objective(fl.huber)(y, p) for y, p in cases]

    def work(number: int) -> bool:
        for _ in range(50):
            found = objective(*cases[number])
            if not all(np.array_equal(one, other) for one, other in zip(found, expected[number], strict=True)):
                return False
        return True

    assert all(at_once(work))


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python always has its lock")
def test_python_stays_without_its_lock() -> None:
    script = "import sys, fastloss, fastloss.metrics; assert not sys._is_gil_enabled()"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
