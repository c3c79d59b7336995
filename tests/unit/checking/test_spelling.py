"""The users' names for the derivation's quantities."""

from __future__ import annotations

import pytest

from backproof.checking.spelling import meant, styled

LAYERS = ["W_1", "b_1", "W_2", "b_2"]


@pytest.mark.parametrize(
    "names",
    [
        ["W_1", "b_1", "W_2", "b_2"],
        ["W1", "b1", "W2", "b2"],
        ["w1", "b1", "w2", "b2"],
        ["W0", "b0", "W1", "b1"],
        ["weights_1", "bias_1", "weights_2", "bias_2"],
        ["W[1]", "b[1]", "W[2]", "b[2]"],
    ],
)
def test_parameters(names: list[str]) -> None:
    assert meant(names, LAYERS) == dict(zip(names, LAYERS, strict=True))


@pytest.mark.parametrize(
    "names",
    [
        ["dW1", "db1", "dW2", "db2"],
        ["dW_1", "db_1", "dW_2", "db_2"],
        ["grad_W_1", "grad_b_1", "grad_W_2", "grad_b_2"],
        ["W1_grad", "b1_grad", "W2_grad", "b2_grad"],
        ["dL/dW_1", "dL/db_1", "dL/dW_2", "dL/db_2"],
        ["∂L/∂W_1", "∂L/∂b_1", "∂L/∂W_2", "∂L/∂b_2"],
        ["dLdW1", "dLdb1", "dLdW2", "dLdb2"],
        ["gradW1", "gradb1", "gradW2", "gradb2"],
        ["W1", "b1", "W2", "b2"],
        ["dW0", "db0", "dW1", "db1"],
    ],
)
def test_gradients(names: list[str]) -> None:
    assert meant(names, LAYERS, gradients=True) == dict(zip(names, LAYERS, strict=True))


def test_what_could_be_two_is_none() -> None:
    assert meant(["w"], ["W_1", "W_2"]) == {}
    assert meant(["W1", "W_1"], LAYERS) == {}
    assert meant(["q"], LAYERS) == {}


def test_one_layer_needs_no_number() -> None:
    assert meant(["W", "b", "x", "t"], ["W_1", "b_1", "X", "y"]) == {"W": "W_1", "b": "b_1", "x": "X", "t": "y"}


def test_case_tells_where_both_are_there() -> None:
    assert meant(["w", "W"], ["w", "W"]) == {"w": "w", "W": "W"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("W1", ["W1", "b1", "W2", "b2"]),
        ("w_1", ["w_1", "b_1", "w_2", "b_2"]),
        ("W0", ["W0", "b0", "W1", "b1"]),
        ("b1", ["W1", "b1", "W2", "b2"]),
        ("weights1", ["weights1", "biases1", "weights2", "biases2"]),
    ],
)
def test_one_key_tells_the_others(key: str, expected: list[str]) -> None:
    names = styled(key, LAYERS)
    found = [names[id] for id in LAYERS]
    if key == "b1":
        found[0::2] = [name.upper() for name in found[0::2]]
    assert found == expected


def test_a_key_that_means_nothing_tells_nothing() -> None:
    assert styled("momentum", LAYERS) == {}
