"""Metrics of predicted numbers: scikit-learn's functions, from exact sums of this package's losses."""

# pyright: reportReturnType=false
# What the functions compute is written by `metric`; mypy reads of this in pyproject.toml.

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from .. import _arrays, _core
from .._core import CODES, VALUE, Inputs, Kernel, Output, Sums, add_moments, execute
from ..losses.regression import (
    TWEEDIE_KINDS,
    AbsoluteError,
    AbsolutePercentageError,
    HalfSquaredError,
    SquaredError,
    SquaredLogError,
)
from ..state import State
from . import _check
from ._check import Columns, check_multioutput, regression_targets
from ._state import F, metric
from ._sums import add_losses

_SQUARED = SquaredError()._kernel
_ABSOLUTE = AbsoluteError()._kernel
_PERCENTAGE = AbsolutePercentageError()._kernel
_SQUARED_LOG = SquaredLogError()._kernel
_HALF_SQUARED = HalfSquaredError()._kernel

_AVERAGES = ("raw_values", "uniform_average")
_FLOAT64 = CODES[np.dtype(np.float64)]
# Numbers computed at a time where an intermediate result is needed.
_CHUNK = 1 << 20


def _average_outputs(values: list[float], multioutput: Any) -> float | np.ndarray:
    """Average what the outputs have, as the user wants."""
    if isinstance(multioutput, str) and multioutput == "raw_values":
        return np.array(values)
    if multioutput is None or isinstance(multioutput, str):
        return values[0] if len(values) == 1 else math.fsum(values) / len(values)
    return float(np.average(values, weights=multioutput))


def _spread(sums: Sums, place: int, weighted: bool, n: int) -> float:
    """Return the sum of squared deviations from the mean, rounded once.

    From ``place`` on, there are the exact sums of the weights, of the weighted numbers, and of their weighted squares.
    """
    linear, squares = sums.exact(place + 1), sums.exact(place + 2)
    weight = sums.exact(place) if weighted else n << 1074
    if linear is None or squares is None or not weight:
        return math.nan
    return _quotient(squares * weight - linear * linear, weight << 1074)


def _quotient(numerator: int, denominator: int) -> float:
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if (numerator > 0) == (denominator > 0) else -math.inf


class _Outputs(State):
    """A state with something for each output, made when the first samples come."""

    __slots__ = ("multioutput", "n", "negative", "outputs", "weighted")

    def open(self) -> None:
        """Set up the state of no samples."""
        self.outputs: list[Any] = []
        self.n = 0
        self.weighted: bool | None = None
        self.negative = False

    def add_outputs(self, outputs: list[Any], n: int, weighted: bool, negative: bool = False) -> None:
        """Add what was found in some samples, for each output."""
        if self.weighted is None:
            self.outputs, self.weighted = outputs, weighted
        elif self.weighted != weighted:
            raise ValueError("sample_weight must be given for all samples or for none.")
        elif len(outputs) != len(self.outputs):
            raise ValueError(f"all samples must have the same number of outputs; got {len(outputs)} and {len(self.outputs)}.")
        else:
            for mine, theirs in zip(self.outputs, outputs, strict=True):
                mine.merge(theirs)
        self.n += n
        self.negative |= negative

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        if other.weighted is not None:
            self.add_outputs([output.copy() for output in other.outputs], other.n, other.weighted, other.negative)

    def require_samples(self) -> None:
        """Refuse to compute anything of nothing."""
        if self.weighted is None:
            raise ValueError("the metric of no samples is undefined: update the state first.")


class MeanLoss(_Outputs):
    """The mean of a loss, or the root of it: an exact sum of the losses and one of the weights for each output."""

    __slots__ = ("kernel", "root")

    derived = ("kernel",)

    def start(self, function: str, multioutput: Any = "uniform_average", alpha: float = 0.5, power: float = 0) -> None:
        """Pick the kernel."""
        if multioutput is not None and multioutput not in _AVERAGES if isinstance(multioutput, str) else True:
            _check.check_choice(function, "multioutput", multioutput, _AVERAGES, arrays=True)
        self.multioutput = multioutput
        self.root = function.startswith("root_")
        if function in _KERNELS:
            self.kernel = _KERNELS[function]
        else:
            _check.check_number(function, "alpha", alpha, lambda x: 0 <= x <= 1, "a float in the range [0.0, 1.0]")
            self.kernel = Kernel("quantile", {"alpha": float(alpha)})
        self.open()

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        function = self.keywords["function"]
        columns = regression_targets(function, y_true, y_pred, sample_weight)
        check_multioutput(self.multioutput, len(columns.pairs))
        outputs, faults = [], 0
        for pair in columns.pairs:
            sums = Sums(2)
            faults |= add_losses(self.kernel, columns.single, pair, columns.weights, sums)
            outputs.append(sums)
        # A finite sum of losses tells that the numbers are finite, if all have a weight; an infinite one tells nothing.
        shown = not columns.zeros and self.kernel in _SHOWS_NAN
        if not (shown and all(math.isfinite(sums.rounded(0)) for sums in outputs)):
            columns.check_finite()
        if faults & _core.OUTSIDE_DOMAIN:
            prefix = "Root Mean" if self.root else "Mean"
            raise ValueError(
                f"{prefix} Squared Logarithmic Error cannot be used when targets contain values less than or equal to -1."
            )
        self.add_outputs(outputs, columns.size, columns.weights is not None, bool(faults & _core.BAD_WEIGHT))
        return self

    def result(self) -> float | np.ndarray:
        """Compute the mean loss."""
        self.require_samples()
        values = []
        for sums in self.outputs:
            _check.check_total(sums.rounded(1), self.negative)
            value = sums.mean(0, 1)
            values.append(math.sqrt(value) if self.root and value >= 0 else value)
        return _average_outputs(values, check_multioutput(self.multioutput, len(values)))


#: The kernels by the names of the functions, but for the one that depends on a keyword.
_KERNELS: dict[str, Kernel] = {}
_SHOWS_NAN = frozenset((_SQUARED, _ABSOLUTE))


def _mean_loss(kernel: Kernel) -> Callable[[F], F]:
    """Make a function the mean of this loss, or its root."""

    def decorate(function: F) -> F:
        _KERNELS[function.__name__] = kernel
        return metric(MeanLoss)(function)

    return decorate


@_mean_loss(_SQUARED)
def mean_squared_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the mean of the squared errors.

    Parameters
    ----------
    $numbers
    $sample_weight
    $multioutput_of_errors

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import mean_squared_error
    >>> mean_squared_error([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    0.375
    """


@_mean_loss(_SQUARED)
def root_mean_squared_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the root of the mean of the squared errors, for each output.

    Parameters
    ----------
    $numbers
    $sample_weight
    $multioutput_of_errors

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import root_mean_squared_error
    >>> root_mean_squared_error([0.0, 4.0], [3.0, 0.0])
    3.5355339059327378
    """


@_mean_loss(_ABSOLUTE)
def mean_absolute_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the mean of the absolute errors.

    Parameters
    ----------
    $numbers
    $sample_weight
    $multioutput_of_errors

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import mean_absolute_error
    >>> mean_absolute_error([[0.5, 1], [-1, 1], [7, -6]], [[0, 2], [-1, 2], [8, -5]], multioutput="raw_values")
    array([0.5, 1. ])
    """


@_mean_loss(_PERCENTAGE)
def mean_absolute_percentage_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the mean of the absolute errors relative to the true numbers: a fraction, not per cent.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,) or (n_samples, n_outputs)
        True and predicted numbers, finite. A true number nearer to 0 than 2^-52 counts as 2^-52.
    $sample_weight
    $multioutput_of_errors

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import mean_absolute_percentage_error
    >>> mean_absolute_percentage_error([4.0, 2.0], [3.0, 3.0])
    0.375
    """


@_mean_loss(_SQUARED_LOG)
def mean_squared_log_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the mean of the squared differences of log(1 + y).

    Parameters
    ----------
    $numbers_of_logs
    $sample_weight
    $multioutput_of_errors

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import mean_squared_log_error
    >>> mean_squared_log_error([3, 5, 2.5, 7], [2.5, 5, 4, 8])
    0.0397301229845938
    """


@_mean_loss(_SQUARED_LOG)
def root_mean_squared_log_error(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the root of the mean of the squared differences of log(1 + y), for each output.

    Parameters
    ----------
    $numbers_of_logs
    $sample_weight
    $multioutput_of_errors

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import root_mean_squared_log_error
    >>> root_mean_squared_log_error([3, 5, 2.5, 7], [2.5, 5, 4, 8])
    0.19932416558108002
    """


@metric(MeanLoss)
def mean_pinball_loss(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, alpha: float = 0.5, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the mean pinball loss, which the quantile ``alpha`` minimises.

    Parameters
    ----------
    $numbers
    $sample_weight
    $alpha
    $multioutput_of_errors

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import mean_pinball_loss
    >>> mean_pinball_loss([1, 2, 3], [0, 2, 3], alpha=0.75)
    0.25
    """


# ---- medians and quantiles: states that keep numbers ---------------------------------------------------------


class _Kept:
    """Numbers with their weights, in parts."""

    __slots__ = ("numbers", "weights")

    def __init__(self, numbers: list[np.ndarray], weights: list[np.ndarray] | None) -> None:
        self.numbers = numbers
        self.weights = weights

    def __reduce__(self) -> tuple[Any, ...]:
        return _Kept, (self.numbers, self.weights)

    def merge(self, other: _Kept) -> None:
        """Take in what another keeps."""
        self.numbers = self.numbers + other.numbers
        if self.weights is not None and other.weights is not None:
            self.weights = self.weights + other.weights

    def copy(self) -> _Kept:
        """Return one that can be merged into without a change of this one."""
        return _Kept(self.numbers, self.weights)

    def joined(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return all numbers, and their weights if they have any: these, or so many times smaller that they can be summed."""
        weights = None if self.weights is None else _arrays.summable(np.concatenate(self.weights))
        return np.concatenate(self.numbers), weights


def _quantile(numbers: np.ndarray, weights: np.ndarray | None, alpha: float) -> float:
    """Return the quantile: the middle of the two numbers at a step of the distribution function, as scikit-learn does."""
    if weights is None:
        n = numbers.shape[0]
        target = alpha * n
        first = min(max(math.ceil(target) - 1, 0), n - 1)
        # scikit-learn takes the middle when the distribution function is this near to alpha
        last = min(first + 1, n - 1) if not first + 1 - target > 2.0**-52 else first
        ends = np.partition(numbers, (first, last))[[first, last]]
        return float(ends[0] / 2 + ends[1] / 2)
    order = np.lexsort((weights, numbers))
    numbers, weights = numbers[order], weights[order]
    below = np.cumsum(weights)
    target = alpha * below[-1]
    if target == 0:
        target = np.nextafter(target, 1.0)
    n = numbers.shape[0]
    first = min(int(np.searchsorted(below, target)), n - 1)
    if below[first] - target > 2.0**-52:
        return float(numbers[first])
    last = min(first + 1, n - 1)
    if weights[last] == 0:
        after = int(np.searchsorted(below, below[first], side="right"))
        last = after if after < n else first
    return float(numbers[first] / 2 + numbers[last] / 2)


def _kept_weights(columns: Columns) -> list[np.ndarray] | None:
    if columns.weights is None:
        return None
    return [_arrays.decode(columns.weights).astype(np.float64)]


class Median(_Outputs):
    """The median of the absolute errors; keeps them, because a median has no small state."""

    __slots__ = ()

    function = "median_absolute_error"
    small = False

    def start(self, multioutput: Any = "uniform_average") -> None:
        """Check the parameter."""
        _check.check_choice(self.function, "multioutput", multioutput, _AVERAGES, arrays=True)
        self.multioutput = multioutput
        self.open()

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        columns = regression_targets(self.function, y_true, y_pred, sample_weight)
        columns.check_finite()
        check_multioutput(self.multioutput, len(columns.pairs))
        weights = _kept_weights(columns)
        outputs = []
        for true, pred in columns.pairs:
            dtype = np.float32 if columns.single else np.float64
            error = np.subtract(_arrays.decode(pred), _arrays.decode(true), dtype=dtype)
            outputs.append(_Kept([np.abs(error, out=error)], weights))
        self.add_outputs(outputs, columns.size, weights is not None)
        return self

    def result(self) -> float | np.ndarray:
        """Compute the median."""
        self.require_samples()
        values = []
        for output in self.outputs:
            errors, weights = output.joined()
            if weights is not None:
                _check.check_total(float(np.any(weights)))
                values.append(_quantile(errors, weights, 0.5))
            else:
                values.append(_quantile(errors, None, 0.5))
        return _average_outputs(values, check_multioutput(self.multioutput, len(values)))


@metric(Median)
def median_absolute_error(
    y_true: Any, y_pred: Any, *, multioutput: Any = "uniform_average", sample_weight: Any = None
) -> float | np.ndarray:
    """Compute the median of the absolute errors.

    Parameters
    ----------
    $numbers
    $multioutput_of_errors
    $sample_weight

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import median_absolute_error
    >>> median_absolute_error([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    0.5
    """


class Largest(State):
    """The largest absolute error."""

    __slots__ = ("largest",)

    function = "max_error"

    def start(self) -> None:
        """Set up the state of no samples."""
        self.largest: float | None = None

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        if sample_weight is not None:
            raise TypeError(f"{self.function} takes no sample_weight.")
        columns = regression_targets(self.function, y_true, y_pred, None)
        if len(columns.pairs) > 1:
            columns.check_finite()
            raise ValueError(f"Multioutput not supported in {self.function}")
        largest = _core.largest_difference(*columns.pairs[0])
        if not math.isfinite(largest):
            columns.check_finite()
        self.largest = largest if self.largest is None else max(largest, self.largest)
        return self

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        if other.largest is not None:
            self.largest = other.largest if self.largest is None else max(other.largest, self.largest)

    def result(self) -> float:
        """Return the error."""
        if self.largest is None:
            raise ValueError("the metric of no samples is undefined: update the state first.")
        return self.largest


@metric(Largest)
def max_error(y_true: Any, y_pred: Any) -> float:
    """Compute the largest absolute error.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True and predicted numbers, finite.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import max_error
    >>> max_error([3, 2, 7, 1], [4, 2, 7, 1])
    1.0
    """


# ---- deviances -------------------------------------------------------------------------------------------------


def _tweedie_kernel(power: float) -> Kernel:
    """Return the kernel of half the deviance. The class `Tweedie` allows fewer powers: boosting has no use for the others."""
    return _HALF_SQUARED if power == 0 else Kernel(f"tweedie_mean{TWEEDIE_KINDS.get(power, '')}", {"power": float(power)})


def _check_power(function: str, power: Any) -> None:
    _check.check_number(
        function,
        "power",
        power,
        lambda x: x <= 0 or x >= 1,
        "a float in the range (-inf, 0.0] or a float in the range [1.0, inf)",
    )


def _add_deviance(function: str, power: float, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Columns, Sums, bool]:
    """Add up half the deviances of one output, and the weights."""
    columns = regression_targets(function, y_true, y_pred, sample_weight)
    columns.check_finite()
    if len(columns.pairs) > 1:
        raise ValueError(f"Multioutput not supported in {function}")
    sums = Sums(2)
    # powers other than those of the class compute in double
    single = columns.single and 0 <= power <= 3
    faults = add_losses(_tweedie_kernel(power), single, columns.pairs[0], columns.weights, sums)
    message = f"Mean Tweedie deviance error with power={power} can only be used on "
    if power < 0:
        if (_arrays.decode(columns.pairs[0][1]) <= 0).any():
            raise ValueError(message + "strictly positive y_pred.")
    elif faults & _core.OUTSIDE_DOMAIN:
        raise ValueError(
            message + ("non-negative y and strictly positive y_pred." if power < 2 else "strictly positive y and y_pred.")
        )
    return columns, sums, bool(faults & _core.BAD_WEIGHT)


class Deviance(_Outputs):
    """The mean Tweedie deviance."""

    __slots__ = ("power",)

    #: Deviances of one power have no name of their own in errors, nor have they in scikit-learn's.
    function = "mean_tweedie_deviance"

    def start(self, power: float = 0) -> None:
        """Check the power."""
        _check_power(self.function, power)
        self.power = power
        self.multioutput = None
        self.open()

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        columns, sums, negative = _add_deviance(self.function, self.power, y_true, y_pred, sample_weight)
        self.add_outputs([sums], columns.size, columns.weights is not None, negative)
        return self

    def result(self) -> float:
        """Compute the mean."""
        self.require_samples()
        sums = self.outputs[0]
        _check.check_total(sums.rounded(1), self.negative)
        return 2 * sums.mean(0, 1)


@metric(Deviance)
def mean_tweedie_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None, power: float = 0) -> float:
    """Compute the mean Tweedie deviance.

    Parameters
    ----------
    $numbers_and_means
    $sample_weight
    power : float, default=0
        Power of the variance function, at most 0 or at least 1: 0 normal, 1 Poisson, 2 gamma, 3 inverse Gaussian.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import mean_tweedie_deviance
    >>> mean_tweedie_deviance([2, 0, 1, 4], [0.5, 0.5, 2.0, 2.0], power=1)
    1.4260151319598084
    """


@metric(Deviance, power=1)
def mean_poisson_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Compute the mean Poisson deviance, the Tweedie deviance of power 1.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True numbers, not negative, and predicted means, positive.
    $sample_weight

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import mean_poisson_deviance
    >>> mean_poisson_deviance([2, 0, 1, 4], [0.5, 0.5, 2.0, 2.0])
    1.4260151319598084
    """


@metric(Deviance, power=2)
def mean_gamma_deviance(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Compute the mean gamma deviance, the Tweedie deviance of power 2.

    Parameters
    ----------
    y_true, y_pred : array_like of shape (n_samples,)
        True numbers and predicted means, positive.
    $sample_weight

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import mean_gamma_deviance
    >>> mean_gamma_deviance([2, 0.5, 1, 4], [0.5, 0.5, 2.0, 2.0])
    1.0568528194400546
    """


# ---- shares of what is explained -------------------------------------------------------------------------------

_SCORES = (*_AVERAGES, "variance_weighted")


def _explained(numerators: list[float], denominators: list[float], multioutput: Any, force_finite: bool) -> Any:
    """Return 1 - numerator / denominator for each output, averaged as the user wants."""
    scores = []
    for numerator, denominator in zip(numerators, denominators, strict=True):
        if denominator != 0 and (numerator != 0 or not force_finite):
            scores.append(1 - numerator / denominator)
        elif force_finite:
            scores.append(1.0 if numerator == 0 else 0.0)
        else:
            scores.append(-math.inf if numerator != 0 else math.nan)
    if isinstance(multioutput, str) and multioutput == "variance_weighted":
        weights = denominators if any(denominators) else None
        return float(np.average(scores, weights=weights))
    return _average_outputs(scores, multioutput)


def _few(n: int, name: str) -> bool:
    """Warn of less than two samples."""
    if n >= 2:
        return False
    _check.warn_undefined(f"{name} score is not well-defined with less than two samples.")
    return True


def _differences(pair: Any) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield y_true - y_pred in parts, in double."""
    true, pred = map(_arrays.decode, pair)
    for start in range(0, true.shape[0], _CHUNK):
        part = slice(start, start + _CHUNK)
        yield part, np.subtract(true[part], pred[part], dtype=np.float64)


class Explained(_Outputs):
    """The coefficient of determination, or the share of the variance that is explained.

    For each output: exact sums of weights, numbers and squares of y_true, and the squared errors or those sums of the errors.
    """

    __slots__ = ("centred", "force_finite")

    def start(self, function: str, multioutput: Any = "uniform_average", force_finite: bool = True) -> None:
        """Check the parameters."""
        options = (*_SCORES, None) if function == "r2_score" else _SCORES
        _check.check_choice(function, "multioutput", multioutput, options, arrays=True)
        _check.check_bool(function, "force_finite", force_finite)
        self.multioutput = multioutput
        self.force_finite = force_finite
        self.centred = function != "r2_score"
        self.open()

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        columns = regression_targets(self.keywords["function"], y_true, y_pred, sample_weight)
        check_multioutput(self.multioutput, len(columns.pairs))
        weights = columns.weights
        outputs, faults, finite = [], 0, not columns.zeros
        for pair in columns.pairs:
            # places 0 to 2 are those of y_true, 3 to 5 those of the errors, or 3 and 4 the squared errors and the weights
            sums = Sums(6)
            if self.centred:
                self._add_errors(pair, weights, sums)
            else:
                faults |= add_losses(_SQUARED, columns.single, pair, weights, sums, 3)
            add_moments(pair[0], weights, sums)
            outputs.append(sums)
            # finite sums tell that all numbers are finite, if all have a weight
            finite = finite and math.isfinite(sums.rounded(1)) and math.isfinite(sums.rounded(4 if self.centred else 3))
        if not finite:
            columns.check_finite()
        self.add_outputs(outputs, columns.size, weights is not None, bool(faults & _core.BAD_WEIGHT))
        return self

    @staticmethod
    def _add_errors(pair: Any, weights: Any, sums: Sums) -> None:
        for part, error in _differences(pair):
            found = Sums(3)
            add_moments((error, _FLOAT64), None if weights is None else (weights[0][part], weights[1]), found)
            sums.merge(found, (3, 4, 5))

    def result(self) -> Any:
        """Compute the score."""
        self.require_samples()
        if not self.centred and _few(self.n, "R^2"):
            return math.nan
        numerators, denominators = [], []
        weighted = bool(self.weighted)
        for sums in self.outputs:
            if weighted:
                _check.check_total(_check.check_weights(sums.rounded(0)), self.negative)
            denominators.append(_spread(sums, 0, weighted, self.n))
            numerators.append(_spread(sums, 3, weighted, self.n) if self.centred else sums.rounded(3))
        multioutput = check_multioutput(self.multioutput, len(numerators))
        return _explained(numerators, denominators, multioutput, self.force_finite)


@metric(Explained)
def r2_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Any = "uniform_average",
    force_finite: bool = True,
) -> float | np.ndarray:
    """Compute the coefficient of determination: 1 is the best, 0 is what the mean of ``y_true`` gets.

    Parameters
    ----------
    $numbers
    $sample_weight
    multioutput : {"raw_values", "uniform_average", "variance_weighted"}, array_like or None, default="uniform_average"
        One score for each output, their mean, or their mean weighted with the variances or with these weights.
    force_finite : bool, default=True
        Whether constant ``y_true`` have a score of 1 (predicted without error) or 0, not NaN or minus infinity.

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import r2_score
    >>> r2_score([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    0.9486081370449679
    """


@metric(Explained)
def explained_variance_score(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Any = "uniform_average",
    force_finite: bool = True,
) -> float | np.ndarray:
    """Compute the share of the variance of ``y_true`` that is explained: errors that are all the same do not count.

    Parameters
    ----------
    $numbers
    $sample_weight
    multioutput : {"raw_values", "uniform_average", "variance_weighted"} or array_like, default="uniform_average"
        One score for each output, their mean, or their mean weighted with the variances or with these weights.
    force_finite : bool, default=True
        Whether constant ``y_true`` have a score of 1 (predicted up to a constant) or 0, not NaN or minus infinity.

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import explained_variance_score
    >>> explained_variance_score([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    0.9571734475374732
    """


class Scored(_Outputs):
    """The share of a loss that is explained, against the best constant.

    The best constant is known at the end only, and its loss is no sum that could be kept: the state keeps ``y_true``.
    """

    __slots__ = ("alpha", "function", "power")

    small = False

    def start(
        self, function: str, multioutput: Any = "uniform_average", alpha: float = 0.5, power: float | None = None
    ) -> None:
        """Check the parameters."""
        _check.check_choice(function, "multioutput", multioutput, _AVERAGES, arrays=True)
        _check.check_number(function, "alpha", alpha, lambda x: 0 <= x <= 1, "a float in the range [0.0, 1.0]")
        if power is not None:
            _check_power(function, power)
        self.function = function
        self.multioutput = multioutput
        self.alpha = float(alpha)
        self.power = power
        self.open()

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        if self.power is not None:
            columns, sums, negative = _add_deviance(self.function, self.power, y_true, y_pred, sample_weight)
            losses = [sums]
        else:
            columns = regression_targets(self.function, y_true, y_pred, sample_weight)
            columns.check_finite()
            check_multioutput(self.multioutput, len(columns.pairs))
            losses, negative = [], False
            for pair in columns.pairs:
                losses.append(Sums(2))
                faults = add_losses(self._kernel(), columns.single, pair, columns.weights, losses[-1])
                negative |= bool(faults & _core.BAD_WEIGHT)
        weights = _kept_weights(columns)
        outputs = []
        for (true, _), sums in zip(columns.pairs, losses, strict=True):
            dtype = np.float32 if columns.single else np.float64
            outputs.append(_Scored(sums, _Kept([_arrays.decode(true).astype(dtype)], weights)))
        self.add_outputs(outputs, columns.size, weights is not None, negative)
        return self

    def _kernel(self) -> Kernel:
        return Kernel("quantile", {"alpha": self.alpha}) if self.power is None else _tweedie_kernel(self.power)

    def result(self) -> Any:
        """Compute the score."""
        self.require_samples()
        if _few(self.n, "D^2"):
            return math.nan
        numerators, denominators = [], []
        for output in self.outputs:
            y_true, weights = output.kept.joined()
            operand = (y_true, CODES[y_true.dtype])
            weight_operand = None if weights is None else (weights, _FLOAT64)
            if weights is not None:
                _check.check_total(_check.check_weights(output.sums.rounded(1)), self.negative)
            if self.power is None:
                constant = _quantile(y_true, weights, self.alpha)
            else:
                inputs = Inputs((operand,), y_true.shape, False)
                constant = execute((None,), inputs, weight_operand, (Output(VALUE),), True).value
            constants = np.broadcast_to(np.float64(constant), y_true.shape)
            sums = Sums(2)
            add_losses(self._kernel(), False, (operand, (constants, _FLOAT64)), weight_operand, sums)
            numerators.append(output.sums.rounded(0))
            denominators.append(sums.rounded(0))
        if self.power is not None:
            return 1 - numerators[0] / denominators[0] if denominators[0] else math.nan if not numerators[0] else -math.inf
        return _explained(numerators, denominators, check_multioutput(self.multioutput, len(numerators)), True)


class _Scored:
    """The exact losses of one output, and its y_true."""

    __slots__ = ("kept", "sums")

    def __init__(self, sums: Sums, kept: _Kept) -> None:
        self.sums = sums
        self.kept = kept

    def __reduce__(self) -> tuple[Any, ...]:
        return _Scored, (self.sums, self.kept)

    def merge(self, other: _Scored) -> None:
        """Take in another's."""
        self.sums.merge(other.sums)
        self.kept.merge(other.kept)

    def copy(self) -> _Scored:
        """Return one that can be merged into without a change of this one."""
        return _Scored(self.sums.copy(), self.kept.copy())


@metric(Scored, power=0)
def d2_tweedie_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None, power: float = 0) -> float:
    """Compute the share of the Tweedie deviance that is explained: 0 is what the mean of ``y_true`` gets.

    Parameters
    ----------
    $numbers_and_means
    $sample_weight
    power : float, default=0
        Power of the variance function, at most 0 or at least 1.

    Returns
    -------
    float

    Examples
    --------
    >>> from fastloss.metrics import d2_tweedie_score
    >>> d2_tweedie_score([0.5, 1, 2.5, 7], [1, 1, 5, 3.5], power=1)
    0.4879151349031142
    """


@metric(Scored)
def d2_pinball_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, alpha: float = 0.5, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the share of the pinball loss that is explained: 0 is what the quantile of ``y_true`` gets.

    Parameters
    ----------
    $numbers
    $sample_weight
    $alpha
    $multioutput_of_scores

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import d2_pinball_score
    >>> d2_pinball_score([1, 2, 3], [1, 3, 3])
    0.5
    """


@metric(Scored)
def d2_absolute_error_score(
    y_true: Any, y_pred: Any, *, sample_weight: Any = None, multioutput: Any = "uniform_average"
) -> float | np.ndarray:
    """Compute the share of the absolute errors that is explained: 0 is what the median of ``y_true`` gets.

    Parameters
    ----------
    $numbers
    $sample_weight
    $multioutput_of_scores

    Returns
    -------
    float or ndarray of shape (n_outputs,)

    Examples
    --------
    >>> from fastloss.metrics import d2_absolute_error_score
    >>> d2_absolute_error_score([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])
    0.7647058823529411
    """
