"""What training gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from backproof.ir.arithmetic import Array

Stopped = Literal["finished", "interrupted"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the data.

    Args:
        number: counts from 1.
        loss: the mean of the batches' losses, weighted by their sizes, each before its update. For the full batch
            that is the loss of the parameters that the epoch began with.
        seconds: how long it took.
        steps: updates made so far.
    """

    number: int
    loss: float
    seconds: float
    steps: int


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Trained parameters and how they came about.

    Args:
        params: the parameters by identifier: after the last step, or the best ones so far where interrupted.
        loss: the loss of all data with these parameters.
        history: one record per completed epoch.
        stopped: ``"finished"``, or ``"interrupted"`` by Ctrl-C.
        steps: updates made.
        seconds: the time of all epochs.
        started_from: for each parameter how it was initialised: ``"Glorot uniform"``, ``"He normal"``, ``"zero"`` or
            ``"given"``.
        settings: what reproduces the run: optimizer, learning rate, batch size, seed, backend, dtype. The backend is
            the one that ran, ``"numpy"`` or ``"llvm"``.
        compile_seconds: the time before the first step in which machine code was made, or found on disk.
    """

    params: Mapping[str, Array]
    loss: float
    history: tuple[Epoch, ...]
    stopped: Stopped
    steps: int
    seconds: float
    started_from: Mapping[str, str]
    settings: Mapping[str, object]
    compile_seconds: float = 0.0

    @property
    def epochs_run(self) -> int:
        """How many epochs were completed."""
        return len(self.history)
