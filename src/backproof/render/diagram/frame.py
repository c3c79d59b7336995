"""The frame of the picture: where the lattice of rows and columns lies, with room for labels and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from backproof.notation import Notation
from backproof.render.diagram.columns import Column, Slot
from backproof.render.diagram.gaps import Gap
from backproof.render.diagram.labels import Label, node_label, shortened, text_width
from backproof.render.diagram.parts import CAPTION_LEADING, CAPTION_SIZE, NODE_SIZE, NOTE_GAP, CaptionLine, Point

MARGIN = 12.0
MIN_RADIUS = 20.0
NODE_PADDING = 7.0
ROW_SPACING = 62.0
ROW_GAP = 16.0
DOTS_GAP = 110.0
CAPTION_GAP = 14.0
SANS, STRONG = 1.15, 1.3
"""How much wider captions are than the same text in a book face."""
LONGEST_NOTE = 26
BIAS = Label("1")

Lines = tuple[CaptionLine, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the lattice lies: the place of each column, the height of the axis, the distance of the rows."""

    xs: Mapping[int, float]
    axis: float
    row_spacing: float
    radius: float
    bottom: float
    width: float
    height: float

    def at(self, column: Column, row: float) -> Point:
        """The middle of a lattice cell; the layers' own nodes are centred on the axis."""
        return Point(self.xs[column.layer], self.axis + (row - (column.rows - 1) / 2) * self.row_spacing)


def frame_of(
    columns: Sequence[Column], gaps: Sequence[Gap], captions: Mapping[int, Lines], notation: Notation
) -> Frame:
    """The smallest frame in which labels, notes and captions do not touch."""
    labels = [label_in(column, slot, notation) for column in columns for slot in column.sources]
    radius = max(MIN_RADIUS, max(label.width(NODE_SIZE) for label in labels) / 2 + NODE_PADDING)
    spacing = max(ROW_SPACING, 2 * radius + ROW_GAP, *(gap.row_spacing for gap in gaps))
    by_left = {gap.left.layer: gap for gap in gaps}
    half = {column.layer: max(radius, _width(captions[column.layer]) / 2) for column in columns}

    x = MARGIN + max(half[columns[0].layer], radius + _note_width(columns[0]))
    xs = {columns[0].layer: x}
    for left, right in pairwise(columns):
        wanted = by_left[left.layer].width(spacing, radius) if left.layer in by_left else DOTS_GAP
        x += max(wanted, half[left.layer] + half[right.layer] + CAPTION_GAP)
        xs[right.layer] = x

    above = max((column.rows - 1) / 2 for column in columns) * spacing + radius
    below = max(_rows_below(column) for column in columns) * spacing + radius
    axis = MARGIN + max((len(gap.caption) for gap in gaps), default=0) * CAPTION_LEADING + CAPTION_GAP + above
    last = columns[-1]
    return Frame(
        xs=xs,
        axis=axis,
        row_spacing=spacing,
        radius=radius,
        bottom=axis + below,
        width=x + max(half[last.layer], radius + _note_width(last)) + MARGIN,
        height=axis + below + max(map(len, captions.values())) * CAPTION_LEADING + CAPTION_GAP + MARGIN,
    )


def _rows_below(column: Column) -> float:
    """How many rows the lowest node of the column, its bias node included, lies below the axis."""
    lowest = column.rows - 1 if column.bias_row is None else column.bias_row
    return lowest - (column.rows - 1) / 2


def label_in(column: Column, slot: Slot, notation: Notation) -> Label:
    """The label inside a node."""
    if slot.index == 0 or column.picture is None:
        return BIAS
    return node_label(column.picture.name, slot.index, column.picture.size, notation)


def _width(lines: Lines) -> float:
    return max(text_width(line.text, CAPTION_SIZE) * (STRONG if line.strong else SANS) for line in lines)


def _note_width(column: Column) -> float:
    notes = column.picture.labels if column.picture is not None else ()
    shown = [shortened(notes[slot.index - 1], LONGEST_NOTE) for slot in column.slots] if notes else []
    return max((text_width(note, CAPTION_SIZE) * SANS + NOTE_GAP for note in shown), default=0.0)
