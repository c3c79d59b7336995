"""Where quantities lie: padded matrices in one workspace, each written along its longer side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from backproof.kernels.llvm.code import Code, Counter
from backproof.kernels.llvm.plan import Layout


def layout_of(shape: tuple[int, int], width: int) -> Layout:
    """Along the rows, unless they are shorter than a vector and the columns are longer."""
    rows, columns = shape
    return "columns" if columns < width and rows > columns else "rows"


SCRATCH = "%scratch"
"""The address of the scratch memory of the thread that runs the code."""
CROWDED = 256
"""Scalars such that lines at multiples of this distance share few places of a cache: 1 KiB and more."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """A matrix in the workspace.

    The minor side, along which entries are neighbours, is padded to whole vectors with zeros; so is the major side,
    so that square blocks can be read whole.

    Args:
        base: the SSA value of its address.
        shape: rows and columns.
        layout: which side is the minor one.
        width: scalars in a vector.
        offset: scalars from the start of the workspace.
    """

    base: str
    shape: tuple[int, int]
    layout: Layout
    width: int
    offset: int

    @property
    def minor(self) -> int:
        return self.shape[1] if self.layout == "rows" else self.shape[0]

    @property
    def major(self) -> int:
        return self.shape[0] if self.layout == "rows" else self.shape[1]

    @property
    def stride(self) -> int:
        """Scalars from one line to the next: never a large power of two, which a cache has few places for."""
        found = padded(self.minor, self.width)
        return found + (self.width if found % CROWDED == 0 and self.major > 1 else 0)

    @property
    def size(self) -> int:
        return self.stride * padded(self.major, self.width)

    def at(self, code: Code, row: Counter, column: Counter) -> Counter:
        """The offset of an entry."""
        line, place = (row, column) if self.layout == "rows" else (column, row)
        return code.plus(code.times(line, self.stride), place)


def padded(size: int, width: int) -> int:
    """The size rounded up to whole vectors."""
    return -(-size // width) * width


class Workspace:
    """Hands out buffers one after the other.

    Attributes:
        own: what each thread has for itself: the SSA value of its address, and the scalars from one to the next.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.size = 0
        self.buffers: dict[str, Buffer] = {}
        self.own: dict[str, int] = {}
        self._scratch = 0

    def buffer(self, id: str, shape: tuple[int, int], layout: Layout | None = None, *, owners: int = 1) -> Buffer:
        """The buffer of a quantity, made at the first call; of an input of which each thread has a copy, its own."""
        if id not in self.buffers:
            made = Buffer(
                f"%b{len(self.buffers)}", shape, layout or layout_of(shape, self.width), self.width, self.size
            )
            size = padded(made.size, 64)
            self.buffers[id] = made
            for owner in range(1, owners):
                name = f"{id} of thread {owner}"
                self.buffers[name] = replace(made, base=f"%b{len(self.buffers)}", offset=self.size + owner * size)
            if owners > 1:
                self.own[made.base] = size
            self.size += owners * size
        return self.buffers[id]

    def reserve(self, size: int) -> None:
        """Ask for so many scalars of scratch memory for each thread: one place, used by one nest after the other."""
        self._scratch = max(self._scratch, padded(size, max(64, self.width**2)))

    def close(self, threads: int) -> None:
        """Put the scratch memory behind everything else."""
        if self._scratch:
            lines = (threads * self._scratch // self.width, self.width)
            self.buffers["scratch memory"] = Buffer(SCRATCH, lines, "rows", self.width, self.size)
            self.own[SCRATCH] = self._scratch
            self.size += threads * self._scratch

    def offsets(self) -> Mapping[str, int]:
        return {id: buffer.offset for id, buffer in self.buffers.items()}
