"""What the operators of a formula build: exact arithmetic of numbers, checked shapes, everything within bounds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from backproof.dims import SCALAR, shape_text
from backproof.errors import FormulaError, ShapeError, SpecificationError, UnsupportedError
from backproof.ir.expr import Broadcast, Const, Expr, Greater, Mul, Name, Neg, Sub, Transpose, describe
from backproof.ir.traverse import node_count
from backproof.parsing.functions import Row, power
from backproof.parsing.tokens import Source, Token, complaint

DEEPEST_TREE = 50
MOST_NODES = 2_000
READABLE_DEPTH = 12
"""A deeper part of an equation gets a name of its own, where the formula may have several equations."""

ONE = Const(Fraction(1))
ZERO = Const(Fraction(0))

EXACT: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    ".": operator.mul,
    "/": operator.truediv,
}
"""The arithmetic of two numbers."""

OPERATORS: Mapping[str, Callable[[Expr, Expr], Expr]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    ">": lambda a, b: a > b,
    "<": lambda a, b: b > a,
    # Exact, ties included: the indicator of the opposite, taken from one.
    ">=": lambda a, b: 1 - (b > a),
    "<=": lambda a, b: 1 - (a > b),
}
"""What each element-wise operator builds."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A parsed part of a formula: what it is, where it starts, how deep and how large it is."""

    expr: Expr
    position: int
    depth: int = 0
    nodes: int = 1


@dataclass(frozen=True, slots=True)
class Scope:
    """What a formula may use.

    Args:
        names: what each name stands for.
        elementwise: whether everything is a scalar, to be applied element by element.
        defining: the name that the formula defines, which it may not use itself.
        later: names that are defined after this formula.
        intermediate: gives a name to a part that grows too deep; None where the formula must be one expression.
    """

    names: Mapping[str, Expr]
    elementwise: bool = False
    defining: str | None = None
    later: frozenset[str] = frozenset()
    intermediate: Callable[[Expr], Name] | None = None


class Builder:
    """Builds expressions for one formula; errors point at the sign that asked for them."""

    def __init__(self, source: Source, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.named_conditions: set[Expr] = set()

    def binary(self, sign: Token, a: Operand, b: Operand) -> Operand:
        """Two operands joined by an operator."""
        if isinstance(a.expr, Const) and isinstance(b.expr, Const) and sign.text in EXACT:
            return self._number(sign, a, b)
        if sign.text in ("==", "!="):
            raise self.source.error(f"'{sign.text}' is not supported; compare with > or <", sign.position)
        if sign.text == "/" and b.expr == ZERO:
            raise self.source.error("division by zero", sign.position)
        scaling = sign.text == "." and SCALAR in (a.expr.shape, b.expr.shape)
        if sign.text in ("@", ".") and not scaling:
            return self._product(sign, a, b)
        return self._made(sign, OPERATORS["*" if scaling else sign.text], a, b, spreads=True)

    def _number(self, sign: Token, a: Operand, b: Operand) -> Operand:
        left, right = a.expr, b.expr
        if not (isinstance(left, Const) and isinstance(right, Const)):
            raise TypeError(f"{left} and {right} are not both numbers")
        if sign.text == "/" and right.value == 0:
            raise self.source.error("division by zero", sign.position)
        return self._made(sign, lambda *_: Const(EXACT[sign.text](left.value, right.value)), a, b)

    def _product(self, sign: Token, a: Operand, b: Operand) -> Operand:
        if self.scope.elementwise:
            raise self.matrices_only("the matrix product", sign)
        if SCALAR in (a.expr.shape, b.expr.shape):
            scalar = describe(a.expr if a.expr.shape == SCALAR else b.expr)
            place = self.source.place(sign.position)
            raise ShapeError(f"@ multiplies two matrices, but {scalar} is none; scale with *{place}")
        return self._made(sign, operator.matmul, a, b)

    def negative(self, sign: Token, x: Operand) -> Operand:
        """−x."""
        match x.expr:
            case Const(value):
                return Operand(Const(-value), sign.position)
            case Neg(inner):
                return Operand(inner, sign.position, x.depth - 1, x.nodes - 1)
            case _:
                return self._made(sign, operator.neg, x)

    def transposed(self, sign: Token, x: Operand) -> Operand:
        """xᵀ; the transpose of a transpose is the matrix itself."""
        if self.scope.elementwise:
            raise self.matrices_only("the transpose", sign)
        match x.expr:
            case Transpose(inner):
                return Operand(inner, x.position, x.depth - 1, x.nodes - 1)
            case _:
                return self._made(sign, lambda expr: expr.T, x)

    def power(self, sign: Token, base: Operand, exponent: Operand) -> Operand:
        """The base to a constant exponent."""
        match exponent.expr:
            case Const(value):
                return self._made(sign, lambda x: power(x, value), base)
            case _:
                raise self.source.error(
                    "the exponent must be a number, such as x^2 or x^(1/2); "
                    "write exp(b*log(a)) for a power a^b of two quantities",
                    exponent.position,
                )

    def call(self, token: Token, row: Row, arguments: list[Operand], axis: int | None) -> Operand:
        """A function applied to its arguments."""
        if row.repeats:
            arguments = [self._nameable(argument, deepest=0) for argument in arguments]
        if row.has_axis:
            return self._made(token, lambda *given: row.build(*given, axis), *arguments, repeats=row.repeats)
        spreads = row.elementwise and len(arguments) > 1
        return self._made(token, row.build, *arguments, repeats=row.repeats, spreads=spreads)

    def conditional(self, arguments: list[Operand]) -> list[Operand]:
        """The arguments of ``where``, the condition checked and without a "not"."""
        condition, a, b = arguments
        if not self._is_condition(condition.expr):
            raise self.source.error(
                "the first argument of where must be a comparison, such as x > 0", condition.position
            )
        match condition.expr:
            case Sub(_, Greater() as opposite):
                # where(a >= b, p, q) is where(b > a, q, p).
                return [Operand(opposite, condition.position, condition.depth, condition.nodes), b, a]
            case _:
                return arguments

    def _is_condition(self, expr: Expr) -> bool:
        match expr:
            case Greater():
                return True
            case Broadcast(x):
                return self._is_condition(x)
            case Mul(a, b):
                return self._is_condition(a) and self._is_condition(b)
            case Sub(Const() | Broadcast(Const()) as a, b):
                one = a.x if isinstance(a, Broadcast) else a
                return one == ONE and self._is_condition(b)
            case _:
                return expr in self.named_conditions

    def matrices_only(self, what: str, token: Token) -> FormulaError:
        """The error for an operation that a formula over scalars cannot have."""
        message = f"{what} is for matrices; this formula is applied to one number at a time"
        return self.source.error(message, token.position)

    # --- within bounds --------------------------------------------------------------------------------------------

    def _made(
        self,
        sign: Token,
        build: Callable[..., Expr],
        *operands: Operand,
        repeats: bool = False,
        spreads: bool = False,
    ) -> Operand:
        """What ``build`` makes of the operands; ``spreads`` where they are repeated to a common shape."""
        operands = tuple(self._nameable(operand, READABLE_DEPTH - 1) for operand in operands)
        shapes = [operand.expr.shape for operand in operands]
        try:
            expr = build(*(operand.expr for operand in operands))
            if spreads and expr.shape not in shapes:
                both = " and ".join(describe(o.expr) for o in operands if o.expr.shape != SCALAR)
                raise ShapeError(f"{both} would be repeated to {shape_text(expr.shape)}; transpose one of them")
        except (ShapeError, UnsupportedError) as error:
            raise type(error)(f"{error}{self.source.place(sign.position)}") from None
        except SpecificationError as error:
            raise self.source.error(str(error), sign.position) from None
        if isinstance(expr, Const):
            return self._constant(sign, expr, operands[0].position)
        depth = 1 + max(operand.depth for operand in operands)
        nodes = node_count(expr) if repeats else 1 + sum(operand.nodes for operand in operands)
        self._check_size(sign, depth, nodes)
        return Operand(expr, operands[0].position, depth, nodes)

    def _constant(self, sign: Token, expr: Const, position: int) -> Operand:
        if wrong := complaint(expr.value):
            raise self.source.error(f"the number {wrong}", sign.position)
        return Operand(expr, position)

    def _check_size(self, sign: Token, depth: int, nodes: int) -> None:
        if depth > DEEPEST_TREE:
            message = f"the formula is more than {DEEPEST_TREE} operations deep; define a part of it first"
            raise self.source.error(message, sign.position)
        if nodes > MOST_NODES:
            message = f"the formula grows to more than {MOST_NODES:,} operations; define a part of it first"
            raise self.source.error(message, sign.position)

    def _nameable(self, operand: Operand, deepest: int) -> Operand:
        """The operand itself, or a name for it where it is deeper than that and a name can be given."""
        if self.scope.intermediate is None or operand.depth <= deepest:
            return operand
        name = self.scope.intermediate(operand.expr)
        if self._is_condition(operand.expr):
            self.named_conditions.add(name)
        return Operand(name, operand.position)
