"""Decimals: a floating-point number as people write it, with four significant digits."""

from __future__ import annotations

import math

from backproof.render.dialects import Dialect
from backproof.render.figures import DIGITS, Grid


def decimal(value: float, dialect: Dialect) -> str:
    """The number rounded for reading.

    Example:
        >>> from backproof.render.dialects import LATEX, UNICODE
        >>> decimal(-0.123456, UNICODE), decimal(2.0, UNICODE), decimal(1e-7, UNICODE)
        ('−0.1235', '2', '1e-7')
        >>> print(decimal(-1.5e-7, LATEX))
        -1.5 \\times 10^{-7}
    """
    if math.isnan(value):
        return r"\text{NaN}" if dialect.stacked else "NaN"
    sign = dialect.negative if math.copysign(1.0, value) < 0 and value != 0 else ""
    if math.isinf(value):
        return sign + {"latex": r"\infty", "unicode": "∞", "ascii": "inf"}[dialect.name]
    digits, _, exponent = f"{abs(value):.{DIGITS}g}".partition("e")
    return sign + (dialect.scientific("" if digits == "1" else digits, str(int(exponent))) if exponent else digits)


def number_entries(values: Grid, dialect: Dialect) -> list[list[str]]:
    """The entries of a matrix of numbers, dots in place of those that are left out.

    Example:
        >>> from backproof.render.dialects import UNICODE
        >>> number_entries(((0.5, None, 1.0),), UNICODE)
        [['0.5', '⋯', '1']]
    """
    beside, below, diagonal = dialect.dots
    absent = [column for column in range(len(values[0])) if all(row[column] is None for row in values)]

    def entry(row: tuple[float | None, ...], column: int) -> str:
        value = row[column]
        if value is not None:
            return decimal(value, dialect)
        whole_row = all(other is None for other in row)
        return beside if not whole_row else diagonal if column in absent else below

    return [[entry(row, column) for column in range(len(row))] for row in values]


def is_rounded(value: float) -> bool:
    """Whether rounding for reading changes the number."""
    return math.isfinite(value) and float(f"{value:.{DIGITS}g}") != value
