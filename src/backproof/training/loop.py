"""The training loop: batches in, gradients from the kernel, one update rule for every parameter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.errors import DivergenceError, NonFiniteError
from backproof.ir.arguments import named_inputs, place, positive_number, whole_number, worst_value
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.kernels.backends import Kernel, compile_trace
from backproof.rules.initialisation import drawn_parameters, initialisation
from backproof.training.batches import Batch, Batches
from backproof.training.optimizers import Optimizer, Updater, optimizer_named
from backproof.training.progress import Reporter, reporter
from backproof.training.result import Epoch, Stopped, TrainingResult

AfterEpoch = Callable[[Epoch, Mapping[str, Array]], None]
"""Is told of each completed epoch, with the parameters after it; they are not to be changed."""


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
        backend: ``"auto"`` or ``"numpy"``.
        dtype: ``"float64"`` or ``"float32"``.
        progress: a bar where standard error is a terminal; ``"plain"`` for lines anywhere, False for nothing.
        on_epoch: called after each epoch with its record and the parameters then, for example to follow the loss of
            held-out data. Its time is not counted, and it cannot change the result.

    Returns:
        The parameters, the loss of all data with them, and one record per epoch.

    Raises:
        SpecificationError, ShapeError, DataError: options or data that cannot be used.
        UnsupportedError: a backend that is not built yet.
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
    kernel = compile_trace(trace, backend, dtype)
    start = drawn_parameters(program, start_seed) if params is None else params
    arguments = kernel.checked(start, _inputs(program, X, y))
    batches = Batches(program, arguments, batch_size, bool(shuffle), start_seed)
    parameters = {id: array.copy() for id, array in arguments.parameters.items()}
    trained = {id: array for id, array in parameters.items() if id in trace.gradients}
    loop = _Loop(kernel, batches, Updater(rule, trained, rate), rate, parameters, on_epoch)
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
            "backend": backend,
            "dtype": kernel.dtype.name,
        },
    )


def _inputs(program: Program, X: Any, y: Any) -> dict[str, Any]:
    """The inputs by identifier; what was left out stays out, to be asked for by its name."""
    if X is None or isinstance(X, Mapping):
        return named_inputs(program, [X or {}], {} if y is None else {"y": y})
    return named_inputs(program, [X] if y is None else [X, y], {})


@dataclass(slots=True)
class _Candidate:
    """Parameters and a loss by which they are compared with others."""

    loss: float
    parameters: dict[str, Array]


@dataclass
class _Loop:
    """The state of a run; every field is replaced whole, so that an interruption finds all of them in order."""

    kernel: Kernel
    batches: Batches
    updater: Updater
    rate: float
    parameters: dict[str, Array]
    on_epoch: AfterEpoch | None = None
    steps: int = 0
    history: list[Epoch] = field(default_factory=list)
    best: _Candidate | None = None
    previous: dict[str, Array] = field(default_factory=dict)

    def run(self, epochs: int, shown: Reporter) -> Stopped:
        """All epochs, or as many as Ctrl-C allows."""
        try:
            for number in range(1, epochs + 1):
                self._epoch(number, shown)
                if self.on_epoch is not None:
                    self.on_epoch(self.history[-1], self.parameters)
        except KeyboardInterrupt:
            return "interrupted"
        return "finished"

    def _epoch(self, number: int, shown: Reporter) -> None:
        began, mean = time.perf_counter(), 0.0
        for batch in self.batches.epoch():
            loss, gradients = self._gradients(batch, number)
            if self.batches.whole:
                self._keep_if_better(loss)
            self.previous, self.parameters = self.parameters, self.updater(self.parameters, gradients)
            self.steps += 1
            mean += loss * (batch.samples / self.batches.samples)  # exact where there is one batch
            shown.step(number, self.steps, loss)
        if not self.batches.whole:
            self._keep_if_better(mean)
        self.history.append(Epoch(number, mean, time.perf_counter() - began, self.steps))

    def _keep_if_better(self, loss: float) -> None:
        if self.best is None or loss < self.best.loss:
            self.best = _Candidate(loss, self.parameters)

    def _gradients(self, batch: Batch, epoch: int) -> tuple[float, dict[str, Array]]:
        try:
            return self.kernel.step(self.parameters, batch.inputs, batch.sizes)
        except NonFiniteError as error:
            raise self._divergence(error, epoch) from error

    def outcome(self, stopped: Stopped) -> tuple[dict[str, Array], float]:
        """The parameters to give back, and the loss of all data with them."""
        full = self.batches.full
        if stopped == "interrupted" and self.best is not None:
            candidates = [self.best.parameters, self.parameters]
            losses = [self._loss_or_infinity(parameters) for parameters in candidates]
            better = losses.index(min(losses))
            return candidates[better], losses[better]
        loss, _ = self._gradients(full, len(self.history))
        return self.parameters, loss

    def _loss_or_infinity(self, parameters: dict[str, Array]) -> float:
        full = self.batches.full
        try:
            return self.kernel.step(parameters, full.inputs, full.sizes)[0]
        except NonFiniteError:
            return float("inf")

    def _divergence(self, error: NonFiniteError, epoch: int) -> DivergenceError:
        """The error with where it happened, why it usually does, and the last finite parameters."""
        what, quantity = str(error).partition(";")[0], error.quantity
        finite = self.parameters
        for id, array in self.parameters.items():
            if not np.isfinite(array).all():
                what = f"{id} became {worst_value(array)}{place(array)} in the update before"
                quantity, finite = id, self.previous
                break
        step = self.steps + 1
        return DivergenceError(
            f"training stopped in epoch {epoch}, step {step}: {what}; the learning rate {self.rate:g} is probably too "
            "large, or the data are not scaled",
            quantity=quantity,
            epoch=epoch,
            step=step,
            params=finite,
        )
