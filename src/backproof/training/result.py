"""What training gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from backproof.ir.arithmetic import Array

Stopped = Literal["finished", "interrupted", "early", "asked"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the data.

    Args:
        number: counts from 1.
        loss: the mean of the batches' losses, weighted by their sizes, each before its update. For the full batch
            that is the loss of the parameters that the epoch began with.
        seconds: how long it took, without validation and callbacks.
        steps: updates made so far.
        learning_rate: η of its last step.
        validation_loss: the loss of the validation data, without penalties, with the parameters after the epoch; None
            where there are no such data.
        metrics: of the validation data, or of the training data where there are none.
        gradient_norms: √(Σ g²) for each parameter, of the epoch's last batch with the parameters after it; measured
            so rarely that it costs no time worth speaking of, otherwise empty.
        update_ratios: how far the epoch moved each parameter, relative to its size; measured together with the norms.
    """

    number: int
    loss: float
    seconds: float
    steps: int
    learning_rate: float = 0.0
    validation_loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    gradient_norms: Mapping[str, float] = field(default_factory=dict)
    update_ratios: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Trained parameters and how they came about.

    Args:
        params: the parameters by identifier, and what the network remembers for predictions: after the last step; the
            best ones where training stopped early or was interrupted.
        loss: the loss of all data with these parameters, as predictions are made: without dropout.
        history: one record per completed epoch.
        stopped: ``"finished"``; ``"interrupted"`` by Ctrl-C; ``"early"``, as the validation loss no longer fell;
            ``"asked"`` by a callback.
        steps: updates made.
        seconds: the time of all epochs.
        started_from: for each parameter how it was initialised: ``"Glorot uniform"``, ``"He normal"``, ``"zero"`` or
            ``"given"``.
        settings: what reproduces the run: optimizer, learning rate, batch size, seed, backend, dtype. The backend is
            the one that ran, ``"numpy"`` or ``"llvm"``.
        compile_seconds: the time before the first step in which machine code was made, or found on disk.
        best_epoch: the epoch with the lowest validation loss; None without validation data.
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
    best_epoch: int | None = None

    @property
    def epochs_run(self) -> int:
        """How many epochs were completed."""
        return len(self.history)
