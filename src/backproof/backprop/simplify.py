"""Simplification to the form that people write: constants and signs collected, products flat, nothing times one.

One pass from the leaves up: every node is put in normal form after its operands, so the work is linear in the tree.
A product is gathered into a rational coefficient, scalar factors above and below the line, and the factors of full
shape in the order in which they stood: ½ · 2 · (y − ŷ) · (−1) becomes (ŷ − y).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from math import prod
from typing import Any

from backproof.backprop.product import ONE, Product, product_of
from backproof.dims import SCALAR, Shape
from backproof.ir.expr import (
    Add,
    Broadcast,
    Const,
    Div,
    Expr,
    MatMul,
    Mul,
    Neg,
    Power,
    Sub,
    Sum,
    Transpose,
    Where,
    broadcast,
    size_of,
    zeros,
)
from backproof.ir.traverse import transform


def simplify(expr: Expr, known: Mapping[Expr, Expr] | None = None) -> Expr:
    """An equal expression in normal form.

    Args:
        expr: any expression.
        known: right-hand sides that have a name; where one occurs, its name is written instead.

    Example:
        >>> from backproof.ir.expr import Name
        >>> y, p = Name("y"), Name("p")
        >>> simplify(Fraction(1, 2) * (2 * (y - p)) * -1) == p - y
        True
    """

    def change(node: Expr) -> Expr:
        rule = NORMAL.get(type(node))
        result = rule(node) if rule else node
        return known.get(result, result) if known else result

    return transform(expr, change)


def _product(node: Expr) -> Expr:
    gathered = product_of(node)
    if gathered.coefficient < 0:
        _sign_into_difference(gathered)
    return gathered.expression()


def _sign_into_difference(gathered: Product) -> None:
    """−(a − b) c = (b − a) c; but the 1 − y of a derivative stays as people know it."""
    factors = gathered.factors
    for position, factor in enumerate(factors):
        if isinstance(factor, Sub) and (_value(factor.a) is None or len(factors) == 1):
            gathered.factors = []
            factors[position] = _sub(Sub(factor.b, factor.a))
            gathered.coefficient = -gathered.coefficient
            for each in factors:
                gathered.take(each)
            return


def _signed(expr: Expr) -> tuple[bool, Expr]:
    """Whether the expression is negative as written, and its opposite if so."""
    match expr:
        case Neg(x):
            return True, x
        case Const(value) if value < 0:
            return True, Const(-value)
        case Broadcast(Const(value), to) if value < 0:
            return True, Broadcast(Const(-value), to)
        case _:
            return False, expr


def _value(expr: Expr) -> Fraction | None:
    """The constant that the expression is, however it is broadcast; None where it is none."""
    match expr:
        case Const(value):
            return value
        case Broadcast(x):
            return _value(x)
        case _:
            return None


def _common_factor(node: Add | Sub) -> Expr | None:
    """(1/n) a − (1/n) b = (1/n) (a − b): a scalar other than a plain number, rows or columns that both sides share."""
    if node.shape == SCALAR:
        return None
    left, right = product_of(node.a), product_of(node.b)
    if not (left.factors and right.factors):
        return None
    scaled = bool(left.above or left.below)
    scalar, other = left.strip(), right.strip()
    if scalar != other:
        return None
    repeated = [factor for factor in left.factors if isinstance(factor, Broadcast) and factor in right.factors]
    if not (scaled or repeated):
        return None
    for factor in repeated:
        left.factors.remove(factor)
        right.factors.remove(factor)
    inside = type(node)(left.expression(), right.expression())
    rest = _sub(inside) if isinstance(inside, Sub) else _add(inside)
    return _product(scalar.expression() * reduce(lambda product, factor: factor * product, reversed(repeated), rest))


def _add(node: Add) -> Expr:
    a, b = node.a, node.b
    left, right = _value(a), _value(b)
    if left is not None and right is not None:
        return broadcast(Const(left + right), node.shape)
    if left == 0:
        return b
    if right == 0:
        return a
    if a == b:
        return _product(2 * a)
    factored = _common_factor(node)
    if factored is not None:
        return factored
    negative, opposite = _signed(b)
    if negative:
        return _sub(Sub(a, opposite))
    negative, opposite = _signed(a)
    return _sub(Sub(b, opposite)) if negative else node


def _sub(node: Sub) -> Expr:
    a, b = node.a, node.b
    left, right = _value(a), _value(b)
    if left is not None and right is not None:
        return broadcast(Const(left - right), node.shape)
    if right == 0:
        return a
    if left == 0:
        return _product(Neg(b))
    if a == b:
        return zeros(node.shape)
    factored = _common_factor(node)
    if factored is not None:
        return factored
    negative, opposite = _signed(b)
    return _add(Add(a, opposite)) if negative else node


def _power(node: Power) -> Expr:
    value = _value(node.x)
    if node.exponent == 1:
        return node.x
    if node.exponent == 0:
        return broadcast(Const(ONE), node.shape)
    if value is not None and node.exponent.denominator == 1 and abs(node.exponent) <= 64 and value != 0:
        return broadcast(Const(value ** int(node.exponent)), node.shape)
    return node


def _where(node: Where) -> Expr:
    return node.a if node.a == node.b else node


def _matmul(node: MatMul) -> Expr:
    left, right = product_of(node.a), product_of(node.b)
    if left.is_scalar:  # every row of the result is the same sum
        return _scaled(left.strip(), _broadcast(Broadcast(_sum(Sum(node.b, 0)), node.shape)))
    if right.is_scalar:
        return _scaled(right.strip(), _broadcast(Broadcast(_sum(Sum(node.a, 1)), node.shape)))
    scalar = product_of(left.strip().expression(), right.strip().expression())
    return node if scalar.is_one else _scaled(scalar, MatMul(left.expression(), right.expression()))


def _scaled(scalar: Product, expr: Expr) -> Expr:
    return _product(scalar.expression() * expr)


def _transpose(node: Transpose) -> Expr:
    match node.x:
        case Transpose(x):
            return x
        case x if x.shape == (1, 1):
            return x
        case Broadcast(x):
            return _broadcast(Broadcast(x if x.shape == SCALAR else _transpose(Transpose(x)), node.shape))
        case MatMul(Transpose() as a, b) | MatMul(a, Transpose() as b):
            return _matmul(MatMul(_transpose(Transpose(b)), _transpose(Transpose(a))))
        case x:
            gathered = product_of(x)
            scalar = gathered.strip()
            return node if scalar.is_one else _scaled(scalar, _transpose(Transpose(gathered.expression())))


def _sum(node: Sum) -> Expr:
    inner = node.x.shape
    if inner == node.shape:
        return node.x
    gathered = product_of(node.x)
    scalar = gathered.strip()
    if gathered.is_scalar:
        return _product(broadcast(_repetitions(SCALAR, node) * scalar.expression(), node.shape))
    if not scalar.is_one:
        return _scaled(scalar, _sum(Sum(gathered.expression(), node.axis)))
    match node.x:
        case Broadcast(x):
            once = _broadcast(Broadcast(_sum(Sum(x, node.axis)), node.shape))
            return _product(_repetitions(x.shape, node) * once)
        case _:
            return node


def _repetitions(small: Shape, node: Sum) -> Expr:
    """How often each entry of something of the small shape is added up in the sum."""
    rows, columns = small or (1, 1)
    axes = [axis for axis, size in enumerate((rows, columns)) if size == 1 and node.axis in (None, axis)]
    return prod((size_of(node.x.shape[axis]) for axis in axes), start=Const(ONE))


def _broadcast(node: Broadcast) -> Expr:
    match node.x:
        case x if x.shape == node.to:
            return x
        case Broadcast(x):
            return _broadcast(Broadcast(x, node.to))
        case x:
            gathered = product_of(x)
            scalar = gathered.strip()
            if gathered.is_scalar:
                return _product(broadcast(scalar.expression(), node.to))
            return node if scalar.is_one else _scaled(scalar, _broadcast(Broadcast(gathered.expression(), node.to)))


NORMAL: Mapping[type[Expr], Callable[[Any], Expr]] = {
    Add: _add,
    Sub: _sub,
    Mul: _product,
    Div: _product,
    Neg: _product,
    Power: _power,
    Where: _where,
    MatMul: _matmul,
    Transpose: _transpose,
    Sum: _sum,
    Broadcast: _broadcast,
}
"""How each class is put in normal form; a class without a row is left as it is."""
