"""Dimensions: positive integers or symbols such as the batch size ``n``; shapes of scalars and matrices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backproof.errors import ShapeError, SpecificationError


@dataclass(frozen=True, slots=True)
class Symbol:
    """A dimension known by name only, such as the number ``n`` of training examples."""

    name: str

    def __str__(self) -> str:
        return self.name


Dim = int | Symbol
Shape = tuple[Dim, ...]
"""Every quantity is a scalar ``()`` or a matrix ``(rows, columns)``."""

SCALAR: Shape = ()


def as_dim(value: int | str | Symbol) -> Dim:
    """A dimension from what people write.

    Args:
        value: a positive integer, or the name of a symbol.

    Raises:
        SpecificationError: zero, negative, or not a name.

    Example:
        >>> as_dim(3), as_dim("n")
        (3, Symbol(name='n'))
    """
    match value:
        case Symbol():
            return value
        case bool():
            raise SpecificationError(f"a dimension must be a positive integer or a name, got {value!r}")
        case int():
            if value < 1:
                raise SpecificationError(f"a dimension must be at least 1, got {value}")
            return value
        case str() if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", value):
            return Symbol(value)
        case _:
            raise SpecificationError(f"a dimension must be a positive integer or a name, got {value!r}")


def substitute_dim(dim: Dim, sizes: Mapping[str, int]) -> Dim:
    """The dimension with its symbol replaced by an integer, where ``sizes`` has one."""
    return sizes.get(dim.name, dim) if isinstance(dim, Symbol) else dim


def substitute_shape(shape: Shape, sizes: Mapping[str, int]) -> Shape:
    """The shape with its symbols replaced by integers, where ``sizes`` has one."""
    return tuple(substitute_dim(dim, sizes) for dim in shape)


def concrete(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape as integers.

    Raises:
        ShapeError: a symbol has no size.
    """
    found: list[int] = []
    for dim in shape:
        size = substitute_dim(dim, sizes)
        if isinstance(size, Symbol):
            raise ShapeError(f"the dimension {size} has no size yet; give an array that shows it")
        found.append(size)
    return tuple(found)


def shape_text(shape: Shape) -> str:
    """The shape as people write it.

    Example:
        >>> shape_text((3, Symbol("n"))), shape_text(())
        ('3×n', 'scalar')
    """
    return "×".join(str(dim) for dim in shape) if shape else "scalar"
