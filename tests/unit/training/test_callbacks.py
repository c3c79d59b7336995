"""Callbacks: what they are told, what they can ask for, and what happens where one fails."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from backproof.errors import CallbackError
from backproof.networks import mlp
from backproof.training import train
from backproof.training.events import Event

NET = mlp(2, 3, 1, activation="tanh", loss="mean_squared_error")
X = np.random.default_rng(0).normal(size=(20, 2))
Y = X[:, :1] * X[:, 1:]
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "llvm"])


@BACKENDS
@pytest.mark.parametrize("batch_size", [8, None])
def test_it_is_told_each_epoch_with_the_parameters_after_it(backend: str, batch_size: int | None) -> None:
    told: list[Event] = []
    result = train(NET, X, Y, batch_size=batch_size, epochs=4, progress=False, backend=backend, callbacks=[told.append])
    assert tuple(event.epoch for event in told) == result.history
    assert [event.epoch.number for event in told] == [1, 2, 3, 4]
    assert told[-1].history == result.history
    np.testing.assert_array_equal(told[-1].parameters["W_1"], result.params["W_1"])
    assert not np.array_equal(told[0].parameters["W_1"], told[1].parameters["W_1"])


@BACKENDS
def test_it_does_not_change_the_result(backend: str) -> None:
    def spoil(event: Event) -> None:
        event.parameters["W_1"][:] = 0

    results = [
        train(NET, X, Y, batch_size=8, epochs=4, progress=False, backend=backend, callbacks=hooks)
        for hooks in ((), (spoil,))
    ]
    for id, array in results[0].params.items():
        np.testing.assert_array_equal(array, results[1].params[id])


def test_ctrl_c_in_it_interrupts_the_training() -> None:
    def interrupt(event: Event) -> None:
        if event.epoch.number == 3:
            signal.default_int_handler(signal.SIGINT, None)  # what Ctrl-C runs

    result = train(NET, X, Y, batch_size=8, epochs=10, progress=False, callbacks=[interrupt])
    assert (result.stopped, result.epochs_run) == ("interrupted", 3)


def test_it_can_ask_to_stop() -> None:
    def enough(event: Event) -> None:
        if event.epoch.number == 5:
            event.stop()

    result = train(NET, X, Y, batch_size=8, epochs=10, progress=False, callbacks=[enough])
    assert (result.stopped, result.epochs_run) == ("asked", 5)


def test_one_that_fails_ends_the_training_and_the_weights_are_kept() -> None:
    def failing(event: Event) -> None:
        if event.epoch.number == 3:
            raise ZeroDivisionError("one by nothing")

    with pytest.raises(CallbackError, match=r"the callback failing failed after epoch 3: ZeroDivisionError") as caught:
        train(NET, X, Y, batch_size=8, epochs=10, progress=False, callbacks=[failing])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert len(caught.value.history) == 3
    expected = train(NET, X, Y, batch_size=8, epochs=3, progress=False, backend="numpy")
    np.testing.assert_allclose(caught.value.params["W_1"], expected.params["W_1"], rtol=1e-12)
