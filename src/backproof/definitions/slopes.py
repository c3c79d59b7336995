"""The derivative of a formula in one variable, by the rule tables; nothing is differentiated anywhere else."""

from __future__ import annotations

from backproof.backprop.simplify import simplify
from backproof.ir.expr import Const, Elementwise, Expr, Name, Pi
from backproof.ir.traverse import children
from backproof.rules.elementwise import ONE, ZERO, derivative
from backproof.rules.jvp import JVP


def slope(formula: Expr) -> Expr:
    """df/dx of a scalar formula in ``Name("x")``, simplified.

    Operations go by their rows in the table of tangents, whose ``where`` keeps the branches apart; element-wise
    functions go by the derivative that people write for them (σ' = σ(1−σ)).

    Example:
        >>> x = Name("x")
        >>> slope(x * x) == 2 * x
        True
    """
    tangent = _tangent(formula)
    return ZERO if tangent is None else simplify(tangent)


def _tangent(node: Expr) -> Expr | None:
    match node:
        case Name():
            return ONE
        case Const() | Pi():
            return None
        case Elementwise(fn, argument):
            inner = _tangent(argument)
            return None if inner is None else derivative(fn, argument, node) * inner
        case _:
            return JVP[type(node)](node, *(_tangent(child) for child in children(node)))
