"""What training gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from backproof.ir.arithmetic import Array
from backproof.training.history import History

Stopped = Literal["finished", "interrupted", "early", "asked", "converged"]


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Trained parameters and how they came about.

    Args:
        params: the parameters by identifier, and what the network remembers for predictions: after the last step; the
            best ones where training stopped early or was interrupted.
        loss: the loss of all data with these parameters, as predictions are made: without dropout.
        history: one record per completed epoch.
        stopped: ``"finished"``; ``"interrupted"`` by Ctrl-C; ``"early"``, as the validation loss no longer fell;
            ``"asked"`` by a callback; ``"converged"`` where L-BFGS found no lower loss.
        steps: updates made.
        seconds: the time of all epochs.
        started_from: for each parameter how it was initialised: ``"Glorot uniform"``, ``"He normal"``, ``"zero"`` or
            ``"given"``.
        settings: what reproduces the run: optimizer, learning rate, batch size, seed, backend, dtype. The backend is
            the one that ran, ``"numpy"`` or ``"llvm"``.
        compile_seconds: the time before the first step in which machine code was made, or found on disk.
        best_epoch: the epoch with the lowest validation loss; None without validation data.
        notes: what there is to tell beside: where it was resumed, checkpoints that could not be used or written.
    """

    params: Mapping[str, Array]
    loss: float
    history: History
    stopped: Stopped
    steps: int
    seconds: float
    started_from: Mapping[str, str]
    settings: Mapping[str, object]
    compile_seconds: float = 0.0
    best_epoch: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def epochs_run(self) -> int:
        """How many epochs were completed."""
        return len(self.history)
