"""Properties of the core over random expressions and programs, valued in sixty digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backproof.backprop.simplify import simplify
from backproof.backprop.sweep import backpropagate
from backproof.dims import Shape, concrete, substitute_shape
from backproof.ir.arithmetic import Array, MpmathArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Add, Broadcast, Const, Div, Expr, Mul, Name, Neg, Size, Sub, broadcast
from backproof.ir.indices import at
from backproof.ir.program import Program, resized
from backproof.ir.traverse import children, node_count, rebuilt, substitute, transform, walk
from backproof.rules.jvp import tangent_program
from expressions import (
    SIZES,
    apart,
    expressions,
    n,
    numbers_for,
    programs,
    quantities,
    shapes,
    usable,
    value_of,
)

EXACT = MpmathArithmetic(60)
SAME = 1e-30
seeds = st.integers(0, 2**16)
quick = settings(max_examples=150)


# --- simplification -----------------------------------------------------------------------------------------------


@settings(max_examples=400)
@given(expressions(), seeds)
def test_simplification_keeps_the_value_and_is_done_at_once(expr: Expr, seed: int) -> None:
    env = numbers_for(quantities(expr), EXACT, seed)
    value = value_of(expr, env, EXACT)
    assume(value is not None)
    simple = simplify(expr)
    assert simple.shape == expr.shape
    simplified = value_of(simple, env, EXACT)
    assert simplified is not None, "a singularity that was not there"
    assert value is not None
    assert apart(value, simplified) < SAME
    assert simplify(simple) == simple, "a second simplification changes something"


def costly(expr: Expr) -> Counter[str]:
    """What an expression reads and computes, less the arithmetic that simplification may move about."""
    free = (Broadcast, Const, Size, Mul, Div, Neg, Add, Sub)
    return Counter(type(node).__name__ for node in walk(expr) if not isinstance(node, free))


@settings(max_examples=300)
@given(expressions())
def test_simplification_computes_nothing_twice_that_was_there_once(expr: Expr) -> None:
    before, after = costly(expr), costly(simplify(expr))
    # A product with a constant matrix becomes a sum; a transpose is pulled into a product's operands.
    after["MatMul"] += after.pop("Sum", 0)
    before["MatMul"] += before.pop("Sum", 0)
    assert after["Transpose"] <= before["Transpose"] + before["MatMul"]
    for kind in set(after) - {"Transpose"}:
        assert after[kind] <= before[kind], f"{kind}: {before[kind]} before, {after[kind]} after"
    assert node_count(simplify(expr)) <= 2 * node_count(expr) + 8


@given(st.permutations("abcd"), st.lists(st.sampled_from((1, -1, 2, Fraction(1, 3), None)), max_size=6), seeds)
def test_factors_keep_their_order(order: list[str], interspersed: list[Fraction | None], seed: int) -> None:
    """Numbers and signs go to the front; the quantities stay as they stood, however the product is bracketed."""
    rng = np.random.default_rng(seed)
    parts: list[Expr] = [Name(id, (2, 3)) for id in order]
    for extra in interspersed:
        place = int(rng.integers(len(parts) + 1))
        if extra is None:
            parts[place % len(parts)] = Neg(parts[place % len(parts)])
        else:
            parts.insert(place, broadcast(Const(Fraction(extra)), (2, 3)))
    while len(parts) > 1:
        place = int(rng.integers(len(parts) - 1))
        parts[place : place + 2] = [Mul(parts[place], parts[place + 1])]
    assert [node.id for node in walk(simplify(parts[0])) if isinstance(node, Name)] == order


def test_sums_keep_their_order() -> None:
    a, b, c = (Name(id, (2, 2)) for id in "abc")
    assert simplify(a + b + c) == a + b + c
    assert simplify(c + (a - b)) == c + (a - b)


# --- derivatives --------------------------------------------------------------------------------------------------


def values_of(program: Program, env: Mapping[str, Array]) -> dict[str, Array] | None:
    """Every named quantity; None where one of them has no usable value."""
    try:
        values = evaluate_program(program, env, Evaluator(EXACT, SIZES))
    except (ArithmeticError, ValueError):
        return None
    return values if all(usable(value, EXACT) for value in values.values()) else None


@settings(max_examples=250)
@given(programs(), seeds)
def test_the_gradient_is_the_directional_derivative(program: Program, seed: int) -> None:
    """⟨∇L, v⟩ by the reverse sweep is the tangent of L by forward mode, which goes by other rules."""
    moving = {p.id: f"v_{p.id}" for p in program.parameters}
    forward = tangent_program(program, moving)
    env = numbers_for([*forward.inputs, *program.parameters], EXACT, seed)
    tangents = values_of(forward, env)
    assume(tangents is not None)
    trace = backpropagate(program)
    backward = values_of(trace.joint, {p.id: env[p.id] for p in program.parameters})
    assume(backward is not None)
    assert tangents is not None
    assert backward is not None
    pairs = [(backward[trace.gradients[p.id]], env[moving[p.id]]) for p in program.parameters]
    derivative = sum((np.sum(gradient * v) for gradient, v in pairs), start=EXACT.constant(Fraction(0)))
    size = max([1, *(float(np.max(abs(gradient * v))) for gradient, v in pairs)])
    expected = tangents.get("tangent_L", EXACT.constant(Fraction(0)))
    assert abs(float(derivative - expected)) <= SAME * size


@quick
@given(programs())
def test_a_derivation_is_well_formed(program: Program) -> None:
    """Names once, steps rest on earlier steps, gradients have the shape of their parameters."""
    trace = backpropagate(program)
    ids = [equation.name.id for equation in trace.joint.equations]
    assert len(set(ids)) == len(ids)
    assert [step.number for step in trace.steps] == list(range(1, len(trace.steps) + 1))
    for step in trace.steps:
        assert all(use < step.number for use in step.uses)
        assert step.before.shape == step.after.shape == step.target.shape
    for parameter in program.parameters:
        assert trace.joint.names[trace.gradients[parameter.id]].shape == parameter.shape


# --- trees --------------------------------------------------------------------------------------------------------


@quick
@given(expressions())
def test_walking_and_rebuilding(expr: Expr) -> None:
    assert transform(expr, lambda node: node) is expr
    assert rebuilt(expr, children(expr)) is expr
    assert node_count(expr) == 1 + sum(node_count(child) for child in children(expr))
    assert next(walk(expr)) is expr
    assert substitute(expr, {}) == expr
    assert at(expr, {"i": 1}) == expr


@quick
@given(expressions(), seeds)
def test_numbers_put_for_symbols_keep_the_value(expr: Expr, seed: int) -> None:
    env = numbers_for(quantities(expr), EXACT, seed)
    value = value_of(expr, env, EXACT)
    assume(value is not None)
    assert value is not None
    sized = resized(expr, SIZES)
    assert sized.shape == substitute_shape(expr.shape, SIZES)
    assert not any(n in (getattr(node, "dim", None), *node.shape) for node in walk(sized))
    again = value_of(sized, env, EXACT)
    assert again is not None
    assert apart(value, again) < SAME


@given(shapes, shapes)
def test_operators_broadcast_as_numpy_does(a: Shape, b: Shape) -> None:
    left, right = Name("a", a), Name("b", b)
    sizes = {"n": 5}  # a size that no other dimension has, as a symbol is equal to itself alone
    try:
        expected = np.broadcast_shapes(concrete(a, sizes), concrete(b, sizes))
    except ValueError:
        expected = None
    try:
        found = concrete((left + right).shape, sizes)
    except ValueError:
        found = None
    assert found == expected
