"""Proving a derivation: every step tested, the gradients together, and the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backproof.backprop.trace import Step, Trace
from backproof.proof.certificate import METHODS, NOTHING, Certificate, Method, StepProof
from backproof.proof.identity import obligations_of
from backproof.proof.modular import P
from backproof.proof.numbers import ManyDigits, NumberProof, compare_numbers, reference_for, true_values
from backproof.proof.obligations import Fact, subject
from backproof.proof.samples import finite_place, small_sizes
from backproof.proof.slopes import SlopeProof, compare_slopes
from backproof.proof.verdicts import Verdict, tested

DEEPER = (200, 1000)
"""How many digits are tried where those asked for do not do."""


def prove(
    trace: Trace,
    *,
    points: int = 3,
    seed: int = 0,
    digits: int = 50,
    dtypes: Sequence[str] = ("float64", "float32"),
    seconds: float = 3,
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
    drawn, verdicts = tested(trace, obligations, points, seed, digits)
    steps = tuple(
        _step_proof(step, [v for v in verdicts if v.step == step.number], drawn.covered) for step in trace.steps
    )
    whole = _whole_proof(trace, [v for v in verdicts if v.step is None], drawn.covered)
    numbers = _Numbers({}, NOTHING)
    if all(verdict.holds for verdict in verdicts if isinstance(verdict.obligation, Fact)):
        numbers = _compared(trace, digits, seed, dtypes, seconds)
    return Certificate(
        about=trace.loss.id,
        steps=steps,
        whole=whole,
        numbers=numbers.numbers,
        slopes=numbers.slopes,
        prime=P,
        points=drawn.covered,
        one_sided=drawn.one_sided,
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


# --- one step ---------------------------------------------------------------------------------------------------------


def _step_proof(step: Step, verdicts: Sequence[Verdict], covered: int) -> StepProof:
    return _proof(step.number, subject(step.target), step.rule, step.equation, verdicts, covered)


def _whole_proof(trace: Trace, verdicts: Sequence[Verdict], covered: int) -> StepProof:
    return _proof(None, "all gradients together", "forward mode", trace.loss.id, verdicts, covered)


def _proof(
    number: int | None, about: str, rule: str, equation: str, verdicts: Sequence[Verdict], covered: int
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
    inputs = finite_place(trace.source, sizes, seed) or finite_place(trace.program, sizes, seed)
    if inputs is None:
        return _Numbers(sizes, NOTHING)
    exact = reference_for(trace, sizes, digits, seconds)
    truth = true_values(trace, inputs, exact)
    numbers = tuple(proof for dtype in dtypes for proof in compare_numbers(trace, truth, dtype))
    for more in DEEPER if isinstance(exact, ManyDigits) else ():
        # A definition such as 1 + erf(x) may cancel all digits that there are: wrong is what fails with any number.
        if not all(number.holds for number in numbers):
            truth = true_values(trace, inputs, ManyDigits(more, sizes))
            numbers = tuple(proof for dtype in dtypes for proof in compare_numbers(trace, truth, dtype))
    slopes = tuple(compare_slopes(trace, truth, np.random.default_rng(seed)))
    return _Numbers(sizes, exact.label, numbers, slopes)
