"""What a program does to its parameters: the step of each update, and of which gradient it is a multiple."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backproof.checking.precision import Array, Floats
from backproof.checking.scripts.roles import Placed
from backproof.checking.scripts.values import Seen, Values, views
from backproof.checking.scripts.windows import Window

NATURAL = 1e-6
"""How far a step may be from the learning rate times the gradient, relatively: what rounding of the weights leaves."""

ROOM = 64.0
"""Roundings of the parameter itself that a step may have suffered, in units in the last place."""


@dataclass(frozen=True, slots=True)
class Update:
    """A parameter changed.

    Args:
        parameter: its identifier.
        seen: the target with its new value.
        step: the old value less the new one, in the derivation's shape.
        room: how far rounding may have taken each entry of the step.
        how: the orientation of the user's array.
    """

    parameter: str
    seen: Seen
    step: Floats
    room: Floats
    how: str

    @property
    def scalars(self) -> set[float]:
        """The numbers that stand in the statement: learning rates and constants, with the products of any two."""
        found = {1.0} | {float(s.value) for s in self.seen.run.seen if s.value.ndim == 0 and not s.assigned}
        for node in ast.walk(self.seen.run.statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
                found.add(float(node.value))
        return found

    def explains(self, eta: float) -> bool:
        """Whether the step's size is one of the numbers in the statement."""
        return any(abs(abs(s) - abs(eta)) <= NATURAL * abs(eta) for s in self.scalars)


def updates(values: Values, window: Window, id: str, placed: Placed) -> Iterator[Update]:
    """The changes of a parameter within a window, the first one first."""
    if placed.seen is None:
        return
    old = placed.seen.value
    for seen in values.seen:
        if not (seen.assigned and window.start <= seen.order < window.end):
            continue
        if seen.value.shape != old.shape:
            if seen.value.ndim == old.ndim and _reads(seen, old) and _held(values, seen, old):
                room = np.full(placed.array.shape, float(np.finfo(np.float64).eps) * ROOM)
                yield Update(id, seen, np.zeros(placed.array.shape), room, placed.how)
            continue
        if np.array_equal(seen.value, old) or not _was(values, seen, old):
            continue
        view = next((v for v in views(seen.value, placed.array.shape) if v.how == placed.how), None)
        if view is not None:
            unit = float(np.finfo(old.dtype).eps) if old.dtype.kind == "f" else 2.0**-52
            room = ROOM * unit * (np.abs(placed.array) + np.abs(view.array))
            yield Update(id, seen, placed.array - view.array, room, view.how)


def _reads(seen: Seen, old: Array) -> bool:
    """Whether the statement adds something to the old value, or takes something from it."""
    value = getattr(seen.run.statement, "value", None)
    sums = isinstance(seen.run.statement, ast.AugAssign) or (
        isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub)
    )
    return sums and any(
        s.value.shape == old.shape and np.array_equal(s.value, old)
        for s in seen.run.seen
        if s.stored and not s.assigned
    )


def _held(values: Values, seen: Seen, old: Array) -> bool:
    """Whether a variable of that name ever held the old value."""
    named = (s for s in values.seen if s.text == seen.text and s.order < seen.order)
    return any(s.value.shape == old.shape and np.array_equal(s.value, old) for s in named)


def _was(values: Values, seen: Seen, old: Array) -> bool:
    """Whether the target had the old value before the statement."""
    before = next((s for s in seen.run.seen if s.text == seen.text and not s.assigned), None)
    if before is None:
        before = values.latest(seen.text, seen.run.order)
    if before is None or before.order > seen.order:
        return False
    return bool(np.array_equal(before.value, old))


def ratio(update: Update, gradient: Floats, bound: Floats) -> float | None:
    """The η with step = η · gradient; None where the step is no multiple of it."""
    if gradient.shape != update.step.shape or not (np.isfinite(gradient).all() and np.isfinite(update.step).all()):
        return None
    norm = float((gradient * gradient).sum())
    if norm == 0 or not np.isfinite(norm):
        return None
    eta = float((update.step * gradient).sum()) / norm
    room = update.room + abs(eta) * bound + 1e-9 * abs(eta) * np.abs(gradient).max()
    if eta == 0 or not (np.abs(update.step - eta * gradient) <= room).all():
        return None
    # A step within the rounding of the parameter is a multiple of anything.
    return eta if float(np.abs(update.step).max()) > 8 * float(update.room.max()) else None
