"""The reverse sweep: which quantities get names, what rests on what, and what is refused."""

from __future__ import annotations

import cProfile
from fractions import Fraction
from typing import Any

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Step, Trace
from backproof.dims import Symbol
from backproof.errors import SpecificationError, UnsupportedError
from backproof.ir.expr import Assembled, Component, Const, Name, Partial, total, zeros
from backproof.ir.program import Equation, Program
from backproof.ir.traverse import names, node_count
from backproof.networks import mlp
from backproof.render.typeset import typeset
from backproof.rules.elementwise import ACTIVATIONS
from backproof.rules.losses import LOSSES
from oracles import check_gradients, check_second_order

n = Symbol("n")
L = Name("L")


def written(trace: Trace) -> list[str]:
    return [f"{typeset(e.name)} = {typeset(e.value)}" for e in trace.backward]


def kinds(trace: Trace) -> list[str]:
    return [step.kind for step in trace.steps]


# --- networks -----------------------------------------------------------------------------------------------------


def test_the_seeds_four_equations() -> None:
    """(46), (49.1), (79) and (78), in the order in which they are derived."""
    assert written(backpropagate(mlp(3, 2, 1))) == [
        "Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)",
        "∂L/∂W_2 = l_1ᵀ . Δl_2",
        "Δl_1 = (Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)",
        "∂L/∂W_1 = Xᵀ . Δl_1",
    ]


def test_samples_in_columns_transpose_every_product() -> None:
    assert written(backpropagate(mlp(3, 2, 1, bias=True, samples="columns"))) == [
        "Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)",
        "∂L/∂W_2 = Δl_2 . l_1ᵀ",
        "∂L/∂b_2 = Σ_columns Δl_2",
        "Δl_1 = (W_2ᵀ . Δl_2) ∘ l_1 ∘ (1 − l_1)",
        "∂L/∂W_1 = Δl_1 . Xᵀ",
        "∂L/∂b_1 = Σ_columns Δl_1",
    ]


DELTAS = {
    "sigmoid": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)",
    "tanh": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ (1 − l_1²)",
    "relu": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ [l_1 > 0]",
    "leaky_relu": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ {1 if l_1 > 0; 0.01 otherwise}",
    "elu": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ {1 if l_1 > 0; l_1 + 1 otherwise}",
    "softplus": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ σ(z_1)",
    "silu": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ (σ(z_1) + l_1 ∘ (1 − σ(z_1)))",
    "gelu": "Δl_1 = (Δl_2 . W_2ᵀ) ∘ (Φ(z_1) + z_1 ∘ φ(z_1))",
    "identity": "Δl_1 = Δl_2 . W_2ᵀ",
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_delta_of_a_hidden_layer_is_a_textbooks(activation: str) -> None:
    trace = backpropagate(mlp(3, 2, 1, activation=[activation, "identity"]))
    assert DELTAS[activation] in written(trace)


OUTPUTS = {
    "half_squared_error": "Δl_1 = ŷ − y",
    "mean_squared_error": "Δl_1 = 2/n × (ŷ − y)",
    "mean_absolute_error": "Δl_1 = −1/n × sign(y − ŷ)",
    "huber": "Δl_1 = 1/n × {sign(ŷ − y) if |ŷ − y| > 1; ŷ − y otherwise}",
    "binary_cross_entropy": "Δl_1 = 1/n × (ŷ − y)",
    "cross_entropy": "Δl_1 = 1/n × (ŷ − y)",
}


@pytest.mark.parametrize("loss", LOSSES)
def test_the_delta_of_the_output_is_a_textbooks(loss: str) -> None:
    options: dict[str, Any] = {} if LOSSES[loss].output else {"activation": "identity"}
    units = 3 if loss == "cross_entropy" else 1
    assert OUTPUTS[loss] in written(backpropagate(mlp(3, units, loss=loss, **options)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_gradients_through_every_activation(activation: str, samples: Any) -> None:
    check_gradients(mlp(2, 3, 2, activation=activation, bias=True, samples=samples), {"n": 3})


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus", "silu", "gelu", "elu"])
def test_second_derivatives_through_activations(activation: str) -> None:
    check_second_order(mlp(2, 3, 1, activation=activation, bias=True), {"n": 3})


@pytest.mark.parametrize("loss", LOSSES)
def test_second_derivatives_through_losses(loss: str) -> None:
    check_second_order(mlp(2, 3, 2, activation="tanh", loss=loss, penalty=0.1), {"n": 3})


def test_a_penalty_adds_its_gradient() -> None:
    assert written(backpropagate(mlp(3, 1, penalty=0.2))) == [
        "Δl_1 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)",
        "∂L/∂W_1 = Xᵀ . Δl_1 + 0.2 W_1",
    ]


# --- steps --------------------------------------------------------------------------------------------------------


def test_every_step_says_what_it_does() -> None:
    trace = backpropagate(mlp(3, 2, 1))
    assert kinds(trace) == [
        "define", "define", "define", "start", "chain", "delta", "gradient", "chain", "delta", "gradient",
    ]  # fmt: skip
    assert [step.number for step in trace.steps] == list(range(1, 11))
    assert all(step.reason for step in trace.steps)
    assert all(step.equation in trace.program.definitions for step in trace.steps)
    assert trace.by_number[6].target == Name("delta_2", (n, 1))
    assert trace.loss == L


def test_steps_rest_on_the_steps_that_they_use() -> None:
    trace = backpropagate(mlp(3, 2, 1))
    by_target = {f"{step.kind} {typeset(step.target)}": step for step in trace.steps}

    def used(name: str) -> set[str]:
        return {other for other, step in by_target.items() if step.number in by_target[name].uses}

    assert used("define ŷ") == {"define l_1"}
    assert used("chain ∂L/∂ŷ") == {"start ∂L/∂L", "define L"}
    assert used("delta Δl_2") == {"chain ∂L/∂ŷ", "define ŷ"}
    assert used("gradient ∂L/∂W_2") == {"delta Δl_2", "define l_1"}
    assert used("chain ∂L/∂l_1") == {"delta Δl_2", "define l_1"}
    assert used("delta Δl_1") == {"chain ∂L/∂l_1", "define l_1"}
    assert used("gradient ∂L/∂W_1") == {"delta Δl_1"}


def test_before_is_what_the_rule_gives_and_after_what_people_write() -> None:
    trace = backpropagate(mlp(3, 2, 1))
    chain = next(step for step in trace.steps if step.kind == "chain")
    assert isinstance(chain.target, Partial)
    assert node_count(chain.after) < node_count(chain.before)
    assert typeset(chain.after) == "ŷ − y"


def test_rewrites_are_steps_of_their_own() -> None:
    trace = backpropagate(mlp(3, 2, loss="cross_entropy"))
    rewritten = [step for step in trace.steps if step.kind == "rewrite"]
    assert [step.rule for step in rewritten] == ["log_softmax", "weights_sum_to_one", "simplify"]
    assert all(step.target == L for step in rewritten)
    definition = next(step for step in trace.steps if step.kind == "define" and step.target == L)
    assert rewritten[0].before == definition.after
    assert trace.program.definitions["L"].value == rewritten[-1].after
    assert trace.source.definitions["L"].value == definition.after


def test_the_joint_program_is_the_forward_and_the_backward_equations() -> None:
    trace = backpropagate(mlp(3, 2, 1, bias=True))
    assert trace.joint.equations == (*trace.program.equations, *trace.backward)
    assert trace.joint.structure == trace.program.structure
    assert set(trace.gradients) == {p.id for p in trace.program.parameters}
    for parameter in trace.program.parameters:
        gradient = trace.joint.names[trace.gradients[parameter.id]]
        assert gradient == Name(f"grad_{parameter.id}", parameter.shape)


# --- names --------------------------------------------------------------------------------------------------------


def steps_about(trace: Trace, id: str) -> list[Step]:
    return [step for step in trace.steps if isinstance(step.target, Name) and step.target.id == id]


def test_names_that_are_taken_get_a_number() -> None:
    X, W = Name("X", (n, 2)), Name("W", (2, 1))
    delta, grad = Name("delta_1", (n, 1)), Name("grad_W", (n, 1))
    program = Program(
        (X,),
        (W,),
        (Equation(delta, X @ W, "delta_1"), Equation(grad, delta * delta, "d"), Equation(L, total(grad * delta))),
        "L",
    )
    trace = backpropagate(program)
    assert trace.gradients == {"W": "grad_W_2"}
    assert len({equation.name.id for equation in trace.joint.equations}) == len(trace.joint.equations)
    check_gradients(program, {"n": 3})


def test_an_adjoint_used_once_is_written_where_it_is_used() -> None:
    X, w = Name("X", (n, 2)), Name("w", (2, 1))
    p = Name("p", (n, 1))
    program = Program((X,), (w,), (Equation(p, X @ w), Equation(L, total(p**2))), "L")
    assert written(backpropagate(program)) == ["∂L/∂w = 2(Xᵀ . p)"]


def test_an_adjoint_used_twice_has_a_name() -> None:
    X, w, v = Name("X", (n, 2)), Name("w", (2, 1)), Name("v", (2, 1))
    p = Name("p", (n, 1))
    program = Program((X,), (w, v), (Equation(p, X @ w + X @ v), Equation(L, total(p**2))), "L")
    assert written(backpropagate(program)) == ["∂L/∂p = 2 p", "∂L/∂w = Xᵀ . ∂L/∂p", "∂L/∂v = Xᵀ . ∂L/∂p"]


# --- what is wanted -----------------------------------------------------------------------------------------------


def test_gradients_by_anything_that_has_a_name() -> None:
    trace = backpropagate(mlp(3, 2, 1), wrt=["X", "l_1"])
    assert trace.gradients == {"l_1": "grad_l_1", "X": "grad_X"}
    assert written(trace) == [
        "Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)",
        "∂L/∂l_1 = Δl_2 . W_2ᵀ",
        "Δl_1 = ∂L/∂l_1 ∘ l_1 ∘ (1 − l_1)",
        "∂L/∂X = Δl_1 . W_1ᵀ",
    ]


def test_what_is_not_wanted_is_not_derived() -> None:
    trace = backpropagate(mlp(3, 2, 1), wrt=["W_2"])
    assert written(trace) == ["Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)", "∂L/∂W_2 = l_1ᵀ . Δl_2"]


def test_the_gradient_by_the_loss_itself_is_one() -> None:
    trace = backpropagate(mlp(3, 1), wrt=["L", "W_1"])
    [own] = [equation for equation in trace.backward if equation.name.id == trace.gradients["L"]]
    assert own.value == Const(Fraction(1))


def test_what_the_loss_does_not_depend_on_has_gradient_zero() -> None:
    X, w, u = Name("X", (n, 2)), Name("w", (2, 1)), Name("u", (2, 2))
    program = Program((X,), (w, u), (Equation(L, total(X @ w)),), "L")
    trace = backpropagate(program)
    [own] = [equation for equation in trace.backward if equation.name.id == trace.gradients["u"]]
    assert own.value == zeros((2, 2))
    assert trace.steps[-1].reason == "the loss does not depend on u"


def test_a_loss_that_is_a_parameter() -> None:
    a = Name("a")
    assert written(backpropagate(Program((), (a,), (), "a"))) == ["∂L/∂a = 1"]


# --- what is refused ----------------------------------------------------------------------------------------------


def test_an_unknown_quantity_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecificationError, match=r"cannot differentiate by 'W1': did you mean 'W_1'\?"):
        backpropagate(mlp(3, 1), wrt=["W1"])


def test_nothing_to_differentiate_is_refused() -> None:
    X = Name("X", (n, 2))
    constant = Program((X,), (), (Equation(L, total(X)),), "L")
    with pytest.raises(SpecificationError, match="there is nothing to differentiate: the program has no parameters"):
        backpropagate(constant)
    with pytest.raises(SpecificationError, match="there is nothing to differentiate"):
        backpropagate(mlp(3, 1), wrt=[])
    assert written(backpropagate(constant, wrt=["X"])) == ["∂L/∂X = 1"]


def test_index_notation_is_refused() -> None:
    A = Name("A", (2, 2))
    q = Equation(Name("q", (2, 2)), Assembled((2, 2), "i", "j", Component(A, "j", "i")))
    program = Program((), (A,), (q, Equation(L, total(Name("q", (2, 2))))), "L")
    with pytest.raises(UnsupportedError, match=r"Assembled has no row in the table of derivatives \(rules/vjp.py\)"):
        backpropagate(program)


# --- growth -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["sigmoid", "gelu"])
def test_a_network_grows_by_the_same_number_of_steps_and_nodes_with_every_layer(activation: str) -> None:
    """Counted, not timed: a derivation is linear in the depth."""

    def size(layers: int) -> tuple[int, int, int]:
        trace = backpropagate(mlp(*[8] * (layers + 1), activation=activation, bias=True))
        nodes = sum(node_count(e.value) for e in trace.joint.equations)
        return len(trace.steps), nodes, sum(len(typeset(e.value)) for e in trace.backward)

    sizes = {layers: size(layers) for layers in (3, 4, 5, 50, 200)}
    steps, nodes, _ = (b - a for a, b in zip(sizes[3], sizes[4], strict=True))
    for deep in (5, 50, 200):
        assert sizes[deep][0] == sizes[3][0] + (deep - 3) * steps
        assert sizes[deep][1] == sizes[3][1] + (deep - 3) * nodes
    assert sizes[200][2] <= 4.4 * sizes[50][2], "the text grows faster than the numbers of the layers' digits explain"


def test_names_in_every_equation_are_known_before() -> None:
    trace = backpropagate(mlp(3, 2, 1, bias=True, penalty=0.1, loss="huber"))
    known = {name.id for name in (*trace.joint.inputs, *trace.joint.parameters)}
    for equation in trace.joint.equations:
        assert names(equation.value) <= known
        known.add(equation.name.id)


def test_what_is_done_grows_as_the_layers_do() -> None:
    """Function calls counted, not seconds: twice the layers, twice the work."""

    def calls(layers: int) -> int:
        net = mlp(*[2] * (layers + 1), bias=True)
        profile = cProfile.Profile()
        profile.runcall(backpropagate, net)
        return sum(entry.callcount for entry in profile.getstats())

    calls(3)  # fills caches
    assert calls(400) <= 2.05 * calls(200)
