"""How operations are spelt in JavaScript: one table, a row for every kind; an entry at a place, or a loop for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from backproof.dims import SCALAR, Dim, Shape
from backproof.emit.spelling import Level, Text
from backproof.ir.expr import Function
from backproof.ir.lowering import Kind, Operation, python_number

INDICES = ("i", "j", "k", "l", "m", "o", "p")
"""Loop variables, from the outermost."""
OWN = "\0"
"""Before the name of an array that a function made itself, where quantities' identifiers stand."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is wanted: row and column as texts, and the lines that may be written before it.

    Args:
        row, column: the indices as texts; ``flat`` is the index into all entries where rows do not matter.
        shape: what the loops around the place run over.
        inside: lines within these loops.
        outside: lines before them.
        depth: how many loop variables are taken.
    """

    row: str
    column: str
    shape: Shape
    inside: list[str]
    outside: list[str]
    depth: int = 0
    flat: str | None = None


class Loops(Protocol):
    """What the table asks for: names, and values that need loops of their own."""

    def quantity(self, id: str) -> str: ...
    def size(self, dim: Dim) -> str: ...
    def fresh(self, wanted: str) -> str: ...
    def call(self, fn: Function, argument: str) -> Text: ...
    def helper(self, name: str) -> str: ...
    def entry(self, operation: Operation, at: Place) -> Text: ...
    def array(self, operation: Operation, outside: list[str]) -> str: ...


Row = Callable[[Loops, Operation, Place], Text]


def position(array: str, shape: Shape, row: str, column: str, size: Callable[[Dim], str]) -> Text:
    """The entry of an array that holds a matrix row by row; a single row or column repeats.

    Example:
        >>> str(position("W", (3, 2), "k", "j", str)), str(position("b", (1, 2), "i", "j", str))
        ('W[k * 2 + j]', 'b[j]')
    """
    if shape == SCALAR:
        return Text(f"{array}[0]")
    rows, columns = shape
    parts = [] if rows == 1 or row == "0" else [row if columns == 1 else f"{row} * {size(columns)}"]
    parts += [] if columns == 1 or column == "0" else [column]
    return Text(f"{array}[{' + '.join(parts) or '0'}]")


def loop(variable: str, size: str, body: list[str]) -> list[str]:
    """A loop over an index; none where there is only one."""
    if size == "1":
        return body
    opening = f"for (let {variable} = 0; {variable} < {size}; {variable}++)"
    if len(body) == 1 and not body[0].startswith(("for", "let", "const")):
        return [f"{opening} {body[0]}"]
    return [f"{opening} {{", *("  " + line for line in body), "}"]


# --- rows: entries of operands, put together ----------------------------------------------------------------------


def _operands(spell: Callable[..., Text]) -> Row:
    """The operation of the operands' entries at the same place."""
    return lambda w, o, at: spell(w, o, *(w.entry(operand, at) for operand in o.operands))


def _infix(sign: str, level: Level) -> Row:
    right = Level(level + 1)
    return _operands(lambda w, o, a, b: Text(f"{a.within(level)}{sign}{b.within(right)}", level))


def _as_number(operand: Operation, text: Text) -> Text:
    """True and false as 1 and 0."""
    return Text(f"({text} ? 1 : 0)") if operand.kind in ("greater", "nonzero") else text


def _product(w: Loops, o: Operation, a: Text, b: Text) -> Text:
    first, second = (_as_number(operand, text) for operand, text in zip(o.operands, (a, b), strict=True))
    return Text(f"{first.within(Level.PRODUCT)} * {second.within(Level.SIGN)}", Level.PRODUCT)


def number(value: object) -> Text:
    """A rational as JavaScript writes it: the nearest float.

    Example:
        >>> from fractions import Fraction
        >>> str(number(Fraction(1, 2))), str(number(Fraction(-3)))
        ('0.5', '-3')
    """
    found = python_number(value)
    return Text(repr(found), Level.SIGN if found < 0 else Level.ATOM)


def _power(w: Loops, o: Operation, x: Text) -> Text:
    exponent = python_number(o.detail)
    if exponent == 2:
        return Text(f"{w.helper('square')}({x})")
    return Text(f"{x.within(Level.ATOM)} ** {exponent!r}" if exponent >= 0 else f"Math.pow({x}, {exponent!r})")


def _comparison(sign: str) -> Callable[..., Text]:
    return lambda w, o, a, b: Text(f"{a.within(Level.SUM)} {sign} {b.within(Level.SUM)}", Level.COMPARISON)


def _where(w: Loops, o: Operation, condition: Text, a: Text, b: Text) -> Text:
    return Text(f"({condition} ? {a} : {b})")


def _size(w: Loops, o: Operation, at: Place) -> Text:
    dim: Any = o.detail
    return Text(w.size(dim))


def _read(w: Loops, o: Operation, at: Place) -> Text:
    array = w.quantity(str(o.detail))
    if at.flat is not None and o.shape == at.shape != SCALAR:
        return Text(f"{array}[{at.flat}]")
    return position(array, o.shape, at.row, at.column, w.size)


def _entry(w: Loops, o: Operation, at: Place) -> Text:
    detail: Any = o.detail
    row, column = detail
    [base] = o.operands
    return position(w.quantity(str(base.detail)), base.shape, str(row), str(column), w.size)


# --- rows: what needs a loop of its own ---------------------------------------------------------------------------


def _transpose(w: Loops, o: Operation, at: Place) -> Text:
    [x] = o.operands
    return w.entry(x, turned(at, x.shape))


def turned(at: Place, shape: Shape) -> Place:
    """The place with row and column exchanged."""
    return Place(at.column, at.row, shape, at.inside, at.outside, at.depth)


def _summed(w: Loops, lines: list[str], terms: Callable[[list[str]], tuple[str, list[tuple[str, str]]]]) -> Text:
    """A sum in a variable of its own; the terms and their loops are what ``terms`` says."""
    total, body = w.fresh("s"), list[str]()
    term, loops = terms(body)
    written = [*body, f"{total} += {term};"]
    for variable, size in reversed(loops):
        written = loop(variable, size, written)
    lines += [f"let {total} = 0;", *written]
    return Text(total)


def _matmul(w: Loops, o: Operation, at: Place) -> Text:
    if o.shape != at.shape:
        return _stored(w, o, at)
    a, b = (_held(w, operand, at.outside) for operand in o.operands)
    k = INDICES[at.depth]
    inner = a.shape[1]

    def product(body: list[str]) -> Text:
        left = w.entry(a, Place(at.row, k, a.shape, body, at.outside, at.depth + 1))
        right = w.entry(b, Place(k, at.column, b.shape, body, at.outside, at.depth + 1))
        return Text(f"{left.within(Level.PRODUCT)} * {right.within(Level.SIGN)}", Level.PRODUCT)

    if inner == 1:
        return product(at.inside)
    return _summed(w, at.inside, lambda body: (str(product(body)), [(k, w.size(inner))]))


def _held(w: Loops, operand: Operation, outside: list[str]) -> Operation:
    """The operand where its entries are at hand; otherwise all of them are stored first."""
    if is_at_hand(operand):
        return operand
    return Operation("read", shape=operand.shape, detail=OWN + w.array(operand, outside))


def is_at_hand(operation: Operation) -> bool:
    """Whether an entry costs no more than to read it."""
    if operation.kind in ("transpose", "repeat"):
        return is_at_hand(operation.operands[0])
    return operation.static or operation.kind == "read"


def _sum(w: Loops, o: Operation, at: Place) -> Text:
    [x] = o.operands
    if o.detail is None:
        return _total(w, x, at)
    if o.shape != at.shape:
        return _stored(w, o, at)
    k = INDICES[at.depth]
    row, column, size = (k, at.column, x.shape[0]) if o.detail == 0 else (at.row, k, x.shape[1])

    def terms(body: list[str]) -> tuple[str, list[tuple[str, str]]]:
        return str(w.entry(x, Place(row, column, x.shape, body, at.outside, at.depth + 1))), [(k, w.size(size))]

    return _summed(w, at.inside, terms)


def _total(w: Loops, x: Operation, at: Place) -> Text:
    """The sum of all entries: one number, found before the loops around it."""
    i, j = INDICES[:2]
    before: list[str] = []

    def terms(body: list[str]) -> tuple[str, list[tuple[str, str]]]:
        if is_flat(x, x.shape):
            count = _count(w, x.shape)
            place = Place(i, "0", x.shape, body, before, 2, flat="0" if count == "1" else i)
            return str(w.entry(x, place)), [(i, count)]
        place = Place(*places(x.shape), x.shape, body, before, 2)
        return str(w.entry(x, place)), [(i, w.size(x.shape[0])), (j, w.size(x.shape[1]))]

    lines: list[str] = []
    total = _summed(w, lines, terms)
    at.outside.extend([*before, *lines])
    return total


def places(shape: Shape) -> tuple[str, str]:
    """The loop variables for a matrix; 0 where there is only one row or column."""
    rows, columns = shape
    return ("0" if rows == 1 else INDICES[0]), ("0" if columns == 1 else INDICES[1])


def _count(w: Loops, shape: Shape) -> str:
    sizes = [w.size(dim) for dim in shape if dim != 1]
    return " * ".join(sizes) or "1"


def is_flat(operation: Operation, shape: Shape) -> bool:
    """Whether every entry needs only entries at the same position, so that rows do not matter."""
    if operation.kind in ("matmul", "transpose", "softmax", "logsumexp"):
        return False
    if operation.kind == "sum":
        return operation.detail is None
    if operation.kind == "read":
        return operation.shape in (SCALAR, shape)
    if operation.kind == "entry":
        return True
    return all(is_flat(operand, shape) for operand in operation.operands)


def _stored(w: Loops, o: Operation, at: Place) -> Text:
    """All entries are stored before the loops, and read where they are wanted."""
    return position(w.array(o, at.outside), o.shape, at.row, at.column, w.size)


JAVASCRIPT_SPELLING: Mapping[Kind, Row] = {
    "number": lambda w, o, at: number(o.detail),
    "pi": lambda w, o, at: Text("Math.PI"),
    "size": _size,
    "read": _read,
    "entry": _entry,
    "add": _infix(" + ", Level.SUM),
    "subtract": _infix(" - ", Level.SUM),
    "multiply": _operands(_product),
    "divide": _infix(" / ", Level.PRODUCT),
    "negate": _operands(lambda w, o, x: Text(f"-{x.within(Level.POWER)}", Level.SIGN)),
    "power": _operands(_power),
    "scalar_power": _operands(_power),
    "sqrt": _operands(lambda w, o, x: Text(f"Math.sqrt({x})")),
    "greater": _operands(_comparison(">")),
    "indicator": _operands(lambda w, o, a, b: Text(f"({_comparison('>')(w, o, a, b)} ? 1 : 0)")),
    "nonzero": _operands(lambda w, o, x: Text(f"{x.within(Level.SUM)} !== 0", Level.COMPARISON)),
    "where": _operands(_where),
    "apply": _operands(lambda w, o, x: w.call(_function(o), str(x))),
    "matmul": _matmul,
    "transpose": _transpose,
    "sum": _sum,
    "softmax": _stored,
    "logsumexp": _stored,
    "repeat": lambda w, o, at: w.entry(o.operands[0], at),
    "fill": lambda w, o, at: w.entry(o.operands[0], at),
}


def _function(o: Operation) -> Function:
    fn: Any = o.detail
    return fn  # type: ignore[no-any-return]
