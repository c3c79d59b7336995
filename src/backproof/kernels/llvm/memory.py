"""Where quantities lie: padded matrices in one workspace, each written along its longer side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backproof.kernels.llvm.code import Code, Counter
from backproof.kernels.llvm.plan import Layout


def layout_of(shape: tuple[int, int], width: int) -> Layout:
    """Along the rows, unless they are shorter than a vector and the columns are longer."""
    rows, columns = shape
    return "columns" if columns < width and rows > columns else "rows"


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
        """Scalars from one line to the next."""
        return padded(self.minor, self.width)

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
    """Hands out buffers one after the other."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.size = 0
        self.buffers: dict[str, Buffer] = {}

    def buffer(self, id: str, shape: tuple[int, int], layout: Layout | None = None) -> Buffer:
        """The buffer of a quantity, made at the first call."""
        if id not in self.buffers:
            chosen = layout or layout_of(shape, self.width)
            made = Buffer(f"%b{len(self.buffers)}", shape, chosen, self.width, self.size)
            self.buffers[id] = made
            self.size += padded(made.size, 64)
        return self.buffers[id]

    def offsets(self) -> Mapping[str, int]:
        return {id: buffer.offset for id, buffer in self.buffers.items()}
