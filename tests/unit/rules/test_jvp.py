"""Forward mode: every row against central differences along a direction, in fifty digits."""

from __future__ import annotations

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.dims import concrete
from backproof.errors import BackproofError
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Component, Elementwise, Function, Name, SumOver, zeros
from backproof.ir.traverse import names
from backproof.rules.elementwise import FUNCTIONS
from backproof.rules.jvp import PRIMITIVE, tangent_of, tangent_program
from cases import DIFFERENTIABLE, NAMES, SIZES, Array, Case, environment
from oracles import EXACT, STEP, apart, exactly, values

every_case = pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.id)


@every_case
def test_the_tangent_is_the_difference_along_the_direction(case: Case) -> None:
    env = environment(case.positive, seed=5)
    rng = np.random.default_rng(6)
    direction = {f"v_{id}": rng.normal(size=value.shape) for id, value in env.items()}
    exact, along = exactly(env), exactly(direction)
    there, back = ({id: exact[id] + sign * STEP * along[f"v_{id}"] for id in env} for sign in (1, -1))
    evaluator = Evaluator(EXACT, SIZES)
    ahead, behind = evaluator(case.expr, there), evaluator(case.expr, back)
    tangent = tangent_of(case.expr, {name.id: Name(f"v_{name.id}", name.shape) for name in NAMES})
    found = evaluator(tangent or zeros(case.expr.shape), {**exact, **along})
    assert apart(found, np.asarray((ahead - behind) / (2 * STEP), object)) < 1e-22


@every_case
def test_what_does_not_move_has_no_tangent(case: Case) -> None:
    assert tangent_of(case.expr, {}) is None


@every_case
def test_what_moves_alone_is_found_among_what_does_not(case: Case) -> None:
    """A row must not take one operand's tangent for the other's: each name moves alone once."""
    used = names(case.expr)
    env = exactly({**environment(case.positive), **{f"v_{k}": v for k, v in environment(True, seed=9).items()}})
    evaluator = Evaluator(EXACT, SIZES)

    def tangent(moving: dict[str, Name]) -> Array:
        return np.asarray(evaluator(tangent_of(case.expr, moving) or zeros(case.expr.shape), env), object)

    velocity = {name.id: Name(f"v_{name.id}", name.shape) for name in NAMES if name.id in used}
    alone = [tangent({id: v}) for id, v in velocity.items()]
    together = tangent(velocity)
    assert apart(sum(alone, start=np.zeros_like(together)), together) < 1e-40


@pytest.mark.parametrize("name", PRIMITIVE)
@pytest.mark.parametrize("point", [0.3, 1.7, -0.8])
def test_the_tangent_of_a_primitive_is_the_difference_of_its_value(name: str, point: float) -> None:
    x, mp = EXACT.array(abs(point) if name == "log" else point), EXACT.context
    evaluator, fn = Evaluator(EXACT, {}), FUNCTIONS[name]
    difference = (evaluator.function(fn, x + STEP) - evaluator.function(fn, x - STEP)) / (2 * STEP)
    found = evaluator(tangent_of(Elementwise(fn, Name("x")), {"x": Name("t")}) or zeros(()), {"x": x, "t": mp.mpf(1)})
    assert apart(np.asarray(found, object), np.asarray(difference, object)) < 1e-22


def test_the_primitives_are_the_functions_without_a_definition() -> None:
    assert set(PRIMITIVE) == {name for name, fn in FUNCTIONS.items() if fn.definition is None}


def test_a_class_without_a_row_is_refused() -> None:
    A = Name("A", (2, 3))
    with pytest.raises(BackproofError, match="SumOver has no row in the table of tangents"):
        tangent_of(SumOver("k", 3, Component(A, 1, "k")), {"A": A})


def test_a_primitive_without_a_row_is_refused() -> None:
    x = Name("x")
    with pytest.raises(BackproofError, match="the primitive 'f' has no tangent in the tables"):
        tangent_of(Elementwise(Function("f", derivative=x), x), {"x": x})


# --- the tangent program ------------------------------------------------------------------------------------------


def test_the_tangent_program_follows_the_program() -> None:
    program = bp.mlp(3, 2, 1)
    forward = tangent_program(program, {"W_1": "v_1", "W_2": "v_2"})
    assert [name.id for name in forward.inputs] == ["X", "y", "v_1", "v_2"]
    assert [e.name.id for e in forward.equations] == [
        "l_1", "y_hat", "L", "tangent_l_1", "tangent_y_hat", "tangent_L",
    ]  # fmt: skip


def test_what_depends_on_nothing_that_moves_gets_no_equation() -> None:
    forward = tangent_program(bp.mlp(3, 2, 1), {"W_2": "v_2"})
    assert [e.name.id for e in forward.equations if e.name.id.startswith("tangent_")] == ["tangent_y_hat", "tangent_L"]


def test_a_quantity_that_an_equation_defines_may_move_too() -> None:
    """Then its own movement is added to what its operands bring: the tangent of L is ⟨∂L/∂l_1, v⟩."""
    program = bp.mlp(3, 2, 1)
    forward = tangent_program(program, {"l_1": "v"})
    rng = np.random.default_rng(0)
    shapes = {name.id: concrete(name.shape, {"n": 4}) for name in (*program.inputs, *program.parameters)}
    env = exactly({id: rng.normal(size=shape) for id, shape in shapes.items()} | {"v": rng.normal(size=(4, 2))})
    trace = backpropagate(program, wrt=["l_1"])
    gradient = values(trace.joint, env, {"n": 4})[trace.gradients["l_1"]]
    tangent = values(forward, env, {"n": 4})["tangent_L"]
    assert abs(np.sum(gradient * env["v"]) - tangent) < 1e-40


def test_both_movements_add_up() -> None:
    program = bp.mlp(3, 2, 1)
    env = exactly(
        {
            name.id: np.random.default_rng(k).normal(size=concrete(name.shape, {"n": 2}))
            for k, name in enumerate((*program.inputs, *program.parameters, Name("v", (2, 2)), Name("w", (3, 2))))
        }
    )
    both = values(tangent_program(program, {"W_1": "w", "l_1": "v"}), env, {"n": 2})["tangent_L"]
    apart_from = [values(tangent_program(program, moving), env, {"n": 2})["tangent_L"] for moving in (
        {"W_1": "w"}, {"l_1": "v"},
    )]  # fmt: skip
    assert abs(both - sum(apart_from)) < 1e-40
