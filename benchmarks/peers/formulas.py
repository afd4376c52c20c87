"""The formulas that peers compute: the NumPy expressions of the losses' classes, and here those of losses of scores and others.

An expression is stated once, for the value; libraries that differentiate do so by themselves. Names in it: ``np`` (the library
at hand), the inputs, their length ``n``, the number ``size`` of items of a group, parameters, ``sigmoid``, and ``softmax`` and
``log_softmax`` along the second axis.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import fastloss as fl

from ..cases import Case, takes_signs

OWN = "[np.arange(n), y_true]"
ITEMS, SCORES = "relevance.reshape(-1, size)", "score.reshape(-1, size)"

# What groups of one length allow: no loop over them.
_BY_GROUPS = {
    "rank_net": f"np.sum(np.where((r := {ITEMS})[:, :, None] > r[:, None], "
    f"np.logaddexp(0, -sigma * ((s := {SCORES})[:, :, None] - s[:, None])), 0)) / len(group)",
    "list_net": f"np.mean(np.log(np.sum(np.exp(s := {SCORES} / temperature), axis=1)) - np.sum(softmax({ITEMS}) * s, axis=1))",
    # in the order of falling relevance, from its end
    "list_mle": f"np.mean(np.sum(np.log(np.cumsum(np.exp(s := np.take_along_axis({SCORES}, "
    f"np.flip(np.argsort(-{ITEMS}, axis=1, stable=True), axis=1), axis=1)), axis=1)) - s, axis=1))",
}
_VALUES = {
    "categorical_hinge": f"np.mean(np.maximum(0, 1 - y_pred{OWN}"
    " + np.max(np.where(np.arange(y_pred.shape[1]) == y_true[:, None], -np.inf, y_pred), axis=1)))",
    "nt_xent": "np.mean(np.log(np.sum(np.exp(s := (v := (c := np.concatenate((z_i, z_j))) / np.linalg.norm(c, axis=1)[:, None])"
    " @ v.T / temperature), axis=1) - np.exp(np.diag(s))) - np.concatenate((np.diag(s, n), np.diag(s, -n))))",
    "poly_cross_entropy": f"np.mean(epsilon * (1 - softmax(y_pred){OWN}) - log_softmax(y_pred){OWN})",
}
# Those of losses that take probabilities by default, of scores.
_OF_SCORES = {
    "binary_cross_entropy": "np.mean(np.logaddexp(0, y_pred) - y_true * y_pred)",
    "binary_focal": "np.mean(y_true * sigmoid(-y_pred) ** gamma * np.logaddexp(0, -y_pred)"
    " + (1 - y_true) * sigmoid(y_pred) ** gamma * np.logaddexp(0, y_pred))",
    "categorical_cross_entropy": f"-np.mean(log_softmax(y_pred){OWN})",
    "sparse_categorical_cross_entropy": f"-np.mean(log_softmax(y_pred){OWN})",
    "categorical_focal": f"-np.mean((1 - softmax(y_pred){OWN}) ** gamma * log_softmax(y_pred){OWN})",
    "kl_divergence": "np.sum(y_true * (np.log(y_true) - log_softmax(y_pred))) / n",
}
_GRADIENTS_OF_SCORES = {
    "binary_cross_entropy": "(sigmoid(y_pred) - y_true) / n",
    "binary_focal": "((1 - y_true) * sigmoid(y_pred) ** gamma * (gamma * sigmoid(-y_pred) * np.logaddexp(0, y_pred)"
    " + sigmoid(y_pred)) - y_true * sigmoid(-y_pred) ** gamma * (gamma * sigmoid(y_pred) * np.logaddexp(0, -y_pred)"
    " + sigmoid(-y_pred))) / n",
    "brier": "2 * ((p := sigmoid(y_pred)) - y_true) * p * (1 - p) / n",
    "categorical_cross_entropy": "(softmax(y_pred) - (np.arange(y_pred.shape[1]) == y_true[:, None])) / n",
    "sparse_categorical_cross_entropy": "(softmax(y_pred) - (np.arange(y_pred.shape[1]) == y_true[:, None])) / n",
    "kl_divergence": "(softmax(y_pred) - y_true) / n",
}


def of_scores(loss: fl.Loss) -> bool:
    """Whether a loss that takes probabilities by default takes scores."""
    defaults = {item.name: item.default for item in fields(loss)}
    return getattr(loss, "from_logits", False) and not defaults["from_logits"]


def value(loss: fl.Loss, batched: bool = False) -> str:
    """The expression of the mean loss; of groups, without a loop over them; empty where there is none."""
    if batched and loss.signature.axes == "[g]":
        return _BY_GROUPS.get(loss.name, "")
    if loss.name in _VALUES:
        return _VALUES[loss.name]
    if not of_scores(loss):
        return _plain(loss, loss.numpy_value)
    if loss.name in _OF_SCORES:
        return _OF_SCORES[loss.name]
    probabilities = "softmax(y_pred)" if loss.signature.axes == "(k)" else "sigmoid(y_pred)"
    # said once, where it comes first
    first, *others = re.split(r"\by_pred\b", loss.numpy_value)
    return f"{first}(p := {probabilities}){'p'.join(others)}" if others else ""


def gradient(loss: fl.Loss) -> str:
    """The expression of its gradients; empty where there is none."""
    return _GRADIENTS_OF_SCORES.get(loss.name, "") if of_scores(loss) else _plain(loss, loss.numpy_gradient)


def _plain(loss: fl.Loss, text: str) -> str:
    """Without the step from labels of 0 and 1 to those of -1 and 1, which they are here."""
    return text.replace("np.sign(y_true - 0.5)", "y_true") if takes_signs(loss) else text


def names_of(case: Case, inputs: tuple[Any, ...]) -> dict[str, Any]:
    """What the names in an expression mean, but for the functions."""
    parameters = {item.name: getattr(case.loss, item.name) for item in fields(case.loss)}
    return parameters | dict(zip(case.loss.inputs, inputs, strict=True)) | {"n": len(inputs[0]), "size": case.width}


def function_of(case: Case, text: str, inputs: tuple[Any, ...], functions: dict[str, Any]) -> Any:
    """A function of the inputs that computes an expression."""
    names = {name: thing for name, thing in names_of(case, inputs).items() if name not in case.loss.inputs}
    return eval(f"lambda {', '.join(case.loss.inputs)}: {text}", names | functions)
