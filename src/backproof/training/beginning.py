"""A training that is ready to go: options checked, data split, steps made ready."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.errors import SpecificationError, UnsupportedError
from backproof.ir.arguments import checked_dtype, checked_values, named_inputs, positive_number, whole_number
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.kernels.backends import backend_named
from backproof.optimizers import Optimizer, optimizer_named, sgd
from backproof.rules.initialisation import drawn_parameters, initialisation
from backproof.training.checkpoints import Checkpoints
from backproof.training.choice import Job
from backproof.training.clipping import Clipping
from backproof.training.data import prepared
from backproof.training.events import Callback
from backproof.training.history import History
from backproof.training.lbfgs import LbfgsRun, refuse_what_lbfgs_cannot
from backproof.training.progress import Reporter
from backproof.training.rates import LearningRate
from backproof.training.result import TrainingResult
from backproof.training.resuming import Kept
from backproof.training.run import Run
from backproof.training.schedules import Horizon, Plateau, Schedule, schedule_named
from backproof.training.steps import Steps
from backproof.training.stream import stream_of

LBFGS = "lbfgs"


@dataclass
class Training:
    """One training.

    Args:
        run: the loop and what it has come to.
        epochs: to be made.
        settings: what reproduces it.
        started_from: for each parameter how it was initialised.
        compile_seconds: what it took to make the steps ready.
    """

    run: Run
    epochs: int
    settings: Mapping[str, object]
    started_from: Mapping[str, str]
    compile_seconds: float

    def go(self, shown: Reporter) -> TrainingResult:
        """Train, or as much of it as Ctrl-C, patience or a callback allow.

        Raises:
            DivergenceError, CallbackError: see ``train``.
        """
        keeper = self.run.keeper
        with np.errstate(all="ignore"), keeper or nullcontext():
            stopped = self.run.run(self.epochs, shown)
            best, loss = self.run.outcome(stopped)
        validated = self.run.validation is not None and self.run.best is not None
        return TrainingResult(
            params=best,
            loss=loss,
            history=History(self.run.history),
            stopped=stopped,
            steps=self.run.made,
            seconds=sum(epoch.seconds for epoch in self.run.history),
            started_from=self.started_from,
            settings=self.settings,
            compile_seconds=self.compile_seconds,
            best_epoch=self.run.best.epoch if validated and self.run.best is not None else None,
            notes=tuple(keeper.notes) if keeper is not None else (),
        )


def begin(
    net: Program | Trace,
    X: Any = None,
    y: Any = None,
    params: Mapping[str, Any] | None = None,
    *,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float = 0.01,
    batch_size: int | None = None,
    epochs: int = 1,
    shuffle: bool = True,
    seed: int = 0,
    backend: str = "auto",
    dtype: npt.DTypeLike = "float64",
    schedule: str | Schedule | Plateau = "constant",
    clip_norm: float | None = None,
    clip_value: float | None = None,
    weights: Any = None,
    class_weight: object = None,
    validation: Any = None,
    patience: int | None = None,
    metrics: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
    norms: bool = False,
    initialization: str | None = None,
    checkpoint: Checkpoints | str | os.PathLike[str] | None = None,
    resume: bool | str = False,
    threads: int | None = None,
) -> Training:
    """The training that ``train`` would make with these options, before its first step.

    Raises:
        SpecificationError, ShapeError, DataError, UnsupportedError, OutputError: see ``train``.
    """
    trace = net if isinstance(net, Trace) else backpropagate(net)
    program, by_scipy = trace.program, optimizer == LBFGS
    if by_scipy and checkpoint is not None:
        raise UnsupportedError("what lbfgs remembers cannot be kept; leave checkpoint out, or train with adam")
    rule = sgd() if by_scipy else optimizer_named(optimizer)
    rate = positive_number("the learning rate", learning_rate)
    todo, start_seed = whole_number("epochs", epochs, 0), whole_number("the seed", seed, 0)
    chosen, kind = backend_named(backend), checked_dtype(dtype)
    clipping = Clipping(_positive_or_none("clip_value", clip_value), _positive_or_none("clip_norm", clip_norm))
    waiting = None if patience is None else whole_number("patience", patience, 1)
    if waiting is not None and validation is None:
        raise SpecificationError("patience needs validation data to see no progress on; give validation=0.2")
    if initialization is not None and params is not None:
        raise SpecificationError("params are given, so nothing is drawn; leave initialization out")
    start = drawn_parameters(program, start_seed, initialization) if params is None else params
    state = starting_state(program, start, kind)
    given = {name.id: state[name.id] for name in program.parameters if name.id in state}
    stream = stream_of(X, y, weights)
    inputs = _inputs(program, X, y) if stream is None else {}
    data = prepared(program, given, inputs, weights, validation, start_seed, kind, stream, class_weight)
    if by_scipy and data.blocks is not None:
        raise UnsupportedError("lbfgs needs all samples in each step; give a Stream with a buffer that holds them")
    batches = data.batches(program, batch_size, bool(shuffle), start_seed)
    horizon = Horizon(steps=max(1, todo * batches.per_epoch), steps_per_epoch=batches.per_epoch)
    rates = LearningRate(rate, schedule_named(schedule), horizon)
    watched = bool(validation is not None or callbacks or norms or rates.depends_on_losses)
    job = Job(trace, batches, rule, rates, clipping, state, kind, todo, start_seed, watched, threads)
    judge = data.judge(program, kind)
    settings = {
        "optimizer": optimizer if isinstance(optimizer, str) else rule.name,
        "learning_rate": rate,
        "schedule": rates.schedule.text,
        "clip_value": clipping.value,
        "clip_norm": clipping.norm,
        "batch_size": batches.size,
        "epochs": todo,
        "shuffle": bool(shuffle),
        "seed": start_seed,
        "backend": chosen,
        "dtype": kind.name,
    }
    if data.blocks is not None:
        settings |= {"buffer": data.buffer, "block": data.blocks.size}
    asked = {"patience": waiting, "metrics": list(metrics), "norms": bool(norms), "initialization": initialization}
    kept = Kept.looked_up(checkpoint, resume, job, data, {**settings, **asked})
    chosen = kept.backend(chosen) if kept is not None else chosen
    began = time.perf_counter()
    steps: Steps
    kind_of_run: type[Run]
    if by_scipy:
        refuse_what_lbfgs_cannot(program, batches, rates, clipping)
        steps, kind_of_run = job.function(chosen), LbfgsRun
    else:
        steps, kind_of_run = job.begun(chosen), Run
    compiling = time.perf_counter() - began if steps.backend == "llvm" else 0.0
    run = kind_of_run(
        steps,
        batches,
        rates,
        judge,
        validation=data.validation_judge(program, tuple(metrics), kind),
        watch=job.watch(steps.backend, job.reference()) if norms else None,
        callbacks=tuple(callbacks),
        patience=waiting,
    )
    settings["backend"] = steps.backend
    if kept is not None:
        kept.attach(run, todo)
    reasons = {start.parameter.id: start.reason for start in initialisation(program, initialization)}
    return Training(run, todo, settings, reasons if params is None else dict.fromkeys(reasons, "given"), compiling)


def starting_state(program: Program, given: Mapping[str, Any], dtype: np.dtype[Any]) -> dict[str, Array]:
    """Copies of the parameters, and of what the program remembers; that starts as the program says where not given.

    Raises:
        SpecificationError, ShapeError, DataError: what is given does not fit.
    """
    names = (*program.parameters, *(remembered.name for remembered in program.remembered))
    found = {id: array.copy() for id, array in checked_values(names, given, dtype, "parameter").items()}
    for remembered in program.remembered:
        shape = tuple(int(str(dim)) for dim in remembered.name.shape)
        found.setdefault(remembered.name.id, np.full(shape, remembered.start, dtype))
    return found


def _positive_or_none(what: str, value: float | None) -> float | None:
    return None if value is None else positive_number(what, value)


def _inputs(program: Program, X: Any, y: Any) -> dict[str, Any]:
    """The inputs by identifier; what was left out stays out, to be asked for by its name."""
    if X is None or isinstance(X, Mapping):
        return named_inputs(program, [X or {}], {} if y is None else {"y": y})
    return named_inputs(program, [X] if y is None else [X, y], {})
