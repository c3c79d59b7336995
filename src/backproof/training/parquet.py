"""Parquet files read by row groups: how many rows each has, from the file's footer, and their columns as matrices."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from backproof.errors import DataError, SpecificationError, suggestion
from backproof.ir.arithmetic import Array

MAGIC = b"PAR1"
DEEPEST = 32
"""Structures within each other: a footer has far fewer."""
ROW_GROUPS, ROWS_OF_GROUP = 4, 3
"""Numbers of the fields, as the format's definition has them."""
SOURCE = "https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift"


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """The samples of a Parquet file.

    Args:
        path: of the file.
        columns: for each input the columns that it is made of.
        turned: the inputs that have samples in columns.
        samples: rows of the file.
    """

    path: Path
    columns: Mapping[str, Sequence[str]]
    turned: frozenset[str]
    samples: int

    def read(self, start: int, stop: int) -> dict[str, Array]:
        """Some rows as matrices; a missing value is NaN.

        Raises:
            DataError: the file cannot be read.
        """
        wanted = list(dict.fromkeys(name for names in self.columns.values() for name in names))
        try:
            rows = pl.scan_parquet(self.path, glob=False).slice(start, stop - start).select(wanted).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"the file {str(self.path)!r} cannot be read: {error}") from error
        found = {}
        for id, names in self.columns.items():
            matrix = rows.select(pl.col(name).cast(pl.Float64) for name in names).to_numpy()
            found[id] = matrix.T if id in self.turned else matrix
        return found


def parquet_source(
    path: Path, target: str | Sequence[str], weights: str | None, turned: frozenset[str], weighted_as: str
) -> ParquetSource:
    """A Parquet file, its columns told apart: the target's, the weights', and those of X, which are all others.

    Raises:
        DataError: no Parquet file, or a column that has no numbers.
        SpecificationError: a column that there is not.
    """
    try:
        schema = pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"the file {str(path)!r} cannot be read: {error}") from error
    targets = [target] if isinstance(target, str) else list(target)
    apart = [*targets, *([weights] if weights is not None else [])]
    for name in apart:
        if name not in schema:
            raise SpecificationError(f"the file {str(path)!r} has no column {name!r}; {suggestion(name, schema)}")
    features = [name for name in schema if name not in apart]
    if not features:
        raise DataError(f"the file {str(path)!r} has no column beside the target; there is nothing to learn from")
    for name in (*features, *apart):
        if not (schema[name].is_numeric() or schema[name] == pl.Boolean):
            raise DataError(f"the column {name!r} of {str(path)!r} holds {schema[name]}, no numbers; encode it first")
    columns = {"X": features, "y": targets, **({weighted_as: [weights]} if weights is not None else {})}
    return ParquetSource(path, columns, turned, sum(row_groups(path)))


# --- the footer -------------------------------------------------------------------------------------------------------


def row_groups(path: Path) -> list[int]:
    """The rows of each group, as the footer has them.

    Raises:
        DataError: the file is no Parquet file, or is damaged.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 8))
            tail = file.read(8)
            length = struct.unpack("<I", tail[:4])[0] if len(tail) == 8 else 0
            if tail[4:] != MAGIC or not 0 < length <= size - 12:
                raise DataError(f"the file {str(path)!r} is no Parquet file: it does not end as one")
            file.seek(size - 8 - length)
            footer = _Footer(file.read(length))
        groups = footer.structure(0)[ROW_GROUPS]
        return [int(group[ROWS_OF_GROUP]) for group in groups]
    except OSError as error:
        raise DataError(f"the file {str(path)!r} cannot be read: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, struct.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"the footer of {str(path)!r} is damaged; write the file again") from error


class _Footer:
    """Reads Thrift's compact protocol: structures as mappings by the numbers of their fields."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def structure(self, depth: int) -> dict[int, Any]:
        if depth > DEEPEST:
            raise ValueError("too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2 | 3:  # within a list a truth value is a byte
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._unsigned())
            case 9 | 10:
                return self._list(depth)
            case 12:
                return self.structure(depth + 1)
            case _:
                raise ValueError(f"a value of kind {kind}")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._unsigned()
        if count > len(self._data):
            raise ValueError("more entries than bytes")
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise ValueError("ends too soon")
        return self._data[self._at - count : self._at]

    def _unsigned(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
            if shift > 63:
                raise ValueError("a number too long")

    def _signed(self) -> int:
        number = self._unsigned()
        return number >> 1 ^ -(number & 1)
