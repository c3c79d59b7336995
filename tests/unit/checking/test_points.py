"""Points: what is drawn tells of every entry, and what does not tell says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking.points import MOST_POINTS, draw_points, telling, why_not
from backproof.checking.precision import precision_of
from backproof.checking.truth import Known, truth_at
from backproof.ir.program import Program

Array = npt.NDArray[Any]

NETWORKS: Mapping[str, Program] = {
    "3-2-1": bp.mlp(3, 2, 1),
    "relu": bp.mlp(4, 6, 5, 3, activation="relu", bias=True, loss="cross_entropy"),
    "one unit": bp.mlp(1, 1, activation="relu"),
    "binary": bp.mlp(3, 3, 1, loss="binary_cross_entropy", samples="columns"),
    "deep": bp.mlp(*[4] * 10, activation="tanh"),
    "absolute": bp.mlp(3, 2, loss="mean_absolute_error"),
    "regression": bp.parse("input X: n, d; input y: n; parameter w: d; L = sum((X@w - y)^2)/n"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS)
def test_every_entry_is_decided_at_one_of_at_most_five_points(net: Program, dtype: str) -> None:
    trace = backpropagate(net)
    points = draw_points(trace, dtype)
    assert 2 <= len(points) <= MOST_POINTS
    known = [truth_at(trace, point, dtype, likely=True) for point in points]
    for id in trace.gradients.values():
        assert np.logical_or.reduce([k[id].decided() for k in known]).all()
        assert telling(known, id, precision_of(dtype)).enough


@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS)
def test_numbers_that_every_precision_holds(net: Program) -> None:
    for point in draw_points(backpropagate(net)):
        for array in point.values():
            assert array.dtype == np.float64
            assert np.array_equal(array, array.astype(np.float32))


def test_targets_are_what_the_loss_allows() -> None:
    one_hot = draw_points(backpropagate(NETWORKS["relu"]))[0]["y"]
    assert set(np.unique(one_hot)) == {0, 1}
    assert (one_hot.sum(axis=1) == 1).all()
    assert set(np.unique(draw_points(backpropagate(NETWORKS["binary"]))[0]["y"])) <= {0, 1}


def test_batch_sizes_differ_from_each_other_and_from_every_layer() -> None:
    points = draw_points(backpropagate(bp.mlp(5, 7, 1)))
    sizes = {len(point["X"]) for point in points}
    assert len(sizes) == 2
    assert not sizes & {5, 7, 1}


def test_a_dimension_of_a_parameter_is_the_same_at_every_point() -> None:
    points = draw_points(backpropagate(NETWORKS["regression"]))
    assert len({point["w"].shape for point in points}) == 1
    assert len({len(point["X"]) for point in points}) == 2


def test_the_seed_decides() -> None:
    trace = backpropagate(NETWORKS["3-2-1"])
    first, again, other = (draw_points(trace, seed=seed)[0]["W_1"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# --- what does not tell -------------------------------------------------------------------------------------------


def reason(net: Program, id: str, dtype: str = "float64", **changed: Any) -> str:
    trace = backpropagate(net)
    point = {**draw_points(trace)[0]}
    for name, value in changed.items():
        point[name] = np.broadcast_to(value, point[name].shape).astype(np.float64)
    known, settled = truth_at(trace, point, dtype), truth_at(trace, point, dtype, settled=True)
    assert not telling([known], id, precision_of(dtype), [settled]).enough
    return why_not(trace, [known], [settled], [point], id, precision_of(dtype))


def test_zero_has_its_cause() -> None:
    net = bp.mlp(3, 4, 2, activation="relu", bias=True)
    assert "because X is" in reason(net, "grad_W_1", X=0)
    assert "because l_1 is" in reason(net, "grad_W_2", W_1=-1, X=1, b_1=-1)
    assert "because l_1 is" in reason(net, "grad_W_1", W_1=-1, X=1, b_1=-1)


def test_saturation_says_how_small() -> None:
    found = reason(bp.mlp(3, 2, 1), "grad_W_1", W_1=300, X=1)
    assert "6 of 6 entries are so small beside their rounding errors in float64" in found
    assert found.endswith("take smaller weights or inputs")
    assert reason(bp.mlp(3, 2, 1), "grad_W_1", "float32", W_1=10, X=1).endswith(", or float64")


def test_kinks_are_told_apart_from_saturation() -> None:
    net = bp.mlp(3, 4, 2, activation="relu", bias=True)
    assert reason(net, "grad_b_1", X=0, b_1=0).startswith("units stand exactly at their kinks")


def test_a_kink_that_leaves_little_open_is_decided() -> None:
    known = [{"g": Known(np.array([[1.0]]), np.array([[0.3]]))}]
    sure = [{"g": Known(np.array([[1.1]]), np.array([[1e-12]]))}]
    double = precision_of("float64")
    assert not telling(known, "g", double).enough
    assert telling(known, "g", double, sure).enough
    assert not telling([{"g": Known(np.array([[1.0]]), np.array([[0.6]]))}], "g", double, sure).enough


def test_most_entries_that_are_not_zero_must_be_decided() -> None:
    value = np.array([[1.0, 1.0, 1.0, 0.0]])
    for drowned, enough in ((1, True), (2, False)):
        bound = np.array([[1e-9, 1e-9, 1e-9, 0.0]])
        bound[0, :drowned] = 1
        found = telling([{"g": Known(value, bound)}], "g", precision_of("float64"))
        assert (found.decided, found.zero, found.enough) == (3 - drowned, 1, enough)


def test_what_overflows_says_so() -> None:
    net = bp.mlp(3, 2, activation="identity")
    assert "overflow" in reason(net, "grad_W_1", X=1e200, W_1=1e200)


def test_no_exponential_overflows_at_drawn_points() -> None:
    for net in (NETWORKS["relu"], bp.mlp(2, 2, 3, 3, activation="relu", bias=True, loss="cross_entropy")):
        trace = backpropagate(net)
        for seed in range(8):
            for point in draw_points(trace, seed=seed):
                known = truth_at(trace, point)
                assert np.abs(known[f"z_{len(net.parameters) // 2}"].value).max() <= 20
