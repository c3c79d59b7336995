"""Expressions: frozen trees over scalars and matrices; each class states its own shape rule.

Broadcasting is an explicit node, put in by the operators, so that every derivative rule is honest: the cotangent of
``a + b`` is ``(g, g)`` and the gradient of a bias is visibly a sum over the batch. Sharing happens by name only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from backproof.dims import SCALAR, Dim, Shape, Symbol, shape_text
from backproof.errors import ShapeError

Number = int | float | Fraction
Index = int | str
"""A component's index: a number from 1, or the name of an index variable."""


@dataclass(frozen=True, slots=True)
class Expr:
    """The base of all expressions; the operators put in broadcasts and check shapes."""

    @property
    def shape(self) -> Shape:
        raise NotImplementedError(type(self).__name__)

    @property
    def T(self) -> Expr:
        """The transpose."""
        return self if self.shape == SCALAR else Transpose(self)

    def __add__(self, other: Expr | Number) -> Expr:
        return Add(*aligned("+", self, other))

    def __radd__(self, other: Number) -> Expr:
        return Add(*aligned("+", other, self))

    def __sub__(self, other: Expr | Number) -> Expr:
        return Sub(*aligned("-", self, other))

    def __rsub__(self, other: Number) -> Expr:
        return Sub(*aligned("-", other, self))

    def __mul__(self, other: Expr | Number) -> Expr:
        return Mul(*aligned("*", self, other))

    def __rmul__(self, other: Number) -> Expr:
        return Mul(*aligned("*", other, self))

    def __truediv__(self, other: Expr | Number) -> Expr:
        return Div(*aligned("/", self, other))

    def __rtruediv__(self, other: Number) -> Expr:
        return Div(*aligned("/", other, self))

    def __pow__(self, exponent: Number) -> Expr:
        return Power(self, rational(exponent))

    def __neg__(self) -> Expr:
        return Neg(self)

    def __gt__(self, other: Expr | Number) -> Expr:
        return Greater(*aligned(">", self, other))

    def __matmul__(self, other: Expr) -> Expr:
        if self.shape == SCALAR or other.shape == SCALAR or self.shape[1] != other.shape[0]:
            raise ShapeError(
                f"cannot multiply {describe(self)} by {describe(other)}: "
                "the columns of the first must equal the rows of the second"
            )
        return MatMul(self, other)


# --- leaves -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Const(Expr):
    """An exact rational number."""

    value: Fraction

    @property
    def shape(self) -> Shape:
        return SCALAR


@dataclass(frozen=True, slots=True)
class Pi(Expr):
    """The number π."""

    @property
    def shape(self) -> Shape:
        return SCALAR


@dataclass(frozen=True, slots=True)
class Size(Expr):
    """The size of a symbolic dimension, as a scalar: the ``n`` in ``1/n``."""

    dim: Symbol

    @property
    def shape(self) -> Shape:
        return SCALAR


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A named quantity: an input, a parameter, or the left-hand side of an equation."""

    id: str
    of_shape: Shape = SCALAR

    @property
    def shape(self) -> Shape:
        return self.of_shape


@dataclass(frozen=True, slots=True)
class Component(Expr):
    """One entry of a named quantity, ``W[i, j]``; indices count from 1 and may be index variables."""

    base: Name
    row: Index
    column: Index

    @property
    def shape(self) -> Shape:
        return SCALAR


@dataclass(frozen=True, slots=True)
class Partial(Expr):
    """The symbol ∂a/∂b, for a scalar ``of``: the thing that a step gives a formula for."""

    of: Expr
    wrt: Expr

    @property
    def shape(self) -> Shape:
        return self.wrt.shape


# --- element by element -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Add(Expr):
    """a + b, equal shapes."""

    a: Expr
    b: Expr

    @property
    def shape(self) -> Shape:
        return self.a.shape


@dataclass(frozen=True, slots=True)
class Sub(Expr):
    """a − b, equal shapes."""

    a: Expr
    b: Expr

    @property
    def shape(self) -> Shape:
        return self.a.shape


@dataclass(frozen=True, slots=True)
class Mul(Expr):
    """a ∘ b, the element-wise (Hadamard) product, equal shapes."""

    a: Expr
    b: Expr

    @property
    def shape(self) -> Shape:
        return self.a.shape


@dataclass(frozen=True, slots=True)
class Div(Expr):
    """a / b element by element, equal shapes."""

    a: Expr
    b: Expr

    @property
    def shape(self) -> Shape:
        return self.a.shape


@dataclass(frozen=True, slots=True)
class Neg(Expr):
    """−x."""

    x: Expr

    @property
    def shape(self) -> Shape:
        return self.x.shape


@dataclass(frozen=True, slots=True)
class Power(Expr):
    """x^k element by element, for a rational constant k."""

    x: Expr
    exponent: Fraction

    @property
    def shape(self) -> Shape:
        return self.x.shape


@dataclass(frozen=True, slots=True)
class Greater(Expr):
    """[a > b]: 1 where a > b, otherwise 0; its derivative is 0 by convention."""

    a: Expr
    b: Expr

    @property
    def shape(self) -> Shape:
        return self.a.shape


@dataclass(frozen=True, slots=True)
class Where(Expr):
    """``a`` where the condition is 1, otherwise ``b``; equal shapes."""

    condition: Expr
    a: Expr
    b: Expr

    @property
    def shape(self) -> Shape:
        return self.a.shape


@dataclass(frozen=True, slots=True)
class Function:
    """An element-wise function as data.

    Args:
        name: how formulas and emitted sources call it.
        definition: the function of ``Name("x")`` in simpler functions; None for a primitive.
        derivative: an expression in ``Name("x")`` and, where people write it so, in the output ``Name("y")``;
            None where ``rules.elementwise.CYCLIC`` has it.
        stable: a form for floating point that neither overflows nor cancels; None where the definition is one.
        convention: what holds at a kink, in words, empty for a smooth function.
        source: where the definition comes from.
    """

    name: str
    definition: Expr | None = None
    derivative: Expr | None = field(default=None, compare=False)
    stable: Expr | None = field(default=None, compare=False)
    convention: str = field(default="", compare=False)
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Elementwise(Expr):
    """f(x) element by element."""

    fn: Function
    x: Expr

    @property
    def shape(self) -> Shape:
        return self.x.shape


# --- matrices ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MatMul(Expr):
    """The matrix product a · b."""

    a: Expr
    b: Expr

    @property
    def shape(self) -> Shape:
        return (self.a.shape[0], self.b.shape[1])


@dataclass(frozen=True, slots=True)
class Transpose(Expr):
    """xᵀ."""

    x: Expr

    @property
    def shape(self) -> Shape:
        rows, columns = self.x.shape
        return (columns, rows)


@dataclass(frozen=True, slots=True)
class Sum(Expr):
    """The sum of all entries (axis None, a scalar), down the rows (axis 0, 1×c) or along them (axis 1, r×1)."""

    x: Expr
    axis: int | None = None

    @property
    def shape(self) -> Shape:
        return reduced(self.x.shape, self.axis)


@dataclass(frozen=True, slots=True)
class Broadcast(Expr):
    """x repeated to a larger shape: a scalar, a row or a column."""

    x: Expr
    to: Shape

    @property
    def shape(self) -> Shape:
        return self.to


@dataclass(frozen=True, slots=True)
class Softmax(Expr):
    """exp(x) / Σ exp(x), along the rows (axis 1) or down the columns (axis 0)."""

    x: Expr
    axis: int

    @property
    def shape(self) -> Shape:
        return self.x.shape


@dataclass(frozen=True, slots=True)
class LogSumExp(Expr):
    """log Σ exp(x), along the rows (axis 1, r×1) or down the columns (axis 0, 1×c)."""

    x: Expr
    axis: int

    @property
    def shape(self) -> Shape:
        return reduced(self.x.shape, self.axis)


# --- index notation (the scalar view) ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SumOver(Expr):
    """Σ over an index variable from 1 to ``size`` of a scalar body."""

    variable: str
    size: Dim
    body: Expr

    @property
    def shape(self) -> Shape:
        return SCALAR


@dataclass(frozen=True, slots=True)
class Assembled(Expr):
    """The matrix whose entry (row, column) is the scalar ``body`` in those two index variables."""

    of_shape: Shape
    row: str
    column: str
    body: Expr

    @property
    def shape(self) -> Shape:
        return self.of_shape


# --- building ---------------------------------------------------------------------------------------------------


def rational(value: Number) -> Fraction:
    """The number as people wrote it: 0.1 is 1/10, not the nearest binary fraction."""
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def as_expr(value: Expr | Number) -> Expr:
    """The expression itself, or the constant."""
    return value if isinstance(value, Expr) else Const(rational(value))


def describe(expr: Expr) -> str:
    """A short name with the shape, for error messages."""
    label = expr.id if isinstance(expr, Name) else type(expr).__name__
    return f"{label} ({shape_text(expr.shape)})"


def reduced(shape: Shape, axis: int | None) -> Shape:
    """The shape after summing over the axis."""
    if axis is None or shape == SCALAR:
        return SCALAR
    return (1, shape[1]) if axis == 0 else (shape[0], 1)


def broadcast(x: Expr, shape: Shape) -> Expr:
    """x repeated to the shape; x itself where it already has it."""
    if x.shape == shape:
        return x
    if x.shape != SCALAR and (
        shape == SCALAR or any(have not in (1, want) for have, want in zip(x.shape, shape, strict=True))
    ):
        raise ShapeError(f"cannot repeat {describe(x)} to {shape_text(shape)}: only a dimension of 1 can be repeated")
    return Broadcast(x, shape)


def aligned(operator: str, a: Expr | Number, b: Expr | Number) -> tuple[Expr, Expr]:
    """Both operands in their common shape."""
    left, right = as_expr(a), as_expr(b)
    common = _common_shape(left.shape, right.shape)
    if common is None:
        raise ShapeError(
            f"{describe(left)} {operator} {describe(right)}: the shapes differ; "
            "they must be equal, or one of them a scalar, a row or a column of the other"
        )
    return broadcast(left, common), broadcast(right, common)


def _common_shape(a: Shape, b: Shape) -> Shape | None:
    if a in (SCALAR, b) or b == SCALAR:
        return a or b
    rows, columns = _common_dim(a[0], b[0]), _common_dim(a[1], b[1])
    return None if rows is None or columns is None else (rows, columns)


def _common_dim(a: Dim, b: Dim) -> Dim | None:
    if a == b or b == 1:
        return a
    return b if a == 1 else None


def total(x: Expr, axis: int | None = None) -> Expr:
    """The sum of the entries of x; x itself where it is a scalar."""
    return x if x.shape == SCALAR else Sum(x, axis)


def size_of(dim: Dim) -> Expr:
    """The size of a dimension as a scalar expression."""
    return Size(dim) if isinstance(dim, Symbol) else Const(Fraction(dim))


def count(shape: Shape) -> Expr:
    """The number of entries of a matrix, as a scalar expression."""
    if shape == SCALAR:
        return Const(Fraction(1))
    rows, columns = (size_of(dim) for dim in shape)
    match rows, columns:
        case Const(r), Const(c):
            return Const(r * c)
        case _, Const(c) if c == 1:
            return rows
        case Const(r), _ if r == 1:
            return columns
        case _:
            return rows * columns


def zeros(shape: Shape) -> Expr:
    """The zero of the shape."""
    return broadcast(Const(Fraction(0)), shape)


def ones(shape: Shape) -> Expr:
    """All ones, of the shape."""
    return broadcast(Const(Fraction(1)), shape)
