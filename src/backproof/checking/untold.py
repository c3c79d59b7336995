"""Faults that right gradients do not rule out at given points, because wrong ones would be the same there.

A point of the user's may leave a whole equation untold: where every ReLU unit is active its mask may be missing, with
one sample a sum is a mean, with symmetric weights a transpose makes no difference. So the derivation's own mutants are
evaluated there. One that stays within every bound, and does not where the tool would have looked, was not ruled out.

The mutants are evaluated only where something at the points could hide one: a factor of the backward pass that is the
same everywhere, a constant array, symmetric weights, a single sample. Weights that are used after their update are
looked for always, for their effect is as small as the learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.anatomy import Anatomy, is_number
from backproof.checking.edits import as_numpy, factors
from backproof.checking.faults_of_gradients import stale_edits
from backproof.checking.kinds import rank_of
from backproof.checking.mutants import Mutant, Mutants, mutant
from backproof.checking.points import Point, draw_points
from backproof.checking.precision import Array
from backproof.checking.truth import Known, truth_at
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, sizes_from
from backproof.ir.expr import Expr
from backproof.ir.traverse import names

Truths = Mapping[str, Known]

STALE = "stale-weights"
STALE_RATE = 0.01
"""The learning rate of a gradient function that updates weights while it works, where none is told."""

MOST_TRIED = 600
"""So many mutants are evaluated at most: the most common ones of each equation come first."""

MOST_STALE = 24
"""So many places where updated weights may be used, the nearest to the output."""

CLOSE = 1.25
"""A mutant is not ruled out within this many bounds: its own rounding errors may take it nearer to the right value."""

NEARLY_CONSTANT = 1e-6
"""What varies by a smaller share than this is the same everywhere: float32 would hardly tell."""

UNSEEN_ALONE = frozenset({"bias-left-out"})
"""What zero biases hide is common, and no fault of the backward pass."""


@dataclass
class Place:
    """A point, and what is known there.

    Args:
        anatomy: of the derivation.
        point: inputs and parameters by identifier.
        known: every equation's value, and how far the user's gradients may be from it.
        rate: the learning rate with which the gradients were found.
    """

    anatomy: Anatomy
    point: Point
    known: Truths
    rate: float = STALE_RATE
    evaluator: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        shapes = {id: np.shape(value) for id, value in self.point.items()}
        self.evaluator = Evaluator(NumpyArithmetic(), sizes_from(self.anatomy.trace.program, shapes))

    @cached_property
    def values(self) -> Mapping[str, Array]:
        """Everything, in float64."""
        given = {id: np.asarray(value, np.float64) for id, value in self.point.items()}
        return {**given, **{id: known.value for id, known in self.known.items()}}

    @cached_property
    def mutants(self) -> Mutants:
        """The faults, with the learning rate of this place."""
        return Mutants(self.anatomy, self.evaluator.sizes, self.rate)

    def hides(self, edits: Mapping[str, Expr]) -> bool:
        """Whether every gradient stays within its bound when equations are edited."""
        gradients, values = self.anatomy.gradients, dict(self.values)
        for id, expr in self._changed(edits):
            try:
                with np.errstate(all="ignore"):
                    value = np.asarray(self.evaluator(as_numpy(expr), values))
            except (ValueError, IndexError):
                return False
            if id in gradients and not self._within(self.known[id], value):
                return False
            values[id] = value
        return True

    def _changed(self, edits: Mapping[str, Expr]) -> Iterator[tuple[str, Expr]]:
        """The equations to be computed anew, each after what it uses."""
        a = self.anatomy
        places = {id: max([a.order[id], *(a.order[used] + 0.5 for used in names(e))]) for id, e in edits.items()}
        needed = a.needed_for(tuple(a.gradients))
        ids = [*edits, *(equation.name.id for equation in a.downstream(tuple(edits)))]
        for id in sorted((id for id in ids if id in needed), key=lambda id: places.get(id, a.order[id])):
            yield id, edits.get(id, a.equations[id].value)

    @staticmethod
    def _within(known: Known, value: Array) -> bool:
        if value.shape != known.value.shape:
            return False
        with np.errstate(all="ignore"):
            return bool(np.all(np.abs(value - known.value) <= CLOSE * known.bound))


def untold(trace: Trace, points: Sequence[Point], known: Sequence[Truths], rates: Sequence[float | None]) -> str:
    """A fault that gradients within their bounds do not rule out, in words; empty where there is none.

    Args:
        trace: the derivation.
        points: where the gradients were compared.
        known: what they were compared with.
        rates: the learning rates of the steps that the gradients were taken from; None where they came as such.
    """
    anatomy = Anatomy(trace)
    pairs = zip(points, known, rates, strict=True)
    places = [Place(anatomy, point, truth, STALE_RATE if rate is None else rate) for point, truth, rate in pairs]
    hidden = list(_hidden(anatomy, places))
    if not hidden:
        return ""
    elsewhere = [Place(anatomy, point, truth_at(trace, point)) for point in draw_points(trace)]
    for fault in sorted(hidden, key=lambda fault: rank_of(fault.kind)):
        if not all(place.hides(fault.edits) for place in elsewhere):
            return fault.sentence
    return ""


def _hidden(anatomy: Anatomy, places: Sequence[Place]) -> Iterator[Mutant]:
    """The faults that no place rules out, those of updated weights first."""
    for alike in islice(zip(*(_stale(place) for place in places), strict=True), MOST_STALE):
        if all(place.hides(fault.edits) for place, fault in zip(places, alike, strict=True)):
            yield alike[0]
    if not any(weak(place) for place in places):
        return
    mutants = places[0].mutants
    made = (fault for id in _in_turn(anatomy) for fault in mutants.of(id))
    others = (fault for fault in made if fault.kind != STALE and fault.kind not in UNSEEN_ALONE)
    for fault in islice(others, MOST_TRIED):
        if all(place.hides(fault.edits) for place in places):
            yield fault


def _in_turn(anatomy: Anatomy) -> list[str]:
    """The equations that gradients rest on, the backward pass first."""
    backward = [id for id in anatomy.order if id in anatomy.backward]
    return [*backward, *(id for id in reversed([*anatomy.order]) if id in anatomy.seen_backward)]


def _stale(place: Place) -> Iterator[Mutant]:
    """Weights that are used after their update."""
    for equation in place.anatomy.trace.backward:
        for edit in stale_edits(place.anatomy, equation, place.rate):
            yield mutant(place.anatomy, equation, edit)


# --- signs of weakness --------------------------------------------------------------------------------------------


def weak(place: Place) -> bool:
    """Whether something at a point could hide a fault of the backward pass: see the head of this module."""
    anatomy = place.anatomy
    used = {id for equation in anatomy.trace.backward for id in names(equation.value)}
    return (
        _is_single(place)
        or any(_tells_little(place.values[id]) for id in place.point if id in used)
        or any(_is_constant(value) for value in _local_factors(place))
    )


def _is_single(place: Place) -> bool:
    """Whether there is one sample only."""
    batch = place.anatomy.batch
    return batch is not None and place.evaluator.sizes.get(str(batch[1])) == 1


def _tells_little(value: Array) -> bool:
    """Whether an array is the same everywhere, or its own transpose or the opposite of it."""
    if value.size < 2:
        return bool(np.all(np.abs(value) <= NEARLY_CONSTANT) or np.all(np.abs(value) == 1))
    turned = value.T if value.ndim == 2 and value.shape[0] == value.shape[1] else None
    return _is_constant(value) or (turned is not None and bool(np.all(value == turned)))


def _is_constant(value: Array) -> bool:
    with np.errstate(all="ignore"):
        size = float(np.max(np.abs(value), initial=0.0))
        return not np.isfinite(size) or float(np.ptp(value)) <= NEARLY_CONSTANT * size


def _local_factors(place: Place) -> Iterator[Any]:
    """The factors of the backward pass that come from the forward pass alone: local derivatives, masks."""
    backward = place.anatomy.backward
    for equation in place.anatomy.trace.backward:
        for factor in factors(equation.value):
            used = names(factor)
            if used and not is_number(factor) and not used & backward:
                with np.errstate(all="ignore"):
                    value = np.asarray(place.evaluator(factor, place.values))
                if value.size > 1:
                    yield value
