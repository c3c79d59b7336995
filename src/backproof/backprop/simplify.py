"""Simplification to the form that people write: constants and signs collected, products flat, nothing times one.

One pass from the leaves up: every node is put in normal form after its operands, so the work is linear in the tree.
A product is gathered into a rational coefficient, scalar factors above and below the line, and the factors of full
shape in the order in which they stood: ½ · 2 · (y − ŷ) · (−1) becomes (ŷ − y).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import Any

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
    Size,
    Sub,
    Sum,
    Transpose,
    Where,
    broadcast,
    count,
    total,
    zeros,
)
from backproof.ir.traverse import transform

ONE = Fraction(1)


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


@dataclass(slots=True)
class Product:
    """coefficient · (scalars above / scalars below) · factors / divisors, all factors of one shape."""

    shape: Shape
    coefficient: Fraction = ONE
    above: list[Expr] = field(default_factory=list)
    below: list[Expr] = field(default_factory=list)
    factors: list[Expr] = field(default_factory=list)
    divisors: list[Expr] = field(default_factory=list)

    def take(self, expr: Expr, *, inverse: bool = False) -> None:
        """Multiply (or divide) the product by an expression of its shape, or by a scalar."""
        match expr:
            case Const(value) if value != 0 or not inverse:
                self.coefficient = self.coefficient / value if inverse else self.coefficient * value
            case Neg(x):
                self.coefficient = -self.coefficient
                self.take(x, inverse=inverse)
            case Mul(a, b):
                self.take(a, inverse=inverse)
                self.take(b, inverse=inverse)
            case Div(a, b):
                self.take(a, inverse=inverse)
                self.take(b, inverse=not inverse)
            case Broadcast(x) if x.shape == SCALAR:
                self.take(x, inverse=inverse)
            case _:
                self._take_factor(expr, inverse)

    def _take_factor(self, expr: Expr, inverse: bool) -> None:
        scalar = expr.shape == SCALAR and self.shape != SCALAR
        here, there = (self.below, self.above) if inverse else (self.above, self.below)
        if not scalar:
            here, there = (self.divisors, self.factors) if inverse else (self.factors, self.divisors)
        if expr in there:
            there.remove(expr)
        else:
            here.append(expr)

    def strip(self) -> Product:
        """The scalar part alone, taken off: what is left is the product of the factors."""
        scalar = Product(SCALAR, self.coefficient, factors=self.above, divisors=self.below)
        self.coefficient, self.above, self.below = ONE, [], []
        return scalar

    @property
    def is_one(self) -> bool:
        return self.coefficient == 1 and not (self.above or self.below or self.factors or self.divisors)

    def expression(self) -> Expr:
        """The product written out: coefficient first, a minus sign put into a difference where there is one."""
        if self.coefficient == 0:
            return zeros(self.shape)
        coefficient, factors = _sign_into_difference(self.coefficient, self.factors)
        negative, coefficient = coefficient < 0, abs(coefficient)
        below, divisors = self.below, self.divisors
        if self.shape == SCALAR:
            below = [divisor for divisor in divisors if isinstance(divisor, Size)]
            divisors = [divisor for divisor in divisors if not isinstance(divisor, Size)]
        scale = _scale(coefficient, self.above, below)
        result = broadcast(scale, self.shape) if not factors else _times(factors)
        if factors and scale != Const(ONE):
            result = scale * result
        if divisors:
            result = result / _times(divisors)
        return Neg(result) if negative else result


def _sign_into_difference(coefficient: Fraction, factors: list[Expr]) -> tuple[Fraction, list[Expr]]:
    if coefficient >= 0:
        return coefficient, factors
    for position, factor in enumerate(factors):
        if isinstance(factor, Sub):
            flipped = Sub(factor.b, factor.a)
            return -coefficient, [*factors[:position], flipped, *factors[position + 1 :]]
    return coefficient, factors


def _scale(number: Fraction, above: list[Expr], below: list[Expr]) -> Expr:
    """number · above / below, as one fraction and without ones."""
    if not above and not below:
        return Const(number)
    top = above if number.numerator == 1 and above else [Const(Fraction(number.numerator)), *above]
    bottom = below if number.denominator == 1 else [Const(Fraction(number.denominator)), *below]
    return _times(top) / _times(bottom) if bottom else _times(top)


def _times(factors: list[Expr]) -> Expr:
    return reduce(lambda a, b: a * b, factors)


def product_of(*factors: Expr, shape: Shape | None = None) -> Product:
    """The gathered product of the expressions."""
    gathered = Product(factors[0].shape if shape is None else shape)
    for factor in factors:
        gathered.take(factor)
    return gathered


def _product(node: Expr) -> Expr:
    return product_of(node).expression()


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


def _common_scalar(node: Add | Sub) -> Expr | None:
    """(1/n) a − (1/n) b = (1/n) (a − b): a scalar other than a plain number that both sides share."""
    if node.shape == SCALAR:
        return None
    left, right = product_of(node.a), product_of(node.b)
    if not (left.above or left.below) or not (left.factors and right.factors):
        return None
    scalar, other = left.strip(), right.strip()
    if scalar != other:
        return None
    inside = type(node)(left.expression(), right.expression())
    return _product(scalar.expression() * (_sub(inside) if isinstance(inside, Sub) else _add(inside)))


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
    factored = _common_scalar(node)
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
    factored = _common_scalar(node)
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
    if not (left.factors or left.divisors) or not (right.factors or right.divisors):
        return node
    scalar = product_of(left.strip().expression(), right.strip().expression())
    if scalar.is_one:
        return node
    return _product(scalar.expression() * MatMul(left.expression(), right.expression()))


def _transpose(node: Transpose) -> Expr:
    match node.x:
        case Transpose(x):
            return x
        case Broadcast(x):
            return broadcast(x.T, node.shape)
        case _:
            pass
    gathered = product_of(node.x)
    scalar = gathered.strip()
    return node if scalar.is_one else _product(scalar.expression() * Transpose(gathered.expression()))


def _sum(node: Sum) -> Expr:
    inner = node.x.shape
    if inner == node.shape:
        return node.x
    gathered = product_of(node.x)
    if not gathered.factors and not gathered.divisors:
        repeated = count(inner) if node.axis is None else count((inner[node.axis], 1))
        return broadcast(_product(repeated * gathered.strip().expression()), node.shape)
    scalar = gathered.strip()
    return node if scalar.is_one else _product(scalar.expression() * total(gathered.expression(), node.axis))


def _broadcast(node: Broadcast) -> Expr:
    match node.x:
        case Broadcast(x):
            return broadcast(x, node.to)
        case x if x.shape == node.to:
            return x
        case _:
            return node


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
