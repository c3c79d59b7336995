"""Backproof itself as a peer: one network in machine code, or many side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.bench.together import Together
from backproof.bench.workloads import Workload
from backproof.errors import UnsupportedError
from backproof.ir.arithmetic import Array
from backproof.kernels.backends import compile_trace
from backproof.kernels.llvm.backend import THREADS_VARIABLE, LlvmKernel
from backproof.kernels.llvm.run import NativeRun, Order
from backproof.optimizers import optimizer_named
from backproof.training.batches import Batches
from backproof.training.choice import Job
from backproof.training.clipping import Clipping
from backproof.training.rates import LearningRate
from backproof.training.schedules import Horizon, constant


class LlvmPeer:
    """One network."""

    def __init__(self, workload: Workload) -> None:
        self._run = _run(workload, backpropagate(workload.program()), *workload.data())
        self._batch, self._orders = workload.batch, _Orders(workload)
        self._beginning = self._run.state()

    def restart(self) -> None:
        self._run.restore(self._beginning)

    def advance(self, epochs: int) -> None:
        self._run.steps(self._orders(epochs), self._batch)

    def parameters(self) -> dict[str, Array]:
        return self._run.parameters()


class LlvmTogetherPeer:
    """Many networks, one thread for each processor."""

    def __init__(self, workload: Workload) -> None:
        trace, data, start = backpropagate(workload.program()), workload.data(), workload.start()
        self._batch, self._orders, self._copies = workload.batch, _Orders(workload), workload.copies
        with one_thread_each():
            runs = [_run(one, trace, *data) for one in workload.networks()[: _processors()]]
        first = runs[0].state()
        self._beginning = [{**first, **{id: value[k] for id, value in start.items()}} for k in range(workload.copies)]
        self._together, self._ids = Together(runs, self._beginning), list(start)

    def restart(self) -> None:
        self._together.restore(self._beginning)

    def advance(self, epochs: int) -> None:
        self._together.steps([self._orders(epochs)] * self._copies, self._batch)

    def parameters(self) -> dict[str, Array]:
        states = self._together.states()
        return {id: np.stack([state[id] for state in states]) for id in self._ids}


def own_peer(workload: Workload) -> LlvmPeer | LlvmTogetherPeer:
    """What trains a workload."""
    return LlvmPeer(workload) if workload.copies == 1 else LlvmTogetherPeer(workload)


class _Orders:
    """Indices of some epochs, made once, off the clock: a compiled loop over batches needs no such list."""

    def __init__(self, workload: Workload) -> None:
        self._epoch = np.arange(workload.steps * workload.batch, dtype=np.int64)
        self._made = {1: self._epoch}

    def __call__(self, epochs: int) -> Order:
        if epochs not in self._made:
            self._made = {1: self._epoch, epochs: np.tile(self._epoch, epochs)}
        return self._made[epochs]


def _run(workload: Workload, trace: Trace, X: Array, y: Array) -> NativeRun:
    kernel = compile_trace(trace, "llvm", "float32")
    if not isinstance(kernel, LlvmKernel):
        raise UnsupportedError("there is no machine code for this computer; leave out --peers backproof")
    checked = kernel.checked(workload.start(), {"X": X, "y": y})
    batches = Batches(kernel.trace.program, checked, workload.batch, shuffle=False, seed=0)
    rule = optimizer_named(workload.optimizer)
    rate = LearningRate(workload.rate, constant(), Horizon(steps=1, steps_per_epoch=1))
    parameters = checked.parameters
    return Job(kernel.trace, batches, rule, rate, Clipping(), parameters, kernel.dtype, epochs=1, seed=0).native_run()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread_each() -> Iterator[None]:
    """What is compiled meanwhile runs in one thread: the networks are what the processors share."""
    before = os.environ.get(THREADS_VARIABLE)
    os.environ[THREADS_VARIABLE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS_VARIABLE]
        else:
            os.environ[THREADS_VARIABLE] = before
