"""Documents as GitHub's Markdown: formulas in its own delimiters, which keep Markdown out; equations linked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from backproof.notation import Notation
from backproof.render.dialects import LATEX, UNICODE
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
from backproof.render.latex_equation import formula
from backproof.render.layout import NEWLINE, WIDTH
from backproof.render.symbols import plain_text
from backproof.render.text_flow import flow_lines

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "@": "&#64;"}
"""Characters that a backslash does not make harmless everywhere: HTML, mathematics and mentions."""

PUNCTUATION = frozenset("\\`*_[]|~#")

_MARKER = re.compile(r"\s*(?:\d+(?=[.)])|(?=[-+=]))")
"""What would begin a list or underline a heading."""


def to_markdown(document: Document) -> str:
    """The document in GitHub's Markdown.

    Example:
        >>> from backproof.ir.expr import Name
        >>> z = Name("z")
        >>> print(to_markdown(Document(("A square of ", z), Notation(), (Display(1, Name("s"), (z * z,)),))), end="")
        # A square of $`z`$
        <BLANKLINE>
        <a id="eq-1"></a>
        <BLANKLINE>
        ```math
        s = z \\times z \\tag{1}
        ```
    """
    numbers = frozenset(
        block.number for block in document.blocks if isinstance(block, Display) and block.number and not block.restated
    )
    page = _Page(document.notation, numbers)
    return "\n\n".join(page.parts(document)) + "\n"


def escaped(text: str) -> str:
    """Any text on one line of Markdown.

    Example:
        >>> print(escaped("<script> *a_b* $x$"))
        &lt;script&gt; \\*a\\_b\\* &#36;x&#36;
    """
    line = plain_text(text.replace("\n", " "))
    safe = "".join(ENTITIES.get(c) or (f"\\{c}" if c in PUNCTUATION else c) for c in line)
    marker = _MARKER.match(safe)
    return safe if marker is None else f"{marker[0]}\\{safe[marker.end() :]}"


@dataclass(frozen=True)
class _Page:
    """A way to write: the signs, and the equations that can be linked to."""

    notation: Notation
    numbers: frozenset[int]

    def parts(self, document: Document) -> Iterator[str]:
        """The blocks of the document one by one."""
        yield f"# {self.prose(document.title)}"
        yield from map(self.block, document.blocks)
        if document.facts:
            yield "---"
            yield escaped("; ".join(f"{name}: {value}" for name, value in document.facts.items()))

    def block(self, block: Block) -> str:
        match block:
            case Heading(level, text):
                return f"#{'#' * level} {self.prose(text)}"
            case Paragraph(text):
                return self.prose(text)
            case Display():
                return self._display(block)
            case Conventions(rows):
                return "\n".join(f"- {self.prose(sign)}: {self.prose(meaning)}" for sign, meaning in rows)
            case Picture(structure, caption):
                flow = "\n".join(flow_lines(structure, UNICODE, self.notation, WIDTH)).replace("`", "'")
                return f"```text\n{flow}\n```\n\n{self.prose(caption)}"
            case Certified(_, (first, *rest)):
                return f"**{escaped(first)}** {escaped(' '.join(rest))}".rstrip()
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
                return f"[({number})](#eq-{number})" if number in self.numbers else f"({number})"
            case _:
                tex = inline(piece, LATEX, self.notation)  # type: ignore[arg-type]  # all that Prose holds
                return f"$`{_unquoted(tex)}`$"

    # --- equations ------------------------------------------------------------------------------------------------

    def _display(self, display: Display) -> str:
        tex = _unquoted(formula(display, self.notation).replace(NEWLINE, " \\\\\n"))
        note = f" \\qquad \\text{{{self._plain(display.note)}}}" if display.note else ""
        tag = f" \\tag{{{display.number}}}" if display.number else ""
        parts = [f'<a id="eq-{display.number}"></a>'] if display.number in self.numbers and not display.restated else []
        parts.append(f"```math\n{tex}{note}{tag}\n```")
        if display.badge is not None and not display.badge.holds:
            parts.append(f"**{escaped(display.badge.summary)}**: {escaped(display.badge.detail)}")
        return "\n\n".join(parts)

    def _plain(self, note: Prose) -> str:
        """A note within a formula, where there are no links."""
        return "".join(
            f"({piece.number})" if isinstance(piece, Reference) else LATEX.text(piece)
            for piece in note
            if isinstance(piece, str | Reference)
        )


def _unquoted(tex: str) -> str:
    """The formula without the quote that would end it in Markdown."""
    return tex.replace("`", "'")
