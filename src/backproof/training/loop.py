"""The training loop: batches in, gradients from the kernel, one update rule for every parameter."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.ir.arguments import checked_arguments, checked_dtype, named_inputs, positive_number, whole_number
from backproof.ir.program import Program
from backproof.kernels.backends import backend_named
from backproof.optimizers import Optimizer, optimizer_named
from backproof.rules.initialisation import drawn_parameters, initialisation
from backproof.training.batches import Batches
from backproof.training.choice import Job
from backproof.training.progress import reporter
from backproof.training.result import TrainingResult
from backproof.training.state import AfterEpoch


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
    on_epoch: AfterEpoch | None = None,
) -> TrainingResult:
    """θ ← θ − η ∂L/∂θ, again and again; Ctrl-C keeps the best parameters so far.

    Args:
        net: a network or any program, derived or not.
        X: the inputs, ``(n, d)`` for samples in rows; a mapping by identifier where a program has others than X and y.
        y: the targets, ``(n, units)``; ``(n,)`` where there is one unit.
        params: initial parameters, copied. Without them weights are drawn by the activation that follows them, Glorot
            uniform for sigmoid, tanh, softmax and identity, He normal for ReLU and its kin, and biases are zero.
        optimizer: ``"sgd"``, ``"momentum"`` (0.9), ``"adam"`` (0.9, 0.999, 1e-8), or a rule of your own.
        learning_rate: η.
        batch_size: samples per update; all where None. The last batch of an epoch may be smaller.
        epochs: passes over the data.
        shuffle: whether each epoch draws its mini-batches in a new order.
        seed: for initial parameters and order; the same seed gives the same result.
        backend: ``"numpy"``, ``"llvm"`` (machine code), or ``"auto"``: machine code where so many steps are to be made
            that it pays to compile, by a model that knows sizes and no clock: the same call gives the same bits.
        dtype: ``"float64"`` or ``"float32"``.
        progress: a bar where standard error is a terminal; ``"plain"`` for lines anywhere, False for nothing.
        on_epoch: called after each epoch with its record and the parameters then, for example to follow the loss of
            held-out data. Its time is not counted, and it cannot change the result.

    Returns:
        The parameters, the loss of all data with them, and one record per epoch.

    Raises:
        SpecificationError, ShapeError, DataError: options or data that cannot be used.
        UnsupportedError: something that the backend cannot do yet.
        DivergenceError: a quantity became NaN or infinite; has the last finite parameters.

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
    start = drawn_parameters(program, start_seed) if params is None else params
    arguments = checked_arguments(program, start, _inputs(program, X, y), kind)
    batches = Batches(program, arguments, batch_size, bool(shuffle), start_seed)
    parameters = {id: array.copy() for id, array in arguments.parameters.items()}
    began = time.perf_counter()
    loop = Job(trace, batches, rule, rate, parameters, kind, todo, on_epoch).begun(chosen)
    compiling = time.perf_counter() - began if loop.backend == "llvm" else 0.0
    with reporter(progress, todo, batches.per_epoch) as shown, np.errstate(all="ignore"):
        stopped = loop.run(todo, shown)
        best, loss = loop.outcome(stopped)
    return TrainingResult(
        params=best,
        loss=loss,
        history=tuple(loop.history),
        stopped=stopped,
        steps=loop.steps,
        seconds=sum(epoch.seconds for epoch in loop.history),
        started_from={s.parameter.id: s.reason for s in initialisation(program)}
        if params is None
        else dict.fromkeys(parameters, "given"),
        settings={
            "optimizer": rule.name,
            "learning_rate": rate,
            "batch_size": batches.size,
            "epochs": todo,
            "shuffle": bool(shuffle),
            "seed": start_seed,
            "backend": loop.backend,
            "dtype": kind.name,
        },
        compile_seconds=compiling,
    )


def _inputs(program: Program, X: Any, y: Any) -> dict[str, Any]:
    """The inputs by identifier; what was left out stays out, to be asked for by its name."""
    if X is None or isinstance(X, Mapping):
        return named_inputs(program, [X or {}], {} if y is None else {"y": y})
    return named_inputs(program, [X] if y is None else [X, y], {})
