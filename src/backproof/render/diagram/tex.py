"""Labels and texts in LaTeX, spelt as the formulas beside the diagram are."""

from __future__ import annotations

import re

from backproof.render.diagram.labels import Label
from backproof.render.dialects import LATEX


def tex_math(label: Label) -> str:
    r"""The label in math mode, without the dollar signs.

    Example:
        >>> tex_math(Label("w", "", "1", "11")), tex_math(Label("y", "hat")), tex_math(Label("theta", "", "2"))
        ('w_{1}^{11}', '\\hat{y}', '\\theta_{2}')
    """
    base = LATEX.letter(label.base)
    if label.accent:
        base = LATEX.accented(label.accent, base)
    sub = f"_{{{_script(label.sub)}}}" if label.sub else ""
    sup = f"^{{{_script(label.sup)}}}" if label.sup else ""
    return base + sub + sup


def tex_text(text: str) -> str:
    """The text, escaped; × as mathematics, for the fonts of plain text lack it."""
    return r"$\times$".join(map(LATEX.text, text.split("×")))


def _script(text: str) -> str:
    if re.fullmatch(r"[0-9,;]+", text):
        return text
    return ",".join(part if part.isdigit() else LATEX.letter(part) for part in text.split(","))
