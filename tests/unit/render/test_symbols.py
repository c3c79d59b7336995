"""Symbols: identifiers taken apart; arbitrary text made harmless; numerals."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.ir.expr import Component, Name
from backproof.render.dialects import ASCII, LATEX, UNICODE
from backproof.render.numerals import Form, numeral
from backproof.render.symbols import Symbol, ascii_text, latex_text, plain_text, symbol_of
from backproof.render.typeset import typeset


@pytest.mark.parametrize(
    ("id", "symbol"),
    [
        ("W_1", Symbol("W", "", ("1",))),
        ("W1", Symbol("W", "", ("1",))),
        ("W_1_a", Symbol("W", "", ("1", "a"))),
        ("y_hat", Symbol("y", "hat")),
        ("y_hat_2", Symbol("y", "hat", ("2",))),
        ("mu_bar", Symbol("mu", "bar")),
        ("hat", Symbol("hat")),
        ("loss_hat", Symbol("loss_hat")),
        ("my_weight_2", Symbol("my_weight", "", ("2",))),
        ("a_name_of_many_words_7", Symbol("a_name_of_many_words", "", ("7",))),
        ("not an identifier", Symbol("not an identifier")),
        ("_private", Symbol("_private")),
    ],
)
def test_identifiers_are_taken_apart(id: str, symbol: Symbol) -> None:
    assert symbol_of(id) == symbol


@pytest.mark.parametrize(
    ("id", "unicode", "latex", "ascii"),
    [
        ("lambda", "λ", r"\lambda", "lambda"),
        ("sigma_2", "σ_2", r"\sigma_2", "sigma_2"),
        ("x_bar", "x̄", r"\bar{x}", "x_bar"),
        ("mu_hat_1", "μ̂_1", r"\hat{\mu}_1", "mu_hat_1"),
        ("W_10", "W_10", "W_{10}", "W_10"),
        ("b_out", "b_out", r"b_{\mathrm{out}}", "b_out"),
        ("learning_rate", "learning_rate", r"\mathrm{learning\_rate}", "learning_rate"),
        ("50% of $x$", "50% of $x$", r"\text{50\% of \$x\$}", "50% of $x$"),
        ("\x1b[31m", r"\x1b[31m", r"\text{U+001B[31m}", r"\x1b[31m"),
        ("größe", "größe", r"\text{gr\"{o}\ss{}e}", r"gr\xf6\xdfe"),
    ],
)
def test_names_are_spelt(id: str, unicode: str, latex: str, ascii: str) -> None:
    assert [typeset(Name(id), dialect) for dialect in (UNICODE, LATEX, ASCII)] == [unicode, latex, ascii]


def test_only_single_letters_become_small_in_entries() -> None:
    assert typeset(Component(Name("Bias", (2, 1)), 1, 1)) == "Bias^1"
    assert typeset(Component(Name("B", (2, 1)), 1, 1)) == "b^1"


@given(st.text())
def test_text_is_harmless_whatever_it_is(text: str) -> None:
    assert plain_text(text).isprintable()
    assert ascii_text(text).isascii()
    latex = latex_text(text)
    assert latex.isascii()
    assert latex.isprintable()
    assert balanced(latex)


def test_each_dialect_has_its_own_way_with_text() -> None:
    assert [dialect.text("50% größer\x1b") for dialect in (UNICODE, LATEX, ASCII)] == [
        r"50% größer\x1b",
        r"50\% gr\"{o}\ss{}erU+001B",
        r"50% gr\xf6\xdfer\x1b",
    ]


def balanced(latex: str) -> bool:
    depth = 0
    unescaped = latex.replace(r"\{", "").replace(r"\}", "")
    for character in unescaped:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        ("0", "0"), ("7", "7"), ("1/2", "1/2"), ("3/8", "3/8"), ("2/5", "0.4"), ("0.1", "0.1"), ("1/3", "1/3"),
        ("1/7", "1/7"), ("22/7", "22/7"), ("0.00001", "0.00001"), ("0.000001", "1e-6"), ("0.044715", "0.044715"),
        ("123456789012", "123456789012"), ("1e13", "1e13"), ("1.5e20", "1.5e20"), ("1234.5678", "1234.5678"),
        ("0.000123456", "1.23456e-4"), ("6.02214076e23", "6.02214076e23"), ("2.5", "5/2"), ("1e-300", "1e-300"),
    ],
)  # fmt: skip
def test_numerals(value: str, spelling: str) -> None:
    assert numeral(Fraction(value), UNICODE)[0] == spelling


@given(st.fractions(min_value=0) | st.floats(0, 1e30).map(lambda x: Fraction(str(x))))
def test_numerals_are_exact(value: Fraction) -> None:
    for decimals in (False, True):
        assert Fraction(numeral(value, ASCII, decimals)[0]) == value


def test_decimals() -> None:
    assert numeral(Fraction(1, 8), UNICODE, decimals=True) == ("0.125", Form.DIGITS)
    assert numeral(Fraction(1, 3), UNICODE, decimals=True) == ("1/3", Form.FRACTION)
