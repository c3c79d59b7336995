"""At a user's points nothing is called right that would be called so if it were wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.anatomy import Anatomy
from backproof.checking.findings import Verdict
from backproof.checking.truth import truth_at
from backproof.checking.untold import Place, untold, weak

RELU = bp.mlp(3, 4, 2, activation=("relu", "identity"))
SIGMOID = bp.mlp(4, 3, 3, 1)


def relu_gradients(W_1: Any, W_2: Any, X: Any, y: Any) -> dict[str, Any]:
    z = X @ W_1
    h = np.maximum(z, 0)
    d = h @ W_2 - y
    return {"W_1": X.T @ ((d @ W_2.T) * (z > 0)), "W_2": h.T @ d}


def without_mask(W_1: Any, W_2: Any, X: Any, y: Any) -> dict[str, Any]:
    h = np.maximum(X @ W_1, 0)
    d = h @ W_2 - y
    return {"W_1": X.T @ (d @ W_2.T), "W_2": h.T @ d}


def relu_point(seed: int = 0, active: bool = False) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    arrays = {id: rng.normal(size=s) for id, s in (("X", (6, 3)), ("y", (6, 2)), ("W_1", (3, 4)), ("W_2", (4, 2)))}
    return {id: np.abs(a) + 0.1 if active and id in ("X", "W_1") else a for id, a in arrays.items()}


def sigmoid_gradients(W_1: Any, W_2: Any, W_3: Any, X: Any, y: Any, ahead: float = 0.0, at: int = 0) -> dict[str, Any]:
    l_1 = 1 / (1 + np.exp(-(X @ W_1)))
    l_2 = 1 / (1 + np.exp(-(l_1 @ W_2)))
    l_3 = 1 / (1 + np.exp(-(l_2 @ W_3)))
    d_3 = (l_3 - y) * l_3 * (1 - l_3)
    g_3 = l_2.T @ d_3
    d_2 = (d_3 @ (W_3 - (ahead * g_3 if at == 3 else 0)).T) * l_2 * (1 - l_2)
    return {"W_1": X.T @ ((d_2 @ W_2.T) * l_1 * (1 - l_1)), "W_2": l_1.T @ d_2, "W_3": g_3}


def sigmoid_point(seed: int, scale: float, dtype: str = "float64") -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    sizes = {"W_1": (4, 3), "W_2": (3, 3), "W_3": (3, 1), "X": (8, 4)}
    arrays = {id: rng.normal(size=size) * (scale if id != "X" else 1) for id, size in sizes.items()}
    return {id: a.astype(dtype) for id, a in {**arrays, "y": rng.uniform(size=(8, 1))}.items()}


@pytest.mark.parametrize("function", [relu_gradients, without_mask])
def test_a_relu_that_is_always_active_does_not_tell_whether_its_mask_is_there(function: Any) -> None:
    report = bp.check(function, RELU, points=relu_point(active=True))
    assert report.verdict is Verdict.NOT_INFORMATIVE
    assert any(
        "right gradients are the same" in judged.reason and "give other points" in judged.reason
        for judged in report.judged
    )


def test_where_units_are_of_both_kinds_the_mask_is_told() -> None:
    assert bp.check(relu_gradients, RELU, points=relu_point()).ok
    assert bp.check(without_mask, RELU, points=relu_point()).verdict is Verdict.WRONG


def test_a_second_point_may_tell_what_the_first_does_not() -> None:
    points = [relu_point(active=True), relu_point()]
    assert bp.check(relu_gradients, RELU, points=points).ok
    assert bp.check(without_mask, RELU, points=points).verdict is Verdict.WRONG


def test_symmetric_weights_do_not_tell_a_transpose() -> None:
    net = bp.mlp(3, 2, 2, activation=("tanh", "identity"))
    rng = np.random.default_rng(1)
    point = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=(5, 2)), "W_1": rng.normal(size=(3, 2))}

    def gradients(W_1: Any, W_2: Any, X: Any, y: Any) -> dict[str, Any]:
        h = np.tanh(X @ W_1)
        d = h @ W_2 - y
        return {"W_1": X.T @ ((d @ W_2) * (1 - h * h)), "W_2": h.T @ d}

    symmetric = np.array([[0.7, 0.2], [0.2, -0.4]])
    report = bp.check(gradients, net, points={**point, "W_2": symmetric})
    assert report.verdict is Verdict.NOT_INFORMATIVE
    assert (
        bp.check(gradients, net, points={**point, "W_2": symmetric + np.array([[0, 0.3], [0, 0]])}).verdict
        is Verdict.WRONG
    )


def test_a_saturated_entry_is_enough_not_to_be_called_right() -> None:
    """Every second of these has units whose σ' is lost: then an entry that is off by 1 % would pass."""
    seen = set()
    for seed in range(6):
        point = sigmoid_point(seed, 20)
        right = bp.check(sigmoid_gradients, SIGMOID, points=point).verdict

        def off(W_1: Any, W_2: Any, W_3: Any, X: Any, y: Any) -> dict[str, Any]:
            found = sigmoid_gradients(W_1, W_2, W_3, X, y)
            found["W_1"][0] *= 1.01
            return found

        wrong = bp.check(off, SIGMOID, points=point).verdict
        assert right is not Verdict.WRONG
        assert wrong is not Verdict.RIGHT
        seen.add(right)
    assert seen == {Verdict.RIGHT, Verdict.NOT_INFORMATIVE}


@pytest.mark.parametrize(("scale", "dtype"), [(20.0, "float64"), (6.0, "float32"), (1.0, "float32")])
def test_stale_weights_never_pass(scale: float, dtype: str) -> None:
    for seed in range(3):

        def stale(W_1: Any, W_2: Any, W_3: Any, X: Any, y: Any) -> dict[str, Any]:
            return sigmoid_gradients(W_1, W_2, W_3, X, y, ahead=W_1.dtype.type(0.01), at=3)

        with np.errstate(over="ignore"):
            report = bp.check(stale, SIGMOID, points=sigmoid_point(seed, scale, dtype), dtype=dtype)
        assert report.verdict is not Verdict.RIGHT


def test_an_informative_point_is_not_weak_and_costs_no_mutants() -> None:
    trace, anatomy = backpropagate(RELU), Anatomy(backpropagate(RELU))

    def place(point: Mapping[str, Any]) -> Place:
        return Place(anatomy, point, truth_at(trace, point))

    assert not weak(place(relu_point()))
    assert weak(place(relu_point(active=True)))
    assert weak(place({**relu_point(), "y": np.zeros((6, 2))}))
    one = {id: a[:1] if id in ("X", "y") else a for id, a in relu_point().items()}
    assert weak(place(one))
    assert untold(trace, [relu_point()], [truth_at(trace, relu_point())], [None]) == ""
    assert untold(trace, [relu_point(active=True)], [truth_at(trace, relu_point(active=True))], [None])
