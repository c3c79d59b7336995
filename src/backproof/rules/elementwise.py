"""Element-wise functions: definition, derivative as people write it, stable form, convention at kinks, source.

A derivative may use the output ``y`` (σ' = y(1−y)). A function without a definition is a primitive: its value stands
in ``ir.arithmetic`` and its tangent in ``rules.jvp``. Everything else about a function follows from its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from backproof.errors import BackproofError, SpecificationError, suggestion
from backproof.ir.expr import Const, Elementwise, Expr, Function, Greater, Name, Number, Pi, rational
from backproof.ir.lift import lift, where

x: Expr = Name("x")
y: Expr = Name("y")
HALF = Fraction(1, 2)


def constant(value: Number) -> Expr:
    """The number as an expression."""
    return Const(rational(value))


ZERO, ONE, TWO = constant(0), constant(1), constant(2)

# --- primitives ---------------------------------------------------------------------------------------------------

exp = Function("exp", derivative=y)
log = Function("log", derivative=ONE / x)
erf = Function("erf", derivative=2 * Pi() ** -HALF * Elementwise(exp, -(x**2)))
sign = Function("sign", derivative=ZERO, convention="sign(0) = 0 and sign'(0) = 0")
sin = Function("sin")
cos = Function("cos")

CYCLIC: Mapping[str, Expr] = {"sin": Elementwise(cos, x), "cos": -Elementwise(sin, x)}
"""Derivatives of functions that need each other."""

# --- what floating point needs in order to compute the others well ------------------------------------------------

abs_ = Function("abs", x * Elementwise(sign, x), Elementwise(sign, x), convention="|x|' = 0 at x = 0")
expm1 = Function("expm1", Elementwise(exp, x) - 1, y + 1)
log1p = Function("log1p", Elementwise(log, 1 + x), 1 / (1 + x))
erfc = Function("erfc", 1 - Elementwise(erf, x), -2 * Pi() ** -HALF * Elementwise(exp, -(x**2)))
relu = Function(
    "relu",
    where(x > 0, x, ZERO),
    y > 0,
    convention="ReLU'(0) = 0",
    source="Nair & Hinton, Rectified linear units improve restricted Boltzmann machines (2010)",
)
negative_part = Function("negative_part", where(x > 0, ZERO, x), Greater(ZERO, x), convention="min(x, 0)' = 0 at 0")

# --- activations --------------------------------------------------------------------------------------------------

identity = Function("identity", x, ONE)
sigmoid = Function(
    "sigmoid",
    1 / (1 + Elementwise(exp, -x)),
    y * (1 - y),
    stable=Elementwise(exp, Elementwise(negative_part, x)) / (1 + Elementwise(exp, -Elementwise(abs_, x))),
)
tanh = Function(
    "tanh",
    (Elementwise(exp, x) - Elementwise(exp, -x)) / (Elementwise(exp, x) + Elementwise(exp, -x)),
    1 - y**2,
)
softplus = Function(
    "softplus",
    Elementwise(log, 1 + Elementwise(exp, x)),
    Elementwise(sigmoid, x),
    stable=Elementwise(relu, x) + Elementwise(log1p, Elementwise(exp, -Elementwise(abs_, x))),
    source="Dugas et al., Incorporating second-order functional knowledge (2001)",
)
silu = Function(
    "silu",
    x * Elementwise(sigmoid, x),
    Elementwise(sigmoid, x) + y * (1 - Elementwise(sigmoid, x)),
    source="Elfwing, Uchibe & Doya, Sigmoid-weighted linear units (2018)",
)
normal_pdf = Function("normal_pdf", TWO**-HALF * Pi() ** -HALF * Elementwise(exp, -(x**2) / 2), -x * y)
normal_cdf = Function(
    "normal_cdf",
    HALF * (1 + Elementwise(erf, TWO**-HALF * x)),
    Elementwise(normal_pdf, x),
    stable=HALF * Elementwise(erfc, -(TWO**-HALF) * x),
)
gelu = Function(
    "gelu",
    x * Elementwise(normal_cdf, x),
    Elementwise(normal_cdf, x) + x * Elementwise(normal_pdf, x),
    source="Hendrycks & Gimpel, Gaussian error linear units (2016); the exact form",
)


def _at_least_zero(what: str, value: Number) -> Expr:
    if value < 0:
        raise SpecificationError(f"{what} must be at least 0, got {value}; a function that folds back needs a formula")
    return constant(value)


def leaky_relu(slope: Number = 0.01) -> Function:
    """x for x > 0, otherwise slope · x, for a slope of at least 0: so the output tells which side it is on."""
    a = _at_least_zero("the slope of leaky_relu", slope)
    return Function(
        "leaky_relu",
        where(x > 0, x, a * x),
        where(y > 0, ONE, a),
        convention=f"the derivative of leaky ReLU at 0 is the left one, {slope}",
        source="Maas, Hannun & Ng, Rectifier nonlinearities (2013)",
    )


def elu(alpha: Number = 1) -> Function:
    """x for x > 0, otherwise α(eˣ − 1), for α of at least 0."""
    a = _at_least_zero("the alpha of elu", alpha)
    return Function(
        "elu",
        where(x > 0, x, a * (Elementwise(exp, x) - 1)),
        where(y > 0, ONE, y + a),
        stable=where(x > 0, x, a * Elementwise(expm1, Elementwise(negative_part, x))),
        convention="" if a == ONE else f"the derivative of ELU at 0 is the left one, {alpha}",
        source="Clevert, Unterthiner & Hochreiter, Exponential linear units (2016)",
    )


def huber(delta: Number = 1) -> Function:
    """½r² for |r| ≤ δ, otherwise δ(|r| − ½δ)."""
    d = constant(delta)
    outside = Elementwise(abs_, x) > d
    return Function(
        "huber",
        where(outside, d * (Elementwise(abs_, x) - HALF * d), HALF * x**2),
        where(outside, d * Elementwise(sign, x), x),
        source="Huber, Robust estimation of a location parameter (1964)",
    )


# --- further functions for formulas -------------------------------------------------------------------------------

sinh = Function(
    "sinh",
    (Elementwise(exp, x) - Elementwise(exp, -x)) / 2,
    (Elementwise(exp, x) + Elementwise(exp, -x)) / 2,
    stable=(Elementwise(expm1, x) - Elementwise(expm1, -x)) / 2,
)
cosh = Function("cosh", (Elementwise(exp, x) + Elementwise(exp, -x)) / 2, Elementwise(sinh, x))
tan = Function("tan", Elementwise(sin, x) / Elementwise(cos, x), 1 + y**2)
log_cosh = Function(
    "log_cosh",
    Elementwise(log, Elementwise(cosh, x)),
    Elementwise(tanh, x),
    stable=Elementwise(abs_, x)
    + Elementwise(log1p, Elementwise(exp, -2 * Elementwise(abs_, x)))
    - Elementwise(log, TWO),
)

ACTIVATIONS: Mapping[str, Callable[..., Function]] = {
    "sigmoid": lambda: sigmoid,
    "tanh": lambda: tanh,
    "relu": lambda: relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softplus": lambda: softplus,
    "silu": lambda: silu,
    "gelu": lambda: gelu,
    "identity": lambda: identity,
}
"""The activations that a network specification may name, by name."""

FUNCTIONS: Mapping[str, Function] = {
    fn.name: fn
    for fn in (
        exp, log, erf, sign, sin, cos, abs_, expm1, log1p, erfc, relu, negative_part, identity, sigmoid, tanh,
        softplus, silu, normal_pdf, normal_cdf, gelu, leaky_relu(), elu(), huber(), sinh, cosh, tan, log_cosh,
    )
}  # fmt: skip
"""Every built-in function, by name."""

_user_functions: dict[str, Function] = {}


def register(fn: Function) -> Function:
    """Make a user's function known by its name.

    Raises:
        SpecificationError: the name belongs to a built-in function.
    """
    if fn.name in FUNCTIONS or fn.name == "softmax":
        raise SpecificationError(f"{fn.name!r} is a built-in function; choose another name for yours")
    _user_functions[fn.name] = fn
    return fn


def known_functions() -> Mapping[str, Function]:
    """The built-in functions and those that users registered."""
    return {**FUNCTIONS, **_user_functions}


def activation_named(name: str) -> Function:
    """The activation function of that name.

    Raises:
        SpecificationError: no activation has this name; the nearest is suggested.
    """
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]()
    if name in _user_functions:
        return _user_functions[name]
    hint = suggestion(name, [*ACTIVATIONS, *_user_functions, "softmax"])
    raise SpecificationError(f"unknown activation {name!r}; {hint}")


def derivative(fn: Function, argument: Expr, output: Expr) -> Expr:
    """f'(argument), in terms of the output where the row says so.

    Example:
        >>> z, l = Name("z"), Name("l")
        >>> derivative(sigmoid, z, l) == l * (1 - l)
        True
    """
    return lift(derivative_formula(fn), {"x": argument, "y": output})


def derivative_formula(fn: Function) -> Expr:
    """The derivative in ``x`` and ``y``, as its row has it."""
    formula = fn.derivative if fn.derivative is not None else CYCLIC.get(fn.name)
    if formula is None:
        raise BackproofError(f"the function {fn.name!r} has no derivative in the tables")
    return formula
