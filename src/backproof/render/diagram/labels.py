"""Mathematical labels such as ``w_1^{11}``: a symbol with a subscript and a superscript, and their width."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from backproof.notation import Notation
from backproof.render.symbols import ACCENTS, GREEK, Symbol, symbol_of

SCRIPT_SCALE = 0.7
"""The size of sub- and superscripts beside their base."""

_NARROW, _MIDDLE, _WIDE = 0.3, 0.5, 0.78
_NARROW_LETTERS = frozenset(" ijltfrI.,:;|!'()[]{}/\\")
_WIDE_LETTERS = frozenset("mwMW%@—→")
_ACCENT_NAMES = {mark: name for name, mark in ACCENTS.items()}


@dataclass(frozen=True, slots=True)
class Label:
    """A base letter or word with indices: ``Label("w", "", "1", "11")`` is w with subscript 1, superscript 11.

    Example:
        >>> Label("w", "", "1", "11").name, Label("l", "", "1", "2").name, Label("y", "hat").name
        ('w_1^{11}', 'l_1^2', 'ŷ')
    """

    base: str
    accent: str = ""
    sub: str = ""
    sup: str = ""

    @property
    def letters(self) -> str:
        """The base as people read it: accented, Greek letters as such."""
        return unicodedata.normalize("NFC", GREEK.get(self.base, self.base) + ACCENTS.get(self.accent, ""))

    @property
    def name(self) -> str:
        """The label on one line."""
        return self.letters + _script("_", self.sub) + _script("^", self.sup)

    def width(self, size: float) -> float:
        """The estimated width at the font size ``size``, in the same unit."""
        scripts = max(text_width(self.sub, size), text_width(self.sup, size)) * SCRIPT_SCALE
        return text_width(self.letters, size) + scripts


def quantity_label(quantity: str) -> Label:
    """The label of a whole quantity, such as ``W_1`` or ``y_hat``.

    Example:
        >>> quantity_label("W_1").name, quantity_label("y_hat").name
        ('W_1', 'ŷ')
    """
    symbol = _symbol(quantity)
    return Label(symbol.base, symbol.accent, ",".join(symbol.sub))


def node_label(quantity: str, index: int, size: int, notation: Notation) -> Label:
    """The label of component ``index`` (from 1) of the ``size`` components of a quantity such as ``l_1``.

    Example:
        >>> node_label("l_1", 2, 3, Notation()).name, node_label("l_1", 2, 3, Notation(indices="plain")).name
        ('l_1^2', 'l_{1;2}')
    """
    return _entry(quantity, [(index, size)], notation)


def weight_label(quantity: str, ends: tuple[int, int], sizes: tuple[int, int], notation: Notation) -> Label:
    """The label of the weight between two components (from 1) of layers of the given sizes.

    Example:
        >>> weight_label("W_1", (2, 1), (3, 2), Notation()).name
        'w_1^{21}'
        >>> weight_label("W_1", (2, 1), (3, 2), Notation(samples="columns")).name
        'w_1^{12}'
    """
    indices = list(zip(ends, sizes, strict=True))
    return _entry(quantity, indices if notation.samples == "rows" else indices[::-1], notation)


def shape_label(inputs: int, outputs: int, notation: Notation) -> str:
    """The shape of the weight matrix between two layers.

    Example:
        >>> shape_label(3, 2, Notation()), shape_label(3, 2, Notation(samples="columns"))
        ('3 × 2', '2 × 3')
    """
    rows, columns = (inputs, outputs) if notation.samples == "rows" else (outputs, inputs)
    return f"{rows} × {columns}"


def text_width(text: str, size: float) -> float:
    """The estimated width of a text in a book face such as Times, in the unit of the font size ``size``.

    Example:
        >>> round(text_width("x", 10), 2), text_width("", 10)
        (5.0, 0)
    """
    return size * sum(_letter_width(letter) for letter in text)


def shortened(text: str, limit: int) -> str:
    """The text on one line, cut at ``limit`` letters with an ellipsis.

    Example:
        >>> shortened("mean concave points", 10)
        'mean conc…'
    """
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _symbol(quantity: str) -> Symbol:
    """The symbol of an identifier; a letter that carries its accent, as in ``ŷ``, will do too."""
    match list(unicodedata.normalize("NFD", quantity)):
        case [letter, mark] if mark in _ACCENT_NAMES:
            return Symbol(letter, _ACCENT_NAMES[mark])
        case _:
            return symbol_of(quantity)


def _entry(quantity: str, indices: list[tuple[int, int]], notation: Notation) -> Label:
    # As in the seed, an axis of length one carries no index: w_2^1, not w_2^{11}, and ŷ, not ŷ^1.
    written = [str(index) for index, size in indices if size > 1]
    symbol = _symbol(quantity).lowered
    sub = ",".join(symbol.sub)
    match notation.indices:
        case "seed":
            separator = "," if any(size > 9 for _, size in indices) else ""
            return Label(symbol.base, symbol.accent, sub, separator.join(written))
        case "plain":
            return Label(symbol.base, symbol.accent, ";".join(filter(None, (sub, ",".join(written)))))


def _script(mark: str, text: str) -> str:
    if not text:
        return ""
    return mark + (text if len(text) == 1 else "{" + text + "}")


def _letter_width(letter: str) -> float:
    if letter in _NARROW_LETTERS:
        return _NARROW
    if letter in _WIDE_LETTERS:
        return _WIDE
    if ord(letter) >= 0x2E80:  # East Asian scripts fill the em
        return 1.0
    return 0.68 if letter.isupper() else _MIDDLE
