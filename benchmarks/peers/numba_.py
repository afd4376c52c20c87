"""numba: the loop that one would write, parallel and with fast arithmetic; one pass for the value and the gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np

from ..cases import SOFTMAX, Case
from . import formulas
from .elementwise import NotElementwiseError, parts_of, scalar, with_named_constants

numba.config.THREADING_LAYER = "omp"
_compiled = numba.njit(parallel=True, fastmath=True)
_names = {name: getattr(math, name) for name in ("exp", "log", "log1p", "sqrt", "tanh", "cosh")}


@lru_cache
def _loop(
    term: str, outcome: str, gradients: tuple[str, ...], inputs: tuple[str, ...], parameters: tuple[str, ...], real: Any
) -> Any:
    """A function of inputs, the gradients' arrays, their length, and parameters; all arrays flat."""
    (term, *gradients), constants = with_named_constants([term, *gradients], real)
    outs = [f"by_{i}" for i in range(len(gradients))]
    lines = [f"def loop({', '.join([*(f'all_{name}' for name in inputs), *outs, 'n', *parameters])}):"]
    lines += [f"    size_of_all, total = all_{inputs[0]}.size, 0.0", "    for i in prange(size_of_all):"]
    lines += [f"        {name} = all_{name}[i]" for name in inputs]
    lines += [f"        total += {term}"]
    lines += [f"        {out}[i] = {expression}" for out, expression in zip(outs, gradients, strict=True)]
    lines += [f"    return {outcome}"]
    space = _names | constants | {"prange": numba.prange}
    exec("\n".join(lines), space)
    return _compiled(space["loop"])


@_compiled
def _cross_entropy(labels: Any, scores: Any) -> float:
    total = 0.0
    for i in numba.prange(scores.shape[0]):
        row = scores[i]
        largest, terms = row.max(), 0.0
        for k in range(row.size):
            terms += np.exp(row[k] - largest)
        total += np.log(terms) + largest - row[labels[i]]
    return total / scores.shape[0]


@_compiled
def _cross_entropy_and_gradient(labels: Any, scores: Any, out: Any) -> float:
    total, n = 0.0, scores.shape[0]
    for i in numba.prange(n):
        row, by = scores[i], out[i]
        largest = row.max()
        terms = row.dtype.type(0)
        for k in range(row.size):
            by[k] = np.exp(row[k] - largest)
            terms += by[k]
        total += np.log(terms) + largest - row[labels[i]]
        for k in range(row.size):
            by[k] /= terms * n
        by[labels[i]] -= row.dtype.type(1) / n
    return total / n


def job(case: Case) -> Callable[[], Any] | None:
    loss, inputs = case.loss, case.inputs
    if case.what == "gradient_and_hessian":
        return None
    out = tuple(np.zeros_like(inputs[i]) for i in case.predictions) if case.what == "value_and_gradient" else ()
    if loss.name == SOFTMAX and loss.from_logits:
        if not out:
            return lambda: _cross_entropy(*inputs)
        return lambda: (_cross_entropy_and_gradient(*inputs, *out), out)
    gradient = formulas.gradient(loss)
    try:
        found = parts_of(formulas.value(loss))
        gradients = tuple(scalar(gradient)) if out else ()
    except (NotElementwiseError, SyntaxError):
        return None
    if any(array.shape != inputs[0].shape for array in inputs):
        return None
    names = formulas.names_of(case, inputs)
    real = np.dtype(case.dtype).type
    used = {name: thing for name, thing in names.items() if name not in ("n", "size") and isinstance(thing, float)}
    loop = _loop(found.term, found.outcome, gradients, loss.inputs, tuple(used), real)
    arguments = (*(x.ravel() for x in (*inputs, *out)), real(names["n"]), *map(real, used.values()))
    if not out:
        return lambda: loop(*arguments)
    return lambda: (loop(*arguments), out)


PEERS = {"numba": job}
