"""When to stop: the loss did not fall by ``tol`` for so many epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from backproof.training.epoch import Epoch
from backproof.training.events import Event

NEVER = 10**9


@dataclass(slots=True)
class Stopping:
    """Watches the epochs of one training; may be given to it as a callback.

    Args:
        patience: epochs without progress that are let pass; None for any number.
        tol: what the loss has to fall by for progress.
        held_out: whether the loss of the validation data is watched, and its best parameters are kept.
        slowest: a learning rate at which there is no more to hope for.
    """

    patience: int | None
    tol: float
    held_out: bool = False
    slowest: float = 0.0
    waited: int = 0
    lowest: float = math.inf
    rate: float = math.inf
    best_loss: float = math.inf
    best: Any = None

    @property
    def over(self) -> bool:
        """Whether to stop."""
        return self.room == 0

    @property
    def room(self) -> int:
        """Epochs that can be made before there can be a reason to stop."""
        if self.slowest > 0:
            return int(self.rate > self.slowest)
        return NEVER if self.patience is None else max(0, self.patience + 1 - self.waited)

    def observe(self, epoch: Epoch) -> None:
        """Learn of an epoch, as scikit-learn does: it is no progress where the loss fell by less than ``tol``."""
        held_out = epoch.validation_loss if self.held_out else None
        loss = epoch.loss if held_out is None else held_out
        self.waited = 0 if loss <= self.lowest - self.tol else self.waited + 1
        self.lowest, self.rate = min(self.lowest, loss), epoch.learning_rate

    def __call__(self, event: Event) -> None:
        self.observe(event.epoch)
        if self.held_out and event.epoch.validation_loss is not None and event.epoch.validation_loss < self.best_loss:
            self.best_loss, self.best = event.epoch.validation_loss, event.parameters
        if self.over:
            event.stop()
