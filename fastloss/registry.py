"""Losses by their names."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ._aliases import ALIASES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .loss import Loss

_CLASSES: dict[str, type[Loss]] = {}
SHORT_NAMES = {"mse": "squared_error", "mae": "absolute_error", "rmse": "root_mean_squared_error"}


def add(cls: type[Loss]) -> None:
    """Give a public class of this package its name and family, by which it is found from now on; leave all others alone.

    The family is that of its base class, where that names one, or its module.
    """
    if cls.__module__.startswith(f"{__package__}.losses.") and not cls.__name__.startswith("_"):
        cls.name = snake_case(cls.__name__)
        cls.family = cls.family or cls.__module__.rpartition(".")[2]
        _CLASSES[cls.name] = cls


def snake_case(name: str) -> str:
    """``GaussianNLL`` -> ``gaussian_nll``, ``BoxIoU`` -> ``box_iou``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.replace("IoU", "IOU")).lower()


def get_loss(name: str, **parameters: Any) -> Loss:
    """Make a loss by its name.

    Parameters
    ----------
    name : str
        Name in snake case, as `list_losses` gives it, or a short one: ``mse``, ``mae``, ``rmse``.
    **parameters
        The loss's parameters.

    Returns
    -------
    Loss

    Raises
    ------
    ValueError
        There is no such loss, or a parameter is out of range.
    TypeError
        The loss has no such parameter, or one that is missing has no default.

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.get_loss("huber", delta=2.0)
    Huber(delta=2.0)
    """
    cls = _CLASSES.get(SHORT_NAMES.get(name, name))
    if cls is None:
        raise ValueError(f"no loss is called {name!r}. {advice_on(str(name)) or 'list_losses() gives all names.'}")
    known = [item.name for item in fields(cls)]
    for parameter_name in parameters:
        if parameter_name not in known:
            has = f"its parameters are {', '.join(known)}" if known else "it has no parameters"
            raise TypeError(f"{cls.__name__} has no parameter {parameter_name!r}; {has}.")
    missing = [name for name in _required(cls) if name not in parameters]
    if missing:
        raise TypeError(f"{cls.__name__} cannot be made without {' and '.join(missing)}.")
    return cls(**parameters)


def advice_on(name: str, others: Iterable[str] = ()) -> str:
    """Say what somebody may have meant by a name that no loss has; an empty string where nothing comes near.

    Parameters
    ----------
    name : str
        The name.
    others : iterable of str
        Names that are right besides those of losses.

    Returns
    -------
    str
        A sentence.
    """
    known = {alias.lower(): own for alias, own in ALIASES.items()}
    bare = name.lower()
    own = known.get(bare) or known.get(f"{bare.removesuffix('_loss')}")
    spelled = (bare, snake_case(name), snake_case(name).removesuffix("_loss"))
    own = own or next((SHORT_NAMES.get(way, way) for way in spelled if way in _CLASSES or way in SHORT_NAMES), None)
    if own is not None:
        return f"It is called {own} here."
    metrics = metric_names()
    if bare in metrics:
        return f"That is a metric: fastloss.metrics.{metrics[bare]}."
    # each once: names of the package hold those of losses
    near = get_close_matches(name, dict.fromkeys([*_CLASSES, *SHORT_NAMES, *others, *metrics]), n=3)
    if near and near[0] in metrics:
        return f"Did you mean a metric, fastloss.metrics.{metrics[near[0]]}?"
    near = [item for item in near if item not in metrics]
    return f"Did you mean {' or '.join(near)}?" if near else ""


def metric_names() -> dict[str, str]:
    """Return the names of the metrics by these names, and by what comes before ``_score``."""
    from .metrics._state import STATES

    return {short: name for name in STATES for short in (name, name.removesuffix("_score"))}


def list_losses(family: str | None = None) -> list[str]:
    """List the names of all losses, sorted.

    Parameters
    ----------
    family : str, default=None
        Only the losses of this family, for example ``"regression"``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> import fastloss as fl
    >>> "huber" in fl.list_losses("regression")
    True
    """
    listed = {name: cls for name, cls in _CLASSES.items() if cls.listed}
    families = sorted({cls.family for cls in listed.values()})
    if family is not None and family not in families:
        raise ValueError(f"family must be one of {', '.join(families)}; got {family!r}.")
    return sorted(name for name, cls in listed.items() if family in (None, cls.family))


def every_class() -> list[type[Loss]]:
    """Return the classes of all losses, of those that are made of others, too."""
    return list(_CLASSES.values())


def names_with_defaults() -> list[str]:
    """Return the names, short ones too, of the losses that can be made without saying anything more."""
    return [*sorted(name for name, cls in _CLASSES.items() if not _required(cls)), *SHORT_NAMES]


def _required(cls: type[Loss]) -> list[str]:
    """List the parameters that have no default."""
    return [item.name for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING]
