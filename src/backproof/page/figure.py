"""The diagram of the page, and which quantity each of its nodes and edges stands for."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from backproof.ir.program import Structure
from backproof.notation import Notation
from backproof.render.diagram import structure_diagram, to_svg
from backproof.render.diagram.columns import FIRST_NODES, MAX_NODES
from backproof.render.diagram.labels import node_label, weight_label

Entries = Mapping[str, tuple[str, int]]
"""For each name in the picture a quantity and the position of its entry, row by row."""


def figure(structure: Structure, notation: Notation) -> Markup:
    """The picture as SVG."""
    return Markup(to_svg(structure_diagram(structure, notation)))


def edges(structure: Structure, notation: Notation) -> Entries:
    """The weights and biases that the edges stand for.

    Example:
        >>> import backproof as bp
        >>> edges(bp.mlp(3, 2, 1).structure, Notation())["w_1^{21}"]
        ('W_1', 2)
    """
    found: dict[str, tuple[str, int]] = {}
    rows = structure.samples == "rows"
    for layer in structure.layers:
        sizes = (layer.inputs, layer.outputs)
        for j in drawn(layer.outputs):
            for i in drawn(layer.inputs):
                at = (i - 1) * layer.outputs + j - 1 if rows else (j - 1) * layer.inputs + i - 1
                found[weight_label(layer.weights, (i, j), sizes, notation).name] = (layer.weights, at)
            if layer.bias is not None:
                found[node_label(layer.bias, j, layer.outputs, notation).name] = (layer.bias, j - 1)
    return found


def nodes(structure: Structure, notation: Notation) -> Entries:
    """The inputs and outputs of layers that the nodes stand for, of one example."""
    layers = [("X", structure.layers[0].inputs), *((layer.output, layer.outputs) for layer in structure.layers)]
    return {node_label(id, index, size, notation).name: (id, index - 1) for id, size in layers for index in drawn(size)}


def drawn(size: int) -> list[int]:
    """Which of so many nodes are drawn, counted from 1."""
    return list(range(1, size + 1)) if size <= MAX_NODES else [*range(1, FIRST_NODES + 1), size]
