"""Walking and rebuilding expression trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

from backproof.ir.expr import Component, Expr, Name, Partial

_OPERANDS: dict[type[Expr], tuple[str, ...]] = {Component: (), Partial: ()}
"""The fields of each class that hold operands; the parts of a symbol are not operands."""


def _child_fields(kind: type[Expr]) -> tuple[str, ...]:
    found = _OPERANDS.get(kind)
    if found is None:
        found = _OPERANDS[kind] = tuple(f.name for f in fields(kind) if f.type == "Expr")
    return found


def children(expr: Expr) -> tuple[Expr, ...]:
    """The operands, in the order of the class's fields."""
    return tuple(getattr(expr, name) for name in _child_fields(type(expr)))


def rebuilt(expr: Expr, operands: tuple[Expr, ...]) -> Expr:
    """The same operation on other operands; the expression itself where none changed."""
    names = _child_fields(type(expr))
    if all(getattr(expr, name) is operand for name, operand in zip(names, operands, strict=True)):
        return expr
    return replace(expr, **dict(zip(names, operands, strict=True)))


def transform(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The tree rebuilt from the leaves up, ``change`` applied at every node after its operands."""
    return change(rebuilt(expr, tuple(transform(child, change) for child in children(expr))))


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node of the tree, the root first."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


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
