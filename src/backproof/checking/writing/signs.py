"""How each verdict shows: a sign, a word and a colour, never colour alone; which quantity and equation has which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backproof.backprop.trace import Step, Trace
from backproof.checking.checked import Checked
from backproof.checking.findings import Finding, Judged, Verdict
from backproof.ir.expr import Partial
from backproof.ir.traverse import names
from backproof.render.outline_parts import base_id


@dataclass(frozen=True, slots=True)
class Sign:
    """How a verdict shows.

    Args:
        mark: one character.
        style: the name of a style, in a terminal as on a page.
    """

    mark: str
    style: str


SIGNS: Mapping[Verdict, Sign] = {
    Verdict.RIGHT: Sign("✓", "right"),
    Verdict.WRONG: Sign("✗", "wrong"),
    Verdict.NOT_INFORMATIVE: Sign("?", "unsure"),
    Verdict.NOT_SEEN: Sign("·", "absent"),
}

LEGEND: Mapping[Verdict, str] = {
    Verdict.RIGHT: "right",
    Verdict.WRONG: "wrong",
    Verdict.NOT_INFORMATIVE: "cannot be told here",
    Verdict.NOT_SEEN: "not looked at",
}
"""What the signs mean, in the fewest words."""


TOLD = frozenset({"unexplained", "loss-differs", "not-finite"})
"""Kinds of finding whose sentence has the numbers in it."""


def verdicts(report: Checked) -> Mapping[str, Verdict]:
    """The verdict of every quantity that has one; the equation that a finding blames is wrong."""
    found = {judged.id: judged.verdict for judged in report.judged}
    blamed = {finding.equation: Verdict.WRONG for finding in report.findings if finding.equation}
    return {**found, **blamed}


def numbers_of(report: Checked, finding: Finding) -> tuple[Judged, ...]:
    """The quantities whose numbers show a fault: the one it is about, otherwise what is made from that and is wrong.

    What another finding is about is left to that one, where something else shows this one.
    """
    if finding.kind in TOLD:
        return ()
    judged = {j.id: j for j in report.judged if j.verdict is Verdict.WRONG and j.deviation is not None}
    if finding.equation in judged:
        return (judged[finding.equation],)
    others = {other.equation for other in report.findings if other is not finding}
    made = [judged[id] for id in _made_from(report, finding.equation) if id in judged]
    return tuple(j for j in made if j.id not in others) or tuple(made)


def target_id(step: Step, trace: Trace) -> str:
    """The quantity of the joint program that a step gives: ``grad_W_1`` for ∂L/∂W_1; empty where it gives none."""
    id = base_id(step.target)
    if isinstance(step.target, Partial):
        return trace.gradients.get(id, "")
    return id


def equation_number(trace: Trace, id: str) -> int:
    """The number of a quantity's equation where the derivation is read in matrices; 0 where it has none."""
    return next((step.number for step in reversed(trace.steps) if target_id(step, trace) == id), 0)


def equation_words(trace: Trace, id: str) -> str:
    """What to call the equation.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> equation_words(backpropagate(bp.mlp(3, 2, 1)), "delta_1")
        'Equation (9) of the derivation in matrices'
    """
    number = equation_number(trace, id)
    return f"Equation ({number}) of the derivation in matrices" if number else "The equation of the derivation"


def _made_from(report: Checked, id: str) -> Iterator[str]:
    """The quantities that are made from this one, in the order of computation."""
    reached = {id}
    for equation in report.trace.joint.equations:
        if names(equation.value) & reached:
            reached.add(equation.name.id)
            yield equation.name.id
