"""KaTeX as parts of one HTML file: its script, and its style sheet with the fonts inside."""

from __future__ import annotations

import base64
import re
from functools import cache
from importlib.resources import files

FONTS = (
    "KaTeX_Main-Regular",
    "KaTeX_Math-Italic",
    "KaTeX_Size1-Regular",
    "KaTeX_Size2-Regular",
    "KaTeX_Size3-Regular",
    "KaTeX_Size4-Regular",
)
"""The fonts that typeset formulas ask for; bold, script and the like would only make the file larger."""

_VENDORED = files("backproof.render") / "vendor" / "katex"
_FONT_FACE = re.compile(r"@font-face\{[^}]*fonts/([\w-]+)\.woff2[^}]*\}")
_SOURCE = re.compile(r"src:[^}]*")


@cache
def katex_script() -> str:
    """The minified JavaScript, which defines ``katex``."""
    return (_VENDORED / "katex.min.js").read_text(encoding="utf-8").strip()


@cache
def katex_style() -> str:
    """The style sheet with the fonts in ``FONTS`` as data, and without rules for any other."""
    css = (_VENDORED / "katex.min.css").read_text(encoding="utf-8").strip()
    return _FONT_FACE.sub(_embedded, css)


def _embedded(rule: re.Match[str]) -> str:
    font = rule[1]
    if font not in FONTS:
        return ""
    data = base64.b64encode((_VENDORED / "fonts" / f"{font}.woff2").read_bytes()).decode("ascii")
    return _SOURCE.sub(f'src:url(data:font/woff2;base64,{data}) format("woff2")', rule[0])
