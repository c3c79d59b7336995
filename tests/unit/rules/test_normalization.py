"""Batch and layer normalisation: gradients against the complex step, proofs, and what predictions use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backproof as bp
from backproof.dims import Symbol
from backproof.errors import ShapeError, SpecificationError
from backproof.ir.expr import Name
from backproof.ir.program import Equation, Program, Remembered, Samples
from backproof.rules.initialisation import drawn_parameters, initialisation
from backproof.training import predict

Array = np.ndarray[Any, Any]
STEP = 1e-30


def network(kind: str, samples: Samples) -> Program:
    return bp.mlp(
        3, 4, 5, 2, activation=["tanh", "softplus", "identity"], bias=True, normalization=kind, samples=samples
    )


def normalised(a: Array, axis: int) -> Array:
    centred = a - a.mean(axis, keepdims=True)
    found: Array = centred / np.sqrt((centred**2).mean(axis, keepdims=True) + 1e-5)
    return found


def loss(kind: str, samples: Samples, values: dict[str, Array]) -> Any:
    """The same network in plain NumPy, for complex numbers too."""
    below = values["X"] if samples == "rows" else values["X"].T
    turned = {id: v if samples == "rows" else v.T for id, v in values.items()}
    for k, activation in ((1, np.tanh), (2, lambda z: np.log(1 + np.exp(z)))):
        u = normalised(below @ turned[f"W_{k}"], 0 if kind == "batch" else 1)
        below = activation(turned[f"gamma_{k}"] * u + turned[f"beta_{k}"])
    residual = below @ turned["W_3"] + turned["b_3"] - turned["y"]
    return (residual**2).sum() / 2


@pytest.fixture
def values() -> dict[str, Array]:
    rng = np.random.default_rng(5)
    program = network("batch", "rows")
    shapes: dict[str, tuple[int, ...]] = {"X": (6, 3), "y": (6, 2)}
    shapes |= {p.id: tuple(int(str(d)) for d in p.shape) for p in program.parameters}
    return {id: rng.normal(size=shape) for id, shape in shapes.items()}


@pytest.mark.parametrize("samples", ["rows", "columns"])
@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_gradients_are_those_of_the_complex_step(kind: str, samples: Samples, values: dict[str, Array]) -> None:
    given = values if samples == "rows" else {id: v.T for id, v in values.items()}
    derivation = bp.derive(network(kind, samples))
    found = derivation.evaluate(**given)
    np.testing.assert_allclose(found["L"], loss(kind, samples, given), rtol=1e-13)
    for id, gradient in derivation.trace.gradients.items():
        for index in np.ndindex(given[id].shape):
            moved = {key: value.astype(complex) for key, value in given.items()}
            moved[id][index] += STEP * 1j
            expected = loss(kind, samples, moved).imag / STEP
            np.testing.assert_allclose(found[gradient][index], expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("samples", ["rows", "columns"])
@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_every_step_is_proved(kind: str, samples: Samples) -> None:
    derivation = bp.derive(bp.mlp(2, 3, 1, normalization=kind, samples=samples))
    assert derivation.prove().ok
    assert all(proof.holds for proof in derivation.view_proofs)


def test_the_view_of_single_entries_keeps_the_batch_that_is_averaged_over() -> None:
    assert "Σ_{k=1..n} a_1^{k,1}" in bp.derive(bp.mlp(2, 3, 1, normalization="batch")).text()
    assert "Σ_{k=1..n}" not in bp.derive(bp.mlp(2, 3, 1, normalization="layer")).text()


def test_the_deviation_is_called_by_its_name() -> None:
    equations = bp.derive(bp.mlp(2, 3, 1, normalization="batch")).equations
    assert "√" not in equations["grad_c_1"]
    assert "s_1" in equations["grad_c_1"]


def test_scales_start_at_one_and_shifts_at_zero() -> None:
    program = network("batch", "rows")
    start = drawn_parameters(program, 0)
    np.testing.assert_array_equal(start["gamma_1"], np.ones((1, 4)))
    np.testing.assert_array_equal(start["beta_2"], np.zeros((1, 5)))
    reasons = {s.parameter.id: s.reason for s in initialisation(program)}
    assert (reasons["gamma_2"], reasons["beta_2"]) == ("one", "zero")


def test_a_shift_takes_the_place_of_the_bias_in_normalised_layers_only() -> None:
    assert [p.id for p in network("layer", "rows").parameters if p.id[0] in "bg"] == [
        "gamma_1",
        "beta_1",
        "gamma_2",
        "beta_2",
        "b_3",
    ]


def test_predictions_use_what_training_remembered(values: dict[str, Array]) -> None:
    program = network("batch", "rows")
    rng = np.random.default_rng(1)
    running = {r.name.id: rng.uniform(0.5, 2, [int(str(d)) for d in r.name.shape]) for r in program.remembered}
    assert sorted(running) == ["running_mu_1", "running_mu_2", "running_square_1", "running_square_2"]
    parameters = {p.id: values[p.id] for p in program.parameters} | running
    together = predict(program.predicting, parameters, values["X"])
    alone = [predict(program.predicting, parameters, row[None, :])[0] for row in values["X"]]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    u = (values["X"] @ values["W_1"] - running["running_mu_1"]) / np.sqrt(running["running_square_1"])
    found = predict(program.predicting, parameters, values["X"], output="u_1")
    np.testing.assert_allclose(found, u, rtol=1e-12)


def test_layers_are_normalised_alike_in_training_and_predictions() -> None:
    program = bp.mlp(2, 3, 1, normalization="layer")
    assert program.predicting is program
    assert program.remembered == ()


def test_an_unknown_normalization_is_refused() -> None:
    with pytest.raises(SpecificationError, match="did you mean 'batch'"):
        bp.mlp(2, 3, 1, normalization="bacth")


def test_equations_for_predictions_are_checked_as_all_are() -> None:
    X, a, wrong = Name("X", (Symbol("n"), 2)), Name("a", ()), Name("r", (1, 2))
    equation = Equation(a, Name("w"), when_predicting=wrong)
    with pytest.raises(SpecificationError, match="uses 'r' before it is defined"):
        Program((X,), (Name("w"),), (equation,), "a")
    with pytest.raises(ShapeError, match="a is declared"):
        Program((X,), (Name("w"),), (equation,), "a", remembered=(Remembered(wrong, 0.0, wrong),))
