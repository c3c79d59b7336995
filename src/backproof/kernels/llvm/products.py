"""Matrix products: register tiles with their epilogue, or sums of neighbours where the result is narrow."""

from __future__ import annotations

from collections.abc import Sequence

from backproof.kernels.llvm.code import Counter
from backproof.kernels.llvm.memory import Buffer
from backproof.kernels.llvm.nests import Emitter, Place
from backproof.kernels.llvm.plan import Nest, Operand, Task
from backproof.kernels.llvm.turning import in_layout


def product_nest(em: Emitter, nest: Nest, product: Task) -> None:
    a, b = product.operands or (Operand("", False), Operand("", False))
    target = em.target(nest.shape)
    left, right = em.buffer(a.id), em.buffer(b.id)
    if prefers_dots(target, left, a, right, b):
        _dots(em, product, left, a, right, b)
        if len(nest.tasks) > 1:
            em.code.barrier()
            em.map_nest(nest.shape, nest.tasks[1:])
        return
    # Along the target's minor side one factor is read as vectors; of the other, one number at a time.
    vectors, turned = (right, b.transposed) if target.layout == "rows" else (left, not a.transposed)
    numbers, flipped = (left, a.transposed) if target.layout == "rows" else (right, not b.transposed)
    neighbours = "columns" if turned else "rows"
    if vectors.layout != neighbours:
        vectors = in_layout(em, b.id if target.layout == "rows" else a.id, vectors, neighbours)
    _blocked(em, nest, product, target, vectors, numbers, flipped)


def prefers_dots(target: Buffer, left: Buffer, a: Operand, right: Buffer, b: Operand) -> bool:
    """Whether both factors lie along the summation, and the result is so narrow that vectors across it pay less."""
    along_left = left.layout == ("columns" if a.transposed else "rows")
    along_right = right.layout == ("rows" if b.transposed else "columns")
    narrow = target.shape[1] * 4 <= target.width
    inner = left.minor
    return along_left and along_right and narrow and inner > 1


def _inner(em: Emitter, buffer: Buffer, operand: Operand, *, left: bool) -> int:
    rows, columns = buffer.shape
    return (rows if operand.transposed else columns) if left else (columns if operand.transposed else rows)


def _dots(em: Emitter, product: Task, left: Buffer, a: Operand, right: Buffer, b: Operand) -> None:
    """Each entry as a sum of products of neighbours."""
    code, width = em.code, em.space.width
    rows, columns = product.shape
    inner = _inner(em, left, a, left=True)
    result = em.buffer(product.id, product.shape)
    chunks = -(-inner // width)
    block = 4 if rows >= 4 else 1

    def entries(i: Counter, count: int) -> None:
        for j in range(columns):

            def products(chunk: Counter, sums: Sequence[str], j: int = j) -> list[str]:
                k = code.times(chunk, width)
                other = code.load(right.base, code.plus(j * right.stride, k), vector=True)
                found = []
                for r in range(count):
                    line = code.times(code.plus(i, r), left.stride)
                    one = code.load(left.base, code.plus(line, k), vector=True)
                    found.append(code.fma(one, other, sums[r]))
                return found

            sums = code.accumulate(chunks, [code.nothing] * count, code.machine.vector, products)
            for r in range(count):
                total = code.total(sums[r])
                code.store(total, result.base, result.at(code, code.plus(i, r), j), vector=False)

    whole = rows - rows % block
    code.shared(whole, lambda i: entries(i, block), step=block)

    def left_over() -> None:
        for i in range(whole, rows):
            entries(i, 1)

    if whole < rows:
        code.alone(left_over)


def _blocked(
    em: Emitter, nest: Nest, product: Task, target: Buffer, vectors: Buffer, numbers: Buffer, flipped: bool
) -> None:
    """Register tiles: some lines by some vectors of the result, the sum running innermost."""
    code, width = em.code, em.space.width
    inner = vectors.major
    across = -(-target.minor // width)
    lines, columns = tile(target.major, across, code.machine.registers)
    number_stride = 1 if numbers.layout == ("columns" if flipped else "rows") else numbers.stride
    line_stride = numbers.stride if number_stride == 1 else 1
    constants = em.scalars(nest.tasks)

    def tile_at(major: Counter, minor: Counter, height: int, count: int, last_lanes: int) -> None:
        def step(k: Counter, sums: Sequence[str]) -> list[str]:
            line = code.plus(code.times(k, vectors.stride), minor)
            row = [code.load(vectors.base, code.plus(line, q * width), vector=True) for q in range(count)]
            found: list[str] = []
            start = code.plus(code.times(major, line_stride), code.times(k, number_stride))
            for r in range(height):
                number = code.splat(code.load(numbers.base, code.plus(start, r * line_stride), vector=False))
                found += [code.fma(number, row[q], sums[r * count + q]) for q in range(count)]
            return found

        sums = code.accumulate(inner, [code.nothing] * (height * count), code.machine.vector, step)
        for r in range(height):
            for q in range(count):
                lanes = last_lanes if q == count - 1 else width
                place = Place(code.plus(major, r), code.plus(minor, q * width), lanes)
                values = {**constants, product.id: sums[r * count + q]}
                em.maps(nest.tasks, target, place, values)

    def strip(minor: Counter, count: int, last_lanes: int) -> None:
        whole = target.major - target.major % lines
        code.shared(whole, lambda major: tile_at(major, minor, lines, count, last_lanes), step=lines)
        if target.major % lines:
            code.alone(lambda: tile_at(whole, minor, target.major % lines, count, last_lanes))

    tail = target.minor % width
    full = (target.minor // width) // columns * columns
    code.loop(full * width, lambda minor: strip(minor, columns, width), step=columns * width)
    rest = across - full
    if rest:
        strip(full * width, rest, tail or width)


def tile(lines: int, across: int, registers: int) -> tuple[int, int]:
    """Lines and vectors of a register tile: sums, one row of vectors and one number must fit."""
    best, score = (1, 1), 0.0
    for columns in range(1, min(4, across) + 1):
        for height in range(1, min(12, lines) + 1):
            if height * columns + columns + 1 > registers - 1:
                continue
            work = height * columns
            waste_down = lines / (-(-lines // height) * height)
            waste_across = across / (-(-across // columns) * columns)
            found = work / (work + 0.5 * (height + columns)) * (0.5 + 0.5 * waste_down) * (0.5 + 0.5 * waste_across)
            if found > score:
                best, score = (height, columns), found
    return best
