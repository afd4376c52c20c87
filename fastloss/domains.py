"""Where numbers may lie: the parameters of losses, and their inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of numbers: the domain of an input, or of a parameter.

    Parameters
    ----------
    low, high : float
        The ends.
    open_low, open_high : bool, default=False
        Whether the end itself lies outside. An infinite end of a parameter's range is always outside.
    hint : str, default=""
        What to do about a number outside.
    """

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    hint: str = ""

    def __contains__(self, x: float) -> bool:
        above = x > self.low if self.open_low else x >= self.low
        below = x < self.high if self.open_high else x <= self.high
        return above and below and math.isfinite(x)

    def outside(self, array: np.ndarray) -> np.ndarray:
        """Tell which numbers lie outside; NaN never does."""
        below = array <= self.low if self.open_low else array < self.low
        above = array >= self.high if self.open_high else array > self.high
        return below | above

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"be {'>' if self.open_low else '>='} {self.low:g}" if math.isfinite(self.low) else "be finite"
        return f"lie in {'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A few numbers: the domain of an input that holds labels.

    Parameters
    ----------
    numbers : tuple of float
        All that is allowed.
    hint : str, default=""
        What to do about any other number.
    """

    numbers: tuple[float, ...]
    hint: str = ""

    def __contains__(self, x: float) -> bool:
        return x in self.numbers

    def outside(self, array: np.ndarray) -> np.ndarray:
        """Tell which numbers are none of these; NaN passes."""
        return ~(np.isin(array, self.numbers) | np.isnan(array))

    def __str__(self) -> str:
        *others, last = (f"{number:g}" for number in self.numbers)
        return f"be {', '.join(others)} or {last}"


class WholeNumbers(Interval):
    """The domain of labels of any number of classes."""

    __slots__ = ()

    def outside(self, array: np.ndarray) -> np.ndarray:
        """Tell which numbers are no integers; NaN passes."""
        return (array != np.trunc(array)) & ~np.isnan(array)

    def __str__(self) -> str:
        return "hold whole numbers, like y_pred,"


class Grades(Interval):
    """The domain of whole numbers between two ends: how relevant an item is."""

    __slots__ = ()

    def outside(self, array: np.ndarray) -> np.ndarray:
        """Tell which numbers are no grades; NaN passes."""
        return Interval.outside(self, array) | ((array != np.trunc(array)) & ~np.isnan(array))

    def __str__(self) -> str:
        return f"hold whole numbers from {self.low:g} to {self.high:g}"


#: What an input's domain can be.
Domain = Interval | Choice

ANY = Interval()
POSITIVE = Interval(0.0, open_low=True)
NOT_NEGATIVE = Interval(0.0)
AT_LEAST_ONE = Interval(1.0)
UNIT = Interval(0.0, 1.0)
OPEN_UNIT = Interval(0.0, 1.0, open_low=True, open_high=True)
BELOW_HALF = Interval(0.0, 0.5, open_high=True)
BELOW_ONE = Interval(0.0, 1.0, open_high=True)
PROBABILITIES = Interval(0.0, 1.0, hint="Pass from_logits=True if these are raw scores.")


def parameter(default: float | None, interval: Interval) -> Any:
    """Make a dataclass field for a number that must lie in ``interval``; it may be None where that is the default."""
    return field(default=default, metadata={"interval": interval})


def number_in(value: Any, interval: Interval, what: str) -> float:
    """Make a float of a parameter; raise ValueError where it is no number in the interval."""
    try:
        # what converts, but is no number, is a mistake
        number = math.nan if isinstance(value, str | bytes | bytearray | bool | np.bool_) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if number not in interval:
        raise ValueError(f"{what} must {interval}; got {brief(value)}.")
    return number


def brief(value: Any) -> str:
    """Write a value that may be very long."""
    try:
        text = repr(value)
    except ValueError:
        # integers of more digits than Python writes, alone or among others
        if isinstance(value, int):
            return f"an integer of {value.bit_length()} bits"
        return f"a {type(value).__name__} with an integer too long to write"
    return text if len(text) <= 200 else f"{text[:100]}... ({len(text)} characters)"
