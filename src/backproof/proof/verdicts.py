"""What becomes of each obligation: exactly decided in the field, or to many digits where a law is beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backproof.backprop.trace import Trace
from backproof.ir.expr import Name, zeros
from backproof.ir.program import Equation, Program, RowsSumToOne
from backproof.proof.certificate import Method
from backproof.proof.digits import ManyDigitPlaces, precise_point
from backproof.proof.identity import at_points, degree_place, outcomes
from backproof.proof.obligations import Fact, Identity, Law, Obligation
from backproof.proof.points import Points
from backproof.proof.samples import sample


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one obligation."""

    obligation: Fact | Identity | Law
    holds: bool
    method: Method
    degree: float = 0.0

    @property
    def step(self) -> int | None:
        return self.obligation.step


def tested(
    trace: Trace, obligations: Sequence[Obligation], points: int, seed: int, digits: int
) -> tuple[Points, list[Verdict]]:
    """What becomes of each obligation, and the points at which it was tested."""
    drawn, found = at_points(trace, obligations, points, seed)
    degrees = iter(outcomes(obligations, degree_place(trace.program, drawn.points[-1].evaluator.sizes)))
    by_digits = ManyDigitPlaces(trace, obligations, seed, digits)
    verdicts: list[Verdict] = []
    position = 0
    for obligation in obligations:
        match obligation:
            case Fact():
                verdicts.append(Verdict(obligation, obligation.holds, "definition"))
            case Identity() | Law():
                here = [outcome[position] for outcome in found]
                verdict = _verdict(trace, obligation, here, next(degrees), digits)
                if not verdict.holds and by_digits.holds(position):
                    verdict = Verdict(obligation, True, "many digits")
                verdicts.append(verdict)
                position += 1
            case _:
                pass
    return drawn, verdicts


def _verdict(
    trace: Trace, obligation: Identity | Law, here: list[tuple[bool, ...]], degrees: tuple[float, ...], digits: int
) -> Verdict:
    if isinstance(obligation, Identity):
        holds = any(all(outcome[k] for outcome in here) for k in range(len(obligation.rights)))
        return Verdict(obligation, holds, "field identity", max(degrees))
    by_value, by_slope = (all(outcome[k] for outcome in here) for k in (0, 1))
    if by_value or not by_slope:
        return Verdict(obligation, by_value, "field identity", degrees[0])
    holds = _values_agree(trace, obligation, digits)
    return Verdict(obligation, holds, "equal derivatives and one value", degrees[1])


def _values_agree(trace: Trace, law: Law, digits: int) -> bool:
    """Whether both sides of the law have the same value at one place, to many digits."""
    point = precise_point(trace.program, 0, 2 * digits, digits)
    free = Program(law.free, (), (Equation(Name("none"), zeros(())),), "none", _assumed(trace, law))
    drawn = sample(free, point.evaluator.sizes, point.random, "float64", positive=True)
    point.env.update({id: point.arithmetic.array(value) for id, value in drawn.items()})
    for definition in law.bound:
        point.env[definition.id] = point(definition.value)
    return point.compare(point(law.before), point(law.after))


def _assumed(trace: Trace, law: Law) -> tuple[RowsSumToOne, ...]:
    free = {name.id for name in law.free}
    return tuple(assumption for assumption in trace.program.assumptions if assumption.name in free)
