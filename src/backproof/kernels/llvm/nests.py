"""Element-wise loop nests: expressions evaluated vector by vector, results kept in registers for the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from backproof.errors import UnsupportedError
from backproof.ir.expr import (
    Add,
    Broadcast,
    Const,
    Div,
    Elementwise,
    Expr,
    Function,
    Greater,
    Mul,
    Name,
    Neg,
    Pi,
    Power,
    Sub,
    Where,
)
from backproof.kernels.llvm.code import Code, Counter
from backproof.kernels.llvm.memory import Buffer, Workspace, layout_of
from backproof.kernels.llvm.plan import Layout, Task, matrices, two_dimensional
from backproof.kernels.llvm.vector_math import FUNCTIONS, VectorMath

PI = Fraction("3.14159265358979323846264338327950288")
Values = dict[str, str]


@dataclass(slots=True)
class Place:
    """Where a nest stands: a line, a vector in it, and how many of the vector's entries are real."""

    line: Counter
    minor: Counter
    lanes: int


@dataclass
class Emitter:
    """Writes nests into one function.

    Args:
        code: the function.
        space: where quantities lie.
        stored: the quantities that are written to memory.
        maths: vector functions; notes which are used.
    """

    code: Code
    space: Workspace
    stored: frozenset[str]
    maths: VectorMath
    functions: set[str] = field(default_factory=set)
    aliases: Mapping[str, str] = field(default_factory=dict)
    turned: set[str] = field(default_factory=set)

    def buffer(self, id: str, shape: tuple[int, int] = (0, 0), layout: Layout | None = None) -> Buffer:
        return self.space.buffer(self.aliases.get(id, id), shape, layout)

    def map_nest(self, shape: tuple[int, int], tasks: Sequence[Task]) -> None:
        target = self.target(shape)
        constants = self.scalars(tasks)

        def line(major: Counter) -> None:
            self.chunks(
                target, lambda minor, lanes: self.maps(tasks, target, Place(major, minor, lanes), dict(constants))
            )

        self.code.shared(target.major, line)

    def target(self, shape: tuple[int, int]) -> Buffer:
        """A stand-in for any quantity of the shape: its layout and its sides."""
        return Buffer("", shape, layout_of(shape, self.space.width), self.space.width, 0)

    def chunks(self, target: Buffer, body: Callable[[Counter, int], None], *, shared: bool = False) -> None:
        """The vectors of one line, the last perhaps in part."""
        width = self.space.width
        whole = target.minor - target.minor % width
        repeat = self.code.shared if shared else self.code.loop
        repeat(whole, lambda minor: body(minor, width), step=width)
        if target.minor % width:
            rest = target.minor % width
            self.code.alone(lambda: body(whole, rest)) if shared else body(whole, rest)

    def scalars(self, tasks: Iterable[Task]) -> Values:
        """The scalars that the tasks read, loaded once before their loops."""
        found: Values = {}
        made = {task.id for task in tasks}
        for task in tasks:
            for name in matrices(task.value) if task.value is not None else ():
                scalar = two_dimensional(name.shape) == (1, 1) and task.shape != (1, 1)
                if scalar and name.id not in made and name.id not in found:
                    buffer = self.buffer(name.id, (1, 1))
                    found[name.id] = self.code.splat(self.code.load(buffer.base, 0, vector=False))
        return found

    def maps(self, tasks: Sequence[Task], target: Buffer, place: Place, values: Values) -> None:
        """The tasks at one place; what was made stays in registers for the next."""
        for name in self._read_after_overwritten(tasks):
            values[name.id] = self._load(name, target, place)
        for task in tasks:
            if task.value is not None:
                values[task.id] = self.evaluate(task.value, target, place, values)
            if task.id in self.stored:
                buffer = self.buffer(task.id, task.shape)
                offset = self.code.plus(self.code.times(place.line, buffer.stride), place.minor)
                self.code.store(self.code.first(place.lanes, values[task.id]), buffer.base, offset, vector=True)

    def _read_after_overwritten(self, tasks: Sequence[Task]) -> list[Name]:
        """Quantities that a task overwrites before another reads them for the first time: what they were is meant."""
        found: list[Name] = []
        read: set[str] = set()
        overwritten: set[str] = set()
        for task in tasks:
            names = {name.id: name for name in matrices(task.value)} if task.value is not None else {}
            found += [name for id, name in names.items() if id in overwritten and id not in read]
            read |= set(names)
            overwritten |= {self.aliases[task.id]} if task.id in self.aliases else set()
        return found

    def evaluate(self, expr: Expr, target: Buffer, place: Place, values: Values) -> str:
        """The vector of an element-wise expression at a place."""
        code = self.code

        def go(node: Expr) -> str:
            match node:
                case Name(id):
                    if id not in values:
                        values[id] = self._load(node, target, place)
                    return values[id]
                case Const(value):
                    return code.constant(value)
                case Pi():
                    return code.constant(PI)
                case Broadcast(x):
                    return go(x)
                case Add(a, b):
                    return code.binary("fadd contract", go(a), go(b))
                case Sub(a, b):
                    return code.binary("fsub contract", go(a), go(b))
                case Mul(a, b):
                    return code.binary("fmul contract", go(a), go(b))
                case Div(a, b):
                    return code.binary("fdiv", go(a), go(b))
                case Neg(x):
                    return code.put(f"fneg {code.machine.vector} {go(x)}")
                case Power(x, exponent):
                    return self._power(go(x), exponent)
                case Greater(a, b):
                    return self.chosen(self._greater(go(a), go(b)), code.constant(1), code.zero)
                case Where(Greater(a, b), x, y):
                    return self.chosen(self._greater(go(a), go(b)), go(x), go(y))
                case Where(condition, x, y):
                    test = code.put(f"fcmp une {code.machine.vector} {go(condition)}, {code.zero}")
                    return self.chosen(test, go(x), go(y))
                case Elementwise(fn, x):
                    return self._function(fn, go(x), target, place)
                case _:
                    raise UnsupportedError(f"{type(node).__name__} cannot stand in an element-wise loop nest")

        return go(expr)

    def _load(self, name: Name, target: Buffer, place: Place) -> str:
        """A quantity of the nest's shape at the place; a row, a column or a scalar repeated."""
        code, shape = self.code, two_dimensional(name.shape)
        buffer = self.buffer(name.id, shape)
        if shape == target.shape:
            offset = code.plus(code.times(place.line, buffer.stride), place.minor)
            return code.load(buffer.base, offset, vector=True)
        if shape == (1, 1):
            return code.splat(code.load(buffer.base, 0, vector=False))
        along_minor = (shape[0] == 1) == (target.layout == "rows")
        if along_minor:
            return code.load(buffer.base, place.minor, vector=True)
        return code.splat(code.load(buffer.base, place.line, vector=False))

    def _greater(self, a: str, b: str) -> str:
        return self.code.put(f"fcmp ogt {self.code.machine.vector} {a}, {b}")

    def chosen(self, test: str, a: str, b: str) -> str:
        m = self.code.machine
        bits = "i1" if m.width == 1 else f"<{m.width} x i1>"
        return self.code.put(f"select {bits} {test}, {m.vector} {a}, {m.vector} {b}")

    def _power(self, x: str, exponent: Fraction) -> str:
        code = self.code
        if exponent < 0:
            return code.binary("fdiv", code.constant(1), self._power(x, -exponent))
        if exponent == Fraction(1, 2):
            return code.call(f"llvm.sqrt.{code.machine.suffix}", code.machine.vector, [(code.machine.vector, x)])
        if exponent.denominator == 2:
            root = self._power(x, Fraction(1, 2))
            return code.binary("fmul", self._power(x, exponent - Fraction(1, 2)), root) if exponent > 1 else root
        if exponent.denominator != 1:
            raise UnsupportedError(f"the exponent {exponent} is not compiled yet; use the backend 'numpy'")
        result, base, left = "", x, int(exponent)
        while left:
            if left & 1:
                result = base if not result else code.binary("fmul", result, base)
            left >>= 1
            if left:
                base = code.binary("fmul", base, base)
        return result or code.constant(1)

    def _function(self, fn: Function, x: str, target: Buffer, place: Place) -> str:
        """f(x): as a vector function where there is one, otherwise by its stable form or definition."""
        code = self.code
        if fn.name in FUNCTIONS:
            self.functions.add(fn.name)
            return code.put(f"call {code.machine.vector} {self.maths.name(fn.name)}({code.machine.vector} {x})")
        form = fn.stable if fn.stable is not None else fn.definition
        if form is None:
            raise UnsupportedError(f"the function {fn.name!r} is not compiled yet; use the backend 'numpy'")
        return self.evaluate(form, target, place, {"x": x})
