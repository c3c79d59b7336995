"""Which backend makes the steps of a training: the one asked for, or the one done first by the model of costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.errors import UnsupportedError
from backproof.ir.arithmetic import Array
from backproof.kernels.automatic import can_compile
from backproof.kernels.backends import AUTO, compile_trace
from backproof.kernels.cost import Work, earns_compile, native_seconds, numpy_seconds, work_of
from backproof.kernels.llvm.run import NativeRun
from backproof.kernels.llvm.steps import Update
from backproof.kernels.numpy_backend import compile_numpy
from backproof.optimizers import Optimizer
from backproof.training.batches import Batches
from backproof.training.clipping import Clipping
from backproof.training.equations import beginning, updates_of
from backproof.training.lbfgs import Function
from backproof.training.rates import LearningRate
from backproof.training.steps import NativeSteps, NumpySteps, Steps
from backproof.training.watching import Watch, measuring_every

NORM_SECONDS = 10e-6
"""What the norms of a parameter cost beside its gradient."""


@dataclass(frozen=True)
class Job:
    """A training that is about to begin; the fields are those of ``train``, checked.

    Args:
        parameters: their values, and those of what the program remembers for predictions.
        watched: whether somebody looks after each epoch.
        threads: how many a step may use at most; as many as there are where None.
    """

    trace: Trace
    batches: Batches
    rule: Optimizer
    rates: LearningRate
    clipping: Clipping
    parameters: Mapping[str, Array]
    dtype: np.dtype[Any]
    epochs: int
    seed: int
    watched: bool = False
    threads: int | None = None

    def begun(self, backend: str) -> Steps:
        """What makes the steps; ``"auto"`` falls back on NumPy where machine code cannot be made.

        Raises:
            UnsupportedError: a backend was named that cannot do it.
        """
        if backend == "llvm":
            return self._native()
        if backend == AUTO and can_compile() and self.earns_compile():
            try:
                return self._native()
            except UnsupportedError:
                pass
        return self.reference()

    def function(self, backend: str) -> Function:
        """The loss and its gradient, for who makes steps himself.

        Raises:
            UnsupportedError: a backend was named that cannot do it.
        """
        native = backend == "llvm" or (backend == AUTO and can_compile() and self.earns_compile())
        try:
            kernel = compile_trace(self.trace, "llvm" if native else "numpy", self.dtype)
        except UnsupportedError:
            if backend != AUTO:
                raise
            native, kernel = False, compile_numpy(self.trace, self.dtype)
        return Function(kernel, self.batches, self.parameters, "llvm" if native else "numpy")

    def earns_compile(self) -> bool:
        """Whether the steps that are to be made save more time than it takes to compile them."""
        batches = self.batches
        rest = bool(batches.samples % batches.size)
        alone = not (rest or self.watched or batches.window)
        return earns_compile(
            self.epochs * batches.per_epoch,
            self._work(),
            self.dtype,
            functions=1 + rest,
            calls=1 if alone else self.epochs * (1 + rest),
        )

    def watch(self, backend: str, reference: NumpySteps) -> Watch:
        """What measures norms, as rarely as its cost demands."""
        work = self._work()
        step = native_seconds(work, self.dtype) if backend == "llvm" else numpy_seconds(work, self.dtype)
        measuring = numpy_seconds(work, self.dtype) + NORM_SECONDS * len(self.trace.gradients)
        every = measuring_every(measuring, step * self.batches.per_epoch, self.epochs)
        return Watch(reference, self.trace.gradients, every)

    def reference(self) -> NumpySteps:
        """The steps in NumPy."""
        kernel = compile_numpy(self.trace, self.dtype)
        return NumpySteps(kernel, self.batches, self.updates, self.beginning(), self.seed)

    def _native(self) -> NativeSteps:
        return NativeSteps(self.native_run(), self.trace.program, self.reference, self.batches.window)

    def native_run(self) -> NativeRun:
        """The run in machine code, ready for its first step."""
        full = self.batches.full
        return NativeRun(
            self.trace,
            full.inputs,
            full.sizes,
            self.batches.axes,
            self.batches.symbol,
            self.batches.size,
            self.updates,
            self.beginning(),
            self.dtype,
            changing_rate=self.rates.changes,
            seed=self.seed,
            threads=self.threads,
        )

    @cached_property
    def updates(self) -> Sequence[Update]:
        """What changes in a step."""
        return updates_of(self.trace, self.rule, self.clipping)

    def beginning(self) -> dict[str, Any]:
        """Parameters, the rate and what the rule remembers, before the first step."""
        trained = {id: array for id, array in self.parameters.items() if id in self.trace.gradients}
        return beginning(self.rule, self.parameters, trained, self.rates.rate)

    def _work(self) -> Work:
        """Of one step."""
        sizes = dict(self.batches.full.sizes)
        if self.batches.symbol is not None:
            sizes[self.batches.symbol.name] = self.batches.size
        updates = [equation for update in self.updates for equation in update.equations]
        return work_of([*self.trace.joint.equations, *updates], sizes)
