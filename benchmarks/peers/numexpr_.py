"""numexpr: a sum of an expression, and an expression for each gradient."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numexpr
import numpy as np

from ..cases import Case
from . import formulas
from .elementwise import NotElementwiseError, parts_of, scalar


class _Where(ast.NodeTransformer):
    """Conditions as calls; and constants as names, which can have the precision of the arrays."""

    def __init__(self, real: Any) -> None:
        self.real, self.constants = real, {}

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node = self.generic_visit(node)
        return ast.Call(ast.Name("where"), [node.test, node.body, node.orelse], [])

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = self.real(node.value)
        return ast.Name(name)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        # whole powers are products
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            return ast.BinOp(self.visit(node.left), ast.Pow(), node.right)
        return self.generic_visit(node)


def job(case: Case) -> Callable[[], Any] | None:
    loss, inputs = case.loss, case.inputs
    if case.what == "gradient_and_hessian" or any(array.shape != inputs[0].shape for array in inputs):
        return None
    with_gradient = case.what == "value_and_gradient"
    gradient = formulas.gradient(loss)
    if with_gradient and not gradient:
        return None
    real = np.dtype(case.dtype).type
    where = _Where(real)
    try:
        found = parts_of(formulas.value(loss))
        texts = [ast.unparse(where.visit(ast.parse(text, mode="eval"))) for text in scalar(gradient)] if with_gradient else []
    except (NotElementwiseError, SyntaxError):
        return None
    term = ast.unparse(where.visit(ast.parse(found.term, mode="eval")))
    names = {name: real(thing) if isinstance(thing, int | float) else thing for name, thing in formulas.names_of(case, inputs).items()}
    names |= where.constants | {"size_of_all": real(inputs[0].size)}
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
