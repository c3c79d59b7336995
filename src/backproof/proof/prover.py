"""Proving a derivation: every step tested, the gradients together, and the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Step, Trace
from backproof.ir.arithmetic import NumpyArithmetic
from backproof.ir.evaluate import Evaluator, evaluate_program
from backproof.ir.expr import Function, Name, zeros
from backproof.ir.program import Equation, Program, RowsSumToOne
from backproof.proof.certificate import METHODS, Certificate, Method, StepProof
from backproof.proof.identity import at_points, degree_place, obligations_of, outcomes
from backproof.proof.modular import P
from backproof.proof.numbers import (
    NumberProof,
    SlopeProof,
    compare_numbers,
    compare_slopes,
    reference_for,
    true_values,
)
from backproof.proof.obligations import Fact, Identity, Law, Obligation, subject
from backproof.proof.precise import PreciseArithmetic, PrecisePoint
from backproof.proof.rows import functions_in, row_holds_in_digits, row_holds_in_field
from backproof.proof.samples import sample, small_sizes

MOST_SEEDS = 10
"""At how many places finite numbers are looked for."""

DEEP_DIGITS = 200
"""Digits of the fallback: adjoints of a deep network may be as small as 1e-150 and must still be compared."""

PLACES = 2
"""At how many places the fallback looks."""

LARGE = 1e6
"""A program is looked at where its quantities are below this, if there is such a place."""


def prove(
    trace: Trace,
    *,
    points: int = 3,
    seed: int = 0,
    digits: int = 50,
    dtypes: Sequence[str] = ("float64", "float32"),
    seconds: float = 20,
) -> Certificate:
    """Each step holds identically; ⟨∇L, V⟩ = dL(V); the numbers agree with many digits.

    Args:
        trace: the derivation.
        points: how many random points each identity is tested at; the chance of error falls by as many powers.
        seed: other points for another seed.
        digits: how many decimal digits values are compared to.
        dtypes: the floating-point types whose evaluation is looked at.
        seconds: how long an evaluation to many digits may take, roughly; a longer one is replaced by extended floats.

    Returns:
        What was shown. ``certificate.ok`` says whether everything holds, ``certificate.failures`` what does not.

    Raises:
        BackproofError: the program cannot be evaluated anywhere.

    Source:
        Schwartz, Fast probabilistic algorithms for verification of polynomial identities (1980); Higham, Accuracy and
        Stability of Numerical Algorithms (2002).

    Example:
        >>> from backproof.backprop.sweep import backpropagate
        >>> from backproof.networks import mlp
        >>> certificate = prove(backpropagate(mlp(3, 2, 1)))
        >>> certificate.ok, len(certificate.steps), certificate.bound < 1e-15
        (True, 10, True)
    """
    obligations = obligations_of(trace)
    covered, verdicts = _tested(trace, obligations, points, seed, digits)
    steps = tuple(_step_proof(step, [v for v in verdicts if v.step == step.number], covered) for step in trace.steps)
    whole = _whole_proof(trace, [v for v in verdicts if v.step is None], covered)
    numbers = _Numbers({}, "nothing")
    if all(verdict.holds for verdict in verdicts if isinstance(verdict.obligation, Fact)):
        numbers = _compared(trace, digits, seed, dtypes, seconds)
    return Certificate(
        about=trace.loss.id,
        steps=steps,
        whole=whole,
        numbers=numbers.numbers,
        slopes=numbers.slopes,
        prime=P,
        points=covered,
        seed=seed,
        digits=digits,
        reference=numbers.reference,
        sizes=numbers.sizes,
        steps_of=_steps_of(trace),
    )


def _steps_of(trace: Trace) -> Mapping[str, int]:
    """The step that gives each name."""
    found: dict[str, int] = {}
    for step in trace.steps:
        target = subject(step.target)
        found[target] = step.number
        for id, gradient in trace.gradients.items():
            if target == f"∂{trace.loss.id}/∂{id}":
                found[gradient] = step.number
    return found


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of one obligation."""

    obligation: Fact | Identity | Law
    holds: bool
    method: Method
    degree: float = 0.0

    @property
    def step(self) -> int | None:
        return self.obligation.step


def _tested(
    trace: Trace, obligations: Sequence[Obligation], points: int, seed: int, digits: int
) -> tuple[int, list[_Verdict]]:
    """What becomes of each obligation, and at how many points either side of every comparison was tested."""
    drawn, found = at_points(trace, obligations, points, seed)
    degrees = iter(outcomes(obligations, degree_place(trace.program, drawn.points[-1].evaluator.sizes)))
    by_digits = _ManyDigitOutcomes(trace, obligations, seed, digits)
    verdicts: list[_Verdict] = []
    position = 0
    for obligation in obligations:
        match obligation:
            case Fact():
                verdicts.append(_Verdict(obligation, obligation.holds, "definition"))
            case Identity() | Law():
                here = [outcome[position] for outcome in found]
                verdict = _verdict(trace, obligation, here, next(degrees), digits)
                if not verdict.holds and by_digits.holds(position):
                    verdict = _Verdict(obligation, True, "many digits")
                verdicts.append(verdict)
                position += 1
            case _:
                pass
    return drawn.covered, verdicts


def _verdict(
    trace: Trace, obligation: Identity | Law, here: list[tuple[bool, ...]], degrees: tuple[float, ...], digits: int
) -> _Verdict:
    if isinstance(obligation, Identity):
        holds = any(all(outcome[k] for outcome in here) for k in range(len(obligation.rights)))
        return _Verdict(obligation, holds, "field identity", max(degrees))
    by_value, by_slope = (all(outcome[k] for outcome in here) for k in (0, 1))
    if by_value or not by_slope:
        return _Verdict(obligation, by_value, "field identity", degrees[0])
    holds = _values_agree(trace, obligation, digits)
    return _Verdict(obligation, holds, "equal derivatives and one value", degrees[1])


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
        inputs = _finite_place(self.trace, point.evaluator.sizes, seed)
        if inputs is None:
            return []
        point.env.update({id: point.arithmetic.array(value) for id, value in inputs.items()})
        for equation in self.trace.program.equations:
            point.env[equation.name.id] = point(equation.value)
        return list(outcomes(self.obligations, point))


def _needs_digits(fn: Function) -> bool:
    return not row_holds_in_field(fn) and row_holds_in_digits(fn)


# --- one step ---------------------------------------------------------------------------------------------------------


def _step_proof(step: Step, verdicts: Sequence[_Verdict], covered: int) -> StepProof:
    return _proof(step.number, subject(step.target), step.rule, step.equation, verdicts, covered)


def _whole_proof(trace: Trace, verdicts: Sequence[_Verdict], covered: int) -> StepProof:
    return _proof(None, "all gradients together", "forward mode", trace.loss.id, verdicts, covered)


def _proof(
    number: int | None, about: str, rule: str, equation: str, verdicts: Sequence[_Verdict], covered: int
) -> StepProof:
    complaints = tuple(dict.fromkeys(v.obligation.sentence for v in verdicts if not v.holds))
    used = {verdict.method for verdict in verdicts}
    method: Method = next((m for m in reversed(METHODS) if m in used), "definition")
    degree = max((verdict.degree for verdict in verdicts), default=0.0)
    bound = None if method == "many digits" else min(1.0, degree / P) ** covered
    return StepProof(number, about, rule, equation, not complaints, method, degree, covered, bound, complaints)


# --- numbers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What was found of the numbers."""

    sizes: Mapping[str, int]
    reference: str
    numbers: tuple[NumberProof, ...] = ()
    slopes: tuple[SlopeProof, ...] = ()


def _compared(trace: Trace, digits: int, seed: int, dtypes: Sequence[str], seconds: float) -> _Numbers:
    sizes = small_sizes(trace.program)
    inputs = _finite_place(trace, sizes, seed)
    if inputs is None:
        return _Numbers(sizes, "nothing")
    exact = reference_for(trace, sizes, digits, seconds)
    truth = true_values(trace, inputs, exact)
    numbers = tuple(proof for dtype in dtypes for proof in compare_numbers(trace, truth, dtype))
    slopes = tuple(compare_slopes(trace, truth, np.random.default_rng(seed)))
    return _Numbers(sizes, exact.label, numbers, slopes)


def _finite_place(trace: Trace, sizes: Mapping[str, int], seed: int) -> Mapping[str, npt.NDArray[Any]] | None:
    """Inputs, as float32 holds them exactly, at which every quantity is a number, and none of them huge.

    Positive ones are tried where others give no number, for logarithms and roots of what is given.
    """
    evaluator = Evaluator(NumpyArithmetic("float64"), sizes)
    for limit in (LARGE, np.inf):
        for attempt in range(MOST_SEEDS):
            random = np.random.default_rng([seed, attempt])
            inputs = sample(trace.program, sizes, random, "float32", positive=attempt >= MOST_SEEDS // 2)
            given = {id: value.astype(np.float64) for id, value in inputs.items()}
            with np.errstate(all="ignore"):
                values = evaluate_program(trace.program, given, evaluator)
            if all(bool(np.all(np.abs(value) < limit)) for value in values.values()):
                return inputs
    return None
