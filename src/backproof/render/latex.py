"""Documents as LaTeX: a whole document for pdflatex, or a fragment to be included in one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import assert_never

from backproof.notation import Notation
from backproof.render.diagram import structure_diagram, to_tikz
from backproof.render.dialects import LATEX
from backproof.render.document import (
    Badge,
    Block,
    Certified,
    Conventions,
    Display,
    Document,
    Heading,
    Paragraph,
    Picture,
    Prose,
    Reference,
)
from backproof.render.inline import inline
from backproof.render.latex_equation import LINE, equation_rows, left_side
from backproof.render.latex_prose import escaped
from backproof.render.widths import latex_width

PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,amssymb}
\usepackage{tikz}
\usepackage[hidelinks]{hyperref}
\allowdisplaybreaks
\setlength{\jot}{6pt}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 2pt}
"""

NEEDED = "% needs \\usepackage{amsmath,amssymb,tikz}\n"
LABEL = "backproof"
"""What the labels of equations begin with, so that they meet no others in a document that includes them."""

BEGIN = r"\begin{align*}"
NEXT = " \\\\\n"

SAME = " \\\\*\n"
"""The ends of rows: between equations the page may end, within one it may not."""

SIGNS_WIDTH = "7em"
"""The room for the signs that are explained."""

WIDEST = LINE + 6
"""Letters beyond which a row would run into the margin of the page."""

MARGIN_NOTE = 10
"""Letters that a note beside an equation takes beyond its own."""


def to_latex(document: Document, *, standalone: bool = True) -> str:
    """The document in LaTeX.

    Args:
        document: what to write.
        standalone: whether with a preamble, to be compiled as it is; a fragment needs amsmath, amssymb and tikz.

    Example:
        >>> from backproof.ir.expr import Name
        >>> z = Name("z")
        >>> document = Document(("A square",), Notation(), (Display(1, Name("s"), (z * z,)),))
        >>> print(to_latex(document, standalone=False), end="")
        % needs \\usepackage{amsmath,amssymb,tikz}
        \\section*{A square}
        \\begin{align*}
        s &= z \\times z \\tag{1}\\label{backproof:1}
        \\end{align*}
    """
    page = _Page(document.notation, frozenset(_anchored(document.blocks)), standalone)
    # No empty line before equations: they belong to the sentence that leads to them.
    body = "\n\n".join(page.parts(document)).replace(f"\n\n{BEGIN}", f"\n{BEGIN}") + "\n"
    if not standalone:
        return NEEDED + body
    return f"{PREAMBLE}\\begin{{document}}\n{body}\\end{{document}}\n"


def _anchored(blocks: Iterable[Block]) -> Iterator[int]:
    """The numbers of the equations that can be linked to."""
    return (block.number for block in blocks if isinstance(block, Display) and block.number and not block.restated)


@dataclass(frozen=True)
class _Page:
    """A way to write: signs, the equations that there are, and whether the document is a whole one."""

    notation: Notation
    numbers: frozenset[int]
    standalone: bool

    def parts(self, document: Document) -> Iterator[str]:
        """The blocks of the document one by one; equations that follow each other at once."""
        title = self.prose(document.title)
        yield rf"\begin{{center}}\LARGE {title}\end{{center}}" if self.standalone else rf"\section*{{{title}}}"
        for displayed, run in groupby(document.blocks, key=lambda block: isinstance(block, Display)):
            blocks = list(run)
            if displayed:
                yield self.equations([block for block in blocks if isinstance(block, Display)])
            else:
                yield from map(self.block, blocks)
        if document.facts:
            facts = "; ".join(f"{name}: {value}" for name, value in document.facts.items())
            yield rf"\medskip{{\footnotesize {escaped(facts)}\par}}"

    def block(self, block: Block) -> str:
        match block:
            case Heading(level, text):
                command = "section" if level == 1 else "subsection"
                bold = r"\boldmath " if any(not isinstance(piece, str) for piece in text) else ""
                return rf"\{'sub' * (not self.standalone)}{command}*{{{bold}{self.prose(text)}}}"
            case Paragraph(text):
                return self.prose(text)
            case Display():
                return self.equations([block])
            case Conventions(rows):
                return self._conventions(rows)
            case Picture(structure, caption):
                picture = to_tikz(structure_diagram(structure, self.notation))
                return f"\\begin{{center}}\n{picture}\n\\smallskip\n{{\\small {self.prose(caption)}}}\n\\end{{center}}"
            case Certified(_, (first, *rest)):
                return rf"\textbf{{{escaped(first)}}} {escaped(' '.join(rest))}".rstrip()
            case Certified():
                return ""
            case _:
                assert_never(block)

    # --- running text ---------------------------------------------------------------------------------------------

    def prose(self, text: Prose) -> str:
        """Running text, formulas in it as such."""
        return "".join(map(self._piece, text))

    def _piece(self, piece: object) -> str:
        match piece:
            case str():
                return escaped(piece)
            case Reference(number):
                return self.reference(number)
            case _:
                return f"${inline(piece, LATEX, self.notation)}$"  # type: ignore[arg-type]  # all that Prose holds

    def reference(self, number: int) -> str:
        """A link to an equation that is shown; the bare number of another one."""
        return rf"\eqref{{{LABEL}:{number}}}" if number in self.numbers else f"({number})"

    # --- equations ------------------------------------------------------------------------------------------------

    def equations(self, displays: list[Display]) -> str:
        """Equations that follow each other, aligned at their signs of equality."""
        margin = max(latex_width(left_side(display, self.notation)) for display in displays)
        rows = [SAME.join(self._numbered(display, margin)) for display in displays]
        return f"{BEGIN}\n{NEXT.join(rows)}\n\\end{{align*}}"

    def _numbered(self, display: Display, margin: float) -> list[str]:
        *rows, last = (fitted(row, margin) for row in equation_rows(display, self.notation, margin=margin))
        note = rf"\text{{{self.prose(display.note)}}}" if display.note else ""
        if note and latex_width(last) + margin + latex_width(note) + MARGIN_NOTE > LINE:
            rows, last = [*rows, last], f"& {note}"
        elif note:
            last += rf" \qquad {note}"
        return [*rows, last + self._tag(display)]

    def _tag(self, display: Display) -> str:
        if not display.number:
            return ""
        mark = self._mark(display.badge)
        tag = rf"\tag{{{mark}{display.number}}}" if mark else rf"\tag{{{display.number}}}"
        return f" {tag}" + ("" if display.restated else rf"\label{{{LABEL}:{display.number}}}")

    def _mark(self, badge: Badge | None) -> str:
        if badge is None or badge.holds:
            return ""
        return r"false: "

    # --- tables ---------------------------------------------------------------------------------------------------

    def _conventions(self, rows: tuple[tuple[Prose, Prose], ...]) -> str:
        return "\n\n".join(
            rf"\makebox[{SIGNS_WIDTH}][l]{{{self.prose(sign)}}}"
            rf"\parbox[t]{{\dimexpr\linewidth-{SIGNS_WIDTH}\relax}}{{{self.prose(meaning)}}}"
            for sign, meaning in rows
        )


_ROW = re.compile(r"(?P<start>.*?&(?:\\q?quad )?(?:(?:=|\\approx|\\leftarrow|\{\}) )?)(?P<body>.*)")


def fitted(row: str, margin: float) -> str:
    """The row, set smaller where it is too wide and could not be broken.

    Args:
        row: a row of an ``align`` environment.
        margin: how wide the widest left-hand side of the environment is.
    """
    match = _ROW.fullmatch(row)
    if match is None or max(margin, 4) + latex_width(match["body"]) <= WIDEST:
        return row
    share = (LINE - 8 - max(margin, 4)) / WIDEST
    return rf"{match['start']}\resizebox{{{share:.2f}\linewidth}}{{!}}{{$\displaystyle {match['body']}$}}"
