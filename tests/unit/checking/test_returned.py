"""What gradient functions return, read."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

from backproof.checking.returned import fitted, readings
from backproof.errors import DataError, SpecificationError

SHAPES = {"W_1": (3, 2), "b_1": (1, 2), "W_2": (2, 1), "b_2": (1, 1)}
ARRAYS = {id: np.full(shape, float(k)) for k, (id, shape) in enumerate(SHAPES.items())}
W_1, b_1, W_2, b_2 = ARRAYS.values()
Named = namedtuple("Named", "dW1 db1 dW2 db2")


@pytest.mark.parametrize(
    ("value", "loss"),
    [
        (ARRAYS, None),
        ({**ARRAYS, "loss": 0.5}, 0.5),
        ({"L": np.float32(0.5), **ARRAYS}, 0.5),
        ({"grads": ARRAYS, "loss": 0.5}, 0.5),
        ((0.5, ARRAYS), 0.5),
        ((ARRAYS, np.array(0.5)), 0.5),
        ((W_1, b_1, W_2, b_2), None),
        ([W_1, b_1, W_2, b_2, 0.5], 0.5),
        ((0.5, W_1, b_1, W_2, b_2), 0.5),
        ((0.5, [W_1, b_1, W_2, b_2]), 0.5),
        ([(W_1, b_1), (W_2, b_2)], None),
        ((W_1, W_2, b_1, b_2), None),
        ((W_2, b_2, W_1, b_1), None),
        ([[W_1, W_2], [b_1, b_2]], None),
        (Named(W_1, b_1, W_2, b_2), None),
        (tuple(array.tolist() for array in ARRAYS.values()), None),
    ],
)
def test_mappings_and_sequences(value: Any, loss: float | None) -> None:
    reading = next(readings(value, "f", SHAPES))
    assert reading.loss == loss
    assert {id: float(array.ravel()[0]) for id, array in reading.arrays.items()} == {
        id: float(k) for k, id in enumerate(SHAPES)
    }


@pytest.mark.parametrize("with_loss", [False, True])
def test_one_flat_array_has_a_reading_for_each_usual_order(with_loss: bool) -> None:
    flat = np.concatenate([array.ravel() for array in (W_1, W_2, b_1, b_2)])
    found = list(readings((0.5, flat) if with_loss else flat, "f", SHAPES))
    right = [r for r in found if all(np.array_equal(r.arrays[id], ARRAYS[id]) for id in SHAPES)]
    assert right
    assert right[0].loss == (0.5 if with_loss else None)
    assert "W_1, W_2, b_1, b_2" in right[0].conventions[0].sentence


def test_the_users_order_is_final() -> None:
    square = {"W_1": (2, 2), "W_2": (2, 2)}
    a, b = np.zeros((2, 2)), np.ones((2, 2))
    assert next(readings((a, b), "f", square)).arrays["W_1"] is not None
    assert next(readings((a, b), "f", square, ["W_2", "W_1"])).arrays["W_2"].max() == 0


def test_a_square_pair_keeps_the_order_of_the_derivation() -> None:
    square = {"W_1": (2, 2), "W_2": (2, 2)}
    reading = next(readings((np.zeros((2, 2)), np.ones((2, 2))), "f", square))
    assert reading.arrays["W_1"].max() == 0
    assert reading.conventions == ()


def test_the_way_the_user_writes_each() -> None:
    assert dict(next(readings({"dW1": W_1}, "f", {"W_1": (3, 2)})).variables) == {"W_1": "result['dW1']"}
    assert dict(next(readings((0.5, [W_1]), "f", {"W_1": (3, 2)})).variables) == {"W_1": "result[1][0]"}


def test_the_coarsest_precision_counts() -> None:
    value = {**ARRAYS, "W_2": W_2.astype(np.float32)}
    assert next(readings(value, "f", SHAPES)).precision == "float32"


@pytest.mark.parametrize("value", [(W_1, b_1), (W_1, b_1, W_2, b_2, W_1, b_1), []])
def test_too_few_and_too_many_are_refused(value: Any) -> None:
    with pytest.raises(SpecificationError, match=r"f must return the gradients of W_1, b_1, W_2, b_2"):
        next(readings(value, "f", SHAPES))


def test_a_flat_array_of_another_size_is_refused() -> None:
    with pytest.raises(SpecificationError, match=r"have 11 entries in all"):
        next(readings(np.zeros(12), "f", SHAPES))


def test_what_holds_no_numbers_is_refused() -> None:
    with pytest.raises(DataError, match="result is a str"):
        next(readings("gradients", "f", SHAPES))
    with pytest.raises(DataError, match="complex numbers"):
        next(readings({**ARRAYS, "W_1": W_1 * 1j}, "f", SHAPES))


@pytest.mark.parametrize(
    ("shape", "wanted", "fits"),
    [
        ((3, 2), (3, 2), True),
        ((2, 3), (3, 2), False),
        ((6,), (3, 2), True),
        ((2,), (1, 2), True),
        ((2, 1), (1, 2), False),
        ((1, 2), (2,), True),
        ((2, 1), (2,), False),
        ((), (1, 1), True),
        ((5, 5), (5,), False),
    ],
)
def test_shapes_that_fit(shape: tuple[int, ...], wanted: tuple[int, ...], fits: bool) -> None:
    assert fitted(shape, wanted) is fits
