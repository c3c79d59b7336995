"""Which backend runs a training: the one that was asked for, or the one that is done first by the model of costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.errors import UnsupportedError
from backproof.ir.arithmetic import Array
from backproof.kernels.automatic import can_compile
from backproof.kernels.backends import AUTO, compile_trace
from backproof.kernels.cost import earns_compile, work_of
from backproof.kernels.llvm.backend import LlvmKernel, compile_llvm
from backproof.kernels.numpy_backend import compile_numpy
from backproof.optimizers import Optimizer
from backproof.training.batches import Batches
from backproof.training.native import NativeRunner, native_run, updates_of
from backproof.training.reference import ReferenceRun
from backproof.training.state import AfterEpoch, Run
from backproof.training.updater import Updater


@dataclass(frozen=True, slots=True)
class Job:
    """A training that is about to begin; the fields are those of ``train``, checked."""

    trace: Trace
    batches: Batches
    rule: Optimizer
    rate: float
    parameters: Mapping[str, Array]
    dtype: np.dtype[Any]
    epochs: int
    on_epoch: AfterEpoch | None = None

    def begun(self, backend: str) -> Run:
        """The run, ready for its first step; ``"auto"`` falls back on NumPy where machine code cannot be made.

        Raises:
            UnsupportedError: a backend was named that cannot do it.
        """
        if backend == AUTO and can_compile() and self.earns_compile():
            try:
                return self._native(compile_llvm(self.trace, self.dtype))
            except UnsupportedError:
                pass
        kernel = compile_trace(self.trace, "numpy" if backend == AUTO else backend, self.dtype)
        if isinstance(kernel, LlvmKernel):
            return self._native(kernel)
        updater = Updater(self.rule, self._trained(), self.rate)
        return ReferenceRun(kernel, self.batches, self.rate, dict(self.parameters), self.on_epoch, updater=updater)

    def earns_compile(self) -> bool:
        """Whether the steps that are to be made save more time than it takes to compile them."""
        batches = self.batches
        updates = [equation for update in updates_of(self.trace, self.rule) for equation in update.equations]
        sizes = dict(batches.full.sizes)
        if batches.symbol is not None:
            sizes[batches.symbol.name] = batches.size
        rest = bool(batches.samples % batches.size)
        alone = batches.whole and self.on_epoch is None
        return earns_compile(
            self.epochs * batches.per_epoch,
            work_of([*self.trace.joint.equations, *updates], sizes),
            self.dtype,
            functions=1 + rest,
            calls=1 if alone else self.epochs * (1 + rest),
        )

    def _native(self, kernel: LlvmKernel) -> Run:
        parameters = dict(self.parameters)
        native = native_run(kernel, self.batches, self.rule, self.rate, parameters, self._trained())
        # Steps are native; what is asked once, such as the loss of all data, is not worth a compile.
        reference = compile_numpy(kernel.trace, kernel.dtype)
        return NativeRunner(reference, self.batches, self.rate, parameters, self.on_epoch, native=native)

    def _trained(self) -> dict[str, Array]:
        return {id: array for id, array in self.parameters.items() if id in self.trace.gradients}
