"""Memory for results that is used again when nobody has it any more."""

from __future__ import annotations

import sys
import threading

import numpy as np


class SpareMemory(threading.local):
    """Arrays of bytes, a set for each thread, that are handed out again when all that referred to them is gone.

    Training asks for derivatives of the same size in each step. Pages that the system has to find, and to fill with zeros, take
    longer than most losses. NumPy asks for huge ones, where there are such.

    Whether an array is free is what its reference count says. That of an array which this thread has made, and only this thread
    hands out, does not grow behind its back, also where Python has no lock.
    """

    #: How many arrays a thread remembers; those that somebody has are among them.
    MOST = 4

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []

    def take(self, size: int) -> np.ndarray:
        """Return an array of so many bytes; whoever needs it for longer keeps it, or a view of it."""
        free = [i for i in range(len(self.kept)) if _holders(self.kept, i) == _FREE]
        for i in reversed(free):
            if self.kept[i].nbytes == size:
                return self.kept[i]
        memory = np.empty(size, np.uint8)
        # what is free has had its day: sizes are others now
        self.kept = [*(self.kept[i] for i in range(len(self.kept)) if i not in free), memory][-self.MOST :]
        return memory


def _holders(arrays: list[np.ndarray], i: int) -> int:
    return sys.getrefcount(arrays[i])


# what the count is of an array that nobody else has: it depends on the interpreter
_FREE = _holders([np.empty(0)], 0)
