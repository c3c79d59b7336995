"""The loop in machine code: how long a slice may be, Ctrl-C between slices, and where a run stopped being finite."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from backproof.errors import DivergenceError
from backproof.kernels.llvm.run import NativeRun
from backproof.networks import mlp
from backproof.training import run, train
from backproof.training.batches import Batches
from backproof.training.progress import reporter
from backproof.training.rates import LearningRate
from backproof.training.run import SLICE, Run
from backproof.training.schedules import Horizon, constant
from samples import Array

NET = mlp(2, 3, 1, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error")
rng = np.random.default_rng(0)
X = rng.normal(size=(21, 2))
Y = X[:, :1] * X[:, 1:]


@dataclass
class Clock:
    """Time that passes only where a test says so."""

    now: float = 0.0

    def perf_counter(self) -> float:
        return self.now


@dataclass
class Slow:
    """In place of machine code: takes as long for a sample as a test wants, and knows nothing."""

    clock: Clock
    seconds_per_sample: float
    calls: list[tuple[int, float]] = field(default_factory=list)

    backend = "llvm"
    at_once = True

    def take(self, order: Array, size: int, rates: Array, first: int) -> Array:
        took = len(order) * self.seconds_per_sample
        self.clock.now += took
        self.calls.append((len(order) // size, took))
        assert len(rates) == len(order) // size
        return np.ones(len(order) // size)

    def state(self) -> dict[str, Array]:
        return {}

    parameters = state


class _Arguments:
    inputs = {"X": X, "y": Y}  # noqa: RUF012
    sizes = {"n": 21}  # noqa: RUF012


@pytest.mark.parametrize("batch_size", [None, 4, 7, 20])
@pytest.mark.parametrize("seconds_per_sample", [1e-7, 1e-4, 2e-3, 1e-2])
def test_no_slice_is_longer_than_it_may_be(
    monkeypatch: pytest.MonkeyPatch, batch_size: int | None, seconds_per_sample: float
) -> None:
    """The first steps, whose time nobody knows, and steps after a small rest of an epoch among them."""
    clock = Clock()
    monkeypatch.setattr(run, "time", clock)
    machine: Any = Slow(clock, seconds_per_sample)
    batches = Batches(NET, _Arguments(), batch_size, True, 0)  # type: ignore[arg-type]
    rates = LearningRate(0.1, constant(), Horizon(steps=12, steps_per_epoch=1))
    made = Run(machine, batches, rates, None)  # type: ignore[arg-type]
    with reporter(False, 12, batches.per_epoch) as shown:
        made.run(12, shown)
    one_step = batches.size * seconds_per_sample
    assert len(made.history) == 12
    assert max(took for _, took in machine.calls) <= max(SLICE, one_step) * (1 + 1e-9)
    if 4 * one_step < SLICE and batch_size != 20:  # of which there is one in an epoch
        assert max(count for count, _ in machine.calls) > 1, "short steps share a call"


# Where the signal comes while Python cleans up, the exception is dropped; the training hears of it all the same.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("batch_size", [None, 4])
def test_ctrl_c_is_answered_within_slices(batch_size: int | None) -> None:
    """The signal comes from a timer while machine code runs, which nothing can interrupt."""
    train(NET, X, Y, batch_size=batch_size, epochs=1, backend="llvm", progress=False)  # compiles
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    began = time.perf_counter()
    try:
        result = train(NET, X, Y, batch_size=batch_size, epochs=10**7, backend="llvm", progress=False)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert result.stopped == "interrupted"
    assert result.steps > 0
    assert time.perf_counter() - began < 5, "a busy computer may stretch 0.55 s"
    assert result.loss <= result.history[-1].loss * (1 + 1e-3), "the weights are those after the last epoch, or better"
    assert result.steps - result.history[-1].steps <= 6, "and no step is lost that the history tells of"


@pytest.mark.parametrize("batch_size", [None, 4])
def test_divergence_is_found_where_the_reference_finds_it(batch_size: int | None) -> None:
    found = []
    for backend in ("numpy", "llvm"):
        with pytest.raises(DivergenceError) as caught:
            train(NET, X, Y, batch_size=batch_size, epochs=500, learning_rate=50, backend=backend, progress=False)
        found.append(caught.value)
    reference, ours = found
    assert str(ours) == str(reference)
    assert (ours.epoch, ours.step, ours.quantity) == (reference.epoch, reference.step, reference.quantity)
    assert all(np.isfinite(array).all() for array in ours.params.values())


def test_a_loss_that_only_machine_code_loses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = NativeRun.steps
    monkeypatch.setattr(NativeRun, "steps", lambda run, *given: real(run, *given) * np.inf)
    with pytest.raises(DivergenceError, match=r"epoch 1, step 1: L became infinite; the learning rate"):
        train(NET, X, Y, batch_size=4, epochs=3, backend="llvm", progress=False)


def test_progress_is_shown_from_machine_code(capfd: pytest.CaptureFixture[str]) -> None:
    train(NET, X, Y, batch_size=4, epochs=50, backend="llvm", progress="plain")
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith("epoch 50/50  loss 0.")
    assert lines[-1].endswith("steps/s")
