"""The samples of a training set: whole, or in mini-batches, in the given order or shuffled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.dims import Dim, Symbol
from backproof.errors import SpecificationError
from backproof.ir.arguments import Arguments, whole_number
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Name
from backproof.ir.program import Program
from backproof.training.window import StreamOrder, Window


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples, with the sizes of the program's dimensions."""

    inputs: Mapping[str, Array]
    sizes: Mapping[str, int]
    samples: int


class Batches:
    """Gives the batches of each epoch.

    Args:
        program: says which dimension counts the samples.
        arguments: the whole training set.
        size: samples per batch; all where None. The last batch of an epoch may be smaller.
        shuffle: whether mini-batches are drawn in a new order each epoch; the full batch is never reordered.
        seed: for the order.

    Raises:
        SpecificationError: a size that is not between 1 and the number of samples, or a program whose samples cannot
            be told apart.
    """

    window: Window | None = None
    """Where the samples are that are in memory, if not all are."""

    def __init__(self, program: Program, arguments: Arguments, size: object, shuffle: bool, seed: int) -> None:
        dim = sample_dimension(program)
        self.symbol = dim if isinstance(dim, Symbol) else None
        self.samples = arguments.sizes[dim.name] if isinstance(dim, Symbol) else dim if dim is not None else 1
        self.size = self.samples if size is None else whole_number("batch_size", size, 1)
        if self.size > self.samples:
            raise SpecificationError(
                f"batch_size={self.size} is more than the {self.samples} samples; use at most that, or None for all"
            )
        if self.size < self.samples:
            _check_divisible(program, self.symbol)
        self.full = Batch(arguments.inputs, arguments.sizes, self.samples)
        given = [name for name in program.inputs if name.id in arguments.inputs]
        self.axes = {name.id: name.shape.index(dim) for name in given if dim is not None and dim in name.shape}
        self._shuffle = shuffle
        # Beside the seed itself, which the initial parameters use.
        self._rng = np.random.default_rng([seed, 1])

    @property
    def whole(self) -> bool:
        """Whether an epoch is one batch of all samples."""
        return self.size == self.samples

    @property
    def per_epoch(self) -> int:
        """The number of batches in an epoch."""
        return -(-self.samples // self.size)

    def order(self) -> Array | StreamOrder:
        """The indices of the samples in the order of the next epoch."""
        mixed = self._shuffle and not self.whole
        return self._rng.permutation(self.samples) if mixed else np.arange(self.samples)

    def state(self) -> dict[str, Any]:
        """Where the random order has got to, as JSON can hold it."""
        return dict(self._rng.bit_generator.state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self._rng.bit_generator.state = dict(state)

    def chosen(self, indices: Array) -> Batch:
        """The samples with these indices; all of them, in their own order, where a batch has all."""
        if self.symbol is None or self.whole:
            return self.full
        inputs = {id: self._taken(id, array, indices) for id, array in self.full.inputs.items()}
        return Batch(inputs, {**self.full.sizes, self.symbol.name: len(indices)}, len(indices))

    def _taken(self, id: str, array: Array, chosen: Array) -> Array:
        return np.take(array, chosen, axis=self.axes[id]) if id in self.axes else array


def sample_dimension(program: Program) -> Dim | None:
    """The dimension that counts the samples: a network's, or the only symbol that all inputs share."""
    if program.structure is not None:
        return program.inputs[0].shape[0 if program.structure.samples == "rows" else 1]
    shared = [symbol for symbol in program.symbols if all(_has(name, symbol) for name in program.inputs)]
    return Symbol(shared[0]) if len(shared) == 1 else None


def _has(name: Name, symbol: str) -> bool:
    return Symbol(symbol) in name.shape


def _check_divisible(program: Program, symbol: Symbol | None) -> None:
    if symbol is None:
        raise SpecificationError(
            "the samples of this program cannot be told apart, so it trains on all of them at once; leave batch_size "
            "out, or give the number of samples a symbol such as n"
        )
    holders = [name.id for name in program.parameters if _has(name, symbol.name)]
    if holders:
        raise SpecificationError(
            f"the parameter {holders[0]} has one entry per sample, so mini-batches make no sense; leave batch_size out"
        )
