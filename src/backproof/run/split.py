"""Which rows train and which are held out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from backproof.errors import DataError, SpecificationError
from backproof.run.wording import listed, plural

Rows = NDArray[np.int64]

_LARGEST_SEED = 2**32 - 1
_FEWEST_TO_TRAIN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Row numbers (from 0, shuffled) of the two parts, and how they were drawn."""

    train: Rows
    test: Rows
    test_fraction: float
    seed: int
    stratified: bool
    notes: tuple[str, ...]

    def description(self) -> dict[str, object]:
        """What draws the same split again, for JSON."""
        return {"test_fraction": self.test_fraction, "seed": self.seed, "stratified": self.stratified}


def split_rows(
    rows: int,
    *,
    test_fraction: float | None,
    seed: int,
    classes: Rows | None = None,
    labels: tuple[str, ...] = (),
) -> Split:
    """A seeded random split that keeps the share of each class where every class can be in both parts.

    Args:
        rows: the number of rows.
        test_fraction: the share to hold out, rounded up to whole rows; None to hold nothing out.
        seed: the seed of the shuffle.
        classes: the class of each row, for a stratified split.
        labels: the names of the classes.

    Raises:
        SpecificationError: ``test_fraction`` or ``seed`` is out of range.
        DataError: only one class is left to train on.

    Example:
        >>> split = split_rows(8, test_fraction=0.25, seed=0, classes=np.arange(8) % 2, labels=("a", "b"))
        >>> sorted((split.test % 2).tolist()), split.stratified
        ([0, 1], True)
    """
    if test_fraction is None:
        return Split(np.arange(rows), np.arange(0), 0.0, seed, False, (f"split: all {plural(rows, 'row')} train",))
    held_out = _held_out(rows, test_fraction, seed)
    obstacle = None if classes is None else _obstacle(classes, labels, held_out)
    stratified = classes is not None and obstacle is None
    train, test = train_test_split(
        np.arange(rows), test_size=held_out, random_state=seed, stratify=classes if stratified else None
    )
    how = "stratified by class, " if stratified else ""
    notes = [f"split: {plural(len(train), 'row')} to train, {len(test)} held out ({how}seed {seed})"]
    if obstacle is not None:
        notes.append(f"the split is not stratified, since {obstacle}")
    if classes is not None:
        notes += _absent_classes(classes[train], labels)
    return Split(train, test, float(test_fraction), int(seed), stratified, tuple(notes))


def _held_out(rows: int, test_fraction: float, seed: int) -> int:
    if not 0 < test_fraction < 1:
        raise SpecificationError(f"the held-out fraction must be between 0 and 1, got {test_fraction}; try 0.25")
    if not 0 <= seed <= _LARGEST_SEED:
        raise SpecificationError(f"the seed must be between 0 and {_LARGEST_SEED}, got {seed}")
    held_out = math.ceil(test_fraction * rows)
    if rows - held_out < _FEWEST_TO_TRAIN:
        raise SpecificationError(
            f"holding out {test_fraction} of {rows} rows leaves {rows - held_out} to train on; hold out less"
        )
    return held_out


def _obstacle(classes: Rows, labels: tuple[str, ...], held_out: int) -> str | None:
    """Why not every class can be in both parts."""
    counts = np.bincount(classes, minlength=len(labels))
    single = [label for label, count in zip(labels, counts, strict=True) if count < 2]
    if single:
        return f"there is only one row of {plural(len(single), 'class', 'classes')}: {listed(single)}"
    if min(held_out, len(classes) - held_out) < len(labels):
        return f"a part of {min(held_out, len(classes) - held_out)} rows cannot hold all {len(labels)} classes"
    return None


def _absent_classes(trained: Rows, labels: tuple[str, ...]) -> list[str]:
    absent = [label for code, label in enumerate(labels) if not np.any(trained == code)]
    if len(labels) - len(absent) < 2:
        raise DataError("only one class is left in the training part; add rows, hold out less or change the seed")
    return [f"not in the training part, so never learnt: {listed(absent)}"] if absent else []
