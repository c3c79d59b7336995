"""A product gathered: a rational coefficient, scalars above and below the line, factors and divisors of one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce

from backproof.dims import SCALAR, Shape
from backproof.ir.expr import Broadcast, Const, Div, Expr, Mul, Neg, Size, broadcast, zeros

ONE = Fraction(1)


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
        """Whether nothing is multiplied."""
        return self.coefficient == 1 and not (self.above or self.below) and self.is_scalar

    @property
    def is_scalar(self) -> bool:
        """Whether there is no factor of full shape: one number, however often it is repeated."""
        return not (self.factors or self.divisors)

    def expression(self) -> Expr:
        """The product written out, coefficient first."""
        if self.coefficient == 0:
            return zeros(self.shape)
        if self.is_scalar and not (self.above or self.below):
            return broadcast(Const(self.coefficient), self.shape)
        size = abs(self.coefficient)
        if self.shape == SCALAR:
            result = _scalar(size, self.factors, self.divisors)
        else:
            scale = Product(SCALAR, size, factors=self.above, divisors=self.below)
            result = self._scaled(scale)
        return Neg(result) if self.coefficient < 0 else result

    def _scaled(self, scale: Product) -> Expr:
        if not self.factors:
            result = broadcast(scale.expression(), self.shape)
        else:
            product = _times(self.factors)
            result = product if scale.is_one else scale.expression() * product
        return result / _times(self.divisors) if self.divisors else result


def product_of(*factors: Expr, shape: Shape | None = None) -> Product:
    """The gathered product of the expressions."""
    gathered = Product(factors[0].shape if shape is None else shape)
    for factor in factors:
        gathered.take(factor)
    return gathered


def _scalar(coefficient: Fraction, factors: list[Expr], divisors: list[Expr]) -> Expr:
    """A product of scalars: numbers and sizes as one fraction in front, as in 1/n · Σ."""
    above, below = Const(Fraction(coefficient.numerator)), [Const(Fraction(coefficient.denominator))]
    sizes = [divisor for divisor in divisors if isinstance(divisor, Size)]
    others = [divisor for divisor in divisors if not isinstance(divisor, Size)]
    if not factors:
        return _quotient(above, [*below, *sizes, *others])
    scale = Const(coefficient) if not sizes else _quotient(above, [*below, *sizes])
    result = _times(factors) if scale == Const(ONE) else scale * _times(factors)
    return result / _times(others) if others else result


def _quotient(above: Expr, below: list[Expr]) -> Expr:
    """above / below, without factors of one below the line."""
    return above / _times([divisor for divisor in below if divisor != Const(ONE)])


def _times(factors: list[Expr]) -> Expr:
    return reduce(lambda a, b: a * b, factors)
