"""Losses whose formula is the user's."""

from __future__ import annotations

import ast
import builtins
import ctypes
import inspect
import math
import pickle
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, make_dataclass
from functools import cache
from types import ModuleType
from typing import Any, ClassVar

from .._core import Kernel, OwnFunctions, OwnKernel
from ..domains import ANY, Domain, Interval, brief, number_in
from ..loss import Loss
from ..registry import snake_case
from ..signature import signature_of
from . import compiled, expression

_MOST_PARAMETERS = 8
#: The type of all functions of C: ctypes gives it no public name.
_FUNCTION_OF_C: Any = ctypes._CFuncPtr  # type: ignore[attr-defined]
_SIGNATURE = signature_of("y_true, y_pred*", "elements", "custom")
# what a function may use beside its arguments, and what that is called when it is pickled
_MODULES = ("math", "numpy", "numba")
_NO_RESULT = {
    2: "its function returns value and gradient only. Return the Hessian, too, or use hessian='constant' of an Objective.",
    1: "its function returns the value only. Return gradient and Hessian, too, or write an expression.",
}


@dataclass(frozen=True)
class Recipe:
    """All that a class of losses is made of; equal recipes make one class."""

    kind: str
    source: str
    name: str
    #: Names of parameters, with defaults and ranges.
    parameters: tuple[tuple[str, float | None, Interval], ...]
    domain: tuple[tuple[str, Interval], ...]
    results: int
    #: Names that a function uses beside its arguments: those of modules, or numbers.
    globals: tuple[tuple[str, Any], ...] = ()
    doc: str = ""


class CustomLoss(Loss):
    """Base class of the losses that `custom_loss` makes."""

    __slots__ = ()

    inputs: ClassVar[tuple[str, ...]] = ("y_true", "y_pred")
    signature = _SIGNATURE
    family = "custom"
    listed = False
    #: What the class was made of; None for functions that cannot be written down.
    recipe: ClassVar[Recipe | None] = None
    functions: ClassVar[OwnFunctions]
    domains: ClassVar[dict[str, Interval]] = {}
    #: Why instances cannot be pickled.
    not_picklable: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name in type(self).__dataclass_fields__:
            interval = type(self).__dataclass_fields__[name].metadata["interval"]
            object.__setattr__(self, name, number_in(getattr(self, name), interval, f"{type(self).__name__}: {name}"))
        self._prepare(OwnKernel(self.functions, self._values()))

    def _values(self) -> tuple[float, ...]:
        return tuple(getattr(self, name) for name in type(self).__dataclass_fields__)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.recipe is None:
            raise pickle.PicklingError(f"{self!r} cannot be pickled: {self.not_picklable}")
        return _make_again, (self.recipe, self._values())

    def _domains(self) -> dict[str, Domain]:
        return dict(self.domains)

    def _parameter_kernels(self) -> dict[str, Kernel]:
        return {}


def custom_loss(
    formula: Callable[..., Any] | str | Any = None,
    *,
    name: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    domain: Mapping[str, Any] | None = None,
) -> Any:
    r"""Make a class of losses of a formula of one's own.

    The losses are losses like all others: exact sums, threads, weights, ``out=``, `Evaluation`, sums with other losses, and
    `fastloss.boosting`. The formula runs in blocks that lie in the first-level cache, without Python's lock.

    Parameters
    ----------
    formula : callable, str, or pointer to a function of C
        - A function of scalars, ``value, gradient, hessian = f(y_true, y_pred, parameter=1.0, ...)``, which numba compiles. It
          may return the first one or two of the three. Derivatives are by ``y_pred``. Also as a decorator.
        - An expression such as ``"where(r > 0, r**2, a * r**2)"`` of ``y_true``, ``y_pred``, ``r = y_pred - y_true``, the
          parameters, numbers, ``+ - * / **``, comparisons and ``and``, ``or``, ``not`` in the first argument of ``where``, and
          abs, atan, cos, cosh, exp, expm1, log, log1p, maximum, minimum, sigmoid, sign, sin, sinh, softplus, sqrt, tan, tanh.
          SymPy finds the derivatives, branch by branch; that of a kink is that of ``sign``, 0 at 0. It is read, never run.
        - A pointer: a ctypes function, SciPy's ``LowLevelCallable``, or the address as an int, of
          ``void f(ptrdiff_t n, const double *y_true, const double *y_pred, const double *parameters, double *value,
          double *gradient, double *hessian, int want)``, which computes n numbers. Outputs that are not wanted are NULL, and
          those that are may be the memory of ``y_true`` or ``y_pred``, exactly. It is called from several threads at once.
    name : str, default=None
        Name of the class: that of the function, or ``"CustomLoss"``.
    parameters : mapping, default=None
        For each parameter its default, or its range (a pair of numbers, both of which belong to it, or an
        `fastloss.domains.Interval`), or a pair of both. A function's parameters and defaults are those of its signature;
        ranges can be given here. At most eight.
    domain : mapping, default=None
        For ``"y_true"`` and ``"y_pred"`` the range in which the numbers must lie: anything else is an error that names the
        first one outside.

    Returns
    -------
    type
        A subclass of `Loss`, frozen like all of them, whose fields are the parameters. Without a formula, a decorator.

    Raises
    ------
    TypeError
        The function cannot be compiled, or returns something else than one to three numbers; the formula is none of these.
    ValueError
        The expression, a parameter or a range makes no sense.
    ImportError
        numba, or SymPy for an expression, is not installed: ``pip install 'fastloss[custom]'``.

    See Also
    --------
    check_loss : a look at derivatives, overflow and kinks.

    Notes
    -----
    For float32 predictions the function is given float32 numbers, and results are rounded to float32; what lies between is
    computed as numba does, that is, in double precision as soon as a literal such as 0.5 takes part. Functions of C compute
    in double precision. Bits are those of the compiler, which may depend on the machine; they do not depend on threads,
    layout, chunking, or the position of a number.

    Losses are pickled by the source of the formula, and compiled anew where they are loaded. Functions without source (those
    typed into a plain Python prompt), functions that use other functions, and pointers cannot be pickled.

    Examples
    --------
    >>> import fastloss as fl
    >>> Asymmetric = fl.custom_loss("where(r > 0, r**2, a * r**2)", name="Asymmetric", parameters={"a": (2.0, (0, 100))})
    >>> loss = Asymmetric(a=3.0)
    >>> loss([0.0, 0.0], [1.0, -1.0], reduction="none")
    array([1., 3.])
    >>> loss.gradient_and_hessian([0.0, 0.0], [1.0, -1.0], reduction="none")
    (array([ 2., -6.]), array([2., 6.]))

    >>> @fl.custom_loss
    ... def squared(y_true, y_pred, factor=1.0):
    ...     r = y_pred - y_true
    ...     return factor * r * r, 2 * factor * r, 2 * factor
    >>> squared(factor=0.5).value_and_gradient([0.0, 0.0], [1.0, 3.0])
    (2.5, array([0.5, 1.5]))
    """
    if formula is None:
        return lambda function: custom_loss(function, name=name, parameters=parameters, domain=domain)
    ranges = _ranges(domain)
    given = dict(parameters or {})
    if isinstance(formula, str):
        return _of_expression(formula, name or "CustomLoss", given, ranges)
    pointer = _address(formula)
    if pointer is not None:
        return _of_pointer(pointer, formula, name or "CustomLoss", given, ranges)
    if callable(formula):
        own = getattr(formula, "__name__", "")
        return _of_function(formula, name or (own if own.isidentifier() else "CustomLoss"), given, ranges)
    raise TypeError(f"custom_loss takes a function, an expression or a pointer to a function; got {brief(formula)}.")


# ---- parameters and ranges -------------------------------------------------------------------------------------------


def _range(given: Any, what: str) -> Interval:
    if isinstance(given, Interval):
        return given
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be a pair of numbers, or an Interval; got {brief(given)}.") from None
    if not low <= high:
        raise ValueError(f"{what} must have its lower end first; got {brief(given)}.")
    return Interval(low, high)


def _is_pair(given: Any) -> bool:
    return isinstance(given, tuple | list) and len(given) == 2


def _parameter(name: str, given: Any) -> tuple[float | None, Interval]:
    """Read a default, a range, or both."""
    if isinstance(given, Interval):
        return None, given
    if _is_pair(given) and (isinstance(given[1], Interval) or _is_pair(given[1])):
        interval = _range(given[1], f"the range of {name}")
        return number_in(given[0], interval, f"the default of {name}"), interval
    if isinstance(given, tuple | list):
        return None, _range(given, f"the range of {name}")
    return number_in(given, ANY, f"the default of {name}"), ANY


def _ranges(domain: Mapping[str, Any] | None) -> dict[str, Interval]:
    for name in domain or {}:
        if name not in CustomLoss.inputs:
            raise ValueError(f"domain is that of y_true and y_pred; got {name!r}.")
    return {name: _range(given, f"the domain of {name}") for name, given in (domain or {}).items()}


# ---- the three kinds ---------------------------------------------------------------------------------------------------


def _of_expression(text: str, name: str, given: dict[str, Any], ranges: dict[str, Interval]) -> type[CustomLoss]:
    read = tuple((each, *_parameter(each, value)) for each, value in given.items())
    for each, default, _ in read:
        if default is None:
            raise ValueError(f"the parameter {each} of an expression needs a default: {{{each!r}: (1.0, (0, 10))}}.")
    expression.source_of(text, tuple(given))
    return _class_of(Recipe("expression", text.strip(), name, read, tuple(ranges.items()), 3))


def _of_pointer(address: int, keeper: Any, name: str, given: dict[str, Any], ranges: dict[str, Interval]) -> type[CustomLoss]:
    read = tuple((each, *_parameter(each, value)) for each, value in given.items())
    made = Recipe("pointer", "", name, read, tuple(ranges.items()), 3)
    # there is a function of doubles only
    return _make_class(made, lambda single: (0 if single else address, keeper), "its formula is a pointer.")


def _of_function(
    function: Callable[..., Any], name: str, given: dict[str, Any], ranges: dict[str, Interval]
) -> type[CustomLoss]:
    function = getattr(function, "py_func", function)
    read = _parameters_of(function, name, given)
    results = compiled.count_results(function, len(read), name)
    doc = inspect.getdoc(function) or ""
    source, space, reason = _source(function)
    made = Recipe("function", source, name, read, tuple(ranges.items()), results, space, doc)
    if not reason:
        # the function at hand, not one made of its source: it is the one that was compiled, and that debuggers know
        return _class_of(made, function)
    return _make_class(made, _compiler(function, made), reason)


def _parameters_of(function: Any, name: str, given: dict[str, Any]) -> tuple[tuple[str, float | None, Interval], ...]:
    arguments = list(inspect.signature(function).parameters.values())
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    if len(arguments) < 2 or any(item.kind not in kinds for item in arguments) or arguments[1].kind is not kinds[0]:
        raise TypeError(f"{name} must take y_true, y_pred and parameters; got {name}{inspect.signature(function)}.")
    if any(item.kind is kinds[1] for item in arguments):
        raise TypeError(f"{name} must take its parameters without a star before them: numba knows no keyword-only ones.")
    names = [item.name for item in arguments[2:]]
    unknown = [each for each in given if each not in names]
    if unknown:
        raise ValueError(f"{name} has no parameter {unknown[0]!r}; its parameters are {', '.join(names) or 'none'}.")
    read = []
    for item in arguments[2:]:
        default, interval = _parameter(item.name, given[item.name]) if item.name in given else (None, ANY)
        if item.default is not inspect.Parameter.empty:
            default = number_in(item.default, interval, f"{name}: the default of {item.name}")
        read.append((item.name, default, interval))
    return tuple(read)


def _address(formula: Any) -> int | None:
    """Return the address of a function of C; None if this is none."""
    if isinstance(formula, bool):
        return None
    if isinstance(formula, int):
        address: int | None = formula
    elif isinstance(formula, _FUNCTION_OF_C):
        address = ctypes.cast(formula, ctypes.c_void_p).value
    elif type(formula).__name__ == "LowLevelCallable":
        of_capsule = ctypes.pythonapi.PyCapsule_GetPointer
        of_capsule.restype, of_capsule.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        name_of = ctypes.pythonapi.PyCapsule_GetName
        name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
        capsule = tuple.__getitem__(formula, 0)
        address = of_capsule(capsule, name_of(capsule))
    else:
        return None
    if not address or address < 0:
        raise ValueError("custom_loss takes the address of a function; got a null pointer.")
    return address


# ---- classes -----------------------------------------------------------------------------------------------------------


def _class_of(recipe: Recipe, function: Callable[..., Any] | None = None) -> type[CustomLoss]:
    """Return the class of a recipe: the same one for equal recipes, wherever they come from."""
    found = _CLASSES.get(recipe)
    if found is None:
        found = _CLASSES[recipe] = _make_class(recipe, _compiler(function, recipe), "")
    return found


_CLASSES: dict[Recipe, type[CustomLoss]] = {}


def _make_again(recipe: Recipe, values: tuple[float, ...]) -> CustomLoss:
    return _class_of(recipe)(*values)


def _compiler(function: Callable[..., Any] | None, recipe: Recipe) -> Callable[[bool], tuple[int, Any]]:
    def compile_for(single: bool) -> tuple[int, Any]:
        own = _function_of(recipe) if function is None else function
        return compiled.compile_loop(own, len(recipe.parameters), recipe.results, single)

    return compile_for


@cache
def _function_of(recipe: Recipe) -> Callable[..., Any]:
    """Make the function of a recipe from its source."""
    if recipe.kind == "expression":
        numba = compiled.need("numba")
        source = expression.source_of(recipe.source, tuple(name for name, _, _ in recipe.parameters))
        helpers = {each.__name__: numba.njit(each, error_model="numpy") for each in (expression.sigmoid, expression.softplus)}
        space: dict[str, Any] = {"math": math, "sign": numba.njit(expression.sign), **helpers}
        exec(source, space)
        return space["formula"]
    space = {name: __import__(value) if isinstance(value, str) else value for name, value in recipe.globals}
    exec(recipe.source, space)
    (name,) = (item.name for item in ast.parse(recipe.source).body if isinstance(item, ast.FunctionDef))
    return space[name]


def _make_class(recipe: Recipe, compile_for: Callable[[bool], tuple[int, Any]], not_picklable: str) -> type[CustomLoss]:
    """Make a class of losses."""
    if len(recipe.parameters) > _MOST_PARAMETERS:
        raise ValueError(f"a loss has {_MOST_PARAMETERS} parameters at the most; got {len(recipe.parameters)}.")
    if not (isinstance(recipe.name, str) and recipe.name.isidentifier()):
        raise ValueError(f"name must be an identifier, as that of a class; got {brief(recipe.name)}.")
    reserved = {name for name in dir(CustomLoss) if not name.startswith("__")}
    for name, default, interval in recipe.parameters:
        if name in reserved or name.startswith("_"):
            raise ValueError(f"a parameter cannot be called {name!r}: losses have that name themselves.")
        if default is not None:
            number_in(default, interval, f"the default of {name}")
    optional = False
    for name, default, _ in recipe.parameters:
        if default is None and optional:
            raise ValueError(f"the parameter {name} needs a default: one before it has one.")
        optional = default is not None
    domains = dict(recipe.domain)
    ends = [domains.get(name) for name in CustomLoss.inputs]
    functions = OwnFunctions(
        compile_for, tuple(None if end is None else (end.low, end.high, end.open_low, end.open_high) for end in ends)
    )
    namespace: dict[str, Any] = {
        "__doc__": recipe.doc or _describe(recipe),
        "recipe": None if not_picklable else recipe,
        "functions": functions,
        "domains": domains,
        "not_picklable": not_picklable,
        "no_gradient": _NO_RESULT[1] if recipe.results == 1 else "",
        "no_hessian": _NO_RESULT.get(recipe.results, ""),
        "name": snake_case(recipe.name),
    }
    made = make_dataclass(
        recipe.name,
        [
            (name, float, field(metadata={"interval": interval}, default=MISSING if default is None else default))
            for name, default, interval in recipe.parameters
        ],
        bases=(CustomLoss,),
        namespace=namespace,
        frozen=True,
        slots=True,
    )
    made.__module__ = __name__
    return made


def _describe(recipe: Recipe) -> str:
    what = {"expression": f"The loss {recipe.source}.", "pointer": "The loss of a function of C."}
    return what.get(recipe.kind, f"The loss of the function {recipe.name}.")


# ---- the source of functions -------------------------------------------------------------------------------------------


def _source(function: Any) -> tuple[str, tuple[tuple[str, Any], ...], str]:
    """Find the source of a function, what it uses beside its arguments, and why it cannot be pickled, if so."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return "", (), "its function has no source. Define it in a file, or write an expression."
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        return "", (), "its function is no definition of its own. Define it with def."
    definition = tree.body[0]
    if any(isinstance(node, ast.Raise | ast.Assert) for node in ast.walk(definition)):
        raise TypeError(f"{function.__name__} must not raise: what is compiled cannot pass exceptions on. Return NaN instead.")
    definition.decorator_list, definition.returns = [], None
    for argument in definition.args.args:
        argument.annotation = None
    # defaults are those of the class
    definition.args.defaults = []
    known = {argument.arg for argument in definition.args.args}
    known |= {node.id for node in ast.walk(definition) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    used = {node.id for node in ast.walk(definition) if isinstance(node, ast.Name)} - known - set(dir(builtins))
    outside = inspect.getclosurevars(function)
    space = {**outside.globals, **outside.nonlocals}
    found: list[tuple[str, Any]] = []
    for name in sorted(used):
        value = space.get(name)
        if isinstance(value, ModuleType) and value.__name__ in _MODULES:
            found.append((name, value.__name__))
        elif isinstance(value, bool | int | float):
            found.append((name, value))
        else:
            return "", (), f"its function uses {name}, which is no number and none of {', '.join(_MODULES)}."
    return ast.unparse(definition), tuple(found), ""
