"""What execute.pyx has for Python."""

from .kernels import Kernel
from .operands import Inputs, Operand
from .sums import Sums

VALUE: int
GRADIENT: int
HESSIAN: int
WEIGHT: int
STATISTICS: int
OUTSIDE_DOMAIN: int
BAD_WEIGHT: int
NO_WEIGHT: int
NOT_ONE: int
INFINITE_DERIVATIVE: int

class Finish:
    def __init__(self, gradient_factor: float, hessian_factor: float, floor: float, sign: float) -> None: ...

class Output:
    def __init__(
        self,
        what: int,
        to: Operand | Sums | None = None,
        by: int = 0,
        call: int = 0,
        place: int = 0,
        finish: Finish | None = None,
    ) -> None: ...
    @property
    def what(self) -> int: ...
    @property
    def to(self) -> Operand | Sums | None: ...
    @property
    def by(self) -> int: ...
    @property
    def call(self) -> int: ...
    @property
    def place(self) -> int: ...

class Found:
    @property
    def value(self) -> float: ...
    @property
    def fault(self) -> int: ...
    @property
    def faults(self) -> list[int]: ...
    @property
    def least(self) -> float: ...

def execute(
    kernels: tuple[Kernel | None, ...],
    inputs: Inputs,
    weights: Operand | None,
    outputs: tuple[Output, ...],
    mean: bool = False,
    overwrites: bool = False,
) -> Found: ...
def outcome_of(kernel: Kernel, single: bool, sums: Sums, place: int, weight: float) -> float: ...
def count_of_statistics(kernel: Kernel) -> int: ...
