"""Ctrl-C while Python cleans up after an object, where the exception is dropped, still ends a training."""

from __future__ import annotations

import signal
import threading
from typing import Any

import numpy as np
import pytest

from backproof.networks import mlp
from backproof.training import train
from backproof.training.interrupts import listening
from backproof.training.steps import NativeSteps, NumpySteps

NET = mlp(2, 3, 1)
X, Y = np.ones((8, 2)), np.ones((8, 1))


class Cleaning:
    """Ctrl-C comes just when this goes."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize(("backend", "steps"), [("numpy", NumpySteps), ("llvm", NativeSteps)])
def test_it_is_not_lost(
    backend: str, steps: type[NumpySteps | NativeSteps], batch_size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    real, calls = steps.take, []

    def take(self: Any, *given: Any) -> Any:
        calls.append(given)
        if len(calls) == 5:
            Cleaning()
        return real(self, *given)

    monkeypatch.setattr(steps, "take", take)
    result = train(NET, X, Y, batch_size=batch_size, epochs=10**6, backend=backend, progress=False)
    assert result.stopped == "interrupted"
    assert len(calls) == 5


def test_the_handler_is_put_back_and_others_are_left_alone() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), listening() as heard:
        signal.raise_signal(signal.SIGINT)
    assert heard.yes
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    own: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: own.append(number))
    try:
        with listening() as heard:
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert own == [signal.SIGINT]
    assert not heard.yes


def test_a_thread_of_ones_own_can_train() -> None:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(train(NET, X, Y, epochs=2, progress=False)))
    thread.start()
    thread.join()
    assert results[0].stopped == "finished"
