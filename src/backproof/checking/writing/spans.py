"""Lines of text in styles: measured, wrapped and painted for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from backproof.render.symbols import plain_text
from backproof.render.text_equation import cut
from backproof.render.widths import columns

CODES: Mapping[str, str] = {
    "right": "32",
    "wrong": "1;31",
    "unsure": "33",
    "absent": "2",
    "quiet": "2",
    "strong": "1",
    "gone": "31",
    "come": "32",
}
"""The parameters of terminal colours by style."""


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def line_width(line: Line) -> int:
    """The columns that a line takes."""
    return sum(columns(span.text) for span in line)


def padded(line: Line, width: int) -> Line:
    """The line with blanks up to the width."""
    blank = width - line_width(line)
    return (*line, Span(" " * blank)) if blank > 0 else line


def painted(line: Line, *, color: bool) -> str:
    """The line as a terminal takes it, without blanks at its end."""
    *before, last = line or (Span(""),)
    while before and not last.text.strip():
        last = before.pop()
    spans = [*before, Span(last.text.rstrip(), last.style)]
    return "".join(_painted(span, color) for span in spans)


def _painted(span: Span, color: bool) -> str:
    code = CODES.get(span.style, "")
    return f"\x1b[{code}m{span.text}\x1b[0m" if color and code and span.text else span.text


def wrapped(text: str, width: int, first: str = "", rest: str = "", style: str = "") -> Iterator[Line]:
    """Running text of anybody's in lines of at most so many columns; what does not print shows as its escape.

    Args:
        first, rest: what the first line begins with, and the others.

    Example:
        >>> [line[0].text for line in wrapped("one two three", 10, "- ", "  ")]
        ['- one two', '  three']
    """
    line, begun = first, False
    for word in map(plain_text, text.split()):
        if begun and columns(line) + 1 + columns(word) > width:
            yield from ((Span(piece, style),) for piece in cut(line, width))
            line, begun = rest, False
        line += f" {word}" if begun else word
        begun = True
    yield from ((Span(piece, style),) for piece in cut(line, width))
