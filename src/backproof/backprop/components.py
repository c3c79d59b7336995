"""Index notation: one entry of a matrix expression as a scalar expression, and its partial derivatives.

The partial derivative of a scalar expression is found by the same table of derivatives as that of a matrix one; the
only thing added here is which entry of a quantity an index stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from backproof.dims import SCALAR, Dim
from backproof.errors import UnsupportedError
from backproof.ir.expr import (
    Assembled,
    Broadcast,
    Component,
    Const,
    Elementwise,
    Expr,
    Index,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Partial,
    Pi,
    Size,
    Softmax,
    Sum,
    SumOver,
    Transpose,
)
from backproof.ir.indices import at
from backproof.ir.traverse import children, rebuilt, transform, walk
from backproof.rules.elementwise import ONE, exp, log
from backproof.rules.vjp import VJP

LETTERS = ("k", "m", "p", "q", "r", "t", "u", "v")
Bindings = Mapping[str, Index]


class Letters:
    """Index variables that are not in use yet."""

    def __init__(self) -> None:
        self._given = 0

    def fresh(self) -> str:
        """The next free letter."""
        round_, position = divmod(self._given, len(LETTERS))
        self._given += 1
        return LETTERS[position] + (str(round_ + 1) if round_ else "")


def entry(name: Name, row: Index, column: Index) -> Expr:
    """One entry of a named quantity; an index into a dimension of 1 is 1, a scalar is itself."""
    if name.shape == SCALAR:
        return name
    rows, columns = name.shape
    return Component(name, 1 if rows == 1 else row, 1 if columns == 1 else column)


def component(expr: Expr, row: Index, column: Index, letters: Letters, *, explicit: int = 0) -> Expr:
    """The entry (row, column) of the expression, as a scalar expression over entries of named quantities.

    Args:
        expr: a scalar or a matrix; of a scalar the indices mean nothing.
        row, column: numbers from 1, or index variables.
        letters: where variables for sums come from.
        explicit: sums of up to this many terms are written out.
    """

    def go(node: Expr, i: Index, j: Index) -> Expr:
        match node:
            case Name():
                return entry(node, i, j)
            case Const() | Size() | Pi() | Component():
                return node
            case Broadcast(x):
                rows, columns = x.shape or (1, 1)
                return go(x, 1 if rows == 1 else i, 1 if columns == 1 else j)
            case MatMul(a, b):
                return sum_over(a.shape[1], lambda k: go(a, i, k) * go(b, k, j))
            case Transpose(x):
                return go(x, j, i)
            case Sum(x, axis):
                return summed(x, axis, i, j)
            case Softmax(x, axis):
                numerator = Elementwise(exp, go(x, i, j))
                return numerator / normaliser(x, axis, i, j)
            case LogSumExp(x, axis):
                return Elementwise(log, normaliser(x, axis, i, j))
            case _:
                return rebuilt(node, tuple(go(child, i, j) for child in children(node)))

    def sum_over(size: Dim, term: Callable[[Index], Expr]) -> Expr:
        if size == 1:
            return term(1)
        if isinstance(size, int) and size <= explicit:
            return reduce(lambda a, b: a + b, (term(k) for k in range(1, size + 1)))
        variable = letters.fresh()
        return SumOver(variable, size, term(variable))

    def summed(x: Expr, axis: int | None, i: Index, j: Index) -> Expr:
        if axis == 0:
            return sum_over(x.shape[0], lambda k: go(x, k, j))
        if axis == 1:
            return sum_over(x.shape[1], lambda k: go(x, i, k))
        return sum_over(x.shape[0], lambda k: sum_over(x.shape[1], lambda m: go(x, k, m)))

    def normaliser(x: Expr, axis: int, i: Index, j: Index) -> Expr:
        size = x.shape[axis]
        if axis == 0:
            return sum_over(size, lambda k: Elementwise(exp, go(x, k, j)))
        return sum_over(size, lambda k: Elementwise(exp, go(x, i, k)))

    return go(expr, row, column)


@dataclass(frozen=True, slots=True)
class Contribution:
    """One term of a partial derivative, and what it demands of the free index variables."""

    value: Expr
    bindings: Bindings


def contributions(expr: Expr, wrt: Expr, value: Expr) -> tuple[Contribution, ...]:
    """The terms of ∂expr/∂wrt, one for every place where ``wrt`` stands in the scalar expression.

    Args:
        expr: a scalar expression; it may have free index variables.
        wrt: an entry (or a scalar quantity) to differentiate by.
        value: what the derivative may call the value of ``expr``: its entry, or the expression itself.
    """
    return tuple(_contributions(expr, wrt, ONE, value))


def _contributions(node: Expr, wrt: Expr, g: Expr, value: Expr) -> Iterator[Contribution]:
    match node:
        case Component() | Name():
            bindings = _unify(node, wrt)
            if bindings is not None:
                yield Contribution(at(g, bindings), bindings)
        case SumOver(variable, size, body):
            for term in _contributions(body, wrt, g, body):
                rest = {name: index for name, index in term.bindings.items() if name != variable}
                inner = term.value if variable in term.bindings else SumOver(variable, size, term.value)
                yield Contribution(inner, rest)
        case _:
            operands = children(node)
            if not operands:
                return
            rule = VJP.get(type(node))
            if rule is None:
                raise UnsupportedError(f"{type(node).__name__} has no row in the table of derivatives (rules/vjp.py)")
            for child, cotangent in zip(operands, rule(node, g, value), strict=True):
                if cotangent is not None:
                    yield from _contributions(child, wrt, cotangent, child)


def _unify(leaf: Expr, wrt: Expr) -> Bindings | None:
    """What the index variables of the leaf must be for it to be the entry ``wrt``; None where it cannot be."""
    match leaf, wrt:
        case Name(), Name():
            return {} if leaf == wrt else None
        case Component(), Component() if leaf.base == wrt.base:
            bindings: dict[str, Index] = {}
            for have, want in ((leaf.row, wrt.row), (leaf.column, wrt.column)):
                if isinstance(have, str) and have != want:
                    if bindings.setdefault(have, want) != want:
                        return None
                elif have != want:
                    return None
            return bindings
        case _:
            return None


def without_ones(expr: Expr) -> Expr:
    """The expression as the rules give it, less the factors of 1 that they start from."""

    def change(node: Expr) -> Expr:
        match node:
            case Mul(Const(value), x) | Mul(x, Const(value)) if value == 1:
                return x
            case _:
                return node

    return transform(expr, change)


def partials(expr: Expr) -> tuple[Partial, ...]:
    """The symbols ∂a/∂b in an expression, each once, in order."""
    return tuple(dict.fromkeys(node for node in walk(expr) if isinstance(node, Partial)))


def filled(expr: Expr, formulas: Mapping[Expr, Expr]) -> Expr:
    """The expression with symbols replaced by their formulas."""
    return transform(expr, lambda node: formulas.get(node, node) if isinstance(node, Partial) else node)


def assembled(name: Name, body: Expr) -> Assembled:
    """The matrix of the shape of a quantity whose entry (i, j) is the body in the variables i and j."""
    return Assembled(name.shape, "i", "j", body)


def canonical(expr: Expr, taken: frozenset[str] = frozenset()) -> Expr:
    """The expression with its bound index variables called k, m, p, … in order of nesting.

    Args:
        expr: a scalar expression.
        taken: variables that must not be used, such as free ones.
    """
    if not any(isinstance(node, SumOver) for node in walk(expr)):
        return expr
    taken = taken | free_indices(expr)

    def go(node: Expr, used: frozenset[str]) -> Expr:
        if isinstance(node, SumOver):
            letter = next(letter for letter in _letters() if letter not in used)
            return SumOver(letter, node.size, go(at(node.body, {node.variable: letter}), used | {letter}))
        return rebuilt(node, tuple(go(child, used) for child in children(node)))

    return go(expr, taken)


def _letters() -> Iterator[str]:
    letters = Letters()
    while True:
        yield letters.fresh()


def free_indices(expr: Expr) -> frozenset[str]:
    """The index variables that the expression does not bind itself."""
    match expr:
        case Component(_, row, column):
            return frozenset(index for index in (row, column) if isinstance(index, str))
        case Partial(of, wrt):
            return free_indices(of) | free_indices(wrt)
        case SumOver(variable, _, body):
            return free_indices(body) - {variable}
        case Assembled(_, row, column, body):
            return free_indices(body) - {row, column}
        case _:
            return frozenset[str]().union(*(free_indices(child) for child in children(expr)))
