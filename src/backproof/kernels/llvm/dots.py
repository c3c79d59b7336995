"""Products whose factors both lie along the sum: each entry as a sum of products of neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from backproof.kernels.llvm.code import Counter
from backproof.kernels.llvm.memory import Buffer, padded
from backproof.kernels.llvm.nests import Emitter
from backproof.kernels.llvm.plan import Operand, Task
from backproof.kernels.llvm.tiles import Piece, grid, lines_cut, tile

ADDING_UP = 8
"""Vector operations that add up the entries of one vector and write the sum: as a compiler counts them, AVX-512."""
TURNING = 6
"""Vector operations that transpose as many scalars as a vector has: four rounds, a load and a store."""


def prefers_dots(target: Buffer, left: Buffer, a: Operand, right: Buffer, b: Operand) -> bool:
    """Whether both factors lie along the sum, and adding up vectors costs less than what tiles would need instead.

    Tiles fill their last vector with zeros where the result is narrow, and need one factor transposed where both lie
    along the sum; with few samples, that would be more work than the product.
    """
    along_left = left.layout == ("columns" if a.transposed else "rows")
    along_right = right.layout == ("rows" if b.transposed else "columns")
    if not (along_left and along_right and left.minor > 1):
        return False
    width, terms = target.width, left.minor
    dots = target.major * target.minor * (-(-terms // width) + ADDING_UP)
    across = -(-target.minor // width)
    return dots < terms * across * target.major + terms * across * TURNING


def dots(em: Emitter, product: Task, left: Buffer, right: Buffer) -> None:
    """The product, in tiles of sums."""
    code, width = em.code, em.space.width
    rows, columns = product.shape
    result = em.buffer(product.id, product.shape)
    chunks = padded(left.minor, width) // width
    height, count = tile(rows, columns, code.machine.registers)
    down, along = lines_cut(rows, height), lines_cut(columns, count)
    share = grid(down, along, code.threads)
    part_down, part_along = share.parts(code)

    def entries(i: Piece, j: Piece) -> None:
        row, column = code.times(i.number, height), code.times(j.number, count)

        def products(chunk: Counter, sums: Sequence[str]) -> list[str]:
            k = code.times(chunk, width)
            others = [_line(em, right, code.plus(column, c), k) for c in range(j.size)]
            found: list[str] = []
            for r in range(i.size):
                one = _line(em, left, code.plus(row, r), k)
                found += [code.fma(one, other, sums[r * j.size + c]) for c, other in enumerate(others)]
            return found

        sums = code.accumulate(chunks, [code.nothing] * (i.size * j.size), code.machine.vector, products)
        for position, vector in enumerate(sums):
            r, c = divmod(position, j.size)
            total = code.total(vector)
            code.store(total, result.base, result.at(code, code.plus(row, r), code.plus(column, c)), vector=False)

    first_row, last_row = code.share(down.tiles, share.down, part_down)
    first_column, last_column = code.share(along.tiles, share.across, part_along)
    down.each(code, first_row, last_row, lambda i: along.each(code, first_column, last_column, lambda j: entries(i, j)))


def _line(em: Emitter, buffer: Buffer, line: Counter, k: Counter) -> str:
    return em.code.load(buffer.base, em.code.plus(em.code.times(line, buffer.stride), k), vector=True)
