"""What is left of a line where labels lie on it: a gap works on any background, unlike a painted halo."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from backproof.render.diagram.parts import Point, Segment

SHORTEST = 4.0
"""Pieces of a line below this length, in pixels, look like specks and are left out."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel rectangle around ``centre``."""

    centre: Point
    half_width: float
    half_height: float


def along(line: Segment, fraction: float) -> Point:
    """The point that lies ``fraction`` of the way from the start of the line to its end.

    Example:
        >>> along(Segment(Point(0, 0), Point(10, 20)), 0.25)
        Point(x=2.5, y=5.0)
    """
    start, end = line.start, line.end
    return Point(start.x + fraction * (end.x - start.x), start.y + fraction * (end.y - start.y))


def length(line: Segment) -> float:
    """The Euclidean length of the line."""
    return math.hypot(line.end.x - line.start.x, line.end.y - line.start.y)


def shortened_by(line: Segment, margin: float) -> Segment:
    """The line without its first and last ``margin`` pixels: between circles, not between centres."""
    share = margin / length(line)
    return Segment(along(line, share), along(line, 1 - share))


def outside(line: Segment, boxes: Iterable[Box]) -> tuple[Segment, ...]:
    """The parts of the line that lie in no box, in order.

    Example:
        >>> line = Segment(Point(0, 0), Point(100, 0))
        >>> [(part.start.x, part.end.x) for part in outside(line, [Box(Point(50, 0), 10, 5)])]
        [(0.0, 40.0), (60.0, 100.0)]
    """
    hidden = sorted(cut for box in boxes if (cut := _inside(line, box)) is not None)
    parts: list[Segment] = []
    reached = 0.0
    for start, end in [*hidden, (1.0, 1.0)]:
        if start > reached:
            parts.append(Segment(along(line, reached), along(line, start)))
        reached = max(reached, end)
    return tuple(part for part in parts if length(part) >= SHORTEST)


def _inside(line: Segment, box: Box) -> tuple[float, float] | None:
    """The stretch of the line inside the box, as fractions (Liang and Barsky, 1984)."""
    low, high = 0.0, 1.0
    for start, end, centre, half in (
        (line.start.x, line.end.x, box.centre.x, box.half_width),
        (line.start.y, line.end.y, box.centre.y, box.half_height),
    ):
        if start == end:
            if abs(start - centre) >= half:
                return None
            continue
        near, far = sorted(((centre - half - start) / (end - start), (centre + half - start) / (end - start)))
        low, high = max(low, near), min(high, far)
    return (low, high) if low < high else None
