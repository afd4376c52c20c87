"""Write src_c/language/coefficients.h: every constant and polynomial of src_c/language/vmath.h.

Run ``python tools/coefficients.py > src_c/language/coefficients.h`` (needs mpmath). The polynomials are Chebyshev
interpolants (within a fraction of a bit of the minimax ones) of the smallest degree whose error, seen through
the place where the polynomial enters its function, is below 2**-(p + s) for a precision of p bits and s spare
bits: 6 for functions that are to be as good as correctly rounded, 0 where a loss has room. A test compares the
committed header with the output of this script.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

mp.dps = 80
# Polynomials of up to this many terms are evaluated by Horner's rule.
LONGEST_CHAIN = 4
# And those of loops that have enough to do while a chain goes on: it is the shortest text.
HORNER = {"SOFTMAX_EXP"}
PRECISIONS = {"f32": (24, np.float32), "f64": (53, np.float64)}

SQRT2 = mp.sqrt(2)
LOG_2 = mp.log(2)
# |r| after exp's reduction by multiples of log 2, with slack for the rounded quotient.
EXP_HALF_WIDTH = LOG_2 / 2 * mpf("1.002")
# f, and s*s for s = f / (2 + f)
LOG_F = [mp.sqrt(mpf("0.5")) - 1, SQRT2 - 1]
LOG_Z_MAX = ((SQRT2 - 1) / (SQRT2 + 1)) ** 2 * mpf("1.01")


def expm1_tail(r: mpf) -> mpf:
    """(expm1(r) - r) / r**2."""
    return (mp.expm1(r) - r) / r**2 if r else mpf(1) / 2


def expm1_tail_everywhere(r: mpf) -> mpf:
    """The same, for intervals of which 0 is a node but for its rounding."""
    return expm1_tail(r) if abs(r) > mpf(10) ** -25 else mpf(1) / 2


def exp_slope(r: mpf) -> mpf:
    """(exp(r) - 1) / r."""
    return mp.expm1(r) / r if r else mpf(1)


def two_over_two_plus(f: mpf) -> mpf:
    """2 / (2 + f)."""
    return 2 / (2 + f)


def atanh_tail(z: mpf) -> mpf:
    """(2 atanh(s) - 2 s) / s**3 at z = s**2."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3 if z else mpf(2) / 3


def atanh_second_tail(z: mpf) -> mpf:
    """(atanh_tail(z) - 2/3) / z."""
    return (atanh_tail(z) - mpf(2) / 3) / z if z else mpf(2) / 5


def log_cosh_tail(x: mpf) -> mpf:
    """(log(cosh(a)) - a**2 / 2) / a**4 at x = a**2."""
    return (mp.log(mp.cosh(mp.sqrt(x))) / x - mpf(1) / 2) / x if x else -mpf(1) / 12


def log1p_tail(x: mpf) -> mpf:
    """(log1p(x) - x) / x**2."""
    return (mp.log1p(x) - x) / x**2 if x else -mpf(1) / 2


def log1p_slope(x: mpf) -> mpf:
    """log1p(x) / x."""
    return mp.log1p(x) / x if x else mpf(1)


def atan_tail(z: mpf) -> mpf:
    """(atan(t) / t - 1) / t**2 at z = t**2."""
    t = mp.sqrt(z)
    return (mp.atan(t) / t - 1) / z if z else -mpf(1) / 3


def expm1_second_tail(x: mpf) -> mpf:
    """(expm1(x) - x - x**2 / 2) / x**3."""
    return (mp.expm1(x) - x - x**2 / 2) / x**3 if x else mpf(1) / 6


def lgamma1p_over_y(t: mpf) -> mpf:
    """lgamma(1 + y) / (y (y - 1)) at y = t + 1/2."""
    y = t + mpf(1) / 2
    if y == 0:
        return mp.euler
    if y == 1:
        return 1 - mp.euler
    return mp.loggamma(1 + y) / (y * (y - 1))


def lgamma1p_over_y_minus_1(t: mpf) -> mpf:
    """lgamma(1 + y) / (y - 1) at y = t + 2."""
    y = t + 2
    return mp.loggamma(1 + y) / (y - 1) if y != 1 else 1 - mp.euler


def lgamma1p_middle(t: mpf) -> mpf:
    """lgamma(1 + y) at y = t + 5."""
    return mp.loggamma(6 + t)


def lgamma_stirling(w: mpf) -> mpf:
    """(lgamma(x) - ((x - 1/2) log x - x + log(2 pi)/2)) * x at w = 1 / x**2."""
    if not w:
        return mpf(1) / 12
    x = 1 / mp.sqrt(w)
    return (mp.loggamma(x) - ((x - mpf(1) / 2) * mp.log(x) - x + mp.log(2 * mp.pi) / 2)) * x


# name: (function, lower end, upper end, largest share of the polynomial in its function's value, spare bits)
POLYNOMIALS: dict[str, tuple[Callable[[mpf], mpf], mpf, mpf, mpf, int]] = {
    "EXPM1": (expm1_tail, -EXP_HALF_WIDTH, EXP_HALF_WIDTH, mpf("0.2"), 6),
    "SOFTMAX_EXP": (exp_slope, -EXP_HALF_WIDTH, EXP_HALF_WIDTH, mpf("0.4"), 3),
    # |s| <= (2**w - 1) / (2**w + 1), w = 1/2 + 0.0861: the most by which the bits of two numbers differ from their logarithms
    "SOFTMAX_LOG": (atanh_tail, mpf(0), mpf("0.0404"), mpf("0.014"), 4),
    "LOG": (atanh_tail, mpf(0), LOG_Z_MAX, mpf("0.01"), 6),
    "EXP_POWER": (expm1_tail_everywhere, -EXP_HALF_WIDTH, EXP_HALF_WIDTH, mpf("0.12"), 2),
    "LOG_SECOND": (atanh_second_tail, mpf(0), LOG_Z_MAX, mpf("0.0002") * 2**7, 6),
    "X_MINUS_LOG1P": (atanh_tail, mpf(0), mpf("0.0401"), mpf("0.06"), 6),
    "LOG1P_UNIT": (atanh_tail, mpf(0), mpf(1) / 9 * mpf("1.001"), mpf("0.04"), 6),
    "EXP_SLOPE": (exp_slope, -EXP_HALF_WIDTH, EXP_HALF_WIDTH, mpf("0.35"), 3),
    "EXP_TAIL": (expm1_tail, -EXP_HALF_WIDTH, EXP_HALF_WIDTH, mpf("0.2"), 3),
    "LOG1P_SLOPE": (log1p_slope, mpf(0), mpf(1), mpf(1), 3),
    "LOG1P_TAIL": (log1p_tail, mpf(0), mpf(1), mpf("0.45"), 3),
    "LOG1P_AROUND": (log1p_tail, SQRT2 / 2 - 1, SQRT2 - 1, mpf("0.21"), 2),
    "LOG1P_QUOTIENT": (atanh_tail, mpf(0), mpf(1) / 9 * mpf("1.001"), mpf("0.04"), 2),
    "LOG_COSH_NEAR": (log_cosh_tail, mpf(0), mpf("1.001"), mpf("0.2"), 0),
    "LOG_COSH_EXP": (exp_slope, -EXP_HALF_WIDTH, EXP_HALF_WIDTH, mpf("0.15"), 0),
    "LOG_COSH_QUOTIENT": (atanh_tail, mpf(0), mpf("0.00403"), mpf("0.0002"), 2),
    "LOG_COSH_FAR": (log1p_tail, mpf(0), mp.exp(-2) * mpf("1.001"), mpf("0.03"), 0),
    "EXPM1_MINUS_X": (expm1_second_tail, mpf(-1), mpf(1), mpf("0.4"), 6),
    "ATAN": (atan_tail, mpf(0), (SQRT2 - 1) ** 2 * mpf("1.001"), mpf("0.06"), 6),
    "LGAMMA1P_A": (lgamma1p_over_y, mpf("-0.5"), mpf("0.5"), mpf(1), 6),
    "LGAMMA1P_B": (lgamma1p_over_y_minus_1, mpf(-1), mpf(1), mpf(1), 6),
    "LGAMMA1P_C": (lgamma1p_middle, mpf(-2), mpf(2), mpf(1), 6),
    "LGAMMA_STIRLING": (lgamma_stirling, mpf(0), mpf(1) / 64, mpf("0.02"), 6),
    "EXPM1_TAILS": (expm1_tail_everywhere, mpf(-1), mpf(1), mpf("0.4"), 0),
}
# Those that serve in one precision alone.
ALONE = {
    "f32": {"LOG1P_SLOPE", "LOG1P_TAIL", "LOG1P_AROUND", "LOG_COSH_EXP", "LOG_COSH_FAR"},
    "f64": {"LOG_COSH_QUOTIENT"},
}
# Those whose k-th coefficient is multiplied by w[k], a number that is the same for all x.
WEIGHTED = {"EXPM1_TAILS"}


def rounded(value: mpf, scalar: type) -> mpf:
    """The nearest number of the precision ``scalar``, as an exact mpf."""
    if scalar is np.float64:
        return mpf(float(value))
    # float(value) is not rounded twice in the tie cases that occur: mpf -> 24 bits is done by mpmath itself.
    with mp.workprec(24):
        return +value


def half_tangent(degree: int) -> tuple[list[mpf], list[mpf]]:
    """tanh(r / 2) / r as a quotient of two polynomials in w = r**2, constant terms first, for exp's reduced range.

    It is right at Chebyshev's points, and its numerator ends in the power of w itself.
    """
    end, n = EXP_HALF_WIDTH**2, 2 * degree + 1
    points = [end / 2 * (1 + mp.cos(mp.pi * (2 * k + 1) / (2 * n))) for k in range(n)]
    # p(w) - f q(w) = -w**degree with the other coefficients of p
    rows, right = [], []
    for w in points:
        f = mp.tanh(mp.sqrt(w) / 2) / mp.sqrt(w)
        rows.append([w**k for k in range(degree)] + [-f * w**k for k in range(degree + 1)])
        right.append(-(w**degree))
    found = list(mp.lu_solve(mp.matrix(rows), mp.matrix(right)))
    return found[:degree], found[degree:]


def literal(value: mpf, scalar: type) -> str:
    """A C hexadecimal constant with the exact value of the rounded number."""
    text = float(rounded(value, scalar)).hex()
    return text + ("f" if scalar is np.float32 else "")


def fit(name: str, bits: int) -> list[mpf]:
    """Coefficients, constant term first."""
    function, lower, upper, share, spare = POLYNOMIALS[name]
    size = max(abs(function(mpf(t))) for t in mp.linspace(lower, upper, 9))
    for terms in range(2, 40):
        coefficients, error = mp.chebyfit(function, [lower, upper], terms, error=True)
        if abs(error) * share / size < mpf(2) ** -(bits + spare):
            return coefficients[::-1]
    raise ArithmeticError(f"no polynomial of 40 terms is good enough for {name}")


def evaluation(terms: list[str], suffix: str, longest_chain: int = LONGEST_CHAIN) -> str:
    """The polynomial in x as an expression: pairs of neighbours first, Horner's rule in a power of x for the last few.

    A chain of dependent operations is then short, and a loop over the polynomial is not held up by it.
    """
    x = "x"
    while len(terms) > longest_chain:
        pairs = [f"FL_FMA_{suffix}({b}, {x}, {a})" for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
        x = f"({x} * {x})"
    body = terms[-1]
    for term in terms[-2::-1]:
        body = f"FL_FMA_{suffix}({body}, {x}, \\\n        {term})"
    return body


def split(value: mpf, head_bits: int, scalar: type, parts: int) -> list[mpf]:
    """``value`` as a sum: the first part has ``head_bits`` significant bits, the others the full precision."""
    with mp.workprec(head_bits):
        head = +value
    out = [head]
    for _ in range(parts - 1):
        out.append(rounded(value - mp.fsum(out), scalar))
    return out


def lines() -> list[str]:
    out = [
        "/* Written by tools/coefficients.py; do not edit. Constants and polynomials of vmath.h. */",
        "/* clang-format off */",
        "#ifndef FL_COEFFICIENTS_H",
        "#define FL_COEFFICIENTS_H",
    ]
    for suffix, (bits, scalar) in PRECISIONS.items():
        # k * LN2_HEAD is exact for every exponent k (11 and 8 bits with sign and slack).
        head_bits = bits - 12
        ln2_head, ln2_middle = split(LOG_2, head_bits, scalar, 2)
        ln2, ln2_low = split(LOG_2, bits, scalar, 2)
        two_thirds, two_thirds_low = split(mpf(2) / 3, bits, scalar, 2)
        constants = {
            "LOG2_E": 1 / LOG_2,
            "LN2": ln2,
            "LN2_LOW": ln2_low,
            "LN2_HEAD": ln2_head,
            "LN2_MIDDLE": ln2_middle,
            "TWO_THIRDS": two_thirds,
            "TWO_THIRDS_LOW": two_thirds_low,
            "HALF_LOG_2PI": mp.log(2 * mp.pi) / 2,
            "QUARTER_PI": mp.pi / 4,
            "TWO_OVER_PI": 2 / mp.pi,
        }
        out.append("")
        out.extend(f"#define FL_{key}_{suffix} {literal(value, scalar)}" for key, value in constants.items())
        elsewhere = set().union(*(names for other, names in ALONE.items() if other != suffix))
        for name in (name for name in POLYNOMIALS if name not in elsewhere):
            texts = [literal(coefficient, scalar) for coefficient in fit(name, bits)]
            if name in WEIGHTED:
                out.append(f"#define FL_{name}_TERMS_{suffix} {len(texts)}")
                texts = [f"({text} * w[{k}])" for k, text in enumerate(texts)]
            arguments = "x, w" if name in WEIGHTED else "x"
            chain = len(texts) if name in HORNER else LONGEST_CHAIN
            out.append(f"#define FL_{name}_{suffix}({arguments}) \\\n    {evaluation(texts, suffix, chain)}")
        odd, even = ([literal(term, scalar) for term in part] for part in half_tangent(1 if suffix == "f32" else 2))
        odd_sum = f"(x + {odd[-1]})"
        out.append(f"#define FL_EXP_ODD_{suffix}(x) {f'FL_FMA_{suffix}(x, {odd_sum}, {odd[0]})' if odd[1:] else odd_sum}")
        out.append(f"#define FL_EXP_EVEN_{suffix}(x) {evaluation(even, suffix)}")
        texts = [literal(coefficient, scalar) for coefficient in mp.chebyfit(two_over_two_plus, LOG_F, 3)[::-1]]
        out.append(f"#define FL_TWO_OVER_TWO_PLUS_{suffix}(x) \\\n    {evaluation(texts, suffix)}")
    out += ["", "#endif", ""]
    return out


if __name__ == "__main__":
    print("\n".join(lines()), end="")
