"""The minimax polynomials of the element-wise functions: makes src/backproof/kernels/llvm/vector_math_coefficients.py.

Each polynomial minimises the greatest weighted error over an interval (the exchange algorithm of Remez on a dense grid
of Chebyshev points, in 60 digits). Its coefficients are then rounded to the dtype's floats one by one, the lowest power
first, and the others are fitted anew to what is left, for as long as that lessens the error.

    python scripts/minimax.py            write the file
    python scripts/minimax.py --check    exit with 1 if the file is not what this script makes
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import mpmath
import numpy as np
from mpmath import mpf

DIGITS = 60
TARGET = Path(__file__).resolve().parent.parent / "src/backproof/kernels/llvm/vector_math_coefficients.py"
Real: TypeAlias = Any  # mpmath has no types
SOFTPLUS_PART = 1.5
DTYPES: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}
FRACTION_BITS = {"float32": 24, "float64": 53}


@dataclass(frozen=True, slots=True)
class Polynomial:
    """What to approximate by Σ cᵢ zⁱ: ``target`` over ``interval``, the error counted times ``weight``.

    The weight turns the polynomial's error into the relative error of the function that is made from it.
    """

    name: str
    degree: int
    interval: tuple[Real, Real]
    target: Callable[[Real], Real]
    weight: Callable[[Real], Real]
    formula: str


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients from the constant upwards, and the greatest weighted error."""

    coefficients: list[Real]
    error: Real


# --- what is approximated -----------------------------------------------------------------------------------------


def polynomials(dtype: str) -> Iterator[Polynomial]:
    """Every polynomial that the functions of this dtype need."""
    single = dtype == "float32"
    half_ln2 = mpmath.ln2 / 2 * (1 + mpf(2) ** -15)  # the nearest multiple is found by rounded arithmetic
    whole = (-half_ln2, half_ln2)
    yield Polynomial(
        "expm1", 4 if single else 9, whole, lambda r: (mpmath.expm1(r) - r) / r**2,
        lambda r: abs(r**2 / mpmath.expm1(r)), "expm1(r) = r + r²·p(r)",
    )  # fmt: skip
    yield logarithm(single)
    yield from softplus(single)
    yield Polynomial(
        "erf", 6 if single else 12, (mpf(-0.5), mpf(0.5)), lambda z: erf_per_root(z + 0.5) - 1,
        lambda z: 1 / erf_per_root(z + 0.5), "erf(x) = x + x·p(x² − 1/2) for |x| ≤ 1",
    )  # fmt: skip
    yield complementary_error_tail(single)
    eighth = (mpmath.pi / 4 * (1 + mpf(2) ** -10)) ** 2
    yield Polynomial(
        "sin", 2 if single else 5, (mpf(0), eighth),
        lambda u: (mpmath.sin(mpmath.sqrt(u)) / mpmath.sqrt(u) - 1) / u,
        lambda u: u * mpmath.sqrt(u) / mpmath.sin(mpmath.sqrt(u)), "sin(r) = r + r³·p(r²)",
    )  # fmt: skip
    yield Polynomial(
        "cos", 2 if single else 5, (mpf(0), eighth),
        lambda u: (mpmath.cos(mpmath.sqrt(u)) - 1 + u / 2) / u**2,
        lambda u: u**2 / mpmath.cos(mpmath.sqrt(u)), "cos(r) = 1 − r²/2 + r⁴·p(r²)",
    )  # fmt: skip


def per_square(y: Real) -> Real:
    """(log(1 + y) − y)/y²."""
    return (mpmath.log1p(y) - y) / y**2 if y else mpf(-1) / 2


def erf_per_root(u: Real) -> Real:
    """erf(√u)/√u."""
    return mpmath.erf(mpmath.sqrt(u)) / mpmath.sqrt(u) if u else 2 / mpmath.sqrt(mpmath.pi)


def logarithm(single: bool) -> Polynomial:
    """float32 by powers of f alone; float64 by s = f/(2 + f), where half as many terms do."""
    low, high = mpmath.sqrt(mpf(0.5)) - 1, mpmath.sqrt(mpf(2)) - 1
    if single:
        return Polynomial(
            "log", 7, (low, high), per_square, lambda f: abs(f**2 / mpmath.log1p(f)),
            "log1p(f) = f + f²·p(f) for √½ ≤ 1 + f ≤ √2",
        )  # fmt: skip
    return Polynomial(
        "log", 6, (mpf(0), (high / (2 + high)) ** 2),
        lambda u: (2 * mpmath.atanh(mpmath.sqrt(u)) / mpmath.sqrt(u) - 2) / u, lambda u: u / 2,
        "log1p(f) = 2s + s³·p(s²), s = f/(2 + f), for √½ ≤ 1 + f ≤ √2",
    )  # fmt: skip


def softplus(single: bool) -> Iterator[Polynomial]:
    """An even function near 0, log1p of exp(−|x|) farther out; where they part, both want about as many terms."""
    part, middle = mpf(SOFTPLUS_PART), softplus_middle()
    yield Polynomial(
        "softplus_near", 4 if single else 11, (mpf(0), part**2),
        lambda u: mpmath.log(mpmath.cosh(mpmath.sqrt(u) / 2)) / u,
        lambda u: u / mpmath.log1p(mpmath.exp(-mpmath.sqrt(u))),
        f"softplus(x) = log 2 + x/2 + x²·p(x²) for |x| ≤ {SOFTPLUS_PART}",
    )  # fmt: skip
    yield Polynomial(
        "softplus_far", 4 if single else 10, (-middle, mpmath.exp(-part) - middle), lambda z: per_square(z + middle),
        lambda z: (z + middle) ** 2 / mpmath.log1p(z + middle) if z > -middle else mpf(10) ** -30,
        f"log1p(y) = y + y²·p(y − {float(middle)}) for 0 ≤ y ≤ exp(−{SOFTPLUS_PART})",
    )  # fmt: skip


def softplus_middle() -> Real:
    """About half of exp(−SOFTPLUS_PART): few bits, so that taking it away is exact."""
    return mpmath.nint(mpmath.exp(-mpf(SOFTPLUS_PART)) * 2**9) / 2**10


def complementary_error_tail(single: bool) -> Polynomial:
    """exp(a²)·erfc(a) from a = 1 to where erfc has no float left; (a − c)/(a + c) makes the long interval short."""
    centre = erfc_centre(single)

    def moved(a: Real) -> Real:
        return (a - centre) / (a + centre)

    def scaled(t: Real) -> Real:
        a = centre * (1 + t) / (1 - t)
        return mpmath.erfc(a) * mpmath.exp(a * a) * (a + centre)

    last = mpf("10.2") if single else mpf("27.5")
    return Polynomial(
        "erfc", 8 if single else 20, (moved(mpf(1)), moved(last)), scaled, lambda t: 1 / scaled(t),
        f"exp(a²)·erfc(a) = p((a − c)/(a + c))/(a + c), c = {float(centre)}, for a ≥ 1",
    )  # fmt: skip


def erfc_centre(single: bool) -> Real:
    """Found by trying: the least error for the degree."""
    return mpf(2.875) if single else mpf(4)


# --- the exchange algorithm ---------------------------------------------------------------------------------------


def fit(polynomial: Polynomial, dtype: str) -> Fit:
    """The polynomial with coefficients that are floats of the dtype."""
    degree = polynomial.degree
    points = [z for z in chebyshev_points(polynomial.interval, 60 * (degree + 2)) if z != 0]
    weights = [polynomial.weight(z) for z in points]
    values = [polynomial.target(z) for z in points]

    def worst(coefficients: Sequence[Real]) -> Real:
        return max(abs(w * (v - horner(coefficients, z))) for z, v, w in zip(points, values, weights, strict=True))

    fixed: list[Real] = []
    best = Fit([], mpmath.inf)
    for first in range(degree + 1):
        left = [v - horner(fixed, z) for z, v in zip(points, values, strict=True)]
        unrounded = exchange(points, left, weights, degree, first).coefficients[first:]
        candidate = fixed + [rounded(c, dtype) for c in unrounded]
        error = worst(candidate)
        if error < best.error:
            best = Fit(candidate, error)
        fixed = candidate[: first + 1]
    return best


def exchange(points: Sequence[Real], values: Sequence[Real], weights: Sequence[Real], degree: int, first: int) -> Fit:
    """The best Σ cᵢ zⁱ, first ≤ i ≤ degree, for the values on the grid."""
    unknowns = degree - first + 1
    spread = chebyshev_points((points[0], points[-1]), unknowns + 1)
    chosen = [min(range(len(points)), key=lambda k: abs(points[k] - z)) for z in spread]
    best = Fit([], mpmath.inf)
    for _ in range(60):
        coefficients, level = levelled(points, values, weights, chosen, first)
        errors = [w * (v - horner(coefficients, z)) for z, v, w in zip(points, values, weights, strict=True)]
        worst = max(abs(e) for e in errors)
        if worst < best.error:
            best = Fit(coefficients, worst)
        extrema = alternating(errors, unknowns + 1)
        if worst <= level * mpf("1.0001") or len(extrema) < unknowns + 1:  # the latter: nothing is left to gain
            break
        chosen = extrema
    return best


def levelled(
    points: Sequence[Real], values: Sequence[Real], weights: Sequence[Real], chosen: Sequence[int], first: int
) -> tuple[list[Real], Real]:
    """The coefficients whose weighted errors at the chosen points have one size and alternating signs; that size."""
    unknowns = len(chosen) - 1
    system, right = mpmath.matrix(unknowns + 1), mpmath.matrix(unknowns + 1, 1)
    for row, k in enumerate(chosen):
        for column in range(unknowns):
            system[row, column] = points[k] ** (first + column)
        system[row, unknowns] = (-1) ** row / weights[k]
        right[row] = values[k]
    solution = mpmath.lu_solve(system, right)
    return [mpf(0)] * first + [solution[i] for i in range(unknowns)], abs(solution[unknowns])


def alternating(errors: Sequence[Real], count: int) -> list[int]:
    """The places of at most ``count`` extrema of alternating sign, the greatest among them."""
    extrema: list[int] = []
    for k, e in enumerate(errors):
        if extrema and (errors[extrema[-1]] > 0) == (e > 0):
            if abs(e) > abs(errors[extrema[-1]]):
                extrema[-1] = k
        else:
            extrema.append(k)
    while len(extrema) > count:
        ends = (0, len(extrema) - 1)
        least = min(ends if len(extrema) == count + 1 else range(len(extrema)), key=lambda i: abs(errors[extrema[i]]))
        if least in ends:
            extrema.pop(least)
        else:  # its neighbours have one sign: only one of them can stay
            pair = extrema[least - 1], extrema[least + 1]
            extrema[least - 1 : least + 2] = [max(pair, key=lambda k: abs(errors[k]))]
    return extrema


def chebyshev_points(interval: tuple[Real, Real], count: int) -> list[Real]:
    """Points that lie densely at both ends, ascending."""
    low, high = interval
    middle, half = (low + high) / 2, (high - low) / 2
    return [middle - half * mpmath.cos(mpmath.pi * k / (count - 1)) for k in range(count)]


def horner(coefficients: Sequence[Real], z: Real) -> Real:
    """Σ cᵢ zⁱ."""
    value = mpf(0)
    for c in reversed(coefficients):
        value = value * z + c
    return value


# --- constants in parts -------------------------------------------------------------------------------------------


def rounded(value: Real, dtype: str) -> Real:
    """The nearest float of the dtype."""
    return mpf(float(DTYPES[dtype](float(value))))


def parts(value: Real, dtype: str, count: int, *, spare: int) -> list[Real]:
    """Floats that add up to the value; all but the last end in ``spare`` zero bits: their small multiples are exact."""
    found: list[Real] = []
    for left in range(count, 0, -1):
        bits = FRACTION_BITS[dtype] - (spare if left > 1 else 0)
        rest = value - mpmath.fsum(found)
        unit = mpf(2) ** (mpmath.floor(mpmath.log(abs(rest), 2)) + 1 - bits)
        found.append(mpmath.nint(rest / unit) * unit)
    return found


def constants(dtype: str) -> Iterator[tuple[str, str, list[Real]]]:
    """Name, meaning and parts of each constant."""
    single = dtype == "float32"
    yield (
        "ln2",
        "ln 2; multiples up to the exponent range are exact",
        parts(mpmath.ln2, dtype, 2, spare=8 if single else 11),
    )
    yield "log2", "log 2 as it is added", parts(mpmath.ln2, dtype, 2, spare=0)
    yield "half_pi", "π/2", parts(mpmath.pi / 2, dtype, 3, spare=0)
    yield "softplus_middle", "where the variable of softplus_far is 0", [softplus_middle()]
    yield "erfc_centre", "c of erfc", [erfc_centre(single)]


# --- the file -----------------------------------------------------------------------------------------------------

HEAD = '''"""Coefficients of the vector functions, the constant first. Made by scripts/minimax.py, not by hand."""

from __future__ import annotations

from collections.abc import Mapping

from backproof.kernels.llvm.vector_math_lanes import DType

COEFFICIENTS: Mapping[DType, Mapping[str, tuple[float, ...]]] = {
'''


def module_text() -> str:
    """The whole file."""
    lines = [HEAD]
    for dtype in DTYPES:
        lines.append(f'    "{dtype}": {{\n')
        for polynomial in polynomials(dtype):
            found = fit(polynomial, dtype)
            bound = float(mpmath.log(found.error, 2))
            lines += row(polynomial.name, f"{polynomial.formula}; relative error 2^{bound:.1f}", found.coefficients)
        for name, meaning, values in constants(dtype):
            lines += row(name, meaning, values)
        lines.append("    },\n")
    return "".join([*lines, "}\n"])


def row(name: str, meaning: str, values: Sequence[Real]) -> list[str]:
    """A row of the table, as ruff formats it."""
    comment = f"        # {meaning}\n"
    if len(values) == 1:
        return [comment, f'        "{name}": ({float(values[0])!r},),\n']
    numbers = [f"            {float(value)!r},\n" for value in values]
    return [comment, f'        "{name}": (\n', *numbers, "        ),\n"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Fit the polynomials of the vector functions.")
    parser.add_argument("--check", action="store_true", help="compare with the file instead of writing it")
    with mpmath.workdps(DIGITS):
        text = module_text()
    if not parser.parse_args().check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is not what scripts/minimax.py makes: run it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
