"""A network as lines of text: its layers from left to right, the weights on the arrows between them."""

from __future__ import annotations

from collections.abc import Sequence

from backproof.ir.expr import Name
from backproof.ir.program import Structure
from backproof.notation import Notation
from backproof.render.dialects import Dialect
from backproof.render.text_equation import cut
from backproof.render.typeset import typeset
from backproof.render.widths import columns
from backproof.render.words import activation_word

FIRST_LAYERS = 2
"""Layers that are shown before the dots where not all have room."""

ARROWS = {"unicode": ("─", "▶"), "ascii": ("-", ">")}
"""The shaft and the head of an arrow."""

Column = list[str]
"""What stands below each other: a quantity and what is said of it, or an arrow and blanks."""


def flow_lines(structure: Structure, dialect: Dialect, notation: Notation, width: int) -> list[str]:
    """The picture of the network, of many layers the first ones and the last.

    Example:
        >>> import backproof as bp
        >>> from backproof.render.dialects import UNICODE
        >>> for line in flow_lines(bp.mlp(3, 2, 1).structure, UNICODE, Notation(), 70):
        ...     print(line)
        X ───────W_1──▶ l_1 ──────W_2──▶ ŷ
        3               2                1
        inputs          sigmoid          sigmoid
    """
    columns_of = [_layer(("X", structure.layers[0].inputs, "inputs"), dialect, notation)]
    for layer in structure.layers:
        columns_of.append(_arrow((layer.weights, layer.bias), dialect, notation))
        known = (layer.output, layer.outputs, activation_word(layer.activation))
        columns_of.append(_layer(known, dialect, notation))
    lines = _joined(columns_of, dialect)
    if max(map(columns, lines)) > width:
        last = len(columns_of) - 2
        kept = columns_of[: 2 * FIRST_LAYERS - 1] if last > 2 * FIRST_LAYERS - 1 else columns_of[:1]
        lines = _joined([*kept, [f" {dialect.dots[0]}", "", ""], *columns_of[last:]], dialect)
    return [piece for line in lines for piece in cut(line, width)]


def _layer(known: tuple[str, int, str], dialect: Dialect, notation: Notation) -> Column:
    id, units, kind = known
    return [typeset(Name(id), dialect, notation), str(units), dialect.text(kind)]


def _arrow(parameters: tuple[str, str | None], dialect: Dialect, notation: Notation) -> Column:
    shaft, head = ARROWS[dialect.name]
    names = ", ".join(typeset(Name(id), dialect, notation) for id in parameters if id is not None)
    return [f"{shaft * 2}{names}{shaft * 2}{head} ", "", ""]


def _joined(parts: Sequence[Column], dialect: Dialect) -> list[str]:
    """The columns beside each other; the shaft of an arrow begins right after the quantity before it."""
    shaft = ARROWS[dialect.name][0]
    first, *rest = zip(*parts, strict=True)
    widths = [max(map(columns, part)) for part in parts]
    flow = ""
    for place, (cell, width) in enumerate(zip(first, widths, strict=True)):
        follows = place + 1 < len(parts) and first[place + 1].startswith(shaft)
        filler = " " + shaft * (width - columns(cell)) if follows else " " * (width - columns(cell))
        flow += cell + filler
    below = [
        "".join(_padded(cell, width, part[0], shaft) for cell, width, part in zip(row, widths, parts, strict=True))
        for row in rest
    ]
    return [line.rstrip() for line in (flow, *below)]


def _padded(cell: str, width: int, quantity: str, shaft: str) -> str:
    return cell + " " * (width - columns(cell) + (not quantity.startswith((shaft, " "))))
