"""The training loop in machine code: whole slices of steps in one call, cut so that progress and Ctrl-C work."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Expr, Name
from backproof.ir.program import Equation
from backproof.ir.traverse import transform
from backproof.kernels.llvm.backend import LlvmKernel
from backproof.kernels.llvm.run import NativeRun, Order
from backproof.kernels.llvm.steps import Update
from backproof.training.batches import Batches
from backproof.training.optimizers import RATE, Optimizer
from backproof.training.progress import Reporter
from backproof.training.result import Epoch
from backproof.training.state import Run

SLICE = 0.05
"""Seconds that one call may take, roughly: what Ctrl-C waits for at most."""
LONGEST = 1_000_000
"""Steps in one call at most: each leaves a loss."""


def updates_of(trace: Trace, rule: Optimizer) -> list[Update]:
    """The update rule for every parameter, over identifiers of its own."""
    return [_update(trace.program.names[id], gradient, rule) for id, gradient in trace.gradients.items()]


def _update(parameter: Name, gradient: str, rule: Optimizer) -> Update:
    own = {"theta": parameter.id, "gradient": gradient, "theta_next": f"{parameter.id}.theta_next", RATE.id: RATE.id}
    own |= {id: f"{parameter.id}.{id}" for memory in rule.memory for id in (memory, f"{memory}_next")}

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
    for id in trained:
        for name, memory in rule.memory.items():
            state[f"{id}.{name}"] = memory.beginning(parameters[id])
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

    native: NativeRun = field(kw_only=True)
    per_step: float = 1e-3

    def advance(self, epochs: int, shown: Reporter) -> None:
        """One epoch; several where each is one step and nobody is told after each."""
        if self.batches.whole:
            self._whole_batches(1 if self.on_epoch is not None else min(epochs, self._fitting()), shown)
        else:
            self._mini_batches(shown)
        self.parameters = self.native.parameters()

    def _whole_batches(self, count: int, shown: Reporter) -> None:
        began, samples = time.perf_counter(), self.batches.samples
        before = self.parameters
        losses = self._slice(np.tile(np.arange(samples, dtype=np.int64), count), samples, len(self.history) + 1)
        seconds = (time.perf_counter() - began) / count
        self.keep_if_better(float(losses[0]), before)
        for loss in losses.tolist():
            self.steps += 1
            self.history.append(Epoch(len(self.history) + 1, loss, seconds, self.steps))
        shown.step(len(self.history), self.steps, float(losses[-1]))

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
            done, self.steps = done + taken, self.steps + len(losses)
            shown.step(number, self.steps, float(losses[-1]))
        mean = total / self.batches.samples
        self.history.append(Epoch(number, mean, time.perf_counter() - began, self.steps))
        self.keep_if_better(mean, self.native.parameters())

    def _fitting(self) -> int:
        """How many steps fit into a slice."""
        return max(1, min(LONGEST, int(SLICE / self.per_step)))

    def _slice(self, order: Order, size: int, epoch: int) -> Array:
        """Some steps in one call; where they go wrong, the step and the equation are found."""
        before, began = self.native.state(), time.perf_counter()
        losses = self.native.steps(order, size)
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
            self.native.steps(order[start : start + size], size)
            self.steps += 1
