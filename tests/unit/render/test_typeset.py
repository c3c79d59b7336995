"""Typesetting: every class of expression in every dialect; accepted by KaTeX and pdflatex."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

import backproof
import backproof.ir.expr as expressions
from backproof.dims import Symbol
from backproof.errors import UnsupportedError
from backproof.ir.expr import (
    Add,
    Assembled,
    Broadcast,
    Component,
    Const,
    Elementwise,
    Expr,
    Function,
    LogSumExp,
    Name,
    Neg,
    Partial,
    Pi,
    Size,
    Softmax,
    Sum,
    SumOver,
    Transpose,
    Where,
)
from backproof.ir.traverse import walk
from backproof.notation import Notation
from backproof.render.dialects import ASCII, LATEX, UNICODE
from backproof.render.typeset import RULES, matrix_of, typeset
from backproof.rules.elementwise import FUNCTIONS, abs_, exp, relu, sigmoid

KATEX = Path(backproof.__file__).parent / "render" / "vendor" / "katex"

n = Symbol("n")
X, W_1, W_2, b_1 = Name("X", (1, 3)), Name("W_1", (3, 2)), Name("W_2", (2, 1)), Name("b_1", (1, 2))
l_1, y, y_hat = Name("l_1", (1, 2)), Name("y", (1, 1)), Name("y_hat", (1, 1))
A, B, Y, Y_hat = Name("A", (n, 2)), Name("B", (n, 2)), Name("y", (n, 1)), Name("y_hat", (n, 1))
delta_1, delta_2 = Name("delta_1", (1, 2)), Name("delta_2", (1, 1))
a, b, c, s, L = Name("a"), Name("b"), Name("c"), Name("lambda"), Name("L")
half = Fraction(1, 2)


def f(fn: Function, x: Expr) -> Expr:
    return Elementwise(fn, x)


def number(text: str) -> Expr:
    return Const(Fraction(text))


def x(i: int | str) -> Expr:
    return Component(X, 1, i)


def w(i: int | str, j: int | str) -> Expr:
    return Component(W_1, i, j)


@dataclass(frozen=True, slots=True)
class Case:
    """An expression and its spelling in the seed's notation."""

    expr: Expr
    unicode: str
    latex: str
    ascii: str

    def __str__(self) -> str:
        return self.ascii


CASES = [
    # leaves
    Case(number("2"), "2", "2", "2"),
    Case(number("-2"), "−2", "-2", "-2"),
    Case(number("1/2"), "1/2", r"\frac{1}{2}", "1/2"),
    Case(number("1/3"), "1/3", r"\frac{1}{3}", "1/3"),
    Case(number("0.005"), "0.005", "0.005", "0.005"),
    Case(number("1e-8"), "1e-8", "10^{-8}", "1e-8"),
    Case(Pi(), "π", r"\pi", "pi"),
    Case(Size(n), "n", "n", "n"),
    Case(W_1, "W_1", "W_1", "W_1"),
    Case(y_hat, "ŷ", r"\hat{y}", "y_hat"),
    Case(s, "λ", r"\lambda", "lambda"),
    Case(delta_1, "Δl_1", r"\Delta l_1", "delta_1"),
    Case(Name("grad_W_1", (3, 2)), "∂L/∂W_1", r"\frac{\partial L}{\partial W_1}", "dL/dW_1"),
    # entries: the index of a single row or column is left out
    Case(w(1, 1), "w_1^{11}", "w_1^{11}", "w_1^{11}"),
    Case(w("i", "j"), "w_1^{ij}", "w_1^{ij}", "w_1^{ij}"),
    Case(Component(W_2, 2, 1), "w_2^2", "w_2^2", "w_2^2"),
    Case(x("i"), "x^i", "x^i", "x^i"),
    Case(Component(y_hat, 1, 1), "ŷ", r"\hat{y}", "y_hat"),
    Case(Component(Name("y_hat", (1, 4)), 1, "k"), "ŷ^k", r"\hat{y}^k", "y_hat^k"),
    Case(Component(delta_1, 1, 2), "Δl_1^2", r"\Delta l_1^2", "delta_1^2"),
    Case(Component(Name("W_1", (784, 128)), 784, 1), "w_1^{784,1}", "w_1^{784,1}", "w_1^{784,1}"),
    Case(Component(A, "n", 2), "a^{n,2}", "a^{n,2}", "a^{n,2}"),
    Case(
        Component(Name("grad_W_1", (3, 2)), 3, 2),
        "∂L/∂w_1^{32}",
        r"\frac{\partial L}{\partial w_1^{32}}",
        "dL/dw_1^{32}",
    ),
    Case(Partial(L, w(1, 1)), "∂L/∂w_1^{11}", r"\frac{\partial L}{\partial w_1^{11}}", "dL/dw_1^{11}"),
    Case(
        Partial(L, X @ W_1),
        "∂L/∂(X . W_1)",
        r"\frac{\partial L}{\partial (X \mathbin{.} W_1)}",
        "dL/d(X . W_1)",
    ),
    # sums
    Case(a + b + c, "a + b + c", "a + b + c", "a + b + c"),
    Case(a + (b + c), "a + (b + c)", "a + (b + c)", "a + (b + c)"),
    Case(a - (b - c), "a − (b − c)", "a - (b - c)", "a - (b - c)"),
    Case(a - -b, "a − (−b)", "a - (-b)", "a - (-b)"),
    Case(-a + b, "−a + b", "-a + b", "-a + b"),
    Case(-(a + b), "−(a + b)", "-(a + b)", "-(a + b)"),
    Case(Neg(-a), "−(−a)", "-(-a)", "-(-a)"),
    Case(a + number("-2"), "a + (−2)", "a + (-2)", "a + (-2)"),
    # products
    Case(a * b * c, "a × b × c", r"a \times b \times c", "a * b * c"),
    Case(a * (b * c), "a × (b × c)", r"a \times (b \times c)", "a * (b * c)"),
    Case(a * (b + c), "a × (b + c)", r"a \times (b + c)", "a * (b + c)"),
    Case(-a * b, "−a × b", r"-a \times b", "-a * b"),
    Case(a * -b, "a × (−b)", r"a \times (-b)", "a * (-b)"),
    Case(A * B, "A ∘ B", r"A \circ B", "A * B"),
    Case(2 * a, "2 a", "2 a", "2 a"),
    Case(2 * (Y_hat - Y), "2(ŷ − y)", r"2(\hat{y} - y)", "2(y_hat - y)"),
    Case(2 * number("3"), "2 × 3", r"2 \times 3", "2 * 3"),
    Case(1 * A, "1 × A", r"1 \times A", "1 * A"),
    Case(-2 * (Y_hat - Y), "−2(ŷ − y)", r"-2(\hat{y} - y)", "-2(y_hat - y)"),
    Case(2 / Size(n) * (Y_hat - Y), "2/n × (ŷ − y)", r"\frac{2}{n}(\hat{y} - y)", "2/n * (y_hat - y)"),
    Case(half * (y - y_hat) ** 2, "1/2 × (y − ŷ)²", r"\frac{1}{2}(y - \hat{y})^2", "1/2 * (y - y_hat)**2"),
    Case(2 * (1 / a), "2 × 1/a", r"2 \times \frac{1}{a}", "2 * 1/a"),
    Case(s * W_1, "λ × W_1", r"\lambda W_1", "lambda * W_1"),
    Case(s * (A - B), "λ × (A − B)", r"\lambda\, (A - B)", "lambda * (A - B)"),
    Case(A * s, "A × λ", r"A \times \lambda", "A * lambda"),
    Case((A * B) * s, "(A ∘ B) × λ", r"(A \circ B) \times \lambda", "A * B * lambda"),
    Case(2 * A * B, "2 A ∘ B", r"2 A \circ B", "2 A * B"),
    Case(2 * (A * B), "2(A ∘ B)", r"2(A \circ B)", "2(A * B)"),
    Case(
        1 / Size(n) * (A.T @ B),
        "1/n × (Aᵀ . B)",
        r"\frac{1}{n} A^\top \mathbin{.} B",
        "1/n * (A^T . B)",
    ),
    Case(
        (y_hat - y) * y_hat * (1 - y_hat),
        "(ŷ − y) × ŷ × (1 − ŷ)",
        r"(\hat{y} - y) \times \hat{y} \times (1 - \hat{y})",
        "(y_hat - y) * y_hat * (1 - y_hat)",
    ),
    Case(
        (delta_2 @ W_2.T) * l_1 * (1 - l_1),
        "(Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)",
        r"(\Delta l_2 \mathbin{.} W_2^\top) \circ l_1 \circ (1 - l_1)",
        "(delta_2 . W_2^T) * l_1 * (1 - l_1)",
    ),
    Case(X @ (W_1 + W_1), "X . (W_1 + W_1)", r"X \mathbin{.} (W_1 + W_1)", "X . (W_1 + W_1)"),
    Case(X @ (W_1 @ W_2), "X . (W_1 . W_2)", r"X \mathbin{.} (W_1 \mathbin{.} W_2)", "X . (W_1 . W_2)"),
    Case((A * B) @ W_2, "(A ∘ B) . W_2", r"(A \circ B) \mathbin{.} W_2", "(A * B) . W_2"),
    Case(-(A * B) @ W_2, "(−A ∘ B) . W_2", r"(-A \circ B) \mathbin{.} W_2", "(-A * B) . W_2"),
    Case(-(a * b) * c, "−a × b × c", r"-a \times b \times c", "-a * b * c"),
    Case(a + -2 * b, "a + (−2 b)", "a + (-2 b)", "a + (-2 b)"),
    # quotients and powers
    Case(number("-2") ** 2, "(−2)²", "(-2)^2", "(-2)**2"),
    Case(a / b, "a/b", r"\frac{a}{b}", "a/b"),
    Case(a / (b * c), "a/(b × c)", r"\frac{a}{b \times c}", "a/(b * c)"),
    Case(a / b / c, "(a/b)/c", r"\frac{\frac{a}{b}}{c}", "(a/b)/c"),
    Case(a / (b / c), "a/(b/c)", r"\frac{a}{\frac{b}{c}}", "a/(b/c)"),
    Case((a + b) / c, "(a + b)/c", r"\frac{a + b}{c}", "(a + b)/c"),
    Case((a / b) ** 2, "(a/b)²", r"\left( \frac{a}{b} \right)^2", "(a/b)**2"),
    Case(a**2, "a²", "a^2", "a**2"),
    Case(A**2, "A²", "(A)^2", "A**2"),
    Case(w(1, 1) ** 2, "(w_1^{11})²", "(w_1^{11})^2", "(w_1^{11})**2"),
    Case((-a) ** 2, "(−a)²", "(-a)^2", "(-a)**2"),
    Case((a**2) ** 3, "(a²)³", "(a^2)^3", "(a**2)**3"),
    Case(a**half, "√(a)", r"\sqrt{a}", "sqrt(a)"),
    Case(a ** Fraction(3, 2), "a^(3/2)", "a^{3/2}", "a**(3/2)"),
    Case(a**-1, "1/a", r"\frac{1}{a}", "1/a"),
    Case(a**-half, "1/√(a)", r"\frac{1}{\sqrt{a}}", "1/sqrt(a)"),
    Case((a + b) ** -2, "1/(a + b)²", r"\frac{1}{(a + b)^2}", "1/(a + b)**2"),
    # functions
    Case(f(sigmoid, X @ W_1), "σ(X . W_1)", r"\sigma(X \mathbin{.} W_1)", "sigmoid(X . W_1)"),
    Case(f(relu, a), "ReLU(a)", r"\operatorname{ReLU}(a)", "ReLU(a)"),
    Case(f(exp, -a), "exp(−a)", "e^{-a}", "exp(-a)"),
    Case(f(exp, a / b), "exp(a/b)", r"\exp\!\left( \frac{a}{b} \right)", "exp(a/b)"),
    Case(f(exp, a) ** 2, "exp(a)²", "(e^{a})^2", "exp(a)**2"),
    Case(f(abs_, a - b), "|a − b|", "|a - b|", "|a - b|"),
    Case(s * f(abs_, A), "λ × |A|", r"\lambda \times |A|", "lambda * |A|"),
    Case(f(FUNCTIONS["negative_part"], a), "min(a, 0)", r"\min(a, 0)", "min(a, 0)"),
    Case(f(Function("my_act"), a), "my_act(a)", r"\operatorname{my\_act}(a)", "my_act(a)"),
    Case(
        f(sigmoid, a / b) ** 2,
        "σ(a/b)²",
        r"\sigma\!\left( \frac{a}{b} \right)^2",
        "sigmoid(a/b)**2",
    ),
    Case(A * (B > 0), "A ∘ [B > 0]", "A \\circ [B > 0]", "A * [B > 0]"),
    Case(
        Where(a > 0, a, number("0.01") * a),
        "{a if a > 0; 0.01 a otherwise}",
        r"\begin{cases} a & \text{if } a > 0 \\ 0.01 a & \text{otherwise} \end{cases}",
        "{a if a > 0; 0.01 a otherwise}",
    ),
    Case(
        b * Where(a, a, b),
        "b × {a if a = 1; b otherwise}",
        r"b \times \left( \begin{cases} a & \text{if } a = 1 \\ b & \text{otherwise} \end{cases} \right)",
        "b * {a if a = 1; b otherwise}",
    ),
    Case(
        Where(a > 0, a, b) + c,
        "{a if a > 0; b otherwise} + c",
        r"\left( \begin{cases} a & \text{if } a > 0 \\ b & \text{otherwise} \end{cases} \right) + c",
        "{a if a > 0; b otherwise} + c",
    ),
    # matrices
    Case(A.T, "Aᵀ", r"A^\top", "A^T"),
    Case(Transpose(A.T), "(Aᵀ)ᵀ", r"(A^\top)^\top", "(A^T)^T"),
    Case((A + B).T, "(A + B)ᵀ", r"(A + B)^\top", "(A + B)^T"),
    Case(Partial(L, A).T, "(∂L/∂A)ᵀ", r"\left( \frac{\partial L}{\partial A} \right)^\top", "(dL/dA)^T"),
    Case(
        Partial(L, l_1).T @ X,
        "(∂L/∂l_1)ᵀ . X",
        r"\left( \frac{\partial L}{\partial l_1} \right)^\top \mathbin{.} X",
        "(dL/dl_1)^T . X",
    ),
    Case(
        Partial(L, l_1) @ W_1.T,
        "∂L/∂l_1 . W_1ᵀ",
        r"\frac{\partial L}{\partial l_1} \mathbin{.} W_1^\top",
        "dL/dl_1 . W_1^T",
    ),
    Case(Sum(A), "Σ A", r"\sum A", "sum A"),
    Case(Sum(A, 0), "Σ_rows A", r"\sum_{\text{rows}} A", "sum_rows A"),
    Case(Sum(A, 1), "Σ_columns A", r"\sum_{\text{columns}} A", "sum_columns A"),
    Case(Sum(A * B), "Σ A ∘ B", r"\sum A \circ B", "sum A * B"),
    Case(Sum(A + B), "Σ (A + B)", r"\sum (A + B)", "sum (A + B)"),
    Case(Sum(-A), "Σ (−A)", r"\sum (-A)", "sum (-A)"),
    Case(Sum(A) + a, "Σ A + a", r"\sum A + a", "sum A + a"),
    Case(Sum(A) * a, "(Σ A) × a", r"\left( \sum A \right) \times a", "(sum A) * a"),
    Case(a * Sum(A) * b, "(a × Σ A) × b", r"\left( a \sum A \right) \times b", "(a * sum A) * b"),
    Case(Neg(a * Sum(A)) * b, "(−a × Σ A) × b", r"\left( -a \sum A \right) \times b", "(-a * sum A) * b"),
    Case(Sum(A) / a, "(Σ A)/a", r"\frac{\sum A}{a}", "(sum A)/a"),
    Case(Sum(A) ** 2, "(Σ A)²", r"\left( \sum A \right)^2", "(sum A)**2"),
    Case(half * Sum(A), "1/2 × Σ A", r"\frac{1}{2} \sum A", "1/2 * sum A"),
    Case(2 * Sum(A), "2 Σ A", r"2 \sum A", "2 sum A"),
    Case(s / 2 * Sum(A), "λ/2 × Σ A", r"\frac{\lambda}{2} \sum A", "lambda/2 * sum A"),
    Case(X @ W_1 + b_1, "X . W_1 + b_1", r"X \mathbin{.} W_1 + b_1", "X . W_1 + b_1"),
    Case(1 - A, "1 − A", "1 - A", "1 - A"),
    Case(
        Sum(Broadcast(b_1, (n, 2))),
        "Σ rep_{n×2}(b_1)",
        r"\sum \operatorname{rep}_{n\times2}(b_1)",
        "sum rep_{n*2}(b_1)",
    ),
    Case(
        Transpose(2 * Broadcast(a, (3, 2))),
        "rep_{3×2}(2 a)ᵀ",
        r"\operatorname{rep}_{3\times2}(2 a)^\top",
        "rep_{3*2}(2 a)^T",
    ),
    Case(Sum(A - Broadcast(b_1, (n, 2))), "Σ (A − b_1)", r"\sum (A - b_1)", "sum (A - b_1)"),
    Case(Softmax(A, 1), "softmax(A)", r"\operatorname{softmax}(A)", "softmax(A)"),
    Case(
        Softmax(A, 0),
        "softmax_columns(A)",
        r"\operatorname{softmax}_{\text{columns}}(A)",
        "softmax_columns(A)",
    ),
    Case(LogSumExp(A, 1), "logsumexp(A)", r"\operatorname{logsumexp}(A)", "logsumexp(A)"),
    # index notation
    Case(
        SumOver("k", 784, Component(Name("X", (1, 784)), 1, "k") * a),
        "Σ_{k=1..784} x^k × a",
        r"\sum_{k=1}^{784} x^k \times a",
        "sum_{k=1..784} x^k * a",
    ),
    Case(
        SumOver("i", n, Component(A, "i", 1)) * b,
        "(Σ_{i=1..n} a^{i,1}) × b",
        r"\left( \sum_{i=1}^{n} a^{i,1} \right) \times b",
        "(sum_{i=1..n} a^{i,1}) * b",
    ),
    Case(
        matrix_of(W_1),
        "[w_1^{11}, w_1^{12}; w_1^{21}, w_1^{22}; w_1^{31}, w_1^{32}]",
        r"\begin{bmatrix} w_1^{11} & w_1^{12} \\[2pt] w_1^{21} & w_1^{22} \\[2pt] w_1^{31} & w_1^{32}"
        r" \end{bmatrix}",
        "[w_1^{11}, w_1^{12}; w_1^{21}, w_1^{22}; w_1^{31}, w_1^{32}]",
    ),
    Case(
        matrix_of(A),
        "[a^{1,1}, a^{1,2}; ⋮, ⋮; a^{n,1}, a^{n,2}]",
        r"\begin{bmatrix} a^{1,1} & a^{1,2} \\[2pt] \vdots & \vdots \\[2pt] a^{n,1} & a^{n,2} \end{bmatrix}",
        "[a^{1,1}, a^{1,2}; :, :; a^{n,1}, a^{n,2}]",
    ),
    Case(
        matrix_of(Name("V", (5, 6))),
        "[v^{11}, ⋯, v^{16}; ⋮, ⋱, ⋮; v^{51}, ⋯, v^{56}]",
        r"\begin{bmatrix} v^{11} & \cdots & v^{16} \\[2pt] \vdots & \ddots & \vdots \\[2pt]"
        r" v^{51} & \cdots & v^{56} \end{bmatrix}",
        "[v^{11}, ..., v^{16}; :, ..., :; v^{51}, ..., v^{56}]",
    ),
]

NASTY = (
    "my_weight_2", "<script>", "$x$", "a%b", r"\evil", "{", "}", "} + {", "~^", "#1", "x&y", "a b", 'q"uote', "größe",
    "温度", "λ", "\x1b[31m", "\u202eabc", "line\nbreak", "_", "__", "a__b", "1abc", "x_hat_bar_3", "W1", "", "|", "`'",
    r"\end{bmatrix}", r"\input{x}", "^^41", "--", "?`", "ﬁ", "é", "ǖ", "😀",
)  # fmt: skip

NOTATIONS = [
    Notation(delta=delta, hadamard=hadamard, matmul=matmul, indices=indices)  # type: ignore[arg-type]
    for delta, hadamard, matmul, indices in product("Δδ", "∘×⊙", (".", "·", "juxtaposition"), ("seed", "plain"))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_spelling(case: Case) -> None:
    assert typeset(case.expr, UNICODE) == case.unicode
    assert typeset(case.expr, LATEX) == case.latex
    assert typeset(case.expr, ASCII) == case.ascii
    assert case.ascii.isascii()
    assert case.latex.isascii()


def test_every_class_has_a_row_and_a_case() -> None:
    defined = [kind for kind in vars(expressions).values() if isinstance(kind, type)]
    classes = {kind for kind in defined if issubclass(kind, Expr)} - {Expr}
    assert set(RULES) == classes
    assert {type(node) for case in CASES for node in walk(case.expr)} == classes


def test_a_class_without_a_row_is_named() -> None:
    class Unknown(Expr):
        pass

    with pytest.raises(UnsupportedError, match="Unknown has no row in the typesetting table"):
        typeset(Add(a, Unknown()))


@pytest.mark.parametrize("fn", FUNCTIONS.values(), ids=lambda fn: fn.name)
def test_every_function_is_spelt_as_itself(fn: Function) -> None:
    spellings = {typeset(f(fn, a), dialect) for dialect in (UNICODE, ASCII, LATEX)}
    others = [typeset(f(g, a), UNICODE) for g in FUNCTIONS.values() if g.name != fn.name]
    assert spellings.isdisjoint(others)


# --- notation -----------------------------------------------------------------------------------------------------


def test_delta() -> None:
    small = Notation(delta="δ")
    assert typeset(delta_1, UNICODE, small) == "δ_1"
    assert typeset(delta_1, LATEX, small) == r"\delta_1"
    assert typeset(Component(delta_1, 1, 2), LATEX, small) == r"\delta_1^2"
    assert typeset(Name("delta_z_3"), UNICODE) == "Δz_3"
    assert typeset(Name("delta_z_3"), LATEX, small) == r"\delta_{z,3}"


@pytest.mark.parametrize(
    ("hadamard", "unicode", "latex"), [("∘", "∘", r"\circ"), ("×", "×", r"\times"), ("⊙", "⊙", r"\odot")]
)
def test_hadamard(hadamard: str, unicode: str, latex: str) -> None:
    notation = Notation.parse(hadamard=hadamard)
    assert typeset(A * B, UNICODE, notation) == f"A {unicode} B"
    assert typeset(A * B, LATEX, notation) == f"A {latex} B"
    assert typeset(a * b, UNICODE, notation) == "a × b"


def test_one_sign_for_both_products_needs_no_parentheses_between_them() -> None:
    assert typeset(A * B * s, UNICODE, Notation(hadamard="×")) == "A × B × λ"
    assert typeset(A * B * s, UNICODE, Notation(hadamard="∘")) == "(A ∘ B) × λ"


@pytest.mark.parametrize(
    ("matmul", "unicode", "latex"),
    [
        (".", "X . W_1", r"X \mathbin{.} W_1"),
        ("·", "X · W_1", r"X \cdot W_1"),
        ("juxtaposition", "X W_1", r"X \, W_1"),
    ],
)
def test_matmul(matmul: str, unicode: str, latex: str) -> None:
    notation = Notation.parse(matmul=matmul)
    assert typeset(X @ W_1, UNICODE, notation) == unicode
    assert typeset(X @ W_1, LATEX, notation) == latex


def test_plain_indices_leave_the_raised_place_to_powers() -> None:
    plain = Notation(indices="plain")
    assert typeset(w(3, 1), LATEX, plain) == "w_{1;3,1}"
    assert typeset(x(2) ** 2, LATEX, plain) == "x_2^2"
    assert typeset(x(2) ** 2, UNICODE, plain) == "x_2²"
    assert typeset(A**2, LATEX, plain) == "A^2"
    assert typeset(Component(delta_1, 1, 2), UNICODE, plain) == "Δl_{1;2}"
    assert typeset(Component(Name("y_hat", (4, 1)), 3, 1), UNICODE, plain) == "ŷ_3"


def test_the_loss_of_a_notation_stands_in_gradients() -> None:
    notation = Notation(loss="E_total")
    assert typeset(Name("grad_W_1", (3, 2)), UNICODE, notation) == "∂E_total/∂W_1"


def test_decimals() -> None:
    assert typeset(number("0.5") * (y - y_hat), UNICODE, Notation(numbers="decimals")) == "0.5(y − ŷ)"
    assert typeset(number("1/3"), UNICODE, Notation(numbers="decimals")) == "1/3"


def test_functions_of_a_sample_name_the_axis_only_where_it_is_the_other_one() -> None:
    columns = Notation(samples="columns")
    assert typeset(Softmax(A, 0), UNICODE, columns) == "softmax(A)"
    assert typeset(LogSumExp(A, 1), UNICODE, columns) == "logsumexp_rows(A)"


# --- matrices -----------------------------------------------------------------------------------------------------


def test_up_to_four_rows_and_columns_are_shown_whole() -> None:
    assert "⋯" not in typeset(matrix_of(Name("V", (4, 4))))
    assert typeset(matrix_of(Name("V", (5, 1)))) == "[v^1; ⋮; v^5]"


def test_long_entries_leave_out_the_inner_columns() -> None:
    entry: Expr = Component(Name("V", (2, 4)), "i", "j")
    long = entry * entry * entry * entry * entry
    text = typeset(Assembled((2, 4), "i", "j", long))
    assert text.count("⋯") == 2
    assert "v^{14}" in text
    assert "v^{12}" not in text


def test_the_entries_of_a_gradient_are_partial_derivatives() -> None:
    text = typeset(matrix_of(Name("grad_W_2", (2, 1))))
    assert text == "[∂L/∂w_2^1; ∂L/∂w_2^2]"


# --- names that mean harm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NASTY, ids=ascii)
def test_any_name_is_printable_on_one_line(name: str) -> None:
    assert typeset(Name(name), UNICODE).isprintable()
    assert typeset(Name(name), ASCII).isascii()
    latex = typeset(Name(name), LATEX)
    assert latex.isascii()
    assert latex.isprintable()
    assert "<" not in latex


# --- accepted by those who read LaTeX ------------------------------------------------------------------------------


def all_latex() -> list[str]:
    """Every case in every notation, and every nasty name in every place where a name can stand."""
    formulas = {typeset(case.expr, LATEX, notation) for case in CASES for notation in NOTATIONS}
    for name in NASTY:
        named = Name(name, (n, 2))
        for expr in (named, Component(named, 1, 2), named.T, named**2, Partial(Name(name), named)):
            formulas |= {typeset(expr, LATEX, notation) for notation in NOTATIONS[:2]}
        formulas.add(typeset(Neg(f(Function(name), Name(f"W_{name}"))), LATEX))
        formulas |= {typeset(Name(prefix + name), LATEX) for prefix in ("delta_", "grad_")}
    for notation in NOTATIONS:
        formulas |= {typeset(convention.example, LATEX, notation) for convention in notation.describe()}
    return sorted(formulas)


RENDER_ALL = """
const katex = require(process.argv[1]);
const formulas = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const refused = [];
for (const formula of formulas) {
  try { katex.renderToString(formula, {displayMode: true, throwOnError: true, strict: 'error'}); }
  catch (error) { refused.push(formula + '   ' + error.message); }
}
console.log(JSON.stringify(refused));
"""


def katex_refuses(node: str, formulas: list[str]) -> list[str]:
    """The formulas that KaTeX does not render without complaint, each with the complaint."""
    done = subprocess.run(
        [node, "-e", RENDER_ALL, str(KATEX / "katex.min.js")],
        input=json.dumps(formulas),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    refused: list[str] = json.loads(done.stdout)
    return refused


def test_katex_accepts_every_formula(node: str) -> None:
    formulas = all_latex()
    assert len(formulas) > 500
    assert katex_refuses(node, formulas) == []


def test_katex_would_complain(node: str) -> None:
    assert len(katex_refuses(node, [r"\frac{1}", "größe", r"\evil", "x^1^2", "50%"])) == 5


PREAMBLE = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{amsmath}\begin{document}"


def test_pdflatex_accepts_every_formula(tmp_path: Path) -> None:
    pdflatex = shutil.which("pdflatex")
    if pdflatex is None:
        pytest.skip("needs pdflatex: install it (Debian: apt-get install texlive-latex-base)")
    formulas = "\n".join(rf"\[ {formula} \]" for formula in all_latex())
    (tmp_path / "all.tex").write_text(f"{PREAMBLE}\n{formulas}\n\\end{{document}}\n", encoding="ascii")
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    errors = [line for line in done.stdout.decode("latin-1").splitlines() if line.startswith(("!", "l."))]
    assert errors == []
    assert done.returncode == 0


def test_katex_is_whole() -> None:
    style = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    fonts = {part.split(")")[0] for part in style.split("url(fonts/")[1:]}
    wanted = {font for font in fonts if font.endswith(".woff2")}
    assert wanted == {path.name for path in (KATEX / "fonts").iterdir()}
    version = (KATEX / "README.md").read_text(encoding="utf-8").split()[1]
    assert f'version:"{version}"' in (KATEX / "katex.min.js").read_text(encoding="utf-8")
