"""The outline: every step once, in order, with true numbers, true badges and sentences that fit the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pytest

from backproof.backprop.spell_out import scalar_view
from backproof.backprop.sweep import backpropagate
from backproof.errors import ShapeError
from backproof.ir.expr import Component, Name, Partial
from backproof.networks import mlp
from backproof.notation import Notation
from backproof.render.dialects import UNICODE
from backproof.render.document import (
    Badge,
    Block,
    Certified,
    Conventions,
    Display,
    Document,
    Heading,
    Paragraph,
    Picture,
    Reference,
)
from backproof.render.inline import inline
from backproof.render.outline import Numbers, View, outline
from backproof.render.typeset import typeset
from documents import NETWORKS, VIEWS, document_of, numbers_for, trace_of
from programs import PROGRAMS


def displays(document: Document) -> list[Display]:
    return [block for block in document.blocks if isinstance(block, Display)]


def numbered(document: Document) -> list[Display]:
    return [display for display in displays(document) if display.number and not display.restated]


def references(blocks: Iterable[Block]) -> Iterator[tuple[int, int]]:
    """Every reference with the number of the equation that follows it."""
    waiting: list[int] = []
    for block in blocks:
        text = block.note if isinstance(block, Display) else block.text if isinstance(block, Paragraph) else ()
        waiting += [piece.number for piece in text if isinstance(piece, Reference)]
        if isinstance(block, Display) and block.number:
            yield from ((number, block.number) for number in waiting)
            waiting = []


def words(document: Document) -> str:
    """All running text, formulas as text."""

    def said(pieces: object) -> str:
        return "".join(
            piece
            if isinstance(piece, str)
            else f"({piece.number})"
            if isinstance(piece, Reference)
            else inline(piece, UNICODE, document.notation)
            for piece in pieces  # type: ignore[attr-defined]  # prose
        )

    return "\n".join(said(block.text) for block in document.blocks if isinstance(block, Paragraph | Heading))


# --- every step, once and in order --------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [name for name in NETWORKS if name not in ("fifty layers", "deep and penalised")])
def test_the_scalar_view_shows_every_step_in_order(network: str) -> None:
    trace = trace_of(network)
    steps = scalar_view(trace).steps
    shown = {display.number: display for display in numbered(document_of(network))}
    assert [number for number in shown if number <= len(steps)] == [step.number for step in steps]
    assert all((shown[s.number].target, shown[s.number].lines) == (s.target, s.lines) for s in steps)
    assert all(shown[s.number].uses == s.uses for s in steps)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_matrix_view_shows_every_step_in_order(network: str) -> None:
    trace = trace_of(network)
    shown = numbered(outline(trace, view="matrix", fold=False))
    assert [display.number for display in shown] == [step.number for step in trace.steps]
    for display, step in zip(shown, trace.steps, strict=True):
        assert display.target == step.target
        assert (display.lines[0], display.lines[-1]) == (step.before, step.after)
        assert (display.uses, display.shape) == (step.uses, step.shape)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_summary_shows_what_a_program_needs(network: str) -> None:
    trace = trace_of(network)
    shown = numbered(outline(trace, view="summary", fold=False))
    forward = [equation.name for equation in trace.program.equations]
    backward = [equation.value for equation in trace.backward]
    assert [display.target for display in shown][: len(forward)] == forward
    assert [display.lines[-1] for display in shown][len(forward) :] == backward


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("network", NETWORKS)
def test_numbers_are_unique_and_references_point_back(network: str, view: View) -> None:
    document = document_of(network, view)
    numbers = [display.number for display in numbered(document)]
    assert len(numbers) == len(set(numbers))
    assert all(number < following for number, following in references(document.blocks))
    restated = {display.number for display in displays(document) if display.restated}
    assert restated <= set(numbers)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_are_no_networks_have_all_documents(name: str) -> None:
    trace = backpropagate(PROGRAMS[name]())
    for view in VIEWS:
        document = outline(trace, view=view)
        assert all(number < following for number, following in references(document.blocks))
        assert not any(isinstance(block, Picture) for block in document.blocks)
    assert len(numbered(outline(trace, view="matrix"))) == len(trace.steps)


def test_anchors_of_headings_are_unique() -> None:
    for network in NETWORKS:
        anchors = [block.anchor for block in document_of(network).blocks if isinstance(block, Heading)]
        assert len(anchors) == len(set(anchors))


# --- deep networks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_a_document_does_not_grow_with_layers_that_are_alike(view: View) -> None:
    sizes = [len(outline(backpropagate(mlp(*[3] * (depth + 1))), view=view).blocks) for depth in (12, 24, 48)]
    assert sizes[0] == sizes[1] == sizes[2]


def test_layers_that_are_alike_are_told_in_terms_of_their_number() -> None:
    document = document_of("fifty layers", "matrix")
    assert "⋮ Layers 3 to 48 go likewise, in steps (3) to (48). For k = 3, …, 48," in words(document)
    general = {
        typeset(display.target): typeset(display.lines[0]) for display in displays(document) if display.number == 0
    }
    assert general == {
        "l_k": "σ(l_{k-1} . W_k)",
        "Δl_k": "(Δl_{k+1} . W_{k+1}ᵀ) ∘ l_k ∘ (1 − l_k)",
        "∂L/∂W_k": "l_{k-1}ᵀ . Δl_k",
    }


def test_layers_that_differ_are_all_shown() -> None:
    widths = [3, 4] * 6
    document = outline(backpropagate(mlp(*widths)), view="matrix")
    assert len(numbered(document)) == len(backpropagate(mlp(*widths)).steps)
    assert "likewise" not in words(document)


def test_few_alike_layers_are_all_shown() -> None:
    trace = backpropagate(mlp(*[3] * 10))
    assert len(numbered(outline(trace, view="matrix"))) == len(trace.steps)
    deeper = backpropagate(mlp(*[3] * 11))
    assert len(numbered(outline(deeper, view="matrix"))) < len(deeper.steps)


# --- words --------------------------------------------------------------------------------------------------------


def test_the_opening_says_what_the_network_is() -> None:
    assert words(document_of("the seed's")).startswith(
        "The network has 3 inputs, one hidden layer of 2 sigmoid units and 1 sigmoid output. "
        "Its loss L is half of the squared error, summed. "
        "We derive the gradients of L with respect to W_1 and W_2 by the chain rule, from the last layer to the first."
    )
    assert "two hidden layers of 2 ELU units and 2 LeakyReLU units and 2 SiLU outputs" in words(
        document_of("with kinks")
    )
    assert "plus an L2 penalty on the weights" in words(document_of("penalised"))


def test_titles() -> None:
    titles = {name: document_of(name).title for name in ("the seed's", "fifty layers")}
    assert titles == {
        "the seed's": ("Gradients of a 3-2-1 network",),
        "fifty layers": ("Gradients of a network of 50 layers",),
    }
    assert outline(backpropagate(mlp(8, 1))).title == ("Gradients of an 8-1 network",)
    ridge = backpropagate(PROGRAMS["ridge_regression"]())
    assert outline(ridge).title == ("Gradients of ", Name("L"))


def test_the_sentences_of_the_seed() -> None:
    text = words(document_of("the seed's"))
    said = [
        "The first layer (l_1) has the weight matrix [W_1]_{3×2}:",
        "One training example is (X, y): X is a vector of 3 components and y is a scalar.",
        "l_1 has 2 components,\ngiven by",
        "There are two sets of gradients: [∇_{W_1} L]_{3×2} and [∇_{W_2} L]_{2×1}. Let us first compute",
        "Let us first compute ∂L/∂w_2^1:",
        "Substituting (14) and (15) in (13), we get",
        "Let\nThen (16) reduces to\nLikewise,\nUsing (18) and (19) in (12),\nThis is a column times a row:",
        "Let us first focus on ∂L/∂w_1^{11}:",
        "Now, using (17) in (27),\nFurther, let\nThen (28) reduces to\nLikewise,",
        "Now let us focus on ∂L/∂w_1^{12}:",
        "Now we have the pieces, and just need to assemble them. Using (30) to (32) and (40) to (42) in (22),",
        "In the notation of (5), let\nUsing (44) in (43), which is a column times a row, we get",
        "Note what (29) and (39) say of all entries of Δl_1. Therefore,",
        "To summarise the take-home",
    ]
    places = [text.index(sentence) for sentence in said]
    assert places == sorted(places)


def test_from_one_example_to_a_batch() -> None:
    assert "L is the sum of those of all n examples" in words(document_of("the seed's"))
    assert "L is their mean over all n examples" in words(document_of("classifier"))
    assert "D is the sum of those of all n examples, and the penalty is counted once" in words(document_of("penalised"))
    assert "stacked as columns" in words(document_of("in columns"))
    assert "From one example to a batch" not in words(document_of("of four examples"))


def test_the_take_home_of_a_batch_is_restated_where_it_was_shown_before() -> None:
    one, four = document_of("the seed's"), document_of("of four examples")
    assert not any(display.restated for display in displays(one))
    assert [typeset(d.target) for d in displays(four) if d.restated] == [
        "l_1", "ŷ", "L", "Δl_2", "∂L/∂W_2", "Δl_1", "∂L/∂W_1",
    ]  # fmt: skip


def conventions(document: Document) -> dict[str, str]:
    (table,) = (block for block in document.blocks if isinstance(block, Conventions))
    return {inline(sign[0], UNICODE, document.notation): str(meaning[0]) for sign, meaning in table.rows}  # type: ignore[arg-type]  # signs are formulas


def test_conventions_of_kinks_and_assumptions_are_told() -> None:
    told = conventions(document_of("classifier", "summary"))
    assert told["ReLU(x)"] == "by convention, ReLU'(0) = 0"
    assert told["y"] == "taken for granted: each row sums to 1"
    assert "ReLU(x)" not in conventions(document_of("the seed's"))
    columns = outline(backpropagate(mlp(3, 2, 2, samples="columns", loss="cross_entropy")))
    assert conventions(columns)["y"] == "taken for granted: each column sums to 1"


def test_the_way_samples_lie_is_the_programs() -> None:
    document = outline(trace_of("in columns"), notation=Notation(samples="rows", delta="δ"))
    assert (document.notation.samples, document.notation.delta) == ("columns", "δ")


def test_facts_are_kept() -> None:
    assert outline(trace_of("smallest"), facts={"seed": "3"}).facts == {"seed": "3"}


# --- proof --------------------------------------------------------------------------------------------------------


def test_badges_stand_beside_their_steps() -> None:
    trace = trace_of("the seed's")
    badges = {number: Badge(True, f"step {number}", "") for number in range(1, 60)}
    of_trace = {step.number: Badge(True, f"trace {step.number}", "") for step in trace.steps}
    count = len(scalar_view(trace).steps)
    shown = numbered(outline(trace, badges=badges, trace_badges=of_trace))
    assert [d.badge.summary for d in shown if d.badge is not None and d.number <= count] == [
        f"step {number}" for number in range(1, count + 1)
    ]
    assert [d.badge.summary for d in shown if d.badge is not None and d.number > count] == [
        f"trace {step.number}" for step in trace.steps if step.kind in ("define", "delta", "gradient")
    ]
    matrix = displays(outline(trace, view="matrix", badges=badges))
    assert all(display.badge == badges[display.number] for display in matrix)


def test_without_badges_of_the_trace_a_batch_has_none() -> None:
    shown = numbered(outline(trace_of("the seed's"), badges={47: Badge(True, "step", "")}))
    assert [display.number for display in shown if display.badge is not None] == []


def test_the_proof_is_told_at_the_head() -> None:
    certified = Certified(True, ("All steps hold.",))
    assert outline(trace_of("the seed's"), certified=certified).blocks[1] == certified


# --- numbers ------------------------------------------------------------------------------------------------------

VALUES = {
    "X": np.array([[0.2, -0.4, 1.0], [0.5, 0.1, -0.3]]),
    "y": np.array([[0.0], [1.0]]),
    "W_1": np.array([[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]]),
    "W_2": np.array([[0.7], [-0.8]]),
}


Array = npt.NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def by_hand(X: Array, y: Array) -> dict[str, Array]:
    """The seed's equations, written down independently."""
    l_1 = sigmoid(X @ VALUES["W_1"])
    y_hat = sigmoid(l_1 @ VALUES["W_2"])
    delta_2 = (y_hat - y) * y_hat * (1 - y_hat)
    delta_1 = delta_2 @ VALUES["W_2"].T * l_1 * (1 - l_1)
    loss = np.array([[0.5 * ((y - y_hat) ** 2).sum()]])
    return {
        "l_1": l_1, "ŷ": y_hat, "L": loss, "Δl_2": delta_2, "Δl_1": delta_1,
        "∂L/∂W_2": l_1.T @ delta_2, "∂L/∂W_1": X.T @ delta_1,
    }  # fmt: skip


def test_the_batch_has_its_own_numbers_and_the_entries_those_of_the_first_example() -> None:
    document = outline(trace_of("the seed's"), numbers=Numbers(VALUES))
    first, batch = by_hand(VALUES["X"][:1], VALUES["y"][:1]), by_hand(VALUES["X"], VALUES["y"])
    count = len(scalar_view(trace_of("the seed's")).steps)
    assert "the entries with those of the first of the 2 examples" in words(document)
    checked = 0
    for display in numbered(document):
        expected = (first if display.number <= count else batch).get(typeset(display.target))
        if expected is not None:
            np.testing.assert_allclose(np.array(display.values), expected, rtol=1e-13)
            checked += 1
    assert checked > 15


def test_entries_have_the_numbers_of_their_matrices() -> None:
    document = outline(trace_of("the seed's"), numbers=Numbers(VALUES))
    expected = by_hand(VALUES["X"][:1], VALUES["y"][:1])["∂L/∂W_1"]
    loss, W = Name("L"), Name("W_1", (3, 2))
    for i in (1, 2, 3):
        for j in (1, 2):
            shown = [d for d in displays(document) if d.target == Partial(loss, Component(W, i, j))]
            assert len(shown) >= 1
            assert all(np.isclose(d.values[0][0], expected[i - 1, j - 1], rtol=1e-13) for d in shown)  # type: ignore[arg-type]  # there is one


def test_numbers_are_put_in() -> None:
    document = outline(trace_of("the seed's"), numbers=Numbers(VALUES))
    decimals = Notation(numbers="decimals")
    put_in = {d.number: typeset(d.substituted, UNICODE, decimals) for d in displays(document) if d.substituted}
    assert put_in[6] == "σ(0.2 × 0.1 + (−0.4 × 0.3) + 1 × (−0.5))"
    assert put_in[14] == f"{by_hand(VALUES['X'][:1], VALUES['y'][:1])['ŷ'].item():.4g} − 0"
    assert all(not any(letter in text for letter in "xwyl") for text in put_in.values())


def test_one_step_of_gradient_descent() -> None:
    document = outline(trace_of("the seed's"), view="summary", numbers=Numbers(VALUES, learning_rate=2.0))
    before = by_hand(VALUES["X"], VALUES["y"])
    updates = {typeset(d.target): np.array(d.values) for d in displays(document) if d.relation == "←"}
    assert list(updates) == ["W_1", "W_2"]
    for name, values in updates.items():
        np.testing.assert_allclose(values, VALUES[name] - 2.0 * before[f"∂L/∂{name}"], rtol=1e-13)
    l_1 = sigmoid(VALUES["X"] @ updates["W_1"])
    after = 0.5 * ((VALUES["y"] - sigmoid(l_1 @ updates["W_2"])) ** 2).sum()
    assert f"the loss L falls from {before['L'].item():.4g} to {after:.4g}." in words(document)
    assert "One step with learning rate η = 2" in words(document)


def test_without_a_learning_rate_there_is_no_step() -> None:
    assert "learning rate" not in words(outline(trace_of("the seed's"), numbers=Numbers(VALUES)))


def test_a_large_matrix_of_numbers_is_abbreviated() -> None:
    document = outline(trace_of("classifier"), view="summary", numbers=numbers_for(trace_of("classifier")))
    (weights,) = (d for d in displays(document) if typeset(d.target) == "W_1" and d.number == 0)
    assert (len(weights.values), len(weights.values[0])) == (6, 6)
    assert weights.values[4] == (None,) * 6
    assert weights.values[0][4] is None
    values = numbers_for(trace_of("classifier")).values["W_1"]
    assert weights.values[-1][-1] == np.asarray(values)[-1, -1]


def test_numbers_beyond_all_bounds_are_shown_as_such() -> None:
    trace = backpropagate(mlp(1, 1, activation="identity"))
    given = {"X": [[1e200]], "y": [[0.0]], "W_1": [[1e200]]}
    shown = displays(outline(trace, view="summary", numbers=Numbers(given, 0.5)))
    assert {d.values[0][0] for d in shown if typeset(d.target) == "L"} == {float("inf")}


def test_a_missing_array_is_an_error() -> None:
    with pytest.raises(ShapeError, match="no value was given for y"):
        outline(trace_of("the seed's"), numbers=Numbers({"X": VALUES["X"]}))
