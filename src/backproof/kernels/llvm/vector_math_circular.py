"""sin and cos: |x| = n·π/2 + r with |r| ≤ π/4, π/2 taken in several parts; NaN where |x| is too great for that.

A polynomial for sin r and one for cos r are both computed; the last two bits of n choose between them and the sign.
"""

from __future__ import annotations

import math
from typing import Final

from backproof.kernels.llvm.vector_math_coefficients import COEFFICIENTS
from backproof.kernels.llvm.vector_math_lanes import Body, DType, Value

TWO_OVER_PI: Final = 0.6366197723675814
GREATEST: Final[dict[DType, float]] = {"float32": 2.0**20, "float64": 2.0**40}
"""Up to where |x| may go; beyond, the result is NaN. n comes from rounded arithmetic: far out, |r| would exceed π/4."""


def sin(body: Body) -> Value:
    """sin x; odd to the last bit."""
    return quarter_turns(body, ahead=0, sign=body.sign_bit(body.x))


def cos(body: Body) -> Value:
    """cos x = sin(|x| + π/2)."""
    return quarter_turns(body, ahead=1, sign=None)


def quarter_turns(body: Body, *, ahead: int, sign: Value | None) -> Value:
    """sin(|x| + ahead·π/2), its sign turned where that bit is set."""
    lanes = body.lanes
    magnitude = body.absolute(body.x)
    a = body.select(magnitude > GREATEST[lanes.dtype], math.nan, magnitude)
    to_integer = 1.5 * 2.0**lanes.fraction_bits
    shifted = body.fma(a, TWO_OVER_PI, to_integer)
    n = shifted - to_integer
    r = a
    for part in COEFFICIENTS[lanes.dtype]["half_pi"]:
        r = body.residual(n, -part, r)
    quadrant = body.bits(shifted) + ahead
    value = body.select(body.odd(quadrant), cos_of_reduced(body, r), sin_of_reduced(body, r))
    turned = (quadrant << lanes.sign_place - 1) & lanes.bits(-0.0)
    return body.from_bits(body.bits(value) ^ (turned if sign is None else turned ^ sign))


def sin_of_reduced(body: Body, r: Value) -> Value:
    """sin r."""
    square = r * r
    return body.fma(r * square, body.polynomial(square, COEFFICIENTS[body.lanes.dtype]["sin"]), r)


def cos_of_reduced(body: Body, r: Value) -> Value:
    """cos r."""
    square = r * r
    series = body.polynomial(square, COEFFICIENTS[body.lanes.dtype]["cos"])
    return body.fma(square * square, series, body.fma(square, -0.5, 1.0))
