"""Gradients judged: right, wrong, or not to be decided at these points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from backproof.backprop.trace import Trace
from backproof.checking.findings import Convention, Deviation, Grid, Judged, Verdict
from backproof.checking.points import Point, drowned_above, lost, telling, why_not
from backproof.checking.precision import Array, Precision, precision_of
from backproof.checking.truth import Known, as_written, deviation, truth_at
from backproof.checking.untold import untold
from backproof.dims import concrete
from backproof.ir.evaluate import sizes_from
from backproof.render.figures import shown

Truths = Mapping[str, Known]


@dataclass(frozen=True, slots=True)
class Sample:
    """One point and what the user's program gave there, in the derivation's shapes.

    Args:
        point: inputs and parameters by identifier.
        given: the user's gradients by the identifier of the parameter.
        loss: the user's loss, where there was one.
        slack: what may be added to the bound of a gradient, where it was found as a difference.
        rate: the learning rate of the step that it was found from, where it was.
    """

    point: Point
    given: Mapping[str, Array]
    loss: float | None = None
    slack: Mapping[str, Array] = field(default_factory=dict)
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of each gradient, and how it was judged."""

    verdict: Verdict
    judged: tuple[Judged, ...]
    dtype: str
    conventions: tuple[Convention, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, id: str) -> Verdict:
        """The verdict of one quantity."""
        return next((j.verdict for j in self.judged if j.id == id), Verdict.NOT_SEEN)


def parameters_of(trace: Trace) -> tuple[str, ...]:
    """What the derivation differentiates by, in the order of the program."""
    return tuple(id for id in trace.program.names if id in trace.gradients)


def truths_for(
    trace: Trace, samples: Sequence[Sample], dtype: str, *, settled: bool = False, likely: bool = False
) -> list[dict[str, Known]]:
    """What is known at every sample's point, with the slack of its gradients."""
    found = []
    for sample in samples:
        known = truth_at(trace, sample.point, dtype, settled=settled, likely=likely)
        for parameter, slack in sample.slack.items():
            id = trace.gradients[parameter]
            known[id] = Known(known[id].value, known[id].bound + slack)
        found.append(known)
    return found


def judge(
    trace: Trace,
    samples: Sequence[Sample],
    variables: Mapping[str, str],
    dtype: str,
    *,
    insist: bool = False,
    chosen: bool = False,
    truths: Sequence[Truths] | None = None,
) -> Judgement:
    """The gradients at the points, in the precision; results that only float32 explains are right in float32.

    Args:
        trace: the derivation.
        samples: the points with what the user's program gave.
        variables: the user's name of each gradient, by the identifier of the parameter.
        dtype: the precision that the user's numbers came in.
        insist: whether that precision was asked for, so that no coarser one may explain a difference.
        chosen: whether the points are the tool's own choice. At a user's, every entry must be told, and every equation.
        truths: what is known at the points, where that is at hand.
    """
    known = list(truths) if truths is not None else truths_for(trace, samples, dtype)
    first = _judged(trace, samples, known, variables, dtype, chosen=chosen)
    if first.verdict is not Verdict.WRONG:
        return first
    scaled = _scaled(trace, samples, known, variables, dtype, chosen)
    if scaled is not None:
        return scaled
    if dtype == "float64" and not insist:
        known = truths_for(trace, samples, "float32")
        coarse = _judged(trace, samples, known, variables, "float32", chosen=chosen)
        if _wrong(coarse) < _wrong(first):
            return replace(coarse, notes=(IN_FLOAT32,))
    return first


def _wrong(judgement: Judgement) -> int:
    return sum(judged.verdict is Verdict.WRONG for judged in judgement.judged)


IN_FLOAT32 = (
    "the results are float64, but some are right to the precision of float32 only: some of the computation is in "
    "float32; pass dtype='float64' to have them judged in float64"
)


@dataclass
class _More:
    """What would be known if kinks had one derivative, and with likely errors only; computed where it is asked for."""

    trace: Trace
    samples: Sequence[Sample]
    dtype: str
    chosen: bool

    @property
    def points(self) -> list[Point]:
        return [sample.point for sample in self.samples]

    @cached_property
    def settled(self) -> list[dict[str, Known]]:
        return truths_for(self.trace, self.samples, self.dtype, settled=True)

    @cached_property
    def decisive(self) -> list[dict[str, Known]]:
        return truths_for(self.trace, self.samples, self.dtype, likely=True)

    @cached_property
    def decisive_settled(self) -> list[dict[str, Known]]:
        return truths_for(self.trace, self.samples, self.dtype, settled=True, likely=True)


def _judged(
    trace: Trace,
    samples: Sequence[Sample],
    truths: Sequence[Truths],
    variables: Mapping[str, str],
    dtype: str,
    *,
    chosen: bool,
    textbook: bool = True,
) -> Judgement:
    more = _More(trace, samples, dtype, chosen)
    judged = [
        _judged_gradient(trace, samples, truths, more, p, variables.get(p, ""), dtype) for p in parameters_of(trace)
    ]
    if not chosen and overall(judged) is Verdict.RIGHT:
        judged = _all_told(trace, samples, truths, more, judged, precision_of(dtype))
    conventions: tuple[Convention, ...] = ()
    if all(sample.loss is not None for sample in samples):
        loss, conventions = _judged_loss(trace, samples, truths, dtype, textbook)
        judged.append(loss)
    return Judgement(overall(judged), tuple(judged), dtype, conventions)


def overall(judged: Sequence[Judged]) -> Verdict:
    """The verdict of the whole."""
    verdicts = {j.verdict for j in judged}
    if Verdict.WRONG in verdicts:
        return Verdict.WRONG
    return Verdict.NOT_INFORMATIVE if verdicts - {Verdict.RIGHT} else Verdict.RIGHT


def _judged_gradient(
    trace: Trace,
    samples: Sequence[Sample],
    truths: Sequence[Truths],
    more: _More,
    parameter: str,
    variable: str,
    dtype: str,
) -> Judged:
    id, precision = trace.gradients[parameter], precision_of(dtype)
    given = [sample.given[parameter] for sample in samples if parameter in sample.given]
    if len(given) < len(samples):
        return Judged(id, Verdict.NOT_SEEN, reason=f"no gradient of {parameter} was returned")
    shape = given[0].shape
    found = [deviation(known[id], array) for known, array in zip(truths, given, strict=True)]
    worst = _worst(found)
    values, right = _side_by_side(given, [known[id] for known in truths], 0 if worst is None else found.index(worst))

    if worst is not None:
        reason = "" if np.isfinite(worst.value) else _not_finite(worst.value)
        return Judged(
            id, Verdict.WRONG, variable, shape=shape, deviation=worst, reason=reason, values=values, right=right
        )
    if not _is_told(trace, truths, more, id, precision):
        beyond = [deviation(known[id], array) for known, array in zip(more.decisive, given, strict=True)]
        worst = _worst(beyond)
        if worst is not None:
            return Judged(id, Verdict.WRONG, variable, shape=shape, deviation=worst)
        reason = _undecided(trace, more, id, precision)
        if reason:
            return Judged(id, Verdict.NOT_INFORMATIVE, variable, shape=shape, reason=reason, values=values, right=right)
    drowned = drowned_above(trace, truths, id, precision) and drowned_above(trace, more.decisive, id, precision)
    if drowned:
        reason = f"{drowned} is lost in its rounding errors in {dtype}; take smaller weights or inputs"
        return Judged(id, Verdict.NOT_INFORMATIVE, variable, shape=shape, reason=reason, values=values, right=right)
    return Judged(id, Verdict.RIGHT, variable, shape=shape, values=values, right=right)


def _is_told(trace: Trace, truths: Sequence[Truths], more: _More, id: str, precision: Precision) -> bool:
    """Whether a comparison of the gradient means something: at a user's points, of every entry."""
    enough = telling(truths, id, precision).enough or telling(truths, id, precision, more.settled).enough
    if more.chosen or not enough:
        return enough
    return not lost(trace, truths, truths, more.points, id, precision) or not lost(
        trace, truths, more.settled, more.points, id, precision
    )


def _all_told(
    trace: Trace,
    samples: Sequence[Sample],
    truths: Sequence[Truths],
    more: _More,
    judged: Sequence[Judged],
    precision: Precision,
) -> list[Judged]:
    """Right gradients, but for a fault that these points do not rule out."""
    likely = {j.id for j in judged if not _is_told(trace, truths, more, j.id, precision)}
    known: list[Truths] = list(truths)
    if likely:
        known = [{**k, **{id: d[id] for id in likely}} for k, d in zip(truths, more.decisive, strict=True)]
    fault = untold(trace, more.points, known, [sample.rate for sample in samples])
    if not fault:
        return list(judged)
    reason = (
        f"at {'this point' if len(samples) == 1 else 'these points'} right gradients are the same, to rounding, as "
        f"wrong ones: {fault}; give other points, or none, and points are drawn that tell"
    )
    return [replace(j, verdict=Verdict.NOT_INFORMATIVE, reason=reason) for j in judged]


def _side_by_side(given: Sequence[Array], known: Sequence[Known], place: int) -> tuple[Grid, Grid]:
    """The user's entries and the right ones at one of the points."""
    return shown(given[place]), shown(known[place].value)


def _undecided(trace: Trace, more: _More, id: str, precision: Precision) -> str:
    """Why a gradient within its bounds cannot be called right; empty if it can, by the errors that are likely."""
    if telling(more.decisive, id, precision, more.decisive_settled).enough and (
        more.chosen or not lost(trace, more.decisive, more.decisive_settled, more.points, id, precision)
    ):
        return ""
    return why_not(trace, more.decisive, more.decisive_settled, more.points, id, precision)


def _not_finite(value: float) -> str:
    return f"it is {'NaN' if np.isnan(value) else 'infinite'}"


def _worst(found: Iterable[Deviation | None]) -> Deviation | None:
    """The deviation farthest outside its bound, what is not finite before all."""

    def ratio(d: Deviation) -> float:
        off = abs(d.value - d.right)
        return np.inf if not np.isfinite(off) else off / d.bound if d.bound else off / 5e-324

    return max((d for d in found if d is not None), key=ratio, default=None)


# --- the loss -----------------------------------------------------------------------------------------------------


def _judged_loss(
    trace: Trace, samples: Sequence[Sample], truths: Sequence[Truths], dtype: str, textbook: bool
) -> tuple[Judged, tuple[Convention, ...]]:
    id = trace.loss.id
    losses = [np.asarray(sample.loss) for sample in samples]
    worst = _worst(deviation(known[id], loss) for known, loss in zip(truths, losses, strict=True))
    if worst is None:
        return Judged(id, Verdict.RIGHT, "the loss"), ()
    if "D" in trace.program.definitions and id == "L":
        without = _worst(deviation(known["D"], loss) for known, loss in zip(truths, losses, strict=True))
        if without is None:
            said = Convention("loss-without-penalty", "the loss is returned without the penalty that its gradient has")
            return Judged(id, Verdict.RIGHT, "the loss"), (said,)
    loose = [as_written(trace, id, sample.point, dtype) for sample in samples]
    outside = [deviation(known, loss) for known, loss in zip(loose, losses, strict=True)]
    if not textbook or any(outside):
        return Judged(id, Verdict.WRONG, "the loss", deviation=worst), ()
    if all(np.isfinite(known.bound) for known in loose):
        return Judged(id, Verdict.RIGHT, "the loss"), ()
    reason = f"a probability rounds to 0 or 1 in {dtype}, and the loss takes its logarithm; take smaller weights"
    return Judged(id, Verdict.NOT_INFORMATIVE, "the loss", reason=reason), ()


def _scaled(
    trace: Trace,
    samples: Sequence[Sample],
    truths: Sequence[Truths],
    variables: Mapping[str, str],
    dtype: str,
    chosen: bool,
) -> Judgement | None:
    """The judgement where loss and gradients are those of the declared loss times one usual number."""
    if any(sample.loss is None for sample in samples):
        return None
    choices = [_usual_factors(trace, sample) for sample in samples]
    for words in choices[0]:
        factors = [float(choice[words]) for choice in choices]
        scaled = [_times(trace, known, factor) for known, factor in zip(truths, factors, strict=True)]
        found = _judged(trace, samples, scaled, variables, dtype, chosen=chosen, textbook=False)
        if found.verdict is not Verdict.WRONG:
            said = Convention(
                "loss-scaled",
                f"loss and gradients are {words} times those of the declared loss, and agree with each other",
            )
            return replace(found, conventions=(*found.conventions, said))
    return None


def _times(trace: Trace, known: Truths, factor: float) -> dict[str, Known]:
    kept = (trace.loss.id, *trace.gradients.values())
    scaled = {id: Known(known[id].value * factor, known[id].bound * factor) for id in kept}
    return {**known, **scaled}


def _usual_factors(trace: Trace, sample: Sample) -> dict[str, Fraction]:
    """The numbers by which people's losses differ: the samples, the outputs, all entries, two."""
    program = trace.program
    sizes = sizes_from(program, {id: np.shape(value) for id, value in sample.point.items()})
    shape = concrete(program.names["y"].shape, sizes) if "y" in program.names else ()
    if len(shape) != 2:
        return {"2": Fraction(2), "1/2": Fraction(1, 2)}
    columns = program.structure is not None and program.structure.samples == "columns"
    n, outputs = (shape[1], shape[0]) if columns else shape
    counts = {"n": n, "the outputs": outputs, "all entries": n * outputs}
    found: dict[str, Fraction] = {}
    for words, count in counts.items():
        if count > 1:
            found |= {words: Fraction(count), f"1/({words})": Fraction(1, count)}
            found |= {f"{words}/2": Fraction(count, 2), f"2/({words})": Fraction(2, count)}
            found |= {f"2·{words}": Fraction(2 * count), f"1/(2·{words})": Fraction(1, 2 * count)}
    return {**found, "2": Fraction(2), "1/2": Fraction(1, 2)}
