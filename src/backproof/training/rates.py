"""The learning rate of every step: η times its schedule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backproof.training.schedules import Horizon, Plateau, Schedule
from backproof.training.steps import Rates


@dataclass(slots=True)
class LearningRate:
    """η_t = η f(t), where f may depend on how the run goes.

    Args:
        rate: η.
        schedule: f.
        horizon: how long the run will be.
        factor: what a plateau has made of f.
        lowest: the lowest loss so far.
        since: epochs since then.
    """

    rate: float
    schedule: Schedule | Plateau
    horizon: Horizon
    factor: float = 1.0
    lowest: float = float("inf")
    since: int = 0

    @property
    def changes(self) -> bool:
        """Whether steps differ in their rate."""
        return isinstance(self.schedule, Plateau) or self.schedule.text != "constant"

    @property
    def depends_on_losses(self) -> bool:
        """Whether it has to be told of the loss of each epoch."""
        return isinstance(self.schedule, Plateau)

    def of(self, first: int, count: int) -> Rates:
        """η of the steps from ``first``, counted from 0."""
        if isinstance(self.schedule, Plateau):
            return np.full(count, self.rate * self.factor)
        return self.rate * self.schedule.factors(first, count, self.horizon)

    def after_epoch(self, loss: float) -> None:
        """Learn the loss of an epoch: of validation data where there are any."""
        if not isinstance(self.schedule, Plateau):
            return
        self.since = 0 if loss < self.lowest else self.since + 1
        self.lowest = min(self.lowest, loss)
        if self.since >= self.schedule.patience:
            self.factor, self.since = max(self.schedule.least, self.factor * self.schedule.factor), 0

    def state(self) -> dict[str, float]:
        """What it has learnt from the run."""
        return {"factor": self.factor, "lowest": self.lowest, "since": self.since}

    def restore(self, state: dict[str, float]) -> None:
        """Go back to a state."""
        self.factor, self.lowest, self.since = state["factor"], state["lowest"], int(state["since"])
