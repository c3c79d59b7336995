"""The blocks of a document as what the HTML templates show: prose as markup, formulas with their LaTeX, numbers."""

from __future__ import annotations

import re
from typing import Any, assert_never

from markupsafe import Markup

from backproof.dims import Shape
from backproof.ir.expr import Expr
from backproof.render.diagram import structure_diagram, to_svg
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
    Shaped,
)
from backproof.render.html_equation import equation_tex, equation_text, screen_size
from backproof.render.inline import inline
from backproof.render.widths import latex_width

DEEPEST_HEADING = 6

LONGEST_INLINE = 24
"""About how many letters an inline formula may have; a longer one gets a box that scrolls where it must."""

View = tuple[str, dict[str, Any]]
"""The name of the macro in ``blocks.html.j2`` that shows a block, and what it is shown with."""

# Control characters and lone surrogates cannot be stored; those that turn the direction of writing could make a label
# read as another one.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """The text without characters that HTML cannot hold, or that act on the text around them.

    Example:
        >>> clean("a\\x00b")
        'a\N{REPLACEMENT CHARACTER}b'
    """
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


class HtmlWriter:
    """Prepares the blocks of one document for the templates; what it returns is escaped there or is markup already."""

    def __init__(self, document: Document) -> None:
        self.notation = document.notation
        shown = (block for block in document.blocks if isinstance(block, Display))
        self.numbers = {display.number for display in shown if display.number and not display.restated}

    def block(self, block: Block) -> View:
        """The block as the name of a macro and its argument."""
        match block:
            case Heading(level, text, anchor):
                deep = min(level + 1, DEEPEST_HEADING)
                return "heading", {"level": deep, "text": self.prose(text), "anchor": anchor}
            case Paragraph(text):
                return "paragraph", {"text": self.prose(text)}
            case Display():
                return "display", self._display(block)
            case Conventions(rows):
                return "conventions", {"rows": [(self.prose(sign), self.prose(meaning)) for sign, meaning in rows]}
            case Picture(structure, caption):
                svg = Markup(to_svg(structure_diagram(structure, self.notation)))
                return "picture", {"svg": svg, "caption": self.prose(caption)}
            case Certified(holds, sentences):
                return "certified", {"holds": holds, "sentences": [clean(sentence) for sentence in sentences]}
            case _:
                assert_never(block)

    def prose(self, text: Prose) -> Markup:
        """Running text as HTML."""
        return Markup("").join(map(self._piece, text))

    def plain(self, text: Prose) -> str:
        """Running text without markup, for the title of the window."""
        return "".join(map(self._plain_piece, text))

    def _piece(self, piece: str | Expr | Shaped | Reference) -> Markup:
        match piece:
            case str():
                return Markup.escape(clean(piece))
            case Reference(number):
                return self._reference(number)
            case _:
                return self._math(piece)

    def _plain_piece(self, piece: str | Expr | Shaped | Reference) -> str:
        match piece:
            case str():
                return clean(piece)
            case Reference(number):
                return f"({number})"
            case _:
                return clean(inline(piece, UNICODE, self.notation))

    def _math(self, piece: Expr | Shaped) -> Markup:
        """A formula: its LaTeX for KaTeX, and as its text what is read where no script runs."""
        tex, text = (inline(piece, dialect, self.notation) for dialect in (LATEX, UNICODE))
        css = "math long" if latex_width(tex) > LONGEST_INLINE else "math"
        return Markup('<span class="{}" data-tex="{}">{}</span>').format(css, screen_size(tex), clean(text))

    def _reference(self, number: int) -> Markup:
        """A link where the equation is in the document; a summary leaves some out."""
        if number not in self.numbers:
            return Markup("({})").format(number)
        return Markup('<a class="ref" href="#eq-{0}">({0})</a>').format(number)

    # --- equations ---

    def _display(self, display: Display) -> dict[str, Any]:
        badge = display.badge
        return {
            "number": display.number,
            "restated": display.restated,
            "linked": display.number in self.numbers,
            "tex": equation_tex(display, self.notation),
            "text": clean(equation_text(display, self.notation)),
            "note": self.prose(display.note),
            "reason": clean(display.reason),
            "uses": [self._reference(number) for number in display.uses],
            "shape": _shape_text(display.shape),
            "badge": badge and {"holds": badge.holds, "summary": clean(badge.summary), "detail": clean(badge.detail)},
        }


def _shape_text(shape: Shape) -> str:
    return "×".join(clean(str(dim)) for dim in shape)
