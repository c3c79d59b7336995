"""Simplification, example by example: what people write instead of what the rules give. Laws: tests/property."""

from __future__ import annotations

from fractions import Fraction

import pytest

from backproof.backprop.product import Product, product_of
from backproof.backprop.simplify import simplify
from backproof.dims import Symbol
from backproof.ir.expr import (
    Add,
    Broadcast,
    Const,
    Div,
    Elementwise,
    Expr,
    MatMul,
    Mul,
    Name,
    Neg,
    Power,
    Size,
    Sub,
    Sum,
    Transpose,
    Where,
    broadcast,
    total,
    zeros,
)
from backproof.rules.elementwise import exp

n = Symbol("n")
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
A, B, C = (Name(id, (2, 3)) for id in "ABC")
P, N, M = Name("P", (3, 2)), Name("N", (n, 3)), Name("M", (n, 3))
row, column, one = Name("row", (1, 3)), Name("column", (n, 1)), Name("one", (1, 1))
s, t, u = Name("s"), Name("t"), Name("u")
size = Size(n)


def number(value: int | Fraction) -> Const:
    return Const(Fraction(value))


def filled(value: int | Fraction, *shape: int | Symbol) -> Expr:
    """A matrix of one number."""
    return broadcast(number(value), shape)


CASES = {
    # numbers and signs
    "the seed's (42)": (HALF * (2 * (s - t) ** 1) * -1, t - s),
    "numbers are multiplied": (2 * (3 * A), 6 * A),
    "a number behind goes to the front": (A * HALF, HALF * A),
    "halves and twos": (2 * (HALF * A), A),
    "two minus signs": (Neg(Neg(A)), A),
    "a minus inside a product": (A * -B, -(A * B)),
    "a minus goes into a difference": (-(A - B) * C, (B - A) * C),
    "into the first difference only": (-((A - B) * (B - C)), (B - A) * (B - C)),
    "a minus beside the 1 − y of a derivative": (-(s * t * (1 - t)), -(s * t * (1 - t))),
    "past the 1 − y into another difference": (-(t * (1 - t) * (s - u)), t * (1 - t) * (u - s)),
    "a minus before a difference": (-(A - B), B - A),
    "a minus before 1 − x": (-(1 - s), s - 1),
    "a minus before a difference from a negative number": (Neg(Sub(number(-2), s)), s + 2),
    "nothing times one": (1 * A, A),
    "nothing divided by one": (A / 1, A),
    "nothing times zero": (0 * A, zeros((2, 3))),
    "zero divided": (0 / A, zeros((2, 3))),
    "division by a number": (A / 2, HALF * A),
    "minus one": (-1 * A, Neg(A)),
    # products
    "brackets are taken off": (A * (B * C), A * B * C),
    "of quotients": ((A / B) * (C / B), A * C / (B * B)),
    "a quotient of quotients": (A / (B / C), A * C / B),
    "equal factors cancel": (A * B / A, B),
    "what is left of a quotient": (A / (A * B), 1 / B),
    "x over x": (s / s, number(1)),
    "scalars before matrices": (A * (broadcast(s, (2, 3)) * B), s * (A * B)),
    "a scalar in brackets": (s * (t * A), (s * t) * A),
    "1/n stays one fraction": (HALF * ((1 / size) * A), (1 / (2 * size)) * A),
    "a sum divided by n": (total(A) / size, (1 / size) * total(A)),
    "3/10n": (Fraction(3, 10) * ((1 / size) * A), (3 / (10 * size)) * A),
    "a number times a scalar times a matrix": (HALF * (s * A), (HALF * s) * A),
    # sums
    "plus zero": (A + 0, A),
    "zero plus": (0 + A, A),
    "minus zero": (A - 0, A),
    "zero minus": (0 - A, Neg(A)),
    "a sum of numbers": (number(1) + number(2), number(3)),
    "a difference of filled matrices": (filled(1, 2, 3) - filled(3, 2, 3), filled(-2, 2, 3)),
    "twice the same": (A + A, 2 * A),
    "nothing left": (A - A, zeros((2, 3))),
    "plus a minus": (A + -B, A - B),
    "minus a minus": (A - -B, A + B),
    "a minus first": (-A + B, B - A),
    "plus a negative number": (s + -2, s - 2),
    "a common scalar": ((1 / size) * A - (1 / size) * B, (1 / size) * (A - B)),
    "different scalars are left": (s * A - t * B, s * A - t * B),
    "a common number is left": (2 * A + 2 * B, 2 * A + 2 * B),
    # powers
    "to the first": (A**1, A),
    "to the zeroth": (A**0, filled(1, 2, 3)),
    "of a number": (number(2) ** 3, number(8)),
    "a negative power of a number": (number(2) ** -2, number(Fraction(1, 4))),
    "a root of a number is left": (number(2) ** HALF, Power(number(2), HALF)),
    "zero to a negative power is left": (Power(number(0), Fraction(-1)), Power(number(0), Fraction(-1))),
    # matrices
    "a number out of a matrix product": ((2 * N) @ P, 2 * (N @ P)),
    "numbers out of both": ((HALF * N) @ (3 * P), Fraction(3, 2) * (N @ P)),
    "a scalar out of a matrix product": (N @ (s * P), s * (N @ P)),
    "a minus out of a matrix product": ((-N) @ P, -(N @ P)),
    "a matrix of one number on the left": (MatMul(filled(2, 4, n), N), 2 * broadcast(Sum(N, 0), (4, 3))),
    "a matrix of one number on the right": (MatMul(N, filled(1, 3, 1)), Sum(N, 1)),
    "one number as a matrix": (MatMul(column, filled(-1, 1, 1)), -column),
    "a product with nothing": (MatMul(zeros((2, n)), N), zeros((2, 3))),
    "transposed twice": (A.T.T, A),
    "the transpose of one entry": (one.T, one),
    "the transpose of a filled matrix": (broadcast(s, (2, 3)).T, broadcast(s, (3, 2))),
    "the transpose of a repeated row": (broadcast(row, (n, 3)).T, broadcast(row.T, (3, n))),
    "a number out of a transpose": ((2 * A).T, 2 * A.T),
    "the transpose of a product with a transpose": ((N.T @ M).T, M.T @ N),
    "the transpose of a product is left": ((A @ P).T, Transpose(A @ P)),
    "the sum of one entry": (Sum(row, 0), row),
    "a number out of a sum": (total(2 * A), 2 * total(A)),
    "1/n out of a sum": (Sum((1 / size) * N, 0), (1 / size) * Sum(N, 0)),
    "a minus out of a sum": (total(-A), -total(A)),
    "the sum of ones": (total(filled(1, 2, 3)), number(6)),
    "the sum of ones over a batch": (Sum(filled(1, n, 3), 0), broadcast(size, (1, 3))),
    "the sum of a repeated row": (Sum(broadcast(row, (n, 3)), 0), size * row),
    "along a repeated row": (Sum(broadcast(row, (n, 3)), 1), broadcast(total(row, 1), (n, 1))),
    "all of a repeated row": (total(broadcast(row, (n, 3))), size * total(row)),
    "a sign out of a repetition": (broadcast(-row, (n, 3)), -broadcast(row, (n, 3))),
    "1/n out of a repetition": (broadcast((1 / size) * row, (n, 3)), (1 / size) * broadcast(row, (n, 3))),
    "repeated twice": (Broadcast(Broadcast(s, (1, 3)), (n, 3)), Broadcast(s, (n, 3))),
    # choices
    "both branches the same": (Where(A > B, C, C), C),
    "two branches": (Where(A > B, A, B), Where(A > B, A, B)),
    # inside functions
    "the argument of a function": (Elementwise(exp, 1 * A + 0), Elementwise(exp, A)),
}


@pytest.mark.parametrize("name", CASES)
def test_simplified(name: str) -> None:
    before, after = CASES[name]
    assert simplify(before) == after
    assert simplify(after) == after, "what people write is not left as it is"
    assert before.shape == after.shape


@pytest.mark.parametrize(
    "expr", [A - B, N @ P, s * (1 - s), Where(A > B, A, B), (s - t) * s * (1 - s), 1 / (1 + Elementwise(exp, -s))]
)
def test_what_is_simple_is_left(expr: Expr) -> None:
    assert simplify(expr) == expr


def test_known_values_are_replaced_by_their_names() -> None:
    output = Name("l", (n, 2))
    known: dict[Expr, Expr] = {N @ P: output}
    assert simplify((N @ P) * 2, known) == 2 * output
    assert simplify(1 * N @ P, known) == output
    assert simplify(N, known) == N


def test_division_by_zero_stays_visible() -> None:
    assert simplify(2 * Div(s, number(0))) == 2 * s / number(0)


# --- products -----------------------------------------------------------------------------------------------------


def test_a_product_is_gathered() -> None:
    gathered = product_of(-2 * (s * A) / (t * B))
    assert gathered == Product((2, 3), Fraction(-2), [s], [t], [A], [B])
    assert gathered.expression() == -(((2 * s) / t) * A / B)


def test_the_scalar_part_is_taken_off() -> None:
    gathered = product_of(HALF * (s * A))
    scalar = gathered.strip()
    assert scalar.expression() == HALF * s
    assert gathered.expression() == A
    assert product_of(A).strip().is_one


def test_of_a_product_of_scalars_the_number_is_taken_off() -> None:
    gathered = product_of(2 * s)
    assert gathered.strip().expression() == number(2)
    assert gathered.expression() == s


def test_a_filled_matrix_is_a_scalar_repeated() -> None:
    assert product_of(broadcast(s * t, (2, 3))).is_scalar
    assert not product_of(A).is_scalar
    assert Product((2, 3)).is_one
    assert Product((2, 3)).expression() == filled(1, 2, 3)


def test_what_is_added_is_not_mixed_up() -> None:
    assert simplify(Add(Mul(s, t), Mul(t, s))) == Add(Mul(s, t), Mul(t, s)), "factors are not sorted"
    assert simplify(u + THIRD * u) == u + THIRD * u
