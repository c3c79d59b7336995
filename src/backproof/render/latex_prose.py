"""Running text in LaTeX: everything that a user may have written is escaped, signs become mathematics."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backproof.render.symbols import latex_text

SIGNS: Mapping[str, str] = {
    "×": r"$\times$",
    "·": r"$\cdot$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≈": r"$\approx$",
    "≠": r"$\ne$",
    "±": r"$\pm$",
    "−": "$-$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "∈": r"$\in$",
    "⟨": r"$\langle$",
    "⟩": r"$\rangle$",
    "∇": r"$\nabla$",
    "∂": r"$\partial$",
    "→": r"$\to$",
    "←": r"$\leftarrow$",
    "⋮": r"$\vdots$",
    "…": r"\dots{}",
    "–": "--",
    "—": "---",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "✓": r"$\checkmark$",
    **{letter: f"$^{{{digit}}}$" for digit, letter in zip("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True)},
}
"""Signs of running text that have no letter in LaTeX's fonts."""

_SIGN = re.compile("|".join(map(re.escape, SIGNS)))


def escaped(text: str) -> str:
    """Any text as LaTeX outside of mathematics.

    Example:
        >>> print(escaped("2 × 3 is 100% of $6"))
        2 $\\times$ 3 is 100\\% of \\$6
    """
    parts, start = [], 0
    for match in _SIGN.finditer(text):
        parts += [latex_text(text[start : match.start()]), SIGNS[match[0]]]
        start = match.end()
    return "".join([*parts, latex_text(text[start:])])
