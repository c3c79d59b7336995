"""The LLVM backend against the reference: losses, gradients, whole runs, whatever the shapes, dtypes and threads."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.errors import DivergenceError, SpecificationError
from backproof.kernels.backends import compile_trace
from backproof.kernels.llvm.object_cache import ObjectCache
from backproof.networks import mlp
from backproof.training import train
from kernel_bounds import gradient_distance

ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "identity", "softmax",
)  # fmt: skip
LOSSES = (
    "half_squared_error", "mean_squared_error", "mean_absolute_error", "huber", "binary_cross_entropy",
    "cross_entropy",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))


def example(sizes: tuple[int, ...], n: int, samples: str, loss: str, seed: int) -> tuple[Any, Any, Any]:
    """Data and parameters for a network of these sizes."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
    if loss == "cross_entropy":
        y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=n)]
    if loss == "binary_cross_entropy":
        y = (y > 0).astype(float)
    return (X, y, rng) if samples == "rows" else (X.T, y.T, rng)


def agree(trace: Trace, dtype: str, params: dict[str, Any], X: Any, y: Any) -> None:
    """Loss and gradients are within the bound of running error analysis."""
    axis = [str(d) for d in trace.program.names["X"].shape].index("n")
    given = {**params, "X": X, "y": y}
    found = gradient_distance(trace, dtype, {"n": X.shape[axis]}, compile_trace(trace, "llvm", dtype), given)
    assert found.used <= 1, found
    assert found.informative == 1


@pytest.mark.parametrize(("activation", "loss"), list(product(ACTIVATIONS, LOSSES)))
def test_gradients_are_those_of_the_reference(activation: str, loss: str) -> None:
    case = ACTIVATIONS.index(activation) * len(LOSSES) + LOSSES.index(loss)
    samples, bias, dtype = ("rows", "columns")[case % 2], bool(case // 2 % 2), ("float64", "float32")[case // 4 % 2]
    n, sizes = (1, 5, 17)[case % 3], ((3, 2), (3, 17, 2), (5, 4, 33, 2))[case // 3 % 3]
    net = mlp(*sizes, activation=activation, loss=loss, samples=samples, bias=bias, penalty=0.1 if bias else None)  # type: ignore[arg-type]
    X, y, rng = example(sizes, n, samples, loss, case)
    params = {p.id: rng.normal(size=p.shape) for p in net.parameters}
    trace = backpropagate(net)
    agree(trace, dtype, params, X, y)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100])
def test_every_width_and_batch(width: int) -> None:
    net = mlp(width, 3, width, 1, activation="tanh", bias=True, loss="mean_squared_error")
    X, y, rng = example((width, 1), width, "rows", "", width)
    params = {p.id: rng.normal(size=p.shape) for p in net.parameters}
    trace = backpropagate(net)
    for dtype in ("float32", "float64"):
        agree(trace, dtype, params, X, y)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch", [None, 8, 7])
def test_runs_are_those_of_the_reference(optimizer: str, batch: int | None) -> None:
    net = mlp(6, 20, 3, activation="relu", loss="cross_entropy", bias=True, penalty=0.01)
    X, y, _ = example((6, 3), 40, "rows", "cross_entropy", 0)
    found = [
        train(net, X, y, optimizer=optimizer, learning_rate=0.01, batch_size=batch, epochs=5, backend=b, progress=False)
        for b in ("numpy", "llvm")
    ]
    for id, value in found[0].params.items():
        np.testing.assert_allclose(found[1].params[id], value, rtol=1e-9, atol=1e-12)
    losses = [[epoch.loss for epoch in result.history] for result in found]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)
    assert found[0].steps == found[1].steps


def test_a_network_in_registers_repeats_the_seeds_losses() -> None:
    found = [
        train(mlp(3, 2, 1), [[0, 0, 1]], [[0]], learning_rate=0.5, epochs=1000, backend=b, progress=False)
        for b in ("numpy", "llvm")
    ]
    losses = [[epoch.loss for epoch in result.history] for result in found]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-10)


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    net = mlp(40, 64, 10, activation="relu", loss="cross_entropy", bias=True)
    X, y, _ = example((40, 10), 2000, "rows", "cross_entropy", 0)
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("BACKPROOF_THREADS", threads)
        monkeypatch.setattr("backproof.kernels.llvm.backend.WORK_PER_THREAD", 1)
        result = train(net, X, y, learning_rate=0.1, batch_size=500, epochs=3, backend="llvm", progress=False)
        found.append(result.params)
    for other in found[1:]:
        assert all(np.array_equal(found[0][id], other[id]) for id in found[0])


def test_inputs_of_any_strides() -> None:
    net = mlp(3, 4, 1, bias=True)
    X, y, _ = example((3, 1), 20, "rows", "", 0)
    wide = np.zeros((40, 6))
    wide[::2, ::2] = X
    a, b = (
        train(net, data, y, learning_rate=0.1, batch_size=4, epochs=3, backend="llvm", progress=False).params
        for data in (X, wide[::2, ::2])
    )
    assert all(np.array_equal(a[id], b[id]) for id in a)


def test_a_run_that_diverges_names_the_equation() -> None:
    net = mlp(3, 8, 1, activation="relu", output_activation="identity", loss="mean_squared_error")
    X, y, _ = example((3, 1), 64, "rows", "", 0)
    with pytest.raises(DivergenceError, match="became") as caught:
        train(net, X, y, learning_rate=1e6, batch_size=8, epochs=50, backend="llvm", progress=False)
    assert all(np.isfinite(value).all() for value in caught.value.params.values())


def test_saturated_inputs_are_finite() -> None:
    for activation in ACTIVATIONS:
        net = mlp(3, 4, 2, activation=activation, loss="cross_entropy")
        X, y, rng = example((3, 2), 5, "rows", "cross_entropy", 1)
        params = {p.id: rng.normal(size=p.shape) for p in net.parameters}
        trace = backpropagate(net)
        agree(trace, "float64", params, 2000 * X, y)


def test_the_environment_chooses_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = backpropagate(mlp(2, 1))
    monkeypatch.setenv("BACKPROOF_BACKEND", "llvm")
    assert type(compile_trace(trace)).__name__ == "LlvmKernel"
    monkeypatch.setenv("BACKPROOF_BACKEND", "lvm")
    with pytest.raises(SpecificationError, match="did you mean 'llvm'"):
        compile_trace(trace)


# --- the cache ----------------------------------------------------------------------------------------------------


def test_the_cache_gives_back_what_was_put_in_and_nothing_else(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    key, other = cache.key("a"), cache.key("b")
    cache.put(key, b"code")
    assert cache.get(key) == b"code"
    assert cache.get(other) is None
    entry = next(tmp_path.glob("*.object"))
    for damaged in (entry.read_bytes()[:-1], b"", b"foreign", entry.read_bytes() + b"x"):
        entry.write_bytes(damaged)
        assert cache.get(key) is None
    cache.put(key, b"code")
    entry.rename(tmp_path / f"{other}.object")
    assert cache.get(other) is None


def test_the_cache_keeps_to_its_limit(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path, limit=1000)
    for number in range(20):
        cache.put(cache.key(str(number)), bytes(100))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000
    assert cache.get(cache.key("19")) is not None


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = ObjectCache(tmp_path / "file" / "folder")
    cache.put(cache.key("a"), b"code")
    assert cache.get(cache.key("a")) is None


def test_a_damaged_entry_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path))
    trace, given = backpropagate(mlp(2, 1)), ({"W_1": [[1], [2]]}, [[1, 2]], [[0]])
    first = compile_trace(trace, "llvm")(*given)
    for entry in tmp_path.glob("*.object"):
        entry.write_bytes(entry.read_bytes()[:100])
    assert compile_trace(trace, "llvm")(*given)[0] == first[0]
