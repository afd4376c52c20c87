"""The Loss protocol for rows: predictions of K numbers each, and one loss per row."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from . import _arrays, _core
from ._core import VALUE, Classes, run_rows
from .base import UNIT, Interval, Loss, Read

# The smallest share of a class that a starting score can stand for.
_LEAST_SHARE = 2.0**-52
_PROBABILITIES = Interval(0.0, 1.0, hint="Pass from_logits=True if these are raw scores.")


#: What labels may be: class indices, of the shape of the losses; numbers, or lists of indices, of the shape of y_pred.
INDICES, NUMBERS, LISTS = "class indices", "a distribution", "lists of class indices"


class RowLoss(Loss):
    """Base class of the losses of rows: ``y_pred`` has one more axis than the losses, with a number for each of K classes.

    A subclass has the fields it needs of ``from_logits``, ``label_smoothing``, ``class_weight``, ``ignore_index``, ``eps``.
    """

    __slots__ = ()

    #: The kinds of labels the loss takes.
    label_kinds: ClassVar[tuple[str, ...]] = (INDICES, NUMBERS)
    #: Where the numbers of the labels must lie, and whether they must be 0 but for a single 1.
    label_domain: ClassVar[Interval] = UNIT
    one_hot: ClassVar[bool] = False
    #: Whether a row counts in a mean for as much as its class weighs.
    mean_by_class: ClassVar[bool] = True

    @property
    def indices_only(self) -> bool:
        """Whether labels must be class indices."""
        return self.label_kinds == (INDICES,)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "class_weight" and value is not None:
                object.__setattr__(self, item.name, self._numbers(item.name, value))
            if item.name == "ignore_index" and value is not None:
                if isinstance(value, bool) or not isinstance(value, int | np.integer):
                    raise ValueError(f"{type(self).__name__}: ignore_index must be an integer or None; got {value!r}.")
                object.__setattr__(self, item.name, int(value))
        super().__post_init__()

    def _numbers(self, name: str, value: Any) -> tuple[float, ...]:
        """Read a parameter that holds one number per class, finite and not negative."""
        try:
            numbers = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            numbers = np.array(np.nan)
        if numbers.ndim != 1 or not numbers.size or not (np.isfinite(numbers) & (numbers >= 0)).all():
            raise ValueError(
                f"{type(self).__name__}: {name} must hold one number >= 0 for each class, or be None; got {value!r}."
            )
        return tuple(numbers.tolist())

    def _kernel(self) -> str:
        return f"{self.name}_from_logits" if getattr(self, "from_logits", False) else self.name

    def _class_scale(self, width: int) -> np.ndarray | None:
        """Return what the loss of each class is multiplied by."""
        return self._per_class("class_weight", width)

    def _per_class(self, name: str, width: int) -> np.ndarray | None:
        numbers = getattr(self, name, None)
        if numbers is None:
            return None
        if not isinstance(numbers, tuple):
            return np.full(width, numbers)
        if len(numbers) != width:
            raise ValueError(f"{name} holds {len(numbers)} numbers for y_pred of {width} classes.")
        return np.array(numbers)

    def _classes(self, width: int, predictions: Any) -> Classes:
        return Classes(
            self._class_scale(width),
            self._per_class("class_weight", width) if self.mean_by_class else None,
            getattr(self, "label_smoothing", 0.0),
            getattr(self, "eps", 0.0),
            getattr(self, "ignore_index", None),
            self._sum_tolerance(predictions),
        )

    def _sum_tolerance(self, predictions: Any) -> float:
        """Return how far from 1 a row of probabilities may sum before a warning is given; 0 if there are none."""
        return _arrays.sum_tolerance(predictions) if "y_pred" in self._domains() else 0.0

    def _domains(self) -> dict[str, Interval]:
        if getattr(self, "from_logits", True):
            return {}
        return {"y_pred": _PROBABILITIES}

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Any, Any, bool]:
        """Read labels and predictions, and tell whether the labels are class indices."""
        predictions = _arrays.read(y_pred, "y_pred")
        labels = _arrays.read(y_true, "y_true")
        shape, given = predictions[0].shape, labels[0].shape
        if not shape or not shape[-1]:
            raise ValueError(f"y_pred must have an axis of classes, the last one, with at least one class; got shape {shape}.")
        if given == shape[:-1] and INDICES in self.label_kinds:
            return labels, predictions, True
        if given == shape and not self.indices_only:
            return labels, predictions, LISTS in self.label_kinds
        wanted = ", or ".join(f"{shape[:-1] if kind == INDICES else shape} for {kind}" for kind in self.label_kinds)
        advice = " Pass y_true[..., 0]." if given == (*shape[:-1], 1) and INDICES in self.label_kinds else ""
        if given == shape and self.indices_only:
            advice = " CategoricalCrossEntropy takes distributions."
        raise ValueError(f"y_true must have shape {wanted}, for y_pred of shape {shape}; got {given}.{advice}")

    def _read_inputs(self, values: tuple[Any, ...]) -> Read:
        labels, predictions, indices = self._read(*values)
        operands, shape = (labels, predictions), predictions[0].shape
        return Read(operands, shape[:-1], all(map(_arrays.is_single, operands[self.labels :])), shape[-1], indices)

    def _explain_read(self, read: Read, faults: int, weights: Any) -> None:
        self._explain_rows(faults, *read.operands, read.indices, weights, read.single, False)
        warning = self._explain_sums(*read.operands, weights) if faults & _core.NOT_ONE else ""
        if warning:
            # Evaluation.update
            warnings.warn(warning, UserWarning, stacklevel=4)

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        operands, narrow, single, width, indices = self._read_inputs(values)
        labels, predictions = operands
        wide = predictions[0].shape
        weights = None if sample_weight is None else _arrays.read_weights(sample_weight, narrow)
        self._check_reduction(reduction)
        mean = reduction == "mean"
        classes = self._classes(width, predictions)
        warning: str | None = None

        def call(want: int, summed: int, mean: bool, outputs: tuple[Any, ...] = (), divisor: float = 1.0) -> float:
            nonlocal warning
            total, faults = run_rows(
                self._program,
                classes,
                single,
                want,
                summed,
                mean,
                labels,
                predictions,
                width,
                indices,
                weights,
                outputs,
                divisor,
            )
            if faults:
                self._explain_rows(faults, labels, predictions, indices, weights, single, mean)
                if faults & _core.NOT_ONE and warning is None:
                    # found out before the predictions are overwritten, if they are
                    warning = self._explain_sums(labels, predictions, weights)
            return total

        summed = VALUE if want & VALUE and reduction != "none" else 0
        places = self._places(want, summed)
        shapes = [wide if place else narrow for place in places]
        arrays: list[Any] = [None] * len(places)
        if out is not None:
            read = operands if weights is None else (*operands, weights)
            names = (*self.inputs, "sample_weight")
            arrays, overwrites = _arrays.read_outputs(out, places, shapes, read, names, self.labels)
            if overwrites:
                call(VALUE, VALUE, mean)
        divisor = 1.0
        if mean and want != VALUE:
            divisor = self._row_divisor(call, classes, labels, predictions, weights)
        outputs: list[Any] = [None] * 5
        for i, place in enumerate(places):
            if arrays[i] is None:
                of = self.labels + (place - 1) % 2 if place else self.labels
                arrays[i] = np.empty(shapes[i], _arrays.result_dtype(operands[of], values[of]))
            outputs[place] = _arrays.write(arrays[i])
        total = call(want, summed, mean, tuple(outputs), divisor)
        if warning:
            warnings.warn(warning, UserWarning, stacklevel=3)
        if out is None:
            arrays = [array[()] if array.shape == () else array for array in arrays]
        return self._results([total] if summed else [], places, arrays) if places else total

    def _row_divisor(self, call: Any, classes: Classes, labels: Any, predictions: Any, weights: Any) -> float:
        """Return what the derivatives of a mean are divided by: what all rows count for."""
        if not classes.weighs:
            return self._divisor(predictions[0].shape[:-1], weights)
        divisor = call(0, 0, True)
        if not divisor > 0 or math.isinf(divisor):
            faults = _core.NO_WEIGHT if weights is None else _core.NO_WEIGHT | _core.BAD_WEIGHT
            self._explain_rows(faults, labels, predictions, False, weights, False, True)
        return divisor

    def _explain_rows(
        self, faults: int, labels: Any, predictions: Any, indices: bool, weights: Any, single: bool, mean: bool
    ) -> None:
        """Raise for what the driver noticed; return when only rows that count for nothing were concerned."""
        if faults & _core.NO_WEIGHT and mean and weights is None and predictions[0].size:
            raise ValueError(
                'the labels of all rows are ignored or weigh nothing: the mean is undefined. Use reduction="sum", which is 0.0.'
            )
        self._explain(faults & ~_core.OUTSIDE_DOMAIN, (), weights, single, mean)
        if not faults & _core.OUTSIDE_DOMAIN:
            return
        if indices:
            self._explain_index(labels, predictions[0].shape, weights)
        elif self.one_hot:
            self._explain_one_hot(labels, weights)
        else:
            self._explain_domain(self.label_domain, labels, self.inputs[0], self._spread(weights, predictions), single)
        for name, domain in self._domains().items():
            self._explain_domain(domain, predictions, name, self._spread(weights, predictions), single)

    def _explain_sums(self, labels: Any, predictions: Any, weights: Any) -> str:
        """Say which row of probabilities does not sum to 1; an empty string when all that count do."""
        sums = np.sum(_arrays.decode(predictions), axis=-1, dtype=np.float64)
        odd = np.abs(sums - 1) > self._sum_tolerance(predictions)
        if weights is not None:
            odd &= _arrays.decode(weights) != 0
        ignored = getattr(self, "ignore_index", None)
        if ignored is not None and labels[0].shape == sums.shape:
            odd &= _arrays.decode(labels) != ignored
        if not odd.any():
            return ""
        index = _arrays.first(odd)
        where = f" at row {_arrays.shown(index)}" if index else ""
        return (
            f"the probabilities of y_pred must sum to 1 for {self}; they sum to {sums[index]:.6g}{where}, and are used as they "
            "are. Divide rows by their sums, or pass from_logits=True if these are raw scores."
        )

    @staticmethod
    def _spread(weights: Any, predictions: Any) -> Any:
        """One weight per number of a row."""
        if weights is None:
            return None
        return np.broadcast_to(weights[0][..., None], predictions[0].shape), weights[1]

    def _explain_index(self, labels: Any, shape: tuple[int, ...], weights: Any) -> None:
        original = _arrays.decode(labels)
        lists = LISTS in self.label_kinds
        low = -1 if lists else 0
        with np.errstate(invalid="ignore"):
            bad = ~((original >= low) & (original < shape[-1]) & (original == np.trunc(original)))
        if getattr(self, "ignore_index", None) is not None:
            bad &= original != self.ignore_index
        if weights is not None:
            bad &= _arrays.decode(self._spread(weights, labels) if lists else weights) != 0
        if not bad.any():
            return
        index = _arrays.first(bad)
        found, where = original[index], f" at {'index' if lists else 'row'} {_arrays.shown(index)}" if index else ""
        if found != np.trunc(found):
            raise ValueError(f"y_true must hold class indices for y_pred of shape {shape}; got {found}{where}.")
        raise ValueError(f"y_true holds class index {found}{where}, outside [{low}, {shape[-1]}) for y_pred of shape {shape}.")

    @staticmethod
    def _explain_one_hot(labels: Any, weights: Any) -> None:
        shares = _arrays.decode(labels)
        bad = ((shares == 1).sum(axis=-1) != 1) | ((shares != 0).sum(axis=-1) != 1)
        if weights is not None:
            bad &= _arrays.decode(weights) != 0
        if bad.any():
            index = _arrays.first(bad)
            where = f" at row {_arrays.shown(index)}" if index else ""
            raise ValueError(
                f"y_true must hold class indices, or rows of 0 with a single 1; got {shares[index].tolist()}{where}."
            )

    # ---- boosting -----------------------------------------------------------------------------------------------

    def init_score(self, y_true: Any, sample_weight: Any = None) -> np.ndarray:
        """Find the constant raw prediction that minimises cross-entropy over ``y_true``: the logarithms of the classes' shares.

        Parameters
        ----------
        y_true : array_like
            Class indices, of any shape (the largest one tells how many classes there are), or distributions.
        sample_weight : array_like, default=None
            One weight per label.

        Returns
        -------
        ndarray of shape (K,)
            Finite: a class that does not occur gets the share 2**-52. With ``from_logits=False``, the shares themselves.
        """
        labels = _arrays.read(y_true, "y_true")
        array = _arrays.decode(labels)
        indices = INDICES in self.label_kinds and (array.ndim == 1 or self.indices_only)
        if indices:
            if not array.size:
                raise ValueError("the starting score of no labels is undefined.")
            ignored = getattr(self, "ignore_index", None)
            kept = array != ignored if ignored is not None else np.ones(array.shape, bool)
            weights = kept.astype(np.float64)
            if sample_weight is not None:
                weights *= _arrays.decode(_arrays.read_weights(sample_weight, array.shape))
            class_weight = getattr(self, "class_weight", None)
            classes = len(class_weight) if class_weight else int(array[kept].max(initial=0)) + 1
            self._explain_index(labels, (*array.shape, classes), None)
            shares = np.bincount(array[kept].astype(np.int64).ravel(), weights[kept].ravel(), minlength=classes)
        else:
            weights = np.ones(array.shape[:-1])
            if sample_weight is not None:
                weights = _arrays.decode(_arrays.read_weights(sample_weight, array.shape[:-1]))
            self._explain_domain(UNIT, labels, "y_true", None, False)
            shares = (array * weights[..., None]).reshape(-1, array.shape[-1]).sum(axis=0)
            classes = array.shape[-1]
        scale = self._class_scale(classes)
        shares = shares if scale is None else shares * scale
        shares = np.maximum(shares / shares.sum(), _LEAST_SHARE)
        return np.log(shares) if self.from_logits or getattr(self, "from_log", False) else shares

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into predictions: the softmax over the last axis with ``from_logits``, else the identity."""
        numbers = _arrays.map_numbers(None, raw)
        if not getattr(self, "from_logits", False):
            return numbers
        powers = _arrays.map_numbers("exp", numbers - numbers.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


class MarginLoss(RowLoss):
    """Base class of the losses of distances between scores: one right class, by index or one-hot, unless it says otherwise."""

    __slots__ = ()

    one_hot = True
    mean_by_class = False

    def init_score(self, y_true: Any, sample_weight: Any = None) -> np.ndarray:
        """Raise TypeError: only distances between scores count, so that no constant stands out; start from zeros."""
        raise TypeError(f"{type(self).__name__} has no starting score: only distances between scores count. Start from zeros.")


@dataclass(frozen=True, slots=True)
class WrongLabel(RowLoss):
    """1 for each row whose largest score, the first of several, is not that of its class: what `ZeroOne` makes of rows."""

    label_kinds = (INDICES,)

    def _kernel(self) -> str:
        return "zero_one_of_rows"
