"""Degrees: never below the true degree, which SymPy knows; and not far above."""

from __future__ import annotations

import pytest
import sympy

from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Elementwise, Expr, Name, Softmax, total
from backproof.ir.program import Equation, Program
from backproof.networks import mlp
from backproof.proof.identity import degree_place, obligations_of, outcomes
from backproof.proof.obligations import Fact, Identity, Law
from backproof.rules.elementwise import exp

A, B = Name("A", (2, 3)), Name("B", (2, 3))


def degree(value: Expr) -> float:
    """The bound for the degree of value − 0."""
    program = Program((A, B), (), (Equation(Name("v", value.shape), value), Equation(Name("L"), total(value))), "L")
    place = degree_place(program, {})
    return place.compare(place.env["v"], place(Name("v", value.shape) - Name("v", value.shape)))


a, b = sympy.symbols("a0:6"), sympy.symbols("b0:6")


def true_degree(value: sympy.Expr) -> int:
    numerator, _ = sympy.fraction(sympy.together(value))
    return int(sympy.Poly(sympy.expand(numerator), *a, *b).total_degree())


@pytest.mark.parametrize(
    ("value", "same_in_sympy"),
    [
        (A * B, a[0] * b[0]),
        (A + B * B, a[0] + b[0] ** 2),
        (A / B, a[0] / b[0]),
        (A / B + B / A, a[0] / b[0] + b[0] / a[0]),
        (A / (1 + A) + B / (1 + A), (a[0] + b[0]) / (1 + a[0])),
        (A @ B.T, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]),
        (total(1 / A), sum(1 / s for s in a)),
        (total(1 / A, 1), sum(1 / s for s in a[:3])),
        (total(A / B, 0) * A, (a[0] / b[0] + a[3] / b[3]) * a[0]),
        ((1 / A) @ (1 / B).T, sum(1 / (s * t) for s, t in zip(a[:3], b[:3], strict=True))),
        (A**3 / (1 + B) ** 2, a[0] ** 3 / (1 + b[0]) ** 2),
        ((A / B) ** -2, (b[0] / a[0]) ** 2),
    ],
)
def test_a_bound_is_not_below_the_true_degree(value: Expr, same_in_sympy: sympy.Expr) -> None:
    true = true_degree(same_in_sympy)
    assert true <= degree(value) <= 2 * true + 1


def test_factors_in_common_count_once() -> None:
    """Σ over 50 terms with one denominator has the degree of one term, not of fifty."""
    s = 1 / (1 + A)
    value: Expr = s * A
    for _ in range(50):
        value = value + s * A
    program = Program((A,), (), (Equation(Name("s", A.shape), s), Equation(Name("L"), total(A))), "L")
    place = degree_place(program, {})
    named = Name("s", A.shape)
    chain: Expr = named * A
    for _ in range(50):
        chain = chain + named * A
    assert place(chain).above == 1


def test_free_functions_start_anew() -> None:
    """exp of anything is as simple as a variable, so degrees do not multiply through the layers."""
    deep = A**50
    assert degree(Elementwise(exp, deep)) == degree(Elementwise(exp, A)) == 4


def test_comparisons_have_no_degree() -> None:
    assert degree((A > B) * A) == 1


def test_a_softmax_has_the_common_denominator_of_its_row() -> None:
    assert degree(Softmax(A, 1)) <= 3 * 4 + 4 + 4


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "gelu", "tanh", "softplus"])
def test_degrees_grow_slowly_with_depth(activation: str) -> None:
    """At 20 layers the chance of error at one point is still below one in ten thousand."""
    trace = backpropagate(mlp(*[4] * 21, activation=activation))
    obligations = obligations_of(trace)
    place = degree_place(trace.program, {"n": 3})
    largest = max(max(outcome) for outcome in outcomes(obligations, place))
    assert largest < 1e-4 * 2**31


def test_every_identity_has_a_degree() -> None:
    trace = backpropagate(mlp(3, 4, 2, loss="cross_entropy", penalty=0.1, bias=True))
    obligations = obligations_of(trace)
    place = degree_place(trace.program, {"n": 3})
    tested = [o for o in obligations if isinstance(o, Identity | Law)]
    assert len(tested) == len(list(outcomes(obligations, place)))
    assert all(o.holds for o in obligations if isinstance(o, Fact))


def test_transposition_and_sums_over_the_other_axis() -> None:
    s = 1 / (1 + A)
    assert degree(total(s.T, 1)) == degree(total(s, 0).T) == true_degree(1 / (1 + a[0]) + 1 / (1 + a[3])) == 1
    assert degree(total(s, 1)) == degree(total(s.T, 0)) == 2
    assert degree(total(s)) == 5
