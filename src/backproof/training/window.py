"""The samples that are in memory while data are streamed, and the order of an epoch that never asks for others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np

from backproof.errors import SpecificationError
from backproof.ir.arithmetic import Array
from backproof.training.source import Blocks


class StreamOrder:
    """The samples of an epoch, mixed as far as a buffer allows: worked out where it is looked at, never kept whole.

    The blocks come in an order drawn by the key; the row of samples that they make is cut into pieces as long as the
    buffer, and each piece is mixed in itself. Without a key the order is that of the data.

    Args:
        samples: how many there are.
        block: samples in a block.
        buffer: samples in a piece.
        key: what the order is drawn by.

    Example:
        >>> [int(i) for i in StreamOrder(10, block=2, buffer=4, key=1)[:]]
        [0, 8, 9, 1, 5, 3, 2, 4, 6, 7]
    """

    def __init__(self, samples: int, block: int, buffer: int, key: int | None) -> None:
        self._samples, self._block, self._buffer, self._key = samples, block, buffer, key
        count = -(-samples // block)
        self._blocks = np.arange(count) if key is None else np.random.default_rng([key, 0]).permutation(count)
        lengths = np.minimum(block, samples - self._blocks * block)
        self._ends = np.cumsum(lengths)
        self._starts = self._ends - lengths
        self._piece: tuple[int, Array] = (-1, np.zeros(0, np.int64))

    @property
    def recipe(self) -> dict[str, int | None]:
        """What makes the same order again: the arguments by name."""
        return {"samples": self._samples, "block": self._block, "buffer": self._buffer, "key": self._key}

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, part: slice) -> Array:
        start, stop, _ = part.indices(self._samples)
        if start >= stop:
            return np.zeros(0, np.int64)
        numbers = range(start // self._buffer, (stop - 1) // self._buffer + 1)
        parts = []
        for number in numbers:
            skipped = number * self._buffer
            parts.append(self._mixed(number)[max(0, start - skipped) : stop - skipped])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype)

    def _mixed(self, number: int) -> Array:
        if self._piece[0] != number:
            places = np.arange(number * self._buffer, min((number + 1) * self._buffer, self._samples))
            held = np.searchsorted(self._ends, places, "right")
            indices = self._blocks[held] * self._block + (places - self._starts[held])
            if self._key is not None:
                indices = np.random.default_rng([self._key, 1 + number]).permutation(indices)
            self._piece = number, indices
        return self._piece[1]


class Window:
    """Blocks of the data in arrays that stay where they are; what was used longest ago makes room.

    Args:
        blocks: the data.
        buffer: samples that an order may ask for at a time.

    Attributes:
        arrays: by identifier, with room for as many blocks as so many samples of an order can touch.
    """

    def __init__(self, blocks: Blocks, buffer: int) -> None:
        self._data, self._size = blocks, blocks.size
        # A piece begins and ends within blocks, and the short block may lie in it.
        self._slots = min(len(blocks.chosen), -(-buffer // blocks.size) + 2)
        first = blocks.read(0, 0, 2)
        self._axes = {
            name.id: name.shape.index(blocks.sample) for name in blocks.program.inputs if blocks.sample in name.shape
        }
        self.arrays = {id: self._room(id, array) for id, array in first.items()}
        self._slot = np.full(len(blocks.chosen), -1)
        self._held: OrderedDict[int, int] = OrderedDict()
        self._free = list(range(self._slots))

    def _room(self, id: str, array: Array) -> Array:
        if id not in self._axes:
            return array
        shape = list(array.shape)
        shape[self._axes[id]] = self._slots * self._size
        return np.zeros(shape, array.dtype)

    def pieces(self, order: Array, batch: int) -> Iterator[slice]:
        """Parts of an order that the window holds at a time, each a whole number of batches but for the last.

        Raises:
            SpecificationError: a batch needs more blocks than there is room for: the order is not this stream's.
        """
        start = 0
        while start < len(order):
            needed, first = np.unique(order[start:] // self._size, return_index=True)
            stop = len(order)
            if len(needed) > self._slots:
                stop = start + int(np.sort(first)[self._slots]) // batch * batch
            if stop == start:
                raise SpecificationError("the samples of a batch lie too far apart; train with the buffer as it was")
            yield slice(start, stop)
            start = stop

    def hold(self, order: Array) -> Array:
        """Where the samples are in the arrays, read there if they were not.

        Raises:
            DataError: a block cannot be used.
        """
        blocks = order // self._size
        wanted = np.zeros(len(self._slot), bool)
        wanted[blocks] = True
        for block in np.flatnonzero(wanted).tolist():
            if block in self._held:
                self._held.move_to_end(block)
        for block in np.flatnonzero(wanted & (self._slot < 0)).tolist():
            self._read(block)
        places: Array = self._slot[blocks] * self._size + order % self._size
        return places

    def _read(self, block: int) -> None:
        values = self._data.read(block)
        if not self._free:
            oldest, slot = self._held.popitem(last=False)
            self._slot[oldest] = -1
            self._free.append(slot)
        # Taken from the free ones last, so that an interruption leaves no block in half.
        slot = self._free[-1]
        start = slot * self._size
        for id, axis in self._axes.items():
            if id in values:
                count = values[id].shape[axis]
                room = self.arrays[id]
                (room if axis == 0 else room.T)[start : start + count] = values[id] if axis == 0 else values[id].T
        self._free.pop()
        self._held[block], self._slot[block] = slot, slot
