"""``train``: options checked, data split, the run made and told; its loop is in ``run``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.errors import SpecificationError
from backproof.ir.arguments import (
    checked_dtype,
    checked_values,
    named_inputs,
    positive_number,
    whole_number,
)
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.kernels.backends import backend_named
from backproof.optimizers import Optimizer, optimizer_named
from backproof.rules.initialisation import drawn_parameters, initialisation
from backproof.training.batches import Batches
from backproof.training.choice import Job
from backproof.training.clipping import Clipping
from backproof.training.data import Data, prepared
from backproof.training.events import Callback
from backproof.training.judge import Judge
from backproof.training.progress import reporter
from backproof.training.rates import LearningRate
from backproof.training.result import TrainingResult
from backproof.training.run import Run
from backproof.training.schedules import Horizon, Plateau, Schedule, schedule_named

LARGEST_SEED = 2**63


def train(
    net: Program | Trace,
    X: Any = None,
    y: Any = None,
    params: Mapping[str, Any] | None = None,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float = 0.01,
    batch_size: int | None = None,
    epochs: int = 1,
    shuffle: bool = True,
    seed: int = 0,
    backend: str = "auto",
    dtype: npt.DTypeLike = "float64",
    progress: bool | str = True,
    *,
    schedule: str | Schedule | Plateau = "constant",
    clip_norm: float | None = None,
    clip_value: float | None = None,
    weights: Any = None,
    validation: float | tuple[Any, Any] | None = None,
    patience: int | None = None,
    metrics: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
    norms: bool = False,
) -> TrainingResult:
    """θ ← θ − η ∂L/∂θ, again and again; Ctrl-C keeps the best parameters so far.

    Args:
        net: a network or any program, derived or not.
        X: the inputs, ``(n, d)`` for samples in rows; a mapping by identifier where a program has others than X and y.
        y: the targets, ``(n, units)``; ``(n,)`` where there is one unit.
        params: initial parameters, copied. Without them weights are drawn by the activation that follows them, Glorot
            uniform for sigmoid, tanh, softmax and identity, He normal for ReLU and its kin, and biases are zero.
        optimizer: ``"sgd"``, ``"momentum"``, ``"nesterov"``, ``"adam"``, ``"adamw"``, ``"rmsprop"`` or ``"lion"``,
            perhaps with parameters as in ``"adam(beta_1=0.95)"``, or a rule of your own, made by ``bp.optimizer``.
        learning_rate: η.
        batch_size: samples per update; all where None. The last batch of an epoch may be smaller.
        epochs: passes over the data.
        shuffle: whether each epoch draws its mini-batches in a new order.
        seed: for initial parameters, order and dropout; the same seed gives the same result.
        backend: ``"numpy"``, ``"llvm"`` (machine code), or ``"auto"``: machine code where so many steps are to be made
            that it pays to compile, by a model that knows sizes and no clock: the same call gives the same bits.
        dtype: ``"float64"`` or ``"float32"``.
        progress: a bar where standard error is a terminal; ``"plain"`` for lines anywhere, False for nothing.
        schedule: how η changes: ``"constant"``, ``"cosine"``, ``"step(every=30, factor=0.1)"``, ``"exponential"``,
            ``"one_cycle"``, ``"plateau(patience=10)"``, ``"warmup(steps=100) + cosine"``.
        clip_norm: gradients are scaled together so that √(Σ g²) is at most this.
        clip_value: every entry of a gradient is brought into [−clip_value, clip_value], before ``clip_norm``.
        weights: of the samples in the loss, for a network made with ``weighted=True``; all 1 where None.
        validation: held-out data ``(X, y)``, or the share of the data to hold out, drawn by the seed.
        patience: epochs without a lower validation loss after which to stop, with the best parameters.
        metrics: ``"accuracy"``, ``"r2"``, ``"mae"``, ``"rmse"``, of the validation data after each epoch.
        callbacks: called after each epoch with an ``Event``, whose ``stop()`` ends the training. Their time is not
            counted, and an exception in one ends the training with the weights kept in the error.
        norms: whether the history has norms of gradients and updates, measured now and then.

    Returns:
        The parameters, the loss of all data with them, and one record per epoch.

    Raises:
        SpecificationError, ShapeError, DataError: options or data that cannot be used.
        UnsupportedError: something that the backend cannot do yet.
        DivergenceError: a quantity became NaN or infinite; has the last finite parameters.
        CallbackError: a callback failed; has the parameters.

    Example:
        >>> import backproof as bp
        >>> net = bp.mlp(1, 1, activation="identity", loss="mean_squared_error")
        >>> result = bp.train(net, [1, 2, 3], [2, 4, 6], learning_rate=0.1, epochs=100, progress=False)
        >>> result.params["W_1"].round(6).tolist(), result.stopped
        ([[2.0]], 'finished')
    """
    trace = net if isinstance(net, Trace) else backpropagate(net)
    program = trace.program
    rule, rate = optimizer_named(optimizer), positive_number("the learning rate", learning_rate)
    todo, start_seed = whole_number("epochs", epochs, 0), whole_number("the seed", seed, 0)
    chosen, kind = backend_named(backend), checked_dtype(dtype)
    clipping = Clipping(_positive_or_none("clip_value", clip_value), _positive_or_none("clip_norm", clip_norm))
    waiting = None if patience is None else whole_number("patience", patience, 1)
    if waiting is not None and validation is None:
        raise SpecificationError("patience needs validation data to see no progress on; give validation=0.2")
    start = drawn_parameters(program, start_seed) if params is None else params
    state = starting_state(program, start, kind)
    given = {id: state[id] for id in _ids(program) if id in state}
    data = prepared(program, given, _inputs(program, X, y), weights, validation, start_seed, kind)
    batches = Batches(program, data.training, batch_size, bool(shuffle), start_seed)
    horizon = Horizon(steps=max(1, todo * batches.per_epoch), steps_per_epoch=batches.per_epoch)
    rates = LearningRate(rate, schedule_named(schedule), horizon)
    watched = bool(validation is not None or callbacks or norms or rates.depends_on_losses)
    job = Job(trace, batches, rule, rates, clipping, state, kind, todo, start_seed, watched)
    began = time.perf_counter()
    steps = job.begun(chosen)
    compiling = time.perf_counter() - began if steps.backend == "llvm" else 0.0
    run = Run(
        steps,
        batches,
        rates,
        Judge(program, data.training.inputs, data.training.sizes, (), kind, penalised=True),
        validation=_judge(program, data, tuple(metrics), kind),
        watch=job.watch(steps.backend, job.reference()) if norms else None,
        callbacks=tuple(callbacks),
        patience=waiting,
    )
    with reporter(progress, todo, batches.per_epoch) as shown, np.errstate(all="ignore"):
        stopped = run.run(todo, shown)
        best, loss = run.outcome(stopped)
    return TrainingResult(
        params=best,
        loss=loss,
        history=tuple(run.history),
        stopped=stopped,
        steps=run.made,
        seconds=sum(epoch.seconds for epoch in run.history),
        started_from={s.parameter.id: s.reason for s in initialisation(program)}
        if params is None
        else dict.fromkeys(_ids(program), "given"),
        settings={
            "optimizer": rule.name if isinstance(optimizer, Optimizer) else optimizer,
            "learning_rate": rate,
            "schedule": rates.schedule.text,
            "clip_value": clipping.value,
            "clip_norm": clipping.norm,
            "batch_size": batches.size,
            "epochs": todo,
            "shuffle": bool(shuffle),
            "seed": start_seed,
            "backend": steps.backend,
            "dtype": kind.name,
        },
        compile_seconds=compiling,
        best_epoch=run.best.epoch if run.best is not None and run.validation is not None else None,
    )


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


def _ids(program: Program) -> list[str]:
    return [name.id for name in program.parameters]


def _positive_or_none(what: str, value: float | None) -> float | None:
    return None if value is None else positive_number(what, value)


def _judge(program: Program, data: Data, metrics: tuple[str, ...], dtype: np.dtype[Any]) -> Judge | None:
    """Of the validation data; of the training data where there are none but metrics are wanted."""
    if data.validation is not None:
        return Judge(program, data.validation.inputs, data.validation.sizes, metrics, dtype)
    if metrics:
        raise SpecificationError("metrics are measured on validation data; give validation=0.2, or (X, y)")
    return None


def _inputs(program: Program, X: Any, y: Any) -> dict[str, Any]:
    """The inputs by identifier; what was left out stays out, to be asked for by its name."""
    if X is None or isinstance(X, Mapping):
        return named_inputs(program, [X or {}], {} if y is None else {"y": y})
    return named_inputs(program, [X] if y is None else [X, y], {})
