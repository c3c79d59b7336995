"""The columns of a table as a matrix of numbers, by what was learnt on the training part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, assert_never

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backproof.run.columns import Kind

Matrix = NDArray[np.float64]

RARE_CATEGORIES = "other"
HOURS = 24
_THURSDAY = 3  # 1970-01-01 was one; Monday is 0


@dataclass(frozen=True, slots=True)
class FittedNumber:
    """(x − mean) / scale, with ``fill`` for a missing x; a truth value is 0 or 1, left as it is."""

    name: str
    kind: Kind
    fill: float
    mean: float
    scale: float

    @property
    def outputs(self) -> tuple[str, ...]:
        """The one feature."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class FittedCategories:
    """One indicator for each of ``categories``, and one for all the ``rare`` ones together, if any."""

    name: str
    kind: Kind
    missing: str
    categories: tuple[str, ...]
    rare: tuple[str, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The features, such as "colour=red"."""
        last = (f"{self.name}={RARE_CATEGORIES}",) if self.rare else ()
        return (*(f"{self.name}={category}" for category in self.categories), *last)


@dataclass(frozen=True, slots=True)
class FittedDate:
    """(p − mean) / scale of each part p of a date, with the day ``fill`` for a missing one.

    Args:
        name: of the column.
        kind: "date".
        fill: days since 1970-01-01.
        parts: which of ``DATE_PARTS``.
        means, scales: one for each part.
    """

    name: str
    kind: Kind
    fill: float
    parts: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The features, such as "sold.month"."""
        return tuple(f"{self.name}.{part}" for part in self.parts)


FittedColumn = FittedNumber | FittedCategories | FittedDate


def column_description(column: FittedColumn) -> dict[str, object]:
    """The column and what was learnt on it, for JSON.

    Example:
        >>> column_description(FittedCategories("size", "categorical", "missing", ("L", "S"), ()))["outputs"]
        ['size=L', 'size=S']
    """
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(column).items()}
    return {**fields, "outputs": list(column.outputs)}


def matrix_of(columns: Sequence[FittedColumn], frame: pl.DataFrame) -> Matrix:
    """The features of each row, ``(rows, features)``.

    Args:
        columns: in the order of the matrix.
        frame: has them all by name, in the values of their kinds (see ``columns``).

    Example:
        >>> age = FittedNumber("age", "numeric", fill=30.0, mean=30.0, scale=10.0)
        >>> matrix_of([age], pl.DataFrame({"age": [20.0, None]})).tolist()
        [[-1.0], [0.0]]
    """
    X = np.zeros((frame.height, sum(len(column.outputs) for column in columns)))
    start = 0
    with np.errstate(all="ignore"):  # what overflows is refused where the column's place is known
        for column in columns:
            end = start + len(column.outputs)
            _fill(X[:, start:end], column, frame[column.name])
            start = end
    return X


def _fill(part: Matrix, column: FittedColumn, values: pl.Series) -> None:
    match column:
        case FittedNumber():
            part[:, 0] = (_numbers(values, column.fill) - column.mean) / column.scale
        case FittedDate():
            days = _numbers(values, column.fill)
            part[:] = np.column_stack([DATE_PARTS[name](days) for name in column.parts])
            part -= column.means
            part /= column.scales
        case FittedCategories():
            codes: dict[str, int] = {category: code for code, category in enumerate(column.categories)}
            codes.update(dict.fromkeys(column.rare, len(column.categories)))
            known = values.fill_null(column.missing).replace_strict(
                list(codes), list(codes.values()), default=-1, return_dtype=pl.Int64
            )
            places = known.to_numpy()
            rows = np.flatnonzero(places >= 0)
            part[rows, places[rows]] = 1.0
        case _:
            assert_never(column)


def _numbers(values: pl.Series, fill: float) -> Matrix:
    return np.asarray(values.cast(pl.Float64).fill_null(fill).to_numpy(), dtype=np.float64)


# --- the parts of a date ----------------------------------------------------------------------------------------------


def _dates(days: Matrix) -> NDArray[np.datetime64]:
    return np.floor(days).astype(np.int64).astype("datetime64[D]")


def _years(days: Matrix) -> Matrix:
    return np.asarray(_dates(days).astype("datetime64[Y]").astype(np.int64) + 1970, dtype=np.float64)


def _months(days: Matrix) -> Matrix:
    return np.asarray(_dates(days).astype("datetime64[M]").astype(np.int64) % 12 + 1, dtype=np.float64)


def _days_of_month(days: Matrix) -> Matrix:
    dates = _dates(days)
    return np.asarray((dates - dates.astype("datetime64[M]")).astype(np.int64) + 1, dtype=np.float64)


DATE_PARTS: Mapping[str, Callable[[Matrix], Any]] = {
    "days": lambda days: days,
    "year": _years,
    "month": _months,
    "day": _days_of_month,
    "weekday": lambda days: (np.floor(days) + _THURSDAY) % 7 + 1.0,
    "hour": lambda days: (days - np.floor(days)) * HOURS,
}
"""What is taken of a date that is given as days since 1970-01-01: themselves, then years to hours, Monday being 1."""
