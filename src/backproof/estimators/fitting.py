"""One estimator's training: a network alone, or several at once, until they make no more progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from backproof.errors import BackproofError
from backproof.estimators.stopping import Stopping
from backproof.ir.arithmetic import Array
from backproof.training import train_many
from backproof.training.beginning import LBFGS, Training, begin
from backproof.training.epoch import Epoch
from backproof.training.history import History
from backproof.training.progress import reporter
from backproof.training.result import Stopped

Parameters = dict[str, Array]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a training.

    Args:
        parameters: those to predict with.
        history: of the epochs.
        stopped: why; ``"finished"`` where all epochs were made without another reason to stop.
        best_epoch: with the lowest loss of the validation data; None without such data.
        loss: of the parameters, on the training data as the last epoch saw it.
        memory: what a step changes, for who goes on from there.
    """

    parameters: Parameters
    history: History
    stopped: Stopped
    best_epoch: int | None
    memory: Parameters = field(default_factory=dict)


def fit_one(options: Options, stopping: Stopping, progress: bool | str, threads: int | None) -> Fitted:
    """Train one network.

    Args:
        options: of ``backproof.training.beginning.begin``.
        stopping: when to stop.
        progress: as for ``bp.train``.
        threads: how many a step may use.

    Raises:
        BackproofError: as for ``bp.train``.
    """
    alone = options["optimizer"] == LBFGS
    patience = stopping.patience if alone and stopping.held_out else None
    training = begin(**options, threads=threads, patience=patience)
    with reporter(progress, training.epochs, training.run.batches.per_epoch) as shown, np.errstate(all="ignore"):
        reason = training.run.run(training.epochs, shown) if alone else _until_over(training, stopping, shown)
        run = training.run
        validated = run.validation is not None and run.best is not None
        if validated and stopping.held_out and run.best is not None:
            found = run.best.parameters
        else:
            found = run.outcome(reason)[0] if reason != "asked" else run.parameters
    best = run.best.epoch if validated and run.best is not None else None
    return Fitted(dict(found), History(run.history), reason, best)


def _until_over(training: Training, stopping: Stopping, shown: Any) -> Stopped:
    """Epochs at once, as many as can be made before there can be a reason to stop."""
    run, seen = training.run, 0
    while seen < training.epochs:
        reason = run.run(min(training.epochs, seen + stopping.room), shown)
        for epoch in run.history[seen:]:
            stopping.observe(epoch)
        seen = len(run.history)
        if reason != "finished":
            return reason
        if stopping.over:
            return "converged"
    return "finished"


def fit_many(
    jobs: Sequence[Options], stoppings: Sequence[Stopping], progress: bool | str, threads: Any
) -> list[Fitted]:
    """Train several networks side by side.

    Raises:
        BackproofError: one of them failed.
    """
    asked = []
    for job, stopping in zip(jobs, stoppings, strict=True):
        by_scipy = job["optimizer"] == LBFGS
        patience = stopping.patience if by_scipy and stopping.held_out else None
        asked.append({**job, "patience": patience, "callbacks": [] if by_scipy else [stopping]})
    fitted = []
    for outcome, stopping in zip(train_many(asked, threads=threads, progress=progress), stoppings, strict=True):
        if isinstance(outcome, BackproofError):
            raise outcome
        stopped = "converged" if outcome.stopped == "asked" else outcome.stopped
        found = outcome.params if stopping.best is None else stopping.best
        fitted.append(Fitted(dict(found), outcome.history, stopped, outcome.best_epoch))
    return fitted


def one_pass(options: Options, memory: Parameters, made: int, threads: int | None) -> tuple[Fitted, int]:
    """One more pass over some data, with what the update rule remembers of the passes before; and the steps so far.

    Raises:
        BackproofError: as for ``bp.train``.
    """
    training = begin(**{**options, "epochs": 1}, threads=threads)
    run = training.run
    if memory:
        run.steps.restore(memory)
        run.parameters = run.previous = run.steps.parameters()
    run.made = made
    with np.errstate(all="ignore"), reporter(False, 1, 1) as shown:
        reason = run.run(1, shown)
    return Fitted(dict(run.parameters), History(run.history), reason, None, run.steps.state()), run.made


def joined(before: Sequence[Epoch], after: Sequence[Epoch]) -> History:
    """Both histories, counted on."""
    shift = len(before)
    return History([*before, *(replace(epoch, number=shift + k) for k, epoch in enumerate(after, 1))])
