"""Layout: an equation with several right-hand sides, long lines broken at operators, matrices as grids of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backproof.ir.expr import Assembled, Expr
from backproof.notation import Notation
from backproof.render.dialects import UNICODE, Dialect
from backproof.render.typeset import DEFAULT, entries, typeset, writer
from backproof.render.widths import columns, latex_width

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
    """lhs = rhs = rhs' = …, one right-hand side to a line, long ones broken.

    Args:
        lhs: what the equation is about.
        rhs: the right-hand side, or several equal ones in order.
        width: the columns that a line of text may have; in LaTeX, about as many letters.

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
        lines = latex_lines(left, [("=", typeset(side, dialect, notation)) for side in sides], width)
        return aligned(lines)
    return "\n".join(text_lines(left, [("=", _text_side(side, dialect, notation, width)) for side in sides], width))


# --- LaTeX --------------------------------------------------------------------------------------------------------


def latex_lines(left: str, sides: Sequence[tuple[str, str]], width: float = WIDTH, margin: float = 0) -> list[str]:
    """The lines of an ``align`` or ``aligned`` environment for left = side = side' = …

    Args:
        left: the left-hand side in LaTeX.
        sides: the right-hand sides in LaTeX, each after its relation.
        width: about how many letters a line may hold.
        margin: how wide the widest left-hand side of the environment is.

    Example:
        >>> latex_lines("x", [("=", "a"), (r"\\gets", "b")])
        ['x &= a', '&\\\\gets b']
        >>> print("; ".join(latex_lines("x", [("=", "a + b")], width=4)))
        & x; &\\quad = a; &\\qquad {} + b
    """
    margin = max(margin, latex_width(left)) + 2
    lines, start, later = [], f"{left} &", "&"
    if margin + max(min(latex_width(side), NARROWEST) for _, side in sides) > width:
        lines, start, later, margin = [f"& {left}"], r"&\quad ", r"&\quad ", 4
    for number, (sign, side) in enumerate(sides):
        first, *rest = _latex_broken(side, width - margin)
        lines.append(f"{later if number else start}{sign} {first}")
        lines += [rf"&\qquad {{}} {line}" for line in rest]
    return lines


def _latex_broken(side: str, room: float) -> list[str]:
    """The right-hand side in lines; broken inside parentheses only where they are too wide by themselves."""
    lines: list[str] = []
    for line in broken(side, room, latex_width, LATEX_BREAKS, deepest=0):
        wide = latex_width(line) > room
        lines += broken(_fences_apart(line), room, latex_width, LATEX_BREAKS, braces=UNBREAKABLE) if wide else [line]
    return lines


def _fences_apart(formula: str) -> str:
    """The formula with fences of a fixed size, which may stand on different lines, in place of pairs that grow."""
    parts, depth, start = [], 0, 0
    for match in _GROUP.finditer(formula):
        token = match[0]
        if token in (r"\left", r"\right") and depth == 0:
            parts += [formula[start : match.start()], r"\Bigl" if token == r"\left" else r"\Bigr"]
            start = match.end()
        elif token in ("{", r"\begin"):
            depth += 1
        elif token in ("}", r"\end"):
            depth -= 1
    return "".join([*parts, formula[start:]])


_GROUP = re.compile(r"\\(?:left|right)(?![a-z])|\\(?:begin|end)(?=\{)|(?<!\\)[{}]")

NEWLINE = r" \\ "


def aligned(lines: Sequence[str], newline: str = NEWLINE) -> str:
    """The lines as one formula, in ``aligned`` unless it is one line.

    Args:
        lines: what ``latex_lines`` makes.
        newline: what stands between them.

    Example:
        >>> print(aligned(["x &= a"]))
        x = a
    """
    if len(lines) == 1:
        return re.sub(r"(?<!\\)&", "", lines[0], count=1)
    return rf"\begin{{aligned}} {newline.join(lines)} \end{{aligned}}"


# --- text ---------------------------------------------------------------------------------------------------------

Side = str | list[str]
"""A right-hand side: running text, or the lines of something that stands as a block."""


def _text_side(side: Expr, dialect: Dialect, notation: Notation, width: int) -> Side:
    """The right-hand side as one text; a matrix as the lines of a grid where it is not too wide for one."""
    if isinstance(side, Assembled):
        lines = grid(entries(writer(dialect, notation), side), dialect)
        if columns(lines[0]) <= width - len(CONTINUED) - 2:
            return lines
    return typeset(side, dialect, notation)


def text_lines(left: str, sides: Sequence[tuple[str, Side]], width: int = WIDTH) -> list[str]:
    """left = side = side' = … as lines, the relations below each other.

    Args:
        left: the left-hand side.
        sides: the right-hand sides, each after its relation.
        width: the columns that a line may have.

    Example:
        >>> text_lines("x", [("<-", "a"), ("=", "b")])
        ['x <- a', '  =  b']
    """
    signs = max(columns(sign) for sign, _ in sides)
    widest = max(min(columns(side), NARROWEST) if isinstance(side, str) else columns(side[0]) for _, side in sides)
    own_line = columns(left) + signs + 2 + widest > width
    margin = len(CONTINUED) if own_line else columns(left) + 1
    lines = [left] if own_line else []
    for number, (sign, side) in enumerate(sides):
        first = " " * margin if own_line or number else f"{left} "
        lines += _one_side(f"{first}{sign:{signs}} ", side, width)
    return lines


def _one_side(start: str, side: Side, width: int) -> list[str]:
    """The right-hand side after ``start``, which stands beside the middle line of a block."""
    indent = columns(start)
    blank = " " * indent
    if isinstance(side, str):
        first, *rest = broken(side, width - indent, columns, TEXT_BREAKS)
        return [start + first, *(blank + line for line in rest)]
    middle = (len(side) - 1) // 2
    return [(start if row == middle else blank) + line for row, line in enumerate(side)]


def wrap_equation(lhs: str, rhs: str, width: int = WIDTH) -> str:
    """``lhs = rhs`` broken before operators, the continuations aligned after the sign of equality.

    Example:
        >>> print(wrap_equation("z", "x^1 × w^1 + x^2 × w^2 + x^3 × w^3", 30))
        z = x^1 × w^1 + x^2 × w^2
            + x^3 × w^3
    """
    return "\n".join(text_lines(lhs, [("=", rhs)], width))


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

TEXT_BREAKS = (r"(?<=;) ", r"(?<=,) ", r" [+−-] ", r" [×∘⊙*·.] ")
"""Where a line may be broken, the best first: between entries, before plus and minus, before products."""

LATEX_BREAKS = (r" [+-] ", r" \\(?:times|circ|odot|cdot|mathbin\{\.\}) ")

STEP = "  "
"""The indentation of a continuation for each bracket that it is inside of."""

Measure = Callable[[str], float]


UNBREAKABLE = 1000
"""Brackets that braces count for where nothing may be broken inside of them."""


def broken(
    text: str, room: float, measure: Measure, breaks: Sequence[str], deepest: int = 99, braces: int = 1
) -> list[str]:
    """The text in lines that fit into the room where that can be.

    Args:
        breaks: where it may be cut, the best first.
        deepest: inside of how many brackets it may be cut.
        braces: how many brackets a brace counts for.
    """
    return _filled([""], text, "", room, measure, _Cuts(breaks, deepest, braces))


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Where a text may be cut."""

    breaks: Sequence[str]
    deepest: int
    braces: int


def _filled(
    lines: list[str],
    text: str,
    indent: str,
    room: float,
    measure: Measure,
    cuts: _Cuts,
) -> list[str]:
    """The lines with the text appended: to the last one as far as it fits, the rest below it."""
    last = f"{lines[-1]} {text}" if lines[-1].strip() else lines[-1] + text
    if measure(last) <= room:
        return [*lines[:-1], last]
    depth, pieces = _pieces(text, cuts)
    fits = measure(indent + text) <= room
    if lines[-1].strip() and (fits or len(pieces) == 1):
        return [*lines, indent + text]
    if len(pieces) == 1:
        return [*lines[:-1], last]
    for number, piece in enumerate(pieces):
        deeper = indent + STEP * depth if number else indent
        lines = _filled(lines, piece, deeper, room, measure, cuts)
    return lines


def _pieces(text: str, cuts: _Cuts) -> tuple[int, list[str]]:
    """The text cut at the outermost operators of the loosest kind that occurs in it, and in how many brackets."""
    depths = list(_depths(text, cuts.braces))
    for depth in range(min(max(depths, default=0), cuts.deepest) + 1):
        for pattern in cuts.breaks:
            places = [m.start() for m in re.finditer(pattern, text) if depths[m.start()] == depth]
            if places:
                ends = [*places, len(text)]
                return depth, [text[start:end].strip() for start, end in zip([0, *places], ends, strict=True)]
    return 0, [text]


_OPENING = re.compile(r"[(\[]|(?<!\\)\{|\\left(?![a-z])|\\begin")
_CLOSING = re.compile(r"[)\]]|(?<!\\)\}|\\right(?![a-z])|\\end")


def _depths(text: str, braces: int) -> Iterator[int]:
    """How many brackets are open at each character."""
    depth = 0
    for position in range(len(text)):
        if match := _CLOSING.match(text, position):
            depth -= 1 if match[0] in ")]" else braces
        yield depth
        if match := _OPENING.match(text, position):
            depth += 1 if match[0] in "([" else braces
