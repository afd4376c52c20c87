"""Expressions of labels, predictions and parameters: read without running them, and differentiated by SymPy."""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Callable
from typing import Any

from .compiled import need

#: Names that an expression knows beside its parameters: r is y_pred - y_true.
INPUTS = ("y_true", "y_pred", "r")
_LONGEST = 10_000
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: _power(a, b),
}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


# Powers of whole numbers that stay whole; larger ones could take all memory.
_LARGEST_BASE, _LARGEST_POWER = 1 << 16, 16


def _power(base: Any, power: Any) -> Any:
    if not (base.is_number and power.is_number):
        return base**power
    if base.is_Integer and power.is_Integer and abs(base) <= _LARGEST_BASE and abs(power) <= _LARGEST_POWER:
        return base**power
    number = float(base) ** float(power)
    if not isinstance(number, float) or not math.isfinite(number):
        raise OverflowError(f"{base} ** {power} is no finite real number")
    return type(base + 0.5)(repr(number), 17)


class _Symbols:
    """The functions of expressions, as SymPy sees them: with derivatives that are what branches and kinks have."""

    def __init__(self) -> None:
        sympy = self.sympy = need("sympy")

        def function(name: str, derivative: Any) -> Any:
            def fdiff(self: Any, argindex: int = 1) -> Any:
                return derivative(*self.args)[argindex - 1]

            return type(name, (sympy.Function,), {"fdiff": fdiff, "is_real": True})

        def where(condition: Any, a: Any, b: Any) -> Any:
            return a if a == b else choose(condition, a, b)

        zero = sympy.Integer(0)

        def derive(self: Any, symbol: Any) -> Any:
            condition, a, b = self.args
            return where(condition, a.diff(symbol), b.diff(symbol))

        choose = type("choose", (sympy.Function,), {"_eval_derivative": derive, "is_real": True})
        sign = function("sign", lambda x: (zero,))
        absolute = function("absolute", lambda x: (sign(x),))
        exp, log = sympy.exp, sympy.log
        log1p = function("log1p", lambda x: (1 / (1 + x),))
        expm1 = function("expm1", lambda x: (exp(x),))
        sigmoid: Any = function("sigmoid", lambda x: (sigmoid(x) * sigmoid(-x),))
        softplus = function("softplus", lambda x: (sigmoid(x),))
        self.choose, self.compare = choose, type("compare", (sympy.Function,), {"is_real": True})
        self.where = where
        self.functions: dict[str, tuple[int, Any]] = {
            "abs": (1, absolute),
            "exp": (1, exp),
            "log": (1, log),
            "log1p": (1, log1p),
            "expm1": (1, expm1),
            "sqrt": (1, sympy.sqrt),
            "sin": (1, sympy.sin),
            "cos": (1, sympy.cos),
            "tan": (1, sympy.tan),
            "atan": (1, sympy.atan),
            "sinh": (1, sympy.sinh),
            "cosh": (1, sympy.cosh),
            "tanh": (1, sympy.tanh),
            "sign": (1, sign),
            "sigmoid": (1, sigmoid),
            "softplus": (1, softplus),
            "minimum": (2, lambda a, b: where(self.relation("<=", a, b), a, b)),
            "maximum": (2, lambda a, b: where(self.relation(">=", a, b), a, b)),
            "where": (3, where),
        }

    def relation(self, operator: str, a: Any, b: Any) -> Any:
        # a name stands for the operator: SymPy would decide or turn around its own relations
        return self.compare(self.sympy.Symbol(operator), a, b)


# ---- reading -------------------------------------------------------------------------------------------------------


class _Reader:
    """Turns the syntax tree of an expression into SymPy's, and refuses everything else."""

    def __init__(self, text: str, parameters: tuple[str, ...]) -> None:
        self.text, self.symbols = text, _Symbols()
        real = {name: self.symbols.sympy.Symbol(name, real=True) for name in (*INPUTS, *parameters)}
        self.names, self.parameters = real, parameters
        self.used: set[str] = set()

    def refuse(self, node: ast.AST, problem: str) -> ValueError:
        column = getattr(node, "col_offset", 0)
        return ValueError(f"{problem} at position {column} of the expression {self.text!r}.")

    def read(self, node: ast.AST) -> Any:
        """Read a number."""
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, ast.Name):
            if node.id in self.symbols.functions:
                raise self.refuse(node, f"{node.id} is a function, to be called")
            if node.id not in self.names:
                known = ", ".join(self.names)
                raise self.refuse(node, f"{node.id!r} is neither an input nor a parameter; known are {known}: it stands")
            self.used.add(node.id)
            return self.names[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return -self.read(node.operand) if isinstance(node.op, ast.USub) else self.read(node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](self.read(node.left), self.read(node.right))
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Compare | ast.BoolOp):
            raise self.refuse(node, "a condition can only be the first argument of where, but stands")
        raise self.refuse(node, f"{type(node).__name__} is no part of an expression, but stands")

    def constant(self, node: ast.Constant) -> Any:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(node, f"{value!r} is no finite number, but stands")
        if isinstance(value, int):
            return self.symbols.sympy.Integer(value)
        return self.symbols.sympy.Float(repr(value), 17)

    def call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in self.symbols.functions:
            known = ", ".join(sorted(self.symbols.functions))
            raise self.refuse(node, f"only {known} can be called, and something else is")
        count, function = self.symbols.functions[name]
        if node.keywords or len(node.args) != count or any(isinstance(item, ast.Starred) for item in node.args):
            raise self.refuse(node, f"{name} takes {count} argument{'s' * (count > 1)}, and is called with others")
        if name == "where":
            return function(self.condition(node.args[0]), *map(self.read, node.args[1:]))
        return function(*map(self.read, node.args))

    def condition(self, node: ast.AST) -> Any:
        """Read a condition."""
        if isinstance(node, ast.Compare) and all(type(operator) in _COMPARISONS for operator in node.ops):
            sides = [self.read(item) for item in (node.left, *node.comparators)]
            relations = [
                self.symbols.relation(_COMPARISONS[type(operator)], a, b)
                for operator, a, b in zip(node.ops, sides[:-1], sides[1:], strict=True)
            ]
            return self.all_of("and", relations)
        if isinstance(node, ast.BoolOp):
            return self.all_of("and" if isinstance(node.op, ast.And) else "or", [self.condition(item) for item in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.symbols.compare(self.symbols.sympy.Symbol("not"), self.condition(node.operand))
        raise self.refuse(node, "a comparison was expected, as r > 0, but something else stands")

    def all_of(self, operator: str, conditions: list[Any]) -> Any:
        if len(conditions) == 1:
            return conditions[0]
        return self.symbols.compare(self.symbols.sympy.Symbol(operator), *conditions)


# ---- writing -------------------------------------------------------------------------------------------------------

_FROM_MATH = ("exp", "log", "log1p", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "sqrt")


def _write(x: Any) -> str:
    """Write SymPy's tree as Python."""
    name = type(x).__name__
    if x.is_Symbol:
        return x.name
    if x.is_Integer:
        return f"({int(x)})"
    if x.is_Rational:
        return f"({int(x.p)} / {int(x.q)})"
    if x.is_Float:
        return f"({float(x)!r})"
    if x.is_NumberSymbol:
        return f"({float(x)!r})"
    if x.is_Add:
        return "(" + " + ".join(map(_write, x.args)) + ")"
    if x.is_Mul:
        below = [item for item in x.args if item.is_Pow and item.exp.is_number and item.exp.is_negative]
        above = [item for item in x.args if item not in below]
        text = " * ".join(map(_write, above)) or "1.0"
        return f"({text})" if not below else f"(({text}) / ({' * '.join(_write(1 / item) for item in below)}))"
    if x.is_Pow:
        base, power = x.base, x.exp
        if power == 2 or power == 3:
            return "(" + " * ".join([_write(base)] * int(power)) + ")"
        if power.is_Rational and power.q == 2 and abs(power.p) == 1:
            return f"math.sqrt({_write(base)})" if power.p == 1 else f"(1.0 / math.sqrt({_write(base)}))"
        if power.is_number and power.is_negative:
            # what numba makes of negative whole powers raises at 0
            return f"(1.0 / {_write(1 / x)})"
        return f"({_write(base)} ** {_write(power)})"
    if name == "choose":
        condition, a, b = x.args
        return f"({_write(a)} if {_write(condition)} else {_write(b)})"
    if name == "compare":
        operator, *sides = x.args
        if operator.name == "not":
            return f"(not {_write(sides[0])})"
        return "(" + f" {operator.name} ".join(map(_write, sides)) + ")"
    if name in _FROM_MATH:
        return f"math.{name}({_write(x.args[0])})"
    if name in ("absolute", "sign", "sigmoid", "softplus"):
        return f"{'abs' if name == 'absolute' else name}({_write(x.args[0])})"
    raise ValueError(f"{x} has no derivative that could be written down")


def sign(x: float) -> float:
    """1, -1, or x itself where it is 0 or NaN."""
    return 1.0 if x > 0 else -1.0 if x < 0 else x


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x))


def softplus(x: float) -> float:
    """log(1 + exp(x))."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def source_of(text: str, parameters: tuple[str, ...]) -> str:
    """Write the Python source of a function ``formula`` that returns value, gradient and Hessian of an expression.

    Raises
    ------
    ValueError
        The text is no expression of the inputs, the parameters and the known functions; the message says where.
    """
    for name in parameters:
        if name in INPUTS or not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"a parameter cannot be called {name!r}.")
    if len(text) > _LONGEST:
        raise ValueError(f"an expression has {_LONGEST} characters at the most; got {len(text)}.")
    stripped = text.strip()
    try:
        tree = ast.parse(stripped, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        where = f" at position {error.offset - 1}" if isinstance(error, SyntaxError) and error.offset else ""
        raise ValueError(f"{stripped!r} is no expression: {getattr(error, 'msg', error)}{where}.") from error
    reader = _Reader(stripped, parameters)
    for name in parameters:
        if name in reader.symbols.functions:
            raise ValueError(f"a parameter cannot be called {name!r}: this is a function.")
    try:
        value = reader.read(tree.body)
        if not reader.used & {"y_pred", "r"}:
            raise ValueError(f"the expression {stripped!r} must depend on y_pred, or on r = y_pred - y_true.")
        sympy, prediction, residual = reader.symbols.sympy, reader.names["y_pred"], reader.names["r"]
        formulas = [sympy.sympify(value)]
        for _ in range(2):
            formulas.append(formulas[-1].diff(prediction) + formulas[-1].diff(residual))
        shared, formulas = sympy.cse(formulas, symbols=sympy.numbered_symbols("_part"))
    except RecursionError as error:
        raise ValueError("the expression is nested too deeply.") from error
    except (ArithmeticError, OverflowError) as error:
        raise ValueError(f"the expression {stripped!r} cannot be computed: {error}.") from error
    arguments = ", ".join(("y_true", "y_pred", *parameters))
    lines = [f"def formula({arguments}):", "    r = y_pred - y_true"]
    lines += [f"    {name} = {_write(part)}" for name, part in shared]
    # what is no number goes through, whatever branches it takes
    lines.append("    lost = y_true != y_true or y_pred != y_pred")
    lines.append(f"    return {', '.join(f'(y_true + y_pred if lost else {_write(formula)})' for formula in formulas)}")
    return "\n".join(lines) + "\n"
