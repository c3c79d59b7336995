"""Equations as rows of an ``align`` environment: one right-hand side to a row, shapes beside matrices, numbers last."""

from __future__ import annotations

from collections.abc import Sequence

from backproof.dims import SCALAR, Shape
from backproof.ir.expr import Assembled, Expr, MatMul
from backproof.notation import Notation
from backproof.render.decimals import is_rounded, number_entries
from backproof.render.dialects import LATEX
from backproof.render.document import Display
from backproof.render.layout import aligned, latex_lines
from backproof.render.typeset import typeset, writer

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
    return latex_lines(left_side(display, notation), right_sides(display, notation), width, margin)


def formula(display: Display, notation: Notation, *, width: float = LINE) -> str:
    """The equation as one formula without delimiters.

    Example:
        >>> from backproof.ir.expr import Name
        >>> formula(Display(1, Name("a"), (Name("b"),)), Notation())
        'a = b'
    """
    return aligned(equation_rows(display, notation, width=width))


def right_sides(display: Display, notation: Notation) -> list[tuple[str, str]]:
    """The right-hand sides, each with the sign before it."""
    sides = [
        (SIGNS[display.relation if number == 0 else "="], side_with_shape(line, notation))
        for number, line in enumerate(display.lines)
    ]
    if display.substituted is not None:
        sides.append((SIGNS["≈"], typeset(display.substituted, LATEX, notation)))
    if display.values:
        rounded = any(is_rounded(value) for row in display.values for value in row if value is not None)
        sides.append((SIGNS["≈" if rounded else "="], _numbers(number_entries(display.values, LATEX))))
    return sides


def side_with_shape(side: Expr, notation: Notation) -> str:
    """A right-hand side; a matrix that is written out shows its shape, as do both factors of a product of two."""
    match side:
        case Assembled():
            return typeset(side, LATEX, notation) + _subscript(side.shape, notation)
        case MatMul(Assembled() as a, Assembled() as b):
            return side_with_shape(a, notation) + writer(LATEX, notation).matmul + side_with_shape(b, notation)
        case _:
            return typeset(side, LATEX, notation)


def _shows_shape(side: Expr) -> bool:
    return isinstance(side, Assembled) or (isinstance(side, MatMul) and isinstance(side.a, Assembled))


def _subscript(shape: Shape, notation: Notation) -> str:
    dims = r" \times ".join(map(writer(LATEX, notation).dim, shape))
    return rf"_{{\scriptscriptstyle {dims}}}"


def _numbers(rows: Sequence[Sequence[str]]) -> str:
    if len(rows) == 1 and len(rows[0]) == 1:
        return rows[0][0]
    return LATEX.matrix([list(row) for row in rows])
