"""Matrix products: which way each is computed, and the tiles of those whose factors are read where they lie."""

from __future__ import annotations

from backproof.kernels.llvm.code import Machine
from backproof.kernels.llvm.dots import dots, prefers_dots
from backproof.kernels.llvm.memory import Buffer
from backproof.kernels.llvm.nests import Emitter
from backproof.kernels.llvm.packing import Packed, Tiling, blocks_for, packs
from backproof.kernels.llvm.plan import Nest, Operand, Task
from backproof.kernels.llvm.tiles import Piece, Strides, finish, grid, lines_cut, sums, tile, vectors_cut
from backproof.kernels.llvm.turning import in_layout


def product_nest(em: Emitter, nest: Nest, product: Task) -> None:
    a, b = product.operands or (Operand("", False), Operand("", False))
    target, left, right = em.target(nest.shape), em.buffer(a.id), em.buffer(b.id)
    if prefers_dots(target, left, a, right, b):
        dots(em, product, left, right)
        if len(nest.tasks) > 1:
            em.code.barrier()
            em.map_nest(nest.shape, nest.tasks[1:])
        return
    way = tiling(target, left, a, right, b, em.code.machine, em.code.threads)
    if way.packed and not em.code.unroll:
        Packed(em, nest, target, way, blocks_for(way, em.code.machine)).write()
        return
    vectors = way.vectors
    if way.turned:
        neighbours = "columns" if vectors.layout == "rows" else "rows"
        vectors = in_layout(em, b.id if target.layout == "rows" else a.id, vectors, neighbours)
    _in_place(em, nest, target, way, vectors)


def tiling(
    target: Buffer, left: Buffer, a: Operand, right: Buffer, b: Operand, machine: Machine, threads: int
) -> Tiling:
    """How a product is cut into register tiles, and those are shared by threads.

    Along the target's minor side one factor is read as vectors; of the other, one number at a time.
    """
    by_rows = target.layout == "rows"
    vectors, transposed = (right, b.transposed) if by_rows else (left, not a.transposed)
    numbers, flipped = (left, a.transposed) if by_rows else (right, not b.transposed)
    turned = vectors.layout != ("columns" if transposed else "rows")
    along = numbers.layout == ("columns" if flipped else "rows")
    terms, width = vectors.minor if turned else vectors.major, machine.width
    across = -(-target.minor // width)
    packed = packs(target, terms, machine, threads)
    far = not packed and terms * min(4, across) * width * machine.bytes > machine.near
    height, count = tile(target.major, across, machine.registers, far=far)
    down, sideways = lines_cut(target.major, height), vectors_cut(target.minor, width, count)
    return Tiling(vectors, turned, numbers, along, terms, down, sideways, grid(down, sideways, threads), packed=packed)


def _in_place(em: Emitter, nest: Nest, target: Buffer, way: Tiling, vectors: Buffer) -> None:
    """Register tiles straight from the factors."""
    code, width, numbers = em.code, em.space.width, way.numbers
    term, line = (1, numbers.stride) if way.along else (numbers.stride, 1)
    constants = em.scalars(nest.tasks)
    (first_line, last_line), (first_strip, last_strip) = way.share(code)

    def tile_at(lines: Piece, strip: Piece) -> None:
        start = code.times(strip.number, way.sideways.step * width)
        found = sums(
            code,
            way.terms,
            Strides(vectors.base, start, vectors.stride, width),
            Strides(numbers.base, code.times(lines.number, way.down.step * line), term, line),
            [code.nothing] * (lines.size * strip.size),
            strip.size,
        )
        finish(em, nest, target, (way.down, lines), (way.sideways, strip), found, constants)

    def strips(strip: Piece) -> None:
        way.down.each(code, first_line, last_line, lambda lines: tile_at(lines, strip))

    way.sideways.each(code, first_strip, last_strip, strips)
