"""Lifting a formula over scalars to matrices: the same operations, with the broadcasts put in."""

from __future__ import annotations

from collections.abc import Mapping

from backproof.errors import BackproofError
from backproof.ir.expr import (
    Add,
    Const,
    Div,
    Elementwise,
    Expr,
    Greater,
    Mul,
    Name,
    Neg,
    Pi,
    Power,
    Sub,
    Where,
    aligned,
    broadcast,
)


def lift(formula: Expr, bindings: Mapping[str, Expr]) -> Expr:
    """The scalar formula with its names replaced by expressions of any one shape.

    Example:
        >>> x, X = Name("x"), Name("X", (2, 3))
        >>> lift(x * x, {"x": X}) == X * X
        True
    """

    def go(node: Expr) -> Expr:
        match node:
            case Name(id):
                return bindings[id]
            case Const() | Pi():
                return node
            case Add(a, b):
                return go(a) + go(b)
            case Sub(a, b):
                return go(a) - go(b)
            case Mul(a, b):
                return go(a) * go(b)
            case Div(a, b):
                return go(a) / go(b)
            case Neg(x):
                return -go(x)
            case Power(x, exponent):
                return Power(go(x), exponent)
            case Greater(a, b):
                return go(a) > go(b)
            case Where(condition, a, b):
                return where(go(condition), go(a), go(b))
            case Elementwise(fn, x):
                return Elementwise(fn, go(x))
            case _:
                raise BackproofError(f"{type(node).__name__} cannot stand in an element-wise formula")

    return go(formula)


def where(condition: Expr, a: Expr, b: Expr) -> Expr:
    """``a`` where the condition holds, otherwise ``b``, in the common shape of all three."""
    condition, a = aligned("where", condition, a)
    a, b = aligned("where", a, b)
    return Where(broadcast(condition, a.shape), a, b)
