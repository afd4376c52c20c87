"""The protocol of all metrics: a state that is updated with samples, merged, and asked for the result.

A metric function is one update of a new state, and its result. `state_of` gives the state of a function, for those who have
the samples in parts.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .._core import Program

if TYPE_CHECKING:
    from collections.abc import Callable

#: Changes when a pickle of an older version could not be understood.
VERSION = 1

_STATES: dict[str, Callable[..., State]] = {}


class State:
    """What a metric has to know of the samples it has seen.

    Results have the same bits however the samples were cut into updates and merged. An update that raises changes nothing.

    Attributes
    ----------
    small : bool
        Whether the size of the state does not grow with the number of samples. Medians and quantiles have to keep numbers.
    """

    __slots__ = ("keywords",)

    small: ClassVar[bool] = True

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords
        self.start(**keywords)

    def start(self, **keywords: Any) -> None:
        """Check the parameters and set up the state of no samples."""
        raise NotImplementedError

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        raise NotImplementedError

    def merge(self, other: State) -> Self:
        """Take in the samples of another state of the same metric with the same parameters."""
        if type(other) is not type(self) or repr(other.keywords) != repr(self.keywords):
            raise ValueError(f"states of one metric with equal parameters can be merged; got {self!r} and {other!r}.")
        self.add(other)
        return self

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        raise NotImplementedError

    def result(self) -> Any:
        """Compute the metric of all samples so far."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.keywords.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        names = [name for cls in type(self).__mro__ for name in getattr(cls, "__slots__", ()) if name != "keywords"]
        fields = {name: getattr(self, name) for name in names}
        # kernels are found again by the parameters
        fields = {name: value for name, value in fields.items() if not isinstance(value, Program)}
        return _restore, (VERSION, type(self), self.keywords, fields)


def _restore(version: int, cls: type[State], keywords: dict[str, Any], fields: dict[str, Any]) -> State:
    if version != VERSION:
        raise ValueError(f"a state of version {version!r} cannot be read; this is version {VERSION}.")
    state = cls(**keywords)
    for name, value in fields.items():
        setattr(state, name, value)
    return state


def streams(state: Callable[..., State]) -> Callable[[Any], Any]:
    """Tell whose states a metric function uses; ``state`` takes the function's keywords other than the weights."""

    def register(function: Any) -> Any:
        _STATES[function.__name__] = state
        return function

    return register


def state_of(function: Callable[..., Any], **keywords: Any) -> State:
    """Make the state of a metric, for samples that come in parts.

    Parameters
    ----------
    function : callable
        A function of `fastloss.metrics`, or a `functools.partial` of one.
    **keywords
        Arguments of the function other than targets, predictions and weights.

    Returns
    -------
    State
        With the methods ``update(y_true, y_pred, sample_weight=None)``, ``merge(other)`` and ``result()``. It can be pickled.

    Raises
    ------
    TypeError
        The function is no metric of fastloss.

    Examples
    --------
    >>> from fastloss import metrics
    >>> state = metrics.state_of(metrics.f1_score, average="macro")
    >>> other = metrics.state_of(metrics.f1_score, average="macro").update([2, 2], [2, 1])
    >>> state.update([0, 1, 1], [0, 1, 0]).merge(other).result()
    0.611111111111111
    """
    while isinstance(function, partial):
        keywords = {**function.keywords, **keywords}
        if function.args:
            raise TypeError("the arguments of a metric's partial must be given by name.")
        function = function.func
    if not is_metric(function):
        raise TypeError(f"function must be one of fastloss.metrics; got {function!r}.")
    return _STATES[function.__name__](**keywords)


def is_metric(function: Any) -> bool:
    """Whether this is a function of `fastloss.metrics`, or a partial of one."""
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None) or ""
    return module.rpartition(".")[0] == __package__ and getattr(function, "__name__", "") in _STATES
