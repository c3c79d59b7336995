"""Predictions of a file of any size into another, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from backproof.errors import DataError, SpecificationError
from backproof.files import atomic_replacement
from backproof.ir.arithmetic import Array
from backproof.models.table_model import TableModel
from backproof.run.sources import Parts
from backproof.run.wording import columns_text, listed, quoted

PREDICTION = "prediction"
PREDICTED_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")


@dataclass(slots=True)
class Predicted:
    """What was predicted: the rows so far, and what was detected of their file."""

    rows: int = 0
    notes: tuple[str, ...] = ()
    failure: list[BaseException] = field(default_factory=list, repr=False)


def predict_file(model: TableModel, source: Path, destination: Path, *, keep: Sequence[str] = ()) -> Predicted:
    """The prediction of each row, with a probability for each class; in memory that does not grow with the file.

    Args:
        model: what predicts.
        source: a table.
        destination: ``.csv``, ``.tsv`` or ``.parquet``; there whole, or not at all.
        keep: columns of the table to repeat beside the predictions.

    Raises:
        DataError: the table cannot be read, lacks a column, or has a value of the wrong kind.
        SpecificationError: a suffix that is not known.
        OutputError: the destination cannot be written.
    """
    suffix = destination.suffix.lower()
    if suffix not in PREDICTED_SUFFIXES:
        raise SpecificationError(
            f"cannot tell a format from the suffix {quoted(suffix)} of {quoted(destination)}; "
            f"give one of {', '.join(PREDICTED_SUFFIXES)}"
        )
    predicted = Predicted()
    with model.reading(source) as table:
        frames = _frames(model, table, keep, predicted)
        with atomic_replacement(destination) as place:
            if suffix in (".csv", ".tsv"):
                with place.open("wb") as stream:
                    write_delimited(frames, stream, "\t" if suffix == ".tsv" else ",")
            else:
                _write_parquet(frames, place, predicted)
    return predicted


def print_predictions(model: TableModel, source: Path, stream: IO[bytes], *, keep: Sequence[str] = ()) -> Predicted:
    """The same as CSV into a stream, such as standard output.

    Raises:
        DataError: see ``predict_file``.
    """
    predicted = Predicted()
    with model.reading(source) as table:
        write_delimited(_frames(model, table, keep, predicted), stream, ",")
    return predicted


def write_delimited(frames: Iterator[pl.DataFrame], stream: IO[bytes], delimiter: str) -> None:
    """The frames under one header."""
    for number, frame in enumerate(frames):
        stream.write(frame.write_csv(include_header=number == 0, separator=delimiter).encode("utf-8"))


def prediction_frame(model: TableModel, y_hat: Array) -> pl.DataFrame:
    """The prediction of each row, and the probabilities of its classes, ``P(label)``.

    Example:
        >>> from backproof.models.examples import small_model
        >>> prediction_frame(small_model(), np.array([[0.75, 0.25]])).to_dicts()
        [{'prediction': 'large', 'P(large)': 0.75, 'P(small)': 0.25}]
    """
    labels = model.contents.target.labels
    told = pl.Series(PREDICTION, model.told(y_hat).tolist(), dtype=pl.Float64 if labels is None else pl.String)
    shares = [pl.Series(f"P({label})", y_hat[:, code].astype(float)) for code, label in enumerate(labels or ())]
    return pl.DataFrame([told, *shares])


def _frames(model: TableModel, table: Parts, keep: Sequence[str], predicted: Predicted) -> Iterator[pl.DataFrame]:
    """The frames to write; one without rows comes first, for the header of a table without rows."""
    predicted.notes = table.notes
    empty = prediction_frame(model, np.empty((0, model.contents.network.sizes[-1])))
    _check_kept(keep, table.names, empty.columns)
    for part in table.parts:
        frame = prediction_frame(model, model.outputs(part, decimal_comma=table.decimal_comma))
        whole = part.frame.select(keep).hstack(frame) if keep else frame
        if predicted.rows == 0:
            yield whole.clear()
        predicted.rows += frame.height
        yield whole
    if predicted.rows == 0:
        yield pl.DataFrame([*(pl.Series(name, [], dtype=pl.String) for name in keep), *empty.get_columns()])


def _check_kept(keep: Sequence[str], there: Sequence[str], made: Sequence[str]) -> None:
    if missing := [name for name in keep if name not in there]:
        raise DataError(f"there is no {columns_text(missing)} to keep; the table has {listed(there, most=20)}")
    if taken := [name for name in keep if name in made]:
        raise DataError(f"{columns_text(taken)} cannot be kept, as the predictions have that name; rename it")
    if len(set(keep)) != len(keep):
        raise DataError(f"{columns_text(keep)}: name each column to keep once")


def _write_parquet(frames: Iterator[pl.DataFrame], place: Path, predicted: Predicted) -> None:
    """The frames as one Parquet file, by polars' streaming engine, which asks for them one after the other."""
    head = next(frames)

    def source(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            yield head
            yield from frames
        except BaseException as error:  # polars would wrap it in an error of its own
            predicted.failure.append(error)
            raise

    try:
        register_io_source(source, schema=head.schema).sink_parquet(place)
    except BaseException as error:
        raise predicted.failure[0] if predicted.failure else error from None
