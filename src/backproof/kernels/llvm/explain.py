"""What a compiled function does, for people: each equation, its loop nest and tile, its cost in a simple model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backproof.ir.expr import Add, Div, Elementwise, Expr, Greater, Mul, Name, Neg, Power, Sub, Where
from backproof.ir.traverse import children
from backproof.kernels.llvm.code import Machine
from backproof.kernels.llvm.dots import prefers_dots
from backproof.kernels.llvm.memory import Buffer, layout_of
from backproof.kernels.llvm.plan import Nest, Task
from backproof.kernels.llvm.products import tiling
from backproof.kernels.llvm.vector_math import FUNCTIONS

PRODUCT_FLOPS = 17_500
"""A microsecond, for each scalar of a vector: measured on 128-128-128-128 and 784-128-10 in float32, on one core of an
AMD EPYC with AVX-512."""
MAP_FLOPS = 7_000
"""The same outside products: measured on chains of tanh over 64×64 entries, there."""
BYTES = 80_000
"""A microsecond, from and to the caches near the core: measured on sums and products of 64×64 entries, there."""
FUNCTION_FLOPS = 20
"""Of a vector function such as exp: a polynomial and the reduction to its interval."""
LONGEST = 100
"""Columns of the table as text."""


@dataclass(frozen=True, slots=True)
class Line:
    """One equation in the code.

    Args:
        id: the quantity; ``#1``, ``#2``, … are intermediate results that have no name in the derivation.
        shape: of it.
        kind: of work.
        nest: the number of its loop nest, from 1; equations with one number share their loops.
        tile: lines × vectors kept in registers, or how it is done otherwise.
        flops: additions, multiplications, divisions, comparisons; a function counts ``FUNCTION_FLOPS``.
        bytes: read and written by the nest on its account.
        microseconds: predicted: the longer of arithmetic and memory traffic.
    """

    id: str
    shape: tuple[int, int]
    kind: str
    nest: int
    tile: str
    flops: int
    bytes: int
    microseconds: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """All equations of a step in the order of the code.

    Args:
        lines: one per equation.
        machine: what the code was made for.
        threads: that share each loop.
    """

    lines: tuple[Line, ...]
    machine: Machine
    threads: int

    @property
    def flops(self) -> int:
        return sum(line.flops for line in self.lines)

    @property
    def microseconds(self) -> float:
        """Predicted for the whole step."""
        return sum(line.microseconds for line in self.lines)

    def __str__(self) -> str:
        """A table of at most 100 columns."""
        rows = [("equation", "shape", "work", "nest", "tile", "FLOPs", "bytes", "µs")]
        rows += [
            (
                _short(line.id), f"{line.shape[0]}×{line.shape[1]}", line.kind, str(line.nest), line.tile,
                f"{line.flops:,}", f"{line.bytes:,}", f"{line.microseconds:.3f}",
            )
            for line in self.lines
        ]  # fmt: skip
        total_bytes = sum(line.bytes for line in self.lines)
        rows.append(("all", "", "", "", "", f"{self.flops:,}", f"{total_bytes:,}", f"{self.microseconds:.3f}"))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        text = ["  ".join(_aligned(row, widths)).rstrip()[:LONGEST] for row in rows]
        text.insert(1, "─" * min(LONGEST, sum(widths) + 2 * (len(widths) - 1)))
        m = self.machine
        return "\n".join([
            *text,
            f"{m.scalar} in vectors of {m.width}, {m.registers} registers; threads: {self.threads}.",
            f"Model of a core: {PRODUCT_FLOPS * m.width:,} FLOPs/µs in products, {MAP_FLOPS * m.width:,} outside,",
            f"{BYTES:,} bytes/µs, whichever takes longer; measured on an AMD EPYC with AVX-512.",
        ])  # fmt: skip


def explained(nests: Sequence[Nest], buffers: Mapping[str, Buffer], machine: Machine, threads: int) -> Explanation:
    """The nests of a compiled function, equation by equation.

    Args:
        nests: in the order of the code.
        buffers: the quantities that lie in memory.
        machine: what the code was made for.
        threads: that share it.
    """
    lines = [
        _line(task, nest, number, buffers, machine, threads)
        for number, nest in enumerate(nests, 1)
        for task in nest.tasks
    ]
    return Explanation(tuple(lines), machine, threads)


def _line(task: Task, nest: Nest, number: int, buffers: Mapping[str, Buffer], machine: Machine, threads: int) -> Line:
    flops = _flops(task, buffers)
    earlier = nest.tasks[: nest.tasks.index(task)]
    known = {made.id for made in earlier}.union(*(made.reads for made in earlier))
    moved = [id for id in task.reads - known if id in buffers] + [task.id] * (task.id in buffers)
    touched = machine.bytes * sum(buffers[id].shape[0] * buffers[id].shape[1] for id in moved)
    speed = PRODUCT_FLOPS if task.kind == "product" else MAP_FLOPS
    cost = max(flops / (speed * machine.width), touched / BYTES)
    shape = task.shape if task.kind != "sum" else task.over
    done = 1 if shape == (1, 1) else threads
    kind = task.kind if task is nest.tasks[0] else "fused"
    return Line(task.id, task.shape, kind, number, _tile(task, buffers, machine, threads), flops, touched, cost / done)


def _tile(task: Task, buffers: Mapping[str, Buffer], machine: Machine, threads: int) -> str:
    if task.operands is None:
        return "turned" if task.kind == "transpose" else "vectors"
    a, b = task.operands
    target = Buffer("", task.shape, layout_of(task.shape, machine.width), machine.width, 0)
    if prefers_dots(target, buffers[a.id], a, buffers[b.id], b):
        return "dots"
    way = tiling(target, buffers[a.id], a, buffers[b.id], b, machine, threads)
    return f"{way.down.step}×{way.sideways.step}{' packed' if way.packed else ''}"


def _flops(task: Task, buffers: Mapping[str, Buffer]) -> int:
    entries = task.shape[0] * task.shape[1]
    if task.operands is not None:
        a = task.operands[0]
        rows, columns = buffers[a.id].shape
        return 2 * entries * (rows if a.transposed else columns)
    if task.value is None:
        source = buffers[task.of].shape
        return 0 if task.kind == "transpose" else source[0] * source[1] * (FUNCTION_FLOPS + 4)
    if task.kind == "sum":
        return task.over[0] * task.over[1] * (_operations(task.value) + 1)
    return entries * _operations(task.value)


def _operations(expr: Expr) -> int:
    below = sum(_operations(child) for child in children(expr))
    match expr:
        case Name():
            return 0
        case Add() | Sub() | Mul() | Div() | Neg() | Greater() | Where():
            return below + 1
        case Power(_, exponent):
            return below + max(1, abs(exponent.numerator).bit_length())
        case Elementwise(fn):
            form = fn.stable if fn.stable is not None else fn.definition
            spelled_out = FUNCTION_FLOPS if form is None else _operations(form)
            return below + (min(FUNCTION_FLOPS, spelled_out) if fn.name in FUNCTIONS else spelled_out)
        case _:
            return below


def _short(id: str, longest: int = 24) -> str:
    return id if len(id) <= longest else f"{id[: longest - 1]}…"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    words = (0, 1, 2, 4)
    cells = enumerate(zip(row, widths, strict=True))
    return [cell.ljust(width) if column in words else cell.rjust(width) for column, (cell, width) in cells]
