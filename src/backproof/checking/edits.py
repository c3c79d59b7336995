"""Edits of expressions as people make them: a part replaced, dropped or exchanged, with the shapes that NumPy gives.

An edited expression is computed as NumPy would compute it, where small operands repeat by themselves; so its shape
may differ from the right one, and whether it has one at all is found without computing it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

import numpy as np

from backproof.dims import SCALAR, concrete
from backproof.errors import ShapeError
from backproof.ir.expr import (
    Add,
    Assembled,
    Broadcast,
    Div,
    Expr,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Neg,
    Softmax,
    Sub,
    Sum,
    Transpose,
    Where,
)
from backproof.ir.traverse import children, rebuilt, transform

Path = tuple[int, ...]
"""Where a node stands: the number of the operand to take at each node from the root."""


def sites(expr: Expr, path: Path = ()) -> Iterator[tuple[Path, Expr]]:
    """Every node with its place, the root first."""
    yield path, expr
    for number, child in enumerate(children(expr)):
        yield from sites(child, (*path, number))


def put(expr: Expr, path: Path, new: Expr) -> Expr:
    """The expression with the node at the place replaced.

    Example:
        >>> from backproof.ir.expr import Name
        >>> l = Name("l", (4, 2))
        >>> put(l * l, (1,), l + l) == l * (l + l)
        True
    """
    if not path:
        return new
    operands = list(children(expr))
    operands[path[0]] = put(operands[path[0]], path[1:], new)
    return rebuilt(expr, tuple(operands))


def put_everywhere(expr: Expr, old: Expr, new: Expr) -> Expr:
    """The expression with every occurrence of a part replaced."""
    return transform(expr, lambda node: new if node == old else node)


def factors(expr: Expr) -> tuple[Expr, ...]:
    """The factors of an entry-by-entry product, in the order in which they stand.

    Example:
        >>> from backproof.ir.expr import Name
        >>> l = Name("l", (4, 2))
        >>> len(factors(l * l * (1 - l)))
        3
    """
    match expr:
        case Mul(a, b):
            return (*factors(a), *factors(b))
        case Neg(x):
            return factors(x)
        case _:
            return (expr,)


def product(parts: tuple[Expr, ...]) -> Expr:
    """The entry-by-entry product of the parts, at least one."""
    whole = parts[0]
    for part in parts[1:]:
        whole = Mul(whole, part)
    return whole


def without(expr: Expr, parts: tuple[Expr, ...]) -> Expr | None:
    """The entry-by-entry product without those factors; None where nothing is left of it.

    Example:
        >>> from backproof.ir.expr import Name
        >>> l, d = Name("l", (4, 2)), Name("d", (4, 2))
        >>> without(d * l * (1 - l), factors(l * (1 - l))) == d
        True
    """
    match expr:
        case Mul(a, b):
            left, right = without(a, parts), without(b, parts)
            if left is None or right is None:
                return left if right is None else right
            return Mul(left, right)
        case Neg(x):
            inner = without(x, parts)
            return None if inner is None else Neg(inner)
        case _:
            return None if expr in parts else expr


def terms(expr: Expr) -> Iterator[tuple[Path, Expr]]:
    """The terms of a sum or difference at the root, with their places; nothing where the root is neither."""
    if isinstance(expr, Add | Sub):
        for number, term in enumerate(children(expr)):
            inner = list(terms(term))
            yield from (((number, *path), node) for path, node in inner) if inner else [((number,), term)]


# --- as NumPy computes it -----------------------------------------------------------------------------------------

_ENTRY_BY_ENTRY = (Add, Sub, Mul, Div, Greater, Where)


def as_numpy(expr: Expr) -> Expr:
    """The expression without the repetitions that NumPy makes by itself, so that edited operands repeat as there."""

    def change(node: Expr) -> Expr:
        if not isinstance(node, _ENTRY_BY_ENTRY):
            return node
        operands = children(node)
        # Where every operand is repeated, one keeps its repetition: a sum around it counts the entries.
        kept = operands[0] if all(isinstance(operand, Broadcast) for operand in operands) else None
        plain = (o.x if isinstance(o, Broadcast) and o is not kept else o for o in operands)
        return rebuilt(node, tuple(plain))

    return transform(expr, change)


def numpy_shape(expr: Expr, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape that NumPy gives the expression, for given sizes; None where it would raise.

    Args:
        expr: made by ``as_numpy``.
        sizes: of the symbolic dimensions.

    Example:
        >>> from backproof.ir.expr import Name
        >>> numpy_shape(Mul(Name("a", (4, 1)), Name("b", (1, 4))), {})
        (4, 4)
    """
    shapes: list[tuple[int, ...]] = []
    for child in children(expr):
        shape = numpy_shape(child, sizes)
        if shape is None:
            return None
        shapes.append(shape)
    return _shape(expr, shapes, sizes)


def _shape(expr: Expr, shapes: list[tuple[int, ...]], sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    match expr:
        case MatMul():
            a, b = shapes
            return (a[0], b[1]) if len(a) == len(b) == 2 and a[1] == b[0] else None
        case Transpose():
            return shapes[0][::-1]
        case Sum(_, axis) | LogSumExp(_, axis):
            return _summed(shapes[0], axis)
        case Broadcast(_, to):
            try:
                wanted = concrete(to, sizes)
                return wanted if np.broadcast_shapes(shapes[0], wanted) == wanted else None
            except (ShapeError, ValueError):
                return None
        case Assembled():
            return concrete(expr.shape, sizes)
        case Softmax():
            return shapes[0] if len(shapes[0]) == 2 else None
        case _ if shapes:
            try:
                return np.broadcast_shapes(*shapes)
            except ValueError:
                return None
        case _:
            return concrete(expr.shape, sizes)


def _summed(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...] | None:
    if axis is None:
        return ()
    if shape == SCALAR:
        return None
    return (1, shape[1]) if axis == 0 else (shape[0], 1)


# --- dropping and exchanging --------------------------------------------------------------------------------------


def operands_exchanged(node: Expr) -> Expr:
    """The binary operation with its operands exchanged."""
    a, b = (f.name for f in fields(node) if f.type == "Expr")
    return replace(node, **{a: getattr(node, b), b: getattr(node, a)})
