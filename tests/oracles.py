"""Independent values of derivatives: central differences in fifty digits, and the gradient program as a new program."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.dims import concrete
from backproof.ir.arithmetic import MpmathArithmetic, NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Name, total
from backproof.ir.program import Equation, Program

Array = npt.NDArray[Any]

TOLERANCE = 1e-22
"""What derived gradients and central differences may differ by, relative to the largest entry or to 1."""

EXACT = MpmathArithmetic(50)
STEP = EXACT.context.mpf(10) ** -16
"""With fifty digits the error of a central difference is about 1e-32 for the truncation and 1e-34 for the rounding."""


def numbers(program: Program, sizes: Mapping[str, int], seed: int = 0, scale: float = 1.0) -> dict[str, Array]:
    """Random floats for every input and parameter, not nearer to 0 than a tenth of the scale.

    Where the program assumes that the samples of an input sum to 1, they do, exactly.
    """
    rng = np.random.default_rng(seed)
    summing = {assumed.name: assumed.axis for assumed in program.assumptions}

    def draw(shape: tuple[int, ...]) -> Array:
        magnitude = rng.uniform(0.1, 1.0, shape) * scale
        return np.asarray(magnitude * rng.choice([-1.0, 1.0], shape))

    def draw_probabilities(shape: tuple[int, ...], axis: int) -> Array:
        parts = np.moveaxis(rng.integers(1, 64 // shape[axis], shape) / 64, axis, 0)  # exact in binary
        parts[-1] = 1 - parts[:-1].sum(axis=0)
        return np.moveaxis(parts, 0, axis)

    return {
        name.id: draw_probabilities(shape, summing[name.id]) if name.id in summing else draw(shape)
        for name in (*program.inputs, *program.parameters)
        for shape in [concrete(name.shape, sizes)]
    }


def exactly(env: Mapping[str, Array]) -> dict[str, Array]:
    """The same numbers in fifty digits."""
    return {id: EXACT.array(value) for id, value in env.items()}


def values(program: Program, env: Mapping[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    """Every named quantity in fifty digits."""
    return evaluate_program(program, env, Evaluator(EXACT, sizes))


def floats(
    program: Program, env: Mapping[str, Array], sizes: Mapping[str, int], dtype: str = "float64"
) -> dict[str, Array]:
    """Every named quantity in floating point."""
    given = {id: np.asarray(value, dtype) for id, value in env.items()}
    return evaluate_program(program, given, Evaluator(NumpyArithmetic(dtype), sizes))


def differences(program: Program, env: Mapping[str, Array], sizes: Mapping[str, int], wrt: str) -> Array:
    """∂L/∂wrt entry by entry: (L(w + h) − L(w − h)) / 2h."""
    found = np.empty_like(env[wrt])
    for index in np.ndindex(found.shape):
        step = np.zeros_like(env[wrt])
        step[index] = STEP
        there, back = ({**env, wrt: np.asarray(env[wrt] + sign * step)} for sign in (1, -1))
        found[index] = (values(program, there, sizes)[program.loss] - values(program, back, sizes)[program.loss]) / (
            2 * STEP
        )
    return found


def gradients(trace: Trace, env: Mapping[str, Array], sizes: Mapping[str, int]) -> dict[str, Array]:
    """The derived gradients in fifty digits, by parameter."""
    found = values(trace.joint, env, sizes)
    return {parameter: found[id] for parameter, id in trace.gradients.items()}


def along_a_direction(trace: Trace) -> Program:
    """Σ ⟨∂L/∂θ, V_θ⟩ as a program of its own: its gradient is the Hessian times V."""
    directions = {id: Name(f"V_{id}", trace.joint.names[gradient].shape) for id, gradient in trace.gradients.items()}
    products = [total(trace.joint.names[trace.gradients[id]] * V) for id, V in directions.items()]
    slope = Equation(Name("slope"), reduce(lambda a, b: a + b, products))
    return Program(
        (*trace.program.inputs, *directions.values()),
        trace.program.parameters,
        (*trace.joint.equations, slope),
        "slope",
        trace.program.assumptions,
    )


def hessian_by_differences(
    trace: Trace, env: Mapping[str, Array], direction: Mapping[str, Array], sizes: Mapping[str, int]
) -> dict[str, Array]:
    """The Hessian times the direction: (∇L(θ + hV) − ∇L(θ − hV)) / 2h."""
    there, back = ({**env, **{id: env[id] + s * STEP * V for id, V in direction.items()}} for s in (1, -1))
    ahead, behind = gradients(trace, there, sizes), gradients(trace, back, sizes)
    return {id: (ahead[id] - behind[id]) / (2 * STEP) for id in ahead}


def apart(a: Array, b: Array) -> float:
    """The largest difference of two values, relative to the largest entry or to 1."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"shapes {a.shape} and {b.shape}"
    scale = max([1, *(abs(number) for number in (*a.flat, *b.flat))])
    return float(max(abs(x - y) for x, y in zip(a.flat, b.flat, strict=True)) / scale)


def check_gradients(program: Program, sizes: Mapping[str, int], *, seed: int = 0, scale: float = 1.0) -> Trace:
    """Assert that every derived gradient is the central difference, and what floating point computes is near."""
    trace = backpropagate(program)
    env = numbers(program, sizes, seed, scale)
    exact = exactly(env)
    derived = gradients(trace, exact, sizes)
    computed = floats(trace.joint, env, sizes)
    for parameter in trace.gradients:
        assert apart(derived[parameter], differences(program, exact, sizes, parameter)) < TOLERANCE, parameter
        assert apart(computed[trace.gradients[parameter]], derived[parameter]) < 1e-13, f"{parameter} in float64"
    return trace


def check_second_order(program: Program, sizes: Mapping[str, int], *, seed: int = 0) -> None:
    """Assert that the gradient program, derived again, is the difference of gradients."""
    trace = backpropagate(program)
    again = backpropagate(along_a_direction(trace), wrt=trace.gradients)
    env = exactly(numbers(again.program, sizes, seed))
    derived = gradients(again, env, sizes)
    direction = {id: env[f"V_{id}"] for id in trace.gradients}
    expected = hessian_by_differences(trace, env, direction, sizes)
    for id in derived:
        assert apart(derived[id], expected[id]) < TOLERANCE, id
