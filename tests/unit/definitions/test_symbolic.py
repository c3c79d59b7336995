"""To SymPy and back: the same function, and identities that are confirmed only where they hold."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backproof.definitions.recognise import SPELLINGS, recognised
from backproof.definitions.sampling import Sampler, UndefinedError
from backproof.definitions.symbolic import NotInTableError, Translator, is_zero, shorter_forms, written_out
from backproof.ir.expr import Const, Elementwise, Expr, Name, Pi
from backproof.ir.traverse import walk
from backproof.parsing import parse_scalar_formula
from backproof.rules.elementwise import FUNCTIONS, abs_, exp, sigmoid, tanh

x = Name("x")


def formula(text: str) -> Expr:
    return parse_scalar_formula(text, ["x", "y", "a"])


@st.composite
def formulas(draw: st.DrawFn, depth: int = 4) -> Expr:
    """A random smooth formula in x."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from([x, x, x + 2, Pi(), Const(Fraction(2, 3))]))
    a, b = draw(formulas(depth - 1)), draw(formulas(depth - 1))
    match draw(st.sampled_from(["+", "-", "*", "/", "neg", "square", "fn"])):
        case "neg":
            return -a
        case "square":
            return a**2
        case "fn":
            return Elementwise(draw(st.sampled_from([sigmoid, tanh, exp, abs_])), a)
        case sign:
            return {"+": a + b, "-": a - b, "*": a * b, "/": a / (1 + b**2)}[sign]


def same(a: Expr, b: Expr, output: Expr = x) -> bool:
    sampler = Sampler()
    for point in sampler.points[:4]:
        try:
            y = sampler.value(output, point)
            if not sampler.agree(sampler.value(a, point, y), sampler.value(b, point, y)):
                return False
        except UndefinedError:
            continue
    return True


@given(formulas())
@settings(max_examples=60)
def test_there_and_back_is_the_same_function(expr: Expr) -> None:
    translator = Translator()
    assert same(translator.from_sympy(translator.to_sympy(expr)), expr)


@given(formulas(depth=3), formulas(depth=2))
@settings(max_examples=30)
def test_every_shorter_form_is_the_same_function(expr: Expr, output: Expr) -> None:
    for form in shorter_forms(expr, output):
        assert same(form, expr, output)


def test_a_comparison_is_not_in_the_table() -> None:
    with pytest.raises(NotInTableError):
        Translator().to_sympy(x > 0)
    assert list(shorter_forms(x > 0, x)) == []
    assert not is_zero((x > 0) - (x > 0))


@pytest.mark.parametrize(
    "text",
    [
        "tanh(x) - (1 - 2/(exp(2*x) + 1))",
        "tanh(1.702*x/2)/2 + 1/2 - sigmoid(1.702*x)",
        "sigmoid(-x) - (1 - sigmoid(x))",
        "exp(x)*exp(-x) - 1",
        "exp(2*x + 2) - exp(x + 1)^2",
        "(x + 1)^2 - x^2 - 2*x - 1",
        "sin(x)*cos(x) - cos(x)*sin(x)",
    ],
)
def test_identities_are_confirmed(text: str) -> None:
    assert is_zero(formula(text))


@pytest.mark.parametrize("text", ["tanh(x) - x", "exp(x) - exp(x + 1e-20)", "sigmoid(x) - tanh(x)", "1e-300*exp(-x^2)"])
def test_no_other_is(text: str) -> None:
    assert not is_zero(formula(text))


def test_polynomials_of_a_high_degree_are_given_up() -> None:
    assert is_zero(formula("exp(24*x) - exp(x)*exp(23*x)"))
    assert not is_zero(formula("exp(24.5*x) - exp(x)*exp(23.5*x)"))


def test_written_out_leaves_only_primitives() -> None:
    for fn in FUNCTIONS.values():
        inside = [node.fn for node in walk(written_out(Elementwise(fn, x))) if isinstance(node, Elementwise)]
        assert all(inner.definition is None for inner in inside), fn.name
        assert same(written_out(Elementwise(fn, x)), Elementwise(fn, x)), fn.name


@pytest.mark.parametrize(("before", "after"), SPELLINGS.items())
def test_every_spelling_is_an_identity(before: str, after: str) -> None:
    sampler = Sampler()
    bind = {"a": "(2 + x)"}
    left, right = (parse_scalar_formula(text.replace("a/", f"{bind['a']}/").replace("a*", f"{bind['a']}*"), ["x"])
                   for text in (before, after))  # fmt: skip
    compared = 0
    for point in sampler.points:
        try:
            assert sampler.agree(sampler.value(left, point), sampler.value(right, point))
            compared += 1
        except UndefinedError:
            continue
    assert compared > 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log(exp(x) + 1)", "softplus(x)"),
        ("1/(exp(-2*x) + 1)", "sigmoid(2*x)"),
        ("1/(1 + exp(3*x))", "sigmoid(-(3*x))"),
        ("x/(1 + exp(-x))", "x*sigmoid(x)"),
        ("tanh(log(1 + exp(x)))", "tanh(softplus(x))"),
        ("(1 - exp(-6*x))/(1 + exp(-6*x))", "tanh(3*x)"),
        ("log(1 + x^2)", "log1p(x^2)"),
        ("1/(1 + exp(-(x + 2)))", "sigmoid(x + 2)"),
        ("exp(x)/(1 + exp(2*x))", "exp(x)*sigmoid(-(2*x))"),
        ("exp(x) - exp(-x)", "exp(x) - exp(-x)"),
    ],
)
def test_known_functions_are_recognised(text: str, expected: str) -> None:
    assert recognised(formula(text)) == formula(expected)
