"""Faults that any expression can have: an operand, factor, term, transpose, axis or function lost or exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from backproof.checking.anatomy import Anatomy, is_number
from backproof.checking.edit import Edit
from backproof.checking.edits import Path, operands_exchanged, put, sites
from backproof.ir.expr import (
    Add,
    Broadcast,
    Const,
    Div,
    Elementwise,
    Expr,
    Greater,
    MatMul,
    Mul,
    Name,
    Neg,
    Power,
    Softmax,
    Sub,
    Sum,
    Transpose,
    broadcast,
)
from backproof.ir.program import Equation
from backproof.ir.traverse import names, walk

NEAREST = 12
"""How many other quantities are tried in the place of one."""


def structural_edits(a: Anatomy, equation: Equation, *, operands: bool = True) -> Iterator[Edit]:
    """Every edit of one node of the right-hand side that shapes may allow; ``operands`` whether of quantities too."""
    for path, node in sites(equation.value):
        for kind, wrong, part in _at(a, node):
            yield Edit(kind, put(equation.value, path, wrong), part, wrong)
        if isinstance(node, Name) and operands:
            yield from _other_operands(a, equation, path, node)
        if isinstance(node, Power) and node.exponent == 2 and isinstance(node.x, Name):
            yield from _one_of_the_square(a, equation, path, node.x)
        if isinstance(node, Const) and path:
            yield from _other_numbers(equation, path, node)


def _one_of_the_square(a: Anatomy, equation: Equation, path: Path, name: Name) -> Iterator[Edit]:
    """x · other in the place of x · x."""
    for other in a.near(name.id, equation.name.id, NEAREST):
        yield Edit(operand_kind(a, name.id, other.id), put(equation.value, path, Mul(name, other)), name, other)


def _other_numbers(equation: Equation, path: Path, number: Const) -> Iterator[Edit]:
    """Another number in the place of one that is added: the 1 of 1 − l."""
    for other in dict.fromkeys((2 * number.value, number.value + 1, -number.value)):
        if other != number.value:
            yield Edit("wrong-number", put(equation.value, path, Const(other)), number, Const(other))


def _at(a: Anatomy, node: Expr) -> Iterator[tuple[str, Expr, Expr]]:
    """What may stand in the place of a node: the kind of fault, what stands there, what is missing or replaced."""
    match node:
        case Mul(x, y):
            yield from (("factor-missing", kept, lost) for kept, lost in ((x, y), (y, x)) if not is_number(lost))
            yield "divided", Div(x, y), y
        case Add(x, y):
            yield from (("term-missing", kept, lost) for kept, lost in ((x, y), (y, x)))
            yield "term-sign", Sub(x, y), y
        case Sub(x, y):
            yield from _of_difference(a, x, y)
        case MatMul(x, y):
            yield from _of_product(node, x, y)
        case Transpose(x):
            yield "transpose-missing", x, node
        case Sum(x, axis) if axis is not None:
            yield "wrong-axis", Sum(x, 1 - axis), node
        case Softmax(x, axis):
            yield "wrong-axis", Softmax(x, 1 - axis), node
            yield "function-missing", x, node
        case Div(x, y):
            yield "factor-missing", y, x
            if not is_number(y):
                yield "divided", Mul(x, y), y
                yield "factor-missing", x, y
        case Neg(x):
            yield "term-sign", x, node
        case Power(x, exponent):
            yield "power-missing", x, node
            yield "power-missing", Power(x, exponent + 1), node
        case Elementwise(_, x):
            yield "function-missing", x, node
        case Greater(x, y):
            yield "mask-reversed", Greater(y, x), node
            yield "mask-reversed", Sub(broadcast(Const(Fraction(1)), node.shape), node), node
        case _:
            pass


def _of_difference(a: Anatomy, x: Expr, y: Expr) -> Iterator[tuple[str, Expr, Expr]]:
    node = Sub(x, y)
    softmax = any(isinstance(inner, Broadcast) and isinstance(inner.x, Sum) for inner in walk(y))
    yield "softmax-dot-term" if softmax else "term-missing", x, y
    if not is_number(x):
        yield "term-missing", y, x
    yield "term-sign", Add(x, y), y
    kind = "error-reversed" if names(node) & a.targets else "difference-reversed"
    yield kind, Sub(y, x), node


def _of_product(node: MatMul, x: Expr, y: Expr) -> Iterator[tuple[str, Expr, Expr]]:
    yield "elementwise-product", Mul(x, y), node
    yield "factors-swapped", operands_exchanged(node), node
    yield "factor-missing", x, y
    yield "factor-missing", y, x
    for operand, wrong in ((x, MatMul(Transpose(x), y)), (y, MatMul(x, Transpose(y)))):
        if not isinstance(operand, Transpose):
            yield "transpose-missing", wrong, node


def _other_operands(a: Anatomy, equation: Equation, path: Path, name: Name) -> Iterator[Edit]:
    """Another quantity, its transpose, or the argument of its function in the place of a quantity."""
    for other in a.near(name.id, equation.name.id, NEAREST):
        kind = operand_kind(a, name.id, other.id)
        yield Edit(kind, put(equation.value, path, other), name, other)
        yield Edit(kind, put(equation.value, path, Transpose(other)), name, Transpose(other))
        if path and other.id in a.weights | a.activations:
            yield from _untransposed(a, equation, path, name, other)
    if name.shape:
        yield Edit("transpose-missing", put(equation.value, path, Transpose(name)), name, Transpose(name))
    activated = a.activated.get(name.id)
    if activated is not None:
        wrong = put(equation.value, path, activated.argument)
        yield Edit("argument-for-activation", wrong, name, activated.argument)


def _untransposed(a: Anatomy, equation: Equation, path: Path, name: Name, other: Name) -> Iterator[Edit]:
    """Another quantity in the place of a transposed one."""
    above = next(node for place, node in sites(equation.value) if place == path[:-1])
    if isinstance(above, Transpose):
        yield Edit(operand_kind(a, name.id, other.id), put(equation.value, path[:-1], other), above, other)


def operand_kind(a: Anatomy, right: str, wrong: str) -> str:
    """The kind of fault where one quantity stands for another."""
    deltas = {delta.id for delta in a.deltas}
    if right in a.activations:
        if wrong in a.weights:
            return "weight-for-activation"
        return "wrong-activation" if wrong in a.activations else "wrong-operand"
    if right in a.weights and wrong in a.weights:
        return "wrong-weight"
    return "wrong-delta" if right in deltas and wrong in deltas else "wrong-operand"
