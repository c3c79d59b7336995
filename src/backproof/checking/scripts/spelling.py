"""Equations of the derivation in the user's variables, in the orientation that the user's arrays have."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backproof.checking.precision import Array
from backproof.checking.scripts.listing import Listing
from backproof.checking.scripts.roles import Roles
from backproof.checking.scripts.values import Run, Values
from backproof.dims import SCALAR, Shape
from backproof.emit.spelling import NUMPY_FUNCTIONS, NUMPY_SPELLING, Text, spelt
from backproof.errors import BackproofError
from backproof.ir.expr import (
    Broadcast,
    Elementwise,
    Expr,
    Function,
    LogSumExp,
    MatMul,
    Name,
    Softmax,
    Sum,
    Transpose,
)
from backproof.ir.lowering import lower
from backproof.ir.traverse import children, rebuilt, transform


class UnspeakableError(Exception):
    """A quantity has no variable where the equation is to be written."""


@dataclass(frozen=True)
class Scope:
    """What can be read where a statement runs: the values of its own expressions, and of the variables in sight."""

    run: Run
    recorded: Mapping[str, Array]
    variables: Mapping[str, Array]


def owner(listing: Listing, statement: ast.stmt) -> ast.AST:
    """The function or module whose variables the statement sees."""
    node: ast.AST = statement
    while node in listing.parent:
        node = listing.parent[node]
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            return node
    return node


def scope_at(values: Values, run: Run) -> Scope:
    """The scope of one run of a statement, before it changes anything."""
    listing = values.listing
    here = owner(listing, run.statement)
    module: dict[str, Array] = {}
    local: dict[str, Array] = {}
    first = min((s.order for s in run.seen), default=run.order)
    for seen in values.seen:
        if seen.order >= first:
            break
        if seen.stored:
            whose = owner(listing, seen.run.statement)
            if whose is here:
                local[seen.text] = seen.value
            elif isinstance(whose, ast.Module) or seen.text.startswith("self."):
                module[seen.text] = seen.value
    own: dict[str, Array] = {}
    for seen in run.seen:
        if not seen.assigned:
            own.setdefault(seen.text, seen.value)
    variables = {**module, **local, **{s.text: s.value for s in run.seen if s.stored and not s.assigned}}
    return Scope(run, {**module, **local, **own}, variables)


class Words:
    """The vocabulary of the spelling table: quantities by the user's names."""

    def __init__(self, listing: Listing, roles: Roles, scope: Scope) -> None:
        self.listing, self.roles, self.scope = listing, roles, scope

    def quantity(self, id: str) -> str:
        placed = self.roles.placed.get(id)
        if placed is None or placed.seen is None:
            raise UnspeakableError(id)
        value = placed.seen.value
        same = [t for t, v in self.scope.variables.items() if v.shape == value.shape and np.array_equal(v, value)]
        if same:
            return same[-1]
        text = placed.seen.text
        recorded = self.scope.recorded.get(text)
        if recorded is not None and np.array_equal(recorded, value):
            return text if isinstance(placed.seen.node, ast.Name | ast.Attribute | ast.Call) else f"({text})"
        raise UnspeakableError(id)

    def size(self, name: str) -> str:
        size = self.roles.sizes.get(name)
        for text, value in self.scope.variables.items():
            if value.shape == () and value == size and text.isidentifier():
                return text
        for id, placed in self.roles.placed.items():
            if placed.seen is not None and id in ("X", "y") and size in placed.seen.value.shape:
                return f"{self.quantity(id)}.shape[{placed.seen.value.shape.index(size)}]"
        raise UnspeakableError(name)

    def known(self, id: str) -> str | None:
        """The variable of a quantity; None where none is in sight."""
        try:
            return self.quantity(id)
        except UnspeakableError:
            return None

    def known_size(self, name: str) -> str | None:
        """The spelling of a size; None where there is none."""
        try:
            return self.size(name)
        except UnspeakableError:
            return None

    def shape(self, shape: Shape) -> str:
        return "(" + ", ".join(str(d) if isinstance(d, int) else self.size(d.name) for d in shape) + ")"

    def call(self, fn: Function, argument: str) -> Text:
        direct = NUMPY_FUNCTIONS.get(fn.name)
        if direct is not None:
            return Text(direct.format(argument))
        if fn.name in self.listing.functions:
            return Text(f"{fn.name}({argument})")
        raise UnspeakableError(fn.name)

    def helper(self, name: str) -> str:
        if name in self.listing.functions:
            return name
        raise UnspeakableError(name)


def spell(expr: Expr, words: Words, transposed: bool = False) -> str | None:
    """The expression as the user would write it; None where one of its quantities has no variable in sight.

    Args:
        expr: over names of the derivation.
        words: the user's names.
        transposed: whether the user's array is to be the transpose of the derivation's.
    """
    try:
        users = turned(_of_users(_written_out(expr, words), words.roles), transposed)
        operation = lower(users)
        while operation.kind in ("repeat", "fill"):
            operation = operation.operands[0]
        return spelt(operation, NUMPY_SPELLING, words).text
    except (UnspeakableError, BackproofError, KeyError):
        return None


def _written_out(expr: Expr, words: Words) -> Expr:
    """Functions that neither NumPy nor the program has, by their definitions."""

    def change(node: Expr) -> Expr:
        match node:
            case Elementwise(fn, x) if fn.name not in NUMPY_FUNCTIONS and fn.name not in words.listing.functions:
                if fn.definition is None:
                    return node
                return transform(fn.definition, lambda inner: _put(inner, x))
            case _:
                return node

    return transform(expr, change)


def _put(node: Expr, x: Expr) -> Expr:
    match node:
        case Name("x", ()):
            return x
        case _ if children(node) and any(child.shape != SCALAR for child in children(node)):
            operands = tuple(Broadcast(c, x.shape) if c.shape == SCALAR else c for c in children(node))
            return rebuilt(node, operands)
        case _:
            return node


def _of_users(expr: Expr, roles: Roles) -> Expr:
    """The expression over the user's arrays, which may be the transposes of the derivation's."""

    def change(node: Expr) -> Expr:
        match node:
            case Name(id, (rows, columns)) if id in roles.placed and roles.placed[id].how == "transposed":
                return Transpose(Name(id, (columns, rows)))
            case _:
                return node

    return turned(transform(expr, change), False)


def turned(expr: Expr, transposed: bool) -> Expr:
    """The expression or its transpose, with transposes moved inwards to the names.

    Example:
        >>> A, B = Name("A", (2, 3)), Name("B", (3, 4))
        >>> turned(A @ B, True) == B.T @ A.T
        True
    """
    if expr.shape == SCALAR:
        return rebuilt(expr, tuple(turned(child, False) for child in children(expr)))
    match expr:
        case Transpose(x):
            return turned(x, not transposed)
        case MatMul(a, b) if transposed:
            return MatMul(turned(b, True), turned(a, True))
        case Name() if transposed:
            return Transpose(expr)
        case Sum(x, int() as axis) if transposed:
            return Sum(turned(x, True), 1 - axis)
        case Softmax(x, axis) if transposed:
            return Softmax(turned(x, True), 1 - axis)
        case LogSumExp(x, axis) if transposed:
            return LogSumExp(turned(x, True), 1 - axis)
        case Broadcast(x, to) if transposed:
            return Broadcast(turned(x, True), (to[1], to[0]))
        case _:
            return rebuilt(expr, tuple(turned(child, transposed) for child in children(expr)))
