"""What callers give: shapes that leave out a dimension of one, and everything that is refused in one clear line."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backproof.dims import Shape, Symbol
from backproof.errors import BackproofError, DataError, ShapeError, SpecificationError
from backproof.ir.arguments import (
    checked_arguments,
    checked_array,
    checked_dtype,
    named_inputs,
    positive_number,
    whole_number,
)
from backproof.ir.expr import Name
from backproof.networks import mlp

n = Symbol("n")
FLOAT = np.dtype(float)


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        ((1, 4), (4,), (1, 4)),  # a bias for row samples
        ((4, 1), (4,), (4, 1)),  # a bias for column samples
        ((n, 1), (5,), (5, 1)),  # targets
        ((1, n), (5,), (1, 5)),  # targets in columns
        ((n, 3), (3,), (1, 3)),  # one sample
        ((3, n), (3,), (3, 1)),  # one sample as a column
        ((n, 1), (), (1, 1)),  # one target
        ((1, 1), (), (1, 1)),
        ((1, 1), (1,), (1, 1)),
        ((n, 3), (5, 3), (5, 3)),
        ((), (), ()),
    ],
)
def test_a_dimension_of_one_may_be_left_out(declared: Shape, given: tuple[int, ...], expected: tuple[int, ...]) -> None:
    values = np.arange(float(np.prod(given))).reshape(given)
    found = checked_array(Name("a", declared), values, FLOAT)
    assert found.shape == expected
    assert found.ravel().tolist() == values.ravel().tolist()


@pytest.mark.parametrize(
    ("declared", "given"), [((n, 3), (4,)), ((2, 3), (3,)), ((n, 3), ()), ((), (1,)), ((1, 3), (1, 1, 3))]
)
def test_what_could_be_read_in_two_ways_stays_as_it_is_and_does_not_fit(
    declared: Shape, given: tuple[int, ...]
) -> None:
    found = checked_array(Name("a", declared), np.zeros(given), FLOAT)
    assert found.shape == given


@pytest.mark.parametrize("value", [[[1, 2]], [[True, False]], np.ones((1, 2), np.float32), pd.DataFrame([[1, 2.5]])])
def test_what_holds_numbers_is_read(value: Any) -> None:
    found = checked_array(Name("a", (n, 2)), value, FLOAT)
    assert found.dtype == FLOAT
    assert found.flags.c_contiguous


def test_a_column_order_does_not_matter() -> None:
    """Sums run in memory order, so every array is laid out alike."""
    found = checked_array(Name("a", (n, 2)), np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), FLOAT)
    assert found.flags.c_contiguous
    assert found.tolist() == [[1, 2], [3, 4]]


X, y = np.ones((4, 3)), np.full((4, 2), 0.5)
W = np.ones((3, 2))
NAN, INF = np.full((4, 3), 1.0), np.full((4, 3), 1.0)
NAN[2, 1], INF[0, 2] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("params", "inputs", "kind", "message"),
    [
        ({}, {"X": X, "y": y}, ShapeError, "no value was given for W_1; pass W_1=<array of shape (3, 2)>"),
        ({"W_1": W}, {"X": X}, ShapeError, "no value was given for y; pass y=<array of shape (4, 2)>"),
        ({"W_1": W.T}, {"X": X, "y": y}, ShapeError, "W_1 has shape (2, 3), but must be (3, 2)"),
        ({"W_1": W}, {"X": X[:, :2], "y": y}, ShapeError, "X has shape (4, 2), but must be (4, 3)"),
        ({"W_1": W}, {"X": X, "y": y[:3]}, ShapeError, "so n would be 3, but X has n = 4"),
        ({"W_1": W}, {"X": X, "y": y[:, 0]}, ShapeError, "y has shape (4,)"),
        ({"W_1": W, "W_2": W}, {"X": X, "y": y}, SpecificationError, "no parameter 'W_2'; did you mean 'W_1'?"),
        ({"W_1": W}, {"x": X, "y": y}, SpecificationError, "no input 'x'"),
        ({"W_1": W}, {"X": NAN, "y": y}, DataError, "X is NaN at row 3, column 2 (counted from 1)"),
        ({"W_1": W}, {"X": INF, "y": y}, DataError, "X is minus infinity at row 1, column 3"),
        ({"W_1": W * np.nan}, {"X": X, "y": y}, DataError, "W_1 is NaN at row 1, column 1"),
        (
            {"W_1": W},
            {"X": X[:0], "y": y[:0]},
            DataError,
            "X has shape (0, 3) and so holds nothing; give at least one s",
        ),
        ({"W_1": W}, {"X": X[:, :0], "y": y}, DataError, "(4, 0) and so holds nothing; give at least one feature"),
        ({"W_1": W}, {"X": [], "y": []}, DataError, "X has shape (0,) and so holds nothing"),
        ({"W_1": W}, {"X": X.astype(str), "y": y}, DataError, "not real numbers"),
        ({"W_1": W}, {"X": X * 1j, "y": y}, DataError, "X holds complex128 values, not real numbers"),
        ({"W_1": W}, {"X": [[1, 2, 3], [1, 2]], "y": y}, ShapeError, "X is ragged"),
        ({"W_1": W}, {"X": np.array([[object()] * 3]), "y": y}, DataError, "objects that are not numbers"),
        ({"W_1": W}, {"X": np.array([[None, 1, 2]] * 4, object), "y": y}, DataError, "X is NaN at row 1, column 1"),
    ],
)
def test_what_does_not_fit_is_refused(
    params: dict[str, Any], inputs: dict[str, Any], kind: type[BackproofError], message: str
) -> None:
    with pytest.raises(kind, match=re.escape(message)) as caught:
        checked_arguments(mlp(3, 2), params, inputs, FLOAT)
    assert "\n" not in str(caught.value)


def test_numbers_beyond_float32_are_told_from_infinity() -> None:
    with pytest.raises(DataError, match=r"X holds numbers too large for float32; scale them"):
        checked_arguments(mlp(3, 2), {"W_1": W}, {"X": X * 1e300, "y": y}, np.dtype("float32"))


@pytest.mark.parametrize("samples", ["rows", "columns"])
def test_targets_of_cross_entropy_sum_to_one(samples: Any) -> None:
    net = mlp(3, 2, loss="cross_entropy", samples=samples)
    turned = samples == "columns"

    def check(targets: Any) -> None:
        targets = np.asarray(targets, float)
        arrays = {"X": X.T if turned else X, "y": targets.T if turned else targets}
        checked_arguments(net, {"W_1": W.T if turned else W}, arrays, FLOAT)

    check(y)
    check(np.eye(2)[[0, 1, 1, 0]])
    check(np.asarray([[0.1, 0.9]] * 4, np.float32))
    line = "column" if turned else "row"
    with pytest.raises(DataError, match=f"y: {line} 3 sums to 1.2, but the targets of each sample must sum to 1"):
        check([[0, 1], [1, 0], [0.2, 1], [1, 0]])
    with pytest.raises(DataError, match="y is 2 at row"):
        check([[0, 1], [2, -1], [0, 1], [1, 0]])


def test_targets_of_binary_cross_entropy_lie_between_zero_and_one() -> None:
    net = mlp(3, 2, loss="binary_cross_entropy")
    checked_arguments(net, {"W_1": W}, {"X": X, "y": y}, FLOAT)
    with pytest.raises(DataError, match=r"y is 2 at row 1, column 1 .* this loss needs targets from 0 to 1"):
        checked_arguments(net, {"W_1": W}, {"X": X, "y": y + 1.5}, FLOAT)


@pytest.mark.parametrize("dtype", ["float16", "complex128", "int64", "foo", object])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(SpecificationError, match="cannot compute in dtype"):
        checked_dtype(dtype)


def test_inputs_by_position_and_by_name() -> None:
    net = mlp(3, 2)
    assert named_inputs(net, (1, 2), {}) == {"X": 1, "y": 2}
    assert named_inputs(net, (1,), {"y": 2}) == {"X": 1, "y": 2}
    assert named_inputs(net, ({"X": 1, "y": 2},), {}) == {"X": 1, "y": 2}
    with pytest.raises(SpecificationError, match="the input 'X' was given twice"):
        named_inputs(net, (1,), {"X": 2})
    with pytest.raises(SpecificationError, match=r"3 arrays were given, but the program's inputs are: X \(n×3\)"):
        named_inputs(net, (1, 2, 3), {})


@pytest.mark.parametrize("value", [True, 1.0, np.float64(2), "3", None, -1])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(SpecificationError, match="epochs must be"):
        whole_number("epochs", value, 0)


@pytest.mark.parametrize("value", [True, 0, -1.0, np.nan, np.inf, "0.1", None, 1j])
def test_what_is_no_positive_number(value: object) -> None:
    with pytest.raises(SpecificationError, match="the rate must be a positive finite number"):
        positive_number("the rate", value)


def test_numpy_numbers_are_numbers() -> None:
    assert whole_number("epochs", np.int64(3), 0) == 3
    assert positive_number("the rate", np.float32(0.5)) == 0.5
    assert positive_number("the rate", np.int64(2)) == 2.0
