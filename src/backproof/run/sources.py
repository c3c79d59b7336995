"""The files that tables come from: their kinds, their faults in one line, and their rows a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backproof.errors import BackproofError, DataError, suggestion
from backproof.run.columns import Place
from backproof.run.delimited import delimited_batches
from backproof.run.wording import quoted, quoted_path

ACCEPTED_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")
PART_ROWS = 20_000

SourceKind = Literal["csv", "tsv", "parquet"]


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Whatever is wrong with the file is said with its name."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{quoted_path(path)}: {error}") from None
    except BackproofError:
        raise
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename not in (None, str(path), path):
            raise  # of another file
        raise DataError(
            f"{quoted_path(path)}: cannot be read ({error.strerror or error}); check the file and its permissions"
        ) from None


def kind_of(path: Path) -> SourceKind:
    """What a file is, by its suffix.

    Raises:
        DataError: there is no such file, or nothing that has this suffix can be read.
    """
    refuse_no_file(path)
    match [suffix.lower() for suffix in path.suffixes][-2:]:
        case [*_, ".csv"] | [".csv", ".gz"]:
            return "csv"
        case [*_, ".tsv"] | [".tsv", ".gz"]:
            return "tsv"
        case [*_, ".parquet" | ".pq"]:
            return "parquet"
        case _:
            raise DataError(
                f"the suffix {quoted(path.suffix)} is not known; give one of {', '.join(ACCEPTED_SUFFIXES)}"
            )


def refuse_no_file(path: Path) -> None:
    """Refuse what is no file that can be read.

    Raises:
        DataError: says what it is, or which file may be meant.
    """
    if path.is_dir():
        raise DataError("this is a folder; give the file inside it")
    if not path.exists():
        near = suggestion(path.name, (p.name for p in path.parent.iterdir())) if path.parent.is_dir() else ""
        hint = near if near.startswith("did you mean") else "check the path"
        raise DataError(f"there is no such file; {hint}")
    if not path.is_file():
        raise DataError("this is a device or a pipe; give a file")


@contextmanager
def readable_parquet() -> Iterator[None]:
    """Failures inside a Parquet file as one clear line."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:  # panics come from damaged pages
        reason = " ".join(str(error).split())
        raise DataError(f"this Parquet file cannot be read ({reason}); write it again or give CSV") from None


def scan_of(path: Path) -> pl.LazyFrame:
    """A Parquet file, none of it read yet; its name means nothing but itself."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


# --- a part at a time -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some rows as they stand in the file: text, or the types of Parquet.

    Args:
        frame: the columns.
        place: where a row of the frame stands in the file.
    """

    frame: pl.DataFrame
    place: Place


@dataclass(frozen=True, slots=True)
class Parts:
    """A table whose rows are read when they are asked for.

    Args:
        names: of all its columns.
        decimal_comma: whether "1,5" may be a number.
        notes: what was detected, for the user.
        parts: the rows in order.
    """

    names: tuple[str, ...]
    decimal_comma: bool
    notes: tuple[str, ...]
    parts: Iterator[Part]


@contextmanager
def parts_of(path: Path) -> Iterator[Parts]:
    """The rows of a file, in memory that does not grow with it.

    Raises:
        DataError: the file cannot be read; one line with its name, and the line where there is one.
    """
    with named(path):
        kind = kind_of(path)
        if kind == "parquet":
            with readable_parquet():
                scan = scan_of(path)
                yield Parts(tuple(scan.collect_schema()), False, (), _parquet_parts(scan))
            return
        with delimited_batches(path, delimiter="\t" if kind == "tsv" else None) as text:
            parts = (Part(frame, _line_of(lines)) for frame, lines in text.batches)
            yield Parts(tuple(text.names), text.layout.decimal_comma, text.layout.notes, parts)


def _line_of(lines: NDArray[np.int64]) -> Place:
    def place(row: int) -> str:
        return f"line {lines[row]}"

    return place


def _parquet_parts(scan: pl.LazyFrame) -> Iterator[Part]:
    height = int(scan.select(pl.len()).collect().item())
    for start in range(0, height, PART_ROWS):
        yield Part(scan.slice(start, PART_ROWS).collect(), _row_of(start))


def _row_of(start: int) -> Place:
    def place(row: int) -> str:
        return f"row {start + row + 1}"

    return place
