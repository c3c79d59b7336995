"""Random numbers of ``ir.random`` in machine code: every vector by itself, from where it stands."""

from __future__ import annotations

from backproof.ir.random import BITS, COLUMN, FACTORS, ROW, SHIFTS
from backproof.kernels.llvm.code import Code, Counter
from backproof.kernels.llvm.memory import Buffer
from backproof.kernels.llvm.nests import Emitter


def draw(emitter: Emitter, buffer: Buffer, key: str) -> None:
    """Fill the buffer with the numbers that ``ir.random.uniform`` gives for a key."""
    code = emitter.code
    words = Words(code)
    start, rows = words.splat(key), buffer.layout == "rows"

    def line(major: Counter) -> None:
        def chunk(minor: Counter, lanes: int) -> None:
            along, across = words.counted(minor), words.splat(words.truncated(major))
            row, column = (across, along) if rows else (along, across)
            mixed = words.mixed(words.plus(words.times(row, ROW), start))
            mixed = words.mixed(words.plus(mixed, words.times(column, COLUMN)))
            offset = code.plus(code.times(major, buffer.stride), minor)
            code.store(code.first(lanes, words.fraction(mixed)), buffer.base, offset, vector=True)

        emitter.chunks(buffer, chunk)

    code.shared(buffer.major, line)


class Words:
    """Vectors of 32-bit words, as many as a vector has scalars."""

    def __init__(self, code: Code) -> None:
        self._code, self._width = code, code.machine.width
        self._type = "i32" if self._width == 1 else f"<{self._width} x i32>"

    def _constant(self, value: int) -> str:
        signed = value - 2**32 if value >= 2**31 else value
        return str(signed) if self._width == 1 else f"<{', '.join([f'i32 {signed}'] * self._width)}>"

    def splat(self, word: str) -> str:
        """The word in every place."""
        if self._width == 1:
            return word
        first = self._code.put(f"insertelement {self._type} poison, i32 {word}, i32 0")
        return self._code.put(
            f"shufflevector {self._type} {first}, {self._type} poison, <{self._width} x i32> zeroinitializer"
        )

    def truncated(self, counter: Counter) -> str:
        """A counter as a word."""
        if isinstance(counter, int):
            return str(counter)
        return self._code.put(f"trunc i64 {counter} to i32")

    def counted(self, start: Counter) -> str:
        """start, start + 1, …"""
        first = self.splat(self.truncated(start))
        if self._width == 1:
            return first
        places = f"<{', '.join(f'i32 {k}' for k in range(self._width))}>"
        return self._code.put(f"add {self._type} {first}, {places}")

    def plus(self, a: str, b: str) -> str:
        return self._code.put(f"add {self._type} {a}, {b}")

    def times(self, a: str, factor: int) -> str:
        return self._code.put(f"mul {self._type} {a}, {self._constant(factor)}")

    def mixed(self, x: str) -> str:
        """As ``ir.random.mixed``."""
        for shift, factor in zip(SHIFTS, (*FACTORS, None), strict=True):
            moved = self._code.put(f"lshr {self._type} {x}, {self._constant(shift)}")
            x = self._code.put(f"xor {self._type} {x}, {moved}")
            if factor is not None:
                x = self.times(x, factor)
        return x

    def fraction(self, x: str) -> str:
        """The highest bits as a number from 0 to 1."""
        vector, machine = self._code.machine.vector, self._code.machine
        high = self._code.put(f"lshr {self._type} {x}, {self._constant(32 - BITS)}")
        number = self._code.put(f"uitofp {self._type} {high} to {vector}")
        unit = machine.literal(2.0**-BITS)
        scale = unit if self._width == 1 else f"<{', '.join([f'{machine.scalar} {unit}'] * self._width)}>"
        return self._code.binary("fmul", number, scale)
