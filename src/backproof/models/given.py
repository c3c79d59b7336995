"""Tables that callers hold in memory, of polars, pandas or NumPy, as columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from backproof.errors import DataError
from backproof.run.wording import listed, plural, quoted


def frame_of(data: Any, inputs: Sequence[str]) -> pl.DataFrame:
    """The columns of a table.

    Args:
        data: a DataFrame of polars or pandas, a mapping of columns, or a matrix.
        inputs: the names of a matrix's columns, in order.

    Raises:
        DataError: it is nothing of the kind.

    Example:
        >>> frame_of(np.array([[1.0, 2.0]]), ["a", "b"]).rows()
        [(1.0, 2.0)]
    """
    match data:
        case pl.LazyFrame():
            return data.collect()
        case pl.DataFrame():
            return data
        case Mapping():
            return _joined({str(name): _column(str(name), values) for name, values in data.items()})
        case _ if hasattr(data, "columns") and hasattr(data, "dtypes"):
            return _joined({str(name): _column(str(name), data[name]) for name in data.columns})
        case _:
            return _matrix(np.asarray(data), inputs)


def _matrix(matrix: np.ndarray[Any, Any], inputs: Sequence[str]) -> pl.DataFrame:
    if matrix.ndim != 2 or matrix.shape[1] != len(inputs):
        raise DataError(
            f"a matrix must have {plural(len(inputs), 'column')}, in this order: {listed(inputs, most=30)}; "
            f"this one has the shape {matrix.shape}"
        )
    return pl.DataFrame([_column(name, matrix[:, place]) for place, name in enumerate(inputs)])


def _joined(columns: Mapping[str, pl.Series]) -> pl.DataFrame:
    if len({column.len() for column in columns.values()}) > 1:
        raise DataError("the columns have different numbers of rows; give as many values in each")
    return pl.DataFrame(list(columns.values()))


def _column(name: str, values: Any) -> pl.Series:
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"column {quoted(name)} has the shape {array.shape}; give one value for each row")
    match array.dtype.kind:
        case "b" | "i" | "u" | "f":
            return pl.Series(name, np.ascontiguousarray(array))
        case "M":
            return pl.Series(name, array.astype("datetime64[us]"))
        case _:
            return _of_objects(name, array.tolist())


def _of_objects(name: str, values: list[Any]) -> pl.Series:
    """Text, and whatever else objects are: pandas' missing values are not equal to themselves."""
    known = [None if value is None or _is_missing(value) else value for value in values]
    try:
        return pl.Series(name, known)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if value is None else str(value) for value in known], dtype=pl.String)


def _is_missing(value: object) -> bool:
    return type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and math.isnan(value))
