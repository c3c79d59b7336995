"""Training steps: in place or returned, right, stale, exchanged, uphill, or without effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import backproof as bp
from backproof.checking.findings import Verdict

Array = npt.NDArray[Any]
Step = Callable[..., Any]
SQUARE = bp.mlp(3, 3, 3)


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def gradients(W1: Array, W2: Array, X: Array, y: Array) -> tuple[Array, Array]:
    l1 = sigmoid(X @ W1)
    l2 = sigmoid(l1 @ W2)
    d2 = (l2 - y) * l2 * (1 - l2)
    return X.T @ (d2 @ W2.T * l1 * (1 - l1)), l1.T @ d2


# --- right --------------------------------------------------------------------------------------------------------


def in_place(params: dict[str, Array], X: Array, y: Array, lr: float) -> None:
    for array, gradient in zip(params.values(), gradients(params["W1"], params["W2"], X, y), strict=True):
        array -= lr * gradient


def rebound_in_the_mapping(params: dict[str, Array], X: Array, y: Array, lr: float) -> float:
    dW1, dW2 = gradients(params["W_1"], params["W_2"], X, y)
    params["W_1"], params["W_2"] = params["W_1"] - lr * dW1, params["W_2"] - lr * dW2
    return 0.25


def returned(W1: Array, W2: Array, X: Array, y: Array, eta: float = 0.1) -> tuple[Array, Array]:
    dW1, dW2 = gradients(W1, W2, X, y)
    return W1 - eta * dW1, W2 - eta * dW2


def a_list_of_matrices(weights: list[Array], X: Array, y: Array, learning_rate: float) -> list[Array]:
    found = gradients(weights[0], weights[1], X, y)
    return [W - learning_rate * g for W, g in zip(weights, found, strict=True)]


def error_reversed_and_added(params: dict[str, Array], X: Array, y: Array, alpha: float) -> None:
    """The seed's style: e = y − ŷ, and the update adds."""
    l1 = sigmoid(X @ params["W_1"])
    l2 = sigmoid(l1 @ params["W_2"])
    d2 = (y - l2) * l2 * (1 - l2)
    d1 = d2 @ params["W_2"].T * l1 * (1 - l1)
    params["W_1"] += alpha * X.T @ d1
    params["W_2"] += alpha * l1.T @ d2


def columns_in_float32(params: Mapping[str, Array], X: Array, y: Array, lr: float) -> dict[str, Array]:
    arrays = [np.asarray(a, np.float32).T for a in (params["W_1"], params["W_2"], X, y)]
    found = zip(params.items(), gradients(*arrays), strict=True)
    return {id: np.asarray(array, np.float32) - np.float32(lr) * g.T for (id, array), g in found}


RIGHT = (in_place, rebound_in_the_mapping, returned, a_list_of_matrices, error_reversed_and_added, columns_in_float32)


@pytest.mark.parametrize("step", RIGHT, ids=lambda f: f.__name__)
def test_right_steps(step: Step) -> None:
    report = bp.check(step, SQUARE if step is not columns_in_float32 else bp.mlp(3, 2, 1))
    if step is rebound_in_the_mapping:
        assert report.judged[-1].id == "L"
        assert [j.verdict for j in report.judged[:-1]] == [Verdict.RIGHT] * 2
    else:
        assert report.ok, str(report)


# --- wrong --------------------------------------------------------------------------------------------------------


def stale(params: dict[str, Array], X: Array, y: Array, lr: float) -> None:
    l1 = sigmoid(X @ params["W_1"])
    l2 = sigmoid(l1 @ params["W_2"])
    d2 = (l2 - y) * l2 * (1 - l2)
    params["W_2"] -= lr * l1.T @ d2
    params["W_1"] -= lr * X.T @ (d2 @ params["W_2"].T * l1 * (1 - l1))


def exchanged(params: dict[str, Array], X: Array, y: Array, lr: float) -> None:
    dW1, dW2 = gradients(params["W_1"], params["W_2"], X, y)
    params["W_1"] -= lr * dW2
    params["W_2"] -= lr * dW1


def uphill(params: dict[str, Array], X: Array, y: Array, lr: float) -> None:
    dW1, dW2 = gradients(params["W_1"], params["W_2"], X, y)
    params["W_1"] += lr * dW1
    params["W_2"] += lr * dW2


def rebound_names_only(W1: Array, W2: Array, X: Array, y: Array, lr: float) -> None:
    dW1, dW2 = gradients(W1, W2, X, y)
    W1 = W1 - lr * dW1
    W2 = W2 - lr * dW2


def own_rate(params: dict[str, Array], X: Array, y: Array, lr: float) -> None:
    for array, gradient in zip(params.values(), gradients(params["W_1"], params["W_2"], X, y), strict=True):
        array -= 0.05 * gradient


def doubled(params: dict[str, Array], X: Array, y: Array, lr: float) -> None:
    dW1, dW2 = gradients(params["W_1"], params["W_2"], X, y)
    params["W_1"] -= 2 * lr * dW1
    params["W_2"] -= lr * dW2


def other_shape(params: dict[str, Array], X: Array, y: Array, lr: float) -> dict[str, Array]:
    dW1, dW2 = gradients(params["W_1"], params["W_2"], X, y)
    return {"W_1": (params["W_1"] - lr * dW1)[:2], "W_2": params["W_2"] - lr * dW2}


WRONG = {
    stale: ("stale-weights", "delta_1", "stale updates W_2 before delta_1 is computed with it"),
    exchanged: ("updates-swapped", "grad_W_1", "exchanges the updates of W_1 and W_2"),
    uphill: ("update-sign", "", "adds the gradients"),
    rebound_names_only: ("no-update", "", "changes no parameter"),
    own_rate: ("rate-ignored", "", "ignores its rate"),
    doubled: (None, "grad_W_1", ""),
    other_shape: ("shape", "", "has shape (2, 3), but W_1 has shape (3, 3)"),
}


@pytest.mark.parametrize("step", WRONG, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_wrong_steps(step: Step, dtype: str) -> None:
    rng = np.random.default_rng(1)
    shapes = {"X": (5, 3), "y": (5, 3), "W_1": (3, 3), "W_2": (3, 3)}
    point = {id: rng.normal(size=shape).astype(dtype) for id, shape in shapes.items()}
    kind, equation, words = WRONG[step]
    for report in (bp.check(step, SQUARE), bp.check(step, SQUARE, points=point)):
        assert report.verdict is Verdict.WRONG
        assert words in report.findings[0].sentence
        assert report.findings[0].equation == equation
        assert kind in (None, report.findings[0].kind)


def test_a_step_whose_rate_has_another_name_is_asked_for_by_kind() -> None:
    def step(params: dict[str, Array], X: Array, y: Array, speed: float) -> None:
        in_place(params, X, y, speed)

    assert bp.check(step, SQUARE, kind="step").ok


def test_a_step_that_raises_is_told() -> None:
    def step(params: dict[str, Array], X: Array, y: Array, lr: float) -> None:
        params["W_1"] -= lr * (X @ y)

    report = bp.check(step, SQUARE)
    assert report.findings[0].kind == "raises"
    assert "X is (5, 3), y is (5, 3)" in report.findings[0].sentence


def test_half_precision_takes_larger_rates() -> None:
    def step(params: dict[str, Array], X: Array, y: Array, lr: float) -> dict[str, Array]:
        arrays = [np.asarray(a, np.float16) for a in (params["W_1"], params["W_2"], X, y)]
        found = gradients(*arrays)
        return {f"W_{k}": arrays[k - 1] - np.float16(lr) * g for k, g in enumerate(found, start=1)}

    assert bp.check(step, bp.mlp(3, 2, 1), dtype="float16").verdict is not Verdict.WRONG
