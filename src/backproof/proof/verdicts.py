"""What becomes of each obligation: exactly decided in the field, or to many digits where a law is beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backproof.backprop.trace import Trace
from backproof.ir.evaluate import Evaluator
from backproof.ir.expr import Function, Name, zeros
from backproof.ir.program import Equation, Program, RowsSumToOne
from backproof.proof.certificate import Method
from backproof.proof.identity import at_points, degree_place, outcomes
from backproof.proof.obligations import Fact, Identity, Law, Obligation
from backproof.proof.points import Points
from backproof.proof.precise import PreciseArithmetic, PrecisePoint
from backproof.proof.rows import functions_in, row_holds_in_digits, row_holds_in_field
from backproof.proof.samples import finite_place, sample, small_sizes

DEEP_DIGITS = 200
"""Digits of the fallback: adjoints of a deep network may be as small as 1e-150 and must still be compared."""

PLACES = 2
"""At how many places the fallback looks."""


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
    by_digits = _ManyDigitOutcomes(trace, obligations, seed, digits)
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
    point = _precise_point(trace, 0, 2 * digits, digits)
    free = Program(law.free, (), (Equation(Name("none"), zeros(())),), "none", _assumed(trace, law))
    drawn = sample(free, point.evaluator.sizes, point.random, "float64", positive=True)
    point.env.update({id: point.arithmetic.array(value) for id, value in drawn.items()})
    for definition in law.bound:
        point.env[definition.id] = point(definition.value)
    return point.compare(point(law.before), point(law.after))


def _assumed(trace: Trace, law: Law) -> tuple[RowsSumToOne, ...]:
    free = {name.id for name in law.free}
    return tuple(assumption for assumption in trace.program.assumptions if assumption.name in free)


def _precise_point(trace: Trace, seed: int, working: int, digits: int) -> PrecisePoint:
    program = trace.program
    evaluator = Evaluator(PreciseArithmetic(working), small_sizes(program))
    return PrecisePoint(evaluator, {}, np.random.default_rng(seed), program.assumptions, digits)


class _ManyDigitOutcomes:
    """For programs with a function that obeys laws the field does not know: the same obligations in many digits.

    Such a function is one whose derivative agrees with its definition to many digits but not in the field, like
    exp(2x), whose derivative someone wrote as 2 exp(x)².
    """

    def __init__(self, trace: Trace, obligations: Sequence[Obligation], seed: int, digits: int) -> None:
        self.trace = trace
        self.obligations = obligations
        self.seed = seed
        self.digits = digits

    def holds(self, position: int) -> bool:
        """Whether the identity at that position holds at every place looked at."""
        found = self._outcomes
        return bool(found) and all(any(outcome[position]) for outcome in found)

    @cached_property
    def _outcomes(self) -> list[list[tuple[bool, ...]]]:
        if not any(_needs_digits(fn) for fn in functions_in(self.trace.program)):
            return []
        return [found for seed in range(PLACES) if (found := self._at(self.seed + seed))]

    def _at(self, seed: int) -> list[tuple[bool, ...]]:
        point = _precise_point(self.trace, seed, DEEP_DIGITS, self.digits - 10)
        inputs = finite_place(self.trace.program, point.evaluator.sizes, seed)
        if inputs is None:
            return []
        point.env.update({id: point.arithmetic.array(value) for id, value in inputs.items()})
        for equation in self.trace.program.equations:
            point.env[equation.name.id] = point(equation.value)
        return list(outcomes(self.obligations, point))


def _needs_digits(fn: Function) -> bool:
    return not row_holds_in_field(fn) and row_holds_in_digits(fn)
