"""The NumPy backend: the derivation's equations, and what it says when they have no finite value."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.errors import BackproofError, NonFiniteError, ShapeError, SpecificationError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Elementwise, Size, total
from backproof.kernels import compile_trace
from backproof.kernels.closures import EquationCompiler
from backproof.kernels.numpy_backend import NumpyEquations, compile_numpy
from backproof.networks import mlp
from backproof.rules.elementwise import exp
from programs import PROGRAMS, Builder
from samples import Array, grid, values

n = Symbol("n")


def positive(parameters: dict[str, Array]) -> dict[str, Array]:
    """Parameters that roots and logarithms can take."""
    return {id: np.abs(value) + 0.1 for id, value in parameters.items()}


def reference(trace: Trace, given: dict[str, Array], samples: int) -> dict[str, Array]:
    evaluator = Evaluator(NumpyArithmetic(), dict.fromkeys(trace.program.symbols, samples))
    return evaluate_program(trace.joint, given, evaluator)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_has_the_reference_values(name: str) -> None:
    trace = backpropagate(PROGRAMS[name]())
    kernel = compile_numpy(trace)
    for samples in (3, 1, 5):  # the same kernel for several sizes
        parameters, inputs = values(trace.program, seed=samples, samples=samples)
        parameters = positive(parameters)
        loss, gradients = kernel(parameters, inputs)
        expected = reference(trace, parameters | inputs, samples)
        assert loss == pytest.approx(float(expected[trace.program.loss]), rel=1e-13)
        for id, gradient in trace.gradients.items():
            assert gradients[id].shape == np.shape(parameters[id])
            np.testing.assert_allclose(gradients[id], expected[gradient], rtol=1e-12, atol=1e-14)


def test_every_network_has_the_reference_values() -> None:
    for number, case in enumerate(grid()):
        if number % 7 == 0:
            trace = backpropagate(case.program)
            parameters, inputs = values(case.program, seed=number)
            _, gradients = compile_numpy(trace)(parameters, inputs)
            expected = reference(trace, parameters | inputs, 3)
            for id, gradient in trace.gradients.items():
                np.testing.assert_array_equal(gradients[id], expected[gradient], str(case))


def test_float32_stays_float32() -> None:
    for number, case in enumerate(grid()):
        if case.depth == 2:
            parameters, inputs = values(case.program, seed=number)
            trace = backpropagate(case.program)
            kernel = compile_numpy(trace, "float32")
            checked = kernel.checked(parameters, inputs)
            loss, gradients = kernel.step(checked.parameters, checked.inputs, checked.sizes)
            assert {np.asarray(gradient).dtype.name for gradient in gradients.values()} == {"float32"}, str(case)
            assert loss == pytest.approx(compile_numpy(trace)(parameters, inputs)[0], rel=1e-4)


@pytest.mark.parametrize("name", PROGRAMS)
def test_general_programs_stay_in_float32(name: str) -> None:
    trace = backpropagate(PROGRAMS[name]())
    parameters, inputs = values(trace.program)
    kernel = compile_numpy(trace, "float32")
    checked = kernel.checked(positive(parameters), inputs)
    _, gradients = kernel.step(checked.parameters, checked.inputs, checked.sizes)
    assert {np.asarray(gradient).dtype.name for gradient in gradients.values()} == {"float32"}


def test_the_seeds_sample_as_the_seed_writes_it() -> None:
    """X = np.array([0, 0, 1]), y = np.array([0]): one sample without its dimension of one."""
    kernel = compile_trace(backpropagate(mlp(3, 2, 1)))
    params = {"W_1": np.ones((3, 2)), "W_2": np.ones(2)}
    expected = kernel(params, np.array([[0, 0, 1]]), np.array([[0]]))
    for X, y in (([0, 0, 1], [0]), ([0, 0, 1], 0), ([[0, 0, 1]], [0])):
        loss, gradients = kernel(params, X, y)
        assert loss == expected[0]
        assert {id: g.tolist() for id, g in gradients.items()} == {id: g.tolist() for id, g in expected[1].items()}
    assert gradients["W_2"].shape == (2, 1)
    assert kernel(params, y=[0], X=[0, 0, 1])[0] == expected[0]
    assert kernel(params, {"X": [0, 0, 1], "y": [0]})[0] == expected[0]


def test_biases_without_their_dimension_of_one() -> None:
    for samples in ("rows", "columns"):
        net = mlp(3, 2, 1, bias=True, samples=samples)
        parameters, inputs = values(net)
        flat = {id: value.ravel() if id.startswith("b") else value for id, value in parameters.items()}
        kernel = compile_trace(backpropagate(net))
        assert kernel(flat, inputs)[0] == kernel(parameters, inputs)[0]


def test_nothing_of_the_callers_is_changed_or_given_away() -> None:
    b = Builder()
    X, w = b.input("X", 3, 2), b.parameter("w", 3, 2)
    kernel = compile_numpy(backpropagate(b.loss(total(w * X))))
    data, weights = np.ones((3, 2)), np.full((3, 2), 2.0)
    _, gradients = kernel({"w": weights}, data)  # the gradient is X itself
    gradients["w"] += 5
    assert data.tolist() == np.ones((3, 2)).tolist()
    assert weights.tolist() == np.full((3, 2), 2.0).tolist()


# --- what is not finite -------------------------------------------------------------------------------------------


def exploding() -> Trace:
    b = Builder()
    X, w = b.input("X", n, 2), b.parameter("w", 2, 2)
    z = b.let("z", X @ w)
    e = b.let("e", Elementwise(exp, z))
    quotient = b.let("q", e / e)
    return backpropagate(b.loss(total(quotient)))


def test_the_first_equation_that_is_not_finite_is_named_with_row_and_column() -> None:
    kernel = compile_numpy(exploding())
    w = np.eye(2)
    with pytest.raises(NonFiniteError) as caught:
        kernel({"w": w}, [[1, 2], [1, 800], [900, 1]])
    assert caught.value.quantity == "e"
    assert str(caught.value).startswith(
        "e became infinite at row 2, column 2 (counted from 1), the first equation that did;"
    )


def test_an_infinity_that_ends_in_finite_results_is_no_error() -> None:
    b = Builder()
    X, w = b.input("X", 1, 1), b.parameter("w", 1, 1)
    e = b.let("e", Elementwise(exp, X))
    kernel = compile_numpy(backpropagate(b.loss(total(w + 1 / e))))
    loss, _ = kernel({"w": [[2.0]]}, [[1000.0]])
    assert loss == 2


def test_finite_values_whose_sum_overflows_are_no_error() -> None:
    b = Builder()
    X, w = b.input("X", 1, 2), b.parameter("w", 1, 2)
    kernel = compile_numpy(backpropagate(b.loss(total(X * w))))
    huge = [[1.6e308, 1.6e308]]
    assert kernel({"w": [[1e-308, 1e-308]]}, huge)[1]["w"].tolist() == huge


def test_a_gradient_alone_can_be_infinite() -> None:
    b = Builder()
    w = b.parameter("w", 1, 2)
    kernel = compile_numpy(backpropagate(b.loss(total(w ** Fraction(1, 2)))))
    with pytest.raises(NonFiniteError, match=r"grad_w became infinite at row 1, column 2") as caught:
        kernel({"w": [[1.0, 0.0]]})
    assert caught.value.quantity == "grad_w"


def test_a_loss_alone_can_be_infinite() -> None:
    b = Builder()
    X, w = b.input("X", 1, 1), b.parameter("w", 1, 1)
    e = b.let("e", Elementwise(exp, X))
    kernel = compile_numpy(backpropagate(b.loss(total(w + e))))
    with pytest.raises(NonFiniteError, match="e became infinite at row 1, column 1"):
        kernel({"w": [[1.0]]}, [[1000.0]])


@pytest.mark.parametrize("power", [Fraction(-1), Fraction(-1, 2), Fraction(1, 3)])
def test_a_number_that_the_sizes_determine_must_exist(power: Fraction) -> None:
    b = Builder()
    X, w = b.input("X", n, 2), b.parameter("w", 2, 1)
    kernel = compile_numpy(backpropagate(b.loss((Size(n) - 4) ** power * total(X @ w))))
    assert kernel({"w": [1, 1]}, np.ones((5, 2)))[0] == 10
    with pytest.raises(NonFiniteError, match="a constant in the equation for L has no finite value") as caught:
        kernel({"w": [1, 1]}, np.ones((4 if power < 0 else 2, 2)))
    assert caught.value.quantity == "L"


# --- compiling ----------------------------------------------------------------------------------------------------


def test_the_sizes_remembered_are_bounded() -> None:
    compiler = EquationCompiler(mlp(2, 1).equations, "float64")
    for size in range(1, 100):
        compiler.instructions({"n": size})
    assert len(compiler._bound) == EquationCompiler.REMEMBERED
    assert compiler.instructions({"n": 99}) is compiler.instructions({"n": 99})


def test_equations_alone() -> None:
    equations = NumpyEquations(mlp(2, 1, activation="identity").equations)
    given = {"X": np.array([[1.0, 2.0]]), "y": np.array([[0.0]]), "W_1": np.array([[3.0], [4.0]])}
    assert equations(given, {"n": 1})["L"] == 60.5
    with pytest.raises(NonFiniteError, match=r"^L became infinite, the first"):
        equations(given | {"y": np.array([[1e200]])}, {"n": 1})


@pytest.mark.parametrize(
    ("backend", "kind", "message"),
    [
        ("nunpy", SpecificationError, "unknown backend 'nunpy'; did you mean 'numpy'?"),
        (None, SpecificationError, "unknown backend None"),
    ],
)
def test_other_backends(backend: Any, kind: type[BackproofError], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        compile_trace(backpropagate(mlp(2, 1)), backend)


def test_what_does_not_fit_is_refused_before_anything_is_computed() -> None:
    kernel = compile_trace(backpropagate(mlp(2, 1)))
    with pytest.raises(ShapeError, match="W_1 has shape"):
        kernel({"W_1": np.ones((3, 1))}, [[1, 2]], [1])
    with pytest.raises(SpecificationError, match="cannot compute in dtype 'float16'"):
        compile_trace(backpropagate(mlp(2, 1)), dtype="float16")
