"""Register tiles: how large they are, how threads share them, and the sums that they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backproof.kernels.llvm.code import Code, Counter
from backproof.kernels.llvm.memory import Buffer
from backproof.kernels.llvm.nests import Emitter, Place, Values
from backproof.kernels.llvm.plan import Nest, matrices, two_dimensional

HIGHEST = 14
"""Lines of a register tile."""


@dataclass(frozen=True, slots=True)
class Strides:
    """Where a factor is read: its first scalar, and the scalars from one term of a sum, and from one line, to the next.

    Args:
        base: the SSA value of an address.
        start: scalars from there to the first term.
        term: scalars from one term to the next.
        line: scalars from one line of the tile to the next; for vectors, from one to its neighbour.
    """

    base: str
    start: Counter
    term: int
    line: int


def tile(lines: int, across: int, registers: int, *, far: bool = False) -> tuple[int, int]:
    """Lines and vectors of a register tile: sums, one row of vectors and one number must fit.

    Args:
        lines: of the result.
        across: vectors of a line of the result.
        registers: of the processor, for vectors.
        far: whether the vectors come anew from a farther cache for each tile: then high tiles read less.
    """
    best, score = (1, 1), 0.0
    reading = 2.0 if far else 0.5
    for columns in range(1, min(4, across) + 1):
        for height in range(1, min(HIGHEST, lines) + 1):
            if height * columns + columns + 1 > registers - 1:
                continue
            work = height * columns
            waste_down = lines / (-(-lines // height) * height)
            waste_across = across / (-(-across // columns) * columns)
            found = work / (work + 0.5 * height + reading * columns)
            found *= (0.5 + 0.5 * waste_down) * (0.5 + 0.5 * waste_across)
            if found > score:
                best, score = (height, columns), found
    return best


def sums(code: Code, terms: int, vectors: Strides, numbers: Strides, start: Sequence[str], count: int) -> list[str]:
    """The sums of a tile, line after line: each the one it starts from plus number · vector, term by term.

    The order of the terms is that of the factors, whatever the tile and wherever a sum is interrupted, so that no
    choice of blocks, tiles or threads changes a bit.

    Args:
        code: where they are written.
        terms: of each sum.
        vectors: of the factor that is read vector by vector.
        numbers: of the other.
        start: a vector for each sum.
        count: of vectors in a line of the tile.
    """
    height = len(start) // count

    def term(k: Counter, found: Sequence[str]) -> list[str]:
        place = code.plus(code.times(k, vectors.term), vectors.start)
        row = [code.load(vectors.base, code.plus(place, q * vectors.line), vector=True) for q in range(count)]
        first = code.plus(numbers.start, code.times(k, numbers.term))
        after: list[str] = []
        for r in range(height):
            number = code.splat(code.load(numbers.base, code.plus(first, r * numbers.line), vector=False))
            after += [code.fma(number, row[q], found[r * count + q]) for q in range(count)]
        return after

    return code.accumulate(terms, start, code.machine.vector, term)


@dataclass(frozen=True, slots=True)
class Piece:
    """A tile along one side: its number, its lines or vectors, and whether it is the smaller one at the end."""

    number: Counter
    size: int
    rest: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a product cut into tiles.

    Args:
        size: in lines, or in vectors.
        step: lines or vectors of a tile.
        whole: how many tiles are whole.
        rest: lines or vectors of a last tile; 0 where all are whole.
    """

    size: int
    step: int
    whole: int
    rest: int

    @property
    def tiles(self) -> int:
        return self.whole + (1 if self.rest else 0)

    def each(self, code: Code, start: Counter, last: Counter, body: Callable[[Piece], None]) -> None:
        """``body`` for each tile from start to below last."""
        code.between(start, code.least(last, self.whole), lambda number: body(Piece(number, self.step, False)))
        if self.rest:
            first = code.greatest(start, self.whole)  # a share may be empty, and begin and end behind the last tile
            code.between(first, last, lambda _: body(Piece(self.whole, self.rest, True)))


def finish(
    em: Emitter, nest: Nest, target: Buffer, down: tuple[Side, Piece], across: tuple[Side, Piece],
    found: Sequence[str], constants: Values,
) -> None:  # fmt: skip
    """What rides with a product, at each vector of a tile."""
    code, width, product = em.code, em.space.width, nest.tasks[0]
    first_line = code.times(down[1].number, down[0].step)
    first = code.times(across[1].number, across[0].step * width)
    tail, count = target.minor % width, across[1].size
    for position, value in enumerate(found):
        r, q = divmod(position, count)
        lanes = tail if tail and across[1].rest and q == count - 1 else width
        place = Place(code.plus(first_line, r), code.plus(first, q * width), lanes)
        em.maps(nest.tasks, target, place, {**constants, product.id: value})


def prefetch(em: Emitter, nest: Nest, target: Buffer, down: tuple[Side, Piece], across: tuple[Side, Piece]) -> None:
    """Bring what is read at the end of a tile near while its sums are computed."""
    code, width = em.code, em.space.width
    first_line = code.times(down[1].number, down[0].step)
    first = code.times(across[1].number, across[0].step * width)
    read = {
        name.id: two_dimensional(name.shape)
        for task in nest.tasks[1:]
        if task.value is not None
        for name in matrices(task.value)
    }
    for id in sorted(id for id, shape in read.items() if id not in nest.makes and shape == target.shape):
        buffer = em.buffer(id, read[id])
        for r in range(down[1].size):
            line = code.times(code.plus(first_line, r), buffer.stride)
            for q in range(across[1].size):
                code.prefetch(buffer.base, code.plus(line, code.plus(first, q * width)))


def lines_cut(size: int, step: int) -> Side:
    """Lines in tiles."""
    return Side(size, step, size // step, size % step)


def vectors_cut(entries: int, width: int, step: int) -> Side:
    """Entries in tiles of vectors; a vector that is real only in part stands in a last tile of its own kind."""
    across = -(-entries // width)
    whole = entries // width // step
    return Side(across, step, whole, across - whole * step)


@dataclass(frozen=True, slots=True)
class Grid:
    """How threads share the tiles of a product: pieces down times pieces across."""

    down: int
    across: int

    def parts(self, code: Code) -> tuple[Counter, Counter]:
        """Which piece down and which across belongs to the thread that runs the code."""
        down: Counter = code.put(f"udiv i64 %thread, {self.across}") if self.down > 1 else 0
        across: Counter = code.put(f"urem i64 %thread, {self.across}") if self.across > 1 else 0
        return down, across


def grid(lines: Side, vectors: Side, threads: int) -> Grid:
    """The grid in which the busiest thread has the least to do; among equals the one with the most pieces across.

    With pieces across, a thread updates the same columns of the parameters that it reads in the next step, and they
    stay in the cache of its core.
    """

    def busiest(across: int) -> int:
        down = threads // across
        most_lines = min(-(-lines.tiles // down) * lines.step, lines.size)
        most_vectors = min(-(-vectors.tiles // across) * vectors.step, vectors.size)
        return most_lines * most_vectors

    fitting = [across for across in range(1, threads + 1) if threads % across == 0]
    best = min(fitting, key=lambda across: (busiest(across), -across))
    return Grid(threads // best, best)
