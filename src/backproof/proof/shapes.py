"""Whether an expression is well formed: every operation has operands of shapes that fit."""

from __future__ import annotations

from backproof.dims import SCALAR, Shape, shape_text
from backproof.ir.expr import (
    Add,
    Broadcast,
    Div,
    Expr,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Softmax,
    Sub,
    Sum,
    Transpose,
    Where,
)
from backproof.ir.traverse import children, walk


def misfit(expr: Expr) -> str | None:
    """What is wrong with the shapes in the expression, in words; None where they fit.

    The operators of expressions refuse such trees; one that was put together from the classes may hold them.
    """
    for node in reversed(list(walk(expr))):
        shapes = [child.shape for child in children(node)]
        if not _fits(node, shapes):
            operands = " and ".join(shape_text(shape) for shape in shapes)
            return f"{type(node).__name__} of {operands}"
    return None


def _fits(node: Expr, shapes: list[Shape]) -> bool:
    match node:
        case Add() | Sub() | Mul() | Div() | Greater() | Where():
            return len(set(shapes)) == 1
        case MatMul():
            return SCALAR not in shapes and shapes[0][1] == shapes[1][0]
        case Transpose() | Sum() | Softmax() | LogSumExp():
            return shapes != [SCALAR]
        case Broadcast(x, to):
            return x.shape == SCALAR or (
                to != SCALAR and all(have in (1, want) for have, want in zip(x.shape, to, strict=True))
            )
        case _:
            return True
