"""From text to tokens: numbers as exact fractions, names as plain ASCII, the signs that people type or paste."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from backproof.errors import FormulaError

LONGEST_NAME = 40
LONGEST_NUMBER = 40
DECADES = 300
"""Numbers lie between 10^-300 and 10^300 in size, so that every floating-point backend can hold them."""
OUT_OF_RANGE = f"is out of range; its size must be from 1e-{DECADES} to 1e{DECADES}"
EXCERPT = 30
"""How many characters of the formula an error shows on either side of the column."""

Kind = Literal["number", "name", "operator", "power", "separator", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a formula.

    Args:
        kind: ``power`` is a superscript number such as ², ``separator`` ends an equation.
        text: what it means, in ASCII: ``@`` for a matrix product, ``sigma`` for σ.
        position: where it starts, counted from 0.
        length: how many characters of the text it takes.
        value: the number that it is.
    """

    kind: Kind
    text: str
    position: int
    length: int = 1
    value: Fraction = Fraction(0)

    @property
    def end(self) -> int:
        """Where the token after it may start."""
        return self.position + self.length


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a formula or a program, and how errors point into it."""

    text: str

    def error(self, message: str, position: int) -> FormulaError:
        """The error to raise: its message ends in the column and the formula, marked there with a bar."""
        return FormulaError(f"{message}{self.place(position)}", formula=self.text, column=self._column(position))

    def place(self, position: int) -> str:
        """`` — at column 8: x*tanh(|sofplus(x))``, with the line where there are several."""
        line_start = self.text.rfind("\n", 0, position) + 1
        line_end = self.text.find("\n", position)
        line = self.text[line_start : len(self.text) if line_end < 0 else line_end]
        at = position - line_start
        before, after = line[max(0, at - EXCERPT) : at], line[at : at + EXCERPT]
        cut_before, cut_after = "…" * (at > EXCERPT), "…" * (len(line) > at + EXCERPT)
        number = self.text.count("\n", 0, position) + 1
        where = f"line {number}, column {at + 1}" if "\n" in self.text.strip() else f"column {at + 1}"
        return f" — at {where}: {cut_before}{_one_line(before)}|{_one_line(after)}{cut_after}"

    def _column(self, position: int) -> int:
        return position - (self.text.rfind("\n", 0, position) + 1) + 1


def _one_line(text: str) -> str:
    """The text with everything that would move a cursor or hide something shown as a question mark."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


SIGNS: Mapping[str, str] = {
    **{sign: sign for sign in ("**", ">=", "<=", "==", "!=", *"+-*/@^><=(),:'")},
    ".": ".",
    ".T": "'",
    "ᵀ": "'",
    "’": "'",
    "′": "'",
    "−": "-",
    "–": "-",
    "÷": "/",
    "∘": "*",
    "⊙": "*",
    "×": "*",
    "·": ".",
    "⋅": ".",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
}
"""Every sign that has a meaning, by how it may be written; the dot stands between matrices or scalars."""

LETTERS: Mapping[str, str] = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta", "θ": "theta", "κ": "kappa",
    "λ": "lam", "μ": "mu", "µ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
    "φ": "phi", "ψ": "psi", "ω": "omega", "Σ": "sum", "∑": "sum", "√": "sqrt",
}  # fmt: skip
"""Letters that stand for a word; λ is ``lam``, for emitted Python could not use ``lambda``."""

HAT = "\u0302"
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"

_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIGN = re.compile(
    "|".join(re.escape(sign) + r"(?![A-Za-z0-9_])" * (sign == ".T") for sign in sorted(SIGNS, key=len, reverse=True))
)
_POWER = re.compile(f"⁻?[{SUPERSCRIPTS}]+")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LETTER_AFTER = re.compile(r"[A-Za-z0-9_]")


def tokenize(source: Source, *, separators: bool = False) -> list[Token]:
    """The tokens of the text, with one ``end`` after the last.

    Args:
        source: the text.
        separators: whether newlines (outside parentheses) and semicolons end equations and ``#`` starts a comment.

    Raises:
        FormulaError: a character, number or name that means nothing.

    Example:
        >>> [token.text for token in tokenize(Source("½"))]
        Traceback (most recent call last):
        ...
        backproof.errors.FormulaError: the character '½' means nothing in a formula; leave it out — at column 1: |½
        >>> [token.text for token in tokenize(Source("σ(X · W₁) − ŷ"))][:-1]
        ['sigma', '(', 'X', '.', 'W_1', ')', '-', 'y_hat']
    """
    return [*_tokens(source, separators), Token("end", "the end", len(source.text), 0)]


def _tokens(source: Source, separators: bool) -> Iterator[Token]:
    text, position, depth = source.text, 0, 0
    while position < len(text):
        character = text[position]
        if separators and character == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif separators and (character == ";" or (character == "\n" and depth == 0)):
            yield Token("separator", character, position)
            position += 1
        elif character.isspace():
            position += 1
        else:
            token = _token(source, position)
            depth = max(0, depth + (token.text == "(") - (token.text == ")"))
            yield token
            position = token.end


def _token(source: Source, position: int) -> Token:
    text = source.text
    if found := _NUMBER.match(text, position):
        return _number(source, found[0], position)
    if (found := _POWER.match(text, position)) and len(found[0]) <= LONGEST_NUMBER:
        digits = "".join("-" if c == "⁻" else str(SUPERSCRIPTS.index(c)) for c in found[0])
        return Token("power", f"^{digits}", position, len(found[0]), Fraction(int(digits)))
    if found := _SIGN.match(text, position):
        return Token("operator", SIGNS[found[0]], position, len(found[0]))
    name, end = _name(text, position)
    if not name:
        hint = SPELLINGS.get(text[position], "leave it out")
        shown = _one_line(text[position])
        raise source.error(f"the character {shown!r} means nothing in a formula; {hint}", position)
    if len(name) > LONGEST_NAME:
        raise source.error(f"a name may have at most {LONGEST_NAME} letters, this one has {len(name)}", position)
    return Token("name", name, position, end - position)


SPELLINGS: Mapping[str, str] = {
    "[": "write components and ranges out, and group with ( )",
    "]": "write components and ranges out, and group with ( )",
    "{": "group with ( )",
    "}": "group with ( )",
    "|": "write abs(x) for |x|",
    "‖": "write norm(x) for ‖x‖",
    "\\": "write the formula without LaTeX commands",
    "$": "write the formula without LaTeX commands",
    "&": "write the product of two comparisons for 'and'",
    "%": "write the number as a fraction",
    '"': "quotation marks have no place in a formula",
    "_": "a name starts with a letter",
    ";": "a formula is a single expression",
    "#": "only programs have comments",
}
"""What to write instead of a character that means nothing."""


def _name(text: str, position: int) -> tuple[str, int]:
    """The ASCII spelling of the name that starts here and where it ends; empty where none starts."""
    name, end = "", position
    while end < len(text):
        character = text[end]
        if _WORD.match(character) or (name and _LETTER_AFTER.match(character)):
            name += character
        elif character in LETTERS:
            name += LETTERS[character]
        elif name and character == HAT:
            name += "_hat"
        elif name and character in SUBSCRIPTS:
            name += ("" if text[end - 1] in SUBSCRIPTS else "_") + str(SUBSCRIPTS.index(character))
        elif decomposed := _hatted(character):
            name += decomposed
        else:
            break
        end += 1
    return name, end


def _hatted(character: str) -> str:
    """``y_hat`` for ŷ; empty for any character that is no plain letter with a hat."""
    decomposed = unicodedata.normalize("NFD", character)
    return f"{decomposed[0]}_hat" if decomposed[1:] == HAT and _WORD.match(decomposed) else ""


def _number(source: Source, text: str, position: int) -> Token:
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > LONGEST_NUMBER:
        raise source.error(
            f"a number may have at most {LONGEST_NUMBER} digits, this one has {len(mantissa)}; round it", position
        )
    value = Fraction(mantissa)
    if exponent and value:
        # The length first: 10 to the power of a long exponent would never end.
        if len(exponent.lstrip("+-").lstrip("0")) > len(str(DECADES)):
            raise source.error(f"the number {text[:LONGEST_NUMBER]} {OUT_OF_RANGE}", position)
        value *= Fraction(10) ** int(exponent)
    if wrong := complaint(value):
        raise source.error(f"the number {text[:LONGEST_NUMBER]} {wrong}", position)
    return Token("number", text, position, len(text), value)


def complaint(value: Fraction) -> str:
    """What is wrong with a number that no float can hold, or no page; empty for any other."""
    if value and not Fraction(1, 10**DECADES) <= abs(value) <= 10**DECADES:
        return OUT_OF_RANGE
    if max(abs(value.numerator), value.denominator) > 10 ** (2 * DECADES):
        return "needs too many digits to be exact; round the numbers that make it"
    return ""
