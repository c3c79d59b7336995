"""exp and what is made of it: expm1, sigmoid, tanh, softplus, and exp(−a²) for erfc.

All write c·x = n·ln 2 + c·w with n an integer and |c·w| ≤ ½·ln 2, and multiply a polynomial of w by 2ⁿ. n comes from
adding a number so great that its last bit is worth 1; an offset of that number is an offset of n for free, so that
only a shift is left to make the exponent's bits.

Monotone by construction: sigmoid = s/(s + s·e⁻ˣ) and tanh = v/(1 − v), v = ½(1 − e⁻²ˣ), are chains of operations each
of which rounds a monotone function of the one before.
"""

from __future__ import annotations

from typing import Final

from backproof.kernels.llvm.vector_math_coefficients import COEFFICIENTS
from backproof.kernels.llvm.vector_math_lanes import Body, DType, Value

LOG2_E: Final = 1.4426950408889634
UNDERFLOW: Final[dict[DType, float]] = {"float32": -104.5, "float64": -746.0}
"""Below: exp is 0, even as a subnormal."""
OVERFLOW: Final[dict[DType, float]] = {"float32": 89.0, "float64": 710.0}
"""Above: exp is infinite."""
SATURATION: Final[dict[DType, float]] = {"float32": 20.0, "float64": 40.0}
"""Above: exp(−x) is lost beside 1."""
HEADROOM: Final[dict[DType, int]] = {"float32": 64, "float64": 128}
"""exp(x) times 2 to this power is a normal number for every x from UNDERFLOW to 0."""


def reduced(body: Body, x: Value, *, factor: int, offset: int, rest: Value | None = None) -> tuple[Value, Value]:
    """w and n + offset of factor·(x + rest) = n·ln 2 + factor·w; the latter in the last bits; factor is ±2ᵐ."""
    lanes = body.lanes
    to_integer = 1.5 * 2.0**lanes.fraction_bits + offset
    high, low = COEFFICIENTS[lanes.dtype]["ln2"]
    shifted = body.fma(x, factor * LOG2_E, to_integer)
    n = shifted - to_integer
    w = body.fma(n, -high / factor, x)
    w = body.fma(n, -low / factor, w) if rest is None else w + body.fma(n, -low / factor, rest)
    return w, body.bits(shifted)


def expm1_of_reduced(body: Body, w: Value, *, factor: int) -> Value:
    """(exp(factor·w) − 1)/factor, to full precision near 0."""
    coefficients = [c * factor ** (i + 1) for i, c in enumerate(COEFFICIENTS[body.lanes.dtype]["expm1"])]
    return body.fma(w * w, body.polynomial(w, coefficients), w)


def exp_of_reduced(body: Body, w: Value, power: Value, *, factor: int) -> Value:
    """power·exp(factor·w): the only rounding that counts is the last, so consecutive floats keep their order."""
    return body.fma(power if factor > 0 else -power, expm1_of_reduced(body, w, factor=factor), power)


def power_of_two(body: Body, exponent: Value) -> Value:
    """2ⁿ for n + bias in the last bits; by multiplication with it, not by adding bits, a NaN stays one."""
    return body.from_bits(exponent << body.lanes.fraction_bits)


def exp(body: Body) -> Value:
    """eˣ; subnormal results are rounded once, so they too are accurate."""
    lanes = body.lanes
    x = body.at_most(OVERFLOW[lanes.dtype], body.at_least(UNDERFLOW[lanes.dtype], body.x))
    w, n = reduced(body, x, factor=1, offset=2 * lanes.bias)
    half = n >> 1  # 2ⁿ may be no normal number, its two halves are
    first, second = power_of_two(body, half), power_of_two(body, n - half)
    return exp_of_reduced(body, w, first, factor=1) * second


def expm1(body: Body) -> Value:
    """eˣ − 1 as 2(½2ⁿ·(eʷ − 1) + (½2ⁿ − ½)): ½2ⁿ is a float wherever the result is."""
    lanes = body.lanes
    x = body.at_most(OVERFLOW[lanes.dtype], body.at_least(-SATURATION[lanes.dtype], body.x))
    w, n = reduced(body, x, factor=1, offset=lanes.bias - 1)
    half = power_of_two(body, n)
    result = body.fma(half, expm1_of_reduced(body, w, factor=1), half - 0.5) * 2.0
    negligible = body.absolute(body.x) < 2.0 ** (-lanes.fraction_bits - 1)  # the square; halving may lose the last bit
    return body.select(negligible, body.x, result)


def sigmoid(body: Body) -> Value:
    """1/(1 + e⁻ˣ) as s/(s + s·e⁻ˣ): by a small s = 2ᵏ no e⁻ˣ overflows whose sigmoid is a float."""
    lanes = body.lanes
    k = -lanes.fraction_bits - 1
    x = body.at_most(2 * SATURATION[lanes.dtype], body.at_least(UNDERFLOW[lanes.dtype], body.x))
    w, n = reduced(body, x, factor=-1, offset=lanes.bias + k)
    return 2.0**k / (exp_of_reduced(body, w, power_of_two(body, n), factor=-1) + 2.0**k)


def tanh(body: Body) -> Value:
    """v/(1 − v) with v = ½(1 − e⁻²ˣ), of |x|, with the sign of x."""
    lanes = body.lanes
    x = body.at_most(SATURATION[lanes.dtype], body.absolute(body.x))
    w, n = reduced(body, x, factor=-2, offset=lanes.bias)
    power = power_of_two(body, n)
    v = body.fma(power, expm1_of_reduced(body, w, factor=-2), body.fma(power, -0.5, 0.5))
    return body.with_sign(v / (1.0 - v), body.sign_bit(body.x))


def softplus(body: Body) -> Value:
    """log(1 + eˣ): near 0 as log 2 + ½x + (an even function), farther out as max(x, 0) + log1p(e^−|x|)."""
    magnitude = body.absolute(body.x)
    return body.select(magnitude < 1.5, softplus_near_zero(body), softplus_far(body, magnitude))


def softplus_near_zero(body: Body) -> Value:
    """For |x| ≤ 1.5; what is added last is great and exact, so consecutive floats keep their order."""
    table = COEFFICIENTS[body.lanes.dtype]
    log2, rest = table["log2"]
    square = body.x * body.x
    even = body.fma(square, body.polynomial(square, table["softplus_near"]), rest)
    return body.fma(body.x, 0.5, even) + log2


def softplus_far(body: Body, magnitude: Value) -> Value:
    """For |x| ≥ 1.5."""
    lanes = body.lanes
    table, headroom = COEFFICIENTS[lanes.dtype], HEADROOM[lanes.dtype]
    (middle,) = table["softplus_middle"]
    x = body.at_most(-UNDERFLOW[lanes.dtype], magnitude)
    w, n = reduced(body, x, factor=-1, offset=lanes.bias + headroom)
    y = exp_of_reduced(body, w, power_of_two(body, n), factor=-1) * 2.0**-headroom
    log1p = body.fma(y * y, body.polynomial(y - middle, table["softplus_far"]), y)
    return log1p + body.at_least(0.0, body.x)


def times_exp_of_minus_square(body: Body, factor: Value, a: Value) -> Value:
    """factor·exp(−a²)·2^HEADROOM; what a² loses to rounding is put back, for exp makes much of it."""
    square = a * a
    lost = body.residual(a, a, -square)
    w, n = reduced(body, square, factor=-1, offset=body.lanes.bias + HEADROOM[body.lanes.dtype], rest=lost)
    return exp_of_reduced(body, w, factor * power_of_two(body, n), factor=-1)
