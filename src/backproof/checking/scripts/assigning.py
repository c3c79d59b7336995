"""Assignments on recorded values: what a statement gives a value to, with that value."""

from __future__ import annotations

import ast

import numpy as np

from backproof.checking.precision import Array
from backproof.checking.scripts.interpreter import Interpreter, UnknownError


def assign(
    fresh: dict[str, Array],
    statement: ast.stmt,
    interpreter: Interpreter,
    value: ast.expr,
    index: ast.expr | None = None,
) -> None:
    """What the statement gives a value to, with that value; an entry that is set changes the array it is in."""
    match statement:
        case ast.Assign([ast.Subscript(base, own) as target]) | ast.AugAssign(ast.Subscript(base, own) as target):
            text = ast.unparse(base)
            old = interpreter.fresh.get(text, interpreter.recorded.get(text))
            if not isinstance(old, np.ndarray):
                fresh[ast.unparse(target)] = interpreter(_new_value(statement, target, value))
                return
            whole = np.array(old)
            at = interpreter.index(index if index is not None else own)
            whole[at] = interpreter(_new_value(statement, target, value))
            fresh[text] = whole
        case ast.Assign([ast.Name() | ast.Attribute() as target]) | ast.AnnAssign(target=target):
            fresh[ast.unparse(target)] = interpreter(value)
        case ast.AugAssign(target):
            fresh[ast.unparse(target)] = interpreter(_new_value(statement, target, value))
        case _:
            raise UnknownError


def _new_value(statement: ast.stmt, target: ast.expr, value: ast.expr) -> ast.expr:
    return ast.BinOp(_loaded(target), statement.op, value) if isinstance(statement, ast.AugAssign) else value


def set_within(statement: ast.stmt) -> ast.Subscript | None:
    """The entry of an array that the statement sets."""
    match statement:
        case ast.Assign([ast.Subscript() as target]) | ast.AugAssign(ast.Subscript() as target):
            return target
        case _:
            return None


def _loaded(target: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(target), mode="eval").body


def assigned_value(statement: ast.stmt) -> ast.expr | None:
    """The right-hand side of an assignment to one thing."""
    match statement:
        case ast.Assign([ast.Name() | ast.Attribute() | ast.Subscript()], value) | ast.AugAssign(value=value):
            return value
        case ast.AnnAssign(value=ast.expr() as value):
            return value
        case _:
            return None
