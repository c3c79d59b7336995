"""Reverse mode: every row against central differences in fifty digits, against forward mode, and twice over."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.dims import Shape, Symbol, concrete
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Component, Const, Expr, Name, Pi, Size, Sum, SumOver, Transpose, total
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import children, walk
from backproof.rules.jvp import JVP
from backproof.rules.vjp import VJP, unbroadcast
from cases import DIFFERENTIABLE, SIZES, Array, Case, environment
from oracles import (
    EXACT,
    along_a_direction,
    apart,
    differences,
    exactly,
    gradients,
    hessian_by_differences,
)

every_case = pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.id)
n = Symbol("n")


def weighted(case: Case) -> Program:
    """L = Σ U ∘ case: its gradient is the product of U with the Jacobian."""
    names = {node for node in walk(case.expr) if isinstance(node, Name)}
    parameters = sorted(names, key=lambda name: name.id)
    U, q = Name("U", case.expr.shape), Name("q", case.expr.shape)
    equations = (Equation(q, case.expr), Equation(Name("L"), total(U * q)))
    return Program((U,), (*parameters, Name("other")), equations, "L")


def numbers(case: Case, seed: int = 2) -> dict[str, Array]:
    """Values for the names of the case, and for U and a parameter that is not used."""
    rng = np.random.default_rng(seed)
    U = rng.normal(size=concrete(case.expr.shape, SIZES))
    return exactly({**environment(case.positive, seed), "U": U, "other": np.asarray(1.0)})


@every_case
def test_the_gradient_is_the_central_difference(case: Case) -> None:
    program, env = weighted(case), numbers(case)
    trace = backpropagate(program)
    derived = gradients(trace, env, SIZES)
    for parameter in trace.gradients:
        assert apart(derived[parameter], differences(program, env, SIZES, parameter)) < 1e-22, parameter


@every_case
def test_the_gradient_differentiated_again_is_the_difference_of_gradients(case: Case) -> None:
    trace = backpropagate(weighted(case))
    again = backpropagate(along_a_direction(trace), wrt=trace.gradients)
    rng = np.random.default_rng(3)
    V = {id: EXACT.array(rng.normal(size=concrete(again.program.names[id].shape, SIZES))) for id in trace.gradients}
    env = {**numbers(case), **{f"V_{id}": value for id, value in V.items()}}
    derived = gradients(again, env, SIZES)
    expected = hessian_by_differences(trace, env, V, SIZES)
    for id in derived:
        assert apart(derived[id], expected[id]) < 1e-22, id


@every_case
def test_the_rows_of_the_two_modes_are_adjoint(case: Case) -> None:
    """⟨u, J v⟩ = ⟨Jᵀ u, v⟩ for the operation alone, whatever its operands are."""
    node = case.expr
    operands = children(node)
    if not operands:
        assert type(node) not in VJP
        return
    u = Name("u", node.shape)
    moving = [Name(f"v_{k}", operand.shape) for k, operand in enumerate(operands)]
    rng = np.random.default_rng(4)
    drawn = {name.id: rng.normal(size=concrete(name.shape, SIZES)) for name in (u, *moving)}
    env = exactly({**environment(case.positive), **drawn})
    cotangents = VJP[type(node)](node, u, node)
    assert len(cotangents) == len(operands)
    forward = value(inner(u, JVP[type(node)](node, *moving)), env)
    backward = sum(
        (value(inner(g, v), env) for g, v in zip(cotangents, moving, strict=True)), start=EXACT.context.mpf(0)
    )
    assert abs(forward - backward) < 1e-40
    assert all(g is None or g.shape == operand.shape for g, operand in zip(cotangents, operands, strict=True))


def inner(a: Expr | None, b: Expr | None) -> Expr:
    """The inner product; nothing stands for zero."""
    return Const(Fraction(0)) if a is None or b is None else total(a * b)


def value(expr: Expr, env: Mapping[str, Array]) -> Any:
    return np.asarray(Evaluator(EXACT, SIZES)(expr, env)).item()


def test_a_leaf_has_no_row() -> None:
    leaves: tuple[type[Expr], ...] = (Const, Pi, Size, Name, Component)
    assert not set(leaves) & set(VJP)


def test_the_row_of_a_sum_in_index_notation_hands_the_cotangent_on() -> None:
    g = Name("g")
    assert VJP[SumOver](SumOver("k", n, g), g, g) == (g,)


@pytest.mark.parametrize(
    ("small", "large", "expected"),
    [
        ((), (2, 3), lambda g: Sum(g)),
        ((1, 3), (n, 3), lambda g: Sum(g, 0)),
        ((2, 1), (2, n), lambda g: Sum(g, 1)),
        ((1, 1), (2, 3), lambda g: Sum(Sum(g, 0), 1)),
        ((1, 1), (1, 3), lambda g: Sum(g, 1)),
        ((2, 3), (2, 3), lambda g: g),
    ],
)
def test_the_cotangent_of_what_was_repeated_is_the_sum_over_the_repetitions(
    small: Shape, large: Shape, expected: type
) -> None:
    g = Name("g", large)
    assert unbroadcast(g, Name("x", small)) == expected(g)
    assert unbroadcast(g, Name("x", small)).shape == small


def test_the_rows_are_the_textbooks() -> None:
    """The product rule for matrices, and the sum over a batch for a bias, as they are read."""
    A, B, G = Name("A", (n, 3)), Name("B", (3, 2)), Name("G", (n, 2))
    assert VJP[type(A @ B)](A @ B, G, Name("y", (n, 2))) == (G @ Transpose(B), Transpose(A) @ G)
