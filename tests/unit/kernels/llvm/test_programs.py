"""Programs that are no chain of layers, in machine code: the numbers of the reference."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.dims import Shape, Symbol
from backproof.errors import UnsupportedError
from backproof.ir.expr import Name, Power, total
from backproof.ir.program import Equation, Program
from backproof.kernels.backends import compile_trace
from backproof.kernels.llvm import backend
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.networks import mlp
from backproof.optimizers import RATE, Memory, Optimizer
from backproof.training import train
from guarded_memory import padding
from kernel_bounds import gradient_distance
from programs import PROGRAMS, Builder
from random_programs import random_program

DTYPES = ("float32", "float64")
SIZES = (1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def values(program: Program, n: int, seed: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and inputs with n samples."""
    rng = np.random.default_rng(seed)

    def shape(dims: tuple[int | Symbol, ...]) -> tuple[int, ...]:
        return tuple(d if isinstance(d, int) else n for d in dims)

    parameters = {p.id: rng.normal(size=shape(p.shape)) for p in program.parameters}
    inputs = {p.id: rng.uniform(0.1, 0.9, size=shape(p.shape)) for p in program.inputs}
    for assumption in program.assumptions:
        probabilities = inputs[assumption.name]
        inputs[assumption.name] = probabilities / probabilities.sum(axis=assumption.axis, keepdims=True)
    return parameters, inputs


def agree(
    trace: Trace, n: int, dtype: str, parameters: dict[str, Any], inputs: dict[str, Any], *, telling: bool = True
) -> None:
    """Loss and gradients are within the bound of running error analysis, and padding stays zero.

    A comparison of a number with itself, which random programs have, leaves no finite bound: ``telling`` is False then.
    """
    kernel = LlvmKernel(trace, dtype)
    found = gradient_distance(trace, dtype, {"n": n}, kernel, {**parameters, **inputs})
    assert found.used <= 1, found
    assert not telling or found.informative > 0.9
    for _, arena in kernel._made.values():
        assert not padding(arena.memory, arena.buffers)


@pytest.mark.parametrize("name", PROGRAMS)
def test_general_programs_give_the_numbers_of_the_reference(name: str) -> None:
    program = PROGRAMS[name]()
    trace = backpropagate(program)
    for n, dtype in ((1, "float64"), (2, "float32"), (9, "float64"), (17, "float32")):
        agree(trace, n, dtype, *values(program, n))


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.sampled_from(SIZES), dtype=st.sampled_from(DTYPES))
def test_random_programs_give_the_numbers_of_the_reference(seed: int, n: int, dtype: str) -> None:
    program = random_program(seed)
    agree(backpropagate(program), n, dtype, *values(program, n, seed), telling=False)


# --- training: updates in place ------------------------------------------------------------------------------------


def cubic(side: int) -> Program:
    """Σ W ∘ (W W) / side + Σ x: the gradient is a sum of products whose factors are W itself."""
    b = Builder()
    x, W = b.input("x", 1, 1), b.parameter("W", side, side)
    return b.loss(total(W * b.let("P", W @ W)) * (1 / side) + total(x))


def trained_alike(program: Program, n: int, optimizer: str | Optimizer, batch: int | None) -> None:
    parameters, inputs = values(program, n)
    runs = [
        train(
            program, inputs, params={id: 0.5 * value for id, value in parameters.items()}, optimizer=optimizer,
            learning_rate=0.01, epochs=4, batch_size=batch, backend=name, progress=False,
        )
        for name in ("numpy", "llvm")
    ]  # fmt: skip
    reference, native = ([e.loss for e in run.history] for run in runs)
    np.testing.assert_allclose(native, reference, rtol=1e-8)
    for id, value in runs[0].params.items():
        np.testing.assert_allclose(runs[1].params[id], value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_general_programs_train_alike(name: str, optimizer: str) -> None:
    trained_alike(PROGRAMS[name](), 7, optimizer, None)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("sizes", [(1, 1), (1, 1, 1), (1, 1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 9, 1, 9)])
def test_parameters_of_one_number_are_updated_after_their_last_reader(sizes: tuple[int, ...], optimizer: str) -> None:
    for bias in (False, True):
        trained_alike(mlp(*sizes, bias=bias, penalty=0.1 if bias else None), 5, optimizer, 2)


@pytest.mark.parametrize("side", [1, 5, 33])
def test_a_parameter_is_not_overwritten_while_it_is_a_factor(side: int) -> None:
    trained_alike(cubic(side), 1, "sgd", None)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("remembers_first", [False, True])
def test_what_is_remembered_may_be_overwritten_before_it_is_read(remembers_first: bool, bias: bool) -> None:
    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, previous = (Name(id, shape) for id in ("theta", "gradient", "previous"))
        remember = Equation(Name("previous_next", shape), 1 * gradient)
        update = Equation(Name("theta_next", shape), theta - RATE * (2 * gradient - previous))
        return (remember, update) if remembers_first else (update, remember)

    rule = Optimizer("optimistic", equations, {"previous": Memory(0)})
    trained_alike(mlp(20, 33, 4, activation="tanh", bias=bias), 10, rule, 5)


# --- threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROGRAMS)
def test_threads_change_no_bit_of_general_programs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = PROGRAMS[name]()
    trace = backpropagate(program)
    parameters, inputs = values(program, 33)
    alone = compile_trace(trace, "llvm")(parameters, **inputs)
    monkeypatch.setenv("BACKPROOF_THREADS", "2")
    monkeypatch.setattr(backend, "WORK_PER_THREAD", 1)
    monkeypatch.setattr(backend, "STRAIGHT_LINE", 0)
    kernel = compile_trace(trace, "llvm")
    for _ in range(5):
        together = kernel(parameters, **inputs)
        assert together[0] == pytest.approx(alone[0], rel=1e-12)
        again = kernel(parameters, **inputs)
        assert together[0] == again[0]
        assert all(np.array_equal(again[1][id], gradient) for id, gradient in together[1].items())
        for id, gradient in together[1].items():
            np.testing.assert_allclose(gradient, alone[1][id], rtol=1e-10, atol=1e-12)


# --- what is not compiled yet ---------------------------------------------------------------------------------------


def cube_roots() -> Program:
    b = Builder()
    x, w = b.input("x", 2, 3), b.parameter("w", 2, 3)
    return b.loss(total(Power(x * w, Fraction(1, 3))))


def test_a_program_that_cannot_be_compiled_is_refused_by_name_and_runs_elsewhere() -> None:
    program = cube_roots()
    trace = backpropagate(program)
    given = {"w": np.ones((2, 3))}, np.ones((2, 3))
    with pytest.raises(UnsupportedError, match="use the backend 'numpy'"):
        compile_trace(trace, "llvm")(*given)
    with pytest.raises(UnsupportedError, match="use the backend 'numpy'"):
        train(trace, given[1], params=given[0], learning_rate=0.1, epochs=1, backend="llvm", progress=False)
    assert compile_trace(trace, "auto")(*given)[0] == 6
    assert train(trace, given[1], params=given[0], learning_rate=0.1, epochs=1, progress=False).steps == 1
