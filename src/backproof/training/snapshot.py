"""All that a run has come to between two steps: what has to be put back for it to go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backproof.ir.arithmetic import Array
from backproof.training.epoch import Epoch
from backproof.training.steps import State
from backproof.training.window import StreamOrder


def mean_loss(losses: Array, share: float, before: float = 0.0) -> float:
    """before + the losses of batches that are each a share of the samples, one by one: no cut changes a bit."""
    terms = np.asarray(losses, np.float64) * share
    return float(np.add.accumulate(np.concatenate(([before], terms)))[-1])


@dataclass(slots=True)
class Candidate:
    """Parameters and a loss by which they are compared with others."""

    loss: float
    parameters: State
    epoch: int


@dataclass(slots=True)
class Pass:
    """An epoch in the making.

    Args:
        order: the samples in their order.
        before: the parameters that the epoch began with.
        done: how many samples have been in a batch.
        mean: of the losses of all samples, as far as they are known.
        seconds: spent so far.
    """

    order: Array | StreamOrder
    before: State = field(default_factory=dict)
    done: int = 0
    mean: float = 0.0
    seconds: float = 0.0

    def add(self, losses: Array, share: float) -> None:
        """Take in the losses of batches that are each a share of the samples; one by one, wherever a slice ends."""
        self.mean = mean_loss(losses, share, self.mean)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run between two steps.

    Args:
        made: steps so far.
        state: everything that a step changes.
        history: of the epochs that are done.
        best: the best parameters so far.
        current: the epoch in the making; None between two epochs.
        random: where the random order has got to.
        rates: what the learning rate has learnt from the run.
    """

    made: int
    state: State
    history: tuple[Epoch, ...]
    best: Candidate | None
    current: Pass | None
    random: Mapping[str, Any]
    rates: Mapping[str, float]
