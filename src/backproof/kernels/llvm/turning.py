"""Matrices the other way round: square blocks transposed in registers."""

from __future__ import annotations

from backproof.kernels.llvm.code import Code, Counter
from backproof.kernels.llvm.memory import Buffer
from backproof.kernels.llvm.nests import Emitter


def in_layout(em: Emitter, id: str, source: Buffer, layout: str) -> Buffer:
    """A copy of a quantity that lies the other way."""
    name = f"{em.aliases.get(id, id)}~"
    copy = em.space.buffer(name, source.shape, "rows" if layout == "rows" else "columns")
    if name not in em.turned:
        em.turned.add(name)
        turn(em, source, copy, swap=False)
        em.code.barrier()
    return copy


def turn(em: Emitter, source: Buffer, copy: Buffer, *, swap: bool) -> None:
    """Copy so that neighbours become lines: square blocks, transposed in registers."""
    code, width = em.code, em.space.width
    if (source.layout == copy.layout) == (not swap):
        _copy_lines(em, source, copy)
        return
    blocks_down, blocks_across = -(-source.major // width), -(-source.minor // width)

    def block(down: Counter, across: Counter) -> None:
        lines = []
        for k in range(width):
            line = code.times(code.plus(down, k), source.stride)
            lines.append(code.load(source.base, code.plus(line, across), vector=True))
        for k, column in enumerate(transposed(code, lines)):
            line = code.times(code.plus(across, k), copy.stride)
            code.store(column, copy.base, code.plus(line, down), vector=True)

    def down_loop(down: Counter) -> None:
        code.loop(blocks_across * width, lambda across: block(down, across), step=width)

    code.shared(blocks_down * width, down_loop, step=width)


def _copy_lines(em: Emitter, source: Buffer, copy: Buffer) -> None:
    code, width = em.code, em.space.width

    def line(major: Counter) -> None:
        def chunk(minor: Counter) -> None:
            value = code.load(source.base, code.plus(code.times(major, source.stride), minor), vector=True)
            code.store(value, copy.base, code.plus(code.times(major, copy.stride), minor), vector=True)

        code.loop(source.stride, chunk, step=width)

    code.shared(source.major, line)


def transposed(code: Code, lines: list[str]) -> list[str]:
    """A square block of vectors, transposed by rounds of pairwise interleaving."""
    width, v = code.machine.width, code.machine.vector
    distance = width // 2
    current = lines
    while distance:
        following = [""] * width
        for k in range(width):
            if k & distance:
                continue
            a, b = current[k], current[k + distance]
            low = [e if not e & distance else width + (e ^ distance) for e in range(width)]
            high = [(e | distance) if not e & distance else width + e for e in range(width)]
            for mask, place in ((low, k), (high, k + distance)):
                picks = ", ".join(f"i32 {p}" for p in mask)
                following[place] = code.put(f"shufflevector {v} {a}, {v} {b}, <{width} x i32> <{picks}>")
        current, distance = following, distance // 2
    return current
