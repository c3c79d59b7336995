"""How good a model is on a file of any size whose target is known, a part at a time."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from backproof.errors import DataError
from backproof.ir.arithmetic import Array
from backproof.models.contents import Target
from backproof.models.table_model import TableModel
from backproof.run.columns import first_true, value_text, values_as
from backproof.run.evaluation import NumberScores, Scores, scores_of_counts
from backproof.run.sources import Part
from backproof.run.wording import listed, quoted


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The scores of a model on a file, and what was detected of the file."""

    scores: Scores
    notes: tuple[str, ...]


def evaluate_file(model: TableModel, source: Path) -> Evaluated:
    """The scores on a table that has the target; in memory that does not grow with the file.

    Raises:
        DataError: the table cannot be read, lacks a column, has no rows, or a value of the wrong kind.
    """
    target = model.contents.target
    counts = _Classes(target) if target.labels is not None else _Numbers(target)
    with model.reading(source) as table:
        if target.name not in table.names:
            raise DataError(
                f"there is no column {quoted(target.name)} to compare with; it has {listed(table.names, most=20)}"
            )
        for part in table.parts:
            counts.add(model.outputs(part, decimal_comma=table.decimal_comma), part, table.decimal_comma)
        if counts.rows == 0:
            raise DataError("the table has no rows, only a header")
        return Evaluated(counts.scores(), table.notes)


@dataclass(slots=True)
class _Classes:
    """Examples by true and predicted class, and the sum of −log of the probability of the true one."""

    target: Target
    rows: int = 0
    lost: float = 0.0
    confusion: Array = field(init=False)

    def __post_init__(self) -> None:
        size = len(self.target.labels or ())
        self.confusion = np.zeros((size, size), dtype=np.int64)

    def add(self, y_hat: Array, part: Part, decimal_comma: bool) -> None:
        if len(y_hat) == 0:
            return
        true, size = _codes(self.target, part), len(self.confusion)
        predicted = y_hat.argmax(axis=1)
        self.confusion += np.bincount(size * true + predicted, minlength=size**2).reshape(size, size)
        with np.errstate(divide="ignore"):
            self.lost -= float(np.log(y_hat[np.arange(len(true)), true].astype(np.float64)).sum())
        self.rows += len(true)

    def scores(self) -> Scores:
        return scores_of_counts(self.confusion, self.lost / self.rows)


def _codes(target: Target, part: Part) -> Array:
    """The class of each row as an index into the labels."""
    labels = target.labels or ()
    values = part.frame[target.name]
    written = values_as("categorical", values, part.place)
    spelled = pl.Series(target.name, [_label(text, labels) for text in written.to_list()], dtype=pl.Int64)
    if (row := first_true(spelled.is_null())) is not None:
        raise DataError(
            f"column {quoted(target.name)}, {part.place(row)}: {quoted(values[row])} is no class of the model; "
            f"it knows {listed(labels)}"
        )
    return spelled.to_numpy()


def _label(text: str | None, labels: tuple[str, ...]) -> int | None:
    """The class that a field means: by its text, or as the number or the truth value that it is."""
    if text is None:
        return None
    candidates = [text, text.lower()]
    with suppress(ValueError, OverflowError):
        candidates.append(value_text(float(text)))
    return next((labels.index(candidate) for candidate in candidates if candidate in labels), None)


@dataclass(slots=True)
class _Numbers:
    """Sums over standardised numbers, merged part by part so that no large ones cancel.

    Source:
        Chan, Golub & LeVeque, Algorithms for computing the sample variance (1983).
    """

    target: Target
    rows: int = 0
    mean: float = 0.0
    spread: float = 0.0
    squares: float = 0.0
    absolutes: float = 0.0

    def add(self, y_hat: Array, part: Part, decimal_comma: bool) -> None:
        count = len(y_hat)
        if count == 0:
            return
        y = (_true_numbers(self.target, part, decimal_comma) - self.target.mean) / self.target.scale
        error = y_hat[:, 0].astype(np.float64) - y
        mean, total = float(y.mean()), self.rows + count
        self.spread += float(((y - mean) ** 2).sum()) + (mean - self.mean) ** 2 * self.rows * count / total
        self.mean += (mean - self.mean) * count / total
        self.squares += float((error**2).sum())
        self.absolutes += float(np.abs(error).sum())
        self.rows = total

    def scores(self) -> Scores:
        scale = self.target.scale
        return NumberScores(
            rows=self.rows,
            r2=None if self.spread == 0 else 1 - self.squares / self.spread,
            rmse=scale * math.sqrt(self.squares / self.rows),
            mae=scale * self.absolutes / self.rows,
        )


def _true_numbers(target: Target, part: Part, decimal_comma: bool) -> Array:
    y = values_as("numeric", part.frame[target.name], part.place, decimal_comma=decimal_comma)
    if (row := first_true(y.is_null())) is not None:
        raise DataError(
            f"column {quoted(target.name)}, {part.place(row)}: the target is missing here; fill it in or delete the row"
        )
    return y.to_numpy()
