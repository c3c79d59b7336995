"""erf and erfc: a polynomial near 0; farther out exp(−a²) times a polynomial of (a − c)/(a + c), over a + c."""

from __future__ import annotations

from typing import Final

from backproof.kernels.llvm.vector_math_coefficients import COEFFICIENTS
from backproof.kernels.llvm.vector_math_exponential import HEADROOM, times_exp_of_minus_square
from backproof.kernels.llvm.vector_math_lanes import Body, DType, Value

VANISHING: Final[dict[DType, float]] = {"float32": 10.25, "float64": 27.5}
"""Above: erfc is 0, even as a subnormal."""


def correction(body: Body, x: Value) -> Value:
    """erf(x)/x − 1 for |x| ≤ 1; small, so that x·(1 + it) is rounded little more than once."""
    return body.polynomial(body.fma(x, x, -0.5), COEFFICIENTS[body.lanes.dtype]["erf"])


def erfc_tail(body: Body, magnitude: Value) -> Value:
    """erfc a for a ≥ 1; a subnormal result is rounded once."""
    table = COEFFICIENTS[body.lanes.dtype]
    (centre,) = table["erfc_centre"]
    a = body.at_most(VANISHING[body.lanes.dtype], magnitude)
    t, inverse = moved(body, a, centre)
    scaled = times_exp_of_minus_square(body, body.polynomial(t, table["erfc"]) * inverse, a)
    return scaled * 2.0 ** -HEADROOM[body.lanes.dtype]


def moved(body: Body, a: Value, centre: float) -> tuple[Value, Value]:
    """(a − c)/(a + c) and 1/(a + c), both freed by their residuals from every rounding but their last."""
    total, difference = a + centre, a - centre  # the difference is exact, for c is a multiple of a great power of two
    lost = a - (total - centre)
    rough = 1.0 / total
    inverse = body.fma(rough, body.fma(rough, -lost, body.residual(rough, -total, 1.0)), rough)
    t = difference * inverse
    return body.fma(body.fma(t, -lost, body.residual(t, -total, difference)), inverse, t), inverse


def erf(body: Body) -> Value:
    """erf x: of |x|, with the sign of x."""
    a = body.absolute(body.x)
    near = body.fma(a, correction(body, a), a)
    result = body.select(a > 1.0, 1.0 - erfc_tail(body, a), near)
    return body.with_sign(result, body.sign_bit(body.x))


def erfc(body: Body) -> Value:
    """1 − erf x; 2 − erfc(−x) for negative x."""
    a = body.absolute(body.x)
    rest = 1.0 - a
    lost = (1.0 - rest) - a
    near = rest + body.fma(-a, correction(body, a), lost)
    value = body.select(a > 1.0, erfc_tail(body, a), near)
    return body.select(body.x < 0.0, 2.0 - value, value)
