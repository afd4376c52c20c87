"""What type checkers are told of losses whose inputs are others than labels and predictions: at run time they are losses."""

from typing import Any, Literal, overload

import numpy as np

from ._types import Reduction, Total
from .loss import Loss

class _LossOfOtherInputs(Loss):
    """What both have: any number of inputs, by their places or names."""

    @overload  # type: ignore[override] # narrower than any loss
    def __call__(
        self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None, **named: Any
    ) -> float: ...
    @overload
    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *inputs: Any, sample_weight: Any = None, reduction: Literal["none"], out: Any = None, **named: Any
    ) -> np.ndarray: ...

class LossOfInputs(_LossOfOtherInputs):
    """A loss of other inputs, with derivatives by one of them."""

    def gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> np.ndarray: ...
    @overload  # type: ignore[override] # narrower than any loss
    def value_and_gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None, **named: Any
    ) -> tuple[float, np.ndarray]: ...
    @overload
    def value_and_gradient(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *inputs: Any, sample_weight: Any = None, reduction: Literal["none"], out: Any = None, **named: Any
    ) -> tuple[np.ndarray, np.ndarray]: ...
    def gradient_and_hessian(
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> tuple[np.ndarray, np.ndarray]: ...

class LossOfSeveral(_LossOfOtherInputs):
    """A loss of other inputs, with derivatives by several of them, or by a list."""

    def gradient(  # type: ignore[override] # narrower than any loss
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> tuple[np.ndarray, ...]: ...
    @overload  # type: ignore[override] # narrower than any loss
    def value_and_gradient(
        self, *inputs: Any, sample_weight: Any = None, reduction: Total = "mean", out: Any = None, **named: Any
    ) -> tuple[float, tuple[np.ndarray, ...]]: ...
    @overload
    def value_and_gradient(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *inputs: Any, sample_weight: Any = None, reduction: Literal["none"], out: Any = None, **named: Any
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...]]: ...
    def gradient_and_hessian(  # type: ignore[override] # narrower than any loss
        self, *inputs: Any, sample_weight: Any = None, reduction: Reduction = "mean", out: Any = None, **named: Any
    ) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]: ...
