"""Where samples are read from, a block at a time: arrays, mapped from files or not, and tables."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from backproof.dims import Symbol
from backproof.errors import DataError, ShapeError
from backproof.ir.arguments import check_targets, checked_values
from backproof.ir.arithmetic import Array
from backproof.ir.evaluate import sizes_of
from backproof.ir.program import Program


class Source(Protocol):
    """Samples by number."""

    @property
    def samples(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, stop: int) -> Mapping[str, Any]:
        """Some samples that follow each other: the inputs by identifier, as they stand there."""
        ...


@dataclass(frozen=True, slots=True)
class ArraySource:
    """Arrays whose samples are read as they are asked for.

    Args:
        arrays: by identifier.
        axes: for each array with samples the axis that counts them.
        samples: how many there are.
    """

    arrays: Mapping[str, Array]
    axes: Mapping[str, int]
    samples: int

    def read(self, start: int, stop: int) -> dict[str, Array]:
        """Copies of some samples; the pages that they were read from are given back."""
        found = {}
        for id, array in self.arrays.items():
            found[id] = np.array(taken(array, self.axes.get(id), slice(start, stop)), order="C")
            release(array)
        return found


def taken(array: Array, axis: int | None, part: slice) -> Array:
    """Some samples of an array; the array where it has none."""
    return array if axis is None else array[part] if axis == 0 or array.ndim == 1 else array[:, part]


def mapped(array: object) -> bool:
    """Whether an array lies in a mapped file, or is a view of one that does."""
    return _mapping(array) is not None


def _mapping(array: object) -> tuple[mmap.mmap, str] | None:
    """The mapped file, and how it was opened."""
    mode = ""
    while isinstance(array, np.ndarray):
        mode = getattr(array, "mode", None) or mode
        array = array.base
    return (array, mode) if isinstance(array, mmap.mmap) else None


def release(array: Array) -> None:
    """Let the system take back the pages of a mapped file, which otherwise count as this process's memory.

    Not those of a map whose changes are its own: they would be lost.
    """
    found = _mapping(array)
    if found is not None and found[1] in ("r", "r+") and hasattr(mmap, "MADV_DONTNEED"):
        found[0].madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class Blocks:
    """A source in blocks of equal size, the last perhaps smaller; each is checked when it is read.

    Args:
        program: says what is wanted.
        source: has the samples.
        size: samples in a block.
        dtype: to compute in.
        chosen: the numbers of the source's blocks that belong to it, rising.
    """

    program: Program
    source: Source
    size: int
    dtype: np.dtype[Any]
    sample: Symbol
    chosen: Sequence[int]

    @property
    def samples(self) -> int:
        """How many samples the blocks have."""
        short = self.chosen[-1] * self.size + self.size - self.source.samples
        return len(self.chosen) * self.size - max(0, short)

    def read(self, block: int, start: int = 0, stop: int | None = None) -> dict[str, Array]:
        """A block, or the samples from ``start`` to ``stop`` in it, in the declared shapes.

        Raises:
            DataError, ShapeError: it cannot be used; says where it is.
        """
        first = self.chosen[block] * self.size
        last = min(first + self.size, self.source.samples)
        begin, end = first + start, last if stop is None else min(first + stop, last)
        try:
            found = checked_values(self.program.inputs, self.source.read(begin, end), self.dtype, "input")
            check_targets(self.program, found)
        except (DataError, ShapeError) as error:
            raise type(error)(f"in the block of the samples from {begin + 1} to {end}: {error}") from error
        return found

    def sizes(self, parameters: Mapping[str, Array]) -> dict[str, int]:
        """Of the dimensions, that of the samples being all of them.

        Raises:
            ShapeError: the first block does not fit the parameters, or an input is missing.
        """
        arrays = {**self.read(0, 0, 2), **parameters}
        absent = {drawn.name for drawn in self.program.drawn}
        needed = [n for n in (*self.program.inputs, *self.program.parameters) if n.id not in absent]
        sizes = sizes_of(needed, {id: array.shape for id, array in arrays.items()})
        return {**sizes, self.sample.name: self.samples}

    def parts(self, most: int) -> Iterator[tuple[dict[str, Array], int]]:
        """All samples in their order, at most so many at a time, and how many."""
        axes = {n.id: n.shape.index(self.sample) for n in self.program.inputs if self.sample in n.shape}
        for block in range(len(self.chosen)):
            arrays = self.read(block)
            here = next(array.shape[axes[id]] for id, array in arrays.items() if id in axes)
            for start in range(0, here, most):
                part = slice(start, min(start + most, here))
                found = {id: taken(array, axes.get(id), part) for id, array in arrays.items()}
                yield found, part.stop - part.start

    def digest(self) -> str:
        """Of all samples, which are read for it."""
        digest = hashlib.sha256(f"{self.dtype.str} {self.samples} {self.size}".encode())
        for arrays, _ in self.parts(self.size):
            for id, array in arrays.items():
                digest.update(f"{id} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
