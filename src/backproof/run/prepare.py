"""A table made ready to train and to evaluate on; what is learnt from data is learnt on the training part."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from backproof.errors import DataError
from backproof.run.features import fit_features
from backproof.run.fitted import FittedColumn, FittedNumber, column_description
from backproof.run.memory import refuse_absurd_size
from backproof.run.split import Split, split_rows
from backproof.run.tables import Table
from backproof.run.tasks import Task, classes, infer_task, task_note
from backproof.run.wording import quoted, quoted_path

Matrix = NDArray[np.float64]

_DIGIT_PIXELS = 8
_DIGIT_WHITE = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Matrices to train on and to evaluate on, one row per example, all float64 and C-contiguous.

    Attributes:
        task: what ``Y`` is: the indicators of the classes, or the standardised target.
        X_train: ``(rows to train, features)``.
        Y_train: ``(rows to train, classes)``, or ``(rows to train, 1)`` for regression.
        X_test: ``(held-out rows, features)``.
        Y_test: ``(held-out rows, classes)``, or ``(held-out rows, 1)`` for regression.
        feature_names: the columns of ``X``.
        class_labels: the columns of ``Y``; None for regression.
        target_name: what is predicted.
        target_mean: the target is ``target_mean + target_scale * Y``; 0 for classification.
        target_scale: 1 for classification.
        train_rows: the rows of the table (from 0) in the order of the training matrices.
        test_rows: the rows of the table (from 0) in the order of the held-out matrices.
        notes: sentences that the user must see.
        preparation: what `description` gives.
        columns: what was learnt on the columns of the table, in the order of the matrices.
        inputs: the names of the same columns in the order of the table.
    """

    task: Task
    X_train: Matrix
    Y_train: Matrix
    X_test: Matrix
    Y_test: Matrix
    feature_names: tuple[str, ...]
    class_labels: tuple[str, ...] | None
    target_name: str
    target_mean: float
    target_scale: float
    train_rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    notes: tuple[str, ...]
    preparation: Mapping[str, object]
    columns: tuple[FittedColumn, ...]
    inputs: tuple[str, ...]

    def description(self) -> dict[str, object]:
        """What makes the matrices again from the table, ready for JSON: fills, means, scales, categories."""
        return copy.deepcopy(dict(self.preparation))


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """The target of every row as a matrix, and how it was made."""

    Y: Matrix
    labels: tuple[str, ...] | None
    mean: float
    scale: float

    def description(self, name: str) -> dict[str, object]:
        if self.labels is not None:
            return {"name": name, "classes": list(self.labels)}
        return {"name": name, "mean": self.mean, "scale": self.scale}


def prepare(table: Table, *, task: str = "auto", test_fraction: float | None = 0.25, seed: int = 0) -> Prepared:
    """(x − mean) / scale of every number and an indicator of every category, with rows held out.

    A missing number becomes the median, a missing truth value the more frequent one, a missing category the
    category "missing". Beyond 50 categories the rarest share one feature. A category that the training part
    lacks has no indicator. A regression target is standardised; classes become indicators.

    Args:
        table: what `read_table` gave.
        task: "auto", "regression" or "classification".
        test_fraction: the share of the rows to hold out, between 0 and 1; None to hold nothing out.
        seed: the seed of the split.

    Returns:
        Both parts, with `Prepared.notes` to show to the user.

    Raises:
        DataError: the target does not fit the task, a column cannot be scaled, or memory does not suffice.
        SpecificationError: an argument is out of range.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"size": [1.0, 2.0, None, 4.0] * 5, "price": [float(i) for i in range(20)]})
        >>> kinds = {"size": "numeric", "price": "numeric"}
        >>> table = Table("homes", frame, ("size",), kinds, "price", np.arange(1, 21), "row", ())
        >>> made = prepare(table)
        >>> made.X_train.shape, made.Y_test.shape, bool(abs(made.X_train.mean()) < 1e-12)
        ((15, 1), (5, 1), True)
    """
    chosen = infer_task(table, task)
    match chosen:
        case "classification":
            labels, codes = classes(table)
            split = split_rows(table.rows, test_fraction=test_fraction, seed=seed, classes=codes, labels=labels)
            target = _class_target(codes, labels)
        case "regression":
            split = split_rows(table.rows, test_fraction=test_fraction, seed=seed)
            target = _numeric_target(table, split)
    features = fit_features(table, split)
    known = {column.name for column in features.columns}
    preparation = {
        "task": chosen,
        "split": split.description(),
        "columns": [column_description(column) for column in features.columns],
        "target": target.description(table.target),
    }
    return Prepared(
        task=chosen,
        X_train=features.X_train,
        Y_train=target.Y[split.train],
        X_test=features.X_test,
        Y_test=target.Y[split.test],
        feature_names=features.names,
        class_labels=target.labels,
        target_name=table.target,
        target_mean=target.mean,
        target_scale=target.scale,
        train_rows=split.train,
        test_rows=split.test,
        notes=(*table.notes, task_note(table, task), *split.notes, *features.notes),
        preparation=preparation,
        columns=features.columns,
        inputs=tuple(name for name in table.features if name in known),
    )


def digits(*, test_fraction: float = 0.25, seed: int = 0) -> Prepared:
    """The 1797 handwritten digits of 8×8 pixels that scikit-learn ships, pixels from 0 (black) to 1 (white).

    Nothing is learnt from the data to scale them; the split is stratified by digit.

    Args:
        test_fraction: the share of the images to hold out, between 0 and 1.
        seed: the seed of the split.

    Source:
        Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).

    Example:
        >>> made = digits()
        >>> made.X_train.shape, made.Y_test.shape, made.class_labels[:3]
        ((1347, 64), (450, 10), ('0', '1', '2'))
    """
    pixels, numbers = load_digits(return_X_y=True)
    labels = tuple(str(digit) for digit in range(10))
    codes = np.asarray(numbers, dtype=np.int64)
    split = split_rows(len(codes), test_fraction=test_fraction, seed=seed, classes=codes, labels=labels)
    target = _class_target(codes, labels)
    X = np.ascontiguousarray(pixels, dtype=np.float64) / _DIGIT_WHITE
    names = tuple(f"pixel {row},{column}" for row in range(_DIGIT_PIXELS) for column in range(_DIGIT_PIXELS))
    columns = tuple(FittedNumber(name, "numeric", fill=0.0, mean=0.0, scale=_DIGIT_WHITE) for name in names)
    said = f"data: {len(X)} handwritten digits of 8×8 pixels that scikit-learn ships, pixels scaled to [0, 1]"
    preparation = {
        "task": "classification",
        "split": split.description(),
        "columns": [column_description(column) for column in columns],
        "target": target.description("digit"),
    }
    return Prepared(
        task="classification",
        X_train=X[split.train],
        Y_train=target.Y[split.train],
        X_test=X[split.test],
        Y_test=target.Y[split.test],
        feature_names=names,
        class_labels=labels,
        target_name="digit",
        target_mean=0.0,
        target_scale=1.0,
        train_rows=split.train,
        test_rows=split.test,
        notes=(said, *split.notes),
        preparation=preparation,
        columns=columns,
        inputs=names,
    )


def _numeric_target(table: Table, split: Split) -> _Target:
    y: Matrix = table.frame[table.target].to_numpy().astype(np.float64).reshape(-1, 1)
    known = y[split.train]
    if known.min() == known.max():
        raise DataError(
            f"{quoted_path(table.source)}: the target {quoted(table.target)} is {known[0, 0]:g} in every row of "
            "the training part; add rows or change the seed"
        )
    with np.errstate(all="ignore"):
        mean, scale = float(known.mean()), float(known.std())
        Y = (y - mean) / scale
    if not (np.isfinite([mean, scale]).all() and np.isfinite(Y).all()):
        raise DataError(
            f"{quoted_path(table.source)}: the target {quoted(table.target)}, up to {np.abs(y).max():.3g}, "
            "cannot be scaled in float64; give it in another unit"
        )
    return _Target(Y, None, mean, scale)


def _class_target(codes: NDArray[np.int64], labels: tuple[str, ...]) -> _Target:
    refuse_absurd_size(
        2 * 8 * len(codes) * len(labels),
        f"{len(codes)} rows of {len(labels)} classes",
        "use fewer rows or merge rare classes",
    )
    Y = np.zeros((len(codes), len(labels)))
    Y[np.arange(len(codes)), codes] = 1.0
    return _Target(Y, labels, 0.0, 1.0)
