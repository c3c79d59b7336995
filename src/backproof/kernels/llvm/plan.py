"""The plan of a kernel: which loop nests compute which equations, and what never leaves registers.

Every matrix product, sum and normalisation becomes an equation of its own; what is element by element joins the nest
that makes its operands, so that bias, activation, derivative mask and parameter update ride with the product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from backproof.errors import UnsupportedError
from backproof.ir.expr import (
    Broadcast,
    Expr,
    LogSumExp,
    MatMul,
    Name,
    Softmax,
    Sum,
    Transpose,
)
from backproof.ir.program import Equation
from backproof.ir.traverse import children, names, rebuilt

Kind = Literal["map", "product", "sum", "softmax", "logsumexp", "transpose", "relayout"]
Layout = Literal["rows", "columns"]
"""Which way a matrix lies in memory: ``"rows"`` one row after the other."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A factor of a product: a quantity, perhaps transposed."""

    id: str
    transposed: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One equation in the simple form that a loop nest computes.

    Args:
        id: the quantity.
        shape: of it, as integers.
        kind: ``map`` evaluates ``value`` element by element; ``product`` multiplies ``operands``; ``sum`` adds up
            ``value`` (of shape ``over``) along ``axis``; the others act on the quantity ``of``.
    """

    id: str
    shape: tuple[int, int]
    kind: Kind
    value: Expr | None = None
    operands: tuple[Operand, Operand] | None = None
    of: str = ""
    over: tuple[int, int] = (1, 1)
    axis: int | None = None

    @property
    def reads(self) -> frozenset[str]:
        """The quantities that the task needs."""
        if self.operands is not None:
            return frozenset(operand.id for operand in self.operands)
        return names(self.value) if self.value is not None else frozenset({self.of})


@dataclass(slots=True)
class Nest:
    """Tasks of one shape that share a loop nest; at most the first is a product or another non-map."""

    shape: tuple[int, int]
    tasks: list[Task] = field(default_factory=list)

    @property
    def makes(self) -> frozenset[str]:
        return frozenset(task.id for task in self.tasks)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset().union(*(task.reads for task in self.tasks)) - self.makes


def two_dimensional(shape: Sequence[object]) -> tuple[int, int]:
    """A concrete shape as rows and columns; a scalar is 1×1."""
    if not shape:
        return (1, 1)
    rows, columns = shape
    if not isinstance(rows, int) or not isinstance(columns, int):
        raise UnsupportedError(f"a kernel needs sizes for all dimensions, got {tuple(map(str, shape))}")
    return rows, columns


def tasks_of(equations: Iterable[Equation]) -> list[Task]:
    """The equations, whose dimensions are integers, in simple form."""
    return _Simplifier().run(equations)


class _Simplifier:
    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.known: dict[Expr, str] = {}
        self.count = 0

    def run(self, equations: Iterable[Equation]) -> list[Task]:
        for equation in equations:
            self._define(equation.name.id, equation.value)
        return self.tasks

    def _define(self, id: str, value: Expr) -> None:
        shape = two_dimensional(value.shape)
        match value:
            case MatMul(a, b):
                self.tasks.append(Task(id, shape, "product", operands=(self._operand(a), self._operand(b))))
            case Sum(x, axis):
                over = two_dimensional(x.shape)
                self.tasks.append(Task(id, shape, "sum", self._mapped(x), over=over, axis=axis))
            case Softmax(x, axis):
                self.tasks.append(Task(id, shape, "softmax", of=self._name(x), axis=axis))
            case LogSumExp(x, axis):
                over = two_dimensional(x.shape)
                self.tasks.append(Task(id, shape, "logsumexp", of=self._name(x), over=over, axis=axis))
            case Transpose(x):
                self.tasks.append(Task(id, shape, "transpose", of=self._name(x)))
            case _:
                self.tasks.append(Task(id, shape, "map", self._mapped(value)))

    def _mapped(self, expr: Expr) -> Expr:
        """The expression element by element over names: everything else gets a task of its own."""
        match expr:
            case MatMul() | Sum() | Softmax() | LogSumExp() | Transpose():
                return Name(self._name(expr), expr.shape)
            case _:
                return rebuilt(expr, tuple(self._mapped(child) for child in children(expr)))

    def _name(self, expr: Expr) -> str:
        if isinstance(expr, Name):
            return expr.id
        if expr not in self.known:
            id = f"#{self.count}"
            self.count += 1  # before the parts are defined, which take numbers of their own
            self._define(id, expr)
            self.known[expr] = id
        return self.known[expr]

    def _operand(self, expr: Expr) -> Operand:
        match expr:
            case Transpose(x):
                return Operand(self._name(x), True)
            case _:
                return Operand(self._name(expr), False)


def nests_of(
    tasks: Sequence[Task], last: Iterable[str] = (), moves: Mapping[str, str] = MappingProxyType({})
) -> list[Nest]:
    """The tasks in loop nests, fused where one nest can compute several.

    Args:
        tasks: in an order in which each reads only what was made before.
        last: tasks that overwrite something others read, and so come after all of them: parameter updates.
        moves: for each task that overwrites a quantity, which one.
    """
    held = frozenset(last)
    nests: list[Nest] = []
    made_in: dict[str, int] = {}
    for task in (*[t for t in tasks if t.id not in held], *[t for t in tasks if t.id in held]):
        home = _home(task, nests, made_in)
        if home is None or (task.id in moves and _still_read(moves[task.id], nests, home)):
            nests.append(Nest(task.shape))
            home = len(nests) - 1
        nests[home].tasks.append(task)
        made_in[task.id] = home
    return nests


def _home(task: Task, nests: Sequence[Nest], made_in: Mapping[str, int]) -> int | None:
    """The nest that an element-wise task can join: the latest that makes something it reads, or else the last one."""
    if task.kind != "map":
        return None
    latest = max((made_in[id] for id in task.reads if id in made_in), default=-1)
    if latest >= 0:
        nest = nests[latest]
        same_place = all(_read_in_place(task, made, nest) for made in task.reads if made_in.get(made) == latest)
        joinable = nest.tasks[0].kind in ("map", "product")
        if nest.shape == task.shape and joinable and same_place:
            return latest
    last = len(nests) - 1
    beside = last > latest and nests[last].shape == task.shape and nests[last].tasks[0].kind == "map"
    return last if beside else None


def _still_read(old: str, nests: Sequence[Nest], home: int) -> bool:
    """Whether a nest would find the quantity overwritten: a later one, or the home itself as a factor of its product.

    A product reads whole rows and columns of its factors for every tile, those that were finished before included.
    """
    return (old in nests[home].tasks[0].reads and nests[home].tasks[0].kind != "map") or any(
        old in nest.reads for nest in nests[home + 1 :]
    )


def _read_in_place(task: Task, id: str, nest: Nest) -> bool:
    """Whether the task reads the quantity at the very entry that the nest has just made."""
    return all(made.shape == task.shape for made in nest.tasks if made.id == id)


def stored(nests: Sequence[Nest], wanted: Iterable[str]) -> frozenset[str]:
    """The quantities that are read by another nest, or wanted: only these are written to memory."""
    read = (id for position, nest in enumerate(nests) for id in nest.reads)
    return frozenset(wanted) | frozenset(read)


def matrices(expr: Expr) -> Iterator[Name]:
    """The names of an element-wise expression, each with whether it is repeated shown by its shape."""
    match expr:
        case Name():
            yield expr
        case Broadcast(x):
            yield from matrices(x)
        case _:
            for child in children(expr):
                yield from matrices(child)
