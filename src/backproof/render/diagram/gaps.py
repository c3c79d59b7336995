"""The weights between two neighbouring columns: which are labelled, where, and the room they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from backproof.notation import Notation
from backproof.render.diagram.columns import Column, Slot
from backproof.render.diagram.labels import Label, node_label, quantity_label, shape_label, weight_label
from backproof.render.diagram.parts import WEIGHT_SIZE, CaptionLine

MAX_LABELLED, MAX_LABELLED_DEEP = 12, 6
"""Up to this many edges (fewer in a deep network, which is drawn smaller) every weight is labelled."""
LABEL_PITCH = 27.0
"""The least vertical distance of two labels in a column."""
HALF_LABEL_HEIGHT = 10.5
LABEL_PADDING = 2.5
LINE_SHOWN = 5.0
"""How much of an edge shows at least between a node and a label."""
MIN_WIDTH, CROWDED_WIDTH, MAX_WIDTH = 150.0, 170.0, 320.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Two neighbouring columns of nodes with the names of the weight matrix and the bias between them."""

    left: Column
    right: Column
    weights: str
    bias: str | None
    sizes: tuple[int, int]
    notation: Notation
    max_labelled: int = MAX_LABELLED

    def edges(self) -> Iterator[tuple[Slot, Slot]]:
        """The edges that are drawn, source by source."""
        for source in self.left.sources:
            for target in self.right.slots:
                yield source, target

    def label(self, source: Slot, target: Slot) -> Label:
        """The name of the weight on an edge; the bias node's edges are components of the bias."""
        if source.index == 0 and self.bias is not None:
            return node_label(self.bias, target.index, self.sizes[1], self.notation)
        return weight_label(self.weights, (source.index, target.index), self.sizes, self.notation)

    @property
    def labels_all(self) -> bool:
        """Whether every edge carries its label."""
        return len(self.left.sources) * len(self.right.slots) <= self.max_labelled

    def is_labelled(self, source: Slot, target: Slot) -> bool:
        """Whether this edge carries its label: in a crowded gap only first to first, and last to last."""
        if self.labels_all:
            return True
        first, last = self.right.slots[0], self.right.slots[-1]
        outermost = {(self.left.slots[0], first), (self.left.slots[-1], last), (self.left.sources[-1], last)}
        return (source, target) in outermost

    @property
    def _lattice(self) -> tuple[int, int]:
        return self.left.sources[-1].row + 1, self.right.rows

    @property
    def label_fraction(self) -> float:
        """Where on the edges the labels sit, from 0 (source) to 1 (target).

        From row i to row j the height at fraction t is (1-t)i + tj. With B target rows, t = 1/(B+1) makes
        all these heights different and evenly spaced, by 1/(B+1); with fewer sources its mirror image does.
        """
        sources, targets = self._lattice
        if not self.labels_all:
            # In the middle, the edge from bias to last but one would cross the label of the last weight.
            crossed = self.bias is not None and self.right.dots_row is None
            return 2 / 3 if crossed else 0.5
        if targets == 1:
            return 0.4 if sources > 1 else 0.5
        if sources == 1:
            return 0.6
        return 1 / (targets + 1) if targets <= sources else sources / (sources + 1)

    @property
    def row_spacing(self) -> float:
        """The row spacing at which the labels keep their distance."""
        sources, targets = self._lattice
        if not self.labels_all or sources == targets == 1:
            return 0.0
        return LABEL_PITCH * (min(sources, targets) + 1 if min(sources, targets) > 1 else 1 / 0.6)

    def half_label_width(self, source: Slot, target: Slot) -> float:
        """Half of the width that the label of an edge keeps free."""
        return self.label(source, target).width(WEIGHT_SIZE) / 2 + LABEL_PADDING

    @property
    def caption(self) -> tuple[CaptionLine, ...]:
        """The lines over the gap: the weight matrix with its shape, and the bias with its own."""
        lines = [CaptionLine(shape_label(*self.sizes, self.notation), quantity_label(self.weights))]
        if self.bias is not None:
            lines.append(CaptionLine(shape_label(1, self.sizes[1], self.notation), quantity_label(self.bias)))
        return tuple(lines)

    def width(self, row_spacing: float, radius: float) -> float:
        """The distance of the columns at which the labels keep clear of nodes and of steep edges."""
        widest = max(self.half_label_width(*edge) for edge in self.edges() if self.is_labelled(*edge))
        fraction = min(self.label_fraction, 1 - self.label_fraction)
        clear_of_nodes = (radius + widest + LINE_SHOWN) / fraction
        if not self.labels_all:
            return max(CROWDED_WIDTH, clear_of_nodes)
        offset = (self.right.rows - self.left.rows) / 2
        steepest = max(abs(target.row - source.row - offset) for source, target in self.edges()) * row_spacing
        clearance = row_spacing / (min(self._lattice) + 1) - HALF_LABEL_HEIGHT
        return max(MIN_WIDTH, clear_of_nodes, min(steepest * widest / clearance, MAX_WIDTH))
