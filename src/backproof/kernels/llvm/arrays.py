"""The workspace of a compiled function as an array: quantities put in and taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from backproof.ir.arithmetic import Array
from backproof.kernels.llvm.memory import Buffer

ALIGNMENT = 64


class Arena:
    """Zeroed memory in which quantities lie as their buffers say.

    Args:
        buffers: by identifier.
        size: scalars in all.
        dtype: of the scalars.
    """

    def __init__(self, buffers: Mapping[str, Buffer], size: int, dtype: npt.DTypeLike) -> None:
        self.buffers = buffers
        self.dtype = np.dtype(dtype)
        raw = np.zeros(size * self.dtype.itemsize + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        self.memory = raw[start : start + size * self.dtype.itemsize].view(self.dtype)
        self._views: dict[str, Array] = {}

    @property
    def address(self) -> int:
        """Where it begins."""
        return int(self.memory.ctypes.data)

    def put(self, id: str, value: npt.ArrayLike) -> None:
        """Write a quantity."""
        self._seen(id)[...] = np.asarray(value, self.dtype).reshape(self.buffers[id].shape)

    def get(self, id: str, shape: tuple[int, ...]) -> Array:
        """A copy of a quantity in the shape that the program declares."""
        return self._seen(id).copy().reshape(shape)

    def take_over(self, other: Arena, ids: Sequence[str]) -> None:
        """Copy quantities from another arena."""
        for id in ids:
            self._seen(id)[...] = other._seen(id)

    def _seen(self, id: str) -> Array:
        """The entries of a quantity, rows first, as a view."""
        found = self._views.get(id)
        if found is None:
            b = self.buffers[id]
            lines = self.memory[b.offset : b.offset + b.size].reshape(-1, b.stride)[: b.major, : b.minor]
            found = self._views[id] = lines if b.layout == "rows" else lines.T
        return found
