"""Symbols: how an identifier such as ``W_1``, ``y_hat`` or ``delta_2`` is taken apart; arbitrary text made harmless."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

GREEK: Mapping[str, str] = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ",
    "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
"""The letters that an identifier may spell out; in LaTeX each is the command of the same name."""

ACCENTS: Mapping[str, str] = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
"""The accents that an identifier may spell out, as combining characters; in LaTeX each is the command of that name."""

DELTA, GRADIENT = "delta_", "grad_"
"""How the identifiers of adjoints begin: ``delta_1`` of a layer, ``grad_W_1`` of a quantity."""

LONGEST_SUBSCRIPT = 2
"""Parts that a subscript may have; a longer identifier is written as the words that it is."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A base letter or word, an accent over it, and the parts of its subscript."""

    base: str
    accent: str = ""
    sub: tuple[str, ...] = ()

    @property
    def lowered(self) -> Symbol:
        """The symbol of an entry: the entries of W_1 are written w_1."""
        lower = self.base.lower() if len(self.base) == 1 else self.base
        return Symbol(lower, self.accent, self.sub)


@lru_cache(maxsize=4096)
def symbol_of(id: str) -> Symbol:
    """The symbol that an identifier stands for.

    Example:
        >>> symbol_of("W_1"), symbol_of("y_hat")
        (Symbol(base='W', accent='', sub=('1',)), Symbol(base='y', accent='hat', sub=()))
        >>> symbol_of("my_weight_2")
        Symbol(base='my_weight', accent='', sub=('2',))
        >>> symbol_of("l_k-1")
        Symbol(base='l', accent='', sub=('k-1',))
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*(_k[+-]1)?", id):
        return Symbol(id)
    base, *rest = id.split("_")
    if re.fullmatch(r"[A-Za-z][0-9]+", base):
        base, rest = base[0], [base[1:], *rest]
    if (len(base) > 1 and base not in GREEK) or len(rest) > LONGEST_SUBSCRIPT:
        words = [base]
        while rest and not rest[0].isdigit():
            words.append(rest.pop(0))
        return Symbol("_".join(words), "", tuple(rest))
    accent = rest.pop(0) if rest and rest[0] in ACCENTS else ""
    return Symbol(base, accent, tuple(rest))


# --- arbitrary text made harmless ---------------------------------------------------------------------------------

LATEX_ESCAPES: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
}
"""What stands for the characters that mean something to LaTeX, within text."""

LATEX_ACCENTS: Mapping[str, str] = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
}
"""The text accents that pdflatex and KaTeX both know, by combining character."""

LATEX_LETTERS: Mapping[str, str] = {
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    **{letter: rf"$\{name}$" for name, letter in GREEK.items() if name not in ("Upsilon",)},
}
"""Letters beyond ASCII that have a command of their own."""


def latex_text(text: str) -> str:
    """Any text as the inside of ``\\text{...}``, for pdflatex and KaTeX alike.

    A character that pdflatex has no letter for becomes its code point, so that the document still compiles.

    Example:
        >>> print(latex_text("50% of $x$ in größe"))
        50\\% of \\$x\\$ in gr\\"{o}\\ss{}e
    """
    return "".join(map(_latex_character, unicodedata.normalize("NFC", text)))


def _latex_character(character: str) -> str:
    if character in LATEX_ESCAPES:
        return LATEX_ESCAPES[character]
    if " " <= character <= "~":
        return character
    if character in LATEX_LETTERS:
        return LATEX_LETTERS[character]
    parts = unicodedata.normalize("NFD", character)
    letter, mark = parts[0], parts[1:]
    if letter.isascii() and letter.isalpha() and mark in LATEX_ACCENTS:
        base = rf"\{letter}" if letter in "ij" else letter
        return rf"\{LATEX_ACCENTS[mark]}{{{base}}}"
    return " " if character.isspace() else f"U+{ord(character):04X}"


def plain_text(text: str) -> str:
    """Any text on one line of a terminal: what does not print is shown as its escape.

    Example:
        >>> print(plain_text("größe\\x1b[31m"))
        größe\\x1b[31m
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def ascii_text(text: str) -> str:
    """Any text on one line of ASCII.

    Example:
        >>> print(ascii_text("größe"))
        gr\\xf6\\xdfe
    """
    return plain_text(text).encode("ascii", "backslashreplace").decode("ascii")
