"""Correct NumPy programs as text, each line with the equation that it stands for, and single edits of that text."""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np

import backproof as bp
from backproof.ir.program import Program

Values = dict[str, Any]


@dataclass(frozen=True)
class ProgramText:
    """A program that gives gradients: X, y, W_1, … are there, and each parameter's gradient is left as dW_1, ….

    Args:
        name: what it is.
        net: the network.
        text: assignments, each with its equation as a comment.
    """

    name: str
    net: Program
    text: str

    @property
    def lines(self) -> list[str]:
        return textwrap.dedent(self.text).strip().splitlines()

    def equation_of(self, line: int) -> str:
        """The equation that a line, counted from 1, stands for."""
        found = re.search(r"# (\w+)", self.lines[line - 1])
        if found is None:
            raise ValueError(f"line {line} of {self.name} names no equation")
        return found.group(1)

    def edited(self) -> Iterator[tuple[str, int, Callable[[Values], Values]]]:
        """Every program with one edit: what was edited, in which line, and the program to call."""
        tree = ast.parse("\n".join(self.lines))
        variables = sorted({n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - {"np", "len"})
        for number, statement in enumerate(tree.body):
            if not isinstance(statement, ast.Assign):
                continue
            defined = {t.id for s in tree.body[:number] for t in ast.walk(s) if isinstance(t, ast.Name)}
            known = [v for v in variables if v in defined or v[0].isupper() or v == "y" or v.startswith("b_")]
            for name, value in edits_of(statement.value, known):
                changed = copy.deepcopy(tree)
                line = changed.body[number]
                if isinstance(line, ast.Assign):
                    line.value = value
                code = compile(ast.fix_missing_locations(changed), self.name, "exec")
                yield f"line {statement.lineno}: {name}", statement.lineno, self._function(code)

    def _function(self, code: CodeType) -> Callable[[Values], Values]:
        def function(values: Values) -> Values:
            names: Values = {"np": np, **values}
            exec(code, names)  # noqa: S102 - our own programs above, edited by ourselves
            return {p.id: names[f"d{p.id}"] for p in self.net.parameters}

        return function


SWAPPED: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.MatMult),
    ast.Div: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Pow: (ast.Mult,),
}


def edits_of(expr: ast.expr, variables: list[str]) -> Iterator[tuple[str, ast.expr]]:
    """Every single edit of an expression: what was done, and the expression after it."""
    for path, node in list(_places(expr)):
        for name, new in _at(node, variables):
            yield name, _put(copy.deepcopy(expr), path, new)


def _at(node: ast.expr, variables: list[str]) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.BinOp(left, op, right):
            for other in SWAPPED.get(type(op), ()):
                yield f"{type(op).__name__} to {other.__name__}", ast.BinOp(left, other(), right)
            yield f"{type(op).__name__}: right dropped", left
            yield f"{type(op).__name__}: left dropped", right
            if isinstance(op, ast.Sub | ast.MatMult):
                yield f"{type(op).__name__}: exchanged", ast.BinOp(right, op, left)
        case ast.Attribute(value, "T"):
            yield "transpose dropped", value
        case ast.Name(id) if id != "np":
            for other in variables:
                if other != id:
                    yield f"{id} to {other}", ast.Name(other, ast.Load())
            yield f"{id} transposed", ast.Attribute(ast.Name(id, ast.Load()), "T", ast.Load())
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            for number in {2 * value, value + 1, -value} - {value}:
                yield f"{value} to {number}", ast.Constant(number)
        case ast.UnaryOp(ast.USub(), operand):
            yield "minus dropped", operand
        case _:
            pass


def _places(expr: ast.expr, path: tuple[tuple[str, int | None], ...] = ()) -> Iterator[tuple[Any, ast.expr]]:
    """The nodes that may be edited, with their places; the name of a function that is called is none."""
    yield path, expr
    for field, value in ast.iter_fields(expr):
        if field == "func":
            continue
        if isinstance(value, ast.expr):
            yield from _places(value, (*path, (field, None)))
        if isinstance(value, list):
            for number, item in enumerate(value):
                inner = item.value if isinstance(item, ast.keyword) else item
                if isinstance(item, ast.expr) or (isinstance(item, ast.keyword) and item.arg == "axis"):
                    yield from _places(inner, (*path, (field, number)))


def _put(expr: ast.expr, path: Any, new: ast.expr) -> ast.expr:
    if not path:
        return new
    *above, (field, number) = path
    node: Any = expr
    for name, index in above:
        node = getattr(node, name) if index is None else getattr(node, name)[index]
        node = node.value if isinstance(node, ast.keyword) else node
    if number is None:
        setattr(node, field, new)
    elif isinstance(getattr(node, field)[number], ast.keyword):
        getattr(node, field)[number].value = new
    else:
        getattr(node, field)[number] = new
    return expr


TEXTS = (
    ProgramText(
        "3-4-2 sigmoid",
        bp.mlp(3, 4, 2),
        """
        h = 1 / (1 + np.exp(-(X @ W_1)))  # l_1
        p = 1 / (1 + np.exp(-(h @ W_2)))  # y_hat
        d2 = (p - y) * p * (1 - p)  # delta_2
        dW_2 = h.T @ d2  # grad_W_2
        d1 = (d2 @ W_2.T) * h * (1 - h)  # delta_1
        dW_1 = X.T @ d1  # grad_W_1
        """,
    ),
    ProgramText(
        "4-4-4 tanh, bias, mean squared error",
        bp.mlp(4, 4, 4, activation="tanh", bias=True, loss="mean_squared_error"),
        """
        h = np.tanh(X @ W_1 + b_1)  # l_1
        p = np.tanh(h @ W_2 + b_2)  # y_hat
        d2 = 2 * (p - y) / y.size * (1 - p ** 2)  # delta_2
        dW_2 = h.T @ d2  # grad_W_2
        db_2 = np.sum(d2, axis=0, keepdims=True)  # grad_b_2
        d1 = (d2 @ W_2.T) * (1 - h ** 2)  # delta_1
        dW_1 = X.T @ d1  # grad_W_1
        db_1 = np.sum(d1, axis=0, keepdims=True)  # grad_b_1
        """,
    ),
    ProgramText(
        "4-5-3 ReLU, softmax, cross-entropy",
        bp.mlp(4, 5, 3, activation="relu", bias=True, loss="cross_entropy"),
        """
        h = np.maximum(X @ W_1 + b_1, 0)  # l_1
        z = h @ W_2 + b_2  # z_2
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)  # y_hat
        d2 = (p - y) / len(y)  # delta_2
        dW_2 = h.T @ d2  # grad_W_2
        db_2 = np.sum(d2, axis=0, keepdims=True)  # grad_b_2
        d1 = (d2 @ W_2.T) * (h > 0)  # delta_1
        dW_1 = X.T @ d1  # grad_W_1
        db_1 = np.sum(d1, axis=0, keepdims=True)  # grad_b_1
        """,
    ),
    ProgramText(
        "3-3-3-3 tanh, penalty, samples in columns",
        bp.mlp(3, 3, 3, 3, activation="tanh", loss="half_squared_error", penalty=0.1, samples="columns"),
        """
        a1 = np.tanh(W_1 @ X)  # l_1
        a2 = np.tanh(W_2 @ a1)  # l_2
        p = np.tanh(W_3 @ a2)  # y_hat
        d3 = (p - y) * (1 - p * p)  # delta_3
        dW_3 = d3 @ a2.T + 0.1 * W_3  # grad_W_3
        d2 = (W_3.T @ d3) * (1 - a2 * a2)  # delta_2
        dW_2 = d2 @ a1.T + 0.1 * W_2  # grad_W_2
        d1 = (W_2.T @ d2) * (1 - a1 * a1)  # delta_1
        dW_1 = d1 @ X.T + 0.1 * W_1  # grad_W_1
        """,
    ),
)
