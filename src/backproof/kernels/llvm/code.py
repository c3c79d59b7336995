"""Writing LLVM IR: one function as lines of text, with typed values, addresses and counted loops."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Counter = str | int
"""An index: an SSA value of type i64, or a number known now."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the code is written for.

    Args:
        scalar: ``"float"`` or ``"double"``.
        width: scalars in a vector.
        registers: vector registers.
        fused: whether it multiplies and adds in one instruction; where it does not, LLVM would call a slow function.
        near: bytes of the cache nearest to a core.
        far: bytes of the next one, a core's own or its share.
    """

    scalar: str
    width: int
    registers: int
    fused: bool = True
    near: int = 32 * 1024
    far: int = 512 * 1024

    @property
    def vector(self) -> str:
        """The vector type."""
        return self.scalar if self.width == 1 else f"<{self.width} x {self.scalar}>"

    @property
    def suffix(self) -> str:
        """How intrinsics name the vector type: ``v16f32``."""
        bits = "f32" if self.scalar == "float" else "f64"
        return bits if self.width == 1 else f"v{self.width}{bits}"

    @property
    def bytes(self) -> int:
        """The size of a scalar."""
        return 4 if self.scalar == "float" else 8

    def literal(self, value: float | Fraction) -> str:
        """A number as a scalar literal, exact in the type."""
        number = value.numerator / value.denominator if isinstance(value, Fraction) else float(value)
        if self.scalar == "float":
            number = ctypes.c_float(number).value  # infinite where it is too large; struct would refuse it
        return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


class Code:
    """The body of one function, line by line.

    Args:
        machine: the types.
        unroll: whether counted loops are written out: for networks so small that everything fits into registers.
        threads: how many threads run the function at once, each with a number ``%thread`` from 0.
    """

    def __init__(self, machine: Machine, *, unroll: bool = False, threads: int = 1) -> None:
        self.machine = machine
        self.unroll = unroll
        self.threads = threads
        self.lines: list[str] = []
        self.intrinsics: dict[str, None] = {}
        self.barriers = 0
        self._count = 0

    # --- values -------------------------------------------------------------------------------------------------

    def fresh(self, stem: str = "v") -> str:
        """A name that is not in use."""
        self._count += 1
        return f"%{stem}{self._count}"

    def put(self, operation: str) -> str:
        """The result of an operation."""
        name = self.fresh()
        self.lines.append(f"  {name} = {operation}")
        return name

    def do(self, operation: str) -> None:
        """An operation without a result."""
        self.lines.append(f"  {operation}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def call(self, name: str, type: str, arguments: Sequence[tuple[str, str]], *, flags: str = "") -> str:
        """A call of an intrinsic, which is declared."""
        kinds = ", ".join(kind for kind, _ in arguments)
        self.intrinsics[f"declare {type} @{name}({kinds})"] = None
        given = ", ".join(f"{kind} {value}" for kind, value in arguments)
        return self.put(f"call {flags}{type} @{name}({given})")

    # --- integers -----------------------------------------------------------------------------------------------

    def plus(self, a: Counter, b: Counter) -> Counter:
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0 or b == 0:
            return b if a == 0 else a
        return self.put(f"add nuw nsw i64 {a}, {b}")

    def times(self, a: Counter, b: int) -> Counter:
        if isinstance(a, int):
            return a * b
        return a if b == 1 else 0 if b == 0 else self.put(f"mul nuw nsw i64 {a}, {b}")

    def minus(self, a: Counter, b: Counter) -> Counter:
        """The distance from b to a, which is no smaller."""
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        return a if b == 0 else 0 if a == b else self.put(f"sub nuw nsw i64 {a}, {b}")

    def loop(self, count: int, body: Callable[[Counter], None], *, step: int = 1) -> None:
        """``body`` for 0, step, … below count."""
        if count <= 0:
            return
        if self.unroll or count <= step:
            for position in range(0, count, step):
                body(position)
            return
        self.open_loop(str(count), body, step=step)

    def shared(self, count: int, body: Callable[[Counter], None], *, step: int = 1) -> None:
        """A loop whose rounds are independent of each other, cut into one piece per thread.

        Which thread runs a round changes nothing in it, so the result does not depend on the number of threads.
        """
        if self.threads == 1 or count <= 0:
            self.loop(count, body, step=step)
            return
        start, last = self.share(-(-count // step), self.threads, "%thread")
        self.between(self.times(start, step), self.least(self.times(last, step), count), body, step=step)

    def share(self, rounds: int, parts: int, part: Counter) -> tuple[Counter, Counter]:
        """Where one of several equal pieces of a range begins and ends; the last ones may be shorter or empty."""
        if parts == 1:
            return 0, rounds
        size = -(-rounds // parts)
        start = self.least(self.times(part, size), rounds)
        return start, self.least(self.plus(start, size), rounds)

    def least(self, a: Counter, b: Counter) -> Counter:
        """The smaller of two counters."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.call("llvm.smin.i64", "i64", [("i64", str(a)), ("i64", str(b))])

    def greatest(self, a: Counter, b: Counter) -> Counter:
        """The larger of two counters."""
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.call("llvm.smax.i64", "i64", [("i64", str(a)), ("i64", str(b))])

    def between(self, start: Counter, last: Counter, body: Callable[[Counter], None], *, step: int = 1) -> None:
        """``body`` for start, start + step, … below last; never, where there is none."""
        if isinstance(start, int) and isinstance(last, int) and (self.unroll or last - start <= step):
            for position in range(start, last, step):
                body(position)
            return
        self._count += 1
        tag = self._count
        enter, head, end, after = (f"{part}{tag}" for part in ("enter", "head", "end", "after"))
        some = self.put(f"icmp slt i64 {start}, {last}")
        self.do(f"br i1 {some}, label %{enter}, label %{after}")
        self.label(enter)
        self.do(f"br label %{head}")
        self.label(head)
        index, following = f"%i{tag}", f"%n{tag}"
        self.do(f"{index} = phi i64 [{start}, %{enter}], [{following}, %{end}]")
        body(index)
        self.do(f"br label %{end}")
        self.label(end)
        self.do(f"{following} = add nuw nsw i64 {index}, {step}")
        again = self.put(f"icmp slt i64 {following}, {last}")
        self.do(f"br i1 {again}, label %{head}, label %{after}")
        self.label(after)

    def alone(self, body: Callable[[], None]) -> None:
        """What one thread does for all."""
        if self.threads == 1:
            body()
            return
        self._count += 1
        tag = self._count
        first = self.put("icmp eq i64 %thread, 0")
        self.do(f"br i1 {first}, label %alone{tag}, label %others{tag}")
        self.label(f"alone{tag}")
        body()
        self.do(f"br label %others{tag}")
        self.label(f"others{tag}")

    def barrier(self) -> None:
        """Wait until every thread is here: what one has written the others may read from now on."""
        self.barriers += 1
        if self.threads > 1:
            self.do(f"call void @wait(ptr %barrier, i32 {self.threads})")

    def open_loop(self, count: str, body: Callable[[str], None], *, step: int = 1) -> None:
        """A loop to a count that is known only when it runs, and at least one."""
        self._count += 1
        tag = self._count
        before, head, end, after = (f"{part}{tag}" for part in ("before", "head", "end", "after"))
        self.do(f"br label %{before}")
        self.label(before)
        self.do(f"br label %{head}")
        self.label(head)
        index, following = f"%i{tag}", f"%n{tag}"
        self.do(f"{index} = phi i64 [0, %{before}], [{following}, %{end}]")
        body(index)
        self.do(f"br label %{end}")
        self.label(end)
        self.do(f"{following} = add nuw nsw i64 {index}, {step}")
        again = self.put(f"icmp slt i64 {following}, {count}")
        self.do(f"br i1 {again}, label %{head}, label %{after}")
        self.label(after)

    def accumulate(
        self, count: int, start: Sequence[str], type: str, body: Callable[[Counter, Sequence[str]], Sequence[str]]
    ) -> list[str]:
        """Values carried through a counted loop: ``body`` gives the next ones."""
        if self.unroll or count == 1:
            values = list(start)
            for position in range(count):
                values = list(body(position, values))
            return values
        self._count += 1
        tag = self._count
        before, head, end, after = (f"{part}{tag}" for part in ("before", "head", "end", "after"))
        self.do(f"br label %{before}")
        self.label(before)
        self.do(f"br label %{head}")
        self.label(head)
        index, following = f"%i{tag}", f"%n{tag}"
        carried = [f"%c{tag}_{k}" for k in range(len(start))]
        place = len(self.lines)
        self.do(f"{index} = phi i64 [0, %{before}], [{following}, %{end}]")
        found = list(body(index, carried))
        phis = [
            f"  {name} = phi {type} [{first}, %{before}], [{last}, %{end}]"
            for name, first, last in zip(carried, start, found, strict=True)
        ]
        self.lines[place + 1 : place + 1] = phis
        self.do(f"br label %{end}")
        self.label(end)
        self.do(f"{following} = add nuw nsw i64 {index}, 1")
        again = self.put(f"icmp slt i64 {following}, {count}")
        self.do(f"br i1 {again}, label %{head}, label %{after}")
        self.label(after)
        return found

    # --- memory -------------------------------------------------------------------------------------------------

    def address(self, base: str, offset: Counter, type: str = "") -> str:
        """The address of an element."""
        if offset == 0:
            return base
        return self.put(f"getelementptr inbounds {type or self.machine.scalar}, ptr {base}, i64 {offset}")

    def load(self, base: str, offset: Counter, *, vector: bool, type: str = "") -> str:
        kind = type or (self.machine.vector if vector else self.machine.scalar)
        address = self.address(base, offset, type)
        return self.put(f"load {kind}, ptr {address}, align {8 if type else self.machine.bytes}")

    def store(self, value: str, base: str, offset: Counter, *, vector: bool) -> None:
        kind = self.machine.vector if vector else self.machine.scalar
        self.do(f"store {kind} {value}, ptr {self.address(base, offset)}, align {self.machine.bytes}")

    def move(self, goal: str, to: Counter, origin: str, start: Counter, scalars: int) -> None:
        """Copy a few neighbours through registers, in pieces of powers of two."""
        done = 0
        while done < scalars:
            size = 1 << (scalars - done).bit_length() - 1
            kind = self.machine.scalar if size == 1 else f"<{size} x {self.machine.scalar}>"
            source, sink = self.address(origin, self.plus(start, done)), self.address(goal, self.plus(to, done))
            value = self.put(f"load {kind}, ptr {source}, align {self.machine.bytes}")
            self.do(f"store {kind} {value}, ptr {sink}, align {self.machine.bytes}")
            done += size

    def prefetch(self, base: str, offset: Counter) -> None:
        """Ask for what will be read and written soon."""
        self.intrinsics["declare void @llvm.prefetch.p0(ptr, i32, i32, i32)"] = None
        self.do(f"call void @llvm.prefetch.p0(ptr {self.address(base, offset)}, i32 0, i32 3, i32 1)")

    def copy(self, goal: str, origin: str, scalars: int) -> None:
        """Copy neighbours."""
        self.intrinsics["declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"] = None
        size = scalars * self.machine.bytes
        self.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {goal}, ptr {origin}, i64 {size}, i1 false)")

    def either(self, test: str, a: Callable[[], None], b: Callable[[], None]) -> None:
        """The first where the test holds, otherwise the second."""
        self._count += 1
        tag = self._count
        self.do(f"br i1 {test}, label %then{tag}, label %else{tag}")
        self.label(f"then{tag}")
        a()
        self.do(f"br label %either{tag}")
        self.label(f"else{tag}")
        b()
        self.do(f"br label %either{tag}")
        self.label(f"either{tag}")

    # --- vectors ------------------------------------------------------------------------------------------------

    def splat(self, scalar: str) -> str:
        """A scalar in every place of a vector."""
        m = self.machine
        if m.width == 1:
            return scalar
        one = self.put(f"insertelement {m.vector} poison, {m.scalar} {scalar}, i32 0")
        return self.put(f"shufflevector {m.vector} {one}, {m.vector} poison, <{m.width} x i32> zeroinitializer")

    def constant(self, value: float | Fraction) -> str:
        """A number in every place of a vector, as a literal."""
        m = self.machine
        scalar = m.literal(value)
        if m.width == 1:
            return scalar
        return "<" + ", ".join(f"{m.scalar} {scalar}" for _ in range(m.width)) + ">"

    def first(self, lanes: int, value: str) -> str:
        """The value with zero in all but the first lanes."""
        m = self.machine
        if lanes >= m.width:
            return value
        return self.put(f"select <{m.width} x i1> {self.mask(lanes)}, {m.vector} {value}, {m.vector} zeroinitializer")

    def mask(self, lanes: int) -> str:
        """True in the first lanes, as a literal."""
        return "<" + ", ".join(f"i1 {'true' if k < lanes else 'false'}" for k in range(self.machine.width)) + ">"

    @property
    def nothing(self) -> str:
        """What sums begin with: −0, whose addition goes away, where loops are written out; elsewhere +0 is cheaper."""
        return self.constant(-0.0) if self.unroll else self.zero

    @property
    def zero(self) -> str:
        return "zeroinitializer" if self.machine.width > 1 else self.machine.literal(0.0)

    def binary(self, operation: str, a: str, b: str) -> str:
        return self.put(f"{operation} {self.machine.vector} {a}, {b}")

    def fma(self, a: str, b: str, c: str) -> str:
        """a · b + c, rounded once where the machine can."""
        v = self.machine.vector
        if not self.machine.fused:
            return self.binary("fadd", self.binary("fmul", a, b), c)
        return self.call(f"llvm.fma.{self.machine.suffix}", v, [(v, a), (v, b), (v, c)])

    def total(self, vector: str) -> str:
        """The sum of the vector's entries, in an order of the machine's choice."""
        m = self.machine
        if m.width == 1:
            return vector
        name = f"llvm.vector.reduce.fadd.{m.suffix}"
        return self.call(name, m.scalar, [(m.scalar, m.literal(-0.0)), (m.vector, vector)], flags="reassoc ")

    def text(self) -> Iterable[str]:
        return self.lines
