"""Layout: an equation with several right-hand sides, long lines broken at operators, matrices as grids of text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from backproof.ir.expr import Assembled, Expr
from backproof.notation import Notation
from backproof.render.dialects import UNICODE, Dialect
from backproof.render.typeset import DEFAULT, entries, typeset, writer

WIDTH = 80
"""Columns of a terminal."""

NARROWEST = 24
"""Columns that a right-hand side gets at least: a longer left-hand side stands on a line of its own."""

CONTINUED = "  "
"""The indentation of a right-hand side below its left-hand side."""


def typeset_equation(
    lhs: Expr,
    rhs: Expr | Sequence[Expr],
    dialect: Dialect = UNICODE,
    notation: Notation = DEFAULT,
    *,
    width: int = WIDTH,
) -> str:
    """lhs = rhs = rhs' = …, one right-hand side to a line.

    Args:
        lhs: what the equation is about.
        rhs: the right-hand side, or several equal ones in order.
        width: the columns that a line of text may have.

    Returns:
        In LaTeX one formula without delimiters (``aligned`` where it has several lines), in text some lines.

    Example:
        >>> from backproof.ir.expr import Name, Partial
        >>> from backproof.render.dialects import LATEX
        >>> X, L, W, d = Name("X", (1, 3)), Name("L"), Name("W_1", (3, 2)), Name("delta_1", (1, 2))
        >>> print(typeset_equation(Partial(L, W), X.T @ d))
        ∂L/∂W_1 = Xᵀ . Δl_1
        >>> print(typeset_equation(Partial(L, W), X.T @ d, LATEX))
        \\frac{\\partial L}{\\partial W_1} = X^\\top \\mathbin{.} \\Delta l_1
    """
    sides = [rhs] if isinstance(rhs, Expr) else list(rhs)
    left = typeset(lhs, dialect, notation)
    if dialect.stacked:
        return _latex_equation(left, [typeset(side, dialect, notation) for side in sides])
    blocks = [_text_block(side, dialect, notation) for side in sides]
    lines: list[str] = []
    for block in blocks:
        head = left if not lines else " " * columns(left)
        lines.append(_beside(head, block) if isinstance(block, list) else wrap_equation(head, block, width))
    return "\n".join(lines)


def _latex_equation(left: str, sides: list[str]) -> str:
    if len(sides) == 1:
        return f"{left} = {sides[0]}"
    lines = r" \\ ".join(f"&= {side}" for side in sides)
    return rf"\begin{{aligned}} {left} {lines} \end{{aligned}}"


def _text_block(side: Expr, dialect: Dialect, notation: Notation) -> str | list[str]:
    """The right-hand side as one text, or a matrix as the lines of a grid."""
    if isinstance(side, Assembled):
        return grid(entries(writer(dialect, notation), side), dialect)
    return typeset(side, dialect, notation)


def _beside(head: str, lines: list[str]) -> str:
    """``head = `` before the middle line of a grid."""
    middle = (len(lines) - 1) // 2
    blank = " " * (columns(head) + 3)
    return "\n".join((f"{head} = " if row == middle else blank) + line for row, line in enumerate(lines))


def columns(text: str) -> int:
    """The columns that a text takes in a terminal: combining characters take none, East Asian ones two."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


# --- matrices -----------------------------------------------------------------------------------------------------

CORNERS = {"unicode": ("⎡⎢⎣", "⎤⎥⎦"), "ascii": ("[[[", "]]]")}
"""The brackets of a grid: at the top, between and at the bottom."""


def grid(rows: Sequence[Sequence[str]], dialect: Dialect = UNICODE) -> list[str]:
    """A matrix of texts as lines, its columns aligned.

    Example:
        >>> print("\\n".join(grid([["1", "20"], ["300", "4"]])))
        ⎡1    20⎤
        ⎣300  4 ⎦
    """
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    lines = []
    for number, row in enumerate(rows):
        left, right = (_corner(side, number, len(rows)) for side in CORNERS[dialect.name])
        padded = [cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)]
        lines.append(left + "  ".join(padded) + right)
    return lines


def _corner(pieces: str, number: int, count: int) -> str:
    if count == 1:
        return "[" if pieces[0] in "[⎡" else "]"
    return pieces[0 if number == 0 else 2 if number == count - 1 else 1]


# --- long lines ---------------------------------------------------------------------------------------------------

BREAKS = (r" [+−\-] ", r" [×∘⊙*·.] ", r" ")
"""Where a line may be broken: rather before a plus or minus than before a product, at a space if all else fails."""


def wrap_equation(lhs: str, rhs: str, width: int = WIDTH) -> str:
    """``lhs = rhs`` broken before operators, the continuations aligned after the sign of equality.

    Example:
        >>> print(wrap_equation("z", "x^1 × w^1 + x^2 × w^2 + x^3 × w^3", 30))
        z = x^1 × w^1 + x^2 × w^2
            + x^3 × w^3
    """
    head = f"{lhs} = "
    indent = columns(head)
    if indent + min(columns(rhs), NARROWEST) > width:
        head, indent = f"{lhs}\n{CONTINUED}= ", len(CONTINUED) + 2
    return head + ("\n" + " " * indent).join(_broken(rhs, width - indent))


def _broken(text: str, width: int) -> Iterator[str]:
    """The text in lines no wider than the width where that can be."""
    if columns(text) <= width:
        yield text
        return
    pieces = _pieces(text)
    line = ""
    for piece in pieces:
        if line and columns(line) + 1 + columns(piece) <= width:
            line = f"{line} {piece}"
            continue
        if line:
            yield line
        line = piece
        if columns(piece) > width and len(pieces) > 1:
            *before, line = _broken(piece, width)
            yield from before
    yield line


def _pieces(text: str) -> list[str]:
    """The text cut at the outermost operators of the loosest kind that occurs in it."""
    depths = list(_depths(text))
    for depth in range(max(depths) + 1):
        for pattern in BREAKS:
            cuts = [
                match.start()
                for match in re.finditer(pattern, text)
                if depths[match.start()] == depth and match.start() > 0
            ]
            if cuts:
                ends = [*cuts, len(text)]
                return [text[start:end].strip() for start, end in zip([0, *cuts], ends, strict=True)]
    return [text]


def _depths(text: str) -> Iterator[int]:
    """How many brackets are open at each character."""
    depth = 0
    for character in text:
        if character in ")]}":
            depth -= 1
        yield depth
        if character in "([{":
            depth += 1
