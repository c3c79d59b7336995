"""The hook after each epoch: told of everything, and without influence."""

from __future__ import annotations

import signal
from collections.abc import Mapping

import numpy as np

from backproof.networks import mlp
from backproof.training import train
from backproof.training.result import Epoch
from samples import Array

NET = mlp(2, 3, 1, activation="tanh", loss="mean_squared_error")
X = np.random.default_rng(0).normal(size=(20, 2))
Y = X[:, :1] * X[:, 1:]


def test_it_is_told_each_epoch_with_the_parameters_after_it() -> None:
    told: list[tuple[Epoch, Mapping[str, Array]]] = []
    result = train(
        NET, X, Y, batch_size=8, epochs=4, progress=False, on_epoch=lambda epoch, params: told.append((epoch, params))
    )
    assert tuple(epoch for epoch, _ in told) == result.history
    assert [epoch.number for epoch, _ in told] == [1, 2, 3, 4]
    np.testing.assert_array_equal(told[-1][1]["W_1"], result.params["W_1"])
    assert not np.array_equal(told[0][1]["W_1"], told[1][1]["W_1"])


def test_it_does_not_change_the_result() -> None:
    results = [train(NET, X, Y, batch_size=8, epochs=4, progress=False, on_epoch=hook) for hook in (None, _nothing)]
    for id, array in results[0].params.items():
        np.testing.assert_array_equal(array, results[1].params[id])


def test_ctrl_c_in_it_interrupts_the_training() -> None:
    def interrupt(epoch: Epoch, params: Mapping[str, Array]) -> None:
        if epoch.number == 3:
            signal.default_int_handler(signal.SIGINT, None)  # what Ctrl-C runs

    result = train(NET, X, Y, batch_size=8, epochs=10, progress=False, on_epoch=interrupt)
    assert (result.stopped, result.epochs_run) == ("interrupted", 3)


def _nothing(epoch: Epoch, params: Mapping[str, Array]) -> None:
    pass
