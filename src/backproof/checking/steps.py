"""A training step judged by what it does to the parameters: (before − after) / learning rate is the gradient.

Stale weights and exchanged updates cannot be seen in a gradient. They show in a step: what differs from the gradient
shrinks with the learning rate where a weight was updated before it was used, so a step is made at two rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.calling import CONTAINERS, PARAMETERS, Call, Plan, call, plan_of
from backproof.checking.findings import Finding
from backproof.checking.foreign import as_array, as_tensors, is_array
from backproof.checking.functions import Place, Points, more_telling
from backproof.checking.judging import Sample, parameters_of
from backproof.checking.layouts import Layout
from backproof.checking.precision import Array, precision_of
from backproof.checking.raised import RaisedError
from backproof.checking.returned import Returned, coarsest, fitted, readings
from backproof.checking.truth import SAFETY, Known, deviation, evaluated_at, truth_at
from backproof.errors import BackproofError, SpecificationError
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator
from backproof.ir.traverse import names

RATES = (2.0**-6, 2.0**-7)
"""Powers of two, so that multiplying by them rounds nothing; the first is about 0.01."""

LARGE_RATE = 1.0
"""At a user's points a step is made at this rate, too: there weights updated too early show most."""

COARSE_RATES = (0.5, 0.25)
"""In half precision the update would drown in the rounding of the weights at a small rate."""


@dataclass(frozen=True, slots=True)
class Step:
    """One training step made: what it did at a learning rate.

    Args:
        call: how, and what came.
        layout, place: in which layout, and where.
        rate: the learning rate.
        gradients: (before − after) / rate in the derivation's shapes.
        misfits: parameters whose new value has another shape.
        variables: how the user writes each parameter.
        precision: the coarsest that was met.
        loss: where it came, too.
        slack: how far rounding of the update may take each gradient.
        wrong: parameters whose update is wrong.
    """

    call: Call
    layout: Layout
    place: Place
    rate: float
    gradients: Mapping[str, Array]
    misfits: Mapping[str, tuple[int, ...]]
    variables: Mapping[str, str]
    precision: str
    loss: float | None
    slack: Mapping[str, Array]
    wrong: tuple[str, ...] = ()

    @property
    def sample(self) -> Sample:
        """The point with the gradients that the step followed."""
        return Sample(self.place.point, self.gradients, self.loss, self.slack, self.rate)

    @property
    def unchanged(self) -> bool:
        """Whether no parameter was changed."""
        return bool(self.gradients) and not any(np.any(array) for array in self.gradients.values())


def explore_step(
    function: Callable[..., Any], name: str, trace: Trace, points: Points, order: Sequence[str] | None, rate: float
) -> Step:
    """The step at the first point that is right; otherwise the one that fits best.

    Raises:
        RaisedError: every call raised.
        SpecificationError: nothing tells how to call the function, or what it changed.
    """
    best: Step | None = None
    failure: BackproofError | RaisedError | None = None
    for step in _tried(function, name, trace, points, order, rate):
        if isinstance(step, BackproofError | RaisedError):
            failure = more_telling(failure, step)
        elif not step.wrong:
            return step
        elif best is None or (-len(step.misfits), -len(step.wrong)) > (-len(best.misfits), -len(best.wrong)):
            best = step
    if best is not None:
        return best
    raise failure if failure is not None else SpecificationError(f"{name} could not be called at any point")


def _tried(
    function: Callable[..., Any], name: str, trace: Trace, points: Points, order: Sequence[str] | None, rate: float
) -> Iterator[Step | BackproofError | RaisedError]:
    for number in range(2 * len(CONTAINERS)):
        tensors, container = divmod(number, len(CONTAINERS))
        if tensors and as_tensors() is None:
            return
        returned = False
        for layout in points.layouts(trace):
            try:
                place = points.place(trace, 0, layout)
                plan = plan_of(function, name, trace.program, list(place.parameters), order, step=True)
                if container and PARAMETERS not in plan.slots:
                    break
                plan = replace(plan, container=CONTAINERS[container], names=place.names or None, tensors=bool(tensors))
                step = step_at(function, name, trace, plan, layout, place, rate)
            except (BackproofError, RaisedError) as problem:
                yield problem
            else:
                returned = True
                yield step
        if returned:
            return


def step_at(
    function: Callable[..., Any], name: str, trace: Trace, plan: Plan, layout: Layout, place: Place, rate: float
) -> Step:
    """One step.

    Raises:
        RaisedError: the function raised.
        SpecificationError: what it gave back are no parameters.
    """
    made = call(function, name, plan, place.parameters, place.inputs, rate)
    after = _after(made, name, place)
    gradients: dict[str, Array] = {}
    slack: dict[str, Array] = {}
    misfits: dict[str, tuple[int, ...]] = {}
    precision = coarsest([place.precision, after.precision])
    for id, value in after.arrays.items():
        before, _ = as_array(place.parameters[id], id)
        if not fitted(value.shape, before.shape):
            misfits[id] = value.shape
            continue
        before = precision_of(precision).rounded(before)
        value = value.reshape(before.shape)
        gradients[id] = (before - value) / rate
        slack[id] = SAFETY * precision_of(precision).unit * (2 * np.abs(before) + np.abs(value)) / rate
    restored = layout.restored(trace.program, gradients)
    widened = layout.restored(trace.program, slack)
    step = Step(made, layout, place, rate, restored, misfits, after.variables, precision, after.loss, widened)
    return replace(step, wrong=tuple(_wrong(trace, step)))


def _wrong(trace: Trace, step: Step) -> Iterator[str]:
    known = truth_at(trace, step.place.point, "float32" if step.precision == "float64" else step.precision)
    yield from (parameter for parameter, id in trace.gradients.items() if not _matches(known[id], step, parameter))


def _after(made: Call, name: str, place: Place) -> Returned:
    """The parameters after the step: those returned, or those passed where they were changed in place."""
    shapes = {id: tuple(int(n) for n in np.shape(array)) for id, array in place.parameters.items()}
    value, loss = made.value, None
    if value is not None and is_array(value) and np.shape(value) == ():
        loss, value = float(as_array(value, "the loss")[0]), None
    if value is not None:
        return next(readings(value, name, shapes, _order_of(made.plan, shapes)))
    arrays, variables, precisions = {}, {}, []
    for id, (array, variable) in _passed(made, shapes).items():
        arrays[id], precision = as_array(array, variable)
        variables[id] = variable
        precisions.append(precision)
    return Returned(arrays, variables, coarsest(precisions), loss)


def _order_of(plan: Plan, shapes: Mapping[str, Any]) -> list[str] | None:
    """Parameters that come one by one are returned in the same order."""
    order = [slot for slot in plan.slots if slot in shapes]
    return order if len(order) == len(shapes) else None


def _passed(made: Call, shapes: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    found: dict[str, tuple[Any, str]] = {}
    names = made.plan.names or {}
    for slot, argument in zip(made.plan.slots, made.arguments, strict=True):
        if slot == PARAMETERS:
            ids = list(shapes)
            match made.plan.container:
                case "mapping":
                    keys = {id: names.get(id, id) for id in ids}
                    found |= {id: (argument[key], f"params[{key!r}]") for id, key in keys.items() if key in argument}
                case "list":
                    found |= {id: (argument[k], f"params[{k}]") for k, id in enumerate(ids)}
                case "pairs":
                    flat = [
                        (item, f"params[{k}][{j}]") for k, pair in enumerate(argument) for j, item in enumerate(pair)
                    ]
                    found |= dict(zip(ids, flat, strict=False))
        elif slot in shapes:
            found[slot] = (argument, slot)
    return found


# --- faults that only a step has ----------------------------------------------------------------------------------


def faults_of_steps(trace: Trace, name: str, first: Step, second: Step) -> tuple[Finding, ...]:
    """Faults of the update itself, from two steps at one point at different rates; none where none explains it."""
    if first.unchanged and second.unchanged:
        return (Finding("no-update", "", f"{name} changes no parameter, neither in place nor in what it returns"),)
    if _same_update(first, second):
        sentence = (
            f"{name} makes the same update at learning rates {first.rate:g} and {second.rate:g}: it ignores its rate"
        )
        return (Finding("rate-ignored", "", sentence),)
    known = [truth_at(trace, step.place.point, step.precision) for step in (first, second)]
    steps = (first, second)
    if _all_match(trace, steps, known, lambda k, id: Known(-k[id].value, k[id].bound)):
        sentence = (
            f"{name} adds the gradients to the parameters: it goes up the loss; subtract them (-= in place of +=)"
        )
        return (Finding("update-sign", "", sentence),)
    swapped = _exchanged(trace, name, steps, known)
    if swapped is not None:
        return (swapped,)
    stale = _stale(trace, name, steps)
    return () if stale is None else (stale,)


def _same_update(first: Step, second: Step) -> bool:
    """Whether the update does not depend on the rate."""
    if not first.gradients or first.gradients.keys() != second.gradients.keys():
        return False
    return all(
        np.allclose(first.gradients[id] * first.rate, second.gradients[id] * second.rate, rtol=1e-6, atol=0)
        for id in first.gradients
    )


def _all_match(
    trace: Trace,
    steps: Sequence[Step],
    truths: Sequence[Mapping[str, Known]],
    wanted: Callable[[Mapping[str, Known], str], Known],
) -> bool:
    return all(
        _matches(wanted(known, id), step, parameter)
        for step, known in zip(steps, truths, strict=True)
        for parameter, id in trace.gradients.items()
    )


def _matches(known: Known, step: Step, parameter: str) -> bool:
    array = step.gradients.get(parameter)
    if array is None or array.shape != known.value.shape:
        return False
    return deviation(Known(known.value, known.bound + step.slack[parameter]), array) is None


def _exchanged(trace: Trace, name: str, steps: Sequence[Step], truths: Sequence[Mapping[str, Known]]) -> Finding | None:
    """Two parameters that got each other's gradient."""
    wrong = [parameter for parameter in parameters_of(trace) if parameter in steps[0].wrong]
    for position, a in enumerate(wrong):
        for b in wrong[position + 1 :]:
            pairs = ((a, trace.gradients[b]), (b, trace.gradients[a]))
            if all(
                _matches(known[id], step, parameter)
                for step, known in zip(steps, truths, strict=True)
                for parameter, id in pairs
            ):
                sentence = f"{name} exchanges the updates of {a} and {b}: each gets the other's gradient"
                return Finding("updates-swapped", trace.gradients[a], sentence, variable=steps[0].variables.get(a, a))
    return None


def _stale(trace: Trace, name: str, steps: Sequence[Step]) -> Finding | None:
    """Parameters that were updated before the backward pass had used them."""
    candidates = [(p,) for p in trace.gradients] + [tuple(trace.gradients)]
    for updated in candidates:
        if all(_is_stale(trace, step, updated) for step in steps):
            used = next((e.name.id for e in trace.backward if _uses(trace, e.name.id, updated)), "")
            which = " and ".join(_read_later(trace, updated)) or updated[0]
            sentence = (
                f"{name} updates {which} before {used or 'the backward pass'} is computed with it: compute every "
                f"gradient first, then update (the error is proportional to the learning rate)"
            )
            return Finding("stale-weights", used, sentence, right=trace.joint.definitions[used].value if used else None)
    return None


def _uses(trace: Trace, id: str, parameters: Sequence[str]) -> bool:
    from_equation = names(trace.joint.definitions[id].value)
    return not from_equation.isdisjoint(parameters) and id not in trace.gradients.values()


def _read_later(trace: Trace, parameters: Sequence[str]) -> list[str]:
    """Those that the backward pass uses at all."""
    return [p for p in parameters if any(_uses(trace, e.name.id, (p,)) for e in trace.backward)]


def _is_stale(trace: Trace, step: Step, updated: Sequence[str]) -> bool:
    """Whether the step is what comes out when the named parameters are updated as soon as their gradients are there."""
    evaluator, bounded = evaluated_at(trace, step.place.point, step.precision)
    plain = Evaluator(NumpyArithmetic(np.float64), evaluator.sizes)
    values = {id: np.asarray(rounded.value, np.float64) for id, rounded in bounded.items()}
    parameter_of = {id: parameter for parameter, id in trace.gradients.items()}
    for equation in trace.backward:
        id = equation.name.id
        values[id] = plain(equation.value, values)
        parameter = parameter_of.get(id)
        if parameter in updated and parameter is not None:
            values[parameter] = values[parameter] - step.rate * values[id]
    return all(
        _matches(Known(values[id], 2 * np.asarray(bounded[id].error, np.float64)), step, parameter)
        for parameter, id in trace.gradients.items()
    )
