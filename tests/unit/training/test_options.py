"""What a training can do beside steps: schedules, clipping, dropout, normalisation, weights, validation, patience."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.errors import BackproofError, SpecificationError
from backproof.kernels.numpy_backend import compile_numpy
from backproof.networks import mlp
from backproof.training import TrainingResult, predict, train
from backproof.training.schedules import Horizon, Schedule, schedule_named

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "llvm"])
rng = np.random.default_rng(11)
X = rng.normal(size=(37, 4))
Y = np.sin(X[:, :1]) + 0.1 * rng.normal(size=(37, 1))
SHAPE: dict[str, Any] = {
    "activation": "tanh", "output_activation": "identity", "bias": True, "loss": "mean_squared_error",
}  # fmt: skip
NET = mlp(4, 6, 5, 1, **SHAPE)
NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dropout": {"dropout": 0.3},
    "batch normalisation": {"normalization": "batch"},
    "layer normalisation and dropout": {"normalization": "layer", "dropout": 0.2},
    "weighted, penalised": {"weighted": True, "penalty": 0.01, "penalty_l1": 0.01},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "a schedule": {"schedule": "warmup(steps=5) + cosine", "optimizer": "adam"},
    "one cycle, full batch": {"schedule": "one_cycle", "batch_size": None},
    "plateau": {"schedule": "plateau(patience=1, factor=0.5)"},
    "clipping": {"clip_norm": 0.1, "clip_value": 0.05, "optimizer": "momentum"},
    "lion": {"optimizer": "lion(weight_decay=0.1)", "learning_rate": 0.003},
    "rmsprop": {"optimizer": "rmsprop", "learning_rate": 0.003},
}


def trained(net: Any = NET, **options: Any) -> TrainingResult:
    given = {"X": X, "y": Y, "batch_size": 8, "epochs": 6, "learning_rate": 0.02, "progress": False, **options}
    return train(net, **given)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_machine_code_makes_the_steps_of_the_reference(network: str, options: str) -> None:
    """Batches of 8 and a rest of 5: masks, running means and rates have to go on across both functions."""
    net = mlp(4, 6, 5, 1, **SHAPE, **NETWORKS[network])
    reference, ours = (trained(net, backend=backend, **OPTIONS[options]) for backend in ("numpy", "llvm"))
    assert ours.settings["backend"] == "llvm"
    for id, array in reference.params.items():
        np.testing.assert_allclose(ours.params[id], array, rtol=1e-7, atol=1e-9, err_msg=id)
    np.testing.assert_allclose([e.loss for e in ours.history], [e.loss for e in reference.history], rtol=1e-7)


# --- the learning rate ----------------------------------------------------------------------------------------------


@BACKENDS
def test_every_step_has_the_rate_of_its_schedule(backend: str) -> None:
    """A gradient that is always 1: the parameter moves by the sum of the rates."""
    net = mlp(1, 1, activation="identity", loss="mean_squared_error", batch=1)
    schedule = schedule_named("warmup(steps=3) + cosine")
    assert isinstance(schedule, Schedule)
    result = train(
        net, [[0.5]], [[-1e6]], {"W_1": [[0.0]]}, learning_rate=1e-9, epochs=10, schedule=schedule, backend=backend,
        progress=False,
    )  # fmt: skip
    rates = 1e-9 * schedule.factors(0, 10, Horizon(10, 1))
    assert [epoch.learning_rate for epoch in result.history] == rates.tolist()
    np.testing.assert_allclose(result.params["W_1"], -rates.sum() * 1e6, rtol=1e-6)


@BACKENDS
def test_a_plateau_lowers_the_rate_when_the_loss_no_longer_falls(backend: str) -> None:
    net = mlp(1, 1, activation="identity", loss="mean_squared_error")
    result = train(
        net, [[1.0]], [[0.0]], {"W_1": [[1.0]]}, learning_rate=1.0, epochs=12, backend=backend, progress=False,
        schedule="plateau(patience=3, factor=0.1, least=0.05)",
    )  # fmt: skip
    assert [epoch.learning_rate for epoch in result.history] == [1.0] * 4 + [0.1] * 8, "at 1 it jumps to and fro"
    assert result.loss < 0.05


# --- gradients ------------------------------------------------------------------------------------------------------


@BACKENDS
def test_clipping_is_what_it_says(backend: str) -> None:
    start = {id: a.copy() for id, a in trained(epochs=1).params.items()}
    _, gradients = compile_numpy(backpropagate(NET))(start, X, Y)
    cut = {id: np.clip(g, -0.02, 0.02) for id, g in gradients.items()}
    norm = np.sqrt(sum((g**2).sum() for g in cut.values()))
    assert norm > 0.03
    result = trained(
        params=start, batch_size=None, epochs=1, learning_rate=1, clip_value=0.02, clip_norm=0.03, backend=backend
    )
    for id, before in start.items():
        np.testing.assert_allclose(result.params[id], before - cut[id] * 0.03 / norm, rtol=1e-10, atol=1e-14)


@BACKENDS
def test_small_gradients_are_not_clipped(backend: str) -> None:
    plain, clipped = (trained(backend=backend, **options) for options in ({}, {"clip_norm": 1e6, "clip_value": 1e6}))
    for id, array in plain.params.items():
        np.testing.assert_allclose(clipped.params[id], array, rtol=1e-12)


# --- random masks, remembered means -----------------------------------------------------------------------------------


@BACKENDS
def test_dropout_depends_on_the_seed_alone(backend: str) -> None:
    net = mlp(4, 6, 5, 1, **SHAPE, dropout=0.5)
    start = trained(epochs=0).params
    one, again, other = (trained(net, params=start, shuffle=False, seed=s, backend=backend) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.params["W_1"], again.params["W_1"])
    assert not np.allclose(one.params["W_1"], other.params["W_1"])


def test_predictions_of_a_network_with_dropout_do_not_depend_on_chance() -> None:
    net = mlp(4, 6, 5, 1, **SHAPE, dropout=0.5)
    result = trained(net)
    plain = predict(NET, result.params, X)
    np.testing.assert_array_equal(predict(net, result.params, X), plain)
    np.testing.assert_allclose(result.loss, np.mean((plain - Y) ** 2), rtol=1e-12)


@BACKENDS
def test_running_means_come_close_to_those_of_the_data(backend: str) -> None:
    net = mlp(4, 6, 1, **SHAPE, normalization="batch")
    result = trained(net, batch_size=None, epochs=200, learning_rate=1e-9, backend=backend)
    a = X @ result.params["W_1"]
    np.testing.assert_allclose(result.params["running_mu_1"], a.mean(0, keepdims=True), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(result.params["running_square_1"], a.var(0, keepdims=True) + 1e-5, rtol=1e-6)
    u = (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5)
    np.testing.assert_allclose(predict(net, result.params, X[:3], output="u_1"), u[:3], rtol=1e-5, atol=1e-6)


def test_what_was_remembered_is_taken_up_again() -> None:
    net = mlp(4, 6, 1, **SHAPE, normalization="batch")
    first = trained(net, shuffle=False, epochs=1)
    second = trained(net, shuffle=False, epochs=1, params=first.params)
    whole = trained(net, shuffle=False, epochs=2)
    for id, array in whole.params.items():
        np.testing.assert_allclose(second.params[id], array, rtol=1e-12, err_msg=id)


# --- weights ----------------------------------------------------------------------------------------------------------


@BACKENDS
def test_samples_without_weight_might_as_well_be_missing(backend: str) -> None:
    net = mlp(4, 6, 5, 1, **{**SHAPE, "loss": "half_squared_error"}, weighted=True)
    kept = np.arange(37) % 3 != 0
    start = trained(epochs=0).params
    some = trained(net, params=start, batch_size=None, weights=kept.astype(float), backend=backend, learning_rate=0.001)
    plain = mlp(4, 6, 5, 1, **{**SHAPE, "loss": "half_squared_error"})
    fewer = train(plain, X[kept], Y[kept], start, epochs=6, learning_rate=0.001, progress=False, backend=backend)
    for id, array in fewer.params.items():
        np.testing.assert_allclose(some.params[id], array, rtol=1e-10)


def test_weights_are_one_where_nobody_gives_them() -> None:
    weighted, plain = trained(mlp(4, 6, 5, 1, **SHAPE, weighted=True)), trained()
    np.testing.assert_allclose(weighted.params["W_2"], plain.params["W_2"], rtol=1e-12)


# --- validation -------------------------------------------------------------------------------------------------------


@BACKENDS
def test_a_share_is_held_out_and_judged_after_each_epoch(backend: str) -> None:
    result = trained(validation=0.25, metrics=["rmse", "r2", "mae"], backend=backend)
    held = np.sort(np.random.default_rng([0, 2]).permutation(37)[:9])
    prediction = predict(NET, result.params, X[held])
    last = result.history[-1]
    assert last.validation_loss == pytest.approx(np.mean((prediction - Y[held]) ** 2), rel=1e-12)
    assert last.metrics["rmse"] ** 2 == pytest.approx(last.validation_loss)
    spread = np.sum((Y[held] - Y[held].mean()) ** 2)
    assert last.metrics["r2"] == pytest.approx(1 - np.sum((prediction - Y[held]) ** 2) / spread)
    assert result.steps == 6 * 4, "28 samples are trained on, in batches of 8"


def test_held_out_data_of_ones_own() -> None:
    result = trained(X=X[:30], y=Y[:30], validation=(X[30:], Y[30:]))
    prediction = predict(NET, result.params, X[30:])
    assert result.history[-1].validation_loss == pytest.approx(np.mean((prediction - Y[30:]) ** 2), rel=1e-12)


def test_the_validation_loss_has_no_penalty() -> None:
    net = mlp(4, 6, 5, 1, **SHAPE, penalty=10)
    result = trained(net, X=X[:30], y=Y[:30], validation=(X[30:], Y[30:]))
    prediction = predict(net, result.params, X[30:])
    assert result.history[-1].validation_loss == pytest.approx(np.mean((prediction - Y[30:]) ** 2), rel=1e-12)


@BACKENDS
@pytest.mark.parametrize("batch_size", [8, None])
def test_patience_ends_the_training_with_the_best_parameters(backend: str, batch_size: int | None) -> None:
    noise = np.random.default_rng(0).normal(size=(10, 1))
    result = trained(
        X=X[:10], y=noise, validation=(X[10:], Y[10:]), patience=5, epochs=500, learning_rate=0.1, backend=backend,
        batch_size=batch_size,
    )  # fmt: skip
    assert result.stopped == "early"
    losses = [epoch.validation_loss for epoch in result.history]
    assert result.best_epoch == 1 + int(np.argmin(losses))  # type: ignore[arg-type]
    assert result.epochs_run == result.best_epoch + 5
    best = np.mean((predict(NET, result.params, X[10:]) - Y[10:]) ** 2)
    assert best == pytest.approx(min(losses), rel=1e-12)  # type: ignore[type-var]


def test_accuracy_of_classes() -> None:
    net = mlp(4, 8, 3, loss="cross_entropy")
    labels = np.eye(3)[np.argmax(X[:, :3], axis=1)]
    result = train(
        net, X, labels, validation=(X, labels), metrics=["accuracy"], epochs=200, learning_rate=0.05, optimizer="adam",
        progress=False,
    )  # fmt: skip
    found = np.argmax(predict(net, result.params, X), axis=1)
    assert result.history[-1].metrics["accuracy"] == np.mean(found == np.argmax(labels, axis=1)) > 0.9


# --- norms ------------------------------------------------------------------------------------------------------------


@BACKENDS
def test_norms_are_those_of_the_gradients_and_updates(backend: str) -> None:
    result = trained(norms=True, batch_size=None, epochs=1, backend=backend)
    start = trained(epochs=0, batch_size=None).params
    [epoch] = result.history
    _, gradients = compile_numpy(backpropagate(NET))(result.params, X, Y)
    for id, gradient in gradients.items():
        assert epoch.gradient_norms[id] == pytest.approx(np.linalg.norm(gradient), rel=1e-9)
        moved = np.linalg.norm(result.params[id] - start[id])
        size = np.linalg.norm(start[id])
        assert epoch.update_ratios[id] == (pytest.approx(moved / size, rel=1e-9) if size else np.inf)


def test_norms_change_nothing_and_are_measured_rarely() -> None:
    plain, watched = (trained(norms=norms, epochs=60) for norms in (False, True))
    np.testing.assert_array_equal(plain.params["W_1"], watched.params["W_1"])
    measured = [epoch.number for epoch in watched.history if epoch.gradient_norms]
    assert measured[0] == 1
    assert len(measured) == 20


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"schedule": "cosin"}, "unknown schedule 'cosin'"),
        ({"clip_norm": 0}, "clip_norm must be a positive finite number"),
        ({"patience": 5}, "patience needs validation data"),
        ({"patience": 0, "validation": 0.2}, "patience must be at least 1"),
        ({"validation": 1.5}, "between 0 and 1"),
        ({"validation": 0.001}, "leaves nothing on one side"),
        ({"validation": "yes"}, "validation must be a share"),
        ({"metrics": ["accuracy"]}, "metrics are measured on validation data"),
        ({"metrics": ["acuracy"], "validation": 0.2}, "did you mean 'accuracy'"),
        ({"weights": np.ones(37)}, "make it with weighted=True"),
    ],
)
def test_what_is_refused_in_one_line(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BackproofError, match=complaint) as caught:
        trained(**options)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, SpecificationError)
