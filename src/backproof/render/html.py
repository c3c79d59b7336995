"""Documents as HTML: one self-contained file, its formulas set by KaTeX, every label escaped, nothing loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from backproof.render.document import Document, Heading
from backproof.render.html_blocks import HtmlWriter, clean
from backproof.render.katex import katex_script, katex_style
from backproof.render.pages import policy, resource, template


@dataclass(frozen=True, slots=True)
class HtmlSection:
    """A section that is HTML already, set among those of the document.

    Args:
        title: its heading.
        anchor: its ``id``; unique in the document.
        html: its content, put in as it is, so all that comes from users must be escaped in it. Tables, figures, inline
            SVG and images as ``data:`` look like the rest of the document, whose colours are there as ``var(--ink)``,
            ``--quiet``, ``--rule``, ``--wash``, ``--link``, ``--good`` and ``--bad``; scripts do not run, nothing is
            loaded.
        place: before the document's own blocks, or after them. A document that is to follow such a section should begin
            with a heading, or its first lines would seem to belong to that section.
    """

    title: str
    anchor: str
    html: Markup
    place: Literal["before", "after"] = "after"


def to_html(document: Document, *, extra_sections: Sequence[HtmlSection] = ()) -> str:
    """The document as one HTML file that loads nothing and runs no script but its own.

    Args:
        document: what to write.
        extra_sections: more sections, listed in the table of contents like the rest.

    Example:
        >>> from backproof.ir.expr import Name
        >>> from backproof.notation import Notation
        >>> z = Name("z", (1, 2))
        >>> document = Document(("The square of ", z), Notation(), ())
        >>> html = to_html(document)
        >>> html[:15], html.count("<script>"), "<title>The square of z</title>" in html
        ('<!DOCTYPE html>', 2, True)
    """
    writer = HtmlWriter(document)
    before, after = ([s for s in extra_sections if s.place == place] for place in ("before", "after"))
    scripts = [katex_script(), resource("backproof.render", "templates", "document.js")]
    return template("backproof.render", "document.html.j2").render(
        title=writer.prose(document.title),
        plain_title=writer.plain(document.title),
        policy=policy(scripts),
        styles=[Markup(style) for style in (katex_style(), resource("backproof.render", "templates", "document.css"))],
        scripts=[Markup(script) for script in scripts],
        blocks=[*map(_extra, before), *map(writer.block, document.blocks), *map(_extra, after)],
        contents=_contents([*map(_entry, before), *_entries(writer, document), *map(_entry, after)]),
        facts=[(clean(name), clean(value)) for name, value in document.facts.items()],
    )


def _extra(section: HtmlSection) -> tuple[str, dict[str, Any]]:
    return "extra", {"title": clean(section.title), "anchor": section.anchor, "html": section.html}


# --- the table of contents ----------------------------------------------------------------------------------------

Entry = tuple[int, Markup, str]
"""A heading: its level, its text and its anchor."""


def _entry(section: HtmlSection) -> Entry:
    return 1, Markup.escape(clean(section.title)), section.anchor


def _entries(writer: HtmlWriter, document: Document) -> list[Entry]:
    headings = (block for block in document.blocks if isinstance(block, Heading))
    return [(heading.level, writer.prose(heading.text), heading.anchor) for heading in headings]


def _contents(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The parts of the document, each with its sections; what is deeper is left out."""
    parts: list[dict[str, Any]] = []
    for level, text, anchor in entries:
        item = {"text": text, "anchor": anchor, "sections": []}
        if level == 1 or not parts:
            parts.append(item)
        elif level == 2:
            parts[-1]["sections"].append(item)
    return parts
