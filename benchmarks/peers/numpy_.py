"""NumPy's one-liners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..cases import Case
from . import formulas


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - np.max(x, axis=1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=1, keepdims=True))


FUNCTIONS = {"np": np, "sigmoid": sigmoid, "softmax": softmax, "log_softmax": log_softmax}


def job(case: Case) -> Callable[[], Any] | None:
    value = formulas.value(case.loss) or formulas.value(case.loss, batched=True)
    gradient = formulas.gradient(case.loss)
    if not value or case.what == "gradient_and_hessian" or (case.what == "value_and_gradient" and not gradient):
        return None
    text = value if case.what == "value" else f"({value}, {gradient})"
    function, inputs = formulas.function_of(case, text, case.inputs, FUNCTIONS), case.inputs
    return lambda: function(*inputs)


PEERS = {"NumPy": job}
