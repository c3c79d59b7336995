"""The words of the picture: captions of layers and weights, and the sentence for those who cannot see it."""

from __future__ import annotations

from collections.abc import Sequence

from backproof.render.diagram.labels import shortened
from backproof.render.diagram.parts import CaptionLine, LayerPicture

LONGEST_WORD = 22


def layer_caption(number: int, layers: Sequence[LayerPicture]) -> tuple[CaptionLine, ...]:
    """The lines under layer ``number`` (from 0): what it is, how many nodes, which activation."""
    layer = layers[number]
    match layer.kind:
        case "input":
            title = "input"
        case "output":
            title = "output"
        case "hidden":
            title = "hidden layer" if len(layers) == 3 else f"hidden layer {number}"
    return (CaptionLine(title, strong=True), CaptionLine(nodes_text(layer.size)), *_activation_line(layer))


def omitted_caption(omitted: Sequence[LayerPicture]) -> tuple[CaptionLine, ...]:
    """The lines under the dots of a deep network; what all the omitted layers share is told once."""
    title = CaptionLine(f"{len(omitted)} more layers", strong=True)
    first = omitted[0]
    if any((layer.size, layer.activation) != (first.size, first.activation) for layer in omitted):
        return (title,)
    return (title, CaptionLine(f"{nodes_text(first.size)} each"), *_activation_line(first))


def summary(layers: Sequence[LayerPicture], *, bias: bool) -> str:
    """The whole network in one sentence.

    Example:
        >>> layers = [LayerPicture("X", 3, None, "input"), LayerPicture("y_hat", 1, "sigmoid", "output")]
        >>> summary(layers, bias=True)
        'Feed-forward network with biases: 3 inputs, 1 output (sigmoid)'
    """
    hidden = layers[1:-1]
    parts = [_counted(layers[0].size, "input")]
    if len(hidden) > 4:
        parts.append(f"{len(hidden)} hidden layers")
    else:
        parts += [_counted(layer.size, "hidden node") + _in_brackets(layer) for layer in hidden]
    parts.append(_counted(layers[-1].size, "output") + _in_brackets(layers[-1]))
    return f"Feed-forward network{' with biases' if bias else ''}: {', '.join(parts)}"


def nodes_text(size: int) -> str:
    """The number of nodes in words."""
    return _counted(size, "node")


def _counted(size: int, noun: str) -> str:
    return f"{size} {noun}" if size == 1 else f"{size} {noun}s"


def _activation_line(layer: LayerPicture) -> tuple[CaptionLine, ...]:
    return (CaptionLine(shortened(layer.activation, LONGEST_WORD)),) if layer.activation else ()


def _in_brackets(layer: LayerPicture) -> str:
    return f" ({layer.activation})" if layer.activation else ""
