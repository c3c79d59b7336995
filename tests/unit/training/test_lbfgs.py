"""L-BFGS: finds what SciPy finds, stops where told, and refuses what it cannot do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backproof.errors import BackproofError
from backproof.networks import mlp
from backproof.training import predict, train
from backproof.training.events import Event

rng = np.random.default_rng(3)
X = rng.normal(size=(60, 3))
Y = X @ [[1.0], [-2.0], [0.5]] + 0.3
LINEAR = mlp(3, 1, activation="identity", bias=True, loss="mean_squared_error")
BACKENDS = pytest.mark.parametrize("backend", ["numpy", "llvm"])


@BACKENDS
def test_a_linear_model_is_solved_to_the_last_digits(backend: str) -> None:
    result = train(LINEAR, X, Y, optimizer="lbfgs", epochs=100, backend=backend, progress=False)
    assert (result.stopped, result.settings["backend"]) == ("converged", backend)
    np.testing.assert_allclose(result.params["W_1"].ravel(), [1.0, -2.0, 0.5], atol=1e-4)
    np.testing.assert_allclose(result.params["b_1"], 0.3, atol=1e-4)
    losses = [epoch.loss for epoch in result.history]
    assert losses == sorted(losses, reverse=True)
    assert result.loss == pytest.approx(losses[-1], rel=1e-9)


@BACKENDS
def test_it_needs_far_fewer_epochs_than_gradient_descent(backend: str) -> None:
    net = mlp(3, 8, 1, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error")
    y = np.sin(X[:, :1]) * X[:, 1:2]
    ours = train(net, X, y, optimizer="lbfgs", epochs=60, backend=backend, progress=False)
    descent = train(net, X, y, optimizer="sgd", learning_rate=0.1, epochs=600, progress=False)
    assert ours.loss < 0.2 * descent.loss
    assert ours.epochs_run == ours.steps == 60
    assert ours.stopped == "finished"
    assert np.mean((predict(net, ours.params, X) - y) ** 2) == pytest.approx(ours.loss)


def test_validation_patience_and_callbacks() -> None:
    noise = rng.normal(size=(10, 1))
    net = mlp(3, 8, 1, activation="tanh", output_activation="identity", bias=True, loss="mean_squared_error")
    options: dict[str, Any] = {"optimizer": "lbfgs", "epochs": 300, "progress": False}
    early = train(net, X[:10], noise, validation=(X[10:], Y[10:]), patience=5, **options)
    assert early.stopped == "early"
    assert early.best_epoch is not None
    assert early.epochs_run == early.best_epoch + 5

    def third(event: Event) -> None:
        if event.epoch.number == 3:
            event.stop()

    asked = train(net, X, Y, callbacks=[third], **options)
    assert (asked.stopped, asked.epochs_run) == ("asked", 3)

    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    assert train(net, X, Y, callbacks=[interrupt], **options).stopped == "interrupted"


@pytest.mark.parametrize(
    ("net", "options", "complaint"),
    [
        ({}, {"batch_size": 8}, "lbfgs needs all samples"),
        ({}, {"schedule": "cosine"}, "chooses its own steps"),
        ({}, {"clip_norm": 1.0}, "chooses its own steps"),
        ({"dropout": 0.5}, {}, "leave dropout and batch normalisation out"),
        ({"normalization": "batch"}, {}, "leave dropout and batch normalisation out"),
    ],
)
def test_what_it_cannot_do(net: dict[str, Any], options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BackproofError, match=complaint):
        train(mlp(3, 4, 1, **net), X, Y, optimizer="lbfgs", progress=False, **options)


def test_a_step_into_the_infinite_is_taken_back() -> None:
    net = mlp(1, 1, activation="identity", loss="mean_squared_error")
    result = train(net, [[1e150]], [[1e150]], {"W_1": [[3.0]]}, optimizer="lbfgs", epochs=50, progress=False)
    assert np.isfinite(result.loss)
