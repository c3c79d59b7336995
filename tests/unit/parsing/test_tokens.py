"""Tokens: what people type or paste becomes numbers, ASCII names and signs; everything else is refused in one line."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.errors import FormulaError
from backproof.parsing.tokens import LETTERS, SIGNS, SPELLINGS, Source, Token, tokenize


def texts(text: str, *, separators: bool = False) -> list[str]:
    return [token.text for token in tokenize(Source(text), separators=separators)][:-1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("2.5", Fraction(5, 2)),
        ("2.", 2),
        (".5", Fraction(1, 2)),
        ("1e-3", Fraction(1, 1000)),
        ("1.5E+2", 150),
        ("0.1", Fraction(1, 10)),
        ("1e300", 10**300),
        ("1e-300", Fraction(1, 10**300)),
        ("0e99999999999999", 0),
        ("1e0000000001", 10),
    ],
)
def test_numbers_are_exact(text: str, value: Fraction) -> None:
    [token, _] = tokenize(Source(text))
    assert (token.kind, token.value) == ("number", value)


@pytest.mark.parametrize("text", ["1e301", "1e-301", "1e999999999999999999", "9.9e-400", "100e299", "0.1e-300"])
def test_numbers_that_no_float_could_hold_are_refused(text: str) -> None:
    with pytest.raises(FormulaError, match=r"the number .* is out of range; its size must be from 1e-300 to 1e300"):
        tokenize(Source(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ŷ", ["y_hat"]),
        ("y\u0302", ["y_hat"]),
        ("W₁", ["W_1"]),
        ("x₁₂", ["x_12"]),
        ("λ", ["lam"]),
        ("σ(z)", ["sigma", "(", "z", ")"]),
        ("π", ["pi"]),
        ("A·B∘C×D⊙E", ["A", ".", "B", "*", "C", "*", "D", "*", "E"]),
        ("a − b – c ÷ d", ["a", "-", "b", "-", "c", "/", "d"]),
        ("Xᵀ X' X’ X.T X′", ["X", "'"] * 5),
        ("X.Total", ["X", ".", "Total"]),
        ("x² + y⁻¹⁰", ["x", "^2", "+", "y", "^-10"]),
        ("a≥b≤c≠d", ["a", ">=", "b", "<=", "c", "!=", "d"]),
        ("x**y*z", ["x", "**", "y", "*", "z"]),
        ("∑(x)", ["sum", "(", "x", ")"]),
        ("√(x)", ["sqrt", "(", "x", ")"]),
        ("2exp", ["2", "exp"]),
        ("a\u00a0+\tb", ["a", "+", "b"]),
    ],
)
def test_what_people_paste(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_separators_and_comments_are_for_programs() -> None:
    assert texts("a # b\nc; d", separators=True) == ["a", "\n", "c", ";", "d"]
    assert texts("(a\n+ b)", separators=True) == ["(", "a", "+", "b", ")"]
    assert texts("a\n+ b") == ["a", "+", "b"]


@pytest.mark.parametrize("character", [*SPELLINGS, "½", "?", "ж", "\x00", "\u202e", "😀"])
def test_a_character_that_means_nothing_is_refused_at_its_column(character: str) -> None:
    with pytest.raises(FormulaError, match="means nothing in a formula") as caught:
        tokenize(Source(f"x + {character}"))
    assert caught.value.column == 5
    message = str(caught.value)
    assert message.isprintable()
    assert SPELLINGS.get(character, "leave it out") in message


def test_no_spelling_is_given_for_a_character_that_has_a_meaning() -> None:
    meant = {*LETTERS, *(sign for sign in SIGNS if len(sign) == 1)}
    assert meant.isdisjoint(SPELLINGS)


def test_the_error_shows_one_line_cut_around_the_column() -> None:
    error = Source("a" * 50 + "?" + "b" * 50).error("no", 50)
    assert str(error) == f"no — at column 51: …{'a' * 30}|?{'b' * 29}…"
    assert (error.column, error.formula) == (51, "a" * 50 + "?" + "b" * 50)


def test_the_error_gives_the_line_of_a_program() -> None:
    assert str(Source("a = 1\nb = ?\nc").error("no", 10)) == "no — at line 2, column 5: b = |?"


def test_control_characters_cannot_reach_a_terminal() -> None:
    assert str(Source("a\tb\x1b[31m").error("no", 0)) == "no — at column 1: |a b?[31m"


def test_names_and_numbers_have_a_length() -> None:
    with pytest.raises(FormulaError, match="a name may have at most 40 letters, this one has 41"):
        tokenize(Source("a" * 41))
    with pytest.raises(FormulaError, match="a number may have at most 40 digits, this one has 41; round it"):
        tokenize(Source("1" * 41))


def outcome(text: str, separators: bool) -> list[Token] | str:
    """The tokens, or the message of the refusal."""
    try:
        return tokenize(Source(text), separators=separators)
    except FormulaError as error:
        return str(error)


@given(st.text(max_size=60), st.booleans())
def test_any_text_gives_tokens_in_order_or_one_line(text: str, separators: bool) -> None:
    found = outcome(text, separators)
    if isinstance(found, str):
        assert found.isprintable()
    else:
        assert all(a.end <= b.position for a, b in pairwise(found))
        assert all(token.text.isascii() for token in found)
