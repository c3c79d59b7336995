"""Machine code for many batch sizes: only the last few are kept, and what was let go comes back the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol
from backproof.kernels.llvm import backend, run
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.kernels.llvm.recent import Recent
from backproof.kernels.llvm.run import NativeRun
from backproof.networks import mlp
from backproof.optimizers import adam
from backproof.training.equations import beginning, updates_of

NET = mlp(3, 4, 1, bias=True)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def test_what_was_not_asked_for_longest_goes_first() -> None:
    made: list[int] = []

    def make(n: int) -> int:
        made.append(n)
        return 10 * n

    recent: Recent[int, int] = Recent(3)
    for key in (1, 2, 3, 1, 4, 1, 2):
        assert recent.found(key, lambda key=key: make(key)) == 10 * key  # type: ignore[misc]
    assert made == [1, 2, 3, 4, 2]
    assert list(recent) == [4, 1, 2]
    assert recent.values() == [40, 10, 20]


def test_a_kernel_keeps_the_last_batch_sizes() -> None:
    rng = np.random.default_rng(0)
    params = {p.id: rng.normal(size=p.shape) for p in NET.parameters}  # type: ignore[arg-type]
    X, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 1))
    kernel = LlvmKernel(backpropagate(NET))
    first = kernel(params, X[:1], y[:1])
    for n in range(2, 12):
        kernel(params, X[:n], y[:n])
    assert len(kernel._made.values()) == backend.KEPT
    assert [dict(key)["n"] for key in kernel._made] == [8, 9, 10, 11]
    again = kernel(params, X[:1], y[:1])
    assert again[0] == first[0]
    assert all(np.array_equal(again[1][id], gradient) for id, gradient in first[1].items())


def made_run(X: Any, y: Any, params: dict[str, Any]) -> NativeRun:
    trace, rule = backpropagate(NET), adam()
    return NativeRun(
        trace, {"X": X, "y": y}, {"n": len(X)}, {"X": 0, "y": 0}, Symbol("n"), 4, updates_of(trace, rule),
        beginning(rule, params, params, 0.01), X.dtype,
    )  # fmt: skip


def test_a_run_goes_on_with_its_parameters_when_code_was_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    params = {p.id: rng.normal(size=p.shape) for p in NET.parameters}  # type: ignore[arg-type]
    X, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
    batches = [1, 2, 3, 4, 5, 1, 4, 2, 5, 3, 1]

    def through(kept: int) -> tuple[list[float], dict[str, Any], int]:
        monkeypatch.setattr(run, "KEPT", kept)
        native = made_run(X, y, params)
        losses = [float(native.steps(np.arange(size), size)[0]) for size in batches]
        return losses, native.state(), len(native._made.values())

    few, all_of_them = through(1), through(100)
    assert (few[2], all_of_them[2]) == (1, 5)
    assert few[0] == all_of_them[0]
    assert all(np.array_equal(few[1][id], value) for id, value in all_of_them[1].items())
