"""Functions of scalars, compiled by numba to loops over a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_MISSING = "custom losses of functions and expressions need {}: pip install 'fastloss[custom]'."
# What a loop writes, by what is wanted: value 1, gradient 2, Hessian 4.
_WANTED = (1, 2, 3, 6, 7)


def need(name: str) -> Any:
    """Import a library of the extra ``custom``."""
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(_MISSING.format(name)) from error


def count_results(function: Callable[..., Any], parameters: int, name: str) -> int:
    """Compile a function for doubles, and tell how many numbers it returns: value, gradient and Hessian, or the first ones."""
    numba = need("numba")
    types = numba.types
    scalar = numba.njit(function, error_model="numpy")
    try:
        scalar.compile((types.float64,) * (2 + parameters))
    except numba.core.errors.NumbaError as error:
        raise TypeError(f"{name} could not be compiled by numba: {_cause(error)}") from error
    result = scalar.nopython_signatures[0].return_type
    results = list(result.types) if isinstance(result, types.BaseTuple) else [result]
    if not 1 <= len(results) <= 3 or not all(isinstance(item, types.Number) for item in results):
        raise TypeError(
            f"{name} must return value, gradient and Hessian, or the first one or two of them, as numbers; it returns {result}."
        )
    if any(isinstance(item, types.Complex) for item in results):
        raise TypeError(f"{name} must return real numbers; it returns {result}.")
    return len(results)


def _cause(error: Exception) -> str:
    """Find the line of numba's message that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    noise = (
        "Failed in nopython",
        "During:",
        "File ",
        "This error may",
        "No implementation of function",
        "- Resolution",
        "<source",
    )
    for line in lines:
        if not line.startswith(noise):
            return line
    return lines[0] if lines else type(error).__name__


def compile_loop(function: Callable[..., Any], parameters: int, results: int, single: bool) -> tuple[int, Any]:
    """Compile the loop over a block for one precision; return its address, and what keeps it alive.

    The loop is like ``fl_function_of_numbers`` of ``fastloss.h``. There is one for each set of outputs in it, so that what is
    not wanted is not computed.
    """
    numba = need("numba")
    types = numba.types
    kind = np.float32 if single else np.float64
    number = types.float32 if single else types.float64
    scalar = numba.njit(function, error_model="numpy")
    names = [f"q{k}" for k in range(parameters)]
    lines = [
        "def loop(n, y_true, y_pred, parameters, value, gradient, hessian, want):",
        "    y = carray(y_true, n, kind)",
        "    p = carray(y_pred, n, kind)",
        *([f"    q = carray(parameters, {parameters}, double)"] if parameters else []),
        # parameters of the precision: an operation with a double is one in double precision
        *(f"    {name} = kind(q[{k}])" for k, name in enumerate(names)),
    ]
    for place, want in enumerate(_WANTED):
        lines.append(f"    {'if' if not place else 'elif'} want == {want}:")
        written = [k for k in range(results) if want & 1 << k]
        lines += [f"        out{k} = carray({('value', 'gradient', 'hessian')[k]}, n, kind)" for k in written]
        lines.append("        for i in range(n):")
        lines.append(f"            t = scalar({', '.join(['y[i]', 'p[i]', *names])})")
        lines += [f"            out{k}[i] = t{f'[{k}]' if results > 1 else ''}" for k in written]
    space: dict[str, Any] = {"carray": numba.carray, "kind": kind, "double": np.float64, "scalar": scalar}
    exec("\n".join(lines), space)
    pointer, doubles = types.CPointer(number), types.CPointer(types.float64)
    signature = types.void(types.intp, pointer, pointer, doubles, pointer, pointer, pointer, types.int32)
    loop = numba.cfunc(signature, error_model="numpy")(space["loop"])
    return loop.address, loop
