"""What a network diagram is made of: plain data in pixels from the top left, free of any output format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backproof.errors import SpecificationError
from backproof.render.diagram.labels import Label

LayerKind = Literal["input", "hidden", "output"]
NodeKind = Literal["input", "hidden", "output", "bias"]

NODE_SIZE = 17.0
WEIGHT_SIZE = 14.0
CAPTION_SIZE = 13.0
CAPTION_LEADING = 17.0
"""Font sizes and line spacing in pixels, shared by layout and writers."""
NOTE_GAP = 9.0
NOTE_BASELINE = 0.35
DOT_PITCH = 10.0


@dataclass(frozen=True, slots=True)
class LayerPicture:
    """One layer as the diagram needs to know it.

    Args:
        name: the quantity whose components the nodes are, such as ``X``, ``l_1`` or ``y_hat``.
        size: the number of nodes.
        activation: the name of the activation, shown in the caption; ``None`` for none.
        kind: ``"input"``, ``"hidden"`` or ``"output"``.
        labels: what the inputs or outputs are called outside (features, classes): one text per node, or none.

    Raises:
        SpecificationError: no nodes, or labels that do not match them.
    """

    name: str
    size: int
    activation: str | None
    kind: LayerKind
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 1:
            raise SpecificationError(f"layer {self.name!r} of the diagram has {self.size} nodes; give at least 1")
        if self.labels and self.kind == "hidden":
            raise SpecificationError(f"layer {self.name!r} is hidden; only inputs and outputs take labels")
        if self.labels and len(self.labels) != self.size:
            raise SpecificationError(
                f"layer {self.name!r} has {self.size} nodes but {len(self.labels)} labels; give one per node"
            )


@dataclass(frozen=True, slots=True)
class Point:
    """A place; x grows to the right and y downwards."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight line from ``start`` to ``end``."""

    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class Node:
    """A circle with a label; ``layer`` counts from 0, ``note`` is a text beside it, ``title`` explains it."""

    label: Label
    layer: int
    kind: NodeKind
    at: Point
    title: str
    note: str = ""

    def note_at(self, radius: float) -> Point:
        """Where the note's text ends (left of inputs) or starts (right of all others), on its baseline."""
        side = -1 if self.kind == "input" else 1
        return Point(self.at.x + side * (radius + NOTE_GAP), self.at.y + NOTE_BASELINE * CAPTION_SIZE)


@dataclass(frozen=True, slots=True)
class Edge:
    """A weight between two nodes.

    ``lines`` is what remains of the straight line where labels lie on it; ``label_at`` is ``None`` where the
    weight carries no label in the picture, though it has one in name.
    """

    label: Label
    source: Label
    target: Label
    layer: int
    bias: bool
    lines: tuple[Segment, ...]
    label_at: Point | None
    crowded: bool


@dataclass(frozen=True, slots=True)
class Ellipsis:
    """Three dots for what is left out: nodes of a layer (vertical) or layers (horizontal)."""

    at: Point
    vertical: bool
    title: str

    @property
    def dots(self) -> tuple[Point, ...]:
        """The middles of the three dots."""
        across, down = (0.0, DOT_PITCH) if self.vertical else (DOT_PITCH, 0.0)
        return tuple(Point(self.at.x + k * across, self.at.y + k * down) for k in (-1, 0, 1))


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """One line of a caption: a label, a text, or a label followed by a text."""

    text: str
    label: Label | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Caption:
    """Centred lines under a layer or over a weight matrix; ``at`` is the middle of the first baseline."""

    at: Point
    lines: tuple[CaptionLine, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """A network, drawn: everything has its place, and only a writer's spelling is missing."""

    width: float
    height: float
    radius: float
    summary: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    ellipses: tuple[Ellipsis, ...]
    stubs: tuple[Segment, ...]
    captions: tuple[Caption, ...]
