"""What type checkers say of programs that use fastloss. It is read, and never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import Literal, assert_type

import numpy as np

import fastloss as fl
from fastloss import metrics

y = np.zeros(3)

# ready instances are of their classes
assert_type(fl.huber, fl.Huber)
assert_type(fl.mse, fl.SquaredError)
assert_type(fl.Huber(delta=2.0), fl.Huber)
assert_type(fl.Huber(delta=2.0).delta, float)
assert_type(fl.get_loss("huber", delta=2.0), fl.Loss)
assert_type(fl.list_losses(), list[str])

# a float, or an array, by the reduction
assert_type(fl.huber(y, y), float)
assert_type(fl.huber(y, y, reduction="mean"), float)
assert_type(fl.huber(y, y, y, "sum"), float)
assert_type(fl.huber([0.0], [1.0], sample_weight=[2.0], reduction="sum"), float)
assert_type(fl.huber(y, y, reduction="none"), np.ndarray)
assert_type(fl.huber(y, y, None, "none"), np.ndarray)
assert_type(fl.huber.gradient(y, y), np.ndarray)
assert_type(fl.huber.gradient(y, y, reduction="none", out=y), np.ndarray)
assert_type(fl.huber.value_and_gradient(y, y), tuple[float, np.ndarray])
assert_type(fl.huber.value_and_gradient(y, y, reduction="none"), tuple[np.ndarray, np.ndarray])
assert_type(fl.huber.gradient_and_hessian(y, y), tuple[np.ndarray, np.ndarray])
assert_type(fl.huber.parameter_gradient(y, y), dict[str, float])
assert_type(fl.huber.init_score(y), float)

# several differentiable inputs: a tuple of gradients
assert_type(fl.triplet_margin(y, y, y), float)
assert_type(fl.triplet_margin(y, y, negative=y, reduction="none"), np.ndarray)
assert_type(fl.triplet_margin.gradient(y, y, y), tuple[np.ndarray, ...])
assert_type(fl.info_nce.value_and_gradient(y, y), tuple[float, tuple[np.ndarray, ...]])
assert_type(fl.gaussian_nll.gradient_and_hessian(y, y, y), tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]])

# other inputs, one of which is differentiated
assert_type(fl.rank_net(y, y, group=y), float)
assert_type(fl.ctc.gradient(y, y, y, y), np.ndarray)

# what is made of losses
assert_type(fl.evaluate([fl.huber, "mse"], y, y), dict[str, float])
assert_type(fl.evaluate({"h": fl.huber}, y, y, reduction="sum"), dict[str, float])
assert_type(fl.Evaluation([fl.huber]).update(y, y), fl.Evaluation)

# metrics, by their averages
assert_type(metrics.accuracy_score(y, y), float)
assert_type(metrics.f1_score(y, y), float)
assert_type(metrics.f1_score(y, y, average="macro"), float)
assert_type(metrics.f1_score(y, y, average=None), np.ndarray)
assert_type(metrics.r2_score(y, y), float)
assert_type(metrics.confusion_matrix(y, y), np.ndarray)
assert_type(metrics.state_of(metrics.f1_score, average="macro"), metrics.State)


def by_word(reduction: Literal["mean", "sum"], word: Literal["mean", "sum", "none"], text: str) -> None:
    """Take a reduction that is known as one of some words, or not at all."""
    assert_type(fl.huber(y, y, reduction=reduction), float)
    fl.huber(y, y, reduction=word)
    # any string: it is for the program to say which ones there are
    fl.huber(y, y, reduction=text)  # type: ignore[call-overload]


# ---- mistakes: a checker that does not find one says that its comment is not needed ----------------------------

unknown = fl.hubber  # type: ignore[attr-defined]
fl.Huber(dleta=1.0)  # type: ignore[call-arg]
fl.Huber(delta="1")  # type: ignore[arg-type]
fl.huber(y, y, reduction="men")  # type: ignore[call-overload]
fl.huber.gradient(y, y, reduction="men")  # type: ignore[call-overload]
fl.triplet_margin(y, y, y, reduction="men")  # type: ignore[call-overload]
fl.evaluate([fl.mse], y, y, reduction="none")  # type: ignore[arg-type]
fl.huber.parameter_gradient(y, y, reduction="none")  # type: ignore[arg-type]
metrics.f1_score(y, y, average="marco")  # type: ignore[call-overload]
fl.huber.delta = 2.0  # type: ignore[misc]
number: int = fl.mse(y, y)  # type: ignore[assignment]
array: np.ndarray = fl.mse(y, y)  # type: ignore[assignment]
gradient: np.ndarray = fl.triplet_margin.gradient(y, y, y)  # type: ignore[assignment]
