"""The protocol of states: what a loss or a metric has to know of the samples it has seen."""

from __future__ import annotations

from typing import Any, ClassVar, Self

#: Changes when a pickle of an older version could not be understood.
VERSION = 2


class State:
    """What a loss or a metric has to know of the samples it has seen: updated with samples, merged, asked for the result.

    Results have the same bits however the samples were cut into updates and merged. An update that raises changes nothing.

    Attributes
    ----------
    small : bool
        Whether the size of the state does not grow with the number of samples. Medians and quantiles have to keep numbers.
    """

    __slots__ = ("keywords",)

    small: ClassVar[bool] = True
    #: Slots that follow from the keywords, and are not pickled.
    derived: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords
        self.start(**keywords)

    def start(self, *_: Any, **keywords: Any) -> None:
        """Check the parameters and set up the state of no samples."""
        raise NotImplementedError

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Self:
        """Take some samples in."""
        raise NotImplementedError

    def merge(self, other: State) -> Self:
        """Take in the samples of another state of the same kind with the same parameters."""
        if type(other) is not type(self) or repr(other.keywords) != repr(self.keywords):
            raise ValueError(f"states of one metric with equal parameters can be merged; got {self!r} and {other!r}.")
        self.add(other)
        return self

    def add(self, other: Any) -> None:
        """Take in the samples of a state that fits."""
        raise NotImplementedError

    def result(self) -> Any:
        """Compute the result of all samples so far."""
        raise NotImplementedError

    def empty(self) -> Self:
        """Make the same state of no samples."""
        return type(self)(**self.keywords)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.keywords.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        names = [name for cls in type(self).__mro__ for name in getattr(cls, "__slots__", ()) if name != "keywords"]
        found = {name: getattr(self, name) for name in names if name not in self.derived}
        return _restore, (VERSION, type(self), self.keywords, found)


def _restore(version: int, cls: type[State], keywords: dict[str, Any], found: dict[str, Any]) -> State:
    if version != VERSION:
        raise ValueError(f"a state of version {version!r} cannot be read; this is version {VERSION}.")
    state = cls(**keywords)
    names = {name for base in cls.__mro__ for name in getattr(base, "__slots__", ())} - {"keywords", *cls.derived}
    if set(found) != names:
        raise ValueError(
            f"the state of a {cls.__name__} has {', '.join(sorted(names))}; got {', '.join(sorted(map(str, found)))}."
        )
    for name, value in found.items():
        setattr(state, name, value)
    return state
