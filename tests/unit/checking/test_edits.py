"""Edits of expressions, and the shapes that NumPy gives them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.edits import as_numpy, factors, numpy_shape, put, put_everywhere, sites, terms, without
from backproof.checking.mutants import mutants
from backproof.dims import Symbol
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Broadcast, Const, Div, Expr, MatMul, Mul, Name, Sub, Sum, Transpose, ones

n = Symbol("n")
X, y = Name("X", (n, 3)), Name("y", (n, 1))
W = Name("W", (3, 1))
SIZES = {"n": 5}


def test_every_site_can_be_replaced() -> None:
    expr = (X @ W - y) * y
    for path, node in sites(expr):
        assert put(expr, path, node) == expr
    assert put(expr, (0, 1), X @ W) == Mul(Sub(X @ W, X @ W), y)


def test_every_occurrence_can_be_replaced() -> None:
    assert put_everywhere(y * (1 - y), y, X @ W) == (X @ W) * (1 - X @ W)


def test_factors_and_products_without_some() -> None:
    out, d = Name("l", (n, 2)), Name("d", (n, 2))
    expr = d * out * (1 - out)
    assert factors(expr) == (d, out, 1 - out)
    assert without(expr, (out, 1 - out)) == d
    assert without(-expr, (out,)) == -(d * (1 - out))
    assert without(out, (out,)) is None


def test_terms_of_sums_only() -> None:
    assert [node for _, node in terms(X + X - X)] == [X, X, X]
    assert [put(X + X, path, y) for path, _ in terms(X + X)] == [(put(X + X, (0,), y)), (put(X + X, (1,), y))]
    assert list(terms(X * X)) == []


@pytest.mark.parametrize(
    ("expr", "shape"),
    [
        (Sub(y, Transpose(y)), (5, 5)),
        (MatMul(X, W), (5, 1)),
        (MatMul(W, X), None),
        (Mul(X, W), None),
        (Mul(X, y), (5, 3)),
        (Sum(X, 0), (1, 3)),
        (Sum(X, 1), (5, 1)),
        (Sum(X), ()),
        (Transpose(X), (3, 5)),
        (Sum(Sum(X), 0), None),
        (MatMul(X, Sum(X)), None),
        (Broadcast(Sum(X), (n, 3)), (5, 3)),
        (Broadcast(X, (3, 3)), None),
        (Div(X, Const(Fraction(2))), (5, 3)),
    ],
)
def test_the_shape_that_numpy_gives(expr: Expr, shape: tuple[int, ...] | None) -> None:
    assert numpy_shape(expr, SIZES) == shape


def test_a_sum_still_counts_what_was_repeated() -> None:
    doubled = Sum(Mul(ones((n, 3)), Broadcast(Const(Fraction(2)), (n, 3))))
    assert Evaluator(NumpyArithmetic(), SIZES)(as_numpy(doubled), {}) == 30


def test_the_shapes_foretold_are_those_of_numpy() -> None:
    trace = backpropagate(bp.mlp(3, 2, 3, bias=True, activation="tanh", penalty=1))
    rng = np.random.default_rng(0)
    evaluator = Evaluator(NumpyArithmetic(), SIZES)
    values: dict[str, np.ndarray] = {}
    for name in (*trace.program.inputs, *trace.program.parameters):
        values[name.id] = rng.normal(size=[SIZES["n"] if isinstance(dim, Symbol) else dim for dim in name.shape])
    for equation in trace.joint.equations:
        values[equation.name.id] = evaluator(equation.value, values)
    found = mutants(trace, SIZES)
    for m in found:
        assert np.shape(evaluator(as_numpy(m.wrong), values)) == numpy_shape(as_numpy(m.wrong), SIZES)
    assert len(found) > 150
