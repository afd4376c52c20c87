"""The states of metric functions: a function is one update of a new state, and its result.

`state_of` gives the state of a function, for those who have the samples in parts.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..state import State

_STATES: dict[str, Callable[..., State]] = {}


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
