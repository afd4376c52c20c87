"""The states of metric functions: a function is one update of a new state, and its result.

`state_of` gives the state of a function, for those who have the samples in parts.
"""

from __future__ import annotations

import inspect
from functools import partial, wraps
from string import Template
from typing import TYPE_CHECKING, Any, TypeVar

from ._docs import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..state import State

F = TypeVar("F", bound="Callable[..., Any]")

#: What makes the state of each metric, of the keywords of its function.
STATES: dict[str, Callable[..., State]] = {}

# The function of a metric is compiled from text, as the methods of dataclasses are: Python itself reads the arguments and says
# what is wrong with them. A closure that takes any arguments and looks through them makes a call on ten numbers a tenth slower.
_FUNCTION = """
def compiled(_state, _predictions):
    def {name}({parameters}):
        {first}return _state({keywords}).update({inputs}).result()
    return {name}
"""


def metric(state: Callable[..., State], *, predictions: Callable[..., Any] | None = None, **fixed: Any) -> Callable[[F], F]:
    """Make a function compute one update of a new state, and its result.

    The function has a signature and a docstring, but no body. In the docstring ``$name`` stands for a text of `PARAMETERS`.
    From then on `state_of` knows the state, and the function's module exports the function.

    Parameters
    ----------
    state : callable
        Makes the state, of the function's keywords other than the weights, and of its name if it takes a ``function``.
    predictions : callable, optional
        Makes the predictions before anything else is done, of the function's arguments that have the names of its parameters.
        The state does not get these.
    **fixed
        What the state gets besides, as literals. The caller can change those that are keywords of the function.
    """

    def decorate(function: Any) -> Any:
        spec = inspect.getfullargspec(function)
        name, inputs, options = function.__name__, spec.args, spec.kwonlyargs
        weights = [option for option in options if option == "sample_weight"]
        read = _parameters(predictions) if predictions else []
        own = [option for option in options if option not in (*weights, *read)]
        needed = [option for option in own if option not in (spec.kwonlydefaults or {})]
        always = {"function": name, **fixed} if "function" in _parameters(getattr(state, "start", state)) else fixed
        passed = {key: repr(value) for key, value in always.items()} | {key: key for key in own}
        text = _FUNCTION.format(
            name=name,
            parameters=", ".join([*inputs, "*", *options] if options else inputs),
            first=f"{inputs[1]} = _predictions({', '.join(read)}); " if read else "",
            keywords=", ".join(f"{key}={value}" for key, value in passed.items()),
            inputs=", ".join([*inputs, *weights]),
        )
        scope: dict[str, Any] = {}
        # as code of the function's module, which `warn` does not take for the caller
        exec(text, function.__globals__, scope)
        if function.__doc__:
            function.__doc__ = Template(inspect.cleandoc(function.__doc__)).substitute(PARAMETERS)
        compiled: Any = wraps(function)(scope["compiled"](state, predictions))
        compiled.__defaults__, compiled.__kwdefaults__ = function.__defaults__, function.__kwdefaults__

        def make(**keywords: Any) -> State:
            for key in keywords:
                if key not in own:
                    raise TypeError(f"the state of {name} takes no keyword {key}.")
            for key in needed:
                if key not in keywords:
                    raise TypeError(f"{name} needs the keyword {key}.")
            return state(**{**always, **keywords})

        STATES[name] = make
        function.__globals__.setdefault("__all__", []).append(name)
        return compiled

    return decorate


def _parameters(function: Callable[..., Any]) -> list[str]:
    return inspect.getfullargspec(function).args


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
    return STATES[function.__name__](**keywords)


def is_metric(function: Any) -> bool:
    """Whether this is a function of `fastloss.metrics`, or a partial of one."""
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None) or ""
    return module.rpartition(".")[0] == __package__ and getattr(function, "__name__", "") in STATES
