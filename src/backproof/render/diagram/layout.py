"""Layout: from layers and weight names to a diagram in which every label has room.

Nodes sit on a lattice (one row spacing for the whole picture), so that the labels of a gap's weights, all put
at one well-chosen fraction of their edges, fall into one column at even distances: no search, no overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from backproof.errors import SpecificationError
from backproof.notation import Notation
from backproof.render.diagram.captions import layer_caption, omitted_caption, summary
from backproof.render.diagram.clip import Box, along, outside, shortened_by
from backproof.render.diagram.columns import Column, Slot, omitted_layers, shown_columns
from backproof.render.diagram.frame import (
    BIAS,
    CAPTION_GAP,
    LONGEST_NOTE,
    MARGIN,
    Frame,
    Lines,
    frame_of,
    label_in,
)
from backproof.render.diagram.gaps import HALF_LABEL_HEIGHT, MAX_LABELLED, MAX_LABELLED_DEEP, Gap
from backproof.render.diagram.labels import shortened
from backproof.render.diagram.parts import (
    CAPTION_SIZE,
    Caption,
    Diagram,
    Edge,
    Ellipsis,
    LayerPicture,
    Node,
    Point,
    Segment,
)

DEEP = 5
STUB_LENGTH = 30.0


def network_diagram(
    layers: Sequence[LayerPicture],
    weight_names: Sequence[str],
    *,
    bias: bool = False,
    notation: Notation | None = None,
) -> Diagram:
    """The picture of a feed-forward network: nodes, weights, captions, each with its place.

    Layers of more than 6 nodes are abbreviated (first three, dots, last), networks of more than 6 layers too
    (first three, dots, last two). Weights are labelled where there is room, at the ends of the fan otherwise.

    Args:
        layers: from the inputs to the outputs, at least two.
        weight_names: the weight matrix between each pair of neighbours, such as ``["W_1", "W_2"]``.
        bias: whether each layer but the outputs has a bias node; the bias after ``W_1`` is called ``b_1``.
        notation: how indices are written and which way samples lie; the seed's way when not given.

    Raises:
        SpecificationError: fewer than two layers, or a number of names that does not fit them.

    Example:
        >>> layers = [
        ...     LayerPicture("X", 3, None, "input"),
        ...     LayerPicture("l_1", 2, "sigmoid", "hidden"),
        ...     LayerPicture("y_hat", 1, "sigmoid", "output"),
        ... ]
        >>> diagram = network_diagram(layers, ["W_1", "W_2"])
        >>> [node.label.name for node in diagram.nodes]
        ['x^1', 'x^2', 'x^3', 'l_1^1', 'l_1^2', 'ŷ']
        >>> [edge.label.name for edge in diagram.edges]
        ['w_1^{11}', 'w_1^{12}', 'w_1^{21}', 'w_1^{22}', 'w_1^{31}', 'w_1^{32}', 'w_2^1', 'w_2^2']
    """
    _validate(layers, weight_names)
    notation = notation or Notation()
    columns = shown_columns(layers, bias=bias)
    gaps = _gaps(layers, weight_names, columns, bias=bias, notation=notation)
    captions = _caption_lines(layers, columns)
    frame = frame_of(columns, gaps, captions, notation)
    edges = tuple(edge for gap in gaps for edge in _edges(gap, frame, notation))
    return Diagram(
        width=frame.width,
        height=frame.height,
        radius=frame.radius,
        summary=summary(layers, bias=bias),
        nodes=tuple(_nodes(columns, frame, notation)),
        edges=edges,
        ellipses=tuple(_ellipses(layers, columns, frame)),
        stubs=tuple(_stubs(columns, frame)),
        captions=tuple(_captions(columns, captions, gaps, frame)),
    )


def _gaps(
    layers: Sequence[LayerPicture],
    weight_names: Sequence[str],
    columns: Sequence[Column],
    *,
    bias: bool,
    notation: Notation,
) -> tuple[Gap, ...]:
    return tuple(
        Gap(
            left,
            right,
            weights=weight_names[left.layer],
            bias=_bias_name(weight_names[left.layer]) if bias else None,
            sizes=(layers[left.layer].size, layers[right.layer].size),
            notation=notation,
            max_labelled=MAX_LABELLED if len(columns) <= DEEP else MAX_LABELLED_DEEP,
        )
        for left, right in pairwise(columns)
        if left.slots and right.slots
    )


def _nodes(columns: Sequence[Column], frame: Frame, notation: Notation) -> Iterator[Node]:
    for column in columns:
        if column.picture is None:
            continue
        layer = column.picture
        for slot in column.slots:
            note = " ".join(layer.labels[slot.index - 1].split()) if layer.labels else ""
            title = f"{layer.kind} {slot.index} of {layer.size}" + (f": {note}" if note else "")
            yield Node(
                label_in(column, slot, notation),
                column.layer,
                layer.kind,
                frame.at(column, slot.row),
                title,
                shortened(note, LONGEST_NOTE),
            )
        if column.bias_row is not None:
            yield Node(BIAS, column.layer, "bias", frame.at(column, column.bias_row), "bias: always 1")


def _edges(gap: Gap, frame: Frame, notation: Notation) -> Iterator[Edge]:
    boxes: list[Box] = []
    placed: list[tuple[Slot, Slot, Segment, Point | None]] = []
    for source, target in gap.edges():
        line = Segment(frame.at(gap.left, source.row), frame.at(gap.right, target.row))
        place = along(line, gap.label_fraction) if gap.is_labelled(source, target) else None
        if place is not None:
            boxes.append(Box(place, gap.half_label_width(source, target), HALF_LABEL_HEIGHT))
        placed.append((source, target, line, place))
    for source, target, line, place in placed:
        yield Edge(
            label=gap.label(source, target),
            source=label_in(gap.left, source, notation),
            target=label_in(gap.right, target, notation),
            layer=gap.left.layer,
            bias=source.index == 0,
            lines=outside(shortened_by(line, frame.radius), boxes),
            label_at=place,
            crowded=not gap.labels_all,
        )


def _ellipses(layers: Sequence[LayerPicture], columns: Sequence[Column], frame: Frame) -> Iterator[Ellipsis]:
    for column in columns:
        if column.picture is None:
            title = f"{len(omitted_layers(layers))} layers are not drawn"
            yield Ellipsis(frame.at(column, 0), vertical=False, title=title)
        elif column.dots_row is not None:
            title = f"{column.picture.size - len(column.slots)} nodes are not drawn"
            yield Ellipsis(frame.at(column, column.dots_row), vertical=True, title=title)


def _stubs(columns: Sequence[Column], frame: Frame) -> Iterator[Segment]:
    """Short lines on both sides of omitted layers: the network goes on there."""
    for left, right in pairwise(columns):
        if right.picture is None:
            for slot in left.sources:
                yield _stub(frame.at(left, slot.row), frame.radius)
        if left.picture is None:
            for slot in right.slots:
                yield _stub(frame.at(right, slot.row), -frame.radius)


def _stub(node: Point, radius: float) -> Segment:
    reach = STUB_LENGTH if radius > 0 else -STUB_LENGTH
    return Segment(Point(node.x + radius, node.y), Point(node.x + radius + reach, node.y))


def _captions(
    columns: Sequence[Column], lines: Mapping[int, Lines], gaps: Sequence[Gap], frame: Frame
) -> Iterator[Caption]:
    for gap in gaps:
        middle = (frame.xs[gap.left.layer] + frame.xs[gap.right.layer]) / 2
        yield Caption(Point(middle, MARGIN + CAPTION_SIZE), gap.caption)
    for column in columns:
        at = Point(frame.xs[column.layer], frame.bottom + CAPTION_GAP + CAPTION_SIZE)
        yield Caption(at, lines[column.layer])


def _caption_lines(layers: Sequence[LayerPicture], columns: Sequence[Column]) -> dict[int, Lines]:
    omitted = omitted_layers(layers)
    return {
        column.layer: omitted_caption(omitted) if column.picture is None else layer_caption(column.layer, layers)
        for column in columns
    }


def _bias_name(weights: str) -> str:
    _, _, number = weights.partition("_")
    return f"b_{number}" if number else "b"


def _validate(layers: Sequence[LayerPicture], weight_names: Sequence[str]) -> None:
    if len(layers) < 2:
        raise SpecificationError(f"a network diagram needs at least 2 layers, got {len(layers)}")
    if len(weight_names) != len(layers) - 1:
        raise SpecificationError(
            f"{len(layers)} layers have {len(layers) - 1} weight matrices between them, "
            f"got {len(weight_names)} names; give one name per pair of neighbours"
        )
