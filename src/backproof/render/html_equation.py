"""A displayed equation as one formula for KaTeX, numbers included, and as the text that stands in for it."""

from __future__ import annotations

from dataclasses import replace

from backproof.notation import Notation
from backproof.render.dialects import UNICODE
from backproof.render.document import Display
from backproof.render.latex_equation import equation_rows
from backproof.render.layout import WIDTH
from backproof.render.text_equation import equation_lines

LINE_WIDTH = 66
"""About how many letters of a formula fit into the column of text."""

NEWLINE = r" \\[3pt] "
"""Between right-hand sides: on a screen fractions need more room than TeX gives them."""


def equation_tex(display: Display, notation: Notation) -> str:
    """The equation as a formula; the shape of its left-hand side is left to the chip beside it.

    Example:
        >>> from backproof.ir.expr import Name
        >>> x, y = Name("x"), Name("y")
        >>> print(equation_tex(Display(1, y, (x + x,), values=((2 / 3,),)), Notation()))
        \\begin{aligned} y &= x + x \\\\[3pt] &\\approx 0.6667 \\end{aligned}
    """
    rows = [screen_size(row) for row in equation_rows(replace(display, shape=()), notation, width=LINE_WIDTH)]
    if len(rows) == 1:
        return rows[0].replace(" &", " ", 1)
    return rf"\begin{{aligned}} {NEWLINE.join(rows)} \end{{aligned}}"


def equation_text(display: Display, notation: Notation) -> str:
    """The equation for those who run no scripts."""
    return "\n".join(equation_lines(display, UNICODE, notation, WIDTH))


def screen_size(tex: str) -> str:
    """The formula without TeX's smallest size, in which shapes are set: right on paper, unreadable on a screen."""
    return tex.replace(r"\scriptscriptstyle ", "")
