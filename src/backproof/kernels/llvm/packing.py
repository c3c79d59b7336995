"""Large products: both factors copied, block by block, into the order in which register tiles read them.

A block of the vectors' factor and one of the numbers' factor lie one after the other in scratch memory of the
thread's own, so that nothing is read at large distances, and what is read again comes from a cache near the core.
Where the sums are cut, they wait in scratch memory too; what rides with the product comes with their last terms.
"""

from __future__ import annotations

from dataclasses import dataclass

from backproof.kernels.llvm.code import Code, Counter, Machine
from backproof.kernels.llvm.memory import SCRATCH, Buffer, padded
from backproof.kernels.llvm.nests import Emitter
from backproof.kernels.llvm.plan import Nest
from backproof.kernels.llvm.tiles import Grid, Piece, Side, Strides, finish, prefetch, sums
from backproof.kernels.llvm.turning import transposed

FEWEST_LINES = 64
"""Lines of a result from which copying a factor once is little beside reading it for all of them: a copy costs about
as much as eight lines of the product."""
Bounds = tuple[Counter, Counter, Counter, Counter]
"""Tiles down and tiles across: the first and the one after the last, of each."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """A product as its register tiles see it.

    Args:
        vectors: the factor that is read as vectors, along the result's minor side.
        turned: whether it lies the other way and has to be transposed.
        numbers: the factor of which one number is read at a time.
        along: whether the numbers of one sum are neighbours.
        terms: of each sum.
        down: the lines of the result in tiles.
        sideways: the vectors of a line in tiles.
        grid: how threads share the tiles.
        packed: whether blocks of the factors are copied first.
    """

    vectors: Buffer
    turned: bool
    numbers: Buffer
    along: bool
    terms: int
    down: Side
    sideways: Side
    grid: Grid
    packed: bool

    def share(self, code: Code) -> tuple[tuple[Counter, Counter], tuple[Counter, Counter]]:
        """The tiles of the thread that runs the code, down and across."""
        part_down, part_across = self.grid.parts(code)
        return (
            code.share(self.down.tiles, self.grid.down, part_down),
            code.share(self.sideways.tiles, self.grid.across, part_across),
        )


def packs(target: Buffer, terms: int, machine: Machine, threads: int) -> bool:
    """Whether a thread's share of the factor that is read as vectors is more than half of the cache that is its own.

    Then tiles would fetch it from farther away again and again. Measured in float32 with two threads: at 1024 × 1024
    weights and batches of 512 the copies save a tenth of the time, at 256 × 256 they cost as much.
    """
    share = terms * target.minor * machine.bytes // threads
    return target.major >= FEWEST_LINES and 2 * share > machine.far


@dataclass(frozen=True, slots=True)
class Blocks:
    """What is copied at once: terms of the sums, tiles down, tiles across."""

    terms: int
    down: int
    across: int


def blocks_for(way: Tiling, machine: Machine) -> Blocks:
    """Blocks that fit the caches.

    A strip of vectors, which all tiles below each other read, takes two thirds of the nearest cache; the numbers of a
    block, which all strips read, half of the next, and the vectors of a block the other half.
    """
    line = way.sideways.step * machine.width * machine.bytes
    most = max(1, 2 * machine.near // (3 * line * machine.width)) * machine.width
    terms = padded(-(-way.terms // -(-way.terms // most)), machine.width)
    down = max(1, machine.far // (2 * terms * way.down.step * machine.bytes))
    across = max(1, machine.far // (2 * terms * line))
    return Blocks(
        terms,
        min(down, -(-way.down.tiles // way.grid.down)),
        min(across, -(-way.sideways.tiles // way.grid.across)),
    )


def odd_lines(size: int, width: int) -> int:
    """A size such that many pieces of it, written at once, do not compete for the same places of a cache."""
    return padded(size, 2 * width) + width


class Packed:
    """One product, written for a thread's share of its tiles."""

    def __init__(self, em: Emitter, nest: Nest, target: Buffer, way: Tiling, blocks: Blocks) -> None:
        self.em, self.nest, self.target, self.way, self.blocks = em, nest, target, way, blocks
        width = em.space.width
        self.cuts = -(-way.terms // blocks.terms)
        self.strip = odd_lines(blocks.terms * way.sideways.step * width, width)
        self.lines = odd_lines(blocks.terms * way.down.step, width)
        self.sums = way.down.step * way.sideways.step * width
        self.numbers_at = blocks.across * self.strip
        self.sums_at = self.numbers_at + blocks.down * self.lines
        self.constants = em.scalars(nest.tasks)

    def write(self) -> None:
        code, blocks = self.em.code, self.blocks
        self.em.space.reserve(self.sums_at + self._waiting())
        (first_line, last_line), (first_strip, last_strip) = self.way.share(code)

        def columns(strip: Counter) -> None:
            end = code.least(code.plus(strip, blocks.across), last_strip)

            def rows(line: Counter) -> None:
                self._region((line, code.least(code.plus(line, blocks.down), last_line), strip, end))

            code.between(first_line, last_line, rows, step=blocks.down)

        code.between(first_strip, last_strip, columns, step=blocks.across)

    def _waiting(self) -> int:
        """Scalars of all sums of a region, where they are cut."""
        return self.blocks.across * self.blocks.down * self.sums if self.cuts > 1 else 0

    def _region(self, bounds: Bounds) -> None:
        """A part of the result whose factors fit the scratch memory, block by block along the sums."""
        code, terms, before = self.em.code, self.blocks.terms, self.cuts - 1

        def clear(k: Counter) -> None:
            code.store(code.zero, SCRATCH, code.plus(self.sums_at, k), vector=True)

        code.loop(self._waiting(), clear, step=self.em.space.width)
        code.between(0, before, lambda k: self._block(code.times(k, terms), terms, bounds, last=False))
        self._block(before * terms, self.way.terms - before * terms, bounds, last=True)

    def _block(self, start: Counter, terms: int, bounds: Bounds, *, last: bool) -> None:
        """Some terms of the sums of a region; with the last ones the sums are whole."""
        code, (first_line, last_line, first_strip, last_strip) = self.em.code, bounds
        self._pack_vectors(first_strip, last_strip, start, terms)
        self._pack_numbers(first_line, last_line, start, terms)

        def strips(strip: Piece) -> None:
            self.way.down.each(
                code, first_line, last_line, lambda lines: self._tile(lines, strip, bounds, terms, last=last)
            )

        self.way.sideways.each(code, first_strip, last_strip, strips)

    # --- copies ---------------------------------------------------------------------------------------------------

    def _pack_vectors(self, first: Counter, last: Counter, start: Counter, terms: int) -> None:
        """Strip by strip, the vectors of all terms one after the other; memory is read along its lines."""
        code, width, source, step = self.em.code, self.em.space.width, self.way.vectors, self.way.sideways.step

        def term(k: Counter) -> None:
            line = code.times(code.plus(start, k), source.stride)

            def copy(strip: Piece) -> None:
                origin = code.plus(line, code.times(strip.number, step * width))
                goal = code.plus(self._strip_at(strip, first), code.times(k, strip.size * width))
                for q in range(strip.size):
                    value = code.load(source.base, code.plus(origin, q * width), vector=True)
                    code.store(value, SCRATCH, code.plus(goal, q * width), vector=True)

            self.way.sideways.each(code, first, last, copy)

        if self.way.turned:
            self.way.sideways.each(code, first, last, lambda strip: self._turn(strip, first, start, terms))
        else:
            code.loop(terms, term)

    def _turn(self, strip: Piece, first: Counter, start: Counter, terms: int) -> None:
        """The same for vectors that lie the other way: square blocks, transposed in registers."""
        code, width, source = self.em.code, self.em.space.width, self.way.vectors
        goal = self._strip_at(strip, first)
        across = code.times(strip.number, self.way.sideways.step * width)

        def block(k: Counter, q: int) -> None:
            lines = []
            for r in range(width):
                line = code.times(code.plus(across, q * width + r), source.stride)
                lines.append(code.load(source.base, code.plus(line, code.plus(start, k)), vector=True))
            for r, vector in enumerate(transposed(code, lines)):
                place = code.plus(code.times(code.plus(k, r), strip.size * width), q * width)
                code.store(vector, SCRATCH, code.plus(goal, place), vector=True)

        for q in range(strip.size):

            def down(k: Counter, q: int = q) -> None:
                block(k, q)

            code.loop(padded(terms, width), down, step=width)

    def _pack_numbers(self, first: Counter, last: Counter, start: Counter, terms: int) -> None:
        """Tile by tile, line after line where they are neighbours along the sum, otherwise term after term."""
        code, width, source, step = self.em.code, self.em.space.width, self.way.numbers, self.way.down.step

        def along(lines: Piece) -> None:
            goal, line = self._lines_at(lines, first), code.times(lines.number, step)

            def chunk(k: Counter) -> None:
                for r in range(lines.size):
                    origin = code.plus(code.times(code.plus(line, r), source.stride), code.plus(start, k))
                    value = code.load(source.base, origin, vector=True)
                    code.store(value, SCRATCH, code.plus(goal, code.plus(k, r * self.blocks.terms)), vector=True)

            code.loop(padded(terms, width), chunk, step=width)

        def term(k: Counter) -> None:
            line = code.times(code.plus(start, k), source.stride)

            def copy(lines: Piece) -> None:
                origin = code.plus(line, code.times(lines.number, step))
                goal = code.plus(self._lines_at(lines, first), code.times(k, lines.size))
                code.move(SCRATCH, goal, source.base, origin, lines.size)

            self.way.down.each(code, first, last, copy)

        if self.way.along:
            self.way.down.each(code, first, last, along)
        else:
            code.loop(terms, term)

    # --- tiles ----------------------------------------------------------------------------------------------------

    def _strip_at(self, strip: Piece, first: Counter) -> Counter:
        """Where the vectors of a strip begin."""
        return self.em.code.times(self.em.code.minus(strip.number, first), self.strip)

    def _lines_at(self, lines: Piece, first: Counter) -> Counter:
        """Where the numbers of a tile's lines begin."""
        code = self.em.code
        return code.plus(code.times(code.minus(lines.number, first), self.lines), self.numbers_at)

    def _sums_at(self, lines: Piece, strip: Piece, bounds: Bounds) -> list[Counter]:
        """Where the sums of a tile wait."""
        code, width, (first_line, _, first_strip, _) = self.em.code, self.em.space.width, bounds
        place = code.plus(
            code.times(code.minus(lines.number, first_line), self.sums),
            code.times(code.minus(strip.number, first_strip), self.blocks.down * self.sums),
        )
        return [code.plus(self.sums_at + k * width, place) for k in range(lines.size * strip.size)]

    def _tile(self, lines: Piece, strip: Piece, bounds: Bounds, terms: int, *, last: bool) -> None:
        code, width, way = self.em.code, self.em.space.width, self.way
        vectors = Strides(SCRATCH, self._strip_at(strip, bounds[2]), strip.size * width, width)
        term, line = (1, self.blocks.terms) if way.along else (lines.size, 1)
        numbers = Strides(SCRATCH, self._lines_at(lines, bounds[0]), term, line)
        start = [code.zero] * (lines.size * strip.size)
        places = self._sums_at(lines, strip, bounds) if self.cuts > 1 else []
        if places:
            start = [code.load(SCRATCH, place, vector=True) for place in places]
        sides = ((way.down, lines), (way.sideways, strip))
        if last:
            prefetch(self.em, self.nest, self.target, *sides)
        found = sums(code, terms, vectors, numbers, start, strip.size)
        if last:
            finish(self.em, self.nest, self.target, *sides, found, self.constants)
            return
        for place, value in zip(places, found, strict=True):
            code.store(value, SCRATCH, place, vector=True)
