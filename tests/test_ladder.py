"""The ladder of the series, rung by rung, each a one-line example: from one weight to networks of any shape.

Each rung is derived, read, proved and run; its gradients equal plain NumPy written out here as a reader of that part
of the series would write them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import backproof as bp
from backproof.ir.program import Program

Array = npt.NDArray[Any]


def sigma(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def one_weight(X: Array, y: Array, W_1: Array) -> dict[str, Array]:
    """Part 1: x and y are numbers, and so is the weight."""
    x, target, w = X.item(), y.item(), W_1.item()
    prediction = 1 / (1 + np.exp(-x * w))
    return {"W_1": np.array([[(prediction - target) * prediction * (1 - prediction) * x]])}


def one_vector(X: Array, y: Array, W_1: Array) -> dict[str, Array]:
    """Part 2: weight by weight, ∂L/∂w^i = (ŷ − y) ŷ (1 − ŷ) x^i."""
    prediction = 1 / (1 + np.exp(-sum(X[0, i] * W_1[i, 0] for i in range(3))))
    delta = (prediction - y[0, 0]) * prediction * (1 - prediction)
    return {"W_1": np.array([[delta * X[0, i]] for i in range(3)])}


def one_batch(X: Array, y: Array, W_1: Array) -> dict[str, Array]:
    """Part 3: the examples' gradients added up."""
    return {"W_1": sum((one_vector(X[k : k + 1], y[k : k + 1], W_1)["W_1"] for k in range(len(X))), np.zeros((3, 1)))}


def one_hidden_node(X: Array, y: Array, W_1: Array, W_2: Array) -> dict[str, Array]:
    """Part 4a: the hidden layer is a number."""
    hidden = sigma(X @ W_1).item()
    prediction = 1 / (1 + np.exp(-hidden * W_2.item()))
    delta_2 = (prediction - y.item()) * prediction * (1 - prediction)
    delta_1 = delta_2 * W_2.item() * hidden * (1 - hidden)
    return {"W_1": X.T * delta_1, "W_2": np.array([[hidden * delta_2]])}


def two_hidden_nodes(X: Array, y: Array, W_1: Array, W_2: Array) -> dict[str, Array]:
    """Part 4b, the seed: its listing, with each update given its own gradient."""
    layer_1 = 1 / (1 + np.exp(-(np.dot(X, W_1))))
    layer_2 = 1 / (1 + np.exp(-(np.dot(layer_1, W_2))))
    layer_2_delta = (layer_2 - y) * (layer_2 * (1 - layer_2))
    layer_1_delta = layer_2_delta.dot(W_2.T) * (layer_1 * (1 - layer_1))
    return {"W_1": X.T.dot(layer_1_delta), "W_2": layer_1.T.dot(layer_2_delta)}


def two_layers_of_a_batch(X: Array, y: Array, W_1: Array, W_2: Array) -> dict[str, Array]:
    """Part 5: example by example, added up."""
    parts = [two_hidden_nodes(X[k : k + 1], y[k : k + 1], W_1, W_2) for k in range(len(X))]
    return {name: np.sum([part[name] for part in parts], axis=0) for name in ("W_1", "W_2")}


def any_network(X: Array, y: Array, **parameters: Array) -> dict[str, Array]:
    """Part 6: forwards through all layers, then backwards through all."""
    depth = len(parameters)
    outputs = [X]
    for k in range(1, depth + 1):
        outputs.append(sigma(outputs[-1] @ parameters[f"W_{k}"]))
    delta = (outputs[-1] - y) * outputs[-1] * (1 - outputs[-1])
    gradients: dict[str, Array] = {}
    for k in range(depth, 0, -1):
        gradients[f"W_{k}"] = outputs[k - 1].T @ delta
        delta = (delta @ parameters[f"W_{k}"].T) * outputs[k - 1] * (1 - outputs[k - 1])
    return gradients


@dataclass(frozen=True, slots=True)
class Rung:
    """One part of the series."""

    net: Program
    examples: int
    plain: Callable[..., Mapping[str, Array]]


LADDER = {
    "one layer, a scalar": Rung(bp.mlp(1, 1), 1, one_weight),
    "one layer, a vector": Rung(bp.mlp(3, 1), 1, one_vector),
    "one layer, a batch": Rung(bp.mlp(3, 1), 5, one_batch),
    "a hidden layer of one node": Rung(bp.mlp(3, 1, 1), 1, one_hidden_node),
    "a hidden layer of two nodes": Rung(bp.mlp(3, 2, 1), 1, two_hidden_nodes),
    "two layers, a batch": Rung(bp.mlp(3, 2, 1), 5, two_layers_of_a_batch),
    "four layers": Rung(bp.mlp(5, 4, 3, 2, 2), 6, any_network),
    "wide": Rung(bp.mlp(20, 40, 30), 7, any_network),
    "deep": Rung(bp.mlp(*[6] * 41), 4, any_network),
}

every_rung = pytest.mark.parametrize("name", LADDER)


def data(rung: Rung) -> dict[str, Array]:
    """An example or a batch, and weights that are large enough for gradients to pass through many layers."""
    rng = np.random.default_rng(len(rung.net.parameters))
    structure = rung.net.structure
    assert structure is not None
    X, y = (rng.normal(size=(rung.examples, units)) for units in (structure.sizes[0], structure.sizes[-1]))
    weights = {name.id: rng.normal(0, 1.5, [int(str(dim)) for dim in name.shape]) for name in rung.net.parameters}
    return {"X": X, "y": y, **weights}


@every_rung
def test_the_gradients_are_those_of_plain_numpy(name: str) -> None:
    rung = LADDER[name]
    values = data(rung)
    expected = rung.plain(**values)
    parameters = {id: value for id, value in values.items() if id.startswith("W")}
    loss, gradients = bp.derive(rung.net).compile()(parameters, values["X"], values["y"])
    assert set(gradients) == set(expected) == set(parameters)
    assert loss >= 0
    for id, gradient in expected.items():
        np.testing.assert_allclose(gradients[id], gradient, rtol=1e-12, atol=1e-14 * abs(gradient).max())


@every_rung
def test_every_step_is_proved(name: str) -> None:
    assert bp.derive(LADDER[name].net).prove().ok


@every_rung
@pytest.mark.parametrize("view", ["scalar", "matrix", "summary"])
def test_every_view_can_be_read(name: str, view: str) -> None:
    net = LADDER[name].net
    text = bp.derive(net).view(view).text()
    assert f"∂L/∂W_{len(net.parameters)}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_first_rung_reads_as_the_first_part_does() -> None:
    assert dict(bp.derive(bp.mlp(1, 1)).equations) == {
        "y_hat": "ŷ = σ(X . W_1)",
        "L": "L = 1/2 × Σ (y − ŷ)²",
        "delta_1": "Δl_1 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)",
        "grad_W_1": "∂L/∂W_1 = Xᵀ . Δl_1",
    }
