"""Widths: how many columns a text takes in a terminal; how wide a LaTeX formula will be, estimated in letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

SCRIPT = 0.7
"""The size of sub- and superscripts beside their base."""

SIGN_WIDTHS: Mapping[str, float] = {
    r"\left": 0.2,
    r"\right": 0.2,
    r"\Bigl": 0.4,
    r"\Bigr": 0.4,
    r"\!": -0.3,
    r"\,": 0.3,
    r"\quad": 2,
    r"\\": 0,
    "&": 2,
    "+": 2.2,
    "-": 2.2,
    "=": 2.5,
    ">": 2.5,
    ".": 0.5,
    ",": 0.5,
    r"\times": 2.2,
    r"\circ": 2,
    r"\odot": 2.2,
    r"\cdot": 1.5,
    r"\Delta": 1.5,
    r"\sum": 2.5,
    r"\top": 1,
    r"\cdots": 2,
}
"""Signs that are not about as wide as a small letter."""

BRACKETS = 1.5
"""The brackets around a matrix, the brace before cases."""

WORDS = (r"\text", r"\mathrm", r"\operatorname", r"\mathbin", r"\hat", r"\bar", r"\tilde")
"""Commands that are as wide as their argument."""

_TOKEN = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|\\.|\S", re.DOTALL)


def columns(text: str) -> int:
    """The columns that a text takes in a terminal: combining characters take none, East Asian ones two.

    Example:
        >>> columns("ŷ"), columns("x\\u0302"), columns("層")
        (1, 1, 2)
    """
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


@lru_cache(maxsize=8192)
def latex_width(formula: str) -> float:
    """About how many letters wide a formula is when typeset: stacked things count once.

    Example:
        >>> latex_width("w_1^{11}") < 3 < latex_width("x + y")
        True
        >>> latex_width(r"\\frac{x}{y + z}") == latex_width("y + z")
        True
    """
    return _line(_TOKEN.findall(formula), 0, "")[0]


def _line(tokens: list[str], start: int, closing: str) -> tuple[float, int]:
    """The width up to the closing token, and where reading goes on."""
    widest = width = raised = 0.0
    position = start
    while position < len(tokens):
        token = tokens[position]
        if token == closing or (closing == r"\end" and token.startswith(closing)):
            position += 1
            break
        size, after = _atom(tokens, position)
        if token in ("_", "^"):
            # A sub- and a superscript stand above each other.
            follows = position > start and raised > 0
            width += max(0.0, SCRIPT * size - raised) if follows else SCRIPT * size
            raised = max(raised, SCRIPT * size)
        else:
            raised = 0.0
            width += size
        if token == r"\\":
            widest, width = max(widest, width), 0.0
        position = after
    return max(widest, width), position


def _atom(tokens: list[str], position: int) -> tuple[float, int]:
    """The width of one token with its arguments, and where reading goes on."""
    if position >= len(tokens):
        return 0.0, position
    token = tokens[position]
    if token == "{":
        return _line(tokens, position + 1, "}")
    if token.startswith(r"\begin"):
        inside, position = _line(tokens, position + 1, r"\end")
        return inside + BRACKETS, position
    if token in ("_", "^", *WORDS):
        return _atom(tokens, position + 1)
    if token == r"\frac":
        above, position = _atom(tokens, position + 1)
        below, position = _atom(tokens, position)
        return max(above, below), position
    return SIGN_WIDTHS.get(token, 1.3 if token.isupper() else 1.0), position + 1
