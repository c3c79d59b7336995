"""Lowered operations: the same values as the reference evaluation, in the shapes that were declared."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.dims import Symbol, concrete
from backproof.emit.spelling import NUMPY_SPELLING, UNICODE_SPELLING
from backproof.errors import BackproofError, NonFiniteError, UnsupportedError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import (
    Component,
    Const,
    Expr,
    MatMul,
    Name,
    Partial,
    Power,
    Size,
    Sum,
    SumOver,
    Transpose,
    broadcast,
    total,
)
from backproof.ir.lift import where
from backproof.ir.lowering import Kind, lower, operations, python_number
from backproof.ir.program import Equation
from backproof.ir.traverse import walk
from backproof.kernels.closures import ROW, EquationCompiler, run
from expressions import SIZES, expressions

n = Symbol("n")
W, row, column, s = Name("W", (3, 2)), Name("r", (1, 2)), Name("c", (3, 1)), Name("s")
ONE = Const(Fraction(1))


def kinds(expr: Expr) -> list[str]:
    return [operation.kind for operation in operations(lower(expr))]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (1 - W, ["number", "read", "subtract"]),
        (W + row, ["read", "read", "add"]),
        (row + column, ["read", "read", "add"]),
        (broadcast(row, (3, 2)), ["read", "repeat"]),
        (broadcast(ONE, (3, 2)), ["number", "fill"]),
        (total(broadcast(row, (3, 2))), ["read", "repeat", "sum"]),
        (MatMul(broadcast(ONE, (1, 3)), W), ["number", "fill", "read", "matmul"]),
        (Transpose(broadcast(row, (3, 2))), ["read", "repeat", "transpose"]),
        (broadcast(row, (3, 2)) + broadcast(s, (3, 2)), ["read", "read", "add", "repeat"]),
        (W * (W > 0), ["read", "read", "number", "greater", "multiply"]),
        ((W > 0) * W, ["read", "number", "indicator", "read", "multiply"]),
        ((W > 0) * (W > 1), ["read", "number", "indicator", "read", "number", "indicator", "multiply"]),
        (2 * (W > 0), ["number", "read", "number", "indicator", "multiply"]),
        (where(W > 0, W, 0 * W), ["read", "number", "greater", "read", "number", "read", "multiply", "where"]),
        (where(W, W, W), ["read", "nonzero", "read", "read", "where"]),
        (W ** Fraction(1, 2), ["read", "sqrt"]),
        (W**-2, ["number", "read", "power", "divide"]),
        (Power(W, Fraction(1)), ["read"]),
        (s**2, ["read", "scalar_power"]),
        (Power(Size(n), Fraction(2)), ["size", "power"]),
        (Component(W, 3, 1), ["read", "entry"]),
    ],
)
def test_what_is_called(expr: Expr, expected: list[str]) -> None:
    assert kinds(expr) == expected


def test_static_is_what_sizes_alone_determine() -> None:
    assert lower(1 / (4 * Size(n))).static
    assert not lower(1 / s).static
    assert not lower(broadcast(ONE, (2, 2))).static


@pytest.mark.parametrize(
    "expr", [SumOver("i", 3, Component(W, "i", 1)), Component(W, "i", 1), Partial(s, W), Sum(Partial(s, W))]
)
def test_index_notation_is_not_computed(expr: Expr) -> None:
    with pytest.raises(UnsupportedError, match="notation for people"):
        lower(expr)


@pytest.mark.parametrize("table", [NUMPY_SPELLING, UNICODE_SPELLING, ROW])
def test_every_table_has_a_row_for_every_kind(table: dict[Kind, Callable[..., object]]) -> None:
    leaves = {"number", "pi", "size", "read"}
    assert set(table) | leaves == set(get_args(Kind))


def test_numbers_as_python_writes_them() -> None:
    assert python_number(Fraction(2**53)) == 2**53
    assert isinstance(python_number(Fraction(2**53)), int)
    assert isinstance(python_number(Fraction(10**30)), float)
    with pytest.raises(BackproofError, match="is no number"):
        python_number("3")


def numbers(expr: Expr, seed: int) -> dict[str, Any]:
    """Multiples of a quarter for every name in the expression, none of them zero."""
    rng = np.random.default_rng(seed)
    nodes = [node.base if isinstance(node, Component) else node for node in walk(expr)]
    shapes = {node.id: concrete(node.shape, SIZES) for node in nodes if isinstance(node, Name)}
    return {id: rng.choice([-7, -3, -1, 1, 2, 5], shapes[id]) / 4 for id in sorted(shapes)}


@given(expressions(), st.integers(0, 10**6))
def test_random_expressions_have_the_reference_value(expr: Expr, seed: int) -> None:
    env = numbers(expr, seed)
    compiler = EquationCompiler([Equation(Name("out", expr.shape), expr)], "float64")
    values = dict(env)
    with np.errstate(all="ignore"):
        try:
            reference = np.broadcast_to(Evaluator(NumpyArithmetic(), SIZES)(expr, env), concrete(expr.shape, SIZES))
            run(compiler.instructions(SIZES), values)
        except (NonFiniteError, ZeroDivisionError, OverflowError):
            return
    found = np.asarray(values["out"])
    assert found.dtype == np.float64
    assert found.shape == reference.shape
    if np.isfinite(reference).all() and np.isfinite(found).all() and np.abs(reference).max() < 1e12:
        np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-300)
