"""The training loop over a kernel that is called for every batch: the reference for every other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import ClassVar

from backproof.training.progress import Reporter
from backproof.training.result import Epoch
from backproof.training.state import Run
from backproof.training.updater import Updater


@dataclass
class ReferenceRun(Run):
    """Every field is replaced whole, so that an interruption finds all of them in order."""

    backend: ClassVar[str] = "numpy"

    updater: Updater = field(kw_only=True)

    def advance(self, epochs: int, shown: Reporter) -> None:
        """One epoch: a gradient and an update for each batch."""
        number, began, mean = len(self.history) + 1, time.perf_counter(), 0.0
        for batch in self.batches.epoch():
            loss, gradients = self.gradients(batch, number)
            if self.batches.whole:
                self.keep_if_better(loss, self.parameters)
            self.previous, self.parameters = self.parameters, self.updater(self.parameters, gradients)
            self.steps += 1
            mean += loss * (batch.samples / self.batches.samples)  # exact where there is one batch
            shown.step(number, self.steps, loss)
        if not self.batches.whole:
            self.keep_if_better(mean, self.parameters)
        self.history.append(Epoch(number, mean, time.perf_counter() - began, self.steps))
