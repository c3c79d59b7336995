"""Reverse mode: the vector–Jacobian product of every operation, one row per class.

A row takes the node, the cotangent ``g`` = ∂L/∂(node) and an expression for the node's own value, and gives one
cotangent per operand, in the order of ``traverse.children``. None means that no gradient flows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from backproof.dims import SCALAR
from backproof.ir.expr import (
    Add,
    Broadcast,
    Div,
    Elementwise,
    Expr,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Neg,
    Power,
    Softmax,
    Sub,
    Sum,
    SumOver,
    Transpose,
    Where,
    broadcast,
    total,
    zeros,
)
from backproof.rules.elementwise import HALF, derivative

Cotangents = tuple[Expr | None, ...]
Vjp = Callable[[Any, Expr, Expr], Cotangents]


def _power(e: Power, g: Expr, y: Expr) -> Expr:
    """g · a xᵃ⁻¹; for a root, whose derivative people write in terms of the root itself, g / (2 y)."""
    return g / (2 * y) if e.exponent == HALF else g * (e.exponent * e.x ** (e.exponent - 1))


def unbroadcast(g: Expr, x: Expr) -> Expr:
    """The cotangent of a repeated operand: the sum over the repetitions."""
    if x.shape == SCALAR:
        return total(g)
    for axis in (0, 1):
        if x.shape[axis] == 1 and g.shape[axis] != 1:
            g = total(g, axis)
    return g


VJP: Mapping[type[Expr], Vjp] = {
    # element by element
    Add: lambda e, g, y: (g, g),
    Sub: lambda e, g, y: (g, -g),
    Mul: lambda e, g, y: (g * e.b, g * e.a),
    Div: lambda e, g, y: (g / e.b, -(g * y) / e.b),
    Neg: lambda e, g, y: (-g,),
    Power: lambda e, g, y: (_power(e, g, y),),
    Greater: lambda e, g, y: (None, None),
    Where: lambda e, g, y: (
        None,
        Where(e.condition, g, zeros(g.shape)),
        Where(e.condition, zeros(g.shape), g),
    ),
    Elementwise: lambda e, g, y: (g * derivative(e.fn, e.x, y),),
    # matrices
    MatMul: lambda e, g, y: (g @ e.b.T, e.a.T @ g),
    Transpose: lambda e, g, y: (g.T,),
    Sum: lambda e, g, y: (broadcast(g, e.x.shape),),
    Broadcast: lambda e, g, y: (unbroadcast(g, e.x),),
    Softmax: lambda e, g, y: (y * (g - total(g * y, e.axis)),),
    LogSumExp: lambda e, g, y: (g * Softmax(e.x, e.axis),),
    # index notation
    SumOver: lambda e, g, y: (g,),
}
