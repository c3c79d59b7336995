"""erf and erfc: a polynomial near 0; farther out exp(−a²) times a polynomial of (a − c)/(a + c), over a + c."""

from __future__ import annotations

from typing import Final

from backproof.kernels.llvm.vector_math_coefficients import COEFFICIENTS
from backproof.kernels.llvm.vector_math_exponential import HEADROOM, exp_of_minus_square
from backproof.kernels.llvm.vector_math_lanes import Body, DType, Value

VANISHING: Final[dict[DType, float]] = {"float32": 10.25, "float64": 27.5}
"""Above: erfc is 0, even as a subnormal."""


def erf_near_zero(body: Body, x: Value) -> Value:
    """erf x for |x| ≤ 1."""
    return body.fma(x, body.polynomial(x * x, COEFFICIENTS[body.lanes.dtype]["erf"]), x)


def erfc_tail(body: Body, magnitude: Value) -> Value:
    """erfc a for a ≥ ½; a subnormal result is rounded once."""
    table = COEFFICIENTS[body.lanes.dtype]
    (centre,) = table["erfc_centre"]
    a = body.at_most(VANISHING[body.lanes.dtype], magnitude)
    inverse = 1.0 / (a + centre)
    t = (a - centre) * inverse
    value = body.polynomial(t, table["erfc"]) * inverse
    return exp_of_minus_square(body, a) * value * 2.0 ** -HEADROOM[body.lanes.dtype]


def erf(body: Body) -> Value:
    """erf x: of |x|, with the sign of x."""
    a = body.absolute(body.x)
    result = body.select(a > 1.0, 1.0 - erfc_tail(body, a), erf_near_zero(body, a))
    return body.with_sign(result, body.sign_bit(body.x))


def erfc(body: Body) -> Value:
    """1 − erf x; 2 − erfc |x| below −½."""
    a = body.absolute(body.x)
    tail = erfc_tail(body, a)
    far = body.select(body.x < 0.0, 2.0 - tail, tail)
    return body.select(a > 0.5, far, 1.0 - erf_near_zero(body, body.x))
