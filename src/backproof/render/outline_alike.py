"""Layers that are alike: of many, what is left out, and the equations of any of them in terms of its number k."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from backproof.ir.expr import Expr, Name, Partial
from backproof.ir.program import Layer, Structure
from backproof.ir.traverse import transform
from backproof.render.document import Display, Prose
from backproof.render.outline_parts import Blocks, paragraph

LONGEST_RUN = 8
"""Of more hidden layers than this that are alike, the first two and the last are shown."""
FIRST_SHOWN = 2

Pair = tuple[Expr, Expr]
"""The two sides of an equation."""


def alike(layers: Iterable[Layer]) -> list[list[Layer]]:
    """The runs of layers that differ in their number only and are long enough for some to be left out."""
    runs = groupby(layers, key=lambda each: (each.inputs, each.outputs, each.activation, each.bias is None))
    found = [list(run) for _, run in runs]
    return [run for run in found if len(run) > LONGEST_RUN]


def left_out(structure: Structure) -> dict[str, Layer]:
    """The hidden layers that are not shown, by the identifiers of all their quantities.

    Example:
        >>> import backproof as bp
        >>> sorted({layer.number for layer in left_out(bp.mlp(*[4] * 12).structure).values()})
        [3, 4, 5, 6, 7, 8, 9]
    """
    layers = [layer for run in alike(structure.layers[:-1]) for layer in run[FIRST_SHOWN:-1]]
    return {id: layer for layer in layers for id in quantities_of(layer)}


def quantities_of(layer: Layer) -> tuple[str, ...]:
    """The identifiers of everything that belongs to a layer."""
    ids = (layer.weights, layer.bias, layer.pre_activation, layer.output, layer.delta)
    return tuple(id for id in ids if id is not None)


def likewise(structure: Structure, absent: Sequence[tuple[Layer, Pair]], where: str = "") -> Blocks:
    """What stands in place of the equations of layers that are left out: the same equations for any layer k.

    Args:
        absent: the layers with their equations, in any order.
        where: where the equations are to be found, in words.
    """
    numbers = sorted({layer.number for layer, _ in absent})
    span = f"Layers {numbers[0]} to {numbers[-1]} go" if len(numbers) > 1 else f"Layer {numbers[0]} goes"
    general = _general(structure, absent, numbers[0])
    if not general or general != _general(structure, absent, numbers[-1]):
        return [paragraph(f"⋮ {span} likewise{where}.")]
    said: Prose = (f"⋮ {span} likewise{where}. For ", Name("k"), f" = {numbers[0]}, …, {numbers[-1]},")
    return [
        paragraph(*said),
        *(Display(number=0, target=target, lines=(line,), shape=target.shape) for target, line in general),
    ]


def _general(structure: Structure, absent: Sequence[tuple[Layer, Pair]], number: int) -> list[Pair]:
    """The equations of one layer in terms of k."""
    names: dict[str, str] = {}
    for offset, index in ((-1, "k-1"), (0, "k"), (1, "k+1")):
        layer = structure.layers[number - 1 + offset]
        for id in quantities_of(layer):
            stem = id.removesuffix(f"_{layer.number}")
            names[id] = f"{stem}_l_{index}" if id == layer.delta else f"{stem}_{index}"

    def renamed(node: Expr) -> Expr:
        match node:
            case Name(id, shape) if id in names:
                return Name(names[id], shape)
            case Partial(of, wrt):
                return Partial(of, renamed(wrt))
            case _:
                return node

    return [(renamed(target), transform(line, renamed)) for layer, (target, line) in absent if layer.number == number]
