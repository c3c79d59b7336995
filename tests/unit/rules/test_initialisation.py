"""Initial parameters: the distribution that goes with the activation, biases zero, the same for the same seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backproof.dims import Symbol
from backproof.errors import ShapeError, SpecificationError
from backproof.ir.expr import Name, total
from backproof.ir.program import Equation, Program, Samples
from backproof.networks import mlp
from backproof.rules.elementwise import ACTIVATIONS
from backproof.rules.initialisation import METHODS, RECTIFYING, drawn_parameters, initialisation
from programs import PROGRAMS


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_distribution_goes_with_the_activation(activation: str) -> None:
    net = mlp(400, 300, 5, activation=activation, bias=True)
    first, zero, *_ = initialisation(net)
    weights = drawn_parameters(net, seed=3)["W_1"]
    assert (zero.distribution, zero.reason) == ("zeros", "zero")
    if activation in RECTIFYING:
        assert first.reason == "He normal"
        assert weights.std() == pytest.approx(math.sqrt(2 / 400), rel=0.01)
        assert np.abs(weights).max() > 3 * weights.std()
    else:
        limit = math.sqrt(6 / 700)
        assert first.reason == "Glorot uniform"
        assert weights.std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
        assert 0.99 * limit < np.abs(weights).max() <= limit
    assert weights.mean() == pytest.approx(0, abs=0.001)


def test_the_fans_do_not_depend_on_the_orientation() -> None:
    for activation in ("relu", "tanh"):
        scales = [
            [start.scale for start in initialisation(mlp(7, 5, 3, activation=activation, samples=samples))]
            for samples in ("rows", "columns")
        ]
        assert scales[0] == scales[1]


def test_each_layer_has_its_own_activation() -> None:
    net = mlp(4, 3, 2, activation=["relu", "tanh"])
    assert [start.reason for start in initialisation(net)] == ["He normal", "Glorot uniform"]


def test_biases_are_zero_and_everything_follows_from_the_seed() -> None:
    net = mlp(4, 3, 2, bias=True)
    drawn = drawn_parameters(net, seed=1)
    assert not drawn["b_1"].any()
    assert drawn["b_2"].shape == (1, 2)
    again, other = drawn_parameters(net, seed=1), drawn_parameters(net, seed=2)
    assert all(np.array_equal(drawn[id], again[id]) for id in drawn)
    assert not np.array_equal(drawn["W_1"], other["W_1"])


def test_in_a_general_program_a_bias_is_what_is_only_added() -> None:
    reasons = {s.parameter.id: s.reason for s in initialisation(PROGRAMS["shared_bias"]())}
    assert {id for id, reason in reasons.items() if reason == "zero"} == {"b"}
    reasons = {s.parameter.id: s.reason for s in initialisation(PROGRAMS["logistic_regression"]())}
    assert reasons == {"w": "Glorot uniform", "c": "zero"}
    b, X = Name("b", (1, 2)), Name("X", (3, 2))
    used_twice = Program((X,), (b,), (Equation(Name("L"), total(X + b) + total(b * b)),), "L")
    assert [start.reason for start in initialisation(used_twice)] == ["Glorot uniform"]


def test_a_size_that_only_data_show_cannot_be_drawn() -> None:
    w = Name("w", (Symbol("n"), 1))
    program = Program((), (w,), (Equation(Name("L"), total(w * w)),), "L")
    with pytest.raises(ShapeError, match="the parameter w has a dimension n without a size; give it in params="):
        drawn_parameters(program, 0)


# --- methods by name ----------------------------------------------------------------------------------------------

DEVIATIONS = {
    "glorot_uniform": (2 / 500) ** 0.5, "glorot_normal": (2 / 500) ** 0.5,
    "he_uniform": (2 / 300) ** 0.5, "he_normal": (2 / 300) ** 0.5,
    "lecun_uniform": (1 / 300) ** 0.5, "lecun_normal": (1 / 300) ** 0.5,
    "orthogonal": (1 / 300) ** 0.5, "uniform": (1 / 12) ** 0.5,
}  # fmt: skip


def test_every_method_is_tested() -> None:
    assert set(DEVIATIONS) == set(METHODS)


@pytest.mark.parametrize("samples", ["rows", "columns"])
@pytest.mark.parametrize("method", DEVIATIONS)
def test_weights_have_the_deviation_of_the_method(method: str, samples: Samples) -> None:
    W = drawn_parameters(mlp(300, 200, 1, samples=samples), 0, method)["W_1"]
    assert W.shape == ((300, 200) if samples == "rows" else (200, 300))
    assert W.std() == pytest.approx(DEVIATIONS[method], rel=0.02)
    assert W.mean() == pytest.approx(0.5 if method == "uniform" else 0, abs=0.01)


@pytest.mark.parametrize("sizes", [(5, 3), (3, 5), (4, 4), (1, 7), (7, 1)])
def test_orthogonal_weights_are_orthogonal(sizes: tuple[int, int]) -> None:
    W = drawn_parameters(mlp(*sizes), 1, "orthogonal")["W_1"]
    product = W.T @ W if sizes[0] >= sizes[1] else W @ W.T
    np.testing.assert_allclose(product, np.eye(min(sizes)), atol=1e-12)


def test_the_method_is_said_and_biases_stay_zero() -> None:
    starts = initialisation(mlp(3, 2, 1, bias=True), "lecun_normal")
    assert [start.reason for start in starts] == ["LeCun normal", "zero", "LeCun normal", "zero"]
    with pytest.raises(SpecificationError, match="did you mean 'he_normal'"):
        initialisation(mlp(3, 2, 1), "he_norml")
