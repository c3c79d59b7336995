"""The kind of a column (numbers, truth values, dates, categories) and its values in that kind.

Values of each kind: numeric and date ``Float64`` (dates as days since 1970-01-01), boolean ``Boolean``,
categorical ``String``; a missing value is null in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from backproof.errors import DataError
from backproof.run.wording import plural, quoted

Kind = Literal["numeric", "categorical", "boolean", "date"]

MISSING = ("", "na", "n/a", "nan", "null", "?")
"""The ways to write "no value" in text, in small letters; capitals mean the same."""

_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f")
_MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column with the kind of its values, and what the user must be told of how they were read."""

    values: pl.Series
    kind: Kind
    notes: tuple[str, ...] = ()


Place = Callable[[int], str]
"""Where a row stands in the user's file, such as "line 7"."""


def column_from_text(text: pl.Series, place: Place, *, decimal_comma: bool = False) -> Column:
    """A column of a text file: numbers if all values are numbers, else truth values, dates, or categories.

    Args:
        text: the fields as written.
        place: where a row stands in the file.
        decimal_comma: whether "1,5" may be a number, as where the delimiter is not a comma.

    Raises:
        DataError: a number is infinite.

    Example:
        >>> column_from_text(pl.Series("age", ["31", "?", "45"]), "row {}".format).values.to_list()
        [31.0, None, 45.0]
    """
    clean = _without_missing(text)
    present = clean.drop_nulls()
    if _all_read(numbers := _numbers(clean), clean):
        return Column(_refuse_infinite(numbers, clean, place), "numeric")
    if decimal_comma and not present.str.contains(".", literal=True).any():
        numbers = _numbers(clean.str.replace(",", ".", literal=True))
        if _all_read(numbers, clean):
            note = f'column {quoted(text.name)}: decimal comma ("1,5" is 1.5)'
            return Column(_refuse_infinite(numbers, clean, place), "numeric", (note,))
    small = clean.str.to_lowercase()
    if present.len() and small.drop_nulls().is_in(["true", "false"]).all():
        return Column(small == "true", "boolean")
    dates = _dates(clean)
    if dates is not None and _all_read(dates, clean):
        return Column(dates, "date")
    return Column(clean, "categorical", _stray_notes(clean, dates, place))


def column_from_values(values: pl.Series, place: Place) -> Column:
    """A column of a typed file (Parquet), by its type.

    Raises:
        DataError: a number is infinite, or the type is none that a network can learn from.
    """
    match values.dtype:
        case pl.Boolean:
            return Column(values, "boolean")
        case pl.String | pl.Categorical | pl.Enum:
            return Column(_without_missing(values.cast(pl.String)), "categorical")
        case pl.Date | pl.Datetime:
            return Column(_days(values), "date")
        case pl.Time | pl.Duration:
            return Column(values.cast(pl.Int64).cast(pl.Float64), "numeric")
        case dtype if dtype.is_numeric() or dtype == pl.Null:
            numbers = values.cast(pl.Float64)
            return Column(_refuse_infinite(numbers, values.cast(pl.String), place), "numeric")
        case dtype:
            raise DataError(
                f"column {quoted(values.name)} holds {dtype} values; give numbers, text, truth values or "
                "dates, or leave it out"
            )


def first_true(mask: pl.Series) -> int | None:
    """The first row where a column of truth values is true (missing counts as false).

    Example:
        >>> first_true(pl.Series([False, None, True, True])), first_true(pl.Series([False]))
        (2, None)
    """
    rows = mask.arg_true()
    return int(rows[0]) if rows.len() else None


def value_text(value: object) -> str:
    """A value as people write it, whole numbers without a point.

    Example:
        >>> value_text(3.0), value_text(0.1), value_text(True), value_text("x")
        ('3', '0.1', 'true', 'x')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def stray_text(clean: pl.Series) -> int | None:
    """The first row whose value is no number in a column of which at least half are; None without one."""
    return _first_stray(_numbers(clean), clean)


def _without_missing(text: pl.Series) -> pl.Series:
    stripped = text.str.strip_chars()
    missing = stripped.str.to_lowercase().is_in(list(MISSING))
    return pl.select(pl.when(~missing).then(stripped).alias(text.name)).to_series()


def _numbers(clean: pl.Series) -> pl.Series:
    return clean.cast(pl.Float64, strict=False)


def _all_read(values: pl.Series, clean: pl.Series) -> bool:
    return values.null_count() == clean.null_count()


def _refuse_infinite(numbers: pl.Series, written: pl.Series, place: Place) -> pl.Series:
    if (row := first_true(numbers.is_infinite())) is not None:
        raise DataError(
            f"column {quoted(numbers.name)}, {place(row)}: {quoted(written[row])} is not a finite number; "
            "correct it, or leave the field empty if it is unknown"
        )
    return numbers.fill_nan(None)


def _dates(clean: pl.Series) -> pl.Series | None:
    """Days since 1970-01-01 of ISO dates, perhaps with a time; None where the first value is no date."""
    present = clean.drop_nulls()
    if not present.head(1).str.contains(r"^\d{4}-\d\d?-\d\d?").any():
        return None
    plain = clean.str.replace(r"[Tt](\d)", " $1").str.strip_suffix("Z")
    days = pl.Series(clean.name, [], dtype=pl.Float64).extend_constant(None, clean.len())
    for form in _DATE_FORMATS:
        read = plain.str.strptime(pl.Date if form == "%Y-%m-%d" else pl.Datetime("us"), form, strict=False)
        days = pl.select(pl.coalesce(days, _days(read)).alias(clean.name)).to_series()
    return days


def _days(values: pl.Series) -> pl.Series:
    return values.cast(pl.Datetime("us")).cast(pl.Int64) / _MICROSECONDS_PER_DAY


def _first_stray(values: pl.Series, clean: pl.Series) -> int | None:
    strays = values.is_null() & clean.is_not_null()
    if 2 * int(strays.sum()) > clean.len() - clean.null_count():
        return None
    return first_true(strays)


def _stray_notes(clean: pl.Series, dates: pl.Series | None, place: Place) -> tuple[str, ...]:
    """What to say of a column that is numbers or dates but for a few values."""
    for values, noun in ((_numbers(clean), "number"), (dates, "date")):
        if values is None or (row := _first_stray(values, clean)) is None:
            continue
        count = values.null_count() - clean.null_count()
        others = f" and {plural(count - 1, 'other')}" if count > 1 else ""
        return (
            f"column {quoted(clean.name)} is read as categories, since {quoted(clean[row])} ({place(row)})"
            f"{others} is no {noun} while most values are; correct or empty the field if that was not meant",
        )
    return ()


# --- values of a kind that is known -----------------------------------------------------------------------------------


def values_as(kind: Kind, values: pl.Series, place: Place, *, decimal_comma: bool = False) -> pl.Series:
    """The values in the kind that a column had when a network learnt it.

    Args:
        kind: what it was.
        values: text as written, or typed values.
        place: where a row stands in the file.
        decimal_comma: whether "1,5" may be a number.

    Raises:
        DataError: a value is none of the kind.

    Example:
        >>> values_as("boolean", pl.Series("paid", ["TRUE", "", "0"]), "row {}".format).to_list()
        [True, None, False]
        >>> values_as("numeric", pl.Series("age", ["31", "old"]), "row {}".format)
        Traceback (most recent call last):
        backproof.errors.DataError: column 'age', row 1: 'old' is no number; correct it, or leave the field empty ...
    """
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    written = values.dtype == pl.String
    clean = _without_missing(values) if written else values
    match kind:
        case "categorical":
            return clean if written else _names(values)
        case "numeric":
            found = _numbers(clean) if written or values.dtype.is_numeric() else _counts(values)
            if written and decimal_comma:
                found = found.fill_null(_numbers(clean.str.replace(",", ".", literal=True)))
            _refuse_strays(found, clean, place, "number")
            return _refuse_infinite(found, clean.cast(pl.String), place)
        case "date":
            dated = values.dtype in (pl.Date, pl.Datetime)
            days = _days(values) if dated else _dates(clean) if written else None
            found = _nothing(clean, pl.Float64) if days is None else days
            _refuse_strays(found, clean, place, "date such as 2024-01-31")
            return found
        case "boolean":
            truths = {"true": True, "false": False, "1": True, "0": False}
            small = clean.str.to_lowercase() if written else _names(values)
            found = small.replace_strict(list(truths), list(truths.values()), default=None, return_dtype=pl.Boolean)
            _refuse_strays(found, clean, place, "truth value (true or false)")
            return found


def _names(values: pl.Series) -> pl.Series:
    """Truth values and numbers as text, as they are written in a label."""
    if values.dtype.is_float():
        return values.fill_nan(None).map_elements(value_text, return_dtype=pl.String)
    if values.dtype == pl.Boolean or values.dtype.is_numeric():
        return values.cast(pl.String)
    return _nothing(values, pl.String) if values.dtype == pl.Null else values.map_elements(str, return_dtype=pl.String)


def _counts(values: pl.Series) -> pl.Series:
    """Truth values as 0 and 1, times and durations as in training; nothing of anything else."""
    if values.dtype in (pl.Time, pl.Duration):
        return values.cast(pl.Int64).cast(pl.Float64)
    return values.cast(pl.Float64) if values.dtype == pl.Boolean else _nothing(values, pl.Float64)


def _nothing(values: pl.Series, dtype: pl.DataType | type[pl.DataType]) -> pl.Series:
    return pl.Series(values.name, [None], dtype=dtype).new_from_index(0, values.len())


def _refuse_strays(found: pl.Series, given: pl.Series, place: Place, noun: str) -> None:
    if (row := first_true(found.is_null() & given.is_not_null())) is not None:
        raise DataError(
            f"column {quoted(given.name)}, {place(row)}: {quoted(given[row])} is no {noun}; "
            "correct it, or leave the field empty if it is unknown"
        )
