"""Spelt operations: parentheses where the order of computing needs them, floats where integers would go wrong."""

from __future__ import annotations

from fractions import Fraction

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol
from backproof.emit.numpy_source import numpy_source
from backproof.emit.numpy_writer import NumpyWriter, UnicodeWords
from backproof.emit.spelling import NUMPY_SPELLING, UNICODE_SPELLING, spelt
from backproof.ir.expr import Component, Const, Elementwise, Expr, Name, Neg, Power, Size, Softmax, broadcast, total
from backproof.ir.lift import where
from backproof.ir.lowering import lower
from backproof.networks import mlp
from backproof.rules.elementwise import exp, sigmoid

TRACE = backpropagate(mlp(3, 2, 1))
n = Symbol("n")
a, b, c, s = Name("a", (2, 2)), Name("b", (2, 2)), Name("c", (2, 2)), Name("s")
row = Name("r", (1, 2))
TWO = Const(Fraction(2))


@pytest.mark.parametrize(
    ("expr", "numpy", "formula"),
    [
        (a - b - c, "a - b - c", "a − b − c"),
        (a - (b - c), "a - (b - c)", "a − (b − c)"),
        (a + (b + c), "a + (b + c)", "a + (b + c)"),
        (a * b * c, "a * b * c", "a ∘ b ∘ c"),
        (a * (b * c), "a * (b * c)", "a ∘ (b ∘ c)"),
        (a / b * c, "(a / b) * c", "(a / b) ∘ c"),
        (a / (b * c), "a / (b * c)", "a / (b ∘ c)"),
        ((a + b) * c, "(a + b) * c", "(a + b) ∘ c"),
        ((a + b) @ c, "(a + b) @ c", "(a + b)·c"),
        (a @ (b * c), "a @ (b * c)", "a·(b ∘ c)"),
        (a @ b @ c, "a @ b @ c", "(a·b)·c"),
        (a @ (b @ c), "a @ (b @ c)", "a·(b·c)"),
        ((a @ b) * c, "(a @ b) * c", "(a·b) ∘ c"),
        (a @ b + c, "a @ b + c", "a·b + c"),
        (-(a - b), "-(a - b)", "−(a − b)"),
        (-(a * b), "-(a * b)", "−(a ∘ b)"),
        (Neg(Neg(a)), "-(-a)", "−(−a)"),
        ((-a) ** 2, "(-a) ** 2", "(−a)²"),
        ((a + b) ** 2, "(a + b) ** 2", "(a + b)²"),
        (a**3, "a**3", "a³"),
        (a**-2, "1 / a**2", "1 / a²"),
        (a ** Fraction(1, 2), "np.sqrt(a)", "√(a)"),
        (a ** Fraction(1, 4), "a**0.25", "a^0.25"),
        (s**2, "np.square(s)", "s²"),
        (s**3, "np.power(s, 3)", "s³"),
        ((a + b).T @ c, "(a + b).T @ c", "(a + b)ᵀ·c"),
        (a * (b > c), "a * (b > c)", "a ∘ [b > c]"),
        ((b > c) + a, "np.where(b > c, 1.0, 0.0) + a", "[b > c] + a"),
        (where(a > b, TWO, a), "np.where(a > b, 2.0, a)", "where([a > b], 2, a)"),
        (where(a, a, b), "np.where(a != 0, a, b)", "where(a, a, b)"),
        (a + Elementwise(exp, TWO), "a + np.exp(2.0)", "a + exp(2)"),
        (a * Elementwise(exp, 2 * Size(n)), "a * np.exp(float(2 * n))", "a × exp(2 × n)"),
        (Fraction(1, 2) * s, "0.5 * s", "½ × s"),
        (Fraction(1, 3) * s, "0.3333333333333333 * s", "1/3 × s"),
        (-3 * s, "-3 * s", "-3 × s"),
        (Power(TWO, Fraction(-1, 2)) * s, "2**-0.5 * s", "2^-0.5 × s"),
        (total(row + a), "np.sum(r + a)", "Σ(r + a)"),
        (total(broadcast(row, (2, 2)), 0), None, "Σᵢ(r)"),
        (total(a, 1), "np.sum(a, axis=1, keepdims=True)", "Σⱼ(a)"),
        (broadcast(TWO, (2, 2)), "np.full((2, 2), 2, dtype=float)", "2"),
        (broadcast(row, (2, 2)), "np.broadcast_to(r, (2, 2))", "r"),
        (Softmax(a, 1), "softmax(a, axis=1)", "softmax(a)"),
        (Elementwise(sigmoid, a), "sigmoid(a)", "σ(a)"),
        (Component(a, 1, 2), "a[0, 1]", "a[1, 2]"),
    ],
)
def test_how_it_is_spelt(expr: Expr, numpy: str | None, formula: str | None) -> None:
    operation = lower(expr)
    if numpy is not None:
        assert str(spelt(operation, NUMPY_SPELLING, NumpyWriter(TRACE, ["np"]))) == numpy
    if formula is not None:
        assert str(spelt(operation, UNICODE_SPELLING, UnicodeWords(TRACE))) == formula


def test_names_in_comments() -> None:
    words = UnicodeWords(TRACE)
    found = [words.quantity(id) for id in ("y_hat", "x_bar", "delta_2", "grad_W_1", "grad_y_hat", "W_1", "a\nb")]
    assert found == ["ŷ", "x̄", "Δl_2", "∂L/∂W_1", "∂L/∂ŷ", "W_1", "a b"]


def test_only_parameters_are_updated() -> None:
    text = numpy_source(backpropagate(mlp(3, 2, 1), wrt=["W_2", "l_1", "X"]))
    assert "W_2 = W_2 - learning_rate * grad_W_2" in text
    assert text.count("- learning_rate *") == 1
