"""What evaluate.pyx has for Python."""

from typing import Any

class CallSetup:
    def __init__(self, loss: Any) -> None: ...

def kinds_of(want: int, first: int, count: int) -> tuple[tuple[int, int], ...]: ...

# what comes out follows from what is wanted, the reduction, and how many inputs are differentiated
def evaluate(loss: Any, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any: ...
