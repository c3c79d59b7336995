"""The functions that a formula may call, one row each: how many arguments, an axis or not, and what they build."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from backproof.dims import SCALAR, shape_text
from backproof.errors import ShapeError, SpecificationError, UnsupportedError
from backproof.ir.expr import (
    Const,
    Elementwise,
    Expr,
    Function,
    LogSumExp,
    MatMul,
    Power,
    Softmax,
    broadcast,
    count,
    describe,
    ones,
    size_of,
    total,
)
from backproof.ir.lift import where
from backproof.parsing.tokens import DECADES, OUT_OF_RANGE
from backproof.rules.elementwise import elu, huber, known_functions, leaky_relu, negative_part, relu

LARGEST_EXPONENT = 100
LARGEST_ROOT = 1_000

Build = Callable[..., Expr]
"""Takes the arguments, and after them the axis where the function has one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One function of the grammar.

    Args:
        build: makes the expression.
        least: the fewest arguments.
        most: the most arguments.
        default_axis: the axis where none is given, for a function with an axis.
        has_axis: whether the function takes ``axis=0`` or ``axis=1``.
        elementwise: whether it may stand in a formula over scalars.
        repeats: whether an argument is written more than once in what is built.
    """

    build: Build
    least: int = 1
    most: int = 1
    has_axis: bool = False
    default_axis: int | None = None
    elementwise: bool = True
    repeats: bool = False


def maximum(a: Expr, b: Expr) -> Expr:
    """max(a, b); against 0 it is ReLU, so that the convention at the kink is ReLU's."""
    if b == Const(Fraction(0)):
        return Elementwise(relu, a)
    if a == Const(Fraction(0)):
        return Elementwise(relu, b)
    return where(a > b, a, b)


def minimum(a: Expr, b: Expr) -> Expr:
    """min(a, b)."""
    if b == Const(Fraction(0)):
        return Elementwise(negative_part, a)
    if a == Const(Fraction(0)):
        return Elementwise(negative_part, b)
    return where(b > a, a, b)


def clip(x: Expr, low: Expr, high: Expr) -> Expr:
    """x, but at least ``low`` and at most ``high``."""
    return where(x > high, high, where(low > x, low, x))


def power(x: Expr, exponent: Fraction) -> Expr:
    """x to a rational power; at once where x is a number and the result is one."""
    if abs(exponent) > LARGEST_EXPONENT or exponent.denominator > LARGEST_ROOT:
        raise SpecificationError(
            f"the exponent is too large; it must lie between -{LARGEST_EXPONENT} and {LARGEST_EXPONENT}, "
            f"with a denominator of at most {LARGEST_ROOT:,}"
        )
    if isinstance(x, Const):
        return _number_to_the(x.value, exponent)
    if exponent == 0:
        return ones(x.shape)
    return x if exponent == 1 else Power(x, exponent)


def _number_to_the(base: Fraction, exponent: Fraction) -> Expr:
    if base == 0 and exponent < 0:
        raise SpecificationError("division by zero")
    if base < 0 and exponent.denominator != 1:
        raise SpecificationError("a root of a negative number is not real")
    decades = abs(math.log10(abs(base.numerator)) - math.log10(base.denominator)) if base else 0
    if decades * abs(exponent) > DECADES:
        raise SpecificationError(f"the number {OUT_OF_RANGE}")
    if exponent.denominator == 1:
        return Const(base ** int(exponent))
    return Const(base) if base in (0, 1) else Power(Const(base), exponent)


def mean(x: Expr, axis: int | None) -> Expr:
    """The mean of all entries, or along an axis."""
    if x.shape == SCALAR:
        return x
    number = count(x.shape) if axis is None else size_of(x.shape[axis])
    return total(x, axis) if number == Const(Fraction(1)) else (1 / number) * total(x, axis)


def softmax(x: Expr, axis: int) -> Expr:
    """softmax(x) along the axis."""
    return Softmax(_matrix("softmax", x), axis)


def logsumexp(x: Expr, axis: int) -> Expr:
    """log Σ exp(x) along the axis."""
    return LogSumExp(_matrix("logsumexp", x), axis)


def log_softmax(x: Expr, axis: int) -> Expr:
    """log softmax(x) = x − log Σ exp(x)."""
    return x - broadcast(logsumexp(x, axis), x.shape)


def dot(a: Expr, b: Expr) -> Expr:
    """Σ aᵢ bᵢ for two quantities of one shape."""
    if a.shape != b.shape:
        raise ShapeError(f"dot needs two quantities of one shape, got {describe(a)} and {describe(b)}")
    return total(a * b)


def norm(x: Expr) -> Expr:
    """The Euclidean (Frobenius) norm."""
    return Power(total(Power(x, Fraction(2))), Fraction(1, 2))


def trace(x: Expr) -> Expr:
    """tr(A·B) = Σ A ∘ Bᵀ; the trace of anything but a product would need an identity matrix."""
    if x.shape == SCALAR:
        return x
    if x.shape[0] != x.shape[1]:
        raise ShapeError(f"trace needs a square matrix, got {shape_text(x.shape)}")
    if isinstance(x, MatMul):
        return total(x.a * x.b.T)
    raise UnsupportedError("the trace of anything but a matrix product is not supported yet; write trace(A @ B)")


def _matrix(function: str, x: Expr) -> Expr:
    if x.shape == SCALAR:
        raise ShapeError(f"{function} needs a matrix, got a scalar")
    return x


def elementwise(fn: Function) -> Row:
    """The row of a function of the tables."""
    return Row(lambda x: Elementwise(fn, x))


def with_parameter(family: Callable[[Fraction], Function], default: Function) -> Row:
    """The row of a family of functions, whose parameter may be given as a second argument."""

    def build(x: Expr, parameter: Expr | None = None) -> Expr:
        if parameter is None:
            return Elementwise(default, x)
        if not isinstance(parameter, Const) or parameter.value <= 0:
            raise SpecificationError(f"the second argument of {default.name} must be a number above 0")
        return Elementwise(family(parameter.value), x)

    return Row(build, most=2)


GRAMMAR: Mapping[str, Row] = {
    # element by element
    "sqrt": Row(lambda x: power(x, Fraction(1, 2))),
    "square": Row(lambda x: power(x, Fraction(2))),
    "max": Row(maximum, least=2, most=2, repeats=True),
    "min": Row(minimum, least=2, most=2, repeats=True),
    "clip": Row(clip, least=3, most=3, repeats=True),
    "where": Row(where, least=3, most=3),
    "leaky_relu": with_parameter(leaky_relu, leaky_relu()),
    "elu": with_parameter(elu, elu()),
    "huber": with_parameter(huber, huber()),
    # matrices
    "sum": Row(total, has_axis=True, elementwise=False),
    "mean": Row(mean, has_axis=True, elementwise=False),
    "softmax": Row(softmax, has_axis=True, default_axis=1, elementwise=False),
    "log_softmax": Row(log_softmax, has_axis=True, default_axis=1, elementwise=False, repeats=True),
    "logsumexp": Row(logsumexp, has_axis=True, default_axis=1, elementwise=False),
    "transpose": Row(lambda x: x.T, elementwise=False),
    "dot": Row(dot, least=2, most=2, elementwise=False),
    "norm": Row(norm, elementwise=False),
    "trace": Row(trace, elementwise=False),
}
"""The functions beyond those of ``rules.elementwise``."""

ALIASES: Mapping[str, str] = {"sigma": "sigmoid", "ln": "log", "maximum": "max", "minimum": "min"}

NOT_YET = frozenset(
    {
        "acos", "argmax", "argmin", "asin", "atan", "cholesky", "conv", "cumsum", "det", "diag", "eig", "gamma", "inv",
        "inverse", "kron", "logdet", "outer", "prod", "qr", "solve", "std", "svd", "var",
    }
)  # fmt: skip
"""Functions that mean something, but that the expressions cannot say yet."""

HINTS: Mapping[str, str] = {
    "norm2": "write sum(x^2) for the squared norm, norm(x) for the norm",
    "pow": "write x^2",
    "power": "write x^2",
    "matmul": "write A @ B",
    "heaviside": "write x > 0",
    "step": "write x > 0",
    "swish": "silu is its name here",
    "logistic": "sigmoid is its name here",
    "average": "mean is its name here",
}
"""What to write instead of a function that goes by another name."""


def function_rows() -> Mapping[str, Row]:
    """Every function that a formula may call now, those that users registered included."""
    return {**{name: elementwise(fn) for name, fn in known_functions().items()}, **GRAMMAR}


def reserved_words() -> frozenset[str]:
    """Names that formulas take for themselves."""
    return frozenset({*GRAMMAR, *ALIASES, *NOT_YET, "pi", "input", "parameter"})
