"""A document as data: headings, prose with formulas in it, displayed equations, tables of values, a picture.

The outline (``render.outline``) makes a document from a derivation; each writer (text, LaTeX, HTML, Markdown) makes
one format of it. So a sentence or an equation is composed once, whatever it is read on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from backproof.dims import Shape
from backproof.ir.expr import Expr
from backproof.ir.program import Structure
from backproof.notation import Notation

Prose = tuple["str | Expr | Shaped | Reference", ...]
"""Running text: strings are escaped by the writer, expressions are set as inline formulas (``render.inline``)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A link to a displayed equation of this document: ``(36)``; plain text where that one is left out."""

    number: int


@dataclass(frozen=True, slots=True)
class Shaped:
    """A formula with its shape, ``[W_1]_{3×2}``; ∂L/∂W is written as the gradient ∇_W L."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class Badge:
    """What the proof says of one equation; shown beside it.

    Args:
        holds: whether it is proved.
        summary: in a few words, e.g. ``"proved"`` or ``"does not hold"``.
        detail: the method and the bound, for those who ask.
    """

    holds: bool
    summary: str
    detail: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is a part of the document."""

    level: int
    text: Prose
    anchor: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: Prose


@dataclass(frozen=True, slots=True)
class Display:
    """One numbered equation: ``target = lines[0] = lines[1] = …``.

    Args:
        number: as printed; unique in the document but for equations that are restated; 0 prints none.
        target: the left-hand side.
        lines: the right-hand sides.
        reason: why, in a phrase, for those who ask (the prose before the equation says it as well).
        uses: the numbers of the equations that it rests on.
        shape: the shape of both sides.
        note: printed beside the equation: ``using (9)``.
        relation: ``"="``, or ``"←"`` where the equation replaces the value of the left-hand side.
        restated: whether the equation was shown before under its number, and needs no anchor.
        badge: what the proof says of it, where there is a proof.
        substituted: with numbers: the right-hand side with numbers put in, where that is worth reading.
        values: with numbers: the value of the left-hand side, as rows of entries (None for entries left out of a large
            matrix), and ``()`` where none is shown. There may be no lines then, and the number is 0: what is given.
    """

    number: int
    target: Expr
    lines: tuple[Expr, ...]
    reason: str = ""
    uses: tuple[int, ...] = ()
    shape: Shape = ()
    note: Prose = ()
    relation: Literal["=", "←"] = "="
    restated: bool = False
    badge: Badge | None = None
    substituted: Expr | None = None
    values: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Conventions:
    """The notation and what holds at kinks: rows of a symbol and its meaning."""

    rows: tuple[tuple[Prose, Prose], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """The diagram of the network."""

    structure: Structure
    caption: Prose


@dataclass(frozen=True, slots=True)
class Certified:
    """The summary of the proof: sentences, the first of which says whether everything holds."""

    holds: bool
    sentences: tuple[str, ...]


Block = Heading | Paragraph | Display | Conventions | Picture | Certified


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document.

    Args:
        title: as printed at the head.
        notation: in which every formula is set.
        blocks: the content in order.
        facts: name and value of what made it (version, specification, seed), for a colophon.
    """

    title: Prose
    notation: Notation
    blocks: tuple[Block, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
