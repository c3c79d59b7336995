"""Words: numbers, lists, references and what a network is, as running text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from backproof.ir.program import Layer, Structure
from backproof.render.dialects import FUNCTION_WORDS
from backproof.render.document import Prose, Reference

SMALL_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

LISTED_LAYERS = 4
"""Hidden layers that the sentence about a network tells one by one, where they differ."""


def number_word(count: int) -> str:
    """Small numbers as words: three, 12."""
    return SMALL_NUMBERS[count] if count < len(SMALL_NUMBERS) else str(count)


def counted(count: int, noun: str) -> str:
    """The number with the noun, in the plural where it is one.

    Example:
        >>> counted(1, "input"), counted(3, "input")
        ('1 input', '3 inputs')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def capitalised(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def article(text: str) -> str:
    """The text with its indefinite article, by the sound of the number that it begins with.

    Example:
        >>> article("3-2-1 network"), article("8-4-1 network"), article("11-1 network")
        ('a 3-2-1 network', 'an 8-4-1 network', 'an 11-1 network')
    """
    return ("an " if re.match(r"8|1[18](\D|\d{3}(\D|$)|$)", text) else "a ") + text


def listed(pieces: Sequence[Prose], last: str = " and ") -> Prose:
    """The pieces as a list in a sentence: a, b and c."""
    text: list[object] = []
    for position, piece in enumerate(pieces):
        if position:
            text.append(last if position == len(pieces) - 1 else ", ")
        text += piece
    return tuple(text)  # type: ignore[arg-type]  # what Prose is made of, joined by strings


def references(numbers: Iterable[int]) -> Prose:
    """The equations of these numbers as a list: (2), (5) to (7) and (9).

    Example:
        >>> references([5, 6, 7, 9])
        (Reference(number=5), ' to ', Reference(number=7), ' and ', Reference(number=9))
    """
    pieces: list[Prose] = []
    for _, run in groupby(enumerate(sorted(set(numbers))), key=lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        if len(found) > 2:
            pieces.append((Reference(found[0]), " to ", Reference(found[-1])))
        else:
            pieces += [(Reference(number),) for number in found]
    return listed(pieces)


def loss_words(label: str, *, is_loss: bool) -> Prose:
    """What is said before the equation of the loss or of another scalar, from its label.

    Example:
        >>> loss_words("mean cross-entropy over the samples", is_loss=True)
        ('We use mean cross-entropy over the samples as the loss:',)
    """
    if not is_loss:
        return (f"The {label.replace(': ', ', ')}{',' if ': ' in label else ''} is" if label else "Let",)
    if label.startswith("the loss: "):
        return ("The loss is their sum:",)
    return (f"We use {label}{',' if ',' in label else ''} as the loss:",) if label else ("The loss is",)


# --- networks -----------------------------------------------------------------------------------------------------


def activation_word(activation: str) -> str:
    """An activation as an adjective: a ReLU unit, a linear unit."""
    return "linear" if activation == "identity" else FUNCTION_WORDS.get(activation, activation)


def network_words(structure: Structure) -> str:
    """What a network consists of.

    Example:
        >>> import backproof as bp
        >>> network_words(bp.mlp(3, 2, 1).structure)
        '3 inputs, one hidden layer of 2 sigmoid units and 1 sigmoid output'
    """
    *hidden, last = structure.layers
    output = counted(last.outputs, f"{activation_word(last.activation)} output")
    inputs = counted(structure.layers[0].inputs, "input")
    if not hidden:
        return f"{inputs} and {output}, and no hidden layer"
    return f"{inputs}, {_hidden_words(hidden)} and {output}"


def _hidden_words(hidden: Sequence[Layer]) -> str:
    count = number_word(len(hidden))
    layers = "one hidden layer" if len(hidden) == 1 else f"{count} hidden layers"
    if len({(layer.outputs, layer.activation) for layer in hidden}) == 1:
        units = counted(hidden[0].outputs, f"{activation_word(hidden[0].activation)} unit")
        return f"{layers} of {units}" + (" each" if len(hidden) > 1 else "")
    if len(hidden) > LISTED_LAYERS:
        widths = [layer.outputs for layer in hidden]
        words = {activation_word(layer.activation) for layer in hidden}
        kind = f"{words.pop()} units" if len(words) == 1 else "units"
        return f"{layers} of {min(widths)} to {max(widths)} {kind}"
    if len({layer.activation for layer in hidden}) == 1:
        widths_of = [str(layer.outputs) for layer in hidden]
        return (
            f"{layers} of {', '.join(widths_of[:-1])} and {widths_of[-1]} {activation_word(hidden[0].activation)} units"
        )
    units_of = [counted(layer.outputs, f"{activation_word(layer.activation)} unit") for layer in hidden]
    return f"{layers} of {', '.join(units_of[:-1])} and {units_of[-1]}"
