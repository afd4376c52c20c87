"""What the words of a command line stand for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from functools import partial
from typing import Any

from .. import bench, metrics
from ..domains import brief
from ..loss import Loss
from ..losses import WeightedSum
from ..metrics._state import is_metric
from ..registry import get_loss, metric_names

# before a term, which is a name, or a number, a star and a name: not in a number like 1e+3
_PLUS = re.compile(r"(?<![0-9.][eE])\+(?=\s*([-0-9.]([^*+]|(?<=[eE])\+(?=[0-9]))*\*\s*)?[A-Za-z_]|\s*$)")
# where messages name metrics
_IN_PYTHON = re.compile(r"fastloss\.metrics\.")
_WORDS = {"true": True, "false": False, "none": None}


class UsageError(Exception):
    """The command line makes no sense."""


def pair(text: str) -> tuple[str, str]:
    """Take ``NAME=VALUE`` apart."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE; got {text!r}")
    return name, value


def named_loss(text: str) -> tuple[str, Loss]:
    """Make a loss, and keep what it was called."""
    return text, loss(text)


def loss(text: str) -> Loss:
    """Make a loss of ``huber:delta=2``, or of ``0.7*huber:delta=2 + 0.3*log_cosh``."""
    terms = [_term(item) for item in _split(text)]
    if len(terms) == 1 and terms[0][0] is None:
        return terms[0][1]
    try:
        return WeightedSum(tuple((1.0 if weight is None else weight, of) for weight, of in terms))
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _split(text: str) -> list[str]:
    places = [place.start() for place in _PLUS.finditer(text)]
    return [text[first:last] for first, last in zip([0, *(place + 1 for place in places)], [*places, None], strict=True)]


def _term(text: str) -> tuple[float | None, Loss]:
    """Read a loss, and the weight before it, if there is one."""
    weight, star, name = text.rpartition("*")
    if not star:
        return None, _named(text.strip())
    try:
        return float(weight), _named(name.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(f"the weight of a loss must be a number; got {brief(weight.strip())}") from None


def _named(text: str) -> Loss:
    name, _, rest = text.partition(":")
    pairs = [pair(item) for item in rest.split(",") if item]
    words = _words(name)
    parameters = {key: value if key in words else _value(key, value) for key, value in pairs}
    if len(parameters) < len(pairs):
        raise argparse.ArgumentTypeError(f"a parameter is given twice in {text!r}")
    try:
        return get_loss(name, **parameters)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(_IN_PYTHON.sub("evaluate --metric ", str(error))) from error


def named_metric(text: str) -> tuple[str, Callable[..., Any]]:
    """Make a metric of ``f1_score:average=macro``, and keep what it was called."""
    name, _, rest = text.partition(":")
    if name not in metrics.__all__ or not is_metric(getattr(metrics, name)):
        known = metric_names()
        near = known.get(name) or next((known[item] for item in get_close_matches(name, known, n=1)), None)
        advice = f"Did you mean {near}?" if near else f"There are {', '.join(sorted(set(known.values())))}."
        raise argparse.ArgumentTypeError(f"no metric is called {brief(name)}. {advice}")
    keywords = {key: _word(value) for key, value in (pair(item) for item in rest.split(",") if item)}
    metric = partial(getattr(metrics, name), **keywords)
    try:
        metrics.state_of(metric)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text, metric


def _word(text: str) -> float | bool | str | None:
    """Read a number, a truth value, none, or a word."""
    try:
        return _value("", text)
    except argparse.ArgumentTypeError:
        return text


def separator(text: str) -> str:
    r"""Read what stands between cells: one character, or ``tab`` or ``\t``."""
    found = "\t" if text in ("tab", "\\t") else text
    if len(found) != 1 or not found.isascii() or found in '"\r\n':
        raise argparse.ArgumentTypeError(f"a separator is one character, or tab; got {brief(text)}")
    return found


def _words(name: str) -> set[str]:
    """List the parameters of a loss that are words."""
    try:
        return {item.name for item in fields(get_loss(name)) if isinstance(item.default, str)}
    except (TypeError, ValueError):
        return set()


def _value(name: str, text: str) -> float | bool | None:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise argparse.ArgumentTypeError(f"{name} must be a number, true, false or none; got {brief(text)}")


def size(text: str) -> int:
    """Read a number of samples."""
    if not (text.isdecimal() and len(text) < 19 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"a size is a whole number from 1 to 10**18 - 1; got {brief(text)}")
    return int(text)


def dtype(text: str) -> str:
    """Check the name of a floating type."""
    if text not in bench.TOLERANCES:
        raise argparse.ArgumentTypeError(f"a dtype is one of {', '.join(bench.TOLERANCES)}; got {text!r}")
    return text


def list_of(kind: Any) -> Any:
    """Make a function that reads what ``kind`` reads, several times with commas between."""
    return lambda text: [kind(item) for item in text.split(",")]
