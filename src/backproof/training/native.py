"""The training loop in machine code: whole slices of steps in one call, cut so that progress and Ctrl-C work."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from backproof.backprop.trace import Trace
from backproof.dims import SCALAR
from backproof.errors import NonFiniteError
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Expr, Name
from backproof.ir.program import Equation
from backproof.ir.traverse import names, transform
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.kernels.llvm.run import NativeRun, Order
from backproof.kernels.llvm.steps import Update
from backproof.optimizers import RATE, Optimizer
from backproof.training.batches import Batches
from backproof.training.divergence import divergence
from backproof.training.progress import Reporter
from backproof.training.result import Epoch
from backproof.training.state import Run

SLICE = 0.05
"""Seconds that one call may take, roughly: what Ctrl-C waits for at most."""
LONGEST = 1_000_000
"""Steps in one call at most: each leaves a loss."""


def updates_of(trace: Trace, rule: Optimizer) -> list[Update]:
    """The update rule for every parameter, over identifiers of its own; what is common to all comes with the first."""
    shared = frozenset(common(rule))
    gradients = list(trace.gradients.items())
    updates = [_update(trace.program.names[id], gradient, rule, shared) for id, gradient in gradients]
    again = {common_id(f"{id}_next") for id in shared}
    return updates[:1] + [
        Update(
            tuple(e for e in update.equations if e.name.id not in again),
            {new: old for new, old in update.moves.items() if new not in again},
        )
        for update in updates[1:]
    ]


def common(rule: Optimizer) -> list[str]:
    """What is remembered alike for every parameter: numbers that follow from each other alone, as powers of a decay.

    Example:
        >>> from backproof.optimizers import adam
        >>> common(adam())
        ['power_1', 'power_2']
    """
    following = {e.name.id: names(e.value) for e in rule.equations(SCALAR)}
    found = [id for id, memory in rule.memory.items() if memory.one_number]
    while True:
        known = {RATE.id, *found, *(f"{id}_next" for id in found)}
        kept = [id for id in found if following[f"{id}_next"] <= known]
        if kept == found:
            return found
        found = kept


def common_id(id: str) -> str:
    """The identifier of what is common to all parameters."""
    return f"all.{id}"


def _update(parameter: Name, gradient: str, rule: Optimizer, shared: frozenset[str]) -> Update:
    own = {"theta": parameter.id, "gradient": gradient, "theta_next": f"{parameter.id}.theta_next", RATE.id: RATE.id}
    for memory in rule.memory:
        for id in (memory, f"{memory}_next"):
            own[id] = common_id(id) if memory in shared else f"{parameter.id}.{id}"

    def renamed(expr: Expr) -> Expr:
        return transform(expr, lambda n: Name(own[n.id], n.shape) if isinstance(n, Name) else n)

    equations = tuple(
        Equation(Name(own[e.name.id], e.name.shape), renamed(e.value)) for e in rule.equations(parameter.shape)
    )
    moves = {own[f"{id}_next"]: own[id] for id in ("theta", *rule.memory)}
    return Update(equations, moves)


def beginning(
    rule: Optimizer, parameters: Mapping[str, Array], trained: Mapping[str, Any], rate: float
) -> dict[str, Any]:
    """Parameters, the rate, and what the rule remembers before the first step."""
    state: dict[str, Any] = {**parameters, RATE.id: rate}
    shared = frozenset(common(rule))
    for id in trained:
        for name, memory in rule.memory.items():
            state[common_id(name) if name in shared else f"{id}.{name}"] = memory.beginning(parameters[id])
    return state


def native_run(
    kernel: LlvmKernel,
    batches: Batches,
    rule: Optimizer,
    rate: float,
    parameters: Mapping[str, Array],
    trained: Mapping[str, Array],
) -> NativeRun:
    """The run in machine code, ready for its first step."""
    return NativeRun(
        kernel.trace,
        batches.full.inputs,
        batches.full.sizes,
        batches.axes,
        batches.symbol,
        batches.size,
        updates_of(kernel.trace, rule),
        beginning(rule, parameters, trained, rate),
        kernel.dtype,
    )


@dataclass
class NativeRunner(Run):
    """The same run in machine code; the parameters live there and are read out when someone asks."""

    backend: ClassVar[str] = "llvm"

    native: NativeRun = field(kw_only=True)
    per_step: float = SLICE
    """Seconds of a step, as last measured; nothing is known before the first, which is a slice of its own."""

    def advance(self, epochs: int, shown: Reporter) -> None:
        """One epoch; several where each is one step and nobody is told after each."""
        if self.batches.whole:
            self._whole_batches(1 if self.on_epoch is not None else min(epochs, self._fitting()), shown)
        else:
            self._mini_batches(shown)

    def _whole_batches(self, count: int, shown: Reporter) -> None:
        began, samples, done = time.perf_counter(), self.batches.samples, len(self.history)
        losses = self._slice(np.tile(np.arange(samples, dtype=np.int64), count), samples, done + 1)
        after = self.native.parameters()
        seconds = (time.perf_counter() - began) / count
        epochs = [Epoch(done + k, loss, seconds, self.steps + k) for k, loss in enumerate(losses.tolist(), 1)]
        self.keep_if_better(float(losses[0]), self.parameters)
        # Together and last, so that an interruption finds parameters and history that fit each other.
        self.history += epochs
        self.steps, self.parameters = self.steps + count, after
        shown.step(done + count, self.steps, float(losses[-1]))
        self.per_step = max(self.per_step, (time.perf_counter() - began) / count)

    def _mini_batches(self, shown: Reporter) -> None:
        """One pass: slices of whole batches, then the batch that is left over."""
        number, began, total = len(self.history) + 1, time.perf_counter(), 0.0
        order, size = self.batches.order(), self.batches.size
        whole = len(order) // size * size
        done = 0
        while done < len(order):
            batch = size if done < whole else len(order) - whole
            taken = min(self._fitting() * size, whole - done) if done < whole else batch
            losses = self._slice(order[done : done + taken], batch, number)
            total += float(np.sum(losses, dtype=np.float64)) * batch
            done += taken
            self.steps, self.parameters = self.steps + len(losses), self.native.parameters()
            shown.step(number, self.steps, float(losses[-1]))
        mean = total / self.batches.samples
        self.history.append(Epoch(number, mean, time.perf_counter() - began, self.steps))
        self.keep_if_better(mean, self.parameters)

    def _fitting(self) -> int:
        """How many steps fit into a slice."""
        return max(1, min(LONGEST, int(SLICE / self.per_step)))

    def _slice(self, order: Order, size: int, epoch: int) -> Array:
        """Some steps in one call; where they go wrong, the step and the equation are found."""
        before, began = self.native.state(), time.perf_counter()
        losses = self.native.steps(order, size)
        if size == self.batches.size:  # the batch that is left over may be far smaller than the others
            self.per_step = max(1e-9, (time.perf_counter() - began) / len(losses))
        if not np.isfinite(losses).all():
            self.native.restore(before)
            self._find_divergence(order, size, epoch)
        return losses

    def _find_divergence(self, order: Order, size: int, epoch: int) -> None:
        """The slice once more, a step at a time, until the reference names what became non-finite."""
        for start in range(0, len(order), size):
            self.previous, self.parameters = self.parameters, self.native.parameters()
            self.gradients(self.batches.chosen(order[start : start + size]), epoch)
            losses = self.native.steps(order[start : start + size], size)
            self.steps += 1
            if not np.isfinite(losses).all():  # only there, by another order of the sums
                self._refuse_loss(float(losses[0]), epoch)
            epoch += self.batches.whole

    def _refuse_loss(self, loss: float, epoch: int) -> None:
        """Machine code lost a loss that the reference still finds finite.

        Raises:
            DivergenceError: always.
        """
        id = self.kernel.trace.program.loss
        what = "NaN" if np.isnan(loss) else "infinite"
        error = NonFiniteError(f"{id} became {what}; scale the data and the weights down", quantity=id)
        raise divergence(error, epoch, self.steps, self.rate, self.parameters, self.previous)
