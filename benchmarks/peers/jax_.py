"""JAX: the same expressions with jax.numpy, compiled; it finds derivatives by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ..cases import Case
from . import formulas

jax.config.update("jax_enable_x64", True)
FUNCTIONS = {"np": jnp, "sigmoid": jax.nn.sigmoid, "softmax": jax.nn.softmax, "log_softmax": jax.nn.log_softmax}
# Loops over masks, and orders of whole pictures.
_LEFT_OUT = ("lambda_rank", "lovasz", "lovasz_softmax")


def job(case: Case) -> Callable[[], Any] | None:
    loss = case.loss
    text = formulas.value(loss, batched=True)
    if not text or loss.name in _LEFT_OUT:
        return None
    value = formulas.function_of(case, text, case.inputs, FUNCTIONS)
    places = tuple(case.predictions)
    if case.what == "value":
        function = value
    elif case.what == "value_and_gradient":
        function = jax.value_and_grad(value, argnums=places)
    else:
        if not loss.by_numbers:
            return None

        def function(*inputs: Any) -> Any:
            """Of a sum: a number is in its own loss only, so that rows of the Hessian matrix sum to the diagonal."""
            count = len(inputs[0]) if "mean" in loss.reductions else 1
            gradients = [jax.grad(lambda *x: value(*x) * count, argnums=i) for i in places]
            seconds = [jax.grad(lambda *x, by=by: jnp.sum(by(*x)), argnums=i) for i, by in zip(places, gradients, strict=True)]
            return [by(*inputs) for by in gradients], [by(*inputs) for by in seconds]

    compiled, inputs = jax.jit(function), [jax.device_put(array) for array in case.inputs]
    return lambda: jax.block_until_ready(compiled(*inputs))


PEERS = {"JAX": job}
