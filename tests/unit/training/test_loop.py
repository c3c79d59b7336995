"""Training: batches, history, reproducibility, what stops it, and what is refused."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.dims import Symbol
from backproof.errors import (
    BackproofError,
    DataError,
    DivergenceError,
    NonFiniteError,
    ShapeError,
    SpecificationError,
)
from backproof.ir.arguments import checked_arguments
from backproof.ir.expr import total
from backproof.ir.program import Program
from backproof.kernels import compile_trace
from backproof.kernels.numpy_backend import compile_numpy
from backproof.networks import mlp
from backproof.training import TrainingResult, predict, train
from backproof.training.batches import Batch, Batches
from programs import PROGRAMS, Builder
from samples import values

n = Symbol("n")
LINEAR = mlp(2, 1, activation="identity", bias=True, loss="mean_squared_error")
rng = np.random.default_rng(8)
X = rng.normal(size=(10, 2))
Y = X @ [[2.0], [-1.0]] + 0.5


def quiet(net: Program = LINEAR, data: Any = X, targets: Any = Y, **options: Any) -> TrainingResult:
    return train(net, data, targets, progress=False, **options)


# --- the loop by hand ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", ["rows", "columns"])
@pytest.mark.parametrize("batch_size", [None, 10, 4, 3, 1])
def test_mini_batches_in_the_given_order(batch_size: int | None, samples: Any) -> None:
    """The same run by hand: slices in order, the last one smaller, each loss before its update."""
    net = mlp(2, 3, 1, bias=True, loss="mean_squared_error", samples=samples)
    params, _ = values(net)
    kernel = compile_trace(backpropagate(net))
    by_hand, losses = dict(params), []
    size = batch_size or 10

    def slices(start: int) -> tuple[Any, Any]:
        part = slice(start, start + size)
        return (X[part], Y[part]) if samples == "rows" else (X[part].T, Y[part].T)

    for _ in range(3):
        found = []
        for start in range(0, 10, size):
            loss, gradients = kernel(by_hand, *slices(start))
            found.append((loss, min(size, 10 - start)))
            by_hand = {id: value - 0.1 * gradients[id] for id, value in by_hand.items()}
        losses.append(sum(loss * count for loss, count in found) / 10)
    data, targets = (X, Y) if samples == "rows" else (X.T, Y.T)
    result = quiet(net, data, targets, params=params, learning_rate=0.1, batch_size=batch_size, epochs=3, shuffle=False)
    for id, value in by_hand.items():
        np.testing.assert_allclose(result.params[id], value, rtol=1e-13)
    assert [epoch.loss for epoch in result.history] == pytest.approx(losses, rel=1e-13)
    assert result.loss == pytest.approx(kernel(by_hand, data, targets)[0], rel=1e-13)
    assert result.steps == result.history[-1].steps == 3 * -(-10 // size)
    assert [epoch.number for epoch in result.history] == [1, 2, 3]
    assert (result.epochs_run, result.stopped) == (3, "finished")


def batches(size: int, shuffle: bool, seed: int = 0) -> Batches:
    arguments = checked_arguments(LINEAR, values(LINEAR)[0], {"X": X, "y": Y}, np.dtype(float))
    return Batches(LINEAR, arguments, size, shuffle, seed)


def epoch(source: Batches) -> list[Batch]:
    order = source.order()
    return [source.chosen(order[start : start + source.size]) for start in range(0, source.samples, source.size)]


def order(source: Batches) -> list[float]:
    return [value for batch in epoch(source) for value in batch.inputs["y"].ravel().tolist()]


def test_shuffled_batches_hold_every_sample_once_and_x_stays_with_y() -> None:
    source = batches(4, shuffle=True)
    sizes = [(batch.samples, batch.sizes["n"], len(batch.inputs["X"])) for batch in epoch(source)]
    assert sizes == [(4, 4, 4), (4, 4, 4), (2, 2, 2)]
    assert source.per_epoch == 3
    first, second = order(source), order(source)
    assert sorted(first) == sorted(second) == sorted(Y.ravel().tolist())
    assert first != second != Y.ravel().tolist()
    for batch in epoch(source):
        np.testing.assert_allclose(batch.inputs["X"] @ [[2.0], [-1.0]] + 0.5, batch.inputs["y"])


def test_the_order_follows_from_the_seed() -> None:
    assert order(batches(4, True, seed=1)) == order(batches(4, True, seed=1)) != order(batches(4, True, seed=2))
    assert order(batches(4, False)) == Y.ravel().tolist()


def test_the_full_batch_is_never_reordered() -> None:
    assert order(batches(10, True)) == Y.ravel().tolist()


def test_the_same_seed_gives_the_same_result() -> None:
    runs = [quiet(batch_size=3, epochs=4, seed=seed, optimizer="adam") for seed in (5, 5, 6)]
    assert [r.params["W_1"].tobytes() for r in runs[:2]] == [runs[0].params["W_1"].tobytes()] * 2
    assert [epoch.loss for epoch in runs[0].history] == [epoch.loss for epoch in runs[1].history]
    assert runs[0].params["W_1"].tobytes() != runs[2].params["W_1"].tobytes()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_learns(optimizer: str, dtype: str) -> None:
    result = quiet(optimizer=optimizer, learning_rate=0.05, batch_size=4, epochs=300, dtype=dtype)
    assert result.loss < 1e-5
    assert result.params["W_1"].dtype == np.dtype(dtype)
    np.testing.assert_allclose(result.params["W_1"], [[2], [-1]], atol=0.01)
    np.testing.assert_allclose(predict(LINEAR, result.params, X), Y, atol=0.05)


@pytest.mark.parametrize("name", ["ridge_regression", "residual_connection", "recurrent", "tied_autoencoder"])
def test_general_programs_are_trained_too(name: str) -> None:
    program = PROGRAMS[name]()
    _, inputs = values(program, samples=6)
    result = quiet(program, inputs, None, epochs=30, learning_rate=0.01)
    assert result.loss < result.history[0].loss


def test_mini_batches_of_a_general_program() -> None:
    program = PROGRAMS["ridge_regression"]()
    _, inputs = values(program, samples=7)
    result = quiet(program, inputs, None, epochs=2, batch_size=3, learning_rate=0.01)
    assert result.steps == 6


def test_given_parameters_are_copied() -> None:
    params = {"W_1": np.ones((2, 1)), "b_1": np.zeros(1)}
    result = quiet(params=params, epochs=0)
    assert (result.steps, result.epochs_run, result.stopped) == (0, 0, "finished")
    assert result.loss > 0
    result.params["W_1"][0] = 7
    quiet(params=params, epochs=3)
    assert params["W_1"].tolist() == [[1], [1]]
    assert params["b_1"].tolist() == [0]


def test_the_result_says_what_reproduces_it() -> None:
    result = quiet(epochs=2, batch_size=5, seed=3, optimizer="momentum", learning_rate=0.2)
    assert result.settings == {
        "optimizer": "momentum", "learning_rate": 0.2, "batch_size": 5, "epochs": 2, "shuffle": True, "seed": 3,
        "backend": "numpy", "dtype": "float64", "schedule": "constant", "clip_value": None, "clip_norm": None,
    }  # fmt: skip
    assert result.started_from == {"W_1": "Glorot uniform", "b_1": "zero"}
    assert quiet(params=result.params).started_from == {"W_1": "given", "b_1": "given"}
    assert result.seconds == sum(epoch.seconds for epoch in result.history) > 0


def test_only_what_was_differentiated_is_updated() -> None:
    trace = backpropagate(mlp(2, 3, 1), wrt=["W_2"])
    params, _ = values(trace.program)
    result = train(trace, X, Y, params, epochs=2, learning_rate=0.1, progress=False)
    assert np.array_equal(result.params["W_1"], params["W_1"])
    assert not np.array_equal(result.params["W_2"], params["W_2"])


# --- what stops it ------------------------------------------------------------------------------------------------


def test_divergence_says_where_and_why_and_keeps_the_last_finite_weights() -> None:
    with pytest.raises(DivergenceError) as caught:
        quiet(learning_rate=1e30, epochs=50, params={"W_1": [1, 1], "b_1": 0})
    error = caught.value
    assert isinstance(error, NonFiniteError)
    message = str(error)
    assert re.match(rf"training stopped in epoch {error.epoch}, step {error.step}: {error.quantity} became", message)
    assert "the learning rate 1e+30 is probably too large, or the data are not scaled" in message
    assert "\n" not in message
    assert error.step == error.epoch > 1
    assert all(np.isfinite(value).all() for value in error.params.values())
    before = quiet(learning_rate=1e30, epochs=error.epoch - 2, params={"W_1": [1, 1], "b_1": 0})
    assert np.abs(error.params["W_1"]).max() >= np.abs(before.params["W_1"]).max() > 1e20


def test_divergence_in_a_mini_batch_names_its_step() -> None:
    with pytest.raises(DivergenceError) as caught:
        quiet(learning_rate=1e60, epochs=50, batch_size=3, shuffle=False)
    assert (caught.value.step - 1) // 4 + 1 == caught.value.epoch


def test_weights_that_become_infinite_in_the_last_update_are_found() -> None:
    b = Builder()
    data, w = b.input("X", n, 1), b.parameter("w", 1, 1)
    program = b.loss(total(data @ w) * 1)
    with pytest.raises(DivergenceError, match=r"epoch 1, step 2: w became minus infinity at row 1, .* update before"):
        train(program, [[1e200]], params={"w": 1}, learning_rate=1e200, progress=False)


SCRIPT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
import numpy as np
import backproof.training as training
from backproof.networks import mlp

net = mlp(2, 8, 1, bias=True)
X = np.random.default_rng(0).normal(size=(200, 2))
y = 1 / (1 + np.exp(-X[:, 0]))
print("ready", flush=True)
result = training.train(net, X, y, epochs=10**7, batch_size={batch}, learning_rate=0.001, progress=False)
full = training.train(net, X, y, params=result.params, epochs=0, progress=False).loss
print(result.stopped, result.epochs_run, result.loss == full, result.loss < result.history[0].loss)
"""


@pytest.mark.parametrize("batch", [None, 50])
def test_an_interrupt_keeps_the_best_weights_so_far(batch: int | None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(batch=batch)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        process.send_signal(signal.SIGINT)
        try:
            said, complaints = process.communicate(timeout=60)
        finally:
            process.kill()
        stopped, epochs, same, lower = said.split()
        assert complaints == ""
    assert process.returncode == 0
    assert stopped == "interrupted"
    assert 0 < int(epochs) < 10**7
    assert (same, lower) == ("True", "True")


class InterruptingKernel:
    """Computes as the real kernel does and raises KeyboardInterrupt in one step."""

    def __init__(self, kernel: Any, step: int) -> None:
        self.kernel, self.left = kernel, step
        self.trace, self.dtype = kernel.trace, kernel.dtype

    def values(self, *arguments: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return self.kernel.values(*arguments)


def test_the_best_weights_are_not_always_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate is too large, so the loss grows: the weights of the beginning are the best."""
    real = compile_numpy
    monkeypatch.setattr(
        "backproof.training.choice.compile_numpy", lambda *given: InterruptingKernel(real(*given), step=8)
    )
    start = {"W_1": np.array([[2.1], [-1.0]]), "b_1": np.array([[0.5]])}
    result = quiet(learning_rate=2.0, epochs=100, params=start)
    assert (result.stopped, result.epochs_run) == ("interrupted", 7)
    assert result.history[-1].loss > result.history[0].loss
    assert np.array_equal(result.params["W_1"], start["W_1"])
    assert result.loss == result.history[0].loss


def test_an_interrupt_before_the_first_step_gives_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    real = compile_numpy
    monkeypatch.setattr(
        "backproof.training.choice.compile_numpy", lambda *given: InterruptingKernel(real(*given), step=1)
    )
    start = {"W_1": np.ones((2, 1)), "b_1": np.zeros((1, 1))}
    result = quiet(epochs=5, params=start)
    assert (result.stopped, result.epochs_run, result.steps) == ("interrupted", 0, 0)
    assert np.array_equal(result.params["W_1"], start["W_1"])


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"optimizer": "sdg"}, SpecificationError, "unknown optimizer 'sdg'; did you mean 'sgd'?"),
        ({"backend": "nmpy"}, SpecificationError, "unknown backend 'nmpy'; did you mean 'numpy'?"),
        ({"dtype": "float16"}, SpecificationError, "cannot compute in dtype 'float16'"),
        ({"learning_rate": -0.1}, SpecificationError, "the learning rate must be a positive finite number, got -0.1"),
        ({"learning_rate": float("nan")}, SpecificationError, "the learning rate must be a positive finite number"),
        ({"batch_size": 0}, SpecificationError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 11}, SpecificationError, "batch_size=11 is more than the 10 samples"),
        ({"batch_size": 2.5}, SpecificationError, "batch_size must be a whole number"),
        ({"epochs": -1}, SpecificationError, "epochs must be at least 0, got -1"),
        ({"seed": "x"}, SpecificationError, "the seed must be a whole number"),
        ({"progress": "loud"}, SpecificationError, "progress must be True, False or 'plain', got 'loud'"),
        ({"X": None}, ShapeError, "no value was given for X"),
        ({"y": None}, ShapeError, "no value was given for y"),
        ({"X": np.empty((0, 2))}, DataError, "X has shape (0, 2) and so holds nothing"),
        ({"X": X[:5]}, ShapeError, "y has shape (10, 1), so n would be 10, but X has n = 5"),
        ({"X": np.where(X[3, 1] == X, np.nan, X)}, DataError, "X is NaN at row 4, column 2"),
        ({"params": {"W_1": [1, 2]}}, ShapeError, "no value was given for b_1"),
        ({"params": {"W_1": [1, 2, 3], "b_1": 0}}, ShapeError, "W_1 has shape (3, 1), but must be (2, 1)"),
        ({"params": {"W": [1, 2], "b_1": 0}}, SpecificationError, "no parameter 'W'"),
    ],
)
def test_what_is_refused(options: dict[str, Any], kind: type[BackproofError], message: str) -> None:
    given: dict[str, Any] = {"X": X, "y": Y, "progress": False} | options
    with pytest.raises(kind, match=re.escape(message)) as caught:
        train(LINEAR, **given)
    assert "\n" not in str(caught.value)


def test_programs_whose_samples_cannot_be_told_apart() -> None:
    with pytest.raises(SpecificationError, match="cannot be told apart"):
        quiet(mlp(2, 1, batch=10), batch_size=5)
    assert quiet(mlp(2, 1, batch=10), batch_size=10).steps == 1
    b = Builder()
    data, w = b.input("X", n, 2), b.parameter("w", n, 2)
    program = b.loss(total((data - w) ** 2))
    with pytest.raises(SpecificationError, match="the parameter w has one entry per sample"):
        train(program, X, params={"w": X}, batch_size=5, progress=False)


# --- predictions --------------------------------------------------------------------------------------------------


def test_predictions_need_no_targets_and_only_the_parameters_they_use() -> None:
    net = mlp(2, 3, 2, loss="cross_entropy", penalty=0.1, bias=True)
    params, inputs = values(net)
    probabilities = predict(net, params, inputs["X"])
    assert probabilities.shape == (3, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert np.array_equal(probabilities, predict(backpropagate(net), params, {"X": inputs["X"]}))
    hidden = predict(net, {id: params[id] for id in ("W_1", "b_1")}, inputs["X"], output="l_1")
    assert hidden.shape == (3, 3)
    assert predict(net, params, inputs["X"], dtype="float32").dtype == np.float32
    assert predict(net, params, inputs["X"][0]).shape == (1, 2)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"params": {}}, ShapeError, "no value was given for W_1"),
        ({"X": [[1, 2, 3]]}, ShapeError, "X has shape (1, 3)"),
        ({"X": [[1, np.nan]]}, DataError, "X is NaN at row 1, column 2"),
        ({"output": "yhat"}, SpecificationError, "the program defines no 'yhat'; did you mean 'y_hat'?"),
        ({"net": PROGRAMS["two_losses"]()}, SpecificationError, "name one in output="),
    ],
)
def test_predictions_that_cannot_be_made(options: dict[str, Any], kind: type[BackproofError], message: str) -> None:
    given: dict[str, Any] = {"net": LINEAR, "params": {"W_1": [1, 2], "b_1": 0}, "X": [[1, 2]]} | options
    with pytest.raises(kind, match=re.escape(message)):
        predict(**given)


def test_a_prediction_that_is_not_finite() -> None:
    with pytest.raises(NonFiniteError, match="y_hat became infinite at row 1, column 1"):
        predict(LINEAR, {"W_1": [1e308, 1e308], "b_1": 0}, [[10, 10]])
