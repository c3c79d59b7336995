"""The scalar view: every line of every step is true, whatever the network; wide and deep ones are shown in part."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
import pytest

from backproof.backprop.scalar import ScalarStep, ScalarView
from backproof.backprop.spell_out import scalar_view
from backproof.backprop.sweep import backpropagate
from backproof.dims import Shape, Symbol, concrete
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Assembled, Component, Const, Expr, Name, Partial, SumOver
from backproof.ir.indices import at
from backproof.ir.program import Program
from backproof.ir.traverse import children, names, rebuilt, walk
from backproof.networks import mlp
from backproof.render.typeset import typeset
from backproof.rules.jvp import tangent_of, tangent_program
from oracles import EXACT, Array, apart, exactly, numbers, values
from programs import PROGRAMS

NETWORKS: dict[str, Program] = {
    "the seed": mlp(3, 2, 1),
    "one weight": mlp(1, 1),
    "one layer": mlp(3, 1),
    "biases": mlp(3, 2, 1, bias=True),
    "columns": mlp(3, 2, 1, bias=True, samples="columns"),
    "two outputs": mlp(2, 2, 2),
    "wide": mlp(5, 4, 3, bias=True),
    "a batch of two": mlp(2, 2, 1, batch=2),
    "softmax": mlp(2, 2, 3, loss="cross_entropy"),
    "softmax in columns": mlp(2, 2, 3, loss="cross_entropy", samples="columns"),
    "binary cross-entropy": mlp(2, 2, 1, loss="binary_cross_entropy", bias=True),
    "gelu": mlp(2, 2, 1, activation="gelu"),
    "silu and a penalty": mlp(2, 2, 1, activation="silu", penalty=0.1),
    "relu": mlp(2, 3, 1, activation="relu", output_activation="identity", loss="mean_squared_error"),
    "absolute errors": mlp(2, 2, 2, activation="elu", loss="mean_absolute_error"),
    "deep": mlp(2, 2, 2, 2, 2, 1, bias=True),
    **{name: make() for name, make in PROGRAMS.items()},
}


class Truth:
    """The values of everything that a view speaks about, partial derivatives by forward mode."""

    def __init__(self, view: ScalarView) -> None:
        self.program = view.trace.program
        self.sizes = dict.fromkeys(view.trace.joint.symbols, 2)
        given = exactly(numbers(self.program, self.sizes, seed=3))
        self.named = values(view.trace.joint, given, self.sizes)
        self.evaluator = Evaluator(EXACT, self.sizes)

    def partial(self, symbol: Partial) -> Any:
        """∂L/∂b over all paths; any other ∂a/∂b in the equation of a alone, where nothing else moves."""
        of, where = _place(symbol.of)
        wrt, index = _place(symbol.wrt)
        direction = np.zeros(np.shape(self.named[wrt]))
        direction[index] = 1
        if of == self.program.loss:
            return self._over_all_paths(wrt, EXACT.array(direction))
        tangent = tangent_of(
            self.program.definitions[of].value, {wrt: Name("direction", self.program.names[wrt].shape)}
        )
        if tangent is None:
            return 0
        return np.asarray(self.evaluator(tangent, {**self.named, "direction": EXACT.array(direction)}))[where]

    def _over_all_paths(self, wrt: str, direction: Array) -> Any:
        forward = tangent_program(self.program, {wrt: "direction"})
        given = {name.id: self.named[name.id] for name in (*self.program.inputs, *self.program.parameters)}
        return values(forward, {**given, "direction": direction}, self.sizes).get(f"tangent_{self.program.loss}", 0)

    def __call__(self, expr: Expr) -> Array:
        """The value of a line, where symbols ∂a/∂b stand for their own values."""
        known: dict[str, Array] = {}

        def filled(node: Expr) -> Expr:
            match node:
                case Partial(of, Name() as whole) if whole.shape:
                    return filled(Assembled(whole.shape, "i", "j", Partial(of, Component(whole, "i", "j"))))
                case Partial():
                    return stand_in(self.partial(node), node.shape)
                case SumOver(variable, size, body) if _has_symbols(node):
                    terms = (filled(at(body, {variable: k + 1})) for k in range(self.evaluator.size(size)))
                    return reduce(lambda a, b: a + b, terms)
                case Assembled(shape, row, column, body) if _has_symbols(node):
                    rows, columns = (range(size) for size in concrete(shape, self.sizes))
                    entries = [[self(at(body, {row: i + 1, column: j + 1})).item() for j in columns] for i in rows]
                    return stand_in(entries, shape)
                case _:
                    return rebuilt(node, tuple(filled(child) for child in children(node)))

        def stand_in(value: Any, shape: Shape) -> Name:
            id = f"_{len(known)}"
            known[id] = EXACT.array(value)
            return Name(id, shape)

        value = self.evaluator(filled(expr), {**self.named, **known})
        return np.broadcast_to(np.asarray(value, object), concrete(expr.shape, self.sizes))


def _place(entry: Expr) -> tuple[str, tuple[int, ...]]:
    match entry:
        case Component(base, int() as row, int() as column):
            return base.id, (row - 1, column - 1)
        case Name(id, shape):
            return id, (0, 0) if shape else ()
        case _:
            raise TypeError(type(entry).__name__)


def _has_symbols(expr: Expr) -> bool:
    return any(isinstance(node, Partial) for node in walk(expr))


def instances(step: ScalarStep, truth: Truth) -> Iterator[tuple[Expr, tuple[Expr, ...]]]:
    """The step as it is, or for every value of the index variables that it leaves open."""
    sizes: dict[str, int] = {}
    for entry in _entries(step.target):
        for index, size in zip((entry.row, entry.column), concrete(entry.base.shape, truth.sizes), strict=True):
            if isinstance(index, str):
                sizes[index] = size
    for chosen in product(*(range(1, size + 1) for size in sizes.values())):
        bindings = dict(zip(sizes, chosen, strict=True))
        yield at(step.target, bindings), tuple(at(line, bindings) for line in step.lines)


def _entries(target: Expr) -> list[Component]:
    parts = (target.of, target.wrt) if isinstance(target, Partial) else (target,)
    return [part for part in parts if isinstance(part, Component)]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_line_of_every_step_is_true(name: str) -> None:
    view = scalar_view(backpropagate(NETWORKS[name]))
    truth = Truth(view)
    for step in view.steps:
        for target, lines in instances(step, truth):
            expected = truth(target)
            for line in lines:
                assert apart(truth(line), expected) < 1e-40, f"({step.number}) {typeset(target)} = {typeset(line)}"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_view_is_well_formed(name: str) -> None:
    trace = backpropagate(NETWORKS[name])
    view = scalar_view(trace)
    assert view.batch is trace
    assert [step.number for step in view.steps] == list(range(1, len(view.steps) + 1))
    for step in view.steps:
        assert all(use < step.number for use in step.uses)
        assert all(line.shape == step.target.shape for line in step.lines)
        assert len(set(step.lines)) == len(step.lines)
        assert step.after == step.lines[-1]
        assert step.trace_step is None or step.trace_step in view.trace.by_number


@pytest.mark.parametrize("name", NETWORKS)
def test_every_section_ends_in_the_equations_of_the_trace(name: str) -> None:
    """The last word on a gradient is the trace's own."""
    view = scalar_view(backpropagate(NETWORKS[name]))
    last = {step.target: step.after for step in view.steps}
    equations = {equation.name.id: equation.value for equation in view.trace.backward}
    for parameter, gradient in view.trace.gradients.items():
        assert last[Partial(view.trace.loss, view.trace.joint.names[parameter])] == equations[gradient]
    assert {id for section in view.sections for id in section.about} == set(view.trace.gradients)
    assert view.sections[0].subject == "forward"


# --- one example of a batch ---------------------------------------------------------------------------------------


def test_a_batch_of_symbolic_size_is_shown_for_one_example() -> None:
    view = scalar_view(backpropagate(mlp(3, 2, 1)))
    assert view.single_example
    assert view.trace.program.names["X"].shape == (1, 3)
    assert view.batch.program.names["X"].shape == (Symbol("n"), 3)


def test_a_batch_of_a_number_is_shown_as_it_is() -> None:
    view = scalar_view(backpropagate(mlp(3, 2, 1, batch=2)))
    assert not view.single_example
    assert view.trace is view.batch


def test_a_program_that_is_no_network_is_shown_as_it_is() -> None:
    assert not scalar_view(backpropagate(PROGRAMS["ridge_regression"]())).single_example


# --- in part ------------------------------------------------------------------------------------------------------


def targets(view: ScalarView, kind: str) -> list[str]:
    return [typeset(step.target) for step in view.steps if step.kind == kind]


def test_two_units_are_derived_in_full_and_their_other_weights_likewise() -> None:
    view = scalar_view(backpropagate(mlp(3, 2, 1)))
    assert targets(view, "chain") == ["∂L/∂w_2^1", "∂L/∂w_1^{11}", "∂L/∂w_1^{12}"]
    assert targets(view, "likewise") == [
        "∂L/∂w_2^2", "∂L/∂w_1^{21}", "∂L/∂w_1^{31}", "∂L/∂w_1^{22}", "∂L/∂w_1^{32}",
    ]  # fmt: skip


def test_of_a_wide_layer_one_unit_is_derived_and_the_rest_stands_for_all() -> None:
    view = scalar_view(backpropagate(mlp(100, 50, 40)))
    assert targets(view, "chain") == ["∂L/∂w_2^{1,1}", "∂L/∂w_1^{1,1}"]
    assert targets(view, "likewise") == ["∂L/∂w_2^{i,j}", "∂L/∂w_1^{i,j}"]
    assert len(view.steps) < 60


def test_a_view_is_as_long_for_a_thousand_units_as_for_ten() -> None:
    assert len(scalar_view(backpropagate(mlp(784, 128, 10))).steps) == len(
        scalar_view(backpropagate(mlp(9, 8, 7))).steps
    )


def test_deep_networks_have_their_repeating_layers_likewise() -> None:
    view = scalar_view(backpropagate(mlp(*[4] * 11, bias=True)))
    assert [section.subject for section in view.sections].count("layers") == 1
    assert view.sections[-1].subject == "layers"
    derived = [id for section in view.sections if section.subject == "gradient" for id in section.about]
    likewise = set(view.sections[-1].about)
    assert "W_10" in derived
    assert likewise >= {f"W_{k}" for k in range(2, 8)}
    assert set(derived) | likewise == set(view.trace.gradients)
    assert all(step.reason == "likewise" for step in view.sections[-1].steps)


def test_layers_of_another_kind_are_derived_each_once() -> None:
    activations = ["tanh", "tanh", "tanh", "sigmoid", "sigmoid", "sigmoid", "identity"]
    view = scalar_view(backpropagate(mlp(*[4] * 8, activation=activations)))
    derived = [id for section in view.sections if section.subject == "gradient" for id in section.about]
    assert derived == ["W_7", "W_6", "W_5", "W_3", "W_2"]
    assert set(view.sections[-1].about) == {"W_4", "W_1"}


def test_a_view_grows_by_the_layers_own_equations() -> None:
    lengths = [len(scalar_view(backpropagate(mlp(*[8] * (layers + 1)))).steps) for layers in (10, 11, 12, 40)]
    per_layer = lengths[1] - lengths[0]
    assert lengths[2] - lengths[1] == per_layer
    assert lengths[3] - lengths[0] == 30 * per_layer


def test_index_variables_are_letters_that_are_not_in_use() -> None:
    view = scalar_view(backpropagate(mlp(5, 4, 3)))
    for step in view.steps:
        used = {node.variable for line in step.lines for node in walk(line) if hasattr(node, "variable")}
        assert used.isdisjoint({"i", "j"})


def test_names_of_a_view_are_the_traces() -> None:
    view = scalar_view(backpropagate(mlp(3, 2, 1, bias=True)))
    known = set(view.trace.joint.names)
    assert all(names(line) <= known for step in view.steps for line in step.lines if not _has_symbols(line))


def test_the_numbers_stay_exact() -> None:
    view = scalar_view(backpropagate(mlp(2, 1, loss="huber", penalty=0.1)))
    constants = {
        node.value for step in view.steps for line in step.lines for node in walk(line) if isinstance(node, Const)
    }
    assert all(value.denominator in (1, 2, 4, 5, 10, 20) for value in constants)
