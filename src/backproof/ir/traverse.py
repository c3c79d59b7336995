"""Walking and rebuilding expression trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from operator import attrgetter, is_
from typing import Any

from backproof.ir.expr import Component, Expr, Name, Partial

_OPERANDS: dict[type[Expr], tuple[str, ...]] = {Component: (), Partial: ()}
"""The fields of each class that hold operands; the parts of a symbol are not operands."""

_READERS: dict[type[Expr], Callable[[Any], tuple[Expr, ...]]] = {}
"""For each class how its operands are read: this is what every pass spends its time on."""


def _child_fields(kind: type[Expr]) -> tuple[str, ...]:
    found = _OPERANDS.get(kind)
    if found is None:
        found = _OPERANDS[kind] = tuple(f.name for f in fields(kind) if f.type == "Expr")
    return found


def _reader(kind: type[Expr]) -> Callable[[Any], tuple[Expr, ...]]:
    match _child_fields(kind):
        case ():
            return lambda expr: ()
        case (name,):
            operand = attrgetter(name)
            return lambda expr: (operand(expr),)
        case names:
            return attrgetter(*names)


def children(expr: Expr) -> tuple[Expr, ...]:
    """The operands, in the order of the class's fields."""
    kind = type(expr)
    reader = _READERS.get(kind)
    if reader is None:
        reader = _READERS[kind] = _reader(kind)
    return reader(expr)


def rebuilt(expr: Expr, operands: tuple[Expr, ...]) -> Expr:
    """The same operation on other operands; the expression itself where none changed."""
    if all(map(is_, children(expr), operands)):
        return expr
    return replace(expr, **dict(zip(_child_fields(type(expr)), operands, strict=True)))


def transform(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The tree rebuilt from the leaves up, ``change`` applied at every node after its operands."""
    operands = children(expr)
    if not operands:
        return change(expr)
    return change(rebuilt(expr, tuple([transform(operand, change) for operand in operands])))


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node of the tree, the root first."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)[::-1]


def names(expr: Expr) -> frozenset[str]:
    """The identifiers of all quantities in the tree, those of components included."""
    found: set[str] = set()
    for node in walk(expr):
        match node:
            case Name(id):
                found.add(id)
            case Component(base):
                found.add(base.id)
            case _:
                pass
    return frozenset(found)


def node_count(expr: Expr) -> int:
    """The number of nodes: the measure of work that does not depend on the machine."""
    return sum(1 for _ in walk(expr))


def substitute(expr: Expr, bindings: dict[str, Expr]) -> Expr:
    """The tree with named quantities replaced by expressions of the same shape."""
    return transform(expr, lambda node: bindings.get(node.id, node) if isinstance(node, Name) else node)
