"""A user's table from CSV, TSV or Parquet: its columns understood, all that is doubtful said or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backproof.errors import DataError, suggestion
from backproof.run.columns import Column, Kind, column_from_text, column_from_values, first_true, value_text
from backproof.run.delimited import TextTable, all_numbers, read_delimited
from backproof.run.leaks import leak_notes
from backproof.run.memory import refuse_absurd_size
from backproof.run.sources import kind_of, named, readable_parquet, scan_of
from backproof.run.wording import columns_text, listed, plural, quoted

FEWEST_ROWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A target and the features that may predict it, one row per example.

    Attributes:
        source: the file's name.
        frame: the features and the target; numbers and dates as ``Float64``, null where a value is missing.
        features: the columns to learn from, in the file's order.
        kinds: the kind of every column of ``frame``.
        target: the column to predict; it has no missing value and at least two different ones.
        lines: where each row stands in the file, counted as ``unit`` says.
        unit: "line" of a text file (the header is on the first), or "row" of a Parquet file (from 1).
        notes: sentences that the user must see.
    """

    source: str
    frame: pl.DataFrame
    features: tuple[str, ...]
    kinds: Mapping[str, Kind]
    target: str
    lines: NDArray[np.int64]
    unit: str
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """The number of examples."""
        return self.frame.height

    def place(self, row: int) -> str:
        """Where a row stands in the file, such as "line 7"."""
        return f"{self.unit} {self.lines[row]}"


@dataclass(frozen=True, slots=True, eq=False)
class _Unread:
    """The columns of a file before anything is dropped or refused for what it holds."""

    columns: dict[str, Column]
    nameless: frozenset[str]
    lines: NDArray[np.int64]
    unit: str
    notes: tuple[str, ...] = ()


def read_table(path: Path, *, target: str) -> Table:
    """The table in a file: ``.csv`` or ``.tsv`` (also ``.gz``) with a header, or ``.parquet``.

    The delimiter of a ``.csv`` (comma, semicolon, tab or bar) and the encoding are detected. Columns that cannot help
    (constant, or text that differs in every row) are left out, and features that tell the target are pointed
    out, in `Table.notes`.

    Args:
        path: the file.
        target: the name of the column to predict.

    Returns:
        The table, with `Table.notes` to show to the user.

    Raises:
        DataError: one line with the file, the line or row, the column, and what to do.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "houses.csv"
        ...     rows = (f"{50 + i};{'flat' if i % 2 else 'house'};{200 + 3 * i}" for i in range(12))
        ...     _ = file.write_text("\\n".join(["area;type;price", *rows]))
        ...     table = read_table(file, target="price")
        >>> table.features, table.rows, table.notes[0]
        (('area', 'type'), 12, 'delimiter ";" detected')
    """
    path = Path(path)
    with named(path):
        return _checked(path, _read(path), target)


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a file, for someone who has to choose the target.

    Raises:
        DataError: the file cannot be read.
    """
    with named(path):
        return tuple(_read(path).columns)


def _read(path: Path) -> _Unread:
    match kind_of(path):
        case "csv":
            return _from_text(read_delimited(path))
        case "tsv":
            return _from_text(read_delimited(path, delimiter="\t"))
        case "parquet":
            return _from_parquet(path)


def _from_text(text: TextTable) -> _Unread:
    def place(row: int) -> str:
        return f"line {text.lines[row]}"

    columns = {
        name: column_from_text(text.columns[name], place, decimal_comma=text.layout.decimal_comma)
        for name in text.columns.columns
    }
    return _Unread(columns, text.nameless, text.lines, "line", text.layout.notes)


def _from_parquet(path: Path) -> _Unread:
    def place(row: int) -> str:
        return f"row {row + 1}"

    with readable_parquet():
        scan = scan_of(path)
        width, height = len(scan.collect_schema()), int(scan.select(pl.len()).collect().item())
        refuse_absurd_size(16 * width * height, "the table", "use fewer rows or columns")
        frame = scan.collect()
        columns = {name: column_from_values(frame[name], place) for name in frame.columns}
    return _Unread(columns, frozenset(), np.arange(1, frame.height + 1), "row")


def _checked(path: Path, unread: _Unread, target: str) -> Table:
    columns = dict(unread.columns)
    _refuse_no_target(unread, target)
    if len(unread.lines) < FEWEST_ROWS:
        many = plural(len(unread.lines), "row") if len(unread.lines) else "no rows, only a header"
        raise DataError(f"the table has {many}; at least {FEWEST_ROWS} are needed")
    _refuse_bad_target(unread, target)
    notes = list(unread.notes)
    for name in _useless(unread, target, notes):
        del columns[name]
    frame = pl.DataFrame([column.values for column in columns.values()])
    features = tuple(name for name in columns if name != target)
    if not features:
        raise DataError(f"there is no column to learn from beside the target {quoted(target)}; add one that varies")
    notes += [note for column in columns.values() for note in column.notes]
    notes += leak_notes(frame, features, target)
    kinds = {name: column.kind for name, column in columns.items()}
    return Table(str(path), frame, features, kinds, target, unread.lines, unread.unit, tuple(notes))


def _refuse_no_target(unread: _Unread, target: str) -> None:
    if target in unread.columns:
        return
    names = list(unread.columns)
    if unread.unit == "line" and all_numbers(name for name in names if name not in unread.nameless):
        raise DataError(
            f"there is no column {quoted(target)}: the first line holds numbers ({listed(names)}) "
            "and not the names of the columns; add a line of names"
        )
    by_small = {name.lower(): name for name in names}
    near = suggestion(target.strip().lower(), by_small)
    found = next((name for small, name in by_small.items() if near == f"did you mean {small!r}?"), None)
    hint = f"did you mean {quoted(found)}? The columns are" if found else "choose one of"
    raise DataError(f"there is no column {quoted(target)}; {hint} {listed(names, most=30)}")


def _refuse_bad_target(unread: _Unread, target: str) -> None:
    column = unread.columns[target]
    missing = column.values.is_null()
    if (row := first_true(missing)) is not None:
        raise DataError(
            f"column {quoted(target)}, {unread.unit} {unread.lines[row]}: the target is missing here "
            f"({plural(int(missing.sum()), 'row')} in all); fill it in or delete the row"
        )
    if column.kind == "date":
        raise DataError(f"the target {quoted(target)} holds dates; make it a number, such as days since a chosen day")
    if column.values.n_unique() == 1:
        value = quoted(value_text(column.values[0]))
        raise DataError(
            f"the target {quoted(target)} is {value} in all {len(unread.lines)} rows "
            "(one value, one class), so there is nothing to learn; choose another target or add rows"
        )


def _useless(unread: _Unread, target: str, notes: list[str]) -> list[str]:
    """The features that cannot help; each reason is added to ``notes``."""
    features = {name: column for name, column in unread.columns.items() if name != target}
    empty = [name for name, column in features.items() if column.values.null_count() == column.values.len()]
    constant = [name for name, column in features.items() if name not in empty and _is_constant(column)]
    if empty:
        notes.append(f"{columns_text(empty)} dropped: no value in any row")
    if constant:
        notes.append(f"{columns_text(constant)} dropped: the same value in every row")
    dropped = [*empty, *constant]
    for name, column in features.items():
        if name in dropped:
            continue
        if _is_identifier(column):
            example = quoted(column.values.drop_nulls()[0])
            notes.append(
                f"column {quoted(name)} dropped: text that differs in every row (such as {example}), so it "
                "only identifies the row; if it is a number, write it with digits only"
            )
            dropped.append(name)
        elif _counts_rows(column):
            if name in unread.nameless:
                notes.append(f"{quoted(name)} (without a name) dropped: it only counts the rows")
                dropped.append(name)
            else:
                notes.append(f"column {quoted(name)} counts the rows one by one; remove it if it means nothing else")
    return dropped


def _is_constant(column: Column) -> bool:
    """One value only; a missing category is a value of its own, a missing number is imputed."""
    distinct = column.values.n_unique() if column.kind == "categorical" else column.values.drop_nulls().n_unique()
    return distinct == 1


def _is_identifier(column: Column) -> bool:
    present = column.values.drop_nulls()
    return column.kind == "categorical" and 2 * present.len() > column.values.len() and present.is_unique().all()


def _counts_rows(column: Column) -> bool:
    if column.kind != "numeric" or column.values.null_count():
        return False
    steps = column.values.diff().drop_nulls()
    return steps.len() > 0 and bool((steps == 1.0).all())
