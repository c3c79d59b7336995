"""Arrays of other libraries through NumPy, without importing these: PyTorch's tensors, JAX's arrays, lists."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backproof.checking.precision import PRECISIONS, Array
from backproof.errors import DataError

NUMBERS = (int, float, np.number)


def is_array(value: object) -> bool:
    """Whether the value is an array or a number, rather than a container of arrays."""
    if isinstance(value, NUMBERS) or (hasattr(value, "shape") and hasattr(value, "dtype")):
        return True
    return isinstance(value, list) and (_is_row(value) or (bool(value) and all(_is_row(row) for row in value)))


def _is_row(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, int | float) for item in value)


def as_array(value: Any, what: str) -> tuple[Array, str]:
    """The value as a float64 array, and the precision that it came in.

    Raises:
        DataError: not real numbers; says what it was.
    """
    name = str(getattr(value, "dtype", "float64")).removeprefix("torch.")
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if hasattr(value, step) else value
    if name == "bfloat16" and hasattr(value, "float"):
        value = value.float()
    try:
        array = np.asarray(value)
        if array.dtype.kind == "c":
            raise TypeError("complex numbers")
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} holds {type(value).__name__} and not real numbers ({error}); convert it") from None
    return numbers, name if name in PRECISIONS else "float64"


def as_tensors() -> Callable[[Array], Any] | None:
    """How arrays become PyTorch's tensors, where the user's program has imported PyTorch; otherwise None."""
    torch = sys.modules.get("torch")
    convert = getattr(torch, "from_numpy", None)
    return None if convert is None else lambda array: convert(np.ascontiguousarray(array))


def copied(value: Any) -> Any:
    """A copy that a function may change without harm; containers of arrays are copied with what they hold."""
    match value:
        case Mapping():
            return {key: copied(item) for key, item in value.items()}
        case list() | tuple():
            return [copied(item) for item in value]
        case _ if hasattr(value, "detach") and hasattr(value, "clone"):
            return value.detach().clone()
        case np.ndarray():
            return value.copy()
        case _:
            return value
