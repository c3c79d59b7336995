"""The recorded values of a program, found again by value: as they are, transposed, flattened or negated."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from backproof.checking.precision import Array, Floats
from backproof.checking.scripts.execution import Recording
from backproof.checking.scripts.listing import Listing
from backproof.checking.truth import Known

FEW = 8
"""Values of one variable that are looked at: a loop gives it many."""
STORAGE = ast.Name | ast.Attribute | ast.Subscript


@dataclass(slots=True)
class Run:
    """One execution of a statement."""

    statement: ast.stmt
    frame: int
    order: int
    seen: list[Seen] = field(default_factory=list)

    def value_of(self, text: str) -> Array | None:
        """The first value that the expression had in this run."""
        return next((s.value for s in self.seen if s.text == text and not s.assigned), None)


@dataclass(slots=True, eq=False)
class Seen:
    """One value of one expression.

    Args:
        node: the expression.
        text: its normal spelling.
        value: what it was, in the user's precision.
        order: its place among all events.
        run: the execution of the statement that it belongs to.
        assigned: whether it is what a target was given, rather than what was read or computed.
        type: ``array``, ``tensor`` or the name of a Python type.
    """

    node: ast.expr
    text: str
    value: Array
    order: int
    run: Run
    assigned: bool
    type: str

    @property
    def stored(self) -> bool:
        """Whether it is a variable, attribute or entry rather than something computed."""
        return isinstance(self.node, STORAGE) and not (isinstance(self.node, ast.Attribute) and self.node.attr == "T")

    @property
    def line(self) -> int:
        return self.node.lineno


@dataclass(frozen=True, slots=True)
class View:
    """An array put in the derivation's shape.

    Args:
        array: in the derivation's shape.
        how: ``same``, ``transposed``, ``flat``, ``classes`` (numbers of classes for one-hot rows), or ``transposed
            classes``.
    """

    array: Floats
    how: str


def views(value: Array, shape: tuple[int, ...]) -> Iterator[View]:
    """The ways in which an array can stand for a quantity of the shape.

    Example:
        >>> [view.how for view in views(np.zeros((2, 3)), (3, 2))], [v.how for v in views(np.zeros(3), (1, 3))]
        (['transposed'], ['flat'])
    """
    if value.size != int(np.prod(shape)):
        return
    array = np.asarray(value, np.float64)
    if array.shape == shape:
        yield View(array, "same")
        if len(shape) == 2 and shape[0] == shape[1] > 1:
            yield View(array.T, "transposed")
    elif array.ndim == 2 and array.T.shape == shape:
        yield View(array.T, "transposed")
    elif array.ndim <= 1 or 1 in array.shape or array.size == 1:
        yield View(array.reshape(shape), "flat")


def one_hot(value: Array, shape: tuple[int, ...], axis: int) -> Iterator[View]:
    """Numbers of classes as the rows (axis 1) or columns (axis 0) of a one-hot matrix."""
    if len(shape) != 2 or value.dtype.kind not in "iu" or value.size != shape[1 - axis] or value.ndim > 2:
        return
    classes = value.reshape(-1)
    if classes.min() < 0 or classes.max() >= shape[axis]:
        return
    hot = np.eye(shape[axis])[classes]
    yield View(hot if axis == 1 else hot.T, "classes")


class Values:
    """All values of a recording, by size and by the sum of their magnitudes."""

    def __init__(self, listing: Listing, recording: Recording) -> None:
        self.listing = listing
        self.seen: list[Seen] = []
        self.runs: list[Run] = []
        self._by_size: dict[int, list[tuple[float, int]]] = {}
        self._gather(recording)
        for entries in self._by_size.values():
            entries.sort()

    def _gather(self, recording: Recording) -> None:
        current: dict[int, Run] = {}
        latest: dict[ast.stmt, Run] = {}
        nodes = self.listing.nodes
        for order, event in enumerate(recording.events):
            if not 0 <= event.number < len(nodes):
                continue
            node = nodes[event.number]
            if event.what == "line":
                if isinstance(node, ast.stmt):
                    run = current[event.frame] = latest[node] = Run(node, event.frame, order)
                    self.runs.append(run)
                continue
            if event.value is None or not isinstance(node, ast.expr):
                continue
            statement = self.listing.statement(node)
            here = current.get(event.frame)
            if here is None or here.statement is not statement:
                # A comprehension has a frame of its own; what a loop's target was given stands in the loop's body.
                here = latest.get(statement)
            if here is None:
                continue
            text = self.listing.spelt(node)
            self._keep(Seen(node, text, event.value, order, here, event.what == "take", event.type))

    def _keep(self, seen: Seen) -> None:
        seen.run.seen.append(seen)
        with np.errstate(all="ignore"):
            magnitude = float(np.abs(np.asarray(seen.value, np.float64)).sum())
        if np.isfinite(magnitude):
            self._by_size.setdefault(seen.value.size, []).append((magnitude, len(self.seen)))
        self.seen.append(seen)

    def begun(self, seen: Seen) -> int:
        """The moment at which the line of a value began; what a lambda computes belongs to the line that calls it."""
        last = bisect.bisect_right(self.runs, seen.order, key=lambda run: run.order) - 1
        return seen.run.order if seen.run.order >= self.runs[max(last - 1, 0)].order else self.runs[last].order

    def near(self, size: int, magnitude: float, slack: float) -> list[Seen]:
        """The values of the size whose magnitudes sum to about so much, in their order."""
        entries = self._by_size.get(size, [])
        low = bisect.bisect_left(entries, (magnitude - slack, -1))
        high = bisect.bisect_right(entries, (magnitude + slack, len(self.seen)))
        return sorted((self.seen[k] for _, k in entries[low:high]), key=lambda s: s.order)

    def equal(
        self, wanted: Known, scale: float = 1.0, within: Sequence[int] | range | None = None
    ) -> list[tuple[Seen, View]]:
        """Where the quantity, times the scale, was seen: in any orientation."""
        value, bound = wanted.value * scale, wanted.bound * abs(scale)
        if not np.isfinite(value).all() or not np.isfinite(bound).all():
            return []
        found = []
        for seen in self.near(value.size, float(np.abs(value).sum()), float(bound.sum()) * 1.01 + 1e-300):
            if within is not None and not within[0] <= seen.order < within[-1]:
                continue
            for view in views(seen.value, value.shape):
                if (np.abs(view.array - value) <= bound).all():
                    found.append((seen, view))
                    break
        return found

    def latest(self, text: str, before: int, frame: int | None = None) -> Seen | None:
        """The last value that an expression had before a moment; in the frame where it had one there."""
        anywhere: Seen | None = None
        for seen in reversed(self.seen):
            if seen.order < before and seen.text == text and seen.stored:
                if frame is None or seen.run.frame == frame:
                    return seen
                anywhere = anywhere or seen
        return anywhere

    def stored(self, within: range | None = None) -> list[Seen]:
        """The first few distinct values of each variable at their first appearance, within a window if one is given."""
        found: dict[tuple[str, tuple[int, ...], bytes], Seen] = {}
        counts: dict[str, int] = {}
        for seen in self.seen:
            inside = within is None or within[0] <= seen.order < within[-1]
            key = (seen.text, seen.value.shape, seen.value.tobytes())
            if inside and seen.stored and seen.type != "tuple" and key not in found:
                counts[seen.text] = counts.get(seen.text, 0) + 1
                if counts[seen.text] <= FEW:
                    found[key] = seen
        return list(found.values())
