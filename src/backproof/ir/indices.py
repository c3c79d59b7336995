"""Index variables replaced by numbers: one entry of an assembled matrix, the terms of a sum."""

from __future__ import annotations

from collections.abc import Mapping

from backproof.ir.expr import Assembled, Component, Expr, Index, Partial, SumOver
from backproof.ir.traverse import children, rebuilt


def at(expr: Expr, indices: Mapping[str, Index]) -> Expr:
    """The expression with its free index variables replaced.

    Args:
        indices: what to put for each variable: a number from 1, or another variable.

    Example:
        >>> from backproof.ir.expr import Name
        >>> at(Component(Name("W_1", (3, 2)), "i", "j"), {"i": 3, "j": 1})
        Component(base=Name(id='W_1', of_shape=(3, 2)), row=3, column=1)
    """
    match expr:
        case Component(base, row, column):
            return Component(base, _put(row, indices), _put(column, indices))
        case Partial(of, wrt):
            return Partial(at(of, indices), at(wrt, indices))
        case SumOver(variable, size, body):
            return SumOver(variable, size, at(body, _without(indices, variable)))
        case Assembled(shape, row, column, body):
            return Assembled(shape, row, column, at(body, _without(indices, row, column)))
        case _:
            return rebuilt(expr, tuple(at(child, indices) for child in children(expr)))


def _put(index: Index, indices: Mapping[str, Index]) -> Index:
    return indices.get(index, index) if isinstance(index, str) else index


def _without(indices: Mapping[str, Index], *bound: str) -> Mapping[str, Index]:
    """What remains free inside an expression that binds some variables itself."""
    return {variable: index for variable, index in indices.items() if variable not in bound}
