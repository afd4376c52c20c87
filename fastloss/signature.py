"""What a loss takes: read from what its formula file says (``kernel.signature`` of ``fastloss.h`` explains the notation)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property

from . import _core

# A name, a question mark, its forms with | between, and a star.
_INPUT = re.compile(r"(\w+)(\??) ?([^*]*)(\*?)")


@dataclass(frozen=True, slots=True)
class Form:
    """What an input may hold for a unit.

    Parameters
    ----------
    axes : {"", "(k)", "(4)", "(m...)", "(...)", "[g]", "[m...]", "[m...](k)", "[k]", "[k](d)", "(t,c)", "(s)"}
        One number; those along the last axis, any number or so many; along all axes but those of the units, or of the whole
        array; a group; or, as a group, all axes but those of the units, the first of which may be the classes. Of tiles,
        brackets are the axis of units of the input's own. Frames of classes, and labels, as many as there are.
    index : bool
        Whether the numbers are class indices.
    """

    axes: str
    index: bool


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a loss: its name, the forms it may have, whether it is differentiated, and whether it may be None."""

    name: str
    forms: tuple[Form, ...]
    differentiated: bool
    optional: bool


@dataclass(frozen=True)
class Signature:
    """The inputs of a loss, and the plan by which its kernels work."""

    inputs: tuple[Input, ...]
    plan: str
    family: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs, in their order."""
        return tuple(item.name for item in self.inputs)

    @cached_property
    def differentiated(self) -> tuple[str, ...]:
        """The names of the inputs that are differentiated."""
        return tuple(item.name for item in self.inputs if item.differentiated)

    @cached_property
    def predictions(self) -> range:
        """The places of the inputs that derivatives are with respect to; where there are none, of all but the first."""
        places = [i for i, item in enumerate(self.inputs) if item.differentiated]
        return range(places[0], places[-1] + 1) if places else range(1, len(self.inputs))

    @cached_property
    def axes(self) -> str:
        """What a unit has of the predictions."""
        return self.inputs[self.predictions[0]].forms[0].axes

    @cached_property
    def components(self) -> int:
        """How many numbers a unit must have along the last axis; 0: any number."""
        count = self.axes[1:-1]
        return int(count) if count.isdigit() else 0

    @cached_property
    def unit_form(self) -> tuple[tuple[bool, ...], int, int, int] | tuple[()]:
        """How to read ordinary arrays of vectors, masks, and of what is one as a whole.

        Which inputs have the axes of a unit, the place of the first one that is differentiated, how many components there must
        be, and how many axes there are before those of a unit: 0, all but one (-1), or as many as the loss says (1).
        """
        if self.plan not in ("statistics", "rows"):
            return ()
        whole = tuple(bool(item.forms[0].axes) for item in self.inputs)
        return whole, self.predictions[0], self.components, {"(...)": 0, "(m...)": 1}.get(self.axes, -1)

    @cached_property
    def in_parts(self) -> bool:
        """Whether the numbers of a unit may come in parts, each with a weight: those of masks and of whole arrays."""
        return self.axes in ("(m...)", "(...)")

    @cached_property
    def weighs_numbers(self) -> bool:
        """Whether the numbers of a unit may have weights."""
        return self.in_parts or self.axes.startswith("[m...]")

    @cached_property
    def labels(self) -> tuple[Form, ...]:
        """The forms of the labels, where these may be class indices; else nothing."""
        forms = self.inputs[0].forms
        return forms if any(form.index for form in forms) else ()


@cache
def signatures() -> dict[str, Signature]:
    """Read the signatures of all kernels, by their names."""
    return {name: signature_of(text, plan, family) for name, (family, plan, text, _) in _core.kernels().items()}


def composed(text: str, family: str) -> Signature:
    """Make the signature of a loss that is made of others, in the same notation."""
    return signature_of(text, "composed", family)


def signature_of(text: str, plan: str, family: str) -> Signature:
    """Make a signature of its text."""
    inputs = []
    for item in text.split(", "):
        found = _INPUT.fullmatch(item)
        if found is None:
            raise AssertionError(f"{item!r} is no input of a signature")
        name, mark, forms, star = found.groups()
        read = tuple(Form(form.replace("index", ""), "index" in form) for form in forms.split("|"))
        inputs.append(Input(name, read, bool(star), bool(mark)))
    return Signature(tuple(inputs), plan, family)
