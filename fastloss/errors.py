"""What is said about bad input: facts come in, sentences go out. Nobody else writes them, and nobody reads them but people."""

from __future__ import annotations

import sys
import warnings
from typing import Any

NO_SAMPLES = 'the mean of no samples is undefined. Use reduction="sum", which is 0.0.'
NO_WEIGHTS = 'sample_weight sums to zero: the weighted mean is undefined. Use reduction="sum".'
TOO_HEAVY = "the weights have a sum that exceeds the largest number of float64. Divide sample_weight by its maximum."
ALL_IGNORED = 'the labels of all rows are ignored or weigh nothing: the mean is undefined. Use reduction="sum", which is 0.0.'

Index = tuple[int, ...]


class NotDifferentiableError(TypeError):
    """A derivative was asked for that the loss does not have."""


class InputError(ValueError):
    """A number in an input is wrong.

    Parameters
    ----------
    sentence : str
        What is wrong, with ``{place}`` where it is to be said.
    input : str
        The name of the input.
    index : tuple of int
        Where the number is; empty for an input that is a number itself.
    value : object
        What it is.
    noun : str, default="index"
        What a place is called.
    prefix : str, default=""
        What stands before the sentence.

    Attributes
    ----------
    input, index, value
        As given.
    """

    def __init__(self, sentence: str, input: str, index: Index, value: Any, noun: str = "index", prefix: str = "") -> None:
        self.input, self.index, self.value = input, index, value
        self._sentence, self._noun, self._prefix = sentence, noun, prefix
        place = f" at {noun} {shown(index)}" if index else ""
        super().__init__(prefix + sentence.replace("{place}", place))

    def at(self, index: Index, prefix: str = "") -> InputError:
        """Make the same error for a number that is counted from somewhere else, with something before it."""
        return InputError(self._sentence, self.input, index, self.value, self._noun, prefix + self._prefix)

    def __reduce__(self) -> tuple[Any, ...]:
        return InputError, (self._sentence, self.input, self.index, self.value, self._noun, self._prefix)


def shown(index: Index) -> str:
    """Write an index: a number where it is one."""
    return str(index[0]) if len(index) == 1 else str(index)


def prefixed(error: Exception, prefix: str) -> Exception:
    """Make the same error with something before its message."""
    return error.at(error.index, prefix) if isinstance(error, InputError) else type(error)(f"{prefix}{error}")


def outside_domain(input: str, domain: Any, loss: Any, index: Index, value: Any) -> InputError:
    """Say that a number lies outside the domain of an input."""
    hint = f" {domain.hint}" if domain.hint else ""
    return InputError(f"{input} must {domain} for {loss}; got {value}{{place}}.{hint}", input, index, value)


def bad_weight(index: Index, value: Any) -> InputError:
    """Say that a weight is negative or not finite."""
    return InputError(f"sample_weight must be finite and not negative; got {value}{{place}}.", "sample_weight", index, value)


def bad_class(index: Index, value: Any, low: int, classes: int, of: str, noun: str) -> InputError:
    """Say that a label is no class index."""
    if not float(value).is_integer():
        sentence = f"y_true must hold class indices for {of}; got {value}{{place}}."
    else:
        sentence = f"y_true holds class index {value}{{place}}, outside [{low}, {classes}) for {of}."
    return InputError(sentence, "y_true", index, value, noun)


def too_many_classes(index: Index, value: Any, most: int) -> InputError:
    """Say that a number would be needed for each of too many classes."""
    sentence = f"y_true holds class index {value}{{place}}: there would be a number for each class, {most} at the most."
    return InputError(sentence, "y_true", index, value, "row")


def not_one_hot(index: Index, value: Any) -> InputError:
    """Say that a row of labels is not 0 but for a single 1."""
    sentence = f"y_true must hold class indices, or rows of 0 with a single 1; got {value}{{place}}."
    return InputError(sentence, "y_true", index, value, "row")


def sum_is_not_one(loss: Any, index: Index, total: float) -> str:
    """Say that the probabilities of a row do not sum to 1."""
    place = f" at row {shown(index)}" if index else ""
    return (
        f"the probabilities of y_pred must sum to 1 for {loss}; they sum to {total:.6g}{place}, and are used as they "
        "are. Divide rows by their sums, or pass from_logits=True if these are raw scores."
    )


def no_numbers(input: str, value: Any) -> TypeError:
    """Say that an input is no array of numbers but something else, and what to wrap a loss in for those that pass this."""
    kind = type(value).__name__
    if hasattr(value, "fit") and hasattr(value, "get_params"):
        return TypeError(
            f"{input} must hold real numbers; got the estimator {kind}. For scikit-learn's scoring=, wrap the loss: "
            "sklearn.metrics.make_scorer(loss, greater_is_better=False), or fastloss.Evaluation([loss]) for several at once."
        )
    if hasattr(value, "get_label"):
        return TypeError(
            f"{input} must hold real numbers; got the data set {kind}. Wrap the loss for boosting: "
            "fastloss.boosting.Objective(loss) is an objective, fastloss.boosting.Metric(loss) a metric."
        )
    return TypeError(f"{input} must hold real numbers; got {'None' if value is None else f'the object {kind}'}.")


def bad_item(input: str, index: Index, item: Any) -> TypeError:
    """Say that an array of objects has one that is no number."""
    place = f" at index {shown(index)}" if index else ""
    return TypeError(
        f"{input} must hold real numbers; got an object array with an item of type {type(item).__name__}{place}. Convert it "
        f"first, for example with numpy.asarray({input}, dtype=float)."
    )


def unreadable(input: str, value: Any, error: Exception) -> Exception:
    """Say that something cannot be made an array. Exceptions of others may want other arguments than a sentence."""
    if type(error).__name__.startswith("Tracer") and type(error).__module__.startswith("jax"):
        return TypeError(
            f"{input} has no numbers yet: JAX is tracing it, for jax.grad or jax.jit. Take loss.value_and_gradient instead of "
            "jax.grad, or call the loss through jax.pure_callback, in a jax.custom_vjp where a derivative is needed."
        )
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{input} cannot be read as an array of numbers: {str(error) or type(error).__name__}")


def other_axes(names: Any, axes: Any) -> ValueError:
    """Say that named axes come in another order."""
    (first, second), (one, other) = names, axes
    return ValueError(
        f"{first} and {second} must have their axes in one order; got dims {one} and {other}. Take .transpose{one} of {second}."
    )


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn where fastloss was called."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("fastloss."):
        frame = frame.f_back
        level += 1
    warnings.warn(message, category, stacklevel=level)
