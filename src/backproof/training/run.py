"""The training loop: slices of steps, epochs, what is watched after each, and when to stop."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from backproof.errors import CallbackError, NonFiniteError
from backproof.ir.arithmetic import Array
from backproof.training.batches import Batches
from backproof.training.checkpoints import Keeper
from backproof.training.divergence import divergence
from backproof.training.epoch import Epoch
from backproof.training.events import Callback, Event
from backproof.training.judge import Judge
from backproof.training.progress import Reporter
from backproof.training.rates import LearningRate
from backproof.training.result import Stopped
from backproof.training.snapshot import Candidate, Pass, Snapshot, mean_loss
from backproof.training.steps import Diverged, State, Steps
from backproof.training.watching import Watch

SLICE = 0.05
"""Seconds that one call may take, roughly: what Ctrl-C waits for at most."""
LONGEST = 1_000_000
"""Steps in one call at most: each leaves a loss."""


@dataclass
class Run:
    """What a run has come to, and how it goes on.

    Args:
        steps: makes the steps.
        batches: the samples.
        rates: the learning rate of each step.
        judge: on the data that the loss in the end is told of.
        validation: on held-out data, after each epoch.
        watch: measures norms of gradients and updates now and then.
        callbacks: are told of each epoch.
        patience: epochs without a lower validation loss after which to stop; None for never.
        keeper: writes checkpoints.
        made: steps so far.
        parameters: after them; ``previous`` those before the last call.
        history: of the epochs that are done.
        best: the best parameters so far: by the validation loss where there is one, otherwise by the training loss.
        current: the epoch in the making.
        per_step: seconds of a step, as last measured; nothing is known before the first, which is a slice of its own.
    """

    steps: Steps
    batches: Batches
    rates: LearningRate
    judge: Judge
    validation: Judge | None = None
    watch: Watch | None = None
    callbacks: Sequence[Callback] = ()
    patience: int | None = None
    keeper: Keeper | None = None
    made: int = 0
    parameters: State = field(default_factory=dict)
    previous: State = field(default_factory=dict)
    history: list[Epoch] = field(default_factory=list)
    best: Candidate | None = None
    current: Pass | None = None
    per_step: float = SLICE

    def __post_init__(self) -> None:
        self.parameters = self.steps.parameters()

    def run(self, epochs: int, shown: Reporter) -> Stopped:
        """All epochs, or as many as Ctrl-C, patience or a callback allow.

        Raises:
            DivergenceError: a quantity became NaN or infinite.
            CallbackError: a callback failed.
        """
        try:
            # One that goes on between two epochs may have been killed before anybody was told of the last.
            ended = self._ended() if self.history and self.current is None else None
            while ended is None and len(self.history) < epochs:
                at_once = self._epochs_at_once(epochs)
                if at_once:
                    self._whole_epochs(at_once, shown)
                else:
                    self._pieces(shown)
                self._keep_if_due()
                ended = self._ended()
            self._keep_if_due(last=True)
        except KeyboardInterrupt:
            return "interrupted"
        return ended or "finished"

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from there."""
        self.steps.restore(snapshot.state)
        self.batches.restore(snapshot.random)
        self.rates.restore(dict(snapshot.rates))
        self.made, self.history = snapshot.made, list(snapshot.history)
        self.best, self.current = snapshot.best, snapshot.current
        self.parameters = self.previous = self.steps.parameters()

    def outcome(self, stopped: Stopped) -> tuple[State, float]:
        """The parameters to give back, and the loss of all data with them.

        Raises:
            DivergenceError: the last update made something NaN or infinite.
        """
        if stopped == "early" and self.best is not None:
            return self.best.parameters, self.judge(self.best.parameters)[0]
        if stopped == "interrupted" and self.best is not None:
            if self.validation is not None:
                return self.best.parameters, self.judge(self.best.parameters)[0]
            candidates = [self.best.parameters, self.parameters]
            losses = [self.judge(parameters)[0] for parameters in candidates]
            better = losses.index(min(losses))
            return candidates[better], losses[better]
        try:
            return self.parameters, self.judge.loss(self.parameters)
        except NonFiniteError as error:
            rate = self.history[-1].learning_rate if self.history else self.rates.rate
            raise divergence(error, len(self.history), self.made + 1, rate, self.parameters, self.previous) from error

    # --- steps --------------------------------------------------------------------------------------------------------

    def _epochs_at_once(self, epochs: int) -> int:
        """How many epochs make the next call: several where each is short and nobody looks after each.

        0 where an epoch has to be cut: it is too long for a call, has samples left over, or has begun already.
        """
        batches, per_epoch = self.batches, self.batches.per_epoch
        cut = self.current is not None or batches.window is not None or batches.samples % batches.size
        fitting = self._fitting() // per_epoch
        if cut or (fitting == 0 and not batches.whole):
            return 0
        watched = self.validation or self.callbacks or self.watch or self.patience or self.rates.depends_on_losses
        wanted = self.keeper.until_due(len(self.history)) if self.keeper is not None else None
        return 1 if watched else max(1, min(epochs - len(self.history), fitting, wanted or LONGEST))

    def _whole_epochs(self, count: int, shown: Reporter) -> None:
        """Some epochs in one call."""
        began, done, size, per_epoch = time.perf_counter(), len(self.history), self.batches.size, self.batches.per_epoch
        order = np.concatenate([np.asarray(self.batches.order(), np.int64) for _ in range(count)])
        rates = self.rates.of(self.made, count * per_epoch)
        losses = self._taken(order, size, rates)
        before, after = self.parameters, self.steps.parameters()
        means = [mean_loss(part, size / self.batches.samples) for part in losses.reshape(count, per_epoch)]
        seconds = (time.perf_counter() - began) / count
        epochs = [
            Epoch(done + k, mean, seconds, self.made + k * per_epoch, float(rates[k * per_epoch - 1]))
            for k, mean in enumerate(means, 1)
        ]
        if self.validation is None and self.batches.whole:
            self._keep_if_better(means[0], before, done)
        elif self.validation is None:
            self._keep_if_better(means[-1], after, done + count)
        # Together and last, so that an interruption finds parameters and history that fit each other.
        self.history += epochs
        self.made, self.previous, self.parameters = self.made + len(losses), before, after
        shown.step(done + count, self.made, float(losses[-1]))
        self._look(before, order[-size:])
        self.per_step = max(self.per_step, (time.perf_counter() - began) / len(losses))

    def _pieces(self, shown: Reporter) -> None:
        """One epoch: slices of whole batches, then the batch that is left over."""
        number, size = len(self.history) + 1, self.batches.size
        if self.current is None:
            self.current = Pass(self.batches.order(), self.parameters)
        current = self.current
        order, whole = current.order, len(current.order) // size * size
        while current.done < len(order):
            began = time.perf_counter()
            batch = size if current.done < whole else len(order) - whole
            taken = min(self._fitting() * size, whole - current.done) if current.done < whole else batch
            rates = self.rates.of(self.made, -(-taken // batch))
            losses = self._taken(order[current.done : current.done + taken], batch, rates)
            current.add(losses, batch / self.batches.samples)
            current.done += taken
            self.made, self.previous = self.made + len(losses), self.parameters
            self.parameters = self.steps.parameters()
            current.seconds += time.perf_counter() - began
            shown.step(number, self.made, float(losses[-1]))
            if current.done < len(order):
                self._keep_if_due()
        mean, rate = current.mean, float(self.rates.of(self.made - 1, 1)[0])
        self.history.append(Epoch(number, mean, current.seconds, self.made, rate))
        self.current = None
        if self.validation is None:
            self._keep_if_better(mean, self.parameters, number)
        self._look(current.before, order[-size:])

    def _fitting(self) -> int:
        """How many steps fit into a slice."""
        return max(1, min(LONGEST, int(SLICE / self.per_step))) if self.steps.at_once else 1

    def _taken(self, order: Array, size: int, rates: Array) -> Array:
        """Some steps in one call.

        Raises:
            DivergenceError: where they went wrong.
        """
        began = time.perf_counter()
        try:
            losses = self.steps.take(order, size, rates, self.made)
        except Diverged as at:
            epoch = len(self.history) + 1 + (at.step // self.batches.per_epoch if self.current is None else 0)
            raise divergence(
                at.error, epoch, self.made + at.step + 1, float(rates[at.step]), at.parameters, at.previous
            ) from at.error
        if size == self.batches.size:  # the batch that is left over may be far smaller than the others
            self.per_step = max(1e-9, (time.perf_counter() - began) / len(losses))
        return losses

    # --- after an epoch -----------------------------------------------------------------------------------------------

    def _look(self, before: Mapping[str, Array], last: Array) -> None:
        """Complete the record of the epoch: validation, metrics, norms."""
        epoch = self.history[-1]
        if self.validation is not None:
            loss, metrics = self.validation(self.parameters)
            epoch = replace(epoch, validation_loss=loss, metrics=metrics)
            self._keep_if_better(loss, self.parameters, epoch.number)
        if self.watch is not None and self.watch.is_due(epoch.number):
            norms, ratios = self.watch(self.steps.state(), before, self.parameters, last, self.made)
            epoch = replace(epoch, gradient_norms=norms, update_ratios=ratios)
        self.history[-1] = epoch
        self.rates.after_epoch(epoch.loss if epoch.validation_loss is None else epoch.validation_loss)

    def _keep_if_better(self, loss: float, parameters: State, epoch: int) -> None:
        if self.best is None or loss < self.best.loss:
            self.best = Candidate(loss, parameters, epoch)

    def _keep_if_due(self, *, last: bool = False) -> None:
        """A checkpoint, unless the last update made a parameter NaN or infinite: the next step will say so."""
        if self.keeper is None or not self.keeper.is_due(self.made, len(self.history), self.current is None, last):
            return
        if all(np.isfinite(array).all() for array in self.parameters.values()):
            random, rates = self.batches.state(), self.rates.state()
            history = tuple(self.history)
            self.keeper.keep(Snapshot(self.made, self.steps.state(), history, self.best, self.current, random, rates))

    def _ended(self) -> Stopped | None:
        """Why to stop after this epoch, if at all."""
        return "asked" if self._told() else "early" if self._patience_is_out() else None

    def _told(self) -> bool:
        """Tell the callbacks; whether one asks to stop.

        Raises:
            CallbackError: one failed; has the parameters and the history.
        """
        if not self.callbacks:
            return False
        event = Event(
            self.history[-1], tuple(self.history), {id: array.copy() for id, array in self.parameters.items()}
        )
        for callback in self.callbacks:
            try:
                callback(event)
            except Exception as error:
                name = getattr(callback, "__name__", type(callback).__name__)
                raise CallbackError(
                    f"the callback {name} failed after epoch {event.epoch.number}: {error!r}; "
                    "the weights are in .params of this error",
                    params=self.parameters,
                    history=event.history,
                ) from error
        return event.stopping

    def _patience_is_out(self) -> bool:
        waited = len(self.history) - self.best.epoch if self.best is not None else 0
        return self.patience is not None and waited >= self.patience
