"""Regression or classification: what a table's target asks for, and whether it suits what the user wants."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from backproof.errors import DataError, SpecificationError, suggestion
from backproof.run.columns import first_true, stray_text, value_text
from backproof.run.tables import Table
from backproof.run.wording import plural, quoted, quoted_path

Task = Literal["regression", "classification"]

MOST_INTEGER_CLASSES = 20
LARGEST_CLASS_SHARE = 0.05


def infer_task(table: Table, task: str = "auto") -> Task:
    """The task: classification for text, truth values and few integers; regression for other numbers.

    Integers are classes when at most 20 different ones are less than 5 % of the rows, or when there are two.

    Args:
        table: the table.
        task: "auto", or the task that the user chose.

    Raises:
        DataError: the target does not fit the task.
        SpecificationError: ``task`` is none of the three words.
    """
    chosen = _chosen(table, task)
    match chosen:
        case "regression":
            _refuse_text(table)
        case "classification":
            _refuse_as_many_classes_as_rows(table)
    return chosen


def task_note(table: Table, task: str = "auto") -> str:
    """The sentence that tells the user which task was taken, why, and how to take the other."""
    chosen = infer_task(table, task)
    distinct = table.frame[table.target].n_unique()
    values = plural(distinct, "class", "classes") if chosen == "classification" else plural(distinct, "value")
    said = f"task: {chosen} of {quoted(table.target)} ({values})"
    if task != "auto":
        return f"{said}, as asked"
    other: Task = "classification" if chosen == "regression" else "regression"
    return f"{said}, inferred; choose the task {other} if that is what you mean" if _is_numeric(table) else said


def classes(table: Table) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The labels of the target's classes in order, and the class of each row as an index into them."""
    target = table.frame[table.target]
    codes = target.rank("dense").to_numpy().astype(np.int64) - 1
    return tuple(value_text(value) for value in target.unique().sort().to_list()), codes


def _chosen(table: Table, task: str) -> Task:
    match task:
        case "regression" | "classification":
            return task
        case "auto":
            return _inferred(table)
        case _:
            hint = suggestion(task, ["auto", "classification", "regression"])
            raise SpecificationError(f"unknown task {quoted(task)}; {hint}")


def _inferred(table: Table) -> Task:
    target = table.frame[table.target]
    if not _is_numeric(table):
        if table.kinds[table.target] == "categorical" and (row := stray_text(target)) is not None:
            raise DataError(
                f"{_place(table, row)}: {quoted(target[row])} is no number while most of the target is; "
                "correct it, delete the row, or choose the task classification"
            )
        return "classification"
    distinct = target.n_unique()
    few = distinct <= MOST_INTEGER_CLASSES and distinct < LARGEST_CLASS_SHARE * table.rows
    whole = bool((target == target.floor()).all())
    return "classification" if whole and (few or distinct == 2) else "regression"


def _is_numeric(table: Table) -> bool:
    return table.kinds[table.target] == "numeric"


def _refuse_text(table: Table) -> None:
    if _is_numeric(table):
        return
    target = table.frame[table.target].cast(pl.String)
    row = first_true(target.cast(pl.Float64, strict=False).is_null()) or 0
    raise DataError(
        f"{_place(table, row)}: {quoted(target[row])} is no number, and regression needs numbers; "
        "correct it or choose the task classification"
    )


def _refuse_as_many_classes_as_rows(table: Table) -> None:
    distinct = table.frame[table.target].n_unique()
    if 2 * distinct > table.rows:
        advice = "choose the task regression" if _is_numeric(table) else "choose another target"
        raise DataError(
            f"{quoted_path(table.source)}: the target {quoted(table.target)} has {distinct} classes in "
            f"{table.rows} rows, too many to learn any; {advice}"
        )


def _place(table: Table, row: int) -> str:
    return f"{quoted_path(table.source)}, column {quoted(table.target)}, {table.place(row)}"
