"""Data larger than memory: where they are, how much of them is in memory at a time, and the batches of an epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backproof.dims import Symbol
from backproof.errors import DataError, ShapeError, SpecificationError
from backproof.ir.arguments import Arguments, whole_number
from backproof.ir.arithmetic import Array
from backproof.ir.program import Program
from backproof.training.batches import Batch, Batches, sample_dimension
from backproof.training.parquet import parquet_source, row_groups
from backproof.training.source import ArraySource, Blocks, Source, mapped
from backproof.training.window import StreamOrder, Window

WEIGHTS = "omega"
BUFFER = 2**28
"""Bytes of the samples that are in memory at a time, where nothing is said."""
BLOCK = 2**20
"""Bytes that are read at a time from an array: large beside what it takes to find a place in a file."""
FEWEST_BLOCKS = 16
"""Blocks in a buffer, at least, of an array: what mixes must come from many places."""
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Stream:
    """Samples in files, of which a buffer is in memory at a time.

    Blocks of the data (row groups of a Parquet file) are visited in an order drawn anew for each epoch; what the buffer
    holds of them is mixed. The same seed and buffer give the same order, so the same bits. Data that fit into the
    buffer are read whole, and are as any others. A block is checked when it is read.

    Args:
        X: a mapped array, as ``np.load(path, mmap_mode="r")`` gives it, or the path of a ``.npy`` or Parquet file.
        y: the targets: the same; of a Parquet file the name of a column, or of several.
        weights: of the samples: an array, or the name of a column.
        buffer: samples in memory; what 256 MiB hold where None.

    Raises:
        SpecificationError, DataError: what cannot be read.

    Example:
        >>> import backproof as bp, numpy as np
        >>> stream = bp.Stream(np.arange(6.0).reshape(6, 1), 2 * np.arange(6.0), buffer=2)
        >>> net = bp.mlp(1, 1, activation="identity", loss="mean_squared_error")
        >>> bp.train(net, stream, batch_size=2, epochs=200, learning_rate=0.02, progress=False).params["W_1"].round(6)
        array([[2.]])
    """

    X: Any
    y: Any = None
    weights: Any = None
    buffer: int | None = None

    def __post_init__(self) -> None:
        if self.buffer is not None:
            whole_number("the buffer", self.buffer, 1)

    @property
    def in_parquet(self) -> bool:
        """Whether it is a Parquet file."""
        return isinstance(self.X, str | os.PathLike) and Path(self.X).suffix.lower() in PARQUET

    def source(self, program: Program) -> Source:
        """Where the samples of a program are read from.

        Raises:
            SpecificationError, ShapeError, DataError: they cannot be.
        """
        dim = sample_dimension(program)
        if not isinstance(dim, Symbol):
            raise SpecificationError("the samples of this program cannot be told apart; give it arrays, no stream")
        if self.in_parquet:
            return self._rows(program, dim)
        given = {"X": _opened("X", self.X), "y": _opened("y", self.y), WEIGHTS: _opened(WEIGHTS, self.weights)}
        arrays = {id: array for id, array in given.items() if array is not None}
        axes = {id: program.names[id].shape.index(dim) for id in arrays if dim in program.names[id].shape}
        lengths = {id: array.shape[axes[id] if array.ndim > 1 else 0] for id, array in arrays.items() if id in axes}
        if len(set(lengths.values())) != 1:
            told = ", ".join(f"{id} has {length}" for id, length in lengths.items())
            raise ShapeError(f"the numbers of samples differ: {told}; give as many of each")
        samples = next(iter(lengths.values()))
        if _is_weighted(program) and WEIGHTS not in arrays:
            arrays[WEIGHTS] = np.broadcast_to(1.0, samples)
            axes[WEIGHTS] = program.names[WEIGHTS].shape.index(dim)
        return ArraySource(arrays, axes, samples)

    def _rows(self, program: Program, dim: Symbol) -> Source:
        if self.y is None:
            raise SpecificationError("a Parquet file needs the name of its target; give it as y")
        turned = frozenset(name.id for name in program.inputs if dim in name.shape and name.shape.index(dim) == 1)
        if self.weights is None and _is_weighted(program):
            raise SpecificationError("this network's loss has weights; name their column: Stream(..., weights='w')")
        return parquet_source(Path(self.X), self.y, self.weights, turned, WEIGHTS)

    def blocks(self, program: Program, dtype: np.dtype[Any]) -> tuple[Blocks, int]:
        """The data in blocks, and the buffer in samples.

        Raises:
            SpecificationError, ShapeError, DataError: they cannot be read.
        """
        source = self.source(program)
        if source.samples < 1:
            raise DataError("the data have no samples; give at least one")
        sample = sample_dimension(program)
        assert isinstance(sample, Symbol)  # the source is there
        row = dtype.itemsize * sum(np.asarray(value).size for value in source.read(0, 1).values())
        buffer = max(1, BUFFER // row) if self.buffer is None else int(self.buffer)
        if self.in_parquet:
            size = min(max(row_groups(Path(self.X))), buffer)
        else:
            size = min(max(1, BLOCK // row), max(1, buffer // FEWEST_BLOCKS))
        return Blocks(program, source, size, dtype, sample, range(-(-source.samples // size))), buffer


def stream_of(X: Any, y: Any, weights: Any) -> Stream | None:
    """The stream that the arguments of ``train`` mean; None where they are arrays of the usual kind."""
    if isinstance(X, Stream):
        if y is not None or weights is not None:
            raise SpecificationError("a Stream has its own y and weights; give them to it: Stream(X, y, weights)")
        return X
    if isinstance(X, Mapping):
        if not set(X) <= {"X", "y", WEIGHTS} or not any(mapped(value) for value in X.values()):
            return None
        return Stream(X.get("X"), X.get("y") if y is None else y, X.get(WEIGHTS) if weights is None else weights)
    if isinstance(X, str | os.PathLike) or mapped(X) or mapped(y):
        return Stream(X, y, weights)
    return None


def _is_weighted(program: Program) -> bool:
    return any(name.id == WEIGHTS for name in program.inputs)


def _opened(id: str, value: Any) -> Array | None:
    """An array, mapped where it is a file."""
    if value is None or isinstance(value, np.ndarray):
        return value
    if not isinstance(value, str | os.PathLike):
        return np.asarray(value)
    path = Path(value)
    if path.suffix.lower() != ".npy":
        raise SpecificationError(f"{id} is the path {str(path)!r}; only .npy and Parquet files can be streamed")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"the file {str(path)!r} cannot be read: {error}") from error
    if not isinstance(array, np.ndarray) or array.ndim == 0:
        raise DataError(f"the file {str(path)!r} holds no array of samples; save one with numpy.save")
    return array


def read_whole(blocks: Blocks) -> dict[str, Array]:
    """All samples in arrays."""
    parts = [blocks.read(number) for number in range(len(blocks.chosen))]
    found = {}
    for id, first in parts[0].items():
        shape = blocks.program.names[id].shape
        along = shape.index(blocks.sample) if blocks.sample in shape else None
        found[id] = first if along is None else np.concatenate([part[id] for part in parts], along)
    return found


def held_out(blocks: Blocks, share: float, seed: int) -> tuple[Blocks, Blocks]:
    """Whole blocks for training and for validation, drawn by the seed.

    Raises:
        SpecificationError: a share that leaves nothing on one side.
    """
    if not 0 < share < 1:
        raise SpecificationError(f"the share of data held out must be between 0 and 1, got {share:g}")
    count = len(blocks.chosen)
    held = round(share * count)
    if not 0 < held < count:
        raise SpecificationError(
            f"a share of {share:g} of {count} blocks leaves nothing on one side; give validation data, or a smaller "
            "buffer, whose blocks are smaller"
        )
    order = np.random.default_rng([seed, 2]).permutation(count)

    def part(numbers: Sequence[int]) -> Blocks:
        chosen = sorted(blocks.chosen[number] for number in numbers)
        return Blocks(blocks.program, blocks.source, blocks.size, blocks.dtype, blocks.sample, chosen)

    return part(order[held:].tolist()), part(order[:held].tolist())


class StreamedBatches(Batches):
    """Gives the batches of each epoch, from the window.

    Args:
        blocks: the data.
        sizes: of the dimensions.
        size: samples per batch.
        buffer: samples in memory.
        shuffle, seed: see ``Batches``.

    Raises:
        SpecificationError: a size that is not between 1 and the buffer.
    """

    def __init__(
        self, blocks: Blocks, sizes: Mapping[str, int], size: object, buffer: int, shuffle: bool, seed: int
    ) -> None:
        if size is None:
            raise SpecificationError("data that are streamed are never in memory whole; give a batch_size")
        wanted = whole_number("batch_size", size, 1)
        if wanted > min(buffer, blocks.samples):
            raise SpecificationError(
                f"batch_size={wanted} is more than the {min(buffer, blocks.samples)} samples that are in memory at a "
                "time; use at most that, or a larger buffer"
            )
        self._buffer = buffer // wanted * wanted
        held = Window(blocks, self._buffer)
        super().__init__(blocks.program, Arguments(held.arrays, {}, dict(sizes)), wanted, shuffle, seed)
        self.window, self._blocks = held, blocks

    def order(self) -> StreamOrder:
        """The samples in the order of the next epoch."""
        key = int(self._rng.integers(2**62)) if self._shuffle else None
        return StreamOrder(self._blocks.samples, self._blocks.size, self._buffer, key)

    def chosen(self, indices: Array) -> Batch:
        """The samples with these numbers."""
        assert self.window is not None
        return super().chosen(self.window.hold(np.asarray(indices)))
