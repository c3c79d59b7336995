"""Trees walked and rebuilt; formulas lifted to matrices."""

from __future__ import annotations

from fractions import Fraction

import pytest

from backproof.errors import BackproofError
from backproof.ir.expr import Broadcast, Component, Const, Elementwise, Expr, Name, Partial, Sum, Where
from backproof.ir.lift import lift, where
from backproof.ir.traverse import children, names, node_count, rebuilt, substitute, transform, walk
from backproof.rules.elementwise import sigmoid
from cases import OP_CASES, Case

A, B, P = Name("A", (2, 3)), Name("B", (2, 3)), Name("P", (3, 2))
x, y = Name("x"), Name("y")


@pytest.mark.parametrize("case", OP_CASES, ids=lambda case: case.id)
def test_an_expression_is_its_operands_put_together(case: Case) -> None:
    operands = children(case.expr)
    assert rebuilt(case.expr, operands) is case.expr
    assert all(isinstance(operand, Expr) for operand in operands)
    if operands and operands[0].shape:
        other = Name("other", operands[0].shape)
        changed = rebuilt(case.expr, (other, *operands[1:]))
        assert type(changed) is type(case.expr)
        assert children(changed) == (other, *operands[1:])


def test_operands_come_in_the_order_of_the_fields() -> None:
    assert children(A - B) == (A, B)
    assert children(Where(A > B, A, B)) == (A > B, A, B)
    assert children(Sum(A, 0)) == (A,)
    assert children(x) == ()


def test_the_parts_of_a_symbol_are_no_operands() -> None:
    assert children(Component(A, 1, 2)) == ()
    assert children(Partial(x, A)) == ()


def test_the_walk_is_from_the_root_and_from_the_left() -> None:
    product = A * B
    assert list(walk(product + A)) == [product + A, product, A, B, A]


def test_change_is_applied_to_every_node_after_its_operands() -> None:
    seen: list[Expr] = []

    def note(node: Expr) -> Expr:
        seen.append(node)
        return B if node == A else node

    assert transform(A + (A - B), note) == B + (B - B)
    assert seen == [A, A, B, B - B, B + (B - B)]


def test_names_are_found_in_components_too() -> None:
    assert names(A * 2 + B) == {"A", "B"}
    assert names(Component(A, 1, 1) + x) == {"A", "x"}
    assert names(Const(Fraction(1))) == frozenset()


def test_nodes_are_counted() -> None:
    assert node_count(A) == 1
    assert node_count(A @ P + 1) == 6  # A, P, the product, 1, its repetition, the sum


def test_names_are_replaced_by_expressions() -> None:
    assert substitute(A @ P, {"A": A + B}) == (A + B) @ P
    assert substitute(A, {"B": P}) is A


# --- lifting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "lifted"),
    [
        (x, A),
        (x + y, A + B),
        (x - y, A - B),
        (x * y, A * B),
        (x / y, A / B),
        (-x, -A),
        (x**2, A**2),
        (x > y, A > B),
        (1 - x, 1 - A),
        (Elementwise(sigmoid, x), Elementwise(sigmoid, A)),
        (where(x > 0, x, y), where(A > 0, A, B)),
        (where(x > 0, x, Const(Fraction(0))), where(A > 0, A, Const(Fraction(0)))),
    ],
)
def test_a_formula_is_lifted_to_matrices(formula: Expr, lifted: Expr) -> None:
    assert lift(formula, {"x": A, "y": B}) == lifted
    assert lift(formula, {"x": x, "y": y}) == formula


def test_a_scalar_among_matrices_is_repeated() -> None:
    assert lift(x * y, {"x": x, "y": A}) == Broadcast(x, (2, 3)) * A


def test_a_condition_takes_the_common_shape() -> None:
    assert where(x > 0, A, Const(Fraction(0))).shape == (2, 3)
    row = Name("row", (1, 3))
    assert where(row > 0, x, y).shape == (1, 3)
    assert where(A > 0, row, x).shape == (2, 3)


def test_a_matrix_operation_cannot_be_lifted() -> None:
    with pytest.raises(BackproofError, match="MatMul cannot stand in an element-wise formula"):
        lift(A @ P, {})
