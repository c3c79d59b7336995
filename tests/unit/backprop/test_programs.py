"""Programs that are no chain: their gradients against fifty digits, twice over, and how the equations read."""

from __future__ import annotations

from fractions import Fraction

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.ir.expr import Elementwise, Expr, Name, total
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import node_count, walk
from backproof.render.typeset import typeset
from backproof.rules.elementwise import sigmoid
from oracles import check_gradients, check_second_order
from programs import PROGRAMS, n

SIZES = {"n": 4}

every_program = pytest.mark.parametrize("name", PROGRAMS)


def written(trace: Trace) -> list[str]:
    """The backward equations as they are read."""
    return [f"{typeset(e.name)} = {typeset(e.value)}" for e in trace.backward]


@every_program
@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_are_the_central_differences(name: str, seed: int) -> None:
    check_gradients(PROGRAMS[name](), SIZES, seed=seed)


@every_program
def test_gradients_differentiated_again_are_the_differences_of_gradients(name: str) -> None:
    check_second_order(PROGRAMS[name](), SIZES)


@every_program
def test_names_are_given_once_and_used(name: str) -> None:
    trace = backpropagate(PROGRAMS[name]())
    ids = [equation.name.id for equation in trace.joint.equations]
    assert len(set(ids)) == len(ids)
    assert sorted(trace.gradients) == sorted(parameter.id for parameter in trace.program.parameters)
    assert len(set(trace.gradients.values())) == len(trace.gradients)
    used = [node.id for e in trace.backward for node in walk(e.value) if isinstance(node, Name)]
    for equation in trace.backward:
        if equation.name.id not in trace.gradients.values():
            uses = used.count(equation.name.id)
            assert uses > 1 or equation.name.id.startswith("delta"), (
                f"{equation.name.id} is named and used {uses} times"
            )


@every_program
def test_a_derivation_is_linear_in_the_program(name: str) -> None:
    program = PROGRAMS[name]()
    trace = backpropagate(program)
    forward = sum(node_count(equation.value) for equation in program.equations)
    backward = sum(node_count(equation.value) for equation in trace.backward)
    assert backward <= 5 * forward, f"{forward} nodes forward, {backward} backward"


READ = {
    "ridge_regression": [
        "∂L/∂w = Xᵀ . (p − y) + 0.2 w",
    ],
    "logistic_regression": [
        "δ = 1/n × (p − y)",
        "∂L/∂w = Xᵀ . δ",
        "∂L/∂c = Σ_rows δ",
    ],
    "residual_connection": [
        "Δl_2 = (l_2 − y) ∘ l_2 ∘ (1 − l_2)",
        "∂L/∂W_2 = l_1ᵀ . Δl_2",
        "∂L/∂l_1 = Δl_2 . W_2ᵀ",
        "Δl_1 = ∂L/∂l_1 ∘ a_l_1 ∘ (1 − a_l_1)",
        "∂L/∂W_1 = l_0ᵀ . Δl_1",
        "Δl_0 = (Δl_1 . W_1ᵀ + ∂L/∂l_1) ∘ (1 − l_0²)",
        "∂L/∂W_0 = Xᵀ . Δl_0",
    ],
    "weight_used_twice": [
        "Δl_2 = (l_2 − y) ∘ l_2 ∘ (1 − l_2)",
        "Δl_1 = (Δl_2 . Wᵀ) ∘ l_1 ∘ (1 − l_1)",
        "∂L/∂W = Xᵀ . Δl_1 + l_1ᵀ . Δl_2",
    ],
    "tied_autoencoder": [
        "Δl_2 = (r − X) ∘ r ∘ (1 − r)",
        "Δl_1 = (Δl_2 . W) ∘ h ∘ (1 − h)",
        "∂L/∂W = Xᵀ . Δl_1 + Δl_2ᵀ . h",
    ],
    "two_losses": [
        "Δq = −3/(10 n) × sign(t − q)",
        "∂L/∂V = hᵀ . Δq",
        "Δp = (p − y) ∘ p ∘ (1 − p)",
        "∂L/∂U = hᵀ . Δp",
        "Δh = (Δp . Uᵀ + Δq . Vᵀ) ∘ (1 − h²)",
        "∂L/∂W = Xᵀ . Δh",
    ],
    "shared_bias": [
        "Δl_2 = (l_2 − y) ∘ l_2 ∘ (1 − l_2)",
        "∂L/∂W_2 = l_1ᵀ . Δl_2",
        "Δl_1 = (Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)",
        "∂L/∂b = Σ_rows Δl_1 + Σ_rows Δl_2",
        "∂L/∂W_1 = Xᵀ . Δl_1",
    ],
    "attention": [
        "∂L/∂O = O − y",
        "∂L/∂A = ∂L/∂O . Vᵀ",
        "Δz_A = 1/√(2) × (A ∘ (∂L/∂A − Σ_columns ∂L/∂A ∘ A))",
        "∂L/∂W_V = Xᵀ . (Aᵀ . ∂L/∂O)",
        "∂L/∂W_K = Xᵀ . (Δz_Aᵀ . Q)",
        "∂L/∂W_Q = Xᵀ . (Δz_A . K)",
    ],
    "recurrent": [
        "Δl_3 = (h_3 − y) ∘ (1 − h_3²)",
        "Δl_2 = (Δl_3 . Wᵀ) ∘ (1 − h_2²)",
        "∂L/∂W = h_1ᵀ . Δl_2 + h_2ᵀ . Δl_3",
        "Δl_1 = (Δl_2 . Wᵀ) ∘ (1 − h_1²)",
        "∂L/∂U = x_1ᵀ . Δl_1 + x_2ᵀ . Δl_2 + x_3ᵀ . Δl_3",
    ],
    "multinomial_by_logsumexp": [
        "δ = 1/n × (softmax(z) − y)",
        "∂L/∂W = Xᵀ . δ",
    ],
    "hinge_and_clip": [
        "∂L/∂k = −[a_L > 0] ∘ y",
        "∂L/∂w = Xᵀ . (1/2 × {∂L/∂k if z > 1; 0 otherwise} + {0 if z > 1; ∂L/∂k otherwise})",
    ],
    "unused_parameter": [
        "∂L/∂w = 2(Xᵀ . (X . w))",
        "∂L/∂u = 0",
    ],
}


@pytest.mark.parametrize("name", READ)
def test_the_backward_equations_are_those_of_a_textbook(name: str) -> None:
    assert written(backpropagate(PROGRAMS[name]())) == READ[name]


def test_what_is_nested_gets_the_names_that_people_would_give() -> None:
    """One long formula and the same network in named equations have the same derivation, names apart."""
    X, y = Name("X", (n, 3)), Name("y", (n, 1))
    W_1, W_2 = Name("W_1", (3, 2)), Name("W_2", (2, 1))
    nested = Elementwise(sigmoid, Elementwise(sigmoid, X @ W_1) @ W_2)
    loss = Equation(Name("L"), Fraction(1, 2) * total((y - nested) ** 2))
    assert written(backpropagate(Program((X, y), (W_1, W_2), (loss,), "L"))) == [
        "Δa_L_2 = (a_L_2 − y) ∘ a_L_2 ∘ (1 − a_L_2)",
        "∂L/∂W_2 = a_Lᵀ . Δa_L_2",
        "∂L/∂W_1 = Xᵀ . ((Δa_L_2 . W_2ᵀ) ∘ a_L ∘ (1 − a_L))",
    ]


@pytest.mark.parametrize("depth", [2, 4, 8, 16])
def test_a_deep_nest_stays_linear(depth: int) -> None:
    X, W = Name("X", (n, 3)), Name("W", (3, 3))
    nested: Expr = X
    for _ in range(depth):
        nested = Elementwise(sigmoid, nested @ W)
    trace = backpropagate(Program((X,), (W,), (Equation(Name("L"), total(nested**2)),), "L"))
    assert sum(node_count(equation.value) for equation in trace.backward) <= 24 * depth + 10
