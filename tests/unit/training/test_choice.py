"""Which backend a training gets, and that it is the same one whenever the same training is run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backproof.errors import SpecificationError, UnsupportedError
from backproof.kernels.automatic import can_compile
from backproof.networks import mlp
from backproof.training import TrainingResult, choice, train
from backproof.training.events import Event

NET = mlp(6, 16, 1, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error")
rng = np.random.default_rng(3)
X, Y = rng.normal(size=(40, 6)), rng.normal(size=(40, 1))
FEW, MANY = 5, 1000


@pytest.fixture(autouse=True)
def _free_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BACKPROOF_BACKEND", raising=False)


def trained(epochs: int, **options: Any) -> TrainingResult:
    return train(NET, X, Y, **{"batch_size": 8, "epochs": epochs, "progress": False, **options})


def same(one: TrainingResult, other: TrainingResult) -> bool:
    losses = [[epoch.loss for epoch in result.history] for result in (one, other)]
    return losses[0] == losses[1] and all(np.array_equal(one.params[id], other.params[id]) for id in one.params)


@pytest.mark.parametrize(("epochs", "backend"), [(FEW, "numpy"), (MANY, "llvm")])
def test_the_backend_that_is_done_first(epochs: int, backend: str) -> None:
    result = trained(epochs)
    assert result.settings["backend"] == backend
    assert same(result, trained(epochs, backend=backend))
    assert (result.compile_seconds > 0) is (backend == "llvm")


def test_what_is_in_the_cache_decides_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path))
    first = trained(FEW)
    trained(FEW, backend="llvm")
    assert list(tmp_path.iterdir())
    assert same(first, trained(FEW))


def test_a_hook_after_each_tiny_step_is_a_reason_for_numpy() -> None:
    """Machine code has to come back after each epoch then, which takes as long as the step in NumPy."""
    net, data = mlp(3, 2, 1), ([[0, 0, 1]], [[0]])

    def nothing(event: Event) -> None:
        pass

    options: dict[str, Any] = {"epochs": 5000, "progress": False}
    assert train(net, *data, **options).settings["backend"] == "llvm"
    assert train(net, *data, callbacks=[nothing], **options).settings["backend"] == "numpy"


def test_what_cannot_be_compiled_trains_by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise UnsupportedError("the function 'f' is not compiled yet; use the backend 'numpy'")

    expected = trained(MANY, backend="numpy")
    monkeypatch.setattr(choice, "NativeRun", refused)
    assert same(trained(MANY), expected)
    with pytest.raises(UnsupportedError, match="is not compiled yet"):
        trained(MANY, backend="llvm")


def test_a_machine_without_a_compiler_trains_by_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "can_compile", lambda: False)
    assert trained(MANY).settings["backend"] == "numpy"


def test_this_machine_has_a_compiler() -> None:
    assert can_compile()


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKPROOF_BACKEND", "numpy")
    assert trained(MANY).settings["backend"] == "numpy"
    assert trained(FEW, backend="llvm").settings["backend"] == "llvm", "what is named is not for it to change"
    monkeypatch.setenv("BACKPROOF_BACKEND", "llvm")
    assert trained(FEW).settings["backend"] == "llvm"
    monkeypatch.setenv("BACKPROOF_BACKEND", "lvm")
    with pytest.raises(SpecificationError, match="did you mean 'llvm'"):
        trained(FEW)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_both_backends_train_alike(optimizer: str, dtype: str) -> None:
    """Same weights to begin with, same order of the data: what differs is rounding."""
    one, other = (
        trained(20, optimizer=optimizer, dtype=dtype, batch_size=16, backend=backend) for backend in ("numpy", "llvm")
    )
    tolerance = 1e-9 if dtype == "float64" else 1e-3
    assert [epoch.steps for epoch in one.history] == [epoch.steps for epoch in other.history]
    np.testing.assert_allclose(
        [epoch.loss for epoch in one.history], [epoch.loss for epoch in other.history], rtol=tolerance
    )
    assert one.loss != pytest.approx(one.history[0].loss, rel=1e-2), "something was learnt"
