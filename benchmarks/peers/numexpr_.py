"""numexpr: a sum of an expression, and an expression for each gradient."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numexpr
import numpy as np

from ..cases import Case
from . import formulas
from .elementwise import NotElementwiseError, parts_of, scalar, with_named_constants


class _Where(ast.NodeTransformer):
    """Conditions as calls."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node = self.generic_visit(node)
        return ast.Call(ast.Name("where"), [node.test, node.body, node.orelse], [])


def _written(text: str) -> str:
    return ast.unparse(_Where().visit(ast.parse(text, mode="eval")))


def job(case: Case) -> Callable[[], Any] | None:
    loss, inputs = case.loss, case.inputs
    if case.what == "gradient_and_hessian" or any(array.shape != inputs[0].shape for array in inputs):
        return None
    with_gradient = case.what == "value_and_gradient"
    gradient = formulas.gradient(loss)
    if with_gradient and not gradient:
        return None
    real = np.dtype(case.dtype).type
    try:
        found = parts_of(formulas.value(loss))
        (term, *texts), constants = with_named_constants([found.term, *(scalar(gradient) if with_gradient else [])], real)
    except (NotElementwiseError, SyntaxError):
        return None
    term, *texts = map(_written, (term, *texts))
    names = {
        name: real(thing) if isinstance(thing, int | float) else thing
        for name, thing in formulas.names_of(case, inputs).items()
    }
    names |= constants | {"size_of_all": real(inputs[0].size)}
    if "!=" in term:
        term = f"where({term}, one, zero)"
        names |= {"one": real(1), "zero": real(0)}
    finish = eval(f"lambda total, size_of_all, n, sqrt: {found.outcome}", formulas.names_of(case, inputs))
    size, n, out = inputs[0].size, len(inputs[0]), tuple(np.zeros_like(inputs[i]) for i in case.predictions)

    def value() -> float:
        return finish(float(numexpr.evaluate(f"sum({term})", names, {})), size, n, np.sqrt)

    if not with_gradient:
        return value
    return lambda: (value(), tuple(numexpr.evaluate(text, names, {}, out=to) for text, to in zip(texts, out, strict=True)))


PEERS = {"numexpr": job}
