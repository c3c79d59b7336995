"""Expressions: the operators put in broadcasts, every misfit is refused in words, shapes are as the classes state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from fractions import Fraction

import pytest

from backproof.dims import SCALAR, Shape, Symbol
from backproof.errors import ShapeError
from backproof.ir.expr import (
    Add,
    Broadcast,
    Const,
    Div,
    Expr,
    Greater,
    Mul,
    Name,
    Neg,
    Power,
    Size,
    Sub,
    Sum,
    Transpose,
    aligned,
    as_expr,
    broadcast,
    count,
    describe,
    ones,
    rational,
    reduced,
    size_of,
    total,
    zeros,
)

n = Symbol("n")
A, P = Name("A", (2, 3)), Name("P", (3, 2))
N, row, column = Name("N", (n, 3)), Name("row", (1, 3)), Name("column", (2, 1))
s = Name("s")


def two() -> Const:
    return Const(Fraction(2))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (A + A, Add(A, A)),
        (A - A, Sub(A, A)),
        (A * A, Mul(A, A)),
        (A / A, Div(A, A)),
        (A > A, Greater(A, A)),
        (-A, Neg(A)),
        (A**2, Power(A, Fraction(2))),
        (A**0.5, Power(A, Fraction(1, 2))),
        (A.T, Transpose(A)),
        (s.T, s),
        (s + 2, Add(s, two())),
        (2 + s, Add(two(), s)),
        (2 - s, Sub(two(), s)),
        (2 * s, Mul(two(), s)),
        (2 / s, Div(two(), s)),
        (s > 2, Greater(s, two())),
        (A + 2, Add(A, Broadcast(two(), (2, 3)))),
        (2 - A, Sub(Broadcast(two(), (2, 3)), A)),
        (s * A, Mul(Broadcast(s, (2, 3)), A)),
        (N + row, Add(N, Broadcast(row, (n, 3)))),
        (row - N, Sub(Broadcast(row, (n, 3)), N)),
        (A / column, Div(A, Broadcast(column, (2, 3)))),
        (row * column, Mul(Broadcast(row, (2, 3)), Broadcast(column, (2, 3)))),
    ],
)
def test_operators_build_nodes_and_put_in_the_broadcasts(written: Expr, meant: Expr) -> None:
    assert written == meant


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: A + P, r"A \(2×3\) \+ P \(3×2\): the shapes differ; they must be equal, or one .* of the other"),
        (lambda: A - P, r"A \(2×3\) - P \(3×2\): the shapes differ"),
        (lambda: A * P, r"A \(2×3\) \* P \(3×2\): the shapes differ"),
        (lambda: A / P, r"A \(2×3\) / P \(3×2\): the shapes differ"),
        (lambda: A > P, r"A \(2×3\) > P \(3×2\): the shapes differ"),
        (lambda: A + N, r"A \(2×3\) \+ N \(n×3\): the shapes differ"),
        (lambda: -A + P, r"Neg \(2×3\) \+ P \(3×2\): the shapes differ"),
        (
            lambda: A @ A,
            r"cannot multiply A \(2×3\) by A \(2×3\): the columns of the first must equal the rows of the second",
        ),
        (lambda: s @ A, r"cannot multiply s \(scalar\) by A \(2×3\)"),
        (lambda: A @ s, r"cannot multiply A \(2×3\) by s \(scalar\)"),
        (lambda: N.T @ A, r"cannot multiply Transpose \(3×n\) by A \(2×3\)"),
        (
            lambda: broadcast(A, (4, 3)),
            r"cannot repeat A \(2×3\) to 4×3: only a dimension of 1 can be repeated",
        ),
        (lambda: broadcast(A, SCALAR), r"cannot repeat A \(2×3\) to scalar"),
        (lambda: broadcast(N, (5, 3)), r"cannot repeat N \(n×3\) to 5×3"),
    ],
)
def test_a_misfit_names_both_operands_and_their_shapes(build: Callable[[], Expr], message: str) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("shape", "axis", "after"), [
    ((2, 3), None, ()), ((2, 3), 0, (1, 3)), ((n, 3), 1, (n, 1)), ((), None, ()), ((), 0, ()), ((1, 1), None, ()),
])  # fmt: skip
def test_the_shape_after_a_sum(shape: Shape, axis: int | None, after: Shape) -> None:
    assert reduced(shape, axis) == after


def test_numbers_are_the_decimals_that_people_wrote() -> None:
    assert rational(0.1) == Fraction(1, 10)
    assert rational(1e-3) == Fraction(1, 1000)
    assert rational(3) == 3
    assert as_expr(0.25) == Const(Fraction(1, 4))
    assert as_expr(A) is A


def test_sizes_and_counts() -> None:
    assert size_of(n) == Size(n)
    assert size_of(4) == Const(Fraction(4))
    assert count(()) == Const(Fraction(1))
    assert count((2, 3)) == Const(Fraction(6))
    assert count((n, 1)) == count((1, n)) == Size(n)
    assert count((n, 3)) == Size(n) * Const(Fraction(3))
    assert count((n, n)) == Size(n) * Size(n)


def test_what_is_there_already_is_not_built_again() -> None:
    assert broadcast(A, (2, 3)) is A
    assert total(s) is s
    assert total(A) == Sum(A)
    assert total(A, 0) == Sum(A, 0)
    assert aligned("+", A, A) == (A, A)
    assert zeros((2, 3)) == Broadcast(Const(Fraction(0)), (2, 3))
    assert ones(()) == Const(Fraction(1))


def test_expressions_are_values() -> None:
    assert hash(A + 1) == hash(Name("A", (2, 3)) + 1)
    assert {A + 1: "found"}[Name("A", (2, 3)) + 1] == "found"
    with pytest.raises(FrozenInstanceError):
        A.id = "B"  # type: ignore[misc]
    assert not hasattr(A, "__dict__")


def test_a_description_is_short() -> None:
    assert describe(A) == "A (2×3)"
    assert describe(A @ P) == "MatMul (2×2)"
    assert describe(s) == "s (scalar)"


def test_the_base_class_has_no_shape() -> None:
    with pytest.raises(NotImplementedError, match="Expr"):
        _ = Expr().shape
