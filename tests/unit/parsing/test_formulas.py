"""Formulas: precedence, functions and shapes as mathematics has them; every refusal says what, where and what to do."""

from __future__ import annotations

import inspect
import random
import re
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backproof.dims import SCALAR, Dim, Symbol, concrete
from backproof.errors import BackproofError, FormulaError, ShapeError, UnsupportedError
from backproof.ir.arithmetic import MpmathArithmetic, NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import (
    Const,
    Elementwise,
    Expr,
    LogSumExp,
    Name,
    Neg,
    Pi,
    Power,
    Size,
    Softmax,
    Sub,
    Sum,
    Where,
    count,
    total,
)
from backproof.ir.lift import where
from backproof.parsing import LONGEST_FORMULA, check_name, parse_expression, parse_scalar_formula
from backproof.parsing.functions import ALIASES, GRAMMAR, HINTS, NOT_YET, function_rows
from backproof.rules.elementwise import (
    FUNCTIONS,
    abs_,
    exp,
    leaky_relu,
    log,
    negative_part,
    relu,
    sigmoid,
    tanh,
)

x, y = Name("x"), Name("y")
MINUS_ONE = Const(Fraction(-1))
n, d = Symbol("n"), Symbol("d")
X, w, r = Name("X", (n, d)), Name("w", (d, 1)), Name("r", (n, 1))
A, B = Name("A", (3, 2)), Name("B", (2, 3))
MATRICES = {name.id: name for name in (X, w, r, A, B, Name("s"))}


def scalar(text: str) -> Expr:
    return parse_scalar_formula(text, ["x", "y"])


def matrix(text: str) -> Expr:
    return parse_expression(text, MATRICES)


def outcome(parse: Callable[[str], Expr], text: str) -> Expr | str:
    """The expression, or the message of the refusal."""
    try:
        return parse(text)
    except BackproofError as error:
        return str(error)


def refusal(parse: Callable[[str], Expr], text: str, kind: type[BackproofError] = FormulaError) -> str:
    with pytest.raises(kind) as caught:
        parse(text)
    message = str(caught.value)
    assert message.isprintable()
    assert type(caught.value) is kind
    return message


# --- what formulas mean -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + y - x", x + y - x),
        ("x - y - x", (x - y) - x),
        ("x / y * x", (x / y) * x),
        ("x + y * x", x + y * x),
        ("-x^2", -(x**2)),
        ("-x * y", -x * y),
        ("x * -y", x * -y),
        ("x - -y", x - -y),
        ("--x", x),
        ("+x", x),
        ("2^3^2 * x", Const(Fraction(512)) * x),
        ("x^2^2", x**4),
        ("(x^2)^3", Power(Power(x, Fraction(2)), Fraction(3))),
        ("x^-1", x**-1),
        ("x**(1/2)", Power(x, Fraction(1, 2))),
        ("x^(2*3 - 4)", x**2),
        ("x^1", x),
        ("x^0", Const(Fraction(1))),
        ("x²", x**2),
        ("1/2", Const(Fraction(1, 2))),
        ("0.5*x", Fraction(1, 2) * x),
        ("1/2 - 3*2", Const(Fraction(-11, 2))),
        ("-3", Const(Fraction(-3))),
        ("pi*x", Pi() * x),
        ("x > y", x > y),
        ("x < y", y > x),
        ("x >= y", 1 - (y > x)),
        ("x <= y", 1 - (x > y)),
        ("x + y > x * y", (x + y) > (x * y)),
        ("where(x > y, x, 0)", where(x > y, x, Const(Fraction(0)))),
        ("where(x >= y, x, 0)", where(y > x, Const(Fraction(0)), x)),
        ("where((x > 0)*(y > 0), x, y)", Where((x > 0) * (y > 0), x, y)),
        ("where(1 - (x > y)*(y > 0), x, y)", Where(1 - (x > y) * (y > 0), x, y)),
        ("σ(x)", Elementwise(sigmoid, x)),
        ("sigma(x)", Elementwise(sigmoid, x)),
        ("ln(x)", Elementwise(log, x)),
        ("sqrt(x)", Power(x, Fraction(1, 2))),
        ("square(x)", x**2),
        ("sqrt(2)", Power(Const(Fraction(2)), Fraction(1, 2))),
        ("max(x, 0)", Elementwise(relu, x)),
        ("max(0, x)", Elementwise(relu, x)),
        ("min(x, 0)", Elementwise(negative_part, x)),
        ("min(0, x)", Elementwise(negative_part, x)),
        ("max(x, y)", where(x > y, x, y)),
        ("min(x, y)", where(y > x, x, y)),
        ("clip(x, -1, 1)", where(x > 1, Const(Fraction(1)), where(x < MINUS_ONE, MINUS_ONE, x))),
        ("leaky_relu(x)", Elementwise(leaky_relu(), x)),
        ("leaky_relu(x, 0.2)", Elementwise(leaky_relu(Fraction(1, 5)), x)),
    ],
)
def test_formulas_over_scalars(text: str, expected: Expr) -> None:
    assert scalar(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X @ w", X @ w),
        ("X · w", X @ w),
        ("X . w - r", X @ w - r),
        ("2 · X", 2 * X),
        ("X.T @ r", X.T @ r),
        ("X' r'", None),
        ("Xᵀ @ X @ w", (X.T @ X) @ w),
        ("X^T @ r", X.T @ r),
        ("A''", A),
        ("transpose(A)", A.T),
        ("s'", Name("s")),
        ("X ∘ X", X * X),
        ("X + 1", X + 1),
        ("sum(X)", Sum(X)),
        ("sum(X, axis=0)", Sum(X, 0)),
        ("sum(X, 1)", Sum(X, 1)),
        ("sum(s)", Name("s")),
        ("mean(X)", 1 / (Size(n) * Size(d)) * Sum(X)),
        ("mean(X, axis=0)", 1 / Size(n) * Sum(X, 0)),
        ("mean(A)", 1 / count((3, 2)) * Sum(A)),
        ("sum(r^2)/n", total(r**2) / Size(n)),
        ("softmax(X)", Softmax(X, 1)),
        ("softmax(X, axis=0)", Softmax(X, 0)),
        ("logsumexp(X)", LogSumExp(X, 1)),
        ("log_softmax(X)", X - LogSumExp(X, 1)),
        ("dot(r, r)", total(r * r)),
        ("norm(w)", Power(total(w**2), Fraction(1, 2))),
        ("trace(A @ B)", total(A * B.T)),
        ("trace(s)", Name("s")),
        ("trace(r @ r')", total(r * r.T.T)),
        ("X + r", X + r),
    ],
)
def test_formulas_over_matrices(text: str, expected: Expr | None) -> None:
    if expected is None:
        assert "expected an operator" in refusal(matrix, text)
    else:
        assert matrix(text) == expected


def test_a_quantity_called_T_may_stand_in_an_exponent() -> None:
    T = Name("T")
    with pytest.raises(FormulaError, match="the exponent must be a number"):
        parse_expression("X^T", {"X": X, "T": T})


@pytest.mark.parametrize("name", sorted(function_rows()))
def test_every_function_can_be_called(name: str) -> None:
    row = function_rows()[name]
    arguments = ["A > 0" if name == "where" else "A @ B" if name == "trace" else "A", "A", "A"][: row.least]
    assert matrix(f"{name}({', '.join(arguments)})").shape in (SCALAR, (3, 2), (3, 1), (2, 3))


def test_aliases_and_hints_name_functions_that_exist() -> None:
    known = function_rows()
    assert set(ALIASES.values()) <= set(known)
    assert set(ALIASES).isdisjoint(known)
    assert (set(HINTS) | NOT_YET).isdisjoint(known)
    assert set(GRAMMAR).isdisjoint(set(FUNCTIONS) - {"leaky_relu", "elu", "huber"})


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the formula is empty; write one such as x*tanh(x)"),
        ("  \n ", "the formula is empty; write one such as x*tanh(x)"),
        ("x*tanh(sofplus(x))",
         "unknown function 'sofplus'; did you mean 'softplus'? — at column 8: x*tanh(|sofplus(x))"),
        ("x*tanh(softplus(x)",
         "expected ')' to end the arguments of tanh, found the end — at column 19: x*tanh(softplus(x)|"),
        ("(x", "expected ')' to close the parenthesis, found the end — at column 3: (x|"),
        ("x)", "expected an operator or the end, found ')' — at column 2: x|)"),
        ("x +", "expected a number, a name or a parenthesis, found the end — at column 4: x +|"),
        ("* x", "expected a number, a name or a parenthesis, found '*' — at column 1: |* x"),
        ("2x", "expected an operator (a product is written with *), found 'x' — at column 2: 2|x"),
        ("x (2)", "x is not a function; write x*(…) for a product — at column 1: |x (2)"),
        ("(x)(y)", "expected an operator (a product is written with *), found '(' — at column 4: (x)|(y)"),
        ("x, y", "expected an operator or the end, found ',' — at column 2: x|, y"),
        ("x = y", "expected an operator or the end, found '=' — at column 3: x |= y"),
        ("z", "unknown name 'z'; choose one of: x, y — at column 1: |z"),
        ("x + tanh", "the function tanh needs its argument; write tanh(…) — at column 5: x + |tanh"),
        ("e^x", "unknown name 'e'; write exp(x) for e^x — at column 1: |e^x"),
        ("x^y", "the exponent must be a number, such as x^2 or x^(1/2); write exp(b*log(a)) for a power a^b of two "
                "quantities — at column 3: x^|y"),
        ("x^101", "the exponent is too large; it must lie between -100 and 100, with a denominator of at most 1,000 — "
                  "at column 2: x|^101"),
        ("x^0.12345", "the exponent is too large; it must lie between -100 and 100, with a denominator of at most "
                      "1,000 — at column 2: x|^0.12345"),
        ("x/0", "division by zero — at column 2: x|/0"),
        ("1/(2 - 2)", "division by zero — at column 2: 1|/(2 - 2)"),
        ("0^-1", "division by zero — at column 2: 0|^-1"),
        ("(-8)^(1/3)", "a root of a negative number is not real — at column 5: (-8)|^(1/3)"),
        ("1e200*1e200",
         "the number is out of range; its size must be from 1e-300 to 1e300 — at column 6: 1e200|*1e200"),
        ("9**9**9**9", "the exponent is too large; it must lie between -100 and 100, with a denominator of at most "
                       "1,000 — at column 5: 9**9|**9**9"),
        ("1.234567890123456789^40", "the number needs too many digits to be exact; round the numbers that make it — at "
                                    "column 21: 1.234567890123456789|^40"),
        ("1e10^31", "the number is out of range; its size must be from 1e-300 to 1e300 — at column 5: 1e10|^31"),
        ("1e10^30.5", "the number is out of range; its size must be from 1e-300 to 1e300 — at column 5: 1e10|^30.5"),
        ("0 < x < 1", "comparisons cannot be chained; write (a < b)*(b < c) for a < b < c — at column 7: 0 < x |< 1"),
        ("x == 0", "'==' is not supported; compare with > or < — at column 3: x |== 0"),
        ("x != 0", "'!=' is not supported; compare with > or < — at column 3: x |!= 0"),
        ("where(x, 1, 2)", "the first argument of where must be a comparison, such as x > 0 — at column 7: "
                           "where(|x, 1, 2)"),
        ("where(2 - (x > 0), 1, 2)", "the first argument of where must be a comparison, such as x > 0 — at column 7: "
                                     "where(|2 - (x > 0), 1, 2)"),
        ("where(x > 0, 1)", "where takes 3 arguments, got 2 — at column 6: where|(x > 0, 1)"),
        ("tanh()", "tanh takes 1 argument, got 0 — at column 5: tanh|()"),
        ("elu(x, 1, 2)", "elu takes 1 or 2 arguments, got 3 — at column 4: elu|(x, 1, 2)"),
        ("elu(x, -1)", "the second argument of elu must be a number above 0 — at column 1: |elu(x, -1)"),
        ("elu(x, y)", "the second argument of elu must be a number above 0 — at column 1: |elu(x, y)"),
        ("sum(x)", "the function sum is for matrices; this formula is applied to one number at a time — at column 1: "
                   "|sum(x)"),
        ("x.T", "the transpose is for matrices; this formula is applied to one number at a time — at column 2: x|.T"),
        ("x @ x", "the matrix product is for matrices; this formula is applied to one number at a time — at column 3: "
                  "x |@ x"),
        ("norm2(x)", "unknown function 'norm2'; write sum(x^2) for the squared norm, norm(x) for the norm — at "
                     "column 1: |norm2(x)"),
        ("|x|", "the character '|' means nothing in a formula; write abs(x) for |x| — at column 1: ||x|"),
        ("x\n+ 2y", "expected an operator (a product is written with *), found 'y' — at line 2, column 4: + 2|y"),
    ],
)  # fmt: skip
def test_a_bad_formula_is_refused_in_one_line(text: str, message: str) -> None:
    assert refusal(scalar, text) == message


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("X @ r", ShapeError, "cannot multiply X (n×d) by r (n×1): the columns of the first must equal the rows of the "
                              "second — at column 3: X |@ r"),
        ("X + w", ShapeError, "X (n×d) + w (d×1): the shapes differ; they must be equal, or one of them a scalar, a "
                              "row or a column of the other — at column 3: X |+ w"),
        ("r - r'", ShapeError, "r (n×1) and Transpose (1×n) would be repeated to n×n; transpose one of them — at "
                               "column 3: r |- r'"),
        ("max(r, r')", ShapeError, "r (n×1) and Transpose (1×n) would be repeated to n×n; transpose one of them — at "
                                   "column 1: |max(r, r')"),
        ("2 @ X", ShapeError, "@ multiplies two matrices, but Const (scalar) is none; scale with * — at column 3: "
                              "2 |@ X"),
        ("dot(r, w)", ShapeError, "dot needs two quantities of one shape, got r (n×1) and w (d×1) — at column 1: "
                                  "|dot(r, w)"),
        ("softmax(s)", ShapeError, "softmax needs a matrix, got a scalar — at column 1: |softmax(s)"),
        ("trace(X)", ShapeError, "trace needs a square matrix, got n×d — at column 1: |trace(X)"),
        ("trace(r @ r' + r @ r')", UnsupportedError, "the trace of anything but a matrix product is not supported yet; "
                                                     "write trace(A @ B) — at column 1: |trace(r @ r' + r @ r')"),
        ("inv(X)", UnsupportedError, "the function inv is not supported yet — at column 1: |inv(X)"),
        ("sum(X, axis=2)", FormulaError, "the axis of sum must be 0 (down the columns) or 1 (along the rows) — at "
                                         "column 13: sum(X, axis=|2)"),
        ("sum(X, axis 1)", FormulaError, "expected '=' after axis, found '1' — at column 13: sum(X, axis |1)"),
        ("sum(X, 0, 1)", FormulaError, "expected ')' to end the arguments of sum, found ',' — at column 9: "
                                       "sum(X, 0|, 1)"),
        ("sum(W)", FormulaError, "unknown name 'W'; choose one of: A, B, X, d, n, r, s, w — at column 5: sum(|W)"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused_in_one_line(text: str, kind: type[BackproofError], message: str) -> None:
    assert refusal(matrix, text, kind) == message


def test_a_function_may_not_be_defined_by_itself() -> None:
    for text, column in (("x*f(x)", 3), ("f + x", 1)):
        with pytest.raises(FormulaError, match="f is defined by itself; use only what is defined before it") as caught:
            parse_scalar_formula(text, ["x"], defining="f")
        assert caught.value.column == column


@pytest.mark.parametrize("text", [3, None, b"x", ["x"]])
def test_only_a_string_is_a_formula(text: Any) -> None:
    with pytest.raises(FormulaError, match=f"a formula must be a string, got {type(text).__name__}"):
        scalar(text)


# --- nothing explodes ---------------------------------------------------------------------------------------------


def test_a_long_formula_is_refused_before_it_is_read() -> None:
    assert refusal(scalar, "(" * 10_000 + "x" + ")" * 10_000) == (
        "the formula has 20,001 characters; 2,000 are the most"
    )
    assert scalar(" " * (LONGEST_FORMULA - 1) + "x") == x


@pytest.mark.parametrize(
    "text",
    [
        "(" * 990 + "x" + ")" * 990,
        "-" * 1_999 + "x",
        "+" * 1_999 + "x",
        "tanh(" * 300 + "x" + ")" * 300,
        "x" + "^x" * 900,
        "2" + "^1" * 900,
        "x" + "'" * 900,
        "where(x > 0, " * 100 + "x",
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    message = refusal(scalar, text)
    assert re.search(r"nests deeper than 64 levels|the transpose is for matrices", message)


def test_deep_trees_are_refused() -> None:
    assert "more than 50 operations deep" in refusal(scalar, "+".join(["x"] * 52))
    assert isinstance(scalar("+".join(["x"] * 51)), Expr)


def test_formulas_that_grow_are_refused() -> None:
    assert "grows to more than 2,000 operations" in refusal(scalar, "max(" * 20 + "x" + ", x + 1)" * 20)


def test_a_deep_caller_leaves_room_enough() -> None:
    """The deepest formula that is accepted parses far below the top of the stack, as in a notebook or a web server."""
    deepest = "tanh(" * 49 + "(" * 14 + "x" + ")" * 63

    def call_from(depth: int) -> Expr:
        return call_from(depth - 1) if depth else scalar(deepest)

    assert isinstance(call_from(sys.getrecursionlimit() // 2 - len(inspect.stack(0))), Elementwise)


PIECES = [
    *"xyzXw0123456789.()+-*/^@'>=<,;#| \n²ŷσ·−≥",
    "**", ".T", "1e9", "sum(", "where(", "max(", "tanh(", "axis=", "softmax(", "clip(", "\x00",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@settings(max_examples=500)
def test_any_text_is_a_formula_or_refused_in_one_line(text: str) -> None:
    for parse in (scalar, matrix):
        found = outcome(parse, text)
        assert isinstance(found, Expr) or found.isprintable()


# --- round trips --------------------------------------------------------------------------------------------------

SCALAR_NAMES = {"x": x, "y": y}
SIZES = {"n": 2, "d": 3}
dims: st.SearchStrategy[Dim] = st.sampled_from([2, n, d])
Written = tuple[Expr, str]
"""An expression, and its text, safe as an operand of anything."""


@st.composite
def written_scalars(draw: st.DrawFn, depth: int = 4) -> Written:
    """A random formula over scalars with the text that it should be parsed from."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from([(x, "x"), (y, "y"), (Pi(), "pi"), (Const(Fraction(3, 10)), "0.3")]))
    a, left = draw(written_scalars(depth - 1))
    b, right = draw(written_scalars(depth - 1))
    space = draw(st.sampled_from(["", " "]))
    match draw(st.sampled_from(["+", "-", "*", "/", "neg", "pow", "fn", "where", "max"])):
        case "neg":
            return -a, f"(-{space}{left})"
        case "pow":
            k, sign = draw(st.integers(2, 3)), draw(st.sampled_from(["^", "**"]))
            return a**k, f"({left}{sign}{k})"
        case "fn":
            fn, name = draw(st.sampled_from([(tanh, "tanh"), (sigmoid, "σ"), (exp, "exp"), (abs_, "abs")]))
            return Elementwise(fn, a), f"{name}({left})"
        case "where":
            return where(a > b, a, b), f"where({left}{space}>{space}{right}, {left}, {right})"
        case "max":
            return where(a > b, a, b), f"max({left},{space}{right})"
        case sign:
            built = {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign]
            return built, f"({left}{space}{sign}{space}{right})"


def value(expr: Expr, env: dict[str, Any]) -> Any:
    try:
        return np.asarray(Evaluator(MpmathArithmetic(30), SIZES)(expr, env), object)
    except (ArithmeticError, TypeError, ValueError):
        return None


def assert_equal_values(parsed: Expr, expected: Expr, names: dict[str, Name], seed: int) -> None:
    rng = random.Random(seed)
    arithmetic = MpmathArithmetic(30)
    env = {}
    for id, name in names.items():
        shape = concrete(name.shape, SIZES)
        numbers = np.reshape([rng.uniform(-2, 2) for _ in range(int(np.prod(shape)))], shape)
        env[id] = arithmetic.array(numbers)
    ours, theirs = value(parsed, env), value(expected, env)
    if theirs is not None and ours is not None:
        assert ours.shape == theirs.shape
        # Both lose digits to cancellation alike, but constants are folded exactly on one side only.
        assert np.all(abs(ours - theirs) <= abs(theirs) * 1e-12 + 1e-12)


@given(written_scalars(), st.integers(0, 100))
def test_a_random_scalar_formula_means_what_it_says(written: Written, seed: int) -> None:
    expected, text = written
    parsed = outcome(scalar, text)
    if isinstance(parsed, str):
        # Only what no number is: 0.3 - 0.3 below the line, or too many copies of a maximum.
        assert re.search("division by zero|out of range|grows to more|characters", parsed)
    else:
        assert_equal_values(parsed, expected, SCALAR_NAMES, seed)


@st.composite
def written_matrices(draw: st.DrawFn, shape: tuple[Dim, Dim], depth: int = 4) -> Written:
    """A random formula over matrices of a shape, from two quantities of each shape and its transpose."""
    rows, columns = shape
    name = matrix_name(rows, columns)
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return Name(name, shape), name
    a, left = draw(written_matrices(shape, depth - 1))
    match draw(st.sampled_from(["+", "-", "*", "@", "'", "fn", "sum", "softmax", "scale"])):
        case "@":
            inner = draw(dims)
            p, before = draw(written_matrices((rows, inner), depth - 1))
            q, after = draw(written_matrices((inner, columns), depth - 1))
            return p @ q, f"({before} {draw(st.sampled_from('@·'))} {after})"
        case "'":
            p, inside = draw(written_matrices((columns, rows), depth - 1))
            return p.T, f"{inside}{draw(st.sampled_from(['.T', chr(39), 'ᵀ', '^T']))}"
        case "fn":
            return Elementwise(tanh, a), f"tanh({left})"
        case "sum":
            return a + total(a, 0), f"({left} + sum({left}, axis=0))"
        case "softmax":
            return Softmax(a, 0), f"softmax({left}, 0)"
        case "scale":
            return -(Fraction(1, 3) * a), f"(-(1/3*{left}))"
        case sign:
            b, right = draw(written_matrices(shape, depth - 1))
            return {"+": a + b, "-": a - b, "*": a * b}[sign], f"({left} {sign} {right})"


def matrix_name(rows: Dim, columns: Dim) -> str:
    return f"M_{rows}{columns}"


@given(st.data(), dims, dims, st.integers(0, 100))
def test_a_random_matrix_formula_means_what_it_says(data: st.DataObject, rows: Dim, columns: Dim, seed: int) -> None:
    expected, text = data.draw(written_matrices((rows, columns)))
    names = {matrix_name(p, q): Name(matrix_name(p, q), (p, q)) for p in (2, n, d) for q in (2, n, d)}
    assert_equal_values(parse_expression(text, names), expected, names, seed)


def test_greater_or_equal_holds_at_equality() -> None:
    evaluator = Evaluator(NumpyArithmetic(), {})
    at = {"x": np.asarray([1.0, 2.0, 3.0]), "y": np.asarray([2.0, 2.0, 2.0])}
    for text, expected in [("x >= y", [0, 1, 1]), ("x <= y", [1, 1, 0]), ("x > y", [0, 0, 1]), ("x < y", [1, 0, 0])]:
        assert evaluator(scalar(text), at).tolist() == expected
        branch = evaluator(scalar(f"where({text}, 1, 0)"), at)
        assert branch.tolist() == expected


def test_signs_are_kept_where_they_stand() -> None:
    assert isinstance(scalar("x - (-y)"), Sub)
    assert scalar("-(x + y)") == Neg(x + y)


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1x", "the quantity cannot be called '1x': a name is a letter followed by letters, digits and underscores"),
        ("", "a name is a letter followed by"),
        ("a b", "a name is a letter followed by"),
        ("<script>", "a name is a letter followed by"),
        ("ŷ", "a name is a letter followed by"),
        ("a" * 41, "the name of the quantity has 41 letters; 40 are the most"),
        ("lambda", "cannot be called 'lambda', a word of Python; try 'lambda_'"),
        ("tanh", "cannot be called 'tanh': formulas know tanh already; choose another name"),
        ("sum", "formulas know sum already"),
        ("pi", "formulas know pi already"),
        ("grad_W", "names that begin with delta_, grad_, tangent_ belong to the derivation"),
    ],
)
def test_names_that_would_be_taken_for_something_else(name: str, message: str) -> None:
    with pytest.raises(BackproofError, match=re.escape(message)):
        check_name(name)
