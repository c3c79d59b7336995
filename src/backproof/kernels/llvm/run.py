"""A training run in machine code: parameters and what an update rule remembers stay in native memory between steps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.errors import SpecificationError, UnsupportedError
from backproof.ir.arithmetic import Array
from backproof.ir.random import keys
from backproof.kernels.llvm.arrays import Arena
from backproof.kernels.llvm.backend import Native, compile_steps
from backproof.kernels.llvm.crew import Crew
from backproof.kernels.llvm.recent import Recent
from backproof.kernels.llvm.steps import Gathered, Update
from backproof.optimizers import RATE

KEPT = 4
"""Functions and their memory that are kept: most runs have one for whole batches and one for the samples left over,
each perhaps for one thread as well."""

Order = npt.NDArray[np.int64]


class NativeRun:
    """Gradient descent on given data: ``steps`` takes batches by index and updates the parameters in place.

    Args:
        trace: the derivation.
        inputs: the whole training set, by identifier, in the dtype.
        sizes: of the symbolic dimensions, that of the samples included.
        axes: for each input that has samples, the axis that counts them.
        sample: the symbolic dimension of the samples; None where the batch is fixed.
        batch: samples in most batches.
        updates: one per parameter, over its own identifiers.
        beginning: parameters, memories and rates by identifier.
        dtype: float32 or float64.
        changing_rate: whether each step has a learning rate of its own.
        seed: for random inputs.
        threads: how many a step may use at most; as many as there are where None.
    """

    def __init__(
        self,
        trace: Trace,
        inputs: Mapping[str, Array],
        sizes: Mapping[str, int],
        axes: Mapping[str, int],
        sample: Symbol | None,
        batch: int,
        updates: Sequence[Update],
        beginning: Mapping[str, Any],
        dtype: np.dtype[Any],
        *,
        changing_rate: bool = False,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        self._trace, self._sizes, self._sample, self._updates = trace, dict(sizes), sample, tuple(updates)
        self._axes, self._inputs, self._dtype = axes, inputs, dtype
        self._kept = tuple(beginning)
        self._made: Recent[tuple[int, int | None], tuple[Native, Arena]] = Recent(KEPT)
        self._per_step = (RATE.id,) if changing_rate else ()
        self._seed, self._drawn, self._crew = seed, trace.program.drawn, Crew(threads)
        self._described_inputs = [number for id in axes for number in self._described(id)]
        _, self._current = self._function(batch)
        rest = self._sizes.get(sample.name, batch) % batch if sample is not None else 0
        if rest:
            self._function(rest)
        for id, value in beginning.items():
            if id in self._current.buffers:
                self._current.put(id, value)

    def _described(self, id: str) -> tuple[int, int, int]:
        """The address of an input and the distances, in scalars, to the next sample and to the next feature."""
        array, axis = self._inputs[id], self._axes[id]
        if any(stride % array.itemsize for stride in array.strides):
            raise UnsupportedError(f"{id} is not aligned; pass a contiguous array")
        strides = [stride // array.itemsize for stride in array.strides]
        return int(array.ctypes.data), strides[axis], strides[1 - axis]

    def _function(self, batch: int) -> tuple[Native, Arena]:
        """The function for a batch size and its memory, made when it was not in use lately."""
        return self._made.found((batch, self._crew.threads), lambda: self._compiled(batch))

    def _compiled(self, batch: int) -> tuple[Native, Arena]:
        sizes = dict(self._sizes)
        if self._sample is not None:
            sizes[self._sample.name] = batch
        gathered = [Gathered(self._trace.program.names[id], axis) for id, axis in self._axes.items()]
        native = compile_steps(
            self._trace,
            sizes,
            self._dtype,
            gathered=gathered,
            updates=self._updates,
            per_step=self._per_step,
            drawn=self._drawn,
            threads=self._crew.threads,
        )
        arena = native.arena()
        for id, value in self._inputs.items():
            if id not in self._axes:
                arena.put(id, value)
        return native, arena

    def steps(self, order: Order, batch: int, rates: npt.ArrayLike | None = None, first: int = 0) -> Array:
        """The losses of the batches in the order, each before its update.

        Args:
            order: indices of samples, a whole number of batches.
            batch: samples in each.
            rates: the learning rate of each step, where it changes.
            first: how many steps were made before, for random inputs.

        Raises:
            SpecificationError: part of a batch, or a sample that there is not: machine code would read beyond the data.
        """
        self._check_order(order, batch)
        if len(order) == 0:
            return np.zeros(0, self._dtype)
        native, arena = self._function(batch)
        if arena is not self._current:
            arena.take_over(self._current, [id for id in self._kept if id in arena.buffers])
            self._current = arena
        count = len(order) // batch
        losses = np.zeros(count, self._dtype)
        chosen = np.ascontiguousarray(order, np.int64)
        numbers = np.ascontiguousarray(rates, self._dtype) if self._per_step else np.zeros(0, self._dtype)
        if self._per_step and numbers.shape != (count,):
            raise SpecificationError(f"{count} steps need as many rates, got an array of shape {numbers.shape}")
        streams = [drawn.stream for drawn in self._drawn]
        words = np.ascontiguousarray(keys(self._seed, first, count, streams) if streams else np.zeros(0))
        pointers = [int(array.ctypes.data) for array in (numbers,) if self._per_step]
        pointers += [int(words.ctypes.data)] if streams else []
        inputs = np.array([*self._described_inputs, *pointers] or [0], np.int64)
        began = time.perf_counter()
        native.run(arena.address, inputs.ctypes.data, chosen.ctypes.data, count, losses.ctypes.data)
        self._crew.learn(native.threads, time.perf_counter() - began, count * native.work, self._dtype)
        return losses

    def _check_order(self, order: Order, batch: int) -> None:
        if batch < 1 or len(order) % batch:
            raise SpecificationError(
                f"{len(order)} indices are no whole number of batches of {batch}; give whole batches"
            )
        for id, axis in self._axes.items():
            samples = self._inputs[id].shape[axis]
            if len(order) and not (int(np.min(order)) >= 0 and int(np.max(order)) < samples):
                raise SpecificationError(
                    f"an index is not among the {samples} samples of {id}; give 0 to {samples - 1}"
                )

    def state(self) -> dict[str, Array]:
        """Everything that the run remembers: parameters, memories, rates."""
        return {
            id: self._current.get(id, self._current.buffers[id].shape)
            for id in self._kept
            if id in self._current.buffers
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go back to a state."""
        for id, value in state.items():
            self._current.put(id, value)

    def parameters(self) -> dict[str, Array]:
        """Copies of the parameters, and of what the program remembers for predictions."""
        program = self._trace.program
        names = (*program.parameters, *(remembered.name for remembered in program.remembered))
        return {name.id: self._current.get(name.id, tuple(int(str(d)) for d in name.shape)) for name in names}
