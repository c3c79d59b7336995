"""log and log1p: x = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2, then k·ln 2 + log(1 + f)."""

from __future__ import annotations

import math

from backproof.kernels.llvm.vector_math_coefficients import COEFFICIENTS
from backproof.kernels.llvm.vector_math_lanes import Body, Value


def split(body: Body, x: Value) -> tuple[Value, Value]:
    """k and 1 + f of a positive normal x, both as floats."""
    lanes = body.lanes
    least = lanes.bits(lanes.rounded(math.sqrt(0.5)))
    bits = body.bits(x) + (lanes.bits(1.0) - least)
    unit = 2.0**lanes.fraction_bits  # an integer put into its last bits is added to it
    k = body.from_bits((bits >> lanes.fraction_bits) | lanes.bits(unit)) - (unit + lanes.bias)
    return k, body.from_bits((bits & ((1 << lanes.fraction_bits) - 1)) + least)


def log_of_parts(body: Body, k: Value, f: Value) -> Value:
    """k·ln 2 + log(1 + f); the great parts, k·(first part of ln 2) and f, are exact and come last."""
    table = COEFFICIENTS[body.lanes.dtype]
    high, low = table["ln2"]
    if body.lanes.single:
        rest = body.fma(k, low, f * f * body.polynomial(f, table["log"]))
        return body.fma(k, high, f + rest)
    s = f / (f + 2.0)
    s2 = s * s
    half_square = f * f * 0.5
    series = s2 * body.polynomial(s2, table["log"])
    rest = body.fma(s, half_square + series, body.fma(k, low, -half_square))
    return body.fma(k, high, f + rest)


def log(body: Body) -> Value:
    """ln x; −∞ at ±0, NaN below, also of subnormal x."""
    lanes = body.lanes
    least_normal = 2.0 ** (1 - lanes.bias)
    lift = lanes.fraction_bits + 1
    small = body.x < least_normal
    k, m = split(body, body.select(small, body.x * 2.0**lift, body.x))
    k = k - body.select(small, float(lift), 0.0)
    return limits(body, body.x, log_of_parts(body, k, m - 1.0))


def log1p(body: Body) -> Value:
    """ln(1 + x); what 1 + x loses to rounding is put back into f."""
    lanes = body.lanes
    x = body.x
    u = x + 1.0
    back = u - 1.0
    lost = (1.0 - (u - back)) + (x - back)
    k, m = split(body, u)
    # 2·2⁻ᵏ, which unlike 2⁻ᵏ is +0 at worst, from the exponents of m and u = 2ᵏ·m
    twice_shrink = body.from_bits((body.bits(m) - body.bits(u)) + lanes.bits(2.0))
    f = body.fma(lost, twice_shrink * 0.5, m - 1.0)
    return body.with_sign(limits(body, u, log_of_parts(body, k, f)), body.sign_bit(x))


def limits(body: Body, x: Value, result: Value) -> Value:
    """The result for 0 < x < ∞; otherwise what log x is: ∞, −∞ at 0, NaN."""
    outside = body.select(x.equals(0.0), -math.inf, math.nan)
    return body.select(x.equals(math.inf), math.inf, body.select(x > 0.0, result, outside))
