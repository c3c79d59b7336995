"""Documents as text: Unicode or ASCII, never wider than asked for, coloured only where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from backproof.dims import SCALAR
from backproof.notation import Notation
from backproof.render.dialects import ASCII, UNICODE, Dialect
from backproof.render.document import (
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
from backproof.render.layout import WIDTH
from backproof.render.text_equation import cut, equation_lines
from backproof.render.text_flow import flow_lines
from backproof.render.typeset import writer
from backproof.render.widths import columns

NARROWEST_PAGE = 40
"""Columns that a page has at least; in fewer no formula can be read."""
INDENT = "    "
KEPT_TOGETHER = 24
"""Columns of a formula in running text that is not broken over lines."""
NBSP = "\u00a0"

ASCII_SIGNS = str.maketrans(
    {"×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "≤": "<=", "≥": ">=", "≈": "~", "…": "...", "⋮": ":", "→": "->"}
    | dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True))
    | dict(zip("“”‘’", "\"\"''", strict=True))
)
"""Signs of running text, in ASCII."""

BOLD, DIM, GREEN, RED = "1", "2", "32", "31"
"""The parameters of terminal colours."""


def to_text(document: Document, *, width: int = WIDTH, ascii: bool = False, color: bool = False) -> str:
    """The document as text of at most ``width`` columns.

    Args:
        document: what to write.
        width: columns; at least 40 are taken.
        ascii: whether only ASCII may be used.
        color: whether headings, numbers and badges are coloured, for a terminal.

    Example:
        >>> from backproof.ir.expr import Name
        >>> z = Name("z")
        >>> print(to_text(Document(("A square",), Notation(), (Display(1, Name("s"), (z * z,)),)), width=40))
        A square
        ════════
        <BLANKLINE>
            s = z × z                        (1)
    """
    page = _Page(document.notation, ASCII if ascii else UNICODE, max(width, NARROWEST_PAGE), color)
    lines = list(page.lines(document))
    return "\n".join(lines)


@dataclass(frozen=True)
class _Page:
    """A way to write: signs, width and colours."""

    notation: Notation
    dialect: Dialect
    width: int
    color: bool

    @property
    def ascii(self) -> bool:
        return self.dialect is ASCII

    def lines(self, document: Document) -> Iterator[str]:
        """The lines of the whole document."""
        yield from self._title(document.title, "=" if self.ascii else "═")
        for block in document.blocks:
            yield ""
            yield from self._block(block)
        if document.facts:
            yield ""
            facts = "; ".join(f"{name}: {value}" for name, value in document.facts.items())
            yield from (self.paint(line, DIM) for line in self._wrapped((facts,)))

    def _block(self, block: Block) -> Iterator[str]:
        match block:
            case Heading(level, text):
                yield from self._title(text, ("-" if self.ascii else "─") if level == 1 else ".")
            case Paragraph(text):
                yield from self._wrapped(text)
            case Display():
                yield from self._display(block)
            case Conventions(rows):
                yield from self._conventions(rows)
            case Picture():
                yield from self._picture(block)
            case Certified(holds, sentences):
                mark = self._mark(holds)
                for number, sentence in enumerate(sentences):
                    yield from self._wrapped((sentence,), first=f"{mark} " if number == 0 else "  ", rest="  ")
            case _:
                assert_never(block)

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where there are any."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text

    def _title(self, text: Prose, rule: str) -> Iterator[str]:
        lines = list(self._wrapped(text))
        yield from (self.paint(line, BOLD) for line in lines)
        yield self.paint(rule * max(map(columns, lines)), DIM)

    # --- running text ---------------------------------------------------------------------------------------------

    def prose(self, text: Prose) -> str:
        """Running text on one line, with formulas that are kept together."""
        return "".join(map(self._piece, text))

    def _piece(self, piece: object) -> str:
        match piece:
            case str():
                line = piece.replace("\n", " ")
                return self.dialect.text(line.translate(ASCII_SIGNS) if self.ascii else line)
            case Reference(number):
                return f"({number})"
            case _:
                formula = inline(piece, self.dialect, self.notation)  # type: ignore[arg-type]  # all that Prose holds
                return formula.replace(" ", NBSP) if columns(formula) <= KEPT_TOGETHER else formula

    def _wrapped(self, text: Prose, first: str = "", rest: str = "") -> Iterator[str]:
        line, begun = first, False
        for word in self.prose(text).split(" "):
            if begun and columns(line) + 1 + columns(word) > self.width:
                yield from self._finished(line)
                line, begun = rest, False
            line += (" " if begun else "") + word
            begun = begun or bool(word)
        yield from self._finished(line)

    def _finished(self, line: str) -> Iterator[str]:
        return (piece.replace(NBSP, " ") for piece in cut(line, self.width))

    # --- equations ------------------------------------------------------------------------------------------------

    def _display(self, block: Display) -> Iterator[str]:
        tail = self._tail(block)
        room = self.width - len(INDENT)
        *lines, last = (INDENT + line for line in equation_lines(block, self.dialect, self.notation, room))
        yield from lines
        plain = "  ".join(text for text, _ in tail)
        if columns(plain) > self.width:
            yield last
            yield from self._wrapped((*block.note, f" ({block.number})"), INDENT, INDENT)
            return
        painted = "  ".join(self.paint(text, code) if code else text for text, code in tail)
        space = self.width - columns(plain)
        if columns(last) + 2 <= space:
            yield f"{last}{' ' * (space - columns(last))}{painted}".rstrip()
        else:
            yield last
            yield f"{' ' * max(0, space)}{painted}"

    def _tail(self, block: Display) -> list[tuple[str, str]]:
        """What stands at the right of an equation: a note, the shape, the proof, the number."""
        tail = [(self.prose(block.note).replace(NBSP, " "), DIM)] if block.note else []
        if block.shape != SCALAR and block.number:
            w = writer(self.dialect, self.notation)
            tail.append((("x" if self.ascii else "×").join(map(w.dim, block.shape)), DIM))
        if block.badge is not None:
            tail.append((self._mark(block.badge.holds), GREEN if block.badge.holds else RED))
        if block.number:
            tail.append((f"({block.number})", ""))
        return tail

    def _mark(self, holds: bool) -> str:
        if self.ascii:
            return "[ok]" if holds else "[FALSE]"
        return "✓" if holds else "✗"

    # --- tables and the picture -----------------------------------------------------------------------------------

    def _conventions(self, rows: tuple[tuple[Prose, Prose], ...]) -> Iterator[str]:
        signs = [self.prose(sign).replace(NBSP, " ") for sign, _ in rows]
        margin = min(max(map(columns, signs)), self.width // 3)
        for sign, (_, meaning) in zip(signs, rows, strict=True):
            blank = " " * (len(INDENT) + margin + 2)
            if columns(sign) > margin:
                yield from cut(INDENT + sign, self.width)
                yield from self._wrapped(meaning, blank, blank)
            else:
                yield from self._wrapped(meaning, f"{INDENT}{sign}{' ' * (margin - columns(sign))}  ", blank)

    def _picture(self, block: Picture) -> Iterator[str]:
        room = self.width - len(INDENT)
        yield from (INDENT + line for line in flow_lines(block.structure, self.dialect, self.notation, room))
        yield ""
        yield from self._wrapped(block.caption, INDENT, INDENT)
