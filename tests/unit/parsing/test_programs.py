"""Programs as text: declarations, equations, shapes; deep parts get names; every refusal says what and where."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backproof as bp
from backproof.dims import SCALAR, Symbol
from backproof.errors import BackproofError, FormulaError, ShapeError, SpecificationError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Name, Size, total
from backproof.ir.program import Program
from backproof.ir.traverse import children, walk
from backproof.parsing import parse

n, d = Symbol("n"), Symbol("d")
SHAPES: dict[str, Any] = {"X": "n, d", "w": "d", "y": "n"}
RIDGE = "L = sum((X @ w - y)^2) + 0.1*sum(w^2)"


def ids(program: Program) -> list[str]:
    return [equation.name.id for equation in program.equations]


def test_ridge_regression_in_one_line() -> None:
    program = parse(RIDGE, shapes=SHAPES, parameters=["w"])
    X, w, y = Name("X", (n, d)), Name("w", (d, 1)), Name("y", (n, 1))
    assert (program.inputs, program.parameters, program.loss) == ((X, y), (w,), "L")
    [equation] = program.equations
    assert equation.value == total((X @ w - y) ** 2) + 0.1 * total(w**2)


def test_declarations_in_the_text_say_the_same() -> None:
    text = f"""
        input X: n, d     # one sample a row
        input y: n
        parameter w: d
        {RIDGE}
    """
    program = parse(text)
    given_shapes = parse(RIDGE, shapes=SHAPES, parameters=["w"])
    assert program.equations == given_shapes.equations
    assert {*program.inputs} == {*given_shapes.inputs}
    assert program.parameters == given_shapes.parameters


def test_it_is_public() -> None:
    assert bp.parse is parse


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("n, d", (n, d)),
        ("n,3", (n, 3)),
        ("n×d", (n, d)),
        ("(n, d)", (n, d)),
        ("d", (d, 1)),
        ("(d,)", (d, 1)),
        ("", SCALAR),
        ("scalar", SCALAR),
        ("()", SCALAR),
        (3, (3, 1)),
        (d, (d, 1)),
        ((), SCALAR),
        ((4, "d"), (4, d)),
        ([d, 1], (d, 1)),
    ],
)
def test_shapes_as_people_write_them(written: Any, shape: Any) -> None:
    assert parse("sum(w)", shapes={"w": written}, parameters=["w"]).names["w"].shape == shape


def test_a_formula_alone_is_the_loss() -> None:
    assert ids(parse("sum(w)", shapes=SHAPES, parameters="w")) == ["L"]
    assert ids(parse("sum(L)", shapes={"L": "d"}, parameters="L")) == ["L_2"]


def test_equations_end_at_lines_and_semicolons() -> None:
    program = parse("p = X @ w; r = p - y\nL = sum(\n  r^2\n)/n;", shapes=SHAPES, parameters=["w"])
    assert ids(program) == ["p", "r", "L"]
    assert program.equations[-1].value == total(Name("r", (n, 1)) ** 2) / Size(n)


def test_the_loss_is_the_last_equation_or_the_one_named() -> None:
    text = "D = sum(X @ w); R = sum(w^2)"
    assert parse(text, shapes=SHAPES, parameters=["w"]).loss == "R"
    assert parse(text, shapes=SHAPES, parameters=["w"], loss="D").loss == "D"


def depth(expr: Any) -> int:
    return 1 + max((depth(child) for child in children(expr)), default=0)


def repeated(times: int, step: Callable[[float], float], start: float) -> float:
    """The step applied again and again."""
    return reduce(lambda value, _: step(value), range(times), start)


DEEP: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "a sum": ("+".join(["tanh(w)"] * 300), lambda w: 300 * math.tanh(w)),
    "a composition": ("tanh(" * 60 + "w" + ")" * 60, lambda w: repeated(60, math.tanh, w)),
    "a maximum": ("max(" * 60 + "w" + ", w^2)" * 60, lambda w: max(w, w * w)),
    "cases": ("where(w > 0, w/2, " * 60 + "1" + ")" * 60, lambda w: w / 2 if w > 0 else 1.0),
    "Horner": ("w*(1 + " * 60 + "w" + ")" * 60, lambda w: repeated(60, lambda value: w * (1 + value), w)),
}


@pytest.mark.parametrize(("text", "reference"), DEEP.values(), ids=DEEP)
def test_deep_parts_get_names_so_that_everything_stays_small(text: str, reference: Callable[[float], float]) -> None:
    program = parse(text, shapes={"w": ""}, parameters=["w"])
    assert all(depth(equation.value) <= 16 for equation in program.equations)
    nodes = sum(1 for equation in program.equations for _ in walk(equation.value))
    assert nodes < 4 * len(text)
    assert ids(program)[:2] == ["t_1", "t_2"]
    for w in (0.37, -1.2, 1.3):
        values = evaluate_program(program, {"w": np.asarray(w)}, Evaluator(NumpyArithmetic(), {}))
        assert float(values["L"]) == pytest.approx(reference(w), rel=1e-12)


def test_names_of_intermediate_results_avoid_those_that_are_taken() -> None:
    text = "t_1 = sum(w); L = t_1 + " + "+".join(["sum(w)"] * 30)
    assert ids(parse(text, shapes=SHAPES, parameters=["w"])) == ["t_1", "t_2", "t_3", "L"]


def test_a_long_program_is_linear() -> None:
    text = "\n".join(f"a_{k} = tanh({'w' if k == 0 else f'a_{k - 1}'})" for k in range(600))
    assert len(parse(f"{text}\nL = a_599", shapes={"w": ""}, parameters=["w"]).equations) == 601


@pytest.mark.parametrize(
    ("text", "options", "kind", "message"),
    [
        ("", {}, FormulaError, "the program has no equation; write one such as L = sum((y - X @ w)^2)"),
        ("# nothing\n;;", {}, FormulaError, "the program has no equation; write one such as L = sum((y - X @ w)^2)"),
        ("L = ", {}, FormulaError, "the equation for L has no right-hand side — at column 5: L = |"),
        ("L = L + 1", {}, FormulaError,
         "L is defined by itself; use only what is defined before it — at column 5: L = |L + 1"),
        ("L = M; M = sum(w)", {}, FormulaError,
         "M is used before it is defined; move its equation up — at column 5: L = |M; M = sum(w)"),
        ("w = 1; L = w", {}, FormulaError,
         "'w' is already given; give each quantity its own name — at column 1: |w = 1; L = w"),
        ("a = 1; a = 2", {}, FormulaError,
         "'a' is already defined by an equation; give each quantity its own name — at column 8: a = 1; |a = 2"),
        ("d = 1", {}, FormulaError, "'d' is a dimension; call the quantity something else — at column 1: |d = 1"),
        ("sum = 1", {}, FormulaError,
         "the quantity cannot be called 'sum': formulas know sum already; choose another name — at column 1: |sum = 1"),
        ("sum(w); L = 1", {}, FormulaError,
         "an equation needs a name on its left, such as z = X @ w — at column 1: |sum(w); L = 1"),
        ("L = sum(w) = 2", {}, FormulaError,
         "expected an operator or the end, found '=' — at column 12: L = sum(w) |= 2"),
        ("a = sum(w\nL = a", {}, FormulaError,
         "expected an operator (a product is written with *), found 'L' — at line 2, column 1: |L = a"),
        ("L = sum(W)", {}, FormulaError,
         "unknown name 'W'; choose one of: X, d, n, w, y — at column 9: L = sum(|W)"),
        ("L = X @ w", {}, ShapeError,
         "the loss L must be a scalar, but is n×1; sum or average it, or name another equation with loss="),
        ("L = sum(w)", {"loss": "M"}, SpecificationError, "no equation defines the loss 'M'; choose one of: L"),
        ("L = sum(X)", {}, SpecificationError, "the parameter 'w' is used in no equation; check its name"),
        ("L = sum(w)", {"parameters": ["v"]}, SpecificationError,
         "the parameter 'v' has no shape; add it to shapes=, or declare it: parameter v: d"),
        ("L = sum(w)", {"parameters": []}, SpecificationError,
         "there is nothing to differentiate by; name the parameters with parameters=[...], or declare them: "
         "parameter w: d"),
        ("input v n\nsum(w)", {}, FormulaError,
         "write the shape after a colon, such as input v: n, d — at line 1, column 9: input v |n"),
        ("input v: n, n, n\nsum(w)", {}, FormulaError,
         "the shape of v has 3 dimensions; a quantity is a scalar, a column or a matrix — at line 1, column 7: "
         "input |v: n, n, n"),
        ("input v: 0\nsum(w)", {}, FormulaError,
         "the shape of v: a dimension must be at least 1, got 0 — at line 1, column 7: input |v: 0"),
        ("input w: d; sum(w)", {}, FormulaError,
         "'w' is declared twice; give each quantity its own name — at column 7: input |w: d; sum(w)"),
        ("sum(w)", {"shapes": {"w": "a b"}}, SpecificationError,
         "the shape of w: a dimension must be a positive integer or a name, got 'a b'"),
        ("sum(w)", {"shapes": {"w": (2.5, 1)}}, SpecificationError,
         "the shape of w: a dimension must be a positive integer or a name, got 2.5"),
        ("sum(w)", {"shapes": {"w": "w"}}, SpecificationError,
         "'w' is both a quantity and a dimension; rename one of them"),
        ("sum(w)", {"shapes": {"lambda": ""}}, SpecificationError,
         "the quantity cannot be called 'lambda', a word of Python; try 'lambda_'"),
        ("x" * 20_001, {}, FormulaError, "the program has 20,001 characters; 20,000 are the most"),
        (7, {}, FormulaError, "a program must be a string, got int"),
    ],
)  # fmt: skip
def test_a_bad_program_is_refused_in_one_line(
    text: Any, options: dict[str, Any], kind: type[BackproofError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        parse(text, **{"shapes": SHAPES, "parameters": ["w"], **options})
    assert str(caught.value) == message
    assert type(caught.value) is kind


PIECES = [
    "input ",
    "parameter ",
    "w",
    "X",
    "y",
    "L",
    "=",
    ":",
    "n",
    ",",
    ";",
    "\n",
    "#",
    "sum(",
    ")",
    "@",
    "+",
    "2",
    "t_1",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
@settings(max_examples=300)
def test_any_text_is_a_program_or_refused_in_one_line(text: str) -> None:
    try:
        found: Program | str = parse(text, shapes=SHAPES, parameters=["w"])
    except BackproofError as error:
        found = str(error)
    assert isinstance(found, Program) or found.isprintable()
