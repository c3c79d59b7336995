"""The right values and their bounds: never too narrow for a correct program, narrow enough for a wrong one to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.checking.points import draw_points
from backproof.checking.precision import PRECISIONS, precision_of
from backproof.checking.truth import Known, as_written, deviation, known_from, truth_at
from backproof.errors import ShapeError, SpecificationError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.networks import mlp

Array = npt.NDArray[Any]

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "sigmoid": {},
    "relu": {"activation": "relu", "bias": True},
    "tanh, cross-entropy": {"activation": "tanh", "loss": "cross_entropy"},
    "binary cross-entropy": {"loss": "binary_cross_entropy", "bias": True},
    "leaky": {"activation": "leaky_relu", "loss": "mean_squared_error"},
    "gelu in columns": {"activation": "gelu", "samples": "columns"},
    "softmax": {"activation": "softmax"},
    "elu, absolute error": {"activation": "elu", "loss": "mean_absolute_error"},
    "softplus, penalty": {"activation": "softplus", "penalty": 0.1},
}


def point_of(trace: Trace, scale: float, seed: int, n: int = 5) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    program = trace.program
    point = {}
    for name in (*program.inputs, *program.parameters):
        shape = tuple(dim if isinstance(dim, int) else n for dim in name.shape)
        point[name.id] = rng.normal(size=shape) * (scale if name.id.startswith("W") else 1)
    structure = program.structure
    if structure is not None and "cross_entropy" in structure.loss:
        units = program.names["y"].shape[1]
        assert isinstance(units, int)
        point["y"] = np.eye(units)[rng.integers(units, size=n)]
    return point


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS)
def test_what_the_precision_computes_is_within_its_bounds(options: Mapping[str, Any], dtype: str) -> None:
    trace = backpropagate(mlp(4, 3, 2, 2, **options))
    for seed, scale in enumerate((1.0, 6.0, 20.0)):
        point = point_of(trace, scale, seed)
        known = truth_at(trace, point, dtype)
        with np.errstate(all="ignore"):
            rounded = {id: array.astype(dtype) for id, array in point.items()}
            computed = evaluate_program(trace.joint, rounded, Evaluator(NumpyArithmetic(dtype), {"n": 5}))
        for id, bounded in known.items():
            if np.isfinite(computed[id]).all():
                assert deviation(bounded, computed[id]) is None, id


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS)
def test_one_per_cent_shows_at_ordinary_points(options: Mapping[str, Any], dtype: str) -> None:
    trace = backpropagate(mlp(4, 3, 2, 2, **options))
    points = [truth_at(trace, point, dtype) for point in draw_points(trace, dtype)]
    for id in trace.gradients.values():
        for index in np.ndindex(points[0][id].value.shape):
            assert any(deviation(known[id], _off(known[id].value, index)) is not None for known in points)


def _off(value: Array, index: tuple[int, ...]) -> Array:
    changed = value.copy()
    changed[index] *= 1.01
    return changed


SPELLINGS = {
    "textbook": lambda z: 1 / (1 + np.exp(-z)),
    "by tanh": lambda z: (1 + np.tanh(z / 2)) / 2,
    "the other exponential": lambda z: np.exp(z) / (1 + np.exp(z)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_the_sigmoid_is_right(spelling: Any, dtype: str) -> None:
    trace = backpropagate(mlp(1, 1))
    X = np.linspace(-60, 60, 400).reshape(-1, 1).astype(dtype)
    W, y = np.ones((1, 1), dtype), np.zeros((400, 1), dtype)
    known = truth_at(trace, {"X": X, "W_1": W, "y": y}, dtype)
    value = spelling(X @ W)
    assert deviation(known["y_hat"], value) is None
    assert deviation(known["y_hat"], value * 1.01) is not None


def test_at_a_kink_everything_between_the_one_sided_derivatives_is_right() -> None:
    trace = backpropagate(mlp(2, 2, 1, activation=["relu", "identity"], bias=True))
    point = point_of(trace, 1.0, 3)
    point["b_1"][:] = 0
    point["X"][0] = 0
    known = truth_at(trace, point)
    slope = point["W_2"].T * (known["y_hat"].value - point["y"])[:1]
    delta = known["delta_1"].value
    for share in (0.0, 0.5, 1.0):
        assert deviation(known["delta_1"], np.vstack([share * slope, delta[1:]])) is None
    for share in (-0.1, 1.1):
        found = deviation(known["delta_1"], np.vstack([share * slope, delta[1:]]))
        assert found is not None
        assert found.index[0] == 0
    assert deviation(known["grad_W_1"], point["X"].T @ np.vstack([0 * slope, delta[1:]])) is None


def test_settled_kinks_have_the_derivation_s_convention_only() -> None:
    trace = backpropagate(mlp(2, 2, 1, activation=["relu", "identity"], bias=True))
    point = point_of(trace, 1.0, 3)
    point["b_1"][:] = 0
    point["X"][0] = 0
    known = truth_at(trace, point, settled=True)
    assert not known["delta_1"].value[0].any()
    assert known["delta_1"].bound[0].max() < 1e-300


def test_likely_errors_are_smaller_than_possible_ones_and_hold() -> None:
    trace = backpropagate(mlp(400, 50, 3, activation="relu", loss="cross_entropy"))
    point = {id: array * (0.05 if id.startswith("W") else 1) for id, array in point_of(trace, 1.0, 1, n=20).items()}
    possible, likely = truth_at(trace, point, "float32"), truth_at(trace, point, "float32", likely=True)
    assert likely["grad_W_1"].bound.max() < possible["grad_W_1"].bound.max() / 20
    rounded = {id: array.astype(np.float32) for id, array in point.items()}
    computed = evaluate_program(trace.joint, rounded, Evaluator(NumpyArithmetic("float32"), {"n": 20}))
    for id in trace.gradients.values():
        assert deviation(likely[id], computed[id]) is None


def test_the_textbook_loss_may_lose_what_logarithms_lose() -> None:
    trace = backpropagate(mlp(1, 1, loss="binary_cross_entropy"))
    point = {"X": np.array([[14.0]]), "y": np.array([[0.0]]), "W_1": np.array([[1.0]])}
    p = 1 / (1 + np.exp(-np.float32(14)))
    naive = -np.log(1 - p)
    assert deviation(truth_at(trace, point, "float64")["L"], np.asarray(naive)) is not None
    assert deviation(as_written(trace, "L", point, "float32"), np.asarray(naive)) is None


# --- one equation -------------------------------------------------------------------------------------------------


def test_an_equation_on_the_user_s_own_values() -> None:
    trace = backpropagate(mlp(3, 2, 1))
    point = point_of(trace, 1.0, 0)
    wrong = {**point, "l_1": np.full((5, 2), 0.25), "delta_2": np.ones((5, 1))}
    known = known_from(trace, "delta_1", wrong)
    assert deviation(known, np.ones((5, 1)) @ point["W_2"].T * 0.25 * 0.75) is None
    assert deviation(known, np.ones((5, 1)) @ point["W_2"].T * 0.25) is not None


def test_an_equation_s_kink_is_known_from_what_lies_upstream() -> None:
    trace = backpropagate(mlp(2, 2, 1, activation=["relu", "identity"]))
    point = {"X": np.array([[0.0, 0.0], [1.0, 1.0]]), "y": np.zeros((2, 1)), "W_2": np.ones((2, 1))}
    values = {**point, "W_1": -np.ones((2, 2)), "l_1": np.zeros((2, 2)), "delta_2": np.ones((2, 1))}
    known = known_from(trace, "delta_1", values)
    assert deviation(known, np.array([[1.0, 0.5], [0, 0]])) is None
    assert deviation(known, np.array([[0, 0], [1.0, 0]])) is not None


def test_an_equation_that_is_not_there_or_lacks_values_is_refused() -> None:
    trace = backpropagate(mlp(3, 2, 1))
    with pytest.raises(SpecificationError, match=r"no equation for 'delta_9'; did you mean"):
        known_from(trace, "delta_9", {})
    with pytest.raises(SpecificationError, match=r"delta_1 needs W_2, delta_2, l_1"):
        known_from(trace, "delta_1", {})


# --- comparing ----------------------------------------------------------------------------------------------------


def test_the_worst_entry_is_found_and_all_outside_are_counted() -> None:
    known = Known(np.array([[1.0, 2.0], [3.0, 4.0]]), np.full((2, 2), 0.5))
    found = deviation(known, np.array([[1.0, 2.6], [4.0, 4.5]]))
    assert found is not None
    assert (found.index, found.value, found.right, found.outside, found.entries) == ((1, 0), 4.0, 3.0, 2, 4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_outside_every_bound(value: float) -> None:
    found = deviation(Known(np.zeros((1, 2)), np.array([[np.inf, np.inf]])), np.array([[0.0, value]]))
    assert found is not None
    assert found.index == (0, 1)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"shape \(2,\), but the quantity has shape \(1, 2\)"):
        deviation(Known(np.zeros((1, 2)), np.zeros((1, 2))), np.zeros(2))


# --- precisions ---------------------------------------------------------------------------------------------------


def test_bfloat16_rounds_to_the_nearest_even() -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-30, 30).repeat(1000 // 60 + 1)[:1000]
    values = np.concatenate([values, [0.0, -0.0, np.inf, 1.00390625, 1.01171875]])
    expected = torch.tensor(values, dtype=torch.float32).to(torch.bfloat16).double().numpy()
    assert np.array_equal(precision_of("bfloat16").rounded(values), expected)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_precisions_are_numpy_s(name: str) -> None:
    info = np.finfo(name)
    assert PRECISIONS[name].unit == float(info.eps) / 2
    assert PRECISIONS[name].largest == float(info.max)
    assert precision_of(np.dtype(name)) is precision_of(f"torch.{name}") is PRECISIONS[name]


def test_other_precisions_are_refused() -> None:
    with pytest.raises(SpecificationError, match="not in int32; choose one of"):
        precision_of("int32")
