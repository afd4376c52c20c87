"""Losses of a row of numbers, one for each class: what they know of the classes, and what is said about labels."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from . import _arrays, errors
from ._core import ClassOptions, Inputs, Kernel
from .domains import PROBABILITIES, UNIT, Domain, Interval, brief
from .links import SMALLEST_SHARE, Mixin
from .loss import Loss

#: The number of classes that class indices may make where a number for each of them is needed.
MOST_CLASSES = 1 << 20
_INT64 = np.iinfo(np.int64)


def explain_index(
    labels: Any, shape: tuple[int, ...], weights: Any, ignored: int | None = None, of: str = "y_pred", axis: int = -1
) -> None:
    """Raise for the first label that is no class of the predictions of this shape; return if all are."""
    original = _arrays.decode(labels)
    lists = original.ndim == len(shape)
    low, classes = -1 if lists else 0, shape[axis]
    with np.errstate(invalid="ignore"):
        bad = ~((original >= low) & (original < classes) & (original == np.trunc(original)))
    if ignored is not None:
        bad &= original != ignored
    if weights is not None:
        bad &= _arrays.spread(_arrays.decode(weights), original.ndim) != 0
    if bad.any():
        index = _arrays.first(bad)
        noun = "row" if axis == -1 and not lists else "index"
        raise errors.bad_class(index, original[index], low, classes, f"{of} of shape {shape}", noun)


class OfClasses(Mixin):
    """What losses of rows of classes share.

    A subclass has the fields it needs of ``from_logits``, ``label_smoothing``, ``class_weight``, ``ignore_index``, ``eps``.
    """

    __slots__ = ()

    #: Where the numbers of the labels must lie, and whether they must be 0 but for a single 1.
    label_domain: ClassVar[Interval] = UNIT
    one_hot: ClassVar[bool] = False
    #: Whether a row counts in a mean for as much as its class weighs.
    mean_by_class: ClassVar[bool] = True

    from_logits: bool

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "class_weight" and value is not None:
                object.__setattr__(self, item.name, self._numbers(item.name, value))
            if item.name == "ignore_index" and value is not None:
                if isinstance(value, bool) or not isinstance(value, int | np.integer) or not _INT64.min <= value <= _INT64.max:
                    what = "an integer of 64 bits or None"
                    raise ValueError(f"{type(self).__name__}: ignore_index must be {what}; got {brief(value)}.")
                object.__setattr__(self, item.name, int(value))
        super().__post_init__()

    def _numbers(self, name: str, value: Any) -> tuple[float, ...]:
        """Read a parameter that holds one number per class, finite and not negative."""
        try:
            numbers = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            numbers = np.array(np.nan)
        if numbers.ndim != 1 or not numbers.size or not (np.isfinite(numbers) & (numbers >= 0)).all():
            raise ValueError(
                f"{type(self).__name__}: {name} must hold one number >= 0 for each class, or be None; got {brief(value)}."
            )
        return tuple(numbers.tolist())

    def _kernel_name(self) -> str:
        return f"{self.formula}_from_logits" if getattr(self, "from_logits", False) else self.formula

    def _kernel_by(self, parameter: str) -> str:
        return f"{self.formula}_by_{parameter}{'_from_logits' if getattr(self, 'from_logits', False) else ''}"

    @property
    def _ignored(self) -> int | None:
        return getattr(self, "ignore_index", None)

    # ---- what the kernel knows of the classes -------------------------------------------------------------------

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

    def _kernel_for(self, inputs: Inputs, reduction: str = "none") -> Kernel:
        return self._kernel.of_classes(self._options(inputs))

    def _options(self, inputs: Inputs, **changed: Any) -> ClassOptions:
        """Return what the kernel knows of the classes, with another ``scale`` or ``label_smoothing`` than the loss has."""
        width = inputs.operands[-1][0].shape[-1]
        return ClassOptions(
            changed["scale"] if "scale" in changed else self._class_scale(width),
            self._per_class("class_weight", width) if self.mean_by_class else None,
            changed.get("label_smoothing", getattr(self, "label_smoothing", 0.0)),
            getattr(self, "eps", 0.0),
            self._ignored,
            self._sum_tolerance(inputs),
        )

    def _scales_by(self, width: int) -> dict[str, np.ndarray | None]:
        """Return the derivatives of `_class_scale` by the parameters that it depends on, which are derivatives of the loss."""
        return {}

    def _parameter_calls(self, inputs: Inputs, reduction: str) -> dict[str, tuple[Kernel, ...]]:
        calls = super()._parameter_calls(inputs, reduction)
        scales = self._scales_by(inputs.operands[-1][0].shape[-1])
        calls |= {name: (self._kernel.of_classes(self._options(inputs, scale=scale)),) for name, scale in scales.items()}
        if hasattr(self, "label_smoothing"):
            # a loss is linear in it: what it is of shares that are all equal, minus what it is of labels as they are
            kernels = (self._kernel.of_classes(self._options(inputs, label_smoothing=share)) for share in (1.0, 0.0))
            calls["label_smoothing"] = tuple(kernels)
        return calls

    def _sum_tolerance(self, inputs: Inputs) -> float:
        """Return how far from 1 a row of probabilities may sum before a warning is given; 0 if there are none."""
        return _arrays.sum_tolerance(inputs.operands[-1]) if "y_pred" in self._domains() else 0.0

    def _domains(self) -> dict[str, Domain]:
        return {} if getattr(self, "from_logits", True) else {"y_pred": PROBABILITIES}

    def _read(self, values: tuple[Any, ...]) -> Inputs:
        inputs = super()._read(values)
        if inputs.labels and self._ignored == _INT64.min:
            # the driver's mark for what is no integer: labels that are none become -1, which is no class
            labels = _arrays.decode(inputs.operands[0])
            if labels.dtype != np.int64:
                ignored = labels == _INT64.min
                whole = (labels >= 0) & (labels < 2.0**62) & (labels == np.trunc(labels))
                indices = np.where(whole, labels, 0).astype(np.int64)
                labels = np.where(ignored, _INT64.min, np.where(whole, indices, -1))
                operands = (_arrays.read(labels, "y_true"), *inputs.operands[1:])
                return Inputs(operands, inputs.shape, inputs.single, inputs.core, True)
        return inputs

    # ---- what is wrong ------------------------------------------------------------------------------------------

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        labels, predictions = inputs.operands
        if inputs.labels:
            explain_index(labels, predictions[0].shape, weights, self._ignored)
        elif self.one_hot:
            self._explain_one_hot(labels, weights)
        elif self.labels:
            self._explain_domain(self.label_domain, labels, self.inputs[0], weights, inputs.single)
        for name, domain in self._domains().items():
            self._explain_domain(domain, predictions, name, weights, inputs.single)

    def _warn_of_sums(self, inputs: Inputs, weights: Any) -> None:
        labels, predictions = inputs.operands
        sums = _arrays.decode(predictions).sum(axis=-1, dtype=np.float64)
        odd = np.abs(sums - 1) > self._sum_tolerance(inputs)
        if weights is not None:
            odd &= _arrays.decode(weights) != 0
        if self._ignored is not None and labels[0].shape == sums.shape:
            odd &= _arrays.decode(labels) != self._ignored
        if odd.any():
            index = _arrays.first(odd)
            errors.warn(errors.sum_is_not_one(self, index, sums[index]))

    @staticmethod
    def _explain_one_hot(labels: Any, weights: Any) -> None:
        shares = _arrays.decode(labels)
        bad = ((shares == 1).sum(axis=-1) != 1) | ((shares != 0).sum(axis=-1) != 1)
        if weights is not None:
            bad &= _arrays.decode(weights) != 0
        if bad.any():
            index = _arrays.first(bad)
            raise errors.not_one_hot(index, shares[index].tolist())

    # ---- boosting -----------------------------------------------------------------------------------------------

    def init_score(self, y_true: Any, sample_weight: Any = None) -> Any:
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
        labels, array = self._labels_with_axis(y_true)
        takes_indices = any(form.index and not form.axes for form in self.signature.labels)
        shares = (
            self._shares_of_indices(labels, array, sample_weight)
            if takes_indices and (array.ndim == 1 or self.indices_only)
            else self._shares_of_rows(labels, array, sample_weight)
        )
        scale = self._class_scale(len(shares))
        shares = shares if scale is None else shares * scale
        if not shares.sum() > 0:
            raise ValueError("the starting score of no labels is undefined.")
        shares = np.maximum(shares / shares.sum(), SMALLEST_SHARE)
        return np.log(shares) if self.from_logits or getattr(self, "from_log", False) else shares

    @staticmethod
    def _labels_with_axis(y_true: Any) -> tuple[Any, np.ndarray]:
        """Read labels for a starting score: the operand, and the array."""
        labels = _arrays.read(y_true, "y_true")
        array = _arrays.decode(labels)
        if not array.ndim:
            raise ValueError(f"y_true must have an axis, that of the samples; got {array[()]}.")
        return labels, array

    @staticmethod
    def _weights_of_labels(sample_weight: Any, shape: tuple[int, ...]) -> np.ndarray:
        """Read what labels of this shape count for in a starting score."""
        if sample_weight is None:
            return np.ones(shape)
        return _arrays.summable(_arrays.decode(_arrays.read_weights(sample_weight, shape)))

    def _shares_of_indices(self, labels: Any, array: np.ndarray, sample_weight: Any) -> np.ndarray:
        if not array.size:
            raise ValueError("the starting score of no labels is undefined.")
        kept = array != self._ignored if self._ignored is not None else np.ones(array.shape, bool)
        weights = self._weights_of_labels(sample_weight, array.shape) * kept
        class_weight = getattr(self, "class_weight", None) or ()
        most = float(np.max(array[kept], initial=0))
        if not class_weight and most >= MOST_CLASSES:
            index = _arrays.first(kept & (array == most))
            raise errors.too_many_classes(index, array[index], MOST_CLASSES)
        explain_index(labels, (*array.shape, len(class_weight) or (int(most) + 1 if most == most else 1)), None, self._ignored)
        indices = array[kept].astype(np.int64).ravel()
        return np.bincount(indices, weights[kept].ravel(), minlength=len(class_weight))

    def _shares_of_rows(self, labels: Any, array: np.ndarray, sample_weight: Any) -> np.ndarray:
        weights = self._weights_of_labels(sample_weight, array.shape[:-1])
        self._explain_domain(UNIT, labels, "y_true", None, False)
        return (array * weights[..., None]).reshape(-1, array.shape[-1]).sum(axis=0)

    def inverse_link(self, raw: Any) -> Any:
        """Turn raw scores into predictions: the softmax over the last axis with ``from_logits``, else the identity."""
        numbers = _arrays.map_numbers(None, raw)
        if not getattr(self, "from_logits", False):
            return numbers
        powers = _arrays.map_numbers("exp", numbers - numbers.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


class MarginOfClasses(OfClasses):
    """What the losses of distances between scores share: one right class, by index or one-hot, unless they say otherwise."""

    __slots__ = ()

    one_hot = True
    mean_by_class = False

    def init_score(self, y_true: Any, sample_weight: Any = None) -> Any:
        """Raise TypeError: only distances between scores count, so that no constant stands out; start from zeros."""
        raise TypeError(f"{type(self).__name__} has no starting score: only distances between scores count. Start from zeros.")


@dataclass(frozen=True, slots=True)
class WrongLabel(OfClasses, Loss):
    """1 for each row whose largest score, the first of several, is not that of its class: what `ZeroOne` makes of rows."""

    formula = "zero_one_of_rows"
