"""What a network is made of, as a table: layers, shapes, parameters, FLOPs, bytes."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from backproof.backprop.trace import Trace
from backproof.ir.arithmetic import Array
from backproof.kernels.cost import work_of


@dataclass(frozen=True, slots=True)
class Row:
    """One layer."""

    layer: str
    activation: str
    shape: str
    parameters: int
    flops: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The layers of a network, and what it takes.

    Args:
        rows: the layers.
        parameters: numbers that are learned, of one network.
        bytes: that they take.
        predicting: floating-point operations of a prediction in matrix products, for one sample.
        training: those of a sample in a training step.
        members: networks in the ensemble.
    """

    rows: tuple[Row, ...]
    parameters: int
    bytes: int
    predicting: int
    training: int
    members: int

    def __str__(self) -> str:
        head = ("layer", "activation", "weights", "parameters", "FLOPs")
        lines = [head, *((r.layer, r.activation, r.shape, f"{r.parameters:,}", f"{r.flops:,}") for r in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        table = ["  ".join(self._cells(line, widths)).rstrip() for line in lines]
        return "\n".join([*table, *self._totals()])

    def _cells(self, line: tuple[str, ...], widths: list[int]) -> list[str]:
        return [
            cell.ljust(width) if k < 3 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]

    def _totals(self) -> list[str]:
        several = f" in each of {self.members} networks" if self.members > 1 else ""
        return [
            f"{self.parameters:,} parameters, {self.bytes:,} bytes{several}",
            f"FLOPs for a sample: {self.predicting:,} to predict, {self.training:,} in a training step",
        ]

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def summary_of(trace: Trace, parameters: Mapping[str, Array], members: int) -> Summary:
    """Of a network and its parameters."""
    structure = trace.program.structure
    layers = structure.layers if structure is not None else ()
    rows = []
    for layer in layers:
        own = [layer.weights, *filter(None, [layer.bias, layer.scale, layer.shift])]
        count = sum(parameters[id].size for id in own)
        shape = f"{layer.inputs} × {layer.outputs}"
        rows.append(Row(f"{layer.number}", layer.activation, shape, count, 2 * layer.inputs * layer.outputs))
    learned = [parameters[name.id] for name in trace.program.parameters]
    return Summary(
        tuple(rows),
        sum(array.size for array in learned),
        sum(array.nbytes for array in learned),
        sum(row.flops for row in rows),
        work_of(trace.joint.equations, {"n": 1}).flops,
        members,
    )
