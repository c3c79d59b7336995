"""Notation: its choices are checked, and it explains exactly the signs that occur."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any, get_type_hints

import pytest

from backproof.errors import SpecificationError
from backproof.ir.expr import (
    Broadcast,
    Component,
    Div,
    Expr,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Partial,
    Power,
    Softmax,
    Sum,
    Transpose,
)
from backproof.notation import CHOICES, CONVENTIONS, KEYBOARD, Notation
from backproof.render.typeset import DEFAULT, typeset

A, B, C, X = Name("A", (3, 2)), Name("B", (3, 2)), Name("C", (2, 3)), Name("X", (4, 3))
a, b = Name("a"), Name("b")


def described(*used: Expr, notation: Notation = DEFAULT) -> list[str]:
    return [typeset(convention.example, notation=notation) for convention in notation.describe(*used)]


def test_the_default_is_the_seeds() -> None:
    assert Notation() == Notation("Δ", "∘", ".", "seed", "fractions", "rows", "L")


@pytest.mark.parametrize("field", CHOICES)
def test_every_choice_is_taken_and_nothing_else(field: str) -> None:
    for choice in CHOICES[field]:
        choices: dict[str, Any] = {field: choice}
        assert getattr(Notation(**choices), field) == choice
    wrong: dict[str, Any] = {field: "nonsense"}
    with pytest.raises(SpecificationError, match=f"^unknown {field} 'nonsense' in the notation; choose one of: "):
        Notation(**wrong)


def test_every_field_but_the_loss_has_choices() -> None:
    assert {field.name for field in dataclasses.fields(Notation)} == {*CHOICES, "loss"}
    assert set(get_type_hints(Notation)) == {*CHOICES, "loss"}


def test_the_loss_has_a_name() -> None:
    with pytest.raises(SpecificationError, match="identifier of a quantity"):
        Notation(loss="")


@pytest.mark.parametrize(
    ("field", "word", "sign"), [(field, word, sign) for field in KEYBOARD for word, sign in KEYBOARD[field].items()]
)
def test_signs_can_be_named(field: str, word: str, sign: str) -> None:
    assert getattr(Notation.parse(**{field: word}), field) == sign
    assert getattr(Notation.parse(**{field: sign}), field) == sign


def test_every_sign_that_is_not_on_a_keyboard_has_a_name() -> None:
    for field, choices in CHOICES.items():
        named = set(KEYBOARD.get(field, {}).values())
        assert all(choice in named or choice.isascii() for choice in choices)


def test_unknown_fields_are_refused_with_the_nearest() -> None:
    with pytest.raises(SpecificationError, match="a notation has no 'hadamart'; did you mean 'hadamard'"):
        Notation.parse(hadamart="circ")


# --- explanations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "signs"),
    [
        (X, ["X"]),
        (MatMul(A, C), ["A . C"]),
        (Mul(A, B), ["A ∘ B"]),
        (Mul(a, b), ["a × b"]),
        (Div(A, B), ["A/B"]),
        (Transpose(A), ["Aᵀ"]),
        (A + Broadcast(Name("b_1", (1, 2)), (3, 2)), ["A + b_1"]),
        (Component(A, 1, 1), ["w_1^{ij}"]),
        (Power(A, Fraction(2)), ["l_1²"]),
        (Power(a, Fraction(2)), []),
        (Partial(Name("L"), A), ["∂L/∂W_1"]),
        (Name("grad_W_1", (3, 2)), ["∂L/∂W_1"]),
        (Name("delta_1", (3, 2)), ["Δl_k"]),
        (Component(Name("delta_1", (3, 2)), 1, 1), ["w_1^{ij}", "Δl_k"]),
        (Partial(Name("L"), Component(A, 1, 1)), ["w_1^{ij}", "∂L/∂W_1"]),
        (Sum(A), ["Σ A"]),
        (Sum(A, 0), ["Σ_rows A"]),
        (Sum(A, 1), ["Σ_columns A"]),
        (Greater(a, b), ["[a > 0]"]),
        (Softmax(A, 1), ["softmax(A)"]),
        (LogSumExp(A, 1), ["logsumexp(A)"]),
        (2 * A, ["A + b_1"]),
        (a + b, []),
    ],
    ids=str,
)
def test_only_the_signs_that_occur_are_explained(used: Expr, signs: list[str]) -> None:
    assert described(used) == signs


def test_without_expressions_every_sign_is_explained() -> None:
    assert len(Notation().describe()) == len(CONVENTIONS)


def test_explanations_follow_the_notation() -> None:
    other = Notation(delta="δ", hadamard="⊙", matmul="·", indices="plain", samples="columns", loss="E")
    assert described(X @ Name("W", (3, 2)), Mul(A, B), Name("delta_1"), Partial(a, A), notation=other) == [
        "X",
        "A · C",
        "A ⊙ B",
        "∂E/∂W_1",
        "δ_k",
    ]
    inputs, *_, adjoint = other.describe(X, Name("delta_1"))
    assert inputs.meaning == "the inputs, one training example to a column"
    assert adjoint.meaning == "the derivative of E with respect to the argument of layer k's activation"


def test_the_seeds_raised_indices_come_with_a_warning() -> None:
    (seed,) = Notation().describe(Component(A, 1, 1))
    (plain,) = Notation(indices="plain").describe(Component(A, 1, 1))
    assert "no power" in seed.meaning
    assert "power" not in plain.meaning


def test_meanings_are_plain_sentences() -> None:
    for convention in Notation().describe():
        assert convention.meaning[0].isalnum()
        assert not set(convention.meaning) & set("$\\_^{}<>")
