"""A run in machine code as an object: indices that it refuses, inputs however they lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol
from backproof.errors import SpecificationError
from backproof.kernels.llvm.run import NativeRun
from backproof.networks import mlp
from backproof.optimizers import optimizer_named
from backproof.training.equations import beginning, updates_of

NET = mlp(6, 9, 2, activation="tanh", bias=True)
SAMPLES = 40


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def data() -> tuple[Any, Any, dict[str, Any]]:
    rng = np.random.default_rng(0)
    params = {p.id: rng.normal(size=[int(str(d)) for d in p.shape]) for p in NET.parameters}
    return rng.normal(size=(SAMPLES, 6)), rng.normal(size=(SAMPLES, 2)), params


def made(X: Any, y: Any, params: dict[str, Any]) -> NativeRun:
    trace, rule = backpropagate(NET), optimizer_named("sgd")
    axes, start = {"X": 0, "y": 0}, beginning(rule, params, params, 0.01)
    return NativeRun(
        trace, {"X": X, "y": y}, {"n": len(X)}, axes, Symbol("n"), 8, updates_of(trace, rule), start, X.dtype
    )


def test_no_steps_change_nothing() -> None:
    X, y, params = data()
    run = made(X, y, params)
    assert len(run.steps(np.zeros(0, np.int64), 8)) == 0
    assert all(np.array_equal(run.parameters()[id], value) for id, value in params.items())


@pytest.mark.parametrize("index", [-1, SAMPLES, 10**9])
def test_an_index_beyond_the_data_is_refused(index: int) -> None:
    order = np.arange(8)
    order[3] = index
    with pytest.raises(SpecificationError, match="not among the 40 samples"):
        made(*data()).steps(order, 8)


@pytest.mark.parametrize(("indices", "batch"), [(7, 8), (9, 8), (8, 0)])
def test_part_of_a_batch_is_refused(indices: int, batch: int) -> None:
    with pytest.raises(SpecificationError, match="no whole number of batches"):
        made(*data()).steps(np.arange(indices), batch)


def layouts(X: Any) -> dict[str, Any]:
    """The same numbers in memory of every kind."""
    raw = bytearray(X.nbytes + 1)
    misaligned = np.ndarray(X.shape, X.dtype, raw, 1)
    misaligned[...] = X
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]), X.dtype)
    wide[::2, ::3] = X
    return {
        "columns first": np.asfortranarray(X),
        "backwards": np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
        "misaligned": misaligned,
        "strided": wide[::2, ::3],
    }


@pytest.mark.parametrize("layout", ["columns first", "backwards", "misaligned", "strided"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_how_inputs_lie_in_memory_changes_no_bit(layout: str, dtype: str) -> None:
    X, y, params = data()
    X, y = X.astype(dtype), y.astype(dtype)
    order = np.random.default_rng(1).permutation(SAMPLES)
    plain, other = made(X, y, params), made(layouts(X)[layout], layouts(y)[layout], params)
    assert np.array_equal(plain.steps(order, 8), other.steps(order, 8))
    assert all(np.array_equal(value, other.parameters()[id]) for id, value in plain.parameters().items())


def test_one_sample_repeated_by_a_stride_of_zero() -> None:
    X, y, params = data()
    once, repeated = X[:1], np.broadcast_to(X[:1], X.shape)
    copied = np.repeat(once, SAMPLES, axis=0)
    order = np.arange(SAMPLES)
    assert np.array_equal(made(copied, y, params).steps(order, 8), made(repeated, y, params).steps(order, 8))
