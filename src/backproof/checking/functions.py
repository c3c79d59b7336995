"""A gradient function called at points, by the plan and in the layout that it turns out to follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.calling import CONTAINERS, PARAMETERS, Call, Plan, call, plan_of
from backproof.checking.findings import Convention
from backproof.checking.foreign import as_array, as_tensors
from backproof.checking.judging import Sample, parameters_of
from backproof.checking.layouts import Layout, layouts_of, pairs_of
from backproof.checking.points import Point
from backproof.checking.precision import Array
from backproof.checking.raised import RaisedError
from backproof.checking.returned import Returned, coarsest, fitted, readings
from backproof.checking.spelling import meant
from backproof.checking.truth import Known, deviation, truth_at
from backproof.errors import BackproofError, ShapeError, SpecificationError
from backproof.ir.arguments import checked_values
from backproof.ir.evaluate import sizes_from

Failure = BackproofError | RaisedError

SECONDS_TO_TRY = 1.0
"""No other layout is tried after this time; what fits a wrong function best is then good enough."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point as the derivation has it, and as the user's function is given it.

    Args:
        point: arrays by identifier, in the declared shapes.
        parameters, inputs: what is passed.
        precision: the coarsest of the arrays.
        names: the user's keys, by identifier, where the point is the user's.
    """

    point: Point
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any]
    precision: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call that returned, and the reading of it.

    Args:
        call: how, and what came.
        layout: in which layout.
        place: where.
        reading: what came, read; ``number`` says as which of its readings.
        given: the gradients in the derivation's shapes.
        misfits: parameters whose gradient has a shape that does not fit.
        wrong: parameters whose gradient is wrong there, or is not there.
    """

    call: Call
    layout: Layout
    place: Place
    reading: Returned
    number: int
    given: Mapping[str, Array]
    misfits: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def precision(self) -> str:
        """The coarsest precision of what went in and came out."""
        return coarsest([self.place.precision, self.reading.precision])

    @property
    def sample(self) -> Sample:
        """The point with the gradients that fit."""
        return Sample(self.place.point, self.given, self.reading.loss)


@dataclass(frozen=True, slots=True)
class Points:
    """The points, and whether the tool drew them, so that it may lay them out as it likes."""

    points: tuple[Mapping[str, Any], ...]
    drawn: bool

    def layouts(self, trace: Trace) -> tuple[Layout, ...]:
        """The layouts worth trying: whether vectors have one dimension or two shows in the user's own arrays."""
        found = layouts_of(trace.program)
        return found if self.drawn else tuple(way for way in found if not way.flat_biases and not way.flat_targets)

    def place(self, trace: Trace, position: int, layout: Layout) -> Place:
        """One of the points in a layout.

        Raises:
            ShapeError, DataError, SpecificationError: the user's arrays do not fit that layout.
        """
        program, point = trace.program, self.points[position]
        inputs = [name.id for name in program.inputs]
        if self.drawn:
            passed = layout.arranged(program, point)
            ours = {id: passed[id] for id in inputs}
            return Place(point, {id: a for id, a in passed.items() if id not in ours}, ours, "float64", {})
        return _given_place(trace, point, layout, inputs)


def _given_place(trace: Trace, point: Mapping[str, Any], layout: Layout, inputs: Sequence[str]) -> Place:
    program = trace.program
    names = (*program.inputs, *program.parameters)
    flat = flattened(point)
    means = meant(flat, [name.id for name in names])
    unknown = [key for key in flat if key not in means]
    if unknown:
        known = ", ".join(name.id for name in names)
        raise SpecificationError(f"the point has {unknown[0]!r}, which is none of {known}; rename it or leave it out")
    pairs = {id: as_array(flat[key], key) for key, id in means.items()}
    restored = layout.restored(program, {id: array for id, (array, _) in pairs.items()})
    declared = checked_values(names, restored, np.dtype(np.float64), "quantity")
    sizes_from(program, {id: array.shape for id, array in declared.items()})
    passed = {id: np.asarray(flat[key]) if isinstance(flat[key], list) else flat[key] for key, id in means.items()}
    parameters = {name.id: passed[name.id] for name in program.parameters if name.id in passed}
    precision = coarsest([name for _, name in pairs.values()])
    given = {id: passed[id] for id in inputs}
    return Place(declared, parameters, given, precision, {id: key for key, id in means.items() if key != id})


def flattened(point: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of a mapping, those of a mapping within it too."""
    found: dict[str, Any] = {}
    for key, value in point.items():
        if isinstance(value, Mapping):
            found |= flattened(value)
        else:
            found[str(key)] = value
    return found


# --- trying -------------------------------------------------------------------------------------------------------


def explore(
    function: Callable[..., Any], name: str, trace: Trace, points: Points, order: Sequence[str] | None
) -> Attempt:
    """The call at the first point that gives right gradients; otherwise the one that fits best.

    Raises:
        RaisedError: every call raised; the first is told.
        SpecificationError: nothing tells how to call the function or how to read what it returns.
    """
    best: Attempt | None = None
    failure: BackproofError | RaisedError | None = None
    deadline = time.monotonic() + SECONDS_TO_TRY
    for attempt in _attempts(function, name, trace, points, order):
        if isinstance(attempt, BackproofError | RaisedError):
            failure = more_telling(failure, attempt)
        elif not attempt.wrong:
            return attempt
        elif best is None or _fit(attempt) > _fit(best):
            best = attempt
        if best is not None and time.monotonic() > deadline:
            break
    if best is not None:
        return best
    raise failure if failure is not None else SpecificationError(f"{name} could not be called at any point")


def more_telling(
    first: BackproofError | RaisedError | None, other: BackproofError | RaisedError
) -> BackproofError | RaisedError:
    """The first failure, but that a layout does not fit tells less than anything else."""
    if first is None or (isinstance(first, ShapeError) and not isinstance(other, ShapeError)):
        return other
    return first


def _fit(attempt: Attempt) -> tuple[int, int]:
    return -len(attempt.misfits), -len(attempt.wrong)


def _attempts(
    function: Callable[..., Any], name: str, trace: Trace, points: Points, order: Sequence[str] | None
) -> Iterator[Attempt | BackproofError | RaisedError]:
    """Every way to call, until one way of passing the parameters has been found that gives something right."""
    truths: dict[str, Mapping[str, Known]] = {}
    returned = False
    for variant in range(2 * len(CONTAINERS)):
        if returned and variant >= len(CONTAINERS):
            return
        fits = False
        for layout in points.layouts(trace):
            try:
                place = points.place(trace, 0, layout)
                plan = _variant(_plan(function, name, trace, place, order), variant)
                if plan is None:
                    break
                # A point of the user's is another one in another layout.
                at_point = truths if points.drawn else {}
                attempts = list(attempt_at(function, name, trace, plan, layout, place, order, at_point))
            except (BackproofError, RaisedError) as problem:
                yield problem
            else:
                # What runs may run by accident: a matrix taken apart like a list of rows.
                returned = True
                fits = fits or any(len(attempt.wrong) < len(trace.gradients) for attempt in attempts)
                yield from attempts
        if fits:
            return


def _plan(function: Callable[..., Any], name: str, trace: Trace, place: Place, order: Sequence[str] | None) -> Plan:
    plan = plan_of(function, name, trace.program, list(place.parameters), order, step=False)
    return replace(plan, names=place.names) if place.names else plan


def _variant(plan: Plan, number: int) -> Plan | None:
    """The plan with another container, then the same with tensors; None where that makes no difference."""
    tensors, container = divmod(number, len(CONTAINERS))
    if (tensors and as_tensors() is None) or (container and PARAMETERS not in plan.slots):
        return None
    return replace(plan, container=CONTAINERS[container], tensors=bool(tensors))


def attempt_at(
    function: Callable[..., Any],
    name: str,
    trace: Trace,
    plan: Plan,
    layout: Layout,
    place: Place,
    order: Sequence[str] | None,
    truths: dict[str, Mapping[str, Known]] | None = None,
) -> Iterator[Attempt]:
    """One call, in each of its readings.

    Raises:
        RaisedError: the function raised.
        SpecificationError, DataError: what came back cannot be read.
    """
    made = call(function, name, plan, place.parameters, place.inputs)
    if made.value is None:
        raise SpecificationError(
            f"{name} returned nothing; return the gradients, or check a training step (kind='step')"
        )
    shapes = {id: _shape(place.parameters[id]) for id in wanted_of(trace, place)}
    for number, reading in enumerate(readings(made.value, name, shapes, order)):
        given, misfits = restored_gradients(trace, layout, reading, shapes)
        attempt = Attempt(made, layout, place, reading, number, given, misfits, ())
        yield replace(attempt, wrong=tuple(_wrong(trace, attempt, {} if truths is None else truths)))


def wanted_of(trace: Trace, place: Place) -> list[str]:
    """The parameters whose gradients are wanted, of those that are passed: a bias may be part of its weights."""
    return [id for id in parameters_of(trace) if id in place.parameters]


def restored_gradients(
    trace: Trace, layout: Layout, reading: Returned, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The gradients that fit in the derivation's shapes, and the parameters whose gradients do not fit."""
    fit = {id: a.reshape(shapes[id]) for id, a in reading.arrays.items() if fitted(a.shape, shapes[id])}
    misfits = tuple(id for id in reading.arrays if id not in fit)
    return layout.restored(trace.program, fit), misfits


def _wrong(trace: Trace, attempt: Attempt, truths: dict[str, Mapping[str, Known]]) -> Iterator[str]:
    """The parameters whose gradient is wrong or missing, in the precision that it came in or in float32."""
    precision = "float32" if attempt.precision == "float64" else attempt.precision
    known = truths.get(precision)
    if known is None:
        known = truths[precision] = truth_at(trace, attempt.place.point, precision)
    for parameter, id in trace.gradients.items():
        array = attempt.given.get(parameter)
        if array is None or array.shape != known[id].value.shape or deviation(known[id], array) is not None:
            yield parameter


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in np.shape(value))


def samples_at(
    function: Callable[..., Any], name: str, trace: Trace, points: Points, first: Attempt, order: Sequence[str] | None
) -> tuple[list[Sample], list[str]]:
    """What the function gives at all points, called and read as at the first, and the precisions met.

    Raises:
        RaisedError: the function raised.
        SpecificationError, DataError, ShapeError: what came back does not fit.
    """
    samples, precisions = [first.sample], [first.precision]
    for position in range(1, len(points.points)):
        place = points.place(trace, position, first.layout)
        found = list(attempt_at(function, name, trace, first.call.plan, first.layout, place, order))
        attempt = found[min(first.number, len(found) - 1)]
        samples.append(attempt.sample)
        precisions.append(attempt.precision)
    return samples, precisions


def variables_of(trace: Trace, attempt: Attempt) -> dict[str, str]:
    """How the user writes each gradient, by the identifier of the parameter; a bias in its weights as these."""
    variables = dict(attempt.reading.variables)
    for W, b in pairs_of(trace.program).items():
        if attempt.layout.bias != "own" and W in variables:
            variables.setdefault(b, variables[W])
    return variables


def conventions_of(trace: Trace, attempt: Attempt) -> tuple[Convention, ...]:
    """What was recognised on the way."""
    found = [*attempt.layout.conventions(trace.program), *attempt.reading.conventions]
    reshaped = []
    shapes = {id: _shape(attempt.place.parameters[id]) for id in wanted_of(trace, attempt.place)}
    for id, array in attempt.reading.arrays.items():
        if id in shapes and array.shape != shapes[id] and id not in attempt.misfits:
            variable = attempt.reading.variables[id]
            reshaped.append(f"{variable} has shape {array.shape} for {id} of shape {shapes[id]}")
    if reshaped:
        found.append(Convention("reshaped", ", ".join(reshaped)))
    return tuple(found)
