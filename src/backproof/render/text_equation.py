"""Equations as lines of text: right-hand sides below each other, matrices as grids, numbers at the end."""

from __future__ import annotations

from dataclasses import replace

from backproof.ir.expr import Assembled, Expr, MatMul
from backproof.notation import Notation
from backproof.render.decimals import is_rounded, number_entries
from backproof.render.dialects import Dialect
from backproof.render.document import Display
from backproof.render.figures import Grid
from backproof.render.layout import CONTINUED, Side, grid, text_lines
from backproof.render.typeset import entries, typeset, writer
from backproof.render.widths import columns

SIGNS = {"unicode": {"=": "=", "≈": "≈", "←": "←"}, "ascii": {"=": "=", "≈": "~", "←": "<-"}}
"""Relations as a dialect writes them."""


def equation_lines(display: Display, dialect: Dialect, notation: Notation, width: int) -> list[str]:
    """The lines of an equation, none wider than the width.

    Example:
        >>> from backproof.ir.expr import Name
        >>> from backproof.render.dialects import UNICODE
        >>> shown = Display(1, Name("X", (1, 2)), (), values=((0.0, 1.0),))
        >>> equation_lines(shown, UNICODE, Notation(), 40)
        ['X = [0  1]']
    """
    signs = SIGNS[dialect.name]
    left = typeset(display.target, dialect, notation)
    sides: list[tuple[str, Side]] = []
    for number, line in enumerate(display.lines):
        sides.append((signs[display.relation] if number == 0 else signs["="], _side(line, dialect, notation, width)))
    if display.substituted is not None:
        rounded = "≈" if display.lines else "="
        sides.append((signs[rounded], typeset(display.substituted, dialect, replace(notation, numbers="decimals"))))
    if display.values:
        sign = "≈" if any(is_rounded(x) for row in display.values for x in row if x is not None) else "="
        sides.append((signs[sign], _numbers(display.values, dialect, width)))
    lines = text_lines(left, sides, width)
    return [piece for line in lines for piece in cut(line.rstrip(), width)]


def _side(side: Expr, dialect: Dialect, notation: Notation, width: int) -> Side:
    """The right-hand side as one text, or as a block where it is a matrix, or a product of two, that has room."""
    room = width - len(CONTINUED) - 2
    block: list[str] | None = None
    match side:
        case Assembled():
            block = grid(entries(writer(dialect, notation), side), dialect)
        case MatMul(Assembled() as a, Assembled() as b):
            w = writer(dialect, notation)
            block = _beside(grid(entries(w, a), dialect), w.matmul, grid(entries(w, b), dialect))
        case _:
            pass
    if block is not None and max(map(columns, block)) <= room:
        return block
    return typeset(side, dialect, notation)


def _beside(a: list[str], sign: str, b: list[str]) -> list[str]:
    """Two blocks with a sign between them, their middles on one line."""
    height = max(len(a), len(b))
    left, right = _centred(a, height), _centred(b, height)
    blank = " " * columns(sign)
    return [
        x + (sign if row == (height - 1) // 2 else blank) + y
        for row, (x, y) in enumerate(zip(left, right, strict=True))
    ]


def _centred(block: list[str], height: int) -> list[str]:
    above = (height - 1) // 2 - (len(block) - 1) // 2
    blank = " " * columns(block[0])
    return [blank] * above + block + [blank] * (height - above - len(block))


def _numbers(values: Grid, dialect: Dialect, width: int) -> Side:
    """A number, or a grid of numbers."""
    rows = number_entries(values, dialect)
    if len(rows) == 1 and len(rows[0]) == 1:
        return rows[0][0]
    block = grid(rows, dialect)
    return block if columns(block[0]) <= width - len(CONTINUED) - 2 else dialect.matrix(rows)


def cut(line: str, width: int) -> list[str]:
    """The line in pieces no wider than the width: at a space where there is one, inside a word otherwise."""
    pieces = []
    while columns(line) > width:
        begins = len(line) - len(line.lstrip())
        indent = " " * min(begins, width // 2)
        line = indent + line[begins:]
        fits = _fitting(line, width)
        space = line.rfind(" ", len(indent) + 1, fits + 1)
        end = space if space > 0 else fits
        pieces.append(line[:end].rstrip())
        line = f"{indent}{line[end:].strip()}"
    return [*pieces, line]


def _fitting(line: str, width: int) -> int:
    """How many characters fit into the width."""
    taken = 0
    for position, character in enumerate(line):
        taken += columns(character)
        if taken > width:
            return position
    return len(line)
