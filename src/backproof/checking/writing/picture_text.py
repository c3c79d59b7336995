"""The picture of the backward pass as lines of text, in bands where a network is wider than the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backproof.checking.findings import Verdict
from backproof.checking.writing.picture import Cell, Column, Gap, Picture
from backproof.checking.writing.signs import LEGEND, SIGNS
from backproof.checking.writing.spans import Line, Span, line_width, padded
from backproof.ir.expr import Name
from backproof.notation import Notation
from backproof.render.symbols import plain_text
from backproof.render.typeset import typeset
from backproof.render.widths import columns

DOTS = "…"


def picture_lines(picture: Picture, notation: Notation, width: int) -> list[Line]:
    """The picture in lines of at most ``width`` columns where names are of usual length.

    Example:
        >>> from backproof.checking.claims import check_claim
        >>> from backproof.checking.writing.picture import picture_of
        >>> from backproof.checking.writing.spans import painted
        >>> picture = picture_of(check_claim("delta_2 = y_hat - y", "3-2-1"))
        >>> for line in picture_lines(picture, Notation(), 80):
        ...     print(painted(line, color=False))
        X ──W_1──▶ l_1 · ──────W_2──▶ ŷ · ────────▶ L ·
                   Δl_1 · ◀────────── Δl_2 ✗ ◀──────┘
                   ∂L/∂W_1 ·          ∂L/∂W_2 ·
    """
    lines: list[Line] = []
    if picture.source is not None:
        for band in _bands(picture, notation, width):
            lines += [*([()] if lines else []), *band]
    others = _flowing([_cell(cell, notation) for cell in picture.others], width)
    return [*lines, *others, *([_cell(picture.loss, notation)] if picture.source is None else [])]


def legend_line(shown: frozenset[Verdict]) -> Line:
    """What the signs mean that are used."""
    used = [verdict for verdict in SIGNS if verdict in shown]
    spans: list[Span] = []
    for verdict in used:
        sign = SIGNS[verdict]
        spans += [Span("   " if spans else ""), Span(sign.mark, sign.style), Span(f" {LEGEND[verdict]}", "quiet")]
    return tuple(spans)


def _cell(cell: Cell, notation: Notation) -> Line:
    name = plain_text(typeset(Name(cell.id), notation=notation))
    if cell.verdict is None:
        return (Span(name),)
    sign = SIGNS[cell.verdict]
    quiet = "absent" if cell.verdict is Verdict.NOT_SEEN else ""
    return (Span(f"{name} ", quiet), Span(sign.mark, sign.style))


def _flowing(cells: Sequence[Line], width: int) -> Iterator[Line]:
    """Quantities one after the other."""
    line: Line = ()
    for cell in cells:
        if line and line_width(line) + 4 + line_width(cell) > width:
            yield line
            line = ()
        line = (*line, Span("    " if line else ""), *cell)
    if line:
        yield line


# --- a network ------------------------------------------------------------------------------------------------------

Rows = list[Line]
"""What stands below each other in one column: forward, Δ, and the gradients."""


def _bands(picture: Picture, notation: Notation, width: int) -> Iterator[list[Line]]:
    """The columns from left to right, in as many bands as they need."""
    height = 2 + max((len(c.gradients) for c in picture.columns if isinstance(c, Column)), default=0)
    band = _Band(height, [_cell(Cell(picture.source or "", None), notation)])
    room = width - len(TO_LOSS) - line_width(_cell(picture.loss, notation))
    for place, column in enumerate(picture.columns):
        if isinstance(column, Gap):
            band.add([(Span(f"  {DOTS}  ", "quiet"),)] * 2)
            continue
        names = ", ".join(plain_text(typeset(Name(id), notation=notation)) for id in column.parameters)
        cells = _cells(column, notation)
        if band.parts > 1 and band.width + len(names) + len(" ────▶ ") + _widest(cells) > room:
            yield band.lines
            band = _Band(height, [(Span(DOTS, "quiet"),)])
        band.arrow(f"──{names}──▶", back=place > 0)
        band.add(cells)
    band.arrow("──▶", back=True, corner=True)
    band.add([_cell(picture.loss, notation)])
    yield band.lines


TO_LOSS = " ──▶ "


class _Band:
    """Columns beside each other, with arrows between them."""

    def __init__(self, height: int, first: Rows) -> None:
        self.rows: Rows = [() for _ in range(height)]
        self.width = self.parts = 0
        self.add(first)

    def add(self, part: Rows) -> None:
        """The column at the right of all others."""
        self.width += _widest(part)
        for place, row in enumerate(self.rows):
            cell = part[place] if place < len(part) else ()
            self.rows[place] = padded((*row, *cell), self.width)
        self.parts += 1

    def arrow(self, head: str, *, back: bool, corner: bool = False) -> None:
        """Arrows to the next column and back, from right beside what they begin at."""
        self.width += columns(head) + 2
        for place, sign in enumerate(("", "◀") if back else ("",)):
            row = _bare(self.rows[place])
            bend = 1 if sign and corner else 0
            room = self.width - line_width(row) - 2 + bend
            shaft = f"{sign}{'─' * (room - columns(sign))}" if sign else f"{'─' * (room - columns(head))}{head}"
            self.rows[place] = (*row, Span(f" {shaft}{'┘' if bend else ' '}", "quiet"))
        self.rows = [padded(row, self.width) for row in self.rows]

    @property
    def lines(self) -> list[Line]:
        """The rows without those that are blank."""
        return [row for row in self.rows if any(span.text.strip() for span in row)]


def _bare(row: Line) -> Line:
    """The row without the blanks at its end."""
    kept = list(row)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return tuple(kept)


def _cells(column: Column, notation: Notation) -> Rows:
    """The column's quantities below each other."""
    delta: Line = () if column.delta is None else _cell(column.delta, notation)
    return [_cell(column.forward, notation), delta, *(_cell(gradient, notation) for gradient in column.gradients)]


def _widest(part: Rows) -> int:
    return max(map(line_width, part))
