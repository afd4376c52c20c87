"""NumPy expressions, taken apart for compilers that want a scalar expression and a sum."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Calls that are written in other terms where there is no such function.
_TERMS = {
    "maximum": "({0} if {0} > {1} else {1})",
    "minimum": "({0} if {0} < {1} else {1})",
    "where": "({1} if {0} else {2})",
    "clip": "({1} if {0} < {1} else ({2} if {0} > {2} else {0}))",
    "sign": "(1 if {0} > 0 else (-1 if {0} < 0 else 0))",
    "logaddexp": "(({1} if {1} > 0 else 0) + log1p(exp(-abs({1}))))",
    "sigmoid": "(1 / (1 + exp(-{0})))",
}
_FUNCTIONS = {"abs", "exp", "log", "log1p", "sqrt", "tanh", "cosh"}


class NotElementwiseError(Exception):
    """The expression needs more than the numbers of one place."""


@dataclass(frozen=True)
class Parts:
    """A mean or sum of an expression of single numbers, and what becomes of it: both as text, the second of ``total``."""

    term: str
    outcome: str


class _Scalar(ast.NodeTransformer):
    def __init__(self) -> None:
        self.bound: dict[str, ast.expr] = {}

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        self.bound[node.target.id] = value = self.visit(node.value)
        return value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.bound.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if node.keywords or (name not in _TERMS and name not in _FUNCTIONS):
            raise NotElementwiseError(ast.unparse(node))
        arguments = [self.visit(item) for item in node.args]
        if name == "logaddexp" and ast.unparse(arguments[0]) != "0":
            raise NotElementwiseError(ast.unparse(node))
        if name in _TERMS:
            return ast.parse(_TERMS[name].format(*(f"({ast.unparse(item)})" for item in arguments)), mode="eval").body
        return ast.Call(ast.Name(name), arguments, [])

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if ast.unparse(node) == "np.pi":
            return ast.Constant(3.141592653589793)
        if ast.unparse(node) == "y_pred.size":
            return ast.Name("size_of_all")
        raise NotElementwiseError(ast.unparse(node))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        raise NotElementwiseError(ast.unparse(node))


class _Outcome(ast.NodeTransformer):
    def __init__(self) -> None:
        self.terms: list[str] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if ast.unparse(node.func) in ("np.mean", "np.sum") and not node.keywords and len(node.args) == 1:
            self.terms.append(ast.unparse(_Scalar().visit(node.args[0])))
            return ast.parse("total / size_of_all" if node.func.attr == "mean" else "total", mode="eval").body
        return self.generic_visit(node)


def parts_of(text: str) -> Parts:
    """Take the expression of a loss apart; raise NotElementwiseError where that is not possible."""
    outcome = _Outcome()
    rest = ast.unparse(outcome.visit(ast.parse(text, mode="eval")).body)
    if len(outcome.terms) != 1 or "np." in rest.replace("np.sqrt(", ""):
        raise NotElementwiseError(text)
    return Parts(outcome.terms[0], rest.replace("np.sqrt", "sqrt"))


def scalar(text: str) -> list[str]:
    """The expressions of single numbers that a gradient is, one for each input."""
    body = ast.parse(text, mode="eval").body
    items = body.elts if isinstance(body, ast.Tuple) else [body]
    return [ast.unparse(_Scalar().visit(item)) for item in items]


class _Names(ast.NodeTransformer):
    def __init__(self, real: Callable[[float], Any]) -> None:
        self.real, self.constants = real, {}

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = self.real(node.value)
        return ast.Name(name)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        # whole powers are products
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            return ast.BinOp(self.visit(node.left), ast.Pow(), node.right)
        return self.generic_visit(node)


def with_named_constants(texts: list[str], real: Callable[[float], Any]) -> tuple[list[str], dict[str, Any]]:
    """Names in place of constants, which then have the precision of the arrays, so that nothing is computed in a wider one."""
    names = _Names(real)
    return [ast.unparse(names.visit(ast.parse(text, mode="eval"))) for text in texts], names.constants
