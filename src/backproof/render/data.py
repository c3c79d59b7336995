"""A document as plain data, for programs that read derivations: what JSON can hold."""

from __future__ import annotations

from typing import Any

from backproof.dims import shape_text
from backproof.render.dialects import LATEX, UNICODE
from backproof.render.document import Badge, Display, Document
from backproof.render.typeset import typeset


def to_data(document: Document) -> dict[str, Any]:
    """The numbered equations of the document in order, each as text and as LaTeX.

    Returns:
        ``{"equations": [{"number", "target", "lines", "latex", "shape", "reason", "uses", "proof", "values"}, …],
        "made_by": {…}}``.
    """
    shown = [block for block in document.blocks if isinstance(block, Display) and not block.restated]
    return {"equations": [_equation(block, document) for block in shown], "made_by": dict(document.facts)}


def _equation(block: Display, document: Document) -> dict[str, Any]:
    sides = (block.target, *block.lines)
    text = [typeset(side, UNICODE, document.notation) for side in sides]
    return {
        "number": block.number,
        "target": text[0],
        "lines": text[1:],
        "latex": [typeset(side, LATEX, document.notation) for side in sides],
        "shape": shape_text(block.shape),
        "reason": block.reason,
        "uses": list(block.uses),
        "proof": _proof(block.badge),
        "values": [list(row) for row in block.values],
    }


def _proof(badge: Badge | None) -> dict[str, Any] | None:
    return None if badge is None else {"holds": badge.holds, "summary": badge.summary, "detail": badge.detail}
