"""What of a network is shown: the first and last of many nodes, the first and last of many layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backproof.render.diagram.parts import LayerPicture

MAX_NODES = 6
FIRST_NODES = 3
MAX_LAYERS = 6
FIRST_LAYERS, LAST_LAYERS = 3, 2


@dataclass(frozen=True, slots=True)
class Slot:
    """A node that is shown: its index in the layer from 1 (0 for the bias node) and its row from 0."""

    index: int
    row: int


@dataclass(frozen=True, slots=True)
class Column:
    """A layer that is shown, or (``picture`` is ``None``) the dots for the layers that are not."""

    layer: int
    picture: LayerPicture | None
    slots: tuple[Slot, ...] = ()
    dots_row: int | None = None
    bias_row: int | None = None

    @property
    def rows(self) -> int:
        """The rows that the layer's own nodes and dots take; the bias node comes below them."""
        return self.slots[-1].row + 1 if self.slots else 1

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The nodes that edges to the next layer start from."""
        return self.slots if self.bias_row is None else (*self.slots, Slot(0, self.bias_row))


def shown_columns(layers: Sequence[LayerPicture], *, bias: bool) -> tuple[Column, ...]:
    """The columns of the picture from left to right.

    Example:
        >>> layers = [LayerPicture("X", 784, None, "input"), LayerPicture("y_hat", 1, None, "output")]
        >>> [(slot.index, slot.row) for slot in shown_columns(layers, bias=False)[0].slots]
        [(1, 0), (2, 1), (3, 2), (784, 4)]
    """
    count = len(layers)
    columns = [_column(k, layer, bias=bias and k < count - 1) for k, layer in enumerate(layers)]
    if count <= MAX_LAYERS:
        return tuple(columns)
    return (*columns[:FIRST_LAYERS], Column(FIRST_LAYERS, None), *columns[-LAST_LAYERS:])


def omitted_layers(layers: Sequence[LayerPicture]) -> Sequence[LayerPicture]:
    """The layers that the dots of a deep network stand for."""
    return layers[FIRST_LAYERS:-LAST_LAYERS] if len(layers) > MAX_LAYERS else ()


def _column(number: int, layer: LayerPicture, *, bias: bool) -> Column:
    if layer.size <= MAX_NODES:
        slots = tuple(Slot(index + 1, index) for index in range(layer.size))
        dots_row = None
    else:
        first = tuple(Slot(index + 1, index) for index in range(FIRST_NODES))
        slots = (*first, Slot(layer.size, FIRST_NODES + 1))
        dots_row = FIRST_NODES
    return Column(number, layer, slots, dots_row, slots[-1].row + 1 if bias else None)
