"""Acceptance: gradients against complex step, 50-digit differentiation and JAX; and far into saturation.

The derived gradients come from the fused forms of the cross-entropies. The 50-digit reference differentiates the
program as it was given, −Σ y log ŷ, so it checks the identity that fuses them too. The complex step runs on the fused
program: in double precision log(1 − ŷ) loses digits where ŷ is near 1, and the reference would be wrong, not the
gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import special

from backproof.backprop.sweep import backpropagate
from backproof.ir.arithmetic import MpmathArithmetic, NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.program import Program
from backproof.kernels import compile_trace
from backproof.rules.elementwise import ACTIVATIONS
from backproof.rules.losses import LOSSES
from samples import Array, Case, grid, values

TOLERANCE = 1e-13
"""Relative, in the norm of the whole gradient."""

DEPTHS = (1, 2, 3, 4)
PAIRS = [(activation, loss) for activation in ACTIVATIONS for loss in LOSSES]


def cases(activation: str, loss: str) -> list[Case]:
    return [case for case in grid() if (case.activation, case.loss) == (activation, loss)]


class ComplexStep(NumpyArithmetic):
    """Complex numbers whose imaginary part is a tangent: every function continued analytically from the real line."""

    FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
        "exp": np.exp,
        "expm1": np.expm1,
        "log": np.log,
        "log1p": np.log1p,
        "tanh": np.tanh,
        "sin": np.sin,
        "cos": np.cos,
        "abs": lambda x: x * np.sign(x.real),
        "sign": lambda x: np.sign(x.real) + 0j,
        "relu": lambda x: np.where(x.real > 0, x, 0),
        "negative_part": lambda x: np.where(x.real > 0, 0, x),
        "erf": special.erf,
        "erfc": special.erfc,
    }

    def primitive(self, fn: str, x: Array) -> Array | None:
        rule = self.FUNCTIONS.get(fn)
        return None if rule is None else np.asarray(rule(x))


def complex_step(program: Program, parameters: dict[str, Array], inputs: dict[str, Array]) -> dict[str, Array]:
    """Im L(θ + ih)/h, one entry of θ at a time: no subtraction, so no cancellation."""
    program = backpropagate(program).program
    evaluator = Evaluator(ComplexStep(complex), {"n": 3})
    step = 1e-30

    def loss(at: dict[str, Array]) -> complex:
        return complex(evaluate_program(program, at, evaluator)[program.loss])

    start: dict[str, Array] = {id: value.astype(complex) for id, value in (parameters | inputs).items()}
    found = {}
    for id, value in parameters.items():
        gradient = np.zeros(value.shape)
        for index in np.ndindex(value.shape):
            moved = start[id].copy()
            moved[index] += 1j * step
            gradient[index] = loss({**start, id: moved}).imag / step
        found[id] = gradient
    return found


def fifty_digits(program: Program, parameters: dict[str, Array], inputs: dict[str, Array]) -> dict[str, Array]:
    """(L(θ + h) − L(θ − h))/2h with h = 1e-30 in 110 digits: right to more than 50."""
    arithmetic = MpmathArithmetic(110)
    evaluator = Evaluator(arithmetic, {"n": 3})
    step = arithmetic.context.mpf(10) ** -30
    start = {id: arithmetic.array(value) for id, value in (parameters | inputs).items()}

    def loss(id: str, index: tuple[int, ...], change: Any) -> Any:
        moved = start[id].copy()
        moved[index] += change
        return np.asarray(evaluate_program(program, {**start, id: moved}, evaluator)[program.loss]).item()

    return {
        id: np.reshape(
            [float((loss(id, index, step) - loss(id, index, -step)) / (2 * step)) for index in np.ndindex(value.shape)],
            value.shape,
        )
        for id, value in parameters.items()
    }


def distance(found: Mapping[str, Array], reference: Mapping[str, Array]) -> float:
    """‖g − g*‖ / ‖g*‖ over all parameters together; for g* = 0 the norm of g."""
    ours = np.concatenate([np.ravel(found[id]) for id in sorted(reference)])
    theirs = np.concatenate([np.ravel(reference[id]) for id in sorted(reference)])
    return float(np.linalg.norm(ours - theirs) / (np.linalg.norm(theirs) or 1.0))


def derived(case: Case, parameters: dict[str, Array], inputs: dict[str, Array]) -> tuple[float, dict[str, Array]]:
    return compile_trace(backpropagate(case.program))(parameters, inputs)


@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_gradients_equal_the_complex_step(activation: str, loss: str) -> None:
    for number, case in enumerate(cases(activation, loss)):
        program = case.program
        parameters, inputs = values(program, seed=number)
        gap = distance(derived(case, parameters, inputs)[1], complex_step(program, parameters, inputs))
        assert gap <= TOLERANCE, f"{case}: {gap:.2e}"


@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_gradients_equal_fifty_digit_differentiation(activation: str, loss: str) -> None:
    for number, case in enumerate(cases(activation, loss)):
        # Rows or columns, with or without biases, in turn: the complex step takes them all.
        if number % 4 != (number // 4 + len(activation)) % 4:
            continue
        program = case.program
        parameters, inputs = values(program, seed=number)
        gap = distance(derived(case, parameters, inputs)[1], fifty_digits(program, parameters, inputs))
        assert gap <= TOLERANCE, f"{case}: {gap:.2e}"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_saturated_networks_stay_finite(activation: str, loss: str, dtype: str) -> None:
    for number, case in enumerate(cases(activation, loss)):
        parameters, inputs = values(case.program, seed=number)
        inputs["X"] *= 2000
        found, gradients = compile_trace(backpropagate(case.program), dtype=dtype)(parameters, inputs)
        assert np.isfinite(found), str(case)
        assert all(np.isfinite(gradient).all() for gradient in gradients.values()), str(case)


def test_the_loss_is_that_of_the_program_as_given() -> None:
    """The value too: against 50 digits, fused or not."""
    arithmetic = MpmathArithmetic(50)
    evaluator = Evaluator(arithmetic, {"n": 3})
    worst = 0.0
    for number, case in enumerate(case for case in grid() if case.depth == 2):
        parameters, inputs = values(case.program, seed=number)
        start = {id: arithmetic.array(value) for id, value in (parameters | inputs).items()}
        exact = np.asarray(evaluate_program(case.program, start, evaluator)[case.program.loss]).item()
        worst = max(worst, abs(float((derived(case, parameters, inputs)[0] - exact) / exact)))
    assert worst <= TOLERANCE


# --- JAX ----------------------------------------------------------------------------------------------------------


def jax_loss(jax: Any, case: Case) -> Callable[[dict[str, Any], Any, Any], Any]:
    """The network written in JAX by hand, in the textbook forms."""
    jnp, nn = jax.numpy, jax.nn
    activations = {
        "sigmoid": nn.sigmoid, "tanh": jnp.tanh, "relu": nn.relu, "leaky_relu": nn.leaky_relu, "elu": nn.elu,
        "softplus": nn.softplus, "silu": nn.silu, "gelu": lambda x: nn.gelu(x, approximate=False),
        "identity": lambda x: x,
    }  # fmt: skip
    rows = case.samples == "rows"
    outputs = {"cross_entropy": lambda z: nn.softmax(z, axis=1 if rows else 0), "binary_cross_entropy": nn.sigmoid}
    losses = {
        "half_squared_error": lambda p, y: jnp.sum((y - p) ** 2) / 2,
        "mean_squared_error": lambda p, y: jnp.mean((y - p) ** 2),
        "mean_absolute_error": lambda p, y: jnp.mean(jnp.abs(y - p)),
        "huber": lambda p, y: jnp.mean(jnp.where(jnp.abs(p - y) <= 1, (p - y) ** 2 / 2, jnp.abs(p - y) - 0.5)),
        "binary_cross_entropy": lambda p, y: -jnp.mean(y * jnp.log(p) + (1 - y) * jnp.log(1 - p)),
        "cross_entropy": lambda p, y: -jnp.sum(y * jnp.log(p)) / (y.shape[0] if rows else y.shape[1]),
    }

    def loss(parameters: dict[str, Any], X: Any, y: Any) -> Any:
        signal = X
        for k in range(1, case.depth + 1):
            W = parameters[f"W_{k}"]
            z = signal @ W if rows else W @ signal
            z = z + parameters[f"b_{k}"] if case.bias else z
            last = k == case.depth
            signal = (
                outputs.get(case.loss, activations[case.activation])(z) if last else activations[case.activation](z)
            )
        return losses[case.loss](signal, y)

    return loss


@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_gradients_equal_those_of_jax(activation: str, loss: str) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    for number, case in enumerate(cases(activation, loss)):
        if number % 4 == number // 4:
            parameters, inputs = values(case.program, seed=number)
            gradients = jax.grad(jax_loss(jax, case))(parameters, inputs["X"], inputs["y"])
            reference = {id: np.asarray(gradient) for id, gradient in gradients.items()}
            gap = distance(derived(case, parameters, inputs)[1], reference)
            assert gap <= TOLERANCE, f"{case}: {gap:.2e}"


def test_the_comparison_sees_a_wrong_gradient() -> None:
    """One entry wrong by 1e-12 of the norm is too much."""
    case = next(grid())
    parameters, inputs = values(case.program)
    _, gradients = derived(case, parameters, inputs)
    wrong = {id: gradient.copy() for id, gradient in gradients.items()}
    wrong["W_1"][0, 0] += float(Fraction(1, 10**12)) * float(np.linalg.norm(gradients["W_1"]))
    assert distance(gradients, complex_step(case.program, parameters, inputs)) <= TOLERANCE
    assert distance(wrong, complex_step(case.program, parameters, inputs)) > TOLERANCE
