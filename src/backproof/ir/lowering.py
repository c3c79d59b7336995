"""Expressions lowered to array operations of the kind that NumPy has, in which small operands repeat by themselves.

What runs and in which order is decided here once, for the kernels and for the emitted sources alike: that is why the
two give the same numbers bit for bit. A broadcast disappears where the operation above it repeats its operand anyway,
and is carried out where it does not (in a sum, a matrix product, or as a quantity of its own).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from backproof.dims import SCALAR, Dim, Shape, Symbol
from backproof.errors import BackproofError, UnsupportedError
from backproof.ir.expr import (
    Add,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Function,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Neg,
    Pi,
    Power,
    Size,
    Softmax,
    Sub,
    Sum,
    Transpose,
    Where,
)

Kind = Literal[
    "number", "pi", "size", "read", "entry",
    "add", "subtract", "multiply", "divide", "negate", "power", "scalar_power", "sqrt",
    "greater", "indicator", "nonzero", "where", "apply",
    "matmul", "transpose", "sum", "softmax", "logsumexp", "repeat", "fill",
]  # fmt: skip
Detail = None | int | str | Fraction | Symbol | Function | Shape

HALF = Fraction(1, 2)
EXACT_INTEGERS = 2**53
"""Whole numbers up to this are exact in float64."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One array operation.

    Args:
        kind: which; each target has a table with a row for every kind.
        operands: what it acts on.
        shape: the shape of its result before it is repeated: a row may stand for a whole matrix.
        detail: the number, identifier, exponent, axis, function, dimension, entry or target shape.
        static: whether numbers and sizes alone determine it, so that it is one number known before any data.
    """

    kind: Kind
    operands: tuple[Operation, ...] = ()
    shape: Shape = SCALAR
    detail: Detail = None
    static: bool = False


def lower(expr: Expr) -> Operation:
    """The expression as array operations, the result in its full shape.

    Raises:
        UnsupportedError: index notation, which belongs to the scalar view and is not computed.

    Example:
        >>> l = Name("l", (4, 2))
        >>> operation = lower(1 - l)
        >>> operation.kind, [operand.kind for operand in operation.operands]
        ('subtract', ['number', 'read'])
    """
    return _full(expr)


def operations(root: Operation) -> Iterator[Operation]:
    """Every operation of the tree, operands before what they are used in."""
    for operand in root.operands:
        yield from operations(operand)
    yield root


def python_number(value: object) -> int | float:
    """The rational as Python writes it: an integer where it is one, otherwise the nearest float.

    Example:
        >>> python_number(Fraction(3)), python_number(Fraction(1, 10))
        (3, 0.1)
    """
    if not isinstance(value, Fraction):
        raise BackproofError(f"{value!r} is no number")
    whole = value.denominator == 1 and abs(value.numerator) <= EXACT_INTEGERS
    return value.numerator if whole else value.numerator / value.denominator


def _full(expr: Expr) -> Operation:
    operation = _lower(expr)
    if operation.shape == expr.shape:
        return operation
    kind: Kind = "fill" if operation.static else "repeat"
    return Operation(kind, (operation,), expr.shape, expr.shape)


def _lower(expr: Expr) -> Operation:
    match expr:
        case Const(value):
            return Operation("number", detail=value, static=True)
        case Pi():
            return Operation("pi", static=True)
        case Size(dim):
            return Operation("size", detail=dim, static=True)
        case Name(id, shape):
            return Operation("read", shape=shape, detail=id)
        case Component(base, int() as row, int() as column):
            return Operation("entry", (_lower(base),), detail=(row - 1, column - 1))
        case Broadcast(x):
            return _lower(x)
        case Add(a, b):
            return _elementwise("add", _lower(a), _lower(b))
        case Sub(a, b):
            return _elementwise("subtract", _lower(a), _lower(b))
        case Mul(a, b):
            return _product(_lower(a), _lower(b))
        case Div(a, b):
            return _elementwise("divide", _lower(a), _lower(b))
        case Neg(x):
            return _elementwise("negate", _lower(x))
        case Power(x, exponent):
            return _power(_lower(x), exponent)
        case Greater(a, b):
            return _elementwise("indicator", _lower(a), _lower(b))
        case Where(condition, a, b):
            return _elementwise("where", _condition(_lower(condition)), _lower(a), _lower(b))
        case Elementwise(fn, x):
            return _elementwise("apply", _lower(x), detail=fn)
        case MatMul(a, b):
            return Operation("matmul", (_full(a), _full(b)), expr.shape)
        case Transpose(x):
            return Operation("transpose", (_full(x),), expr.shape)
        case Sum(x, axis):
            return Operation("sum", (_full(x),), expr.shape, axis)
        case Softmax(x, axis):
            return Operation("softmax", (_full(x),), expr.shape, axis)
        case LogSumExp(x, axis):
            return Operation("logsumexp", (_full(x),), expr.shape, axis)
        case _:
            raise UnsupportedError(f"{type(expr).__name__} is notation for people and is not computed")


def _elementwise(kind: Kind, *operands: Operation, detail: Detail = None) -> Operation:
    shape = SCALAR
    for operand in operands:
        shape = _common(shape, operand.shape)
    return Operation(kind, operands, shape, detail, all(operand.static for operand in operands))


def _product(a: Operation, b: Operation) -> Operation:
    """A product; true and false serve as 1 and 0 beside an array of numbers."""
    if b.kind == "indicator" and not (a.static or a.kind == "indicator"):
        b = Operation("greater", b.operands, b.shape)
    return _elementwise("multiply", a, b)


def _condition(condition: Operation) -> Operation:
    if condition.kind == "indicator":
        return Operation("greater", condition.operands, condition.shape, static=condition.static)
    return _elementwise("nonzero", condition)


def _power(x: Operation, exponent: Fraction) -> Operation:
    if exponent == 1:
        return x
    if exponent == HALF:
        return _elementwise("sqrt", x)
    if exponent.denominator == 1 and exponent < 0:
        return _elementwise("divide", Operation("number", detail=Fraction(1), static=True), _power(x, -exponent))
    # A NumPy scalar and an array of shape () round powers differently, so they get the function instead of **.
    kind: Kind = "power" if x.static or x.shape != SCALAR else "scalar_power"
    return _elementwise(kind, x, detail=exponent)


def _common(a: Shape, b: Shape) -> Shape:
    if SCALAR in (a, b):
        return a or b
    return _wider(a[0], b[0]), _wider(a[1], b[1])


def _wider(a: Dim, b: Dim) -> Dim:
    return b if a == 1 else a
