"""The automatic kernel: which calls machine code answers, that it counts them, and what it falls back on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.derivation import derive
from backproof.errors import NonFiniteError, SpecificationError, UnsupportedError
from backproof.kernels import automatic, backend_named, compile_trace
from backproof.kernels.automatic import AutomaticKernel, can_compile
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.networks import mlp

NET = mlp(6, 9, 2, activation="tanh", bias=True)
rng = np.random.default_rng(4)
PARAMS = {"W_1": rng.normal(size=(6, 9)), "b_1": rng.normal(size=9), "W_2": rng.normal(size=(9, 2)), "b_2": [0.1, 0.2]}
X, Y = rng.normal(size=(5, 6)), rng.normal(size=(5, 2))
PATIENCE = 3


@pytest.fixture(autouse=True)
def _few_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("BACKPROOF_BACKEND", raising=False)
    monkeypatch.setattr(automatic, "patience", lambda *_, **__: PATIENCE)
    can_compile.cache_clear()
    yield
    can_compile.cache_clear()


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of samples of each call that machine code answered."""
    called: list[int] = []
    real = LlvmKernel.step

    def step(kernel: LlvmKernel, parameters: Any, inputs: Any, sizes: Any) -> Any:
        called.append(sizes["n"])
        return real(kernel, parameters, inputs, sizes)

    monkeypatch.setattr(LlvmKernel, "step", step)
    return called


def kernel() -> AutomaticKernel:
    made = compile_trace(backpropagate(NET), "auto")
    assert isinstance(made, AutomaticKernel)
    return made


def test_machine_code_answers_once_so_many_calls_came(native: list[int]) -> None:
    step = kernel()
    losses = []
    for call in range(1, 7):
        losses.append(step(PARAMS, X, Y)[0])
        assert len(native) == max(0, call - PATIENCE)
    trace = backpropagate(NET)
    assert losses[:PATIENCE] == [compile_trace(trace, "numpy")(PARAMS, X, Y)[0]] * PATIENCE
    assert losses[PATIENCE:] == [compile_trace(trace, "llvm")(PARAMS, X, Y)[0]] * 3


def test_calls_are_counted_for_each_size_alone(native: list[int]) -> None:
    step = kernel()
    for _ in range(PATIENCE):
        step(PARAMS, X, Y)
        step(PARAMS, X[:2], Y[:2])
    assert native == []
    step(PARAMS, X, Y)
    step(PARAMS, X[:2], Y[:2])
    step(PARAMS, X[:3], Y[:3])
    assert native == [5, 2]


def test_the_same_calls_give_the_same_bits_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def gradients() -> list[bytes]:
        step = kernel()
        return [step(PARAMS, X, Y)[1]["W_1"].tobytes() for _ in range(6)]

    first = gradients()
    monkeypatch.setattr("time.perf_counter", lambda: 0.0)
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    assert gradients() == first


def test_gradients_are_the_callers_own(native: list[int]) -> None:
    step = kernel()
    for _ in range(6):
        _, gradients = step(PARAMS, X, Y)
        before = gradients["W_1"].copy()
        gradients["b_2"][:] = 7
        _, again = step(PARAMS, X, Y)
        np.testing.assert_allclose(again["W_1"], before, rtol=1e-12)
        assert again["b_2"][0, 0] != 7
    assert native


def test_what_is_not_finite_is_named_by_both() -> None:
    step = kernel()
    for _ in range(PATIENCE + 2):
        with pytest.raises(NonFiniteError, match=r"^L became infinite"):
            step(PARAMS, X, 1e200 * Y)


def test_what_cannot_be_compiled_stays_with_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def refused(*_: Any) -> Any:
        tries.append(1)
        raise UnsupportedError("the function 'f' is not compiled yet; use the backend 'numpy'")

    monkeypatch.setattr(LlvmKernel, "step", refused)
    step = kernel()
    assert len({step(PARAMS, X, Y)[0] for _ in range(8)}) == 1
    assert len(tries) == 1


def test_a_machine_without_a_compiler_computes_by_numpy(monkeypatch: pytest.MonkeyPatch, native: list[int]) -> None:
    def unknown() -> Any:
        raise RuntimeError("Unable to find target for this triple")

    monkeypatch.setattr(automatic, "host", unknown)
    step = kernel()
    assert not can_compile()
    assert len({step(PARAMS, X, Y)[0] for _ in range(8)}) == 1
    assert native == []


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"numpy": "NumpyKernel", "llvm": "LlvmKernel", "auto": "AutomaticKernel", "": "AutomaticKernel"}
    for chosen, kind in kinds.items():
        monkeypatch.setenv("BACKPROOF_BACKEND", chosen)
        assert type(derive(NET).compile()).__name__ == kind
        assert backend_named("numpy") == "numpy", "what is named is not for the environment to change"
    monkeypatch.setenv("BACKPROOF_BACKEND", "lvm")
    with pytest.raises(SpecificationError, match=r"'lvm' in BACKPROOF_BACKEND; did you mean 'llvm'"):
        backend_named("auto")
