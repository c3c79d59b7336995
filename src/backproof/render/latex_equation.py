"""Equations as rows of an ``align`` environment: one right-hand side to a row, shapes beside matrices, numbers last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backproof.dims import SCALAR, Shape
from backproof.ir.expr import Assembled, Expr, MatMul
from backproof.notation import Notation
from backproof.render.decimals import is_rounded, number_entries
from backproof.render.dialects import LATEX
from backproof.render.document import Display
from backproof.render.layout import aligned, latex_lines
from backproof.render.typeset import entries, typeset, writer
from backproof.render.widths import latex_width

LINE = 72
"""About how many letters wide a line is: 160 mm at 11 pt, less the number."""

SIGNS = {"=": "=", "≈": r"\approx", "←": r"\leftarrow"}


def left_side(display: Display, notation: Notation) -> str:
    """The left-hand side; with its shape where no right-hand side shows it."""
    text = typeset(display.target, LATEX, notation)
    if display.shape in (SCALAR, (1, 1)) or not display.lines or any(map(_shows_shape, display.lines)):
        return text
    opening, closing = (r"\left[ ", r" \right]") if r"\frac" in text else ("[", "]")
    return opening + text + closing + _subscript(display.shape, notation)


def equation_rows(display: Display, notation: Notation, *, width: float = LINE, margin: float = 0) -> list[str]:
    """The rows of an ``align`` environment for an equation.

    Args:
        display: the equation.
        notation: how it is written.
        width: about how many letters a row may hold.
        margin: how wide the widest left-hand side of the environment is.

    Example:
        >>> from backproof.ir.expr import Name
        >>> a, b = Name("a"), Name("b")
        >>> equation_rows(Display(1, a, (b + 1, b + 2)), Notation())
        ['a &= b + 1', '&= b + 2']
    """
    left = left_side(display, notation)
    room = width - max(margin, latex_width(left)) - 2
    return latex_lines(left, right_sides(display, notation, room), width, margin)


def formula(display: Display, notation: Notation, *, width: float = LINE) -> str:
    """The equation as one formula without delimiters.

    Example:
        >>> from backproof.ir.expr import Name
        >>> formula(Display(1, Name("a"), (Name("b"),)), Notation())
        'a = b'
    """
    return aligned(equation_rows(display, notation, width=width))


def right_sides(display: Display, notation: Notation, room: float) -> list[tuple[str, str]]:
    """The right-hand sides, each with the sign before it; matrices that are too wide are abbreviated."""
    sides = [
        (SIGNS[display.relation if number == 0 else "="], side_with_shape(line, notation, room))
        for number, line in enumerate(display.lines)
    ]
    if display.substituted is not None:
        sides.append((SIGNS["≈"], typeset(display.substituted, LATEX, replace(notation, numbers="decimals"))))
    if display.values:
        rounded = any(is_rounded(value) for row in display.values for value in row if value is not None)
        sides.append((SIGNS["≈" if rounded else "="], _numbers(number_entries(display.values, LATEX), room)))
    return sides


def side_with_shape(side: Expr, notation: Notation, room: float) -> str:
    """A right-hand side; a matrix that is written out shows its shape, as do both factors of a product of two."""
    match side:
        case Assembled():
            return _matrix(entries(writer(LATEX, notation), side), room) + _subscript(side.shape, notation)
        case MatMul(Assembled() as a, Assembled() as b):
            factors = (side_with_shape(factor, notation, room / 2) for factor in (a, b))
            return writer(LATEX, notation).matmul.join(factors)
        case _:
            return typeset(side, LATEX, notation)


def _shows_shape(side: Expr) -> bool:
    return isinstance(side, Assembled) or (isinstance(side, MatMul) and isinstance(side.a, Assembled))


def _subscript(shape: Shape, notation: Notation) -> str:
    dims = r" \times ".join(map(writer(LATEX, notation).dim, shape))
    return rf"_{{\scriptscriptstyle {dims}}}"


def _matrix(rows: Sequence[list[str]], room: float) -> str:
    """The matrix with as many columns as there is room for: all, the first and the last, or the first alone."""
    dots = [LATEX.dots[0 if row[-1] != LATEX.dots[1] else 2] for row in rows]
    columns = list(zip(*rows, strict=True))
    for shown in (columns, [columns[0], dots, columns[-1]], [columns[0], dots]):
        text = LATEX.matrix([list(row) for row in zip(*shown, strict=True)])
        if latex_width(text) <= room:
            break
    return text


def _numbers(rows: Sequence[list[str]], room: float) -> str:
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else _matrix(rows, room)
