"""The state of a training run, whatever computes its steps: history, the best parameters so far, the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from backproof.errors import NonFiniteError
from backproof.ir.arithmetic import Array
from backproof.kernels.backends import Kernel
from backproof.training.batches import Batch, Batches
from backproof.training.divergence import divergence
from backproof.training.progress import Reporter
from backproof.training.result import Epoch, Stopped

AfterEpoch = Callable[[Epoch, Mapping[str, Array]], None]


@dataclass(slots=True)
class Candidate:
    """Parameters and a loss by which they are compared with others."""

    loss: float
    parameters: dict[str, Array]


@dataclass
class Run:
    """What a run has come to; ``epoch`` is where backends differ."""

    backend: ClassVar[str]

    kernel: Kernel
    batches: Batches
    rate: float
    parameters: dict[str, Array]
    on_epoch: AfterEpoch | None = None
    steps: int = 0
    history: list[Epoch] = field(default_factory=list)
    best: Candidate | None = None
    previous: dict[str, Array] = field(default_factory=dict)

    def run(self, epochs: int, shown: Reporter) -> Stopped:
        """All epochs, or as many as Ctrl-C allows."""
        try:
            while len(self.history) < epochs:
                self.advance(epochs - len(self.history), shown)
                if self.on_epoch is not None:
                    self.on_epoch(self.history[-1], self.parameters)
        except KeyboardInterrupt:
            return "interrupted"
        return "finished"

    def advance(self, epochs: int, shown: Reporter) -> None:
        """One epoch, or several at once where they are short and nobody is told after each."""
        raise NotImplementedError

    def keep_if_better(self, loss: float, parameters: dict[str, Array]) -> None:
        """Remember the parameters where their loss is the lowest so far."""
        if self.best is None or loss < self.best.loss:
            self.best = Candidate(loss, parameters)

    def gradients(self, batch: Batch, epoch: int) -> tuple[float, dict[str, Array]]:
        """The loss and the gradients of a batch."""
        try:
            return self.kernel.step(self.parameters, batch.inputs, batch.sizes)
        except NonFiniteError as error:
            raise divergence(error, epoch, self.steps + 1, self.rate, self.parameters, self.previous) from error

    def outcome(self, stopped: Stopped) -> tuple[dict[str, Array], float]:
        """The parameters to give back, and the loss of all data with them."""
        if stopped == "interrupted" and self.best is not None:
            candidates = [self.best.parameters, self.parameters]
            losses = [self._loss_or_infinity(parameters) for parameters in candidates]
            better = losses.index(min(losses))
            return candidates[better], losses[better]
        loss, _ = self.gradients(self.batches.full, len(self.history))
        return self.parameters, loss

    def _loss_or_infinity(self, parameters: dict[str, Array]) -> float:
        full = self.batches.full
        try:
            return self.kernel.step(parameters, full.inputs, full.sizes)[0]
        except NonFiniteError:
            return float("inf")
