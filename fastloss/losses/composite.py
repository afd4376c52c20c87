"""Losses that are made of other losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import links
from .._core import Inputs, Kernel
from .._types import Total
from ..domains import ANY, Choice, Domain, Interval, brief, number_in
from ..loss import OF_OTHER_INPUTS, Loss
from ..signature import Signature

# Beyond these, exponentials of double precision overflow.
_FARTHEST_SCORE = 700.0


def _method(name: str) -> Callable[..., Any]:
    """Make a method that takes what the terms take: labels, predictions and options by place, or other inputs."""

    def method(self: WeightedSum, *inputs: Any, **named: Any) -> Any:
        of = getattr(Loss, name) if self.inputs == Loss.inputs else OF_OTHER_INPUTS[name]
        if "mean" not in self.reductions:
            # what has no mean is summed unless it is told otherwise, as penalties are
            named.setdefault("reduction", "sum")
        return of(self, *inputs, **named)

    method.__name__, method.__qualname__, method.__doc__ = name, f"WeightedSum.{name}", getattr(Loss, name).__doc__
    return method


def _of_first(name: str) -> Any:
    return property(lambda self: getattr(self.terms[0][1], name), doc=f"That of the terms: ``{name}``.")


@dataclass(frozen=True, slots=True)
class WeightedSum(Loss):
    r"""Weighted sum of losses of the same inputs, as one loss: its value and derivatives in one pass over memory.

    ``0.7 * fl.huber + 0.3 * fl.log_cosh`` is ``WeightedSum([(0.7, fl.huber), (0.3, fl.log_cosh)])``.

    Parameters
    ----------
    terms : iterable of pairs (float, Loss)
        Finite weights, and losses, which take the same inputs and have a loss for the same unit: numbers,
        rows, masks per sample, groups ... A sum in it is replaced by its terms. A term of weight 0 is left out of the
        computation.

    Attributes
    ----------
    terms : tuple of pairs (float, Loss)
        The terms, in their order.

    Raises
    ------
    TypeError
        A term is no loss, or the losses do not go together: `MultiTask` adds up what is computed apart.
    ValueError
        There is no term, or a weight is not finite.

    Notes
    -----
    .. math::

        \ell = \sum_k w_k \ell_k, \qquad \ell' = \sum_k w_k \ell_k', \qquad \ell'' = \sum_k w_k \ell_k''

    It is a loss like any other: `Evaluation`, `fastloss.boosting` and the command line
    (``--loss "0.7*huber:delta=2 + 0.3*log_cosh"``) take it. A block of the inputs stays in the first-level cache while each
    term reads it.

    The order of operations: terms are computed as they are alone, in float32 or float64. In that precision, to which the
    weights are rounded, the first one is multiplied by its weight, and each further one is added by a fused multiplication
    and addition. Then comes what follows for any loss: sample weights, exact sums, the division of a mean. (The derivatives of
    all losses but those of single numbers are multiplied by the sample weights and divided before they are added up.) So the
    error of a sum is the sum of the terms' errors, and one rounding for each addition. A weight that float32 cannot hold is
    infinite, or 0, for float32 predictions. Where all weights are 0, the first term is multiplied by 0.

    `parameter_gradient` names the derivatives by their place: ``"terms[0].weight"``, which is the loss of that term alone, and
    ``"terms[0].delta"``, which is that of the term times its weight, rounded once more.

    Terms that leave out rows, by ``ignore_index``, or count them by ``class_weight``, must do so alike.

    Examples
    --------
    >>> import fastloss as fl
    >>> loss = 0.7 * fl.Huber(delta=2.0) + 0.3 * fl.log_cosh
    >>> loss
    WeightedSum(terms=((0.7, Huber(delta=2.0)), (0.3, LogCosh())))
    >>> loss([1.0, 2.0], [1.5, 5.0])
    1.8081664517304095
    >>> loss.gradient([1.0, 2.0], [1.5, 5.0], reduction="none")
    array([0.48863515, 1.69851643])
    """

    terms: tuple[tuple[float, Loss], ...]

    listed = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(_flat(self.terms)))
        if not self.terms:
            raise ValueError("WeightedSum: terms must hold at least one pair of weight and loss; got none.")
        first = self.terms[0][1]
        for _, loss in self.terms:
            _check_together(first, loss)
        self._prepare(Kernel.sum_of([(weight, loss._kernel) for weight, loss in self._counting()]))

    def _counting(self) -> list[tuple[float, Loss]]:
        """Return the terms whose weight is not zero; where there are none, the first one."""
        return [(weight, loss) for weight, loss in self.terms if weight] or list(self.terms[:1])

    # ---- what the terms share ------------------------------------------------------------------------------------

    formula = _of_first("formula")
    inputs = _of_first("inputs")
    optional = _of_first("optional")
    labels = _of_first("labels")
    by_numbers = _of_first("by_numbers")
    indices_only = _of_first("indices_only")
    reductions = _of_first("reductions")
    signature = _of_first("signature")

    @property
    def no_gradient(self) -> str:  # type: ignore[override] # follows from the parameters
        """Why there is no gradient; empty if there is one."""
        return self._reason("no_gradient")

    @property
    def no_hessian(self) -> str:  # type: ignore[override] # follows from the parameters
        """Why there is no Hessian; empty if there is one."""
        return self._reason("no_hessian")

    def _reason(self, name: str) -> str:
        return next((f"of {loss!r}, {reason}" for _, loss in self._counting() if (reason := getattr(loss, name))), "")

    @property
    def growth(self) -> float:  # type: ignore[override] # follows from the parameters
        """That of the term that grows fastest."""
        return max(loss.growth for _, loss in self.terms)

    @property
    def of_residual(self) -> bool:  # type: ignore[override] # follows from the parameters
        """Whether all terms are losses of the residual alone."""
        return all(loss.of_residual for _, loss in self.terms)

    def _unit_axes(self) -> int:
        return self.terms[0][1]._unit_axes()

    def _domains(self) -> dict[str, Domain]:
        domains: dict[str, Domain] = {}
        for _, loss in self._counting():
            for name, domain in loss._domains().items():
                domains[name] = _both(domains[name], domain) if name in domains else domain
        return domains

    # ---- calls -----------------------------------------------------------------------------------------------------

    __call__ = _method("__call__")
    gradient = _method("gradient")
    value_and_gradient = _method("value_and_gradient")
    gradient_and_hessian = _method("gradient_and_hessian")

    def _read(self, values: tuple[Any, ...]) -> Inputs:
        return self.terms[0][1]._read(values)

    def _for(self, values: tuple[Any, ...]) -> tuple[Loss, tuple[Any, ...]]:
        own = [(weight, *loss._for(values)) for weight, loss in self._counting()]
        if all(found is loss for (_, found, _), (_, loss) in zip(own, self._counting(), strict=True)):
            return self, values
        return WeightedSum(tuple((weight, found) for weight, found, _ in own)), own[0][2]

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        loss, values = self._for(values)
        return Loss._evaluate(loss, want, values, sample_weight, reduction, out)

    def _kernel_for(self, inputs: Inputs, reduction: str = "none") -> Kernel:
        return Kernel.sum_of([(weight, loss._kernel_for(inputs, reduction)) for weight, loss in self._counting()])

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        for _, loss in self._counting():
            loss._explain_domains(inputs, weights)

    def _warn_of_sums(self, inputs: Inputs, weights: Any) -> None:
        self._counting()[0][1]._warn_of_sums(inputs, weights)

    # ---- parameters ------------------------------------------------------------------------------------------------

    def _parameter_calls(self, inputs: Inputs, reduction: str) -> dict[str, tuple[Kernel, ...]]:
        calls: dict[str, tuple[Kernel, ...]] = {}
        for place, (_, loss) in enumerate(self.terms):
            calls[f"terms[{place}].weight"] = (loss._kernel_for(inputs, reduction),)
            calls |= {f"terms[{place}].{name}": of for name, of in loss._parameter_calls(inputs, reduction).items()}
        return calls

    def _parameter_gradient(self, values: tuple[Any, ...], sample_weight: Any, reduction: Total) -> dict[str, float]:
        found = super()._parameter_gradient(values, sample_weight, reduction)
        weights = {f"terms[{place}]": weight for place, (weight, _) in enumerate(self.terms)}
        return {
            name: slope if name.endswith(".weight") else weights[name.partition(".")[0]] * slope
            for name, slope in found.items()
        }

    # ---- boosting --------------------------------------------------------------------------------------------------

    def init_score(self, y_true: Any, sample_weight: Any = None) -> Any:
        """Find the constant raw prediction that minimises the loss: it lies between those that minimise the terms.

        Parameters
        ----------
        y_true : array_like
            Labels.
        sample_weight : array_like, default=None
            One weight per label, or one per row.

        Returns
        -------
        float, or what the terms return, where these agree

        Raises
        ------
        TypeError
            A term has no starting score, or terms of rows have different ones.
        """
        scores = [loss.init_score(y_true, sample_weight) for _, loss in self._counting()]
        if all(np.array_equal(score, scores[0]) for score in scores):
            return scores[0]
        if not self.by_numbers:
            raise TypeError(f"{self!r} has no starting score: its terms have different ones. Start from zeros.")
        low, high = (float(np.clip(end(scores), -_FARTHEST_SCORE, _FARTHEST_SCORE)) for end in (min, max))
        if self.of_residual:
            low, high = min(scores), max(scores)
        return links.search(self, y_true, sample_weight, (low, high))

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into predictions, as all terms do.

        Parameters
        ----------
        raw : array_like
            Raw scores.

        Returns
        -------
        ndarray of the shape and floating dtype of ``raw``, or a scalar for a scalar

        Raises
        ------
        TypeError
            The terms do so in different ways.
        """
        first, *others = (loss.inverse_link(raw) for _, loss in self._counting())
        if not all(np.array_equal(first, other, equal_nan=True) for other in others):
            raise TypeError(
                f"the terms of {self!r} make different predictions of raw scores. Use the link of the one you mean."
            )
        return first


def _flat(terms: Any) -> Iterable[tuple[float, Loss]]:
    """Check terms, and put those of sums in the place of these."""
    if not isinstance(terms, Iterable):
        raise TypeError(f"WeightedSum: terms must be pairs of a weight and a loss; got {brief(terms)}.")
    for place, term in enumerate(terms):
        try:
            weight, loss = term
        except (TypeError, ValueError):
            raise TypeError(f"WeightedSum: term {place} must be a pair of a weight and a loss; got {brief(term)}.") from None
        if isinstance(loss, type) and issubclass(loss, Loss):
            raise TypeError(f"WeightedSum: term {place} must hold a loss, not its class: write {loss.__name__}().")
        if not isinstance(loss, Loss):
            raise TypeError(f"WeightedSum: term {place} must be a pair of a weight and a loss; got {brief(term)}.")
        weight = number_in(weight, ANY, f"WeightedSum: the weight of term {place}")
        if isinstance(loss, WeightedSum):
            yield from ((number_in(weight * own, ANY, "WeightedSum: a weight"), each) for own, each in loss.terms)
        else:
            yield weight, loss


def _unit(loss: Loss) -> tuple[Any, ...]:
    """Return what losses must have in common to be added up unit by unit."""
    signature: Signature = loss.signature
    forms = tuple((item.name, item.forms, item.optional) for item in signature.inputs)
    counted = getattr(loss, "class_weight", None) if getattr(loss, "mean_by_class", False) else None
    return (
        (loss.inputs, loss.optional, forms, signature.plan, loss.reductions),
        (loss.indices_only, loss._unit_axes(), getattr(loss, "ignore_index", None), counted),
    )


def _check_together(first: Loss, loss: Loss) -> None:
    """Raise where two losses cannot be added up."""
    advice = "MultiTask adds up losses that are computed apart."
    if not hasattr(loss, "signature") or loss.signature.plan == "tiles":
        raise TypeError(f"WeightedSum: {loss!r} has no loss for each unit that could be added to that of others. {advice}")
    if loss.inputs != first.inputs:
        raise TypeError(
            f"WeightedSum: losses must take the same inputs; got {first!r}, which takes {', '.join(first.inputs)}, and "
            f"{loss!r}, which takes {', '.join(loss.inputs)}. {advice}"
        )
    if _unit(loss)[0] != _unit(first)[0]:
        raise TypeError(
            f"WeightedSum: losses must have a value for the same thing, a number, a row, a mask or a group; got {first!r} and "
            f"{loss!r}. {advice}"
        )
    if _unit(loss) != _unit(first):
        raise TypeError(
            f"WeightedSum: losses must count the same rows, and read labels in the same way; got {first!r} and {loss!r}. Give "
            f"them the same ignore_index, class_weight and per_class. {advice}"
        )


def _both(one: Domain, other: Domain) -> Domain:
    """Return the numbers that lie in two domains."""
    if one == other:
        return one
    if isinstance(one, Choice):
        return Choice(tuple(number for number in one.numbers if number in other), one.hint)
    if isinstance(other, Choice):
        return _both(other, one)
    narrow = one if (one.high - one.low, one.open_low) < (other.high - other.low, other.open_low) else other
    low, high = max(one.low, other.low), min(one.high, other.high)
    return Interval(
        low,
        high,
        any(each.open_low for each in (one, other) if each.low == low),
        any(each.open_high for each in (one, other) if each.high == high),
        narrow.hint,
    )
