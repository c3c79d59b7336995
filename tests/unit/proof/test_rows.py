"""Derivatives of functions in the field and in digits; and a function whose law the field does not know."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from backproof.ir.expr import Elementwise, Function, Name, total
from backproof.ir.program import Equation, Program
from backproof.proof.rows import functions_in, row_holds_in_digits, row_holds_in_field
from backproof.rules.elementwise import FUNCTIONS, elu, exp, gelu, huber, leaky_relu, sigmoid, tanh

x, y = Name("x"), Name("y")
DOUBLED = Function("doubled", Elementwise(exp, 2 * x), 2 * Elementwise(exp, x) ** 2)
"""exp(2x)' = 2 exp(x)²: right, but free functions do not know that exp(2x) = exp(x)²."""


@pytest.mark.parametrize("fn", [*FUNCTIONS.values(), leaky_relu(0.2), elu(1.5), huber(Fraction(3, 4))], ids=str)
def test_every_row_is_an_identity_of_the_field(fn: Function) -> None:
    assert row_holds_in_field(fn)
    assert row_holds_in_digits(fn)


@pytest.mark.parametrize(
    "fn",
    [
        replace(sigmoid, derivative=y * (1 + y)),
        replace(tanh, derivative=1 - y),
        replace(leaky_relu(0.2), derivative=leaky_relu(0.3).derivative),
        replace(exp, derivative=x),
    ],
    ids=str,
)
def test_a_wrong_row_fails_in_both(fn: Function) -> None:
    assert not row_holds_in_field(fn)
    assert not row_holds_in_digits(fn)


def test_a_law_that_free_functions_do_not_know() -> None:
    assert not row_holds_in_field(DOUBLED)
    assert row_holds_in_digits(DOUBLED)


def test_functions_are_found_in_definitions_too() -> None:
    w = Name("w", (1, 1))
    program = Program((), (w,), (Equation(Name("L"), total(Elementwise(gelu, w))),), "L")
    assert {fn.name for fn in functions_in(program)} == {"gelu", "normal_cdf", "erf"}
