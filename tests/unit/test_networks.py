"""Networks as programs: every option against plain NumPy, every refusal in words."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol, concrete
from backproof.errors import SpecificationError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Elementwise, Name, Softmax, broadcast, size_of, total
from backproof.ir.program import Program, RowsSumToOne, Samples
from backproof.networks import DEEPEST, LARGEST_LAYER, mlp, parse_sizes
from backproof.rules.elementwise import ACTIVATIONS, elu, leaky_relu, sigmoid, tanh
from backproof.rules.losses import LOSSES, Loss

Array = npt.NDArray[Any]
n = Symbol("n")


def values(program: Program, n: int = 4, seed: int = 0) -> dict[str, Array]:
    """Every quantity of the program for random inputs and parameters; the targets are one-hot."""
    rng = np.random.default_rng(seed)
    leaves = (*program.inputs, *program.parameters)
    env = {leaf.id: rng.normal(size=concrete(leaf.shape, {"n": n})) for leaf in leaves}
    return evaluate_program(program, env, Evaluator(NumpyArithmetic(), {"n": n}))


# --- what is built ------------------------------------------------------------------------------------------------


def test_the_defaults_are_the_seeds() -> None:
    program = mlp(3, 2, 1)
    assert [name.id for name in program.inputs] == ["X", "y"]
    assert [name.id for name in program.parameters] == ["W_1", "W_2"]
    assert [e.name.id for e in program.equations] == ["l_1", "y_hat", "L"]
    assert {id: name.shape for id, name in program.names.items()} == {
        "X": (n, 3), "y": (n, 1), "W_1": (3, 2), "W_2": (2, 1), "l_1": (n, 2), "y_hat": (n, 1), "L": (),
    }  # fmt: skip
    assert program.loss == "L"
    assert program.assumptions == ()
    v = values(program)
    np.testing.assert_allclose(v["l_1"], 1 / (1 + np.exp(-v["X"] @ v["W_1"])), rtol=1e-15)
    np.testing.assert_allclose(v["y_hat"], 1 / (1 + np.exp(-v["l_1"] @ v["W_2"])), rtol=1e-15)
    np.testing.assert_allclose(v["L"], 0.5 * ((v["y"] - v["y_hat"]) ** 2).sum(), rtol=1e-15)


def test_columns_are_transposed_rows() -> None:
    rows, columns = values(mlp(3, 2, 4, bias=True)), mlp(3, 2, 4, bias=True, samples="columns")
    assert {id: name.shape for id, name in columns.names.items()} == {
        "X": (3, n), "y": (4, n), "W_1": (2, 3), "b_1": (2, 1), "W_2": (4, 2), "b_2": (4, 1),
        "l_1": (2, n), "y_hat": (4, n), "L": (),
    }  # fmt: skip
    env = {name.id: rows[name.id].T for name in (*columns.inputs, *columns.parameters)}
    found = evaluate_program(columns, env, Evaluator(NumpyArithmetic(), {"n": 4}))
    for id, value in found.items():
        np.testing.assert_allclose(value, rows[id].T, rtol=1e-14)


def test_a_bias_is_a_row_that_is_added_to_every_sample() -> None:
    program = mlp(3, 2, 1, bias=True)
    assert [p.id for p in program.parameters] == ["W_1", "b_1", "W_2", "b_2"]
    v = values(program)
    assert v["b_1"].shape == (1, 2)
    np.testing.assert_allclose(v["l_1"], 1 / (1 + np.exp(-(v["X"] @ v["W_1"] + v["b_1"]))), rtol=1e-15)


PLAIN: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda z: np.asarray(1 / (1 + np.exp(-z))),
    "tanh": np.tanh,
    "relu": lambda z: np.asarray(z * (z > 0)),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "softplus": lambda z: np.asarray(np.log(1 + np.exp(z))),
    "silu": lambda z: np.asarray(z / (1 + np.exp(-z))),
    "gelu": lambda z: np.asarray(z * gaussian(z)),
    "identity": lambda z: z,
}


def gaussian(z: Array, steps: int = 4001) -> Array:
    """The normal distribution function by Simpson's rule: nothing but its definition."""
    t = np.linspace(-12, z, steps)
    density = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
    weights = np.ones(steps)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return np.asarray(np.tensordot(weights, density, axes=(0, 0)) * (z + 12) / (steps - 1) / 3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_by_its_name(name: str) -> None:
    v = values(mlp(3, 2, 2, activation=name))
    np.testing.assert_allclose(v["l_1"], PLAIN[name](v["X"] @ v["W_1"]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(v["y_hat"], PLAIN[name](v["l_1"] @ v["W_2"]), rtol=1e-9, atol=1e-12)


def test_every_activation_has_a_plain_form_here() -> None:
    assert set(PLAIN) == set(ACTIVATIONS)


def used(program: Program) -> list[str]:
    """The activations that the structure and the equations agree on."""
    assert program.structure is not None
    for layer in program.structure.layers:
        value = program.definitions[layer.output].value
        found = (
            value.fn.name if isinstance(value, Elementwise) else "softmax" if isinstance(value, Softmax) else "identity"
        )
        assert found == layer.activation
    return [layer.activation for layer in program.structure.layers]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["sigmoid"] * 3),
        ({"activation": "tanh"}, ["tanh"] * 3),
        ({"activation": "tanh", "output_activation": "identity"}, ["tanh", "tanh", "identity"]),
        ({"activation": ["relu", "tanh", "identity"]}, ["relu", "tanh", "identity"]),
        ({"activation": ("relu", "tanh"), "output_activation": "sigmoid"}, ["relu", "tanh", "sigmoid"]),
        ({"activation": ["relu", "tanh", "elu"], "output_activation": "sigmoid"}, ["relu", "tanh", "sigmoid"]),
        ({"output_activation": "softmax"}, ["sigmoid", "sigmoid", "softmax"]),
        ({"activation": tanh}, ["tanh"] * 3),
        ({"activation": [leaky_relu(0.2), sigmoid, elu(2)]}, ["leaky_relu", "sigmoid", "elu"]),
        ({"activation": "relu", "loss": "cross_entropy"}, ["relu", "relu", "softmax"]),
        ({"activation": "relu", "loss": "binary_cross_entropy"}, ["relu", "relu", "sigmoid"]),
        ({"activation": ["relu", "tanh"], "loss": "cross_entropy"}, ["relu", "tanh", "softmax"]),
        (
            {"activation": ["relu", "tanh"], "loss": "cross_entropy", "output_activation": "softmax"},
            ["relu", "tanh", "softmax"],
        ),
    ],
)
def test_one_activation_for_all_or_one_per_layer(options: dict[str, Any], expected: list[str]) -> None:
    assert used(mlp(3, 4, 2, 2, **options)) == expected


def test_an_activation_with_a_parameter_of_its_own() -> None:
    v = values(mlp(3, 2, activation=leaky_relu(0.2)))
    z = v["X"] @ v["W_1"]
    np.testing.assert_allclose(v["y_hat"], np.where(z > 0, z, 0.2 * z), rtol=1e-15)


@pytest.mark.parametrize("activation", ["softplus", "silu", "gelu"])
def test_an_argument_that_the_derivative_looks_at_has_a_name(activation: str) -> None:
    program = mlp(3, 2, 1, activation=activation)
    assert [e.name.id for e in program.equations] == ["z_1", "l_1", "z_2", "y_hat", "L"]
    assert [e.delta for e in program.equations] == ["delta_1", None, "delta_2", None, None]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "identity"])
def test_no_other_argument_has_one(activation: str) -> None:
    program = mlp(3, 2, 1, activation=activation)
    assert [e.name.id for e in program.equations] == ["l_1", "y_hat", "L"]
    assert [e.delta for e in program.equations] == ["delta_1", "delta_2", None]


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_by_its_name(loss: str) -> None:
    program = mlp(3, 2, loss=loss)
    assert program.structure is not None
    assert program.structure.loss == loss
    assert program.definitions["L"].label
    fused = loss in ("binary_cross_entropy", "cross_entropy")
    assert [e.name.id for e in program.equations] == (["z_1"] if fused else []) + ["y_hat", "L"]
    assert program.assumptions == ((RowsSumToOne("y", 1),) if loss == "cross_entropy" else ())


def test_the_assumption_on_targets_follows_the_samples() -> None:
    assert mlp(3, 2, loss="cross_entropy", samples="columns").assumptions == (RowsSumToOne("y", 0),)


def test_softmax_is_along_each_sample() -> None:
    rows, columns = values(mlp(3, 4, loss="cross_entropy")), values(mlp(3, 4, loss="cross_entropy", samples="columns"))
    np.testing.assert_allclose(rows["y_hat"].sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(columns["y_hat"].sum(axis=0), 1, rtol=1e-15)


@pytest.mark.parametrize("penalty", [0.1, 0, Fraction(1, 3), 2])
def test_the_penalty_is_on_the_weights_alone(penalty: Any) -> None:
    program = mlp(3, 2, 1, bias=True, penalty=penalty)
    assert [e.name.id for e in program.equations][-3:] == ["D", "R", "L"]
    v = values(program)
    squares = (v["W_1"] ** 2).sum() + (v["W_2"] ** 2).sum()
    assert float(v["R"]) == pytest.approx(float(penalty) / 2 * squares, rel=1e-14)
    assert float(v["L"]) == pytest.approx(float(v["D"] + v["R"]), rel=1e-15)
    assert program.structure is not None
    assert program.structure.penalty == f"{float(penalty):g}"


def test_the_batch_is_a_number_or_a_symbol() -> None:
    assert mlp(3, 1, batch=5).names["X"].shape == (5, 3)
    assert mlp(3, 1, batch="m").names["X"].shape == (Symbol("m"), 3)
    assert mlp(3, 1, batch=5, loss="mean_squared_error").symbols == ()


def test_a_loss_of_ones_own() -> None:
    program = mlp(3, 1, loss=Loss("cubes", lambda p, y, n: total((p - y) ** 3)))
    v = values(program)
    assert float(v["L"]) == pytest.approx(float(((v["y_hat"] - v["y"]) ** 3).sum()), rel=1e-14)
    assert program.definitions["L"].label == "the loss cubes"


def test_layers_are_described() -> None:
    structure = mlp(3, 2, 1, bias=True, activation="silu").structure
    assert structure is not None
    first, last = structure.layers
    assert (first.number, first.inputs, first.outputs, first.activation) == (1, 3, 2, "silu")
    assert (first.weights, first.bias, first.pre_activation, first.output, first.delta) == (
        "W_1", "b_1", "z_1", "l_1", "delta_1",
    )  # fmt: skip
    assert (last.output, last.delta, last.inputs) == ("y_hat", "delta_2", 2)
    assert structure.samples == "rows"
    assert structure.specification == "3-2-1"
    unbiased = mlp(3, 1).structure
    assert unbiased is not None
    assert unbiased.layers[0].bias is unbiased.layers[0].pre_activation is None


@pytest.mark.parametrize("sizes", [(1, 1), (1, 5), (7, 1), (1,) * 30, (5, 4, 3, 2, 1), (2,) * 201])
def test_any_depth_and_width(sizes: tuple[int, ...]) -> None:
    program = mlp(*sizes, activation="tanh")
    assert len(program.parameters) == len(sizes) - 1
    assert values(program)["y_hat"].shape == (4, sizes[-1])


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((), r"a network needs at least an input and an output size, got 0; try mlp\(3, 2, 1\) or 3-2-1"),
        ((3,), r"a network needs at least an input and an output size, got 1"),
        ((3, 0, 1), r"layer 2: the number of units must be from 1 to 1,000,000, got 0"),
        ((-3, 1), r"layer 1: the number of units must be from 1 to 1,000,000, got -3"),
        ((3, LARGEST_LAYER + 1), r"layer 2: the number of units must be from 1 to 1,000,000, got 1,000,001"),
        ((3, 2.0, 1), r"layer 2: the number of units must be an integer, got 2.0"),
        ((3, "2", 1), r"layer 2: the number of units must be an integer, got '2'"),
        ((True, 1), r"layer 1: the number of units must be an integer, got True"),
        (([3, 2, 1], 1), r"layer 1: the number of units must be an integer, got \[3, 2, 1\]"),
        (
            (10**6, 10**6),
            r"this network has 1,000,000,000,000 parameters, 7,451 GiB in float64; make its layers smaller "
            r"\(at most 1,000,000,000 parameters\)",
        ),
        ((1,) * (DEEPEST + 1), r"10,000 layers are more than the 10,000 that are supported"),
    ],
)
def test_sizes_that_mean_nothing(sizes: tuple[Any, ...], message: str) -> None:
    with pytest.raises(SpecificationError, match=f"^{message}"):
        mlp(*sizes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": "diagonal"}, r"samples must be 'rows' or 'columns', got 'diagonal'"),
        ({"activation": "sigmiod"}, r"unknown activation 'sigmiod'; did you mean 'sigmoid'\?"),
        ({"output_activation": "softmx"}, r"unknown activation 'softmx'; did you mean 'softmax'\?"),
        (
            {"activation": ["relu"]},
            r"1 activations for 3 layers; give one, or one per layer \(the output's may be left",
        ),
        ({"activation": ["relu"] * 4}, r"4 activations for 3 layers"),
        ({"activation": []}, r"0 activations for 3 layers"),
        ({"activation": ["relu", "tanh"]}, r"2 activations for 3 layers"),
        ({"activation": 3}, r"an activation is a name or a function made by bp.activation, got 3"),
        ({"activation": ["relu", None, "tanh"]}, r"an activation is a name or a function .*, got None"),
        ({"output_activation": np.tanh}, r"an activation is a name or a function .*, got <ufunc 'tanh'>"),
        ({"loss": "cross_entrpy"}, r"unknown loss 'cross_entrpy'; did you mean 'cross_entropy'\?"),
        (
            {"loss": "cross_entropy", "output_activation": "relu"},
            r"the loss cross_entropy is fused with the output function softmax, but the output layer has relu; leave",
        ),
        ({"loss": "binary_cross_entropy", "output_activation": "softmax"}, r"the loss .* is fused with .* sigmoid"),
        ({"loss": None}, r"a loss is a name or a loss made by bp.loss, got None"),
        ({"penalty": -1}, r"the L2 penalty must be a finite number of at least 0, got -1"),
        ({"penalty": float("nan")}, r"the L2 penalty must be a finite number of at least 0, got nan"),
        ({"penalty": float("inf")}, r"the L2 penalty must be a finite number of at least 0, got inf"),
        ({"batch": 0}, r"a dimension must be at least 1, got 0"),
        ({"batch": "3 n"}, r"a dimension must be a positive integer or a name, got '3 n'"),
        ({"batch": None}, r"a dimension must be a positive integer or a name, got None"),
        (
            {"loss": Loss("matrix", lambda p, y, n: p - y)},
            r"the loss matrix gives a matrix; sum or average it to one number",
        ),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecificationError, match=f"^{message}") as caught:
        mlp(3, 4, 2, 2, **options)
    assert "\n" not in str(caught.value)


def test_the_activations_of_a_fused_loss_may_not_contradict_it() -> None:
    """The list's last entry is for the output; a fused loss has its own."""
    assert used(mlp(3, 4, 2, activation=["relu", "softmax"], loss="cross_entropy")) == ["relu", "softmax"]


# --- specifications as text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("3-2-1", (3, 2, 1)),
        ("784-128-10", (784, 128, 10)),
        (" 1-1 ", (1, 1)),
        ("007-1", (7, 1)),
        ("1000000-1", (10**6, 1)),
    ],
)
def test_a_specification_is_sizes_and_hyphens(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "3--1",
            r"network '3--1': layer 2 must be a whole number of units, found nothing; write sizes joined by single",
        ),
        ("0-2", r"layer 1: the number of units must be from 1 to 1,000,000, got 0"),
        ("3-2-1-", r"network '3-2-1-': layer 4 must be a whole number of units, found nothing"),
        ("-3-2", r"network '-3-2': layer 1 must be a whole number of units, found nothing"),
        ("3-2-1e9", r"network '3-2-1e9': layer 3 must be a whole number of units, found '1e9'"),
        ("", r"network '': layer 1 must be a whole number of units, found nothing"),
        ("   ", r"network '   ': layer 1 must be a whole number of units, found nothing"),
        ("3", r"a network needs at least an input and an output size, got 1"),
        ("3-2.5-1", r"layer 2 must be a whole number of units, found '2.5'"),
        ("3, 2, 1", r"layer 1 must be a whole number of units, found '3, 2, 1'"),
        ("3 - 2", r"layer 1 must be a whole number of units, found '3 '"),
        ("3-x-1", r"layer 2 must be a whole number of units, found 'x'"),
        ("3-+2-1", r"layer 2 must be a whole number of units, found '\+2'"),
        ("3–2–1", r"layer 1 must be a whole number of units, found '3–2–1'"),
        ("٣-٢", r"layer 1 must be a whole number of units, found '٣'"),
        ("3-\x1b[31m2", r"layer 2 must be a whole number of units, found '\\x1b\[31m2'"),
        ("99999999-1", r"layer 1: the number of units must be from 1 to 1,000,000, got 99,999,999"),
        ("9" * 5000 + "-1", r"layer 1 must be a whole number of units"),
        ("1000000-1000000", r"1,000,000,000,000 parameters, 7,451 GiB in float64"),
        ("-".join(["1"] * (DEEPEST + 1)), r"10,000 layers are more than"),
    ],
)
def test_any_other_specification_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecificationError, match=message) as caught:
        parse_sizes(text)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_names_of_quantities_are_plain() -> None:
    for name in mlp(3, 2, 1, bias=True, activation="gelu", penalty=0.1).names:
        assert name.isascii()
        assert name.isidentifier()
    assert Name("W_1", (3, 2)) in mlp(3, 2, 1).parameters


def test_a_penalty_over_very_many_layers_makes_no_deep_tree() -> None:
    trace = backpropagate(mlp(*[2] * 1001, penalty=0.1))
    assert len(trace.gradients) == 1000


# --- dropout, weights, the L1 penalty ------------------------------------------------------------------------------


def test_dropout_leaves_outputs_out_and_scales_the_others() -> None:
    program = mlp(3, 5, 4, 2, dropout=0.25)
    assert [name.id for name in program.inputs] == ["X", "y", "U_1", "U_2"]
    assert [(drawn.name, drawn.stream) for drawn in program.drawn] == [("U_1", 1), ("U_2", 2)]
    found = values(program)
    np.testing.assert_allclose(found["h_1"], np.where(found["U_1"] > 0.25, found["l_1"] / 0.75, 0), rtol=1e-15)
    np.testing.assert_allclose(found["y_hat"], 1 / (1 + np.exp(-found["h_2"] @ found["W_3"])), rtol=1e-14)


def test_predictions_leave_nothing_out() -> None:
    program, plain = mlp(3, 5, 2, dropout=0.25), mlp(3, 5, 2)
    assert [name.id for name in program.predicting.inputs] == ["X", "y"]
    found = values(plain)
    arrays = {id: found[id] for id in ("X", "y", "W_1", "W_2")}
    evaluator = Evaluator(NumpyArithmetic(), {"n": 4})
    np.testing.assert_array_equal(evaluate_program(program.predicting, arrays, evaluator)["y_hat"], found["y_hat"])


def test_dropout_of_nothing_is_no_dropout() -> None:
    assert mlp(3, 2, 1, dropout=0) == mlp(3, 2, 1)


@pytest.mark.parametrize("chance", [-0.1, 1, 1.5, float("nan")])
def test_a_chance_is_from_zero_to_below_one(chance: float) -> None:
    with pytest.raises(SpecificationError, match="from 0 to below 1"):
        mlp(3, 2, 1, dropout=chance)


@pytest.mark.parametrize("samples", ["rows", "columns"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_weights_multiply_the_terms_of_each_sample(loss: str, samples: Samples) -> None:
    """A weight of two counts as the sample twice; the size of the average stays what it was."""
    program = mlp(3, 2, 2, loss=loss, weighted=True, samples=samples)
    assert program.names["omega"].shape == ((n, 1) if samples == "rows" else (1, n))
    rng = np.random.default_rng(3)
    leaves = {name.id: rng.uniform(0.1, 1, concrete(name.shape, {"n": 3})) for name in program.inputs}
    leaves |= {name.id: rng.normal(size=concrete(name.shape, {})) for name in program.parameters}
    axis = 0 if samples == "rows" else 1
    chosen = [0, 1, 1, 2, 2, 2]
    twice = {**leaves, **{id: np.take(leaves[id], chosen, axis) for id in ("X", "y")}}
    leaves["omega"] = np.array([1.0, 2.0, 3.0]).reshape(leaves["omega"].shape)
    weighted = evaluate_program(program, leaves, Evaluator(NumpyArithmetic(), {"n": 3}))["L"]
    del twice["omega"]
    plain = mlp(3, 2, 2, loss=loss, samples=samples)
    repeated = evaluate_program(plain, twice, Evaluator(NumpyArithmetic(), {"n": 6}))["L"]
    factor = 1 if loss == "half_squared_error" else 2
    np.testing.assert_allclose(weighted, repeated * factor, rtol=1e-13)


def test_weighted_cross_entropy_keeps_its_short_gradient() -> None:
    trace = backpropagate(mlp(3, 2, 4, loss="cross_entropy", weighted=True))
    delta = {e.name.id: e.value for e in trace.backward}["delta_2"]
    omega, prediction, target = (trace.program.names[id] for id in ("omega", "y_hat", "y"))
    assert delta == 1 / size_of(n) * (broadcast(omega, (n, 4)) * (prediction - target))


def test_a_loss_that_is_no_sum_over_samples_cannot_be_weighted() -> None:
    twice = Loss("twice", lambda p, y, n: total(p - y) ** 2 + total(p))
    with pytest.raises(SpecificationError, match="one sum over all samples"):
        mlp(3, 2, 1, loss=twice, weighted=True)


def test_both_penalties_add_up() -> None:
    found = values(mlp(3, 2, 1, penalty=0.5, penalty_l1=0.25))
    weights = [found["W_1"], found["W_2"]]
    expected = sum(0.25 * (w**2).sum() + 0.25 * np.abs(w).sum() for w in weights)
    np.testing.assert_allclose(found["R"], expected, rtol=1e-14)
    with pytest.raises(SpecificationError, match="the L1 penalty must be a finite number"):
        mlp(3, 2, 1, penalty_l1=-1)
