"""Dimensions and shapes: what people may write, sizes put for symbols, and how shapes are written."""

from __future__ import annotations

from typing import Any

import pytest

from backproof.dims import Symbol, as_dim, concrete, shape_text, substitute_dim, substitute_shape
from backproof.errors import ShapeError, SpecificationError

n, d_0 = Symbol("n"), Symbol("d_0")


@pytest.mark.parametrize(
    ("value", "dim"), [(1, 1), (784, 784), ("n", n), ("d_0", d_0), ("Batch2", Symbol("Batch2")), (n, n)]
)
def test_a_dimension_is_a_positive_integer_or_a_name(value: Any, dim: Any) -> None:
    assert as_dim(value) == dim


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "a dimension must be at least 1, got 0"),
        (-3, "a dimension must be at least 1, got -3"),
        (True, "a dimension must be a positive integer or a name, got True"),
        ("", "a dimension must be a positive integer or a name, got ''"),
        ("3", "a dimension must be a positive integer or a name, got '3'"),
        ("n m", "a dimension must be a positive integer or a name, got 'n m'"),
        ("_n", "a dimension must be a positive integer or a name, got '_n'"),
        ("n\n", r"a dimension must be a positive integer or a name, got 'n\\n'"),
        ("<b>", "a dimension must be a positive integer or a name, got '<b>'"),
        (1.5, "a dimension must be a positive integer or a name, got 1.5"),
        (None, "a dimension must be a positive integer or a name, got None"),
    ],
)
def test_anything_else_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SpecificationError, match=f"^{message}$"):
        as_dim(value)


def test_sizes_are_put_for_symbols() -> None:
    assert substitute_dim(n, {"n": 4}) == 4
    assert substitute_dim(n, {"m": 4}) == n
    assert substitute_dim(3, {"n": 4}) == 3
    assert substitute_shape((n, 3), {"n": 4}) == (4, 3)
    assert substitute_shape((), {"n": 4}) == ()
    assert concrete((n, d_0), {"n": 4, "d_0": 2}) == (4, 2)


def test_a_symbol_without_a_size_is_an_error() -> None:
    with pytest.raises(ShapeError, match="the dimension d_0 has no size yet; give an array that shows it"):
        concrete((n, d_0), {"n": 4})


@pytest.mark.parametrize(("shape", "text"), [((3, 2), "3×2"), ((n, 1), "n×1"), ((), "scalar")])
def test_shapes_are_written_with_a_cross(shape: Any, text: str) -> None:
    assert shape_text(shape) == text


def test_a_symbol_is_its_name() -> None:
    assert str(n) == "n"
    assert Symbol("n") == n != Symbol("m")
