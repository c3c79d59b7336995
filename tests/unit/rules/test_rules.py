"""Part 1 of the proof: every row of the derivative tables against a source that knows nothing of them.

Derivatives of functions: SymPy's derivative of the definition, and difference quotients of the value in 100 digits.
Rows of reverse and forward mode: difference quotients in 100 digits, one case or more for every class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy

from backproof.dims import concrete
from backproof.ir.arithmetic import MpmathArithmetic
from backproof.ir.evaluate import VALUE, Evaluator
from backproof.ir.expr import (
    Add,
    Assembled,
    Broadcast,
    Component,
    Const,
    Div,
    Elementwise,
    Expr,
    Function,
    Greater,
    LogSumExp,
    MatMul,
    Mul,
    Name,
    Neg,
    Partial,
    Pi,
    Power,
    Size,
    Softmax,
    Sub,
    Sum,
    SumOver,
    Transpose,
    Where,
    broadcast,
    total,
)
from backproof.ir.traverse import children, names
from backproof.rules.elementwise import (
    FUNCTIONS,
    abs_,
    derivative_formula,
    elu,
    huber,
    leaky_relu,
    relu,
    sigmoid,
    tanh,
)
from backproof.rules.jvp import JVP, tangent_of
from backproof.rules.vjp import VJP, unbroadcast

DIGITS = 50
ARITHMETIC = MpmathArithmetic(2 * DIGITS)
MP = ARITHMETIC.context
STEP = MP.mpf(10) ** -30
PLACES = [Fraction(k, 7) for k in (-40, -17, -9, -5, -3, -1, 1, 2, 4, 6, 11, 19, 33)]
"""Between the kinks of every function."""

ALL_FUNCTIONS: Mapping[str, Function] = {
    **FUNCTIONS,
    "leaky_relu(1/5)": leaky_relu(0.2),
    "elu(3/2)": elu(1.5),
    "huber(1/3)": huber(Fraction(1, 3)),
}


# --- functions of one variable ----------------------------------------------------------------------------------------


def value(fn: Function, x: Any) -> Any:
    evaluator = Evaluator(ARITHMETIC, {})
    return np.asarray(evaluator.function(fn, np.asarray(x, object)), object).item()


def row(fn: Function, x: Any) -> Any:
    """f'(x) as the table has it."""
    env = {"x": np.asarray(x, object), "y": np.asarray(value(fn, x), object)}
    return np.asarray(Evaluator(ARITHMETIC, {})(derivative_formula(fn), env), object).item()


def number(place: Fraction) -> Any:
    return MP.mpf(place.numerator) / place.denominator


def in_domain(fn: Function, place: Fraction) -> bool:
    """log and its like have no real value everywhere."""
    return not (fn.name == "log" and place <= 0) and not (fn.name == "log1p" and place <= -1)


def disagreement(a: Any, b: Any) -> float:
    return float(abs(a - b) / max(1, abs(a), abs(b)))


def by_quotients(fn: Function) -> float:
    """The largest difference between the row and the difference quotient of the value."""
    return max(
        disagreement(row(fn, x), (value(fn, x + STEP) - value(fn, x - STEP)) / (2 * STEP))
        for x in (number(place) for place in PLACES if in_domain(fn, place))
    )


def by_sympy(fn: Function) -> float:
    """The largest difference between the row and SymPy's derivative of the definition."""
    x = sympy.Symbol("x", real=True)
    slope = sympy.diff(to_sympy(Elementwise(fn, Name("x")), {"x": x}), x)
    found = []
    for place in (place for place in PLACES if in_domain(fn, place)):
        exact = sympy.N(slope.subs(x, sympy.Rational(place.numerator, place.denominator)), 60)
        found.append(disagreement(row(fn, number(place)), MP.mpf(str(exact))))
    return max(found)


SYMPY: Mapping[str, Any] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "erf": sympy.erf,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "sign": lambda x: sympy.Piecewise((1, x > 0), (-1, x < 0), (0, True)),
}


def to_sympy(expr: Expr, env: Mapping[str, Any]) -> Any:
    """The scalar expression in SymPy's classes, functions opened down to the primitives."""

    def go(node: Expr) -> Any:
        return to_sympy(node, env)

    match expr:
        case Name(id):
            return env[id]
        case Const(number):
            return sympy.Rational(number.numerator, number.denominator)
        case Pi():
            return sympy.pi
        case Add(a, b):
            return go(a) + go(b)
        case Sub(a, b):
            return go(a) - go(b)
        case Mul(a, b):
            return go(a) * go(b)
        case Div(a, b):
            return go(a) / go(b)
        case Neg(x):
            return -go(x)
        case Power(x, exponent):
            return go(x) ** sympy.Rational(exponent.numerator, exponent.denominator)
        case Where(Greater(a, b), yes, no):
            return sympy.Piecewise((go(yes), go(a) > go(b)), (go(no), True))
        case Elementwise(fn, x) if fn.definition is None:
            return SYMPY[fn.name](go(x))
        case Elementwise(fn, x):
            assert fn.definition is not None
            return to_sympy(fn.definition, {"x": go(x)})
        case _:
            raise AssertionError(type(expr).__name__)


@pytest.mark.parametrize("name", ALL_FUNCTIONS)
def test_a_derivative_is_that_of_the_definition(name: str) -> None:
    fn = ALL_FUNCTIONS[name]
    assert by_quotients(fn) < 1e-45
    assert by_sympy(fn) < 1e-45


@pytest.mark.parametrize("name", ALL_FUNCTIONS)
def test_a_stable_form_is_the_definition(name: str) -> None:
    fn = ALL_FUNCTIONS[name]
    if fn.stable is None:
        return
    for x in (number(place) for place in PLACES):
        stable = np.asarray(Evaluator(ARITHMETIC, {})(fn.stable, {"x": np.asarray(x, object)}), object).item()
        assert disagreement(stable, value(fn, x)) < 1e-80


@pytest.mark.parametrize(
    ("fn", "wrong"),
    [
        (sigmoid, Name("y") * (1 + Name("y"))),
        (sigmoid, Name("y")),
        (tanh, 1 - Name("y")),
        (relu, Name("y") > -1),
        (elu(1), Const(Fraction(1))),
        (abs_, -derivative_formula(abs_)),
    ],
)
def test_a_wrong_derivative_is_found_by_both(fn: Function, wrong: Expr) -> None:
    broken = replace(fn, derivative=wrong)
    assert by_quotients(broken) > 1e-3
    assert by_sympy(broken) > 1e-3


# --- rows of reverse and forward mode ---------------------------------------------------------------------------------

A, B = Name("A", (3, 4)), Name("B", (3, 4))
C, ROW, COLUMN, S = Name("C", (4, 2)), Name("r", (1, 4)), Name("c", (3, 1)), Name("s")
POSITIVE = A**2 + Fraction(1, 3)

OP_CASES: Mapping[str, Expr] = {
    "Add": A + B,
    "Add itself": A + A,
    "Sub": A - B,
    "Sub itself": A * A - A,
    "Mul": A * B,
    "Mul itself": A * A,
    "Div": Div(A, B + 3),
    "Div itself": Div(A, A + 3),
    "Neg": -A,
    "Power 3": A**3,
    "Power -2": A**-2,
    "Power 1/2": Power(POSITIVE, Fraction(1, 2)),
    "Power -1/3": Power(POSITIVE, Fraction(-1, 3)),
    "Greater": Greater(A, B) * A,
    "Where": Where(Greater(A, B), A * B, A - B),
    "Elementwise": Elementwise(sigmoid, A),
    "Elementwise of a sum": Elementwise(tanh, A + B),
    "MatMul": MatMul(A, C),
    "MatMul with itself": MatMul(A, A.T),
    "Transpose": Transpose(A),
    "Sum": Sum(A),
    "Sum down": Sum(A, 0),
    "Sum along": Sum(A, 1),
    "Broadcast scalar": Broadcast(S, (3, 4)),
    "Broadcast row": Broadcast(ROW, (3, 4)),
    "Broadcast column": Broadcast(COLUMN, (3, 4)),
    "Softmax along": Softmax(A, 1),
    "Softmax down": Softmax(A, 0),
    "LogSumExp along": LogSumExp(A, 1),
    "LogSumExp down": LogSumExp(A, 0),
}

NO_DERIVATIVE = {Const, Pi, Size, Name, Component, Partial, Assembled}
"""Leaves and symbols."""


def point(*exprs: Expr) -> dict[str, Any]:
    """Random values, to 100 digits, for the names of the expressions."""
    random = np.random.default_rng(5)
    found: dict[str, Any] = {}
    for leaf in (A, B, C, ROW, COLUMN, S):
        found[leaf.id] = ARITHMETIC.array(random.uniform(-1.5, 1.5, concrete(leaf.shape, {})))
    return found


def inner(a: Any, b: Any) -> Any:
    return np.sum(np.asarray(a, object) * np.asarray(b, object))


def evaluated(expr: Expr, env: Mapping[str, Any]) -> Any:
    return np.asarray(Evaluator(ARITHMETIC, {})(expr, env), object)


def quotient(expr: Expr, env: Mapping[str, Any], directions: Mapping[str, Any]) -> Any:
    """(e(x + hV) − e(x − hV)) / 2h."""
    ahead, behind = (
        evaluated(expr, {**env, **{id: env[id] + sign * STEP * v for id, v in directions.items()}}) for sign in (1, -1)
    )
    return (ahead - behind) / (2 * STEP)


def directions_for(expr: Expr) -> dict[str, Any]:
    random = np.random.default_rng(6)
    shapes = {leaf.id: leaf.shape for leaf in (A, B, C, ROW, COLUMN, S)}
    return {id: ARITHMETIC.array(random.uniform(0.5, 1, concrete(shapes[id], {}))) for id in sorted(names(expr))}


def reverse_error(case: Expr) -> float:
    """⟨row's cotangents, V⟩ against the difference quotient of ⟨g, e⟩, all classes of the case by the table."""
    env, directions = point(case), directions_for(case)
    g = Name("g", case.shape)
    env["g"] = ARITHMETIC.array(np.random.default_rng(7).uniform(-1, 1, concrete(case.shape, {})))
    sent: dict[str, list[Expr]] = {}
    send_back(case, g, sent)
    claimed = sum(inner(evaluated(back, env), directions[id]) for id, backs in sent.items() for back in backs)
    return disagreement(claimed, inner(env["g"], quotient(case, env, directions)))


def send_back(node: Expr, g: Expr, sent: dict[str, list[Expr]]) -> None:
    if isinstance(node, Name):
        sent.setdefault(node.id, []).append(g)
        return
    if children(node):
        for child, cotangent in zip(children(node), VJP[type(node)](node, g, node), strict=True):
            if cotangent is not None:
                assert cotangent.shape == child.shape
                send_back(child, cotangent, sent)


def forward_error(case: Expr) -> float:
    env, directions = point(case), directions_for(case)
    moving: dict[str, Expr] = {id: Name(f"d{id}", np.shape(v)) for id, v in directions.items()}
    moved = tangent_of(case, moving)
    assert moved is not None
    along = evaluated(moved, {**env, **{f"d{id}": v for id, v in directions.items()}})
    differences = quotient(case, env, directions)
    assert np.shape(along) == np.shape(differences)
    return max(disagreement(a, b) for a, b in zip(np.ravel(along), np.ravel(differences), strict=True))


@pytest.mark.parametrize("name", OP_CASES)
def test_a_row_of_reverse_mode_is_the_derivative(name: str) -> None:
    assert reverse_error(OP_CASES[name]) < 1e-45


@pytest.mark.parametrize("name", OP_CASES)
def test_a_row_of_forward_mode_is_the_derivative(name: str) -> None:
    assert forward_error(OP_CASES[name]) < 1e-45


def test_every_row_has_a_case() -> None:
    covered = {type(case) for case in OP_CASES.values()} | {Greater, SumOver}
    assert set(VALUE) - NO_DERIVATIVE == covered
    assert set(VJP) == covered
    assert set(JVP) == covered - {SumOver}


def test_the_row_of_a_sum_over_an_index() -> None:
    body = Component(A, "k", 2) * Component(B, 1, "k")
    (cotangent,) = VJP[SumOver](SumOver("k", 3, body), S, S)
    assert cotangent == S


WRONG_ROWS: Mapping[type[Expr], Any] = {
    Add: lambda e, g, y: (g, -g),
    Sub: lambda e, g, y: (g, g),
    Mul: lambda e, g, y: (g * e.b, g * e.b),
    Div: lambda e, g, y: (g / e.b, (g * y) / e.b),
    Neg: lambda e, g, y: (g,),
    Power: lambda e, g, y: (g * (e.exponent * e.x**e.exponent),),
    Where: lambda e, g, y: (None, g, g),
    Elementwise: lambda e, g, y: (g,),
    MatMul: lambda e, g, y: (g @ e.b.T, -(e.a.T @ g)),
    Transpose: lambda e, g, y: (-g.T,),
    Sum: lambda e, g, y: (2 * broadcast(g, e.x.shape),),
    Broadcast: lambda e, g, y: (2 * unbroadcast(g, e.x),),
    Softmax: lambda e, g, y: (y * (g - total(g, e.axis)),),
    LogSumExp: lambda e, g, y: (g * Softmax(e.x, 1 - e.axis),),
}


@pytest.mark.parametrize("kind", WRONG_ROWS, ids=lambda kind: kind.__name__)
def test_a_wrong_row_is_found(kind: type[Expr], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VJP, kind, WRONG_ROWS[kind])
    cases = [case for case in OP_CASES.values() if type(case) is kind]
    assert any(reverse_error(case) > 1e-3 for case in cases)
