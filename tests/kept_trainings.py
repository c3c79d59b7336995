"""Small trainings that are kept in a folder, and what must be the same in two of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import backproof as bp
from backproof.training import Checkpoints, TrainingResult

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, :1] * X[:, 1:]
NET = bp.mlp(2, 5, 1, activation="tanh", loss="mean_squared_error")
OFTEN = 1e-9
"""Minutes: after every step or slice of steps."""


def trained(folder: Path | None = None, **options: Any) -> TrainingResult:
    """A small training, kept after each epoch where there is a folder."""
    kept: dict[str, Any] = {} if folder is None else {"checkpoint": Checkpoints(folder, every_epochs=1)}
    given: dict[str, Any] = {
        "net": NET,
        "X": X,
        "y": Y,
        "batch_size": 16,
        "epochs": 4,
        "progress": False,
        **kept,
        **options,
    }
    return bp.train(**given)


def assert_same(found: TrainingResult, expected: TrainingResult) -> None:
    assert {id: array.tobytes() for id, array in found.params.items()} == {
        id: array.tobytes() for id, array in expected.params.items()
    }
    assert [replace(e, seconds=0) for e in found.history] == [replace(e, seconds=0) for e in expected.history]
    assert (found.loss, found.stopped, found.steps) == (expected.loss, expected.stopped, expected.steps)
    assert (found.best_epoch, found.settings) == (expected.best_epoch, expected.settings)


def steps_kept(folder: Path) -> list[int]:
    """The steps of the checkpoints in the folder."""
    return sorted(int(path.stem.partition("-")[2]) for path in folder.glob("step-*"))
