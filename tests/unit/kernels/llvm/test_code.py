"""Generated code on every machine it can be written for, with any number of threads, and with numbers at the edge."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.errors import BackproofError, SpecificationError
from backproof.kernels.backends import compile_trace
from backproof.kernels.llvm import backend
from backproof.kernels.llvm.code import Machine
from backproof.kernels.llvm.machine import host
from backproof.networks import mlp
from backproof.training import train
from programs import PROGRAMS, ridge_regression

MACHINES = {"scalar": (4, 16), "two": (8, 16), "sse2": (16, 16), "avx2": (32, 16), "avx512": (64, 32)}
"""The bytes of a vector and the registers; LLVM splits vectors that the host does not have."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def on_machine(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    size, registers = MACHINES[name]
    made = dataclasses.replace(host(), bytes=max(size, 8), registers=registers)
    monkeypatch.setattr(backend, "host", lambda: made)


def network(width: int, n: int, dtype: str, loss: str = "cross_entropy") -> tuple[Any, Any, Any, Any]:
    net = mlp(width, 9, 5, activation="tanh", bias=True, loss=loss)
    rng = np.random.default_rng(width)
    params = {p.id: rng.normal(size=[int(str(d)) for d in p.shape]) for p in net.parameters}
    return net, params, rng.normal(size=(n, width)), np.eye(5)[rng.integers(5, size=n)]


# --- machines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_gives_the_right_numbers(machine: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_machine(monkeypatch, machine)
    tolerance = 1e-11 if dtype == "float64" else 1e-4
    for width, n in ((1, 1), (3, 17), (17, 9), (33, 5)):
        net, params, X, y = network(width, n, dtype)
        trace = backpropagate(net)
        expected, found = (compile_trace(trace, b, dtype)(params, X, y) for b in ("numpy", "llvm"))
        assert found[0] == pytest.approx(expected[0], rel=tolerance)
        for id, gradient in expected[1].items():
            np.testing.assert_allclose(found[1][id], gradient, rtol=0, atol=tolerance * (np.abs(gradient).max() + 1))


@pytest.mark.parametrize("machine", MACHINES)
def test_every_machine_compiles_general_programs(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_machine(monkeypatch, machine)
    rng = np.random.default_rng(0)
    for name in ("attention", "layer_normalisation", "multinomial_by_logsumexp", "softmax_down_the_columns"):
        program = PROGRAMS[name]()
        params, inputs = (
            {p.id: rng.uniform(0.1, 0.9, [d if isinstance(d, int) else 5 for d in p.shape]) for p in names}
            for names in (program.parameters, program.inputs)
        )
        expected, found = (compile_trace(backpropagate(program), b)(params, **inputs) for b in ("numpy", "llvm"))
        assert found[0] == pytest.approx(expected[0], rel=1e-12)
        for id, gradient in expected[1].items():
            np.testing.assert_allclose(found[1][id], gradient, rtol=1e-9, atol=1e-12)


# --- threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_more_threads_than_processors_finish(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net, params, X, y = network(33, 20, "float64")
    trace = backpropagate(net)
    alone = compile_trace(trace, "llvm")(params, X, y)
    monkeypatch.setenv("BACKPROOF_THREADS", str(threads))
    monkeypatch.setattr(backend, "WORK_PER_THREAD", 1)
    kernel = compile_trace(trace, "llvm")
    together = kernel(params, X, y)
    assert next(iter(kernel._made.values()))[0].threads == threads  # type: ignore[attr-defined]
    assert together[0] == alone[0]
    assert all(np.array_equal(alone[1][id], gradient) for id, gradient in together[1].items())


def test_one_kernel_called_from_many_threads_keeps_the_calls_apart() -> None:
    net, params, X, y = network(33, 64, "float64")
    kernel = compile_trace(backpropagate(net), "llvm")
    scales = (0.1, 1.0, 3.0, -2.0)
    expected = [kernel(params, scale * X, y)[0] for scale in scales]
    wrong: list[float] = []

    def call(number: int) -> None:
        for _ in range(100):
            loss = kernel(params, scales[number] * X, y)[0]
            if loss != expected[number]:
                wrong.append(loss)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(len(scales))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


@pytest.mark.parametrize("given", ["two", "0", "-1", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_THREADS", given)
    with pytest.raises(SpecificationError, match="BACKPROOF_THREADS"):
        backend.worthwhile_threads(10**9)


# --- numbers at the edge --------------------------------------------------------------------------------------------


def test_literals_beyond_the_range_of_the_type_are_infinite() -> None:
    assert Machine("float", 8, 16).literal(1e300) == Machine("float", 8, 16).literal(float("inf"))
    assert Machine("float", 8, 16).literal(-1e300) == Machine("float", 8, 16).literal(float("-inf"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu", "softplus", "gelu", "silu"])
def test_tiny_zero_and_huge_inputs_behave_as_the_reference_does(activation: str, dtype: str) -> None:
    net = mlp(5, 9, 1, activation=activation, loss="mean_squared_error", output_activation="identity")
    rng = np.random.default_rng(3)
    params = {p.id: rng.normal(size=[int(str(d)) for d in p.shape]) for p in net.parameters}
    denormal, trace = float(np.finfo(dtype).smallest_subnormal), backpropagate(net)
    for scale in (0.0, -0.0, denormal, 100 * denormal, 2000.0, 1e30):
        X, y = np.sign(rng.normal(size=(7, 5))) * scale, np.zeros((7, 1))
        found: list[Any] = []
        for name in ("numpy", "llvm"):
            try:
                found.append(compile_trace(trace, name, dtype)(params, X, y))
            except BackproofError as error:
                found.append(error)
        if isinstance(found[0], BackproofError):
            assert str(found[1]) == str(found[0])
            continue
        rel = 1e-4 if dtype == "float32" else 1e-11
        assert found[1][0] == pytest.approx(found[0][0], rel=rel)
        for id, gradient in found[0][1].items():
            scale_of = np.abs(gradient).max()
            np.testing.assert_allclose(found[1][1][id], gradient, rtol=0, atol=rel * scale_of + 20 * denormal)


def test_what_is_not_finite_or_empty_is_refused_as_the_reference_refuses_it() -> None:
    trace = backpropagate(ridge_regression())
    params = {"w": np.ones((3, 1))}
    for X in (np.full((2, 3), np.nan), np.full((2, 3), np.inf), np.zeros((0, 3)), np.zeros((2, 0))):
        y, messages = np.zeros((len(X), 1)), []
        for name in ("numpy", "llvm"):
            with pytest.raises(BackproofError) as caught:
                compile_trace(trace, name)(params, X=X, y=y)
            messages.append(str(caught.value))
            with pytest.raises(BackproofError):
                train(trace, {"X": X, "y": y}, backend=name, epochs=1, learning_rate=0.1, progress=False)
        assert messages[0] == messages[1]
