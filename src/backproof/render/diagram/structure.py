"""The diagram of a network from what its program knows of itself."""

from __future__ import annotations

from backproof.ir.program import Structure
from backproof.notation import Notation
from backproof.render.diagram.layout import network_diagram
from backproof.render.diagram.parts import Diagram, LayerPicture


def structure_diagram(structure: Structure, notation: Notation | None = None) -> Diagram:
    """The picture of the network of a program: its layers, weights and activations.

    Args:
        structure: the layers of ``program.structure``.
        notation: how indices are written and which way samples lie; the seed's way when not given.

    Example:
        >>> import backproof as bp
        >>> structure_diagram(bp.mlp(3, 2, 1).structure).summary
        'Feed-forward network: 3 inputs, 2 hidden nodes (sigmoid), 1 output (sigmoid)'
    """
    *hidden, last = structure.layers
    layers = [
        LayerPicture("X", structure.layers[0].inputs, None, "input"),
        *(LayerPicture(layer.output, layer.outputs, layer.activation, "hidden") for layer in hidden),
        LayerPicture(last.output, last.outputs, last.activation, "output"),
    ]
    weights = [layer.weights for layer in structure.layers]
    has_bias = any(layer.bias is not None for layer in structure.layers)
    return network_diagram(layers, weights, bias=has_bias, notation=notation)
