"""Some rows and columns of an expression's value, without the others: a large product is known by a corner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backproof.checking.precision import Array
from backproof.dims import concrete
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import (
    Add,
    Broadcast,
    Div,
    Elementwise,
    Expr,
    Greater,
    MatMul,
    Mul,
    Name,
    Neg,
    Power,
    Sub,
    Sum,
    Transpose,
    Where,
)
from backproof.ir.traverse import children, rebuilt

LARGE = 2_048
"""Entries from which on a matrix is looked at through a window."""

SIDE = 8
"""Rows and columns of a window."""

Picked = Array | None
"""The numbers of rows or columns; all of them where None."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows and columns that are looked at."""

    rows: Picked = None
    columns: Picked = None

    def of(self, value: Array) -> Array:
        """These rows and columns of a matrix; a dimension of 1 stands for any number of them."""
        if np.ndim(value) != 2:
            return value
        if self.rows is not None and value.shape[0] > 1:
            value = value[self.rows]
        if self.columns is not None and value.shape[1] > 1:
            value = value[:, self.columns]
        return value


def window_on(value: Array) -> Window:
    """The rows and columns with the largest entries; everything where the matrix is small.

    Example:
        >>> window_on(np.ones((2, 2))).rows is None
        True
    """
    if value.ndim != 2 or value.size < LARGE:
        return Window()
    with np.errstate(all="ignore"):
        sizes = np.abs(value)
        return Window(_largest(sizes.max(axis=1)), _largest(sizes.max(axis=0)))


def _largest(sizes: Array) -> Array:
    return np.sort(np.argsort(-sizes, kind="stable")[:SIDE])


def seen_through(window: Window, expr: Expr, evaluator: Evaluator, values: Mapping[str, Array]) -> Array:
    """The part of the value that the window shows.

    Example:
        >>> from backproof.ir.arithmetic import NumpyArithmetic
        >>> a, b = Name("a", (3, 2)), Name("b", (2, 4))
        >>> values = {"a": np.arange(6.0).reshape(3, 2), "b": np.arange(8.0).reshape(2, 4)}
        >>> corner = Window(np.array([2]), np.array([0, 3]))
        >>> seen_through(corner, a @ b, Evaluator(NumpyArithmetic(), {}), values)
        array([[20., 47.]])
    """
    return _seen(expr, window, evaluator, values)


def _seen(expr: Expr, window: Window, evaluator: Evaluator, values: Mapping[str, Array]) -> Array:
    match expr:
        case Name(id):
            return window.of(values[id])
        case MatMul(a, b):
            left = _seen(a, Window(window.rows, None), evaluator, values)
            right = _seen(b, Window(None, window.columns), evaluator, values)
            return np.asarray(left @ right)
        case Transpose(x):
            return _seen(x, Window(window.columns, window.rows), evaluator, values).T
        case Sum(x, 0):
            return np.asarray(_seen(x, Window(None, window.columns), evaluator, values).sum(axis=0, keepdims=True))
        case Sum(x, 1):
            return np.asarray(_seen(x, Window(window.rows, None), evaluator, values).sum(axis=1, keepdims=True))
        case Broadcast(x, to):
            shape = window.of(np.broadcast_to(0.0, concrete(to, evaluator.sizes))).shape
            return np.broadcast_to(_seen(x, window, evaluator, values), shape)
        case Add() | Sub() | Mul() | Div() | Neg() | Power() | Greater() | Where() | Elementwise():
            names = {f"operand {n}": _seen(x, window, evaluator, values) for n, x in enumerate(children(expr))}
            operands = tuple(Name(name, x.shape) for name, x in names.items())
            return np.asarray(evaluator(rebuilt(expr, operands), names))
        case _:
            return window.of(np.asarray(evaluator(expr, values)))
