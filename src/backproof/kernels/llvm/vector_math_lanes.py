"""Lanes of numbers in LLVM IR: one function's body, written operation by operation.

A `Value` stands for one SSA value, the same operation in every lane; Python's operators on it append instructions to
the `Body` that it belongs to. Plain Python numbers are constants in all lanes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from backproof.errors import SpecificationError, suggestion

DType: TypeAlias = Literal["float32", "float64"]
Kind: TypeAlias = Literal["float", "integer", "truth"]
Operand: TypeAlias = "Value | float"


@dataclass(frozen=True, slots=True)
class LaneType:
    """``width`` floats of one dtype side by side; width 1 is a scalar, not a vector.

    Example:
        >>> LaneType("float32", 16).name("float"), LaneType("float64", 1).name("integer")
        ('<16 x float>', 'i64')
    """

    dtype: DType
    width: int

    def __post_init__(self) -> None:
        if self.dtype not in get_args(DType):
            hint = suggestion(str(self.dtype), get_args(DType))
            raise SpecificationError(f"unknown dtype {self.dtype!r} for vector code; {hint}")
        if self.width < 1:
            raise SpecificationError(f"a vector of {self.width} lanes cannot be; choose a width of at least 1")

    @property
    def single(self) -> bool:
        """Whether the floats are float32."""
        return self.dtype == "float32"

    @property
    def fraction_bits(self) -> int:
        """Bits of the significand that are stored."""
        return 23 if self.single else 52

    @property
    def bytes(self) -> int:
        """Bytes of one float."""
        return 4 if self.single else 8

    @property
    def sign_place(self) -> int:
        """The place of the sign among the bits."""
        return 31 if self.single else 63

    @property
    def bias(self) -> int:
        """What the exponent field of 1.0 holds."""
        return 127 if self.single else 1023

    @property
    def suffix(self) -> str:
        """The type as intrinsics spell it: ``v16f32``, ``f64``."""
        lane = "f32" if self.single else "f64"
        return lane if self.width == 1 else f"v{self.width}{lane}"

    def name(self, kind: Kind) -> str:
        """The LLVM type of these lanes of floats, of integers as wide, or of truth values."""
        lane = self._lane(kind)
        return lane if self.width == 1 else f"<{self.width} x {lane}>"

    def _lane(self, kind: Kind) -> str:
        match kind:
            case "float":
                return "float" if self.single else "double"
            case "integer":
                return "i32" if self.single else "i64"
            case "truth":
                return "i1"

    def literal(self, number: float, kind: Kind) -> str:
        """The number in every lane; floats are first rounded to the dtype."""
        if kind == "float":
            text = f"0x{struct.unpack('>Q', struct.pack('>d', self.rounded(number)))[0]:016X}"
        else:
            text = str(self.signed(int(number)))
        return text if self.width == 1 else f"splat ({self._lane(kind)} {text})"

    def signed(self, bits: int) -> int:
        """The integer of this width, in two's complement, that has these bits."""
        whole = 1 << self.sign_place + 1
        return (bits + whole // 2) % whole - whole // 2

    def rounded(self, number: float) -> float:
        """The nearest float of the dtype."""
        return float(struct.unpack("f", struct.pack("f", number))[0]) if self.single else float(number)

    def bits(self, number: float) -> int:
        """The float's bits as an integer.

        Example:
            >>> hex(LaneType("float32", 1).bits(1.0))
            '0x3f800000'
        """
        floating, integer = self._formats
        return int(struct.unpack(integer, struct.pack(floating, number))[0])

    def number(self, bits: int) -> float:
        """The float that has these bits."""
        floating, integer = self._formats
        return float(struct.unpack(floating, struct.pack(integer, bits))[0])

    @property
    def _formats(self) -> tuple[str, str]:
        return ("f", "I") if self.single else ("d", "Q")


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One SSA value of a body."""

    body: Body
    name: str
    kind: Kind = "float"

    def __add__(self, other: Operand) -> Value:
        return self.body.arithmetic("add", self, other)

    def __radd__(self, other: float) -> Value:
        return self.body.arithmetic("add", other, self)

    def __sub__(self, other: Operand) -> Value:
        return self.body.arithmetic("sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.body.arithmetic("sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return self.body.arithmetic("mul", self, other)

    def __rmul__(self, other: float) -> Value:
        return self.body.arithmetic("mul", other, self)

    def __truediv__(self, other: Operand) -> Value:
        return self.body.arithmetic("div", self, other)

    def __rtruediv__(self, other: float) -> Value:
        return self.body.arithmetic("div", other, self)

    def __neg__(self) -> Value:
        return self.body.negative(self)

    def __and__(self, other: Operand) -> Value:
        return self.body.integer_only("and", self, other)

    def __or__(self, other: Operand) -> Value:
        return self.body.integer_only("or", self, other)

    def __xor__(self, other: Operand) -> Value:
        return self.body.integer_only("xor", self, other)

    def __lshift__(self, places: int) -> Value:
        return self.body.integer_only("shl", self, places)

    def __rshift__(self, places: int) -> Value:
        """A logical shift: zeros come in."""
        return self.body.integer_only("lshr", self, places)

    def __lt__(self, other: Operand) -> Value:
        return self.body.comparison("olt", self, other)

    def __gt__(self, other: Operand) -> Value:
        return self.body.comparison("ogt", self, other)

    def equals(self, other: Operand) -> Value:
        """Where both are the same number; a NaN is none."""
        return self.body.comparison("oeq", self, other)


class Body:
    """The instructions of a function of one argument ``%x``, in the order in which they were asked for.

    Args:
        lanes: the type of the argument and of the result.
        fused: multiply and add by one instruction with one rounding; otherwise by two.

    Example:
        >>> body = Body(LaneType("float64", 1), fused=True)
        >>> body.returns(body.x * 2.0 + 1.0)
        >>> print(body.text)
          %v1 = fmul double %x, 0x4000000000000000
          %v2 = fadd double %v1, 0x3FF0000000000000
          ret double %v2
    """

    def __init__(self, lanes: LaneType, *, fused: bool) -> None:
        self.lanes = lanes
        self.fused = fused
        self.x = Value(self, "%x")
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        """The instructions, a line each."""
        return "\n".join(self._lines)

    def returns(self, value: Value) -> None:
        """End the function with this result."""
        self._lines.append(f"  ret {self.lanes.name(value.kind)} {value.name}")

    def arithmetic(self, operation: str, a: Operand, b: Operand) -> Value:
        """+, −, ×, ÷ in every lane, of floats or of integers (which wrap round)."""
        kind = _kind_of(a, b)
        prefix = "f" if kind == "float" else ""
        return self._append(
            f"{prefix}{operation} {self.lanes.name(kind)} {self._of(a, kind)}, {self._of(b, kind)}", kind
        )

    def integer_only(self, operation: str, a: Value, b: Operand) -> Value:
        """An operation on the bits of integers."""
        if a.kind != "integer":
            raise TypeError(f"{operation} works on integers, {a.name} is {a.kind}: take its bits first")
        return self._append(f"{operation} {self.lanes.name('integer')} {a.name}, {self._of(b, 'integer')}", "integer")

    def comparison(self, predicate: str, a: Value, b: Operand) -> Value:
        """An ordered comparison of floats: false where either is NaN."""
        return self._append(f"fcmp {predicate} {self.lanes.name('float')} {a.name}, {self._of(b, 'float')}", "truth")

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        """a where the condition holds, otherwise b."""
        kind = _kind_of(a, b)
        name = self.lanes.name(kind)
        choice = f"{self.lanes.name('truth')} {condition.name}"
        return self._append(f"select {choice}, {name} {self._of(a, kind)}, {name} {self._of(b, kind)}", kind)

    def at_least(self, bound: float, x: Value) -> Value:
        """max(bound, x), NaN where x is NaN; one instruction where the machine has such a maximum."""
        return self.select(self._constant_first("ogt", bound, x), bound, x)

    def at_most(self, bound: float, x: Value) -> Value:
        """min(bound, x), NaN where x is NaN."""
        return self.select(self._constant_first("olt", bound, x), bound, x)

    def fma(self, a: Operand, b: Operand, c: Operand) -> Value:
        """a·b + c, with one rounding if fused."""
        if not self.fused:
            return self.arithmetic("add", self.arithmetic("mul", a, b), c)
        return self._intrinsic("fma", a, b, c)

    def residual(self, a: Value, b: Operand, c: Operand) -> Value:
        """a·b + c where c takes nearly all of a·b away: the product is not rounded before, fused or not."""
        if self.fused:
            return self.fma(a, b, c)
        (a_head, a_tail), (b_head, b_tail) = self._halves(a), self._halves(b)
        rest = self.fma(a_head, b_head, c)
        for x, y in ((a_head, b_tail), (a_tail, b_head), (a_tail, b_tail)):
            rest = self.fma(x, y, rest)
        return rest

    def polynomial(self, z: Value, coefficients: Sequence[float]) -> Value:
        """Σ cᵢ zⁱ by Horner's rule, the constant first."""
        *others, last = coefficients
        value: Operand = last
        for c in reversed(others):
            value = self.fma(z, value, c)
        assert isinstance(value, Value), "a polynomial of degree 0"
        return value

    def absolute(self, x: Value) -> Value:
        return self._intrinsic("fabs", x)

    def square_root(self, x: Value) -> Value:
        return self._intrinsic("sqrt", x)

    def negative(self, x: Value) -> Value:
        return self._append(f"fneg {self.lanes.name('float')} {x.name}", "float")

    def bits(self, x: Value) -> Value:
        """The bits of floats, as integers."""
        return self._cast(x, "float", "integer")

    def from_bits(self, bits: Value) -> Value:
        """The floats that have these bits."""
        return self._cast(bits, "integer", "float")

    def odd(self, integer: Value) -> Value:
        """Where the last bit is 1."""
        source, target = self.lanes.name("integer"), self.lanes.name("truth")
        return self._append(f"trunc {source} {integer.name} to {target}", "truth")

    def sign_bit(self, x: Value) -> Value:
        """The bits of +0 or −0, by the sign of x."""
        return self.bits(x) & self.lanes.bits(-0.0)

    def with_sign(self, magnitude: Value, sign_bit: Value) -> Value:
        """The magnitude, whose sign is + or the same already, with the sign of that bit."""
        return self.from_bits(self.bits(magnitude) | sign_bit)

    def _halves(self, operand: Operand) -> tuple[Operand, Operand]:
        """Two numbers with half the bits each, whose products are exact, and whose sum is the operand."""
        mask = -(1 << (self.lanes.fraction_bits + 2) // 2)
        if isinstance(operand, Value):
            head = self.from_bits(self.bits(operand) & mask)
            return head, operand - head
        constant = self.lanes.number(self.lanes.bits(operand) & mask)
        return constant, self.lanes.rounded(operand) - constant

    def _constant_first(self, predicate: str, bound: float, x: Value) -> Value:
        name = self.lanes.name("float")
        return self._append(f"fcmp {predicate} {name} {self._of(bound, 'float')}, {x.name}", "truth")

    def _intrinsic(self, function: str, *arguments: Operand) -> Value:
        name = self.lanes.name("float")
        given = ", ".join(f"{name} {self._of(a, 'float')}" for a in arguments)
        return self._append(f"call {name} @llvm.{function}.{self.lanes.suffix}({given})", "float")

    def _cast(self, value: Value, source: Kind, target: Kind) -> Value:
        return self._append(f"bitcast {self.lanes.name(source)} {value.name} to {self.lanes.name(target)}", target)

    def _of(self, operand: Operand, kind: Kind) -> str:
        return operand.name if isinstance(operand, Value) else self.lanes.literal(operand, kind)

    def _append(self, instruction: str, kind: Kind) -> Value:
        name = f"%v{len(self._lines) + 1}"
        self._lines.append(f"  {name} = {instruction}")
        return Value(self, name, kind)


def _kind_of(a: Operand, b: Operand) -> Kind:
    """The kind of the operands that are not constants; floats where both are."""
    kinds = {operand.kind for operand in (a, b) if isinstance(operand, Value)}
    if len(kinds) > 1:
        raise TypeError(f"one operation on lanes of different kinds: {', '.join(sorted(kinds))}")
    return kinds.pop() if kinds else "float"
