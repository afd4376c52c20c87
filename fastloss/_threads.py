"""How many threads: the user's choice, the environment, the container."""

from __future__ import annotations

import ctypes
import math
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from . import _core
from .domains import brief

if TYPE_CHECKING:
    from types import TracebackType


def set_num_threads(n: int | None) -> None:
    """Set the number of threads for large arrays, in the whole process.

    Results do not depend on it.

    Parameters
    ----------
    n : int or None
        At least 1; -1 means all CPUs this process may use, -2 all but one, and so on; None goes back to the default: the
        smallest of OpenMP's setting (``OMP_NUM_THREADS``, threadpoolctl), the CPU affinity and the container's quota.

    Raises
    ------
    ValueError
        ``n`` is 0, or beyond 32 bits.
    TypeError
        ``n`` is no integer.
    """
    _core.configure_threads(_checked(n), _QUOTA)


def get_num_threads() -> int:
    """Return the number of threads a call with large arrays would use now.

    Returns
    -------
    int
    """
    return _core.thread_count()


class num_threads(threading.local):
    """Use ``n`` threads inside a ``with`` block, in this Python thread only.

    One object may serve several Python threads, and blocks inside one another.

    Parameters
    ----------
    n : int
        As for `set_num_threads`.

    Examples
    --------
    >>> import fastloss as fl
    >>> with fl.num_threads(1):
    ...     fl.get_num_threads()
    1
    """

    def __init__(self, n: int) -> None:
        self._n = _checked(n)
        self._previous: list[int] = []

    def __enter__(self) -> None:
        self._previous.append(_core.local_threads(self._n))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        _core.local_threads(self._previous.pop())


def _checked(n: int | None) -> int:
    if n is None:
        return 0
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"the number of threads must be an integer; got {n!r}.")
    n = n.__index__()
    if n == 0:
        raise ValueError("the number of threads must be at least 1, or negative to count down from all CPUs; got 0.")
    if not -(2**31) <= n < 2**31:
        raise ValueError(
            f"the number of threads must be one of 32 bits, and {_core.MOST_THREADS} are used at the most; got {brief(n)}."
        )
    return max(1, _cpus() + 1 + n) if n < 0 else n


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _container_quota(root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")) -> int:
    """CPUs the control group grants, rounded up; 0 when it sets no limit."""
    found = []
    try:
        entries = [line.split(":", 2) for line in groups.read_text().splitlines()]
    except OSError:
        return 0
    for _, controllers, path in (entry for entry in entries if len(entry) == 3):
        # version 2 has one tree and no controllers in its line; version 1 a tree per controller
        base = root if not controllers else root / "cpu"
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = base / path.lstrip("/")
        for place in (folder, *folder.parents):
            found.append(_quota_of(place))
            if place == base:
                break
    limits = [limit for limit in found if limit]
    return math.ceil(min(limits)) if limits else 0


def _quota_of(folder: Path) -> float:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        return max(0.0, float(quota) / float(period)) if quota.strip() != "max" else 0.0
    except (OSError, ValueError, ZeroDivisionError):
        return 0.0


def shares_openmp(library: ctypes.CDLL) -> bool:
    """Tell whether a library works with the OpenMP runtime that fastloss knows; no, where a layer was asked for."""
    own = _core.openmp_address()
    if not own or os.environ.get("FASTLOSS_THREADING_LAYER", "").strip():
        return False
    try:
        function = library.omp_get_max_threads
    except AttributeError:
        # built without OpenMP
        return False
    return ctypes.cast(function, ctypes.c_void_p).value == own


def _from_environment() -> int | None:
    text = os.environ.get("FASTLOSS_NUM_THREADS", "").strip()
    if not text:
        return None
    try:
        return _checked(int(text))
    except ValueError:
        raise ValueError(f"FASTLOSS_NUM_THREADS must be an integer of 32 bits other than 0; got {brief(text)}") from None


_QUOTA = _container_quota()
_core.configure_threads(_from_environment() or 0, _QUOTA)
_core.use_layer(os.environ.get("FASTLOSS_THREADING_LAYER", "").strip() or "pool")
