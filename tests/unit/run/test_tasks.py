"""Regression or classification: inferred, chosen, refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from backproof.errors import DataError, SpecificationError
from backproof.run.columns import Kind
from backproof.run.tables import Table
from backproof.run.tasks import classes, infer_task, task_note


def table(target: pl.Series, kind: Kind) -> Table:
    """A table with that target, and a feature that says nothing."""
    frame = pl.DataFrame({"x": np.arange(len(target)) % 5.0, "y": target})
    return Table("data.csv", frame, ("x",), {"x": "numeric", "y": kind}, "y", np.arange(2, len(target) + 2), "line", ())


def numbers(values: NDArray[np.floating[Any]]) -> Table:
    return table(pl.Series(values, dtype=pl.Float64), "numeric")


def text(*values: str) -> Table:
    return table(pl.Series(values), "categorical")


@pytest.mark.parametrize(
    ("distinct", "rows", "task"),
    [(3, 100, "classification"), (4, 80, "regression"), (20, 1000, "classification"), (21, 1000, "regression")],
)
def test_few_integers_are_classes(distinct: int, rows: int, task: str) -> None:
    whole = np.arange(rows) % float(distinct)
    assert infer_task(numbers(whole)) == task
    assert infer_task(numbers(whole / 2)) == "regression", "halves are no integers"


def test_two_integers_are_classes_however_few_the_rows() -> None:
    assert infer_task(numbers(np.arange(10) % 2.0)) == "classification"
    assert infer_task(numbers(np.arange(10) % 2 / 2)) == "regression"


def test_text_and_truth_values_are_classes() -> None:
    assert infer_task(text(*"abcde" * 4)) == "classification"
    assert infer_task(table(pl.Series([True, False] * 5), "boolean")) == "classification"


def test_the_note_says_which_and_how_to_have_the_other() -> None:
    few = numbers(np.arange(100) % 3.0)
    said = "task: classification of 'y' (3 classes), inferred; choose the task regression if that is what you mean"
    assert task_note(few) == said
    assert task_note(few, "regression") == "task: regression of 'y' (3 values), as asked"
    assert task_note(text(*"ab" * 5)) == "task: classification of 'y' (2 classes)"


def test_text_is_refused_for_regression_with_the_first_offending_value() -> None:
    with pytest.raises(DataError) as caught:
        infer_task(text(*["1.5", "2", "3"] * 4, "low", "high"), "regression")
    said = "'data.csv', column 'y', line 14: 'low' is no number, and regression needs numbers; "
    assert str(caught.value).startswith(said)
    with pytest.raises(DataError, match=r"line 2: 'true' is no number"):
        infer_task(table(pl.Series([True, False] * 5), "boolean"), "regression")


def test_a_stray_word_among_numbers_is_not_taken_for_a_class() -> None:
    with pytest.raises(DataError, match=r"line 14: 'low' is no number while most of the target is; correct it"):
        infer_task(text(*["1.5", "2", "3"] * 4, "low"))
    assert infer_task(text(*["1", "2", "3"] * 4, "low"), "classification") == "classification"


def test_a_class_for_every_row_is_refused() -> None:
    with pytest.raises(DataError, match=r"the target 'y' has 6 classes in 10 rows, .* choose another target"):
        infer_task(text(*"aabbccddef"))
    with pytest.raises(DataError, match=r"has 10 classes in 10 rows, .* choose the task regression"):
        infer_task(numbers(np.arange(10.0)), "classification")
    assert infer_task(text(*"aabbccddee")) == "classification"


def test_an_unknown_task() -> None:
    with pytest.raises(SpecificationError, match=r"unknown task 'classify'; did you mean 'classification'\?"):
        infer_task(text(*"ab" * 5), "classify")


def test_labels_and_codes() -> None:
    labels, codes = classes(numbers(np.array([10.0, 2.0, 10.0, -0.0, 0.5])))
    assert labels == ("0", "0.5", "2", "10"), "in the order of the numbers"
    assert codes.tolist() == [3, 2, 3, 0, 1]
    labels, codes = classes(text("b", "é", "a", "b"))
    assert labels == ("a", "b", "é")
    assert codes.tolist() == [1, 2, 0, 1]
    labels, codes = classes(table(pl.Series([True, False, True]), "boolean"))
    assert labels == ("false", "true")
    assert codes.tolist() == [1, 0, 1]
