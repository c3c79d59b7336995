"""The scalar view: each line of each displayed equation is tested, and a wrong one is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from backproof.backprop.scalar import ScalarView
from backproof.backprop.spell_out import scalar_view
from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Component, Const, Elementwise, Name, Partial, Power, SumOver, total
from backproof.ir.program import Equation, Program
from backproof.networks import mlp
from backproof.proof import prove_view
from backproof.proof.entries import MOST_ENTRIES, assignments, entry_points, equal
from backproof.proof.modular import P
from backproof.rules.elementwise import tanh

NETWORKS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((3, 2, 1), {}),
    ((1, 1), {}),
    ((3, 4, 3, 2), {"loss": "cross_entropy", "activation": "relu", "bias": True, "penalty": 0.1}),
    ((2, 3, 2), {"loss": "binary_cross_entropy", "activation": "gelu"}),
    ((2, 3, 2), {"activation": "softplus", "output_activation": "softmax"}),
    ((2, 3, 2), {"activation": "elu", "loss": "huber", "samples": "columns", "bias": True, "batch": 3}),
    ((2, 2, 2, 2, 2, 2), {"activation": "tanh"}),
    ((30, 20, 10), {"activation": "leaky_relu", "loss": "mean_absolute_error"}),
]


@pytest.mark.parametrize(("sizes", "options"), NETWORKS)
def test_every_line_of_the_scalar_view_holds(sizes: tuple[int, ...], options: dict[str, Any]) -> None:
    proofs = prove_view(scalar_view(backpropagate(mlp(*sizes, **options))))
    assert [proof.name for proof in proofs if not proof.holds] == []


def test_a_wrong_line_is_refused() -> None:
    view = scalar_view(backpropagate(mlp(3, 2, 2, 1)))
    proved = prove_view(view)
    assert all(proof.holds for proof in proved)
    for step in view.steps:
        for position in range(len(step.lines)):
            lines = tuple(2 * line if k >= position else line for k, line in enumerate(step.lines))
            found = prove_view(with_step(view, replace(step, lines=lines)))
            assert [proof.number for proof in found if not proof.holds] == [step.number]


def with_step(view: ScalarView, wrong: Any) -> ScalarView:
    return replace(
        view,
        sections=tuple(
            replace(section, steps=tuple(wrong if s.number == wrong.number else s for s in section.steps))
            for section in view.sections
        ),
    )


TRACE = backpropagate(mlp(3, 2, 2))
NAMES = TRACE.program.names
W_1, W_2, l_1, y_hat = (NAMES[id] for id in ("W_1", "W_2", "l_1", "y_hat"))
POINTS = entry_points(TRACE)


def holds(left: Any, right: Any) -> bool:
    return all(equal(left, right, point) for point in POINTS)


def test_a_partial_of_the_loss_is_an_entry_of_the_adjoint() -> None:
    gradient = Name("grad_W_1", W_1.shape)
    assert holds(Partial(TRACE.loss, Component(W_1, 3, 2)), Component(gradient, 3, 2))
    assert not holds(Partial(TRACE.loss, Component(W_1, 3, 2)), Component(gradient, 2, 2))
    assert holds(Partial(TRACE.loss, W_1), gradient)
    assert holds(Partial(TRACE.loss, Component(W_1, "i", "j")), Component(gradient, "i", "j"))
    assert not holds(Partial(TRACE.loss, Component(W_1, "i", "j")), Component(gradient, "i", "i"))


def test_a_partial_of_an_entry_is_that_of_its_own_equation() -> None:
    own = Component(l_1, 2, 1)
    slope = own * (1 - own)
    assert holds(Partial(own, Component(W_1, 3, 1)), slope * Component(NAMES["X"], 2, 3))
    assert holds(Partial(own, Component(W_1, 3, 2)), 0 * slope)
    assert holds(Partial(Component(y_hat, 2, 1), Component(l_1, 1, 1)), 0 * slope)


def test_a_partial_through_other_quantities_is_the_chain_rule() -> None:
    at, w = Component(y_hat, 1, 2), Component(W_1, 3, 1)
    chain = SumOver("k", 2, Partial(at, Component(l_1, 1, "k")) * Partial(Component(l_1, 1, "k"), w))
    assert holds(Partial(at, w), chain)
    assert not holds(Partial(at, w), 2 * chain)


def test_a_partial_is_local_where_the_quantity_is_used_both_directly_and_not() -> None:
    """q₃ = q₁ + tanh(q₁): ∂q₃/∂q₁ by the equation q₃ = q₁ + q₂ is 1, whatever q₂ is."""
    X, W = Name("X", (2, 2)), Name("W", (2, 2))
    q_1, q_2, q_3 = (Name(f"q_{k}", (2, 2)) for k in (1, 2, 3))
    equations = (
        Equation(q_1, X @ W),
        Equation(q_2, Elementwise(tanh, q_1)),
        Equation(q_3, q_1 + q_2),
        Equation(Name("L"), total(q_3**2)),
    )
    trace = backpropagate(Program((X,), (W,), equations, "L"))
    at = Partial(Component(q_3, 1, 2), Component(q_1, 1, 2))
    total_slope = Partial(Component(q_3, 1, 2), Component(W, 2, 2))
    for point in entry_points(trace):
        assert equal(at, Const(Fraction(1)), point)
        assert equal(total_slope, Component(X, 1, 2) * (2 - Component(q_2, 1, 2) ** 2), point)
        through = Partial(Component(q_3, 1, 2), Component(q_2, 1, 2)) * Partial(
            Component(q_2, 1, 2), Component(q_1, 1, 2)
        )
        assert equal(total_slope, (at + through) * Component(X, 1, 2), point)


def test_partials_by_a_whole_matrix() -> None:
    at = Component(y_hat, 1, 2)
    point = POINTS[0]
    whole = point(Partial(at, W_2))
    one = point(Partial(at, Component(W_2, 1, 2)))
    assert whole.shape == (2, 2)
    assert whole[0, 1] == one != 0
    assert whole[0, 0] == whole[1, 0] == 0


def test_every_name_has_a_value_and_every_quantity_an_adjoint() -> None:
    for point in POINTS:
        total = int(np.sum(point.env["grad_W_1"]) % P)
        assert point.env["grad_W_1"].shape == (3, 2)
        assert total == int(np.sum(point(Partial(TRACE.loss, W_1))) % P)


def test_of_a_large_matrix_some_entries_are_looked_at() -> None:
    large = Name("A", (200, 300))
    found = list(assignments((Component(large, "i", "j"),), {}))
    assert len(found) == MOST_ENTRIES
    assert all(0 <= at["i"] < 200 and 0 <= at["j"] < 300 for at in found)
    assert len(list(assignments((Component(l_1, "i", "j"),), {"n": 4}))) == 8


def test_a_law_that_the_field_does_not_know_is_looked_at_in_digits() -> None:
    """x/√(1 + x²): the field has no square root of every 1 + x²."""
    x = Name("x")
    root = Power(1 + x**2, Fraction(-1, 2))
    rooted = replace(tanh, name="rooted", definition=x * root, derivative=root**3)
    view = scalar_view(backpropagate(mlp(2, 2, 1, activation=rooted)))
    proofs = prove_view(view)
    assert all(proof.holds for proof in proofs)
    assert {proof.method for proof in proofs} == {"field identity", "many digits"}
    wrong = next(step for step in view.steps if proofs[step.number - 1].method == "many digits")
    found = prove_view(with_step(view, replace(wrong, lines=tuple(-line for line in wrong.lines))))
    assert [proof.number for proof in found if not proof.holds] == [wrong.number]
